"""Optimizers written by hand: the same weights as torch's, step for step, and what the theory says of them."""

import copy
import pickle

import pytest
import torch

from nnbrain import fit
from nnbrain.learning import Backprop, StepOptimizer, adam_step, momentum_step, rmsprop_step, sgd_step
from nnbrain.networks import MLP
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Digits

PAIRS = {
    "sgd": (sgd_step, {"rate": 0.1}, lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (momentum_step, {"rate": 0.05, "mu": 0.8}, lambda p: torch.optim.SGD(p, 0.05, momentum=0.8)),
    "rmsprop": (rmsprop_step, {"rate": 0.01, "rho": 0.9}, lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9)),
    "adam": (
        adam_step,
        {"rate": 0.02, "beta1": 0.8, "beta2": 0.99},
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.99)),
    ),
}
each = pytest.mark.parametrize(("step", "settings", "torchs"), PAIRS.values(), ids=PAIRS)


@pytest.mark.covers("Primer, Equations 5, 24-25")
@each
def test_a_step_function_is_torchs_optimizer_step_for_step(step, settings, torchs):
    """On the same noisy gradients of a bowl whose curvatures differ by a hundred."""
    generator = torch.Generator().manual_seed(0)
    curvature = torch.logspace(-1, 1, 5, dtype=torch.float64)
    theta = torch.randn(5, generator=generator, dtype=torch.float64)
    p, state = theta.clone().requires_grad_(), None
    optimizer = torchs([p])
    for _ in range(200):
        noise = torch.randn(5, generator=generator, dtype=torch.float64)
        p.grad = curvature * p.detach() + noise
        theta, state = step(theta, curvature * theta + noise, state, **settings)
        optimizer.step()
        torch.testing.assert_close(theta, p.detach(), rtol=1e-9, atol=1e-12)


@each
def test_fit_learns_the_same_with_a_step_function_as_with_torchs_optimizer(step, settings, torchs):
    network = MLP([64, 16, 10], generator=torch.Generator().manual_seed(1)).double()
    ours, theirs = network, copy.deepcopy(network)

    class Doubles(Digits):
        def sample(self, trials, generator=None):
            return super().sample(trials, generator).to(torch.float64)

    for net, make in ((ours, lambda p: StepOptimizer(p, step, **settings)), (theirs, torchs)):
        rule = Backprop(net, cross_entropy)
        optimizer = make(rule.parameters())
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.98)
        generator = torch.Generator().manual_seed(2)
        fit(rule, Doubles(), 40, optimizer=optimizer, schedule=schedule, generator=generator, progress=False)
    for mine, torchs_own in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, torchs_own, rtol=1e-7, atol=1e-10)


def test_a_step_changes_neither_its_parameters_nor_its_state():
    theta, gradient = torch.tensor([1.0, 2.0]), torch.tensor([0.5, -1.0])
    for step, settings, _ in PAIRS.values():
        _, state = step(theta, gradient, None, **settings)
        kept = copy.deepcopy(state)
        step(theta, gradient, state, **settings)
        assert torch.equal(theta, torch.tensor([1.0, 2.0]))
        torch.testing.assert_close(state, kept, rtol=0, atol=0)


@pytest.mark.covers("Primer, Equations 24-25")
def test_momentum_multiplies_the_steps_along_a_constant_gradient_by_1_over_1_minus_mu():
    theta, v = torch.zeros((), dtype=torch.float64), None
    for _ in range(400):
        before, (theta, v) = theta, momentum_step(theta, torch.tensor(2.0).double(), v, rate=0.1, mu=0.9)
    assert (before - theta).item() == pytest.approx(0.1 * 2.0 / (1 - 0.9))


def test_momentum_at_its_best_setting_converges_as_the_theory_says():
    """On a bowl of condition κ the error shrinks by (√κ − 1)/(√κ + 1) a step; without momentum, at best by (κ − 1)/(κ + 1)."""
    kappa = 100.0
    curvature = torch.tensor([1.0, kappa], dtype=torch.float64)
    root = kappa**0.5
    settings = {"rate": (2 / (root + 1)) ** 2, "mu": ((root - 1) / (root + 1)) ** 2}
    for step, chosen, factor in (
        (momentum_step, settings, (root - 1) / (root + 1)),
        (sgd_step, {"rate": 2 / (1 + kappa)}, (kappa - 1) / (kappa + 1)),
    ):
        theta, state, errors = torch.ones(2, dtype=torch.float64), None, []
        for _ in range(150):
            theta, state = step(theta, curvature * theta, state, **chosen)
            errors.append(theta.norm().item())
        # At this setting both roots coincide, so that the error also grows with the number of steps: hence the tolerance.
        assert (errors[-1] / errors[-51]) ** (1 / 50) == pytest.approx(factor, rel=0.015)


def test_adams_first_step_has_the_length_of_the_rate_whatever_the_gradient():
    theta, _ = adam_step(torch.zeros(3), torch.tensor([1e-4, -1.0, 1e4]), rate=0.01)
    torch.testing.assert_close(theta, torch.tensor([-0.01, 0.01, -0.01]), rtol=1e-3, atol=0)


def test_adam_magnifies_a_consistent_gradient():
    """With the same root mean square, a gradient that keeps its sign moves its parameter further than one that does not."""
    generator = torch.Generator().manual_seed(0)
    theta, state = torch.zeros(2), None
    for _ in range(500):
        sign = torch.randint(2, (), generator=generator) * 2.0 - 1
        theta, state = adam_step(theta, torch.stack([torch.ones(()), sign]), state, rate=0.01)
    assert theta[0].item() == pytest.approx(-5.0, rel=1e-3) and theta[1].abs() < 1.0


def test_a_step_optimizer_is_saved_and_goes_on_where_it_was():
    network = MLP([3, 2], generator=torch.Generator().manual_seed(0))
    rest = torch.ones(2, 3)

    def go(net, optimizer, steps):
        for _ in range(steps):
            net.layers[0].weight.grad = net.layers[0].weight.detach() - rest
            optimizer.step()

    optimizer = StepOptimizer(network.parameters(), adam_step, rate=0.1)
    go(network, optimizer, 5)
    twin = copy.deepcopy(network)
    again = StepOptimizer(twin.parameters(), adam_step, rate=0.1)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    go(network, optimizer, 5), go(twin, again, 5)
    assert torch.equal(network.layers[0].weight, twin.layers[0].weight)


def test_a_copy_of_a_step_optimizer_takes_the_same_steps():
    network = MLP([3, 2])
    optimizer = StepOptimizer(network.parameters(), momentum_step, rate=0.1, mu=0.5)
    network.layers[0].weight.grad = torch.ones(2, 3)
    optimizer.step()
    twin, copied = copy.deepcopy((network, optimizer))
    twin.layers[0].weight.grad = torch.ones(2, 3)
    optimizer.step(), copied.step()
    assert torch.equal(twin.layers[0].weight, network.layers[0].weight)


@pytest.mark.parametrize(
    ("step", "rate", "error", "message"),
    [
        ("adam", 0.1, TypeError, "step should be a function like momentum_step, got 'adam'"),
        (sgd_step, -0.1, ValueError, r"rate should be a number from 0 up, got -0\.1"),
    ],
)
def test_a_step_optimizer_refuses_what_it_cannot_apply(step, rate, error, message):
    with pytest.raises(error, match=message):
        StepOptimizer(MLP([3, 2]).parameters(), step, rate=rate)


def test_a_step_optimizer_takes_no_closure():
    with pytest.raises(TypeError, match="takes no closure"):
        StepOptimizer(MLP([3, 2]).parameters(), sgd_step, rate=0.1).step(lambda: 0.0)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))], ids=["deepcopy", "pickle"]
)
def test_a_copied_optimizer_still_knows_its_step(copied):
    optimizer = copied(StepOptimizer([torch.nn.Parameter(torch.ones(2))], momentum_step, rate=0.1, mu=0.5))
    (p,) = optimizer.param_groups[0]["params"]
    p.grad = torch.ones(2)
    optimizer.step()
    torch.testing.assert_close(p.detach(), torch.full((2,), 0.9))


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (lambda theta, gradient, state, rate: theta, TypeError, "new theta and the new state"),
        (lambda theta, gradient, state, rate: (theta[:1], None), ValueError, "parameter's shape"),
        (lambda theta, gradient, state, rate: (None, None), ValueError, "parameter's shape"),
    ],
)
def test_what_no_step_returns_is_refused(step, error, message):
    p = torch.nn.Parameter(torch.ones(3))
    p.grad = torch.ones(3)
    with pytest.raises(error, match=message):
        StepOptimizer([p], step, rate=0.1).step()


def test_settings_that_the_step_does_not_take_are_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'beta'"):
        StepOptimizer([torch.nn.Parameter(torch.ones(3))], momentum_step, rate=0.1, beta=0.9)
