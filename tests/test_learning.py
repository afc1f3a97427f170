"""Learning rules: the gradients they give, the contract they keep, and what they refuse."""

import copy
import math

import pytest
import torch
from examples import Oja, SmallRNN, WeightPerturbation
from torch import nn

from nnbrain.analysis import angle
from nnbrain.learning import Backprop, DeltaRule, Rule
from nnbrain.networks import MLP
from nnbrain.objectives import Objective, cross_entropy, l2, one_hot, squared_error
from nnbrain.tasks import Batch


@pytest.fixture
def batch():
    return Batch(torch.randn(20, 4), torch.randint(3, (20,)))


def gradients(network):
    return [p.grad.clone() for p in network.parameters()]


@pytest.mark.covers("Primer, Equations 12-13")
def test_backprop_is_the_recursion_of_equation_12():
    """δ⁽ˡ⁾ = ([W⁽ˡ⁺¹⁾]ᵀ δ⁽ˡ⁺¹⁾) ∘ f′, example by example and sum by sum, against the package's rule."""
    net = MLP([5, 4, 3, 2], activation="tanh").double()
    batch = Batch(torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64))
    expected = [torch.zeros_like(p) for p in net.parameters()]
    for x, target in zip(batch.inputs, batch.targets, strict=True):
        r = [x]
        for layer in net.layers[:-1]:
            r.append(torch.tanh(layer.weight @ r[-1] + layer.bias))
        delta = net.layers[-1].weight @ r[-1] + net.layers[-1].bias - target
        for depth in (2, 1, 0):
            expected[2 * depth] += torch.outer(delta, r[depth]) / 6
            expected[2 * depth + 1] += delta / 6
            W = net.layers[depth].weight
            back = [sum(W[i, j] * delta[i] for i in range(len(delta))) for j in range(W.shape[1])]  # Eq. 12
            delta = torch.stack(back) * (1 - r[depth] ** 2)
    Backprop(net, squared_error)(batch)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(gradients(net), expected, strict=True))


@pytest.mark.covers("Primer, Equation 13")
def test_in_a_linear_network_the_error_comes_back_through_the_transposed_weights():
    net = MLP([5, 4, 3, 2], activation="linear").double()
    x = torch.randn(1, 5, dtype=torch.float64, requires_grad=True)
    dL_dy = net(x) - 1.0
    (dL_dx,) = torch.autograd.grad(squared_error(net, Batch(x, torch.ones(1, 2, dtype=torch.float64))), x)
    W2, W3, W4 = (layer.weight for layer in net.layers)
    assert torch.allclose(dL_dx[0], W2.T @ W3.T @ W4.T @ dL_dy[0], atol=1e-12)


def test_backprop_returns_the_objective(batch):
    net = MLP([4, 5, 3])
    loss = Backprop(net, cross_entropy + 0.1 * l2)(batch)
    assert torch.equal(loss, (cross_entropy + 0.1 * l2)(net, batch).detach())
    assert not loss.requires_grad


@pytest.mark.covers("Primer, Equations 6-8, 10-11")
def test_delta_rule_is_equation_11():
    """ΔWᵢⱼ ∝ (y_target,ᵢ − yᵢ) xⱼ for a single example, weight by weight."""
    net = MLP([4, 3])
    x, target = torch.randn(1, 4), torch.randn(1, 3)
    DeltaRule(net)(Batch(x, target))
    y = net(x)
    for i in range(3):
        for j in range(4):
            assert torch.isclose(-net.layers[0].weight.grad[i, j], (target[0, i] - y[0, i]) * x[0, j], atol=1e-6)


@pytest.mark.covers("Primer, Equations 7-8, 10")
@pytest.mark.parametrize("bias", [True, False])
def test_delta_rule_equals_backprop(batch, bias):
    net = MLP([4, 3], bias=bias)
    by_delta = [DeltaRule(net)(batch), *gradients(net)]
    by_backprop = [Backprop(net, squared_error)(batch), *gradients(net)]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(by_delta, by_backprop, strict=True))


def test_delta_rule_teaches_a_plain_linear_layer_and_leaves_frozen_parts(batch):
    layer = nn.Linear(4, 3)
    layer.bias.requires_grad_(False)
    DeltaRule(layer)(batch)
    assert layer.bias.grad is None
    hot = one_hot(batch.targets, 3).float()
    assert torch.allclose(layer.weight.grad, (layer(batch.inputs) - hot).T @ batch.inputs / 20, atol=1e-6)


def test_delta_rule_refuses_what_it_cannot_serve():
    with pytest.raises(ValueError, match="one linear layer"):
        DeltaRule(MLP([4, 5, 3]))
    with pytest.raises(ValueError, match="one linear layer"):
        DeltaRule(SmallRNN(2, 3, 1))
    with pytest.raises(ValueError, match=r"derived for squared_error.*cross_entropy"):
        DeltaRule(MLP([4, 3]), cross_entropy)
    with pytest.raises(ValueError, match="derived for squared_error"):
        DeltaRule(MLP([4, 3]), squared_error + 0.1 * l2)


@pytest.mark.covers("Primer, Equation 5")
def test_a_step_of_sgd_is_equation_5(batch):
    net = MLP([4, 5, 3])
    rule = Backprop(net, cross_entropy)
    before = [p.detach().clone() for p in net.parameters()]
    rule(batch)
    torch.optim.SGD(rule.parameters(), lr=0.3).step()
    for p, old in zip(net.parameters(), before, strict=True):
        assert torch.allclose(p - old, -0.3 * p.grad, atol=1e-7)


def rules(net, batch):
    """One rule of every kind there is, on the same network."""
    return [
        Backprop(net, cross_entropy),
        WeightPerturbation(net, cross_entropy, generator=torch.Generator().manual_seed(1)),
    ]


def test_delta_rule_takes_a_copy_of_its_objective():
    assert DeltaRule(MLP([4, 3]), copy.deepcopy(squared_error)).objective is not None


@pytest.mark.parametrize("which", [0, 1])
def test_a_rule_overwrites_grad(batch, which):
    net = MLP([4, 5, 3])
    for p in net.parameters():
        p.grad = torch.full_like(p, 100.0)
    rules(net, batch)[which](batch)
    assert all(p.grad.abs().max() < 50 for p in net.parameters())


@pytest.mark.parametrize("which", [0, 1])
def test_a_rule_leaves_nothing_behind(batch, which):
    """No altered weight, no hook, and backpropagation afterwards is what it was before."""
    net = MLP([4, 5, 3])
    before = [p.detach().clone() for p in net.parameters()]
    Backprop(net, cross_entropy)(batch)
    clean = gradients(net)
    rules(net, batch)[which](batch)
    assert all(torch.equal(p, old) for p, old in zip(net.parameters(), before, strict=True))
    assert not any(module._forward_hooks or module._backward_hooks for module in net.modules())
    Backprop(net, cross_entropy)(batch)
    assert all(torch.equal(a, b) for a, b in zip(gradients(net), clean, strict=True))


def test_parameters_that_are_not_taught_have_no_grad(batch):
    net = MLP([4, 5, 3])
    net.layers[0].weight.requires_grad_(False)
    net.layers[0].weight.grad = torch.ones_like(net.layers[0].weight)
    Backprop(net, cross_entropy)(batch)
    assert net.layers[0].weight.grad is None
    assert net.layers[1].weight.grad is not None


def test_a_parameter_that_the_objective_does_not_depend_on_has_no_grad(batch):
    net = MLP([4, 5, 3])
    Backprop(net, l2)(batch)
    assert [p.grad is None for p in net.parameters()] == [False, True, False, True]


def test_weight_perturbation_is_unbiased(batch):
    """The throw-away rule keeps the contract: averaged over many calls it gives backprop's gradient."""
    net = MLP([4, 3])
    rule = WeightPerturbation(net, cross_entropy, generator=torch.Generator().manual_seed(0))
    estimates = []
    for _ in range(4000):
        rule(batch)
        estimates.append(torch.cat([g.flatten() for g in gradients(net)]))
    Backprop(net, cross_entropy)(batch)
    exact = torch.cat([g.flatten() for g in gradients(net)])
    # Each estimate has (weights + 1) times the gradient's power as noise, so that the mean's angle is about √(16 / 4000) = 3.6°.
    expected = math.degrees(math.sqrt((len(exact) + 1) / 4000))
    assert angle(torch.stack(estimates).mean(0), exact) < 2 * expected


def test_oja_finds_the_first_principal_component(device):
    """The throw-away rule without an objective, through its own optimizer."""
    net = nn.Linear(3, 1, bias=False).to(device)
    x = torch.randn(400, 3) * torch.tensor([2.0, 1.0, 0.5]) @ torch.linalg.qr(torch.randn(3, 3))[0]
    rule, batch = Oja(net), Batch(x).to(device)
    optimizer = rule.default_optimizer()
    for _ in range(500):
        variance = rule(batch)
        optimizer.step()
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    assert math.isclose(float(variance), float(values[-1]), rel_tol=1e-3)
    assert min(angle(net.weight[0], vectors[:, -1]), angle(-net.weight[0], vectors[:, -1])) < 1


def test_backprop_goes_through_time():
    """∂L/∂W of a recurrent network against moving each weight a little."""
    net = SmallRNN(2, 3, 2).double()
    batch = Batch(torch.randn(4, 6, 2), torch.randn(4, 6, 2)).to(torch.float64)
    Backprop(net, squared_error)(batch)
    W, found = net.recurrent.weight, net.recurrent.weight.grad.clone()
    h = 1e-6
    for i in range(3):
        for j in range(3):
            with torch.no_grad():
                W[i, j] += h
                up = squared_error(net, batch)
                W[i, j] -= 2 * h
                down = squared_error(net, batch)
                W[i, j] += h
            assert torch.isclose(found[i, j], (up - down) / (2 * h), atol=1e-8)


def test_backprop_uses_its_generator_for_the_networks_noise():
    net = SmallRNN(2, 3, 2)
    batch = Batch(torch.randn(4, 6, 2), torch.randn(4, 6, 2))
    quiet = Backprop(net, squared_error)
    noisy = Backprop(net, squared_error, generator=torch.Generator().manual_seed(0))
    assert quiet(batch) == quiet(batch)
    assert noisy(batch) != noisy(batch)


def test_an_estimate_too_few_is_noticed(batch):
    class Forgetful(Rule):
        def estimate(self, batch):
            return torch.zeros(()), [torch.zeros(5, 4)]

    with pytest.raises(ValueError, match="returned 1 estimates for 4 parameters"):
        Forgetful(MLP([4, 5, 3]))(batch)


def test_rules_refuse_what_is_no_network_or_objective():
    with pytest.raises(TypeError, match=r"teaches an nn.Module, got str"):
        Backprop("network", cross_entropy)
    with pytest.raises(TypeError, match="decorate your function with @Objective"):
        Backprop(MLP([4, 3]), nn.MSELoss())
    with pytest.raises(TypeError, match="gradient of an objective"):
        Backprop(MLP([4, 3]), None)


def test_estimates_of_another_shape_are_refused_before_anything_is_written(batch):
    class Transposed(Rule):
        def estimate(self, batch):
            return torch.zeros(()), [p.T for p in self.parameters()]

    net = MLP([4, 3], bias=False)
    net.layers[0].weight.grad = torch.ones(3, 4)
    with pytest.raises(ValueError, match=r"returned torch.Size\(\[4, 3\]\) for a parameter of shape \(3, 4\)"):
        Transposed(net)(batch)
    assert torch.equal(net.layers[0].weight.grad, torch.ones(3, 4))


def test_a_rule_that_returns_no_scalar_first_is_refused(batch):
    class Loose(Rule):
        def estimate(self, batch):
            return 0.5, [None for _ in self.parameters()]

    with pytest.raises(TypeError, match=r"Loose\.estimate should return a scalar tensor first, got 0.5"):
        Loose(MLP([4, 3]))(batch)


def test_estimates_are_copied(batch):
    """Weight decay as a rule: its estimates are the weights, which clipping in place must not change."""

    class Decay(Rule):
        def estimate(self, batch):
            return torch.zeros(()), list(self.parameters())

    net = MLP([4, 3])
    before = net.layers[0].weight.detach().clone()
    Decay(net)(batch)
    net.layers[0].weight.grad.mul_(0)
    assert torch.equal(net.layers[0].weight, before)


def test_backprop_works_where_gradients_are_switched_off(batch):
    net = MLP([4, 3])
    with torch.no_grad():
        Backprop(net, cross_entropy)(batch)
    assert net.layers[0].weight.grad.abs().sum() > 0


def test_backprop_refuses_an_objective_without_gradient(batch):
    net = MLP([4, 5, 3])

    @Objective
    def errors(outputs, activity, batch, network):
        return (outputs.argmax(1) != batch.targets).float()

    with pytest.raises(ValueError, match="errors does not depend on anything that can be trained"):
        Backprop(net, errors)(batch)


def test_a_perturbation_is_undone_when_it_is_interrupted(batch):
    net, calls = MLP([4, 3]), []

    @Objective
    def stopped(outputs, activity, batch, network):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return outputs.sum(1)

    before = net.layers[0].weight.detach().clone()
    with pytest.raises(KeyboardInterrupt):
        WeightPerturbation(net, stopped, generator=torch.Generator().manual_seed(0))(batch)
    assert torch.equal(net.layers[0].weight, before)
