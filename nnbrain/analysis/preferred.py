"""The stimulus that a unit prefers, searched for instead of guessed: by gradient ascent, or by evolution, without gradients.

The search runs among all stimuli, or among those that a decoder makes of points in a latent space.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from nnbrain.arguments import number, positive_integer

METHODS = ("gradient", "evolution")


class Preferred(NamedTuple):
    """What a search found.

    Attributes
    ----------
    stimulus : Tensor
        The best at the end of the search, in the shape of one stimulus.
    response : float
        The response to it.
    trace : Tensor
        (steps + 1) × starts: the response during the search. With ``method="evolution"`` the starts are the population, in
        each generation from the best to the worst.
    """

    stimulus: Tensor
    response: float
    trace: Tensor


def preferred_stimulus(
    response: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    method: str = "gradient",
    steps: int = 200,
    rate: float = 0.1,
    norm: float | None = 1.0,
    bounds: tuple[float, float] | None = None,
    decoder: Callable[[Tensor], Tensor] | None = None,
    generator: Generator | None = None,
) -> Preferred:
    """Search for the stimulus to which a unit responds most; from several starts at once, as a search may end on a local summit.

    By gradient ascent, x ← x + η ∂r/∂x; or by evolution: in each generation the best quarter of the population survives and
    has children, each with every feature from one of two parents, changed a little at random.

    Parameters
    ----------
    response : callable
        r: stimuli × … → (stimuli,), for each stimulus by itself.
    start : Tensor
        starts × …: random stimuli to begin with; or, with a decoder, points in its latent space. Evolution needs eight or more.
    method : {"gradient", "evolution"}
    steps : int
        Steps of ascent, or generations.
    rate : float
        η, in units of stimulus (or latent space) squared per unit of response; for evolution the standard deviation of the first
        mutations, which shrinks to nothing towards the last generation.
    norm : float or None
        The largest length that a stimulus may have; longer ones are scaled back to it. Without a limit of some kind, the
        response of a unit may grow for ever.
    bounds : (float, float), optional
        The smallest and the largest value that a pixel may have.
    decoder : callable, optional
        latent points × dimensions → stimuli × …; differentiable if the method is.
    generator : torch.Generator, optional
        For evolution, on the CPU; torch's own by default.

    Returns
    -------
    Preferred
        stimulus, response and trace.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.
    ValueError
        If the response has no gradient at any start (a silent ReLU unit), or becomes NaN or infinite.

    Source: Primer, Equation 31, Figure 4C (Erhan et al. 2009); for evolution Yamane et al. 2008, Ponce et al. 2019.

    Examples
    --------
    >>> found = preferred_stimulus(lambda x: record(network, x, grad=True)["layers.1"][:, 3], torch.randn(10, 64), steps=100)
    """
    steps = positive_integer(steps, "steps")
    _check_functions(response, decoder, method)
    _check_start(start)
    _check_limits(rate, norm, bounds)

    def limit(stimuli: Tensor) -> Tensor:
        return _limit(stimuli, norm, bounds)

    def measure(points: Tensor) -> Tensor:
        values = response(points if decoder is None else limit(_decode(decoder, points)))
        if not isinstance(values, Tensor) or values.shape != points.shape[:1]:
            given = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ValueError(f"response should give one number for each of the {len(points)} stimuli, got {given}.")
        if not torch.isfinite(values).all():
            raise ValueError(
                "the response became NaN or infinite: limit the stimulus, norm=1, or lower the rate of the search."
            )
        return values if values.is_floating_point() else values.float()

    # Without a decoder the points are stimuli, and all of them are kept within the limits.
    keep = limit if decoder is None else torch.clone
    points = keep(start.detach())
    if method == "gradient":
        points, trace = _ascend(measure, points, steps, rate, keep)
    else:
        points, trace = _evolve(measure, points, steps, rate, keep, generator)
    with torch.no_grad():
        best = int(trace[-1].argmax())
        found = points[best] if decoder is None else limit(decoder(points[best : best + 1]))[0]
        return Preferred(found, float(trace[-1, best]), trace)


@torch.enable_grad()
def _ascend(measure, x: Tensor, steps: int, rate: float, keep) -> tuple[Tensor, Tensor]:
    trace = []
    for step in range(steps):
        x = x.detach().requires_grad_()
        r = measure(x)
        gradient = torch.autograd.grad(r.sum(), x, allow_unused=True)[0] if r.requires_grad else None
        if gradient is None or (step == 0 and not gradient.any()):
            raise ValueError(
                f"the response has no gradient at any of the {len(x)} starts: the unit may be silent there (start from "
                "stimuli to which it responds, or follow its input c instead of r), or the response is not differentiable."
            )
        with torch.no_grad():
            trace.append(r.detach())
            x = keep(x + rate * gradient)  # Eq. 31
    with torch.no_grad():
        return x, torch.stack([*trace, measure(x)])


@torch.no_grad()
def _evolve(
    measure, population: Tensor, generations: int, rate: float, keep, generator: Generator | None
) -> tuple[Tensor, Tensor]:
    n = len(population)
    if n < 8:
        raise ValueError(f"evolution needs a population of eight or more, got {n} starts.")
    survivors = n // 4
    r = measure(population)
    trace = [r.sort(descending=True).values]
    for generation in range(generations):
        parents = population[r.argsort(descending=True)[:survivors]]
        mothers, fathers = torch.randint(survivors, (2, n - survivors), generator=generator).to(parents.device)
        inherit = torch.rand(n - survivors, *parents.shape[1:], generator=generator).to(parents.device) < 0.5
        mutation = torch.randn(n - survivors, *parents.shape[1:], generator=generator).to(parents)
        size = rate * (1 - generation / generations)
        children = torch.where(inherit, parents[mothers], parents[fathers]) + size * mutation
        population = torch.cat([parents, keep(children)])
        r = measure(population)
        trace.append(r.sort(descending=True).values)
    return population[r.argsort(descending=True)], torch.stack(trace)


def _limit(x: Tensor, norm: float | None, bounds: tuple[float, float] | None) -> Tensor:
    """Stimuli within the bounds and no longer than the norm."""
    if bounds is not None:
        x = x.clamp(*bounds)
    if norm is not None:
        length = x.flatten(1).norm(dim=1).clamp_min(norm)  # only longer ones change
        x = x * (norm / length).reshape(-1, *[1] * (x.ndim - 1))
    return x


def _decode(decoder: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    made = decoder(points)
    if not isinstance(made, Tensor) or made.ndim < 2 or len(made) != len(points):
        given = f"shape {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
        raise ValueError(
            f"decoder should make a tensor of stimuli × … with one for each of {len(points)} points, got {given}."
        )
    return made


def _check_functions(response, decoder, method) -> None:
    for name, function in {"response": response, "decoder": decoder}.items():
        if not callable(function) and (function is not None or name == "response"):
            raise TypeError(f"{name} should be a function of stimuli or points, got {function!r}.")
    if method not in METHODS:
        raise ValueError(f"method is {' or '.join(map(repr, METHODS))}, got {method!r}.")


def _check_start(start) -> None:
    if not isinstance(start, Tensor) or not start.is_floating_point():
        given = start.dtype if isinstance(start, Tensor) else type(start).__name__
        raise TypeError(
            f"start should be a tensor of floating-point numbers, got {given}: use torch.as_tensor and .float()."
        )
    if start.ndim < 2 or start.numel() == 0:
        raise ValueError(f"start should be starts × …, several stimuli to begin with, got shape {tuple(start.shape)}.")
    if not torch.isfinite(start).all():
        raise ValueError("start should be finite; some of its numbers are NaN or infinite.")


def _check_limits(rate, norm, bounds) -> None:
    for name, value in {"rate": rate, "norm": 1.0 if norm is None else norm}.items():
        if not 0 < number(value) < math.inf:
            raise ValueError(f"{name} should be a positive, finite number, got {value!r}.")
    if bounds is None:
        return
    try:
        lowest, highest = (number(bound) for bound in bounds)
    except (TypeError, ValueError):
        lowest = highest = math.nan
    if not lowest < highest:
        raise ValueError(f"bounds should be (lowest, highest), got {bounds!r}.")
    if norm is not None and not lowest <= 0 <= highest:
        raise ValueError("with a norm the bounds should include 0: scaling a stimulus back moves its pixels towards 0.")
