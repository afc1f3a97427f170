"""Equilibrium propagation: nudge the outputs of a network at rest, and the difference in its activity holds the gradient."""

from torch import Generator, Tensor, nn

from nnbrain.arguments import number
from nnbrain.learning._phases import TwoPhases
from nnbrain.networks.layered import State
from nnbrain.objectives import Objective


class EquilibriumPropagation(TwoPhases):
    """The gradient at rest, from two states of rest: ĝ = [∂E/∂θ(β) − ∂E/∂θ(0)] / β, where ∂E/∂W_l = −γ^{l−L} r_l r_{l−1}ᵀ.

    At β the network rests with its outputs pulled, by β (target − y), so that E + β L falls. As β → 0 the estimate becomes the
    gradient of the objective at the network's own equilibrium, all effects of feedback included. The error is proportional to β;
    with a second nudge of −β, ĝ = [∂E/∂θ(β) − ∂E/∂θ(−β)] / 2β, it is proportional to β².

    The target is y − ∂L/∂y at the free phase, which for the squared error is the batch's own: one kind of nudge does for all
    objectives, and the limit stays the same. Where feedback is so strong that several states rest, a nudge can tip a trial from one
    into another; the estimate is then far off, and only a smaller nudge helps.

    Parameters
    ----------
    network : ContinuousHopfield
    objective : Objective
    nudge : float
        β > 0; below 1 if symmetric. The rates of the phases differ by about β, so keep the tolerance far below it; of the
        estimate in single precision about 10⁻⁷/β is rounding.
    symmetric : bool
        Whether to nudge both ways.
    steps : int
        Of each relaxation, at most.
    tolerance : float
        A phase ends when no rate changes by more than this in a sweep.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    TypeError
        If the network is another, or the objective is missing.
    ValueError
        If a number is out of its range, or the weights are frozen or made of other parameters.

    Source: Scellier & Bengio 2017; Laborieux et al. 2021 (symmetric).

    Examples
    --------
    >>> net = ContinuousHopfield([64, 32, 10])
    >>> loss = EquilibriumPropagation(net, squared_error)(batch)  # now .grad is nearly the gradient
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        nudge: float = 0.1,
        symmetric: bool = True,
        steps: int = 500,
        tolerance: float = 1e-6,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, steps=steps, tolerance=tolerance, generator=generator)
        most = 1.0 if symmetric else float("inf")
        if not 0 < number(nudge) < most:
            raise ValueError(f"nudge is a strength between 0 and {most:g}, got {nudge!r}.")
        self.nudge, self.symmetric = number(nudge), symmetric

    def contrast(self, x: Tensor, target: Tensor, free: State) -> list[Tensor]:
        """[∂E/∂θ(β) − ∂E/∂θ(0)] / β, or from −β to β."""
        beta, gradient = self.nudge, self.network.energy_gradient
        pulled, other, distance = self.rest(x, (target, beta), free), free, beta
        if self.symmetric:
            other, distance = self.rest(x, (target, -beta), free), 2 * beta
        return [(a - b) / distance for a, b in zip(gradient(pulled, x), gradient(other, x), strict=True)]
