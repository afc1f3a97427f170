"""Objectives: scalar functions of the weights and the data. They add up and scale: ``cross_entropy + 1e-3 * l2``."""

from nnbrain.objectives.base import Objective
from nnbrain.objectives.errors import cross_entropy, one_hot, squared_error
from nnbrain.objectives.penalties import l1, l2, rate_l2

__all__ = ["Objective", "cross_entropy", "l1", "l2", "one_hot", "rate_l2", "squared_error"]
