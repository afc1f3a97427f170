"""Memory traces: what a population of synapses still knows of a memory, and for how long."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from nnbrain.arguments import positive, positive_integer
from nnbrain.networks.complex_synapse import ComplexSynapse, check_ages


class MemoryTrace(NamedTuple):
    """What `memory_trace` finds.

    Attributes
    ----------
    overlaps : Tensor
        trials × ages: (1/N) Σᵢ changeᵢ wᵢ, between a memory and the weights, once it has that age.
    signal, noise : Tensor
        (ages,) Mean and standard deviation of the overlaps over trials.
    """

    overlaps: Tensor
    signal: Tensor
    noise: Tensor

    @property
    def signal_to_noise(self) -> Tensor:
        """(ages,) S/N, signal over noise."""
        return self.signal / self.noise


def memory_trace(
    synapse: ComplexSynapse, ages: Tensor, synapses: int, *, trials: int = 100, generator: Generator | None = None
) -> MemoryTrace:
    """Store a stream of random memories, one a step, and see what the synapses still know of those that are t steps old.

    S(t) = E[(1/N) Σᵢ changeᵢ wᵢ],   S/N = S / std

    Each memory asks every synapse for a random change, −1 or +1. This is the view of an ideal observer, who knows all the changes.
    A perceptron has it, too: with inputs xᵢ = ±1 and a target y = ±1 it asks for changeᵢ = y xᵢ, so that the overlap is
    y Σᵢ wᵢ xᵢ / N, above 0 where it still answers correctly: for many synapses in a fraction Φ(S/N) of all cases.

    Parameters
    ----------
    synapse : ComplexSynapse
    ages : Tensor of int
        (ages,) In steps; a memory of age 0 has just been stored.
    synapses : int
        N.
    trials : int
        How many independent populations, 2 or more.
    generator : torch.Generator, optional
        A generator on the CPU; torch's own by default.

    Returns
    -------
    MemoryTrace
        overlaps, signal, noise, and signal_to_noise. In theory signal = ``synapse.trace(ages)``, noise = ``synapse.noise`` / √N.

    Raises
    ------
    TypeError
        If the synapse is none.
    ValueError
        If ages are no list of integers from 0 up, or a number is too small.

    Source: Fusi, Drew & Abbott 2005; Benna & Fusi 2016.

    Examples
    --------
    >>> memory_trace(BinarySynapse(0.1), torch.arange(50), synapses=1000).signal_to_noise.shape
    torch.Size([50])
    """
    if not isinstance(synapse, ComplexSynapse):
        raise TypeError(f"memory_trace measures a ComplexSynapse, got {type(synapse).__name__}.")
    ages, N = check_ages(ages), positive_integer(synapses, "synapses")
    if positive_integer(trials, "trials") < 2:
        raise ValueError("a standard deviation over trials takes two or more, got 1.")
    with torch.no_grad():
        state = synapse.initial_state(trials, N, generator)
        kept, wanted = {}, set(ages.tolist())
        for age in range(int(ages.max()), -1, -1):  # the first memory will be the oldest
            change = (
                torch.randint(2, (trials, N), generator=generator, dtype=torch.int8).mul_(2).sub_(1).to(state.device)
            )
            state = synapse.step(state, change, generator)
            if age in wanted:
                kept[age] = change
        w = synapse.weight(state)
        overlaps = torch.stack([(kept[age] * w).mean(1) for age in ages.tolist()], dim=1)
    return MemoryTrace(overlaps, overlaps.mean(0), overlaps.std(0))


def lifetime(ages: Tensor, signal_to_noise: Tensor, threshold: float = 1.0) -> Tensor:
    """The age up to which a memory is above threshold: where S/N falls below it for the first time.

    Between two ages S/N is taken as a straight line on logarithmic axes (of age + 1).

    Parameters
    ----------
    ages : Tensor
        (ages,) Ascending.
    signal_to_noise : Tensor
        [… ×] ages.
    threshold : float
        Above 0.

    Returns
    -------
    Tensor
        […], in steps: 0 where S/N is below the threshold from the start, infinite where it is above it at all ages.

    Raises
    ------
    ValueError
        If the ages are not ascending from 0 or more, the shapes do not fit, or the threshold is not positive.

    Source: Fusi, Drew & Abbott 2005 (memory lifetime).

    Examples
    --------
    >>> ages = torch.arange(100)
    >>> lifetime(ages, 10 * BinarySynapse(0.5).trace(ages))
    tensor(2.2911)
    """
    level = positive(threshold, "threshold")
    if ages.ndim != 1 or len(ages) < 2 or (ages[0] < 0) or not (ages.diff() > 0).all():
        raise ValueError("ages should be two or more, ascending, from 0 up.")
    if signal_to_noise.shape[-1:] != ages.shape or not torch.isfinite(signal_to_noise).all():
        raise ValueError(
            f"signal_to_noise should be finite, with {len(ages)} ages last, got shape {tuple(signal_to_noise.shape)}."
        )
    x = (ages.to(signal_to_noise) + 1).log()
    y = signal_to_noise.clamp(min=1e-30).log() - torch.tensor(level).log()
    below = y < 0
    after = below.int().argmax(-1).clamp(min=1)  # the first age below the threshold
    before = after - 1
    y0, y1 = (y.gather(-1, k.unsqueeze(-1)).squeeze(-1) for k in (before, after))
    crossing = torch.lerp(x[before], x[after], y0 / (y0 - y1)).expm1()
    crossing = torch.where(below.any(-1), crossing, torch.inf)
    return torch.where(below[..., 0], 0.0, crossing)
