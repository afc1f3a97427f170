"""Recording from a network, as an electrophysiologist would: every named part, while it works."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nnbrain.networks import run


def record(network: nn.Module, x: Tensor, *, grad: bool = False) -> dict[str, Tensor]:
    """The activity of every named layer, activation and gate of any network, for one run.

    What is recorded is what each named submodule returns. In a recurrent network, a part that works once a time step is
    recorded over time. In a feed-forward network, a part that is used more than once gets a number for each use: ``"relu #2"``.

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
        In the order of computation; trials first. Single-valued parts by their name, those that return several tensors as
        ``name.0``, ``name.1``. Also ``"outputs"``, and ``"activity"`` (trials × time × units) from a recurrent network.

    Examples
    --------
    >>> list(record(MLP([64, 128, 10]), x))
    ['layers.0', 'rates.0', 'layers.1', 'outputs']
    """
    calls: dict[str, list[Tensor]] = {}
    hooks = [
        part.register_forward_hook(_collector(name, calls, grad)) for name, part in network.named_modules() if name
    ]
    try:
        with torch.set_grad_enabled(grad):
            outputs, activity = run(network, x)
    finally:
        for hook in hooks:
            hook.remove()
    recorded: dict[str, Tensor] = {}
    for name, values in calls.items():
        recorded |= _join(name, values, over_time=activity is not None)
    recorded["outputs"] = outputs
    if activity is not None:
        recorded["activity"] = activity
    return recorded


def _collector(name: str, calls: dict[str, list[Tensor]], grad: bool):
    def collect(module: nn.Module, inputs, result) -> None:
        for key, value in _tensors(name, result):
            # A copy, because the next layer may work in place; but with gradients the very tensor, which lies on their path.
            calls.setdefault(key, []).append(value if grad else value.clone())

    return collect


def _tensors(name: str, result) -> Iterator[tuple[str, Tensor]]:
    if isinstance(result, Tensor):
        yield name, result
    elif isinstance(result, tuple | list):
        for i, part in enumerate(result):
            yield from _tensors(f"{name}.{i}", part)


def _join(name: str, values: list[Tensor], over_time: bool) -> dict[str, Tensor]:
    if len(values) == 1:
        return {name: values[0]}
    if over_time and len({value.shape for value in values}) == 1:
        return {name: torch.stack(values, dim=1)}  # trials × time × …
    return {name if i == 0 else f"{name} #{i + 1}": value for i, value in enumerate(values)}
