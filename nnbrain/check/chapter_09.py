"""Feedback on the exercises of notebook 09, excitation and inhibition."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def dale_weights(function: Callable[..., Tensor]) -> None:
    """Exercise 1: weights that obey Dale's law.

    Parameters
    ----------
    function : callable
        The student's: (V, targets × sources; sign, (units,)) → the weights.

    Raises
    ------
    Wrong
    """
    V, sign = random_matrix(5, 5), torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    answer = call(function, V, sign, what="dale_weights")
    D, one = torch.diag(sign), torch.eye(5, dtype=V.dtype)
    expected = torch.where(one > 0, 0.0, V.abs() @ D)
    mistakes = {
        "The signs are on the wrong side: they belong to the units that send, the columns. Yours make rows of one sign.":
            [torch.where(one > 0, 0.0, D @ V.abs()), D @ V.abs()],
        "Self-connections are left: the diagonal should be 0.": V.abs() @ D,
        "The absolute value is missing: V has entries of both signs, and V D has, too.":
            [V @ D, torch.where(one > 0, 0.0, V @ D)],
        "The signs are missing: all of your weights excite.": [V.abs(), torch.where(one > 0, 0.0, V.abs())],
        "You took the sign of V along; only its size counts.":
            [V.abs() * V.sign(), torch.where(one > 0, 0.0, V)],
        "You cut off at 0 (Song et al. 2016); asked for is the absolute value, by which no connection is lost.":
            [V.relu() @ D, torch.where(one > 0, 0.0, V.relu() @ D)],
        "Only the diagonal is left: write V.abs() @ D, or V.abs() * sign, and then take the diagonal away.": V.abs() * D,
        "Excitation and inhibition are exchanged: sign is +1 for units that excite.":
            [torch.where(one > 0, 0.0, -V.abs() @ D), -V.abs() @ D],
        "You squared V; asked for is its absolute value.": [V**2 @ D, torch.where(one > 0, 0.0, V**2 @ D)],
        "It is transposed: columns send, as in W @ r.": torch.where(one > 0, 0.0, V.abs() @ D).T,
        "V @ sign adds up over the units that send: multiply column j by sign[j], V.abs() * sign.":
            [V.abs() @ sign, V @ sign],
    }  # fmt: skip
    compare(answer, expected, "dale_weights", mistakes)
    passed("Exercise 1: however an optimizer changes V, these weights obey the law.")


def proximal_step(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the proximal step of the L1 penalty.

    Parameters
    ----------
    function : callable
        The student's: (W, of any shape; gradient of L, the same; eta; beta) → the new weights.

    Raises
    ------
    Wrong
    """
    W, gradient, eta, beta = random_matrix(4, 5), random_matrix(5, 4).T, 0.5, 0.8
    answer = call(function, W, gradient, eta, beta, what="proximal_step")
    moved, step = W - eta * gradient, eta * beta
    # The minimum of ½ (w − v)² + ηβ |w| lies at v − clip(v, −ηβ, ηβ).
    expected = moved - moved.clamp(-step, step)
    mistakes = {
        "The gradient step is missing: take it first, and shrink what comes of it.": W - W.clamp(-step, step),
        "You shrink first and take the gradient step after it, so that no weight stays at 0: the other way round.":
            W - W.clamp(-step, step) - eta * gradient,
        "The gradient step goes uphill: W − η times the gradient.":
            (W + eta * gradient) - (W + eta * gradient).clamp(-step, step),
        "Weights move beyond 0: this is a plain step of the penalty. Stop at 0.":
            [moved - step * moved.sign(), moved - step * W.sign()],
        "You set small weights to 0 and leave the others as they are. These move towards 0, too, by ηβ.":
            torch.where(moved.abs() > step, moved, 0.0),
        "All weights move down: negative ones have to move up, towards 0. Shrink the size, and keep the sign.":
            [(moved - step).clamp(min=0), moved - step],
        "The signs are lost: multiply by sign(W) again.": (moved.abs() - step).clamp(min=0),
        "The signs are those of W before the gradient step; take those after it.":
            W.sign() * (moved.abs() - step).clamp(min=0),
        "The sizes move by β; they should move by ηβ.": moved - moved.clamp(-beta, beta),
        "The sizes move by η; they should move by ηβ.": moved - moved.clamp(-eta, eta),
        "You return the gradient step alone.": moved,
        "η is missing in the gradient step.": (W - gradient) - (W - gradient).clamp(-step, step),
        "Weights grow: subtract ηβ from the sizes.": moved.sign() * (moved.abs() + step),
        "You return what the step takes away, not what is left.": moved.clamp(-step, step),
    }  # fmt: skip
    compare(answer, expected, "proximal_step", mistakes)
    passed("Exercise 2: the same step minimizes ½ (w − v)² + ηβ |w| exactly, for each weight v by itself.")


def inhibition_ratio(function: Callable[..., float]) -> None:
    """Exercise 3: does inhibition come from units of the same preference, or of the opposite one?

    Parameters
    ----------
    function : callable
        The student's: (W_EI, excitatory × inhibitory units; d_E, (excitatory units,); d_I, (inhibitory units,)) → a number.

    Raises
    ------
    Wrong
    """
    W, d_E, d_I = random_matrix(6, 4).abs(), random_matrix(1, 6)[0], torch.tensor([0.5, -1.5, -0.2, -2.0]).double()
    d_E = torch.where(torch.arange(6) < 4, d_E.abs(), -d_E.abs()) + 0.0
    answer = call(function, W, d_E, d_I, what="inhibition_ratio")
    table = W.numpy()
    same, opposite = [], []
    for (i, j), w in np.ndenumerate(table):
        (same if (d_E[i] > 0) == (d_I[j] > 0) else opposite).append(w)
    up_E, up_I = (d_E > 0).numpy(), (d_I > 0).numpy()
    aligned = np.outer(d_E.sign(), d_I.sign())
    mistakes = {
        "It is upside down: same over opposite preference.": np.mean(opposite) / np.mean(same),
        "You divide the sums; divide the means, W[same].mean(), as there are not as many pairs of both kinds.":
            sum(same) / sum(opposite),
        "You divide the sums, and the wrong way round: the mean of same over that of opposite preference.":
            sum(opposite) / sum(same),
        "This is the difference of the means; asked for is their ratio.": np.mean(same) - np.mean(opposite),
        "Same preference means both right or both left; you took only both right.":
            [table[up_E][:, up_I].mean() / np.mean(opposite), table[up_E][:, up_I].mean() / table[up_E][:, ~up_I].mean()],
        "Same preference means both right or both left; you took only both left.":
            [table[~up_E][:, ~up_I].mean() / np.mean(opposite), table[~up_E][:, ~up_I].mean() / table[~up_E][:, up_I].mean()],
        "Opposite preference is right to left or left to right; you took only one of them.":
            [np.mean(same) / table[up_E][:, ~up_I].mean(), np.mean(same) / table[~up_E][:, up_I].mean()],
        "You divide by the mean over all pairs; divide by that of opposite preference.": np.mean(same) / table.mean(),
        "This is the mean of same preference alone.": np.mean(same),
        "This is the mean of opposite preference alone.": np.mean(opposite),
        "Weights are weighed by the selectivities; only the signs of d′ count.":
            float((table * (aligned > 0) * np.outer(d_E, d_I)).sum() / -(table * (aligned < 0) * np.outer(d_E, d_I)).sum()),
        "This is the ratio of the medians; asked for are means.": np.median(same) / np.median(opposite),
    }  # fmt: skip
    compare(answer, np.mean(same) / np.mean(opposite), "inhibition_ratio", mistakes)
    passed("Exercise 3: below 1, inhibition comes from the opposite choice.")
