"""Drawings of architectures and ideas, in the same style as the plots."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from nnbrain.arguments import positive_integers
from nnbrain.plots.style import PALETTE


def draw_mlp(sizes: Sequence[int], *, axes: Axes | None = None) -> Axes:
    """A multilayer perceptron as circles and lines: every unit drives every unit of the next layer, and no other.

    Parameters
    ----------
    sizes : sequence of int
        Units drawn in each layer, from the input (left) to the output (right).
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are fewer than two layers, or a layer without units.

    Source: Primer, Figure 2A (drawn anew).
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes should be two or more positive numbers of units, got {list(sizes)}.")
    axes = axes or plt.figure(figsize=(6.4, 3.4)).gca()
    places = [[(2.2 * layer, 0.8 * (i - (n - 1) / 2)) for i in range(n)] for layer, n in enumerate(sizes)]
    lines = [(start, end) for before, after in pairwise(places) for start in before for end in after]
    axes.add_collection(LineCollection(lines, colors="0.7", linewidths=0.7, zorder=1))
    for layer, units in enumerate(places):
        outer = layer in (0, len(sizes) - 1)
        for place in units:
            axes.add_patch(
                Circle(place, 0.27, facecolor="white" if outer else PALETTE["sky"], edgecolor="black", zorder=2)
            )
    _label_layers(axes, places)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def _label_layers(axes: Axes, places: list[list[tuple[float, float]]]) -> None:
    last = len(places)
    top = max(y for units in places for _, y in units) + 0.45
    bottom = min(y for units in places for _, y in units) - 0.45
    for layer, units in enumerate(places, start=1):
        symbol = {1: r"$\mathbf{r}^{(1)} = \mathbf{x}$", last: r"$\mathbf{y}$"}.get(
            layer, rf"$\mathbf{{r}}^{{({layer})}}$"
        )
        role = {1: "input", last: "output"}.get(layer, "hidden layer")
        x = units[0][0]
        axes.text(x, top, symbol, ha="center", va="bottom", fontsize=12)
        axes.text(x, bottom, role, ha="center", va="top", fontsize=9, color="0.3")
        if layer > 1:
            axes.text(
                x - 1.1, top, rf"$\mathbf{{W}}^{{({layer})}}$", ha="center", va="bottom", fontsize=11, color="0.3"
            )
    axes.set(xlim=(-0.9, places[-1][0][0] + 0.9), ylim=(bottom - 0.5, top + 0.6))


def draw_framework() -> Figure:
    """The three components that a modeller chooses, for a network of two weights, y = w₂ tanh(w₁ x).

    The objective is its squared error on a few examples, over all pairs of weights; the learning rule is gradient descent, its
    arrows and one path that follows them; the architecture is what can be computed at all.

    Returns
    -------
    Figure

    Source: Framework, Figure 1 (drawn anew).
    """
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.6, 3.6), layout="compressed")
    axis = torch.linspace(-2.2, 2.2, 89)
    w1, w2 = torch.meshgrid(axis, axis, indexing="xy")
    loss, gradient = _landscape(w1, w2)
    left.contourf(w1, w2, loss.sqrt(), levels=14, cmap="cividis_r")
    left.set_title("objective\nwhat counts as better", loc="center")
    some = slice(4, None, 10)
    length = gradient.norm(dim=0).clamp_min(1e-9)
    arrows = -gradient / length * length.clamp(max=1.0).sqrt()
    middle.quiver(w1[some, some], w2[some, some], *arrows[:, some, some], color="0.55", pivot="mid", width=0.006)
    path = _descent(start=(1.9, -1.6))
    middle.plot(*path.T, color=PALETTE["blue"], linestyle="-", linewidth=2.2)
    middle.plot(*path[0], "o", color="white", markeredgecolor="black")
    middle.set_title("learning rule\nhow weights change", loc="center")
    for axes in (left, middle):
        for best in (path[-1], -path[-1]):  # the other signs compute the same
            axes.plot(*best, "*", color="white", markeredgecolor="black", markersize=13)
        axes.set(
            xlabel="weight $w_1$",
            ylabel="weight $w_2$",
            xlim=(-2.2, 2.2),
            ylim=(-2.2, 2.2),
            aspect="equal",
            xticks=[],
            yticks=[],
        )
    _draw_two_weights(right)
    right.set_title("architecture\nwhat can be computed", loc="center")
    return figure


def _landscape(w1: torch.Tensor, w2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The squared error of y = w₂ tanh(w₁ x) on examples of y = 1.2 tanh(1.1 x), and its gradient by w₁ and w₂."""
    x = torch.linspace(-2, 2, 9).reshape(-1, 1, 1)
    r = torch.tanh(w1 * x)
    error = w2 * r - 1.2 * torch.tanh(1.1 * x)
    gradient = torch.stack([(error * w2 * (1 - r**2) * x).mean(0), (error * r).mean(0)])
    return 0.5 * error.square().mean(0), gradient


def _descent(start: tuple[float, float], rate: float = 0.2, steps: int = 4000) -> np.ndarray:
    w = torch.tensor(start)
    path = [w]
    for _ in range(steps):
        w = w - rate * _landscape(w[0], w[1])[1].flatten()
        path.append(w)
    return torch.stack(path).numpy()


def _draw_two_weights(axes: Axes) -> None:
    for x, symbol, shade in [(0, "$x$", "white"), (1.5, "$r$", PALETTE["sky"]), (3.0, "$y$", "white")]:
        axes.add_patch(Circle((x, 0), 0.34, facecolor=shade, edgecolor="black"))
        axes.text(x, 0, symbol, ha="center", va="center", fontsize=14)
    for x, weight in [(0.36, "$w_1$"), (1.86, "$w_2$")]:
        axes.annotate("", (x + 0.8, 0), (x, 0), arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.5})
        axes.text(x + 0.38, 0.14, weight, ha="center", va="bottom", fontsize=12)
    axes.text(1.5, -0.85, r"$r = \tanh(w_1 x)$" + "\n" + r"$y = w_2\, r$", ha="center", va="top", fontsize=11)
    axes.set(xlim=(-0.5, 3.5), ylim=(-2.0, 2.0), aspect="equal")
    axes.set_axis_off()


def draw_convnet(
    shapes: Sequence[tuple[int, int, int]], classifier: Sequence[int], *, axes: Axes | None = None
) -> Axes:
    """A convolutional network as stacks of maps, one for each channel, that get smaller and more; then layers of units.

    A small square in each stack, and the lines from it to one unit of the next, show what a unit sees.

    Parameters
    ----------
    shapes : sequence of tuple of int
        (channels, height, width) of the image and after each stage, as in ``ConvNet.shapes``.
    classifier : sequence of int
        Units in each layer of the classifier, without its input.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no stage or no classifier, or a number is not a positive integer.

    Source: Primer, Figure 2D (drawn anew).
    """
    classifier = positive_integers(classifier, "classifier")
    shapes = [positive_integers(shape, "shapes") for shape in shapes]
    if len(shapes) < 2 or not classifier or any(len(shape) != 3 for shape in shapes):
        raise ValueError(
            "a convolutional network has an image and one stage or more, each (channels, height, width), and a classifier; "
            f"got shapes {shapes} and classifier {classifier}."
        )
    axes = axes or plt.figure(figsize=(8.4, 3.2)).gca()
    largest = max(height for _, height, _ in shapes)
    x, windows = 0.0, []
    for stage, (channels, height, width) in enumerate(shapes):
        size = 2.4 * (height / largest) ** 0.6, 2.4 * (width / largest) ** 0.6
        drawn = min(channels, 4 + 2 * stage) if channels > 1 else 1
        windows.append(_draw_stack(axes, x, size, drawn, "white" if stage == 0 else PALETTE["sky"]))
        right = x + size[1] + 0.12 * (drawn - 1)
        name = "image" if stage == 0 else f"stage {stage}"
        _caption(axes, (x + right) / 2, f"{name}\n{channels} × {height} × {width}")
        x = right + 1.0
    for (left, bottom, side), (next_left, next_bottom, next_side) in pairwise(windows):
        tip = (next_left + next_side / 2, next_bottom + next_side / 2)
        for corner in (bottom, bottom + side):
            axes.plot([left + side, tip[0]], [corner, tip[1]], color="black", linestyle="-", linewidth=0.8, zorder=9)
    for layer, units in enumerate(classifier):
        last = layer == len(classifier) - 1
        drawn = min(units, 5 if last else 7)
        for y in np.linspace(-1.1, 1.1, drawn) if drawn > 1 else [0.0]:
            axes.add_patch(Circle((x, y), 0.15, facecolor="white" if last else PALETTE["sky"], edgecolor="black"))
        _caption(axes, x, f"{'output' if last else 'hidden layer'}\n{units} units")
        x += 1.6
    axes.set(xlim=(-0.3, x - 1.0), ylim=(-2.5, 2.0), aspect="equal")
    axes.set_axis_off()
    return axes


def _draw_stack(axes: Axes, x: float, size: tuple[float, float], maps: int, shade: str) -> tuple[float, float, float]:
    """Maps one before the other; returns left, bottom and side of the small square that is drawn on the front one."""
    height, width = size
    for k in range(maps):
        place = (x + 0.12 * k, -height / 2 + 0.12 * (maps - 1) / 2 - 0.12 * k)
        axes.add_patch(
            Rectangle(place, width, height, facecolor=shade, edgecolor="black", linewidth=0.8, zorder=2 + k / 99)
        )
    side = 0.32
    left, bottom = place[0] + 0.55 * width, place[1] + 0.35 * height
    axes.add_patch(Rectangle((left, bottom), side, side, facecolor="white", edgecolor="black", zorder=8))
    return left, bottom, side


def _caption(axes: Axes, x: float, text: str) -> None:
    axes.text(x, -1.75, text, ha="center", va="top", fontsize=9)


def draw_ventral_stream(layers: Sequence[str], matches: Mapping[str, int], *, axes: Axes | None = None) -> Axes:
    """The areas of the ventral stream above the layers of a network, with dashed arrows from layers to areas.

    Parameters
    ----------
    layers : sequence of str
        Their names, from the image to the output.
    matches : dict of str to int
        For an area ("V1", "V2", "V4" or "IT") the number of the layer that predicts it best, from 0: found by an analysis.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If an area or a layer does not exist.

    Source: Primer, Figure 3 (drawn anew).
    """
    areas = ["retina, LGN", "V1", "V2", "V4", "IT"]
    wrong = [area for area, layer in matches.items() if area not in areas or not 0 <= layer < len(layers)]
    if len(layers) < 2 or wrong:
        raise ValueError(
            f"matches name areas among {areas} and layers from 0 to {len(layers) - 1}; got {dict(matches)}."
        )
    axes = axes or plt.figure(figsize=(6.4, 3.0)).gca()
    places = {}
    for names, y, shade in [(areas, 1.6, "white"), (layers, 0.0, PALETTE["sky"])]:
        xs = np.linspace(0, 8, len(names))
        for k, (x, name) in enumerate(zip(xs, names, strict=True)):
            box = {"boxstyle": "round,pad=0.35", "facecolor": shade, "edgecolor": "black"}
            axes.text(x, y, name, ha="center", va="center", fontsize=9, bbox=box, zorder=3)
            places[k if y == 0 else name] = (x, y)
        axes.plot(xs[[0, -1]], [y, y], color="0.5", linestyle="-", linewidth=1, zorder=1)
    for area, layer in matches.items():
        arrow = {"arrowstyle": "-|>", "linestyle": "--", "color": PALETTE["green"], "linewidth": 1.8}
        (x, y), (x_area, y_area) = places[layer], places[area]
        axes.annotate("", (x_area, y_area - 0.3), (x, y + 0.3), arrowprops=arrow)
    axes.set(xlim=(-1, 9), ylim=(-0.6, 2.2))
    axes.set_axis_off()
    return axes
