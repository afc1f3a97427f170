"""Real-time recurrent learning: the exact gradient of a recurrent network, forward in time, at a price."""

from torch import Tensor

from nnbrain.learning._forward_in_time import ForwardInTime, Run


class RTRL(ForwardInTime):
    """The gradient of the objective, computed as the network runs: each unit remembers what every weight did to it.

    With s_t = (1 − α) s_{t−1} + α f(c_t), c_t = W z_t, W = [W_r, W_x, b_r], z_t = (r_{t−1}, x_t, 1), and P_t = ∂s_t/∂W,

    P^k_{ij} ← (1 − α) P^k_{ij} + α f′(c_k) [Σ_l W_{r,kl} P^l_{ij} + δ_{ki} z_j],   ∂L/∂W_{ij} = Σ_t Σ_k (W_yᵀ e_t)_k P^k_{ij}

    It equals backpropagation through time (tested), without ever going back: nothing of the past is kept but P. Yet P has a
    number for each pair of a unit and a weight, N²(N + inputs + 1) for N units, and a step of a trial takes N times as many
    operations; and a synapse would have to know what it did to every unit of the network.

    Parameters
    ----------
    network : RNN
        Without feedback from the outputs and with a fixed initial state. Whatever makes its weights (a low rank, Dale's law) is
        taught.
    objective : Objective
        Its derivatives with respect to the outputs (and the activity, where it depends on that) at each step are the errors e_t.
        For an average over steps those are known as soon as the step is over.
    generator : torch.Generator, optional
        The source of the network's noise, which is left out without it.

    Raises
    ------
    TypeError
        If the network is no `RNN`, or there is no objective.
    ValueError
        If the network learns its initial state, or feeds its outputs back; or, when called, if it has a ``connection_gain``.

    Source: Primer, section 5.3 (recurrent networks); Williams & Zipser 1989.

    Examples
    --------
    >>> rule = RTRL(RNN(3, 32, 3), squared_error)
    >>> loss = rule(batch)  # now every parameter's .grad is the gradient
    """

    def feedback_weights(self) -> Tensor:
        """W_yᵀ, units × outputs."""
        return self.network.W_y.detach().T

    def recurrent_gradient(self, run: Run, credit: Tensor) -> Tensor:
        """∂L/∂[W_r, W_x, b_r], summed over trials, units × (units + inputs + 1); see `ForwardInTime`."""
        W, alpha, units = self.network.W_r.detach(), self.network.alpha, self.network.units
        _, trials, presynaptic = run.presynaptic.shape
        P = credit.new_zeros(trials, units, units * presynaptic)  # trials × k × ij
        total = credit.new_zeros(units * presynaptic)
        for slope, z, gain, c in zip(run.slopes, run.presynaptic, run.gain, credit, strict=True):
            P = (1 - alpha) * P + slope[:, :, None] * ((W * gain) @ P)
            own = P.view(trials, units, units, presynaptic).diagonal(dim1=1, dim2=2)  # P^i_{ij}, trials × j × i
            own += slope[:, None] * z[:, :, None]
            total += c.flatten() @ P.flatten(0, 1)
        return total.view(units, presynaptic)
