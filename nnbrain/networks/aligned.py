"""Weights that begin aligned with the modes of a map: where the exact theory of deep linear networks starts from."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.arguments import positive


@torch.no_grad()
def align_modes(
    network: nn.Module, U: Tensor, V: Tensor, strength: float = 0.01, *, generator: Generator | None = None
) -> None:
    """Set the weights of a deep linear network so that each mode begins with the same strength and never meets another.

    W⁽²⁾ = u₀^(1/N) R₂ Vᵀ,   W⁽ˡ⁾ = u₀^(1/N) Rₗ Rₗ₋₁ᵀ,   W⁽ᴺ⁺¹⁾ = u₀^(1/N) U R_Nᵀ,   so that their product is u₀ U Vᵀ

    Each R is random, with orthonormal columns, units × modes. The layers are balanced, W⁽ˡ⁺¹⁾ᵀ W⁽ˡ⁺¹⁾ = W⁽ˡ⁾ W⁽ˡ⁾ᵀ, and stay so
    while they learn the map that has these modes in small steps; then each mode follows `exact_mode_strengths`.

    Parameters
    ----------
    network : nn.Module
        With N linear ``layers``, 2 or more, without biases: ``MLP([8, 16, 15], "linear", bias=False)``. Changed in place.
    U, V : Tensor
        outputs × modes and inputs × modes, with orthonormal columns: ``task.modes.U`` and ``task.modes.V``.
    strength : float
        u₀.
    generator : torch.Generator, optional
        Draws the R, on the CPU; torch's own by default.

    Raises
    ------
    TypeError
        If the network is not made of two or more linear layers without biases; or U or V is no matrix.
    ValueError
        If a hidden layer has fewer units than there are modes, weights are parametrized, U and V do not fit or
        are not orthonormal, or the strength is not positive.

    Source: Saxe, McClelland & Ganguli 2013.

    Examples
    --------
    >>> network = MLP([8, 16, 15], "linear", bias=False)
    >>> align_modes(network, task.modes.U, task.modes.V, 0.01)
    """
    layers = list(getattr(network, "layers", []))
    if len(layers) < 2 or not all(isinstance(layer, nn.Linear) and layer.bias is None for layer in layers):
        raise TypeError(
            f"this needs two or more linear layers without biases, MLP(sizes, 'linear', bias=False), got {network!r}."
        )
    if any(parametrize.is_parametrized(layer) for layer in layers):
        raise ValueError(
            "the weights of this network are parametrized (sparse, for instance): align those of a new one."
        )
    _check_modes(U, V)
    modes = U.shape[-1]
    if U.shape != (layers[-1].out_features, modes) or V.shape != (layers[0].in_features, modes):
        raise ValueError(
            f"U and V should be outputs × modes and inputs × modes, ({layers[-1].out_features}, n) and "
            f"({layers[0].in_features}, n), got {tuple(U.shape)} and {tuple(V.shape)}."
        )
    narrowest = min(layer.out_features for layer in layers[:-1])
    if narrowest < modes:
        raise ValueError(f"{modes} modes need as many units in each hidden layer, got one with {narrowest}.")
    share = positive(strength, "strength") ** (1 / len(layers))
    before = V
    for layer in layers:
        last = layer is layers[-1]
        drawn = None if last else torch.randn(layer.out_features, modes, generator=generator, dtype=torch.float64)
        R = U if last else torch.linalg.qr(drawn).Q.to(before)
        layer.weight.copy_(share * R @ before.T)
        before = R


def _check_modes(U: Tensor, V: Tensor) -> None:
    """Refuse what has no orthonormal columns."""
    for name, Q in (("U", U), ("V", V)):
        if not isinstance(Q, Tensor) or Q.ndim != 2 or not Q.is_floating_point() or not Q.shape[1]:
            raise TypeError(f"{name} should be a tensor with a mode in each column, task.modes.{name}, got {Q!r}.")
        if not torch.allclose(Q.T @ Q, torch.eye(Q.shape[1]).to(Q), atol=1e-3):
            raise ValueError(f"the columns of {name} should be orthonormal: give task.modes.{name}.")
