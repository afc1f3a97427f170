"""The linear dynamics around a state: which directions grow, which decay, which stay; and lines along which a network remembers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.analysis._maps import State, StepMap, spectrum
from nnbrain.analysis.fixed_points import FixedPoints
from nnbrain.analysis.pca import oriented
from nnbrain.arguments import number


@dataclass(frozen=True)
class Linearization:
    """s + Δs goes to step(s) + J Δs: the linear map and its modes, the largest |λ| first.

    Attributes
    ----------
    state : Tensor
        [points ×] units: s (the parts of a tuple one after the other).
    jacobian : Tensor
        [points ×] units × units: J = ∂step/∂s.
    eigenvalues : Tensor
        [points ×] units, complex: J v = λ v.
    right : Tensor
        [points ×] units × units, complex: the right eigenvectors v, of length 1, in columns: the pattern of each mode.
    input_jacobian : Tensor or None
        [points ×] units × inputs: ∂step/∂x.
    """

    state: Tensor
    jacobian: Tensor
    eigenvalues: Tensor
    right: Tensor
    input_jacobian: Tensor | None

    @property
    def left(self) -> Tensor:
        """The left eigenvectors l J = λ l, in rows, such that l·v is 1 for the same mode and 0 for others: what excites a mode.

        Raises
        ------
        ValueError
            If there are none, as the right eigenvectors are linearly dependent (J is defective).
        """
        inverse, failed = torch.linalg.inv_ex(self.right)
        # Of eigenvectors that ought to be parallel, rounding makes a pair with an angle of about √ε.
        if failed.any() or not inverse.abs().max() < 0.1 * torch.finfo(self.jacobian.dtype).eps ** -0.5:
            raise ValueError(
                "the Jacobian is defective: its eigenvectors are linearly dependent, and there are no left ones to match. Use "
                "the Jacobian itself, or its singular vectors."
            )
        return inverse

    def time_constants(self, dt: float) -> Tensor:
        """How long each mode takes to decay to 1/e: −Δt / ln|λ|.

        Parameters
        ----------
        dt : float
            The duration of a step, in ms.

        Returns
        -------
        Tensor
            [points ×] units, in ms: infinite where |λ| = 1, negative where a mode grows, 0 where it is gone in one step.
        """
        if not number(dt) > 0:
            raise ValueError(f"dt should be a positive duration, got {dt!r}.")
        return -dt / self.eigenvalues.abs().log()


def linearize(step: Callable, state: State, x: Tensor | None = None) -> Linearization:
    """Linearise a network around a state, at rest or not: s + Δs → step(s) + J Δs.

    Of dr/dt = F(r), Euler's method makes the step r + Δt F(r), whose Jacobian is J = 1 + Δt ∂F/∂r: an eigenvalue of 0 of the
    differential equation is one of 1 here, and stable is what has |λ| < 1.

    Parameters
    ----------
    step : callable or nn.Module
        As for `fixed_points`.
    state : Tensor or tuple of Tensor
        [points ×] units.
    x : Tensor, optional
        (inputs,): the constant input.

    Returns
    -------
    Linearization
        state, jacobian, eigenvalues, right, input_jacobian, with a property `left` and a method `time_constants`; in double
        precision, unless the step is a function that computes in single precision only.

    Raises
    ------
    TypeError, ValueError
        As `fixed_points`.

    Source: Primer, Equation 33.

    Examples
    --------
    >>> around = linearize(network, points[0].states, x=torch.zeros(3))
    >>> around.time_constants(network.dt)[0, :3]
    """
    step_map = StepMap(step, state, x)
    step_map, s = step_map.refined(step_map.flatten(state))
    jacobian = step_map.linearize(s)[1]
    values, right = spectrum(jacobian)
    parts = (s, jacobian, values, right, step_map.input_jacobian(s))
    return Linearization(*(part[0] if step_map.single and part is not None else part for part in parts))


class LineAttractor(NamedTuple):
    """A line of slow points.

    Attributes
    ----------
    direction : Tensor
        (units,), of length 1: the mean direction of the slowest modes.
    centre : Tensor
        (units,): the mean of the points.
    positions : Tensor
        (points,): where each point lies along the direction, from the centre.
    leading : Tensor
        (points,), complex: the eigenvalue next to 1 of each.
    next : Tensor
        (points,): the largest |λ| of the others.
    gap : Tensor
        (points,): |leading| − next: how much slower the state moves along the line than towards it. Large if the line is clear.
    alignment : Tensor
        (points,): the |cosine| of the slowest mode of each with the mean direction: 1 on a straight line.
    """

    direction: Tensor
    centre: Tensor
    positions: Tensor
    leading: Tensor
    next: Tensor
    gap: Tensor
    alignment: Tensor

    def project(self, activity: Tensor) -> Tensor:
        """The position of activity (… × units) along the line: …"""
        return (activity - self.centre.to(activity)) @ self.direction.to(activity)


def line_attractor(points: FixedPoints | Linearization) -> LineAttractor:
    """The line along which fixed or slow points lie: the mean direction of the modes whose λ is next to 1, and who lies where.

    The eigenvectors v have no sign; the mean is the direction u with the largest Σ (u·v)², the first eigenvector of Σ v vᵀ.

    Parameters
    ----------
    points : FixedPoints or Linearization
        Of one or more points.

    Returns
    -------
    LineAttractor
        direction, centre, positions, leading, next, gap, alignment.

    Raises
    ------
    TypeError
        If points are of another kind.
    ValueError
        If there are none, or they have a single unit.

    Source: Primer, Figure 6C (Mante et al. 2013).

    Examples
    --------
    >>> line = line_attractor(fixed_points(network, delay, x=torch.zeros(3), slow_rate=0.05))
    """
    states, jacobians = _states_and_jacobians(points)
    values, vectors = spectrum(jacobians)
    slowest = (values - 1).abs().argmin(1)
    every = torch.arange(len(values), device=values.device)
    leading, v = values[every, slowest], vectors[every, :, slowest]
    # An eigenvector has any phase: that with the largest real part. Of a complex pair this is one direction of its plane.
    v = (v * (-0.5j * v.square().sum(1, keepdim=True).angle()).exp()).real
    v = v / v.norm(dim=1, keepdim=True)
    others = values.abs().clone()
    others[every, slowest] = 0
    direction = oriented(torch.linalg.eigh(v.T @ v).eigenvectors[:, -1:].T)[0]
    centre = states.mean(0)
    positions = (states - centre) @ direction
    largest = others.amax(1)
    return LineAttractor(
        direction, centre, positions, leading, largest, leading.abs() - largest, (v @ direction).abs().clamp(max=1)
    )


def _states_and_jacobians(points: FixedPoints | Linearization) -> tuple[Tensor, Tensor]:
    if isinstance(points, FixedPoints):
        states = torch.cat(points.states, dim=1) if isinstance(points.states, tuple) else points.states
        jacobians = points.jacobians
    elif isinstance(points, Linearization):
        jacobians = points.jacobian.reshape(-1, *points.jacobian.shape[-2:])
        states = points.state.reshape(len(jacobians), -1)
    else:
        raise TypeError(
            f"points should be what fixed_points or linearize return, got {type(points).__name__}: linearize(step, states) makes "
            "it of states."
        )
    if len(states) == 0 or states.shape[1] < 2:
        raise ValueError(f"a line needs points with two or more units, got states of shape {tuple(states.shape)}.")
    return states, jacobians
