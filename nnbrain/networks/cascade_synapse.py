"""The cascade model: binary synapses that become the more stable the longer they are asked for the same."""

import torch
from torch import Generator, Tensor

from nnbrain.arguments import positive, positive_integer
from nnbrain.networks.complex_synapse import ComplexSynapse, check_change


class CascadeSynapse(ComplexSynapse):
    """A binary synapse, weak (−1) or strong (+1), each with n levels of stability: the deeper, the less plastic (Fusi et al. 2005).

    Asked for the strength that it does not have, a synapse at level i = 1 … n switches to level 1 of that strength with
    probability q_i; asked for the one that it has, it moves one level deeper with probability p_i:

    q_i = q xⁱ⁻¹ for i < n,   q_n = q xⁿ⁻¹ / (1 − x),   p_i = q xⁱ / (1 − x)

    With as many potentiations as depressions all 2n states are then equally frequent. A cascade forgets about as a power of
    the age, whose exponent grows from ½ to 1, up to ages around 1/(q xⁿ⁻¹), and exponentially after them. One level is the simple
    binary synapse, q₁ = q: see `BinarySynapse`.

    Parameters
    ----------
    levels : int
        n.
    q : float
        The probability with which the most plastic synapses change, above 0 and at most 1.
    x : float
        By how much a level is less plastic than the one above it, above 0 and at most ½.

    Attributes
    ----------
    switch, deepen : Tensor
        (n,) q_i and p_i, the last of them 0.

    States are integers, strength · n + level, with strength 0 for weak and 1 for strong, and levels from 0: trials × synapses.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 5.3 (cascade model); Fusi, Drew & Abbott 2005.

    Examples
    --------
    >>> synapse = CascadeSynapse(levels=5)
    >>> state = synapse.initial_state(trials=1, synapses=1000)
    >>> state = synapse.step(state, change=torch.ones(1, 1000))
    """

    def __init__(self, levels: int, q: float = 1.0, x: float = 0.5):
        super().__init__()
        self.levels, self.q, self.x = positive_integer(levels, "levels"), positive(q, "q"), positive(x, "x")
        if self.q > 1:
            raise ValueError(f"q is a probability, above 0 and at most 1, got {q!r}.")
        if self.x > 0.5:
            raise ValueError(f"x is above 0 and at most 0.5, or p₁ = x / (1 − x) would be no probability; got {x!r}.")
        switch, deepen = self._probabilities()
        self.register_buffer("switch", switch.to(torch.get_default_dtype()))
        self.register_buffer("deepen", deepen.to(torch.get_default_dtype()))

    def _probabilities(self) -> tuple[Tensor, Tensor]:
        i = torch.arange(1, self.levels + 1, dtype=torch.float64)
        switch, deepen = self.q * self.x ** (i - 1), self.q * self.x**i / (1 - self.x)
        if self.levels > 1:
            switch[-1] /= 1 - self.x
        deepen[-1] = 0
        return switch, deepen

    def initial_state(self, trials: int, synapses: int, generator: Generator | None = None) -> Tensor:
        """Every state equally often; see `ComplexSynapse.initial_state`."""
        shape = positive_integer(trials, "trials"), positive_integer(synapses, "synapses")
        return torch.randint(2 * self.levels, shape, generator=generator).to(self.switch.device)

    def step(self, state: Tensor, change: Tensor, generator: Generator | None = None) -> Tensor:
        """Switch, move deeper, or stay; see `ComplexSynapse.step`. Of a change only the sign counts."""
        if state.is_floating_point():
            raise TypeError(f"the states of a cascade are integers, from initial_state; got {state.dtype}.")
        check_change(state, change, state.ndim)
        level, strong = state % self.levels, state >= self.levels
        luck = torch.rand(state.shape, generator=generator, dtype=self.switch.dtype).to(state.device)
        agrees = (change > 0) == strong
        asked = change != 0
        other = torch.where(strong, 0, self.levels)  # level 1 of the other strength
        deeper = state + (asked & agrees & (luck < self.deepen[level]))
        return torch.where(asked & ~agrees & (luck < self.switch[level]), other, deeper)

    def weight(self, state: Tensor) -> Tensor:
        """−1 or +1; see `ComplexSynapse.weight`."""
        return torch.where(state >= self.levels, 1.0, -1.0).to(self.switch.dtype)

    def transitions(self, change: int) -> Tensor:
        """The matrix of transition probabilities under a change, from the states (columns) to the states (rows).

        Parameters
        ----------
        change : int
            +1 or −1.

        Returns
        -------
        Tensor
            2n × 2n, in double precision: P(after) = M P(before).

        Raises
        ------
        ValueError
            If the change is not +1 or −1.
        """
        if change not in (-1, 1):
            raise ValueError(f"change is +1 or −1, got {change!r}.")
        n = self.levels
        switch, deepen = self._probabilities()
        wrong, right = (0, n) if change == 1 else (n, 0)  # where the states that disagree and agree begin
        M = torch.zeros(2 * n, 2 * n, dtype=torch.float64)
        for i in range(n):
            M[right, wrong + i] += switch[i]
            M[wrong + i, wrong + i] += 1 - switch[i]
            M[right + i, right + i] += 1 - deepen[i]
            if i + 1 < n:
                M[right + i + 1, right + i] += deepen[i]
        return M

    def _theory(self) -> tuple[Tensor, Tensor, Tensor, float]:
        up, down = self.transitions(1), self.transitions(-1)
        equal = torch.full((2 * self.levels,), 1 / (2 * self.levels), dtype=torch.float64)
        readout = torch.ones_like(equal)
        readout[: self.levels] = -1
        return (up + down) / 2, (up - down) @ equal / 2, readout, 1.0


class BinarySynapse(CascadeSynapse):
    """The simple binary synapse: weak (−1) or strong (+1), asked for a change it follows with probability q.

    It forgets exponentially, s(t) = q (1 − q)ᵗ. With N synapses S/N = √N s falls below 1 after about ln(q √N)/q steps. That is
    longest for q = e/√N, √N/e steps; but S/N then starts at e only.

    Parameters
    ----------
    q : float
        Above 0 and at most 1.

    Raises
    ------
    ValueError
        If q is out of its range.

    Source: Amit & Fusi 1994; Fusi, Drew & Abbott 2005.

    Examples
    --------
    >>> BinarySynapse(0.1).trace(torch.arange(3))
    tensor([0.1000, 0.0900, 0.0810])
    """

    def __init__(self, q: float):
        super().__init__(1, q)
