"""Tuning curves, as an experimenter measures them: the mean response to each value of what was varied."""

from typing import NamedTuple

import torch
from torch import Tensor


class Tuning(NamedTuple):
    """Mean responses by condition.

    Attributes
    ----------
    values : Tensor
        (conditions,): the values of the condition, in ascending order.
    mean : Tensor
        conditions × units.
    sem : Tensor
        conditions × units: the standard error of the mean over trials; NaN where a condition has one trial.
    """

    values: Tensor
    mean: Tensor
    sem: Tensor


def tuning_curve(activity: Tensor, condition: Tensor) -> Tuning:
    """The mean response of every unit to each value of a condition, over all trials in which it had that value.

    Parameters
    ----------
    activity : Tensor
        trials × units.
    condition : Tensor
        (trials,): orientation, digit, coherence, …

    Returns
    -------
    Tuning
        values (conditions,), mean and sem (both conditions × units).

    Raises
    ------
    TypeError
        If something is no tensor.
    ValueError
        If the shapes do not fit, there are no trials, or a response or a condition is not finite.

    Source: Primer, section 4, complex tuning analysis.

    Examples
    --------
    >>> orientations, mean, sem = tuning_curve(record(network, batch.inputs)["rates.0"], batch.conditions["orientation"])
    """
    _check_activity(activity)
    if not isinstance(condition, Tensor):
        raise TypeError(f"condition should be a tensor, got {type(condition).__name__}: use torch.as_tensor.")
    if condition.shape != activity.shape[:1]:
        raise ValueError(
            f"condition should have one value for each of the {len(activity)} trials, got shape {tuple(condition.shape)}."
        )
    if condition.is_floating_point() and not torch.isfinite(condition).all():
        raise ValueError("the condition is NaN or infinite in some trials: leave these trials out.")
    values, which = condition.to(activity.device).unique(return_inverse=True)
    member = torch.nn.functional.one_hot(which, len(values)).to(activity.dtype)  # trials × conditions
    counts = member.sum(0).unsqueeze(1)  # conditions × 1
    mean = member.T @ activity / counts
    squares = member.T @ (activity - mean[which]).square()
    # One trial alone says nothing about the scatter: 0/0 is NaN, and is meant.
    return Tuning(values, mean, (squares / (counts - 1) / counts).sqrt())


class Selectivity(NamedTuple):
    """How units are tuned to orientation.

    Attributes
    ----------
    preferred : Tensor
        (units,): the preferred orientation in degrees, from 0 to below 180; NaN for a unit that never responds.
    strength : Tensor
        (units,): from 0, the same response to all orientations, to 1, a response to one only; NaN for a unit that never responds.
    """

    preferred: Tensor
    strength: Tensor


def orientation_selectivity(responses: Tensor, orientations: Tensor) -> Selectivity:
    """Preferred orientation and strength of tuning, from the vector sum of the responses: 1 − circular variance.

    Σₖ r(θₖ) e^{2iθₖ} / Σₖ r(θₖ): its length is the strength, half its angle the preferred orientation.

    Parameters
    ----------
    responses : Tensor
        orientations × units, none negative: the mean of a tuning curve.
    orientations : Tensor
        (orientations,) in degrees, evenly spaced over 180.

    Returns
    -------
    Selectivity
        preferred and strength, both (units,).

    Raises
    ------
    TypeError
        If something is no tensor.
    ValueError
        If the shapes do not fit, the orientations are not evenly spaced over 180 degrees, or a response is negative.

    Source: Ringach, Shapley & Hawken 2002.
    """
    _check_activity(responses)
    if not isinstance(orientations, Tensor):
        raise TypeError(f"orientations should be a tensor, got {type(orientations).__name__}: use torch.as_tensor.")
    if orientations.shape != responses.shape[:1]:
        raise ValueError(
            f"{len(responses)} responses need as many orientations, got shape {tuple(orientations.shape)}."
        )
    if (responses < 0).any():
        raise ValueError("some responses are negative: the strength of tuning is defined for firing rates, from 0 up.")
    spacing = orientations.double().diff()
    if len(orientations) < 3 or not torch.allclose(spacing, torch.full_like(spacing, 180 / len(orientations))):
        raise ValueError(
            f"the orientations should be three or more, evenly spaced over 180 degrees, in ascending order; got {orientations}."
        )
    angle = 2 * torch.deg2rad(orientations.to(responses.device, responses.dtype))
    east, north = (torch.stack([angle.cos(), angle.sin()]) @ responses) / responses.sum(0)  # NaN where all are 0
    preferred = (torch.rad2deg(torch.atan2(north, east)) / 2) % 180
    # Just below 0 the remainder is rounded to 180 itself, which is 0 again.
    return Selectivity(preferred % 180, torch.hypot(east, north))


def _check_activity(activity: Tensor) -> None:
    if not isinstance(activity, Tensor):
        raise TypeError(f"responses should be a tensor, got {type(activity).__name__}: use torch.as_tensor.")
    if activity.ndim != 2 or len(activity) == 0:
        raise ValueError(
            f"responses should be trials × units, got shape {tuple(activity.shape)}: units in space can be flattened, "
            "activity.flatten(1)."
        )
    if not activity.is_floating_point() or not torch.isfinite(activity).all():
        raise ValueError("responses should be finite floating-point numbers; some are NaN, infinite or integers.")
