"""Feedback on the exercises of notebook 13, Hebbian learning."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def oja_change(function: Callable[..., Tensor]) -> None:
    """Exercise 1: the change of the weights by Oja's rule.

    Parameters
    ----------
    function : callable
        The student's: (x, w, eta) → the change of w, (inputs,).

    Raises
    ------
    Wrong
    """
    x, w, eta = random_matrix(7, 4), random_matrix(1, 4)[0], 0.3
    answer = call(function, x, w, eta, what="oja_change")
    trials, C, y = len(x), x.T @ x / len(x), x @ w
    hebb, power = C @ w, w @ C @ w  # what the averages are: ⟨y x⟩ and ⟨y²⟩

    def change(grow: Tensor = hebb, decay: Tensor | float = power, of: Tensor = w) -> Tensor:
        return eta * (grow - decay * of)

    expected = change()
    mistakes = {
        "This is Hebb's rule: the decay −y² w is missing.": [change(decay=0), hebb],
        "The decay has the wrong sign: it takes y² w away.": change(decay=-power),
        "These are the new weights; asked for is their change.": w + expected,
        "The learning rate is missing.": expected / eta,
        "This is the sum over trials: divide by their number.": trials * expected,
        "You averaged over inputs: divide by the number of trials, x.shape[0].": trials * expected / len(w),
        "The sign is reversed: minus the change is what a rule writes into .grad.": -expected,
        "The decay is y² w, not y w: without the square it does not keep the length.": change(decay=y.mean()),
        "Square y in each trial, then average; you squared the average.": change(decay=y.mean() ** 2),
        "The decay takes the square of y, not of w.":
            [change(decay=y.mean(), of=w**2), change(decay=power, of=w**2)],
        "The decay −w does not depend on y; in Oja's rule it grows with y².": change(decay=1),
        "Hebb's part is averaged over trials, but the decay is summed.": change(decay=trials * power),
        "The decay is averaged over trials, but Hebb's part is summed.": change(grow=trials * hebb),
        "Multiply y and x in each trial, then average; you averaged both first.":
            [change(grow=y.mean() * x.mean(0)), change(grow=y.mean() * x.mean(0), decay=y.mean() ** 2)],
        "A change for every trial is one average too few: take the mean over trials.":
            eta * (y[:, None] * x - (y**2)[:, None] * w),
        "The decay is −y² w, along the weights; you took it along the input.": change(of=x.mean(0)),
    }  # fmt: skip
    compare(answer, expected, "oja_change", mistakes)
    passed("Exercise 1: Hebb's rule, and just the decay that it needs.")


def hopfield_weights(function: Callable[..., Tensor]) -> None:
    """Exercise 2: Hebbian weights of a Hopfield network.

    Parameters
    ----------
    function : callable
        The student's: (patterns,) → units × units.

    Raises
    ------
    Wrong
    """
    patterns = random_matrix(3, 5).sign()
    answer = call(function, patterns, what="hopfield_weights")
    P, N = patterns.shape
    whole = torch.zeros(N, N, dtype=patterns.dtype)
    for i in range(N):
        for j in range(N):
            whole[i, j] = sum(xi[i] * xi[j] for xi in patterns) / N
    off = 1 - torch.eye(N, dtype=whole.dtype)
    expected = off * whole
    next_one = patterns[1:].T @ patterns[:-1] / N
    mistakes = {
        "The diagonal is not 0: no unit is connected to itself.": whole,
        "This is the sum over patterns: divide by the number of units, N.": [N * expected, N * whole],
        "Divide by the number of units, N, not of patterns.": [N * expected / P, N * whole / P],
        "Divide by the number of units, N, once.": [expected / N, whole / N, expected / P, whole / P],
        "These are the overlaps of patterns with each other; the weights are units × units, ξᵀ ξ.":
            [scale * patterns @ patterns.T for scale in (1, 1 / N, 1 / P)],
        "The sign is reversed: units that agree excite each other.": [-expected, -whole],
        "The mean of each pattern was subtracted; Equation H takes patterns as they are.":
            [f * (c.T @ c) / N for c in [patterns - patterns.mean(1, keepdim=True)] for f in (off, 1)],
        "The mean over patterns was subtracted; Equation H takes patterns as they are.":
            [f * (c.T @ c) / N for c in [patterns - patterns.mean(0)] for f in (off, 1)],
        "Only one pattern is stored: add up all of them.":
            [f * torch.outer(xi, xi) / N for xi in patterns for f in (off, 1)],
        "This is the projection rule; asked for is Hebb's.":
            [f * (torch.linalg.pinv(patterns) @ patterns) for f in (off, 1)],
        "These weights lead from each pattern to the next, Equation J; here each leads to itself.":
            [f * V for V in (next_one, next_one.T) for f in (off, 1)],
        "Here only the diagonal is left: it is what should be 0.": [whole - expected, N * (whole - expected)],
    }  # fmt: skip
    compare(answer, expected, "hopfield_weights", mistakes)
    passed("Exercise 2: each pattern is shown once, and every synapse keeps a trace of all.")


def energy_changes(function: Callable[..., Tensor]) -> None:
    """Exercise 3: how the energy of a Hopfield network would change with each unit.

    Parameters
    ----------
    function : callable
        The student's: (W, s) → (units,).

    Raises
    ------
    Wrong
    """
    W, s = random_matrix(6, 6), random_matrix(1, 6)[0].sign()
    W = (W + W.T) / 2
    W.fill_diagonal_(0)
    answer = call(function, W, s, what="energy_changes")

    def energy(state: Tensor) -> Tensor:
        return -0.5 * state @ W @ state

    turned = s * (1 - 2 * torch.eye(len(s), dtype=s.dtype))  # row i: unit i is turned around
    expected = torch.stack([energy(t) for t in turned]) - energy(s)
    mistakes = {
        "The sign is reversed: a unit that agrees with its input, s_i h_i > 0, costs energy to turn.": -expected,
        "A factor 2 is missing: turning s_i changes it by 2.": [expected / 2, -expected / 2],
        "A factor 2 is too much: the ½ of the energy is there because each pair is counted twice.":
            [2 * expected, -2 * expected],
        "This is the input h of each unit; the energy changes by 2 s_i h_i.": [W @ s, 2 * W @ s, -W @ s, -2 * W @ s],
        "This is the energy after each change; subtract what it was before.": expected + energy(s),
        "This is the sum over units; asked for is an entry for each.": [expected.sum(), -expected.sum()],
        "This is the energy itself; asked for is how it changes with each unit.": energy(s),
        "This is the state that comes next; asked for are changes of the energy.": (W @ s).sign(),
        "You turned all units at once, which changes nothing: turn each alone.": energy(-s) - energy(s),
        "Each pair of units has an entry here: sum over the units j that unit i hears.":
            [factor * W * s * s[:, None] for factor in (2, 1, 0.5, -0.5, -1, -2)],
    }  # fmt: skip
    compare(answer, expected, "energy_changes", mistakes)
    passed("Exercise 3: a unit that turns against its input would go uphill, so none does.")
