"""Elastic weight consolidation: an anchor whose importances are the Fisher information of the tasks learned so far."""

import torch
from torch import nn

from nnbrain.objectives.fisher_information import fisher_information
from nnbrain.objectives.weight_anchor import WeightAnchor
from nnbrain.tasks import Batch, Task


class ElasticWeightConsolidation(WeightAnchor):
    """L = (λ/2) Σₖ Σᵢ Fₖ,ᵢ (θᵢ − θ*ₖ,ᵢ)², a penalty for each earlier task k, with its weights θ*ₖ and its Fisher information Fₖ.

    Nothing is held before the first call of `consolidate`. Penalties of several tasks add up to a single anchor, the same but
    for a constant that moves no weight: β = λ/2, M = Σₖ Fₖ, and W_fix the mean of the θ*ₖ, each weighted by its Fₖ. So memory
    does not grow with the number of tasks. With ``online=True`` the anchor is the last θ* instead: what was learned earlier is
    already in it (Huszár 2018, who derives this from Bayes' rule).

    For large λ take Adam (`fit` does): plain gradient descent is unstable where its learning rate times λ F exceeds 2.

    Parameters
    ----------
    network : nn.Module
    strength : float
        λ, 0 or more.
    online : bool
        Whether all importances pull towards the weights after the last task, instead of each towards those after its own.

    Raises
    ------
    TypeError, ValueError
        As for `WeightAnchor`.

    Source: Primer, Equation 44 (elastic weight consolidation); Kirkpatrick et al. 2017.

    Examples
    --------
    >>> ewc = ElasticWeightConsolidation(network, strength=100.0)
    >>> for task in tasks:
    ...     fit(Backprop(network, cross_entropy + ewc), task, steps=200)
    ...     ewc.consolidate(task)
    """

    def __init__(self, network: nn.Module, strength: float, *, online: bool = False):
        super().__init__(network, strength, importance=0.0)
        self.beta /= 2
        self.online = online

    def consolidate(self, source: Task | Batch, likelihood: str = "categorical") -> None:
        """At the end of a task: hold the weights as they are now, as firmly as the task depends on them.

        Parameters
        ----------
        source : Task or Batch
            The task, if it has an `all`; or trials of it.
        likelihood : {"categorical", "gaussian"}
            See `fisher_information`.

        Raises
        ------
        TypeError
            If the task has no `all`.
        ValueError
            As for `fisher_information`, or if other parameters can be trained than when this objective was made.
        """
        if not isinstance(source, Batch) and not hasattr(source, "all"):
            raise TypeError(
                f"consolidate takes a Batch, or a task with all(), got {type(source).__name__}: use task.sample(1000)."
            )
        weights = self._weights_now()
        fisher = fisher_information(self.network, source if isinstance(source, Batch) else source.all(), likelihood)
        for name, now in weights.items():
            F, earlier, anchor = fisher[name], self.importance[name].to(now), self.anchor[name].to(now)
            self.importance[name] = earlier + F
            mean = (earlier * anchor + F * now) / (earlier + F)
            self.anchor[name] = now if self.online else torch.where(earlier + F > 0, mean, now)
