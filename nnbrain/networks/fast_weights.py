"""A recurrent network with two matrices: slow weights, which training changes, and fast ones, which activity changes in a trial."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, number, positive, positive_integer
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input, check_sequence
from nnbrain.networks.plasticity import HebbianPlasticity
from nnbrain.networks.recurrent import Recurrent
from nnbrain.networks.unrolling import transformed

State = tuple[Tensor, Tensor]


class FastWeightRNN(Recurrent):
    """An Elman network whose recurrent matrix W̃ = W + A is slow plus fast: A begins each trial at 0, and activity changes it.

    r_t = f((W_r + A_t) r_{t−1} + W_x x_t + b_r),   y_t = W_y r_t + b_y
    A_{t+1} = λ A_t + η r_t r_tᵀ,   in general A_{ij,t+1} = λ A_{ij,t} + f(rᵢ, rⱼ, θ)

    f of one argument is the activation function, f of three the rule of plasticity, the same for all connections (to i, from j). A
    acts on the activity of the step before, so that what it recalls to a cue comes one step after the cue.

    The state is (r_t, A_{t+1}). W_r starts as Gaussian with standard deviation g/√units, W_x with 1/√inputs, W_y with 1/√units;
    biases as zeros. Gradient descent learns these, and the rule of plasticity itself: λ and θ, which is {η} for Hebb's rule.

    Parameters
    ----------
    inputs, units, outputs : int
    plasticity : float or callable
        η of Hebb's rule, or the rule f, a function of what receiving and sending neurons do (… × N and … × M) whose value is
        … × N × M: `PolynomialPlasticity` or `NeuralPlasticity`, for instance.
    decay : float
        λ, what is left of A after a step: from 0 to 1; between them if it is learned.
    learn_decay, learn_plasticity : bool
        Whether λ, and the parameters θ of the rule, are learned.
    per_connection : bool
        Whether every connection learns how much plasticity acts on it: W̃ = W_r + a ∘ A. The factors a begin at 1.
    clamped : bool
        Whether an input holds a unit fast instead of driving it: unit i < inputs has the rate xᵢ wherever xᵢ ≠ 0, and f(…) where
        xᵢ = 0. The outputs are the rates of the first units. There are no W_x, W_y and b_y.
    activation : str or callable
        f, by name or as a function of a tensor; see `Activation`. One that is bounded keeps A bounded if λ < 1.
    g : float
        The gain of the initial slow weights: the radius of their spectrum.
    bias : bool
        Whether there are biases b_r and b_y.
    dt : float
        The duration of a step in ms. The equations do not know it; `inactivate` does.
    sigma : float
        σ, the standard deviation of noise σ ξ_t inside f. There is noise only when the network is called with a generator.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    W_r, W_x, b_r, W_y, b_y : Tensor or None
        units × units, units × inputs, (units,), outputs × units, (outputs,).
    decay : Tensor
        λ as it is now: a single number. It is learned as 1/(1 + exp(−logit_decay)), so that it stays between 0 and 1.
    plasticity : nn.Module or callable
        The rule; ``plasticity.eta`` is η.
    connection_plasticity : nn.Parameter or None
        a, units × units.
    gain : Tensor
        (units,), or time × units: multiplies the rates wherever they act: in the recurrence, in plasticity, in the output and the
        activity. Lesions and inactivations set it.
    fast_weights : nn.Module
        The part that `record` finds: A_{t+1}, trials × time × units × units.

    Raises
    ------
    TypeError
        If the plasticity is neither a number nor a function.
    ValueError
        If a number is out of its range, or a rule gives something else than one change for each connection.

    Source: Primer, Equations 45-47; Ba et al. 2016, Miconi et al. 2018.

    Examples
    --------
    >>> net = FastWeightRNN(3, 20, 2, plasticity=0.1, decay=0.95)
    >>> outputs, activity = net(torch.zeros(5, 50, 3))  # trials × time × 2, trials × time × 20
    >>> record(net, torch.zeros(5, 50, 3))["fast_weights"].shape
    torch.Size([5, 50, 20, 20])
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        plasticity: float | Callable[[Tensor, Tensor], Tensor] = 0.1,
        decay: float = 0.9,
        learn_decay: bool = True,
        learn_plasticity: bool = True,
        per_connection: bool = False,
        clamped: bool = False,
        activation: str | Callable[[Tensor], Tensor] = "tanh",
        g: float = 1.0,
        bias: bool = True,
        dt: float = 20.0,
        sigma: float = 0.0,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.inputs, self.outputs = positive_integer(inputs, "inputs"), positive_integer(outputs, "outputs")
        self.units, self.clamped = positive_integer(units, "units"), bool(clamped)
        self.dt, self.sigma = positive(dt, "dt, the duration of a step in ms,"), at_least_zero(sigma, "sigma")
        self.f = Activation(activation)
        self._make_weights(at_least_zero(g, "g"), bias, generator)
        self._make_decay(decay, learn_decay)
        self.plasticity = _rule(plasticity, self.units)
        if isinstance(self.plasticity, nn.Module) and not learn_plasticity:
            self.plasticity.requires_grad_(False)
        self.connection_plasticity = nn.Parameter(torch.ones(self.units, self.units)) if per_connection else None
        self.fast_weights = nn.Identity()
        self.register_buffer("gain", torch.ones(self.units), persistent=False)

    def _make_weights(self, g: float, bias: bool, generator: Generator | None) -> None:
        if self.clamped and max(self.inputs, self.outputs) > self.units:
            raise ValueError(
                f"inputs that hold units fast, and outputs that are units, need as many units: got {self.units} units for "
                f"{self.inputs} inputs and {self.outputs} outputs."
            )
        self.recurrent = nn.Linear(self.units, self.units, bias=bias)
        self.input = None if self.clamped else nn.Linear(self.inputs, self.units, bias=False)
        self.output = None if self.clamped else nn.Linear(self.units, self.outputs, bias=bias)
        for layer, gain in ((self.recurrent, g), (self.input, 1.0), (self.output, 1.0)):
            if layer is not None:
                nn.init.normal_(layer.weight, 0.0, gain * layer.in_features**-0.5, generator=generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def _make_decay(self, decay: float, learn: bool) -> None:
        self.logit_decay = None
        self.register_buffer("fixed_decay", None)
        if not 0 <= number(decay) <= 1:
            raise ValueError(
                f"decay is λ, what is left of the fast weights after a step, from 0 to 1, got {decay!r}: above 1 they would grow "
                "without end."
            )
        if not learn:
            self.fixed_decay = torch.tensor(number(decay))
        elif 0 < number(decay) < 1:
            self.logit_decay = nn.Parameter(torch.tensor(math.log(number(decay) / (1 - number(decay)))))
        else:
            raise ValueError(
                f"a decay that is learned begins between 0 and 1, got {decay!r}: fix it with learn_decay=False, or begin near it."
            )

    @property
    def decay(self) -> Tensor:
        """λ, a single number."""
        return self.fixed_decay if self.logit_decay is None else torch.sigmoid(self.logit_decay)

    @property
    def W_r(self) -> Tensor:
        """The slow recurrent weights, units × units: rows to, columns from."""
        return self.recurrent.weight

    @property
    def b_r(self) -> Tensor | None:
        """The biases of the units."""
        return self.recurrent.bias

    @property
    def W_x(self) -> Tensor | None:
        """The input weights, units × inputs; None if inputs hold units fast."""
        return None if self.input is None else self.input.weight

    @property
    def W_y(self) -> Tensor | None:
        """The output weights, outputs × units; None if outputs are units."""
        return None if self.output is None else self.output.weight

    @property
    def b_y(self) -> Tensor | None:
        """The biases of the outputs."""
        return None if self.output is None else self.output.bias

    def initial_state(self, trials: int) -> State:
        """The state before the first step, of zeros: r, trials × units, and A, trials × units × units."""
        trials = positive_integer(trials, "trials")
        return self.W_r.new_zeros(trials, self.units), self.W_r.new_zeros(trials, self.units, self.units)

    def step(self, state: State, x_t: Tensor, noise: Tensor | None = None, *, gain: Tensor | None = None) -> State:
        """One time step: activity first, then plasticity (Primer, Equation 45).

        Parameters
        ----------
        state : (Tensor, Tensor)
            r_{t−1}, trials × units, and A_t, trials × units × units.
        x_t : Tensor
            trials × inputs, or (inputs,) for all trials.
        noise : Tensor, optional
            What is added inside f, trials × units.
        gain : Tensor, optional
            (units,): that of this step, where it changes during a trial; by default the network's.

        Returns
        -------
        (Tensor, Tensor)
            r_t and A_{t+1}.

        Raises
        ------
        TypeError
            If the state is no pair of tensors.
        ValueError
            If the state or the input has another size, or the network's gain changes in time and none is given.
        """
        self._check_state(state)
        if x_t.shape[-1:] != (self.inputs,) or x_t.ndim > 2:
            raise ValueError(f"a step takes an input, trials × {self.inputs}, got {tuple(x_t.shape)}.")
        return self._advance(state, self._driven(x_t), noise, self._now(gain), self.decay)

    def readout(self, state: State, *, gain: Tensor | None = None) -> Tensor:
        """The outputs y = W_y r + b_y; or, if inputs hold units fast, the rates of the first units.

        Parameters
        ----------
        state : (Tensor, Tensor)
            r, trials × units, and A, which does not matter.
        gain : Tensor, optional
            (units,), where it changes during a trial; by default the network's.
        """
        return self._read(state[0] * self._now(gain))

    def forward(
        self, x: Tensor, generator: Generator | None = None, *, state: State | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.
        generator : torch.Generator, optional
            The source of the noise; without it there is none.
        state : (Tensor, Tensor), optional
            r and A before the first step, trials × units and trials × units × units; zeros by default.

        Returns
        -------
        outputs : Tensor
            trials × time × outputs.
        activity : Tensor
            The rates r, trials × time × units.

        Raises
        ------
        TypeError
            If x, the state or the gain is no tensor, or not of the weights' type.
        ValueError
            If x, the state or the gain has another shape, if there is no time step, or the gain is one for other trials.
        FloatingPointError
            If the activity becomes NaN or infinite, though the inputs are finite.
        """
        check_sequence(self, x, self.inputs, self.W_r.dtype)
        if state is not None:
            self._check_state(state, len(x))
        self._check_gains(x.shape[1])
        noise = self.noise(*x.shape[:2], generator) if generator is not None and self.sigma > 0 else None
        state, rates = self.initial_state(len(x)) if state is None else state, []
        decay = self.decay
        for t, drive in enumerate(self._driven(x).unbind(1)):
            gain = self.gain if self.gain.ndim == 1 else self.gain[t]
            state = self._advance(state, drive, None if noise is None else noise[:, t], gain, decay)
            rates.append(state[0] * gain)
        activity = torch.stack(rates, 1)
        if not transformed() and torch.isfinite(x).all() and not torch.isfinite(activity).all():
            raise FloatingPointError(
                f"the activity is NaN or infinite after {x.shape[1]} steps: fast weights make activity, which "
                "makes fast weights. Take a bounded activation (tanh), a smaller decay, or less plasticity."
            )
        return self._read(activity), activity

    def _driven(self, x: Tensor) -> Tensor:
        """What the inputs do to the units, … × units: W_x x, or the rates at which they hold them."""
        return nn.functional.pad(x, (0, self.units - self.inputs)) if self.input is None else self.input(x)

    def _advance(self, state: State, drive: Tensor, noise: Tensor | None, gain: Tensor, decay: Tensor) -> State:
        """(r_{t−1}, A_t) → (r_t, A_{t+1})."""
        r, A = state
        sent = r * gain
        effective = A if self.connection_plasticity is None else self.connection_plasticity * A
        c = self.recurrent(sent) + (effective @ sent.unsqueeze(-1)).squeeze(-1)  # (W + A) r + b
        if not self.clamped:
            c = c + drive
        r = self.f(c if noise is None else c + noise)
        if self.clamped:
            r = drive.where(drive != 0, r)
        acting = r * gain
        return r, self.fast_weights(decay * A + self.plasticity(acting, acting))  # Eqs 45, 47

    def _read(self, r: Tensor) -> Tensor:
        return r[..., : self.outputs] if self.output is None else self.output(r)

    def _check_state(self, state: State, trials: int | None = None) -> None:
        if not isinstance(state, tuple) or len(state) != 2:
            given = f"a tuple of {len(state)}" if isinstance(state, tuple) else type(state).__name__
            raise TypeError(
                f"the state of a FastWeightRNN is a tuple of two tensors, (r, A), got {given}: begin with "
                "net.initial_state(trials)."
            )
        for part in state:
            check_input(self, part, self.W_r.dtype)
        r, A = (tuple(part.shape) for part in state)
        n = trials or (r[0] if r else 0)
        if [r, A] != [(n, self.units), (n, self.units, self.units)]:
            raise ValueError(
                f"a state is r, trials × {self.units}, and A, trials × {self.units} × {self.units}, "
                f"{'' if trials is None else f'for {trials} trials, '}got {r} and {A}."
            )

    def extra_repr(self) -> str:
        """Sizes and λ, for ``print(network)``."""
        return f"inputs={self.inputs}, units={self.units}, outputs={self.outputs}, decay={self.decay.item():.3g}"


def _rule(plasticity: float | Callable[[Tensor, Tensor], Tensor], units: int) -> Callable[[Tensor, Tensor], Tensor]:
    """The rule of plasticity, once it is known to give one change for each connection."""
    if not callable(plasticity):
        if not abs(number(plasticity)) < math.inf:
            raise TypeError(f"plasticity is a number, η of Hebb's rule, or a rule f(post, pre), got {plasticity!r}.")
        return HebbianPlasticity(plasticity)
    parameters = plasticity.parameters() if isinstance(plasticity, nn.Module) else iter(())
    rates = next(parameters, torch.zeros(())).new_zeros(2, units)
    with torch.no_grad():
        change = plasticity(rates, rates)
    if not isinstance(change, Tensor) or change.shape != (2, units, units):
        given = tuple(change.shape) if isinstance(change, Tensor) else type(change).__name__
        raise ValueError(
            f"a rule of plasticity f(post, pre) makes of (trials, {units}) and (trials, {units}) the change of each connection, "
            f"(trials, {units}, {units}), got {given} for two trials."
        )
    return plasticity
