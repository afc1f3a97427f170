"""Learning from reward: exact means by going through all choices, variance with and without a baseline, tags, and a bandit."""

import itertools

import pytest
import torch
from torch import nn

from nnbrain.learning import AttentionGated, Backprop, Reinforce, Rule
from nnbrain.networks import MLP, RNN, ConvNet
from nnbrain.objectives import cross_entropy, expected_reward
from nnbrain.tasks import Batch

ACTIONS = 3


def make_mlp(sizes=(4, 5, ACTIONS)):
    return MLP(list(sizes), "tanh").double()


def make_batch(trials=2, rewards=False, inputs=(4,)):
    x = torch.randn(trials, *inputs, dtype=torch.float64)
    if rewards:
        return Batch(x, rewards=torch.randn(trials, ACTIONS).double())
    return Batch(x, torch.randint(ACTIONS, (trials,)))


def make_rules(net):
    g = torch.Generator().manual_seed(0)
    return [Reinforce(net, generator=g), Reinforce(net, baseline=None, generator=g), AttentionGated(net, generator=g)]


def flat(parts, n=1):
    return torch.cat([part.reshape(n, -1) for part in parts], 1)


def every_choice(rule, batch):
    """The estimates of all combinations of choices, combinations × weights, and their probabilities."""
    policy = torch.softmax(rule.network(batch.inputs), 1).detach()
    choices = torch.tensor(list(itertools.product(range(ACTIONS), repeat=len(batch))))
    rule.choose = lambda y, n: choices
    probabilities = policy[torch.arange(len(batch)), choices].prod(1)
    return flat(rule.estimates(batch, len(choices)), len(choices)), probabilities


def gradient(rule, batch):
    return flat(Backprop(rule.network, rule.objective).estimate(batch)[1])[0]


@pytest.mark.parametrize("rewards", [False, True])
@pytest.mark.parametrize("baseline", ["mean", "expected", None, -1.5])
def test_the_mean_of_reinforce_is_the_gradient_of_the_expected_reward_whatever_the_baseline(baseline, rewards):
    batch, rule = make_batch(3, rewards), Reinforce(make_mlp(), baseline=baseline)
    estimates, probabilities = every_choice(rule, batch)
    assert torch.allclose(probabilities @ estimates, gradient(rule, batch), atol=1e-12)


def test_the_mean_of_attention_gated_learning_is_the_gradient_of_the_cross_entropy():
    batch, rule = make_batch(3), AttentionGated(make_mlp())
    estimates, probabilities = every_choice(rule, batch)
    assert rule.objective is cross_entropy
    assert torch.allclose(probabilities @ estimates, gradient(rule, batch), atol=1e-12)


def test_both_work_on_convolutional_networks():
    net = ConvNet((1, 4, 4), [2], [3], ACTIONS, activation="tanh").double()
    batch = make_batch(inputs=(1, 4, 4))
    for rule in (Reinforce(net), AttentionGated(net)):
        estimates, probabilities = every_choice(rule, batch)
        assert torch.allclose(probabilities @ estimates, gradient(rule, batch), atol=1e-12)


def test_a_baseline_that_expects_the_reward_lowers_the_variance():
    """Rewards far from 0: without a baseline nearly all of the variance comes from their mean."""
    batch = make_batch(3, rewards=True)
    batch = Batch(batch.inputs, rewards=batch.rewards + 10)
    variance = {}
    for baseline in (None, "mean", "expected"):
        estimates, probabilities = every_choice(Reinforce(make_mlp(), baseline=baseline), batch)
        variance[baseline] = probabilities @ (estimates - probabilities @ estimates).square().sum(1)
    assert variance["expected"] < 0.1 * variance[None]
    assert variance["mean"] < 0.1 * variance[None]


def test_minus_the_expected_reward_is_the_value():
    net, batch = make_mlp(), make_batch(5, rewards=True)
    policy = torch.softmax(net(batch.inputs), 1)
    assert torch.allclose(Reinforce(net)(batch), -(policy * batch.rewards).sum(1).mean())
    assert torch.allclose(expected_reward(net, batch), -(policy * batch.rewards).sum(1).mean())


def test_a_class_as_target_earns_one():
    net, batch = make_mlp(), make_batch(5)
    policy = torch.softmax(net(batch.inputs), 1)
    assert torch.allclose(expected_reward(net, batch), -policy[torch.arange(5), batch.targets].mean())


def test_choices_follow_the_softmax():
    y = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    rule = Reinforce(make_mlp(), generator=torch.Generator().manual_seed(0))
    actions = rule.choose(y, 20_000)
    assert actions.shape == (20_000, 2)
    frequencies = nn.functional.one_hot(actions, 3).double().mean(0)
    assert torch.allclose(frequencies, torch.softmax(y, 1).double(), atol=0.015)


@pytest.mark.parametrize("which", range(3))
def test_estimates_at_once_are_those_of_a_loop(which):
    """With the same choices, number for number."""
    rule, batch = make_rules(make_mlp())[which], make_batch(4)
    choices = torch.randint(ACTIONS, (6, 4))
    rule.choose = lambda y, n: choices
    together = rule.estimates(batch, 6)
    each = iter(choices)
    rule.choose = lambda y, n: next(each).unsqueeze(0)
    for a, b in zip(together, Rule.estimates(rule, batch, 6), strict=True):
        assert torch.allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("which", range(3))
def test_estimates_at_once_are_distributed_as_in_a_loop(which):
    rule, batch, n = make_rules(make_mlp())[which], make_batch(4), 1000
    a, b = flat(rule.estimates(batch, n), n), flat(Rule.estimates(rule, batch, n), n)
    for moment in (1, 2):
        x, y = a**moment, b**moment
        z = (x.mean(0) - y.mean(0)) / ((x.var(0) + y.var(0)) / n).sqrt()
        assert z.abs().max() < 4.5


@pytest.mark.parametrize("kind", [Reinforce, AttentionGated])
def test_each_estimate_has_noise_of_the_network_of_its_own(kind):
    net = nn.Sequential(nn.Linear(4, 20), nn.Tanh(), nn.Dropout(0.5), nn.Linear(20, ACTIONS)).double()
    rule = kind(net, generator=torch.Generator().manual_seed(0))
    rule.choose = lambda y, n: torch.tensor([[0, 1]]).expand(n, -1)
    batch = Batch(torch.randn(2, 4).double(), torch.tensor([0, 2]))  # one choice right, one wrong
    assert len(torch.unique(rule.estimates(batch, 4)[0].flatten(1), dim=0)) == 4


@pytest.mark.covers("Framework, Figure 5")
def test_the_signal_is_the_expanded_prediction_error():
    """δ = r − p; f(δ) = δ/(1 − δ) = (1 − p)/p if rewarded, −1 if not; and not clipped."""
    net = make_mlp((4, ACTIONS))
    nn.init.zeros_(net.layers[0].weight)
    with torch.no_grad():
        net.layers[0].bias.copy_(torch.tensor([0.0, 0.0, -6.0]))  # the last is improbable
    batch = Batch(torch.zeros(3, 4).double(), torch.tensor([2, 0, 1]))
    rule = AttentionGated(net)
    rule.choose = lambda y, n: torch.tensor([[2, 0, 0]])
    trial = rule.trial(batch)
    p = torch.softmax(net.layers[0].bias.detach(), 0)[trial.actions]
    assert trial.rewards.tolist() == [1, 1, 0]
    assert torch.allclose(trial.prediction_error, trial.rewards - p)
    assert torch.allclose(
        trial.signals, torch.stack([(1 - p[0]) / p[0], (1 - p[1]) / p[1], torch.tensor(-1.0)]).double()
    )
    assert trial.signals[0] > 100


def test_tags_are_the_slopes_of_the_chosen_output():
    net, batch = make_mlp(), make_batch(4)
    actions = torch.tensor([0, 2, 1, 2])
    tags = AttentionGated(net).tags(batch, actions)
    for k, action in enumerate(actions):
        expected = torch.autograd.grad(net(batch.inputs[k : k + 1])[0, action], list(net.parameters()))
        for tag, slope in zip(tags, expected, strict=True):
            assert torch.allclose(tag[k], slope, atol=1e-12)


def test_signals_times_tags_are_what_the_rule_wants():
    """And synapses onto outputs that were not chosen have no tag."""
    net, batch = make_mlp(), make_batch(4)
    rule = AttentionGated(net, generator=torch.Generator().manual_seed(0))
    trial = rule.trial(batch)
    rule.choose = lambda y, n: trial.actions.unsqueeze(0)
    for tag, wanted in zip(trial.tags, rule.estimate(batch)[1], strict=True):
        assert torch.allclose(-torch.einsum("k,k...->...", trial.signals, tag) / 4, wanted, atol=1e-12)
    onto_outputs = trial.tags[2].abs().sum(2)  # trials × actions
    assert torch.equal(onto_outputs > 0, nn.functional.one_hot(trial.actions, ACTIONS).bool())


def test_choice_and_tags_of_a_trial_are_those_of_the_network_without_dropout():
    net = nn.Sequential(nn.Linear(4, 20), nn.Dropout(0.5), nn.Linear(20, ACTIONS)).double()
    batch = make_batch(4)
    trial = AttentionGated(net).trial(batch)
    assert net.training
    p = net.eval()(batch.inputs).softmax(1)[torch.arange(4), trial.actions].detach()
    assert torch.allclose(trial.prediction_error, trial.rewards - p)
    assert torch.allclose(trial.tags[2].sum(1), net[0](batch.inputs).detach())


def test_reinforce_finds_the_better_arm():
    net = MLP([1, 2], bias=False)
    nn.init.zeros_(net.layers[0].weight)
    g = torch.Generator().manual_seed(0)
    rule = Reinforce(net, generator=g)
    optimizer = torch.optim.SGD(rule.parameters(), lr=0.5)
    for _ in range(200):
        rewards = (torch.rand(20, 2, generator=g) < torch.tensor([0.3, 0.7])).float()
        rule(Batch(torch.ones(20, 1), rewards=rewards))
        optimizer.step()
    assert torch.softmax(net(torch.ones(1, 1)), 1)[0, 1] > 0.95


@pytest.mark.parametrize("which", range(3))
def test_a_reward_rule_leaves_nothing_behind(which):
    net, batch = make_mlp(), make_batch(4)
    rule = make_rules(net)[which]
    before, state = gradient(rule, batch), {name: value.clone() for name, value in net.state_dict().items()}
    rule(batch)
    assert torch.equal(gradient(rule, batch), before)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_what_does_not_reach_the_outputs_is_left_alone():
    net = make_mlp()
    net.idle = nn.Parameter(torch.ones(2).double())
    rule = Reinforce(net)
    left = {
        name for (name, _), g in zip(net.named_parameters(), rule.estimates(make_batch(), 2), strict=True) if g is None
    }
    assert left == {"idle"}
    rule(make_batch())
    assert net.idle.grad is None


@pytest.mark.parametrize("baseline", ["median", float("nan"), True, [0]])
def test_an_unknown_baseline_is_refused(baseline):
    with pytest.raises(ValueError, match="baseline is 'mean', 'expected', a number or None"):
        Reinforce(make_mlp(), baseline=baseline)


def test_one_trial_has_no_others_to_take_the_mean_of():
    with pytest.raises(ValueError, match="mean reward of the other trials, and this batch has one: baseline=None"):
        Reinforce(make_mlp())(make_batch(1))


def refused():
    x = torch.randn(2, 4).double()
    return [
        (Batch(x), "should have rewards, trials × actions, or integers as targets"),
        (Batch(x, torch.randn(2, ACTIONS).double()), "should have rewards"),
        (Batch(x, rewards=torch.ones(2, 2)), r"rewards of shape \(2, 2\) do not fit outputs of shape \(2, 3\)"),
        (Batch(x, torch.tensor([0, 3])), "the classes 0 to 2"),
    ]


@pytest.mark.parametrize(("batch", "message"), refused())
@pytest.mark.parametrize("kind", [Reinforce, AttentionGated])
def test_batches_without_rewards_that_fit_are_refused(kind, batch, message):
    with pytest.raises(ValueError, match=message):
        kind(make_mlp())(batch)


def test_targets_in_time_are_refused():
    net = RNN(2, 5, ACTIONS, tau=10, dt=5)
    batch = Batch(torch.randn(3, 6, 2), torch.randint(ACTIONS, (3, 6)))
    for kind in (Reinforce, AttentionGated):
        with pytest.raises(ValueError, match="one decision a trial"):
            kind(net)(batch)


def test_attention_gated_learning_refuses_rewards_of_its_own():
    batch = make_batch()
    other = Batch(batch.inputs, batch.targets, rewards=torch.rand(2, ACTIONS))
    same = Batch(batch.inputs, batch.targets, rewards=nn.functional.one_hot(batch.targets, ACTIONS))
    AttentionGated(make_mlp())(same)
    for wrong in (other, Batch(batch.inputs, rewards=same.rewards)):
        with pytest.raises(ValueError, match="rewards one class with 1 and the others with 0"):
            AttentionGated(make_mlp())(wrong)
