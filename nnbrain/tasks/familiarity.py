"""Familiarity: a stream of patterns, some of which were shown before, and the answer is to tell these from the new ones."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from nnbrain.arguments import count, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit


class Familiarity(Task):
    """Respond to patterns that are new in this trial, and not to those that were shown before; or the other way round.

    A trial shows patterns of ±1 one after the other, with blank steps (0) after each. The first ones, as many as the shortest
    ``lag``, are new; each later one is, with equal chances, new, or the one of ``lag`` presentations ago once more.

    Batches have ``inputs``, trials × time × bits; ``targets``, trials × time × 1, 1 where a response is wanted and 0 elsewhere; a
    ``mask`` that is 1 in the last step of each presentation but those first ones, of which one knows that they are new; and
    ``conditions``,
    trials × presentations each: ``"familiar"`` (bool), ``"lag"``, how many presentations ago the pattern was last shown, 0 if it is
    new, and ``"pattern"``, its number.

    Parameters
    ----------
    bits : int
        The size of a pattern.
    presentations : int
        How many patterns a trial shows, 2 or more.
    report : "new" or "familiar"
        What the response is wanted to: "new" asks for repetition suppression, "familiar" for repetition enhancement.
    lag : int or (int, int)
        How many presentations ago a pattern that is repeated was last shown: always as many; or, with a pair, from the fewest to
        the most, as far as there were so many, all patterns that were last shown then with equal chances.
    present_steps, blank_steps : int
        How many steps a pattern is shown, and how many are blank after it.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs: as many as bits, and 1.
    steps : int
    answer_steps : Tensor of int
        (presentations,) The last step of each presentation.

    Raises
    ------
    ValueError
        If a number is out of its range, or ``report`` is neither "new" nor "familiar".

    Source: Primer, section 5.3 (Tyulmankov, Yang & Abbott 2022).

    Examples
    --------
    >>> task = Familiarity(bits=20, presentations=8)
    >>> batch = task.sample(32)
    >>> task.answers(batch.targets).shape  # trials × presentations
    torch.Size([32, 8])
    """

    outputs = 1

    def __init__(
        self,
        bits: int = 20,
        presentations: int = 8,
        *,
        report: str = "new",
        lag: int | Sequence[int] = (1, 4),
        present_steps: int = 2,
        blank_steps: int = 1,
    ):
        self.bits = self.inputs = positive_integer(bits, "bits")
        self.presentations = positive_integer(presentations, "presentations")
        self.present_steps = positive_integer(present_steps, "present_steps")
        self.blank_steps = count(blank_steps, "blank_steps")
        self.lag = _range(lag)
        if report not in ("new", "familiar"):
            raise ValueError(f"report says what to respond to, 'new' or 'familiar', got {report!r}.")
        if self.presentations <= self.lag[0]:
            raise ValueError(
                f"in {presentations} presentations none can repeat one of {self.lag[0]} presentations ago: show more, or take a "
                "shorter lag."
            )
        self.report = report
        self.steps = self.presentations * (self.present_steps + self.blank_steps)

    @property
    def answer_steps(self) -> Tensor:
        """The last step of each presentation, (presentations,)."""
        return torch.arange(self.presentations) * (self.present_steps + self.blank_steps) + self.present_steps - 1

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials, generator = positive_integer(trials, "trials"), generator or torch.default_generator
        number, lag = self._stream(trials, generator)
        shape = (trials, self.presentations, self.bits)
        patterns = 2 * torch.randint(2, shape, generator=generator).to(torch.get_default_dtype()) - 1
        shown = patterns.gather(1, number.unsqueeze(-1).expand(shape))
        inputs = pad(shown.unsqueeze(2).expand(-1, -1, self.present_steps, -1), (0, 0, 0, self.blank_steps))
        familiar = lag > 0
        wanted = familiar if self.report == "familiar" else ~familiar
        targets, mask = torch.zeros(trials, self.steps, 1), torch.zeros(trials, self.steps)
        targets[:, self.answer_steps, 0] = wanted.to(targets)
        mask[:, self.answer_steps[self.lag[0] :]] = 1.0
        conditions = {"familiar": familiar, "lag": lag, "pattern": number}
        return Batch(inputs.flatten(1, 2), targets, mask, conditions=conditions).to(device())

    def _stream(self, trials: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Which pattern is shown in each presentation, and how many presentations ago it was last shown: trials × presentations."""
        repeat = torch.rand(trials, self.presentations, generator=generator) < 0.5
        share = torch.rand(trials, self.presentations, generator=generator)
        fewest, most = self.lag
        numbers = torch.zeros(trials, self.presentations, dtype=torch.long)
        lags = torch.zeros_like(numbers)
        for k in range(1, self.presentations):
            if k < fewest:
                numbers[:, k] = k
                continue
            before = numbers[:, max(k - most, 0) : k].flip(1)  # from the presentation before, backwards
            later = torch.ones(before.shape[1], before.shape[1]).tril(-1).bool()
            last = ~((before.unsqueeze(2) == before.unsqueeze(1)) & later).any(2)  # not shown once more since
            last[:, : fewest - 1] = False
            drawn = (share[:, k] * last.sum(1)).long()  # the one of `fewest` ago is always among them
            back = ((last.cumsum(1) > drawn.unsqueeze(1)) & last).int().argmax(1)
            old = before.gather(1, back.unsqueeze(1)).squeeze(1)
            numbers[:, k] = old.where(repeat[:, k], torch.tensor(k))
            lags[:, k] = (back + 1).where(repeat[:, k], 0)
        return numbers, lags

    def answers(self, outputs: Tensor) -> Tensor:
        """The output in the last step of each presentation.

        Parameters
        ----------
        outputs : Tensor
            trials × time × 1.

        Returns
        -------
        Tensor
            trials × presentations.

        Raises
        ------
        ValueError
            If the outputs have another shape.
        """
        if outputs.ndim != 3 or outputs.shape[1:] != (self.steps, 1):
            raise ValueError(f"outputs should be trials × {self.steps} × 1, got {tuple(outputs.shape)}.")
        return outputs[:, self.answer_steps, 0]

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: wherever a pattern may be familiar, the output is above ½ if and only if a response is wanted.

        See `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_fit(outputs, batch.targets)
        answers = self.answers(outputs)
        check_finite(answers)
        return ((answers > 0.5) == (self.answers(batch.targets) > 0.5))[:, self.lag[0] :].all(1)


def _range(value: int | Sequence[int]) -> tuple[int, int]:
    """The fewest and the most of a number of presentations that is given as one, or as a pair."""
    pair = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"lag should be a number of presentations, or a pair (fewest, most), got {value!r}.")
    fewest, most = (positive_integer(n, "lag, in presentations,") for n in pair)
    if fewest > most:
        raise ValueError(f"lag should be a pair (fewest, most), got {value!r}.")
    return fewest, most
