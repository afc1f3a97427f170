"""A classical model of V1, with nothing learned: Gabor filters in quadrature, their energy, and pooling over space."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nnbrain.arguments import positive_integer, shape_of_image, spatial_frequencies
from nnbrain.networks.base import check_input


class GaborBank(nn.Module):
    """Simple and complex cells as in primary visual cortex: a feed-forward network whose weights are set by hand.

    A Gabor filter is a grating under a Gaussian window. Two filters a quarter of a cycle apart are simple cells s₁ and s₂; the
    complex cell r = √(s₁² + s₂²) responds to its orientation whatever the phase. There is one of each orientation and spatial
    frequency at every place; then the responses are averaged over patches.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width); colour channels are averaged.
    orientations : int
        How many, evenly spaced from 0 to 180 degrees; 0 prefers horizontal bars, as in `Gratings`.
    frequencies : sequence of float
        Spatial frequencies in cycles per pixel, at or below ½, and a quarter of a cycle per image or more.
    patches : int
        The responses are averaged over patches × patches parts of the image; at most its height and width.

    Attributes
    ----------
    kernels : list of Tensor
        For each frequency the filters, buffers of shape 2 · orientations × 1 × size × size, even ones first.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 3.1 (classical models); Jones & Palmer 1987; Adelson & Bergen 1985.

    Examples
    --------
    >>> GaborBank((3, 64, 64), orientations=8, frequencies=[0.25], patches=8)(torch.rand(5, 3, 64, 64)).shape
    torch.Size([5, 512])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        orientations: int = 8,
        frequencies: Sequence[float] = (0.25, 0.125, 0.0625),
        patches: int = 8,
    ):
        super().__init__()
        self.image_shape = shape_of_image(image_shape, "channels, height, width")
        orientations, frequencies = positive_integer(orientations, "orientations"), spatial_frequencies(frequencies)
        cycles = min(frequencies) * max(self.image_shape[1:])
        if cycles < 0.25:
            raise ValueError(
                f"a spatial frequency of {min(frequencies)} makes {cycles:.2g} cycles in an image of {self.image_shape}, and "
                "filters far larger than the image: it should make a quarter of a cycle or more."
            )
        self.patches = positive_integer(patches, "patches")
        if self.patches > min(self.image_shape[1:]):
            raise ValueError(
                f"{self.patches} patches in a row are more than an image of {self.image_shape} has pixels."
            )
        for k, frequency in enumerate(frequencies):
            self.register_buffer(f"kernel_{k}", _filters(orientations, frequency))

    @property
    def kernels(self) -> list[Tensor]:
        """The filters of each frequency."""
        return list(self.buffers())

    def forward(self, x: Tensor) -> Tensor:
        """The responses of the complex cells.

        Parameters
        ----------
        x : Tensor
            trials × channels × height × width.

        Returns
        -------
        Tensor
            trials × (frequencies · orientations · patches²).

        Raises
        ------
        TypeError
            If x is no tensor, or not of the filters' type.
        ValueError
            If x has another shape.
        """
        self._check(x)
        grey = x.mean(1, keepdim=True)
        grey = grey - grey.mean((2, 3), keepdim=True)  # so that the border is no edge for an image of even grey
        responses = []
        for kernel in self.kernels:
            even, odd = nn.functional.conv2d(grey, kernel, padding="same").chunk(2, dim=1)
            energy = (even**2 + odd**2).clamp_min(torch.finfo(x.dtype).tiny)  # the root has no slope at 0
            energy = torch.sqrt(energy)  # trials × orientations × height × width
            responses.append(nn.functional.adaptive_avg_pool2d(energy, self.patches).flatten(1))
        return torch.cat(responses, dim=1)

    def _check(self, x: Tensor) -> None:
        check_input(self, x, self.kernel_0.dtype)
        if tuple(x.shape[1:]) != self.image_shape:
            shape = ", ".join(map(str, self.image_shape))
            raise ValueError(f"this GaborBank expects inputs of shape (trials, {shape}), got {tuple(x.shape)}.")


def _filters(orientations: int, frequency: float) -> Tensor:
    """Even and odd Gabor filters, each of mean 0 and length 1 (or silent): 2 · orientations × 1 × size × size."""
    sigma = 0.5 / frequency  # one octave of bandwidth, roughly
    reach = int(2.5 * sigma) + 1
    place = torch.arange(-reach, reach + 1.0)
    up, right = -place[:, None], place[None, :]  # rows count downwards
    theta = torch.deg2rad(180 * torch.arange(orientations) / orientations)[:, None, None]
    across = 2 * torch.pi * frequency * (up * theta.cos() - right * theta.sin())
    window = torch.exp(-(up**2 + right**2) / (2 * sigma**2))
    even, odd = window * across.cos(), window * across.sin()
    even = even - window * (even.sum((1, 2), keepdim=True) / window.sum())  # blind to even grey
    filters = torch.cat([even, odd])
    length = filters.flatten(1).norm(dim=1)[:, None, None]
    # At ½ cycle per pixel a sine along rows or columns is 0 at every pixel: the odd filter is silent, not rounding errors.
    return torch.where(length > 1e-3, filters / length, 0.0).unsqueeze(1)
