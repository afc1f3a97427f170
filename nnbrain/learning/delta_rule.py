"""The delta rule: how one layer learns, from what its own synapses can see."""

from torch import Generator, Tensor, nn

from nnbrain.learning._layer import one_layer
from nnbrain.learning.base import Rule
from nnbrain.networks import MLP
from nnbrain.objectives import Objective, one_hot, squared_error
from nnbrain.tasks import Batch


class DeltaRule(Rule):
    """The delta rule for a network of one layer, ΔWᵢⱼ ∝ (y_target,ᵢ − yᵢ) xⱼ and Δbᵢ ∝ y_target,ᵢ − yᵢ.

    It is local: the change of a weight depends on the activity of its two ends and on the target of the end it leads to. For
    y = W x + b and the squared error it is the gradient, ∂L/∂W = (y − y_target) xᵀ, averaged over the trials of a batch.

    Parameters
    ----------
    network : MLP or nn.Linear
        Of one layer: ``MLP([inputs, outputs])``.
    objective : Objective
        The squared error, for which the rule was derived.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    ValueError
        If the network has more than one layer, or the objective is another.

    Source: Primer, Equations 6-11. (Printed there with y_target,j in Equation 11: the target's index is i.)
    """

    def __init__(
        self, network: MLP | nn.Linear, objective: Objective = squared_error, *, generator: Generator | None = None
    ):
        super().__init__(network, objective, generator=generator)
        self.layer = one_layer(network, "the delta rule")
        if repr(objective) != repr(squared_error):
            raise ValueError(
                f"the delta rule was derived for squared_error and serves no other objective, got {objective}."
            )

    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The squared error and (y − y_target) xᵀ, averaged over trials."""
        x, y = batch.inputs, self.network(batch.inputs)  # trials × inputs, trials × outputs
        loss = self.objective.per_trial(y, None, batch, self.network).mean()
        target = batch.targets.to(y) if batch.targets.is_floating_point() else one_hot(batch.targets, y.shape[1])
        error = y - target  # trials × outputs
        estimates = {"weight": error.T @ x / len(batch), "bias": error.mean(0)}  # Eq. 10
        return loss, [estimates[name] for name, p in self.layer.named_parameters() if p.requires_grad]
