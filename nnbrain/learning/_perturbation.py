"""What the rules that perturb a network have in common: directions drawn at random, several draws at once, repeatable noise."""

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive, positive_integer
from nnbrain.learning._outputs import check_teachable
from nnbrain.learning.base import Rule
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class PerturbationRule(Rule):
    """A rule that moves something at random and sees what the objective does; a subclass gives `draws`.

    Parameters
    ----------
    network : nn.Module
    objective : Objective
    size : float
        s, the standard deviation of each perturbation.
    serial : bool
        One at a time, drawn at random, or all of them together.
    samples : int
        How many independent draws an estimate is the mean of.
    generator : torch.Generator, optional
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        size: float = 1e-3,
        serial: bool = False,
        samples: int = 1,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, generator=generator)
        check_teachable(self)
        self.size, self.serial = positive(size, "size"), bool(serial)
        resolution = torch.finfo(self.parameters()[0].dtype).eps
        if self.size < resolution:
            raise ValueError(
                f"size={size!r} is lost in rounding, about {resolution:.1g} in {self.parameters()[0].dtype}: take a larger "
                "one, or network.double()."
            )
        self.samples = positive_integer(samples, "samples")

    @abstractmethod
    def draws(self, batch: Batch, n: int, samples: int) -> tuple[Tensor, list[Tensor]] | None:
        """The objective, and n means over ``samples`` draws, stacked; None if the network cannot make several draws at once."""

    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The objective of the unperturbed network and the mean over `samples` draws."""
        loss, stacked = self._together(batch, 1)
        return loss, [part[0] for part in stacked]

    def estimates(self, batch: Batch, n: int) -> list[Tensor]:
        """Independent estimates, stacked: from n × samples perturbed networks that run side by side."""
        return self._together(batch, positive_integer(n, "n"))[1]

    @torch.no_grad()
    def _together(self, batch: Batch, n: int) -> tuple[Tensor, list[Tensor]]:
        if (together := self.draws(batch, n, self.samples)) is not None:
            return together
        losses, singles = zip(*(self.draws(batch, 1, 1) for _ in range(n * self.samples)), strict=True)
        means = [torch.cat(part).unflatten(0, (n, self.samples)).mean(1) for part in zip(*singles, strict=True)]
        return torch.stack(losses).mean(), means

    def directions(self, rows: int, shapes: Sequence[torch.Size], like: Tensor) -> list[Tensor]:
        """ξ with ⟨ξ ξᵀ⟩ = 1, for each row: all Gaussian; or, serially, ±√N at one of the N places and 0 elsewhere."""
        g = self.generator
        place = None if g is None else g.device
        if not self.serial:
            return [torch.randn(rows, *shape, generator=g, device=place).to(like) for shape in shapes]
        counts = [math.prod(shape) for shape in shapes]
        where = torch.randint(sum(counts), (rows, 1), generator=g, device=place).to(like.device)
        signs = 2.0 * torch.randint(2, (rows, 1), generator=g, device=place) - 1
        flat = like.new_zeros(rows, sum(counts)).scatter_(1, where, math.sqrt(sum(counts)) * signs.to(like))
        return [part.view(rows, *shape) for part, shape in zip(flat.split(counts, 1), shapes, strict=True)]
