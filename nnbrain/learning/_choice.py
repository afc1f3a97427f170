"""What the rules have in common that choose an action at random and learn from its reward."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.learning.base import Rule
from nnbrain.networks import run
from nnbrain.objectives import Objective
from nnbrain.objectives.reward import at_decision, rewards_of
from nnbrain.random_state import RandomState
from nnbrain.tasks import Batch


class ChoiceRule(Rule):
    """Choose a ~ π, see the reward, and send an error back from the outputs; a subclass gives `errors`.

    The `policy` π is softmax(y), unless a subclass has another.
    One decision a trial: y is trials × actions, or the average of outputs in time over the steps that the batch's mask counts.
    """

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
            decision = at_decision(outputs, batch.mask)
        if n > 1 and start.has_moved():
            return None
        y = decision.detach()
        rewards = self.rewards(batch, y)
        value = self.objective.per_trial(outputs.detach(), activity, batch, self.network).mean()
        errors = self.errors(y, self.choose(y, n), rewards) / len(batch)
        return value, self._send_back(decision, errors, through_time=outputs.ndim == 3)

    def _send_back(self, decision: Tensor, errors: Tensor, *, through_time: bool) -> list[Tensor | None]:
        """Errors, n × trials × actions, times ∂y/∂θ: for each of `parameters`, n × its shape."""
        taught = self.parameters()
        if not through_time:
            return list(torch.autograd.grad(decision, taught, errors, allow_unused=True, is_grads_batched=True))
        # the backward passes that RNNs write by hand take one error at a time
        each = [torch.autograd.grad(decision, taught, e, allow_unused=True, retain_graph=True) for e in errors]
        return [None if part[0] is None else torch.stack(part) for part in zip(*each, strict=True)]

    def rewards(self, batch: Batch, y: Tensor) -> Tensor:
        """What each action would earn, trials × actions."""
        return rewards_of(batch, y)

    def policy(self, y: Tensor) -> Tensor:
        """π, the probability of each action, trials × actions."""
        return torch.softmax(y, -1)

    def choose(self, y: Tensor, n: int) -> Tensor:
        """Choices from the `policy`, n × trials."""
        if not torch.isfinite(y).all():
            raise FloatingPointError(
                "some outputs are NaN or infinite, and no choice can be made of them: look for such values in the batch; if "
                "training diverged, lower the learning rate."
            )
        place = torch.device("cpu") if self.generator is None else self.generator.device
        probabilities = self.policy(y).to(place)
        return torch.multinomial(probabilities, n, replacement=True, generator=self.generator).T.to(y.device)
