"""Where and from which seed everything runs: the compute device and the random number generators."""

import os
import random

import numpy as np
import torch


def device() -> torch.device:
    """The device to compute on: CUDA when there is one, else MPS, else the CPU.

    The environment variable ``NNBRAIN_DEVICE`` ("cpu", "cuda", "cuda:1", "mps") overrides the choice.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If ``NNBRAIN_DEVICE`` names no device, or one that this machine does not have.
    """
    wanted = os.environ.get("NNBRAIN_DEVICE", "").strip()
    if not wanted:
        return torch.device(_available()[0])
    try:
        chosen = torch.device(wanted)
    except RuntimeError:
        chosen = None
    if chosen is None or chosen.type not in ("cuda", "mps", "cpu"):
        raise ValueError(f"NNBRAIN_DEVICE={wanted!r} names no device: use 'cpu', 'cuda', 'cuda:1' or 'mps'.")
    count = {"cuda": torch.cuda.device_count(), "mps": 1, "cpu": 1}[chosen.type]
    if chosen.type not in _available() or (chosen.index or 0) >= count:
        raise ValueError(
            f"NNBRAIN_DEVICE={wanted!r}, but torch {torch.__version__} finds only {', '.join(_available())} on this "
            "machine. Unset NNBRAIN_DEVICE to take the best one, or install a build of torch for your device."
        )
    return chosen


def _available() -> list[str]:
    """Types of device on this machine, the best one first."""
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [name for name, present in found.items() if present]


def set_seed(seed: int | None = None) -> int:
    """Seed torch (every device), numpy and Python's random.

    Parameters
    ----------
    seed : int, optional
        From 0 to 2³² − 1. By default the environment variable ``NNBRAIN_SEED``, or 0 if that is unset: this is how
        ``python -m nnbrain.claims`` runs a notebook over many seeds.

    Returns
    -------
    int
        The seed that was set.

    Raises
    ------
    ValueError
        If the seed is no integer in that range.
    """
    given = os.environ.get("NNBRAIN_SEED", "0") if seed is None else seed
    try:
        chosen = int(given)
    except (TypeError, ValueError, OverflowError):
        chosen = -1
    if not 0 <= chosen < 2**32 or (isinstance(given, float) and given != chosen):
        origin = "NNBRAIN_SEED" if seed is None else "the seed"
        raise ValueError(f"{origin} must be an integer from 0 to 2**32 - 1, got {given!r}.")
    random.seed(chosen)
    np.random.seed(chosen)
    torch.manual_seed(chosen)
    return chosen
