"""Objectives: their values, how they add up, and what they refuse."""

import copy
import pickle

import pytest
import torch
from examples import SmallRNN
from torch import nn

from nnbrain.networks import MLP, run
from nnbrain.objectives import Objective, cross_entropy, l1, l2, one_hot, rate_l2, squared_error
from nnbrain.tasks import Batch


@pytest.fixture
def batch():
    return Batch(torch.randn(6, 4), torch.tensor([0, 2, 1, 1, 0, 2]))


@pytest.fixture
def temporal():
    """Trials × time, with a mask that leaves out some steps of each trial."""
    mask = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).float()
    return Batch(torch.randn(3, 5, 2), torch.randn(3, 5, 4), mask)


@pytest.mark.covers("Primer, Equation 9")
def test_squared_error_is_half_the_sum_over_outputs():
    y, target = torch.randn(5, 3), torch.randn(5, 3)
    batch = Batch(torch.zeros(5, 1), target)
    expected = [0.5 * sum((y[k, j] - target[k, j]) ** 2 for j in range(3)) for k in range(5)]
    assert torch.allclose(squared_error.per_trial(y, None, batch, MLP([1, 3])), torch.stack(expected))


def test_squared_error_turns_classes_into_one_hot_vectors(batch):
    y = torch.randn(6, 3)
    hot = Batch(batch.inputs, one_hot(batch.targets, 3).float())
    net = MLP([4, 3])
    assert torch.equal(squared_error.per_trial(y, None, batch, net), squared_error.per_trial(y, None, hot, net))


def test_cross_entropy_equals_torchs(batch):
    net = MLP([4, 5, 3])
    assert torch.allclose(
        cross_entropy(net, batch), torch.nn.functional.cross_entropy(net(batch.inputs), batch.targets)
    )
    p = torch.rand(6, 3).softmax(1)
    soft = Batch(batch.inputs, p)
    assert torch.allclose(cross_entropy(net, soft), torch.nn.functional.cross_entropy(net(batch.inputs), p))


@pytest.mark.covers("Primer, Equation 4")
def test_an_objective_is_the_mean_over_trials(batch):
    net = MLP([4, 5, 3])
    single = [cross_entropy(net, batch[k]) for k in range(len(batch))]
    assert torch.allclose(cross_entropy(net, batch), torch.stack(single).mean())
    assert torch.allclose(cross_entropy(net, batch, reduction="none"), torch.stack(single))


def test_only_unmasked_steps_count(temporal):
    net = SmallRNN(2, 8, 4)
    outputs, activity = net(temporal.inputs)
    errors = 0.5 * (outputs - temporal.targets).square().sum(-1)
    expected = torch.stack([errors[0, 2:].mean(), errors[1, 1:3].mean(), errors[2].mean()])
    assert torch.allclose(squared_error.per_trial(outputs, activity, temporal, net), expected)


def test_a_mask_may_weigh_steps(temporal):
    net = SmallRNN(2, 8, 4)
    outputs, _ = net(temporal.inputs)
    errors = 0.5 * (outputs - temporal.targets).square().sum(-1)
    weights = torch.tensor([[1.0, 1.0, 5.0, 5.0, 0.0]]).repeat(3, 1)
    weighed = Batch(temporal.inputs, temporal.targets, weights)
    expected = (errors[:, :2].sum(1) + 5 * errors[:, 2:4].sum(1)) / 12
    assert torch.allclose(squared_error(net, weighed, reduction="none"), expected)


def test_cross_entropy_over_time_averages_the_unmasked_steps(temporal):
    classes = torch.randint(4, (3, 5))
    net = SmallRNN(2, 8, 4)
    outputs, _ = net(temporal.inputs)
    steps = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), classes.flatten(), reduction="none").reshape(3, 5)
    expected = (steps * temporal.mask).sum(1) / temporal.mask.sum(1)
    value = cross_entropy(net, Batch(temporal.inputs, classes, temporal.mask), reduction="none")
    assert torch.allclose(value, expected)


def test_penalties_on_weights_leave_biases_alone(batch):
    net = MLP([4, 5, 3])
    weights = torch.cat([layer.weight.flatten() for layer in net.layers])
    assert torch.allclose(l2(net, batch), 0.5 * weights.square().sum())
    assert torch.allclose(l1(net, batch), weights.abs().sum())


def test_a_penalty_is_shared_by_all_trials(batch):
    values = l2(MLP([4, 3]), batch, reduction="none")
    assert values.shape == (6,)
    assert torch.equal(values, values[:1].expand(6))


def test_frozen_weights_are_not_penalised(batch):
    net = MLP([4, 5, 3])
    net.layers[0].weight.requires_grad_(False)
    assert torch.allclose(l2(net, batch), 0.5 * net.layers[1].weight.square().sum())


def test_rate_penalty_is_the_mean_square_rate_of_unmasked_steps(temporal):
    net = SmallRNN(2, 8, 4)
    _, activity = net(temporal.inputs)
    expected = (activity.square().mean(-1) * temporal.mask).sum(1) / temporal.mask.sum(1)
    assert torch.allclose(rate_l2(net, temporal, reduction="none"), expected)


def test_rate_penalty_needs_a_recurrent_network(batch):
    with pytest.raises(ValueError, match="needs the network's activity"):
        rate_l2(MLP([4, 3]), batch)


def test_objectives_add_up_and_scale(batch):
    net = MLP([4, 5, 3])
    combined = cross_entropy + 0.1 * l2 + l1 * 2
    expected = cross_entropy(net, batch) + 0.1 * l2(net, batch) + 2 * l1(net, batch)
    assert torch.allclose(combined(net, batch), expected)
    assert torch.allclose(sum([cross_entropy, l2])(net, batch), cross_entropy(net, batch) + l2(net, batch))
    assert torch.allclose((0.5 * combined)(net, batch), 0.5 * expected)
    assert repr(combined) == "cross_entropy + 0.1 * l2 + 2 * l1"


def test_per_trial_equals_the_call_that_runs_the_network(batch):
    net = MLP([4, 5, 3])
    objective = cross_entropy + 0.1 * l2
    values = objective.per_trial(*run(net, batch.inputs), batch, net)
    assert torch.equal(values, objective(net, batch, reduction="none"))


def test_noise_comes_from_the_generator_only(temporal):
    net = SmallRNN(2, 8, 4)
    quiet = [squared_error(net, temporal) for _ in range(2)]
    noisy = [squared_error(net, temporal, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert quiet[0] == quiet[1]
    assert noisy[0] == noisy[1] != noisy[2]


def test_a_function_becomes_an_objective(batch):
    @Objective
    def largest_output(outputs, activity, batch, network):
        """The largest output of each trial."""
        return outputs.amax(-1)

    net = MLP([4, 3])
    assert torch.allclose(largest_output(net, batch), net(batch.inputs).amax(1).mean())
    assert largest_output.__doc__ == "The largest output of each trial."


def test_a_term_of_the_wrong_shape_is_refused_by_name(batch):
    @Objective
    def forgot_the_sum(outputs, activity, batch, network):
        return outputs

    with pytest.raises(ValueError, match=r"forgot_the_sum returned shape \(6, 3\).*one value a trial"):
        forgot_the_sum(MLP([4, 3]), batch)


@pytest.mark.parametrize(
    "targets, message",
    [
        (None, "has none"),
        (torch.zeros(6, 4), r"need values of shape \(6, 3\) as targets, got \(6, 4\)"),
        (torch.zeros(6, 1, dtype=torch.int64), r"need classes of shape \(6,\)"),
        (torch.tensor([0, 1, 2, 3, 0, 1]), "classes 0 to 2, but the targets run from 0 to 3"),
        (torch.tensor([0, 1, 2, -1, 0, 1]), "run from -1 to 2"),
    ],
)
@pytest.mark.parametrize("objective", [squared_error, cross_entropy])
def test_targets_that_do_not_fit_are_refused(objective, targets, message):
    with pytest.raises(ValueError, match=message):
        objective(MLP([4, 3]), Batch(torch.randn(6, 4), targets))


def test_outputs_of_other_trials_are_refused(batch):
    with pytest.raises(ValueError, match="outputs have 5 trials, the batch has 6"):
        cross_entropy.per_trial(torch.zeros(5, 3), None, batch, MLP([4, 3]))


def test_unknown_reduction_is_refused(batch):
    with pytest.raises(ValueError, match="'mean' or 'none', got 'sum'"):
        cross_entropy(MLP([4, 3]), batch, reduction="sum")


def test_one_hot_refuses_a_class_too_many():
    with pytest.raises(ValueError, match="run from 0 to 5"):
        one_hot(torch.tensor([0, 5]), 5)


def test_only_objectives_and_numbers_combine():
    with pytest.raises(TypeError):
        cross_entropy + 3
    with pytest.raises(TypeError):
        cross_entropy * l2
    with pytest.raises(TypeError, match="made from a function"):
        Objective("loss")


def test_objectives_are_subtracted_and_negated(batch):
    net = MLP([4, 5, 3])
    value = cross_entropy(net, batch)
    assert torch.allclose((-cross_entropy)(net, batch), -value)
    assert torch.allclose((cross_entropy - 0.1 * l2)(net, batch), value - 0.1 * l2(net, batch))


def test_named_objectives_are_pickled_by_their_name():
    """So that a rule can be copied, and still knows the objective that it was derived for."""
    assert pickle.loads(pickle.dumps(cross_entropy)) is cross_entropy
    assert copy.deepcopy(squared_error) is squared_error


def test_a_term_that_returns_no_tensor_is_refused_by_name(batch):
    @Objective
    def forgot_to_return(outputs, activity, batch, network):
        outputs.sum()

    with pytest.raises(TypeError, match="forgot_to_return returned None"):
        forgot_to_return(MLP([4, 3]), batch)


@pytest.mark.parametrize("objective", [squared_error, cross_entropy])
def test_targets_at_masked_steps_may_be_nan(temporal, objective):
    net = SmallRNN(2, 8, 4)
    targets = temporal.targets.softmax(-1)
    undefined = targets.masked_fill(temporal.mask.unsqueeze(-1) == 0, float("nan"))
    plain, holes = (Batch(temporal.inputs, t, temporal.mask) for t in (targets, undefined))
    assert torch.equal(objective(net, plain), objective(net, holes))


def test_a_mask_on_outputs_without_time_is_refused():
    class Last(nn.Module):
        def forward(self, x):
            return x[:, -1]

    batch = Batch(torch.randn(3, 5, 2), torch.randn(3, 2), torch.ones(3, 5))
    with pytest.raises(ValueError, match="outputs have no time"):
        squared_error(Last(), batch)


@pytest.mark.parametrize("classes", [torch.zeros(3), [0, 1], torch.zeros(0, dtype=torch.int64)])
def test_one_hot_refuses_what_are_no_classes(classes):
    with pytest.raises(TypeError, match="one integer or more"):
        one_hot(classes, 3)
