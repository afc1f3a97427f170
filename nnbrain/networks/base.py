"""The contract that all networks keep, and the one function that runs any of them.

A feed-forward network maps ``x`` to ``y``. A recurrent network maps ``x`` (trials × time × inputs) to a pair, its outputs
(trials × time × outputs) and its activity (trials × time × units). Everything that meets a network it does not know
(objectives, learning rules, analyses) goes through `run`, so that both kinds look the same to it.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call

from nnbrain.arguments import positive_integer


def run(network: nn.Module, inputs: Tensor, generator: Generator | None = None) -> tuple[Tensor, Tensor | None]:
    """Run a network of either kind.

    Parameters
    ----------
    network : nn.Module
    inputs : Tensor
        trials × features for a feed-forward network, trials × time × inputs for a recurrent one.
    generator : torch.Generator, optional
        The source of the network's own noise, for networks that have some; without it they are noise-free.

    Returns
    -------
    outputs : Tensor
        trials × outputs, or trials × time × outputs.
    activity : Tensor or None
        trials × time × units from a recurrent network, None from a feed-forward one.

    Raises
    ------
    TypeError
        If the network returns neither a tensor nor a pair of tensors.
    ValueError
        If what it returns has other trials or time steps than the inputs.
    """
    noisy = generator is not None and _takes_generator(type(network).forward)
    result = network(inputs, generator=generator) if noisy else network(inputs)
    outputs, activity = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    if not isinstance(outputs, Tensor) or not isinstance(activity, Tensor | None):
        raise TypeError(f"{type(network).__name__} returned {_describe(result)}. {_CONTRACT}")
    if outputs.shape[:1] != inputs.shape[:1]:
        raise ValueError(
            f"{type(network).__name__} was given {inputs.shape[0]} trials and returned outputs of shape "
            f"{tuple(outputs.shape)}."
        )
    if activity is not None and activity.shape[:2] != inputs.shape[:2]:
        raise ValueError(
            f"{type(network).__name__} returned a second tensor of shape {tuple(activity.shape)}, which is no activity: for "
            f"inputs of shape {tuple(inputs.shape)} that is trials × time × units. {_CONTRACT}"
        )
    return outputs, activity


_CONTRACT = (
    "A feed-forward network returns its outputs, a recurrent one the pair (outputs, activity): "
    "wrap yours in a module that does."
)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within it a network is in evaluation mode (no dropout, frozen batch statistics); after it, each part is in its own again.

    Parameters
    ----------
    network : nn.Module
    """
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def with_weights(module: nn.Module, values: Mapping[str, Tensor], *arguments):
    """What a module returns with other values for some parameters and buffers. It keeps its own, whatever happens.

    ``torch.func.functional_call`` does this for networks in which each part stands in one place. In others, it would leave the new
    values behind where a part that is used twice had its own.

    Parameters
    ----------
    module : nn.Module
    values : dict of str to Tensor
        By the names of ``module.named_parameters()`` and ``module.named_buffers()``. A parameter that several parts share has one
        name, and changes in all of them.
    *arguments
        Of the module's call.
    """
    names = {id(p): name for name, p in (*module.named_parameters(), *module.named_buffers())}
    places = {
        f"{prefix}.{name}" if prefix else name: values[names[id(p)]]
        for prefix, part in module.named_modules()
        for name, p in (*part._parameters.items(), *part._buffers.items())
        if p is not None and names[id(p)] in values
    }
    return functional_call(module, places, arguments, tie_weights=False)


def check_input(network: nn.Module, x: Tensor, dtype: torch.dtype) -> None:
    """Refuse what is no tensor, or not of the type in which a network computes.

    Parameters
    ----------
    network : nn.Module
    x : Tensor
    dtype : torch.dtype
        Of the network's weights.

    Raises
    ------
    TypeError
    """
    name = type(network).__name__
    if not isinstance(x, Tensor):
        raise TypeError(f"this {name} expects a tensor, got {type(x).__name__}: use torch.as_tensor(x).")
    if x.dtype != dtype:
        raise TypeError(f"this {name} computes in {dtype}, got inputs in {x.dtype}: use x.to({dtype}).")


def check_sequence(network: nn.Module, x: Tensor, inputs: int, dtype: torch.dtype) -> None:
    """Refuse what is no trials × time × inputs, with at least one trial and one step, of the type in which a network computes.

    Parameters
    ----------
    network : nn.Module
    x : Tensor
    inputs : int
    dtype : torch.dtype
        Of the network's weights.

    Raises
    ------
    TypeError, ValueError
    """
    check_input(network, x, dtype)
    if x.ndim != 3 or x.shape[2] != inputs or 0 in x.shape[:2]:
        hint = " A single trial is x.unsqueeze(0)." if x.ndim == 2 else ""
        raise ValueError(
            f"this {type(network).__name__} expects inputs of shape (trials, time, {inputs}), with one trial and one step or more, "
            f"got {tuple(x.shape)}.{hint}"
        )


def white_noise(trials: int, steps: int, units: int, generator: Generator) -> Tensor:
    """ξ, standard normal and independent, trials × time × units, on the device of the generator.

    Parameters
    ----------
    trials, steps, units : int
    generator : torch.Generator

    Raises
    ------
    TypeError
        If the generator is none: a seed, for instance.
    ValueError
        If trials or steps are not positive integers.
    """
    if not isinstance(generator, Generator):
        raise TypeError(f"noise comes from a torch.Generator, torch.Generator().manual_seed(0), got {generator!r}.")
    shape = positive_integer(steps, "steps"), positive_integer(trials, "trials"), units
    return torch.randn(shape, generator=generator, device=generator.device).transpose(0, 1)


def kind_of(value: object) -> str:
    """What something is, for a message: the type of a tensor's numbers, or its own type."""
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


@functools.cache
def _takes_generator(forward: Callable) -> bool:
    return "generator" in inspect.signature(forward).parameters


def _describe(result) -> str:
    if isinstance(result, tuple):
        return "a tuple of " + ", ".join(type(part).__name__ for part in result)
    return f"a {type(result).__name__}"
