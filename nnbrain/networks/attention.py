"""Attention, a canonical computation in two forms: a gain field over neurons, and machine learning's soft dictionary.

`SelfAttention` is the layer of machine learning that is built on the dictionary.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive, positive_integer
from nnbrain.networks.base import check_input, check_sequence
from nnbrain.networks.initialization import initialize


def _dot(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.mT


def _scaled_dot(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.mT / q.shape[-1] ** 0.5


def _distance(q: Tensor, k: Tensor) -> Tensor:
    return -(q.unsqueeze(-2) - k.unsqueeze(-3)).square().sum(-1) / 2


def _equal(q: Tensor, k: Tensor) -> Tensor:
    return (q.unsqueeze(-2) == k.unsqueeze(-3)).all(-1).to(q.dtype)


def _none(c: Tensor) -> Tensor:
    return c


def _softmax(c: Tensor) -> Tensor:
    return c.softmax(-1)  # Eq. 42


def _hard(c: Tensor) -> Tensor:
    best = (c == c.amax(-1, keepdim=True)).to(c.dtype)
    return best / best.sum(-1, keepdim=True)


SCORES = {"dot": _dot, "scaled dot": _scaled_dot, "distance": _distance, "equal": _equal}
NORMALIZATIONS = {"softmax": _softmax, "hard": _hard, "exp": torch.exp, "none": _none}


class KeyValueAttention(nn.Module):
    """Attention as a soft dictionary: what a query retrieves is a sum of all values, each weighted by how well its key fits.

    c_i = score(q, k⁽ⁱ⁾) / T,   α = normalize(c),   y = Σᵢ α_i v⁽ⁱ⁾

    With the softmax, α_i = exp(c_i) / Σⱼ exp(c_j): the lower the temperature T, the harder the choice. If the best key is ahead of
    the other N − 1 by Δ in score, its weight is at least 1 / (1 + (N − 1) exp(−Δ/T)).

    Parameters
    ----------
    temperature : float
        T.
    score : str or callable
        "dot", qᵀk; "scaled dot", qᵀk / √d; "distance", −|q − k|²/2, with which exp(c) is Gaussian, of width √T; "equal", 1 for the
        same vector and 0 for any other. Or a function of queries, … × Q × d, and keys, … × N × d, that gives … × Q × N.
    normalize : str or callable
        "softmax"; "hard", all weight to the best key (shared where several are), the limit of the softmax at low temperature;
        "exp", α = exp(c), without normalization; "none", α = c. Or a function of c, … × Q × N, that gives α of the same shape, and
        that takes −∞ where a key is masked. ``score="equal", normalize="none"`` is an ordinary dictionary, Equation 38.

    Attributes
    ----------
    alpha : nn.Identity
        The weights α pass through it, so that `record` sees them.

    Raises
    ------
    ValueError
        If T is not positive, or a name is unknown.
    TypeError
        If score or normalize is neither a name nor a function.

    Source: Primer, Equations 38-42; Bahdanau, Cho & Bengio 2015; Vaswani et al. 2017.

    Examples
    --------
    >>> keys, values = torch.eye(3), torch.tensor([[10.0], [20.0], [30.0]])
    >>> KeyValueAttention(temperature=0.01)(keys[1], keys, values)
    tensor([20.])
    >>> KeyValueAttention()(torch.randn(32, 16), torch.randn(32, 5, 16), torch.randn(32, 5, 8)).shape  # a query a trial
    torch.Size([32, 8])
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        score: str | Callable[[Tensor, Tensor], Tensor] = "dot",
        normalize: str | Callable[[Tensor], Tensor] = "softmax",
    ):
        super().__init__()
        self.temperature = positive(temperature, "temperature")
        self.score = _function(score, "score", SCORES)
        self.normalize = _function(normalize, "normalize", NORMALIZATIONS)
        self.alpha = nn.Identity()

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the queries retrieve.

        Parameters
        ----------
        query : Tensor
            q, one for each set of keys, … × d, an axis fewer than the keys have; or Q of them, … × Q × d.
        keys : Tensor
            k, … × N × d.
        values : Tensor
            v, … × N × values.
        mask : Tensor of bool, optional
            Of the shape of the weights, or one that can be expanded to it: False for keys that are never attended.

        Returns
        -------
        Tensor
            y, … × values for one query, … × Q × values for several.

        Raises
        ------
        TypeError, ValueError
            As `weights`; also if the values are not as many as the keys.
        """
        if not isinstance(values, Tensor) or values.dtype != getattr(keys, "dtype", None):
            raise TypeError(f"values should be a tensor of the keys' type, got {_kind(values)} beside {_kind(keys)}.")
        if values.shape[:-1] != keys.shape[:-1]:
            raise ValueError(
                f"there should be a value for each key: keys of shape {tuple(keys.shape)} need values of shape "
                f"({', '.join(map(str, keys.shape[:-1]))}, values), got {tuple(values.shape)}."
            )
        alpha = self.weights(query, keys, mask)
        single = query.ndim < keys.ndim
        y = (alpha.unsqueeze(-2) if single else alpha) @ values  # Eq. 39
        return y.squeeze(-2) if single else y

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
        """The attentional weights α.

        Parameters
        ----------
        query, keys, mask : Tensor
            As for `forward`.

        Returns
        -------
        Tensor
            … × N for one query, … × Q × N for several.

        Raises
        ------
        TypeError
            If queries and keys are no floating-point tensors of the same type, or the mask is not of booleans.
        ValueError
            If the shapes do not fit, or the mask leaves a query without any key.
        """
        _check_keys(query, keys)
        single = query.ndim < keys.ndim
        c = self.score(query.unsqueeze(-2) if single else query, keys) / self.temperature  # Eq. 40, … × Q × N
        c = c.squeeze(-2) if single else c
        expected = (*query.shape[:-1], keys.shape[-2])
        if c.shape != expected:
            raise ValueError(
                f"the score should give a number for each query and key, {expected}, got {tuple(c.shape)}."
            )
        if mask is None:
            alpha = self.normalize(c)  # Eq. 41
        else:
            ignored = ~_checked_mask(mask, expected)
            alpha = self.normalize(c.masked_fill(ignored, -torch.inf)).masked_fill(ignored, 0.0)
        if alpha.shape != expected:
            raise ValueError(f"normalize should keep the shape of the scores, {expected}, got {tuple(alpha.shape)}.")
        return self.alpha(alpha)

    def extra_repr(self) -> str:
        """Temperature, score and normalization, for ``print(network)``."""
        names = (_name(self.score, SCORES), _name(self.normalize, NORMALIZATIONS))
        return f"temperature={self.temperature:g}, score={names[0]}, normalize={names[1]}"


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
        similarity = torch.exp(_distance(x_q.unsqueeze(-2), self.places).squeeze(-2) / self.width**2)
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


def _function(given: str | Callable, name: str, known: dict[str, Callable]) -> Callable:
    if isinstance(given, str):
        if given not in known:
            raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, or a function, got {given!r}.")
        return known[given]
    if not callable(given):
        raise TypeError(f"{name} is a name or a function, got {given!r}.")
    return given


def _name(function: Callable, known: dict[str, Callable]) -> str:
    names = [repr(name) for name, named in known.items() if named is function]
    return names[0] if names else getattr(function, "__name__", type(function).__name__)


def _kind(value) -> str:
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


def _check_keys(query: Tensor, keys: Tensor) -> None:
    if not isinstance(query, Tensor) or not isinstance(keys, Tensor) or query.dtype != keys.dtype:
        raise TypeError(f"queries and keys should be tensors of the same type, got {_kind(query)} and {_kind(keys)}.")
    if not keys.is_floating_point():
        raise TypeError(f"queries and keys should be floating point, got {keys.dtype}: use .float().")
    several = query.ndim == keys.ndim
    fits = keys.ndim >= 2 and query.ndim >= 1 and 0 not in keys.shape and query.shape[-1] == keys.shape[-1]
    if not fits or query.shape[: -2 if several else -1] != keys.shape[:-2]:
        raise ValueError(
            "keys are … × N × d, and there is one query for each set of them, … × d, or several, … × Q × d; got keys of shape "
            f"{tuple(keys.shape)} and a query of shape {tuple(query.shape)}."
        )


def _checked_mask(mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The mask, if it is one of booleans that fits weights of this shape and leaves a key for each query."""
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        raise TypeError(f"a mask should be a tensor of booleans, True for keys that count, got {_kind(mask)}.")
    try:
        mask.expand(shape)
    except RuntimeError:
        raise ValueError(f"a mask of shape {tuple(mask.shape)} does not fit weights of shape {shape}.") from None
    if not mask.any(-1).all():
        raise ValueError("the mask leaves a query without any key that it may attend to.")
    return mask
