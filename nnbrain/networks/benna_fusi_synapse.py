"""The chain of Benna and Fusi: behind a weight stand variables that change ever more slowly, and hold it back."""

import torch
from torch import Generator, Tensor

from nnbrain.arguments import positive, positive_integer
from nnbrain.networks.complex_synapse import ComplexSynapse, check_change

LONGEST_CHAIN = 20  # beyond it the slowest variables change by less than a number in double precision can


class BennaFusiSynapse(ComplexSynapse):
    """A chain of m variables, each with twice the capacity of the one before: beakers joined by ever narrower tubes.

    C_k du_k/dt = g_{k−1,k} (u_{k−1} − u_k) + g_{k,k+1} (u_{k+1} − u_k),   C_k = 2ᵏ⁻¹,   g_{k,k+1} = g 2⁻ᵏ

    u₁ is the weight, and takes the changes; u_{m+1} = 0, the last beaker leaks. The trace of a change falls as t^(−1/2), up to
    ages of about 4ᵐ/g, and exponentially after them. With N synapses memories live on the order of N steps (less a logarithm), if
    the chain has some ½ log₂ N variables. A step is Euler's, u_k ← u_k + Δt du_k/dt, and then u₁ ← u₁ + change. Real synapses are
    bounded; this one is not.

    Parameters
    ----------
    variables : int
        m, from 1 to 20.
    g : float
        Twice the conductance of the first tube: a change begins to leave the first beaker with the time constant 2/g.
    dt : float
        Δt, the time between two memories.

    Attributes
    ----------
    transition : Tensor
        m × m, A: without a change u ← A u.

    States are trials × synapses × variables, any shape × variables in `step`.

    Raises
    ------
    ValueError
        If a number is not positive, the chain too long, or Δt so large that a variable would overshoot.

    Source: Primer, section 5.3 (complex synapses); Benna & Fusi 2016; Kaplanis et al. 2018.

    Examples
    --------
    >>> synapse = BennaFusiSynapse(variables=6)
    >>> state = synapse.initial_state(trials=1, synapses=1000)
    >>> state = synapse.step(state, change=torch.ones(1, 1000))
    """

    def __init__(self, variables: int, g: float = 0.25, dt: float = 1.0):
        super().__init__()
        self.variables, self.g, self.dt = positive_integer(variables, "variables"), positive(g, "g"), positive(dt, "dt")
        if self.variables > LONGEST_CHAIN:
            raise ValueError(
                f"a chain has at most {LONGEST_CHAIN} variables, whose slowest lives 10¹² steps: {variables!r}."
            )
        rates = self._modes()[0]
        if self.dt * rates.max() > 1:
            raise ValueError(
                f"with g = {self.g} and dt = {self.dt} a variable would overshoot in a single step: dt times the fastest rate, "
                f"{rates.max():.3g}, is above 1; make dt smaller than {1 / rates.max():.3g}, or g smaller."
            )
        self.register_buffer("transition", self._euler().to(torch.get_default_dtype()))

    def _capacities(self) -> Tensor:
        return 2.0 ** torch.arange(self.variables, dtype=torch.float64)

    def _exchange(self) -> Tensor:
        """The exchange, m × m and symmetric: C du/dt = −exchange u."""
        g = self.g * 0.5 ** torch.arange(1, self.variables + 1, dtype=torch.float64)
        inner = g[:-1]
        before = torch.cat([g.new_zeros(1), inner])
        return torch.diag(g + before) - torch.diag(inner, 1) - torch.diag(inner, -1)

    def _flow(self) -> Tensor:
        """du/dt = −flow u."""
        return self._exchange() / self._capacities().unsqueeze(1)

    def _euler(self) -> Tensor:
        """A, which takes the variables one step on, in double precision."""
        return torch.eye(self.variables, dtype=torch.float64) - self.dt * self._flow()

    def _modes(self) -> tuple[Tensor, Tensor]:
        """The chain's rates, and how much √C u₁ takes part in each of its modes."""
        root = self._capacities().sqrt()
        rates, modes = torch.linalg.eigh(self._exchange() / (root.unsqueeze(1) * root))
        return rates, modes

    def covariance(self) -> Tensor:
        """P, of the variables under random changes in every step: P = A P Aᵀ + e₁ e₁ᵀ.

        Returns
        -------
        Tensor
            m × m, in double precision.
        """
        rates, modes = self._modes()
        decay = self.dt * rates
        shared = decay.unsqueeze(1) + decay - decay.unsqueeze(1) * decay  # 1 − λᵢ λⱼ, without losing digits
        into = modes[0]  # C₁ = 1
        P = modes @ (into.unsqueeze(1) * into / shared) @ modes.T
        root = self._capacities().sqrt()
        return P / (root.unsqueeze(1) * root)

    def initial_state(self, trials: int, synapses: int, generator: Generator | None = None) -> Tensor:
        """Gaussian, with the covariance that random changes lead to; see `ComplexSynapse.initial_state`."""
        shape = positive_integer(trials, "trials"), positive_integer(synapses, "synapses"), self.variables
        values, directions = torch.linalg.eigh(self.covariance())
        root = (directions * values.clamp(min=0).sqrt()).to(torch.get_default_dtype())
        return (torch.randn(shape, generator=generator) @ root.T).to(self.transition)

    def step(self, state: Tensor, change: Tensor, generator: Generator | None = None) -> Tensor:
        """Flow, and then the change of u₁; see `ComplexSynapse.step`. Changes may have any size here, and nothing is random."""
        check_change(state, change, -1)
        if not state.is_floating_point():
            raise TypeError(
                f"the variables of this synapse are of floating point, from initial_state; got {state.dtype}."
            )
        if state.shape[-1] != self.variables:
            raise ValueError(f"a state has {self.variables} variables last, got shape {tuple(state.shape)}.")
        u = state @ self.transition.T.to(state)
        return torch.cat([u[..., :1] + change.to(u).unsqueeze(-1), u[..., 1:]], dim=-1)

    def weight(self, state: Tensor) -> Tensor:
        """u₁; see `ComplexSynapse.weight`."""
        return state[..., 0]

    def _theory(self) -> tuple[Tensor, Tensor, Tensor, float]:
        first = torch.zeros(self.variables, dtype=torch.float64)
        first[0] = 1
        return self._euler(), first, first, float(self.covariance()[0, 0].sqrt())
