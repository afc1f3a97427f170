"""Contrastive Hebbian learning: Hebb's rule while the outputs are held at their targets, anti-Hebbian while they are free."""

import math

from torch import Tensor

from nnbrain.learning._phases import TwoPhases
from nnbrain.networks.layered import State


class ContrastiveHebbian(TwoPhases):
    """Clamped minus free: ΔW_l ∝ γ^{l−L} (r̂_l r̂_{l−1}ᵀ − r_l r_{l−1}ᵀ), the r̂ at rest with the outputs held at the target.

    A layer's activity differs between the phases by what feedback brings of the outputs' error, γ^{L−l} times what backpropagation
    would: the factor makes up for that. As γ → 0 the rule becomes backpropagation in the feed-forward network, `MLP`, with the
    same weights, with an error proportional to γ. At any γ it is the gradient of another objective: the energy of the clamped phase
    minus that of the free one, with the target as it is.

    The target is y − ∂L/∂y at the free phase, which for the squared error is the batch's own.

    Parameters
    ----------
    network : ContinuousHopfield
        Its ``feedback_gain`` is γ. Of the estimate in single precision about 10⁻⁶/γ^{L−1} is rounding.
    objective : Objective
    steps : int
        Of each relaxation, at most.
    tolerance : float
        A phase ends when no rate changes by more than this in a sweep.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    TypeError
        If the network is another, or the objective is missing.
    ValueError
        If a number is out of its range, or the weights are frozen or made of other parameters.

    Source: Primer, section 5.3 (biologically realistic gradient descent); Framework, Figure 2; Movellan 1991; Xie & Seung 2003.

    Examples
    --------
    >>> net = ContinuousHopfield([64, 32, 10], feedback_gain=0.1)
    >>> loss = ContrastiveHebbian(net, squared_error)(batch)  # now .grad is roughly backprop's
    """

    def contrast(self, x: Tensor, target: Tensor, free: State) -> list[Tensor]:
        """∂E/∂θ of the clamped minus that of the free phase."""
        clamped, gradient = self.rest(x, (target, math.inf), free), self.network.energy_gradient
        return [a - b for a, b in zip(gradient(clamped, x), gradient(free, x), strict=True)]
