"""Learning rules: what changes the weights. Every rule obeys the contract of `Rule`: called on a batch, it fills ``.grad``."""

from nnbrain.learning.backprop import Backprop
from nnbrain.learning.base import Rule
from nnbrain.learning.delta_rule import DeltaRule
from nnbrain.learning.force import FORCE
from nnbrain.learning.predictive_coding import PredictiveCoding

__all__ = [
    "FORCE",
    "Backprop",
    "DeltaRule",
    "PredictiveCoding",
    "Rule",
]
