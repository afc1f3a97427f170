"""Synaptic intelligence: an anchor whose importances each synapse works out for itself, while it learns."""

import torch
from torch import nn

from nnbrain.arguments import positive
from nnbrain.objectives.base import Objective
from nnbrain.objectives.weight_anchor import WeightAnchor, trainable


class SynapticIntelligence(WeightAnchor):
    """L = c Σᵢ Ωᵢ (θᵢ − θ̃ᵢ)², with Ωᵢ = Σₖ max(ωₖ,ᵢ, 0) / (Δₖ,ᵢ² + ξ) and ωₖ,ᵢ = −Σₜ gᵢ(t) δθᵢ(t).

    ωₖ,ᵢ is what parameter i contributed to the fall of the loss in task k: g is the slope of the task's loss, δθ the change in a
    step. For small steps on all trials Σᵢ ωᵢ is the whole fall. Δₖ,ᵢ is how far the parameter went in task k, and θ̃ the weights
    after the last task. A synapse knows all of that itself: there is no second pass through the data. (Steps on small batches
    make ω too large, as a batch's slope and the step it causes share their noise. A negative ω, of a parameter that made the loss
    larger, counts as 0.)

    `follow` reads g from ``.grad``, where `fit` left the slope of the whole objective, and takes off the slope of this penalty,
    2 c Ω (θ − θ̃). Therefore add it with the factor 1, ``cross_entropy + si``, in every task,
    do not scale the sum, and do without ``clip``.

    Parameters
    ----------
    network : nn.Module
    strength : float
        c, 0 or more.
    damping : float
        ξ, above 0, in squared units of the weights: keeps Ω finite where a parameter hardly moved.

    Attributes
    ----------
    omega : dict of str to Tensor
        ω of the task at hand, for each parameter.

    Raises
    ------
    TypeError, ValueError
        As for `WeightAnchor`, or if ξ is not positive.

    Source: Primer, Equation 44 (synaptic intelligence); Zenke, Poole & Ganguli 2017.

    Examples
    --------
    >>> si = SynapticIntelligence(network, strength=1.0)
    >>> for task in tasks:
    ...     fit(Backprop(network, cross_entropy + si), task, steps=200, after_step=si.follow)
    ...     si.consolidate()
    """

    def __init__(self, network: nn.Module, strength: float, damping: float = 1e-3):
        super().__init__(network, strength, importance=0.0)
        self.damping = positive(damping, "damping")
        self._begin()

    def _begin(self) -> None:
        """A task begins where the network is now."""
        self._start = trainable(self.network)
        self._before = trainable(self.network)
        self.omega = {name: torch.zeros_like(W) for name, W in self._start.items()}
        self.steps = 0

    def follow(self, network: nn.Module) -> None:
        """After each step of training: ωᵢ ← ωᵢ − gᵢ δθᵢ.

        Parameters
        ----------
        network : nn.Module
            The network that this objective was made for, with ``.grad`` as the last step used it.

        Raises
        ------
        ValueError
            If it is another network.
        """
        if network is not self.network:
            raise ValueError("this SynapticIntelligence follows another network than the one that was trained.")
        with torch.no_grad():
            for name, theta in network.named_parameters():
                if name not in self.omega:
                    continue
                before = self._before[name].to(theta)
                if theta.grad is not None:
                    pull = 2 * self.beta * self.importance[name].to(theta) * (before - self.anchor[name].to(theta))
                    self.omega[name] = self.omega[name].to(theta) - (theta.grad - pull) * (theta - before)
                self._before[name] = theta.detach().clone()
        self.steps += 1

    def consolidate(self) -> None:
        """At the end of a task: turn ω into importance, and hold the weights as they are now.

        Raises
        ------
        RuntimeError
            If no step was followed since the last time.
        ValueError
            If other parameters can be trained than when this objective was made.
        """
        if self.steps == 0:
            raise RuntimeError(
                "no step was followed, so no importance is known: train with fit(…, after_step=si.follow) first."
            )
        for name, now in self._weights_now().items():
            gained = self.omega[name].to(now).clamp(min=0) / ((now - self._start[name].to(now)).square() + self.damping)
            self.importance[name] = self.importance[name].to(now) + gained
            self.anchor[name] = now
        self._begin()

    def __mul__(self, factor: float) -> Objective:
        raise TypeError(
            "scale a SynapticIntelligence by its strength, SynapticIntelligence(network, strength=…): "
            "`follow` has to know it."
        )

    __rmul__ = __mul__
