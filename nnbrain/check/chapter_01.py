"""Feedback on the exercises of notebook 01, multilayer perceptrons."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed
from nnbrain.objectives import one_hot


def softmax_delta(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise 1: ∂L/∂y of the cross-entropy, p − y_target.

    Parameters
    ----------
    function : callable
        The student's: (y, examples × classes; target, examples) → examples × classes.

    Raises
    ------
    Wrong
    """
    y, target = _random(5, 4), torch.tensor([2, 0, 3, 1, 2])
    answer = call(function, y.clone(), target, what="softmax_delta")
    loss = torch.nn.functional.cross_entropy(y.requires_grad_(), target, reduction="sum")
    (right,) = torch.autograd.grad(loss, y)
    y, p, hot = y.detach(), y.detach().softmax(1), one_hot(target, 4)
    mistakes = {
        "You subtract the target from y. Turn y into probabilities first: p = softmax(y).": y - hot,
        "The softmax runs over the examples. It should run over the classes of each example: dim=1.": y.softmax(0)
        - hot,
        "You return the probabilities. The derivative of −y_t is missing: −1 for the right class.": p,
        "This has the factor p(1 − p), from a sigmoid and the squared error. With the cross-entropy it cancels.": (
            p - hot
        )
        * p
        * (1 - p),
        "You took the derivative of p_t itself. The loss is −log p_t.": p.gather(1, target[:, None]) * (hot - p),
    }
    hints = {
        "sign": "∂L/∂y is where the loss grows; it is what an optimizer subtracts.",
        "scale": "The exercise asks for one row for each example, not divided by their number.",
        "shape": "Each example has a row and each class a column.",
    }
    compare(answer, right, "softmax_delta", mistakes, hints)
    passed("Exercise 1: the error is p − y_target, as simple as for the squared error.")


def numerical_gradient(function: Callable[[Callable, Tensor, float], Tensor]) -> None:
    """Exercise 2: the gradient by central differences.

    Parameters
    ----------
    function : callable
        The student's: (loss, w, h) → a vector of w's shape.

    Raises
    ------
    Wrong
    """
    h = 0.1  # so large that one-sided differences are told from central ones

    def loss(w: Tensor) -> Tensor:
        return (w**3).sum() + w[0] * w[-1]

    w = torch.tensor([0.7, -1.3, 0.4, 2.0], dtype=torch.float64)
    given = w.clone()
    answer = call(function, loss, given, h, what="numerical_gradient")
    if not torch.equal(given, w):
        raise Wrong("numerical_gradient changed w: move a copy, w.clone(), or take the step back afterwards.")
    steps = h * torch.eye(4, dtype=torch.float64)
    ahead = torch.stack([loss(w + step) for step in steps])
    behind = torch.stack([loss(w - step) for step in steps])
    together = (loss(w + h) - loss(w - h)) / (2 * h)
    mistakes = {
        "This looks only ahead, [L(w + h) − L(w)]/h. Central differences look to either side and are far more exact.": (
            ahead - loss(w)
        )
        / h,
        "This looks only back, [L(w) − L(w − h)]/h. Central differences look to either side.": (loss(w) - behind) / h,
        "The difference is divided by h, but the two points are 2h apart.": (ahead - behind) / h,
        "The difference is not divided: it is the change of the loss, not its slope. Divide by 2h.": ahead - behind,
        "Everything moves at once. Move one entry of w at a time, and keep the others where they are.": together.expand(
            4
        ),
    }
    hints = {"shape": "There is one slope for each entry of w.", "sign": "The loss at w + h comes first."}
    compare(answer, (ahead - behind) / (2 * h), "numerical_gradient", mistakes, hints)
    passed("Exercise 2: now you can test any gradient that you derive.")


def delta_before(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise 3: one step of backpropagation through a layer of sigmoids.

    Parameters
    ----------
    function : callable
        The student's: (delta_next, examples × next; W_next, next × units; r, examples × units) → examples × units.

    Raises
    ------
    Wrong
    """
    # As many examples as units in either layer, so that a wrong transposition gives an answer to talk about and not a crash.
    delta_next, W_next, r = _random(4, 4), _random(4, 4).flip(0), torch.sigmoid(_random(4, 4).T)
    back = delta_next @ W_next
    answer = call(function, delta_next, W_next, r, what="delta_before")
    mistakes = {
        "The nonlinearity is missing: multiply by f′(c) = r(1 − r), entry by entry.": back,
        "The weights are the wrong way round: what comes back to unit j is summed over the units i that it drives, Σᵢ δᵢ Wᵢⱼ.": (
            (delta_next @ W_next.T) * r * (1 - r)
        ),
        "1 − r² is the derivative of tanh. That of the sigmoid is r(1 − r).": back * (1 - r**2),
        "You took the sigmoid of r once more. r is the activity already: f′(c) = r(1 − r).": (
            back * torch.sigmoid(r) * (1 - torch.sigmoid(r))
        ),
        "You multiplied by r, the activity, and not by its slope r(1 − r).": back * r,
        "You multiplied by 1 − r; the slope of the sigmoid is r(1 − r).": back * (1 - r),
    }
    hints = {"sign": "Nothing here changes the sign: the minus of Equation 5 comes in the optimizer."}
    compare(answer, back * r * (1 - r), "delta_before", mistakes, hints)
    narrow = call(function, _random(3, 2), _random(2, 5), torch.sigmoid(_random(3, 5)), what="delta_before")
    expected = (_random(3, 2) @ _random(2, 5)) * torch.sigmoid(_random(3, 5)) * (1 - torch.sigmoid(_random(3, 5)))
    compare(narrow, expected, "delta_before for layers of 2 and 5 units")
    passed("Exercise 3: chain these steps and you have backpropagation.")


def xor_network(function: Callable[[], tuple[Tensor, Tensor, Tensor, Tensor]]) -> None:
    """Exercise 4: weights that compute XOR.

    Parameters
    ----------
    function : callable
        The student's: () → W2 (2 × 2), b2 (2,), W3 (1 × 2), b3 (1,).

    Raises
    ------
    Wrong
    """
    answer = call(function, what="xor_network")
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        raise Wrong("xor_network should return four tensors: return W2, b2, W3, b3.")
    shapes = {"W2": (2, 2), "b2": (2,), "W3": (1, 2), "b3": (1,)}
    for part, (name, shape) in zip(answer, shapes.items(), strict=True):
        if not isinstance(part, Tensor):
            raise Wrong(f"{name} should be a tensor, got {type(part).__name__}.")
        if tuple(part.shape) != shape:
            raise Wrong(
                f"{name} has shape {tuple(part.shape)}, it should be {shape}: units of this layer × units of the layer before."
            )
    W2, b2, W3, b3 = (part.detach().cpu().float() for part in answer)
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = (torch.relu(x @ W2.T + b2) @ W3.T + b3).flatten()
    _explain_xor(y, x)
    passed("Exercise 4: two hidden units are enough for XOR.")


def _explain_xor(y: Tensor, x: Tensor) -> None:
    functions = {
        "OR: it does not notice when both inputs are on. The second hidden unit should, and take something away.": [
            0,
            1,
            1,
            1,
        ],
        "AND: it is on only when both inputs are.": [0, 0, 0, 1],
        "the opposite of XOR: exchange what the output adds and takes away.": [1, 0, 0, 1],
        "the sum of the inputs: for (1, 1) the output should come down to 0.": [0, 1, 1, 2],
        "the negative of XOR: change the sign of W3.": [0, -1, -1, 0],
    }
    for name, values in functions.items():
        if torch.allclose(y, torch.tensor(values, dtype=y.dtype), atol=1e-4):
            raise Wrong(f"Your network computes {name}")
    for inputs, got, want in zip(x.int().tolist(), y.tolist(), [0, 1, 1, 0], strict=True):
        if abs(got - want) > 1e-4:
            raise Wrong(f"For the input ({inputs[0]}, {inputs[1]}) your network says {got:.4g}; it should say {want}.")


def _random(rows: int, columns: int) -> Tensor:
    """Numbers that look random and are the same at every call."""
    return torch.randn(
        rows, columns, generator=torch.Generator().manual_seed(rows * 100 + columns), dtype=torch.float64
    )
