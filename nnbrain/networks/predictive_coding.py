"""Predictive coding: each level predicts the one below, and what it failed to predict goes up and corrects it."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive, positive_integer, positive_integers
from nnbrain.networks.activations import Activation, with_slope
from nnbrain.networks.layered import Nudge, State, check_layer, check_state, checked_nudge

# g(r), how much a rate costs, and its slope g′(r).
_PRIORS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "gaussian": (torch.square, lambda r: 2 * r),
    "sparse": (lambda r: torch.log1p(r * r), lambda r: 2 * r / (1 + r * r)),
}


class PredictiveCodingNetwork(nn.Module):
    """A hierarchy in which every level predicts the one below, r̂_{l−1} = f(U_l r_l), and is corrected by the error ε = r − r̂.

    E = ½ Σ_l π_l ‖r_{l−1} − f(U_l r_l)‖² + ½ Σ_l α_l Σᵢ g(r_{l,i}),   l = 1 … L,   r_0 = x

    dr_l/dt = −∂E/∂r_l = U_lᵀ (f′ ∘ π_l ε_{l−1}) − π_{l+1} ε_l − ½ α_l g′(r_l)

    The first term comes from below, the error of what the level predicts; the second from above, the error of the prediction of
    the level itself; the highest level, L, has none. E is half of what Rao & Ballard call E, which gives their dynamics: minus the
    log posterior of the rates, given the input, up to a constant. π is 1/σ², the precision of a prediction.

    Parameters
    ----------
    sizes : sequence of int
        Units in each level, from the input x up: ``[256, 32, 16]`` has two levels above an image of 256 pixels.
    activation : str or callable
        f, by name or as a function of a tensor; a list gives each level its own, from the lowest up.
    precisions : float or sequence of float
        π_l, from the lowest prediction, that of the input, up.
    prior : {"gaussian", "sparse"}
        g(r) = r², or log(1 + r²), which prefers few large rates to many small ones.
    alpha : float or sequence of float
        α_l, how much a rate costs; 0 for no prior.
    masks : sequence of Tensor or None, optional
        For each level None, or sizes[l − 1] × sizes[l], which multiplies U_l: 0 where there is no connection. For three modules
        of 32 units that each see a window of 256 pixels, side by side in x: ``torch.block_diag(*[torch.ones(256, 32)] * 3)``.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU), which are Gaussian, so that a unit's predictions have a norm of about 1; torch's own
        by default.

    Attributes
    ----------
    weights : nn.ParameterList
        ``weights[l - 1]`` is U_l before masking, sizes[l − 1] × sizes[l]: a column is what one unit predicts.
    precisions, alpha : Tensor
        (L,)
    rates, error_units : nn.ModuleList
        What `record` finds after a call: ``rates.0`` is r_1, ``error_units.0`` is ε_0 = x − x̂, and so on.

    Raises
    ------
    ValueError
        If a number is out of its range, the prior is unknown, or lists have another length than there are levels.

    Source: Primer, section 5.2 (predictive coding); Rao & Ballard 1999.

    Examples
    --------
    >>> net = PredictiveCodingNetwork([256, 32, 16], precisions=[1.0, 0.1], prior="sparse", alpha=0.05)
    >>> x = torch.randn(5, 256)
    >>> r_1, r_2 = net.relax(x)
    >>> net.energy((r_1, r_2), x).shape, net(x).shape
    (torch.Size([5]), torch.Size([5, 16]))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | Callable[[Tensor], Tensor] | Sequence[str | Callable[[Tensor], Tensor]] = "linear",
        precisions: float | Sequence[float] = 1.0,
        prior: str = "gaussian",
        alpha: float | Sequence[float] = 0.1,
        masks: Sequence[Tensor | None] | None = None,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.sizes = positive_integers(sizes, "sizes")
        if len(self.sizes) < 2:
            raise ValueError(f"predictive coding needs two sizes or more, from the input up, got {self.sizes}.")
        if prior not in _PRIORS:
            raise ValueError(f"prior is {' or '.join(map(repr, _PRIORS))}, got {prior!r}.")
        self.prior = prior
        levels = len(self.sizes) - 1
        self.f = nn.ModuleList(Activation(f) for f in _of_each(activation, levels, "activation"))
        costs = [at_least_zero(a, "alpha") for a in _of_each(alpha, levels, "alpha")]
        pis = [positive(p, "each of precisions") for p in _of_each(precisions, levels, "precisions")]
        self.register_buffer("precisions", torch.tensor(pis))
        self.register_buffer("alpha", torch.tensor(costs))
        for level, mask in enumerate(_of_each(masks, levels, "masks"), start=1):
            self.register_buffer(f"mask_{level}", _checked_mask(mask, self.sizes[level - 1 : level + 1], level))
        self.weights = nn.ParameterList(self._initial(level, generator) for level in range(1, levels + 1))
        self.rates = nn.ModuleList(nn.Identity() for _ in range(levels))
        self.error_units = nn.ModuleList(nn.Identity() for _ in range(levels))

    def _initial(self, level: int, generator: Generator | None) -> nn.Parameter:
        below, above = self.sizes[level - 1 : level + 1]
        U, mask = torch.randn(below, above, generator=generator), getattr(self, f"mask_{level}")
        if mask is None:
            return nn.Parameter(U / below**0.5)
        return nn.Parameter(U * (mask != 0) / mask.square().sum(0).sqrt())

    @property
    def U(self) -> tuple[Tensor, ...]:
        """The weights of all levels, masked, sizes[l − 1] × sizes[l] each: a column is what one unit predicts."""
        masks = (getattr(self, f"mask_{level}") for level in range(1, len(self.sizes)))
        return tuple(W if mask is None else W * mask for W, mask in zip(self.weights, masks, strict=True))

    def energy(self, state: State, x: Tensor, nudge: Nudge | None = None) -> Tensor:
        """E, minus the log posterior of a state up to a constant; with a nudge, ½ strength ‖r_L − target‖² is added.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].
        nudge : (Tensor, float), optional
            Target and strength; see `relax`. An infinite strength adds nothing: the target is where the state is held.

        Returns
        -------
        Tensor
            (trials,)
        """
        check_state(self, x, state)
        target = checked_nudge(self, nudge, len(state[-1]))
        return self._energy(_errors(x, state, self._predict(state, self.U)), state, target)

    def predictions(self, state: State) -> State:
        """What each level predicts: x̂ = f(U_1 r_1), r̂_1 = f(U_2 r_2), …

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.

        Returns
        -------
        tuple of Tensor
            L of them, trials × sizes[l] each.
        """
        check_state(self, None, state)
        return tuple(r_hat for r_hat, _ in self._predict(state, self.U))

    def generate(self, top: Tensor) -> tuple[Tensor, State]:
        """What the highest level expects of all that lie below: r_{l−1} = f(U_l r_l), from the top down.

        Parameters
        ----------
        top : Tensor
            r_L, trials × sizes[-1].

        Returns
        -------
        x : Tensor
            trials × sizes[0].
        state : tuple of Tensor
            r_1, …, r_L: no error anywhere, if x is the input.
        """
        check_layer(self, top, len(self.sizes) - 1)
        levels = [top]
        for f, U in zip(reversed(self.f), reversed(self.U), strict=True):
            levels.insert(0, f.f(levels[0] @ U.T))
        return levels[0], tuple(levels[1:])

    def errors(self, state: State, x: Tensor, *, feedback: bool = True) -> State:
        """The error units of each level: ε_0 = x − f(U_1 r_1), ε_1 = r_1 − f(U_2 r_2), …

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].
        feedback : bool
            Without feedback no prediction of a level above the first arrives: ε_1 = r_1, and so on.

        Returns
        -------
        tuple of Tensor
            L of them, trials × sizes[l] each.
        """
        check_state(self, x, state)
        errors = _errors(x, state, self._predict(state, self.U))
        return tuple(errors) if feedback else (errors[0], *state[:-1])

    def corrections(self, state: State, x: Tensor) -> State:
        """What error units send up: δ_{l−1} = f′(U_l r_l) ∘ π_l ε_{l−1}, which U_lᵀ then collects.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].

        Returns
        -------
        tuple of Tensor
            L of them, trials × sizes[l] each.
        """
        check_state(self, x, state)
        predicted = self._predict(state, self.U)
        sent = zip(_errors(x, state, predicted), predicted, self.precisions, strict=True)
        return tuple(pi * slope * error for error, (_, slope), pi in sent)

    def change(self, state: State, x: Tensor, nudge: Nudge | None = None, *, feedback: bool = True) -> State:
        """dr_l/dt, how every rate would change now.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        x : Tensor
            trials × sizes[0].
        nudge, feedback
            As for `relax`.

        Returns
        -------
        tuple of Tensor
            Of the state's shapes: −∂E/∂r_l, if there is feedback.
        """
        check_state(self, x, state)
        U, target = self.U, checked_nudge(self, nudge, len(x))
        return self._change(
            _errors(x, state, predicted := self._predict(state, U)), predicted, state, U, target, feedback
        )

    @torch.no_grad()
    def relax(
        self,
        x: Tensor,
        nudge: Nudge | None = None,
        *,
        state: State | None = None,
        feedback: bool = True,
        steps: int = 1000,
        rate: float | None = None,
        tolerance: float = 1e-5,
    ) -> State:
        """Inference: r_l ← r_l + rate · dr_l/dt until the rates rest.

        It stops when no rate changes by more than ``tolerance`` in a step, or after ``steps`` of them; `change` says how far the
        state is from rest. With feedback the energy never rises: a trial in which it would is left as it is and takes steps of half
        the size from then on.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        nudge : (Tensor, float), optional
            A target for the highest level, trials × sizes[-1], and the strength with which it pulls: β (target − r_L) joins
            dr_L/dt. With an infinite strength r_L is held at the target, and the state starts as `generate` gives it.
        state : tuple of Tensor, optional
            Where to start; silence by default. ``steps=1`` follows the rates in time.
        feedback : bool
            Whether predictions of levels above the first arrive. Without them each such prediction is 0: the second term of
            dr_l/dt is −π_{l+1} r_l, so that no level hears of those above it. They still infer what they can from below.
        steps : int
        rate : float, optional
            The size of a step. By default each level's own, one over a bound of its curvature,
            π_l ‖U_l‖² + π_{l+1} + α_l, for which the energy of a linear network never rises.
        tolerance : float

        Returns
        -------
        tuple of Tensor
            r_1, …, r_L, each trials × units.

        Raises
        ------
        TypeError, ValueError
            If x, the target or the state does not fit, or a number is out of its range.
        """
        check_state(self, x, state)
        steps, tolerance = positive_integer(steps, "steps"), at_least_zero(tolerance, "tolerance")
        target, U = checked_nudge(self, nudge, len(x)), self.U
        state = self._start(x, state, target)
        rates = self._rates(U, target) if rate is None else [positive(rate, "rate")] * len(state)
        predicted = self._predict(state, U)
        errors = _errors(x, state, predicted)
        E, size = self._energy(errors, state, target), x.new_ones(len(x), 1)
        for _ in range(steps):
            change = self._change(errors, predicted, state, U, target, feedback)
            step = tuple(size * eta * d for eta, d in zip(rates, change, strict=True))
            new = tuple(r + d for r, d in zip(state, step, strict=True))
            predicted = self._predict(new, U)
            errors = _errors(x, new, predicted)
            E_new = self._energy(errors, new, target)
            worse = ~(E_new <= E + 16 * torch.finfo(E.dtype).eps * E)[:, None]  # beyond rounding
            if feedback and worse.any():
                size = size / (1 + worse)
                new = tuple(r.where(worse, moved) for r, moved in zip(state, new, strict=True))
                predicted = self._predict(new, U)
                errors = _errors(x, new, predicted)
                E_new = E.where(worse[:, 0], E_new)
            state, E = new, E_new
            if max(float(d.abs().max()) for d in step) <= tolerance:
                break
        return state

    def outputs(self, state: State) -> Tensor:
        """The rates of the highest level, r_L.

        Parameters
        ----------
        state : tuple of Tensor
            r_1, …, r_L, each trials × units.
        """
        check_state(self, None, state)
        return state[-1]

    def forward(self, x: Tensor, *, feedback: bool = True) -> Tensor:
        """What the highest level infers from x. There are no gradients: the network is at rest, and its rule is local.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].
        feedback : bool
            As for `relax`.

        Returns
        -------
        Tensor
            r_L, trials × sizes[-1].

        Raises
        ------
        TypeError, ValueError
            If x does not fit.
        """
        state = self.relax(x, feedback=feedback)
        for part, value in zip(self.error_units, self.errors(state, x, feedback=feedback), strict=True):
            part(value)
        return self.outputs(tuple(part(value) for part, value in zip(self.rates, state, strict=True)))

    def _predict(self, state: State, U: State) -> list[tuple[Tensor, Tensor]]:
        """What each level predicts, f(U_l r_l), and the slope f′(U_l r_l)."""
        return [with_slope(f, r @ W.T) for f, W, r in zip(self.f, U, state, strict=True)]

    def _energy(self, errors: list[Tensor], state: State, target: Nudge | None) -> Tensor:
        g = _PRIORS[self.prior][0]
        E = sum(0.5 * pi * e.square().sum(1) for pi, e in zip(self.precisions, errors, strict=True))
        E = E + sum(0.5 * alpha * g(r).sum(1) for alpha, r in zip(self.alpha, state, strict=True))
        if target is None or target[1] == math.inf:
            return E
        return E + 0.5 * target[1] * (state[-1] - target[0]).square().sum(1)

    def _change(self, errors, predicted, state: State, U: State, target: Nudge | None, feedback: bool) -> State:
        """dr_l/dt, the sum of what comes from below, from above, from the prior and from the target."""
        slope_of_g, changes = _PRIORS[self.prior][1], []
        for i, r in enumerate(state):  # level i + 1
            change = (self.precisions[i] * predicted[i][1] * errors[i]) @ U[i] - 0.5 * self.alpha[i] * slope_of_g(r)
            if i + 1 < len(state):
                change = change - self.precisions[i + 1] * (errors[i + 1] if feedback else r)
            changes.append(change)
        if target is not None:
            held = target[1] == math.inf
            changes[-1] = torch.zeros_like(r) if held else changes[-1] + target[1] * (target[0] - r)
        return tuple(changes)

    def _start(self, x: Tensor, state: State | None, target: Nudge | None) -> State:
        """Where to begin: as given, as the target demands, or in silence."""
        held = target is not None and target[1] == math.inf
        if state is not None:
            return (*state[:-1], target[0]) if held else state
        if held:
            return self.generate(target[0])[1]
        if any(with_slope(f, x.new_zeros(1))[1] == 0 for f in self.f):
            raise ValueError(
                "this network's f is flat at 0, so that silent units would stay silent: say where to start, relax(x, state=…), or "
                "take another activation, softplus for instance."
            )
        return tuple(x.new_zeros(len(x), n) for n in self.sizes[1:])

    def _rates(self, U: State, target: Nudge | None) -> list[float]:
        """For each level the inverse of a bound on its curvature, π_l ‖U_l‖² sup f′² + π_{l+1} + α_l."""
        pis, alphas = self.precisions.tolist(), self.alpha.tolist()
        steepest = [0.25 if f.name == "sigmoid" else 1.0 for f in self.f]
        norms = [float(torch.linalg.matrix_norm(W.detach().cpu(), 2)) for W in U]
        curvatures = [
            pi * (norm * slope) ** 2 + above + alpha
            for pi, norm, slope, above, alpha in zip(pis, norms, steepest, [*pis[1:], 0.0], alphas, strict=True)
        ]
        if target is not None and target[1] < math.inf:
            curvatures[-1] += target[1]
        return [1 / max(c, 1e-12) for c in curvatures]

    def extra_repr(self) -> str:
        """Sizes and prior, for ``print(network)``."""
        return f"{self.sizes}, prior={self.prior!r}, alpha={self.alpha.tolist()}, precisions={self.precisions.tolist()}"


def _errors(x: Tensor, state: State, predicted: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """ε_0 = x − x̂, ε_1 = r_1 − r̂_1, …"""
    return [r - r_hat for r, (r_hat, _) in zip((x, *state[:-1]), predicted, strict=True)]


def _of_each(given, levels: int, name: str) -> list:
    """One for each level: what was given for it, or for all of them."""
    if not isinstance(given, Sequence | Tensor) or isinstance(given, str):
        return [given] * levels
    if len(given) != levels:
        raise ValueError(
            f"{name} should be one for all {levels} levels, or a list of {levels}, got {len(given)} of them."
        )
    return list(given)


def _checked_mask(mask: Tensor | None, shape: list[int], level: int) -> Tensor | None:
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or tuple(mask.shape) != tuple(shape):
        given = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"the mask of level {level} should be a tensor of shape {tuple(shape)}, got {given}.")
    if not (mask != 0).any(0).all():
        raise ValueError(f"the mask of level {level} leaves some units without any connection to the level below.")
    return mask.detach().to(torch.get_default_dtype(), copy=True)
