"""One decision in a trial that lasts: reward as an objective, and the policy gradient through time, read at the decision."""

import itertools

import pytest
import torch

from nnbrain.learning import AttentionGated, Backprop, Reinforce
from nnbrain.networks import MLP, RNN
from nnbrain.objectives import expected_reward
from nnbrain.objectives.reward import at_decision
from nnbrain.tasks import Batch

TRIALS, STEPS, ACTIONS = 2, 5, 3


def make_rnn(**settings):
    return RNN(2, 6, ACTIONS, tau=10, dt=5, activation="tanh", **settings).double()


def make_batch(mask=True, targets=False):
    weights = torch.zeros(TRIALS, STEPS)
    weights[0, 2], weights[1, 3:] = 1, torch.tensor([1.0, 0.5])  # the decision comes at its own time in each trial
    return Batch(
        torch.randn(TRIALS, STEPS, 2, dtype=torch.float64),
        torch.randint(ACTIONS, (TRIALS,)) if targets else None,
        mask=weights if mask else None,
        rewards=None if targets else torch.randn(TRIALS, ACTIONS).double(),
    )


def test_the_decision_is_made_with_the_average_over_the_steps_that_count():
    outputs, batch = torch.randn(TRIALS, STEPS, ACTIONS, dtype=torch.float64), make_batch()
    y = at_decision(outputs, batch.mask)
    assert torch.allclose(y[0], outputs[0, 2])
    assert torch.allclose(y[1], (outputs[1, 3] + 0.5 * outputs[1, 4]) / 1.5)


def test_without_a_mask_all_steps_count():
    outputs = torch.randn(TRIALS, STEPS, ACTIONS)
    assert torch.equal(at_decision(outputs, None), outputs.mean(1))


def test_the_expected_reward_is_that_of_the_decision():
    net, batch = make_rnn(), make_batch()
    policy = torch.softmax(at_decision(net(batch.inputs)[0], batch.mask), 1)
    assert torch.allclose(expected_reward(net, batch), -(policy * batch.rewards).sum(1).mean())


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("targets", [True, False])
@pytest.mark.parametrize("baseline", ["mean", "expected", None, 0.3])
def test_the_mean_of_reinforce_is_the_gradient_through_time(baseline, targets, fused):
    """All combinations of choices, weighted by their probabilities, against backpropagation through time."""
    net, batch = make_rnn(fused=fused), make_batch(targets=targets)
    rule = Reinforce(net, baseline=baseline)
    choices = torch.tensor(list(itertools.product(range(ACTIONS), repeat=TRIALS)))
    policy = torch.softmax(at_decision(net(batch.inputs)[0], batch.mask), 1).detach()
    probabilities = policy[torch.arange(TRIALS), choices].prod(1)
    rule.choose = lambda y, n: choices
    expected = Backprop(net, expected_reward).estimate(batch)[1]
    for each, wanted in zip(rule.estimates(batch, len(choices)), expected, strict=True):
        assert torch.allclose(torch.einsum("n,n...->...", probabilities, each), wanted, atol=1e-12)


def test_several_estimates_are_those_of_a_loop():
    net, batch = make_rnn(), make_batch()
    rule = Reinforce(net)
    choices = torch.tensor([[0, 1], [2, 2]])
    rule.choose = lambda y, n: choices
    together = rule.estimates(batch, 2)
    for k in range(2):
        rule.choose = lambda y, n, k=k: choices[k : k + 1]
        for all_of_them, one in zip(together, rule.estimate(batch)[1], strict=True):
            assert torch.allclose(all_of_them[k], one, atol=1e-14)


def test_a_noisy_network_draws_noise_for_each_estimate():
    rule = Reinforce(make_rnn(sigma=0.5), generator=torch.Generator().manual_seed(0))
    rule.choose = lambda y, n: torch.zeros(n, TRIALS, dtype=torch.long)
    first, second = rule.estimates(make_batch(), 2)[0]
    assert not torch.allclose(first, second)


def test_what_is_shown_after_the_decision_teaches_nothing():
    net, batch = make_rnn(), make_batch()
    mask = torch.zeros(TRIALS, STEPS)
    mask[:, 2] = 1
    later = batch.inputs.clone()
    later[:, 3:] += 1
    batches = [Batch(x, mask=mask, rewards=batch.rewards) for x in (batch.inputs, later)]
    rule = Reinforce(net)
    rule.choose = lambda y, n: torch.tensor([[0, 2]])
    for before, after in zip(*(rule.estimate(b)[1] for b in batches), strict=True):
        assert torch.allclose(before, after, atol=1e-14)


def test_a_feed_forward_network_may_see_the_whole_trial_of_a_batch_with_a_mask():
    batch = make_batch()
    net = torch.nn.Sequential(torch.nn.Flatten(), MLP([STEPS * 2, ACTIONS])).double()
    policy = torch.softmax(net(batch.inputs), 1)
    assert torch.allclose(Reinforce(net)(batch), -(policy * batch.rewards).sum(1).mean())


def test_targets_in_time_are_refused():
    batch = make_batch()
    with pytest.raises(ValueError, match="one decision a trial"):
        expected_reward(make_rnn(), Batch(batch.inputs, torch.zeros(TRIALS, STEPS, dtype=torch.long)))


def test_rewards_that_do_not_fit_are_refused():
    batch = make_batch()
    wrong = Batch(batch.inputs, mask=batch.mask, rewards=torch.randn(TRIALS, ACTIONS + 1))
    with pytest.raises(ValueError, match="both are trials × actions"):
        Reinforce(make_rnn())(wrong)


def test_outputs_with_other_steps_than_the_mask_are_refused():
    with pytest.raises(ValueError, match="5 steps of the batch's mask"):
        at_decision(torch.randn(TRIALS, STEPS + 1, ACTIONS), make_batch().mask)
    with pytest.raises(ValueError, match="trials × time × actions"):
        at_decision(torch.randn(ACTIONS), None)


def test_attention_gated_learning_stays_with_networks_that_answer_once():
    with pytest.raises(ValueError, match=r"outputs of shape .* need classes"):
        AttentionGated(make_rnn())(make_batch(targets=True))
