"""Rules of networks that settle: energies against autograd, and limits, with their rates, against exact gradients."""

import copy
import math
import pickle

import pytest
import torch
from torch import nn

from nnbrain.analysis import accuracy, equilibrium_gradient, record
from nnbrain.learning import (
    Backprop,
    ContrastiveHebbian,
    EquilibriumPropagation,
    PredictiveCoding,
    SupervisedPredictiveCoding,
)
from nnbrain.networks import MLP, ContinuousHopfield, MultiHeadMLP, PredictiveCodingNetwork
from nnbrain.objectives import Objective, cross_entropy, l2, rate_l2, squared_error
from nnbrain.tasks import Batch, Digits
from nnbrain.train import fit

SIZES = [6, 5, 4, 3]
ACTIVATIONS = pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "linear"])
OBJECTIVES = pytest.mark.parametrize("objective", [squared_error, cross_entropy + 0.1 * l2], ids=["squares", "entropy"])
TIGHT = {"steps": 20_000, "tolerance": 1e-14}


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def make(activation="sigmoid", feedback_gain=0.5, **arguments):
    """A network in double precision, with weights for which activity without bound is bounded."""
    net = ContinuousHopfield(SIZES, activation, feedback_gain=feedback_gain, **arguments).double()
    with torch.no_grad():
        for layer in net.layers:
            layer.weight *= 0.75 / torch.linalg.matrix_norm(layer.weight, 2)
    return net


@pytest.fixture
def x():
    return double(8, 6)


@pytest.fixture
def batch(x):
    return Batch(x, torch.randint(3, (8,)))


def random_state(net, trials=8):
    """Rates within the range of f."""
    return tuple(torch.rand(trials, n, dtype=torch.float64) * 0.9 + 0.05 for n in net.sizes[1:])


def distance(estimates, exact):
    """|ĝ − g| / |g|, all parameters together."""
    estimates, exact = (torch.cat([g.flatten() for g in gradients]) for gradients in (estimates, exact))
    return float((estimates - exact).norm() / exact.norm())


def order(error):
    """The power with which an error goes to 0: of its argument between 10⁻² and 10⁻³."""
    return math.log10(error(1e-2) / error(1e-3))


def same(first, second, atol=1e-10):
    return all(torch.allclose(a, b, atol=atol) for a, b in zip(first, second, strict=True))


# The network: how it rests, and its energy


@ACTIVATIONS
def test_at_rest_each_unit_is_where_its_neighbours_put_it(activation, x):
    net = make(activation)
    r_1, r_2, y = net.relax(x, **TIGHT)
    f = net.rates[0]
    (W_1, b_1), (W_2, b_2), (W_3, b_3) = ((layer.weight, layer.bias) for layer in net.layers)
    for k in range(8):
        assert torch.allclose(r_1[k], f(W_1 @ x[k] + 0.5 * W_2.T @ r_2[k] + b_1), atol=1e-12)
        assert torch.allclose(r_2[k], f(W_2 @ r_1[k] + 0.5 * W_3.T @ y[k] + b_2), atol=1e-12)
        assert torch.allclose(y[k], W_3 @ r_2[k] + b_3, atol=1e-12)


@pytest.mark.parametrize(
    ("activation", "inverse"),
    [("sigmoid", torch.logit), ("tanh", torch.atanh), ("relu", lambda r: r), ("linear", lambda r: r)],
)
def test_the_energy_falls_towards_where_each_unit_is_driven(activation, inverse, x):
    """∂E/∂r_l = γ^{l−L} (f⁻¹(r_l) − W_l r_{l−1} − γ W_{l+1}ᵀ r_{l+1} − b_l), and for the outputs also β (y − target)."""
    net, target = make(activation), double(8, 3)
    r_1, r_2, y = state = tuple(r.requires_grad_() for r in random_state(net))
    W_1, W_2, W_3 = (layer.weight for layer in net.layers)
    b_1, b_2, b_3 = (layer.bias for layer in net.layers)
    expected = (
        4 * (inverse(r_1) - x @ W_1.T - 0.5 * r_2 @ W_2 - b_1),
        2 * (inverse(r_2) - r_1 @ W_2.T - 0.5 * y @ W_3 - b_2),
        y - r_2 @ W_3.T - b_3 + 0.3 * (y - target),
    )
    assert same(torch.autograd.grad(net.energy(state, x, (target, 0.3)).sum(), state), expected)


@ACTIVATIONS
@pytest.mark.parametrize("strength", [None, 0.7, -0.5, math.inf])
def test_the_energy_never_rises_on_the_way_to_rest(activation, strength, x):
    net, target = make(activation, 0.9), double(8, 3)
    nudge = None if strength is None else (target, strength)
    state = net.relax(x, nudge, steps=1)
    energies = [net.energy(state, x, nudge)]
    for _ in range(30):
        state = net.relax(x, nudge, state=state, steps=1)
        energies.append(net.energy(state, x, nudge))
    energies = torch.stack(energies).detach()
    assert (energies.diff(dim=0) <= 1e-12).all() and (energies[-1] < energies[0]).all()


def test_the_energy_is_finite_where_rates_saturate(x):
    for activation in ("sigmoid", "tanh"):
        net = make(activation)
        state = [torch.ones_like(r) for r in random_state(net)]
        assert torch.isfinite(net.energy(tuple(state), x)).all()


@ACTIVATIONS
def test_update_leaves_a_state_alone_only_at_rest(activation, x):
    net, target = make(activation), double(8, 3)
    for nudge in (None, (target, 0.3), (target, -0.3), (target, math.inf)):
        state = net.relax(x, nudge, **TIGHT)
        assert same(net.update(state, x, nudge), state, atol=1e-12)
    state = random_state(net)
    assert not same(net.update(state, x), state, atol=0.01)


def test_a_nudge_pulls_the_outputs_and_an_infinite_one_holds_them(x):
    net, target = make(), double(8, 3)
    _, r_2, y = net.relax(x, (target, 0.3), **TIGHT)
    assert torch.allclose(y, net.layers[-1](r_2) + 0.3 * (target - y), atol=1e-12)
    assert torch.equal(net.relax(x, (target, math.inf))[-1], target)


@ACTIVATIONS
@pytest.mark.parametrize("bias", [True, False])
def test_the_first_sweep_is_the_pass_through_the_feed_forward_network(activation, bias, x):
    net, mlp = make(activation, bias=bias), MLP(SIZES, activation, bias=bias).double()
    mlp.load_state_dict(net.state_dict())
    assert torch.allclose(net.outputs(net.relax(x, steps=1)), mlp(x), atol=1e-14)


def test_it_begins_with_the_weights_of_a_feed_forward_network():
    net = ContinuousHopfield(SIZES, "tanh", generator=torch.Generator().manual_seed(1))
    mlp = MLP(SIZES, "tanh", generator=torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), mlp.state_dict().values(), strict=True))


def test_without_feedback_in_the_limit_it_is_the_feed_forward_network(x):
    net = make("tanh")
    mlp = MLP(SIZES, "tanh").double()
    mlp.load_state_dict(net.state_dict())

    def error(gain):
        net.feedback_gain = gain
        return float((net.relax(x, **TIGHT)[-1] - mlp(x)).detach().norm())

    assert order(error) == pytest.approx(1, abs=0.05)


def test_hebbs_rule_is_the_derivative_of_the_energy_by_the_weights(x):
    for bias in (True, False):
        net = make("tanh", bias=bias)
        state = random_state(net)
        exact = torch.autograd.grad(net.energy(state, x).mean(), list(net.parameters()))
        assert same(net.energy_gradient(state, x), exact)


def test_record_finds_the_rates_at_rest(x):
    net = make()
    r_1, r_2, y = net.relax(x)
    found = record(net, x)
    assert torch.equal(net(x), y) and same((found["rates.0"], found["rates.1"]), (r_1, r_2), atol=1e-4)


def test_it_survives_copies_and_single_precision(x):
    net = make()
    assert torch.equal(copy.deepcopy(net)(x), net(x))
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))
    assert torch.allclose(copy.deepcopy(net).float()(x.float()).double(), net(x), atol=1e-4)


def test_it_works_on_the_device(device):
    net = ContinuousHopfield(SIZES).to(device)
    batch = Batch(torch.randn(8, 6, device=device), torch.randint(3, (8,), device=device))
    for rule in (EquilibriumPropagation(net, squared_error), ContrastiveHebbian(net, cross_entropy)):
        rule(batch)
        assert all(p.grad.device == p.device and torch.isfinite(p.grad).all() for p in net.parameters())
    mlp = MLP(SIZES).to(device)
    SupervisedPredictiveCoding(mlp, cross_entropy)(batch)
    assert all(p.grad.device == p.device for p in mlp.parameters())
    assert all(torch.isfinite(g).all() for g in equilibrium_gradient(net, squared_error, batch))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "softplus"}, "integral of the inverse"),
        ({"activation": torch.tanh}, "integral of the inverse"),
        ({"feedback_gain": 0}, "feedback_gain should be a positive number"),
        ({"sizes": [4]}, "two sizes or more"),
        ({"sizes": [4, 0]}, "positive integer"),
    ],
)
def test_it_refuses_to_be_built_from(arguments, message):
    with pytest.raises(ValueError, match=message):
        ContinuousHopfield(**{"sizes": SIZES} | arguments)


def test_it_refuses_what_does_not_fit(x):
    net, state = make(), random_state(make())
    with pytest.raises(TypeError, match=r"computes in torch\.float64"):
        net(x.float())
    with pytest.raises(ValueError, match=r"the input should have shape \(trials, 6\), got \(8, 2, 3\)\. Flatten"):
        net(x.reshape(8, 2, 3))
    with pytest.raises(ValueError, match="a tuple of 3 tensors, r_1 to r_3, got 2 of them"):
        net.energy(state[:2], x)
    with pytest.raises(ValueError, match=r"r_2 should have shape \(8, 4\), got \(8, 5\)"):
        net.update((state[0], state[0], state[2]), x)
    for nudge in ((double(8, 3), -1.0), (double(8, 3), math.nan), double(8, 3)):
        with pytest.raises(ValueError, match="a strength above -1"):
            net.relax(x, nudge)
    with pytest.raises(ValueError, match=r"a target should have shape \(8, 3\), got \(8, 4\)"):
        net.relax(x, (double(8, 4), 1.0))
    with pytest.raises(ValueError, match="steps"):
        net.relax(x, steps=0)


def test_activity_that_grows_without_end_is_an_error(x):
    net = make("linear", 30.0)
    with pytest.raises(FloatingPointError, match="lower feedback_gain"):
        net.relax(x, steps=100_000)


# The exact gradient at rest


@ACTIVATIONS
@OBJECTIVES
def test_the_gradient_at_equilibrium_is_that_of_the_unrolled_network(activation, objective, batch):
    net = make(activation)
    state = net.relax(batch.inputs, **TIGHT)
    for _ in range(300):
        state = net.update(state, batch.inputs)
    loss = objective.per_trial(state[-1], None, batch, net).mean()
    unrolled = torch.autograd.grad(loss, list(net.parameters()))
    assert same(equilibrium_gradient(net, objective, batch, **TIGHT), unrolled)


@OBJECTIVES
def test_the_gradient_at_equilibrium_predicts_what_a_small_step_does(objective, batch):
    net = make("tanh")
    gradient = equilibrium_gradient(net, objective, batch, **TIGHT)
    direction, before = [double(*g.shape) for g in gradient], copy.deepcopy(net.state_dict())

    def loss(size):
        net.load_state_dict(before)
        for p, d in zip(net.parameters(), direction, strict=True):
            p.data += size * d
        return float(objective.per_trial(net.relax(batch.inputs, **TIGHT)[-1], None, batch, net).mean().detach())

    slope = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
    assert (loss(1e-5) - loss(-1e-5)) / 2e-5 == pytest.approx(slope, rel=1e-6)


def test_without_feedback_in_the_limit_the_gradient_at_equilibrium_is_backpropagation(batch):
    net, mlp = make("tanh"), MLP(SIZES, "tanh").double()
    mlp.load_state_dict(net.state_dict())
    exact = Backprop(mlp, squared_error).estimate(batch)[1]

    def error(gain):
        net.feedback_gain = gain
        return distance(equilibrium_gradient(net, squared_error, batch, **TIGHT), exact)

    assert order(error) == pytest.approx(1, abs=0.05)


def test_the_gradient_at_equilibrium_leaves_out_what_is_frozen(batch):
    net = make()
    every = equilibrium_gradient(net, squared_error, batch)
    net.layers[1].weight.requires_grad_(False)
    assert same(equilibrium_gradient(net, squared_error, batch), every[:2] + every[3:])


def test_the_gradient_at_equilibrium_needs_a_network_that_settles(batch):
    with pytest.raises(TypeError, match="a MLP has no relax and no update and no outputs"):
        equilibrium_gradient(MLP(SIZES).double(), squared_error, batch)


# Equilibrium propagation


@ACTIVATIONS
@OBJECTIVES
@pytest.mark.parametrize(("symmetric", "power"), [(False, 1), (True, 2)], ids=["one-sided", "symmetric"])
def test_equilibrium_propagation_tends_to_the_gradient_at_equilibrium(activation, objective, symmetric, power, batch):
    """The error is proportional to β, and to β² with a nudge both ways."""
    net = make(activation)
    exact = equilibrium_gradient(net, objective, batch, **TIGHT)

    def error(beta):
        rule = EquilibriumPropagation(net, objective, nudge=beta, symmetric=symmetric, **TIGHT)
        return distance(rule.estimate(batch)[1], exact)

    assert order(error) == pytest.approx(power, abs=0.05) and error(1e-2) < 0.05


def test_a_one_sided_nudge_is_that_of_scellier_and_bengio(batch):
    """With the squared error the network rests in a minimum of E + β L itself, whatever β."""
    net, beta = make(), 0.8
    hot = nn.functional.one_hot(batch.targets, 3).double()
    free, state = net.relax(batch.inputs, **TIGHT), net.relax(batch.inputs, **TIGHT)
    for _ in range(500):
        r_1, r_2, _ = net.update(state, batch.inputs)
        state = r_1, r_2, net.layers[-1](state[1]) - beta * (state[2] - hot)
    state = tuple(r.detach() for r in state)
    energies = (net.energy(s, batch.inputs).mean() for s in (state, free))
    at_beta, at_0 = (torch.autograd.grad(E, list(net.parameters())) for E in energies)
    rule = EquilibriumPropagation(net, squared_error, nudge=beta, symmetric=False, **TIGHT)
    assert same(rule.estimate(batch)[1], [(a - b) / beta for a, b in zip(at_beta, at_0, strict=True)])


def test_single_precision_holds_enough_of_the_difference(batch):
    net = make()
    single, small = copy.deepcopy(net).float(), batch.to(torch.float32)
    exact = EquilibriumPropagation(net, squared_error, **TIGHT).estimate(batch)[1]
    estimates = EquilibriumPropagation(single, squared_error).estimate(small)[1]
    assert distance([g.double() for g in estimates], exact) < 1e-3


# Contrastive Hebbian learning


@pytest.mark.covers("Framework, Figure 2")
@ACTIVATIONS
@OBJECTIVES
def test_contrastive_hebbian_learning_tends_to_backpropagation(activation, objective, batch):
    """The error is proportional to the feedback's gain γ."""
    net, mlp = make(activation), MLP(SIZES, activation).double()
    mlp.load_state_dict(net.state_dict())
    exact = Backprop(mlp, objective).estimate(batch)[1]

    def error(gain):
        net.feedback_gain = gain
        return distance(ContrastiveHebbian(net, objective, **TIGHT).estimate(batch)[1], exact)

    assert order(error) == pytest.approx(1, abs=0.05) and error(1e-2) < 0.05


def test_contrastive_hebbian_learning_is_clamped_minus_free(batch):
    net = make()
    hot = nn.functional.one_hot(batch.targets, 3).double()
    free, clamped = net.relax(batch.inputs, **TIGHT), net.relax(batch.inputs, (hot, math.inf), **TIGHT)
    estimates = ContrastiveHebbian(net, squared_error, **TIGHT).estimate(batch)[1]
    wanted = sum(torch.outer(clamped[1][k], clamped[0][k]) - torch.outer(free[1][k], free[0][k]) for k in range(8)) / 8
    assert torch.allclose(-estimates[2], 2 * wanted, atol=1e-10)  # γ^{l−L} = 1/γ = 2


def test_contrastive_hebbian_learning_is_the_gradient_of_a_difference_in_energy(batch):
    net = make("tanh")
    hot = nn.functional.one_hot(batch.targets, 3).double()
    estimates = ContrastiveHebbian(net, squared_error, **TIGHT).estimate(batch)[1]
    direction, before = [double(*g.shape) for g in estimates], copy.deepcopy(net.state_dict())

    def contrast(size):
        net.load_state_dict(before)
        for p, d in zip(net.parameters(), direction, strict=True):
            p.data += size * d
        phases = (net.relax(batch.inputs, nudge, **TIGHT) for nudge in ((hot, math.inf), None))
        clamped, free = (float(net.energy(state, batch.inputs).mean().detach()) for state in phases)
        return clamped - free

    slope = sum(float((g * d).sum()) for g, d in zip(estimates, direction, strict=True))
    assert (contrast(1e-5) - contrast(-1e-5)) / 2e-5 == pytest.approx(slope, rel=1e-6)


# Supervised predictive coding


@pytest.mark.covers("Framework, Figure 2")
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus", "linear", lambda c: c + 0.3 * c.sin()])
@OBJECTIVES
def test_predictive_coding_tends_to_backpropagation_with_the_precision_of_the_outputs(activation, objective, batch):
    """The error is proportional to π."""
    net = MLP(SIZES, activation).double()
    exact = Backprop(net, objective).estimate(batch)[1]

    def error(precision):
        rule = SupervisedPredictiveCoding(net, objective, precision=precision, steps=5000, tolerance=1e-11)
        return distance(rule.estimate(batch)[1], exact)

    assert order(error) == pytest.approx(1, abs=0.1) and error(1e-2) < 0.1


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "softplus"])
@OBJECTIVES
@pytest.mark.parametrize("precision", [0.01, 5.0])
def test_with_fixed_predictions_predictive_coding_is_backpropagation(activation, objective, precision, batch):
    net = MLP(SIZES, activation).double()
    rule = SupervisedPredictiveCoding(net, objective, precision=precision, fixed_predictions=True)
    assert distance(rule.estimate(batch)[1], Backprop(net, objective).estimate(batch)[1]) < 1e-12


def test_with_fixed_predictions_rest_takes_as_many_steps_as_there_are_hidden_layers(batch):
    net = MLP([6, 5, 5, 4, 3], "tanh").double()

    def errors(steps):
        rule = SupervisedPredictiveCoding(net, squared_error, fixed_predictions=True, steps=steps)
        return rule.infer(batch)[1]

    assert same(errors(3), errors(50), atol=1e-14) and not same(errors(2), errors(3), atol=1e-6)


def test_a_small_output_error_does_not_make_backpropagation_of_predictive_coding(x):
    """Both vanish, in the same proportion: what differs between them stays."""
    net, direction = MLP(SIZES, "tanh").double(), double(8, 3)

    def error(size):
        batch = Batch(x, net(x).detach() + size * direction)
        rule = SupervisedPredictiveCoding(net, squared_error, steps=20_000, tolerance=1e-9 * size)
        return distance(rule.estimate(batch)[1], Backprop(net, squared_error).estimate(batch)[1])

    assert error(1e-3) > 0.1 and error(1e-3) == pytest.approx(error(1e-4), rel=0.01)


def energy(net, v, batch, precision):
    """E, written out for two hidden layers; the objective is the squared error."""
    f = net.rates[0]
    first, second, y = net.layers[0](batch.inputs), net.layers[1](f(v[0])), net.layers[2](f(v[1]))
    E = 0.5 * (v[0] - first).square().sum() + 0.5 * (v[1] - second).square().sum()
    return E + precision * squared_error.per_trial(y, None, batch, net).sum()


def test_inference_ends_at_a_minimum_of_the_energy(batch):
    net = MLP(SIZES, "tanh").double()
    rule = SupervisedPredictiveCoding(net, squared_error, precision=0.7, steps=20_000, tolerance=1e-12)
    v = tuple(a.requires_grad_() for a in rule.infer(batch)[0])
    slopes = torch.autograd.grad(energy(net, v, batch, 0.7), v)
    assert max(float(s.abs().max()) for s in slopes) < 1e-8


def test_at_rest_the_change_is_the_gradient_of_the_energy_that_is_left(batch):
    net = MLP(SIZES, "tanh").double()
    rule = SupervisedPredictiveCoding(net, squared_error, precision=0.7)
    v, _ = rule.infer(batch)
    exact = torch.autograd.grad(energy(net, v, batch, 0.7) / (8 * 0.7), list(net.parameters()))
    assert same(rule.estimate(batch)[1], exact)


def test_the_energy_never_rises_during_inference_even_with_a_rate_that_is_far_too_large(batch):
    net = MLP(SIZES, "tanh").double()
    energies = []
    for steps in range(1, 40):
        rule = SupervisedPredictiveCoding(net, squared_error, precision=2.0, rate=20.0, steps=steps, tolerance=0.0)
        energies.append(float(energy(net, rule.infer(batch)[0], batch, 2.0).detach()))
    assert (torch.tensor(energies).diff() <= 1e-9).all() and energies[-1] < energies[0]


def test_in_a_linear_network_it_is_predictive_coding_from_the_top_down(x):
    """The hierarchy upside down: held at the input, it predicts the target with precision π."""
    net, targets = MLP([6, 4, 3], "linear", bias=False).double(), double(8, 3)
    hierarchy = PredictiveCodingNetwork([3, 4, 6], precisions=[0.7, 1.0], alpha=0.0).double()
    for U, layer in zip(hierarchy.weights, reversed(net.layers), strict=True):
        U.data = layer.weight.data.clone()
    rule = SupervisedPredictiveCoding(net, squared_error, precision=0.7, steps=20_000, tolerance=1e-13)
    upside_down = PredictiveCoding(hierarchy, nudge=math.inf, steps=20_000, tolerance=1e-13)
    expected = upside_down.estimate(Batch(targets, x))[1][::-1]
    assert same(rule.estimate(Batch(x, targets))[1], [g / 0.7 for g in expected], atol=1e-9)


@pytest.mark.parametrize("precision", [0.1, 10.0])
def test_without_hidden_layers_predictive_coding_is_backpropagation(precision, batch):
    net = MLP([6, 3]).double()
    rule = SupervisedPredictiveCoding(net, cross_entropy, precision=precision)
    assert distance(rule.estimate(batch)[1], Backprop(net, cross_entropy).estimate(batch)[1]) < 1e-12


# What all of them keep


def rules(objective=squared_error):
    """One of each, in double precision."""
    nets = make(), make(), MLP(SIZES, "tanh").double()
    kinds = EquilibriumPropagation, ContrastiveHebbian, SupervisedPredictiveCoding
    return [kind(net, objective) for kind, net in zip(kinds, nets, strict=True)]


EACH = pytest.mark.parametrize("which", range(3), ids=["equilibrium", "contrastive", "predictive"])


@EACH
def test_a_rule_returns_the_objective_and_leaves_only_grad_behind(which, batch):
    rule = rules(cross_entropy)[which]
    net, before = rule.network, copy.deepcopy(rule.network.state_dict())
    value = rule(batch)
    assert value == pytest.approx(float(cross_entropy(net, batch).detach()), rel=1e-4)
    assert all(p.grad is not None for p in net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), before.values(), strict=True))


@EACH
def test_a_rule_leaves_frozen_weights_alone(which, batch):
    rule = rules()[which]
    rule(batch)
    every = [p.grad.clone() for p in rule.network.parameters()]
    rule.network.layers[1].weight.requires_grad_(False)
    rule(batch)
    now = [p.grad for p in rule.network.parameters()]
    assert now[2] is None and same(now[:2] + now[3:], every[:2] + every[3:])


@EACH
def test_a_rule_serves_networks_without_biases(which, batch):
    rule = rules()[which]
    arguments = {} if which == 2 else {"feedback_gain": 0.5}
    net = type(rule.network)(SIZES, "tanh", bias=False, **arguments).double()
    type(rule)(net, squared_error)(batch)
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


@EACH
def test_a_penalty_on_the_weights_is_added_to_the_estimate(which, batch):
    rule, both = rules()[which], rules()[which]
    both.network.load_state_dict(rule.network.state_dict())
    both.objective = squared_error + 0.3 * l2
    penalty = torch.autograd.grad(0.3 * l2(rule.network, batch), list(rule.network.parameters()), allow_unused=True)
    estimates, together = rule.estimate(batch)[1], both.estimate(batch)[1]
    expected = [e if g is None else e + g for e, g in zip(estimates, penalty, strict=True)]
    assert same(together, expected)


@EACH
def test_a_rule_learns_digits(which, device):
    sizes, generator = [64, 32, 10], torch.Generator().manual_seed(0)
    nets = [ContinuousHopfield(sizes, generator=generator), ContinuousHopfield(sizes, "tanh", feedback_gain=0.1)]
    net = [*nets, MLP(sizes, "tanh", generator=generator)][which]
    rule = type(rules()[which])(net.to(device), cross_entropy)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    fit(rule, Digits("train"), steps=60, optimizer=optimizer, progress=False)
    assert accuracy(net, Digits("test")) > 0.75


@EACH
def test_a_rule_refuses(which, batch):
    rule = rules()[which]
    kind, net = type(rule), rule.network
    other = MultiHeadMLP([6, 4, 3], heads=2) if which == 2 else MLP(SIZES)
    with pytest.raises(TypeError, match=f"{kind.__name__} teaches a"):
        kind(other, squared_error)
    with pytest.raises(TypeError, match="needs an objective"):
        kind(net, None)
    with pytest.raises(ValueError, match="steps should be a positive integer"):
        kind(net, squared_error, steps=0)
    with pytest.raises(ValueError, match="tolerance should be a number from 0 up"):
        kind(net, squared_error, tolerance=-1.0)
    with pytest.raises(ValueError, match="depends neither on the outputs"):
        kind(net, Objective(lambda outputs, activity, batch, network: torch.zeros(len(batch))))(batch)
    with pytest.raises(ValueError, match="activity"):
        kind(net, squared_error + rate_l2)(batch)
    with pytest.raises(ValueError, match="targets"):
        rule(Batch(batch.inputs))
    with pytest.raises(ValueError, match=r"\(trials, 6\)"):
        rule(Batch(double(8, 5), batch.targets))
    net.requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        kind(net, squared_error)


@EACH
def test_a_rule_refuses_weights_that_are_made_of_others(which):
    rule = rules()[which]
    nn.utils.parametrizations.weight_norm(rule.network.layers[0])
    with pytest.raises(ValueError, match="made of other parameters"):
        type(rule)(rule.network, squared_error)


@pytest.mark.parametrize("nudge", [0.0, -0.1, 1.0, math.nan, "0.1"])
def test_equilibrium_propagation_refuses_a_nudge_of(nudge):
    with pytest.raises(ValueError, match="a strength between 0 and 1"):
        EquilibriumPropagation(make(), squared_error, nudge=nudge)
    if nudge == 1.0:
        EquilibriumPropagation(make(), squared_error, nudge=nudge, symmetric=False)


@pytest.mark.parametrize("name", ["precision", "rate"])
def test_supervised_predictive_coding_refuses_numbers_that_are_not_positive(name):
    with pytest.raises(ValueError, match=f"{name} should be a positive number"):
        SupervisedPredictiveCoding(MLP(SIZES), squared_error, **{name: 0.0})
