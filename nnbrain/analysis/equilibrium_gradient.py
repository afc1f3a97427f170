"""The exact gradient of an objective at the state in which a network comes to rest."""

import torch
from torch import Tensor, nn

from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


def equilibrium_gradient(network: nn.Module, objective: Objective, batch: Batch, **relaxation) -> list[Tensor]:
    """dL/dθ at rest, s = F(s, θ), by implicit differentiation: dL/dθ = (∂F/∂θ)ᵀ λ, where (1 − ∂F/∂s)ᵀ λ = ∂L/∂s.

    What is measured against it are rules that let a network settle with feedback, as the feed-forward gradient is not theirs. The
    linear equations for λ are solved trial by trial, without an approximation; no brain would know how.

    Parameters
    ----------
    network : nn.Module
        With ``relax(x)``, which gives the state at rest, a tuple of trials × units; ``update(state, x)``, F, which torch can
        differentiate; and ``outputs(state)``: `ContinuousHopfield`.
    objective : Objective
        A function of the outputs (and, if it likes, of the weights).
    batch : Batch
    **relaxation
        For ``relax``: ``steps`` and ``tolerance``, for instance. The gradient is as exact as the state is at rest.

    Returns
    -------
    list of Tensor
        One for each parameter of the network that is not frozen, averaged over trials.

    Raises
    ------
    TypeError
        If the network does not relax.

    Source: Almeida 1987; Pineda 1987 (recurrent backpropagation).

    Examples
    --------
    >>> exact = equilibrium_gradient(ContinuousHopfield([64, 32, 10]), squared_error, batch)
    """
    if missing := [name for name in ("relax", "update", "outputs") if not callable(getattr(network, name, None))]:
        raise TypeError(
            f"equilibrium_gradient takes a network that comes to rest, ContinuousHopfield for instance; a {type(network).__name__} "
            f"has no {' and no '.join(missing)}."
        )
    if not isinstance(objective, Objective):
        raise TypeError(f"objective should be an Objective, squared_error for instance, got {objective!r}.")
    parameters = [p for p in network.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(
            "there is nothing to differentiate by: all parameters of this network are frozen (requires_grad)."
        )
    state = network.relax(batch.inputs, **relaxation)
    sizes = [r.shape[1] for r in state]
    with torch.enable_grad():
        s = torch.cat(state, 1).detach().requires_grad_()  # trials × all units
        loss = objective.per_trial(network.outputs(s.split(sizes, 1)), None, batch, network).mean()
        if not loss.requires_grad:
            raise ValueError(f"the objective {objective} depends neither on the outputs nor on weights.")
        slope, *direct = torch.autograd.grad(loss, [s, *parameters], allow_unused=True, materialize_grads=True)
        F = (
            torch.cat(network.update(s.split(sizes, 1), batch.inputs), 1) + 0 * s
        )  # without hidden layer it does not depend on s
    one = torch.eye(s.shape[1], dtype=s.dtype, device=s.device)
    each_unit = one[:, None].expand(-1, len(s), -1)  # units × trials × units
    (jacobians,) = torch.autograd.grad(F, s, each_unit, retain_graph=True, is_grads_batched=True)
    adjoint = torch.linalg.solve(one - jacobians.permute(1, 2, 0), slope)  # the rows of ∂F/∂s become columns
    through = torch.autograd.grad(F, parameters, adjoint, allow_unused=True, materialize_grads=True)
    return [a + b for a, b in zip(through, direct, strict=True)]
