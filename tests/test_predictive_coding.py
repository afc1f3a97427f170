"""Predictive coding: inference against closed-form posteriors, learning against autograd and backpropagation."""

import copy
import math
import pickle

import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import record
from nnbrain.learning import Backprop, PredictiveCoding
from nnbrain.networks import MLP, PredictiveCodingNetwork, run
from nnbrain.objectives import squared_error
from nnbrain.tasks import Batch, FiniteTask, Task

ACTIVATIONS = pytest.mark.parametrize(
    "activation", ["linear", "tanh", "softplus", "sigmoid", lambda c: c + 0.3 * c.sin()]
)
PRIORS = pytest.mark.parametrize("prior", ["gaussian", "sparse"])


def make(sizes=(7, 5, 3), **arguments):
    """A network in double precision, with unequal precisions and costs."""
    levels = len(sizes) - 1
    defaults = {"precisions": [1.0, 0.5, 0.8][:levels], "alpha": [0.3, 0.2, 0.1][:levels]}
    return PredictiveCodingNetwork(sizes, **defaults | arguments).double()


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def random_state(net, trials=4):
    return tuple(double(trials, n) for n in net.sizes[1:])


def rest(net, x, nudge=None, **arguments):
    return net.relax(x, nudge, steps=20_000, tolerance=1e-12, **arguments)


def same(first, second, atol=1e-9):
    return all(torch.allclose(a, b, atol=atol) for a, b in zip(first, second, strict=True))


# The energy, and what the rates make of it


@PRIORS
def test_the_energy_is_the_sum_of_weighted_errors_and_costs(prior):
    net, x = make(activation="tanh", prior=prior), double(2, 7)
    r_1, r_2 = random_state(net, 2)
    U_1, U_2 = (U.detach() for U in net.U)
    for k in range(2):
        below = 0.5 * sum((x[k, i] - math.tanh(U_1[i] @ r_1[k])) ** 2 for i in range(7))
        above = 0.25 * sum((r_1[k, i] - math.tanh(U_2[i] @ r_2[k])) ** 2 for i in range(5))
        cost = (lambda r: r**2) if prior == "gaussian" else (lambda r: math.log(1 + r**2))
        costs = 0.5 * (0.3 * sum(cost(float(r)) for r in r_1[k]) + 0.2 * sum(cost(float(r)) for r in r_2[k]))
        assert float(net.energy((r_1, r_2), x)[k].detach()) == pytest.approx(float(below + above + costs), abs=1e-6)


@PRIORS
@ACTIVATIONS
@pytest.mark.parametrize("strength", [None, 0.7])
def test_rates_change_down_the_gradient_of_the_energy(activation, prior, strength):
    net, x = make((7, 5, 4, 3), activation=activation, prior=prior), double(4, 7)
    nudge = None if strength is None else (double(4, 3), strength)
    state = tuple(r.requires_grad_() for r in random_state(net))
    gradient = torch.autograd.grad(net.energy(state, x, nudge).sum(), state)
    assert same(net.change(state, x, nudge), [-g for g in gradient])


def test_a_function_of_ones_own_may_bear_any_name():
    def tanh(c):
        return 2 * c + c.sin()

    net, x = make(activation=tanh), double(4, 7)
    state = tuple(r.requires_grad_() for r in random_state(net))
    gradient = torch.autograd.grad(net.energy(state, x).sum(), state)
    assert same(net.change(state, x), [-g for g in gradient])


def test_each_level_may_have_an_activation_of_its_own():
    net, state = make(activation=["linear", "tanh"]), (double(4, 5), double(4, 3))
    expected = state[0] @ net.U[0].T, torch.tanh(state[1] @ net.U[1].T)
    assert same(net.predictions(state), expected)


def test_errors_are_what_predictions_leave():
    net, x = make(activation="tanh"), double(4, 7)
    state = random_state(net)
    levels = x, state[0]
    assert same(net.errors(state, x), [r - p for r, p in zip(levels, net.predictions(state), strict=True)])


@PRIORS
@ACTIVATIONS
def test_the_energy_never_rises_during_inference(activation, prior):
    net, x, state, energies = make(activation=activation, prior=prior), 3 * double(20, 7), None, []
    for _ in range(60):
        state = net.relax(x, state=state, steps=1)
        energies.append(net.energy(state, x))
    energies = torch.stack(energies)
    assert (energies.diff(dim=0) <= 1e-12 * energies[:-1]).all() and (energies[-1] < energies[0]).all()


def test_the_energy_does_not_rise_with_a_step_that_is_far_too_large():
    net, x = make(), 3 * double(20, 7)
    state = net.relax(x, rate=50.0, steps=2000, tolerance=1e-9)
    assert same(state, rest(net, x), atol=1e-5)


@PRIORS
@ACTIVATIONS
def test_inference_ends_where_the_rates_rest(activation, prior):
    net, x = make(activation=activation, prior=prior), double(10, 7)
    state = net.relax(x, steps=50_000, tolerance=1e-9)
    assert max(float(d.detach().abs().max()) for d in net.change(state, x)) < 1e-6


def test_inference_in_many_calls_of_one_step_is_that_in_one_call():
    net, x, state = make(activation="tanh"), double(4, 7), None
    for _ in range(25):
        state = net.relax(x, state=state, steps=1)
    assert same(state, net.relax(x, steps=25, tolerance=0.0), atol=1e-14)


def test_trials_are_inferred_each_by_itself():
    net, x = make(prior="sparse"), double(6, 7)
    alone = net.relax(x[2:3], steps=40, tolerance=0.0)
    assert same([r[2:3] for r in net.relax(x, steps=40, tolerance=0.0)], alone, atol=1e-14)


def test_it_stops_when_no_rate_changes_by_more_than_the_tolerance():
    net, x = make(), double(4, 7)
    state = net.relax(x, tolerance=1e-3)
    step = [a - b for a, b in zip(net.relax(x, state=state, steps=1), state, strict=True)]
    assert 0 < max(float(d.abs().max()) for d in step) <= 1e-3


def test_it_stops_where_nothing_is_left_to_correct():
    net = make(activation=lambda c: calls.append(1) or c.tanh(), alpha=0.0)
    calls = []
    target = double(4, 3)
    net.relax(net.generate(target)[0].detach(), (target, math.inf))
    assert len(calls) < 50


def test_single_precision_comes_as_near_to_rest_as_it_can():
    net, x = make(), double(10, 7)
    exact = rest(net, x)
    assert same(copy.deepcopy(net).float().relax(x.float(), tolerance=1e-6), [r.float() for r in exact], atol=1e-4)


# Linear and Gaussian: the posterior mean in closed form


def test_one_linear_level_infers_the_posterior_mean():
    net, x = make((7, 5), precisions=2.0, alpha=0.3), double(4, 7)
    U = net.U[0].detach()
    expected = torch.linalg.solve(2 * U.T @ U + 0.3 * torch.eye(5).double(), 2 * U.T @ x.T).T
    assert same(rest(net, x), [expected], atol=1e-6)


def test_two_linear_levels_infer_the_posterior_mean_of_the_hierarchical_model():
    """r_2 ~ N(0, 1/α), r_1 = U_2 r_2 + noise, x = U_1 r_1 + noise: Gaussian conditioning, in the space of the inputs."""
    net, x = make(precisions=[1.0, 0.5], alpha=[0.0, 0.2]), double(4, 7)
    U_1, U_2 = (U.detach() for U in net.U)
    cov_1 = U_2 @ U_2.T / 0.2 + torch.eye(5).double() / 0.5
    cov_x = U_1 @ cov_1 @ U_1.T + torch.eye(7).double()
    seen = torch.linalg.solve(cov_x, x.T)
    expected = (cov_1 @ U_1.T @ seen).T, (U_2.T / 0.2 @ U_1.T @ seen).T
    assert same(rest(net, x), expected, atol=1e-6)


def test_a_sparse_prior_makes_rates_sparser_than_a_gaussian_one():
    def kurtosis(prior):
        net = make((20, 40), prior=prior, alpha=1.0, precisions=1.0, generator=torch.Generator().manual_seed(0))
        (r,) = net.relax(double(200, 20) * 2)
        return float(((r / r.std()) ** 4).mean())

    assert kurtosis("sparse") > kurtosis("gaussian") + 1


# Feedback


def test_without_feedback_the_first_level_does_not_hear_of_those_above():
    net, x = make((7, 5, 4, 3), activation="tanh"), double(4, 7)
    other = copy.deepcopy(net)
    for W in other.weights[1:]:
        nn.init.normal_(W)
    assert same(net.relax(x, feedback=False)[:1], other.relax(x, feedback=False)[:1], atol=1e-4)
    assert not same(net.relax(x)[:1], other.relax(x)[:1], atol=1e-2)


def test_without_feedback_the_first_level_expects_nothing():
    """What is expected of it is 0, with the precision of the prediction that is missing: a Gaussian prior."""
    net, x = make(precisions=[1.0, 0.5], alpha=[0.3, 0.2]), double(4, 7)
    alone = make((7, 5), precisions=1.0, alpha=0.3 + 0.5)
    alone.weights[0].data = net.weights[0].data
    assert same(rest(net, x, feedback=False)[:1], rest(alone, x), atol=1e-6)


def test_without_feedback_the_second_level_still_infers_from_the_first():
    net, x = make(), double(4, 7)
    r_1, r_2 = rest(net, x, feedback=False)
    above = make((5, 3), precisions=0.5, alpha=0.2)
    above.weights[0].data = net.weights[1].data
    assert same([r_2], rest(above, r_1), atol=1e-6)


def test_without_feedback_error_units_of_the_first_level_signal_all_of_its_activity():
    net, x = make(), double(4, 7)
    state = random_state(net)
    assert same(net.errors(state, x, feedback=False), [net.errors(state, x)[0], state[0]])


def test_what_the_second_level_predicts_well_leaves_small_errors_in_the_first():
    net = make((30, 20, 3), precisions=[1.0, 1.0], alpha=[0.0, 0.01])
    x = net.generate(2 * double(10, 3))[0].detach()
    state, cut = rest(net, x), net.relax(x, feedback=False)
    silenced = net.errors(state, x)[1].norm() / net.errors(cut, x, feedback=False)[1].norm()
    assert silenced < 0.1


# Targets for the highest level


def test_what_is_generated_from_the_top_has_no_errors():
    net = make((7, 5, 4, 3), activation="tanh")
    x, state = net.generate(double(4, 3))
    assert all(float(e.detach().abs().max()) < 1e-12 for e in net.errors(state, x))


def test_an_infinite_nudge_holds_the_highest_level_at_the_target():
    net, x, target = make(activation="tanh"), double(4, 7), double(4, 3)
    state = rest(net, x, (target, math.inf))
    assert torch.equal(net.outputs(state), target)
    assert float(net.change(state, x, (target, math.inf))[0].detach().abs().max()) < 1e-6


def test_where_a_target_is_held_inference_starts_from_what_it_generates():
    net, target = make((7, 5, 4, 3), activation="relu"), double(4, 3)
    x, state = net.generate(target)
    net.alpha.zero_()
    assert same(net.relax(x, (target, math.inf), steps=1), state, atol=1e-12)


def test_a_target_is_held_wherever_the_state_starts():
    net, x, target = make(), double(4, 7), double(4, 3)
    state = net.relax(x, (target, math.inf), state=random_state(net), steps=1)
    assert torch.equal(state[-1], target)


def test_a_strong_nudge_takes_the_level_to_its_target_in_one_step():
    net, x, target = make((7, 5)), double(4, 7), double(4, 5)
    assert same(net.relax(x, (target, 1e6), steps=1), [target], atol=1e-4)


def test_a_nudge_that_grows_becomes_one_that_holds():
    net, x, target = make(), double(4, 7), double(4, 3)
    held = rest(net, x, (target, math.inf))
    far = [float((rest(net, x, (target, strength))[0] - held[0]).norm()) for strength in (1e1, 1e2, 1e3)]
    assert far[0] > 5 * far[1] > 25 * far[2]


def test_a_nudge_pulls_to_the_target_as_much_as_its_strength_says():
    """dr_L/dt = 0 at rest: what the errors want of the level is minus what the target does."""
    net, x, target = make(), double(4, 7), double(4, 3)
    state = rest(net, x, (target, 0.7))
    assert torch.allclose(net.change(state, x)[-1], -0.7 * (target - state[-1]), atol=1e-6)


# Masks


def modules(n, pixels, units):
    """A mask of modules that each see their own window."""
    return torch.block_diag(*[torch.ones(pixels, units)] * n)


def test_a_unit_predicts_only_what_its_mask_shows_it():
    mask = modules(2, 4, 3)
    net = PredictiveCodingNetwork([8, 6, 2], masks=[mask, None])
    nn.init.normal_(net.weights[0])
    r_1 = torch.zeros(1, 6)
    r_1[0, :3] = 1.0
    x_hat = net.predictions((r_1, torch.zeros(1, 2)))[0][0]
    assert (x_hat[4:] == 0).all() and (x_hat[:4] != 0).all()


def test_learning_never_makes_a_connection_that_the_mask_excludes():
    mask = modules(2, 4, 3)
    net = PredictiveCodingNetwork([8, 6, 2], masks=[mask, None]).to(nb.device())
    nb.fit(PredictiveCoding(net), FiniteTask(torch.randn(32, 8), torch.zeros(32).long()), 5, progress=False)
    assert ((net.weights[0].detach().cpu() != 0) == (mask != 0)).all()


def test_with_and_without_masks_a_unit_predicts_with_a_norm_of_about_1():
    mask = modules(2, 100, 50)
    for net in (PredictiveCodingNetwork([200, 100], masks=[mask]), PredictiveCodingNetwork([200, 100])):
        assert float(net.U[0].detach().norm(dim=0).square().mean()) == pytest.approx(1, abs=0.05)


def test_modules_do_not_hear_of_each_other_without_a_level_above():
    net, x = make((8, 6), masks=[modules(2, 4, 3)]), double(4, 8)
    first = make((4, 3))
    first.weights[0].data = net.weights[0].data[:4, :3]
    assert same([rest(net, x)[0][:, :3]], rest(first, x[:, :4]), atol=1e-6)


# Learning


def window():
    """A mask of numbers, as a Gaussian window would be."""
    return torch.linspace(0.2, 1, 35).reshape(7, 5)


@PRIORS
@ACTIVATIONS
@pytest.mark.parametrize("strength", [None, 0.5, math.inf], ids=["free", "nudged", "held"])
@pytest.mark.parametrize("masks", [None, [window(), None]], ids=["full", "masked"])
def test_the_rule_is_the_gradient_of_the_energy_at_rest(activation, prior, strength, masks):
    net = make(activation=activation, prior=prior, masks=masks)
    batch = Batch(double(6, 7), double(6, 3))
    value = PredictiveCoding(net, nudge=strength, steps=100)(batch)
    nudge = None if strength is None else (batch.targets, strength)
    state = net.relax(batch.inputs, nudge, steps=100, tolerance=1e-4)
    energy = net.energy(state, batch.inputs, nudge).mean()
    assert same([W.grad for W in net.weights], torch.autograd.grad(energy, list(net.weights)), atol=1e-12)
    assert torch.allclose(value, energy.detach())


def test_at_rest_it_is_the_gradient_of_the_energy_that_is_left_after_inference():
    """∂E/∂r = 0, so that how the rates depend on the weights does not matter: finite differences of min E."""
    net, batch = make(activation="tanh"), Batch(double(6, 7))
    PredictiveCoding(net, steps=20_000, tolerance=1e-12)(batch)

    def left(change):
        other = copy.deepcopy(net)
        other.weights[1].data[2, 1] += change
        return float(other.energy(rest(other, batch.inputs), batch.inputs).detach().mean())

    assert float(net.weights[1].grad[2, 1]) == pytest.approx((left(1e-4) - left(-1e-4)) / 2e-4, abs=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_with_a_weak_output_precision_it_becomes_backpropagation(activation):
    """The cause held at the top, the target of an MLP as the input below: Whittington & Bogacz 2017."""
    mlp, batch = MLP([3, 5, 4, 2], activation, bias=False).double(), Batch(double(6, 3), double(6, 2))
    Backprop(mlp, squared_error)(batch)
    far = []
    for pi in (1e-3, 1e-4):
        net = PredictiveCodingNetwork(
            [2, 4, 5, 3], activation=["linear", activation, activation], precisions=[pi, 1.0, 1.0], alpha=0.0
        ).double()
        for W, layer in zip(net.weights, reversed(mlp.layers), strict=True):
            W.data = layer.weight.data.clone()
        rule = PredictiveCoding(net, nudge=math.inf, steps=10_000, tolerance=1e-12)
        rule(Batch(batch.targets, batch.inputs))
        far.append(
            sum(
                float((W.grad / float(net.precisions[0]) - layer.weight.grad).norm())
                for W, layer in zip(net.weights, reversed(mlp.layers), strict=True)
            )
        )
    assert far[1] < 1e-3 and far[1] == pytest.approx(far[0] / 10, rel=0.05)


class Correlated(Task):
    """Inputs in which three of eight directions hold nearly all of the variance."""

    def __init__(self):
        self.axes = torch.linalg.qr(torch.randn(8, 8)).Q

    def sample(self, trials, generator=None):
        sizes = torch.tensor([3.0, 2.5, 2.0, 0.3, 0.3, 0.2, 0.2, 0.1])
        return Batch(torch.randn(trials, 8, generator=generator) * sizes @ self.axes.T).to(nb.device())

    def score(self, outputs, batch):
        raise NotImplementedError


def test_a_linear_network_learns_to_predict_the_principal_components():
    task = Correlated()
    net = PredictiveCodingNetwork([8, 3], alpha=0.01).to(nb.device())
    rule = PredictiveCoding(net, steps=100)
    nb.fit(rule, task, 400, optimizer=torch.optim.Adam(rule.parameters(), lr=0.02), trials=64, progress=False)
    learned = torch.linalg.qr(net.U[0].detach().cpu()).Q
    cosines = torch.linalg.svdvals(learned.T @ task.axes[:, :3])
    assert float(cosines.min()) > 0.99


def test_integer_targets_hold_the_highest_level_at_one_hot_vectors():
    net, x, classes = make(), double(4, 7), torch.tensor([0, 2, 1, 2])
    PredictiveCoding(net, nudge=math.inf)(Batch(x, classes))
    first = [W.grad for W in net.weights]
    PredictiveCoding(net, nudge=math.inf)(Batch(x, nn.functional.one_hot(classes, 3).double()))
    assert same(first, [W.grad for W in net.weights])


def test_frozen_weights_are_left_alone():
    net = make()
    net.weights[0].requires_grad_(False)
    rule = PredictiveCoding(net)
    rule(Batch(double(4, 7)))
    assert len(rule.parameters()) == 1 and net.weights[0].grad is None and net.weights[1].grad is not None


def test_the_rule_changes_nothing_but_gradients():
    net = make()
    before = copy.deepcopy(net.state_dict())
    PredictiveCoding(net)(Batch(double(4, 7)))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


# A network like others


def test_it_runs_as_a_feed_forward_network():
    net, x = make(), double(4, 7)
    outputs, activity = run(net, x)
    assert torch.equal(outputs, net.relax(x)[-1]) and activity is None


def test_rates_and_error_units_can_be_recorded():
    net, x = make(), double(4, 7)
    state, recorded = net.relax(x), record(net, x)
    assert same([recorded["rates.0"], recorded["rates.1"]], state)
    assert same([recorded["error_units.0"], recorded["error_units.1"]], net.errors(state, x))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_computes_the_same(duplicate):
    net, x = make(activation="tanh", masks=[window(), None]), double(4, 7)
    assert torch.equal(duplicate(net)(x), net(x))


def test_the_state_dict_holds_all_that_it_computes_with():
    net, other = (make(masks=[mask, None]) for mask in (window(), torch.ones(7, 5)))
    other.load_state_dict(net.state_dict())
    x = double(4, 7)
    assert torch.equal(other(x), net(x))


def test_the_same_generator_gives_the_same_weights():
    one, two = (PredictiveCodingNetwork([7, 5], generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one.weights[0], two.weights[0])


def test_it_works_on_the_device(device):
    net = PredictiveCodingNetwork([7, 5, 3], masks=[window(), None], prior="sparse").to(device)
    x = torch.randn(4, 7, device=device)
    PredictiveCoding(net, nudge=1.0)(Batch(x, torch.randn(4, 3, device=device)))
    assert net(x).device == x.device and net.weights[0].grad.device == x.device


# What it refuses


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sizes": [7]}, "two sizes or more"),
        ({"sizes": [7, 0]}, "positive integer"),
        ({"sizes": 7}, "sequence of positive integers"),
        ({"prior": "cauchy"}, "prior is 'gaussian' or 'sparse'"),
        ({"alpha": -1}, "alpha should be a number from 0 up"),
        ({"alpha": [1, 1, 1]}, "alpha should be one for all 2 levels, or a list of 2, got 3"),
        ({"precisions": 0}, "precisions should be a positive number"),
        ({"precisions": [1.0]}, "list of 2, got 1"),
        ({"activation": "sine"}, "no activation function is called"),
        ({"activation": ["tanh"]}, "activation should be one for all 2 levels"),
        ({"masks": [torch.ones(5, 7), None]}, r"mask of level 1 should be a tensor of shape \(7, 5\), got \(5, 7\)"),
        ({"masks": [None, torch.zeros(5, 3)]}, "mask of level 2 leaves some units without any connection"),
        ({"masks": torch.ones(7, 5)}, "masks should be one for all 2 levels"),
    ],
    ids=str,
)
def test_a_network_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        PredictiveCodingNetwork(**{"sizes": [7, 5, 3]} | arguments)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda net, x: net(x[:, :5]), ValueError, r"the input should have shape \(trials, 7\), got \(4, 5\)"),
        (lambda net, x: net(x[:, :, None]), ValueError, "Flatten images first"),
        (lambda net, x: net(x[:0]), ValueError, "the input should have shape"),
        (lambda net, x: net(x.float()), TypeError, "computes in torch.float64"),
        (lambda net, x: net(x.numpy()), TypeError, "expects a tensor"),
        (lambda net, x: net.relax(x, steps=0), ValueError, "steps should be a positive integer"),
        (lambda net, x: net.relax(x, rate=0.0), ValueError, "rate should be a positive number"),
        (lambda net, x: net.relax(x, tolerance=-1), ValueError, "tolerance should be a number from 0 up"),
        (lambda net, x: net.relax(x, x), ValueError, "a nudge is a pair of a target and a positive strength"),
        (lambda net, x: net.relax(x, (x[:, :3], 0.0)), ValueError, "a nudge is a pair"),
        (lambda net, x: net.relax(x, (x, 1.0)), ValueError, r"a target should have shape \(4, 3\), got \(4, 7\)"),
        (lambda net, x: net.relax(x, state=(x[:, :5],)), ValueError, "a tuple of 2 tensors, r_1 to r_2, got 1 of them"),
        (
            lambda net, x: net.energy((x[:3, :5], x[:3, :3]), x),
            ValueError,
            r"r_1 should have shape \(4, 5\), got \(3, 5\)",
        ),
        (lambda net, x: net.predictions((x[:, :5], x[:3, :3])), ValueError, r"r_2 should have shape \(4, 3\)"),
        (lambda net, x: net.errors(x, x), ValueError, "got Tensor"),
        (lambda net, x: net.generate(x), ValueError, r"should have shape \(trials, 3\)"),
    ],
)
def test_its_methods_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call(make(), double(4, 7))


def test_units_that_would_stay_silent_are_refused():
    with pytest.raises(ValueError, match="silent units would stay silent"):
        make(activation="relu")(double(4, 7))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"nudge": 0.0}, "nudge is a positive strength"),
        ({"steps": 0}, "steps should be"),
        ({"tolerance": -1}, "tolerance"),
    ],
)
def test_the_rule_refuses_numbers_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        PredictiveCoding(make(), **arguments)


def test_the_rule_refuses_another_network():
    with pytest.raises(TypeError, match="teaches a PredictiveCodingNetwork, which has an energy; got MLP"):
        PredictiveCoding(MLP([3, 2]))


def test_the_rule_refuses_a_network_with_nothing_to_teach():
    with pytest.raises(ValueError, match="frozen"):
        PredictiveCoding(make().requires_grad_(False))


def test_the_rule_refuses_a_nudge_without_targets():
    with pytest.raises(ValueError, match="it has none"):
        PredictiveCoding(make(), nudge=1.0)(Batch(double(4, 7)))
