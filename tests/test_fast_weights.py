"""Networks with fast weights: Equations 45 to 47 by hand, their gradients, their states, what they refuse."""

import copy
import io
import math
import pickle

import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import inactivate, lesion, record
from nnbrain.learning import Backprop
from nnbrain.networks import RNN, FastWeightRNN, HebbianPlasticity, NeuralPlasticity, PolynomialPlasticity
from nnbrain.objectives import squared_error
from nnbrain.tasks import Familiarity, PatternCompletion

KINDS = {
    "Hebb": dict,
    "fixed": lambda: {"learn_decay": False, "learn_plasticity": False},
    "anti-Hebbian": lambda: {"plasticity": -0.2},
    "per connection": lambda: {"per_connection": True},
    "clamped": lambda: {"clamped": True},
    "polynomial": lambda: {"plasticity": PolynomialPlasticity(2)},
    "neural": lambda: {"plasticity": NeuralPlasticity(4)},
    "without bias": lambda: {"bias": False, "activation": "sigmoid"},
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def make(kind="Hebb", **arguments):
    """A network of 3 inputs, 5 units and 2 outputs in double precision, no parameter of which is zero."""
    net = FastWeightRNN(3, 5, 2, **{"plasticity": 0.3, "decay": 0.8} | KINDS[kind]() | arguments).double()
    for name, p in net.named_parameters():
        if name not in ("logit_decay", "plasticity.eta"):
            nn.init.normal_(p, 0.0, 0.4)
    return net


def by_steps(net, x, noise=None):
    """The loop over `step` and `readout` that the contract says net(x) equals."""
    state, outputs, activity = net.initial_state(len(x)), [], []
    for t in range(x.shape[1]):
        gain = net.gain if net.gain.ndim == 1 else net.gain[t]
        state = net.step(state, x[:, t], None if noise is None else noise[:, t], gain=gain)
        outputs.append(net.readout(state, gain=gain))
        activity.append(state[0] * gain)
    return torch.stack(outputs, 1), torch.stack(activity, 1)


def same(first, second):
    return all(torch.allclose(a, b, atol=1e-12, rtol=1e-10) for a, b in zip(first, second, strict=True))


# Its equations


@pytest.mark.covers("Primer, Equation 45")
def test_slow_plus_fast_weights_drive_the_units_and_their_activity_changes_the_fast_ones():
    net, x = make(), double(4, 6, 3)
    outputs, activity = net(x)
    fast = record(net, x)["fast_weights"]
    for k in range(4):
        r, A = torch.zeros(5, dtype=torch.float64), torch.zeros(5, 5, dtype=torch.float64)
        for t in range(6):
            r = torch.tanh((net.W_r + A) @ r + net.W_x @ x[k, t] + net.b_r)
            A = 0.8 * A + 0.3 * torch.outer(r, r)  # Eq. 45
            assert torch.allclose(activity[k, t], r, atol=1e-7)
            assert torch.allclose(outputs[k, t], net.W_y @ r + net.b_y, atol=1e-7)
            assert torch.allclose(fast[k, t], A, atol=1e-7)


@pytest.mark.covers("Primer, Equation 46")
def test_every_fast_weight_follows_the_two_units_that_it_joins():
    net, x = make(decay=0.5), double(2, 5, 3)
    activity, fast = net(x)[1], record(net, x)["fast_weights"]
    for i in range(5):
        for j in range(5):
            a = 0.0
            for t in range(5):
                a = 0.5 * a + net.plasticity.eta * activity[:, t, i] * activity[:, t, j]  # Eq. 46
                assert torch.allclose(fast[:, t, i, j], a, atol=1e-12)


@pytest.mark.covers("Primer, Equation 46")
def test_fast_weights_forget_as_powers_of_the_decay():
    """Units that an input holds fast and that then fall silent leave a trace that decays as λᵗ: by half in ln ½ / ln λ steps."""
    net = FastWeightRNN(4, 4, 4, clamped=True, activation="relu", g=0.0, decay=0.9, plasticity=0.2, learn_decay=False)
    with torch.no_grad():
        net.b_r.sub_(10.0)  # silent unless held fast
    x = torch.zeros(1, 30, 4)
    x[:, 0] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    fast = record(net, x)["fast_weights"][0]
    for t in range(30):
        assert torch.allclose(fast[t], 0.2 * 0.9**t * torch.outer(x[0, 0], x[0, 0]), atol=1e-6)


@pytest.mark.covers("Primer, Equation 47")
@pytest.mark.parametrize("kind", ["Hebb", "polynomial", "neural"])
def test_a_general_rule_adds_its_value_for_each_pair_of_units(kind):
    net, x = make(kind), double(2, 4, 3)
    theta = {name: p.tolist() for name, p in net.plasticity.named_parameters()}
    f = {
        "Hebb": lambda post, pre: theta["eta"] * post * pre,
        "polynomial": lambda post, pre: sum(
            theta["theta"][a][b] * post**a * pre**b for a in range(3) for b in range(3)
        ),
        "neural": lambda post, pre: (
            sum(theta["w"][h] * math.tanh(theta["u"][h] * post + theta["v"][h] * pre + theta["b"][h]) for h in range(4))
            + theta["c"]
        ),
    }[kind]
    activity, fast = net(x)[1].tolist(), record(net, x)["fast_weights"]
    for k in range(2):
        A = [[0.0] * 5 for _ in range(5)]
        for t in range(4):
            r = activity[k][t]
            A = [[net.decay.item() * A[i][j] + f(r[i], r[j]) for j in range(5)] for i in range(5)]  # Eq. 47
            assert torch.allclose(fast[k, t], torch.tensor(A, dtype=torch.float64), atol=1e-10)


@pytest.mark.covers("Primer, Equation 47")
def test_the_polynomial_rule_contains_hebbs():
    rule, post, pre = PolynomialPlasticity(3).double(), double(6), double(4)
    assert torch.equal(rule(post, pre), torch.zeros(6, 4).double())  # at the start: no plasticity
    with torch.no_grad():
        rule.theta[1, 1] = -0.7
    assert torch.allclose(rule(post, pre), HebbianPlasticity(-0.7).double()(post, pre), atol=1e-7)


@pytest.mark.parametrize("rule", [HebbianPlasticity(), PolynomialPlasticity(), NeuralPlasticity()], ids=str)
def test_rows_of_a_change_are_those_that_receive(rule):
    nn.init.normal_(rule.theta) if hasattr(rule, "theta") else None
    change = rule(torch.tensor([0.3, -0.9, 0.5]), torch.tensor([0.2, 0.8]))
    assert change.shape == (3, 2)
    assert torch.allclose(change[1, 0], rule(torch.tensor([-0.9]), torch.tensor([0.2]))[0, 0], atol=1e-6)


def test_with_factors_for_each_connection_only_their_share_of_the_fast_weights_acts():
    net, x = make("per connection"), double(4, 6, 3)
    a, r, A = net.connection_plasticity, torch.zeros(4, 5).double(), torch.zeros(4, 5, 5).double()
    for t in range(6):
        W = net.W_r + a * A
        r = torch.tanh(torch.einsum("kij,kj->ki", W, r) + x[:, t] @ net.W_x.T + net.b_r)
        A = net.decay * A + net.plasticity.eta * torch.einsum("ki,kj->kij", r, r)
        assert torch.allclose(net(x)[1][:, t], r, atol=1e-12)


def test_factors_for_each_connection_begin_at_one():
    plain, net = (FastWeightRNN(3, 5, 2, per_connection=per, generator=seeded()) for per in (False, True))
    x = torch.randn(4, 6, 3)
    assert torch.allclose(plain(x)[0], net(x)[0], atol=1e-6)


def test_inputs_that_hold_units_fast_are_their_rates_and_the_others_are_free():
    net, x = make("clamped"), double(4, 6, 3)
    x[:, 3:, 1] = 0.0
    outputs, activity = net(x)
    given = x != 0
    assert torch.equal(activity[..., :3][given], x[given])
    assert torch.equal(outputs, activity[..., :2])
    fast = record(net, x)["fast_weights"]
    c = (fast[:, 3] + net.W_r) @ activity[:, 3].unsqueeze(-1)
    free = torch.tanh(c.squeeze(-1) + net.b_r)[:, [1, 3, 4]]
    assert torch.allclose(activity[:, 4, [1, 3, 4]], free, atol=1e-12)


def test_one_pattern_is_completed_at_once_with_hebbs_rule_and_turned_round_with_the_opposite():
    """As in a Hopfield network, A ∝ p pᵀ: from half of p, each hidden unit gets η (number of bits shown) p."""
    task = PatternCompletion(bits=20, patterns=1, repeats=1, cue_steps=2)
    batch = task.sample(50)
    for eta, error in ((0.1, 0.0), (-0.1, 1.0)):
        net = FastWeightRNN(20, 20, 20, clamped=True, g=0.0, plasticity=eta).to(batch.inputs.device)
        assert task.bit_error(net(batch.inputs)[0], batch).unique().tolist() == [error]


def test_what_fast_weights_recall_comes_one_step_after_the_cue():
    net, A, cue = make(), double(1, 5, 5), double(1, 3)
    silent = torch.zeros(1, 5).double()
    with_it, without = (net.step((silent, fast), cue) for fast in (A, 0 * A))
    assert torch.equal(with_it[0], without[0])
    nothing = torch.zeros(1, 3).double()
    assert not torch.allclose(net.step(with_it, nothing)[0], net.step(without, nothing)[0], atol=1e-3)


def test_without_plasticity_it_is_the_elman_network():
    net = FastWeightRNN(3, 6, 2, plasticity=0.0).double()
    elman = RNN(3, 6, 2, tau=20, dt=20, activation="tanh").double()
    weights = {"recurrent.weight": net.W_r, "input.weight": net.W_x, "input.bias": net.b_r}
    elman.load_state_dict(weights | {"output.weight": net.W_y, "output.bias": net.b_y})
    x = double(4, 7, 3)
    assert same(net(x), elman(x))


def test_with_all_gone_after_each_step_only_the_last_activity_counts():
    net, x = make(decay=0.0, learn_decay=False), double(4, 6, 3)
    activity, fast = net(x)[1], record(net, x)["fast_weights"]
    eta = net.plasticity.eta
    assert torch.allclose(fast[:, 5], eta * activity[:, 5, :, None] * activity[:, 5, None, :], atol=1e-12)


def test_bounded_rates_keep_fast_weights_below_the_rate_over_one_minus_the_decay():
    net = FastWeightRNN(3, 10, 2, plasticity=2.0, decay=0.95, g=3.0)
    fast = record(net, 10 * torch.randn(4, 400, 3))["fast_weights"]
    assert 0.9 * 2.0 / 0.05 < float(fast.abs().max()) <= 2.0 / 0.05 * (1 + 1e-5)


# Its gradients


@pytest.mark.covers("Primer, Equation 47")
@EVERY_KIND
def test_the_gradients_are_those_of_finite_differences(kind):
    """Of η and λ too: the rule of plasticity is learned through all that it did in a trial."""
    net, x = make(kind), double(2, 4, 3)
    named = {name: p for name, p in net.named_parameters() if p.requires_grad}

    def loss(*values):
        outputs, activity = torch.func.functional_call(net, dict(zip(named, values, strict=True)), (x,))
        return outputs.square().sum() + (activity**3).sum()

    assert torch.autograd.gradcheck(loss, [p.detach().clone().requires_grad_() for p in named.values()], atol=1e-7)
    assert ("plasticity.eta" in named) == (kind not in ("fixed", "polynomial", "neural"))
    assert ("logit_decay" in named) == (kind != "fixed")


@pytest.mark.covers("Primer, Equation 47")
def test_the_gradient_of_the_rate_is_that_of_a_difference_of_two_rates():
    x = double(3, 6, 3)
    net = make()

    def error(eta):
        with torch.no_grad():
            net.plasticity.eta.fill_(eta)
        return (net(x)[0] - 1).square().mean()

    h = 1e-5
    slope = (error(0.3 + h) - error(0.3 - h)) / (2 * h)
    error(0.3).backward()
    assert float(net.plasticity.eta.grad) == pytest.approx(slope.item(), rel=1e-6)
    assert abs(slope.item()) > 1e-4  # and there is something to compare


def test_a_decay_that_is_learned_stays_between_0_and_1():
    """Though the objective pulls it beyond: it asks for fast weights as large as can be."""
    net = FastWeightRNN(2, 4, 1, decay=0.9)
    optimizer, x = torch.optim.SGD([net.logit_decay], lr=100.0), torch.randn(2, 5, 2)
    for _ in range(30):
        state = net.initial_state(2)
        for x_t in x.unbind(1):
            state = net.step(state, x_t)
        optimizer.zero_grad()
        (-state[1].square().sum()).backward()
        optimizer.step()
    assert 0.99 < net.decay.item() <= 1


@pytest.mark.covers("Primer, Equation 47")
@pytest.mark.parametrize("start", [-0.01, 0.01])
def test_completing_patterns_makes_plasticity_hebbian_whatever_its_sign_was(start):
    torch.manual_seed(0)
    net = FastWeightRNN(12, 12, 12, clamped=True, g=0.0, bias=False, plasticity=start)
    net.W_r.requires_grad_(False)  # only η and λ are learned
    assert learned_rate(net, PatternCompletion(12, 2, repeats=1, cue_steps=2)) > 0.02


@pytest.mark.covers("Primer, Equation 47")
@pytest.mark.parametrize("start", [-0.01, 0.01])
@pytest.mark.parametrize("report, sign", [("new", -1), ("familiar", 1)])
def test_whether_to_respond_to_what_is_new_or_familiar_decides_the_sign_of_plasticity(report, sign, start):
    """Rates are never negative, and the output is a positive multiple of their mean: a sign cannot be undone elsewhere."""
    torch.manual_seed(0)
    net = FastWeightRNN(20, 40, 1, plasticity=start, activation=lambda c: torch.tanh(c).relu(), g=0.0)
    for W in (net.W_r, net.W_x, net.W_y):
        W.requires_grad_(False)  # only η, λ and biases are learned
    net.W_y.fill_(5 / 40)
    assert sign * learned_rate(net, Familiarity(20, 6, report=report)) > 0.012


def learned_rate(net, task):
    """η after a short training."""
    rule = Backprop(net.to(nb.device()), squared_error)
    nb.fit(rule, task, 60, optimizer=torch.optim.Adam(rule.parameters(), lr=0.01), clip=1.0, progress=False)
    return net.plasticity.eta.item()


# The contract


@EVERY_KIND
def test_it_equals_the_loop_over_its_steps(kind):
    net, x = make(kind), double(4, 7, 3)
    assert same(net(x), by_steps(net, x))


@pytest.mark.parametrize("kind", ["Hebb", "clamped"])
def test_it_equals_the_loop_with_noise_and_a_gain_that_changes(kind):
    net, x = make(kind, sigma=0.5), double(4, 7, 3)
    net.gain = torch.rand(7, 5).double()
    noise = net.noise(4, 7, seeded())
    assert same(net(x, generator=seeded()), by_steps(net, x, noise))
    assert noise.std().item() == pytest.approx(0.5, rel=0.2)
    assert not same(net(x), net(x, generator=seeded()))


@EVERY_KIND
def test_a_run_can_be_cut_in_two(kind):
    net, x = make(kind), double(4, 7, 3)
    outputs, activity = net(x)
    state = activity[:, 3], record(net, x)["fast_weights"][:, 3]
    assert same(net(x[:, 4:], state=state), (outputs[:, 4:], activity[:, 4:]))


@pytest.mark.parametrize("kind", ["Hebb", "clamped"])
def test_one_input_can_be_given_to_all_trials(kind):
    net, x = make(kind), torch.tensor([0.5, 0.0, -1.0]).double()
    state = double(4, 5), double(4, 5, 5)
    assert same(net.step(state, x), net.step(state, x.expand(4, -1)))


def test_a_unit_that_is_inactivated_for_a_while_writes_nothing_meanwhile():
    net, x = make(dt=10.0), double(4, 7, 3)
    with inactivate(net, [1], during=(20, 50), steps=7):
        fast = record(net, x)["fast_weights"]
    before, during = fast[:, 1], fast[:, 2:5]
    for t in range(3):
        assert torch.allclose(during[:, t, 1], before[:, 1] * net.decay ** (t + 1), atol=1e-12)
    assert same([before], [record(net, x)["fast_weights"][:, 1]])


def test_trials_do_not_meet():
    net, x = make(), double(4, 7, 3)
    assert torch.allclose(net(x)[0][2:3], net(x[2:3])[0], atol=1e-12)


def test_a_silent_unit_neither_sends_nor_learns():
    net, x = make(), double(4, 7, 3)
    with lesion(net, [1]):
        outputs, activity = net(x)
        fast = record(net, x)["fast_weights"]
    assert not activity[..., 1].any() and not fast[..., 1].any() and not fast[..., 1, :].any()
    rest = [0, 2, 3, 4]
    smaller = make(plasticity=net.plasticity)
    smaller.units, smaller.gain = 4, torch.ones(4).double()
    smaller.recurrent.weight = nn.Parameter(net.W_r[rest][:, rest])
    smaller.recurrent.bias = nn.Parameter(net.b_r[rest])
    smaller.input.weight = nn.Parameter(net.W_x[rest])
    smaller.output.weight, smaller.output.bias = nn.Parameter(net.W_y[:, rest]), net.output.bias
    assert torch.allclose(smaller(x)[0], outputs, atol=1e-12)


@EVERY_KIND
def test_it_can_be_copied_pickled_and_saved(kind):
    net, x = make(kind), double(4, 7, 3)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    saved = make(kind, decay=0.3)
    saved.load_state_dict(torch.load(file))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), saved):
        assert same(other(x), net(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@EVERY_KIND
def test_it_computes_on_the_device_and_in_the_type_of_its_weights(kind, dtype, device):
    net = make(kind).to(device, dtype)
    x = torch.randn(4, 7, 3, device=device, dtype=dtype)
    outputs, activity = net(x)
    assert outputs.dtype == activity.dtype == dtype and outputs.device.type == device.type
    assert all(part.dtype == dtype and part.device.type == device.type for part in net.initial_state(2))
    assert outputs.shape == (4, 7, 2) and activity.shape == (4, 7, 5)


def test_many_networks_can_be_run_at_once_by_vmap():
    nets, x = [make() for _ in range(3)], double(4, 7, 3)
    parameters, buffers = torch.func.stack_module_state(nets)
    outputs = torch.vmap(lambda p, b: torch.func.functional_call(nets[0], (p, b), (x,))[0])(parameters, buffers)
    assert torch.allclose(outputs, torch.stack([net(x)[0] for net in nets]), atol=1e-12)


def test_the_generator_decides_the_weights():
    first, second, other = (FastWeightRNN(3, 50, 2, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.W_r, second.W_r) and not torch.equal(first.W_r, other.W_r)
    assert first.W_r.std().item() == pytest.approx(50**-0.5, rel=0.1)


def test_a_rule_of_plasticity_can_be_a_plain_function():
    net, x = make(), double(4, 6, 3)
    oja = FastWeightRNN(3, 5, 2, plasticity=lambda post, pre: 0.3 * post[..., None] * pre[..., None, :], decay=0.8)
    oja.double().load_state_dict({name: p for name, p in net.state_dict().items() if name != "plasticity.eta"})
    assert torch.allclose(oja(x)[0], net(x)[0], atol=1e-6)


def test_it_prints_its_sizes_decay_and_rate():
    assert "inputs=3, units=5, outputs=2, decay=0.8" in repr(make())
    assert "HebbianPlasticity(eta=0.3)" in repr(make())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# What it refuses


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"decay": 1.2}, "decay is λ, what is left of the fast weights after a step, from 0 to 1, got 1.2"),
        ({"decay": -0.1}, "decay is λ"),
        ({"decay": math.nan}, "decay is λ"),
        ({"decay": 1.0}, "a decay that is learned begins between 0 and 1, got 1.0: fix it with learn_decay=False"),
        ({"decay": 0}, "a decay that is learned begins between 0 and 1, got 0"),
        ({"g": -1}, "g should be a number from 0 up, got -1"),
        ({"sigma": -1}, "sigma should be a number from 0 up, got -1"),
        ({"dt": 0}, "dt, the duration of a step in ms, should be a positive number, got 0"),
        ({"activation": "step"}, "no activation function is called 'step'"),
        ({"clamped": True, "units": 2}, "need as many units: got 2 units for 3 inputs and 2 outputs"),
        ({"units": 0}, "units should be a positive integer, got 0"),
        ({"inputs": 1.5}, "inputs should be a positive integer, got 1.5"),
        ({"outputs": None}, "outputs should be a positive integer, got None"),
        ({"plasticity": lambda post, pre: post * pre}, r"\(trials, 5, 5\), got \(2, 5\) for two trials"),
        ({"plasticity": lambda post, pre: 0.1}, r"\(trials, 5, 5\), got float for two trials"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else given,
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FastWeightRNN(**{"inputs": 3, "units": 5, "outputs": 2} | arguments)


@pytest.mark.parametrize("plasticity", ["hebb", None, math.inf, math.nan])
def test_a_plasticity_that_is_neither_a_number_nor_a_function_is_refused(plasticity):
    with pytest.raises(TypeError, match="plasticity is a number, η of Hebb's rule, or a rule"):
        FastWeightRNN(3, 5, 2, plasticity=plasticity)


@pytest.mark.parametrize(
    "make_rule, message",
    [
        (lambda: HebbianPlasticity(math.nan), "eta, the rate of plasticity, should be a number, got nan"),
        (lambda: HebbianPlasticity("fast"), "eta, the rate of plasticity, should be a number, got 'fast'"),
        (lambda: PolynomialPlasticity(0), "degree should be a positive integer, got 0"),
        (lambda: NeuralPlasticity(-1), "hidden should be a positive integer, got -1"),
    ],
)
def test_bad_rules_are_refused(make_rule, message):
    with pytest.raises(ValueError, match=message):
        make_rule()


def test_activity_that_explodes_is_reported():
    net = FastWeightRNN(2, 4, 1, activation="relu", plasticity=5.0)
    with pytest.raises(FloatingPointError, match="the activity is NaN or infinite after 60 steps"):
        net(torch.ones(2, 60, 2) * 10)


@pytest.mark.parametrize("shape", [(4, 7, 2), (4, 7), (0, 7, 3), (4, 0, 3)])
def test_inputs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="with one trial and one step or more"):
        FastWeightRNN(3, 5, 2)(torch.zeros(shape))


def test_inputs_of_another_type_are_refused():
    with pytest.raises(TypeError, match=r"x.to\(torch.float32\)"):
        FastWeightRNN(3, 5, 2)(double(4, 7, 3))


@pytest.mark.parametrize("state", [torch.zeros(4, 5), (torch.zeros(4, 5),), None, [torch.zeros(4, 5)] * 2])
def test_a_state_that_is_no_pair_is_refused(state):
    with pytest.raises(TypeError, match=r"is a tuple of two tensors, \(r, A\), got"):
        FastWeightRNN(3, 5, 2).step(state, torch.zeros(4, 3))


@pytest.mark.parametrize("r, A", [((4, 5), (4, 5)), ((5,), (5, 5)), ((3, 5), (3, 5, 5)), ((4, 6), (4, 6, 6)), ((), ())])
def test_a_state_of_another_shape_is_refused(r, A):
    with pytest.raises(ValueError, match=r"A, trials × 5 × 5, for 4 trials, got"):
        FastWeightRNN(3, 5, 2)(torch.zeros(4, 7, 3), state=(torch.zeros(r), torch.zeros(A)))


def test_a_step_with_an_input_of_another_size_is_refused():
    net = FastWeightRNN(3, 5, 2)
    with pytest.raises(ValueError, match=r"a step takes an input, trials × 3, got \(4, 2\)"):
        net.step(net.initial_state(4), torch.zeros(4, 2))


def test_gains_that_do_not_fit_are_refused():
    net = FastWeightRNN(3, 5, 2)
    net.gain = torch.ones(6, 5)
    with pytest.raises(ValueError, match="the network's gain is given for 6 steps, but the inputs have 7"):
        net(torch.zeros(4, 7, 3))
    with pytest.raises(ValueError, match=r"gain changes in time: give the step's own"):
        net.step(net.initial_state(4), torch.zeros(4, 3))
    net.gain = torch.ones(5).double()
    with pytest.raises(TypeError, match=r"gain should be a tensor of the weights' type, torch.float32, got"):
        net(torch.zeros(4, 7, 3))
