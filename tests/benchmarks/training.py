"""What the package's training loop costs beyond plain PyTorch: ``python tests/benchmarks/training.py``.

Both train the same network on the same minibatches of digits, in turn; the figure is the ratio of their times, pair by pair.
"""

import argparse
import statistics
import time
from itertools import pairwise

import torch

import nnbrain as nb


def with_fit(sizes: list[int], steps: int, trials: int, own: bool = False) -> float:
    """Seconds for the package's loop, with the same optimizer as by hand, or with its own choice."""
    network = nb.networks.MLP(sizes).to(nb.device())
    task = nb.tasks.Digits("train")
    rule = nb.learning.Backprop(network, nb.objectives.cross_entropy)
    optimizer = None if own else torch.optim.Adam(network.parameters(), lr=1e-3)
    start = time.perf_counter()
    nb.fit(rule, task, steps, trials=trials, optimizer=optimizer, progress=False)
    return time.perf_counter() - start


def by_hand(sizes: list[int], steps: int, trials: int) -> float:
    """Seconds for the same in plain PyTorch, as one writes it: shuffled indices, loss, backward, step, and the loss kept."""
    layers = []
    for m, n in pairwise(sizes):
        layers += [torch.nn.Linear(m, n), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(nb.device())
    everything = nb.tasks.Digits("train").all()
    x, y = everything.inputs, everything.targets
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses, order = [], torch.empty(0, dtype=torch.int64)
    start = time.perf_counter()
    for _ in range(steps):
        if len(order) < trials:
            order = torch.cat([order, torch.randperm(len(x))])
        k, order = order[:trials].to(x.device), order[trials:]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x[k]), y[k])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return time.perf_counter() - start


def main() -> None:
    """Print steps per second of both, and the ratio of their times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"device {nb.device()}, {options.pairs} pairs of {options.steps} steps; ratio of times, fit / by hand")
    heads = f"{'fit, steps/s':>13} {'by hand':>8} {'ratio':>6} {'lowest':>7} {'highest':>8}"
    print(f"{'network':>14} {'trials':>6} {'optimizer':>15} {heads}")
    for sizes, trials in [([64, 128, 10], 32), ([64, 128, 128, 10], 32), ([64, 128, 128, 10], 128)]:
        for own in (False, True):
            with_fit(sizes, 100, trials, own), by_hand(sizes, 100, trials)  # warm up
            pairs = [
                (with_fit(sizes, options.steps, trials, own), by_hand(sizes, options.steps, trials))
                for _ in range(options.pairs)
            ]
            ratios = [ours / plain for ours, plain in pairs]
            ours, plain = (options.steps / statistics.median(times) for times in zip(*pairs, strict=True))
            name, optimizer = "-".join(map(str, sizes)), "fit's own" if own else "as by hand"
            spread = f"{statistics.median(ratios):>6.2f} {min(ratios):>7.2f} {max(ratios):>8.2f}"
            print(f"{name:>14} {trials:>6} {optimizer:>15} {ours:>13.0f} {plain:>8.0f} {spread}")


if __name__ == "__main__":
    main()
