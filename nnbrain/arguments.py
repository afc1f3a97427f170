"""Checks of arguments that several rooms share: bad input is refused at the door, with a sentence."""

import math
import operator
from typing import Any


def positive_integer(value: Any, name: str) -> int:
    """A positive integer of any type (numpy's, for instance) as Python's, or a ValueError that says what was given."""
    return _integer(value, name, 1, "a positive integer")


def count(value: Any, name: str) -> int:
    """An integer from 0 up of any type as Python's, or a ValueError that says what was given."""
    return _integer(value, name, 0, "an integer from 0 up")


def _integer(value: Any, name: str, least: int, wanted: str) -> int:
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} should be {wanted}, got {value!r}.")
    return number


def positive_integers(values: Any, name: str) -> list[int]:
    """A sequence of positive integers of any type as a list of Python's, or a ValueError that says what was given."""
    try:
        members = list(values)
    except TypeError:
        raise ValueError(
            f"{name} should be a sequence of positive integers, got {values!r}: a single one is [{values!r}]."
        ) from None
    return [positive_integer(value, f"each of {name}") for value in members]


def shape_of_image(values: Any, parts: str) -> tuple[int, ...]:
    """The shape of an image as a tuple; ``parts`` says of what, "channels, height, width" for instance."""
    try:
        shape = tuple(values)
    except TypeError:
        shape = ()
    if len(shape) != len(parts.split(", ")):
        raise ValueError(f"image_shape is ({parts}), got {values!r}.")
    return tuple(positive_integers(shape, "image_shape"))


def spatial_frequencies(values: Any) -> list[float]:
    """Spatial frequencies in cycles per pixel as a list; refused outside of the range that pixels can show."""
    try:
        frequencies = [number(value) for value in values]
    except TypeError:
        raise ValueError(f"frequencies should be a sequence, got {values!r}: a single one is [{values!r}].") from None
    if not frequencies or not all(0 < f <= 0.5 for f in frequencies):
        raise ValueError(f"spatial frequencies lie above 0 and at or below 0.5 cycles per pixel, got {values!r}.")
    return frequencies


def positive(value: Any, name: str) -> float:
    """A positive, finite number of any type as Python's, or a ValueError that says what was given."""
    if not 0 < number(value) < math.inf:
        raise ValueError(f"{name} should be a positive number, got {value!r}.")
    return number(value)


def at_least_zero(value: Any, name: str) -> float:
    """A finite number from 0 up of any type as Python's, or a ValueError that says what was given."""
    if not 0 <= number(value) < math.inf:
        raise ValueError(f"{name} should be a number from 0 up, got {value!r}.")
    return number(value)


def number(value: Any) -> float:
    """A real number of any type as Python's; NaN, which no comparison holds for, where it is none."""
    try:
        return math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan
