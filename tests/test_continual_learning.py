"""Continual learning: anchors and their importances against closed forms, the tasks that come one after the other, replay."""

import copy
import pickle
import sys

import pytest
import torch
from examples import SmallRNN

import nnbrain as nb
from nnbrain.analysis import accuracy
from nnbrain.learning import Backprop
from nnbrain.networks import MLP, RNN, MultiHeadMLP, train_only
from nnbrain.objectives import (
    ElasticWeightConsolidation,
    SynapticIntelligence,
    WeightAnchor,
    cross_entropy,
    fisher_information,
    l2,
    squared_error,
)
from nnbrain.tasks import Batch, Digits, FiniteTask, FlipFlop, Mixture, PermutedDigits, ReplayBuffer, SplitDigits, Task
from nnbrain.train import fit

ANCHORS = {
    "anchor": lambda net: WeightAnchor(net, 0.5),
    "EWC": lambda net: ElasticWeightConsolidation(net, 2.0),
    "SI": lambda net: SynapticIntelligence(net, 2.0),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(*sizes, **arguments):
    return MLP(sizes or [3, 4, 2], "tanh", **arguments).double()


def examples(trials=6, inputs=3, classes=2):
    return Batch(torch.randn(trials, inputs, dtype=torch.float64), torch.randint(classes, (trials,)))


def moved(net, by=0.1):
    """The same network, its parameters somewhere else."""
    other = copy.deepcopy(net)
    with torch.no_grad():
        for p in other.parameters():
            p += by * torch.randn_like(p)
    return other


def slopes(objective, net, batch):
    return torch.autograd.grad(objective(net, batch), list(net.parameters()))


# Equation 44


@pytest.mark.covers("Primer, Equation 44")
def test_an_anchor_is_the_sum_written_out():
    net = MLP([2, 2], bias=False).double()
    W_fix = net.layers[0].weight.detach().clone()
    M = torch.tensor([[1.0, 0.0], [2.0, 0.5]], dtype=torch.float64)
    anchor = WeightAnchor(net, 3.0, {"layers.0.weight": M})
    W = torch.tensor([[0.3, -1.0], [2.0, 0.1]], dtype=torch.float64)
    with torch.no_grad():
        net.layers[0].weight.copy_(W)
    by_hand = 3.0 * sum(float(M[i, j] * (W[i, j] - W_fix[i, j]) ** 2) for i in range(2) for j in range(2))
    assert anchor(net, examples(inputs=2)).item() == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.covers("Primer, Equation 44")
def test_the_pull_of_an_anchor_is_2_beta_M_times_the_distance():
    net = small()
    anchor = WeightAnchor(net, 0.7, importance=1.5)
    other = moved(net)
    for g, now, fixed in zip(slopes(anchor, other, examples()), other.parameters(), net.parameters(), strict=True):
        assert torch.allclose(g, 2 * 0.7 * 1.5 * (now - fixed))


def test_an_anchor_is_zero_where_it_was_made():
    net = small()
    assert WeightAnchor(net, 5.0)(net, examples()) == 0


def test_an_anchor_at_zero_is_l2_but_for_its_factor():
    net = small(bias=False)
    zero = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    assert torch.allclose(WeightAnchor(net, 0.5, anchor=zero)(net, examples()), l2(net, examples()))


def test_an_anchor_can_lie_at_another_network():
    net, there = small(), small()
    batch = examples()
    assert torch.allclose(WeightAnchor(net, 1.0, anchor=there)(net, batch), WeightAnchor(there, 1.0)(net, batch))


def test_parameters_without_importance_are_free():
    net = small()
    anchor = WeightAnchor(net, 1.0, {"layers.0.weight": torch.ones(4, 3)})
    with torch.no_grad():
        net.layers[1].weight += 1
        net.layers[0].bias += 1
    assert anchor(net, examples()) == 0


@pytest.mark.parametrize("make", ANCHORS.values(), ids=ANCHORS)
def test_an_anchor_adds_up_with_any_objective(make):
    net, batch = small(), examples()
    anchor = make(net)
    other = moved(net)
    both = cross_entropy + anchor + 1e-2 * l2
    expected = cross_entropy(other, batch) + anchor(other, batch) + 1e-2 * l2(other, batch)
    assert torch.allclose(both(other, batch), expected)
    assert both(other, batch, reduction="none").shape == (len(batch),)


def test_an_anchor_too_strong_for_the_learning_rate_is_reported():
    task = SplitDigits(0, scenario="domain")
    net = MLP([64, 4, 2]).to(nb.device())
    rule = Backprop(net, cross_entropy + WeightAnchor(net, 1000.0))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # stable below 2 / (2 β M) = 0.001
    with pytest.raises(FloatingPointError, match="learning rate is too high"):
        fit(rule, task, 200, optimizer=optimizer, progress=False)


@pytest.mark.parametrize("make", ANCHORS.values(), ids=ANCHORS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_anchors_can_be_copied(make, duplicate):
    net = small()
    anchor, other = make(net), moved(net)
    assert duplicate(anchor)(other, examples()) == anchor(other, examples())


def test_an_anchor_follows_the_network_to_its_type_and_device(device):
    net = MLP([3, 4, 2])
    anchor = WeightAnchor(net, 1.0)
    net = net.double().to(device)
    value = anchor(net, Batch(torch.randn(5, 3, dtype=torch.float64, device=device)))
    assert value.dtype == torch.float64 and value.device.type == device.type and value < 1e-10


BAD_ANCHORS = {
    "no network": (lambda net: WeightAnchor("net", 1.0), TypeError, "an nn.Module, got str"),
    "negative strength": (lambda net: WeightAnchor(net, -1.0), ValueError, "strength should be a number from 0 up"),
    "endless strength": (lambda net: WeightAnchor(net, float("inf")), ValueError, "strength"),
    "negative importance": (lambda net: WeightAnchor(net, 1.0, -2.0), ValueError, "importance"),
    "negative importances": (
        lambda net: WeightAnchor(net, 1.0, {"layers.0.bias": -torch.ones(4)}),
        ValueError,
        "drive its weight away",
    ),
    "unknown name": (lambda net: WeightAnchor(net, 1.0, {"W": torch.ones(4)}), ValueError, r"names \['W'\]"),
    "wrong shape": (
        lambda net: WeightAnchor(net, 1.0, {"layers.0.bias": torch.ones(3)}),
        ValueError,
        r"shape \(3,\); the parameter has \(4,\)",
    ),
    "no tensor": (lambda net: WeightAnchor(net, 1.0, {"layers.0.bias": 1.0}), TypeError, "should be a tensor"),
    "NaN": (lambda net: WeightAnchor(net, 1.0, {"layers.0.bias": torch.full((4,), torch.nan)}), ValueError, "finite"),
    "anchor says nothing": (lambda net: WeightAnchor(net, 1.0, anchor={}), ValueError, "says nothing about"),
    "no dict": (lambda net: WeightAnchor(net, 1.0, anchor=torch.ones(3)), TypeError, "a dict from the names"),
    "nothing to train": (lambda net: WeightAnchor(net.requires_grad_(False), 1.0), ValueError, "nothing to hold"),
    "another network": (
        lambda net: WeightAnchor(net, 1.0)(small(3, 5, 2), examples()),
        ValueError,
        "made for another network",
    ),
    "damping": (lambda net: SynapticIntelligence(net, 1.0, damping=0.0), ValueError, "damping should be a positive"),
    "scaled SI": (lambda net: 2.0 * SynapticIntelligence(net, 1.0), TypeError, "scale a SynapticIntelligence by"),
    "SI without steps": (
        lambda net: SynapticIntelligence(net, 1.0).consolidate(),
        RuntimeError,
        "after_step=si.follow",
    ),
    "SI, another network": (
        lambda net: SynapticIntelligence(net, 1.0).follow(small()),
        ValueError,
        "follows another network",
    ),
    "EWC of an endless task": (
        lambda net: ElasticWeightConsolidation(net, 1.0).consolidate(FlipFlop()),
        TypeError,
        "a task with all",
    ),
}


@pytest.mark.parametrize("make, error, message", BAD_ANCHORS.values(), ids=BAD_ANCHORS)
def test_an_anchor_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make(small())


# W = W_train + W_fix


def test_only_the_chosen_connections_change():
    net = train_only(MLP([64, 20, 10]).to(nb.device()), 0.2, generator=seeded())
    before = {name: getattr(net.layers[0], name).detach().clone() for name in ("weight", "bias")}
    mask = net.layers[0].parametrizations.weight[0].mask
    fit(Backprop(net, cross_entropy), Digits(), steps=20, progress=False)
    changed = net.layers[0].weight != before["weight"]
    assert not (changed & ~mask).any() and changed.sum() > 0.8 * mask.sum()
    assert torch.equal(net.layers[0].bias, before["bias"])


def test_the_fraction_of_trainable_connections_is_exact():
    net = train_only(MLP([50, 40, 10]), 0.1, generator=seeded())
    masks = [layer.parametrizations.weight[0].mask for layer in net.layers]
    assert [int(mask.sum()) for mask in masks] == [200, 40]


def test_choosing_connections_changes_no_answer():
    net = small()
    x = torch.randn(5, 3, dtype=torch.float64)
    before = net(x)
    assert torch.equal(train_only(net, 0.5)(x), before)


def test_masks_choose_connections_by_name():
    net = small()
    mask = torch.zeros(4, 3, dtype=torch.bool)
    mask[1, 2] = True
    train_only(net, {"layers.0.weight": mask})
    taught = {name: p for name, p in net.named_parameters() if p.requires_grad}
    assert list(taught) == ["layers.0.parametrizations.weight.original"]
    cross_entropy(net, examples()).backward()
    assert (net.layers[0].parametrizations.weight.original.grad != 0).nonzero().tolist() == [[1, 2]]


def test_biases_can_stay_trainable():
    net = train_only(small(), 0.5, biases=True)
    assert net.layers[0].bias.requires_grad


def test_a_recurrent_network_can_be_trained_selectively():
    net = train_only(RNN(2, 10, 2), 0.1, generator=seeded())
    W_r = net.W_r.detach().clone()
    mask = net.recurrent.parametrizations.weight[0].mask
    task = FiniteTask(torch.randn(20, 5, 2), torch.randn(20, 5, 2))
    fit(Backprop(net.to(nb.device()), squared_error), task, steps=5, trials=10, progress=False)
    assert ((net.W_r.cpu() != W_r) == mask.cpu()).all()


def test_a_selective_network_can_be_copied_saved_and_changed_in_type():
    net = train_only(MLP([3, 4, 2]), 0.5)
    twin = train_only(MLP([3, 4, 2]), 0.5)
    twin.load_state_dict(net.state_dict())
    x = torch.randn(5, 3)
    assert torch.equal(twin(x), net(x)) and torch.equal(copy.deepcopy(net)(x), net(x))
    assert net.double()(x.double()).dtype == torch.float64


BAD_SELECTIONS = {
    "no network": (lambda: train_only(3, 0.5), TypeError, "an nn.Module, got int"),
    "nothing": (lambda: train_only(small(), 0.0), ValueError, "above 0 and at most 1"),
    "too much": (lambda: train_only(small(), 1.5), ValueError, "above 0 and at most 1"),
    "unknown name": (lambda: train_only(small(), {"W": torch.ones(3) > 0}), ValueError, r"names \['W'\]"),
    "no mask": (
        lambda: train_only(small(), {"layers.0.bias": torch.ones(4)}),
        TypeError,
        "booleans, got torch.float32",
    ),
    "wrong shape": (lambda: train_only(small(), {"layers.0.bias": torch.ones(3) > 0}), ValueError, r"\(3,\)"),
    "twice": (lambda: train_only(train_only(small(), 0.5), 0.5), ValueError, "parametrized already"),
}


@pytest.mark.parametrize("make, error, message", BAD_SELECTIONS.values(), ids=BAD_SELECTIONS)
def test_selective_training_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


# The Fisher information


def test_the_fisher_information_of_a_softmax_layer_has_its_closed_form():
    net, batch = small(4, 3), examples(50, 4)
    p = net(batch.inputs).softmax(-1)
    F = fisher_information(net, batch)
    expected = torch.einsum("ki,kj->ij", p * (1 - p), batch.inputs.square()) / 50  # pᵢ (1 − pᵢ) xⱼ²
    assert torch.allclose(F["layers.0.weight"], expected)
    assert torch.allclose(F["layers.0.bias"], (p * (1 - p)).mean(0))


def test_the_fisher_information_of_a_softmax_layer_is_the_curvature_of_its_loss():
    net, batch = small(4, 3, bias=False), examples(20, 4)

    def loss(W):
        return torch.nn.functional.cross_entropy(batch.inputs @ W.view(3, 4).T, batch.targets)

    H = torch.autograd.functional.hessian(loss, net.layers[0].weight.detach().flatten())
    assert torch.allclose(fisher_information(net, batch)["layers.0.weight"].flatten(), H.diag())


def test_the_fisher_information_is_the_mean_over_the_answers_of_the_network():
    net, batch = small(3, 5, 4), examples(7)
    expected = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    for x in batch.inputs:
        log_p = net(x.unsqueeze(0)).log_softmax(-1)[0]
        for c in range(4):
            g = torch.autograd.grad(log_p[c], list(net.parameters()), retain_graph=True)
            for name, slope in zip(expected, g, strict=True):
                expected[name] += log_p[c].exp().detach() * slope**2 / 7
    found = fisher_information(net, batch)
    assert all(torch.allclose(found[name], expected[name]) for name in expected)


def test_the_gaussian_fisher_information_of_a_linear_layer_has_its_closed_form():
    net, batch = small(4, 3), examples(50, 4)
    F = fisher_information(net, batch, "gaussian")
    assert torch.allclose(F["layers.0.weight"], batch.inputs.square().mean(0).expand(3, 4))


def test_the_fisher_information_does_not_depend_on_how_many_trials_memory_holds(monkeypatch):
    net, batch = small(), examples(10)
    at_once = fisher_information(net, batch)
    monkeypatch.setattr(sys.modules[fisher_information.__module__], "_LARGEST", 3 * 2 * 26)
    in_parts = fisher_information(net, batch)
    assert all(torch.allclose(at_once[name], in_parts[name]) for name in at_once)


@pytest.mark.parametrize("make", [lambda: SmallRNN(2, 4, 3), lambda: RNN(2, 4, 3)], ids=["unknown", "RNN"])
def test_a_recurrent_network_counts_the_steps_of_its_mask(make):
    net = make().double()
    mask = torch.tensor([[0, 1.0, 1.0], [0, 0, 1.0]])
    x = torch.randn(2, 3, 2, dtype=torch.float64)
    expected = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    for k, t in mask.nonzero().tolist():
        log_p = net(x[k : k + 1])[0][0, t].log_softmax(-1)
        for c in range(3):
            g = torch.autograd.grad(log_p[c], list(net.parameters()), retain_graph=True, allow_unused=True)
            for name, slope in zip(expected, g, strict=True):
                expected[name] += 0 if slope is None else log_p[c].exp().detach() * slope**2 / 2
    found = fisher_information(net, Batch(x, mask=mask))
    assert all(torch.allclose(found[name], expected[name]) for name in expected)


def test_the_fisher_information_leaves_the_network_as_it_was():
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout())
    batch = Batch(torch.randn(5, 3))
    first, second = fisher_information(net, batch), fisher_information(net, batch)
    assert torch.equal(first["0.weight"], second["0.weight"])  # no dropout within
    assert net.training and all(p.grad is None for p in net.parameters())


def test_the_fisher_information_of_heads_that_were_silent_is_zero():
    net = MultiHeadMLP([64, 8, 2], heads=5).to(nb.device())
    F = fisher_information(net, SplitDigits(3).all())["layers.1.weight"].view(5, 2, 8)
    assert (F[3] > 0).any() and (F[[0, 1, 2, 4]] == 0).all()


def test_a_selective_network_has_fisher_information_where_it_learns():
    net = train_only(small(), 0.5)
    F = fisher_information(net, examples())
    mask = net.layers[0].parametrizations.weight[0].mask
    assert (F["layers.0.parametrizations.weight.original"] > 0).equal(mask)


BAD_FISHERS = {
    "no batch": (lambda: fisher_information(small(), torch.zeros(3, 3)), TypeError, "a network and a Batch"),
    "likelihood": (
        lambda: fisher_information(small(), examples(), "poisson"),
        ValueError,
        "'categorical' or 'gaussian'",
    ),
    "one output": (lambda: fisher_information(small(3, 1), examples()), ValueError, "1 output cannot tell classes"),
    "fixed": (lambda: fisher_information(small().requires_grad_(False), examples()), ValueError, "no parameter"),
}


@pytest.mark.parametrize("make, error, message", BAD_FISHERS.values(), ids=BAD_FISHERS)
def test_the_fisher_information_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Elastic weight consolidation


def test_ewc_holds_nothing_before_the_first_task_ends():
    net = small()
    assert ElasticWeightConsolidation(net, 100.0)(moved(net), examples()) == 0


def test_ewc_pulls_as_the_penalties_of_all_earlier_tasks_together():
    net = small()
    ewc = ElasticWeightConsolidation(net, 3.0)
    earlier = []
    for seed in range(3):
        batch = examples()
        earlier.append(([p.detach().clone() for p in net.parameters()], list(fisher_information(net, batch).values())))
        ewc.consolidate(batch)
        with torch.no_grad():
            for p in net.parameters():
                p += torch.randn(p.shape, generator=seeded(seed), dtype=p.dtype)
    for i, (pull, theta) in enumerate(zip(slopes(ewc, net, examples()), net.parameters(), strict=True)):
        expected = sum(3.0 * F[i] * (theta - anchor[i]) for anchor, F in earlier)  # ∂/∂θ of (λ/2) Σ F (θ − θ*)²
        assert torch.allclose(pull, expected)


def test_online_ewc_pulls_towards_the_last_task():
    net = small()
    ewc = ElasticWeightConsolidation(net, 3.0, online=True)
    first, second = examples(), examples()
    ewc.consolidate(first)
    F = fisher_information(net, first)["layers.0.weight"]
    with torch.no_grad():
        net.layers[0].weight += 1
    ewc.consolidate(second)
    assert ewc(net, first) == 0
    assert torch.allclose(ewc.importance["layers.0.weight"], F + fisher_information(net, second)["layers.0.weight"])


def test_ewc_takes_a_task_or_its_trials():
    net = MLP([64, 4, 2]).to(nb.device())
    task = SplitDigits(1, scenario="domain")
    by_task, by_batch = ElasticWeightConsolidation(net, 1.0), ElasticWeightConsolidation(net, 1.0)
    by_task.consolidate(task)
    by_batch.consolidate(task.all())
    assert all(torch.equal(by_task.importance[name], by_batch.importance[name]) for name in by_task.importance)


# Synaptic intelligence


def test_the_path_integral_of_small_steps_is_the_fall_of_the_loss():
    net = small(4, 6, 3)
    batch = examples(40, 4, 3)
    task = FiniteTask(batch.inputs, batch.targets)
    si = SynapticIntelligence(net.to(nb.device()), 1.0)
    start = cross_entropy(net, task.all()).item()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
    rule = Backprop(net, cross_entropy + si)
    fit(rule, task, steps=600, trials=40, optimizer=optimizer, after_step=si.follow, progress=False)
    fall = start - cross_entropy(net, task.all()).item()
    gained = float(sum(w.sum() for w in si.omega.values()))
    assert fall > 0.1 and gained == pytest.approx(fall, rel=0.01)


def test_the_path_integral_knows_the_slope_of_the_task_alone():
    net = small()
    si = SynapticIntelligence(net, 2.0)
    si.importance = {name: torch.full_like(M, 0.7) for name, M in si.importance.items()}  # as after an earlier task
    with torch.no_grad():
        for p in net.parameters():
            p += 0.3
    si._begin()
    batch, names = examples(), [name for name, _ in net.named_parameters()]
    start = [p.detach().clone() for p in net.parameters()]
    g = slopes(cross_entropy, net, batch)
    rule = Backprop(net, cross_entropy + si)
    rule(batch)
    torch.optim.Adam(net.parameters(), lr=0.1).step()
    si.follow(net)
    for name, slope, before, now in zip(names, g, start, net.parameters(), strict=True):
        assert torch.allclose(si.omega[name], -slope * (now - before))


def test_importance_is_what_was_gained_over_the_distance_squared():
    net = small()
    si = SynapticIntelligence(net, 1.0, damping=0.1)
    start = net.layers[0].weight.detach().clone()
    batch = examples()
    expected = torch.zeros_like(start)
    for _ in range(3):
        before = net.layers[0].weight.detach().clone()
        Backprop(net, cross_entropy + si)(batch)
        torch.optim.SGD(net.parameters(), lr=0.5).step()
        expected -= net.layers[0].weight.grad * (net.layers[0].weight.detach() - before)
        si.follow(net)
    si.consolidate()
    distance = net.layers[0].weight.detach() - start
    assert torch.allclose(si.importance["layers.0.weight"], expected.clamp(min=0) / (distance**2 + 0.1))
    assert torch.equal(si.anchor["layers.0.weight"], net.layers[0].weight)


def test_importances_are_never_negative():
    net = small()
    si = SynapticIntelligence(net, 1.0)
    Backprop(net, cross_entropy)(examples())
    torch.optim.SGD(net.parameters(), lr=0.1, maximize=True).step()
    si.follow(net)
    assert all((w <= 0).all() for w in si.omega.values())
    si.consolidate()
    assert all((M == 0).all() for M in si.importance.values())


# Tasks, one after the other


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_five_pairs_are_all_digits(split):
    tasks = [SplitDigits(k, split, "class") for k in range(5)]
    assert [sorted(set(task.all().targets.tolist())) for task in tasks] == [[2 * k, 2 * k + 1] for k in range(5)]
    assert sum(len(task) for task in tasks) == len(Digits(split))


def test_scenarios_differ_in_cue_and_targets():
    by_scenario = {s: SplitDigits(3, scenario=s).all() for s in ("task", "domain", "class")}
    task, domain, klass = by_scenario.values()
    assert torch.equal(task.inputs[:, :64], domain.inputs) and torch.equal(domain.inputs, klass.inputs)
    assert (task.inputs[:, 64:] == torch.tensor([0, 0, 0, 1, 0], device=nb.device())).all()
    assert torch.equal(task.targets, klass.targets - 6) and torch.equal(domain.targets, task.targets)
    assert torch.equal(klass.conditions["digit"], klass.targets) and (task.conditions["pair"] == 3).all()


def test_permuted_digits_have_the_same_pixels_in_another_order():
    plain, shuffled = PermutedDigits(None).all(), PermutedDigits(4).all()
    assert torch.equal(plain.inputs, Digits().all().inputs)
    assert not torch.equal(shuffled.inputs, plain.inputs)
    assert torch.equal(shuffled.inputs.sort(1).values, plain.inputs.sort(1).values)
    assert torch.equal(shuffled.targets, plain.targets)


def test_both_splits_are_permuted_alike():
    assert torch.equal(PermutedDigits(4).permutation, PermutedDigits(4, "test").permutation)
    assert not torch.equal(PermutedDigits(4).permutation, PermutedDigits(5).permutation)


def test_a_mixture_has_its_proportions():
    mixture = Mixture([SplitDigits(0), SplitDigits(1), SplitDigits(2)], weights=[1, 0, 3])
    generator = seeded()
    which = torch.cat([mixture.sample(100, generator).conditions["task"] for _ in range(50)]).cpu()
    counts = which.bincount(minlength=3)
    assert counts[1] == 0 and abs(counts[0] / 5000 - 0.25) < 5 * (0.25 * 0.75 / 5000) ** 0.5


def test_a_mixture_scores_each_trial_by_its_task():
    easy = FiniteTask(torch.zeros(8, 2), torch.zeros(8, 1), tolerance=1.0)
    hard = FiniteTask(torch.zeros(8, 2), torch.zeros(8, 1), tolerance=0.1)
    mixture = Mixture([easy, hard])
    batch = mixture.sample(8, seeded())
    right = mixture.score(torch.full((8, 1), 0.5, device=nb.device()), batch)
    assert torch.equal(right, batch.conditions["task"] == 0)


def test_a_mixture_keeps_inputs_and_targets_together():
    mixture = Mixture([SplitDigits(k, scenario="class") for k in range(5)])
    batch = mixture.sample(64, seeded())
    assert torch.equal(batch.targets // 2, batch.conditions["task"])
    assert torch.equal(batch.conditions["digit"], batch.targets)


def test_a_replay_buffer_keeps_what_it_drew():
    task = SplitDigits(0)
    memory = ReplayBuffer(task, 10, seeded())
    kept = {tuple(x) for x in memory.all().inputs.tolist()}
    drawn = {tuple(x) for x in memory.sample(500, seeded(1)).inputs.tolist()}
    assert len(memory) == len(kept) == 10 and drawn == kept
    assert kept <= {tuple(x) for x in task.all().inputs.tolist()}


@pytest.mark.parametrize(
    "make", [lambda: Mixture([SplitDigits(0), SplitDigits(1)]), lambda: ReplayBuffer(SplitDigits(0), 9, seeded())]
)
def test_a_seed_means_the_same_draws(make):
    first, second = make().sample(20, seeded(3)), make().sample(20, seeded(3))
    assert torch.equal(first.inputs, second.inputs) and torch.equal(first.targets, second.targets)


def test_the_cue_chooses_the_head():
    net = MultiHeadMLP([3, 4, 2], heads=3)
    x = torch.randn(5, 3)
    r = net.rates[0](net.layers[0](x))
    for head in range(3):
        cue = torch.zeros(5, 3)
        cue[:, head] = 1
        rows = slice(2 * head, 2 * head + 2)
        expected = r @ net.layers[1].weight[rows].T + net.layers[1].bias[rows]
        assert torch.allclose(net(torch.cat([x, cue], 1)), expected, atol=1e-6)


class Endless(Task):
    """A task of another shape."""

    def sample(self, trials, generator=None):
        return Batch(torch.zeros(trials, 7).to(nb.device()), torch.zeros(trials, dtype=torch.long).to(nb.device()))

    def score(self, outputs, batch):
        return outputs.argmax(-1) == batch.targets


BAD_TASKS = {
    "pair": (lambda: SplitDigits(5), ValueError, "pair is 0 to 4"),
    "half a pair": (lambda: SplitDigits(0.5), ValueError, "pair is 0 to 4"),
    "scenario": (lambda: SplitDigits(0, scenario="shared"), ValueError, "'task', 'domain' or 'class'"),
    "split": (lambda: SplitDigits(0, "validation"), ValueError, "split is 'train' or 'test'"),
    "seed": (
        lambda: PermutedDigits(-1),
        ValueError,
        "seed, unless it is None .* should be an integer from 0 up, got -1",
    ),
    "empty mixture": (lambda: Mixture([]), ValueError, "one task or more"),
    "no task": (lambda: Mixture([SplitDigits]), TypeError, "made of tasks"),
    "weights": (lambda: Mixture([Endless()], [1, 2]), ValueError, "a number for each of the 1 tasks"),
    "zero weights": (lambda: Mixture([Endless()], [0]), ValueError, "not all 0"),
    "negative weights": (lambda: Mixture([Endless()], [-1]), ValueError, "each of weights"),
    "shapes": (lambda: Mixture([Endless(), SplitDigits(0)]).sample(30, seeded()), ValueError, "inputs have the shapes"),
    "foreign batch": (
        lambda: Mixture([Endless()]).score(torch.zeros(3, 2), Endless().sample(3)),
        ValueError,
        "which task each trial is of",
    ),
    "replay of nothing": (lambda: ReplayBuffer(SplitDigits(0), 0), ValueError, "examples should be a positive integer"),
    "replay of a batch": (lambda: ReplayBuffer(SplitDigits(0).all(), 5), TypeError, "examples of a task"),
    "heads": (lambda: MultiHeadMLP([3, 2], heads=0), ValueError, "heads should be a positive integer"),
    "no sizes": (lambda: MultiHeadMLP([], heads=2), ValueError, "two sizes or more"),
    "no cue": (lambda: MultiHeadMLP([3, 2], heads=2)(torch.zeros(5, 3)), ValueError, r"\(trials, 3 \+ 2\)"),
}


@pytest.mark.parametrize("make, error, message", BAD_TASKS.values(), ids=BAD_TASKS)
def test_a_task_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


# What it is all for


def first_after_second(make_penalty=None, replay=0):
    """Accuracy on the first pair, once the last has been learned with the same two outputs."""
    nb.set_seed(0)
    first, second = (SplitDigits(k, scenario="domain") for k in (0, 4))
    net = MLP([64, 30, 2]).to(nb.device())
    penalty = make_penalty(net) if make_penalty else None
    objective = cross_entropy + penalty if penalty else cross_entropy
    follow = getattr(penalty, "follow", None)
    fit(Backprop(net, objective), first, 150, after_step=follow, progress=False)
    if penalty:
        penalty.consolidate(*[] if follow else [first])
    task = Mixture([second, ReplayBuffer(first, replay)]) if replay else second
    fit(Backprop(net, objective), task, 150, after_step=follow, progress=False)
    return accuracy(net, SplitDigits(0, "test", "domain"))


@pytest.mark.parametrize(
    "remedy",
    [
        {"make_penalty": lambda net: ElasticWeightConsolidation(net, 1000.0)},
        {"make_penalty": lambda net: SynapticIntelligence(net, 1.0)},
        {"replay": 20},
    ],
    ids=["EWC", "SI", "replay"],
)
def test_forgetting_is_catastrophic_and_there_are_remedies(remedy):
    assert first_after_second() < 0.8
    assert first_after_second(**remedy) > 0.82


@pytest.mark.parametrize("frozen_first", [True, False])
def test_parameters_frozen_or_freed_since_are_noticed(frozen_first):
    network = MLP([3, 4, 2])
    network.layers[0].requires_grad_(not frozen_first)
    ewc, si = ElasticWeightConsolidation(network, 1.0), SynapticIntelligence(network, 1.0)
    network.layers[0].requires_grad_(frozen_first)
    batch = Batch(torch.randn(5, 3), torch.zeros(5).long())
    with pytest.raises(ValueError, match=r"what can be trained has changed .*layers\.0\.bias"):
        ewc.consolidate(batch)
    si.follow(network)
    with pytest.raises(ValueError, match="what can be trained has changed"):
        si.consolidate()


def test_a_mixture_of_mixtures_scores_each_trial_by_its_own_task():
    x = torch.randn(100, 2)
    strict, lenient = (FiniteTask(x, torch.zeros(100, 1), tolerance=t) for t in (0.1, 5.0))
    kept = ReplayBuffer(Mixture([strict, lenient]), 40, seeded())
    batch = Mixture([strict, kept], weights=[0, 1]).sample(60, seeded())
    lenient_ones = batch.conditions["inner task"] == 1
    right = Mixture([strict, kept]).score(torch.ones(60, 1).to(x), batch)
    assert 0 < lenient_ones.sum() < 60
    assert torch.equal(right, lenient_ones)


def test_a_factor_on_a_sum_with_synaptic_intelligence_is_refused_too():
    si = SynapticIntelligence(MLP([3, 2]), 1.0)
    for scaled in (lambda: 2 * (cross_entropy + si), lambda: -(cross_entropy + si)):
        with pytest.raises(TypeError, match="scale a SynapticIntelligence by its strength"):
            scaled()
    assert len((1 * (cross_entropy + si)).terms) == 2


def test_nan_inputs_do_not_get_into_the_importances():
    network = MLP([4, 3])
    ewc = ElasticWeightConsolidation(network, 1.0)
    x = torch.randn(5, 4)
    x[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"Fisher information of .* is NaN or infinite"):
        ewc.consolidate(Batch(x))
    assert all((M == 0).all() for M in ewc.importance.values())


def test_a_network_as_anchor_may_have_frozen_layers():
    network = MLP([3, 4, 2])
    network.layers[0].requires_grad_(False)
    assert set(WeightAnchor(network, 1.0, anchor=copy.deepcopy(network)).anchor) == {"layers.1.weight", "layers.1.bias"}


def test_a_sum_of_objectives_is_pickled_with_its_network():
    network, batch = MLP([3, 2]), Batch(torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1]))
    loss = 2 * cross_entropy + WeightAnchor(network, 1.0)
    with torch.no_grad():
        network.layers[0].weight += 1
    again, restored = pickle.loads(pickle.dumps((network, loss)))
    assert torch.allclose(restored(again, batch), loss(network, batch))
