"""Attention as a gain field: what the brain does, multiplying the responses of neurons."""

import torch
from torch import Tensor, nn

from nnbrain.arguments import at_least_zero, positive
from nnbrain.networks.base import check_input
from nnbrain.networks.key_value_attention import SCORES


class GainField(nn.Module):
    """Attention as the cortex seems to do it: a gain, larger the nearer the attended place is to what a unit prefers.

    r_i(x_q) = α_i(x_q) r̃_i,   α_i(x_q) = b + s exp(−|x_i − x_q|² / 2w²)

    Places may lie in the visual field (spatial attention) or in a space of features (feature attention); for angles give points of
    a circle, (cos, sin). With b = 0 and s = 1 this is `KeyValueAttention` with keys x_i, query x_q, ``score="distance"``,
    ``temperature=w²``, values r̃_i e_i (each unit an output of its own), and ``normalize="exp"``: the weights are not normalized.

    Parameters
    ----------
    places : Tensor or sequence
        x_i, what each unit prefers: units × dimensions, or (units,) on a line.
    width : float
        w, of the attended region, in the units of x.
    strength : float
        s, how much the gain rises where attention is.
    baseline : float
        b, the gain far away from it.

    Attributes
    ----------
    places : Tensor
        units × dimensions.

    Raises
    ------
    ValueError
        If the places are none, the width is not positive, or strength or baseline is negative.

    Source: Primer, section 5.2 (Attention); Reynolds & Heeger 2009.

    Examples
    --------
    >>> field = GainField(torch.linspace(-10, 10, 5), width=5.0)
    >>> field(torch.ones(5), 0.0)  # attention at 0
    tensor([1.1353, 1.6065, 2.0000, 1.6065, 1.1353])
    """

    def __init__(self, places: Tensor, *, width: float, strength: float = 1.0, baseline: float = 1.0):
        super().__init__()
        places = torch.as_tensor(places).detach()
        places = places.clone() if places.is_floating_point() else places.to(torch.get_default_dtype())
        if places.ndim not in (1, 2) or places.numel() == 0 or not torch.isfinite(places).all():
            raise ValueError(
                f"places should be finite numbers, units × dimensions or (units,), got shape {tuple(places.shape)}."
            )
        self._on_a_line = places.ndim == 1
        self.register_buffer("places", places.unsqueeze(1) if self._on_a_line else places)
        self.width = positive(width, "width")
        self.strength = at_least_zero(strength, "strength")
        self.baseline = at_least_zero(baseline, "baseline")

    def gains(self, attended: Tensor | float) -> Tensor:
        """The gains α of all units.

        Parameters
        ----------
        attended : Tensor, sequence of float, or float
            x_q: dimensions, or trials × dimensions. For places on a line a number, or (trials,).

        Returns
        -------
        Tensor
            (units,), or trials × units.

        Raises
        ------
        ValueError
            If the attended place has other dimensions than the units' places.
        """
        x_q = torch.as_tensor(attended).to(self.places)
        x_q = x_q.unsqueeze(-1) if self._on_a_line else x_q
        if x_q.ndim == 0 or x_q.shape[-1] != self.places.shape[1]:
            wanted = "a number, or (trials,)" if self._on_a_line else f"(trials × ) {self.places.shape[1]} dimensions"
            raise ValueError(f"the attended place is {wanted}, got shape {tuple(torch.as_tensor(attended).shape)}.")
        similarity = torch.exp(SCORES["distance"](x_q.unsqueeze(-2), self.places).squeeze(-2) / self.width**2)
        return self.baseline + self.strength * similarity

    def forward(self, responses: Tensor, attended: Tensor | float) -> Tensor:
        """The responses with attention at a place.

        Parameters
        ----------
        responses : Tensor
            r̃, … × units, as they would be without.
        attended : Tensor, sequence of float, or float
            x_q, for all trials or each of them; see `gains`.

        Returns
        -------
        Tensor
            r, of the shape of the responses.

        Raises
        ------
        TypeError
            If the responses are no tensor, or not of the type of the places.
        ValueError
            If the responses have other units, or attended places are given for other trials.
        """
        check_input(self, responses, self.places.dtype)
        alpha = self.gains(attended)
        if responses.shape[-1:] != alpha.shape[-1:] or alpha.shape[:-1] not in ((), responses.shape[:-1]):
            raise ValueError(
                f"this field has gains for {len(self.places)} units and, for these attended places, of shape {tuple(alpha.shape)}; "
                f"got responses of shape {tuple(responses.shape)}."
            )
        return alpha * responses

    def extra_repr(self) -> str:
        """Units, width, strength and baseline, for ``print(network)``."""
        return f"{len(self.places)} units, width={self.width:g}, strength={self.strength:g}, baseline={self.baseline:g}"
