"""Feedback on the exercises of notebook 12, predictive coding."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def inference_step(function: Callable[..., Tensor]) -> None:
    """Exercise 1: one step of inference for the rates of level 1.

    Parameters
    ----------
    function : callable
        The student's: (x, r_1, r_2, U_1, U_2, pi_2, alpha_1, rate) → the new r_1, trials × units.

    Raises
    ------
    Wrong
    """
    x, r, r_2, U, V = (random_matrix(*shape) for shape in ((4, 6), (4, 5), (4, 3), (6, 5), (5, 3)))
    pi, alpha, rate = 0.4, 0.7, 0.3
    answer = call(function, x, r, r_2, U, V, pi, alpha, rate, what="inference_step")

    def energy(s: Tensor) -> Tensor:  # Eq. D, and the prior on r_2, which does not matter here
        below, above = (x - s @ U.T).square().sum(), (s - r_2 @ V.T).square().sum()
        return 0.5 * below + 0.5 * pi * above + 0.5 * alpha * torch.log1p(s.square()).sum()

    expected = r - rate * torch.autograd.functional.jacobian(energy, r)
    up, above, prior = (x - r @ U.T) @ U, r - r_2 @ V.T, r / (1 + r**2)

    def step(up: Tensor = up, above: Tensor = pi * above, prior: Tensor = alpha * prior) -> Tensor:
        return r + rate * (up - above - prior)

    mistakes = {
        "This goes uphill: add rate · dr_1/dt, do not subtract it.": 2 * r - expected,
        "You return dr_1/dt; asked for are the new rates, r_1 + rate · dr_1/dt.":
            [(expected - r) / rate, (r - expected) / rate],
        "You return only the change; the rates from which it starts are missing.": [expected - r, r - expected],
        "The rate is missing: r_1 + rate · dr_1/dt.": r + (expected - r) / rate,
        "What comes from below is missing: the errors ε_0, collected by U_1ᵀ.": step(up=0 * r),
        "ε_0 has the wrong sign: it is x minus its prediction, and excites the rates.": step(up=-up),
        "Level 1 hears of the image only what it did not predict: x − U_1 r_1 belongs where you have x.": step(up=x @ U),
        "What comes from above is missing: −π_2 ε_1.": step(above=0 * r),
        "ε_1 has the wrong sign: a rate that is above what was predicted of it must fall.": step(above=-pi * above),
        "The prediction from above is missing: ε_1 = r_1 − U_2 r_2.": step(above=pi * r),
        "Level 2 enters with its prediction, not with an error: ε_1 = r_1 − U_2 r_2.": step(above=-pi * r_2 @ V.T),
        "The precision π_2 is missing in front of ε_1.": step(above=above),
        "π_2 stands in front of ε_1 alone, not of ε_0.": [step(pi * up), step(pi * up, above)],
        "You divided by π_2: it is a precision, which multiplies.": step(above=above / pi),
        "The prior is missing.": step(prior=0 * r),
        "The prior has the wrong sign: it pulls rates towards 0.": step(prior=-alpha * prior),
        "α_1 is missing in front of the prior's slope.": step(prior=prior),
        "This is the slope of a Gaussian prior, α r; that of ½ α log(1 + r²) is α r / (1 + r²).": step(prior=alpha * r),
        "The slope of log(1 + r²) is 2r / (1 + r²), but there is ½ in front of it in the energy: α r / (1 + r²).":
            step(prior=2 * alpha * prior),
        "The slope of log(1 + r²) is not its value: α r / (1 + r²).":
            [step(prior=factor * alpha * torch.log1p(r**2)) for factor in (0.5, 1)],
        "The square is missing below the line: r / (1 + r²).": step(prior=alpha * r / (1 + r)),
        "The r above the line is missing: r / (1 + r²).": step(prior=alpha / (1 + r**2)),
        "alpha_1 * r_1 / 1 + r_1 ** 2 divides by 1: put 1 + r_1 ** 2 into parentheses.": step(prior=alpha * r + r**2),
    }  # fmt: skip
    compare(answer, expected, "inference_step", mistakes)
    passed("Exercise 1: level 1 listens to both its neighbours.")


def hebbian_change(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the Hebbian change of the weights.

    Parameters
    ----------
    function : callable
        The student's: (x, r, U, eta) → pixels × units.

    Raises
    ------
    Wrong
    """
    x, r, U, eta = random_matrix(4, 6), random_matrix(4, 5), random_matrix(6, 5), 0.3
    answer = call(function, x, r, U, eta, what="hebbian_change")
    expected = -eta * torch.autograd.functional.jacobian(lambda W: 0.5 * (x - r @ W.T).square().sum(1).mean(), U)
    error, trials = x - r @ U.T, len(x)
    mistakes = {
        "This is the gradient of the energy: weights go downhill, so the change has the opposite sign.": -expected,
        "It is transposed: U is pixels × units, and so is its change.": [expected.T, -expected.T],
        "This is the sum over trials; divide it by their number.": [trials * expected, -trials * expected],
        "Divide by the number of trials, not of pixels or units.": [trials * expected / n for n in (*U.shape, U.numel())],
        "The learning rate is missing.": [expected / eta, -expected / eta, trials * expected / eta],
        "This is image times rate: what the units predicted already must be taken away, ε = x − U r.":
            [eta * x.T @ r / trials, eta * x.T @ r],
        "This is prediction times rate; it should be error times rate, with ε = x − U r.":
            [eta * (r @ U.T).T @ r / trials, eta * (r @ U.T).T @ r],
        "These are the new weights; asked for is their change.": [U + expected, U - expected],
        "You averaged errors and rates over trials first, and then multiplied: multiply in each trial, then average.":
            [eta * error.mean(0)[:, None] * r.mean(0), eta * error.sum(0)[:, None] * r.sum(0)],
        "The error alone does not say whose weights should change: multiply it by the rates.":
            [eta * error, eta * error.T, eta * error.mean(0)],
        "The rates alone do not say which pixels were badly predicted: multiply the errors by them.":
            eta * (torch.ones_like(x).T @ r) / trials,
        "Only the sign of the error is left; its size counts too.": eta * error.sign().T @ r / trials,
        "The factor 2 of the square is taken by the ½ in front of it.": 2 * expected,
    }  # fmt: skip
    compare(answer, expected, "hebbian_change", mistakes)
    passed("Exercise 2: what is active at both ends of the synapse is all it takes.")


def errors_at_rest(function: Callable[..., Tensor]) -> None:
    """Exercise 3: what error units say at rest, with a Gaussian prior.

    Parameters
    ----------
    function : callable
        The student's: (x, U, alpha) → trials × pixels.

    Raises
    ------
    Wrong
    """
    x, U, alpha = random_matrix(4, 6), random_matrix(6, 5), 0.7
    answer = call(function, x, U, alpha, what="errors_at_rest")
    one = torch.eye(6, dtype=x.dtype)
    expected = alpha * torch.linalg.solve(U @ U.T + alpha * one, x.T).T  # the same, seen from the pixels

    def left(weight: float, drive: Tensor = x) -> Tensor:
        """What is left of x by rates that solve (UᵀU + weight · 1) r = Uᵀ drive."""
        return x - torch.linalg.solve(U.T @ U + weight * one[:5, :5], U.T @ drive.T).T @ U.T

    rates = torch.linalg.solve(U.T @ U + alpha * one[:5, :5], U.T @ x.T).T
    mistakes = {
        "The sign is reversed: errors are the image minus its prediction.": -expected,
        "These are the rates at rest; asked for is what the error units say, x − U r.": [rates, rates.T],
        "This is the prediction U r; the errors are what it leaves, x − U r.": [x - expected, (x - expected).T],
        "It is transposed: errors are trials × pixels.": expected.T,
        "The prior is missing: α goes onto the diagonal of UᵀU.": left(0.0),
        "The slope of ½ α r² is α r: no 2, and no ½, is left.": [left(2 * alpha), left(alpha / 2)],
        "α has the wrong sign: the prior pulls rates towards 0, (UᵀU + α 1) r = Uᵀ x.": left(-alpha),
        "α belongs on the diagonal only: times the unit matrix, not added to every entry.":
            x - torch.linalg.solve(U.T @ U + alpha, U.T @ x.T).T @ U.T,
        "The unit matrix stands there without α.": left(1.0),
        "Uᵀ x are the rates of units that do not hear of each other's predictions: solve (UᵀU + α 1) r = Uᵀ x.":
            [x - x @ U @ U.T, x - x @ U @ U.T / alpha, x - x @ U @ U.T / (1 + alpha)],
        "α is missing in front: the errors are α (UUᵀ + α 1)⁻¹ x.": expected / alpha,
        "What goes up is in balance with the prior, Uᵀ ε = α r: this is that balance, in units, and not ε itself.":
            alpha * rates,
    }  # fmt: skip
    compare(answer, expected, "errors_at_rest", mistakes)
    passed("Exercise 3: without a prior only what no unit can predict would be left; with it, a little of everything.")
