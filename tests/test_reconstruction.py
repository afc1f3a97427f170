"""Autoencoders: unsupervised learning posed as supervised learning of the input."""

import math

import pytest
import torch

from nnbrain.analysis import accuracy, pca
from nnbrain.learning import Backprop
from nnbrain.networks import MLP
from nnbrain.objectives import squared_error
from nnbrain.tasks import (
    Batch,
    Digits,
    FiniteTask,
    FlipFlop,
    NaturalImagePatches,
    PatternCompletion,
    Reconstruction,
    Task,
)
from nnbrain.train import fit


@pytest.mark.parametrize("task", [Digits("test"), Digits("test", flatten=False), NaturalImagePatches(8), FlipFlop()])
def test_the_target_is_the_input(task):
    batch, original = (t.sample(5, torch.Generator().manual_seed(0)) for t in (Reconstruction(task), task))
    assert torch.equal(batch.inputs, original.inputs)
    assert torch.equal(batch.targets, original.inputs)
    assert batch.targets is not batch.inputs
    assert list(batch.conditions) == list(original.conditions)


def test_all_examples_are_those_of_the_task():
    batch = Reconstruction(Digits("test")).all()
    assert torch.equal(batch.targets, Digits("test").all().inputs)
    assert torch.equal(batch.conditions["digit"], Digits("test").all().targets)


def test_its_gradient_is_that_of_the_distance_between_output_and_input():
    net, batch = MLP([64, 5, 64], "tanh"), Reconstruction(Digits("test")).all()
    Backprop(net, squared_error)(batch)
    loss = 0.5 * (net(batch.inputs) - batch.inputs).square().sum(1).mean()
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    assert all(torch.allclose(p.grad, g, atol=1e-6) for p, g in zip(net.parameters(), gradients, strict=True))


def test_a_linear_autoencoder_spans_the_principal_components():
    """Baldi & Hornik 1989: its least error is half of the variance that the components leave, and there are no other minima."""
    axes = torch.linalg.qr(torch.randn(6, 6))[0]
    x = torch.randn(500, 6) * torch.tensor([3.0, 2.0, 1.5, 0.5, 0.3, 0.2]) @ axes.T
    x = x - x.mean(0)
    task = Reconstruction(FiniteTask(x, torch.zeros(500, dtype=torch.long)))
    net = MLP([6, 3, 6], "linear", generator=torch.Generator().manual_seed(0))
    rule = Backprop(net, squared_error)
    optimizer = torch.optim.SGD(rule.parameters(), lr=0.04)
    history = fit(rule, task, 1000, trials=500, optimizer=optimizer, progress=False)
    space = pca(x)
    left = 0.5 * float((space.variance[3:]).sum()) * 499 / 500
    assert history["loss"][-1] == pytest.approx(left, rel=5e-3)
    decoder = torch.linalg.qr(net.layers[-1].weight.detach())[0]
    cosines = torch.linalg.svdvals(space.components[:3] @ decoder)
    assert math.degrees(math.acos(min(1.0, float(cosines.min())))) < 1


def test_an_answer_is_correct_within_the_tolerance():
    task = Reconstruction(Digits("test"), tolerance=0.1)
    batch = task.sample(3)
    outputs = batch.inputs.clone()
    outputs[0] += 0.09
    outputs[1, 7] += 0.11
    assert task.score(outputs, batch).tolist() == [True, False, True]


def test_its_accuracy_can_be_asked():
    task = Reconstruction(Digits("test"), tolerance=1e-6)
    assert accuracy(torch.nn.Identity(), task, task.all()) == 1


def test_it_refuses_what_it_cannot_do():
    with pytest.raises(TypeError, match=r"inputs of a Task, Digits\(\) for instance, got 'digits'"):
        Reconstruction("digits")
    with pytest.raises(ValueError, match="tolerance should be a positive number"):
        Reconstruction(Digits("test"), tolerance=0)
    with pytest.raises(TypeError, match="no end of trials"):
        Reconstruction(NaturalImagePatches(8)).all()
    task = Reconstruction(Digits("test"))
    with pytest.raises(ValueError, match="how close is correct"):
        task.score(torch.zeros(2, 64), task.sample(2))
    close = Reconstruction(Digits("test"), tolerance=0.1)
    with pytest.raises(ValueError, match="need values of shape"):
        close.score(torch.zeros(2, 63), close.sample(2))
    with pytest.raises(ValueError, match="NaN"):
        close.score(torch.full((2, 64), float("nan")), close.sample(2))


def test_rewards_of_the_task_are_left_out():
    class Bandit(Task):
        def sample(self, trials, generator=None):
            return Batch(torch.ones(trials, 2), rewards=torch.ones(trials, 3))

        def score(self, outputs, batch):
            raise NotImplementedError

    assert Reconstruction(Bandit()).sample(2).rewards is None


def test_when_the_answer_of_the_task_counts_does_not_matter():
    task = PatternCompletion()
    assert task.sample(2).mask is not None
    assert Reconstruction(task).sample(2).mask is None
