"""The modern Hopfield network: an associative memory of real numbers, whose update is softmax attention."""

import math

import torch
from torch import Tensor, nn

from nnbrain.arguments import at_least_zero, positive, positive_integer
from nnbrain.networks.base import check_input, kind_of


class ModernHopfield(nn.Module):
    """A Hopfield network with states and patterns of any real numbers, whose update is the softmax attention of machine learning.

    s ← Σ_μ α_μ ξ_μ,   α = softmax(β ξ_μᵀ s)

    E = −(1/β) log Σ_μ exp(β ξ_μᵀ s) + ½ sᵀs + (1/β) log P + ½ max_μ ‖ξ_μ‖²

    The energy never rises, and is never negative. A step is `KeyValueAttention` with the temperature 1/β, the patterns as keys and
    as values, and the state as query. For large β one step finds the most similar pattern, and of random patterns exponentially
    many in N can be told apart; for small β states rest at averages of several patterns.

    Parameters
    ----------
    patterns : Tensor
        ξ, patterns × units.
    beta : float
        β.

    Attributes
    ----------
    patterns : Tensor
        patterns × units.

    Raises
    ------
    TypeError
        If the patterns are no tensor of floating point.
    ValueError
        If they are not patterns × units, not finite, or β is not positive.

    Source: Primer, section 5.3 (associative memory and explicit memory modules); Krotov & Hopfield 2016; Ramsauer et al. 2021.

    Examples
    --------
    >>> patterns = torch.randn(1000, 64)
    >>> network = ModernHopfield(patterns, beta=1.0)
    >>> network.recall(patterns + 0.3 * torch.randn(1000, 64)).shape
    torch.Size([1000, 64])
    """

    def __init__(self, patterns: Tensor, *, beta: float = 1.0):
        super().__init__()
        if not isinstance(patterns, Tensor) or not patterns.is_floating_point():
            raise TypeError(f"patterns should be a tensor of floating point, got {kind_of(patterns)}.")
        if patterns.ndim != 2 or 0 in patterns.shape or not torch.isfinite(patterns).all():
            raise ValueError(f"patterns should be finite, (patterns, units), got shape {tuple(patterns.shape)}.")
        self.register_buffer("patterns", patterns.detach().clone())
        self.beta = positive(beta, "beta")

    def attention(self, state: Tensor) -> Tensor:
        """α = softmax(β ξ_μᵀ s), how much each pattern counts.

        Parameters
        ----------
        state : Tensor
            s, trials × units.

        Returns
        -------
        Tensor
            trials × patterns.

        Raises
        ------
        TypeError, ValueError
            If the state does not fit.
        """
        self._check(state)
        return (self.beta * state @ self.patterns.T).softmax(-1)

    def step(self, state: Tensor) -> Tensor:
        """One step, s ← Σ_μ α_μ ξ_μ.

        Parameters
        ----------
        state : Tensor
            trials × units.

        Returns
        -------
        Tensor
            trials × units.
        """
        return self.attention(state) @ self.patterns

    def recall(self, state: Tensor, steps: int = 100, *, tolerance: float = 1e-5) -> Tensor:
        """Follow the network until no unit changes by more than the tolerance, or for so many steps.

        Parameters
        ----------
        state : Tensor
            trials × units.
        steps : int
        tolerance : float
            From 0 up.

        Returns
        -------
        Tensor
            trials × units.
        """
        tolerance = at_least_zero(tolerance, "tolerance")
        for _ in range(positive_integer(steps, "steps")):
            before, state = state, self.step(state)
            if (state - before).abs().max() <= tolerance:
                break
        return state

    def forward(self, state: Tensor) -> Tensor:
        """One `step`, as a layer of machine learning takes it."""
        return self.step(state)

    def energy(self, state: Tensor) -> Tensor:
        """E, from 0 up.

        Parameters
        ----------
        state : Tensor
            trials × units.

        Returns
        -------
        Tensor
            (trials,)
        """
        self._check(state)
        log_sum = (self.beta * state @ self.patterns.T).logsumexp(-1) - math.log(len(self.patterns))
        return -log_sum / self.beta + 0.5 * state.square().sum(-1) + 0.5 * self.patterns.square().sum(-1).max()

    def _check(self, state: Tensor) -> None:
        check_input(self, state, self.patterns.dtype)
        units = self.patterns.shape[1]
        if state.ndim != 2 or state.shape[1] != units or len(state) == 0:
            raise ValueError(f"the state should have shape (trials, {units}), got {tuple(state.shape)}.")

    def extra_repr(self) -> str:
        """Patterns, units and β, for ``print(network)``."""
        patterns, units = self.patterns.shape
        return f"{patterns} patterns, {units} units, beta={self.beta:g}"
