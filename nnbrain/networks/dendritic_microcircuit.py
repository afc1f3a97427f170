"""The dendritic microcircuit: lateral inhibition cancels what apical dendrites hear from above, and what remains is an error."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive, positive_integer
from nnbrain.networks.dendritic import Conductances, Dendritic, Parts
from nnbrain.networks.initialization import initialize
from nnbrain.networks.mlp import MLP


class Potentials(NamedTuple):
    """The potentials of a microcircuit, each a tuple of tensors, trials × units.

    Parameters
    ----------
    basal, soma : tuple of Tensor
        v_k and u_k of the pyramidal neurons, layers 1 … N; the last is the output.
    apical, interneurons : tuple of Tensor
        a_k and i_k, layers 1 … N − 1.
    """

    basal: Parts
    soma: Parts
    apical: Parts
    interneurons: Parts


class DendriticMicrocircuit(Dendritic):
    """Layers of pyramidal neurons with two dendrites each, and of interneurons (SST-like) that learn to silence the apical ones.

    r_k = f(u_k),   r_0 = x;   the output layer N is linear and has no apical dendrites

    v_k = W_k r_{k−1} + b_k                       basal: from the layer below
    a_k = B_k r_{k+1} + M_k f(i_k)                apical: from the layer above, and from the interneurons of the own layer
    u_k = (g_B v_k + g_A a_k) / (g_L + g_B + g_A)          soma
    i_k = (g_D (V_k r_k + c_k) + g_S u_{k+1}) / (g_L + g_D + g_S)    interneurons, as many as there are neurons in layer k + 1
    u_N = (g_B v_N + g_T target) / (g_L + g_B + g_T)       output; without a target, g_T = 0

    These are the potentials at which all currents of a soma cancel, where the dynamics of the paper come to rest. The interneurons
    of layer k learn to say what layer k + 1 will do, from what layer k does; M_k, to cancel with it what B_k brings. Then apical
    dendrites are silent, whatever the input, until a target moves the output away from what was predicted: what they say then is
    B_k times that difference, an error. `DendriticErrors` is the rule by which all of this is learned.

    Unlike the paper we let the output be linear, so that it can be any real number, and give the neurons thresholds (biases).

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, from the input to the output: ``[64, 32, 10]`` has one hidden layer.
    activation : str or callable
        f of the hidden layers, by name or as a function of a tensor.
    feedback : {"random", "transposed"}
        B_k: fixed and drawn like the first W_{k+1}ᵀ, or W_{k+1}ᵀ itself.
    conductances : Conductances, optional
    bias : bool
        Whether there are biases b and c.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        ``layers[k - 1]`` holds W_k and b_k.
    interneurons : nn.ModuleList of nn.Linear
        ``interneurons[k - 1]`` holds V_k and c_k: from pyramidal neurons to interneurons.
    inhibition : nn.ModuleList of nn.Linear
        ``inhibition[k - 1]`` holds M_k: from interneurons to apical dendrites.
    f : nn.ModuleList of Activation

    Raises
    ------
    ValueError
        If there is no hidden layer, or the feedback is of no known kind.

    Source: Primer, section 5.3 (multi-compartmental neurons); Sacramento et al. 2018.

    Examples
    --------
    >>> net = DendriticMicrocircuit([64, 32, 10]).self_predicting()
    >>> x, target = torch.randn(5, 64), torch.randn(5, 10)
    >>> bool(net.apical(x)[0].abs().max() < 1e-5), bool(net.apical(x, target)[0].abs().max() > 1e-2)
    (True, True)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Callable[[Tensor], Tensor] = "tanh",
        *,
        feedback: str = "random",
        conductances: Conductances | None = None,
        bias: bool = True,
        generator: Generator | None = None,
    ):
        super().__init__(sizes, activation, conductances, bias, generator)
        if feedback not in ("random", "transposed"):
            raise ValueError(f"feedback is 'random' or 'transposed', got {feedback!r}.")
        self.feedback = feedback
        self.interneurons, self.inhibition = nn.ModuleList(), nn.ModuleList()
        for k, (n, m) in enumerate(pairwise(self.sizes[1:]), start=1):
            self.interneurons.append(nn.Linear(n, m, bias=bias))
            self.inhibition.append(nn.Linear(m, n, bias=False))
            initialize(self.interneurons[-1:], self.f[k], generator)
            self.inhibition[-1].weight.data.copy_(self._draw(k, generator))
            self.register_buffer(f"B_{k}", self._draw(k, generator) if feedback == "random" else None)

    def _draw(self, k: int, generator: Generator | None) -> Tensor:
        """Top-down or lateral weights, sizes[k] × sizes[k + 1], that begin like W_{k+1}ᵀ."""
        twin = nn.Linear(*self.sizes[k : k + 2], bias=False)
        initialize([twin], self.f[k], generator)
        return twin.weight.detach().T.contiguous()

    @classmethod
    def from_mlp(cls, mlp: MLP, **arguments) -> "DendriticMicrocircuit":
        """A self-predicting microcircuit that computes what an MLP does: its W and b, each over what its layer attenuates.

        Parameters
        ----------
        mlp : MLP
            With one hidden layer or more.
        **arguments
            feedback, conductances and generator, as above.

        Returns
        -------
        DendriticMicrocircuit

        Raises
        ------
        TypeError
            If it is no MLP, or one without a hidden layer.
        """
        if type(mlp) is not MLP or not len(mlp.rates):
            raise TypeError(f"from_mlp takes an MLP with one hidden layer or more, got {mlp}.")
        like = mlp.layers[0]
        net = cls(mlp.sizes, mlp.rates[0].f, bias=like.bias is not None, **arguments).to(like.weight)
        with torch.no_grad():
            for own, given, share in zip(net.layers, mlp.layers, net.attenuation(), strict=True):
                for name, value in given.named_parameters():
                    getattr(own, name).copy_(value / share)
        return net.self_predicting()

    @property
    def top_down(self) -> Parts:
        """B_k, sizes[k] × sizes[k + 1], for each hidden layer."""
        if self.feedback == "transposed":
            return tuple(layer.weight.detach().T for layer in self.layers[1:])
        return tuple(getattr(self, f"B_{k}") for k in range(1, len(self.layers)))

    def attenuation(self) -> list[float]:
        """û_k / v_k for each layer: what arrives at the soma of the potential of its basal dendrite, while all else rests."""
        g = self.conductances
        hidden = g.basal / (g.leak + g.basal + g.apical)
        return [hidden] * (len(self.layers) - 1) + [g.basal / (g.leak + g.basal)]

    @torch.no_grad()
    def self_predicting(self) -> "DendriticMicrocircuit":
        """Set the lateral weights so that, without a target, apical dendrites are silent whatever the input; return the network.

        V_k = (g_L + g_D)/g_D · û_{k+1}/v_{k+1} · W_{k+1}, c_k likewise, and M_k = −B_k.

        Returns
        -------
        DendriticMicrocircuit
            The network itself.
        """
        g = self.conductances
        shares = self.attenuation()[1:]
        for lateral, layer, share in zip(self.interneurons, self.layers[1:], shares, strict=True):
            for name, value in layer.named_parameters():
                getattr(lateral, name).copy_((g.leak + g.dendritic) / g.dendritic * share * value)
        for inhibition, B in zip(self.inhibition, self.top_down, strict=True):
            inhibition.weight.copy_(-B)
        return self

    @torch.no_grad()
    def relax(
        self, x: Tensor, target: Tensor | None = None, *, steps: int = 500, tolerance: float | None = None
    ) -> Potentials:
        """Let the potentials come to rest.

        Again and again, from the input up, each soma moves to where its currents cancel; in trials that overshoot it goes a part of
        the way, which follows from the last two steps (Aitken's method).

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        target : Tensor, optional
            Towards which the outputs' potentials are pulled, trials × sizes[-1].
        steps : int
            At most.
        tolerance : float, optional
            At rest no soma is further than this, times the largest potential, from where its currents cancel; by default
            10⁻⁵, or 10⁻¹¹ in double precision.

        Returns
        -------
        Potentials

        Raises
        ------
        TypeError, ValueError
            If x or the target does not fit, or a number is out of its range.
        RuntimeError
            If the potentials do not come to rest.
        FloatingPointError
            If the input, the target or the weights are NaN or infinite.
        """
        self._check(x, target)
        steps = positive_integer(steps, "steps")
        double = x.dtype == torch.float64
        tolerance = (1e-11 if double else 1e-5) if tolerance is None else positive(tolerance, "tolerance")
        soma, part, last = torch.cat(self._rise(x)[0], 1), x.new_ones(len(x), 1), None
        for _ in range(steps):
            state = self._sweep(x, target, soma.split(self.sizes[1:], 1))
            move = torch.cat(state.soma, 1) - soma
            if move.abs().max() <= tolerance * soma.abs().max().clamp(min=1):
                return state
            if last is not None:
                turn = move - last
                best = -part * (last * turn).sum(1, keepdim=True) / turn.square().sum(1, keepdim=True)
                part = best.nan_to_num(1.0).clamp(0.05, 1)
            soma, last = soma + part * move, move
        if not all(torch.isfinite(given).all() for given in (x, target, *self.parameters()) if given is not None):
            raise FloatingPointError("the inputs, the target or the weights are NaN or infinite: look for such values.")
        raise RuntimeError(
            f"the potentials have not come to rest after {steps} steps (a soma is {float(move.abs().max()):.2g} from where its "
            "currents cancel): the lateral and top-down weights are too large."
        )

    def forward(self, x: Tensor) -> Tensor:
        """The outputs at rest, without a target. There are no gradients: the network is at rest, and its rule is local.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].

        Returns
        -------
        Tensor
            u_N, trials × sizes[-1].
        """
        return self.outputs(self.relax(x))

    def apical(self, x: Tensor, target: Tensor | None = None) -> Parts:
        """The apical potentials a_k at rest, one tensor for each hidden layer: with a target minus without, the error.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        target : Tensor, optional
            trials × sizes[-1].

        Returns
        -------
        tuple of Tensor
            trials × units each.
        """
        return self.relax(x, target).apical

    @torch.no_grad()
    def errors(self, state: Potentials, free: Potentials | None = None) -> Parts:
        """How much more each neuron fires than its basal dendrite predicts: f(u_k) − f(û_k), û_k being v_k, attenuated.

        Parameters
        ----------
        state : Potentials
            With a target.
        free : Potentials, optional
            Not used: the prediction is at hand in the neuron.

        Returns
        -------
        tuple of Tensor
            One for each layer, trials × units.
        """
        layers = zip(self.f, state.soma, state.basal, self.attenuation(), strict=True)
        return tuple(f(u) - f(share * v) for f, u, v, share in layers)

    def amplification(self) -> list[float]:
        """For each layer, by how much its errors are to be multiplied to make up for what is lost on their way down.

        With B = Wᵀ, weak nudging and self-prediction, −(errors × amplification) rᵀ is then the gradient.
        """
        g, shares = self.conductances, self.attenuation()
        arriving = g.target / (g.leak + g.basal + g.target)  # of −∂L/∂y, at the output
        passed = g.apical / (g.leak + g.basal + g.apical) * (1 - g.somatic / (g.leak + g.dendritic + g.somatic))
        factors = [shares[-1] / arriving]
        for share, above in zip(reversed(shares[:-1]), reversed(shares[1:]), strict=True):
            arriving *= passed / above
            factors.insert(0, share / arriving)
        return factors

    def _sweep(self, x: Tensor, target: Tensor | None, soma: Sequence[Tensor]) -> Potentials:
        """Where each soma's currents cancel, from the input up, given the potentials above."""
        g, inter = self.conductances, self._interneurons(soma)
        basal, apical, new, r = [], [], [], x
        for layer, f in zip(self.layers, self.f, strict=True):
            k = len(new)
            basal.append(layer(r))
            current, conductance = g.basal * basal[k], g.leak + g.basal
            if k < len(inter):
                above = self.f[k + 1]
                apical.append(above(soma[k + 1]) @ self.top_down[k].T + self.inhibition[k](above(inter[k])))
                current, conductance = current + g.apical * apical[k], conductance + g.apical
            elif target is not None:
                current, conductance = current + g.target * target, conductance + g.target
            new.append(current / conductance)
            r = f(new[k])
        return Potentials(tuple(basal), tuple(new), tuple(apical), inter)

    def _interneurons(self, soma: Sequence[Tensor]) -> Parts:
        """i_k, between what they predict and what the neurons above do."""
        g = self.conductances
        conductance = g.leak + g.dendritic + g.somatic
        layers = zip(self.interneurons, self.f, soma[:-1], soma[1:], strict=False)
        return tuple((g.dendritic * lateral(f(u)) + g.somatic * above) / conductance for lateral, f, u, above in layers)
