"""Dale's law: signs that hold whatever happens to the weights, and a network that begins balanced."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

import nnbrain as nb
from nnbrain.learning import Backprop
from nnbrain.networks import GRU, MLP, RNN, DalesLaw, LowRankRNN, ShortTermPlasticity, dales_law
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import PerceptualDecision


def make(units=10, excitatory=0.8, outputs=2, **settings):
    return dales_law(RNN(3, units, outputs), excitatory, **settings)


def obeys(W, excitatory):
    """Whether columns before this number are nowhere negative, the others nowhere positive, and not all of it is zero."""
    return bool((W[:, :excitatory] >= 0).all() and (W[:, excitatory:] <= 0).all() and (W != 0).any(0).all())


@pytest.mark.parametrize("excitatory, count", [(0.8, 8), (0.5, 5), (0.84, 8), (0.9, 9)])
def test_columns_have_the_sign_of_the_unit_that_sends(excitatory, count):
    assert obeys(make(excitatory=excitatory).W_r, count)


def test_signs_hold_after_training(device):
    task = PerceptualDecision(epochs={"fixation": 100, "stimulus": 200, "response": 200})
    net = dales_law(RNN(task.inputs, 20, task.outputs)).to(device)
    before = net.W_r.detach().clone()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    nb.fit(Backprop(net, cross_entropy), task, 30, optimizer=optimizer, progress=False)
    assert obeys(net.W_r, 16) and not net.W_r.diagonal().any()
    assert (net.W_r - before).abs().max() > 0.1


def test_signs_hold_whatever_the_trained_parameter_becomes():
    net = make()
    with torch.no_grad():
        nn.init.normal_(net.recurrent.parametrizations.weight.original, 0.0, 5.0)
    assert obeys(net.W_r, 8)


def test_a_matrix_that_is_put_in_keeps_its_sizes_and_loses_wrong_signs():
    net, W = make(4, 0.5), torch.randn(4, 4)
    net.recurrent.weight = W
    sign = torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert torch.allclose(net.W_r, W.abs() * sign * (1 - torch.eye(4)))


def test_the_network_runs_with_exactly_these_weights():
    net, x = make(), torch.randn(4, 7, 3)
    plain = RNN(3, 10, 2)
    with torch.no_grad():
        plain.recurrent.weight.copy_(net.W_r)
        for part in ("input", "output"):
            getattr(plain, part).load_state_dict(getattr(net, part).state_dict())
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(net(x), plain(x), strict=True))


def test_gradients_reach_the_sizes():
    net = make().double()
    (V,) = (p for name, p in net.named_parameters() if "recurrent" in name)
    x = torch.randn(4, 7, 3).double()
    (g,) = torch.autograd.grad(net(x)[0].sum(), V)
    W = net.W_r.detach().requires_grad_()
    plain = copy.deepcopy(net)
    parametrize.remove_parametrizations(plain.recurrent, "weight")
    (of_W,) = torch.autograd.grad(torch.func.functional_call(plain, {"recurrent.weight": W}, (x,))[0].sum(), W)
    sign = torch.tensor([1.0] * 8 + [-1.0] * 2).double()
    assert torch.allclose(g, of_W * sign * V.sign(), atol=1e-12)


def test_units_do_not_connect_to_themselves_unless_one_says_so():
    assert not make().W_r.diagonal().any()
    assert make(self_connections=True).W_r.diagonal().all()


def test_the_spectral_radius_is_kept():
    net = RNN(3, 100, 2, g=1.7)
    before = torch.linalg.eigvals(net.W_r).abs().max()
    assert abs(torch.linalg.eigvals(dales_law(net).W_r).abs().max() / before - 1) < 1e-3


def test_excitation_and_inhibition_balance_at_the_start():
    W = make(500, self_connections=True).W_r
    excitation, inhibition = W[:, :400].sum(1).mean(), W[:, 400:].sum(1).mean()
    assert abs(1 + inhibition / excitation) < 0.02


def test_the_readout_may_be_from_excitatory_units_only():
    net = make(excitatory_readout=True)
    assert (
        not net.W_y[:, 8:].any()
        and net.W_y[:, :8].all()
        and torch.equal(make().W_y != 0, torch.ones(2, 10, dtype=bool))
    )
    net.readout(torch.randn(5, 10)).sum().backward()
    assert not net.output.parametrizations.weight.original.grad[:, 8:].any()


def test_connections_that_are_absent_stay_absent(device):
    net = dales_law(RNN(3, 20, 2, density=0.3)).to(device)
    absent = net.W_r == 0
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        net(torch.randn(4, 9, 3, device=device))[0].square().mean().backward()
        optimizer.step()
    assert absent.sum() > 200 and torch.equal(net.W_r == 0, absent)


@pytest.mark.parametrize("plastic", [False, True])
def test_it_can_be_copied_and_saved_and_loaded(plastic):
    def network():
        net = make(excitatory_readout=True)
        return ShortTermPlasticity(net, U=0.5, tau_x=200, tau_u=200) if plastic else net

    first, second, x = network(), network(), torch.randn(4, 7, 3)
    second.load_state_dict(first.state_dict())
    twin, before = copy.deepcopy(first), first(x)
    with torch.no_grad():
        for p in first.parameters():
            p.mul_(2)
    for other in (second, twin):
        assert all(torch.equal(a, b) for a, b in zip(other(x), before, strict=True))


def test_it_moves_with_the_network(device):
    net = make().to(device).double()
    assert net.W_r.dtype == torch.float64 and net.W_r.device.type == device.type
    assert net(torch.randn(4, 7, 3, device=device).double())[0].dtype == torch.float64


@pytest.mark.parametrize(
    "network", [GRU(3, 4, 2), LowRankRNN(3, 4, 2), MLP([3, 4, 2]), None], ids=["GRU", "low rank", "MLP", "None"]
)
def test_networks_without_a_matrix_of_recurrent_weights_are_refused(network):
    with pytest.raises(TypeError, match=f"which this {type(network).__name__} does not have: use an RNN"):
        dales_law(network)


def test_a_network_that_is_wrapped_already_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"use an RNN \(and wrap it afterwards, for short-term plasticity"):
        dales_law(ShortTermPlasticity(RNN(3, 4, 2), U=0.5, tau_x=200, tau_u=200))


def test_the_law_is_not_passed_twice():
    with pytest.raises(ValueError, match="parametrized already: build a new one"):
        dales_law(make())


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, 0.01, 0.99, math.nan, "0.8", None, True])
def test_a_fraction_that_leaves_one_kind_only_is_refused(fraction):
    with pytest.raises(
        ValueError, match=r"excitatory is a fraction that leaves both kinds among 10 units, 0\.8 for instance, got"
    ):
        make(excitatory=fraction)


@pytest.mark.parametrize(
    "sign", [torch.tensor([1.0, 0.5]), torch.ones(2, 2), [1.0, -1.0], torch.tensor([1.0, math.nan])], ids=str
)
def test_signs_other_than_plus_and_minus_1_are_refused(sign):
    with pytest.raises(
        ValueError, match=r"sign should be a tensor of \+1 \(excitatory\) and -1 \(inhibitory\), one a unit, got"
    ):
        DalesLaw(sign)


def test_a_readout_that_is_not_there_cannot_be_restricted():
    network = nb.networks.FastWeightRNN(3, 10, 2, clamped=True)
    before = network.W_r.clone()
    with pytest.raises(TypeError, match="no readout weights to restrict"):
        dales_law(network, excitatory_readout=True)
    assert torch.equal(network.W_r, before)
