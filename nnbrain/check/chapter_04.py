"""Feedback on the exercises of notebook 04, convolutional networks."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed


def receptive_field(function: Callable[[list[tuple[int, int]]], int]) -> None:
    """Exercise 1: the width of a receptive field, in pixels.

    Parameters
    ----------
    function : callable
        The student's: list of (kernel, pool), a pair for each stage → width.

    Raises
    ------
    Wrong
    """
    for stages in ([(5, 2)], [(3, 2), (3, 2)], [(5, 3), (3, 2), (7, 2)], [(4, 1), (2, 2), (3, 3)]):
        answer = call(function, list(stages), what="receptive_field")
        mistakes = {
            "You include the pooling of the last stage; asked for is a unit of its convolution, before it is pooled.": (
                _walk(stages, last_pool=True)
            ),
            "You left out that a pooled unit sees several places of the convolution: pooling adds (p − 1) · apart.": (
                _walk(stages, pooling=0)
            ),
            "You left out that pooling moves units apart: after it, neighbours are p times further from each other.": (
                _walk(stages, spreads=False)
            ),
            "Pooling moves units apart, but only after it: what the pooling itself adds is (p − 1) times the distance before.": (
                _walk(stages, early=True)
            ),
            "Each kernel adds k − 1 steps, not k: the first of its places was counted already.": _walk(stages, extra=0),
            "Each kernel adds k − 1 steps, of the distance between neighbouring units there; you multiply the widths.": (
                _product(kernel for kernel, _ in stages)
            ),
            "You added up the kernels. From the second on, each adds k − 1 steps, and the steps grow with each pooling.": (
                sum(kernel for kernel, _ in stages)
            ),
            "You begin with a width of 0; a unit that looks at a single pixel sees one.": _walk(stages, begin=0),
        }
        compare(answer, _measured(stages), f"receptive_field({stages})", mistakes)
    passed("Exercise 1: fields grow with every layer, and faster after every pooling.")


def _walk(stages, last_pool=False, pooling=1, spreads=True, early=False, extra=1, begin=1) -> int:
    """The width by arithmetic, with one mistake or none."""
    width, apart = begin, 1
    for i, (kernel, pool) in enumerate(stages):
        width += (kernel - extra) * apart
        if i == len(stages) - 1 and not last_pool:
            break
        width += pooling * (pool - 1) * apart * (pool if early else 1)
        apart *= pool if spreads else 1
    return width


def _measured(stages: list[tuple[int, int]]) -> int:
    """The width found by asking which pixels have any influence: another way than the arithmetic of the solution."""
    x = torch.ones(1, 1, 1, 200, dtype=torch.float64, requires_grad=True)
    r = x
    for i, (kernel, pool) in enumerate(stages):
        r = torch.nn.functional.conv2d(r, torch.ones(1, 1, 1, kernel, dtype=torch.float64))
        if i < len(stages) - 1:
            r = torch.nn.functional.avg_pool2d(r, (1, pool))
    (influence,) = torch.autograd.grad(r[0, 0, 0, r.shape[-1] // 2], x)
    return int((influence != 0).sum())


def _product(numbers) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


def convolve(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise 2: the convolution of one image with one kernel.

    Parameters
    ----------
    function : callable
        The student's: (image, height × width; kernel, k × m) → (height − k + 1) × (width − m + 1).

    Raises
    ------
    Wrong
    """
    conv = torch.nn.functional.conv2d
    for shape, size in [((6, 6), (3, 3)), ((7, 5), (2, 4))]:
        image, kernel = _random(*shape), _random(*size)
        answer = call(function, image, kernel, what="convolve")
        x, w = image[None, None], kernel[None, None]
        square = size[0] == size[1]
        mistakes = {
            "The kernel is mirrored. That is the mathematicians' convolution; networks do not mirror: kernel[a, b] meets "
            "image[i + a, j + b].": conv(x, w.flip(-1, -2))[0, 0],
            "The kernel is mirrored up and down only.": conv(x, w.flip(-2))[0, 0],
            "The kernel is mirrored left and right only.": conv(x, w.flip(-1))[0, 0],
            "The kernel is transposed: its first index counts rows.": conv(x, w.mT)[0, 0] if square else None,
            "There is a border of zeros around the image. Without one, the output is smaller than the image.": (
                conv(x, w, padding="same")[0, 0] if square else None
            ),
            "The last row and the last column are missing: there are height − k + 1 places, not height − k.": (
                conv(x, w)[0, 0, :-1, :-1]
            ),
            "The kernel moves by its own width. It should move by one place at a time.": conv(x, w, stride=size)[0, 0],
            "This is a mean over the kernel's places; asked for is the sum.": conv(x, w)[0, 0] / kernel.numel(),
            "You return one number: the sum over all places. Each place of the output has its own.": conv(x, w).sum(),
        }
        compare(answer, conv(x, w)[0, 0], f"convolve for a kernel of {size[0]} × {size[1]}", mistakes)
    passed("Exercise 2: k · m shifted images, added up. That is all that the layer does.")


def fool(function: Callable[[Tensor, Callable, int, float], Tensor]) -> None:
    """Exercise 3: an image changed towards a class.

    Parameters
    ----------
    function : callable
        The student's: (x; loss, (x, class) → number; wanted; epsilon) → an image of x's shape.

    Raises
    ------
    Wrong
    """
    weight, epsilon, wanted = _random(4, 30), 0.1, 2
    x = torch.sigmoid(_random(5, 6)).clone()
    x[0], x[1, :3] = 0.0, 1.0  # at the limits, so that a missing clamp shows

    def loss(image: Tensor, c: int) -> Tensor:
        return torch.nn.functional.cross_entropy((weight @ image.reshape(-1))[None], torch.tensor([c]))

    p = (weight @ x.flatten()).softmax(0)
    p[wanted] -= 1
    gradient = (weight.T @ p).reshape(x.shape)  # ∂L/∂x written out
    step = epsilon * gradient.sign()
    original = x.clone()
    given: list[Tensor] = []

    def keep(image, *others):
        given.append(image)
        return function(image, *others)

    answer = call(keep if callable(function) else function, x, loss, wanted, epsilon, what="fool")
    if not torch.equal(given[0].detach(), original):
        raise Wrong("fool changed x itself: work on a copy, x.clone().")
    mistakes = {
        "You went uphill: the loss for the wanted class grew. It should shrink, so subtract.": (x + step).clamp(0, 1),
        "Pixels leave the range from 0 to 1: clamp(0, 1) at the end.": x - step,
        "You went uphill, and pixels leave the range from 0 to 1.": x + step,
        "You followed the gradient itself. Take its sign, so that every pixel changes by ε.": [
            (x - epsilon * gradient).clamp(0, 1),
            x - epsilon * gradient,
        ],
        "The gradient is scaled to length 1. Take its sign, so that every pixel changes by ε.": (
            (x - epsilon * gradient / gradient.norm()).clamp(0, 1)
        ),
        "You return the change, not the changed image.": [-step, step],
        "You return the image as it was: is the step taken on another copy than the one you return?": x,
        "The step is not multiplied by ε.": (x - gradient.sign()).clamp(0, 1),
    }
    compare(answer, (x - step).clamp(0, 1), "fool", mistakes)
    passed("Exercise 3: what fools a network can be computed. That is what makes it dangerous.")


def _random(rows: int, columns: int) -> Tensor:
    """Numbers that look random and are the same at every call."""
    return torch.randn(
        rows, columns, generator=torch.Generator().manual_seed(rows * 100 + columns), dtype=torch.float64
    )
