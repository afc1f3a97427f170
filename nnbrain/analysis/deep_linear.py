"""Deep linear networks: how strongly each mode of a map has been learned, and the exact course that learning it takes."""

from collections.abc import Iterable

import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from nnbrain.arguments import positive, positive_integer


def linear_map(network: nn.Module) -> Tensor:
    """The one matrix that a deep linear network with N layers of weights comes to: W = W⁽ᴺ⁺¹⁾ … W⁽²⁾, outputs × inputs.

    Parameters
    ----------
    network : nn.Module
        With linear ``layers`` without biases and a linear activation: ``MLP([8, 16, 15], "linear", bias=False)``.

    Returns
    -------
    Tensor
        Without gradient.

    Raises
    ------
    TypeError
        If the network has no ``layers``.
    ValueError
        If the network is not linear: it has biases, or an activation that is not.

    Source: Saxe, McClelland & Ganguli 2013.
    """
    layers = getattr(network, "layers", None)
    layers = list(layers) if isinstance(layers, Iterable) else []
    if not layers or not all(isinstance(layer, nn.Linear) for layer in layers):
        raise TypeError(f"this needs a network with linear layers, MLP(sizes, 'linear', bias=False), got {network!r}.")
    with torch.no_grad():
        W = layers[0].weight
        for layer in layers[1:]:
            W = layer.weight @ W
        x = torch.linspace(-1.0, 2.0, 3 * W.shape[1], dtype=W.dtype, device=W.device).view(3, -1)
        size = (x @ W.T).abs().max()
        far = x / size if size > 0 else x  # where outputs are about 1: near 0 all networks are linear
        if not all(torch.allclose(network(x), x @ W.T, rtol=1e-3, atol=atol) for x, atol in ((x, 1e-5), (far, 1e-2))):
            raise ValueError(
                "this network is not linear: it needs MLP(sizes, 'linear', bias=False), whose output is W x with one W."
            )
        return W.clone()


def mode_strengths(W: Tensor | nn.Module, task) -> Tensor:
    """How strongly a map has each mode of a task: uₐ = Uₐᵀ W Vₐ, which learning brings to sₐ.

    Parameters
    ----------
    W : Tensor or nn.Module
        … × outputs × inputs, many maps at once if you like (one for each step of learning); or a deep linear network.
    task : Task or Modes
        With ``modes``, U (outputs × modes) and V (inputs × modes): `HierarchicalConcepts`.

    Returns
    -------
    Tensor
        … × modes.

    Raises
    ------
    TypeError
        If the task has no modes, or W is neither a tensor nor a network with linear layers.
    ValueError
        If W does not fit the modes, or the network is not linear.

    Source: Saxe, McClelland & Ganguli 2013.

    Examples
    --------
    >>> history = fit(rule, task, 2000, trials=8, measure={"strengths": lambda net: mode_strengths(net, task)})
    """
    modes = getattr(task, "modes", task)
    if not hasattr(modes, "U") or not hasattr(modes, "V"):
        raise TypeError(f"the modes U and V come from a task like HierarchicalConcepts(), got {task!r}.")
    W = linear_map(W) if isinstance(W, nn.Module) else W
    if not isinstance(W, Tensor) or W.shape[-2:] != (len(modes.U), len(modes.V)):
        given = tuple(W.shape) if isinstance(W, Tensor) else type(W).__name__
        raise ValueError(f"the map should be … × outputs × inputs, (…, {len(modes.U)}, {len(modes.V)}), got {given}.")
    if not W.is_floating_point():
        raise TypeError(f"the map should be floating point, got {W.dtype}: use W.float().")
    return torch.einsum("oa,...oi,ia->...a", modes.U.to(W), W, modes.V.to(W))


def exact_mode_strengths(t, s, u0, tau: float = 1.0, *, layers: int = 2) -> Tensor:
    """The strengths of the modes of a deep linear network that learns by gradient descent in small steps.

    τ du/dt = N u^(2 − 2/N) (s − u);   for N = 2:   u(t) = s e^(2st/τ) / (e^(2st/τ) − 1 + s/u₀)

    For N = 2 this is a sigmoid, halfway at t = τ ln(s/u₀ − 1) / (2s): the strong modes first. For N = 1, without a hidden layer, it
    is an exponential approach, in which all modes set out at once. It is exact for inputs that are white (one-hot items), steps
    that are small, and weights that begin aligned with the modes and balanced between layers, as `align_modes` sets them; from
    other small weights it holds approximately.

    Parameters
    ----------
    t : Tensor or array-like
        (times,) From 0 up, in any order.
    s : Tensor or array-like
        (modes,) or a number: where each mode ends, above 0.
    u0 : Tensor, array-like or float
        u(0) of each mode, or of all: above 0.
    tau : float
        τ, in the units of t: items / η steps, for a mean over one-hot items and learning rate η.
    layers : int
        N, the number of layers of weights.

    Returns
    -------
    Tensor of float64
        times × modes.

    Raises
    ------
    ValueError
        If a time is negative or a strength is not positive, something is not finite, or the shapes do not fit.

    Source: Saxe, McClelland & Ganguli 2013; Primer, section 6.

    Examples
    --------
    >>> u = exact_mode_strengths(torch.arange(1000), task.modes.s, u0=0.01, tau=8 / 0.05)
    """
    tau, N = positive(tau, "tau"), positive_integer(layers, "layers")
    try:
        t, s, u0 = (torch.as_tensor(value, dtype=torch.float64).detach().cpu() for value in (t, s, u0))
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"t, s and u0 should be numbers, got {t!r}, {s!r} and {u0!r}.") from None
    if not t.numel() * s.numel() * u0.numel():
        raise ValueError("t, s and u0 should be one number or more, and not empty.")
    if t.ndim != 1 or s.ndim > 1 or u0.ndim > 1 or (u0.ndim == s.ndim == 1 and len(u0) != len(s)):
        shapes = f"{tuple(t.shape)}, {tuple(s.shape)} and {tuple(u0.shape)}"
        raise ValueError(f"t should be (times,), s (modes,), and u0 (modes,) or one number, got shapes {shapes}.")
    s, u0 = torch.broadcast_tensors(s.reshape(-1), u0.reshape(-1))
    if not (torch.isfinite(t).all() and (t >= 0).all()):
        raise ValueError("times should be finite and from 0 up: t = 0 is where u is u0.")
    if not ((s > 0) & (u0 > 0) & torch.isfinite(s) & torch.isfinite(u0)).all():
        raise ValueError("s and u0 should be above 0 and finite: a mode that begins at 0 stays there.")
    t = t.unsqueeze(1) / tau
    if N == 1:
        return s + (u0 - s) * (-t).exp()
    if N == 2:
        return s / (1 + (s / u0 - 1) * (-2 * s * t).exp())  # the same, without e^(large)
    return _integrate(t.squeeze(1), s, u0, N)


def _integrate(t: Tensor, s: Tensor, u0: Tensor, N: int) -> Tensor:
    """Solve τ du/dt = N u^(2 − 2/N) (s − u) numerically, in units of τ."""
    times, back = t.unique(return_inverse=True)
    s_, start = s.numpy(), u0.numpy()

    def slope(_, u):
        return N * abs(u) ** (2 - 2 / N) * (s_ - u)

    end = float(times[-1]) or 1.0
    found = solve_ivp(slope, (0.0, end), start, method="LSODA", t_eval=times.numpy(), rtol=1e-10, atol=1e-13)
    return torch.from_numpy(found.y.T.copy())[back]
