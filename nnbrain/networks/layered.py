"""What networks that rest, layer upon layer, ask of the inputs, states and nudges that they are given."""

from typing import Any

from torch import Tensor, nn

from nnbrain.arguments import number
from nnbrain.networks.base import check_input, kind_of

State = tuple[Tensor, ...]
Nudge = tuple[Tensor, float]


def check_layer(network: nn.Module, r: Tensor, layer: int, name: str = "r", trials: int | None = None) -> None:
    """Refuse what is no activity of a layer, trials × sizes[layer]; ``name`` says what it should have been."""
    check_input(network, r, next(network.parameters()).dtype)
    size = network.sizes[layer]
    if r.ndim != 2 or r.shape[1] != size or len(r) == 0 or trials not in (None, len(r)):
        hint = " Flatten images first: x.flatten(1)." if r.ndim > 2 and layer == 0 else ""
        rows = "trials" if trials is None else trials
        raise ValueError(f"{name} should have shape ({rows}, {size}), got {tuple(r.shape)}.{hint}")


def check_state(network: nn.Module, x: Tensor | None, state: State | None) -> None:
    """Refuse an input and a state, r_1 to r_L, that do not fit the network, or each other."""
    if x is not None:
        check_layer(network, x, 0, "the input")
    if state is None:
        return
    layers = len(network.sizes) - 1
    if not isinstance(state, tuple | list) or len(state) != layers:
        given = f"{len(state)} of them" if isinstance(state, tuple | list) else type(state).__name__
        raise ValueError(f"a state of this network is a tuple of {layers} tensors, r_1 to r_{layers}, got {given}.")
    check_layer(network, state[0], 1, "r_1", None if x is None else len(x))
    for layer, r in enumerate(state[1:], start=2):
        check_layer(network, r, layer, f"r_{layer}", len(state[0]))


def checked_nudge(network: nn.Module, nudge: Any, trials: int, above: float = 0.0) -> Nudge | None:
    """A target for the last layer and the strength with which it pulls, as a float; None if there is no nudge."""
    if nudge is None:
        return None
    if not isinstance(nudge, tuple) or len(nudge) != 2 or not number(nudge[1]) > above:
        strength = "a positive strength" if above == 0 else f"a strength above {above:g}"
        parts = (
            [kind_of(p) if isinstance(p, Tensor) else repr(p) for p in nudge] if isinstance(nudge, tuple | list) else []
        )
        given = f"{type(nudge).__name__} of {', '.join(parts)}" if parts else kind_of(nudge)
        raise ValueError(
            f"a nudge is a pair of a target and {strength}, infinite to hold the highest level at it; got {given}."
        )
    check_layer(network, nudge[0], len(network.sizes) - 1, "a target", trials)
    return nudge[0], number(nudge[1])
