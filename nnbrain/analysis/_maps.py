"""A step of a recurrent network as a map from vectors to vectors, whatever its state is made of, with exact derivatives."""

import contextlib
import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

State = Tensor | tuple[Tensor, ...]

# Of up to so many points all rows of the Jacobians are computed together; of more, row by row, which is then faster.
_TOGETHER = 64


class StepMap:
    """s → step(s) or step(s, x), of states flattened to points × n; a network is run as a copy of its own, in evaluation mode.

    Parameters
    ----------
    step : callable or nn.Module
    states : Tensor or tuple of Tensor
        [points ×] units each; remembered is how to take them apart.
    x : Tensor, optional
        (inputs,).
    """

    def __init__(self, step: Callable, states: State, x: Tensor | None = None):
        if not callable(step) and not hasattr(step, "step"):
            raise TypeError(
                f"step should be a function that maps a state to the next, or a network with a step, got {type(step).__name__}."
            )
        self.module = copy.deepcopy(step).eval().requires_grad_(False) if isinstance(step, nn.Module) else None
        self.function = step if self.module is None else self.module
        if hasattr(step, "step"):
            if x is None:
                raise ValueError(
                    f"a step of {type(step).__name__} depends on its input: give x, the constant input, (inputs,), for "
                    "instance torch.zeros(inputs)."
                )
            self.function = self.function.step
        self.sizes, self.single = _sizes(states)
        part = states[0] if isinstance(states, tuple) else states
        weights = [p for p in (() if self.module is None else self.module.parameters()) if p.is_floating_point()]
        self.dtype = weights[0].dtype if weights else part.dtype  # in which the step computes
        self.x = _check_x(x)

    def flatten(self, states: State) -> Tensor:
        """States as one tensor of points × n, a copy."""
        parts = [part.detach() for part in (states if isinstance(states, tuple) else (states,))]
        return torch.cat([part.reshape(-1, part.shape[-1]) for part in parts], dim=1).clone()

    def unflatten(self, s: Tensor) -> State:
        """The states as the step expects them."""
        return s if self.sizes is None else s.split(self.sizes, dim=1)

    def __call__(self, s: Tensor, x: Tensor | None = None) -> Tensor:
        """The next states, points × n; with x (points × inputs) instead of the constant input."""
        x = self.x.to(s).expand(len(s), -1) if x is None and self.x is not None else x
        given = self.unflatten(s)
        made = self.function(given) if x is None else self.function(given, x)
        return self._check_made(s, made)

    def _check_made(self, s: Tensor, made) -> Tensor:
        parts = made if isinstance(made, tuple | list) else (made,)
        expected = [(len(s), size) for size in self.sizes or [s.shape[1]]]
        shapes = [tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in parts]
        if shapes != expected or isinstance(made, Tensor) != (self.sizes is None):
            raise ValueError(
                f"step should map a state to the next one, which has the same shape: given {expected}, it returned {shapes}."
            )
        return made if self.sizes is None else torch.cat(list(parts), dim=1)

    def refined(self, s: Tensor) -> tuple["StepMap", Tensor]:
        """The same map, and s, in double precision; as they are, if the function computes in single precision only.

        MPS has no double precision: there a network is taken to the CPU.
        """
        new, fine, on = copy.copy(self), s.double() if s.device.type != "mps" else s.cpu().double(), s.device
        if self.module is not None:
            new.module = copy.deepcopy(self.module).to(fine.device).double()
            new.function = new.module.step if hasattr(new.module, "step") else new.module
        if fine.device != on and self.module is None:
            return self, s
        try:
            with torch.no_grad():
                accepted = new(fine[:1]).dtype == torch.float64
        except (RuntimeError, TypeError):  # torch's complaint about a product of two types
            accepted = False
        return (new, fine) if accepted else (self, s)

    def linearize(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """The next states and ∂next/∂s, points × n × n, by automatic differentiation."""
        return self._derive(s, None)

    def input_jacobian(self, s: Tensor) -> Tensor | None:
        """∂next/∂x, points × n × inputs."""
        return None if self.x is None else self._derive(s, self.x.to(s).expand(len(s), -1))[1]

    def _derive(self, s: Tensor, x: Tensor | None) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            s = s.detach()
            by = (s if x is None else x.detach().clone()).requires_grad_()
            made = self(by) if x is None else self(s, by)
            return made.detach(), _jacobian(made, by)


def _jacobian(made: Tensor, by: Tensor) -> Tensor:
    """∂made[p]/∂by[p] of every point p, points × n × m, as no point depends on another."""
    points, n = made.shape
    if not made.requires_grad:  # a constant map
        return made.new_zeros(points, n, by.shape[1])
    rows = torch.eye(n, dtype=made.dtype, device=made.device).unsqueeze(1).expand(n, points, n)
    found = None
    if points <= _TOGETHER or made.is_cuda:
        with contextlib.suppress(RuntimeError):  # some part of the step has no batched derivative
            found = torch.autograd.grad(made, by, rows, is_grads_batched=True, allow_unused=True, retain_graph=True)[0]
    if found is None:
        columns = [torch.autograd.grad(made, by, row, allow_unused=True, retain_graph=True)[0] for row in rows]
        found = None if columns[0] is None else torch.stack(columns)
    return made.new_zeros(points, n, by.shape[1]) if found is None else found.transpose(0, 1)


def spectrum(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and right eigenvectors (in columns) of every matrix, by modulus in descending order."""
    try:
        values, vectors = torch.linalg.eig(matrices if matrices.device.type != "mps" else matrices.cpu())
    except RuntimeError:  # as in eigenvalues
        values, vectors = (torch.as_tensor(found) for found in np.linalg.eig(matrices.cpu().numpy()))
        values, vectors = values.to(matrices.device, torch.complex128), vectors.to(matrices.device, torch.complex128)
    order = values.abs().argsort(dim=-1, descending=True, stable=True)
    return values.gather(-1, order), vectors.gather(-1, order.unsqueeze(-2).expand_as(vectors))


def eigenvalues(matrices: Tensor) -> Tensor:
    """Of every matrix, by modulus in descending order."""
    try:
        found = torch.linalg.eigvals(matrices if matrices.device.type != "mps" else matrices.cpu())
    except RuntimeError:  # torch's solver gives up on some matrices of exactly low rank, where numpy's has an answer
        found = torch.as_tensor(np.linalg.eigvals(matrices.cpu().numpy())).to(matrices.device, torch.complex128)
    return found.gather(-1, found.abs().argsort(dim=-1, descending=True, stable=True))


def _sizes(states: State) -> tuple[list[int] | None, bool]:
    """The sizes of a tuple's parts (None for a tensor), and whether a single state was given."""
    parts = states if isinstance(states, tuple) else (states,)
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        kinds = ", ".join(type(part).__name__ for part in parts) or "nothing"
        raise TypeError(
            f"states should be a tensor, [points ×] units, or a tuple of such tensors, got {kinds}: torch.as_tensor makes one."
        )
    shapes = [tuple(part.shape) for part in parts]
    if {part.ndim for part in parts} not in ({1}, {2}) or len({shape[:-1] for shape in shapes}) > 1:
        raise ValueError(
            f"states should be [points ×] units, all parts with as many points, got {shapes}: activity of trials × time × "
            "units becomes states with activity.flatten(0, 1)."
        )
    if any(0 in shape for shape in shapes):
        raise ValueError(f"states are empty: their shape is {shapes}.")
    if len({(part.dtype, part.device) for part in parts}) > 1 or not parts[0].is_floating_point():
        raise TypeError(
            f"states should be floating-point numbers of one type on one device, got {[part.dtype for part in parts]} on "
            f"{[str(part.device) for part in parts]}: convert them with .float() or .double()."
        )
    for part in parts:
        if not torch.isfinite(part).all():
            bad = (~torch.isfinite(part)).reshape(-1, part.shape[-1]).any(1).nonzero().flatten().tolist()
            raise ValueError(f"states {bad[:8]} are NaN or infinite: leave them out.")
    return [shape[-1] for shape in shapes] if isinstance(states, tuple) else None, parts[0].ndim == 1


def _check_x(x: Tensor | None) -> Tensor | None:
    if x is None:
        return None
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x should be a tensor of floating-point numbers, (inputs,), got {given}.")
    if x.ndim == 2 and len(x) == 1:
        x = x[0]
    if x.ndim != 1:
        raise ValueError(
            f"x should be one constant input, (inputs,), got shape {tuple(x.shape)}: each input has fixed points of its own, "
            "so search once for each."
        )
    if not torch.isfinite(x).all():
        raise ValueError("x has values that are NaN or infinite.")
    return x.detach().clone()
