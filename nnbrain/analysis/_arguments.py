"""Checks that analyses share: bad input is refused at the door, with a sentence."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def responses(value: Tensor, name: str, axes: str) -> Tensor:
    """The value, if it is a tensor of finite floating-point numbers with these axes ("stimuli × units"), each at least 1 long."""
    expected = f"{name} should be a tensor of floating-point numbers, {axes}"
    if not isinstance(value, Tensor):
        raise TypeError(f"{expected}, got {type(value).__name__}: torch.as_tensor makes one.")
    if not value.is_floating_point():
        raise TypeError(f"{expected}, got {value.dtype}: convert it with .float() or .double().")
    if value.ndim != axes.count("×") + 1 or 0 in value.shape:
        raise ValueError(f"{expected}, none of them empty, got shape {tuple(value.shape)}.")
    # The sum is the quicker test; but that of large numbers may overflow.
    if not torch.isfinite(value.sum()) and not torch.isfinite(value).all():
        raise ValueError(f"{name} has values that are NaN or infinite: leave these measurements out.")
    return value


def of_trials(given: Mapping[str, Tensor], name: str, activity: Tensor) -> dict[str, Tensor]:
    """What varies between trials (name → (trials,) values), on the device of activity (trials × …); refused unless it does vary."""
    if not isinstance(given, Mapping) or not given:
        raise TypeError(f"{name} should be a dict of name to (trials,) tensor, not empty, got {given!r}.")
    found, one = {}, name.removesuffix("s")
    for key, values in given.items():
        values = torch.as_tensor(values)
        if values.shape != activity.shape[:1]:
            raise ValueError(
                f"{one} {key!r} should have a value for each of the {len(activity)} trials, got shape {tuple(values.shape)}."
            )
        if not torch.isfinite(values).all():
            raise ValueError(f"{one} {key!r} is NaN or infinite in some trials: leave these out.")
        if values.min() == values.max():
            raise ValueError(f"{one} {key!r} is {values[0]} in all trials, so nothing can be said to change with it.")
        found[key] = values.to(activity.device)
    return found


def at_least(number: int, fewest: int, what: str) -> None:
    """Refuse too few of something."""
    if number < fewest:
        raise ValueError(f"expected at least {fewest} {what}, got {number}.")


def option(value: str, name: str, options: Iterable[str]) -> None:
    """Refuse what is none of the options, and list them."""
    if value not in (options := list(options)):
        listed = ", ".join(repr(one) for one in options[:-1]) + f" or {options[-1]!r}"
        raise ValueError(f"{name} should be {listed}, got {value!r}.")


def numbers(which: Tensor, most: int = 8) -> str:
    """The places where a (n,) tensor of booleans is true, for a message: "3, 7"; after the eighth, how many more."""
    found = which.nonzero().flatten().tolist()
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(str, found[:most])) + more


def double(value: Tensor) -> Tensor:
    """In double precision where the device has it (MPS has not)."""
    return value if value.device.type == "mps" else value.double()


def classes_of(labels: Tensor, trials: int | None, name: str = "labels") -> tuple[Tensor, Tensor]:
    """The labels as numbers from 0, and how often each occurs."""
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"{name} should be a tensor, (trials,), got {type(labels).__name__}: torch.as_tensor makes one."
        )
    if labels.ndim != 1 or len(labels) == 0 or (trials is not None and len(labels) != trials):
        wanted = "one for each trial" if trials is None else f"one for each of the {trials} trials"
        raise ValueError(f"{name} should be (trials,), {wanted}, got shape {tuple(labels.shape)}.")
    if labels.is_floating_point() and labels.isnan().any():
        raise ValueError(f"some {name} are NaN: leave these trials out.")
    return labels.unique(return_inverse=True, return_counts=True)[1:]
