"""Node perturbation: add noise to what each unit receives, and credit its weights with what the objective then does."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor, nn

from nnbrain.learning._perturbation import PerturbationRule
from nnbrain.learning._substitution import is_plain, is_taught, plain_pass, substituted
from nnbrain.networks import run
from nnbrain.networks.recurrent import Recurrent
from nnbrain.objectives import Objective
from nnbrain.random_state import RandomState
from nnbrain.tasks import Batch


class NodePerturbation(PerturbationRule):
    """ĝ_W = [L(c + s ξ) − L(c)] ξ rᵀ / s, averaged over trials: noise ξ on the summed inputs c = W r + b of all units.

    Noise is independent for each unit and trial (in a convolution, for each place of each channel), and each trial is credited
    with its own L. As s → 0 the mean is the gradient. In linear layers the variance of one trial is Σ_u |r_u|² (|δ|² + δ_u²),
    δ_u = ∂L/∂c_u, r_u what unit u receives, the 1 of its bias included: for U units with inputs alike, (U + 1) times the squared
    gradient. Serially, where one unit of each trial is perturbed, by ±s √U, it is (U − 1) times the squared gradient. Over M
    trials the variance falls as 1/M. Both evaluations share the network's own noise.

    Parameters
    ----------
    network : nn.Module
        Whose trained parameters are those of nn.Linear and nn.Conv2d, each of which is used once in a run.
    objective : Objective
        One value for each trial. Penalties on the weights do not go through the units: their own gradient is added.
    size : float
        s, the standard deviation of the noise of each unit.
    serial : bool
        Perturb one unit of each trial, drawn at random, instead of all of them.
    samples : int
        How many independent draws an estimate is the mean of.
    generator : torch.Generator, optional
        Draws ξ (torch's own without it), and the network's noise (none without it).

    Raises
    ------
    TypeError
        If there is no objective.
    ValueError
        If a number is out of its range, or the network or the objective is none of those above.

    Source: Framework, Figure 2; Williams 1992; Werfel, Xie & Seung 2005; Fiete & Seung 2006.

    Examples
    --------
    >>> rule = NodePerturbation(network, cross_entropy, generator=torch.Generator().manual_seed(0))
    >>> loss = rule(batch)
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        *,
        size: float = 1e-2,
        serial: bool = False,
        samples: int = 1,
        generator: Generator | None = None,
    ):
        super().__init__(network, objective, size=size, serial=serial, samples=samples, generator=generator)
        kind = type(network).__name__
        if isinstance(network, Recurrent):
            raise ValueError(
                f"NodePerturbation is for feed-forward networks, and this {kind} is recurrent: use WeightPerturbation."
            )
        if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in network.modules()):
            raise ValueError(
                "NodePerturbation credits each trial with its own loss, but batch normalization couples trials."
            )
        self._plain = {name: part for name, part in network.named_modules() if is_plain(part)}
        served = {id(part._parameters.get(name)) for part in self._plain.values() for name in ("weight", "bias")}
        if others := [name for name, p in network.named_parameters() if p.requires_grad and id(p) not in served]:
            raise ValueError(
                f"NodePerturbation teaches nn.Linear and nn.Conv2d layers, but {others} of this {kind} are elsewhere: freeze them "
                "(requires_grad_(False)), or use WeightPerturbation."
            )

    @property
    def _layers(self) -> dict[str, nn.Module]:
        """Those whose units are perturbed."""
        return {name: layer for name, layer in self._plain.items() if is_taught(layer)}

    def draws(self, batch: Batch, n: int, samples: int) -> tuple[Tensor, list[Tensor]] | None:
        """The objective, and n means over ``samples`` draws; None if several cannot be made at once."""
        k, trials, random = n * samples, len(batch), (self.generator, batch.inputs.device)
        r, c = {}, {}  # what each layer receives, and its summed inputs
        start = RandomState(*random)
        before = self._values(batch, partial(self._observe, r, c))
        noisy = start.has_moved()
        if noisy and k > 1:
            return None  # each draw needs noise of its own
        if idle := set(self._layers) - set(c):
            raise ValueError(
                f"the layer {min(idle)!r} was not used in this run: NodePerturbation cannot perturb its units."
            )
        xi = dict(zip(c, self.directions(k * trials, [sums.shape[1:] for sums in c.values()], before), strict=True))
        end = RandomState(*random)
        if noisy:
            start.rewind()
        after = self._values(batch if k == 1 else _repeated(batch, k), partial(self._perturb, c, xi))
        end.rewind()
        slopes = (after.view(n, samples, trials) - before).detach() / (self.size * samples * trials)
        estimates: dict[nn.Parameter, Tensor] = {}
        for name, noise in xi.items():
            slope = slopes.view(n, samples, trials, *[1] * (noise.ndim - 1))
            delta = noise.unflatten(0, slopes.shape).mul_(slope).sum(1)  # in place: it is large, and used up
            for p, part in _outer(self._layers[name], delta, r[name]).items():
                estimates[p] = estimates[p] + part if p in estimates else part  # two layers may share their weights
        return before.mean(), self._with_penalties(before, [estimates[p] for p in self.parameters()])

    def _values(self, batch: Batch, layer_pass: Callable[[str, Tensor], Tensor]) -> Tensor:
        """L of each trial, the taught layers computing as given; its history is what it says of the weights themselves."""
        with substituted(self._layers, layer_pass):
            outputs, activity = run(self.network, batch.inputs, self.generator)
        with torch.enable_grad():
            return self.objective.per_trial(outputs, activity, batch, self.network)

    def _observe(self, received: dict[str, Tensor], summed: dict[str, Tensor], name: str, r: Tensor) -> Tensor:
        """Return c = W r + b, and keep r and c."""
        if name in received:
            raise ValueError(f"NodePerturbation is for layers that are used once in a run, but {name!r} is used again.")
        c = plain_pass(self._layers[name], r)
        received[name], summed[name] = r.clone(), c.clone()  # what comes later may work in place
        return c

    def _perturb(self, summed: dict[str, Tensor], xi: dict[str, Tensor], name: str, r: Tensor) -> Tensor:
        """Return c + s ξ. Nothing before the first layer is perturbed: what it sums up is known, and the same in every draw."""
        c = summed[name] if name == next(iter(summed)) else plain_pass(self._layers[name], r)
        return torch.add(c, xi[name].unflatten(0, (-1, len(c))), alpha=self.size).flatten(0, 1)

    def _with_penalties(self, values: Tensor, estimates: list[Tensor]) -> list[Tensor]:
        """Add the gradient that does not go through the units."""
        if not values.requires_grad:
            return estimates
        mean = torch.full_like(values, 1 / len(values))
        direct = torch.autograd.grad(values, self.parameters(), mean, allow_unused=True, materialize_grads=True)
        return [estimate + penalty for estimate, penalty in zip(estimates, direct, strict=True)]


def _repeated(batch: Batch, k: int) -> Batch:
    """The same trials k times over."""
    again = torch.arange(len(batch), device=batch.inputs.device).repeat(k)
    return batch._map(lambda part: part.index_select(0, again))


def _outer(layer: nn.Module, delta: Tensor, r: Tensor) -> dict[nn.Parameter, Tensor]:
    """δ rᵀ and δ, added over trials and, in a convolution, over places; δ is estimates × trials × what the layer returns."""
    taught = [p for p in (layer.weight, layer.bias) if p is not None and p.requires_grad]
    if isinstance(layer, nn.Linear):
        delta, r = delta.flatten(1, -2), r.flatten(0, -2)
        return {p: delta.mT @ r if p is layer.weight else delta.sum(1) for p in taught}
    with torch.enable_grad():
        c = layer(r)
    return dict(zip(taught, torch.autograd.grad(c, taught, delta, is_grads_batched=True), strict=True))
