"""Recording, accuracy, angles."""

from collections import OrderedDict

import pytest
import torch
from examples import SmallRNN
from torch import nn

from nnbrain.analysis import accuracy, angle, record
from nnbrain.networks import MLP
from nnbrain.tasks import FiniteTask


def test_record_gives_every_layer_of_an_mlp():
    net, x = MLP([4, 6, 5, 3]), torch.randn(7, 4)
    activity = record(net, x)
    assert list(activity) == ["layers.0", "rates.0", "layers.1", "rates.1", "layers.2", "outputs"]
    assert torch.equal(activity["rates.1"], torch.relu(net.layers[1](activity["rates.0"])))
    assert torch.equal(activity["outputs"], net(x))


def test_record_follows_a_recurrent_network_over_time():
    net, x = SmallRNN(2, 5, 3), torch.randn(4, 6, 2)
    recorded = record(net, x)
    outputs, activity = net(x)
    assert torch.equal(recorded["activity"], activity)
    assert torch.equal(recorded["outputs"], outputs)
    assert recorded["rate"].shape == (4, 6, 5)  # called once a step
    assert torch.allclose(0.5 * recorded["rate"][:, 0], activity[:, 0])


def test_record_gives_each_gate_a_name():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.gates = nn.ModuleDict({"input": nn.Linear(2, 3), "forget": nn.Linear(2, 3)})

        def forward(self, x):
            r = torch.zeros(len(x), 3)
            rates = []
            for x_t in x.unbind(1):
                r = torch.sigmoid(self.gates["forget"](x_t)) * r + torch.sigmoid(self.gates["input"](x_t))
                rates.append(r)
            activity = torch.stack(rates, 1)
            return activity, activity

    assert record(Gated(), torch.randn(4, 6, 2))["gates.forget"].shape == (4, 6, 3)


def test_record_works_on_torchs_own_recurrent_network():
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(2, 5, batch_first=True), nn.Linear(5, 1)

        def forward(self, x):
            r, _ = self.lstm(x)
            return self.out(r), r

    recorded = record(Wrapped(), torch.randn(4, 6, 2))
    assert torch.equal(recorded["lstm.0"], recorded["activity"])
    assert recorded["lstm.1.1"].shape == (1, 4, 5)  # the last cell state


def test_a_part_used_twice_is_recorded_twice():
    f = nn.ReLU()
    recorded = record(nn.Sequential(nn.Linear(4, 3), f, nn.Linear(3, 3), f), torch.randn(5, 4))
    assert list(recorded) == ["0", "1", "1 #2", "2", "outputs"]
    assert torch.equal(recorded["1 #2"], recorded["outputs"])


def test_a_part_that_works_in_place_does_not_spoil_the_record():
    net, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True)), torch.randn(5, 4)
    assert torch.equal(record(net, x)["0"], net[0](x))


def test_record_leaves_no_hook_behind_even_after_an_error():
    net = MLP([4, 6, 3])
    with pytest.raises(ValueError, match="expects inputs"):
        record(net, torch.zeros(2, 5))
    assert not any(module._forward_hooks for module in net.modules())


def test_record_keeps_gradients_only_when_asked():
    net, x = MLP([4, 6, 3]), torch.randn(5, 4, requires_grad=True)
    assert not record(net, x)["rates.0"].requires_grad
    (slope,) = torch.autograd.grad(record(net, x, grad=True)["rates.0"][:, 2].sum(), x)
    on = (net.layers[0](x)[:, 2:3] > 0).float()
    assert torch.allclose(slope, on * net.layers[0].weight[2])


def test_accuracy_is_the_fraction_correct(device):
    x = torch.eye(4)
    task = FiniteTask(x, torch.tensor([0, 1, 2, 0]))
    net = MLP([4, 4]).to(device)
    with torch.no_grad():
        net.layers[0].weight.copy_(torch.eye(4))
        net.layers[0].bias.zero_()
    assert accuracy(net, task) == 0.75
    assert accuracy(net, task, task.all()[:3]) == 1.0


def test_accuracy_on_an_endless_task_needs_a_batch():
    with pytest.raises(ValueError, match=r"task.sample\(1000\)"):
        accuracy(MLP([2, 2]), object())


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 30.0, 90.0, 135.0, 179.9999, 180.0])
def test_angle_is_exact_even_near_its_ends(degrees):
    a = torch.tensor([1.0, 0.0], dtype=torch.float64)
    radians = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    b = 3 * torch.stack([radians.cos(), radians.sin()])
    assert angle(a, b) == pytest.approx(degrees, abs=1e-8)


def test_angle_takes_the_gradients_of_a_network_together():
    a = [torch.tensor([[1.0, 0.0]]), torch.tensor([0.0])]
    b = [torch.tensor([[0.0, 0.0]]), torch.tensor([2.0])]
    assert angle(a, b) == pytest.approx(90)


@pytest.mark.parametrize(
    "b, message",
    [
        (torch.zeros(3), "not zero"),
        (torch.ones(2), r"same shapes, got \[\(3,\)\] and \[\(2,\)\]"),
        (torch.tensor([1.0, float("nan"), 0]), "finite"),
    ],
)
def test_angle_refuses_what_has_none(b, message):
    with pytest.raises(ValueError, match=message):
        angle(torch.ones(3), b)


def test_angle_does_not_mix_up_layers():
    a = [torch.ones(2), torch.ones(3)]
    with pytest.raises(ValueError, match="same shapes"):
        angle(a, a[::-1])


@pytest.mark.parametrize("bad", [None, [], [torch.ones(2), None], [1.0, 2.0]])
def test_angle_refuses_what_is_no_tensor(bad):
    with pytest.raises(TypeError):
        angle(bad, bad)


def test_accuracy_and_record_look_at_the_network_as_it_is_in_use():
    """Dropout is off while they look, and on again afterwards where it was on before."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Dropout(0.5))
    net[2].eval()
    x = torch.randn(50, 4)
    recorded = record(net, x)
    assert torch.equal(recorded["1"], recorded["0"])
    task = FiniteTask(x, torch.zeros(50, dtype=torch.int64))
    assert len({accuracy(net.to(task.all().inputs.device), task) for _ in range(5)}) == 1
    assert [part.training for part in (net, *net)] == [True, True, True, False]


class Unrolled(nn.Module):
    """A network that uses one part twice at every step, and another once, at the start."""

    def __init__(self):
        super().__init__()
        self.first, self.twice = nn.Linear(2, 3), nn.Tanh()

    def forward(self, x):
        r = self.first(x[:, 0])
        rates = []
        for _ in range(x.shape[1]):
            r = self.twice(r)
            r = self.twice(2 * r)
            rates.append(r)
        return torch.stack(rates, 1), torch.stack(rates, 1)


@pytest.mark.parametrize("steps", [1, 6])
def test_a_part_used_twice_at_each_step_is_recorded_twice_over_time(steps):
    recorded = record(Unrolled(), torch.randn(4, steps, 2))
    assert recorded["twice"].shape == recorded["twice #2"].shape == (4, steps, 3)
    assert torch.equal(recorded["twice #2"], recorded["activity"])
    assert recorded["first"].shape == (
        (4, 1, 3) if steps == 1 else (4, 3)
    )  # a part used once at the only step works over time


def test_parts_that_return_dictionaries_are_recorded_by_key():
    class Both(nn.Module):
        def forward(self, x):
            return {"plus": x, "minus": -x}

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.both = Both()

        def forward(self, x):
            return self.both(x)["minus"]

    recorded = record(Network(), torch.ones(2, 3))
    assert list(recorded) == ["both.plus", "both.minus", "outputs"]


def test_record_refuses_parts_that_bear_a_name_of_the_result():
    with pytest.raises(ValueError, match="a part called 'outputs'"):
        record(nn.Sequential(OrderedDict(outputs=nn.Linear(2, 2))), torch.ones(1, 2))


def test_record_refuses_gradients_through_what_was_overwritten():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True))
    with pytest.raises(ValueError, match="inplace=False"):
        record(net, torch.randn(5, 4), grad=True)
