"""The recurrent network of neuroscience: rate units in continuous time, of which the Elman network is a special case."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, number, positive_integer
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input, check_sequence
from nnbrain.networks.recurrent import Recurrent
from nnbrain.networks.unrolling import Unroll, fusible, transformed


class RNN(Recurrent):
    """A recurrent network of rate units in continuous time, in steps of Δt; with Δt = τ it is the Elman network.

    r_t = (1 − α) r_{t−1} + α f(W_r r_{t−1} + W_x x_t + b_r + √(2/α) σ ξ_t),   y_t = W_y r_t + b_y,   α = Δt/τ

    W_r starts Gaussian with standard deviation g/√(pN), so that its eigenvalues fill a disc of radius g; W_x and W_y as in `MLP`;
    biases as zeros.

    Parameters
    ----------
    inputs, units, outputs : int
    tau : float
        The time constant τ of a unit, in ms.
    dt : float
        The time step Δt, in ms; at most τ. ``dt=tau`` gives the Elman network.
    activation : str or callable
        f, by name or as a function of a tensor; see `Activation`.
    sigma : float
        σ, the size of the recurrent noise: each unit of a network without connections and with linear f fluctuates with a standard
        deviation of σ/√(1 − α/2), about σ for any small step. There is noise only when the network is called with a generator.
    g : float
        The gain of the initial recurrent weights: the radius of their spectrum.
    density : float
        p, the fraction of recurrent connections that exist at the start; the others begin at 0.
    bias : bool
        Whether there are biases b_r and b_y.
    learn_initial_state : bool
        Whether the state before the first step is learned, or zero.
    feedback : bool
        Whether the output is fed back through fixed random weights W_fb, uniform from −1 to 1: W_fb y_{t−1} joins the input.
    fused : bool
        Whether to use the backward pass written by hand. Without it torch differentiates step by step: slower, but it can be
        differentiated twice. A function f that is none of those with a name always takes this way.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    W_r, W_x, b_r, W_y, b_y : Tensor
        units × units, units × inputs, (units,), outputs × units, (outputs,); the biases are None without them.
    W_fb : Tensor
        units × outputs, with feedback; not learned.
    alpha : float
        Δt/τ.
    gain : Tensor
        (units,), or time × units: multiplies the rates wherever they act, in the recurrence, the output and the activity.
        Lesions and inactivations set it.
    connection_gain : Tensor or None
        units × units, or time × units × units: multiplies W_r (rows: to, columns: from).

    Raises
    ------
    ValueError
        If a number is out of its range: Δt > τ, for instance.

    Source: Primer, Equations 14-17, 26-27, Figures 2B, 2C; the noise as in Yang et al. 2019.

    Examples
    --------
    >>> net = RNN(3, 64, 3, tau=100, dt=20)
    >>> outputs, activity = net(torch.zeros(5, 50, 3))  # five trials of a second
    >>> outputs.shape, activity.shape
    (torch.Size([5, 50, 3]), torch.Size([5, 50, 64]))
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        tau: float = 100.0,
        dt: float = 20.0,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        sigma: float = 0.0,
        g: float = 1.0,
        density: float = 1.0,
        bias: bool = True,
        learn_initial_state: bool = False,
        feedback: bool = False,
        fused: bool = True,
        generator: Generator | None = None,
    ):
        super().__init__()
        inputs, outputs = positive_integer(inputs, "inputs"), positive_integer(outputs, "outputs")
        self.units = positive_integer(units, "units")
        self.tau, self.dt = _times(tau, dt)
        self.alpha = self.dt / self.tau
        self.sigma = at_least_zero(sigma, "sigma")
        self.fused = fused
        self.input = nn.Linear(inputs, self.units, bias=bias)
        self.output = nn.Linear(self.units, outputs, bias=bias)
        self.f = Activation(activation)
        self._make_recurrent_weights(at_least_zero(g, "g"), density, generator)
        self.initial = nn.Parameter(torch.zeros(self.units)) if learn_initial_state else None
        self.register_buffer("W_fb", _uniform(self.units, outputs, generator) if feedback else None)
        self.register_buffer("gain", torch.ones(self.units), persistent=False)
        self.register_buffer("connection_gain", None, persistent=False)
        for layer in (self.input, self.output):
            nn.init.normal_(layer.weight, 0.0, layer.in_features**-0.5, generator=generator)
            if bias:
                nn.init.zeros_(layer.bias)

    def _make_recurrent_weights(self, g: float, density: float, generator: Generator | None) -> None:
        if not 0 < number(density) <= 1:
            raise ValueError(f"density is a fraction of the connections, above 0 and up to 1, got {density!r}.")
        self.recurrent = nn.Linear(self.units, self.units, bias=False)
        nn.init.normal_(self.recurrent.weight, 0.0, g / (density * self.units) ** 0.5, generator=generator)
        if density < 1:
            present = torch.rand(self.units, self.units, generator=generator) < density
            self.recurrent.weight.data *= present

    @property
    def W_r(self) -> Tensor:
        """The recurrent weights, units × units: rows to, columns from."""
        return self.recurrent.weight

    @property
    def W_x(self) -> Tensor:
        """The input weights, units × inputs."""
        return self.input.weight

    @property
    def b_r(self) -> Tensor | None:
        """The biases of the units."""
        return self.input.bias

    @property
    def W_y(self) -> Tensor:
        """The output weights, outputs × units."""
        return self.output.weight

    @property
    def b_y(self) -> Tensor | None:
        """The biases of the outputs."""
        return self.output.bias

    def initial_state(self, trials: int) -> Tensor:
        """The state before the first step, trials × units."""
        trials = positive_integer(trials, "trials")
        return self.W_x.new_zeros(trials, self.units) if self.initial is None else self.initial.expand(trials, -1)

    @property
    def noise_size(self) -> float:
        """√(2/α) σ, which gives the noise the same size whatever the time step."""
        return (2 / self.alpha) ** 0.5 * self.sigma

    def step(
        self,
        state: Tensor,
        x_t: Tensor,
        noise: Tensor | None = None,
        *,
        gain: Tensor | None = None,
        connection_gain: Tensor | None = None,
    ) -> Tensor:
        """One time step (Primer, Equation 27).

        Parameters
        ----------
        state : Tensor
            trials × units.
        x_t : Tensor
            trials × inputs, or (inputs,) for all trials.
        noise : Tensor, optional
            What is added inside f, trials × units.
        gain, connection_gain : Tensor, optional
            Those of this step, where they change during a trial; by default the network's.

        Returns
        -------
        Tensor
            The next state, trials × units.

        Raises
        ------
        ValueError
            If the state or the input has another size, or the network's gain or connection_gain changes in time and none is given.
        """
        inputs = self.input.in_features
        if state.shape[-1:] != (self.units,) or x_t.shape[-1:] != (inputs,):
            raise ValueError(
                f"a step takes a state, trials × {self.units}, and an input, trials × {inputs}, got {tuple(state.shape)} and "
                f"{tuple(x_t.shape)}."
            )
        W, b = self._recurrence(self._now(connection_gain, "connection_gain"))
        drive = nn.functional.linear(x_t, self.W_x, b)
        return self._advance(state, drive if noise is None else drive + noise, W, self._now(gain, "gain"))

    def readout(self, state: Tensor, *, gain: Tensor | None = None) -> Tensor:
        """The outputs y = W_y r + b_y.

        Parameters
        ----------
        state : Tensor
            … × units.
        gain : Tensor, optional
            (units,), where it changes during a trial; by default the network's.
        """
        return self.output(state * self._now(gain, "gain"))

    def forward(
        self, x: Tensor, generator: Generator | None = None, *, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.
        generator : torch.Generator, optional
            The source of the recurrent noise; without it there is none.
        state : Tensor, optional
            The state before the first step, trials × units; by default the network's own.

        Returns
        -------
        outputs : Tensor
            trials × time × outputs.
        activity : Tensor
            The rates r, trials × time × units.

        Raises
        ------
        TypeError
            If x, the state or a gain is no tensor, or not of the weights' type.
        ValueError
            If x, the state or a gain has another shape, if there is no time step, or a gain is given for another number of steps.
        """
        self._check(x, state)
        self._check_gains(x.shape[1])
        rates = self._states(x, generator, self.initial_state(len(x)) if state is None else state)
        if not self._gain_is_one():
            rates = rates * (self.gain if self.gain.ndim == 1 else self.gain[:, None])
        # Not self.output(rates): with trials first it would have to copy them, and with time first `record` would see it so.
        outputs = nn.functional.linear(rates, self.W_y, self.b_y)
        return outputs.transpose(0, 1), rates.transpose(0, 1)

    def _states(self, x: Tensor, generator: Generator | None, s: Tensor) -> Tensor:
        """s, time × trials × units."""
        changing = self.gain.ndim > 1 or (self.connection_gain is not None and self.connection_gain.ndim > 2)
        W, b = self._recurrence(None if changing else self.connection_gain)
        drive = nn.functional.linear(x.transpose(0, 1), self.W_x, b)
        if generator is not None and self.sigma > 0:
            drive = self.noise(*x.shape[:2], generator).transpose(0, 1).add_(drive)  # in place: it may be large
        if not changing and self.fused and fusible(self.f):
            W = W if self._gain_is_one() else W * self.gain
            return Unroll.apply(drive, W, s, self.alpha, self.f.name)[0]
        states = []
        for t, d in enumerate(drive.unbind()):
            gain = self.gain if self.gain.ndim == 1 else self.gain[t]
            if changing and self.connection_gain is not None:
                W = self._recurrence(
                    self.connection_gain if self.connection_gain.ndim == 2 else self.connection_gain[t]
                )[0]
            s = self._advance(s, d, W, gain)
            states.append(s)
        return torch.stack(states)

    def _advance(self, s: Tensor, drive: Tensor, W: Tensor, gain: Tensor) -> Tensor:
        """Eq. 27: s ← (1 − α) s + α f(W r + drive), where r = gain ∘ s."""
        return (1 - self.alpha) * s + self.alpha * self.f((s * gain) @ W.T + drive)

    def _recurrence(self, connection_gain: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The matrix and the bias of the recurrence, the feedback included (Primer, Equation 30)."""
        W, b = self.W_r, self.b_r
        if connection_gain is not None:
            W = W * connection_gain
        if self.W_fb is not None:
            W = W + self.W_fb @ self.W_y
            b = b if b is None else b + self.W_fb @ self.b_y
        return W, b

    def _gain_is_one(self) -> bool:
        """Whether multiplying by the gain can be left out: not where it is to be differentiated, or one of a stack (vmap)."""
        return not self.gain.requires_grad and not transformed() and bool((self.gain == 1).all())

    def _check(self, x: Tensor, state: Tensor | None) -> None:
        check_sequence(self, x, self.input.in_features, self.W_x.dtype)
        if state is not None:
            check_input(self, state, self.W_x.dtype)
            if state.shape != (len(x), self.units):
                raise ValueError(f"a state is trials × units, ({len(x)}, {self.units}), got {tuple(state.shape)}.")

    def extra_repr(self) -> str:
        """Time constant and step, for ``print(network)``."""
        return f"tau={self.tau:g} ms, dt={self.dt:g} ms, sigma={self.sigma:g}"


def _times(tau: float, dt: float) -> tuple[float, float]:
    """τ and Δt, refused unless 0 < Δt ≤ τ."""
    if not 0 < number(tau) < float("inf"):
        raise ValueError(f"tau is a time constant in ms, a positive number, got {tau!r}.")
    if not 0 < number(dt) <= number(tau):
        raise ValueError(
            f"dt is a time step in ms, above 0 and at most tau = {tau:g}, got {dt!r}: beyond it a step overshoots."
        )
    return number(tau), number(dt)


def _uniform(rows: int, columns: int, generator: Generator | None) -> Tensor:
    return 2 * torch.rand(rows, columns, generator=generator) - 1
