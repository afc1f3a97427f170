"""What the rules have in common whose feedback weights are taught beside the forward weights."""

from torch import Generator, nn

from nnbrain.arguments import at_least_zero
from nnbrain.learning.feedback_alignment import FeedbackAlignment
from nnbrain.objectives import Objective


class LearnedFeedback(FeedbackAlignment):
    """Feedback alignment with B among the parameters; a subclass adds their estimates, which hold a decay λ B.

    Parameters
    ----------
    network : nn.Module
    objective : Objective
    decay : float
        λ, from 0 up.
    scale : float, optional
        Of the initial B.
    generator : torch.Generator, optional
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        decay: float,
        scale: float | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, scale=scale, generator=generator)
        self.decay = at_least_zero(decay, "decay")
        self._feedback = {name: nn.Parameter(B) for name, B in self._feedback.items()}

    def parameters(self) -> list[nn.Parameter]:
        """The network's trainable parameters, then the feedback weights."""
        return super().parameters() + self.feedback
