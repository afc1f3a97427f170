"""Learning in a predictive-coding network: first infer, then change each weight by the activity at its two ends."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, number, positive_integer
from nnbrain.learning.base import Rule
from nnbrain.networks import PredictiveCodingNetwork
from nnbrain.objectives import one_hot
from nnbrain.tasks import Batch


class PredictiveCoding(Rule):
    """Hebbian learning of predictions, at rest: ΔU_l ∝ −∂E/∂U_l = π_l (f′ ∘ ε_{l−1}) r_lᵀ, averaged over trials.

    The change of a weight is the product of the rate of the unit that predicts and of what the error unit that it predicts sends
    up: both are at hand at the synapse. Nothing is propagated back. As the rates are at rest, where ∂E/∂r = 0, it is the gradient
    of the energy that is left after inference.

    The rule has no objective: it returns the energy at rest, averaged over trials. Without a nudge it uses the inputs alone.

    Parameters
    ----------
    network : PredictiveCodingNetwork
    nudge : float, optional
        The strength with which the batch's targets pull the highest level, infinite to hold it there; see
        `PredictiveCodingNetwork.relax`. Integers as targets are turned into one-hot vectors.
    steps : int
        Of inference, at most.
    tolerance : float
        Inference ends when no rate changes by more than this in a step.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    TypeError
        If the network is another.
    ValueError
        If a number is out of its range, all weights are frozen, or targets are needed and a batch has none.

    Source: Primer, section 5.2 (predictive coding); Rao & Ballard 1999; Whittington & Bogacz 2017 (with targets).

    Examples
    --------
    >>> net = PredictiveCodingNetwork([256, 32])
    >>> energy = PredictiveCoding(net)(batch)  # now net.weights[0].grad is ∂E/∂U_1
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        nudge: float | None = None,
        steps: int = 200,
        tolerance: float = 1e-4,
        generator: Generator | None = None,
    ):
        super().__init__(network, generator=generator)
        if not isinstance(network, PredictiveCodingNetwork):
            raise TypeError(
                f"PredictiveCoding teaches a PredictiveCodingNetwork, which has an energy; got {type(network).__name__}."
            )
        if not self.parameters():
            raise ValueError(
                "PredictiveCoding teaches the weights U, but those of this network are frozen (requires_grad)."
            )
        if nudge is not None and not number(nudge) > 0:
            raise ValueError(
                f"nudge is a positive strength, infinite to hold the highest level, or None, got {nudge!r}."
            )
        self.nudge = nudge
        self.steps, self.tolerance = positive_integer(steps, "steps"), at_least_zero(tolerance, "tolerance")

    def parameters(self) -> list[nn.Parameter]:
        """The weights U of all levels that are not frozen."""
        return [W for W in self.network.weights if W.requires_grad]

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The energy at rest and −π_l (f′ ∘ ε_{l−1}) r_lᵀ, both averaged over trials."""
        net, x = self.network, batch.inputs
        nudge = None if self.nudge is None else (self._targets(batch), self.nudge)
        state = net.relax(x, nudge, steps=self.steps, tolerance=self.tolerance)
        estimates = []
        for level, (W, delta, r) in enumerate(zip(net.weights, net.corrections(state, x), state, strict=True), start=1):
            if W.requires_grad:
                hebbian = delta.T @ r / len(batch)  # units below × units of this level
                mask = getattr(net, f"mask_{level}")
                estimates.append(-hebbian if mask is None else -hebbian * mask)
        return net.energy(state, x, nudge).mean(), estimates

    def _targets(self, batch: Batch) -> Tensor:
        if batch.targets is None:
            raise ValueError("a nudge pulls the highest level to the batch's targets, but it has none: nudge=None.")
        top = self.network.sizes[-1]
        targets = batch.targets if batch.targets.is_floating_point() else one_hot(batch.targets, top)
        return targets.to(batch.inputs)
