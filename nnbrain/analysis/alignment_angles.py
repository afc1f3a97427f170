"""How well a rule's feedback agrees with backpropagation: angles between weights, estimates and error signals."""

import math

import torch
from torch import Tensor

from nnbrain.analysis.geometry import angle
from nnbrain.analysis.recording import record
from nnbrain.learning import Backprop, Rule
from nnbrain.tasks import Batch


def alignment_angles(rule: Rule) -> dict[str, float]:
    """The angle between forward weights W and feedback weights B of each layer, all weights of a layer as one vector.

    Parameters
    ----------
    rule : Rule
        One with `pathways`: `FeedbackAlignment`, and its relatives that have a B in the shape of each W.

    Returns
    -------
    dict of str to float
        By the name of the layer, degrees: 0 where B is proportional to W, about 90 for random B; NaN where one is all 0.

    Raises
    ------
    TypeError
        If the rule has no such B.

    Source: Lillicrap, Cownden, Tweed & Akerman 2016.

    Examples
    --------
    >>> alignment_angles(FeedbackAlignment(MLP([64, 128, 10]), cross_entropy))
    {'layers.1': 90.4...}
    """
    if not hasattr(rule, "pathways"):
        raise TypeError(
            f"{type(rule).__name__} has no feedback weights in the shape of the forward weights: gradient_angles(rule, batch) "
            "compares what it estimates."
        )
    return {name: _angle(W, B) for name, (W, B) in rule.pathways().items()}


def gradient_angles(rule: Rule, batch: Batch) -> dict[str, float]:
    """The angle between a rule's estimate and the gradient of its objective, for the weights of each layer.

    Below 90 degrees, what the rule wants of these weights lowers the objective if the step is small. A rule that draws at random
    gives the angle of one draw.

    Parameters
    ----------
    rule : Rule
        With an objective, in any network that backpropagation can serve.
    batch : Batch

    Returns
    -------
    dict of str to float
        By the name of the layer, degrees; NaN where nothing is to change.

    Raises
    ------
    TypeError
        If the rule has no objective.

    Examples
    --------
    >>> gradient_angles(FeedbackAlignment(MLP([64, 128, 10]), cross_entropy), batch)
    {'layers.0': 88.1..., 'layers.1': 0.0}
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"gradient_angles measures a learning rule, got {type(rule).__name__}.")
    if rule.objective is None:
        raise TypeError(f"{type(rule).__name__} has no objective whose gradient it could estimate.")
    backprop = Backprop(rule.network, rule.objective)
    exact, given = (_by_parameter(each, batch) for each in (backprop, rule))
    return {
        name.removesuffix(".weight"): _angle(given[p], exact[p])
        for name, p in rule.network.named_parameters()
        if p.ndim > 1 and given.get(p) is not None and exact.get(p) is not None
    }


def _by_parameter(rule: Rule, batch: Batch) -> dict[Tensor, Tensor | None]:
    return dict(zip(rule.parameters(), rule.estimate(batch)[1], strict=True))


def modulator_angles(rule: Rule, batch: Batch) -> dict[str, float]:
    """The angle between what each layer hears of the error and what backpropagation would tell it, over all trials and units.

    This is δ = ∂L/∂c for the summed inputs c of a layer: what modulates the change of its weights.

    Parameters
    ----------
    rule : Rule
        One with `modulators`: `FeedbackAlignment`, `DirectFeedbackAlignment` and their relatives.
    batch : Batch

    Returns
    -------
    dict of str to float
        By the name of the layer, degrees: 0 for the last one, which sees the error itself; NaN where none arrives.

    Raises
    ------
    TypeError
        If the rule sends no errors back.
    ValueError
        If a part of the network works in place, and overwrites what is compared.

    Source: Lillicrap, Cownden, Tweed & Akerman 2016.
    """
    if not hasattr(rule, "modulators"):
        raise TypeError(
            f"{type(rule).__name__} sends no errors back through the layers: use gradient_angles(rule, batch)."
        )
    heard = rule.modulators(batch)
    if not heard:  # of an objective that depends on the weights alone
        return {}
    recorded = record(rule.network, batch.inputs, grad=True)
    loss = rule.objective.per_trial(recorded["outputs"], None, batch, rule.network).mean()
    exact = torch.autograd.grad(loss, [recorded[name] for name in heard])
    return {name: _angle(delta, g) for (name, delta), g in zip(heard.items(), exact, strict=True)}


def _angle(first: Tensor, second: Tensor) -> float:
    return angle(first, second) if first.any() and second.any() else math.nan
