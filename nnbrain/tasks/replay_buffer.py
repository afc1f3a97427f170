"""A replay buffer: a few examples of a task, kept to be rehearsed."""

import torch
from torch import Generator, Tensor

from nnbrain.arguments import positive_integer
from nnbrain.tasks.base import Batch, Task


class ReplayBuffer(Task):
    """A few examples of a task, kept: mix them into the tasks that follow, and the network rehearses what it learned before.

    Parameters
    ----------
    task : Task
    examples : int
        How many to keep, drawn once and for all.
    generator : torch.Generator, optional
        A generator on the CPU, which chooses them; torch's own by default.

    Raises
    ------
    TypeError
        If the task is none.
    ValueError
        If the number of examples is not positive, or larger than the task has.

    Source: Robins 1995 (rehearsal); McClelland, McNaughton & O'Reilly 1995 (complementary learning systems).

    Examples
    --------
    >>> memory = ReplayBuffer(SplitDigits(0), examples=20)
    >>> fit(rule, Mixture([SplitDigits(1), memory]), steps=200)
    """

    def __init__(self, task: Task, examples: int, generator: Generator | None = None):
        if not isinstance(task, Task):
            raise TypeError(f"a ReplayBuffer keeps examples of a task, got {type(task).__name__}.")
        self._task = task
        self._kept = task.sample(positive_integer(examples, "examples"), generator)

    def __len__(self) -> int:
        """The number of examples kept."""
        return len(self._kept)

    def all(self) -> Batch:
        """Every example kept: a copy, which you may change."""
        return self._kept._map(torch.clone)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw with replacement, so that a small memory can fill a large batch; see `Task.sample`."""
        drawn = torch.randint(len(self), (positive_integer(trials, "trials"),), generator=generator)
        return self._kept[drawn.to(self._kept.inputs.device)]

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct, as the task itself says."""
        return self._task.score(outputs, batch)
