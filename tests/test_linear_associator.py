"""The linear associator: what it recalls, exactly and on average; how similar keys interfere; that it is linear attention."""

import math

import pytest
import torch

from nnbrain.networks import LinearAssociator

SETTINGS = [(1.0, 1.0), (0.5, 0.9), (1.3, 0.7)]


def unit(*shape, seed=0):
    """Random vectors of length 1, alike in all directions."""
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return x / x.norm(dim=-1, keepdim=True)


def similar(pairs, size, product):
    """Keys of length 1, any two of which have this product."""
    basis = torch.linalg.qr(torch.randn(size, pairs + 1, dtype=torch.float64))[0].T
    return math.sqrt(product) * basis[:1] + math.sqrt(1 - product) * basis[1:]


def error(recalled, values):
    return (recalled - values).square().sum(-1)


@pytest.mark.covers("Primer, Equation 45")
@pytest.mark.parametrize("rate, decay", SETTINGS)
def test_hebbs_rule_leaves_a_decaying_sum_of_outer_products(rate, decay):
    keys, values = unit(6, 4), unit(6, 3, seed=1)
    A = LinearAssociator(rate=rate, decay=decay).store(keys, values)
    expected = sum(rate * decay ** (5 - t) * torch.outer(values[t], keys[t]) for t in range(6))
    assert torch.allclose(A, expected, atol=1e-12)


@pytest.mark.parametrize("rate, decay", SETTINGS)
def test_the_delta_rule_writes_what_the_memory_does_not_say_yet(rate, decay):
    keys, values = unit(6, 4), unit(6, 3, seed=1)
    states = LinearAssociator("delta", rate=rate, decay=decay).states(keys, values)
    A = torch.zeros(3, 4, dtype=torch.float64)
    for t in range(6):
        A = decay * A + rate * torch.outer(values[t] - A @ keys[t], keys[t])
        assert torch.allclose(states[t], A, atol=1e-12)


@pytest.mark.parametrize("rate, decay", SETTINGS)
def test_what_hebbs_rule_recalls_is_linear_attention(rate, decay):
    """At each moment: attention to the past whose weights are λ^(t−s) (k_s · q_t), without softmax."""
    keys, values, queries = unit(2, 7, 5), unit(2, 7, 3, seed=1), unit(2, 7, 5, seed=2)
    states = LinearAssociator(rate=rate, decay=decay).states(keys, values)
    recalled = (states @ queries.unsqueeze(-1)).squeeze(-1)
    t = torch.arange(7)
    past = (t[:, None] >= t) * decay ** (t[:, None] - t).clamp(min=0).double()
    attention = rate * past * (queries @ keys.mT)
    assert torch.allclose(recalled, attention @ values, atol=1e-12)


@pytest.mark.parametrize("rule", ["hebb", "delta"])
def test_orthogonal_keys_do_not_interfere(rule):
    keys = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    values = torch.randn(5, 3, dtype=torch.float64)
    assert torch.allclose(LinearAssociator(rule)(keys, values, keys), values, atol=1e-12)


def test_hebbs_rule_forgets_as_powers_of_the_decay():
    keys = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    values = torch.randn(5, 3, dtype=torch.float64)
    recalled = LinearAssociator(rate=0.5, decay=0.8)(keys, values, keys)
    assert torch.allclose(recalled, 0.5 * 0.8 ** torch.arange(4.0, -1, -1)[:, None].double() * values, atol=1e-7)


@pytest.mark.parametrize("rate, decay", SETTINGS)
@pytest.mark.parametrize("rule", ["hebb", "delta"])
@pytest.mark.parametrize("pairs, size", [(1, 3), (4, 20), (12, 6)])
def test_the_error_for_random_pairs_is_that_of_theory_at_every_age(rule, rate, decay, pairs, size):
    memory, trials = LinearAssociator(rule, rate=rate, decay=decay), 4000
    keys, values = unit(trials, pairs, size), unit(trials, pairs, 30, seed=1)
    errors = error(memory(keys, values, keys), values).flip(1)  # by age
    expected = torch.tensor([memory.expected_error(pairs, size, age) for age in range(pairs)]).double()
    standard_error = errors.std(0) / math.sqrt(trials)
    assert ((errors.mean(0) - expected).abs() < 4.5 * standard_error + 1e-7).all()


def test_without_decay_interference_is_the_number_of_other_pairs_over_the_size_of_the_keys():
    assert LinearAssociator().expected_error(11, 50, 4) == pytest.approx(10 / 50)


@pytest.mark.parametrize("product", [0.0, 0.3, 0.9])
def test_similar_keys_interfere_as_the_square_of_their_product(product):
    pairs, memory = 5, LinearAssociator()
    keys = similar(pairs, 20, product)
    values = unit(8000, pairs, 12)
    errors = error(memory(keys.expand(8000, -1, -1), values, keys.expand(8000, -1, -1)), values)
    expected = memory.expected_error(pairs, 20, overlap=product**2)
    assert expected == pytest.approx((pairs - 1) * product**2)
    assert errors.mean().item() == pytest.approx(expected, rel=0.02, abs=1e-12)


def test_the_delta_rule_recalls_the_last_pair_exactly_however_similar_the_keys():
    keys, values = similar(5, 20, 0.9), unit(5, 12)
    memory = LinearAssociator("delta")
    assert torch.allclose(memory(keys, values, keys[-1:]), values[-1:], atol=1e-12)


def test_the_delta_rule_overwrites_the_value_of_a_key_and_hebbs_rule_adds_to_it():
    key, values = unit(1, 8).expand(2, -1), unit(2, 3)
    assert torch.allclose(LinearAssociator("delta")(key, values, key[:1])[0], values[1], atol=1e-12)
    assert torch.allclose(LinearAssociator()(key, values, key[:1])[0], values.sum(0), atol=1e-12)


def test_written_over_and_over_by_the_delta_rule_all_pairs_are_recalled_exactly():
    keys, values = similar(5, 20, 0.7), unit(5, 12)
    many = 60
    recalled = LinearAssociator("delta")(keys.repeat(many, 1), values.repeat(many, 1), keys)
    assert torch.allclose(recalled, values, atol=1e-6)
    assert error(LinearAssociator()(keys, values, keys), values).min() > 0.5  # which Hebb's rule does not do


def test_it_is_differentiable():
    keys, values = unit(2, 4, 3).requires_grad_(), unit(2, 4, 2, seed=1).requires_grad_()
    hebb, delta = LinearAssociator("hebb", decay=0.8), LinearAssociator("delta", decay=0.8)
    assert torch.autograd.gradcheck(lambda k, v: hebb(k, v, k) + delta(k, v, k), (keys, values))


def test_pairs_of_many_trials_are_stored_at_once(device):
    memory = LinearAssociator("delta", decay=0.9)
    keys, values = (part.to(device, torch.float32) for part in (unit(2, 3, 5, 4), unit(2, 3, 5, 6)))
    A = memory.store(keys, values)
    assert A.shape == (2, 3, 6, 4) and A.device.type == device.type and A.dtype == torch.float32
    assert torch.allclose(A[1, 2], memory.store(keys[1, 2], values[1, 2]), atol=1e-6)


def test_it_prints_what_it_is():
    assert repr(LinearAssociator("delta", decay=0.9)) == "LinearAssociator(rule='delta', rate=1, decay=0.9)"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rule": "oja"}, "rule should be 'hebb' or 'delta', got 'oja'"),
        ({"rate": 0}, "rate should be a positive number, got 0"),
        ({"decay": 1.1}, "decay is λ, what is left of the memory after a pair, from 0 to 1, got 1.1"),
        ({"decay": math.nan}, "decay is λ"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LinearAssociator(**arguments)


@pytest.mark.parametrize(
    "keys, values, kind, message",
    [
        (torch.zeros(3, 4), torch.zeros(2, 4), ValueError, r"got \(3, 4\) and \(2, 4\)"),
        (torch.zeros(4), torch.zeros(4), ValueError, "with one pair or more"),
        (torch.zeros(0, 4), torch.zeros(0, 4), ValueError, "with one pair or more"),
        (torch.zeros(3, 4), torch.zeros(3, 4).double(), TypeError, "got torch.float32 and torch.float64"),
        (torch.zeros(3, 4).long(), torch.zeros(3, 4).long(), TypeError, "the same floating-point type"),
        ([[1.0]], [[1.0]], TypeError, "got list and list"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(keys, values, kind, message):
    with pytest.raises(kind, match=message):
        LinearAssociator().store(keys, values)


def test_queries_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"queries are … × Q × 4, got \(2, 5\)"):
        LinearAssociator().recall(torch.zeros(3, 4), torch.zeros(2, 5))


@pytest.mark.parametrize(
    "rule, arguments, message",
    [
        ("hebb", (0, 5), "pairs should be a positive integer, got 0"),
        ("hebb", (5, 0), "size should be a positive integer, got 0"),
        ("hebb", (5, 5, 5), "with 5 pairs the age of one is an integer from 0 to 4, got 5"),
        ("delta", (5, 5, -1), "from 0 to 4, got -1"),
    ],
)
def test_theory_asked_for_what_is_not_is_refused(rule, arguments, message):
    with pytest.raises(ValueError, match=message):
        LinearAssociator(rule).expected_error(*arguments)


@pytest.mark.parametrize("overlap", [-0.1, 1.1, math.nan])
def test_an_overlap_that_is_none_is_refused(overlap):
    with pytest.raises(ValueError, match="overlap is the mean squared product of two keys, from 0 to 1"):
        LinearAssociator().expected_error(3, 5, overlap=overlap)


def test_the_theory_of_the_delta_rule_knows_no_overlap():
    with pytest.raises(ValueError, match="leave overlap out"):
        LinearAssociator("delta").expected_error(3, 5, overlap=0.2)


def test_a_query_that_is_none_for_each_memory_is_refused():
    memory = LinearAssociator()
    keys = torch.randn(4, 6, 5)
    A = memory.store(keys, torch.randn(4, 6, 3))
    with pytest.raises(ValueError, match=r"\(4, 5\)"):
        memory.recall(A, keys[:, 0])
    with pytest.raises(TypeError, match=r"same type, got torch.float32 and torch.float64"):
        memory.recall(A, keys.double())
    with pytest.raises(TypeError, match=r"same type, got torch.float32 and list"):
        memory.recall(A, [1.0])
