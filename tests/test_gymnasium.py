"""Tasks as environments: Gymnasium's own checker, the trials and rewards of the task, and what is refused."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from nnbrain.tasks import Bandit, Batch, Digits, SureBet, Task, as_gymnasium

TASKS = {
    "bandit": Bandit(),
    "with contexts": Bandit([[0.1, 0.9], [0.7, 0.3]]),
    "in time": SureBet(dt=50),
}


class Images(Task):
    """Pictures, of which each has its own rewards."""

    def sample(self, trials, generator=None):
        x = torch.randn(trials, 1, 4, 5, generator=generator)
        return Batch(x, rewards=x.flatten(1)[:, :2])

    def score(self, outputs, batch):
        return outputs.argmax(1) == batch.rewards.argmax(1)


@pytest.mark.filterwarnings("ignore:.*A Box observation space:UserWarning")
@pytest.mark.filterwarnings("ignore:.*gym.make:UserWarning")
@pytest.mark.parametrize("task", [*TASKS.values(), Images()], ids=[*TASKS, "images"])
def test_gymnasiums_own_checker_is_content(task):
    check_env(as_gymnasium(task), skip_render_check=True)


def test_an_episode_shows_a_trial_of_the_task_and_pays_at_the_decision():
    task = TASKS["in time"]
    env = as_gymnasium(task)
    observation, info = env.reset(seed=3)
    seed = int(np.random.Generator(np.random.PCG64(np.random.SeedSequence(3))).integers(2**31))
    trial = task.sample(1, torch.Generator().manual_seed(seed)).to("cpu")
    decision = int((trial.mask[0] > 0).nonzero()[0])
    for t in range(decision):
        assert np.array_equal(observation, trial.inputs[0, t].numpy())
        observation, reward, terminated, truncated, _ = env.step(0)
        assert (reward, terminated, truncated) == (0.0, False, False)
    assert np.array_equal(observation, trial.inputs[0, decision].numpy())
    right = info["choice"]
    assert right == trial.conditions["choice"].item()
    observation, reward, terminated, truncated, _ = env.step(right)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (observation == 0).all()


def test_without_a_mask_the_last_step_is_the_decision():
    class InTime(Images):
        def sample(self, trials, generator=None):
            return Batch(torch.zeros(trials, 4, 2), rewards=torch.ones(trials, 3))

    env = as_gymnasium(InTime())
    env.reset()
    assert [env.step(0)[1] for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_a_seed_repeats_its_episodes_and_the_next_ones_differ():
    env = as_gymnasium(TASKS["in time"])

    def episodes():
        return [env.reset(seed=5)[1]["epoch"], *(env.reset()[1]["epoch"] for _ in range(9))]

    first, again = episodes(), episodes()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({tuple(epoch) for epoch in first}) > 1


def test_an_agent_that_pulls_the_best_arm_earns_its_probability():
    env = as_gymnasium(TASKS["bandit"])
    env.reset(seed=0)
    total = 0.0
    for _ in range(1000):
        env.reset()
        total += env.step(2)[1]
    assert total / 1000 == pytest.approx(0.8, abs=0.055)


def test_torchs_own_generator_is_left_alone():
    before = torch.get_rng_state()
    env = as_gymnasium(TASKS["bandit"])
    env.reset(seed=1)
    env.step(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_several_run_side_by_side():
    env = gymnasium.vector.SyncVectorEnv([lambda: as_gymnasium(Bandit())] * 3)
    observations, _ = env.reset(seed=0)
    assert observations.shape == (3, 1)
    assert env.step(np.array([0, 1, 2]))[1].shape == (3,)


def test_a_step_without_a_trial_is_refused():
    env = as_gymnasium(Bandit())
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(0)
    env.reset()
    env.step(0)
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(0)


@pytest.mark.parametrize("action", [3, -1, 0.5, None])
def test_an_unknown_action_is_refused(action):
    env = as_gymnasium(Bandit())
    env.reset()
    with pytest.raises(ValueError, match="integers from 0 to 2"):
        env.step(action)


def test_a_task_without_rewards_is_refused():
    with pytest.raises(ValueError, match="Digits has no rewards"):
        as_gymnasium(Digits())


def test_what_is_no_task_is_refused():
    with pytest.raises(TypeError, match="wraps a task"):
        as_gymnasium(Bandit)


def test_without_gymnasium_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "nnbrain.tasks._task_env", raising=False)
    with pytest.raises(ImportError, match="pip install gymnasium"):
        as_gymnasium(Bandit())


def test_the_package_does_not_need_gymnasium():
    program = "import sys, nnbrain.tasks; assert 'gymnasium' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
