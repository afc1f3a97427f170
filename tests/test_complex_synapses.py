"""Complex synapses: their steps against the equations, their memory against theory, and what they do in a network."""

import copy
import math
from itertools import pairwise
from statistics import NormalDist

import pytest
import scipy.linalg
import torch

import nnbrain as nb
from nnbrain.analysis import lifetime, memory_trace
from nnbrain.learning import Backprop, ComplexWeights
from nnbrain.networks import MLP, BennaFusiSynapse, BinarySynapse, CascadeSynapse
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import SplitDigits
from nnbrain.train import fit

KINDS = {
    "binary": lambda: BinarySynapse(0.2),
    "cascade": lambda: CascadeSynapse(4),
    "flat cascade": lambda: CascadeSynapse(3, q=0.5, x=0.3),
    "chain": lambda: BennaFusiSynapse(5),
    "slow chain": lambda: BennaFusiSynapse(4, g=0.1, dt=2.0),
}
EVERY = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
DECADES = torch.unique(torch.logspace(0, 7, 600, dtype=torch.float64).long()) - 1  # ages, from 0


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def longest(synapse, N):
    """The lifetime of a memory in N synapses, by theory."""
    return float(lifetime(DECADES, math.sqrt(N) * synapse.trace(DECADES).double() / synapse.noise))


# The contract


@EVERY
def test_a_step_keeps_shape_type_and_the_state_it_was_given(make):
    synapse = make()
    state = synapse.initial_state(3, 7, seeded())
    before = state.clone()
    after = synapse.step(state, torch.ones(3, 7, device=state.device), seeded())
    assert after.shape == state.shape and after.dtype == state.dtype and torch.equal(state, before)
    assert synapse.weight(after).shape == (3, 7)


@EVERY
def test_a_seed_means_the_same_life(make):
    synapse = make()
    first, second = (memory_trace(synapse, torch.arange(5), 50, trials=3, generator=seeded(1)) for _ in range(2))
    assert torch.equal(first.overlaps, second.overlaps)


@EVERY
def test_synapses_can_be_copied_saved_moved_and_made_precise(make, device):
    synapse = make()
    twin = make()
    twin.load_state_dict(synapse.state_dict())
    ages = torch.arange(10)
    assert torch.equal(copy.deepcopy(synapse).trace(ages), twin.trace(ages))
    synapse = synapse.double().to(device)
    trace = synapse.trace(ages.to(device))
    assert trace.dtype == torch.float64 and trace.device.type == device.type
    measured = memory_trace(synapse, ages, 20, trials=3)
    assert measured.overlaps.dtype == torch.float64 and measured.overlaps.device.type == device.type


@EVERY
def test_the_measured_trace_is_that_of_theory(make):
    synapse, N, trials = make(), 400, 400
    ages = torch.tensor([0, 1, 2, 5, 10, 20, 40])
    measured = memory_trace(synapse, ages, N, trials=trials, generator=seeded())
    noise = synapse.noise / N**0.5
    assert ((measured.signal - synapse.trace(ages)).abs() < 4.5 * noise / trials**0.5).all()
    assert measured.noise[-1] == pytest.approx(noise, rel=4.5 / (2 * trials) ** 0.5)


@EVERY
def test_a_perceptron_remembers_as_often_as_the_signal_to_noise_says(make):
    synapse, N, trials = make(), 100, 2000
    ages = torch.tensor([3, 10])
    measured = memory_trace(synapse, ages, N, trials=trials, generator=seeded(2))
    expected = [NormalDist().cdf(float(s) * N**0.5 / synapse.noise) for s in synapse.trace(ages)]
    for k in range(2):
        right, even = measured.overlaps[:, k] > 0, measured.overlaps[:, k] == 0
        found = float(right.float().mean() + even.float().mean() / 2)
        assert found == pytest.approx(expected[k], abs=0.01 + 4.5 * (0.25 / trials) ** 0.5)


# Binary synapses


@pytest.mark.parametrize("q", [0.01, 0.3, 1.0])
def test_a_binary_synapse_forgets_exponentially(q):
    ages = torch.arange(20)
    assert torch.allclose(BinarySynapse(q).double().trace(ages), q * (1 - q) ** ages.double())


def test_binary_memories_live_longest_where_q_is_e_over_the_root_of_N():
    N = 10**6
    tried = [k * math.e / N**0.5 for k in (0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0)]
    found = [longest(BinarySynapse(q), N) for q in tried]
    assert found.index(max(found)) == 3
    assert max(found) == pytest.approx(N**0.5 / math.e, rel=0.005)


# The cascade


def test_the_probabilities_of_a_cascade_are_those_of_the_paper():
    synapse = CascadeSynapse(4)
    assert synapse.switch.tolist() == [1, 1 / 2, 1 / 4, 1 / 4]
    assert synapse.deepen.tolist() == [1, 1 / 2, 1 / 4, 0]


@pytest.mark.parametrize("n, q, x", [(1, 0.3, 0.5), (2, 1.0, 0.5), (5, 1.0, 0.5), (4, 0.6, 0.2)])
def test_all_states_of_a_cascade_are_equally_frequent(n, q, x):
    synapse = CascadeSynapse(n, q, x)
    equal = torch.full((2 * n,), 1 / (2 * n), dtype=torch.float64)
    assert torch.allclose((synapse.transitions(1) + synapse.transitions(-1)) @ equal / 2, equal)


@pytest.mark.parametrize("change", [-1, 1])
def test_steps_have_the_probabilities_of_the_matrix(change):
    synapse, N = CascadeSynapse(3, q=0.7, x=0.4), 20_000
    M = synapse.transitions(change)
    assert torch.allclose(M.sum(0), torch.ones(6, dtype=torch.float64)) and (M >= 0).all()
    for before in range(6):
        state = torch.full((1, N), before)
        after = synapse.step(state, torch.full((1, N), change), seeded(before))
        found = after.flatten().bincount(minlength=6) / N
        assert ((found - M[:, before]).abs() <= 4.5 * (M[:, before] * (1 - M[:, before]) / N).sqrt() + 1e-12).all()


def test_a_synapse_that_is_asked_for_nothing_stays():
    synapse = CascadeSynapse(3)
    state = synapse.initial_state(2, 50, seeded())
    assert torch.equal(synapse.step(state, torch.zeros(2, 50, device=state.device)), state)


def test_a_cascade_forgets_as_a_power_of_the_age():
    ages = torch.tensor([10, 100, 1000, 10_000])
    slopes = CascadeSynapse(16).double().trace(ages).log().diff() / (ages + 1.0).double().log().diff()
    assert ((slopes > -1) & (slopes < -0.5)).all()
    ages = ages[:3]
    binary = BinarySynapse(0.01).double().trace(ages).log().diff() / (ages + 1.0).double().log().diff()
    assert binary[0] > -0.5 and binary[1] < -3  # an exponential falls ever more steeply


def test_a_cascade_starts_stronger_and_lives_longer_than_the_best_binary_synapse():
    N = 10**4
    cascade, binary = CascadeSynapse(7), BinarySynapse(math.e / N**0.5)
    now = torch.tensor([0])
    assert cascade.trace(now) > 8 * binary.trace(now)
    assert longest(cascade, N) > 2 * longest(binary, N)


# The chain of Benna and Fusi


def test_a_step_of_the_chain_is_its_equation():
    m, g, dt = 4, 0.2, 0.7
    synapse = BennaFusiSynapse(m, g, dt).double()
    u = torch.randn(m, dtype=torch.float64)
    C = [2.0**k for k in range(m)]  # C_k = 2ᵏ⁻¹
    tube = [g * 2.0 ** -(k + 1) for k in range(m)]  # from k to k + 1
    expected = []
    for k in range(m):
        below = tube[k - 1] * (u[k - 1] - u[k]) if k else 0.0
        above = tube[k] * ((u[k + 1] if k + 1 < m else 0.0) - u[k])
        expected.append(u[k] + dt / C[k] * (below + above))
    expected[0] = expected[0] + 1.0
    after = synapse.step(u.view(1, 1, m), torch.ones(1, 1))
    assert torch.allclose(after.flatten(), torch.stack(expected))


def test_small_steps_of_the_chain_follow_its_differential_equation():
    dt = 1e-3
    synapse = BennaFusiSynapse(5, dt=dt).double()
    rates = (torch.eye(5, dtype=torch.float64) - synapse.transition) / dt
    exact = torch.from_numpy(scipy.linalg.expm(-10 * rates.numpy()))  # after a time of 10
    assert float(synapse.trace(torch.tensor([10_000]))) == pytest.approx(float(exact[0, 0]), rel=1e-3)


def test_what_the_beakers_hold_is_lost_at_the_end_only():
    m = 5
    synapse = BennaFusiSynapse(m).double()
    u = torch.randn(3, 4, m, dtype=torch.float64)
    after = synapse.step(u, torch.zeros(3, 4))
    C = 2.0 ** torch.arange(m, dtype=torch.float64)
    leak = 0.25 * 2.0**-m * u[..., -1]
    assert torch.allclose((after - u) @ C, -leak)


def test_the_chain_forgets_as_one_over_the_root_of_the_age():
    ages = torch.tensor([30, 100, 1000, 10_000, 100_000, 1_000_000])
    slopes = BennaFusiSynapse(12).double().trace(ages).log().diff() / (ages + 1.0).double().log().diff()
    assert ((slopes + 0.5).abs() < 0.02).all()


def test_a_chain_forgets_exponentially_beyond_its_slowest_variable():
    m = 5
    synapse = BennaFusiSynapse(m).double()
    ages = torch.tensor([20, 21]) * 4**m
    slowest = 1 - torch.linalg.eigvals(synapse.transition).real.max()
    fall = -synapse.trace(ages).log().diff() / 4**m
    assert float(fall) == pytest.approx(float(slowest), rel=1e-3)


def test_the_variability_of_the_chain_is_the_sum_of_all_traces():
    synapse = BennaFusiSynapse(4)
    trace = synapse.double().trace(torch.arange(20_000))
    assert synapse.noise == pytest.approx(float(trace.square().sum().sqrt()), rel=1e-6)


@pytest.mark.parametrize("m", [1, 3, 8])
def test_the_covariance_of_the_chain_solves_its_equation(m):
    synapse = BennaFusiSynapse(m).double()
    kick = torch.zeros(m, m, dtype=torch.float64)
    kick[0, 0] = 1
    P = scipy.linalg.solve_discrete_lyapunov(synapse.transition.numpy(), kick.numpy())
    assert torch.allclose(synapse.covariance(), torch.from_numpy(P), rtol=1e-6)


def test_a_chain_begins_as_random_changes_leave_it():
    synapse = BennaFusiSynapse(4)
    state = synapse.initial_state(1, 40_000, seeded())[0].double().cpu()
    assert torch.allclose(state.T @ state / 40_000, synapse.covariance(), atol=0.3)
    assert float(state[:, 0].std()) == pytest.approx(synapse.noise, rel=0.02)


def test_memories_in_a_chain_live_as_long_as_there_are_synapses():
    chain = BennaFusiSynapse(12)
    found = [longest(chain, N) / N for N in (10**3, 10**4, 10**5, 10**6)]
    assert max(found) / min(found) < 1.1


def test_memories_in_binary_synapses_live_as_long_as_the_root_of_their_number():
    found = [longest(BinarySynapse(math.e / N**0.5), N) / N**0.5 for N in (10**4, 10**5, 10**6)]
    assert max(found) / min(found) < 1.03


def test_the_best_chain_grows_with_the_logarithm_of_the_number_of_synapses():
    def best(N):
        return max(range(1, 15), key=lambda m: longest(BennaFusiSynapse(m), N))

    found = [best(4**k) for k in (4, 5, 6, 7, 8, 9)]
    steps = [b - a for a, b in pairwise(found)]
    assert sum(steps) in (4, 5, 6) and all(step in (0, 1, 2) for step in steps)  # one variable for each factor of 4


# Lifetimes


def test_a_lifetime_is_where_the_curve_crosses_the_threshold():
    ages = torch.arange(200)
    curve = 5 / (ages + 1.0)
    assert float(lifetime(ages, curve)) == pytest.approx(4.0)
    assert float(lifetime(ages, curve, threshold=0.1)) == pytest.approx(49.0, rel=1e-4)


def test_lifetimes_of_several_curves_at_once():
    ages = torch.arange(100)
    curves = torch.stack([8 * 0.9**ages, 0.5 * 0.9**ages, torch.full((100,), 2.0)])
    found = lifetime(ages, curves)
    assert found[0] == pytest.approx(math.log(8) / -math.log(0.9), rel=1e-3)
    assert found[1] == 0 and found[2] == math.inf


BAD = {
    "no levels": (lambda: CascadeSynapse(0), ValueError, "levels should be a positive integer"),
    "q above 1": (lambda: BinarySynapse(1.5), ValueError, "q is a probability"),
    "q of 0": (lambda: BinarySynapse(0), ValueError, "q should be a positive number"),
    "x above half": (lambda: CascadeSynapse(3, x=0.6), ValueError, "at most 0.5"),
    "state of another kind": (
        lambda: CascadeSynapse(2).step(torch.zeros(1, 3), torch.ones(1, 3)),
        TypeError,
        "states of a cascade are integers",
    ),
    "change of another shape": (
        lambda: CascadeSynapse(2).step(torch.zeros(1, 3, dtype=torch.long), torch.ones(3)),
        ValueError,
        r"should be \(1, 3\), got \(3,\)",
    ),
    "change that is a number": (
        lambda: BennaFusiSynapse(2).step(torch.zeros(1, 3, 2), 1),
        TypeError,
        "change should be a tensor",
    ),
    "direction": (lambda: CascadeSynapse(2).transitions(0), ValueError, "change is"),
    "no variables": (lambda: BennaFusiSynapse(0), ValueError, "variables should be a positive integer"),
    "endless chain": (lambda: BennaFusiSynapse(21), ValueError, "at most 20 variables"),
    "negative conductance": (lambda: BennaFusiSynapse(3, g=-1.0), ValueError, "g should be a positive number"),
    "no time": (lambda: BennaFusiSynapse(3, dt=0.0), ValueError, "dt should be a positive number"),
    "too long a step": (lambda: BennaFusiSynapse(3, dt=10.0), ValueError, "overshoot in a single step.*smaller than"),
    "other variables": (
        lambda: BennaFusiSynapse(3).step(torch.zeros(1, 4, 2), torch.ones(1, 4)),
        ValueError,
        "3 variables last",
    ),
    "ages that are no integers": (lambda: BinarySynapse(0.5).trace(torch.rand(3)), ValueError, "integers from 0 up"),
    "negative ages": (lambda: BinarySynapse(0.5).trace(torch.tensor([-1])), ValueError, "integers from 0 up"),
    "no synapse": (lambda: memory_trace("binary", torch.arange(3), 10), TypeError, "measures a ComplexSynapse"),
    "one trial": (lambda: memory_trace(BinarySynapse(0.5), torch.arange(3), 10, trials=1), ValueError, "two or more"),
    "no population": (lambda: memory_trace(BinarySynapse(0.5), torch.arange(3), 0), ValueError, "synapses should be"),
    "descending ages": (lambda: lifetime(torch.tensor([3, 2]), torch.ones(2)), ValueError, "ascending"),
    "curve of another length": (lambda: lifetime(torch.arange(3), torch.ones(2)), ValueError, "3 ages last"),
    "threshold": (lambda: lifetime(torch.arange(3), torch.ones(3), 0.0), ValueError, "threshold should be a positive"),
    "weights of no network": (lambda: ComplexWeights(3, BennaFusiSynapse(2)), TypeError, "an nn.Module, got int"),
    "weights of another synapse": (
        lambda: ComplexWeights(MLP([2, 2]), BinarySynapse(0.5)),
        TypeError,
        "a BennaFusiSynapse, got BinarySynapse",
    ),
    "weights that are fixed": (
        lambda: ComplexWeights(MLP([2, 2]).requires_grad_(False), BennaFusiSynapse(2)),
        ValueError,
        "it needs no chains",
    ),
    "weights of another network": (
        lambda: ComplexWeights(MLP([2, 2]), BennaFusiSynapse(2))(MLP([2, 2])),
        ValueError,
        "behind another network",
    ),
}


@pytest.mark.parametrize("make, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# In a network


def test_a_change_of_a_complex_weight_fades_as_its_trace():
    net = MLP([3, 4, 2]).double()
    twin = copy.deepcopy(net)
    synapse = BennaFusiSynapse(5).double()
    chains = [ComplexWeights(one, synapse) for one in (net, twin)]
    with torch.no_grad():
        net.layers[0].weight += 0.3
    for age in range(1, 30):
        for chain, one in zip(chains, (net, twin), strict=True):
            chain(one)
        left = net.layers[0].weight - twin.layers[0].weight
        assert torch.allclose(left, 0.3 * synapse.trace(torch.tensor([age])).expand_as(left))


def test_complex_weights_at_rest_stay_but_for_the_leak():
    net = MLP([3, 4, 2]).double()
    before = net.layers[0].weight.detach().clone()
    chain = ComplexWeights(net, BennaFusiSynapse(12).double())
    for _ in range(100):
        chain(net)
    assert torch.allclose(net.layers[0].weight, before, rtol=1e-6)


def test_complex_weights_learn_with_fit(device):
    nb.set_seed(0)
    net = MLP([64, 20, 2]).to(device)
    chain = ComplexWeights(net, BennaFusiSynapse(6, g=0.01).to(device))
    history = fit(
        Backprop(net, cross_entropy), SplitDigits(0, scenario="domain"), 100, after_step=chain, progress=False
    )
    assert history.loss[-10:].mean() < 0.2
    assert all(torch.equal(chain.states[name][..., 0], p) for name, p in net.named_parameters())


def test_chains_behind_frozen_weights_leave_them_alone():
    network = nb.networks.MLP([4, 3, 2])
    chains = nb.learning.ComplexWeights(network, BennaFusiSynapse(2))
    before = network.layers[0].weight.clone()
    network.layers[0].weight.requires_grad_(False)
    for _ in range(5):
        chains(network)
    assert torch.equal(network.layers[0].weight, before)


def test_states_and_changes_that_are_no_numbers_are_refused():
    chain, cascade = BennaFusiSynapse(3), CascadeSynapse(3)
    with pytest.raises(TypeError, match=r"floating point, from initial_state; got torch.int64"):
        chain.step(torch.ones(1, 4, 3, dtype=torch.long), torch.zeros(1, 4))
    with pytest.raises(TypeError, match="state should be a tensor, from initial_state, got list"):
        chain.step([1.0], torch.zeros(1, 4))
    with pytest.raises(ValueError, match="some changes are NaN"):
        cascade.step(torch.tensor([[3, 3]]), torch.full((1, 2), torch.nan))
