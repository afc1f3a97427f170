"""The bandit: what arms pay, contexts, and which arm is the best."""

import pytest
import torch

from nnbrain.tasks import Bandit


def sample(task, trials=20_000, seed=0):
    return task.sample(trials, torch.Generator().manual_seed(seed))


def test_arms_pay_with_their_probabilities():
    rewards = sample(Bandit((0.2, 0.5, 0.8))).rewards
    assert torch.allclose(rewards.mean(0).cpu(), torch.tensor([0.2, 0.5, 0.8]), atol=0.015)  # 4 standard errors


def test_arms_pay_independently_of_each_other():
    correlation = torch.corrcoef(sample(Bandit((0.2, 0.5, 0.8))).rewards.T).cpu()
    assert torch.allclose(correlation, torch.eye(3), atol=0.03)


def test_an_arm_pays_its_magnitude_or_nothing():
    task = Bandit((0.5, 0.5), magnitudes=(2.0, -1.0))
    rewards = sample(task).rewards
    assert set(rewards[:, 0].tolist()) == {0.0, 2.0}
    assert set(rewards[:, 1].tolist()) == {0.0, -1.0}
    assert task.values.tolist() == [[1.0, -0.5]]


def test_without_contexts_the_input_is_the_constant_1():
    task = Bandit((0.2, 0.5, 0.8))
    batch = sample(task, 8)
    assert (task.inputs, task.outputs) == (1, 3)
    assert torch.equal(batch.inputs.cpu(), torch.ones(8, 1))
    assert batch.targets is None


def test_contexts_have_probabilities_of_their_own():
    task = Bandit([[0.1, 0.9], [0.7, 0.3], [0.5, 0.5]])
    batch = sample(task)
    context = batch.conditions["context"]
    assert torch.equal(batch.inputs.argmax(1), context)
    assert torch.equal(batch.inputs.sum(1).cpu(), torch.ones(len(batch)))
    for k in range(3):
        assert (context == k).float().mean().item() == pytest.approx(1 / 3, abs=0.015)
        assert torch.allclose(batch.rewards[context == k].mean(0).cpu(), task.probabilities[k], atol=0.03)


def test_the_best_arm_is_the_one_of_the_largest_value_not_probability():
    batch = sample(Bandit((0.9, 0.2), magnitudes=(1.0, 10.0)), 5)
    assert batch.conditions["best"].tolist() == [1] * 5


def test_choosing_the_best_arm_scores():
    task = Bandit([[0.1, 0.9], [0.7, 0.3]])
    batch = sample(task, 50)
    best = torch.nn.functional.one_hot(batch.conditions["best"], 2).float()
    assert task.score(best, batch).all()
    assert not task.score(-best, batch).any()


def test_any_of_several_best_arms_scores():
    task = Bandit((0.5, 0.2, 0.5))
    batch = sample(task, 3)
    assert task.score(torch.eye(3).to(batch.inputs), batch).tolist() == [True, False, True]


def test_a_seed_gives_the_same_trials():
    task = Bandit([[0.1, 0.9], [0.7, 0.3]])
    assert torch.equal(sample(task, 30, 1).rewards, sample(task, 30, 1).rewards)
    assert not torch.equal(sample(task, 30, 1).rewards, sample(task, 30, 2).rewards)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"probabilities": (0.5,)}, "two arms or more"),
        ({"probabilities": 0.5}, "two arms or more"),
        ({"probabilities": (0.5, 1.2)}, "between 0 and 1"),
        ({"probabilities": (0.5, float("nan"))}, "a number for each arm"),
        ({"probabilities": ("a", "b")}, "a number for each arm"),
        ({"probabilities": [[0.1, 0.2], [0.3]]}, "a number for each arm"),
        ({"magnitudes": (1.0, 2.0)}, "do not fit 1 contexts × 3 arms"),
        ({"magnitudes": float("inf")}, "finite"),
    ],
)
def test_bad_arms_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        Bandit(**arguments)


def test_outputs_that_do_not_fit_are_refused():
    task = Bandit()
    batch = sample(task, 4)
    with pytest.raises(ValueError, match="4 trials × 3 arms"):
        task.score(torch.zeros(4, 2), batch)
    with pytest.raises(ValueError, match="NaN"):
        task.score(torch.full((4, 3), float("nan")), batch)
    with pytest.raises(ValueError, match="positive integer"):
        task.sample(0)


def test_a_batch_of_other_contexts_is_refused():
    with pytest.raises(ValueError, match="for a batch of this task"):
        Bandit((0.1, 0.9)).score(torch.zeros(3, 2), Bandit([[0.1, 0.9]] * 3).sample(3))


def test_a_seed_in_place_of_a_generator_is_refused():
    with pytest.raises(TypeError, match="drawn with a torch"):
        Bandit().sample(2, 0)
