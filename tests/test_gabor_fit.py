"""Gabor fits: they find what was drawn, as well as scipy does, and what sparse coding learns from photographs."""

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit

import nnbrain as nb
from nnbrain.analysis import gabor_fit, pca
from nnbrain.learning import PredictiveCoding
from nnbrain.networks import PredictiveCodingNetwork
from nnbrain.tasks import Gratings, NaturalImagePatches
from nnbrain.train import fit

PARAMETERS = ("x", "y", "orientation", "frequency", "phase", "width", "length", "amplitude")


def gabor(x, y, orientation, frequency, phase, width, length, amplitude, shape=(12, 12)):
    """Gabor functions as their description says, from numbers or tensors of (images,)."""
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in shape), indexing="ij")
    x, y, theta, f, phi, width, length, amplitude = (
        torch.as_tensor(value, dtype=torch.float64).view(-1, 1, 1)
        for value in (x, y, orientation, frequency, phase, width, length, amplitude)
    )
    theta, phi = torch.deg2rad(theta), torch.deg2rad(phi)
    up, right = y - rows, columns - x
    u, v = up * theta.cos() - right * theta.sin(), right * theta.cos() + up * theta.sin()
    return amplitude * torch.exp(-((u / width) ** 2 + (v / length) ** 2) / 2) * torch.cos(2 * torch.pi * f * u + phi)


def drawn(n=60):
    """Parameters of Gabor functions that lie well within 12 × 12 pixels."""
    low = torch.tensor([3.5, 3.5, 0, 0.12, 0, 1.2, 1.2, 0.5], dtype=torch.float64)
    high = torch.tensor([7.5, 7.5, 180, 0.35, 360, 2.5, 2.5, 3.0], dtype=torch.float64)
    values = low + (high - low) * torch.rand(n, 8, dtype=torch.float64)
    return dict(zip(PARAMETERS, values.T, strict=True))


def differ(found, expected, cycle):
    return ((found - expected + cycle / 2) % cycle - cycle / 2).abs()


def test_it_finds_what_was_drawn():
    truth = drawn()
    found = gabor_fit(gabor(**truth))
    assert found.r2.min() > 1 - 1e-6
    for name in ("x", "y", "frequency", "width", "length"):
        assert torch.allclose(getattr(found, name), truth[name], atol=1e-2), name
    assert differ(found.orientation, truth["orientation"], 180).max() < 0.5
    same_side = differ(found.orientation, truth["orientation"], 360) < 90
    phase = torch.where(same_side, found.phase, -found.phase)
    assert differ(phase, truth["phase"], 360).max() < 2
    assert torch.allclose(found.amplitude, truth["amplitude"], rtol=1e-2)


def test_what_it_says_is_what_it_fitted():
    images = torch.randn(20, 12, 9, dtype=torch.float64)
    found = gabor_fit(images)
    described = gabor(**{name: getattr(found, name) for name in PARAMETERS}, shape=(12, 9))
    assert torch.allclose(described, found.fitted, atol=1e-8)
    residual = (images - found.fitted).square().sum((1, 2))
    assert torch.allclose(found.r2, 1 - residual / (images - images.mean((1, 2), keepdim=True)).square().sum((1, 2)))


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_in_noise_it_is_no_worse_than_scipy_started_at_the_truth(noise):
    truth = drawn(10)
    images = gabor(**truth)
    images = images + noise * images.flatten(1).std(dim=1)[:, None, None] * torch.randn(images.shape).double()
    found = gabor_fit(images)
    for k, image in enumerate(images):
        start = [float(truth[name][k]) for name in PARAMETERS]

        def model(_, *values):
            return gabor(*values)[0].flatten().numpy()

        values, _ = curve_fit(model, np.zeros(144), image.flatten().numpy(), start)
        error = (image - gabor(*values)[0]).square().sum()
        assert (image - found.fitted[k]).square().sum() < error * 1.001


def test_noise_alone_is_poorly_fitted():
    r2 = gabor_fit(torch.randn(100, 12, 12)).r2
    assert r2.max() < 0.5
    assert r2.mean() < 0.2


def test_orientations_frequencies_and_phases_are_those_of_gratings():
    batch = Gratings((13, 13), orientations=8, frequencies=[0.1, 0.2], phases=4).all()
    window = gabor(6, 6, 0, 0, 0, 3, 3, 1, shape=(13, 13)).to(batch.inputs)  # no wave, the window alone
    found = gabor_fit((batch.inputs[:, 0] * 2 - 1) * window)
    assert differ(found.orientation, batch.conditions["orientation"], 180).max() < 0.1
    assert torch.allclose(found.frequency, batch.conditions["frequency"], atol=1e-3)
    same_side = differ(found.orientation, batch.conditions["orientation"], 360) < 90
    phase = torch.where(same_side, found.phase, -found.phase)
    assert differ(phase, batch.conditions["phase"], 360).max() < 0.5


@pytest.mark.parametrize("factor", [-1.0, 1e-4, 1e4])
def test_the_scale_and_the_sign_of_an_image_change_only_amplitude_and_phase(factor):
    images = gabor(**drawn(10))
    before, after = gabor_fit(images), gabor_fit(factor * images)
    assert torch.allclose(after.amplitude, abs(factor) * before.amplitude, rtol=1e-4)
    assert torch.allclose(after.r2, before.r2, atol=1e-6)
    turn = 180 if factor < 0 else 0
    assert differ(after.phase, before.phase + turn, 360).max() < 0.1


def test_each_image_is_fitted_by_itself():
    images = torch.randn(6, 10, 10)
    together = gabor_fit(images)
    alone = [gabor_fit(image.unsqueeze(0)).r2 for image in images]
    assert torch.allclose(together.r2, torch.cat(alone), atol=1e-4)


def test_images_without_contrast_explain_nothing():
    found = gabor_fit(torch.stack([torch.zeros(8, 8), torch.full((8, 8), 3.0)]))
    assert found.r2.tolist() == [0, 0]
    assert all(torch.isfinite(value).all() for value in found)


def test_it_fits_single_precision_and_stays_on_the_device(device):
    images = gabor(**drawn(3)).float().to(device)
    found = gabor_fit(images.requires_grad_())
    assert all(value.dtype == torch.float32 and value.device.type == device.type for value in found)
    assert not found.r2.requires_grad


def test_it_refuses_what_is_no_image():
    with pytest.raises(TypeError, match="got list"):
        gabor_fit([[1.0]])
    with pytest.raises(TypeError, match=r"got torch\.int64"):
        gabor_fit(torch.ones(2, 8, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"images × height × width.*got shape \(8, 8\)"):
        gabor_fit(torch.ones(8, 8))
    with pytest.raises(ValueError, match="at least 4 pixels in the height and width of images, got 3"):
        gabor_fit(torch.ones(2, 8, 3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        gabor_fit(torch.full((2, 8, 8), float("nan")))
    with pytest.raises(ValueError, match="peaks should be a positive integer"):
        gabor_fit(torch.ones(2, 8, 8), peaks=0)
    with pytest.raises(ValueError, match="steps should be a positive integer"):
        gabor_fit(torch.ones(2, 8, 8), steps=0)


def test_sparse_coding_of_photographs_learns_gabor_functions_and_pca_does_not():
    """Olshausen & Field 1996, with the package's predictive-coding network of one level, and features of length 1."""
    task = NaturalImagePatches(8)
    net = PredictiveCodingNetwork([64, 64], prior="sparse", alpha=2.0, generator=torch.Generator().manual_seed(0)).to(
        nb.device()
    )

    def keep_length(net):
        with torch.no_grad():
            net.weights[0] /= net.weights[0].norm(dim=0)

    rule = PredictiveCoding(net, steps=20, tolerance=1e-3)
    optimizer = torch.optim.SGD(rule.parameters(), lr=3.0)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, 120)
    fit(rule, task, 120, schedule=schedule, trials=100, after_step=keep_length, progress=False)
    sparse = gabor_fit(net.U[0].detach().T.reshape(-1, 8, 8))
    components = gabor_fit(pca(task.sample(5000).inputs).components.reshape(-1, 8, 8))
    assert (sparse.r2 > 0.7).float().mean() > 0.7
    assert (components.r2 > 0.7).float().mean() < 0.55
