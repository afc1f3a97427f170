"""Short-term plasticity: Equations 48 and 49 against a solver and their limits, and networks with such synapses."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch.func import functional_call, stack_module_state, vmap

import nnbrain as nb
from nnbrain.analysis import fixed_points, inactivate, lesion, record
from nnbrain.learning import Backprop
from nnbrain.networks import (
    GRU,
    LSTM,
    MLP,
    RNN,
    ErrorDrivenRNN,
    FastWeightRNN,
    LowRankRNN,
    ShortTermPlasticity,
    SubtractiveLSTM,
    dales_law,
)
from nnbrain.networks.dynamic_synapses import (
    DEPRESSING,
    FACILITATING,
    advance,
    best_rate,
    steady_state,
    synapses,
    transfer_function,
)
from nnbrain.networks.plastic_unrolling import UnrollPlastic
from nnbrain.networks.short_term_plasticity import half_facilitating
from nnbrain.objectives import squared_error
from nnbrain.tasks import Batch

SYNAPSES = pytest.mark.parametrize("synapse", [FACILITATING, DEPRESSING], ids=["facilitating", "depressing"])
KINDS = {
    "RNN": lambda **settings: RNN(3, 6, 2, **settings),
    "RNN without fusion": lambda **settings: RNN(3, 6, 2, fused=False, **settings),
    "softplus": lambda **settings: RNN(3, 6, 2, activation="softplus", **settings),
    "learned initial state": lambda **settings: RNN(3, 6, 2, learn_initial_state=True, **settings),
    "Dale": lambda **settings: dales_law(RNN(3, 6, 2, **settings), 0.5),
    "low rank": lambda **settings: LowRankRNN(3, 6, 2, rank=2, **settings),
    "LSTM": lambda **settings: LSTM(3, 6, 2, **settings),
    "GRU": lambda **settings: GRU(3, 6, 2, **settings),
    "subLSTM": lambda **settings: SubtractiveLSTM(3, 6, 2, **settings),
}
EVERY = pytest.mark.parametrize("kind", KINDS)
GATED = ("LSTM", "GRU", "subLSTM")


def make(kind="RNN", rate_scale=20.0, **settings):
    """A network of 3 inputs, 6 units and 2 outputs in double precision, with synapses of both kinds and rates that move them."""
    net = KINDS[kind](**settings).double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn_like(p) * 0.7)
    return ShortTermPlasticity(net, **half_facilitating(6), rate_scale=rate_scale, rectify=kind in GATED).double()


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def by_steps(net, x, noise=None, state=None):
    """Outputs, activity and states of the loop over `step` and `readout` that the contract says net(x) equals."""
    state = net.initial_state(len(x)) if state is None else state
    outputs, activity, states = [], [], []
    for t in range(x.shape[1]):
        gain = net.gain if net.gain.ndim == 1 else net.gain[t]
        state = net.step(state, x[:, t], None if noise is None else noise[:, t], gain=gain)
        outputs.append(net.readout(state, gain=gain))
        activity.append(state[0] * gain)
        states.append(state)
    return (
        torch.stack(outputs, 1),
        torch.stack(activity, 1),
        [torch.stack(part, 1) for part in zip(*states, strict=True)],
    )


def same(first, second, atol=1e-12):
    return all(torch.allclose(a, b, atol=atol) for a, b in zip(first, second, strict=True))


def solved(rate, duration, U, tau_x, tau_u):
    """u and x at the end, by scipy: rate is a function of the time in s, duration in s."""

    def slope(t, z):
        u, x = z
        r = rate(t)
        return (U - u) / (tau_u / 1000) + U * (1 - u) * r, (1 - x) / (tau_x / 1000) - u * x * r

    return solve_ivp(slope, (0, duration), (U, 1.0), rtol=1e-10, atol=1e-12, max_step=0.01).y[:, -1]


# A synapse


@pytest.mark.covers("Primer, Equations 48-49")
@SYNAPSES
@pytest.mark.parametrize("rate", [0.0, 1.0, 10.0, 100.0])
def test_a_constant_rate_moves_u_and_x_as_the_equations_say(synapse, rate):
    u, x = synapses(torch.full((300,), rate).double(), **synapse, dt=1.0)
    assert np.allclose((u[-1], x[-1]), solved(lambda t: rate, 0.3, **synapse), atol=1e-5)


@pytest.mark.covers("Primer, Equations 48-49")
@SYNAPSES
def test_a_rate_that_changes_moves_u_and_x_as_the_equations_say(synapse):
    def rate(t):
        return 10 * (1 + np.sin(2 * np.pi * t))

    middles = (torch.arange(2300) + 0.5) / 1000
    u, x = synapses(torch.from_numpy(rate(middles.double().numpy())), **synapse, dt=1.0)
    assert np.allclose((u[-1], x[-1]), solved(rate, 2.3, **synapse), atol=1e-5)


@pytest.mark.covers("Primer, Equation 49")
@pytest.mark.parametrize("dt", [1.0, 20.0, 500.0])
def test_u_is_exact_for_steps_of_any_duration(dt):
    steps = int(500 / dt)
    u, _ = synapses(torch.full((steps,), 30.0).double(), **FACILITATING, dt=dt)
    assert abs(float(u[-1]) - solved(lambda t: 30.0, 0.5, **FACILITATING)[0]) < 1e-8


@SYNAPSES
def test_the_error_of_x_falls_with_the_square_of_the_step(synapse):
    exact = solved(lambda t: 20.0, 0.2, **synapse)[1]
    errors = [
        float(synapses(torch.full((int(200 / dt),), 20.0).double(), **synapse, dt=dt)[1][-1]) - exact
        for dt in (20, 10, 5)
    ]
    assert 3.5 < errors[0] / errors[1] < 4.5 and 3.5 < errors[1] / errors[2] < 4.5


@pytest.mark.covers("Primer, Equations 48-49")
@SYNAPSES
@pytest.mark.parametrize("rate", [0.0, 0.5, 5.0, 50.0, 500.0])
@pytest.mark.parametrize("dt", [10.0, 1000.0])
def test_u_and_x_settle_at_the_steady_state(synapse, rate, dt):
    u, x = synapses(torch.full((int(15000 / dt),), rate).double(), **synapse, dt=dt)
    assert same((u[-1], x[-1]), steady_state(rate, **synapse), atol=1e-4)


@pytest.mark.covers("Primer, Equations 48-49")
@SYNAPSES
@pytest.mark.parametrize("rate", [0.0, 3.0, 300.0])
def test_both_slopes_vanish_at_the_steady_state(synapse, rate):
    U, tau_x, tau_u = synapse["U"], synapse["tau_x"] / 1000, synapse["tau_u"] / 1000
    u, x = steady_state(rate, **synapse)
    assert abs((1 - x) / tau_x - u * x * rate) < 1e-10 and abs((U - u) / tau_u + U * (1 - u) * rate) < 1e-10


@SYNAPSES
def test_without_spikes_a_synapse_rests(synapse):
    assert same(steady_state(0.0, **synapse), torch.tensor([synapse["U"], 1.0]).double())


@SYNAPSES
def test_at_high_rates_all_is_used_and_the_same_number_of_resources_a_second_whatever_the_rate(synapse):
    u, x = steady_state(1e9, **synapse)
    assert abs(u - 1) < 1e-4 and x < 1e-4 and abs(u * x * 1e9 * synapse["tau_x"] / 1000 - 1) < 1e-4


def test_with_u_0_nothing_is_transmitted_and_nothing_depressed():
    u, x = steady_state(50.0, 0.0, 200, 1500)
    assert (
        u == 0
        and x == 1
        and same(synapses(torch.full((9,), 50.0), 0.0, 200, 1500, dt=20.0), (torch.zeros(9), torch.ones(9)))
    )


def test_with_u_1_there_is_depression_only():
    u, x = steady_state(50.0, 1.0, 200, 1500)
    assert u == 1 and abs(x - 1 / (1 + 50 * 0.2)) < 1e-12


@pytest.mark.parametrize("dt", [1.0, 20.0, 2000.0])
@pytest.mark.parametrize("rate", [0.0, 1e2, 1e6, 1e12])
@pytest.mark.parametrize("U", [0.0, 0.3, 1.0])
def test_u_and_x_stay_between_0_and_1_whatever_the_rate_and_the_step(U, rate, dt):
    u, x = synapses(torch.tensor([rate, 0.0, rate, rate, 0.0]), U, 0.1, 5000, dt=dt)
    assert all((z >= 0).all() and (z <= 1).all() for z in (u, x))


@SYNAPSES
def test_single_precision_is_enough(synapse):
    rate = 40 * torch.rand(500).double()
    assert same(
        synapses(rate.float(), **synapse, dt=20.0), [z.float() for z in synapses(rate, **synapse, dt=20.0)], atol=1e-5
    )


def test_a_second_pulse_is_facilitated_by_one_kind_and_depressed_by_the_other():
    rate = torch.zeros(200)
    rate[100] = 1000.0  # one spike, in a step of 1 ms
    for synapse, sign in ((FACILITATING, 1), (DEPRESSING, -1)):
        u, x = synapses(rate, **synapse, dt=1.0)
        assert sign * (u[150] * x[150] - u[99] * x[99]) > 0.01


@pytest.mark.parametrize(
    "synapse", [FACILITATING, {"U": 0.05, "tau_x": 100.0, "tau_u": 1000.0}, {"U": 0.2, "tau_x": 500, "tau_u": 600}]
)
def test_the_efficacy_peaks_at_the_best_rate(synapse):
    rates = torch.linspace(0, 100, 1_000_001, dtype=torch.float64)
    u, x = steady_state(rates, **synapse)
    assert abs(rates[(u * x).argmax()] - best_rate(**synapse)) < 1e-3


def test_where_every_spike_depresses_the_best_rate_is_0():
    assert best_rate(**DEPRESSING) == 0 and best_rate(1.0, 200, 1500) == 0


@SYNAPSES
def test_what_is_transmitted_has_no_peak(synapse):
    rates = torch.logspace(-2, 4, 1000, dtype=torch.float64)
    u, x = steady_state(rates, **synapse)
    assert ((u * x * rates).diff() > 0).all()


@pytest.mark.covers("Primer, Equations 48-49")
@SYNAPSES
@pytest.mark.parametrize("frequency", [0.2, 1.0, 5.0])
def test_a_small_modulation_of_the_rate_is_transmitted_as_the_transfer_function_says(synapse, frequency):
    mean, size, dt, steps = 10.0, 1e-3, 2.0, 5000
    phase = 2 * math.pi * frequency * (torch.arange(steps).double() + 0.5) * dt / 1000
    rate = mean + size * torch.stack([torch.cos(phase), torch.zeros_like(phase)])  # with and without modulation
    u, x = synapses(rate, **synapse, dt=dt)
    u, x = ((z[:, :-1] + z[:, 1:]) / 2 for z in (u, x))  # in the middle of each step
    sent = (u * x * rate[:, 1:])[:, -2500:]  # whole periods, long after the start
    measured = 2 * ((sent[0] - sent[1]) * torch.exp(-1j * phase[-2500:])).mean() / size
    assert abs(measured - transfer_function(frequency, mean, **synapse)) < 1e-3 * abs(measured)


@SYNAPSES
def test_a_very_slow_modulation_follows_the_steady_state_and_a_very_fast_one_the_efficacy(synapse):
    u, x = steady_state(10.0, **synapse)
    lower, upper = (r * math.prod(steady_state(r, **synapse)) for r in (10 - 1e-5, 10 + 1e-5))
    slow, fast = transfer_function(torch.tensor([0.0, 1e8]).double(), 10.0, **synapse)
    assert abs(slow - (upper - lower) / 2e-5) < 1e-6 and abs(fast - u * x) < 1e-6


def test_a_depressing_synapse_is_a_high_pass_filter_and_a_facilitating_one_a_low_pass_filter():
    frequencies = torch.tensor([0.01, 100.0]).double()
    low, high = transfer_function(frequencies, 2.0, **DEPRESSING).abs()
    assert low < 0.5 * high
    low, high = transfer_function(frequencies, 2.0, **FACILITATING).abs()
    assert low > 1.1 * high


@pytest.mark.parametrize("rate", [20, 20.0, np.float32(20), torch.tensor(20), np.array(20)], ids=repr)
def test_rates_are_numbers_of_any_type(rate):
    assert same(steady_state(rate, **FACILITATING), steady_state(20.0, **FACILITATING))


def test_synapses_of_many_kinds_run_side_by_side():
    rate = 30 * torch.rand(4, 2, 50)
    U, tau_x, tau_u = (torch.tensor([FACILITATING[name], DEPRESSING[name]]) for name in ("U", "tau_x", "tau_u"))
    together = synapses(rate, U, tau_x, tau_u, dt=20.0)
    for k, synapse in enumerate((FACILITATING, DEPRESSING)):
        assert same([z[:, k] for z in together], synapses(rate[:, k], **synapse, dt=20.0), atol=1e-6)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"U": -0.1}, "U should be between 0 and 1, got -0.1"),
        ({"U": 1.1}, "U should be between 0 and 1, got 1.1"),
        ({"U": [0.5, 2.0]}, r"U should be between 0 and 1, got \[0.5, 2.0\]"),
        ({"U": math.nan}, "U should be a finite number, or several, got nan"),
        ({"U": True}, "U should be a finite number, or several, got True"),
        ({"tau_x": torch.tensor(0.0)}, r"tau_x, in ms, should be positive, got tensor\(0.\)"),
        ({"U": "much"}, "U should be a finite number, or several, got 'much'"),
        ({"tau_x": 0}, "tau_x, in ms, should be positive, got 0"),
        ({"tau_x": -200}, "tau_x, in ms, should be positive, got -200"),
        ({"tau_u": 0.0}, "tau_u, in ms, should be positive, got 0.0"),
        ({"tau_u": math.inf}, "tau_u, in ms, should be a finite number, or several, got inf"),
        ({"tau_u": None}, "tau_u, in ms, should be a finite number, or several, got None"),
    ],
    ids=str,
)
def test_synapses_that_cannot_be_are_refused(changes, message):
    settings = FACILITATING | changes
    for attempt in (
        lambda: steady_state(1.0, **settings),
        lambda: best_rate(**settings),
        lambda: transfer_function(1.0, 1.0, **settings),
        lambda: synapses(torch.ones(5), **settings, dt=1.0),
        lambda: ShortTermPlasticity(RNN(3, 2, 2), **settings),
    ):
        with pytest.raises(ValueError, match=message):
            attempt()


def test_other_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="rate, in Hz, should be from 0 up, got -1"):
        steady_state(-1, **FACILITATING)
    with pytest.raises(ValueError, match="rate, in Hz, should be from 0 up"):
        synapses(torch.tensor([1.0, -1.0]), **FACILITATING, dt=1.0)
    with pytest.raises(ValueError, match="frequency, in Hz, should be from 0 up, got -1"):
        transfer_function(-1, 1, **FACILITATING)
    with pytest.raises(ValueError, match="with U = 0 nothing is ever transmitted"):
        best_rate(0.0, 200, 1500)
    with pytest.raises(ValueError, match="dt, the duration of a step in ms, should be a positive number, got 0"):
        synapses(torch.ones(5), **FACILITATING, dt=0)
    with pytest.raises(ValueError, match=r"rate should be \[… ×\] time, with one step or more, got shape \(\)"):
        synapses(torch.tensor(1.0), **FACILITATING, dt=1.0)
    with pytest.raises(ValueError, match="units should be a positive integer, got 0"):
        half_facilitating(0)


# A network with such synapses


@pytest.mark.covers("Primer, Equations 48-49")
def test_each_connection_is_its_weight_times_u_and_x():
    net, x = make(), double(4, 5, 3)
    _, activity = net(x)
    own, u, resources = net.network, net.U.expand(4, 6), torch.ones(4, 6).double()
    r, alpha = torch.zeros(4, 6).double(), own.alpha
    for t in range(5):
        w = own.W_r * (u * resources).unsqueeze(1)  # trials × to × from
        r = (1 - alpha) * r + alpha * torch.relu(torch.einsum("kij,kj->ki", w, r) + x[:, t] @ own.W_x.T + own.b_r)
        u, resources = advance(u, resources, 20 * r, 20.0, net.U, net.tau_x, net.tau_u)
        assert torch.allclose(activity[:, t], r, atol=1e-12)


@EVERY
@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_the_network_is_a_loop_over_step_and_readout(kind, sigma):
    net, x = make(kind, sigma=sigma), double(4, 7, 3)
    noise = net.noise(4, 7, torch.Generator().manual_seed(5))
    outputs, activity, states = by_steps(net, x, noise)
    generator = torch.Generator().manual_seed(5)
    assert same(net(x, generator), (outputs, activity))
    assert same(net.states(x, torch.Generator().manual_seed(5)), states)


@EVERY
@pytest.mark.parametrize("shape", [(6,), (7, 6)], ids=["constant", "in time"])
def test_with_a_gain_too_the_network_is_a_loop_over_step_and_readout(kind, shape):
    net, x = make(kind), double(4, 7, 3)
    net.gain = torch.rand(shape).double()
    assert same(net(x), by_steps(net, x)[:2])


@EVERY
def test_a_trial_cut_in_two_goes_on_where_it_was(kind):
    net, x = make(kind), double(4, 9, 3)
    states = net.states(x[:, :4])
    later = net(x[:, 4:], state=tuple(part[:, -1] for part in states))
    assert same(later, [z[:, 4:] for z in net(x)])


@EVERY
def test_synapses_that_do_not_change_leave_the_network_as_it_is(kind):
    plain = KINDS[kind]().double()
    net = ShortTermPlasticity(plain, U=1.0, tau_x=1e-9, tau_u=100, rectify=kind in GATED)
    x = double(4, 7, 3)
    assert same(net(x), plain(x), atol=1e-9)


@pytest.mark.parametrize("kind", ["RNN", "softplus", "learned initial state", "Dale", "low rank"])
def test_the_backward_pass_by_hand_gives_the_gradients_of_automatic_differentiation(kind):
    net, x = make(kind), double(4, 9, 3)
    net.gain, weights = torch.rand(6).double(), [double(4, 9, 6) for _ in range(3)]
    gradients = []
    for fused in (True, False):
        net.network.fused = fused
        total = sum((w * part).sum() for w, part in zip(weights, net.states(x), strict=True))
        found = torch.autograd.grad(total, list(net.parameters()), allow_unused=True)
        gradients.append([g for g in found if g is not None])
    assert len(gradients[0]) >= 3 and same(*gradients)


@pytest.mark.parametrize("fused", [True, False])
def test_gradients_equal_finite_differences(fused):
    net = make()
    net.network.fused = fused
    start = tuple(
        z.requires_grad_() for z in (torch.rand(2, 6).double(), torch.rand(2, 6).double(), torch.rand(2, 6).double())
    )
    x = double(2, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, *state: net(x, state=state), (x, *start))


@pytest.mark.parametrize("name", ["gain", "U", "tau_x", "tau_u"])
def test_gains_and_synapses_can_be_differentiated_too(name):
    net, x = make(), double(4, 7, 3)
    net.network.sigma = 0.0

    def run(value):
        setattr(net, name, value)
        return net.states(x)

    start = getattr(net, name).clone().requires_grad_()
    assert torch.autograd.gradcheck(run, start)


def test_a_second_derivative_is_refused_with_the_remedy():
    net = make()
    with pytest.raises(RuntimeError, match="build the network with fused=False"):
        torch.autograd.grad(net(double(2, 3, 3))[0].sum(), list(net.parameters())[:1], create_graph=True)


def test_networks_side_by_side_in_one_backward_pass_are_the_networks_one_by_one():
    synapse = tuple(torch.rand(6).double() + 0.1 for _ in range(4))
    drive, W, start = double(7, 3, 4, 6), double(3, 6, 6).requires_grad_(), torch.rand(3, 3, 4, 6).double()
    together = UnrollPlastic.apply(drive.clone(), W, *start, 0.2, "relu", synapse)
    (dW,) = torch.autograd.grad(together[0].square().sum(), W)
    for k in range(3):
        alone = UnrollPlastic.apply(drive[:, k].clone(), W[k], *start[:, k], 0.2, "relu", synapse)
        assert same([part[:, k] for part in together], alone)
        assert torch.allclose(torch.autograd.grad(alone[0].square().sum(), W)[0][k], dW[k], atol=1e-12)


@EVERY
def test_many_networks_run_side_by_side_with_vmap(kind):
    nets, x = [make(kind) for _ in range(3)], double(4, 5, 3)
    parameters, buffers = stack_module_state(nets)
    together = vmap(lambda p, b: functional_call(nets[0], (p, b), (x,)))(parameters, buffers)
    for k, net in enumerate(nets):
        assert same([z[k] for z in together], net(x))


@EVERY
def test_it_can_be_saved_and_loaded(kind):
    first, second, x = make(kind), make(kind), double(4, 5, 3)
    second.load_state_dict(first.state_dict())
    assert same(first(x), second(x))


@EVERY
def test_a_copy_is_independent(kind):
    net, x = make(kind), double(4, 5, 3)
    twin, before = copy.deepcopy(net), net(x)
    assert same(twin(x), before)
    with torch.no_grad():
        for p in twin.parameters():
            p.mul_(0)
        twin.U.zero_()
    assert same(net(x), before)


@EVERY
def test_it_computes_on_the_device_and_in_the_precision_where_it_lies(kind, device):
    net = make(kind).float().to(device)
    x = torch.randn(4, 5, 3, device=device)
    for part in (*net(x), *net.states(x), *net.initial_state(4)):
        assert part.device.type == device.type and part.dtype == torch.float32


def test_the_initial_state_is_at_rest():
    net = make("LSTM")
    r, c, u, x = net.initial_state(5)
    assert not r.any() and not c.any() and torch.equal(u, net.U.expand(5, 6)) and (x == 1).all()


def test_a_silent_network_stays_at_rest():
    net = ShortTermPlasticity(RNN(3, 6, 2), **FACILITATING)
    _, u, x = net.states(torch.zeros(2, 50, 3))
    assert torch.allclose(u, net.U.expand_as(u)) and torch.allclose(x, torch.ones_like(x))


def test_each_synapse_follows_the_rate_of_the_unit_that_sends():
    net = make(rate_scale=30.0)
    r, u, x = net.states(double(4, 60, 3))
    rate = 30 * r.mT
    assert same((u.mT, x.mT), synapses(rate, net.U, net.tau_x, net.tau_u, dt=20.0))


@EVERY
def test_u_and_x_are_recorded(kind):
    net, x = make(kind), double(4, 7, 3)
    found = record(net, x)
    *_, u, resources = net.states(x)
    assert same((found["facilitation"], found["depression"], found["activity"]), (u, resources, net(x)[1]))


@EVERY
def test_a_lesioned_unit_sends_nothing_and_its_synapses_rest(kind):
    net, x = make(kind), double(4, 30, 3)
    before = net(x)
    with lesion(net, 2):
        activity, states = net(x)[1], net.states(x)
    assert not activity[..., 2].any()
    assert torch.allclose(states[-2][..., 2], net.U[2].expand(4, 30)) and torch.allclose(
        states[-1][..., 2], torch.ones(4, 30).double()
    )
    assert same(net(x), before)


@pytest.mark.parametrize("kind", ["RNN", "low rank"])
def test_cut_connections_are_as_good_as_weights_of_0(kind):
    net, x = make(kind), double(4, 7, 3)
    if kind == "RNN":
        cut = copy.deepcopy(net)
        with torch.no_grad():
            cut.network.W_r[:3, 4] = 0
        expected = cut(x)
    with lesion(net, connections=(slice(0, 3), 4)):
        lesioned = net(x)
        net.network.fused = False
        assert same(lesioned, net(x))
    if kind == "RNN":
        assert same(lesioned, expected)


@EVERY
def test_an_inactivated_unit_is_silent_for_a_time_and_its_synapses_recover(kind):
    net, x = make(kind), double(4, 30, 3)
    before = net(x)
    with inactivate(net, 2, during=(200, 600), steps=30):
        activity = net(x)[1]
        *_, u, resources = net.states(x)
    assert not activity[:, 10:, 2][:, :20].any() and same([z[:, :10] for z in before[1:]], [activity[:, :10]])
    assert (resources[:, 10:, 2].diff(dim=1) >= 0).all() and (u[:, 10:, 2].diff(dim=1) <= 0).all()
    assert same(net(x), before)


def test_fit_teaches_it_to_remember_a_pulse_for_half_a_second(device):
    pulse = torch.arange(64) % 2
    inputs = torch.zeros(64, 40, 2)
    inputs[:, 0:8, 0], inputs[:, 36:, 1] = pulse[:, None].float(), 1.0
    targets = torch.zeros(64, 40, 1)
    targets[:, 36:, 0] = pulse[:, None].float()
    mask = torch.zeros(64, 40)
    mask[:, 38:] = 1
    batch = Batch(inputs, targets, mask).to(device)
    task = SimpleNamespace(sample=lambda trials, generator: batch)
    net = ShortTermPlasticity(
        RNN(2, 20, 1, tau=20.0, generator=torch.Generator().manual_seed(0)), **FACILITATING, rate_scale=20
    )
    net.to(device)
    rule = Backprop(net, squared_error)
    history = nb.fit(
        rule, task, 120, trials=64, optimizer=torch.optim.Adam(net.parameters(), 0.01), clip=1.0, progress=False
    )
    assert history.loss[-1] < 0.02 < 0.1 < history.loss[0]


def test_rates_below_0_count_as_silence_if_one_says_so():
    net = ShortTermPlasticity(RNN(3, 6, 2, activation="tanh"), **FACILITATING, rate_scale=10, rectify=True)
    r, u, x = net.states(torch.randn(4, 30, 3))
    silent = (r <= 0).all(1)
    assert (r < 0).any() and all((z >= 0).all() and (z <= 1).all() for z in (u, x))
    assert torch.allclose(x.mT, synapses(10 * r.mT.clamp(min=0), **FACILITATING, dt=20.0)[1], atol=1e-5)
    assert (x[:, -1][silent] == 1).all()


@pytest.mark.parametrize(
    "network", [RNN(3, 4, 2, activation="tanh"), RNN(3, 4, 2, activation="linear"), GRU(3, 4, 2), LSTM(3, 4, 2)]
)
def test_networks_with_rates_below_0_are_refused_with_the_remedy(network):
    message = f"the rates of this {type(network).__name__} can be negative.*activation='relu'.*rectify=True"
    with pytest.raises(ValueError, match=message):
        ShortTermPlasticity(network, **FACILITATING)


@pytest.mark.parametrize(
    "network, message",
    [
        (
            MLP([3, 4, 2]),
            "needs a recurrent network, .*; this MLP has no initial_state, step, readout, gain, units, dt",
        ),
        (None, "this NoneType has no initial_state"),
        (RNN(3, 4, 2, feedback=True), "the outputs of this RNN are fed back .* use a network without feedback"),
        (ErrorDrivenRNN(3, 4), "the outputs of this ErrorDrivenRNN are fed back"),
        (ShortTermPlasticity(RNN(3, 4, 2), **FACILITATING), "this network has short-term plasticity already"),
        (FastWeightRNN(3, 4, 2), "this FastWeightRNN keeps something else too, such as fast weights"),
    ],
    ids=["MLP", "None", "feedback", "error-driven", "twice", "fast weights"],
)
def test_networks_that_it_does_not_suit_are_refused(network, message):
    with pytest.raises(TypeError, match=message):
        ShortTermPlasticity(network, **FACILITATING)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"U": torch.full((5,), 0.3)}, r"U should be a number, or one for each of the 6 units, got shape \(5,\)"),
        ({"tau_u": [100.0, 200.0]}, r"tau_u should be a number, or one for each of the 6 units, got shape \(2,\)"),
        ({"rate_scale": 0}, "rate_scale, how many Hz a rate of 1 means, should be a positive number, got 0"),
        ({"rate_scale": -10}, "rate_scale, .* should be a positive number, got -10"),
    ],
    ids=str,
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ShortTermPlasticity(RNN(3, 6, 2), **FACILITATING | settings)


@pytest.mark.parametrize(
    "state, error, message",
    [
        (torch.rand(4, 6).double(), TypeError, "is a tuple of 3 tensors, the network's own, u and x, got Tensor"),
        (tuple(torch.rand(2, 4, 6).double()), TypeError, "is a tuple of 3 tensors"),
        (tuple(torch.rand(3, 4, 6)), TypeError, "computes in torch.float64, got inputs in torch.float32"),
        (
            tuple(torch.rand(3, 5, 6).double()),
            ValueError,
            r"each part of a state is trials × units, \(4, 6\), got \(5, 6\)",
        ),
        (
            tuple(torch.rand(3, 4, 7).double()),
            ValueError,
            r"each part of a state is trials × units, \(4, 6\), got \(4, 7\)",
        ),
    ],
    ids=["tensor", "two", "type", "trials", "units"],
)
def test_a_state_of_another_kind_is_refused(state, error, message):
    with pytest.raises(error, match=message):
        make()(double(4, 5, 3), state=state)


@EVERY
@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 2), (0, 7, 3), (4, 0, 3)])
def test_inputs_of_another_shape_are_refused(kind, shape):
    with pytest.raises(ValueError, match=r"expects inputs of shape \(trials, time, 3\)"):
        make(kind)(double(*shape))


def test_a_step_with_a_gain_that_changes_in_time_needs_to_be_told_which():
    net = make()
    net.gain = torch.ones(7, 6).double()
    with pytest.raises(ValueError, match=r"gain changes in time: give the step's own, gain=net.gain\[t\]"):
        net.step(net.initial_state(4), double(4, 3))


def test_a_gated_step_takes_a_gain_for_each_trial():
    for kind in (LSTM, GRU, SubtractiveLSTM):
        net, gain, x = kind(3, 6, 2).double(), torch.rand(4, 6).double(), double(4, 3)
        state = tuple(double(4, 6) for _ in range(2)) if net.parts == 2 else double(4, 6)
        together = net.step(state, x, gain=gain)
        for k in range(4):
            one = tuple(z[k : k + 1] for z in state) if net.parts == 2 else state[k : k + 1]
            alone = net.step(one, x[k : k + 1], gain=gain[k])
            parts = zip(together, alone, strict=True) if net.parts == 2 else [(together, alone)]
            assert all(torch.allclose(a[k], b[0], atol=1e-12) for a, b in parts)


def test_a_fixed_point_of_the_network_is_a_steady_state_of_its_synapses():
    net = make()
    with torch.no_grad():
        net.network.W_r.mul_(0.3)
        net.network.b_r.fill_(0.5)
    points = fixed_points(net, net.initial_state(5), torch.zeros(3).double())
    r, u, x = (part[0] for part in points.states)
    assert len(points.q) == 1 and r.max() > 0.1
    assert same((u, x), steady_state(20 * r, net.U, net.tau_x, net.tau_u), atol=1e-6)


def test_a_network_without_connection_gain_is_given_none():
    net = ShortTermPlasticity(GRU(3, 8, 2), **FACILITATING, rectify=True)
    with pytest.raises(TypeError, match="a GRU has no connection_gain: use gain"):
        net.connection_gain = torch.zeros(8, 8)
