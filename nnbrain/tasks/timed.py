"""Tasks in time: trials made of epochs (fixation, stimulus, delay, response), as in experiments on behaving animals."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import embedding

from nnbrain.arguments import at_least_zero, number, positive, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit

NOISE_DT = 20.0  # ms: the step for which sigma is given


class Response(NamedTuple):
    """What was chosen, and when; see `TimedTask.response`.

    Parameters
    ----------
    choice : Tensor of int
        (trials,), 0 where no choice was made.
    time : Tensor
        (trials,) reaction times in ms, NaN where no choice was made.
    """

    choice: Tensor
    time: Tensor


class TimedTask(Task):
    """A choice at the end of a trial that is made of epochs. A subclass says what is shown in each of them.

    It has ``default_epochs``, of which the last is the response, ``channels``, ``output_names``, and two methods: `conditions`, the
    table of all kinds of trials, from which `sample` draws, mostly with equal chances; and `stimuli`, what they show in each.

    Batches have ``inputs``, trials × time × inputs, 0 after a trial's end; ``targets``, trials × time, the number of the output
    that should be the largest: the choice from the go on, and before it 0, to keep fixating; a ``mask`` that is 0 after the
    trial's end and for ``grace`` ms from the go on; and ``conditions``: the columns of the table, among them ``"choice"``, the
    right answer, and ``"epoch"``, trials × time, the number of the epoch in the order of ``epochs``, −1 after the end.

    Parameters
    ----------
    dt : float
        Δt, the duration of a step in ms. Durations are rounded to steps.
    epochs : dict of str to durations, optional
        What to change in ``default_epochs``. A duration in ms is a number; a pair (shortest, longest), for all whole numbers
        of steps between them, equally likely; or a list of durations, equally likely. Fixation and delay may last 0 ms.
    sigma : float
        Standard deviation of the noise in the channels of a stimulus while it is shown, at Δt = 20 ms. With other steps it is
        σ √(20 ms / Δt), so that what an integrator gets within a given time does not depend on Δt.
    grace : float
        Time in ms after the go that counts neither for the objective nor for the score.

    Attributes
    ----------
    inputs, outputs : int
        How many a network needs.
    channels : dict of str to int or slice
        Where each kind of input stands among them.
    output_names : tuple of str
        What each output means.
    epochs : dict of str to durations
        In their order.
    steps : int
        The steps of the longest trial, and of every batch.
    times : Tensor
        (steps,) When each step begins, in ms from the start of a trial; on the CPU.
    go : str
        The epoch from whose start on the target is the choice.

    Raises
    ------
    ValueError
        If an epoch is unknown, a duration is negative, NaN or shorter than a step, or another number is out of its range.

    Examples
    --------
    >>> class Detection(TimedTask):
    ...     default_epochs: ClassVar = {"fixation": (100, 500), "stimulus": 300, "response": 200}
    ...     channels: ClassVar = {"fixation": 0, "stimulus": 1}
    ...     output_names = ("fixate", "absent", "present")
    ...     def conditions(self):
    ...         return {"contrast": torch.tensor([0.0, 1.0]), "choice": torch.tensor([1, 2])}
    ...     def stimuli(self, conditions):
    ...         return {"stimulus": {"stimulus": conditions["contrast"]}}
    >>> Detection(dt=20, sigma=0.1).sample(8).inputs.shape
    torch.Size([8, 50, 2])
    """

    default_epochs: ClassVar[Mapping[str, Any]]
    channels: ClassVar[Mapping[str, int | slice]]
    output_names: tuple[str, ...] = ("fixate", "left", "right")
    go: str = "response"

    def __init__(
        self,
        *,
        dt: float = 20.0,
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.0,
        grace: float = 100.0,
    ):
        self.dt = positive(dt, "dt, the duration of a step in ms,")
        self.sigma = at_least_zero(sigma, "sigma, the standard deviation of the noise,")
        self.grace = at_least_zero(grace, "grace, in ms,")
        self.epochs = {**self.default_epochs, **self._check_epochs(epochs)}
        # for each epoch the numbers of steps that it may last, equally likely
        self._lengths = [lengths(name, duration, self.dt) for name, duration in self.epochs.items()]
        self._grace = in_steps(self.grace, self.dt)
        if self._grace >= self._lengths[-1].min():
            raise ValueError(
                f"nothing of the response is left after a grace of {self.grace:g} ms: make it shorter, or the response longer."
            )
        self.steps = int(sum(lengths.max() for lengths in self._lengths))
        self.inputs = max(c.stop if isinstance(c, slice) else c + 1 for c in self.channels.values())
        self.outputs = len(self.output_names)
        self._table = self._check_conditions(self.conditions())
        self._means, self._noise = self._tabulate()

    @abstractmethod
    def conditions(self) -> dict[str, Tensor]:
        """All kinds of trials: named columns of a table, each (kinds,). ``"choice"`` is the right answer: 1, 2, …."""

    @abstractmethod
    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """What is shown, noise apart: for each epoch with a stimulus, for each of its channels, (kinds,) or kinds × width."""

    def cues(self, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is shown without noise for as long as the fixation point: for each channel, (kinds,) or kinds × width."""
        return {}

    @property
    def times(self) -> Tensor:
        """When each step begins, (steps,) in ms from the start of a trial."""
        return self.dt * torch.arange(self.steps)

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials: kinds as often as the task wants them, all durations of an epoch alike; see `Task.sample`."""
        trials = positive_integer(trials, "trials")
        generator = generator or torch.default_generator
        kinds = self._pick(self._urn(), trials, generator)
        durations = torch.stack([self._pick(lengths, trials, generator) for lengths in self._lengths], 1)
        return self._build(kinds, durations, generator)

    def all(
        self, *, repeats: int = 1, noise: bool = False, generator: Generator | None = None, **durations: float
    ) -> Batch:
        """Trials of each kind, in the order of the table. In all of them an epoch lasts the median of its durations.

        Parameters
        ----------
        repeats : int
            How many of each kind, one after the other.
        noise : bool
            Whether stimuli are noisy.
        generator : torch.Generator, optional
            A generator on the CPU, for the noise; torch's own by default.
        **durations : float
            Other durations in ms, by the name of the epoch: ``task.all(delay=600)``.

        Returns
        -------
        Batch

        Raises
        ------
        ValueError
            If an epoch is unknown, a duration is not valid, or the trials would be longer than the task's.
        """
        kinds = torch.arange(self._kinds).repeat_interleave(positive_integer(repeats, "repeats"))
        options = dict(zip(self.epochs, self._lengths, strict=True))
        options |= {name: lengths(name, durations[name], self.dt) for name in self._known(durations)}
        medians = torch.stack([each.sort().values[len(each) // 2] for each in options.values()])
        if medians.sum() > self.steps:
            raise ValueError(
                f"such trials last {self.dt * int(medians.sum()):g} ms, and the task's at most {self.dt * self.steps:g} ms: make "
                "a task with longer epochs, epochs={…}."
            )
        generator = (generator or torch.default_generator) if noise else None
        return self._build(kinds, medians.expand(len(kinds), -1), generator)

    def during(self, epoch: str, batch: Batch) -> Tensor:
        """Which steps belong to an epoch.

        Parameters
        ----------
        epoch : str
        batch : Batch

        Returns
        -------
        Tensor of bool
            trials × time

        Raises
        ------
        ValueError
            If the task has no such epoch, or the batch is not one of this task.
        """
        self._known([epoch])
        return self._epoch(batch) == list(self.epochs).index(epoch)

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct: their `choice` is the right answer; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        return self.choice(outputs, batch) == batch.conditions["choice"]

    def choice(self, outputs: Tensor, batch: Batch) -> Tensor:
        """What was chosen: the largest output, averaged over the response after the grace.

        Parameters
        ----------
        outputs : Tensor
            trials × time × outputs.
        batch : Batch

        Returns
        -------
        Tensor of int
            (trials,), 0 for still fixating.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        self._check_outputs(outputs, batch)
        response = self.during("response", batch)
        counts = (response & (response.cumsum(1) > self._grace)).to(outputs.dtype)
        return torch.einsum("kt,kto->ko", counts, outputs).argmax(-1)  # a sum and an average have the same largest one

    def response(self, outputs: Tensor, batch: Batch, threshold: float = 0.5) -> Response:
        """The first choice whose probability exceeds a threshold, and the reaction time.

        P = softmax(y). The window opens with the epoch ``go`` and closes with the trial.

        Parameters
        ----------
        outputs : Tensor
            y, trials × time × outputs.
        batch : Batch
        threshold : float
            Between 0 and 1.

        Returns
        -------
        Response
            ``choice``, and ``time`` in ms from the start of ``go`` to that of the step in which the threshold is passed.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch or are not finite, or the threshold lies outside of its range.
        """
        self._check_outputs(outputs, batch)
        if not 0 <= number(threshold) < 1:
            raise ValueError(f"threshold is a probability from 0 to below 1, got {threshold!r}.")
        began = self._since_go(self._epoch(batch))
        largest, which = outputs.softmax(-1)[..., 1:].max(-1)
        passed = (largest > threshold) & (began >= 0)
        first = passed.int().argmax(1, keepdim=True)  # the first of the largest
        chose = passed.any(1)
        choice = (which + 1).gather(1, first).squeeze(1).where(chose, 0)
        time = (self.dt * began.gather(1, first).squeeze(1).float()).where(chose, math.nan)
        return Response(choice, time)

    @property
    def _kinds(self) -> int:
        return len(self._table["choice"])

    def _epoch(self, batch: Batch) -> Tensor:
        if "epoch" not in batch.conditions or batch.inputs.shape[1:] != (self.steps, self.inputs):
            raise ValueError(f"this batch does not come from this {type(self).__name__}: use task.sample(trials).")
        return batch.conditions["epoch"]

    def _known(self, names: Iterable[str]) -> Iterable[str]:
        """The same, if all names are those of epochs of this task."""
        for name in names:
            if name not in self.default_epochs:
                known = ", ".join(map(repr, self.default_epochs))
                raise ValueError(f"{type(self).__name__} has the epochs {known}; there is none called {name!r}.")
        return names

    def _check_epochs(self, epochs: Any) -> Mapping[str, Any]:
        if epochs is not None and not isinstance(epochs, Mapping):
            raise ValueError(f"epochs should be a dictionary like {{'response': 300}}, got {epochs!r}.")
        return self._known(epochs or {})

    def _check_conditions(self, table: dict[str, Tensor]) -> dict[str, Tensor]:
        """What a subclass declared, if it makes sense."""
        if list(self.epochs)[-1] != "response":
            raise ValueError(f"the last epoch of a task is its response, got {', '.join(map(repr, self.epochs))}.")
        if "choice" not in table or not ((table["choice"] >= 1) & (table["choice"] < self.outputs)).all():
            raise ValueError(f"conditions() should have a column 'choice', right answers from 1 to {self.outputs - 1}.")
        return table

    def _urn(self) -> Tensor:
        """The kinds to draw from, each as often as it should come. A subclass may want some more often than others."""
        return torch.arange(self._kinds)

    def _pick(self, options: Tensor, trials: int, generator: Generator) -> Tensor:
        """One of the options for each trial."""
        return options[torch.randint(len(options), (trials,), generator=generator)]

    def _tabulate(self) -> tuple[Tensor, Tensor]:
        """Means of the inputs, kinds × epochs × inputs, standard deviations, epochs × inputs; the last epoch: nothing."""
        names = list(self.epochs)
        means = torch.zeros(self._kinds, len(names) + 1, self.inputs)
        noise = torch.zeros(len(names) + 1, self.inputs)
        waiting = slice(len(names) - 1 if self.go == "response" else len(names))  # without a go cue the point stays
        for channel, value in {"fixation": torch.ones(self._kinds), **self.cues(self._table)}.items():
            means[:, waiting, self.channels[channel]] = value.unsqueeze(1).float()
        for epoch, shown in self.stimuli(self._table).items():
            for channel, value in shown.items():
                means[:, names.index(epoch), self.channels[channel]] = value.float()
                noise[names.index(epoch), self.channels[channel]] = self._noise_per_step
        return means, noise

    @property
    def _noise_per_step(self) -> float:
        return self.sigma * math.sqrt(NOISE_DT / self.dt)

    def _build(self, kinds: Tensor, durations: Tensor, generator: Generator | None) -> Batch:
        """Trials of these kinds with epochs of these durations, trials × epochs in steps; noisy if there is a generator."""
        t = torch.arange(self.steps).expand(len(kinds), -1).contiguous()
        ended = torch.searchsorted(durations.cumsum(1), t, right=True)  # how many epochs: the number of the present one
        # embedding picks rows of a matrix; indexing would do the same, four times as slowly
        inputs = embedding(kinds.unsqueeze(1) * len(self._noise) + ended, self._means.flatten(0, 1))
        if generator is not None:
            inputs.addcmul_(embedding(ended, self._noise), torch.randn(inputs.shape, generator=generator))
        epoch = ended.where(ended < len(self.epochs), -1)
        conditions = {name: column[kinds] for name, column in self._table.items()} | {"epoch": epoch}
        began = self._since_go(epoch)
        targets = conditions["choice"].unsqueeze(1).where(began >= 0, 0)
        mask = ((epoch >= 0) & ((began < 0) | (began >= self._grace))).float()
        return Batch(inputs, targets, mask, conditions=conditions).to(device())

    def _since_go(self, epoch: Tensor) -> Tensor:
        """Trials × time: steps since the go, 0 for its first; −1 before it and after the trial."""
        return torch.where(epoch >= list(self.epochs).index(self.go), 1, 0).cumsum(1).sub(1).where(epoch >= 0, -1)

    def _accuracy_of_integration(self, signal: Tensor, noise: float, epoch: str) -> Tensor:
        """Φ(√n signal / noise): how often the sum over the n steps of an epoch has the signal's sign; the mean over durations."""
        root_n = self._lengths[list(self.epochs).index(epoch)].to(signal.device).sqrt()
        ratio = (signal / noise).where(signal != 0, 0.0)  # no signal: chance, even without noise
        return torch.special.ndtr(root_n * ratio.unsqueeze(-1)).mean(-1)

    def _check_outputs(self, outputs: Tensor, batch: Batch) -> None:
        check_fit(outputs, batch.targets)
        if outputs.shape[-1] != self.outputs:
            meanings = ", ".join(self.output_names)
            raise ValueError(f"this task needs {self.outputs} outputs ({meanings}), got {outputs.shape[-1]}.")
        check_finite(outputs)


def lengths(name: str, duration: Any, dt: float) -> Tensor:
    """The numbers of steps that an epoch may last, equally likely."""
    if isinstance(duration, tuple) and len(duration) == 2:
        low, high = (_epoch_in_steps(name, d, dt) for d in duration)
        if low > high:
            raise ValueError(
                f"the epoch {name!r} lasts from {duration[0]!r} to {duration[1]!r} ms: the shortest comes first."
            )
        return torch.arange(low, high + 1)
    several = isinstance(duration, Iterable) and not isinstance(duration, str) and getattr(duration, "ndim", 1) > 0
    choices = [_epoch_in_steps(name, d, dt) for d in duration] if several else [_epoch_in_steps(name, duration, dt)]
    if not choices:
        raise ValueError(f"the list of durations of the epoch {name!r} is empty.")
    return torch.tensor(choices)


def _epoch_in_steps(name: str, duration: Any, dt: float) -> int:
    ms = number(duration)
    if ms == 0 and name in ("fixation", "delay"):
        return 0
    if not 0 < ms < math.inf:
        raise ValueError(
            f"the epoch {name!r} should last a positive number of ms, (shortest, longest), or one of a list; got {duration!r}."
        )
    if ms < dt:
        raise ValueError(f"the epoch {name!r} of {ms:g} ms is shorter than a step, dt = {dt:g} ms: make dt smaller.")
    return in_steps(ms, dt)


def in_steps(ms: float, dt: float) -> int:
    """A duration in steps, rounded to the nearest; halves go up, whatever the last digits of a quotient."""
    return math.floor(ms / dt + 0.5 + 1e-9)


def check_coherences(values: Any) -> Tensor:
    """Coherences as a tensor; refused if there are none, or they lie outside of 0 to 1."""
    try:
        coherences = [number(value) for value in values]
    except TypeError:
        raise ValueError(f"coherences should be a sequence, got {values!r}: a single one is [{values!r}].") from None
    if not coherences or not all(0 <= c <= 1 for c in coherences):
        raise ValueError(f"coherences lie between 0 and 1 (both signs are drawn), got {values!r}.")
    return torch.tensor(coherences)
