"""The weight mirror: noise runs through a layer, and the feedback weights learn from what comes out which weights it has."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive
from nnbrain.learning._learned_feedback import LearnedFeedback
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class WeightMirror(LearnedFeedback):
    """Feedback weights that learn to be the forward weights: ΔB = η (⟨c ξᵀ⟩ − λ B), where noise ξ of size σ drives c = W ξ.

    As ⟨c ξᵀ⟩ = σ² W on average, B comes to σ²/λ · W, without either direction of a connection reading the other; it goes on
    fluctuating about it, the less the lower the learning rate. Forward weights learn with feedback alignment's estimate meanwhile.
    Noise takes turns with the inputs: at each call every unit's inputs are silenced and driven by independent Gaussian noise, as
    often as there are trials in the batch; biases and activation functions play no part in it.

    Parameters
    ----------
    network : nn.Module
        As for `FeedbackAlignment`.
    objective : Objective
    noise : float
        σ, positive.
    decay : float
        λ, from 0 up.
    scale : float, optional
        Of the initial B, as for `FeedbackAlignment`.
    generator : torch.Generator, optional
        Draws the initial B and the noise ξ (on the CPU), and the network's own noise if it has some.

    Attributes
    ----------
    feedback : list of nn.Parameter
        B of each layer after the first one that is taught; they are among `parameters`.

    Raises
    ------
    TypeError, ValueError
        As for `FeedbackAlignment`; also if the noise is not positive or the decay negative.

    Source: Primer, section 5.3; Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019.

    Examples
    --------
    >>> rule = WeightMirror(MLP([64, 128, 10]), cross_entropy, noise=1.0, decay=1.0)  # B → W
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        noise: float = 1.0,
        decay: float = 1.0,
        scale: float | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, decay=decay, scale=scale, generator=generator)
        self.noise = positive(noise, "noise")

    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor | None]]:
        """The objective; feedback alignment's estimate; then λ B − ⟨c ξᵀ⟩."""
        value, estimates = super().estimate(batch)
        return value, [
            *estimates,
            *(self.decay * B - self._mirrored(W, len(batch)) for W, B in self.pathways().values()),
        ]

    def _mirrored(self, W: Tensor, trials: int) -> Tensor:
        """⟨c ξᵀ⟩ in the shape of W. A convolutional unit is driven at one place: its weights are the same everywhere."""
        V = W.flatten(1)
        xi = self.noise * torch.randn(trials, V.shape[1], generator=self.generator).to(V)
        c = xi @ V.T
        return (c.T @ xi / trials).view_as(W)
