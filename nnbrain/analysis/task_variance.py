"""Task variance: how much a unit's rate differs between the stimuli of a task, a measure of its part in that task."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.analysis import _arguments
from nnbrain.arguments import at_least_zero


def task_variance(responses: Mapping[str, Tensor], *, masks: Mapping[str, Tensor] | None = None) -> Tensor:
    """TV_i(A) = ⟨Var_k r_i(k, t)⟩_t: the variance of unit i's rate over the stimuli k of task A at a time t, averaged over time.

    The trials of a task are one for each of its stimuli, without noise and with the same timing (``task.all()``): then nothing
    but the stimuli makes the rates differ. The variance is that of the whole population, a mean of squares.

    Parameters
    ----------
    responses : dict of str to Tensor
        For each task the rates r, trials × time × units.
    masks : dict of str to Tensor, optional
        For tasks that are to be looked at in a part of their trials: trials × time, true or above 0 where the rates count. The
        variance at a time is over the trials that count then; a time at which fewer than two do is left out.

    Returns
    -------
    Tensor
        tasks × units, in the order of the responses.

    Raises
    ------
    TypeError
        If the responses are no dict of tensors of floating-point numbers.
    ValueError
        If there are no responses, shapes do not fit, a rate is not finite, a mask is of no task, or at no time two trials count.

    Source: Primer, section 4, Figure 5; Yang et al. 2019.

    Examples
    --------
    >>> responses = {name: network(CognitiveTask(name).all().inputs)[1] for name in COGNITIVE_TASKS}
    >>> task_variance(responses).shape  # tasks × units
    torch.Size([20, 256])
    """
    if not isinstance(responses, Mapping):
        raise TypeError(f"responses should be a dict of name to trials × time × units, got {type(responses).__name__}.")
    if not responses:
        raise ValueError("there are no responses: give those of one task or more.")
    masks = {} if masks is None else masks
    if not isinstance(masks, Mapping):
        raise TypeError(f"masks should be a dict of name to trials × time, got {type(masks).__name__}.")
    for name in masks:
        if name not in responses:
            raise ValueError(f"there is a mask for {name!r}, but there are no responses in such a task.")
    variances = {name: _variance(name, r, masks.get(name)) for name, r in responses.items()}
    units = {name: len(v) for name, v in variances.items()}
    if len(set(units.values())) > 1:
        raise ValueError(f"all tasks should have the same units, got this many: {units}.")
    return torch.stack(list(variances.values()))


def _variance(name: str, response: Tensor, mask: Tensor | None) -> Tensor:
    """Of one task, (units,)."""
    r = _arguments.responses(response, f"the response in {name!r}", "trials × time × units").detach()
    if mask is None:
        _arguments.at_least(len(r), 2, f"trials of {name!r}, to have a variance over stimuli")
        return (r - r.mean(0)).square_().mean((0, 1))
    if not isinstance(mask, Tensor) or mask.shape != r.shape[:2]:
        found = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"the mask of {name!r} should be trials × time, {tuple(r.shape[:2])}, got {found}.")
    counts = (mask > 0).to(r)
    n = counts.sum(0)[:, None]  # time × 1
    several = n[:, 0] >= 2
    if not several.any():
        raise ValueError(
            f"the mask of {name!r} leaves no time at which two trials count: there is no variance over stimuli."
        )
    mean = torch.einsum("kt,ktu->tu", counts, r) / n.clamp_min(1)
    variance = torch.einsum("kt,ktu->tu", counts, (r - mean).square_()) / n.clamp_min(1)
    return variance[several].mean(0)


class NormalizedVariance(NamedTuple):
    """Task variances of the active units, each divided by its largest.

    Attributes
    ----------
    values : Tensor
        tasks × active units, from 0 to 1, which every unit reaches in one task at least.
    units : Tensor of int
        (active units,): their numbers.
    """

    values: Tensor
    units: Tensor


def normalized_variance(variance: Tensor, *, least: float = 1e-3) -> NormalizedVariance:
    """TV_i(A) / max_B TV_i(B), for the units whose sum Σ_A TV_i(A) over tasks lies above the least.

    Parameters
    ----------
    variance : Tensor
        tasks × units, from `task_variance`.
    least : float
        Units with a sum up to this are inactive, and left out.

    Returns
    -------
    NormalizedVariance

    Raises
    ------
    TypeError
        If the variance is no tensor of floating-point numbers.
    ValueError
        If a variance is negative or not finite, or no unit is active.

    Source: Primer, section 4, Figure 5; Yang et al. 2019.

    Examples
    --------
    >>> values, units = normalized_variance(task_variance(responses))
    """
    _arguments.responses(variance, "variance", "tasks × units")
    if (variance < 0).any():
        raise ValueError(f"variances are 0 or more, got {float(variance.min()):g}.")
    active = variance.sum(0) > at_least_zero(least, "least")
    if not active.any():
        raise ValueError(f"no unit's variances add up to more than {least:g}: do the stimuli reach the network?")
    kept = variance[:, active]
    return NormalizedVariance(kept / kept.amax(0), active.nonzero().flatten())
