"""Objectives that compare outputs with targets, trial by trial and step by step."""

from torch import Tensor, nn

from nnbrain.objectives.base import Objective, time_average
from nnbrain.tasks import Batch
from nnbrain.tasks.base import check_classes, check_fit


@Objective
def squared_error(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """L = ½ ‖y − y_target‖² = ½ Σᵢ (yᵢ − y_target,ᵢ)², averaged over a trial's unmasked steps.

    Targets that are integers mean classes and are turned into one-hot vectors.

    Parameters
    ----------
    outputs : Tensor
        y, trials × [time ×] outputs.
    activity : Tensor or None
        Not used.
    batch : Batch
        ``targets`` of the outputs' shape, or classes of that shape without its last dimension.
    network : nn.Module
        Not used.

    Returns
    -------
    Tensor
        (trials,)

    Raises
    ------
    ValueError
        If the targets are missing or do not fit the outputs.

    Source: Primer, Equation 9.
    """
    targets = _targets(outputs, batch)
    if not targets.is_floating_point():
        targets = one_hot(targets, outputs.shape[-1])
    return time_average(0.5 * (outputs - targets).square().sum(-1), batch.mask)


@Objective
def cross_entropy(outputs: Tensor, activity: Tensor | None, batch: Batch, network: nn.Module) -> Tensor:
    """L = −Σᵢ pᵢ log softmax(y)ᵢ, in nats, averaged over a trial's unmasked steps.

    The outputs y are unnormalised log probabilities; softmax(y)ᵢ = exp(yᵢ) / Σⱼ exp(yⱼ).

    Parameters
    ----------
    outputs : Tensor
        y, trials × [time ×] classes.
    activity : Tensor or None
        Not used.
    batch : Batch
        ``targets`` are integers, the classes (p is 1 for the class, 0 elsewhere), or the probabilities p themselves.
    network : nn.Module
        Not used.

    Returns
    -------
    Tensor
        (trials,)

    Raises
    ------
    ValueError
        If the targets are missing or do not fit the outputs.

    Source: Primer, section 2.1 (classification); Framework, "The three core components".
    """
    targets = _targets(outputs, batch)
    if outputs.ndim == 3:  # torch wants the classes before time
        outputs = outputs.transpose(1, 2)
        targets = targets.transpose(1, 2) if targets.is_floating_point() else targets
    return time_average(nn.functional.cross_entropy(outputs, targets, reduction="none"), batch.mask)


def one_hot(classes: Tensor, n: int) -> Tensor:
    """Classes as vectors that are 1 for the class and 0 elsewhere.

    Parameters
    ----------
    classes : Tensor of int
        Any shape.
    n : int
        How many classes there are.

    Returns
    -------
    Tensor of int
        The shape of ``classes`` and a last dimension of n.

    Raises
    ------
    TypeError
        If the classes are no integers.
    ValueError
        If a class lies outside 0 … n − 1.
    """
    if not isinstance(classes, Tensor) or classes.is_floating_point() or classes.numel() == 0:
        raise TypeError(f"classes should be a tensor of one integer or more, got {classes!r}.")
    check_classes(classes, n)
    return nn.functional.one_hot(classes.long(), n)


def _targets(outputs: Tensor, batch: Batch) -> Tensor:
    """The batch's targets, once they are known to fit the outputs; 0 where the mask leaves them out, whatever they are."""
    check_fit(outputs, batch.targets)
    if batch.mask is None or outputs.ndim < 3 or not batch.targets.is_floating_point():
        return batch.targets
    return batch.targets.where(batch.mask.unsqueeze(-1) > 0, 0.0)
