"""Decoding: what could be read from a population at each moment, by a linear readout that was fitted to other trials."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from nnbrain.analysis import _arguments
from nnbrain.arguments import positive_integer


def decode(
    activity: Tensor,
    labels: Tensor,
    *,
    folds: int = 5,
    generalize: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """The accuracy with which a label of the trials can be decoded at each time, in trials that the decoder has not seen.

    Linear discriminant analysis: the class k whose score xᵀΣ⁻¹m_k − ½ m_kᵀΣ⁻¹m_k + log p_k is the largest, with m_k and p_k the
    mean and the frequency of its trials, and Σ the covariance within classes. At each time it is fitted to all folds of the trials
    but one, and predicts that one. Units are standardised there, and Σ is shrunk towards a multiple of the identity, as far as
    Ledoit and Wolf's formula says. Chance is the frequency of the most frequent label.

    What a decoder finds is there; it need not be used. And a decoder knows no scale: in variables without noise of their own the
    smallest difference is decoded. Decode from noisy trials, and test the use of what is found by disturbing it; see
    `shuffle_within`.

    Parameters
    ----------
    activity : Tensor
        trials × time × units.
    labels : Tensor
        (trials,), of integers, booleans or any values that repeat.
    folds : int
        Drawn at random, with labels in equal proportions; two or more, and no more than there are trials of any label.
    generalize : bool
        Whether a decoder fitted at one time is tried at all times: how stable the code is.
    generator : torch.Generator, optional
        Divides the trials, on the CPU; torch's own by default.

    Returns
    -------
    Tensor
        (time,), from 0 to 1; with ``generalize`` time × time: fitted at (rows), tried at (columns).

    Raises
    ------
    TypeError
        If activity is no tensor of floating-point numbers.
    ValueError
        If shapes do not fit, a value is not finite, there is only one label, or a label has fewer trials than there are folds.

    Source: Primer, section 5.3 (short-term plasticity); Stokes 2015, Masse et al. 2019.

    Examples
    --------
    >>> r, u, x = net.states(batch.inputs, generator)
    >>> from_activity, from_synapses = (decode(z, batch.conditions["sample"]) for z in (r, u * x))
    """
    x = _arguments.double(_arguments.responses(activity, "activity", "trials × time × units").detach())
    classes, counts = _arguments.classes_of(labels, len(x))
    classes = classes.to(x.device)
    fold = _folds(folds, classes, counts, generator)
    steps = x.shape[1]
    right = x.new_zeros(steps, steps if generalize else 1)
    for held_out in range(folds):
        test, train = fold == held_out, fold != held_out
        w, b = _discriminant(x[train].transpose(0, 1), classes[train])  # time × units × classes, time × 1 × classes
        tried = x[test].transpose(0, 1)
        for t in range(steps):
            scores = (tried if generalize else tried[t : t + 1]) @ w[t] + b[t]  # time × trials × classes
            right[t] += (scores.argmax(-1) == classes[test]).sum(1)
    accuracy = (right / len(x)).to(activity.dtype)
    return accuracy if generalize else accuracy[:, 0]


def _discriminant(x: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The scores' weights, time × units × classes, and biases, time × 1 × classes, from x, time × trials × units."""
    center, scale = x.mean(1, keepdim=True), x.std(1, keepdim=True)
    scale = torch.where(x.amax(1, keepdim=True) > x.amin(1, keepdim=True), scale, 1.0)
    z = (x - center) / scale
    members = one_hot(classes).to(z)  # trials × classes
    n = members.sum(0)
    means = members.T @ z / n[:, None]  # time × classes × units
    solved = torch.linalg.solve(_shrunk_covariance(z - means[:, classes]), means.mT)  # Σ⁻¹ m_k: time × units × classes
    b = (n / n.sum()).log() - 0.5 * torch.einsum("tku,tuk->tk", means, solved)
    w = solved / scale.mT
    return w, b.unsqueeze(1) - center @ w


def _shrunk_covariance(z: Tensor, floor: float = 1e-4) -> Tensor:
    """(1 − s) S + s tr(S)/N · I of deviations z, time × trials × units; where nothing varies within classes, it is the floor."""
    trials, units = z.shape[1:]
    S = z.mT @ z / trials
    size = S.square().sum((1, 2))
    mean = S.diagonal(dim1=1, dim2=2).mean(1)
    spread = z.square().sum(2).square().mean(1) - size  # of the single trials' z zᵀ about S
    s = (spread / trials / (size - units * mean**2).clamp_min(torch.finfo(z.dtype).tiny)).clamp(0, 1)
    return (1 - s)[:, None, None] * S + (s * mean + floor)[:, None, None] * torch.eye(units).to(S)


def _folds(folds: int, classes: Tensor, counts: Tensor, generator: Generator | None) -> Tensor:
    """The fold of each trial: the trials of each class are dealt out to the folds one after the other, in random order."""
    if len(counts) < 2:
        raise ValueError("all trials have the same label: there is nothing to decode.")
    if positive_integer(folds, "folds") < 2 or folds > counts.min():
        raise ValueError(
            f"folds should be 2 or more, and no more than there are trials of each label, {int(counts.min())} of the rarest, got "
            f"{folds}."
        )
    order = torch.randperm(len(classes), generator=generator).to(classes.device)
    dealt = order[classes[order].argsort(stable=True)]  # class by class
    fold = torch.empty_like(classes)
    fold[dealt] = torch.arange(len(classes), device=classes.device) % folds
    return fold
