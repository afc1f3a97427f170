"""Pictures: one style for all figures, and the plots and drawings that several notebooks share."""

from nnbrain.plots.figures import image_grid, learning_curve, loss_curves, mosaic
from nnbrain.plots.flow import flow_field
from nnbrain.plots.recurrent import draw_rnn, draw_unrolled
from nnbrain.plots.schematics import draw_convnet, draw_framework, draw_mlp, draw_ventral_stream
from nnbrain.plots.style import PALETTE, save_figure, use_style
from nnbrain.plots.wiring import wiring_diagram

__all__ = [
    "PALETTE",
    "draw_convnet",
    "draw_framework",
    "draw_mlp",
    "draw_rnn",
    "draw_unrolled",
    "draw_ventral_stream",
    "flow_field",
    "image_grid",
    "learning_curve",
    "loss_curves",
    "mosaic",
    "save_figure",
    "use_style",
    "wiring_diagram",
]
