"""Feedback on the exercises of chapter 14."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def fast_current(function: Callable[..., Tensor]) -> None:
    """Exercise 1: what fast weights give to the present activity, from the record of the past.

    Parameters
    ----------
    function : callable
        The student's: (history, r, decay, eta) → A r.

    Raises
    ------
    Wrong
    """
    # In float32, as are powers of a tensor of integers: whoever leaves out r should not stumble over types.
    history, r, decay, eta = random_matrix(6, 4).float(), random_matrix(1, 4)[0].float(), 0.7, 0.3
    answer = call(function, history, r, decay, eta, what="fast_current")
    expected = _fast_weights(history, decay, eta) @ r
    similarity, age = history @ r, torch.arange(5, -1, -1)
    weights = eta * decay**age * similarity
    mistakes = {
        "The decay runs the wrong way: the last row of the history is the most recent, and has decayed least.":
            (weights * decay ** (5 - 2 * age)) @ history,
        "One decay too many: the last step adds η r rᵀ, which has not decayed yet.": decay * expected,
        "One decay too few: the last step adds η r rᵀ as it is, the one before it has decayed once.": expected / decay,
        "The decay is missing: what was added n steps before the last has decayed by λⁿ.": (eta * similarity) @ history,
        "η is missing.": expected / eta,
        "The similarity is missing: each past activity counts as much as it resembles the present one, r(s)·r.":
            (eta * decay**age) @ history,
        "These are the weights of the past steps. Multiply each by its activity, and add up.": weights,
        "λ decays exponentially, λⁿ for n steps, not n λ.": (eta * decay * age * similarity) @ history,
        "This is softmax attention: Hebb's weights are the products themselves, without a softmax.":
            [(torch.softmax(similarity, 0)) @ history, eta * (decay**age * torch.softmax(similarity, 0)) @ history],
        "This is the matrix A; what is wanted is A r.": _fast_weights(history, decay, eta),
        "The present activity is in it, too: A was made by the steps before.": decay * expected + eta * r * (r @ r),
        "The similarity is the sum of products, r(s)·r, not their mean.": expected / 4,
    }  # fmt: skip
    compare(answer, expected, "fast_current", mistakes)
    passed("Exercise 1: linear attention over the past, and fast weights, are the same thing.")


def signal_to_noise(function: Callable[..., Tensor]) -> None:
    """Exercise 2: how well a fading memory is recalled, by its age.

    Parameters
    ----------
    function : callable
        The student's: (age, size, decay) → the signal-to-noise ratio.

    Raises
    ------
    Wrong
    """
    age, size, decay = torch.tensor([0.0, 1.0, 4.0, 10.0, 25.0], dtype=torch.float64), 80, 0.9
    answer = call(function, age, size, decay, what="signal_to_noise")
    powers = decay ** (2 * torch.arange(2000, dtype=torch.float64))  # summed one by one, instead of by the formula
    total, signal = powers.sum(), decay ** (2 * age)
    expected = size * signal / (total - signal)
    first_powers = (decay ** torch.arange(2000, dtype=torch.float64)).sum()
    mistakes = {
        "A pair does not interfere with itself: take its own λ²ᵃ out of the sum.": size * signal / total,
        "This is a ratio of amplitudes; in variances it is the square.": expected.sqrt(),
        "λ has to be squared: variances decay by λ² in each step.":
            [size * decay**age / (first_powers - decay**age), size * decay**age / first_powers],
        "The signal is λᵃ, so its power is λ²ᵃ.":
            [size * decay**age / (total - decay**age), size * decay**age / (total - signal)],
        "The sum is over λ²ᵇ, not λᵇ: what interferes adds up in variances.":
            [size * signal / (first_powers - signal), size * signal / (first_powers - decay**age)],
        "This is the noise-to-signal ratio: turn it around.": 1 / expected,
        "The size is missing: two random keys have a mean squared product of 1/N.": signal / (total - signal),
        "The size is above the line: the more sending neurons, the less interference.": signal / (total - signal) / size,
        "The signal has decayed, too: by λ²ᵃ in variances.": size / (total - signal),
        "Only older pairs are counted: younger ones interfere as well.": torch.full_like(age, size * (1 - decay**2) / decay**2),
        "This is the probability of a wrong sign; the ratio itself is wanted.": torch.special.ndtr(-expected.sqrt()),
    }  # fmt: skip
    compare(answer, expected, "signal_to_noise", mistakes)
    passed("Exercise 2: a memory that forgets has a best size for each decay.")


def write_exactly(function: Callable[..., Tensor]) -> None:
    """Exercise 3: a pair written so that it is recalled exactly, whatever the length of its key.

    Parameters
    ----------
    function : callable
        The student's: (A, key, value) → the new A.

    Raises
    ------
    Wrong
    """
    A, key, value = random_matrix(3, 5), 1.7 * random_matrix(1, 5)[0], random_matrix(1, 3)[0]
    answer = call(function, A, key, value, what="write_exactly")
    # The smallest change that does it: A + (v − A k) k⁺, with the pseudoinverse of k.
    error = value - A @ key
    expected = A + error.unsqueeze(1) @ torch.linalg.pinv(key.unsqueeze(1))
    length = key.norm()
    mistakes = {
        "Your rule is right for keys of length 1; divide by the square of the key's length.": A + torch.outer(error, key),
        "Divide by the square of the length, k·k: you divide by the length.": A + torch.outer(error, key) / length,
        "Normalizing the key is not enough: the error has to be that of the key as it is, A k, and the result divided by |k|².":
            A + torch.outer(value - A @ key / length, key) / length,
        "This is Hebb's rule, which adds the whole value: add only what A k lacks.":
            [A + torch.outer(value, key), A + torch.outer(value, key) / length**2],
        "The sign of the error is reversed: value minus A k.": A - torch.outer(error, key) / length**2,
        "This is the change; add it to the old A.": torch.outer(error, key) / length**2,
        "The old A is lost: what other keys recall should not change.": torch.outer(value, key) / length**2,
        "It is transposed: rows are for values, columns for keys.": expected.T,
        "The length is taken of the value: it is the key's that matters.": A + torch.outer(error, key) / (value @ value),
        "Divide by the sum of squares, k·k, not by its mean.": A + torch.outer(error, key) / (length**2 / 5),
        "This is what the key should recall; return the matrix.": value,
    }  # fmt: skip
    compare(answer, expected, "write_exactly", mistakes)
    passed("Exercise 3: a memory that can be corrected, one pair at a time.")


def _fast_weights(history: Tensor, decay: float, eta: float) -> Tensor:
    """A after the history, entry by entry (Equation 46)."""
    units = history.shape[1]
    A = history.new_zeros(units, units)
    for r in history:
        for i in range(units):
            for j in range(units):
                A[i, j] = decay * A[i, j] + eta * r[i] * r[j]
    return A
