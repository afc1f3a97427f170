"""Deep linear networks: a hierarchy of concepts, its modes, and learning curves that follow the exact solution."""

import numpy as np
import pytest
import torch

from nnbrain import fit
from nnbrain.analysis import exact_mode_strengths, linear_map, mode_strengths
from nnbrain.learning import Backprop, StepOptimizer, sgd_step
from nnbrain.networks import MLP, align_modes, mask_weights
from nnbrain.objectives import squared_error
from nnbrain.tasks import HierarchicalConcepts

SHAPES = [(1, 2), (2, 2), (3, 2), (2, 3), (1, 5)]
shapes = pytest.mark.parametrize(("levels", "branching"), SHAPES)


@shapes
def test_an_item_has_the_properties_on_its_way_down_the_tree(levels, branching):
    task = HierarchicalConcepts(levels, branching)
    nodes = [(level, n) for level in range(levels + 1) for n in range(branching**level)]
    expected = [[n == item // branching ** (levels - level) for item in range(branching**levels)] for level, n in nodes]
    assert task.matrix.cpu().tolist() == [[float(has) for has in row] for row in expected]
    assert len(task.items) == len(set(task.items)) == branching**levels
    assert len(task.properties) == len(set(task.properties)) == len(nodes)


@shapes
def test_the_modes_are_the_singular_value_decomposition(levels, branching):
    task = HierarchicalConcepts(levels, branching)
    U, s, V, _ = task.modes
    n = len(s)
    torch.testing.assert_close(U * s @ V.T, task.matrix)
    torch.testing.assert_close(U.T @ U, torch.eye(n).to(U), atol=1e-5, rtol=0)
    torch.testing.assert_close(V.T @ V, torch.eye(n).to(V), atol=1e-5, rtol=0)
    torch.testing.assert_close(s, torch.linalg.svdvals(task.matrix), atol=1e-5, rtol=1e-5)


@shapes
def test_the_broader_a_distinction_the_stronger_its_mode(levels, branching):
    """sₗ² = 1 + b + … + bᴸ⁻ˡ, for each of the bˡ − bˡ⁻¹ distinctions of level l."""
    _, s, _, level = HierarchicalConcepts(levels, branching).modes
    for n in range(levels + 1):
        squares = s[level == n] ** 2
        assert len(squares) == (branching**n - branching ** (n - 1) if n else 1)
        torch.testing.assert_close(squares, torch.full_like(squares, sum(branching**k for k in range(levels - n + 1))))


def test_the_classical_tree_has_its_names():
    task = HierarchicalConcepts()
    canary = task.all().targets[task.items.index("canary")]
    named = [name for name, has in zip(task.properties, canary, strict=True) if has]
    assert named == ["grows", "moves", "has wings", "sings"]
    assert HierarchicalConcepts(2).items == ["canary", "salmon", "oak", "rose"]


def test_conditions_tell_the_branches():
    conditions = HierarchicalConcepts(3).all().conditions
    assert conditions["branch 1"].tolist() == [0] * 4 + [1] * 4
    assert conditions["branch 2"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert list(conditions) == ["item", "branch 1", "branch 2"]


def test_an_answer_is_correct_if_every_property_is_on_the_right_side():
    task = HierarchicalConcepts(2)
    batch = task.all()
    outputs = batch.targets * 0.2 + 0.4
    outputs[1, 0] = 0.3  # nothing grows
    assert task.score(outputs, batch).tolist() == [True, False, True, True]


@pytest.mark.parametrize("arguments", [(0,), (2, 1), (2.5,), (13, 2)])
def test_trees_that_are_none_are_refused(arguments):
    with pytest.raises(ValueError, match=r"(levels|branching) should be"):
        HierarchicalConcepts(*arguments)


# Learning


def learned(network, task, steps, rate):
    """The strengths of the modes while a network learns by plain gradient descent, and the steps at which they were measured."""
    rule = Backprop(network, squared_error)
    history = fit(
        rule,
        Doubles(task),
        steps,
        trials=len(task),
        optimizer=StepOptimizer(rule.parameters(), sgd_step, rate=rate),
        measure={"strengths": lambda net: mode_strengths(net, task)},
        every=max(1, steps // 40),
        progress=False,
    )
    return history.measured_at, torch.from_numpy(history["strengths"])


class Doubles:
    """A task in float64."""

    def __init__(self, task):
        self.task = task

    def sample(self, trials, generator=None):
        return self.task.sample(trials, generator).to(torch.float64)


@pytest.mark.covers("Primer, Equation 5")
@pytest.mark.parametrize(("hidden", "steps"), [([], 2400), ([16], 1500), ([10, 12], 2000)])
def test_learning_follows_the_exact_solution_within_one_percent(hidden, steps):
    task, rate, u0 = HierarchicalConcepts(3), 0.01, 0.02
    network = MLP([8, *hidden, 15], "linear", bias=False).double()
    U, s, V, _ = task.modes
    if hidden:
        align_modes(network, U, V, u0, generator=torch.Generator().manual_seed(0))
    else:
        network.layers[0].weight.data = u0 * (U @ V.T).double()
    at, strengths = learned(network, task, steps, rate)
    exact = exact_mode_strengths(at, s, u0, tau=len(task) / rate, layers=len(hidden) + 1)
    assert strengths[-1, 0] / s[0].cpu() > 0.94  # it does learn
    assert ((strengths - exact).abs() / s.cpu()).max() < 0.01


def test_from_small_random_weights_the_strong_modes_are_learned_first():
    task = HierarchicalConcepts(3)
    network = MLP([8, 16, 15], "linear", bias=False, generator=torch.Generator().manual_seed(1)).double()
    for layer in network.layers:
        layer.weight.data *= 0.01
    at, strengths = learned(network, task, 4000, 0.02)
    level = task.modes.level.cpu()
    half = torch.tensor(
        [at[int((u > s / 2).nonzero()[0])] for u, s in zip(strengths.T, task.modes.s.cpu(), strict=True)]
    )
    for n in range(3):
        assert half[level == n].max() < half[level == n + 1].min()


def test_the_sigmoid_is_the_formula_of_saxe_and_solves_its_equation():
    t, s, u0, tau = torch.linspace(0, 30, 301).double(), torch.tensor([1.0, 2.0]).double(), 0.01, 3.0
    u = exact_mode_strengths(t, s, u0, tau)
    grown = (2 * s * t.unsqueeze(1) / tau).exp()
    torch.testing.assert_close(u, s * grown / (grown - 1 + s / u0))
    half = tau * (s / u0 - 1).log() / (2 * s)
    torch.testing.assert_close(exact_mode_strengths(half, s, u0, tau).diagonal(), s / 2)


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_the_curve_of_any_depth_solves_its_differential_equation(layers):
    t, s, tau = np.linspace(0, 8, 4001), np.array([0.7, 1.5]), 2.0
    u = exact_mode_strengths(t, s, [0.1, 0.2], tau, layers=layers).numpy()
    middle = u[1:-1]
    slope = (u[2:] - u[:-2]) / (t[2] - t[0])
    np.testing.assert_allclose(u[0], [0.1, 0.2])
    np.testing.assert_allclose(tau * slope, layers * middle ** (2 - 2 / layers) * (s - middle), atol=2e-5)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_times_may_come_in_any_order(layers):
    forwards = exact_mode_strengths([0.0, 1.0, 2.0], [1.0, 2.0], 0.1, layers=layers)
    backwards = exact_mode_strengths([2.0, 0.0, 1.0, 1.0], [1.0, 2.0], 0.1, layers=layers)
    torch.testing.assert_close(backwards, forwards[[2, 0, 1, 1]])


@pytest.mark.parametrize("layers", [2, 3])
def test_long_times_do_not_overflow(layers):
    assert exact_mode_strengths([1e5], [5.0], 1e-3, layers=layers).item() == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([-1.0], [1.0], 0.1), "times should be finite and from 0 up"),
        (([1.0], [0.0], 0.1), "s and u0 should be above 0"),
        (([1.0], [1.0], 0.0), "a mode that begins at 0 stays there"),
        ((1.0, [1.0], 0.1), r"t should be \(times,\)"),
        (([1.0], [1.0, 2.0], [0.1, 0.1, 0.1]), "s .modes,., and u0 .modes,. or one number"),
        (([1.0], [1.0], 0.1, 0.0), "tau should be a positive number"),
    ],
)
def test_curves_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        exact_mode_strengths(*arguments)


# Networks and their modes


@pytest.mark.parametrize("hidden", [[9], [8, 20, 11]])
def test_aligned_weights_are_balanced_and_have_the_modes_in_equal_strength(hidden):
    task = HierarchicalConcepts(3)
    network = MLP([8, *hidden, 15], "linear", bias=False).double()
    U, _, V, _ = task.modes
    align_modes(network, U, V, 0.03)
    torch.testing.assert_close(linear_map(network), 0.03 * (U @ V.T).double(), atol=1e-7, rtol=0)
    for before, after in zip(network.layers[:-1], network.layers[1:], strict=True):
        torch.testing.assert_close(after.weight.T @ after.weight, before.weight @ before.weight.T, atol=1e-6, rtol=0)


def test_the_same_generator_aligns_the_same_weights():
    U, _, V, _ = HierarchicalConcepts(2).modes
    first, second = (MLP([4, 6, 7], "linear", bias=False) for _ in range(2))
    for network in (first, second):
        align_modes(network, U, V, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first.layers[0].weight, second.layers[0].weight)


def test_strengths_of_many_maps_at_once_are_those_of_each():
    task, maps = HierarchicalConcepts(2), torch.randn(3, 5, 7, 4)
    U, _, V, _ = task.modes
    expected = [[torch.diag(U.T.cpu() @ W @ V.cpu()) for W in row] for row in maps]
    torch.testing.assert_close(mode_strengths(maps, task), torch.stack([torch.stack(row) for row in expected]))
    torch.testing.assert_close(mode_strengths(task.matrix, task.modes), task.modes.s)


def test_what_has_no_modes_is_refused():
    with pytest.raises(TypeError, match="the modes U and V come from a task like HierarchicalConcepts"):
        mode_strengths(torch.zeros(7, 4), "tree")


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"outputs × inputs, \(…, 7, 4\), got \(4, 7\)"):
        mode_strengths(torch.zeros(4, 7), HierarchicalConcepts(2))


@pytest.mark.parametrize("network", [MLP([4, 5, 7], "relu", bias=False), MLP([4, 5, 7], "linear")])
def test_a_network_that_is_not_linear_has_no_map(network):
    with pytest.raises(ValueError, match="this network is not linear"):
        linear_map(network)


def test_a_network_without_layers_has_no_map():
    with pytest.raises(TypeError, match="a network with linear layers"):
        linear_map(torch.nn.Linear(4, 7))


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (MLP([4, 7], "linear", bias=False), TypeError, "two or more linear layers without biases"),
        (MLP([4, 5, 7], "linear"), TypeError, "two or more linear layers without biases"),
        (
            MLP([4, 3, 7], "linear", bias=False),
            ValueError,
            "4 modes need as many units in each hidden layer, got one with 3",
        ),
        (MLP([5, 6, 7], "linear", bias=False), ValueError, r"U and V should be outputs × modes and inputs × modes"),
    ],
)
def test_networks_that_cannot_be_aligned_are_refused(network, error, message):
    U, _, V, _ = HierarchicalConcepts(2).modes
    with pytest.raises(error, match=message):
        align_modes(network, U, V)


@pytest.mark.parametrize("factor", [2.0, 0.0, float("nan")])
def test_modes_that_are_not_orthonormal_are_refused(factor):
    modes = HierarchicalConcepts().modes
    with pytest.raises(ValueError, match="columns of U should be orthonormal"):
        align_modes(MLP([8, 16, 15], "linear", bias=False), factor * modes.U, modes.V)


def test_modes_that_are_no_tensors_are_refused():
    modes = HierarchicalConcepts().modes
    with pytest.raises(TypeError, match="V should be a tensor"):
        align_modes(MLP([8, 16, 15], "linear", bias=False), modes.U, None)


def test_sparse_weights_are_not_aligned():
    network, modes = MLP([8, 16, 15], "linear", bias=False), HierarchicalConcepts().modes
    mask_weights(network.layers[0], torch.ones(16, 8))
    with pytest.raises(ValueError, match="parametrized"):
        align_modes(network, modes.U, modes.V)


def test_a_map_of_integers_is_refused():
    with pytest.raises(TypeError, match="floating"):
        mode_strengths(torch.ones(15, 8, dtype=torch.int64), HierarchicalConcepts())


def test_a_network_that_is_linear_only_near_0_is_refused():
    network = MLP([8, 16, 15], "tanh", bias=False)
    with torch.no_grad():
        for layer in network.layers:
            layer.weight.mul_(0.01)
    with pytest.raises(ValueError, match="not linear"):
        linear_map(network)


@pytest.mark.parametrize(("t", "s", "u0"), [(None, 1.0, 0.1), ([1.0], "a", 0.1), ([1.0], [], 0.1), ([1.0], 1.0, [])])
def test_courses_of_no_numbers_are_refused(t, s, u0):
    with pytest.raises(ValueError, match="should be"):
        exact_mode_strengths(t, s, u0)


def test_the_course_of_a_trainable_strength_needs_no_gradient():
    assert exact_mode_strengths([0.0, 1.0], torch.ones(2, requires_grad=True), 0.1, layers=3).shape == (2, 2)
