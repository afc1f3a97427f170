"""Task variance against numpy and theory, and clusters of units that are known."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from nnbrain.analysis import cluster_units, normalized_variance, task_variance

METHODS = pytest.mark.parametrize("method", ["k-means", "hierarchical"])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def responses(dtype=torch.float64):
    """Of five units in two tasks, with other numbers of trials and steps."""
    draw = seeded()
    return {n: torch.randn(k, t, 5, generator=draw, dtype=dtype) for n, k, t in (("Go", 7, 12), ("Anti", 20, 9))}


def grouped(noise=0.05, units=40):
    """Units × 6 tasks of three kinds, by the tasks in which they vary, in random order; and their kinds."""
    profiles = torch.tensor([[0, 0, 0, 0, 1, 0.8], [1, 0.9, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0.5]])
    kinds = torch.arange(3).repeat_interleave(units)[torch.randperm(3 * units, generator=seeded(1))]
    return profiles[kinds] + noise * torch.randn(3 * units, 6, generator=seeded()), kinds


# Task variance


@pytest.mark.covers("Primer, Figure 5")
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_task_variance_is_the_variance_over_stimuli_averaged_over_time(dtype, tolerance):
    given = responses(dtype)
    found = task_variance(given)
    expected = np.stack([r.double().numpy().var(axis=0).mean(axis=0) for r in given.values()])
    assert found.shape == (2, 5) and found.dtype == dtype and np.allclose(found, expected, atol=tolerance)


def test_task_variance_over_a_part_of_the_trials_is_a_loop_over_its_steps():
    given = responses()
    masks = {name: 5.0 * (torch.rand(r.shape[:2], generator=seeded(3)) < 0.3) for name, r in given.items()}
    expected = []
    for name, r in given.items():
        each = []
        for t in range(r.shape[1]):
            counted = [r[k, t].numpy() for k in range(len(r)) if masks[name][k, t] > 0]
            if len(counted) > 1:
                each.append(np.var(counted, axis=0))
        expected.append(np.mean(each, axis=0))
    assert np.allclose(task_variance(given, masks=masks), expected, atol=1e-12)


def test_a_mask_of_ones_changes_nothing_and_may_be_given_for_some_tasks():
    given = responses()
    assert torch.allclose(task_variance(given, masks={"Anti": torch.ones(20, 9)}), task_variance(given))


def test_what_does_not_depend_on_the_stimulus_has_no_variance():
    r = torch.rand(1, 9, 5, generator=seeded()).expand(6, -1, -1)
    assert task_variance({"Go": r}).max() < 1e-12  # nothing but rounding


def test_task_variance_of_a_rate_tuned_to_a_direction_is_half_of_its_amplitude_squared():
    theta = 2 * torch.pi * torch.arange(8.0) / 8
    r = 4 + 3 * torch.cos(theta)[:, None, None] * torch.tensor([1.0, 0.0])[:, None]  # for one of two steps
    assert float(task_variance({"Go": r})) == pytest.approx(0.5 * 3**2 / 2)


def test_task_variance_leaves_the_responses_alone():
    given = responses()
    before = {name: r.clone() for name, r in given.items()}
    task_variance(given, masks={"Go": torch.ones(7, 12)})
    assert all(torch.equal(given[name], before[name]) for name in given)


def test_each_active_unit_is_divided_by_its_largest_variance_and_the_others_are_left_out():
    variance = torch.tensor([[2.0, 0.0004, 0.1, 0.0], [1.0, 0.0006, 0.4, 0.0], [0.0, 0.0, 0.0, 0.0]])
    values, units = normalized_variance(variance)
    assert units.tolist() == [0, 2] and torch.allclose(values, torch.tensor([[1.0, 0.25], [0.5, 1.0], [0.0, 0.0]]))
    assert normalized_variance(variance, least=0).units.tolist() == [0, 1, 2]


# Clusters


@METHODS
def test_known_clusters_are_found_and_their_number(method):
    x, kinds = grouped()
    found = cluster_units(x, method=method, clusters=range(2, 9), generator=seeded())
    assert found.clusters == 3 and list(found.silhouette) == list(range(2, 9))
    assert adjusted_rand_score(kinds, found.labels) == 1


@METHODS
def test_clusters_stand_in_the_order_of_the_tasks_that_they_favour(method):
    x, _ = grouped()
    labels = cluster_units(x, method=method, clusters=3, generator=seeded()).labels
    assert [int(x[labels == c].mean(0).argmax()) for c in range(3)] in ([0, 2, 4], [0, 3, 4])


def test_of_clusters_that_favour_the_same_task_the_stronger_comes_first():
    x = torch.tensor([[0.2, 0.1], [0.2, 0.0], [0.9, 0.1], [0.9, 0.0], [0.0, 1.0], [0.1, 1.0]])
    assert cluster_units(x, clusters=3, generator=seeded()).labels.tolist() == [1, 1, 0, 0, 2, 2]


def test_the_order_of_units_sorts_them_by_cluster():
    x, _ = grouped()
    found = cluster_units(x, clusters=3, generator=seeded())
    assert (found.labels[found.order].diff() >= 0).all() and sorted(found.order.tolist()) == list(range(len(x)))


def test_the_silhouette_is_that_of_its_definition():
    x, _ = grouped(noise=0.3, units=8)
    found = cluster_units(x, clusters=3, generator=seeded())
    each, labels, distances = [], found.labels, torch.cdist(x.double(), x.double())
    for i, own in enumerate(labels.tolist()):
        mates = (labels == own) & (torch.arange(len(x)) != i)
        a = float(distances[i, mates].mean())
        b = min(float(distances[i, labels == c].mean()) for c in range(3) if c != own)
        each.append((b - a) / max(a, b) if mates.any() else 0.0)
    assert found.silhouette[3] == pytest.approx(np.mean(each))


def test_the_number_of_clusters_is_the_one_with_the_largest_silhouette():
    found = cluster_units(torch.rand(30, 4, generator=seeded()), clusters=[2, 5, 7], generator=seeded())
    assert (
        found.silhouette[found.clusters] == max(found.silhouette.values()) and found.labels.max() == found.clusters - 1
    )


def test_units_without_clusters_have_small_silhouettes():
    x, _ = grouped()
    alike = cluster_units(torch.rand(120, 6, generator=seeded()), clusters=range(2, 6), generator=seeded())
    apart = cluster_units(x, clusters=range(2, 6), generator=seeded())
    assert max(alike.silhouette.values()) < 0.3 < 0.7 < max(apart.silhouette.values())


def test_a_seed_means_the_same_clusters():
    x = torch.rand(60, 5, generator=seeded())
    one, two = (cluster_units(x, clusters=6, generator=seeded(4)) for _ in range(2))
    assert torch.equal(one.labels, two.labels) and one.silhouette == two.silhouette


def test_numbers_of_clusters_that_the_units_do_not_allow_are_left_out():
    assert list(cluster_units(torch.rand(6, 3, generator=seeded()), generator=seeded()).silhouette) == [2, 3, 4, 5]


# What is refused


@pytest.mark.parametrize(
    "bad, error, message",
    [
        (
            lambda: task_variance([torch.rand(2, 3, 4)]),
            TypeError,
            "should be a dict of name to trials × time × units, got list",
        ),
        (lambda: task_variance({}), ValueError, "there are no responses"),
        (
            lambda: task_variance({"Go": torch.rand(2, 3)}),
            ValueError,
            "response in 'Go' should be a tensor .* trials × time",
        ),
        (lambda: task_variance({"Go": torch.full((2, 3, 4), torch.nan)}), ValueError, "NaN or infinite"),
        (lambda: task_variance({"Go": torch.rand(1, 3, 4)}), ValueError, "at least 2 trials of 'Go'"),
        (
            lambda: task_variance({"Go": torch.rand(2, 3, 4), "Anti": torch.rand(2, 3, 5)}),
            ValueError,
            "the same units, got this many: {'Go': 4, 'Anti': 5}",
        ),
        (
            lambda: task_variance({"Go": torch.rand(2, 3, 4)}, masks={"DM1": torch.ones(2, 3)}),
            ValueError,
            "no responses in such a task",
        ),
        (
            lambda: task_variance({"Go": torch.rand(2, 3, 4)}, masks={"Go": torch.ones(3, 2)}),
            ValueError,
            r"trials × time, \(2, 3\), got \(3, 2\)",
        ),
        (
            lambda: task_variance({"Go": torch.rand(2, 3, 4)}, masks={"Go": torch.tensor([[1, 0, 1], [0, 1, 0]])}),
            ValueError,
            "no time at which two trials count",
        ),
        (lambda: normalized_variance(torch.rand(20)), ValueError, "tasks × units"),
        (lambda: normalized_variance(-torch.rand(2, 3)), ValueError, "variances are 0 or more"),
        (lambda: normalized_variance(torch.zeros(2, 3)), ValueError, "no unit's variances add up to more than 0.001"),
        (lambda: normalized_variance(torch.rand(2, 3), least=-1), ValueError, "least should be a number from 0 up"),
        (lambda: cluster_units(torch.rand(9)), ValueError, "units × features"),
        (
            lambda: cluster_units(torch.rand(9, 2), method="spectral"),
            ValueError,
            "'k-means' or 'hierarchical', got 'spectral'",
        ),
        (lambda: cluster_units(torch.rand(9, 2), clusters=1), ValueError, "2 or more"),
        (lambda: cluster_units(torch.rand(9, 2), clusters=[]), ValueError, "2 or more"),
        (lambda: cluster_units(torch.rand(9, 2), clusters=2.5), ValueError, "clusters should be a positive integer"),
        (lambda: cluster_units(torch.rand(9, 2), clusters=9), ValueError, "9 different units cannot be divided into 9"),
        (lambda: cluster_units(torch.ones(9, 2)), ValueError, "1 different units cannot be divided into 2"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(bad, error, message):
    with pytest.raises(error, match=message):
        bad()


def test_masks_that_are_no_dict_are_refused():
    with pytest.raises(TypeError, match="masks should be a dict"):
        task_variance({"A": torch.rand(3, 4, 2)}, masks=torch.ones(3, 4))
