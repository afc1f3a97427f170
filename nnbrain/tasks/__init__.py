"""Tasks: what is to be solved. Every task hands out a `Batch` of trials and says which answers are correct."""

from nnbrain.tasks.base import Batch, FiniteTask, Task
from nnbrain.tasks.digits import Digits
from nnbrain.tasks.gratings import Gratings
from nnbrain.tasks.shifted_digits import ShiftedDigits

__all__ = ["Batch", "Digits", "FiniteTask", "Gratings", "ShiftedDigits", "Task"]
