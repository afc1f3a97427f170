"""How fast tasks in time draw their trials: ``python tests/benchmarks/trials.py``. One thread; it asserts nothing."""

import argparse
import statistics
import time

import torch

from nnbrain.tasks import (
    ContextDecision,
    DelayedComparison,
    DelayedMatchToCategory,
    FlipFlop,
    PerceptualDecision,
    Task,
)

TASKS = {
    "PerceptualDecision, 100 steps": PerceptualDecision(epochs={"stimulus": (1300, 1500)}),
    "PerceptualDecision": PerceptualDecision(),
    "ContextDecision": ContextDecision(),
    "DelayedComparison": DelayedComparison(),
    "DelayedMatchToCategory": DelayedMatchToCategory(),
    "FlipFlop": FlipFlop(),
}


def trials_per_second(task: Task, trials: int, batches: int) -> list[float]:
    """One number for each batch."""
    generator, speeds = torch.Generator().manual_seed(0), []
    task.sample(trials, generator)  # warm up
    for _ in range(batches):
        start = time.perf_counter()
        task.sample(trials, generator)
        speeds.append(trials / (time.perf_counter() - start))
    return speeds


def main() -> None:
    """Print trials a second: the median over batches, the slowest and the fastest."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=512, help="in a batch")
    parser.add_argument("--batches", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"one thread, {given.batches} batches of {given.trials} trials, torch {torch.__version__}; trials a second")
    print(f"{'':>30} {'steps':>5} {'inputs':>6} {'median':>10} {'slowest':>10} {'fastest':>10}")
    for name, task in TASKS.items():
        speeds = trials_per_second(task, given.trials, given.batches)
        spread = f"{statistics.median(speeds):>10,.0f} {min(speeds):>10,.0f} {max(speeds):>10,.0f}"
        print(f"{name:>30} {task.steps:>5} {task.inputs:>6} {spread}")


if __name__ == "__main__":
    main()
