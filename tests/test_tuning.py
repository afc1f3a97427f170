"""What a unit responds to: tuning curves, selectivity for orientation, and the search for a preferred stimulus."""

import math

import numpy as np
import pytest
import torch

from nnbrain.analysis import orientation_selectivity, preferred_stimulus, record, tuning_curve
from nnbrain.networks import ConvNet, GaborBank

# Tuning curves


@pytest.fixture
def trials():
    """Responses of three units in 40 trials, and a condition of five values that come 8 times each on average."""
    return torch.randn(40, 3, dtype=torch.float64) + 100, torch.randint(5, (40,)) * 0.5


def grouped(activity: torch.Tensor, condition: torch.Tensor):
    """Mean and standard error for each value, by numpy, one value at a time."""
    values = np.unique(condition.numpy())
    groups = [activity.numpy()[condition.numpy() == value] for value in values]
    mean = np.stack([group.mean(0) for group in groups])
    return values, mean, np.stack([group.std(0, ddof=1) / len(group) ** 0.5 for group in groups])


def test_a_tuning_curve_is_mean_and_standard_error_by_condition(trials):
    for found, expected in zip(tuning_curve(*trials), grouped(*trials), strict=True):
        assert np.allclose(found.numpy(), expected, rtol=1e-10)


def test_the_standard_error_is_exact_for_small_scatter_around_a_large_mean():
    """Single precision: E[r²] − E[r]² would be all rounding."""
    activity, condition = torch.randn(200, 1) * 0.1 + 1000, torch.zeros(200, dtype=torch.int64)
    expected = float(activity.double().std()) / 200**0.5
    assert float(tuning_curve(activity, condition).sem) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    "condition", [torch.tensor([7, -2, 7, 0]), torch.tensor([True, False, True, True])], ids=["int", "bool"]
)
def test_conditions_may_be_integers_or_booleans(condition):
    activity = torch.arange(8.0).reshape(4, 2)
    values, mean, _ = tuning_curve(activity, condition)
    assert values.tolist() == sorted(set(condition.tolist()))
    assert torch.equal(mean[-1], activity[condition == condition.max()].mean(0))


def test_one_trial_has_a_mean_but_no_standard_error():
    _, mean, sem = tuning_curve(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 1, 1]))
    assert mean.flatten().tolist() == [1, 3]
    assert math.isnan(sem[0]) and float(sem[1]) == pytest.approx(1.0)


def test_a_tuning_curve_keeps_the_gradient():
    activity = torch.randn(6, 2, requires_grad=True)
    tuning_curve(activity, torch.tensor([0, 0, 0, 1, 1, 1])).mean[0, 1].backward()
    assert torch.allclose(activity.grad, torch.tensor([[0.0, 1 / 3]] * 3 + [[0.0, 0.0]] * 3))


@pytest.mark.parametrize(
    "activity, condition, error, message",
    [
        (np.zeros((4, 2)), torch.zeros(4), TypeError, "responses should be a tensor, got ndarray"),
        (torch.zeros(4, 2), [0, 0, 1, 1], TypeError, "condition should be a tensor, got list"),
        (torch.zeros(4, 2), None, TypeError, "condition should be a tensor, got NoneType"),
        (torch.zeros(4), torch.zeros(4), ValueError, r"trials × units, got shape \(4,\)"),
        (torch.zeros(4, 2, 3, 3), torch.zeros(4), ValueError, r"activity.flatten\(1\)"),
        (torch.zeros(0, 2), torch.zeros(0), ValueError, r"got shape \(0, 2\)"),
        (torch.zeros(4, 2), torch.zeros(3), ValueError, r"one value for each of the 4 trials, got shape \(3,\)"),
        (torch.zeros(4, 2), torch.zeros(4, 1), ValueError, r"got shape \(4, 1\)"),
        (
            torch.zeros(4, 2),
            torch.tensor([0, 1, 1, math.nan]),
            ValueError,
            "the condition is NaN or infinite in some trials",
        ),
        (torch.full((4, 2), math.inf), torch.zeros(4), ValueError, "finite floating-point numbers"),
        (torch.zeros(4, 2, dtype=torch.int64), torch.zeros(4), ValueError, "finite floating-point numbers"),
    ],
)
def test_a_tuning_curve_refuses_bad_responses_and_conditions(activity, condition, error, message):
    with pytest.raises(error, match=message):
        tuning_curve(activity, condition)


# Orientation selectivity


def cosine(preferred: float, depth: float, n: int = 12, dtype=torch.float64) -> torch.Tensor:
    """r = 1 + a cos 2(θ − θ₀), one unit, at n orientations."""
    theta = 180 * torch.arange(n, dtype=dtype) / n
    return (1 + depth * torch.cos(2 * torch.deg2rad(theta - preferred))).unsqueeze(1)


def orientations(n: int = 12) -> torch.Tensor:
    return 180 * torch.arange(n) / n


@pytest.mark.parametrize("preferred", [0.0, 1.0, 45.0, 89.9, 90.0, 137.0, 179.0])
@pytest.mark.parametrize("n", [3, 7, 12])
def test_cosine_tuning_has_half_its_depth_as_strength(preferred, n):
    """Σ (1 + a cos 2(θ − θ₀)) e^{2iθ} = n a/2 · e^{2iθ₀}, and Σ r = n."""
    found = orientation_selectivity(cosine(preferred, 0.6, n), orientations(n))
    assert float(found.strength) == pytest.approx(0.3)
    assert float((found.preferred - preferred + 90) % 180 - 90) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_preferred_orientation_lies_from_0_to_below_180(dtype):
    """Rounding takes 0 to just below it; that is 0 again, not 180."""
    curves = torch.cat([cosine(shift, 1.0, dtype=dtype) for shift in np.linspace(-1e-6, 1e-6, 41)], dim=1)
    preferred = orientation_selectivity(curves, orientations()).preferred
    assert bool(((preferred >= 0) & (preferred < 180)).all())


def test_a_unit_with_one_orientation_only_has_strength_1():
    found = orientation_selectivity(torch.eye(6), orientations(6))
    assert torch.allclose(found.strength, torch.ones(6))
    assert torch.allclose(found.preferred, orientations(6), atol=1e-4)


def test_strength_does_not_depend_on_the_size_of_the_response():
    found = orientation_selectivity(torch.cat([cosine(30, 0.5), 1000 * cosine(30, 0.5)], dim=1), orientations())
    assert float(found.strength[0]) == pytest.approx(float(found.strength[1]))


def test_an_untuned_unit_has_strength_0():
    assert float(orientation_selectivity(torch.ones(8, 1), orientations(8)).strength) < 1e-6


def test_a_silent_unit_has_no_preferred_orientation():
    found = orientation_selectivity(torch.cat([torch.zeros(12, 1), cosine(30, 0.5).float()], dim=1), orientations())
    assert found.preferred.isnan().tolist() == found.strength.isnan().tolist() == [True, False]


@pytest.mark.parametrize(
    "values", [torch.arange(6) * 30, torch.arange(6) * 30.0 + 15, torch.arange(6) * 30.0 - 90], ids=str
)
def test_orientations_may_be_integers_and_begin_anywhere(values):
    responses = 1 + torch.cos(2 * torch.deg2rad(values.double() - 40)).unsqueeze(1)
    assert float(orientation_selectivity(responses, values).preferred) == pytest.approx(40, abs=1e-3)


@pytest.mark.parametrize(
    "responses, angles, error, message",
    [
        (torch.ones(6, 2), [0, 30, 60, 90, 120, 150], TypeError, "orientations should be a tensor, got list"),
        (np.ones((6, 2)), orientations(6), TypeError, "responses should be a tensor, got ndarray"),
        (torch.ones(6, 2), orientations(5), ValueError, r"6 responses need as many orientations, got shape \(5,\)"),
        (-torch.ones(6, 2), orientations(6), ValueError, "some responses are negative"),
        (torch.ones(2, 2), torch.tensor([0.0, 90.0]), ValueError, "three or more, evenly spaced over 180 degrees"),
        (torch.ones(6, 2), 60.0 * torch.arange(6), ValueError, "evenly spaced over 180 degrees"),
        (torch.ones(7, 2), 30.0 * torch.arange(7), ValueError, "evenly spaced over 180 degrees"),
        (torch.ones(3, 2), torch.tensor([0.0, 60.0, 0.0]), ValueError, "in ascending order"),
        (torch.ones(6, 2), orientations(6).flip(0), ValueError, "in ascending order"),
        (torch.ones(8, 2), 22 * torch.arange(8), ValueError, "evenly spaced over 180 degrees"),
        (torch.ones(6, 2), orientations(6) * math.nan, ValueError, "evenly spaced over 180 degrees"),
        (torch.ones(6), orientations(6), ValueError, r"got shape \(6,\)"),
    ],
)
def test_orientation_selectivity_refuses_what_has_none(responses, angles, error, message):
    with pytest.raises(error, match=message):
        orientation_selectivity(responses, angles)


# Preferred stimuli

W = torch.tensor([[3.0, -1.0], [0.0, 2.0]], dtype=torch.float64)


def linear(x: torch.Tensor) -> torch.Tensor:
    return (x * W).sum((1, 2))


def starts(n: int = 12, *shape: int) -> torch.Tensor:
    return torch.randn(n, *(shape or W.shape), dtype=torch.float64)


@pytest.mark.covers("Primer, Equation 31")
@pytest.mark.parametrize("rate", [0.01, 0.5])
def test_one_step_without_limits_is_equation_31(rate):
    """x ← x + η ∂r/∂x, for r = Σ x³, whose gradient is 3 x²."""
    x = starts()
    found = preferred_stimulus(lambda x: (x**3).sum((1, 2)), x, steps=1, rate=rate, norm=None)
    stepped = x + rate * 3 * x**2
    best = (stepped**3).sum((1, 2)).argmax()
    assert torch.allclose(found.stimulus, stepped[best], atol=1e-12)


@pytest.mark.covers("Primer, Equation 31")
def test_a_step_at_the_limit_of_length_is_equation_31_scaled_back():
    """The step follows the whole gradient, not only its part along the sphere, whatever rounding says of the length."""
    x = starts(1) * 10
    found = preferred_stimulus(linear, x, steps=1, rate=0.2, norm=2.0)
    stepped = 2 * x / x.norm() + 0.2 * W
    assert torch.allclose(found.stimulus, (2 * stepped / stepped.norm())[0], atol=1e-12)


@pytest.mark.covers("Primer, Figure 4C")
def test_a_linear_unit_prefers_its_own_weights():
    """Cauchy and Schwarz: of all stimuli of length 1, w/|w| has the largest w·x, |w|."""
    found = preferred_stimulus(linear, starts())
    assert torch.allclose(found.stimulus, W / W.norm(), atol=1e-6)
    assert found.response == pytest.approx(float(W.norm()))


@pytest.mark.covers("Primer, Figure 4C")
def test_evolution_finds_the_weights_of_a_linear_unit_without_gradients():
    with torch.no_grad():
        found = preferred_stimulus(linear, starts(40), method="evolution", steps=100, rate=0.3)
    assert float((found.stimulus * W).sum()) > 0.99 * float(W.norm())


def test_a_search_that_begins_at_the_summit_stays_there():
    """At a summit the gradient points away from the centre: it is no silent unit."""
    found = preferred_stimulus(linear, (W / W.norm()).unsqueeze(0), steps=3)
    assert torch.allclose(found.stimulus, W / W.norm())


def test_a_complex_cell_prefers_the_leading_eigenvector_of_its_quadratic_form():
    root = torch.randn(6, 6, dtype=torch.float64)
    form = root @ root.T
    found = preferred_stimulus(lambda x: torch.einsum("ni,ij,nj->n", x, form, x), starts(10, 6), steps=1000)
    value, vector = (part[..., -1] for part in torch.linalg.eigh(form))
    assert found.response == pytest.approx(float(value), rel=1e-6)
    assert abs(float(found.stimulus @ vector)) == pytest.approx(1, abs=1e-6)


def test_the_best_of_several_starts_is_given():
    """Two summits, at −1 and at 2: the lower one keeps the starts at its foot."""

    def hills(x):
        return (torch.exp(-((x + 1) ** 2) * 4) + 2 * torch.exp(-((x - 2) ** 2) * 4)).squeeze(1)

    found = preferred_stimulus(hills, torch.tensor([[-1.2], [-0.8], [1.8]]), norm=None, rate=0.05)
    assert float(found.stimulus) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("method", ["gradient", "evolution"])
@pytest.mark.parametrize(
    "limits", [{"norm": 0.5}, {"norm": None, "bounds": (-0.2, 0.7)}, {"norm": 1.0, "bounds": (0.0, 0.6)}], ids=str
)
def test_the_preferred_stimulus_keeps_within_its_limits(method, limits):
    stimulus = preferred_stimulus(linear, 5 * starts(), method=method, steps=20, rate=0.5, **limits).stimulus
    lowest, highest = limits.get("bounds", (-math.inf, math.inf))
    assert lowest <= float(stimulus.min()) and float(stimulus.max()) <= highest
    assert float(stimulus.norm()) <= (limits["norm"] or math.inf) + 1e-9


@pytest.mark.parametrize("method", ["gradient", "evolution"])
def test_every_stimulus_that_is_tried_keeps_within_its_limits(method):
    lengths = []

    def watched(x):
        lengths.append(float(x.detach().flatten(1).norm(dim=1).max()))
        return linear(x)

    preferred_stimulus(watched, 5 * starts(), method=method, steps=10, rate=1.0)
    assert max(lengths) < 1 + 1e-9


def test_within_bounds_alone_a_linear_unit_prefers_the_corner_of_its_signs():
    found = preferred_stimulus(linear, starts(), norm=None, bounds=(0.0, 1.0))
    used = W != 0
    assert torch.equal(found.stimulus[used], (W > 0).double()[used])


@pytest.mark.parametrize("method", ["gradient", "evolution"])
def test_the_response_is_that_to_the_stimulus(method):
    found = preferred_stimulus(linear, starts(), method=method, steps=7)
    assert found.response == pytest.approx(float(linear(found.stimulus.unsqueeze(0))), abs=1e-12)
    assert found.response == float(found.trace[-1].max())


@pytest.mark.parametrize("method", ["gradient", "evolution"])
def test_the_trace_has_the_responses_before_and_after_every_step(method):
    x = starts() / 10  # none as long as the limit
    trace = preferred_stimulus(linear, x, method=method, steps=7).trace
    assert trace.shape == (8, 12) and not trace.requires_grad
    assert torch.allclose(trace[0].sort().values, linear(x).sort().values)


def test_evolution_never_loses_its_best():
    best = preferred_stimulus(linear, starts(), method="evolution", steps=30).trace.max(1).values
    assert bool((best.diff() >= 0).all())


def test_evolution_sorts_each_generation():
    trace = preferred_stimulus(linear, starts(), method="evolution", steps=5).trace
    assert bool((trace.diff(dim=1) <= 0).all())


def test_evolution_depends_on_its_generator_alone():
    x = starts()
    first, second, other = (
        preferred_stimulus(linear, x, method="evolution", steps=5, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.trace, second.trace) and not torch.equal(first.trace, other.trace)


@pytest.mark.parametrize("method", ["gradient", "evolution"])
def test_the_starts_are_not_changed(method):
    x = starts()
    before = x.clone()
    preferred_stimulus(linear, x, method=method, steps=3)
    assert torch.equal(x, before)


@pytest.mark.parametrize("method, tolerance", [("gradient", 1e-6), ("evolution", 1e-2)])
def test_with_a_decoder_the_best_stimulus_of_its_range_is_found(method, tolerance):
    """Among z₁ a + z₂ b, a and b orthonormal, the best of length 1 is the projection of w, at length 1."""
    basis = torch.linalg.qr(torch.randn(4, 2, dtype=torch.float64)).Q

    def decoder(z):
        return (z @ basis.T).reshape(-1, 2, 2)

    found = preferred_stimulus(linear, starts(24, 2), method=method, decoder=decoder, steps=300, rate=0.1)
    best = (basis @ basis.T @ W.flatten()).reshape(2, 2)
    assert float((found.stimulus - best / best.norm()).norm()) < tolerance + 1e-6
    assert found.stimulus.shape == W.shape


def test_an_empty_module_is_a_decoder_too():
    """nn.Sequential() has length 0, and is therefore false; it is the identity all the same."""
    found = preferred_stimulus(linear, starts(), decoder=torch.nn.Sequential(), norm=1.0)
    assert found.response == pytest.approx(float(W.norm()), rel=1e-3)


def test_a_gradient_is_followed_also_where_gradients_are_off():
    with torch.no_grad():
        found = preferred_stimulus(linear, starts(), steps=50)
    assert found.response == pytest.approx(float(W.norm()), rel=1e-3)


def test_a_search_leaves_no_gradient_in_the_network():
    net = ConvNet((1, 8, 8))
    preferred_stimulus(lambda x: record(net, x, grad=True)["outputs"][:, 3], torch.randn(4, 1, 8, 8), steps=3)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_the_search_finds_the_orientation_of_a_complex_cell():
    """The spectrum of what the vertical complex cell prefers has its peak on the axis of vertical bars."""
    bank = GaborBank((1, 17, 17), orientations=4, frequencies=[0.2], patches=1)
    found = preferred_stimulus(lambda x: bank(x)[:, 2], torch.randn(6, 1, 17, 17), rate=1.0)
    power = torch.fft.rfft2(found.stimulus[0]).abs()
    row, column = divmod(int(power.argmax()), power.shape[1])
    assert row in (0, 1, 16) and column in (3, 4)  # 0.2 cycles per pixel · 17 pixels = 3.4 cycles, across


@pytest.mark.parametrize(
    "response",
    [
        lambda x: torch.relu(linear(x) - 100),
        lambda x: linear(x.detach()),
        lambda x: torch.zeros(len(x), requires_grad=True),
    ],
    ids=["silent", "detached", "another input"],
)
def test_a_unit_without_gradient_is_refused(response):
    with pytest.raises(ValueError, match=r"no gradient at any of the 12 starts: the unit may be silent"):
        preferred_stimulus(response, starts())


def test_a_response_that_becomes_infinite_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="became NaN or infinite: limit the stimulus, norm=1, or lower the rate"):
        preferred_stimulus(lambda x: torch.exp(x.sum((1, 2))), starts(), norm=None, rate=100.0)


@pytest.mark.parametrize(
    "given, said", [(lambda x: x @ W, r"\(12, 2, 2\)"), (lambda x: 3.0, "float"), (torch.sum, r"\(\)")]
)
def test_a_response_of_another_shape_is_refused(given, said):
    with pytest.raises(ValueError, match=f"one number for each of the 12 stimuli, got {said}"):
        preferred_stimulus(given, starts())


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_evolution_takes_responses_of_any_type(kind):
    found = preferred_stimulus(lambda x: (linear(x) > 0).to(kind), starts(), method="evolution", steps=3)
    assert found.response == 1.0


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"response": 3}, TypeError, "response should be a function of stimuli or points, got 3"),
        ({"response": None}, TypeError, "response should be a function"),
        ({"decoder": 3}, TypeError, "decoder should be a function of stimuli or points, got 3"),
        (
            {"decoder": lambda z: z[:, 0, 0]},
            ValueError,
            r"stimuli × … with one for each of 12 points, got shape \(12,\)",
        ),
        ({"decoder": lambda z: [1]}, ValueError, "decoder should make a tensor .* got list"),
        ({"start": np.ones((12, 2, 2))}, TypeError, "start should be a tensor of floating-point numbers, got ndarray"),
        ({"start": torch.ones(12, 2, 2).long()}, TypeError, "floating-point numbers, got torch.int64"),
        ({"start": torch.ones(12)}, ValueError, r"starts × …, several stimuli to begin with, got shape \(12,\)"),
        ({"start": torch.ones(0, 2, 2)}, ValueError, r"got shape \(0, 2, 2\)"),
        ({"start": torch.full((12, 2, 2), math.nan)}, ValueError, "start should be finite"),
        ({"method": "adam"}, ValueError, "method is 'gradient' or 'evolution', got 'adam'"),
        ({"steps": 0}, ValueError, "steps should be a positive integer, got 0"),
        ({"rate": 0}, ValueError, "rate should be a positive, finite number, got 0"),
        ({"rate": math.inf}, ValueError, "rate should be a positive, finite number, got inf"),
        ({"rate": "fast"}, ValueError, "rate should be a positive, finite number, got 'fast'"),
        ({"norm": -1}, ValueError, "norm should be a positive, finite number, got -1"),
        ({"norm": math.inf}, ValueError, "norm should be a positive, finite number, got inf"),
        ({"bounds": (1, 0)}, ValueError, r"bounds should be \(lowest, highest\), got \(1, 0\)"),
        ({"bounds": 1}, ValueError, r"bounds should be \(lowest, highest\), got 1"),
        ({"bounds": (0, 1, 2)}, ValueError, r"bounds should be \(lowest, highest\), got \(0, 1, 2\)"),
        ({"bounds": (math.nan, 1)}, ValueError, r"bounds should be \(lowest, highest\)"),
        ({"bounds": ("a", "b")}, ValueError, r"bounds should be \(lowest, highest\)"),
        ({"bounds": (0.5, 1)}, ValueError, "with a norm the bounds should include 0"),
        ({"method": "evolution", "start": torch.ones(7, 2, 2)}, ValueError, "eight or more, got 7 starts"),
    ],
)
def test_a_bad_search_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        preferred_stimulus(**({"response": linear, "start": starts()} | arguments))
