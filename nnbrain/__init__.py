"""nnbrain: a primer on artificial neural networks for neuroscientists.

Five rooms, as the Framework (Richards et al. 2019) has it: `networks` (architectures), `objectives`, `learning` (rules),
the `tasks` they are solved on, and the `analysis` that follows. `fit` joins the first four. Import it as
``import nnbrain as nb``.
"""

from nnbrain import analysis, check, data, learning, networks, objectives, plots, tasks, weights, widgets
from nnbrain.analysis import record
from nnbrain.claims import claim
from nnbrain.history import History
from nnbrain.plots import save_figure
from nnbrain.runtime import device, set_seed
from nnbrain.show import show
from nnbrain.sweep import sweep
from nnbrain.train import fit

__version__ = "0.1.0"

__all__ = [
    "History",
    "analysis",
    "check",
    "claim",
    "data",
    "device",
    "fit",
    "learning",
    "networks",
    "objectives",
    "plots",
    "record",
    "save_figure",
    "set_seed",
    "show",
    "sweep",
    "tasks",
    "weights",
    "widgets",
]
