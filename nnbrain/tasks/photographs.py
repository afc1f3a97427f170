"""Patches of natural images, what early vision is thought to be made for: nothing is asked about them."""

import torch
from scipy.ndimage import gaussian_filter
from torch import Generator, Tensor

from nnbrain import data
from nnbrain.arguments import at_least_zero, positive, positive_integer, shape_of_image
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task


class NaturalImagePatches(Task):
    """Random patches of two photographs, whitened as the retina is thought to do: no targets, nothing to answer.

    Each photograph is filtered with `whiten`, and each pixel then divided by the contrast around it and, in all photographs
    together, by the standard deviation.

    Batches have ``inputs`` without targets, and ``conditions``: ``"photograph"``, its number; ``"top"`` and ``"left"``, where
    the patch begins, in pixels of the photograph.

    Parameters
    ----------
    size : int or tuple of int
        Of a patch in pixels: one number for a square, or (height, width).
    split : {"train", "test"}
        The left three quarters of each photograph, or the right quarter: no pixel is in both.
    cutoff : float
        Of the low-pass filter, in cycles per pixel; see `whiten`.
    contrast : float
        The radius, in pixels, of the Gaussian window in which the local contrast is measured; 0 to leave contrasts as they are,
        and then a few edges are far stronger than all else.
    flatten : bool
        Whether inputs are vectors, trials × pixels, or images, trials × 1 × height × width.

    Attributes
    ----------
    image_shape : tuple of int
        (height, width) of a patch.
    photographs : Tensor
        2 × height × width, the whitened photographs, the part of this split.

    Raises
    ------
    ValueError
        If a number is out of its range, or a patch does not fit into the photographs.
    nnbrain.data.DataError
        If the photographs cannot be read.

    Source: Primer, section 5.2 (predictive coding); the method of Olshausen & Field 1996 and Rao & Ballard 1999.

    Examples
    --------
    >>> NaturalImagePatches(16).sample(32).inputs.shape
    torch.Size([32, 256])
    """

    def __init__(
        self,
        size: int | tuple[int, int] = 16,
        split: str = "train",
        *,
        cutoff: float = 0.3,
        contrast: float = 8.0,
        flatten: bool = True,
    ):
        if split not in ("train", "test"):
            raise ValueError(f"split is 'train' or 'test', got {split!r}.")
        self.image_shape = shape_of_image((size, size) if not isinstance(size, tuple | list) else size, "height, width")
        radius = at_least_zero(contrast, "contrast, the radius of a window in pixels,")
        images = whiten(torch.from_numpy(data.photographs()), cutoff)
        if radius:
            images = images / (_blur(images.square(), radius) + 0.2 * images.square().mean()).sqrt()
        images = images / images.std(dim=(1, 2), keepdim=True)
        border = images.shape[2] * 3 // 4
        self._offset = 0 if split == "train" else border
        part = images[:, :, :border] if split == "train" else images[:, :, border:]
        if self.image_shape[0] > part.shape[1] or self.image_shape[1] > part.shape[2]:
            raise ValueError(
                f"patches of {self.image_shape} pixels do not fit into photographs of {tuple(part.shape[1:])} ({split})."
            )
        self.photographs = part.contiguous().to(device())
        self.flatten = flatten

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw patches from anywhere in the photographs, all places equally likely; see `Task.sample`."""
        trials, (height, width) = positive_integer(trials, "trials"), self.image_shape
        generator = generator or torch.default_generator
        photographs, rows, columns = self.photographs.shape
        which, top, left = (
            torch.randint(n, (trials,), generator=generator)
            for n in (photographs, rows - height + 1, columns - width + 1)
        )
        conditions = {"photograph": which, "top": top, "left": left + self._offset}
        # Where each pixel of each patch lies, in the photographs laid out in one line.
        corners = (which * rows + top) * columns + left
        pixels = corners[:, None, None] + torch.arange(height)[:, None] * columns + torch.arange(width)
        patches = self.photographs.flatten()[pixels.to(self.photographs.device)]
        return Batch(patches.flatten(1) if self.flatten else patches.unsqueeze(1), conditions=conditions).to(device())

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Nothing is asked, so no answer is correct.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "natural image patches ask nothing: no answer is right or wrong. Measure an error or an energy."
        )


def whiten(images: Tensor, cutoff: float = 0.3) -> Tensor:
    """Make all spatial frequencies about equally strong, but for the highest: multiply the spectrum by f exp(−(f/f₀)⁴).

    Natural images have amplitudes of about 1/f, which the first factor undoes; the second takes away what is mostly noise. The
    result has the mean 0; seen in space, the filter has a centre and a surround, like a ganglion cell of the retina.

    Parameters
    ----------
    images : Tensor
        … × height × width. They are mirrored at their borders.
    cutoff : float
        f₀ in cycles per pixel, where the second factor is 1/e. Olshausen and Field's is 0.4.

    Returns
    -------
    Tensor
        The shape of the images, with a standard deviation of 1 for each image.

    Raises
    ------
    ValueError
        If the cutoff is not positive, or the images have no height and width, or no contrast.

    Source: Olshausen & Field 1996, 1997.
    """
    cutoff = positive(cutoff, "cutoff, in cycles per pixel,")
    if not isinstance(images, Tensor) or images.ndim < 2 or not images.is_floating_point():
        raise ValueError("images should be a tensor of floating point, … × height × width.")
    mirrored = torch.cat([images, images.flip(-1)], -1)
    mirrored = torch.cat([mirrored, mirrored.flip(-2)], -2)  # periodic without edges
    rows, columns = (torch.fft.fftfreq(n, dtype=images.dtype, device=images.device) for n in mirrored.shape[-2:])
    f = torch.hypot(rows[:, None], columns)
    filtered = torch.fft.ifft2(torch.fft.fft2(mirrored) * f * torch.exp(-((f / cutoff) ** 4))).real
    filtered = filtered[..., : images.shape[-2], : images.shape[-1]]
    filtered = filtered - filtered.mean((-2, -1), keepdim=True)
    size = filtered.std((-2, -1), keepdim=True)
    if not (size > 1e-6 * images.abs().amax()).all():
        raise ValueError("an image without any contrast, or with NaN, cannot be whitened.")
    return filtered / size


def _blur(images: Tensor, radius: float) -> Tensor:
    """A Gaussian window of this standard deviation, mirrored at the borders."""
    return torch.from_numpy(gaussian_filter(images.numpy(), (0, radius, radius), mode="reflect"))
