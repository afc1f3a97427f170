"""Learning from dendrites: a neuron's own apical dendrite tells it how its basal synapses should change."""

from collections.abc import Iterable

import torch
from torch import Generator, Tensor, nn

from nnbrain.learning._outputs import at_outputs, check_plain_weights, check_teachable
from nnbrain.learning.base import Rule
from nnbrain.networks import DendriticMicrocircuit, TwoCompartmentNetwork
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class DendriticErrors(Rule):
    """Basal synapses learn from what the apical dendrite adds; lateral ones learn to leave it nothing to add.

    In a `DendriticMicrocircuit`, with a target, where û_k is what the basal dendrite alone makes of the soma,

    ΔW_k ∝ (f(u_k) − f(û_k)) r_{k−1}ᵀ

    and without one (`lateral`), where î_k is what its dendrite alone makes of an interneuron,

    ΔV_k ∝ (f(i_k) − f(î_k)) r_kᵀ       interneurons learn to predict the layer above
    ΔM_k ∝ −a_k f(i_k)ᵀ                 inhibition learns to cancel what comes from above

    each divided by 1 + ‖pre‖², averaged over trials, and ΔV_k also by what an interneuron is taught, g_S / (g_L + g_D + g_S), so
    that a rate of some tenths suits networks of any size.

    In a `TwoCompartmentNetwork` ΔW_k ∝ (f′(u_k) ∘ [α_k(target) − α_k(forward)]) r_{k−1}ᵀ. Everything is at hand at the synapse.

    The target pulls the outputs from where they are, y, to y − ∂L/∂y; for the squared error that is the batch's target itself. Each
    layer has a learning rate of its own that makes up for what is lost on the way to its dendrites
    (`DendriticMicrocircuit.amplification`). In a self-predicting microcircuit with B = Wᵀ and a weak conductance to the target
    it estimates the gradient of the objective of `DendriticMicrocircuit.feedforward`; with another B, feedback alignment's.
    A two-compartment network gives direct feedback alignment's where its feedback is weak.

    Apical dendrites must be silent without a target before they can tell of errors: let the lateral synapses learn first, and then
    faster than the others (parameter groups of an optimizer), or keep to `DendriticMicrocircuit.self_predicting`. Unlike in
    the paper they learn from the network before the target arrives, not also after.

    Parameters
    ----------
    network : DendriticMicrocircuit or TwoCompartmentNetwork
    objective : Objective, optional
        Not needed if only the lateral synapses learn.
    forward : bool
        Whether W and b learn.
    lateral : bool, optional
        Whether V, c and M learn: by default they do where there are some. Alone, without an objective, the rule returns the mean of
        ½ Σ a_k², which they are to bring to 0.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    TypeError
        If the network is another, or an objective is missing.
    ValueError
        If there is nothing to teach.

    Source: Primer, section 5.3; Framework, Figures 2, 5; Sacramento et al. 2018; Guerguiev, Lillicrap & Richards 2017.

    Examples
    --------
    >>> net = DendriticMicrocircuit([64, 32, 10])
    >>> silence = DendriticErrors(net, forward=False)(batch)  # lateral synapses only
    >>> loss = DendriticErrors(net, squared_error)(batch)  # all
    """

    def __init__(
        self,
        network: DendriticMicrocircuit | TwoCompartmentNetwork,
        objective: Objective | None = None,
        *,
        forward: bool = True,
        lateral: bool | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        if not isinstance(network, DendriticMicrocircuit | TwoCompartmentNetwork):
            raise TypeError(
                "DendriticErrors teaches a DendriticMicrocircuit or a TwoCompartmentNetwork, whose neurons have apical dendrites; "
                f"got {type(network).__name__}."
            )
        self.forward = bool(forward)
        has_lateral = isinstance(network, DendriticMicrocircuit)
        self.lateral = has_lateral if lateral is None else bool(lateral)
        if self.lateral and not has_lateral:
            raise ValueError("a TwoCompartmentNetwork has no lateral synapses to teach: lateral=False.")
        if self.forward or objective is not None:
            check_teachable(self)
            check_plain_weights(self)
        elif not self.parameters():
            raise ValueError(
                "DendriticErrors has nothing to teach here: it is frozen (requires_grad), or switched off."
            )

    def parameters(self) -> list[nn.Parameter]:
        """The forward weights and biases, the lateral ones, or both, as far as they are not frozen."""
        net = self.network
        parts = [net.layers] if self.forward else []
        parts += [net.interneurons, net.inhibition] if self.lateral else []
        return [p for part in parts for p in part.parameters() if p.requires_grad]

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The objective without a target, or the mean of ½ Σ a_k²; and minus the changes, averaged over trials."""
        net, taught = self.network, self.parameters()
        free = net.relax(batch.inputs)
        if self.objective is None:
            values = 0.5 * sum(a.square().sum(1) for a in free.apical)
            direct = [0.0] * len(taught)
        else:
            y = net.outputs(free)
            values, slopes, direct = at_outputs(self.objective, y, batch, net, taught)
        changes = self._forward_changes(batch.inputs, free, y - slopes) if self.forward else {}
        if self.lateral:
            changes |= self._lateral_changes(free)
        estimates = [own - changes[p] / len(batch) for p, own in zip(taught, direct, strict=True)]
        return values.mean(), estimates

    def _forward_changes(self, x: Tensor, free: tuple, target: Tensor) -> dict[nn.Parameter, Tensor]:
        net = self.network
        state = net.relax(x, target)
        rates = [x, *(f(u) for f, u in zip(net.f, state.soma[:-1], strict=False))]
        parts = zip(net.layers, net.errors(state, free), net.amplification(), rates, strict=True)
        return _outer((layer, factor * error, r) for layer, error, factor, r in parts)

    def _lateral_changes(self, free: tuple) -> dict[nn.Parameter, Tensor]:
        net, g, synapses = self.network, self.network.conductances, []
        taught = g.somatic / (g.leak + g.dendritic + g.somatic)  # of what an interneuron lacks
        for k, inter in enumerate(free.interneurons):
            f, r = net.f[k + 1], net.f[k](free.soma[k])
            predicted = g.dendritic / (g.leak + g.dendritic) * net.interneurons[k](r)
            synapses.append((net.interneurons[k], (f(inter) - f(predicted)) / taught * _rate(r), r))
            synapses.append((net.inhibition[k], -free.apical[k] * _rate(f(inter)), f(inter)))
        return _outer(synapses)


def _rate(pre: Tensor) -> Tensor:
    """1 / (1 + ‖r‖², averaged over trials): for strong inputs, smaller steps."""
    return 1 / (1 + pre.square().sum(1).mean())


def _outer(synapses: Iterable[tuple[nn.Linear, Tensor, Tensor]]) -> dict[nn.Parameter, Tensor]:
    """For each (layer, postsynaptic, presynaptic) the changes of its weights and biases, summed over trials."""
    changes = {}
    for layer, post, pre in synapses:
        changes[layer.weight] = post.T @ pre
        if layer.bias is not None:
            changes[layer.bias] = post.sum(0)
    return changes
