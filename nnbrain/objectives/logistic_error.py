"""The squared error of outputs that pass through the logistic function, as in Yang et al. 2019."""

import torch
from torch import Tensor, nn

from nnbrain.objectives.base import Objective, time_average
from nnbrain.tasks import Batch
from nnbrain.tasks.base import check_fit


@Objective
def logistic_error(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """The mean over outputs of (σ(y) − y_target)², the fixation output counting twice, averaged over a trial's unmasked steps.

    σ(y) = 1/(1 + exp(−y)).

    Parameters
    ----------
    outputs : Tensor
        y, trials × time × outputs.
    activity : Tensor or None
        Not used.
    batch : Batch
        Of a `CognitiveTask`.
    network : nn.Module
        Not used.

    Returns
    -------
    Tensor
        (trials,)

    Raises
    ------
    ValueError
        If the targets are missing, are classes, or do not fit the outputs.

    Source: Yang et al. 2019.
    """
    check_fit(outputs, batch.targets)
    if not batch.targets.is_floating_point():
        raise ValueError("the logistic error compares outputs with values from 0 to 1, but these targets are classes.")
    error = (torch.sigmoid(outputs) - batch.targets).square()
    return time_average(error.mean(-1) + error[..., 0] / error.shape[-1], batch.mask)
