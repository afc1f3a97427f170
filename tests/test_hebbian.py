"""Hebbian rules, each against what theory says of it: growth, rates, limits and stable states in closed form."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from nnbrain.analysis import pca
from nnbrain.learning import BCM, Hebbian, Oja, Sanger
from nnbrain.networks import MLP, DalesLaw
from nnbrain.objectives import squared_error
from nnbrain.tasks import Batch, Digits, FiniteTask
from nnbrain.train import fit

RULES = pytest.mark.parametrize("Kind", [Hebbian, Oja, Sanger, BCM])
VARIANCES = torch.tensor([2.0, 1.2, 0.7, 0.3, 0.1], dtype=torch.float64)


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


@pytest.fixture
def axes():
    """The eigenvectors of the correlations, as columns."""
    return torch.linalg.qr(double(5, 5))[0]


@pytest.fixture
def batch(axes):
    """Trials whose correlations ⟨x xᵀ⟩ have exactly these eigenvalues and eigenvectors."""
    white = torch.linalg.qr(double(50, 5))[0] * 50**0.5
    return Batch(white * VARIANCES.sqrt() @ axes.T)


def layer(weights):
    """A network with these weights."""
    net = nn.Linear(weights.shape[1], weights.shape[0], bias=False, dtype=weights.dtype)
    net.weight.data.copy_(weights)
    return net


def learn(rule, batch, steps, lr):
    """The weights before and after each step."""
    optimizer, path = torch.optim.SGD(rule.parameters(), lr=lr), [rule.layer.weight.detach().clone()]
    for _ in range(steps):
        rule(batch)
        optimizer.step()
        path.append(rule.layer.weight.detach().clone())
    return torch.stack(path)


def wanted(Kind, W, batch):
    """The change that a rule wants of these weights."""
    net = layer(W)
    Kind(net)(batch)
    return -net.weight.grad


# Each rule, as it is written


def one_by_one(change, W, batch):
    """The mean over trials of what a rule does in one trial, given x, y and W."""
    return sum(change(x, W @ x, W) for x in batch.inputs) / len(batch)


def test_hebb_is_the_product_of_both_ends(batch):
    W = double(3, 5)
    expected = one_by_one(lambda x, y, W: torch.outer(y, x), W, batch)
    assert torch.allclose(wanted(Hebbian, W, batch), expected, atol=1e-12)


def test_oja_takes_from_each_output_its_square_times_its_weights(batch):
    W = double(3, 5)
    expected = one_by_one(lambda x, y, W: torch.stack([y[i] * x - y[i] ** 2 * W[i] for i in range(3)]), W, batch)
    assert torch.allclose(wanted(Oja, W, batch), expected, atol=1e-12)


def test_sanger_lets_each_output_learn_from_what_those_before_leave(batch):
    def change(x, y, W):
        return torch.stack([y[i] * (x - sum(y[j] * W[j] for j in range(i + 1))) for i in range(3)])

    W = double(3, 5)
    assert torch.allclose(wanted(Sanger, W, batch), one_by_one(change, W, batch), atol=1e-12)


def test_bcm_changes_sign_at_a_threshold_that_slides(batch):
    """θ starts as ⟨y²⟩ of the first batch and moves a tenth of the way to that of the next."""
    first, second = batch[:20], batch[20:]
    net = layer(W := double(3, 5))
    rule = BCM(net, time_constant=10)
    rule(first)
    rule(second)
    power = [(part.inputs @ W.T).square().mean(0) for part in (first, second)]
    theta = power[0] + (power[1] - power[0]) / 10
    expected = one_by_one(lambda x, y, W: torch.outer(y * (y - theta), x), W, second)
    assert torch.allclose(rule.theta, theta)
    assert torch.allclose(-net.weight.grad, expected, atol=1e-12)


def test_sanger_with_one_output_is_oja(batch):
    W = double(1, 5)
    assert torch.allclose(wanted(Sanger, W, batch), wanted(Oja, W, batch), atol=1e-12)


@RULES
def test_with_one_trial_a_batch_is_that_trial(Kind, batch):
    W = double(2, 5)
    mean = sum(wanted(Kind, W, batch[k]) for k in range(50)) / 50
    if Kind is BCM:  # its threshold is that of the batch
        assert not torch.allclose(mean, wanted(Kind, W, batch))
    else:
        assert torch.allclose(mean, wanted(Kind, W, batch), atol=1e-12)


# What climbs what


def test_hebb_climbs_half_the_mean_square_of_the_outputs(batch):
    W = double(3, 5).requires_grad_()
    (gradient,) = torch.autograd.grad(0.5 * (batch.inputs @ W.T).square().sum(1).mean(), W)
    assert torch.allclose(wanted(Hebbian, W.detach(), batch), gradient, atol=1e-12)


def test_bcm_with_a_prompt_threshold_descends_its_energy(batch):
    """−∂/∂W of Σ ¼⟨y²⟩² − ⅓⟨y³⟩, which is also what the rule returns."""
    net = layer(double(3, 5))
    W = net.weight.detach().clone().requires_grad_()
    y = batch.inputs @ W.T
    R = (y.square().mean(0).square() / 4 - y.pow(3).mean(0) / 3).sum()
    (gradient,) = torch.autograd.grad(R, W)
    returned = BCM(net, time_constant=1)(batch)
    assert torch.allclose(net.weight.grad, gradient, atol=1e-12)
    assert torch.isclose(returned, R.detach())


def test_oja_is_no_gradient(batch):
    """The derivatives of a gradient are symmetric; those of Oja's change, C − (wᵀCw) I − 2 w(Cw)ᵀ, are not."""
    w, x = double(5), batch.inputs
    rule = Oja(layer(w.unsqueeze(0)))
    J = torch.autograd.functional.jacobian(lambda w: rule.change(x, x @ w[:, None], w[None])[1][0], w)
    C = x.T @ x / len(x)
    assert torch.allclose(J, C - (w @ C @ w) * torch.eye(5).double() - 2 * torch.outer(w, C @ w), atol=1e-10)
    assert not torch.allclose(J, J.T, atol=1e-3)


# Growth, rates and limits


def test_hebb_grows_along_each_eigenvector_by_one_plus_eta_lambda_a_step(batch, axes):
    W = learn(Hebbian(layer(double(2, 5))), batch, 30, lr=0.1) @ axes  # steps × outputs × eigenvectors
    steps = torch.arange(31, dtype=torch.float64)[:, None, None]
    assert torch.allclose(W, W[0] * (1 + 0.1 * VARIANCES) ** steps, rtol=1e-9)


def test_for_small_steps_hebb_grows_exponentially(batch, axes):
    W = learn(Hebbian(layer(double(1, 5))), batch, 1000, lr=1e-3) @ axes
    assert torch.allclose(W[-1], W[0] * torch.exp(VARIANCES), rtol=3e-3)


def test_all_outputs_of_hebb_turn_to_the_same_direction(batch, axes):
    W = learn(Hebbian(layer(double(4, 5))), batch, 400, lr=0.1)[-1]
    assert torch.allclose((W / W.norm(dim=1, keepdim=True) @ axes[:, 0]).abs(), torch.ones(4).double(), atol=1e-6)


def test_oja_follows_the_closed_form_of_its_equation(batch):
    """dw/dt = Cw − (wᵀCw) w has the solution w(t) = exp(Ct) w₀ / √(1 − |w₀|² + |exp(Ct) w₀|²)."""
    C, w = batch.inputs.T @ batch.inputs / 50, 0.3 * double(1, 5)
    errors = []
    for lr in (0.004, 0.002):
        found = learn(Oja(layer(w)), batch, round(2 / lr), lr)[-1]
        grown = w @ torch.linalg.matrix_exp(2 * C)
        errors.append(float((found - grown / (1 - w.square().sum() + grown.square().sum()).sqrt()).norm()))
    assert errors[1] < 4e-3
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)  # Euler's error is in proportion to the step


def test_oja_ends_at_the_first_principal_component_with_length_one(batch, axes):
    W = learn(Oja(layer(double(3, 5) / 5**0.5)), batch, 400, lr=0.3)[-1]
    assert torch.allclose(W.norm(dim=1), torch.ones(3).double(), atol=1e-9)
    assert torch.allclose((W @ axes[:, 0]).abs(), torch.ones(3).double(), atol=1e-9)


def test_oja_forgets_other_components_at_the_rate_of_the_gap(batch, axes):
    """Near its end each step takes η(λ₁ − λₖ) of component k away."""
    W = learn(Oja(layer((axes[:, 0] + 1e-4 * axes[:, 1:].sum(1)).unsqueeze(0))), batch, 20, lr=0.05)[:, 0] @ axes
    left = W[-1, 1:] / W[-2, 1:]
    assert torch.allclose(left, 1 - 0.05 * (VARIANCES[0] - VARIANCES[1:]), atol=1e-6)


def test_oja_is_back_at_length_one_at_twice_the_rate_of_the_variance(batch, axes):
    lengths = learn(Oja(layer(1.001 * axes[:, :1].T)), batch, 5, lr=0.05).norm(dim=2)[:, 0]
    assert float((lengths[5] - 1) / (lengths[4] - 1)) == pytest.approx(1 - 2 * 0.05 * 2.0, abs=2e-3)


@pytest.mark.parametrize(("lr", "settles"), [(0.9 / 2, True), (1.1 / 2, False)])
def test_oja_settles_only_for_rates_below_one_over_the_largest_variance(batch, axes, lr, settles):
    lengths = learn(Oja(layer(1.001 * axes[:, :1].T)), batch, 400, lr=lr).norm(dim=2)[-20:, 0]
    assert bool(((lengths - 1).abs() < 1e-6).all()) == settles


def test_sanger_ends_at_the_principal_components_in_order(batch, axes):
    W = learn(Sanger(layer(0.3 * double(4, 5))), batch, 1500, lr=0.2)[-1]
    assert torch.allclose((W @ axes[:, :4]).abs(), torch.eye(4).double(), atol=1e-6)


def test_sanger_ends_with_the_variance_that_the_components_hold(batch):
    rule = Sanger(layer(0.3 * double(3, 5)))
    learn(rule, batch, 1000, lr=0.2)
    assert float(rule(batch)) == pytest.approx(float(VARIANCES[:3].sum()), abs=1e-6)


def test_sanger_finds_the_components_of_digits_through_fit(device):
    x = Digits("train").all().inputs
    x = x - x.mean(0)
    net = MLP([64, 3], bias=False, generator=torch.Generator().manual_seed(0)).to(device)
    rule = Sanger(net)
    optimizer = torch.optim.SGD(rule.parameters(), lr=0.5)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, 600)
    fit(rule, FiniteTask(x, x), 600, trials=100, schedule=schedule, progress=False)
    W = net.layers[0].weight.detach()
    cosines = (W / W.norm(dim=1, keepdim=True) @ pca(x, 3).components.T).abs()
    assert (cosines.diagonal() > 0.98).all()


# Selectivity


def patterns(counts):
    """Linearly independent inputs, each as often as its count says, and their probabilities."""
    X = torch.eye(len(counts), dtype=torch.float64) + 0.3 * torch.rand(len(counts), len(counts), dtype=torch.float64)
    p = torch.tensor(counts, dtype=torch.float64)
    return X, Batch(X.repeat_interleave(torch.tensor(counts), 0)), p / p.sum()


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [1, 2, 3]])
def test_bcm_ends_selective_for_one_input_with_the_response_one_over_its_probability(counts):
    X, batch, p = patterns(counts)
    rule = BCM(layer(0.3 * torch.rand(20, len(counts), dtype=torch.float64)), time_constant=3)
    y = learn(rule, batch, 3000, lr=0.05)[-1] @ X.T  # outputs × inputs
    selective = torch.diag(1 / p)
    nearest = torch.cdist(y, selective).argmin(1)
    assert torch.allclose(y, selective[nearest], atol=1e-6)
    assert torch.allclose(rule.theta, 1 / p[nearest], atol=1e-6)
    assert len(nearest.unique()) > 1  # which one, the start decides


def test_a_response_to_two_inputs_is_a_fixed_point_of_bcm_but_not_a_stable_one():
    X, batch, _ = patterns([1, 1, 1])
    w = torch.linalg.solve(X, torch.tensor([1.5, 1.5, 0.0], dtype=torch.float64)).unsqueeze(0)
    assert wanted(BCM, w, batch).abs().max() < 1e-12
    nudged = w + 1e-6 * X[:1]
    y = learn(BCM(layer(nudged), time_constant=1), batch, 4000, lr=0.05)[-1] @ X.T
    assert torch.allclose(y, torch.tensor([[3.0, 0.0, 0.0]]).double(), atol=1e-6)


@pytest.mark.parametrize("active", [1, 2, 3, 4])
def test_of_all_responses_to_some_inputs_bcm_keeps_those_to_one(active):
    """The rule linearized at each fixed point: it is stable if all eigenvalues are negative."""
    X, _, _ = patterns([1, 1, 1, 1])
    y = torch.tensor([4 / active] * active + [0.0] * (4 - active), dtype=torch.float64)

    def change(w):
        rule = BCM(layer(w.detach().unsqueeze(0)), time_constant=1)
        return rule.change(X, X @ w[:, None], w.unsqueeze(0))[1][0]

    J = torch.autograd.functional.jacobian(change, torch.linalg.solve(X, y))
    assert bool((torch.linalg.eigvals(J).real < 0).all()) == (active == 1)


@pytest.mark.parametrize(("tau", "stable"), [(40, True), (60, False)])
def test_the_threshold_of_bcm_must_follow_faster_than_weights_grow(tau, stable):
    """With a = η|x|², (y, θ) near a selective state changes as [[a, −a], [2/τ, −1/τ]], whose trace is negative for aτ < 1."""
    net = layer(torch.tensor([[3.01, 0.0, 0.0]], dtype=torch.float64))
    distance = (learn(BCM(net, time_constant=tau), Batch(torch.eye(3).double()), 1000, lr=0.02)[:, 0, 0] - 3).abs()
    assert bool(distance[-200:].max() < distance[:200].max()) == stable


# The contract, and the door


@RULES
def test_a_rule_changes_nothing_but_grad(Kind, batch):
    net = layer(double(2, 5))
    before = net.weight.detach().clone()
    value = Kind(net)(batch)
    assert torch.equal(net.weight, before)
    assert value.ndim == 0
    assert not value.requires_grad


@RULES
def test_by_default_it_is_applied_as_it_is(Kind, batch):
    net = layer(double(2, 5))
    rule, before = Kind(net), net.weight.detach().clone()
    optimizer = rule.default_optimizer()
    rule(batch)
    optimizer.step()
    assert torch.allclose(net.weight, before - 0.01 * net.weight.grad, atol=1e-12)


@RULES
def test_it_works_in_single_precision_on_the_device(Kind, batch, device):
    net = MLP([5, 2], bias=False).to(device)
    value = Kind(net)(batch.to(torch.float32).to(device))
    assert value.device.type == net.layers[0].weight.grad.device.type == device.type


@RULES
def test_a_copy_of_a_rule_goes_its_own_way(Kind, batch):
    rule = Kind(layer(double(2, 5)))
    rule(batch)
    other = copy.deepcopy(rule)
    learn(other, batch, 3, lr=0.01)
    assert not torch.equal(other.layer.weight, rule.layer.weight)


@RULES
def test_it_refuses_networks_that_it_cannot_teach(Kind):
    with pytest.raises(ValueError, match=rf"{Kind.__name__} teaches one linear layer"):
        Kind(MLP([4, 3, 2], bias=False))
    with pytest.raises(ValueError, match=r"without a bias: MLP\(\[inputs, outputs\], bias=False\)"):
        Kind(MLP([4, 2]))
    with pytest.raises(ValueError, match="frozen"):
        Kind(MLP([4, 2], bias=False).requires_grad_(False))
    with pytest.raises(TypeError, match=r"nn\.Module"):
        Kind("a network")
    with pytest.raises(ValueError, match=rf"{Kind.__name__} has no objective, .* got squared_error: leave it out"):
        Kind(MLP([4, 2], bias=False), squared_error)


@RULES
def test_it_refuses_inputs_that_do_not_fit(Kind):
    rule = Kind(MLP([4, 2], bias=False))
    with pytest.raises(ValueError, match=r"shape \(trials, 4\), got \(3, 5\)"):
        rule(Batch(torch.zeros(3, 5)))
    with pytest.raises(ValueError, match=r"got \(3, 7, 4\)"):
        rule(Batch(torch.zeros(3, 7, 4)))
    with pytest.raises(TypeError, match=r"float32.*float64"):
        rule(Batch(torch.zeros(3, 4).double()))


def test_sanger_refuses_more_outputs_than_there_are_components():
    with pytest.raises(ValueError, match="4 inputs have 4 principal components at most, got 5"):
        Sanger(MLP([4, 5], bias=False))


@pytest.mark.parametrize("tau", [0.5, 0, -1, float("inf"), float("nan"), "slow", None])
def test_bcm_refuses_time_constants_below_a_batch(tau):
    with pytest.raises(ValueError, match="time_constant is a number of batches, 1 or more"):
        BCM(MLP([4, 2], bias=False), time_constant=tau)


@pytest.mark.parametrize(("Kind", "lr"), [(Oja, 2.0), (Sanger, 2.0), (BCM, 5.0)])
def test_a_rate_that_is_too_high_ends_in_words(Kind, lr, batch):
    with pytest.raises(FloatingPointError, match=r"grow without bound.*lower the learning rate.*eigenvalue .* is 2 in"):
        learn(Kind(layer(double(2, 5))), batch, 100, lr=lr)


def test_hebb_grows_until_it_says_that_it_does(batch):
    with pytest.raises(FloatingPointError, match=r"that is what Hebb's rule does.*Oja"):
        learn(Hebbian(layer(double(1, 5))), batch, 10_000, lr=0.5)


@RULES
def test_inputs_that_are_nan_are_called_by_their_name(Kind):
    with pytest.raises(FloatingPointError, match=r"inputs that are NaN"):
        Kind(MLP([4, 2], bias=False))(Batch(torch.full((3, 4), float("nan"))))


def test_a_batch_that_is_refused_leaves_the_threshold_of_bcm_as_it_was():
    rule = BCM(MLP([4, 2], bias=False))
    rule(Batch(torch.ones(3, 4)))
    before = rule.theta.clone()
    with pytest.raises(FloatingPointError, match="NaN"):
        rule(Batch(torch.full((3, 4), float("nan"))))
    assert torch.equal(rule.theta, before)


@RULES
def test_it_refuses_weights_that_are_made_of_others(Kind):
    net = MLP([4, 2], bias=False)
    register_parametrization(net.layers[0], "weight", DalesLaw(torch.tensor([1.0, 1, -1, -1]), self_connections=True))
    with pytest.raises(ValueError, match="those of this layer are made of other parameters"):
        Kind(net)


def test_the_threshold_of_bcm_follows_the_type_of_its_network():
    net = MLP([4, 2], bias=False).double()
    rule = BCM(net)
    rule(Batch(torch.randn(5, 4).double()))
    net.float()
    rule(Batch(torch.randn(5, 4)))
    assert rule.theta.dtype == torch.float32
