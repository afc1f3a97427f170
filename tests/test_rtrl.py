"""Learning forward in time: RTRL against backpropagation through time, RFLO against automatic differentiation of what it keeps."""

import copy

import pytest
import torch
from torch import nn

from nnbrain.learning import RFLO, RTRL, Backprop
from nnbrain.networks import GRU, MLP, RNN, ErrorDrivenRNN, LowRankRNN, dales_law
from nnbrain.networks.activations import FUSED
from nnbrain.objectives import Objective, cross_entropy, l2, rate_l2, squared_error
from nnbrain.tasks import Batch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make(activation="tanh", kind=RNN, **arguments):
    """A network of 3 inputs, 6 units and 2 outputs in double precision, whose biases are not 0."""
    net = kind(3, 6, 2, activation=activation, **arguments).double()
    for b in (net.b_r, net.b_y):
        if b is not None:
            nn.init.normal_(b, 0.0, 0.5)
    return net


@pytest.fixture
def batch():
    """Five trials of nine steps, with a target for every step, of which some do not count."""
    mask = (torch.rand(5, 9) > 0.3).double()
    mask[:, -1] = 1
    return Batch(torch.randn(5, 9, 3).double(), torch.randn(5, 9, 2).double(), mask)


def estimates(rule, batch):
    value, found = rule.estimate(batch)
    return [value.detach(), *found]


def same(first, second, atol=1e-12):
    pairs = zip(first, second, strict=True)
    return all(a is b if a is None or b is None else torch.allclose(a, b, atol=atol, rtol=1e-10) for a, b in pairs)


def cosine(first, second):
    first, second = (torch.cat([g.flatten() for g in part]) for part in (first, second))
    return float(first @ second / first.norm() / second.norm())


def hidden(net, found):
    """The estimates for all but the output's weights."""
    names = [name for name, _ in net.named_parameters()]
    return [g for name, g in zip(names, found, strict=True) if not name.startswith("output")]


# RTRL is the gradient


@pytest.mark.parametrize("name", FUSED)
def test_rtrl_equals_backpropagation_through_time(name, batch):
    net = make(name)
    assert same(estimates(RTRL(net, squared_error), batch), estimates(Backprop(net, squared_error), batch))


@pytest.mark.parametrize(
    "arguments", [{"dt": 100.0}, {"bias": False}, {"kind": LowRankRNN, "rank": 2}], ids=["Elman", "no bias", "low rank"]
)
def test_rtrl_equals_it_in_every_kind_of_network(arguments, batch):
    net = make(**arguments)
    assert same(estimates(RTRL(net, squared_error), batch), estimates(Backprop(net, squared_error), batch))


def test_rtrl_equals_it_under_dales_law(batch):
    net = dales_law(make("softplus"), 0.5)
    assert same(estimates(RTRL(net, squared_error), batch), estimates(Backprop(net, squared_error), batch))


def test_rtrl_equals_it_for_a_function_of_the_readers_own(batch):
    net = make(lambda c: torch.sin(c) + 0.1 * c)
    assert same(estimates(RTRL(net, squared_error), batch), estimates(Backprop(net, squared_error), batch))


def test_rtrl_equals_it_for_classes_and_penalties_on_weights_and_rates(batch):
    net, objective = make(), cross_entropy + 0.1 * l2 + 0.3 * rate_l2
    classes = Batch(batch.inputs, torch.randint(0, 2, (5, 9)), batch.mask)
    assert same(estimates(RTRL(net, objective), classes), estimates(Backprop(net, objective), classes))


@pytest.mark.parametrize("shape", [(6,), (9, 6)], ids=["lesion", "changing in time"])
def test_rtrl_equals_it_with_a_gain(shape, batch):
    net = make()
    net.gain = torch.rand(shape).double()
    net.gain[..., 0] = 0
    assert same(estimates(RTRL(net, squared_error), batch), estimates(Backprop(net, squared_error), batch))


def test_rtrl_equals_it_in_the_same_noise(batch):
    net = make(sigma=0.5)
    noisy = [estimates(rule(net, squared_error, generator=generator(3)), batch) for rule in (RTRL, Backprop)]
    assert same(*noisy)
    assert not same(noisy[0], estimates(RTRL(net, squared_error), batch), atol=1e-3)


def test_rtrl_leaves_frozen_weights_and_those_that_do_not_matter_alone(batch):
    net = make()
    net.input.weight.requires_grad_(False)
    rule = RTRL(net, l2)
    rule(batch)
    assert net.input.weight.grad is None and net.output.bias.grad is not None
    assert len(rule.parameters()) == 4


# RFLO


def without_recurrence(net, batch, B):
    """What RFLO keeps of the gradient, by automatic differentiation: the recurrence is cut, the leak is not, errors go by B."""
    s, states = net.initial_state(len(batch)), []
    for x_t in batch.inputs.unbind(1):
        r = net.f(s.detach() @ net.W_r.T + x_t @ net.W_x.T + net.b_r)
        s = (1 - net.alpha) * s + net.alpha * r
        states.append(s)
    states = torch.stack(states, 1)
    outputs = (states.detach() @ net.W_y.T + net.b_y).detach().requires_grad_()
    loss = squared_error.per_trial(outputs, None, batch, net).mean()
    (errors,) = torch.autograd.grad(loss, outputs)
    carrier = (states * (errors @ B.T)).sum() + ((states.detach() @ net.W_y.T + net.b_y) * errors).sum()
    return torch.autograd.grad(carrier, list(net.parameters()))


@pytest.mark.parametrize("feedback", ["random", "transposed"])
def test_rflo_is_the_gradient_without_its_way_through_other_units(feedback, batch):
    net = make()
    rule = RFLO(net, squared_error, feedback=feedback)
    B = net.W_y.T if feedback == "transposed" else rule.feedback
    assert same(rule.estimate(batch)[1], without_recurrence(net, batch, B.detach()))


def test_rflo_with_transposed_feedback_is_exact_without_recurrent_connections(batch):
    net = make(g=0.0)
    local, exact = (
        rule.estimate(batch)[1]
        for rule in (RFLO(net, squared_error, feedback="transposed"), Backprop(net, squared_error))
    )
    assert same(local, exact)


def test_rflo_follows_the_output_weights_gradient_whatever_the_feedback(batch):
    net = make()
    local, exact = (rule.estimate(batch)[1] for rule in (RFLO(net, squared_error), Backprop(net, squared_error)))
    of_output = [i for i, (name, _) in enumerate(net.named_parameters()) if name.startswith("output")]
    assert len(of_output) == 2 and same([local[i] for i in of_output], [exact[i] for i in of_output])


def test_rflo_is_closer_to_the_gradient_the_weaker_the_recurrence():
    means = []
    for g in (0.3, 0.8, 1.2):
        cosines = []
        for seed in range(5):
            draw = generator(seed)
            net = RNN(3, 40, 2, g=g, activation="tanh", generator=draw)
            batch = Batch(torch.randn(20, 30, 3, generator=draw), torch.randn(20, 30, 2, generator=draw))
            rules = RFLO(net, squared_error, feedback="transposed"), Backprop(net, squared_error)
            cosines.append(cosine(*(hidden(net, rule.estimate(batch)[1]) for rule in rules)))
        means.append(sum(cosines) / 5)
    assert means[0] > means[1] > means[2]
    assert means[0] > 0.98 and means[1] > 0.93 and means[2] > 0.85


def test_learning_with_random_feedback_turns_the_readout_towards_it():
    t, rises = torch.arange(20) / 20, []
    batch = Batch((t < 0.1).float()[None, :, None], torch.sin(2 * torch.pi * t)[None, :, None])
    for seed in range(4):
        draw = generator(seed)
        net = RNN(1, 50, 1, activation="tanh", g=1.2, generator=draw)
        rule = RFLO(net, squared_error, generator=draw)
        before, first = cosine([net.W_y.detach().T], [rule.feedback]), rule(batch)
        optimizer = torch.optim.Adam(rule.parameters(), lr=2e-3)
        for _ in range(120):
            loss = rule(batch)
            optimizer.step()
        assert loss < 0.1 * first
        rises.append(cosine([net.W_y.detach().T], [rule.feedback]) - before)
    assert sum(rises) / 4 > 0.08


def test_feedback_weights_belong_to_the_rule_and_come_from_its_generator():
    net = make()
    names = set(net.state_dict())
    first, again, other = (RFLO(net, squared_error, generator=generator(s)).feedback for s in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (6, 2) and first.dtype == torch.float64 and set(net.state_dict()) == names


# Both


@pytest.mark.parametrize("rule", [RTRL, RFLO])
def test_a_rule_leaves_nothing_behind(rule, batch):
    net = make()
    weights, back = copy.deepcopy(net.state_dict()), Backprop(net, squared_error)
    before = estimates(back, batch)
    rule(net, squared_error)(batch)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in weights.items())
    assert all(torch.equal(a, b) for a, b in zip(before, estimates(back, batch), strict=True))


@pytest.mark.parametrize("rule", [RTRL, RFLO])
def test_an_interrupted_rule_leaves_nothing_behind(rule, batch):
    @Objective
    def stopped(outputs, activity, batch, network):
        raise KeyboardInterrupt

    net = make()
    before = estimates(Backprop(net, squared_error), batch)
    with pytest.raises(KeyboardInterrupt):
        rule(net, stopped)(batch)
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, estimates(Backprop(net, squared_error), batch), strict=True))


@pytest.mark.parametrize("rule", [RTRL, RFLO])
def test_they_work_where_gradients_are_switched_off_and_in_single_precision(rule, batch, device):
    net = make().float().to(device)
    single = Batch(*(part.float().to(device) for part in (batch.inputs, batch.targets, batch.mask)))
    with torch.no_grad():
        rule(net, squared_error, generator=generator())(single)
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("rule", [RTRL, RFLO])
def test_what_they_cannot_serve_is_refused(rule, batch):
    for network in (MLP([3, 4, 2]), GRU(3, 4, 2), ErrorDrivenRNN(3, 4)):
        with pytest.raises(TypeError, match="follows the equation of an RNN"):
            rule(network, squared_error)
    with pytest.raises(TypeError, match="needs an objective"):
        rule(make(), None)
    for arguments in ({"learn_initial_state": True}, {"feedback": True}):
        with pytest.raises(ValueError, match="leave out learn_initial_state and feedback"):
            rule(make(**arguments), squared_error)
    with pytest.raises(ValueError, match="are frozen"):
        rule(make().requires_grad_(False), squared_error)
    net = make()
    with pytest.raises(TypeError, match="this RNN computes in"):
        rule(net, squared_error)(Batch(batch.inputs.float(), batch.targets))
    with pytest.raises(ValueError, match="expects inputs of shape"):
        rule(net, squared_error)(Batch(batch.inputs[:, :, :2], batch.targets))
    net.connection_gain = torch.ones(6, 6).double()
    with pytest.raises(ValueError, match="no connection_gain"):
        rule(net, squared_error)(batch)


def test_an_objective_that_depends_on_nothing_is_refused(batch):
    @Objective
    def constant(outputs, activity, batch, network):
        return batch.targets.sum((1, 2))

    with pytest.raises(ValueError, match="does not depend on"):
        RTRL(make(), constant)(batch)


def test_unknown_feedback_is_refused():
    with pytest.raises(ValueError, match="'random' or 'transposed', got 'weak'"):
        RFLO(make(), squared_error, feedback="weak")
