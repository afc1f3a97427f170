"""Sparse connections: weights that do not exist are exactly 0, whatever happens to the others."""

import copy
import io
import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

import nnbrain as nb
from nnbrain.learning import Backprop
from nnbrain.networks import MLP, RNN, ConvNet, LowRankRNN, SparseLinear, SparseWeight, dales_law, mask_weights
from nnbrain.objectives import cross_entropy, l1, squared_error
from nnbrain.tasks import FiniteTask


def random_mask(*shape, density=0.4):
    return torch.rand(shape) < density


@pytest.mark.covers("Primer, section 5.1")
def test_weights_are_those_that_are_trained_times_the_mask():
    layer, M = nn.Linear(6, 4), random_mask(4, 6)
    mask_weights(layer, M)
    W_tilde = torch.randn(4, 6)
    with torch.no_grad():
        layer.parametrizations.weight.original.copy_(W_tilde)
    x = torch.randn(5, 6)
    assert torch.equal(layer.weight, W_tilde * M)
    assert torch.allclose(layer(x), x @ (W_tilde * M).T + layer.bias, atol=1e-6)


def test_weights_that_exist_keep_their_values_and_the_others_become_0():
    layer, M = nn.Linear(6, 4), random_mask(4, 6)
    before = layer.weight.detach().clone()
    assert torch.equal(mask_weights(layer, M).weight, before * M)


def test_the_gradient_is_that_of_the_weights_where_they_exist_and_0_elsewhere():
    layer, M, x = nn.Linear(6, 4).double(), random_mask(4, 6), torch.randn(5, 6).double()
    mask_weights(layer, M)
    W = layer.weight.detach().clone().requires_grad_()
    (of_W,) = torch.autograd.grad((x @ W.T + layer.bias).tanh().sum(), W)
    (of_W_tilde,) = torch.autograd.grad(layer(x).tanh().sum(), layer.parametrizations.weight.original)
    assert torch.allclose(of_W_tilde, of_W * M, atol=1e-12) and not of_W_tilde[~M].any() and of_W[~M].all()


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_what_does_not_exist_is_exactly_0_after_every_step_of_training(optimizer, device):
    net, M = MLP([6, 8, 2]), random_mask(8, 6)
    mask_weights(net.layers[0], M)
    net, M = net.to(device), M.to(device)
    task = FiniteTask(torch.randn(40, 6), torch.randint(2, (40,)))
    zeros, before = [], net.layers[0].weight.detach().clone()
    nb.fit(
        Backprop(net, cross_entropy + 1e-3 * l1),
        task,
        20,
        optimizer=optimizer(net.parameters(), lr=0.05),
        after_step=lambda network: zeros.append(bool((network.layers[0].weight[~M] == 0).all())),
        progress=False,
    )
    assert len(zeros) == 20 and all(zeros)
    assert (net.layers[0].weight - before)[M].abs().max() > 0.01


def test_the_penalty_counts_only_what_exists():
    layer = mask_weights(nn.Linear(6, 4), random_mask(4, 6))
    batch = nb.tasks.Batch(torch.randn(3, 6), torch.randn(3, 4))
    difference = (squared_error + l1)(layer, batch) - squared_error(layer, batch)
    assert torch.isclose(difference, layer.weight.abs().sum())


def test_recurrent_weights_can_be_masked_and_both_passes_use_them():
    net, M, x = RNN(3, 20, 2).double(), random_mask(20, 20), torch.randn(4, 7, 3).double()
    mask_weights(net.recurrent, M)
    plain = RNN(3, 20, 2, fused=False).double()
    plain.load_state_dict({**net.state_dict(), "recurrent.weight": net.W_r.detach()}, strict=False)
    assert not net.W_r[~M].any() and torch.allclose(net(x)[1], plain(x)[1], atol=1e-12)


def test_weights_that_obey_dales_law_obey_it_still_when_masked():
    net, M = dales_law(RNN(3, 20, 2)), random_mask(20, 20)
    before = net.W_r.detach().clone()
    mask_weights(net.recurrent, M)
    assert torch.equal(net.W_r, before * M)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        net(torch.randn(4, 9, 3))[0].square().mean().backward()
        optimizer.step()
    W = net.W_r.detach()
    assert not W[~M].any() and (W[:, :16] >= 0).all() and (W[:, 16:] <= 0).all() and (W - before * M).abs().max() > 0.01


def test_kernels_can_be_masked():
    net = ConvNet((1, 8, 8), channels=[3], hidden=[])
    cross = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]]).expand(3, 1, 3, 3)
    mask_weights(net.convolutions[0], cross)
    assert torch.equal(net.convolutions[0].weight != 0, cross == 1)


def test_the_mask_is_saved_and_loaded_and_copied_with_the_layer():
    first, second, x = SparseLinear(20, 10, density=0.3), SparseLinear(20, 10, density=0.3), torch.randn(5, 20)
    assert not torch.equal(first.mask, second.mask)
    stored = io.BytesIO()
    torch.save(first.state_dict(), stored)
    stored.seek(0)
    second.load_state_dict(torch.load(stored, weights_only=True))
    twin, before = copy.deepcopy(first), first(x)
    with torch.no_grad():
        first.parametrizations.weight.original.mul_(2)
        first.mask.zero_()
    assert torch.equal(second(x), before) and torch.equal(twin(x), before)


def test_it_moves_with_the_layer(device):
    layer = SparseLinear(20, 10, density=0.3).to(device).double()
    assert layer.mask.device.type == device.type and layer.mask.dtype == layer.weight.dtype == torch.float64
    assert layer(torch.randn(4, 20, device=device).double()).dtype == torch.float64


def test_the_callers_mask_is_not_shared():
    M = torch.ones(4, 6)
    layer = SparseLinear(6, 4, mask=M)
    M.zero_()
    assert layer.weight.all()


@pytest.mark.parametrize("density, connections", [(0.1, 50), (1.0, 500), (0.0504, 25), (1e-9, 1)])
def test_the_density_gives_exactly_so_many_connections(density, connections):
    layer = SparseLinear(25, 20, density=density)
    assert int((layer.weight != 0).sum()) == int(layer.mask.sum()) == connections


def test_units_receive_unit_variance_whatever_the_density():
    """Var Σ W x = n Var W = 1 with n connections a unit; 2,000 units and 200 inputs leave an error of about 2 %."""
    for density in (0.05, 0.3, 1.0):
        layer = SparseLinear(400, 2000, density=density, bias=False)
        assert float(layer(torch.randn(200, 400)).detach().var()) == pytest.approx(1, rel=0.1)


def test_a_mask_of_ones_own_is_the_mask():
    M = random_mask(4, 6)
    assert torch.equal(SparseLinear(6, 4, mask=M).mask, M.float())


def test_the_generator_draws_everything():
    first, second = (SparseLinear(20, 10, density=0.3, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first.weight, second.weight) and torch.equal(first.bias, second.bias)


def test_a_layer_without_bias_has_none():
    assert SparseLinear(6, 4, density=0.5, bias=False).bias is None


def test_weights_can_be_put_in():
    layer, W = SparseLinear(6, 4, density=0.5), torch.randn(4, 6)
    layer.weight = W
    assert torch.equal(layer.weight, W * layer.mask)


def test_the_layer_works_under_functional_call():
    layer, x = SparseLinear(6, 4, density=0.5), torch.randn(5, 6)
    values = {name: torch.randn_like(p) for name, p in layer.named_parameters()}
    W = values["parametrizations.weight.original"] * layer.mask
    assert torch.allclose(functional_call(layer, values, (x,)), x @ W.T + values["bias"], atol=1e-6)


# What is refused


@pytest.mark.parametrize("density", [0, -0.1, 1.1, math.nan, "0.1", True])
def test_a_density_out_of_its_range_is_refused(density):
    with pytest.raises(ValueError, match="density is a fraction of the connections, above 0 and up to 1, got"):
        SparseLinear(6, 4, density=density)


@pytest.mark.parametrize("arguments", [{}, {"density": 0.5, "mask": torch.ones(4, 6)}], ids=["neither", "both"])
def test_either_density_or_mask_is_wanted(arguments):
    with pytest.raises(ValueError, match="takes either density, the fraction of connections, or mask"):
        SparseLinear(6, 4, **arguments)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"the mask has shape \(6, 4\), the weights have \(4, 6\)"):
        mask_weights(nn.Linear(6, 4), torch.ones(6, 4))


@pytest.mark.parametrize(
    "mask", [torch.zeros(4, 6), torch.full((4, 6), 0.5), torch.full((4, 6), math.nan)], ids=["0", "0.5", "nan"]
)
def test_a_mask_of_other_values_or_without_any_connection_is_refused(mask):
    with pytest.raises(ValueError, match="made of 1, where there is a connection, and 0; and it has a 1 somewhere"):
        mask_weights(nn.Linear(6, 4), mask)


def test_a_mask_that_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="a mask is a tensor of 0 and 1, got list"):
        SparseWeight([[0, 1]])


@pytest.mark.parametrize(
    "layer", [RNN(3, 6, 2), LowRankRNN(3, 6, 2), nn.ReLU(), None], ids=["RNN", "low rank", "ReLU", "None"]
)
def test_what_has_no_weights_is_refused_with_the_remedy(layer):
    with pytest.raises(TypeError, match=f"takes a layer with weights.*got {type(layer).__name__}.*net.recurrent"):
        mask_weights(layer, torch.ones(6, 6))


@pytest.mark.parametrize("sizes", [(0, 4), (6, -1), (6.0, 4)])
def test_sizes_that_are_no_positive_integers_are_refused(sizes):
    with pytest.raises(ValueError, match="should be a positive integer, got"):
        SparseLinear(*sizes, density=0.5)


def test_a_density_may_be_a_tensor():
    assert int((nb.networks.SparseLinear(4, 4, density=torch.tensor(0.5)).weight != 0).sum()) == 8
