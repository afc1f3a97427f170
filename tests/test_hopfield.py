"""Hopfield networks: energies that never rise, capacity and errors against theory, sequences, and attention as a memory."""

import copy
import math

import numpy as np
import pytest
import torch

from nnbrain.networks import HopfieldNetwork, KeyValueAttention, ModernHopfield, run
from nnbrain.tasks import Digits


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_patterns(n, units, seed=0, dtype=torch.float32):
    return (torch.randint(2, (n, units), generator=generator(seed)) * 2 - 1).to(dtype)


def flipped(patterns, share, seed=1):
    """The patterns with this share of all units flipped, at random."""
    flip = torch.rand(patterns.shape, generator=generator(seed)).argsort(1).argsort(1) < share * patterns.shape[1]
    return torch.where(flip, -patterns, patterns)


def digits(n):
    images = Digits("train").all().inputs[:n].cpu()
    return torch.where(images > 0.5, 1.0, -1.0)


def disordered(units=30, dtype=torch.float64):
    """A network with any symmetric weights."""
    net = HopfieldNetwork(units).to(dtype)
    W = torch.randn(units, units, generator=generator(), dtype=dtype)
    net.memory.copy_(W + W.T)
    return net


# Storage


def test_patterns_are_stored_by_the_products_of_both_ends():
    patterns = random_patterns(3, 6)
    W = HopfieldNetwork(6).store(patterns).W
    for i in range(6):
        for j in range(6):
            hebb = 0.0 if i == j else sum(float(xi[i] * xi[j]) for xi in patterns) / 6
            assert float(W[i, j]) == pytest.approx(hebb, abs=1e-6)


@pytest.mark.parametrize("rule", ["hebb", "projection"])
def test_patterns_may_come_one_after_the_other(rule):
    patterns = random_patterns(5, 40)
    together, one_by_one = HopfieldNetwork(40, rule=rule).store(patterns), HopfieldNetwork(40, rule=rule)
    for pattern in patterns:
        one_by_one.store(pattern.unsqueeze(0))
    assert torch.allclose(together.W, one_by_one.W, atol=1e-5)


def test_the_projection_is_that_of_the_pseudoinverse():
    patterns = random_patterns(7, 20, dtype=torch.float64)
    memory = HopfieldNetwork(20, rule="projection").double().store(patterns).memory
    assert torch.allclose(memory, patterns.T @ torch.linalg.pinv(patterns.T), atol=1e-10)


def test_the_projection_takes_a_pattern_only_once():
    patterns = random_patterns(5, 40)
    net = HopfieldNetwork(40, rule="projection").store(patterns)
    before = net.W
    assert torch.allclose(net.store(torch.cat([patterns[:2], -patterns[2:3]])).W, before, atol=1e-5)


# Energy and rest


def test_the_energy_is_the_sum_over_pairs():
    net, states = disordered(6), random_patterns(4, 6, dtype=torch.float64)
    for s, E in zip(states, net.energy(states), strict=True):
        pairs = sum(float(net.memory[i, j] * s[i] * s[j]) for i in range(6) for j in range(i))
        assert float(E) == pytest.approx(-pairs)


def test_the_energy_never_rises_when_units_take_turns():
    net, states = disordered(), random_patterns(200, 30, dtype=torch.float64)
    path = net.trajectory(states, 15, asynchronous=True, generator=generator())
    E = torch.stack([net.energy(s) for s in path.unbind(1)])
    assert (E.diff(dim=0) <= 1e-9).all()
    moved = (path.diff(dim=1) != 0).any(2).T
    assert (E.diff(dim=0)[moved] < 0).all()


def test_it_comes_to_rest_where_every_unit_agrees_with_its_input():
    net, states = disordered(), random_patterns(200, 30, dtype=torch.float64)
    rest = net.recall(states, generator=generator())
    assert ((rest @ net.W) * rest > 0).all()


def test_all_at_once_two_units_can_follow_each_other_for_ever():
    net, state = HopfieldNetwork(2).store(torch.ones(1, 2)), torch.tensor([[1.0, -1.0]])
    path = net.trajectory(state, 4)[0]
    assert torch.equal(path, torch.stack([state[0], -state[0]] * 2 + [state[0]]))
    assert net.recall(state).sum().abs() == 2


def test_in_turns_a_unit_sees_what_others_just_did():
    """A step by hand, in the order that the generator gives."""
    net, s = disordered(8), random_patterns(1, 8, dtype=torch.float64)
    expected = s[0].clone()
    for i in torch.randperm(8, generator=generator(3)):
        expected[i] = torch.sign(sum(net.W[i, j] * expected[j] for j in range(8)))
    assert torch.equal(net.trajectory(s, 1, asynchronous=True, generator=generator(3))[0, 1], expected)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_unit_without_input_stays_as_it_is(asynchronous):
    states = random_patterns(5, 7)
    assert torch.equal(HopfieldNetwork(7).recall(states, asynchronous=asynchronous), states)


def test_the_same_order_brings_a_trial_to_the_same_end_in_any_company():
    net, states = disordered(), random_patterns(50, 30, dtype=torch.float64)
    together = net.recall(states, generator=generator())
    alone = torch.cat([net.recall(s.unsqueeze(0), generator=generator()) for s in states])
    assert torch.equal(together, alone)


# Memory


def test_well_inside_its_capacity_it_completes_patterns():
    patterns = random_patterns(20, 400)  # 0.05 N
    net = HopfieldNetwork(400).store(patterns)
    assert torch.equal(net.recall(patterns), patterns)
    assert net.overlap(net.recall(flipped(patterns, 0.2)), patterns).diagonal().min() > 0.99


@pytest.mark.parametrize(("load", "low", "high"), [(0.09, 0.98, 1.0), (0.25, 0.0, 0.65)])
def test_it_holds_fewer_than_138_patterns_per_thousand_units(load, low, high):
    """Amit, Gutfreund & Sompolinsky 1985: below the capacity states rest within a few per cent of a pattern, above they leave."""
    patterns = random_patterns(round(load * 600), 600)
    net = HopfieldNetwork(600).store(patterns)
    kept = net.overlap(net.recall(patterns, generator=generator()), patterns).diagonal().mean()
    assert low < kept <= high


@pytest.mark.parametrize("load", [0.06, 0.08, 0.1])
def test_below_the_capacity_states_rest_where_mean_field_theory_says(load):
    """Amit, Gutfreund & Sompolinsky 1985, at zero temperature: α = ½ [erf(y)/y − 2/√π exp(−y²)]² and m = erf(y)."""
    y = torch.linspace(1.6, 4, 4001, dtype=torch.float64)  # from the capacity on
    alpha = 0.5 * (torch.erf(y) / y - 2 / math.pi**0.5 * torch.exp(-(y**2))) ** 2
    assert float(alpha.max()) == pytest.approx(0.1379, abs=2e-3)
    expected = torch.erf(y[(alpha - load).abs().argmin()])
    patterns = random_patterns(round(load * 1000), 1000)
    rest = HopfieldNetwork(1000).store(patterns).recall(patterns, generator=generator())
    kept = (rest * patterns).mean(1)
    assert float(kept.median()) == pytest.approx(float(expected), abs=0.004)


@pytest.mark.parametrize("P", [50, 80, 120, 200])
def test_the_error_of_the_first_step_is_that_of_gaussian_noise(P):
    """½ erfc(√(N / 2P)), with N = 400: the other patterns push a unit like noise of variance P/N."""
    wrong = []
    for seed in range(5):
        patterns = random_patterns(P, 400, seed)
        wrong.append((HopfieldNetwork(400).store(patterns).trajectory(patterns, 1)[:, 1] != patterns).float().mean())
    assert float(torch.stack(wrong).mean()) == pytest.approx(0.5 * math.erfc(math.sqrt(400 / (2 * P))), rel=0.15)


def test_the_negative_of_a_memory_is_one_too():
    patterns = random_patterns(10, 300)
    net = HopfieldNetwork(300).store(patterns)
    assert torch.equal(net.recall(-patterns), -patterns)


def test_a_mixture_of_three_memories_is_at_rest_though_never_stored():
    patterns = random_patterns(3, 1000)
    mixture = patterns.sum(0, keepdim=True).sign()
    net = HopfieldNetwork(1000).store(patterns)
    rest = net.recall(mixture, generator=generator())
    assert net.overlap(rest, patterns).squeeze() == pytest.approx(torch.full((3,), 0.5), abs=0.05)
    assert (net.energy(rest) > net.energy(patterns[:1]) + 50).all()


def test_digits_are_too_much_alike_for_hebb_but_not_for_the_projection():
    images = digits(20)
    hebb, projection = (HopfieldNetwork(64, rule=rule).store(images) for rule in ("hebb", "projection"))
    assert (hebb.recall(images) == images).all(1).float().mean() < 0.1
    assert torch.equal(projection.recall(images), images)


def test_the_projection_holds_nearly_as_many_patterns_as_units():
    patterns = random_patterns(35, 40, dtype=torch.float64)
    assert torch.linalg.matrix_rank(patterns) == 35
    net = HopfieldNetwork(40, rule="projection").double().store(patterns)
    assert torch.equal(net.recall(patterns), patterns)


# Sequences


def test_a_sequence_is_stored_by_products_of_what_follows_and_what_came_before():
    first, second, third = patterns = random_patterns(3, 5)
    V = HopfieldNetwork(5).store_sequence(patterns, strength=2.0).V
    assert torch.allclose(V, 2 / 5 * (torch.outer(second, first) + torch.outer(third, second)))
    ring = HopfieldNetwork(5).store_sequence(patterns, strength=2.0, cyclic=True).V
    assert torch.allclose(ring - V, 2 / 5 * torch.outer(first, third))


def test_each_step_is_the_next_pattern():
    patterns = random_patterns(8, 500)
    net = HopfieldNetwork(500).store_sequence(patterns, cyclic=True)
    path = net.trajectory(flipped(patterns[:1], 0.15), 20)[0]
    assert net.overlap(path, patterns).argmax(1).tolist() == [step % 8 for step in range(21)]
    assert torch.equal(path[2:], patterns[torch.arange(2, 21) % 8])


def test_the_error_of_a_step_is_that_of_as_many_memories():
    patterns = random_patterns(100, 400)
    net = HopfieldNetwork(400).store_sequence(patterns, cyclic=True)
    wrong = (net.trajectory(patterns, 1)[:, 1] != patterns.roll(-1, 0)).float().mean()
    assert float(wrong) == pytest.approx(0.5 * math.erfc(math.sqrt(400 / 200)), rel=0.15)


@pytest.mark.parametrize("delay", [1, 2, 5])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_pattern_stands_for_as_long_as_the_delay(delay, asynchronous):
    patterns = random_patterns(6, 400)
    net = HopfieldNetwork(400, delay=delay).store(patterns).store_sequence(patterns, strength=2.0, cyclic=True)
    path = net.trajectory(patterns[:1], 5 * delay, asynchronous=asynchronous, generator=generator())
    assert net.overlap(path, patterns)[0].argmax(1).tolist() == [t // delay for t in range(5 * delay + 1)]


def test_transitions_weaker_than_the_memories_lead_nowhere():
    patterns = random_patterns(6, 400)
    net = HopfieldNetwork(400, delay=3).store(patterns).store_sequence(patterns, strength=0.5, cyclic=True)
    assert torch.equal(net.trajectory(patterns[:1], 30)[0, -1], patterns[0])


def test_where_a_sequence_runs_there_is_no_energy_and_no_rest():
    net = HopfieldNetwork(5).store_sequence(random_patterns(3, 5))
    with pytest.raises(ValueError, match="not symmetric, and the network has no energy"):
        net.energy(torch.ones(1, 5))
    with pytest.raises(ValueError, match=r"does not rest: follow it with trajectory\(state, steps\)"):
        net.recall(torch.ones(1, 5))


# The modern network


def modern(P=20, units=10, beta=2.0, dtype=torch.float64):
    patterns = torch.randn(P, units, generator=generator(), dtype=dtype)
    return ModernHopfield(patterns, beta=beta), torch.randn(30, units, generator=generator(1), dtype=dtype)


@pytest.mark.covers("Primer, Equations 39-42")
def test_a_step_of_the_modern_network_is_softmax_attention():
    net, states = modern()
    machine = torch.nn.functional.scaled_dot_product_attention(states, net.patterns, net.patterns, scale=2.0)
    patterns = net.patterns.expand(30, -1, -1)
    dictionary = KeyValueAttention(temperature=0.5)(states, patterns, patterns)
    assert torch.allclose(net(states), machine, atol=1e-12)
    assert torch.allclose(net(states), dictionary, atol=1e-12)


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
def test_the_modern_energy_never_rises(beta):
    net, states = modern(beta=beta)
    E = [net.energy(states)]
    for _ in range(30):
        states = net.step(states)
        E.append(net.energy(states))
    assert (torch.stack(E).diff(dim=0) <= 1e-9).all()


def test_a_step_of_the_modern_network_is_one_of_gradient_descent():
    net, states = modern()
    (gradient,) = torch.autograd.grad(net.energy(states.requires_grad_()).sum(), states)
    assert torch.allclose(net.step(states), states - gradient, atol=1e-12)


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
def test_among_its_patterns_the_modern_energy_lies_between_zero_and_twice_their_largest_square(beta):
    net, _ = modern(beta=beta)
    states = torch.cat([net.patterns, net.recall(net.patterns), torch.zeros(1, 10).double()])
    largest = net.patterns.square().sum(1).max()
    assert (net.energy(states) >= 0).all()
    assert (net.energy(states) <= 2 * largest).all()


def test_for_large_beta_one_step_finds_the_most_similar_pattern_and_for_small_beta_their_mean():
    sharp, states = modern(beta=1e4)
    nearest = (states @ sharp.patterns.T).argmax(1)
    assert torch.allclose(sharp(states), sharp.patterns[nearest], atol=1e-6)
    blunt, _ = modern(beta=1e-8)
    assert torch.allclose(blunt.recall(states), blunt.patterns.mean(0).expand(30, -1), atol=1e-5)


@pytest.mark.parametrize("beta", [0.2, 0.5, 1.0])
def test_the_error_of_retrieval_is_within_its_bound(beta):
    """‖f(ξ) − ξ‖ ≤ 2 (P − 1) exp(−βΔ) M, with Δ the distance in score to the next pattern (cf. Ramsauer et al. 2021)."""
    patterns = random_patterns(50, 64, dtype=torch.float64)
    scores = patterns @ patterns.T
    gap = 64 - (scores - 1e3 * torch.eye(50)).amax(1)
    error = (ModernHopfield(patterns, beta=beta)(patterns) - patterns).norm(dim=1)
    assert (error <= 2 * 49 * torch.exp(-beta * gap) * 8).all()


def test_the_modern_network_holds_far_more_patterns_than_units():
    patterns = random_patterns(2000, 64)
    cues = flipped(patterns, 0.1)
    assert torch.equal(ModernHopfield(patterns, beta=1.0)(cues).sign(), patterns)
    classic = HopfieldNetwork(64).store(patterns)
    assert (classic.recall(cues, steps=3) == patterns).all(1).float().mean() < 0.01


def test_gradients_pass_through_the_modern_network():
    net, states = modern()
    net.recall(states.requires_grad_(), steps=3).sum().backward()
    assert states.grad.abs().max() > 0


# The contract, and the door


def networks():
    patterns = random_patterns(3, 8)
    sequence = HopfieldNetwork(8, delay=2).store(patterns).store_sequence(patterns)
    return [HopfieldNetwork(8).store(patterns), sequence, ModernHopfield(patterns)]


@pytest.mark.parametrize("which", [0, 2])
def test_it_is_a_feed_forward_network_to_those_who_do_not_know_it(which):
    outputs, activity = run(networks()[which], random_patterns(3, 8))
    assert outputs.shape == (3, 8)
    assert activity is None


def test_a_generator_settles_the_order():
    net, states = disordered(), random_patterns(100, 30, dtype=torch.float64)
    first, second, other = (run(net, states, generator(seed))[0] for seed in (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_copies_and_loaded_states_are_the_same(which, device):
    net = networks()[which].to(device)
    other = [HopfieldNetwork(8), HopfieldNetwork(8, delay=2), ModernHopfield(torch.zeros(3, 8))][which].to(device)
    other.load_state_dict(net.state_dict())
    states = random_patterns(5, 8).to(device)

    def follow(net):
        return net.step(states) if which == 2 else net.trajectory(states, 4)

    assert torch.equal(follow(other), follow(net))
    assert torch.equal(follow(copy.deepcopy(net)), follow(net))
    assert follow(net).device.type == device.type


def test_the_state_given_is_left_as_it_was():
    state = flipped(patterns := random_patterns(3, 100), 0.2)
    before = state.clone()
    net = HopfieldNetwork(100).store(patterns)
    net.recall(state)
    net.recall(state, steps=1)
    net.trajectory(state, 3, asynchronous=True)
    assert torch.equal(state, before)


def test_a_memory_keeps_its_own_copy_of_modern_patterns():
    patterns = torch.randn(3, 4)
    net = ModernHopfield(patterns)
    patterns.zero_()
    assert net.patterns.abs().sum() > 0


def test_sizes_of_any_integer_type_will_do():
    assert HopfieldNetwork(np.int64(4), delay=np.int32(2)).units == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "units should be a positive integer"),
        ({"units": 4, "delay": 0}, "delay should be a positive integer"),
        ({"units": 4, "rule": "oja"}, "rule is 'hebb' or 'projection', got 'oja'"),
    ],
)
def test_it_refuses_what_makes_no_network(arguments, message):
    with pytest.raises(ValueError, match=message):
        HopfieldNetwork(**arguments)


def test_it_refuses_what_is_no_pattern():
    net = HopfieldNetwork(4)
    with pytest.raises(ValueError, match=r"patterns should have shape \(patterns, 4\), got \(2, 5\)"):
        net.store(torch.ones(2, 5))
    with pytest.raises(ValueError, match=r"shape \(patterns, 4\), got \(4,\)"):
        net.store(torch.ones(4))
    with pytest.raises(ValueError, match=r"hold \+1 and −1 only: torch\.where"):
        net.store(torch.tensor([[0.0, 1.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match="hold"):
        net.recall(torch.full((1, 4), float("nan")))
    with pytest.raises(TypeError, match="expects a tensor, got list"):
        net.store([[1, -1, 1, -1]])
    with pytest.raises(TypeError, match=r"float32.*int64"):
        net.recall(torch.ones(1, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"the state should have shape \(trials, 4\), got \(0, 4\)"):
        net.energy(torch.ones(0, 4))
    with pytest.raises(ValueError, match="steps should be a positive integer"):
        net.recall(torch.ones(1, 4), steps=0)
    with pytest.raises(ValueError, match="two patterns or more, got 1"):
        net.store_sequence(torch.ones(1, 4))
    with pytest.raises(ValueError, match="strength should be a positive number"):
        net.store_sequence(torch.ones(2, 4), strength=-1)
    with pytest.raises(ValueError, match=r"overlap.*4 units"):
        net.overlap(torch.ones(2, 3), torch.ones(2, 4))


def test_the_modern_network_refuses_what_makes_none():
    with pytest.raises(TypeError, match=r"floating point, got torch\.int64"):
        ModernHopfield(torch.ones(2, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"\(patterns, units\), got shape \(4,\)"):
        ModernHopfield(torch.ones(4))
    with pytest.raises(ValueError, match="finite"):
        ModernHopfield(torch.full((2, 4), float("inf")))
    with pytest.raises(ValueError, match="beta should be a positive number"):
        ModernHopfield(torch.ones(2, 4), beta=0)
    net = ModernHopfield(torch.ones(2, 4))
    with pytest.raises(ValueError, match=r"shape \(trials, 4\), got \(2, 5\)"):
        net(torch.ones(2, 5))
    with pytest.raises(TypeError, match=r"float32.*float64"):
        net.energy(torch.ones(2, 4).double())
    with pytest.raises(ValueError, match="tolerance should be a number from 0 up"):
        net.recall(torch.ones(2, 4), tolerance=-1)
