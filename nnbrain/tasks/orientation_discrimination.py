"""Fine discrimination of orientation, the task of perceptual learning: is a noisy grating tilted clockwise of a reference?"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from nnbrain.arguments import at_least_zero, number, positive_integer, shape_of_image, spatial_frequencies
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit
from nnbrain.tasks.gratings import grating


class OrientationDiscrimination(Task):
    """Say whether a noisy grating is tilted clockwise (0) or counter-clockwise (1) of a reference; the right answer earns 1.

    s = ½ + ½ · contrast · cos(2π f u + φ) + σ ξ, u being the distance from the middle, across the bars

    Each trial has an offset from the list, a side, a phase φ and noise ξ (standard normal in each pixel) of its own, all drawn
    at random.

    Batches have ``inputs`` around ½, ``targets`` 0 or 1, ``rewards``, trials × 2: 1 for the right answer and 0 for the wrong
    one; and ``conditions``: ``"offset"``, the orientation minus the reference in degrees, ``"orientation"`` from 0 to below
    180, and ``"phase"``, both in degrees.

    Parameters
    ----------
    image_shape : tuple of int
        (height, width) in pixels.
    reference : float
        In degrees, as in `Gratings`: 0 for horizontal bars, 90 for vertical ones, 45 for bars that rise to the right.
    offsets : sequence of float
        How far from the reference, in degrees above 0 and below 90; each comes with both signs.
    frequency : float
        f, in cycles per pixel, up to ½.
    contrast : float
        From 0 (grey) to 1 (from black to white).
    sigma : float
        σ, the standard deviation of the noise in each pixel.
    flatten : bool
        Whether inputs are vectors, trials × pixels, or images, trials × 1 × height × width.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Framework, Figure 4 (the task); Schoups et al. 2001.

    Examples
    --------
    >>> task = OrientationDiscrimination((16, 16), reference=45, offsets=[5, 10])
    >>> batch = task.sample(32)
    >>> batch.inputs.shape, batch.rewards.shape
    (torch.Size([32, 1, 16, 16]), torch.Size([32, 2]))
    """

    def __init__(
        self,
        image_shape: tuple[int, int],
        *,
        reference: float = 45.0,
        offsets: Sequence[float] = (4.0, 8.0, 16.0),
        frequency: float = 0.125,
        contrast: float = 1.0,
        sigma: float = 0.5,
        flatten: bool = False,
    ):
        self.image_shape = shape_of_image(image_shape, "height, width")
        self.reference = number(reference)
        if not 0 <= self.reference < 180:
            raise ValueError(f"reference, in degrees, lies from 0 to below 180, got {reference!r}.")
        self.offsets = _offsets(offsets)
        (self.frequency,) = spatial_frequencies([frequency])
        self.contrast, self.sigma = number(contrast), at_least_zero(sigma, "sigma, the noise in each pixel,")
        if not 0 <= self.contrast <= 1:
            raise ValueError(f"contrast lies between 0 and 1, got {contrast!r}.")
        self.flatten = bool(flatten)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials, generator = positive_integer(trials, "trials"), generator or torch.default_generator
        strength = torch.tensor(self.offsets)[torch.randint(len(self.offsets), (trials,), generator=generator)]
        side = torch.randint(2, (trials,), generator=generator)
        offset = strength * (2 * side - 1)
        orientation = (self.reference + offset) % 180
        phase = 360 * torch.rand(trials, generator=generator)
        conditions = {"offset": offset, "orientation": orientation, "phase": phase}
        rewards = torch.nn.functional.one_hot(side, 2).float()
        images = self._shown(orientation, phase, generator)
        return Batch(images, side, rewards=rewards, conditions=conditions).to(device())

    def stimuli(self, orientation: Tensor, generator: Generator | None = None) -> Tensor:
        """Gratings of any orientations, with phases and noise as in the task: what tuning curves are measured with.

        Parameters
        ----------
        orientation : Tensor
            (trials,) in degrees.
        generator : torch.Generator, optional
            A generator on the CPU; torch's own by default.

        Returns
        -------
        Tensor
            Inputs for a network, trials first.

        Raises
        ------
        ValueError
            If the orientations are no list of finite numbers.
        """
        orientation = torch.as_tensor(orientation, dtype=torch.float32).cpu()
        if orientation.ndim != 1 or len(orientation) == 0 or not torch.isfinite(orientation).all():
            raise ValueError(
                f"orientation should be one finite number of degrees a trial, got shape {tuple(orientation.shape)}."
            )
        generator = generator or torch.default_generator
        phase = 360 * torch.rand(len(orientation), generator=generator)
        return self._shown(orientation, phase, generator).to(device())

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: the larger output is on the right side; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        return outputs.argmax(-1) == batch.targets

    def ideal_choice(self, batch: Batch, phases: int = 64) -> Tensor:
        """What an ideal observer answers, who knows everything but the orientation and the phase: the ceiling of accuracy.

        P(x | side) ∝ Σ exp(−|x − s|² / 2σ²), summed over the offsets of that side and a grid of phases

        Parameters
        ----------
        batch : Batch
        phases : int
            How many phases, evenly spaced, stand for all of them.

        Returns
        -------
        Tensor of int
            (trials,): 0 for clockwise, 1 for counter-clockwise.

        Raises
        ------
        ValueError
            If there is no noise, so that any difference can be seen, or ``phases`` is not a positive integer.
        """
        if self.sigma == 0:
            raise ValueError(
                "without noise (sigma = 0) an ideal observer is always right: there is nothing to compute."
            )
        phases = positive_integer(phases, "phases")
        offsets = torch.tensor([-offset for offset in self.offsets] + list(self.offsets))
        orientation = (self.reference + offsets).repeat_interleave(phases)
        phase = (360 * torch.arange(phases) / phases).repeat(len(offsets))
        templates = self._noise_free(orientation, phase).flatten(1).to(batch.inputs)  # templates × pixels
        x = batch.inputs.flatten(1)
        if x.shape[1] != templates.shape[1]:
            raise ValueError(
                f"this task shows images of {self.image_shape} pixels, got inputs of shape {tuple(batch.inputs.shape)}: give a "
                "batch of this task."
            )
        # |x|² is the same for all templates, and drops out
        evidence = (x @ templates.T - templates.square().sum(1) / 2) / self.sigma**2
        sides = evidence.view(len(x), 2, -1).logsumexp(2)  # trials × sides
        return sides.argmax(1)

    def _noise_free(self, orientation: Tensor, phase: Tensor) -> Tensor:
        """Trials × height × width."""
        f = torch.full_like(orientation, self.frequency)
        return 0.5 + 0.5 * self.contrast * grating(self.image_shape, orientation, f, phase)

    def _shown(self, orientation: Tensor, phase: Tensor, generator: Generator) -> Tensor:
        images = self._noise_free(orientation, phase)
        images = images + self.sigma * torch.randn(images.shape, generator=generator)
        return images.flatten(1) if self.flatten else images.unsqueeze(1)


def _offsets(values: Sequence[float]) -> tuple[float, ...]:
    try:
        offsets = tuple(number(value) for value in values)
    except TypeError:
        raise ValueError(
            f"offsets should be a sequence of degrees, got {values!r}: a single one is [{values!r}]."
        ) from None
    if not offsets or not all(0 < offset < 90 for offset in offsets):
        raise ValueError(
            f"offsets lie above 0 and below 90 degrees, got {values!r}: each comes with both signs, and 90 degrees clockwise is "
            "90 degrees counter-clockwise."
        )
    return offsets
