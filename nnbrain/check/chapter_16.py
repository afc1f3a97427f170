"""Feedback on the exercises of notebook 16, continual learning."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def anchored_step(function: Callable[..., Tensor]) -> None:
    """Exercise 1: a step of gradient descent on a loss and an anchor, Equation 44.

    Parameters
    ----------
    function : callable
        The student's: (W, gradient, W_fix, M, beta, eta) → the weights after the step.

    Raises
    ------
    Wrong
    """
    W, gradient, W_fix = random_matrix(4, 3), random_matrix(5, 3)[:4], random_matrix(6, 3)[:4]
    M, beta, eta = random_matrix(7, 3)[:4].abs(), 0.3, 0.2
    answer = call(function, W, gradient, W_fix, M, beta, eta, what="anchored_step")
    spring = _slope(W, lambda w: beta * (M * (w - W_fix) ** 2).sum())
    expected = W - eta * (gradient + spring)
    mistakes = {
        "The slope of a square has a factor 2: 2 β M (W − W_fix).": W - eta * (gradient + spring / 2),
        "M is missing: each connection is held as strongly as its own M says.": W - eta * (gradient + spring / M),
        "β is missing: it says how strongly all connections are held.": W - eta * (gradient + spring / beta),
        "The spring pushes away from W_fix: its slope is 2 β M (W − W_fix), and a step goes against it.":
            W - eta * (gradient - spring),
        "You go uphill: a step is minus the slope, times the learning rate.": W + eta * (gradient + spring),
        "The gradient of the new task is missing.": W - eta * spring,
        "The spring is missing: add the slope of Equation 44 to the gradient.": W - eta * gradient,
        "The learning rate is for both slopes, the spring's too.": W - eta * gradient - spring,
        "The learning rate is missing.": W - (gradient + spring),
        "This is the change; the weights after it are W plus the change.": -eta * (gradient + spring),
        "The step begins at W, where the weights are, not at W_fix.": W_fix - eta * (gradient + spring),
        "The spring pulls towards 0 here; it should pull towards W_fix.": W - eta * (gradient + 2 * beta * M * W),
        "You add the square itself; a step needs its slope, 2 β M (W − W_fix).":
            W - eta * (gradient + beta * M * (W - W_fix) ** 2),
    }  # fmt: skip
    compare(answer, expected, "anchored_step", mistakes)
    passed("Exercise 1: where the two slopes are equal and opposite, learning stops: as far as an anchor lets it go.")


def layer_fisher(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the Fisher information of a layer with a softmax.

    Parameters
    ----------
    function : callable
        The student's: (x, W) → F, classes × inputs.

    Raises
    ------
    Wrong
    """
    x, W = random_matrix(7, 4), random_matrix(3, 4)
    answer = call(function, x, W, what="layer_fisher")
    p = torch.softmax(x @ W.T, dim=1)
    expected = sum(_squared_slopes(x_k, W) for x_k in x) / len(x)
    trials = len(x)
    certain = torch.nn.functional.one_hot(p.argmax(1), 3).to(p)
    mistakes = {
        "Average over trials: you added them up.": expected * trials,
        "The inputs enter squared: ∂y_i/∂W_ij = x_j, and F has the square of the slope.": (p * (1 - p)).T @ x / trials,
        "The inputs are missing: ∂y_i/∂W_ij = x_j.": (p * (1 - p)).mean(0)[:, None].expand(3, 4),
        "The mean of (δ_ci − p_i)² over classes, weighted by p_c, is p_i (1 − p_i); you have p_i².": (p**2).T @ x**2 / trials,
        "The mean of (δ_ci − p_i)² over classes, weighted by p_c, is p_i (1 − p_i); you have (1 − p_i)².":
            ((1 - p) ** 2).T @ x**2 / trials,
        "You count only the term c = i; the other classes have the slope −p_i: they add (1 − p_i) p_i².":
            (p * (1 - p) ** 2).T @ x**2 / trials,
        "You count only the classes c ≠ i; the term c = i has the slope 1 − p_i and adds p_i (1 − p_i)².":
            ((1 - p) * p**2).T @ x**2 / trials,
        "The classes are to be weighted by p_c; you add them up as if all were equally likely.":
            ((1 - p) ** 2 + 2 * p**2).T @ x**2 / trials,
        "The square belongs inside the mean: p_i (1 − p_i), not (p_i (1 − p_i))².": ((p * (1 - p)) ** 2).T @ x**2 / trials,
        "The mean over trials is taken of the product: (p_i (1 − p_i)) x_j² trial by trial, not of each factor by itself.":
            (p * (1 - p)).mean(0)[:, None] * (x**2).mean(0),
        "This is for the most probable class only; take the mean over all classes, each weighted by p_c.":
            ((certain - p) ** 2).T @ x**2 / trials,
        "The softmax runs over classes, dim=1; yours runs over trials.": _with_probabilities(torch.softmax(x @ W.T, 0), x),
        "p is the softmax of y = W x; you take a sigmoid of each y.": _with_probabilities(torch.sigmoid(x @ W.T), x),
    }  # fmt: skip
    compare(answer, expected, "layer_fisher", mistakes)
    passed("Exercise 2: a weight matters where its input is strong and the network is in doubt.")


def chain_flow(function: Callable[..., Tensor]) -> None:
    """Exercise 3: how the variables of a complex synapse flow.

    Parameters
    ----------
    function : callable
        The student's: (u, C, g) → du/dt.

    Raises
    ------
    Wrong
    """
    u = torch.tensor([2.0, -0.5, 1.2, 0.7, -1.1], dtype=torch.float64)
    C = torch.tensor([1.0, 2.5, 3.0, 7.0, 20.0], dtype=torch.float64)
    g = torch.tensor([0.8, 0.5, 0.3, 0.15, 0.06], dtype=torch.float64)
    answer = call(function, u, C, g, what="chain_flow")
    expected = _flow_by_matrix(u, g) / C
    sealed = _flow_by_matrix(u, g * (g > g.min())) / C
    outward = g * (u - torch.cat([u[1:], u.new_zeros(1)]))
    inward = torch.cat([u.new_zeros(1), outward[:-1]])
    leaking = expected - torch.cat([g[:1] * u[:1], u.new_zeros(4)]) / C
    behind = torch.cat([u.new_zeros(1), g[1:] * (u[:-1] - u[1:])])
    mistakes = {
        "The last beaker does not leak: its tube leads out, where the level is 0.": sealed,
        "Divide by the sizes of the beakers, C.": expected * C,
        "Divide by C, do not multiply: a large beaker's level moves slowly.": expected * C**2,
        "The direction is reversed: water flows from the higher level to the lower one.": -expected,
        "What flows in from the beaker before is missing.": -outward / C,
        "What flows out to the next beaker is missing.": inward / C,
        "Both flows have the same sign: one tube brings what the other takes away.": (-inward - outward) / C,
        "The first beaker leaks, too: there is no tube before it.": leaking,
        "Between beakers k − 1 and k is the tube g[k − 1]; you took g[k].": (behind - outward) / C,
        "The widths of the tubes are missing.": _flow_by_matrix(u, torch.ones_like(g)) / C,
        "The chain is a ring in yours: the first beaker gets what leaves the last (roll goes around).":
            [(outward.roll(1) - outward) / C, _ring(u, g) / C],
    }  # fmt: skip
    compare(answer, expected, "chain_flow", mistakes)
    passed("Exercise 3: nothing is lost on the way: Σ C u falls only by what leaks out at the end.")


def _slope(W: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """∂loss/∂W by autograd."""
    W = W.clone().requires_grad_()
    return torch.autograd.grad(loss(W), W)[0]


def _squared_slopes(x: Tensor, W: Tensor) -> Tensor:
    """Σ_c p_c (∂ log p_c/∂W)² for one trial, by autograd."""
    p = torch.softmax(W @ x, dim=0)
    return sum(p[c] * _slope(W, lambda w, c=c: torch.log_softmax(w @ x, 0)[c]) ** 2 for c in range(len(p)))


def _with_probabilities(p: Tensor, x: Tensor) -> Tensor:
    return (p * (1 - p)).T @ x**2 / len(x)


def _flow_by_matrix(u: Tensor, g: Tensor) -> Tensor:
    """C du/dt, as a matrix of the tubes times the levels."""
    before = torch.cat([g.new_zeros(1), g[:-1]])
    return -(torch.diag(g + before) - torch.diag(g[:-1], 1) - torch.diag(g[:-1], -1)) @ u


def _ring(u: Tensor, g: Tensor) -> Tensor:
    """C du/dt if the last tube led back to the first beaker."""
    outward = g * (u - u.roll(-1))
    return outward.roll(1) - outward
