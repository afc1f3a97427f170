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
    ValueError
        If the shapes differ or a vector is zero or not finite.
    """
    u, v = _flat(a), _flat(b)
    if u.shape != v.shape:
        raise ValueError(f"the vectors have {u.numel()} and {v.numel()} entries.")
    lengths = u.norm() * v.norm()
    if not torch.isfinite(lengths) or lengths == 0:
        raise ValueError("an angle needs two finite vectors that are not zero.")
    # Not arccos of the cosine, which loses half the digits near 0 and 180 degrees (Kahan).
    u, v = u / u.norm(), v / v.norm()
    return float(torch.rad2deg(2 * torch.atan2((u - v).norm(), (u + v).norm())))


def _flat(vector: Tensor | Sequence[Tensor]) -> Tensor:
    parts = [vector] if isinstance(vector, Tensor) else list(vector)
    return torch.cat([part.detach().flatten().cpu().double() for part in parts])
