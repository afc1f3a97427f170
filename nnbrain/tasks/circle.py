"""Directions on a circle."""

import math

import torch
from torch import Tensor


def distance(a: Tensor, b: Tensor) -> Tensor:
    """The angle between directions, in radians from 0 to π.

    Parameters
    ----------
    a, b : Tensor
        In radians, of shapes that fit together.
    """
    apart = (a - b).abs() % (2 * math.pi)
    return torch.minimum(apart, 2 * math.pi - apart)
