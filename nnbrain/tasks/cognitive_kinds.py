"""The twenty cognitive tasks of Yang et al. 2019: of which epochs they are made, what they show, and which response is right."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from nnbrain.tasks.circle import distance

SHORT, DELAY = [200.0, 400.0, 600.0], [200.0, 400.0, 800.0, 1600.0]  # ms
STEPS = (0.01, 0.02, 0.04, 0.08)  # coherences, when both stimuli are there at once
WIDE_STEPS = (0.08, 0.16, 0.32)  # and when the first is to be remembered
FIRST, SECOND, BOTH = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)  # how much the strength in each modality counts


class Shown(NamedTuple):
    """A stimulus: in which epochs, where, and how strong in each modality.

    Parameters
    ----------
    epochs : tuple of str
    direction : Tensor
        (trials,) in radians.
    strength : Tensor
        trials × modalities.
    """

    epochs: tuple[str, ...]
    direction: Tensor
    strength: Tensor


class Kind(ABC):
    """What tasks of one kind have in common: how trials are drawn, what is shown, and which response is right.

    Attributes
    ----------
    epochs : dict of str to durations
        In ms, as for `TimedTask`; the last is the response.
    cue : bool
        Whether the fixation point goes off when the response is due. Without, the last stimulus is the sign.
    """

    epochs: Mapping[str, Any]
    cue: bool = True

    @abstractmethod
    def draw(self, trials: int, generator: Generator) -> dict[str, Tensor]:
        """Parameters of trials, each (trials,), drawn at random."""

    @abstractmethod
    def grid(self, directions: int) -> dict[str, Tensor]:
        """Parameters of trials that cover all kinds of stimuli evenly."""

    @abstractmethod
    def shown(self, p: Mapping[str, Tensor]) -> list[Shown]:
        """What trials with these parameters show."""

    @abstractmethod
    def response(self, p: Mapping[str, Tensor]) -> Tensor:
        """The right direction, (trials,) in radians; NaN where the eyes are to stay."""


@dataclass
class Reach(Kind):
    """Respond in the direction of the stimulus, or in the opposite one: Go and Anti.

    Parameters
    ----------
    epochs : dict
    visible : bool
        Whether the stimulus stays until the end; else it is to be remembered.
    opposite : bool
    cue : bool
    """

    epochs: Mapping[str, Any]
    visible: bool = True
    opposite: bool = False
    cue: bool = True

    def draw(self, trials: int, generator: Generator) -> dict[str, Tensor]:
        """A direction, and the modality in which it is shown."""
        return {"direction": _directions(trials, generator), "modality": _either(trials, generator)}

    def grid(self, directions: int) -> dict[str, Tensor]:
        """Every direction in each modality."""
        return _product(direction=_around(directions), modality=torch.arange(2))

    def shown(self, p: Mapping[str, Tensor]) -> list[Shown]:
        """One stimulus."""
        seen = ("stimulus", "response") if self.visible else ("stimulus",)
        when = tuple(name for name in seen if name in self.epochs)
        return [Shown(when, p["direction"], _in_one(p["modality"]))]

    def response(self, p: Mapping[str, Tensor]) -> Tensor:
        """The direction, or the one opposite to it."""
        return p["direction"] + math.pi * self.opposite


@dataclass
class Compare(Kind):
    """Respond in the direction of the stronger of two stimuli: decision making.

    Parameters
    ----------
    attend : tuple of float
        How much the strength in each modality counts: (1, 0), (0, 1), or (1, 1).
    both : bool
        Whether both modalities show the stimuli.
    delayed : bool
        Whether one stimulus comes after the other, not both at once.
    cue : bool
    coherences : tuple of float
        By how much a strength may differ from the mean of both, up or down; those of Yang et al. by default.
    """

    attend: tuple[float, float]
    both: bool = False
    delayed: bool = False
    cue: bool = True
    coherences: tuple[float, ...] = ()

    def __post_init__(self):
        self.coherences = self.coherences or (WIDE_STEPS if self.delayed else STEPS)

    @property
    def epochs(self) -> dict[str, Any]:
        """Two stimuli apart, or one epoch with both."""
        if self.delayed:
            shown = {"fixation": SHORT, "stimulus 1": SHORT, "delay": DELAY, "stimulus 2": SHORT}
            return {**shown, "wait": (100.0, 300.0), "response": 500.0}
        return {"fixation": (100.0, 400.0), "stimulus": [400.0, 800.0, 1600.0], "response": 500.0}

    @property
    def _coherences(self) -> Tensor:
        sizes = torch.tensor(self.coherences)
        return torch.cat([-sizes.flip(0), sizes])

    def draw(self, trials: int, generator: Generator) -> dict[str, Tensor]:
        """Two directions at least 90° apart; a mean strength and a coherence for each modality, or for both if they count alike."""
        apart = math.pi * (0.5 + torch.rand(trials, generator=generator))  # 90° to 270°
        p = {"direction": _directions(trials, generator), "apart": apart}
        for m in (1, 2):
            which = torch.randint(len(self._coherences), (trials,), generator=generator)
            p |= {
                f"mean {m}": 0.8 + 0.4 * torch.rand(trials, generator=generator),
                f"coherence {m}": self._coherences[which],
            }
        for s in (1, 2):  # how differently the modalities show stimulus s, where they are to be put together
            sign = 2.0 * _either(trials, generator) - 1
            p[f"split {s}"] = sign * (0.2 + 0.6 * torch.rand(trials, generator=generator))
        return p

    def grid(self, directions: int) -> dict[str, Tensor]:
        """Every direction with every pair of coherences, the second stimulus opposite to the first."""
        sizes = self._coherences
        one = torch.ones(1)
        split = torch.tensor([-0.5, 0.5]) if self.attend == BOTH else torch.zeros(1)
        second = sizes if self.both and self.attend != BOTH else torch.zeros(1)
        first, second = (second, sizes) if self.attend == SECOND and not self.both else (sizes, second)
        return _product(
            **{"direction": _around(directions), "apart": math.pi * one, "mean 1": one, "mean 2": one},
            **{"coherence 1": first, "coherence 2": second, "split 1": split, "split 2": split},
        )

    def shown(self, p: Mapping[str, Tensor]) -> list[Shown]:
        """Two stimuli, in the modality that counts or in both."""
        when = (("stimulus 1",), ("stimulus 2",)) if self.delayed else (("stimulus",), ("stimulus",))
        where = (p["direction"], p["direction"] + p["apart"])
        return [Shown(*parts) for parts in zip(when, where, self._strengths(p), strict=True)]

    def _strengths(self, p: Mapping[str, Tensor]) -> list[Tensor]:
        """Of each stimulus, trials × modalities."""
        strengths = []
        for s, sign in ((1, 1.0), (2, -1.0)):
            each = torch.stack([p[f"mean {m}"] + sign * p[f"coherence {m}"] for m in (1, 2)], 1)
            if self.attend == BOTH:  # the first is the mean of both modalities, which share it unevenly
                each = each[:, :1] * (1 + 0.5 * torch.stack([p[f"split {s}"], -p[f"split {s}"]], 1))
            elif not self.both:
                each = each * torch.tensor(self.attend)
            strengths.append(each)
        return strengths

    def response(self, p: Mapping[str, Tensor]) -> Tensor:
        """The direction of the stimulus that is stronger in what counts."""
        first, second = (strength @ torch.tensor(self.attend) for strength in self._strengths(p))
        return torch.where(first > second, p["direction"], p["direction"] + p["apart"])


@dataclass
class Match(Kind):
    """Respond in the direction of the second stimulus if it matches the first, or only if it does not.

    Parameters
    ----------
    categories : bool
        Whether directions match when they lie in the same half of the circle; else when they are equal.
    to_match : bool
        Whether to respond to a match, and to keep fixating otherwise; or the other way round.
    """

    categories: bool = False
    to_match: bool = True
    cue: bool = False

    @property
    def epochs(self) -> dict[str, Any]:
        """A sample, a delay, and the test stimulus, which is answered at once."""
        return {"fixation": SHORT, "sample": SHORT, "delay": DELAY, "response": 500.0}

    def draw(self, trials: int, generator: Generator) -> dict[str, Tensor]:
        """Two directions, half of them a match, and the modality of each."""
        modalities = {f"modality {s}": _either(trials, generator) for s in (1, 2)}
        if self.categories:
            ten = [torch.randint(10, (trials,), generator=generator) for _ in range(2)]
            return {f"direction {s}": math.pi * (0.1 + 0.2 * n) for s, n in zip((1, 2), ten, strict=True)} | modalities
        first, match = _directions(trials, generator), _either(trials, generator)
        apart = math.pi * (1 / 9 + 16 / 9 * torch.rand(trials, generator=generator))  # 20° to 340°
        return {"direction 1": first, "direction 2": (first + apart * (1 - match)) % (2 * math.pi)} | modalities

    def grid(self, directions: int) -> dict[str, Tensor]:
        """Every direction in each modality; all trials ask for a response, as in Yang et al."""
        p = _product(
            **{"direction 1": self._grid(directions), "modality 1": torch.arange(2), "modality 2": torch.arange(2)}
        )
        return p | {"direction 2": (p["direction 1"] + (not self.to_match) * math.pi) % (2 * math.pi)}

    def _grid(self, directions: int) -> Tensor:
        """Evenly around, away from the borders of the categories."""
        if not self.categories:
            return _around(directions)
        n = -(-directions // 2)
        half = 0.1 + 0.8 * torch.arange(n) / max(n - 1, 1)
        return math.pi * torch.cat([half, 1 + half])[:directions]

    def shown(self, p: Mapping[str, Tensor]) -> list[Shown]:
        """A stimulus as the sample, and one as the test."""
        when = ("sample",), ("response",)
        return [Shown(e, p[f"direction {s}"], _in_one(p[f"modality {s}"])) for s, e in zip((1, 2), when, strict=True)]

    def response(self, p: Mapping[str, Tensor]) -> Tensor:
        """The direction of the second, or none."""
        first, second = p["direction 1"], p["direction 2"]
        match = (first < math.pi) == (second < math.pi) if self.categories else distance(first, second) < 1e-4
        return second.where(match == self.to_match, math.nan)


_VISIBLE = {"fixation": (300.0, 700.0), "stimulus": (500.0, 1500.0), "response": 500.0}
_AT_ONCE = {"fixation": (500.0, 2500.0), "response": 500.0}
_REMEMBERED = {"fixation": [300.0, 500.0, 700.0], "stimulus": SHORT, "delay": DELAY, "response": 500.0}

COGNITIVE_TASKS: Mapping[str, Kind] = {
    "Go": Reach(_VISIBLE),
    "RT Go": Reach(_AT_ONCE, cue=False),
    "Dly Go": Reach(_REMEMBERED, visible=False),
    "Anti": Reach(_VISIBLE, opposite=True),
    "RT Anti": Reach(_AT_ONCE, opposite=True, cue=False),
    "Dly Anti": Reach(_REMEMBERED, visible=False, opposite=True),
    "DM1": Compare(FIRST),
    "DM2": Compare(SECOND),
    "Ctx DM1": Compare(FIRST, both=True),
    "Ctx DM2": Compare(SECOND, both=True),
    "MultSen DM": Compare(BOTH, both=True),
    "Dly DM1": Compare(FIRST, delayed=True),
    "Dly DM2": Compare(SECOND, delayed=True),
    "Ctx Dly DM1": Compare(FIRST, both=True, delayed=True),
    "Ctx Dly DM2": Compare(SECOND, both=True, delayed=True),
    "MultSen Dly DM": Compare(BOTH, both=True, delayed=True),
    "DMS": Match(),
    "DNMS": Match(to_match=False),
    "DMC": Match(categories=True),
    "DNMC": Match(categories=True, to_match=False),
}


def _directions(trials: int, generator: Generator) -> Tensor:
    return 2 * math.pi * torch.rand(trials, generator=generator)


def _either(trials: int, generator: Generator) -> Tensor:
    return torch.randint(2, (trials,), generator=generator)


def _around(directions: int) -> Tensor:
    return 2 * math.pi * torch.arange(directions) / directions


def _in_one(modality: Tensor) -> Tensor:
    """Strength 1 in one modality and 0 in the other, trials × modalities."""
    return torch.nn.functional.one_hot(modality, 2).float()


def _product(**values: Tensor) -> dict[str, Tensor]:
    """Every combination, one a trial."""
    rows = torch.meshgrid(*(torch.arange(len(v)) for v in values.values()), indexing="ij")
    return {name: v[row.flatten()] for (name, v), row in zip(values.items(), rows, strict=True)}
