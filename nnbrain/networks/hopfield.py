"""Hopfield networks: memories are the states in which a recurrent network comes to rest."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive, positive_integer
from nnbrain.networks.base import check_input

RULES = ("hebb", "projection")


class HopfieldNetwork(nn.Module):
    """Units that are +1 or −1 and follow the sign of what they receive; patterns are stored by Hebb's rule, all at once.

    W = (1/N) Σ_μ ξ_μ ξ_μᵀ, without its diagonal;   sᵢ ← sign(Σⱼ Wᵢⱼ sⱼ);   E = −½ sᵀ W s

    One unit after the other (asynchronously), the energy E never rises, so the network comes to rest; started near a pattern, it
    rests there or close by. Of random patterns, a large network holds about 0.138 N. At a stored pattern, the other P − 1 push each
    unit like noise of variance (P − 1)/N: in the first step it flips with a probability of about ½ erfc(√(N / 2P)).

    Patterns that resemble each other, as digits do, disturb each other far more. With ``rule="projection"`` W projects onto the
    space that the patterns span, W = Ξ Ξ⁺: then every one of up to N − 1 linearly independent patterns is at rest.

    A sequence is stored by weights that are not symmetric, V = (strength/N) Σ_μ ξ_{μ+1} ξ_μᵀ, from each pattern to the next
    (hetero-association). What travels along V takes ``delay`` steps: sᵢ(t+1) = sign(W s(t) + V s(t + 1 − delay))ᵢ. With V alone,
    and a delay of 1, each step is a pattern. With the patterns stored in W too, a strength above 1 and a longer delay, each pattern
    stands for as long as the delay, and is mended meanwhile.

    Parameters
    ----------
    units : int
        N.
    rule : {"hebb", "projection"}
        How `store` finds W.
    delay : int
        Of V, in steps, 1 or more.

    Attributes
    ----------
    W, V : Tensor
        units × units: the symmetric weights without their diagonal, and those of sequences.
    memory : Tensor
        W with its diagonal.

    Raises
    ------
    ValueError
        If a number is not a positive integer, or the rule is unknown.

    Source: Primer, section 5.3 (Hebbian plasticity); Hopfield 1982; Personnaz et al. 1986 (projection); Sompolinsky & Kanter 1986
    (sequences).

    Examples
    --------
    >>> patterns = torch.randint(2, (5, 200)) * 2.0 - 1
    >>> network = HopfieldNetwork(200).store(patterns)
    >>> torch.equal(network.recall(patterns), patterns)
    True
    """

    def __init__(self, units: int, *, rule: str = "hebb", delay: int = 1):
        super().__init__()
        self.units, self.delay = positive_integer(units, "units"), positive_integer(delay, "delay")
        if rule not in RULES:
            raise ValueError(f"rule is {' or '.join(map(repr, RULES))}, got {rule!r}.")
        self.rule = rule
        self.register_buffer("memory", torch.zeros(self.units, self.units))
        self.register_buffer("V", torch.zeros(self.units, self.units))

    @property
    def W(self) -> Tensor:
        """The symmetric weights, units × units, without their diagonal."""
        return self.memory - torch.diag(self.memory.diagonal())

    @torch.no_grad()
    def store(self, patterns: Tensor) -> "HopfieldNetwork":
        """Add patterns to those in W.

        Parameters
        ----------
        patterns : Tensor
            ξ, patterns × units, of +1 and −1.

        Returns
        -------
        HopfieldNetwork
            Itself.

        Raises
        ------
        TypeError, ValueError
            If they are none such.
        """
        self._check(patterns, "patterns")
        if self.rule == "hebb":
            self.memory += patterns.T @ patterns / self.units
        else:
            # What W does not give back of the new patterns; it is added to the space on which W projects.
            new = (patterns - patterns @ self.memory.T).cpu().double()
            vectors, sizes, _ = torch.linalg.svd(new.T, full_matrices=False)
            vectors = vectors[:, sizes > 1e-4 * self.units**0.5].to(self.memory)
            self.memory += vectors @ vectors.T
        return self

    @torch.no_grad()
    def store_sequence(self, patterns: Tensor, *, strength: float = 1.0, cyclic: bool = False) -> "HopfieldNetwork":
        """Add to V that each pattern leads to the next.

        Parameters
        ----------
        patterns : Tensor
            patterns × units, of +1 and −1, in their order; two or more.
        strength : float
            Against a strength of 1 of W.
        cyclic : bool
            Whether the last leads to the first.

        Returns
        -------
        HopfieldNetwork
            Itself.

        Raises
        ------
        TypeError, ValueError
            If they are none such, or the strength is not positive.
        """
        self._check(patterns, "patterns")
        if len(patterns) < 2:
            raise ValueError("a sequence has two patterns or more, got 1.")
        following = patterns.roll(-1, 0)
        last = len(patterns) if cyclic else -1
        self.V += positive(strength, "strength") / self.units * following[:last].T @ patterns[:last]
        return self

    def energy(self, state: Tensor) -> Tensor:
        """E = −½ sᵀ W s.

        Parameters
        ----------
        state : Tensor
            trials × units, of +1 and −1.

        Returns
        -------
        Tensor
            (trials,)

        Raises
        ------
        TypeError, ValueError
            If the state does not fit, or the network has a sequence: with weights that are not symmetric there is no energy.
        """
        self._check(state, "the state")
        self._check_symmetric("has no energy")
        return -0.5 * ((state @ self.W) * state).sum(1)

    def overlap(self, state: Tensor, patterns: Tensor) -> Tensor:
        """How much states are like patterns, m = (1/N) Σᵢ ξᵢ sᵢ: 1 where they are the same, −1 for the negative.

        Parameters
        ----------
        state : Tensor
            … × units.
        patterns : Tensor
            patterns × units.

        Returns
        -------
        Tensor
            … × patterns.

        Raises
        ------
        TypeError, ValueError
            If one is no tensor of the network's type, or has other units.
        """
        for given in (state, patterns):
            check_input(self, given, self.memory.dtype)
            if given.shape[-1:] != (self.units,):
                raise ValueError(f"an overlap is between states of {self.units} units, got shape {tuple(given.shape)}.")
        return state @ patterns.T / self.units

    @torch.no_grad()
    def recall(
        self, state: Tensor, steps: int = 100, *, asynchronous: bool = True, generator: Generator | None = None
    ) -> Tensor:
        """Follow the network until it rests.

        Parameters
        ----------
        state : Tensor
            Where to start, trials × units, of +1 and −1.
        steps : int
            At most; in each, every unit is updated once.
        asynchronous : bool
            One unit after the other, in a random order that is new in each step and the same for all trials; or all units at once,
            which may end in two states that follow each other for ever.
        generator : torch.Generator, optional
            Draws the order, on the CPU; torch's own by default.

        Returns
        -------
        Tensor
            trials × units.

        Raises
        ------
        TypeError, ValueError
            If the state does not fit, or the network has a sequence and never rests.
        """
        self._check(state, "the state")
        self._check_symmetric("does not rest: follow it with trajectory(state, steps)")
        W, state = self.W, state.clone()
        moving = torch.arange(len(state), device=state.device)  # the trials that are not yet at rest
        for _ in range(positive_integer(steps, "steps")):
            new = self._step(state[moving], W, 0.0, asynchronous, generator)
            changed = (new != state[moving]).any(1)
            state[moving] = new
            moving = moving[changed]
            if len(moving) == 0:
                break
        return state

    @torch.no_grad()
    def trajectory(
        self, state: Tensor, steps: int, *, asynchronous: bool = False, generator: Generator | None = None
    ) -> Tensor:
        """All states on the way, also of a network with a sequence. Before the first state nothing came along V.

        Parameters
        ----------
        state, steps, asynchronous, generator
            As for `recall`; but by default all units are updated at once, and all steps are taken. Unit by unit, what comes along V
            stays the same for a whole step.

        Returns
        -------
        Tensor
            trials × (steps + 1) × units, the first state included.

        Raises
        ------
        TypeError, ValueError
            If the state does not fit.
        """
        self._check(state, "the state")
        W, path = self.W, [state]
        for t in range(positive_integer(steps, "steps")):
            earlier = t + 1 - self.delay
            along_V = path[earlier] @ self.V.T if earlier >= 0 else torch.zeros_like(state)
            path.append(self._step(path[-1], W, along_V, asynchronous, generator))
        return torch.stack(path, dim=1)

    def forward(self, state: Tensor, generator: Generator | None = None) -> Tensor:
        """Where the network rests; see `recall`."""
        return self.recall(state, generator=generator)

    def _step(self, s: Tensor, W: Tensor, along_V, asynchronous: bool, generator: Generator | None) -> Tensor:
        """Every unit follows the sign of its input once; where that is 0 it stays as it is."""
        h = s @ W.T + along_V  # trials × units
        tiny = 64 * torch.finfo(s.dtype).eps  # an input that is 0 but for rounding
        if not asynchronous:
            return torch.where(h.abs() > tiny, h.sign(), s)
        s = s.clone()
        for i in torch.randperm(self.units, generator=generator).tolist():
            new = torch.where(h[:, i].abs() > tiny, h[:, i].sign(), s[:, i])
            h.addr_(new - s[:, i], W[i])
            s[:, i] = new
        return s

    def _check(self, states: Tensor, name: str) -> None:
        check_input(self, states, self.memory.dtype)
        if states.ndim != 2 or states.shape[1] != self.units or len(states) == 0:
            rows = "trials" if "state" in name else "patterns"
            raise ValueError(f"{name} should have shape ({rows}, {self.units}), got {tuple(states.shape)}.")
        if not (states.abs() == 1).all():
            raise ValueError(f"{name} should hold +1 and −1 only: torch.where(image > 0.5, 1.0, -1.0), for instance.")

    def _check_symmetric(self, lack: str) -> None:
        if self.V.any():
            raise ValueError(f"with a sequence stored, the weights are not symmetric, and the network {lack}.")

    def extra_repr(self) -> str:
        """Units and rule, for ``print(network)``."""
        return f"{self.units}, rule={self.rule!r}, delay={self.delay}"
