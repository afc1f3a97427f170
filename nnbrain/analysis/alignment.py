"""Centred kernel alignment: how much of the similarity structure of stimuli two populations share, in one number.

Unlike regression it asks for no mapping from one to the other, and unlike canonical correlation it minds which directions are
large.
"""

from torch import Tensor

from nnbrain.analysis import _arguments


def cka(a: Tensor, b: Tensor, *, debiased: bool = False) -> float:
    """Linear centred kernel alignment of responses to the same stimuli: 1 if they differ by a rotation and a scaling only.

    With A and B the responses less the mean over stimuli, CKA = |AᵀB|² / (|AᵀA| |BᵀB|), in Frobenius norms; the same as Σᵢⱼ
    KᵢⱼLᵢⱼ / (|K| |L|) with the kernels K = AAᵀ and L = BBᵀ. Rotations, shifts and one common scale change nothing, other
    invertible linear maps do. It needs many stimuli: *independent* responses of p units each to n stimuli give about p / (n +
    p). The debiased estimate gives about 0 for them (and may be a little below).

    Parameters
    ----------
    a, b : Tensor
        stimuli × units, of the same stimuli in the same order; the numbers of units may differ.
    debiased : bool
        Whether to put the unbiased estimator of the Hilbert–Schmidt independence criterion in all three places.

    Returns
    -------
    float
        From 0 to 1; debiased also a little outside.

    Raises
    ------
    TypeError
        If something is no tensor of floating-point numbers.
    ValueError
        If the stimuli differ in number or are too few (two; debiased four), or a population responds to all stimuli alike.

    Source: Primer, section 4 (similarity comparison); Kornblith et al. 2019; Song et al. 2012 (debiased).

    Examples
    --------
    >>> cka(record(network, images)["rates.0"].flatten(1), v1)
    """
    a, b = (_arguments.responses(x, name, "stimuli × units") for x, name in ((a, "a"), (b, "b")))
    if len(a) != len(b):
        raise ValueError(
            f"a and b should be of the same stimuli, got {len(a)} and {len(b)}: take the same rows of both."
        )
    _arguments.at_least(len(a), 4 if debiased else 2, "stimuli" + (" for the debiased estimate" if debiased else ""))
    a, b = _centred(a, "a"), _centred(b, "b").to(a.device)
    between, within = _hsic(a, b, debiased), _hsic(a, a, debiased) * _hsic(b, b, debiased)
    if within <= 0:
        raise ValueError(
            "the stimuli are too few to estimate how the responses vary without bias: use more, or debiased=False."
        )
    return float(between / within.sqrt())


def _centred(x: Tensor, name: str) -> Tensor:
    if (x == x[:1]).all():
        raise ValueError(f"{name} has the same responses to all stimuli, and is aligned with nothing: leave it out.")
    x = _arguments.double(x)
    x = x - x.mean(0)
    return x / x.norm()  # the scale does not count


def _hsic(a: Tensor, b: Tensor, debiased: bool) -> Tensor:
    """Σᵢⱼ KᵢⱼLᵢⱼ of the centred kernels; or the unbiased estimate, which leaves out the diagonals and corrects for that."""
    n = len(a)
    # The same number either way: take the smaller matrices.
    in_features = a.shape[1] * b.shape[1] < n * (a.shape[1] + b.shape[1])
    products = (a.T @ b).square().sum() if in_features else ((a @ a.T) * (b @ b.T)).sum()
    if not debiased:
        return products
    # The rows of a centred kernel add up to 0, and without its diagonal to minus the diagonal.
    k, m = a.square().sum(1), b.square().sum(1)
    return (products - k @ m + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k @ m) / (n - 2)) / (n * (n - 3))
