"""Whether a rule follows the gradient of anything: only if its Jacobian with respect to the weights is symmetric."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nnbrain.arguments import positive
from nnbrain.learning import Rule
from nnbrain.networks.base import kind_of
from nnbrain.random_state import RandomState
from nnbrain.tasks import Batch


def jacobian_asymmetry(field: Callable[[Tensor], Tensor], at: Tensor, *, step: float = 1e-5) -> float:
    """How far a vector field is from being a gradient: |J − Jᵀ| / (2 |J|), J being its Jacobian at a point.

    J is the sum of a symmetric part and an antisymmetric part, (J − Jᵀ) / 2; this is the length of the latter over that of J
    (Frobenius norms). It is 0 where the field is locally the gradient of some function (with respect to the Euclidean metric), 1
    where it only turns, and about √½ for a J of independent random entries.

    Parameters
    ----------
    field : callable
        From a vector to a vector of the same length, `rule_field` for instance; it should be smooth at the point: a ReLU's kink
        nearer than a step shows as an error.
    at : Tensor of float64
        (n,). It takes 2n evaluations of the field.
    step : float
        h of the central differences J[:, j] = [F(θ + h eⱼ) − F(θ − h eⱼ)] / 2h.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    TypeError
        If ``at`` is not in float64, without which differences say nothing.
    ValueError
        If the shapes do not fit, or J is 0 or not finite.

    Source: Framework, Figure 3.

    Examples
    --------
    >>> jacobian_asymmetry(lambda v: torch.stack([-v[1], v[0]]), torch.zeros(2, dtype=torch.float64))
    1.0
    """
    J = _jacobian(field, at, positive(step, "step"))
    size = J.norm()
    if not (torch.isfinite(size) and size > 0):
        raise ValueError("the field does not change around this point, or not finitely: its Jacobian has no asymmetry.")
    return float((J - J.T).norm() / (2 * size))


def _jacobian(field: Callable[[Tensor], Tensor], at: Tensor, step: float) -> Tensor:
    if not isinstance(at, Tensor) or at.dtype != torch.float64:
        raise TypeError(f"at should be a vector in float64, in which differences are exact enough, got {kind_of(at)}.")
    if at.ndim != 1:
        raise ValueError(f"at should be a vector, (n,), got shape {tuple(at.shape)}.")
    columns = []
    for offset in step * torch.eye(len(at), dtype=at.dtype, device=at.device):
        change = field(at + offset) - field(at - offset)
        if change.shape != at.shape:
            raise ValueError(f"the field gave shape {tuple(change.shape)} at a point of shape {tuple(at.shape)}.")
        columns.append(change / (2 * step))
    return torch.stack(columns, dim=1)


def rule_field(rule: Rule, batch: Batch) -> Callable[[Tensor], Tensor]:
    """A rule as a vector field over the weights: θ ↦ −estimate, the change that it wants there on this batch.

    The network and all generators are afterwards what they were: a rule that draws at random draws the same at every point, so that
    the field is a function of θ. Feedback weights of its own stay as they are.

    Parameters
    ----------
    rule : Rule
        In float64 for `jacobian_asymmetry`: ``network.double()`` before the rule is built.
    batch : Batch

    Returns
    -------
    callable
        From θ, all parameters of the network that the rule teaches as one vector, to a vector of the same shape;
        ``torch.nn.utils.parameters_to_vector(rule.network.parameters())`` is the present θ, if none is frozen.

    Raises
    ------
    ValueError
        When it is called with a vector of another length.

    Source: Framework, Figure 3.

    Examples
    --------
    >>> network = MLP([2, 3, 1], "tanh").double()
    >>> theta = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    >>> jacobian_asymmetry(rule_field(Backprop(network, squared_error), batch), theta) < 1e-6
    True
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule_field takes a learning rule, got {type(rule).__name__}.")
    taught = rule.network_parameters()
    if not taught:
        raise ValueError("the rule teaches nothing in its network: all its parameters are frozen (requires_grad).")
    sizes = [p.numel() for p in taught]

    @torch.no_grad()
    def field(theta: Tensor) -> Tensor:
        if not isinstance(theta, Tensor) or any(p.dtype != theta.dtype for p in taught):
            raise TypeError(
                f"the rule teaches weights in {kind_of(taught[0])}, got a point in {kind_of(theta)}: use network.double() before "
                "the rule is built, and a batch in float64."
            )
        if theta.shape != (sum(sizes),):
            raise ValueError(f"the rule teaches {sum(sizes)} weights as one vector, got shape {tuple(theta.shape)}.")
        start = RandomState(rule.generator, theta.device)
        kept = [*taught, *rule.network.buffers()]  # batch statistics, for instance
        before = [part.clone() for part in kept]
        try:
            _put(taught, theta.split(sizes))
            _, estimates = rule.estimate(batch)
        finally:
            _put(kept, before)
            start.rewind()
        given = dict(zip(rule.parameters(), estimates, strict=True))
        return -torch.cat([(torch.zeros_like(p) if given[p] is None else given[p]).flatten() for p in taught])

    return field


def _put(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for p, value in zip(parameters, values, strict=True):
        p.copy_(value.view_as(p))
