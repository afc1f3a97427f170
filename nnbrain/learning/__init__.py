"""Learning rules: what changes the weights. Every rule obeys the contract of `Rule`: called on a batch, it fills ``.grad``."""

from nnbrain.learning.backprop import Backprop
from nnbrain.learning.base import Rule
from nnbrain.learning.delta_rule import DeltaRule

__all__ = ["Backprop", "DeltaRule", "Rule"]
