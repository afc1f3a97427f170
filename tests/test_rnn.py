"""Recurrent networks: their equations, their gradients against automatic differentiation, their dynamics against theory."""

import copy
import io
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

import nnbrain as nb
from nnbrain.analysis import record
from nnbrain.learning import Backprop
from nnbrain.networks import MLP, RNN, LowRankRNN
from nnbrain.networks.activations import FUSED
from nnbrain.networks.unrolling import Unroll
from nnbrain.objectives import cross_entropy, squared_error
from nnbrain.tasks import Batch, FiniteTask

F = {
    "relu": lambda c: c.clamp(min=0),
    "tanh": lambda c: 1 - 2 / (torch.exp(2 * c) + 1),
    "sigmoid": lambda c: 1 / (1 + torch.exp(-c)),
    "softplus": lambda c: torch.log(1 + torch.exp(c)),
    "linear": lambda c: c,
}
KINDS = {
    "leaky": {},
    "Elman": {"dt": 100.0},
    "learned initial state": {"learn_initial_state": True},
    "feedback": {"feedback": True},
    "feedback without bias": {"feedback": True, "bias": False},
    "low rank": {"rank": 2},
}


def make(activation="tanh", **arguments):
    """A network of 3 inputs, 6 units and 2 outputs in double precision, no parameter of which is zero."""
    kind = LowRankRNN if "rank" in arguments else RNN
    net = kind(3, 6, 2, activation=activation, **arguments).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.5)
    return net


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def by_steps(net, x, noise=None, state=None):
    """The loop over `step` and `readout` that the contract says net(x) equals."""
    s = net.initial_state(len(x)) if state is None else state
    outputs, activity = [], []
    for t in range(x.shape[1]):
        gain = net.gain if net.gain.ndim == 1 else net.gain[t]
        connections = net.connection_gain
        connections = connections[t] if connections is not None and connections.ndim == 3 else connections
        s = net.step(s, x[:, t], None if noise is None else noise[:, t], gain=gain, connection_gain=connections)
        outputs.append(net.readout(s, gain=gain))
        activity.append(s * gain)
    return torch.stack(outputs, 1), torch.stack(activity, 1)


def gradients(net, x, state=None):
    """The gradient of something that depends on every output and rate, with respect to all that the network has and is given."""
    x = x.clone().requires_grad_()
    outputs, activity = net(x, state=state)
    loss = (outputs * torch.linspace(-1, 1, outputs.numel()).view_as(outputs)).sum() + (activity**3).sum()
    return torch.autograd.grad(loss, [x, *net.parameters(), *([] if state is None else [state])])


def same(first, second, atol=1e-12):
    return all(torch.allclose(a, b, atol=atol, rtol=1e-9) for a, b in zip(first, second, strict=True))


# Its equations


@pytest.mark.covers("Primer, Equations 14-16")
@pytest.mark.parametrize("name", F)
def test_with_dt_equal_to_tau_it_computes_equations_14_to_16(name):
    net, x = make(name, dt=100.0), double(4, 5, 3)
    outputs, activity = net(x)
    for k in range(4):
        r = torch.zeros(6, dtype=torch.float64)
        for t in range(5):
            c = net.W_r @ r + net.W_x @ x[k, t] + net.b_r  # Eq. 14
            r = F[name](c)  # Eq. 15
            assert torch.allclose(activity[k, t], r, atol=1e-12)
            assert torch.allclose(outputs[k, t], net.W_y @ r + net.b_y, atol=1e-12)  # Eq. 16


@pytest.mark.covers("Primer, Equation 17, Figures 2B, 2C")
@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_with_dt_equal_to_tau_it_is_torchs_elman_network(name):
    net, x = make(name, dt=100.0, learn_initial_state=True), double(4, 7, 3)
    elman = nn.RNN(3, 6, nonlinearity=name, batch_first=True).double()
    weights = {"weight_hh_l0": net.W_r, "weight_ih_l0": net.W_x, "bias_ih_l0": net.b_r}
    elman.load_state_dict(weights | {"bias_hh_l0": torch.zeros(6)})
    expected, _ = elman(x, net.initial.expand(1, 4, 6).contiguous())
    assert torch.allclose(net(x)[1], expected, atol=1e-12)


@pytest.mark.covers("Primer, Equation 17, Figure 2C")
def test_unrolled_in_time_it_is_an_mlp_whose_layers_share_their_weights():
    net, x = make("tanh", dt=100.0), double(5, 3)
    mlp = MLP([6, 6, 6, 6, 2], activation="tanh").double()
    r_0 = double(5, 6)
    with torch.no_grad():
        for layer in mlp.layers[:-1]:
            layer.weight.copy_(net.W_r)
            layer.bias.copy_(net.b_r)
        mlp.layers[-1].weight.copy_(net.W_y)
        mlp.layers[-1].bias.copy_(net.b_y)
    silent = torch.zeros(5, 3, 3, dtype=torch.float64)  # no input but the state, which is the MLP's input
    assert torch.allclose(net(silent, state=r_0)[0][:, -1], mlp(r_0), atol=1e-12)
    assert not torch.allclose(net(silent + x[:, None], state=r_0)[0][:, -1], mlp(r_0), atol=1e-3)


@pytest.mark.covers("Primer, Equation 27")
@pytest.mark.parametrize("name", F)
def test_a_step_is_equation_27_with_the_noise_inside_f(name):
    net = make(name, tau=50, dt=10)
    r, x, noise = double(6), double(3), double(6)
    expected = r + 10 / 50 * (-r + F[name](net.W_r @ r + net.W_x @ x + net.b_r + noise))
    assert torch.allclose(net.step(r[None], x[None], noise[None])[0], expected, atol=1e-12)


@pytest.mark.covers("Primer, Equation 26")
def test_smaller_steps_come_closer_to_the_solution_of_equation_26():
    """A linear network with constant input: τ dr/dt = (W_r − 1) r + b is solved in closed form; Euler's error is of order Δt."""
    net = make("linear", tau=100, dt=1)
    A, b = net.W_r - torch.eye(6), net.W_x @ torch.ones(3, dtype=torch.float64) + net.b_r
    r_0, duration = double(1, 6), 80.0
    fixed = -torch.linalg.solve(A, b)
    exact = fixed + torch.matrix_exp(A * duration / 100) @ (r_0[0] - fixed)
    errors = []
    for dt in (1.0, 0.5, 0.25):
        fine = RNN(3, 6, 2, tau=100, dt=dt, activation="linear").double()
        fine.load_state_dict(net.state_dict())
        x = torch.ones(1, round(duration / dt), 3, dtype=torch.float64)
        errors.append(float((fine(x, state=r_0)[1][0, -1] - exact).detach().norm() / exact.detach().norm()))
    assert errors[0] < 0.02
    assert all(1.95 < coarse / fine < 2.05 for coarse, fine in pairwise(errors))


@pytest.mark.covers("Primer, Equation 26")
def test_an_unconnected_unit_forgets_with_its_time_constant():
    net = RNN(1, 1, 1, tau=30, dt=0.1, activation="linear", g=0).double()
    activity = net(torch.zeros(1, 900, 1, dtype=torch.float64), state=torch.ones(1, 1, dtype=torch.float64))[1]
    times = 0.1 * torch.arange(1, 901, dtype=torch.float64)
    assert torch.allclose(activity[0, :, 0], torch.exp(-times / 30), atol=1e-3)


@pytest.mark.parametrize("dt", [100.0, 20.0, 1.0])
def test_a_steady_state_is_the_same_for_every_step(dt):
    """r* = f(W_r r* + W_x x + b_r) has no Δt in it."""
    net = make("tanh", dt=dt)
    with torch.no_grad():
        net.W_r.mul_(0.3)  # a contraction, which has one steady state
        r = torch.zeros(1, 6, dtype=torch.float64)
        x = double(1, 3)
        for _ in range(200):
            r = torch.tanh(r @ net.W_r.T + x @ net.W_x.T + net.b_r)
        activity = net(x.expand(1, 50, 3), state=r)[1]
    assert torch.allclose(activity, r.expand(1, 50, 6), atol=1e-12)


# The contract: the network is a loop over its steps


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", F)
def test_the_network_is_a_loop_over_step_and_readout(name, kind, fused):
    net, x = make(name, fused=fused, **KINDS[kind]), double(4, 7, 3)
    assert same(net(x), by_steps(net, x))


GAINS = {
    "gain": {"gain": (6,)},
    "gain in time": {"gain": (7, 6)},
    "connections": {"connection_gain": (6, 6)},
    "connections in time": {"connection_gain": (7, 6, 6)},
    "both": {"gain": (6,), "connection_gain": (6, 6)},
    "both in time": {"gain": (7, 6), "connection_gain": (7, 6, 6)},
    "gain in time, connections": {"gain": (7, 6), "connection_gain": (6, 6)},
    "gain, connections in time": {"gain": (6,), "connection_gain": (7, 6, 6)},
}


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("which", GAINS)
def test_with_gains_too_the_network_is_a_loop_over_step_and_readout(which, fused):
    net, x = make("softplus", fused=fused, feedback=True, learn_initial_state=True), double(4, 7, 3)
    for name, shape in GAINS[which].items():
        setattr(net, name, torch.rand(shape, dtype=torch.float64))
    assert same(net(x), by_steps(net, x))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_the_loop_starts_from_a_given_state(fused):
    net, x, state = make(fused=fused), double(4, 7, 3), double(4, 6)
    assert same(net(x, state=state), by_steps(net, x, state=state))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_trial_cut_in_two_goes_on_where_it_was(fused):
    net, x = make(fused=fused), double(4, 9, 3)
    whole = net(x)[1]
    first = net(x[:, :4])[1]
    assert torch.allclose(net(x[:, 4:], state=first[:, -1])[1], whole[:, 4:], atol=1e-12)


def test_a_function_of_ones_own_is_used_even_if_it_bears_a_known_name():
    def relu(c):
        return torch.relu(c).clamp(max=0.1)

    net = RNN(3, 20, 2, activation=relu, dt=100.0)
    assert net(torch.randn(4, 7, 3))[1].max() <= 0.1


def test_a_function_given_as_such_is_the_one_of_that_name():
    x, state = torch.randn(4, 7, 3), torch.Generator()
    nets = [RNN(3, 5, 2, activation=f, generator=state.manual_seed(1)) for f in ("tanh", torch.tanh, nn.Tanh())]
    assert same(nets[0](x), nets[1](x), 1e-6) and same(nets[0](x), nets[2](x), 1e-6)


@pytest.mark.covers("Primer, Equation 28")
def test_feedback_brings_the_last_output_back():
    net, x, r = make(feedback=True), double(4, 3), double(4, 6)
    y = net.readout(r)
    fed = nn.functional.linear(r, net.W_r) + y @ net.W_fb.T + x @ net.W_x.T + net.b_r
    assert torch.allclose(net.step(r, x), r + 0.2 * (-r + torch.tanh(fed)), atol=1e-12)
    assert net.W_fb.abs().max() <= 1
    assert "W_fb" not in dict(net.named_parameters())


# Its gradients


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", F)
def test_the_backward_pass_by_hand_equals_automatic_differentiation(name, kind):
    net, x, state = make(name, **KINDS[kind]), double(4, 7, 3), double(4, 6).requires_grad_()
    if net.initial is not None:
        state = None
    fused = gradients(net, x, state)
    net.fused = False
    assert same(fused, gradients(net, x, state))


def test_with_gains_the_backward_pass_by_hand_equals_automatic_differentiation():
    net, x = make("softplus", feedback=True), double(4, 7, 3)
    net.gain, net.connection_gain = torch.rand(6, dtype=torch.float64), torch.rand(6, 6, dtype=torch.float64)
    fused = gradients(net, x)
    net.fused = False
    assert same(fused, gradients(net, x))


@pytest.mark.parametrize("alpha", [1.0, 0.2])
@pytest.mark.parametrize("name", FUSED)
def test_the_backward_pass_by_hand_equals_finite_differences(name, alpha):
    drive, W, initial = (double(*shape).requires_grad_() for shape in ((5, 3, 4), (4, 4), (3, 4)))
    # drive is overwritten, so that each evaluation gets a copy
    torch.autograd.gradcheck(
        lambda drive, W, initial: Unroll.apply(drive.clone(), W, initial, alpha, name)[0], (drive, W, initial)
    )


@pytest.mark.covers("Primer, Equation 18")
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("dt", [100.0, 20.0], ids=["Elman", "leaky"])
def test_in_a_linear_network_the_error_comes_back_in_time_through_the_transposed_weights(dt, fused):
    """∂L/∂r_t = [W_rᵀ]^(T−t) ∂L/∂r_T for a loss at the last time point T; with a leak, W_r is (1 − α) I + α W_r."""
    net, x, target = make("linear", dt=dt, fused=fused), double(4, 8, 3), double(4, 2)
    outputs, activity = net(x)
    dL_dr_T = (outputs[:, -1] - target) @ net.W_y  # L = ½ ‖y_T − target‖²
    J = (1 - net.alpha) * torch.eye(6) + net.alpha * net.W_r
    for t in range(7):
        r_t = activity[:, t].detach().requires_grad_()
        y_T = net(x[:, t + 1 :], state=r_t)[0][:, -1]
        (dL_dr_t,) = torch.autograd.grad(0.5 * (y_T - target).square().sum(), r_t)
        assert torch.allclose(dL_dr_t, dL_dr_T @ torch.linalg.matrix_power(J, 7 - t), atol=1e-12)


@pytest.mark.covers("Primer, Equation 18")
def test_gradients_vanish_below_spectral_radius_one_and_explode_above_it():
    sizes = []
    for radius in (0.8, 1.25):
        net = RNN(1, 100, 1, tau=1, dt=1, activation="linear", bias=False).double()
        with torch.no_grad():
            net.W_r.mul_(radius / torch.linalg.eigvals(net.W_r).abs().max())
        r = torch.zeros(1, 100, dtype=torch.float64, requires_grad=True)
        outputs = net(torch.zeros(1, 101, 1, dtype=torch.float64), state=r)[0]
        (far,), (near,) = (torch.autograd.grad(outputs[0, t, 0], r, retain_graph=True) for t in (100, 50))
        sizes.append(float(far.norm() / near.norm()) ** (1 / 50))
    assert sizes == pytest.approx([0.8, 1.25], rel=0.1)


def test_small_slopes_of_softplus_are_exact():
    """f′(c) = 1 − e^(−r), which for a nearly silent unit is the difference of two numbers that are almost the same."""
    net = RNN(1, 1, 1, tau=1, dt=1, activation="softplus", bias=False)
    x = torch.full((1, 1, 1), -15.0, requires_grad=True)
    with torch.no_grad():
        net.W_x.fill_(1.0)
    (slope,) = torch.autograd.grad(net(x)[1].sum(), x)
    assert math.isclose(float(slope), 1 / (1 + math.exp(15)), rel_tol=1e-5)


def test_the_graph_can_be_kept_and_gone_through_again():
    net, x = make(), double(4, 7, 3)
    loss = net(x)[0].square().sum()
    first, again = (torch.autograd.grad(loss, list(net.parameters()), retain_graph=True) for _ in range(2))
    assert same(first, again, 0)


@pytest.mark.parametrize("what", [0, 1], ids=["outputs", "activity"])
def test_a_second_derivative_of_the_fused_pass_is_refused_with_the_remedy(what):
    net = make()
    value = net(double(4, 7, 3))[what].sum()
    with pytest.raises(RuntimeError, match=r"second derivative.*fused=False"):
        torch.autograd.grad(value, net.W_r, create_graph=True)


def test_the_plain_pass_can_be_differentiated_twice():
    net, x = make(fused=False), double(2, 3, 3)
    assert torch.autograd.gradgradcheck(
        lambda W: functional_call(net, {"recurrent.weight": W}, (x,))[1], net.W_r.detach().clone().requires_grad_()
    )


def test_what_is_frozen_gets_no_gradient_and_the_rest_gets_its_own():
    net, x = make(), double(4, 7, 3)
    net(x)[0].square().sum().backward()
    free = {name: p.grad.clone() for name, p in net.named_parameters()}
    for part, rest in (("recurrent", "input"), ("input", "recurrent")):
        net.zero_grad()
        net.requires_grad_(True).get_submodule(part).requires_grad_(False)
        net(x)[0].square().sum().backward()
        assert getattr(net, part).weight.grad is None
        assert torch.allclose(getattr(net, rest).weight.grad, free[f"{rest}.weight"], atol=1e-12)


def test_activity_changed_in_place_is_noticed_by_the_backward_pass():
    net = make()
    outputs, activity = net(double(4, 7, 3))
    activity.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_what_it_is_given_is_left_as_it_was():
    net, x, state = make("relu"), double(4, 7, 3), double(4, 6)
    given = x.clone(), state.clone()
    net(x, state=state)[0].sum().backward()
    assert torch.equal(x, given[0]) and torch.equal(state, given[1])


# Noise


@pytest.mark.parametrize("dt", [100.0, 50.0, 20.0, 2.0])
def test_an_unconnected_linear_unit_fluctuates_as_the_docstring_says(dt):
    """Var r = (2ασ²) / (1 − (1 − α)²): standard deviation σ/√(1 − α/2); and what it was a step ago counts 1 − α."""
    net = RNN(1, 200, 1, dt=dt, sigma=0.3, activation="linear", g=0)
    with torch.no_grad():
        activity = net(torch.zeros(100, round(800 / dt), 1), torch.Generator().manual_seed(0))[1]
    last, before = activity[:, -1], activity[:, -2]
    # Over 20,000 independent values a standard deviation has a standard error of 0.5 %, a correlation one of at most 0.7 %.
    assert float(last.std()) == pytest.approx(0.3 / math.sqrt(1 - net.alpha / 2), rel=0.02)
    assert float((last * before).mean() / last.var()) == pytest.approx(1 - net.alpha, abs=0.03)


def test_the_networks_noise_is_that_of_its_method_noise():
    net, x = make("tanh", sigma=0.5), double(4, 7, 3)
    noise = net.noise(4, 7, torch.Generator().manual_seed(2))
    assert noise.shape == (4, 7, 6)
    assert same(net(x, torch.Generator().manual_seed(2)), by_steps(net, x, noise))


def test_fused_and_plain_share_their_noise():
    net, x = make("tanh", sigma=0.5), double(4, 7, 3)
    fused = net(x, torch.Generator().manual_seed(2))
    net.fused = False
    assert same(fused, net(x, torch.Generator().manual_seed(2)))


def test_there_is_noise_only_with_a_generator_and_sigma():
    x = double(4, 7, 3)
    noisy, quiet = make(sigma=0.5), make(sigma=0.0)
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(noisy(x)[1], noisy(x)[1])
    assert not torch.equal(noisy(x, generator)[1], noisy(x, generator)[1])
    assert torch.equal(quiet(x, generator)[1], quiet(x)[1])


# Initial weights


@pytest.mark.parametrize("density", [1.0, 0.1])
def test_the_eigenvalues_of_the_initial_weights_fill_a_disc_of_radius_g(density):
    net = RNN(1, 500, 1, g=1.5, density=density)
    size = torch.linalg.eigvals(net.W_r.detach()).abs()
    assert float(size.max()) == pytest.approx(1.5, rel=0.1)
    assert float((size < 1.5 / math.sqrt(2)).float().mean()) == pytest.approx(0.5, abs=0.05)  # half of the disc's area


@pytest.mark.parametrize("g, silent", [(0.8, True), (1.5, False)])
def test_activity_dies_below_a_gain_of_one_and_goes_on_above_it(g, silent):
    net = RNN(1, 300, 1, tau=10, dt=1, activation="tanh", g=g, bias=False)
    with torch.no_grad():
        activity = net(torch.zeros(1, 1000, 1), state=torch.randn(1, 300))[1][0, -1]
    assert (float(activity.square().mean().sqrt()) < 0.01) == silent


def test_initial_weights_have_the_sizes_that_are_said():
    net = RNN(400, 500, 300, g=2.0, density=0.25, learn_initial_state=True).requires_grad_(False)
    present = net.W_r != 0
    assert float(present.float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(net.W_r[present].std()) == pytest.approx(2 / math.sqrt(0.25 * 500), rel=0.02)
    assert float(net.W_x.std()) == pytest.approx(1 / math.sqrt(400), rel=0.02)
    assert float(net.W_y.std()) == pytest.approx(1 / math.sqrt(500), rel=0.02)
    assert not any(b.any() for b in (net.b_r, net.b_y, net.initial))


@pytest.mark.parametrize("kind", [RNN, LowRankRNN])
def test_the_same_generator_gives_the_same_weights(kind):
    first, second, other = (
        kind(3, 6, 2, feedback=True, generator=torch.Generator().manual_seed(seed)).state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if "bias" not in name)


# Gains: lesions and inactivations


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_unit_of_gain_zero_is_as_good_as_cut_out(fused):
    net, x = make("softplus", fused=fused), double(4, 7, 3)
    net.gain = torch.tensor([1, 1, 0, 1, 1, 1], dtype=torch.float64)
    rest = [0, 1, 3, 4, 5]
    smaller = RNN(3, 5, 2, activation="softplus").double()
    weights = {"recurrent.weight": net.W_r[rest][:, rest], "input.weight": net.W_x[rest], "input.bias": net.b_r[rest]}
    smaller.load_state_dict(weights | {"output.weight": net.W_y[:, rest], "output.bias": net.b_y})
    outputs, activity = net(x)
    assert same((outputs, activity[..., rest]), smaller(x))
    assert not activity[..., 2].any()


def test_a_connection_of_gain_zero_runs_from_column_to_row():
    net, x = make(feedback=True), double(4, 7, 3)
    net.connection_gain = torch.ones(6, 6, dtype=torch.float64)
    net.connection_gain[1, 4] = 0
    cut = net(x)
    net.connection_gain = None
    with torch.no_grad():
        net.W_r[1, 4] = 0
    assert same(cut, net(x))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_gain_that_stays_the_same_in_time_is_a_constant_one(fused):
    net, x = make("softplus", fused=fused, feedback=True), double(4, 7, 3)
    gain, connections = torch.rand(6, dtype=torch.float64), torch.rand(6, 6, dtype=torch.float64)
    net.gain, net.connection_gain = gain, connections
    constant = net(x)
    net.gain, net.connection_gain = gain.expand(7, 6), connections.expand(7, 6, 6)
    assert same(constant, net(x))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_gain_of_one_can_be_differentiated(fused):
    """Although multiplying by one is left out elsewhere."""
    net, x = make("softplus", fused=fused), double(4, 7, 3)
    net.gain = torch.ones(6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(net(x)[0].sum(), net.gain)
    h, moved = 1e-6, []
    for i in range(6):
        ends = []
        for sign in (1, -1):
            net.gain = torch.ones(6, dtype=torch.float64)
            net.gain[i] += sign * h
            ends.append(net(x)[0].sum().detach())
        moved.append((ends[0] - ends[1]) / (2 * h))
    assert torch.allclose(slope, torch.stack(moved), atol=1e-6)


def test_gains_are_no_part_of_what_is_saved():
    net = make()
    net.gain = torch.zeros(6, dtype=torch.float64)
    assert not {"gain", "connection_gain"} & set(net.state_dict())


# Together with the rest of the package and of torch


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_saved_and_loaded(kind):
    first, second, x = make(**KINDS[kind]), make(**KINDS[kind]), double(4, 7, 3)
    with io.BytesIO() as file:
        torch.save(first.state_dict(), file)
        file.seek(0)
        second.load_state_dict(torch.load(file, weights_only=True))
    assert same(first(x), second(x), 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", F)
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
def test_it_can_be_copied_and_pickled(clone, name, kind):
    net, x = make(name, **KINDS[kind]), double(4, 7, 3)
    net.gain = torch.rand(6, dtype=torch.float64)
    net(x)
    assert same(clone(net)(x), net(x), 0)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_record_has_trials_first_and_what_f_gave(fused):
    net, x = make("softplus", fused=fused), double(4, 7, 3)
    recorded = record(net, x)
    outputs, activity = net(x)
    assert same((recorded["outputs"], recorded["activity"]), (outputs, activity))
    before = torch.cat([torch.zeros(4, 1, 6, dtype=torch.float64), activity[:, :-1]], 1)
    assert torch.allclose(0.8 * before + 0.2 * recorded["f"], activity, atol=1e-12)
    assert all(part.shape[:2] == (4, 7) for part in recorded.values())
    assert set(record(net, x, grad=True)) == set(recorded)


def test_torch_func_goes_through_it():
    net, x = make(), double(4, 7, 3)
    weights = dict(net.named_parameters())

    def loss(weights, x):
        return functional_call(net, weights, (x[None],))[0].square().sum()

    by_trial = vmap(grad(loss), in_dims=(None, 0))(weights, x)
    for k in range(4):
        expected = torch.autograd.grad(net(x[k : k + 1])[0].square().sum(), list(net.parameters()))
        assert same([by_trial[name][k] for name in weights], expected)


def test_many_networks_run_side_by_side_with_vmap():
    nets, x = [make(feedback=True) for _ in range(3)], double(4, 7, 3)
    nets[1].gain = torch.rand(6, dtype=torch.float64)
    outputs = vmap(lambda *state: functional_call(nets[0], state, (x,))[0])(*stack_module_state(nets))
    assert same(outputs, [net(x)[0] for net in nets])


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_fit_teaches_it_to_remember(fused, device):
    """Which of two stimuli was there in the first of 20 steps; in spite of noise, which rules and objectives pass on."""
    cue = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(20, 1)
    x = torch.zeros(40, 20, 2)
    x[:, 0] = cue
    task = FiniteTask(x, (cue[:, :1] > 0).long().expand(40, 20))
    net = RNN(2, 32, 2, dt=50.0, sigma=0.05, fused=fused).to(device)
    noise = torch.Generator().manual_seed(1)
    rule = Backprop(net, cross_entropy, generator=noise)
    history = nb.fit(
        rule, task, 150, trials=40, optimizer=torch.optim.Adam(net.parameters(), lr=5e-3), clip=1.0, progress=False
    )
    assert history.loss[-1] < 0.1 < 0.5 < history.loss[0]
    with torch.no_grad():
        assert task.score(net(task.all().inputs, noise)[0][:, 5:], _from(task.all(), 5)).all()


def _from(batch, step):
    return Batch(batch.inputs[:, step:], batch.targets[:, step:])


def test_an_objective_uses_its_generator_for_the_networks_noise():
    net, batch = make(sigma=0.5), Batch(double(4, 7, 3), double(4, 7, 2))
    first, again, other = (
        squared_error(net, batch, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert first == again != other
    assert squared_error(net, batch) == squared_error(net, batch)


def test_evaluation_mode_changes_nothing():
    net, x = make(), double(4, 7, 3)
    assert same(net(x), net.eval()(x), 0)


def test_it_computes_on_the_device_where_it_lies(device):
    net = RNN(3, 6, 2, sigma=0.1, feedback=True, learn_initial_state=True, density=0.5).to(device)
    outputs, activity = net(torch.randn(4, 7, 3, device=device), torch.Generator().manual_seed(0))
    outputs.sum().backward()
    assert outputs.device.type == activity.device.type == net.W_r.grad.device.type == device.type


# What it refuses


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"tau": 0}, "tau is a time constant in ms, a positive number, got 0"),
        ({"tau": math.nan}, "tau is a time constant.* got nan"),
        ({"tau": math.inf}, "tau is a time constant.* got inf"),
        ({"dt": 200}, "dt is a time step.* at most tau = 100, got 200: beyond it a step overshoots"),
        ({"dt": 0}, "dt is a time step in ms, above 0.* got 0"),
        ({"dt": -1.0}, "dt is a time step.* got -1.0"),
        ({"dt": math.nan}, "dt is a time step.* got nan"),
        ({"sigma": -0.1}, "sigma should be a number from 0 up, got -0.1"),
        ({"sigma": math.nan}, "sigma should be a number from 0 up, got nan"),
        ({"g": -1}, "g should be a number from 0 up, got -1"),
        ({"g": "1"}, "g should be a number from 0 up, got '1'"),
        ({"density": 0}, "density is a fraction.* got 0"),
        ({"density": 1.1}, "density is a fraction.* got 1.1"),
        ({"units": 0}, "units should be a positive integer, got 0"),
        ({"inputs": 2.5}, "inputs should be a positive integer, got 2.5"),
        ({"outputs": True}, "outputs should be a positive integer, got True"),
        ({"activation": "swish"}, "swish.*relu, tanh"),
    ],
)
def test_bad_numbers_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RNN(**{"inputs": 3, "units": 6, "outputs": 2} | wrong)


@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 2), (0, 7, 3), (4, 0, 3), (1, 4, 7, 3), (3,)])
def test_inputs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expects inputs of shape \(trials, time, 3\), with one trial and one step"):
        RNN(3, 6, 2)(torch.zeros(shape))


def test_a_single_trial_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"x\.unsqueeze\(0\)"):
        RNN(3, 6, 2)(torch.zeros(7, 3))


def test_inputs_of_another_type_are_refused_with_the_remedy():
    net = RNN(3, 6, 2)
    with pytest.raises(TypeError, match=r"torch.as_tensor\(x\)"):
        net(np.zeros((4, 7, 3)))
    with pytest.raises(TypeError, match=r"x.to\(torch.float32\)"):
        net(double(4, 7, 3))
    with pytest.raises(TypeError, match=r"x.to\(torch.float32\)"):
        net(torch.zeros(4, 7, 3), state=double(4, 6))


@pytest.mark.parametrize("shape", [(6,), (1, 6), (4, 5), (4, 7, 6)])
def test_a_state_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"a state is trials × units, \(4, 6\), got"):
        RNN(3, 6, 2)(torch.zeros(4, 7, 3), state=torch.zeros(shape))


@pytest.mark.parametrize("state, x_t", [((4, 5), (4, 3)), ((4, 6), (4, 2)), ((4, 6), ())])
def test_a_step_of_other_sizes_is_refused(state, x_t):
    with pytest.raises(ValueError, match=r"a step takes a state, trials × 6, and an input, trials × 3, got \(4, "):
        RNN(3, 6, 2).step(torch.zeros(state), torch.zeros(x_t))


@pytest.mark.parametrize("trials", [0, -1, 2.5])
def test_a_state_of_no_trials_is_refused(trials):
    with pytest.raises(ValueError, match="trials should be a positive integer"):
        RNN(3, 6, 2).initial_state(trials)


@pytest.mark.parametrize("seed", [3, None])
def test_noise_from_no_generator_is_refused(seed):
    with pytest.raises(TypeError, match=r"noise comes from a torch.Generator"):
        RNN(3, 6, 2, sigma=0.1).noise(4, 7, seed)


@pytest.mark.parametrize("name, shape", [("gain", ()), ("gain", (1,)), ("gain", (5,)), ("gain", (7, 1))])
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_a_gain_of_another_shape_is_refused(name, shape, fused):
    net = RNN(3, 6, 2, fused=fused)
    net.gain = torch.ones(shape)
    with pytest.raises(ValueError, match=r"gain should have shape \(6,\), or \(7, 6\) if it changes"):
        net(torch.zeros(4, 7, 3))


@pytest.mark.parametrize("shape", [(6,), (1, 1), (5, 6), (7, 6, 1), (2, 7, 6, 6)])
def test_a_connection_gain_of_another_shape_is_refused(shape):
    net = RNN(3, 6, 2)
    net.connection_gain = torch.ones(shape)
    with pytest.raises(ValueError, match=r"connection_gain should have shape \(6, 6\), or \(7, 6, 6\) if it changes"):
        net(torch.zeros(4, 7, 3))


@pytest.mark.parametrize("name, shape", [("gain", (8, 6)), ("connection_gain", (8, 6, 6))])
def test_a_gain_for_another_number_of_steps_is_refused(name, shape):
    net = RNN(3, 6, 2)
    setattr(net, name, torch.ones(shape))
    with pytest.raises(ValueError, match=rf"the network's {name} is given for 8 steps, but the inputs have 7"):
        net(torch.zeros(4, 7, 3))


@pytest.mark.parametrize("gain", [None, torch.ones(6, dtype=torch.bool), torch.ones(6, dtype=torch.float64)])
def test_a_gain_of_another_type_is_refused(gain):
    net = RNN(3, 6, 2)
    net.gain = gain
    with pytest.raises(TypeError, match=r"gain should be a tensor of the weights' type, torch.float32, got"):
        net(torch.zeros(4, 7, 3))


def test_a_step_with_gains_in_time_asks_for_the_steps_own():
    net = RNN(3, 6, 2)
    net.gain = torch.ones(7, 6)
    with pytest.raises(ValueError, match=r"gain changes in time: give the step's own, gain=net.gain\[t\]"):
        net.step(torch.zeros(4, 6), torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"gain changes in time"):
        net.readout(torch.zeros(4, 6))
    net.gain, net.connection_gain = torch.ones(6), torch.ones(7, 6, 6)
    with pytest.raises(ValueError, match=r"connection_gain changes in time"):
        net.step(torch.zeros(4, 6), torch.zeros(4, 3))


# Low rank


def test_the_weights_of_a_low_rank_network_are_of_that_rank():
    net = LowRankRNN(3, 50, 2, rank=3).double()
    expected = sum(torch.outer(net.m[:, k], net.n[:, k]) for k in range(3)) / 50
    assert torch.allclose(net.W_r, expected, atol=1e-12)
    assert torch.linalg.matrix_rank(net.W_r) == 3
    assert net.m.shape == net.n.shape == (50, 3)


@pytest.mark.parametrize("name", ["tanh", "softplus"])
def test_at_a_steady_state_a_low_rank_network_obeys_the_equation_for_kappa(name):
    """R = f(m κ + W_x x + b_r), where κ = nᵀ r / N."""
    net = LowRankRNN(2, 60, 1, rank=2, activation=name, dt=50.0).double()
    with torch.no_grad():
        nn.init.normal_(net.b_r)
        x = double(3, 1, 2)
        r = net(x.expand(3, 400, 2))[1]
        kappa = r[:, -1] @ net.n / 60
        predicted = net.f(kappa @ net.m.T + x[:, 0] @ net.W_x.T + net.b_r)
    assert torch.allclose(r[:, -1], r[:, -2], atol=1e-12)  # it is one
    assert torch.allclose(r[:, -1], predicted, atol=1e-10)
    assert kappa.norm(dim=1).min() > 0.01


def mean_field(overlap, steps=200):
    """κ = ⟨n tanh(m κ)⟩ for Gaussian m and n with ⟨m n⟩ = overlap, by Gauss-Hermite quadrature from κ = 1."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    kappa = 1.0
    for _ in range(steps):  # n = overlap · m + a part that does not depend on m, whose mean is zero
        kappa = overlap * float((weights * points * np.tanh(points * kappa)).sum() / weights.sum())
    return kappa


@pytest.mark.parametrize("overlap", [2.0, 3.0, 0.5])
def test_a_network_of_rank_one_is_bistable_if_its_overlap_exceeds_one_and_silent_below(overlap):
    units = 3000
    net = LowRankRNN(1, units, 1, activation="tanh", dt=100.0, bias=False)
    with torch.no_grad():
        net.n.copy_(overlap * net.m + torch.randn(units, 1))
        starts = torch.cat([net.m, -net.m], 1).T
        kappa = (net(torch.zeros(2, 60, 1), state=starts)[1][:, -1] @ net.n / units).flatten()
    expected = mean_field(overlap)
    assert (expected > 0.5) == (overlap > 1)  # what theory says
    # ⟨n tanh(m κ)⟩ over N units has a standard error of at most √⟨n²⟩/√N.
    assert torch.allclose(
        kappa, torch.tensor([expected, -expected]), atol=3 * math.sqrt((overlap**2 + 1) / units) + 1e-4
    )


def test_the_gradients_of_m_and_n_are_those_of_the_weights_they_make():
    net, x = make("tanh", rank=2), double(4, 7, 3)
    full = RNN(3, 6, 2, activation="tanh").double()
    others = {name: p for name, p in net.state_dict().items() if name not in ("m", "n")}
    full.load_state_dict(others | {"recurrent.weight": net.W_r})
    for each in (net, full):
        each(x)[0].square().sum().backward()
    assert torch.allclose(net.m.grad, full.W_r.grad @ net.n / 6, atol=1e-12)
    assert torch.allclose(net.n.grad, full.W_r.grad.T @ net.m / 6, atol=1e-12)


@pytest.mark.parametrize("rank", [0, 1.5, None])
def test_a_rank_that_is_no_positive_integer_is_refused(rank):
    with pytest.raises(ValueError, match="rank should be a positive integer"):
        LowRankRNN(3, 6, 2, rank)


def test_a_rank_above_the_number_of_units_is_refused():
    with pytest.raises(ValueError, match="a network of 6 units has at most rank 6, got 7"):
        LowRankRNN(3, 6, 2, 7)


@pytest.mark.parametrize("name", ["g", "density"])
def test_what_a_low_rank_network_does_not_have_is_refused(name):
    with pytest.raises(ValueError, match=f"a LowRankRNN has no {name}: its recurrent weights are m and n"):
        LowRankRNN(3, 6, 2, **{name: 0.5})
