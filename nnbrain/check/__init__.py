"""Feedback on exercises: what is wrong with an answer, never just that it is. One module for each chapter."""

from nnbrain.check import (
    chapter_00,
    chapter_01,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_10,
    chapter_11,
    chapter_12,
    chapter_13,
    chapter_14,
    chapter_15,
    chapter_16,
    chapter_17,
    chapter_18,
    chapter_19,
)
from nnbrain.check.compare import Wrong, call, compare, passed

__all__ = [
    "Wrong",
    "call",
    "chapter_00",
    "chapter_01",
    "chapter_04",
    "chapter_05",
    "chapter_06",
    "chapter_07",
    "chapter_10",
    "chapter_11",
    "chapter_12",
    "chapter_13",
    "chapter_14",
    "chapter_15",
    "chapter_16",
    "chapter_17",
    "chapter_18",
    "chapter_19",
    "compare",
    "passed",
]
