"""Sparse connections: a mask that is never trained says which of them exist."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.arguments import number, positive_integer


class SparseWeight(nn.Module):
    """Weights of which some do not exist: W = W̃ ∘ M.

    A parametrization: put in place by `mask_weights`, it acts whenever the weights are read, so that those that do not exist are
    exactly 0 however W̃ is trained. Their gradient is 0, too.

    Parameters
    ----------
    mask : Tensor
        M, targets × sources, of 0 and 1 or of booleans.

    Attributes
    ----------
    mask : Tensor
        M, of the weights' type once it moved with them.

    Raises
    ------
    TypeError
        If the mask is no tensor.
    ValueError
        If there are other values than 0 and 1, or no 1.

    Source: Primer, section 5.1 (sparse connectivity).

    Examples
    --------
    >>> SparseWeight(torch.eye(2))(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 0.],
            [0., 4.]])
    """

    def __init__(self, mask: Tensor):
        super().__init__()
        if not isinstance(mask, Tensor):
            raise TypeError(f"a mask is a tensor of 0 and 1, got {type(mask).__name__}.")
        if not ((mask == 0) | (mask == 1)).all() or not mask.any():
            raise ValueError("a mask is made of 1, where there is a connection, and 0; and it has a 1 somewhere.")
        self.register_buffer("mask", mask.detach().to(torch.get_default_dtype(), copy=True))

    def forward(self, W: Tensor) -> Tensor:
        """W, of W̃: 0 wherever there is no connection."""
        return W * self.mask

    def right_inverse(self, W: Tensor) -> Tensor:
        """A W̃ that gives these weights; what they are where there is no connection is lost."""
        return W * self.mask


def mask_weights(layer: nn.Module, mask: Tensor) -> nn.Module:
    """Let only some connections of a layer exist, from now on and however it is trained: W = W̃ ∘ M.

    Parameters
    ----------
    layer : nn.Module
        With a parameter ``weight``: an ``nn.Linear``, ``nn.Conv2d``, or the recurrent weights of an `RNN`, ``net.recurrent``. It is
        changed in place: ``layer.weight`` reads as before, W̃ is ``layer.parametrizations.weight.original``. Weights that obey
        Dale's law already obey it still. Build learning rules and optimizers afterwards.
    mask : Tensor
        M, of the weights' shape, of 0 and 1 or of booleans.

    Returns
    -------
    nn.Module
        The same layer.

    Raises
    ------
    TypeError
        If the layer has no weights, or the mask is no tensor.
    ValueError
        If the mask has another shape, other values than 0 and 1, or no 1.

    Source: Primer, section 5.1 (sparse connectivity).

    Examples
    --------
    >>> net = RNN(3, 100, 2)
    >>> _ = mask_weights(net.recurrent, torch.rand(100, 100) < 0.1)
    >>> bool((net.W_r == 0).float().mean() > 0.8)
    True
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(layer, nn.Module) or not isinstance(weight, Tensor):
        raise TypeError(
            f"mask_weights takes a layer with weights, an nn.Linear for instance, got {type(layer).__name__}: a network's "
            "recurrent weights are those of net.recurrent."
        )
    if isinstance(mask, Tensor) and mask.shape != weight.shape:
        raise ValueError(f"the mask has shape {tuple(mask.shape)}, the weights have {tuple(weight.shape)}.")
    parametrize.register_parametrization(layer, "weight", SparseWeight(mask).to(weight))
    return layer


class SparseLinear(nn.Linear):
    """A layer y = W x + b, of whose connections only some exist: W = W̃ ∘ M.

    Weights start as Gaussian with variance 1/n and biases as uniform on ±1/√n, n being the mean number of connections of a unit.

    Parameters
    ----------
    inputs, outputs : int
    density : float, optional
        The fraction of connections that exist, above 0 and at most 1: exactly so many, rounded, at random places.
    mask : Tensor, optional
        Or M itself, outputs × inputs, of 0 and 1 or of booleans.
    bias : bool
        Whether there is b.
    generator : torch.Generator, optional
        Draws the mask and the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    weight : Tensor
        W, outputs × inputs.
    mask : Tensor
        M, a buffer: it moves with the layer and is saved with it.

    Raises
    ------
    TypeError
        If the mask is no tensor.
    ValueError
        If a number is out of its range, the mask has another shape, or neither or both of density and mask are given.

    Source: Primer, section 5.1 (sparse connectivity).

    Examples
    --------
    >>> layer = SparseLinear(100, 50, density=0.1)
    >>> int((layer.weight != 0).sum())
    500
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        density: float | None = None,
        mask: Tensor | None = None,
        bias: bool = True,
        generator: Generator | None = None,
    ):
        super().__init__(positive_integer(inputs, "inputs"), positive_integer(outputs, "outputs"), bias=bias)
        if (density is None) == (mask is None):
            raise ValueError(
                "a SparseLinear takes either density, the fraction of connections, or mask, which of them exist."
            )
        mask = random_mask(outputs, inputs, density, generator) if mask is None else mask
        with torch.no_grad():
            self.weight.normal_(generator=generator)
            mask_weights(self, mask)
            n = float(self.mask.sum()) / self.out_features
            self.parametrizations.weight.original.mul_(n**-0.5)
            if bias:
                self.bias.uniform_(-(n**-0.5), n**-0.5, generator=generator)

    @property
    def mask(self) -> Tensor:
        """M, outputs × inputs."""
        return self.parametrizations.weight[0].mask


def random_mask(targets: int, sources: int, density: float, generator: Generator | None = None) -> Tensor:
    """A mask with a given fraction of ones, rounded and at least one, at random places.

    Parameters
    ----------
    targets, sources : int
    density : float
        The fraction, above 0 and at most 1.
    generator : torch.Generator, optional
        On the CPU; torch's own by default.

    Returns
    -------
    Tensor of bool
        targets × sources.

    Raises
    ------
    ValueError
        If the fraction is out of its range.
    """
    if not 0 < number(density) <= 1:
        raise ValueError(f"density is a fraction of the connections, above 0 and up to 1, got {density!r}.")
    mask = torch.zeros(targets * sources, dtype=torch.bool)
    mask[torch.randperm(len(mask), generator=generator)[: max(1, round(number(density) * len(mask)))]] = True
    return mask.view(targets, sources)
