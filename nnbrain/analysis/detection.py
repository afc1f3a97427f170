"""Signal detection: how well yes and no can be told apart, and how ready an observer is to say yes."""

from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.analysis import _arguments
from nnbrain.arguments import number


class Detection(NamedTuple):
    """What `signal_detection` finds.

    Parameters
    ----------
    hits : float
        H, the fraction of trials with a signal in which the answer is yes.
    false_alarms : float
        F, that of trials without.
    d_prime : float
        d′, the sensitivity that hits and false alarms speak for, in standard deviations of the evidence.
    bias : float
        c, how far the criterion lies above the middle between the two kinds of trials, in the same unit; below 0 for an observer
        who rather says yes.
    auc : float
        The area under the ROC curve: how often a trial with a signal has more evidence than one without.
    """

    hits: float
    false_alarms: float
    d_prime: float
    bias: float
    auc: float


def signal_detection(evidence: Tensor, present: Tensor, criterion: float = 0.0) -> Detection:
    """Tell sensitivity from bias: an observer says yes wherever the evidence is above a criterion.

    d′ = z(H) − z(F),   c = −[z(H) + z(F)] / 2,   AUC = P(e₁ > e₀) + ½ P(e₁ = e₀)

    z is the inverse of the normal distribution function Φ, e₁ and e₀ the evidence in a trial with a signal and in one without. d′
    and c are finite whatever is observed: for them H is (hits + ½)/(trials + 1), and F alike (log-linear correction). The AUC knows
    no criterion. If evidence is normal with the same variance in both, d′ does not depend on the criterion either, and
    AUC = Φ(d′/√2); otherwise a shift of criterion can look like a change of d′.

    Parameters
    ----------
    evidence : Tensor
        (trials,)
    present : Tensor of bool
        (trials,) Whether there was a signal.
    criterion : float
        In the units of the evidence.

    Returns
    -------
    Detection
        hits, false_alarms (as observed, without correction), d_prime, bias, auc.

    Raises
    ------
    TypeError
        If the evidence is no tensor of floating-point numbers, or ``present`` not of booleans.
    ValueError
        If the shapes do not fit, a value is not finite, or there are no trials of one kind.

    Source: Green & Swets 1966; Macmillan & Creelman 2005; the correction of Hautus 1995.

    Examples
    --------
    >>> signal_detection(torch.tensor([2.0, 1.0, -1.0, 0.5, -2.0]), torch.tensor([True, True, True, False, False]))
    Detection(hits=0.666..., false_alarms=0.5, d_prime=0.318..., bias=-0.159..., auc=0.833...)
    """
    with_signal, without = _split(evidence.detach() if isinstance(evidence, Tensor) else evidence, present)
    threshold = number(criterion)
    if not torch.isfinite(torch.tensor(threshold)):
        raise ValueError(f"criterion should be a finite number, got {criterion!r}.")
    yes = [int((e > threshold).sum()) for e in (with_signal, without)]
    n = [len(with_signal), len(without)]
    z = [NormalDist().inv_cdf((k + 0.5) / (m + 1)) for k, m in zip(yes, n, strict=True)]
    return Detection(
        hits=yes[0] / n[0],
        false_alarms=yes[1] / n[1],
        d_prime=z[0] - z[1],
        bias=-(z[0] + z[1]) / 2,
        auc=_area(with_signal, without),
    )


def _area(with_signal: Tensor, without: Tensor) -> float:
    """The fraction of all pairs of trials that are in the right order; ties count half."""
    ordered = without.sort().values
    below, up_to = (int(torch.searchsorted(ordered, with_signal, right=right).sum()) for right in (False, True))
    return (below + up_to) / 2 / (len(with_signal) * len(without))


def _split(evidence: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """The evidence of trials with a signal and of those without."""
    evidence = _arguments.responses(evidence, "evidence", "trials")
    if not isinstance(present, Tensor) or present.dtype != torch.bool:
        kind = present.dtype if isinstance(present, Tensor) else type(present).__name__
        raise TypeError(f"present should be a tensor of booleans, got {kind}: a comparison, labels == 1, makes one.")
    if present.shape != evidence.shape:
        raise ValueError(
            f"present should say of each of the {len(evidence)} trials whether it has a signal, got shape {tuple(present.shape)}."
        )
    present = present.to(evidence.device)
    if present.all() or not present.any():
        kind = "with" if present.all() else "without"
        raise ValueError(f"all trials are {kind} a signal: detection needs trials of both kinds.")
    return evidence[present], evidence[~present]
