"""Delayed comparison: which of two vibrations, one after the other, had the higher frequency? Parametric working memory."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnbrain.arguments import number
from nnbrain.tasks.timed import TimedTask


class DelayedComparison(TimedTask):
    """Keep a frequency f1 in mind over a delay, then say whether f2 is lower or higher.

    One channel rises with the frequency, one falls: u₊ = (f − f_min) / (f_max − f_min) + noise, u₋ = 1 − u₊ (with noise of its own)

    Parameters
    ----------
    frequencies : sequence of float
        f1 in Hz.
    difference : float or sequence of float
        |f2 − f1| in Hz, one or several. f2 does not leave the range of f1, so that the lowest and the highest f1 give the answer
        away: with the defaults f1 alone would do for 70 % of trials. With a single difference it is even enough to remember
        whether f1 was high or low; several differences make it necessary to remember f1 itself.
    dt, epochs, sigma, grace
        Step and durations in ms, and noise: see `TimedTask`.

    Batches have ``conditions``: ``"f1"`` and ``"f2"`` in Hz; ``"choice"``, 1 for f2 < f1 and 2 for f2 > f1; and ``"epoch"``. See
    `TimedTask` for the rest. The epochs are fixation, f1, delay, f2 and response.

    Raises
    ------
    ValueError
        If a number is out of its range, an f1 has no f2, or an epoch is unknown.

    Source: Primer, Figure 6A (Romo et al. 1999).

    Examples
    --------
    >>> batch = DelayedComparison(dt=20).sample(32)
    >>> batch.inputs.shape  # trials × time × (fixation, rising, falling)
    torch.Size([32, 115, 3])
    """

    default_epochs: ClassVar = {
        "fixation": (100, 200),
        "f1": 300,
        "delay": [300, 600, 900, 1200],
        "f2": 300,
        "response": 300,
    }
    channels: ClassVar = {"fixation": 0, "rising": 1, "falling": 2}
    output_names = ("fixate", "f2 < f1", "f2 > f1")

    def __init__(
        self,
        *,
        dt: float = 20.0,
        frequencies: Sequence[float] = (10, 14, 18, 22, 26, 30, 34),
        difference: float | Sequence[float] = 8.0,
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.1,
        grace: float = 100.0,
    ):
        self.frequencies, self.difference = _check(frequencies, difference)
        super().__init__(dt=dt, epochs=epochs, sigma=sigma, grace=grace)

    def conditions(self) -> dict[str, Tensor]:
        """Every f1 with every f2 that lies in the range."""
        f1, difference, choice = torch.cartesian_prod(self.frequencies, self.difference, torch.tensor([1.0, 2.0])).T
        f2 = f1 + difference * (2 * choice - 3)
        fits = _within(f2, self.frequencies)
        return {"f1": f1[fits], "f2": f2[fits], "choice": choice[fits].long()}

    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """First f1, then f2, in two channels."""
        low, high = self.frequencies.aminmax()
        scaled = {epoch: (conditions[epoch] - low) / (high - low) for epoch in ("f1", "f2")}
        return {epoch: {"rising": u, "falling": 1 - u} for epoch, u in scaled.items()}


def _within(f: Tensor, frequencies: Tensor) -> Tensor:
    low, high = frequencies.aminmax()
    return (f > low - 1e-3) & (f < high + 1e-3)


def _check(frequencies: Any, difference: Any) -> tuple[Tensor, Tensor]:
    try:
        f = torch.tensor([number(value) for value in frequencies])
    except TypeError:
        raise ValueError(f"frequencies should be a sequence of numbers in Hz, got {frequencies!r}.") from None
    if len(f) < 2 or not ((f > 0) & torch.isfinite(f)).all() or f.min() == f.max():
        raise ValueError(f"frequencies should be two or more different positive numbers in Hz, got {frequencies!r}.")
    several = (
        difference if isinstance(difference, Sequence | Tensor) and not isinstance(difference, str) else [difference]
    )
    delta = torch.tensor([number(value) for value in several])
    if len(delta) == 0 or not (delta > 0).all():
        raise ValueError(f"difference, between f1 and f2 in Hz, should be positive, got {difference!r}.")
    least = delta.min()
    alone = f[~(_within(f - least, f) | _within(f + least, f))]
    if len(alone):
        raise ValueError(
            f"f1 = {alone[0]:g} Hz has no f2: both {alone[0] - least:g} and {alone[0] + least:g} Hz lie outside of the range "
            f"from {f.min():g} to {f.max():g} Hz. Take a smaller difference."
        )
    return f, delta
