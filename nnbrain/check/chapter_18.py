"""Feedback on the exercises of notebook 18, learning rules, measured."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def node_estimate(function: Callable[..., Tensor]) -> None:
    """Exercise 1: what node perturbation makes of the losses.

    Parameters
    ----------
    function : callable
        The student's: (r, xi, noisy, quiet, s) → units × inputs.

    Raises
    ------
    Wrong
    """
    r, xi, s = random_matrix(6, 4), random_matrix(6, 3), 0.3
    noisy, quiet = random_matrix(6, 1)[:, 0].square(), random_matrix(1, 6)[0].square()
    answer = call(function, r, xi, noisy, quiet, s, what="node_estimate")

    def mean(change: Tensor, units: Tensor = xi, inputs: Tensor = r) -> Tensor:
        return torch.stack([c * torch.outer(u, x) for c, u, x in zip(change, units, inputs, strict=True)]).mean(0)

    change = noisy - quiet
    expected = mean(change) / s
    average = change.mean().expand(6)
    mistakes = {
        "The sign is reversed: a gradient points to where the loss grows, so it is noisy − quiet.": -expected,
        "Divide by s: the loss changed by s times the slope along xi.": mean(change),
        "You multiply by s; divide: the loss changed by s times the slope along xi.": s * mean(change),
        "You divide by s twice: xi is the noise before it was multiplied by s.": mean(change) / s**2,
        "It is transposed: units in rows, inputs in columns, as in W.": expected.T,
        "You add up over trials; take the mean.": 6 * expected,
        "You divide by the number of units or inputs; the mean is over trials.": [6 * expected / 3, 6 * expected / 4],
        "The loss without noise is not subtracted. (That is right on average, but far noisier.)": mean(noisy) / s,
        "This is the loss without noise alone; take how much the noise changed it.": [mean(quiet) / s, -mean(quiet) / s],
        "You average the losses over trials first. Each trial has its own noise, and its own change of the loss.":
            [mean(average) / s, mean(average)],
        "You average noise and rates over trials before you multiply them: multiply in each trial.":
            [average[0] * torch.outer(xi.mean(0), r.mean(0)) / s,
             torch.outer((change[:, None] * xi).mean(0), r.mean(0)) / s],
        "The noise is missing: it says which unit gets the credit.": mean(change, torch.ones_like(xi)) / s,
        "The rates that the layer receives are missing. This is the estimate for the biases, or copies of it.":
            [(change[:, None] * xi).mean(0) / s, mean(change, inputs=torch.ones_like(r)) / s],
        "You take only the sign of the change; its size matters.": [mean(change.sign()) / s, mean(change.sign())],
        "You take the size of the change without its sign.": mean(change.abs()) / s,
        "One value for each trial: take the mean over trials.":
            torch.einsum("t,tu,ti->tui", change, xi, r) / s,
    }  # fmt: skip
    compare(answer, expected, "node_estimate", mistakes)
    passed("Exercise 1: no error was sent anywhere, and yet this is the gradient, on average.")


def debiased_cosine(function: Callable[..., float]) -> None:
    """Exercise 2: the cosine between a rule's mean and the gradient, free of sampling noise.

    Parameters
    ----------
    function : callable
        The student's: (estimates, g) → a number.

    Raises
    ------
    Wrong
    """
    g = random_matrix(1, 8)[0]
    estimates = 0.7 * g + 0.5 * random_matrix(1, 9)[0, :8] + 1.5 * random_matrix(20, 8)
    answer = call(function, estimates, g, what="debiased_cosine")
    n, m = len(estimates), estimates.mean(0)
    pairs = estimates @ estimates.T
    squared = (pairs.sum() - pairs.trace()) / (n * (n - 1))  # products of different estimates only
    along = m @ g

    def cosine(squared: Tensor, along: Tensor = along) -> Tensor:
        return along / (squared.clamp(min=1e-12).sqrt() * g.norm())

    trace = estimates.var(0).sum()
    each = estimates @ g / (estimates.norm(dim=1) * g.norm())
    mistakes = {
        "This is the cosine of the plain mean: noise makes the mean longer, so subtract tr Cov / n from its square.": cosine(m @ m),
        "The scatter is added to the square of the mean; subtract it.": cosine(m @ m + trace / n),
        "You subtract tr Cov; the mean of n estimates scatters only by tr Cov / n.": cosine(m @ m - trace),
        "tr Cov should be divided by n, not by its root: variances of means fall as 1/n.": cosine(m @ m - trace / n**0.5),
        "tr Cov is the sum over all weights of their variances; you took the mean.":
            cosine(m @ m - estimates.var(0).mean() / n),
        "You subtract the variance of all entries together; take that of each weight over estimates, and add up.":
            [cosine(m @ m - estimates.var() / n), cosine(m @ m - estimates.var(correction=0) / n)],
        "The scatter of n estimates around their own mean is divided by n − 1, not n.":
            cosine(m @ m - estimates.var(0, correction=0).sum() / n),
        "You divide the scatter by n − 1 once more; the variance of the mean is tr Cov / n.": cosine(m @ m - trace / (n - 1)),
        "You subtract standard deviations; subtract variances.": cosine(m @ m - estimates.std(0).sum() / n),
        "This is the mean of the cosines of single estimates; asked for is the cosine of the mean.": each.mean(),
        "This is the square of the cosine.": cosine(squared) ** 2,
        "This is the bias, √(1 − cos²); asked for is the cosine.": (1 - cosine(squared) ** 2).clamp(min=0).sqrt(),
        "Divide by the length of g, too.": along / squared.sqrt(),
        "You divide by the square of the mean's length; take its root.": along / (squared * g.norm()),
        "You divide by the square of g's length; take g.norm().": along / (squared.sqrt() * (g @ g)),
        "This is the corrected length of the mean; divide m @ g by it, and by the length of g.": [squared, squared.sqrt()],
        "You correct the length of g; g is exact. Correct that of the mean.":
            along / (m.norm() * (g @ g - trace / n).clamp(min=1e-12).sqrt()),
    }  # fmt: skip
    compare(answer, cosine(squared), "debiased_cosine", mistakes)
    passed("Exercise 2: it equals the mean of products of different estimates, in which noise has no part.")


def asymmetry(function: Callable[..., float]) -> None:
    """Exercise 3: whether a rule is a gradient at a point.

    Parameters
    ----------
    function : callable
        The student's: (field, w, h) → a number; h may be left out.

    Raises
    ------
    Wrong
    """
    M, w = random_matrix(4, 4), random_matrix(1, 4)[0]
    A = M + 0.7 * M.T

    def field(w: Tensor) -> Tensor:
        return torch.tanh(A @ w) + 0.3 * w.roll(1) ** 2

    answer = call(function, field, w, what="asymmetry")
    J = torch.autograd.functional.jacobian(field, w)
    size = (J - J.T).norm() / (2 * J.norm())
    row = J[0]
    mistakes = {
        "The 2 is missing: the antisymmetric part is (J − Jᵀ)/2.": 2 * size,
        "This is the length of J − Jᵀ; divide it by twice that of J.": (J - J.T).norm(),
        "This is the length of the antisymmetric part; divide it by that of J.": (J - J.T).norm() / 2,
        "This is the share of the symmetric part: subtract the transposed matrix.":
            [(J + J.T).norm() / (2 * J.norm()), (J + J.T).norm() / J.norm()],
        "You divide by the symmetric part; Equation F divides by twice the length of J itself.":
            [(J - J.T).norm() / (J + J.T).norm(), (J - J.T).norm() / (2 * (J + J.T).norm())],
        "This is the square: take the root of the sums of squares.": [size**2, 2 * size**2, 4 * size**2],
        "You take absolute values; Equation F has roots of sums of squares, .norm().": (J - J.T).abs().sum() / (2 * J.abs().sum()),
        "You take the largest entries; Equation F has roots of sums of squares, .norm().":
            [(J - J.T).abs().max() / (2 * J.abs().max()), (J - J.T).abs().max()],
        "You add up entries with their signs, and those of J − Jᵀ cancel: take .norm().": torch.zeros(()),
        "The field at w itself stands in place of its Jacobian: move one weight at a time and look how the field changes.":
            field(w).norm(),
        "You return the Jacobian; compare it with its transpose.": [J, J.T, J - J.T, (J - J.T) / 2],
        "These are the eigenvalues' doings: Equation F has lengths of matrices, .norm(), the root of the sum of squares.":
            torch.linalg.matrix_norm(J - J.T, 2) / (2 * torch.linalg.matrix_norm(J, 2)),
        "Only the first weight is moved; move each in turn.": row.norm(),
    }  # fmt: skip
    compare(answer, size, "asymmetry", mistakes)
    _try_others(function)
    passed(
        "Exercise 3: the same lines serve for a rule of thousands of weights, or for synapses that one can manipulate."
    )


def _try_others(function: Callable[..., float]) -> None:
    """On a field that turns, and on a gradient."""
    turning = call(function, lambda w: torch.stack([-w[1], w[0]]), random_matrix(1, 2)[0], what="asymmetry")
    compare(turning, 1.0, "the asymmetry of a field that only turns")
    gradient = call(function, lambda w: w * w.square().sum(), random_matrix(1, 3)[0], what="asymmetry")
    compare(gradient + 1, 1.0, "1 plus the asymmetry of a gradient")
