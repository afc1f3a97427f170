"""Moving stimuli: they are where physics says, and surprises are where and what the labels say."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch

import nnbrain as nb
from nnbrain.tasks import MovingStimuli

KINDS = pytest.mark.parametrize("kind", ["reversal", "jump", "omission"])
STIMULI = pytest.mark.parametrize("stimulus", ["blob", "bar"])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def places(task, frames):
    """Where the blob is, trials × time × (right, down) in pixels, from the phases of each frame's lowest Fourier components."""
    height, width = task.image_shape
    spectrum = torch.fft.fft2(frames.cpu().double().reshape(*frames.shape[:2], height, width))
    right, down = (
        -torch.angle(spectrum[:, :, i, j]) * n / (2 * math.pi) for i, j, n in ((0, 1, width), (1, 0, height))
    )
    return torch.stack([right, down], -1)


def moved(task, first, second):
    """The shortest way from one place to another on a screen without borders."""
    size = torch.tensor(task.image_shape[::-1]).double()
    return (second - first + size / 2) % size - size / 2


def velocity(batch):
    theta = torch.deg2rad(batch.conditions["direction"].cpu().double())
    return batch.conditions["speed"].cpu().double()[:, None] * torch.stack([theta.cos(), -theta.sin()], -1)


@pytest.mark.parametrize("size", [12, (10, 16)])
def test_a_blob_moves_in_the_direction_and_with_the_speed_that_are_said(size):
    task = MovingStimuli(size, speeds=[0.5, 1.0, 1.7])
    batch = task.sample(60)
    where = places(task, batch.inputs)
    steps = moved(task, where[:, :-1], where[:, 1:])
    assert torch.allclose(steps, velocity(batch)[:, None].expand_as(steps), atol=1e-3)


def test_a_blob_is_a_gaussian_with_its_top_at_1():
    task = MovingStimuli(16, directions=1, width=1.5)
    frame = task.sample(1, seeded()).inputs[0, 0].cpu().double().view(16, 16)
    right, down = places(task, frame.view(1, 1, 256))[0, 0]
    i, j = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    squares = ((i - down + 8) % 16 - 8) ** 2 + ((j - right + 8) % 16 - 8) ** 2
    assert torch.allclose(frame, torch.exp(-squares / (2 * 1.5**2)), atol=1e-3)


@pytest.mark.parametrize("direction", [0, 1, 2, 3])
def test_a_bar_lies_across_its_motion(direction):
    task = MovingStimuli((9, 12), "bar", directions=4)
    batch = task.sample(40)
    films = batch.inputs[batch.conditions["direction"] == 90 * direction].cpu().reshape(-1, 20, 9, 12)
    along, across, forward = [(3, 2, 1), (2, 3, -1), (3, 2, -1), (2, 3, 1)][direction]  # rows count downwards
    assert torch.allclose(films, films.mean(across, keepdim=True).expand_as(films), atol=1e-4)
    assert torch.allclose(films[:, 1:], films[:, :-1].roll(forward, along), atol=1e-4)


def test_an_oblique_bar_moves_across_itself():
    """Moving to the right and upwards, it is constant on the diagonals that fall to the right."""
    task = MovingStimuli(12, "bar", steps=4, speeds=[2**0.5])
    batch = task.sample(200)
    films = batch.inputs[batch.conditions["direction"] == 45].cpu().reshape(-1, 4, 12, 12)
    assert torch.allclose(films[..., 1:, 1:], films[..., :-1, :-1], atol=1e-4)
    inside = films[:, 0].amax((1, 2)) > 0.5  # not just where it leaves and returns
    assert torch.allclose(films[inside, 1][..., :11, 2:], films[inside, 0][..., 1:, 1:11], atol=1e-4)


@STIMULI
def test_places_are_drawn_uniformly(stimulus):
    frames = MovingStimuli(6, stimulus, directions=4, steps=3).sample(4000).inputs[:, 0].cpu()
    assert torch.allclose(frames.mean(0), frames.mean().expand(36), rtol=0.15)


def test_directions_and_speeds_are_drawn_with_equal_chances():
    batch = MovingStimuli(4, directions=4, speeds=[1, 2], steps=3).sample(4000)
    both = torch.stack([batch.conditions[name].cpu() for name in ("direction", "speed")], 1)
    kinds, counts = both.unique(dim=0, return_counts=True)
    assert len(kinds) == 8 and float((counts - 500).abs().max()) < 4.5 * 500**0.5


# Surprises


def test_without_surprises_there_are_none():
    conditions = MovingStimuli().sample(50).conditions
    assert (conditions["surprise"] == 0).all() and (conditions["step"] == -1).all()


def test_as_many_trials_have_surprises_as_was_said():
    shares = {"omission": 0.1, "jump": 0.3, "reversal": 0.2}
    task = MovingStimuli(4, steps=3, surprises=shares)
    counts = torch.bincount(task.sample(10_000).conditions["surprise"].cpu(), minlength=4) / 10_000
    expected = [0.4] + [shares[name] for name in task.surprise_names[1:]]
    assert counts.tolist() == pytest.approx(expected, abs=0.02)


@KINDS
def test_a_share_of_1_is_all_trials(kind):
    task = MovingStimuli(4, steps=3, surprises={kind: 1.0})
    assert (task.sample(500).conditions["surprise"] == task.surprise_names.index(kind)).all()


@KINDS
@STIMULI
def test_before_a_surprise_trials_are_as_without_one(kind, stimulus):
    plain = MovingStimuli(8, stimulus).sample(30, seeded()).inputs
    surprising = MovingStimuli(8, stimulus, surprises={kind: 1.0}, at=7).sample(30, seeded()).inputs
    assert torch.equal(plain[:, :7], surprising[:, :7])
    assert ((plain[:, 7] - surprising[:, 7]).abs().amax(1) > 1e-3).float().mean() > 0.9


@STIMULI
def test_an_omitted_stimulus_moves_on_unseen(stimulus):
    plain = MovingStimuli(8, stimulus).sample(30, seeded()).inputs
    omitted = MovingStimuli(8, stimulus, surprises={"omission": 1.0}, at=7).sample(30, seeded()).inputs
    assert (omitted[:, 7] == 0).all() and torch.equal(omitted[:, 8:], plain[:, 8:])


@STIMULI
def test_after_a_reversal_the_film_runs_backwards(stimulus):
    frames = MovingStimuli(8, stimulus, surprises={"reversal": 1.0}, at=7, steps=14).sample(30).inputs
    assert torch.allclose(frames[:, 7:13], frames[:, :6].flip(1), atol=1e-4)


def test_a_jump_leads_elsewhere_and_the_motion_goes_on():
    task = MovingStimuli((10, 16), surprises={"jump": 1.0}, at=7)
    batch = task.sample(200)
    where = places(task, batch.inputs)
    steps = moved(task, where[:, :-1], where[:, 1:])
    expected = velocity(batch)[:, None]
    jump = (moved(task, where[:, 6] + velocity(batch), where[:, 7]).abs() / torch.tensor([16.0, 10.0])).min(1).values
    assert float(jump.min()) > 0.249 and float(jump.max()) > 0.4
    assert torch.allclose(steps[:, 7:], expected.expand(-1, 12, -1), atol=1e-3)


def test_surprises_come_at_each_step_of_those_allowed():
    task = MovingStimuli(4, surprises={"omission": 0.5}, at=(5, 8))
    batch = task.sample(400)
    step = batch.conditions["step"].cpu()
    blank = (batch.inputs.cpu() == 0).all(2)
    assert step[step >= 0].unique().tolist() == [5, 6, 7, 8]
    assert torch.equal(blank.any(1), step >= 0) and torch.equal(blank.nonzero()[:, 1], step[step >= 0])


# Inputs and targets


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_targets_are_the_frames_that_are_shown(noise):
    batch = MovingStimuli(8, noise=noise).sample(10)
    assert torch.equal(batch.targets, batch.inputs)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_or_those_of_the_next_step(noise):
    batch = MovingStimuli(8, noise=noise, ahead=1).sample(10)
    assert batch.targets.shape == batch.inputs.shape and torch.equal(batch.targets[:, :-1], batch.inputs[:, 1:])


def test_changing_the_targets_does_not_change_the_inputs():
    batch = MovingStimuli(8).sample(10)
    batch.targets.zero_()
    assert batch.inputs.any()


def test_noise_has_the_standard_deviation_that_is_said():
    clean, noisy = (MovingStimuli(8, noise=noise).sample(50, seeded()).inputs for noise in (0.0, 0.3))
    assert float((noisy - clean).std()) == pytest.approx(0.3, rel=0.02)
    assert abs(float((noisy - clean).mean())) < 4 * 0.3 / noisy.numel() ** 0.5


@pytest.mark.parametrize("ahead", [0, 1])
def test_perfect_predictions_are_correct(ahead):
    task = MovingStimuli(8, ahead=ahead)
    batch = task.sample(20)
    assert task.score(batch.targets, batch).all()


@pytest.mark.parametrize("ahead", [0, 1])
def test_expecting_that_nothing_moves_is_not(ahead):
    task = MovingStimuli(8, ahead=ahead)
    batch = task.sample(20)
    still = batch.inputs if ahead else torch.cat([batch.inputs[:, :1], batch.inputs[:, :-1]], 1)
    assert not task.score(still, batch).any()
    assert task.score(0.9 * batch.targets + 0.1 * still, batch).all()


@pytest.mark.parametrize("ahead", [0, 1])
def test_what_is_expected_before_any_motion_was_seen_does_not_count(ahead):
    task = MovingStimuli(8, ahead=ahead)
    batch = task.sample(20)
    outputs = batch.targets.clone()
    outputs[:, : 2 - ahead] = 100.0
    assert task.score(outputs, batch).all()
    outputs[:, 2 - ahead] = 100.0
    assert not task.score(outputs, batch).any()


def test_the_same_seed_gives_the_same_films():
    task = MovingStimuli(8, surprises={"jump": 0.5}, noise=0.1)
    assert torch.equal(task.sample(5, seeded(3)).inputs, task.sample(5, seeded(3)).inputs)


def test_films_are_on_the_device(device):
    batch = MovingStimuli(8, surprises={"jump": 0.5}).sample(4)
    assert {part.device.type for part in (batch.inputs, batch.targets, *batch.conditions.values())} == {device.type}


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda task: pickle.loads(pickle.dumps(task))])
def test_a_copy_gives_the_same_films(duplicate):
    task = MovingStimuli(8, speeds=np.array([1.0, 2.0]))
    assert torch.equal(duplicate(task).sample(5, seeded()).inputs, task.sample(5, seeded()).inputs)


def test_it_says_how_many_inputs_a_network_needs():
    task = MovingStimuli((3, 5))
    assert task.inputs == task.outputs == 15 == task.sample(2).inputs.shape[2]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 0}, "image_shape should be a positive integer"),
        ({"size": (4, 4, 1)}, "image_shape is"),
        ({"stimulus": "dots"}, "stimulus is 'blob' or 'bar'"),
        ({"steps": 2}, "three steps or more"),
        ({"directions": 0}, "directions should be a positive integer"),
        ({"speeds": []}, "a sequence of one or more"),
        ({"speeds": 1.0}, "a sequence of one or more"),
        ({"speeds": [0.0]}, "each of speeds should be a positive number"),
        ({"width": 0}, "width, of the stimulus"),
        ({"noise": -1}, "noise should be a number from 0 up"),
        ({"ahead": 2}, "ahead is 0"),
        ({"surprises": {"bang": 0.1}}, "surprises is a dict of shares, by name .* got 'bang'"),
        ({"surprises": 0.1}, "surprises is a dict"),
        ({"surprises": {"jump": 0.6, "omission": 0.5}}, "add up to at most 1"),
        ({"surprises": {"jump": -0.1}}, "between 0 and 1"),
        ({"surprises": {"jump": "often"}}, "between 0 and 1"),
        ({"at": 0}, "from 1 to 19"),
        ({"at": 20}, "from 1 to 19"),
        ({"at": (8, 5)}, "between two of them"),
        ({"at": 5.5}, "a surprise happens at a step"),
        ({"at": (1, 2, 3)}, "a surprise happens at a step"),
    ],
    ids=str,
)
def test_it_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        MovingStimuli(**arguments)


def test_it_refuses_no_trials():
    with pytest.raises(ValueError, match="trials should be a positive integer"):
        MovingStimuli().sample(0)


def test_outputs_that_are_none_are_refused():
    task = MovingStimuli(4)
    batch = task.sample(3)
    with pytest.raises(ValueError, match="NaN or infinite"):
        task.score(batch.targets * math.nan, batch)
    with pytest.raises(ValueError, match="need values of shape"):
        task.score(batch.targets[:, 1:], batch)


def test_fit_takes_it():
    net = nb.networks.RNN(16, 8, 16)
    rule = nb.learning.Backprop(net.to(nb.device()), nb.objectives.squared_error)
    assert len(nb.fit(rule, MovingStimuli(4, ahead=1), 2, progress=False).loss) == 2
