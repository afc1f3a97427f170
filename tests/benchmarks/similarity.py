"""Similarity analyses against rsatoolbox: ``python tests/benchmarks/similarity.py``.

Both do the same on the same random data, in turn, on one thread; the figure is the ratio of their times, pair by pair. The time of
rsatoolbox's bootstrap is that of a few resamples, in proportion; the noise ceiling, which it computes once whether asked or not, is
timed by itself and taken off.
"""

import argparse
import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import rsatoolbox
import torch

from nnbrain.analysis import bootstrap_rdm_comparison, permute_rdm_comparison, rdm

MODELS, SUBJECTS = 5, 10


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """The time of one call."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():  # its progress bar
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        return (time.perf_counter() - start) / repeats


def of_one_matrix(stimuli: int, repeats: int, dtype: torch.dtype) -> tuple[float, float]:
    """Seconds for the correlation distances of stimuli × 1,000 units: ours, theirs."""
    x = torch.randn(stimuli, 1000).to(dtype)
    dataset = rsatoolbox.data.Dataset(x.double().numpy())
    ours = seconds(lambda: rdm(x, "correlation"), repeats)
    return ours, seconds(lambda: rsatoolbox.rdm.calc_rdm(dataset, method="correlation"), repeats)


def of_a_bootstrap(stimuli: int, method: str, resamples: int, theirs: int) -> tuple[float, float]:
    """Seconds for a thousand resamples of the stimuli, in proportion to those timed: ours, theirs."""
    matrices = torch.stack([rdm(torch.randn(stimuli, 50)) for _ in range(MODELS + SUBJECTS)])
    models, data = matrices[:MODELS], matrices[MODELS:]
    their_data = rsatoolbox.rdm.RDMs(data.double().numpy())
    their_models = [rsatoolbox.model.ModelFixed(str(k), m.double().numpy()) for k, m in enumerate(models)]
    theirs_method = {"pearson": "corr"}.get(method, method)

    def bootstrap() -> None:
        rsatoolbox.inference.eval_bootstrap_pattern(
            their_models, their_data, method=theirs_method, N=theirs, boot_noise_ceil=False
        )

    ours = seconds(lambda: bootstrap_rdm_comparison(models, data, method, resamples=resamples))
    ceiling = seconds(lambda: rsatoolbox.inference.boot_noise_ceiling(their_data, method=theirs_method))
    return ours * 1000 / resamples, max(seconds(bootstrap) - ceiling, 0) * 1000 / theirs


def report(name: str, pairs: list[tuple[float, float]]) -> None:
    """One line: the medians, and the ratios of the pairs."""
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratios = [b / a for a, b in pairs]
    spread = f"{statistics.median(ratios):>7.1f} {min(ratios):>7.1f} {max(ratios):>7.1f}"
    print(f"{name:>45} {ours:>9.4f} {theirs:>11.4f} {spread}", flush=True)


def main() -> None:
    """Print seconds of both, and the ratio of their times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=5)
    pairs = range(parser.parse_args().pairs)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    print(f"one thread, {len(pairs)} pairs; ratio of times, rsatoolbox {version('rsatoolbox')} / ours")
    print(f"{'':>45} {'ours, s':>9} {'theirs, s':>11} {'ratio':>7} {'lowest':>7} {'highest':>7}")
    of_one_matrix(92, 3, torch.float64)  # warm up
    for stimuli, repeats in ((92, 30), (1000, 3)):
        for dtype in (torch.float32, torch.float64):
            name = f"{stimuli} × 1,000, {str(dtype)[6:]}, correlation"
            report(name, [of_one_matrix(stimuli, repeats, dtype) for _ in pairs])
    for stimuli, resamples, theirs in ((92, 1000, 50), (1000, 100, 2)):
        for method in ("spearman", "pearson"):
            name = f"1,000 resamples, {stimuli} stimuli, {method}"
            report(name, [of_a_bootstrap(stimuli, method, resamples, theirs) for _ in pairs])
    matrices = torch.stack([rdm(torch.randn(92, 50)) for _ in range(MODELS + SUBJECTS)])
    alone = [seconds(lambda: permute_rdm_comparison(matrices[:MODELS], matrices[MODELS:])) for _ in pairs]
    print(f"{'1,000 permutations, 92 stimuli, spearman':>45} {statistics.median(alone):>9.4f}")


if __name__ == "__main__":
    main()
