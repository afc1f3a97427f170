"""A gated network closer to cortex: the gates are inhibition, which is subtracted, where an LSTM multiplies."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.networks.activations import Activation
from nnbrain.networks.gated import Gated, forget_bias_of


class SubtractiveLSTM(Gated):
    """The subLSTM: input and output gates are inhibitory units, whose rates are subtracted from what they gate.

    g^f_t, g^i_t, g^o_t, z_t = σ(W_k x_t + U_k r_{t−1} + b_k), with k = f, i, o, z
    c_t = g^f_t ⊙ c_{t−1} + z_t − g^i_t
    r_t = σ(c_t) − g^o_t,   y_t = W_y r_t + b_y

    c is the potential of a pyramidal cell: g^f is what it keeps of it in a step, z drives it, and g^i, of an inhibitory cell, takes
    z away again where both are alike. g^o inhibits what the cell sends out. Rates r lie between −1 and 1. The state is (r, c).
    Weights and biases start as in `LSTM`.

    Parameters
    ----------
    inputs, units, outputs : int
    fixed_forget : bool
        The fix-subLSTM: g^f = σ(b_f), a leak that each unit learns and that no input changes; there are no W_f and U_f.
    forget_bias : float
        Where b_f starts; see `LSTM`.
    dt : float
        The duration of a step in ms. The equations do not know it; `inactivate` does.
    sigma : float
        σ, the standard deviation of noise σ ξ_t in the summed input of z. There is noise only when the network is called with a
        generator.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    W_f, W_i, W_o, W_z : nn.Parameter
        units × inputs.
    U_f, U_i, U_o, U_z : nn.Parameter
        units × units: rows to, columns from.
    b_f, b_i, b_o, b_z : nn.Parameter
        (units,)
    W_y, b_y : Tensor
        outputs × units, (outputs,).
    gain : Tensor
        (units,), or time × units: multiplies the rates r wherever they act, in the recurrence, the output and the activity. Lesions
        and inactivations set it. The cell c of a silent unit goes on.
    forget_gate, input_gate, output_gate, cell_input, cell : nn.Module
        The parts that `record` finds: g^f, g^i, g^o, z and c.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, section 5.2 (Costa et al. 2017).

    Examples
    --------
    >>> outputs, activity = SubtractiveLSTM(3, 16, 1)(torch.zeros(5, 50, 3))
    >>> activity.shape
    torch.Size([5, 50, 16])
    """

    parts = 2

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        fixed_forget: bool = False,
        forget_bias: float = 1.0,
        dt: float = 20.0,
        sigma: float = 0.0,
        generator: Generator | None = None,
    ):
        self.fixed_forget = bool(fixed_forget)
        self.letters = ("i", "o", "z") if self.fixed_forget else ("f", "i", "o", "z")
        super().__init__(inputs, units, outputs, dt=dt, sigma=sigma, generator=generator)
        self.b_f = nn.Parameter(torch.full((self.units,), forget_bias_of(forget_bias)))
        self.forget_gate, self.input_gate, self.output_gate = (Activation("sigmoid") for _ in range(3))
        self.cell_input, self.cell = Activation("sigmoid"), nn.Identity()

    def advance(self, state: tuple[Tensor, Tensor], drive: Tensor, U: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """(r, c) at t − 1 → (r, c) at t; see `Gated.advance`.

        Parameters
        ----------
        state, drive, U, gain
        """
        r, c = state
        *f, i, o, z = torch.addmm(drive, gain * r, U.T).split(self.units, dim=1)  # W x + U r + b
        f = f[0] if f else self.b_f.expand_as(c)
        g_f, g_i, g_o = self.forget_gate(f), self.input_gate(i), self.output_gate(o)
        c = self.cell(g_f * c + self.cell_input(z) - g_i)
        return torch.sigmoid(c) - g_o, c
