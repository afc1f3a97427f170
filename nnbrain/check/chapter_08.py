"""Feedback on the exercises of notebook 08, many tasks."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def fractional_variance(function: Callable[..., Tensor]) -> None:
    """Exercise 1: how much more a unit varies in one task than in another.

    Parameters
    ----------
    function : callable
        The student's: (r_A, r_B, each trials × time × units) → (units,).

    Raises
    ------
    Wrong
    """
    r_A = random_matrix(6 * 5, 4).view(6, 5, 4) + random_matrix(5, 4) + 2  # each time has a mean of its own
    r_B = 0.6 * random_matrix(4 * 7, 4).view(4, 7, 4) * (1 + random_matrix(1, 4).abs()) + random_matrix(7, 4)
    answer = call(function, r_A, r_B, what="fractional_variance")

    def contrast(measure: Callable[[Tensor], Tensor]) -> Tensor:
        A, B = measure(r_A), measure(r_B)
        return (A - B) / (A + B)

    def over_stimuli(r: Tensor) -> Tensor:
        """Equation C as a difference of moments, another way than the notebook's."""
        return ((r**2).mean(0) - r.mean(0) ** 2).mean(0)

    A, B = over_stimuli(r_A), over_stimuli(r_B)
    expected = (A - B) / (A + B)
    mistakes = {
        "The sign is reversed: 1 is for units that vary in A only.": -expected,
        "Variances should be over stimuli, the first dimension, then averaged over time; you took them over time.":
            [contrast(lambda r, c=c: r.var(1, correction=c).mean(0)) for c in (0, 1)],
        "You took the variance over stimuli and time together: rates that change in time, alike for all stimuli, do not count.":
            [contrast(lambda r, c=c: r.flatten(0, 1).var(0, correction=c)) for c in (0, 1)],
        "You averaged over time before the variance: a unit that prefers one stimulus early and another late would not vary.":
            [contrast(lambda r, c=c: r.mean(1).var(0, correction=c)) for c in (0, 1)],
        "The variance divides by the number of stimuli (correction=0), not by one less: they are all there are.":
            contrast(lambda r: r.var(0).mean(0)),
        "These are standard deviations: the variance is their square.":
            [contrast(lambda r: over_stimuli(r).sqrt()),
             contrast(lambda r: r.std(0, correction=0).mean(0)), contrast(lambda r: r.std(0).mean(0))],
        "Average over time; you added up, so that the longer task counts more.":
            [contrast(lambda r, c=c: r.var(0, correction=c).sum(0)) for c in (0, 1)],
        "Average over stimuli and time; sums make the task with more trials count more.":
            contrast(lambda r: (r - r.mean(0)).square().sum((0, 1))),
        "The mean over stimuli has to be taken away before squaring.": contrast(lambda r: r.square().mean((0, 1))),
        "Deviations are to be squared; you took their size.": contrast(lambda r: (r - r.mean(0)).abs().mean((0, 1))),
        "This is the difference: divide by TV(A) + TV(B).": A - B,
        "This is TV(A) / (TV(A) + TV(B)), from 0 to 1: in the numerator stands the difference.": A / (A + B),
        "This is the ratio of the two.": [A / B, torch.log(A / B)],
        "Divide by the sum, not by one of them or by the larger.": [(A - B) / A, (A - B) / B, (A - B) / torch.maximum(A, B)],
        "One number for each unit is wanted; you averaged over units.":
            [expected.mean(), (A.mean() - B.mean()) / (A.mean() + B.mean())],
    }  # fmt: skip
    compare(answer, expected, "fractional_variance", mistakes)
    passed("Exercise 1: near ±1 for specialists, near 0 for units that take part in both alike.")


def saccade(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the population vector of the output ring.

    Parameters
    ----------
    function : callable
        The student's: (y, trials × ring, log-odds; theta, (ring,)) → (trials,) in radians.

    Raises
    ------
    Wrong
    """
    theta = 2 * math.pi * torch.arange(12, dtype=torch.float64) / 12
    aims = torch.tensor([0.3, 1.9, 2.6, 4.0, 5.8], dtype=torch.float64)
    y = 3 * torch.cos(aims[:, None] - theta) - 1.5 + 0.8 * random_matrix(5, 12)
    answer = call(function, y, theta, what="saccade")
    z = 1 / (1 + torch.exp(-y))
    vote = (z * torch.exp(1j * theta)).sum(1)  # complex numbers as vectors
    expected = vote.angle() % (2 * math.pi)

    def signed(weights: Tensor) -> Tensor:
        return (weights * torch.exp(1j * theta)).sum(1).angle()

    def vector(weights: Tensor) -> Tensor:
        return signed(weights) % (2 * math.pi)

    mistakes = {
        "The logistic function is missing: the weights are z = 1/(1 + exp(−y)), not the log-odds y.": [vector(y), signed(y)],
        "The weights are exp(y), or a softmax of it; the logistic function is 1/(1 + exp(−y)).":
            [vector(torch.exp(y)), signed(torch.exp(y))],
        "This is the direction of the most active unit; asked for is that of all votes added up.": theta[z.argmax(1)],
        "You average angles: 350° and 10° would give 180°. Add up vectors instead.":
            [(z * theta).sum(1) / z.sum(1), (z * theta).sum(1), (z @ theta) % (2 * math.pi), (z * theta).mean(1)],
        "Angles from −π to π: take the rest after division by 2π, % (2π).": vote.angle(),
        "atan2 takes the sine first: atan2(Σ z sin θ, Σ z cos θ).":
            [torch.atan2(vote.real, vote.imag) % (2 * math.pi), torch.atan2(vote.real, vote.imag)],
        "atan of the ratio cannot tell a direction from the opposite one: use torch.atan2(sine, cosine).":
            [torch.atan(vote.imag / vote.real) % (2 * math.pi), torch.atan(vote.imag / vote.real),
             torch.atan(vote.imag / vote.real) % math.pi],
        "The direction is mirrored: check the sign of the sine.": (-vote.angle()) % (2 * math.pi),
        "This is the opposite direction: check the signs of both sums.": (vote.angle() + math.pi) % (2 * math.pi),
        "These are degrees; return radians.": [torch.rad2deg(expected), torch.rad2deg(vote.angle())],
        "You divided by 2π; return radians.": [expected / (2 * math.pi), vote.angle() / (2 * math.pi)],
        "This is the length of the summed vector; asked for is its direction.":
            [vote.abs(), vote.abs() / z.sum(1), vote.abs() / 12],
        "You added up over trials; one direction for each is wanted.": vote.sum().angle() % (2 * math.pi),
    }  # fmt: skip
    compare(answer, expected, "saccade", mistakes)
    passed("Exercise 2: with this readout, trials are scored.")


def silhouettes(function: Callable[..., Tensor]) -> None:
    """Exercise 3: how well each unit lies within its cluster.

    Parameters
    ----------
    function : callable
        The student's: (x, units × features; labels, (units,) of int) → (units,).

    Raises
    ------
    Wrong
    """
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 0, 2, 2, 2])
    centres = torch.tensor([[0.0, 0, 0], [3, 0, 1], [0, 2.5, 2]], dtype=torch.float64)
    x = centres[labels] + random_matrix(12, 3)
    answer = call(function, x, labels, what="silhouettes")
    expected = _silhouettes(x, labels)
    a, b = (_silhouettes(x, labels, give=part) for part in "ab")
    with_itself = _silhouettes(x, labels, give="a", itself=True)
    pooled = torch.stack([(x[labels != k] - x_i).norm(dim=1).mean() for x_i, k in zip(x, labels, strict=True)])
    middle = torch.stack([x[labels == k].mean(0) for k in range(3)])
    far = (x[:, None] - middle).norm(dim=2)  # units × clusters
    own = torch.nn.functional.one_hot(labels).bool()
    a_centre, b_centre = far[own], far.masked_fill(own, torch.inf).amin(1)
    farthest = _silhouettes(x, labels, give="b", choose=max)
    nearest_unit = torch.stack([(x[labels != k] - x_i).norm(dim=1).min() for x_i, k in zip(x, labels, strict=True)])

    def s(a: Tensor, b: Tensor) -> Tensor:
        return (b - a) / torch.maximum(a, b)

    mistakes = {
        "The sign is reversed: b − a, so that a unit well inside of its cluster is near 1.": -expected,
        "A unit's distance from itself, 0, does not count in a: divide by one less than the size of its cluster.":
            s(with_itself, b),
        "b is the mean distance from the *nearest* other cluster; you took all other units together.":
            [s(a, pooled), s(with_itself, pooled)],
        "b is the mean distance from the nearest other cluster, not the farthest.": s(a, farthest),
        "b is the mean distance from all units of the nearest other cluster, not from the nearest unit.": s(a, nearest_unit),
        "These are distances from the centres of clusters; a and b are mean distances from their units.": s(a_centre, b_centre),
        "Distances are not squared.": _silhouettes(x, labels, power=2),
        "Divide by the larger of a and b: you divided by b.": (b - a) / b,
        "Divide by the larger of a and b: you divided by a.": (b - a) / a,
        "Divide by the larger of a and b: you divided by their sum.": (b - a) / (a + b),
        "Divide by the larger of a and b: you divided by the smaller.": (b - a) / torch.minimum(a, b),
        "This is b − a: divide by the larger of the two.": b - a,
        "These are the mean distances within clusters, a.": a,
        "These are the mean distances from the nearest other cluster, b.": b,
        "This is the mean over units: return the silhouette of each.": expected.mean(),
        "These are the means of clusters: return the silhouette of each unit.":
            torch.stack([expected[labels == k].mean() for k in range(3)]),
    }  # fmt: skip
    compare(answer, expected, "silhouettes", mistakes)
    passed("Exercise 3: 1 well inside of a cluster, 0 between two, below 0 in the wrong one.")


def _silhouettes(
    x: Tensor, labels: Tensor, *, power: int = 1, give: str = "s", choose=min, itself: bool = False
) -> Tensor:
    """Unit by unit: s, or only a or b."""
    values = []
    for i, (x_i, own) in enumerate(zip(x, labels.tolist(), strict=True)):
        far = [float((x_i - x_j).norm() ** power) for x_j in x]
        of = {k: [d for j, d in enumerate(far) if labels[j] == k and (itself or j != i)] for k in set(labels.tolist())}
        mean = {k: sum(each) / len(each) for k, each in of.items()}
        a, b = mean[own], choose(value for k, value in mean.items() if k != own)
        values.append({"a": a, "b": b, "s": (b - a) / max(a, b)}[give])
    return torch.tensor(values, dtype=x.dtype)
