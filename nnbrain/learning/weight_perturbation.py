"""Weight perturbation: change all weights a little at random, and keep the change if the objective improves."""

import torch
from torch import Generator, Tensor, nn
from torch.func import vmap

from nnbrain.learning._perturbation import PerturbationRule
from nnbrain.networks.base import with_weights
from nnbrain.objectives import Objective
from nnbrain.random_state import RandomState
from nnbrain.tasks import Batch


class WeightPerturbation(PerturbationRule):
    """ĝ = [L(θ + s ξ) − L(θ)] ξ / s, with one direction ξ, ⟨ξ ξᵀ⟩ = 1, for all trials of the batch.

    As s → 0 its mean is the gradient, whatever the network. With N weights its variance is (N + 1) |∇L|² if ξ is Gaussian, and
    (N − 1) |∇L|² serially, where one weight at a time is perturbed, by ±s √N (then ĝ is N times that weight's slope). Both
    evaluations share the network's own noise, if it has some.

    Parameters
    ----------
    network : nn.Module
        Any.
    objective : Objective
    size : float
        s, the standard deviation of each weight's perturbation.
    serial : bool
        Perturb one weight, drawn at random, instead of all of them.
    samples : int
        How many independent draws an estimate is the mean of.
    generator : torch.Generator, optional
        Draws ξ (torch's own without it), and the network's noise (none without it).

    Raises
    ------
    TypeError
        If there is no objective.
    ValueError
        If a number is out of its range, or nothing can be trained.

    Source: Framework, Figure 2; Jabri & Flower 1992; Werfel, Xie & Seung 2005.

    Examples
    --------
    >>> rule = WeightPerturbation(network, cross_entropy, generator=torch.Generator().manual_seed(0))
    >>> loss = rule(batch)
    """

    def draws(self, batch: Batch, n: int, samples: int) -> tuple[Tensor, list[Tensor]] | None:
        """The objective, and n means over ``samples`` draws; None if several cannot be made at once."""
        taught = self.parameters()
        xi = self.directions(n * samples, [p.shape for p in taught], taught[0])
        start = RandomState(self.generator, batch.inputs.device)
        before = self.objective(self.network, batch, generator=self.generator)
        start.rewind()
        after = self._losses(batch, xi)
        if after is None:
            return None
        slopes = ((after - before) / self.size).view(n, samples)
        return before, [torch.einsum("ns,ns...->n...", slopes, x.unflatten(0, (n, samples))) / samples for x in xi]

    def _losses(self, batch: Batch, xi: list[Tensor]) -> Tensor | None:
        """L(θ + s ξ) for each of the directions, side by side."""
        evaluation = _Evaluation(self.network, self.objective, self.generator)
        names = [f"network.{name}" for name, p in self.network.named_parameters() if p.requires_grad]
        # Copies: what a second run does to running averages, those of batch normalization for instance, is to leave no trace.
        buffers = {f"network.{name}": buffer.clone() for name, buffer in self.network.named_buffers()}

        def at(*theta: Tensor) -> Tensor:
            return with_weights(evaluation, buffers | dict(zip(names, theta, strict=True)), batch)

        moved = [torch.add(p, x, alpha=self.size) for p, x in zip(self.parameters(), xi, strict=True)]
        if len(moved[0]) == 1:
            return at(*(theta[0] for theta in moved)).unsqueeze(0)
        try:
            return vmap(at)(*moved)
        except RuntimeError:  # the network draws noise, which each draw needs for itself, or does what vmap cannot
            return None


class _Evaluation(nn.Module):
    """A network and its objective in one, so that penalties on the weights see the perturbed ones."""

    def __init__(self, network: nn.Module, objective: Objective, generator: Generator | None):
        super().__init__()
        self.network, self.objective, self.generator = network, objective, generator

    def forward(self, batch: Batch) -> Tensor:
        return self.objective(self.network, batch, generator=self.generator)
