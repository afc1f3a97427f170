"""Several cognitive tasks, which one network learns side by side."""

from collections.abc import Iterable, Sequence

import torch
from torch import Generator, Tensor

from nnbrain.arguments import at_least_zero
from nnbrain.tasks.base import Batch, Task
from nnbrain.tasks.cognitive import CognitiveTask


class ManyTasks(Task):
    """Several cognitive tasks, one at a time: all trials of a batch are of one of them, drawn at random.

    Parameters
    ----------
    tasks : sequence of CognitiveTask
    weights : sequence of float, optional
        How often each comes, relative to the others; by default all alike.

    Batches have ``conditions["task"]``, (trials,): the number of the task.

    Raises
    ------
    TypeError
        If something is no `CognitiveTask`, or no sequence.
    ValueError
        If there are no tasks, they differ in ring or dt, or the weights do not fit.

    Source: Yang et al. 2019.

    Examples
    --------
    >>> batch = ManyTasks([CognitiveTask("Go"), CognitiveTask("Anti")]).sample(64)
    >>> batch.conditions["task"].unique().shape
    torch.Size([1])
    """

    def __init__(self, tasks: Sequence[CognitiveTask], weights: Sequence[float] | None = None):
        if not isinstance(tasks, Iterable):
            raise TypeError(f"tasks should be a sequence of CognitiveTasks, got {tasks!r}: a single one is [task].")
        if weights is not None and not isinstance(weights, Iterable):
            raise TypeError(f"weights are a number for each task, a sequence, got {weights!r}.")
        self.tasks = list(tasks)
        for task in self.tasks:
            if not isinstance(task, CognitiveTask):
                raise TypeError(f"ManyTasks are made of CognitiveTasks, got {type(task).__name__}; see also Mixture.")
        w = [1.0] * len(self.tasks) if weights is None else [at_least_zero(w, "each of weights") for w in weights]
        if not self.tasks:
            raise ValueError("there are no tasks: give one or more.")
        if len(w) != len(self.tasks) or sum(w) == 0:
            raise ValueError(f"weights are a number for each of the {len(self.tasks)} tasks, not all 0; got {w!r}.")
        if len({(task.inputs, task.dt) for task in self.tasks}) > 1:
            raise ValueError("one network learns these tasks: give all of them the same ring and the same dt.")
        self.weights = torch.tensor(w, dtype=torch.float64)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw a task, then its trials; see `Task.sample`."""
        k = int(torch.multinomial(self.weights, 1, generator=generator))
        batch = self.tasks[k].sample(trials, generator)
        which = torch.full((trials,), k, device=batch.inputs.device)
        return Batch(batch.inputs, batch.targets, batch.mask, conditions={**batch.conditions, "task": which})

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct, by the task of the batch; see `Task.score`."""
        which = batch.conditions.get("task")
        if which is None or (which != which[0]).any():
            raise ValueError("this batch does not say which one task it is of, conditions['task']: draw it here.")
        if not 0 <= int(which[0]) < len(self.tasks):
            raise ValueError(f"this batch is of task {int(which[0])}, and there are {len(self.tasks)}, from 0 on.")
        return self.tasks[int(which[0])].score(outputs, batch)
