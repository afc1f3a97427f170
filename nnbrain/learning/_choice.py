"""What the rules have in common that choose an action by softmax and learn from its reward."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.learning.base import Rule
from nnbrain.networks import run
from nnbrain.objectives import Objective
from nnbrain.objectives.reward import rewards_of
from nnbrain.random_state import RandomState
from nnbrain.tasks import Batch


class ChoiceRule(Rule):
    """Choose a ~ softmax(y), see the reward, and send an error back from the outputs; a subclass gives `errors`."""

    def __init__(self, network: nn.Module, objective: Objective, *, generator: Generator | None = None):
        super().__init__(network, objective, generator=generator)
        if not self.parameters():
            raise ValueError(
                f"{type(self).__name__} has nothing to teach: all parameters of this network are frozen (requires_grad)."
            )

    @abstractmethod
    def errors(self, y: Tensor, actions: Tensor, rewards: Tensor) -> Tensor:
        """What takes the place of ∂L/∂y, n × trials × actions, for n choices of each trial, n × trials."""

    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor | None]]:
        """The objective, and the estimate from one choice in each trial."""
        value, stacked = self._several(batch, 1)
        return value, [None if part is None else part[0] for part in stacked]

    def estimates(self, batch: Batch, n: int) -> list[Tensor | None]:
        """Independent estimates, stacked: from n choices in each trial of one run of the network."""
        together = self._several(batch, positive_integer(n, "n"))
        return super().estimates(batch, n) if together is None else together[1]

    def _several(self, batch: Batch, n: int) -> tuple[Tensor, list[Tensor | None]] | None:
        """The objective and n estimates; None if each needs a run of its own, because the network draws noise."""
        start = RandomState(self.generator, batch.inputs.device)
        with torch.enable_grad():
            outputs, activity = run(self.network, batch.inputs, self.generator)
        if n > 1 and start.has_moved():
            return None
        y = outputs.detach()
        rewards = self.rewards(batch, y)
        value = self.objective.per_trial(y, activity, batch, self.network).mean()
        errors = self.errors(y, self.choose(y, n), rewards) / len(batch)
        taught = self.parameters()
        return value, list(torch.autograd.grad(outputs, taught, errors, allow_unused=True, is_grads_batched=True))

    def rewards(self, batch: Batch, y: Tensor) -> Tensor:
        """What each action would earn, trials × actions."""
        return rewards_of(batch, y)

    def choose(self, y: Tensor, n: int) -> Tensor:
        """Choices from softmax(y), n × trials."""
        if not torch.isfinite(y).all():
            raise FloatingPointError(
                "some outputs are NaN or infinite, and no choice can be made of them: look for such values in the batch; if "
                "training diverged, lower the learning rate."
            )
        place = torch.device("cpu") if self.generator is None else self.generator.device
        probabilities = torch.softmax(y, -1).to(place)
        return torch.multinomial(probabilities, n, replacement=True, generator=self.generator).T.to(y.device)
