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
        y, trials × actions.
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
    return -(torch.softmax(outputs, -1) * rewards_of(batch, outputs)).sum(-1)


def rewards_of(batch: Batch, outputs: Tensor) -> Tensor:
    """What each action would earn, trials × actions; see `expected_reward`."""
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
    check_fit(outputs, batch.targets)
    return one_hot(batch.targets, outputs.shape[-1]).to(outputs)
