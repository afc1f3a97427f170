"""Pattern completion and familiarity: what is shown, what is wanted, what counts as right."""

import copy
import math

import numpy as np
import pytest
import scipy.stats
import torch

import nnbrain as nb
from nnbrain.objectives import squared_error
from nnbrain.tasks import Familiarity, PatternCompletion

COMPLETION = pytest.mark.parametrize(
    "settings",
    [{}, {"bits": 7, "patterns": 1, "repeats": 1, "hidden": 0.3}, {"patterns": 5, "blank_steps": 0, "cue_steps": 1}],
    ids=str,
)
FAMILIARITY = pytest.mark.parametrize(
    "settings",
    [{}, {"report": "familiar", "lag": 1, "blank_steps": 0}, {"presentations": 12, "lag": (3, 20), "present_steps": 1}],
    ids=str,
)
BOTH = pytest.mark.parametrize("task", [PatternCompletion(), Familiarity()], ids=lambda task: type(task).__name__)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def presentations(task, part):
    """What stands in the steps before the cue, as trials × presentations × steps of each × …"""
    each = task.present_steps + task.blank_steps
    return part.unflatten(1, (-1, each))


# Pattern completion


@COMPLETION
def test_every_pattern_is_shown_as_often_as_asked_with_blanks_after_it(settings):
    task = PatternCompletion(**settings)
    batch = task.sample(30)
    shown = presentations(task, batch.inputs[:, : -task.cue_steps])
    assert not shown[:, :, task.present_steps :].any()
    shown = shown[:, :, : task.present_steps]
    assert torch.equal(shown, shown[:, :, :1].expand_as(shown)) and (shown.abs() == 1).all()
    patterns = batch.conditions["patterns"]
    fits = (shown[:, :, :1] == patterns.unsqueeze(1)).all(-1)  # trials × presentations × patterns
    for rounds in fits.split(task.patterns, 1):
        assert (rounds.sum(1) >= 1).all()  # each once in every round; by chance two may be alike
    assert fits.shape[1] == task.patterns * task.repeats


@COMPLETION
def test_the_cue_gives_some_bits_of_the_pattern_that_is_wanted_and_hides_the_others(settings):
    task = PatternCompletion(**settings)
    batch = task.sample(30)
    cue, wanted = batch.inputs[:, -task.cue_steps :], batch.targets[:, -task.cue_steps :]
    given = batch.conditions["cue"].unsqueeze(1)
    patterns, asked = batch.conditions["patterns"], batch.conditions["asked"]
    pattern = torch.stack([patterns[k, asked[k]] for k in range(30)]).unsqueeze(1)
    assert torch.equal(wanted, pattern.expand_as(wanted)) and torch.equal(cue, (pattern * given).expand_as(cue))
    assert ((~given).sum(-1) == round(task.hidden * task.bits)).all()
    assert not batch.targets[:, : -task.cue_steps].any()


@COMPLETION
def test_the_lag_is_that_of_the_last_time_the_pattern_was_shown(settings):
    task = PatternCompletion(**settings)
    batch = task.sample(30)
    shown = presentations(task, batch.inputs[:, : -task.cue_steps])[:, :, 0]
    for trial in range(30):
        same = (shown[trial] == batch.targets[trial, -1]).all(-1)
        assert same[-int(batch.conditions["lag"][trial])]
        assert not same[len(same) - int(batch.conditions["lag"][trial]) + 1 :].any() or task.bits < 10


def test_bits_signs_orders_and_questions_are_equally_likely():
    batch = PatternCompletion(bits=8, patterns=3).sample(6000)
    ones = float((batch.conditions["patterns"] > 0).float().mean())
    assert abs(ones - 0.5) < 4 * 0.5 / math.sqrt(6000 * 24)
    assert scipy.stats.chisquare(np.bincount(batch.conditions["asked"].cpu().numpy())).pvalue > 1e-3
    assert scipy.stats.chisquare(np.bincount(batch.conditions["lag"].cpu().numpy())[1:4]).pvalue > 1e-3
    assert scipy.stats.chisquare(batch.conditions["cue"].sum(0).cpu().numpy()).pvalue > 1e-3


def test_only_the_last_step_counts_in_the_objective_of_pattern_completion():
    batch = PatternCompletion().sample(20)
    outputs = torch.randn_like(batch.targets)
    expected = 0.5 * (outputs[:, -1] - batch.targets[:, -1]).square().sum(-1)
    assert torch.allclose(squared_error.per_trial(outputs, None, batch, None), expected)


def test_the_bit_error_is_that_of_the_hidden_bits():
    task = PatternCompletion(bits=10)
    batch = task.sample(40)
    outputs, cue = batch.targets.clone(), batch.conditions["cue"]
    assert not task.bit_error(0.01 * outputs, batch).any()
    outputs[:, -1] = outputs[:, -1].where(~cue, -outputs[:, -1])  # wrong where it was shown
    assert not task.bit_error(outputs, batch).any() and not task.score(outputs, batch).any()
    assert (task.bit_error(-outputs, batch) == 1).all()
    assert (task.bit_error(batch.inputs, batch) == 0.5).all()  # 0 is no answer: half wrong
    first = (~cue[3]).nonzero()[0, 0]
    outputs = batch.targets.clone()
    outputs[3, -1, first] *= -1
    assert float(task.bit_error(outputs, batch)[3]) == pytest.approx(1 / 5)
    assert task.score(outputs, batch).tolist() == [k != 3 for k in range(40)]


def test_guessing_has_half_of_the_hidden_bits_wrong():
    task = PatternCompletion()
    batch = task.sample(2000)
    error = float(task.bit_error(torch.randn_like(batch.targets), batch).mean())
    assert abs(error - 0.5) < 4 * 0.5 / math.sqrt(2000 * 10)


# Familiarity


@FAMILIARITY
def test_a_pattern_is_familiar_if_it_was_shown_before_in_the_trial(settings):
    """From the inputs alone, with patterns so large that chance makes no two alike."""
    task = Familiarity(bits=64, **settings)
    batch = task.sample(40)
    shown = presentations(task, batch.inputs)
    assert not shown[:, :, task.present_steps :].any() and (shown[:, :, : task.present_steps].abs() == 1).all()
    assert torch.equal(shown[:, :, 0], shown[:, :, task.present_steps - 1])
    shown = shown[:, :, 0]
    for k in range(task.presentations):
        same = (shown[:, :k] == shown[:, k : k + 1]).all(-1)
        assert torch.equal(batch.conditions["familiar"][:, k], same.any(1))
        lag = batch.conditions["lag"][:, k]
        last = [k - max(before.nonzero().flatten().tolist()) if before.any() else 0 for before in same]
        assert lag.tolist() == last
        pattern = batch.conditions["pattern"]
        assert torch.equal(pattern[:, :k] == pattern[:, k : k + 1], same)


@FAMILIARITY
def test_the_answer_is_wanted_at_the_end_of_every_presentation_that_may_be_familiar(settings):
    task = Familiarity(**settings)
    batch = task.sample(40)
    wanted = batch.conditions["familiar"] == (task.report == "familiar")
    assert torch.equal(task.answers(batch.targets), wanted.float())
    first = task.lag[0]  # before it nothing can be familiar
    assert not batch.conditions["familiar"][:, :first].any()
    assert batch.mask.sum(1).unique().tolist() == [task.presentations - first]
    assert (task.answers(batch.mask.unsqueeze(-1))[:, first:] == 1).all()
    assert batch.targets.sum() == wanted.sum()  # elsewhere 0
    ends = presentations(task, batch.mask)[:, first:, task.present_steps - 1]
    assert (ends == 1).all()


def test_the_same_trials_can_ask_for_either_answer():
    new, familiar = (Familiarity(report=report).sample(20, seeded()) for report in ("new", "familiar"))
    assert torch.equal(new.inputs, familiar.inputs)
    asked = new.mask > 0
    assert torch.equal(new.targets[asked], 1 - familiar.targets[asked])


@pytest.mark.parametrize("lag", [(1, 4), 2, (3, 3)])
def test_new_and_familiar_are_equally_likely_as_soon_as_there_can_be_a_repetition(lag):
    fewest = lag if isinstance(lag, int) else lag[0]
    familiar = Familiarity(presentations=8, lag=lag).sample(4000).conditions["familiar"].float().mean(0).cpu()
    assert not familiar[:fewest].any()
    assert ((familiar[fewest:] - 0.5).abs() < 4.5 * 0.5 / math.sqrt(4000)).all()


def test_lags_to_the_repeated_presentation_are_equally_likely():
    """At the second repetition possible both lags, 1 and 2, are; later a pattern may have been shown in between."""
    conditions = Familiarity(presentations=3, lag=(1, 2)).sample(6000).conditions
    lag, pattern = conditions["lag"][:, 2].cpu(), conditions["pattern"].cpu()
    different = (pattern[:, 1] != pattern[:, 0]) & (lag > 0)
    assert scipy.stats.chisquare(np.bincount(lag[different].numpy())[1:]).pvalue > 1e-3


def test_a_lag_can_be_set():
    lags = Familiarity(bits=40, presentations=10, lag=3).sample(200).conditions["lag"]
    assert {*lags.unique().tolist()} == {0, 3}


def test_a_trial_is_right_if_all_answers_but_the_first_lie_on_their_side_of_a_half():
    task = Familiarity()
    batch = task.sample(10)
    outputs = 0.1 + 0.5 * batch.targets
    assert task.score(outputs, batch).all()
    outputs[:, task.answer_steps[0]] = -3.0
    assert task.score(outputs, batch).all()
    outputs[4, task.answer_steps[5]] = 1 - batch.targets[4, task.answer_steps[5]]
    assert task.score(outputs, batch).tolist() == [k != 4 for k in range(10)]


# Both


@BOTH
def test_the_same_generator_gives_the_same_trials(task):
    first, second, other = (task.sample(20, seeded(seed)).inputs for seed in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, other)


@BOTH
def test_a_batch_lies_on_the_device_and_a_task_can_be_copied(task, device):
    task = copy.deepcopy(task)
    batch = task.sample(5)
    everything = [batch.inputs, batch.targets, batch.mask, *batch.conditions.values()]
    assert all(part.device.type == device.type for part in everything)
    assert batch.inputs.shape == (5, task.steps, task.inputs)
    assert batch.targets.shape == (5, task.steps, task.outputs)


@BOTH
@pytest.mark.parametrize("trials", [0, -3, 2.5, True, None])
def test_a_number_of_trials_that_is_none_is_refused(task, trials):
    with pytest.raises(ValueError, match="trials should be a positive integer, got"):
        task.sample(trials)


@BOTH
def test_outputs_that_do_not_fit_are_refused(task):
    batch = task.sample(4)
    with pytest.raises(ValueError, match="need values of shape"):
        task.score(batch.targets[:, :-1], batch)
    with pytest.raises(ValueError, match="some outputs are NaN or infinite"):
        task.score(batch.targets * math.nan, batch)


def test_answers_of_other_steps_are_refused():
    with pytest.raises(ValueError, match=r"outputs should be trials × 24 × 1, got \(4, 23, 1\)"):
        Familiarity().answers(torch.zeros(4, 23, 1, device=nb.device()))


@pytest.mark.parametrize(
    "kind, settings, message",
    [
        (PatternCompletion, {"bits": 0}, "bits should be a positive integer, got 0"),
        (PatternCompletion, {"patterns": 1.5}, "patterns should be a positive integer, got 1.5"),
        (PatternCompletion, {"repeats": 0}, "repeats should be a positive integer, got 0"),
        (PatternCompletion, {"present_steps": 0}, "present_steps should be a positive integer, got 0"),
        (PatternCompletion, {"cue_steps": 0}, "cue_steps should be a positive integer, got 0"),
        (PatternCompletion, {"blank_steps": -1}, "blank_steps should be an integer from 0 up, got -1"),
        (PatternCompletion, {"hidden": 0.0}, "of 20 bits some are hidden and some shown, got 0.0"),
        (PatternCompletion, {"hidden": 1}, "of 20 bits some are hidden and some shown, got 1"),
        (PatternCompletion, {"hidden": 0.02}, "of 20 bits some are hidden and some shown, got 0.02"),
        (PatternCompletion, {"bits": 1}, "of 1 bits some are hidden and some shown, got 0.5"),
        (PatternCompletion, {"hidden": math.nan}, "some are hidden and some shown, got nan"),
        (Familiarity, {"bits": -2}, "bits should be a positive integer, got -2"),
        (Familiarity, {"presentations": 1}, "in 1 presentations none can repeat one of 1 presentations ago"),
        (Familiarity, {"presentations": 4, "lag": 4}, "none can repeat one of 4 presentations ago"),
        (Familiarity, {"lag": 0}, "lag, in presentations, should be a positive integer, got 0"),
        (Familiarity, {"lag": (4, 1)}, r"lag should be a pair \(fewest, most\), got \(4, 1\)"),
        (Familiarity, {"lag": (1, 2, 3)}, r"lag should be a number of presentations, or a pair \(fewest, most\)"),
        (Familiarity, {"lag": None}, "lag, in presentations, should be a positive integer, got None"),
        (Familiarity, {"report": "old"}, "report says what to respond to, 'new' or 'familiar', got 'old'"),
        (Familiarity, {"blank_steps": 1.5}, "blank_steps should be an integer from 0 up, got 1.5"),
    ],
    ids=str,
)
def test_bad_settings_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)


@pytest.mark.parametrize("lag", [(1, 4), (3, 4), (2, 5), 3])
def test_lags_stay_within_their_range_and_half_of_the_later_patterns_are_familiar(lag):
    task = Familiarity(lag=lag, presentations=20)
    lags = task.sample(3000, seeded()).conditions["lag"]
    fewest, most = task.lag
    assert lags[lags > 0].unique().tolist() == list(range(fewest, most + 1))
    assert (lags[:, :fewest] == 0).all()
    assert abs(float((lags[:, fewest:] > 0).float().mean()) - 0.5) < 0.01
