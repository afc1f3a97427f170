"""Plots that several notebooks share. Each draws on axes that you give it, or makes some."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from nnbrain.arguments import positive_integer
from nnbrain.history import History


def image_grid(
    images: np.ndarray | Tensor,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 10,
    symmetric: bool = False,
    size: float = 0.8,
) -> Figure:
    """Small images side by side: stimuli, or weights as images.

    Parameters
    ----------
    images : ndarray or Tensor
        images × height × width.
    titles : sequence of str, optional
        One for each image.
    columns : int
        How many images in a row.
    symmetric : bool
        For weights: grey is zero, white the largest positive and black the largest negative value of each image. Otherwise
        0 is white and the largest value black, like ink on paper.
    size : float
        Width of an image in inches.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the images are not images × height × width, or the titles not as many.
    """
    images = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    if images.ndim != 3 or len(images) == 0:
        raise ValueError(f"images should be images × height × width, got shape {images.shape}.")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(titles)} titles for {len(images)} images.")
    columns = min(positive_integer(columns, "columns"), len(images))
    rows = -(-len(images) // columns)
    height = size * images.shape[1] / images.shape[2] + (0.25 if titles is not None else 0.05)
    figure, grid = plt.subplots(rows, columns, figsize=(columns * size, rows * height), squeeze=False)
    for i, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if i < len(images):
            largest = float(np.abs(images[i]).max()) or 1.0
            shades = {"cmap": "gray", "vmin": -largest} if symmetric else {"cmap": "gray_r", "vmin": 0}
            axes.imshow(images[i], vmax=largest, **shades)
            if titles is not None:
                axes.set_title(f"{titles[i]}", fontsize=8, loc="center", pad=2)
    return figure


def mosaic(images: np.ndarray | Tensor, columns: int, *, gap: int = 1) -> np.ndarray:
    """Images in rows and columns, joined to one picture: the channels of a layer, or the fields of its units.

    Parameters
    ----------
    images : ndarray or Tensor
        images × height × width.
    columns : int
        How many images in a row.
    gap : int
        Pixels between images: NaN, which matplotlib leaves white.

    Returns
    -------
    ndarray
        rows · (height + gap) − gap × columns · (width + gap) − gap.

    Raises
    ------
    ValueError
        If the images are not images × height × width, or the gap is not a number of pixels.
    """
    gap = positive_integer(gap, "gap, unless it is 0,") if gap else 0
    images = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    if images.ndim != 3 or len(images) == 0:
        raise ValueError(f"images should be images × height × width, got shape {images.shape}.")
    n, height, width = images.shape
    columns = min(positive_integer(columns, "columns"), n)
    rows = -(-n // columns)
    tiles = np.full((rows * columns, height + gap, width + gap), np.nan)
    tiles[:n, :height, :width] = images
    joined = tiles.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    return joined.reshape(rows * (height + gap), -1)[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def learning_curve(
    histories: History | Mapping[str, History], measure: str = "loss", *, smooth: int = 1, axes: Axes | None = None
) -> Axes:
    """How a loss or a measurement changed during training, one line for each history.

    Parameters
    ----------
    histories : History or dict of str to History
        One, or several by the label that each line gets.
    measure : str
        "loss", or the name of a measurement.
    smooth : int
        Average the loss over so many steps.
    axes : Axes, optional

    Returns
    -------
    Axes
    """
    axes = axes or plt.figure().gca()
    labelled = {"": histories} if isinstance(histories, History) else histories
    for label, history in labelled.items():
        series = history[measure]
        steps = history.measured_at if measure != "loss" else np.arange(len(series))
        if measure == "loss" and smooth > 1 and len(series):
            steps, series = _running_mean(series, smooth)
        axes.plot(steps, series, label=label)
    axes.set(xlabel="training step", ylabel=measure)
    if any(labelled):
        axes.legend()
    return axes


def loss_curves(
    curves: Mapping[tuple[float, int], np.ndarray], rate: float, trials: int, *, axes: Axes | None = None
) -> Axes:
    """One loss curve in front of all those that belong to other settings.

    Parameters
    ----------
    curves : dict of (float, int) to ndarray
        The loss at each step, by learning rate and batch size; it may end early or hold NaN where training diverged.
    rate : float
        The learning rate of the curve in front.
    trials : int
        Its batch size.
    axes : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    KeyError
        If there is no such curve.
    """
    if (rate, trials) not in curves:
        raise KeyError(f"no curve for learning rate {rate} and batch size {trials}.")
    axes = axes or plt.figure().gca()
    smoothed = {setting: _running_mean(curve, 15) for setting, curve in curves.items()}
    for steps, means in smoothed.values():
        axes.plot(steps, means, color="0.8", linestyle="-", linewidth=0.8)
    axes.plot(curves[rate, trials], color="#56B4E9", linestyle="-", linewidth=0.7, label="each step")
    axes.plot(*smoothed[rate, trials], color="#0072B2", linestyle="-", label="mean of 15 steps")
    # The same limits whatever is in front, so that a picture under a slider stands still.
    values = np.concatenate([means[np.isfinite(means) & (means > 0)] for _, means in smoothed.values()] + [np.ones(1)])
    axes.set(yscale="log", ylim=(max(values.min(), 1e-4) / 2, min(values.max(), 50.0) * 1.5))
    axes.set(xlabel="training step", ylabel="loss on the minibatch (nats)")
    axes.set_title(f"learning rate η = {rate:g}, batch size M = {trials}")
    axes.legend(loc="lower left")
    return axes


def _running_mean(series: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each ``width`` values in a row, and the step of the last of them."""
    width = min(width, len(series))
    means = np.convolve(series, np.ones(width) / width, "valid")
    return np.arange(width - 1, len(series)), means
