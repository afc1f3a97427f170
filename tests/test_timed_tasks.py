"""Tasks in time: epochs, noise and windows right to a step, ideal observers, and what each experiment is about."""

import copy
import math
import pickle
from typing import ClassVar

import numpy as np
import pytest
import scipy.stats
import torch
from examples import SmallRNN

import nnbrain as nb
from nnbrain.learning import Backprop
from nnbrain.objectives import cross_entropy, squared_error
from nnbrain.tasks import (
    ContextDecision,
    DelayedComparison,
    DelayedMatchToCategory,
    DelayedMatchToSample,
    FlipFlop,
    PerceptualDecision,
    TimedTask,
)

MAKERS = {
    "perceptual": PerceptualDecision,
    "reaction time": lambda **settings: PerceptualDecision(reaction_time=True, **settings),
    "context": ContextDecision,
    "comparison": DelayedComparison,
    "category": DelayedMatchToCategory,
    "sample": DelayedMatchToSample,
    "rotated sample": lambda **settings: DelayedMatchToSample(rotation=90, **settings),
}
EVERY = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
WITH_FLIP_FLOP = pytest.mark.parametrize("make", [*MAKERS.values(), FlipFlop], ids=[*MAKERS, "flip-flop"])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def lengths(task, batch) -> dict[str, torch.Tensor]:
    """How many steps each epoch lasts in each trial."""
    return {name: task.during(name, batch).sum(1).cpu() for name in task.epochs}


def onset(task, batch, name) -> torch.Tensor:
    """The step in which an epoch begins in each trial, from the durations of those before it."""
    before = list(task.epochs)[: list(task.epochs).index(name)]
    return sum((lengths(task, batch)[other] for other in before), torch.zeros(len(batch), dtype=torch.long))


def of_choices(task, choices: torch.Tensor) -> torch.Tensor:
    """Outputs, trials × time × outputs, by which these are chosen with certainty: trials × time."""
    return 10.0 * torch.nn.functional.one_hot(choices, task.outputs)


def standard_errors(observed: float, p: float, n: int) -> float:
    """How far a frequency lies from its probability."""
    return abs(observed - p) / (p * (1 - p) / n) ** 0.5


# Epochs


@EVERY
def test_epochs_follow_each_other_and_then_nothing(make):
    task = make()
    epoch = task.sample(50).conditions["epoch"]
    followed = epoch.where(epoch >= 0, len(task.epochs))
    assert (followed.diff(dim=1) >= 0).all() and (epoch[:, 0] == 0).all()


@EVERY
def test_epochs_last_as_long_as_the_table_says(make):
    task = make(epochs={"fixation": 60, "response": (200, 260)})
    measured = lengths(task, task.sample(300))
    assert measured["fixation"].unique().tolist() == [3] and measured["response"].unique().tolist() == [10, 11, 12, 13]


def test_the_steps_of_a_task_are_those_of_its_longest_trial():
    task = DelayedComparison(epochs={"delay": [200, 1000]})
    assert task.steps == (200 + 300 + 1000 + 300 + 300) / 20


@pytest.mark.parametrize(
    "duration, expected",
    [
        (500, {25}),
        (510, {26}),  # halves go up
        (509, {25}),
        ((100, 160), {5, 6, 7, 8}),
        ([100, 160], {5, 8}),
        ((100, 160, 400), {5, 8, 20}),
        (np.array([100, 160]), {5, 8}),
        (torch.tensor(500.0), {25}),
        (0, {0}),
        ([0, 100], {0, 5}),
    ],
    ids=str,
)
def test_durations_are_a_number_a_range_or_a_list(duration, expected):
    task = PerceptualDecision(epochs={"delay": duration})
    assert {*lengths(task, task.sample(400))["delay"].tolist()} == expected


@pytest.mark.parametrize("duration, options", [((200, 400), range(10, 21)), ([200, 600, 240], (10, 30, 12))], ids=str)
def test_durations_are_drawn_with_equal_chances(duration, options):
    task = PerceptualDecision(epochs={"stimulus": duration})
    drawn = lengths(task, task.sample(5000))["stimulus"]
    assert max(standard_errors(float((drawn == n).float().mean()), 1 / len(options), 5000) for n in options) < 4


def test_durations_of_different_epochs_are_independent():
    task = PerceptualDecision()
    drawn = lengths(task, task.sample(5000))
    assert abs(np.corrcoef(drawn["fixation"], drawn["stimulus"])[0, 1]) < 4 / 5000**0.5


def test_changing_one_epoch_leaves_the_others():
    assert PerceptualDecision(epochs={"delay": 400}).epochs == PerceptualDecision.default_epochs | {"delay": 400}


@pytest.mark.parametrize("dt, expected", [(20, 35), (10, 70), (0.1, 7000), (50, 14), (700, 1)])
def test_a_duration_that_is_a_whole_number_of_steps_is_kept(dt, expected):
    epochs = {"fixation": 0, "stimulus": 700, "response": 700}
    task = PerceptualDecision(dt=dt, epochs=epochs)
    assert task.steps == 2 * expected and lengths(task, task.sample(2))["stimulus"].tolist() == [expected] * 2


def test_times_are_those_of_the_steps_beginnings():
    assert PerceptualDecision(dt=50).times.tolist() == [50 * k for k in range(24)]


def test_default_trials_of_a_decision_are_short():
    assert PerceptualDecision().steps == ContextDecision().steps == 60


def test_default_trials_with_a_delay_are_short():
    assert max(DelayedComparison().steps, DelayedMatchToCategory().steps) <= 120


def test_an_epoch_that_lasts_no_time_has_no_steps():
    task = PerceptualDecision()
    assert not task.during("delay", task.sample(10)).any()


def test_during_knows_the_trials_of_a_part_of_a_batch():
    task = DelayedComparison()
    batch = task.sample(20)
    assert torch.equal(task.during("delay", batch[[3, 7]]), task.during("delay", batch)[[3, 7]])


# Targets, mask and fixation


@EVERY
def test_targets_are_to_fixate_and_from_the_go_on_the_choice(make):
    task = make()
    batch = task.sample(50)
    t, began = torch.arange(task.steps), onset(task, batch, task.go)[:, None]
    ended = sum(lengths(task, batch).values())[:, None]
    expected = batch.conditions["choice"].cpu()[:, None].where((t >= began) & (t < ended), 0)
    assert torch.equal(batch.targets.cpu(), expected)


@EVERY
@pytest.mark.parametrize("grace, steps", [(100, 5), (0, 0), (20, 1), (30, 2)])
def test_the_mask_leaves_out_the_grace_and_what_comes_after_the_trial(make, grace, steps):
    task = make(grace=grace)
    batch = task.sample(50)
    t, began = torch.arange(task.steps), onset(task, batch, task.go)[:, None]
    ended = sum(lengths(task, batch).values())[:, None]
    assert torch.equal(batch.mask.cpu() > 0, ((t < began) | (t >= began + steps)) & (t < ended))


@EVERY
def test_nothing_is_shown_after_the_trial(make):
    task = make()
    batch = task.sample(50)
    assert (batch.inputs[batch.conditions["epoch"] < 0] == 0).all()


@pytest.mark.parametrize("name", ["perceptual", "context", "comparison", "category"])
def test_the_fixation_point_goes_off_with_the_response(name):
    task = MAKERS[name]()
    batch = task.sample(50)
    waiting = (batch.conditions["epoch"] >= 0) & ~task.during("response", batch)
    assert torch.equal(batch.inputs[..., 0], waiting.float())


def test_with_reaction_times_the_fixation_point_stays():
    task = PerceptualDecision(reaction_time=True)
    batch = task.sample(50)
    assert torch.equal(batch.inputs[..., 0], (batch.conditions["epoch"] >= 0).float())


@EVERY
def test_all_choices_are_equally_often_right(make):
    choices = make().sample(4000).conditions["choice"]
    assert standard_errors(float((choices == 1).float().mean()), 0.5, 4000) < 4


@EVERY
def test_the_objective_takes_a_batch_as_it_is(make):
    task = make()
    network = SmallRNN(task.inputs, 4, task.outputs)
    assert torch.isfinite(cross_entropy(network.to(nb.device()), task.sample(3)))


# Noise


def noise_of(task, trials=400):
    """What a batch has beyond the same trials without noise, and where a stimulus is shown."""
    noisy = task.all(noise=True, repeats=trials // len(task.all()))
    return noisy.inputs - task.all(repeats=trials // len(task.all())).inputs, noisy


@pytest.mark.parametrize("dt, expected", [(20, 0.3), (10, 0.3 * 2**0.5), (80, 0.15)])
def test_the_noise_of_a_step_shrinks_with_the_root_of_its_duration(dt, expected):
    task = PerceptualDecision(dt=dt, sigma=0.3)
    noise, batch = noise_of(task, 4000)
    shown = noise[task.during("stimulus", batch)][:, 1:]
    assert float(shown.std()) == pytest.approx(expected, rel=4 / (2 * shown.numel()) ** 0.5)


@pytest.mark.parametrize(
    "make, shown, channels",
    [
        (PerceptualDecision, ["stimulus"], [1, 2]),
        (ContextDecision, ["stimulus"], [1, 2]),
        (DelayedComparison, ["f1", "f2"], [1, 2]),
        (DelayedMatchToCategory, ["sample", "test"], [*range(1, 17)]),
    ],
)
def test_only_stimuli_are_noisy_and_only_while_they_are_shown(make, shown, channels):
    task = make(sigma=0.3)
    noise, batch = noise_of(task)
    expected = torch.zeros_like(noise[0], dtype=torch.bool)
    for epoch in shown:
        expected[:, channels] |= task.during(epoch, batch)[0, :, None]
    assert torch.equal(
        (noise != 0).any(0), expected
    )  # epochs are the same in all trials; a rare number is too small to add


def test_noise_is_independent_across_channels_and_steps():
    task = ContextDecision(sigma=1.0)
    noise, batch = noise_of(task, 7200)
    began = int(onset(task, batch, "stimulus")[0])
    sampled = noise[:, began : began + 5, 1:3].flatten(1).cpu()  # trials × (steps × channels)
    correlations = torch.corrcoef(sampled.T) - torch.eye(10)
    assert float(correlations.abs().max()) < 4.5 / len(sampled) ** 0.5


@pytest.mark.parametrize("dt", [10, 25, 50, 100])
def test_what_an_integrator_gets_does_not_depend_on_the_step(dt):
    """The integral over 500 ms: its mean and variance at any Δt are those at 20 ms, in closed form."""
    task = ContextDecision(dt=dt, coherences=[0.2], sigma=0.5, epochs={"stimulus": 500})
    batch = task.sample(6000)
    integral = dt * batch.inputs[..., 1].mul(task.during("stimulus", batch)).sum(1) * batch.conditions["motion"].sign()
    mean, deviation = 500 * 0.2, 20 * 0.5 * 25**0.5
    assert abs(float(integral.mean()) - mean) < 4 * deviation / 6000**0.5
    assert float(integral.std()) == pytest.approx(deviation, rel=4 / (2 * 6000) ** 0.5)


def test_without_noise_a_sample_shows_the_stimuli_as_they_are():
    task = PerceptualDecision(sigma=0)
    batch = task.sample(50)
    expected = (1 + batch.conditions["coherence"]) / 2
    shown = batch.inputs[..., 2].where(task.during("stimulus", batch), expected[:, None])
    assert torch.equal(shown, expected[:, None].expand_as(shown))


# Randomness


def parts(batch):
    return [batch.inputs, batch.targets, batch.mask, *batch.conditions.values()]


@WITH_FLIP_FLOP
def test_the_same_seed_draws_the_same_batch(make):
    task = make()
    first, second = (parts(task.sample(20, seeded(3))) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@WITH_FLIP_FLOP
def test_another_seed_draws_another_batch(make):
    task = make()
    assert not torch.equal(task.sample(20, seeded(3)).inputs, task.sample(20, seeded(4)).inputs)


@WITH_FLIP_FLOP
def test_draws_with_a_generator_leave_the_global_one_alone(make):
    before = torch.get_rng_state()
    make().sample(5, seeded())
    assert torch.equal(torch.get_rng_state(), before)


@WITH_FLIP_FLOP
def test_everything_goes_to_the_device_after_it_is_drawn(make, monkeypatch):
    """A device without values: what was drawn there, or stayed behind, would be found out."""
    for module in ("timed", "flip_flop"):
        monkeypatch.setattr(f"nnbrain.tasks.{module}.device", lambda: torch.device("meta"))
    generator, twin = seeded(5), seeded(5)
    batch = make().sample(7, generator)
    monkeypatch.undo()
    make().sample(7, twin)
    assert {part.device.type for part in parts(batch)} == {"meta"}
    assert torch.equal(generator.get_state(), twin.get_state())


@WITH_FLIP_FLOP
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda task: pickle.loads(pickle.dumps(task))])
def test_a_copy_of_a_task_is_the_same_task(make, duplicate):
    task = make()
    assert torch.equal(duplicate(task).sample(9, seeded()).inputs, task.sample(9, seeded()).inputs)


@WITH_FLIP_FLOP
def test_inputs_are_single_precision_and_targets_have_a_type_that_objectives_take(make):
    batch = make().sample(3)
    assert batch.inputs.dtype == torch.float32 and batch.targets.dtype in (torch.float32, torch.int64)


# All kinds of trials


@EVERY
def test_all_is_free_of_noise_unless_asked(make):
    task = make(sigma=0.5)
    assert torch.equal(task.all().inputs, make(sigma=0).all().inputs)
    assert not torch.equal(task.all(noise=True).inputs, task.all().inputs)


@EVERY
def test_all_has_every_kind_of_trial_that_a_sample_has_once(make):
    task = make()
    names = [name for name in task.all().conditions if name != "epoch"]
    everything, drawn = (
        [*zip(*(b.conditions[n].tolist() for n in names), strict=True)] for b in (task.all(), task.sample(5000))
    )
    assert {*drawn} == {*everything} and len({*everything}) == len(everything)


def test_all_kinds_of_trials_are_drawn_with_equal_chances():
    drawn = ContextDecision().sample(7200).conditions
    names = ["motion", "colour", "context"]
    counts = torch.unique(torch.stack([drawn[n].float() for n in names], 1), dim=0, return_counts=True)[1]
    assert len(counts) == 72 and scipy.stats.chisquare(counts.cpu()).pvalue > 1e-4


def test_in_all_trials_an_epoch_lasts_its_median():
    measured = lengths(task := DelayedComparison(epochs={"delay": [1200, 300, 600]}), task.all())
    assert {name: each.unique().tolist() for name, each in measured.items()} == {
        "fixation": [8], "f1": [15], "delay": [30], "f2": [15], "response": [15]
    }  # fmt: skip


def test_all_takes_other_durations():
    task = DelayedComparison()
    assert lengths(task, task.all(delay=900))["delay"].unique().tolist() == [45]


def test_all_repeats_each_kind():
    task = PerceptualDecision()
    once, thrice = (task.all(repeats=n).conditions["coherence"] for n in (1, 3))
    assert torch.equal(thrice, once.repeat_interleave(3))


@EVERY
def test_changing_what_all_gives_does_not_change_the_task(make):
    task = make()
    for part in parts(task.all()):
        part.fill_(1)
    assert all(torch.equal(a, b) for a, b in zip(parts(task.all()), parts(make().all()), strict=True))


def test_trials_longer_than_the_task_are_refused():
    with pytest.raises(ValueError, match="such trials last 4060 ms, and the task's at most 2300 ms"):
        DelayedComparison().all(delay=3000)


# Scores and choices


@EVERY
def test_the_score_is_perfect_for_the_targets_themselves(make):
    task = make()
    batch = task.sample(50)
    assert task.score(of_choices(task, batch.targets), batch).all()


@EVERY
def test_the_choice_is_read_in_the_response_after_the_grace_to_a_step(make):
    """One step decides: it does so within the window, and not one step before or after it."""
    task = make(epochs={"response": [200, 300]}, grace=60)
    batch = task.sample(8)
    begins = onset(task, batch, "response")
    window = {
        (k, t) for k, n in enumerate(lengths(task, batch)["response"]) for t in range(begins[k] + 3, begins[k] + n)
    }
    found = set()
    for t in range(task.steps):
        outputs = torch.zeros(8, task.steps, task.outputs, device=batch.inputs.device)
        outputs[:, t, 2] = 1.0
        found |= {(int(k), t) for k in (task.choice(outputs, batch) == 2).nonzero()}
    assert found == window


@EVERY
def test_who_fixates_to_the_end_has_chosen_nothing(make):
    task = make()
    batch = task.sample(20)
    outputs = of_choices(task, torch.zeros_like(batch.targets))
    assert (task.choice(outputs, batch) == 0).all() and not task.score(outputs, batch).any()


@EVERY
def test_the_wrong_choice_is_wrong(make):
    task = make()
    batch = task.sample(20)
    wrong = (3 - batch.conditions["choice"]).unsqueeze(1).expand_as(batch.targets)
    assert not task.score(of_choices(task, wrong), batch).any()


def test_the_choice_is_that_of_the_average_over_the_response():
    """One step with a large output outweighs the others."""
    task = PerceptualDecision(epochs={"response": 300}, grace=0)
    batch = task.all()
    outputs = of_choices(task, torch.ones_like(batch.targets))
    outputs[:, int(onset(task, batch, "response")[0]) + 4, 2] = 151.0
    assert (task.choice(outputs, batch) == 2).all()
    outputs[:, int(onset(task, batch, "response")[0]) + 4, 2] = 139.0
    assert (task.choice(outputs, batch) == 1).all()


@pytest.mark.parametrize("method", ["score", "choice", "response"])
@pytest.mark.parametrize(
    "change, message",
    [
        (lambda y: y * math.nan, "some outputs are NaN or infinite"),
        (lambda y: y / 0, "some outputs are NaN or infinite"),
        (lambda y: y[..., :2], "2 outputs, for the classes 0 to 1|this task needs 3 outputs"),
        (lambda y: torch.cat([y, y], -1), r"this task needs 3 outputs \(fixate, left, right\), got 6"),
        (lambda y: y[:, :-1], "need classes of shape"),
        (lambda y: y[:-1], "need classes of shape"),
        (lambda y: y[:, -1], "need classes of shape"),
    ],
    ids=["NaN", "infinite", "too few", "too many", "too short", "a trial less", "without time"],
)
def test_outputs_that_do_not_fit_are_refused(method, change, message):
    task = PerceptualDecision()
    batch = task.sample(5)
    with pytest.raises(ValueError, match=message):
        getattr(task, method)(change(of_choices(task, batch.targets)), batch)


# Reaction times


def stepping(task, batch, steps):
    """Outputs that choose 2 from so many steps after the go on, and fixate before; to the end, also after the trial."""
    began = onset(task, batch, task.go)[:, None] + torch.as_tensor(steps).reshape(-1, 1)
    return of_choices(task, 2 * (torch.arange(task.steps) >= began).long()).to(batch.inputs.device)


@EVERY
def test_reaction_times_count_from_the_go_to_a_step(make):
    task = make()
    batch = task.sample(6)
    steps = torch.arange(6)
    response = task.response(stepping(task, batch, steps), batch)
    assert response.time.tolist() == (20 * steps).tolist() and response.choice.tolist() == [2] * 6


def test_the_go_of_the_reaction_time_task_is_the_stimulus():
    assert PerceptualDecision(reaction_time=True).go == "stimulus"


@EVERY
def test_a_choice_after_the_trial_is_none(make):
    task = make(epochs={"response": [200, 300]})
    batch = task.sample(200)
    ended = sum(lengths(task, batch).values()) - onset(task, batch, task.go)
    late = task.response(stepping(task, batch, ended), batch)
    assert late.time.isnan().all() and (late.choice == 0).all()
    last = task.response(stepping(task, batch, ended - 1), batch)
    assert torch.equal(last.time.cpu(), 20.0 * (ended - 1)) and (last.choice == 2).all()


def test_a_choice_before_the_go_does_not_count():
    task = PerceptualDecision()
    batch = task.sample(5)
    outputs = of_choices(task, 1 - task.during("response", batch).long())
    assert task.response(outputs, batch).time.isnan().all()


def test_the_first_choice_counts_even_if_it_is_taken_back():
    task = PerceptualDecision()
    batch = task.sample(5)
    outputs = stepping(task, batch, 2)
    outputs[:, :, 1] = 20 * (torch.arange(task.steps) >= onset(task, batch, "response")[:, None] + 3)
    response = task.response(outputs, batch)
    assert response.choice.tolist() == [2] * 5 and response.time.tolist() == [40.0] * 5


@pytest.mark.parametrize(
    "threshold, expected", [(0.0, 0.0), (0.5, 120.0), (0.7, 200.0), (0.9, 300.0), (0.95, math.nan)]
)
def test_a_higher_threshold_is_passed_later(threshold, expected):
    """P of choice 1, against two outputs of 0, is σ(k/4 − 1.45) in step k: log-odds of 0, .847, 2.20, 2.94; there are 17 steps."""
    task = PerceptualDecision(reaction_time=True, epochs={"stimulus": 200, "response": 140})
    batch = task.sample(4)
    outputs = torch.zeros(4, task.steps, 3, device=batch.inputs.device)
    outputs[..., 1] = math.log(2) - 1.45 + (torch.arange(task.steps) - onset(task, batch, "stimulus")[:, None]) / 4
    assert np.array_equal(task.response(outputs, batch, threshold).time.cpu(), [expected] * 4, equal_nan=True)


@pytest.mark.parametrize("threshold", [1, -0.1, math.nan, "high", None])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    task = PerceptualDecision()
    batch = task.sample(2)
    with pytest.raises(ValueError, match="threshold is a probability from 0 to below 1, got"):
        task.response(of_choices(task, batch.targets), batch, threshold)


# Perceptual decision


@pytest.mark.parametrize("dt", [5, 20, 100])
def test_the_ideal_observer_of_a_perceptual_decision_is_the_closed_form(dt):
    """Φ(|c| √n / (√2 σ)), written for n = 30 steps of 20 ms; the step does not matter."""
    task = PerceptualDecision(dt=dt, sigma=0.4, epochs={"stimulus": 600})
    c = np.array([0.0, 0.05, -0.2, 0.9])
    expected = scipy.stats.norm.cdf(abs(c) * 30**0.5 / (2**0.5 * 0.4))
    assert np.allclose(task.ideal_accuracy(c).cpu(), expected, atol=1e-6)


@pytest.mark.parametrize("stimulus", [400, (200, 800), [100, 1000]], ids=str)
@pytest.mark.parametrize("make", [PerceptualDecision, ContextDecision])
def test_the_ideal_observer_is_as_good_as_its_closed_form(make, stimulus):
    task = make(coherences=[0.1], epochs={"stimulus": stimulus})
    batch = task.sample(8000)
    right = (task.ideal_choice(batch) == batch.conditions["choice"]).float().mean()
    assert standard_errors(float(right), float(task.ideal_accuracy(0.1)), 8000) < 4


def test_a_longer_stimulus_lets_an_ideal_observer_be_right_more_often():
    accuracies = [float(PerceptualDecision(epochs={"stimulus": ms}).ideal_accuracy(0.1)) for ms in (100, 400, 1600)]
    assert accuracies == sorted(accuracies) and len({*accuracies}) == 3


def test_the_default_coherences_run_from_hard_to_easy():
    accuracy = PerceptualDecision().ideal_accuracy()
    assert 0.58 < float(accuracy[0]) < 0.62 and float(accuracy[-1]) > 0.99


def test_a_perceptual_decision_shows_evidence_for_both_sides():
    task = PerceptualDecision(coherences=[0.4])
    batch = task.all()
    shown = batch.inputs[task.during("stimulus", batch)].reshape(2, -1, 3)[:, 0]
    assert torch.allclose(shown.cpu(), torch.tensor([[1, 0.7, 0.3], [1, 0.3, 0.7]]))
    assert batch.conditions["choice"].tolist() == [1, 2]


def test_the_sign_of_a_coherence_is_that_of_the_choice():
    conditions = PerceptualDecision().sample(100).conditions
    assert torch.equal(conditions["coherence"] > 0, conditions["choice"] == 2)


def test_without_coherence_the_right_answer_is_random_and_nobody_knows_it():
    task = PerceptualDecision(coherences=[0.0])
    batch = task.sample(4000)
    right = task.ideal_choice(batch) == batch.conditions["choice"]
    assert standard_errors(float((batch.conditions["choice"] == 1).float().mean()), 0.5, 4000) < 4
    assert standard_errors(float(right.float().mean()), 0.5, 4000) < 4


@pytest.mark.parametrize("make, name", [(PerceptualDecision, "coherence"), (ContextDecision, "colour")])
def test_a_coherence_of_0_has_no_sign(make, name):
    """Else a table by condition would show both 0 and −0."""
    assert not torch.signbit(make(coherences=[0.0]).all().conditions[name]).any()


@pytest.mark.parametrize("make", [PerceptualDecision, ContextDecision])
def test_an_ideal_observer_without_noise_is_perfect_wherever_there_is_something_to_see(make):
    assert make(sigma=0).ideal_accuracy([0.0, 0.01, -0.5]).tolist() == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("make", [PerceptualDecision, ContextDecision])
@pytest.mark.parametrize("coherence, shape", [(0.1, ()), ([0.1, 0.2], (2,)), (torch.zeros(2, 3), (2, 3)), (None, None)])
def test_an_ideal_accuracy_has_the_shape_of_the_coherence(make, coherence, shape):
    task = make()
    assert task.ideal_accuracy(coherence).shape == (task.coherences.shape if shape is None else shape)


# Context


def test_the_ideal_observer_of_a_context_decision_is_the_closed_form():
    task = ContextDecision(dt=10, sigma=0.4, epochs={"stimulus": 600})
    expected = scipy.stats.norm.cdf(np.array([0.05, 0.15]) * 30**0.5 / 0.4)
    assert np.allclose(task.ideal_accuracy([0.05, -0.15]).cpu(), expected, atol=1e-6)


def test_the_default_noise_of_a_context_decision_lets_an_ideal_observer_be_right_in_95_percent():
    assert float(ContextDecision().ideal_accuracy().mean()) == pytest.approx(0.95, abs=0.002)


def test_the_context_says_which_evidence_counts():
    conditions = ContextDecision().sample(300).conditions
    relevant = conditions["motion"].where(conditions["context"] == 0, conditions["colour"])
    assert torch.equal(relevant > 0, conditions["choice"] == 2)


def test_congruent_evidence_has_the_same_sign():
    conditions = ContextDecision().all().conditions
    assert torch.equal(conditions["congruent"], conditions["motion"] * conditions["colour"] > 0)


def test_who_adds_up_both_cues_fails_in_half_of_the_incongruent_trials():
    task = ContextDecision(sigma=0)
    batch = task.all()
    said = 1 + ((batch.inputs[..., 1] + batch.inputs[..., 2]).sum(1) > 0).long()
    right = said == batch.conditions["choice"]
    unequal = batch.conditions["motion"].abs() != batch.conditions["colour"].abs()
    assert right[batch.conditions["congruent"]].all()
    assert float(right[~batch.conditions["congruent"] & unequal].float().mean()) == 0.5


def test_both_kinds_of_evidence_are_shown_in_both_contexts():
    task = ContextDecision()
    batch = task.all()
    shown = task.during("stimulus", batch)
    for channel, name in ((1, "motion"), (2, "colour")):
        expected = batch.conditions[name][:, None] * shown
        assert torch.equal(batch.inputs[..., channel], expected)


def test_the_cue_is_shown_with_the_fixation_point():
    batch = ContextDecision().sample(50)
    cue = torch.nn.functional.one_hot(batch.conditions["context"], 2)
    assert torch.equal(batch.inputs[..., 3:], batch.inputs[..., :1] * cue[:, None])


# Delayed comparison


@pytest.mark.covers("Primer, Figure 6ABC")
def test_f2_lies_8_hz_above_or_below_f1_and_the_choice_says_which():
    conditions = DelayedComparison().all().conditions
    pairs = {*zip(*(conditions[name].tolist() for name in ("f1", "f2", "choice")), strict=True)}
    fs = (10, 14, 18, 22, 26, 30, 34)
    assert pairs == {(a, b, 1 + (b > a)) for a in fs for b in fs if abs(a - b) == 8}


def test_f1_alone_gives_the_answer_away_in_70_percent():
    conditions = DelayedComparison().all().conditions
    best = sum(
        max(int(((conditions["f1"] == f) & (conditions["choice"] == choice)).sum()) for choice in (1, 2))
        for f in conditions["f1"].unique()
    )
    assert best == 7 and len(conditions["f1"]) == 10


def test_one_channel_rises_with_the_frequency_and_one_falls():
    task = DelayedComparison()
    batch = task.all()
    for name in ("f1", "f2"):
        shown = batch.inputs[task.during(name, batch)].reshape(10, 15, 3)
        rising = ((batch.conditions[name] - 10) / 24)[:, None].expand(10, 15)
        assert torch.allclose(shown[..., 1], rising) and torch.allclose(shown[..., 2], 1 - rising)


def test_nothing_is_shown_in_the_delay():
    task = DelayedComparison()
    batch = task.sample(50)
    assert (batch.inputs[task.during("delay", batch)][:, 1:] == 0).all()


def test_an_observer_with_a_perfect_memory_is_practically_always_right():
    task = DelayedComparison()
    batch = task.sample(2000)
    evidence = batch.inputs[..., 1] - batch.inputs[..., 2]
    f1, f2 = (evidence.mul(task.during(name, batch)).sum(1) for name in ("f1", "f2"))
    assert torch.equal(1 + (f2 > f1).long(), batch.conditions["choice"])


def test_several_differences_between_the_frequencies_all_come_with_every_f1_that_has_room_for_them():
    conditions = DelayedComparison(frequencies=[10, 20, 30], difference=[5, 20]).all().conditions
    pairs = {(int(f1), int(f2)) for f1, f2 in zip(conditions["f1"], conditions["f2"], strict=True)}
    assert pairs == {(10, 15), (10, 30), (20, 15), (20, 25), (30, 25), (30, 10)}


def test_frequencies_and_their_difference_may_be_others():
    conditions = DelayedComparison(frequencies=[20.5, 30], difference=2.5).all().conditions
    assert [*zip(conditions["f1"].tolist(), conditions["f2"].tolist(), strict=True)] == [(20.5, 23), (30, 27.5)]


# Delayed match to category


@pytest.mark.covers("Primer, Figure 6DEFG")
def test_a_match_is_a_test_on_the_same_side_of_the_boundary():
    conditions = DelayedMatchToCategory(boundary=60).all().conditions
    side = {name: torch.sin(torch.deg2rad(conditions[name] - 60)) > 0 for name in ("sample", "test")}
    assert torch.equal(conditions["match"], side["sample"] == side["test"])
    assert torch.equal(conditions["choice"] == 1, conditions["match"])
    assert all(torch.equal(conditions[f"{name}_category"] == 0, side[name]) for name in side)


@pytest.mark.covers("Primer, Figure 6DEFG")
def test_categories_are_not_those_of_similar_directions():
    """What is shown at 15° is more like 345°, of the other category, than like most of its own: categories must be learned."""
    task = DelayedMatchToCategory()
    batch = task.all()[::12]  # each sample once
    shown = batch.inputs[task.during("sample", batch)].reshape(12, -1, 17)[:, 0, 1:]
    apart = torch.cdist(shown, shown)[0]  # from 15°
    category = batch.conditions["sample_category"]
    assert category.tolist() == [0] * 6 + [1] * 6
    assert float(apart[category == 1].min()) < float(apart[category == 0].median())


@pytest.mark.parametrize("boundary", [0, 45, -300])
def test_a_category_is_half_of_the_circle_counter_clockwise_of_the_boundary(boundary):
    task = DelayedMatchToCategory(directions=2, boundary=boundary)
    apart = torch.tensor([0.5, 90.0, 179.5, 180.5, 270.0, 359.5, -0.5, 360.5])
    assert task.category(boundary + apart).tolist() == [0, 0, 0, 1, 1, 1, 1, 0]


def test_directions_are_evenly_spaced_and_none_lies_on_the_boundary():
    assert DelayedMatchToCategory().directions.tolist() == [*range(15, 360, 30)]


def test_every_sample_comes_with_every_test_and_half_of_them_match():
    conditions = DelayedMatchToCategory().all().conditions
    assert len({*zip(conditions["sample"].tolist(), conditions["test"].tolist(), strict=True)}) == 144
    assert int(conditions["match"].sum()) == 72


@pytest.mark.parametrize("name", ["sample", "test"])
def test_the_vector_sum_over_the_ring_points_into_the_direction_shown(name):
    task = DelayedMatchToCategory(ring=9)
    batch = task.all()
    shown = batch.inputs[task.during(name, batch)].reshape(144, -1, 10)[:, 0, 1:].cpu()
    angles = 2 * torch.pi * torch.arange(9) / 9
    pointed = torch.rad2deg(torch.atan2(shown @ torch.sin(angles), shown @ torch.cos(angles))) % 360
    assert torch.allclose(pointed, batch.conditions[name].cpu(), atol=0.5)


def test_the_ring_has_von_mises_tuning():
    task = DelayedMatchToCategory(directions=4, boundary=10, ring=8, kappa=3)  # directions 45°, 135°, …
    batch = task.all()
    shown = batch.inputs[0, task.during("sample", batch)[0]][0, 1:].cpu()
    density = scipy.stats.vonmises(3, loc=np.pi / 4).pdf(np.deg2rad(45 * np.arange(8)))
    assert np.allclose(shown, density / density.max(), atol=1e-6)


def test_the_default_tuning_is_as_wide_as_the_docstring_says():
    """Half of the maximum at 98° / 2."""
    shown = DelayedMatchToCategory(sigma=0)._tuning(torch.tensor([49.0]))[0, 0]
    assert float(shown) == pytest.approx(0.5, abs=0.01)


# Delayed match to sample


@pytest.mark.parametrize("rotation", [0, 45, 90, -90, 270, 360, 180.0])
def test_a_match_is_the_sample_turned_by_the_rotation(rotation):
    conditions = DelayedMatchToSample(rotation=rotation).all().conditions
    apart = (conditions["test"] - conditions["sample"]) % 360
    assert torch.equal(conditions["match"], apart == rotation % 360) and len(apart) == 64
    assert torch.equal(conditions["choice"] == 1, conditions["match"])


def test_half_of_the_trials_match_and_all_other_pairs_are_equally_frequent():
    conditions = DelayedMatchToSample(rotation=90).sample(20_000).conditions
    assert standard_errors(float(conditions["match"].float().mean()), 0.5, 20_000) < 4
    for columns, chance in ((["sample"], 1 / 8), (["test"], 1 / 8)):
        counts = conditions[columns[0]].unique(return_counts=True)[1]
        assert len(counts) == 8 and max(standard_errors(float(n) / 20_000, chance, 20_000) for n in counts) < 4
    others = 8 * conditions["sample"][~conditions["match"]] + conditions["test"][~conditions["match"]] / 45
    counts = others.unique(return_counts=True)[1]
    assert len(counts) == 56 and max(standard_errors(float(n) / len(others), 1 / 56, len(others)) for n in counts) < 4


def test_neither_the_sample_nor_the_test_tells_the_answer():
    conditions = DelayedMatchToSample().sample(20_000).conditions
    for name in ("sample", "test"):
        for direction in conditions[name].unique():
            match = conditions["match"][conditions[name] == direction].float()
            assert standard_errors(float(match.mean()), 0.5, len(match)) < 4


def test_the_test_stays_on_and_is_answered_from_its_start_on():
    task = DelayedMatchToSample(sigma=0)
    batch = task.all()
    shown = batch.inputs[..., 1:].amax(-1) > 0.5
    on = sum(task.during(name, batch) for name in ("sample", "test", "response")).bool()
    asked = task.during("test", batch) | task.during("response", batch)
    assert torch.equal(shown, on) and torch.equal(batch.targets > 0, asked)
    assert torch.equal(batch.inputs[..., 0], torch.ones_like(batch.inputs[..., 0]))  # the fixation point is no cue
    assert float((asked & (batch.mask == 0)).sum(1).unique()) == task.grace / task.dt


def test_sample_and_test_of_a_match_look_alike():
    task = DelayedMatchToSample(sigma=0)
    batch = task.all()
    sample, test = (
        batch.inputs[torch.arange(64), task.during(name, batch).int().argmax(1), 1:] for name in ("sample", "test")
    )
    assert torch.equal((sample == test).all(1), batch.conditions["match"])


@pytest.mark.parametrize(
    "delay, expected", [(0, {0}), (500, {25}), ((100, 140), {5, 6, 7}), ([200, 2000], {10, 100})], ids=str
)
def test_the_delay_of_a_match_to_sample_is_an_argument(delay, expected):
    task = DelayedMatchToSample(delay=delay)
    assert {*lengths(task, task.sample(100))["delay"].tolist()} == expected


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"rotation": 30}, "a rotation of 30 degrees does not lead from one of 8 directions to another: they are 45 degrees apart"),
        ({"rotation": math.nan}, "a rotation of nan degrees"),
        ({"rotation": math.inf}, "a rotation of inf degrees"),
        ({"rotation": "90"}, "a rotation of '90' degrees"),
        ({"directions": 0}, "directions should be a positive integer, got 0"),
        ({"directions": 1}, "directions should be two or more: with one, every test matches"),
        ({"delay": -100}, "the epoch 'delay' should last a positive number of ms.*; got -100"),
        ({"delay": None}, "the epoch 'delay' should last a positive number of ms.*; got None"),
        ({"epochs": {"delay": 500}}, r"give delay=…, not epochs=\{'delay': …\}"),
        ({"ring": 0}, "ring should be a positive integer, got 0"),
        ({"kappa": 0}, "kappa should be a positive number, got 0"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_matches_to_sample_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DelayedMatchToSample(**settings)


# Flip-flop


@pytest.mark.parametrize("settings", [{}, {"bits": 1, "rate": 5.0}, {"bits": 4, "dt": 10, "width": 100}], ids=str)
def test_the_targets_of_a_flip_flop_are_those_of_a_memory_that_pulses_set(settings):
    batch = FlipFlop(**settings).sample(20)
    memory, expected = torch.zeros_like(batch.inputs[:, 0]), []
    for pulse in batch.inputs.unbind(1):
        memory = pulse.where(pulse != 0, memory)
        expected.append(memory)
    assert torch.equal(batch.targets, torch.stack(expected, 1))


def test_pulses_are_1_or_minus_1_equally_often():
    pulses = FlipFlop(width=20).sample(300).inputs
    up, down = int((pulses == 1).sum()), int((pulses == -1).sum())
    assert up + down == int((pulses != 0).sum()) and standard_errors(up / (up + down), 0.5, up + down) < 4


@pytest.mark.parametrize("dt", [5, 20, 50])
def test_pulses_come_at_their_rate_whatever_the_step(dt):
    task = FlipFlop(
        dt=dt, rate=2.0, width=dt, duration=2100, grace=100
    )  # every pulse lasts one step; 2 s in which they start
    counts = (task.sample(300).inputs != 0).sum()
    n, p = 300 * 3 * 2000 / dt, 2.0 * dt / 1000
    assert standard_errors(int(counts) / n, p, int(n)) < 4


def test_a_pulse_lasts_its_width_unless_the_next_one_ends_it():
    """The same draws with pulses of one step say where they begin."""
    brief, wide = (FlipFlop(rate=5, width=width).sample(20, seeded()).inputs for width in (20, 60))
    for t in range(brief.shape[1]):
        expected = brief[:, t]
        for before in brief[:, max(t - 2, 0) : t].unbind(1)[::-1]:  # the later one first
            expected = expected.where(expected != 0, before)
        assert torch.equal(wide[:, t], expected)


def test_the_mask_of_a_flip_flop_leaves_out_the_grace_after_every_pulse():
    task = FlipFlop(width=20, grace=80)  # each pulse one step, grace four
    batch = task.sample(30)
    began = (batch.inputs != 0).any(-1)
    near = torch.stack([began.roll(k, 1) & (torch.arange(task.steps, device=began.device) >= k) for k in range(4)]).any(
        0
    )
    assert torch.equal(batch.mask == 0, near)


@pytest.mark.parametrize("rate", [1.5, 50.0])
def test_every_pulse_of_a_flip_flop_is_followed_by_a_step_that_counts(rate):
    assert (FlipFlop(rate=rate, grace=200).sample(100).mask[:, -1] == 1).all()


def test_the_state_of_a_flip_flop_numbers_its_memories():
    batch = FlipFlop(bits=3).sample(50)
    state, memory = batch.conditions["state"], batch.targets
    known = (memory != 0).all(-1)
    assert {*state[~known].tolist()} == {-1} and {*state[known].tolist()} == {*range(8)}
    bits = torch.stack([state[known] // 2**k % 2 for k in range(3)], -1)
    assert torch.equal(2.0 * bits - 1, memory[known])


def test_a_flip_flop_is_right_if_all_bits_are_near_at_every_step_that_counts():
    task = FlipFlop()
    batch = task.sample(40)
    assert task.score(batch.targets + 0.49, batch).all() and not task.score(batch.targets + 0.51, batch).any()
    hidden = batch.targets + 5 * (batch.mask == 0).unsqueeze(-1)
    assert task.score(hidden, batch).all()


def test_one_wrong_bit_at_one_step_is_an_error():
    task = FlipFlop()
    batch = task.sample(10)
    outputs = batch.targets.clone()
    outputs[3, -1, 1] += 1
    assert task.score(outputs, batch).tolist() == [k != 3 for k in range(10)]


def test_a_silent_network_is_wrong_as_soon_as_there_was_a_pulse():
    task = FlipFlop(rate=0.2)
    batch = task.sample(100)
    assert torch.equal(task.score(torch.zeros_like(batch.targets), batch), (batch.inputs == 0).flatten(1).all(1))


@pytest.mark.parametrize(
    "outputs, message",
    [
        (torch.full((4, 100, 3), math.nan), "some outputs are NaN or infinite"),
        (torch.zeros(4, 100, 2), "need values of shape"),
        (torch.zeros(4, 99, 3), "need values of shape"),
    ],
    ids=["NaN", "bits", "steps"],
)
def test_outputs_that_do_not_fit_a_flip_flop_are_refused(outputs, message):
    task = FlipFlop()
    with pytest.raises(ValueError, match=message):
        task.score(outputs.to(nb.device()), task.sample(4))


def test_the_squared_error_takes_a_flip_flop():
    task = FlipFlop()
    assert torch.isfinite(squared_error(SmallRNN(3, 4, 3).to(nb.device()), task.sample(3)))


# A task of one's own


class Detection(TimedTask):
    """The example of the docstring of TimedTask."""

    default_epochs: ClassVar = {"fixation": (100, 500), "stimulus": 300, "response": 200}
    channels: ClassVar = {"fixation": 0, "stimulus": 1}
    output_names = ("fixate", "absent", "present")

    def conditions(self):
        return {"contrast": torch.tensor([0.0, 1.0]), "choice": torch.tensor([1, 2])}

    def stimuli(self, conditions):
        return {"stimulus": {"stimulus": conditions["contrast"]}}


def test_a_task_of_ones_own_needs_a_table_and_stimuli():
    task = Detection()
    batch = task.sample(30)
    seen = batch.inputs[..., 1].amax(1) > 0
    assert (
        torch.equal(seen, batch.conditions["choice"] == 2) and task.score(of_choices(task, batch.targets), batch).all()
    )


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("default_epochs", {"response": 200, "late": 300}, "the last epoch of a task is its response, got 'response', 'late'"),
        ("conditions", lambda self: {"contrast": torch.ones(2)}, "should have a column 'choice', right answers from 1 to 2"),
        ("conditions", lambda self: {"contrast": torch.ones(2), "choice": torch.tensor([0, 1])}, "right answers from 1 to 2"),
        ("conditions", lambda self: {"contrast": torch.ones(2), "choice": torch.tensor([1, 3])}, "right answers from 1 to 2"),
    ],
)  # fmt: skip
def test_a_task_of_ones_own_that_makes_no_sense_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        type("Own", (Detection,), {name: value})()


def test_a_recurrent_network_learns_to_decide():
    task = PerceptualDecision(coherences=[0.512], epochs={"fixation": 100, "stimulus": 300, "response": 200})
    network = SmallRNN(task.inputs, 16, task.outputs, alpha=0.5).to(nb.device())
    rule = Backprop(network, cross_entropy)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    nb.fit(rule, task, steps=150, trials=64, optimizer=optimizer)
    batch = task.sample(500)
    with torch.no_grad():
        assert float(task.score(network(batch.inputs)[0], batch).float().mean()) > 0.9


# Bad input


@WITH_FLIP_FLOP
@pytest.mark.parametrize("trials", [0, -3, 2.5, True, None])
def test_a_number_of_trials_that_is_none_is_refused(make, trials):
    with pytest.raises(ValueError, match="trials should be a positive integer, got"):
        make().sample(trials)


@EVERY
@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dt": 0}, "dt, the duration of a step in ms, should be a positive number, got 0"),
        ({"dt": -20}, "dt, the duration of a step in ms, should be a positive number, got -20"),
        ({"dt": math.nan}, "dt, .* should be a positive number, got nan"),
        ({"dt": math.inf}, "dt, .* should be a positive number, got inf"),
        ({"dt": "20"}, "dt, .* should be a positive number, got '20'"),
        ({"dt": 150}, r"the epoch 'fixation' of 100 ms is shorter than a step, dt = 150 ms: make dt smaller"),
        ({"sigma": -0.1}, "sigma, the standard deviation of the noise, should be a number from 0 up, got -0.1"),
        ({"sigma": math.nan}, "sigma, .* should be a number from 0 up, got nan"),
        ({"grace": -1}, "grace, in ms, should be a number from 0 up, got -1"),
        ({"grace": 300}, "nothing of the response is left after a grace of 300 ms"),
        ({"epochs": {"reward": 100}}, "has the epochs 'fixation', .*'response'; there is none called 'reward'"),
        ({"epochs": {"response": 0}}, "the epoch 'response' should last a positive number of ms.*; got 0"),
        ({"epochs": {"response": -300}}, "the epoch 'response' should last a positive number of ms.*; got -300"),
        ({"epochs": {"response": math.nan}}, "the epoch 'response' should last a positive number of ms.*; got nan"),
        ({"epochs": {"response": math.inf}}, "the epoch 'response' should last a positive number of ms.*; got inf"),
        ({"epochs": {"response": "long"}}, "the epoch 'response' should last a positive number of ms.*; got 'long'"),
        ({"epochs": {"response": None}}, "the epoch 'response' should last a positive number of ms.*; got None"),
        ({"epochs": {"response": 10}}, "the epoch 'response' of 10 ms is shorter than a step, dt = 20 ms"),
        ({"epochs": {"response": (300, -1)}}, "the epoch 'response' should last a positive number of ms.*; got -1"),
        ({"epochs": {"response": (300, 200)}}, "lasts from 300 to 200 ms: the shortest comes first"),
        ({"epochs": {"response": []}}, "the list of durations of the epoch 'response' is empty"),
        ({"epochs": {"response": [300, math.nan]}}, "the epoch 'response' should last a positive number.*; got nan"),
        ({"epochs": {"fixation": -100}}, "the epoch 'fixation' should last a positive number of ms.*; got -100"),
        ({"epochs": [300]}, r"epochs should be a dictionary like \{'response': 300\}, got \[300\]"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_settings_are_refused(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_an_unknown_epoch_is_refused_by_name():
    task = PerceptualDecision()
    message = (
        "PerceptualDecision has the epochs 'fixation', 'stimulus', 'delay', 'response'; there is none called 'sample'"
    )
    with pytest.raises(ValueError, match=message):
        task.during("sample", task.sample(3))
    with pytest.raises(ValueError, match=message):
        task.all(sample=300)


def test_a_batch_of_another_task_is_refused():
    with pytest.raises(ValueError, match="this batch does not come from this PerceptualDecision"):
        PerceptualDecision().during("stimulus", DelayedComparison().sample(3))


@pytest.mark.parametrize("make", [PerceptualDecision, ContextDecision])
@pytest.mark.parametrize(
    "coherences, message",
    [
        ([], "coherences lie between 0 and 1"),
        ([-0.1], r"both signs are drawn\), got \[-0.1\]"),
        ([1.1], "coherences lie between 0 and 1"),
        ([math.nan], "coherences lie between 0 and 1"),
        (["weak"], "coherences lie between 0 and 1"),
        (0.5, r"coherences should be a sequence, got 0.5: a single one is \[0.5\]"),
    ],
    ids=str,
)
def test_bad_coherences_are_refused(make, coherences, message):
    with pytest.raises(ValueError, match=message):
        make(coherences=coherences)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"frequencies": [20]}, "two or more different positive numbers in Hz, got"),
        ({"frequencies": [20, 20]}, "two or more different positive numbers in Hz, got"),
        ({"frequencies": [-20, 20]}, "two or more different positive numbers in Hz, got"),
        ({"frequencies": [20, math.nan]}, "two or more different positive numbers in Hz, got"),
        ({"frequencies": 20}, "a sequence of numbers in Hz, got 20"),
        ({"difference": 0}, "difference, between f1 and f2 in Hz, should be positive, got 0"),
        ({"difference": math.nan}, "should be positive, got nan"),
        ({"difference": []}, "should be positive, got \\[\\]"),
        ({"difference": [4, -4]}, "should be positive, got \\[4, -4\\]"),
        ({"difference": 20}, "f1 = 18 Hz has no f2: both -2 and 38 Hz lie outside of the range from 10 to 34 Hz"),
    ],
    ids=str,
)
def test_bad_frequencies_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DelayedComparison(**settings)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"directions": 0}, "directions should be a positive integer, got 0"),
        ({"directions": 3}, r"at 0.0 degrees \(and opposite to it\) should lie between directions; they are 60, 180, 300"),
        ({"boundary": 15}, "the boundary at 15 degrees"),
        ({"boundary": 195}, "the boundary at 195 degrees"),
        ({"boundary": -345}, "the boundary at -345 degrees"),
        ({"boundary": math.nan}, "the boundary at nan degrees"),
        ({"boundary": math.inf}, "the boundary at inf degrees"),
        ({"boundary": "up"}, "the boundary at 'up' degrees"),
        ({"ring": 0}, "ring should be a positive integer, got 0"),
        ({"kappa": 0}, "kappa should be a positive number, got 0"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_rings_and_boundaries_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DelayedMatchToCategory(**settings)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"bits": 0}, "bits should be a positive integer, got 0"),
        ({"dt": 0}, "dt, the duration of a step in ms, should be a positive number, got 0"),
        ({"duration": -1}, "duration, of a trial in ms, should be a positive number, got -1"),
        ({"duration": 100}, "a trial of 100 ms has no place for a pulse and a grace of 100 ms after it"),
        ({"rate": 0}, "rate, pulses a second, should be a positive number, got 0"),
        ({"rate": math.nan}, "rate, pulses a second, should be a positive number, got nan"),
        ({"rate": 51}, "51 pulses a second are more than one in each step of dt = 20 ms"),
        ({"width": 10}, "a pulse of 10 ms is shorter than a step, dt = 20 ms"),
        ({"width": math.nan}, "width, of a pulse in ms, should be a positive number, got nan"),
        ({"grace": -1}, "grace, in ms, should be a number from 0 up, got -1"),
    ],
    ids=str,
)
def test_bad_flip_flops_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FlipFlop(**settings)
