"""Objectives: scalar functions of the weights and the data. They add up and scale: ``cross_entropy + 1e-3 * l2``."""

from nnbrain.objectives.at_every_step import at_every_step
from nnbrain.objectives.base import Objective
from nnbrain.objectives.elastic_weight_consolidation import ElasticWeightConsolidation
from nnbrain.objectives.errors import cross_entropy, one_hot, squared_error
from nnbrain.objectives.fisher_information import fisher_information
from nnbrain.objectives.logistic_error import logistic_error
from nnbrain.objectives.penalties import l1, l2, rate_l2
from nnbrain.objectives.reward import expected_reward
from nnbrain.objectives.synaptic_intelligence import SynapticIntelligence
from nnbrain.objectives.weight_anchor import WeightAnchor

__all__ = [
    "ElasticWeightConsolidation",
    "Objective",
    "SynapticIntelligence",
    "WeightAnchor",
    "at_every_step",
    "cross_entropy",
    "expected_reward",
    "fisher_information",
    "l1",
    "l2",
    "logistic_error",
    "one_hot",
    "rate_l2",
    "squared_error",
]
