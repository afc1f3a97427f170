"""Self-attention: the layer of machine learning that is built on the soft dictionary."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import positive_integer
from nnbrain.networks.base import check_sequence
from nnbrain.networks.initialization import initialize
from nnbrain.networks.key_value_attention import KeyValueAttention


class SelfAttention(nn.Module):
    """A layer in which every moment of a trial attends to all others, or to those before it, and no recurrence carries anything.

    q_t = W_q x_t + b_q,   k_t = W_k x_t + b_k,   v_t = W_v x_t + b_v,   r_t = Σ_s α_ts v_s,   y_t = W_o r_t + b_o

    with α_t = softmax over s of qₜᵀk_s / √units, as in `KeyValueAttention`. Attention alone does not know when something was shown;
    with ``positions`` a vector for each moment, which is learned, is added to x.

    Parameters
    ----------
    inputs, units, outputs : int
        Queries, keys and values have as many dimensions as there are units.
    causal : bool
        Whether a moment attends to itself and the past only.
    positions : int, optional
        The longest trial, in steps, whose moments are to be told apart; by default they are not.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU), Gaussian as those of `MLP`; torch's own generator by default.

    Attributes
    ----------
    W_q, W_k, W_v, W_o : Tensor
        units × inputs, three times; outputs × units.
    attention : KeyValueAttention
        `record` finds the weights α, trials × time × time, as ``"attention.alpha"``.
    P : nn.Parameter or None
        positions × inputs.
    gain : Tensor
        (units,), or time × units: multiplies r. Lesions set it.

    Raises
    ------
    ValueError
        If a number is not a positive integer.

    Source: Primer, Equations 39-42; Vaswani et al. 2017.

    Examples
    --------
    >>> outputs, activity = SelfAttention(32, 64, 16)(torch.zeros(5, 9, 32))  # five trials of nine steps
    >>> outputs.shape, activity.shape
    (torch.Size([5, 9, 16]), torch.Size([5, 9, 64]))
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        causal: bool = True,
        positions: int | None = None,
        generator: Generator | None = None,
    ):
        super().__init__()
        inputs, outputs = positive_integer(inputs, "inputs"), positive_integer(outputs, "outputs")
        self.units, self.causal = positive_integer(units, "units"), causal
        self.query, self.key, self.value = (nn.Linear(inputs, self.units) for _ in range(3))
        self.attention = KeyValueAttention(score="scaled dot")
        self.output = nn.Linear(self.units, outputs)
        initialize([self.query, self.key, self.value, self.output], "linear", generator)
        moments = None if positions is None else positive_integer(positions, "positions")
        P = None if moments is None else torch.randn(moments, inputs, generator=generator) / inputs**0.5
        self.P = None if P is None else nn.Parameter(P)
        self.register_buffer("gain", torch.ones(self.units), persistent=False)

    @property
    def W_q(self) -> Tensor:
        """The weights that make queries, units × inputs."""
        return self.query.weight

    @property
    def W_k(self) -> Tensor:
        """The weights that make keys, units × inputs."""
        return self.key.weight

    @property
    def W_v(self) -> Tensor:
        """The weights that make values, units × inputs."""
        return self.value.weight

    @property
    def W_o(self) -> Tensor:
        """The output weights, outputs × units."""
        return self.output.weight

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × time × inputs.

        Returns
        -------
        outputs : Tensor
            y, trials × time × outputs.
        activity : Tensor
            r, trials × time × units.

        Raises
        ------
        TypeError
            If x is no tensor, or not of the weights' type.
        ValueError
            If x has another shape, or a trial is longer than there are positions.
        """
        self._check(x)
        steps = x.shape[1]
        if self.P is not None:
            x = x + self.P[:steps]
        past = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril() if self.causal else None
        r = self.attention(self.query(x), self.key(x), self.value(x), past) * self.gain
        return self.output(r), r

    def _check(self, x: Tensor) -> None:
        check_sequence(self, x, self.query.in_features, self.W_q.dtype)
        if self.P is not None and x.shape[1] > len(self.P):
            raise ValueError(
                f"this SelfAttention tells {len(self.P)} moments apart, got {x.shape[1]}: make it with more positions."
            )
