"""The continuous Hopfield network in layers: feedback through the same weights, and an energy that falls until it rests."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive, positive_integer
from nnbrain.networks.layered import Nudge, State, check_state, checked_nudge
from nnbrain.networks.mlp import MLP


def _square(r: Tensor) -> Tensor:
    return 0.5 * r.square()


# G(r) = ∫ f⁻¹(r) dr, what it costs a unit to be active at the rate r.
_COSTS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": lambda r: torch.xlogy(r, r) + torch.xlogy(1 - r, 1 - r),
    "tanh": lambda r: 0.5 * (torch.xlogy(1 + r, 1 + r) + torch.xlogy(1 - r, 1 - r)),
    "relu": _square,  # of rates from 0 up
    "linear": _square,
}


class ContinuousHopfield(nn.Module):
    """A layered network whose feedback runs through the feed-forward weights, transposed, and which settles.

    r_l = f(W_l r_{l−1} + γ W_{l+1}ᵀ r_{l+1} + b_l) at rest,   l = 1 … L,   r_0 = x;   the outputs are linear, y = r_L

    E = Σ_l γ^{l−L} [ Σᵢ G(r_{l,i}) − r_lᵀ (W_l r_{l−1} + b_l) ],   G(r) = ∫ f⁻¹(r) dr,   G(y) = ½ y² for the outputs

    Given its neighbours, a layer at f(…) is at the minimum of E, so that layers which settle one after the other never raise the
    energy, and end at rest in a minimum of it. The first sweep, from silence and from below, is the pass through `MLP` with the
    same weights. A nudge adds ½ β ‖y − target‖² to E and so pulls the outputs towards a target, β (target − y); β = ∞ holds
    them there.

    The gain γ tells how strongly a layer hears the one above. Strong feedback can make more than one state rest; among units
    that know no bound ("relu", "linear") it can make activity grow without end.

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, from the input to the output.
    activation : {"sigmoid", "tanh", "relu", "linear"}
        f, of all layers but the last, which is linear.
    feedback_gain : float
        γ > 0.
    bias : bool
        Whether the layers have biases b.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU) as `MLP` does; torch's own by default.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        ``layers[l - 1]`` holds W_l and b_l, by the names that they have in an `MLP`: each loads the other's ``state_dict``.
    rates : nn.ModuleList of Activation
        ``rates[l - 1]`` is the f of r_l, one for each layer but the last; `record` finds what they give at rest.

    Raises
    ------
    ValueError
        If a number is out of its range, or the activation function is another.

    Source: Primer, section 5.3 (biologically realistic gradient descent); Hopfield 1984; Xie & Seung 2003.

    Examples
    --------
    >>> net = ContinuousHopfield([64, 32, 10])
    >>> x = torch.rand(5, 64)
    >>> hidden, y = net.relax(x)
    >>> net.energy((hidden, y), x).shape, net(x).shape
    (torch.Size([5]), torch.Size([5, 10]))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "sigmoid",
        *,
        feedback_gain: float = 1.0,
        bias: bool = True,
        generator: Generator | None = None,
    ):
        super().__init__()
        if activation not in _COSTS:
            raise ValueError(
                f"the energy needs the integral of the inverse of f, known for {', '.join(_COSTS)}; got {activation!r}."
            )
        self.feedback_gain = positive(feedback_gain, "feedback_gain")
        feedforward = MLP(sizes, activation, bias=bias, generator=generator)
        self.sizes, self.layers, self.rates = feedforward.sizes, feedforward.layers, feedforward.rates

    @property
    def scales(self) -> list[float]:
        """γ^{l−L}, what a layer counts for in the energy: 1 for the outputs, the more the lower if feedback is weak."""
        above = reversed(range(len(self.layers)))  # how many layers are: L − l
        return [self.feedback_gain**-n for n in above]

    def energy(self, state: State, x: Tensor, nudge: Nudge | None = None) -> Tensor:
        """E; with a nudge, ½ β ‖y − target‖² is added.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].
        nudge : (Tensor, float), optional
            Target and strength; see `relax`. An infinite strength adds nothing: the target is where the outputs are held.

        Returns
        -------
        Tensor
            (trials,)
        """
        nudge = self._checked(x, state, nudge)
        E = x.new_zeros(len(x))
        costs = [*(_COSTS[f.name] for f in self.rates), _square]
        for scale, G, layer, below, r in zip(self.scales, costs, self.layers, (x, *state[:-1]), state, strict=True):
            E = E + scale * (G(r) - r * layer(below)).sum(1)
        if nudge is None or nudge[1] == math.inf:
            return E
        return E + nudge[1] * _square(state[-1] - nudge[0]).sum(1)

    @torch.no_grad()
    def energy_gradient(self, state: State, x: Tensor) -> list[Tensor]:
        """∂E/∂W_l = −γ^{l−L} r_l r_{l−1}ᵀ and ∂E/∂b_l = −γ^{l−L} r_l, averaged over trials: Hebb's rule, for a state that is kept.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].

        Returns
        -------
        list of Tensor
            One for each of the network's parameters, in their order and shape.
        """
        check_state(self, x, state)
        gradients = []
        for scale, layer, below, r in zip(self.scales, self.layers, (x, *state[:-1]), state, strict=True):
            gradients.append(-scale * r.T @ below / len(x))
            if layer.bias is not None:
                gradients.append(-scale * r.mean(0))
        return gradients

    def update(self, state: State, x: Tensor, nudge: Nudge | None = None) -> State:
        """Where each layer would settle, given its neighbours as they are: the state itself, if and only if it is at rest.

        It can be differentiated, by the state and by the weights.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].
        nudge : (Tensor, float), optional
            As for `relax`.

        Returns
        -------
        tuple of Tensor
            Of the state's shapes.
        """
        nudge = self._checked(x, state, nudge)
        from_input = self.layers[0](x)
        return tuple(self._settled(k, state, from_input, nudge) for k in range(len(state)))

    @torch.no_grad()
    def relax(
        self,
        x: Tensor,
        nudge: Nudge | None = None,
        *,
        state: State | None = None,
        steps: int = 1000,
        tolerance: float = 1e-5,
    ) -> State:
        """Let the layers settle, one after the other from below, until none changes any more.

        It stops when no rate changes by more than ``tolerance`` in a sweep, or after ``steps`` of them; `update` tells how far a
        state is from rest. The energy never rises.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        nudge : (Tensor, float), optional
            A target for the outputs, trials × sizes[-1], and the strength β > −1 with which it pulls; pushes, if negative. With
            an infinite strength the outputs are held at the target.
        state : tuple of Tensor, optional
            Where to start; silence by default.
        steps : int
        tolerance : float

        Returns
        -------
        tuple of Tensor
            r_1, …, r_L, each trials × units.

        Raises
        ------
        TypeError, ValueError
            If x, the target or the state does not fit, or a number is out of its range.
        FloatingPointError
            If the activity grows without bound.
        """
        nudge = self._checked(x, state, nudge)
        steps, tolerance = positive_integer(steps, "steps"), at_least_zero(tolerance, "tolerance")
        state = [x.new_zeros(len(x), n) for n in self.sizes[1:]] if state is None else list(state)
        from_input = self.layers[0](x)
        for _ in range(steps):
            before = list(state)
            for k in range(len(state)):
                state[k] = self._settled(k, state, from_input, nudge)
            # torch's max, unlike Python's, never loses a NaN
            change = float(torch.stack([(r - old).abs().max() for r, old in zip(state, before, strict=True)]).max())
            if change <= tolerance:
                break
            if not math.isfinite(change):
                raise FloatingPointError(
                    "the activity is no longer finite. If the inputs are, the feedback is too strong for units that know no "
                    f"bound: lower feedback_gain (now {self.feedback_gain:g}) or the weights, or use 'sigmoid' or 'tanh'."
                )
        return tuple(state)

    def outputs(self, state: State) -> Tensor:
        """The activity of the last layer, y = r_L.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        """
        return state[-1]

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """The outputs at rest. There are no gradients: see `equilibrium_gradient`, and the rules that do without.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].

        Returns
        -------
        Tensor
            y, trials × sizes[-1].

        Raises
        ------
        TypeError, ValueError
            If x does not fit.
        """
        state, from_input = self.relax(x), self.layers[0](x)
        for k, f in enumerate(self.rates):
            f(self._summed_input(k, state, from_input))  # for those who listen: `record`
        return self.outputs(state)

    def _summed_input(self, k: int, state: Sequence[Tensor], from_input: Tensor) -> Tensor:
        """W_l r_{l−1} + b_l + γ W_{l+1}ᵀ r_{l+1} of the layer l = k + 1."""
        c = from_input if k == 0 else self.layers[k](state[k - 1])
        return c if k + 1 == len(state) else c + self.feedback_gain * (state[k + 1] @ self.layers[k + 1].weight)

    def _settled(self, k: int, state: Sequence[Tensor], from_input: Tensor, nudge: Nudge | None) -> Tensor:
        """The minimum of the energy over one layer's activity."""
        if k + 1 == len(state) and nudge is not None and nudge[1] == math.inf:
            return nudge[0]
        c = self._summed_input(k, state, from_input)
        if k + 1 < len(state):
            return self.rates[k].f(c)
        return c if nudge is None else (c + nudge[1] * nudge[0]) / (1 + nudge[1])

    def _checked(self, x: Tensor, state: State | None, nudge: Nudge | None) -> Nudge | None:
        check_state(self, x, state)
        return checked_nudge(self, nudge, len(x), above=-1)

    def extra_repr(self) -> str:
        """The feedback's gain, for ``print(network)``."""
        return f"feedback_gain={self.feedback_gain:g}"
