"""Reward as an objective: what a network that chooses by softmax earns on average."""

import torch
from torch import Tensor, nn

from nnbrain.objectives.base import Objective
from nnbrain.objectives.errors import one_hot
from nnbrain.tasks import Batch
from nnbrain.tasks.base import check_fit


@Objective
def expected_reward(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """L = −Σₐ πₐ rₐ, π = softmax(y): minus the reward that a choice by softmax earns on average, in trials of one decision.

    Parameters
    ----------
    outputs : Tensor
        y, trials × actions; or trials × time × actions, whose average over the steps that the batch's mask counts is y.
    activity : Tensor or None
        Not used.
    batch : Batch
        ``rewards`` r, trials × actions; without them ``targets``, classes: 1 for choosing the class, 0 otherwise.
    network : nn.Module
        Not used.

    Returns
    -------
    Tensor
        (trials,)

    Raises
    ------
    ValueError
        If the batch has neither, or they do not fit the outputs.

    Source: Framework, "The three core components" (objective functions); Williams 1992.
    """
    y = at_decision(outputs, batch.mask)
    return -(torch.softmax(y, -1) * rewards_of(batch, y)).sum(-1)


def at_decision(outputs: Tensor, mask: Tensor | None) -> Tensor:
    """The outputs with which a trial's one decision is made, trials × actions: in time, their average over the counted steps.

    Parameters
    ----------
    outputs : Tensor
        trials × actions, returned as they are; or trials × time × actions.
    mask : Tensor or None
        trials × time, how much each step counts. None: all alike.

    Returns
    -------
    Tensor
        trials × actions.

    Raises
    ------
    ValueError
        If the outputs are neither, or have other steps than the mask.
    """
    if outputs.ndim == 2:
        return outputs
    if outputs.ndim != 3 or (mask is not None and mask.shape != outputs.shape[:2]):
        steps = "" if mask is None else f", with the {mask.shape[1]} steps of the batch's mask"
        raise ValueError(
            "reward is for one decision a trial, outputs trials × actions or trials × time × actions"
            f"{steps}; got {tuple(outputs.shape)}."
        )
    if mask is None:
        return outputs.mean(1)
    weights = mask.to(outputs) / mask.to(outputs).sum(1, keepdim=True)
    return torch.einsum("kt,kta->ka", weights, outputs)


def rewards_of(batch: Batch, outputs: Tensor) -> Tensor:
    """What each action would earn, trials × actions, for outputs of that shape; see `expected_reward`."""
    if outputs.ndim != 2:
        raise ValueError(f"reward is for one decision a trial, outputs trials × actions, got {tuple(outputs.shape)}.")
    if batch.rewards is not None:
        if batch.rewards.shape != outputs.shape:
            raise ValueError(
                f"rewards of shape {tuple(batch.rewards.shape)} do not fit outputs of shape {tuple(outputs.shape)}: both are "
                "trials × actions."
            )
        return batch.rewards.to(outputs)
    if batch.targets is None or batch.targets.is_floating_point():
        raise ValueError(
            "the batch should have rewards, trials × actions, or integers as targets, the rewarded actions."
        )
    if batch.targets.ndim != 1:
        raise ValueError(
            f"reward is for one decision a trial: targets are one class a trial, ({len(batch)},), got "
            f"{tuple(batch.targets.shape)}; give the batch rewards, trials × actions."
        )
    check_fit(outputs, batch.targets)
    return one_hot(batch.targets, outputs.shape[-1]).to(outputs)
