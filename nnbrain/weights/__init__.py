"""Networks whose training takes longer than a notebook may: their weights, and the programs that made them."""

from importlib import import_module

__all__ = ["many_tasks", "short_term_plasticity"]


def __getattr__(name: str):
    # Not imported at once, so that `python -m nnbrain.weights.short_term_plasticity` is the first to do it.
    if name in __all__:
        return import_module(f"nnbrain.weights.{name}")
    raise AttributeError(f"nnbrain.weights has {', '.join(__all__)}; there is no {name!r}.")
