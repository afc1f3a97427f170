"""Lesions and inactivations: what a network does without some of its units or connections, for good or for a moment."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nnbrain.arguments import number, positive_integer

Units = int | slice | Sequence | Tensor


@contextmanager
def lesion(
    network: nn.Module, units: Units | None = None, *, connections: tuple[Units, Units] | None = None
) -> Iterator[nn.Module]:
    """Within it, units are silent or connections are cut, for the whole of every run; after it, the network is what it was.

    Silent units have a gain of 0: their rates, which still follow their input, reach neither other units, nor the readout, nor
    the activity. Cut connections have w = 0. Lesions within lesions add up.

    Parameters
    ----------
    network : nn.Module
        With a buffer `gain`, (units,) or time × units, as the recurrent networks of `nnbrain.networks` have it; for connections
        also `connection_gain`, None, units × units (target × source) or time × units × units.
    units : int, slice, sequence of int, or (units,) of bool, optional
    connections : (targets, sources), optional
        Each given like units. All connections from these sources to these targets are cut.

    Yields
    ------
    nn.Module
        The network.

    Raises
    ------
    TypeError
        If the network cannot be lesioned, or units are none.
    ValueError
        If there are no such units, or neither units nor connections are given.

    Source: Primer, section 4.

    Examples
    --------
    >>> with lesion(network, [3, 17]):
    ...     outputs, activity = network(batch.inputs)
    >>> with lesion(network, connections=(slice(0, 32), slice(32, 64))):  # nothing from the second half to the first
    ...     outputs, activity = network(batch.inputs)
    """
    gain, connection_gain = _masks(network, units, connections, strength=0.0)
    with _scaled(network, gain, connection_gain):
        yield network


@contextmanager
def inactivate(
    network: nn.Module,
    units: Units | None = None,
    *,
    connections: tuple[Units, Units] | None = None,
    during: tuple[float, float],
    steps: int,
    strength: float = 0.0,
) -> Iterator[nn.Module]:
    """Within it, units or connections are weakened during a part of every trial, as by light or cooling.

    The gain is `strength` in the steps that begin at or after the start and before the end, t₁ ≤ kΔt < t₂, and 1 in all others.

    Parameters
    ----------
    network : nn.Module
        As for `lesion`; also with `dt`, the duration of a step in ms.
    units : int, slice, sequence of int, or (units,) of bool, optional
    connections : (targets, sources), optional
    during : (float, float)
        Start and end in ms from the beginning of the trial.
    steps : int
        Of a whole trial: the network then runs trials of this duration only.
    strength : float
        The gain meanwhile: 0 silences, 0.5 halves, 2 doubles.

    Yields
    ------
    nn.Module
        The network.

    Raises
    ------
    TypeError, ValueError
        As `lesion`; also if the network has no dt, or no step of the trial begins during this time.

    Source: Primer, section 4.

    Examples
    --------
    >>> with inactivate(network, range(8), during=(500, 1000), steps=batch.inputs.shape[1]):
    ...     outputs, activity = network(batch.inputs)
    """
    strength, when = _check_strength(strength), _when(network, during, positive_integer(steps, "steps"))
    gain, connection_gain = _masks(network, units, connections, strength)
    # time × units, time × units × units: 1 outside of the time
    gain = None if gain is None else torch.where(when[:, None], gain, 1.0)
    connection_gain = None if connection_gain is None else torch.where(when[:, None, None], connection_gain, 1.0)
    with _scaled(network, gain, connection_gain):
        yield network


def _masks(network: nn.Module, units, connections, strength: float) -> tuple[Tensor | None, Tensor | None]:
    """The factors of the units' and of the connections' gain, (units,) and units × units; None where there is nothing to change."""
    name = type(network).__name__
    if not isinstance(network, nn.Module) or not isinstance(getattr(network, "gain", None), Tensor):
        raise TypeError(
            f"units are silenced by a network's buffer `gain`, (units,), which {name} lacks: the recurrent networks of "
            "nnbrain.networks have it; in your own, register_buffer('gain', torch.ones(units)) and multiply the rates by it."
        )
    if units is None and connections is None:
        raise ValueError("nothing to lesion: give units, or connections=(targets, sources).")
    n, gain, connection_gain = network.gain.shape[-1], None, None
    if units is not None:
        gain = torch.ones(n).to(network.gain)
        gain[_numbers(units, n)] = strength
    if connections is not None:
        if not hasattr(network, "connection_gain"):
            raise TypeError(
                f"connections are cut by a network's buffer `connection_gain`, which {name} lacks: lesion units instead."
            )
        targets, sources = _ends(connections, n)
        connection_gain = torch.ones(n, n).to(network.gain)
        connection_gain[targets[:, None], sources] = strength
    return gain, connection_gain


def _ends(connections, n: int) -> tuple[Tensor, Tensor]:
    if not isinstance(connections, tuple | list) or len(connections) != 2:
        raise TypeError(f"connections should be a pair (targets, sources), got {connections!r}.")
    return _numbers(connections[0], n), _numbers(connections[1], n)


def _numbers(units: Any, n: int) -> Tensor:
    """The numbers of the units, from 0 to n − 1."""
    if isinstance(units, slice):
        units = range(n)[units]
    try:
        found = torch.as_tensor(
            [units] if isinstance(units, int) else list(units) if isinstance(units, range) else units
        )
    except (TypeError, ValueError, RuntimeError):
        found = torch.empty(0, dtype=torch.complex64)
    if found.numel() == 0 and not isinstance(units, int) and not found.is_complex():
        raise ValueError("no unit is named: the selection is empty.")
    if found.is_floating_point() or found.is_complex():
        raise TypeError(f"units should be numbers, a slice or (units,) booleans, got {units!r}.")
    found = found.detach().cpu().reshape(-1) if found.ndim < 2 else found
    if found.dtype == torch.bool:
        if found.shape != (n,):
            raise ValueError(f"a mask of units should be ({n},), as there are {n} units, got {tuple(found.shape)}.")
        found = found.nonzero().flatten()
        if len(found) == 0:
            raise ValueError("no unit is named: the mask is False for all.")
    if found.ndim != 1:
        raise ValueError(f"units should be a list of numbers, got shape {tuple(found.shape)}.")
    if unknown := [unit for unit in found.tolist() if not 0 <= unit < n]:
        raise ValueError(f"there is no unit {unknown[0]}: this network has {n}, numbered from 0 to {n - 1}.")
    return found.long()


def _check_strength(strength: float) -> float:
    value = number(strength)
    if not 0 <= value < float("inf"):
        raise ValueError(f"strength should be a gain of 0 or more, got {strength!r}.")
    return value


def _when(network: nn.Module, during: tuple[float, float], steps: int) -> Tensor:
    """(steps,) of booleans: the steps that begin during this time."""
    dt = number(getattr(network, "dt", None))
    if not dt > 0:
        raise TypeError(f"{type(network).__name__} has no dt, the duration of a step in ms: set network.dt.")
    try:
        start, end = (number(time) for time in during)
    except (TypeError, ValueError):
        raise ValueError(f"during should be (start, end) in ms, got {during!r}.") from None
    onsets = dt * torch.arange(steps, dtype=torch.float64)
    # A start that is a step's onset but for rounding is that onset.
    when = (onsets >= start - 1e-6 * dt) & (onsets < end - 1e-6 * dt)
    if not when.any():
        raise ValueError(
            f"no step begins from {during[0]} to before {during[1]} ms: the trial's {steps} steps of {dt:g} ms begin from 0 to "
            f"{onsets[-1]:g} ms."
        )
    return when.to(network.gain.device)


@contextmanager
def _scaled(network: nn.Module, gain: Tensor | None, connection_gain: Tensor | None) -> Iterator[None]:
    """Within it both gains are multiplied by these factors."""
    factors = {"gain": gain, "connection_gain": connection_gain}
    factors = {name: factor for name, factor in factors.items() if factor is not None}
    before = {name: getattr(network, name) for name in factors}
    scaled = {name: _product(before[name], factor, name) for name, factor in factors.items()}
    saved = {name: name not in network._non_persistent_buffers_set for name in factors}
    buffers = [name for name in factors if name in network._buffers]
    try:
        for name, value in scaled.items():
            setattr(network, name, value)
        yield
    finally:  # also when something inside fails, or has replaced or removed the gains, or moved the network
        place = next((parameter.device for parameter in network.parameters()), None)
        for name, value in before.items():
            value = value if value is None or place is None else value.to(place)
            if name in buffers and name not in network._buffers:
                network.__dict__.pop(name, None)
                network.register_buffer(name, value, persistent=saved[name])
            setattr(network, name, value)


def _product(before: Tensor | None, factor: Tensor, name: str) -> Tensor:
    """The gain there is, times the factor; either may have a first axis of time."""
    if before is None:
        return factor
    ndim = 1 if name == "gain" else 2
    if before.ndim > ndim and factor.ndim > ndim and len(before) != len(factor):
        raise ValueError(
            f"the network's {name} is already one for trials of {len(before)} steps, got {len(factor)} steps: give the same."
        )
    return before * factor
