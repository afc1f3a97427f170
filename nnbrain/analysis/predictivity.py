"""Neural predictivity: how well a linear readout of a network predicts each neuron, measured against the neuron's own noise."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from torch import Generator, Tensor

from nnbrain.analysis import _arguments
from nnbrain.arguments import positive_integer


def split_half_reliability(responses: Tensor, *, splits: int = 20, generator: Generator | None = None) -> Tensor:
    """How well the mean response of each neuron would repeat, from the correlation of one half of the repeats with the other.

    With r the correlation over stimuli of the means of two halves of m repeats, averaged over random splits, the reliability of
    the mean of all R repeats is k r / (1 + (k − 1) r), k = R / m (Spearman–Brown). Of an odd number of repeats each split
    leaves out one, drawn anew, so that the halves are equal, and k = 2 R / (R − 1). An r that is not positive is returned as it
    is: such a neuron has shown no reliability to extrapolate. A half that does not vary counts as r = 0.

    Parameters
    ----------
    responses : Tensor
        repeats × stimuli × neurons.
    splits : int
    generator : torch.Generator, optional
        A generator on the CPU; torch's own by default.

    Returns
    -------
    Tensor
        (neurons,), 1 at most. Its square root is the largest correlation with the measured means that any model can expect.

    Raises
    ------
    TypeError
        If the responses are no tensor of floating-point numbers.
    ValueError
        If there are fewer than two repeats or three stimuli, a response is not finite, or a neuron never varies.

    Source: Primer, section 4 (similarity comparison); Yamins et al. 2014; Spearman 1910, Brown 1910.
    """
    x = _arguments.responses(responses, "responses", "repeats × stimuli × neurons")
    repeats, stimuli, _ = x.shape
    _arguments.at_least(repeats, 2, "repeats")
    _arguments.at_least(stimuli, 3, "stimuli")
    _refuse_constant(x.flatten(0, 1))
    x, half = _arguments.double(x), repeats // 2
    r = torch.zeros(x.shape[2], dtype=x.dtype, device=x.device)
    for _ in range(positive_integer(splits, "splits")):
        order = torch.randperm(repeats, generator=generator)
        r += _correlation(x[order[:half]].mean(0), x[order[half : 2 * half]].mean(0))
    r, k = r / splits, repeats / half
    return torch.where(r > 0, k * r / (1 + (k - 1) * r.clamp_min(0)), r).to(responses.dtype)


def _refuse_constant(x: Tensor) -> None:
    constant = x.amax(0) == x.amin(0)
    if constant.any():
        raise ValueError(
            f"the response of neuron {_arguments.numbers(constant)} never varies, so that nothing correlates with it: leave it out."
        )


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    """The Pearson correlation of the columns, (neurons,); 0 where one of them does not vary."""
    varies = (x.amax(0) > x.amin(0)) & (y.amax(0) > y.amin(0))
    x, y = (_unit(z - z.mean(0)) for z in (x, y))
    return torch.where(varies, (x * y).sum(0), 0.0).clamp(-1, 1)


def _unit(x: Tensor) -> Tensor:
    x = x / x.abs().amax(0).clamp_min(torch.finfo(x.dtype).tiny)  # before squares of very small numbers become 0
    return x / x.norm(dim=0).clamp_min(torch.finfo(x.dtype).tiny)


def linear_predictivity(
    features: Tensor,
    responses: Tensor,
    *,
    folds: int = 5,
    alphas: Tensor | Sequence[float] | None = None,
    reliability: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """How well weighted sums of a network's units predict each neuron's responses to stimuli that did not set the weights.

    Ridge regression, R₂ ≈ R₁W with |R₂ − R₁W|² + α|W|² minimal on all folds but one, predicts that one. The units are standardised
    with the training folds' means and standard deviations; the penalty α is chosen for each neuron within the training folds, by
    leaving out one stimulus at a time. The result is the mean over folds of the correlation of predicted and measured responses,
    divided by √reliability if given: then it is the correlation with the neuron's noiseless responses, and may exceed 1 by chance.

    Each fold is correlated by itself, because in predictions put together from all folds chance comes out below zero (−.1 for 10
    units and 60 stimuli): what happens to correlate more in the training folds correlates less in the fold that was left out.

    Parameters
    ----------
    features : Tensor
        stimuli × units, the network's responses.
    responses : Tensor
        stimuli × neurons, the neurons' responses to the same stimuli in the same order, averaged over repeats.
    folds : int
        Drawn at random; two or more, of three stimuli or more (of ten or more, for the correlation in each to mean much).
    alphas : Tensor or sequence of float, optional
        The penalties to choose from, all positive; by default the number of units times 10⁻⁶, 10⁻⁵·⁵, …, 10⁴.
    reliability : Tensor, optional
        (neurons,), of the averaged responses, each above 0: from `split_half_reliability`.
    generator : torch.Generator, optional
        A generator on the CPU; torch's own by default.

    Returns
    -------
    Tensor
        (neurons,). A prediction that does not vary counts as 0; a fold in which a neuron does not vary says nothing about it, and
        is left out of its mean.

    Raises
    ------
    TypeError
        If something is no tensor of floating-point numbers.
    ValueError
        If shapes do not fit, a response is not finite, a neuron never varies, a reliability is not positive, or folds or alphas are
        impossible.

    Source: Primer, section 4 (similarity comparison by linear regression), Figure 3; Yamins et al. 2014.
    """
    x = _arguments.responses(features, "features", "stimuli × units")
    y = _arguments.responses(responses, "responses", "stimuli × neurons")
    if len(x) != len(y):
        raise ValueError(f"features and responses should be of the same stimuli, got {len(x)} and {len(y)}.")
    folds = _folds(folds, len(x))
    _refuse_constant(y)
    scale = 1.0 if reliability is None else _root(reliability, y.shape[1]).to(y.device)
    penalties = _penalties(alphas, x.shape[1])
    x, y_ = (z.detach().cpu().double().numpy() for z in (x, y))
    correlations, counted = torch.zeros(2, y.shape[1], dtype=torch.float64)
    for held_out in torch.randperm(len(x), generator=generator).tensor_split(folds):
        training = np.setdiff1d(np.arange(len(x)), held_out.numpy())
        scaler = StandardScaler().fit(x[training])
        ridge = RidgeCV(penalties, alpha_per_target=True).fit(scaler.transform(x[training]), y_[training])
        predicted = ridge.predict(scaler.transform(x[held_out.numpy()])).reshape(len(held_out), -1)
        measured = torch.from_numpy(y_[held_out.numpy()])
        correlations += _correlation(torch.from_numpy(predicted), measured)
        counted += measured.amax(0) > measured.amin(0)
    return (correlations / counted).to(y) / scale


def _folds(folds: int, stimuli: int) -> int:
    folds = positive_integer(folds, "folds")
    if folds < 2 or 3 * folds > stimuli:
        raise ValueError(
            f"folds should be 2 or more, of at least 3 stimuli each to correlate, got {folds} folds of {stimuli} stimuli in all."
        )
    return folds


def _penalties(alphas: Tensor | Sequence[float] | None, units: int) -> np.ndarray:
    if alphas is None:
        return units * np.logspace(-6, 4, 21)
    try:
        found = torch.as_tensor(alphas, dtype=torch.float64).reshape(-1).cpu().numpy()
    except (TypeError, ValueError, RuntimeError):
        found = np.zeros(0)
    if not len(found) or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(f"alphas should be positive numbers, got {alphas!r}.")
    return found


def _root(reliability: Tensor, neurons: int) -> Tensor:
    """√reliability, if there is one above 0 for each neuron."""
    value = _arguments.responses(reliability, "reliability", "neurons")
    if value.shape != (neurons,):
        raise ValueError(
            f"reliability should have one value for each of the {neurons} neurons, got shape {tuple(value.shape)}."
        )
    if (poor := value <= 0).any():
        raise ValueError(
            f"the reliability of {int(poor.sum())} of {neurons} neurons is not positive (neuron {_arguments.numbers(poor)}): "
            "nothing can be corrected for their noise. Leave them out, with responses[:, reliability > 0]."
        )
    if (value > 1 + 1e-5).any():
        raise ValueError(f"a reliability is 1 at most, got {value.max():.4g}.")
    return value.sqrt()
