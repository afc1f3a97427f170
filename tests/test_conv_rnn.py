"""Convolution with recurrence: its equation written out, the ConvNet it is at first, and answers that become better with time."""

import copy
import io

import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import record
from nnbrain.learning import Backprop
from nnbrain.networks import RNN, ConvNet, ConvRNN
from nnbrain.objectives import Objective, at_every_step, cross_entropy, squared_error
from nnbrain.tasks import Batch, OccludedDigits

SHAPE = (2, 8, 8)


def make(channels=(3, 4), **settings):
    return ConvRNN(SHAPE, channels, [5], 6, **settings).double()


def images(trials=4):
    return torch.randn(trials, *SHAPE, dtype=torch.float64)


@pytest.mark.covers("Primer, section 5.1")
@pytest.mark.parametrize(
    "settings", [{}, {"feedback": False}, {"lateral": False}, {"kernel": [5, 3], "activation": "tanh", "pool": [1, 2]}]
)
def test_each_step_is_the_sum_of_what_comes_from_below_from_beside_and_from_above(settings):
    net, x = make(steps=4, **settings), images()
    W, b = ([getattr(c, name) for c in net.convolutions] for name in ("weight", "bias"))
    f = torch.tanh if "activation" in settings else torch.relu
    windows = settings.get("pool", [2, 2])

    def conv(r, kernel):
        return nn.functional.conv2d(r, kernel, padding=kernel.shape[-1] // 2)

    def pool(r, window):
        return r.unfold(2, window, window).unfold(3, window, window).amax((4, 5))

    r_1, r_2, expected = torch.zeros(4, 3, 8, 8).double(), None, []
    for _ in range(4):
        r_2 = torch.zeros_like(pool(conv(pool(r_1, windows[0]), W[1]), 1)) if r_2 is None else r_2
        c_1 = conv(x, W[0]) + b[0][:, None, None]
        if net.lateral:
            c_1 = c_1 + conv(r_1, net.lateral[0].weight)
        if net.feedback:
            above = r_2.repeat_interleave(windows[0], 2).repeat_interleave(windows[0], 3)
            c_1 = c_1 + conv(above, net.feedback[0].weight)
        r_1 = f(c_1)
        c_2 = conv(pool(r_1, windows[0]), W[1]) + b[1][:, None, None]
        if net.lateral:
            c_2 = c_2 + conv(r_2, net.lateral[1].weight)
        r_2 = f(c_2)
        expected.append(net.classifier(pool(r_2, windows[1]).flatten(1)))
    assert torch.allclose(net.over_time(x), torch.stack(expected, 1), atol=1e-12)


def test_the_first_step_is_the_convnet_with_the_same_weights():
    net, x = make(), images()
    plain = ConvNet(SHAPE, (3, 4), [5], 6).double()
    plain.load_state_dict({name: p for name, p in net.state_dict().items() if name in plain.state_dict()})
    assert torch.equal(net.over_time(x)[:, 0], plain(x))
    assert not torch.allclose(net.over_time(x)[:, 1], plain(x), atol=1e-3)


def test_with_the_same_generator_its_feed_forward_weights_are_those_of_a_convnet():
    net, plain = (kind(SHAPE, [3, 4], [5], generator=torch.Generator().manual_seed(1)) for kind in (ConvRNN, ConvNet))
    assert all(torch.equal(net.state_dict()[name], p) for name, p in plain.state_dict().items())


def test_without_recurrent_connections_all_steps_are_the_same():
    net, x = make(lateral=False, feedback=False), images()
    outputs = net.over_time(x)
    assert torch.equal(outputs, outputs[:, :1].expand_as(outputs))
    assert len(net.lateral) == len(net.feedback) == 0


def test_the_network_answers_with_its_last_step_or_with_all():
    x = images()
    last, every = (
        make(every_step=which, steps=3, generator=torch.Generator().manual_seed(1)) for which in (False, True)
    )
    assert torch.equal(every(x), last.over_time(x)) and torch.equal(last(x), every(x)[:, -1])


def test_it_can_look_longer_than_it_was_built_for():
    net, x = make(steps=2), images()
    longer = net.over_time(x, 5)
    assert longer.shape == (4, 5, 6) and torch.equal(longer[:, :2], net.over_time(x))


@pytest.mark.parametrize(
    "settings",
    [{"padding": "none", "pool": 1}, {"stride": 2, "pool": 1}, {"pool": 3, "channels": (3,)}, {"channels": (3, 4, 5)}],
)
def test_maps_of_any_size_fit_together(settings):
    net = make(**{"pool": 2, **settings})
    assert net(images()).shape == (4, 6)
    assert len(net.lateral) == len(net.convolutions) == len(net.feedback) + 1


def test_space_is_circular_for_recurrent_connections_too():
    net, x = make(padding="circular", pool=1, channels=[3, 4], steps=3), images()
    moved = x.roll((3, -2), (2, 3))
    first, second = record(net, x)["rates.1 #3"], record(net, moved)["rates.1 #3"]
    assert torch.allclose(first.roll((3, -2), (2, 3)), second, atol=1e-12)


def test_every_weight_gets_a_gradient():
    net = make()
    net(images()).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_it_is_recorded_step_by_step():
    recorded = record(make(steps=3), images())
    assert recorded["rates.0"].shape == recorded["rates.0 #3"].shape == (4, 3, 8, 8)


def test_it_can_be_copied_and_saved_and_loaded():
    first, second, x = make(), make(), images()
    stored = io.BytesIO()
    torch.save(first.state_dict(), stored)
    stored.seek(0)
    second.load_state_dict(torch.load(stored, weights_only=True))
    twin, before = copy.deepcopy(first), first(x)
    with torch.no_grad():
        for p in first.parameters():
            p.mul_(2)
    assert torch.equal(second(x), before) and torch.equal(twin(x), before)


def test_recurrence_helps_with_occluded_digits(device):
    """What the notebook shows, with a quarter of its training: the third step is right more often than the first."""
    train, test = OccludedDigits("train"), OccludedDigits("test").all()
    net = ConvRNN((1, 8, 8), [16], [], steps=3, every_step=True, generator=torch.Generator().manual_seed(0)).to(device)
    rule = Backprop(net, at_every_step(cross_entropy))
    nb.fit(rule, train, 100, trials=64, optimizer=torch.optim.Adam(net.parameters(), 3e-3), progress=False)
    with torch.no_grad():
        first, _, third = (net(test.inputs).argmax(-1) == test.targets[:, None]).float().mean(0).tolist()
    assert third > first + 0.01 and first > 0.3


# What is refused


@pytest.mark.parametrize("steps", [0, -1, 1.5, "3"])
def test_steps_that_are_no_positive_integer_are_refused(steps):
    with pytest.raises(ValueError, match="steps should be a positive integer, got"):
        make(steps=steps)
    with pytest.raises(ValueError, match="steps should be a positive integer, got"):
        make().over_time(images(), steps)


def test_images_of_another_shape_are_refused():
    with pytest.raises(
        ValueError, match=r"this ConvRNN expects inputs of shape \(trials, 2, 8, 8\), got \(4, 2, 7, 8\)"
    ):
        make()(torch.zeros(4, 2, 7, 8).double())


def test_a_skip_is_refused():
    with pytest.raises(ValueError, match="a ConvRNN has no skip"):
        make(skip=True)


@pytest.mark.parametrize("strength", [-1, float("nan"), "1"])
def test_a_strength_that_is_no_number_from_0_up_is_refused(strength):
    with pytest.raises(ValueError, match="strength should be a number from 0 up, got"):
        make(strength=strength)


# The objective of every step


@pytest.mark.parametrize("objective", [cross_entropy, squared_error, 2 * cross_entropy + squared_error], ids=str)
def test_at_every_step_is_the_mean_over_the_steps(objective):
    x, classes = torch.randn(5, 3), torch.randint(4, (5,))
    outputs, batch = torch.randn(5, 3, 4), Batch(x, classes)
    each = torch.stack([objective.per_trial(y, None, batch, nn.Identity()) for y in outputs.unbind(1)])
    assert torch.allclose(at_every_step(objective).per_trial(outputs, None, batch, nn.Identity()), each.mean(0))


def test_targets_may_be_values():
    outputs, batch = torch.randn(5, 3, 4), Batch(torch.randn(5, 2), torch.randn(5, 4))
    expected = 0.5 * (outputs - batch.targets[:, None]).square().sum(-1).mean(1)
    assert torch.allclose(at_every_step(squared_error).per_trial(outputs, None, batch, nn.Identity()), expected)


def test_at_every_step_adds_up_and_scales_like_any_objective():
    assert isinstance(0.5 * at_every_step(cross_entropy) + squared_error, Objective)
    assert "at_every_step(cross_entropy)" in repr(at_every_step(cross_entropy))


def test_outputs_without_steps_are_refused():
    batch = Batch(torch.randn(5, 3), torch.zeros(5, dtype=torch.long))
    with pytest.raises(
        ValueError, match=r"takes outputs trials × steps × outputs, got \(5, 4\): use ConvRNN\(…, every_step=True\)"
    ):
        at_every_step(cross_entropy).per_trial(torch.randn(5, 4), None, batch, nn.Identity())


def test_a_batch_without_targets_is_refused():
    with pytest.raises(ValueError, match="the batch has none"):
        at_every_step(cross_entropy)(make(every_step=True), Batch(images()))


@pytest.mark.parametrize("wrong", [None, "cross_entropy", RNN])
def test_what_is_no_objective_is_refused(wrong):
    with pytest.raises(TypeError, match="at_every_step takes an objective, cross_entropy for instance, got"):
        at_every_step(wrong)


def test_a_mask_of_other_steps_is_refused():
    batch = nb.tasks.Batch(torch.ones(4, 5, 2), torch.zeros(4, dtype=torch.long), mask=torch.ones(4, 5))
    objective = nb.objectives.at_every_step(nb.objectives.cross_entropy)
    with pytest.raises(ValueError, match="do not fit the batch's mask"):
        objective.per_trial(torch.zeros(4, 3, 10), None, batch, None)
