"""Feedback on the exercises of notebook 07, dynamical systems."""

import contextlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def jacobian(function: Callable[..., Tensor]) -> None:
    """Exercise 1: the Jacobian of one step of a recurrent network.

    Parameters
    ----------
    function : callable
        The student's: (r, W_r, b_r, alpha) → units × units.

    Raises
    ------
    Wrong
    """
    r, W, b, alpha = random_matrix(1, 5)[0], 0.5 * random_matrix(5, 5), random_matrix(5, 1)[:, 0], 0.3
    expected = torch.autograd.functional.jacobian(lambda s: (1 - alpha) * s + alpha * torch.tanh(W @ s + b), r)
    answer = call(function, r, W, b, alpha, what="jacobian")
    c, one = W @ r + b, torch.eye(5, dtype=r.dtype)
    slope, leak = 1 - torch.tanh(c) ** 2, (1 - alpha) * one
    D = torch.diag(slope)

    def with_slope(slope: Tensor) -> Tensor:
        return leak + alpha * torch.diag(slope) @ W

    mistakes = {
        "The slope is on the wrong side: row i of W_r is multiplied by the slope of unit i (diag(f′) W, not W diag(f′)).":
            leak + alpha * W @ D,
        "slope @ W_r adds up over units: multiply row i of W_r by the slope of unit i, slope[:, None] * W_r.":
            [leak + alpha * slope @ W, alpha * slope @ W],
        "diag(f′) * W_r leaves only the diagonal: write diag(f′) @ W_r, or slope[:, None] * W_r.": leak + alpha * D * W,
        "It is transposed: row i holds what unit i's next activity owes to the others.": (leak + alpha * D @ W).T,
        "W_r is transposed: its rows are the receiving units, as are those of the Jacobian.":
            [leak + alpha * D @ W.T, leak + alpha * torch.diag(1 - torch.tanh(W.T @ r + b) ** 2) @ W.T],
        "The leak is missing: (1 − α) on the diagonal.": alpha * D @ W,
        "The leak is (1 − α) on the diagonal only, not in every entry.": (1 - alpha) + alpha * D @ W,
        "The leak still holds r: the derivative of (1 − α) r is (1 − α) 1, without r.":
            [leak * r + alpha * D @ W, (1 - alpha) * r + alpha * D @ W],
        "The leak does not pass through f: (1 − α) stands alone on the diagonal.": D @ (leak + alpha * W),
        "The leak is subtracted; it is added.": alpha * D @ W - leak,
        "The leak is 1 − α, not 1.": one + alpha * D @ W,
        "The slope of f is missing: tanh′(c) = 1 − tanh(c)².": leak + alpha * W,
        "This is the Jacobian of dr/dt, times τ: asked for is that of one step, (1 − α) 1 + α diag(f′) W.": D @ W - one,
        "This is the Jacobian of F(r) = step(r) − r: asked for is that of the step itself, so add 1.": alpha * (D @ W - one),
        "The α in front of f is missing.": leak + D @ W,
        "α and 1 − α are exchanged.": alpha * one + (1 - alpha) * D @ W,
        "The slope is taken at r; it belongs at c = W_r r + b_r, what goes into tanh.": with_slope(1 - torch.tanh(r) ** 2),
        "r is not tanh(c): the slope is 1 − tanh(c)² with c = W_r r + b_r, not 1 − r².": with_slope(1 - r**2),
        "The slope of tanh is 1 − tanh(c)²; you used 1 − c², as if c were already tanh(c).": with_slope(1 - c**2),
        "The bias is missing in c = W_r r + b_r, at which the slope is taken.": with_slope(1 - torch.tanh(W @ r) ** 2),
        "c should be W_r r + b_r; you multiplied by the transposed matrix.": with_slope(1 - torch.tanh(W.T @ r + b) ** 2),
        "The slope of tanh is 1 − tanh(c)²; the square is missing.": with_slope(1 - torch.tanh(c)),
        "You use tanh(c), or its square, where its slope, 1 − tanh(c)², belongs.": [with_slope(torch.tanh(c) ** k) for k in (1, 2)],
        "alpha * 1 - tanh(c) ** 2 takes the product before the difference: put 1 − tanh(c)² into parentheses.":
            leak + torch.diag(alpha - torch.tanh(c) ** 2) @ W,
        "These are only the slopes; the Jacobian is units × units.": [slope, D],
        "You return the next state, not its derivative.": (1 - alpha) * r + alpha * torch.tanh(c),
    }  # fmt: skip
    compare(answer, expected, "jacobian", mistakes)
    passed("Exercise 1: with it, one line of Newton's method finds fixed points.")


def time_constants(function: Callable[..., Tensor]) -> None:
    """Exercise 2: from the eigenvalues of a step to time constants.

    Parameters
    ----------
    function : callable
        The student's: (eigenvalues, complex; dt) → time constants in ms.

    Raises
    ------
    Wrong
    """
    eigenvalues = torch.tensor(
        [0.6 + 0.5j, 0.6 - 0.5j, 0.98, 0.1 + 0.8j, 0.1 - 0.8j, 0.2, 1.05], dtype=torch.complex128
    )
    dt = 20.0
    answer = call(function, eigenvalues, dt, what="time_constants")
    if isinstance(answer, list | tuple | np.ndarray):
        with contextlib.suppress(TypeError, ValueError, RuntimeError):  # what cannot be a tensor, compare refuses
            answer = torch.as_tensor(answer)
    rotating = isinstance(answer, Tensor) and answer.is_complex() and bool((answer.imag != 0).any())
    if isinstance(answer, Tensor) and answer.is_complex():
        answer = answer.real  # without an imaginary part it is as good as a real number
    real, modulus = eigenvalues.real, (eigenvalues.real**2 + eigenvalues.imag**2).sqrt()
    expected = dt / torch.log(1 / modulus)
    mistakes = {
        "The sign is reversed: where |λ| < 1 a mode decays, and its time constant is positive.": -expected,
        "You took the real part; how fast a mode decays is the modulus, eigenvalues.abs(), also where it rotates.":
            [-dt / torch.log(real), dt / torch.log(real)],
        "The logarithm should be taken of the modulus, eigenvalues.abs(): that of a complex number is complex.":
            [sign * part for part in ((dt / torch.log(eigenvalues)).real, (dt / torch.log(eigenvalues)).abs()) for sign in (1, -1)],
        "That is for the differential equation, where λ is a rate. Here λ is what a step multiplies by: λ = exp(−Δt/τ).":
            [sign * time / part for sign in (1, -1) for time in (1, dt) for part in (real, modulus)],
        "1 − |λ| is only near what is wanted when |λ| is close to 1; in one step a mode is multiplied by exp(−Δt/τ).":
            [dt / (1 - modulus), dt / (1 - real), (dt / (1 - eigenvalues)).real, dt / (1 - eigenvalues).abs()],
        "Δt is missing: this counts steps, not ms.": expected / dt,
        "Divide Δt by the logarithm; you multiplied.": [-dt * torch.log(modulus), dt * torch.log(modulus)],
        "This is the rate; its inverse is the time constant.": [-torch.log(modulus) / dt, torch.log(modulus) / dt],
        "This is the time to 1/2, the half-life; the time constant is that to 1/e, so the logarithm is the natural one.":
            -dt / torch.log2(modulus),
        "The logarithm is the natural one, torch.log, not log10.": -dt / torch.log10(modulus),
        "The logarithm belongs below the line, and Δt above it: −Δt / ln|λ|.": [-torch.log(modulus), torch.log(modulus)],
        "The modulus is the root of real² + imag²; the root is missing.": -dt / torch.log(modulus**2),
        "This is the period of the rotation; asked for is how fast a mode decays, which the modulus says.":
            [2 * torch.pi * dt / torch.angle(eigenvalues), 2 * torch.pi * dt / torch.angle(eigenvalues).abs()],
        "Where |λ| > 1 a mode grows: there the time constant is negative, so keep the sign.":
            [expected.abs(), expected.clamp(min=0), torch.where(modulus < 1, expected, torch.inf)],
        "You left out the mode that grows: return a time constant for every eigenvalue, in their order.": expected[modulus < 1],
        "You sorted the times; keep the order of the eigenvalues.":
            [expected[key.argsort(descending=down)] for key in (expected, modulus) for down in (True, False)],
        "You return only the longest; return a time constant for every eigenvalue.": expected.max(),
        "You return the moduli, without turning them into times.": modulus,
        "You return the eigenvalues, or their real parts, without turning them into times.": real,
        "The times are complex: the logarithm should be taken of the modulus, eigenvalues.abs().": answer if rotating else None,
    }  # fmt: skip
    compare(answer, expected, "time_constants", mistakes)
    passed("Exercise 2: a mode that remembers has a |λ| near 1, and a time constant far beyond τ.")


def steady_kappa(function: Callable[..., Tensor]) -> None:
    """Exercise 3: the steady state of a network of rank one, from a single equation.

    Parameters
    ----------
    function : callable
        The student's: (m, n, drive) → κ.

    Raises
    ------
    Wrong
    """
    m = random_matrix(1, 400)[0]
    n = 1.35 * m + 0.3 * random_matrix(400, 1)[:, 0]  # weak enough that a few repetitions do not settle
    drive = 0.05 * m + 0.3 * random_matrix(20, 20).flatten()
    answer = call(function, m, n, drive, what="steady_kappa")

    def settle(f, start=1.0, steps=400, share=0.5) -> Tensor:
        kappa = torch.as_tensor(start, dtype=m.dtype)
        for _ in range(steps):
            kappa = (1 - share) * kappa + share * f(kappa)  # smaller steps than the student's
        return kappa

    def overlap(k: Tensor) -> Tensor:
        return (n * torch.tanh(m * k + drive)).mean()

    expected = settle(overlap)
    added_up = settle(lambda k: len(m) * overlap(k))
    exchanged = settle(lambda k: (m * torch.tanh(n * k + drive)).mean())
    mistakes = {
        "The input is missing: tanh of m κ plus the drive of each unit.": settle(lambda k: (n * torch.tanh(m * k)).mean()),
        "m and n are exchanged: activity goes along m, and n reads it.":
            [exchanged, (n * torch.tanh(n * exchanged + drive)).mean()],
        "You add up over units; κ is the mean, as W_r is divided by N.": [added_up, overlap(added_up), len(m) * expected],
        "n is missing: κ is the mean of n times the rates.":
            [settle(lambda k: torch.tanh(m * k + drive).mean()), torch.tanh(m * expected + drive).mean()],
        "m is used twice: n reads the rates.":
            [settle(lambda k: (m * torch.tanh(m * k + drive)).mean()), (m * torch.tanh(m * expected + drive)).mean()],
        "n is used twice: the recurrent input of a unit is m κ.": settle(lambda k: (n * torch.tanh(n * k + drive)).mean()),
        "The drive belongs inside of tanh.":
            [settle(lambda k, weight=weight: (n * torch.tanh(m * k) + weight * drive).mean()) for weight in (n, 1)],
        "You return the κ with which you began: is the new one kept?": 1.0,
        "tanh is missing; without it κ does not settle.":
            [settle(lambda k: (n * (m * k + drive)).mean(), 1.0, steps, share=1.0)
             for steps in (1, 2, 5, *range(10, 101, 10), 150, 200, 250, 300, 400, 500, 1000)],
        "f is tanh here, not a ReLU.": settle(lambda k: (n * torch.relu(m * k + drive)).mean()),
        "This is the first step from κ = 1. Repeat until κ no longer changes.": overlap(torch.ones(())),
        "This is the first step from κ = 0. Repeat until κ no longer changes.": overlap(torch.zeros(())),
        "You began below 0 and found another fixed point: begin at κ = 1.": settle(overlap, start=-1.0),
        "These are the rates of the units; κ is a single number, the mean of n r.": torch.tanh(m * expected + drive),
        "The overlap of n and m alone: it says whether κ grows, not where it settles.": [(n * m).mean(), n @ m],
        "κ has not settled yet: repeat more often.":
            [settle(overlap, start, steps, share=1.0) for steps in range(2, 12) for start in (1.0, 0.0)],
    }  # fmt: skip
    compare(answer, expected, "steady_kappa", mistakes)
    passed("Exercise 3: four hundred units, one equation.")
