"""Digits that come two by two: the usual test of whether a network forgets what it learned first."""

import torch

from nnbrain.arguments import number
from nnbrain.tasks.base import FiniteTask
from nnbrain.tasks.digits import Digits

PAIRS = 5
SCENARIOS = ("task", "domain", "class")


class SplitDigits(FiniteTask):
    """Tell two digits apart, 2k from 2k + 1: the five pairs k = 0 … 4 are five tasks, to be learned one after the other.

    What a network must know at the end depends on the scenario (van de Ven & Tolias 2019):

    - "task": it is told which pair it sees, by a cue, and answers with 0 or 1. With the cue a `MultiHeadMLP` has
      separate outputs for each pair.
    - "domain": the same without the cue: 0 for even digits, 1 for odd ones, all pairs share two outputs.
    - "class": it is not told the pair, and says which of the ten digits it is: all pairs share ten outputs.

    Parameters
    ----------
    pair : int
        k, 0 to 4.
    split, source : str
        Which images; see `Digits`.
    scenario : {"task", "domain", "class"}

    Attributes
    ----------
    digits : tuple of int
        (2k, 2k + 1).
    image_shape : tuple of int
        (height, width).

    Batches have ``inputs`` from 0 (paper) to 1 (ink), trials × pixels, followed in the scenario "task" by the cue, 5 numbers that
    are 0 but for a 1 at k; ``targets`` 0 or 1, in the scenario "class" the digits; ``conditions``: ``"digit"`` and ``"pair"``.

    Raises
    ------
    ValueError
        If the pair, the scenario, the split or the source is unknown.
    nnbrain.data.DataError
        If MNIST cannot be had.

    Source: Zenke, Poole & Ganguli 2017 (split MNIST); van de Ven & Tolias 2019 (scenarios).

    Examples
    --------
    >>> SplitDigits(3).sample(32).inputs.shape  # 64 pixels and the cue
    torch.Size([32, 69])
    """

    def __init__(self, pair: int, split: str = "train", scenario: str = "task", source: str = "digits"):
        if not number(pair).is_integer() or not 0 <= pair < PAIRS:
            raise ValueError(f"pair is 0 to {PAIRS - 1}, for the digits (0, 1) to (8, 9); got {pair!r}.")
        if scenario not in SCENARIOS:
            raise ValueError(f"scenario is 'task', 'domain' or 'class', got {scenario!r}.")
        digits = Digits(split, source)
        self.pair, self.scenario, self.image_shape = int(pair), scenario, digits.image_shape
        self.digits = (2 * self.pair, 2 * self.pair + 1)
        everything = digits.all()
        batch = everything[everything.targets // 2 == self.pair]
        inputs, digit = batch.inputs, batch.targets
        if scenario == "task":
            cue = torch.nn.functional.one_hot(digit // 2, PAIRS).to(inputs)
            inputs = torch.cat([inputs, cue], dim=1)
        super().__init__(inputs, digit if scenario == "class" else digit % 2, {"digit": digit, "pair": digit // 2})
