"""Handwritten digits at varying places: what recognition must put up with, and what convolution is made for."""

import torch
from torch import Generator, Tensor

from nnbrain.arguments import number, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, FiniteTask
from nnbrain.tasks.digits import Digits


class ShiftedDigits(FiniteTask):
    """Say which digit an image shows, wherever it stands: digits on a larger, empty canvas, each moved at random.

    Parameters
    ----------
    split, source : str
        Which digits; see `Digits`.
    margin : int
        Empty pixels on each side of a digit that stands in the middle.
    shift : int, optional
        The largest shift in pixels, up and down, left and right; as large as the margin by default, and never larger, so that
        no ink is lost. 0 keeps all digits in the middle.
    flatten : bool
        Whether inputs are vectors, trials × pixels, or images, trials × 1 × height × width.

    Attributes
    ----------
    image_shape : tuple of int
        (height, width) of the canvas.

    Batches have ``inputs`` from 0 (paper) to 1 (ink), ``targets`` the digits as integers, and ``conditions``: ``"digit"``,
    ``"down"`` and ``"right"``, the shift in pixels. `sample` draws digits without replacement and shifts anew; `all` gives every
    digit once, at a place that is always the same; `at` moves all of them alike.

    Raises
    ------
    ValueError
        If the split or the source is unknown, or the shift does not lie between 0 and the margin.
    nnbrain.data.DataError
        If MNIST cannot be had.

    Examples
    --------
    >>> ShiftedDigits("train", margin=4).sample(32).inputs.shape
    torch.Size([32, 1, 16, 16])
    """

    def __init__(
        self,
        split: str = "train",
        source: str = "digits",
        *,
        margin: int = 4,
        shift: int | None = None,
        flatten: bool = False,
    ):
        digits = Digits(split, source, flatten=False)
        self.margin = positive_integer(margin, "margin")
        self.shift = self.margin if shift is None else _shift(shift, self.margin)
        self.flatten = flatten
        self.image_shape = tuple(n + 2 * self.margin for n in digits.image_shape)
        everything = digits.all()
        super().__init__(everything.inputs, everything.targets, everything.conditions)
        self._places = self._draw_places(len(self), torch.Generator().manual_seed(0))

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw digits without replacement within an epoch, each with a shift of its own; see `Task.sample`."""
        batch = super().sample(trials, generator)
        return self._place(batch, self._draw_places(len(batch), generator or torch.default_generator))

    def all(self) -> Batch:
        """Every digit once, each at a place that was drawn once and for all: a copy, which you may change."""
        return self._place(super().all(), self._places.clone())

    def at(self, down: int, right: int) -> Batch:
        """Every digit, all moved alike.

        Parameters
        ----------
        down, right : int
            The shift in pixels; negative for up and left. At most the margin, but it may be larger than the task's own shift.

        Returns
        -------
        Batch

        Raises
        ------
        ValueError
            If the shift is no whole number of pixels, or ink would be lost.
        """
        if not (number(down).is_integer() and number(right).is_integer()):
            raise ValueError(f"a shift is a whole number of pixels down and right, got ({down!r}, {right!r}).")
        if max(abs(down), abs(right)) > self.margin:
            raise ValueError(f"a shift of ({down}, {right}) is larger than the margin of {self.margin} pixels.")
        return self._place(super().all(), torch.tensor([[int(down), int(right)]]).repeat(len(self), 1))

    def _draw_places(self, trials: int, generator: Generator) -> Tensor:
        """Trials × 2: how far down and how far right."""
        return torch.randint(-self.shift, self.shift + 1, (trials, 2), generator=generator)

    def _place(self, batch: Batch, places: Tensor) -> Batch:
        """The digits of a batch on their canvases."""
        places = places.to(device())
        padded = torch.nn.functional.pad(batch.inputs.squeeze(1), [2 * self.margin] * 4)
        height, width = self.image_shape
        # What stands at row y of the canvas is row y + margin − down of the padded image; columns alike.
        rows = torch.arange(height, device=device()) + self.margin - places[:, :1]  # trials × height
        columns = torch.arange(width, device=device()) + self.margin - places[:, 1:]  # trials × width
        trial = torch.arange(len(batch), device=device())
        canvas = padded[trial[:, None, None], rows[:, :, None], columns[:, None, :]].unsqueeze(1)
        conditions = {**batch.conditions, "down": places[:, 0], "right": places[:, 1]}
        return Batch(canvas.flatten(1) if self.flatten else canvas, batch.targets, conditions=conditions)


def _shift(shift: int, margin: int) -> int:
    if not number(shift).is_integer() or not 0 <= shift <= margin:
        raise ValueError(f"shift is a whole number of pixels from 0 to the margin, {margin}; got {shift!r}.")
    return int(shift)
