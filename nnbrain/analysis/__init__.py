"""Analyses: what we ask of a network. Functions of arrays or callables, without plots and without state."""

from nnbrain.analysis.alignment import cka
from nnbrain.analysis.alignment_angles import alignment_angles, gradient_angles, modulator_angles
from nnbrain.analysis.decoding import decode
from nnbrain.analysis.deep_linear import exact_mode_strengths, linear_map, mode_strengths
from nnbrain.analysis.demixing import DemixedComponents, demixed_components
from nnbrain.analysis.detection import Detection, signal_detection
from nnbrain.analysis.dissimilarity import Ceiling, compare_rdms, noise_ceiling, rdm
from nnbrain.analysis.equilibrium_gradient import equilibrium_gradient
from nnbrain.analysis.estimator_statistics import EstimatorStatistics, estimator_statistics
from nnbrain.analysis.fixed_points import FixedPoints, fixed_points
from nnbrain.analysis.gabor_fit import GaborFit, gabor_fit
from nnbrain.analysis.geometry import angle
from nnbrain.analysis.jacobian import jacobian_asymmetry, rule_field
from nnbrain.analysis.lesions import inactivate, lesion
from nnbrain.analysis.linearization import Linearization, LineAttractor, line_attractor, linearize
from nnbrain.analysis.memory_trace import MemoryTrace, lifetime, memory_trace
from nnbrain.analysis.pca import PCA, pca
from nnbrain.analysis.performance import accuracy
from nnbrain.analysis.predictivity import linear_predictivity, split_half_reliability
from nnbrain.analysis.preferred import Preferred, preferred_stimulus
from nnbrain.analysis.recording import record
from nnbrain.analysis.regression import ChoiceRegression, choice_regression
from nnbrain.analysis.resampling import bootstrap_rdm_comparison, permute_rdm_comparison
from nnbrain.analysis.returns import discounted_returns
from nnbrain.analysis.shuffling import shuffle_within
from nnbrain.analysis.task_variance import NormalizedVariance, normalized_variance, task_variance
from nnbrain.analysis.tuning import Selectivity, Tuning, orientation_selectivity, tuning_curve
from nnbrain.analysis.unit_clusters import UnitClusters, cluster_units

__all__ = [
    "PCA",
    "Ceiling",
    "ChoiceRegression",
    "DemixedComponents",
    "Detection",
    "EstimatorStatistics",
    "FixedPoints",
    "GaborFit",
    "LineAttractor",
    "Linearization",
    "MemoryTrace",
    "NormalizedVariance",
    "Preferred",
    "Selectivity",
    "Tuning",
    "UnitClusters",
    "accuracy",
    "alignment_angles",
    "angle",
    "bootstrap_rdm_comparison",
    "choice_regression",
    "cka",
    "cluster_units",
    "compare_rdms",
    "decode",
    "demixed_components",
    "discounted_returns",
    "equilibrium_gradient",
    "estimator_statistics",
    "exact_mode_strengths",
    "fixed_points",
    "gabor_fit",
    "gradient_angles",
    "inactivate",
    "jacobian_asymmetry",
    "lesion",
    "lifetime",
    "line_attractor",
    "linear_map",
    "linear_predictivity",
    "linearize",
    "memory_trace",
    "mode_strengths",
    "modulator_angles",
    "noise_ceiling",
    "normalized_variance",
    "orientation_selectivity",
    "pca",
    "permute_rdm_comparison",
    "preferred_stimulus",
    "rdm",
    "record",
    "rule_field",
    "shuffle_within",
    "signal_detection",
    "split_half_reliability",
    "task_variance",
    "tuning_curve",
]
