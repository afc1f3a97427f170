"""The convolutional network: layers of units in space, all units of a channel with the same weights, then a classifier."""

from collections.abc import Callable, Sequence

from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer, positive_integers, shape_of_image
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input
from nnbrain.networks.initialization import initialize
from nnbrain.networks.mlp import MLP

PADDINGS = ("zeros", "circular", "none")


class ConvNet(nn.Module):
    """A convolutional network (Primer, Figure 2D): convolutional stages, then a multilayer perceptron as a classifier.

    A stage is c = W ∗ r + b, r ← f(c), then pooling: the largest activity of each patch of a channel. W ∗ r is Equation 19 with
    the shared weights of Equation 20. As everywhere in the field, W is indexed by the input's place relative to the unit's
    (Equation 20 has it mirrored). Weights start as those of `MLP` do.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of the input.
    channels : sequence of int
        Channels of each convolutional stage.
    hidden : sequence of int
        Units in each hidden layer of the classifier; may be empty.
    outputs : int
        Units of the last layer.
    kernel : int or sequence of int
        Width and height of what a unit sees of the layer before, for all stages or one by one; odd, unless there is no padding.
    stride : int
        Distance between neighbouring units in places of the layer before.
    padding : {"zeros", "circular", "none"}
        What lies beyond the border: silence; the other side of the image; nothing, so that the layer shrinks.
    pool : int or sequence of int
        Width and height of the patches that are pooled after each stage, for all of them or one by one; 1 for no pooling.
    activation : str or callable
        f, by name or as a function of a tensor; see `Activation`.
    skip : bool
        Whether the input of a stage is added to c wherever both have the same shape (He et al. 2016).
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    convolutions : nn.ModuleList of nn.Conv2d
        Weights are channels × channels of the layer before × kernel × kernel.
    rates : nn.ModuleList of Activation
        The f of each stage.
    pools : nn.ModuleList
        The pooling of each stage.
    classifier : MLP
    shapes : list of tuple of int
        (channels, height, width) of the input and after each stage, pooling included.

    Raises
    ------
    ValueError
        If a number is not a positive integer, the lists do not fit together, or a stage leaves no place for a unit.

    Source: Primer, Equations 19-20, Figure 2D.

    Examples
    --------
    >>> net = ConvNet((1, 8, 8), channels=[16, 32], hidden=[64])
    >>> net(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int] = (16, 32),
        hidden: Sequence[int] = (64,),
        outputs: int = 10,
        *,
        kernel: int | Sequence[int] = 3,
        stride: int = 1,
        padding: str = "zeros",
        pool: int | Sequence[int] = 2,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        skip: bool = False,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.skip = skip
        shape = shape_of_image(image_shape, "channels, height, width")
        widths = [shape[0], *positive_integers(channels, "channels")]
        hidden = positive_integers(hidden, "hidden")
        outputs = positive_integer(outputs, "outputs")
        stages = len(widths) - 1
        stride, windows = positive_integer(stride, "stride"), _one_each(pool, stages, "pool")
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, size, stride, **_border(size, padding))
            for before, after, size in zip(widths, widths[1:], _one_each(kernel, stages, "kernel"), strict=False)
        )
        self.rates = nn.ModuleList(Activation(activation) for _ in windows)
        self.pools = nn.ModuleList(nn.MaxPool2d(window) if window > 1 else nn.Identity() for window in windows)
        self.shapes = [shape]
        for stage, (convolution, window) in enumerate(zip(self.convolutions, windows, strict=True), start=1):
            self.shapes.append(_shape_after(self.shapes[-1], convolution, window, stage))
        size = self.shapes[-1]
        self.classifier = MLP([size[0] * size[1] * size[2], *hidden, outputs], activation, generator=generator)
        initialize(self.convolutions, activation, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × channels × height × width.

        Returns
        -------
        Tensor
            y, trials × outputs.

        Raises
        ------
        TypeError
            If x is no tensor, or not of the weights' type.
        ValueError
            If x has another shape.
        """
        self._check(x)
        r = x
        for convolution, f, pool in zip(self.convolutions, self.rates, self.pools, strict=True):
            c = convolution(r)  # Eqs 19 and 20: trials × channels × height × width
            if self.skip and c.shape == r.shape:
                c = c + r
            r = pool(f(c))
        return self.classifier(r.flatten(1))

    def _check(self, x: Tensor) -> None:
        check_input(self, x, self.convolutions[0].weight.dtype)
        if tuple(x.shape[1:]) != self.shapes[0]:
            shape = ", ".join(map(str, self.shapes[0]))
            hint = {
                2: f" Vectors of pixels become images with x.reshape(-1, {shape}).",
                3: " A single image is x.unsqueeze(0); images without channels are x.unsqueeze(1).",
            }.get(x.ndim, "")
            raise ValueError(
                f"this {type(self).__name__} expects inputs of shape (trials, {shape}), got {tuple(x.shape)}.{hint}"
            )


def _border(kernel: int, padding: str) -> dict:
    """What nn.Conv2d is to know of the border, so that with stride 1 a padded layer keeps its size."""
    if not isinstance(padding, str) or padding not in PADDINGS:
        raise ValueError(f"padding is one of {', '.join(map(repr, PADDINGS))}, got {padding!r}.")
    if kernel % 2 == 0 and padding != "none":
        raise ValueError(f"a kernel of even size, {kernel}, has no middle: take an odd one, or padding='none'.")
    return {} if padding == "none" else {"padding": kernel // 2, "padding_mode": padding}


def _one_each(value: int | Sequence[int], stages: int, name: str) -> list[int]:
    """A number for each stage, whether one was given for all of them or one for each."""
    if stages < 1:
        raise ValueError("a ConvNet needs at least one convolutional stage: channels=[16], for instance.")
    try:
        numbers = list(value)
    except TypeError:  # a single one
        numbers = [value] * stages
    if len(numbers) != stages:
        raise ValueError(
            f"{name} should be one number for all {stages} stages or a list with one for each, got {value!r}."
        )
    return [positive_integer(number, name) for number in numbers]


def _shape_after(shape: tuple[int, int, int], convolution: nn.Conv2d, window: int, stage: int) -> tuple[int, int, int]:
    """(channels, height, width) after a stage; refused where nothing is left."""
    if convolution.padding_mode == "circular" and max(convolution.padding) > min(shape[1:]):
        raise ValueError(
            f"stage {stage} gets {shape[1]} × {shape[2]} places from the stage before, and its kernel of "
            f"{convolution.kernel_size[0]} would reach around them more than once: take a smaller kernel or padding='zeros'."
        )
    height, width = (
        ((n + 2 * p - k) // s + 1) // window
        for n, p, k, s in zip(shape[1:], convolution.padding, convolution.kernel_size, convolution.stride, strict=True)
    )
    if height < 1 or width < 1:
        raise ValueError(
            f"stage {stage} gets {shape[1]} × {shape[2]} places from the stage before and has none left: use fewer stages, "
            "less pooling (pool=1), a smaller kernel or larger images."
        )
    return convolution.out_channels, height, width
