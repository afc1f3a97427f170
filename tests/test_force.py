"""FORCE learning: recursive least squares against its closed form, feedback as a change of the weights, and a sine that is held."""

import copy
import math

import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.learning import FORCE
from nnbrain.networks import LSTM, MLP, RNN, LowRankRNN
from nnbrain.objectives import squared_error
from nnbrain.tasks import Batch, Task


def make(units=12, **arguments):
    """A network in double precision with 2 inputs and 3 outputs."""
    defaults = {"tau": 10, "dt": 5, "activation": "tanh", "g": 1.5}
    return RNN(2, units, 3, **defaults | arguments).double()


def make_batch(trials=4, steps=20, mask=None):
    inputs, targets = (torch.randn(trials, steps, n, dtype=torch.float64) for n in (2, 3))
    return Batch(inputs, targets, mask)


def learned(net, *batches, state=None, **arguments):
    """The rule and the output weights after one batch or several."""
    net = copy.deepcopy(net)
    rule = FORCE(net, **arguments)
    rule.state = torch.zeros(len(batches[0]), net.units, dtype=torch.float64) if state is None else state
    for batch in batches:
        rule(batch)
        rule.default_optimizer().step()
    return rule, net.W_y.detach()


def ridge(net, batch, alpha, mask=None):
    """argmin Σ w ‖W_y r + b_y − target‖² + α ‖W_y − W_y(0)‖² and (Σ w r rᵀ + αI)⁻¹, over all steps of all trials, at once."""
    with torch.no_grad():
        outputs, activity = net(batch.inputs)
        r, y, target = activity.flatten(0, 1), outputs.flatten(0, 1), batch.targets.flatten(0, 1)
        w = torch.ones(len(r), 1).double() if mask is None else mask.reshape(-1, 1).double()
        r, y, target, w = (part[w[:, 0] > 0] for part in (r, y, target, w))
        P = torch.linalg.inv((w * r).T @ r + alpha * torch.eye(r.shape[1]))
        return P, net.W_y + (w * (target - y)).T @ r @ P


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 0.1])
@pytest.mark.parametrize("trials", [1, 4])
def test_without_feedback_it_is_ridge_regression_in_closed_form(trials, alpha, bias):
    net, batch = make(bias=bias), make_batch(trials)
    if bias:
        nn.init.normal_(net.b_y)
    rule, W_y = learned(net, batch, alpha=alpha)
    P, expected = ridge(net, batch, alpha)
    assert torch.allclose(rule.P, P, atol=1e-10)
    assert torch.allclose(W_y, expected, atol=1e-10)


def test_a_step_of_one_trial_is_the_rule_as_it_is_written():
    """e = W_y r − target, k = P r / (1 + rᵀ P r), P ← P − k rᵀ P, W_y ← W_y − e kᵀ."""
    net, batch = make(feedback=True, bias=False), make_batch(trials=1, steps=6)
    rule, found = learned(net, batch, alpha=0.5)
    r, P, W_y = torch.zeros(12).double(), torch.eye(12).double() / 0.5, net.W_y.detach().clone()
    for x, target in zip(batch.inputs[0], batch.targets[0], strict=True):
        r = r + 0.5 * (-r + torch.tanh(net.W_r @ r + net.W_x @ x + net.W_fb @ (W_y @ r))).detach()
        e = W_y @ r - target
        k = P @ r / (1 + r @ P @ r)
        P = P - torch.outer(k, r @ P)
        W_y = W_y - torch.outer(e, k)
    assert torch.allclose(found, W_y, atol=1e-10)
    assert torch.allclose(rule.P, P, atol=1e-10)


@pytest.mark.covers("Primer, Equations 28-29")
def test_the_output_fed_back_is_an_input_like_others():
    """τ dr/dt = −r + f(W_r r + W_x x + W_fb y + b_r) and y = W_y r + b_y, in steps."""
    net, batch = make(feedback=True), make_batch(steps=30)
    nn.init.normal_(net.b_y)
    outputs, activity = net(batch.inputs)
    r, y = torch.zeros(4, 12).double(), net.b_y.expand(4, -1)  # the output of silent units
    for t in range(30):
        c = r @ net.W_r.T + batch.inputs[:, t] @ net.W_x.T + y @ net.W_fb.T + net.b_r
        r = r + 5 / 10 * (-r + torch.tanh(c))  # Eq. 28
        y = r @ net.W_y.T + net.b_y  # Eq. 29
        assert torch.allclose(activity[:, t], r, atol=1e-10)
        assert torch.allclose(outputs[:, t], y, atol=1e-10)


@pytest.mark.covers("Primer, Equation 30")
def test_feedback_is_a_low_rank_change_of_the_recurrent_weights():
    """W_r + W_fb W_y without feedback does what W_r does with it."""
    net, batch = make(feedback=True, bias=False), make_batch(steps=30)
    without = make(bias=False)
    weights = {name: p for name, p in net.state_dict().items() if name != "W_fb"}
    change = net.W_fb @ net.W_y
    without.load_state_dict(weights | {"recurrent.weight": net.W_r + change})
    for a, b in zip(net(batch.inputs), without(batch.inputs), strict=True):
        assert torch.allclose(a, b, atol=1e-10)
    assert torch.linalg.matrix_rank(change) == 3


def test_masked_steps_are_not_learned_from_even_if_their_targets_are_nan():
    net, batch = make(), make_batch()
    mask = (torch.rand(4, 20) < 0.5).double()
    mask[:, 3] = 0  # a step that counts in no trial
    targets = torch.where(mask[..., None] > 0, batch.targets, math.nan)
    rule, W_y = learned(net, Batch(batch.inputs, targets, mask))
    P, expected = ridge(net, batch, 1.0, mask)
    assert torch.allclose(rule.P, P, atol=1e-10)
    assert torch.allclose(W_y, expected, atol=1e-10)


def test_steps_count_as_much_as_the_mask_says():
    net, batch = make(), make_batch()
    mask = torch.randint(4, (4, 20)).double() / 2
    _, W_y = learned(net, Batch(batch.inputs, batch.targets, mask))
    assert torch.allclose(W_y, ridge(net, batch, 1.0, mask)[1], atol=1e-10)


def test_it_may_learn_at_every_third_step_only():
    net, batch = make(), make_batch()
    third = (torch.arange(20) % 3 == 0).double().expand(4, 20)
    _, W_y = learned(net, batch, every=3)
    assert torch.allclose(W_y, ridge(net, batch, 1.0, third)[1], atol=1e-10)


def test_silent_units_are_not_learned_from():
    net, batch = make(), make_batch()
    net.gain = torch.tensor([0.0] * 6 + [1.0] * 6, dtype=torch.float64)
    _, W_y = learned(net, batch)
    assert torch.equal(W_y[:, :6], net.W_y[:, :6])
    assert torch.allclose(W_y, ridge(net, batch, 1.0)[1], atol=1e-10)


@pytest.mark.parametrize("masked", [False, True])
def test_it_returns_half_the_squared_error_before_each_change(masked):
    """Which is the squared error of Equation 9, averaged over a trial, where next to nothing is learned."""
    net, batch = make(feedback=True), make_batch()
    mask = torch.randint(1, 4, (4, 20)).double() if masked else None
    rule = FORCE(net, alpha=1e12)
    rule.state = torch.zeros(4, 12, dtype=torch.float64)
    batch = Batch(batch.inputs, batch.targets, mask)
    assert torch.allclose(rule(batch), squared_error(net, batch), rtol=1e-6)


def test_two_batches_are_one_that_is_cut_in_two():
    net, batch = make(feedback=True), make_batch()
    halves = [Batch(batch.inputs[:, part], batch.targets[:, part]) for part in (slice(0, 11), slice(11, 20))]
    (whole, W_whole), (parts, W_parts) = learned(net, batch), learned(net, *halves)
    assert torch.allclose(W_parts, W_whole, atol=1e-10)
    assert torch.allclose(parts.P, whole.P, atol=1e-10)
    assert torch.allclose(parts.state, whole.state, atol=1e-10)


def test_the_network_is_untouched_until_the_optimizer_steps():
    net, batch = make(feedback=True), make_batch()
    before = copy.deepcopy(net.state_dict())
    FORCE(net)(batch)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [name for name, p in net.named_parameters() if p.grad is not None] == ["output.weight"]
    assert not any(part._forward_hooks or part._backward_hooks for part in net.modules())
    assert all(p.requires_grad for p in net.parameters())


def test_the_first_state_and_the_noise_come_from_the_generator():
    net, batch = make(feedback=True, sigma=0.3), make_batch()
    quiet = make(feedback=True)
    quiet.load_state_dict(net.state_dict())

    def weights(network, seed):
        rule = FORCE(network, generator=torch.Generator().manual_seed(seed))
        rule(batch)
        return network.W_y.grad

    assert torch.equal(weights(net, 1), weights(net, 1))
    assert not torch.allclose(weights(net, 1), weights(net, 2))
    assert not torch.allclose(weights(net, 1), weights(quiet, 1))  # the same first state, but no noise


def test_without_a_generator_a_network_is_run_noise_free():
    net, batch = make(sigma=0.3), make_batch()
    quiet = make()
    quiet.load_state_dict(net.state_dict())
    assert torch.equal(learned(net, batch)[1], learned(quiet, batch)[1])


def test_it_teaches_low_rank_networks_too():
    net = LowRankRNN(2, 12, 3, rank=2, activation="tanh").double()
    batch = make_batch()
    assert torch.allclose(learned(net, batch)[1], ridge(net, batch, 1.0)[1], atol=1e-10)


def test_a_copy_of_the_rule_goes_on_from_where_it_was():
    net, first, second = make(feedback=True), make_batch(), make_batch()
    rule = FORCE(net)
    rule(first)
    twin = copy.deepcopy(rule)
    assert torch.equal(rule(second), twin(second))
    assert torch.equal(rule.P, twin.P)


PERIOD = 600  # steps: 60 τ


class Sine(Task):
    """A sine without input, one period a trial."""

    def sample(self, trials, generator=None):
        target = torch.sin(2 * math.pi * torch.arange(1, PERIOD + 1) / PERIOD)
        return Batch(torch.zeros(trials, PERIOD, 1), target.expand(trials, -1).unsqueeze(-1)).to(nb.device())

    def score(self, outputs, batch):
        return (outputs - batch.targets).abs().mean((1, 2)) < 0.005


def test_a_sine_is_held_after_training(device):
    """Sussillo & Abbott 2009: 300 units, g = 1.5, a tenth of the connections, Δt = 0.1 τ, a period of 60 τ."""
    net = RNN(1, 300, 1, tau=10, dt=1, activation="tanh", g=1.5, density=0.1, bias=False, feedback=True).to(device)
    rule, batch = FORCE(net), Sine().sample(1)
    with torch.no_grad():
        untrained = (net(batch.inputs, state=rule._first_state(batch))[0] - batch.targets).abs().mean()
        history = nb.fit(rule, Sine(), steps=32, trials=1, progress=False)
        outputs, _ = net(batch.inputs, state=rule.state)  # nothing is learned any more
    assert untrained > 0.3
    assert history.loss[0] < 0.01  # held from the first moment
    assert Sine().score(outputs, batch).all()


# What it refuses


@pytest.mark.parametrize("net, lacks", [(MLP([3, 2]), "initial_state, step, readout"), (nn.Linear(2, 3), "output")])
def test_networks_without_time_are_refused(net, lacks):
    with pytest.raises(ValueError, match=f"network in time, such as an RNN; this one has no .*{lacks}"):
        FORCE(net)


def test_an_output_that_is_not_linear_is_refused():
    net = make()
    net.output = nn.Sequential(nn.Linear(12, 3))
    with pytest.raises(ValueError, match="this one has no linear output"):
        FORCE(net)


def test_a_network_whose_state_has_several_parts_is_refused():
    with pytest.raises(ValueError, match="that of this LSTM has several parts"):
        FORCE(LSTM(1, 4, 1))


def test_frozen_output_weights_are_refused():
    net = make()
    net.output.requires_grad_(False)
    with pytest.raises(ValueError, match="those of this network are frozen"):
        FORCE(net)


@pytest.mark.parametrize("alpha", [0, -1.0, math.nan, math.inf, None])
def test_an_alpha_that_is_no_positive_number_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha should be a positive number, got"):
        FORCE(make(), alpha=alpha)


@pytest.mark.parametrize("every", [0, 1.5])
def test_changes_every_so_many_steps_need_a_positive_integer(every):
    with pytest.raises(ValueError, match="every should be a positive integer, got"):
        FORCE(make(), every=every)


@pytest.mark.parametrize(
    "batch",
    [
        Batch(torch.zeros(4, 20, 2).double(), torch.zeros(4, 20).long()),
        Batch(torch.zeros(4, 20, 2).double()),
        Batch(torch.zeros(4, 2).double(), torch.zeros(4, 3).double()),
        Batch(torch.zeros(4, 0, 2).double(), torch.zeros(4, 0, 3).double()),
    ],
    ids=["classes", "no targets", "no time", "no steps"],
)
def test_a_batch_without_a_value_for_every_step_is_refused(batch):
    with pytest.raises(ValueError, match="inputs in time, trials × time × inputs, and a value as the target of every"):
        FORCE(make())(batch)


@pytest.mark.parametrize("shape", [(4, 20, 2), (4, 19, 3), (4, 3)])
def test_targets_of_another_shape_are_refused(shape):
    batch = make_batch()
    with pytest.raises(ValueError, match=r"outputs of shape \(4, 20, 3\) need values of shape \(4, 20, 3\) as targets"):
        FORCE(make())(Batch(batch.inputs, torch.zeros(shape).double()))


def test_inputs_of_another_type_or_size_are_refused():
    batch = make_batch()
    with pytest.raises(TypeError, match=r"computes in torch.float64, got inputs in torch.float32"):
        FORCE(make())(batch.to(torch.float32))
    with pytest.raises(ValueError, match="an input, trials × 2, got"):
        FORCE(make())(Batch(batch.targets, batch.targets))


def test_another_number_of_trials_than_before_is_refused_and_changes_nothing():
    rule = FORCE(make())
    rule(make_batch(trials=4))
    P = rule.P.clone()
    with pytest.raises(
        ValueError, match="carries its states from batch to batch: this one has 3 trials, the last had 4"
    ):
        rule(make_batch(trials=3))
    assert torch.equal(rule.P, P) and len(rule.state) == 4
