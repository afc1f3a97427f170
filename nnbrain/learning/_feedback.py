"""What the rules have in common whose errors come back through feedback of their own, instead of through the forward weights."""

import functools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor, nn

from nnbrain.learning._substitution import is_plain, is_taught, plain_pass, substituted
from nnbrain.learning.base import Rule
from nnbrain.networks import evaluating, run
from nnbrain.networks.recurrent import Recurrent
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch

Layer = nn.Linear | nn.Conv2d


@dataclass
class Pass:
    """One forward pass: the names of the layers that ran, and what is kept of it (little: memory costs time)."""

    ran: set[str] = field(default_factory=set)
    inputs: dict[str, Tensor] = field(default_factory=dict)  # of layers, for rules that need them
    sums: dict[str, Tensor] | None = None  # what layers returned, where somebody asks for it
    outputs: Tensor | None = None
    loss: Tensor | None = None


class FeedbackRule(Rule):
    """Backpropagation with other feedback: a subclass says what a layer computes, and what its inputs hear of the error.

    For one call each linear and convolutional layer of the network computes by the subclass's `layer_pass`; everything else
    (activation functions, pooling, sums) stays as it is, and is differentiated by torch.

    Parameters
    ----------
    network : nn.Module
        Feed-forward, its weights in ``nn.Linear`` and ``nn.Conv2d`` layers that are each used once, registered in the order of
        their use.
    objective : Objective
    generator : torch.Generator, optional

    Attributes
    ----------
    layers : dict of str to nn.Linear or nn.Conv2d
        By name.
    returning : list of str
        The names of those whose inputs hear of the error: all after the first one that is taught.

    Raises
    ------
    TypeError
        If there is no objective.
    ValueError
        If the network is recurrent, or has weights elsewhere.
    """

    def __init__(self, network: nn.Module, objective: Objective, *, generator: Generator | None = None):
        super().__init__(network, objective, generator=generator)
        name = type(self).__name__
        if objective is None:
            raise TypeError(
                f"{name} sends the errors of an objective back: {name}(network, squared_error), for instance."
            )
        if isinstance(network, Recurrent):
            raise ValueError(_RECURRENT.format(name=name, network=type(network).__name__))
        self.layers = {part: layer for part, layer in network.named_modules() if is_plain(layer)}
        _check_weights(network, self.layers, name)
        first = next(i for i, layer in enumerate(self.layers.values()) if is_taught(layer))
        self.returning = list(self.layers)[first + 1 :]

    @abstractmethod
    def layer_pass(self, done: Pass, name: str, r: Tensor) -> Tensor:
        """What a subclass defines: the summed inputs c = W r + b of a layer in `returning`, with its own way back to r."""

    @abstractmethod
    def derivatives(self, done: Pass, wanted: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """What a subclass defines: ∂L/∂wanted with errors that travel as it has them travel."""

    def _run_layer(self, done: Pass, name: str, r: Tensor) -> Tensor:
        if name in done.ran:
            raise ValueError(
                f"{type(self).__name__} is for layers that are used once in a pass, but {name!r} is used again: for networks "
                "that work in time there are RFLO and RTRL."
            )
        done.ran.add(name)
        if not r.requires_grad:
            c = plain_pass(self.layers[name], r)
        elif name in self.returning:
            c = self.layer_pass(done, name, r)
        else:
            raise ValueError(
                f"errors should pass {name!r}, which has no feedback weights, as no layer registered before it is taught: "
                "register the layers of your network in the order of their use."
            )
        if done.sums is not None:
            done.sums[name] = c
        return c

    def _forward(self, batch: Batch, *, keep_sums: bool = False) -> Pass:
        done, name = Pass(sums={} if keep_sums else None), type(self).__name__
        with torch.enable_grad(), substituted(self.layers, functools.partial(self._run_layer, done)):
            done.outputs, activity = run(self.network, batch.inputs, self.generator)
            if activity is not None:
                raise ValueError(_RECURRENT.format(name=name, network=type(self.network).__name__))
            done.loss = self.objective.per_trial(done.outputs, None, batch, self.network).mean()
        if idle := set(self.layers) - done.ran:
            raise ValueError(
                f"the layer {min(idle)!r} was not called in this pass: {name} cannot tell how its weights are used."
            )
        if not done.loss.requires_grad:
            raise ValueError(
                f"the objective {self.objective} does not depend on anything that can be trained in the network."
            )
        return done

    def estimate(self, batch: Batch) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The objective, and what the errors that come back make of its gradient."""
        done = self._forward(batch)
        return done.loss, self.derivatives(done, self.network_parameters())

    def modulators(self, batch: Batch) -> dict[str, Tensor]:
        """δ, what each layer hears of the error: the rule's ∂L/∂c for its summed inputs c, the network in evaluation mode.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        dict of str to Tensor
            By the name of the layer, in the shape of what it returns, trials first.
        """
        with evaluating(self.network):
            done = self._forward(batch, keep_sums=True)
        if spoilt := [name for name, c in done.sums.items() if c._version > 0]:
            raise ValueError(
                f"a later part works in place and overwrote what {spoilt} returned: build it with inplace=False."
            )
        names = [name for name, c in done.sums.items() if c.requires_grad]
        deltas = self.derivatives(done, [done.sums[name] for name in names])
        return {name: delta for name, delta in zip(names, deltas, strict=True) if delta is not None}


_RECURRENT = (
    "{name} is for feed-forward networks, and this {network} is recurrent: RFLO and RTRL are the rules for those, "
    "Backprop goes through time."
)


def _check_weights(network: nn.Module, layers: dict[str, Layer], rule: str) -> None:
    """Refuse networks whose errors would travel through weights that the rule does not see."""
    served = [id(p) for layer in layers.values() for p in layer.parameters()]
    for name, p in network.named_parameters():
        if p.ndim > 1 and id(p) not in served:
            raise ValueError(
                f"{rule} serves weights in nn.Linear and nn.Conv2d layers, but {name!r} of this {type(network).__name__} is "
                "elsewhere: build the network from such layers."
            )
    if len(set(served)) < len(served):
        raise ValueError(f"two layers of this {type(network).__name__} share weights: {rule} needs each used once.")
    if not any(is_taught(layer) for layer in layers.values()):
        raise ValueError(
            f"{rule} found no nn.Linear or nn.Conv2d layer in this {type(network).__name__} that it can teach."
        )
