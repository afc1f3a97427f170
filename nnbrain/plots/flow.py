"""The flow of a dynamical system with two variables: an arrow for each state, and where the arrows vanish."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from torch import Tensor

from nnbrain.arguments import number
from nnbrain.plots.style import PALETTE


def flow_field(
    velocity: Callable[[Tensor], Tensor],
    limits: tuple[float, float] = (0.0, 1.0),
    *,
    resolution: int = 17,
    axes: Axes | None = None,
) -> Axes:
    """The flow field of two units, with their nullclines: the states in which one of them does not change.

    Parameters
    ----------
    velocity : callable
        F in dr/dt = F(r): states, points × 2, → their velocities, points × 2.
    limits : tuple of float
        The lowest and the highest activity shown, for both units.
    resolution : int
        Arrows in a row.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the velocity is not points × 2, or the limits are not two numbers in ascending order.

    Source: Primer, Equation 32.

    Examples
    --------
    >>> flow_field(lambda r: -r, limits=(-1, 1))
    """
    low, high = (number(limit) for limit in limits)
    if not low < high:
        raise ValueError(f"limits should be the lowest and the highest activity, got {limits!r}.")
    axes = axes or plt.figure(figsize=(4.2, 4.0)).gca()
    r1, r2, F = _on_a_grid(velocity, low, high, resolution)
    speed = F.norm(dim=2).clamp_min(1e-9)
    arrows = F / speed.unsqueeze(2) * (speed / speed.max()).sqrt().unsqueeze(2)  # slow arrows stay visible
    axes.quiver(r1, r2, arrows[..., 0], arrows[..., 1], color="0.55", angles="xy", pivot="middle", width=0.004)
    r1, r2, F = _on_a_grid(velocity, low, high, 121)
    for unit, (name, style) in enumerate({"blue": "solid", "orange": "dashed"}.items()):
        if F[..., unit].min() < 0 < F[..., unit].max():
            axes.contour(r1, r2, F[..., unit], levels=[0], colors=PALETTE[name], linestyles=style, linewidths=1.8)
    axes.set(xlabel="activity of unit 1", ylabel="activity of unit 2", xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal")
    return axes


@torch.no_grad()
def _on_a_grid(velocity: Callable[[Tensor], Tensor], low: float, high: float, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """A grid of states and their velocities, n × n (× 2)."""
    r1, r2 = torch.meshgrid(torch.linspace(low, high, n), torch.linspace(low, high, n), indexing="xy")
    F = velocity(torch.stack([r1.flatten(), r2.flatten()], dim=1))
    if not isinstance(F, Tensor) or F.shape != (n * n, 2):
        raise ValueError(
            f"the velocity of {n * n} states should be {n * n} × 2, got {getattr(F, 'shape', type(F).__name__)}."
        )
    return r1, r2, F.detach().cpu().reshape(n, n, 2)
