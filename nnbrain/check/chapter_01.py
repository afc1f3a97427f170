"""Feedback on the exercises of notebook 01, multilayer perceptrons."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed, random_matrix
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
    y, target = random_matrix(5, 4), torch.tensor([2, 0, 3, 1, 2])
    watched = y.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(watched, target, reduction="sum")
    (right,) = torch.autograd.grad(loss, watched)
    p, hot = y.softmax(1), one_hot(target, 4)
    everywhere = p.clone()
    everywhere[:, target] -= 1
    mistakes = {
        "You subtract the target from y. Turn y into probabilities first: p = softmax(y).": y - hot,
        "The softmax runs over the examples. It should run over the classes of each example: dim=1.": y.softmax(0)
        - hot,
        "The softmax runs over the whole batch. It should run over the classes of each example: dim=1.": (
            y.flatten().softmax(0).reshape(5, 4) - hot
        ),
        "These are sigmoids, each between 0 and 1 by itself. The probabilities of the classes add up to 1: softmax.": (
            torch.sigmoid(y) - hot
        ),
        "You return the probabilities. The derivative of −y_right is missing: −1 for the right class.": p,
        "p[:, target] −= 1 changes these columns for every example. One entry for each: p[torch.arange(len(p)), target].": (
            everywhere
        ),
        "This has the factor p(1 − p), from a sigmoid and the squared error. With the cross-entropy it cancels.": (
            (p - hot) * p * (1 - p)
        ),
        "You took the derivative of p itself. The loss is −log p.": p.gather(1, target[:, None]) * (hot - p),
        "This is divided by the number of examples. The exercise asks for a row for each example, not for a mean.": right
        / 5,
        "This is divided by the number of classes. The loss is a sum over classes, not a mean.": right / 4,
        "The target holds the number of the class, not a vector: make one with one_hot, or subtract 1 in the right place.": (
            p - target[:, None]
        ),
        "The sum or mean over examples is one too many: each example has a row.": [right.mean(0), right.sum(0)],
    }
    hints = {"sign": "∂L/∂y is where the loss grows; it is what an optimizer subtracts."}
    compare(call(function, y, target, what="softmax_delta"), right, "softmax_delta", mistakes, hints)
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
    given: list[Tensor] = []

    def keep(loss: Callable, w: Tensor, h: float) -> Tensor:
        given.append(w)
        return function(loss, w, h)

    answer = call(keep if callable(function) else function, loss, w, h, what="numerical_gradient")
    if not torch.allclose(given[0], w, rtol=0, atol=1e-9):
        raise Wrong("numerical_gradient changed w: move a copy, w.clone(), or take the step back afterwards.")
    steps = h * torch.eye(4, dtype=torch.float64)
    ahead = torch.stack([loss(w + step) for step in steps])
    behind = torch.stack([loss(w - step) for step in steps])
    exact = 3 * w**2
    exact[0], exact[-1] = exact[0] + w[-1], exact[-1] + w[0]
    together = (loss(w + h) - loss(w - h)) / (2 * h)
    mistakes = {
        "This looks only ahead, [L(w + h) − L(w)]/h. Central differences look to either side and are far more exact.": (
            (ahead - loss(w)) / h
        ),
        "This looks only back, [L(w) − L(w − h)]/h. Central differences look to either side.": (loss(w) - behind) / h,
        "The difference is divided by h, but the two points are 2h apart.": (ahead - behind) / h,
        "The difference is not divided: it is the change of the loss, not its slope. Divide by 2h.": ahead - behind,
        "x / 2 * h divides by 2 and then multiplies by h. Write x / (2 * h).": (ahead - behind) / 2 * h,
        "The difference is divided by 2 only. The two points are 2h apart.": (ahead - behind) / 2,
        "This is the slope itself, from autograd or a step of your own. Use the step h that you are given.": exact,
        "Everything moves at once. Move one entry of w at a time, and keep the others where they are.": [
            together.expand(4),
            together,
        ],
        "The two points are the same: p = w makes another name for w, not a copy. Use w.clone().": torch.zeros(4),
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
    delta_next, W_next, r = random_matrix(4, 4), random_matrix(4, 4).flip(0), torch.sigmoid(random_matrix(4, 4).T)
    back, slope = delta_next @ W_next, r * (1 - r)
    mistakes = {
        "The nonlinearity is missing: multiply by f′(c) = r(1 − r), entry by entry.": back,
        "The weights are the wrong way round: what comes back to unit j is summed over the units i that it drives, Σᵢ δᵢ Wᵢⱼ.": (
            (delta_next @ W_next.T) * slope
        ),
        "This is the equation for one example, a column. Here examples are rows: instead of Wᵀ δ it is delta_next @ W_next.": [
            (W_next.T @ delta_next) * slope,
            (W_next @ delta_next) * slope,
            W_next.T @ delta_next,
        ],
        "1 − r² is the derivative of tanh. That of the sigmoid is r(1 − r).": back * (1 - r**2),
        "You took the sigmoid of r once more. r is the activity already: f′(c) = r(1 − r).": (
            back * torch.sigmoid(r) * (1 - torch.sigmoid(r))
        ),
        "You multiplied by r, the activity, and not by its slope r(1 − r).": back * r,
        "You multiplied by 1 − r; the slope of the sigmoid is r(1 − r).": back * (1 - r),
        "* r * 1 − r is not * r * (1 − r): the product is taken before the difference.": back * r * 1 - r,
        "The slope comes last: first the error is led back through the weights, then it is multiplied by f′ of this layer.": [
            (delta_next * slope) @ W_next,
            (delta_next * slope) @ W_next.T,
        ],
    }
    hints = {"sign": "Nothing here changes the sign: the minus of Equation 5 comes in the optimizer."}
    compare(call(function, delta_next, W_next, r, what="delta_before"), back * slope, "delta_before", mistakes, hints)
    narrow = call(
        function, random_matrix(3, 2), random_matrix(2, 5), torch.sigmoid(random_matrix(3, 5)), what="delta_before"
    )
    expected = (
        (random_matrix(3, 2) @ random_matrix(2, 5))
        * torch.sigmoid(random_matrix(3, 5))
        * (1 - torch.sigmoid(random_matrix(3, 5)))
    )
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
        if not isinstance(part, Tensor) or part.is_complex():
            raise Wrong(f"{name} should be a tensor of real numbers, got {type(part).__name__}.")
        if tuple(part.shape) != shape:
            rule = (
                "units of this layer × units of the layer before"
                if name[0] == "W"
                else "one for each unit of the layer"
            )
            raise Wrong(f"{name} has shape {tuple(part.shape)}, it should be {shape}: {rule}.")
        if not torch.isfinite(part).all():
            raise Wrong(f"{name} has values that are NaN or infinite.")
    W2, b2, W3, b3 = (part.detach().cpu().float() for part in answer)
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = (torch.relu(x @ W2.T + b2) @ W3.T + b3).flatten()
    mistakes = {
        "Your network computes OR: it does not notice when both inputs are on. The second hidden unit should, and take "
        "something away.": [0, 1, 1, 1],
        "Your network computes AND: it is on only when both inputs are.": [0, 0, 0, 1],
        "Your network computes the opposite of XOR: exchange what the output adds and takes away.": [1, 0, 0, 1],
        "Your network computes the sum of the inputs: for (1, 1) the output should come down to 0.": [0, 1, 1, 2],
        "Your network computes the negative of XOR: change the sign of W3.": [0, -1, -1, 0],
    }
    for message, values in mistakes.items():
        if torch.allclose(y, torch.tensor(values, dtype=y.dtype), atol=1e-4):
            raise Wrong(message)
    _first_wrong_corner(y, x)
    passed("Exercise 4: two hidden units are enough for XOR.")


def _first_wrong_corner(y: Tensor, x: Tensor) -> None:
    for inputs, got, want in zip(x.int().tolist(), y.tolist(), [0, 1, 1, 0], strict=True):
        if not abs(got - want) <= 1e-4:
            says = f"For the input ({inputs[0]}, {inputs[1]}) your network says {got:.4g}; it should say {want}."
            if not torch.allclose(y, y.round(), atol=1e-4):
                says += " A ReLU unit is no switch: above its threshold it grows with its input. Try whole numbers as biases."
            raise Wrong(says)
