"""Representational similarity analysis: what a population tells apart, whatever its neurons are.

A dissimilarity matrix (RDM) has the distance between the responses to each two stimuli. Matrices of different brains and
networks can be compared, since all are stimuli × stimuli; the noise ceiling says how well any model could do.
"""

from typing import NamedTuple

import scipy.stats
import torch
from torch import Tensor

from nnbrain.analysis import _arguments

METRICS = ("correlation", "cosine", "euclidean", "crossnobis")
METHODS = ("pearson", "spearman", "kendall", "cosine")


def rdm(activity: Tensor, metric: str = "correlation", *, noise_covariance: Tensor | None = None) -> Tensor:
    """The representational dissimilarity matrix: the distance between the responses to each two stimuli.

    With xᵢ the responses of the n units to stimulus i:

    - ``"correlation"``: 1 − the Pearson correlation of xᵢ and xⱼ over units.
    - ``"cosine"``: 1 − xᵢ·xⱼ / |xᵢ||xⱼ|.
    - ``"euclidean"``: |xᵢ − xⱼ|² / n. Squared and divided by the number of units, as in rsatoolbox: this is the quantity that
      crossnobis estimates without bias, and it does not grow with the number of neurons that happened to be recorded.
    - ``"crossnobis"``: (xᵢ − xⱼ)ᵐ·(xᵢ − xⱼ)ᵏ / n, averaged over all pairs of different measurements (folds) m and k. Their noise is
      independent, so noise adds nothing on average: equal stimuli give 0, and an estimate may be negative. With the covariance Σ of
      the noise, the product is (xᵢ − xⱼ)ᵐ Σ⁻¹ (xᵢ − xⱼ)ᵏ, the Mahalanobis distance: noisy and redundant units count less.

    Parameters
    ----------
    activity : Tensor
        stimuli × units; for crossnobis folds × stimuli × units, repeated measurements of the same stimuli and units.
    metric : str
        "correlation", "cosine", "euclidean" or "crossnobis".
    noise_covariance : Tensor, optional
        units × units, for crossnobis only; positive definite (shrink it, if there are fewer measurements than units).

    Returns
    -------
    Tensor
        stimuli × stimuli, symmetric, with exact zeros on the diagonal; of the input's type and on its device. Computed in double
        precision (but on MPS, which has none): in single precision the error can reach 1e-5.

    Raises
    ------
    TypeError
        If the activity is no tensor of floating-point numbers.
    ValueError
        If shapes do not fit, there are fewer than two stimuli or folds, a response is not finite, or a distance is undefined: for
        correlation, if all units respond alike to a stimulus; for cosine, if none responds.

    Source: Primer, section 4, Figure 4B; Kriegeskorte et al. 2008; Walther et al. 2016 (crossnobis).

    Examples
    --------
    >>> rdm(record(network, images)["rates.0"])
    """
    _arguments.option(metric, "metric", METRICS)
    folded = metric == "crossnobis"
    if isinstance(activity, Tensor) and activity.ndim == 3 and not folded:
        raise ValueError(
            f"{metric!r} is a distance of one measurement, stimuli × units, got shape {tuple(activity.shape)}: average over "
            "the folds, activity.mean(0), or ask for 'crossnobis'."
        )
    x = _arguments.responses(activity, "activity", "folds × stimuli × units" if folded else "stimuli × units")
    _arguments.at_least(x.shape[-2], 2, "stimuli")
    if noise_covariance is not None and not folded:
        raise ValueError(f"a noise covariance is for 'crossnobis' only, got metric {metric!r}.")
    x = _arguments.double(x)
    if metric == "crossnobis":
        distances = _crossnobis(x, noise_covariance)
    elif metric == "euclidean":
        x = x - x.mean(0)  # changes no distance, and keeps the digits that large common responses would take
        distances = _distances(x @ x.T / x.shape[1]).clamp_min(0)
    else:
        distances = (1 - _cosines(x, metric)).clamp_min(0)
    distances = (distances + distances.T) / 2  # a matrix product need not be symmetric to the last digit
    distances = distances.fill_diagonal_(0).to(activity.dtype)
    if not torch.isfinite(distances).all():
        raise ValueError(
            "responses are so large, or so small, that their squares cannot be represented: use other units."
        )
    return distances


def _cosines(x: Tensor, metric: str) -> Tensor:
    """Cosines between the rows, and for correlation between the rows less their means."""
    if metric == "correlation":
        undefined, said = x.amax(1) == x.amin(1), "the same response of every unit"
        x = x - x.mean(1, keepdim=True)
    else:
        undefined, said = x.abs().amax(1) == 0, "no response of any unit"
    if undefined.any():
        raise ValueError(
            f"stimulus {_arguments.numbers(undefined)} evokes {said}, so that no {metric} with others is defined: leave it "
            "out, or use 'euclidean'."
        )
    products = x @ x.T
    lengths = products.diagonal().sqrt()
    return products / lengths / lengths.unsqueeze(1)


def _distances(products: Tensor) -> Tensor:
    """Squared distances |xᵢ − xⱼ|² from the products xᵢ·xⱼ."""
    squares = products.diagonal()
    return squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * products


def _crossnobis(x: Tensor, noise_covariance: Tensor | None) -> Tensor:
    folds, _, units = x.shape
    _arguments.at_least(folds, 2, "folds for 'crossnobis' (folds × stimuli × units)")
    x = x - x.mean(1, keepdim=True)
    if noise_covariance is not None:
        # With Σ = L Lᵀ, the product a Σ⁻¹ b is the plain one of L⁻¹a and L⁻¹b.
        factor = _factor(noise_covariance, x)
        x = torch.linalg.solve_triangular(factor, x.reshape(-1, units).T, upper=False).T.reshape(x.shape)
    # The products of different folds are those of all folds less those of each with itself.
    total = x.sum(0)
    products = total @ total.T - torch.einsum("mip, mjp -> ij", x, x)
    return _distances(products / (folds * (folds - 1) * units))


def _factor(covariance: Tensor, x: Tensor) -> Tensor:
    """The Cholesky factor of a covariance of x's units."""
    covariance = _arguments.double(_arguments.responses(covariance, "noise_covariance", "units × units")).to(x)
    units = x.shape[-1]
    if covariance.shape != (units, units):
        raise ValueError(
            f"noise_covariance should be {units} × {units}, as there are {units} units, got shape {tuple(covariance.shape)}."
        )
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed or (covariance - covariance.T).abs().max() > 1e-5 * covariance.abs().max():
        raise ValueError(
            "noise_covariance should be symmetric and positive definite: shrink the estimate towards its diagonal "
            "(sklearn.covariance.LedoitWolf does)."
        )
    return factor


def compare_rdms(a: Tensor, b: Tensor, method: str = "pearson") -> Tensor:
    """How similar dissimilarity matrices are, over all pairs of different stimuli.

    With a and b the entries above the diagonal, once each: for ``"cosine"`` a·b / |a||b|; for ``"pearson"`` the same less the
    means; for ``"spearman"`` the same of the ranks, with the mean rank for ties; for ``"kendall"`` τ_b, concordant less
    discordant pairs of pairs. Spearman and Kendall assume no more than that larger in one means larger in the other.

    Parameters
    ----------
    a, b : Tensor
        [rdms ×] stimuli × stimuli, of the same stimuli in the same order. Diagonals are not looked at.
    method : str
        "pearson", "spearman", "kendall" or "cosine".

    Returns
    -------
    Tensor
        One number for each pair of matrices: () for two matrices, (rdms of a,), (rdms of b,) or rdms of a × rdms of b.

    Raises
    ------
    TypeError
        If something is no tensor of floating-point numbers.
    ValueError
        If the stimuli differ in number or are fewer than three, a matrix is not symmetric, not finite or constant, or the method
        is unknown.

    Source: Primer, section 4, Figure 4B (similarity comparison); Kriegeskorte et al. 2008; Nili et al. 2014.

    Examples
    --------
    >>> compare_rdms(rdm(v1), torch.stack([rdm(layer) for layer in layers]), "spearman")
    """
    _arguments.option(method, "method", METHODS)
    u, v = pairs(a, "a", method), pairs(b, "b", method)
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"a and b should be of the same stimuli, got {a.shape[-1]} and {b.shape[-1]}: take the same rows and columns of both."
        )
    found = _compare(u, v.to(u.device), method)
    return found.reshape(a.shape[:-2] + b.shape[:-2]).to(torch.promote_types(a.dtype, b.dtype))


def pairs(rdms: Tensor, name: str, method: str) -> Tensor:
    """The entries above the diagonal, rdms × pairs, of matrices that can be compared; everything else is refused."""
    single = isinstance(rdms, Tensor) and rdms.ndim == 2
    if isinstance(rdms, Tensor) and rdms.ndim >= 2 and rdms.shape[-1] == rdms.shape[-2]:
        # The diagonal, which some leave undefined, does not count.
        rdms = rdms.masked_fill(torch.eye(rdms.shape[-1], dtype=torch.bool, device=rdms.device), 0)
    rdms = _arguments.responses(rdms, name, "stimuli × stimuli" if single else "rdms × stimuli × stimuli")
    stimuli = rdms.shape[-1]
    if rdms.shape[-2] != stimuli:
        raise ValueError(
            f"{name} should be [rdms ×] stimuli × stimuli (rdm makes such a matrix), got {tuple(rdms.shape)}."
        )
    rdms = _arguments.double(rdms).reshape(-1, stimuli, stimuli)
    if (rdms - rdms.mT).abs().max() > 1e-5 * rdms.abs().max():
        raise ValueError(
            f"{name} should be symmetric, as dissimilarities are: average it with its transpose if you mean to."
        )
    _arguments.at_least(stimuli, 3, f"stimuli in {name}")
    i, j = torch.triu_indices(stimuli, stimuli, 1, device=rdms.device)
    vectors = rdms[:, i, j]
    constant = (vectors == 0).all(1) if method == "cosine" else vectors.amax(1) == vectors.amin(1)
    if constant.any():
        number = "" if single else f" {_arguments.numbers(constant)}"
        raise ValueError(f"matrix{number} of {name} is constant, and similar to nothing: leave it out.")
    return vectors


def profiles(vectors: Tensor, method: str) -> Tensor:
    """The vectors, made such that their products are the comparison: ranks or not, less the mean or not, of length 1."""
    if method in ("spearman", "kendall"):
        vectors = _ranks(vectors)
    if method != "cosine":
        vectors = vectors - vectors.mean(1, keepdim=True)
    return vectors / vectors.norm(dim=1, keepdim=True)


def _ranks(vectors: Tensor) -> Tensor:
    return torch.from_numpy(scipy.stats.rankdata(vectors.detach().cpu().numpy(), axis=1)).to(vectors)


def _compare(u: Tensor, v: Tensor, method: str) -> Tensor:
    """The comparison of all rows of u (rdms × pairs) with all of v."""
    if method == "kendall":
        first, second = u.detach().cpu().numpy(), v.detach().cpu().numpy()
        tau = [[scipy.stats.kendalltau(x, y).statistic for y in second] for x in first]
        return torch.tensor(tau, dtype=u.dtype, device=u.device)
    return (profiles(u, method) @ profiles(v, method).T).clamp(-1, 1)


class Ceiling(NamedTuple):
    """How well the true model would do, given how much subjects differ.

    Attributes
    ----------
    lower : float
        How well the other subjects predict each subject. A model below it misses something that subjects share.
    upper : float
        How well all subjects together predict each of them. No model does better than that.
    """

    lower: float
    upper: float


def noise_ceiling(rdms: Tensor, method: str = "pearson") -> Ceiling:
    """The range in which the comparison of a perfect model with these subjects lies.

    The matrices are first normalised so that all subjects weigh the same (z-scores for Pearson, unit length for cosine, ranks for
    Spearman and Kendall). Lower bound: the mean comparison of each subject with the mean of the *other* subjects, which has their
    noise in it. Upper bound: with the mean of *all*, which is fitted to the very subject. For Kendall the mean of the ranks is only
    nearly the best matrix, so that its upper bound is approximate.

    Parameters
    ----------
    rdms : Tensor
        subjects × stimuli × stimuli, two subjects or more.
    method : str
        "pearson", "spearman", "kendall" or "cosine", as in `compare_rdms`.

    Returns
    -------
    Ceiling
        ``(lower, upper)``. A model is compared with it by its mean over the same subjects, ``compare_rdms(model, rdms).mean()``.

    Raises
    ------
    TypeError, ValueError
        As `compare_rdms`; also if there are fewer than two subjects, or their mean is constant.

    Source: Primer, section 4 (similarity comparison); Nili et al. 2014.
    """
    _arguments.option(method, "method", METHODS)
    if isinstance(rdms, Tensor) and rdms.ndim == 2:
        raise ValueError(
            "a noise ceiling needs the matrices of several subjects, subjects × stimuli × stimuli, got one matrix."
        )
    vectors = pairs(rdms, "rdms", method)
    subjects = len(vectors)
    _arguments.at_least(subjects, 2, "subjects")
    # Ranks as they are: whole and half numbers add up exactly, so that ties of the mean remain ties.
    normal = _ranks(vectors) if method in ("spearman", "kendall") else profiles(vectors, method)
    total = normal.sum(0, keepdim=True)
    others = total - normal
    if min(_spread(both, method).min() for both in (total, others)) <= 1e-6 * _spread(normal, method).max():
        raise ValueError(
            "the matrices of these subjects contradict each other: their mean is constant, and predicts nothing."
        )
    lower = [_compare(others[s : s + 1], vectors[s : s + 1], method) for s in range(subjects)]
    return Ceiling(float(torch.stack(lower).mean()), float(_compare(total, vectors, method).mean()))


def _spread(vectors: Tensor, method: str) -> Tensor:
    """What a comparison divides by: the length, less the mean or not."""
    return (vectors if method == "cosine" else vectors - vectors.mean(1, keepdim=True)).norm(dim=1)
