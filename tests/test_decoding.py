"""Decoding over time: against scikit-learn, against theory, and fair to trials that the decoder has not seen."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from nnbrain.analysis import decode, shuffle_within
from nnbrain.analysis.decoding import _discriminant, _shrunk_covariance


def some(trials=240, steps=3, units=20, classes=4, size=1.0):
    """Trials × time × units of noise about the mean of each class, and the labels."""
    labels = torch.arange(trials) % classes
    means = size * torch.randn(classes, steps, units).double()
    return means[labels] + torch.randn(trials, steps, units).double(), labels


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_shrinkage_is_that_of_ledoit_and_wolf():
    z = (torch.randn(2, 50, 20) @ torch.randn(2, 20, 20)).double()
    for ours, data in zip(_shrunk_covariance(z, floor=0.0), z, strict=True):
        assert np.allclose(ours, LedoitWolf(assume_centered=True).fit(data).covariance_, atol=1e-10)


def test_scores_are_those_of_linear_discriminant_analysis():
    """With unequal classes, against scikit-learn on standardised units with the same covariance."""
    x, labels = some()
    x, labels = x[:200], labels[:200].where(torch.arange(200) % 3 == 0, 1)
    w, b = _discriminant(x.transpose(0, 1), labels.unique(return_inverse=True)[1])
    for t in range(3):
        z = torch.from_numpy(StandardScaler().fit_transform(x[:, t])) * (199 / 200) ** 0.5
        means = torch.stack([z[labels == k].mean(0) for k in labels.unique()])
        covariance = _shrunk_covariance((z - means[labels.unique(return_inverse=True)[1]])[None])[0]

        class Known:
            covariance_ = covariance.numpy()

            def fit(self, _):
                return self

            def get_params(self, deep=True):
                return {}

        theirs = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Known()).fit(z, labels)
        ours = x[:, t] @ w[t] + b[t]
        difference = ours - torch.from_numpy(theirs.decision_function(z))
        assert (difference - difference[:, :1]).abs().max() < 1e-8  # up to what all classes share


def test_two_gaussian_classes_are_decoded_as_often_as_theory_says():
    distance, labels = 2.0, torch.arange(4000) % 2
    x = torch.randn(4000, 2, 5).double()
    x[..., 0] += distance * labels[:, None]
    assert (decode(x, labels) - norm.cdf(distance / 2)).abs().max() < 4 * (0.16 * 0.84 / 4000) ** 0.5


@pytest.mark.parametrize("classes", [2, 8])
def test_without_a_difference_accuracy_is_at_chance(classes):
    x, labels = some(800, 10, 30, classes, size=0.0)
    assert abs(float(decode(x, labels).mean()) - 1 / classes) < 4 * (1 / classes / 800) ** 0.5


def test_more_units_than_trials_do_not_fit_the_labels_by_heart():
    x, labels = some(60, 10, 200, 4, size=0.0)
    assert decode(x, labels).mean() < 0.35


def test_each_time_is_decoded_from_what_is_there_at_that_time():
    x, labels = some(200, 5, 20, 4, size=3.0)
    x[:, 3] = torch.randn(200, 20)
    accuracy = decode(x, labels)
    assert (accuracy[[0, 1, 2, 4]] > 0.95).all() and accuracy[3] < 0.45


def test_a_stable_code_generalizes_across_time_and_a_changing_one_does_not():
    x, labels = some(200, 1, 20, 4, size=3.0)
    stable = x.expand(-1, 3, -1) + 0.1 * torch.randn(200, 3, 20)
    across = decode(stable, labels, generalize=True)
    assert across.shape == (3, 3) and (across > 0.95).all()
    changing, labels = some(200, 3, 20, 4, size=3.0)
    across = decode(changing, labels, generalize=True)
    assert (across.diagonal() > 0.95).all() and (across - torch.diag(across.diagonal())).max() < 0.75


def test_the_diagonal_of_generalization_is_decoding():
    x, labels = some()
    across = decode(x, labels, generalize=True, generator=seeded())
    assert torch.equal(across.diagonal(), decode(x, labels, generator=seeded()))


def test_the_scale_and_offset_of_a_unit_do_not_matter():
    x, labels = some()
    changed = x * torch.logspace(-6, 6, 20).double() + torch.linspace(-1e3, 1e3, 20).double()
    assert torch.allclose(decode(x, labels, generator=seeded()), decode(changed, labels, generator=seeded()), atol=0.01)


def test_units_that_never_vary_change_nothing():
    x, labels = some()
    more = torch.cat([x, torch.full((240, 3, 5), 7.0)], -1)
    assert (decode(x, labels, generator=seeded()) - decode(more, labels, generator=seeded())).abs().max() < 0.05


def test_without_any_noise_the_smallest_difference_is_decoded():
    labels = torch.arange(80) % 4
    x = (1 + 1e-6 * labels.double())[:, None, None].expand(-1, 2, 3) * torch.tensor([1.0, 2.0, 3.0])
    assert (decode(x, labels) == 1).all()


@pytest.mark.parametrize(
    "labels", [torch.tensor([False, True]), torch.tensor([-45.0, 7.5]), torch.tensor([3, -100])], ids=str
)
def test_labels_are_any_values(labels):
    x, which = some(100, 2, 10, 2)
    assert torch.equal(decode(x, labels[which], generator=seeded()), decode(x, which, generator=seeded()))


def test_the_same_generator_gives_the_same_folds():
    x, labels = some(size=0.3)
    assert torch.equal(decode(x, labels, generator=seeded(1)), decode(x, labels, generator=seeded(1)))
    assert not torch.equal(decode(x, labels, generator=seeded(1)), decode(x, labels, generator=seeded(2)))


def test_it_computes_where_the_activity_lies(device):
    x, labels = some(80)
    accuracy = decode(x.float().to(device).requires_grad_(), labels.to(device))
    assert accuracy.device.type == device.type and accuracy.dtype == torch.float32 and not accuracy.requires_grad


@pytest.mark.parametrize(
    "x, labels, settings, error, message",
    [
        (torch.rand(8, 3), torch.arange(8) % 2, {}, ValueError, "activity should be .* trials × time × units, .* got shape"),
        (np.zeros((8, 2, 3)), torch.arange(8) % 2, {}, TypeError, "activity should be a tensor .*, got ndarray"),
        (torch.full((8, 2, 3), math.nan), torch.arange(8) % 2, {}, ValueError, "activity has values that are NaN"),
        (torch.rand(8, 2, 3), [0, 1] * 4, {}, TypeError, r"labels should be a tensor, \(trials,\), got list"),
        (torch.rand(8, 2, 3), torch.arange(7) % 2, {}, ValueError, r"one for each of the 8 trials, got shape \(7,\)"),
        (torch.rand(8, 2, 3), torch.zeros(8, 2), {}, ValueError, r"one for each of the 8 trials, got shape \(8, 2\)"),
        (torch.rand(8, 2, 3), torch.zeros(8), {}, ValueError, "all trials have the same label"),
        (torch.rand(8, 2, 3), torch.full((8,), math.nan), {}, ValueError, "some labels are NaN"),
        (torch.rand(8, 2, 3), torch.arange(8) % 2, {}, ValueError, "than there are trials of each label, 4 of the rarest, got 5"),
        (torch.rand(8, 2, 3), torch.arange(8) % 2, {"folds": 1}, ValueError, "folds should be 2 or more, .* got 1"),
        (torch.rand(8, 2, 3), torch.arange(8) % 2, {"folds": 2.5}, ValueError, "folds should be a positive integer, got 2.5"),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_refused(x, labels, settings, error, message):
    with pytest.raises(error, match=message):
        decode(x, labels, **settings)


# Shuffling


def test_shuffling_within_groups_keeps_the_groups_and_loses_no_trial():
    groups = torch.tensor([45.0, 90.0, 135.0])[torch.randint(3, (200,))]
    order = shuffle_within(groups)
    assert torch.equal(groups[order], groups) and torch.equal(order.sort().values, torch.arange(200))


def test_every_order_within_a_group_is_equally_likely():
    groups, generator = torch.tensor([0, 1, 0, 0, 1]), seeded()
    drawn = torch.stack([shuffle_within(groups, generator) for _ in range(6000)])
    orders, counts = drawn.unique(dim=0, return_counts=True)
    assert len(orders) == 6 * 2 and (counts - 500).abs().max() < 4 * 500**0.5


def test_the_same_generator_gives_the_same_order():
    groups = torch.arange(100) % 3
    assert torch.equal(shuffle_within(groups, seeded()), shuffle_within(groups, seeded()))


@pytest.mark.parametrize(
    "groups, error, message",
    [
        ([0, 0, 1], TypeError, r"groups should be a tensor, \(trials,\), got list"),
        (torch.zeros(3, 2), ValueError, r"one for each trial, got shape \(3, 2\)"),
        (torch.arange(5), ValueError, "no two trials are of the same group"),
    ],
    ids=["list", "shape", "alone"],
)
def test_what_cannot_be_shuffled_is_refused(groups, error, message):
    with pytest.raises(error, match=message):
        shuffle_within(groups)
