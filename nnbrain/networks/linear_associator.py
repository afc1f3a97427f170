"""The linear associator: a matrix that keeps pairs of a key and a value as a sum of outer products, on top of each other."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nnbrain.arguments import number, positive, positive_integer
from nnbrain.networks.base import kind_of


class LinearAssociator(nn.Module):
    """A memory of pairs in one matrix A, written by Hebb's rule or by the delta rule, and read by a product.

    Hebb:   A ← λ A + η v kᵀ
    delta:  A ← λ A + η (v − A k) kᵀ
    read:   v̂ = A q

    The delta rule stores only what A does not say yet: with η = λ = |k| = 1 the pair written last is recalled exactly, and all
    pairs are, if their keys are linearly independent, once they were written often enough. What Hebb's rule recalls is linear
    attention, attention without softmax: v̂ = η Σ_t λ^(T−t) (k_t · q) v_t.

    Parameters
    ----------
    rule : "hebb" or "delta"
    rate : float
        η.
    decay : float
        λ, from 0 to 1.

    Raises
    ------
    ValueError
        If the rule is unknown, or a number out of its range.

    Source: Primer, Equation 45; Kohonen 1972; Schmidhuber 1992; Schlag, Irie & Schmidhuber 2021.

    Examples
    --------
    >>> memory = LinearAssociator()
    >>> A = memory.store(keys, values)  # … × pairs × N and … × pairs × M give … × M × N
    >>> recalled = memory.recall(A, keys)  # … × pairs × M
    """

    def __init__(self, rule: str = "hebb", *, rate: float = 1.0, decay: float = 1.0):
        super().__init__()
        if rule not in ("hebb", "delta"):
            raise ValueError(f"rule should be 'hebb' or 'delta', got {rule!r}.")
        if not 0 <= number(decay) <= 1:
            raise ValueError(f"decay is λ, what is left of the memory after a pair, from 0 to 1, got {decay!r}.")
        self.rule, self.rate, self.decay = rule, positive(rate, "rate"), number(decay)

    def write(self, A: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """The memory after one more pair.

        Parameters
        ----------
        A : Tensor
            … × M × N.
        key, value : Tensor
            … × N and … × M.

        Returns
        -------
        Tensor
            … × M × N.
        """
        new = value - (A @ key.unsqueeze(-1)).squeeze(-1) if self.rule == "delta" else value
        return self.decay * A + self.rate * new.unsqueeze(-1) * key.unsqueeze(-2)

    def states(self, keys: Tensor, values: Tensor) -> Tensor:
        """The memory after each pair, from an empty one.

        Parameters
        ----------
        keys, values : Tensor
            … × pairs × N and … × pairs × M.

        Returns
        -------
        Tensor
            … × pairs × M × N.

        Raises
        ------
        TypeError
            If keys and values are no tensors of the same floating-point type.
        ValueError
            If there are not as many keys as values, or none.
        """
        return torch.stack([*self._after_each(keys, values)], -3)

    def store(self, keys: Tensor, values: Tensor) -> Tensor:
        """The memory after all pairs, in their order; see `states`.

        Parameters
        ----------
        keys, values : Tensor
            … × pairs × N and … × pairs × M.

        Returns
        -------
        Tensor
            … × M × N.
        """
        for A in self._after_each(keys, values):  # noqa: B007  only the last is kept, as all together may be large
            pass
        return A

    def _after_each(self, keys: Tensor, values: Tensor) -> Iterator[Tensor]:
        """The memory after each pair, one by one."""
        _check_pairs(keys, values)
        A = keys.new_zeros(*keys.shape[:-2], values.shape[-1], keys.shape[-1])
        for key, value in zip(keys.unbind(-2), values.unbind(-2), strict=True):
            A = self.write(A, key, value)
            yield A

    def recall(self, A: Tensor, queries: Tensor) -> Tensor:
        """What the memory says, v̂ = A q.

        Parameters
        ----------
        A : Tensor
            … × M × N.
        queries : Tensor
            … × Q × N.

        Returns
        -------
        Tensor
            … × Q × M.

        Raises
        ------
        TypeError
            If one is no tensor, or of another type than the other.
        ValueError
            If the queries are of another size than the keys, or have no axis of queries.
        """
        if not isinstance(queries, Tensor) or not isinstance(A, Tensor) or queries.dtype != A.dtype:
            raise TypeError(
                f"memory and queries should be tensors of the same type, got {kind_of(A)} and {kind_of(queries)}."
            )
        if queries.shape[-1:] != A.shape[-1:] or (A.ndim > 2 and queries.ndim < A.ndim):
            raise ValueError(
                f"this memory has keys of size {A.shape[-1]}, so queries are … × Q × {A.shape[-1]}, got {tuple(queries.shape)}."
            )
        return queries @ A.mT

    def forward(self, keys: Tensor, values: Tensor, queries: Tensor) -> Tensor:
        """Store all pairs, then recall; see `store` and `recall`.

        Parameters
        ----------
        keys, values, queries : Tensor
            … × pairs × N, … × pairs × M and … × Q × N.

        Returns
        -------
        Tensor
            … × Q × M.
        """
        return self.recall(self.store(keys, values), queries)

    def expected_error(self, pairs: int, size: int, age: int = 0, *, overlap: float | None = None) -> float:
        """The mean of |v̂ − v|² in theory, for random pairs, each with |k| = |v| = 1, that were written once.

        Hebb:   (1 − η λᵃ)² + η² ω (Σ_{j<P} λ²ʲ − λ²ᵃ)

        The first part is what η and λ make of the value itself, the second the interference of the other pairs; ω = E[(k · k′)²]
        is 1/N for keys that have nothing in common. With λ = η = 1 this is (P − 1) ω. For the delta rule the means of |A|², |A k|²
        and v · A k are followed from pair to pair, for keys that point in all directions alike.

        Parameters
        ----------
        pairs : int
            P, how many are stored.
        size : int
            N, of the keys.
        age : int
            a, how many pairs were written after the one that is asked for.
        overlap : float, optional
            ω, for Hebb's rule; 1/N by default.

        Raises
        ------
        ValueError
            If a number is out of its range; if there is an overlap and the rule is delta.
        """
        P, N = positive_integer(pairs, "pairs"), positive_integer(size, "size")
        if isinstance(age, bool) or age not in range(P):
            raise ValueError(f"with {P} pairs the age of one is an integer from 0 to {P - 1}, got {age!r}.")
        if overlap is not None and not 0 <= number(overlap) <= 1:
            raise ValueError(f"overlap is the mean squared product of two keys, from 0 to 1, got {overlap!r}.")
        eta, decay = self.rate, self.decay
        if self.rule == "hebb":
            others = sum(decay ** (2 * j) for j in range(P)) - decay ** (2 * age)
            return (1 - eta * decay**age) ** 2 + eta**2 * (1 / N if overlap is None else overlap) * others
        if overlap is not None:
            raise ValueError(
                "the error of the delta rule is known for keys that have nothing in common: leave overlap out."
            )
        return self._expected_error_of_delta(P, N, age)

    def _expected_error_of_delta(self, P: int, N: int, age: int) -> float:
        """The error from three means, each of which has a linear recursion.

        A write makes A (λ − η k kᵀ) + η v kᵀ of A. Keys that point in all directions alike have E[k kᵀ] = I/N and
        E[k kᵀ (k · q)²] = (I + 2 q qᵀ) / (N (N + 2)).
        """
        eta, decay = self.rate, self.decay
        size = 0.0  # E |A|², the sum over all elements
        for t in range(P):
            if t == P - 1 - age:  # the pair that will be asked for
                square, match = (decay - eta) ** 2 * size / N + eta**2, eta  # E |A k|², E [v · A k]
            elif t > P - 1 - age:
                square = (
                    (decay**2 - 2 * decay * eta / N) * square
                    + eta**2 * (size + 2 * square) / (N * (N + 2))
                    + eta**2 / N
                )
                match *= decay - eta / N
            size = (decay**2 - 2 * decay * eta / N + eta**2 / N) * size + eta**2
        return square - 2 * match + 1

    def extra_repr(self) -> str:
        """Rule, η and λ, for ``print(memory)``."""
        return f"rule={self.rule!r}, rate={self.rate:g}, decay={self.decay:g}"


def _check_pairs(keys: Tensor, values: Tensor) -> None:
    floating = all(isinstance(part, Tensor) and part.is_floating_point() for part in (keys, values))
    if not floating or keys.dtype != values.dtype:
        kinds = [str(part.dtype) if isinstance(part, Tensor) else type(part).__name__ for part in (keys, values)]
        raise TypeError(
            f"keys and values should be tensors of the same floating-point type, got {' and '.join(kinds)}."
        )
    if keys.ndim < 2 or keys.shape[:-1] != values.shape[:-1] or 0 in keys.shape or 0 in values.shape:
        raise ValueError(
            f"keys are … × pairs × N and values … × pairs × M, with one pair or more, got {tuple(keys.shape)} and "
            f"{tuple(values.shape)}."
        )
