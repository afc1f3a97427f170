"""The search for fixed points against gradient descent on q: ``python tests/benchmarks/fixed_points.py``.

Both search from the same 1,024 states that a trained 3-bit flip-flop network of 64 units visits, on one thread. Gradient descent is
Adam on q of all states at once, in single precision; of several rates the one is reported with which it finds most points, and of
those the fastest. What it found is then polished by ours, so that points can be counted; that time is not counted. "Known" are the
points that searches of both kinds, from ten other sets of states, find together.
"""

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

import nnbrain as nb
from nnbrain.analysis import FixedPoints, fixed_points

STARTS, UNITS, BITS = 1024, 64, 3
RATES = (0.1, 0.03, 0.01, 0.003)


class GRU(nn.Module):
    """torch's GRU cell with a readout, as a recurrent network of this package."""

    def __init__(self):
        super().__init__()
        self.layer, self.output = nn.GRU(BITS, UNITS, batch_first=True), nn.Linear(UNITS, BITS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and activity."""
        activity, _ = self.layer(x)
        return self.output(activity), activity

    def step(self, state: Tensor, x_t: Tensor) -> Tensor:
        """One time step, by the weights of the layer."""
        a, b = self.layer, nn.functional.linear
        ir, iz, i = b(x_t, a.weight_ih_l0, a.bias_ih_l0).chunk(3, dim=-1)
        hr, hz, h = b(state, a.weight_hh_l0, a.bias_hh_l0).chunk(3, dim=-1)
        z = torch.sigmoid(iz + hz)
        return (1 - z) * torch.tanh(i + torch.sigmoid(ir + hr) * h) + z * state


def trained(name: str) -> tuple[nn.Module, float]:
    """A network that does the task, and its share of correct trials."""
    nb.set_seed(0)
    task = nb.tasks.FlipFlop(BITS)
    network = GRU() if name == "GRU" else nb.networks.RNN(BITS, UNITS, BITS, activation="tanh")
    rule = nb.learning.Backprop(network, nb.objectives.squared_error)
    for rate, steps in ((5e-3, 600), (5e-4, 200)):
        optimizer = torch.optim.Adam(rule.parameters(), rate)
        nb.fit(rule, task, steps, trials=64, optimizer=optimizer, clip=1.0, progress=False)
    return network.requires_grad_(False), nb.analysis.accuracy(network, task, task.sample(1000))


def visited(network: nn.Module, seed: int) -> Tensor:
    """States between those that the network visits, starts × units."""
    generator = torch.Generator().manual_seed(seed)
    batch = nb.tasks.FlipFlop(BITS).sample(128, generator)
    states = network(batch.inputs)[1].flatten(0, 1)
    a, b = states[torch.randint(len(states), (2, STARTS), generator=generator)]
    return a + torch.rand(STARTS, 1, generator=generator) * (b - a)


def descend(network: nn.Module, starts: Tensor, x: Tensor, rate: float, most: int = 10000) -> Tensor:
    """Adam on q of all starts until it has not fallen for a while, with a rate that falls to nothing when it does not."""
    s = starts.clone().requires_grad_()
    optimizer = torch.optim.Adam([s], rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=50, threshold=1e-3)
    for _ in range(most):
        q = (network.step(s, x.expand(len(s), -1)) - s).square().sum(1)
        optimizer.zero_grad()
        q.sum().backward()
        optimizer.step()
        schedule.step(q.sum().item())
        if optimizer.param_groups[0]["lr"] < 1e-3 * rate or q.max() < 1e-12:
            break
    return s.detach()


def union(found: list[FixedPoints]) -> FixedPoints:
    """The different fixed points of several searches: as the search counts them, from all of them as starts."""
    return torch.cat([points.fixed_only().states for points in found])


def timed(work) -> tuple[object, float]:
    """The result and seconds."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def compare(name: str, repeats: int) -> None:
    """A line for ours, and one for gradient descent at each rate."""
    network, accuracy = trained(name)
    x = torch.zeros(BITS)
    others = [fixed_points(network, visited(network, seed), x) for seed in range(1, 11)]
    starts = visited(network, 0)
    ours, _ = timed(lambda: fixed_points(network, starts, x))
    seconds = statistics.median(timed(lambda: fixed_points(network, starts, x))[1] for _ in range(repeats))
    lines = []
    for rate in RATES:
        ends, took = timed(lambda rate=rate: descend(network, starts, x, rate))
        q = (network.step(ends, x.expand(len(ends), -1)) - ends).square().sum(1)
        points = fixed_points(network, ends, x)
        others.append(points)
        lines.append((f"Adam, {rate}", took, points, float(q.median()), float(q.quantile(0.9))))
    known = fixed_points(network, union([ours, *others]), x)
    print(f"{name}, accuracy {accuracy:.2f}: {len(known)} fixed points known, unstable {known.unstable.tolist()}")
    print(f"  {'ours':>12} {seconds:8.2f} s  {ours}, largest q {float(ours.fixed_only().q.max()):.0e}")
    for which, took, points, median, upper in lines:
        print(
            f"  {which:>12} {took:8.2f} s  {points}, {took / seconds:.1f} times; q {median:.0e}, 9 of 10 below {upper:.0e}"
        )


def main() -> None:
    """Print seconds, points found, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    for name in ("vanilla", "GRU"):
        compare(name, repeats)


if __name__ == "__main__":
    main()
