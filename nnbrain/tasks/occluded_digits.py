"""Handwritten digits partly covered: recognition of objects behind others."""

import math

import torch
from torch import Generator, Tensor

from nnbrain.arguments import number, positive
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, FiniteTask, source_of
from nnbrain.tasks.digits import Digits


class OccludedDigits(FiniteTask):
    """Say which digit an image shows, although blobs cover a part of it.

    Each image has blobs of its own: white noise, smoothed by a Gaussian, of which the highest places are covered, so many that
    exactly the wanted fraction of pixels is (rounded). Covered pixels have one shade.

    Batches have ``inputs`` from 0 (paper) to 1 (ink), ``targets`` the digits as integers, and ``conditions``: ``"digit"``,
    ``"occluded"``, the fraction of the image that is covered, and ``"hidden"``, the fraction of the digit's ink. `sample` draws
    digits without replacement and blobs anew; `all` gives every digit once, behind blobs that are always the same.

    Parameters
    ----------
    split, source : str
        Which digits; see `Digits`.
    occlusion : float or (float, float)
        The fraction of pixels that is covered, from 0 to below 1; or the smallest and the largest, uniform between.
    size : float
        Of the blobs: the standard deviation of the Gaussian, in pixels of the image; up to half of its side.
    shade : float
        Of covered pixels: 1 looks like ink, 0 like paper, and 0.5 can be told from both.
    flatten : bool
        Whether inputs are vectors, trials × pixels, or images, trials × 1 × height × width.

    Attributes
    ----------
    image_shape : tuple of int
        (height, width).

    Raises
    ------
    ValueError
        If the split or the source is unknown, or a number is out of its range.
    nnbrain.data.DataError
        If MNIST cannot be had.

    Source: Primer, section 5.1 (convolutional recurrent networks); Spoerer, McClure & Kriegeskorte 2017.

    Examples
    --------
    >>> OccludedDigits("train").sample(32).inputs.shape
    torch.Size([32, 1, 8, 8])
    """

    def __init__(
        self,
        split: str = "train",
        source: str = "digits",
        *,
        occlusion: float | tuple[float, float] = (0.2, 0.6),
        size: float = 0.7,
        shade: float = 1.0,
        flatten: bool = False,
    ):
        digits = Digits(split, source, flatten=False)
        self.occlusion = _range(occlusion)
        self.size, self.flatten = positive(size, "size"), flatten
        if not 0 <= number(shade) <= 1:
            raise ValueError(f"shade is that of covered pixels, from 0 (paper) to 1 (ink), got {shade!r}.")
        self.shade = number(shade)
        self.image_shape = digits.image_shape
        if self.size > min(self.image_shape) / 2:
            raise ValueError(
                f"blobs with a size above {min(self.image_shape) / 2:g} pixels, half the image, are all alike; got {size!r}."
            )
        everything = digits.all()
        super().__init__(everything.inputs, everything.targets, everything.conditions)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw digits without replacement within an epoch, each behind blobs of its own; see `Task.sample`."""
        return self._cover(super().sample(trials, generator), source_of(generator))

    def all(self) -> Batch:
        """Every digit once, behind blobs that were drawn once and for all: a copy, which you may change."""
        return self._cover(super().all(), torch.Generator().manual_seed(0))

    def _cover(self, batch: Batch, generator: Generator) -> Batch:
        """The digits of a batch, each behind blobs."""
        trials, (low, high) = len(batch), self.occlusion
        fraction = low + (high - low) * torch.rand(trials, 1, generator=generator)
        noise = self._smooth_noise(trials, generator).flatten(1)
        place = noise.argsort(1, descending=True).argsort(1)  # 0 is the highest
        covered = (place < (fraction * place.shape[1]).round()).view(trials, 1, *self.image_shape).to(device())
        images = torch.where(covered, self.shade, batch.inputs)
        ink = batch.inputs.flatten(1)
        conditions = {
            **batch.conditions,
            "occluded": covered.flatten(1).float().mean(1),
            "hidden": (ink * covered.flatten(1)).sum(1) / ink.sum(1),
        }
        return Batch(images.flatten(1) if self.flatten else images, batch.targets, conditions=conditions)

    def _smooth_noise(self, trials: int, generator: Generator) -> Tensor:
        """Noise through a Gaussian filter, trials × height × width, on the CPU; space is circular, so all places are alike."""
        height, width = self.image_shape
        noise = torch.fft.rfft2(torch.randn(trials, height, width, generator=generator))
        f = torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.rfftfreq(width) ** 2  # squared, in cycles per pixel
        return torch.fft.irfft2(noise * torch.exp(-2 * (math.pi * self.size) ** 2 * f), s=self.image_shape)


def _range(occlusion: float | tuple[float, float]) -> tuple[float, float]:
    """The smallest and the largest fraction that is covered."""
    ends = tuple(occlusion) if isinstance(occlusion, tuple | list) else (occlusion, occlusion)
    if len(ends) != 2 or not 0 <= number(ends[0]) <= number(ends[1]) < 1:
        raise ValueError(
            f"occlusion is the fraction of an image that is covered, from 0 to below 1, or a pair (smallest, largest), got "
            f"{occlusion!r}."
        )
    return number(ends[0]), number(ends[1])
