"""Compare an answer with the right one, and say in words how it differs.

Shape, sign, scale, offset, order, off by one: the simplest relation that holds is named, never just that the answer is wrong.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

_TOLERANCE = 1e-4


class Wrong(AssertionError):
    """An answer to an exercise is not right yet; the message says in what way."""

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows: the message alone, without the check's own code."""
        return [f"✗ Not yet: {self}"]


def call(function: Callable, *arguments: Any, what: str) -> Any:
    """Call a student's function, and turn what goes wrong inside into feedback.

    Parameters
    ----------
    function : callable
    *arguments
        Given to it; tensors as copies, so that a function may work in place.
    what : str
        The function's name in messages, "softmax_delta".

    Returns
    -------
    Any
        What it returned, never None.

    Raises
    ------
    Wrong
        If it is not written yet, fails, or returns None.
    """
    if not callable(function):
        raise Wrong(f"{what} should be a function, got {type(function).__name__}: pass it without calling it.")
    try:
        answer = function(*(a.clone() if isinstance(a, torch.Tensor) else a for a in arguments))
    except NotImplementedError as error:
        raise Wrong(f"{what} is not written yet: replace the line that raises NotImplementedError.") from error
    except Exception as error:
        given = ", ".join(_describe(argument) for argument in arguments) or "nothing"
        raise Wrong(f"{what} fails when it is called with {given}. {type(error).__name__}: {error}") from error
    if answer is None:
        raise Wrong(f"{what} returns None: does it end with a return?")
    return answer


def compare(
    answer: Any,
    expected: Any,
    what: str,
    mistakes: Mapping[str, Any] | None = None,
    hints: Mapping[str, str] | None = None,
) -> None:
    """Say nothing if an answer is right, and how it is wrong if it is not.

    Parameters
    ----------
    answer : number, ndarray or Tensor
    expected : number, ndarray or Tensor
    what : str
        What it is called in messages, "the gradient".
    mistakes : dict of str to value, optional
        Typical wrong answers: what to say, and the value that the mistake gives (or several). They are tried before anything
        general, also those of another shape.
    hints : dict of str to str, optional
        What to add to a general diagnosis: keys "shape", "sign", "scale", "offset", "transposed", "shifted".

    Raises
    ------
    Wrong
    """
    hints = hints or {}
    got, want = _array(answer, what), _array(expected, what)
    if got.shape == want.shape and np.isfinite(got).all() and _close(got, want):
        return
    for message, value in (mistakes or {}).items():
        if any(wrong.shape == got.shape and _close(got, wrong) for wrong in _values(value, what)):
            raise Wrong(message)
    if got.shape != want.shape:
        raise Wrong(_with(_shapes(got, want, what), hints.get("shape")))
    if not np.isfinite(got).all():
        raise Wrong(
            f"{what} has values that are NaN or infinite: is something divided by zero, or a logarithm taken of 0?"
        )
    kind, message = next(_diagnoses(got, want, what))
    raise Wrong(_with(message, hints.get(kind)))


def passed(message: str) -> None:
    """Tell a student that the answer is right.

    Parameters
    ----------
    message : str
        Which exercise, and what it was good for.
    """
    print(f"✓ {message}")


def random_matrix(rows: int, columns: int) -> torch.Tensor:
    """Numbers that look random and are the same at every call, to try a student's function on.

    Parameters
    ----------
    rows, columns : int

    Returns
    -------
    Tensor of float64
        rows × columns.
    """
    generator = torch.Generator().manual_seed(rows * 100 + columns)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64)


def _diagnoses(got: np.ndarray, want: np.ndarray, what: str) -> Iterator[tuple[str, str]]:
    """The simple relations that hold between a wrong answer and the right one, the simplest first."""
    several = np.count_nonzero(want) > 1
    if np.any(want) and _close(0 * got, got, size=_size(want)):
        yield "zero", f"{what} is zero everywhere: is something multiplied by 0, or never filled in?"
    if _close(got, -want):
        yield "sign", f"{what} has the wrong sign: everything else is right."
    factor = float((got * want).sum() / (want * want).sum()) if np.any(want) else 0.0
    if several and factor and abs(factor - 1) > 0.01 and _close(got, factor * want):
        yield (
            "scale",
            f"{what} is {factor:.4g} times what it should be, everywhere: a factor is missing or one too many.",
        )
    constant = float((got - want).mean())
    if (
        several
        and abs(constant) > 0.01 * _size(want)
        and _close(got - want, np.full_like(want, constant), size=_size(want))
    ):
        yield "offset", f"{what} is {constant:+.4g} off everywhere: a constant is missing or one too many."
    if got.ndim == 2 and got.shape[0] == got.shape[1] and _close(got, want.T):
        yield "transposed", f"{what} is transposed: rows and columns are exchanged."
    for axis in range(got.ndim):
        for shift in (1, -1):
            ours, theirs = _overlap(got, want, axis, shift)
            if got.shape[axis] > 2 and not _close(*_overlap(want, want, axis, shift)) and _close(ours, theirs):
                place = f"entry i holds what entry i {'-+'[shift < 0]} 1 should"
                yield "shifted", f"{what} is off by one along dimension {axis}: {place}."
    yield "value", _first_difference(got, want, what)


def _first_difference(got: np.ndarray, want: np.ndarray, what: str) -> str:
    if got.size == 1:
        return f"{what} is {got.item():.8g}, it should be {want.item():.8g}."
    wrong = ~np.isclose(got, want, rtol=_TOLERANCE, atol=_TOLERANCE * _size(want))
    where = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else (0,) * got.ndim
    place = f"[{', '.join(map(str, where))}]"
    return (
        f"{what} is right in {got.size - int(wrong.sum())} of {got.size} entries; the first wrong one is {place}: "
        f"{got[where]:.5g}, it should be {want[where]:.5g}."
    )


def _overlap(got: np.ndarray, want: np.ndarray, axis: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """The parts that coincide if ``got`` lags ``want`` by ``shift``."""
    n = want.shape[axis]
    late, early = np.arange(1, n), np.arange(0, n - 1)
    ours, theirs = (late, early) if shift == 1 else (early, late)
    return np.take(got, ours, axis), np.take(want, theirs, axis)


def _shapes(got: np.ndarray, want: np.ndarray, what: str) -> str:
    message = f"{what} has shape {got.shape}, it should be {want.shape}"
    if got.shape == want.shape[::-1]:
        return message + ": it is transposed."
    if got.squeeze().shape == want.squeeze().shape:
        return message + ": a dimension of size 1 is missing or one too many."
    if want.shape and got.shape == want.shape[1:]:
        return message + ": the first dimension is gone; was something summed or averaged over it?"
    if got.shape[1:] == want.shape and got.shape:
        return message + ": the first dimension is still there; should it be summed or averaged over?"
    return message + "."


def _array(value: Any, what: str) -> np.ndarray:
    try:
        array = np.asarray(_detached(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"{what} should be a number or a tensor of numbers, got {_describe(value)}.") from error
    if array.dtype.kind not in "biuf":
        raise Wrong(f"{what} should be a number or a tensor of numbers, got {_describe(value)}.")
    return array.astype(float)


def _detached(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        dense = value.detach().cpu().to_dense() if value.is_sparse else value.detach().cpu()
        return (dense.double() if dense.is_floating_point() else dense).numpy()
    return [_detached(part) for part in value] if isinstance(value, list | tuple) else value


def _values(value: Any, what: str) -> list[np.ndarray]:
    """A mistake's value, or several of them in a list; none where the mistake is impossible here."""
    return [_array(one, what) for one in (value if isinstance(value, list) else [value]) if one is not None]


def _close(a: np.ndarray, b: np.ndarray, size: float | None = None) -> bool:
    return bool(np.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE * (_size(b) if size is None else size)))


def _size(x: np.ndarray) -> float:
    """How large the entries typically are: what "small" is measured against."""
    return min(1.0, float(np.abs(x).max(initial=0.0))) or 1.0


def _with(message: str, hint: str | None) -> str:
    return message if hint is None else f"{message} {hint}"


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"a {type(value).__name__.lower()} of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
