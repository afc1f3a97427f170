"""Tasks: what is to be solved. Every task hands out a `Batch` of trials and says which answers are correct."""

from nnbrain.tasks.as_gymnasium import as_gymnasium
from nnbrain.tasks.associative_recall import AssociativeRecall
from nnbrain.tasks.bandit import Bandit
from nnbrain.tasks.base import Batch, FiniteTask, Task
from nnbrain.tasks.cognitive import CognitiveTask
from nnbrain.tasks.cognitive_kinds import COGNITIVE_TASKS
from nnbrain.tasks.context_decision import ContextDecision
from nnbrain.tasks.delayed_comparison import DelayedComparison
from nnbrain.tasks.delayed_match_to_category import DelayedMatchToCategory
from nnbrain.tasks.delayed_match_to_sample import DelayedMatchToSample
from nnbrain.tasks.digits import Digits
from nnbrain.tasks.familiarity import Familiarity
from nnbrain.tasks.flip_flop import FlipFlop
from nnbrain.tasks.gratings import Gratings
from nnbrain.tasks.hierarchical_concepts import HierarchicalConcepts
from nnbrain.tasks.many_tasks import ManyTasks
from nnbrain.tasks.memory import Memory
from nnbrain.tasks.mixture import Mixture
from nnbrain.tasks.moving_stimuli import MovingStimuli
from nnbrain.tasks.occluded_digits import OccludedDigits
from nnbrain.tasks.orientation_discrimination import OrientationDiscrimination
from nnbrain.tasks.overlaid_digits import OverlaidDigits
from nnbrain.tasks.pattern_completion import PatternCompletion
from nnbrain.tasks.perceptual_decision import PerceptualDecision
from nnbrain.tasks.permuted_digits import PermutedDigits
from nnbrain.tasks.photographs import NaturalImagePatches, whiten
from nnbrain.tasks.reconstruction import Reconstruction
from nnbrain.tasks.replay_buffer import ReplayBuffer
from nnbrain.tasks.shifted_digits import ShiftedDigits
from nnbrain.tasks.split_digits import SplitDigits
from nnbrain.tasks.sure_bet import SureBet
from nnbrain.tasks.timed import Response, TimedTask

__all__ = [
    "COGNITIVE_TASKS",
    "AssociativeRecall",
    "Bandit",
    "Batch",
    "CognitiveTask",
    "ContextDecision",
    "DelayedComparison",
    "DelayedMatchToCategory",
    "DelayedMatchToSample",
    "Digits",
    "Familiarity",
    "FiniteTask",
    "FlipFlop",
    "Gratings",
    "HierarchicalConcepts",
    "ManyTasks",
    "Memory",
    "Mixture",
    "MovingStimuli",
    "NaturalImagePatches",
    "OccludedDigits",
    "OrientationDiscrimination",
    "OverlaidDigits",
    "PatternCompletion",
    "PerceptualDecision",
    "PermutedDigits",
    "Reconstruction",
    "ReplayBuffer",
    "Response",
    "ShiftedDigits",
    "SplitDigits",
    "SureBet",
    "Task",
    "TimedTask",
    "as_gymnasium",
    "whiten",
]
