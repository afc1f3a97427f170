"""REINFORCE, the policy gradient: make what was chosen more likely, as much as it paid more than expected."""

import math

from torch import Generator, Tensor, nn

from nnbrain.arguments import number
from nnbrain.learning._choice import ChoiceRule
from nnbrain.objectives import expected_reward, one_hot

BASELINES = ("mean", "expected")


class Reinforce(ChoiceRule):
    """ĝ = −(r − b) ∂log πₐ/∂θ, averaged over trials: an action a ~ π = softmax(y) is chosen, and earns the reward r.

    Its mean is the gradient of `expected_reward`, whatever the baseline b, as long as b does not depend on the action: since
    Σₐ πₐ ∂log πₐ/∂θ = 0. The baseline changes the variance alone.

    Parameters
    ----------
    network : nn.Module
        Its outputs, trials × actions, are unnormalised log probabilities. From a recurrent network, trials × time × actions, they
        are averaged over the steps that the batch's mask counts: there the trial's one decision is made.
    baseline : {"mean", "expected"}, float or None
        b: the mean reward of the *other* trials of the batch; what the network expects in this trial, Σₐ πₐ rₐ, as a perfect
        critic would; a fixed number; or none.
    generator : torch.Generator, optional
        Draws the actions (torch's own without it), and the network's noise (none without it).

    Attributes
    ----------
    objective : Objective
        `expected_reward`: the batch has ``rewards``, trials × actions, or integers as targets, the actions that earn 1.

    Raises
    ------
    ValueError
        If the baseline is none of these; from a batch of one trial, if it should be the mean of the others.

    Source: Primer, section 2.2 (reinforcement learning); Williams 1992.

    Examples
    --------
    >>> rule = Reinforce(network, generator=torch.Generator().manual_seed(0))
    >>> minus_reward = rule(batch)
    """

    def __init__(
        self, network: nn.Module, *, baseline: str | float | None = "mean", generator: Generator | None = None
    ):
        super().__init__(network, expected_reward, generator=generator)
        if baseline not in (None, *BASELINES) and not math.isfinite(number(baseline)):
            raise ValueError(f"baseline is 'mean', 'expected', a number or None, got {baseline!r}.")
        self.baseline = baseline

    def errors(self, y: Tensor, actions: Tensor, rewards: Tensor) -> Tensor:
        """−(r − b) ∂log πₐ/∂y, which is (r − b)(π − e_a), e_a being 1 for the action; n × trials × actions."""
        policy = self.policy(y)
        r = rewards.expand(len(actions), -1, -1).gather(2, actions.unsqueeze(2)).squeeze(2)  # n × trials
        advantage = r - self._expected(r, policy, rewards)
        return advantage.unsqueeze(2) * (policy - one_hot(actions, y.shape[1]))

    def _expected(self, r: Tensor, policy: Tensor, rewards: Tensor) -> Tensor | float:
        """b, for rewards r, n × trials."""
        if self.baseline == "expected":
            return (policy * rewards).sum(1)
        if self.baseline != "mean":
            return float(self.baseline or 0)
        others = r.shape[1] - 1
        if others == 0:
            raise ValueError(
                "baseline='mean' is the mean reward of the other trials, and this batch has one: baseline=None."
            )
        return (r.sum(1, keepdim=True) - r) / others
