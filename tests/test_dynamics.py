"""Fixed points, linearisation, lesions, PCA, choice regression, demixing: against theory, numpy and scikit-learn."""

import itertools
import math

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import sklearn.decomposition
import torch
from torch import nn

from nnbrain.analysis import (
    FixedPoints,
    choice_regression,
    demixed_components,
    fixed_points,
    inactivate,
    lesion,
    line_attractor,
    linearize,
    pca,
)
from nnbrain.networks import RNN, LowRankRNN

N = 64
ALPHA = 0.2


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def overlap(gain):
    """The positive solution of m = tanh(gain m)."""
    return scipy.optimize.brentq(lambda m: math.tanh(gain * m) - m, 1e-3, 1)


PATTERNS = torch.from_numpy(scipy.linalg.hadamard(N)[1:4]).double()  # orthogonal, of ±1: a 3-bit memory


def hopfield(r, beta=1.5):
    """(1 − α) r + α tanh(β Σ ξ (ξ·r) / N), in any precision."""
    xi = PATTERNS.to(r)
    return (1 - ALPHA) * r + ALPHA * torch.tanh(beta * r @ xi.T @ xi / N)


def flip_flop_states(starts, seed=0):
    return (normal(starts, 3, seed=seed) @ PATTERNS + 0.3 * normal(starts, N, seed=seed + 100)).float()


def ring(r, size, gain=4.0):
    """Cosine connectivity and tanh: the bump may stand anywhere."""
    angle = 2 * torch.pi * torch.arange(size, dtype=r.dtype) / size
    W = gain / size * torch.cos(angle[:, None] - angle)
    return (1 - ALPHA) * r + ALPHA * torch.tanh(r @ W.T)


def bump(positions, size):
    return torch.cos(positions[:, None] - 2 * torch.pi * torch.arange(size) / size).double()


def matched(a, b, atol=1e-9):
    """Whether every row of a is among those of b, and the other way round."""
    near = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist") < atol
    return bool(near.any(0).all() and near.any(1).all())


# Fixed points


@pytest.mark.covers("Primer, Equation 34")
@pytest.mark.parametrize("w", [0.5, 1.5, 3.0])
def test_fixed_points_of_one_unit_are_the_roots_of_its_equation(w):
    points = fixed_points(lambda r: torch.tanh(w * r), torch.linspace(-2, 2, 20).unsqueeze(1))
    roots = [0.0] if w <= 1 else [-overlap(w), 0.0, overlap(w)]
    assert points.fixed.all()
    assert np.allclose(sorted(points.states.flatten().tolist()), roots, rtol=0, atol=1e-10)


@pytest.mark.covers("Primer, Equation 32", "Primer, Equation 34")
def test_every_fixed_point_of_a_flip_flop_network_is_found_from_1024_states():
    """All those that searches from other states find together."""
    points = fixed_points(hopfield, flip_flop_states(1024))
    others = torch.cat([fixed_points(hopfield, flip_flop_states(1024, seed)).states for seed in range(1, 6)])
    assert points.fixed.all() and points.q.max() < 1e-20
    assert matched(points.states, others)


@pytest.mark.covers("Primer, Equation 33")
def test_patterns_are_fixed_points_with_the_overlap_of_mean_field_theory():
    """r = m ξ with m = tanh(β m); along a pattern the slope is 1 − α + αβ (1 − m²), and at 0 three directions are unstable."""
    points = fixed_points(hopfield, torch.cat([PATTERNS, -PATTERNS, torch.zeros(1, N).double()]))
    m, zero = overlap(1.5), torch.zeros(1, N)
    assert matched(points.states, torch.cat([m * PATTERNS, -m * PATTERNS, zero]))
    for states, unstable, eigenvalues in zip(points.states, points.unstable, points.eigenvalues, strict=True):
        slope = 1.5 * (1 - (0 if states.norm() < 1 else m) ** 2)
        assert torch.allclose(eigenvalues[:3].real, torch.full((3,), 1 - ALPHA + ALPHA * slope).double(), atol=1e-9)
        assert unstable == (3 if slope > 1 else 0)


@pytest.mark.parametrize("unstable", [0, 1, 2, 3])
def test_unstable_directions_of_a_saddle_are_counted(unstable):
    """Uncoupled bistable units: a unit at 0 is unstable, one at its other roots is stable."""
    at = overlap(2.0) * torch.tensor([[0.0] * unstable + [1.0] * (3 - unstable)])
    points = fixed_points(lambda r: torch.tanh(2 * r), at)
    assert len(points) == 1 and points.unstable.tolist() == [unstable]


def test_a_rank_one_network_has_the_fixed_points_of_its_single_equation():
    """κ = ⟨n tanh(m κ)⟩, solved by bisection."""
    net = LowRankRNN(2, 100, 1, rank=1, activation="tanh", generator=seeded(1))
    with torch.no_grad():
        net.n.copy_(2 * net.m + 0.5 * net.n)
    m, n = (p.detach().double().flatten().numpy() for p in (net.m, net.n))
    kappa = scipy.optimize.brentq(lambda k: (n * np.tanh(m * k)).mean() - k, 0.1, 10)
    points = fixed_points(net, torch.linspace(-3, 3, 21)[:, None] * net.m.T, x=torch.zeros(2))
    found = points.states @ torch.from_numpy(n) / 100
    assert np.allclose(sorted(found.tolist()), [-kappa, 0, kappa], rtol=0, atol=1e-9)
    assert sorted(points.unstable.tolist()) == [0, 0, 1]


def test_points_of_a_ring_attractor_stay_apart_and_have_one_marginal_direction():
    size = 128
    positions = torch.linspace(0, 2 * torch.pi, 31)[:-1]
    points = fixed_points(lambda r: ring(r, size), bump(positions, size))
    assert len(points) == 30
    assert torch.allclose(points.eigenvalues[:, 0].abs(), torch.ones(30).double(), rtol=0, atol=1e-6)
    assert not points.unstable.any() and (points.eigenvalues[:, 1].abs() < 0.99).all()


def ghost(r):
    """A saddle-node that has just gone, at 0 (the first unit drifts on), in a stable second dimension."""
    drift = 3e-3 + r[:, :1] ** 2
    return torch.cat([r[:, :1] + drift, 0.5 * r[:, 1:]], dim=1)


def test_a_point_that_is_slow_but_not_fixed_is_called_slow():
    points = fixed_points(ghost, torch.tensor([[0.5, 1.0], [-0.7, 0.3]]))
    assert len(points) == 1 and not points.fixed.any()
    assert torch.allclose(points.states, torch.zeros(1, 2).double(), atol=1e-4)
    assert points.q.item() == pytest.approx(9e-6, rel=1e-6)


def test_a_minimum_of_q_that_is_not_slow_is_not_reported():
    points = fixed_points(ghost, torch.tensor([[0.5, 1.0]]), slow_tolerance=1e-6)
    assert len(points) == 0 and points.reached.tolist() == [-1]


def leaky_line(r):
    """A line attractor that leaks by 1 % a step, in a fast plane."""
    return r * torch.tensor([0.99, 0.5, -0.2]).to(r)


def test_slow_directions_are_followed_to_the_fixed_point_unless_asked_not_to():
    starts = torch.tensor([[-1.0, 0.3, 0.2], [0.5, -0.3, 0.1], [1.0, 0.1, 0.0]])
    assert len(fixed_points(leaky_line, starts)) == 1
    line = fixed_points(leaky_line, starts, slow_rate=0.05, slow_tolerance=1e-3)
    assert torch.allclose(line.states[line.reached], starts.double() * torch.tensor([1.0, 0, 0]), atol=1e-7)
    assert not line.fixed.any()


def test_a_single_start_is_enough():
    one, batch = (fixed_points(hopfield, starts) for starts in (PATTERNS[0], PATTERNS[:1]))
    assert one.states.shape == (1, N)
    assert torch.equal(one.states, batch.states)


def test_starts_are_never_changed():
    starts = flip_flop_states(20)
    before = starts.clone()
    fixed_points(hopfield, starts)
    assert torch.equal(starts, before)


def test_single_precision_starts_of_a_module_end_in_double_precision():
    cell = nn.RNNCell(2, 10)
    net = _Stepper(cell)
    points = fixed_points(net, torch.zeros(1, 10), x=torch.zeros(2))
    assert points.states.dtype == torch.float64 and points.q.max() < 1e-20
    assert cell.weight_hh.dtype == torch.float32 and cell.weight_hh.requires_grad and cell.weight_hh.grad is None


def test_what_was_found_can_be_searched_from_again():
    """In double precision, with a network in single precision."""
    net, x = RNN(2, 10, 1, activation="tanh", generator=seeded()), torch.zeros(2)
    points = fixed_points(net, torch.zeros(1, 10), x)
    again = fixed_points(net, points.states, x)
    assert len(again) == 1 and torch.allclose(again.states, points.states, rtol=0, atol=1e-10)


class _Stepper(nn.Module):
    """A cell of torch as a network with a step."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def step(self, state, x_t):
        return self.cell(x_t, state)


@pytest.mark.parametrize("kind", [nn.GRUCell, nn.LSTMCell])
def test_states_of_cells_of_torch_stay_where_they_are(kind):
    cell = kind(2, 6).double()
    shape = lambda: normal(10, 6).tanh()  # noqa: E731
    starts = (shape(), shape()) if kind is nn.LSTMCell else shape()
    x = normal(2, seed=1)
    points = fixed_points(lambda s, x_t: cell(x_t, s), starts, x)
    assert points.fixed.any()
    again = cell(x.expand(len(points), -1), points.states)
    pairs = zip(points.states, again, strict=True) if kind is nn.LSTMCell else [(points.states, again)]
    assert all(torch.allclose(a[points.fixed], b[points.fixed], rtol=0, atol=1e-10) for a, b in pairs)


def test_the_jacobian_of_an_lstm_is_that_of_finite_differences():
    cell, x, h = nn.LSTMCell(2, 4).double(), normal(2), 1e-6
    state = torch.cat([normal(4, seed=1), normal(4, seed=2)])

    def step(s):
        return torch.cat(cell(x.expand(len(s), -1), s.split(4, dim=1)), dim=1)

    numeric = (step(state + h * torch.eye(8).double()) - step(state - h * torch.eye(8).double())).T / (2 * h)
    found = linearize(lambda s, x_t: cell(x_t, s), state.split(4), x)
    assert torch.allclose(found.jacobian, numeric, rtol=0, atol=1e-8)


class _Square(torch.autograd.Function):
    """A function without a batched derivative."""

    @staticmethod
    def forward(ctx, s):
        ctx.save_for_backward(s)
        return s.clone().mul_(s)

    @staticmethod
    def backward(ctx, gradient):
        return torch.from_numpy(2 * ctx.saved_tensors[0].numpy() * gradient.numpy())


@pytest.mark.parametrize("starts", [5, 200])
def test_a_step_that_has_no_batched_derivative_is_searched_all_the_same(starts):
    points = fixed_points(_Square.apply, torch.rand(starts, 2, generator=seeded()) + torch.tensor([0.0, 0.6]))
    assert (
        points.fixed.any() and ((points.states[points.fixed] - points.states[points.fixed].round()).abs() < 1e-9).all()
    )


def test_eigenvalues_are_those_of_numpy():
    W = 0.3 * normal(20, 20)
    points = fixed_points(lambda r: torch.tanh(r @ W.to(r).T), 0.1 * normal(1, 20))
    theirs = np.linalg.eigvals(points.jacobians[0].numpy())
    assert np.allclose(np.sort_complex(points.eigenvalues[0].numpy()), np.sort_complex(theirs), rtol=0, atol=1e-9)
    assert (points.eigenvalues[0].abs().diff() <= 1e-12).all()


def test_eigenvalues_survive_a_solver_that_gives_up(monkeypatch):
    def fails(_):
        raise torch.linalg.LinAlgError("did not converge")

    expected = fixed_points(hopfield, PATTERNS).eigenvalues
    monkeypatch.setattr(torch.linalg, "eigvals", fails)
    assert torch.allclose(fixed_points(hopfield, PATTERNS).eigenvalues.abs(), expected.abs(), atol=1e-9)


def test_input_jacobians_are_those_of_the_step():
    """∂/∂x [(1 − α) r + α tanh(W r + U x)] = α (1 − tanh²) U."""
    net = RNN(3, 12, 2, activation="tanh", g=0.8, generator=seeded())
    x = torch.tensor([0.3, -0.2, 0.5])
    points = fixed_points(net, torch.zeros(12), x)
    rates = points.states[0]  # at a fixed point r = tanh(…)
    expected = 0.2 * (1 - rates**2)[:, None] * net.W_x.detach().double()
    assert torch.allclose(points.input_jacobians[0], expected, rtol=0, atol=1e-9)


def test_points_can_be_picked_out():
    points = fixed_points(hopfield, flip_flop_states(200))
    stable = points[points.stable]
    assert isinstance(stable, FixedPoints) and len(stable) == int((points.unstable == 0).sum()) > 0
    assert torch.equal(
        stable.states[stable.reached[stable.reached >= 0]], points.states[points.reached[stable.reached >= 0]]
    )
    assert len(points.fixed_only()) + len(points.slow_only()) == len(points)
    assert len(points[0]) == 1 and len(points[:2]) == 2 and len(points[[0, 1, 2]]) == 3


X = torch.zeros(4, N)


@pytest.mark.parametrize(
    "starts, message",
    [
        (torch.cat([X, X / 0]), r"states \[4, 5, 6, 7\] are NaN or infinite"),
        (torch.zeros(2, 3, N), r"activity.flatten\(0, 1\)"),
        (X[:0], "states are empty"),
        ((X, X[:2]), "all parts with as many points"),
    ],
)
def test_fixed_points_refuses_bad_starts(starts, message):
    with pytest.raises(ValueError, match=message):
        fixed_points(hopfield, starts)


@pytest.mark.parametrize(
    "starts, message",
    [(X.long(), "floating-point"), ([1.0], "got list"), ((X, X.double()), "of one type on one device")],
)
def test_fixed_points_refuses_starts_of_a_wrong_type(starts, message):
    with pytest.raises(TypeError, match=message):
        fixed_points(hopfield, starts)


@pytest.mark.parametrize(
    "step, options, message",
    [
        (lambda r: r[:, :3], {}, r"given \[\(4, 64\)\], it returned \[\(4, 3\)\]"),
        (lambda r: (r, r), {}, "it returned"),
        (lambda r: r / 0, {}, r"that follow starts \[0, 1, 2, 3\] are NaN"),
        (hopfield, {"tolerance": 0}, "tolerance should be a positive number"),
        (hopfield, {"iterations": 0}, "iterations should be a positive integer"),
        (lambda r, x: r, {"x": torch.zeros(4, 3)}, "each input has fixed points of its own"),
        (RNN(3, N, 1), {}, "give x, the constant input"),
    ],
)
def test_fixed_points_refuses_a_bad_step_or_option(step, options, message):
    with pytest.raises(ValueError, match=message):
        fixed_points(step, X, **options)


# Linearisation


@pytest.mark.covers("Primer, Equation 33")
def test_a_small_displacement_follows_the_linearisation():
    W, s = normal(10, 10), normal(10, seed=1)
    step = lambda r: torch.tanh(r @ W.T)  # noqa: E731
    change = 1e-5 * normal(10, seed=2)
    moved = step((s + change)[None])[0] - step(s[None])[0]
    assert torch.allclose(linearize(step, s).jacobian @ change, moved, rtol=0, atol=1e-9)


def test_left_and_right_eigenvectors_are_biorthonormal_and_diagonalise():
    W = normal(10, 10)
    found = linearize(lambda r: r @ W.T, torch.zeros(10))
    assert torch.allclose(found.left @ found.right, torch.eye(10).to(found.right), atol=1e-9)
    rebuilt = found.right @ torch.diag(found.eigenvalues) @ found.left
    assert torch.allclose(rebuilt, found.jacobian.to(rebuilt), atol=1e-9)


def test_a_defective_jacobian_has_no_left_eigenvectors():
    chain = torch.tensor([[0.5, 1.0], [0.0, 0.5]])
    with pytest.raises(ValueError, match="defective"):
        linearize(lambda r: r @ chain.to(r).T, torch.zeros(2)).left  # noqa: B018


def test_time_constants_are_those_of_the_modes():
    """A unit without connections decays with e^{−Δt/τ}: its mode has the time constant τ."""
    found = linearize(lambda r: r * torch.exp(-20 / torch.tensor([100.0, 500.0])).to(r), torch.zeros(2))
    assert torch.allclose(found.time_constants(20.0), torch.tensor([500.0, 100.0]).double(), rtol=1e-6)


def test_many_states_are_linearised_as_one_by_one():
    states = normal(5, N)
    together = linearize(hopfield, states)
    for k, state in enumerate(states):
        assert torch.allclose(linearize(hopfield, state).jacobian, together.jacobian[k], atol=1e-12)


@pytest.mark.covers("Primer, Figure 6ABC")
def test_a_line_attractor_is_found_with_the_position_of_every_point_on_it():
    """r ← v (l·r) + 0.6 (the rest), oblique: the line has the direction v, whatever l."""
    v, l = normal(20), normal(20, seed=1)  # noqa: E741
    v = v / v.norm()
    l = l / (l @ v)  # noqa: E741
    J = 0.995 * torch.outer(v, l) + 0.6 * (torch.eye(20).double() - torch.outer(v, l))
    values = torch.tensor([-1.0, -0.4, 0.1, 0.5, 0.8]).double()
    points = linearize(lambda r: r @ J.to(r).T, values[:, None] * v)
    line = line_attractor(points)
    assert torch.allclose(line.direction * (line.direction @ v), v, atol=1e-9)
    assert torch.allclose(line.positions * (line.direction @ v), values - values.mean(), atol=1e-9)
    assert torch.allclose(line.gap, torch.full((5,), 0.395).double(), atol=1e-9)
    assert torch.allclose(line.project(points.state), line.positions)


def test_a_line_attractor_needs_points():
    with pytest.raises(TypeError, match="linearize"):
        line_attractor(normal(3, 4))


# Lesions


@pytest.fixture
def net():
    return RNN(2, 8, 3, activation="tanh", g=1.5, generator=seeded())


X_TIME = torch.randn(4, 10, 2, generator=seeded(7))


def smaller(net, kept):
    """The network with no other units than these."""
    new = RNN(2, len(kept), 3, activation="tanh")
    with torch.no_grad():
        new.recurrent.weight.copy_(net.W_r[kept][:, kept])
        new.input.weight.copy_(net.W_x[kept])
        new.input.bias.copy_(net.b_r[kept])
        new.output.weight.copy_(net.W_y[:, kept])
        new.output.bias.copy_(net.b_y)
    return new


@pytest.mark.parametrize("units", [2, [2], torch.tensor([2]), slice(2, 3), torch.arange(8) == 2, np.array([2])])
def test_a_network_with_lesioned_units_is_the_network_without_them(net, units):
    kept = [0, 1, 3, 4, 5, 6, 7]
    with lesion(net, units):
        outputs, activity = net(X_TIME)
    expected_outputs, expected = smaller(net, kept)(X_TIME)
    assert torch.allclose(outputs, expected_outputs, atol=1e-6) and torch.allclose(
        activity[..., kept], expected, atol=1e-6
    )
    assert not activity[..., 2].any()


def test_cut_connections_are_weights_of_zero(net):
    targets, sources = [0, 1, 2], slice(4, 8)
    with lesion(net, connections=(targets, sources)):
        found = net(X_TIME)[1]
    with torch.no_grad():
        net.recurrent.weight[:3, 4:] = 0
    assert torch.allclose(found, net(X_TIME)[1], atol=1e-6)


def test_lesions_within_lesions_add_up(net):
    with lesion(net, [1, 4]):
        both = net(X_TIME)[0]
    with lesion(net, 1), lesion(net, 4):
        nested = net(X_TIME)[0]
    assert torch.equal(both, nested)


def test_before_an_inactivation_nothing_differs_and_during_it_the_units_are_silent(net):
    with inactivate(net, [0, 5], during=(60, 120), steps=10):
        found = net(X_TIME)[1]
    plain = net(X_TIME)[1]
    assert torch.allclose(found[:, :3], plain[:, :3], atol=1e-6)
    assert not found[:, 3:6, [0, 5]].any() and (found[:, 6:, [0, 5]] != 0).all()


def test_an_inactivation_of_the_whole_trial_is_a_lesion(net):
    ends = {"during": (0, 200), "steps": 10}
    for units, connections in (([1, 2], None), (None, ([0], slice(None)))):
        with inactivate(net, units, connections=connections, **ends):
            short = net(X_TIME)[0]
        with lesion(net, units, connections=connections):
            assert torch.allclose(net(X_TIME)[0], short, atol=1e-6)


def test_a_lesion_holds_within_an_inactivation(net):
    with lesion(net, 3), inactivate(net, 5, during=(0, 40), steps=10, strength=0.5):
        gain = net.gain
    assert not gain[:, 3].any()
    assert gain[:, 5].tolist() == [0.5] * 2 + [1.0] * 8


@pytest.mark.parametrize("harm", ["nothing", "replaces", "changes in place", "deletes", "fails"])
def test_a_network_is_what_it_was_whatever_happened_inside(net, harm):
    gain, connections, outputs = net.gain.clone(), net.connection_gain, net(X_TIME)[0]
    try:
        with lesion(net, [0], connections=(1, 2)):
            if harm == "replaces":
                net.gain, net.connection_gain = torch.zeros(10, 8), torch.zeros(8, 8)
            elif harm == "changes in place":
                net.gain.zero_()
            elif harm == "deletes":
                del net.gain
            elif harm == "fails":
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert torch.equal(net.gain, gain) and net.connection_gain is connections
    assert torch.equal(net(X_TIME)[0], outputs) and "gain" in dict(net.named_buffers())
    assert "gain" not in net.state_dict()


@pytest.mark.parametrize(
    "units, message",
    [
        (8, "there is no unit 8: this network has 8, numbered from 0 to 7"),
        (-1, "there is no unit -1"),
        ([0, 12], "there is no unit 12"),
        ([], "no unit is named"),
        (slice(8, 9), "no unit is named"),
        (torch.zeros(8, dtype=torch.bool), "no unit is named"),
        (torch.ones(5, dtype=torch.bool), r"should be \(8,\)"),
        (None, "nothing to lesion"),
    ],
)
def test_lesion_refuses_units_that_are_not_there(net, units, message):
    with pytest.raises(ValueError, match=message), lesion(net, units):
        pass


@pytest.mark.parametrize(
    "network, units, message",
    [
        (nn.Linear(2, 2), [0], "buffer `gain`"),
        (RNN(2, 8, 3), [0.5], "units should be numbers"),
        (RNN(2, 8, 3), "all", "units should be numbers"),
    ],
)
def test_lesion_refuses_what_it_cannot_lesion(network, units, message):
    with pytest.raises(TypeError, match=message), lesion(network, units):
        pass


@pytest.mark.parametrize("during", [(200, 300), (50, 50), (45, 55), (float("nan"), 50), 50])
def test_inactivate_refuses_a_time_in_which_nothing_happens(net, during):
    with pytest.raises(ValueError, match=r"no step begins|\(start, end\)"), inactivate(net, 0, during=during, steps=10):
        pass


# PCA


@pytest.mark.covers("Primer, Figure 6ABC")
def test_principal_components_are_those_of_scikit_learn():
    activity = normal(6, 20, 10) @ normal(10, 10, seed=1)
    samples = activity.flatten(0, 1).numpy()
    theirs = sklearn.decomposition.PCA(3).fit(samples)
    ours = pca(activity, 3)
    assert np.allclose(ours.explained, theirs.explained_variance_ratio_)
    assert np.allclose(ours.project(activity).abs(), np.abs(theirs.transform(samples)).reshape(6, 20, 3))


def test_all_components_together_reconstruct_the_activity():
    activity = normal(6, 20, 10)
    space = pca(activity)
    assert torch.allclose(space.reconstruct(space.project(activity)), activity)
    assert space.explained.sum() == pytest.approx(1)


def test_the_sign_of_a_component_does_not_depend_on_that_of_the_activity():
    activity = normal(50, 8)
    assert torch.allclose(pca(activity).components, pca(-activity).components)


def test_masked_steps_do_not_count():
    activity, mask = normal(6, 20, 10), torch.ones(6, 20)
    mask[:, 15:] = 0
    expected = pca(activity[:, :15]).components
    activity[:, 15:] = torch.nan
    assert torch.allclose(pca(activity, mask=mask).components, expected)


@pytest.mark.parametrize(
    "activity, options, message",
    [
        (torch.ones(5, 3), {}, "constant"),
        (normal(5, 3), {"components": 4}, "from 1 to 3"),
        (normal(5, 3) / 0, {}, "NaN or infinite"),
        (normal(5, 4, 3), {"mask": torch.ones(5)}, "mask should be"),
        (normal(3), {}, "at least two axes"),
    ],
)
def test_pca_refuses_bad_input(activity, options, message):
    with pytest.raises(ValueError, match=message):
        pca(activity, **options)


# Choice regression


def task_variables(trials=400):
    sign = lambda seed: normal(trials, seed=seed).sign()  # noqa: E731
    return {"choice": sign(1), "motion": normal(trials, seed=2), "colour": normal(trials, seed=3)}


def encode(variables, patterns, courses, noise=0.1):
    """Activity that is a sum of variables, each with a pattern over units and a course over time."""
    x = torch.stack(list(variables.values()), dim=1)
    r = torch.einsum("kv, vt, vn -> ktn", x, courses, patterns)
    return 5 + r + noise * normal(*r.shape, seed=9)


def test_regression_recovers_the_encoding_and_its_time():
    variables, patterns, courses = (
        task_variables(),
        normal(3, 30, seed=4),
        torch.rand(3, 10, generator=seeded()).double(),
    )
    found = choice_regression(encode(variables, patterns, courses, noise=0.0), variables, standardize=False)
    assert torch.allclose(found.coefficients, courses[:, :, None] * patterns[:, None], atol=1e-9)
    assert torch.equal(found.times, courses.argmax(1))


def test_coefficients_are_those_of_least_squares():
    variables = task_variables(60)
    activity = normal(60, 5, 7)
    x = torch.stack([*variables.values(), torch.ones(60).double()], dim=1)
    expected = torch.linalg.lstsq(x, activity.flatten(1)).solution[:-1].reshape(3, 5, 7)
    assert torch.allclose(choice_regression(activity, variables, standardize=False).coefficients, expected, atol=1e-9)


def test_axes_are_orthonormal_and_the_first_is_the_variable_itself():
    variables, patterns = task_variables(), normal(3, 30, seed=4)
    found = choice_regression(encode(variables, patterns, torch.ones(3, 4).double(), 0.0), variables, standardize=False)
    assert torch.allclose(found.axes @ found.axes.T, torch.eye(3).double(), atol=1e-9)
    assert torch.allclose(found.axes[0], patterns[0] / patterns[0].norm(), atol=1e-9)


def test_projections_on_an_axis_follow_its_variable():
    variables, patterns = task_variables(), normal(3, 30, seed=4)
    activity = encode(variables, patterns, torch.ones(3, 4).double())
    projected = choice_regression(activity, variables, components=10).project(activity)
    along = torch.corrcoef(torch.stack([projected[:, 2, 2], variables["colour"]]))[0, 1]
    assert projected.shape == (400, 4, 3) and along > 0.99


def test_activity_without_time_is_regressed_as_a_single_time():
    variables, activity = task_variables(60), normal(60, 7)
    flat, timed = choice_regression(activity, variables), choice_regression(activity[:, None], variables)
    assert flat.coefficients.shape == (3, 7)
    assert torch.equal(flat.coefficients, timed.coefficients[:, 0])


def test_times_that_too_few_trials_reach_have_no_coefficients():
    variables, activity, mask = task_variables(60), normal(60, 5, 7), torch.ones(60, 5)
    mask[2:, 3] = 0
    mask[:30, 1] = 0
    found = choice_regression(activity, variables, mask=mask, standardize=False)
    half = choice_regression(activity[30:], {k: v[30:] for k, v in variables.items()}, standardize=False)
    assert found.coefficients[:, 3].isnan().all()
    assert torch.allclose(found.coefficients[:, 1], half.coefficients[:, 1], atol=1e-9)


V = task_variables(20)


@pytest.mark.parametrize(
    "variables, message",
    [
        (V | {"twice": 2 * V["choice"] - V["motion"]}, "cannot be told apart"),
        (V | {"same": torch.ones(20)}, "'same' is 1.0 in all trials"),
        (V | {"short": torch.ones(3)}, "each of the 20 trials"),
        (V | {"nan": V["choice"] / 0 * 0}, "NaN or infinite"),
    ],
)
def test_choice_regression_refuses_bad_variables(variables, message):
    with pytest.raises(ValueError, match=message):
        choice_regression(normal(20, 5, 7), variables)


# Demixing


def factorial(repeats=3):
    """stimulus (4) × choice (2), each combination several times."""
    pairs = torch.tensor(list(itertools.product(range(4), range(2)))).repeat(repeats, 1)
    return {"stimulus": pairs[:, 0], "choice": pairs[:, 1]}


def mixed(factors, seed=4):
    """Each marginalisation along a pattern of its own; the patterns are not orthogonal."""
    s, c = factors["stimulus"].double() - 1.5, 2 * factors["choice"].double() - 1
    t = torch.linspace(-1, 1, 9).double()
    courses = {"time": (0 * s + 1)[:, None] * 2 * t, "stimulus": s[:, None] * (1 + t), "choice": c[:, None] * t**2}
    patterns = normal(3, 20, seed=seed)
    return sum(course[:, :, None] * patterns[k] for k, course in enumerate(courses.values())), courses


def test_marginal_variances_sum_to_the_total_and_are_those_of_numpy():
    factors = factorial()
    activity = normal(24, 9, 20)
    found = demixed_components(activity, factors)
    means = np.zeros((4, 2, 9, 20))
    for s, c in itertools.product(range(4), range(2)):
        means[s, c] = activity[(factors["stimulus"] == s) & (factors["choice"] == c)].mean(0)
    centred = means - means.mean((0, 1, 2))
    time = centred.mean((0, 1))
    stimulus = centred.mean(1) - time
    assert sum(found.variance.values()) == pytest.approx(1)
    assert list(found.variance) == ["time", "stimulus", "choice", "stimulus × choice"]
    assert found.variance["time"] == pytest.approx(8 * (time**2).sum() / (centred**2).sum())
    assert found.variance["stimulus"] == pytest.approx(2 * (stimulus**2).sum() / (centred**2).sum())


@pytest.mark.parametrize("name", ["time", "stimulus", "choice"])
def test_a_decoder_reads_out_its_own_marginalisation_only(name):
    """Whereas the projection on the pattern itself is mixed, as the patterns are not orthogonal."""
    factors = factorial()
    activity, courses = mixed(factors)
    found = demixed_components(activity, factors, components=1, regularization=1e-10)
    read, course = found.project(activity, name)[..., 0], courses[name] - courses[name].mean()
    assert abs(torch.corrcoef(torch.stack([read.flatten(), course.flatten()]))[0, 1]) > 0.999999
    assert found.explained[name].sum() == pytest.approx(
        found.explained[name][0, list(found.variance).index(name)].item(), rel=1e-5
    )


def test_a_combination_counts_once_however_many_trials_it_has():
    factors = factorial(1)
    activity = normal(8, 9, 20)
    more = torch.tensor([0, 0, 0, *range(8)])
    once = demixed_components(activity, factors)
    often = demixed_components(activity[more], {name: labels[more] for name, labels in factors.items()})
    assert often.variance == pytest.approx(once.variance)


def test_activity_without_time_has_no_marginalisation_of_time():
    assert list(demixed_components(normal(24, 20), factorial()).variance) == ["stimulus", "choice", "stimulus × choice"]


@pytest.mark.parametrize(
    "factors, message",
    [
        ({k: v.clone().fill_(0) for k, v in factorial().items()}, "in all trials"),
        ({"a": torch.arange(24) // 12, "b": torch.arange(24) // 12}, "2 of the 4 combinations .* a = 0, b = 1"),
        ({"a": torch.arange(3)}, "each of the 24 trials"),
    ],
)
def test_demixing_refuses_what_is_no_design(factors, message):
    with pytest.raises(ValueError, match=message):
        demixed_components(normal(24, 9, 20), factors)
