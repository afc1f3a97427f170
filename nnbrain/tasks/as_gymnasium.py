"""Any rewarded task with the interface of Gymnasium, the convention of reinforcement learning: reset and step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnbrain.tasks.base import Task

if TYPE_CHECKING:
    import gymnasium


def as_gymnasium(task: Task) -> gymnasium.Env:
    """The task as an environment: `reset` draws a trial, `step` shows the next moment of it and, at the decision, pays.

    An episode is one trial. Where inputs are in time, there is an observation for each step; the action at the first step that the
    batch's mask counts (the last step, without a mask) is the choice, earns what it earns, and ends the trial. Actions before that
    change nothing. Other tasks show their input, and the first action is the choice. The last observation is 0.

    Parameters
    ----------
    task : Task
        Whose batches have ``rewards``, trials × actions.

    Returns
    -------
    gymnasium.Env
        Observations are arrays of float32; actions are the integers below the number of actions; `reset` also returns the
        trial's conditions, which are not for the agent.

    Raises
    ------
    ImportError
        If Gymnasium is not installed.
    TypeError
        If this is no task.
    ValueError
        If its batches have no rewards.

    Source: Primer, section 2.2 (reinforcement learning).

    Examples
    --------
    >>> env = as_gymnasium(Bandit())
    >>> observation, info = env.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = env.step(2)
    """
    if not isinstance(task, Task):
        raise TypeError(f"as_gymnasium wraps a task, SureBet() for instance, got {type(task).__name__}.")
    try:
        from nnbrain.tasks._task_env import TaskEnv
    except ModuleNotFoundError as error:
        if error.name != "gymnasium":
            raise
        raise ImportError("this needs Gymnasium, which is not installed: python -m pip install gymnasium.") from error
    return TaskEnv(task)
