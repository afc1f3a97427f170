"""Demixed principal components: a population's variance, split by what it depends on, and axes that read out each share."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nnbrain.analysis import _arguments
from nnbrain.analysis.pca import orientation
from nnbrain.arguments import at_least_zero, positive_integer


@dataclass(frozen=True)
class DemixedComponents:
    """Marginalisations by name: "time", the factors ("choice": alone and with time), their interactions ("stimulus × choice").

    Attributes
    ----------
    variance : dict of str to float
        The share of each marginalisation in the variance of the condition averages. They sum to 1.
    decoders : dict of str to Tensor
        components × units: axes d; d·(r − mean) reads the marginalisation out.
    encoders : dict of str to Tensor
        components × units: the patterns f in which it appears, of length 1.
    explained : dict of str to Tensor
        components × marginalisations: the share of the total variance that each component has of each marginalisation, in the order
        of `variance`. Well demixed is what has its own only.
    mean : Tensor
        (units,): over conditions and times.
    """

    variance: dict[str, float]
    decoders: dict[str, Tensor]
    encoders: dict[str, Tensor]
    explained: dict[str, Tensor]
    mean: Tensor

    def project(self, activity: Tensor, name: str) -> Tensor:
        """The components of a marginalisation over time: … × units → … × components."""
        if name not in self.decoders:
            raise ValueError(f"there is no marginalisation {name!r}, only {', '.join(map(repr, self.decoders))}.")
        return (activity - self.mean.to(activity)) @ self.decoders[name].T.to(activity)


def demixed_components(
    activity: Tensor,
    factors: Mapping[str, Tensor],
    *,
    components: int = 3,
    regularization: float = 1e-6,
) -> DemixedComponents:
    """Split the condition averages into parts that depend on time, on each factor, and on their interactions; find axes for each.

    The averages X (units × conditions·times) are a sum of marginalisations X_φ, which are uncorrelated. For each, decoders D and
    encoders F minimise |X_φ − F D X|² (reduced-rank regression): D sees all of X, and is to give X_φ only.

    Parameters
    ----------
    activity : Tensor
        trials × time × units, or trials × units.
    factors : dict of str to Tensor
        name → (trials,): few discrete values each. Every combination of their values needs a trial; each combination counts once,
        however many trials it has.
    components : int
        For each marginalisation; fewer where it has fewer dimensions.
    regularization : float
        A ridge, as a share of the total variance. Noisy averages of few trials need more.

    Returns
    -------
    DemixedComponents
        variance, decoders, encoders, explained, mean, and a method `project`.

    Raises
    ------
    TypeError
        If something is no tensor.
    ValueError
        If shapes do not fit, something is not finite, or a combination of factors has no trial.

    Source: Kobak et al. 2016.

    Examples
    --------
    >>> parts = demixed_components(activity, {"f1": batch.conditions["f1"], "choice": choice})
    >>> parts.variance["choice"]
    """
    timeless = isinstance(activity, Tensor) and activity.ndim == 2
    r = _arguments.responses(activity, "activity", "trials × units" if timeless else "trials × time × units").detach()
    components, ridge = positive_integer(components, "components"), at_least_zero(regularization, "regularization")
    averages = _averages(_arguments.double(r.unsqueeze(1) if timeless else r), factors)  # factor 1 × … × time × units
    mean = averages.flatten(0, -2).mean(0)
    parts = marginalize(averages - mean, list(factors), time=not timeless)
    x = sum(parts.values()).flatten(0, -2)  # conditions·times × units
    total = x.square().sum()
    if total == 0:
        raise ValueError("the condition averages are constant: there is no variance to split.")
    parts = {name: part.expand_as(averages).flatten(0, -2) for name, part in parts.items()}
    decoders, encoders, explained = {}, {}, {}
    for name, part in parts.items():
        D, F = _reduced_rank(x, part, components, ridge * total)
        shares = [_explained(x, other, D, F) / total for other in parts.values()]
        decoders[name], encoders[name] = D.to(r.dtype), F.to(r.dtype)
        explained[name] = torch.stack(shares, dim=1).to(r.dtype)
    variance = {name: float(part.square().sum() / total) for name, part in parts.items()}
    return DemixedComponents(variance, decoders, encoders, explained, mean.to(r.dtype))


def marginalize(x: Tensor, names: list[str], time: bool) -> dict[str, Tensor]:
    """The parts of x (factor 1 × … × time × units, of mean 0): of each set of axes, what it determines beyond its subsets."""
    axes = len(names) + 1  # time is the last
    pure: dict[tuple[int, ...], Tensor] = {}
    found: dict[str, Tensor] = {}
    for size in range(axes + 1):
        for kept in itertools.combinations(range(axes), size):
            others = [axis for axis in range(axes) if axis not in kept]
            mean = x.mean(others, keepdim=True) if others else x
            pure[kept] = mean - sum(part for subset, part in pure.items() if set(subset) < set(kept))
            if kept and (time or kept != (axes - 1,)):
                name = " × ".join(names[axis] for axis in kept if axis < axes - 1) or "time"
                found[name] = found.get(name, 0) + pure[kept]
    return dict(sorted(found.items(), key=lambda item: (item[0] != "time", item[0].count("×"))))


def _averages(r: Tensor, factors: Mapping[str, Tensor]) -> Tensor:
    """Means over the trials of each combination: values of factor 1 × values of factor 2 × … × time × units."""
    levels, cell = [], torch.zeros(len(r), dtype=torch.long, device=r.device)
    for labels in _arguments.of_trials(factors, "factors", r).values():
        values, which = labels.unique(return_inverse=True)
        levels.append(values)
        cell = cell * len(values) + which
    shape = [len(values) for values in levels]
    counts = torch.bincount(cell, minlength=torch.Size(shape).numel())
    _check_cells(counts.reshape(shape), levels, list(factors))
    sums = torch.zeros(len(counts), *r.shape[1:], dtype=r.dtype, device=r.device).index_add_(0, cell, r)
    return (sums / counts.reshape(-1, 1, 1)).reshape(*shape, *r.shape[1:])


def _check_cells(counts: Tensor, levels: list[Tensor], names: list[str]) -> None:
    empty = (counts == 0).nonzero()
    if len(empty):
        values = ", ".join(f"{name} = {level[i]:g}" for name, level, i in zip(names, levels, empty[0], strict=True))
        raise ValueError(
            f"{len(empty)} of the {counts.numel()} combinations of factors have no trial, the first is {values}: give trials of "
            "all of them, or fewer factors or values."
        )


def _reduced_rank(x: Tensor, part: Tensor, components: int, ridge: Tensor) -> tuple[Tensor, Tensor]:
    """Decoders and encoders, components × units, of the best regression of a part on x (samples × units) with few components."""
    units = x.shape[1]
    covariance = x.T @ x + ridge * torch.eye(units).to(x)
    regression = torch.linalg.lstsq(covariance, x.T @ part, driver="gelsd" if not x.is_cuda else None).solution
    _, sizes, V = torch.linalg.svd(x @ regression, full_matrices=False)
    F = V[: min(components, max(1, int((sizes > 1e-9 * sizes[0]).sum())))]
    D = F @ regression.T
    sign = orientation(D)
    return D * sign, F * sign


def _explained(x: Tensor, part: Tensor, D: Tensor, F: Tensor) -> Tensor:
    """|X_φ|² − |X_φ − f d X_φ|² of every component."""
    read = part @ D.T  # samples × components
    return 2 * torch.einsum("sc, su, cu -> c", read, part, F) - read.square().sum(0) * F.square().sum(1)
