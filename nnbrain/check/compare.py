"""Compare an answer with the right one, and say in words how it differs: shape, sign, scale, offset, order, off by one."""

from collections.abc import Callable, Mapping
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
        Given to it as they are.
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
        answer = function(*arguments)
    except NotImplementedError as error:
        raise Wrong(f"{what} is not written yet: replace the line that raises NotImplementedError.") from error
    except Exception as error:
        given = ", ".join(_describe(argument) for argument in arguments)
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
        Typical wrong answers: what to say, and the value that the mistake gives. They are tried before anything general.
    hints : dict of str to str, optional
        What to add to a general diagnosis: keys "shape", "sign", "scale", "offset", "transposed", "shifted".

    Raises
    ------
    Wrong
    """
    hints = hints or {}
    got, want = _array(answer, what), _array(expected, what)
    if got.shape != want.shape:
        raise Wrong(_with(_shapes(got, want, what), hints.get("shape")))
    if not np.isfinite(got).all():
        raise Wrong(
            f"{what} has values that are NaN or infinite: is something divided by zero, or a logarithm taken of 0?"
        )
    if _close(got, want):
        return
    for message, value in (mistakes or {}).items():
        wrong = _array(value, what)
        if wrong.shape == got.shape and _close(got, wrong):
            raise Wrong(message)
    kind, message = _diagnose(got, want, what)
    raise Wrong(_with(message, hints.get(kind)))


def passed(message: str) -> None:
    """Tell a student that the answer is right.

    Parameters
    ----------
    message : str
        Which exercise, and what it was good for.
    """
    print(f"✓ {message}")


def _diagnose(got: np.ndarray, want: np.ndarray, what: str) -> tuple[str, str]:
    """The first simple relation between a wrong answer and the right one."""
    if _close(got, 0 * want):
        return "zero", f"{what} is zero everywhere: is something multiplied by 0, or never filled in?"
    if _close(got, -want):
        return "sign", f"{what} has the wrong sign: everything else is right."
    factor = float((got * want).sum() / (want * want).sum()) if np.any(want) else 0.0
    if np.count_nonzero(want) > 1 and factor and _close(got, factor * want):
        return (
            "scale",
            f"{what} is {factor:.4g} times what it should be, everywhere: a factor is missing or one too many.",
        )
    if got.size > 1 and _close(got - want, np.full_like(want, (got - want).mean())):
        return (
            "offset",
            f"{what} is {float((got - want).mean()):+.4g} off everywhere: a constant is missing or one too many.",
        )
    if got.ndim == 2 and got.shape[0] == got.shape[1] and _close(got, want.T):
        return "transposed", f"{what} is transposed: rows and columns are exchanged."
    for axis in range(got.ndim):
        n = got.shape[axis]
        for shift in (1, -1):
            if n > 2 and _close(*_overlap(got, want, axis, shift)):
                return (
                    "shifted",
                    f"{what} is off by one along dimension {axis}: entry i holds what entry i {'-+'[shift < 0]} 1 should.",
                )
    if got.size == 1:
        return "value", f"{what} is {got.item():.6g}, it should be {want.item():.6g}."
    wrong = ~np.isclose(got, want, rtol=_TOLERANCE, atol=_TOLERANCE * _size(want))
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"[{', '.join(map(str, where))}]"
    return "value", (
        f"{what} is right in {got.size - int(wrong.sum())} of {got.size} entries; the first wrong one is {place}: "
        f"{got[where]:.4g}, it should be {want[where]:.4g}."
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
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu()
        array = np.asarray(value)
        if array.dtype == object:
            raise TypeError
        return array.astype(float)
    except (TypeError, ValueError) as error:
        raise Wrong(f"{what} should be a number or a tensor of numbers, got {_describe(value)}.") from error


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE * _size(b)))


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
