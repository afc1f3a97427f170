"""Statements about results: shown to the reader, enforced, and recorded over many seeds.

``python -m nnbrain.claims 01 --seeds 20`` runs chapter 01 with seeds 0 to 19 and writes every claim of every seed to
``tests/claims/01.csv``. A bound comes from theory or from the paper, or lies three standard deviations from the mean over seeds.
"""

from nnbrain.claims.statement import SOURCES, ClaimFailed, claim

__all__ = ["SOURCES", "ClaimFailed", "claim"]
