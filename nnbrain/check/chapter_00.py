"""Feedback on the exercises of notebook 00, start here."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed


def one_layer(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 1: r = f(W x + b) for a single example, f the rectifier.

    Parameters
    ----------
    function : callable
        The student's: (W, units × inputs; x, inputs; b, units) → units.

    Raises
    ------
    Wrong
    """
    W = torch.tensor([[1.0, -2.0, 2.0], [0.5, 1.0, -1.0], [-1.5, 0.25, 2.0]])
    x, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.25, -0.5, 1.0])
    c = W @ x + b
    answer = call(function, W, x, b, what="one_layer")
    mistakes = {
        "The activation function is missing: rates are never below 0. Use torch.relu(…).": c,
        "The bias is missing: add b before you take the rectifier.": torch.relu(W @ x),
        "The bias is subtracted; it is added.": torch.relu(W @ x - b),
        "The bias is added after the rectifier; it belongs inside.": torch.relu(W @ x) + b,
        "The weights are the wrong way round: W is units × inputs, so a unit's weights are a row of it. Use W @ x.": torch.relu(
            W.T @ x + b
        ),
        "W * x multiplies entry by entry and sums nothing. The matrix product is W @ x.": torch.relu(
            (W * x).sum(0) + b
        ),
    }
    hints = {"shape": "One unit, one number: W @ x, not W * x."}
    compare(answer, torch.relu(c), "one_layer", mistakes, hints)
    wide = torch.ones(2, 5)
    compare(
        call(function, wide, torch.ones(5), torch.zeros(2), what="one_layer"),
        [5, 5],
        "one_layer of 2 units and 5 inputs",
    )
    passed("Exercise 1: this line is Equation 2, and most of what networks are made of.")


def count_parameters(function: Callable[[list[int]], int]) -> None:
    """Exercise 2: how many weights and biases a multilayer perceptron has.

    Parameters
    ----------
    function : callable
        The student's: the list of layer sizes, from input to output → a number.

    Raises
    ------
    Wrong
    """
    sizes = [5, 7, 3]
    answer = call(function, list(sizes), what="count_parameters")
    if isinstance(answer, float) and answer != int(answer):
        raise Wrong(f"count_parameters says {answer}: a number of parameters is whole.")
    pairs = list(pairwise(sizes))
    mistakes = {
        "The biases are missing: every unit after the input has one.": sum(m * n for m, n in pairs),
        "The input has no biases: it is given, not computed.": sum(m * n for m, n in pairs) + sum(sizes),
        "You counted the units. Count the connections between them, and the biases.": sum(sizes),
        "You counted the biases only, or one weight for each unit.": sum(sizes[1:]),
        "Layers are joined to the next one only, not all with all.": sizes[0] * sizes[1] * sizes[2],
        "The last layer's weights are missing: is your loop one short?": sizes[0] * sizes[1] + sizes[1],
        "The output has biases too.": sum(m * n for m, n in pairs) + sum(sizes[1:-1]),
    }
    compare(answer, sum((m + 1) * n for m, n in pairs), "count_parameters([5, 7, 3])", mistakes)
    compare(call(function, [64, 10], what="count_parameters"), 650, "count_parameters([64, 10])")
    deep = call(function, [2, 3, 4, 5, 6], what="count_parameters")
    compare(deep, 9 + 16 + 25 + 36, "count_parameters([2, 3, 4, 5, 6])")
    passed("Exercise 2: now you know what 'a network with 9,610 parameters' means.")
