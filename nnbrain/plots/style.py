"""The one style of all figures: safe for colour-blind readers, readable in greyscale, no more ink than needed."""

import os
import re
from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from cycler import cycler
from matplotlib.figure import Figure

# Wong (2011): told apart by colour-blind readers. Ordered so that neighbours also differ in lightness.
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "black": "#000000",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
}


def use_style() -> None:
    """Set matplotlib's defaults for this session; every notebook calls it once."""
    sns.set_theme(context="notebook", style="ticks", font_scale=0.9)
    # Line style changes with colour, so that a print in grey can still be read.
    styles = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (3, 3))]
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(PALETTE.values())) + cycler(linestyle=styles),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.figsize": (6.4, 3.6),
            "image.cmap": "gray",
            "image.interpolation": "nearest",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "savefig.dpi": 150,
            "savefig.facecolor": "white",
        }
    )


def save_figure(figure: Figure, name: str) -> Path | None:
    """Save a figure as ``figures/<name>.png`` of the checkout, if ``NNBRAIN_FIGURES=1`` is set; otherwise do nothing.

    Running a notebook therefore never changes the checkout.

    Parameters
    ----------
    figure : Figure
    name : str
        Lower-case letters, digits and underscores: "primer_fig2a".

    Returns
    -------
    Path or None
        Where it was saved.

    Raises
    ------
    ValueError
        If the name has other characters.
    FileNotFoundError
        If it should be saved but nnbrain does not run from a checkout.
    """
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(
            f"a figure's name has lower-case letters, digits and underscores, like primer_fig2a; got {name!r}."
        )
    if os.environ.get("NNBRAIN_FIGURES") != "1":
        return None
    folder = Path(__file__).parents[2] / "figures"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"NNBRAIN_FIGURES=1, but there is no {folder}: figures are saved only from a checkout of nnbrain."
        )
    path = folder / f"{name}.png"
    figure.savefig(path, metadata={"Software": None})  # no version in the file: the same picture gives the same bytes
    return path
