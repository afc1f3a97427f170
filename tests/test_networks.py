"""Architectures: the multilayer perceptron, its equations, and what it refuses."""

import pytest
import torch
from torch import nn

from nnbrain.networks import MLP, Activation, run


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


@pytest.mark.parametrize("sizes", [[], [5], [5, 0], [5, -1, 2], [5, 2.0]])
def test_bad_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="two or more positive integers"):
        MLP(sizes)


@pytest.mark.parametrize("shape", [(4,), (2, 5), (2, 1, 4)])
def test_input_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expects inputs of shape \(trials, 4\)"):
        MLP([4, 3])(torch.zeros(shape))


def test_images_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"x\.flatten\(1\)"):
        MLP([64, 10])(torch.zeros(5, 8, 8))


def test_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"swish.*relu, tanh"):
        MLP([3, 3, 3], activation="swish")
    with pytest.raises(TypeError, match="a name or a function"):
        Activation(3)


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
