"""Many perturbation estimates in one call, against a loop over single ones: ``python tests/benchmarks/perturbation.py``.

On one thread, in turn; the figure is the ratio of their processor times, pair by pair. "apart" are 64 estimates, stacked; "mean" is
one estimate from 64 draws, where the noise is added up before it meets the inputs, against the mean of 64 estimates.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from nnbrain.learning import NodePerturbation, Rule, WeightPerturbation
from nnbrain.networks import MLP, ConvNet
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Batch

N = 64


def seconds(work: Callable[[], object]) -> float:
    """The time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def looped(rule: Rule, batch: Batch, mean: bool) -> list:
    """What one call gives at once, from N calls."""
    stacked = Rule.estimates(rule, batch, N)
    return [part.mean(0) for part in stacked] if mean else stacked


def compare(name: str, network: torch.nn.Module, batch: Batch, kind: type[Rule], mean: bool, pairs: int) -> None:
    """One line: the medians, and the ratios of the pairs."""
    single, several = kind(network, cross_entropy), kind(network, cross_entropy, samples=N if mean else 1)
    together = (lambda: several.estimate(batch)) if mean else (lambda: several.estimates(batch, N))
    together(), looped(single, batch, mean)  # warm up
    times = [(seconds(together), seconds(lambda: looped(single, batch, mean))) for _ in range(pairs)]
    ours, loop = (statistics.median(side) for side in zip(*times, strict=True))
    ratios = [b / a for a, b in times]
    spread = f"{statistics.median(ratios):>7.1f} {min(ratios):>7.1f} {max(ratios):>7.1f}"
    what = f"{kind.__name__}, {name}, {'mean' if mean else 'apart'}"
    print(f"{what:>50} {1e3 * ours:>12.2f} {1e3 * loop:>10.2f} {spread}", flush=True)


def main() -> None:
    """Print milliseconds for 64 estimates of both, and the ratio of their times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    networks = {"-".join(map(str, sizes)): MLP(sizes) for sizes in ([20, 32, 5], [64, 128, 10], [784, 256, 10])}
    networks["ConvNet 8 × 8"] = ConvNet((1, 8, 8), [8, 16], [32])
    print(
        f"one thread, {arguments.pairs} pairs, {N} estimates, batches of {arguments.trials}; ratio of times, loop / one call"
    )
    print(f"{'':>50} {'one call, ms':>12} {'loop, ms':>10} {'ratio':>7} {'lowest':>7} {'highest':>7}")
    for kind in (NodePerturbation, WeightPerturbation):
        for name, network in networks.items():
            shape = (1, 8, 8) if isinstance(network, ConvNet) else (network.sizes[0],)
            batch = Batch(torch.randn(arguments.trials, *shape), torch.randint(5, (arguments.trials,)))
            for mean in (False, True):
                compare(name, network, batch, kind, mean, arguments.pairs)


if __name__ == "__main__":
    main()
