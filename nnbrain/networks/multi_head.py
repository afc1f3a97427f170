"""A multilayer perceptron with separate outputs for each task: a cue in the input says which of them speak."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nnbrain.arguments import positive_integer, positive_integers
from nnbrain.networks.base import check_input
from nnbrain.networks.mlp import MLP


class MultiHeadMLP(MLP):
    """A multilayer perceptron whose tasks share all layers but the last: y = Σ_h c_h (W_h r⁽ᴺ⁻¹⁾ + b_h).

    The cue c, the last inputs of each trial, is 1 for the trial's task and 0 otherwise, so that a task uses, and trains, a
    head of its own.

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, from the input without the cue to the outputs of one head.
    heads : int
        H, how many tasks.
    **arguments
        All others of `MLP`.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        As in `MLP`; the last one holds the heads one below the other, heads · outputs × units.

    Raises
    ------
    ValueError
        If a number is not a positive integer.

    Source: Zenke, Poole & Ganguli 2017 (multi-head networks).

    Examples
    --------
    >>> MultiHeadMLP([64, 50, 2], heads=5)(SplitDigits(0).sample(32).inputs).shape
    torch.Size([32, 2])
    """

    def __init__(self, sizes: Sequence[int], heads: int, **arguments):
        heads, sizes = positive_integer(heads, "heads"), positive_integers(sizes, "sizes")
        super().__init__([*sizes[:-1], *[heads * n for n in sizes[-1:]]], **arguments)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × (sizes[0] + heads), the last ones the cue.

        Returns
        -------
        Tensor
            y, trials × sizes[-1], from the head that the cue names.

        Raises
        ------
        TypeError
            If x is no tensor, or not of the weights' type.
        ValueError
            If x has another shape.
        """
        check_input(self, x, self.layers[0].weight.dtype)
        if x.ndim != 2 or x.shape[1] != self.sizes[0] + self.heads:
            raise ValueError(
                f"this MultiHeadMLP expects inputs of shape (trials, {self.sizes[0]} + {self.heads}), the last {self.heads} "
                f"the cue that says which head answers, got {tuple(x.shape)}."
            )
        features, cue = x.split([self.sizes[0], self.heads], dim=1)
        y = super().forward(features).unflatten(1, (self.heads, -1))  # trials × heads × outputs
        return torch.einsum("kh,khc->kc", cue, y)
