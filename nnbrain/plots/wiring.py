"""The wiring diagram of a network: its weights as a matrix, units sorted into groups."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from nnbrain.arguments import count, positive
from nnbrain.plots.style import PALETTE

SIGNS = LinearSegmentedColormap.from_list("signs", [PALETTE["vermillion"], "white", PALETTE["blue"]])


def wiring_diagram(
    W: Tensor | np.ndarray,
    groups: Mapping[str, Sequence[int] | Tensor | np.ndarray],
    *,
    boxes: Collection[str] = (),
    limit: float | None = None,
    axes: Axes | None = None,
) -> Axes:
    """A weight matrix with its units sorted into groups: excitation blue, inhibition red, the stronger the darker.

    Rows are the units that receive, columns those that send, as in W r. Units that are in no group are left out.

    Parameters
    ----------
    W : Tensor or ndarray
        units × units.
    groups : dict of str to sequence of int
        The units of each group, in the order in which they are to stand; empty ones are left out.
    boxes : collection of str
        Groups whose connections among each other get a black square around them.
    limit : float, optional
        The size of a weight that gets the full colour; by default the 98th percentile of those shown, or the largest where that
        is 0.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If W is no square matrix, a unit does not exist or comes twice, there is no unit at all, or a box is no group.

    Source: Primer, Figure 7.

    Examples
    --------
    >>> wiring_diagram(net.W_r, {"E": range(40), "I": range(40, 50)}, boxes=["E"])
    """
    W = W.detach().cpu().numpy() if isinstance(W, Tensor) else np.asarray(W)
    if W.ndim != 2 or W.shape[0] != W.shape[1]:
        raise ValueError(f"W should be a square matrix, units × units, got shape {W.shape}.")
    if W.dtype.kind not in "biuf" or not np.isfinite(W).all():
        raise ValueError("W should be a matrix of finite numbers; some of these are NaN, infinite or no real numbers.")
    if not isinstance(groups, Mapping):
        raise TypeError(f"groups are names with numbers of units, {{'E': range(40)}}, got {type(groups).__name__}.")
    boxes, W = [boxes] if isinstance(boxes, str) else boxes, W.astype(float)
    if unknown := set(boxes) - set(groups):
        raise ValueError(f"there is no group {unknown.pop()!r} to put into a box; the groups are {', '.join(groups)}.")
    order, edges = _sorted(groups, len(W))
    shown = W[np.ix_(order, order)]
    size = np.abs(shown)
    limit = positive(limit, "limit") if limit is not None else np.percentile(size, 98) or size.max() or 1.0
    axes = axes or plt.figure(figsize=(5.2, 4.6)).gca()
    image = axes.imshow(shown, cmap=SIGNS, vmin=-limit, vmax=limit)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.7, label="weight")
    bar.outline.set_visible(False)
    _label(axes, edges)
    for name in boxes:
        if name in edges:
            start, end = edges[name]
            corner, size = (start - 0.5, start - 0.5), end - start
            axes.add_patch(Rectangle(corner, size, size, fill=False, edgecolor="black", linewidth=2, clip_on=False))
    return axes


def _sorted(groups: Mapping, units: int) -> tuple[list[int], dict[str, tuple[int, int]]]:
    """The numbers of the units in order, and the first place and the one after the last of each group that is not empty."""
    order: list[int] = []
    edges = {}
    for name, members in groups.items():
        if not np.iterable(members):
            raise TypeError(f"the group {name!r} should be a sequence of numbers of units, got {members!r}.")
        members = [count(unit, f"each unit of {name!r}") for unit in members]
        if members:
            edges[name] = (len(order), len(order) + len(members))
        order += members
    if not order or len(set(order)) < len(order) or not 0 <= min(order) <= max(order) < units:
        raise ValueError(
            f"groups should hold numbers of units, from 0 to {units - 1}, each at most once, got {groups!r}."
        )
    return order, edges


def _label(axes: Axes, edges: Mapping[str, tuple[int, int]]) -> None:
    """Names of the groups along both axes, thin lines between them."""
    centres = [(start + end - 1) / 2 for start, end in edges.values()]
    for _, end in list(edges.values())[:-1]:
        axes.axhline(end - 0.5, color="0.6", linewidth=0.7)
        axes.axvline(end - 0.5, color="0.6", linewidth=0.7)
    axes.set_xticks(centres, edges, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(centres, edges)
    axes.tick_params(length=0)
    axes.set(xlabel="from", ylabel="to")
    axes.spines[:].set_visible(True)
