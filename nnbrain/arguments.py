"""Checks of arguments that several rooms share: bad input is refused at the door, with a sentence."""

import operator
from typing import Any


def positive_integer(value: Any, name: str) -> int:
    """A positive integer of any type (numpy's, for instance) as Python's, or a ValueError that says what was given."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 1:
        raise ValueError(f"{name} should be a positive integer, got {value!r}.")
    return number
