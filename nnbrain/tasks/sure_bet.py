"""Post-decision wagering: a perceptual decision that can be waived, in some trials, for a smaller but certain reward."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from nnbrain.arguments import number
from nnbrain.tasks.base import Batch, check_finite, check_tensor
from nnbrain.tasks.perceptual_decision import PerceptualDecision

SURE = 3  # the number of that output


class SureBet(PerceptualDecision):
    """Say whether dots move to the left or to the right, or take a sure bet where one is offered.

    The right direction earns 1, the wrong one and fixating on 0, and the sure target ``sure_reward`` if it is there, otherwise
    0. It appears, in half of the trials, after the motion is over: nobody can know beforehand whether a decision may be waived.
    What is best depends on one's confidence, which no experimenter sees, so there are rewards and no targets.

    Parameters
    ----------
    coherences : sequence of float
        |c|, from 0 to 1; each comes with both signs. At 0 the right answer is random.
    sure_reward : float
        Between 0 and 1.
    dt, epochs, sigma, grace
        Step and durations in ms, and noise: see `TimedTask`.

    The epochs are fixation, stimulus, delay, offer (from whose start on the sure target is shown) and response. (Here all durations
    of the stimulus are equally likely; in the experiment short ones were the more frequent, and delays were longer.) Outputs are
    fixate, left, right and sure.

    Batches have ``rewards``, trials × 4; no targets; a ``mask`` that is 1 in the response after the grace, where the one decision
    is made, and 0 elsewhere; and ``conditions``: ``"coherence"``, positive to the right; ``"choice"``, the right answer, 1 for left
    and 2 for right; ``"offered"``, whether there is a sure target; ``"duration"``, of the motion in ms; and ``"epoch"``. Outputs
    may also be those of a feed-forward network that is shown the whole trial at once, trials × 4.

    Raises
    ------
    ValueError
        If a number is out of its range, or an epoch unknown.

    Source: Primer, section 2.2 (reinforcement learning); Kiani & Shadlen 2009.

    Examples
    --------
    >>> batch = SureBet(dt=20).sample(32)
    >>> batch.inputs.shape  # trials × time × (fixation, left, right, sure)
    torch.Size([32, 85, 4])
    >>> batch.rewards.shape  # trials × (fixate, left, right, sure)
    torch.Size([32, 4])
    """

    default_epochs: ClassVar = {"fixation": 100, "stimulus": (100, 900), "delay": 200, "offer": 200, "response": 300}
    channels: ClassVar = {"fixation": 0, "left": 1, "right": 2, "sure": 3}
    output_names = ("fixate", "left", "right", "sure")

    def __init__(
        self,
        *,
        dt: float = 20.0,
        coherences: Sequence[float] = (0.0, 0.032, 0.064, 0.128, 0.256, 0.512),
        sure_reward: float = 0.75,
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.5,
        grace: float = 100.0,
    ):
        if not 0 < number(sure_reward) < 1:
            raise ValueError(f"sure_reward lies between 0 and 1, what a right choice earns; got {sure_reward!r}.")
        self.sure_reward = number(sure_reward)
        super().__init__(dt=dt, coherences=coherences, epochs=epochs, sigma=sigma, grace=grace)

    def conditions(self) -> dict[str, Tensor]:
        """Every coherence, to the left and to the right, without and with a sure target."""
        motion = {name: column.repeat_interleave(2) for name, column in super().conditions().items()}
        return {**motion, "offered": torch.tensor([False, True]).repeat(len(motion["choice"]) // 2)}

    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """Evidence for both sides, later the sure target."""
        sure = {"sure": conditions["offered"]}
        return {**super().stimuli(conditions), "offer": sure, "response": sure}

    def choice(self, outputs: Tensor, batch: Batch) -> Tensor:
        """What was chosen: the largest output, in time averaged over the response after the grace.

        Parameters
        ----------
        outputs : Tensor
            trials × time × 4, or trials × 4.
        batch : Batch

        Returns
        -------
        Tensor of int
            (trials,), 0 for still fixating, 1 for left, 2 for right, 3 for the sure target.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        check_tensor(outputs)
        if outputs.ndim != 2:
            return super().choice(outputs, batch)
        self._check_outputs(outputs, batch)
        return outputs.argmax(1)

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Which trials are rewarded: the right direction, or a sure target that was offered; see `Task.score`.

        Raises
        ------
        ValueError
            If the outputs do not fit the batch, or are not finite.
        """
        choice = self.choice(outputs, batch)  # refuses what does not fit
        return batch.rewards.gather(1, choice.unsqueeze(1)).squeeze(1) > 0

    def confidence(self, batch: Batch) -> Tensor:
        """P(right | evidence), what an ideal observer knows who has added up all of it.

        P ∝ Σ exp[(c E − n c²/2) / (2σ²)] over the coherences c to the right, E being the sum over the n steps of the stimulus of
        u_right − u_left, whose variance is 2σ² in each step.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor
            (trials,)
        """
        shown = self.during("stimulus", batch)
        evidence = ((batch.inputs[..., 2] - batch.inputs[..., 1]) * shown).sum(1, keepdim=True)
        c, choice = (self._table[name].to(batch.inputs.device) for name in ("coherence", "choice"))
        if self._noise_per_step == 0:  # the sign is certain; rounding is no evidence
            return 0.5 + 0.5 * torch.sign(evidence.squeeze(1) * (evidence.squeeze(1).abs() > 1e-5))
        n = shown.sum(1, keepdim=True)
        log_likelihood = (c * evidence - n * c.square() / 2) / (2 * self._noise_per_step**2)  # trials × kinds
        return torch.softmax(log_likelihood, 1)[:, choice == 2].sum(1)

    def ideal_choice(self, batch: Batch) -> Tensor:
        """What earns most on these very inputs: the likelier side, or the sure target if it pays more than that side's probability.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor of int
            (trials,), 1 for left, 2 for right, 3 for the sure target.
        """
        right = self.confidence(batch)
        waive = batch.conditions["offered"] & (torch.maximum(right, 1 - right) < self.sure_reward)
        return torch.where(waive, SURE, 1 + (right > 0.5).long())

    def ideal_reward(self, batch: Batch) -> Tensor:
        """What `ideal_choice` earns on average, given the evidence: its mean over trials is the most that anyone can earn.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor
            (trials,)
        """
        right = self.confidence(batch)
        return torch.maximum(torch.maximum(right, 1 - right), self.sure_reward * batch.conditions["offered"])

    def _tabulate(self) -> tuple[Tensor, Tensor]:
        means, noise = super()._tabulate()
        noise[:, self.channels["sure"]] = 0.0  # a target is plain to see
        return means, noise

    def _build(self, kinds: Tensor, durations: Tensor, generator: Generator | None) -> Batch:
        timed = super()._build(kinds, durations, generator)
        rewards = torch.nn.functional.one_hot(timed.conditions["choice"], self.outputs).to(timed.inputs)
        rewards[:, SURE] = self.sure_reward * timed.conditions["offered"]
        duration = self.dt * self.during("stimulus", timed).sum(1)
        return Batch(
            timed.inputs,
            mask=timed.mask * self.during("response", timed),
            rewards=rewards,
            conditions={**timed.conditions, "duration": duration},
        )

    def _check_outputs(self, outputs: Tensor, batch: Batch) -> None:
        self._epoch(batch)
        wanted = (len(batch), self.steps, self.outputs)
        if tuple(outputs.shape) not in (wanted, wanted[::2]):
            raise ValueError(
                f"this task needs {self.outputs} outputs ({', '.join(self.output_names)}), of shape {wanted} or {wanted[::2]}, "
                f"got {tuple(outputs.shape)}."
            )
        check_finite(outputs)
