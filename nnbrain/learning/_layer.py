"""What the rules that teach a single linear layer have in common."""

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.learning.base import Rule
from nnbrain.networks import MLP, SelectiveWeight
from nnbrain.networks.base import check_input
from nnbrain.tasks import Batch


def one_layer(network: nn.Module, rule: str) -> nn.Linear:
    """The layer of a network that has one, or a ValueError that says which rule needs it."""
    if type(network) is nn.Linear:
        return network
    if type(network) is MLP and len(network.layers) == 1:
        return network.layers[0]
    raise ValueError(f"{rule} teaches one linear layer, MLP([inputs, outputs]), not {network}.")


class LayerRule(Rule):
    """A rule for one linear layer, y = W x, that has no objective: its changes depend on x, y and W alone.

    A subclass gives `change`; the estimate is minus that.

    Parameters
    ----------
    network : MLP or nn.Linear
        Of one layer, without a bias.
    objective : None
        There is none to give.
    generator : torch.Generator, optional
        Not used: nothing here is random.
    """

    advice = "lower the learning rate"

    def __init__(self, network: MLP | nn.Linear, objective: None = None, *, generator: Generator | None = None):
        super().__init__(network, objective, generator=generator)
        name = type(self).__name__
        if objective is not None:
            raise ValueError(
                f"{name} has no objective, its changes depend on x, y and W alone; got {objective}: leave it out."
            )
        self.layer = one_layer(network, name)
        if self.layer.bias is not None:
            raise ValueError(f"{name} is about y = W x, without a bias: MLP([inputs, outputs], bias=False).")
        made = self.layer.parametrizations["weight"] if parametrize.is_parametrized(self.layer, "weight") else ()
        if not all(isinstance(part, SelectiveWeight) for part in made):
            raise ValueError(
                f"{name} changes the weights themselves, but those of this layer are made of other parameters."
            )
        if not self.layer.weight.requires_grad:
            raise ValueError(f"{name} teaches the weights, but those of this network are frozen (requires_grad).")

    def default_optimizer(self) -> torch.optim.Optimizer:
        """Plain gradient descent with rate η = 0.01, which applies the change as it is: Adam would make another rule of it."""
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def change(self, x: Tensor, y: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """What a subclass defines: its scalar, and ΔW / η averaged over trials, outputs × inputs."""
        raise NotImplementedError

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The scalar that the class names, and minus the change of the weights, averaged over trials."""
        x, W = batch.inputs, self.layer.weight.detach()
        check_input(self.network, x, W.dtype)
        if x.ndim != 2 or x.shape[1] != W.shape[1]:
            raise ValueError(f"the layer expects inputs of shape (trials, {W.shape[1]}), got {tuple(x.shape)}.")
        value, change = self.change(x, x @ W.T, W)
        if not (torch.isfinite(value) and torch.isfinite(change).all()):
            self._explain(x)
        return value, [-change]

    def _explain(self, x: Tensor) -> None:
        """Say why something is not finite."""
        name = type(self).__name__
        if not torch.isfinite(x).all():
            raise FloatingPointError(f"{name} was given inputs that are NaN or infinite: leave these trials out.")
        strongest = torch.linalg.matrix_norm(x.cpu().double(), 2) ** 2 / len(x)
        raise FloatingPointError(
            f"the weights grow without bound under {name}, and what it wants is no longer finite: {self.advice}. "
            f"The largest eigenvalue of the inputs' correlations ⟨x xᵀ⟩ is {strongest:.3g} in this batch."
        )
