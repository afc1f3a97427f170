"""Clusters of units that respond alike: how many there are, and which unit belongs to which."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_score
from torch import Generator, Tensor

from nnbrain.analysis import _arguments
from nnbrain.arguments import positive_integer, positive_integers

STARTS = 20  # of k-means, from which the best is kept


class UnitClusters(NamedTuple):
    """Units sorted into clusters.

    Attributes
    ----------
    labels : Tensor of int
        (units,) from 0 to clusters − 1. Clusters stand in the order of the features in which their mean is largest; of two that
        share it, the one with the larger mean comes first.
    clusters : int
        k, how many there are.
    silhouette : dict of int to float
        For each k that was tried the mean silhouette, from −1 to 1: the larger, the better the clusters are apart.
    """

    labels: Tensor
    clusters: int
    silhouette: dict[int, float]

    @property
    def order(self) -> Tensor:
        """The numbers of the units, (units,), cluster by cluster: ``x[order]`` is sorted."""
        return self.labels.argsort(stable=True)


def cluster_units(
    x: Tensor,
    *,
    clusters: int | Iterable[int] = range(2, 31),
    method: str = "k-means",
    generator: Generator | None = None,
) -> UnitClusters:
    """Divide units into the clusters that are best apart by their silhouette.

    The silhouette of a unit is (b − a) / max(a, b), with a its mean distance from the other units of its cluster and b that from
    the units of the nearest other cluster; 0 if it is alone in its cluster. Of all numbers of clusters k the one with the largest
    mean over units is taken. A largest one there is always, also where there are no clusters: look how large it is.

    Parameters
    ----------
    x : Tensor
        units × features: ``normalized_variance(…).values.T``, for instance.
    clusters : int or sequence of int
        k, or those to choose from, each 2 or more; those from the number of different units on are left out.
    method : {"k-means", "hierarchical"}
        k-means, the best of 20 random starts, as in Yang et al. 2019; or hierarchical (agglomerative) clustering by Ward's
        criterion, as the Primer's legend has it.
    generator : torch.Generator, optional
        Starts k-means, on the CPU; torch's own by default.

    Returns
    -------
    UnitClusters

    Raises
    ------
    TypeError
        If x is no tensor of floating-point numbers.
    ValueError
        If there is no such method, a value is not finite, or there are too few different units for any of the k.

    Source: Primer, section 4, Figure 5; Yang et al. 2019.

    Examples
    --------
    >>> found = cluster_units(normalized_variance(task_variance(responses)).values.T)
    >>> [found.labels.eq(c).sum() for c in range(found.clusters)]  # units in each
    """
    _arguments.option(method, "method", ("k-means", "hierarchical"))
    data = _arguments.responses(x, "x", "units × features").detach().double().cpu().numpy()
    seed = int(torch.randint(2**31 - 1, (), generator=generator))
    labels, scores = {}, {}
    for k in _numbers(clusters, len(np.unique(data, axis=0))):
        model = KMeans(k, n_init=STARTS, random_state=seed) if method == "k-means" else AgglomerativeClustering(k)
        labels[k] = model.fit_predict(data)
        scores[k] = float(silhouette_score(data, labels[k]))
    best = max(scores, key=scores.get)
    return UnitClusters(torch.as_tensor(_ordered(data, labels[best])).to(x.device), best, scores)


def _numbers(clusters: int | Iterable[int], different: int) -> list[int]:
    """The numbers of clusters to try."""
    if isinstance(clusters, Iterable):
        wanted = sorted(set(positive_integers(clusters, "clusters")))
    else:
        wanted = [positive_integer(clusters, "clusters")]
    if not wanted or wanted[0] < 2:
        raise ValueError(f"clusters should be 2 or more, or a sequence of such numbers, got {clusters!r}.")
    possible = [k for k in wanted if k < different]
    if not possible:
        raise ValueError(f"{different} different units cannot be divided into {wanted[0]} clusters or more: try fewer.")
    return possible


def _ordered(data: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The same clusters, numbered by the feature in which their mean is largest."""
    means = np.stack([data[labels == c].mean(0) for c in range(labels.max() + 1)])  # clusters × features
    rank = np.lexsort((-means.max(1), means.argmax(1))).argsort()
    return rank[labels]
