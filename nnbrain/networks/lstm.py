"""The long short-term memory network: a cell that keeps what it holds, and gates that decide what enters, stays and leaves."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.networks.activations import Activation
from nnbrain.networks.gated import Gated, forget_bias_of


class LSTM(Gated):
    """A long short-term memory network, with gates that can be set and read one by one.

    g^f_t = σ(W_f x_t + U_f r_{t−1} + b_f)
    g^i_t = σ(W_i x_t + U_i r_{t−1} + b_i)
    g^o_t = σ(W_o x_t + U_o r_{t−1} + b_o)
    c_t = g^f_t ⊙ c_{t−1} + g^i_t ⊙ tanh(W_c x_t + U_c r_{t−1} + b_c)
    r_t = g^o_t ⊙ tanh(c_t),   y_t = W_y r_t + b_y

    It is torch's ``nn.LSTM`` (whose two biases add up to b) with a readout. The state is (r, c). Weights start as Gaussian: W with
    a standard deviation of 1/√inputs, U and W_y of 1/√units; biases as zeros, but for b_f.

    Parameters
    ----------
    inputs, units, outputs : int
    forget_bias : float
        Where b_f starts. With 1 a closed cell loses about a quarter a step; with more, gradients reach further back.
    dt : float
        The duration of a step in ms. The equations do not know it; `inactivate` does.
    sigma : float
        σ, the standard deviation of noise σ ξ_t inside the tanh of the cell's input. There is noise only when the network is called
        with a generator.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    W_f, W_i, W_o, W_c : nn.Parameter
        units × inputs.
    U_f, U_i, U_o, U_c : nn.Parameter
        units × units: rows to, columns from.
    b_f, b_i, b_o, b_c : nn.Parameter
        (units,)
    W_y, b_y : Tensor
        outputs × units, (outputs,).
    gain : Tensor
        (units,), or time × units: multiplies the rates r wherever they act, in the recurrence, the output and the activity. Lesions
        and inactivations set it. The cell c of a silent unit goes on.
    forget_gate, input_gate, output_gate, cell_input, cell : nn.Module
        The parts that `record` finds: g^f, g^i, g^o, what the input gate lets in, and c.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Source: Primer, Equation 43, Figure 8D; Hochreiter & Schmidhuber 1997; Gers et al. 2000.

    Examples
    --------
    >>> net = LSTM(3, 1, 1)
    >>> outputs, activity = net(torch.zeros(5, 50, 3))  # trials × time × 1
    >>> with torch.no_grad():
    ...     net.W_i[0, 1] = 30.0  # the second input opens the input gate of the first unit
    >>> net.gates(torch.zeros(5, 50, 3))["input"].shape  # trials × time × units
    torch.Size([5, 50, 1])
    """

    letters = ("f", "i", "o", "c")
    parts = 2

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        forget_bias: float = 1.0,
        dt: float = 20.0,
        sigma: float = 0.0,
        generator: Generator | None = None,
    ):
        super().__init__(inputs, units, outputs, dt=dt, sigma=sigma, generator=generator)
        nn.init.constant_(self.b_f, forget_bias_of(forget_bias))
        self.forget_gate, self.input_gate, self.output_gate = (Activation("sigmoid") for _ in range(3))
        self.cell_input, self.cell = Activation("tanh"), nn.Identity()

    def advance(self, state: tuple[Tensor, Tensor], drive: Tensor, U: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 43: (r, c) at t − 1 → (r, c) at t; see `Gated.advance`.

        Parameters
        ----------
        state, drive, U, gain
        """
        r, c = state
        f, i, o, z = torch.addmm(drive, gain * r, U.T).chunk(4, dim=1)  # W x + U r + b of each gate, and of the cell
        g_f, g_i, g_o = self.forget_gate(f), self.input_gate(i), self.output_gate(o)
        c = self.cell(g_f * c + g_i * self.cell_input(z))
        return g_o * torch.tanh(c), c
