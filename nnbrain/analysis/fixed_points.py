"""Fixed points of a network's dynamics, and slow points: where the state stays, or nearly stays, as it is.

All searches run at once, as one batch. Gradient descent on q crawls where the dynamics is slow; Levenberg and Marquardt's method
also uses the Jacobian, which makes of each step nearly Newton's, and squares the error near a fixed point.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.analysis._maps import State, StepMap, eigenvalues
from nnbrain.arguments import number, positive_integer

STUCK = 64  # of the searches that get stuck, the slowest are followed to a minimum of q
ENTRIES = 2**23  # of the Jacobians that are held at once
MARGIN = 1e-6  # by which |λ| of an unstable direction exceeds 1; that of a continuum of fixed points does by rounding


@dataclass(frozen=True)
class FixedPoints:
    """Fixed and slow points, the fixed ones first; ``points[2]``, ``points[points.fixed]`` or ``points[:5]`` are some of them.

    Attributes
    ----------
    states : Tensor or tuple of Tensor
        points × units, made like the states that the search started from; in double precision.
    q : Tensor
        (points,): |F|², the squared distance that the state moves in a step.
    fixed : Tensor
        (points,) of booleans: whether q is zero but for rounding. The others are slow: q has a minimum there, which is not zero.
    jacobians : Tensor
        points × units × units: ∂step/∂s, of the step from one state to the next (the parts of a tuple one after the other).
    eigenvalues : Tensor
        points × units, complex: those of the Jacobians, by modulus, the largest first.
    unstable : Tensor
        (points,): the number of eigenvalues with |λ| > 1: 0 at an attractor, 1 or more at a saddle.
    input_jacobians : Tensor or None
        points × units × inputs: ∂step/∂x.
    reached : Tensor
        (starts,): the number of the point that each search ended at, −1 if at none.
    """

    states: State
    q: Tensor
    fixed: Tensor
    jacobians: Tensor
    eigenvalues: Tensor
    unstable: Tensor
    input_jacobians: Tensor | None
    reached: Tensor

    def __len__(self) -> int:
        return len(self.q)

    def __getitem__(self, which: int | slice | list | Tensor) -> "FixedPoints":
        kept = torch.arange(len(self), device=self.q.device)[which].reshape(-1)
        new = torch.full((len(self) + 1,), -1, device=self.q.device)  # the last is for −1
        new[kept] = torch.arange(len(kept), device=self.q.device)
        states = tuple(part[kept] for part in self.states) if isinstance(self.states, tuple) else self.states[kept]
        names = ["q", "fixed", "jacobians", "eigenvalues", "unstable"]
        inputs = None if self.input_jacobians is None else self.input_jacobians[kept]
        parts = {name: getattr(self, name)[kept] for name in names}
        return replace(self, states=states, input_jacobians=inputs, reached=new[self.reached], **parts)

    def fixed_only(self) -> "FixedPoints":
        """The fixed points."""
        return self[self.fixed]

    def slow_only(self) -> "FixedPoints":
        """The points that are slow, but not fixed."""
        return self[~self.fixed]

    @property
    def stable(self) -> Tensor:
        """(points,) of booleans: no direction is unstable."""
        return self.unstable == 0

    def __repr__(self) -> str:
        return (
            f"FixedPoints({int(self.fixed.sum())} fixed, {int((self.fixed & self.stable).sum())} of them stable, "
            f"{int((~self.fixed).sum())} slow; reached from {int((self.reached >= 0).sum())} of {len(self.reached)} starts)"
        )


def fixed_points(
    step: Callable,
    starts: State,
    x: Tensor | None = None,
    *,
    tolerance: float = 1e-20,
    slow_tolerance: float = 1e-4,
    slow_rate: float = 0.0,
    merge: float = 1e-3,
    iterations: int = 200,
) -> FixedPoints:
    """Find the fixed points of a network, F(s) = step(s) − s = 0, from many starts at once, and how the network moves around them.

    Each search makes q = |F(s)|² small (Levenberg–Marquardt): s ← s − (JᵀJ + μI)⁻¹ Jᵀ F, with J = ∂F/∂s. μ is small where F is
    nearly linear, and the step then is Newton's; it grows where that would not lower q. The ends of the searches are polished in
    double precision, and merged where they are the same. Found are saddles as well as attractors.

    Parameters
    ----------
    step : callable or nn.Module
        state → next state; with `x`, (state, x) → next state; or a network with such a ``step`` (a copy of it is run, without
        noise, in evaluation mode). States come as points × units, or as a tuple of such tensors (an LSTM's), and no point may
        depend on others. It need not be differentiable everywhere, nor vectorised by torch.func.
    starts : Tensor or tuple of Tensor
        starts × units, or (units,) for a single one: states that the network visits, and points between and around them. They are
        not changed.
    x : Tensor, optional
        (inputs,): the constant input.
    tolerance : float
        A point is fixed where q is below it, in double precision.
    slow_tolerance : float
        A minimum of q above it is not reported: not even slow. Minima are followed up for the 64 slowest searches that get stuck.
    slow_rate : float
        Directions in which F changes by less than this, per length of a change of state, are not followed. 0, the default,
        follows all, to fixed points and minima of q. Of a line attractor, which is slow but rarely at rest, few points are left
        in this way; with 0.05, say, each search ends at the slow point next to its start, and the line is seen, as far as q along
        it is below `slow_tolerance`.
    merge : float
        Points are the same if they are closer than this share of the length of the longest start or point.
    iterations : int
        The most that a search may take.

    Returns
    -------
    FixedPoints
        states, q, fixed, jacobians, eigenvalues, unstable, input_jacobians, reached. A plain function that computes in single
        precision only cannot be polished: then a point is fixed where q is zero but for the rounding of single precision.

    Raises
    ------
    TypeError
        If step or starts are of a wrong type.
    ValueError
        If shapes do not fit, starts or their next states are NaN or infinite, or an option is out of its range.

    Source: Primer, Equations 32-34, Figure 6C (Sussillo & Barak 2013).

    Examples
    --------
    >>> points = fixed_points(network, activity.flatten(0, 1), x=torch.zeros(3))
    >>> attractors = points[points.fixed & points.stable]
    """
    _check_options(tolerance, slow_tolerance, slow_rate, merge)
    iterations = positive_integer(iterations, "iterations")
    step_map = StepMap(step, starts, x)
    s = step_map.flatten(starts).to(step_map.dtype)
    longest = float(s.norm(dim=1).max())
    _check_first(step_map, s)
    which = torch.arange(len(s), device=s.device)  # of s, where each start has come to
    if slow_rate == 0:  # most of the way in the type in which the starts came; then few remain to be polished
        ends = _search(step_map, s, iterations, impatient=True)
        kept, which = _distinct(ends.s, ends.q, ends.q < 10 * slow_tolerance, merge, longest, most=STUCK)
        s = ends.s[kept]
    step_map, s = step_map.refined(s)
    ends = _search(step_map, s, iterations) if slow_rate == 0 else _nearby(step_map, s, iterations, slow_rate, merge)
    fixed = ends.q < _rounding(ends.s).clamp_min(tolerance)
    kept, again = _distinct(ends.s, ends.q, fixed | (ends.settled & (ends.q < slow_tolerance)), merge, longest)
    which = torch.cat([again, again.new_tensor([-1])])[which.to(again.device)]  # −1 stays
    return _report(step_map, ends.s[kept], fixed[kept], which)


def _nearby(step_map: StepMap, s: Tensor, iterations: int, slow_rate: float, merge: float) -> "_Ends":
    """The slow points next to s: ends of searches that do not follow slow directions, except to a fixed point at the same place."""
    slow = _search(step_map, s, iterations, slow_rate=slow_rate)
    rest = _search(step_map, slow.s, iterations)
    same = (rest.s - slow.s).norm(dim=1) <= merge * slow.s.norm(dim=1).max()
    s = torch.where(same.unsqueeze(1), rest.s, slow.s)
    return _Ends(s, _q(step_map, s), torch.where(same, rest.settled, slow.settled))


class _Ends(NamedTuple):
    """Where searches ended: states (points × n), q, and whether they can lower it no more."""

    s: Tensor
    q: Tensor
    settled: Tensor


def _search(step_map: StepMap, s: Tensor, iterations: int, *, slow_rate: float = 0.0, impatient: bool = False) -> _Ends:
    """Search from s (points × n); an impatient search gives up where q does not fall by half in five iterations."""
    together = max(1, ENTRIES // s.shape[1] ** 2)
    if len(s) > together:
        parts = [_search(step_map, p, iterations, slow_rate=slow_rate, impatient=impatient) for p in s.split(together)]
        return _Ends(*(torch.cat(values) for values in zip(*parts, strict=True)))
    s, active = s.clone(), torch.arange(len(s), device=s.device)
    damping, q = torch.full_like(s[:, 0], 1e-2), torch.full_like(s[:, 0], torch.inf)
    settled = torch.zeros_like(q, dtype=torch.bool)
    for iteration in range(iterations):
        before = s[active]
        system = _System(step_map, before, slow_rate)
        if iteration % 5 == 0:
            past = system.q
        change, promised = system.solve(damping[active])
        after = before + change
        size = system.size(step_map(after) - after)
        better = size < system.q  # never, if NaN
        s[active] = torch.where(better.unsqueeze(1), after, before)
        q[active] = torch.where(better, size, system.q)
        gain = (system.q - size) / promised
        factor = torch.where(gain > 0.75, 0.1, torch.where(gain > 0.25, 1.0, 3.0))
        damping[active] = (damping[active] * torch.where(better, factor, 10.0)).clamp_min(1e-10)
        settled[active] = (q[active] <= _rounding(before)) | system.stationary() | (damping[active] > 1e8)
        go_on = ~settled[active]
        if impatient and iteration % 5 == 4:
            go_on &= q[active] < 0.5 * past
        active, past = active[go_on], past[go_on]
        if len(active) == 0:
            break
    return _Ends(s, q, settled)


class _System:
    """The linear equations A d = −F of Newton's step, with A = ∂F/∂s, in the directions that are not slow."""

    def __init__(self, step_map: StepMap, s: Tensor, slow_rate: float):
        made, A = step_map.linearize(s)
        A = A - torch.eye(s.shape[1]).to(A)
        F = made - s
        self.A, self.slow_rate = A, slow_rate
        self.AA = A.mT @ A
        self.norm = self.AA.diagonal(dim1=1, dim2=2).mean(1)
        if slow_rate > 0:
            squares, self.V = torch.linalg.eigh(self.AA)
            self.squares = squares.clamp_min(0)
            self.fast = self.squares > slow_rate**2
        self.q = self.size(F)
        self.gradient = _times(A.mT, F) if slow_rate == 0 else _times(self.V.mT, _times(A.mT, F)) * self.fast

    def size(self, F: Tensor) -> Tensor:
        """|F|² of its part that a step along the directions that are not slow can change."""
        if self.slow_rate == 0:
            return F.square().sum(1)
        along = _times(self.V.mT, _times(self.A.mT, F)).square()
        return torch.where(self.fast, along / self.squares, 0).sum(1)

    def solve(self, damping: Tensor) -> tuple[Tensor, Tensor]:
        """The step d = −(AᵀA + μI)⁻¹ AᵀF, and how much q would fall by it if F were linear."""
        mu = (damping * self.norm).clamp_min(torch.finfo(damping.dtype).tiny).unsqueeze(1)
        g = self.gradient  # with slow directions along V, else along the units
        if self.slow_rate == 0:
            factor, _ = torch.linalg.cholesky_ex(self.AA + torch.diag_embed(mu.expand_as(g)))
            d = -torch.cholesky_solve(g.unsqueeze(2), factor).squeeze(2)
        else:
            d = -g / (self.squares + mu)
        promised = (d * (mu * d - g)).sum(1)
        return d if self.slow_rate == 0 else _times(self.V, d), promised

    def stationary(self) -> Tensor:
        """Whether F is at right angles to all that a step can change, so that q has a minimum."""
        small = {torch.float64: 1e-14}.get(self.q.dtype, 1e-7)
        return self.gradient.square().sum(1) <= small * self.norm * self.q


def _times(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (matrices @ vectors.unsqueeze(2)).squeeze(2)


def _q(step_map: StepMap, s: Tensor) -> Tensor:
    with torch.no_grad():
        return (step_map(s) - s).square().sum(1)


def _rounding(s: Tensor) -> Tensor:
    """The q that rounding alone may make."""
    return (4 * torch.finfo(s.dtype).eps) ** 2 * s.square().sum(1)


def _distinct(
    s: Tensor, q: Tensor, keep: Tensor, merge: float, longest: float, most: int | None = None
) -> tuple[Tensor, Tensor]:
    """The different ones of the points to keep, by q, and for every point the number of the one that it is, −1 if not kept.

    With `most`, not more than so many where q is not zero but for rounding.
    """
    which, left, kept = torch.full((len(s),), -1, device=s.device), torch.where(keep, q, torch.inf), []
    radius = merge * max([longest, *s[keep].norm(dim=1).tolist()])
    at_rest, stuck = 100 * _rounding(s), 0
    while left.isfinite().any():
        best = left.argmin()
        stuck += int(q[best] > at_rest[best])
        if most is not None and stuck > most:
            break
        same = left.isfinite() & ((s - s[best]).norm(dim=1) <= radius)
        which[same], left[same] = len(kept), torch.inf
        kept.append(best)
    return torch.stack(kept) if kept else which[:0], which


def _report(step_map: StepMap, s: Tensor, fixed: Tensor, which: Tensor) -> FixedPoints:
    """What there is to know of the points, the fixed ones first."""
    order = (~fixed).long().argsort(stable=True)
    s, fixed = s[order], fixed[order]
    place = torch.cat([order.argsort(), order.new_tensor([-1])])
    n = s.shape[1]
    jacobians = step_map.linearize(s)[1] if len(s) else s.new_zeros(0, n, n)
    values = eigenvalues(jacobians)
    return FixedPoints(
        states=step_map.unflatten(s),
        q=_q(step_map, s) if len(s) else s.new_zeros(0),
        fixed=fixed,
        jacobians=jacobians,
        eigenvalues=values,
        unstable=(values.abs() > 1 + MARGIN).sum(1),
        input_jacobians=step_map.input_jacobian(s),
        reached=place[which],
    )


def _check_options(tolerance: float, slow_tolerance: float, slow_rate: float, merge: float) -> None:
    given = {"tolerance": tolerance, "slow_tolerance": slow_tolerance, "slow_rate": slow_rate, "merge": merge}
    for name, value in given.items():
        if not 0 <= number(value) < torch.inf or (number(value) == 0 and name == "tolerance"):
            raise ValueError(f"{name} should be a positive number, got {value!r}.")


def _check_first(step_map: StepMap, s: Tensor) -> None:
    with torch.no_grad():
        made = step_map(s)
    if not torch.isfinite(made).all():
        bad = (~torch.isfinite(made)).any(1).nonzero().flatten().tolist()
        raise ValueError(f"the states that follow starts {bad[:8]} are NaN or infinite: leave them out.")
