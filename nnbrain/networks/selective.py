"""Selective training: some connections can learn, the others stay as they are."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.arguments import number


class SelectiveWeight(nn.Module):
    """W = W_train + W_fix, where W_train is 0 but for the connections that can be trained.

    A parametrization (``torch.nn.utils.parametrize``): a network reads W where it had a parameter, and trains W_train, which
    starts at 0.

    Parameters
    ----------
    W_fix : Tensor
        The weights as they are now.
    mask : Tensor of bool
        Of the same shape: which connections can be trained.

    Source: Primer, section 5.3 (selective training); Rajan et al. 2016; Masse et al. 2018.
    """

    def __init__(self, W_fix: Tensor, mask: Tensor):
        super().__init__()
        self.register_buffer("W_fix", W_fix.detach().clone())
        self.register_buffer("mask", mask.to(W_fix.device, torch.bool))

    def forward(self, W_train: Tensor) -> Tensor:
        """W, the weights that the network computes with."""
        return W_train * self.mask + self.W_fix

    def right_inverse(self, W: Tensor) -> Tensor:
        """W_train for given weights; what differs from W_fix where nothing can be trained is lost."""
        return (W - self.W_fix) * self.mask


def train_only(
    network: nn.Module,
    connections: float | Mapping[str, Tensor],
    *,
    biases: bool = False,
    generator: Generator | None = None,
) -> nn.Module:
    """From now on train only some of a network's connections: W = W_train + W_fix.

    Parameters
    ----------
    network : nn.Module
        Changed in place: ``layers.0.weight`` reads as before, its trainable part is
        ``layers.0.parametrizations.weight.original``. Build learning rules and optimizers afterwards.
    connections : float, or dict of str to Tensor
        The fraction of connections, drawn for each weight matrix, above 0 and at most 1; or for each parameter by its name
        a mask of its shape, True where it can be trained. A parameter that is not named is fixed as a whole.
    biases : bool
        Whether biases, and all else that is no matrix, stay trainable.
    generator : torch.Generator, optional
        A generator on the CPU, which draws the connections; torch's own by default.

    Returns
    -------
    nn.Module
        The same network.

    Raises
    ------
    TypeError
        If the network is none, or a mask is not of booleans.
    ValueError
        If the fraction is out of its range, a name is unknown, a shape does not fit, or the network is selective already.

    Source: Primer, section 5.3 (W = W_train + W_fix); Rajan et al. 2016; Masse et al. 2018.

    Examples
    --------
    >>> network = train_only(MLP([64, 128, 10]), 0.1)
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"train_only changes an nn.Module, got {type(network).__name__}.")
    if any(parametrize.is_parametrized(part) for part in network.modules()):
        raise ValueError("this network is parametrized already: make a new one, and choose its connections once.")
    parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
    masks = _masks(parameters, connections, generator)
    for name, p in parameters.items():
        if name in masks:
            owner, _, leaf = name.rpartition(".")
            parametrize.register_parametrization(network.get_submodule(owner), leaf, SelectiveWeight(p, masks[name]))
        elif p.ndim >= 2 or not biases:
            p.requires_grad_(False)
    return network


def _masks(parameters: dict[str, Tensor], connections, generator: Generator | None) -> dict[str, Tensor]:
    """Which connections of each parameter can be trained, where it has some that can."""
    if not isinstance(connections, Mapping):
        if not 0 < number(connections) <= 1:
            raise ValueError(
                f"connections is the fraction that can be trained, above 0 and at most 1, got {connections!r}."
            )
        matrices = {name: p for name, p in parameters.items() if p.ndim >= 2}
        return {name: _draw(p, float(connections), generator) for name, p in matrices.items()}
    if unknown := set(connections) - set(parameters):
        raise ValueError(
            f"connections names {sorted(unknown)}; the parameters that can be trained are {list(parameters)}."
        )
    for name, mask in connections.items():
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
            raise TypeError(f"the mask of {name} should be a tensor of booleans, got {kind}.")
        if mask.shape != parameters[name].shape:
            raise ValueError(
                f"the mask of {name} has shape {tuple(mask.shape)}; the parameter has {tuple(parameters[name].shape)}."
            )
    return dict(connections)


def _draw(p: Tensor, fraction: float, generator: Generator | None) -> Tensor:
    """A mask with exactly the fraction of connections, rounded, at least one."""
    mask = torch.zeros(p.numel(), dtype=torch.bool)
    mask[torch.randperm(p.numel(), generator=generator)[: max(1, round(fraction * p.numel()))]] = True
    return mask.view(p.shape)
