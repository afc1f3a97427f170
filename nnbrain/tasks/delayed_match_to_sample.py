"""Delayed match to sample: is the test the direction that was shown before the delay, or that direction turned?"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnbrain.arguments import number, positive_integer
from nnbrain.tasks.delayed_match import DelayedMatch


class DelayedMatchToSample(DelayedMatch):
    """Say whether the test has the direction of the sample; with a rotation, the direction of the sample turned by that angle.

    uᵢ = exp(κ [cos(θ − θᵢ) − 1]) + noise, a ring of channels with preferred directions θᵢ; match: θ_test = θ_sample + rotation

    Without a rotation it is enough to compare the test with a trace of the sample; with one, what was seen must be manipulated.
    Half of the trials match; in the others the test is any of the other directions, with equal chances. The test stays on until the
    end, and is to be answered from its start on; the response is when the answer is scored.

    Parameters
    ----------
    rotation : float
        In degrees, counter-clockwise; a multiple of the distance between neighbouring directions.
    directions : int
        How many directions θ, two or more, evenly spaced from 0° on.
    delay : duration
        From the end of the sample to the test, in ms: a number, (shortest, longest), or a list; see `TimedTask`.
    ring : int
        How many channels, θᵢ evenly spaced from 0° on.
    kappa : float
        κ: how sharply they are tuned; 2 gives a full width at half height of 98°.
    dt, epochs, sigma, grace
        Step, durations of all other epochs in ms, and noise: see `TimedTask`. The grace is that after the start of the test, and
        that after the start of the response.

    Batches have ``conditions``: ``"sample"`` and ``"test"`` in degrees, ``"match"``, ``"choice"``, 1 for a match and 2 for none;
    and ``"epoch"``. See `TimedTask` for the rest. The epochs are fixation, sample, delay, test and response. `all` has every sample
    with every test once, so that there are fewer matches in it than in what `sample` draws.

    Raises
    ------
    ValueError
        If a number is out of its range, the rotation leads to no direction of the task, or an epoch is unknown.

    Source: Primer, section 5.3 (short-term plasticity); Masse et al. 2019.

    Examples
    --------
    >>> batch = DelayedMatchToSample(rotation=90).sample(32)
    >>> batch.inputs.shape  # trials × time × (fixation, 24 directions)
    torch.Size([32, 110, 25])
    """

    default_epochs: ClassVar = {"fixation": 100, "sample": 500, "delay": 1000, "test": 200, "response": 300}
    go = "test"

    def __init__(
        self,
        *,
        rotation: float = 0.0,
        directions: int = 8,
        delay: Any = 1000.0,
        ring: int = 24,
        kappa: float = 2.0,
        dt: float = 20.0,
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.1,
        grace: float = 100.0,
    ):
        n = positive_integer(directions, "directions")
        if n < 2:
            raise ValueError("directions should be two or more: with one, every test matches.")
        self._turn = _in_distances(rotation, n)
        self.rotation = 360 * self._turn / n
        self.directions = 360 * torch.arange(n) / n
        if isinstance(epochs, Mapping) and "delay" in epochs:
            raise ValueError("the delay is an argument of its own: give delay=…, not epochs={'delay': …}.")
        epochs = {"delay": delay} | self._check_epochs(epochs)
        super().__init__(ring=ring, kappa=kappa, dt=dt, epochs=epochs, sigma=sigma, grace=grace)

    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """First the sample, then the test, which stays on."""
        shown = super().stimuli(conditions)
        return shown | {"response": shown["test"]}

    def conditions(self) -> dict[str, Tensor]:
        """Every sample with every test."""
        n = len(self.directions)
        sample, test = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
        match = (sample + self._turn) % n == test
        return {
            "sample": self.directions[sample],
            "test": self.directions[test],
            "match": match,
            "choice": 2 - match.long(),
        }

    def _urn(self) -> Tensor:
        """Each match as often as there are non-matches with its sample."""
        return super()._urn().repeat_interleave(torch.where(self._table["match"], len(self.directions) - 1, 1))


def _in_distances(rotation: float, directions: int) -> int:
    """The rotation in distances between neighbouring directions, from 0 to below their number."""
    distances = number(rotation) * directions / 360
    if not abs(distances) < 2**53 or abs(distances - round(distances)) > 1e-6:
        raise ValueError(
            f"a rotation of {rotation!r} degrees does not lead from one of {directions} directions to another: they are "
            f"{360 / directions:g} degrees apart."
        )
    return round(distances) % directions
