"""Flip-flop: several bits of memory, each set by brief pulses and held between them."""

import torch
from torch import Generator, Tensor

from nnbrain.arguments import at_least_zero, positive, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit
from nnbrain.tasks.timed import in_steps


class FlipFlop(Task):
    """Remember for each channel the sign of its last pulse. A network that does has a fixed point for each of the 2ᵇⁱᵗˢ memories.

    Batches have ``inputs``, trials × time × bits, pulses of 1 and −1; ``targets`` of the same shape, the sign of the last pulse, 0
    before the first; a ``mask`` that is 0 for ``grace`` ms from the start of every pulse on; and ``conditions["state"]``, trials ×
    time, the number of the memory, Σ 2ᵏ over the channels k = 0, 1, … that are at 1, and −1 until all have had a pulse.

    Parameters
    ----------
    bits : int
        How many channels.
    dt : float
        Δt, the duration of a step in ms.
    duration : float
        Of a trial, in ms.
    rate : float
        Pulses a second in each channel; they start at random. Each pulse ends when the next one begins in its channel. None
        starts in the last ``grace`` ms, so that each is followed by a step that counts.
    width : float
        How long a pulse lasts, in ms.
    grace : float
        How long after the start of a pulse outputs do not count, in ms.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs: as many as bits.
    steps : int
    times : Tensor
        (steps,) When each step begins, in ms; on the CPU.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 4 (Sussillo & Barak 2013).

    Examples
    --------
    >>> FlipFlop(bits=3).sample(32).inputs.shape  # trials × time × bits
    torch.Size([32, 100, 3])
    """

    def __init__(
        self,
        bits: int = 3,
        *,
        dt: float = 20.0,
        duration: float = 2000.0,
        rate: float = 1.5,
        width: float = 60.0,
        grace: float = 100.0,
    ):
        self.bits = self.inputs = self.outputs = positive_integer(bits, "bits")
        self.dt = positive(dt, "dt, the duration of a step in ms,")
        self.duration = positive(duration, "duration, of a trial in ms,")
        self.rate = positive(rate, "rate, pulses a second,")
        self.width = positive(width, "width, of a pulse in ms,")
        self.grace = at_least_zero(grace, "grace, in ms,")
        if self.rate * self.dt > 1000:
            raise ValueError(f"{rate:g} pulses a second are more than one in each step of dt = {dt:g} ms.")
        if self.width < self.dt:
            raise ValueError(f"a pulse of {width:g} ms is shorter than a step, dt = {dt:g} ms: make dt smaller.")
        self.steps, self._width, self._grace = (in_steps(ms, self.dt) for ms in (self.duration, self.width, self.grace))
        if self.steps <= self._grace:
            raise ValueError(
                f"a trial of {self.duration:g} ms has no place for a pulse and a grace of {self.grace:g} ms after it."
            )

    @property
    def times(self) -> Tensor:
        """When each step begins, (steps,) in ms from the start of a trial."""
        return self.dt * torch.arange(self.steps)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        shape = (positive_integer(trials, "trials"), self.steps, self.bits)
        generator = generator or torch.default_generator
        starts = torch.rand(shape, generator=generator) < self.rate * self.dt / 1000
        starts[:, self.steps - self._grace :] = False
        signs = 2.0 * torch.randint(2, shape, generator=generator) - 1
        t = torch.arange(self.steps)[:, None]
        last = t.where(starts, -1).cummax(1).values  # when the last pulse began, −1 before the first
        memory = signs.gather(1, last.clamp(min=0)).where(last >= 0, 0.0)
        since = t - last
        settled = (since >= self._grace) | (last < 0)
        state = (2 ** torch.arange(self.bits) * (memory > 0)).sum(-1).where((memory != 0).all(-1), -1)
        pulses = memory.where(since < self._width, 0.0)
        return Batch(pulses, memory, settled.all(-1).float(), conditions={"state": state}).to(device())

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: at every step that counts all outputs are less than ½ from their targets; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        near = ((outputs - batch.targets).abs() < 0.5).all(-1)
        return (near | (batch.mask == 0)).all(1)
