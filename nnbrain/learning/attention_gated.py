"""Attention-gated reinforcement learning: only the chosen output feeds back, and one global signal does the rest."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.func import grad, vmap

from nnbrain.learning._choice import ChoiceRule
from nnbrain.networks import evaluating, run
from nnbrain.networks.base import with_weights
from nnbrain.objectives import cross_entropy, one_hot
from nnbrain.tasks import Batch


@dataclass(frozen=True, eq=False)
class AttentionGatedTrials:
    """What `AttentionGated.trial` finds: one choice in each trial.

    Parameters
    ----------
    actions : Tensor of int
        The output that was chosen in each trial, (trials,).
    rewards : Tensor
        1 or 0, (trials,).
    prediction_error : Tensor
        δ = r − p, the reward minus the probability with which the action was chosen, (trials,).
    signals : Tensor
        f(δ), what all synapses hear, (trials,).
    tags : list of Tensor
        ∂yₐ/∂θ; see `AttentionGated.tags`. Minus the mean over trials of signals × tags is what the rule wants.
    """

    actions: Tensor
    rewards: Tensor
    prediction_error: Tensor
    signals: Tensor
    tags: list[Tensor]


class AttentionGated(ChoiceRule):
    """ΔW ∝ f(δ) ∂yₐ/∂W: a global reward prediction error f(δ), and a tag that feedback from the chosen output a leaves (AGREL).

    δ = r − pₐ with p = softmax(y), a ~ p, and r = 1 for the right class only. f(δ) = δ/(1 − δ), which is (1 − pₐ)/pₐ, if the choice
    was rewarded, and −1 if not (where the paper says δ = −1, with the same f). Feedback goes through the weights themselves, or
    through reciprocal ones that equal them.

    The mean is the gradient of the cross-entropy: output j is chosen with probability p_j, so the mean signal at the right output
    is p (1 − p)/p = 1 − p, and at every other one −p_j: together e_target − p, which is −∂L/∂y. Clipping f would spoil this; as it
    is, rewarded choices that were improbable have large signals, so keep the learning rate small.

    Parameters
    ----------
    network : nn.Module
        Its outputs, trials × classes, are unnormalised log probabilities.
    generator : torch.Generator, optional
        Draws the choices (torch's own without it), and the network's noise (none without it).

    Attributes
    ----------
    objective : Objective
        `cross_entropy`.

    Raises
    ------
    ValueError
        If a batch has no classes as targets, or rewards that are not 1 for the target and 0 for others.

    Source: Framework, Figures 2, 5; Roelfsema & van Ooyen 2005; Pozzi, Bohté & Roelfsema 2020.

    Examples
    --------
    >>> rule = AttentionGated(network, generator=torch.Generator().manual_seed(0))
    >>> loss = rule(batch)
    """

    def __init__(self, network: nn.Module, *, generator: Generator | None = None):
        super().__init__(network, cross_entropy, generator=generator)

    def rewards(self, batch: Batch, y: Tensor) -> Tensor:
        """1 for the target of each trial, 0 for the other classes."""
        rewards = super().rewards(batch, y)
        classes = batch.targets is not None and not batch.targets.is_floating_point()
        if not classes or not torch.equal(rewards, one_hot(batch.targets, y.shape[1]).to(y)):
            raise ValueError(
                "AttentionGated rewards one class with 1 and the others with 0: the batch needs integers as targets, and rewards, "
                "if it has any, that are the same."
            )
        return rewards

    def errors(self, y: Tensor, actions: Tensor, rewards: Tensor) -> Tensor:
        """−f(δ) at the chosen outputs, 0 at the others, n × trials × classes."""
        _, _, signals = _outcome(y, actions, rewards)
        return -signals.unsqueeze(2) * one_hot(actions, y.shape[1])

    def trial(self, batch: Batch) -> AttentionGatedTrials:
        """Let the network choose once in each trial, noise-free in evaluation mode, and see what every synapse then knows.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        AttentionGatedTrials
        """
        with torch.no_grad(), evaluating(self.network):
            y, _ = run(self.network, batch.inputs)
        rewards = self.rewards(batch, y)
        actions = self.choose(y, 1)[0]
        outcome = _outcome(y, actions, rewards)
        return AttentionGatedTrials(actions, *outcome, self.tags(batch, actions))

    def tags(self, batch: Batch, actions: Tensor) -> list[Tensor]:
        """∂yₐ/∂θ for each trial, in evaluation mode: how strongly feedback from the chosen output tags each synapse.

        Parameters
        ----------
        batch : Batch
        actions : Tensor of int
            (trials,).

        Returns
        -------
        list of Tensor
            For each of `parameters`, trials × its shape.
        """
        parameters = {name: p for name, p in self.network.named_parameters() if p.requires_grad}

        def chosen(theta: dict[str, Tensor], x: Tensor, action: Tensor) -> Tensor:
            return with_weights(self.network, theta, x.unsqueeze(0))[0].gather(0, action)

        each = vmap(lambda x, action: grad(lambda theta: chosen(theta, x, action).squeeze())(parameters))
        with evaluating(self.network):
            return [tag.detach() for tag in each(batch.inputs, actions.unsqueeze(1)).values()]


def _outcome(y: Tensor, actions: Tensor, rewards: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """r, δ and f(δ), for choices [n ×] trials."""
    chosen = actions.unsqueeze(-1)
    p, r = (each.expand(*actions.shape, -1).gather(-1, chosen).squeeze(-1) for each in (y.softmax(-1), rewards))
    return r, r - p, torch.where(r > 0, (1 - p) / p, -1.0)
