"""An anchor: a penalty that holds weights near values that they had. What continual learning does comes down to choosing its M."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nnbrain.arguments import at_least_zero
from nnbrain.objectives.base import Objective
from nnbrain.tasks import Batch


class WeightAnchor(Objective):
    """L_reg = β Σᵢⱼ Mᵢⱼ (Wᵢⱼ − W_fix,ᵢⱼ)²: weights that matter stay close to where they were, the others are free.

    The sum runs over all parameters of the network that can be trained, biases included. Add it to any other objective,
    ``cross_entropy + WeightAnchor(network, 1.0)``; its value is one scalar shared by all trials.

    Parameters
    ----------
    network : nn.Module
        Whose parameters are held, by their names: a copy of the network can be trained with the same anchor.
    strength : float
        β, 0 or more.
    importance : float, or dict of str to Tensor
        M, 0 or more: one number for all; or for each parameter by its name (``network.named_parameters()``) a tensor of its shape.
        Parameters without a name in it are free.
    anchor : nn.Module, or dict of str to Tensor, optional
        W_fix, by the same names; by default the values that the parameters have now.

    Attributes
    ----------
    beta : float
        β.
    importance, anchor : dict of str to Tensor
        M and W_fix of each parameter that is held.

    Raises
    ------
    TypeError
        If the network is none, or a part of M or W_fix is no tensor.
    ValueError
        If the strength or an importance is negative or not finite, a name is unknown, or a shape does not fit.

    Source: Primer, Equation 44.

    Examples
    --------
    >>> objective = cross_entropy + WeightAnchor(network, strength=0.1)
    """

    def __init__(
        self,
        network: nn.Module,
        strength: float,
        importance: float | Mapping[str, Tensor] = 1.0,
        anchor: nn.Module | Mapping[str, Tensor] | None = None,
    ):
        if not isinstance(network, nn.Module):
            raise TypeError(f"an anchor holds the weights of an nn.Module, got {type(network).__name__}.")
        self.network = network
        self.beta = at_least_zero(strength, "strength")
        now = trainable(network)
        if not now:
            raise ValueError("no parameter of this network can be trained (requires_grad): there is nothing to hold.")
        if not isinstance(importance, Mapping):
            M = at_least_zero(importance, "importance")
            importance = {name: torch.full_like(W, M) for name, W in now.items()}
        self.importance = _checked(importance, now, "importance")
        if any((M < 0).any() for M in self.importance.values()):
            raise ValueError("importances should be 0 or more: a negative one would drive its weight away without end.")
        if isinstance(anchor, nn.Module):
            anchor = {name: p for name, p in anchor.named_parameters() if name in now}
        anchor = _checked(now if anchor is None else anchor, now, "anchor")
        if missing := set(self.importance) - set(anchor):
            raise ValueError(f"the anchor says nothing about {sorted(missing)}, which have an importance.")
        self.anchor = {name: anchor[name] for name in self.importance}
        self.terms = ((1.0, self.penalty),)

    def penalty(self, outputs: Tensor, activity: Tensor | None, batch: Batch | None, network: nn.Module) -> Tensor:
        """β Σᵢⱼ Mᵢⱼ (Wᵢⱼ − W_fix,ᵢⱼ)², the term of this objective.

        Parameters
        ----------
        outputs, activity, batch
            Not used.
        network : nn.Module

        Returns
        -------
        Tensor
            A scalar, shared by all trials.

        Raises
        ------
        ValueError
            If the network lacks a parameter that is held, or has it in another shape.
        """
        weights = dict(network.named_parameters())
        total = outputs.new_zeros(())
        for name, M in self.importance.items():
            W, W_fix = weights.get(name), self.anchor[name]
            if W is None or W.shape != M.shape:
                raise ValueError(
                    f"this {type(self).__name__} holds {name} of shape {tuple(M.shape)}, which the network given does not have: "
                    "it was made for another network."
                )
            total = total + (M.to(W) * (W - W_fix.to(W)).square()).sum()  # Eq. 44
        return self.beta * total

    def _weights_now(self) -> dict[str, Tensor]:
        """The weights that are held, as they are now; refused if others can be trained than when this objective was made."""
        now = trainable(self.network)
        if changed := sorted(set(now) ^ set(self.importance)):
            raise ValueError(
                f"what can be trained has changed since this {type(self).__name__} was made: {changed}. Freeze or unfreeze "
                "parameters first, and make it anew."
            )
        return now


def trainable(network: nn.Module) -> dict[str, Tensor]:
    """A copy of every parameter of a network that can be trained, by name.

    Parameters
    ----------
    network : nn.Module
    """
    return {name: p.detach().clone() for name, p in network.named_parameters() if p.requires_grad}


def _checked(given: Mapping[str, Tensor], now: dict[str, Tensor], what: str) -> dict[str, Tensor]:
    """Copies of the tensors given, once each is known to fit the parameter that it names."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} should be a dict from the names of parameters to tensors, got {type(given).__name__}.")
    if unknown := set(given) - set(now):
        raise ValueError(f"{what} names {sorted(unknown)}; the parameters that can be trained are {list(now)}.")
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{what} of {name} should be a tensor, got {type(value).__name__}.")
        if value.shape != now[name].shape:
            raise ValueError(
                f"{what} of {name} has shape {tuple(value.shape)}; the parameter has {tuple(now[name].shape)}."
            )
        if not torch.isfinite(value).all():
            raise ValueError(f"{what} of {name} is not finite everywhere.")
    return {name: value.detach().clone().to(now[name]) for name, value in given.items()}
