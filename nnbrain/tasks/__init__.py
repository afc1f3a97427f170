"""Tasks: what is to be solved. Every task hands out a `Batch` of trials and says which answers are correct."""

from nnbrain.tasks.associative_recall import AssociativeRecall
from nnbrain.tasks.base import Batch, FiniteTask, Task
from nnbrain.tasks.context_decision import ContextDecision
from nnbrain.tasks.delayed_comparison import DelayedComparison
from nnbrain.tasks.delayed_match_to_category import DelayedMatchToCategory
from nnbrain.tasks.digits import Digits
from nnbrain.tasks.flip_flop import FlipFlop
from nnbrain.tasks.gratings import Gratings
from nnbrain.tasks.memory import Memory
from nnbrain.tasks.moving_stimuli import MovingStimuli
from nnbrain.tasks.overlaid_digits import OverlaidDigits
from nnbrain.tasks.perceptual_decision import PerceptualDecision
from nnbrain.tasks.photographs import NaturalImagePatches, whiten
from nnbrain.tasks.shifted_digits import ShiftedDigits
from nnbrain.tasks.timed import Response, TimedTask

__all__ = [
    "AssociativeRecall",
    "Batch",
    "ContextDecision",
    "DelayedComparison",
    "DelayedMatchToCategory",
    "Digits",
    "FiniteTask",
    "FlipFlop",
    "Gratings",
    "Memory",
    "MovingStimuli",
    "NaturalImagePatches",
    "OverlaidDigits",
    "PerceptualDecision",
    "Response",
    "ShiftedDigits",
    "Task",
    "TimedTask",
    "whiten",
]
