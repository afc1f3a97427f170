"""Value learning: its mean by going through all choices, how it explores, and values against known probabilities."""

import copy

import pytest
import torch
from torch import nn

from nnbrain import fit
from nnbrain.learning import ActionValue
from nnbrain.networks import MLP, RNN
from nnbrain.runtime import device
from nnbrain.tasks import Bandit, Batch

EXPLORATIONS = [{"temperature": 0.5}, {"epsilon": 0.3}]


def make_batch(trials=4, actions=3):
    return Batch(torch.randn(trials, 2, dtype=torch.float64), rewards=torch.rand(trials, actions).double())


@pytest.mark.parametrize("exploration", EXPLORATIONS)
def test_the_mean_is_the_gradient_of_the_squared_prediction_error_under_the_policy(exploration):
    """One trial, all three choices weighted by their probabilities, against autograd with π held fixed."""
    net, batch = MLP([2, 4, 3]).double(), make_batch(1)
    rule = ActionValue(net, **exploration)
    y = net(batch.inputs)
    policy = rule.policy(y.detach())
    expected = torch.autograd.grad((0.5 * policy * (batch.rewards - y) ** 2).sum(), rule.parameters())
    rule.choose = lambda y, n: torch.arange(3).unsqueeze(1)
    for each, wanted in zip(rule.estimates(batch, 3), expected, strict=True):
        assert torch.allclose(torch.einsum("n,n...->...", policy[0], each), wanted, atol=1e-12)


def test_the_value_that_is_returned_is_that_error():
    net, batch = MLP([2, 4, 3]).double(), make_batch()
    rule = ActionValue(net, epsilon=1.0)
    assert torch.allclose(rule(batch), ((batch.rewards - net(batch.inputs)) ** 2).sum(1).mean() / 6)


def test_one_trial_moves_the_chosen_value_towards_its_reward_and_no_other():
    """The delta rule of the textbooks, yₐ ← yₐ + η (r − yₐ)."""
    net = nn.Linear(1, 3, bias=False).double()
    before = net.weight.detach().clone()
    rule = ActionValue(net, temperature=1.0)
    rule.choose = lambda y, n: torch.tensor([[1]])
    rule(Batch(torch.ones(1, 1).double(), rewards=torch.tensor([[5.0, 1.0, 5.0]]).double()))
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    before[1] += 0.1 * (1.0 - before[1])
    assert torch.allclose(net.weight, before)


def test_values_come_to_the_known_probabilities():
    net = nn.Linear(1, 3).to(device())
    rule = ActionValue(net, epsilon=0.5, generator=torch.Generator().manual_seed(0))
    fit(
        rule,
        Bandit((0.2, 0.5, 0.8)),
        steps=250,
        trials=256,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.2),
        generator=torch.Generator().manual_seed(1),
        progress=False,
    )
    assert torch.allclose((net.weight + net.bias.unsqueeze(1)).T.cpu(), torch.tensor([[0.2, 0.5, 0.8]]), atol=0.06)


def test_a_greedy_learner_stays_with_the_first_arm_that_pays():
    """Without exploration the better arms are never tried: their values stay what they were."""
    net = nn.Linear(1, 3, bias=False).to(device())
    nn.init.zeros_(net.weight)
    net.weight.data[0] = 0.1
    rule = ActionValue(net, epsilon=0.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    fit(rule, Bandit((0.2, 0.5, 0.8)), steps=100, trials=64, optimizer=optimizer, progress=False)
    assert net.weight[1:].abs().max() == 0
    assert net.weight[0].item() == pytest.approx(0.2, abs=0.08)


def test_softmax_explores_by_temperature():
    y = torch.tensor([[0.0, 1.0, 2.0]])
    assert torch.allclose(ActionValue(nn.Linear(1, 3), temperature=0.5).policy(y), torch.softmax(2 * y, 1))


def test_epsilon_greedy_tries_anything_with_probability_epsilon():
    policy = ActionValue(nn.Linear(1, 3), epsilon=0.3).policy(torch.tensor([[0.0, 1.0, 2.0]]))
    assert torch.allclose(policy, torch.tensor([[0.1, 0.1, 0.8]]))


def test_equal_values_are_chosen_alike():
    policy = ActionValue(nn.Linear(1, 3), epsilon=0.0).policy(torch.tensor([[1.0, 0.0, 1.0]]))
    assert torch.allclose(policy, torch.tensor([[0.5, 0.0, 0.5]]))


def test_choices_follow_the_policy():
    rule = ActionValue(nn.Linear(1, 3), epsilon=0.3, generator=torch.Generator().manual_seed(0))
    actions = rule.choose(torch.tensor([[0.0, 1.0, 2.0]]), 20_000)
    assert torch.allclose(actions.flatten().bincount() / 20_000, torch.tensor([0.1, 0.1, 0.8]), atol=0.012)


def test_a_recurrent_network_learns_the_value_at_its_decision():
    net = RNN(2, 5, 3, tau=10, dt=5).double()
    x, mask = torch.randn(4, 6, 2, dtype=torch.float64), torch.zeros(4, 6)
    mask[:, 3] = 1
    batch = Batch(x, mask=mask, rewards=torch.rand(4, 3).double())
    y = net(x)[0][:, 3]
    assert torch.allclose(ActionValue(net, epsilon=1.0)(batch), ((batch.rewards - y) ** 2).sum(1).mean() / 6)


def test_a_copy_of_the_rule_works():
    rule = copy.deepcopy(ActionValue(nn.Linear(2, 3).double(), epsilon=0.1))
    rule(make_batch())
    assert rule.network.weight.grad is not None


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "say how to explore"),
        ({"temperature": 1.0, "epsilon": 0.1}, "not with both"),
        ({"temperature": 0.0}, "temperature should be a positive number"),
        ({"epsilon": 1.1}, "from 0 to 1"),
        ({"epsilon": "no"}, "from 0 to 1"),
    ],
)
def test_bad_exploration_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        ActionValue(nn.Linear(1, 3), **arguments)
