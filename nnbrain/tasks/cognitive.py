"""A cognitive task of Yang et al. 2019, one of twenty that one network learns: a ring of directions, two modalities, a rule."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Generator, Tensor

from nnbrain.arguments import at_least_zero, number, positive, positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import Batch, Task, check_finite, check_fit, check_tensor, source_of
from nnbrain.tasks.circle import distance
from nnbrain.tasks.cognitive_kinds import COGNITIVE_TASKS, Compare, Kind
from nnbrain.tasks.timed import in_steps, lengths

RING = 32  # directions in each ring of units
WIDTH = math.pi / 8  # standard deviation of a bump of activity on a ring
STRENGTH, RESTING = 0.8, 0.05  # the height of a bump, and what outputs rest at
GRACE = 100.0  # ms after the go, and after the start of a trial, that do not count
NEAR = math.radians(36)  # how far from its target a response may be
TAU = 100.0  # ms: the time constant for which the noise of the inputs is given


class CognitiveTask(Task):
    """One of the twenty tasks of Yang et al. 2019. All share inputs and outputs, and differ in the rule that a network is shown.

    A stimulus is a direction θ on a ring of units of modality 1 or 2: unit i, which prefers θᵢ, receives
    0.8 γ exp(−½ (Δθ / 22.5°)²), with γ the stimulus's strength. A response is the same on a ring of outputs, on top of 0.05.

    Parameters
    ----------
    name : str
        One of `COGNITIVE_TASKS`.
    dt : float
        Δt, the duration of a step in ms.
    sigma : float
        σ, the noise of every input: each step adds Gaussian noise with a standard deviation of σ √(2 · 100 ms / Δt).
    ring : int
        Directions in each ring.
    coherences : sequence of float, optional
        In tasks that compare two stimuli, how much their strengths may differ from their mean, instead of the task's own
        0.01 to 0.08 (both at once) or 0.08 to 0.32 (one after the other): for easier trials, or harder ones.

    Attributes
    ----------
    inputs, outputs : int
        85 and 33, with 32 directions: fixation, two rings, 20 rules; and fixation, one ring.
    channels : dict of str to int or slice
        "fixation", "modality 1", "modality 2", "rule" among the inputs; "fixation" and "response" among the outputs are 0 and
        ``slice(1, None)``.
    epochs : dict of str to durations
        In their order; the last is the response.
    directions : Tensor
        (ring,) θᵢ, in radians; on the CPU.

    Batches have ``inputs``; ``targets``, trials × time × outputs: the fixation output is to be 0.85 and the ring 0.05, and in a
    response that moves the eyes 0.05 and the bump; a ``mask`` that is 1 before the response, 5 in it, and 0 in the first 100 ms
    of the trial and of the response, and after the end; and ``conditions``: ``"response"``, the right direction in radians, NaN
    where the eyes are to stay, ``"epoch"`` (trials × time, −1 after the end), and the parameters of the stimuli: in Go and Anti
    ``"direction"`` and ``"modality"`` (0 or 1); in matching those of sample and test, ``"direction 1"``, …; and in decisions the
    ``"direction"`` of the first stimulus and how far ``"apart"`` the second lies, and for each modality ``"mean 1"`` and
    ``"coherence 1"``, …: the strengths of its two stimuli are mean ± coherence. (Where both modalities count, modality 1's are for
    both; those of a modality that is not shown are drawn all the same.) A batch lasts as long as its longest trial.

    Raises
    ------
    ValueError
        If there is no such task, a number is out of its range, or the task compares nothing and is given coherences.

    Source: Primer, Figure 5; Yang et al. 2019.

    Examples
    --------
    >>> CognitiveTask("Dly Go").all().inputs.shape[2]
    85
    """

    def __init__(
        self,
        name: str,
        *,
        dt: float = 20.0,
        sigma: float = 0.01,
        ring: int = RING,
        coherences: Sequence[float] | None = None,
    ):
        if not isinstance(name, str) or name not in COGNITIVE_TASKS:
            raise ValueError(f"the cognitive tasks are {', '.join(COGNITIVE_TASKS)}; there is no {name!r}.")
        self.name, self.kind = name, COGNITIVE_TASKS[name]
        if coherences is not None:
            self.kind = _with_coherences(name, self.kind, coherences)
        self.dt, self.sigma = positive(dt, "dt, the duration of a step in ms,"), at_least_zero(sigma, "sigma")
        ring = positive_integer(ring, "ring")
        self.directions = 2 * math.pi * torch.arange(ring) / ring
        self.channels = {
            "fixation": 0,
            "modality 1": slice(1, 1 + ring),
            "modality 2": slice(1 + ring, 1 + 2 * ring),
            "rule": slice(1 + 2 * ring, 1 + 2 * ring + len(COGNITIVE_TASKS)),
        }
        self.inputs, self.outputs = self.channels["rule"].stop, 1 + ring
        self.epochs = dict(self.kind.epochs)
        self._lengths = {epoch: lengths(epoch, duration, self.dt) for epoch, duration in self.epochs.items()}
        if in_steps(GRACE, self.dt) >= self._lengths["response"].min():
            raise ValueError(f"nothing of the response of 500 ms is left after a grace of 100 ms with dt = {dt:g} ms.")

    def sample(self, trials: int, generator: Generator | None = None) -> Batch:
        """Draw trials; see `Task.sample`."""
        trials = positive_integer(trials, "trials")
        generator = source_of(generator)
        durations = [each[torch.randint(len(each), (trials,), generator=generator)] for each in self._lengths.values()]
        return self._build(self.kind.draw(trials, generator), torch.stack(durations, 1), generator)

    def all(self, directions: int = 20, **durations: float) -> Batch:
        """Trials without noise that cover the stimuli evenly; every epoch lasts the median of its durations.

        Parameters
        ----------
        directions : int
            How many.
        **durations : float
            Other durations in ms, by the name of the epoch: ``task.all(delay=600)``.

        Raises
        ------
        ValueError
            If an epoch is unknown or a duration is not valid.
        """
        chosen = self._lengths | {name: lengths(name, durations[name], self.dt) for name in self._known(durations)}
        medians = torch.stack([each.sort().values[len(each) // 2] for each in chosen.values()])
        p = self.kind.grid(positive_integer(directions, "directions"))
        return self._build(p, medians.expand(len(next(iter(p.values()))), -1), None)

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are correct, at their last step: the eyes moved to within 36° of the target, or stayed; see `Task.score`.

        Eyes that move in a random direction are right in one of five trials that ask for a movement.

        Parameters
        ----------
        outputs : Tensor
            trials × time × outputs; their logistic function is compared with the targets. The eyes stay if the fixation output's is
            above ½; they move in the direction of the ring's population vector.
        batch : Batch
        """
        self._check(batch)
        check_fit(outputs, batch.targets)
        check_finite(outputs)
        ended = (batch.conditions["epoch"] >= 0).sum(1) - 1
        last = outputs[torch.arange(len(batch), device=outputs.device), ended]
        stayed = last[:, 0] > 0
        right = batch.conditions["response"].to(outputs.dtype)
        near = distance(self.direction(last), right) < NEAR  # never, for NaN
        return torch.where(right.isnan(), stayed, near & ~stayed)

    def direction(self, outputs: Tensor) -> Tensor:
        """The population vector's direction, in radians from 0 to 2π.

        Parameters
        ----------
        outputs : Tensor
            … × outputs.
        """
        check_tensor(outputs)
        if outputs.shape[-1:] != (self.outputs,):
            raise ValueError(f"outputs of {self.name} are … × {self.outputs}, got shape {tuple(outputs.shape)}.")
        rates, theta = torch.sigmoid(outputs[..., 1:]), self.directions.to(outputs)
        return torch.atan2(rates @ theta.sin(), rates @ theta.cos()) % (2 * math.pi)

    def during(self, epoch: str, batch: Batch) -> Tensor:
        """Which steps belong to an epoch, trials × time.

        Raises
        ------
        ValueError
            If the task has no such epoch.
        """
        self._known([epoch])
        self._check(batch)
        if int(batch.conditions["epoch"].max()) != len(self.epochs) - 1:
            raise ValueError(f"this batch has other epochs than {self.name}: draw it with this task.")
        return batch.conditions["epoch"] == list(self.epochs).index(epoch)

    def instructed(self, batch: Batch, rules: Mapping[str, float]) -> Batch:
        """The same trials under other rules: rule input k receives the weight of rule k, not 1 for this task and 0 for others.

        Stimuli, noise and what counts as correct remain.

        Parameters
        ----------
        batch : Batch
            Of this task.
        rules : dict of str to float
            The weights, by the names of the tasks; 0 for those that are not named.

        Returns
        -------
        Batch
            With ``conditions["rules"]``, trials × 20: the weights.

        Raises
        ------
        ValueError
            If the batch is not of such a task, or there is no such rule.

        Source: Yang et al. 2019 (composing rules).

        Examples
        --------
        >>> task = CognitiveTask("Dly Anti")
        >>> batch = task.instructed(task.sample(100), {"Dly Go": 1, "Anti": 1, "Go": -1})
        """
        self._check(batch)
        epoch = batch.conditions["epoch"]
        given = batch.conditions.get("rules", self._rules({self.name: 1.0}).to(batch.inputs).expand(len(batch), -1))
        self._check_rules(batch, given)
        wanted = self._rules(rules).to(batch.inputs).expand(len(batch), -1)
        inputs = batch.inputs.clone()
        inputs[..., self.channels["rule"]] += (epoch >= 0)[..., None] * (wanted - given)[:, None]
        return dataclasses.replace(batch, inputs=inputs, conditions={**batch.conditions, "rules": wanted})

    def _check(self, batch: Batch) -> None:
        """Refuse a batch of another kind of task."""
        if batch.inputs.shape[2:] != (self.inputs,) or "epoch" not in batch.conditions:
            raise ValueError(
                f"this batch is not of {self.name} with {len(self.directions)} directions: draw it with this task."
            )

    def _known(self, names: Iterable[str]) -> Iterable[str]:
        """The same, if all names are those of epochs of this task."""
        for name in names:
            if name not in self.epochs:
                raise ValueError(f"{self.name} has the epochs {', '.join(self.epochs)}; there is none called {name!r}.")
        return names

    def _check_rules(self, batch: Batch, given: Tensor) -> None:
        """Refuse a batch whose rule inputs are not those given, trials × 20, but another task's."""
        running = batch.conditions["epoch"] >= 0
        shown = batch.inputs[..., self.channels["rule"]][running].mean(0)
        steps = running.sum(1)[:, None]
        noise = self.sigma * math.sqrt(2 * TAU / self.dt / int(running.sum()))
        if (shown - (given * steps).sum(0) / steps.sum()).abs().max() > 0.5 + 6 * noise:
            raise ValueError(f"this batch shows another rule than {self.name!r}: draw it with this task.")

    def _rules(self, rules: Mapping[str, float]) -> Tensor:
        """The activity of the rule inputs, (20,)."""
        if not isinstance(rules, Mapping):
            raise TypeError(f"rules are names with weights, {{'Go': 1, 'Anti': -1}} for instance, got {rules!r}.")
        names = list(COGNITIVE_TASKS)
        for name, weight in rules.items():
            if name not in names:
                raise ValueError(f"the rules are {', '.join(names)}; there is no {name!r}.")
            if not torch.isfinite(torch.tensor(number(weight))):  # also once it is rounded to float32
                raise ValueError(f"the weight of the rule {name!r} should be a number, got {weight!r}.")
        return torch.tensor([number(rules.get(name, 0.0)) for name in names])

    def _build(self, p: dict[str, Tensor], durations: Tensor, generator: Generator | None) -> Batch:
        """Trials with these parameters and epochs of these durations, trials × epochs in steps; noisy if there is a generator."""
        trials, steps = len(durations), int(durations.sum(1).max())
        t = torch.arange(steps).expand(trials, -1).contiguous()
        epoch = torch.searchsorted(durations.cumsum(1), t, right=True)
        epoch = epoch.where(epoch < len(self.epochs), -1)
        answering, running = epoch == len(self.epochs) - 1, epoch >= 0
        right = self.kind.response(p) % (2 * math.pi)
        grace = in_steps(GRACE, self.dt)
        mask = running.float() * torch.where(answering, 5.0, 1.0) * ~(answering & (answering.cumsum(1) <= grace))
        mask[:, :grace] = 0
        conditions = p | {"response": right, "epoch": epoch}
        inputs = self._inputs(p, epoch, generator)
        return Batch(inputs, self._targets(right, answering), mask, conditions=conditions).to(device())

    def _inputs(self, p: Mapping[str, Tensor], epoch: Tensor, generator: Generator | None) -> Tensor:
        """Trials × time × inputs."""
        x = torch.zeros(*epoch.shape, self.inputs)
        running = epoch >= 0
        x[..., 0] = (running & (epoch < len(self.epochs) - 1) if self.kind.cue else running).float()
        x[..., self.channels["rule"].start + list(COGNITIVE_TASKS).index(self.name)] = running.float()
        names = list(self.epochs)
        for epochs, direction, strength in self.kind.shown(p):
            bump = STRENGTH * self._bump(direction)
            now = sum((epoch == names.index(name)).float() for name in epochs)
            for m, modality in enumerate(("modality 1", "modality 2")):
                if strength[:, m].any():
                    x[..., self.channels[modality]] += now[..., None] * (strength[:, m, None] * bump)[:, None]
        if generator is not None:
            x += self.sigma * math.sqrt(2 * TAU / self.dt) * torch.randn(x.shape, generator=generator)
        return x

    def _targets(self, right: Tensor, answering: Tensor) -> Tensor:
        """Trials × time × outputs."""
        moving = answering & ~right.isnan()[:, None]
        y = torch.full((*answering.shape, self.outputs), RESTING)
        y[..., 0] += STRENGTH * ~moving
        y[..., 1:] += STRENGTH * moving[..., None] * self._bump(right.nan_to_num())[:, None]
        return y

    def _bump(self, direction: Tensor) -> Tensor:
        """Trials × ring."""
        return torch.exp(-0.5 * (distance(direction[:, None], self.directions) / WIDTH) ** 2)


def _with_coherences(name: str, kind: Kind, coherences: Sequence[float]) -> Kind:
    """The same comparison with other coherences."""
    if not isinstance(kind, Compare):
        raise ValueError(f"{name} compares no stimuli: it has no coherences.")
    if not isinstance(coherences, Iterable):
        raise ValueError(f"coherences should be a sequence, got {coherences!r}: a single one is [{coherences!r}].")
    c = tuple(positive(each, "each of coherences") for each in coherences)
    if not c or max(c) > 0.8:
        raise ValueError(f"coherences are numbers above 0 and up to 0.8, the weakest mean, got {coherences!r}.")
    return dataclasses.replace(kind, coherences=c)
