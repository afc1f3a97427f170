"""A recurrent network that sees of its input only what it failed to predict."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input, check_sequence
from nnbrain.networks.rnn import RNN

State = tuple[Tensor, Tensor, Tensor]


class ErrorDrivenRNN(RNN):
    """A recurrent network with explicit error units: it predicts its input before it comes, and only the errors drive it.

    x̂_t = W_y r_{t−1} + b_y,   e_t = ([x_t − x̂_t]₊, [x̂_t − x_t]₊)

    r_t = (1 − α) r_{t−1} + α f(W_r r_{t−1} + W_x e_t + b_r)

    Rates of neurons have no sign, so there are two error units for each input: one for more than was expected, one for less. The
    outputs are the predictions x̂_t of the *current* input, made before it is seen, so that the squared error with the input as the
    target trains the network. It is one level of PredNet, with plain recurrent units in place of its convolutional LSTM.

    Parameters
    ----------
    inputs, units : int
    **arguments
        All others of `RNN`, except outputs and feedback. By default Δt = τ. W_y begins at 0: at first nothing is predicted.

    Attributes
    ----------
    error_units : Activation
        What `record` finds: trials × time × 2·inputs, first those for more, then those for less than was expected.
    prediction_gain : Tensor
        (inputs,), multiplies the predictions where they meet the input; 0 cuts this feedback, and then e_t = ([x_t]₊, [−x_t]₊).

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 5.2 (predictive coding); Lotter, Kreiman & Cox 2016.

    Examples
    --------
    >>> net = ErrorDrivenRNN(144, 128)
    >>> predictions, activity = net(torch.rand(5, 20, 144))
    >>> predictions.shape, activity.shape
    (torch.Size([5, 20, 144]), torch.Size([5, 20, 128]))
    """

    def __init__(self, inputs: int, units: int, **arguments):
        if wrong := {"outputs", "feedback"} & set(arguments):
            raise ValueError(
                f"an ErrorDrivenRNN has no {wrong.pop()}: its outputs are as many as its inputs, and fed back as predictions."
            )
        n = positive_integer(inputs, "inputs")
        super().__init__(2 * n, units, n, **{"dt": arguments.get("tau", 100.0)} | arguments)
        self.error_units = Activation("relu")
        self.register_buffer("prediction_gain", torch.ones(n), persistent=False)
        nn.init.zeros_(self.output.weight)

    def initial_state(self, trials: int) -> State:
        """The state before the first step: rates, and no prediction and no error yet."""
        r, n = super().initial_state(trials), self.output.out_features
        return r, r.new_zeros(len(r), n), r.new_zeros(len(r), 2 * n)

    def predict(self, rates: Tensor, *, gain: Tensor | None = None) -> Tensor:
        """What the next input is expected to be, W_y r + b_y.

        Parameters
        ----------
        rates : Tensor
            … × units.
        gain : Tensor, optional
            (units,), where it changes during a trial; by default the network's.

        Returns
        -------
        Tensor
            … × inputs.
        """
        return super().readout(rates, gain=gain)

    def step(self, state: State, x_t: Tensor, noise: Tensor | None = None, **gains: Tensor | None) -> State:
        """One time step: predict, compare, correct.

        Parameters
        ----------
        state : tuple of Tensor
            Rates, trials × units; the prediction and the errors of the step before, which do not matter any more.
        x_t : Tensor
            trials × inputs, or (inputs,) for all trials.
        noise : Tensor, optional
            What is added inside f, trials × units.
        **gains
            gain and connection_gain of this step; see `RNN.step`.

        Returns
        -------
        tuple of Tensor
            r_t, trials × units; x̂_t, trials × inputs; e_t, trials × 2·inputs.

        Raises
        ------
        ValueError
            If the state or the input has another size.
        """
        n = self.output.out_features
        if not isinstance(state, tuple) or len(state) != 3 or x_t.shape[-1:] != (n,):
            raise ValueError(
                f"a step takes a state, (rates, prediction, errors), and an input, trials × {n}, got "
                f"{'a tuple of ' + str(len(state)) if isinstance(state, tuple) else type(state).__name__} and {tuple(x_t.shape)}."
            )
        x_hat = self.predict(state[0], gain=gains.get("gain"))
        surprise = x_t - self.prediction_gain * x_hat
        errors = self.error_units(torch.cat([surprise, -surprise], dim=-1))
        return super().step(state[0], errors, noise, **gains), x_hat, errors

    def readout(self, state: State, *, gain: Tensor | None = None) -> Tensor:
        """x̂_t, the prediction that was made before the last input was seen.

        Parameters
        ----------
        state : tuple of Tensor
            As from `step`.
        gain : Tensor, optional
            Not used: `step` has made the prediction.
        """
        return state[1]

    def forward(
        self, x: Tensor, generator: Generator | None = None, *, state: State | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.
        generator : torch.Generator, optional
            The source of the recurrent noise; without it there is none.
        state : tuple of Tensor, optional
            The state before the first step; by default the network's own.

        Returns
        -------
        outputs : Tensor
            The predictions x̂, trials × time × inputs.
        activity : Tensor
            The rates r, trials × time × units.

        Raises
        ------
        TypeError
            If x, the rates or a gain is no tensor, or not of the weights' type.
        ValueError
            If x, the state or a gain has another shape, or there is no time step.
        """
        self._check(x, state)
        self._check_gains(x.shape[1])
        state = self.initial_state(len(x)) if state is None else state
        noise = None
        if generator is not None and self.sigma > 0:
            noise = self.noise(*x.shape[:2], generator)
        predictions, rates = [], []
        for t, x_t in enumerate(x.unbind(1)):
            gains = {"gain": self.gain if self.gain.ndim == 1 else self.gain[t]}
            if self.connection_gain is not None:
                gains["connection_gain"] = (
                    self.connection_gain if self.connection_gain.ndim == 2 else self.connection_gain[t]
                )
            state = self.step(state, x_t, None if noise is None else noise[:, t], **gains)
            predictions.append(self.readout(state))
            rates.append(state[0] * gains["gain"])
        return torch.stack(predictions, 1), torch.stack(rates, 1)

    def _check(self, x: Tensor, state: State | None) -> None:
        n = self.output.out_features
        check_sequence(self, x, n, self.W_x.dtype)
        if state is not None:
            shapes = [(len(x), size) for size in (self.units, n, 2 * n)]
            if not isinstance(state, tuple) or [tuple(getattr(part, "shape", ())) for part in state] != shapes:
                raise ValueError(f"a state is a tuple (rates, prediction, errors) of tensors with the shapes {shapes}.")
            check_input(self, state[0], self.W_x.dtype)
