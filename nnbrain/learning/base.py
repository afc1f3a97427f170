"""The contract that all learning rules keep: a rule looks at a batch and writes into ``.grad`` what an optimizer then applies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


class Rule(ABC):
    """A learning rule, Δθ = −η · estimate, for the network whose parameters θ it changes.

    Calling the rule on a batch overwrites ``.grad`` of everything it teaches with its `estimate`: the gradient of the objective,
    something like it, or simply minus the change that the rule wants. Any ``torch.optim`` optimizer then applies it. Nothing
    else is left behind: no hook, no altered weight, no gradient on other parameters. Like an optimizer, a rule holds on to the
    parameters that the network has when the rule is built.

    Parameters
    ----------
    network : nn.Module
    objective : Objective, optional
        For rules that have one.
    generator : torch.Generator, optional
        The source of all that the rule draws, the noise of the network included. Without it a network is run noise-free.

    Raises
    ------
    TypeError
        If the network is no module or the objective no `Objective`.
    ValueError
        From a subclass that cannot serve this network or this objective.

    Source: Primer, Equation 5; Framework, "The three core components" (learning rules).
    """

    def __init__(self, network: nn.Module, objective: Objective | None = None, *, generator: Generator | None = None):
        if not isinstance(network, nn.Module):
            raise TypeError(f"a learning rule teaches an nn.Module, got {type(network).__name__}.")
        if objective is not None and not isinstance(objective, Objective):
            raise TypeError(
                f"objective should be an Objective, got {objective!r}: decorate your function with @Objective."
            )
        if generator is not None and not isinstance(generator, Generator):
            raise TypeError(
                f"generator should be a torch.Generator, torch.Generator().manual_seed(0) for instance, got {generator!r}."
            )
        self.network = network
        self._network_parameters = list(network.parameters())  # walking through the modules at each call would be slow
        self.objective = objective
        self.generator = generator

    def parameters(self) -> list[nn.Parameter]:
        """All that the rule teaches: the network's trainable parameters, and its own where a subclass has some."""
        return [p for p in self._network_parameters if p.requires_grad]

    def network_parameters(self) -> list[nn.Parameter]:
        """Those of `parameters` that are the network's: without feedback weights of the rule's own."""
        own = {id(p) for p in self._network_parameters}
        return [p for p in self.parameters() if id(p) in own]

    def default_optimizer(self) -> torch.optim.Optimizer:
        """The optimizer that `fit` takes if you name none: Adam, unless the rule was made for another."""
        taught = self.parameters()
        fusible = all(p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps") for p in taught)
        return torch.optim.Adam(taught, lr=1e-3, fused=fusible)  # fused: the same steps, in one kernel

    @abstractmethod
    def estimate(self, batch: Batch) -> tuple[Tensor, Sequence[Tensor | None]]:
        """What a subclass defines.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        value : Tensor
            The objective on this batch, a scalar; or, for a rule without one, a scalar that its docstring names.
        estimates : sequence of Tensor or None
            Minus the wanted change of each of `parameters`, in that order and shape; None leaves a parameter alone.
        """

    def estimates(self, batch: Batch, n: int) -> list[Tensor | None]:
        """Independent estimates for the same batch, stacked: one after the other here; at once where a subclass knows how.

        Parameters
        ----------
        batch : Batch
        n : int
            How many.

        Returns
        -------
        list of Tensor or None
            For each of `parameters`, n × its shape; None for one that is left alone.
        """
        draws = [self.estimate(batch)[1] for _ in range(positive_integer(n, "n"))]
        return [None if part[0] is None else torch.stack(part).detach() for part in zip(*draws, strict=True)]

    def __call__(self, batch: Batch) -> Tensor:
        """Write the estimates for this batch into ``.grad`` and return the objective, a scalar without history."""
        if not isinstance(batch, Batch):
            raise TypeError(f"a rule learns from a Batch, Batch(inputs, targets), got {type(batch).__name__}.")
        value, estimates = self.estimate(batch)
        taught = self.parameters()
        self._check(value, estimates, taught)
        for parameter in self._network_parameters:  # also those that could be trained, but not by this rule
            parameter.grad = None
        for parameter, estimate in zip(taught, estimates, strict=True):
            # A copy: two estimates may be one tensor, or the weights themselves, and clipping works in place.
            parameter.grad = None if estimate is None else estimate.detach().clone()
        return value.detach()

    def _check(self, value: Tensor, estimates: Sequence[Tensor | None], taught: list[nn.Parameter]) -> None:
        name = type(self).__name__
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise TypeError(f"{name}.estimate should return a scalar tensor first, got {value!r}.")
        if len(estimates) != len(taught):
            raise ValueError(f"{name}.estimate returned {len(estimates)} estimates for {len(taught)} parameters.")
        for parameter, estimate in zip(taught, estimates, strict=True):
            if estimate is not None and getattr(estimate, "shape", None) != parameter.shape:
                given = getattr(estimate, "shape", type(estimate).__name__)
                raise ValueError(f"{name}.estimate returned {given} for a parameter of shape {tuple(parameter.shape)}.")
