"""Random features: the readout is the least-squares solution, and the smallest where there are many."""

import copy

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from nnbrain import fit
from nnbrain.learning import Backprop
from nnbrain.networks import RandomFeatures
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Digits


def network(features, **settings):
    return RandomFeatures(6, features, 3, generator=torch.Generator().manual_seed(0), **settings).double()


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    draw = {"generator": generator, "dtype": torch.float64}
    return torch.randn(40, 6, **draw), torch.randn(40, 3, **draw)


@pytest.mark.parametrize("features", [10, 39, 40, 41, 200])
def test_the_readout_is_the_smallest_of_the_least_squares_solutions(data, features):
    net = network(features, activation="tanh")
    net.fit_readout(*data)
    phi = net.features(data[0]).numpy()
    smallest = np.linalg.pinv(phi) @ data[1].numpy()
    np.testing.assert_allclose(net.readout.weight.detach().numpy().T, smallest, rtol=1e-5, atol=1e-8)


def test_with_more_features_than_samples_every_sample_is_fitted(data):
    net = network(200)
    net.fit_readout(*data)
    torch.testing.assert_close(net(data[0]), data[1])


def test_with_fewer_features_nothing_more_can_be_learned(data):
    """The gradient of the squared error is zero."""
    net = network(10)
    net.fit_readout(*data)
    (net(data[0]) - data[1]).square().sum().backward()
    assert net.readout.weight.grad.abs().max() < 1e-9


@pytest.mark.parametrize("features", [10, 200])
def test_with_ridge_it_is_scikit_learns(data, features):
    net = network(features)
    net.fit_readout(*data, ridge=0.7)
    theirs = Ridge(alpha=0.7, fit_intercept=False).fit(net.features(data[0]).numpy(), data[1].numpy())
    np.testing.assert_allclose(net.readout.weight.detach().numpy(), theirs.coef_, rtol=1e-6, atol=1e-10)


def test_classes_become_one_hot(data):
    classes = torch.arange(40) % 3
    ours, theirs = network(20), network(20)
    ours.fit_readout(data[0], classes)
    theirs.fit_readout(data[0], torch.eye(3).double()[classes])
    assert torch.equal(ours.readout.weight, theirs.readout.weight)


def test_only_the_readout_is_learned():
    net = RandomFeatures(64, 50, 10)
    hidden = copy.deepcopy(net.hidden.state_dict())
    fit(Backprop(net, cross_entropy), Digits(), 5, progress=False)
    assert all(torch.equal(net.hidden.state_dict()[name], value) for name, value in hidden.items())
    assert net.readout.weight.abs().max() > 0


def test_features_are_the_activation_of_random_sums(data):
    net = network(20)
    expected = torch.relu(data[0] @ net.hidden.weight.T + net.hidden.bias)
    torch.testing.assert_close(net.features(data[0]), expected)


def test_the_same_generator_draws_the_same_network():
    first, second = network(20), network(20)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_copy_and_a_saved_one_answer_alike(data):
    net, other = network(20), RandomFeatures(6, 20, 3).double()
    net.fit_readout(*data)
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(data[0]), other(data[0])) and torch.equal(net(data[0]), copy.deepcopy(net)(data[0]))


def test_the_error_on_held_out_digits_peaks_at_as_many_features_as_samples():
    """Double descent, on clean labels. Centred inputs, so that no feature is constant or silent on all samples."""
    train, test = Digits("train").all(), Digits("test").all()
    centre = train.inputs.mean(0)
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        some = torch.randperm(len(train), generator=generator)[:150].to(train.inputs.device)
        errors = []
        for features in (75, 150, 600):
            net = RandomFeatures(64, features, 10, generator=generator).to(centre.device)
            net.fit_readout(train.inputs[some] - centre, train.targets[some])
            errors.append((net(test.inputs - centre).argmax(1) != test.targets).float().mean().item())
        assert errors[1] > 2 * errors[0] and errors[1] > 2 * errors[2]


@pytest.mark.parametrize(
    ("inputs", "targets", "settings", "message"),
    [
        (torch.zeros(4, 6), torch.zeros(4, 2), {}, r"targets should be \(samples, outputs\), \(4, 3\)"),
        (torch.zeros(4, 6), torch.zeros(5, 3), {}, r"targets should be \(samples, outputs\), \(4, 3\)"),
        (torch.zeros(0, 6), torch.zeros(0, 3), {}, "there are no samples"),
        (torch.zeros(4, 6), torch.tensor([0, 1, 2, 3]), {}, "classes should lie from 0 to 2, got 0 to 3"),
        (torch.zeros(4, 6), torch.zeros(4, 3), {"ridge": -1.0}, "ridge should be a number from 0 up"),
        (torch.zeros(4, 5), torch.zeros(4, 3), {}, r"expects inputs of shape \(trials, 6\), got \(\d, 5\)"),
    ],
)
def test_samples_that_do_not_fit_are_refused(inputs, targets, settings, message):
    with pytest.raises(ValueError, match=message):
        RandomFeatures(6, 20, 3).fit_readout(inputs, targets, **settings)


@pytest.mark.parametrize("sizes", [(0, 5, 2), (5, 0, 2), (5, 5, 0)])
def test_sizes_are_positive(sizes):
    with pytest.raises(ValueError, match="should be a positive integer, got 0"):
        RandomFeatures(*sizes)


@pytest.mark.parametrize(
    ("inputs", "targets", "error", "message"),
    [
        (None, torch.zeros(4, 2), TypeError, "expects a tensor"),
        (torch.zeros(4, 3), [[0.0, 1.0]] * 4, TypeError, "targets should be a tensor"),
        (torch.zeros(0, 3), torch.zeros(0, 2), ValueError, "no samples"),
        (torch.full((4, 3), torch.nan), torch.zeros(4, 2), ValueError, "NaN"),
        (torch.zeros(4, 3), torch.full((4, 2), torch.inf), ValueError, "infinite"),
    ],
)
def test_a_readout_is_not_fitted_to_what_is_no_data(inputs, targets, error, message):
    with pytest.raises(error, match=message):
        RandomFeatures(3, 5, 2).fit_readout(inputs, targets)
