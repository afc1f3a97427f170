"""The contract that all tasks keep: `Task.sample` gives a `Batch` of trials, `Task.score` says which outputs are correct."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from nnbrain.runtime import device


@dataclass(frozen=True)
class Batch:
    """Trials of a task, side by side. The first dimension of everything is trials.

    Parameters
    ----------
    inputs : Tensor of float
        trials × features, trials × channels × height × width, or trials × time × inputs.
    targets : Tensor, optional
        trials × [time ×] outputs; or integers, trials [× time], which mean classes. None where nothing is prescribed.
    mask : Tensor, optional
        trials × time: how much each step counts in the objective, 0 for not at all. None: all steps count alike.
    rewards : Tensor, optional
        trials × actions: what each action would earn.
    conditions : dict of str to Tensor
        Labels of the trials (coherence, context, digit, …), each with trials first; analyses group by them.

    Raises
    ------
    TypeError
        If something is no tensor, or the inputs are not floating point.
    ValueError
        If there are no trials, the parts disagree about their number, or a mask leaves a trial without any step.
    """

    inputs: Tensor
    targets: Tensor | None = None
    mask: Tensor | None = None
    rewards: Tensor | None = None
    conditions: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self):
        for name, part in self._parts().items():
            if not isinstance(part, Tensor):
                raise TypeError(f"{name} should be a tensor, got {type(part).__name__}: use torch.as_tensor.")
            if part.ndim == 0:
                raise ValueError(f"{name} is a single number; its first dimension should be trials.")
            if part.shape[0] != self.inputs.shape[0]:
                raise ValueError(f"{name} has shape {tuple(part.shape)}, but inputs have {len(self)} trials.")
        if not self.inputs.is_floating_point():
            raise TypeError(f"inputs should be floating point, got {self.inputs.dtype}: use inputs.float().")
        if len(self) == 0:
            raise ValueError("this batch is empty: it has no trials.")
        if self.targets is not None and not self.targets.is_floating_point() and self.targets.dtype != torch.int64:
            object.__setattr__(self, "targets", self.targets.long())
        if self.mask is not None:
            self._check_mask()

    def _check_mask(self) -> None:
        if self.mask.shape != self.inputs.shape[:2]:
            raise ValueError(
                f"the mask should be trials × time, {tuple(self.inputs.shape[:2])}, got {tuple(self.mask.shape)}."
            )
        empty = (self.mask.sum(1) <= 0).nonzero().flatten()
        if len(empty):
            raise ValueError(
                f"the mask leaves no step to learn from in {len(empty)} trials, the first is trial {int(empty[0])}."
            )

    def __len__(self) -> int:
        """The number of trials."""
        return self.inputs.shape[0]

    def __getitem__(self, trials) -> Batch:
        """Some of the trials, by a slice, a list of numbers, or a tensor of numbers or booleans."""
        if isinstance(trials, int):
            trials = [trials]
        return self._map(lambda part: part[trials])

    def to(self, where: torch.device | str | torch.dtype) -> Batch:
        """The same batch on another device, or with its floating-point parts in another dtype."""
        if isinstance(where, torch.dtype):
            return self._map(lambda part: part.to(where) if part.is_floating_point() else part)
        return self if self.inputs.device == torch.device(where) else self._map(lambda part: part.to(where))

    def _parts(self) -> dict[str, Tensor]:
        """Every tensor of the batch, by the name to call it in a message."""
        named = {"inputs": self.inputs, "targets": self.targets, "mask": self.mask, "rewards": self.rewards}
        present = {name: part for name, part in named.items() if part is not None}
        return present | {f"conditions[{name!r}]": part for name, part in self.conditions.items()}

    def _map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        parts = (self.inputs, self.targets, self.mask, self.rewards)
        mapped = (None if part is None else function(part) for part in parts)
        return Batch(*mapped, {name: function(part) for name, part in self.conditions.items()})


class Task(ABC):
    """What is to be solved. A subclass says how trials are drawn and which outputs are correct.

    Draws use a generator on the CPU and move to the device afterwards, so that a seed means the same on every machine.
    """

    @abstractmethod
    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials.

        Parameters
        ----------
        trials : int
            How many.
        generator : torch.Generator, optional
            A generator on the CPU; torch's own by default.

        Returns
        -------
        Batch

        Raises
        ------
        ValueError
            If ``trials`` is not a positive integer.
        """

    @abstractmethod
    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct.

        Parameters
        ----------
        outputs : Tensor
            What a network answered, trials × [time ×] outputs.
        batch : Batch
            What it was asked.

        Returns
        -------
        Tensor of bool
            (trials,)
        """


class FiniteTask(Task):
    """A task on a finite set of examples, drawn without replacement until all have been seen once: an epoch.

    A batch that reaches over the end of an epoch is filled from the next one. A generator that was not used in the last draw
    starts a new epoch, so that what it draws does not depend on what was drawn before.

    Parameters
    ----------
    inputs : Tensor
        examples × features, or examples × any shape.
    targets : Tensor
        Integers, (examples,), for classes; or values, examples × outputs.
    conditions : dict of str to Tensor, optional
        Labels of the examples.
    tolerance : float, optional
        For targets that are values: an answer is correct if every output is at most this far from its target.

    Raises
    ------
    TypeError, ValueError
        As for `Batch`.

    Examples
    --------
    >>> xor = FiniteTask(torch.tensor([[0., 0.], [0., 1.], [1., 0.], [1., 1.]]), torch.tensor([0, 1, 1, 0]))
    >>> len(xor.sample(3))
    3
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        conditions: Mapping[str, Tensor] | None = None,
        *,
        tolerance: float | None = None,
    ):
        self._examples = Batch(inputs, targets, conditions=conditions or {}).to(device())
        self.tolerance = tolerance
        self._order = torch.empty(0, dtype=torch.int64)
        self._generator: Generator | None = None

    def __len__(self) -> int:
        """The number of examples."""
        return len(self._examples)

    def all(self) -> Batch:
        """Every example, in its original order."""
        return self._examples

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw examples without replacement within an epoch; see `Task.sample`.

        Raises
        ------
        ValueError
            If ``trials`` is not between 1 and the number of examples.
        """
        check_trials(trials)
        if trials > len(self):
            raise ValueError(
                f"{trials} trials asked for, but the task has {len(self)} examples; task.all() gives them all."
            )
        drawn = self._draw(trials, generator)
        return self._examples._map(lambda part: part.index_select(0, drawn))

    def _draw(self, trials: int, generator: Generator | None) -> Tensor:
        """The next ``trials`` numbers in the order of this epoch, and of the next where this one ends."""
        if generator is not self._generator:
            self._generator, self._order = generator, self._order[:0]
        if len(self._order) < trials:
            self._order = torch.cat([self._order, torch.randperm(len(self), generator=generator)])
        drawn, self._order = self._order[:trials], self._order[trials:]
        return drawn.to(self._examples.inputs.device)

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: the largest output is the class, or every output lies within the tolerance.

        Returns
        -------
        Tensor of bool
            (trials,)

        Raises
        ------
        ValueError
            If the targets are values and the task was made without a tolerance.
        """
        if not batch.targets.is_floating_point():
            return outputs.argmax(-1) == batch.targets
        if self.tolerance is None:
            raise ValueError(
                "these targets are values: say how close is correct, FiniteTask(inputs, targets, tolerance=…)."
            )
        return ((outputs - batch.targets).abs() <= self.tolerance).flatten(1).all(1)


def check_trials(trials: int) -> None:
    """Refuse a number of trials that is not a positive integer."""
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise ValueError(f"trials should be a positive integer, got {trials!r}.")
