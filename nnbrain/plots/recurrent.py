"""Drawings of recurrent networks: with their loop, and unrolled in time."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, FancyArrowPatch

from nnbrain.arguments import positive_integer
from nnbrain.plots.style import PALETTE


def draw_rnn(inputs: int = 3, units: int = 5, outputs: int = 2, *, axes: Axes | None = None) -> Axes:
    """A recurrent network as circles and arrows: the units of its one layer drive each other.

    Parameters
    ----------
    inputs, units, outputs : int
        Circles drawn of each kind.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If a number is not a positive integer.

    Source: Primer, Figure 2B (drawn anew).
    """
    axes = axes or plt.figure(figsize=(4.8, 3.4)).gca()
    angles = 2 * np.pi * np.arange(positive_integer(units, "units")) / units
    places = {
        "x": [(0.0, y) for y in _spread(positive_integer(inputs, "inputs"))],
        "r": [(2.8 + 1.1 * np.sin(angle), 1.1 * np.cos(angle)) for angle in angles],
        "y": [(5.6, y) for y in _spread(positive_integer(outputs, "outputs"))],
    }
    for before, after in ("xr", "ry"):
        lines = [(start, end) for start in places[before] for end in places[after]]
        axes.add_collection(LineCollection(lines, colors="0.8", linewidths=0.7, zorder=1))
    for start, end in combinations(places["r"], 2):
        both_ways = {"arrowstyle": "<|-|>", "mutation_scale": 7, "shrinkA": 13.5, "shrinkB": 13.5}
        axes.add_patch(FancyArrowPatch(start, end, color=PALETTE["blue"], linewidth=1, zorder=2, **both_ways))
    for kind, centres in places.items():
        for centre in centres:
            shade = PALETTE["sky"] if kind == "r" else "white"
            axes.add_patch(Circle(centre, 0.25, facecolor=shade, edgecolor="black", zorder=3))
    for x, symbol, name in ((0, "x", "input"), (2.8, "r", "recurrent units"), (5.6, "y", "output")):
        axes.text(x, 1.6, rf"$\mathbf{{{symbol}}}_t$", ha="center", va="bottom", fontsize=12)
        axes.text(x, -1.6, name, ha="center", va="top", fontsize=9, color="0.3")
    for x, index, colour in ((1.2, "x", "0.3"), (3.6, "r", PALETTE["blue"]), (4.5, "y", "0.3")):
        axes.text(x, 1.6, rf"$\mathbf{{W}}_{index}$", ha="center", va="bottom", fontsize=11, color=colour)
    axes.set(xlim=(-0.6, 6.2), ylim=(-2.2, 2.2))
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def draw_unrolled(steps: int = 4, *, axes: Axes | None = None) -> Axes:
    """A recurrent network unrolled in time: a layer for each time step, all with the same weights.

    Parameters
    ----------
    steps : int
        Time steps drawn.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the number of steps is not a positive integer.

    Source: Primer, Figure 2C (drawn anew).
    """
    steps = positive_integer(steps, "steps")
    axes = axes or plt.figure(figsize=(1.5 * steps + 0.8, 3.0)).gca()
    for t in range(1, steps + 1):
        x = 2.0 * t
        for y, symbol, colour in ((0, "x", "white"), (1.5, "r", PALETTE["sky"]), (3.0, "y", "white")):
            axes.add_patch(Circle((x, y), 0.42, facecolor=colour, edgecolor="black", zorder=2))
            axes.text(x, y, rf"$\mathbf{{{symbol}}}_{{{t}}}$", ha="center", va="center", fontsize=11, zorder=3)
        _arrow(axes, (x, 0.45), (x, 1.05), "0.3")
        _arrow(axes, (x, 1.95), (x, 2.55), "0.3")
        axes.text(x + 0.12, 0.72, r"$\mathbf{W}_x$", fontsize=9, color="0.3", va="center")
        axes.text(x + 0.12, 2.22, r"$\mathbf{W}_y$", fontsize=9, color="0.3", va="center")
        _arrow(axes, (x - 1.5, 1.5), (x - 0.45, 1.5), PALETTE["blue"])
        axes.text(x - 1.0, 1.62, r"$\mathbf{W}_r$", fontsize=9, color=PALETTE["blue"], ha="center", va="bottom")
    axes.text(0.35, 1.5, r"$\mathbf{r}_0$", ha="right", va="center", fontsize=11)
    axes.annotate("", (2.0 * steps + 0.5, -0.85), (1.5, -0.85), arrowprops={"arrowstyle": "-|>", "color": "0.3"})
    axes.text(steps + 1.0, -0.95, "time", ha="center", va="top", fontsize=9, color="0.3")
    axes.set(xlim=(-0.3, 2.0 * steps + 0.8), ylim=(-1.5, 3.6))
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def _spread(n: int, distance: float = 0.8) -> list[float]:
    return [distance * ((n - 1) / 2 - k) for k in range(n)]


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.2})
