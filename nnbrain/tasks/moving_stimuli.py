"""Moving stimuli: something moves across a small screen, and now and then does what could not be expected."""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor

from nnbrain.arguments import at_least_zero, number, positive, positive_integer, shape_of_image
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit


class MovingStimuli(Task):
    """Predict every frame of a film in which a blob or a bar moves at a constant speed; what leaves the screen comes back opposite.

    In some trials there is a surprise, once: from some step on the stimulus moves backwards ("reversal"), or it is elsewhere, at
    least a quarter of the screen away, and moves on from there ("jump"); or it cannot be seen for that one step ("omission").

    Batches have ``inputs``, trials × time × pixels, 0 where there is nothing and 1 in the middle of the stimulus, and noise; and
    ``targets`` of the same shape, the frames as they are shown. ``conditions`` are ``"direction"`` in degrees, 0 to the right, 90
    upwards; ``"speed"`` in pixels a step; ``"surprise"``, its number in ``surprise_names``; and ``"step"``, at which it happens, −1
    for never.

    Parameters
    ----------
    size : int or tuple of int
        Of the screen in pixels: one number for a square, or (height, width).
    stimulus : {"blob", "bar"}
        A Gaussian blob, or a bar across the direction of motion, as long as the screen.
    steps : int
        Frames of a trial.
    directions : int
        How many, evenly spaced over 360 degrees.
    speeds : sequence of float
        In pixels a step.
    width : float
        The standard deviation of the stimulus's profile, in pixels.
    surprises : dict of str to float, optional
        The share of trials with each surprise: ``{"jump": 0.2, "omission": 0.1}``. None by default.
    at : int or (int, int), optional
        The step of the surprise, or the first and the last of which one is drawn; by default the one in the middle. A reversed
        stimulus is in that frame for the first time where it was two frames before.
    noise : float
        The standard deviation of what is added to each pixel of each frame.
    ahead : {0, 1}
        Which frame is the target of step t: with 0 the one that is shown at t, for a network that predicts before it looks, such as
        `ErrorDrivenRNN`; with 1 the next one, for a network whose output follows its input, such as `RNN`.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs: as many as pixels.
    image_shape : tuple of int
    surprise_names : tuple of str

    Raises
    ------
    ValueError
        If a number is out of its range, or a name unknown.

    Source: Primer, section 5.2 (predictive coding); after Lotter, Kreiman & Cox 2016.

    Examples
    --------
    >>> task = MovingStimuli(12, surprises={"jump": 0.25, "omission": 0.25}, at=(8, 14))
    >>> task.sample(32).inputs.shape  # trials × time × pixels
    torch.Size([32, 20, 144])
    """

    surprise_names = ("none", "reversal", "jump", "omission")

    def __init__(
        self,
        size: int | tuple[int, int] = 12,
        stimulus: str = "blob",
        *,
        steps: int = 20,
        directions: int = 8,
        speeds: Sequence[float] = (1.0,),
        width: float = 1.0,
        surprises: Mapping[str, float] | None = None,
        at: int | tuple[int, int] | None = None,
        noise: float = 0.0,
        ahead: int = 0,
    ):
        if stimulus not in ("blob", "bar"):
            raise ValueError(f"stimulus is 'blob' or 'bar', got {stimulus!r}.")
        if ahead not in (0, 1):
            raise ValueError(f"ahead is 0, the frame of this step, or 1, that of the next, got {ahead!r}.")
        self.image_shape = shape_of_image(size if isinstance(size, tuple | list) else (size, size), "height, width")
        self.inputs = self.outputs = self.image_shape[0] * self.image_shape[1]
        self.stimulus, self.ahead = stimulus, ahead
        self.steps = positive_integer(steps, "steps")
        if self.steps < 3:
            raise ValueError(f"a trial needs three steps or more, so that there is motion to predict, got {steps}.")
        self.directions = positive_integer(directions, "directions")
        self.speeds = _speeds(speeds)
        self.width = positive(width, "width, of the stimulus in pixels,")
        self.noise = at_least_zero(noise, "noise")
        self._shares = _shares(surprises or {}, self.surprise_names)
        self._first, self._last = _when(self.steps // 2 if at is None else at, self.steps)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials, generator = positive_integer(trials, "trials"), generator or torch.default_generator
        direction = torch.randint(self.directions, (trials,), generator=generator) * (360 / self.directions)
        speed = self.speeds[torch.randint(len(self.speeds), (trials,), generator=generator)]
        # With as many draws whatever is wanted, trials differ from those of a task without surprises by these alone.
        drawn = torch.rand(trials, generator=generator, dtype=torch.float64)
        surprise = (torch.bucketize(drawn, self._shares, right=True) + 1) % len(self.surprise_names)
        step = torch.randint(self._first, self._last + 1, (trials,), generator=generator)
        step = step.where(surprise > 0, -1)
        frames = self._frames(direction, speed, surprise, step, generator)
        if self.noise:
            frames = frames + self.noise * torch.randn(frames.shape, generator=generator)
        conditions = {"direction": direction, "speed": speed, "surprise": surprise, "step": step}
        shown, targets = frames[:, : self.steps], frames[:, self.ahead :]
        return Batch(shown, targets.clone(), conditions=conditions).to(device())

    def _frames(self, direction: Tensor, speed: Tensor, surprise: Tensor, step: Tensor, generator: Generator) -> Tensor:
        """Trials × time × pixels, one more step where the target is the next frame."""
        place, period, velocity = self._axes(direction, speed)  # trials × axes × pixels, trials × axes, trials × axes
        start, jump = (torch.rand(len(direction), 2, generator=generator)[:, : period.shape[1]] for _ in range(2))
        t = torch.arange(self.steps + self.ahead)
        since = (t >= step[:, None]) & (step >= 0)[:, None]  # trials × time
        reversed_, jumped, omitted = (
            surprise[:, None] == self.surprise_names.index(n) for n in self.surprise_names[1:]
        )
        forward = 1.0 - 2.0 * (since & reversed_)  # trials × time
        travelled = forward.cumsum(1)[:, :, None] * velocity[:, None]  # trials × time × axes
        leap = (since & jumped)[:, :, None] * ((0.25 + 0.5 * jump) * period)[:, None]
        where = (start * period)[:, None] + travelled + leap
        period = period[:, None, :, None]
        distance = (place[:, None] - where[..., None] + period / 2) % period - period / 2
        frames = torch.exp(-0.5 * (distance / self.width).square().sum(2))
        return frames * ~(omitted & (t == step[:, None]))[:, :, None]

    def _axes(self, direction: Tensor, speed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where pixels are on the axes on which the stimulus has a place; how long these are; how fast it moves on them."""
        height, width = self.image_shape
        grid = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        down, right = (part.flatten().float() for part in grid)
        theta = torch.deg2rad(direction)
        cos, sin = torch.cos(theta), torch.sin(theta)
        if self.stimulus == "blob":
            place = torch.stack([right, down]).expand(len(direction), -1, -1)
            velocity = speed[:, None] * torch.stack([cos, -sin], dim=1)
            return place, torch.tensor([width, height]).float().expand(len(direction), -1), velocity
        period = width * cos.abs() + height * sin.abs()  # how far the screen reaches in the direction of motion
        along = (right - (width - 1) / 2) * cos[:, None] - (down - (height - 1) / 2) * sin[:, None]
        return (along + (period[:, None] - 1) / 2)[:, None], period[:, None], speed[:, None]

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are predicted better than by expecting that nothing moves, from the third frame on; see `Task.score`.

        The squared errors are added up over all pixels and frames. Before the third frame, no motion has been seen.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        shown_before = batch.inputs[:, 1:] if self.ahead else batch.inputs[:, 1:-1]
        first = 2 - self.ahead
        wrong = (outputs - batch.targets)[:, first:].square().sum((1, 2))
        return wrong < (shown_before - batch.targets[:, first:]).square().sum((1, 2))


def _speeds(speeds: Sequence[float]) -> Tensor:
    try:
        chosen = [positive(speed, "each of speeds") for speed in speeds]
    except TypeError:
        chosen = []
    if not chosen:
        raise ValueError(f"speeds should be a sequence of one or more, in pixels a step, got {speeds!r}.")
    return torch.tensor(chosen)


def _shares(surprises: Mapping[str, float], names: tuple[str, ...]) -> Tensor:
    """Where each kind's part of the numbers from 0 to 1 ends, that of "none" being the last."""
    if not isinstance(surprises, Mapping) or (unknown := set(surprises) - set(names[1:])):
        given = surprises if not isinstance(surprises, Mapping) else unknown.pop()
        raise ValueError(f"surprises is a dict of shares, by name ({', '.join(names[1:])}), got {given!r}.")
    shares = torch.tensor([number(surprises.get(name, 0.0)) for name in names[1:]], dtype=torch.float64)
    if not (shares >= 0).all() or not shares.sum() <= 1 + 1e-9:
        raise ValueError(
            f"the shares of surprises lie between 0 and 1, and add up to at most 1, got {dict(surprises)}."
        )
    return shares.cumsum(0)


def _when(at: int | tuple[int, int], steps: int) -> tuple[int, int]:
    first, last = at if isinstance(at, tuple | list) and len(at) == 2 else (at, at)
    if not 0 < number(first) <= number(last) < steps or number(first) % 1 or number(last) % 1:
        raise ValueError(f"a surprise happens at a step from 1 to {steps - 1}, or between two of them, got {at!r}.")
    return int(first), int(last)
