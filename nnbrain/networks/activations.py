"""Activation functions f: what turns a unit's summed input c into its activity r."""

import copy
import inspect
from collections.abc import Callable

import torch
from torch import Tensor, nn


def _linear(c: Tensor) -> Tensor:
    return c


_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": _linear,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": nn.functional.softplus,
}


class Activation(nn.Module):
    """An activation function as a module, so that `record` finds the activity r = f(c) of every layer.

    Parameters
    ----------
    f : str or callable
        "relu", "tanh", "sigmoid", "softplus" or "linear", or any function of a tensor that works element by element.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If ``f`` is neither a name nor a function.
    """

    def __init__(self, f: str | Callable[[Tensor], Tensor]):
        super().__init__()
        if isinstance(f, str):
            if f not in _FUNCTIONS:
                raise ValueError(
                    f"no activation function is called {f!r}: use one of {', '.join(_FUNCTIONS)}, or a function."
                )
            self.name, self.f = f, _FUNCTIONS[f]
        elif callable(f) and not inspect.isclass(f):
            self.name = getattr(f, "__name__", type(f).__name__)
            self.f = copy.deepcopy(f) if isinstance(f, nn.Module) else f  # one of its own, should it have parameters
        else:
            raise TypeError(f"an activation is a name or a function of a tensor, got {f!r}.")

    def forward(self, c: Tensor) -> Tensor:
        """The activity r = f(c), of the shape of c."""
        return self.f(c)

    def extra_repr(self) -> str:
        """The function's name, for ``print(network)``."""
        return self.name
