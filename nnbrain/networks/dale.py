"""Dale's law: a neuron excites all its targets, or inhibits them all."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nnbrain.arguments import number
from nnbrain.networks.low_rank import LowRankRNN


class DalesLaw(nn.Module):
    """Weights whose columns keep the sign of the unit that sends: W = |V| D, without self-connections.

    D is diagonal, +1 for an excitatory and −1 for an inhibitory unit, and V what is trained. The absolute value, where others
    (Song et al. 2016) rectify, so that a connection that becomes weak can become strong again; one that is exactly 0 from the start
    stays absent. A parametrization: put in place by `dales_law`, it acts whenever the weights are read.

    Parameters
    ----------
    sign : Tensor
        (sources,), of +1 and −1.
    self_connections : bool
        Whether the diagonal may differ from 0.

    Attributes
    ----------
    sign : Tensor
        (sources,)
    present : Tensor
        (targets, sources) of 0 and 1, or the number 1.

    Raises
    ------
    ValueError
        If there are other values than +1 and −1.

    Source: Primer, section 5.1 (Dale's law), in the form of Song et al. 2016.

    Examples
    --------
    >>> layer = torch.nn.Linear(3, 3, bias=False)
    >>> _ = torch.nn.utils.parametrize.register_parametrization(layer, "weight", DalesLaw(torch.tensor([1.0, 1.0, -1.0])))
    >>> layer.weight.sign()
    tensor([[ 0.,  1., -1.],
            [ 1.,  0., -1.],
            [ 1.,  1.,  0.]])
    """

    def __init__(self, sign: Tensor, *, self_connections: bool = False):
        super().__init__()
        if not isinstance(sign, Tensor) or sign.ndim != 1 or not (sign.abs() == 1).all():
            raise ValueError(
                f"sign should be a tensor of +1 (excitatory) and -1 (inhibitory), one a unit, got {sign!r}."
            )
        self.register_buffer("sign", sign.clone())
        self.register_buffer("present", torch.ones_like(sign) if self_connections else 1 - torch.diag(sign.abs()))

    def forward(self, V: Tensor) -> Tensor:
        """W, targets × sources, of V, whose signs do not matter."""
        return V.abs() * (self.present * self.sign)

    def right_inverse(self, W: Tensor) -> Tensor:
        """A V that gives these weights, if they obey the law: their sizes. Other signs are lost.

        Parameters
        ----------
        W : Tensor
            targets × sources.
        """
        if self.present.ndim == 2 and W.shape != self.present.shape:
            raise ValueError(
                f"these weights should have shape {tuple(self.present.shape)}, targets × sources, got {tuple(W.shape)}."
            )
        return W.abs() * self.present


class ExcitatoryOnly(nn.Module):
    """Weights from excitatory units only, W ∘ [D]₊: those of a readout, as long-range projections are excitatory.

    Parameters
    ----------
    sign : Tensor
        (sources,), of +1 and −1.
    """

    def __init__(self, sign: Tensor):
        super().__init__()
        self.register_buffer("excitatory", (sign > 0).to(sign))

    def forward(self, W: Tensor) -> Tensor:
        """The weights, with columns of 0 for inhibitory units."""
        return W * self.excitatory


@torch.no_grad()
def dales_law(
    network: nn.Module,
    excitatory: float = 0.8,
    *,
    excitatory_readout: bool = False,
    self_connections: bool = False,
) -> nn.Module:
    """Make the units of a recurrent network excitatory or inhibitory, and keep them so, however it is trained.

    The recurrent weights become W_r = |V| D; see `DalesLaw`. The first units are excitatory. So that the network begins balanced,
    the weights of the inhibitory units are multiplied by the ratio of the numbers of both kinds; then all are scaled so that W_r
    keeps the spectral radius it had.

    Parameters
    ----------
    network : nn.Module
        With recurrent weights in ``network.recurrent.weight``: `RNN`. It is changed in place. For short-term plasticity wrap it
        afterwards, in `ShortTermPlasticity`.
    excitatory : float
        The fraction of units that excite, between 0 and 1.
    excitatory_readout : bool
        Whether only these reach the outputs.
    self_connections : bool
        Whether a unit may connect to itself.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    TypeError
        If the network has no such weights (gated networks have several matrices, low-rank ones two vectors).
    ValueError
        If the fraction leaves no unit of one kind, or the network obeys the law already.

    Source: Primer, section 5.1 (Dale's law); Song et al. 2016.

    Examples
    --------
    >>> net = dales_law(RNN(3, 100, 2))
    >>> bool((net.W_r[:, :80] >= 0).all() and (net.W_r[:, 80:] <= 0).all())
    True
    """
    recurrent = getattr(network, "recurrent", None)
    if isinstance(network, LowRankRNN) or not isinstance(recurrent, nn.Linear):
        raise TypeError(
            f"Dale's law is one for the recurrent weights, one matrix units × units, which this {type(network).__name__} does not "
            "have: use an RNN (and wrap it afterwards, for short-term plasticity)."
        )
    if parametrize.is_parametrized(recurrent):
        raise ValueError("the recurrent weights of this network are parametrized already: build a new one.")
    if excitatory_readout and not isinstance(getattr(network, "output", None), nn.Linear):
        raise TypeError(
            f"this {type(network).__name__} has no readout weights to restrict: leave excitatory_readout out."
        )
    W = recurrent.weight
    radius, sign = spectral_radius_of(W), signs(network.units, excitatory).to(W)
    count = int((sign > 0).sum())
    W[:, count:] *= count / (len(sign) - count)
    parametrize.register_parametrization(recurrent, "weight", DalesLaw(sign, self_connections=self_connections))
    now = spectral_radius_of(recurrent.weight)
    recurrent.parametrizations.weight.original.mul_(radius / now if now > 0 else 1.0)
    if excitatory_readout:
        parametrize.register_parametrization(network.output, "weight", ExcitatoryOnly(sign))
    return network


def signs(units: int, excitatory: float) -> Tensor:
    """+1 for the first units, the given fraction of them, and −1 for the others; refused if one kind would be missing.

    Parameters
    ----------
    units : int
    excitatory : float
    """
    count = round(number(excitatory) * units) if 0 < number(excitatory) < 1 else 0
    if not 0 < count < units:
        raise ValueError(
            f"excitatory is a fraction that leaves both kinds among {units} units, 0.8 for instance, got {excitatory!r}."
        )
    return torch.where(torch.arange(units) < count, 1.0, -1.0)


def spectral_radius_of(W: Tensor) -> float:
    """The largest |λ| of the eigenvalues of a matrix.

    Parameters
    ----------
    W : Tensor
        units × units.
    """
    return float(torch.linalg.eigvals(W.detach().double().cpu()).abs().max())
