"""Architectures: the multilayer perceptron, its equations, and what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn

from nnbrain.networks import MLP, Activation, evaluating, run


@pytest.mark.covers("Primer, Equations 1-3, Figure 2A")
@pytest.mark.parametrize(
    "name, f", [("relu", torch.relu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid), ("linear", lambda c: c)]
)
def test_mlp_computes_equations_1_to_3(name, f):
    net = MLP([4, 6, 5, 3], activation=name).double()
    x = torch.randn(7, 4, dtype=torch.float64)
    expected = []
    for example in x:  # the equations as printed: one example, a column vector
        r = example  # Eq. 1
        for layer in net.layers[:-1]:
            r = f(layer.weight @ r + layer.bias)  # Eq. 2
        expected.append(net.layers[-1].weight @ r + net.layers[-1].bias)  # Eq. 3
    assert torch.allclose(net(x), torch.stack(expected), atol=1e-12)


def test_mlp_without_hidden_layer_is_linear():
    net = MLP([4, 3])
    x = torch.randn(2, 4)
    assert torch.equal(net(x), net.layers[0](x))
    assert len(net.rates) == 0


def test_mlp_without_bias_has_none():
    assert [p.ndim for p in MLP([4, 5, 3], bias=False).parameters()] == [2, 2]


def test_mlp_takes_a_function_as_activation():
    net = MLP([3, 4, 2], activation=torch.sin)
    x = torch.randn(5, 3)
    assert torch.equal(net(x), net.layers[1](torch.sin(net.layers[0](x))))
    assert "sin" in repr(net)


def test_initial_weights_keep_the_size_of_activity():
    """With variance 2/n for ReLU, the mean square of the activity is the same in every layer (He et al. 2015)."""
    net = MLP([500, 500, 500, 500, 500], bias=False)
    r = torch.randn(200, 500)
    sizes = []
    for layer, f in zip(net.layers, net.rates, strict=False):
        c = layer(r)
        sizes.append(float(c.detach().square().mean()))
        r = f(c)
    assert all(1.6 < size < 2.4 for size in sizes)


def test_the_same_generator_gives_the_same_weights():
    first, second = (MLP([4, 5, 3], generator=torch.Generator().manual_seed(3)) for _ in range(2))
    other = MLP([4, 5, 3], generator=torch.Generator().manual_seed(4))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


@pytest.mark.parametrize("sizes", [[5, 0], [5, -1, 2], [5, 2.0], [True, 3]])
def test_bad_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="each of an MLP's sizes should be a positive integer, got"):
        MLP(sizes)


@pytest.mark.parametrize("sizes", [[], [5]])
def test_too_few_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="needs two sizes or more"):
        MLP(sizes)


def test_sizes_may_be_of_any_integer_type():
    net = MLP(np.array([4, 5, 3]))
    assert net.sizes == [4, 5, 3]
    assert type(net.sizes[0]) is int


@pytest.mark.parametrize("shape", [(4,), (2, 5), (2, 1, 4)])
def test_input_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expects inputs of shape \(trials, 4\)"):
        MLP([4, 3])(torch.zeros(shape))


def test_input_of_another_type_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"torch.as_tensor\(x\)"):
        MLP([4, 3])(np.zeros((2, 4)))
    with pytest.raises(TypeError, match=r"x.to\(torch.float32\)"):
        MLP([4, 3])(torch.zeros(2, 4, dtype=torch.float64))


@pytest.mark.parametrize("f", ["relu", torch.relu, nn.functional.relu, nn.ReLU()])
def test_a_rectifier_starts_with_twice_the_variance_however_it_is_written(f):
    rectified, linear = MLP([1000, 1000, 1], f), MLP([1000, 1000, 1], "tanh")
    ratio = rectified.layers[0].weight.detach().var() / linear.layers[0].weight.detach().var()
    assert 1.9 < float(ratio) < 2.1


def test_images_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"x\.flatten\(1\)"):
        MLP([64, 10])(torch.zeros(5, 8, 8))


def test_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"swish.*relu, tanh"):
        MLP([3, 3, 3], activation="swish")
    with pytest.raises(TypeError, match="a name or a function"):
        Activation(3)
    with pytest.raises(TypeError, match="a name or a function"):
        Activation(nn.ReLU)


def test_run_gives_none_for_the_activity_of_a_feedforward_network():
    net = MLP([4, 3])
    outputs, activity = run(net, torch.zeros(2, 4))
    assert outputs.shape == (2, 3)
    assert activity is None


def test_run_refuses_what_keeps_no_contract():
    class Three(nn.Module):
        def forward(self, x):
            return x, x, x

    with pytest.raises(TypeError, match=r"Three returned a tuple of Tensor, Tensor, Tensor.*\(outputs, activity\)"):
        run(Three(), torch.zeros(1, 1))


@pytest.mark.parametrize("outputs, activity", [((2, 4, 1), (2, 3, 5)), ((2, 4, 1), (3, 4, 5)), ((5, 4, 1), (2, 4, 5))])
def test_run_refuses_results_of_other_trials_or_times(outputs, activity):
    class Other(nn.Module):
        def forward(self, x):
            return torch.zeros(outputs), torch.zeros(activity)

    with pytest.raises(ValueError, match=r"Other (was given 2 trials|returned a second tensor)"):
        run(Other(), torch.zeros(2, 4, 3))


def test_run_passes_the_generator_only_to_networks_that_take_one():
    noise = torch.Generator().manual_seed(0)
    assert run(MLP([4, 3]), torch.zeros(2, 4), noise)[0].shape == (2, 3)


def test_evaluating_gives_every_part_its_own_mode_back():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    net[1].eval()
    with pytest.raises(ZeroDivisionError), evaluating(net):
        assert not net.training and not net[0].training
        raise ZeroDivisionError
    assert [part.training for part in (net, *net)] == [True, True, False]
