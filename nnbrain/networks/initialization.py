"""How weights begin, for all feed-forward networks alike: at random, so that activity neither dies out nor explodes."""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

from nnbrain.networks.activations import Activation


@torch.no_grad()
def initialize(
    layers: Sequence[nn.Module], activation: str | Callable[[Tensor], Tensor], generator: Generator | None = None
) -> None:
    """Draw weights and biases: Gaussian weights of variance 2/n before a ReLU and 1/n otherwise, biases uniform on ±1/√n.

    n is the number of inputs of one unit.

    Parameters
    ----------
    layers : sequence of nn.Linear or nn.Conv2d
    activation : str or callable
        The f that follows each of them, as a network takes it: "linear" for a network's last layer.
    generator : torch.Generator, optional
        On the CPU; torch's own by default.

    Source: He, Zhang, Ren & Sun 2015.
    """
    activation = activation.f if isinstance(activation, Activation) else activation
    rectifier = isinstance(activation, nn.ReLU) or activation in ("relu", torch.relu, nn.functional.relu)
    for layer in layers:
        inputs = layer.weight[0].numel()
        layer.weight.normal_(0.0, ((2.0 if rectifier else 1.0) / inputs) ** 0.5, generator=generator)
        if layer.bias is not None:
            layer.bias.uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)
