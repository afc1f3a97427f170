"""Excitation and inhibition: Equations 35 and 36 written out, signs that hold, a balanced start, and the currents of a unit."""

import copy
import io
import math

import numpy as np
import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import fixed_points, inactivate, lesion, record
from nnbrain.learning import RTRL, Backprop, WeightPerturbation
from nnbrain.networks import EIRNN, RNN, ShortTermPlasticity
from nnbrain.objectives import cross_entropy, squared_error
from nnbrain.tasks import Batch, PerceptualDecision

SHORT = {"fixation": 100, "stimulus": 200, "response": 200}


def make(units=10, outputs=2, **settings):
    """A network of 3 inputs in double precision, no bias of which is zero."""
    net = EIRNN(3, units, outputs, **settings).double()
    for layer in (net.input, net.output):
        nn.init.normal_(layer.bias, 0.0, 0.5)
    return net


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def obeys(net):
    """Whether every recurrent weight has the sign of the unit that sends, and there is something of each kind."""
    W = net.W_r.detach()
    right = (W[:, net.excitatory] >= 0).all() and (W[:, net.inhibitory] <= 0).all() and not W.diagonal().any()
    return bool(right and (W > 0).any() and (W < 0).any())


# Equations 35 and 36


@pytest.mark.covers("Primer, Equations 35-36")
@pytest.mark.parametrize(
    "settings", [{}, {"tau": 50.0, "dt": 10.0}, {"dt": 100.0, "activation": "softplus"}, {"density": 0.4}]
)
def test_the_network_is_a_loop_over_both_equations(settings):
    net, x = make(20, **settings), double(4, 7, 3)
    W_EE, W_EI, W_IE, W_II, W_Ex, W_Ix, b_E, b_I = (
        getattr(net, name).detach().numpy() for name in ("W_EE", "W_EI", "W_IE", "W_II", "W_Ex", "W_Ix", "b_E", "b_I")
    )
    f = (lambda c: np.log1p(np.exp(c))) if "activation" in settings else (lambda c: np.maximum(c, 0))
    step = settings.get("dt", 20.0) / settings.get("tau", 100.0)
    r_E, r_I, expected = np.zeros((4, 16)), np.zeros((4, 4)), []
    for t in range(7):
        x_t = x[:, t].numpy()
        towards_E = f(r_E @ W_EE.T - r_I @ W_EI.T + x_t @ W_Ex.T + b_E)
        towards_I = f(r_E @ W_IE.T - r_I @ W_II.T + x_t @ W_Ix.T + b_I)
        r_E, r_I = r_E + step * (towards_E - r_E), r_I + step * (towards_I - r_I)
        expected.append(np.concatenate([r_E, r_I], 1))
    activity = net(x)[1].detach().numpy()
    assert (activity > 0).mean() > 0.2
    np.testing.assert_allclose(activity, np.stack(expected, 1), atol=1e-12)


@pytest.mark.covers("Primer, Equations 35-36")
def test_the_blocks_are_sizes_and_make_up_the_matrix():
    net = make(20)
    assert [tuple(W.shape) for W in (net.W_EE, net.W_EI, net.W_IE, net.W_II)] == [(16, 16), (16, 4), (4, 16), (4, 4)]
    assert all((W >= 0).all() for W in (net.W_EE, net.W_EI, net.W_IE, net.W_II))
    whole = torch.cat([torch.cat([net.W_EE, -net.W_EI], 1), torch.cat([net.W_IE, -net.W_II], 1)])
    assert torch.equal(whole, net.W_r)
    assert torch.equal(torch.cat([net.W_Ex, net.W_Ix]), net.W_x) and torch.equal(torch.cat([net.b_E, net.b_I]), net.b_r)


def test_a_network_without_biases_has_none():
    net = EIRNN(3, 10, 2, bias=False)
    assert net.b_E is None and net.b_I is None


@pytest.mark.parametrize("excitatory, count", [(0.8, 8), (0.5, 5), (0.84, 8)])
def test_the_first_units_excite(excitatory, count):
    net = make(excitatory=excitatory)
    assert net.sign.tolist() == [1.0] * count + [-1.0] * (10 - count)
    assert torch.equal(net.excitatory, net.sign > 0) and torch.equal(net.inhibitory, net.sign < 0)


# Signs


@pytest.mark.parametrize("density", [1.0, 0.4])
def test_signs_hold_and_absent_weights_are_0_after_every_step_of_training(density, device):
    task = PerceptualDecision(epochs=SHORT)
    net = EIRNN(task.inputs, 20, task.outputs, density=density, excitatory_input=True).to(device)
    before, absent, kept = net.W_r.detach().clone(), net.W_r == 0, []

    def check(network):
        W = network.W_r.detach()
        kept.append(obeys(network) and not W[absent].any() and bool((network.W_x >= 0).all()))

    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    nb.fit(Backprop(net, cross_entropy), task, 30, optimizer=optimizer, after_step=check, progress=False)
    assert len(kept) == 30 and all(kept)
    assert (net.W_r - before).abs().max() > 0.1
    assert not net.W_y[:, net.inhibitory].any() and net.W_y[:, net.excitatory].any()


@pytest.mark.parametrize("density", [1.0, 0.4])
def test_signs_hold_whatever_the_trained_parameter_becomes(density):
    net = make(20, density=density)
    absent = net.W_r == 0
    with torch.no_grad():
        net.recurrent.parametrizations.weight.original.normal_(0.0, 5.0)
    assert obeys(net) and torch.equal(net.W_r == 0, absent)


def test_a_matrix_that_is_put_in_keeps_its_sizes_and_gets_lawful_signs():
    net, W = EIRNN(3, 10, 2), torch.randn(10, 10)
    net.recurrent.weight = W
    assert torch.allclose(net.W_r, W.abs() * net.sign * (1 - torch.eye(10)))


def test_units_do_not_connect_to_themselves_unless_one_says_so():
    assert not make().W_r.diagonal().any()
    assert make(self_connections=True).W_r.diagonal().all()


@pytest.mark.parametrize("readout, units", [("excitatory", 16), ("all", 20)])
def test_the_outputs_are_read_from_the_units_that_one_says(readout, units):
    net = make(20, readout=readout)
    assert torch.equal(net.W_y.any(0), torch.arange(20) < units)


def test_input_is_signed_unless_one_says_that_it_excites():
    assert (make().W_x < 0).any()
    net = make(excitatory_input=True)
    assert (net.W_x > 0).all()


@pytest.mark.parametrize("self_connections, connections", [(False, 380), (True, 400)])
def test_density_is_the_fraction_of_connections_that_exist(self_connections, connections):
    net = make(20, density=0.3, self_connections=self_connections)
    assert int((net.W_r != 0).sum()) == round(0.3 * connections)


# The start


@pytest.mark.parametrize("excitatory", [0.5, 0.8, 0.9])
def test_at_the_start_each_unit_receives_as_much_inhibition_as_excitation(excitatory):
    net = make(50, excitatory=excitatory)
    excitation, inhibition = net.W_r[:, net.excitatory].sum(1), -net.W_r[:, net.inhibitory].sum(1)
    assert torch.allclose(excitation, inhibition, rtol=1e-5) and (excitation > 0.1).all()


def test_with_sparse_connections_units_that_receive_both_kinds_are_balanced():
    net = make(200, density=0.02)  # many units have no inhibitory input
    assert (net.W_r[:, net.inhibitory] == 0).all(1).sum() > 20
    W = net.W_r.detach()
    both = (W > 0).any(1) & (W < 0).any(1)
    assert both.sum() > 20 and torch.allclose(W[both].sum(1), W.new_zeros(()), atol=1e-5)


def test_the_spectral_radius_is_the_one_that_was_asked_for():
    for radius, density in ((1.5, 1.0), (0.7, 0.3)):
        W = make(50, spectral_radius=radius, density=density).W_r.detach()
        assert float(torch.linalg.eigvals(W).abs().max()) == pytest.approx(radius, rel=1e-5)


def test_balance_leaves_no_eigenvalue_far_outside_of_the_others():
    """Without it the mean of the weights gives one of the size of √N (Rajan & Abbott 2006)."""

    def outlier(balanced):
        largest, second = (
            torch.linalg.eigvals(EIRNN(1, 400, 1, balanced=balanced).W_r.detach()).abs().sort(descending=True)[0][:2]
        )
        return float(largest / second)

    assert outlier(balanced=False) > 5 and outlier(balanced=True) < 1.5


def test_an_unbalanced_start_has_the_weights_as_they_were_drawn():
    W = EIRNN(1, 400, 1, balanced=False, self_connections=True).W_r.detach()
    assert float(W.square().mean()) == pytest.approx(1 / 400, rel=0.02)
    assert float(W[:, :320].mean() / -W[:, 320:].mean()) == pytest.approx(1, rel=0.02)


def test_the_generator_draws_everything():
    first, second = (EIRNN(3, 20, 2, density=0.5, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_it_learns_to_decide():
    """A tenth of what the notebook trains: far above the .5 of chance."""
    task = PerceptualDecision(coherences=(0.512,), epochs=SHORT, sigma=0.2)
    net = EIRNN(task.inputs, 30, task.outputs).to(nb.device())
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    nb.fit(Backprop(net, cross_entropy), task, 150, optimizer=optimizer, progress=False)
    batch = task.sample(500)
    assert task.score(net(batch.inputs)[0], batch).float().mean() > 0.85


# Currents


@pytest.mark.covers("Primer, Equations 35-36")
@pytest.mark.parametrize("given", [True, False], ids=["given state", "own state"])
def test_the_currents_of_a_step_are_the_parts_of_equations_35_and_36(given):
    net, x = make(20), double(4, 7, 3)
    state = double(4, 20).abs() if given else None
    activity = net(x, state=state)[1]
    currents = net.currents(activity, x, state=state)
    before = torch.cat([(net.initial_state(4) if state is None else state)[:, None], activity[:, :-1]], 1)
    r_E, r_I = before[..., :16], before[..., 16:]
    expected = {
        "excitatory": torch.cat([r_E @ net.W_EE.T, r_E @ net.W_IE.T], -1),
        "inhibitory": -torch.cat([r_I @ net.W_EI.T, r_I @ net.W_II.T], -1),
        "external": torch.cat([x @ net.W_Ex.T + net.b_E, x @ net.W_Ix.T + net.b_I], -1),
    }
    for name, current in expected.items():
        assert torch.allclose(getattr(currents, name), current, atol=1e-12), name
    assert torch.allclose(activity, 0.8 * before + 0.2 * torch.relu(sum(currents)), atol=1e-12)


def test_excitation_is_nowhere_negative_and_inhibition_nowhere_positive():
    net, x = make(20), double(4, 7, 3)
    excitatory, inhibitory, _ = net.currents(net(x)[1], x)
    assert (excitatory >= 0).all() and (inhibitory <= 0).all() and excitatory.any() and inhibitory.any()


GAINS = {
    "units": {"gain": (20,)},
    "connections": {"connection_gain": (20, 20)},
    "connections in time": {"connection_gain": (7, 20, 20), "gain": (20,)},
}


@pytest.mark.parametrize("which", GAINS)
def test_currents_take_the_gains_of_lesions_into_account(which):
    net, x, state = make(20, activation="softplus"), double(4, 7, 3), double(4, 20).abs()
    for name, shape in GAINS[which].items():
        setattr(net, name, torch.rand(shape, dtype=torch.float64) + 0.1)
    activity = net(x, state=state)[1]
    s = activity / net.gain
    before = torch.cat([state[:, None], s[:, :-1]], 1)
    expected = 0.8 * before + 0.2 * nn.functional.softplus(sum(net.currents(activity, x, state=state)))
    assert torch.allclose(s, expected, atol=1e-10)


def test_currents_are_refused_while_the_gain_of_units_changes():
    net, x = make(20), double(4, 7, 3)
    with (
        inactivate(net, 3, during=(40, 80), steps=7),
        pytest.raises(ValueError, match="gain of units does not change in time"),
    ):
        net.currents(net(x)[1], x)


def test_currents_of_another_run_are_refused():
    net, x = make(20), double(4, 7, 3)
    with pytest.raises(ValueError, match=r"activity of a run on these inputs has shape \(4, 7, 20\), got \(4, 6, 20\)"):
        net.currents(net(x)[1][:, :-1], x)
    with pytest.raises(TypeError, match=r"computes in torch\.float64, got inputs in torch\.float32"):
        net.currents(net(x)[1].float(), x)


# It is an RNN


def test_it_is_the_rnn_with_the_same_weights():
    net, x = make(20, density=0.5), double(4, 7, 3)
    plain = RNN(3, 20, 2).double()
    with torch.no_grad():
        for name in ("input", "recurrent", "output"):
            getattr(plain, name).weight.copy_(getattr(net, name).weight)
        plain.input.bias.copy_(net.b_r)
        plain.output.bias.copy_(net.b_y)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(net(x), plain(x), strict=True))


def test_the_network_is_a_loop_over_step_and_readout():
    net, x = make(20, density=0.5), double(4, 7, 3)
    s, outputs, activity = net.initial_state(4), [], []
    for x_t in x.unbind(1):
        s = net.step(s, x_t)
        outputs.append(net.readout(s))
        activity.append(s)
    assert all(
        torch.allclose(torch.stack(a, 1), b, atol=1e-12) for a, b in zip((outputs, activity), net(x), strict=True)
    )


def test_the_backward_pass_by_hand_equals_automatic_differentiation():
    net, x = make(20, density=0.5), double(4, 7, 3)

    def gradients():
        outputs, activity = net(x)
        return torch.autograd.grad(outputs.sin().sum() + activity.square().sum(), list(net.parameters()))

    fused = gradients()
    net.fused = False
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(fused, gradients(), strict=True))


def test_lesions_and_records_and_fixed_points_work_as_with_any_rnn():
    net, x = make(20, spectral_radius=0.8), double(4, 7, 3)
    with lesion(net, net.inhibitory):
        assert not net(x)[1][..., net.inhibitory].any()
        assert not net.currents(net(x)[1], x).inhibitory.any()
    with inactivate(net, net.excitatory, during=(40, 80), steps=7):
        assert not net(x)[1][:, 2:4, net.excitatory].any()
    assert record(net, x)["activity"].shape == (4, 7, 20)
    assert fixed_points(net, net(x)[1][:, -1].detach(), x[0, 0]).fixed.any()


def test_synapses_can_be_plastic_in_the_short_term():
    net = ShortTermPlasticity(EIRNN(3, 10, 2), U=0.5, tau_x=200, tau_u=200)
    assert net(torch.randn(4, 7, 3))[0].shape == (4, 7, 2)


def test_it_can_be_copied_and_saved_and_loaded():
    first, second = (EIRNN(3, 20, 2, density=0.5, excitatory_input=True) for _ in range(2))
    x = torch.randn(4, 7, 3)
    stored = io.BytesIO()
    torch.save(first.state_dict(), stored)
    stored.seek(0)
    second.load_state_dict(torch.load(stored, weights_only=True))
    twin, before = copy.deepcopy(first), first(x)
    with torch.no_grad():
        for p in first.parameters():
            p.mul_(2)
    for other in (second, twin):
        assert all(torch.equal(a, b) for a, b in zip(other(x), before, strict=True))


def test_it_moves_with_everything_it_has(device):
    net = EIRNN(3, 20, 2, density=0.5).to(device).double()
    x = torch.randn(4, 7, 3, device=device).double()
    assert net.sign.device.type == device.type and net.sign.dtype == torch.float64
    assert net.currents(net(x)[1], x).inhibitory.dtype == torch.float64


def test_rules_other_than_backpropagation_reach_the_sizes_too():
    net, batch = make(8, density=0.5), Batch(double(4, 6, 3), double(4, 6, 2))
    gradients = []
    for rule in (Backprop, RTRL):
        rule(net, squared_error)(batch)
        gradients.append([p.grad.clone() for p in net.parameters()])
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(*gradients, strict=True))


def test_a_perturbation_of_all_weights_leaves_signs_and_absent_weights_as_they_are():
    net, batch = make(20, density=0.5), Batch(double(4, 6, 3), double(4, 6, 2))
    absent, before = net.W_r == 0, net.W_r.detach().clone()
    WeightPerturbation(net, squared_error)(batch)
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    assert obeys(net) and torch.equal(net.W_r == 0, absent) and not torch.equal(net.W_r, before)


# What is refused


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 0.01, math.nan, "0.8", None, True])
def test_a_fraction_that_leaves_one_kind_only_is_refused(fraction):
    with pytest.raises(
        ValueError, match=r"excitatory is a fraction that leaves both kinds among 10 units, 0\.8 for instance, got"
    ):
        EIRNN(3, 10, 2, excitatory=fraction)


@pytest.mark.parametrize("name", ["g", "feedback"])
def test_arguments_of_an_rnn_that_have_no_meaning_here_are_refused(name):
    with pytest.raises(ValueError, match=f"an EIRNN has no {name}: spectral_radius sets the size"):
        EIRNN(3, 10, 2, **{name: 1})


def test_another_readout_is_refused():
    with pytest.raises(ValueError, match="readout is 'excitatory' or 'all', got 'inhibitory'"):
        EIRNN(3, 10, 2, readout="inhibitory")


@pytest.mark.parametrize("radius", [0, -1, math.inf, "1"])
def test_a_spectral_radius_that_is_no_positive_number_is_refused(radius):
    with pytest.raises(ValueError, match="spectral_radius should be a positive number, got"):
        EIRNN(3, 10, 2, spectral_radius=radius)


def test_connections_without_a_loop_are_refused():
    with pytest.raises(ValueError, match=r"so few that they form no loop.*use a higher density"):
        EIRNN(3, 10, 2, density=0.01)


@pytest.mark.parametrize("shape", [(20,), (1, 20), (19, 20)])
def test_weights_of_another_shape_are_not_spread_over_the_network(shape):
    net = nb.networks.EIRNN(3, 20, 2)
    with pytest.raises(ValueError, match="targets × sources"):
        net.recurrent.weight = torch.ones(shape)
