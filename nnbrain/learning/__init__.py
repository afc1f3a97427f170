"""Learning rules: what changes the weights. Every rule obeys the contract of `Rule`: called on a batch, it fills ``.grad``."""

from nnbrain.learning.backprop import Backprop
from nnbrain.learning.base import Rule
from nnbrain.learning.bcm import BCM
from nnbrain.learning.complex_weights import ComplexWeights
from nnbrain.learning.delta_rule import DeltaRule
from nnbrain.learning.force import FORCE
from nnbrain.learning.hebbian import Hebbian
from nnbrain.learning.oja import Oja
from nnbrain.learning.predictive_coding import PredictiveCoding
from nnbrain.learning.sanger import Sanger

__all__ = [
    "BCM",
    "FORCE",
    "Backprop",
    "ComplexWeights",
    "DeltaRule",
    "Hebbian",
    "Oja",
    "PredictiveCoding",
    "Rule",
    "Sanger",
]
