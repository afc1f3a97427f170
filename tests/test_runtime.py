"""The device and the seed."""

import random

import numpy as np
import pytest
import torch

import nnbrain as nb


def test_device_is_the_best_there_is(monkeypatch):
    monkeypatch.delenv("NNBRAIN_DEVICE", raising=False)
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert nb.device().type == best


def test_environment_overrides_the_device(monkeypatch):
    monkeypatch.setenv("NNBRAIN_DEVICE", "cpu")
    assert nb.device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:first", "meta", "cpu:x"])
def test_unknown_device_is_refused_by_name(monkeypatch, name):
    monkeypatch.setenv("NNBRAIN_DEVICE", name)
    with pytest.raises(ValueError, match=f"NNBRAIN_DEVICE='{name}' names no device"):
        nb.device()


def test_absent_device_is_refused_with_what_there_is(monkeypatch):
    monkeypatch.setenv("NNBRAIN_DEVICE", "cuda:99")
    with pytest.raises(ValueError, match=r"finds only .*cpu"):
        nb.device()


def test_set_seed_seeds_every_generator():
    draws = []
    for _ in range(2):
        nb.set_seed(7)
        draws.append((torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()))
    assert draws[0] == draws[1]


def test_seed_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("NNBRAIN_SEED", "11")
    assert nb.set_seed() == 11
    monkeypatch.delenv("NNBRAIN_SEED")
    assert nb.set_seed() == 0


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "three"])
def test_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match="the seed must be an integer"):
        nb.set_seed(seed)


def test_bad_seed_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("NNBRAIN_SEED", "lucky")
    with pytest.raises(ValueError, match="NNBRAIN_SEED must be an integer"):
        nb.set_seed()
