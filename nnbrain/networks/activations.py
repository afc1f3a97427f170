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

# f in place, and its slope f′(c) as a function of r = f(c).
FUSED = {
    "linear": (lambda c: c, torch.ones_like),
    "relu": (torch.relu_, torch.sign),
    "tanh": (torch.tanh_, lambda r: 1 - r * r),
    "sigmoid": (torch.sigmoid_, lambda r: r * (1 - r)),
    "softplus": (lambda c: nn.functional.softplus(c, out=c), lambda r: torch.neg(r).expm1_().neg_()),
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

    @property
    def is_fused(self) -> bool:
        """Whether f is the one of FUSED that has its name: a reader's own function may be called ``relu`` and be another."""
        return self.f is _FUNCTIONS.get(self.name)

    def extra_repr(self) -> str:
        """The function's name, for ``print(network)``."""
        return self.name


def with_slope(f: Activation, c: Tensor) -> tuple[Tensor, Tensor]:
    """f(c) and f′(c), element by element."""
    r = f.f(c)
    if f.is_fused:
        return r, FUSED[f.name][1](r)
    with torch.enable_grad():
        c = c.detach().requires_grad_()
        return r, torch.autograd.grad(f.f(c).sum(), c)[0]
