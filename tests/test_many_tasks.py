"""The network that learned twenty tasks: its training can be cut off anywhere, and the shipped weights do what their table says."""

import copy
import csv
import math
import os
import signal
import subprocess
import sys
from importlib import resources
from types import SimpleNamespace

import pytest
import torch

import nnbrain as nb
from nnbrain import pages, train_many_tasks
from nnbrain.learning import Backprop
from nnbrain.objectives import logistic_error
from nnbrain.tasks import COGNITIVE_TASKS, CognitiveTask, ManyTasks
from nnbrain.train import fit
from nnbrain.weights import many_tasks

SMALL = {"UNITS": 6, "TRIALS": 2, "CHUNK": 2, "MEASURED": 1}
SHIPPED = [resources.files("nnbrain.weights").joinpath(name) for name in (many_tasks.FILE, many_tasks.LOG)]


@pytest.fixture
def small(monkeypatch):
    """Trainings of a tiny network, of six units, measured every two steps of two trials."""
    for name, value in SMALL.items():
        monkeypatch.setattr(many_tasks, name, value)


def finished(folder):
    """What a training has written."""
    return torch.load(folder / many_tasks.FILE, weights_only=True), (folder / many_tasks.LOG).read_text()


def same(one, two) -> bool:
    weights = all(torch.equal(one[0][name], two[0][name]) for name in one[0])
    return weights and list(one[0]) == list(two[0]) and one[1] == two[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A small training of 4 steps in one piece."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(many_tasks, name, value)
        many_tasks.Training(folder, 4).run()
    return finished(folder)


# Training


def test_a_training_that_was_stopped_at_a_checkpoint_ends_with_the_same_bits(small, whole, tmp_path, monkeypatch):
    training, save = many_tasks.Training(tmp_path, 4), many_tasks.Training._save

    def stop(self):
        save(self)
        raise SystemExit

    monkeypatch.setattr(many_tasks.Training, "_save", stop)
    with pytest.raises(SystemExit):
        training.run()
    monkeypatch.setattr(many_tasks.Training, "_save", save)
    later = many_tasks.Training(tmp_path, 4)
    assert later.done == 2 and len(later.log) == 1
    later.run()
    assert same(finished(tmp_path), whole)


def test_a_training_that_was_interrupted_within_a_chunk_ends_with_the_same_bits(small, whole, tmp_path, monkeypatch):
    batches, sample = [], ManyTasks.sample

    def interrupted(self, *arguments):
        batches.append(0)
        if len(batches) == 4:
            raise KeyboardInterrupt
        return sample(self, *arguments)

    monkeypatch.setattr(ManyTasks, "sample", interrupted)
    many_tasks.Training(tmp_path, 4).run()
    monkeypatch.undo()
    for name, value in SMALL.items():
        monkeypatch.setattr(many_tasks, name, value)
    later = many_tasks.Training(tmp_path, 4)
    assert later.done == 2
    later.run()
    assert same(finished(tmp_path), whole)


def test_a_kill_while_the_checkpoint_is_written_leaves_the_one_before(small, whole, tmp_path):
    """The second checkpoint is cut off in the middle of the file by a real SIGKILL of another process."""
    script = f"""
import os, pathlib, signal, torch
from nnbrain.weights import many_tasks
for name, value in {SMALL!r}.items():
    setattr(many_tasks, name, value)
torch.set_num_threads(1)
save, written = torch.save, []
def cut_off(state, path):
    save(state, path)
    if "done" in state and state["done"] == 4:
        whole = pathlib.Path(path).read_bytes()
        pathlib.Path(path).write_bytes(whole[: len(whole) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
torch.save = cut_off
many_tasks.Training({str(tmp_path)!r}, 4).run()
"""
    place = os.environ | {"PYTHONPATH": str(pages.ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=place)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    later = many_tasks.Training(tmp_path, 4)
    assert later.done == 2
    later.run()
    assert same(finished(tmp_path), whole)


def test_a_kill_after_the_last_checkpoint_still_leads_to_the_weights(small, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(many_tasks.Training, "_publish", lambda self: None)
        many_tasks.Training(tmp_path, 4).run()
    assert not (tmp_path / many_tasks.FILE).exists()
    many_tasks.Training(tmp_path, 4).run()
    assert same(finished(tmp_path), whole)


def test_another_seed_gives_another_network(small):
    one, two = (many_tasks.untrained(seed).state_dict() for seed in (0, 1))
    assert not torch.equal(one["input.weight"], two["input.weight"])


def test_the_log_has_the_accuracy_of_every_task_at_every_measurement(whole):
    rows = list(csv.DictReader(whole[1].splitlines()))
    assert [int(row["step"]) for row in rows] == [2, 4] and list(rows[0]) == ["step", *COGNITIVE_TASKS]
    assert all(0 <= float(row[name]) <= 1 for row in rows for name in COGNITIVE_TASKS)


@pytest.fixture
def watched(small, monkeypatch):
    """Trainings that learn nothing: in every chunk the rate and the tasks are noted, and accuracies are those that are set."""
    noted, scores = [], {}

    def no_fit(rule, many, steps, *, optimizer, **options):
        noted.append((optimizer.param_groups[0]["lr"], many))
        return SimpleNamespace(interrupted=False)

    monkeypatch.setattr(many_tasks, "fit", no_fit)
    monkeypatch.setattr(
        many_tasks, "accuracies", lambda net, tasks, *_: {name: scores.get(name, 0.5) for name in tasks}
    )
    return noted, scores


def test_the_learning_rate_falls_along_half_a_cosine(watched, tmp_path):
    many_tasks.Training(tmp_path, 8).run()
    first, last = many_tasks.RATE, many_tasks.LAST_RATE
    expected = [last + (first - last) * share for share in (1, 0.8535534, 0.5, 0.1464466)]
    assert [rate for rate, _ in watched[0]] == pytest.approx(expected)


def test_tasks_come_in_proportion_to_the_errors_in_them_and_never_not_at_all(watched, tmp_path):
    noted, scores = watched
    scores |= {"Go": 1.0, "DMS": 0.25}
    many_tasks.Training(tmp_path, 4).run()
    before, after = (dict(zip(COGNITIVE_TASKS, many.weights.tolist(), strict=True)) for _, many in noted)
    assert len(set(before.values())) == 1
    assert (
        after["Go"] == pytest.approx(0.05)
        and after["DMS"] == pytest.approx(0.8)
        and after["DM1"] == pytest.approx(0.55)
    )


def test_decisions_are_taught_from_easy_to_hard_and_other_tasks_at_once():
    for name, kind in COGNITIVE_TASKS.items():
        lessons = many_tasks.lessons(name)
        easiest = [max(getattr(lesson.kind, "coherences", [0])) for lesson in lessons]
        assert easiest == sorted(easiest, reverse=True) and lessons[-1].kind == kind
        assert len(lessons) == (1 if not hasattr(kind, "coherences") else 2 if kind.delayed else 4)


def test_a_task_becomes_harder_when_enough_of_its_easier_trials_are_right(watched, tmp_path):
    noted, scores = watched
    scores |= {"DM1": 0.95, "DM2": 0.85, "Dly DM1": 0.95}
    training = many_tasks.Training(tmp_path, 10)
    training.run()
    taught = {n: [many.tasks[list(COGNITIVE_TASKS).index(n)].kind.coherences for _, many in noted] for n in scores}
    *easier, own = [lesson.kind.coherences for lesson in many_tasks.lessons("DM1")]
    assert taught["DM1"] == [*easier, own, own] and taught["DM2"] == [easier[0]] * 5
    assert [max(c) for c in taught["Dly DM1"]] == [0.64, 0.32, 0.32, 0.32, 0.32]


def test_a_training_that_goes_on_keeps_its_lessons(watched, tmp_path):
    watched[1]["DM1"] = 0.95
    first = many_tasks.Training(tmp_path, 4)
    first.run()
    later = many_tasks.Training(tmp_path, 4)
    assert later.lesson == first.lesson and later.lesson["DM1"] == 2 and later.lesson["DM2"] == 0


def test_a_checkpoint_of_another_training_is_refused(small, tmp_path):
    many_tasks.Training(tmp_path, 2)._save()
    with pytest.raises(ValueError, match=r"with \(steps, seed\) = \(2, 0\), not \(4, 0\): name another folder"):
        many_tasks.Training(tmp_path, 4)


def test_a_number_of_steps_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="steps should be a positive integer, got 0"):
        many_tasks.Training(tmp_path, 0)


def test_the_command_trains_and_says_where_the_weights_are(small, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train_many_tasks", "--steps", "4", "--folder", str(tmp_path)])
    train_many_tasks.main()
    assert "4 of 4 steps" in capsys.readouterr().out and same(finished(tmp_path), whole)


def test_the_network_is_that_of_the_paper():
    net = many_tasks.untrained()
    assert (net.W_x.shape, net.W_r.shape, net.W_y.shape) == ((256, 85), (256, 256), (33, 256))
    assert net.alpha == 0.2 and net.sigma == 0.05


def test_a_network_that_always_fixates_is_right_in_half_of_the_matching_trials_only(small):
    net, seeds = many_tasks.untrained().to(nb.device()), (torch.Generator(), torch.Generator(nb.device()))
    with torch.no_grad():
        net.b_y[0] = 100.0  # the eyes always stay
    found = many_tasks.accuracies(net, many_tasks.tasks(), 40, *(g.manual_seed(0) for g in seeds))
    staying = {name: found[name] for name in ("DMS", "DNMS", "DMC", "DNMC")}
    assert all(found[name] == 0 for name in COGNITIVE_TASKS if name not in staying)
    assert all(abs(share - 0.5) < 4 * 0.5 / math.sqrt(40) for share in staying.values())


# The shipped weights


@pytest.fixture(scope="module")
def recorded() -> dict[str, float]:
    """The last line of the table beside the weights."""
    *_, last = csv.DictReader(SHIPPED[1].read_text().splitlines())
    return {name: float(last[name]) for name in COGNITIVE_TASKS}


@pytest.mark.covers("Primer, Figure 5")
def test_the_shipped_network_reaches_in_new_trials_the_accuracies_recorded_beside_it(recorded):
    n, net, seeds = 256, many_tasks.trained(), (torch.Generator(), torch.Generator(nb.device()))
    found = many_tasks.accuracies(net, many_tasks.tasks(), n, *(g.manual_seed(99) for g in seeds))
    for name, before in recorded.items():
        p = (n * found[name] + many_tasks.MEASURED * before) / (n + many_tasks.MEASURED)
        spread = math.sqrt(max(p * (1 - p), 0.01) * (1 / n + 1 / many_tasks.MEASURED))
        assert abs(found[name] - before) < 4 * spread, f"{name}: {before} is recorded, {found[name]} found"


def test_training_goes_on_from_the_shipped_weights_without_a_fall(recorded):
    net = many_tasks.trained()
    noise = torch.Generator(nb.device()).manual_seed(1)
    rule = Backprop(net, logistic_error, generator=noise)
    before = copy.deepcopy(net.state_dict())
    many = ManyTasks([CognitiveTask(name) for name in ("Go", "Dly Go", "DMC")])
    optimizer = torch.optim.Adam(rule.parameters(), lr=many_tasks.LAST_RATE)
    fit(
        rule,
        many,
        10,
        trials=32,
        optimizer=optimizer,
        clip=1.0,
        generator=torch.Generator().manual_seed(1),
        progress=False,
    )
    assert not torch.equal(net.W_r, before["recurrent.weight"])
    found = many_tasks.accuracies(net, many_tasks.tasks(), 64, torch.Generator().manual_seed(2), noise)
    mean, start = (sum(scores.values()) / 20 for scores in (found, recorded))
    assert mean > start - 4 * 0.5 / math.sqrt(20 * 64)


def test_every_task_ended_at_the_papers_criterion(recorded):
    assert min(recorded.values()) > 0.95


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in SHIPPED) < 1_000_000


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    damaged = bytearray(SHIPPED[0].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / many_tasks.FILE).write_bytes(damaged)
    monkeypatch.setattr(many_tasks.resources, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match=r"many_tasks\.pt is damaged .* install nnbrain anew"):
        many_tasks.trained()


@pytest.mark.parametrize("tasks", [None, CognitiveTask("Go")])
def test_tasks_that_are_no_sequence_are_refused(tasks):
    with pytest.raises(TypeError, match="sequence of CognitiveTasks"):
        ManyTasks(tasks)


def test_a_single_weight_is_refused():
    with pytest.raises(TypeError, match="a number for each task"):
        ManyTasks([CognitiveTask("Go")], 1)


@pytest.mark.parametrize("other", [{"dt": 10}, {"ring": 16}])
def test_tasks_for_different_networks_are_refused(other):
    with pytest.raises(ValueError, match="same ring and the same dt"):
        ManyTasks([CognitiveTask("Go"), CognitiveTask("Anti", **other)])


@pytest.mark.parametrize("k", [-1, 1])
def test_a_batch_of_a_task_that_is_not_there_is_refused(k):
    tasks = ManyTasks([CognitiveTask("Go")])
    batch = tasks.sample(2)
    batch.conditions["task"].fill_(k)
    with pytest.raises(ValueError, match="from 0 on"):
        tasks.score(batch.targets, batch)


@pytest.mark.parametrize("seed", [-1, 1.5, None, True])
def test_a_training_with_no_such_seed_is_refused(tmp_path, seed):
    with pytest.raises(ValueError, match="seed should be an integer"):
        many_tasks.Training(tmp_path, 3, seed)


def test_a_training_in_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        many_tasks.Training(tmp_path / "file", 3)


@pytest.mark.parametrize("saved", [{"a": 1}, [1]])
def test_what_is_no_checkpoint_is_refused(tmp_path, saved):
    torch.save(saved, tmp_path / "many_tasks.checkpoint.pt")
    with pytest.raises(ValueError, match="no checkpoint of this training"):
        many_tasks.Training(tmp_path, 3)


@pytest.mark.parametrize("wrong", [["--steps", "0"], ["--threads", "0"], ["--seed", "-1"]])
def test_the_command_refuses_bad_arguments_in_a_line(tmp_path, monkeypatch, capsys, wrong):
    monkeypatch.setattr("sys.argv", ["train_many_tasks", "--folder", str(tmp_path), *wrong])
    with pytest.raises(SystemExit):
        train_many_tasks.main()
    assert f"{wrong[0][2:]} should be" in capsys.readouterr().err
