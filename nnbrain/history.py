"""What happened during training: the loss at every step, and measurements in between."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from nnbrain.networks import evaluating


@dataclass(eq=False)
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
        numbers = {"loss": self.loss, **{name: series for name, series in self.measures.items() if series.ndim == 1}}
        final = "".join(f", {name} {series[-1]:.3g}" for name, series in numbers.items() if len(series))
        return f"History({len(self.loss)} steps of {self.trials} trials{final}{', interrupted' * self.interrupted})"


class Recorder:
    """Takes measurements of a network while it learns, without disturbing it.

    Parameters
    ----------
    network : nn.Module
    measure : dict of str to callable
        Measurements by name, each a function of the network that returns a number or an array of always the same shape.
    every : int
        The number of steps between two measurements.
    """

    def __init__(self, network: nn.Module, measure: Mapping[str, Callable[[nn.Module], float]], every: int):
        self.network, self.measure, self.every = network, measure, every
        self.times: list[int] = []
        self.rounds: list[dict[str, np.ndarray]] = []

    def at(self, step: int, last: bool = False) -> None:
        """Measure, if it is time to; all measurements of a step, or none."""
        if not self.measure or not (last or step % self.every == 0) or step in self.times[-1:]:
            return
        with evaluating(self.network), torch.no_grad(), _same_randomness():
            measured = {name: _number(function(self.network), name) for name, function in self.measure.items()}
        for name, value in measured.items():
            if self.rounds and value.shape != self.rounds[0][name].shape:
                raise ValueError(
                    f"the measure {name!r} had shape {self.rounds[0][name].shape} at step 0 and {value.shape} at step {step}; it "
                    "should keep its shape."
                )
        self.times.append(step)
        self.rounds.append(measured)

    def history(self, losses: list[float], trials: int, interrupted: bool) -> History:
        """What was recorded, with the losses."""
        measures = {
            name: np.array([measured[name] for measured in self.rounds]) for name in self.measure if self.rounds
        }
        return History(np.array(losses), trials, np.array(self.times, dtype=int), measures, interrupted)


@contextmanager
def _same_randomness() -> Iterator[None]:
    """Within it torch's randomness is the same at every measurement, and after it as it was before: training does not notice."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(0)
        yield


def _number(value, name: str) -> np.ndarray:
    """A copy, as weights go on changing after they were measured."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"the measure {name!r} returned {value!r}; it should return a number or an array of numbers.")
    return array
