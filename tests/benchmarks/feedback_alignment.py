"""What a step of feedback alignment costs beside one of backpropagation: ``python tests/benchmarks/feedback_alignment.py``.

Each rule writes its estimate for the same batch of 128 trials into the gradients of the same network, in turn with backpropagation;
the figures are ratios of times within each turn: their median, and in brackets their quartiles.
"""

import argparse
import time

import torch
from torch import nn

from nnbrain.learning import (
    Backprop,
    DirectFeedbackAlignment,
    FeedbackAlignment,
    KolenPollack,
    Rule,
    SignSymmetric,
    WeightMirror,
)
from nnbrain.networks import MLP, ConvNet
from nnbrain.objectives import cross_entropy
from nnbrain.runtime import device
from nnbrain.tasks import Batch

RULES = (FeedbackAlignment, DirectFeedbackAlignment, SignSymmetric, KolenPollack, WeightMirror)
TRIALS = 128


def networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """What is taught, and the shape of a trial."""
    return {
        "MLP 784-256-256-10": (MLP([784, 256, 256, 10]), (784,)),
        "CNN 1x28x28, 16-32-64-10": (ConvNet((1, 28, 28), [16, 32], [64]), (1, 28, 28)),
    }


def seconds(rule: Rule, batch: Batch) -> float:
    """Of one call."""
    if batch.inputs.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    rule(batch)
    if batch.inputs.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=200)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    print(f"device {device()}, batches of {TRIALS}; ratio of times, rule / backpropagation, in {turns} turns")
    for title, (network, shape) in networks().items():
        network = network.to(device())
        batch = Batch(torch.randn(TRIALS, *shape), torch.randint(10, (TRIALS,))).to(device())
        rules = [Backprop(network, cross_entropy), *(make_rule(network, cross_entropy) for make_rule in RULES)]
        for rule in 5 * rules:
            seconds(rule, batch)  # warm up
        times = torch.tensor([[seconds(rule, batch) for rule in rules] for _ in range(turns)])
        print(f"{title}: backpropagation {1e3 * times[:, 0].median():.2f} ms")
        for rule, ratios in zip(rules[1:], (times[:, 1:] / times[:, :1]).T, strict=True):
            low, middle, high = ratios.quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
            print(f"  {type(rule).__name__:<24} {middle:.2f} ({low:.2f}-{high:.2f})")


if __name__ == "__main__":
    main()
