"""Bias, variance and cosine of estimators whose statistics are known, and whether the intervals cover them."""

import pytest
import torch
from torch import nn

from nnbrain.analysis import estimator_statistics
from nnbrain.learning import (
    AttentionGated,
    Backprop,
    DirectFeedbackAlignment,
    FeedbackAlignment,
    KolenPollack,
    Reinforce,
    Rule,
    WeightPerturbation,
)
from nnbrain.networks import MLP
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Batch

WEIGHTS = 20


class Known(Rule):
    """Estimates with a known mean, and normal noise of known standard deviations, on a vector of weights."""

    def __init__(self, mean, noise, seed=0):
        network = nn.Linear(WEIGHTS, 1, bias=False).double()
        super().__init__(network, generator=torch.Generator().manual_seed(seed))
        self.mean, self.noise = mean, noise

    def estimate(self, batch):
        return torch.zeros(()), [part[0] for part in self.estimates(batch, 1)]

    def estimates(self, batch, n):
        noise = torch.randn(n, WEIGHTS, generator=self.generator, dtype=torch.float64) * self.noise
        return [(self.mean + noise).unsqueeze(1)]


def unit(i):
    return torch.eye(WEIGHTS).double()[i]


BATCH = Batch(torch.zeros(1, WEIGHTS).double())
G = unit(0)


def measure(mean, noise, samples=1000, seed=0, **arguments):
    return estimator_statistics(Known(mean, noise, seed), BATCH, samples, reference=[G.view(1, -1)], **arguments)


def example(angle=0.0, v=30.0, scale=1.0):
    """A mean at this angle to the gradient, in degrees, and isotropic noise of this relative variance."""
    radians = torch.deg2rad(torch.tensor(angle).double())
    return scale * (radians.cos() * unit(0) + radians.sin() * unit(1)), scale * (v / WEIGHTS) ** 0.5


def network_and_batch():
    torch.manual_seed(1)
    return MLP([6, 5, 3], "tanh"), Batch(torch.randn(8, 6), torch.randint(3, (8,)))


@pytest.mark.covers("Framework, Figure 2")
@pytest.mark.parametrize("angle", [0, 20, 60, 120])
def test_bias_variance_and_cosine_are_those_of_a_known_estimator(angle):
    found = measure(*example(angle), samples=20_000)
    radians = torch.deg2rad(torch.tensor(float(angle)))
    assert found.cosine == pytest.approx(float(radians.cos()), abs=0.03)
    assert found.bias == pytest.approx(float(radians.sin()) if angle < 90 else 1.0, abs=0.12 if angle == 0 else 0.04)
    assert found.variance == pytest.approx(30, rel=0.05)
    assert found.samples == 20_000


@pytest.mark.parametrize(
    ("angle", "v", "samples"), [(40, 30, 200), (0, 30, 200), (70, 1, 50), (40, 100, 300), (120, 3, 100)]
)
def test_the_intervals_cover_what_they_should_as_often_as_they_say(angle, v, samples):
    mean, noise = example(angle, v)
    radians = torch.deg2rad(torch.tensor(float(angle)))
    truth = {"cosine": float(radians.cos()), "variance": v, "bias": float(radians.sin()) if angle < 90 else 1.0}
    covered = dict.fromkeys(truth, 0)
    repeats = 300
    for seed in range(repeats):
        found = measure(mean, noise, samples, seed)
        for name, value in truth.items():
            low, high = getattr(found, f"{name}_interval")
            assert low <= getattr(found, name) <= high
            covered[name] += low - 1e-9 <= value <= high + 1e-9
    assert min(covered.values()) > 0.90 * repeats, covered
    assert covered["variance"] < 0.99 * repeats, covered  # neither are they too wide; the others end at a bound


def test_without_bias_there_is_no_floor():
    """The mean of n estimates lies √(v/n) off the gradient; what is reported does not."""
    mean, noise = example(0, 100)
    floor = (100 / 500) ** 0.5
    biases = torch.tensor([measure(mean, noise, 500, seed).bias for seed in range(40)])
    assert floor > 0.4
    assert biases.square().mean() < 0.3 * floor**2
    assert (biases == 0).sum() > 10


def test_the_scale_of_a_rule_does_not_matter():
    small, large = (measure(*example(30, 5, scale)) for scale in (1e-3, 1e3))
    for name in ("bias", "variance", "cosine"):
        assert getattr(small, name) == pytest.approx(getattr(large, name), rel=1e-9)


def test_higher_confidence_takes_wider_intervals():
    narrow, wide = (measure(*example(30), confidence=c) for c in (0.5, 0.99))
    for name in ("bias_interval", "variance_interval", "cosine_interval"):
        assert getattr(wide, name)[0] < getattr(narrow, name)[0] < getattr(narrow, name)[1] < getattr(wide, name)[1]


def test_backprop_has_neither_bias_nor_variance():
    net, batch = network_and_batch()
    found = estimator_statistics(Backprop(net, cross_entropy), batch)
    assert found.bias < 1e-7
    assert found.variance == 0
    assert found.variance_interval == (0, 0)
    assert found.cosine == pytest.approx(1)
    assert found.samples == 1


def test_feedback_alignment_has_a_bias_and_no_variance():
    net, batch = network_and_batch()
    rule = FeedbackAlignment(net, cross_entropy, generator=torch.Generator().manual_seed(0))
    found = estimator_statistics(rule, batch)
    exact, other = (
        torch.cat([p.flatten() for p in r.estimate(batch)[1]]) for r in (Backprop(net, cross_entropy), rule)
    )
    cosine = float(torch.cosine_similarity(exact, other, dim=0))
    assert found.variance == 0
    assert found.cosine == pytest.approx(cosine, abs=1e-6)
    assert found.bias == pytest.approx((1 - cosine**2) ** 0.5, abs=1e-6)


def test_feedback_that_is_drawn_at_the_first_batch_is_no_variance():
    net, batch = network_and_batch()
    found = estimator_statistics(DirectFeedbackAlignment(net, cross_entropy), batch)
    assert (found.samples, found.variance) == (1, 0)


def test_perturbation_and_reward_rules_are_unbiased():
    net, batch = network_and_batch()
    g = torch.Generator().manual_seed(0)
    for rule in (
        WeightPerturbation(net, cross_entropy, generator=g),
        Reinforce(net, generator=g),
        AttentionGated(net, generator=g),
    ):
        found = estimator_statistics(rule, batch, 2000)
        assert found.bias_interval[0] == 0
        assert found.cosine_interval[1] == 1
        assert found.bias_interval[1] < 0.3


def test_the_variance_of_weight_perturbation_is_covered():
    net, batch = network_and_batch()
    rule = WeightPerturbation(net, cross_entropy, generator=torch.Generator().manual_seed(0))
    low, high = estimator_statistics(rule, batch, 2000, confidence=0.999).variance_interval
    assert low < sum(p.numel() for p in net.parameters()) + 1 < high


def test_feedback_weights_that_a_rule_teaches_do_not_count():
    net, batch = network_and_batch()
    rule = KolenPollack(net, cross_entropy, generator=torch.Generator().manual_seed(0))
    assert len(rule.parameters()) > len(list(net.parameters()))
    assert estimator_statistics(rule, batch).samples == 1


def test_what_is_left_alone_counts_as_zero():
    class LastLayer(Backprop):
        def estimate(self, batch):
            value, estimates = super().estimate(batch)
            return value, [None, None, *estimates[2:]]

    net, batch = network_and_batch()
    parts = [p.flatten() for p in Backprop(net, cross_entropy).estimate(batch)[1]]
    found = estimator_statistics(LastLayer(net, cross_entropy), batch, reference=Backprop(net, cross_entropy))
    assert found.cosine == pytest.approx(float(torch.cat(parts[2:]).norm() / torch.cat(parts).norm()))


def test_the_reference_may_be_a_rule_or_tensors():
    net, batch = network_and_batch()
    exact = Backprop(net, cross_entropy)
    rule = FeedbackAlignment(net, cross_entropy, generator=torch.Generator().manual_seed(0))
    found = [
        estimator_statistics(rule, batch, reference=reference) for reference in (None, exact, exact.estimate(batch)[1])
    ]
    assert found[0] == found[1] == found[2]


def refused():
    net, batch = network_and_batch()
    rule = Backprop(net, cross_entropy)
    other = Backprop(MLP([6, 5, 3]), cross_entropy)
    noise = Known(0 * G, 1.0)
    return [
        (rule, batch, {"reference": other}, "is it for the same network"),
        (rule, batch, {"reference": [torch.zeros(2)]}, r"of shapes \[\(5, 6\), .*; got \[\(2,\)\]"),
        (
            rule,
            batch,
            {"reference": [torch.zeros_like(p) for p in net.parameters()]},
            "the gradient to compare with is 0",
        ),
        (rule, batch, {"confidence": 1}, "confidence should be a number between 0 and 1"),
        (rule, batch, {"samples": 0}, "samples should be a positive integer"),
        (noise, BATCH, {}, "Known has no objective, so say what to compare with"),
        (noise, BATCH, {"reference": [G.view(1, -1)], "samples": 2}, "need 3 samples or more, got 2"),
        (Known(0 * G, 0.0), BATCH, {"reference": [G.view(1, -1)]}, "cannot be told from 0"),
    ]


@pytest.mark.parametrize(("rule", "batch", "arguments", "message"), refused())
def test_what_cannot_be_compared_is_refused(rule, batch, arguments, message):
    with pytest.raises(ValueError, match=message):
        estimator_statistics(rule, batch, **arguments)


def test_only_rules_are_measured():
    with pytest.raises(TypeError, match="measures a learning rule, got MLP"):
        estimator_statistics(*network_and_batch())
