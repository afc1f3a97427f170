"""Feedback on the exercises of notebook 05, the ventral stream."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def difference_interval(function: Callable[[Tensor, Tensor], tuple[float, float]]) -> None:
    """Exercise 1: the interval of the difference of two models that met the same resamples.

    Parameters
    ----------
    function : callable
        The student's: (a, resamples; b, resamples) → (low, high).

    Raises
    ------
    Wrong
    """
    common = random_matrix(1, 400).flatten()
    a = 0.1 * common + 0.02 * random_matrix(2, 400)[0].exp() + 0.3  # skewed, so that the quantiles are not symmetric
    b = 0.1 * common + 0.02 * random_matrix(2, 400)[1] + 0.25
    answer = call(function, a, b, what="difference_interval")
    if isinstance(answer, list | tuple) and len(answer) == 2:
        answer = torch.stack([torch.as_tensor(part, dtype=torch.float64) for part in answer])
    d = (a - b).sort().values
    position = torch.tensor([0.025, 0.975], dtype=torch.float64) * (len(d) - 1)
    right = torch.lerp(d[position.floor().long()], d[position.ceil().long()], position.frac())

    def interval(x: Tensor, share: float = 0.95) -> Tensor:
        return x.quantile(torch.tensor([(1 - share) / 2, (1 + share) / 2], dtype=x.dtype))

    spread = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    mistakes = {
        "These are the intervals of each model, subtracted. Subtract in each resample first: what both share cancels.": [
            interval(a) - interval(b),
            interval(a) - interval(b).flip(0),
        ],
        "The order of the resamples is lost: a[k] and b[k] belong together, so do not sort or shuffle them.": (
            interval(a.sort().values - b.sort().values)
        ),
        "This is b − a; asked for is a − b.": interval(b - a),
        "The smaller number comes first: (low, high).": right.flip(0),
        "This interval holds 90 %: 2.5 % should be left out on either side.": interval(d, 0.9),
        "This interval holds 99 %: 2.5 % should be left out on either side.": interval(d, 0.99),
        "This leaves out 25 % on either side; .025, not .25.": interval(d, 0.5),
        "The smallest and the largest difference depend on how many resamples there are: take the quantiles.": (
            torch.stack([d[0], d[-1]])
        ),
        "This takes the differences to be normal. They are skewed: take the quantiles as they are.": [
            d.mean() + 1.96 * d.std() * spread,
            d.mean() + 2 * d.std() * spread,
        ],
        "This is the standard error over resamples, which shrinks with their number. The spread itself is the uncertainty.": [
            d.mean() + z * d.std() / len(d) ** 0.5 * spread for z in (1, 1.96, 2)
        ],
        "You return the mean difference; asked for are the two ends of the interval.": d.mean(),
        "You return the width of the interval; asked for are its two ends.": right[1] - right[0],
    }
    compare(answer, right, "difference_interval", mistakes)
    passed("Exercise 1: error bars that overlap say little; the interval of the difference says it.")


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
    R1 = random_matrix(9, 4) + 0.7
    R2 = random_matrix(9, 6) + 0.3 * R1[:, :1] - 0.4
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
        "This is the square root of CKA: only the norms stand below the line, and the one above is squared.": right.sqrt(),
        "You divided each unit by its standard deviation. CKA subtracts the means, no more.": _cka(
            a / a.std(0), b / b.std(0)
        ),
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
    d = (random_matrix(1, 45) + random_matrix(5, 45)) * sizes[:, None] + 2 * sizes[:, None]
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
        "You scaled each subject to length 1 without subtracting its mean first.": _ceiling(
            d / d.norm(dim=1, keepdim=True)
        ),
        "You correlated ranks (Spearman); asked for is the correlation of the values (Pearson).": [
            _ceiling(_ranked(d)),
            _ceiling(_ranked(z)),
        ],
        "You correlated over subjects; each subject's row is correlated with the mean of the other rows.": (
            torch.corrcoef(z.T).mean()
        ),
        "You return the sum over subjects; asked for is the mean.": torch.stack(_correlations(z)).sum(),
    }
    compare(answer, _ceiling(z), "lower_ceiling", mistakes)
    passed("Exercise 3: a model below this misses something that these subjects have in common.")


def _correlations(z: Tensor, include: bool = False) -> list[Tensor]:
    total = z.sum(0)
    others = [total / len(z) if include else (total - own) / (len(z) - 1) for own in z]
    return [torch.corrcoef(torch.stack([own, mean]))[0, 1] for own, mean in zip(z, others, strict=True)]


def _ceiling(z: Tensor, include: bool = False) -> Tensor:
    return torch.stack(_correlations(z, include)).mean()


def _ranked(d: Tensor) -> Tensor:
    return d.argsort(1).argsort(1).double()
