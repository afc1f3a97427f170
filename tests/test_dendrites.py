"""Dendritic networks: their potentials against the currents, what apical dendrites say against backpropagation."""

import copy

import pytest
import torch
from torch import nn

from nnbrain.learning import Backprop, DendriticErrors, DirectFeedbackAlignment, FeedbackAlignment
from nnbrain.networks import MLP, Conductances, DendriticMicrocircuit, TwoCompartmentNetwork
from nnbrain.objectives import cross_entropy, l2, squared_error
from nnbrain.tasks import Batch, Digits

ACTIVATIONS = ["tanh", "sigmoid", "relu", "softplus"]
WEAK = Conductances(target=1e-4)


def circuit(sizes=(8, 12, 10, 4), activation="tanh", **arguments):
    """In double precision, with lateral weights as they begin."""
    return DendriticMicrocircuit(sizes, activation, **arguments).double()


@pytest.fixture
def batch():
    return Batch(torch.randn(30, 8).double(), torch.randn(30, 4).double())


def cosine(first, second):
    return float((first * second).sum() / first.norm() / second.norm())


def gradient(net, objective, batch):
    """The gradient of what the network computes while apical dendrites are silent."""
    loss = objective.per_trial(net.feedforward(batch.inputs), None, batch, net).mean()
    return torch.autograd.grad(loss, list(net.layers.parameters()))


def close(first, second, rtol):
    return all((a - b).norm() <= rtol * b.norm() for a, b in zip(first, second, strict=True))


# The microcircuit at rest


@pytest.mark.parametrize("feedback", ["random", "transposed"])
@pytest.mark.parametrize("pulled", [False, True])
def test_at_rest_the_currents_of_every_soma_cancel(feedback, pulled, batch):
    net, g = circuit(feedback=feedback), Conductances()
    target = batch.targets if pulled else None
    v, u, a, i = net.relax(batch.inputs, target)
    r = [batch.inputs, *(torch.tanh(soma) for soma in u[:-1]), u[-1]]
    for k in range(3):
        assert torch.allclose(v[k], r[k] @ net.layers[k].weight.T + net.layers[k].bias)
    for k in range(2):
        said = torch.tanh(i[k]) if k == 0 else i[k]
        assert torch.allclose(a[k], r[k + 2] @ net.top_down[k].T + said @ net.inhibition[k].weight.T, atol=1e-8)
        current = -g.leak * u[k] + g.basal * (v[k] - u[k]) + g.apical * (a[k] - u[k])
        dendrite = net.interneurons[k](r[k + 1])
        lateral = -g.leak * i[k] + g.dendritic * (dendrite - i[k]) + g.somatic * (u[k + 1] - i[k])
        assert max(current.abs().max(), lateral.abs().max()) < 1e-8
    current = -g.leak * u[2] + g.basal * (v[2] - u[2]) + pulled * g.target * (batch.targets - u[2])
    assert current.abs().max() < 1e-8


def test_strong_weights_that_make_the_potentials_overshoot_still_come_to_rest(batch):
    net = circuit(feedback="transposed")
    with torch.no_grad():
        for layer in net.layers:
            layer.weight *= 3
    net.self_predicting()
    with pytest.raises(RuntimeError, match="not come to rest after 3 steps"):
        net.relax(batch.inputs, batch.targets, steps=3)
    u = net.relax(batch.inputs, batch.targets).soma
    finer = net.relax(batch.inputs, batch.targets, tolerance=1e-13).soma
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(u, finer, strict=True))


def test_potentials_that_run_away_are_reported(batch):
    net = circuit(activation="relu")
    with torch.no_grad():
        for part in (net.layers, net.interneurons, net.inhibition):
            for layer in part:
                layer.weight.abs_().mul_(10)
    with pytest.raises(RuntimeError, match="weights are too large"):
        net.relax(batch.inputs)


@pytest.mark.parametrize("feedback", ["random", "transposed"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_in_the_self_predicting_state_apical_dendrites_are_silent_whatever_the_input(activation, feedback, batch):
    net = circuit(activation=activation, feedback=feedback).self_predicting()
    assert all(a.abs().max() < 1e-12 for a in net.apical(batch.inputs))
    assert torch.allclose(net(batch.inputs), net.feedforward(batch.inputs), atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_self_predicting_microcircuit_computes_what_its_mlp_does(activation, batch):
    mlp = MLP([8, 12, 10, 4], activation).double()
    net = DendriticMicrocircuit.from_mlp(mlp)
    assert torch.allclose(net(batch.inputs), mlp(batch.inputs), atol=1e-12)


# What apical dendrites say


def test_the_last_apical_potential_is_the_output_neurons_error_sent_down(batch):
    net, g = circuit().self_predicting(), Conductances()
    state = net.relax(batch.inputs, batch.targets)
    taught = g.somatic / (g.leak + g.dendritic + g.somatic)
    expected = (1 - taught) * net.errors(state)[-1] @ net.top_down[-1].T
    assert torch.allclose(state.apical[-1], expected, atol=1e-9)


def sent_down(net, batch):
    """Bδ of each hidden layer, by feedback alignment, written out."""
    u, signals = net.relax(batch.inputs).soma, []
    delta = u[-1] - batch.targets
    for f, soma, B in zip(reversed(net.f[:-1]), reversed(u[:-1]), reversed(net.top_down), strict=True):
        signals.insert(0, delta @ B.T)
        soma = soma.clone().requires_grad_()
        (slope,) = torch.autograd.grad(f(soma).sum(), soma)
        delta = slope * signals[0]
    return signals


def test_apical_activity_minus_its_resting_value_is_the_error_raw_activity_is_not(batch):
    net = circuit((8, 40, 30, 4), conductances=Conductances(target=0.1)).self_predicting()
    with torch.no_grad():
        for layer in net.interneurons:  # whose thresholds are not quite right
            layer.bias += 0.3 * torch.randn_like(layer.bias)
    raw, rest = net.apical(batch.inputs, batch.targets), net.apical(batch.inputs)
    for a, a_rest, signal in zip(raw, rest, sent_down(net, batch), strict=True):
        assert cosine(a - a_rest, -signal) > 0.98
        assert abs(cosine(a, -signal)) < 0.8


# The rule


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("objective", [squared_error, cross_entropy], ids=repr)
def test_weakly_pulled_with_transposed_feedback_the_estimate_is_the_gradient(activation, objective, batch):
    net = circuit(activation=activation, feedback="transposed", conductances=WEAK).self_predicting()
    if objective is cross_entropy:
        batch = Batch(batch.inputs, torch.randint(0, 4, (30,)))
    value, found = DendriticErrors(net, objective, lateral=False).estimate(batch)
    assert close(found, gradient(net, objective, batch), 1e-3)
    assert torch.isclose(value, objective(net, batch))


def test_its_distance_to_the_gradient_is_proportional_to_the_pull(batch):
    distances = []
    for target in (1e-2, 1e-3, 1e-4):
        torch.manual_seed(1)
        net = circuit(feedback="transposed", conductances=Conductances(target=target)).self_predicting()
        found, exact = (
            DendriticErrors(net, squared_error, lateral=False).estimate(batch)[1][0],
            gradient(net, squared_error, batch)[0],
        )
        distances.append(float((found - exact).norm()))
    assert distances[0] / distances[1] == pytest.approx(10, rel=0.05)
    assert distances[1] / distances[2] == pytest.approx(10, rel=0.05)


def test_weakly_pulled_with_random_feedback_it_is_feedback_alignment(batch):
    mlp = MLP([8, 12, 10, 4], "tanh").double()
    net = DendriticMicrocircuit.from_mlp(mlp, conductances=WEAK)
    alignment = FeedbackAlignment(mlp, squared_error)
    for B, own, share in zip(alignment.feedback, net.top_down, net.attenuation()[1:], strict=True):
        B.data.copy_(share * own.T)
    found = DendriticErrors(net, squared_error, lateral=False).estimate(batch)[1]
    shares = [share for share in net.attenuation() for _ in range(2)]  # of weights and biases
    expected = [share * g for share, g in zip(shares, alignment.estimate(batch)[1], strict=True)]
    assert close(found, expected, 1e-3)


def test_a_penalty_on_the_weights_joins_the_estimate(batch):
    net = circuit().self_predicting()
    without, with_it = (
        DendriticErrors(net, o, lateral=False).estimate(batch)[1] for o in (squared_error, squared_error + l2)
    )
    expected = [g + (p if p.ndim > 1 else 0) for g, p in zip(without, net.layers.parameters(), strict=True)]
    assert all(torch.allclose(a, b) for a, b in zip(with_it, expected, strict=True))


def test_lateral_synapses_learn_to_silence_apical_dendrites():
    net, task = DendriticMicrocircuit([64, 32, 10]), Digits("train")
    rule = DendriticErrors(net, forward=False)
    optimizer = torch.optim.Adam(rule.parameters(), lr=0.01)
    weights = [p.clone() for p in net.layers.parameters()]
    first = rule(task.sample(64))
    for _ in range(120):
        last = rule(task.sample(64))
        optimizer.step()
    assert last < 0.1 * first
    assert all(torch.equal(a, b) for a, b in zip(weights, net.layers.parameters(), strict=True))


def test_in_the_self_predicting_state_lateral_synapses_have_nothing_to_learn(batch):
    net = circuit().self_predicting()
    found = DendriticErrors(net, forward=False).estimate(batch)[1]
    assert max(g.abs().max() for g in found) < 1e-12


def test_both_kinds_of_synapses_together_learn_digits():
    net, task, test = DendriticMicrocircuit([64, 32, 10]).self_predicting(), Digits("train"), Digits("test").all()
    rule = DendriticErrors(net, cross_entropy)
    lateral = [*net.interneurons.parameters(), *net.inhibition.parameters()]
    optimizer = torch.optim.Adam([{"params": net.layers.parameters(), "lr": 3e-3}, {"params": lateral, "lr": 1e-2}])
    for _ in range(250):
        rule(task.sample(64))
        optimizer.step()
    assert task.score(net(test.inputs), test).float().mean() > 0.85


# Two compartments, two phases


def test_the_target_moves_plateaus_but_not_what_hidden_neurons_do(batch):
    net = TwoCompartmentNetwork([8, 12, 10, 4]).double()
    before, after = net.relax(batch.inputs), net.relax(batch.inputs, batch.targets)
    assert all(torch.equal(a, b) for a, b in zip(before.soma[:-1], after.soma[:-1], strict=True))
    for Y, alpha in zip(net.top_down, after.plateaus, strict=True):
        assert torch.allclose(alpha, 1 / (1 + torch.exp(-after.soma[-1] @ Y.T)))
    assert torch.equal(net(batch.inputs), before.soma[-1])


def test_with_weak_feedback_plateaus_make_direct_feedback_alignment(batch):
    net = TwoCompartmentNetwork([8, 12, 10, 4]).double()
    for Y in net.top_down:
        Y *= 1e-5
    direct = DirectFeedbackAlignment(net, squared_error)
    direct(batch)  # which draws its feedback
    for B, Y in zip(direct.feedback, net.top_down, strict=True):
        B.copy_(Y.T)
    found = DendriticErrors(net, squared_error).estimate(batch)[1]
    assert close(found, direct.estimate(batch)[1], 1e-4)


def test_strong_feedback_leaves_the_sign_of_every_neurons_error(batch):
    net = TwoCompartmentNetwork([8, 12, 4]).double()
    before, after = net.relax(batch.inputs), net.relax(batch.inputs, batch.targets)
    heard = (after.soma[-1] - before.soma[-1]) @ net.top_down[0].T
    assert torch.equal(net.errors(after, before)[0].sign(), heard.sign())


def test_a_two_compartment_network_learns_digits():
    net, task, test = TwoCompartmentNetwork([64, 32, 10], "tanh"), Digits("train"), Digits("test").all()
    rule = DendriticErrors(net, cross_entropy)
    optimizer = torch.optim.Adam(rule.parameters(), lr=3e-3)
    for _ in range(250):
        rule(task.sample(64))
        optimizer.step()
    assert task.score(net(test.inputs), test).float().mean() > 0.85


# The contracts


@pytest.mark.parametrize("kind", [DendriticMicrocircuit, TwoCompartmentNetwork])
def test_networks_are_copied_saved_and_moved_like_any_other(kind, device):
    net = kind([8, 6, 4]).to(device)
    x = torch.randn(5, 8, device=device)
    other = kind([8, 6, 4], generator=torch.Generator().manual_seed(7)).to(device)
    assert not torch.equal(other(x), net(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x), net(x)) and torch.equal(copy.deepcopy(net)(x), net(x))
    assert net.double()(x.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", [DendriticMicrocircuit, TwoCompartmentNetwork])
def test_a_generator_draws_all_weights(kind):
    first, again = (kind([8, 6, 4], generator=torch.Generator().manual_seed(3)).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("kind", [DendriticMicrocircuit, TwoCompartmentNetwork])
def test_the_rule_leaves_nothing_behind(kind, batch):
    net = kind([8, 6, 4]).double()
    state = copy.deepcopy(net.state_dict())
    rule = DendriticErrors(net, squared_error)
    rule(batch)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in state.items())
    assert all(p.grad is not None and not p.grad.requires_grad for p in net.parameters())
    DendriticErrors(kind([8, 6, 4]).double(), squared_error)(batch)
    assert not any(m._forward_hooks or m._backward_hooks for m in net.modules())


def test_frozen_weights_are_left_alone(batch):
    net = circuit()
    net.layers[0].weight.requires_grad_(False)
    DendriticErrors(net, squared_error)(batch)
    assert net.layers[0].weight.grad is None and net.layers[1].weight.grad is not None


def test_backprop_cannot_go_through_a_network_at_rest(batch):
    with pytest.raises(ValueError, match="does not depend on anything that can be trained"):
        Backprop(circuit(), squared_error)(batch)


def test_networks_refuse_what_does_not_fit(batch):
    for kind in (DendriticMicrocircuit, TwoCompartmentNetwork):
        with pytest.raises(ValueError, match="one hidden layer or more"):
            kind([8, 4])
        with pytest.raises(TypeError, match="given as Conductances"):
            kind([8, 6, 4], conductances=0.1)
        net = kind([8, 6, 4]).double()
        with pytest.raises(ValueError, match=r"the input should have shape \(trials, 8\)"):
            net(batch.targets)
        with pytest.raises(ValueError, match="Flatten images first"):
            net(batch.inputs.view(30, 2, 4))
        with pytest.raises(TypeError, match="computes in torch"):
            net(batch.inputs.float())
        with pytest.raises(ValueError, match=r"a target should have shape \(30, 4\), got \(30, 8\)"):
            net.relax(batch.inputs, batch.inputs)
        with pytest.raises(ValueError, match=r"a target should have shape \(30, 4\), got \(2, 4\)"):
            net.relax(batch.inputs, batch.targets[:2])
    with pytest.raises(ValueError, match="'random' or 'transposed', got 'none'"):
        DendriticMicrocircuit([8, 6, 4], feedback="none")
    with pytest.raises(ValueError, match="apical should be a positive number, got 0"):
        Conductances(apical=0)
    for wrong in (MLP([8, 4]), nn.Linear(8, 4)):
        with pytest.raises(TypeError, match="an MLP with one hidden layer or more"):
            DendriticMicrocircuit.from_mlp(wrong)


def test_the_rule_refuses_what_it_cannot_serve():
    net = circuit()
    with pytest.raises(TypeError, match="neurons have apical dendrites; got MLP"):
        DendriticErrors(MLP([8, 6, 4]), squared_error)
    with pytest.raises(TypeError, match="needs an objective"):
        DendriticErrors(net)
    with pytest.raises(ValueError, match="no lateral synapses to teach"):
        DendriticErrors(TwoCompartmentNetwork([8, 6, 4]), squared_error, lateral=True)
    with pytest.raises(ValueError, match="nothing to teach"):
        DendriticErrors(net, forward=False, lateral=False)
    with pytest.raises(ValueError, match="frozen"):
        DendriticErrors(net.requires_grad_(False), squared_error)
