"""Which vector fields are gradients: the asymmetry of the Jacobian."""

import math

import pytest
import torch
from torch import nn

from nnbrain.analysis import jacobian_asymmetry, rule_field
from nnbrain.learning import (
    Backprop,
    FeedbackAlignment,
    Hebbian,
    KolenPollack,
    Oja,
    SignSymmetric,
    WeightPerturbation,
)
from nnbrain.networks import MLP
from nnbrain.objectives import cross_entropy, squared_error
from nnbrain.tasks import Batch


def point(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def made():
    """A small smooth network in float64, and a batch."""
    net = MLP([3, 4, 2], activation="tanh").double()
    return net, Batch(torch.randn(10, 3, dtype=torch.float64), torch.randint(2, (10,)))


def asymmetry(rule, batch):
    weights = [p for p in rule.network.parameters() if p.requires_grad]
    return jacobian_asymmetry(rule_field(rule, batch), nn.utils.parameters_to_vector(weights).detach())


@pytest.mark.covers("Framework, Figure 3")
def test_asymmetry_is_the_antisymmetric_share_of_the_jacobian():
    """For F = [[a, b], [c, d]] v it is |b − c| / √2 over the norm of the matrix."""
    for a, b, c, d in [(1.0, 2.0, 2.0, -3.0), (0.0, -1.0, 1.0, 0.0), (0.3, 1.0, 0.2, 2.0)]:
        expected = abs(b - c) / 2**0.5 / (a * a + b * b + c * c + d * d) ** 0.5
        found = jacobian_asymmetry(lambda v, m=((a, b), (c, d)): point(*m[0], *m[1]).view(2, 2) @ v, point(0.4, -0.7))
        assert math.isclose(found, expected, abs_tol=1e-8)


def test_differences_are_those_of_the_exact_jacobian():
    M, at = torch.randn(6, 6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)

    def field(v):
        return torch.tanh(M @ v) * v.sin()

    J = torch.autograd.functional.jacobian(field, at)
    assert math.isclose(jacobian_asymmetry(field, at), (J - J.T).norm() / (2 * J.norm()), abs_tol=1e-8)


@pytest.mark.covers("Framework, Figure 3")
def test_backprop_and_hebb_are_gradients_and_oja_and_feedback_alignment_are_not():
    net, batch = made()
    one = MLP([3, 2], bias=False).double()
    assert asymmetry(Backprop(net, cross_entropy), batch) < 1e-8
    assert asymmetry(Hebbian(one), batch) < 1e-8
    assert asymmetry(Oja(one), batch) > 0.05
    assert asymmetry(FeedbackAlignment(net, cross_entropy), batch) > 0.05
    assert asymmetry(SignSymmetric(net, cross_entropy), batch) > 0.01


def test_the_field_is_minus_the_estimate_and_leaves_the_network_as_it_was():
    net, batch = made()
    rule = KolenPollack(net, cross_entropy)
    theta = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    field = rule_field(rule, batch)
    rule(batch)
    expected = -torch.cat([p.grad.flatten() for p in net.parameters()])
    assert torch.equal(field(theta), expected)
    assert not torch.allclose(field(theta + 0.5), expected)
    assert torch.equal(nn.utils.parameters_to_vector(net.parameters()), theta)
    with pytest.raises(ValueError, match=r"teaches 26 weights as one vector, got shape \(3,\)"):
        field(theta[:3])


def test_the_field_is_put_back_after_an_interruption():
    net, batch = made()
    theta = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    field = rule_field(Backprop(net, squared_error), Batch(batch.inputs[:, :2]))
    with pytest.raises(ValueError):
        field(theta + 1)
    assert torch.equal(nn.utils.parameters_to_vector(net.parameters()), theta)


@pytest.mark.parametrize("generator", [None, torch.Generator().manual_seed(0)])
def test_a_rule_that_draws_at_random_draws_the_same_at_every_point(generator):
    net, batch = made()
    field = rule_field(WeightPerturbation(net, cross_entropy, generator=generator), batch)
    theta = nn.utils.parameters_to_vector(net.parameters()).detach()
    state = (generator or torch.default_generator).get_state()
    assert torch.equal(field(theta), field(theta))
    assert torch.equal((generator or torch.default_generator).get_state(), state)


def test_frozen_weights_are_no_part_of_the_field():
    net, batch = made()
    net.layers[0].requires_grad_(False)
    assert asymmetry(FeedbackAlignment(net, cross_entropy), batch) < 1e-8  # the last layer follows the gradient


def test_asymmetry_refuses_what_has_none():
    with pytest.raises(TypeError, match=r"in float64, in which differences are exact enough, got torch\.float32"):
        jacobian_asymmetry(lambda v: v, torch.zeros(2))
    with pytest.raises(ValueError, match=r"at should be a vector, \(n,\), got shape \(2, 2\)"):
        jacobian_asymmetry(lambda v: v, point(1, 2, 3, 4).view(2, 2))
    with pytest.raises(ValueError, match=r"the field gave shape \(1,\) at a point of shape \(2,\)"):
        jacobian_asymmetry(lambda v: v[:1], point(1, 2))
    with pytest.raises(ValueError, match="does not change around this point"):
        jacobian_asymmetry(torch.ones_like, point(1, 2))
    with pytest.raises(ValueError, match="step should be a positive number"):
        jacobian_asymmetry(lambda v: v, point(1, 2), step=0)
