"""Principal components of a population's activity: the few directions in which it varies most."""

from typing import NamedTuple

import sklearn.decomposition
import torch
from torch import Tensor

from nnbrain.analysis import _arguments


class PCA(NamedTuple):
    """Principal components.

    Attributes
    ----------
    mean : Tensor
        (units,): the mean activity, from which the components go out.
    components : Tensor
        components × units, orthonormal, by descending variance; of each the entry of largest size is positive.
    variance : Tensor
        (components,): the variance along each.
    explained : Tensor
        (components,): the same as a share of the total variance.
    """

    mean: Tensor
    components: Tensor
    variance: Tensor
    explained: Tensor

    def project(self, activity: Tensor) -> Tensor:
        """The coordinates along the components.

        Parameters
        ----------
        activity : Tensor
            … × units: states, trials × time × units.

        Returns
        -------
        Tensor
            … × components.
        """
        _check_units(activity, len(self.mean))
        return (activity - self.mean.to(activity)) @ self.components.T.to(activity)

    def reconstruct(self, coordinates: Tensor) -> Tensor:
        """The activity at these coordinates, … × units, in the space of the components."""
        _check_units(coordinates, len(self.components), "coordinates", "components")
        return self.mean.to(coordinates) + coordinates @ self.components.to(coordinates)


def pca(activity: Tensor, components: int | None = None, *, mask: Tensor | None = None) -> PCA:
    """Principal component analysis of activity, of all trials and times together.

    Parameters
    ----------
    activity : Tensor
        … × units: trials × time × units, trials × units, …
    components : int, optional
        How many to keep; all by default.
    mask : Tensor, optional
        All axes of the activity but the last (trials × time): where it is 0, the activity is left out.

    Returns
    -------
    PCA
        mean, components, variance, explained, and a method `project`.

    Raises
    ------
    TypeError
        If something is no tensor.
    ValueError
        If shapes do not fit, the activity is not finite or constant, or has fewer components than asked for.

    Source: Primer, Figures 6B and 6G.

    Examples
    --------
    >>> space = pca(activity, components=2)
    >>> space.project(activity).shape
    torch.Size([100, 50, 2])
    """
    x = _samples(activity, mask)
    most = min(len(x) - 1, x.shape[1])
    if components is not None and not (isinstance(components, int) and 1 <= components <= most):
        raise ValueError(f"components should be a number from 1 to {most}, got {components!r}.")
    fitted = sklearn.decomposition.PCA(components or most, svd_solver="full").fit(x.double().cpu().numpy())
    values = (fitted.mean_, fitted.components_, fitted.explained_variance_, fitted.explained_variance_ratio_)
    mean, axes, variance, explained = (torch.as_tensor(value).to(activity.device, activity.dtype) for value in values)
    return PCA(mean, oriented(axes), variance, explained)


def oriented(axes: Tensor) -> Tensor:
    """Axes (axes × units) such that the entry of largest size is positive: a sign that is the same on every machine."""
    return axes * orientation(axes)


def orientation(axes: Tensor) -> Tensor:
    """The sign of the entry of largest size of each axis, axes × 1."""
    return axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()


def _samples(activity: Tensor, mask: Tensor | None) -> Tensor:
    """Samples × units."""
    _check_units(activity)
    if mask is None:
        x = activity.detach().flatten(0, -2)
    else:
        if not isinstance(mask, Tensor) or mask.shape != activity.shape[:-1]:
            given = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
            raise ValueError(f"mask should be a tensor of shape {tuple(activity.shape[:-1])}, got {given}.")
        x = activity.detach()[mask.to(activity.device) != 0]
    _arguments.at_least(len(x), 2, "samples (trials × time steps that count)")
    x = _arguments.responses(x, "activity", "samples × units")
    if (x == x[0]).all():
        raise ValueError("the activity is constant: it has no directions of variance.")
    return x


def _check_units(activity: Tensor, units: int | None = None, name: str = "activity", what: str = "units") -> None:
    expected = f"{name} should be a tensor of floating-point numbers, … × {what}"
    if not isinstance(activity, Tensor) or not activity.is_floating_point():
        raise TypeError(
            f"{expected}, got {activity.dtype if isinstance(activity, Tensor) else type(activity).__name__}."
        )
    if units is None and activity.ndim < 2:
        raise ValueError(f"{expected}, with at least two axes, got shape {tuple(activity.shape)}.")
    if units is not None and (activity.ndim < 1 or activity.shape[-1] != units):
        raise ValueError(f"{expected}, with {units} {what}, got shape {tuple(activity.shape)}.")
