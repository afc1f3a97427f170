"""Feedback on the exercises of notebook 03, training algorithms."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed, random_matrix

NUMBERS = (np.float32, np.float64)  # arrays of these are as good as tensors


def momentum(function: Callable[..., tuple[Tensor, Tensor]]) -> None:
    """Exercise 1: one step of gradient descent with momentum.

    Parameters
    ----------
    function : callable
        The student's: (theta, v, gradient, eta, mu) → the new theta, and the new v, each (parameters,).

    Raises
    ------
    Wrong
    """
    theta, v, g = random_matrix(3, 5)
    eta, mu = 0.3, 0.8
    answer = call(function, theta, v, g, eta, mu, what="momentum")
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong(f"momentum should return two things, the new theta and the new v, got {type(answer).__name__}.")
    answer = [torch.as_tensor(part) if getattr(part, "dtype", None) in NUMBERS else part for part in answer]
    for name, part in zip(("theta", "v"), answer, strict=True):
        if not isinstance(part, Tensor) or part.shape != theta.shape or part.is_complex():
            given = f"shape {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
            raise Wrong(f"the new {name} should be a tensor of {len(theta)} real numbers, as the old one, got {given}.")
    answer = torch.stack([part.to(theta) for part in answer])

    def step(new_v: Tensor, along: Tensor | None = None) -> Tensor:
        """The new theta and the new v, one below the other; the step goes along v, or along something else."""
        return torch.stack([theta - eta * (new_v if along is None else along), new_v])

    # Past gradients with the weight that each has by now; v stands for all those before.
    right = torch.tensor([mu, 1.0], dtype=theta.dtype) @ torch.stack([v, g])
    expected, change = step(right), -eta * right
    mistakes = {
        "This step goes uphill: Δθ = −η v.": step(right, -right),
        "You took the step with the old v: update v first, Equation 24, then step with the new one.": step(right, v),
        "v is right, but the step goes along the gradient; it should go along v, Equation 25.": step(right, g),
        "The learning rate is missing in the step.": step(right, right / eta),
        "You return the change Δθ; asked for is the new theta.": [torch.stack([change, right]), torch.stack([-change, right])],
        "theta is as it was: Equation 25 is missing.": step(right, 0 * v),
        "This looks one step ahead, as Nesterov's momentum does; Equation 25 steps along v.": step(right, g + mu * right),
        "The order is the other way round: first the new theta, then the new v.": expected.flip(0),
        "In Equation 24 the old v is multiplied by mu.": step(v + g),
        "Equation 24 adds the whole gradient; with (1 − mu) times it v would be an average, as in Adam.":
            [step(mu * v + (1 - mu) * g), step((1 - mu) * v + mu * g)],
        "The learning rate belongs to the step, Equation 25, not into v.":
            [step(w, w / eta) for w in (mu * v + eta * g, eta * right)] + [step(w) for w in (mu * v + eta * g, eta * right)],
        "v sums gradients, with a plus; the minus is in Equation 25.":
            [step(mu * v - g), step(mu * v - g, g - mu * v), step(-right), step(-right, right)],
        "v is as it was: Equation 24 is missing.": [step(v), step(v, right), step(v, g)],
        "The old v is missing: without it this is plain gradient descent.": step(g),
        "mu multiplies the old v, not the gradient.": [step(v + mu * g), step(mu * (v + g))],
    }  # fmt: skip
    compare(answer, expected, "the pair of new theta and new v", mistakes)
    passed("Exercise 1: the sum of past gradients, fading, is what moves the weights.")


def adam_change(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the last step of Adam, from all gradients so far.

    Parameters
    ----------
    function : callable
        The student's: (gradients, eta, beta1, beta2, epsilon) → the change of the parameters, (parameters,).

    Raises
    ------
    Wrong
    """
    gradients, eta, beta1, beta2, epsilon = random_matrix(4, 3), 0.2, 0.7, 0.9, 0.05
    answer = call(function, gradients, eta, beta1, beta2, epsilon, what="adam_change")
    steps = len(gradients)

    def fading(values: Tensor, beta: float) -> Tensor:
        """(1 − β) Σ βᵃ values, a being the age of each: what the recursion comes to."""
        return (1 - beta) * (beta ** torch.arange(steps - 1, -1, -1, dtype=values.dtype)) @ values

    m, q = fading(gradients, beta1), fading(gradients**2, beta2)
    m_hat, q_hat = m / (1 - beta1**steps), q / (1 - beta2**steps)

    def change(top: Tensor, bottom: Tensor) -> Tensor:
        return -eta * top / (bottom.sqrt() + epsilon)

    expected = change(m_hat, q_hat)
    late = [part / (1 - beta ** (steps - 1)) for part, beta in ((m, beta1), (q, beta2))]
    early = [part / (1 - beta ** (steps + 1)) for part, beta in ((m, beta1), (q, beta2))]
    swapped = fading(gradients, beta2) / (1 - beta2**steps), fading(gradients**2, beta1) / (1 - beta1**steps)
    last = gradients[-1]
    mistakes = {
        "The bias correction is missing: m and q began at 0, divide them by 1 − βʲ.": change(m, q),
        "Only m is corrected for its start at 0; q is not.": change(m_hat, q),
        "Only q is corrected for its start at 0; m is not.": change(m, q_hat),
        "Off by one: at the first step j is 1, at the last it is the number of gradients.": [change(*late), change(*early)],
        "The sign is reversed: this step goes uphill.": -expected,
        "The learning rate is missing.": [expected / eta, -expected / eta],
        "The square root is missing: divide by √q̂.": -eta * m_hat / (q_hat + epsilon),
        "epsilon stands outside of the square root.": -eta * m_hat / (q_hat + epsilon).sqrt(),
        "epsilon is missing.": -eta * m_hat / q_hat.sqrt(),
        "β₁ belongs to the mean, β₂ to the mean square; you exchanged them.": change(*swapped),
        "This is RMSprop's step, with the last gradient; Adam takes the smoothed one, m̂.": [change(last, q_hat), change(last, q)],
        "This is only the smoothed gradient; divide it by √q̂ + ε.": [-eta * m_hat, -eta * m, m_hat, m],
        "q averages the squares of the gradients; you squared the average.":
            [change(m_hat, m_hat**2), change(m_hat, swapped[0] ** 2)],
        "The averages lack their factors 1 − β: with them they are averages, without them sums.":
            [change(m_hat / (1 - beta1), q_hat / (1 - beta2)), change(m / (1 - beta1), q / (1 - beta2))],
        "These are plain averages over all steps; Adam's forget, old gradients count less.":
            change(gradients.mean(0), (gradients**2).mean(0)),
        "This is the sum of all steps so far; asked for is the last one.":
            sum(change(*_corrected(gradients[:j], beta1, beta2)) for j in range(1, steps + 1)),
        "You went through the gradients backwards: the newest is the last.": change(*_corrected(gradients.flip(0), beta1, beta2)),
        "This is the first step; asked for is the last.": change(*_corrected(gradients[:1], beta1, beta2)),
    }  # fmt: skip
    compare(answer, expected, "adam_change", mistakes)
    passed("Exercise 2: the mean over the root mean square, each an honest average from the first step on.")


def _corrected(gradients: Tensor, beta1: float, beta2: float) -> tuple[Tensor, Tensor]:
    """m̂ and q̂ as weighted averages: the weights of bias-corrected averages add up to 1."""
    ages = torch.arange(len(gradients) - 1, -1, -1, dtype=gradients.dtype)
    weights = [beta**ages / (beta**ages).sum() for beta in (beta1, beta2)]
    return weights[0] @ gradients, weights[1] @ gradients**2


def time_to_learn(function: Callable[..., Tensor]) -> None:
    """Exercise 3: when a mode of a deep linear network has reached a share of its strength.

    Parameters
    ----------
    function : callable
        The student's: (s, u0, tau, share) → times, (modes,).

    Raises
    ------
    Wrong
    """
    s, u0, tau, share = torch.tensor([0.5, 1.7, 3.0], dtype=torch.float64), 0.02, 40.0, 0.8
    answer = call(function, s, u0, tau, share, what="time_to_learn")
    expected = torch.stack([_until(float(strength), u0, tau, share) for strength in s])
    ratio, odds = s / u0, share / (1 - share)
    mistakes = {
        "This is when u reaches half of s, Equation F; use share.": tau / (2 * s) * torch.log(ratio - 1),
        "The −1 is missing: the logarithm is of share / (1 − share) · (s/u₀ − 1).": tau / (2 * s) * torch.log(odds * ratio),
        "A factor 2 is missing: the exponent of Equation F is 2 s t / τ.": 2 * expected,
        "A factor 2 too much: the exponent of Equation F is 2 s t / τ.": expected / 2,
        "tau is missing: this is the time in units of τ.": expected / tau,
        "Divide by 2 s: strong modes are fast.": [s * expected, tau / 2 * torch.log(odds * (ratio - 1)) * s],
        "The logarithm is a natural one, torch.log.": [expected / math.log(10), expected / math.log(2)],
        "The share is upside down: it should be share / (1 − share).": tau / (2 * s) * torch.log((ratio - 1) / odds),
        "The fraction in the logarithm is upside down: s / u₀, not u₀ / s.":
            [-expected, tau / (2 * s) * torch.log(odds / (ratio - 1)), tau / (2 * s) * torch.log(odds * (1 / ratio).sub(1).abs())],
        "Solve for u = share · s, which is a share of each mode's own strength; you solved for u = share.":
            tau / (2 * s) * torch.log((ratio - 1) * (share / (s - share)).clamp(min=0)),
        "Only the odds share / (1 − share) of the final strength: the start s/u₀ − 1 multiplies them.":
            [tau / (2 * s) * math.log(odds), tau / (2 * s) * torch.log(share * (ratio - 1))],
        "This is a network with one layer: its modes approach s exponentially.":
            tau * torch.log((1 - u0 / s) / (1 - share)),
    }  # fmt: skip
    compare(answer, expected, "time_to_learn", mistakes)
    passed("Exercise 3: strong modes first; the smaller the start, the longer the wait.")


def _until(s: float, u0: float, tau: float, share: float) -> Tensor:
    """The time of du/dt = 2 u (s − u) / τ from u₀ to share · s, by Simpson's rule for ∫ dt = ∫ τ du / (2 u (s − u)) over ln u."""
    logs = torch.linspace(math.log(u0), math.log(share * s), 4001, dtype=torch.float64)
    slope = tau / (2 * (s - logs.exp()))  # dt / d ln u
    weights = torch.ones(4001, dtype=torch.float64)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return (weights * slope).sum() * (logs[1] - logs[0]) / 3
