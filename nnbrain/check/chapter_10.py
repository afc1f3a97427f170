"""Feedback on the exercises of notebook 10, normalization and attention."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed, random_matrix


def divide(function: Callable[..., Tensor]) -> None:
    """Exercise 1: divisive normalization with an exponent, by a weighted pool.

    Parameters
    ----------
    function : callable
        The student's: (drives, w, sigma, n) → trials × units.

    Raises
    ------
    Wrong
    """
    drives, w, sigma, n = 0.2 + random_matrix(4, 5).abs(), random_matrix(5, 5).abs(), 0.7, 2.5
    answer = call(function, drives, w, sigma, n, what="divide")
    expected = torch.zeros(4, 5, dtype=drives.dtype)
    for t in range(4):  # the sum of the definition, written out
        for i in range(5):
            pool = sum(float(w[i, j]) * float(drives[t, j]) ** n for j in range(5))
            expected[t, i] = float(drives[t, i]) ** n / (sigma**n + pool)
    x, s, powers = drives, sigma**n, drives**n
    pooled, others = powers @ w.T, w - torch.diag(w.diagonal())
    mistakes = {
        "σ is raised to the power n, too: σⁿ.": powers / (sigma + pooled),
        "The exponent is missing above the line: Iᵢⁿ.": x / (s + pooled),
        "The exponent is missing in the pool: Σⱼ w_ij Iⱼⁿ.": powers / (s + x @ w.T),
        "The exponent belongs to each drive of the pool, not to their sum: Σⱼ w_ij Iⱼⁿ, not (Σⱼ w_ij Iⱼ)ⁿ.":
            powers / (s + (x @ w.T) ** n),
        "You divide first and raise the ratio to the power n; each drive and σ are raised, then divided.":
            [(x / (sigma + x @ w.T)) ** n, (x / (sigma + x.sum(1, keepdim=True))) ** n],
        "There is no exponent: this is Equation 37 with weights.": x / (sigma + x @ w.T),
        "n multiplies; it is an exponent, drives**n.": n * x / (s + n * x @ w.T),
        "The weights are raised to the power n, too: only the drives are.": powers / (s + powers @ (w**n).T),
        "w is transposed: row i of w is the pool of unit i, so the pools of all trials are drives**n @ w.T.":
            powers / (s + powers @ w),
        "The pool is not weighted: each Iⱼⁿ counts w_ij times.": powers / (s + powers.sum(1, keepdim=True)),
        "The weights of a pool are taken as they are; you divided them by their sum.":
            [powers / (s + powers @ (w / w.sum(1, keepdim=True)).T), powers / (s + pooled / w.sum())],
        "The pool is averaged over units; it is a sum.": powers / (s + pooled / 5),
        "The pool is over units, for each trial by itself; you added up trials.":
            [powers / (s + pooled.sum(0)), powers / (s + (w @ powers.sum(0)))],
        "Each unit gets the weights of its column added up, without the others' drives: the pool of unit i is Σⱼ w_ij Iⱼⁿ.":
            [powers / (s + powers * w.sum(1)), powers / (s + powers * w.sum(0))],
        "The unit itself is left out of its pool: j runs over all units.": powers / (s + powers @ others.T),
        "σⁿ is missing below the line.": powers / pooled,
        "σⁿ stands below the line, with the pool; you added it to the ratio.": powers / pooled + s,
        "σⁿ is subtracted; it is added.": powers / (pooled - s),
        "The semi-saturation also enters above the line; there stands only Iᵢⁿ.":
            [(powers + s) / (s + pooled), s * powers / (s + pooled)],
        "This is only what stands below the line.": [pooled, s + pooled],
        "These are the drives to the power n, undivided.": powers,
        "The ratio is upside down.": (s + pooled) / powers,
    }  # fmt: skip
    compare(answer, expected, "divide", mistakes)
    passed("Exercise 1: with it you have contrast responses, suppression and winner-take-all.")


def retrieve(function: Callable[..., Tensor]) -> None:
    """Exercise 2: soft lookup by inner products and a softmax at a temperature, also at a very low one.

    Parameters
    ----------
    function : callable
        The student's: (queries, keys, values, T) → queries × entries of a value.

    Raises
    ------
    Wrong
    """
    queries, keys, values, T = random_matrix(4, 3), random_matrix(5, 3), random_matrix(5, 2), 0.6
    answer = call(function, queries, keys, values, T, what="retrieve")
    c = queries @ keys.T / T
    weights = _weights(queries, keys, T)
    expected = torch.einsum("qn,nm->qm", weights, values)
    hard = values[c.argmax(1)]

    def soft(scores: Tensor, dim: int = 1) -> Tensor:
        return torch.softmax(scores, dim) @ values

    lengths = queries.norm(dim=1, keepdim=True) * keys.norm(dim=1)
    apart = torch.cdist(queries, keys)
    mistakes = {
        "The temperature is missing: scores are divided by T.": soft(c * T),
        "The scores are multiplied by the temperature; divide.": soft(c * T * T),
        "The softmax runs over the queries: for each query, the weights of all keys add up to 1 (dim=1).": soft(c, 0),
        "The weights of all queries together add up to 1; those of each query should (keepdim=True).":
            [torch.softmax(c.flatten(), 0).reshape(c.shape) @ values, torch.exp(c) / torch.exp(c).sum() @ values],
        "The weights are not normalized: for each query, divide by their sum.":
            [torch.exp(c) @ values, torch.exp(c - c.amax(1, keepdim=True)) @ values, torch.exp(c - c.max()) @ values],
        "The exponential is missing: α is exp(c), divided by its sum.":
            [c @ values, c / c.sum(1, keepdim=True) @ values, (c - c.amax(1, keepdim=True)) @ values],
        "What stands below the line is the sum of the exponentials, not that of the scores.":
            torch.exp(c) / c.sum(1, keepdim=True) @ values,
        "The sign of the scores is reversed: the better a key fits, the larger its weight.": soft(-c),
        "The scores are divided by √d as in a transformer; here only by T.": [soft(c / 3**0.5), soft(c * T / 3**0.5)],
        "These are cosines: here the score is the inner product, whatever the lengths.": [soft(c / lengths), soft(c * T / lengths)],
        "These are distances; the score is the inner product.":
            [soft(-apart / T), soft(-(apart**2) / T), soft(-(apart**2) / 2 / T)],
        "This is the value of the best key, the limit of low temperature: weigh all values.": hard,
        "All values count alike: where do the weights go?": values.mean(0).expand(4, 2),
        "These are the weights α; multiply them with the values.": weights,
        "These are the scores; make weights of them, and multiply them with the values.": c,
        "The result is divided by the number of keys; the weights already add up to 1.": expected / 5,
        "You return the sum over queries; each query retrieves something of its own.": expected.sum(0),
    }  # fmt: skip
    compare(answer, expected, "retrieve", mistakes)
    _at_low_temperature(function, queries, keys, values)
    passed("Exercise 2: a dictionary with a gradient, at any temperature.")


def _weights(queries: Tensor, keys: Tensor, T: float) -> Tensor:
    """1 / Σⱼ exp(cⱼ − cᵢ), which is finite at any temperature."""
    c = torch.einsum("qd,nd->qn", queries, keys) / T
    return 1 / torch.exp(c[:, None, :] - c[:, :, None]).sum(2)


def _at_low_temperature(function: Callable[..., Tensor], queries: Tensor, keys: Tensor, values: Tensor) -> None:
    """The same, where an exponential of the scores would be infinite, or all of them 0."""
    for sign in (1, -1):  # scores far above 0, or far below
        shifted = torch.cat([keys, torch.full((5, 1), float(sign), dtype=keys.dtype)], dim=1)
        longer = torch.cat([queries, torch.full((4, 1), 5.0, dtype=keys.dtype)], dim=1)
        answer = call(function, longer, shifted, values, 1e-3, what="retrieve")
        if not np.isfinite(np.asarray(answer, dtype=float)).all():
            raise Wrong(
                "retrieve is right, but not at T = 0.001: with scores this far from 0, exp(c) is infinite, or 0 for all keys, and "
                "their ratio is not a number. Subtract the largest score of each query before the exponential: it cancels out."
            )
        compare(answer, _weights(longer, shifted, 1e-3) @ values, "retrieve, at T = 0.001,")


def sensitivity_and_criterion(function: Callable[..., Tensor]) -> None:
    """Exercise 3: d′ and c from the rates of hits and false alarms.

    Parameters
    ----------
    function : callable
        The student's: (hits, false_alarms) → observers × 2.

    Raises
    ------
    Wrong
    """
    hits = torch.tensor([0.8, 0.95, 0.62, 0.3, 0.55], dtype=torch.float64)
    false_alarms = torch.tensor([0.1, 0.4, 0.7, 0.05, 0.25], dtype=torch.float64)
    answer = call(function, hits, false_alarms, what="sensitivity_and_criterion")

    def both(d_prime: Tensor, c: Tensor) -> Tensor:
        return torch.stack([d_prime, c], dim=1)

    def z(p: Tensor) -> Tensor:
        return torch.tensor([NormalDist().inv_cdf(float(x)) for x in p], dtype=p.dtype)

    H, F = z(hits), z(false_alarms)
    d, c = H - F, -(H + F) / 2
    logits = torch.logit(hits), torch.logit(false_alarms)
    below = torch.special.ndtr(hits), torch.special.ndtr(false_alarms)
    mistakes = {
        "z of the false alarms is subtracted in d′, not added.": [both(H + F, c), both(H + F, (F - H) / 2)],
        "The sign of c is reversed: an observer who rarely says yes has a criterion above the middle, c > 0.": both(d, -c),
        "The signs of both are reversed: z grows with p, and z(hits) is above z(false alarms) for one who sees.": both(-d, -c),
        "The sign of d′ is reversed: it is z(hits) − z(false alarms).": both(-d, c),
        "c is measured from the middle between the two means: halve the sum.": both(d, 2 * c),
        "c is measured from the middle between the two means; you measured it from the mean without a signal.": both(d, -F),
        "c is measured from the middle between the two means; you measured it from the mean with a signal.": both(d, -H),
        "c is measured in standard deviations; you divided it by d′.": both(d, c / d),
        "This is ln β, the ratio of likelihoods at the criterion; c is its place.": [both(d, c * d), both(d, torch.exp(c * d))],
        "d′ is the whole distance between the means; you halved it.": both(d / 2, c),
        "d′ is not divided by √2 here: that is for a choice between two intervals.": both(d / 2**0.5, c),
        "These are logits; z is the inverse of the normal distribution function, torch.special.ndtri.":
            both(logits[0] - logits[1], -(logits[0] + logits[1]) / 2),
        "This is the normal distribution function, ndtr; z is its inverse, ndtri.":
            both(below[0] - below[1], -(below[0] + below[1]) / 2),
        "z is missing: the rates themselves are subtracted and added.":
            [both(hits - false_alarms, -(hits + false_alarms) / 2), both(hits - false_alarms, 0.5 - (hits + false_alarms) / 2)],
        "You took the mean of the rates before z: c is minus the mean of the two z.": both(d, -z((hits + false_alarms) / 2)),
        "c and d′ are exchanged: d′ comes first.": both(c, d),
        "Observers belong in rows, d′ and c in columns: torch.stack(…, dim=1).": both(d, c).T,
        "Only d′ is returned.": d,
        "Only c is returned.": c,
        "One pair for all observers: return d′ and c for each of them.": [both(d, c).mean(0), both(d, c).sum(0)],
    }  # fmt: skip
    if isinstance(answer, tuple | list) and len(answer) == 2 and all(isinstance(part, Tensor) for part in answer):
        raise Wrong("sensitivity_and_criterion returns a pair; return one tensor, torch.stack([d_prime, c], dim=1).")
    compare(answer, both(d, c), "sensitivity_and_criterion", mistakes)
    passed("Exercise 3: now hits cannot mislead you.")
