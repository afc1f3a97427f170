"""What the rules that compare two states of rest have in common: a free one, and one in which the outputs are pulled."""

from abc import abstractmethod

from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive_integer
from nnbrain.learning._outputs import at_outputs, check_plain_weights, check_teachable
from nnbrain.learning.base import Rule
from nnbrain.networks import ContinuousHopfield
from nnbrain.networks.layered import State
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class TwoPhases(Rule):
    """Let the network rest freely, pull its outputs towards less of the objective, and compare what Hebb's rule makes of both.

    The target is y − ∂L/∂y, y being the outputs in the free phase: for the squared error, the batch's own. Other phases start
    from the free one. A subclass gives `contrast`. What an objective says of the weights themselves (a penalty) is added.

    Parameters
    ----------
    network : ContinuousHopfield
    objective : Objective
        A function of the outputs.
    steps : int
        Of each relaxation, at most.
    tolerance : float
        A phase ends when no rate changes by more than this in a sweep.
    generator : torch.Generator, optional
        Not used: nothing here is random.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        steps: int = 500,
        tolerance: float = 1e-6,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        name = type(self).__name__
        if not isinstance(network, ContinuousHopfield):
            raise TypeError(
                f"{name} teaches a ContinuousHopfield network, which has an energy; got {type(network).__name__}."
            )
        check_teachable(self)
        check_plain_weights(self)
        self.steps, self.tolerance = positive_integer(steps, "steps"), at_least_zero(tolerance, "tolerance")

    @abstractmethod
    def contrast(self, x: Tensor, target: Tensor, free: State) -> list[Tensor]:
        """What a subclass defines: minus the wanted change of each of the network's parameters."""

    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The objective in the free phase, and the contrast."""
        net = self.network
        free = self.rest(batch.inputs)
        y = net.outputs(free)
        values, slopes, direct = at_outputs(self.objective, y, batch, net, self.parameters())
        contrast = self.contrast(batch.inputs, y - slopes, free)
        taught = [c for c, p in zip(contrast, self._network_parameters, strict=True) if p.requires_grad]
        return values.mean(), [c + d for c, d in zip(taught, direct, strict=True)]

    def rest(self, x: Tensor, nudge: tuple[Tensor, float] | None = None, state: State | None = None) -> State:
        """Where the network rests; see `ContinuousHopfield.relax`."""
        return self.network.relax(x, nudge, state=state, steps=self.steps, tolerance=self.tolerance)
