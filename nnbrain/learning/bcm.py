"""The rule of Bienenstock, Cooper and Munro: Hebbian above a threshold, anti-Hebbian below, and the threshold slides."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import number
from nnbrain.learning._layer import LayerRule
from nnbrain.networks import MLP
from nnbrain.tasks import Batch


class BCM(LayerRule):
    """The BCM rule for each output of a linear layer, y = W x: Δwᵢ = η yᵢ (yᵢ − θᵢ) x, averaged over the trials of a batch.

    θᵢ ← θᵢ + (⟨yᵢ²⟩ − θᵢ) / τ,   τ in batches

    An output above its threshold θ strengthens the synapses that drove it, one below weakens them; and θ follows the output's mean
    square, which ends the growth. For K linearly independent inputs that come with probabilities p, and slow learning, the stable
    states are K, each selective for one of them: y = 1/p for that one, and 0 for all others. y is linear, and may be negative: a
    rate below the spontaneous one.

    If θ follows too slowly for the learning rate, weights swing, or explode before it catches up: for orthogonal inputs of length
    |x|, these states are stable if ητ|x|² < 1. With τ = 1 the rule is the gradient descent of R = ¼⟨y²⟩² − ⅓⟨y³⟩ on each batch.

    The rule returns R of this batch, summed over outputs. It starts with θ = ⟨y²⟩ of its first batch, and carries it on.

    Parameters
    ----------
    network : MLP or nn.Linear
        Of one layer, without a bias: ``MLP([inputs, outputs], bias=False)``.
    objective : None
        There is none to give.
    time_constant : float
        τ, over how many batches θ averages, 1 or more.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Attributes
    ----------
    theta : Tensor or None
        θ, (outputs,).

    Raises
    ------
    ValueError
        If an objective is given, the network has more than one layer, a bias, or frozen weights; if τ is below 1; if inputs do not
        fit.
    FloatingPointError
        If the weights explode, as the learning rate is too high.

    Source: Primer, section 5.3 (Hebbian plasticity and its variants); Bienenstock, Cooper & Munro 1982; Intrator & Cooper 1992.

    Examples
    --------
    >>> network = MLP([4, 1], bias=False)
    >>> rule = BCM(network, time_constant=10)
    >>> history = fit(rule, task, steps=1000)
    """

    advice = "lower the learning rate, or the time constant of the threshold"

    def __init__(
        self,
        network: MLP | nn.Linear,
        objective: None = None,
        *,
        time_constant: float = 10.0,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        if not 1 <= number(time_constant) < float("inf"):
            raise ValueError(f"time_constant is a number of batches, 1 or more, got {time_constant!r}.")
        self.time_constant = number(time_constant)
        self.theta: Tensor | None = None

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """R, and minus the change of the weights, averaged over trials. θ takes this batch in."""
        theta = self.theta
        try:
            return super().estimate(batch)
        except FloatingPointError:
            self.theta = theta
            raise

    def change(self, x: Tensor, y: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """R and ⟨yᵢ (yᵢ − θᵢ) x⟩ for each output.

        Parameters
        ----------
        x, y : Tensor
            trials × inputs, trials × outputs.
        W : Tensor
            outputs × inputs.
        """
        power = y.square().mean(0)  # (outputs,)
        theta = power if self.theta is None else self.theta.to(power)
        self.theta = theta + (power - theta) / self.time_constant
        R = power.square() / 4 - y.pow(3).mean(0) / 3
        return R.sum(), (y * (y - self.theta)).T @ x / len(x)
