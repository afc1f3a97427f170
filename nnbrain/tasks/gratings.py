"""Gratings, the stimuli with which orientation tuning has been measured since Hubel and Wiesel: say how they are oriented."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nnbrain.arguments import number, positive_integer, shape_of_image, spatial_frequencies
from nnbrain.tasks.base import FiniteTask


class Gratings(FiniteTask):
    """Say which orientation a sinusoidal grating has. Every orientation comes with every spatial frequency and phase.

    s = ½ + ½ · contrast · cos(2π f u + φ), u being the distance from the middle, across the bars

    Parameters
    ----------
    image_shape : tuple of int
        (height, width) in pixels.
    orientations : int
        How many, evenly spaced from 0 to 180 degrees: 0 for horizontal bars, 90 for vertical ones, 45 for bars that rise to the
        right.
    frequencies : sequence of float
        f, spatial frequencies in cycles per pixel, up to ½ (bars of one pixel).
    phases : int
        How many φ, evenly spaced from 0 to 360 degrees; at 0 the middle of the image is bright.
    contrast : float
        From 0 (grey) to 1 (from black to white).
    flatten : bool
        Whether inputs are vectors, trials × pixels, or images, trials × 1 × height × width.

    Attributes
    ----------
    image_shape : tuple of int

    Batches have ``inputs`` from 0 to 1, ``targets`` the number of the orientation, and ``conditions``: ``"orientation"`` and
    ``"phase"`` in degrees, ``"frequency"`` in cycles per pixel.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Framework, Figure 4 (the task); Hubel & Wiesel 1959 (the method).

    Examples
    --------
    >>> Gratings((8, 8), orientations=12, frequencies=[0.2], phases=8).all().inputs.shape
    torch.Size([96, 1, 8, 8])
    """

    def __init__(
        self,
        image_shape: tuple[int, int],
        *,
        orientations: int = 12,
        frequencies: Sequence[float] = (0.125, 0.25),
        phases: int = 8,
        contrast: float = 1.0,
        flatten: bool = False,
    ):
        self.image_shape = shape_of_image(image_shape, "height, width")
        orientations, phases = positive_integer(orientations, "orientations"), positive_integer(phases, "phases")
        if not 0 <= number(contrast) <= 1:
            raise ValueError(f"contrast lies between 0 and 1, got {contrast!r}.")
        angles, starts = 180 * torch.arange(orientations) / orientations, 360 * torch.arange(phases) / phases
        f = torch.tensor(spatial_frequencies(frequencies))
        # conditions × 3, orientation changing slowest
        orientation, frequency, phase = torch.cartesian_prod(angles, f, starts).reshape(-1, 3).T
        images = 0.5 + 0.5 * number(contrast) * grating(self.image_shape, orientation, frequency, phase)
        super().__init__(
            images.flatten(1) if flatten else images.unsqueeze(1),
            torch.arange(orientations).repeat_interleave(len(f) * phases),
            {"orientation": orientation, "frequency": frequency, "phase": phase},
        )


def grating(image_shape: tuple[int, int], orientation: Tensor, frequency: Tensor, phase: Tensor) -> Tensor:
    """Waves cos(2π f u + φ), conditions × height × width; f in cycles per pixel, angles in degrees, all (conditions,)."""
    height, width = image_shape
    up = (height - 1) / 2 - torch.arange(height)[:, None]  # rows count downwards, angles upwards
    right = torch.arange(width) - (width - 1) / 2
    theta = torch.deg2rad(orientation)[:, None, None]
    across = up * torch.cos(theta) - right * torch.sin(theta)
    return torch.cos(2 * torch.pi * frequency[:, None, None] * across + torch.deg2rad(phase)[:, None, None])
