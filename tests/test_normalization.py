"""Normalization: against torch's own layers, Equation 37 written out, and what follows from it for contrast and competition."""

import copy
import math
import re

import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import record
from nnbrain.learning import Backprop
from nnbrain.networks import DivisiveNormalization, LayerNorm
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Digits

EXPONENTS = pytest.mark.parametrize("n", [0.5, 1, 2, 3.5, 50])


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def drives(*shape):
    return torch.rand(shape, dtype=torch.float64) + 0.05


def gradients(layer, x, parameters):
    """Those of something that depends on every output, with respect to the input and the parameters."""
    x = x.clone().requires_grad_()
    y = layer(x)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum() + (y**3).sum()
    return [g.flatten() for g in torch.autograd.grad(loss, [x, *parameters])]


# Layer normalization


def grouped(layer: LayerNorm, groups: int):
    return lambda x: layer(x.unflatten(1, (groups, -1))).flatten(1, 2)


def against_torch(name: str):
    """A layer of ours, the call that does what torch's does, torch's, and an input's shape."""
    ours, theirs, shape = {
        "layer": (LayerNorm(6), nn.LayerNorm(6), (4, 6)),
        "layer in time": (LayerNorm(6), nn.LayerNorm(6), (4, 5, 6)),
        "image": (LayerNorm((6, 3, 2), pool=(-3, -2, -1)), nn.LayerNorm((6, 3, 2)), (4, 6, 3, 2)),
        "instance": (LayerNorm((6, 1, 1), pool=(-2, -1)), nn.InstanceNorm2d(6, affine=True), (4, 6, 3, 2)),
        "group": (LayerNorm((2, 3, 1, 1), pool=(-3, -2, -1)), nn.GroupNorm(2, 6), (4, 6, 3, 2)),
        "batch": (LayerNorm(6, pool=0), nn.BatchNorm1d(6), (4, 6)),
        "batch of images": (LayerNorm((6, 1, 1), pool=(0, -2, -1)), nn.BatchNorm2d(6), (4, 6, 3, 2)),
    }[name]
    with torch.no_grad():
        for mine, other in ((ours.gamma, theirs.weight), (ours.beta, theirs.bias)):
            other.normal_()
            mine.copy_(other.view_as(mine))
    return ours, grouped(ours, 2) if name == "group" else ours, theirs, shape


KINDS = pytest.mark.parametrize(
    "name", ["layer", "layer in time", "image", "instance", "group", "batch", "batch of images"]
)


@pytest.mark.covers("Primer, Equations 21-23")
@KINDS
def test_each_pool_gives_the_method_of_torch_that_bears_its_name(name):
    ours, call, theirs, shape = against_torch(name)
    x = 3 * torch.randn(shape) + 1
    assert torch.allclose(call(x), theirs(x), atol=1e-6)
    assert torch.allclose(call(100 + x), theirs(100 + x), atol=1e-4)
    ours.double(), theirs.double()
    assert torch.allclose(call(x.double()), theirs(x.double()), atol=1e-12)


@pytest.mark.covers("Primer, Equations 21-23")
@KINDS
def test_each_pool_has_the_gradient_of_torchs_method(name):
    ours, call, theirs, shape = against_torch(name)
    ours.double(), theirs.double()
    x = double(*shape)
    mine, other = gradients(call, x, [ours.gamma, ours.beta]), gradients(theirs, x, [theirs.weight, theirs.bias])
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(mine, other, strict=True))


@pytest.mark.covers("Primer, Equations 21-23")
def test_layer_norm_is_equations_21_to_23_unit_by_unit():
    layer, x = LayerNorm(5, eps=0.3).double(), double(3, 5)
    nn.init.normal_(layer.gamma), nn.init.normal_(layer.beta)
    y, gamma, beta = (part.detach() for part in (layer(x), layer.gamma, layer.beta))
    for k in range(3):
        mu = sum(float(x[k, j]) for j in range(5)) / 5
        sigma = math.sqrt(sum((float(x[k, j]) - mu) ** 2 for j in range(5)) / 5 + 0.3)
        for i in range(5):
            expected = float(gamma[i]) * (float(x[k, i]) - mu) / sigma + float(beta[i])
            assert math.isclose(float(y[k, i]), expected, abs_tol=1e-12)


def test_sigma_is_a_standard_deviation_so_that_the_answer_has_that_of_gamma_and_the_mean_of_beta():
    layer = LayerNorm(1, eps=1e-12).double()
    with torch.no_grad():
        layer.gamma.fill_(2.5), layer.beta.fill_(-0.7)
    y = layer(7 * double(20, 30) + 40)
    assert torch.allclose(y.mean(-1), torch.full((20,), -0.7, dtype=torch.float64))
    assert torch.allclose(y.std(-1, correction=0), torch.full((20,), 2.5, dtype=torch.float64))


def test_layer_norm_does_not_see_the_mean_or_the_scale_of_its_input():
    layer, x = LayerNorm(30, eps=1e-14).double(), double(4, 30)
    assert torch.allclose(layer(5 * x + 3), layer(x), atol=1e-10)


def test_a_trial_is_normalized_by_itself_unless_the_pool_has_the_trials():
    x = double(4, 6)
    changed = torch.cat([x[:1], 9 * double(3, 6)])
    for pool, alone in ((-1, True), (0, False)):
        layer = LayerNorm(6, pool=pool).double()
        assert torch.allclose(layer(changed)[0], layer(x)[0]) is alone


def test_constant_inputs_give_beta_and_finite_gradients():
    layer, x = LayerNorm(6), torch.ones(3, 6, requires_grad=True)
    layer(x).sum().backward()
    assert torch.equal(layer(x), torch.zeros(3, 6))
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"shape": 0}, "each of shape should be a positive integer, got 0"),
        ({"shape": (3, 1.5)}, "each of shape should be a positive integer, got 1.5"),
        ({"shape": "six"}, "each of shape should be a positive integer, got 's'"),
        ({"shape": 6, "eps": 0.0}, "eps should be a positive number, got 0.0"),
        ({"shape": 6, "pool": "units"}, "pool should be an axis, -1 for units, or several different ones, got 'units'"),
        ({"shape": 6, "pool": ()}, r"or several different ones, got \(\)"),
        ({"shape": 6, "pool": (-1, -1)}, r"several different ones, got \(-1, -1\)"),
        ({"shape": 6, "pool": 0.5}, "pool should be an axis"),
        ({"shape": 6, "pool": True}, "pool should be an axis"),
        ({"shape": 6, "pool": None}, "pool should be an axis"),
    ],
)
def test_bad_layer_norms_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LayerNorm(**arguments)


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (LayerNorm(6), (4, 5), r"γ and β of shape \(6,\), which the last axes of its input .* got \(4, 5\)"),
        (LayerNorm((6, 1, 1)), (4, 6), r"of shape \(6, 1, 1\).* got \(4, 6\)"),
        (LayerNorm(6, pool=2), (4, 6), r"the pool is over the axes \(2,\), got an input of shape \(4, 6\)"),
        (LayerNorm(6, pool=(1, -1)), (4, 6), r"the pool is over the axes \(1, -1\)"),
        (LayerNorm(1), (4, 1), r"the pool \(-1,\) of an input of shape \(4, 1\) has a single value"),
        (LayerNorm(6, pool=0), (1, 6), "has a single value: without its mean nothing is left"),
        (LayerNorm(6, pool=0), (0, 6), r"the pool over the axes \(0,\) is empty"),
    ],
)
def test_layer_norm_refuses_what_does_not_fit(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(torch.zeros(shape))


@pytest.mark.parametrize("layer", [LayerNorm(6), DivisiveNormalization(pool=torch.ones(6, 6))], ids=["layer", "pool"])
def test_inputs_of_another_type_are_refused(layer):
    with pytest.raises(TypeError, match=r"computes in torch.float32, got inputs in torch.float64"):
        layer(double(4, 6))


# Divisive normalization: its equation


@pytest.mark.covers("Primer, Equation 37")
def test_with_exponent_1_it_is_equation_37():
    layer, drive = DivisiveNormalization(gamma=3.0, sigma=0.7, activation="tanh"), drives(4, 6)
    r = layer(drive)
    for k in range(4):
        for i in range(6):
            expected = math.tanh(3.0 * float(drive[k, i]) / (sum(float(d) for d in drive[k]) + 0.7))
            assert math.isclose(float(r[k, i]), expected, rel_tol=1e-12)


@EXPONENTS
def test_with_weights_it_is_the_general_equation(n):
    w, drive = torch.rand(6, 6, dtype=torch.float64), drives(4, 6)
    layer = DivisiveNormalization(gamma=3.0, sigma=0.7, exponent=n, pool=w)
    r = layer(drive)
    for k in range(4):
        for i in range(6):
            pooled = sum(float(w[i, j]) * float(drive[k, j]) ** n for j in range(6))
            assert math.isclose(float(r[k, i]), 3.0 * float(drive[k, i]) ** n / (0.7**n + pooled), rel_tol=1e-10)


@pytest.mark.parametrize("pool", [-3, 1, (-2, -1), (-3, -2, -1), 0, (0, 1)])
def test_the_pool_may_be_any_axes_of_an_image(pool):
    drive = drives(4, 5, 3, 2)
    pooled = drive.square().sum(pool, keepdim=True)
    expected = drive.square() / (0.25 + pooled)
    assert torch.allclose(DivisiveNormalization(sigma=0.5, exponent=2, pool=pool)(drive), expected, rtol=1e-12)


@EXPONENTS
def test_weights_of_1_are_the_pool_of_all_units(n):
    drive = drives(4, 6)
    everyone = DivisiveNormalization(exponent=n, pool=torch.ones(6, 6, dtype=torch.float64))
    assert torch.allclose(everyone(drive), DivisiveNormalization(exponent=n)(drive), rtol=1e-12)


def test_weights_of_integers_are_taken():
    drive = torch.rand(4, 6)
    everyone = DivisiveNormalization(pool=torch.ones(6, 6, dtype=torch.long))
    assert torch.allclose(everyone(drive), DivisiveNormalization()(drive))


def test_units_outside_of_a_pool_have_no_effect_on_it():
    """Two pools of three units each; and what drives one, however strongly, leaves the other alone."""
    layer = DivisiveNormalization(exponent=20, pool=torch.block_diag(torch.ones(3, 3), torch.ones(3, 3)))
    drive = torch.rand(4, 6)
    changed = torch.cat([drive[:, :3], 1e6 * drive[:, 3:]], 1)
    assert torch.allclose(layer(changed)[:, :3], layer(drive)[:, :3])
    assert torch.allclose(layer(changed)[:, 3:], DivisiveNormalization(exponent=20)(changed[:, 3:]))


def test_negative_drives_count_as_0():
    drive = double(4, 6)
    layer = DivisiveNormalization(exponent=2)
    assert torch.equal(layer(drive), layer(drive.clamp(min=0)))
    assert torch.equal(layer(-drive.abs()), torch.zeros_like(drive))


# What follows from it


@EXPONENTS
@pytest.mark.covers("Primer, Equation 37")
def test_a_unit_that_is_driven_alone_answers_half_of_gamma_at_sigma(n):
    layer = DivisiveNormalization(gamma=40.0, sigma=0.3, exponent=n)
    drive = torch.zeros(1, 6, dtype=torch.float64)
    drive[0, 2] = 0.3
    assert float(layer(drive)[0, 2]) == pytest.approx(20.0, rel=1e-14)


@EXPONENTS
@pytest.mark.covers("Primer, Equation 37")
def test_contrast_responses_saturate_at_gamma_with_the_slope_of_naka_and_rushton(n):
    """r = γ cⁿ/(σⁿ + cⁿ): log(r/(γ − r)) is a straight line of slope n over log c."""
    layer = DivisiveNormalization(gamma=2.0, sigma=0.3, exponent=n)
    c = 0.3 * torch.logspace(-0.1, 0.1, 9, dtype=torch.float64)
    r = layer(c[:, None])[:, 0]
    slopes = torch.log(r / (2.0 - r)).diff() / torch.log(c).diff()
    assert torch.allclose(slopes, torch.full((8,), float(n), dtype=torch.float64), rtol=1e-6)
    assert float(layer(torch.full((1, 1), 1e12, dtype=torch.float64))) == pytest.approx(2.0, rel=1e-5)


def test_ratios_of_answers_do_not_depend_on_contrast():
    """So that a population keeps its tuning: only the sum of all answers grows with contrast."""
    layer, drive = DivisiveNormalization(exponent=2), drives(1, 6)
    shares = [r / r.sum() for r in layer(torch.tensor([[0.1], [1.0], [10.0]], dtype=torch.float64) * drive)]
    assert torch.allclose(shares[0], shares[1]) and torch.allclose(shares[1], shares[2])
    totals = layer(torch.tensor([[0.1], [1.0], [10.0]], dtype=torch.float64) * drive).sum(1)
    assert totals[0] < totals[1] < totals[2] < 1.0


def test_a_mask_that_does_not_drive_a_unit_suppresses_it_as_if_contrast_were_lower():
    """Cross-orientation suppression: a mask m moves the semi-saturation to (σⁿ + mⁿ)^(1/n), a shift on the axis of log contrast."""
    layer = DivisiveNormalization(sigma=0.3, exponent=2)
    c = torch.linspace(0.05, 1, 20, dtype=torch.float64)
    masked = layer(torch.stack([c, torch.full_like(c, 0.4)], 1))[:, 0]
    shifted = DivisiveNormalization(sigma=0.5, exponent=2)(c[:, None])[:, 0]
    assert torch.allclose(masked, shifted, rtol=1e-12)
    assert (masked < layer(c[:, None])[:, 0]).all()


def test_as_the_exponent_grows_the_winner_takes_all():
    """With the others at a fraction q of the strongest, it gets at least 1 / (1 + (σ/I)ⁿ + (N − 1) qⁿ)."""
    drive = torch.tensor([[2.0, 1.8, 1.5, 1.0]], dtype=torch.float64)
    winner = []
    for n in (1, 2, 4, 8, 16, 64):
        r = DivisiveNormalization(exponent=n)(drive)[0]
        assert float(r[0]) >= 1 / (1 + 0.5**n + 3 * 0.9**n) - 1e-12
        winner.append(float(r[0]))
    assert winner == sorted(winner) and winner[0] < 0.3 and winner[-1] > 0.99


# Its numbers


@pytest.mark.parametrize("pool", [-1, torch.ones(4, 4)], ids=["axis", "weights"])
@pytest.mark.parametrize("largest", [1e-30, 1.0, 1e3, 1e30])
@EXPONENTS
def test_single_precision_suffices_for_any_drive(n, largest, pool):
    drive = largest * torch.tensor([[1.0, 0.9, 1e-3, 0.0]])
    logs = n * drive.double().log()
    total = torch.cat([logs, torch.zeros(1, 1)], 1).logsumexp(1, keepdim=True)  # σ = 1
    r = DivisiveNormalization(exponent=n, pool=pool)(drive)
    assert torch.allclose(r.double(), (logs - total).exp(), rtol=1e-4, atol=1e-37)


@pytest.mark.parametrize("pool", [-1, torch.ones(4, 4)], ids=["axis", "weights"])
@pytest.mark.parametrize("learn", [False, True], ids=["fixed", "learned"])
@EXPONENTS
def test_gradients_are_finite_at_0_and_for_large_drives(n, learn, pool):
    layer = DivisiveNormalization(exponent=n, pool=pool, learn=learn)
    drive = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1e3, 0.0, 999.0, -1.0]], requires_grad=True)
    layer(drive)[:, [1, 2]].sum().backward()
    assert torch.isfinite(drive.grad).all()
    assert all(torch.isfinite(p.grad) for p in layer.parameters())


@pytest.mark.parametrize("pool", [-1, "weights"])
@EXPONENTS
def test_gradients_are_those_of_finite_differences(n, pool):
    """Also of γ and σ: what numerator and denominator are divided by to stay in range takes no part."""
    pool = torch.rand(4, 4, dtype=torch.float64) if pool == "weights" else pool
    layer = DivisiveNormalization(gamma=1.5, sigma=0.8, exponent=n, pool=pool, learn=True).double()
    drive = drives(3, 4).requires_grad_()

    def answer(drive, log_gamma, log_sigma):
        return torch.func.functional_call(layer, {"log_gamma": log_gamma, "log_sigma": log_sigma}, (drive,))

    torch.autograd.gradcheck(answer, (drive, layer.log_gamma, layer.log_sigma))


def test_learned_gamma_and_sigma_are_recovered_from_contrast_responses():
    c = torch.logspace(-2, 0.5, 30).unsqueeze(1)
    wanted = DivisiveNormalization(gamma=3.0, sigma=0.2, exponent=2)(c)
    layer = DivisiveNormalization(exponent=2, learn=True)
    optimizer = torch.optim.LBFGS(layer.parameters(), lr=0.1, max_iter=200)

    def closure():
        optimizer.zero_grad()
        loss = (layer(c) - wanted).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        found = [float(layer.gamma), float(layer.sigma)]
    assert found == pytest.approx([3.0, 0.2], rel=1e-3)


def test_without_learn_there_is_nothing_to_learn():
    assert list(DivisiveNormalization().parameters()) == []


# As a part of a network


@pytest.mark.parametrize(
    "layer",
    [
        LayerNorm(32),
        DivisiveNormalization(gamma=10.0, exponent=2),
        DivisiveNormalization(gamma=10.0, pool=torch.ones(32, 32), learn=True),
    ],
    ids=["layer", "divisive", "divisive, learned"],
)
def test_it_plugs_into_a_network_that_then_learns(layer, device):
    net = nn.Sequential(nn.Linear(64, 32), copy.deepcopy(layer), nn.Linear(32, 10)).to(device)
    history = nb.fit(
        Backprop(net, cross_entropy),
        Digits("train"),
        steps=150,
        optimizer=torch.optim.Adam(net.parameters(), lr=1e-2),
        progress=False,
    )
    assert history["loss"][-20:].mean() < 0.5 < 2.0 < history["loss"][0]


def test_record_sees_the_normalized_activity():
    net = nn.Sequential(nn.Linear(6, 6), DivisiveNormalization(activation="relu"))
    x = torch.randn(5, 6)
    recorded = record(net, x)
    assert torch.equal(recorded["1.f"], recorded["outputs"])
    assert (recorded["1"].sum(1) < 1).all()


@pytest.mark.parametrize(
    "layer",
    [LayerNorm(6), DivisiveNormalization(pool=torch.rand(6, 6)), DivisiveNormalization(learn=True)],
    ids=["layer", "weights", "learned"],
)
def test_copies_and_loaded_states_do_the_same(layer, device):
    layer = copy.deepcopy(layer).to(device)
    for p in layer.parameters():
        nn.init.normal_(p)
    x = torch.randn(4, 6, device=device)
    other = copy.deepcopy(layer)
    for part in (*other.parameters(), *other.buffers()):
        part.data.zero_()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))
    assert layer.double()(x.double()).dtype == torch.float64


def test_printing_tells_the_settings():
    shown = repr(DivisiveNormalization(gamma=2, sigma=0.5, exponent=3, pool=(-2, -1), learn=True))
    assert "gamma=2, sigma=0.5, exponent=3, pool=(-2, -1)" in shown
    assert "pool=(6, 6) weights" in repr(DivisiveNormalization(pool=torch.ones(6, 6)))
    assert "(6,), pool=(-1,)" in repr(LayerNorm(6))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"gamma": 0.0}, "gamma should be a positive number, got 0.0"),
        ({"sigma": 0}, "sigma should be a positive number, got 0"),
        ({"sigma": -1.0}, "sigma should be a positive number, got -1.0"),
        ({"exponent": math.inf}, "exponent should be a positive number, got inf"),
        ({"exponent": "two"}, "exponent should be a positive number, got 'two'"),
        ({"pool": "channels"}, "pool should be an axis, -1 for units"),
        ({"pool": torch.ones(3, 4)}, r"the weights of a pool are units × units, got shape \(3, 4\)"),
        ({"pool": torch.ones(3)}, r"units × units, got shape \(3,\)"),
        ({"pool": torch.ones(0, 0)}, r"units × units, got shape \(0, 0\)"),
        ({"pool": -torch.ones(3, 3)}, "the weights of a pool should be numbers from 0 up"),
        ({"pool": torch.full((3, 3), math.nan)}, "the weights of a pool should be numbers from 0 up"),
        ({"activation": "step"}, "no activation function is called 'step'"),
    ],
)
def test_bad_divisive_normalizations_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DivisiveNormalization(**arguments)


@pytest.mark.parametrize(
    "layer, drive, error, message",
    [
        (DivisiveNormalization(), [1.0, 2.0], TypeError, "expects a tensor, got list"),
        (DivisiveNormalization(), torch.ones(3, dtype=torch.long), TypeError, "floating-point number, got torch.int64"),
        (DivisiveNormalization(learn=True), double(3, 4), TypeError, "computes in torch.float32"),
        (DivisiveNormalization(pool=-3), torch.ones(3, 4), ValueError, "the pool is over the axes (-3,)"),
        (DivisiveNormalization(), torch.ones(3, 0), ValueError, "the pool over the axes (-1,) is empty"),
        (
            DivisiveNormalization(pool=torch.ones(4, 4)),
            torch.ones(3, 5),
            ValueError,
            "weights for 4 units, got a drive",
        ),
    ],
)
def test_drives_that_do_not_fit_are_refused(layer, drive, error, message):
    with pytest.raises(error, match=re.escape(message)):
        layer(drive)
