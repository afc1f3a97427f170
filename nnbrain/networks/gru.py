"""The gated recurrent unit: the memory is the rate itself, and one gate decides both what stays and what enters."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.networks.activations import Activation
from nnbrain.networks.gated import Gated


class GRU(Gated):
    """A network of gated recurrent units.

    g^u_t = σ(W_u x_t + U_u r_{t−1} + b_u)
    g^s_t = σ(W_s x_t + U_s r_{t−1} + b_s)
    r̃_t = tanh(W_c x_t + b_c + g^s_t ⊙ (U_c r_{t−1} + d_c))
    r_t = g^u_t ⊙ r_{t−1} + (1 − g^u_t) ⊙ r̃_t,   y_t = W_y r_t + b_y

    The update gate g^u (Cho's z) keeps the rates where it is 1; the reset gate g^s (Cho's r) makes the candidate r̃ forget them
    where it is 0. It is torch's ``nn.GRU`` with a readout; Cho et al. multiply by g^s before U_c, and Chung et al. write 1 − g^u
    for g^u. The state is r. Weights start as in `LSTM`; all biases as zeros.

    Parameters
    ----------
    inputs, units, outputs : int
    dt : float
        The duration of a step in ms. The equations do not know it; `inactivate` does.
    sigma : float
        σ, the standard deviation of noise σ ξ_t inside the tanh of the candidate. There is noise only when the network is called
        with a generator.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    W_u, W_s, W_c : nn.Parameter
        units × inputs.
    U_u, U_s, U_c : nn.Parameter
        units × units: rows to, columns from.
    b_u, b_s, b_c, d_c : nn.Parameter
        (units,)
    W_y, b_y : Tensor
        outputs × units, (outputs,).
    gain : Tensor
        (units,), or time × units: multiplies the rates r wherever they act on other units, and in the output and the activity.
        Lesions and inactivations set it. What the update gate keeps of a silent unit's own rate goes on.
    update_gate, reset_gate, candidate : nn.Module
        The parts that `record` finds: g^u, g^s and r̃.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 5.2 (Cho et al. 2014; Chung et al. 2014).

    Examples
    --------
    >>> outputs, activity = GRU(3, 16, 1)(torch.zeros(5, 50, 3))
    >>> activity.shape
    torch.Size([5, 50, 16])
    """

    letters = ("u", "s", "c")

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        dt: float = 20.0,
        sigma: float = 0.0,
        generator: Generator | None = None,
    ):
        super().__init__(inputs, units, outputs, dt=dt, sigma=sigma, generator=generator)
        self.d_c = nn.Parameter(torch.zeros(self.units))
        self.update_gate, self.reset_gate = Activation("sigmoid"), Activation("sigmoid")
        self.candidate = Activation("tanh")

    def advance(self, state: Tensor, drive: Tensor, U: Tensor, gain: Tensor) -> Tensor:
        """The rates at t − 1 → those at t; see `Gated.advance`.

        Parameters
        ----------
        state, drive, U, gain
        """
        r = state
        u, s, c = drive.chunk(3, dim=-1)  # W x + b
        Ur_u, Ur_s, Ur_c = ((gain * r) @ U.T).chunk(3, dim=1)
        g_u, g_s = self.update_gate(u + Ur_u), self.reset_gate(s + Ur_s)
        return torch.lerp(self.candidate(c + g_s * (Ur_c + self.d_c)), r, g_u)  # g^u r + (1 − g^u) r̃
