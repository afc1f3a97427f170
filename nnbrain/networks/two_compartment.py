"""The two-compartment network: neurons whose apical dendrites hear the output, and answer with a plateau potential."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from nnbrain.networks.activations import with_slope
from nnbrain.networks.dendritic import Conductances, Dendritic, Parts


class Phase(NamedTuple):
    """The potentials in one phase, each a tuple of tensors, trials × units.

    Parameters
    ----------
    soma : tuple of Tensor
        u_k, layers 1 … N; the last is the output.
    plateaus : tuple of Tensor
        α_k, layers 1 … N − 1.
    """

    soma: Parts
    plateaus: Parts


class TwoCompartmentNetwork(Dendritic):
    """Layers of neurons whose apical dendrites hear the output through fixed random weights, apart from the soma.

    r_k = f(u_k),   r_0 = x,   u_k = g_B (W_k r_{k−1} + b_k) / (g_L + g_B);   the output layer N is linear

    u_N = (g_B v_N + g_T target) / (g_L + g_B + g_T)       output, while there is a target
    α_k = σ(Y_k u_N),   σ(a) = 1/(1 + e^{−a})              plateau potentials of the hidden layers

    A trial has two phases. In the forward phase the input alone drives the network; in the target phase the output is pulled to its
    target. At the end of each an apical dendrite answers with a plateau that depends on what it has heard during that phase; the
    difference of the two plateaus, α_k(target) − α_k(forward), tells the neuron in which direction to change. Dendrites are so far
    from the soma that they do not change what it does: hidden rates are the same in both phases.

    The paper's neurons spike, so that the apical potentials are averaged over each phase, and its plateaus do reach the soma a
    little; here rates are at rest, and their average over a phase is what they are. For weak feedback σ′ = ¼ and the rule
    `DendriticErrors` makes of it direct feedback alignment.

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, from the input to the output: ``[64, 32, 10]`` has one hidden layer.
    activation : str or callable
        f of the hidden layers, by name or as a function of a tensor.
    conductances : Conductances, optional
        Of which leak, basal and target play a part.
    bias : bool
        Whether there are biases b.
    generator : torch.Generator, optional
        Draws all weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        ``layers[k - 1]`` holds W_k and b_k.
    f : nn.ModuleList of Activation

    Raises
    ------
    ValueError
        If there is no hidden layer.

    Source: Primer, section 5.3 (multi-compartmental neurons); Guerguiev, Lillicrap & Richards 2017.

    Examples
    --------
    >>> net = TwoCompartmentNetwork([64, 32, 10])
    >>> x, target = torch.randn(5, 64), torch.randn(5, 10)
    >>> before, after = net.relax(x), net.relax(x, target)
    >>> (after.plateaus[0] - before.plateaus[0]).shape
    torch.Size([5, 32])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Callable[[Tensor], Tensor] = "sigmoid",
        *,
        conductances: Conductances | None = None,
        bias: bool = True,
        generator: Generator | None = None,
    ):
        super().__init__(sizes, activation, conductances, bias, generator)
        outputs = self.sizes[-1]
        for k, units in enumerate(self.sizes[1:-1], start=1):
            self.register_buffer(f"Y_{k}", torch.randn(units, outputs, generator=generator) / outputs**0.5)

    @property
    def top_down(self) -> Parts:
        """Y_k, sizes[k] × sizes[-1], for each hidden layer."""
        return tuple(getattr(self, f"Y_{k}") for k in range(1, len(self.layers)))

    def attenuation(self) -> list[float]:
        """u_k / v_k for each layer: what arrives at the soma of the potential of its basal dendrite."""
        g = self.conductances
        return [g.basal / (g.leak + g.basal)] * len(self.layers)

    @torch.no_grad()
    def relax(self, x: Tensor, target: Tensor | None = None) -> Phase:
        """The potentials at rest, at the end of the forward phase, or with a target, of the target phase.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        target : Tensor, optional
            Towards which the outputs' potentials are pulled, trials × sizes[-1].

        Returns
        -------
        Phase

        Raises
        ------
        TypeError, ValueError
            If x or the target does not fit.
        """
        self._check(x, target)
        soma, basal = self._rise(x)
        if target is not None:
            g = self.conductances
            soma[-1] = (g.basal * basal[-1] + g.target * target) / (g.leak + g.basal + g.target)
        return Phase(tuple(soma), tuple(torch.sigmoid(soma[-1] @ Y.T) for Y in self.top_down))

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of the forward phase, u_N, trials × sizes[-1].

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        """
        return self.feedforward(x)

    def errors(self, state: Phase, free: Phase) -> Parts:
        """What each layer learns from: f′(u_k) ∘ [α_k(target) − α_k(forward)], and at the output u_N(target) − u_N(forward).

        Parameters
        ----------
        state : Phase
            The target phase.
        free : Phase
            The forward phase.

        Returns
        -------
        tuple of Tensor
            One for each layer, trials × units.
        """
        layers = zip(self.f, free.soma, state.plateaus, free.plateaus, strict=False)
        hidden = tuple(with_slope(f, u)[1] * (after - before) for f, u, after, before in layers)
        return (*hidden, state.soma[-1] - free.soma[-1])

    def amplification(self) -> list[float]:
        """For each layer, by how much its errors are to be multiplied to make up for what is lost on their way.

        With weak nudging, those of the output are then minus the gradient; with weak feedback, where σ′ = ¼, those of the
        others are direct feedback alignment's.
        """
        g = self.conductances
        share, arriving = g.basal / (g.leak + g.basal), g.target / (g.leak + g.basal + g.target)
        return [4 * share / arriving] * (len(self.layers) - 1) + [share / arriving]
