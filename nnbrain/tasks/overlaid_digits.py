"""Two handwritten digits, one over the other: what attention to one of them is good for."""

import torch
from torch import Generator, Tensor

from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, FiniteTask
from nnbrain.tasks.digits import Digits

OVERLAYS = {"max": torch.maximum, "mean": lambda first, second: (first + second) / 2}


class OverlaidDigits(FiniteTask):
    """Say whether a cued digit is one of the two that an image shows, one over the other; in half of the trials it is.

    The image alone is the input: how the cue acts on a network is up to the experimenter. A classifier of single digits can be
    asked as it is: the output for the cued digit is its `evidence`, from which `signal_detection` tells sensitivity and bias.

    Batches have ``inputs`` from 0 (paper) to 1 (ink); ``targets``, 1 for yes and 0 for no; and ``conditions``: ``"cued"``,
    ``"first"`` and ``"second"``, the digits from 0 to 9; and ``"present"``, of booleans. `sample` draws the first digit without
    replacement and lays another, of a different class, over it; if the cued digit is there, it is either of them alike, and if
    not, any of the other eight. `all` gives every image once as the first, with a second and a cue that are always the same.

    Parameters
    ----------
    split, source : str
        Which digits; see `Digits`.
    overlay : {"max", "mean"}
        Each pixel is the darker of the two, so that both keep their ink; or their mean, as if both were transparent.
    flatten : bool
        Whether inputs are vectors, trials × pixels, or images, trials × 1 × height × width.

    Attributes
    ----------
    image_shape : tuple of int
        (height, width).

    Raises
    ------
    ValueError
        If the split, the source or the overlay is unknown.
    nnbrain.data.DataError
        If MNIST cannot be had.

    Source: Primer, section 5.2 (Attention); Lindsay & Miller 2018.

    Examples
    --------
    >>> task = OverlaidDigits("test")
    >>> batch = task.all()
    >>> evidence = task.evidence(classifier(batch.inputs), batch)
    >>> signal_detection(evidence, batch.conditions["present"]).auc
    """

    def __init__(self, split: str = "train", source: str = "digits", *, overlay: str = "max", flatten: bool = False):
        if overlay not in OVERLAYS:
            raise ValueError(f"overlay is 'max' or 'mean', got {overlay!r}.")
        digits = Digits(split, source, flatten=flatten)
        self.overlay, self.image_shape = overlay, digits.image_shape
        everything = digits.all()
        super().__init__(everything.inputs, everything.targets, everything.conditions)
        labels = everything.targets.cpu()
        self._by_digit = labels.argsort(stable=True)
        self._counts = labels.bincount(minlength=10)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw first digits without replacement within an epoch, each with a second and a cue of its own; see `Task.sample`."""
        return self._overlay(super().sample(trials, generator), generator or torch.default_generator)

    def all(self) -> Batch:
        """Every digit once as the first, with a second and a cue that were drawn once and for all: a copy, which you may change."""
        return self._overlay(super().all(), torch.Generator().manual_seed(0))

    def evidence(self, outputs: Tensor, batch: Batch) -> Tensor:
        """What a classifier of digits says of the cued one: its output for it.

        Parameters
        ----------
        outputs : Tensor
            trials × 10, one for each digit.
        batch : Batch

        Returns
        -------
        Tensor
            (trials,)

        Raises
        ------
        ValueError
            If the outputs are not trials × 10.
        """
        if outputs.shape != (len(batch), 10):
            raise ValueError(
                f"the evidence is read from outputs for each digit, ({len(batch)}, 10), got {tuple(outputs.shape)}."
            )
        return outputs.gather(1, batch.conditions["cued"].unsqueeze(1)).squeeze(1)

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct, of outputs for no and yes: the larger is the answer; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs are not trials × 2, or not finite.
        """
        if outputs.shape != (len(batch), 2):
            raise ValueError(
                f"this task is answered by outputs for no and yes, ({len(batch)}, 2), got {tuple(outputs.shape)}. Of a classifier "
                "of digits take task.evidence(outputs, batch), and decide by a criterion: evidence > criterion."
            )
        return super().score(outputs, batch)

    def _overlay(self, batch: Batch, generator: Generator) -> Batch:
        """Trials made of the digits of a batch, each with another over it and a cue."""
        first = batch.targets.cpu()
        others = self._draw_others(first, generator)
        second = self._examples.targets.cpu()[others]
        inputs = OVERLAYS[self.overlay](batch.inputs, self._examples.inputs[others.to(device())])
        present, cued = _draw_cues(first, second, generator)
        conditions = {"cued": cued, "present": present, "first": first, "second": second}
        conditions = {name: condition.to(device()) for name, condition in conditions.items()}
        return Batch(inputs, conditions["present"].long(), conditions=conditions)

    def _draw_others(self, first: Tensor, generator: Generator) -> Tensor:
        """(trials,) numbers of examples that show another digit than these, all such examples equally likely."""
        own = self._counts[first]
        place = (torch.rand(len(first), generator=generator, dtype=torch.float64) * (len(self) - own)).long()
        start = (self._counts.cumsum(0) - self._counts)[first]  # of the digit itself, in the order of digits
        return self._by_digit[place + own * (place >= start)]


def _draw_cues(first: Tensor, second: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Whether the cued digit is there, in half of the trials (of an odd number, one more or less); and which it is."""
    trials = len(first)
    present = (torch.randperm(trials, generator=generator) + torch.randint(2, (), generator=generator)) % 2 == 0
    either = first.where(torch.rand(trials, generator=generator) < 0.5, second)
    lots = torch.rand(trials, 10, generator=generator).scatter_(1, torch.stack([first, second], 1), -1.0)
    return present, either.where(present, lots.argmax(1))
