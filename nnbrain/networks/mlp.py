"""The multilayer perceptron, the simplest architecture of all: layers, each driven by the one before."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input
from nnbrain.networks.initialization import initialize


class MLP(nn.Module):
    """A multilayer perceptron (Primer, Figure 2A).

    r⁽¹⁾ = x,   r⁽ˡ⁾ = f(W⁽ˡ⁾ r⁽ˡ⁻¹⁾ + b⁽ˡ⁾) for 1 < l < N,   y = W⁽ᴺ⁾ r⁽ᴺ⁻¹⁾ + b⁽ᴺ⁾

    Layer 1 is the input itself, so the first weights are W⁽²⁾: they are ``mlp.layers[0].weight``. The weights start as
    Gaussian with variance 2/n for ReLU and 1/n otherwise, n being the units of the layer before (He et al. 2015), so that
    activity neither dies out nor explodes on its way up; and the biases as uniform on ±1/√n, so that units have different
    thresholds.

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, from the input to the output: ``[64, 128, 10]`` has one hidden layer, ``[64, 10]`` none.
    activation : str or callable
        f, by name ("relu", "tanh", "sigmoid", "softplus", "linear") or as a function of a tensor.
    bias : bool
        Whether the layers have biases b.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        ``layers[l - 2]`` holds W⁽ˡ⁾ (units × units of the layer before) and b⁽ˡ⁾.
    rates : nn.ModuleList of Activation
        ``rates[l - 2]`` is the f that gives r⁽ˡ⁾, one for each hidden layer.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or one is not a positive integer.

    Source: Primer, Equations 1-3, Figure 2A.

    Examples
    --------
    >>> net = MLP([64, 128, 10])
    >>> net(torch.zeros(5, 64)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Callable[[Tensor], Tensor] = "relu",
        *,
        bias: bool = True,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.sizes = [positive_integer(n, "each of an MLP's sizes") for n in sizes]
        if len(self.sizes) < 2:
            raise ValueError(f"an MLP needs two sizes or more, from input to output, got {self.sizes}.")
        self.layers = nn.ModuleList(nn.Linear(m, n, bias=bias) for m, n in pairwise(self.sizes))
        self.rates = nn.ModuleList(Activation(activation) for _ in self.sizes[1:-1])
        initialize(self.layers[:-1], activation, generator)
        initialize(self.layers[-1:], "linear", generator)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].

        Returns
        -------
        Tensor
            y, trials × sizes[-1].

        Raises
        ------
        TypeError
            If x is no tensor, or not of the weights' type.
        ValueError
            If x has another shape.
        """
        self._check(x)
        r = x  # Eq. 1
        for layer, f in zip(self.layers, self.rates, strict=False):
            r = f(layer(r))  # Eq. 2: r ← f(W r + b)
        return self.layers[-1](r)  # Eq. 3

    def _check(self, x: Tensor) -> None:
        check_input(self, x, self.layers[0].weight.dtype)
        if x.ndim != 2 or x.shape[1] != self.sizes[0]:
            hint = " Flatten images first: x.flatten(1)." if x.ndim > 2 else ""
            raise ValueError(f"this MLP expects inputs of shape (trials, {self.sizes[0]}), got {tuple(x.shape)}.{hint}")
