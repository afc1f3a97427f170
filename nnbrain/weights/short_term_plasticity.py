"""Networks with short-term plasticity, trained on delayed match-to-sample as in Masse et al. 2019.

`trained` gives one of them. ``python -m nnbrain.weights.short_term_plasticity`` trains them all anew (each in some minutes on one
core) and writes ``short_term_plasticity.npz`` in the current folder, from which those beside this file were made.
"""

from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Generator

from nnbrain.arguments import number
from nnbrain.learning import Backprop
from nnbrain.networks import RNN, ShortTermPlasticity, dales_law
from nnbrain.networks.short_term_plasticity import half_facilitating
from nnbrain.objectives import cross_entropy, rate_l2
from nnbrain.runtime import device
from nnbrain.tasks import DelayedMatchToSample
from nnbrain.train import fit

# The task, in degrees of rotation, and by what the time constants of the synapses are multiplied.
KINDS = {"match": (0.0, 1.0), "fast": (0.0, 0.2), "rotate": (90.0, 1.0)}
SEEDS = range(5)
UNITS, EXCITATORY = 100, 0.8
DELAYS = (200.0, 400.0, 600.0, 800.0, 1000.0)  # ms, one after the other
ENOUGH, AT_MOST = 0.95, 1500  # accuracy at which each ends, and steps after which all do so without
FILE = "short_term_plasticity.npz"


def task(kind: str, delay: float = 1000.0) -> DelayedMatchToSample:
    """The task of these networks: a delay of 1 s, and a match that is the sample itself, or the sample turned by 90°.

    Parameters
    ----------
    kind : str
        "match", "fast" (the same task, synapses with a fifth of the time constants), or "rotate".
    delay : float
        In ms; the trained networks had 1000 at the end.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    return DelayedMatchToSample(rotation=_kind(kind)[0], delay=delay)


def untrained(kind: str, seed: int) -> ShortTermPlasticity:
    """The network before training: 100 units that obey Dale's law, on the CPU.

    Input and recurrent weights are drawn from a gamma distribution of shape 0.1 and mean 0.1 (Masse et al. 2019): most of them
    nearly 0, some large. From such a start a network leaves chance sooner than from Gaussian weights.

    Parameters
    ----------
    kind : str
        As for `task`.
    seed : int
    """
    scale, generator, t = _kind(kind)[1], torch.Generator().manual_seed(seed), task(kind)
    network = dales_law(RNN(t.inputs, UNITS, t.outputs, dt=t.dt, sigma=0.1, generator=generator), EXCITATORY)
    with torch.no_grad():
        network.input.weight.copy_(_gamma(UNITS, t.inputs, generator))
        V = _gamma(UNITS, UNITS, generator)
        V[:, round(EXCITATORY * UNITS) :] *= 2  # inhibitory
        network.recurrent.weight = V * network.W_r.sign()
    synapses = half_facilitating(UNITS)
    for name in ("tau_x", "tau_u"):
        synapses[name] = scale * synapses[name]
    return ShortTermPlasticity(network, **synapses, rate_scale=10.0)


def train(kind: str, seed: int) -> ShortTermPlasticity:
    """Train a network, with longer and longer delays: each until it answers 95 % of 512 new trials correctly.

    Parameters
    ----------
    kind : str
        As for `task`.
    seed : int
    """
    network = untrained(kind, seed).to(device())
    generator = torch.Generator().manual_seed(1000 + seed)
    noise = torch.Generator(device()).manual_seed(2000 + seed)
    rule = Backprop(network, cross_entropy + 3e-2 * rate_l2, generator=noise)
    optimizer = torch.optim.Adam(rule.parameters(), lr=0.02)
    steps, score = 0, 0.0
    for delay in DELAYS:
        t = task(kind, delay)
        while steps < AT_MOST:
            fit(rule, t, 25, trials=64, optimizer=optimizer, clip=1.0, generator=generator, progress=False)
            steps, score = steps + 25, accuracy(network, t, 512, generator, noise)
            if score >= ENOUGH:
                break
        print(f"{kind} {seed}: {steps} steps, delay {delay:g} ms, accuracy {score:.3f}", flush=True)
    return network


@torch.no_grad()
def accuracy(network, t: DelayedMatchToSample, trials: int, generator: Generator, noise: Generator) -> float:
    """The share of correct answers in new trials.

    Parameters
    ----------
    network : nn.Module
    t : DelayedMatchToSample
    trials : int
    generator, noise : torch.Generator
        Draw the trials, on the CPU, and the noise within the network.
    """
    batch = t.sample(trials, generator)
    return float(t.score(network(batch.inputs, noise)[0], batch).float().mean())


def trained(kind: str, seed: int) -> ShortTermPlasticity:
    """One of the trained networks, on the device in use.

    Parameters
    ----------
    kind : str
        As for `task`.
    seed : int
        0 to 4.

    Returns
    -------
    ShortTermPlasticity

    Raises
    ------
    ValueError
        If there is no such network.

    Source: Primer, section 5.3 (short-term plasticity); Masse et al. 2019.

    Examples
    --------
    >>> net = trained("match", 0)
    >>> batch = task("match").sample(100)
    >>> outputs, activity = net(batch.inputs)
    """
    _kind(kind)
    if not number(seed).is_integer() or seed not in SEEDS:
        raise ValueError(f"there are networks with the seeds {SEEDS.start} to {SEEDS.stop - 1}, got {seed!r}.")
    seed = int(seed)
    network = untrained(kind, seed)
    with resources.as_file(resources.files("nnbrain.weights") / FILE) as path, np.load(path) as saved:
        weights = {name: torch.from_numpy(saved[_key(kind, seed, name)]).float() for name, _ in _parts(network)}
    with torch.no_grad():
        for name, part in _parts(network):
            part.copy_(weights[name])
    return network.to(device())


def main() -> None:
    """Train all networks; those that ``short_term_plasticity.npz`` in the current folder has are kept."""
    saved = dict(np.load(FILE)) if Path(FILE).exists() else {}
    for seed in SEEDS:
        for kind in KINDS:
            if _key(kind, seed, "input.weight") in saved:
                continue
            for name, part in _parts(train(kind, seed)):
                saved[_key(kind, seed, name)] = part.detach().cpu().numpy().astype(np.float16)
            np.savez_compressed(FILE, **saved)


def _gamma(rows: int, columns: int, generator: Generator) -> torch.Tensor:
    """Draws from a gamma distribution of shape 0.1 and mean 0.1."""
    return torch._standard_gamma(torch.full((rows, columns), 0.1), generator=generator)


def _parts(network: ShortTermPlasticity):
    """What was trained, by name."""
    return network.network.named_parameters()


def _key(kind: str, seed: int, name: str) -> str:
    return f"{kind}/{seed}/{name}"


def _kind(kind: str) -> tuple[float, float]:
    if kind not in KINDS:
        raise ValueError(f"kind is {', '.join(map(repr, KINDS))}, got {kind!r}.")
    return KINDS[kind]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
