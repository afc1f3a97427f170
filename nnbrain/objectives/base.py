"""What an objective is: a weighted sum of terms, each a function of one run of the network.

The Framework maximises an objective F; here, as in the Primer, a loss L = −F is minimised.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from numbers import Real

import torch
from torch import Generator, Tensor, nn

from nnbrain.networks import run
from nnbrain.tasks import Batch


class Objective:
    """A sum of weighted terms; used as a decorator, it makes an objective of a single term.

    A term is a function ``term(outputs, activity, batch, network)`` that returns one value a trial, shape (trials,), or one
    value for all of them, shape (): a penalty on the weights, for instance. L = (1/M) Σₖ L⁽ᵏ⁾ over the M trials of a batch.

    Parameters
    ----------
    term : callable
        Given the network's outputs (trials × [time ×] outputs), its activity (trials × time × units, or None from a
        feed-forward network), the `Batch`, and the network.

    Attributes
    ----------
    terms : tuple of (float, callable)
        The weights and the functions that add up to this objective.

    Source: Primer, Equation 4.

    Examples
    --------
    >>> @Objective
    ... def mean_output(outputs, activity, batch, network):
    ...     return outputs.mean(-1)
    >>> loss = mean_output + 0.1 * l2
    """

    def __init__(self, term: Callable[..., Tensor]):
        if not callable(term):
            raise TypeError(
                f"an objective is made from a function of (outputs, activity, batch, network), got {term!r}."
            )
        self.terms: tuple[tuple[float, Callable[..., Tensor]], ...] = ((1.0, term),)
        functools.update_wrapper(self, term)

    def __call__(
        self, network: nn.Module, batch: Batch, *, reduction: str = "mean", generator: Generator | None = None
    ) -> Tensor:
        """Run the network once on a batch and evaluate the objective.

        Parameters
        ----------
        network : nn.Module
        batch : Batch
        reduction : {"mean", "none"}
            The mean over trials, a scalar; or the value of each trial, shape (trials,).
        generator : torch.Generator, optional
            The source of the network's own noise, for networks that have some.

        Returns
        -------
        Tensor

        Raises
        ------
        ValueError
            If ``reduction`` is unknown or the outputs do not fit the batch.
        """
        if reduction not in ("mean", "none"):
            raise ValueError(f"reduction is 'mean' or 'none', got {reduction!r}.")
        values = self.per_trial(*run(network, batch.inputs, generator), batch, network)
        return values.mean() if reduction == "mean" else values

    def per_trial(self, outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
        """The objective of each trial, for learning rules that ran the network themselves.

        Parameters
        ----------
        outputs : Tensor
            trials × [time ×] outputs.
        activity : Tensor or None
            trials × time × units.
        batch : Batch
        network : nn.Module

        Returns
        -------
        Tensor
            (trials,)
        """
        trials = len(batch)
        if outputs.shape[0] != trials:
            raise ValueError(f"the outputs have {outputs.shape[0]} trials, the batch has {trials}.")
        values = []
        for weight, term in self.terms:
            value = term(outputs, activity, batch, network)
            if not isinstance(value, Tensor):
                raise TypeError(f"the term {_name(term)} returned {value!r}; it should return a tensor.")
            if value.shape not in ((), (trials,)):
                raise ValueError(
                    f"the term {_name(term)} returned shape {tuple(value.shape)}; it should return one value a trial, "
                    f"({trials},), or one for all, ()."
                )
            values.append(value if weight == 1 else weight * value)
        total = functools.reduce(torch.add, values)
        return total if total.ndim else total.expand(trials)

    def __add__(self, other: Objective) -> Objective:
        if other == 0:  # so that sum([a, b]) works
            return self
        return _of(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    __radd__ = __add__

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, Real):
            return NotImplemented
        for _, term in self.terms:  # one that refuses a factor refuses it in a sum, too
            owner = getattr(term, "__self__", None)
            if factor != 1 and isinstance(owner, Objective) and type(owner).__mul__ is not Objective.__mul__:
                owner * factor
        return _of(tuple((float(factor) * weight, term) for weight, term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1.0 * self

    def __sub__(self, other: Objective) -> Objective:
        return self + -other if isinstance(other, Objective) else NotImplemented

    def __reduce__(self):
        """An objective with a name, like `cross_entropy`, is pickled by that name."""
        named = getattr(sys.modules.get(getattr(self, "__module__", "")), getattr(self, "__qualname__", ""), None)
        return self.__qualname__ if named is self else super().__reduce__()

    def __getstate__(self) -> dict:
        """Functions that became an objective, like `cross_entropy`, by that objective: their own name leads to it."""
        return self.__dict__ | {"terms": tuple((weight, _named(term)) for weight, term in self.terms)}

    def __setstate__(self, state: dict) -> None:
        terms = tuple((w, t.terms[0][1] if isinstance(t, Objective) else t) for w, t in state["terms"])
        self.__dict__ |= state | {"terms": terms}

    def __repr__(self) -> str:
        return " + ".join(_name(term) if weight == 1 else f"{weight:g} * {_name(term)}" for weight, term in self.terms)


def _of(terms: tuple[tuple[float, Callable[..., Tensor]], ...]) -> Objective:
    objective = Objective.__new__(Objective)
    objective.terms = terms
    return objective


def _named(term: Callable) -> Callable:
    """The objective that bears the name of this function, or else the function."""
    found = getattr(sys.modules.get(getattr(term, "__module__", "")), getattr(term, "__qualname__", ""), None)
    return found if isinstance(found, Objective) and found.terms[0][1] is term else term


def _name(term: Callable) -> str:
    return getattr(term, "__name__", type(term).__name__)


def time_average(errors: Tensor, mask: Tensor | None) -> Tensor:
    """Average errors over each trial's unmasked steps.

    Parameters
    ----------
    errors : Tensor
        (trials,), returned as it is, or trials × time.
    mask : Tensor or None
        trials × time: 0 for a step that does not count, 1 for one that does, other weights for more or less.

    Returns
    -------
    Tensor
        (trials,)
    """
    if errors.ndim == 1 and mask is None:
        return errors
    if errors.ndim == 1:
        raise ValueError("the batch has a mask, trials × time, but the network's outputs have no time.")
    if mask is None:
        return errors.mean(1)
    return torch.einsum("kt,kt->k", errors, mask.to(errors.dtype)) / mask.sum(1)
