"""Low-rank recurrent networks, whose dynamics can be derived from their connections."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.networks.rnn import RNN


class LowRankRNN(RNN):
    """A recurrent network whose connections have a low rank R: W_r = (1/N) Σₖ mₖ nₖᵀ = m nᵀ / N.

    Without input, its rates end up in the R dimensions that m spans, as seen through f: with κ = nᵀ r / N, r = f(m κ + W_x x + b_r)
    at any steady state. A network of rank one is thus a single equation, κ = ⟨n f(m κ + …)⟩, the mean over its units.

    Parameters
    ----------
    inputs, units, outputs : int
    rank : int
        R, at most the number of units.
    **arguments
        All others of `RNN`, except g and density: m and n start as standard normal, independent of each other.

    Attributes
    ----------
    m, n : nn.Parameter
        units × rank: where activity goes, and what is read from it.

    Raises
    ------
    ValueError
        If the rank is larger than the number of units, or another number is out of its range.

    Source: Primer, section 6 (low-rank networks); Mastrogiuseppe & Ostojic 2018; Dubreuil et al. 2022.

    Examples
    --------
    >>> LowRankRNN(2, 100, 1, rank=1, activation="tanh").W_r.shape
    torch.Size([100, 100])
    """

    def __init__(self, inputs: int, units: int, outputs: int, rank: int = 1, **arguments):
        if wrong := {"g", "density"} & set(arguments):
            raise ValueError(f"a LowRankRNN has no {wrong.pop()}: its recurrent weights are m and n.")
        self.rank = positive_integer(rank, "rank")
        if self.rank > positive_integer(units, "units"):
            raise ValueError(f"a network of {units} units has at most rank {units}, got {rank}.")
        super().__init__(inputs, units, outputs, **arguments)

    def _make_recurrent_weights(self, g: float, density: float, generator: Generator | None) -> None:
        for name in ("m", "n"):
            setattr(self, name, nn.Parameter(torch.randn(self.units, self.rank, generator=generator)))

    @property
    def W_r(self) -> Tensor:
        """The recurrent weights m nᵀ / N, units × units."""
        return self.m @ self.n.T / self.units
