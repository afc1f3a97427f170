"""Say again what was shown: with the input as its own target, unsupervised learning becomes supervised."""

import dataclasses

from torch import Generator, Tensor

from nnbrain.arguments import positive
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit


class Reconstruction(Task):
    """Give back the input: y_target = x. A network with few units on the way, an autoencoder, has to find a code for it.

    Batches are those of another task, with the inputs as targets; the conditions stay, and so does nothing else.

    Parameters
    ----------
    task : Task
        Whose inputs. They should have the shape of the network's outputs: ``Digits(flatten=True)`` for an MLP.
    tolerance : float, optional
        For `score`: an answer is correct if no output is further than this from its input.

    Raises
    ------
    TypeError
        If the task is none.
    ValueError
        If the tolerance is not positive.

    Source: Primer, section 2.2 (unsupervised learning, autoencoders).

    Examples
    --------
    >>> task = Reconstruction(Digits("train"))
    >>> autoencoder = MLP([64, 32, 8, 32, 64])
    >>> history = fit(Backprop(autoencoder, squared_error), task, steps=1000)
    """

    def __init__(self, task: Task, *, tolerance: float | None = None):
        if not isinstance(task, Task):
            raise TypeError(f"Reconstruction takes the inputs of a Task, Digits() for instance, got {task!r}.")
        self.task = task
        self.tolerance = None if tolerance is None else positive(tolerance, "tolerance")

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials of the other task; see `Task.sample`."""
        return _of_itself(self.task.sample(trials, generator))

    def all(self) -> Batch:
        """Every example of the other task, if that is finite.

        Raises
        ------
        TypeError
            If it is not.
        """
        if not hasattr(self.task, "all"):
            raise TypeError(f"a {type(self.task).__name__} has no end of trials: draw some with sample(trials).")
        return _of_itself(self.task.all())

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are given back with every value within the tolerance; see `Task.score`.

        Raises
        ------
        ValueError
            If there is no tolerance, or the outputs do not fit the inputs or are not finite.
        """
        if self.tolerance is None:
            raise ValueError(
                "say how close is correct, Reconstruction(task, tolerance=…), or measure the error: squared_error(network, batch)."
            )
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        return ((outputs - batch.targets).abs() <= self.tolerance).flatten(1).all(1)


def _of_itself(batch: Batch) -> Batch:
    return dataclasses.replace(batch, targets=batch.inputs.clone(), mask=None, rewards=None)
