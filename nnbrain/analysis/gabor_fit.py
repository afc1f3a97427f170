"""Fits of a Gabor function, the classical description of a simple cell's receptive field, to many images at once."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.analysis import _arguments
from nnbrain.arguments import positive_integer

_SCALES = (0.12, 0.25)  # of the windows that fits start with, as shares of the image


class GaborFit(NamedTuple):
    """The Gabor functions nearest to images; places in pixels.

    Attributes
    ----------
    r2 : Tensor
        (images,): the share of the variance over pixels that is explained, 1 − ‖image − fit‖² / ‖image − its mean‖². An image
        without contrast has 0; one that is nearly even, which no Gabor function describes, may have less.
    x, y : Tensor
        (images,): the centre of the window, to the right and downwards from the first pixel's.
    orientation : Tensor
        (images,): degrees from 0 to 180; 0 for horizontal bars, as in `Gratings`.
    frequency : Tensor
        (images,): cycles per pixel, from 0 to ½.
    phase : Tensor
        (images,): degrees from 0 to 360 at the centre; 0 for a bright bar there.
    width, length : Tensor
        (images,): standard deviations of the window, across and along the bars.
    amplitude : Tensor
        (images,): from 0 up.
    fitted : Tensor
        images × height × width.
    """

    r2: Tensor
    x: Tensor
    y: Tensor
    orientation: Tensor
    frequency: Tensor
    phase: Tensor
    width: Tensor
    length: Tensor
    amplitude: Tensor
    fitted: Tensor


def gabor_fit(images: Tensor, *, peaks: int = 2, steps: int = 60) -> GaborFit:
    """Fit a Gabor function to each image: a grating under a Gaussian window, by least squares.

    g = A exp(−u²/2σᵤ² − v²/2σᵥ²) cos(2πfu + φ)

    with u across and v along the bars, from the window's centre. Each image is fitted from several starts, gratings at the highest
    peaks of its spectrum under windows of two sizes, by the method of Levenberg and Marquardt, all side by side; the best after a
    few steps goes on to the end. The function has no offset: an image is fitted as it is, with its mean.

    Parameters
    ----------
    images : Tensor
        images × height × width, each at least 4 pixels high and wide.
    peaks : int
        How many peaks of the spectrum to start from.
    steps : int
        Of the best start, after a quarter as many of all.

    Returns
    -------
    GaborFit

    Raises
    ------
    TypeError
        If the images are no tensor of floating-point numbers.
    ValueError
        If they have another shape, are too small, or not finite; if a number is not a positive integer.

    Source: Primer, section 2.2 (unsupervised learning and early vision); Jones & Palmer 1987; Olshausen & Field 1996.

    Examples
    --------
    >>> fit = gabor_fit(network.U[0].T.reshape(-1, 12, 12))
    >>> share = (fit.r2 > 0.7).float().mean()
    """
    images = _arguments.responses(images, "images", "images × height × width").detach()
    _arguments.at_least(min(images.shape[1:]), 4, "pixels in the height and width of images")
    peaks, steps = positive_integer(peaks, "peaks"), positive_integer(steps, "steps")
    n, (height, width) = len(images), images.shape[1:]
    target = _arguments.double(images).flatten(1)
    size = target.norm(dim=1, keepdim=True)
    target = target / size.where(size > 0, 1.0)
    place = torch.meshgrid(*(torch.arange(k).to(target) for k in (height, width)), indexing="ij")
    rows, columns = (p.flatten() for p in place)
    starts = _starts(target.view(n, height, width), peaks)  # images × starts × parameters
    many = target.repeat_interleave(starts.shape[1], 0)
    grid = (rows, columns, (height, width))
    p, error = _least_squares(starts.flatten(0, 1), many, *grid, math.ceil(steps / 4))
    best = error.view(n, -1).argmin(1)
    p, _ = _least_squares(p.view(n, -1, 8)[torch.arange(n, device=p.device), best], target, *grid, steps)
    fitted, _ = _model(p, rows, columns)
    contrast = (target - target.mean(1, keepdim=True)).square().sum(1)
    even = contrast < 1e-10
    r2 = torch.where(even, 0.0, 1 - (target - fitted).square().sum(1) / contrast.where(~even, 1.0))
    return _describe(p, fitted, r2, size, images)


# The parameters of a fit: x, y, θ, ln σᵤ, ln σᵥ, f, and a and b of a cos(2πfu) + b sin(2πfu), in which the fit is linear.


def _model(p: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """The Gabor functions, fits × pixels, and their derivatives by the parameters, fits × pixels × 8."""
    x, y, theta, ln_width, ln_length, f, a, b = (q.unsqueeze(1) for q in p.unbind(1))
    up, right = y - rows, columns - x
    u = up * theta.cos() - right * theta.sin()
    v = right * theta.cos() + up * theta.sin()
    across, along = (u / ln_width.exp()).square(), (v / ln_length.exp()).square()
    window, turn = torch.exp(-(across + along) / 2), 2 * math.pi * f * u
    even, odd = window * turn.cos(), window * turn.sin()
    g, slope = a * even + b * odd, 2 * math.pi * (b * even - a * odd)  # slope: by the cycles f u
    by_u, by_v = f * slope - g * u / ln_width.exp() ** 2, -g * v / ln_length.exp() ** 2
    derivatives = (
        by_u * theta.sin() - by_v * theta.cos(),  # u and v change with x by sin θ and −cos θ
        by_u * theta.cos() + by_v * theta.sin(),
        by_v * u - by_u * v,
        g * across,
        g * along,
        u * slope,
        even,
        odd,
    )
    return g, torch.stack(derivatives, -1)


def _starts(images: Tensor, peaks: int) -> Tensor:
    """Where fits begin: at the centre of the power, with gratings at the peaks of the spectrum; images × starts × 8."""
    height, width = images.shape[1:]
    power = images.square() / images.square().sum((1, 2), keepdim=True).clamp_min(1e-30)
    y = (power.sum(2) * torch.arange(height).to(images)).sum(1)
    x = (power.sum(1) * torch.arange(width).to(images)).sum(1)
    side = 4 * max(height, width)
    spectrum = torch.fft.rfft2(images, s=(side, side)).abs()
    neighbours = torch.nn.functional.max_pool2d(spectrum.unsqueeze(1), 5, 1, 2).squeeze(1)
    highest = (spectrum * (spectrum == neighbours)).flatten(1).topk(min(peaks, spectrum[0].numel()), 1).indices
    fy = torch.fft.fftfreq(side).to(images)[highest // spectrum.shape[2]]  # cycles per pixel, downwards
    fx = torch.fft.rfftfreq(side).to(images)[highest % spectrum.shape[2]]
    theta, f = torch.atan2(-fx, -fy), torch.hypot(fx, fy).clamp(0.02, 0.5)
    starts = []
    for scale in _SCALES:
        sigma = torch.full_like(f, math.log(scale * max(height, width)))
        ones = torch.ones_like(f)
        starts.append(torch.stack([x[:, None] * ones, y[:, None] * ones, theta, sigma, sigma, f, ones, ones], -1))
    starts = torch.cat(starts, 1)
    return _with_amplitudes(starts, images.flatten(1), height, width)


def _with_amplitudes(starts: Tensor, target: Tensor, height: int, width: int) -> Tensor:
    """The same, with the best a and b."""
    rows, columns = torch.meshgrid(torch.arange(height).to(target), torch.arange(width).to(target), indexing="ij")
    n, k, _ = starts.shape
    _, J = _model(starts.flatten(0, 1), rows.flatten(), columns.flatten())
    J = J[..., 6:]  # fits × pixels × 2
    many = target.repeat_interleave(k, 0).unsqueeze(-1)
    damped = J.mT @ J + 1e-6 * torch.eye(2).to(J)
    ab = torch.linalg.solve(damped, J.mT @ many).squeeze(-1)
    return torch.cat([starts[..., :6], ab.view(n, k, 2)], -1)


def _least_squares(p, target, rows, columns, shape, steps) -> tuple[Tensor, Tensor]:
    """Levenberg–Marquardt for all fits side by side: the parameters, and the squared error of each."""
    g, J = _model(p, rows, columns)
    error = (target - g).square().sum(1)
    damping = torch.full_like(error, 1e-2)
    for _ in range(steps):
        JJ = J.mT @ J
        diagonal = JJ.diagonal(dim1=1, dim2=2)
        ridge = damping[:, None] * diagonal + 1e-9
        step = torch.linalg.solve(JJ + torch.diag_embed(ridge), (J.mT @ (target - g).unsqueeze(-1))).squeeze(-1)
        new = _bounded(p + step, shape)
        g_new, J_new = _model(new, rows, columns)
        error_new = (target - g_new).square().sum(1)
        better = error_new < error
        p, g = torch.where(better[:, None], new, p), torch.where(better[:, None], g_new, g)
        J, error = torch.where(better[:, None, None], J_new, J), torch.where(better, error_new, error)
        damping = torch.where(better, damping / 3, damping * 4).clamp(1e-8, 1e8)
    return p, error


def _bounded(p: Tensor, shape: tuple[int, int]) -> Tensor:
    """Centres within the image, windows from half a pixel to the image's size, frequencies from 0 to ½."""
    height, width = shape
    smallest, largest = math.log(0.5), math.log(max(shape))
    low = [-0.5, -0.5, -math.inf, smallest, smallest, 0.0, -10.0, -10.0]
    high = [width - 0.5, height - 0.5, math.inf, largest, largest, 0.5, 10.0, 10.0]
    return torch.minimum(torch.maximum(p, torch.tensor(low).to(p)), torch.tensor(high).to(p))


def _describe(p: Tensor, fitted: Tensor, r2: Tensor, size: Tensor, images: Tensor) -> GaborFit:
    """The parameters as they are read, in the images' type."""
    x, y, theta, ln_width, ln_length, f, a, b = p.unbind(1)
    turned = torch.rad2deg(theta) % 360
    # Half a turn more is the same orientation, seen from the other side, where the sine has the other sign.
    phase = torch.rad2deg(torch.atan2(torch.where(turned < 180, -b, b), a)) % 360
    values = (r2, x, y, turned % 180, f, phase, ln_width.exp(), ln_length.exp(), torch.hypot(a, b) * size[:, 0])
    return GaborFit(*(value.to(images) for value in values), (fitted * size).view(images.shape).to(images))
