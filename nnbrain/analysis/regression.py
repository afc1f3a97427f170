"""Targeted dimensionality reduction: the directions in which a population encodes each variable of a task."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.analysis import _arguments
from nnbrain.analysis.pca import pca


class ChoiceRegression(NamedTuple):
    """What each unit encodes when, and the axes of the variables.

    Attributes
    ----------
    names : list of str
        The variables, in the given order.
    coefficients : Tensor
        variables × time × units (variables × units without time): the change of a unit's activity with the variable. NaN at times
        with too few trials.
    times : Tensor
        (variables,): the time step at which the coefficients of each are longest.
    axes : Tensor
        variables × units, orthonormal: the coefficients at that time, each less its part along the axes before it.
    mean, scale : Tensor
        (units,): what is taken from activity, and what it is divided by, before it is regressed and projected.
    """

    names: list[str]
    coefficients: Tensor
    times: Tensor
    axes: Tensor
    mean: Tensor
    scale: Tensor

    def project(self, activity: Tensor) -> Tensor:
        """The coordinates of activity (… × units) along the axes: … × variables."""
        return (activity - self.mean.to(activity)) / self.scale.to(activity) @ self.axes.T.to(activity)


def choice_regression(
    activity: Tensor,
    variables: Mapping[str, Tensor],
    *,
    mask: Tensor | None = None,
    standardize: bool = True,
    components: int | None = None,
) -> ChoiceRegression:
    """Regress every unit's activity, at every time, on the variables of the task, and find an axis for each of them.

    rᵢₜ(k) = Σᵥ βᵥᵢₜ xᵥ(k) + β₀ᵢₜ for unit i, time t, trial k. The axis of variable v is βᵥ at the time of its largest length |βᵥₜ|
    (over units), made orthogonal to the axes before it (QR).

    Parameters
    ----------
    activity : Tensor
        trials × time × units, or trials × units.
    variables : dict of str to Tensor
        name → (trials,): the choice, the coherences, the context, … Their order matters: an axis has nothing of those before it.
        For coefficients that can be compared, give all a similar range, such as −1 to 1.
    mask : Tensor, optional
        trials × time: where it is 0, a trial does not count.
    standardize : bool
        Whether to take z-scores of each unit, over trials and times, as the paper does; silent units keep a scale of 1.
    components : int, optional
        Denoise the coefficients by projecting them on as many principal components of the condition averages (the trials that
        have the same values of all variables), as the paper does with 12.

    Returns
    -------
    ChoiceRegression
        names, coefficients, times, axes, mean, scale, and a method `project`.

    Raises
    ------
    TypeError
        If something is no tensor.
    ValueError
        If shapes do not fit, something is not finite, or the variables cannot be told apart.

    Source: Mante et al. 2013; Primer, section 4.

    Examples
    --------
    >>> found = choice_regression(activity, {name: batch.conditions[name] for name in ("choice", "motion", "colour", "context")})
    >>> found.project(activity)  # trials × time × 4
    """
    timeless = isinstance(activity, Tensor) and activity.ndim == 2
    r = _arguments.responses(activity, "activity", "trials × units" if timeless else "trials × time × units").detach()
    r = _arguments.double(r.unsqueeze(1) if timeless else r)
    counts = _check_mask(mask, r)
    x = _design(variables, r)  # trials × (variables + 1)
    mean, scale = _moments(r, counts, standardize)
    z = (r - mean) / scale
    coefficients = _regress(z, x, counts)[:-1]  # the last is the constant
    if components is not None:
        axes = _denoising(z, x, counts, components)
        coefficients = coefficients @ axes.T @ axes
    lengths = coefficients.norm(dim=2).nan_to_num(-1.0)
    times = lengths.argmax(1)
    largest = coefficients[torch.arange(len(times), device=times.device), times]
    found = (coefficients.squeeze(1) if timeless else coefficients, largest, mean, scale)
    coefficients, largest, mean, scale = (value.to(activity.dtype) for value in found)
    return ChoiceRegression(list(variables), coefficients, times, _orthogonal(largest), mean, scale)


def _design(variables: Mapping[str, Tensor], r: Tensor) -> Tensor:
    """The variables and a constant, trials × (variables + 1)."""
    columns = [values.to(r) for values in _arguments.of_trials(variables, "variables", r).values()]
    return torch.stack([*columns, torch.ones_like(columns[0])], dim=1)


def _check_mask(mask: Tensor | None, r: Tensor) -> Tensor:
    """Trials × time of 0 and 1."""
    if mask is None:
        return torch.ones_like(r[..., 0])
    if not isinstance(mask, Tensor) or mask.shape != r.shape[:2]:
        given = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"mask should be a tensor, trials × time, {tuple(r.shape[:2])}, got {given}.")
    return (mask.to(r.device) != 0).to(r)


def _moments(r: Tensor, counts: Tensor, standardize: bool) -> tuple[Tensor, Tensor]:
    mean = torch.einsum("kt, ktn -> n", counts, r) / counts.sum()
    if not standardize:
        return torch.zeros_like(mean), torch.ones_like(mean)
    scale = (torch.einsum("kt, ktn -> n", counts, (r - mean).square()) / counts.sum()).sqrt()
    return mean, torch.where(scale > 1e-12 * scale.max(), scale, 1.0)


def _regress(z: Tensor, x: Tensor, counts: Tensor) -> Tensor:
    """Least squares at every time over the trials that count there: (variables + 1) × time × units."""
    products = torch.einsum("kt, kv, kw -> tvw", counts, x, x)
    spread = products.diagonal(dim1=1, dim2=2).clamp_min(1e-300).rsqrt()
    correlations = spread.unsqueeze(2) * products * spread.unsqueeze(1)
    known = torch.linalg.eigvalsh(correlations)[:, 0] > 1e-10
    if not known.any():
        raise ValueError(
            "the variables cannot be told apart: at no time are there trials enough in which one changes without the others. Leave "
            "out what is a sum of others, or give more trials."
        )
    products[~known] = torch.eye(x.shape[1]).to(x)
    found = torch.linalg.solve(products, torch.einsum("kt, kv, ktn -> tvn", counts, x, z))
    found[~known] = torch.nan
    return found.transpose(0, 1)


def _denoising(z: Tensor, x: Tensor, counts: Tensor, components: int) -> Tensor:
    """Principal components (components × units) of the averages over trials with the same values of all variables."""
    _, condition = x.unique(dim=0, return_inverse=True)
    member = torch.nn.functional.one_hot(condition).to(z)
    present = torch.einsum("kc, kt -> ct", member, counts)
    averages = torch.einsum("kc, kt, ktn -> ctn", member, counts, z) / present.clamp_min(1).unsqueeze(2)
    return pca(averages, components, mask=present).components


def _orthogonal(vectors: Tensor) -> Tensor:
    """Gram and Schmidt's: rows of length 1, each orthogonal to those before it, on the side of what it came from."""
    q, r = torch.linalg.qr(vectors.T)
    return (q * r.diagonal().sign()).T
