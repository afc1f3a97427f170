"""The error-driven recurrent network: its equations, that it sees only its errors, and that it learns to foresee."""

import copy
import pickle

import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import record
from nnbrain.learning import Backprop
from nnbrain.networks import RNN, ErrorDrivenRNN, run
from nnbrain.objectives import squared_error
from nnbrain.tasks import Batch, MovingStimuli


def make(activation="tanh", **arguments):
    """A network of 3 inputs and 6 units in double precision, no parameter of which is zero."""
    net = ErrorDrivenRNN(3, 6, activation=activation, **arguments).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.5)
    return net


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("arguments", [{}, {"tau": 100.0, "dt": 20.0}], ids=["Elman", "leaky"])
def test_it_computes_its_equations(arguments):
    net, x = make(**arguments), double(4, 5, 3)
    alpha = 0.2 if arguments else 1.0
    predictions, activity = net(x)
    for k in range(4):
        r = torch.zeros(6).double()
        for t in range(5):
            x_hat = net.W_y @ r + net.b_y
            e = torch.cat([(x[k, t] - x_hat).clamp(min=0), (x_hat - x[k, t]).clamp(min=0)])
            r = (1 - alpha) * r + alpha * torch.tanh(net.W_r @ r + net.W_x @ e + net.b_r)
            assert torch.allclose(predictions[k, t], x_hat, atol=1e-12)
            assert torch.allclose(activity[k, t], r, atol=1e-12)


def by_steps(net, x, noise=None):
    state, outputs, activity = net.initial_state(len(x)), [], []
    for t in range(x.shape[1]):
        gains = {"gain": net.gain if net.gain.ndim == 1 else net.gain[t]}
        if net.connection_gain is not None:
            gains["connection_gain"] = net.connection_gain if net.connection_gain.ndim == 2 else net.connection_gain[t]
        state = net.step(state, x[:, t], None if noise is None else noise[:, t], **gains)
        outputs.append(net.readout(state))
        activity.append(state[0] * gains["gain"])
    return torch.stack(outputs, 1), torch.stack(activity, 1)


def set_gains(net, kind):
    if kind == "gain":
        net.gain[2] = 0.0
    elif kind == "gain in time":
        net.gain = torch.rand(5, 6).double()
    elif kind == "connections":
        net.connection_gain = torch.rand(6, 6).double()
    elif kind == "connections in time":
        net.connection_gain = torch.rand(5, 6, 6).double()


@pytest.mark.parametrize("kind", ["plain", "gain", "gain in time", "connections", "connections in time"])
def test_a_run_equals_the_loop_of_its_steps(kind):
    net, x = make(learn_initial_state=True), double(4, 5, 3)
    set_gains(net, kind)
    for ran, stepped in zip(net(x), by_steps(net, x), strict=True):
        assert torch.allclose(ran, stepped, atol=1e-14)


@pytest.mark.parametrize("kind", ["gain", "gain in time", "connections", "connections in time"])
def test_gains_change_what_it_does(kind):
    net, x = make(), double(4, 5, 3)
    before = net(x)[0]
    set_gains(net, kind)
    assert not torch.allclose(net(x)[0], before, atol=1e-3)


def test_noise_is_what_the_generator_draws():
    net, x = make(sigma=0.3), double(4, 5, 3)
    noise = net.noise(4, 5, torch.Generator().manual_seed(1))
    noisy = net(x, generator=torch.Generator().manual_seed(1))[1]
    assert torch.allclose(noisy, by_steps(net, x, noise)[1], atol=1e-14)
    assert not torch.allclose(noisy, net(x)[1], atol=1e-3)


def test_a_prediction_is_made_before_the_input_is_seen():
    net, x = make(), double(4, 6, 3)
    other = x.clone()
    other[:, 3:] += 1
    before, after = net(x)[0], net(other)[0]
    assert torch.equal(before[:, :4], after[:, :4]) and not torch.allclose(before[:, 4], after[:, 4], atol=1e-3)


def test_it_sees_nothing_but_its_errors():
    """An input that is just what it predicts acts like no input on a network without predictions."""
    net, blind = make(), make()
    blind.load_state_dict(net.state_dict())
    blind.prediction_gain.zero_()
    state = net.initial_state(2)
    expected = []
    for _ in range(5):
        expected.append(net.predict(state[0]))
        state = net.step(state, expected[-1])
    x = torch.stack(expected, 1)
    assert torch.allclose(net(x)[1], blind(torch.zeros_like(x))[1], atol=1e-12)
    assert float(record(net, x)["error_units"].abs().max()) < 1e-12


def test_error_units_are_recorded_and_have_rates_without_sign():
    net, x = make(), double(4, 5, 3)
    recorded = record(net, x)
    errors = recorded["error_units"]  # trials × time × 2·inputs
    assert torch.allclose(errors[..., :3] - errors[..., 3:], x - recorded["outputs"], atol=1e-12)
    assert (errors >= 0).all() and (errors[..., :3] * errors[..., 3:] == 0).all()


def test_without_predictions_error_units_signal_the_whole_input():
    net, x = make(), double(4, 5, 3)
    net.prediction_gain.zero_()
    assert torch.equal(record(net, x)["error_units"], torch.cat([x.clamp(min=0), (-x).clamp(min=0)], -1))


def test_at_first_nothing_is_predicted():
    net = ErrorDrivenRNN(3, 6)
    assert (net(torch.randn(4, 5, 3))[0] == 0).all()


def test_a_run_goes_on_where_another_ended():
    net, x = make(), double(4, 6, 3)
    state = net.initial_state(4)
    for t in range(3):
        state = net.step(state, x[:, t])
    assert torch.allclose(net(x[:, 3:], state=state)[0], net(x)[0][:, 3:], atol=1e-14)


def test_one_input_serves_all_trials():
    net, x_t = make(), double(3)
    state = net.initial_state(4)
    assert torch.allclose(net.step(state, x_t)[0], net.step(state, x_t.expand(4, 3))[0])


def test_it_learns_to_foresee_motion():
    task = MovingStimuli((1, 8), "bar", steps=12, directions=2)
    net = ErrorDrivenRNN(8, 32).to(nb.device())
    rule = Backprop(net, squared_error)
    optimizer = torch.optim.Adam(rule.parameters(), lr=5e-3)
    nb.fit(rule, task, 150, optimizer=optimizer, clip=1.0, progress=False)
    batch = task.sample(200)
    assert float(task.score(net(batch.inputs)[0], batch).float().mean()) > 0.95


def test_its_gradient_is_that_of_finite_differences():
    net, batch = make(), Batch(double(4, 5, 3), double(4, 5, 3))
    Backprop(net, squared_error)(batch)
    slope = float(net.W_x.grad[1, 4])

    def loss(change):
        other = copy.deepcopy(net)
        other.input.weight.data[1, 4] += change
        return float(squared_error(other, batch))

    with torch.no_grad():
        assert slope == pytest.approx((loss(1e-5) - loss(-1e-5)) / 2e-5, rel=1e-5, abs=1e-9)


# A network like others


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_computes_the_same(duplicate):
    net, x = make(), double(4, 5, 3)
    assert torch.equal(duplicate(net)(x)[0], net(x)[0])


def test_the_state_dict_holds_all_that_it_computes_with():
    net, other, x = make(), make(), double(4, 5, 3)
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x)[0], net(x)[0])


def test_it_works_on_the_device(device):
    net, x = ErrorDrivenRNN(3, 6).to(device), torch.randn(4, 5, 3, device=device)
    outputs, activity = run(net, x)
    assert outputs.device == activity.device == x.device


def test_by_default_a_step_lasts_as_long_as_the_time_constant():
    assert ErrorDrivenRNN(3, 6).alpha == ErrorDrivenRNN(3, 6, tau=20).alpha == 1
    assert ErrorDrivenRNN(3, 6, tau=100, dt=10).alpha == 0.1


def test_units_can_be_silenced():
    net, x = make(), double(4, 5, 3)
    with nb.analysis.lesion(net, [1, 2]):
        assert (net(x)[1][..., [1, 2]] == 0).all()


def test_it_is_an_rnn_whose_input_are_errors():
    net = make()
    assert isinstance(net, RNN) and net.W_x.shape == (6, 6) and net.W_y.shape == (3, 6)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda net, x: net(x[0]), ValueError, "A single trial is x.unsqueeze"),
        (lambda net, x: net(x[:, :0]), ValueError, r"expects inputs of shape \(trials, time, 3\)"),
        (lambda net, x: net(x[..., :2]), ValueError, r"expects inputs of shape \(trials, time, 3\)"),
        (lambda net, x: net(x.float()), TypeError, "computes in torch.float64"),
        (lambda net, x: net(x, state=x[:, 0]), ValueError, "a state is a tuple"),
        (lambda net, x: net(x, state=net.initial_state(3)), ValueError, "a state is a tuple"),
        (lambda net, x: net.step(x[:, 0], x[:, 0]), ValueError, "got Tensor"),
        (lambda net, x: net.step(net.initial_state(4), x[:, 0, :2]), ValueError, "an input, trials × 3"),
        (lambda net, x: net.initial_state(0), ValueError, "trials should be a positive integer"),
    ],
)
def test_it_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call(make(), double(4, 5, 3))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"inputs": 0}, "inputs should be a positive integer"),
        ({"units": -1}, "units should be a positive integer"),
        ({"outputs": 3}, "has no outputs"),
        ({"feedback": True}, "has no feedback"),
        ({"tau": 10, "dt": 20}, "at most tau"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ErrorDrivenRNN(**{"inputs": 3, "units": 6} | arguments)
