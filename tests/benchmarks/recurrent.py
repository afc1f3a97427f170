"""What a training step of the recurrent network costs: ``python tests/benchmarks/recurrent.py``.

The same step (forward, loss, backward) is taken in turn by four: a Python loop over `nn.Linear` layers, as the Primer's notebooks
write it; the package's network; the same without its fused backward pass; and the matrix products alone that any such step needs.
The figures are ratios of times within each turn: their median, and in brackets their quartiles.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nnbrain.networks import RNN

STEPS, INPUTS, OUTPUTS = 100, 3, 3


class Loop(nn.Module):
    """The network as one writes it without thinking of speed, time × trials × inputs."""

    def __init__(self, units: int, alpha: float = 0.2):
        super().__init__()
        self.input, self.recurrent, self.output = (
            nn.Linear(m, n) for m, n in ((INPUTS, units), (units, units), (units, OUTPUTS))
        )
        self.units, self.alpha = units, alpha

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and the rates at every step."""
        r, rates = x.new_zeros(x.shape[1], self.units), []
        for x_t in x:
            r = (1 - self.alpha) * r + self.alpha * torch.relu(self.input(x_t) + self.recurrent(r))
            rates.append(r)
        activity = torch.stack(rates)
        return self.output(activity), activity


def training_step(network: nn.Module, x: Tensor) -> Callable[[], None]:
    """A step of training without the optimizer, which is the same for all."""

    def step() -> None:
        network.zero_grad()
        network(x)[0].square().mean().backward()

    return step


def products(units: int, trials: int) -> Callable[[], None]:
    """The matrix products of such a step, and nothing else."""
    W, U, V = torch.randn(units, units), torch.randn(units, INPUTS), torch.randn(OUTPUTS, units)
    rates, out = torch.randn(STEPS, trials, units), torch.empty(STEPS, trials, units)
    r, x, y = rates.flatten(0, 1), torch.randn(STEPS * trials, INPUTS), torch.randn(STEPS * trials, OUTPUTS)

    def step() -> None:
        x @ U.T, r @ V.T, y @ V  # into the units, out of them, and the error back into them
        for _ in ("forward", "backward"):
            for r_t, out_t in zip(rates.unbind(), out.unbind(), strict=True):
                torch.mm(r_t, W, out=out_t)
        r.T @ r, r.T @ x, y.T @ r  # the gradients of the three weights

    return step


def take_turns(steps: list[Callable[[], None]], turns: int) -> Tensor:
    """Seconds, turns × steps."""
    for step in 2 * steps:
        step()  # warm up
    seconds = torch.empty(turns, len(steps), dtype=torch.float64)
    for turn in seconds:
        for k, step in enumerate(steps):
            start = time.perf_counter()
            step()
            turn[k] = time.perf_counter() - start
    return seconds


def main() -> None:
    """Print the time of a step, and what the others take in proportion."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=60)
    options = parser.parse_args()
    heads = ("loop / ours", "ours / products", "plain / ours", "plain / products")
    print(f"{options.turns} turns of a training step, {STEPS} time steps, on the CPU")
    print(f"{'threads':>7} {'units':>5} {'trials':>6} {'ours, ms':>8} " + " ".join(f"{head:>18}" for head in heads))
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for units, trials in [(64, 16), (64, 64), (128, 64), (256, 64)]:
            x = torch.randn(trials, STEPS, INPUTS)
            networks = (RNN(INPUTS, units, OUTPUTS, fused=fused) for fused in (True, False))
            steps = [training_step(Loop(units), x.transpose(0, 1).contiguous())]
            steps += [*(training_step(network, x) for network in networks), products(units, trials)]
            loop, ours, plain, bare = take_turns(steps, options.turns).T
            ratios = (loop / ours, ours / bare, plain / ours, plain / bare)
            quartiles = (ratio.quantile(torch.tensor([0.5, 0.25, 0.75], dtype=torch.float64)) for ratio in ratios)
            cells = " ".join(f"{f'{q[0]:.2f} ({q[1]:.2f}-{q[2]:.2f})':>18}" for q in quartiles)
            print(f"{threads:>7} {units:>5} {trials:>6} {1e3 * ours.median():>8.2f} {cells}")


if __name__ == "__main__":
    main()
