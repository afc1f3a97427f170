"""Delayed match to category: do two directions of motion, one after the other, belong to the same category?"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnbrain.arguments import number, positive_integer
from nnbrain.tasks.delayed_match import DelayedMatch


class DelayedMatchToCategory(DelayedMatch):
    """Say whether the test has the category of the sample. A boundary divides the circle of directions into two categories.

    uᵢ = exp(κ [cos(θ − θᵢ) − 1]) + noise, a ring of channels with preferred directions θᵢ

    Parameters
    ----------
    directions : int
        How many directions θ, evenly spaced, from half a distance on: 15°, 45°, … for 12.
    boundary : float
        In degrees: category 0 are the directions less than 180° counter-clockwise of it, category 1 the others. No direction
        may lie on it.
    ring : int
        How many channels, θᵢ evenly spaced from 0° on.
    kappa : float
        κ: how sharply they are tuned; 2 gives a full width at half height of 98°.
    dt, epochs, sigma, grace
        Step and durations in ms, and noise: see `TimedTask`.

    Batches have ``conditions``: ``"sample"`` and ``"test"`` in degrees, ``"sample_category"`` and ``"test_category"``, 0 or 1,
    ``"match"``, whether these agree; ``"choice"``, 1 for a match and 2 for none; and ``"epoch"``. See `TimedTask` for the rest. The
    epochs are fixation, sample, delay, test and response.

    Raises
    ------
    ValueError
        If a number is out of its range, a direction lies on the boundary, or an epoch is unknown.

    Source: Primer, Figures 6D, 6E (Freedman & Assad 2006).

    Examples
    --------
    >>> batch = DelayedMatchToCategory(dt=20).sample(32)
    >>> batch.inputs.shape  # trials × time × (fixation, 16 directions)
    torch.Size([32, 105, 17])
    """

    default_epochs: ClassVar = {
        "fixation": (100, 200),
        "sample": 400,
        "delay": [400, 600, 800],
        "test": 400,
        "response": 300,
    }

    def __init__(
        self,
        *,
        dt: float = 20.0,
        directions: int = 12,
        boundary: float = 0.0,
        ring: int = 16,
        kappa: float = 2.0,
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.1,
        grace: float = 100.0,
    ):
        n = positive_integer(directions, "directions")
        self.directions = 360 * (torch.arange(n) + 0.5) / n
        self.boundary = self._check_boundary(boundary)
        super().__init__(ring=ring, kappa=kappa, dt=dt, epochs=epochs, sigma=sigma, grace=grace)

    def category(self, direction: Tensor) -> Tensor:
        """The category of a direction.

        Parameters
        ----------
        direction : Tensor
            In degrees, of any shape.

        Returns
        -------
        Tensor of int
            0 or 1, of the same shape.
        """
        return ((direction - self.boundary) % 360 >= 180).long()

    def conditions(self) -> dict[str, Tensor]:
        """Every sample with every test."""
        sample, test = torch.cartesian_prod(self.directions, self.directions).T
        match = self.category(sample) == self.category(test)
        return {
            "sample": sample,
            "test": test,
            "sample_category": self.category(sample),
            "test_category": self.category(test),
            "match": match,
            "choice": 2 - match.long(),
        }

    def _check_boundary(self, boundary: Any) -> float:
        degrees = number(boundary)
        apart = (self.directions - degrees) % 180
        if not (torch.minimum(apart, 180 - apart) > 1e-3).all():  # NaN and infinity neither
            listed = ", ".join(f"{d:g}" for d in self.directions)
            raise ValueError(
                f"the boundary at {boundary!r} degrees (and opposite to it) should lie between directions; they are {listed}."
            )
        return degrees
