"""Value learning: each output is what the network expects of an action, and what was chosen is corrected by its reward."""

from typing import Any

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import number, positive
from nnbrain.learning._choice import ChoiceRule
from nnbrain.objectives import Objective, one_hot
from nnbrain.objectives.reward import at_decision, rewards_of
from nnbrain.tasks import Batch


class ActionValue(ChoiceRule):
    """ĝ = −δ ∂yₐ/∂θ with δ = r − yₐ: the value of the action that was chosen moves towards its reward, the others stay.

    Outputs are values, and the policy π explores: with a ``temperature`` T, π = softmax(y/T); with an ``epsilon`` ε, one of the
    best actions with probability 1 − ε, any of them with ε. The mean estimate is the gradient of ½ Σₐ πₐ (rₐ − yₐ)² with π held
    fixed: in a bandit, yₐ comes to E[r | a] for every action that is tried again and again.

    Parameters
    ----------
    network : nn.Module
        Its outputs, trials × actions (in time, averaged over the steps that the batch's mask counts), are values.
    temperature : float, optional
        T, above 0.
    epsilon : float, optional
        ε, from 0 (greedy) to 1 (at random). One of the two must be given.
    generator : torch.Generator, optional
        Draws the actions (torch's own without it), and the network's noise (none without it).

    Attributes
    ----------
    objective : Objective
        ½ Σₐ πₐ (rₐ − yₐ)², half the squared prediction error of the actions that the policy takes.

    Raises
    ------
    ValueError
        If neither or both of temperature and epsilon are given, or one is out of its range.

    Source: Primer, section 2.2 (reinforcement learning); Sutton & Barto 2018.

    Examples
    --------
    >>> rule = ActionValue(nn.Linear(1, 3), epsilon=0.1)
    >>> error = rule(Bandit((0.2, 0.5, 0.8)).sample(1))
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        temperature: float | None = None,
        epsilon: float | None = None,
        generator: Generator | None = None,
    ):
        if (temperature is None) == (epsilon is None):
            raise ValueError("say how to explore, with a temperature or an epsilon, and not with both.")
        if epsilon is not None and not 0 <= number(epsilon) <= 1:
            raise ValueError(f"epsilon is a probability, from 0 to 1, got {epsilon!r}.")
        self.temperature = None if temperature is None else positive(temperature, "temperature")
        self.epsilon = None if epsilon is None else number(epsilon)
        super().__init__(network, Objective(self.prediction_error), generator=generator)

    def policy(self, y: Tensor) -> Tensor:
        """π, the probability of each action, trials × actions. Actions of the same largest value are equally likely."""
        if self.epsilon is None:
            return torch.softmax(y / self.temperature, -1)
        best = (y == y.max(-1, keepdim=True).values).to(y)
        return (1 - self.epsilon) * best / best.sum(-1, keepdim=True) + self.epsilon / y.shape[-1]

    def errors(self, y: Tensor, actions: Tensor, rewards: Tensor) -> Tensor:
        """−δ at the chosen actions, 0 at the others, n × trials × actions."""
        return (y - rewards) * one_hot(actions, y.shape[1])

    def prediction_error(self, outputs: Tensor, activity: Tensor | None, batch: Batch, network: Any) -> Tensor:
        """½ Σₐ πₐ (rₐ − yₐ)², (trials,)."""
        y = at_decision(outputs, batch.mask)
        return (0.5 * self.policy(y.detach()) * (rewards_of(batch, y) - y).square()).sum(-1)
