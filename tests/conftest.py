"""What all tests share. Notebooks and tests run side by side, so each gets one thread."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; the notebooks' kernels inherit it
os.environ.setdefault("MPLBACKEND", "agg")

import matplotlib.pyplot as plt
import pytest
import torch

import nnbrain as nb


@pytest.fixture(autouse=True)
def _reproducible():
    """Every test starts from the same seed and leaves no figure open."""
    nb.set_seed(0)
    yield
    plt.close("all")


@pytest.fixture
def device() -> torch.device:
    return nb.device()
