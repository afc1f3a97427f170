"""Feedback on the exercises of notebook 04, convolutional networks."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import Wrong, call, compare, passed, random_matrix


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
    cases = [[(5, 2)], [(3, 2), (3, 2)], [(5, 3), (3, 2), (7, 2)], [(4, 1), (2, 2), (3, 3)]]
    answers = [call(function, list(stages), what="receptive_field") for stages in cases]

    def walked(**mistake) -> list[int]:
        return [_walk(stages, **mistake) for stages in cases]

    mistakes = {
        "You include the pooling of the last stage; asked for is a unit of its convolution, before it is pooled.":
            walked(last_pool=True),
        "You left out the last convolution; asked for is a unit of it.": walked(last_kernel=0),
        "You left out the pooling altogether: it widens a field, and it moves units apart.": walked(pooling=0, spreads=False),
        "You left out that a pooled unit sees several places of the convolution: pooling adds (p − 1) · apart.":
            walked(pooling=0),
        "You left out that pooling moves units apart: after it, neighbours are p times further from each other.":
            walked(spreads=False),
        "Pooling moves units apart, but only after it: what the pooling itself adds is (p − 1) times the distance before.":
            walked(early=True),
        "What pooling adds is p − 1 steps, each as long as neighbouring units are apart; you add p − 1 pixels.":
            walked(pool_step=0),
        "What a kernel adds is k − 1 steps, each as long as neighbouring units are apart; you add k − 1 pixels.":
            walked(kernel_step=0),
        "Pooling adds p − 1 steps, not p: the first of its places was counted already.": walked(pool_extra=0),
        "Each kernel adds k − 1 steps, not k: the first of its places was counted already.": walked(extra=0),
        "Each kernel but the first adds k − 1 steps, not k: the first of its places was counted already.":
            walked(extra=0, begin=0),
        "Each kernel adds k − 1 steps, of the distance between neighbouring units there; you multiply the widths.":
            [math.prod(kernel for kernel, _ in stages) for stages in cases],
        "You added up the kernels. From the second on, each adds k − 1 steps, and the steps grow with each pooling.":
            [sum(kernel for kernel, _ in stages) for stages in cases],
        "You begin with a width of 0; a unit that looks at a single pixel sees one.": walked(begin=0),
        "This is the number of pixels in the field; asked for is its width.": [width**2 for width in walked()],
        "You return two numbers; return the width only.": [[_walk(stages), _apart(stages)] for stages in cases],
        "Pooling does not multiply the width by p: it adds p − 1 steps to it, and multiplies the distance between units.":
            [_multiplied(stages) for stages in cases],
        "Pooling multiplies the distance between neighbouring units by p; you add p − 1 to it.":
            [_walk(stages, spreads=False, adds=True) for stages in cases],
    }  # fmt: skip
    _compare_all(answers, [_measured(stages) for stages in cases], cases, mistakes)
    passed("Exercise 1: fields grow with every layer, and faster after every pooling.")


def _compare_all(answers: list, widths: list[int], cases: list, mistakes: dict[str, list[int]]) -> None:
    """Compare one case after the other; but a mistake is named only if it explains the answers in all cases."""
    if not _same(answers, widths):
        for message, values in mistakes.items():
            if _same(answers, values):
                raise Wrong(message)
    for stages, answer, width in zip(cases, answers, widths, strict=True):
        compare(answer, width, f"receptive_field({stages})")


def _same(answers: list, values: list[int]) -> bool:
    try:
        compare(answers, values, "receptive_field")
    except Wrong:
        return False
    return True


def _walk(
    stages,
    *,
    begin=1,
    extra=1,
    kernel_step=1,
    last_kernel=1,
    last_pool=False,
    pooling=1,
    pool_extra=1,
    pool_step=1,
    spreads=True,
    early=False,
    adds=False,
) -> int:
    """The width by arithmetic, with one mistake or none."""
    width, apart = begin, 1
    for i, (kernel, pool) in enumerate(stages):
        last = i == len(stages) - 1
        width += (kernel - extra) * (apart if kernel_step else 1) * (last_kernel if last else 1)
        if last and not last_pool:
            break
        width += pooling * (pool - pool_extra) * (apart if pool_step else 1) * (pool if early else 1)
        apart = apart + pool - 1 if adds else apart * (pool if spreads else 1)
    return width


def _apart(stages) -> int:
    """The distance between neighbouring units of the last convolution."""
    return math.prod(pool for _, pool in stages[:-1])


def _multiplied(stages) -> int:
    """The width if pooling multiplied it."""
    width = 1
    for i, (kernel, pool) in enumerate(stages):
        width = (width + kernel - 1) * (pool if i < len(stages) - 1 else 1)
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
    conv, pad = torch.nn.functional.conv2d, torch.nn.functional.pad
    for shape, size in [((6, 6), (3, 3)), ((7, 5), (2, 4))]:
        image, kernel = random_matrix(*shape), random_matrix(*size)
        answer = call(function, image, kernel, what="convolve")
        x, w = image[None, None], kernel[None, None]
        square = size[0] == size[1]
        patches = image.unfold(0, size[0], 1).unfold(1, size[1], 1)  # height − k + 1 × width − m + 1 × k × m
        mistakes = {
            "The kernel is mirrored. That is the mathematicians' convolution; networks do not mirror: kernel[a, b] meets "
            "image[i + a, j + b].": conv(x, w.flip(-1, -2))[0, 0],
            "The kernel is mirrored up and down only.": conv(x, w.flip(-2))[0, 0],
            "The kernel is mirrored left and right only.": conv(x, w.flip(-1))[0, 0],
            "The kernel is transposed: its first index counts rows.": conv(x, w.mT)[0, 0] if square else None,
            "There is a border of zeros around the image. Without one, the output is smaller than the image.": [
                conv(x, w, padding="same")[0, 0] if square else None,
                *(conv(x, kernels, padding=(size[0] - 1, size[1] - 1))[0, 0] for kernels in (w, w.flip(-1, -2))),
            ],
            "The output is as large as the image, and its last rows and columns are 0: make it (height − k + 1) × "
            "(width − m + 1).": pad(conv(x, w), (0, size[1] - 1, 0, size[0] - 1))[0, 0],
            "The last row and the last column are missing: there are height − k + 1 places, not height − k.": (
                conv(x, w)[0, 0, :-1, :-1]
            ),
            "The kernel moves by its own width. It should move by one place at a time.": conv(x, w, stride=size)[0, 0],
            "This is a mean over the kernel's places; asked for is the sum.": conv(x, w)[0, 0] / kernel.numel(),
            "These are sums of the image alone: each pixel should be multiplied by the kernel's entry that it meets.": (
                conv(x, torch.ones_like(w))[0, 0]
            ),
            "Only the last place of the kernel counts: each place adds to the output, += and not =.": (
                kernel[-1, -1] * image[size[0] - 1 :, size[1] - 1 :]
            ),
            "Only the first place of the kernel counts: is the return inside of the loop?": (
                kernel[0, 0] * image[: shape[0] - size[0] + 1, : shape[1] - size[1] + 1]
            ),
            "You multiply part of the image and kernel as matrices, @. Entry meets entry: *.": (
                [(patches @ matrix).sum((-1, -2)) for matrix in (kernel, kernel.mT)] if square else None
            ),
            "The kernel has k rows and m columns; you use k columns only.": (
                None if square else conv(x, torch.where(torch.arange(size[1]) < size[0], w, 0.0))[0, 0]
            ),
            "There is no activation function in a convolution: negative sums stay.": conv(x, w).relu()[0, 0],
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
    weight, epsilon, wanted = random_matrix(4, 30), 0.1, 2
    x = torch.sigmoid(random_matrix(5, 6)).clone()
    x[0], x[1, :3] = 0.0, 1.0  # at the limits, so that a missing clamp shows

    def loss(image: Tensor, c: int) -> Tensor:
        return torch.nn.functional.cross_entropy((weight @ image.reshape(-1))[None], torch.tensor([c]))

    p = (weight @ x.flatten()).softmax(0)
    gradients = [(weight.T @ (p - hot)).reshape(x.shape) for hot in torch.eye(4, dtype=x.dtype)]  # ∂L/∂x written out
    gradient = gradients[wanted]
    step = epsilon * gradient.sign()
    given: list[Tensor] = []

    def keep(image, *others):
        given.append(image)
        return function(image, *others)

    answer = call(keep if callable(function) else function, x, loss, wanted, epsilon, what="fool")
    if not torch.equal(given[0].detach(), x):
        raise Wrong("fool changed x itself: work on a copy, x.clone().")
    mistakes = {
        "You went uphill: the loss for the wanted class grew. It should shrink, so subtract.": (x + step).clamp(0, 1),
        "Pixels leave the range from 0 to 1: clamp(0, 1) at the end.":
            [(x - step).clamp(lowest, highest) for lowest, highest in [(None, math.inf), (0, None), (None, 1), (-1, 1)]],
        "You went uphill, and pixels leave the range from 0 to 1.": x + step,
        "You followed the gradient itself. Take its sign, so that every pixel changes by ε.":
            [(x - epsilon * gradient).clamp(0, 1), x - epsilon * gradient],
        "You followed the gradient itself, and uphill. Subtract ε times its sign.":
            [(x + epsilon * gradient).clamp(0, 1), x + epsilon * gradient],
        "The gradient is scaled by its length or its largest entry. Take its sign, so that every pixel changes by ε.":
            [(x - epsilon * gradient / size).clamp(0, 1) for size in (gradient.norm(), gradient.abs().max())],
        "You return the change, not the changed image.": [-step, step, gradient.sign(), -gradient.sign()],
        "You return the gradient, not the changed image.": [gradient, -gradient],
        "You return the image as it was: is the step taken on another copy than the one you return?": x,
        "The step is not multiplied by ε.": [(x - gradient.sign()).clamp(0, 1), x - gradient.sign()],
        "You went towards another class than the wanted one: the loss to follow is loss(x, wanted).":
            [(x - epsilon * other.sign()).clamp(0, 1) for other in gradients if other is not gradient],
        "You return the loss, a number, not the changed image.": loss(x, wanted),
        "You went away from another class. That makes the wanted one no more likely than the rest: follow loss(x, wanted).":
            [(x + epsilon * other.sign()).clamp(0, 1) for other in gradients if other is not gradient],
        "You clamp the change. It is the changed image whose pixels should lie between 0 and 1.":
            [x + (-step).clamp(0, 1), x - step.clamp(0, 1)],
    }  # fmt: skip
    compare(answer, (x - step).clamp(0, 1), "fool", mistakes)
    passed("Exercise 3: what fools a network can be computed. That is what makes it dangerous.")
