"""Dissimilarity matrices, their comparison and resampling, CKA, predictivity: against rsatoolbox, scipy and theory."""

import itertools
import warnings

import numpy as np
import pytest
import rsatoolbox
import scipy.spatial.distance
import scipy.stats
import torch

from nnbrain.analysis import (
    bootstrap_rdm_comparison,
    cka,
    compare_rdms,
    linear_predictivity,
    noise_ceiling,
    permute_rdm_comparison,
    rdm,
    resampling,
    split_half_reliability,
)

THEIRS = {"pearson": "corr"}  # rsatoolbox's names, where they differ


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def rdms(number, stimuli, units=10, seed=0):
    """Dissimilarity matrices of random responses, with one component that all share."""
    shared = normal(stimuli, units, seed=seed)
    return torch.stack([rdm(shared + normal(stimuli, units, seed=seed + 1 + k), "euclidean") for k in range(number)])


def tied(matrices):
    """The same with few different values."""
    return (2 * matrices).round()


def toolbox(matrices):
    return rsatoolbox.rdm.RDMs(np.asarray(matrices.double()))


# Dissimilarity


@pytest.mark.covers("Primer, Figure 4B")
@pytest.mark.parametrize("metric", ["correlation", "euclidean"])
@pytest.mark.parametrize("offset", [0, 100])
def test_dissimilarities_are_those_of_rsatoolbox(metric, offset):
    x = normal(20, 50) + offset
    theirs = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(x.numpy()), method=metric).get_matrices()[0]
    assert np.allclose(rdm(x, metric), theirs, rtol=0, atol=1e-9)


def test_cosine_dissimilarities_are_those_of_scipy():
    x = normal(20, 50)
    theirs = scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(x.numpy(), "cosine"))
    assert np.allclose(rdm(x, "cosine"), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("folds", [2, 3, 5])
@pytest.mark.parametrize("noisy", [False, True])
def test_crossnobis_dissimilarities_are_those_of_rsatoolbox(folds, noisy):
    x, covariance = normal(folds, 12, 8), torch.cov(normal(8, 40, seed=1))
    descriptors = {"stimulus": np.tile(np.arange(12), folds), "fold": np.repeat(np.arange(folds), 12)}
    dataset = rsatoolbox.data.Dataset(x.reshape(-1, 8).numpy(), obs_descriptors=descriptors)
    precision = np.linalg.inv(covariance.numpy()) if noisy else None
    theirs = rsatoolbox.rdm.calc_rdm(
        dataset, method="crossnobis", descriptor="stimulus", cv_descriptor="fold", noise=precision
    )
    ours = rdm(x, "crossnobis", noise_covariance=covariance if noisy else None)
    assert np.allclose(ours, theirs.get_matrices()[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("metric", ["correlation", "cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["normal", "rates", "sparse"])
def test_single_precision_is_enough_for_six_digits(metric, kind):
    """Of a large layer too, with positive and sparse activity."""
    x = normal(30, 10000).float()
    x = {"normal": x, "rates": 10 + x, "sparse": x.relu()}[kind]
    assert rdm(x, metric).dtype == torch.float32
    assert torch.allclose(rdm(x, metric).double(), rdm(x.double(), metric), rtol=0, atol=1e-6)


@pytest.mark.parametrize("metric", ["correlation", "cosine", "euclidean", "crossnobis"])
def test_a_dissimilarity_matrix_is_symmetric_with_zeros_on_the_diagonal(metric):
    d = rdm(normal(*([3] if metric == "crossnobis" else []), 40, 7).float(), metric)
    assert torch.equal(d, d.T) and torch.equal(d.diagonal(), torch.zeros(40))


def test_dissimilarities_stay_on_the_device_of_the_activity(device):
    assert rdm(normal(5, 4).float().to(device)).device.type == device.type


def test_noise_adds_nothing_to_crossnobis():
    """Two equal stimuli, measured with noise of variance 1: Euclidean says 2, crossnobis 0 on average."""
    x = normal(2, 2, 20000)
    assert abs(rdm(x, "crossnobis")[0, 1]) < 5 * 2 / 20000**0.5
    assert rdm(x[0], "euclidean")[0, 1] == pytest.approx(2, abs=0.1)


X = torch.randn(4, 3, generator=seeded())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([[1.0]],), "got list: torch.as_tensor"),
        ((torch.ones(3, 4, dtype=torch.int64),), r"got torch.int64: convert it with .float\(\)"),
    ],
)
def test_rdm_refuses_what_is_no_tensor_of_numbers(arguments, message):
    with pytest.raises(TypeError, match=message):
        rdm(*arguments)


@pytest.mark.parametrize(
    "activity, options, message",
    [
        (X[0], {}, r"stimuli × units, none of them empty, got shape \(3,\)"),
        (X[:, :0], {}, r"none of them empty, got shape \(4, 0\)"),
        (X[:1], {}, "at least 2 stimuli, got 1"),
        (X / torch.tensor([1.0, 0.0, 1.0]), {}, "NaN or infinite"),
        (torch.cat([X, torch.ones(1, 3)]), {}, "stimulus 4 evokes the same response of every unit"),
        (torch.cat([torch.zeros(1, 3), X]), {"metric": "cosine"}, "stimulus 0 evokes no response of any unit"),
        (1e25 * X, {"metric": "euclidean"}, "so large, or so small"),
        (1e-200 * X.double(), {"metric": "cosine"}, "so large, or so small"),
        (X, {"metric": "manhattan"}, "'correlation', 'cosine', 'euclidean' or 'crossnobis', got 'manhattan'"),
        (torch.stack([X, X]), {}, r"got shape \(2, 4, 3\): average over the folds"),
        (X, {"metric": "crossnobis"}, r"folds × stimuli × units, none of them empty, got shape \(4, 3\)"),
        (X[None], {"metric": "crossnobis"}, "at least 2 folds .* got 1"),
        (X, {"noise_covariance": torch.eye(3)}, "for 'crossnobis' only"),
        (torch.stack([X, X]), {"metric": "crossnobis", "noise_covariance": torch.eye(4)}, "should be 3 × 3"),
        (torch.stack([X, X]), {"metric": "crossnobis", "noise_covariance": -torch.eye(3)}, "positive definite: shrink"),
        (
            torch.stack([X, X]),
            {"metric": "crossnobis", "noise_covariance": torch.eye(3) + torch.ones(3, 3).triu(1) / 4},
            "should be symmetric",
        ),
    ],
)
def test_rdm_refuses_bad_input(activity, options, message):
    with pytest.raises(ValueError, match=message):
        rdm(activity, **options)


# Comparison


@pytest.mark.covers("Primer, Figure 4B")
@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cosine"])
@pytest.mark.parametrize("change", [lambda m: m, tied], ids=["all different", "with ties"])
def test_comparisons_are_those_of_rsatoolbox(method, change):
    a, b = change(rdms(3, 12)), change(rdms(4, 12, seed=10))
    theirs = rsatoolbox.rdm.compare(toolbox(a), toolbox(b), THEIRS.get(method, method))
    assert np.allclose(compare_rdms(a, b, method), theirs, rtol=0, atol=1e-9)


def test_a_comparison_has_the_shape_of_what_is_compared():
    a, b = rdms(3, 6), rdms(4, 6)
    shapes = [compare_rdms(x, y).shape for x in (a[0], a) for y in (b[0], b)]
    assert shapes == [(), (4,), (3,), (3, 4)]


def test_the_diagonal_is_not_looked_at():
    a, b = rdms(1, 6)[0], rdms(1, 6, seed=5)[0]
    assert compare_rdms(a.clone().fill_diagonal_(torch.nan), b) == compare_rdms(a, b)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cosine"])
def test_a_matrix_compares_with_itself_as_one(method):
    a = rdms(1, 8).float()
    assert compare_rdms(a, a, method).item() == pytest.approx(1, abs=1e-6)


D = rdms(2, 5)


@pytest.mark.parametrize(
    "a, b, method, message",
    [
        (D, D[:, 1:, 1:], "pearson", "same stimuli, got 5 and 4"),
        (D, D + torch.ones(5, 5).triu(1), "pearson", "b should be symmetric"),
        (D[:, :4], D, "pearson", r"a should be .*, got \(2, 4, 5\)"),
        (D, D[0] / (D[0] != D[0][1, 2]), "pearson", "b has values that are NaN or infinite"),
        (torch.stack([D[0], 1 - torch.eye(5)]), D, "spearman", "matrix 1 of a is constant"),
        (D, torch.zeros(5, 5), "cosine", "matrix of b is constant"),
        (D[:, :2, :2], D[:, :2, :2], "pearson", "at least 3 stimuli in a, got 2"),
        (D, D, "corr", "'pearson', 'spearman', 'kendall' or 'cosine', got 'corr'"),
        (D[None], D, "pearson", r"got shape \(1, 2, 5, 5\)"),
    ],
)
def test_compare_rdms_refuses_bad_input(a, b, method, message):
    with pytest.raises(ValueError, match=message):
        compare_rdms(a, b, method)


def test_compare_rdms_refuses_arrays_of_numpy():
    with pytest.raises(TypeError, match=r"got ndarray: torch\.as_tensor"):
        compare_rdms(D.numpy(), D)


# Noise ceiling


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cosine"])
@pytest.mark.parametrize("change", [lambda m: m, tied], ids=["all different", "with ties"])
def test_noise_ceilings_are_those_of_rsatoolbox(method, change):
    subjects = change(rdms(5, 12)) * torch.arange(1, 6).reshape(-1, 1, 1)  # on scales of their own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of averaged ranks for Kendall, as here
        theirs = rsatoolbox.inference.boot_noise_ceiling(toolbox(subjects), method=THEIRS.get(method, method))
    assert noise_ceiling(subjects, method) == pytest.approx(theirs, abs=1e-9)


def simulated_subjects(seed, subjects=8, stimuli=30):
    """A true matrix, and subjects with independent noise as large as its spread."""
    truth = rdm(normal(stimuli, 20, seed=seed), "euclidean")
    noise = truth[torch.triu_indices(stimuli, stimuli, 1).unbind()].std() * normal(
        subjects, stimuli, stimuli, seed=seed + 99
    )
    return truth, truth + noise.triu(1) + noise.triu(1).mT


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cosine"])
@pytest.mark.parametrize("seed", range(5))
def test_the_ceiling_brackets_a_perfect_model(method, seed):
    truth, subjects = simulated_subjects(seed)
    lower, upper = noise_ceiling(subjects, method)
    assert lower < compare_rdms(truth, subjects, method).mean() < upper


def test_no_matrix_exceeds_the_upper_ceiling():
    _, subjects = simulated_subjects(0)
    assert (compare_rdms(subjects, subjects).mean(1) < noise_ceiling(subjects).upper).all()


@pytest.mark.parametrize(
    "subjects, message",
    [
        (D[0], "matrices of several subjects"),
        (D[:1], "at least 2 subjects, got 1"),
        (0 * D, "matrix 0, 1 of rdms is constant"),
        (torch.stack([D[0], 9 - D[0]]), "contradict each other"),
    ],
)
def test_a_ceiling_needs_several_subjects(subjects, message):
    with pytest.raises(ValueError, match=message):
        noise_ceiling(subjects)


# Resampling


SCIPY = {
    "pearson": lambda x, y: scipy.stats.pearsonr(x, y).statistic,
    "spearman": lambda x, y: scipy.stats.spearmanr(x, y).statistic,
    "cosine": lambda x, y: 1 - scipy.spatial.distance.cosine(x, y),
}


def resampled(models, subjects, multiplicities, method):
    """The comparisons, from resampled matrices: every stimulus as often as it was drawn, without pairs of copies."""
    drawn = np.repeat(np.arange(models.shape[-1]), multiplicities.int().numpy())
    i, j = np.triu_indices(len(drawn), 1)
    i, j = (drawn[side][drawn[i] != drawn[j]] for side in (i, j))
    return [[SCIPY[method](m[i, j], s[i, j]) for s in subjects.numpy()] for m in models.numpy()]


@pytest.mark.parametrize("method", ["pearson", "spearman", "cosine"])
@pytest.mark.parametrize("change", [lambda m: m, tied], ids=["all different", "with ties"])
@pytest.mark.parametrize("stimuli", [6, 25])
def test_the_bootstrap_equals_explicit_resampling(method, change, stimuli, monkeypatch):
    models, subjects = change(rdms(3, stimuli)), change(rdms(2, stimuli, seed=10))
    draws, draw = [], resampling._multiplicities
    monkeypatch.setattr(resampling, "_multiplicities", lambda *a: draws.append(draw(*a)) or draws[-1])
    found = bootstrap_rdm_comparison(models, subjects, method, resamples=30, generator=seeded())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of matrices that are constant in a resample: these are drawn again
        explicit = np.mean([resampled(models, subjects, w, method) for w in draws[0]], axis=2)
    defined = np.isfinite(explicit).all(1) & ((draws[0] > 0).sum(1) >= 3).numpy()
    assert np.allclose(found[defined], explicit[defined], rtol=0, atol=1e-9) and defined.sum() > 20


def test_the_spearman_bootstrap_is_exact_at_a_thousand_stimuli(monkeypatch):
    """Sums of weights are in single precision: they are whole numbers below 2²⁴."""
    models, subjects = rdms(1, 1000, seed=3), rdms(1, 1000, seed=5)
    w = torch.bincount(torch.randint(1000, (1000,), generator=seeded()), minlength=1000).float()
    monkeypatch.setattr(resampling, "_multiplicities", lambda *_: w[None])
    found = bootstrap_rdm_comparison(models, subjects, resamples=1)
    assert found.item() == pytest.approx(resampled(models, subjects, w, "spearman")[0][0], abs=1e-9)


def test_the_bootstrap_over_subjects_averages_over_those_drawn():
    models, subjects = rdms(2, 8), rdms(3, 8, seed=10)
    each = compare_rdms(models, subjects, "pearson")  # models × subjects
    possible = torch.stack([each[:, list(d)].mean(1) for d in itertools.combinations_with_replacement(range(3), 3)])
    found = bootstrap_rdm_comparison(models, subjects, "pearson", resamples=200, over=("subjects",), generator=seeded())
    assert (found[:, None] - possible).abs().amax(2).amin(1).max() < 1e-9


def test_the_bootstrap_over_both_varies_more_than_over_either():
    models, subjects = rdms(1, 20), rdms(4, 20, seed=10)
    spread = [
        bootstrap_rdm_comparison(models, subjects, resamples=500, over=over, generator=seeded()).std()
        for over in (("stimuli",), ("subjects",), ("stimuli", "subjects"))
    ]
    assert spread[2] > max(spread[:2])


def test_all_models_meet_the_same_draws():
    models = rdms(2, 10)[[0, 1, 0]]
    found = bootstrap_rdm_comparison(models, rdms(2, 10, seed=10), resamples=50)
    assert torch.equal(found[:, 0], found[:, 2]) and not torch.equal(found[:, 0], found[:, 1])


@pytest.mark.parametrize(
    "function, name", [(bootstrap_rdm_comparison, "resamples"), (permute_rdm_comparison, "permutations")]
)
def test_the_same_generator_gives_the_same_draws(function, name):
    first, second = (function(D, D, generator=seeded(3), **{name: 20}) for _ in range(2))
    assert torch.equal(first, second) and first.shape == (20, 2)


@pytest.mark.parametrize("method", ["pearson", "spearman", "cosine"])
def test_draws_that_cannot_be_compared_are_drawn_again(method):
    """Of five stimuli in two categories, many draws have one category only, and some have two stimuli only."""
    category = torch.tensor([0, 0, 0, 1, 1])
    model = (category != category[:, None]).double()
    found = bootstrap_rdm_comparison(model, D, method, resamples=500, generator=seeded())
    assert torch.isfinite(found).all()


def test_a_bootstrap_that_cannot_succeed_is_refused(monkeypatch):
    """Two different stimuli in every draw: one pair correlates with nothing."""
    monkeypatch.setattr(resampling, "_multiplicities", lambda n, *_: torch.tensor([[2.0, 3.0, 0, 0, 0]]).repeat(n, 1))
    with pytest.raises(ValueError, match="none of 1,000 draws of the 5 stimuli"):
        bootstrap_rdm_comparison(D, D, resamples=2)


@pytest.mark.parametrize("method", ["pearson", "spearman", "cosine"])
def test_every_permutation_is_one_of_the_data(method):
    models, subjects = rdms(2, 4), rdms(3, 4, seed=10)
    orders = [list(p) for p in itertools.permutations(range(4))]
    possible = torch.stack([compare_rdms(models, subjects[:, p][:, :, p], method).mean(1) for p in orders])
    found = permute_rdm_comparison(models, subjects, method, permutations=300, generator=seeded())
    nearest = (found[:, None] - possible).abs().amax(2).min(1)
    assert nearest.values.max() < 1e-9 and len(nearest.indices.unique()) == 24


def test_permutation_finds_as_many_false_alarms_as_it_promises():
    """Unrelated matrices: p is below .2 in a fifth of the experiments."""
    below = 0
    for seed in range(100, 300):
        model, subject = rdms(1, 12, seed=4 * seed), rdms(1, 12, seed=4 * seed + 2)
        null = permute_rdm_comparison(model, subject, permutations=99, generator=seeded(seed))
        below += (1 + (null >= compare_rdms(model, subject, "spearman")).sum()) / 100 <= 0.2
    assert abs(below - 40) < 3 * (200 * 0.2 * 0.8) ** 0.5


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        ((D, D[:, 1:, 1:]), {}, "models and data should be of the same stimuli, got 5 and 4"),
        ((D, D, "kendall"), {}, "'pearson', 'spearman' or 'cosine', got 'kendall'"),
        ((D, D), {"over": ("neurons",)}, r"got \('neurons',\)"),
        ((D, D), {"over": 3}, "got 3"),
        ((D, D), {"over": ()}, r"over should be .*, got \(\)"),
        ((D, D[0]), {"over": ("subjects",)}, "at least 2 subjects in data to draw from, got 1"),
        ((D, D), {"resamples": 0}, "resamples should be a positive integer"),
    ],
)
def test_the_bootstrap_refuses_bad_input(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_rdm_comparison(*arguments, **options)


def test_permutation_refuses_a_number_that_is_none():
    with pytest.raises(ValueError, match=r"permutations should be a positive integer, got 2\.5"):
        permute_rdm_comparison(D, D, permutations=2.5)


# Alignment


def centred_kernel(x):
    h = torch.eye(len(x), dtype=x.dtype) - 1 / len(x)
    return h @ x @ x.T @ h


@pytest.mark.parametrize("units", [(3, 4), (3, 60), (60, 70)])
def test_cka_is_the_alignment_of_centred_kernels(units):
    a, b = (normal(20, n, seed=n) + 3 for n in units)
    k, m = centred_kernel(a), centred_kernel(b)
    assert cka(a, b) == pytest.approx(float((k * m).sum() / (k.norm() * m.norm())), abs=1e-12)


def unbiased_hsic(k, m):
    """Song et al. 2012, Equation 5, as printed."""
    n, one = len(k), torch.ones(len(k), dtype=k.dtype)
    k, m = (x - x.diag().diag() for x in (k, m))
    middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return (torch.trace(k @ m) + middle - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3))


@pytest.mark.parametrize("units", [(3, 4), (3, 60), (60, 70)])
def test_debiased_cka_has_the_unbiased_estimator_in_all_places(units):
    a, b = (normal(20, n, seed=n) + 3 for n in units)
    k, m = a @ a.T, b @ b.T  # not centred: the estimator does that itself
    expected = unbiased_hsic(k, m) / (unbiased_hsic(k, k) * unbiased_hsic(m, m)).sqrt()
    assert cka(a, b, debiased=True) == pytest.approx(float(expected), abs=1e-10)


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_ignores_rotation_scale_and_shift(debiased):
    a, b = normal(30, 6), normal(30, 8, seed=1)
    rotation = torch.linalg.qr(normal(6, 6, seed=2)).Q
    assert cka(5 * a @ rotation + 2, b, debiased=debiased) == pytest.approx(cka(a, b, debiased=debiased), abs=1e-12)


def test_cka_minds_other_linear_maps():
    a = normal(30, 6)
    assert cka(a @ torch.diag(10.0 ** torch.arange(6).double()), a) < 0.7


@pytest.mark.parametrize("debiased", [False, True])
def test_cka_of_a_population_with_itself_is_one(debiased):
    assert cka(normal(30, 6), normal(30, 6), debiased=debiased) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("stimuli, units", [(100, 20), (100, 100), (50, 400)])
def test_cka_of_independent_responses_is_units_over_stimuli_and_units(stimuli, units):
    found = cka(normal(stimuli, units), normal(stimuli, units, seed=1))
    assert found == pytest.approx(units / (stimuli + units), abs=0.03)


@pytest.mark.parametrize("stimuli, units", [(100, 20), (100, 100), (50, 400)])
def test_debiased_cka_of_independent_responses_is_zero_on_average(stimuli, units):
    pairs = [(normal(stimuli, units, seed=s), normal(stimuli, units, seed=s + 50)) for s in range(20)]
    assert np.mean([cka(*pair, debiased=True) for pair in pairs]) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    "a, b, debiased, message",
    [
        (X, X[:3], False, "same stimuli, got 4 and 3"),
        (X[:3], X[:3], True, "at least 4 stimuli for the debiased estimate, got 3"),
        (X[:1], X[:1], False, "at least 2 stimuli, got 1"),
        (torch.ones(4, 2), X, False, "a has the same responses to all stimuli"),
        (X, X[0], False, r"b should be .* got shape \(3,\)"),
        (X, X * torch.nan, False, "b has values that are NaN"),
    ],
)
def test_cka_refuses_bad_input(a, b, debiased, message):
    with pytest.raises(ValueError, match=message):
        cka(a, b, debiased=debiased)


# Reliability and predictivity


def noisy_repeats(repeats, stimuli=2000, neurons=30, noise=2.0):
    """Repeats whose mean has the reliability 1 / (1 + noise² / repeats)."""
    return normal(stimuli, neurons) + noise * normal(repeats, stimuli, neurons, seed=1)


@pytest.mark.parametrize("repeats", [2, 3, 5, 8])
def test_reliability_is_that_of_the_mean_of_all_repeats(repeats):
    """The share of the signal in the variance of the mean, for an odd number of repeats too."""
    found = split_half_reliability(noisy_repeats(repeats), generator=seeded())
    assert found.mean().item() == pytest.approx(1 / (1 + 4 / repeats), abs=0.01)


def test_reliability_of_pure_noise_is_zero_on_average():
    assert split_half_reliability(normal(4, 500, 100)).mean().item() == pytest.approx(0, abs=0.03)


def test_repeats_that_contradict_each_other_give_a_finite_number():
    x = normal(50, 2)
    assert torch.allclose(split_half_reliability(torch.stack([x, -x])), -torch.ones(2).double())


def test_a_half_without_responses_counts_as_uncorrelated():
    """A neuron that fired in one repeat only: any two halves have nothing in common."""
    x = torch.zeros(2, 10, 1)
    x[0, 3] = 1
    assert split_half_reliability(x).item() == 0


@pytest.mark.parametrize(
    "responses, message",
    [
        (normal(1, 5, 2), "at least 2 repeats, got 1"),
        (normal(3, 2, 2), "at least 3 stimuli, got 2"),
        (normal(5, 2), "repeats × stimuli × neurons"),
        (normal(3, 5, 4) * torch.tensor([1, 0, 1, 0]), "neuron 1, 3 never varies"),
        (normal(3, 5, 2) * torch.nan, "NaN"),
    ],
)
def test_reliability_refuses_bad_input(responses, message):
    with pytest.raises(ValueError, match=message):
        split_half_reliability(responses)


@pytest.mark.covers("Primer, Figure 3")
def test_predictivity_finds_a_linear_map():
    x = normal(100, 20)
    assert linear_predictivity(x, x @ normal(20, 5, seed=1), generator=seeded()).min() > 1 - 1e-9


def test_predictivity_does_not_mind_the_units_scales():
    x = normal(100, 20)
    y = x @ normal(20, 5, seed=1) + normal(100, 5, seed=2)
    scaled = x * 10 ** normal(20, seed=3) + 7
    first, second = (linear_predictivity(z, y, generator=seeded()) for z in (x, scaled))
    assert torch.allclose(first, second, atol=1e-6)


def noisy_neurons(repeats=4):
    x = normal(400, 10)
    signal = x @ normal(10, 20, seed=1) / 10**0.5
    return x, signal + 1.5 * normal(repeats, 400, 20, seed=2)


def test_noise_lowers_predictivity_to_the_root_of_the_reliability():
    x, y = noisy_neurons()
    ceiling = split_half_reliability(y, generator=seeded()).sqrt()
    found = linear_predictivity(x, y.mean(0), generator=seeded())
    assert found.mean().item() == pytest.approx(ceiling.mean().item(), abs=0.03) and found.mean() < 0.9


def test_predictivity_corrected_for_noise_is_one_for_the_true_model():
    x, y = noisy_neurons()
    reliability = split_half_reliability(y, generator=seeded())
    found = linear_predictivity(x, y.mean(0), reliability=reliability, generator=seeded())
    assert found.mean().item() == pytest.approx(1, abs=0.03)


def test_unrelated_features_predict_nothing():
    """And not less than nothing, as the means of the training folds would."""
    found = linear_predictivity(normal(60, 10), normal(60, 300, seed=1), generator=seeded())
    assert found.mean().item() == pytest.approx(0, abs=0.03)


def test_a_prediction_that_does_not_vary_counts_as_zero():
    assert linear_predictivity(torch.ones(20, 3), normal(20, 2)).tolist() == [0, 0]


def test_predictivity_holds_with_more_units_than_stimuli_and_one_neuron():
    x = normal(60, 5) @ normal(5, 300, seed=1)
    assert linear_predictivity(x.float(), x[:, :1].float()).item() > 0.99


Z, Y = normal(9, 3), normal(9, 2)


@pytest.mark.parametrize(
    "features, responses, options, message",
    [
        (Z, Y[:3], {}, "same stimuli, got 9 and 3"),
        (Z, torch.ones(9, 2), {"folds": 3}, "neuron 0, 1 never varies"),
        (Z * torch.inf, Y, {}, "features has values that are NaN or infinite"),
        (Z, Y[:, 0], {}, r"responses should be .* got shape \(9,\)"),
        (Z, Y, {"folds": 4}, "got 4 folds of 9 stimuli"),
        (Z, Y, {"folds": 3, "alphas": "all"}, "positive numbers, got 'all'"),
        (Z, Y, {"folds": 1}, "got 1 folds of 9 stimuli"),
        (Z, Y, {"folds": 3, "alphas": [1.0, 0.0]}, r"positive numbers, got \[1.0, 0.0\]"),
        (Z, Y, {"folds": 2, "reliability": torch.tensor([0.5, -0.1])}, r"1 of 2 neurons is not positive \(neuron 1\)"),
        (Z, Y, {"folds": 2, "reliability": torch.ones(3)}, "each of the 2 neurons"),
        (Z, Y, {"folds": 2, "reliability": torch.full((2,), 1.1)}, "1 at most, got 1.1"),
    ],
)
def test_predictivity_refuses_bad_input(features, responses, options, message):
    with pytest.raises(ValueError, match=message):
        linear_predictivity(features, responses, **options)
