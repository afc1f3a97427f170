"""Short-term plasticity: recurrent networks whose synapses follow what the presynaptic unit did in the last second or so.

The synapses themselves are in `dynamic_synapses`.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.arguments import positive, positive_integer
from nnbrain.networks.base import check_input
from nnbrain.networks.dynamic_synapses import DEPRESSING, FACILITATING, Number, advance, checked
from nnbrain.networks.plastic_unrolling import UnrollPlastic
from nnbrain.networks.rnn import RNN
from nnbrain.networks.unrolling import fusible

State = tuple[Tensor, ...]


def half_facilitating(units: int) -> dict[str, Tensor]:
    """Parameters of Masse et al. 2019, unit by unit: those with even numbers have facilitating synapses, the others depressing.

    Facilitating: U = 0.15, τ_x = 200 ms, τ_u = 1500 ms. Depressing: U = 0.45, τ_x = 1500 ms, τ_u = 200 ms.

    Parameters
    ----------
    units : int

    Returns
    -------
    dict of str to Tensor
        (units,) each: U, tau_x and tau_u, for `ShortTermPlasticity`.

    Source: Primer, section 5.3 (short-term plasticity); Masse et al. 2019.
    """
    even = torch.arange(positive_integer(units, "units")) % 2 == 0
    return {name: torch.where(even, FACILITATING[name], DEPRESSING[name]) for name in FACILITATING}


class ShortTermPlasticity(nn.Module):
    """Any recurrent network with short-term plasticity in its recurrent connections: w_ij(t) = w̃_ij u_j(t) x_j(t).

    dx_j/dt = (1 − x_j)/τ_x − u_j x_j r_j,   du_j/dt = (U − u_j)/τ_u + U (1 − u_j) r_j

    Both belong to the unit j that sends, as all its synapses see the same rate. At each step the network computes r_t with the
    efficacies u_{t−1} x_{t−1}, and then r_t changes these; see `dynamic_synapses.advance`. What comes in and what is read out has
    static weights. The state is that of the network and then u and x: (r, u, x), or (r, c, u, x) for an LSTM. It begins with
    u = U and x = 1.

    Parameters
    ----------
    network : nn.Module
        An `RNN`, or another recurrent network whose `step` takes a gain, trials × units: gated ones do. It becomes a part, and is
        not copied.
    U : float or sequence or Tensor
        What u is at rest, between 0 and 1: the fraction of its resources that a rested synapse uses. A number, or one a unit.
    tau_x, tau_u : float or sequence or Tensor
        How quickly resources recover, and facilitation wears off, in ms; given like U.
    rate_scale : float
        How many Hz a rate of 1 means.
    rectify : bool
        A synapse sees spikes, which are never fewer than none. With True, rates below 0 (those of tanh units, GRU, LSTM) change
        u and x as silence does, and are transmitted nevertheless. Without it, such a network is refused.

    Attributes
    ----------
    network : nn.Module
        The network itself, with its static weights w̃.
    U, tau_x, tau_u : Tensor
        (units,)
    gain : Tensor
        The network's; also its connection_gain, if it has one. A silenced unit sends nothing, so its synapses rest.
    facilitation, depression : nn.Identity
        The parts that `record` finds: u and x.

    Raises
    ------
    TypeError
        If the network lacks what is needed.
    ValueError
        If U lies outside of 0 to 1, a time constant is not positive, there is another number of them than of units, or rates can be
        negative.

    Source: Primer, Equations 48-49; Mongillo et al. 2008; Masse et al. 2019.

    Examples
    --------
    >>> net = ShortTermPlasticity(RNN(3, 100, 2), **half_facilitating(100), rate_scale=10)
    >>> outputs, activity = net(torch.zeros(5, 50, 3))
    >>> r, u, x = net.states(torch.zeros(5, 50, 3))
    >>> u.shape
    torch.Size([5, 50, 100])
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        U: Number,
        tau_x: Number,
        tau_u: Number,
        rate_scale: float = 1.0,
        rectify: bool = False,
    ):
        super().__init__()
        _check_network(network, rectify)
        self.network, self.units = network, network.units
        self.dt = positive(network.dt, "dt, the duration of a step in ms,")
        self.rate_scale = positive(rate_scale, "rate_scale, how many Hz a rate of 1 means,")
        _, U, tau_x, tau_u = checked(0.0, U, tau_x, tau_u)
        for name, value in (("U", U), ("tau_x", 1000 * tau_x), ("tau_u", 1000 * tau_u)):
            if value.shape not in {(), (self.units,)}:
                raise ValueError(
                    f"{name} should be a number, or one for each of the {self.units} units, got shape {tuple(value.shape)}."
                )
            self.register_buffer(name, value.to(network.gain).expand(self.units).clone())
        self.facilitation, self.depression = nn.Identity(), nn.Identity()

    @property
    def gain(self) -> Tensor:
        """The network's gain, (units,) or time × units."""
        return self.network.gain

    @gain.setter
    def gain(self, value: Tensor) -> None:
        self.network.gain = value

    @property
    def connection_gain(self) -> Tensor | None:
        """The network's connection_gain, if it has one."""
        return self.network.connection_gain

    @connection_gain.setter
    def connection_gain(self, value: Tensor | None) -> None:
        if not hasattr(self.network, "connection_gain"):
            raise TypeError(f"a {type(self.network).__name__} has no connection_gain: use gain, that of its units.")
        self.network.connection_gain = value

    @property
    def sigma(self) -> float:
        """The size of the network's noise."""
        return getattr(self.network, "sigma", 0.0)

    def noise(self, trials: int, steps: int, generator: Generator) -> Tensor:
        """The network's noise, trials × time × units.

        Parameters
        ----------
        trials, steps : int
        generator : torch.Generator
        """
        return self.network.noise(trials, steps, generator)

    def initial_state(self, trials: int) -> State:
        """The network's state before the first step, and synapses at rest: u = U, x = 1."""
        state = self.network.initial_state(trials)
        u = self.U.expand(trials, -1)
        return (*(state if isinstance(state, tuple) else (state,)), u, torch.ones_like(u))

    def step(
        self,
        state: State,
        x_t: Tensor,
        noise: Tensor | None = None,
        *,
        gain: Tensor | None = None,
        connection_gain: Tensor | None = None,
    ) -> State:
        """One time step: the network's, with its rates weighted by u x, and then that of the synapses.

        Parameters
        ----------
        state : tuple of Tensor
            The network's, and u and x, trials × units each.
        x_t : Tensor
            trials × inputs, or (inputs,) for all trials.
        noise : Tensor, optional
            The network's, trials × units.
        gain, connection_gain : Tensor, optional
            Those of this step, where they change during a trial; by default the network's.

        Returns
        -------
        tuple of Tensor
            The next state.

        Raises
        ------
        TypeError, ValueError
            If the state has other parts; and as the network's own step.
        """
        self._check_state(state)
        if gain is None and self.gain.ndim > 1:
            raise ValueError("this network's gain changes in time: give the step's own, gain=net.gain[t].")
        return self._advance(state, x_t, noise, self.gain if gain is None else gain, connection_gain)

    def readout(self, state: State, *, gain: Tensor | None = None) -> Tensor:
        """The network's outputs: short-term plasticity does not reach them.

        Parameters
        ----------
        state : tuple of Tensor
            … × units each.
        gain : Tensor, optional
            (units,), where it changes during a trial; by default the network's.
        """
        return self.network.readout(_own(state), gain=gain)

    def forward(
        self, x: Tensor, generator: Generator | None = None, *, state: State | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.
        generator : torch.Generator, optional
            The source of the network's noise; without it there is none.
        state : tuple of Tensor, optional
            The state before the first step; by default `initial_state`.

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
            If x, the state or a gain has another shape, or there is no time step.
        """
        states = self.states(x, generator, state=state)
        return self.readout(states, gain=self.gain), states[0] * self.gain

    def states(self, x: Tensor, generator: Generator | None = None, *, state: State | None = None) -> State:
        """The whole state after each step; ``tuple(part[:, t] for part in states)`` is one with which the network can go on.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.
        generator : torch.Generator, optional
            The source of the network's noise; without it there is none.
        state : tuple of Tensor, optional
            The state before the first step; by default `initial_state`.

        Returns
        -------
        tuple of Tensor
            trials × time × units each: those of the network, rates first, and then u and x.

        Raises
        ------
        TypeError, ValueError
            As `forward`.

        Examples
        --------
        >>> r, u, x = net.states(batch.inputs)
        """
        self._check(x)
        state = self.initial_state(len(x)) if state is None else state
        self._check_state(state, len(x))
        noise = self.noise(*x.shape[:2], generator) if generator is not None and self.sigma > 0 else None
        connections = getattr(self, "connection_gain", None)
        if self._fusible(connections):
            return self._unroll(x, noise, state, connections)
        over_time = []
        with parametrize.cached():  # Dale's law: W_r is made of its parameters once, and not at each step
            for t, x_t in enumerate(x.unbind(1)):
                gain = self.gain if self.gain.ndim == 1 else self.gain[t]
                now = connections if connections is None or connections.ndim == 2 else connections[t]
                state = self._advance(state, x_t, None if noise is None else noise[:, t], gain, now)
                over_time.append(state)
        return tuple(torch.stack(part, 1) for part in zip(*over_time, strict=True))

    def _fusible(self, connections: Tensor | None) -> bool:
        """Whether the whole recurrence can be done in one piece.

        That is, if no gain changes in time, nobody records the synapses, and nothing is to be learned but weights.
        """
        net = self.network
        plain = type(net).step is RNN.step and net.fused and fusible(net.f)
        constant = self.gain.ndim == 1 and (connections is None or connections.ndim == 2)
        recorded = self.facilitation._forward_hooks or self.depression._forward_hooks
        learned = any(z.requires_grad for z in (self.gain, self.U, self.tau_x, self.tau_u))
        return plain and constant and not recorded and not learned

    def _unroll(self, x: Tensor, noise: Tensor | None, state: State, connections: Tensor | None) -> State:
        net = self.network
        W, b = net._recurrence(connections)
        drive = nn.functional.linear(x.transpose(0, 1), net.W_x, b)
        if noise is not None:
            drive = noise.transpose(0, 1).add_(drive)  # in place: it may be large
        spikes = self.gain * (self.rate_scale * self.dt / 1000)
        synapse = (self.U, self.dt / self.tau_x, self.dt / self.tau_u, spikes)
        over_time = UnrollPlastic.apply(drive, W * self.gain, *state, net.alpha, net.f.name, synapse)[:3]
        return tuple(part.transpose(0, 1) for part in over_time)

    def _advance(
        self, state: State, x_t: Tensor, noise: Tensor | None, gain: Tensor, connection_gain: Tensor | None
    ) -> State:
        *_, u, x = state
        connections = {} if connection_gain is None else {"connection_gain": connection_gain}
        own = self.network.step(_own(state), x_t, noise, gain=gain * u * x, **connections)
        own = own if isinstance(own, tuple) else (own,)
        rate = (own[0] * (self.rate_scale * gain)).clamp_min(0)  # Hz
        u, x = advance(u, x, rate, self.dt, self.U, self.tau_x, self.tau_u)
        return *own, self.facilitation(u), self.depression(x)

    def _check(self, x: Tensor) -> None:
        for check, given in (("_check", (x, None)), ("_check_gains", x.shape[1:2])):
            if hasattr(self.network, check):
                getattr(self.network, check)(*given)

    def _check_state(self, state: State, trials: int | None = None) -> None:
        expected = len(self.initial_state(1))
        if not isinstance(state, tuple) or len(state) != expected:
            raise TypeError(
                f"the state of this network is a tuple of {expected} tensors, the network's own, u and x, got "
                f"{type(state).__name__}: begin with net.initial_state(trials)."
            )
        for part in state:
            check_input(self, part, self.U.dtype)
            if part.ndim != 2 or part.shape != (trials or len(part), self.units):
                raise ValueError(
                    f"each part of a state is trials × units, ({trials or 'trials'}, {self.units}), got {tuple(part.shape)}."
                )

    def extra_repr(self) -> str:
        """What a rate means, for ``print(network)``."""
        return f"rate_scale={self.rate_scale:g} Hz, dt={self.dt:g} ms"


def _own(state: State) -> Tensor | State:
    """The network's part of the state: a tensor, or a tuple."""
    return state[0] if len(state) == 3 else state[:-2]


def _check_network(network: nn.Module, rectify: bool) -> None:
    name = type(network).__name__
    if isinstance(network, ShortTermPlasticity):
        raise TypeError("this network has short-term plasticity already.")
    missing = [
        part for part in ("initial_state", "step", "readout", "gain", "units", "dt") if not hasattr(network, part)
    ]
    if missing or not isinstance(network, nn.Module):
        raise TypeError(
            "short-term plasticity needs a recurrent network, such as an RNN: an nn.Module with initial_state, step, readout, "
            f"gain, units and dt; this {name} has no {', '.join(missing) or 'modules'}."
        )
    if getattr(network, "W_fb", None) is not None or hasattr(network, "predict"):
        raise TypeError(
            f"the outputs of this {name} are fed back by way of its recurrence, where short-term plasticity would change them: "
            "use a network without feedback."
        )
    state = network.initial_state(1)
    if any(part.shape != (1, network.units) for part in (state if isinstance(state, tuple) else (state,))):
        raise TypeError(
            f"short-term plasticity serves networks whose state is rates, trials × units; this {name} keeps something else too, "
            "such as fast weights: use an RNN or a gated network."
        )
    if not rectify and not (isinstance(network, RNN) and _never_negative(network)):
        raise ValueError(
            f"the rates of this {name} can be negative, and there are no fewer spikes than none: use an RNN with "
            "activation='relu', or let such rates count as silence, rectify=True."
        )


def _never_negative(network: RNN) -> bool:
    """Whether f is nowhere below 0, as far as a look at many places tells."""
    with torch.no_grad():
        return bool((network.f(torch.linspace(-30, 30, 601).to(network.gain)) >= 0).all())
