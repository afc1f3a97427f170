"""Random-feedback local online learning: a recurrent network learns from what its own synapses can know."""

import torch
from torch import Generator, Tensor

from nnbrain.learning._forward_in_time import ForwardInTime, Run
from nnbrain.networks import RNN
from nnbrain.objectives import Objective


class RFLO(ForwardInTime):
    """Each synapse keeps a trace of what it did to its own unit; the error reaches the unit through feedback weights B.

    With s_t = (1 − α) s_{t−1} + α f(c_t), c_t = W z_t, where W = [W_r, W_x, b_r] and z_t = (r_{t−1}, x_t, 1),

    p_{ij} ← (1 − α) p_{ij} + α f′(c_i) z_j,   ΔW_{ij} ∝ −Σ_t (B e_t)_i p_{ij},   ΔW_y ∝ −Σ_t e_t r_tᵀ

    It is `RTRL` with two changes. What a weight does to other units than its own, by way of the recurrent connections, is left
    out of the trace, so that a trace is one number a synapse, made of what is at hand there. And W_yᵀ is replaced by B, as in
    feedback alignment: learning then turns W_yᵀ towards B. With B = W_yᵀ it is the exact gradient where there are no recurrent
    connections, W_r = 0 (tested).

    Parameters
    ----------
    network : RNN
        Without feedback from the outputs and with a fixed initial state. Whatever makes its weights (a low rank, Dale's law) is
        taught.
    objective : Objective
        Its derivatives with respect to the outputs (and the activity, where it depends on that) at each step are the errors e_t.
        For an average over steps those are known as soon as the step is over.
    feedback : {"random", "transposed"}
        B: fixed and drawn like the first W_yᵀ, or W_yᵀ itself.
    generator : torch.Generator, optional
        Draws B, and is the source of the network's noise, which is left out without it.

    Attributes
    ----------
    feedback : Tensor or None
        B, units × outputs; None with ``"transposed"``.

    Raises
    ------
    TypeError
        If the network is no `RNN`, or there is no objective.
    ValueError
        If the network learns its initial state, or feeds its outputs back, or the feedback is of no known kind; or, when called, if
        the network has a ``connection_gain``.

    Source: Primer, section 5.3 (recurrent networks); Murray 2019.

    Examples
    --------
    >>> rule = RFLO(RNN(3, 32, 3), squared_error, generator=torch.Generator().manual_seed(0))
    >>> loss = rule(batch)  # now every parameter's .grad is minus the change that the rule wants
    """

    def __init__(
        self, network: RNN, objective: Objective, *, feedback: str = "random", generator: Generator | None = None
    ):
        super().__init__(network, objective, generator=generator)
        if feedback not in ("random", "transposed"):
            raise ValueError(f"feedback is 'random' or 'transposed', got {feedback!r}.")
        self.feedback = None
        if feedback == "random":
            drawn = torch.randn(network.units, network.output.out_features, generator=generator)
            self.feedback = (drawn / network.units**0.5).to(network.W_y)

    def feedback_weights(self) -> Tensor:
        """B, units × outputs."""
        return self.network.W_y.detach().T if self.feedback is None else self.feedback.to(self.network.W_y)

    def recurrent_gradient(self, run: Run, credit: Tensor) -> Tensor:
        """Σ_t (B e_t)_i p_{ij}, summed over trials, units × (units + inputs + 1); see `ForwardInTime`."""
        trace = credit.new_zeros(*credit.shape[1:], run.presynaptic.shape[2])  # p, trials × i × j
        total = trace[0].clone()
        for slope, z, c in zip(run.slopes, run.presynaptic, credit, strict=True):
            trace = (1 - self.network.alpha) * trace + slope[:, :, None] * z[:, None]
            total += torch.einsum("ki,kij->ij", c, trace)
        return total
