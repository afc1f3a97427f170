"""Perceptual decision: which of two streams of noisy evidence is the stronger one?"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnbrain.tasks.base import Batch
from nnbrain.tasks.timed import TimedTask, check_coherences


class PerceptualDecision(TimedTask):
    """Say whether dots move to the left or to the right: evidence must be integrated over time.

    u_left = (1 − c)/2 + noise, u_right = (1 + c)/2 + noise while the stimulus is shown, c being the coherence of the motion

    Parameters
    ----------
    coherences : sequence of float
        |c|, from 0 to 1; each comes with both signs. At 0 the right answer is random.
    reaction_time : bool
        Whether to answer as soon as possible. There is no go cue then: the fixation point stays, the target is the choice from
        the start of the stimulus on, and `response` counts reaction times from there.
    dt, epochs, sigma, grace
        Step and durations in ms, and noise: see `TimedTask`.

    Batches have ``conditions``: ``"coherence"``, positive to the right; ``"choice"``, 1 for left and 2 for right; and ``"epoch"``.
    See `TimedTask` for the rest. The epochs are fixation, stimulus, delay (0 ms) and response.

    Raises
    ------
    ValueError
        If a number is out of its range, or an epoch unknown.

    Source: Primer, section 3.2; Britten et al. 1992 (the task); Roitman & Shadlen 2002 (with reaction times).

    Examples
    --------
    >>> task = PerceptualDecision(dt=20)
    >>> batch = task.sample(32)
    >>> batch.inputs.shape  # trials × time × (fixation, left, right)
    torch.Size([32, 60, 3])
    """

    default_epochs: ClassVar = {"fixation": (100, 200), "stimulus": (500, 700), "delay": 0, "response": 300}
    channels: ClassVar = {"fixation": 0, "left": 1, "right": 2}

    def __init__(
        self,
        *,
        dt: float = 20.0,
        coherences: Sequence[float] = (0.032, 0.064, 0.128, 0.256, 0.512),
        reaction_time: bool = False,
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.5,
        grace: float = 100.0,
    ):
        self.coherences = check_coherences(coherences)
        self.go = "stimulus" if reaction_time else "response"
        super().__init__(dt=dt, epochs=epochs, sigma=sigma, grace=grace)

    def conditions(self) -> dict[str, Tensor]:
        """Every coherence, to the left and to the right."""
        strength, choice = torch.cartesian_prod(self.coherences, torch.tensor([1.0, 2.0])).T
        # a sum with 0.0 has no −0.0, which would be printed as a condition of its own
        return {"coherence": strength * (2 * choice - 3) + 0.0, "choice": choice.long()}

    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """Evidence for both sides."""
        c = conditions["coherence"]
        return {"stimulus": {"left": (1 - c) / 2, "right": (1 + c) / 2}}

    def ideal_accuracy(self, coherence: Tensor | Sequence[float] | float | None = None) -> Tensor:
        """How often an ideal observer is right, who adds up all of the evidence: P = Φ(|c| √n / (√2 σ)).

        n is the number of steps of the stimulus (P is the mean over its durations), σ the noise in each.

        Parameters
        ----------
        coherence : Tensor, sequence of float, or float, optional
            c, of any shape; the task's coherences by default.

        Returns
        -------
        Tensor
            P, of the same shape.
        """
        c = torch.as_tensor(self.coherences if coherence is None else coherence).abs()
        return self._accuracy_of_integration(c, 2**0.5 * self._noise_per_step, "stimulus")

    def ideal_choice(self, batch: Batch) -> Tensor:
        """What an ideal observer chooses on these very inputs: the side with more evidence in sum.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor of int
            (trials,), 1 for left and 2 for right.
        """
        evidence = (batch.inputs[..., 2] - batch.inputs[..., 1]) * self.during("stimulus", batch)
        return 1 + (evidence.sum(1) > 0).long()
