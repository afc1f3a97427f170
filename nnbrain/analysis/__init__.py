"""Analyses: what we ask of a network. Functions of arrays or callables, without plots and without state."""

from nnbrain.analysis.geometry import angle
from nnbrain.analysis.performance import accuracy
from nnbrain.analysis.recording import record

__all__ = ["accuracy", "angle", "record"]
