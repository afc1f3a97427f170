"""Dynamic synapses: how facilitation and depression follow the presynaptic rate; the steady states and filters that this makes.

Networks with such synapses are in `short_term_plasticity`.
"""

import contextlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nnbrain.arguments import positive

Number = float | Sequence[float] | Tensor

# Two kinds, as Masse et al. 2019 have them; times in ms.
FACILITATING = {"U": 0.15, "tau_x": 200.0, "tau_u": 1500.0}
DEPRESSING = {"U": 0.45, "tau_x": 1500.0, "tau_u": 200.0}


def advance(
    u: Tensor, x: Tensor, rate: Tensor, dt: float, U: Number, tau_x: Number, tau_u: Number
) -> tuple[Tensor, Tensor]:
    """Eqs. 48 and 49 over a step Δt in which the rate is constant: (u, x) at its start → (u, x) at its end.

    du/dt = (U − u)/τ_u + U (1 − u) r,   dx/dt = (1 − x)/τ_x − u x r

    Both are linear in what they change, dz/dt = (z∞ − z) k, whose solution is z → z∞ + (z − z∞) e^(−k Δt): exact for u; for x
    with the mean of the old and the new u in place of u, which leaves an error of order Δt³ in a step. So u and x stay between 0
    and 1, and settle at their true steady state, whatever the rate and the step (Euler's method overshoots where k Δt > 1).

    Parameters
    ----------
    u, x : Tensor
        Of any shape.
    rate : Tensor
        r in Hz, from 0 up, of that shape.
    dt : float
        Δt in ms.
    U : float or Tensor
        What u is at rest, between 0 and 1.
    tau_x, tau_u : float or Tensor
        τ_x and τ_u in ms.

    Returns
    -------
    u, x : Tensor

    Source: Primer, Equations 48-49.
    """
    spikes = rate * (dt / 1000)  # r Δt
    q = U * spikes
    k = q + dt / tau_u  # k Δt of u
    u_new = torch.lerp((q + U * dt / tau_u) / k, u, torch.exp(-k))
    decay = dt / tau_x
    k = (u + u_new) * (0.5 * spikes) + decay
    return u_new, torch.lerp(decay / k, x, torch.exp(-k))


def steady_state(rate: Number, U: Number, tau_x: Number, tau_u: Number) -> tuple[Tensor, Tensor]:
    """Where u and x settle at a constant rate: u = U (1 + τ_u r)/(1 + U τ_u r), x = 1/(1 + u τ_x r).

    Parameters
    ----------
    rate : float or Tensor
        r in Hz.
    U : float or Tensor
        What u is at rest, between 0 and 1.
    tau_x, tau_u : float or Tensor
        τ_x and τ_u in ms.

    Returns
    -------
    u, x : Tensor
        Of the shape that the arguments have together.

    Raises
    ------
    ValueError
        If a rate is negative, a time constant not positive, or U outside of 0 to 1.

    Source: Primer, Equations 48-49.

    Examples
    --------
    >>> u, x = steady_state(20.0, **FACILITATING)  # at 20 Hz
    """
    r, U, tau_x, tau_u = checked(rate, U, tau_x, tau_u)
    u = U * (1 + tau_u * r) / (1 + U * tau_u * r)
    return u, 1 / (1 + u * tau_x * r)


def best_rate(U: Number, tau_x: Number, tau_u: Number) -> Tensor:
    """The constant rate at which the efficacy u x is largest: r = (√[τ_u (1 − U)/(τ_x U)] − 1)/τ_u, or 0 if that is negative.

    1/(u x) = 1/u + τ_x r, whose slope τ_x − τ_u (1 − U)/[U (1 + τ_u r)²] grows with r and vanishes there. Where
    τ_u (1 − U) ≤ τ_x U, every spike depresses. What is transmitted, u x r, has no such peak: it rises towards 1/τ_x.

    Parameters
    ----------
    U : float or Tensor
        What u is at rest, above 0 and up to 1.
    tau_x, tau_u : float or Tensor
        τ_x and τ_u in ms.

    Returns
    -------
    Tensor
        In Hz.

    Raises
    ------
    ValueError
        If a time constant is not positive, U outside of 0 to 1, or 0: then the efficacy is 0 at all rates.

    Source: Primer, Equations 48-49.

    Examples
    --------
    >>> float(best_rate(**FACILITATING))  # Hz
    3.67...
    """
    _, U, tau_x, tau_u = checked(0.0, U, tau_x, tau_u)
    if (U == 0).any():
        raise ValueError("with U = 0 nothing is ever transmitted, and no rate is the best.")
    return ((tau_u * (1 - U) / (tau_x * U)).sqrt() - 1).clamp_min(0) / tau_u


def transfer_function(frequency: Number, rate: Number, U: Number, tau_x: Number, tau_u: Number) -> Tensor:
    """How a small modulation of the rate, at a frequency f about a mean rate r, is transmitted: H(f) = δ(u x r)/δr.

    H = u x + r (x H_u + u H_x),   H_u = U (1 − u)/(1/τ_u + U r + iω),   H_x = −x (u + r H_u)/(1/τ_x + u r + iω),   ω = 2πf

    with u and x at their steady state. |H| is what the modulation is multiplied by, and the angle of H its phase. Far above all
    corners H = u x; at f = 0 it is the slope of the steady u x r. Where it is smaller at low frequencies the synapse is a
    high-pass filter (depression), where it is larger a low-pass filter (facilitation).

    Parameters
    ----------
    frequency : float or Tensor
        f in Hz.
    rate : float or Tensor
        r in Hz.
    U : float or Tensor
        What u is at rest, between 0 and 1.
    tau_x, tau_u : float or Tensor
        τ_x and τ_u in ms.

    Returns
    -------
    Tensor, complex
        Of the shape that the arguments have together.

    Raises
    ------
    ValueError
        As `steady_state`; also if a frequency is negative.

    Source: Primer, Equations 48-49, linearized.

    Examples
    --------
    >>> H = transfer_function(torch.logspace(-2, 2, 100), 10.0, **DEPRESSING)
    """
    r, U, tau_x, tau_u = checked(rate, U, tau_x, tau_u)
    f = _numbers(frequency, "frequency, in Hz,")
    u, x = steady_state(rate, U, 1000 * tau_x, 1000 * tau_u)
    i_omega = 2j * math.pi * f
    H_u = U * (1 - u) / (1 / tau_u + U * r + i_omega)
    H_x = -x * (u + r * H_u) / (1 / tau_x + u * r + i_omega)
    return u * x + r * (x * H_u + u * H_x)


def synapses(rate: Tensor, U: Number, tau_x: Number, tau_u: Number, *, dt: float) -> tuple[Tensor, Tensor]:
    """The course of u and x over time, from rest (u = U, x = 1), for rates that are constant within each step.

    Parameters
    ----------
    rate : Tensor
        r in Hz, [… ×] time. A spike is a rate of 1/Δt in one step.
    U : float or Tensor
        What u is at rest, between 0 and 1; a number, or of the shape of the rates without time.
    tau_x, tau_u : float or Tensor
        τ_x and τ_u in ms, given like U.
    dt : float
        Δt in ms.

    Returns
    -------
    u, x : Tensor
        *After* each step, of the shape of the rates.

    Raises
    ------
    ValueError
        If a rate is negative, a time constant or the step not positive, U outside of 0 to 1, or there is no time.

    Source: Primer, Equations 48-49.

    Examples
    --------
    >>> rate = torch.zeros(2000)
    >>> rate[500:1000] = 20.0  # half a second at 20 Hz, in steps of 1 ms
    >>> u, x = synapses(rate, **FACILITATING, dt=1.0)
    """
    r, U, tau_x, tau_u = checked(rate, U, tau_x, tau_u)
    dt = positive(dt, "dt, the duration of a step in ms,")
    if r.ndim == 0 or r.shape[-1] == 0:
        raise ValueError(f"rate should be [… ×] time, with one step or more, got shape {tuple(r.shape)}.")
    U, tau_x, tau_u = U.to(r), (1000 * tau_x).to(r), (1000 * tau_u).to(r)
    u, x = U.expand(r.shape[:-1]), torch.ones_like(r[..., 0])
    over_time = []
    for r_t in r.unbind(-1):
        u, x = advance(u, x, r_t, dt, U, tau_x, tau_u)
        over_time.append((u, x))
    return tuple(torch.stack(each, -1) for each in zip(*over_time, strict=True))


def checked(rate: Number, U: Number, tau_x: Number, tau_u: Number) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """All as tensors, the time constants in s; refused if out of range."""
    return (
        _numbers(rate, "rate, in Hz,"),
        _numbers(U, "U", most=1.0),
        _numbers(tau_x, "tau_x, in ms,", zero=False) / 1000,
        _numbers(tau_u, "tau_u, in ms,", zero=False) / 1000,
    )


def _numbers(value: Number, name: str, *, zero: bool = True, most: float = math.inf) -> Tensor:
    """One or several numbers from 0 up (without 0 itself, if so said) as a tensor, in double precision if they were none."""
    found = torch.tensor(math.nan)
    with contextlib.suppress(TypeError, ValueError, RuntimeError):
        floats = isinstance(value, Tensor) and value.is_floating_point()
        found = value if floats else torch.as_tensor(value, dtype=torch.float64)
    if isinstance(value, bool) or not torch.isfinite(found).all():
        raise ValueError(f"{name} should be a finite number, or several, got {value!r}.")
    if ((found < 0) | (found > most)).any() or (not zero and (found == 0).any()):
        bounds = f"between 0 and {most:g}" if most < math.inf else "from 0 up" if zero else "positive"
        raise ValueError(f"{name} should be {bounds}, got {value!r}.")
    return found
