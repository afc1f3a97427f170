"""Orientation discrimination: the trials are what they claim to be, and the ideal observer is the best one can do."""

import copy
import dataclasses
import math

import pytest
import torch

from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Gratings, OrientationDiscrimination


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def quiet(**options):
    return OrientationDiscrimination((16, 16), sigma=0.0, **options)


def task(**options):
    return OrientationDiscrimination((16, 16), offsets=[2.0, 6.0], **options)


def test_without_noise_a_stimulus_is_the_grating_of_its_orientation_and_phase():
    """An independent formula: the wave vector stands at right angles to the bars, rows counting downwards."""
    batch = quiet(reference=30.0, offsets=[7.0], frequency=0.2, contrast=0.6).sample(20, seeded())
    row, column = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    for image, angle, phase in zip(
        batch.inputs, batch.conditions["orientation"], batch.conditions["phase"], strict=True
    ):
        along = math.radians(float(angle) + 90)
        u = (column - 7.5) * math.cos(along) - (row - 7.5) * math.sin(along)
        expected = 0.5 + 0.3 * torch.cos(2 * math.pi * 0.2 * u + math.radians(float(phase)))
        assert torch.allclose(image[0].cpu(), expected, atol=1e-5)


@pytest.mark.covers("Framework, Figure 4")
def test_orientations_mean_what_they_do_in_gratings():
    batch = Gratings((16, 16), orientations=12, frequencies=[0.125], phases=1).all()
    drawn = quiet().stimuli(torch.full((400,), 60.0), seeded()).flatten(1)
    match = drawn - drawn.mean(1, keepdim=True)
    correlation = match @ (batch.inputs.flatten(1) - 0.5).T
    assert int(correlation.square().mean(0).argmax()) == 4  # 60 degrees


def test_the_right_answer_is_the_side_of_the_reference():
    batch = task(reference=100.0).sample(200, seeded())
    counter_clockwise = batch.conditions["orientation"] > 100
    assert torch.equal(batch.targets, counter_clockwise.long())
    assert torch.equal(batch.targets, (batch.conditions["offset"] > 0).long())


@pytest.mark.covers("Framework, Figure 4")
def test_only_the_right_answer_is_rewarded():
    batch = task().sample(50, seeded())
    assert torch.equal(batch.rewards, torch.nn.functional.one_hot(batch.targets, 2).float())


def test_orientations_turn_over_at_180_degrees():
    batch = quiet(reference=2.0, offsets=[10.0]).sample(40, seeded())
    assert {round(float(angle)) for angle in batch.conditions["orientation"]} == {12, 172}
    assert torch.equal(batch.targets, (batch.conditions["orientation"] < 90).long())


def test_all_offsets_and_both_sides_are_drawn_with_equal_chances():
    offset = task().sample(4000, seeded()).conditions["offset"]
    for value in (-6.0, -2.0, 2.0, 6.0):
        assert abs(int((offset == value).sum()) - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5


def test_phases_are_spread_over_the_whole_circle():
    phase = torch.deg2rad(task().sample(4000, seeded()).conditions["phase"])
    assert 0 <= float(phase.min()) < float(phase.max()) < 2 * math.pi
    assert torch.hypot(phase.cos().mean(), phase.sin().mean()) < 5 / 4000**0.5


def test_the_noise_has_the_size_it_should_and_is_independent_across_pixels():
    offset = {"offsets": [5.0], "contrast": 0.0}
    noise = OrientationDiscrimination((8, 8), sigma=0.7, flatten=True, **offset).sample(4000, seeded()).inputs - 0.5
    covariance = noise.T @ noise / 4000
    assert torch.allclose(
        covariance.diagonal(), torch.full((64,), 0.49, device=noise.device), atol=0.49 * 6 / 2000**0.5
    )
    assert (covariance - covariance.diagonal().diag()).abs().max() < 0.49 * 6 / 4000**0.5


def test_the_same_seed_draws_the_same_batch():
    first, second = (task().sample(20, seeded(3)) for _ in range(2))
    assert torch.equal(first.inputs, second.inputs)
    assert torch.equal(first.targets, second.targets)


def test_draws_with_a_generator_leave_the_global_one_alone():
    before = torch.get_rng_state()
    task().sample(5, seeded())
    task().stimuli(torch.zeros(3), seeded())
    assert torch.equal(before, torch.get_rng_state())


def test_trials_may_be_vectors_of_pixels():
    images, vectors = (task(flatten=flat).sample(5, seeded()).inputs for flat in (False, True))
    assert images.shape == (5, 1, 16, 16)
    assert torch.equal(images.flatten(1), vectors)


def test_stimuli_have_the_orientations_asked_for_and_the_noise_of_the_task():
    drawn = task(sigma=0.4).stimuli(torch.tensor([10.0, 100.0]).repeat(2000), seeded())
    assert drawn.shape == (4000, 1, 16, 16)
    residual = drawn.var(0).mean()
    # the variance of a grating of random phase is 1/8, half of a squared amplitude of a half
    assert float(residual) == pytest.approx(0.16 + 0.125, rel=0.02)


def test_objectives_take_a_batch_as_it_is():
    batch = task(flatten=True).sample(10, seeded())
    network = torch.nn.Linear(256, 2).to(batch.inputs.device)
    assert torch.isfinite(cross_entropy(network, batch))


def test_the_score_is_the_larger_output():
    batch = task().sample(50, seeded())
    assert task().score(batch.rewards, batch).all()
    assert not task().score(-batch.rewards, batch).any()


def test_a_copy_draws_the_same_trials():
    original = task()
    assert torch.equal(original.sample(5, seeded()).inputs, copy.deepcopy(original).sample(5, seeded()).inputs)


# The ideal observer


def test_the_ideal_observer_is_right_if_there_is_little_noise():
    easy = OrientationDiscrimination((16, 16), offsets=[10.0], sigma=0.1)
    batch = easy.sample(200, seeded())
    assert torch.equal(easy.ideal_choice(batch), batch.targets)


def test_the_ideal_observer_guesses_if_there_is_nothing_to_see():
    blank = OrientationDiscrimination((16, 16), contrast=0.0)
    batch = blank.sample(50, seeded())
    assert len(blank.ideal_choice(batch).unique()) == 1  # a tie in every trial, and always the same answer


def test_with_a_known_phase_the_ideal_observer_would_be_the_optimal_linear_one():
    """Where all phases are alike (a grid of one), accuracy is Φ(|s₁ − s₀| / 2σ), as for any two known signals in noise."""
    sigma, easy = 1.5, OrientationDiscrimination((16, 16), offsets=[6.0], sigma=1.5)
    batch = easy.sample(20000, seeded())
    known = easy._noise_free(torch.tensor([39.0, 51.0]), torch.zeros(2)).flatten(1).to(batch.inputs)
    noise = torch.randn(batch.inputs.flatten(1).shape, generator=seeded(1)).to(batch.inputs)
    at_phase_0 = dataclasses.replace(batch, inputs=known[batch.targets] + sigma * noise)
    right = float((easy.ideal_choice(at_phase_0, phases=1) == batch.targets).float().mean())
    d = float((known[1] - known[0]).norm()) / (2 * sigma)
    expected = 0.5 * (1 + math.erf(d / 2**0.5))
    assert right == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 20000) ** 0.5)


def test_an_observer_that_takes_the_template_of_most_power_is_no_better_than_the_ideal_one():
    """Power ignores phase, as complex cells do; the ideal observer also weighs up all of them."""
    noisy = OrientationDiscrimination((16, 16), offsets=[4.0, 12.0], sigma=1.0, flatten=True)
    batch = noisy.sample(3000, seeded())
    ideal = float((noisy.ideal_choice(batch) == batch.targets).float().mean())
    energy = batch.inputs - batch.inputs.mean(1, keepdim=True)
    theta = torch.deg2rad(torch.tensor([33.0, 41.0, 49.0, 57.0]))
    place = torch.arange(16) - 7.5
    across = -place[:, None] * theta.cos()[:, None, None] - place * theta.sin()[:, None, None]
    wave = torch.exp(2j * math.pi * 0.125 * across).flatten(1).to(energy.device)
    power = (energy.to(wave.dtype) @ wave.T).abs()
    simple = float(((power[:, 2:].amax(1) > power[:, :2].amax(1)).long() == batch.targets).float().mean())
    assert 0.6 < simple <= ideal


def test_a_finer_grid_of_phases_changes_nothing():
    batch = task(sigma=1.0).sample(300, seeded())
    coarse, fine = (task(sigma=1.0).ideal_choice(batch, phases=n) for n in (64, 512))
    assert float((coarse == fine).float().mean()) > 0.99


# Bad input


@pytest.mark.parametrize(
    "options, message",
    [
        ({"offsets": []}, "above 0 and below 90"),
        ({"offsets": [0.0]}, "above 0 and below 90"),
        ({"offsets": [90.0]}, "above 0 and below 90"),
        ({"offsets": [-3.0]}, "comes with both signs"),
        ({"offsets": 5.0}, r"a single one is \[5.0\]"),
        ({"reference": 180.0}, "from 0 to below 180"),
        ({"reference": math.nan}, "from 0 to below 180"),
        ({"frequency": 0.6}, "spatial frequencies"),
        ({"contrast": 1.2}, "between 0 and 1"),
        ({"sigma": -0.1}, "sigma, the noise in each pixel"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OrientationDiscrimination((16, 16), **options)


def test_a_shape_that_is_no_image_is_refused():
    with pytest.raises(ValueError, match="height, width"):
        OrientationDiscrimination((1, 16, 16))


@pytest.mark.parametrize("orientation", [torch.zeros(2, 3), torch.tensor([math.nan]), torch.zeros(0)], ids=str)
def test_orientations_that_are_no_list_of_numbers_are_refused(orientation):
    with pytest.raises(ValueError, match="one finite number of degrees a trial"):
        task().stimuli(orientation)


def test_an_ideal_observer_without_noise_is_refused():
    with pytest.raises(ValueError, match="without noise"):
        quiet().ideal_choice(quiet().sample(5, seeded()))


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="positive integer"):
        task().sample(0)


def test_outputs_that_do_not_fit_are_refused():
    batch = task().sample(5, seeded())
    with pytest.raises(ValueError, match="outputs"):
        task().score(torch.zeros(4, 2), batch)
