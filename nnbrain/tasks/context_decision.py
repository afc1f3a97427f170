"""Context-dependent decision: motion and colour are shown together, and a cue says which of them counts."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from nnbrain.tasks.base import Batch
from nnbrain.tasks.timed import TimedTask, check_coherences


class ContextDecision(TimedTask):
    """Decide by the motion or by the colour of dots, as the context says; the other one must be ignored.

    u_motion = c_motion + noise, u_colour = c_colour + noise while the stimulus is shown

    Parameters
    ----------
    coherences : sequence of float
        |c|, from 0 to 1, of both motion and colour; each comes with both signs. At 0 the right answer is random.
    dt, epochs, sigma, grace
        Step and durations in ms, and noise: see `TimedTask`.

    Batches have ``conditions``: ``"motion"`` and ``"colour"``, coherences, positive for choice 2; ``"context"``, 0 for motion and
    1 for colour; ``"choice"``, 1 or 2; ``"congruent"``, whether both have the same sign; and ``"epoch"``. See `TimedTask` for the
    rest. The epochs are fixation, stimulus, delay (0 ms) and response. The cue is shown for as long as the fixation point.

    Raises
    ------
    ValueError
        If a number is out of its range, or an epoch unknown.

    Source: Primer, section 3.2 (Mante et al. 2013).

    Examples
    --------
    >>> batch = ContextDecision(dt=20).sample(32)
    >>> batch.inputs.shape  # trials × time × (fixation, motion, colour, context motion, context colour)
    torch.Size([32, 60, 5])
    """

    default_epochs: ClassVar = {"fixation": (100, 200), "stimulus": (500, 700), "delay": 0, "response": 300}
    channels: ClassVar = {"fixation": 0, "motion": 1, "colour": 2, "context": slice(3, 5)}

    def __init__(
        self,
        *,
        dt: float = 20.0,
        coherences: Sequence[float] = (0.05, 0.15, 0.5),
        epochs: Mapping[str, Any] | None = None,
        sigma: float = 0.26,
        grace: float = 100.0,
    ):
        self.coherences = check_coherences(coherences)
        super().__init__(dt=dt, epochs=epochs, sigma=sigma, grace=grace)

    def conditions(self) -> dict[str, Tensor]:
        """Every coherence and sign of motion, with every one of colour, in both contexts."""
        strengths, sides = self.coherences, torch.tensor([-1.0, 1.0])
        grid = torch.cartesian_prod(torch.arange(2.0), strengths, sides, strengths, sides)
        context, motion, motion_side, colour, colour_side = grid.T
        choice = motion_side.where(context == 0, colour_side)
        return {
            "motion": motion * motion_side + 0.0,  # a sum with 0.0 has no −0.0
            "colour": colour * colour_side + 0.0,
            "context": context.long(),
            "choice": (choice > 0) + 1,
            "congruent": motion_side == colour_side,
        }

    def stimuli(self, conditions: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """Evidence from both at once."""
        return {"stimulus": {"motion": conditions["motion"], "colour": conditions["colour"]}}

    def cues(self, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Which of them counts."""
        return {"context": torch.nn.functional.one_hot(conditions["context"], 2)}

    def ideal_accuracy(self, coherence: Tensor | Sequence[float] | float | None = None) -> Tensor:
        """How often an ideal observer is right, who adds up all of the evidence that counts: P = Φ(|c| √n / σ).

        n is the number of steps of the stimulus (P is the mean over its durations), σ the noise in each.

        Parameters
        ----------
        coherence : Tensor, sequence of float, or float, optional
            c of what counts, of any shape; the task's coherences by default.

        Returns
        -------
        Tensor
            P, of the same shape.
        """
        c = torch.as_tensor(self.coherences if coherence is None else coherence).abs()
        return self._accuracy_of_integration(c, self._noise_per_step, "stimulus")

    def ideal_choice(self, batch: Batch) -> Tensor:
        """What an ideal observer chooses on these very inputs: the sign of the summed evidence that counts.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor of int
            (trials,), 1 or 2.
        """
        motion, colour = ((batch.inputs[..., k] * self.during("stimulus", batch)).sum(1) for k in (1, 2))
        return 1 + (motion.where(batch.conditions["context"] == 0, colour) > 0).long()
