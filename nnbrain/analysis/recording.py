"""Recording from a network, as an electrophysiologist would: every named part, while it works."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from nnbrain.networks import evaluating, run


def record(network: nn.Module, x: Tensor, *, grad: bool = False) -> dict[str, Tensor]:
    """The activity of every named layer, activation and gate of any network, for one run in evaluation mode.

    What is recorded is what each named part returns. In a recurrent network, a part that works at each time step is recorded
    over time. A part that is used more than once (at each step) gets a number for each use: ``"relu"``, ``"relu #2"``.

    Parameters
    ----------
    network : nn.Module
    x : Tensor
        trials × features, or trials × time × inputs.
    grad : bool
        Whether to keep what is needed to differentiate the activity.

    Returns
    -------
    dict of str to Tensor
        In the order of computation; trials first. Parts that return several tensors appear as ``name.0``, ``name.1``. Also
        ``"outputs"``, and ``"activity"`` (trials × time × units) from a recurrent network.

    Raises
    ------
    ValueError
        If a part bears a name of the result, or, with ``grad``, if a later part overwrote what an earlier one returned.

    Examples
    --------
    >>> list(record(MLP([64, 128, 10]), x))
    ['layers.0', 'rates.0', 'layers.1', 'outputs']
    """
    parts = {name: part for name, part in network.named_modules() if name}
    if clash := {"outputs", "activity"} & set(parts):
        raise ValueError(
            f"the network has a part called {clash.pop()!r}, as the record of its result is: give it another name."
        )
    calls: dict[str, list[Tensor]] = {}
    hooks = [part.register_forward_hook(_collector(name, calls, grad)) for name, part in parts.items()]
    try:
        with torch.set_grad_enabled(grad), evaluating(network):
            outputs, activity = run(network, x)
    finally:
        for hook in hooks:
            hook.remove()
    recorded: dict[str, Tensor] = {}
    for name, values in calls.items():
        recorded |= _join(name, values, steps=None if activity is None else activity.shape[1])
    if grad and (spoilt := [name for name, value in recorded.items() if value._version > 0]):
        raise ValueError(
            f"a later part works in place and overwrote the record of {spoilt}: build it with inplace=False."
        )
    recorded["outputs"] = outputs
    return recorded if activity is None else recorded | {"activity": activity}


def _collector(name: str, calls: dict[str, list[Tensor]], grad: bool):
    def collect(module: nn.Module, inputs, result) -> None:
        for key, value in _tensors(name, result):
            # A copy, as a later part may work in place; but with gradients the very tensor, which lies on their path.
            calls.setdefault(key, []).append(value if grad else value.clone())

    return collect


def _tensors(name: str, result) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in what a part returned, whatever it is packed in."""
    if isinstance(result, Tensor):
        yield name, result
    elif isinstance(result, Mapping):
        for key, part in result.items():
            yield from _tensors(f"{name}.{key}", part)
    elif isinstance(result, tuple | list):
        for i, part in enumerate(result):
            yield from _tensors(f"{name}.{i}", part)


def _join(name: str, values: list[Tensor], steps: int | None) -> dict[str, Tensor]:
    """The record of one part: over time if it worked at every step, once or more often; otherwise each call by itself."""
    alike = len({value.shape for value in values}) == 1
    whole = len(values) == steps == 1 and values[0].ndim > 2  # one step, and the part saw the whole of it
    if steps and alike and len(values) % steps == 0 and not whole:
        uses = len(values) // steps
        series = [torch.stack(values[use::uses], dim=1) for use in range(uses)]  # trials × time × …
    else:
        series = values
    return {name if i == 0 else f"{name} #{i + 1}": value for i, value in enumerate(series)}
