"""How well a network does a task."""

import torch
from torch import nn

from nnbrain.networks import evaluating, run
from nnbrain.tasks import Batch, FiniteTask, Task


@torch.no_grad()
def accuracy(network: nn.Module, task: Task, batch: Batch | None = None) -> float:
    """The fraction of trials that a network gets right, in evaluation mode.

    Parameters
    ----------
    network : nn.Module
    task : Task
        Says which answers are correct.
    batch : Batch, optional
        The trials; by default all examples of a finite task.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the task is endless and no batch is given.
    """
    if batch is None:
        if not isinstance(task, FiniteTask):
            raise ValueError("this task has no end: say on which trials, accuracy(network, task, task.sample(1000)).")
        batch = task.all()
    with evaluating(network):
        outputs, _ = run(network, batch.inputs)
    return float(task.score(outputs, batch).float().mean())
