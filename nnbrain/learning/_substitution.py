"""Layers that compute in another way for a while: how a rule gets in between the layers of a network it did not build."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn


def is_plain(part: nn.Module) -> bool:
    """Whether a part is a layer whose forward pass we know."""
    return "forward" not in vars(part) and type(part).forward in (nn.Linear.forward, nn.Conv2d.forward)


def is_taught(layer: nn.Module) -> bool:
    """Whether a layer has parameters that can be trained."""
    return any(p.requires_grad for p in layer.parameters())


def plain_pass(layer: nn.Module, r: Tensor) -> Tensor:
    """The layer's own forward pass."""
    return type(layer).forward(layer, r)


@contextmanager
def substituted(layers: Mapping[str, nn.Module], layer_pass: Callable[[str, Tensor], Tensor]) -> Iterator[None]:
    """Within it each layer computes ``layer_pass(name, r)``; after it, by its own forward pass again, whatever happens."""
    try:
        for name, layer in layers.items():
            vars(layer)["forward"] = partial(layer_pass, name)
        yield
    finally:
        for layer in layers.values():
            vars(layer).pop("forward", None)
