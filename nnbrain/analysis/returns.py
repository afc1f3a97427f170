"""Returns: what an action led to, as far as one looks ahead."""

import torch
from torch import Tensor

from nnbrain.arguments import number


def discounted_returns(rewards: Tensor, gamma: float) -> Tensor:
    """Gₜ = Σₖ γᵏ rₜ₊ₖ: the rewards from each step on, each worth γ times less for every step that it lies ahead.

    Parameters
    ----------
    rewards : Tensor
        r, trials × time.
    gamma : float
        γ, from 0 (only what comes at once) to 1 (all alike). One looks about 1/(1 − γ) steps ahead.

    Returns
    -------
    Tensor
        G, trials × time.

    Raises
    ------
    TypeError
        If the rewards are no tensor of floating point.
    ValueError
        If they are not trials × time, or γ lies outside of 0 to 1.

    Source: Primer, section 2.2 (reinforcement learning); Sutton & Barto 2018.

    Examples
    --------
    >>> discounted_returns(torch.tensor([[0.0, 0.0, 1.0]]), gamma=0.5)
    tensor([[0.2500, 0.5000, 1.0000]])
    """
    if not isinstance(rewards, Tensor) or not rewards.is_floating_point():
        raise TypeError(f"rewards should be a tensor of floating point, trials × time, got {rewards!r}.")
    if rewards.ndim != 2:
        raise ValueError(f"rewards are trials × time, got {tuple(rewards.shape)}.")
    if not 0 <= number(gamma) <= 1:
        raise ValueError(f"gamma, the discount factor, lies between 0 and 1, got {gamma!r}.")
    gamma, G, returns = number(gamma), rewards.new_zeros(len(rewards)), []
    for r in reversed(rewards.unbind(1)):
        G = r + gamma * G  # Gₜ = rₜ + γ Gₜ₊₁
        returns.append(G)
    return torch.stack(returns[::-1], 1) if returns else rewards.clone()
