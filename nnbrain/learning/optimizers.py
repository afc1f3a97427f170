"""Optimizers: how an estimate of the gradient becomes a change of the weights, each in a few lines.

`torch.optim` has them all, faster and with more settings; these are here to be read, and give the same weights step for step. A
step function takes the parameters, their gradient and its state, what it remembers (None at the beginning), and returns the new
parameters and the new state. `StepOptimizer` makes of one what `fit` takes.
"""

import inspect
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from nnbrain.arguments import at_least_zero


def sgd_step(theta: Tensor, gradient: Tensor, state: None = None, *, rate: float) -> tuple[Tensor, None]:
    """Gradient descent, stochastic when the gradient is a batch's: Δθ = −η ∂L/∂θ. It remembers nothing.

    Parameters
    ----------
    theta : Tensor
        θ, of any shape.
    gradient : Tensor
        ∂L/∂θ, of the same shape.
    state : None
    rate : float
        η, the learning rate.

    Returns
    -------
    tuple
        The new θ, and None.

    Source: Primer, Equation 5.

    Examples
    --------
    >>> theta, _ = sgd_step(torch.tensor(1.0), torch.tensor(2.0), rate=0.1)
    >>> theta
    tensor(0.8000)
    """
    return theta - rate * gradient, None


def momentum_step(
    theta: Tensor, gradient: Tensor, state: Tensor | None = None, *, rate: float, mu: float = 0.9
) -> tuple[Tensor, Tensor]:
    """Momentum: a step along gradients that are summed over steps, older ones counting less and less.

    v ← μ v + ∂L/∂θ,   Δθ = −η v

    Parameters
    ----------
    theta, gradient : Tensor
        θ and ∂L/∂θ, of one shape.
    state : Tensor, optional
        v, of the same shape; 0 at the beginning.
    rate : float
        η. Where the gradient stays the same, v grows to ∂L/∂θ / (1 − μ), so that the steps are 1/(1 − μ) times those of SGD.
    mu : float
        μ, from 0 (plain gradient descent) to below 1.

    Returns
    -------
    tuple of Tensor
        The new θ, and v.

    Source: Primer, Equations 24-25; Polyak 1964.

    Examples
    --------
    >>> theta, v = momentum_step(torch.tensor(1.0), torch.tensor(2.0), rate=0.1)
    >>> theta, v = momentum_step(theta, torch.tensor(2.0), v, rate=0.1)
    >>> v
    tensor(3.8000)
    """
    v = torch.zeros_like(theta) if state is None else state
    v = mu * v + gradient  # Eq. 24
    return theta - rate * v, v  # Eq. 25


def rmsprop_step(
    theta: Tensor,
    gradient: Tensor,
    state: Tensor | None = None,
    *,
    rate: float,
    rho: float = 0.99,
    epsilon: float = 1e-8,
) -> tuple[Tensor, Tensor]:
    """RMSprop: every parameter's gradient is divided by its own recent root mean square.

    q ← ρ q + (1 − ρ) (∂L/∂θ)²,   Δθ = −η ∂L/∂θ / (√q + ε)

    Parameters
    ----------
    theta, gradient : Tensor
        θ and ∂L/∂θ, of one shape.
    state : Tensor, optional
        q, of the same shape; 0 at the beginning. So the first steps are up to 1/√(1 − ρ) times as long as later ones.
    rate : float
        η.
    rho : float
        ρ, from 0 to below 1.
    epsilon : float
        ε, which keeps the step finite where there was no gradient.

    Returns
    -------
    tuple of Tensor
        The new θ, and q.

    Source: Tieleman & Hinton 2012 (lecture 6.5 of their course); Primer, section 2.4.
    """
    q = torch.zeros_like(theta) if state is None else state
    q = rho * q + (1 - rho) * gradient**2
    return theta - rate * gradient / (q.sqrt() + epsilon), q


def adam_step(
    theta: Tensor,
    gradient: Tensor,
    state: tuple[Tensor, Tensor, int] | None = None,
    *,
    rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Tensor, tuple[Tensor, Tensor, int]]:
    """Adam: the recent mean of every parameter's gradient, divided by its recent root mean square.

    m ← β₁ m + (1 − β₁) ∂L/∂θ,   q ← β₂ q + (1 − β₂) (∂L/∂θ)²,   Δθ = −η m̂ / (√q̂ + ε)

    m̂ = m / (1 − β₁ʲ) and q̂ = q / (1 − β₂ʲ) undo that m and q began at 0, j being the number of steps. A gradient that keeps its
    value moves its parameter by η, however small it is; one that changes sign at random, with the same root mean square, by less.

    Parameters
    ----------
    theta, gradient : Tensor
        θ and ∂L/∂θ, of one shape.
    state : tuple, optional
        m, q, and j, the steps done so far; 0 at the beginning.
    rate : float
        η, about the largest change of a parameter in one step.
    beta1, beta2 : float
        β₁ and β₂, from 0 to below 1.
    epsilon : float
        ε, which keeps the step finite where there was no gradient.

    Returns
    -------
    tuple
        The new θ, and (m, q, j).

    Source: Kingma & Ba 2014; Primer, section 2.4.
    """
    m, q, j = (torch.zeros_like(theta), torch.zeros_like(theta), 0) if state is None else state
    j += 1
    m = beta1 * m + (1 - beta1) * gradient
    q = beta2 * q + (1 - beta2) * gradient**2
    m_hat, q_hat = m / (1 - beta1**j), q / (1 - beta2**j)
    return theta - rate * m_hat / (q_hat.sqrt() + epsilon), (m, q, j)


class StepOptimizer(torch.optim.Optimizer):
    """An optimizer for `fit` made of a step function; learning-rate schedules of torch work on it.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
        As for any optimizer of torch: ``rule.parameters()``.
    step : callable
        ``step(theta, gradient, state, rate=…, **settings)``, which returns the new θ and the new state: `momentum_step`, or one
        that you wrote. Each parameter has a state of its own, None at the beginning.
    rate : float
        η, from 0 up; torch's schedules call it ``"lr"``.
    **settings
        Further arguments of ``step``.

    Raises
    ------
    TypeError
        If ``step`` cannot be called, or not with these settings.
    ValueError
        If the rate is negative, or there are no parameters.

    Source: Primer, Equations 5, 24-25.

    Examples
    --------
    >>> rule = Backprop(network, cross_entropy)
    >>> history = fit(rule, task, 500, optimizer=StepOptimizer(rule.parameters(), momentum_step, rate=0.05, mu=0.9))
    """

    def __init__(self, parameters: Iterable[nn.Parameter], step: Callable, *, rate: float, **settings):
        if not callable(step):
            raise TypeError(f"step should be a function like momentum_step, got {step!r}.")
        try:
            inspect.signature(step).bind(None, None, None, rate=rate, **settings)
        except TypeError as error:
            raise TypeError(
                f"the step function is called with theta, gradient, state, rate and settings: {error}."
            ) from None
        self.step_function, self.settings = step, settings
        super().__init__(parameters, {"lr": at_least_zero(rate, "rate")})

    def __getstate__(self) -> dict:
        """What is copied and pickled: torch's own list of it does not know the step function."""
        return {**super().__getstate__(), "step_function": self.step_function, "settings": self.settings}

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Change every parameter that has a gradient.

        Parameters
        ----------
        closure : None
            Not served: the gradients are computed before.
        """
        if closure is not None:
            raise TypeError("a StepOptimizer takes no closure: compute the gradients first, then call step().")
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p].get("state")
                    result = self.step_function(p, p.grad, state, rate=group["lr"], **self.settings)
                    theta, self.state[p]["state"] = _checked(result, p)
                    p.copy_(theta)


def _checked(result: tuple, p: Tensor) -> tuple:
    """What a step function returned, if it is a pair whose first part can take the place of the parameter."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise TypeError(f"a step function returns the new theta and the new state, got {type(result).__name__}.")
    theta = result[0]
    if not isinstance(theta, Tensor) or theta.shape != p.shape:
        given = tuple(theta.shape) if isinstance(theta, Tensor) else type(theta).__name__
        raise ValueError(
            f"a step function returns a new theta of the parameter's shape, {tuple(p.shape)}, got {given}."
        )
    return result
