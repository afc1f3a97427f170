"""Feedback on the exercises of notebook 17, feedback alignment."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def alignment_change(function: Callable[..., Tensor]) -> None:
    """Exercise 1: the change of hidden weights by feedback alignment.

    Parameters
    ----------
    function : callable
        The student's: (x, target, W1, W2, B, eta) → ΔW1.

    Raises
    ------
    Wrong
    """
    x, target = random_matrix(7, 4), random_matrix(7, 3)
    W1, W2, B, eta = random_matrix(5, 4), random_matrix(3, 5), random_matrix(4, 5)[:3], 0.2
    answer = call(function, x, target, W1, W2, B, eta, what="alignment_change")
    c = x @ W1.T
    h, trials = c.relu(), len(x)
    error = h @ W2.T - target

    def change(heard: Tensor, slope: Tensor | float = c > 0, below: Tensor = x) -> Tensor:
        """−η δ rᵀ, averaged."""
        return -eta * (heard * slope).T @ below / trials

    # Another way: the gradient of a sum whose outputs are read through B, with the errors held fixed.
    free = W1.clone().requires_grad_()
    (slope,) = torch.autograd.grad(((x @ free.T).relu() @ B.T * error).sum() / trials, free)
    expected = -eta * slope
    mistakes = {
        "This is backpropagation: errors come back through W2. Put B in its place.": change(error @ W2),
        "The slope of the rectified units is missing: a silent unit does not change, multiply by (c > 0).": change(error @ B, 1),
        "The slope of a rectified unit is 0 or 1, (c > 0); you multiply by its rate.": change(error @ B, h),
        "The slope is that of a rectified unit, (c > 0), not of tanh or a sigmoid.":
            [change(error @ B, 1 - torch.tanh(c) ** 2), change(error @ B, torch.sigmoid(c) * (1 - torch.sigmoid(c)))],
        "You go uphill: the change is minus the slope, −η δ rᵀ, with δ = y − y_target at the output.": -expected,
        "Average over trials: you added them up.": expected * trials,
        "The learning rate is missing.": expected / eta,
        "You average over the wrong number: divide by the number of trials, len(x).":
            [expected * trials / n for n in (x.shape[1], target.shape[1], len(W1), target.numel())],
        "B is only for the way back; the outputs are W2 f(c).": change((h @ B.T - target) @ B),
        "The hidden rates are missing in the outputs: y = W2 f(W1 x), with f the rectification.":
            change((c @ W2.T - target) @ B),
        "The error is y − y_target: the target is missing.": change((h @ W2.T) @ B),
        "The error is y − y_target: the outputs are missing.": change(-target @ B),
        "You used the sign of the error, not its size.": change(error.sign() @ B),
        "This is the change of W2; asked for is that of W1.": [-eta * error.T @ h / trials, -eta * error.T @ h],
        "This is the new W1; return its change only.": W1 + expected,
        "It is transposed: the change has the shape of W1, hidden × inputs.": expected.T,
    }  # fmt: skip
    compare(answer, expected, "alignment_change", mistakes)
    passed("Exercise 1: one matrix exchanged, and no synapse has to know another.")


def feedback_step(function: Callable[..., Tensor]) -> None:
    """Exercise 2: Kolen and Pollack's rule for a feedback weight.

    Parameters
    ----------
    function : callable
        The student's: (B, r, delta, eta, decay) → the new B.

    Raises
    ------
    Wrong
    """
    B, r, delta, eta, decay = random_matrix(5, 3), random_matrix(8, 5), random_matrix(8, 3), 0.2, 0.1
    answer = call(function, B, r, delta, eta, decay, what="feedback_step")
    trials = len(r)
    # Another way: a step of gradient descent of the forward weights W, on a loss with a decay, turned around.
    W = B.T.clone().requires_grad_()
    loss = ((r @ W.T) * delta).sum() / trials + decay / 2 * W.square().sum()
    hebb = torch.einsum("ki,kj->ij", r, delta) / trials
    expected = (W - eta * torch.autograd.grad(loss, W)[0]).detach().T
    mistakes = {
        "The decay is missing: without it W and B keep their difference.": B - eta * hebb,
        "What is learned is missing: r and δ, as in the forward weights.": (1 - eta * decay) * B,
        "Average over trials: you added them up.": B - eta * (trials * hebb + decay * B),
        "The sign of what is learned is wrong: forward weights change by −η δ rᵀ, and so must these.": B + eta * (hebb - decay * B),
        "The decay makes the weights grow: subtract η λ B.": B - eta * (hebb - decay * B),
        "Both signs are wrong: the change is minus η times (what is learned plus λ B).": B + eta * (hebb + decay * B),
        "The decay is multiplied by the learning rate, too: η λ.": B - eta * hebb - decay * B,
        "The learning rate is missing in what is learned.": B - hebb - eta * decay * B,
        "The learning rate is missing.": B - (hebb + decay * B),
        "This is the change; return the new B.": -eta * (hebb + decay * B),
        "The weights decay to 0 in proportion to their size, λ B; you subtract a constant.": B - eta * (hebb + decay),
        "The weights decay in proportion to their size, λ B; you used their sign.": B - eta * (hebb + decay * B.sign()),
        "The decay should act on the old B, not on what the step has made of it.": (B - eta * hebb) * (1 - eta * decay),
        "It is transposed: B leads down, so it is inputs × outputs.": expected.T,
        "The decay uses λ twice.": B - eta * (hebb + decay**2 * B),
    }  # fmt: skip
    compare(answer, expected, "feedback_step", mistakes)
    passed("Exercise 2: the forward synapse does the same, so what they differ by can only fade.")


def eligibility(function: Callable[..., Tensor]) -> None:
    """Exercise 3: the eligibility traces of RFLO.

    Parameters
    ----------
    function : callable
        The student's: (slopes, z, alpha) → p, time × units × presynaptic.

    Raises
    ------
    Wrong
    """
    slopes, z, alpha = random_matrix(6, 3).abs(), random_matrix(6, 4), 0.3
    answer = call(function, slopes, z, alpha, what="eligibility")
    steps = len(slopes)
    now = torch.einsum("ti,tj->tij", slopes, z)

    def filtered(kernel: Tensor, driven: Tensor = now) -> Tensor:
        """p_t = Σ_s kernel_{t−s} driven_s: the same written as a sum over the past."""
        lag = torch.arange(steps)[:, None] - torch.arange(steps)
        weights = torch.where(lag >= 0, kernel[lag.clamp(min=0)], torch.zeros(()).to(kernel))
        return torch.einsum("ts,sij->tij", weights, driven)

    since = torch.arange(steps, dtype=z.dtype)
    leak = (1 - alpha) ** since
    expected = filtered(alpha * leak)
    shifted = torch.cat([torch.zeros_like(expected[:1]), expected[:-1]])
    mistakes = {
        "The α in front of f′ z is missing.": filtered(leak),
        "α and 1 − α are exchanged.": filtered((1 - alpha) * alpha**since),
        "The trace does not fade: multiply the old one by 1 − α.": [filtered(alpha * since**0), filtered(since**0)],
        "The trace has no memory: add what is new to (1 − α) times the old one.": [alpha * now, now],
        "You return the traces before each step; asked for are those after it.": shifted,
        "The slope f′ is missing: a saturated cell leaves no trace.": filtered(alpha * leak, z[:, None].expand(-1, 3, -1)),
        "The presynaptic activity z is missing.": filtered(alpha * leak, slopes[:, :, None].expand(-1, -1, 4)),
        "The leak also took the new part: only the old trace is multiplied by 1 − α.": filtered(alpha * (1 - alpha) * leak),
        "You return the last trace only; return those of all steps, time × units × presynaptic.": expected[-1],
        "You added the traces up over time.": expected.sum(0),
        "Units and presynaptic are exchanged: time × units × presynaptic.": expected.transpose(1, 2),
        "Slope and input are filtered each for itself; filter their product.":
            torch.einsum("ti,tj->tij", *(filtered(alpha * leak, part[:, None])[:, 0] for part in (slopes, z))),
        "The input is filtered, and the slope is today's; the slope must be that of the time of the input.":
            slopes[:, :, None] * filtered(alpha * leak, z[:, None]),
        "The old trace is multiplied by the slope, too; a trace fades by 1 − α, whatever the cell does.":
            _gated(slopes, z, alpha),
    }  # fmt: skip
    compare(answer, expected, "eligibility", mistakes)
    passed("Exercise 3: a synapse that remembers what came in, and how much it mattered to its own cell.")


def _gated(slopes: Tensor, z: Tensor, alpha: float) -> Tensor:
    """The mistake p ← f′ [(1 − α) p + α z]."""
    p, traces = torch.zeros(slopes.shape[1], z.shape[1], dtype=z.dtype), []
    for slope, arriving in zip(slopes, z, strict=True):
        p = slope[:, None] * ((1 - alpha) * p + alpha * arriving)
        traces.append(p)
    return torch.stack(traces)
