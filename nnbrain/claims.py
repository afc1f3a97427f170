"""Statements about results: shown to the reader, enforced, and recorded over many seeds.

``python -m nnbrain.claims 01 --seeds 20`` runs chapter 01 with seeds 0 to 19 and writes every claim of every seed to
``tests/claims/01.csv``. A bound comes from theory or from the paper, or lies three standard deviations from the mean over seeds.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

SOURCES = {"seeds": "3 s.d. over seeds", "theory": "theory", "paper": "the paper"}
COLUMNS = ["seed", "claim", "value", "above", "below", "source"]
_RECORD = "NNBRAIN_CLAIMS_RECORD"  # the file that a notebook under measurement appends its claims to


class ClaimFailed(AssertionError):
    """A value lies outside the bound that the text claims for it."""


def claim(
    statement: str,
    value: float | Tensor,
    *,
    above: float | None = None,
    below: float | None = None,
    source: str = "seeds",
) -> None:
    """State a result: print the value beside its bound, and fail if it lies outside.

    Parameters
    ----------
    statement : str
        What is claimed, in the words of the text: "held-out accuracy".
    value : float or Tensor of one entry
        What was found.
    above, below : float, optional
        The bounds, not included; at least one.
    source : {"seeds", "theory", "paper"}
        Where the bound comes from; "seeds": it lies three standard deviations from the mean over 20 seeds, or further.

    Raises
    ------
    ClaimFailed
        If the value is not within the bounds, or is not a number.
    ValueError
        If there is no bound or the source is unknown.

    Examples
    --------
    >>> claim("held-out accuracy", 0.975, above=0.95)
    ✓ held-out accuracy: 0.975 > 0.95 (3 s.d. over seeds)
    """
    if above is None and below is None:
        raise ValueError("a claim needs a bound: above=…, below=…, or both.")
    if source not in SOURCES:
        raise ValueError(f"source is one of {', '.join(SOURCES)}, got {source!r}.")
    value = float(value.detach() if isinstance(value, Tensor) else value)
    row = {"claim": statement, "value": value, "above": above, "below": below, "source": source}
    holds = _holds(row)
    line = f"{statement}: {_inequality(value, above, below)} ({SOURCES[source]})"
    print(("✓ " if holds else "✗ ") + line)
    if os.environ.get(_RECORD):  # measuring: keep going, so that every claim of the chapter is seen
        with Path(os.environ[_RECORD]).open("a") as file:
            file.write(json.dumps(row) + "\n")
    elif not holds:
        raise ClaimFailed(f"this does not hold: {line}")


def _holds(row: dict) -> bool:
    return (
        bool(np.isfinite(row["value"]))
        and (row["above"] is None or row["value"] > row["above"])
        and (row["below"] is None or row["value"] < row["below"])
    )


def _inequality(value: float, above: float | None, below: float | None) -> str:
    left = "" if above is None or below is None else f"{above:g} < "
    right = f" > {above:g}" if below is None else f" < {below:g}"
    return f"{left}{value:.4g}{right}"


def measure(notebook: Path, seeds: Iterable[int], jobs: int = 2) -> list[dict]:
    """Run a notebook with each seed and collect its claims.

    Parameters
    ----------
    notebook : Path
    seeds : iterable of int
    jobs : int
        Notebooks side by side, each on one thread.

    Returns
    -------
    list of dict
        A row for each seed and claim, with the keys `COLUMNS`, in the order of the notebook.

    Raises
    ------
    RuntimeError
        If a notebook fails for another reason than a claim, or makes a claim for some seeds only.
    """
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    seeds = list(seeds)
    runs = Parallel(n_jobs=jobs, return_as="generator")(delayed(_run)(notebook, seed) for seed in seeds)
    rows = [row for run in tqdm(runs, total=len(seeds), unit="seed") for row in run]
    counts = {}
    for row in rows:
        counts.setdefault(row["claim"], []).append(row["seed"])
    uneven = [name for name, made in counts.items() if sorted(made) != sorted(seeds)]
    if uneven:
        raise RuntimeError(f"every claim should be made exactly once for each seed; these are not: {uneven}")
    return rows


def _run(notebook: Path, seed: int) -> list[dict]:
    import tempfile

    import nbformat
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "claims.jsonl"
        record.touch()
        environment = os.environ | {"NNBRAIN_SEED": str(seed), _RECORD: str(record), "OMP_NUM_THREADS": "1"}
        client = NotebookClient(
            nbformat.read(notebook, as_version=4),
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(notebook.parent)}},
        )
        try:
            client.execute(env=environment)
        except Exception as error:
            raise RuntimeError(f"{notebook.name} with seed {seed}: {error}") from error
        return [{"seed": seed} | json.loads(line) for line in record.read_text().splitlines()]


def summarize(rows: list[dict]) -> list[dict]:
    """What many seeds say about each claim.

    Parameters
    ----------
    rows : list of dict
        From `measure` or `read_csv`.

    Returns
    -------
    list of dict
        A row for each claim: "mean", "sd", "lowest", "highest" of its values, how many "fail" the bound, and "margin", the
        distance from the mean to the nearer bound in standard deviations.
    """
    by_claim: dict[str, list[dict]] = {}
    for row in rows:
        by_claim.setdefault(row["claim"], []).append(row)
    return [_summary(name, group) for name, group in by_claim.items()]


def _summary(name: str, group: list[dict]) -> dict:
    values = np.array([row["value"] for row in group])
    mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    bound = {key: group[0][key] for key in ("above", "below", "source")}
    room = min(
        mean - bound["above"] if bound["above"] is not None else np.inf,
        bound["below"] - mean if bound["below"] is not None else np.inf,
    )
    margin = room / sd if sd > 0 else float(np.copysign(np.inf, room))
    spread = {"mean": mean, "sd": sd, "lowest": float(values.min()), "highest": float(values.max())}
    return {"claim": name, **bound, **spread, "fail": sum(not _holds(row) for row in group), "margin": margin}


def write_csv(rows: list[dict], path: Path) -> None:
    """Write the rows of `measure` as a table."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "value": f"{row['value']:.6g}"} for row in rows)


def read_csv(path: Path) -> list[dict]:
    """Read the rows that `write_csv` wrote."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    number = {"seed": int, "value": float, "above": float, "below": float}
    return [{k: (number.get(k, str)(v) if v != "" else None) for k, v in row.items()} for row in rows]


def main(arguments: list[str] | None = None) -> int:
    """The command line: ``python -m nnbrain.claims 01 --seeds 20``."""
    parser = argparse.ArgumentParser(
        prog="python -m nnbrain.claims", description="Check a chapter's claims over many seeds."
    )
    parser.add_argument("chapter", help="the chapter's number, 01 for instance")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from 0 (default: 20)")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks side by side (default: 2)")
    parser.add_argument("--notebooks", type=Path, default=Path("notebooks"), help="their folder (default: notebooks)")
    parser.add_argument(
        "--output", type=Path, default=Path("tests/claims"), help="folder of the table (default: tests/claims)"
    )
    options = parser.parse_args(arguments)
    found = sorted(options.notebooks.glob(f"{options.chapter}_*.ipynb"))
    if len(found) != 1:
        parser.error(
            f"{options.notebooks.resolve()} holds {len(found)} notebooks {options.chapter}_*.ipynb; run from the checkout."
        )
    if options.seeds < 1 or options.jobs < 1:
        parser.error("--seeds and --jobs should be at least 1.")
    rows = measure(found[0].resolve(), range(options.seeds), options.jobs)
    if not rows:
        parser.error(f"{found[0].name} makes no claims.")
    options.output.mkdir(parents=True, exist_ok=True)
    write_csv(rows, options.output / f"{options.chapter}.csv")
    summary = summarize(rows)
    print(_table(summary))
    return int(any(weak(row) for row in summary))


def weak(row: dict) -> bool:
    """Whether a claim of `summarize` is too bold: it failed for a seed, or its bound lies too near to what seeds scatter over."""
    return row["fail"] > 0 or (row["source"] == "seeds" and row["margin"] < 3)


def _table(summary: list[dict]) -> str:
    lines = [f"{'mean':>10} {'sd':>9} {'lowest':>10} {'highest':>10} {'above':>8} {'below':>8} {'margin':>7}  claim"]
    for row in summary:
        bounds = [f"{row[k]:>8.4g}" if row[k] is not None else " " * 8 for k in ("above", "below")]
        spread = f"{row['mean']:>10.4g} {row['sd']:>9.2g} {row['lowest']:>10.4g} {row['highest']:>10.4g}"
        verdict = f"  ← fails for {row['fail']} seeds" if row["fail"] else "  ← within 3 sd" if weak(row) else ""
        lines.append(f"{spread} {' '.join(bounds)} {row['margin']:>7.1f}  {row['claim']} [{row['source']}]{verdict}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
