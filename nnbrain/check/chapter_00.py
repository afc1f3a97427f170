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
    mistakes = {
        "The activation function is missing: rates are never below 0. Use torch.relu(…).": c,
        "The bias is missing: add b before you take the rectifier.": torch.relu(W @ x),
        "The bias is subtracted; it is added.": torch.relu(W @ x - b),
        "The bias is added after the rectifier; it belongs inside.": torch.relu(W @ x) + b,
        "The weights are the wrong way round: W is units × inputs, so a unit's weights are a row of it. Use W @ x.": torch.relu(
            W.T @ x + b
        ),
        "W * x multiplies entry by entry and sums nothing. The matrix product is W @ x.": [
            torch.relu(W * x + b),
            torch.relu((W * x).sum(0) + b),
        ],
        "This sums over the units. Each unit has a rate of its own.": [torch.relu(c).sum(), torch.relu(c.sum())],
        "This is every unit's input plus every unit's bias: b has one entry for each unit, and so has W @ x. Use W @ x + b.": (
            torch.relu(W @ x + b[:, None])
        ),
        "This is another activation function. The exercise asks for f(c) = max(0, c), torch.relu.": [
            torch.tanh(c),
            torch.sigmoid(c),
            c.abs(),
        ],
    }
    compare(call(function, W, x, b, what="one_layer"), torch.relu(c), "one_layer", mistakes)
    answer = call(function, torch.ones(2, 5), torch.ones(5), torch.zeros(2), what="one_layer")
    compare(answer, [5, 5], "one_layer of 2 units and 5 inputs")
    passed("Exercise 1: this line is Equation 2 of the Primer, and most of what networks are made of.")


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
    pairs = list(pairwise(sizes))
    weights = sum(m * n for m, n in pairs)
    mistakes = {
        "The biases are missing: every unit after the input has one.": weights,
        "The input has no biases: it is given, not computed.": weights + sum(sizes),
        "You counted the units. Count the connections between them, and the biases.": sum(sizes),
        "You counted the biases only, or one weight for each unit.": sum(sizes[1:]),
        "Layers are joined to the next one only, not all with all.": 5 * 7 * 3,
        "The last layer's parameters are missing: does your loop end too early?": [5 * 7 + 7, 5 * 7],
        "The first layer's parameters are missing: does your loop begin too late?": [7 * 3 + 3, 7 * 3],
        "The output has biases too.": weights + sum(sizes[1:-1]),
        "A layer has one bias for each of its units, not one in all.": weights + len(pairs),
        "A layer has one bias for each unit that receives, not for each that sends.": weights + sum(sizes[:-1]),
        "The last layer is joined to the first: Python's sizes[-1] is the end of the list. Begin the loop one later.": (
            [weights + 3 * 5 + sum(sizes), weights + 3 * 5]
        ),
    }
    _whole(answer := call(function, list(sizes), what="count_parameters"))
    compare(answer, weights + sum(sizes[1:]), "count_parameters([5, 7, 3])", mistakes)
    compare(call(function, [64, 10], what="count_parameters"), 650, "count_parameters([64, 10])")
    answer = call(function, [2, 3, 4, 5, 6], what="count_parameters")
    mistakes = {
        "Your function counts two layers of connections only: it should work for any number.": [
            9 + 16,
            16 + 25,
            25 + 36,
        ]
    }
    compare(answer, 9 + 16 + 25 + 36, "count_parameters([2, 3, 4, 5, 6])", mistakes)
    passed("Exercise 2: so the network of section 3, [64, 32, 10], has 2,410 parameters.")


def _whole(answer: object) -> None:
    number = answer.item() if isinstance(answer, Tensor) and answer.numel() == 1 else answer
    if isinstance(number, float) and not number.is_integer():
        raise Wrong(f"count_parameters says {number}: a number of parameters is whole.")
