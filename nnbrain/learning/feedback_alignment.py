"""Feedback alignment: errors come back through fixed random weights, and the forward weights learn to fit these."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from nnbrain.arguments import positive
from nnbrain.learning._feedback import FeedbackRule, Pass
from nnbrain.objectives import Objective


class LinearPass(torch.autograd.Function):
    """c = W r + b on the way up; on the way down Bᵀ stands where Wᵀ does in backpropagation."""

    @staticmethod
    def forward(ctx: FunctionCtx, r: Tensor, W: Tensor, b: Tensor | None, B: Tensor) -> Tensor:
        """c, trials × units."""
        ctx.save_for_backward(r, B)
        return F.linear(r, W, b)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, delta: Tensor) -> tuple[Tensor | None, ...]:
        """Bᵀ δ, δ rᵀ and δ, the last two summed over trials."""
        r, B = ctx.saved_tensors
        per_trial, rates = delta.flatten(0, -2), r.flatten(0, -2)
        needs = ctx.needs_input_grad
        return delta @ B, per_trial.T @ rates if needs[1] else None, per_trial.sum(0) if needs[2] else None, None


class ConvolutionPass(torch.autograd.Function):
    """The same for shared weights, c = W ∗ r + b: on the way down B stands where W does."""

    @staticmethod
    def forward(ctx: FunctionCtx, r: Tensor, W: Tensor, b: Tensor | None, B: Tensor, *geometry) -> Tensor:
        """c, trials × channels × height × width."""
        ctx.save_for_backward(r, B)
        ctx.geometry = geometry  # stride, padding, dilation, groups
        return F.conv2d(r, W, b, *geometry)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, delta: Tensor) -> tuple[Tensor | None, ...]:
        """As `LinearPass`, summed over trials and places."""
        r, B = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.geometry
        # The derivatives by W and b do not depend on W: torch's own backward pass, given B, does all three.
        arguments = (delta, r, B, [len(B)], stride, padding, dilation, False, (0, 0), groups, ctx.needs_input_grad[:3])
        return *torch.ops.aten.convolution_backward(*arguments), None, None, None, None, None


class FeedbackAlignment(FeedbackRule):
    """Backpropagation without weight transport: δ⁽ˡ⁾ = (B⁽ˡ⁺¹⁾ᵀ δ⁽ˡ⁺¹⁾) ∘ f′, with fixed random B where backpropagation has W.

    δ⁽ˡ⁾ is what layer l hears of the error; the changes are ΔW⁽ˡ⁾ ∝ −δ⁽ˡ⁾ r⁽ˡ⁻¹⁾ᵀ, as in backpropagation. Those of the last layer
    follow the gradient. The others need not at first; they come to point along it as W aligns with B.

    Parameters
    ----------
    network : nn.Module
        Feed-forward, its weights in ``nn.Linear`` and ``nn.Conv2d`` layers that are each used once, registered in the order of
        their use; they may branch, skip layers, and meet again. Without a hidden layer it learns by the gradient.
    objective : Objective
    scale : float, optional
        Standard deviation of the Gaussian B in units of 1/√n, n being the number of inputs of a unit. By default that of the
        forward weights at the moment, layer by layer.
    generator : torch.Generator, optional
        Draws B (on the CPU; torch's own generator by default), and later the network's noise if it has some.

    Attributes
    ----------
    feedback : list of Tensor
        B of each layer after the first one that is taught, in the shape of its W; you may write into them.
    layers : dict of str to nn.Linear or nn.Conv2d
        The layers by name.
    returning : list of str
        The names of those with feedback weights, in the order of `feedback`.

    Raises
    ------
    TypeError
        If there is no objective.
    ValueError
        If the network is recurrent, has weights elsewhere or in use twice, or the scale is not positive.

    Source: Primer, section 5.3; Framework, Figure 2; Lillicrap, Cownden, Tweed & Akerman 2016.

    Examples
    --------
    >>> rule = FeedbackAlignment(MLP([64, 128, 10]), cross_entropy)
    >>> [tuple(B.shape) for B in rule.feedback]
    [(10, 128)]
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        scale: float | None = None,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        scale = None if scale is None else positive(scale, "scale")
        self._feedback = {}
        for name in self.returning:
            W = self.layers[name].weight.detach()
            size = float(W.square().mean().sqrt()) if scale is None else scale / W[0].numel() ** 0.5
            if not size > 0:
                raise ValueError(
                    f"the weights of {name!r} are all 0, and so would be its feedback: give a scale, scale=1."
                )
            self._feedback[name] = self._initial(W, size)

    def _initial(self, W: Tensor, size: float) -> Tensor:
        """Gaussian weights of a standard deviation, in the shape of W."""
        return size * torch.randn(W.shape, generator=self.generator).to(W)

    @property
    def feedback(self) -> list[Tensor]:
        """B of each layer in `returning`."""
        return [self.feedback_of(name) for name in self.returning]

    def feedback_of(self, name: str) -> Tensor:
        """B of the layer of this name, on the device and in the type of its W."""
        B = self._feedback[name]
        B.data = B.data.to(self.layers[name].weight)
        return B

    def pathways(self) -> dict[str, tuple[Tensor, Tensor]]:
        """W and B of each layer in `returning`, by its name."""
        return {name: (self.layers[name].weight.detach(), self.feedback_of(name).detach()) for name in self.returning}

    def layer_pass(self, done: Pass, name: str, r: Tensor) -> Tensor:
        """The sums c = W r + b, whose error comes back through B."""
        layer, B = self.layers[name], self.feedback_of(name).detach()
        if isinstance(layer, nn.Linear):
            return LinearPass.apply(r, layer.weight, layer.bias, B)
        r, padding = _padded(layer, r)
        geometry = layer.stride, padding, layer.dilation, layer.groups
        return ConvolutionPass.apply(r, layer.weight, layer.bias, B, *geometry)

    def derivatives(self, done: Pass, wanted: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """∂L/∂wanted, with B where backpropagation has W."""
        return torch.autograd.grad(done.loss, wanted, allow_unused=True)


def _padded(layer: nn.Conv2d, r: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """A layer's input with the border that a plain convolution does not know, and the padding that is left to it."""
    if layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
        return r, layer.padding
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return F.pad(r, layer._reversed_padding_repeated_twice, mode=mode), (0, 0)
