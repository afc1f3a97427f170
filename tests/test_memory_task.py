"""The memory task of Primer, Figure 8: what is to be reported, when, and what counts as right."""

import copy
import math

import numpy as np
import pytest
import scipy.stats
import torch

import nnbrain as nb
from nnbrain.objectives import squared_error
from nnbrain.tasks import Memory

SETTINGS = pytest.mark.parametrize(
    "settings",
    [{}, {"delay": 7}, {"steps": 200, "delay": (1, 40), "gap": (1, 3)}, {"steps": 2, "delay": 1, "gap": 1}],
    ids=str,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def parts(batch):
    """Stimulus, memorize and report, trials × time each."""
    return batch.inputs.unbind(-1)


@pytest.mark.covers("Primer, Figure 8ABC")
@SETTINGS
def test_the_target_of_a_report_is_the_stimulus_at_the_last_memorize_pulse(settings):
    """Step by step: a memory that a pulse overwrites."""
    batch = Memory(**settings).sample(50)
    memory = torch.full((50,), math.nan, device=batch.inputs.device)  # so that a report before any memorize is seen
    for (stimulus, memorize, report), target in zip(
        batch.inputs.permute(1, 2, 0), batch.targets[..., 0].T, strict=True
    ):
        memory = torch.where(memorize == 1, stimulus, memory)
        assert torch.equal(target, torch.where(report == 1, memory, 0.0))


@pytest.mark.covers("Primer, Figure 8ABC")
def test_the_stimulus_is_uniform_and_drawn_anew_at_every_step():
    stimulus = parts(Memory().sample(2000))[0].cpu()
    assert scipy.stats.kstest(stimulus.flatten().numpy(), scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3
    correlation = float((stimulus[:, 1:] * stimulus[:, :-1]).mean() / stimulus.var())
    assert abs(correlation) < 4 / math.sqrt(2000 * 49)


@pytest.mark.covers("Primer, Figure 8ABC")
@SETTINGS
def test_memorize_and_report_take_turns_beginning_with_memorize(settings):
    _, memorize, report = parts(Memory(**settings).sample(200))
    assert not (memorize * report).any() and {*memorize.unique().tolist()} == {0.0, 1.0}
    open_rounds = (memorize - report).cumsum(1)
    assert {*open_rounds.unique().tolist()} <= {0.0, 1.0} and not open_rounds[:, -1].any()


@SETTINGS
def test_every_trial_has_a_report(settings):
    report = Memory(**settings).sample(500).conditions["report"]
    assert report.dtype == torch.bool and report.any(1).all()


@SETTINGS
def test_conditions_say_when_there_are_reports_and_how_long_ago_their_value_was_shown(settings):
    task = Memory(**settings)
    batch = task.sample(50)
    stimulus, memorize, report = parts(batch)
    asked, delay = batch.conditions["report"], batch.conditions["delay"]
    assert torch.equal(asked, report == 1) and not delay[~asked].any()
    trial, when = asked.nonzero(as_tuple=True)
    shown = when - delay[trial, when]
    assert (memorize[trial, shown] == 1).all()
    assert torch.equal(batch.targets[trial, when, 0], stimulus[trial, shown])
    assert task.delay[0] <= int(delay[asked].min()) and int(delay[asked].max()) <= task.delay[1]


def test_a_delay_can_be_set():
    delay = Memory(steps=60, delay=17).sample(50).conditions["delay"]
    assert {*delay.unique().tolist()} == {0, 17}


def test_first_delays_are_equally_likely():
    """Later ones are not: the longer ones do not fit into what is left of the trial."""
    batch = Memory(delay=(2, 10)).sample(4000)
    first = batch.conditions["report"].int().argmax(1)
    delays = batch.conditions["delay"][torch.arange(4000), first].cpu()
    assert scipy.stats.chisquare(np.bincount(delays.numpy())[2:]).pvalue > 1e-3


def test_gaps_are_equally_likely_and_those_that_were_asked_for():
    """From each first report to the second memorize pulse, in trials so long that all of these fit."""
    _, memorize, report = parts(Memory(steps=60, delay=(2, 10), gap=(3, 6)).sample(4000))
    second = ((memorize.cumsum(1) == 2) & (memorize == 1)).int().argmax(1)
    gaps = (second - report.int().argmax(1)).cpu()
    assert {*gaps.tolist()} == {3, 4, 5, 6}
    assert scipy.stats.chisquare(np.bincount(gaps.numpy())[3:]).pvalue > 1e-3


def test_the_first_memorize_pulse_comes_at_any_step_of_the_longest_gap():
    memorize = parts(Memory(gap=(2, 5)).sample(4000))[1]
    first = memorize.int().argmax(1).cpu()
    assert scipy.stats.chisquare(np.bincount(first.numpy(), minlength=5)).pvalue > 1e-3


@pytest.mark.parametrize("steps, delay, gap", [(100, 4, 3), (100, 1, 9), (6, 1, 3)])
def test_no_round_that_fits_is_left_out(steps, delay, gap):
    """With a set gap and delay, pulses go on to the end of the trial."""
    report = Memory(steps, delay=delay, gap=gap).sample(50).conditions["report"]
    last = report.int().argmax(1) + (delay + gap) * (report.sum(1) - 1)
    assert (last + delay + gap >= steps).all()


def test_a_task_without_a_mask_counts_every_step_and_one_of_reports_only_these():
    every, reports = (Memory(report_only=only).sample(30, seeded()) for only in (False, True))
    assert every.mask is None and torch.equal(reports.mask, reports.conditions["report"].float())
    assert torch.equal(every.inputs, reports.inputs) and torch.equal(every.targets, reports.targets)


def test_the_squared_error_of_a_task_of_reports_is_that_at_the_reports():
    batch = Memory(report_only=True).sample(30)
    outputs = torch.randn_like(batch.targets)
    asked = batch.conditions["report"]
    expected = [
        0.5 * (y[when] - target[when]).square().mean()
        for y, target, when in zip(outputs, batch.targets, asked, strict=True)
    ]
    assert torch.allclose(squared_error.per_trial(outputs, None, batch, None), torch.stack(expected))


def test_a_trial_is_right_if_every_report_is_within_the_tolerance():
    task = Memory(tolerance=0.05)
    batch = task.sample(40)
    assert task.score(batch.targets + 0.049, batch).all() and not task.score(batch.targets - 0.051, batch).any()


def test_one_report_that_is_wrong_is_an_error_and_what_is_said_elsewhere_is_none():
    task = Memory()
    batch = task.sample(10)
    asked = batch.conditions["report"].unsqueeze(-1)
    outputs = batch.targets + 5 * ~asked
    assert task.score(outputs, batch).all()
    last = int(batch.conditions["report"][3].nonzero()[-1])
    outputs[3, last] += 0.2
    assert task.score(outputs, batch).tolist() == [k != 3 for k in range(10)]


def test_saying_nothing_is_nearly_always_wrong():
    task = Memory()
    batch = task.sample(1000)
    # One report or more, each of which is 0 but for .1 with probability .1.
    assert float(task.score(torch.zeros_like(batch.targets), batch).float().mean()) < 0.1


def test_the_same_generator_gives_the_same_trials():
    first, second, other = (Memory().sample(20, seeded(seed)).inputs for seed in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, other)


def test_a_batch_lies_on_the_device_and_a_task_can_be_copied(device):
    task = copy.deepcopy(Memory(report_only=True))
    batch = task.sample(5)
    everything = [batch.inputs, batch.targets, batch.mask, *batch.conditions.values()]
    assert all(part.device.type == device.type for part in everything)
    assert batch.inputs.shape == (5, 50, task.inputs) and batch.targets.shape == (5, 50, task.outputs)


@pytest.mark.parametrize("trials", [0, -3, 2.5, True, None])
def test_a_number_of_trials_that_is_none_is_refused(trials):
    with pytest.raises(ValueError, match="trials should be a positive integer, got"):
        Memory().sample(trials)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"steps": 0}, "steps should be a positive integer, got 0"),
        ({"delay": 0}, "delay, in steps, should be a positive integer, got 0"),
        ({"delay": (0, 5)}, "delay, in steps, should be a positive integer, got 0"),
        ({"delay": 2.5}, "delay, in steps, should be a positive integer, got 2.5"),
        ({"delay": (5, 2)}, r"delay should be a pair \(fewest, most\), got \(5, 2\)"),
        ({"delay": (1, 2, 3)}, r"delay should be a number of steps, or a pair \(fewest, most\), got \(1, 2, 3\)"),
        ({"delay": "12"}, "delay, in steps, should be a positive integer, got '12'"),
        ({"delay": None}, "delay, in steps, should be a positive integer, got None"),
        ({"gap": 0}, "gap, in steps, should be a positive integer, got 0"),
        ({"gap": (4, 3)}, r"gap should be a pair \(fewest, most\), got \(4, 3\)"),
        ({"steps": 19}, "a trial of 19 steps is too short for a gap of 10 and a delay of 10 steps: it needs 20"),
        ({"delay": 100}, "a trial of 50 steps is too short for a gap of 10 and a delay of 100 steps: it needs 110"),
        ({"tolerance": 0}, "tolerance should be a positive number, got 0"),
        ({"tolerance": math.nan}, "tolerance should be a positive number, got nan"),
    ],
    ids=str,
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Memory(**settings)


@pytest.mark.parametrize(
    "outputs, message",
    [
        (torch.full((4, 50, 1), math.nan), "some outputs are NaN or infinite"),
        (torch.zeros(4, 50, 2), "need values of shape"),
        (torch.zeros(4, 49, 1), "need values of shape"),
    ],
    ids=["NaN", "outputs", "steps"],
)
def test_outputs_that_do_not_fit_are_refused(outputs, message):
    with pytest.raises(ValueError, match=message):
        task = Memory()
        task.score(outputs.to(nb.device()), task.sample(4))
