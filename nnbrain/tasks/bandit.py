"""The bandit: several options, each of which pays with a probability that must be found out by trying."""

from typing import Any

import torch
from torch import Generator, Tensor

from nnbrain.arguments import number, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_tensor, source_of


class Bandit(Task):
    """Choose an arm; it pays its magnitude with its probability, independently in each trial: E[r | a] = pₐ mₐ.

    Parameters
    ----------
    probabilities : sequence of float
        p, one for each arm, from 0 to 1; or, for a contextual bandit, such a sequence for each context.
    magnitudes : float or sequence of float
        m, what an arm pays if it pays: of the shape of the probabilities, or of one that spreads over it.

    Attributes
    ----------
    probabilities, magnitudes, values : Tensor
        p, m and p m, contexts × arms; on the CPU.
    inputs, outputs : int
        How many a network needs: contexts, and arms.

    Batches have ``inputs``, trials × contexts, 1 for the context of the trial and 0 elsewhere: the constant 1 if there is only
    one; ``rewards``, trials × arms, what each arm would pay in this trial; no targets; and ``conditions``: ``"context"``, its
    number, and ``"best"``, the arm that pays most on average.

    Raises
    ------
    ValueError
        If there are fewer than two arms, a probability lies outside of 0 to 1, or a magnitude is not finite or does not fit.

    Source: Primer, section 2.2 (reinforcement learning); Sutton & Barto 2018.

    Examples
    --------
    >>> batch = Bandit((0.2, 0.5, 0.8)).sample(32)
    >>> batch.rewards.shape
    torch.Size([32, 3])
    """

    def __init__(self, probabilities: Any = (0.2, 0.5, 0.8), *, magnitudes: Any = 1.0):
        p = _table(probabilities, "probabilities")
        p = p.unsqueeze(0) if p.ndim == 1 else p
        if p.ndim != 2 or p.shape[0] == 0 or p.shape[1] < 2:
            raise ValueError(f"probabilities are for two arms or more, [contexts ×] arms, got {probabilities!r}.")
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"probabilities lie between 0 and 1, got {probabilities!r}.")
        m = _table(magnitudes, "magnitudes")
        if not torch.isfinite(m).all():
            raise ValueError(f"magnitudes are finite numbers, got {magnitudes!r}.")
        try:
            self.probabilities, self.magnitudes = p, m.expand(p.shape).clone()
        except RuntimeError:
            raise ValueError(
                f"magnitudes of shape {tuple(m.shape)} do not fit {p.shape[0]} contexts × {p.shape[1]} arms."
            ) from None
        self.values = self.probabilities * self.magnitudes
        self.inputs, self.outputs = p.shape

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw contexts, all alike, and what each arm would pay; see `Task.sample`."""
        trials = positive_integer(trials, "trials")
        generator = source_of(generator)
        context = torch.randint(self.inputs, (trials,), generator=generator)
        pays = torch.rand(trials, self.outputs, generator=generator) < self.probabilities[context]
        return Batch(
            torch.nn.functional.one_hot(context, self.inputs).float(),
            rewards=torch.where(pays, self.magnitudes[context], 0.0),
            conditions={"context": context, "best": self.values.argmax(1)[context]},
        ).to(device())

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """In which trials the arm with the largest output is the one that pays most on average (or one of them).

        Parameters
        ----------
        outputs : Tensor
            trials × arms.
        batch : Batch

        Returns
        -------
        Tensor of bool
            (trials,)

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_tensor(outputs)
        own = "context" in batch.conditions and batch.inputs.shape[1:] == (self.inputs,)
        if not own or outputs.shape != (len(batch), self.outputs):
            raise ValueError(
                f"outputs of {len(batch)} trials × {self.outputs} arms are needed, for a batch of this task; got "
                f"{tuple(outputs.shape)}."
            )
        check_finite(outputs)
        values = self.values.to(outputs.device)[batch.conditions["context"]]
        chosen = values.gather(1, outputs.argmax(1, keepdim=True)).squeeze(1)
        return chosen == values.max(1).values


def _table(given: Any, name: str) -> Tensor:
    """Numbers, or rows of them, as a tensor of floats."""
    try:
        table = torch.as_tensor(given, dtype=torch.get_default_dtype(), device="cpu")
    except (TypeError, ValueError, RuntimeError):
        table = torch.tensor(number(given))
    if torch.isnan(table).any():
        raise ValueError(
            f"{name} should be a number for each arm, or rows of them, one for each context; got {given!r}."
        )
    return table
