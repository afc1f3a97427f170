"""Feedback on the exercises of notebook 05, the ventral stream."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed


def p_value(function: Callable[[float, Tensor], float]) -> None:
    """Exercise 1: the p-value of a permutation test.

    Parameters
    ----------
    function : callable
        The student's: (observed, a number; shuffled, numbers) → a number.

    Raises
    ------
    Wrong
    """
    chance = torch.linspace(-0.5, 0.5, 41)
    tied = torch.tensor([0.5, 0.1, 0.7, 0.5, 0.6])
    for observed, shuffled in [(0.31, chance), (0.9, chance), (-0.21, chance), (0.5, tied)]:
        answer = call(function, observed, shuffled, what="p_value")
        n, larger = len(shuffled), int((shuffled > observed).sum())
        equal = int((shuffled == observed).sum())
        smaller = n - larger - equal
        far = int((shuffled.abs() >= abs(observed)).sum())
        mistakes = {
            "The real data set is missing: count it among those that are as similar, and among all: (1 + …)/(1 + …).": (
                (larger + equal) / n
            ),
            "The real data set is counted above the line but not below.": (1 + larger + equal) / n,
            "The real data set is counted below the line but not above: it is as similar as itself.": (larger + equal)
            / (n + 1),
            "You count the shuffled data sets that are less similar. Large similarities are the surprise.": [
                (1 + smaller + equal) / (1 + n),
                smaller / n,
                (smaller + equal) / n,
                (1 + smaller) / (1 + n),
            ],
            "A shuffled data set that is just as similar counts, too: ≥, not >.": [
                (1 + larger) / (1 + n) if equal else None,
                larger / n if equal else None,
            ],
            "This is 1 − p.": [1 - (1 + larger + equal) / (1 + n), 1 - (larger + equal) / n],
            "You count similarities that are far from 0 on either side; asked for is one side, as similar or more.": (
                (1 + far) / (1 + n)
            ),
            "This is the number of data sets; divide by how many there are.": [1 + larger + equal, larger + equal],
        }
        compare(answer, (1 + larger + equal) / (1 + n), f"p_value({observed}, {n} numbers)", mistakes)
    passed("Exercise 1: no permutation test can give a p below 1/(1 + number of permutations).")


def linear_cka(function: Callable[[Tensor, Tensor], float]) -> None:
    """Exercise 2: linear CKA.

    Parameters
    ----------
    function : callable
        The student's: (R1, stimuli × units; R2, stimuli × other units) → a number.

    Raises
    ------
    Wrong
    """
    R1 = _random(9, 4) + 0.7
    R2 = _random(9, 6) + 0.3 * R1[:, :1] - 0.4
    answer = call(function, R1, R2, what="linear_cka")
    a, b = R1 - R1.mean(0), R2 - R2.mean(0)
    K, L = a @ a.T, b @ b.T  # the same by kernels, stimuli × stimuli: another way than the formula's
    right = (K * L).sum() / (K.norm() * L.norm())
    sums = (b.T @ a).square().sum()
    mistakes = {
        "The responses are not centred: subtract each unit's mean over stimuli, R − R.mean(0).": _cka(R1, R2),
        "You centred over units. Each unit's mean over stimuli is to be subtracted: R.mean(0).": (
            _cka(R1 - R1.mean(1, keepdim=True), R2 - R2.mean(1, keepdim=True))
        ),
        "You subtracted one mean for all units. Each unit has its own: R.mean(0).": _cka(
            R1 - R1.mean(), R2 - R2.mean()
        ),
        "Only one of the two is centred.": [_cka(a, R2), _cka(R1, b)],
        "The norm above the line is not squared.": sums.sqrt() / ((a.T @ a).norm() * (b.T @ b).norm()),
        "The norms below the line are squared; only the one above is.": sums
        / ((a.T @ a).norm() ** 2 * (b.T @ b).norm() ** 2),
        "Below the line stand the norms of R1ᵀR1 and R2ᵀR2, not those of R1 and R2.": [
            sums / (a.norm() * b.norm()),
            sums / (a.norm() ** 2 * b.norm() ** 2),
        ],
        "This is what stands above the line.": sums,
        "The Frobenius norm is the root of the sum of all squared entries; you took the largest singular value.": (
            torch.linalg.matrix_norm(b.T @ a, 2) ** 2
            / (torch.linalg.matrix_norm(a.T @ a, 2) * torch.linalg.matrix_norm(b.T @ b, 2))
        ),
    }
    compare(answer, right, "linear_cka", mistakes)
    compare(call(function, R1, 3 * R1, what="linear_cka"), 1.0, "linear_cka of responses and three times the same")
    passed("Exercise 2: it compares which stimuli are alike, whatever the units.")


def _cka(a: Tensor, b: Tensor) -> Tensor:
    return (b.T @ a).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())


def lower_ceiling(function: Callable[[Tensor], float]) -> None:
    """Exercise 3: the lower end of the noise ceiling.

    Parameters
    ----------
    function : callable
        The student's: subjects × pairs → a number.

    Raises
    ------
    Wrong
    """
    sizes = torch.tensor([1.0, 3.0, 0.4, 2.0, 1.0], dtype=torch.float64)
    d = (_random(1, 45) + _random(5, 45)) * sizes[:, None] + 2 * sizes[:, None]
    answer = call(function, d, what="lower_ceiling")
    z = (d - d.mean(1, keepdim=True)) / d.std(1, keepdim=True)
    mistakes = {
        "Each subject is compared with the mean of all, itself included. That is the upper end; leave the subject out.": (
            _ceiling(z, include=True)
        ),
        "Subjects do not count alike: subtract each one's mean and divide by its standard deviation first.": [
            _ceiling(d),
            _ceiling(d - d.mean(1, keepdim=True)),
        ],
        "Subjects do not count alike, and each is compared with a mean that includes it.": _ceiling(d, include=True),
        "You standardised each pair over subjects. Standardise each subject over pairs: dimension 1.": (
            _ceiling((d - d.mean(0)) / d.std(0))
        ),
        "You averaged the correlations of all pairs of subjects. Average the other subjects first, then correlate.": (
            (torch.corrcoef(z).sum() - len(z)) / (len(z) * (len(z) - 1))
        ),
        "This includes each subject's correlation with itself.": torch.corrcoef(z).mean(),
        "You return one correlation for each subject; asked for is their mean.": torch.stack(_correlations(z)),
        "You return the sum over subjects; asked for is the mean.": torch.stack(_correlations(z)).sum(),
    }
    compare(answer, _ceiling(z), "lower_ceiling", mistakes)
    passed("Exercise 3: a model above this explains what these subjects have in common.")


def _correlations(z: Tensor, include: bool = False) -> list[Tensor]:
    total = z.sum(0)
    others = [total / len(z) if include else (total - own) / (len(z) - 1) for own in z]
    return [torch.corrcoef(torch.stack([own, mean]))[0, 1] for own, mean in zip(z, others, strict=True)]


def _ceiling(z: Tensor, include: bool = False) -> Tensor:
    return torch.stack(_correlations(z, include)).mean()


def _random(rows: int, columns: int) -> Tensor:
    """Numbers that look random and are the same at every call."""
    return torch.randn(
        rows, columns, generator=torch.Generator().manual_seed(rows * 100 + columns), dtype=torch.float64
    )
