"""What the Framework's Figure 5 predicts: of tagged synapses when a reward comes, and of apical dendrites."""

import pytest
import torch

from nnbrain.learning import AttentionGated, Backprop, DendriticErrors
from nnbrain.networks import MLP, DendriticMicrocircuit
from nnbrain.objectives import cross_entropy, squared_error
from nnbrain.tasks import Batch


@pytest.fixture
def stimulus():
    """One stimulus, as if shown 12 times, with rates that are not negative."""
    return torch.rand(1, 6, generator=torch.Generator().manual_seed(1)).double().expand(12, -1)


def sorts(stimulus, classes=3):
    """A network that sorts stimuli, and its rule."""
    net = MLP([stimulus.shape[1], 20, classes], generator=torch.Generator().manual_seed(2)).double()
    return net, AttentionGated(net, generator=torch.Generator().manual_seed(3))


def trial(rule, stimulus, action, rewarded):
    """The tags of one choice, and the change of each synapse, η = 1: Framework, Figure 5a."""
    actions = torch.full((1,), action)
    batch = Batch(stimulus[:1], actions if rewarded else (actions + 1) % 3)
    p = torch.softmax(rule.network(batch.inputs), 1)[0, action].detach()
    tags = [tag[0] for tag in rule.tags(batch, actions)]
    return tags, [((1 - p) / p if rewarded else -1.0) * tag for tag in tags]


@pytest.mark.covers("Framework, Figure 5")
def test_a_reward_potentiates_tagged_synapses_onto_drivers_of_the_choice_and_its_absence_depresses_them(stimulus):
    net, rule = sorts(stimulus)
    active = net.layers[0](stimulus)[0] > 0
    drivers = active & (net.layers[1].weight[2] > 0)
    opponents = active & (net.layers[1].weight[2] < 0)
    assert drivers.any() and opponents.any()
    gained, lost = (trial(rule, stimulus, 2, rewarded)[1][0] for rewarded in (True, False))
    assert (gained[drivers] > 0).all() and (lost[drivers] < 0).all()
    assert (gained[opponents] < 0).all() and (lost[opponents] > 0).all()


@pytest.mark.covers("Framework, Figure 5")
@pytest.mark.parametrize("rewarded", [True, False])
def test_synapses_without_a_tag_do_not_change(stimulus, rewarded):
    net, rule = sorts(stimulus)
    silent = net.layers[0](stimulus)[0] <= 0
    _, changes = trial(rule, stimulus, 2, rewarded)
    assert silent.any() and not changes[0][silent].any()
    assert not changes[2][:2].any() and changes[2][2].any()  # onto outputs that were not chosen, and the chosen one


@pytest.mark.covers("Framework, Figure 5")
def test_tags_times_what_the_neuromodulator_says_is_what_the_rule_estimates(stimulus):
    net, rule = sorts(stimulus)
    batch = Batch(stimulus, torch.arange(12) % 3)
    state = rule.generator.get_state()
    seen = rule.trial(batch)
    by_hand = [-torch.einsum("n,n...->...", seen.signals, tag) / 12 for tag in seen.tags]
    rule.generator.set_state(state)
    rule(batch)
    for expected, parameter in zip(by_hand, net.parameters(), strict=True):
        assert torch.allclose(parameter.grad, expected)


@pytest.mark.covers("Framework, Figure 5")
def test_averaged_over_choices_tagged_changes_are_the_gradient_of_an_objective_for_categories(stimulus):
    net, rule = sorts(stimulus)
    right = 1
    p = torch.softmax(net(stimulus[:1]), 1)[0].detach()
    mean = [torch.zeros_like(parameter) for parameter in net.parameters()]
    for action in range(3):
        for total, change in zip(mean, trial(rule, stimulus, action, action == right)[1], strict=True):
            total += p[action] * change
    Backprop(net, cross_entropy)(Batch(stimulus[:1], torch.tensor([right])))
    for total, parameter in zip(mean, net.parameters(), strict=True):
        assert torch.allclose(total, -parameter.grad)


def licks(feedback="random"):
    """A microcircuit with one output, self-predicting."""
    net = DendriticMicrocircuit([6, 20, 1], "tanh", feedback=feedback, generator=torch.Generator().manual_seed(4))
    return net.double().self_predicting()


@pytest.mark.covers("Framework, Figure 5")
@pytest.mark.parametrize("surprise", [1.0, -1.0])
def test_reinforcement_moves_apical_potentials_in_the_direction_of_their_feedback_weights(stimulus, surprise):
    net = licks()
    x = stimulus[:1]
    change = net.apical(x, net(x) + surprise)[0] - net.apical(x)[0]
    assert torch.equal(change[0].sign(), surprise * net.top_down[0][:, 0].sign())


@pytest.mark.covers("Framework, Figure 5")
def test_if_learning_made_the_output_weights_apical_activity_rises_in_neurons_tuned_to_the_reinforced_stimulus(
    stimulus,
):
    net = licks("transposed")
    x = torch.cat([stimulus[:1], 1 - stimulus[:1]])  # stimuli A and B
    with torch.no_grad():
        net.layers[1].weight.zero_()
        net.self_predicting()
    rates = torch.tanh(net.relax(x).soma[0])
    rule = DendriticErrors(net, squared_error)
    y = net(x)
    rule(Batch(x, y + torch.tensor([[0.1], [-0.1]])))  # A pulls the output up, B down: what it learns is the tuning
    with torch.no_grad():
        net.layers[1].weight -= 0.01 * net.layers[1].weight.grad
    net.self_predicting()
    change = (net.apical(x[:1], net(x[:1]) + 1.0)[0] - net.apical(x[:1])[0])[0]
    assert torch.equal(change > 0, rates[0] > rates[1])  # Framework, Figure 5c and d


@pytest.mark.covers("Framework, Figure 5")
def test_dendritic_updates_are_the_neurons_own_error_times_its_feedforward_input(stimulus):
    net, x = licks(), stimulus[:1]
    target = net(x) + 1e-4
    DendriticErrors(net, squared_error, lateral=False)(Batch(x, target))
    change = -net.layers[0].weight.grad
    error = net.apical(x, target)[0][0] * (1 - torch.tanh(net.relax(x).soma[0][0]) ** 2)
    product = torch.outer(error, x[0])
    assert float((change * product).sum() / change.norm() / product.norm()) > 0.9999
