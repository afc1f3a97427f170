"""A task as an environment of Gymnasium. Imported only when one is asked for: Gymnasium need not be installed."""

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from nnbrain.tasks.base import Task


class TaskEnv(gymnasium.Env):
    """One trial an episode, one choice a trial; see `as_gymnasium`."""

    def __init__(self, task: Task):
        example = task.sample(1, torch.Generator().manual_seed(0))
        if example.rewards is None:
            raise ValueError(
                f"{type(task).__name__} has no rewards in its batches, trials × actions, and so is no task for reinforcement."
            )
        self.task = task
        shape = tuple(example.inputs.shape[2 if example.inputs.ndim == 3 else 1 :])
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32)
        self.action_space = gymnasium.spaces.Discrete(example.rewards.shape[1])
        self._generator: torch.Generator | None = None
        self._observations: np.ndarray | None = None  # what is left to be shown of this trial
        self._rewards: np.ndarray

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """Draw a trial: its first observation, and its conditions, which are not for the agent."""
        super().reset(seed=seed)
        if seed is not None or self._generator is None:
            self._generator = torch.Generator().manual_seed(int(self.np_random.integers(2**31)))
        trial = self.task.sample(1, self._generator)
        x = trial.inputs[0] if trial.inputs.ndim == 3 else trial.inputs
        decision = len(x) - 1 if trial.mask is None else int((trial.mask[0] > 0).int().argmax())
        self._observations = x[: decision + 1].float().cpu().numpy()
        self._rewards = trial.rewards[0].cpu().numpy()
        return self._observations[0], {name: _plain(value[0]) for name, value in trial.conditions.items()}

    def step(self, action: int):
        """Show the next step of the trial; at the decision the action is what is chosen, it is rewarded, and the trial is over."""
        if self._observations is None:
            raise RuntimeError("there is no trial going on: call reset() before step(action).")
        if isinstance(action, bool) or not self.action_space.contains(action):
            raise ValueError(f"actions are integers from 0 to {self.action_space.n - 1}, got {action!r}.")
        self._observations = self._observations[1:]
        if len(self._observations):
            return self._observations[0], 0.0, False, False, {}
        self._observations = None
        nothing = np.zeros(self.observation_space.shape, np.float32)
        return nothing, float(self._rewards[action]), True, False, {}


def _plain(value: Tensor) -> Any:
    """A number of Python's, or an array."""
    return value.item() if value.ndim == 0 else value.cpu().numpy()
