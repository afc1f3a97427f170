"""The one training loop: it joins a network and an objective (in a learning rule) with a task and an optimizer."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Generator, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm.auto import tqdm

from nnbrain.arguments import positive_integer
from nnbrain.history import History, Recorder
from nnbrain.learning import Rule
from nnbrain.tasks import Batch, Task


def fit(
    rule: Rule,
    task: Task,
    steps: int,
    *,
    trials: int = 32,
    optimizer: torch.optim.Optimizer | None = None,
    clip: float | None = None,
    schedule: LRScheduler | None = None,
    measure: Mapping[str, Callable[[nn.Module], float]] | None = None,
    every: int | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    generator: Generator | None = None,
    progress: bool = True,
) -> History:
    """Train: draw a batch, let the rule write its estimate, let the optimizer apply it; θ ← θ − η ∂L/∂θ for plain SGD.

    Stop it whenever you like (the kernel's stop button): the network keeps what it has learned, and you get the history so far.
    The network is trained in the mode that it is in: see to it that parts like dropout are in training mode, as new ones are.

    Parameters
    ----------
    rule : Rule
        Holds the network and the objective.
    task : Task
        Gives the batches; a finite one starts a new epoch.
    steps : int
        How many batches.
    trials : int
        The size M of a batch.
    optimizer : torch.optim.Optimizer, optional
        On ``rule.parameters()``; by default the rule's own choice, usually Adam with learning rate 1e-3.
    clip : float, optional
        The largest norm that all estimates together may have; longer ones are scaled down to it.
    schedule : torch.optim.lr_scheduler.LRScheduler, optional
        Built on the optimizer; advanced after every step.
    measure : dict of str to callable, optional
        Measurements by name, each a function of the network. They run without gradients, the network in evaluation mode, from
        the same random state each time, and leave training as it would be without them.
    every : int, optional
        Measure every so many steps; always before the first step and after the last. By default about 20 times in all.
    after_step : callable, optional
        Called with the network after each step, for what must hold always (signs of weights, for instance).
    generator : torch.Generator, optional
        For drawing the batches, on the CPU; by default a new one, seeded by torch's own.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    History

    Raises
    ------
    TypeError
        If something is not what its name says.
    ValueError
        If a number is out of range, or network, rule, optimizer, schedule and task do not belong together.
    FloatingPointError
        If the objective, or what the rule estimates, is not finite; that update is not applied.

    Source: Primer, Equations 4-5.

    Examples
    --------
    >>> network = MLP([64, 128, 10]).to(device())
    >>> history = fit(Backprop(network, cross_entropy), Digits("train"), steps=500)
    """
    steps, trials = positive_integer(steps, "steps"), positive_integer(trials, "trials")
    every = math.ceil(steps / 20) if every is None else positive_integer(every, "every")
    _check_kinds(rule, task, measure or {}, clip)
    optimizer = optimizer or (schedule.optimizer if schedule else rule.default_optimizer())
    _check_optimizer(rule, optimizer, schedule)
    # Its own stream of draws: whatever else is drawn from the task meanwhile does not disturb the epochs.
    generator = generator or torch.Generator().manual_seed(int(torch.randint(2**62, ())))
    recorder = Recorder(rule.network, measure or {}, every)
    losses: list[float] = []
    interrupted = False
    bar = tqdm(total=steps, disable=not progress, unit="step", mininterval=0.2)
    try:
        for step in range(steps):
            recorder.at(step)
            batch = task.sample(trials, generator)
            if step == 0:
                _check_device(rule.network, batch)
            losses.append(_step(rule, batch, optimizer, clip, step))
            if schedule is not None:
                schedule.step()
            if after_step is not None:
                after_step(rule.network)
            if bar.update():
                bar.set_postfix(loss=f"{losses[-1]:.3g}", refresh=False)
        recorder.at(steps, last=True)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        bar.set_postfix(loss=f"{losses[-1]:.3g}" if losses else "")
        bar.close()
    if interrupted:
        recorder.at(len(losses), last=True)
        print(f"Stopped after {len(losses)} of {steps} steps; the network keeps what it has learned.")
    return recorder.history(losses, trials, interrupted)


def _step(rule: Rule, batch: Batch, optimizer: torch.optim.Optimizer, clip: float | None, step: int) -> float:
    loss = float(rule(batch))
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the objective became {loss} at step {step}, and training stopped. Most often the learning rate is too high: "
            "divide it by 10, or limit the size of a step, fit(…, clip=1.0). If it happens at step 0 or 1, look for NaN or "
            "huge values in the batch, or an objective whose slope is not finite."
        )
    if clip is not None or step == 0:
        norm = nn.utils.clip_grad_norm_(rule.parameters(), math.inf if clip is None else clip)
        if not torch.isfinite(norm):
            raise FloatingPointError(
                f"at step {step} the objective is {loss:.3g}, but what the rule estimates is not finite."
            )
    optimizer.step()
    return loss


def _check_kinds(rule, task, measure, clip) -> None:
    if not isinstance(rule, Rule):
        raise TypeError(
            f"fit trains with a learning rule, Backprop(network, objective) for instance, got {type(rule).__name__}."
        )
    if not hasattr(task, "sample"):
        raise TypeError(
            f"fit draws batches with task.sample(trials, generator), which a {type(task).__name__} does not have."
        )
    if not isinstance(measure, Mapping) or not all(callable(function) for function in measure.values()):
        raise TypeError(f"measure should be a dict of functions of the network, by name, got {measure!r}.")
    if "loss" in measure:
        raise ValueError(
            "a measure cannot be called 'loss', as the loss on each batch is: call it 'test loss', for instance."
        )
    if clip is not None and not (isinstance(clip, float | int) and clip > 0):
        raise ValueError(f"clip should be a positive number, got {clip!r}.")
    if not rule.parameters():
        raise ValueError("the rule has nothing to teach: no parameter of the network can be trained (requires_grad).")
    if {id(p) for p in rule.network.parameters()} != {id(p) for p in rule._network_parameters}:
        raise ValueError("parameters of the network were replaced after the rule was built: build the rule anew.")


def _check_optimizer(rule: Rule, optimizer, schedule) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer) or isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError(
            f"optimizer should be one of torch.optim, built on rule.parameters(), except LBFGS; got {optimizer!r}."
        )
    if isinstance(schedule, ReduceLROnPlateau):
        raise TypeError(
            "ReduceLROnPlateau needs a measurement to follow; use a schedule that depends on the step only."
        )
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ValueError("the schedule was built on another optimizer than the one given to fit.")
    applied = {id(p) for group in optimizer.param_groups for p in group["params"]}
    taught = {id(p) for p in rule.parameters()}
    if not applied & taught or applied - taught - {id(p) for p in rule.network.parameters()}:
        raise ValueError(
            "the optimizer holds parameters of another network, or none that the rule teaches: build it on rule.parameters()."
        )


def _check_device(network: nn.Module, batch: Batch) -> None:
    home = next((p.device for p in network.parameters()), batch.inputs.device)
    if home != batch.inputs.device:
        raise ValueError(
            f"the network is on {home}, the task's batches on {batch.inputs.device}: use network.to(nb.device())."
        )
