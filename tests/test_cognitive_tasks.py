"""The twenty tasks of Yang et al. 2019: every epoch, stimulus and response, against a table and an observer of their own."""

import copy
import math

import numpy as np
import pytest
import torch

import nnbrain as nb
from nnbrain.networks import RNN
from nnbrain.objectives import logistic_error
from nnbrain.tasks import COGNITIVE_TASKS, CognitiveTask, ManyTasks, PerceptualDecision
from nnbrain.tasks.circle import distance

EVERY = pytest.mark.parametrize("name", COGNITIVE_TASKS)

# In ms, as in the paper's methods and its authors' code: a set of durations, or (shortest, longest).
SHORT, DELAY = {200, 400, 600}, {200, 400, 800, 1600}
GO = {"fixation": (300, 700), "stimulus": (500, 1500), "response": {500}}
RT_GO = {"fixation": (500, 2500), "response": {500}}
DELAYED_GO = {"fixation": {300, 500, 700}, "stimulus": SHORT, "delay": DELAY, "response": {500}}
DM = {"fixation": (100, 400), "stimulus": {400, 800, 1600}, "response": {500}}
DELAYED_DM = {
    "fixation": SHORT,
    "stimulus 1": SHORT,
    "delay": DELAY,
    "stimulus 2": SHORT,
    "wait": (100, 300),
    "response": {500},
}
MATCH = {"fixation": SHORT, "sample": SHORT, "delay": DELAY, "response": {500}}
TIMING = {
    "Go": GO,
    "RT Go": RT_GO,
    "Dly Go": DELAYED_GO,
    "Anti": GO,
    "RT Anti": RT_GO,
    "Dly Anti": DELAYED_GO,
    **dict.fromkeys(["DM1", "DM2", "Ctx DM1", "Ctx DM2", "MultSen DM"], DM),
    **dict.fromkeys(["Dly DM1", "Dly DM2", "Ctx Dly DM1", "Ctx Dly DM2", "MultSen Dly DM"], DELAYED_DM),
    **dict.fromkeys(["DMS", "DNMS", "DMC", "DNMC"], MATCH),
}
REACTION = ["RT Go", "RT Anti", "DMS", "DNMS", "DMC", "DNMC"]  # no go cue
REACHES, MATCHES = [n for n in TIMING if "Go" in n or "Anti" in n], ["DMS", "DNMS", "DMC", "DNMC"]
DECISIONS = [n for n in TIMING if "DM" in n and n not in MATCHES]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def trials_of(name, n=150, **settings):
    """A task without noise in its inputs, trials of it, and their inputs in numpy by kind."""
    task = CognitiveTask(name, **{"sigma": 0.0, **settings})
    batch = task.sample(n, seeded())
    x = batch.inputs.cpu().numpy()
    parts = {"fixation": x[..., 0], "rings": x[..., 1:65].reshape(n, -1, 2, 32), "rules": x[..., 65:]}
    return task, batch, parts


def epochs_of(task, batch):
    """For each epoch, which steps belong to it, in numpy."""
    return {name: task.during(name, batch).cpu().numpy() for name in task.epochs}


def outputs_for(target: torch.Tensor) -> torch.Tensor:
    """The outputs whose logistic function is the target."""
    return torch.logit(target, eps=1e-6)


def apart(a, b):
    """The angle between directions, by complex numbers."""
    return np.abs(np.angle(np.exp(1j * (a - b))))


def bump(direction):
    """What a stimulus of strength 1 does to a ring of 32 units, trials × 32."""
    theta = np.arange(32) * 2 * np.pi / 32
    return 0.8 * np.exp(-0.5 * (apart(np.asarray(direction)[:, None], theta) / np.radians(22.5)) ** 2)


def vector(ring):
    """The direction of a population vector."""
    return np.angle(ring @ np.exp(1j * np.arange(32) * 2 * np.pi / 32)) % (2 * np.pi)


def seen_in(parts, during):
    """The activity of both rings in an epoch, trials × 2 × 32: its mean over the steps."""
    return (parts["rings"] * during[..., None, None]).sum(1) / during.sum(1)[:, None, None]


# Epochs


def test_there_are_twenty_tasks_in_the_order_of_the_paper():
    assert list(COGNITIVE_TASKS) == list(TIMING) and len(TIMING) == 20


@EVERY
def test_every_epoch_has_the_durations_of_the_paper(name):
    task = CognitiveTask(name, dt=100.0, ring=1)  # all are multiples of 100 ms; small, since there are many trials
    batch = task.sample(1500, seeded())
    assert list(task.epochs) == list(TIMING[name])
    for epoch, expected in TIMING[name].items():
        found = {100 * int(steps) for steps in task.during(epoch, batch).sum(1)}
        assert found == (expected if isinstance(expected, set) else set(range(expected[0], expected[1] + 1, 100)))


@EVERY
def test_epochs_follow_each_other_and_a_batch_ends_with_its_longest_trial(name):
    task = CognitiveTask(name, ring=1)
    epoch = task.sample(100, seeded()).conditions["epoch"]
    followed = epoch.where(epoch >= 0, len(task.epochs))
    assert (followed[:, 0] == 0).all() and set(followed.diff(dim=1).unique().tolist()) <= {0, 1}
    assert (epoch[:, -1] >= 0).any()


@pytest.mark.parametrize("name", ["Go", "MultSen Dly DM", "DMC"])
def test_durations_in_ms_do_not_depend_on_the_step(name):
    fine, coarse = (CognitiveTask(name, dt=dt).all().inputs.shape[1] * dt for dt in (10.0, 20.0))
    assert fine == coarse


@EVERY
def test_the_mask_weighs_the_response_five_times_and_leaves_100_ms_of_grace(name):
    task, batch, _ = trials_of(name, 50)
    epoch, mask = batch.conditions["epoch"].cpu(), batch.mask.cpu()
    last = len(task.epochs) - 1
    for e, m in zip(epoch.tolist(), mask.tolist(), strict=True):
        go = e.index(last)
        expected = [0.0] * 5 + [1.0] * (go - 5) + [0.0] * 5 + [5.0] * 20 + [0.0] * (len(e) - go - 25)
        assert m == expected


# Inputs


@EVERY
def test_the_rule_is_one_hot_while_the_trial_lasts(name):
    _, batch, parts = trials_of(name, 50)
    running = (batch.conditions["epoch"] >= 0).cpu().numpy()
    assert (parts["rules"].argmax(-1)[running] == list(TIMING).index(name)).all()
    assert (parts["rules"].sum(-1) == running).all() and set(np.unique(parts["rules"])) <= {0, 1}


@EVERY
def test_the_fixation_point_goes_off_with_the_go_or_stays_where_the_stimulus_is_the_sign(name):
    task, batch, parts = trials_of(name, 50)
    during = epochs_of(task, batch)
    on = sum(steps for epoch, steps in during.items() if epoch != "response" or name in REACTION)
    assert (parts["fixation"] == on).all()


@EVERY
def test_stimuli_are_there_in_their_epochs_and_at_no_other_time(name):
    visible = {"stimulus", "stimulus 1", "stimulus 2", "sample"}
    if name in ("Go", "Anti", *REACTION):
        visible |= {"response"}
    task, batch, parts = trials_of(name, 50)
    shown = parts["rings"].max((2, 3)) > 0.1
    during = epochs_of(task, batch)
    assert (shown == sum(steps for epoch, steps in during.items() if epoch in visible)).all()


@pytest.mark.parametrize("name", REACHES)
def test_a_reach_shows_one_bump_in_either_modality(name):
    task, batch, parts = trials_of(name)
    rings = seen_in(parts, epochs_of(task, batch)["response" if name.startswith("RT") else "stimulus"])
    modality = batch.conditions["modality"].cpu().numpy()
    trial = np.arange(len(rings))
    assert np.allclose(rings[trial, modality], bump(batch.conditions["direction"].cpu()), atol=1e-5)
    assert not rings[trial, 1 - modality].any() and abs(modality.mean() - 0.5) < 4 * 0.5 / math.sqrt(150)


def strengths(name, n=150):
    """In decisions: the task, trials, and the strengths of the two stimuli, trials × 2 stimuli × 2 modalities, from the inputs."""
    task, batch, parts = trials_of(name, n)
    during, c = epochs_of(task, batch), {k: v.cpu().double().numpy() for k, v in batch.conditions.items()}
    where = np.stack([bump(c["direction"]), bump(c["direction"] + c["apart"])], 1)  # trials × stimuli × 32
    if "Dly" in name:
        found = [seen_in(parts, during[f"stimulus {s}"]) @ np.linalg.pinv(where[:, s - 1 : s]) for s in (1, 2)]
        fitted = np.concatenate(found, 2)  # trials × modalities × stimuli
        rest = [
            seen_in(parts, during[f"stimulus {s}"]) - fitted[..., s - 1, None] * where[:, None, s - 1] for s in (1, 2)
        ]
    else:
        rings = seen_in(parts, during["stimulus"])
        fitted = rings @ np.linalg.pinv(where)
        rest = [rings - fitted @ where]
    assert np.abs(rest).max() < 1e-4  # nothing else is shown
    return task, batch, c, fitted.transpose(0, 2, 1)


@pytest.mark.parametrize("name", [n for n in DECISIONS if "MultSen" not in n])
def test_decisions_show_means_from_08_to_12_plus_and_minus_the_coherence(name):
    _, _, c, found = strengths(name)
    sizes = [0.08, 0.16, 0.32] if "Dly" in name else [0.01, 0.02, 0.04, 0.08]
    shown = [1, 2] if "Ctx" in name else [int(name[-1])]
    for m in (1, 2):
        first, second = found[:, 0, m - 1], found[:, 1, m - 1]
        if m in shown:
            assert np.allclose((first - second) / 2, c[f"coherence {m}"], atol=1e-4)
            assert np.allclose(np.unique(np.abs(c[f"coherence {m}"])), sizes)
            mean = (first + second) / 2
            assert mean.min() > 0.799 and mean.max() < 1.201 and abs(mean.mean() - 1) < 4 * 0.4 / math.sqrt(12 * 150)
        else:
            assert np.allclose([first, second], 0, atol=1e-6)
    assert c["apart"].min() >= np.pi / 2 and c["apart"].max() <= 3 * np.pi / 2


@pytest.mark.parametrize("name", ["DM1", "Ctx Dly DM2", "MultSen DM"])
def test_decisions_may_have_other_coherences_and_nothing_else_changes(name):
    own, easy = CognitiveTask(name, ring=8), CognitiveTask(name, ring=8, coherences=[0.3, 0.6])
    mine, others = (task.sample(100, seeded()).conditions for task in (own, easy))
    assert np.allclose(others["coherence 2"].abs().unique().cpu(), [0.3, 0.6])
    assert torch.equal(mine["epoch"], others["epoch"]) and torch.equal(mine["direction"], others["direction"])
    assert COGNITIVE_TASKS[name].coherences == own.kind.coherences != easy.kind.coherences
    batch = easy.sample(100, seeded())
    assert easy.score(outputs_for(batch.targets), batch).all()


@pytest.mark.parametrize("name", ["Ctx DM1", "Ctx Dly DM2"])
def test_in_context_tasks_the_two_modalities_are_independent(name):
    _, _, c, _ = strengths(name, 400)
    assert abs(np.corrcoef(c["coherence 1"], c["coherence 2"])[0, 1]) < 4 / math.sqrt(400)


@pytest.mark.parametrize("name", ["MultSen DM", "MultSen Dly DM"])
def test_where_both_modalities_count_their_mean_has_the_coherence_and_one_alone_misleads(name):
    _, _, c, found = strengths(name)
    together = found.mean(2)
    assert np.allclose((together[:, 0] - together[:, 1]) / 2, c["coherence 1"], atol=1e-4)
    alone = found[:, 0, 0] > found[:, 1, 0]
    agreement = (alone == (c["coherence 1"] > 0)).mean()
    assert 0.45 < agreement < 0.85


@pytest.mark.parametrize("name", MATCHES)
def test_matching_tasks_show_a_sample_and_then_a_test(name):
    task, batch, parts = trials_of(name)
    during, trial = epochs_of(task, batch), np.arange(len(batch))
    for number, epoch in ((1, "sample"), (2, "response")):
        modality = batch.conditions[f"modality {number}"].cpu().numpy()
        rings = seen_in(parts, during[epoch])
        assert np.allclose(rings[trial, modality], bump(batch.conditions[f"direction {number}"].cpu()), atol=1e-5)
        assert not rings[trial, 1 - modality].any()


@pytest.mark.parametrize("name", MATCHES)
def test_half_of_the_trials_of_a_matching_task_ask_for_a_response(name):
    moves = ~CognitiveTask(name, dt=100.0, ring=1).sample(4000, seeded()).conditions["response"].isnan()
    assert abs(float(moves.float().mean()) - 0.5) < 4 * 0.5 / math.sqrt(4000)


@pytest.mark.parametrize("dt", [20.0, 5.0])
def test_inputs_are_as_noisy_as_sigma_says(dt):
    clean, noisy = (CognitiveTask("Go", sigma=s, dt=dt).sample(20, seeded()).inputs for s in (0.0, 0.2))
    expected = 0.2 * math.sqrt(200 / dt)
    assert float((noisy - clean).std()) == pytest.approx(expected, rel=0.01)


# Responses


def right_response(name, task, batch, parts, found=None):
    """What an observer does who has only seen the stimuli: a direction, or NaN to stay."""
    during = epochs_of(task, batch)
    if name in REACHES:
        rings = seen_in(parts, during["response" if name.startswith("RT") else "stimulus"])
        return vector(rings.sum(1)) + np.pi * ("Anti" in name)
    if name in MATCHES:
        first, second = (vector(seen_in(parts, during[epoch]).sum(1)) for epoch in ("sample", "response"))
        same = np.sin(first) * np.sin(second) > 0 if name.endswith("C") else apart(first, second) < np.radians(10)
        return np.where(same != name.startswith("DN"), second, np.nan)
    weights = {"1": [1, 0], "2": [0, 1], "M": [1, 1]}[name[-1]]
    _, _, c, found = strengths(name, len(batch))
    stronger = (found @ np.array(weights)).argmax(1)
    return c["direction"] + np.where(stronger == 0, 0, c["apart"])


@EVERY
def test_the_right_response_follows_from_the_stimuli(name):
    task, batch, parts = trials_of(name)
    expected, response = right_response(name, task, batch, parts), batch.conditions["response"].cpu().numpy()
    assert (np.isnan(expected) == np.isnan(response)).all()
    assert np.nanmax(apart(expected, response)) < 1e-3
    assert np.nanmin(response) >= 0 and np.nanmax(response) <= 2 * np.pi + 1e-5


@EVERY
def test_targets_are_the_fixation_point_and_then_a_bump_at_the_response(name):
    task, batch, _ = trials_of(name, 60)
    y, answering = batch.targets.cpu().numpy(), epochs_of(task, batch)["response"]
    right = batch.conditions["response"].cpu().numpy()
    moving = answering & ~np.isnan(right)[:, None]
    assert np.allclose(y[..., 0], np.where(moving, 0.05, 0.85))
    assert np.allclose(y[..., 1:], 0.05 + moving[..., None] * bump(np.nan_to_num(right))[:, None], atol=1e-5)


@EVERY
def test_a_perfect_agent_is_always_right(name):
    task = CognitiveTask(name)
    batch = task.sample(100, seeded())
    assert task.score(outputs_for(batch.targets), batch).all()


@EVERY
def test_a_random_agent_is_at_chance(name):
    """It stays in half of the trials; else it moves in any direction, of which 72° of 360° are right."""
    n, task = 4000, CognitiveTask(name, dt=100.0)
    batch = task.sample(n, seeded())
    last = torch.zeros(n, 1, task.outputs)
    last[:, 0, 0] = 2.0 * torch.randint(2, (n,), generator=seeded(1)) - 1
    last[:, 0, 1:] = torch.as_tensor(bump(2 * np.pi * torch.rand(n, generator=seeded(2))))
    y = last.expand(-1, batch.inputs.shape[1], -1).to(batch.inputs)
    moving, staying = 0.5 * 0.2, 0.5
    chance = 0.5 * staying + 0.5 * moving if name in MATCHES else moving
    assert abs(float(task.score(y, batch).float().mean()) - chance) < 4 * math.sqrt(chance * (1 - chance) / n)


@pytest.mark.parametrize(
    "degrees, correct", [(0, True), (35, True), (-35, True), (37, False), (-37, False), (180, False)]
)
def test_a_response_within_36_degrees_is_right(degrees, correct):
    task = CognitiveTask("Anti")
    batch = task.all()
    y = outputs_for(batch.targets)
    y[..., 1:] = torch.as_tensor(bump(batch.conditions["response"].cpu() + math.radians(degrees))).to(y)[:, None]
    assert (task.score(y, batch) == correct).all()


def test_the_answer_is_that_of_each_trials_own_last_step():
    task = CognitiveTask("Go")
    batch = task.sample(50, seeded())
    y = outputs_for(batch.targets)
    changed = y.clone()
    ended = (batch.conditions["epoch"] >= 0).sum(1) - 1
    changed[torch.arange(50), ended] = 1.0  # the eyes stay
    assert not task.score(changed, batch).any()
    later = torch.arange(y.shape[1], device=y.device) > ended[:, None]
    assert task.score(torch.where(later[..., None], 5.0, y), batch).all()


def test_eyes_that_stay_are_wrong_where_they_should_move_and_right_where_not():
    task = CognitiveTask("DNMC")
    batch = task.sample(200, seeded())
    y = outputs_for(batch.targets)
    y[..., 0] = 1.0
    assert torch.equal(task.score(y, batch), batch.conditions["response"].isnan())


# All stimuli


@EVERY
def test_all_trials_are_without_noise_of_one_length_and_cover_the_circle(name):
    task = CognitiveTask(name)
    batch = task.all()
    assert torch.equal(batch.inputs, task.all().inputs) and (batch.conditions["epoch"] >= 0).all()
    right = batch.conditions["response"]
    assert not right.isnan().any()  # as in Yang et al.: task variance is that of responses, too
    assert len((right * 1e3).round().unique()) == 20
    assert torch.cos(right).mean().abs() < 1e-4 and torch.sin(right).mean().abs() < 1e-4


@pytest.mark.parametrize("name", MATCHES)
@pytest.mark.parametrize("directions", [1, 2, 5, 9, 20])
def test_no_stimulus_of_all_lies_on_the_border_of_the_categories(name, directions):
    c = CognitiveTask(name).all(directions).conditions
    assert len(c["direction 1"].unique()) == directions
    if "C" in name:
        assert distance(c["direction 1"], torch.zeros(())).min() > 0.3
        assert distance(c["direction 1"], torch.tensor(math.pi)).min() > 0.3


def test_all_trials_can_last_otherwise():
    task = CognitiveTask("Dly Go")
    assert task.all(delay=3000).inputs.shape[1] == (500 + 400 + 3000 + 500) / 20


# Rules


def test_other_rules_replace_the_own_one_and_nothing_else():
    task = CognitiveTask("Dly Anti", sigma=0.5)
    batch = task.sample(40, seeded())
    other = task.instructed(batch, {"Dly Go": 1, "Anti": 1, "Go": -1})
    change = (other.inputs - batch.inputs).cpu()
    names, running = list(COGNITIVE_TASKS), (batch.conditions["epoch"] >= 0).cpu()
    expected = torch.zeros(20)
    expected[[names.index(n) for n in ("Dly Go", "Anti", "Go", "Dly Anti")]] = torch.tensor([1.0, 1, -1, -1])
    assert torch.allclose(change[..., 65:], running[..., None] * expected, atol=1e-5)
    assert not change[..., :65].any() and torch.equal(other.targets, batch.targets)
    assert torch.equal(other.conditions["rules"][0].cpu()[names.index("Anti")], torch.tensor(1.0))


def test_instructions_replace_earlier_instructions():
    task = CognitiveTask("Go")
    batch = task.sample(10, seeded())
    back = task.instructed(task.instructed(batch, {"Anti": 0.5}), {"Go": 1})
    assert torch.allclose(back.inputs, batch.inputs, atol=1e-5)


def test_without_any_rule_there_is_none():
    task = CognitiveTask("Go", sigma=0.0)
    assert not task.instructed(task.all(), {}).inputs[..., task.channels["rule"]].any()


# Many tasks


def test_a_batch_of_many_tasks_is_of_one_of_them_as_often_as_its_weight_says():
    many = ManyTasks([CognitiveTask("RT Go", dt=100.0), CognitiveTask("DMS", dt=100.0)], [3, 1])
    g = seeded()
    drawn = [many.sample(2, g).conditions["task"] for _ in range(400)]
    assert all(d[0] == d[1] for d in drawn)
    assert abs(sum(float(d[0]) for d in drawn) / 400 - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 400)


def test_a_batch_of_many_tasks_is_scored_as_the_task_it_is_of():
    tasks = [CognitiveTask(n) for n in ("Go", "Anti", "DNMS")]
    many, g = ManyTasks(tasks), seeded()
    for _ in range(8):
        batch = many.sample(30, g)
        y = torch.randn(batch.targets.shape, generator=seeded(1)).to(batch.inputs)
        own = tasks[int(batch.conditions["task"][0])].score(y, batch)
        assert torch.equal(many.score(y, batch), own) and many.score(outputs_for(batch.targets), batch).all()


# The objective


def test_the_logistic_error_is_that_of_the_authors_code():
    """There: the mean over steps and outputs of mask × (σ(y) − target)², the mask twice as large for fixation."""
    batch = CognitiveTask("DM1").sample(6, seeded())
    y = torch.randn(batch.targets.shape, generator=seeded(1)).to(batch.inputs)
    net = RNN(85, 4, 33)
    found = logistic_error.per_trial(y, None, batch, net).double().cpu().numpy()
    out, target, mask = (t.double().cpu().numpy() for t in (y, batch.targets, batch.mask))
    weight = np.repeat(mask[..., None], 33, -1)
    weight[..., 0] *= 2
    error = (weight * (1 / (1 + np.exp(-out)) - target) ** 2).sum((1, 2)) / mask.sum(1) / 33
    assert np.allclose(found, error, rtol=1e-5)


def test_the_logistic_error_of_the_targets_is_none():
    batch = CognitiveTask("Go").sample(4, seeded())
    assert logistic_error.per_trial(torch.logit(batch.targets), None, batch, RNN(85, 4, 33)).max() < 1e-10


def test_the_logistic_error_refuses_classes():
    task = PerceptualDecision()
    with pytest.raises(ValueError, match="these targets are classes"):
        logistic_error(RNN(task.inputs, 4, task.outputs).to(nb.device()), task.sample(2))


# Contracts, and what is refused


@pytest.mark.parametrize("name", ["Go", "Ctx DM1", "DMC"])
def test_a_seed_means_the_same_trials(name):
    task = CognitiveTask(name)
    one, two = task.sample(20, seeded(7)), copy.deepcopy(task).sample(20, seeded(7))
    assert torch.equal(one.inputs, two.inputs) and torch.equal(one.targets, two.targets)


def test_a_ring_may_have_other_numbers_of_units():
    task = CognitiveTask("DM1", ring=16)
    batch = task.sample(100, seeded())
    assert (task.inputs, task.outputs) == (53, 17) and batch.inputs.shape[2] == 53
    assert task.score(outputs_for(batch.targets), batch).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_trials_are_scored_in_any_precision(dtype):
    task = CognitiveTask("Dly DM1")
    batch = task.sample(20, seeded()).to(dtype)
    assert task.score(outputs_for(batch.targets), batch).all()
    assert task.instructed(batch, {"Go": 1}).inputs.dtype == dtype


def test_the_angle_between_directions_goes_the_shorter_way():
    a = torch.tensor([0.1, 6.2, 3.0, -9.0, 40.0])
    b = torch.tensor([6.2, 0.1, 3.0, 4.0, -7.0])
    assert np.allclose(distance(a, b), apart(a.double().numpy(), b.double().numpy()), atol=1e-5)


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda: CognitiveTask("Stroop"), "there is no 'Stroop'"),
        (lambda: CognitiveTask("Go", dt=-1), "dt, the duration of a step in ms, should be a positive number, got -1"),
        (lambda: CognitiveTask("Go", sigma=float("nan")), "sigma should be a number from 0 up"),
        (lambda: CognitiveTask("Go", ring=0), "ring should be a positive integer, got 0"),
        (lambda: CognitiveTask("Go", coherences=[0.1]), "Go compares no stimuli"),
        (lambda: CognitiveTask("DM1", coherences=0.1), r"a single one is \[0.1\]"),
        (lambda: CognitiveTask("DM1", coherences=[]), "above 0 and up to 0.8"),
        (lambda: CognitiveTask("DM1", coherences=[0.9]), "above 0 and up to 0.8"),
        (lambda: CognitiveTask("DM1", coherences=[0.0]), "each of coherences should be a positive number"),
        (lambda: CognitiveTask("Go").sample(0), "trials should be a positive integer, got 0"),
        (lambda: CognitiveTask("Go").all(0), "directions should be a positive integer, got 0"),
        (lambda: CognitiveTask("Go").all(delay=100), "Go has the epochs fixation, stimulus, response; .* 'delay'"),
        (lambda: CognitiveTask("Go").during("delay", CognitiveTask("Go").all()), "there is none called 'delay'"),
        (lambda: CognitiveTask("Go").instructed(CognitiveTask("Go").all(), {"Stay": 1}), "there is no 'Stay'"),
        (lambda: CognitiveTask("Go").instructed(CognitiveTask("Go").all(), {"Go": "on"}), "'Go' should be a number"),
        (lambda: CognitiveTask("Go").during("response", PerceptualDecision().sample(2)), "draw it with this task"),
        (lambda: CognitiveTask("Go").instructed(CognitiveTask("Go", ring=8).all(), {}), "with 32 directions"),
        (lambda: CognitiveTask("Go").score(torch.zeros(2, 3, 33), CognitiveTask("Go").all()), "need values of shape"),
        (lambda: ManyTasks([]), "there are no tasks"),
        (lambda: ManyTasks([CognitiveTask("Go")], [1, 2]), "a number for each of the 1 tasks"),
        (lambda: ManyTasks([CognitiveTask("Go")], [0]), "not all 0"),
        (lambda: ManyTasks([CognitiveTask("Go")], [-1]), "each of weights should be a number from 0 up"),
        (lambda: ManyTasks([CognitiveTask("Go")]).score(torch.zeros(2, 3, 33), CognitiveTask("Go").all()), "which one"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(bad, message):
    with pytest.raises(ValueError, match=message):
        bad()


def test_many_tasks_are_cognitive_tasks():
    with pytest.raises(TypeError, match="made of CognitiveTasks, got PerceptualDecision"):
        ManyTasks([PerceptualDecision()])


def test_outputs_that_are_no_answers_are_refused():
    task = CognitiveTask("Go")
    batch = task.all()
    with pytest.raises(ValueError, match="NaN or infinite"):
        task.score(torch.full_like(batch.targets, math.nan), batch)


@pytest.mark.parametrize(("name", "message"), [(["Go"], "there is no"), ({"Go": 1}, "there is no")])
def test_a_name_that_is_no_word_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        CognitiveTask(name)


def test_a_seed_in_place_of_a_generator_is_refused():
    with pytest.raises(TypeError, match="drawn with a torch"):
        CognitiveTask("Go").sample(2, 0)


def test_outputs_that_are_no_tensor_are_refused():
    task = CognitiveTask("Go")
    batch = task.sample(2)
    with pytest.raises(TypeError, match="should be a tensor"):
        task.score(batch.targets.numpy(), batch)


def test_the_direction_of_other_outputs_is_refused():
    with pytest.raises(ValueError, match="× 33"):
        CognitiveTask("Go").direction(torch.zeros(3, 4))


def test_epochs_of_another_tasks_batch_are_refused():
    with pytest.raises(ValueError, match="other epochs"):
        CognitiveTask("Dly Go").during("delay", CognitiveTask("Go").sample(2))


def test_a_batch_of_another_rule_is_not_instructed():
    with pytest.raises(ValueError, match="another rule"):
        CognitiveTask("Anti").instructed(CognitiveTask("Go").sample(2), {"Go": 1})


def test_a_batch_may_be_instructed_twice():
    task = CognitiveTask("Go", sigma=0.0)
    batch = task.sample(2)
    twice = task.instructed(task.instructed(batch, {"Anti": 2}), {"Go": 1})
    torch.testing.assert_close(twice.inputs, batch.inputs)


def test_rules_that_are_no_dict_are_refused():
    task = CognitiveTask("Go")
    with pytest.raises(TypeError, match="names with weights"):
        task.instructed(task.sample(2), "Anti")
