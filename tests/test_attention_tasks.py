"""Tasks of attention: pairs that are new in every trial, and two digits, one over the other, of which one may be cued."""

import copy
import math
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import nnbrain as nb
from nnbrain import data
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import AssociativeRecall, Digits, OverlaidDigits

REAL = Path(os.environ.get("NNBRAIN_DATA", "/nowhere"))
REAL_MNIST = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="NNBRAIN_DATA names no folder with MNIST")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def far(observed: float, p: float, n: int) -> float:
    """How many standard errors a frequency lies from its probability."""
    return abs(observed - p) / math.sqrt(p * (1 - p) / n)


# Associative recall


@pytest.fixture(scope="module")
def recall():
    """A task of 4 pairs from 6 keys and 9 values, and 20,000 of its trials on the CPU."""
    task = AssociativeRecall(pairs=4, symbols=6, values=9)
    return task, task.sample(20_000, seeded()).to("cpu")


def shown(task, batch):
    """Numbers of the keys, trials × (pairs + 1), and of the values, trials × pairs, as the inputs show them."""
    return batch.inputs[..., : task.symbols].argmax(-1), batch.inputs[:, : task.pairs, task.symbols :].argmax(-1)


def test_every_step_shows_a_key_with_its_value_and_the_last_a_key_alone(recall):
    task, batch = recall
    keys, values = batch.inputs.split([6, 9], -1)
    assert batch.inputs.shape == (20_000, 5, 15) and task.inputs == 15 and task.outputs == 9 and task.steps == 5
    assert set(batch.inputs.unique().tolist()) == {0.0, 1.0}
    assert (keys.sum(-1) == 1).all() and (values[:, :4].sum(-1) == 1).all()
    assert not values[:, 4].any()


def test_the_target_is_the_value_of_the_key_that_is_asked_for(recall):
    task, batch = recall
    keys, values = shown(task, batch)
    same = keys[:, :4] == keys[:, 4:]
    assert (same.sum(1) == 1).all()
    assert torch.equal(batch.targets[:, 4], (values * same).sum(1))


def test_only_the_last_step_counts(recall):
    _, batch = recall
    assert torch.equal(batch.mask, torch.tensor([0.0, 0, 0, 0, 1]).expand(20_000, 5))
    assert not batch.targets[:, :4].any()


def test_conditions_say_which_pair_was_asked_for(recall):
    task, batch = recall
    keys, _ = shown(task, batch)
    c, trial = batch.conditions, torch.arange(20_000)
    assert torch.equal(keys[trial, c["asked"]], keys[:, 4])
    assert torch.equal(c["key"], keys[:, 4])
    assert torch.equal(c["lag"] + c["asked"], torch.full((20_000,), 4))


def test_the_keys_of_a_trial_differ_and_so_do_its_values(recall):
    for symbols in (shown(*recall)[0][:, :4], shown(*recall)[1]):
        assert (symbols.sort(1).values.diff(dim=1) > 0).all()


def test_any_key_comes_with_any_value_at_any_place(recall):
    """So that no weight can hold an association: keys, values, and where they stand are independent."""
    task, batch = recall
    keys, values = shown(task, batch)
    for place in range(4):
        counts = torch.bincount(keys[:, place] * 9 + values[:, place], minlength=54)
        assert max(far(float(n) / 20_000, 1 / 54, 20_000) for n in counts) < 5
    asked = torch.bincount(batch.conditions["asked"], minlength=4)
    assert max(far(float(n) / 20_000, 1 / 4, 20_000) for n in asked) < 5


def test_to_guess_one_of_the_values_shown_is_right_once_in_pairs(recall):
    task, batch = recall
    _, values = shown(task, batch)
    outputs = torch.zeros(20_000, 5, 9)
    outputs[:, -1] = torch.nn.functional.one_hot(values[:, 2], 9).float()
    right = task.score(outputs.to(batch.targets.device), batch).float().mean()
    assert far(float(right), 1 / 4, 20_000) < 5


def test_a_recall_is_scored_by_the_largest_output_of_the_last_step(recall):
    task, batch = recall
    outputs = torch.nn.functional.one_hot(batch.targets, 9).float()
    outputs[:, :4] = torch.randn(20_000, 4, 9)
    assert task.score(outputs, batch).all()
    assert not task.score(-outputs, batch).any()


def test_the_objective_is_the_cross_entropy_of_the_last_step(recall):
    _, batch = recall
    outputs = torch.randn(20_000, 5, 9)
    values = cross_entropy.per_trial(outputs, None, batch, torch.nn.Identity())
    expected = torch.nn.functional.cross_entropy(outputs[:, 4], batch.targets[:, 4], reduction="none")
    assert torch.allclose(values, expected)


def test_noise_is_added_to_the_same_trials():
    plain = AssociativeRecall().sample(500, seeded()).to("cpu")
    noisy = AssociativeRecall(noise=0.3).sample(500, seeded()).to("cpu")
    noise = noisy.inputs - plain.inputs
    assert torch.equal(noisy.targets, plain.targets)
    assert float(noise.std()) == pytest.approx(0.3, rel=0.02) and abs(float(noise.mean())) < 0.005


@pytest.mark.parametrize("task", [AssociativeRecall(), AssociativeRecall(noise=1.0)], ids=["plain", "noisy"])
def test_the_same_generator_gives_the_same_pairs(task):
    first, again, other = (task.sample(9, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.inputs, again.inputs) and torch.equal(first.targets, again.targets)
    assert not torch.equal(first.targets, other.targets)


def test_numbers_of_any_type_make_the_same_recall():
    task = AssociativeRecall(pairs=np.int64(2), symbols=torch.tensor(5), noise=np.float64(0))
    assert torch.equal(
        task.sample(9, seeded()).inputs, AssociativeRecall(pairs=2, symbols=5).sample(9, seeded()).inputs
    )


@pytest.mark.parametrize(
    "settings", [{"pairs": 1}, {"pairs": 5, "symbols": 5}, {"pairs": 2, "symbols": 9, "values": 2}]
)
def test_the_smallest_recalls_work(settings):
    task = AssociativeRecall(**settings)
    batch = task.sample(50)
    assert batch.inputs.shape == (50, task.steps, task.inputs)
    assert int(batch.targets.max()) < task.outputs


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"pairs": 0}, "pairs should be a positive integer, got 0"),
        ({"symbols": 2.5}, "symbols should be a positive integer, got 2.5"),
        ({"values": "many"}, "values should be a positive integer, got 'many'"),
        ({"pairs": 5, "symbols": 4}, r"5 pairs .* need at least 5 of each, got 4 keys \(symbols\) and 4 values"),
        ({"pairs": 5, "values": 4}, r"got 16 keys \(symbols\) and 4 values"),
        ({"pairs": 1, "symbols": 1}, "with a single value there is nothing to recall"),
        ({"noise": -0.1}, "noise should be a number from 0 up, got -0.1"),
    ],
)
def test_bad_recalls_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        AssociativeRecall(**settings)


def test_no_trials_of_recall_are_refused():
    with pytest.raises(ValueError, match="trials should be a positive integer, got 0"):
        AssociativeRecall().sample(0)


@pytest.mark.parametrize(
    "outputs, message",
    [
        (torch.zeros(20_000, 5, 8), "there are 8 outputs, for the classes 0 to 7, but the targets run from 0 to 8"),
        (torch.zeros(20_000, 9), r"need classes of shape \(20000,\) as targets"),
        (torch.full((20_000, 5, 9), math.nan), "some outputs are NaN or infinite: such a network answers nothing"),
    ],
)
def test_outputs_that_are_no_recall_are_refused(recall, outputs, message):
    task, batch = recall
    with pytest.raises(ValueError, match=message):
        task.score(outputs, batch)


# Overlaid digits


@pytest.fixture(scope="module")
def overlaid():
    return OverlaidDigits("test")


@pytest.fixture(scope="module")
def many(overlaid):
    """14,560 trials on the CPU: each digit 40 times as the first."""
    batches = [overlaid.sample(364, seeded(seed)).to("cpu") for seed in range(40)]
    return {name: torch.cat([b.conditions[name] for b in batches]) for name in batches[0].conditions}


def test_an_overlay_is_made_of_two_held_out_digits_of_the_classes_it_claims(overlaid):
    """Of a pair of images the maximum is found again, by trying all second ones."""
    batch, single = overlaid.all(), Digits("test", flatten=False).all()
    assert torch.equal(batch.conditions["first"], single.targets)
    for k in range(0, 364, 13):
        candidates = torch.maximum(single.inputs, single.inputs[k])
        found = (candidates == batch.inputs[k]).flatten(1).all(1)
        assert found.any()
        assert (single.targets[found] == batch.conditions["second"][k]).any()


def test_the_mean_of_two_digits_has_half_the_ink_of_both():
    mean, darker = (OverlaidDigits("test", overlay=overlay).all() for overlay in ("mean", "max"))
    first = Digits("test", flatten=False).all().inputs
    second = 2 * mean.inputs - first
    assert torch.allclose(torch.maximum(first, second), darker.inputs, atol=1e-6)
    assert float(mean.inputs.min()) >= 0 and float(mean.inputs.max()) <= 1


def test_the_two_digits_always_differ(many):
    assert (many["first"] != many["second"]).all()


def test_the_target_says_whether_the_cued_digit_is_there(overlaid):
    batch = overlaid.sample(300)
    c = batch.conditions
    there = (c["cued"] == c["first"]) | (c["cued"] == c["second"])
    assert torch.equal(there, c["present"])
    assert torch.equal(batch.targets, there.long())


@pytest.mark.parametrize("trials", [1, 2, 7, 100])
def test_the_cued_digit_is_there_in_half_of_the_trials(overlaid, trials):
    counts = [int(overlaid.sample(trials).targets.sum()) for _ in range(60)]
    assert set(counts) <= {trials // 2, (trials + 1) // 2}
    assert trials % 2 == 0 or 15 <= counts.count(trials // 2) <= 45  # of an odd number, one more as often as one less


def test_a_cued_digit_that_is_there_is_either_of_the_two_alike(many):
    present = many["present"]
    is_first = (many["cued"] == many["first"])[present].float()
    assert far(float(is_first.mean()), 0.5, len(is_first)) < 4


def test_a_cued_digit_that_is_not_there_is_any_of_the_others_alike(many):
    absent = ~many["present"]
    pairs = (many["cued"] - many["first"])[absent] % 10 * 10 + (many["second"] - many["first"])[absent] % 10
    counts = torch.bincount(pairs, minlength=100).view(10, 10)  # cue × second, as seen from the first
    assert not counts[0].any() and not counts[:, 0].any() and not counts.diagonal().any()
    allowed = counts[1:, 1:][~torch.eye(9, dtype=torch.bool)]
    n = int(allowed.sum())
    assert max(far(float(k) / n, 1 / 72, n) for k in allowed) < 5


def test_any_other_digit_may_be_the_second(overlaid, many):
    """Each example alike, so that classes come as often as the data have them."""
    classes = torch.bincount(Digits("test").all().targets.cpu(), minlength=10).double()
    expected = (
        torch.stack([classes[d] * (classes / (364 - classes[d])) * (torch.arange(10) != d) for d in range(10)]) * 40
    )
    counts = torch.bincount(many["first"] * 10 + many["second"], minlength=100).view(10, 10)
    assert torch.equal(counts.sum(1), (40 * classes).long())
    off = (counts - expected)[expected > 0] / expected[expected > 0].sqrt()
    assert float(off.abs().max()) < 5


def test_the_examples_of_the_second_digit_are_drawn_alike(overlaid):
    first = torch.full((20_000,), 3)
    drawn = torch.bincount(overlaid._draw_others(first, seeded()), minlength=364)
    labels = Digits("test").all().targets.cpu()
    assert not drawn[labels == 3].any()
    n = int((labels != 3).sum())
    assert max(far(float(k) / 20_000, 1 / n, 20_000) for k in drawn[labels != 3]) < 5


def test_all_gives_the_same_overlays_at_every_call(overlaid):
    first, again = overlaid.all(), OverlaidDigits("test").all()
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(first.conditions["cued"], again.conditions["cued"])
    assert int(first.targets.sum()) == 182


def test_the_same_generator_gives_the_same_overlays(overlaid):
    first, again = (copy.deepcopy(overlaid).sample(50, seeded(3)) for _ in range(2))
    assert torch.equal(first.inputs, again.inputs) and torch.equal(first.targets, again.targets)


def test_first_digits_are_drawn_without_replacement(overlaid):
    generator = seeded(1)
    firsts = torch.cat([overlaid.sample(182, generator).conditions["first"] for _ in range(2)])
    classes = torch.bincount(Digits("test").all().targets, minlength=10)
    assert torch.equal(torch.bincount(firsts, minlength=10), classes)


@pytest.mark.parametrize("name", ["inputs", "targets", "first", "second", "cued", "present"])
def test_changing_what_all_gives_does_not_change_the_task(overlaid, name):
    def part(batch):
        return getattr(batch, name) if hasattr(batch, name) else batch.conditions[name]

    before = part(overlaid.all()).clone()
    part(overlaid.all()).fill_(1)
    assert torch.equal(part(overlaid.all()), before)


def test_overlays_may_be_vectors(overlaid):
    flat = OverlaidDigits("test", flatten=True).all().inputs
    assert torch.equal(flat, overlaid.all().inputs.flatten(1))
    assert overlaid.image_shape == (8, 8)


def test_the_evidence_is_the_output_for_the_cued_digit(overlaid):
    batch = overlaid.sample(50)
    outputs = torch.randn(50, 10, device=batch.inputs.device)
    expected = [float(outputs[k, int(cued)]) for k, cued in enumerate(batch.conditions["cued"])]
    assert overlaid.evidence(outputs, batch).tolist() == expected


def test_the_evidence_of_one_who_knows_both_digits_tells_all_trials_apart(overlaid):
    batch = overlaid.all()
    outputs = sum(torch.nn.functional.one_hot(batch.conditions[name], 10) for name in ("first", "second")).float()
    found = nb.analysis.signal_detection(overlaid.evidence(outputs, batch), batch.conditions["present"], 0.5)
    assert (found.hits, found.false_alarms, found.auc) == (1.0, 0.0, 1.0)


def test_yes_and_no_are_scored(overlaid):
    batch = overlaid.sample(50)
    right = torch.nn.functional.one_hot(batch.targets, 2).float()
    assert overlaid.score(right, batch).all() and not overlaid.score(-right, batch).any()


def test_outputs_for_digits_are_not_mistaken_for_yes_and_no(overlaid):
    batch = overlaid.sample(50)
    with pytest.raises(ValueError, match=r"outputs for no and yes, \(50, 2\), got \(50, 10\).*task.evidence"):
        overlaid.score(torch.zeros(50, 10), batch)
    with pytest.raises(ValueError, match=r"outputs for each digit, \(50, 10\), got \(50, 2\)"):
        overlaid.evidence(torch.zeros(50, 2), batch)


def test_overlaid_digits_can_be_copied_and_pickled(overlaid):
    for twin in (copy.deepcopy(overlaid), pickle.loads(pickle.dumps(overlaid))):
        assert torch.equal(twin.all().inputs, overlaid.all().inputs)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"overlay": "sum"}, "overlay is 'max' or 'mean', got 'sum'"),
        ({"split": "validation"}, "split is 'train' or 'test', got 'validation'"),
        ({"source": "emnist"}, "source is 'digits' or 'mnist', got 'emnist'"),
    ],
)
def test_bad_overlaid_digits_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        OverlaidDigits(**settings)


def test_more_overlaid_digits_than_there_are_are_refused(overlaid):
    with pytest.raises(ValueError, match="365 trials asked for, but the task has 364 examples"):
        overlaid.sample(365)


def test_overlaid_digits_of_mnist_say_why_they_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBRAIN_DATA", str(tmp_path / "gone"))
    with pytest.raises(data.DataError, match="is no folder"):
        OverlaidDigits("test", "mnist")


@REAL_MNIST
def test_mnist_can_be_overlaid():
    task = OverlaidDigits("test", "mnist")
    batch = task.sample(5)
    assert batch.inputs.shape == (5, 1, 28, 28)
    assert (batch.conditions["first"] != batch.conditions["second"]).all()
