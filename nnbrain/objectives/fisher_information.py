"""The Fisher information: how much what a network says depends on each of its weights."""

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from nnbrain.networks import evaluating, run
from nnbrain.networks.base import with_weights
from nnbrain.tasks import Batch

LIKELIHOODS = ("categorical", "gaussian")
_LARGEST = 2**23  # numbers in the derivatives held at a time: 32 MB in single precision


def fisher_information(network: nn.Module, batch: Batch, likelihood: str = "categorical") -> dict[str, Tensor]:
    """The diagonal of the Fisher information matrix, averaged over trials: Fᵢ = (1/M) Σₖ E_{c ~ p(c|xₖ)} [(∂ log p(c|xₖ)/∂θᵢ)²].

    The expectation is over the answers c that the *network* gives, p = softmax(y), and it is exact: Σ_c p_c (∂ log p_c/∂θᵢ)². The
    targets are not used (with them it is the "empirical Fisher", another quantity). Where p is the true distribution of the
    classes, F is the curvature of the cross-entropy, the diagonal of its Hessian. A network that is sure of its answers has little
    of it: to a weight of a softmax layer a trial adds p (1 − p) x², so that F falls as training goes on. A trial of a recurrent
    network counts the sum over its steps, each times its mask: as many times the curvature of `cross_entropy`, which averages over
    the steps, as there are steps that count. The network runs in evaluation mode.

    Parameters
    ----------
    network : nn.Module
    batch : Batch
        Its inputs, and its mask if it has one.
    likelihood : {"categorical", "gaussian"}
        What the outputs y say: classes with p = softmax(y); or values, Gaussian with mean y and variance 1 (whose −log p is the
        squared error), for which F = (1/M) Σₖ Σⱼ (∂yⱼ/∂θᵢ)².

    Returns
    -------
    dict of str to Tensor
        F for each parameter that can be trained, by its name and of its shape.

    Raises
    ------
    TypeError
        If the network or the batch is none.
    ValueError
        If the likelihood is unknown, or the network cannot be trained or has a single output for classes.

    Source: Kirkpatrick et al. 2017; Martens 2020 (true and empirical Fisher information).

    Examples
    --------
    >>> fisher = fisher_information(network, SplitDigits(0).all())
    """
    if not isinstance(network, nn.Module) or not isinstance(batch, Batch):
        raise TypeError(
            f"fisher_information takes a network and a Batch, task.all() for instance, got {type(network).__name__} and "
            f"{type(batch).__name__}."
        )
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood is 'categorical' or 'gaussian', got {likelihood!r}.")
    weights = {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}
    if not weights:
        raise ValueError("no parameter of this network can be trained (requires_grad): it has no Fisher information.")
    with evaluating(network):
        with torch.no_grad():
            outputs = run(network, batch.inputs[:1])[0]
        if likelihood == "categorical" and outputs.shape[-1] < 2:
            raise ValueError("a network with 1 output cannot tell classes apart: it needs one output for each class.")
        mask = outputs.new_ones(len(batch), *outputs.shape[1:-1]) if batch.mask is None else batch.mask.to(outputs)
        fisher = _averaged(network, weights, batch.inputs, mask, likelihood, outputs.numel())
    if bad := [name for name, F in fisher.items() if not torch.isfinite(F).all()]:
        raise ValueError(
            f"the Fisher information of {bad} is NaN or infinite: look for such values in the batch's inputs, or in the network."
        )
    return fisher


def _averaged(network, weights, inputs: Tensor, mask: Tensor, likelihood: str, outputs: int) -> dict[str, Tensor]:
    """The mean of the trials' Fisher informations, computed for as many trials at a time as memory has room for."""

    def trial(weights, x: Tensor, m: Tensor) -> dict[str, Tensor]:
        slopes, p = jacrev(_statistics, argnums=1, has_aux=True)(network, weights, x, likelihood)
        p = p * m.unsqueeze(-1)
        return {name: torch.tensordot(p, slope.square(), dims=p.ndim) for name, slope in slopes.items()}

    total = {name: torch.zeros_like(W) for name, W in weights.items()}
    chunk = max(1, _LARGEST // (outputs * sum(W.numel() for W in weights.values())))
    for x, m in zip(inputs.split(chunk), mask.split(chunk), strict=True):
        for name, F in vmap(trial, in_dims=(None, 0, 0))(weights, x, m).items():
            total[name] += F.sum(0)
    return {name: F / len(inputs) for name, F in total.items()}


def _statistics(network: nn.Module, weights: dict[str, Tensor], x: Tensor, likelihood: str) -> tuple[Tensor, Tensor]:
    """For one trial: what to differentiate, and the weights with which the squares of its derivatives add up."""
    y = with_weights(network, weights, x.unsqueeze(0))
    y = (y[0] if isinstance(y, tuple) else y).squeeze(0)
    if likelihood == "gaussian":
        return y, torch.ones_like(y)
    return y.log_softmax(-1), y.softmax(-1).detach()
