"""Tasks of vision: digits that move without losing ink, and gratings that have the orientation and frequency they claim."""

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from nnbrain import data
from nnbrain.tasks import Digits, Gratings, ShiftedDigits

REAL = Path(os.environ.get("NNBRAIN_DATA", "/nowhere"))
REAL_MNIST = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="NNBRAIN_DATA names no folder with MNIST")


@pytest.fixture
def shifted():
    return ShiftedDigits("test", margin=3)


def rolled(task: ShiftedDigits, down: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The digits in the middle of the canvas, each moved by torch.roll: no ink reaches the border, so that none comes round."""
    middle = torch.nn.functional.pad(Digits("test", flatten=False).all().inputs, [task.margin] * 4)
    moved = [image.roll((int(d), int(r)), (1, 2)) for image, d, r in zip(middle, down, right, strict=True)]
    return torch.stack(moved)


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (0, -2), (3, 3), (-3, 2), (np.int64(2), 1.0)], ids=str)
def test_digits_move_down_and_right_without_losing_ink(shifted, shift):
    down, right = (torch.full((len(shifted),), int(n)) for n in shift)
    assert torch.equal(shifted.at(*shift).inputs, rolled(shifted, down, right))


def test_conditions_say_where_each_digit_stands(shifted):
    batch = shifted.all()
    assert torch.equal(batch.inputs, rolled(shifted, batch.conditions["down"], batch.conditions["right"]))


def test_conditions_of_a_sample_say_where_each_digit_stands(shifted):
    """The digits of a sample are those of the middle, in another order: each is found again at the place it claims."""
    batch = shifted.sample(50)
    middle = shifted.at(0, 0).inputs
    for image, target, down, right in zip(batch.inputs, batch.targets, *places(batch), strict=True):
        back = image.roll((-int(down), -int(right)), (1, 2))
        assert (middle[shifted.at(0, 0).targets == target] == back).all(dim=(1, 2, 3)).any()


def places(batch):
    return batch.conditions["down"].tolist(), batch.conditions["right"].tolist()


def test_shifts_are_drawn_uniformly_from_all_that_are_allowed(shifted):
    down, right = (torch.tensor([p for _ in range(20) for p in places(shifted.sample(364))[k]]) for k in (0, 1))
    counts = torch.bincount((down + 3) * 7 + right + 3, minlength=49)
    expected = 20 * 364 / 49
    assert len(counts) == 49
    assert float((counts - expected).abs().max()) < 5 * expected**0.5


def test_all_gives_the_same_places_at_every_call(shifted):
    assert torch.equal(shifted.all().inputs, shifted.all().inputs)


def test_two_tasks_of_the_same_kind_have_the_same_places(shifted):
    assert torch.equal(ShiftedDigits("test", margin=3).all().inputs, shifted.all().inputs)


@pytest.mark.parametrize("name", ["down", "right", "digit"])
def test_changing_the_conditions_that_all_gives_does_not_change_the_task(shifted, name):
    before = shifted.all().conditions[name].clone()
    shifted.all().conditions[name].fill_(99)
    assert torch.equal(shifted.all().conditions[name], before)


def test_the_conditions_of_digits_moved_alike_can_be_changed_one_by_one(shifted):
    batch = shifted.at(1, 2)
    batch.conditions["down"][0] = -1
    assert batch.conditions["down"][:3].tolist() == [-1, 1, 1]


def test_the_same_generator_draws_the_same_digits_and_shifts(shifted):
    first, second = (shifted.sample(20, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first.inputs, second.inputs)


def test_a_shift_is_drawn_anew_each_time_a_digit_comes(shifted):
    generator = torch.Generator().manual_seed(0)
    first, second = (places(shifted.sample(364, generator)) for _ in range(2))
    assert first != second


def test_an_epoch_of_shifted_digits_shows_every_digit_once(shifted):
    generator = torch.Generator().manual_seed(0)
    seen = torch.cat([shifted.sample(91, generator).targets for _ in range(4)])
    assert torch.equal(seen.bincount(), shifted.all().targets.bincount())


def test_without_a_shift_all_digits_stand_in_the_middle():
    task = ShiftedDigits("test", margin=2, shift=0)
    middle = torch.nn.functional.pad(Digits("test", flatten=False).all().inputs, [2] * 4)
    assert torch.equal(task.all().inputs, middle)
    assert places(task.sample(10)) == ([0] * 10, [0] * 10)


def test_a_smaller_shift_than_the_margin_is_kept():
    down, right = places(ShiftedDigits("test", margin=4, shift=2).sample(300))
    assert {*down} == {*right} == {-2, -1, 0, 1, 2}


def test_at_may_shift_further_than_the_task_itself():
    task = ShiftedDigits("test", margin=4, shift=0)
    assert torch.equal(task.at(4, -4).inputs, rolled(task, *torch.tensor([[4], [-4]]).expand(2, len(task))))


def test_shifted_digits_may_be_vectors(shifted):
    flat = ShiftedDigits("test", margin=3, flatten=True)
    assert flat.sample(5).inputs.shape == (5, 14 * 14)
    assert torch.equal(flat.all().inputs, shifted.all().inputs.flatten(1))


def test_targets_of_shifted_digits_are_the_digits(shifted):
    assert torch.equal(shifted.all().targets, Digits("test").all().targets)


def test_shifted_digits_are_on_the_device(shifted, device):
    batch = shifted.sample(3)
    assert {part.device.type for part in (batch.inputs, batch.targets, *batch.conditions.values())} == {device.type}


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda task: pickle.loads(pickle.dumps(task))])
def test_a_copy_of_shifted_digits_starts_its_own_epochs_at_the_same_places(shifted, duplicate):
    shifted.sample(300)
    twin = duplicate(shifted)
    assert torch.equal(twin.all().inputs, shifted.all().inputs)
    assert torch.equal(twin.sample(364).targets.bincount(), shifted.all().targets.bincount())


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"margin": 0}, "margin should be a positive integer, got 0"),
        ({"margin": 2.5}, "margin should be a positive integer, got 2.5"),
        ({"shift": -1}, "shift is a whole number of pixels from 0 to the margin, 3; got -1"),
        ({"shift": 4}, "from 0 to the margin, 3; got 4"),
        ({"shift": 1.5}, "from 0 to the margin, 3; got 1.5"),
        ({"shift": True}, "from 0 to the margin, 3; got True"),
        ({"margin": 1, "shift": True}, "from 0 to the margin, 1; got True"),
        ({"shift": float("nan")}, "from 0 to the margin, 3; got nan"),
        ({"shift": "far"}, "from 0 to the margin, 3; got 'far'"),
        ({"split": "validation"}, "split is 'train' or 'test', got 'validation'"),
        ({"source": "emnist"}, "source is 'digits' or 'mnist', got 'emnist'"),
    ],
)
def test_bad_shifted_digits_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ShiftedDigits(**({"split": "test", "margin": 3} | settings))


@pytest.mark.parametrize(
    "place, message",
    [
        ((4, 0), r"a shift of \(4, 0\) is larger than the margin of 3 pixels"),
        ((0, -4), r"a shift of \(0, -4\) is larger than the margin"),
        ((0.5, 0), r"a whole number of pixels down and right, got \(0.5, 0\)"),
        ((0, "1"), r"a whole number of pixels down and right, got \(0, '1'\)"),
        ((float("nan"), 0), "a whole number of pixels"),
        ((True, 0), "a whole number of pixels"),
    ],
)
def test_a_place_where_ink_would_be_lost_is_refused(shifted, place, message):
    with pytest.raises(ValueError, match=message):
        shifted.at(*place)


def test_more_shifted_digits_than_there_are_are_refused(shifted):
    with pytest.raises(ValueError, match="365 trials asked for, but the task has 364 examples"):
        shifted.sample(365)


def test_shifted_digits_of_mnist_say_why_they_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBRAIN_DATA", str(tmp_path / "gone"))
    with pytest.raises(data.DataError, match="is no folder"):
        ShiftedDigits("test", "mnist")


@REAL_MNIST
def test_mnist_can_be_shifted():
    task = ShiftedDigits("test", "mnist", margin=2)
    assert task.image_shape == (32, 32)
    assert task.sample(5).inputs.shape == (5, 1, 32, 32)


# Gratings


def spectrum(image: torch.Tensor, size: int = 512) -> tuple[float, float]:
    """Frequency in cycles per pixel, and orientation of the bars in degrees, of the largest component of an image."""
    power = torch.fft.rfft2(image.double() - image.double().mean(), s=(size, size)).abs()
    power[:, -1] = 0  # the Nyquist column appears twice
    row, column = divmod(int(power.argmax()), power.shape[1])
    down, right = float(torch.fft.fftfreq(size)[row]), float(torch.fft.rfftfreq(size)[column])
    # The wave runs along (right, up); bars lie at a right angle to it.
    return float(np.hypot(down, right)), float(np.rad2deg(np.arctan2(-down, right)) + 90) % 180


@pytest.fixture(scope="module")
def windowed():
    """Gratings under a Gaussian window, so that their spectrum has one peak, and the conditions."""
    batch = Gratings((64, 64), orientations=9, frequencies=[0.1, 0.25, 0.4], phases=3).all()
    place = torch.arange(64) - 31.5
    window = torch.exp(-(place[:, None] ** 2 + place**2) / (2 * 12**2))
    return (batch.inputs[:, 0].cpu() - 0.5) * window, {name: c.cpu() for name, c in batch.conditions.items()}


def test_gratings_have_the_frequency_they_claim(windowed):
    images, conditions = windowed
    measured = torch.tensor([spectrum(image)[0] for image in images])
    assert torch.allclose(measured, conditions["frequency"], atol=0.003)


def test_gratings_have_the_orientation_they_claim(windowed):
    images, conditions = windowed
    measured = torch.tensor([spectrum(image)[1] for image in images])
    off = (measured - conditions["orientation"] + 90) % 180 - 90
    assert float(off.abs().max()) < 1.5


@pytest.mark.parametrize("number, step", [(0, (0, 1)), (1, (-1, 1)), (2, (1, 0)), (3, (1, 1))])
def test_gratings_do_not_change_along_their_bars(number, step):
    """0 degrees: to the right; 45: up (a row less) and right; 90: down; 135: down and right."""
    image = Gratings((12, 12), orientations=4, frequencies=[0.2], phases=1).all().inputs[number, 0]
    moved = image.roll(step, (0, 1))
    assert torch.allclose(image[2:-2, 2:-2], moved[2:-2, 2:-2], atol=1e-5)


@pytest.mark.parametrize("size", [(9, 9), (9, 15)])
def test_at_phase_0_the_middle_is_bright_and_at_180_dark(size):
    batch = Gratings(size, phases=2).all()
    middle = batch.inputs[:, 0, size[0] // 2, size[1] // 2]
    assert torch.allclose(middle, (batch.conditions["phase"] == 0).float(), atol=1e-6)


def test_phases_move_a_grating_by_parts_of_its_period():
    """A quarter of a cycle at 1/8 cycle per pixel is two pixels; vertical bars, u = −x, move to the right."""
    images = Gratings((16, 16), orientations=2, frequencies=[0.125], phases=4).all().inputs[4:, 0]
    assert torch.allclose(images[1][:, 2:], images[0][:, :-2], atol=1e-5)


@pytest.mark.parametrize("contrast", [0.0, 0.3, 1.0])
def test_contrast_is_the_range_around_grey(contrast):
    """(max − min) / (max + min), Michelson's contrast, on an image that shows both extremes."""
    image = Gratings((9, 9), orientations=1, frequencies=[0.5], phases=1, contrast=contrast).all().inputs
    assert float(image.max() - image.min()) == pytest.approx(contrast, abs=1e-6)
    assert float(image.max() + image.min()) == pytest.approx(1.0, abs=1e-6)


def test_gratings_lie_between_black_and_white():
    inputs = Gratings((16, 16)).all().inputs
    assert 0 <= float(inputs.min()) < 0.01 and 0.99 < float(inputs.max()) <= 1


def test_every_orientation_comes_with_every_frequency_and_phase():
    batch = Gratings((8, 8), orientations=3, frequencies=[0.1, 0.2], phases=4).all()
    seen = {
        tuple(round(float(batch.conditions[c][i]), 4) for c in ("orientation", "frequency", "phase")) for i in range(24)
    }
    expected = {(o, f, p) for o in (0, 60, 120) for f in (0.1, 0.2) for p in (0, 90, 180, 270)}
    assert len(batch) == 24 and seen == expected


def test_the_target_of_a_grating_is_the_number_of_its_orientation():
    batch = Gratings((8, 8), orientations=6, frequencies=[0.1, 0.2], phases=3).all()
    assert torch.equal(batch.targets, (batch.conditions["orientation"] / 30).round().long())


def test_a_single_grating_can_be_made():
    assert Gratings((8, 8), orientations=1, frequencies=[0.2], phases=1).all().inputs.shape == (1, 1, 8, 8)


def test_gratings_may_be_vectors():
    flat, images = (Gratings((6, 8), flatten=flatten).all().inputs for flatten in (True, False))
    assert torch.equal(flat, images.flatten(1))


@pytest.mark.parametrize(
    "frequencies", [(0.1, 0.2), np.array([0.1, 0.2]), torch.tensor([0.1, 0.2])], ids=["tuple", "numpy", "torch"]
)
def test_numbers_of_any_type_make_the_same_gratings(frequencies):
    given = Gratings(np.array([8, 8]), orientations=np.int64(4), frequencies=frequencies, contrast=np.float64(0.5))
    plain = Gratings((8, 8), orientations=4, frequencies=[0.1, 0.2], contrast=0.5)
    assert torch.allclose(given.all().inputs, plain.all().inputs, atol=1e-5)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"image_shape": (1, 8, 8)}, r"image_shape is \(height, width\), got \(1, 8, 8\)"),
        ({"image_shape": 8}, r"image_shape is \(height, width\), got 8"),
        ({"image_shape": (8, 8.5)}, "each of image_shape should be a positive integer, got 8.5"),
        ({"orientations": 0}, "orientations should be a positive integer, got 0"),
        ({"phases": True}, "phases should be a positive integer, got True"),
        ({"frequencies": []}, r"above 0 and at or below 0.5 cycles per pixel, got \[\]"),
        ({"frequencies": [0.0]}, "above 0 and at or below 0.5"),
        ({"frequencies": [0.51]}, "above 0 and at or below 0.5"),
        ({"frequencies": [float("nan")]}, "above 0 and at or below 0.5"),
        ({"frequencies": ["low"]}, "above 0 and at or below 0.5"),
        ({"frequencies": 0.25}, r"frequencies should be a sequence, got 0.25: a single one is \[0.25\]"),
        ({"contrast": 1.1}, "contrast lies between 0 and 1, got 1.1"),
        ({"contrast": float("nan")}, "contrast lies between 0 and 1, got nan"),
        ({"contrast": "high"}, "contrast lies between 0 and 1, got 'high'"),
    ],
)
def test_bad_gratings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Gratings(**({"image_shape": (8, 8)} | settings))
