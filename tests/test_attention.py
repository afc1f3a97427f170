"""Attention: torch's own, Equations 38-42 written out, and neuroscience's gain field against machine learning's dictionary."""

import copy
import math
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import nnbrain as nb
from nnbrain.analysis import accuracy, lesion, record
from nnbrain.learning import Backprop
from nnbrain.networks import GainField, KeyValueAttention, SelfAttention, run
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import AssociativeRecall

SCORES = {
    "dot": lambda q, k: sum(a * b for a, b in zip(q, k, strict=True)),
    "scaled dot": lambda q, k: sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(len(q)),
    "distance": lambda q, k: -sum((a - b) ** 2 for a, b in zip(q, k, strict=True)) / 2,
    "equal": lambda q, k: float(q == k),
}
NORMALIZATIONS = {
    "softmax": lambda c: [math.exp(x) / sum(math.exp(z) for z in c) for x in c],
    "hard": lambda c: [float(x == max(c)) / c.count(max(c)) for x in c],
    "exp": lambda c: [math.exp(x) for x in c],
    "none": lambda c: c,
}
EVERY_SCORE = pytest.mark.parametrize("score", SCORES)
EVERY_NORMALIZATION = pytest.mark.parametrize("normalize", NORMALIZATIONS)


def double(*shape):
    return torch.randn(shape, dtype=torch.float64)


def dictionary(*several, n=5, d=4, v=3):
    """A query, keys and values."""
    return double(*several, d), double(*several, n, d), double(*several, n, v)


# The dictionary of keys and values


@pytest.mark.covers("Primer, Equation 38")
def test_an_ordinary_dictionary_gives_the_value_of_the_key_that_is_the_query():
    attention = KeyValueAttention(score="equal", normalize="none")
    keys, values = torch.eye(4), torch.randn(4, 3)
    for i in range(4):
        assert torch.equal(attention.weights(keys[i], keys), torch.eye(4)[i])
        assert torch.equal(attention(keys[i], keys, values), values[i])
    assert torch.equal(attention(torch.full((4,), 0.5), keys, values), torch.zeros(3))  # no such key


@pytest.mark.covers("Primer, Equations 38-42")
@EVERY_NORMALIZATION
@EVERY_SCORE
def test_it_is_equations_38_to_42_key_by_key(score, normalize):
    q, keys, values = dictionary(7)
    keys[2, 3] = q[2]  # so that one key is the query
    attention = KeyValueAttention(temperature=0.8, score=score, normalize=normalize)
    alpha, y = attention.weights(q, keys), attention(q, keys, values)
    for k in range(7):
        c = [SCORES[score](q[k].tolist(), key.tolist()) / 0.8 for key in keys[k]]  # Eq. 40
        expected = torch.tensor(NORMALIZATIONS[normalize](c), dtype=torch.float64)  # Eq. 41
        assert torch.allclose(alpha[k], expected, rtol=1e-10)
        assert torch.allclose(y[k], sum(a * v for a, v in zip(expected, values[k], strict=True)), rtol=1e-10)  # Eq. 39


@pytest.mark.covers("Primer, Equations 39-42")
@pytest.mark.parametrize("masked", ["no mask", "mask", "causal"])
def test_it_is_torchs_own_attention_and_has_its_gradient(masked):
    parts = [torch.randn(3, 6, 8), torch.randn(3, 6, 8), torch.randn(3, 6, 5)]
    mask = {"no mask": None, "mask": torch.rand(3, 6, 6) < 0.5, "causal": torch.ones(6, 6, dtype=torch.bool).tril()}[
        masked
    ]
    mask = mask if mask is None else mask | torch.eye(6, dtype=torch.bool)
    results = []
    for attend in (
        lambda q, k, v: KeyValueAttention(score="scaled dot")(q, k, v, mask),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
    ):
        q, k, v = (part.clone().requires_grad_() for part in parts)
        y = attend(q, k, v)
        results.append([y, *torch.autograd.grad((y**2).sum(), (q, k, v))])
    assert all(torch.allclose(a, b, atol=1e-6, rtol=1e-5) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    "query, keys, values, weights, result",
    [
        ((4,), (5, 4), (5, 3), (5,), (3,)),
        ((2, 4), (5, 4), (5, 3), (2, 5), (2, 3)),
        ((7, 4), (7, 5, 4), (7, 5, 3), (7, 5), (7, 3)),
        ((7, 2, 4), (7, 5, 4), (7, 5, 3), (7, 2, 5), (7, 2, 3)),
        ((7, 6, 2, 4), (7, 6, 5, 4), (7, 6, 5, 3), (7, 6, 2, 5), (7, 6, 2, 3)),
        ((7, 4), (7, 1, 4), (7, 1, 3), (7, 1), (7, 3)),
    ],
)
@EVERY_SCORE
def test_a_query_with_an_axis_fewer_than_the_keys_is_one_and_otherwise_they_are_several(
    query, keys, values, weights, result, score
):
    attention = KeyValueAttention(score=score)
    q, k, v = double(*query), double(*keys), double(*values)
    assert attention.weights(q, k).shape == weights
    assert attention(q, k, v).shape == result


@EVERY_SCORE
def test_several_queries_are_answered_one_by_one(score):
    _, keys, values = dictionary()
    queries, attention = double(6, 4), KeyValueAttention(score=score)
    assert torch.allclose(attention(queries, keys, values), torch.stack([attention(q, keys, values) for q in queries]))


def test_the_order_of_the_pairs_does_not_matter():
    q, keys, values = dictionary()
    order = torch.randperm(5)
    attention = KeyValueAttention()
    assert torch.allclose(attention(q, keys[order], values[order]), attention(q, keys, values))


# How hard the choice is


@pytest.mark.covers("Primer, Equation 42")
def test_softmax_weights_add_up_to_1_whatever_the_scores():
    q, keys, _ = dictionary(50)
    for size in (0.0, 1.0, 1e4):
        alpha = KeyValueAttention().weights(size * q, keys)
        assert torch.allclose(alpha.sum(-1), torch.ones(50, dtype=torch.float64))
        assert (alpha >= 0).all()


@pytest.mark.covers("Primer, Equation 42")
@pytest.mark.parametrize("temperature", [3.0, 1.0, 0.3, 0.05])
def test_how_soft_attention_may_stay_is_bounded_by_how_far_the_best_score_is_ahead(temperature):
    """α ≥ 1/(1 + (N − 1) e^(−Δ/T)), so that |y − v_best| ≤ (N − 1) e^(−Δ/T) max |v_i − v_best|."""
    q, keys, values = dictionary(200, n=6)
    scores = (keys @ q.unsqueeze(-1)).squeeze(-1)
    (first, second), best = scores.topk(2).values.T, scores.argmax(1)
    rest = 5 * torch.exp(-(first - second) / temperature)
    attention = KeyValueAttention(temperature=temperature)
    alpha, y = attention.weights(q, keys), attention(q, keys, values)
    v_best = values[torch.arange(200), best]
    farthest = (values - v_best[:, None]).norm(dim=-1).amax(1)
    assert (alpha.amax(1) >= 1 / (1 + rest) - 1e-12).all()
    assert ((y - v_best).norm(dim=-1) <= rest * farthest + 1e-12).all()


def test_the_bound_is_reached_where_all_others_lie_equally_far_behind():
    scores = torch.tensor([3.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    alpha = KeyValueAttention(temperature=0.7).weights(torch.ones(1, dtype=torch.float64), scores[:, None])
    assert float(alpha[0]) == pytest.approx(1 / (1 + 3 * math.exp(-2 / 0.7)), rel=1e-14)


def test_hard_attention_is_the_limit_of_low_temperature_ties_included():
    q, keys, _ = dictionary(20)
    keys[:, 1] = keys[:, 0]
    hard, cold = KeyValueAttention(normalize="hard"), KeyValueAttention(temperature=1e-5)
    assert torch.allclose(hard.weights(q, keys), cold.weights(q, keys), atol=1e-12)
    assert set(hard.weights(q, keys).unique().tolist()) == {0.0, 0.5, 1.0}


def test_at_high_temperature_every_value_counts_alike():
    q, keys, values = dictionary(20)
    assert torch.allclose(KeyValueAttention(temperature=1e9)(q, keys, values), values.mean(-2), atol=1e-7)


@EVERY_NORMALIZATION
def test_the_temperature_divides_the_scores(normalize):
    q, keys, values = dictionary(20)
    cool, plain = (KeyValueAttention(temperature=t, normalize=normalize) for t in (0.5, 1.0))
    assert torch.allclose(cool(q, keys, values), plain(2 * q, keys, values))


# What may be attended


@EVERY_NORMALIZATION
def test_to_mask_a_key_is_to_leave_it_out(normalize):
    q, keys, values = dictionary(20)
    attention = KeyValueAttention(normalize=normalize)
    kept = [0, 2, 3]
    mask = torch.tensor([i in kept for i in range(5)])
    assert torch.allclose(attention(q, keys, values, mask), attention(q, keys[:, kept], values[:, kept]))
    assert torch.equal(attention.weights(q, keys, mask)[:, ~mask], torch.zeros(20, 2, dtype=torch.float64))


@EVERY_NORMALIZATION
def test_masked_keys_and_values_get_no_gradient_and_spoil_no_other(normalize):
    q, keys, values = (part.requires_grad_() for part in dictionary(20))
    mask = torch.rand(20, 5) < 0.5
    mask[:, 1] = True
    KeyValueAttention(normalize=normalize)(q, keys, values, mask).square().sum().backward()
    for part in (keys, values):
        grad = torch.zeros_like(part) if part.grad is None else part.grad
        assert torch.isfinite(grad).all() and not grad[~mask].any()


def test_every_query_may_have_a_mask_of_its_own():
    q, keys, values = double(6, 4), double(5, 4), double(5, 3)
    mask = torch.rand(6, 5) < 0.5
    mask[:, 0] = True
    attention = KeyValueAttention()
    one_by_one = [attention(q[k], keys, values, mask[k]) for k in range(6)]
    assert torch.allclose(attention(q, keys, values, mask), torch.stack(one_by_one))


def test_a_query_that_may_attend_to_nothing_is_refused():
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[1] = False
    with pytest.raises(ValueError, match="the mask leaves a query without any key"):
        KeyValueAttention()(*dictionary(3), mask)


# Functions of one's own, and what is seen from outside


def test_score_and_normalization_may_be_functions():
    q, keys, values = dictionary(20)
    W = double(4, 4)
    own = KeyValueAttention(score=lambda q, k: q @ W @ k.mT, normalize=lambda c: c.softmax(-1))
    assert torch.allclose(own(q, keys, values), KeyValueAttention()(q @ W, keys, values))


def test_a_score_that_is_a_module_is_part_of_the_network():
    """Additive attention: score(q, k) = wᵀ tanh(A q + B k)."""

    class Additive(nn.Module):
        def __init__(self):
            super().__init__()
            self.A, self.B, self.w = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 1)

        def forward(self, q, k):
            return self.w(torch.tanh(self.A(q).unsqueeze(-2) + self.B(k).unsqueeze(-3))).squeeze(-1)

    attention = KeyValueAttention(score=Additive()).double()
    assert len(list(attention.parameters())) == 6
    assert attention(*dictionary(7)).shape == (7, 3)


def test_a_function_that_gives_another_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"the score should give a number for each query and key, \(7, 5\), got \(7, 4\)"
    ):
        KeyValueAttention(score=lambda q, k: (q @ k.mT)[..., :-1])(*dictionary(7))
    with pytest.raises(ValueError, match=r"normalize should keep the shape of the scores, \(7, 5\), got \(7,\)"):
        KeyValueAttention(normalize=lambda c: c.sum(-1))(*dictionary(7))


def test_record_sees_the_weights():
    class Lookup(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = KeyValueAttention()
            self.register_buffer("keys", torch.eye(4))

        def forward(self, x):
            return self.attention(x, self.keys, self.keys)

    x = torch.randn(9, 4)
    assert torch.allclose(record(Lookup(), x)["attention.alpha"], x.softmax(-1))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"temperature": 0.0}, ValueError, "temperature should be a positive number, got 0.0"),
        ({"temperature": math.nan}, ValueError, "temperature should be a positive number, got nan"),
        ({"score": "cosine"}, ValueError, "score is one of 'dot', 'scaled dot', 'distance', 'equal', or a function"),
        (
            {"normalize": "max"},
            ValueError,
            "normalize is one of 'softmax', 'hard', 'exp', 'none', or a function, got 'max'",
        ),
        ({"score": 3}, TypeError, "score is a name or a function, got 3"),
        ({"normalize": None}, TypeError, "normalize is a name or a function, got None"),
    ],
)
def test_bad_attention_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        KeyValueAttention(**arguments)


MISFITS = {
    "no tensor": (([1.0, 2.0], double(5, 2), double(5, 3)), TypeError, "should be tensors of the same type, got list"),
    "types": ((torch.ones(2), double(5, 2), double(5, 3)), TypeError, "got torch.float32 and torch.float64"),
    "integers": ((torch.ones(2).long(), torch.ones(5, 2).long(), torch.ones(5, 3).long()), TypeError, "should be floating point"),
    "values' type": ((double(2), double(5, 2), torch.ones(5, 3)), TypeError, "of the keys' type, got torch.float32"),
    "no values": ((double(2), double(5, 2), None), TypeError, "of the keys' type, got NoneType"),
    "dimensions": ((double(3), double(5, 2), double(5, 3)), ValueError, "got keys of shape (5, 2) and a query of shape (3,)"),
    "trials": ((double(6, 2), double(7, 5, 2), double(7, 5, 3)), ValueError, "shape (7, 5, 2) and a query of shape (6, 2)"),
    "axes": ((double(2), double(7, 5, 2), double(7, 5, 3)), ValueError, "there is one query for each set of them"),
    "single key": ((double(2), double(2), double(3)), ValueError, "keys are … × N × d"),
    "no keys": ((double(2), double(0, 2), double(0, 3)), ValueError, "keys are … × N × d"),
    "fewer values": ((double(2), double(5, 2), double(4, 3)), ValueError, "need values of shape (5, values), got (4, 3)"),
    "mask of numbers": ((double(2), double(5, 2), double(5, 3), torch.ones(5)), TypeError, "a mask should be a tensor of booleans"),
    "mask of others": (
        (double(2), double(5, 2), double(5, 3), torch.ones(4, dtype=torch.bool)),
        ValueError,
        "a mask of shape (4,) does not fit weights of shape (5,)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("arguments, error, message", MISFITS.values(), ids=MISFITS)
def test_queries_keys_and_values_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        KeyValueAttention()(*arguments)


# The gain field


def test_gains_fall_off_as_a_gaussian_around_the_attended_place():
    x = torch.linspace(-20, 20, 41, dtype=torch.float64)
    gains = GainField(x, width=4.0, strength=0.6, baseline=0.9).gains(3.0)
    assert torch.allclose(gains, 0.9 + 0.6 * torch.exp(-((x - 3) ** 2) / (2 * 4.0**2)))
    assert float(gains[23]) == pytest.approx(1.5) and float(gains[0]) == pytest.approx(0.9, abs=1e-6)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_a_gain_field_is_attention_without_normalization_whose_values_are_the_units_own(dimensions):
    """The Primer's identity, for values r̃_i e_i: a sum over pairs then leaves the units apart."""
    places, attended, responses = double(30, dimensions), double(dimensions), drives(30)
    attention = KeyValueAttention(score="distance", temperature=0.7**2, normalize="exp")
    field = GainField(places, width=0.7, baseline=0.0)
    assert torch.equal(attention.weights(attended, places), field.gains(attended))
    assert torch.equal(attention(attended, places, torch.diag(responses)), field(responses, attended))


def drives(*shape):
    return torch.rand(shape, dtype=torch.float64)


def test_with_normalization_the_two_differ_by_the_sum_of_all_gains_which_depends_on_the_place():
    places, responses = torch.linspace(-10, 10, 21, dtype=torch.float64), drives(21)
    attention = KeyValueAttention(score="distance", temperature=2.0**2)
    field = GainField(places, width=2.0, baseline=0.0)
    totals = []
    for attended in (0.0, 9.0):
        q = torch.tensor([attended], dtype=torch.float64)
        totals.append(float(field.gains(attended).sum()))
        y = attention(q, places[:, None], torch.diag(responses))
        assert torch.allclose(totals[-1] * y, field(responses, attended))
    assert totals[1] < 0.8 * totals[0]  # at the edge fewer units are near


def test_with_values_that_are_numbers_attention_gives_one_sum_and_not_a_response_for_each_unit():
    places, attended, responses = double(30, 2), double(2), drives(30)
    attention = KeyValueAttention(score="distance", normalize="exp")
    field = GainField(places, width=1.0, baseline=0.0)
    total = attention(attended, places, responses[:, None])
    assert total.shape == (1,)
    assert torch.allclose(total, field(responses, attended).sum())


@pytest.mark.parametrize("places", [torch.linspace(-1, 1, 6), torch.randn(6, 2)], ids=["line", "plane"])
def test_each_trial_may_attend_elsewhere(places):
    field, responses = GainField(places, width=0.5), torch.rand(4, 6)
    attended = torch.randn(4) if places.ndim == 1 else torch.randn(4, 2)
    one_by_one = [field(r, x_q) for r, x_q in zip(responses, attended, strict=True)]
    assert torch.allclose(field(responses, attended), torch.stack(one_by_one))
    assert field.gains(attended).shape == (4, 6)


def test_attention_to_one_place_acts_on_all_trials_and_times():
    field, responses = GainField(torch.linspace(-1, 1, 6), width=0.5), torch.rand(4, 7, 6)
    assert torch.equal(field(responses, 0.3), responses * field.gains(0.3))


def test_on_a_circle_angles_that_differ_by_a_turn_are_the_same():
    angles = torch.linspace(0, 2 * math.pi, 9)[:-1]
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    gains = GainField(circle, width=0.5).gains(circle)
    assert torch.allclose(gains, torch.stack([gains[0].roll(k) for k in range(8)]), atol=1e-5)


def test_without_strength_a_gain_field_is_its_baseline():
    field, responses = GainField(torch.randn(6), width=1.0, strength=0.0, baseline=1.0), torch.rand(4, 6)
    assert torch.equal(field(responses, 0.0), responses)


@pytest.mark.parametrize(
    "places, arguments, message",
    [
        (torch.zeros(6), {"width": 0.0}, "width should be a positive number, got 0.0"),
        (torch.zeros(6), {"width": 1.0, "strength": -0.1}, "strength should be a number from 0 up, got -0.1"),
        (torch.zeros(6), {"width": 1.0, "baseline": -1}, "baseline should be a number from 0 up, got -1"),
        (torch.zeros(2, 3, 4), {"width": 1.0}, r"units × dimensions or \(units,\), got shape \(2, 3, 4\)"),
        (torch.zeros(0), {"width": 1.0}, r"got shape \(0,\)"),
        (torch.tensor([0.0, math.nan]), {"width": 1.0}, "places should be finite numbers"),
    ],
)
def test_bad_gain_fields_are_refused(places, arguments, message):
    with pytest.raises(ValueError, match=message):
        GainField(places, **arguments)


@pytest.mark.parametrize(
    "places, responses, attended, error, message",
    [
        (torch.zeros(6), torch.ones(4, 5), 0.0, ValueError, "has gains for 6 units"),
        (
            torch.zeros(6),
            torch.ones(4, 6),
            torch.zeros(3),
            ValueError,
            r"of shape \(3, 6\); got responses of shape \(4, 6\)",
        ),
        (torch.zeros(6, 2), torch.ones(4, 6), 0.0, ValueError, r"\(trials × \) 2 dimensions, got shape \(\)"),
        (torch.zeros(6, 2), torch.ones(4, 6), torch.zeros(3), ValueError, r"2 dimensions, got shape \(3,\)"),
        (torch.zeros(6), double(4, 6), 0.0, TypeError, "computes in torch.float32, got inputs in torch.float64"),
    ],
)
def test_responses_and_places_that_do_not_fit_are_refused(places, responses, attended, error, message):
    with pytest.raises(error, match=message):
        GainField(places, width=1.0)(responses, attended)


# Self-attention


@pytest.mark.covers("Primer, Equations 39-42")
@pytest.mark.parametrize("causal", [True, False])
def test_self_attention_is_torchs_multi_head_attention_of_one_head(causal):
    net, torchs = SelfAttention(6, 6, 6, causal=causal), nn.MultiheadAttention(6, 1, batch_first=True)
    with torch.no_grad():
        torchs.in_proj_weight.copy_(torch.cat([net.W_q, net.W_k, net.W_v]))
        torchs.in_proj_bias.copy_(torch.cat([net.query.bias, net.key.bias, net.value.bias]))
        torchs.out_proj.weight.copy_(net.W_o)
        torchs.out_proj.bias.copy_(net.output.bias)
    x = torch.randn(4, 7, 6)
    future = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    y, alpha = torchs(x, x, x, attn_mask=future)
    assert torch.allclose(net(x)[0], y, atol=1e-6)
    assert torch.allclose(record(net, x)["attention.alpha"], alpha, atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
def test_only_causal_attention_does_not_see_the_future(causal):
    net, x = SelfAttention(6, 8, 3, causal=causal), torch.randn(4, 7, 6)
    changed = torch.cat([x[:, :4], torch.randn(4, 3, 6)], 1)
    assert torch.allclose(net(x)[0][:, :4], net(changed)[0][:, :4], atol=1e-6) is causal


@pytest.mark.parametrize("positions", [None, 7])
def test_without_positions_it_does_not_know_when_something_was_shown(positions):
    net, x = SelfAttention(6, 8, 3, causal=False, positions=positions), torch.randn(4, 7, 6)
    order = torch.randperm(7)
    same = torch.allclose(net(x[:, order])[0], net(x)[0][:, order], atol=1e-5)
    assert same is (positions is None)


def test_positions_are_vectors_that_are_added_to_the_input():
    net, x = SelfAttention(6, 8, 3, positions=9), torch.randn(4, 7, 6)
    plain = SelfAttention(6, 8, 3)
    plain.load_state_dict({name: value for name, value in net.state_dict().items() if name != "P"})
    assert torch.equal(net(x)[0], plain(x + net.P[:7])[0])
    assert "P" in dict(net.named_parameters())


def by_hand(task: AssociativeRecall, strength: float) -> SelfAttention:
    """Keys are compared with keys, values are passed on: no weight of it has learned anything."""
    net = SelfAttention(task.inputs, task.symbols, task.outputs)
    with torch.no_grad():
        for part in net.parameters():
            part.zero_()
        net.W_q[:, : task.symbols] = strength * task.symbols**0.5 * torch.eye(task.symbols)
        net.W_k[:, : task.symbols] = torch.eye(task.symbols)
        net.W_v[:, task.symbols :] = torch.eye(task.symbols)
        net.W_o.copy_(torch.eye(task.symbols))
    return net


@pytest.mark.parametrize("pairs", [1, 4, 12])
def test_set_by_hand_one_layer_recalls_every_association_as_surely_as_the_bound_says(pairs, device):
    """The score of the key's own pair, and of the question itself, which has no value, is ahead of all others by Δ."""
    task, gap = AssociativeRecall(pairs=pairs, symbols=16), 2.0
    net, batch = by_hand(task, gap).to(device), task.sample(300)
    outputs, _ = net(batch.inputs)
    wanted = torch.nn.functional.one_hot(batch.targets[:, -1], 16)
    # Two of pairs + 1 scores are Δ, the others 0; each value comes once.
    weight = 1 / (2 + (pairs - 1) * math.exp(-gap))
    assert task.score(outputs, batch).all()
    assert torch.allclose((outputs[:, -1] * wanted).sum(1), torch.full_like(outputs[:, -1, 0], weight), atol=1e-5)
    assert torch.allclose(
        outputs[:, -1].sum(1), torch.full_like(outputs[:, -1, 0], weight * (1 + (pairs - 1) * math.exp(-gap)))
    )


def test_it_learns_associative_recall(device):
    task = AssociativeRecall(pairs=3, symbols=8)
    net = SelfAttention(task.inputs, 16, task.outputs, generator=torch.Generator().manual_seed(0)).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    nb.fit(Backprop(net, cross_entropy), task, steps=150, trials=64, optimizer=optimizer, progress=False)
    assert accuracy(net, task, task.sample(500)) > 0.95


def test_it_keeps_the_contract_of_networks_in_time():
    net, x = SelfAttention(6, 8, 3), torch.randn(4, 7, 6)
    outputs, activity = run(net, x)
    assert outputs.shape == (4, 7, 3) and activity.shape == (4, 7, 8)
    assert torch.allclose(outputs, net.output(activity))
    recorded = record(net, x)
    assert torch.equal(recorded["activity"], activity)
    assert recorded["attention.alpha"].shape == (4, 7, 7)
    assert record(net, x[:, :1])["attention.alpha"].shape == (4, 1, 1)


def test_lesions_silence_its_units():
    net, x = SelfAttention(6, 8, 3), torch.randn(4, 7, 6)
    before = net(x)[0]
    with lesion(net, [1, 5]):
        outputs, activity = net(x)
    assert not activity[..., [1, 5]].any() and activity[..., 0].all()
    assert not torch.allclose(outputs, before)
    assert torch.equal(net(x)[0], before)


def test_the_same_generator_gives_the_same_weights():
    nets = [SelfAttention(6, 8, 3, positions=5, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0, 8, 3), "inputs should be a positive integer, got 0"),
        ((6, 8.5, 3), "units should be a positive integer, got 8.5"),
        ((6, 8, -1), "outputs should be a positive integer, got -1"),
    ],
)
def test_bad_self_attention_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SelfAttention(*arguments)


def test_positions_that_are_no_number_are_refused():
    with pytest.raises(ValueError, match="positions should be a positive integer, got 0"):
        SelfAttention(6, 8, 3, positions=0)


@pytest.mark.parametrize(
    "x, error, message",
    [
        (torch.zeros(7, 6), ValueError, r"shape \(trials, time, 6\).*got \(7, 6\). A single trial is x.unsqueeze\(0\)"),
        (torch.zeros(4, 7, 5), ValueError, r"got \(4, 7, 5\)"),
        (torch.zeros(4, 0, 6), ValueError, r"one step or more, got \(4, 0, 6\)"),
        (torch.zeros(4, 10, 6), ValueError, "tells 9 moments apart, got 10: make it with more positions"),
        (double(4, 7, 6), TypeError, "computes in torch.float32, got inputs in torch.float64"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        SelfAttention(6, 8, 3, positions=9)(x)


@pytest.mark.parametrize(
    "make", [lambda: SelfAttention(6, 8, 3, positions=9), lambda: GainField(torch.randn(6), width=1.0)]
)
def test_copies_and_loaded_states_do_the_same(make, device):
    net, other = make().to(device), make().to(device)
    x = torch.randn(4, 7, 6, device=device)
    arguments = (0.3,) if isinstance(net, GainField) else ()
    other.load_state_dict(net.state_dict())
    wanted = net(x, *arguments)
    for twin in (other, copy.deepcopy(net)):
        assert all(torch.equal(a, b) for a, b in zip(twin(x, *arguments), wanted, strict=True))
    in_double = copy.deepcopy(net).double()(x.double(), *arguments)
    assert all(part.dtype == torch.float64 for part in in_double)


def test_printing_tells_the_settings():
    assert "temperature=0.5, score='dot', normalize='hard'" in repr(
        KeyValueAttention(temperature=0.5, normalize="hard")
    )
    assert "6 units, width=2, strength=1, baseline=1" in repr(GainField(torch.zeros(6), width=2))
