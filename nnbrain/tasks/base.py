"""The contract that all tasks keep: `Task.sample` gives a `Batch` of trials, `Task.score` says which outputs are correct."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Generator, Tensor

from nnbrain.arguments import positive_integer
from nnbrain.runtime import device


@dataclass(frozen=True, eq=False)
class Batch:
    """Trials of a task, side by side. The first dimension of everything is trials.

    Parameters
    ----------
    inputs : Tensor of float
        trials × features, trials × channels × height × width, or trials × time × inputs.
    targets : Tensor, optional
        trials × [time ×] outputs; or integers, trials [× time], which mean classes. None where nothing is prescribed.
    mask : Tensor, optional
        trials × time, for inputs in time: how much each step counts in the objective, 0 for not at all (its target may then be
        NaN). None: all steps count alike.
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
        if self.inputs.ndim != 3 or self.mask.shape != self.inputs.shape[:2]:
            raise ValueError(
                f"a mask of shape {tuple(self.mask.shape)} does not fit inputs of shape {tuple(self.inputs.shape)}: it is "
                "trials × time, for inputs that are trials × time × inputs."
            )
        if not (self.mask >= 0).all() or not torch.isfinite(self.mask).all():
            raise ValueError("the mask should hold numbers from 0 up: how much each step counts.")
        empty = (self.mask.sum(1) <= 0).nonzero().flatten()
        if len(empty):
            raise ValueError(
                f"the mask leaves no step to learn from in {len(empty)} trials, the first is trial {int(empty[0])}."
            )

    def __len__(self) -> int:
        """The number of trials."""
        return self.inputs.shape[0]

    def __getitem__(self, trials) -> Batch:
        """Some of the trials, by a number, a slice, a list of numbers, or a tensor of numbers or booleans."""
        with suppress(TypeError):
            trials = [operator.index(trials)]  # a single number, also numpy's and torch's: a batch of one trial
        return self._map(lambda part: part[trials], check=True)

    def to(self, where: torch.device | str | torch.dtype) -> Batch:
        """The same batch on another device, or with its floating-point parts in another dtype."""
        if isinstance(where, torch.dtype):
            return self._map(lambda part: part.to(where) if part.is_floating_point() else part)
        return self if self.inputs.device == torch.device(where) else self._map(lambda part: part.to(where))

    def _parts(self) -> dict[str, Tensor]:
        """Every tensor of the batch, by the name to call it in a message."""
        named = {"targets": self.targets, "mask": self.mask, "rewards": self.rewards}
        present = {name: part for name, part in named.items() if part is not None}
        return (
            {"inputs": self.inputs}
            | present
            | {f"conditions[{name!r}]": part for name, part in self.conditions.items()}
        )

    def _map(self, function: Callable[[Tensor], Tensor], check: bool = False) -> Batch:
        """A batch of the parts that a function makes of these; what it makes of a valid batch need not be checked again."""
        parts = {
            name: None if part is None else function(part) for name, part in vars(self).items() if name != "conditions"
        }
        parts["conditions"] = {name: function(part) for name, part in self.conditions.items()}
        if check:
            return Batch(**parts)
        batch = object.__new__(Batch)
        vars(batch).update(parts)
        return batch


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

    A batch that reaches over the end of an epoch is filled from the next one (and may then hold an example twice). Every
    generator has epochs of its own, so that draws with one do not disturb those with another; a new generator starts a new epoch.

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
        if targets is None:
            raise TypeError("a task needs targets: classes, or values.")
        self._examples = Batch(inputs, targets, conditions=conditions or {}).to(device())
        self.tolerance = tolerance
        self._orders: WeakKeyDictionary[Generator, Tensor] = (
            WeakKeyDictionary()
        )  # what is left of each generator's epoch

    def __getstate__(self) -> dict:
        """What is copied and pickled: everything but the epochs, so that a copy starts its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_orders"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__ |= state | {"_orders": WeakKeyDictionary()}

    def __len__(self) -> int:
        """The number of examples."""
        return len(self._examples)

    def all(self) -> Batch:
        """Every example, in its original order: a copy, which you may change."""
        return self._examples._map(torch.clone)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw examples without replacement within an epoch; see `Task.sample`.

        Raises
        ------
        ValueError
            If ``trials`` is not between 1 and the number of examples.
        """
        trials = positive_integer(trials, "trials")
        if trials > len(self):
            raise ValueError(
                f"{trials} trials asked for, but the task has {len(self)} examples: ask for fewer, fit(…, trials={len(self)}); "
                "task.all() gives them all."
            )
        drawn = self._draw(trials, source_of(generator))
        return self._examples._map(lambda part: part.index_select(0, drawn))

    def _draw(self, trials: int, generator: Generator) -> Tensor:
        """The next ``trials`` numbers in the order of this epoch, and of the next where this one ends."""
        order = self._orders.get(generator)
        if order is None or len(order) < trials:
            rest = [] if order is None else [order]
            order = torch.cat([*rest, torch.randperm(len(self), generator=generator)])
        drawn, self._orders[generator] = order[:trials], order[trials:]
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
            If the outputs do not fit the targets, are not finite, or the targets are values and there is no tolerance.
        """
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        if not batch.targets.is_floating_point():
            right = outputs.argmax(-1) == batch.targets
        elif self.tolerance is None:
            raise ValueError(
                "these targets are values: say how close is correct, FiniteTask(inputs, targets, tolerance=…)."
            )
        else:
            right = (outputs - batch.targets).abs() <= self.tolerance
        return right.flatten(1).all(1) if right.ndim > 1 else right


def source_of(generator: Generator | None) -> Generator:
    """Where random numbers come from: the generator, or torch's own without one; a seed is refused.

    Parameters
    ----------
    generator : torch.Generator, optional

    Raises
    ------
    TypeError
    """
    if not isinstance(generator, Generator | None):
        raise TypeError(
            f"trials are drawn with a torch.Generator, torch.Generator().manual_seed(0), got {generator!r}."
        )
    return torch.default_generator if generator is None else generator


def check_tensor(outputs: Tensor) -> None:
    """Refuse outputs that are no tensor.

    Parameters
    ----------
    outputs : Tensor

    Raises
    ------
    TypeError
    """
    if not isinstance(outputs, Tensor):
        raise TypeError(f"outputs should be a tensor, got {type(outputs).__name__}: torch.as_tensor makes one.")


def check_fit(outputs: Tensor, targets: Tensor | None) -> None:
    """Refuse targets that do not belong to outputs: values need the outputs' shape, classes that without its last dimension.

    Parameters
    ----------
    outputs : Tensor
        trials × [time ×] outputs.
    targets : Tensor or None

    Raises
    ------
    ValueError
    """
    check_tensor(outputs)
    if targets is None:
        raise ValueError("outputs are to be compared with targets, but the batch has none (targets=None).")
    classes = not targets.is_floating_point()
    expected = outputs.shape[:-1] if classes else outputs.shape
    if targets.shape != expected:
        kind, (given, wanted) = "classes" if classes else "values", (tuple(targets.shape), tuple(expected))
        raise ValueError(
            f"outputs of shape {tuple(outputs.shape)} need {kind} of shape {wanted} as targets, got {given}."
        )
    if classes:
        check_classes(targets, outputs.shape[-1])


def check_finite(outputs: Tensor) -> None:
    """Refuse outputs that are no answers: NaN, or infinite.

    Parameters
    ----------
    outputs : Tensor

    Raises
    ------
    ValueError
    """
    check_tensor(outputs)
    if not torch.isfinite(outputs).all():
        raise ValueError("some outputs are NaN or infinite: such a network answers nothing. Did its training diverge?")


def check_classes(classes: Tensor, n: int) -> None:
    """Refuse classes that are not among 0 … n − 1, and fewer than two outputs to tell them apart."""
    if n < 2:
        raise ValueError(f"a network with {n} output cannot tell classes apart: it needs one output for each class.")
    lowest, highest = (int(c) for c in classes.aminmax())
    if lowest < 0 or highest >= n:
        raise ValueError(
            f"there are {n} outputs, for the classes 0 to {n - 1}, but the targets run from {lowest} to {highest}."
        )
