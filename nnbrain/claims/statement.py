"""A single claim, as a notebook makes it."""

import json
import math
import os
from pathlib import Path

from torch import Tensor

SOURCES = {"seeds": "3 s.d. over seeds", "theory": "theory", "paper": "the paper"}
RECORD = "NNBRAIN_CLAIMS_RECORD"  # names the file that a notebook under measurement appends its claims to


class ClaimFailed(AssertionError):
    """A value lies outside the bound that the text claims for it."""

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows: the message alone, as the line that failed is printed above it."""
        return [f"ClaimFailed: {self}"]


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
    TypeError
        If the value is not one number.
    ValueError
        If there is no bound, no number could fulfil them, or the source is unknown.

    Examples
    --------
    >>> claim("held-out accuracy", 0.975, above=0.95)
    ✓ held-out accuracy: 0.975 > 0.95 (3 s.d. over seeds)
    """
    bounds = [None if bound is None else float(bound) for bound in (above, below)]
    above, below = bounds
    if bounds == [None, None]:
        raise ValueError("a claim needs a bound: above=…, below=…, or both.")
    if None not in bounds and above >= below:
        raise ValueError(f"nothing lies above {above:g} and below {below:g}.")
    if source not in SOURCES:
        raise ValueError(f"source is one of {', '.join(SOURCES)}, got {source!r}.")
    value = _number(value)
    row = {"claim": statement, "value": value, "above": above, "below": below, "source": source}
    kept = holds(row)
    line = f"{statement}: {_inequality(value, above, below)} ({SOURCES[source]})"
    print(("✓ " if kept else "✗ ") + line)
    if os.environ.get(RECORD):  # measuring: keep going, so that every claim of the chapter is seen
        with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    elif not kept:
        raise ClaimFailed(f"this does not hold: {line}")


def _number(value: float | Tensor) -> float:
    try:
        return float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"a claim is about one number, got {value!r}.") from error


def holds(row: dict) -> bool:
    """Whether a value lies within its bounds; not a number never does."""
    return (
        math.isfinite(row["value"])
        and (row["above"] is None or row["value"] > row["above"])
        and (row["below"] is None or row["value"] < row["below"])
    )


def _inequality(value: float, above: float | None, below: float | None) -> str:
    left = "" if above is None or below is None else f"{above:g} < "
    right = f" > {above:g}" if below is None else f" < {below:g}"
    return f"{left}{value:.4g}{right}"
