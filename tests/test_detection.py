"""Signal detection: what theory says of normal evidence, scikit-learn's area, and what a criterion does and does not change."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.metrics import roc_auc_score

from nnbrain.analysis import signal_detection


def normal(d_prime: float, spread: float = 1.0, n: int = 200_000):
    """Normal evidence: n trials without a signal, n with one, whose mean is d′ and standard deviation the spread."""
    noise, signal = torch.randn(n, dtype=torch.float64), torch.randn(n, dtype=torch.float64)
    return torch.cat([noise, d_prime + spread * signal]), torch.arange(2 * n) >= n


@pytest.mark.parametrize("d_prime", [0.0, 0.5, 1.5, 3.0])
@pytest.mark.parametrize("criterion", [-0.5, 0.0, 1.0])
def test_normal_evidence_gives_the_d_prime_bias_and_area_of_theory(d_prime, criterion):
    """H = Φ(d′ − criterion), F = Φ(−criterion), c = criterion − d′/2, AUC = Φ(d′/√2)."""
    found = signal_detection(*normal(d_prime), criterion)
    phi = scipy.stats.norm.cdf
    assert found.hits == pytest.approx(phi(d_prime - criterion), abs=0.005)
    assert found.false_alarms == pytest.approx(phi(-criterion), abs=0.005)
    assert found.d_prime == pytest.approx(d_prime, abs=0.04)
    assert found.bias == pytest.approx(criterion - d_prime / 2, abs=0.02)
    assert found.auc == pytest.approx(phi(d_prime / math.sqrt(2)), abs=0.004)


def test_with_unequal_variances_d_prime_depends_on_the_criterion_and_the_area_does_not():
    """AUC = Φ(μ/√(1 + s²)); z(H) = (μ − criterion)/s."""
    evidence, present = normal(1.0, spread=2.0)
    low, high = (signal_detection(evidence, present, criterion) for criterion in (-0.5, 1.5))
    assert low.d_prime == pytest.approx((1.0 + 0.5) / 2 - 0.5, abs=0.03)
    assert high.d_prime == pytest.approx((1.0 - 1.5) / 2 + 1.5, abs=0.03)
    assert low.auc == high.auc == pytest.approx(scipy.stats.norm.cdf(1 / math.sqrt(5)), abs=0.004)


def test_to_add_something_to_all_evidence_is_a_shift_of_criterion():
    """Hits rise, and so do false alarms: the area tells that nothing has been gained."""
    evidence, present = normal(1.0, n=5000)
    before, after = signal_detection(evidence, present, 0.5), signal_detection(evidence + 0.4, present, 0.5)
    assert after.hits > before.hits + 0.1 and after.false_alarms > before.false_alarms + 0.1
    assert after.bias < before.bias - 0.3
    assert after.auc == pytest.approx(before.auc, abs=1e-4)
    assert signal_detection(evidence, present, 0.5 - 0.4)[:4] == pytest.approx(after[:4], abs=1e-3)


@pytest.mark.parametrize("values", ["continuous", "ties", "all the same"])
def test_the_area_is_that_of_scikit_learn(values):
    evidence = torch.randn(500)
    evidence = {"continuous": evidence, "ties": evidence.round(), "all the same": 0 * evidence}[values]
    present = torch.rand(500) < torch.sigmoid(evidence)
    expected = roc_auc_score(present.numpy(), evidence.numpy())
    assert signal_detection(evidence, present).auc == pytest.approx(expected, abs=1e-12)


def test_the_area_is_how_often_a_signal_has_more_evidence_than_none():
    evidence = torch.tensor([2.0, 1.0, -1.0, 1.0, -2.0])
    present = torch.tensor([True, True, True, False, False])
    assert signal_detection(evidence, present).auc == (2 + 1.5 + 1) / 6


def test_the_area_does_not_change_with_any_growing_function_of_the_evidence():
    evidence, present = normal(1.0, n=500)
    areas = {signal_detection(e, present).auc for e in (evidence, 3 * evidence - 1, evidence.exp(), evidence**3)}
    assert len(areas) == 1
    assert signal_detection(-evidence, present).auc == pytest.approx(1 - areas.pop())


def test_rates_are_counted_and_an_observer_says_no_at_the_criterion_itself():
    evidence = torch.tensor([0.0, 0.5, 0.5, 1.0, 0.5, 0.7])
    present = torch.tensor([True, True, True, True, False, False])
    found = signal_detection(evidence, present, 0.5)
    assert (found.hits, found.false_alarms) == (0.25, 0.5)


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_one_who_makes_no_error_has_a_finite_d_prime(n):
    """(hits + ½)/(trials + 1), and F alike."""
    present = torch.arange(2 * n) < n
    found = signal_detection(present.float(), present, 0.5)
    z = scipy.stats.norm.ppf((n + 0.5) / (n + 1))
    assert (found.hits, found.false_alarms, found.auc) == (1.0, 0.0, 1.0)
    assert found.d_prime == pytest.approx(2 * z) and found.bias == pytest.approx(0.0, abs=1e-12)


def test_one_who_always_says_yes_has_no_sensitivity_and_a_bias_below_0():
    present = torch.arange(200) < 100
    found = signal_detection(torch.ones(200), present)
    assert (found.hits, found.false_alarms, found.auc) == (1.0, 1.0, 0.5)
    assert found.d_prime == 0 and found.bias < -2


def test_the_order_of_trials_does_not_matter():
    evidence, present = normal(1.0, n=100)
    order = torch.randperm(200)
    assert signal_detection(evidence[order], present[order], 0.3) == signal_detection(evidence, present, 0.3)


def test_it_works_where_the_evidence_lies(device):
    evidence, present = normal(1.0, n=100)
    evidence, criterion = evidence.float(), 0.3
    wanted = signal_detection(evidence, present, criterion)
    assert signal_detection(evidence.to(device), present, np.float64(criterion)) == wanted
    assert signal_detection(evidence.to(device).requires_grad_(), present.to(device), criterion) == wanted
    assert all(isinstance(value, float) for value in wanted)


TRIALS = torch.tensor([True, False, True])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (
            ([0.1, 0.2, 0.3], TRIALS),
            TypeError,
            "evidence should be a tensor of floating-point numbers, trials, got list",
        ),
        ((torch.arange(3), TRIALS), TypeError, "evidence should be .* got torch.int64"),
        ((torch.zeros(3, 2), TRIALS), ValueError, r"evidence should be .* got shape \(3, 2\)"),
        ((torch.zeros(0), TRIALS[:0]), ValueError, "none of them empty"),
        ((torch.tensor([0.0, math.nan, 1.0]), TRIALS), ValueError, "evidence has values that are NaN or infinite"),
        ((torch.zeros(3), TRIALS.long()), TypeError, "present should be a tensor of booleans, got torch.int64"),
        ((torch.zeros(3), [True, False, True]), TypeError, "present should be a tensor of booleans, got list"),
        ((torch.zeros(3), TRIALS[:2]), ValueError, r"each of the 3 trials whether it has a signal, got shape \(2,\)"),
        ((torch.zeros(3), TRIALS | True), ValueError, "all trials are with a signal"),
        ((torch.zeros(3), TRIALS & False), ValueError, "all trials are without a signal"),
        ((torch.zeros(3), TRIALS, math.inf), ValueError, "criterion should be a finite number, got inf"),
        ((torch.zeros(3), TRIALS, "strict"), ValueError, "criterion should be a finite number, got 'strict'"),
    ],
)
def test_what_is_no_detection_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        signal_detection(*arguments)
