"""Weight and node perturbation: means against the gradient, variances against theory, many draws at once against one by one."""

import copy

import pytest
import torch
from examples import SmallRNN
from torch import nn
from torch.func import functional_call

from nnbrain.learning import Backprop, NodePerturbation, Rule, WeightPerturbation
from nnbrain.networks import MLP, RNN, ConvNet
from nnbrain.objectives import Objective, cross_entropy, l2, squared_error
from nnbrain.tasks import Batch

RULES = [WeightPerturbation, NodePerturbation]
SMALL = 1e-5  # in double precision a perturbation this small leaves the slope alone


def make_generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_mlp(sizes=(4, 3, 2), activation="tanh"):
    return MLP(list(sizes), activation).double()


def make_conv(**arguments):
    defaults = {"channels": [2, 2], "hidden": [3], "outputs": 2, "activation": "tanh", "pool": 2}
    return ConvNet((1, 4, 4), **defaults | arguments).double()


def make_batch(net, trials=3):
    shape = (
        net.shapes[0]
        if isinstance(net, ConvNet)
        else (net[0] if isinstance(net, nn.Sequential) else net.layers[0]).weight.shape[1:]
    )
    return Batch(torch.randn(trials, *shape, dtype=torch.float64), torch.randint(2, (trials,)))


def flat(parts, n):
    return torch.cat([part.reshape(n, -1) for part in parts], 1)


def gradient(net, objective, batch):
    return flat(Backprop(net, objective).estimate(batch)[1], 1)[0]


def fixed(rule, xi, rows):
    """The rule with these directions, in turn, instead of random ones: ``rows`` for each draw."""
    left = list(xi)

    def directions(wanted, shapes, like):
        assert wanted % rows == 0
        taken = [left.pop(0) for _ in range(wanted // rows)]
        return [torch.cat([draw[i] for draw in taken]) for i in range(len(shapes))]

    rule.directions = directions
    return rule


def draw(shapes, rows, n):
    return [[torch.randn(rows, *shape, dtype=torch.float64) for shape in shapes] for _ in range(n)]


def shapes_of(kind, net, batch):
    """What a rule perturbs, and how many rows of it there are in a draw."""
    if kind is WeightPerturbation:
        return [p.shape for p in net.parameters()], 1
    summed = []
    hooks = [
        part.register_forward_hook(lambda part, r, c: summed.append(c.shape[1:]))
        for part in net.modules()
        if isinstance(part, nn.Linear | nn.Conv2d)
    ]
    net(batch.inputs)
    for hook in hooks:
        hook.remove()
    return summed, len(batch)


def test_estimates_of_any_rule_are_its_estimates_stacked():
    net = make_mlp()
    batch = make_batch(net)
    stacked = Backprop(net, cross_entropy).estimates(batch, 3)
    for part, expected in zip(stacked, Backprop(net, cross_entropy).estimate(batch)[1], strict=True):
        assert torch.equal(part, expected.expand(3, *expected.shape))
        assert not part.requires_grad


def test_what_a_rule_leaves_alone_it_leaves_alone_in_all_estimates():
    class Half(Backprop):
        def estimate(self, batch):
            value, (first, *_) = super().estimate(batch)
            return value, [first, None, None, None]

    net = make_mlp()
    first, *others = Half(net, cross_entropy).estimates(make_batch(net), 2)
    assert first.shape == (2, 3, 4)
    assert others == [None] * 3


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
@pytest.mark.parametrize("kind", [Backprop, *RULES])
def test_the_number_of_estimates_is_a_positive_integer(kind, n):
    net = make_mlp()
    with pytest.raises(ValueError, match="n should be a positive integer"):
        kind(net, cross_entropy).estimates(make_batch(net), n)


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("make", [make_mlp, make_conv])
@pytest.mark.parametrize("kind", RULES)
def test_a_perturbation_rule_is_unbiased(kind, make, serial):
    """In units of its standard error, the mean misses the gradient as a standard normal does."""
    net, n = make(), 20_000
    batch = make_batch(net)
    rule = kind(net, cross_entropy, size=SMALL, serial=serial, generator=make_generator())
    estimates = torch.cat([flat(rule.estimates(batch, n // 10), n // 10) for _ in range(10)])
    z = (estimates.mean(0) - gradient(net, cross_entropy, batch)) / (estimates.std(0) / n**0.5 + 1e-9)
    assert z.abs().max() < 4.5
    assert z.square().mean() < 2


@pytest.mark.parametrize(("serial", "expected"), [(False, +1), (True, -1)])
def test_the_variance_of_weight_perturbation_is_the_number_of_weights_plus_or_minus_one(serial, expected):
    net, n = make_mlp(), 20_000
    batch, weights = make_batch(net), sum(p.numel() for p in net.parameters())
    rule = WeightPerturbation(net, cross_entropy, size=SMALL, serial=serial, generator=make_generator())
    estimates, g = flat(rule.estimates(batch, n), n), gradient(net, cross_entropy, batch)
    variance = (estimates - g).square().sum(1) / g.square().sum()
    assert abs(variance.mean() - (weights + expected)) < 4 * variance.std() / n**0.5


def theory(net, batch, serial):
    """trCov(ĝ) of node perturbation: Σ_u |r_u|² (|δ|² + δ_u²), or (U − 1) times the squared gradient, for each trial, over M²."""
    r, deltas, received = batch.inputs, [], []
    for layer, f in zip(net.layers, [*net.rates, nn.Identity()], strict=True):
        received.append((r.square().sum(1) + 1).detach())  # and the 1 of the bias
        c = layer(r)
        deltas.append(c)
        r = f(c)
    loss = cross_entropy.per_trial(r, None, batch, net).sum()
    delta = torch.cat(torch.autograd.grad(loss, deltas), 1)  # trials × units
    lengths = torch.cat([r2[:, None].expand(-1, c.shape[1]) for r2, c in zip(received, deltas, strict=True)], 1)
    units = delta.shape[1]
    if serial:
        each = (units - 1) * (lengths * delta.square()).sum(1)
    else:
        each = (lengths * (delta.square().sum(1, keepdim=True) + delta.square())).sum(1)
    return each.sum() / len(batch) ** 2


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("trials", [1, 4])
@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_the_variance_of_node_perturbation_is_that_of_theory(activation, trials, serial):
    net, n = make_mlp((4, 3, 3, 2), activation), 20_000
    batch = make_batch(net, trials)
    rule = NodePerturbation(net, cross_entropy, size=SMALL, serial=serial, generator=make_generator())
    squared = (flat(rule.estimates(batch, n), n) - gradient(net, cross_entropy, batch)).square().sum(1)
    assert abs(squared.mean() - theory(net, batch, serial)) < 4 * squared.std() / n**0.5


def test_a_single_layer_of_equal_inputs_gives_node_perturbation_a_variance_of_units_plus_one():
    """That of one trial; with N = U (inputs + 1) weights, weight perturbation's would be N + 1."""
    net, n = make_mlp((4, 5)), 20_000
    batch = Batch(torch.ones(1, 4).double(), torch.tensor([1]))
    g = gradient(net, cross_entropy, batch)
    for serial, expected in ((False, 6), (True, 4)):
        rule = NodePerturbation(net, cross_entropy, size=SMALL, serial=serial, generator=make_generator())
        v = (flat(rule.estimates(batch, n), n) - g).square().sum(1) / g.square().sum()
        assert abs(v.mean() - expected) < 4 * v.std() / n**0.5


@pytest.mark.parametrize("make", [make_mlp, make_conv, lambda: make_conv(skip=True, pool=1, padding="circular")])
@pytest.mark.parametrize("kind", RULES)
def test_estimates_at_once_are_those_of_a_loop(kind, make):
    """With the same noise, number for number."""
    net = make()
    batch = make_batch(net)
    shapes, rows = shapes_of(kind, net, batch)
    xi = draw(shapes, rows, 5)
    rule = kind(net, cross_entropy)
    together = fixed(rule, copy.deepcopy(xi), rows).estimates(batch, 5)
    looped = Rule.estimates(fixed(rule, copy.deepcopy(xi), rows), batch, 5)
    for a, b in zip(together, looped, strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", RULES)
def test_an_estimate_of_several_samples_is_their_mean(kind):
    net = make_mlp()
    batch = make_batch(net)
    shapes, rows = shapes_of(kind, net, batch)
    xi = draw(shapes, rows, 6)
    single = fixed(kind(net, cross_entropy), copy.deepcopy(xi), rows).estimates(batch, 6)
    means = fixed(kind(net, cross_entropy, samples=3), copy.deepcopy(xi), rows).estimates(batch, 2)
    for a, b in zip(single, means, strict=True):
        assert torch.allclose(a.unflatten(0, (2, 3)).mean(1), b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("kind", RULES)
def test_estimates_at_once_are_distributed_as_in_a_loop(kind, serial):
    net, n = make_mlp(), 1000
    batch = make_batch(net)
    rule = kind(net, cross_entropy, serial=serial, generator=make_generator())
    a, b = flat(rule.estimates(batch, n), n), flat(Rule.estimates(rule, batch, n), n)
    for moment in (1, 2):
        x, y = a**moment, b**moment
        z = (x.mean(0) - y.mean(0)) / ((x.var(0) + y.var(0)) / n).sqrt()
        assert z.abs().max() < 4.5


def test_directions_have_unit_covariance():
    net = make_mlp()
    for serial in (False, True):
        rule = WeightPerturbation(net, cross_entropy, serial=serial, generator=make_generator())
        xi = flat(rule.directions(50_000, [p.shape for p in net.parameters()], net.layers[0].weight), 50_000)
        assert torch.allclose(xi.T @ xi / 50_000, torch.eye(xi.shape[1]).double(), atol=0.15)
        assert (not serial) or ((xi != 0).sum(1) == 1).all()


def by_hand(net, batch, xi, size):
    """[L(c + s ξ) − L(c)] ξ rᵀ / s for an MLP, a trial at a time."""
    totals = [torch.zeros_like(p) for p in net.parameters()]
    for k in range(len(batch)):
        losses, received = [], []
        for s in (0.0, size):
            r = batch.inputs[k : k + 1]
            for i, layer in enumerate(net.layers):
                received.append(r[0])
                c = r @ layer.weight.T + layer.bias + s * xi[i][k]
                r = net.rates[i](c) if i < len(net.rates) else c
            losses.append(cross_entropy.per_trial(r, None, batch[k], net)[0])
        slope = (losses[1] - losses[0]) / size
        for i in range(len(net.layers)):
            totals[2 * i] += slope * torch.outer(xi[i][k], received[i]) / len(batch)
            totals[2 * i + 1] += slope * xi[i][k] / len(batch)
    return totals


@torch.no_grad()
def test_node_perturbation_is_the_rule_as_it_is_written():
    net = make_mlp((4, 3, 3, 2))
    batch = make_batch(net)
    shapes, rows = shapes_of(NodePerturbation, net, batch)
    xi = draw(shapes, rows, 1)
    rule = fixed(NodePerturbation(net, cross_entropy, size=0.1), copy.deepcopy(xi), rows)
    for found, expected in zip(rule.estimate(batch)[1], by_hand(net, batch, xi[0], 0.1), strict=True):
        assert torch.allclose(found, expected, atol=1e-12)


@torch.no_grad()
def test_weight_perturbation_is_the_rule_as_it_is_written():
    net = make_mlp()
    batch = make_batch(net)
    xi = draw([p.shape for p in net.parameters()], 1, 1)
    rule = fixed(WeightPerturbation(net, cross_entropy, size=0.1), copy.deepcopy(xi), 1)
    loss, found = rule.estimate(batch)
    moved = {name: p + 0.1 * x[0] for (name, p), x in zip(net.named_parameters(), xi[0], strict=True)}
    outputs = functional_call(net, moved, (batch.inputs,))
    slope = (nn.functional.cross_entropy(outputs, batch.targets) - loss) / 0.1
    for part, x in zip(found, xi[0], strict=True):
        assert torch.allclose(part, slope * x[0], atol=1e-12)
    assert torch.equal(loss, cross_entropy(net, batch))


@pytest.mark.parametrize("kind", RULES)
def test_penalties_on_the_weights_are_part_of_the_estimate(kind):
    """Alone, they leave node perturbation with no noise at all."""
    net, n = make_mlp(), 4000
    batch = make_batch(net)
    rule = kind(net, 3 * l2, size=SMALL, generator=make_generator())
    estimates = flat(rule.estimates(batch, n), n)
    error = (estimates.mean(0) - gradient_of_l2(net)).abs()
    assert (error <= 4.5 * estimates.std(0) / n**0.5 + 1e-9).all()
    assert kind is WeightPerturbation or torch.allclose(estimates[0], gradient_of_l2(net), atol=1e-9)


def gradient_of_l2(net):
    return torch.cat([(3 * p if p.ndim > 1 else 0 * p).flatten() for p in net.parameters()]).detach()


def test_weight_perturbation_teaches_recurrent_networks_several_draws_at_once():
    net = RNN(2, 5, 2, tau=10, dt=5).double()
    batch = Batch(torch.randn(3, 6, 2).double(), torch.randn(3, 6, 2).double())
    n = 4000
    rule = WeightPerturbation(net, squared_error, size=SMALL, generator=make_generator())
    estimates = flat(rule.estimates(batch, n), n)
    z = (estimates.mean(0) - gradient(net, squared_error, batch)) / (estimates.std(0) / n**0.5)
    assert z.abs().max() < 4.5


def noisy_networks():
    dropout = nn.Sequential(nn.Linear(4, 50), nn.Tanh(), nn.Dropout(0.5), nn.Linear(50, 2)).double()
    return [
        pytest.param(dropout, kind, torch.randn(3, 4).double(), torch.randint(2, (3,)), id=f"dropout, {kind.__name__}")
        for kind in RULES
    ] + [
        pytest.param(
            SmallRNN(2, 5, 2, sigma=1.0).double(),
            WeightPerturbation,
            torch.randn(3, 6, 2).double(),
            torch.randint(2, (3, 6)),
            id="noise",
        )
    ]


@pytest.mark.parametrize(("net", "kind", "inputs", "targets"), noisy_networks())
def test_both_evaluations_share_the_noise_of_the_network(net, kind, inputs, targets):
    """Otherwise the estimate would be of the order of 1/s."""
    rule = kind(net, cross_entropy, size=SMALL, generator=make_generator())
    estimates = flat(rule.estimates(Batch(inputs, targets), 20), 20)
    assert estimates.abs().max() < 100


@pytest.mark.parametrize(("net", "kind", "inputs", "targets"), noisy_networks())
def test_each_estimate_has_network_noise_of_its_own(net, kind, inputs, targets):
    """The same perturbation gives another slope each time."""
    batch = Batch(inputs, targets)
    rule = kind(net, cross_entropy, size=SMALL, generator=make_generator())
    rule.directions = lambda rows, shapes, like: [torch.ones(rows, *shape).to(like) for shape in shapes]
    estimates = flat(rule.estimates(batch, 4), 4)
    assert len(torch.unique(estimates[:, 0])) == 4


def test_a_node_perturbed_network_may_work_in_place():
    def build(inplace):
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace), nn.Linear(5, 2)).double()

    found = []
    for inplace in (False, True):
        net = build(inplace)
        batch = Batch(torch.linspace(-1, 1, 12).double().view(3, 4), torch.tensor([0, 1, 1]))
        found.append(flat(NodePerturbation(net, cross_entropy, generator=make_generator()).estimates(batch, 3), 3))
    assert torch.equal(*found)


@pytest.mark.parametrize(("kind", "expected"), [(WeightPerturbation, [(2, 3), (2,)]), (NodePerturbation, [(2,)])])
def test_what_is_frozen_is_not_perturbed(kind, expected):
    net, shapes = make_mlp(), []
    net.layers[0].requires_grad_(False)
    rule = kind(net, cross_entropy)
    directions = rule.directions

    def watched(rows, wanted, like):
        shapes.extend(tuple(shape) for shape in wanted)
        return directions(rows, wanted, like)

    rule.directions = watched
    rule(make_batch(net))
    assert shapes == expected
    assert net.layers[0].weight.grad is None
    assert net.layers[1].weight.grad is not None


@pytest.mark.parametrize("kind", RULES)
def test_what_is_frozen_after_the_rule_was_built_is_left_alone(kind):
    net = make_mlp()
    rule = kind(net, cross_entropy)
    net.layers[0].requires_grad_(False)
    assert [part.shape for part in rule.estimates(make_batch(net), 2)] == [(2, 2, 3), (2, 2)]


@pytest.mark.parametrize("kind", RULES)
def test_layers_may_share_their_weights(kind):
    net, n = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double(), 4000
    net[2].weight = net[0].weight
    batch = make_batch(net)
    estimates = flat(kind(net, cross_entropy, size=SMALL, generator=make_generator()).estimates(batch, n), n)
    z = (estimates.mean(0) - gradient(net, cross_entropy, batch)) / (estimates.std(0) / n**0.5)
    assert z.abs().max() < 4.5


@pytest.mark.parametrize("kind", RULES)
def test_single_precision_is_enough_for_the_default_size(kind):
    net = make_mlp((20, 32, 5))
    batch = make_batch(net, 32)
    shapes, rows = shapes_of(kind, net, batch)
    xi = draw(shapes, rows, 1)
    exact = flat(fixed(kind(net, cross_entropy), copy.deepcopy(xi), rows).estimate(batch)[1], 1)
    single = fixed(kind(net.float(), cross_entropy), [[x.float() for x in xi[0]]], rows)
    found = flat(single.estimate(batch.to(torch.float32))[1], 1)
    assert (found - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize("kind", RULES)
def test_the_same_seed_draws_the_same_and_the_next_call_something_else(kind):
    net = make_mlp()
    batch = make_batch(net)
    rules = [kind(net, cross_entropy, generator=make_generator(3)) for _ in range(2)]
    first, again = (flat(rule.estimate(batch)[1], 1) for rule in rules)
    assert torch.equal(first, again)
    assert not torch.equal(first, flat(rules[0].estimate(batch)[1], 1))


class Interrupted(Exception):
    """What happens in the middle."""


@pytest.mark.parametrize("moment", [1, 2])
@pytest.mark.parametrize("make", [make_mlp, make_conv])
@pytest.mark.parametrize("kind", RULES)
def test_a_perturbation_rule_leaves_nothing_behind_even_if_interrupted(kind, make, moment):
    net, calls = make(), []

    @Objective
    def interrupting(outputs, activity, batch, network):
        calls.append(1)
        if len(calls) == moment:
            raise Interrupted
        return cross_entropy.per_trial(outputs, activity, batch, network)

    batch = make_batch(net)
    before, state = gradient(net, cross_entropy, batch), copy.deepcopy(net.state_dict())
    attributes = {name: set(vars(part)) for name, part in net.named_modules()}
    kind(net, cross_entropy)(batch)
    with pytest.raises(Interrupted):
        kind(net, interrupting)(batch)
    assert torch.equal(gradient(net, cross_entropy, batch), before)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert attributes == {name: set(vars(part)) for name, part in net.named_modules()}


@pytest.mark.parametrize("kind", RULES)
def test_a_perturbation_rule_teaches(kind):
    torch.manual_seed(0)
    net = MLP([2, 16, 2], "tanh")
    xor = Batch(torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([0, 1, 1, 0]))
    rule = kind(net, cross_entropy, samples=16, generator=make_generator())
    optimizer = torch.optim.Adam(rule.parameters(), lr=0.05)
    for _ in range(150):
        rule(xor)
        optimizer.step()
    assert cross_entropy(net, xor) < 0.05


@pytest.mark.parametrize("kind", RULES)
def test_a_perturbation_rule_needs_an_objective(kind):
    with pytest.raises(TypeError, match="needs an objective"):
        kind(make_mlp(), None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size should be a positive number, got 0"),
        ({"size": float("nan")}, "size should be a positive number"),
        ({"samples": 0}, "samples should be a positive integer, got 0"),
    ],
)
@pytest.mark.parametrize("kind", RULES)
def test_numbers_out_of_range_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(make_mlp(), cross_entropy, **arguments)


@pytest.mark.parametrize("kind", RULES)
def test_a_network_that_is_frozen_is_refused(kind):
    with pytest.raises(ValueError, match="nothing to teach"):
        kind(make_mlp().requires_grad_(False), cross_entropy)


def test_node_perturbation_refuses_networks_it_cannot_serve():
    with pytest.raises(ValueError, match="this RNN is recurrent"):
        NodePerturbation(RNN(2, 5, 2, tau=10, dt=5), squared_error)
    with pytest.raises(ValueError, match="batch normalization couples trials"):
        NodePerturbation(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2)), squared_error)
    with pytest.raises(ValueError, match=r"\['1.weight', '1.bias'\] of this Sequential are elsewhere"):
        NodePerturbation(nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2)), squared_error)


def test_node_perturbation_refuses_layers_that_are_used_twice_or_never():
    layer = nn.Linear(4, 4)
    batch = Batch(torch.randn(3, 4), torch.randn(3, 4))
    with pytest.raises(ValueError, match="'0' is used again"):
        NodePerturbation(nn.Sequential(layer, nn.Tanh(), layer), squared_error)(batch)
    idle = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    idle.forward = lambda x: idle[0](x)
    with pytest.raises(ValueError, match="the layer '1' was not used"):
        NodePerturbation(idle, squared_error)(batch)


def test_weight_perturbation_leaves_running_averages_as_one_run_does():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    WeightPerturbation(net, squared_error)(Batch(torch.randn(8, 3), torch.randn(8, 2)))
    assert int(net[1].num_batches_tracked) == 1
