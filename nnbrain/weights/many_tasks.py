"""A network trained on the twenty cognitive tasks of Yang et al. 2019, and how it was trained.

`trained` gives it. ``python -m nnbrain.train_many_tasks`` trains it anew.
"""

import csv
import hashlib
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from torch import Generator
from tqdm.auto import tqdm

from nnbrain.arguments import count, positive_integer
from nnbrain.learning import Backprop
from nnbrain.networks import RNN
from nnbrain.objectives import logistic_error
from nnbrain.runtime import device
from nnbrain.tasks import COGNITIVE_TASKS, CognitiveTask, ManyTasks
from nnbrain.train import fit

UNITS = 256
TRIALS = 64  # in a batch
LEAST_OFTEN = 0.05  # a task comes in proportion to the errors in it, plus this
SHAPING = ((0.16, 0.32, 0.64), (0.08, 0.16, 0.32), (0.04, 0.08, 0.16))  # coherences of decisions before their own
ENOUGH = 0.9  # the accuracy at which a decision task becomes harder
RATE, LAST_RATE = 1e-3, 3e-5  # of Adam, at the start and at the end
CHUNK = 500  # steps between two measurements
MEASURED = 128  # trials of each task in a measurement
FILE, LOG = "many_tasks.pt", "many_tasks.csv"
SHA256 = "debcacb1f952e1dc15b891d8708941bf7bba898224a5737790972520ed65a424"


def tasks() -> dict[str, CognitiveTask]:
    """The twenty tasks, by name."""
    return {name: CognitiveTask(name) for name in COGNITIVE_TASKS}


def lessons(name: str) -> list[CognitiveTask]:
    """A task as it is taught: decisions from easy to hard, the task itself at the end; other tasks at once.

    Without such shaping a network that learns the context tasks adds the two modalities and stays there.

    Parameters
    ----------
    name : str
    """
    own = getattr(COGNITIVE_TASKS[name], "coherences", (math.inf,))
    easier = [CognitiveTask(name, coherences=c) for c in SHAPING if max(c) > max(own)]
    return [*easier, CognitiveTask(name)]


def untrained(seed: int = 0) -> RNN:
    """The network before training, on the CPU: 256 units, f = softplus, τ = 100 ms, Δt = 20 ms, σ = 0.05.

    The weights of the rules start with a standard deviation of 1, so that each rule brings other units into the range where they
    respond.

    Parameters
    ----------
    seed : int
    """
    generator, t = torch.Generator().manual_seed(seed), CognitiveTask("Go")
    network = RNN(t.inputs, UNITS, t.outputs, activation="softplus", sigma=0.05, g=0.5, generator=generator)
    with torch.no_grad():
        network.W_x[:, t.channels["rule"]] *= t.inputs**0.5
    return network


@torch.no_grad()
def accuracies(
    network: RNN, tasks: Mapping[str, CognitiveTask], trials: int, generator: Generator, noise: Generator
) -> dict[str, float]:
    """The share of correct answers in new trials of each task, with noise in the inputs and in the network.

    Parameters
    ----------
    network : RNN
    tasks : dict of str to CognitiveTask
    trials : int
    generator, noise : torch.Generator
        Draw the trials, on the CPU, and the noise within the network, on its device.
    """
    scores = {}
    for name, task in tasks.items():
        batch = task.sample(trials, generator)
        scores[name] = float(task.score(network(batch.inputs, noise)[0], batch).float().mean())
    return scores


class Training:
    """A training that can be stopped at any time and goes on where it was: the result is the same as without the stop.

    Parameters
    ----------
    folder : Path
        Where the checkpoint, the log and the weights are kept. A checkpoint that is there already is taken up.
    steps : int
        Batches in all; the learning rate falls from 1e-3 to 3e-5 along half a cosine over them.
    seed : int

    Raises
    ------
    ValueError
        If steps or seed are out of their range, the folder is a file, or the checkpoint is one of another training.
    """

    def __init__(self, folder: Path, steps: int, seed: int = 0):
        self.folder, self.steps, self.seed = Path(folder), positive_integer(steps, "steps"), count(seed, "seed")
        self.network = untrained(seed).to(device())
        self.generator = torch.Generator().manual_seed(1000 + seed)
        self.noise = torch.Generator(device()).manual_seed(2000 + seed)
        self.rule = Backprop(self.network, logistic_error, generator=self.noise)
        self.optimizer = torch.optim.Adam(self.rule.parameters(), lr=RATE)
        self.done, self.log, self.lesson = 0, [], dict.fromkeys(COGNITIVE_TASKS, 0)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file, not a folder: name another.")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.exists():
            self._take_up(torch.load(self._checkpoint, map_location="cpu", weights_only=True))

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "many_tasks.checkpoint.pt"

    def run(self) -> None:
        """Train to the end; after every 500 steps measure the accuracy in each task, and save everything."""
        with tqdm(total=self.steps, initial=self.done, unit="step") as bar:
            while self.done < self.steps:
                chunk = min(CHUNK, self.steps - self.done)
                for group in self.optimizer.param_groups:
                    group["lr"] = LAST_RATE + (RATE - LAST_RATE) * (1 + math.cos(math.pi * self.done / self.steps)) / 2
                options = {"optimizer": self.optimizer, "clip": 1.0, "generator": self.generator, "progress": False}
                history = fit(self.rule, self._tasks(), chunk, trials=TRIALS, every=chunk, **options)
                if history.interrupted:
                    return  # the checkpoint is where to go on
                self.done += chunk
                self._measure()
                self._save()
                bar.update(chunk)
                scores = list(self._scores().values())
                bar.set_postfix(mean=f"{sum(scores) / len(scores):.3f}", least=f"{min(scores):.3f}")
        self._publish()  # also if a kill came between the last checkpoint and this

    def _scores(self) -> dict[str, float]:
        """The last accuracies measured; 0 before there are any."""
        last = self.log[-1] if self.log else {}
        return {name: last.get(name, 0.0) for name in COGNITIVE_TASKS}

    def _tasks(self) -> ManyTasks:
        """The tasks as they are taught now, those that go wrong more often than others."""
        now = [lessons(name)[self.lesson[name]] for name in COGNITIVE_TASKS]
        return ManyTasks(now, [1 - score + LEAST_OFTEN for score in self._scores().values()])

    def _measure(self) -> None:
        """The accuracy in each task; and whether those that are still shaped become harder."""
        scores = accuracies(self.network, tasks(), MEASURED, self.generator, self.noise)
        self.log.append({"step": self.done, **{name: round(score, 4) for name, score in scores.items()}})
        easier = {name: lessons(name)[k] for name, k in self.lesson.items() if k + 1 < len(lessons(name))}
        for name, score in accuracies(self.network, easier, MEASURED, self.generator, self.noise).items():
            self.lesson[name] += score >= ENOUGH

    def _save(self) -> None:
        """The checkpoint, in one piece or not at all; then what is made from it."""
        state = {
            "done": self.done,
            "plan": [self.steps, self.seed],
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generators": [self.generator.get_state(), self.noise.get_state()],
            "log": self.log,
            "lesson": self.lesson,
        }
        whole = self._checkpoint.with_suffix(".new")
        torch.save(state, whole)
        whole.replace(self._checkpoint)
        self._publish()

    def _publish(self) -> None:
        """The weights, and the log as a table."""
        torch.save({name: part.cpu() for name, part in self.network.state_dict().items()}, self.folder / FILE)
        with open(self.folder / LOG, "w", newline="") as file:
            writer = csv.DictWriter(file, ["step", *COGNITIVE_TASKS])
            writer.writeheader()
            writer.writerows(self.log)

    def _take_up(self, state: dict) -> None:
        if not isinstance(state, dict) or "plan" not in state:
            raise ValueError(
                f"{self._checkpoint} is no checkpoint of this training: name another folder, or remove it."
            )
        if state["plan"] != [self.steps, self.seed]:
            raise ValueError(
                f"{self._checkpoint} is of a training with (steps, seed) = {tuple(state['plan'])}, not "
                f"{(self.steps, self.seed)}: name another folder, or remove it."
            )
        self.done, self.log, self.lesson = state["done"], state["log"], state["lesson"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        for generator, saved in zip((self.generator, self.noise), state["generators"], strict=True):
            generator.set_state(saved)


def trained() -> RNN:
    """The trained network, on the device in use.

    Raises
    ------
    ValueError
        If the file is damaged: its hash differs.

    Source: Primer, section 4, Figure 5; Yang et al. 2019.

    Examples
    --------
    >>> task = CognitiveTask("Dly Go")
    >>> outputs, activity = trained()(task.sample(100).inputs)
    """
    with resources.as_file(resources.files("nnbrain.weights") / FILE) as path:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != SHA256:
            raise ValueError(f"{path.name} is damaged (SHA-256 {found}, expected {SHA256}): install nnbrain anew.")
        weights = torch.load(path, map_location="cpu", weights_only=True)
    network = untrained()
    network.load_state_dict({name: part.float() for name, part in weights.items()})
    return network.to(device())
