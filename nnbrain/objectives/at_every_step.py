"""An objective that asks for the answer at every step."""

from dataclasses import replace

from torch import Tensor, nn

from nnbrain.objectives.base import Objective
from nnbrain.tasks import Batch


def at_every_step(objective: Objective) -> Objective:
    """The mean of an objective over the steps at which a network answers, when a trial has one target for all of them.

    L = (1/T) Σ_t L(y_t, y_target)

    Parameters
    ----------
    objective : Objective
        That compares outputs, trials × steps × outputs, with targets: cross_entropy, squared_error.

    Returns
    -------
    Objective
        For networks with such outputs, a `ConvRNN` with ``every_step``, and batches with one target a trial.

    Raises
    ------
    TypeError
        If it is no objective.
    ValueError
        When it is evaluated: if the outputs have no steps.

    Source: Spoerer, McClure & Kriegeskorte 2017.

    Examples
    --------
    >>> rule = Backprop(ConvRNN((1, 8, 8), every_step=True), at_every_step(cross_entropy))
    """
    if not isinstance(objective, Objective):
        raise TypeError(f"at_every_step takes an objective, cross_entropy for instance, got {objective!r}.")

    def every_step(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
        if outputs.ndim != 3:
            raise ValueError(
                f"at_every_step takes outputs trials × steps × outputs, got {tuple(outputs.shape)}: use ConvRNN(…, "
                "every_step=True), or the objective itself."
            )
        if batch.targets is None:
            return objective.per_trial(outputs, activity, batch, network)  # which says that they are missing
        if batch.mask is not None and batch.mask.shape != outputs.shape[:2]:
            raise ValueError(
                f"outputs of {outputs.shape[1]} steps do not fit the batch's mask, which has {batch.mask.shape[1]}."
            )
        targets = batch.targets.unsqueeze(1).expand(-1, outputs.shape[1], *batch.targets.shape[1:])
        return objective.per_trial(outputs, activity, replace(batch, targets=targets), network)

    every_step.__name__ = f"at_every_step({objective!r})"
    return Objective(every_step)
