"""Sliders: each a thin layer over a function that works, and is tested, without a browser."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

from nnbrain.plots import loss_curves


def explore(draw: Callable[..., Any], **choices: Mapping[str, Any]) -> ipywidgets.interactive:
    """One slider for each argument of a function that draws; the picture follows. Each starts in the middle.

    Parameters
    ----------
    draw : callable
        Takes the chosen values by name, and draws with matplotlib.
    **choices : dict of str to value
        For each argument, what the slider offers: the label a reader sees, and the value the function gets.

    Returns
    -------
    ipywidgets.interactive
        A widget for the end of a cell.

    Raises
    ------
    ValueError
        If there is nothing to choose for an argument.

    Examples
    --------
    >>> explore(lambda rate: plt.plot(curves[rate]), rate={"0.1": 0.1, "1": 1.0})
    """
    sliders = {}
    for name, options in choices.items():
        if not options:
            raise ValueError(f"there is nothing to choose for {name!r}.")
        label = name.replace("_", " ")
        sliders[name] = ipywidgets.SelectionSlider(
            # By position, whatever the values are: arrays, networks.
            options=[(offer, position) for position, offer in enumerate(options)],
            value=(len(options) - 1) // 2,  # in the middle; of two, the first, so that there is a way to go
            description=label,
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="30em"),
        )

    def redraw(**positions):
        draw(**{name: list(choices[name].values())[position] for name, position in positions.items()})
        plt.show()
        # nbclient answers the picture; while it does, it can miss the kernel's word that the cell is done.
        time.sleep(0.1)

    return ipywidgets.interactive(redraw, **sliders)


def learning_rate_and_batch_size(curves: Mapping[tuple[float, int], np.ndarray]) -> ipywidgets.interactive:
    """Learning rate and batch size against the loss curve, from curves computed beforehand.

    Parameters
    ----------
    curves : dict of (float, int) to ndarray
        The loss at each step, by learning rate and batch size: every combination.

    Returns
    -------
    ipywidgets.interactive
    """
    rates = sorted({rate for rate, _ in curves})
    sizes = sorted({trials for _, trials in curves})
    missing = [(rate, trials) for rate in rates for trials in sizes if (rate, trials) not in curves]
    if missing:
        raise ValueError(f"every learning rate needs a curve for every batch size; missing: {missing}.")
    return explore(
        lambda learning_rate, batch_size: loss_curves(curves, learning_rate, batch_size),
        learning_rate={f"{rate:g}": rate for rate in rates},
        batch_size={str(trials): trials for trials in sizes},
    )
