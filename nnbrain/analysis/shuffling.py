"""Shuffling one variable across trials: what a network needs, it then lacks."""

import torch
from torch import Generator, Tensor

from nnbrain.analysis._arguments import classes_of


def shuffle_within(groups: Tensor, generator: Generator | None = None) -> Tensor:
    """An order of the trials that mixes those of each group among themselves, for shuffling one variable across trials.

    Parameters
    ----------
    groups : Tensor
        (trials,), of integers, booleans or any values that repeat: what is the same in trials that are mixed.
    generator : torch.Generator, optional
        A generator on the CPU; torch's own by default.

    Returns
    -------
    Tensor of int
        (trials,), on the device of groups: trial k gets what trial ``order[k]`` had. Any order within a group is as likely as
        any other, so some trials keep their own.

    Raises
    ------
    TypeError
        If groups is no tensor.
    ValueError
        If it has another shape, or no group has two trials.

    Source: Primer, section 5.3 (short-term plasticity); Masse et al. 2019.

    Examples
    --------
    >>> order = shuffle_within(batch.conditions["test"])
    >>> outputs, activity = net(later_inputs, state=(r, u[order], x[order]))
    """
    groups, counts = classes_of(groups, None, "groups")
    if counts.max() < 2:
        raise ValueError("no two trials are of the same group, so that there is nothing to shuffle.")
    drawn = torch.randperm(len(groups), generator=generator).to(groups.device)
    # Both list the trials group by group: in their own order, and in the order drawn.
    places, others = groups.argsort(stable=True), drawn[groups[drawn].argsort(stable=True)]
    order = torch.empty_like(drawn)
    order[places] = others
    return order
