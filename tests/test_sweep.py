"""Sweeps: every combination once, side by side or one by one, and nothing lost when they are cut short."""

import importlib.util
import json
import linecache
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from nnbrain import sweep
from nnbrain.sweep import SweepError

GRID = {"rate": [0.1, 1], "name": ["a", "b", "c"]}


def draws(rate, name, seed):
    """What depends on everything that a run is given, and on every generator."""
    return {
        "drawn": rate * torch.randn(()),
        "word": name * 2,
        "of numpy": np.random.rand(),
        "own": random.random() + seed,
    }


def quiet(function, grid=GRID, seeds=range(2), **settings):
    return sweep(function, grid, seeds, **{"jobs": 1, "progress": False, **settings})


@pytest.fixture
def counted(tmp_path):
    """An experiment that leaves a line for each of its runs, and the lines."""
    log = tmp_path / "log"

    def experiment(rate, name, seed):
        with log.open("a") as file:
            file.write(f"{rate} {name} {seed}\n")
        return {"value": rate + seed}

    return experiment, lambda: log.read_text().splitlines()


def test_every_combination_is_run_once_and_in_order(counted):
    experiment, lines = counted
    table = quiet(experiment)
    expected = [(rate, name, seed) for rate in (0.1, 1) for name in "abc" for seed in (0, 1)]
    assert [tuple(row) for row in table[["rate", "name", "seed"]].itertuples(index=False)] == expected
    assert lines() == [" ".join(map(str, run)) for run in expected]
    assert list(table.columns) == ["rate", "name", "seed", "value"] and (table.value == table.rate + table.seed).all()


def test_a_list_of_results_gives_as_many_rows():
    table = quiet(lambda rate, seed: [{"step": n, "loss": rate**n} for n in range(3)], {"rate": [0.5, 2.0]}, [7])
    assert table[["rate", "step", "loss"]].values.tolist() == [[r, n, r**n] for r in (0.5, 2.0) for n in range(3)]


def test_a_run_depends_on_its_parameters_and_seed_alone():
    table = quiet(draws)
    alone = quiet(draws, {"rate": [1], "name": ["b"]}, [1])
    last = table[(table.rate == 1) & (table.name == "b") & (table.seed == 1)].reset_index(drop=True)
    assert last.equals(alone.astype(last.dtypes))


def test_side_by_side_gives_the_same_numbers_as_one_by_one(tmp_path):
    def local(rate, name, seed):  # as a function in a notebook, no module has it: it is sent to the processes by value
        return {"drawn": rate * torch.randn(()), "threads": torch.get_num_threads(), "process": str(os.getpid())}

    one, two = quiet(local), quiet(local, jobs=2, folder=tmp_path / "runs")
    assert str(os.getpid()) not in set(two.process)
    assert one.drop(columns="process").equals(two.drop(columns="process"))
    assert (one.threads == 1).all()


def test_it_leaves_random_numbers_and_threads_as_they_were():
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    expected = torch.rand(()), np.random.rand(), random.random(), torch.get_num_threads()
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    quiet(draws)
    assert (torch.rand(()), np.random.rand(), random.random(), torch.get_num_threads()) == expected


# What is finished is kept


def test_a_finished_sweep_is_not_run_again(counted, tmp_path):
    experiment, lines = counted
    first, again = (quiet(experiment, folder=tmp_path / "runs") for _ in range(2))
    assert len(lines()) == 12 and first.equals(again)
    assert (first.attrs, again.attrs) == ({"found": 0, "run": 12}, {"found": 12, "run": 0})


def test_a_larger_grid_runs_only_what_is_new(counted, tmp_path):
    experiment, lines = counted
    quiet(experiment, {"rate": [1], "name": ["a"]}, folder=tmp_path / "runs")
    table = quiet(experiment, folder=tmp_path / "runs")
    assert len(lines()) == len(set(lines())) == 12 and table.equals(quiet(experiment))


def test_parameters_in_another_order_are_the_same_runs(counted, tmp_path):
    experiment, lines = counted
    quiet(experiment, folder=tmp_path / "runs")
    table = quiet(experiment, dict(reversed(GRID.items())), folder=tmp_path / "runs")
    assert len(lines()) == 12 and table.attrs == {"found": 12, "run": 0}


def test_an_interrupted_sweep_keeps_what_is_finished(tmp_path, capsys):
    stop = tmp_path / "stop"
    stop.touch()

    def experiment(rate, name, seed):
        if name == "c" and stop.exists():
            raise KeyboardInterrupt
        return {"value": rate}

    stopped = quiet(experiment, folder=tmp_path / "runs")
    assert len(stopped) == 4 and "Stopped with 4 of 12 runs" in capsys.readouterr().out
    stop.unlink()
    assert quiet(experiment, folder=tmp_path / "runs").attrs == {"found": 4, "run": 8}


SCRIPT = """
import sys, time
import nnbrain as nb

def experiment(rate, seed):
    with open(LOG, "a") as file:
        file.write(f"{rate} {seed}\\n")
    time.sleep(0.3)
    return {"value": rate * seed}

LOG = sys.argv[2] if __name__ == "__main__" else None
GRID = {"rate": [1.0, 2.0, 3.0]}

if __name__ == "__main__":
    nb.sweep(experiment, GRID, range(4), folder=sys.argv[1], jobs=int(sys.argv[3]), progress=False)
"""


def loaded(script):
    """A script as a module of this process."""
    specification = importlib.util.spec_from_file_location("script", script)
    found = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found)
    return found


def runs_in(folder) -> list[dict]:
    return [json.loads(path.read_text())["run"] for path in Path(folder).glob("*.json") if path.name != "sweep.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "stop button"])
def test_a_killed_sweep_loses_no_run_and_repeats_none(tmp_path, how):
    script, folder, log = tmp_path / "script.py", tmp_path / "runs", tmp_path / "log"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(folder), str(log), "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 300
    while len(runs_in(folder)) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(how)
    said = process.communicate()[0]
    finished = [f"{run['rate']} {run['seed']}" for run in runs_in(folder)]
    assert 3 <= len(finished) < 12, said

    rest = loaded(script)
    rest.LOG = str(log)
    quiet(rest.experiment, rest.GRID, range(4), folder=folder)
    started = log.read_text().splitlines()
    assert len(runs_in(folder)) == 12
    assert all(started.count(run) == 1 for run in finished)
    assert len(started) <= 13  # the run in which it was killed was begun twice


def test_a_damaged_run_is_run_again(counted, tmp_path):
    experiment, lines = counted
    whole = quiet(experiment, folder=tmp_path / "runs")
    damaged = next(path for path in (tmp_path / "runs").glob("*.json") if path.name != "sweep.json")
    damaged.write_text(damaged.read_text()[:-20])
    assert quiet(experiment, folder=tmp_path / "runs").equals(whole) and len(lines()) == 13


# Runs that fail


def fails_for_b(rate, name, seed):
    if name == "b":
        raise FloatingPointError("the objective became nan")
    return {"value": rate}


def test_a_failing_run_is_reported_with_its_parameters_and_the_others_are_done():
    with pytest.raises(SweepError, match=r"4 of 12 runs failed") as caught:
        quiet(fails_for_b)
    assert "rate=0.1, name='b', seed=1: FloatingPointError: the objective became nan" in str(caught.value)
    assert sorted(set(caught.value.finished.name)) == ["a", "c"] and len(caught.value.finished) == 8


def test_a_run_that_failed_is_tried_again(tmp_path):
    broken = tmp_path / "broken"
    broken.touch()

    def experiment(rate, name, seed):
        if name == "b" and broken.exists():
            raise OSError("the disk is full")
        return {"value": rate}

    with pytest.raises(SweepError, match="are kept in the folder"):
        quiet(experiment, folder=tmp_path / "runs")
    broken.unlink()
    table = quiet(experiment, folder=tmp_path / "runs")
    assert table.attrs == {"found": 8, "run": 4} and len(table) == 12


# What is refused


def other(rate, name, seed):
    return {"value": 0}


def test_the_folder_of_another_function_is_refused(tmp_path):
    quiet(draws, folder=tmp_path / "runs")
    with pytest.raises(ValueError, match=r"made by the function 'draws', and 'other' is another"):
        quiet(other, folder=tmp_path / "runs")


def module(tmp_path, source: str) -> dict:
    """The names of a file that has this source."""
    path = tmp_path / "experiment.py"
    path.write_text(source)
    linecache.checkcache(str(path))
    names = {"__name__": "experiment"}
    exec(compile(source, str(path), "exec"), names)
    return names


BEFORE = """
STEPS = 10
def double(x): return 2 * x
CHOICES = {"a": double}
def experiment(rate, seed):
    return {"value": CHOICES["a"](rate) * STEPS}
"""


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("* STEPS}", "* STEPS + 1}"), ("STEPS = 10", "STEPS = 20"), ("2 * x", "3 * x")],
    ids=["itself", "a number it takes", "a function it calls"],
)
def test_a_folder_is_refused_once_the_function_has_changed(tmp_path, was, becomes):
    quiet(module(tmp_path, BEFORE)["experiment"], {"rate": [1]}, folder=tmp_path / "runs")
    quiet(module(tmp_path, BEFORE + "# a comment")["experiment"], {"rate": [1]}, folder=tmp_path / "runs")
    changed = module(tmp_path, BEFORE.replace(was, becomes))["experiment"]
    with pytest.raises(ValueError, match="has changed since"):
        quiet(changed, {"rate": [1]}, folder=tmp_path / "runs")


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(ValueError, match="holds other things than a sweep's runs"):
        quiet(draws, folder=tmp_path)


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (0.5, TypeError, r"should return a dict of numbers by name.*got 0\.5"),
        ([], TypeError, "should return a dict of numbers"),
        ({"curve": torch.zeros(3)}, TypeError, r"the result 'curve' should be a number.*got tensor"),
        ({"rate": 1.0}, ValueError, "'rate', which is a parameter already"),
    ],
    ids=["a number", "nothing", "a curve", "a parameter's name"],
)
def test_results_that_fit_no_table_are_refused_at_the_first_run(result, error, message):
    begun = []
    with pytest.raises(error, match=message):
        quiet(lambda rate, seed: begun.append(seed) or result, {"rate": [1, 2]})
    assert len(begun) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"grid": [1, 2]}, TypeError, "grid should be a dict of the values"),
        ({"grid": {"rate": [1], "name": "abc"}}, TypeError, r"'name' a list of values, \['abc'\]"),
        ({"grid": {"rate": [1], "name": []}}, ValueError, "'name' has no values"),
        ({"grid": {"rate": [0.1, 0.1], "name": ["a"]}}, ValueError, "'rate' has the value 0.1 twice"),
        ({"grid": {"rate": [torch.relu], "name": ["a"]}}, TypeError, "each value of 'rate' should be a number, a word"),
        ({"grid": {"rate": [1], "seed": [1]}}, ValueError, "seeds are given by seeds="),
        (
            {"grid": {"rate": [1]}},
            TypeError,
            r"rate=…, seed=…, which it does not take: missing a required argument: 'name'",
        ),
        ({"grid": {**GRID, "width": [1]}}, TypeError, "unexpected keyword argument 'width'"),
        ({"seeds": 5}, TypeError, "seeds should be a list of integers"),
        ({"seeds": []}, ValueError, "seeds has no values"),
        ({"seeds": [1, 1]}, ValueError, "seeds has the value 1 twice"),
        ({"seeds": [-1]}, ValueError, "each of seeds should be an integer from 0 up"),
        ({"jobs": 0}, ValueError, "jobs should be a positive integer"),
        ({"function": None}, TypeError, "a sweep runs a function, got None"),
    ],
)
def test_what_makes_no_sweep_is_refused_before_anything_is_run(arguments, error, message):
    with pytest.raises(error, match=message):
        quiet(**{"function": draws, **arguments})


def test_a_function_without_source_has_no_folder(tmp_path):
    with pytest.raises(TypeError, match="needs the source of its function"):
        quiet(eval("lambda rate, name, seed: {'value': 0}"), folder=tmp_path / "runs")


def _doubled(a, seed):
    return {"twice": 2 * a}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        sweep(_doubled, {"a": [1]}, [0], folder=tmp_path / "runs", jobs=1, progress=False)


def test_a_list_of_another_form_is_refused(tmp_path):
    (tmp_path / "sweep.json").write_text("[]")
    with pytest.raises(ValueError, match="of a damaged list"):
        sweep(_doubled, {"a": [1]}, [0], folder=tmp_path, jobs=1, progress=False)


def test_a_run_whose_rows_are_damaged_is_run_again(tmp_path):
    options = {"seeds": [0], "folder": tmp_path, "jobs": 1, "progress": False}
    sweep(_doubled, {"a": [1]}, **options)
    (kept,) = [path for path in tmp_path.glob("*.json") if path.name != "sweep.json"]
    kept.write_text('{"run": {"a": 1, "seed": 0}, "rows": 3}')
    assert sweep(_doubled, {"a": [1]}, **options).attrs["run"] == 1
