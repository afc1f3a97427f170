"""Pattern completion: new patterns are shown a few times, then a part of one of them, and the whole is wanted."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from nnbrain.arguments import count, number, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit


class PatternCompletion(Task):
    """Complete a pattern of which a part is shown. Patterns are new in every trial: no trained weight can know them.

    A trial shows patterns of ±1, each ``repeats`` times, in rounds of a random order, with blank steps (0) after each; then the
    cue, one of the patterns with a part of its bits at 0. In the last step the whole pattern is wanted. Who guesses has half of the
    hidden bits wrong. (With b bits shown, another pattern fits the same cue with probability 2⁻ᵇ.)

    Batches have ``inputs`` and ``targets``, trials × time × bits; the targets are the pattern in the steps of the cue, 0 before; a
    ``mask`` that is 1 in the last step only; and ``conditions``: ``"asked"``, the number of the pattern that is to be completed;
    ``"lag"``, how many presentations ago it was last shown (from 1); ``"cue"``, trials × bits of booleans, which bits are given;
    ``"patterns"``, trials × patterns × bits.

    Parameters
    ----------
    bits : int
        The size of a pattern.
    patterns : int
        How many a trial shows.
    repeats : int
        How many times each is shown.
    present_steps, blank_steps, cue_steps : int
        How many steps a pattern is shown, how many are blank after it, and how many the cue is shown.
    hidden : float
        The fraction of bits that the cue lacks: rounded to bits, one at least, and not all.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs: as many as bits.
    steps : int

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 5.3 (Miconi et al. 2018).

    Examples
    --------
    >>> task = PatternCompletion(bits=20, patterns=3)
    >>> batch = task.sample(32)
    >>> task.bit_error(batch.targets, batch).max()  # of perfect answers
    tensor(0.)
    """

    def __init__(
        self,
        bits: int = 20,
        patterns: int = 3,
        *,
        repeats: int = 2,
        present_steps: int = 2,
        blank_steps: int = 1,
        cue_steps: int = 3,
        hidden: float = 0.5,
    ):
        self.bits = self.inputs = self.outputs = positive_integer(bits, "bits")
        self.patterns, self.repeats = positive_integer(patterns, "patterns"), positive_integer(repeats, "repeats")
        self.present_steps = positive_integer(present_steps, "present_steps")
        self.cue_steps = positive_integer(cue_steps, "cue_steps")
        self.blank_steps = count(blank_steps, "blank_steps")
        if not 0 < number(hidden) < 1 or not 0 < round(number(hidden) * self.bits) < self.bits:
            raise ValueError(
                f"hidden is the fraction of bits that the cue lacks, such that of {self.bits} bits some are hidden and some "
                f"shown, got {hidden!r}."
            )
        self.hidden = number(hidden)
        self.steps = self.patterns * self.repeats * (self.present_steps + self.blank_steps) + self.cue_steps

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials, generator = positive_integer(trials, "trials"), generator or torch.default_generator
        dtype = torch.get_default_dtype()
        patterns = 2 * torch.randint(2, (trials, self.patterns, self.bits), generator=generator).to(dtype) - 1
        order = torch.rand(trials, self.repeats, self.patterns, generator=generator).argsort(-1).flatten(1)
        asked = torch.randint(self.patterns, (trials,), generator=generator)
        pattern = patterns[torch.arange(trials), asked]
        cue = torch.rand(trials, self.bits, generator=generator).argsort(-1) >= round(self.hidden * self.bits)
        shown = patterns.gather(1, order.unsqueeze(-1).expand(-1, -1, self.bits))
        shown = shown.unsqueeze(2).expand(-1, -1, self.present_steps, -1)
        shown = pad(shown, (0, 0, 0, self.blank_steps)).flatten(1, 2)
        wanted = pattern.unsqueeze(1).expand(-1, self.cue_steps, -1)
        inputs = torch.cat([shown, wanted * cue.unsqueeze(1)], 1)
        targets = pad(wanted, (0, 0, shown.shape[1], 0))
        mask = pad(torch.ones(trials, 1), (self.steps - 1, 0))
        lag = (order == asked.unsqueeze(1)).flip(1).int().argmax(1) + 1
        conditions = {"asked": asked, "lag": lag, "cue": cue, "patterns": patterns}
        return Batch(inputs, targets, mask, conditions=conditions).to(device())

    def bit_error(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The fraction of the hidden bits whose sign is wrong in the last step: ½ by chance; an output of 0 counts as half wrong.

        Parameters
        ----------
        outputs : Tensor
            trials × time × bits.
        batch : Batch

        Returns
        -------
        Tensor
            (trials,)

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        hidden = ~batch.conditions["cue"]
        wrong = (1 - self._agreement(outputs, batch)) / 2
        return (wrong * hidden).sum(1) / hidden.sum(1)

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: in the last step every bit, shown or hidden, has the right sign; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        return (self._agreement(outputs, batch) > 0).all(1)

    @staticmethod
    def _agreement(outputs: Tensor, batch: Batch) -> Tensor:
        """1 where the sign of a bit is right in the last step, −1 where it is wrong."""
        check_fit(outputs, batch.targets)
        check_finite(outputs[:, -1])
        return outputs[:, -1].sign() * batch.targets[:, -1]
