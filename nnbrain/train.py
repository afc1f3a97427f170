"""The one training loop: it joins a network and an objective (in a learning rule) with a task and an optimizer."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Generator, nn
from tqdm.auto import tqdm

from nnbrain.learning import Rule
from nnbrain.tasks import Batch, Task


@dataclass
class History:
    """What happened during `fit`.

    Attributes
    ----------
    loss : ndarray
        (steps,): the objective on each batch, before the weights changed.
    trials : int
        Trials in a batch; step s has seen s · trials of them.
    measured_at : ndarray of int
        The steps, counted from 0 (before learning), at which the measurements were taken.
    measures : dict of str to ndarray
        The measurements by name, the first dimension being `measured_at`.
    interrupted : bool
        Whether the reader stopped it before its end.
    """

    loss: np.ndarray
    trials: int
    measured_at: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    measures: dict[str, np.ndarray] = field(default_factory=dict)
    interrupted: bool = False

    def __getitem__(self, name: str) -> np.ndarray:
        """A measurement over time, by name; "loss" is the loss."""
        known = {"loss": self.loss, **self.measures}
        if name not in known:
            raise KeyError(f"nothing called {name!r} was measured, only {', '.join(known)}.")
        return known[name]

    def __repr__(self) -> str:
        final = "".join(f", {name} {series[-1]:.3g}" for name, series in self.measures.items() if series.ndim == 1)
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"History({len(self.loss)} steps of {self.trials} trials, loss {self.loss[-1:].sum():.3g}{final}{stopped})"
        )


def fit(
    rule: Rule,
    task: Task,
    steps: int,
    *,
    trials: int = 32,
    optimizer: torch.optim.Optimizer | None = None,
    clip: float | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    measure: Mapping[str, Callable[[nn.Module], float]] | None = None,
    every: int | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    generator: Generator | None = None,
    progress: bool = True,
) -> History:
    """Train: draw a batch, let the rule write its estimate, let the optimizer apply it; θ ← θ − η ∂L/∂θ for plain SGD.

    Stop it whenever you like (the kernel's stop button): the network keeps what it has learned, and you get the history so far.

    Parameters
    ----------
    rule : Rule
        Holds the network and the objective.
    task : Task
        Gives the batches.
    steps : int
        How many batches.
    trials : int
        The size M of a batch.
    optimizer : torch.optim.Optimizer, optional
        On ``rule.parameters()``; by default the rule's own choice, usually Adam with learning rate 1e-3.
    clip : float, optional
        The largest norm an estimate may have; longer ones are scaled down to it.
    schedule : torch.optim.lr_scheduler.LRScheduler, optional
        Built on the optimizer; advanced after every step.
    measure : dict of str to callable, optional
        Measurements by name, each a function of the network. They run without gradients, the network in evaluation mode.
    every : int, optional
        Measure every so many steps; always before the first step and after the last. By default 20 times in all.
    after_step : callable, optional
        Called with the network after each step, for what must hold always (signs of weights, for instance).
    generator : torch.Generator, optional
        For drawing the batches, on the CPU; torch's own by default.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If a number is out of range, or network, optimizer, schedule and task do not belong together.
    FloatingPointError
        If the objective is no longer finite; the last update is not applied.

    Source: Primer, Equations 4-5.

    Examples
    --------
    >>> network = MLP([64, 128, 10]).to(device())
    >>> history = fit(Backprop(network, cross_entropy), Digits("train"), steps=500)
    """
    optimizer = optimizer or (schedule.optimizer if schedule else rule.default_optimizer())
    _check(rule, steps, trials, every, clip, optimizer, schedule)
    recorder = _Recorder(rule.network, measure or {}, every or max(1, steps // 20), steps)
    losses: list[float] = []
    interrupted = False
    bar = tqdm(total=steps, disable=not progress, unit="step", mininterval=0.2)
    try:
        for step in range(steps):
            recorder.at(step)
            batch = task.sample(trials, generator)
            if step == 0:
                _check_device(rule.network, batch)
            loss = _step(rule, batch, optimizer, clip, step)
            losses.append(loss)
            if schedule is not None:
                schedule.step()
            if after_step is not None:
                after_step(rule.network)
            if bar.update():
                bar.set_postfix(loss=f"{loss:.3g}", refresh=False)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        bar.set_postfix(loss=f"{losses[-1]:.3g}" if losses else "")
        bar.close()
    recorder.at(len(losses), last=True)
    if interrupted:
        print(f"Stopped after {len(losses)} of {steps} steps; the network keeps what it has learned.")
    return History(np.array(losses), trials, *recorder.result(), interrupted)


def _step(rule: Rule, batch: Batch, optimizer: torch.optim.Optimizer, clip: float | None, step: int) -> float:
    loss = float(rule(batch))
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the objective became {loss} at step {step}, and training stopped. Most often the learning rate is too high: "
            "divide it by 10, or limit the size of a step, fit(…, clip=1.0). If it happens at step 0, look for NaN or huge "
            "values in the batch."
        )
    if clip is not None:
        nn.utils.clip_grad_norm_(rule.parameters(), clip)
    optimizer.step()
    return loss


class _Recorder:
    """Takes the measurements when they are due."""

    def __init__(self, network: nn.Module, measure: Mapping[str, Callable], every: int, steps: int):
        self.network, self.measure, self.every, self.steps = network, measure, every, steps
        self.times: list[int] = []
        self.values: dict[str, list[np.ndarray]] = {name: [] for name in measure}

    def at(self, step: int, last: bool = False) -> None:
        due = last or step % self.every == 0
        if not self.measure or not due or step in self.times[-1:]:
            return
        training = self.network.training
        self.network.eval()
        try:
            with torch.no_grad():
                for name, function in self.measure.items():
                    self.values[name].append(_to_numpy(function(self.network)))
        finally:
            self.network.train(training)
        self.times.append(step)

    def result(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return np.array(self.times, dtype=int), {name: np.array(values) for name, values in self.values.items()}


def _to_numpy(value) -> np.ndarray:
    """A copy: weights go on changing after they were measured."""
    return value.detach().cpu().numpy().copy() if isinstance(value, torch.Tensor) else np.array(value)


def _check(rule, steps, trials, every, clip, optimizer, schedule) -> None:
    for name, number in {"steps": steps, "trials": trials, "every": every}.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise ValueError(f"{name} should be a positive integer, got {number!r}.")
    if clip is not None and not clip > 0:
        raise ValueError(f"clip should be a positive number, got {clip!r}.")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ValueError("the schedule was built on another optimizer than the one given to fit.")
    applied = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not applied & {id(p) for p in rule.parameters()}:
        raise ValueError(
            "the optimizer holds none of the parameters that the rule teaches: build it on rule.parameters(), after the network "
            "was moved to its device."
        )


def _check_device(network: nn.Module, batch: Batch) -> None:
    home = next((p.device for p in network.parameters()), batch.inputs.device)
    if home != batch.inputs.device:
        raise ValueError(
            f"the network is on {home}, the task's batches on {batch.inputs.device}: use network.to(nb.device())."
        )
