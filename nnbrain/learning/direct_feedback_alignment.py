"""Direct feedback alignment: the error at the outputs reaches every hidden layer straight, through fixed random weights."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive
from nnbrain.learning._feedback import FeedbackRule, Pass
from nnbrain.learning._substitution import plain_pass
from nnbrain.objectives import Objective


class DirectFeedbackAlignment(FeedbackRule):
    """Each hidden layer hears of the outputs' error e = ∂L/∂y at once: δ⁽ˡ⁾ = (B⁽ˡ⁾ᵀ e) ∘ f′, with fixed random B.

    The changes are ΔW⁽ˡ⁾ ∝ −δ⁽ˡ⁾ r⁽ˡ⁻¹⁾ᵀ, as in backpropagation. With one hidden layer it is feedback alignment. Where a connection
    skips layers, what comes back through it is added.

    Parameters
    ----------
    network : nn.Module
        As for `FeedbackAlignment`.
    objective : Objective
    scale : float
        Standard deviation of the Gaussian B in units of 1/√n, n being the number of outputs.
    generator : torch.Generator, optional
        Draws B (on the CPU, at the first batch; torch's own generator by default), and the network's noise if it has some.

    Attributes
    ----------
    feedback : list of Tensor
        For each layer in `returning`, the B that leads to its inputs: outputs × units, or outputs × channels × height × width.
        Empty before the first batch, which shows these shapes; afterwards you may write into them.
    layers : dict of str to nn.Linear or nn.Conv2d
        The layers by name.
    returning : list of str
        The names of those after the first one that is taught.

    Raises
    ------
    TypeError, ValueError
        As for `FeedbackAlignment`.

    Source: Primer, section 5.3; Nøkland 2016.

    Examples
    --------
    >>> rule = DirectFeedbackAlignment(MLP([64, 128, 32, 10]), cross_entropy)
    >>> loss = rule(Digits("train").sample(20))
    >>> [tuple(B.shape) for B in rule.feedback]
    [(10, 128), (10, 32)]
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        scale: float = 1.0,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        self.scale = positive(scale, "scale")
        self._feedback: dict[str, Tensor] = {}

    @property
    def feedback(self) -> list[Tensor]:
        """B of each layer, in the order of the network; empty before the first batch."""
        return list(self._feedback.values())

    def layer_pass(self, done: Pass, name: str, r: Tensor) -> Tensor:
        """The sums c = W r + b, from which nothing comes back to r."""
        done.inputs[name] = r
        # A cut in the graph. It requires a gradient so that the outputs do even if nothing from here on is taught.
        return plain_pass(self.layers[name], r.detach().requires_grad_())

    def derivatives(self, done: Pass, wanted: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """∂L/∂wanted within each layer, where ∂L/∂r is taken to be Bᵀ e."""
        (e,) = torch.autograd.grad(done.loss, done.outputs, retain_graph=True, materialize_grads=True)
        heard = [self._heard(name, e.flatten(1), r) for name, r in done.inputs.items()]
        return torch.autograd.grad([done.loss, *done.inputs.values()], wanted, [None, *heard], allow_unused=True)

    def _heard(self, name: str, e: Tensor, r: Tensor) -> Tensor:
        """Bᵀ e, in the shape of the inputs r of a layer."""
        outputs, shape = e.shape[1], r.shape[1:]
        if name not in self._feedback:
            self._feedback[name] = self.scale / outputs**0.5 * torch.randn(outputs, *shape, generator=self.generator)
        B = self._feedback[name] = self._feedback[name].to(e)
        if (len(e), *B.shape[1:]) != tuple(r.shape):
            raise ValueError(
                f"the feedback of {name!r} was drawn for inputs of shape {tuple(B.shape[1:])}, which does not fit inputs of shape "
                f"{tuple(r.shape)} in this batch of {len(e)} trials: build a new rule for trials of another shape."
            )
        return torch.tensordot(e, B, 1)
