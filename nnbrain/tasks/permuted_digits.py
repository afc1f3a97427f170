"""Digits whose pixels are shuffled: many tasks that are equally difficult and have nothing in common."""

import torch

from nnbrain.arguments import count
from nnbrain.tasks.base import FiniteTask
from nnbrain.tasks.digits import Digits


class PermutedDigits(FiniteTask):
    """Say which digit an image shows, when its pixels have changed places, always in the same way.

    To a multilayer perceptron one order of the pixels is as good as another; but each needs other weights.

    Parameters
    ----------
    seed : int or None
        Draws the order of the pixels: each seed is another task. None leaves them in place.
    split, source : str
        Which images; see `Digits`.

    Attributes
    ----------
    permutation : Tensor of int
        (pixels,) Pixel i of an input is pixel ``permutation[i]`` of the image.
    image_shape : tuple of int
        (height, width).

    Batches have ``inputs`` from 0 (paper) to 1 (ink), trials × pixels, ``targets`` the digits, and ``conditions["digit"]``.

    Raises
    ------
    ValueError
        If the seed is no integer from 0 up, or the split or the source is unknown.
    nnbrain.data.DataError
        If MNIST cannot be had.

    Source: Kirkpatrick et al. 2017 (permuted MNIST).

    Examples
    --------
    >>> tasks = [PermutedDigits(seed) for seed in range(5)]
    """

    def __init__(self, seed: int | None, split: str = "train", source: str = "digits"):
        if seed is not None:
            seed = count(seed, "seed, unless it is None for pixels in their places,")
        digits = Digits(split, source)
        batch, self.image_shape = digits.all(), digits.image_shape
        order = torch.arange(batch.inputs.shape[1])
        if seed is not None:
            order = torch.randperm(len(order), generator=torch.Generator().manual_seed(seed))
        self.permutation = order.to(batch.inputs.device)
        super().__init__(batch.inputs[:, self.permutation], batch.targets, batch.conditions)
