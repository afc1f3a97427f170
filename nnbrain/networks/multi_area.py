"""Areas of excitatory and inhibitory units, with excitatory projections from one to another."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from nnbrain.arguments import count, positive_integer
from nnbrain.networks.dale import signs
from nnbrain.networks.ei_rnn import EIRNN, random_block
from nnbrain.networks.sparse import mask_weights, random_mask


class MultiAreaRNN(EIRNN):
    """A recurrent network of several areas: each is an `EIRNN`, and long-range projections of excitatory units connect them.

    τ dr^a/dt = −r^a + f(W_aa r^a + Σ_b W_ab [r^b]_E + W_ax x + b^a), with W_ab ≥ 0 for each projection from b to a

    It is one recurrent network whose weights have blocks, some of which do not exist (W_r = W̃ ∘ M), and can be used wherever an
    RNN can. In each area the excitatory units come first. It begins balanced, what comes from other areas included.

    Parameters
    ----------
    inputs : int
    areas : dict of str to int
        The units of each area.
    outputs : int
    connections : dict of (str, str) to float, or sequence of (str, str)
        The projections, (from, to), and the density of each: the fraction of the connections from excitatory units of the one to
        units of the other that exist. In a sequence, all do.
    input_to : str or dict of str to sequence of int, optional
        The area that receives all inputs, by default the first; or for each area the numbers of those that it receives.
    output_from : str or sequence of str, optional
        Which areas the outputs are read from; by default the last.
    generator : torch.Generator, optional
        Draws connections and initial weights (on the CPU); torch's own generator by default.
    **arguments
        All others of `EIRNN` and `RNN`; ``excitatory`` is the fraction in each area, ``density`` that within areas.

    Attributes
    ----------
    areas : dict of str to slice
        The units of each area, as they are numbered in the network.

    Raises
    ------
    TypeError
        If areas or connections are not of these kinds.
    ValueError
        If an area is unknown, a projection leads to where it comes from, or a number is out of its range.

    Source: Primer, section 5.1 (long-range connections), Equations 35-36.

    Examples
    --------
    >>> projections = {("MT", "LIP"): 0.3, ("LIP", "MT"): 0.1}
    >>> net = MultiAreaRNN(3, {"MT": 40, "LIP": 40}, 3, projections, input_to={"MT": [1, 2], "LIP": [0]})
    >>> outputs, activity = net(torch.zeros(5, 50, 3))
    >>> activity[:, :, net.areas["MT"]].shape
    torch.Size([5, 50, 40])
    >>> net.W_r[net.projection("LIP", "MT")].shape  # feedback, to × from
    torch.Size([40, 40])
    """

    def __init__(
        self,
        inputs: int,
        areas: Mapping[str, int],
        outputs: int,
        connections: Mapping[tuple[str, str], float] | Sequence[tuple[str, str]],
        *,
        input_to: str | Mapping[str, Sequence[int]] | None = None,
        output_from: str | Sequence[str] | None = None,
        generator: Generator | None = None,
        **arguments: Any,
    ):
        self.areas = _slices(areas)
        self._projections = self._checked(connections)
        units = max(area.stop for area in self.areas.values())
        super().__init__(inputs, units, outputs, generator=generator, **arguments)
        reached = self._inputs(next(iter(self.areas)) if input_to is None else input_to)
        if not reached.all():
            mask_weights(self.input, reached)
        read = self._known(next(reversed(self.areas)) if output_from is None else output_from, "output_from")
        if len(read) < len(self.areas):
            mask_weights(self.output, self._units_of(read).expand_as(self.W_y))

    def projection(self, source: str, target: str) -> tuple[slice, slice]:
        """Where the weights from one area to another (or to itself) stand in W_r: (units of the target, units of the source).

        ``net.W_r[net.projection("LIP", "MT")]`` are the weights; ``lesion(net, connections=net.projection("LIP", "MT"))`` cuts
        them.

        Parameters
        ----------
        source, target : str
            Areas.

        Raises
        ------
        ValueError
            If there is no such area.
        """
        for name in (source, target):
            if not isinstance(name, str):
                raise ValueError(f"a projection leads from one area to one, by their names, got {name!r}.")
            self._known(name, "an area")
        return self.areas[target], self.areas[source]

    def _signs(self, excitatory: float) -> Tensor:
        return torch.cat([signs(area.stop - area.start, excitatory) for area in self.areas.values()])

    def _connections(self, sign: Tensor, density: float, self_connections: bool, generator: Generator | None) -> Tensor:
        present = torch.zeros(len(sign), len(sign), dtype=torch.bool)
        for area in self.areas.values():
            present[area, area] = random_block(area.stop - area.start, density, self_connections, generator)
        for (source, target), fraction in self._projections.items():
            targets, sources = self.areas[target], self.areas[source]
            senders = sources.start + (sign[sources] > 0).nonzero().flatten()
            present[targets, senders] = random_mask(targets.stop - targets.start, len(senders), fraction, generator)
        return present

    def _inputs(self, input_to: str | Mapping[str, Sequence[int]]) -> Tensor:
        """Which inputs reach which units, units × inputs of bool."""
        channels = self.input.in_features
        if not isinstance(input_to, Mapping):
            input_to = dict.fromkeys(self._known(input_to, "input_to"), range(channels))
        reached = torch.zeros(self.units, channels, dtype=torch.bool)
        for name, numbers in input_to.items():
            self._known(name, "input_to")
            if not isinstance(numbers, Iterable):
                raise ValueError(
                    f"input_to[{name!r}] should be a sequence, got {numbers!r}: one input is [{numbers!r}]."
                )
            numbers = [count(n, f"each of input_to[{name!r}]") for n in numbers]
            if max(numbers, default=0) >= channels:
                raise ValueError(f"input_to[{name!r}] names input {max(numbers)}; there are {channels}, from 0 on.")
            reached[self.areas[name], numbers] = True
        if not reached.any():
            raise ValueError(f"no input reaches any area: input_to={input_to!r}.")
        return reached

    def _units_of(self, names: list[str]) -> Tensor:
        """(units,) of bool."""
        chosen = torch.zeros(self.units, dtype=torch.bool)
        for name in names:
            chosen[self.areas[name]] = True
        return chosen

    def _known(self, names: Any, what: str) -> list[str]:
        names = [names] if isinstance(names, str) or not isinstance(names, Sequence) else list(names)
        if unknown := [name for name in names if not isinstance(name, str) or name not in self.areas]:
            raise ValueError(f"{what} names {unknown[0]!r}; the areas are {', '.join(map(repr, self.areas))}.")
        return list(dict.fromkeys(names))

    def _checked(self, connections: Any) -> dict[tuple[str, str], float]:
        """The density of each projection."""
        try:
            given = dict(connections) if isinstance(connections, Mapping) else dict.fromkeys(connections, 1.0)
            if any(isinstance(pair, str) for pair in given):
                raise TypeError
            pairs = [(source, target) for source, target in given]
        except (TypeError, ValueError):
            raise TypeError(
                f'connections are pairs (from, to), with a density each: {{("MT", "LIP"): 0.2}} for instance, got {connections!r}.'
            ) from None
        for source, target in pairs:
            self._known([source, target], "connections")
            if source == target:
                raise ValueError(
                    f"{source!r} projects to itself; connections within areas are there already: density says how many."
                )
        return given


def _slices(areas: Any) -> dict[str, slice]:
    if not isinstance(areas, Mapping) or not areas or not all(isinstance(name, str) for name in areas):
        raise TypeError(f'areas are names with numbers of units, {{"MT": 40, "LIP": 40}} for instance, got {areas!r}.')
    slices, start = {}, 0
    for name, units in areas.items():
        units = positive_integer(units, f"the number of units of {name!r}")
        slices[name], start = slice(start, start + units), start + units
    return slices
