"""Backpropagation, the exact gradient: what the other learning rules are measured against."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.learning.base import Rule
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class Backprop(Rule):
    """The gradient of the objective, ∂L/∂θ, by torch's automatic differentiation.

    For a multilayer perceptron that is the backward pass ∂L/∂r⁽ˡ⁾ = [W⁽ˡ⁺¹⁾]ᵀ (f′ ∘ ∂L/∂r⁽ˡ⁺¹⁾), which notebook 01 writes out by
    hand; for a recurrent network it is backpropagation through time.

    Parameters
    ----------
    network : nn.Module
        Any whose operations torch can differentiate.
    objective : Objective
    generator : torch.Generator, optional
        The source of the network's noise, for networks that have some.

    Source: Primer, Equations 12-13.

    Examples
    --------
    >>> rule = Backprop(network, cross_entropy)
    >>> loss = rule(batch)  # now every parameter's .grad is the gradient
    """

    def __init__(self, network: nn.Module, objective: Objective, *, generator: Generator | None = None):
        super().__init__(network, objective, generator=generator)
        if objective is None:
            raise TypeError(
                "Backprop follows the gradient of an objective: Backprop(network, squared_error), for instance."
            )

    def estimate(self, batch: Batch) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The objective and its gradient; None for parameters that it does not depend on."""
        with torch.enable_grad():
            loss = self.objective(self.network, batch, generator=self.generator)
        if not loss.requires_grad:
            raise ValueError(
                f"the objective {self.objective} does not depend on anything that can be trained in the network, as far as "
                "torch can follow: for networks that come to rest (ContinuousHopfield), equilibrium_gradient has the gradient."
            )
        return loss, torch.autograd.grad(loss, self.parameters(), allow_unused=True)
