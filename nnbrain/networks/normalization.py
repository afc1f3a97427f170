"""Normalization, a canonical computation in two forms: machine learning's z-score, and divisive normalization of the cortex.

Both are plug-in layers that keep the shape of what they are given; both are a matter of the pool, the units taken together.
"""

import math
import operator
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from nnbrain.arguments import positive, positive_integers
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input


class LayerNorm(nn.Module):
    """Machine learning's normalization, a z-score over a pool of units, then a scale and a shift that are learned.

    x̂ = γ (x − μ)/σ + β,   μ = ⟨x⟩,   σ = √(⟨(x − μ)²⟩ + ε),   ⟨·⟩ the mean over the pool

    σ is a standard deviation. The pool makes the method: the units of a layer (layer normalization), the places of a channel
    (instance normalization), the channels of a group at all places (group normalization), or the trials (batch normalization in
    training). γ begins as 1, β as 0.

    Parameters
    ----------
    shape : int or sequence of int
        Of γ and β: that of the last axes of x, with 1 where they are to be shared. ``64`` for a layer of units,
        ``(16, 1, 1)`` for one of each for 16 channels.
    pool : int or sequence of int
        The axes of x over which μ and σ are taken. The units, ``-1``; all of an image, channels × height × width,
        ``(-3, -2, -1)``; the places of each channel, ``(-2, -1)``.
    eps : float
        ε, which keeps σ from vanishing.

    Attributes
    ----------
    gamma, beta : nn.Parameter
        γ and β.

    Raises
    ------
    ValueError
        If the shape, the pool or ε is none.

    Source: Primer, Equations 21-23; Ba, Kiros & Hinton 2016.

    Examples
    --------
    >>> LayerNorm(64)(torch.randn(5, 64)).shape
    torch.Size([5, 64])
    >>> instance_norm = LayerNorm((16, 1, 1), pool=(-2, -1))  # for trials × 16 × height × width
    """

    def __init__(self, shape: int | Sequence[int], *, pool: int | Sequence[int] = -1, eps: float = 1e-5):
        super().__init__()
        single = not isinstance(shape, Sequence | torch.Size)
        self.shape = tuple(positive_integers([shape] if single else shape, "shape"))
        self.pool = _axes(pool)
        self.eps = positive(eps, "eps")
        self.gamma = nn.Parameter(torch.ones(self.shape))
        self.beta = nn.Parameter(torch.zeros(self.shape))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize.

        Parameters
        ----------
        x : Tensor
            trials × … with the layer's shape at its end.

        Returns
        -------
        Tensor
            x̂, of the same shape.

        Raises
        ------
        TypeError
            If x is no tensor, or not of the type of γ and β.
        ValueError
            If x does not fit the shape or the pool, or a pool has a single value, of which nothing would be left.
        """
        self._check(x)
        mu = x.mean(self.pool, keepdim=True)  # Eq. 22
        sigma = ((x - mu).square().mean(self.pool, keepdim=True) + self.eps).sqrt()  # Eq. 23
        return self.gamma * (x - mu) / sigma + self.beta  # Eq. 21

    def _check(self, x: Tensor) -> None:
        check_input(self, x, self.gamma.dtype)
        end = x.shape[-len(self.shape) :]
        if len(end) != len(self.shape) or any(n not in (1, m) for n, m in zip(self.shape, end, strict=True)):
            raise ValueError(
                f"this LayerNorm has γ and β of shape {self.shape}, which the last axes of its input should have too (a 1 fits "
                f"any), got {tuple(x.shape)}."
            )
        if _size_of_pool(x, self.pool) < 2:
            raise ValueError(
                f"the pool {self.pool} of an input of shape {tuple(x.shape)} has a single value: without its mean nothing is left."
            )

    def extra_repr(self) -> str:
        """Shape and pool, for ``print(network)``."""
        return f"{self.shape}, pool={self.pool}"


class DivisiveNormalization(nn.Module):
    """Divisive normalization: what drives a unit is divided by what drives the units of its pool.

    r_i = f(γ I_iⁿ / (σⁿ + Σⱼ w_ij I_jⁿ))

    With n = 1 and all w_ij = 1 it is Equation 37. A unit that is driven alone answers γ Iⁿ/(σⁿ + Iⁿ): half of γ at I = σ. As the
    exponent n grows, the strongest of a pool takes all. Drives are rates: negative ones count as 0. However large a drive or
    the exponent, the answer of a unit that belongs to its own pool is finite.

    Parameters
    ----------
    gamma : float
        γ, the largest answer of a unit that is driven alone.
    sigma : float
        σ, the semi-saturation, in the units of I.
    exponent : float
        n; 1 to 3.5 in visual cortex.
    pool : int, sequence of int, or Tensor
        The axes of I over which drives are added up: the units, ``-1``; the channels at each place of an image, ``-3``; all of
        it, ``(-3, -2, -1)``. Or weights w_ij ≥ 0, units × units, of j in the pool of i, for units on the last axis.
    activation : str or callable
        f, by name or as a function of a tensor; see `Activation`.
    learn : bool
        Whether γ and σ are learned. They stay positive: what changes are their logarithms, ``log_gamma`` and ``log_sigma``.

    Attributes
    ----------
    gamma, sigma : float or Tensor
        Tensors where they are learned.
    weights : Tensor or None
        w, units × units.

    Raises
    ------
    ValueError
        If γ, σ or n is not positive, or the pool is neither axes nor weights.

    Source: Primer, Equation 37; Carandini & Heeger 2011.

    Examples
    --------
    >>> DivisiveNormalization(sigma=1.0)(torch.tensor([1.0, 2.0, 0.0]))
    tensor([0.2500, 0.5000, 0.0000])
    >>> net = nn.Sequential(nn.Linear(64, 100), DivisiveNormalization(exponent=2), nn.Linear(100, 10))
    """

    def __init__(
        self,
        *,
        gamma: float = 1.0,
        sigma: float = 1.0,
        exponent: float = 1.0,
        pool: int | Sequence[int] | Tensor = -1,
        activation: str | Callable[[Tensor], Tensor] = "linear",
        learn: bool = False,
    ):
        super().__init__()
        values = {"gamma": positive(gamma, "gamma"), "sigma": positive(sigma, "sigma")}
        self.exponent = positive(exponent, "exponent")
        weighted = isinstance(pool, Tensor)
        self.pool = (-1,) if weighted else _axes(pool)
        self.register_buffer("weights", _pool_weights(pool) if weighted else None)
        self.f = Activation(activation)
        self._fixed = values
        for name, value in values.items():
            self.register_parameter(f"log_{name}", nn.Parameter(torch.tensor(math.log(value))) if learn else None)

    @property
    def gamma(self) -> float | Tensor:
        """γ, the largest answer of a unit that is driven alone."""
        return self._fixed["gamma"] if self.log_gamma is None else self.log_gamma.exp()

    @property
    def sigma(self) -> float | Tensor:
        """σ, the semi-saturation."""
        return self._fixed["sigma"] if self.log_sigma is None else self.log_sigma.exp()

    def forward(self, drive: Tensor) -> Tensor:
        """Normalize.

        Parameters
        ----------
        drive : Tensor
            I, trials × units, or trials × … with the axes of the pool.

        Returns
        -------
        Tensor
            r, of the same shape.

        Raises
        ------
        TypeError
            If the drive is no tensor, or not of the type of what is learned or of the weights.
        ValueError
            If it does not have the axes of the pool, or as many units as the weights.
        """
        self._check(drive)
        # The rectifier passes no gradient at 0, so that the infinite slope of Iⁿ there, with n < 1, does no harm.
        I, n, sigma = torch.relu(drive), self.exponent, self.sigma  # noqa: E741
        pool = I if self.weights is None else I.unsqueeze(-2).where(self.weights > 0, 0.0)  # … × units × their pool
        with torch.no_grad():
            # Numerator and denominator are divided by sⁿ, s the largest of σ and the pool's drives, lest they exceed all numbers.
            # This changes nothing, so that s needs no gradient.
            s = pool.amax(self.pool, keepdim=True).clamp(min=sigma)
        pooled = (pool / s) ** n
        if self.weights is None:
            pooled = pooled.sum(self.pool, keepdim=True)
        else:
            pooled, s = (self.weights * pooled).sum(-1), s.squeeze(-1)
        return self.f(self.gamma * (I / s) ** n / ((sigma / s) ** n + pooled))

    def _check(self, drive: Tensor) -> None:
        needed = self.weights if self.log_gamma is None else self.log_gamma
        if isinstance(drive, Tensor) and needed is None and not drive.is_floating_point():
            raise TypeError(f"a drive is a floating-point number, got {drive.dtype}: use drive.float().")
        check_input(self, drive, getattr(drive, "dtype", None) if needed is None else needed.dtype)
        _size_of_pool(drive, self.pool)
        if self.weights is not None and drive.shape[-1] != len(self.weights):
            raise ValueError(
                f"the pool has weights for {len(self.weights)} units, got a drive of shape {tuple(drive.shape)}: units come last."
            )

    def extra_repr(self) -> str:
        """γ, σ, n and the pool, for ``print(network)``."""
        pool = f"{tuple(self.weights.shape)} weights" if self.weights is not None else self.pool
        with torch.no_grad():
            gamma, sigma = float(self.gamma), float(self.sigma)
        return f"gamma={gamma:g}, sigma={sigma:g}, exponent={self.exponent:g}, pool={pool}"


def _axes(pool: int | Sequence[int]) -> tuple[int, ...]:
    """Axes as a tuple of integers, or a ValueError that says what was given."""
    try:
        members = list(pool)
    except TypeError:  # a single one
        members = [pool]
    try:
        axes = tuple(operator.index(axis) for axis in members if not isinstance(axis, bool))
    except TypeError:
        axes = ()
    if not axes or len(set(axes)) < len(members):
        raise ValueError(f"pool should be an axis, -1 for units, or several different ones, got {pool!r}.")
    return axes


def _size_of_pool(x: Tensor, pool: tuple[int, ...]) -> int:
    """How many values a pool of x has; refused unless x has these axes, each once and none empty."""
    if not all(-x.ndim <= axis < x.ndim for axis in pool) or len({axis % x.ndim for axis in pool}) < len(pool):
        raise ValueError(f"the pool is over the axes {pool}, got an input of shape {tuple(x.shape)}.")
    size = 1
    for axis in pool:
        size *= x.shape[axis]
    if size == 0:
        raise ValueError(f"the pool over the axes {pool} is empty in an input of shape {tuple(x.shape)}.")
    return size


def _pool_weights(w: Tensor) -> Tensor:
    if w.ndim != 2 or w.shape[0] != w.shape[1] or 0 in w.shape:
        raise ValueError(f"the weights of a pool are units × units, got shape {tuple(w.shape)}.")
    w = w.detach().clone() if w.is_floating_point() else w.to(torch.get_default_dtype())
    if not torch.isfinite(w).all() or (w < 0).any():
        raise ValueError(
            "the weights of a pool should be numbers from 0 up: a unit is divided by what drives its pool."
        )
    return w
