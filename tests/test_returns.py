"""Discounted returns, against a sum written out."""

import pytest
import torch

from nnbrain.analysis import discounted_returns


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.93, 1.0])
def test_returns_are_the_discounted_sum_of_what_follows(gamma):
    r = torch.randn(3, 7, dtype=torch.float64)
    wanted = [[sum(gamma**k * float(row[t + k]) for k in range(7 - t)) for t in range(7)] for row in r]
    assert torch.allclose(discounted_returns(r, gamma), torch.tensor(wanted, dtype=torch.float64), atol=1e-12)


def test_a_trial_does_not_see_the_rewards_of_others():
    r = torch.zeros(2, 4)
    r[0, 3] = 1
    assert discounted_returns(r, 0.9)[1].abs().max() == 0


def test_gradients_pass_through():
    r = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
    discounted_returns(r, 0.5)[0, 0].backward()
    assert r.grad.tolist() == [[1.0, 0.5, 0.25]]


def test_no_time_no_returns():
    assert discounted_returns(torch.zeros(2, 0), 0.5).shape == (2, 0)


@pytest.mark.parametrize("gamma", [-0.1, 1.1, float("nan"), "a", True])
def test_a_bad_discount_is_refused(gamma):
    with pytest.raises(ValueError, match="between 0 and 1"):
        discounted_returns(torch.zeros(1, 3), gamma)


def test_bad_rewards_are_refused():
    with pytest.raises(TypeError, match="floating point"):
        discounted_returns([[0.0, 1.0]], 0.5)
    with pytest.raises(TypeError, match="floating point"):
        discounted_returns(torch.ones(1, 3, dtype=torch.long), 0.5)
    with pytest.raises(ValueError, match="trials × time"):
        discounted_returns(torch.zeros(3), 0.5)
