"""Supervised predictive coding: every layer predicts the next, and at rest the errors that are left are backpropagation's."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive, positive_integer
from nnbrain.learning._outputs import at_outputs, check_plain_weights, check_teachable
from nnbrain.learning.base import Rule
from nnbrain.networks import MLP
from nnbrain.networks.activations import with_slope
from nnbrain.networks.layered import State, check_layer
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class SupervisedPredictiveCoding(Rule):
    """Infer first, then ΔW_l ∝ ε_l f(v_{l−1})ᵀ, with errors ε_l = v_l − μ_l, μ_l = W_l f(v_{l−1}) + b_l, f(v_0) being x.

    E = ½ Σ_{l<L} ‖ε_l‖² + π L(μ_L),   dv_l/dt = −∂E/∂v_l = −ε_l + f′(v_l) ∘ W_{l+1}ᵀ ε_{l+1},   ε_L = −π ∂L/∂μ_L

    Every hidden unit has a value node v, its summed input, and an error node ε. The values start as the forward pass has them,
    with no error but the outputs'; this then spreads, until the values rest. π is the precision of the outputs: for the squared
    error, E is that of a hierarchy of Gaussians, with the target in place of the outputs. The estimate is divided by π.

    It equals backpropagation's as π → 0, with an error proportional to π: the values then hardly leave the forward pass. It does
    not as the outputs' error → 0, where both vanish and the angle between them stays. With fixed predictions, μ and f′ as in the
    forward pass, the errors at rest are exactly backpropagation's, at any π.

    Parameters
    ----------
    network : MLP
    objective : Objective
        A function of the outputs. What it says of the weights themselves (a penalty) is added.
    precision : float
        π > 0. Errors are about π in size: of the estimate in single precision about 10⁻⁷/π is rounding.
    fixed_predictions : bool
        Whether μ and f′ stay as they are in the forward pass.
    steps : int
        Of inference, at most.
    rate : float, optional
        The size of a step; by default one over a bound of the curvature that E has where errors are small, for an L whose own
        is 1 at most (squared error, cross-entropy) and |f′| ≤ 1; and 1 with fixed predictions, where rest is
        reached in as many steps as there are hidden layers. A trial whose energy would rise takes steps of half the size from
        then on.
    tolerance : float
        Inference ends when no value changes by more than this times π in a step.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    TypeError
        If the network is another, or the objective is missing.
    ValueError
        If a number is out of its range, or the weights are frozen or made of other parameters.

    Source: Primer, section 5.2 (predictive coding); Framework, Figure 2; Whittington & Bogacz 2017; Millidge, Tschantz & Buckley
    2022 (fixed predictions).

    Examples
    --------
    >>> rule = SupervisedPredictiveCoding(MLP([64, 32, 10]), cross_entropy, precision=0.1)
    >>> loss = rule(batch)  # the objective of the forward pass; .grad is nearly backprop's
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        precision: float = 1.0,
        fixed_predictions: bool = False,
        steps: int = 200,
        rate: float | None = None,
        tolerance: float = 1e-4,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        name = type(self).__name__
        if type(network) is not MLP:
            raise TypeError(f"{name} teaches an MLP, layer by layer; got {type(network).__name__}.")
        check_teachable(self)
        check_plain_weights(self)
        self.precision, self.fixed_predictions = positive(precision, "precision"), fixed_predictions
        self.steps, self.tolerance = positive_integer(steps, "steps"), at_least_zero(tolerance, "tolerance")
        self.rate = None if rate is None else positive(rate, "rate")
        if fixed_predictions and (self.rate or 1) >= 2:
            raise ValueError(
                f"with fixed predictions inference comes to rest at rates below 2 only, got rate={rate!r}."
            )

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The objective of the forward pass, and −ε_l f(v_{l−1})ᵀ / π, averaged over trials."""
        start = self._forward(batch.inputs)
        y = self.network.layers[-1](self._rates(batch.inputs, start)[-1])
        values, _, direct = at_outputs(self.objective, y, batch, self.network, self.parameters())
        v, errors = self.infer(batch)
        rates = self._rates(batch.inputs, start if self.fixed_predictions else v)
        estimates = []
        for layer, r, error in zip(self.network.layers, rates, errors, strict=True):
            hebbian = [error.T @ r / len(batch), error.mean(0)]
            taught = [(layer.weight, hebbian[0]), (layer.bias, hebbian[1])]
            estimates += [-h / self.precision for p, h in taught if p is not None and p.requires_grad]
        return values.mean(), [e + d for e, d in zip(estimates, direct, strict=True)]

    @torch.no_grad()
    def infer(self, batch: Batch) -> tuple[State, State]:
        """Values and errors at rest.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        values : tuple of Tensor
            v_1, …, v_{L−1} of the hidden layers, trials × units each.
        errors : tuple of Tensor
            ε_1, …, ε_L; the last is that of the outputs.
        """
        start = self._forward(batch.inputs)
        rate = torch.full_like(batch.inputs[:, :1], self._rate())  # trials × 1
        now = start, *self._look(start, start, batch)
        for _ in range(self.steps if start else 0):
            v, (E,), _, change = now
            moved = [rate * d for d in change]
            v = tuple(a + d for a, d in zip(v, moved, strict=True))
            new = v, *self._look(v, start, batch)
            rises = new[1][0] > E + 16 * torch.finfo(E.dtype).eps * E.abs()  # beyond rounding
            if rises.any() and not self.fixed_predictions:  # with which there is no energy
                rate = rate / (1 + rises)
                new = tuple(_where(rises, a, b) for a, b in zip(now, new, strict=True))
            now = new
            if max(float(d.abs().max()) for d in moved) <= self.tolerance * self.precision:
                break
        v, _, errors, _ = now
        return v, errors

    def _forward(self, x: Tensor) -> State:
        """v_l = μ_l, from below: the summed inputs of the hidden layers."""
        check_layer(self.network, x, 0, "the input")
        v, r = [], x
        for layer, f in zip(self.network.layers, self.network.rates, strict=False):
            v.append(layer(r))
            r = f.f(v[-1])
        return tuple(v)

    def _rates(self, x: Tensor, v: State) -> list[Tensor]:
        """x, f(v_1), …, f(v_{L−1})."""
        return [x, *(f.f(c) for f, c in zip(self.network.rates, v, strict=True))]

    def _look(self, v: State, start: State, batch: Batch) -> tuple[State, State, State]:
        """E, as the only member of a tuple, ε, and dv/dt."""
        seen = start if self.fixed_predictions else v
        layers = self.network.layers
        *predicted, y = (layer(r) for layer, r in zip(layers, self._rates(batch.inputs, seen), strict=True))
        losses, slopes, _ = at_outputs(self.objective, y, batch, self.network)
        errors = *(a - mu for a, mu in zip(v, predicted, strict=True)), -self.precision * slopes
        E = self.precision * losses[:, None] + sum(0.5 * e.square().sum(1, keepdim=True) for e in errors[:-1])
        change = tuple(
            with_slope(f, c)[1] * (above @ layer.weight) - error
            for f, c, layer, error, above in zip(self.network.rates, seen, layers[1:], errors, errors[1:], strict=False)
        )
        return (E,), errors, change

    def _rate(self) -> float:
        """One over a bound of the curvature, (1 + max ‖W_l‖ sup f′)² + π ‖W_L‖² sup f′², l from 2 to L − 1."""
        if self.rate is not None or self.fixed_predictions:
            return self.rate or 1.0
        steepest = [0.25 if f.name == "sigmoid" else 1.0 for f in self.network.rates]
        norms = [float(torch.linalg.matrix_norm(layer.weight.cpu(), 2)) for layer in self.network.layers[1:]]
        *hidden, last = [0.0, 0.0, *(norm * slope for norm, slope in zip(norms, steepest, strict=True))]
        return 1 / ((1 + max(hidden)) ** 2 + self.precision * last**2)


def _where(condition: Tensor, first: State, second: State) -> State:
    return tuple(torch.where(condition, a, b) for a, b in zip(first, second, strict=True))
