"""Memory: hold one value of a stream until it is asked for, and let everything else pass by."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from nnbrain.arguments import positive, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit


class Memory(Task):
    """Remember the stimulus at a "memorize" pulse, and output it at the next "report" pulse.

    The stimulus is drawn anew at every step, uniformly between −1 and 1. A trial is a row of rounds: after a gap comes the
    memorize pulse, after a delay the report pulse, each of one step, and then the next gap. Gaps and delays are random. A round
    that does not fit into what is left of the trial is left out, and with it the rest; the first one always fits. (Long delays are
    thus rarer towards the end.)

    Batches have ``inputs``, trials × time × 3: stimulus, memorize, report; ``targets``, trials × time × 1: the stimulus at the last
    memorize where there is a report, 0 elsewhere; and ``conditions``, trials × time each: "report" (bool) and "delay" (int), which
    is how many steps ago the value that is to be reported was shown, and 0 where there is no report.

    Parameters
    ----------
    steps : int
        Of a trial.
    delay : int or (int, int)
        Steps from memorize to report: always as many, or drawn uniformly from the shortest to the longest.
    gap : int or (int, int)
        Steps from a report to the next memorize pulse, given like the delay. The first memorize pulse is at step 0 at the
        earliest, and at gap − 1 at the latest, with equal probability.
    report_only : bool
        Whether only reports count in the objective: then the mask is 0 elsewhere, and outputs there are free. Otherwise all steps
        count alike (no mask).
    tolerance : float
        How far from its target an output may be at a report; see `score`.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs: 3 and 1.

    Raises
    ------
    ValueError
        If a number is out of its range, or a trial too short for the longest gap and delay.

    Source: Primer, Figure 8ABC.

    Examples
    --------
    >>> task = Memory(steps=50, delay=(2, 20))
    >>> batch = task.sample(32)
    >>> asked = batch.conditions["report"]  # trials × time
    >>> batch.targets[asked].var()  # what R² compares errors at reports with: most targets are 0, so elsewhere it would flatter
    """

    inputs, outputs = 3, 1

    def __init__(
        self,
        steps: int = 50,
        *,
        delay: int | Sequence[int] = (2, 10),
        gap: int | Sequence[int] = (1, 10),
        report_only: bool = False,
        tolerance: float = 0.1,
    ):
        self.steps = positive_integer(steps, "steps")
        self.delay, self.gap = _range(delay, "delay"), _range(gap, "gap")
        self.report_only = bool(report_only)
        self.tolerance = positive(tolerance, "tolerance")
        if self.steps < self.gap[1] + self.delay[1]:
            raise ValueError(
                f"a trial of {self.steps} steps is too short for a gap of {self.gap[1]} and a delay of {self.delay[1]} steps: it "
                f"needs {self.gap[1] + self.delay[1]}."
            )

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials, generator = positive_integer(trials, "trials"), generator or torch.default_generator
        memorize, report = self._pulses(trials, generator)
        stimulus = 2 * torch.rand(trials, self.steps, generator=generator) - 1
        t = torch.arange(self.steps)
        last = t.where(memorize, 0).cummax(1).values  # when the last memorize pulse was
        targets = stimulus.gather(1, last).where(report, 0.0).unsqueeze(-1)
        inputs = torch.stack([stimulus, memorize.to(stimulus), report.to(stimulus)], -1)
        conditions = {"report": report, "delay": (t - last).where(report, 0)}
        return Batch(inputs, targets, report.to(stimulus) if self.report_only else None, conditions=conditions).to(
            device()
        )

    def _pulses(self, trials: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """At which steps there is a memorize pulse, and a report pulse: trials × time of booleans each."""
        rounds = 1 + self.steps // (self.gap[0] + self.delay[0])
        gaps, delays = (
            torch.randint(shortest, longest + 1, (trials, rounds), generator=generator)
            for shortest, longest in (self.gap, self.delay)
        )
        gaps[:, 0] = torch.randint(self.gap[1], (trials,), generator=generator)
        reports = (gaps + delays).cumsum(1)
        pulses = torch.zeros(2, trials, self.steps + 1, dtype=torch.bool)  # the last step is for what does not fit
        for pulse, when in zip(pulses, (reports - delays, reports), strict=True):
            pulse.scatter_(1, when.where(reports < self.steps, self.steps), True)
        return pulses[0, :, :-1], pulses[1, :, :-1]

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: at all reports the output is at most `tolerance` from its target; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        near = ((outputs - batch.targets).abs() <= self.tolerance).all(-1)
        return (near | ~batch.conditions["report"]).all(1)


def _range(steps: int | Sequence[int], name: str) -> tuple[int, int]:
    """The fewest and the most steps."""
    pair = tuple(steps) if isinstance(steps, Sequence) and not isinstance(steps, str) else (steps, steps)
    if len(pair) != 2:
        raise ValueError(f"{name} should be a number of steps, or a pair (fewest, most), got {steps!r}.")
    fewest, most = (positive_integer(n, f"{name}, in steps,") for n in pair)
    if fewest > most:
        raise ValueError(f"{name} should be a pair (fewest, most), got {steps!r}.")
    return fewest, most
