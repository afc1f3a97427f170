"""One experiment for every combination of parameters and seeds: what is finished is never lost, and never repeated."""

import ast
import dis
import hashlib
import inspect
import itertools
import json
import os
import random
import textwrap
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from nnbrain.arguments import count, positive_integer
from nnbrain.runtime import set_seed

_SIMPLE = (bool, int, float, str, type(None))
_MANIFEST = "sweep.json"


class SweepError(RuntimeError):
    """Some runs of a sweep failed; the message names them, and ``finished`` is the table of the others."""

    def __init__(self, message: str, finished: pd.DataFrame):
        super().__init__(message)
        self.finished = finished


def sweep(
    function: Callable[..., Mapping[str, Any]],
    grid: Mapping[str, Sequence],
    seeds: Sequence[int] = range(5),
    *,
    folder: str | os.PathLike | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run an experiment with every combination of parameters and every seed, and gather what it gives in one table.

    Before each run torch, numpy and random are seeded with its seed, and torch computes on one thread: what a run gives depends
    on its parameters and its seed alone, not on what ran before or beside it.

    With a folder, each run is kept there as soon as it is finished. Stop the sweep whenever you like, even by force: called again,
    it does only what is missing, also for a larger grid or more seeds.

    Parameters
    ----------
    function : callable
        ``function(seed=…, **parameters)`` returns a dict of numbers or words, by name; or a list of such dicts, several rows of
        the table (the points of a learning curve, for instance). It may be defined in a notebook. Let it train with
        ``fit(…, progress=False)``, and return NaN where a failure is a result.
    grid : dict of str to sequence
        The values of each parameter: numbers, words, booleans or None. What is none of them gets a name, to be looked up in the
        function.
    seeds : sequence of int
        From 0 up.
    folder : str or path, optional
        Where to keep the runs; made if it is not there. It belongs to one function: it is refused once the source of the function
        has changed, or of the functions of the same notebook or file that it calls, or a number that it takes from there. Changes
        elsewhere, in a library for instance, are for you to notice.
    jobs : int, optional
        How many runs at a time, each in a process of its own; by default one for each core. With 1 nothing is started: for short
        runs that is faster, as a process takes seconds to start, and some 400 MB.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    pandas.DataFrame
        A row for each run: its parameters, its seed, and what the function returned; in the order of the grid, the last parameter
        and then the seed changing fastest. ``table.attrs`` tells how many runs were ``"found"`` in the folder, how many ``"run"``.
        If you stop the sweep (the kernel's stop button), the rows that are finished.

    Raises
    ------
    TypeError
        If the function cannot be called with these parameters, a value of the grid has no simple type, or the function returns
        no dict of numbers and words.
    ValueError
        If a parameter has no values or one twice, or the folder belongs to another function.
    SweepError
        If runs failed. All others are done first, and are kept.

    Source: Primer, section 2.4 (hyperparameters: conclusions should not depend on them, or the dependency be documented).

    Examples
    --------
    >>> def experiment(rate, width, seed):
    ...     network = MLP([64, width, 10])
    ...     rule = Backprop(network, cross_entropy)
    ...     optimizer = torch.optim.Adam(rule.parameters(), rate)
    ...     fit(rule, Digits("train"), 200, optimizer=optimizer, progress=False)
    ...     return {"accuracy": accuracy(network, Digits("test"))}
    >>> table = sweep(experiment, {"rate": [1e-3, 1e-2], "width": [32, 128]}, seeds=range(3), folder="runs")
    >>> table.groupby(["rate", "width"]).accuracy.agg(["mean", "std"])
    """
    grid, seeds = _check_grid(grid), _check_seeds(seeds)
    _check_function(function, grid)
    jobs = joblib.cpu_count() if jobs is None else positive_integer(jobs, "jobs")
    folder = None if folder is None else _open(Path(folder), function)
    runs = [
        {**dict(zip(grid, values, strict=True)), "seed": seed}
        for values in itertools.product(*grid.values())
        for seed in seeds
    ]
    rows = {n: kept for n, run in enumerate(runs) if folder and (kept := _read(folder, run)) is not None}
    found, failures = len(rows), {}
    todo = [n for n in range(len(runs)) if n not in rows]
    try:
        with tqdm(total=len(runs), initial=found, disable=not progress, unit="run") as bar:
            for n, result, failure in _results(function, [(n, runs[n]) for n in todo], folder, jobs):
                if failure is None:
                    rows[n] = result
                else:
                    failures[n] = failure
                bar.update()
    except KeyboardInterrupt:
        kept = " Call the sweep again to do the rest." if folder else ""
        print(f"Stopped with {len(rows)} of {len(runs)} runs finished.{kept}")
    table = pd.DataFrame([{**runs[n], **row} for n in sorted(rows) for row in rows[n]])
    table.attrs |= {"found": found, "run": len(rows) - found}
    if failures:
        raise SweepError(_describe(failures, runs, table, folder), table)
    return table


# One run


def _results(
    function: Callable, todo: list[tuple[int, dict]], folder: Path | None, jobs: int
) -> Iterator[tuple[int, list[dict] | None, str | None]]:
    """What each run gives, as they finish: its number, its rows, and what went wrong if something did."""
    if jobs == 1 or len(todo) < 2:
        for n, run in todo:
            yield n, *_run(function, run, folder)
        return
    workers = joblib.Parallel(min(jobs, len(todo)), backend="loky", return_as="generator_unordered", batch_size=1)
    yield from workers(joblib.delayed(_numbered)(function, n, run, folder) for n, run in todo)


def _numbered(function: Callable, n: int, run: dict, folder: Path | None) -> tuple[int, list[dict] | None, str | None]:
    return n, *_run(function, run, folder)


def _run(function: Callable, run: dict, folder: Path | None) -> tuple[list[dict] | None, str | None]:
    """The rows of a run, which are kept before anything else happens; or what went wrong."""
    with _reproducible(run["seed"]):
        try:
            result = function(**run)
        except Exception:
            return None, traceback.format_exc()
    rows = _rows(result, run)
    if folder is not None:
        path = _path(folder, run)
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps({"run": run, "rows": rows}, indent=1), encoding="utf-8")
        os.replace(draft, path)  # at once: there is no moment at which half a file lies there
    return rows, None


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Within it everything is seeded and torch computes on one thread; after it, all is as before."""
    threads, python, numpy = torch.get_num_threads(), random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        try:
            torch.set_num_threads(1)
            set_seed(seed)
            yield
        finally:
            torch.set_num_threads(threads)
            random.setstate(python)
            np.random.set_state(numpy)


def _rows(result: Any, run: dict) -> list[dict]:
    """What a function returned, as rows of simple values."""
    rows = list(result) if isinstance(result, list | tuple) else [result]
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(
            f"a sweep's function should return a dict of numbers by name, or a list of dicts, got {result!r}."
        )
    if taken := [name for row in rows for name in row if name in run]:
        raise ValueError(
            f"the function returned {taken[0]!r}, which is a parameter already: give the result another name."
        )
    return [{str(name): _simple(value, f"the result {name!r}") for name, value in row.items()} for row in rows]


def _simple(value: Any, name: str) -> Any:
    """A number, a word, a boolean or None as Python's."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic) and np.prod(value.shape) == 1:
        value = value.item()
    if not isinstance(value, _SIMPLE):
        raise TypeError(f"{name} should be a number, a word, a boolean or None, got {value!r}.")
    return value


# The folder


def _key(run: dict) -> str:
    """What a run is, whatever the order of its parameters."""
    return json.dumps(run, sort_keys=True)


def _path(folder: Path, run: dict) -> Path:
    """The file of a run: its name is made of what the run is, so that no run is ever taken for another."""
    return folder / f"{hashlib.sha256(_key(run).encode()).hexdigest()[:20]}.json"


def _read(folder: Path, run: dict) -> list[dict] | None:
    """The rows of a run that was finished before; None if it was not, or its file is damaged."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        kept = json.loads(_path(folder, run).read_text(encoding="utf-8"))
        rows = kept["rows"]
        whole = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        if whole and _key(kept["run"]) == _key(run):
            return rows
    return None


def _open(folder: Path, function: Callable) -> Path:
    """The folder, made if it is not there; refused if it belongs to another function."""
    folder = folder.absolute()  # a process that runs an experiment may stand elsewhere
    mine = {"fingerprint": _fingerprint(function), "function": function.__qualname__}
    manifest = folder / _MANIFEST
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is a file, not a folder: give another name.")
    if manifest.exists():
        try:
            theirs = json.loads(manifest.read_text(encoding="utf-8"))
        except ValueError:
            theirs = None
        theirs = theirs if isinstance(theirs, dict) else {"function": "of a damaged list"}
        if theirs != mine:
            why = "has changed since" if theirs.get("function") == mine["function"] else "is another"
            raise ValueError(
                f"the runs in {str(folder)!r} were made by the function {theirs.get('function')!r}, and {mine['function']!r} "
                f"{why}: they do not belong in one table. Give another folder, or delete this one."
            )
    elif folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"the folder {str(folder)!r} holds other things than a sweep's runs: give a new or an empty one."
        )
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_MANIFEST}.{os.getpid()}.tmp"
    draft.write_text(json.dumps(mine), encoding="utf-8")
    os.replace(draft, manifest)
    return folder


def _fingerprint(function: Callable) -> str:
    """A hash of what a function does, as far as its own notebook or file says: spaces and comments do not count."""
    if not isinstance(function, types.FunctionType) or _source(function) is None:
        raise TypeError(
            f"a sweep with a folder needs the source of its function, which {function!r} does not have: define it with def, in "
            "a cell or a file."
        )
    said = _said(function, function.__module__, [])
    return hashlib.sha256(said.encode()).hexdigest()


def _said(value: Any, module: str, above: list) -> str:
    """What a value is, in words that are the same tomorrow: simple values as they are, what the module defines by its source."""
    if isinstance(value, _SIMPLE):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_said(part, module, above) for part in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_said(part, module, above)}' for name, part in value.items())}}}"
    if isinstance(value, torch.Tensor | np.ndarray):
        return joblib.hash(value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value)
    name = getattr(value, "__qualname__", type(value).__qualname__)
    if (
        getattr(value, "__module__", None) != module
        or value in above
        or not isinstance(value, types.FunctionType | type)
    ):
        return name
    uses = _uses(value) if isinstance(value, types.FunctionType) else {}
    return f"{name}: {_source(value)} {_said(uses, module, [*above, value])}"


def _source(thing: Callable) -> str | None:
    """The source of a function or class without comments, if there is one."""
    with suppress(TypeError, OSError, SyntaxError):
        return ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(thing))))
    return None


def _uses(function: types.FunctionType) -> dict[str, Any]:
    """What a function finds outside of itself, by name: its defaults, and the values of the variables around it."""
    known, free = function.__globals__, zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    around = {name: known[name] for name in sorted(_global_names(function.__code__)) if name in known}
    for name, cell in free:
        with suppress(ValueError):  # it has no value yet
            around[name] = cell.cell_contents
    return {"defaults": function.__defaults__, "keyword defaults": function.__kwdefaults__, **around}


def _global_names(code: types.CodeType) -> set[str]:
    """The global names that a function reads, those in functions inside of it included."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_global_names(inner) for inner in code.co_consts if isinstance(inner, types.CodeType)))


# What is given


def _check_grid(grid: Mapping[str, Sequence]) -> dict[str, list]:
    if not isinstance(grid, Mapping):
        raise TypeError(
            f"grid should be a dict of the values of each parameter, {{'rate': [0.01, 0.1]}}, got {grid!r}."
        )
    if "seed" in grid:
        raise ValueError("the seeds are given by seeds=…, not in the grid.")
    checked = {}
    for name, values in grid.items():
        if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
            raise TypeError(
                f"the grid should give {name!r} a list of values, [{values!r}] for a single one, got {values!r}."
            )
        checked[name] = [_simple(value, f"each value of {name!r}") for value in values]
        _refuse_repeats(checked[name], repr(name))
    return checked


def _check_seeds(seeds: Sequence[int]) -> list[int]:
    if isinstance(seeds, str) or not hasattr(seeds, "__iter__"):
        raise TypeError(f"seeds should be a list of integers, range(5) for instance, got {seeds!r}.")
    checked = [count(seed, "each of seeds") for seed in seeds]
    _refuse_repeats(checked, "seeds")
    return checked


def _refuse_repeats(values: list, name: str) -> None:
    if not values:
        raise ValueError(f"{name} has no values: nothing would be run.")
    if twice := [value for n, value in enumerate(values) if value in values[:n]]:
        raise ValueError(
            f"{name} has the value {twice[0]!r} twice: the same runs would be counted as if they were others."
        )


def _check_function(function: Callable, grid: Mapping[str, Sequence]) -> None:
    if not callable(function):
        raise TypeError(f"a sweep runs a function, got {function!r}.")
    try:
        inspect.signature(function).bind(**dict.fromkeys(grid), seed=0)
    except TypeError as error:
        called = ", ".join(f"{name}=…" for name in [*grid, "seed"])
        raise TypeError(f"the sweep calls the function with {called}, which it does not take: {error}.") from None


def _describe(failures: dict[int, str], runs: list[dict], table: pd.DataFrame, folder: Path | None) -> str:
    """What failed, and with what: each run in a line, and how the first came to it."""
    said = {n: text.strip().splitlines()[-1] for n, text in failures.items()}
    lines = [
        f"  {', '.join(f'{name}={value!r}' for name, value in runs[n].items())}: {said[n]}" for n in sorted(said)[:10]
    ]
    more = [f"  … and {len(said) - 10} more"] if len(said) > 10 else []
    kept = "are kept in the folder" if folder else "are in the attribute finished of this error"
    heading = f"{len(said)} of {len(runs)} runs failed; the others {kept}."
    return "\n".join([heading, *lines, *more, "", "The first of them:", failures[min(failures)]])
