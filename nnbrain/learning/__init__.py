"""Learning rules: what changes the weights. Every rule obeys the contract of `Rule`: called on a batch, it fills ``.grad``."""

from nnbrain.learning.action_value import ActionValue
from nnbrain.learning.attention_gated import AttentionGated, AttentionGatedTrials
from nnbrain.learning.backprop import Backprop
from nnbrain.learning.base import Rule
from nnbrain.learning.bcm import BCM
from nnbrain.learning.complex_weights import ComplexWeights
from nnbrain.learning.contrastive_hebbian import ContrastiveHebbian
from nnbrain.learning.delta_rule import DeltaRule
from nnbrain.learning.dendritic_errors import DendriticErrors
from nnbrain.learning.direct_feedback_alignment import DirectFeedbackAlignment
from nnbrain.learning.equilibrium_propagation import EquilibriumPropagation
from nnbrain.learning.feedback_alignment import FeedbackAlignment
from nnbrain.learning.force import FORCE
from nnbrain.learning.hebbian import Hebbian
from nnbrain.learning.kolen_pollack import KolenPollack
from nnbrain.learning.node_perturbation import NodePerturbation
from nnbrain.learning.oja import Oja
from nnbrain.learning.optimizers import StepOptimizer, adam_step, momentum_step, rmsprop_step, sgd_step
from nnbrain.learning.predictive_coding import PredictiveCoding
from nnbrain.learning.reinforce import Reinforce
from nnbrain.learning.rflo import RFLO
from nnbrain.learning.rtrl import RTRL
from nnbrain.learning.sanger import Sanger
from nnbrain.learning.sign_symmetric import SignSymmetric
from nnbrain.learning.supervised_predictive_coding import SupervisedPredictiveCoding
from nnbrain.learning.weight_mirror import WeightMirror
from nnbrain.learning.weight_perturbation import WeightPerturbation

__all__ = [
    "BCM",
    "FORCE",
    "RFLO",
    "RTRL",
    "ActionValue",
    "AttentionGated",
    "AttentionGatedTrials",
    "Backprop",
    "ComplexWeights",
    "ContrastiveHebbian",
    "DeltaRule",
    "DendriticErrors",
    "DirectFeedbackAlignment",
    "EquilibriumPropagation",
    "FeedbackAlignment",
    "Hebbian",
    "KolenPollack",
    "NodePerturbation",
    "Oja",
    "PredictiveCoding",
    "Reinforce",
    "Rule",
    "Sanger",
    "SignSymmetric",
    "StepOptimizer",
    "SupervisedPredictiveCoding",
    "WeightMirror",
    "WeightPerturbation",
    "adam_step",
    "momentum_step",
    "rmsprop_step",
    "sgd_step",
]
