"""Digits behind blobs: how much is covered, where, and that everything else stays as it was."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch

from nnbrain.tasks import Digits, OccludedDigits


def originals(split="test"):
    return Digits(split, flatten=False).all()


@pytest.mark.parametrize("occlusion", [0.0, 0.25, 0.4, 0.75])
def test_the_fraction_that_is_covered_is_exact(occlusion):
    batch = OccludedDigits("test", occlusion=occlusion, shade=0.3).all()  # no pixel of the digits has this value
    covered = (batch.inputs == 0.3).flatten(1).sum(1)
    assert (covered == round(64 * occlusion)).all()
    assert torch.equal(batch.conditions["occluded"].cpu(), covered.cpu() / 64)


def test_a_range_is_drawn_from_uniformly():
    fraction = OccludedDigits("train", occlusion=(0.2, 0.6)).sample(1400).conditions["occluded"].cpu()
    # of 1,400 draws quartiles have a standard error of about 0.005; fractions are rounded to 1/64
    quartiles = torch.quantile(fraction, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])).tolist()
    assert quartiles == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6], abs=0.025)


def test_what_is_not_covered_is_the_digit():
    task = OccludedDigits("test", shade=0.3)
    batch, whole = task.all(), originals()
    visible = batch.inputs != 0.3
    assert torch.equal(batch.inputs[visible], whole.inputs[visible])
    assert torch.equal(batch.targets, whole.targets) and torch.equal(batch.conditions["digit"], whole.targets)


def test_hidden_is_the_fraction_of_the_digits_ink_that_is_covered():
    batch, whole = OccludedDigits("test", shade=0.3).all(), originals()
    ink = whole.inputs.flatten(1).cpu().numpy()
    covered = (batch.inputs == 0.3).flatten(1).cpu().numpy()
    np.testing.assert_allclose(batch.conditions["hidden"].cpu(), (ink * covered).sum(1) / ink.sum(1), atol=1e-6)


def test_all_places_are_covered_alike():
    task, total = OccludedDigits("train", occlusion=0.25, shade=0.3), 0
    for _ in range(4):
        total = total + (task.sample(1433).inputs == 0.3).float().mean(0).cpu() / 4
    # each pixel of 5,732 images: a standard error of .0057
    assert (total - 0.25).abs().max() < 0.025


def test_larger_blobs_have_shorter_borders():
    def borders(size):
        covered = OccludedDigits("test", occlusion=0.5, shade=0.3, size=size).all().inputs == 0.3
        return float((covered[..., 1:] != covered[..., :-1]).float().mean())

    assert borders(0.05) == pytest.approx(0.5, abs=0.03)  # as good as white noise
    assert borders(0.7) > 1.3 * borders(1.5)


def test_the_noise_has_the_correlations_of_a_gaussian_filter():
    """White noise through a Gaussian of width s has the correlation exp(−d²/4s²) at a distance d."""
    task = OccludedDigits("test", size=0.7)
    noise = task._smooth_noise(4000, torch.Generator().manual_seed(0))
    for axis in (1, 2):
        correlation = float((noise * noise.roll(1, axis)).mean() / noise.var())
        assert correlation == pytest.approx(math.exp(-1 / (4 * 0.7**2)), abs=0.02)


def test_every_sample_has_blobs_of_its_own_and_all_has_always_the_same():
    task = OccludedDigits("test")
    first, second = (task.sample(364, torch.Generator().manual_seed(0)) for _ in range(2))
    generator = torch.Generator().manual_seed(0)
    third, fourth = task.sample(364, generator), task.sample(364, generator)
    assert torch.equal(first.inputs, second.inputs) and torch.equal(first.inputs, third.inputs)
    assert not torch.equal(third.inputs.sum(0), fourth.inputs.sum(0))
    assert torch.equal(task.all().inputs, task.all().inputs)
    assert torch.equal(task.all().inputs, OccludedDigits("test").all().inputs)


def test_an_epoch_shows_every_digit_once():
    task = OccludedDigits("test", occlusion=0.0)
    generator = torch.Generator().manual_seed(3)
    epoch = torch.cat([task.sample(52, generator).inputs for _ in range(7)])
    shown, whole = (images.flatten(1).unique(dim=0, return_counts=True) for images in (epoch, originals().inputs))
    assert all(torch.equal(a, b) for a, b in zip(shown, whole, strict=True))


def test_what_one_does_to_a_batch_does_not_reach_the_task():
    task = OccludedDigits("test")
    before = task.all().inputs
    task.all().inputs.zero_()
    assert torch.equal(task.all().inputs, before)


def test_vectors_are_the_images_in_one_row():
    flat, images = (OccludedDigits("test", flatten=flatten).all().inputs for flatten in (True, False))
    assert images.shape == (364, 1, 8, 8) and torch.equal(flat, images.flatten(1))


def test_it_scores_like_any_task_with_classes():
    batch = (task := OccludedDigits("test")).all()
    perfect = torch.nn.functional.one_hot(batch.targets, 10).float()
    assert task.score(perfect, batch).all() and not task.score(-perfect, batch).any()


def test_it_can_be_copied_and_pickled():
    task = OccludedDigits("test")
    for twin in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert torch.equal(twin.all().inputs, task.all().inputs)


# What is refused


@pytest.mark.parametrize(
    "occlusion", [-0.1, 1.0, 1.5, math.nan, "0.5", None, (0.6, 0.2), (0.2,), (0.1, 0.2, 0.3), (0.2, 1.0)], ids=str
)
def test_an_occlusion_out_of_its_range_is_refused(occlusion):
    with pytest.raises(
        ValueError, match=r"occlusion is the fraction of an image that is covered, from 0 to below 1, or a pair"
    ):
        OccludedDigits("test", occlusion=occlusion)


@pytest.mark.parametrize("size", [0, -1, math.inf, "1"])
def test_blobs_without_a_size_are_refused(size):
    with pytest.raises(ValueError, match="size should be a positive number, got"):
        OccludedDigits("test", size=size)


@pytest.mark.parametrize("shade", [-0.1, 1.1, math.nan, "1"])
def test_a_shade_that_is_none_is_refused(shade):
    with pytest.raises(ValueError, match=r"shade is that of covered pixels, from 0 \(paper\) to 1 \(ink\), got"):
        OccludedDigits("test", shade=shade)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split is 'train' or 'test'"):
        OccludedDigits("validation")


@pytest.mark.parametrize("size", [100, 1e200])
def test_blobs_larger_than_the_image_are_refused(size):
    with pytest.raises(ValueError, match="half the image"):
        OccludedDigits(size=size)
