"""An objective seen from the outputs: for rules that ran the network themselves and bring errors back in their own way."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.learning.base import Rule
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


def check_teachable(rule: Rule) -> None:
    """Refuse a rule without an objective, or without anything to teach.

    Parameters
    ----------
    rule : Rule
        One that knows from an objective what is to be changed.

    Raises
    ------
    TypeError, ValueError
    """
    name = type(rule).__name__
    if rule.objective is None:
        raise TypeError(f"{name} needs an objective: {name}(network, squared_error), for instance.")
    if not rule.parameters():
        raise ValueError(f"{name} has nothing to teach: all weights of this network are frozen (requires_grad).")


def check_plain_weights(rule: Rule) -> None:
    """Refuse weights that are made of other parameters, for a rule that changes the weights themselves."""
    if any(map(parametrize.is_parametrized, rule.network.modules())):
        raise ValueError(
            f"{type(rule).__name__} changes the weights themselves, but some here are made of other parameters."
        )


def at_outputs(
    objective: Objective, outputs: Tensor, batch: Batch, network: nn.Module, taught: Sequence[Tensor] = ()
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The objective of each trial, its slope at the outputs, and what it says of the weights themselves.

    Parameters
    ----------
    objective : Objective
    outputs : Tensor
        y, trials × outputs.
    batch : Batch
    network : nn.Module
    taught : sequence of Tensor
        Parameters of the network.

    Returns
    -------
    values : Tensor
        L, (trials,).
    slopes : Tensor
        ∂L/∂y, trials × outputs.
    direct : list of Tensor
        For each of ``taught`` the gradient of the mean over trials that does not go through the outputs: of a penalty, or 0.
    """
    with torch.enable_grad():
        y = outputs.detach().requires_grad_()
        values = objective.per_trial(y, None, batch, network)
        if not values.requires_grad:
            raise ValueError(
                f"the objective {objective} depends neither on the outputs nor on weights that are taught."
            )
        slopes, *direct = torch.autograd.grad(values.sum(), [y, *taught], allow_unused=True, materialize_grads=True)
    return values.detach(), slopes, [g / len(batch) for g in direct]
