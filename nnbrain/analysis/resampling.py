"""How sure a comparison of dissimilarity matrices is: bootstrap over stimuli and subjects, permutation of stimuli.

Resampled matrices are never made. A stimulus drawn w times counts w times, so a pair of stimuli counts wᵢwⱼ times: every comparison
of a resample is one of the whole matrices with these weights.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Generator, Tensor

from nnbrain.analysis import _arguments
from nnbrain.analysis.dissimilarity import pairs, profiles
from nnbrain.arguments import positive_integer

METHODS = ("pearson", "spearman", "cosine")
FEWEST = 3  # stimuli: two have one pair, which correlates with nothing


def bootstrap_rdm_comparison(
    models: Tensor,
    data: Tensor,
    method: str = "spearman",
    *,
    resamples: int = 1000,
    over: Sequence[str] = ("stimuli",),
    generator: Generator | None = None,
) -> Tensor:
    """The comparison of models with data, had other stimuli or other subjects been drawn from the same populations.

    As many stimuli (subjects) are drawn as there are, with replacement. A pair of a stimulus with its own copy is left out, as
    its dissimilarity is 0 by construction. With w the multiplicities of the stimuli, cosine and Pearson correlation are made of
    bilinear forms, Σᵢⱼ wᵢ wⱼ Aᵢⱼ Bᵢⱼ = wᵀ(A∘B)w; for Spearman the rank of an entry is what the weights of all smaller ones add
    up to, and half that of its ties. All models meet the same draws, so differences between models are distributed as
    differences of columns.

    A resample in which nothing can be compared (fewer than three different stimuli, or a matrix that is constant on those
    drawn) is drawn again. Memory beyond the matrices: some 40 bytes for each pair of stimuli and matrix, whatever the number of
    resamples (0.3 GB for 15 matrices of 1,000 stimuli).

    Parameters
    ----------
    models : Tensor
        [models ×] stimuli × stimuli.
    data : Tensor
        [subjects ×] stimuli × stimuli.
    method : str
        "pearson", "spearman" or "cosine", as in `compare_rdms`.
    resamples : int
    over : sequence of str
        ("stimuli",), ("subjects",) or ("stimuli", "subjects"): to what the conclusion should generalise.
    generator : torch.Generator, optional
        A generator on the CPU; torch's own by default.

    Returns
    -------
    Tensor
        resamples × models: the mean of the comparisons with the subjects. Its quantiles are a confidence interval.

    Raises
    ------
    TypeError, ValueError
        As `compare_rdms`; also if ``over`` names something else, there is one subject to draw from, or the stimuli are so few or so
        alike that hardly any draw can be compared.

    Source: Primer, section 4 (similarity comparison); Nili et al. 2014; Schütt et al. 2023.

    Examples
    --------
    >>> low, high = bootstrap_rdm_comparison(models, subjects).quantile(torch.tensor([0.025, 0.975]), dim=0)
    """
    a, b, dtype = _vectors(models, data, method)
    resamples, over = positive_integer(resamples, "resamples"), _populations(over)
    subjects, stimuli = len(b), models.shape[-1]
    shares = torch.full((resamples, subjects), 1 / subjects, dtype=a.dtype, device=a.device)
    if "subjects" in over:
        _arguments.at_least(subjects, 2, "subjects in data to draw from")
        shares = _multiplicities(resamples, subjects, generator).to(a) / subjects
    if "stimuli" in over:
        compared = _over_stimuli(a, b, stimuli, method, resamples, generator)
    else:
        compared = (profiles(a, method) @ profiles(b, method).T).clamp(-1, 1)  # the same in every resample
    return (compared * shares.unsqueeze(1)).sum(-1).to(dtype)


def _vectors(models: Tensor, data: Tensor, method: str) -> tuple[Tensor, Tensor, torch.dtype]:
    """The entries above the diagonals, and the type of the result."""
    _arguments.option(method, "method", METHODS)
    a, b = pairs(models, "models", method), pairs(data, "data", method)
    if models.shape[-1] != data.shape[-1]:
        raise ValueError(
            f"models and data should be of the same stimuli, got {models.shape[-1]} and {data.shape[-1]}: take the same rows and "
            "columns of both."
        )
    return a, b.to(a), torch.promote_types(models.dtype, data.dtype)


def _populations(over: Sequence[str]) -> set[str]:
    named = {over} if isinstance(over, str) else set(over) if isinstance(over, Iterable) else set()
    if not named or not named <= {"stimuli", "subjects"}:
        raise ValueError(f"over should be ('stimuli',), ('subjects',) or ('stimuli', 'subjects'), got {over!r}.")
    return named


def _multiplicities(resamples: int, n: int, generator: Generator | None) -> Tensor:
    """How often each of n was drawn, resamples × n, in n draws with replacement."""
    drawn = torch.randint(n, (resamples, n), generator=generator)
    return torch.zeros(resamples, n).scatter_add_(1, drawn, torch.ones(resamples, n))


def _over_stimuli(
    a: Tensor, b: Tensor, stimuli: int, method: str, resamples: int, generator: Generator | None
) -> Tensor:
    """The comparisons in each resample of the stimuli, resamples × models × subjects."""
    compare = _by_ranks(a, b, stimuli) if method == "spearman" else _by_bilinear_forms(a, b, stimuli, method)
    compared = torch.full((resamples, len(a), len(b)), torch.nan, dtype=a.dtype, device=a.device)
    for _ in range(1000):
        undefined = compared.isnan().flatten(1).any(1).nonzero().flatten()
        if not len(undefined):
            return compared.clamp(-1, 1)
        for rows in undefined.split(1000):  # bounds the memory
            w = _multiplicities(len(rows), stimuli, generator)
            enough = (w > 0).sum(1) >= FEWEST
            if enough.any():
                compared[rows[enough.to(a.device)]] = compare(w[enough].to(a))
    raise ValueError(
        f"in some resample none of 1,000 draws of the {stimuli} stimuli could be compared: the different stimuli in it were "
        "too few, or some matrix was constant on them. Use more stimuli, or draw subjects only, over=('subjects',)."
    )


def _by_bilinear_forms(a: Tensor, b: Tensor, stimuli: int, method: str):
    """The weighted cosines, or Pearson correlations, of models with data, for multiplicities resamples × stimuli."""
    if method == "pearson":  # the less there is to subtract below, the less is lost
        a, b = (v - v.mean(1, keepdim=True) for v in (a, b))
    a, b = (v / v.abs().amax(1, keepdim=True) for v in (a, b))
    nothing = 100 * torch.finfo(a.dtype).eps if method == "pearson" else 0

    def compare(w: Tensor) -> Tensor:
        def mean(vectors: Tensor) -> Tensor:  # over the pairs of each resample: wᵀVw / Σw, resamples × vectors
            return torch.stack([((w @ _matrix(v, stimuli)) * w).sum(1) / 2 for v in vectors], 1) / total

        total = ((w.sum(1) ** 2 - (w**2).sum(1)) / 2).unsqueeze(1)
        products = torch.stack([mean(b * model) for model in a], 1)
        squares_a, squares_b = mean(a**2), mean(b**2)
        if method == "pearson":
            mean_a, mean_b = mean(a), mean(b)
            products = products - mean_a.unsqueeze(2) * mean_b.unsqueeze(1)
            squares_a, squares_b = squares_a - mean_a**2, squares_b - mean_b**2
        # What is 0 but for rounding is of a matrix that is constant in this resample.
        squares_a, squares_b = (s.masked_fill(s <= nothing, torch.nan) for s in (squares_a, squares_b))
        return products / (squares_a.unsqueeze(2) * squares_b.unsqueeze(1)).sqrt()

    return compare


def _matrix(vector: Tensor, stimuli: int) -> Tensor:
    i, j = torch.triu_indices(stimuli, stimuli, 1, device=vector.device)
    matrix = vector.new_zeros(stimuli, stimuli)
    matrix[i, j] = matrix[j, i] = vector
    return matrix


def _by_ranks(a: Tensor, b: Tensor, stimuli: int):
    """The weighted Spearman correlations of models with data, for multiplicities resamples × stimuli."""
    # All sorting is done here: level[k, p] says that pair p of matrix k has the level[k, p]-th smallest value of it.
    level = torch.stack([vector.unique(return_inverse=True)[1] for vector in (*a, *b)])
    levels = level.split(max(1, 2**20 // level.shape[1]))  # matrices at a time: as many as fit into a processor's cache
    i, j = torch.triu_indices(stimuli, stimuli, 1, device=a.device)
    # Sums of whole numbers are exact in single precision, and faster, as long as they stay below 2²⁴.
    exact = torch.float32 if stimuli**2 < 2**24 else a.dtype

    def one(w: Tensor) -> Tensor:
        weights = w[i] * w[j]
        present = weights.nonzero().squeeze(1)
        weights = weights[present]
        ranks = torch.cat([_ranks(level[:, present], weights, i.numel()) for level in levels])
        products = 0
        for part, weight in zip(ranks.split(2**15, dim=1), weights.split(2**15), strict=True):
            part = part.to(a.dtype)
            products = products + (part * weight) @ part.T
        norms = products.diagonal().sqrt()  # 0 for a matrix that is constant in this resample, which makes NaN
        return products[: len(a), len(a) :] / norms[: len(a), None] / norms[None, len(a) :]

    return lambda multiplicities: torch.stack([one(w) for w in multiplicities.to(exact)])


def _ranks(level: Tensor, weights: Tensor, levels: int) -> Tensor:
    """Twice the middle ranks of pairs that count several times, less twice the mean rank; from the levels of their values."""
    at_level = weights.new_zeros(len(level), levels).scatter_add_(1, level, weights.expand(len(level), -1))
    up_to = at_level.cumsum(1)
    return up_to.mul_(2).sub_(at_level).gather(1, level).sub_(weights.sum())


def permute_rdm_comparison(
    models: Tensor,
    data: Tensor,
    method: str = "spearman",
    *,
    permutations: int = 1000,
    generator: Generator | None = None,
) -> Tensor:
    """The comparison of models with data, if it did not matter which stimulus is which: the null distribution.

    In each permutation the stimuli of the data are shuffled, rows and columns together, the same way for all subjects. (The
    entries of a matrix are not independent, so that shuffling them one by one would call chance significant.)

    Parameters
    ----------
    models : Tensor
        [models ×] stimuli × stimuli.
    data : Tensor
        [subjects ×] stimuli × stimuli.
    method : str
        "pearson", "spearman" or "cosine", as in `compare_rdms`.
    permutations : int
    generator : torch.Generator, optional
        A generator on the CPU; torch's own by default.

    Returns
    -------
    Tensor
        permutations × models: the mean of the comparisons with the subjects. The p-value of a model's actual comparison is
        (1 + the number of these as large) / (1 + permutations).

    Raises
    ------
    TypeError, ValueError
        As `compare_rdms`.

    Source: Primer, section 4 (similarity comparison); Kriegeskorte et al. 2008; Nili et al. 2014.

    Examples
    --------
    >>> actual = compare_rdms(models, subjects, "spearman").mean(1)
    >>> p = (1 + (permute_rdm_comparison(models, subjects) >= actual).sum(0)) / (1 + 1000)
    """
    a, b, dtype = _vectors(models, data, method)
    permutations, stimuli = positive_integer(permutations, "permutations"), models.shape[-1]
    # The mean of the comparisons is one comparison with the mean of the profiles.
    mean = _matrix(profiles(b, method).mean(0), stimuli)
    model = (
        torch.stack([_matrix(profile, stimuli).flatten() for profile in profiles(a, method)]) / 2
    )  # each pair is there twice
    shuffled = []
    for _ in range(permutations):
        p = torch.randperm(stimuli, generator=generator).to(mean.device)
        shuffled.append(model @ mean.index_select(0, p).index_select(1, p).flatten())
    return torch.stack(shuffled).clamp(-1, 1).to(dtype)
