"""FORCE learning: the output of a chaotic network is held at its target from the first moment, and fed back."""

import copy

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive, positive_integer
from nnbrain.learning.base import Rule
from nnbrain.networks.base import check_input
from nnbrain.tasks import Batch
from nnbrain.tasks.base import check_fit


class FORCE(Rule):
    """First-order reduced and controlled error: recursive least squares on the output weights, at every step of a trial.

    e = W_y r − target,   k = P r / (1 + rᵀ P r),   P ← P − k rᵀ P,   W_y ← W_y − e kᵀ,   P(0) = I/α

    P is a running estimate of the inverse of the rates' correlation matrix. Several trials are taken together, as one block, and
    each counts as much as the batch's mask says. P and the states of the network are carried on from batch to batch, as if time
    went on, so all batches need the same number of trials. The rule works on a copy of the network and writes W_y before minus
    W_y after, for plain gradient descent with rate 1, its `default_optimizer`.

    Parameters
    ----------
    network : RNN
        Usually one with feedback, and g > 1, so that it is chaotic before learning.
    alpha : float
        α, how strongly the first changes are held back: a learning rate of about 1/α.
    every : int
        Change the weights every so many time steps.
    generator : torch.Generator, optional
        Draws the state in which the first trial begins, and the network's noise; torch's own, and no noise, without it.

    Attributes
    ----------
    P : Tensor
        units × units.
    state : Tensor or None
        The states at the end of the last batch, trials × units.

    Raises
    ------
    ValueError
        If the network has no time, or no output weights to learn; if a number is out of its range; if a batch has no targets, or
        another number of trials than the one before.
    TypeError
        If a batch is not of the weights' type.

    Source: Primer, Equations 28-30; Sussillo & Abbott 2009.

    Examples
    --------
    >>> network = RNN(1, 300, 1, tau=10, dt=1, activation="tanh", g=1.5, density=0.1, bias=False, feedback=True)
    >>> error = FORCE(network)(batch)  # now network.output.weight.grad holds minus the change that it wants
    """

    def __init__(self, network: nn.Module, *, alpha: float = 1.0, every: int = 1, generator: Generator | None = None):
        super().__init__(network, generator=generator)
        missing = [name for name in ("initial_state", "step", "readout", "output") if not hasattr(network, name)]
        if missing or not isinstance(network.output, nn.Linear):
            raise ValueError(
                "FORCE teaches the output weights of a network in time, such as an RNN; this one has no "
                f"{', '.join(missing) or 'linear output'}."
            )
        if not isinstance(network.initial_state(1), Tensor):
            raise ValueError(
                f"FORCE reads the rates from the state, but that of this {type(network).__name__} has several parts."
            )
        if not network.output.weight.requires_grad:
            raise ValueError("FORCE teaches the output weights, but those of this network are frozen (requires_grad).")
        self.every = positive_integer(every, "every")
        self.P = torch.eye(network.output.in_features).to(network.output.weight) / positive(alpha, "alpha")
        self.state: Tensor | None = None

    def parameters(self) -> list[nn.Parameter]:
        """The output weights, and no others."""
        return [self.network.output.weight]

    def default_optimizer(self) -> torch.optim.Optimizer:
        """Gradient descent with rate 1, which applies the change as it is."""
        return torch.optim.SGD(self.parameters(), lr=1.0)

    @torch.no_grad()
    def estimate(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """½ ‖e‖² before each change of the weights, averaged over steps and trials; and W_y before minus W_y after."""
        network = copy.deepcopy(self.network)
        W_y = network.output.weight
        before, state, P = W_y.clone(), self._first_state(batch), self.P.clone()
        steps = batch.inputs.shape[1]
        weights = batch.inputs.new_ones(batch.inputs.shape[:2]) if batch.mask is None else batch.mask.to(batch.inputs)
        noise = None
        if self.generator is not None and getattr(network, "sigma", 0) > 0:
            noise = network.noise(len(batch), steps, self.generator)
        error = 0.0
        for t in range(steps):
            state = network.step(state, batch.inputs[:, t], None if noise is None else noise[:, t])
            y = network.readout(state)
            if t == 0:
                check_fit(y.unsqueeze(1).expand(-1, steps, -1), batch.targets)
            counts = weights[:, t] > 0
            e = torch.where(counts[:, None], y - batch.targets[:, t].to(y), 0.0)  # trials × outputs
            error = error + 0.5 * weights[:, t] * e.square().sum(1)
            if t % self.every == 0 and counts.any():
                r = (state * getattr(network, "gain", 1.0))[counts]
                rP = r @ P  # trials × units, and its transpose is P rᵀ: P is and remains symmetric
                # A trial that counts w is a measurement whose variance is 1/w.
                k = torch.linalg.solve(torch.diag(1 / weights[counts, t]) + rP @ r.T, rP)
                P.addmm_(rP.T, k, alpha=-1)
                W_y -= e[counts].T @ k
        self.P, self.state = P, state
        return (error / weights.sum(1)).mean(), [before - W_y]

    def _first_state(self, batch: Batch) -> Tensor:
        """Where the last batch ended; at first, uniform between −½ and ½."""
        in_time = batch.inputs.ndim == 3 and batch.inputs.shape[1] > 0
        if not in_time or batch.targets is None or not batch.targets.is_floating_point():
            raise ValueError(
                "FORCE needs inputs in time, trials × time × inputs, and a value as the target of every step."
            )
        check_input(self.network, batch.inputs, self.network.output.weight.dtype)
        if self.state is None:
            start = self.network.initial_state(len(batch))
            place = None if self.generator is None else self.generator.device
            return start + (torch.rand(start.shape, generator=self.generator, device=place) - 0.5).to(start)
        if len(self.state) != len(batch):
            raise ValueError(
                f"FORCE carries its states from batch to batch: this one has {len(batch)} trials, the last had {len(self.state)}."
            )
        return self.state
