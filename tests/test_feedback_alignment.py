"""Feedback of its own: what each rule computes, that feedback equal to W makes it backpropagation, and that it leaves no trace."""

import copy
import functools
import math

import pytest
import torch
from examples import SmallRNN
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import nnbrain as nb
from nnbrain.analysis import alignment_angles, angle, gradient_angles, modulator_angles
from nnbrain.learning import (
    Backprop,
    DeltaRule,
    DirectFeedbackAlignment,
    FeedbackAlignment,
    KolenPollack,
    SignSymmetric,
    WeightMirror,
)
from nnbrain.networks import MLP, RNN, ConvNet, MultiHeadMLP, PredictiveCodingNetwork
from nnbrain.objectives import Objective, cross_entropy, l2, squared_error
from nnbrain.tasks import Batch

RULES = [FeedbackAlignment, DirectFeedbackAlignment, SignSymmetric, KolenPollack, WeightMirror]
WITH_B = [FeedbackAlignment, SignSymmetric, KolenPollack, WeightMirror]
IMAGE = (2, 8, 8)


class Branches(nn.Module):
    """Two branches from the input that meet, and a connection that skips a layer."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.middle, self.out = (
            nn.Linear(6, 5),
            nn.Linear(6, 5, bias=False),
            nn.Linear(5, 5),
            nn.Linear(5, 3),
        )

    def forward(self, x):
        r = torch.tanh(self.left(x)) + torch.sigmoid(self.right(x))
        return self.out(r + torch.relu(self.middle(r)))


def odd_convolutions():
    """Everything that a convolution can be told: groups, strides, dilation and borders."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same", groups=2),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 8, 3, stride=2, dilation=2, groups=2, padding=1, padding_mode="reflect"),
        nn.Tanh(),
        nn.Conv2d(8, 8, (3, 1), padding=(1, 0), bias=False),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        nn.Linear(72, 3),
    )


NETWORKS = {
    "no hidden layer": (lambda: MLP([6, 3]), (6,)),
    "MLP": (lambda: MLP([6, 5, 4, 3]), (6,)),
    "heads": (lambda: MultiHeadMLP([4, 5, 3], heads=2), (6,)),
    "branches": (Branches, (6,)),
    "places": (
        lambda: nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 3), nn.Flatten(), nn.Linear(48, 3)),
        IMAGE,
    ),
    "ConvNet": (lambda: ConvNet(IMAGE, [4, 5], [6], 3), IMAGE),
    "residual": (lambda: ConvNet(IMAGE, [4, 4], [], 3, padding="circular", skip=True, pool=[2, 1]), IMAGE),
    "parametrized": (lambda: nn.Sequential(nn.Linear(6, 5), nn.Tanh(), weight_norm(nn.Linear(5, 3))), (6,)),
    "convolutions": (odd_convolutions, IMAGE),
}


def make(which):
    """A network in float64, and a batch for it."""
    build, shape = NETWORKS[which]
    return build().double(), Batch(torch.randn(9, *shape, dtype=torch.float64), torch.randint(3, (9,)))


def by_rule(rule, batch):
    rule(batch)
    return [p.grad.clone() for p in rule.network.parameters()]


def set_feedback(rule, weights):
    for B, W in zip(rule.feedback, weights, strict=True):
        B.data.copy_(W)


def close(first, second, atol=1e-12):
    return all(torch.allclose(a, b, atol=atol) for a, b in zip(first, second, strict=True))


# What each rule computes


@pytest.mark.parametrize("which", NETWORKS)
def test_feedback_through_the_forward_weights_is_backpropagation(which):
    net, batch = make(which)
    rule = FeedbackAlignment(net, cross_entropy + 0.1 * l2)
    set_feedback(rule, [W for W, _ in rule.pathways().values()])
    assert close(by_rule(rule, batch), by_rule(Backprop(net, cross_entropy + 0.1 * l2), batch))


def test_feedback_alignment_is_its_equation():
    """δ = Bᵀ δ ∘ f′ from layer to layer, and ΔW ∝ δ rᵀ, example by example."""
    net = MLP([5, 4, 3, 2], activation="tanh").double()
    batch = Batch(torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64))
    rule = FeedbackAlignment(net, squared_error)
    expected = [torch.zeros_like(p) for p in net.parameters()]
    for x, target in zip(batch.inputs, batch.targets, strict=True):
        r = [x]
        for layer in net.layers[:-1]:
            r.append(torch.tanh(layer.weight @ r[-1] + layer.bias))
        delta = net.layers[-1].weight @ r[-1] + net.layers[-1].bias - target
        for depth in (2, 1, 0):
            expected[2 * depth] += torch.outer(delta, r[depth]) / 6
            expected[2 * depth + 1] += delta / 6
            if depth:
                delta = (rule.feedback[depth - 1].T @ delta) * (1 - r[depth] ** 2)
    assert close(by_rule(rule, batch), expected)


def test_in_a_convolution_the_error_comes_back_through_the_transposed_convolution_with_B():
    net, batch = make("ConvNet")
    rule = FeedbackAlignment(net, cross_entropy)
    delta = rule.modulators(batch)
    first, _ = net.convolutions
    recorded = nb.analysis.record(net, batch.inputs, grad=True)
    back = nn.functional.conv_transpose2d(delta["convolutions.1"], rule.feedback[0], padding=1)
    (expected,) = torch.autograd.grad(recorded["pools.0"], recorded["convolutions.0"], back)
    assert torch.allclose(delta["convolutions.0"], expected, atol=1e-12)
    rule(batch)
    windows = nn.functional.unfold(batch.inputs, 3, padding=1)  # trials × weights of a unit × places
    by_place = torch.einsum("kcp,kwp->cw", delta["convolutions.0"].flatten(2), windows)
    assert torch.allclose(first.weight.grad.flatten(1), by_place, atol=1e-12)


def test_direct_feedback_alignment_sends_the_outputs_error_to_every_layer():
    net, batch = make("MLP")
    rule = DirectFeedbackAlignment(net, cross_entropy)
    delta = rule.modulators(batch)
    recorded = nb.analysis.record(net, batch.inputs)
    e = (recorded["outputs"].softmax(1) - nn.functional.one_hot(batch.targets, 3)) / 9
    for name, rates, B in zip(("layers.0", "layers.1"), ("rates.0", "rates.1"), rule.feedback, strict=True):
        assert torch.allclose(delta[name], (e @ B) * (recorded[rates] > 0), atol=1e-12)
    assert torch.allclose(delta["layers.2"], e, atol=1e-12)
    weights = [layer.weight.grad for layer in net.layers if rule(batch)]
    r = [batch.inputs, recorded["rates.0"], recorded["rates.1"]]
    assert close(weights, [d.T @ r_before for d, r_before in zip(delta.values(), r, strict=True)])


def test_direct_feedback_reaches_every_place_of_a_convolutional_layer():
    net, batch = make("residual")
    rule = DirectFeedbackAlignment(net, cross_entropy)
    rule(batch)
    assert [tuple(B.shape) for B in rule.feedback] == [(3, 4, 4, 4), (3, 64)]
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


def test_with_one_hidden_layer_direct_feedback_is_feedback_alignment():
    net = MLP([6, 5, 3]).double()
    batch = make("MLP")[1]
    direct, by_layer = DirectFeedbackAlignment(net, cross_entropy), FeedbackAlignment(net, cross_entropy)
    direct(batch)
    set_feedback(by_layer, direct.feedback)
    assert close(by_rule(direct, batch), by_rule(by_layer, batch))


def test_without_a_hidden_layer_every_rule_is_the_delta_rule():
    net = MLP([4, 3]).double()
    batch = Batch(torch.randn(7, 4, dtype=torch.float64), torch.randn(7, 3, dtype=torch.float64))
    expected = by_rule(DeltaRule(net), batch)
    assert all(close(by_rule(make_rule(net, squared_error), batch), expected) for make_rule in RULES)


def test_sign_symmetric_feedback_follows_the_signs_but_not_the_sizes():
    net = MLP([6, 50, 3])
    rule = SignSymmetric(net, cross_entropy)
    W, sizes = net.layers[1].weight.detach(), rule.feedback[0].abs()
    assert math.isclose(sizes.square().mean().sqrt(), W.square().mean().sqrt(), rel_tol=1e-5)
    assert (sizes == sizes[0, 0]).all()
    W.mul_(-3.0 * torch.rand_like(W))
    assert torch.equal(rule.feedback[0].sign(), W.sign())
    assert torch.allclose(rule.feedback[0].abs(), sizes)


def test_kolen_pollack_shrinks_the_difference_of_both_directions_by_one_minus_rate_times_decay():
    net, batch = make("ConvNet")
    rule = KolenPollack(net, cross_entropy, decay=0.2)
    first = {name: W.clone() for name, (W, _) in rule.pathways().items()}
    before = {name: W - B for name, (W, B) in rule.pathways().items()}
    optimizer = torch.optim.SGD(rule.parameters(), lr=0.1)
    for _ in range(20):
        rule(batch)
        optimizer.step()
    for name, (W, B) in rule.pathways().items():
        assert torch.allclose(W - B, (1 - 0.1 * 0.2) ** 20 * before[name], atol=1e-14)
        assert (W - (1 - 0.1 * 0.2) ** 20 * first[name]).abs().max() > 0.01  # they did learn, not only decay


def test_kolen_pollack_adds_the_decay_to_the_estimate_of_feedback_alignment():
    net, batch = make("MLP")
    rule, plain = KolenPollack(net, cross_entropy, decay=0.3), FeedbackAlignment(net, cross_entropy)
    set_feedback(plain, [B for _, B in rule.pathways().values()])
    decayed, g = by_rule(rule, batch), by_rule(plain, batch)
    assert close(decayed[:2] + decayed[3::2], g[:2] + g[3::2])  # first layer and biases
    for W, changed, bare, B in zip((2, 4), decayed[2::2], g[2::2], rule.feedback, strict=True):
        assert torch.allclose(changed, bare + 0.3 * list(net.parameters())[W], atol=1e-12)
        assert torch.allclose(B.grad, bare + 0.3 * B, atol=1e-12)


@pytest.mark.parametrize("which", ["MLP", "convolutions"])
def test_the_weight_mirrors_estimate_is_on_average_decay_minus_the_forward_weights(which):
    net, batch = make(which)
    many = batch[torch.zeros(20000, dtype=torch.int64)] if which == "MLP" else batch
    rule = WeightMirror(net, cross_entropy, noise=1.5, decay=0.4)
    calls = 1 if which == "MLP" else 1000
    rule(many)
    found = sum(torch.cat([B.grad.flatten() for B in rule.feedback]) for _ in range(calls) if rule(many)) / calls
    wanted = torch.cat([(0.4 * B - 1.5**2 * W).flatten() for W, B in rule.pathways().values()])
    noise = 1.5**2 * max(W.flatten(1).norm(dim=1).max() for W, _ in rule.pathways().values())
    assert (found - wanted).abs().max() < 6 * noise / (calls * len(many)) ** 0.5


def test_the_weight_mirror_brings_feedback_to_the_forward_weights():
    """At rest B = W σ²/λ, up to noise: tan² of the angle is ηm/2n for m inputs of a unit and n trials, if that is small."""
    net = MLP([6, 100, 20]).double()
    batch = Batch(torch.randn(500, 6, dtype=torch.float64), torch.randint(20, (500,)))
    rule = WeightMirror(net, cross_entropy, noise=2.0, decay=4.0, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(rule.feedback, lr=0.05)  # η λ = 0.2
    assert alignment_angles(rule)["layers.1"] > 80
    for _ in range(60):
        rule(batch)
        optimizer.step()
    expected = math.degrees(math.atan((0.2 * 100 / (2 * 500)) ** 0.5))
    assert math.isclose(alignment_angles(rule)["layers.1"], expected, rel_tol=0.2)
    W, B = rule.pathways()["layers.1"]
    assert math.isclose((W * B).sum() / W.square().sum(), 1.0, rel_tol=0.05)


def test_learning_with_feedback_alignment_aligns_the_network():
    """A linear 30-20-10 network that learns a linear map (Lillicrap et al. 2016)."""
    net = MLP([30, 20, 10], activation="linear", bias=False)
    with torch.no_grad():
        for layer in net.layers:
            layer.weight.mul_(0.1)
    teacher, x = torch.randn(10, 30) / 30**0.5, torch.randn(500, 30)
    batch = Batch(x, x @ teacher.T)
    rule = FeedbackAlignment(net, squared_error, scale=1.0)
    early = alignment_angles(rule)["layers.1"], modulator_angles(rule, batch)["layers.0"]
    optimizer = torch.optim.SGD(rule.parameters(), lr=0.1)
    first = rule(batch)
    for _ in range(1500):
        last = rule(batch)
        optimizer.step()
    assert last < 0.01 * first
    assert min(early) > 70
    assert alignment_angles(rule)["layers.1"] < 60
    assert modulator_angles(rule, batch)["layers.0"] < 60


# The contract


@pytest.mark.parametrize("make_rule", RULES)
@pytest.mark.parametrize("which", ["MLP", "ConvNet", "branches"])
def test_a_rule_leaves_no_trace_on_the_network(make_rule, which):
    net, batch = make(which)
    clean, state = by_rule(Backprop(net, cross_entropy), batch), copy.deepcopy(net.state_dict())
    y, kept = net(batch.inputs), [dict(vars(part)) for part in net.modules()]
    make_rule(net, cross_entropy)(batch)
    assert [dict(vars(part)) for part in net.modules()] == kept
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(net(batch.inputs), y)
    again = by_rule(Backprop(net, cross_entropy), batch)
    assert all(torch.equal(a, b) for a, b in zip(again, clean, strict=True))


@pytest.mark.parametrize("make_rule", RULES)
@pytest.mark.parametrize("where", ["layer", "objective"])
def test_a_rule_leaves_no_trace_when_it_is_interrupted(make_rule, where):
    net, batch = make("MLP")
    clean = by_rule(Backprop(net, cross_entropy), batch)

    @Objective
    def stopped(outputs, activity, batch, network):
        raise KeyboardInterrupt

    rule = make_rule(net, stopped if where == "objective" else cross_entropy)
    if where == "layer":
        net.rates[1].f = functools.partial(stopped.terms[0][1], *3 * [None])
    with pytest.raises(KeyboardInterrupt):
        rule(batch)
    net.rates[1].f = torch.relu
    assert not any("forward" in vars(part) for part in net.modules())
    assert all(torch.equal(a, b) for a, b in zip(by_rule(Backprop(net, cross_entropy), batch), clean, strict=True))


@pytest.mark.parametrize("make_rule", RULES)
def test_a_rule_follows_its_network_to_another_type(make_rule, device):
    net = MLP([6, 5, 4, 3])
    rule = make_rule(net, cross_entropy)
    batch = Batch(torch.randn(9, 6), torch.randint(3, (9,)))
    rule(batch)
    net.to(device, torch.float64)
    rule(batch.to(device).to(torch.float64))
    assert {B.dtype for B in rule.feedback} == {torch.float64}
    assert all(p.grad.dtype == torch.float64 for p in rule.parameters())


@pytest.mark.parametrize("make_rule", RULES)
def test_a_copy_of_a_rule_teaches_its_own_copy_of_the_network(make_rule):
    net, batch = make("MLP")
    rule = make_rule(net, cross_entropy)
    rule(batch)
    twin = copy.deepcopy(rule)
    with torch.no_grad():
        for p in twin.network.parameters():
            p.add_(1.0)
    before = [p.grad.clone() for p in net.parameters()]
    twin(batch)
    assert close([p.grad for p in net.parameters()], before)
    assert twin.layers["layers.0"] is twin.network.layers[0]
    assert not close([p.grad for p in twin.network.parameters()], before, atol=1e-3)


@pytest.mark.parametrize("make_rule", RULES)
def test_a_seed_means_the_same_feedback(make_rule):
    net, batch = make("MLP")
    rules = [make_rule(net, cross_entropy, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    first, same, other = ([by_rule(rule, batch), [B.detach() for B in rule.feedback]] for rule in rules)
    assert all(torch.equal(a, b) for a, b in zip(first[1], same[1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first[0], same[0], strict=True))
    assert make_rule is SignSymmetric or not torch.equal(first[1][0], other[1][0])


@pytest.mark.parametrize("make_rule", [FeedbackAlignment, DirectFeedbackAlignment, SignSymmetric, WeightMirror])
def test_the_error_passes_frozen_layers(make_rule):
    net, batch = make("MLP")
    net.layers[2].requires_grad_(False)
    make_rule(net, cross_entropy)(batch)
    assert net.layers[2].weight.grad is None
    assert all(net.layers[depth].weight.grad.abs().sum() > 0 for depth in (0, 1))


def test_layers_below_the_first_that_is_taught_hear_of_no_error():
    net, batch = make("MLP")
    net.layers[0].requires_grad_(False)
    rule = FeedbackAlignment(net, cross_entropy)
    rule(batch)
    assert rule.returning == ["layers.2"]
    assert net.layers[0].weight.grad is None


def test_the_feedback_weights_have_the_size_of_the_forward_weights_or_the_given_scale():
    net = MLP([64, 400, 100])
    W = net.layers[1].weight
    with torch.no_grad():
        W.mul_(7.0)
    (B,) = FeedbackAlignment(net, cross_entropy).feedback
    assert math.isclose(B.std(), W.detach().std(), rel_tol=0.02)
    (B,) = FeedbackAlignment(net, cross_entropy, scale=2.0).feedback
    assert math.isclose(B.std(), 2 / 400**0.5, rel_tol=0.02)
    direct = DirectFeedbackAlignment(net, cross_entropy, scale=2.0)
    direct(Batch(torch.randn(3, 64), torch.randint(100, (3,))))
    assert math.isclose(direct.feedback[0].std(), 2 / 100**0.5, rel_tol=0.02)


@pytest.mark.parametrize("make_rule", RULES)
def test_a_rule_trains_with_its_own_optimizer(make_rule):
    net = MLP([64, 32, 32, 10])
    losses = nb.fit(make_rule(net, cross_entropy), nb.tasks.Digits("train"), 200, progress=False).loss
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])


# The angles


def test_alignment_angles_are_those_between_both_directions():
    net, _ = make("MLP")
    rule = FeedbackAlignment(net, cross_entropy)
    assert alignment_angles(rule) == {f"layers.{i}": angle(net.layers[i].weight, rule.feedback[i - 1]) for i in (1, 2)}
    set_feedback(rule, [2 * net.layers[1].weight, -net.layers[2].weight])
    found = alignment_angles(rule)
    assert math.isclose(found["layers.1"], 0, abs_tol=1e-5)
    assert math.isclose(found["layers.2"], 180, abs_tol=1e-5)


def test_gradient_angles_compare_with_backpropagation_layer_by_layer():
    net, batch = make("ConvNet")
    rule = FeedbackAlignment(net, cross_entropy)
    given = by_rule(rule, batch)[::2]
    exact = by_rule(Backprop(net, cross_entropy), batch)[::2]
    found = gradient_angles(rule, batch)
    assert list(found) == ["convolutions.0", "convolutions.1", "classifier.layers.0", "classifier.layers.1"]
    assert list(found.values()) == [angle(a, b) for a, b in zip(given, exact, strict=True)]
    assert found["classifier.layers.1"] < 1e-5


def test_modulator_angles_are_90_degrees_for_random_feedback_and_0_for_the_forward_weights():
    net = MLP([64, 300, 300, 10], activation="linear").double()
    batch = Batch(torch.randn(200, 64, dtype=torch.float64), torch.randint(10, (200,)))
    rule = FeedbackAlignment(net, cross_entropy)
    angles = modulator_angles(rule, batch)
    assert all(math.isclose(angles[name], 90, abs_tol=8) for name in ("layers.0", "layers.1"))
    set_feedback(rule, [W for W, _ in rule.pathways().values()])
    assert max(modulator_angles(rule, batch).values()) < 1e-5


def test_a_layer_that_hears_nothing_has_no_angle():
    net, batch = make("MLP")
    nn.init.constant_(net.layers[1].bias, -1e6)  # no unit of the second hidden layer is ever active
    rule = FeedbackAlignment(net, cross_entropy)
    by_estimate, by_modulator = gradient_angles(rule, batch), modulator_angles(rule, batch)
    assert all(math.isnan(angles[name]) for angles in (by_estimate, by_modulator) for name in ("layers.0", "layers.1"))
    assert by_modulator["layers.2"] == 0


# What they refuse


@pytest.mark.parametrize("make_rule", RULES)
def test_feedback_refuses_what_it_cannot_serve(make_rule):
    name = make_rule.__name__
    with pytest.raises(TypeError, match=rf"objective back: {name}\(network, squared_error\)"):
        make_rule(MLP([4, 3]), None)
    with pytest.raises(ValueError, match="this RNN is recurrent: RFLO and RTRL"):
        make_rule(RNN(3, 4, 2), squared_error)
    with pytest.raises(ValueError, match=r"'weights\.0' of this PredictiveCodingNetwork is elsewhere"):
        make_rule(PredictiveCodingNetwork([4, 3]), squared_error)
    with pytest.raises(ValueError, match=r"found no nn\.Linear or nn\.Conv2d layer in this ReLU"):
        make_rule(nn.ReLU(), squared_error)
    with pytest.raises(ValueError, match=r"found no nn\.Linear or nn\.Conv2d layer in this MLP that it can teach"):
        make_rule(MLP([4, 3]).requires_grad_(False), squared_error)
    with pytest.raises(ValueError, match="scale should be a positive number, got -1"):
        make_rule(MLP([4, 3]), squared_error, scale=-1)


def test_layers_that_share_weights_or_are_used_twice_are_refused():
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    with pytest.raises(ValueError, match="two layers of this Sequential share weights"):
        FeedbackAlignment(tied, squared_error)
    layer = nn.Linear(4, 4)
    twice = FeedbackAlignment(nn.Sequential(layer, nn.ReLU(), layer), squared_error)
    with pytest.raises(ValueError, match="'0' is used again"):
        twice(Batch(torch.zeros(2, 4), torch.zeros(2, 4)))
    in_time = FeedbackAlignment(SmallRNN(2, 3, 1), squared_error)
    with pytest.raises(ValueError, match="'recurrent' is used again"):
        in_time(Batch(torch.zeros(2, 5, 2), torch.zeros(2, 5, 1)))
    with pytest.raises(ValueError, match="this SmallRNN is recurrent"):
        in_time(Batch(torch.zeros(2, 1, 2), torch.zeros(2, 1, 1)))


def test_layers_out_of_order_or_out_of_use_are_refused():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(4, 3), nn.Linear(3, 4)

        def forward(self, x):
            return self.last(self.first(x))

    class ByHand(Backwards):
        def forward(self, x):
            return nn.functional.linear(x, self.first.weight)

    batch = Batch(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="errors should pass 'last', which has no feedback weights"):
        FeedbackAlignment(Backwards(), squared_error)(batch)
    with pytest.raises(ValueError, match="'first' was not called in this pass"):
        FeedbackAlignment(ByHand(), squared_error)(Batch(torch.zeros(2, 3), torch.zeros(2, 4)))


def test_an_objective_without_gradient_is_refused():
    @Objective
    def errors(outputs, activity, batch, network):
        return (outputs.argmax(1) != batch.targets).float()

    net, batch = make("MLP")
    with pytest.raises(ValueError, match="errors does not depend on anything that can be trained"):
        FeedbackAlignment(net, errors)(batch)


def test_feedback_of_no_size_is_refused():
    net = MLP([4, 3, 2])
    nn.init.zeros_(net.layers[1].weight)
    with pytest.raises(ValueError, match=r"weights of 'layers\.1' are all 0.*scale=1"):
        FeedbackAlignment(net, squared_error)
    assert FeedbackAlignment(net, squared_error, scale=1.0).feedback[0].abs().min() > 0


def test_direct_feedback_refuses_trials_of_another_shape():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    rule = DirectFeedbackAlignment(net, squared_error)
    rule(Batch(torch.randn(3, 1, 8, 8), torch.zeros(3, 2)))
    with pytest.raises(ValueError, match=r"feedback of '2' was drawn for inputs of shape \(2, 6, 6\)"):
        rule(Batch(torch.randn(3, 1, 9, 9), torch.zeros(3, 2)))


def test_learned_feedback_refuses_its_bad_numbers():
    with pytest.raises(ValueError, match=r"decay should be a number from 0 up, got -0\.1"):
        KolenPollack(MLP([4, 3]), squared_error, decay=-0.1)
    with pytest.raises(ValueError, match="noise should be a positive number, got 0"):
        WeightMirror(MLP([4, 3]), squared_error, noise=0)
    net = MLP([4, 3, 2])
    net.layers[1].weight.requires_grad_(False)
    with pytest.raises(ValueError, match=r"weights of 'layers\.1' are frozen"):
        KolenPollack(net, squared_error)
    with pytest.raises(ValueError, match="frozen or made of other parameters"):
        KolenPollack(make("parametrized")[0], squared_error)


def test_angles_refuse_rules_that_have_none():
    net, batch = make("MLP")
    with pytest.raises(TypeError, match="DirectFeedbackAlignment has no feedback weights in the shape"):
        alignment_angles(DirectFeedbackAlignment(net, cross_entropy))
    with pytest.raises(TypeError, match="Backprop sends no errors back"):
        modulator_angles(Backprop(net, cross_entropy), batch)
    with pytest.raises(TypeError, match="Oja has no objective whose gradient"):
        gradient_angles(nb.learning.Oja(MLP([6, 2], bias=False)), batch)
    net, batch = make("convolutions")
    with pytest.raises(ValueError, match="inplace=False"):
        modulator_angles(FeedbackAlignment(net, cross_entropy), batch)
