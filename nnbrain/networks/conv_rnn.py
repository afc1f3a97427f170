"""The convolutional recurrent network: units also hear from their neighbours and from the stage above, a step later."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive_integer
from nnbrain.networks.convnet import ConvNet
from nnbrain.networks.initialization import initialize


class ConvRNN(ConvNet):
    """A `ConvNet` that looks at an image for some steps, with lateral connections within its stages and feedback between them.

    r_l(t) = f(W_l ∗ p_{l−1}(t) + V_l ∗ r_l(t−1) + U_l ∗ ↑r_{l+1}(t−1) + b_l),   p_l = pooled r_l,   p_0 = the image

    All activity starts at 0. In a step the image goes through all stages up to the classifier, so that the first step is a
    ConvNet's; what is recurrent comes in from the second one on. ↑ brings the smaller map of the stage above to this stage's size,
    each place repeated. W and b start as in `ConvNet`; V and U likewise, times ``strength``.

    Parameters
    ----------
    image_shape, channels, hidden, outputs
        As for `ConvNet`.
    steps : int
        How often the network looks at the image.
    lateral, feedback : bool
        Whether there are V; U.
    every_step : bool
        What the network returns: the outputs of all steps, trials × steps × outputs, or those of the last one. To teach each step
        to answer, return all of them and give `at_every_step` as the objective.
    strength : float
        Of recurrent weights at the start, as compared with those of the ConvNet.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.
    **arguments
        All others of `ConvNet`, except skip.

    Attributes
    ----------
    lateral, feedback : nn.ModuleList of nn.Conv2d
        V_l, one for each stage, and U_l, one for each but the last; without biases. Empty where there are none.

    Raises
    ------
    ValueError
        If a number is out of its range; see `ConvNet`.

    Source: Primer, section 5.1 (convolutional recurrent networks); Spoerer, McClure & Kriegeskorte 2017; Nayebi et al. 2018.

    Examples
    --------
    >>> net, x = ConvRNN((1, 8, 8), channels=[16, 16], hidden=[], steps=4), torch.zeros(5, 1, 8, 8)
    >>> net(x).shape, net.over_time(x).shape
    (torch.Size([5, 10]), torch.Size([5, 4, 10]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int] = (16, 32),
        hidden: Sequence[int] = (64,),
        outputs: int = 10,
        *,
        steps: int = 4,
        lateral: bool = True,
        feedback: bool = True,
        every_step: bool = False,
        strength: float = 0.5,
        generator: Generator | None = None,
        **arguments: Any,
    ):
        if arguments.pop("skip", False):
            raise ValueError("a ConvRNN has no skip: its lateral connections carry activity on.")
        super().__init__(image_shape, channels, hidden, outputs, generator=generator, **arguments)
        self.steps, self.every_step = positive_integer(steps, "steps"), every_step
        strength = at_least_zero(strength, "strength")
        self.lateral = nn.ModuleList(_recurrent(c, c) for c in self.convolutions if lateral)
        self.feedback = nn.ModuleList(_recurrent(c, above) for c, above in pairwise(self.convolutions) if feedback)
        for layer in (*self.lateral, *self.feedback):
            initialize([layer], self.rates[0], generator)
            layer.weight.data *= strength

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × channels × height × width.

        Returns
        -------
        Tensor
            trials × outputs, those of the last step; or trials × steps × outputs with ``every_step``.
        """
        outputs = self.over_time(x)
        return outputs if self.every_step else outputs[:, -1]

    def over_time(self, x: Tensor, steps: int | None = None) -> Tensor:
        """The outputs of every step.

        Parameters
        ----------
        x : Tensor
            trials × channels × height × width.
        steps : int, optional
            Another number of them than the network's own.

        Returns
        -------
        Tensor
            trials × steps × outputs.

        Raises
        ------
        TypeError, ValueError
            If x is no tensor of such images, or there is no step.
        """
        self._check(x)
        r: list[Tensor] = []
        outputs = []
        for _ in range(self.steps if steps is None else positive_integer(steps, "steps")):
            r, top = self._step(x, r)
            outputs.append(self.classifier(top.flatten(1)))
        return torch.stack(outputs, 1)

    def _step(self, x: Tensor, before: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        """The activity of each stage, given that of the step before, and what the last one sends to the classifier."""
        r, below = [], x
        for stage, (convolution, f, pool) in enumerate(zip(self.convolutions, self.rates, self.pools, strict=True)):
            c = convolution(below)
            if before and self.lateral:
                c = c + self.lateral[stage](before[stage])
            if before and stage < len(self.feedback):
                c = c + self.feedback[stage](nn.functional.interpolate(before[stage + 1], size=c.shape[2:]))
            r.append(f(c))
            below = pool(r[-1])
        return r, below


def _recurrent(to: nn.Conv2d, source: nn.Conv2d) -> nn.Conv2d:
    """Connections to the units of a stage from those of a stage: they reach as far as its own, and keep the size of the map."""
    kernel = to.kernel_size[0] // 2 * 2 + 1  # odd
    n, m = source.out_channels, to.out_channels
    return nn.Conv2d(n, m, kernel, padding=kernel // 2, padding_mode=to.padding_mode, bias=False)
