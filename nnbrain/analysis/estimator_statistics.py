"""How good a rule's estimate of the gradient is: its bias, its variance, and how its mean lies to the gradient."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor, nn

from nnbrain.arguments import number, positive_integer
from nnbrain.learning import Backprop, Rule
from nnbrain.random_state import RandomState
from nnbrain.tasks import Batch

FEWEST = 3
AT_ONCE = 64  # estimates that a rule makes in one call: bounds the memory


@dataclass(frozen=True)
class EstimatorStatistics:
    """What `estimator_statistics` finds. The intervals are (low, high).

    Parameters
    ----------
    bias, variance, cosine : float
        b, v and cos.
    bias_interval, variance_interval, cosine_interval : tuple of float
        Confidence intervals; of no width for a rule that draws nothing.
    samples : int
        From how many estimates; 1 for a rule that draws nothing.
    """

    bias: float
    variance: float
    cosine: float
    bias_interval: tuple[float, float]
    variance_interval: tuple[float, float]
    cosine_interval: tuple[float, float]
    samples: int


def estimator_statistics(
    rule: Rule,
    batch: Batch,
    samples: int = 1000,
    *,
    reference: Rule | Sequence[Tensor | None] | None = None,
    confidence: float = 0.95,
) -> EstimatorStatistics:
    """Bias b and variance v of a rule's estimates ĝ of the gradient g, on one batch, free of their scale.

    b = min over c ≥ 0 of |c ⟨ĝ⟩ − g| / |g|,   v = tr Cov(ĝ) / |⟨ĝ⟩|²,   cos = ⟨ĝ⟩·g / (|⟨ĝ⟩| |g|)

    so that b = √(1 − cos²), or 1 if the rule points backwards. The mean of n estimates is longer than ⟨ĝ⟩, by tr Cov / n, so |⟨ĝ⟩|²
    is taken from products of *different* estimates; without this, a rule without bias would seem to have one of √(v/n). The
    same holds of the part of ⟨ĝ⟩ that is orthogonal to g, from which b is found. With too few estimates the mean cannot be
    told from 0: for weight perturbation of N weights, take several times √(2N).

    Parameters
    ----------
    rule : Rule
        Only what it teaches in the network counts, not feedback weights of its own.
    batch : Batch
    samples : int
        n, how many independent estimates.
    reference : Rule or sequence of Tensor or None, optional
        g: of a rule on the same network, such as `Backprop`; or tensors, one for each parameter of the network that the rule
        teaches. Without it, the gradient of the rule's own objective.
    confidence : float
        Of the intervals, which are those of U-statistics with normal errors (Hoeffding 1948), on a logarithmic scale for v.

    Returns
    -------
    EstimatorStatistics

    Raises
    ------
    TypeError
        If the rule is none.
    ValueError
        If there is no gradient to compare with, or the mean cannot be told from 0.

    Source: Framework, Box 1, Figure 2; Hoeffding 1948 (U-statistics).

    Examples
    --------
    >>> estimator_statistics(Backprop(network, cross_entropy), batch).bias
    0.0
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"estimator_statistics measures a learning rule, got {type(rule).__name__}.")
    if not 0 < number(confidence) < 1:
        raise ValueError(f"confidence should be a number between 0 and 1, such as 0.95, got {confidence!r}.")
    taught = rule.network_parameters()
    g = _flat(_reference(rule, taught, batch, reference), taught, 1)[0]
    if not 0 < g.norm() < torch.inf:
        raise ValueError("the gradient to compare with is 0 (or not finite) on this batch: nothing points along it.")
    estimates = _draw(rule, batch, positive_integer(samples, "samples"), taught)
    z = NormalDist().inv_cdf((1 + float(confidence)) / 2)
    along = estimates @ g / g.norm()
    across = estimates - torch.outer(along, g / g.norm())
    return _statistics(torch.column_stack([across, along]), z)


def _reference(rule: Rule, taught: list[nn.Parameter], batch: Batch, reference) -> list[Tensor | None]:
    """The gradient, one part for each of the parameters."""
    if reference is None and rule.objective is None:
        raise ValueError(f"{type(rule).__name__} has no objective, so say what to compare with: reference=Backprop(…).")
    if reference is None:
        reference = Backprop(rule.network, rule.objective)
    if isinstance(reference, Rule):
        of = {id(p): part for p, part in zip(reference.parameters(), reference.estimate(batch)[1], strict=True)}
        if not all(id(p) in of for p in taught):
            raise ValueError("the reference does not teach all that the rule teaches: is it for the same network?")
        return [of[id(p)] for p in taught]
    parts = list(reference) if isinstance(reference, Iterable) else [reference]
    shapes = [None if part is None else getattr(part, "shape", (type(part).__name__,)) for part in parts]
    if len(parts) != len(taught) or any(s not in (None, p.shape) for s, p in zip(shapes, taught, strict=True)):
        raise ValueError(
            f"the reference should have one tensor for each parameter that the rule teaches in the network, of shapes "
            f"{[tuple(p.shape) for p in taught]}; got {[s and tuple(s) for s in shapes]}."
        )
    return parts


def _draw(rule: Rule, batch: Batch, n: int, taught: list[nn.Parameter]) -> Tensor:
    """Independent estimates × weights; a single one of a rule that draws nothing."""

    def several(number: int) -> Tensor:
        of = {id(p): part for p, part in zip(rule.parameters(), rule.estimates(batch, number), strict=True)}
        return _flat([of[id(p)] for p in taught], taught, number)

    start = RandomState(rule.generator, batch.inputs.device)
    first = several(1)
    if not start.has_moved():
        return first
    later = RandomState(rule.generator, batch.inputs.device)
    second = several(1)
    if not later.has_moved():  # it drew its feedback weights at the first call, and nothing since
        return second
    later.rewind()
    if n < FEWEST:
        raise ValueError(f"the statistics of a rule that draws at random need {FEWEST} samples or more, got {n}.")
    return torch.cat([first, *(several(min(AT_ONCE, n - done)) for done in range(1, n, AT_ONCE))])


def _flat(parts: Sequence[Tensor | None], taught: list[nn.Parameter], n: int) -> Tensor:
    """Estimates × weights, on the CPU in double precision; 0 for what is left alone."""
    rows = [
        torch.zeros(n, p.numel(), dtype=torch.float64) if part is None else part.detach().reshape(n, -1).cpu().double()
        for part, p in zip(parts, taught, strict=True)
    ]
    return torch.cat(rows, 1)


def _statistics(X: Tensor, z: float) -> EstimatorStatistics:
    """From the parts of each estimate across the gradient and, in the last column, along it."""
    along, squares, one = X[:, -1], X.square().sum(1), torch.ones_like(X[0])
    length2 = _products(X, one).mean()  # |⟨ĝ⟩|²
    if not length2 > 0:
        raise ValueError(
            f"the mean of these {len(X)} estimates cannot be told from 0: take more samples (or the rule asks for no change "
            "on average)."
        )
    across = one.clone()
    across[-1] = 0
    b2 = _products(X, across).mean() / length2
    v = squares.mean() / length2 - 1 if len(X) > 1 else length2.new_zeros(())
    cosine = along.mean() / length2.sqrt()
    # What each estimate adds by itself, and, as weights, what each pair adds, to first order.
    b2_error = z * _standard_error(X, (across - b2) / length2, 0 * along)
    v_error = z * _standard_error(X, -(1 + v) / length2 * one, squares / length2)
    cosine_error = z * _standard_error(X, -cosine / (2 * length2) * one, along / length2.sqrt())
    return _report(len(X), (b2, b2_error), (v, v_error), (cosine, cosine_error))


def _products(X: Tensor, weights: Tensor) -> Tensor:
    """Σ_w weights X_iw X_jw, for each estimate i its mean over all others j; of a single one with itself."""
    own = X.square() @ weights
    return own if len(X) == 1 else (X @ (weights * X.sum(0)) - own) / (len(X) - 1)


def _standard_error(X: Tensor, weights: Tensor, own: Tensor) -> Tensor:
    """Of the mean of ``own`` plus the mean of products of pairs."""
    n = len(X)
    if n == 1:
        return X.new_zeros(())
    variance = (own + 2 * _products(X, weights)).var() / n
    # This counts twice what is in a pair but in neither of its estimates alone. Its variance, from neighbours in the sample:
    centred = X - X.mean(0)
    pairs = torch.stack([((centred * weights) * centred.roll(k, 0)).sum(1) for k in range(1, FEWEST)])
    return (variance - 2 * pairs.square().mean() / n**2).clamp_min(variance / 2).sqrt()


def _report(
    n: int, b2: tuple[Tensor, Tensor], v: tuple[Tensor, Tensor], cosine: tuple[Tensor, Tensor]
) -> EstimatorStatistics:
    """Values and intervals, within the bounds where each can lie."""

    def bounds(middle: Tensor, error: Tensor, least: float) -> list[float]:
        return [float(x.clamp(least, 1)) for x in (middle, middle - error, middle + error)]

    cos, cos_low, cos_high = bounds(*cosine, -1)
    pairs = zip(bounds(*b2, 0), (cos, cos_high, cos_low), strict=True)
    b, b_low, b_high = (1.0 if c < 0 else square**0.5 for square, c in pairs)
    variance = max(float(v[0]), 0.0)
    factor = float((v[1] / v[0]).exp()) if variance > 0 else 1.0
    return EstimatorStatistics(
        b, variance, cos, (b_low, b_high), (variance / factor, variance * factor), (cos_low, cos_high), n
    )
