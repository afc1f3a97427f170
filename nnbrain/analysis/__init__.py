"""Analyses: what we ask of a network. Functions of arrays or callables, without plots and without state."""

from nnbrain.analysis.alignment import cka
from nnbrain.analysis.dissimilarity import Ceiling, compare_rdms, noise_ceiling, rdm
from nnbrain.analysis.geometry import angle
from nnbrain.analysis.performance import accuracy
from nnbrain.analysis.predictivity import linear_predictivity, split_half_reliability
from nnbrain.analysis.preferred import Preferred, preferred_stimulus
from nnbrain.analysis.recording import record
from nnbrain.analysis.resampling import bootstrap_rdm_comparison, permute_rdm_comparison
from nnbrain.analysis.tuning import Selectivity, Tuning, orientation_selectivity, tuning_curve

__all__ = [
    "Ceiling",
    "Preferred",
    "Selectivity",
    "Tuning",
    "accuracy",
    "angle",
    "bootstrap_rdm_comparison",
    "cka",
    "compare_rdms",
    "linear_predictivity",
    "noise_ceiling",
    "orientation_selectivity",
    "permute_rdm_comparison",
    "preferred_stimulus",
    "rdm",
    "record",
    "split_half_reliability",
    "tuning_curve",
]
