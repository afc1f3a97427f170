"""Synapses with hidden variables: what plasticity changes is more than the one number that a neuron sees.

All of them keep one contract, `ComplexSynapse`. Each knows the theory of its own memory: the trace of a single change, and the
variability that all other changes cause.
"""

from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn


class ComplexSynapse(nn.Module, ABC):
    """A model of a synapse, for any number of synapses at once; a subclass says what its state is and how it changes.

    Time goes in steps, in each of which a memory may ask every synapse for a change: +1 for potentiation, −1 for depression, 0
    for none. A memory of age 0 has just been stored.
    """

    @abstractmethod
    def initial_state(self, trials: int, synapses: int, generator: Generator | None = None) -> Tensor:
        """A state as it is found after a long life of random changes.

        Parameters
        ----------
        trials, synapses : int
        generator : torch.Generator, optional
            A generator on the CPU; torch's own by default.

        Returns
        -------
        Tensor
            trials × synapses [× variables].
        """

    @abstractmethod
    def step(self, state: Tensor, change: Tensor, generator: Generator | None = None) -> Tensor:
        """One time step.

        Parameters
        ----------
        state : Tensor
            trials × synapses [× variables]; it is left as it is.
        change : Tensor
            trials × synapses: the change that is asked for, −1, 0 or +1.
        generator : torch.Generator, optional
            For synapses that change at random; a generator on the CPU, torch's own by default.

        Returns
        -------
        Tensor
            The new state.
        """

    @abstractmethod
    def weight(self, state: Tensor) -> Tensor:
        """What a neuron sees of the state.

        Parameters
        ----------
        state : Tensor

        Returns
        -------
        Tensor
            trials × synapses.
        """

    @abstractmethod
    def _theory(self) -> tuple[Tensor, Tensor, Tensor, float]:
        """In double precision: how the mean state changes in a step, what a memory adds to it, how it is read; and σ."""

    def trace(self, ages: Tensor) -> Tensor:
        """s(t) = E[change · w] at age t: what is left of a memory in one synapse, if a random change (±1) follows in each step.

        Parameters
        ----------
        ages : Tensor of int
            (ages,) In steps, from 0 up.

        Returns
        -------
        Tensor
            (ages,)

        Raises
        ------
        ValueError
            If the ages are no list of integers from 0 up.
        """
        ages = check_ages(ages)
        transition, kick, readout, _ = self._theory()
        powers = _powers(transition, kick, ages.cpu())
        return (powers @ readout).to(self._like)

    @property
    def noise(self) -> float:
        """σ, the standard deviation of one weight under random changes. A memory in N synapses has S/N = √N s(t) / σ."""
        return self._theory()[3]

    @property
    def _like(self) -> Tensor:
        return next(self.buffers())


def check_change(state: Tensor, change: Tensor, ndim: int) -> None:
    """Refuse changes that are not one for each synapse.

    Parameters
    ----------
    state, change : Tensor
    ndim : int
        How many dimensions of the state count synapses.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(state, Tensor):
        raise TypeError(f"the state should be a tensor, from initial_state, got {type(state).__name__}.")
    if not isinstance(change, Tensor):
        raise TypeError(f"change should be a tensor, trials × synapses, got {type(change).__name__}.")
    if change.shape != state.shape[:ndim]:
        raise ValueError(
            f"change asks each synapse for something: its shape should be {tuple(state.shape[:ndim])}, got {tuple(change.shape)}."
        )
    if not torch.isfinite(change).all():
        raise ValueError("some changes are NaN or infinite: a synapse is asked for −1, 0 or +1.")


def check_ages(ages: Tensor) -> Tensor:
    """Ages of memories as a tensor, or an exception that says what was given.

    Parameters
    ----------
    ages : Tensor of int

    Raises
    ------
    ValueError
    """
    integers = isinstance(ages, Tensor) and ages.dtype in (torch.int64, torch.int32)
    if not integers or ages.ndim != 1 or len(ages) == 0 or (ages < 0).any():
        raise ValueError(
            f"ages should be integers from 0 up, one or more in a tensor: torch.arange(100); got {ages!r}."
        )
    return ages


def _powers(transition: Tensor, start: Tensor, ages: Tensor) -> Tensor:
    """Aᵗ s for each age t, ages × state: by the binary digits of t, so that old memories cost no more than young ones."""
    state = start.expand(len(ages), -1)
    power = transition
    for digit in range(int(ages.max()).bit_length()):
        state = torch.where(((ages >> digit) & 1).bool().unsqueeze(1), state @ power.T, state)
        power = power @ power
    return state
