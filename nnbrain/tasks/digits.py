"""Handwritten digits: the classification task of the Primer's section 2.1."""

import numpy as np
import torch

from nnbrain import data
from nnbrain.tasks.base import FiniteTask


class Digits(FiniteTask):
    """Say which digit an image shows.

    Parameters
    ----------
    split : {"train", "test"}
        To learn from, or held out. Of the embedded digits every fifth example of each digit is held out; writers are
        not kept apart, so that held-out images are by known hands. MNIST has its own split, by writer.
    source : {"digits", "mnist"}
        The embedded 8 × 8 images (1,433 + 364), or MNIST's 28 × 28 (60,000 + 10,000), which are fetched once.
    flatten : bool
        Whether inputs are vectors, trials × pixels, for a multilayer perceptron; or images, trials × 1 × height × width.

    Attributes
    ----------
    image_shape : tuple of int
        (height, width).

    Batches have ``inputs`` from 0 (paper) to 1 (ink), ``targets`` the digits as integers, and ``conditions["digit"]``.

    Raises
    ------
    ValueError
        If the split or the source is unknown.
    nnbrain.data.DataError
        If MNIST cannot be had.

    Source: Primer, section 2.1 (MNIST, LeCun et al. 1998); scikit-learn's digits are the test set of Alpaydin & Kaynak 1998.

    Examples
    --------
    >>> batch = Digits("train").sample(32)
    >>> batch.inputs.shape
    torch.Size([32, 64])
    """

    def __init__(self, split: str = "train", source: str = "digits", *, flatten: bool = True):
        if split not in ("train", "test"):
            raise ValueError(f"split is 'train' or 'test', got {split!r}.")
        if source not in ("digits", "mnist"):
            raise ValueError(f"source is 'digits' or 'mnist', got {source!r}.")
        images, labels = data.mnist(split) if source == "mnist" else _embedded(split)
        self.image_shape = images.shape[1:]
        inputs = torch.from_numpy(images).unsqueeze(1)
        targets = torch.from_numpy(labels)
        super().__init__(inputs.flatten(1) if flatten else inputs, targets, {"digit": targets})


def _embedded(split: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = data.digits()
    held_out = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        held_out[np.flatnonzero(labels == digit)[::5]] = True
    chosen = held_out if split == "test" else ~held_out
    return images[chosen], labels[chosen]
