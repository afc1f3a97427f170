"""Natural images: whitening flattens their spectrum, patches are where they are said to be, and nothing held out is seen."""

import sys

import numpy as np
import pytest
import torch

import nnbrain as nb
from nnbrain import data
from nnbrain.learning import PredictiveCoding
from nnbrain.networks import PredictiveCodingNetwork
from nnbrain.tasks import NaturalImagePatches, whiten


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def amplitudes(images, low, high):
    """The mean amplitude of spatial frequencies between two bounds, in cycles per pixel."""
    spectrum = torch.fft.fft2(images).abs()
    f = torch.hypot(*torch.meshgrid(*(torch.fft.fftfreq(n) for n in images.shape[-2:]), indexing="ij"))
    return float(spectrum[..., (f > low) & (f < high)].mean())


# The photographs


def test_photographs_are_two_in_grey():
    images = data.photographs()
    assert images.shape == (2, 427, 640) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1 and (images.std(axis=(1, 2)) > 0.1).all()


def test_photographs_without_pillow_are_refused_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(data.DataError, match="pip install pillow"):
        data.photographs()


# Whitening


def test_whitening_makes_frequencies_equally_strong_where_amplitudes_fall_as_1_over_f():
    f = torch.hypot(torch.fft.fftfreq(256)[:, None], torch.fft.fftfreq(256))
    f[0, 0] = 1.0
    pink = torch.fft.ifft2(torch.fft.fft2(torch.randn(20, 256, 256)) / f).real
    flat = whiten(pink, cutoff=0.5)[..., 32:-32, 32:-32]  # away from the mirrored borders
    before = amplitudes(pink, 0.02, 0.04) / amplitudes(pink, 0.2, 0.25)
    assert before > 5 and amplitudes(flat, 0.02, 0.04) / amplitudes(flat, 0.2, 0.25) == pytest.approx(1, abs=0.15)


def test_whitening_makes_photographs_flatter():
    images = torch.from_numpy(data.photographs())
    ratios = [amplitudes(part, 0.02, 0.04) / amplitudes(part, 0.15, 0.2) for part in (images, whiten(images))]
    assert ratios[0] > 5 and ratios[1] < 2.5


@pytest.mark.parametrize("turn", [lambda image: image, torch.t], ids=["vertical", "horizontal"])
def test_whitening_multiplies_a_grating_by_f_and_the_low_pass(turn):
    """Gratings whose phase a mirror keeps: cosines with a whole number of half periods, beginning at a pixel's border."""
    n, cycles = 64, torch.tensor([4, 12])
    x = (torch.arange(n) + 0.5) / n
    first, second = (turn(torch.cos(2 * torch.pi * (c + 0.5) * x).expand(n, n)).double() for c in cycles)
    mixed = whiten(first + second, cutoff=0.3)
    gains = [float((mixed * grating).sum()) for grating in (first, second)]
    f = (cycles + 0.5).double() / n
    expected = f * torch.exp(-((f / 0.3) ** 4))
    assert gains[1] / gains[0] == pytest.approx(float(expected[1] / expected[0]), rel=1e-6)


def test_whitened_images_have_mean_0_and_standard_deviation_1():
    images = whiten(torch.rand(3, 2, 20, 30).double() + 5)
    assert torch.allclose(images.mean((-2, -1)), torch.zeros(3, 2).double(), atol=1e-12)
    assert torch.allclose(images.std((-2, -1)), torch.ones(3, 2).double())


def test_whitening_depends_neither_on_brightness_nor_on_contrast():
    image = torch.rand(20, 30).double()
    assert torch.allclose(whiten(image), whiten(3 * image + 7), atol=1e-9)


def test_a_lower_cutoff_leaves_less_of_the_high_frequencies():
    image = torch.rand(64, 64)
    assert amplitudes(whiten(image, 0.15), 0.3, 0.5) < 0.3 * amplitudes(whiten(image, 0.4), 0.3, 0.5)


@pytest.mark.parametrize(
    "images, cutoff, message",
    [
        (torch.rand(8), 0.3, "height × width"),
        (torch.randint(5, (8, 8)), 0.3, "floating point"),
        (np.ones((8, 8)), 0.3, "should be a tensor"),
        (torch.rand(8, 8), 0, "cutoff"),
        (torch.ones(8, 8), 0.3, "without any contrast"),
        (torch.full((8, 8), torch.nan), 0.3, "NaN"),
    ],
)
def test_whitening_refuses(images, cutoff, message):
    with pytest.raises(ValueError, match=message):
        whiten(images, cutoff)


# Patches


def whole(**arguments):
    """The prepared photographs, both parts side by side."""
    return torch.cat([NaturalImagePatches(8, split, **arguments).photographs for split in ("train", "test")], 2).cpu()


@pytest.mark.parametrize("split", ["train", "test"])
def test_patches_are_where_they_are_said_to_be(split):
    batch, photographs = NaturalImagePatches((6, 9), split, flatten=False).sample(50), whole()
    assert batch.inputs.shape == (50, 1, 6, 9) and batch.targets is None
    places = (batch.conditions[name].tolist() for name in ("photograph", "top", "left"))
    for patch, k, i, j in zip(batch.inputs.cpu(), *places, strict=True):
        assert torch.equal(patch[0], photographs[k, i : i + 6, j : j + 9])


def test_flat_patches_are_the_images_row_by_row():
    flat, images = (NaturalImagePatches(6, flatten=flatten).sample(5, seeded()).inputs for flatten in (True, False))
    assert torch.equal(flat, images.flatten(1))


def test_no_pixel_is_in_both_splits():
    train, test = (NaturalImagePatches(16, split).sample(5000).conditions["left"] for split in ("train", "test"))
    assert int(train.max()) + 16 <= 480 <= int(test.min())


def test_patches_come_from_everywhere():
    task = NaturalImagePatches(8)
    task.photographs = task.photographs[:, :12, :14]
    conditions = task.sample(20_000).conditions
    counts = {name: torch.bincount(conditions[name].cpu()) for name in ("photograph", "top", "left")}
    assert [len(count) for count in counts.values()] == [2, 5, 7]
    assert all(float((c - c.float().mean()).abs().max()) < 5 * float(c.float().mean()) ** 0.5 for c in counts.values())


def test_a_patch_may_be_as_large_as_a_part_of_a_photograph():
    task = NaturalImagePatches((427, 160), "test", flatten=False)
    batch = task.sample(4)
    assert torch.equal(batch.inputs[:, 0], task.photographs[batch.conditions["photograph"]])


def test_pixels_of_each_photograph_have_standard_deviation_1():
    assert whole().std((1, 2)).tolist() == pytest.approx([1, 1], abs=1e-3)


def test_dividing_by_the_local_contrast_makes_it_more_even():
    def spread(photographs):
        tiles = photographs.unfold(1, 32, 32).unfold(2, 32, 32).std((-2, -1))
        return float(tiles.std() / tiles.mean())

    assert spread(whole()) < 0.8 * spread(whole(contrast=0))


def test_without_contrast_normalization_photographs_are_whitened_and_nothing_else():
    assert torch.allclose(whole(contrast=0, cutoff=0.4), whiten(torch.from_numpy(data.photographs()), 0.4), atol=1e-5)


def test_the_same_seed_gives_the_same_patches():
    one, two = (NaturalImagePatches(8).sample(5, seeded(3)).inputs for _ in range(2))
    assert torch.equal(one, two)


def test_patches_are_on_the_device(device):
    batch = NaturalImagePatches(8).sample(3)
    assert {part.device.type for part in (batch.inputs, *batch.conditions.values())} == {device.type}


def test_predictive_coding_learns_to_predict_patches_that_it_has_never_seen():
    net = PredictiveCodingNetwork([64, 16], alpha=0.1).to(nb.device())
    rule = PredictiveCoding(net, steps=50)
    held_out = NaturalImagePatches(8, "test").sample(300).inputs

    def unexplained(network):
        error = network.errors(network.relax(held_out), held_out)[0].detach()
        return float(error.square().mean() / held_out.square().mean())

    before = unexplained(net)
    optimizer = torch.optim.Adam(rule.parameters(), lr=0.01)
    history = nb.fit(
        rule, NaturalImagePatches(8), 80, optimizer=optimizer, measure={"left": unexplained}, progress=False
    )
    assert unexplained(net) < 0.8 * before and history.loss[-1] < history.loss[0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"size": 0}, "image_shape should be a positive integer"),
        ({"size": (8, 8, 1)}, "image_shape is"),
        ({"size": (16, 500)}, r"patches of \(16, 500\) pixels do not fit"),
        ({"size": 161, "split": "test"}, "do not fit"),
        ({"split": "both"}, "split is 'train' or 'test'"),
        ({"cutoff": 0}, "cutoff"),
        ({"contrast": -1}, "contrast, the radius"),
    ],
    ids=str,
)
def test_it_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        NaturalImagePatches(**arguments)


def test_it_refuses_no_trials():
    with pytest.raises(ValueError, match="trials should be a positive integer"):
        NaturalImagePatches(8).sample(0)


def test_it_has_no_right_answers():
    task = NaturalImagePatches(8)
    batch = task.sample(3)
    with pytest.raises(TypeError, match="ask nothing"):
        task.score(batch.inputs, batch)
