"""What notebook 18 says of learning rules: what a step is worth, where rules stand, and which are gradients of anything."""

import copy

import pytest
import torch
from torch import nn

from nnbrain import learning
from nnbrain.analysis import equilibrium_gradient, estimator_statistics, jacobian_asymmetry, rule_field
from nnbrain.networks import MLP, ContinuousHopfield
from nnbrain.objectives import cross_entropy, squared_error
from nnbrain.tasks import Batch

REST = {"steps": 2000, "tolerance": 1e-12}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def network():
    return MLP([6, 5, 3], "tanh", generator=generator()).double()


@pytest.fixture
def batch():
    draw = generator(1)
    return Batch(torch.randn(30, 6, generator=draw).double(), torch.randint(3, (30,), generator=draw))


def rules(network):
    return {
        "backprop": learning.Backprop(network, cross_entropy),
        "sign symmetry": learning.SignSymmetric(network, cross_entropy),
        "feedback alignment": learning.FeedbackAlignment(network, cross_entropy, generator=generator(2)),
        "AGREL": learning.AttentionGated(network, generator=generator(3)),
        "nodes": learning.NodePerturbation(network, cross_entropy, generator=generator(4)),
        "weights": learning.WeightPerturbation(network, cross_entropy, generator=generator(5)),
    }


def improvement(network, batch, change, length):
    """ΔF = −ΔL of a step of this length along a change of all weights."""
    moved = copy.deepcopy(network)
    theta = nn.utils.parameters_to_vector(network.parameters())
    nn.utils.vector_to_parameters(theta + length * change / change.norm(), moved.parameters())
    with torch.no_grad():
        return float(cross_entropy(network, batch) - cross_entropy(moved, batch))


def wanted(rule, batch):
    """ΔW, all weights in one vector."""
    return -torch.cat([part.detach().flatten() for part in rule.estimate(batch)[1]])


def with_feedback(network, gain=0.3):
    net = ContinuousHopfield(network.sizes, "tanh", feedback_gain=gain).double()
    net.load_state_dict(network.state_dict())
    return net


@pytest.mark.covers("Framework, Box 1")
@pytest.mark.parametrize("name", ["backprop", "sign symmetry", "feedback alignment", "AGREL", "nodes", "weights"])
def test_a_short_step_gains_its_inner_product_with_the_gradient(network, batch, name):
    change, ascent = wanted(rules(network)[name], batch), wanted(rules(network)["backprop"], batch)
    slope = float(change @ ascent / change.norm())
    errors = [abs(improvement(network, batch, change, length) - length * slope) for length in (1e-2, 1e-3)]
    assert errors[0] < 0.05 * 1e-2 * float(ascent.norm())
    assert errors[1] < errors[0] / 50  # of second order: a hundredth


@pytest.mark.covers("Framework, Box 1")
def test_no_short_step_gains_more_than_one_along_the_gradient(network, batch):
    gains = {name: improvement(network, batch, wanted(rule, batch), 1e-3) for name, rule in rules(network).items()}
    assert max(gains, key=gains.get) == "backprop"


@pytest.mark.covers("Framework, Figure 2")
def test_backprop_stands_at_the_origin_and_random_feedback_has_bias_only(network, batch):
    made = rules(network)
    exact, aligned = (estimator_statistics(made[name], batch) for name in ("backprop", "feedback alignment"))
    assert exact.bias < 1e-6 and exact.variance == 0
    assert aligned.bias > 0.3 and aligned.variance < 1e-9


@pytest.mark.covers("Framework, Figure 2")
def test_perturbation_has_variance_only_and_that_of_weights_has_more(network, batch):
    found = {
        name: estimator_statistics(rules(network)[name], batch, 2000, confidence=0.999)
        for name in ("nodes", "weights", "AGREL")
    }
    assert all(s.bias_interval[0] == 0 and s.cosine > 0.9 for s in found.values())
    count = sum(p.numel() for p in network.parameters())
    low, high = found["weights"].variance_interval
    assert low < count + 1 < high
    assert found["weights"].variance > 5 * found["nodes"].variance


@pytest.mark.covers("Framework, Figure 2")
@pytest.mark.parametrize("order, symmetric", [(1, False), (2, True)])
def test_the_bias_of_equilibrium_propagation_is_a_matter_of_its_pull(network, batch, order, symmetric):
    net = with_feedback(network)
    exact = equilibrium_gradient(net, cross_entropy, batch, **REST)

    def bias(pull):
        rule = learning.EquilibriumPropagation(net, cross_entropy, nudge=pull, symmetric=symmetric, **REST)
        return estimator_statistics(rule, batch, reference=exact).bias

    assert bias(0.04) / bias(0.01) == pytest.approx(4**order, rel=0.25)


def pair_of_weights():
    """Two weights in a row, y = w₂ w₁ x, which should give back x = 1: the error is 1 − w₁ w₂."""
    network, one = MLP([1, 1, 1], "linear", bias=False).double(), torch.ones(1, 1).double()
    aligner = learning.FeedbackAlignment(network, squared_error)
    aligner.feedback[0].fill_(1.0)
    lesson = Batch(one, one)
    return rule_field(learning.Backprop(network, squared_error), lesson), rule_field(aligner, lesson)


def balance(w):
    """The stronger of two weights in a row gets weaker, and the weaker one stronger."""
    return (w[0] ** 2 - w[1] ** 2) * torch.stack([-w[0], w[1]])


@pytest.mark.covers("Framework, Figure 3")
def test_balancing_is_at_a_right_angle_to_the_gradient_and_is_another_gradient():
    climb, _ = pair_of_weights()
    for w in torch.randn(20, 2, generator=generator()).double():
        assert abs(balance(w) @ climb(w)) < 1e-12
        assert jacobian_asymmetry(balance, w) < 1e-7


@pytest.mark.covers("Framework, Figure 3")
def test_feedback_alignment_first_gets_worse_and_still_arrives():
    climb, align = pair_of_weights()
    w = torch.tensor([0.3, -1.0]).double()
    cosines, errors = [], []
    for _ in range(800):
        change = align(w)
        cosines.append(float(change @ climb(w)))
        errors.append(abs(float(1 - w[0] * w[1])))
        w = w + 0.01 * change
    assert cosines[0] < 0 and max(errors) > errors[0] + 0.1
    assert errors[-1] < 1e-2
    assert float(w[1] - w[0] ** 2 / 2) == pytest.approx(-1.0 - 0.3**2 / 2, abs=0.02)  # on its parabola


@pytest.mark.covers("Framework, Figure 3")
def test_backprop_of_two_weights_is_a_gradient_and_feedback_alignment_is_none():
    climb, align = pair_of_weights()
    at = torch.tensor([0.5, 0.2]).double()
    assert jacobian_asymmetry(climb, at) < 1e-7
    assert jacobian_asymmetry(align, at) > 0.1


@pytest.mark.covers("Framework, Figure 3")
@pytest.mark.parametrize("kind", ["equilibrium propagation", "contrastive Hebbian", "predictive coding"])
def test_rules_that_settle_are_biased_and_yet_the_gradient_of_something(kind):
    network, draw = MLP([3, 3, 2], "tanh", generator=generator()).double(), generator(1)
    lesson = Batch(torch.randn(5, 3, generator=draw).double(), torch.randn(5, 2, generator=draw).double())
    net = network if kind == "predictive coding" else with_feedback(network)
    rule = {
        "equilibrium propagation": lambda: learning.EquilibriumPropagation(
            net, squared_error, nudge=1.0, symmetric=False, **REST
        ),
        "contrastive Hebbian": lambda: learning.ContrastiveHebbian(net, squared_error, **REST),
        "predictive coding": lambda: learning.SupervisedPredictiveCoding(net, squared_error, **REST),
    }[kind]()
    exact = None if kind == "predictive coding" else equilibrium_gradient(net, squared_error, lesson, **REST)
    at = nn.utils.parameters_to_vector(net.parameters()).detach()
    assert estimator_statistics(rule, lesson, reference=exact).bias > 0.03
    assert jacobian_asymmetry(rule_field(rule, lesson), at) < 1e-6


@pytest.mark.covers("Framework, Figure 3")
def test_unequal_learning_rates_break_the_symmetry_and_other_units_restore_it(network, batch):
    field = rule_field(learning.Backprop(network, cross_entropy), batch)
    at = nn.utils.parameters_to_vector(network.parameters()).detach()
    rates = torch.linspace(1, 4, len(at)).double()
    units = rates.sqrt()
    assert jacobian_asymmetry(lambda w: rates * field(w), at) > 0.03
    assert jacobian_asymmetry(lambda u: units * field(units * u), at / units) < 1e-6
