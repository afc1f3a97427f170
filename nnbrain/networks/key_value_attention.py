"""Key–value attention: a soft dictionary, which machine learning calls attention."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nnbrain.arguments import positive
from nnbrain.networks.base import kind_of


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
            raise TypeError(
                f"values should be a tensor of the keys' type, got {kind_of(values)} beside {kind_of(keys)}."
            )
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


def _check_keys(query: Tensor, keys: Tensor) -> None:
    if not isinstance(query, Tensor) or not isinstance(keys, Tensor) or query.dtype != keys.dtype:
        raise TypeError(
            f"queries and keys should be tensors of the same type, got {kind_of(query)} and {kind_of(keys)}."
        )
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
        raise TypeError(f"a mask should be a tensor of booleans, True for keys that count, got {kind_of(mask)}.")
    try:
        mask.expand(shape)
    except RuntimeError:
        raise ValueError(f"a mask of shape {tuple(mask.shape)} does not fit weights of shape {shape}.") from None
    if not mask.any(-1).all():
        raise ValueError("the mask leaves a query without any key that it may attend to.")
    return mask
