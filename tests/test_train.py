"""The training loop: that it is plain gradient descent, what it records, when it stops, and what it refuses."""

import copy

import numpy as np
import pytest
import torch
from examples import Oja, SmallRNN, WeightPerturbation
from torch import nn

import nnbrain as nb
from nnbrain.learning import Backprop, DeltaRule
from nnbrain.networks import MLP
from nnbrain.objectives import Objective, cross_entropy, squared_error
from nnbrain.tasks import Batch, Digits, FiniteTask, Task


@pytest.fixture
def task():
    """Which of two clouds of points?"""
    side = torch.arange(200) % 2
    return FiniteTask(torch.randn(200, 2) + 3 * side.unsqueeze(1), side)


@pytest.fixture
def net(device):
    return MLP([2, 8, 2]).to(device)


def fit(*arguments, **options):
    return nb.fit(*arguments, progress=False, **options)


def sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr)


@pytest.mark.covers("Primer, Equations 4-5")
def test_fit_is_gradient_descent_on_minibatches(task, net):
    """θ ← θ − η ∂L/∂θ on the same minibatches gives the same losses and the same weights."""
    twin = copy.deepcopy(net)
    history = fit(
        Backprop(net, cross_entropy),
        task,
        20,
        trials=16,
        optimizer=sgd(net),
        generator=torch.Generator().manual_seed(1),
    )
    draws, losses = torch.Generator().manual_seed(1), []
    for _ in range(20):
        batch = task.sample(16, draws)
        loss = nn.functional.cross_entropy(twin(batch.inputs), batch.targets)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(twin.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
        losses.append(loss.item())
    assert np.allclose(history.loss, losses, rtol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(net.parameters(), twin.parameters(), strict=True))


def test_fit_learns_digits(device):
    net = MLP([64, 64, 10]).to(device)
    fit(Backprop(net, cross_entropy), Digits("train"), 800)
    assert nb.analysis.accuracy(net, Digits("test")) > 0.92


@pytest.mark.covers("Primer, Equation 11")
def test_the_delta_rule_goes_through_fit_to_the_least_squares_solution(device):
    x = torch.randn(50, 3)
    y = x @ torch.randn(3, 2) + 0.5 + 0.1 * torch.randn(50, 2)
    net = MLP([3, 2]).to(device)
    fit(DeltaRule(net), FiniteTask(x, y), 500, trials=50, optimizer=sgd(net, 0.2))
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(50, 1)], 1), y).solution
    assert torch.allclose(net.layers[0].weight.detach().cpu(), solution[:3].T, atol=1e-4)
    assert torch.allclose(net.layers[0].bias.detach().cpu(), solution[3], atol=1e-4)


def test_a_perturbation_rule_goes_through_fit(task, net):
    rule = WeightPerturbation(net, cross_entropy, generator=torch.Generator().manual_seed(0))
    history = fit(rule, task, 600, optimizer=sgd(net, 0.02))
    assert history.loss[-50:].mean() < 0.5 * history.loss[:50].mean()


def test_a_rule_without_objective_goes_through_fit(device):
    x = torch.randn(300, 2) * torch.tensor([2.0, 0.5])
    net = nn.Linear(2, 1, bias=False).to(device)
    fit(Oja(net), FiniteTask(x, torch.zeros(300, 1)), 300)
    assert nb.analysis.angle(net.weight[0].abs(), torch.tensor([1.0, 0.0])) < 5


def test_a_recurrent_network_goes_through_fit(device):
    """Remember the first input until the end; only the last step counts."""

    class Remember(Task):
        def sample(self, trials, generator=None):
            side = torch.randint(2, (trials,), generator=generator)
            inputs = torch.zeros(trials, 6, 1)
            inputs[:, 0, 0] = 2.0 * side - 1
            mask = torch.zeros(trials, 6)
            mask[:, -1] = 1
            return Batch(inputs, side.unsqueeze(1).expand(-1, 6), mask, conditions={"side": side}).to(nb.device())

        def score(self, outputs, batch):
            return outputs[:, -1].argmax(-1) == batch.targets[:, -1]

    net, task = SmallRNN(1, 8, 2).to(device), Remember()
    fit(
        Backprop(net, cross_entropy, generator=torch.Generator().manual_seed(0)),
        task,
        200,
        optimizer=torch.optim.Adam(net.parameters(), 0.01),
    )
    assert nb.analysis.accuracy(net, task, task.sample(200)) > 0.95


def test_measurements_are_taken_before_during_and_after(task, net):
    measure = {
        "accuracy": lambda network: nb.analysis.accuracy(network, task),
        "weights": lambda network: network.layers[0].weight,
    }
    history = fit(Backprop(net, cross_entropy), task, 25, measure=measure, every=10)
    assert history.measured_at.tolist() == [0, 10, 20, 25]
    assert history["accuracy"].shape == (4,)
    assert history["weights"].shape == (4, 8, 2)
    assert np.allclose(history["weights"][-1], net.layers[0].weight.detach().cpu())
    assert not np.allclose(history["weights"][0], history["weights"][-1])


def test_measuring_changes_nothing(task, device):
    """Measurements run in evaluation mode and without gradients, and training goes on as if they had not been."""
    results = []
    for measure in (
        {},
        {"mode": lambda network: float(network.training), "graph": lambda network: float(torch.is_grad_enabled())},
    ):
        nb.set_seed(3)
        net = nn.Sequential(MLP([2, 8, 2]), nn.Dropout(0.5)).to(device)
        draws = torch.Generator().manual_seed(1)
        history = fit(Backprop(net, cross_entropy), task, 10, measure=measure, every=1, generator=draws)
        results.append(history.loss)
        assert net.training
    assert np.array_equal(*results)
    assert history["mode"].sum() == history["graph"].sum() == 0


def test_history_tells_what_it_holds(task, net):
    history = fit(Backprop(net, cross_entropy), task, 5, trials=8, measure={"accuracy": lambda network: 0.75})
    assert "5 steps of 8 trials" in repr(history) and "accuracy 0.75" in repr(history)
    assert np.array_equal(history["loss"], history.loss)
    with pytest.raises(KeyError, match="nothing called 'accurcy' was measured, only loss, accuracy"):
        history["accurcy"]


def test_clip_bounds_the_step(task, net):
    before = [p.detach().clone() for p in net.parameters()]
    fit(Backprop(net, 1000 * cross_entropy), task, 1, optimizer=sgd(net, 1.0), clip=0.01)
    step = torch.cat([(p.detach() - old).flatten() for p, old in zip(net.parameters(), before, strict=True)])
    assert float(step.norm()) == pytest.approx(0.01, rel=1e-3)


def test_schedule_advances_each_step(task, net):
    optimizer = sgd(net)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    fit(Backprop(net, cross_entropy), task, 3, schedule=schedule)
    assert schedule.get_last_lr() == [pytest.approx(0.1 / 8)]


def test_after_step_is_called_with_the_network(task, net):
    def clamp(network):
        with torch.no_grad():
            network.layers[0].weight.clamp_(min=0)

    fit(Backprop(net, cross_entropy), task, 5, after_step=clamp)
    assert net.layers[0].weight.min() >= 0


def test_a_loss_that_is_not_finite_stops_training_before_the_update(task, net):
    @Objective
    def breaks(outputs, activity, batch, network):
        steps.append(1)
        return outputs.sum(-1) * (float("nan") if len(steps) == 4 else 1.0)

    steps, seen = [], []
    with pytest.raises(FloatingPointError, match=r"became nan at step 3.*learning rate is too high"):
        fit(
            Backprop(net, breaks),
            task,
            10,
            after_step=lambda network: seen.append(network.layers[0].weight.detach().clone()),
        )
    assert len(seen) == 3
    assert torch.equal(net.layers[0].weight, seen[-1])


def test_too_high_a_learning_rate_is_reported(task, net):
    with pytest.raises(FloatingPointError, match="divide it by 10"):
        fit(Backprop(net, squared_error), task, 200, optimizer=sgd(net, 100.0))


def test_an_interruption_keeps_weights_and_history(task, net, capsys):
    def stop_at_step_7(network):
        steps.append(1)
        if len(steps) == 7:
            raise KeyboardInterrupt

    steps, start = [], net.layers[0].weight.detach().clone()
    history = fit(
        Backprop(net, cross_entropy), task, 100, after_step=stop_at_step_7, measure={"one": lambda network: 1.0}
    )
    assert history.interrupted and len(history.loss) == 7
    assert history.measured_at[-1] == 7
    assert not torch.equal(net.layers[0].weight, start)
    assert "Stopped after 7 of 100 steps" in capsys.readouterr().out


def test_progress_shows_the_loss(task, net, capsys):
    nb.fit(Backprop(net, cross_entropy), task, 5)
    assert "5/5" in (shown := capsys.readouterr().err) and "loss=" in shown


@pytest.mark.parametrize(
    "options, message",
    [
        ({"steps": 0}, "steps should be a positive integer, got 0"),
        ({"steps": 2.5}, "steps should be a positive integer"),
        ({"steps": 5, "trials": -1}, "trials should be a positive integer"),
        ({"steps": 5, "every": 0}, "every should be a positive integer"),
        ({"steps": 5, "clip": -1.0}, "clip should be a positive number"),
        ({"steps": 5, "trials": 1000}, "1000 trials asked for"),
    ],
)
def test_bad_numbers_are_refused(task, net, options, message):
    with pytest.raises(ValueError, match=message):
        fit(Backprop(net, cross_entropy), task, **options)


def test_an_optimizer_of_another_network_is_refused(task, net, device):
    with pytest.raises(ValueError, match="parameters of another network"):
        fit(Backprop(net, cross_entropy), task, 5, optimizer=sgd(MLP([2, 8, 2]).to(device)))


def test_a_schedule_of_another_optimizer_is_refused(task, net):
    schedule = torch.optim.lr_scheduler.ExponentialLR(sgd(net), gamma=0.9)
    with pytest.raises(ValueError, match="another optimizer"):
        fit(Backprop(net, cross_entropy), task, 5, optimizer=sgd(net), schedule=schedule)


def test_network_and_task_on_different_devices_are_refused(task):
    with pytest.raises(ValueError, match=r"the network is on meta.*network.to\(nb.device\(\)\)"):
        fit(Backprop(MLP([2, 2]).to("meta"), cross_entropy), task, 5)


def test_an_optimizer_that_also_holds_foreign_parameters_is_refused(task, net, device):
    both = torch.optim.SGD([*net.parameters(), *MLP([2, 2]).to(device).parameters()], lr=0.1)
    with pytest.raises(ValueError, match="parameters of another network"):
        fit(Backprop(net, cross_entropy), task, 5, optimizer=both)


@pytest.mark.parametrize("optimizer", [torch.optim.LBFGS, lambda parameters: "adam"])
def test_what_is_no_fitting_optimizer_is_refused(task, net, optimizer):
    with pytest.raises(TypeError, match="except LBFGS"):
        fit(Backprop(net, cross_entropy), task, 5, optimizer=optimizer(net.parameters()))


def test_a_schedule_that_follows_a_measurement_is_refused(task, net):
    optimizer = sgd(net)
    with pytest.raises(TypeError, match="ReduceLROnPlateau"):
        fit(Backprop(net, cross_entropy), task, 5, schedule=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rule": "backprop"}, "trains with a learning rule.*got str"),
        ({"task": torch.zeros(3)}, "which a Tensor does not have"),
        ({"measure": {"accuracy": 0.5}}, "a dict of functions"),
        ({"measure": len}, "a dict of functions"),
    ],
)
def test_arguments_of_another_kind_are_refused(task, net, arguments, message):
    arguments = {"rule": Backprop(net, cross_entropy), "task": task, "steps": 5} | arguments
    with pytest.raises(TypeError, match=message):
        fit(**arguments)


def test_a_measure_may_not_be_called_loss(task, net):
    with pytest.raises(ValueError, match="cannot be called 'loss'"):
        fit(Backprop(net, cross_entropy), task, 5, measure={"loss": lambda network: 0.0})


def test_a_network_whose_parameters_were_replaced_is_refused(task, net, device):
    rule = Backprop(net, cross_entropy)
    net.layers[1] = nn.Linear(8, 2).to(device)
    with pytest.raises(ValueError, match="build the rule anew"):
        fit(rule, task, 5)


def test_a_frozen_network_is_refused(task, net):
    rule = Backprop(net.requires_grad_(False), cross_entropy)
    with pytest.raises(ValueError, match="nothing to teach"):
        fit(rule, task, 5)


def test_an_estimate_that_is_not_finite_is_not_applied(task, net):
    @Objective
    def steep(outputs, activity, batch, network):
        return (outputs.sum(1) * 0).sqrt()  # 0, with an infinite slope

    before = net.layers[0].weight.detach().clone()
    with pytest.raises(
        FloatingPointError, match="at step 0 the objective is 0, but what the rule estimates is not finite"
    ):
        fit(Backprop(net, steep), task, 5)
    assert torch.equal(net.layers[0].weight, before)


def test_a_measure_that_draws_from_the_task_does_not_disturb_training(task, device):
    losses = []
    for measure in ({}, {"sample": lambda network: float(task.sample(50).inputs.sum() + torch.rand(()))}):
        nb.set_seed(3)
        net = MLP([2, 8, 2]).to(device)
        history = fit(Backprop(net, cross_entropy), task, 20, measure=measure, every=3)
        losses.append(history.loss)
    assert np.array_equal(*losses)


def test_a_noisy_measure_sees_the_same_noise_each_time(task, net):
    history = fit(Backprop(net, cross_entropy), task, 20, measure={"noise": lambda network: torch.rand(3)}, every=5)
    assert (history["noise"] == history["noise"][0]).all()


@pytest.mark.parametrize(
    "measure, error, message",
    [
        (lambda network: "good", TypeError, "'m' returned 'good'; it should return a number"),
        (lambda network: None, TypeError, "'m' returned None"),
    ],
)
def test_a_measure_that_is_no_number_is_refused(task, net, measure, error, message):
    with pytest.raises(error, match=message):
        fit(Backprop(net, cross_entropy), task, 5, measure={"m": measure})


def test_a_measure_that_changes_its_shape_is_refused(task, net):
    sizes = iter(range(1, 100))
    with pytest.raises(ValueError, match=r"'m' had shape \(1,\) at step 0 and \(2,\) at step 2"):
        fit(Backprop(net, cross_entropy), task, 5, measure={"m": lambda network: torch.zeros(next(sizes))}, every=2)


def test_an_interruption_within_a_measurement_keeps_whole_rounds(task, net, capsys):
    def stops(network):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 1.0

    calls = []
    measure = {"first": lambda network: 1.0, "second": stops}
    history = fit(Backprop(net, cross_entropy), task, 20, measure=measure, every=5)
    assert history.interrupted
    assert len(history["first"]) == len(history["second"]) == len(history.measured_at)
