"""What the delayed match tasks share: a sample and a test, directions on a ring of tuned channels, one after the other."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnbrain.arguments import positive, positive_integer
from nnbrain.tasks.timed import TimedTask


class DelayedMatch(TimedTask):
    """Say whether a test matches the sample before it. A subclass says with `conditions` which pairs there are and which match.

    uᵢ = exp(κ [cos(θ − θᵢ) − 1]) + noise, a ring of channels with preferred directions θᵢ

    Parameters
    ----------
    ring : int
        How many channels, θᵢ evenly spaced from 0° on.
    kappa : float
        κ: how sharply they are tuned; 2 gives a full width at half height of 98°.
    **settings
        dt, epochs, sigma, grace: see `TimedTask`.
    """

    output_names = ("fixate", "match", "non-match")
    default_epochs: ClassVar[Mapping[str, Any]]

    def __init__(self, *, ring: int, kappa: float, **settings: Any):
        ring = positive_integer(ring, "ring")
        self.kappa = positive(kappa, "kappa")
        self.preferred = 360 * torch.arange(ring) / ring
        self.channels = {"fixation": 0, "ring": slice(1, 1 + ring)}
        super().__init__(**settings)

    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """First the sample, then the test, on the ring."""
        return {epoch: {"ring": self._tuning(conditions[epoch])} for epoch in ("sample", "test")}

    def _tuning(self, direction: Tensor) -> Tensor:
        """Trials × ring."""
        apart = torch.deg2rad(direction.unsqueeze(-1) - self.preferred)
        return torch.exp(self.kappa * (torch.cos(apart) - 1))
