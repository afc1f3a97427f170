"""What the networks have in common whose neurons hear from below at basal dendrites, and from above at apical ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from torch import Generator, Tensor, nn

from nnbrain.arguments import positive, positive_integers
from nnbrain.networks.activations import Activation
from nnbrain.networks.initialization import initialize
from nnbrain.networks.layered import check_layer

Parts = tuple[Tensor, ...]


@dataclass(frozen=True)
class Conductances:
    """How strongly a soma is coupled to each thing that pulls at its potential; by default as in Sacramento et al. 2018.

    Only their ratios matter.

    Parameters
    ----------
    leak : float
        To rest, potential 0.
    basal, apical : float
        To the two dendrites of a pyramidal neuron.
    dendritic : float
        To the dendrite of an interneuron.
    somatic : float
        Between an interneuron and the pyramidal neuron above that teaches it.
    target : float
        Between an output neuron and its target, while there is one.

    Raises
    ------
    ValueError
        If one is not a positive number.
    """

    leak: float = 0.1
    basal: float = 1.0
    apical: float = 0.8
    dendritic: float = 1.0
    somatic: float = 0.8
    target: float = 0.8

    def __post_init__(self):
        for field in fields(self):
            object.__setattr__(self, field.name, positive(getattr(self, field.name), field.name))


class Dendritic(nn.Module):
    """Layers of pyramidal neurons; all but the last, which is linear, have apical dendrites that hear from above.

    A subclass gives `attenuation` and `relax`, and for the rule `DendriticErrors` also `errors` and `amplification`.

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, from the input to the output.
    activation : str or callable
        f of the hidden layers.
    conductances : Conductances or None
        None for those of the paper.
    bias : bool
        Whether the basal weights have biases.
    generator : torch.Generator or None
        Draws the initial weights, as in `MLP`.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        Basal weights W_k and biases b_k.
    f : nn.ModuleList of Activation
        One for each layer.

    Raises
    ------
    ValueError
        If there is no hidden layer.
    TypeError
        If the conductances are of another type.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Callable[[Tensor], Tensor],
        conductances: Conductances | None,
        bias: bool,
        generator: Generator | None,
    ):
        super().__init__()
        self.sizes = positive_integers(sizes, "sizes")
        if len(self.sizes) < 3:
            raise ValueError(
                "sizes are those of the input, of one hidden layer or more, and of the output, [64, 32, 10] for instance; "
                f"got {self.sizes}."
            )
        self.conductances = Conductances() if conductances is None else conductances
        if not isinstance(self.conductances, Conductances):
            raise TypeError(f"conductances are given as Conductances(target=0.1), for instance, got {conductances!r}.")
        self.layers = nn.ModuleList(nn.Linear(m, n, bias=bias) for m, n in pairwise(self.sizes))
        self.f = nn.ModuleList([*(Activation(activation) for _ in self.sizes[1:-1]), Activation("linear")])
        for layer, f in zip(self.layers, self.f, strict=True):
            initialize([layer], f, generator)

    def attenuation(self) -> list[float]:
        """What a subclass defines: for each layer the share of a basal potential that reaches the soma while all else rests."""
        raise NotImplementedError

    def relax(self, x: Tensor, target: Tensor | None = None) -> tuple:
        """What a subclass defines: all potentials at rest, a NamedTuple with a field ``soma``."""
        raise NotImplementedError

    def outputs(self, state: tuple) -> Tensor:
        """The potentials of the output neurons, trials × sizes[-1].

        Parameters
        ----------
        state : Potentials or Phase
            As `relax` returns it.
        """
        return state.soma[-1]

    def feedforward(self, x: Tensor) -> Tensor:
        """The outputs while apical dendrites are silent: those of an `MLP` whose sums are attenuated on their way to the soma.

        They can be differentiated: this is the gradient that `DendriticErrors` estimates.

        Parameters
        ----------
        x : Tensor
            trials × sizes[0].

        Returns
        -------
        Tensor
            trials × sizes[-1].

        Raises
        ------
        TypeError, ValueError
            If x does not fit.
        """
        self._check(x)
        return self._rise(x)[0][-1]

    def _rise(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Somatic and basal potentials while apical dendrites are silent."""
        soma, basal, r = [], [], x
        for layer, f, share in zip(self.layers, self.f, self.attenuation(), strict=True):
            basal.append(layer(r))
            soma.append(share * basal[-1])
            r = f(soma[-1])
        return soma, basal

    def _check(self, x: Tensor, target: Tensor | None = None) -> None:
        check_layer(self, x, 0, "the input")
        if target is not None:
            check_layer(self, target, len(self.sizes) - 1, "a target", len(x))

    def extra_repr(self) -> str:
        """The sizes, for ``print(network)``."""
        return f"{self.sizes}"
