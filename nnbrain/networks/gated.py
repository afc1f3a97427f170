"""What gated recurrent networks share: weights, the loop over time, gates that can be read. Each says itself what a step is."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, number, positive, positive_integer
from nnbrain.networks.base import check_input, check_sequence
from nnbrain.networks.recurrent import Recurrent

State = Tensor | tuple[Tensor, ...]


class Gated(Recurrent, ABC):
    """A recurrent network whose gates are units themselves, with weights of their own; a subclass defines `advance`.

    For each of its letters k a unit sums up W_k x_t + U_k r_{t−1} + b_k: W_k x_t is computed for all steps at once, U_k r_{t−1} for
    all letters at once. Weights start as Gaussian: W_k with a standard deviation of 1/√inputs, U_k and W_y of 1/√units; biases as
    zeros.

    Parameters
    ----------
    inputs, units, outputs : int
    dt : float
        The duration of a step in ms. The equations do not know it; `inactivate`, for instance, does.
    sigma : float
        σ, the standard deviation of the noise σ ξ_t in the sum of the last letter, which is what the gates let in. There is noise
        only when the network is called with a generator.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.
    """

    letters: ClassVar[tuple[str, ...]]  # k
    parts: ClassVar[int] = 1  # of the state: 2 if it is (r, c)

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        dt: float = 20.0,
        sigma: float = 0.0,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.inputs, self.units = positive_integer(inputs, "inputs"), positive_integer(units, "units")
        self.dt, self.sigma = positive(dt, "dt, the duration of a step in ms,"), at_least_zero(sigma, "sigma")
        for k in self.letters:
            for name, sources in ((f"W_{k}", self.inputs), (f"U_{k}", self.units)):
                weights = torch.randn(self.units, sources, generator=generator) / sources**0.5
                setattr(self, name, nn.Parameter(weights))
            setattr(self, f"b_{k}", nn.Parameter(torch.zeros(self.units)))
        self.output = nn.Linear(self.units, positive_integer(outputs, "outputs"))
        nn.init.normal_(self.output.weight, 0.0, self.units**-0.5, generator=generator)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("gain", torch.ones(self.units), persistent=False)

    @property
    def W_y(self) -> Tensor:
        """The output weights, outputs × units."""
        return self.output.weight

    @property
    def b_y(self) -> Tensor:
        """The biases of the outputs."""
        return self.output.bias

    @abstractmethod
    def advance(self, state: State, drive: Tensor, U: Tensor, gain: Tensor) -> State:
        """One step, given what the inputs contribute to it; `step` is the one to call.

        Parameters
        ----------
        state : Tensor or tuple of Tensor
            r_{t−1}, trials × units, or (r_{t−1}, c_{t−1}).
        drive : Tensor
            W_k x_t + b_k of all letters side by side, trials × (letters · units).
        U : Tensor
            U_k of all letters below each other, (letters · units) × units.
        gain : Tensor
            Of the units that send, (units,) or trials × units: it is gain ∘ r_{t−1} that U multiplies.

        Returns
        -------
        Tensor or tuple of Tensor
            The next state.
        """

    def initial_state(self, trials: int) -> State:
        """The state before the first step, of zeros: r, trials × units, or (r, c)."""
        zeros = self.W_y.new_zeros(positive_integer(trials, "trials"), self.units)
        return zeros if self.parts == 1 else (zeros,) * self.parts

    def step(self, state: State, x_t: Tensor, noise: Tensor | None = None, *, gain: Tensor | None = None) -> State:
        """One time step.

        Parameters
        ----------
        state : Tensor or tuple of Tensor
            trials × units each.
        x_t : Tensor
            trials × inputs, or (inputs,) for all trials.
        noise : Tensor, optional
            What is added to the summed input of the last letter, trials × units.
        gain : Tensor, optional
            That of this step, (units,), where it changes during a trial, or trials × units; by default the network's.

        Returns
        -------
        Tensor or tuple of Tensor
            The next state, made like the one before.

        Raises
        ------
        ValueError
            If the state or the input has another size, or the network's gain changes in time and none is given.
        """
        self._check_state(state)
        if x_t.shape[-1:] != (self.inputs,) or x_t.ndim > 2:
            raise ValueError(f"a step takes an input, trials × {self.inputs}, got {tuple(x_t.shape)}.")
        W, U, b = self._weights()
        return self.advance(state, self._drive(x_t, W, b, noise), U, self._now(gain))

    def readout(self, state: State, *, gain: Tensor | None = None) -> Tensor:
        """The outputs y = W_y r + b_y.

        Parameters
        ----------
        state : Tensor or tuple of Tensor
            … × units each.
        gain : Tensor, optional
            (units,), where it changes during a trial; by default the network's.
        """
        return self.output(self._rates(state) * self._now(gain))

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
        state : Tensor or tuple of Tensor, optional
            The state before the first step; zeros by default.

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
        """
        self._check(x, state)
        noise = self.noise(*x.shape[:2], generator) if generator is not None and self.sigma > 0 else None
        state = self.initial_state(len(x)) if state is None else state
        W, U, b = self._weights()
        rates = []
        for t, drive in enumerate(self._drive(x, W, b, noise).unbind(1)):
            state = self.advance(state, drive, U, self.gain if self.gain.ndim == 1 else self.gain[t])
            rates.append(self._rates(state))
        activity = torch.stack(rates, 1) * self.gain
        return nn.functional.linear(activity, self.W_y, self.b_y), activity

    def gates(self, x: Tensor, *, state: State | None = None) -> dict[str, Tensor]:
        """Every gate over time, and what it lets through, for one run without noise.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.
        state : Tensor or tuple of Tensor, optional
            The state before the first step; zeros by default.

        Returns
        -------
        dict of str to Tensor
            trials × time × units each, by the name of the part without "_gate": "forget", "input", … What is recorded by `record`
            is the same; here gradients are kept.

        Examples
        --------
        >>> LSTM(3, 1, 1).gates(batch.inputs)["forget"]
        """
        seen: dict[str, list[Tensor]] = {}
        hooks = []
        for name, part in self.named_children():
            if part is not self.output:
                values = seen.setdefault(name.removesuffix("_gate"), [])
                hooks.append(part.register_forward_hook(lambda part, given, made, values=values: values.append(made)))
        try:
            self(x, state=state)
        finally:
            for hook in hooks:
                hook.remove()
        return {name: torch.stack(values, 1) for name, values in seen.items()}

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """W, U and b of all letters, below each other."""
        return tuple(torch.cat([getattr(self, f"{name}_{k}") for k in self.letters]) for name in "WUb")

    def _drive(self, x: Tensor, W: Tensor, b: Tensor, noise: Tensor | None) -> Tensor:
        """W x + b, and the noise in the last letter's."""
        drive = nn.functional.linear(x, W, b)
        return drive if noise is None else drive + nn.functional.pad(noise, (len(b) - self.units, 0))

    def _rates(self, state: State) -> Tensor:
        return state[0] if self.parts > 1 else state

    def _check_state(self, state: State, trials: int | None = None) -> None:
        given = state if isinstance(state, tuple) else (state,)
        if isinstance(state, tuple) == (self.parts == 1) or len(given) != self.parts:
            wanted = "one tensor r" if self.parts == 1 else "a tuple of two tensors, (r, c)"
            raise TypeError(
                f"the state of this {type(self).__name__} is {wanted}, got {type(state).__name__} of {len(given)}: begin with "
                "net.initial_state(trials)."
            )
        for part in given:
            check_input(self, part, self.W_y.dtype)
            if part.ndim != 2 or part.shape != (trials or len(part), self.units):
                raise ValueError(
                    f"a state is trials × units, ({trials or 'trials'}, {self.units}), got {tuple(part.shape)}."
                )

    def _check(self, x: Tensor, state: State | None) -> None:
        check_sequence(self, x, self.inputs, self.W_y.dtype)
        if state is not None:
            self._check_state(state, len(x))
        self._check_gains(x.shape[1])

    def extra_repr(self) -> str:
        """Sizes and step, for ``print(network)``."""
        return f"inputs={self.inputs}, units={self.units}, dt={self.dt:g} ms, sigma={self.sigma:g}"


def forget_bias_of(value: float) -> float:
    """A number from an argument forget_bias, or a ValueError that says what was given."""
    if not abs(number(value)) < float("inf"):
        raise ValueError(f"forget_bias should be a number, got {value!r}.")
    return number(value)
