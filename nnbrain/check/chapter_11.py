"""Feedback on the exercises of chapter 11."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed, random_matrix


def lstm_step(function: Callable[..., Tensor]) -> None:
    """Exercise 1: one step of an LSTM, from the summed inputs of its gates.

    Parameters
    ----------
    function : callable
        The student's: (f, i, o, z, c) → the new c and r, stacked.

    Raises
    ------
    Wrong
    """
    f, i, o, z, c = 1.5 * random_matrix(5, 4)
    answer = call(function, f, i, o, z, c, what="lstm_step")
    expected = _step(f, i, o, z, c)
    cell, rate = expected
    mistakes = {
        "c and r are exchanged: the cell comes first.": torch.stack([rate, cell]),
        "The gates lack their sigmoids: f, i and o are sums, which may be negative.": _step(f, i, o, z, c, gate=_as_it_is),
        "What enters the cell lacks its tanh.": _step(f, i, o, z, c, squash_in=_as_it_is),
        "The output lacks its tanh: r = g_o tanh(c).": _step(f, i, o, z, c, squash_out=_as_it_is),
        "Both tanh are missing: around z, and around the cell in r.":
            _step(f, i, o, z, c, squash_in=_as_it_is, squash_out=_as_it_is),
        "The gates are sigmoids; you used tanh.": _step(f, i, o, z, c, gate=torch.tanh),
        "What enters the cell passes tanh here, not a sigmoid.": _step(f, i, o, z, c, squash_in=torch.sigmoid),
        "r reads the cell by tanh, not by a sigmoid.": _step(f, i, o, z, c, squash_out=torch.sigmoid),
        "The forget gate and the input gate are exchanged: g_f keeps the old cell, g_i lets in the new.": _step(i, f, o, z, c),
        "The forget gate and the output gate are exchanged: g_f keeps the old cell, g_o lets it out.": _step(o, i, f, z, c),
        "The input gate and the output gate are exchanged: g_i lets into the cell, g_o out of it.": _step(f, o, i, z, c),
        "The forget gate keeps where it is 1: g_f c, not (1 − g_f) c.": _step(-f, i, o, z, c),
        "The input gate is a gate of its own, not 1 − g_f (that is a GRU).": _step(f, -f, o, z, c),
        "r reads the old cell; it should read the new one.": torch.stack([cell, torch.sigmoid(o) * torch.tanh(c)]),
        "The old cell is missing in the new one.": _step(f, i, o, z, 0 * c),
        "The input gate is missing: g_i times tanh(z).": _step(f, i + 50, o, z, c),
        "The forget gate is missing: g_f times the old cell.": _step(f + 50, i, o, z, c),
        "The output gate is missing: g_o times tanh(c).": _step(f, i, o + 50, z, c),
        "You return only the cell: stack c and r.": cell,
        "You return only r: stack c and r.": rate,
        "One row for the cell and one for r: 2 × units; yours are side by side.": [expected.T, expected.flatten()],
    }  # fmt: skip
    compare(answer, expected, "lstm_step", mistakes)
    passed("Exercise 1: this, and a loop over time, is all that an LSTM is.")


def forget_bias(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the bias of a forget gate that gives a time constant.

    Parameters
    ----------
    function : callable
        The student's: (tau, dt, in ms) → b_f.

    Raises
    ------
    Wrong
    """
    tau, dt = torch.tensor([25.0, 40.0, 100.0, 700.0, 5000.0], dtype=torch.float64), 20.0
    answer = call(function, tau, dt, what="forget_bias")
    gate = torch.exp(-dt / tau)
    expected = -torch.log(torch.expm1(dt / tau))
    linear = 1 - dt / tau
    mistakes = {
        "This is the gate; its bias is what the sigmoid turns into it: invert σ(b) = exp(−Δt/τ).": gate,
        "This is the sigmoid of the gate: the bias needs its inverse, ln(g / (1 − g)).": torch.sigmoid(gate),
        "The sign is reversed: a gate near 1, for a long memory, needs a positive bias.": -expected,
        "The gate is exp(−Δt/τ), not exp(−τ/Δt).": _inverse_sigmoid(torch.exp(-tau / dt)),
        "Δt is missing: in a step the cell decays by exp(−Δt/τ), not exp(−1/τ).": _inverse_sigmoid(torch.exp(-1 / tau)),
        "1 − Δt/τ is only near exp(−Δt/τ) where τ is long (and below 0 where τ is shorter than Δt).": _inverse_sigmoid(linear),
        "This is the logarithm of the gate, −Δt/τ; the inverse of the sigmoid is ln(g / (1 − g)).": torch.log(gate),
        "1 − g belongs below the line: ln(g / (1 − g)), not ln(g (1 − g)).": torch.log(gate * (1 - gate)),
        "The logarithm of g / (1 − g) is missing.": gate / (1 - gate),
        "After τ, 1/e is left, not a half: the gate is exp(−Δt/τ).": _inverse_sigmoid(0.5 ** (dt / tau)),
        "The logarithm is the natural one, torch.log.": [expected / np.log(10), expected / np.log(2)],
        "These are the time constants in steps.": [tau / dt, dt / tau],
        "A bias for every unit: you return a single one.": [expected.mean(), expected[0], expected[-1]],
    }  # fmt: skip
    compare(answer, expected, "forget_bias", mistakes)
    passed("Exercise 2: a bias of 1 holds for 3 steps, one of 15 for three million.")


def salience_gates(function: Callable[..., Tensor]) -> None:
    """Exercise 3: gates that store whatever exceeds a threshold.

    Parameters
    ----------
    function : callable
        The student's: threshold → (w_i, b_i, w_f, b_f).

    Raises
    ------
    Wrong
    """
    stimuli = torch.tensor([-0.95, -0.6, -0.4, -0.25, -0.1, 0.1, 0.25, 0.4, 0.6, 0.95], dtype=torch.float64)
    for threshold in (0.2, -0.2, 0.65):
        above = (stimuli > threshold).double()
        expected = torch.stack([above, 1 - above])
        mirrored, positive = (stimuli > -threshold).double(), (stimuli > 0).double()
        mistakes = {
            "The two gates are exchanged: the input gate opens above the threshold, the forget gate closes.": 1 - expected,
            "Both gates open above the threshold. What was stored has to go when something new comes in: close the forget gate.":
                torch.stack([above, above]),
            "Both gates close above the threshold: the input gate should open.": torch.stack([1 - above, 1 - above]),
            "The sign of the biases is wrong: σ(w s + b) is ½ at s = −b/w, so b = −w · threshold.":
                torch.stack([mirrored, 1 - mirrored]),
            "The bias of the input gate has the wrong sign: σ(w s + b) is ½ at s = −b/w.":
                torch.stack([mirrored, 1 - above]),
            "The bias of the forget gate has the wrong sign: σ(w s + b) is ½ at s = −b/w.":
                torch.stack([above, 1 - mirrored]),
            "The biases are missing: your gates switch at 0, not at the threshold.":
                torch.stack([positive, 1 - positive]),
            "The forget gate never closes: each new value is added to the old ones.":
                torch.stack([above, torch.ones_like(above)]),
            "The forget gate is always closed: nothing is kept.": torch.stack([above, torch.zeros_like(above)]),
        }  # fmt: skip
        opened = _open_or_closed(call(function, threshold, what="salience_gates"), stimuli, threshold)
        compare(opened, expected, f"which gate is open (threshold {threshold:g})", mistakes)
    passed("Exercise 3: a gate that the stimulus itself opens, bottom-up, as when it captures attention.")


def _open_or_closed(answer, stimuli: Tensor, threshold: float) -> Tensor:
    """The input gate and the forget gate at each stimulus, 2 × stimuli: 1 for open, 0 for closed."""
    w, b = _four_numbers(answer).reshape(2, 2, 1).unbind(1)  # input gate, forget gate × 1
    states = torch.sigmoid(w * stimuli + b)
    between = stimuli[((states >= 0.01) & (states <= 0.99)).any(0)]
    if len(between):
        raise Wrong(
            f"With a threshold of {threshold:g}, a gate is neither open nor closed at s = {float(between[0]):g}: make weights "
            "and biases larger, together, so that the sigmoid is steeper."
        )
    return (states > 0.99).double()


def _four_numbers(answer) -> Tensor:
    if isinstance(answer, list | tuple | np.ndarray):
        answer = torch.as_tensor(np.asarray([float(part) for part in answer]))
    if not isinstance(answer, Tensor) or answer.shape != (4,):
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise Wrong(f"salience_gates should return four numbers, (w_i, b_i, w_f, b_f), got {shape}.")
    if not torch.isfinite(answer).all():
        raise Wrong("salience_gates returns numbers that are NaN or infinite: large will do.")
    return answer.double()


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _step(f, i, o, z, c, *, gate=torch.sigmoid, squash_in=torch.tanh, squash_out=torch.tanh) -> Tensor:
    """A step with parts that may be wrong."""
    c = gate(f) * c + gate(i) * squash_in(z)
    return torch.stack([c, gate(o) * squash_out(c)])


def _inverse_sigmoid(gate: Tensor) -> Tensor:
    return torch.log(gate) - torch.log1p(-gate)
