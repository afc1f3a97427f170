"""Tasks mixed in one stream of trials, and the examples of a task that one keeps to mix them in later: replay."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from nnbrain.arguments import at_least_zero, positive_integer
from nnbrain.tasks.base import Batch, Task


class Mixture(Task):
    """Trials of several tasks in random proportions: each trial is one of task k with probability wₖ / Σ w.

    Parameters
    ----------
    tasks : sequence of Task
        With inputs and targets of the same shapes, and without masks or rewards if one of them has none.
    weights : sequence of float, optional
        wₖ, 0 or more, not all of them 0; by default all are alike.

    Batches have ``conditions["task"]``, the number k of each trial's task, and the conditions that all tasks have; the trials stand
    in the order of the tasks.

    Raises
    ------
    TypeError
        If something is no task.
    ValueError
        If there are no tasks, or the weights do not fit.

    Source: McClelland, McNaughton & O'Reilly 1995 (interleaved learning).

    Examples
    --------
    >>> Mixture([SplitDigits(0), SplitDigits(1)], weights=[1, 3]).sample(32).inputs.shape
    torch.Size([32, 69])
    """

    def __init__(self, tasks: Sequence[Task], weights: Sequence[float] | None = None):
        self.tasks = list(tasks)
        for task in self.tasks:
            if not isinstance(task, Task):
                raise TypeError(f"a Mixture is made of tasks, got {type(task).__name__}.")
        if not self.tasks:
            raise ValueError("a Mixture needs one task or more.")
        w = [1.0] * len(self.tasks) if weights is None else [at_least_zero(w, "each of weights") for w in weights]
        if len(w) != len(self.tasks) or sum(w) == 0:
            raise ValueError(f"weights are a number for each of the {len(self.tasks)} tasks, not all 0; got {w!r}.")
        self.weights = torch.tensor(w, dtype=torch.float64)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw how many trials are of which task, then the trials; see `Task.sample`."""
        trials = positive_integer(trials, "trials")
        drawn = torch.multinomial(self.weights, trials, replacement=True, generator=generator)
        counts = drawn.bincount(minlength=len(self.tasks)).tolist()
        return _join({k: self.tasks[k].sample(n, generator) for k, n in enumerate(counts) if n})

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct, each by its own task's `score`."""
        if "task" not in batch.conditions:
            raise ValueError("this batch does not say which task each trial is of, conditions['task']: draw it here.")
        which = batch.conditions["task"]
        right = torch.zeros(len(batch), dtype=torch.bool, device=outputs.device)
        for k in which.unique().tolist():
            of_k = batch[which == k]
            conditions = {n.removeprefix("inner "): c for n, c in of_k.conditions.items() if n != "task"}
            right[which == k] = self.tasks[k].score(
                outputs[which == k], dataclasses.replace(of_k, conditions=conditions)
            )
        return right


def _join(batches: dict[int, Batch]) -> Batch:
    """One batch of several, by the number of their task."""
    parts = list(batches.values())
    home = parts[0].inputs.device
    numbers = {n for b in parts for n in b.conditions if n == "task" or n.endswith("inner task")}
    shared = {
        n
        for n in set.intersection(*(set(b.conditions) for b in parts)) - numbers
        if len({b.conditions[n].shape[1:] for b in parts}) == 1
    }
    conditions = {name: torch.cat([b.conditions[name] for b in parts]) for name in sorted(shared)}
    for name in sorted(numbers):  # of mixtures in this one; −1 for trials of other tasks
        none = [torch.full((len(b),), -1, device=home) for b in parts]
        conditions[f"inner {name}"] = torch.cat([b.conditions.get(name, e) for b, e in zip(parts, none, strict=True)])
    which = [torch.full((len(b),), k, device=home) for k, b in batches.items()]
    joined = {}
    for name in ("inputs", "targets", "mask", "rewards"):
        present = [getattr(b, name) for b in parts if getattr(b, name) is not None]
        if present and (len(present) < len(parts) or len({p.shape[1:] for p in present}) > 1):
            shapes = [None if getattr(b, name) is None else tuple(getattr(b, name).shape[1:]) for b in parts]
            raise ValueError(f"these tasks cannot be mixed: a trial's {name} have the shapes {shapes}.")
        joined[name] = torch.cat(present) if present else None
    return Batch(**joined, conditions={**conditions, "task": torch.cat(which)})
