"""The claims of a notebook over many seeds: measured, written as a table, and summed up."""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from nnbrain.claims.statement import RECORD, holds

COLUMNS = ["seed", "claim", "value", "above", "below", "source"]


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
    seeds = list(seeds)
    json.loads(notebook.read_text(encoding="utf-8"))  # IPython would pass over a broken file without a word
    runs = Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(_run)(notebook, seed) for seed in seeds)
    by_seed = dict(tqdm(runs, total=len(seeds), unit="seed"))
    rows = [row for seed in seeds for row in by_seed[seed]]
    made = Counter((row["seed"], row["claim"]) for row in rows)
    uneven = sorted({row["claim"] for row in rows if any(made[seed, row["claim"]] != 1 for seed in seeds)})
    if uneven:
        raise RuntimeError(f"every claim should be made exactly once for each seed; these are not: {uneven}")
    return rows


def _run(notebook: Path, seed: int) -> tuple[int, list[dict]]:
    """Run a notebook in a process of its own, without a Jupyter kernel: IPython runs notebooks as it runs scripts."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "claims.jsonl"
        record.touch()
        wanted = {
            "NNBRAIN_SEED": str(seed),
            RECORD: str(record),
            "OMP_NUM_THREADS": "1",
            "MPLBACKEND": "agg",
            "PYTHONUTF8": "1",
        }
        command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(notebook)]
        done = subprocess.run(
            command, env=os.environ | wanted, cwd=notebook.parent, capture_output=True, encoding="utf-8"
        )
        if done.returncode:
            raise RuntimeError(f"{notebook.name} fails with seed {seed}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return seed, [{"seed": seed} | json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


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
        if any(row[key] != by_claim[row["claim"]][0][key] for key in ("above", "below", "source")):
            raise ValueError(f"the bound of {row['claim']!r} changes with the seed; write it as a number.")
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
    return {"claim": name, **bound, **spread, "fail": sum(not holds(row) for row in group), "margin": margin}


def write_csv(rows: list[dict], path: Path) -> None:
    """Write the rows of `measure` as a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict]:
    """Read the rows that `write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    number = {"seed": int, "value": float, "above": float, "below": float}
    return [{k: (number.get(k, str)(v) if v != "" else None) for k, v in row.items()} for row in rows]


def weak(row: dict) -> bool:
    """Whether a claim of `summarize` is too bold: it failed for a seed, or its bound lies too near to what seeds scatter over."""
    return row["fail"] > 0 or (row["source"] == "seeds" and row["margin"] < 3)


def table(summary: list[dict]) -> str:
    """A summary as text, one line for each claim, the weak ones marked."""
    lines = [f"{'mean':>10} {'sd':>9} {'lowest':>10} {'highest':>10} {'above':>8} {'below':>8} {'margin':>7}  claim"]
    for row in summary:
        bounds = [f"{row[k]:>8.4g}" if row[k] is not None else " " * 8 for k in ("above", "below")]
        spread = f"{row['mean']:>10.4g} {row['sd']:>9.2g} {row['lowest']:>10.4g} {row['highest']:>10.4g}"
        verdict = f"  ← fails for {row['fail']} seeds" if row["fail"] else "  ← within 3 sd" if weak(row) else ""
        lines.append(f"{spread} {' '.join(bounds)} {row['margin']:>7.1f}  {row['claim']} [{row['source']}]{verdict}")
    return "\n".join(lines)
