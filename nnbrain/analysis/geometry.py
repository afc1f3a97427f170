"""Angles in the space of weights, activity or gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor


def angle(a: Tensor | Sequence[Tensor], b: Tensor | Sequence[Tensor]) -> float:
    """The angle between two vectors, in degrees: 0 when they point the same way, 90 when they have nothing in common.

    Parameters
    ----------
    a, b : Tensor or sequence of Tensor
        Of the same shapes; taken as one long vector each (all gradients of a network, for instance).

    Returns
    -------
    float
        From 0 to 180.

    Raises
    ------
    TypeError
        If something is no tensor (the gradient of a frozen parameter is None).
    ValueError
        If the shapes differ or a vector is zero or not finite.
    """
    shapes = [[tuple(part.shape) for part in _parts(vector)] for vector in (a, b)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the two should have the same shapes, got {shapes[0]} and {shapes[1]}.")
    u, v = _flat(a), _flat(b)
    lengths = u.norm() * v.norm()
    if not torch.isfinite(lengths) or lengths == 0:
        raise ValueError("an angle needs two finite vectors that are not zero.")
    # Not arccos of the cosine, which loses half the digits near 0 and 180 degrees (Kahan).
    u, v = u / u.norm(), v / v.norm()
    return float(torch.rad2deg(2 * torch.atan2((u - v).norm(), (u + v).norm())))


def _parts(vector: Tensor | Sequence[Tensor]) -> list[Tensor]:
    parts = [vector] if isinstance(vector, Tensor) else list(vector)
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        kinds = ", ".join(type(part).__name__ for part in parts) or "nothing"
        raise TypeError(f"an angle is between tensors or sequences of tensors, got {kinds}.")
    return parts


def _flat(vector: Tensor | Sequence[Tensor]) -> Tensor:
    return torch.cat([part.detach().flatten().cpu().double() for part in _parts(vector)])
