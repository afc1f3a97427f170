"""Kolen and Pollack's rule: both directions of a connection change alike and decay, and so become the same."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.learning._learned_feedback import LearnedFeedback
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class KolenPollack(LearnedFeedback):
    """Feedback weights that learn: ΔW = −η (ĝ + λ W), ΔB = −η (ĝ + λ B), with feedback alignment's ĝ.

    Both ends of a connection have what ĝ = δ rᵀ needs, so no weight is transported. What they differ by shrinks whatever is
    learned: W − B becomes (1 − ηλ)(W − B) with each step. This is exact for plain gradient descent, `default_optimizer`; with
    momentum W − B still follows a linear equation of its own and dies out (at ηλ / (1 − μ) a step, if that is small). Optimizers
    that divide each gradient by its size, as Adam does, do not keep it.

    Parameters
    ----------
    network : nn.Module
        As for `FeedbackAlignment`.
    objective : Objective
    decay : float
        λ, from 0 up, of the weights in both directions; the first layer, which sends nothing back, does not decay.
    scale : float, optional
        Of the initial B, as for `FeedbackAlignment`.
    generator : torch.Generator, optional
        Draws the initial B (on the CPU), and later the network's noise if it has some.

    Attributes
    ----------
    feedback : list of nn.Parameter
        B of each layer after the first one that is taught; they are among `parameters`.

    Raises
    ------
    TypeError, ValueError
        As for `FeedbackAlignment`; also if the decay is negative, or weights with feedback are frozen or parametrized.

    Source: Primer, section 5.3; Kolen & Pollack 1994; Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019.

    Examples
    --------
    >>> rule = KolenPollack(MLP([64, 128, 10]), cross_entropy, decay=1e-3)
    >>> len(rule.parameters())  # two weights, two biases and one B
    5
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        decay: float = 1e-3,
        scale: float | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, decay=decay, scale=scale, generator=generator)
        taught = self.network_parameters()
        for name in self.returning:
            if not any(self.layers[name].weight is p for p in taught):
                raise ValueError(
                    f"KolenPollack changes W and B alike, but the weights of {name!r} are frozen or made of other parameters."
                )

    def default_optimizer(self) -> torch.optim.Optimizer:
        """Plain gradient descent with rate η = 0.1, under which W − B shrinks by 1 − ηλ a step."""
        return torch.optim.SGD(self.parameters(), lr=0.1)

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor | None]]:
        """The objective; ĝ, with λ W where there is a B; then ĝ + λ B."""
        value, estimates = super().estimate(batch)
        by_weight = dict(zip(self.network_parameters(), estimates, strict=True))
        backward = []
        for name, B in zip(self.returning, self.feedback, strict=True):
            W = self.layers[name].weight
            g = 0 if by_weight[W] is None else by_weight[W]  # None: nothing depends on it
            by_weight[W] = g + self.decay * W
            backward.append(g + self.decay * B)
        return value, [*by_weight.values(), *backward]
