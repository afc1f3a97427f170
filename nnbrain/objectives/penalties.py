"""Objectives that ask for small weights or low activity, whatever the task. Each leaves its strength to you: ``1e-3 * l2``."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nnbrain.objectives.base import Objective, time_average
from nnbrain.tasks import Batch


@Objective
def l2(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """½ Σ W² over all weights of the network that can be trained: many small weights rather than a few large ones.

    Biases are left alone.

    Returns
    -------
    Tensor
        A scalar, shared by all trials.

    Source: Primer, section 2.4 (regularization).
    """
    return sum((0.5 * w.square().sum() for w in _weights(network)), start=outputs.new_zeros(()))


@Objective
def l1(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """Σ |W| over all weights of the network that can be trained: few weights that are not zero, sparse connectivity.

    Biases are left alone.

    Returns
    -------
    Tensor
        A scalar, shared by all trials.

    Source: Primer, sections 2.4 and 5.1.
    """
    return sum((w.abs().sum() for w in _weights(network)), start=outputs.new_zeros(()))


@Objective
def rate_l2(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """The mean of r² over units and over a trial's unmasked steps: low firing rates, metabolic cost.

    Parameters
    ----------
    outputs : Tensor
        Not used.
    activity : Tensor
        r, trials × time × units, from a recurrent network.
    batch : Batch
        Its mask says which steps count.
    network : nn.Module
        Not used.

    Returns
    -------
    Tensor
        (trials,)

    Raises
    ------
    ValueError
        If the network gives no activity, as feed-forward networks do not.

    Source: Primer, section 2.4 (regularization).
    """
    if activity is None:
        raise ValueError(
            "rate_l2 needs the network's activity, which only recurrent networks return; for a feed-forward network write a "
            "term that calls nnbrain.analysis.record(network, batch.inputs, grad=True)."
        )
    return time_average(activity.square().mean(-1), batch.mask)


def _weights(network: nn.Module) -> Iterator[torch.nn.Parameter]:
    return (p for p in network.parameters() if p.requires_grad and p.ndim >= 2)
