"""The recurrent network of excitatory and inhibitory units, which begins balanced."""

from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.arguments import positive
from nnbrain.networks.base import check_input
from nnbrain.networks.dale import DalesLaw, signs, spectral_radius_of
from nnbrain.networks.rnn import RNN
from nnbrain.networks.sparse import mask_weights, random_mask

READOUTS = ("excitatory", "all")


class Currents(NamedTuple):
    """What each unit receives, trials × time × units; the three add up to what is inside f (without noise).

    Attributes
    ----------
    excitatory : Tensor
        From the excitatory units of the network, nowhere negative (with an f that is nowhere negative).
    inhibitory : Tensor
        From its inhibitory units, nowhere positive.
    external : Tensor
        From outside, and the bias.
    """

    excitatory: Tensor
    inhibitory: Tensor
    external: Tensor


class EIRNN(RNN):
    """A recurrent network of excitatory and inhibitory units.

    τ dr^E/dt = −r^E + f(W_EE r^E − W_EI r^I + W_Ex x + b^E),   τ dr^I/dt = −r^I + f(W_IE r^E − W_II r^I + W_Ix x + b^I)

    All four W are nowhere negative, W_EE = |W̃_EE|: see `DalesLaw`. In steps of Δt and with all units in one vector it is the `RNN`
    with W_r = [W_EE, −W_EI; W_IE, −W_II], the excitatory units first, and can be used wherever an RNN can. Weights of your own are
    put in as a whole, ``net.recurrent.weight = W``: they keep their sizes and get lawful signs.

    The network begins balanced: its weights are drawn Gaussian, their signs made lawful, and those of inhibitory units scaled so
    that each unit receives as much inhibition as excitation when all units are equally active (on average over units, where
    sparse connections leave a unit with one kind of input only). Then W_r is scaled to its spectral radius.

    Parameters
    ----------
    inputs, units, outputs : int
    excitatory : float
        The fraction of units that excite, between 0 and 1.
    density : float
        The fraction of recurrent connections that exist, above 0 and up to 1; the others are absent for good.
    spectral_radius : float
        Of W_r at the start: the largest |λ| of its eigenvalues.
    balanced : bool
        Whether the network begins balanced. If not, weights stay as they were drawn, Gaussian with standard deviation 1/√N before
        they got their signs, and have the spectral radius that comes of it: mostly far too large.
    self_connections : bool
        Whether a unit may connect to itself.
    readout : {"excitatory", "all"}
        Which units reach the outputs.
    excitatory_input : bool
        Whether W_Ex and W_Ix, too, are nowhere negative, as input comes from excitatory units elsewhere.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.
    **arguments
        All others of `RNN`, except g and feedback: tau, dt, activation (f, of both kinds of units), sigma, …

    Attributes
    ----------
    sign : Tensor
        (units,) of +1 and −1.
    excitatory, inhibitory : Tensor of bool
        (units,): which units are of this kind.
    W_EE, W_EI, W_IE, W_II : Tensor
        Units of the first kind × units of the second, which send; nowhere negative.
    W_Ex, W_Ix, b_E, b_I : Tensor
        Units of this kind × inputs, and their biases.

    Raises
    ------
    ValueError
        If the fraction leaves no unit of one kind, or another argument is out of its range.

    Source: Primer, Equations 35-36 (which leave out τ); Song, Yang & Wang 2016; the balance as in Rajan & Abbott 2006.

    Examples
    --------
    >>> net = EIRNN(3, 50, 3)
    >>> net.W_EI.shape, bool((net.W_EI >= 0).all())
    (torch.Size([40, 10]), True)
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        excitatory: float = 0.8,
        density: float = 1.0,
        spectral_radius: float = 1.5,
        balanced: bool = True,
        self_connections: bool = False,
        readout: str = "excitatory",
        excitatory_input: bool = False,
        generator: Generator | None = None,
        **arguments: Any,
    ):
        if wrong := {"g", "feedback"} & set(arguments):
            raise ValueError(
                f"an {type(self).__name__} has no {wrong.pop()}: spectral_radius sets the size of its recurrent weights, and "
                "random feedback would break Dale's law."
            )
        if readout not in READOUTS:
            raise ValueError(f"readout is 'excitatory' or 'all', got {readout!r}.")
        super().__init__(inputs, units, outputs, generator=generator, **arguments)
        radius = positive(spectral_radius, "spectral_radius")
        sign = self._signs(excitatory)
        present = self._connections(sign, density, self_connections, generator)
        V = self.recurrent.weight.detach().abs() * present
        V = scaled(balance(V, sign), sign, radius) if balanced else V
        law = DalesLaw(sign, self_connections=self_connections)
        parametrize.register_parametrization(self.recurrent, "weight", law)
        self.recurrent.weight = V * sign
        if not present[law.present.expand_as(present) > 0].all():
            mask_weights(self.recurrent, present)
        if excitatory_input:
            law = DalesLaw(torch.ones(self.input.in_features), self_connections=True)
            parametrize.register_parametrization(self.input, "weight", law)
        if readout == "excitatory":
            mask_weights(self.output, (sign > 0).expand_as(self.W_y))

    def _signs(self, excitatory: float) -> Tensor:
        """(units,) of +1 and −1."""
        return signs(self.units, excitatory)

    def _connections(self, sign: Tensor, density: float, self_connections: bool, generator: Generator | None) -> Tensor:
        """Which recurrent connections exist, units × units of bool."""
        return random_block(self.units, density, self_connections, generator)

    @property
    def sign(self) -> Tensor:
        """(units,): +1 for an excitatory unit, −1 for an inhibitory one."""
        return self.recurrent.parametrizations.weight[0].sign

    @property
    def excitatory(self) -> Tensor:
        """(units,) of bool: which units excite."""
        return self.sign > 0

    @property
    def inhibitory(self) -> Tensor:
        """(units,) of bool: which units inhibit."""
        return self.sign < 0

    @property
    def W_EE(self) -> Tensor:
        """From excitatory to excitatory units."""
        return self._block(self.excitatory, self.excitatory)

    @property
    def W_EI(self) -> Tensor:
        """From inhibitory to excitatory units, as a size: nowhere negative."""
        return self._block(self.excitatory, self.inhibitory)

    @property
    def W_IE(self) -> Tensor:
        """From excitatory to inhibitory units."""
        return self._block(self.inhibitory, self.excitatory)

    @property
    def W_II(self) -> Tensor:
        """From inhibitory to inhibitory units, as a size: nowhere negative."""
        return self._block(self.inhibitory, self.inhibitory)

    @property
    def W_Ex(self) -> Tensor:
        """From the inputs to excitatory units."""
        return self.W_x[self.excitatory]

    @property
    def W_Ix(self) -> Tensor:
        """From the inputs to inhibitory units."""
        return self.W_x[self.inhibitory]

    @property
    def b_E(self) -> Tensor | None:
        """The biases of excitatory units."""
        return None if self.b_r is None else self.b_r[self.excitatory]

    @property
    def b_I(self) -> Tensor | None:
        """The biases of inhibitory units."""
        return None if self.b_r is None else self.b_r[self.inhibitory]

    def _block(self, targets: Tensor, sources: Tensor) -> Tensor:
        return self.W_r[targets][:, sources].abs()

    def currents(self, activity: Tensor, x: Tensor, *, state: Tensor | None = None) -> Currents:
        """The excitatory and the inhibitory current into each unit, and what comes from outside, at each step of a run.

        In step t they are W_r^E r^E, −W_r^I r^I, and W_x x + b_r, with the rates of step t − 1 and the input of step t; f of their
        sum is where the rates of step t are heading. Noise is in none of them. Gains that lesions set are taken into account.

        Parameters
        ----------
        activity : Tensor
            trials × time × units, as the network returned it.
        x : Tensor
            trials × time × inputs, what it was given.
        state : Tensor, optional
            The state before the first step, trials × units, if it was given one.

        Returns
        -------
        Currents
            ``excitatory``, ``inhibitory`` (nowhere positive) and ``external``, each trials × time × units.

        Raises
        ------
        TypeError, ValueError
            If activity and input do not belong to such a run, or the units' gain changes in time.

        Source: Primer, Equations 35-36.
        """
        self._check(x, state)
        check_input(self, activity, self.W_x.dtype)
        if activity.shape != (*x.shape[:2], self.units):
            raise ValueError(
                f"activity of a run on these inputs has shape {(*x.shape[:2], self.units)}, got {tuple(activity.shape)}."
            )
        if self.gain.ndim > 1:
            raise ValueError(
                "what silenced units would send cannot be read from their activity: take currents of runs in which the gain of "
                "units does not change in time."
            )
        first = (self.initial_state(len(x)) if state is None else state) * self.gain
        sent = torch.cat([first.unsqueeze(1), activity[:, :-1]], 1)
        W = self.W_r if self.connection_gain is None else self.W_r * self.connection_gain
        formula = "ij,ktj->kti" if W.ndim == 2 else "tij,ktj->kti"
        excitatory = torch.einsum(formula, W, sent * self.excitatory)
        inhibitory = torch.einsum(formula, W, sent * self.inhibitory)
        return Currents(excitatory, inhibitory, nn.functional.linear(x, self.W_x, self.b_r))


def random_block(units: int, density: float, self_connections: bool, generator: Generator | None = None) -> Tensor:
    """Which connections exist among units, a given fraction of them, units × units of bool; see `random_mask`.

    Parameters
    ----------
    units : int
    density : float
    self_connections : bool
        Whether a unit may connect to itself; else the fraction is one of the connections between two units.
    generator : torch.Generator, optional
    """
    if self_connections:
        return random_mask(units, units, density, generator)
    block = torch.zeros(units, units, dtype=torch.bool)
    block[~torch.eye(units, dtype=torch.bool)] = random_mask(units, units - 1, density, generator).flatten()
    return block


def balance(V: Tensor, sign: Tensor) -> Tensor:
    """Sizes of weights that give each unit as much inhibition as excitation, when all units are equally active.

    A unit with one kind of input only gets the scale that balances all units on average.

    Parameters
    ----------
    V : Tensor
        Sizes of weights, units × units.
    sign : Tensor
        (units,)
    """
    excitation, inhibition = V[:, sign > 0].sum(1), V[:, sign < 0].sum(1)
    both = (excitation > 0) & (inhibition > 0)
    ratio = torch.where(both, excitation / inhibition, excitation.sum() / inhibition.sum().clamp(min=1e-30))
    return torch.where(sign > 0, V, V * ratio[:, None])


def scaled(V: Tensor, sign: Tensor, radius: float) -> Tensor:
    """Sizes of weights with which W_r has this spectral radius; refused if it has none, as there is no loop.

    Parameters
    ----------
    V : Tensor
        Sizes of weights, units × units.
    sign : Tensor
        (units,)
    radius : float
    """
    now = spectral_radius_of(V * sign)
    if now <= 1e-6 * float(V.max()):
        raise ValueError(
            "these connections are so few that they form no loop, so that W_r has no spectral radius to be set: use a "
            "higher density, or more units."
        )
    return V * (radius / now)
