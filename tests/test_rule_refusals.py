"""What learning rules, their networks and their analyses refuse, and that nothing stays behind on a network."""

import math

import pytest
import torch
from torch import nn

from nnbrain.analysis import (
    equilibrium_gradient,
    estimator_statistics,
    gradient_angles,
    jacobian_asymmetry,
    modulator_angles,
    rule_field,
)
from nnbrain.learning import (
    RFLO,
    RTRL,
    AttentionGated,
    Backprop,
    DendriticErrors,
    FeedbackAlignment,
    KolenPollack,
    NodePerturbation,
    Reinforce,
    SupervisedPredictiveCoding,
    WeightPerturbation,
)
from nnbrain.networks import MLP, RNN, ContinuousHopfield, DendriticMicrocircuit
from nnbrain.objectives import Objective, fisher_information, l2, squared_error
from nnbrain.tasks import Batch, OrientationDiscrimination


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _batch(trials=6):
    g = _generator(1)
    return Batch(torch.randn(trials, 4, generator=g), torch.randint(3, (trials,), generator=g))


def _mlp():
    return MLP([4, 5, 3], "tanh", generator=_generator())


@pytest.mark.parametrize(
    "use",
    [
        lambda net: WeightPerturbation(net, squared_error)(_batch()),
        lambda net: WeightPerturbation(net, squared_error).estimates(_batch(), 3),
        lambda net: AttentionGated(net).trial(_batch()),
        lambda net: fisher_information(net, _batch()),
    ],
)
def test_a_layer_in_two_places_keeps_its_weights(use):
    layer = nn.Linear(4, 4)
    net = nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 3))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    use(net)
    assert net[0].weight is layer._parameters["weight"] and isinstance(net[0].weight, nn.Parameter)
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters())


def test_weights_that_two_layers_share_are_perturbed_together():
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False), nn.Linear(4, 3)).double()
    net[1].weight = net[0].weight
    rule = WeightPerturbation(net, squared_error, size=1e-6, serial=True, generator=_generator())
    batch = _batch().to(torch.float64)
    found = estimator_statistics(rule, batch, 3000)
    assert found.bias_interval[0] < 0.05


def test_gradients_of_weights_that_are_not_taught_are_cleared():
    net = DendriticMicrocircuit([4, 5, 3], generator=_generator())
    DendriticErrors(net, squared_error)(_batch())
    DendriticErrors(net, forward=False)(_batch())
    assert all(p.grad is None for p in net.layers.parameters())
    assert all(p.grad is not None for p in net.interneurons.parameters())


def test_seeds_and_tuples_are_refused_at_the_door():
    for make in (FeedbackAlignment, RFLO, NodePerturbation, WeightPerturbation):
        with pytest.raises(TypeError, match=r"generator should be a torch\.Generator"):
            make(_mlp(), squared_error, generator=0)
    with pytest.raises(TypeError, match="a rule learns from a Batch"):
        Backprop(_mlp(), squared_error)((torch.zeros(2, 4), torch.zeros(2, 3)))


def test_a_point_in_another_precision_is_refused():
    net = _mlp()
    theta = nn.utils.parameters_to_vector(net.parameters()).detach()
    with pytest.raises(TypeError, match=r"network.double\(\)"):
        jacobian_asymmetry(rule_field(Backprop(net, squared_error), _batch()), theta.double())
    with pytest.raises(TypeError, match="takes a learning rule"):
        rule_field(net, _batch())
    with pytest.raises(ValueError, match="frozen"):
        rule_field(Backprop(net.requires_grad_(False), squared_error), _batch())


def test_a_field_leaves_batch_statistics_as_they_were():
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    theta = nn.utils.parameters_to_vector(net.parameters()).detach()
    rule_field(Backprop(net, squared_error), _batch())(theta)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("reference", [0.5, "backprop", [1, 2, 3, 4]])
def test_references_that_are_none_are_refused(reference):
    with pytest.raises(ValueError, match="the reference should have one tensor"):
        estimator_statistics(Backprop(_mlp(), squared_error), _batch(), reference=reference)


def test_an_infinite_reference_is_refused():
    rule = Backprop(_mlp(), squared_error)
    with pytest.raises(ValueError, match="not finite"):
        estimator_statistics(rule, _batch(), reference=[torch.full_like(p, math.inf) for p in rule.parameters()])


def test_the_equilibrium_gradient_without_hidden_layer_is_backprop():
    net, mlp = ContinuousHopfield([4, 3]), MLP([4, 3])
    mlp.load_state_dict(net.state_dict())
    exact = Backprop(mlp, squared_error).estimate(_batch())[1]
    for found, g in zip(equilibrium_gradient(net, squared_error, _batch()), exact, strict=True):
        torch.testing.assert_close(found, g)


def test_equilibrium_gradient_refuses_at_the_door():
    net = ContinuousHopfield([4, 5, 3])
    constant = Objective(lambda outputs, activity, batch, network: torch.zeros(len(batch)))
    with pytest.raises(TypeError, match="objective should be an Objective"):
        equilibrium_gradient(net, None, _batch())
    with pytest.raises(ValueError, match="depends neither"):
        equilibrium_gradient(net, constant, _batch())
    with pytest.raises(ValueError, match="equilibrium_gradient has the gradient"):
        Backprop(net, squared_error)(_batch())
    with pytest.raises(ValueError, match="frozen"):
        equilibrium_gradient(net.requires_grad_(False), squared_error, _batch())


def test_a_target_that_is_nan_does_not_pass_for_rest():
    net, x = ContinuousHopfield([4, 5, 3]), _batch().inputs
    state = net.relax(x, tolerance=0.0, steps=5000)
    with pytest.raises(FloatingPointError):
        net.relax(x, (torch.full((6, 3), math.nan), 1.0), state=state, tolerance=1e-3)


def test_a_nudge_of_no_strength_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"strength above -1") as refused:
        ContinuousHopfield([4, 5, 3]).relax(_batch().inputs, (torch.zeros(6, 3), -1.0))
    assert "\n" not in str(refused.value) and "torch.float32" in str(refused.value)


@pytest.mark.parametrize("make", [Reinforce, AttentionGated])
def test_rules_that_choose_refuse_frozen_networks_and_nan(make):
    with pytest.raises(ValueError, match="nothing to teach"):
        make(_mlp().requires_grad_(False))
    batch = _batch()
    with pytest.raises(FloatingPointError, match="no choice"):
        make(_mlp())(Batch(batch.inputs * math.nan, batch.targets))


def test_a_single_trial_of_a_network_in_time_is_refused():
    inputs = torch.randn(6, 7, 4)
    with pytest.raises(ValueError, match="one decision a trial"):
        AttentionGated(RNN(4, 6, 3)).trial(Batch(inputs, _batch().targets))


def test_node_perturbation_refuses_weights_made_of_others():
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), nn.Linear(5, 3))
    with pytest.raises(ValueError, match="elsewhere"):
        NodePerturbation(net, squared_error)


@pytest.mark.parametrize("make", [WeightPerturbation, NodePerturbation])
def test_perturbations_lost_in_rounding_are_refused(make):
    with pytest.raises(ValueError, match="lost in rounding"):
        make(_mlp(), squared_error, size=1e-9)
    make(_mlp().double(), squared_error, size=1e-9)


def test_kolen_pollack_serves_layers_on_which_nothing_depends():
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.head, self.other = nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(5, 3)

        def forward(self, x):
            r = torch.tanh(self.first(x))
            self.other(r)
            return self.head(r)

    net = TwoHeads()
    rule = KolenPollack(net, squared_error, decay=0.1)
    rule(_batch())
    torch.testing.assert_close(net.other.weight.grad, 0.1 * net.other.weight.detach())
    torch.testing.assert_close(rule.feedback[1].grad, 0.1 * rule.feedback[1].detach())


def test_rflo_follows_its_network_to_double_precision():
    net = RNN(4, 6, 3)
    rule = RFLO(net, squared_error)
    net.double()
    rule(Batch(torch.randn(2, 5, 4).double(), torch.randn(2, 5, 3).double()))
    assert all(p.grad.dtype == torch.float64 for p in rule.parameters())


@pytest.mark.parametrize("make", [RTRL, RFLO])
def test_gains_for_other_steps_are_refused(make):
    net = RNN(4, 6, 3)
    net.gain = torch.ones(3, 6)
    with pytest.raises(ValueError, match="given for 3 steps, but the inputs have 7"):
        make(net, squared_error)(Batch(torch.randn(2, 7, 4), torch.randn(2, 7, 3)))


def test_nan_is_not_blamed_on_the_weights():
    net, x = DendriticMicrocircuit([4, 5, 3]).self_predicting(), _batch().inputs
    for arguments in ((x * math.nan,), (x * math.inf,), (x, torch.full((6, 3), math.nan))):
        with pytest.raises(FloatingPointError, match="look for such values"):
            net.relax(*arguments)


def test_fixed_predictions_refuse_rates_that_never_rest():
    with pytest.raises(ValueError, match="below 2"):
        SupervisedPredictiveCoding(_mlp(), squared_error, fixed_predictions=True, rate=2)
    rule = SupervisedPredictiveCoding(_mlp(), squared_error, fixed_predictions=True, rate=1.5, tolerance=1e-7)
    exact = Backprop(rule.network, squared_error).estimate(_batch())[1]
    for found, g in zip(rule.estimate(_batch())[1], exact, strict=True):
        torch.testing.assert_close(found, g, rtol=1e-3, atol=1e-5)


def test_angles_of_networks_and_of_penalties():
    assert modulator_angles(FeedbackAlignment(_mlp(), l2), _batch()) == {}
    with pytest.raises(TypeError, match="measures a learning rule"):
        gradient_angles(_mlp(), _batch())


def test_the_ideal_observer_refuses_images_of_another_task():
    with pytest.raises(ValueError, match="give a batch of this task"):
        OrientationDiscrimination((8, 8)).ideal_choice(OrientationDiscrimination((6, 6)).sample(5))
