"""Associative recall: pairs of a key and a value are shown once, then a key alone, and its value is wanted."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot, pad

from nnbrain.arguments import at_least_zero, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit


class AssociativeRecall(Task):
    """Say which value was shown with a key. Pairs are new in every trial: activity must bind them, as no weight can hold them.

    A trial shows a pair in each step, the key and the value side by side, then one of the keys alone. The keys of a trial differ
    from each other, and so do its values. Who guesses is right in 1/values of the trials; who remembers the values, but not which
    key each belongs to, in 1/pairs.

    Batches have ``inputs``, trials × time × (keys, values), both one-hot; ``targets``, trials × time, the number of the value in
    the last step, and 0 before it, where nothing counts; a ``mask`` that is 1 in the last step only; and ``conditions``:
    ``"asked"``, in which step the pair was shown (from 0); ``"lag"``, how many steps ago that was; ``"key"``, its number.

    Parameters
    ----------
    pairs : int
        How many a trial shows.
    symbols : int
        How many keys there are to draw from.
    values : int, optional
        How many values; as many as keys by default.
    noise : float
        Standard deviation of Gaussian noise that is added to every input.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs: as many as keys and values together, and as many as values.
    steps : int
        pairs + 1.

    Raises
    ------
    ValueError
        If a number is out of its range, or there are fewer keys or values than pairs.

    Source: Ba et al. 2016 (fast weights).

    Examples
    --------
    >>> AssociativeRecall(pairs=4, symbols=16).sample(32).inputs.shape  # trials × time × (keys, values)
    torch.Size([32, 5, 32])
    """

    def __init__(self, *, pairs: int = 4, symbols: int = 16, values: int | None = None, noise: float = 0.0):
        self.pairs = positive_integer(pairs, "pairs")
        self.symbols = positive_integer(symbols, "symbols")
        self.values = self.symbols if values is None else positive_integer(values, "values")
        self.noise = at_least_zero(noise, "noise")
        if self.pairs > min(self.symbols, self.values):
            raise ValueError(
                f"{pairs} pairs with different keys and different values need at least {pairs} of each, got {self.symbols} keys "
                f"(symbols) and {self.values} values."
            )
        if self.values < 2:
            raise ValueError("with a single value there is nothing to recall: take two or more.")
        self.inputs, self.outputs, self.steps = self.symbols + self.values, self.values, self.pairs + 1

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials, generator = positive_integer(trials, "trials"), generator or torch.default_generator
        keys, values = (_different(trials, self.pairs, n, generator) for n in (self.symbols, self.values))
        asked = torch.randint(self.pairs, (trials, 1), generator=generator)
        key, value = keys.gather(1, asked), values.gather(1, asked)
        shown = pad(one_hot(values, self.values), (0, 0, 0, 1))  # with the key that is asked for comes no value
        inputs = torch.cat([one_hot(torch.cat([keys, key], 1), self.symbols), shown], -1).to(torch.get_default_dtype())
        if self.noise > 0:
            inputs = inputs + self.noise * torch.randn(inputs.shape, generator=generator)
        conditions = {"asked": asked[:, 0], "lag": self.pairs - asked[:, 0], "key": key[:, 0]}
        mask = pad(torch.ones(trials, 1), (self.pairs, 0))
        return Batch(inputs, pad(value, (self.pairs, 0)), mask, conditions=conditions).to(device())

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: in the last step, the largest output is the value; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_fit(outputs, batch.targets)
        check_finite(outputs[:, -1])
        return outputs[:, -1].argmax(-1) == batch.targets[:, -1]


def _different(trials: int, several: int, n: int, generator: Generator) -> Tensor:
    """Trials × several numbers from 0 to n − 1, those of a trial all different."""
    return torch.rand(trials, n, generator=generator).argsort(1)[:, :several]
