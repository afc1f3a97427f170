"""Gated networks: equal to torch's own and to loops written out, with gates that can be read, set, lesioned and linearised."""

import copy
import io
import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

import nnbrain as nb
from nnbrain.analysis import fixed_points, inactivate, lesion, linearize, record
from nnbrain.learning import Backprop
from nnbrain.networks import GRU, LSTM, SubtractiveLSTM
from nnbrain.objectives import squared_error
from nnbrain.tasks import Memory

KINDS = {
    "LSTM": LSTM,
    "GRU": GRU,
    "subLSTM": SubtractiveLSTM,
    "fix-subLSTM": partial(SubtractiveLSTM, fixed_forget=True),
}
EVERY = pytest.mark.parametrize("kind", KINDS)
SUBTRACTIVE = pytest.mark.parametrize("kind", ["subLSTM", "fix-subLSTM"])


def make(kind, **arguments):
    """A network of 3 inputs, 6 units and 2 outputs in double precision, no parameter of which is zero."""
    net = KINDS[kind](3, 6, 2, **arguments).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.5)
    return net


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def some_state(net, trials=4):
    return (double(trials, 6), double(trials, 6)) if net.parts == 2 else double(trials, 6)


def rates(state):
    return state[0] if isinstance(state, tuple) else state


def by_steps(net, x, noise=None, state=None):
    """The loop over `step` and `readout` that the contract says net(x) equals."""
    s = net.initial_state(len(x)) if state is None else state
    outputs, activity = [], []
    for t in range(x.shape[1]):
        gain = net.gain if net.gain.ndim == 1 else net.gain[t]
        s = net.step(s, x[:, t], None if noise is None else noise[:, t], gain=gain)
        outputs.append(net.readout(s, gain=gain))
        activity.append(rates(s) * gain)
    return torch.stack(outputs, 1), torch.stack(activity, 1)


def same(first, second, atol=1e-12):
    return all(torch.allclose(a, b, atol=atol, rtol=1e-9) for a, b in zip(first, second, strict=True))


def depends_on_all(values):
    return (values * torch.linspace(-1, 1, values.numel()).to(values).view_as(values)).sum()


# Torch's own

TORCHS = {  # the letters in torch's order
    "LSTM": (nn.LSTM, "ifco"),
    "GRU": (nn.GRU, "suc"),
}


def torchs(net, kind):
    """Torch's network with this one's weights, and of each of its parameters what it is made of here."""
    cls, letters = TORCHS[kind]
    theirs = cls(3, net.units, batch_first=True).to(net.W_y.dtype)
    stacked = {name: torch.cat([getattr(net, f"{name}_{k}") for k in letters]) for name in "WUb"}
    second = torch.zeros_like(stacked["b"])
    if kind == "GRU":
        second = torch.cat([second[: 2 * net.units], net.d_c])
    theirs.load_state_dict(
        {
            "weight_ih_l0": stacked["W"],
            "weight_hh_l0": stacked["U"],
            "bias_ih_l0": stacked["b"],
            "bias_hh_l0": second,
        }
    )
    return theirs, letters


@pytest.mark.covers("Primer, Equation 43")
@pytest.mark.parametrize("dtype, atol", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("kind", TORCHS)
def test_it_is_torchs_own_network_with_a_readout(kind, dtype, atol):
    net, x = make(kind).to(dtype), torch.randn(4, 9, 3, dtype=dtype)
    theirs, _ = torchs(net, kind)
    state = tuple(torch.randn(4, 6, dtype=dtype) for _ in range(net.parts))
    given = [part[None] for part in state]
    expected, _ = theirs(x, tuple(given) if net.parts == 2 else given[0])
    outputs, activity = net(x, state=state if net.parts == 2 else state[0])
    assert torch.allclose(activity, expected, atol=atol, rtol=0)
    assert torch.allclose(outputs, expected @ net.W_y.T + net.b_y, atol=4 * atol, rtol=0)


@pytest.mark.covers("Primer, Equation 43")
@pytest.mark.parametrize("kind", TORCHS)
def test_its_gradients_are_those_of_torchs_own(kind):
    net, x = make(kind), double(4, 9, 3)
    theirs, letters = torchs(net, kind)
    depends_on_all(net(x)[1]).backward()
    depends_on_all(theirs(x)[0]).backward()
    for name, their in (("W", "weight_ih_l0"), ("U", "weight_hh_l0"), ("b", "bias_ih_l0")):
        ours = torch.cat([getattr(net, f"{name}_{k}").grad for k in letters])
        assert torch.allclose(ours, getattr(theirs, their).grad, atol=1e-12)
    if kind == "GRU":
        assert torch.allclose(net.d_c.grad, theirs.bias_hh_l0.grad[12:], atol=1e-12)


# Their equations


@pytest.mark.covers("Primer, Equation 43")
def test_the_lstm_computes_equation_43():
    net, x = make("LSTM"), double(5, 3)
    _, activity = net(x[None])
    r, c = torch.zeros(2, 6, dtype=torch.float64)
    for t in range(5):
        g = {
            k: torch.sigmoid(getattr(net, f"W_{k}") @ x[t] + getattr(net, f"U_{k}") @ r + getattr(net, f"b_{k}"))
            for k in "fio"
        }
        c = g["f"] * c + g["i"] * torch.tanh(net.W_c @ x[t] + net.U_c @ r + net.b_c)
        r = g["o"] * torch.tanh(c)
        assert torch.allclose(activity[0, t], r, atol=1e-12)


@SUBTRACTIVE
def test_the_sublstm_computes_the_equations_of_costa_and_others(kind):
    """In numpy, trial by trial: f, i, o and z are logistic; c = f c + z − i; r = σ(c) − o."""
    net, x = make(kind), double(4, 5, 3)
    outputs, activity = (values.detach().numpy() for values in net(x))
    P = {name: p.detach().numpy() for name, p in net.named_parameters()}

    def logistic(c):
        return 1 / (1 + np.exp(-c))

    for k, trial in enumerate(x.numpy()):
        r, c = np.zeros(6), np.zeros(6)
        for t, x_t in enumerate(trial):
            i, o, z = (logistic(P[f"W_{g}"] @ x_t + P[f"U_{g}"] @ r + P[f"b_{g}"]) for g in "ioz")
            f = logistic(P["b_f"] + (0 if kind == "fix-subLSTM" else P["W_f"] @ x_t + P["U_f"] @ r))
            c = f * c + z - i
            r = logistic(c) - o
            assert np.allclose(activity[k, t], r, atol=1e-12)
            assert np.allclose(outputs[k, t], P["output.weight"] @ r + P["output.bias"], atol=1e-12)


def test_a_fixed_forget_gate_is_learned_and_has_no_input():
    net = make("fix-subLSTM")
    assert not hasattr(net, "W_f") and not hasattr(net, "U_f")
    gate = net.gates(double(4, 7, 3))["forget"]
    assert torch.equal(gate, torch.sigmoid(net.b_f).expand(4, 7, 6))
    net(double(4, 7, 3))[0].sum().backward()
    assert net.b_f.grad.abs().min() > 0


def test_a_closed_cell_keeps_its_content_and_an_open_output_gate_shows_it():
    """The forget gate at 1 and the input gate at 0: c stays, and what is read depends on the output gate alone."""
    net = LSTM(1, 2, 1).double().requires_grad_(False)
    for p in net.parameters():
        p.zero_()
    net.b_f[:], net.b_i[:] = 100.0, -100.0
    net.W_o[:] = 100.0
    c = double(1, 2)
    x = torch.tensor([[-1.0, 1.0, -1.0, 1.0]], dtype=torch.float64)[..., None]
    _, activity = net(x, state=(torch.zeros_like(c), c))
    expected = torch.tanh(c) * torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    assert torch.allclose(activity[0], expected, atol=1e-12)


# The contract


@EVERY
def test_the_network_is_a_loop_over_step_and_readout(kind):
    net, x = make(kind), double(4, 7, 3)
    state = some_state(net)
    assert same(net(x), by_steps(net, x)) and same(net(x, state=state), by_steps(net, x, state=state))


@pytest.mark.parametrize("shape", [(6,), (7, 6)], ids=["constant", "in time"])
@EVERY
def test_with_a_gain_too_the_network_is_a_loop_over_step_and_readout(kind, shape):
    net, x = make(kind), double(4, 7, 3)
    net.gain = torch.rand(shape, dtype=torch.float64)
    assert same(net(x), by_steps(net, x))


@EVERY
def test_an_input_may_be_the_same_for_all_trials(kind):
    net, x = make(kind), double(3)
    state = some_state(net)
    assert same(rates(net.step(state, x)), rates(net.step(state, x.expand(4, 3))))


@EVERY
def test_a_trial_cut_in_two_goes_on_where_it_was(kind):
    net, x = make(kind), double(4, 9, 3)
    whole, state = net(x)[1], net.initial_state(4)
    for t in range(4):
        state = net.step(state, x[:, t])
    assert torch.allclose(net(x[:, 4:], state=state)[1], whole[:, 4:], atol=1e-12)


@EVERY
def test_the_initial_state_is_at_rest_and_made_like_every_other(kind):
    net = make(kind)
    before, after = net.initial_state(5), net.step(net.initial_state(5), double(5, 3))
    assert isinstance(before, tuple) == isinstance(after, tuple) == (kind != "GRU")
    for first, second in zip(before, after, strict=True) if kind != "GRU" else [(before, after)]:
        assert first.shape == second.shape == (5, 6) and not first.any()


@EVERY
def test_the_networks_noise_is_that_of_its_method_noise(kind):
    net, x = make(kind, sigma=0.5), double(4, 7, 3)
    noise = net.noise(4, 7, torch.Generator().manual_seed(2))
    assert noise.shape == (4, 7, 6)
    assert same(net(x, torch.Generator().manual_seed(2)), by_steps(net, x, noise))
    assert not torch.allclose(net(x, torch.Generator().manual_seed(2))[1], net(x)[1])


def test_noise_enters_by_the_cells_input_with_its_standard_deviation():
    net = LSTM(1, 100, 1, sigma=0.3)
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        net.cell_input.register_forward_hook(lambda part, given, made: seen.append(given[0]))
        seen = []
        net(torch.zeros(50, 20, 1), torch.Generator().manual_seed(0))
    assert float(torch.stack(seen).std()) == pytest.approx(0.3, rel=0.02)  # of 100,000 values


@EVERY
def test_there_is_noise_only_with_a_generator_and_sigma(kind):
    x, generator = double(4, 7, 3), torch.Generator().manual_seed(0)
    noisy, quiet = make(kind, sigma=0.5), make(kind)
    assert torch.equal(noisy(x)[1], noisy(x)[1]) and torch.equal(quiet(x, generator)[1], quiet(x)[1])


@EVERY
def test_its_gradients_equal_finite_differences(kind):
    net, x = make(kind), double(2, 4, 3)
    names = [name for name, _ in net.named_parameters()]
    weights = tuple(p.detach().clone().requires_grad_() for p in net.parameters())

    def run(*weights):
        return functional_call(net, dict(zip(names, weights, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, weights)


@EVERY
def test_many_networks_run_side_by_side_with_vmap(kind):
    nets, x = [make(kind) for _ in range(3)], double(4, 7, 3)
    nets[1].gain = torch.rand(6, dtype=torch.float64)
    outputs = vmap(lambda *state: functional_call(nets[0], state, (x,))[0])(*stack_module_state(nets))
    assert same(outputs, [net(x)[0] for net in nets])


@EVERY
def test_it_can_be_saved_and_loaded(kind):
    first, second, x = make(kind), make(kind), double(4, 7, 3)
    with io.BytesIO() as file:
        torch.save(first.state_dict(), file)
        file.seek(0)
        second.load_state_dict(torch.load(file, weights_only=True))
    assert same(first(x), second(x), 0) and "gain" not in first.state_dict()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
@EVERY
def test_it_can_be_copied_and_pickled(kind, clone):
    net, x = make(kind), double(4, 7, 3)
    net.gain = torch.rand(6, dtype=torch.float64)
    assert same(clone(net)(x), net(x), 0)


@EVERY
def test_it_computes_on_the_device_where_it_lies(kind, device):
    net = KINDS[kind](3, 6, 2, sigma=0.1).to(device)
    outputs, activity = net(torch.randn(4, 7, 3, device=device), torch.Generator().manual_seed(0))
    outputs.sum().backward()
    assert outputs.device.type == activity.device.type == net.W_y.grad.device.type == device.type
    assert all(gate.device.type == device.type for gate in net.gates(torch.zeros(1, 2, 3, device=device)).values())


@EVERY
def test_fit_teaches_it_to_remember(kind, device):
    """Half of the error that is left to a network which ignores its inputs is gone soon."""
    task = Memory(steps=8, delay=2, gap=(1, 3))
    draws = torch.Generator().manual_seed(0)
    net = KINDS[kind](3, 16, 1, generator=draws).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    history = nb.fit(
        Backprop(net, squared_error), task, 200, trials=64, optimizer=optimizer, generator=draws, progress=False
    )
    silent = float((0.5 * task.sample(1000, draws).targets.square()).mean())
    assert np.mean(history.loss[-20:]) < 0.5 * silent


# Its weights


@EVERY
def test_initial_weights_have_the_sizes_that_are_said(kind):
    net = KINDS[kind](100, 200, 50).requires_grad_(False)
    for k in net.letters:
        assert getattr(net, f"W_{k}").shape == (200, 100) and getattr(net, f"U_{k}").shape == (200, 200)
        assert float(getattr(net, f"W_{k}").std()) == pytest.approx(0.1, rel=0.03)
        assert float(getattr(net, f"U_{k}").std()) == pytest.approx(200**-0.5, rel=0.03)
        assert torch.equal(getattr(net, f"b_{k}"), torch.full((200,), 1.0 if k == "f" else 0.0))
    assert float(net.W_y.std()) == pytest.approx(200**-0.5, rel=0.05) and not net.b_y.any()


@pytest.mark.parametrize("kind", ["LSTM", "subLSTM", "fix-subLSTM"])
def test_the_forget_gate_of_a_new_network_is_where_its_bias_says(kind):
    net = KINDS[kind](3, 6, 2, forget_bias=2.0)
    assert torch.allclose(net.gates(torch.zeros(1, 1, 3))["forget"], torch.sigmoid(torch.tensor(2.0)))


@EVERY
def test_the_same_generator_gives_the_same_weights(kind):
    first, second, other = (
        KINDS[kind](3, 6, 2, generator=torch.Generator().manual_seed(seed)).state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    weights = [name for name in first if first[name].ndim == 2]
    assert weights and not any(torch.equal(first[name], other[name]) for name in weights)


# Its gates can be read

PARTS = {
    "LSTM": ["forget_gate", "input_gate", "output_gate", "cell_input", "cell"],
    "GRU": ["update_gate", "reset_gate", "candidate"],
    "subLSTM": ["forget_gate", "input_gate", "output_gate", "cell_input", "cell"],
    "fix-subLSTM": ["forget_gate", "input_gate", "output_gate", "cell_input", "cell"],
}


@pytest.mark.parametrize("steps", [1, 7])
@EVERY
def test_every_gate_is_recorded_over_time(kind, steps):
    net, x = make(kind), double(4, steps, 3)
    recorded = record(net, x)
    assert list(recorded) == [*PARTS[kind], "outputs", "activity"]
    assert all(recorded[name].shape == (4, steps, 6) for name in PARTS[kind])
    assert same((recorded["outputs"], recorded["activity"]), net(x))


@EVERY
def test_gates_are_what_is_recorded(kind):
    net, x = make(kind), double(4, 7, 3)
    recorded, gates = record(net, x), net.gates(x)
    assert [*gates] == [name.removesuffix("_gate") for name in PARTS[kind]]
    assert same(gates.values(), [recorded[name] for name in PARTS[kind]], 0)
    assert not any(part._forward_hooks for part in net.modules())


@pytest.mark.covers("Primer, Equation 43, Figure 8D")
def test_the_gates_that_are_read_make_the_cell_and_the_rates():
    net, x = make("LSTM"), double(4, 7, 3)
    state = some_state(net)
    g, activity = net.gates(x, state=state), net(x, state=state)[1]
    before = torch.cat([state[1][:, None], g["cell"][:, :-1]], 1)
    assert torch.allclose(g["cell"], g["forget"] * before + g["input"] * g["cell_input"], atol=1e-12)
    assert torch.allclose(activity, g["output"] * torch.tanh(g["cell"]), atol=1e-12)


def test_the_gates_of_a_gru_make_its_rates():
    net, x = make("GRU"), double(4, 7, 3)
    g, r = net.gates(x), net(x)[1]
    before = torch.cat([torch.zeros(4, 1, 6, dtype=torch.float64), r[:, :-1]], 1)
    assert torch.allclose(r, g["update"] * before + (1 - g["update"]) * g["candidate"], atol=1e-12)


@SUBTRACTIVE
def test_the_gates_of_a_sublstm_are_subtracted(kind):
    net, x = make(kind), double(4, 7, 3)
    g, r = net.gates(x), net(x)[1]
    before = torch.cat([torch.zeros(4, 1, 6, dtype=torch.float64), g["cell"][:, :-1]], 1)
    assert torch.allclose(g["cell"], g["forget"] * before + g["cell_input"] - g["input"], atol=1e-12)
    assert torch.allclose(r, torch.sigmoid(g["cell"]) - g["output"], atol=1e-12)


def test_gates_can_be_differentiated():
    net = make("LSTM")
    net.gates(double(4, 7, 3))["input"].sum().backward()
    assert net.W_i.grad.abs().min() > 0 and net.b_y.grad is None


# Lesions


def without(net, unit, kind):
    """The network of the other units."""
    rest = [k for k in range(net.units) if k != unit]
    smaller = KINDS[kind](3, net.units - 1, 2).double()
    weights = {}
    for name, p in net.state_dict().items():
        kept = p if name == "output.bias" else p[:, rest] if name == "output.weight" else p[rest]
        weights[name] = kept[:, rest] if name.startswith("U_") else kept
    smaller.load_state_dict(weights)
    return smaller, rest


@EVERY
def test_a_lesioned_unit_is_as_good_as_cut_out_and_comes_back(kind):
    net, x = make(kind), double(4, 7, 3)
    intact = net(x)
    smaller, rest = without(net, 2, kind)
    with lesion(net, 2):
        outputs, activity = net(x)
    assert same((outputs, activity[..., rest]), smaller(x)) and not activity[..., 2].any()
    assert not torch.allclose(outputs, intact[0], atol=1e-3) and same(net(x), intact, 0)


@EVERY
def test_an_inactivated_unit_is_silent_for_a_time_and_the_network_then_restored(kind):
    net, x = make(kind, dt=10), double(4, 7, 3)
    intact = net(x)
    with inactivate(net, 2, during=(20, 40), steps=7):
        inactivated = net(x)
    assert same((inactivated[1][:, :2],), (intact[1][:, :2],), 0)
    assert [bool(r.any()) for r in inactivated[1][..., 2].unbind(1)] == [True, True, False, False, True, True, True]
    assert not torch.allclose(inactivated[0][:, -1], intact[0][:, -1], atol=1e-6) and same(net(x), intact, 0)


@EVERY
def test_a_gain_can_be_differentiated(kind):
    net, x = make(kind), double(2, 4, 3)

    def run(gain):
        return functional_call(net, {"gain": gain}, (x,))[0]

    assert torch.autograd.gradcheck(run, torch.ones(6, dtype=torch.float64, requires_grad=True))


# Dynamics


@EVERY
def test_its_fixed_points_stay_where_they_are(kind):
    net, x = make(kind), double(3)
    state = some_state(net, 40)
    points = fixed_points(net, state, x).fixed_only()
    assert len(points) >= 1 and isinstance(points.states, tuple) == (kind != "GRU")
    stay = net.step(points.states, x)
    pairs = zip(points.states, stay, strict=True) if net.parts == 2 else [(points.states, stay)]
    assert all(torch.allclose(before, after, atol=1e-9) for before, after in pairs)


def test_the_cell_of_a_closed_lstm_is_a_continuum_of_fixed_points():
    """With the forget gate at 1, the input gate at 0 and no recurrence, λ = 1 for every cell, and r follows: λ = 0."""
    net = LSTM(1, 3, 1).double().requires_grad_(False)
    for p in net.parameters():
        p.zero_()
    net.b_f[:], net.b_i[:] = 100.0, -100.0
    c = double(5, 3)
    around = linearize(net, (0.5 * torch.tanh(c), c), torch.zeros(1, dtype=torch.float64))
    expected = torch.tensor([1.0, 1, 1, 0, 0, 0], dtype=torch.float64).expand(5, 6)
    assert torch.allclose(around.eigenvalues.abs(), expected, atol=1e-9)
    points = fixed_points(net, (0.5 * torch.tanh(c), c), torch.zeros(1, dtype=torch.float64))
    assert len(points) == 5 and points.fixed.all() and points.stable.all()


@EVERY
def test_the_linearised_network_is_its_step_for_small_changes(kind):
    net, x = make(kind), double(3)
    state = (double(6), double(6)) if net.parts == 2 else double(6)
    around = linearize(net, state, x)
    s, h = around.state, 1e-6

    def step(s):
        return torch.cat(net.step(s.split(6, 1), x), 1) if net.parts == 2 else net.step(s, x)

    for k, change in enumerate(h * torch.eye(len(s), dtype=torch.float64)):
        moved = (step(s[None] + change) - step(s[None] - change))[0] / (2 * h)
        assert torch.allclose(moved, around.jacobian[:, k], atol=1e-8)


# The memory of Figure 8, by hand


@pytest.mark.covers("Primer, Figures 8ABC, 8D")
@pytest.mark.parametrize("delay, steps", [(10, 60), (1000, 1050)])
def test_one_unit_with_gates_set_by_hand_remembers_at_any_delay(delay, steps):
    """The cell's error is that of tanh(tanh(.1 s)) ≈ .1 s, at most 1 − 10 tanh(tanh .1) = .0066, and a leak of σ(−15) a step.

    σ(−15) of the cell is lost by the forget gate, and as much of each stimulus, in the mean none, comes in by the input gate.
    """
    net = LSTM(3, 1, 1)
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        net.W_c[0, 0] = 0.1  # the stimulus
        net.W_i[0, 1], net.b_i[0] = 30.0, -15.0  # opens at memorize
        net.W_f[0, 1], net.b_f[0] = -30.0, 15.0  # closes at memorize
        net.W_o[0, 2], net.b_o[0] = 30.0, -15.0  # opens at report
        net.W_y[0, 0] = 10.0
    task = Memory(steps=steps, delay=delay)
    batch = task.sample(200)
    net.to(nb.device())
    with torch.no_grad():
        outputs, _ = net(batch.inputs)
    leak = 1 / (1 + math.exp(15))
    bound = 1 - 10 * math.tanh(math.tanh(0.1)) + 2 * delay * leak + 10 * leak
    assert float((outputs - batch.targets).abs().max()) < bound < 0.0075
    assert task.score(outputs, batch).all()


# What it refuses


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"inputs": 0}, "inputs should be a positive integer, got 0"),
        ({"units": 2.5}, "units should be a positive integer, got 2.5"),
        ({"outputs": True}, "outputs should be a positive integer, got True"),
        ({"dt": 0}, "dt, the duration of a step in ms, should be a positive number, got 0"),
        ({"sigma": -0.1}, "sigma should be a number from 0 up, got -0.1"),
        ({"sigma": math.nan}, "sigma should be a number from 0 up, got nan"),
    ],
)
@EVERY
def test_bad_numbers_are_refused(kind, wrong, message):
    with pytest.raises(ValueError, match=message):
        KINDS[kind](**{"inputs": 3, "units": 6, "outputs": 2} | wrong)


@pytest.mark.parametrize("bias", [math.nan, math.inf, "1", None])
@pytest.mark.parametrize("kind", [LSTM, SubtractiveLSTM])
def test_a_forget_bias_that_is_no_number_is_refused(kind, bias):
    with pytest.raises(ValueError, match="forget_bias should be a number, got"):
        kind(3, 6, 2, forget_bias=bias)


@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 2), (0, 7, 3), (4, 0, 3), (1, 4, 7, 3), (3,)])
@EVERY
def test_inputs_of_another_shape_are_refused(kind, shape):
    with pytest.raises(ValueError, match=r"expects inputs of shape \(trials, time, 3\), with one trial and one step"):
        KINDS[kind](3, 6, 2)(torch.zeros(shape))


def test_a_single_trial_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"x\.unsqueeze\(0\)"):
        LSTM(3, 6, 2)(torch.zeros(7, 3))


@EVERY
def test_inputs_of_another_type_are_refused_with_the_remedy(kind):
    net = KINDS[kind](3, 6, 2)
    with pytest.raises(TypeError, match=r"torch.as_tensor\(x\)"):
        net(np.zeros((4, 7, 3)))
    with pytest.raises(TypeError, match=r"x.to\(torch.float32\)"):
        net(double(4, 7, 3))


@pytest.mark.parametrize(
    "kind, state, message",
    [
        ("LSTM", torch.zeros(4, 6), r"a tuple of two tensors, \(r, c\), got Tensor of 1: begin with net.initial_state"),
        ("subLSTM", (torch.zeros(4, 6),), r"a tuple of two tensors, \(r, c\), got tuple of 1"),
        ("GRU", (torch.zeros(4, 6), torch.zeros(4, 6)), "the state of this GRU is one tensor r, got tuple of 2"),
        ("GRU", torch.zeros(4, 6).double(), r"x.to\(torch.float32\)"),
        ("LSTM", (torch.zeros(4, 6), None), "expects a tensor, got NoneType"),
    ],
    ids=str,
)
def test_a_state_of_another_kind_is_refused(kind, state, message):
    net = KINDS[kind](3, 6, 2)
    with pytest.raises(TypeError, match=message):
        net(torch.zeros(4, 7, 3), state=state)
    with pytest.raises(TypeError, match=message):
        net.step(state, torch.zeros(4, 3))


@pytest.mark.parametrize("shape", [(6,), (1, 6), (4, 5), (4, 7, 6)])
@EVERY
def test_a_state_of_another_shape_is_refused(kind, shape):
    net = KINDS[kind](3, 6, 2)
    state = torch.zeros(shape)
    with pytest.raises(ValueError, match=r"a state is trials × units, \(4, 6\), got"):
        net(torch.zeros(4, 7, 3), state=state if net.parts == 1 else (torch.zeros(4, 6), state))


@pytest.mark.parametrize("shape", [(4, 2), (), (4, 7, 3)])
def test_a_step_with_another_input_is_refused(shape):
    net = LSTM(3, 6, 2)
    with pytest.raises(ValueError, match=r"a step takes an input, trials × 3, got \("):
        net.step(net.initial_state(4), torch.zeros(shape))


@pytest.mark.parametrize("trials", [0, -1, 2.5])
def test_a_state_of_no_trials_is_refused(trials):
    with pytest.raises(ValueError, match="trials should be a positive integer"):
        LSTM(3, 6, 2).initial_state(trials)


@pytest.mark.parametrize("seed", [3, None])
def test_noise_from_no_generator_is_refused(seed):
    with pytest.raises(TypeError, match=r"noise comes from a torch.Generator"):
        LSTM(3, 6, 2, sigma=0.1).noise(4, 7, seed)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (7, 1), (2, 7, 6)])
def test_a_gain_of_another_shape_is_refused(shape):
    net = LSTM(3, 6, 2)
    net.gain = torch.ones(shape)
    with pytest.raises(ValueError, match=r"gain should have shape \(6,\), or \(7, 6\) if it changes"):
        net(torch.zeros(4, 7, 3))


def test_a_gain_for_another_number_of_steps_is_refused():
    net = LSTM(3, 6, 2)
    net.gain = torch.ones(8, 6)
    with pytest.raises(ValueError, match="the network's gain is given for 8 steps, but the inputs have 7"):
        net(torch.zeros(4, 7, 3))


@pytest.mark.parametrize("gain", [None, torch.ones(6, dtype=torch.bool), torch.ones(6, dtype=torch.float64)])
def test_a_gain_of_another_type_is_refused(gain):
    net = LSTM(3, 6, 2)
    net.gain = gain
    with pytest.raises(TypeError, match=r"gain should be a tensor of the weights' type, torch.float32, got"):
        net(torch.zeros(4, 7, 3))


def test_a_step_with_a_gain_in_time_asks_for_the_steps_own():
    net = LSTM(3, 6, 2)
    net.gain = torch.ones(7, 6)
    with pytest.raises(ValueError, match=r"gain changes in time: give the step's own, gain=net.gain\[t\]"):
        net.step(net.initial_state(4), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="gain changes in time"):
        net.readout(net.initial_state(4))


def test_connections_cannot_be_cut_and_the_message_says_so():
    net = LSTM(3, 6, 2)
    with pytest.raises(TypeError, match="which LSTM lacks: lesion units instead"), lesion(net, connections=(0, 1)):
        pass
