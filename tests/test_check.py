"""Feedback on exercises: the right answer passes, and every wrong one is told what is wrong with it."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch

from nnbrain.analysis import cka
from nnbrain.check import Wrong, call, chapter_00, chapter_01, chapter_04, chapter_05, compare
from nnbrain.pages import NOTEBOOKS, existing

RIGHT = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0], [2.0, 0.25, 6.0]])


@pytest.mark.parametrize(
    "answer, message",
    [
        (-RIGHT, "wrong sign"),
        (32 * RIGHT, "is 32 times what it should be"),
        (RIGHT / 2, "is 0.5 times what it should be"),
        (RIGHT + 1.5, r"is \+1.5 off everywhere"),
        (RIGHT.T, "transposed: rows and columns"),
        (np.roll(RIGHT, 1, axis=0), "off by one along dimension 0: entry i holds what entry i - 1 should"),
        (np.roll(RIGHT, -1, axis=1), r"off by one along dimension 1: entry i holds what entry i \+ 1 should"),
        (0 * RIGHT, "zero everywhere"),
        (RIGHT * np.nan, "NaN or infinite"),
        (RIGHT.sum(0), "the first dimension is gone"),
        (RIGHT[None], "a dimension of size 1"),
        (RIGHT[:, :2], r"has shape \(3, 2\), it should be \(3, 3\)"),
        (np.stack([RIGHT, RIGHT]), "the first dimension is still there"),
        (
            np.where(np.eye(3), RIGHT, 0),
            r"right in 3 of 9 entries; the first wrong one is \[0, 1\]: 0, it should be -2",
        ),
        ("hello", "a number or a tensor of numbers, got 'hello'"),
        ([[1, 2], [3]], "a number or a tensor of numbers"),
    ],
)
def test_compare_says_how_an_answer_is_wrong(answer, message):
    with pytest.raises(Wrong, match=message):
        compare(answer, RIGHT, "the matrix")


def test_compare_recognises_a_transposed_shape():
    with pytest.raises(Wrong, match=r"shape \(3, 2\), it should be \(2, 3\): it is transposed"):
        compare(np.zeros((3, 2)), np.ones((2, 3)), "the matrix")


def test_compare_says_how_far_off_a_single_number_is():
    with pytest.raises(Wrong, match="the count is 7, it should be 9"):
        compare(7, 9, "the count")


@pytest.mark.parametrize("answer", [RIGHT, RIGHT.tolist(), torch.tensor(RIGHT, dtype=torch.float32), RIGHT + 1e-6])
def test_compare_accepts_the_right_answer_in_any_form(answer):
    compare(answer, RIGHT, "the matrix")


def test_compare_is_as_strict_on_small_numbers_as_on_large_ones():
    for size in (1e-6, 1.0, 1e6):
        compare(size * RIGHT * (1 + 1e-5), size * RIGHT, "the matrix")
        with pytest.raises(Wrong):
            compare(size * RIGHT * (1 + np.eye(3) * 1e-2), size * RIGHT, "the matrix")


def test_a_typical_mistake_is_named_before_anything_general():
    with pytest.raises(Wrong, match=r"^You forgot the ½.$"):
        compare(2 * RIGHT, RIGHT, "the matrix", {"You forgot the ½.": 2 * RIGHT})


def test_a_hint_is_added_to_the_diagnosis():
    with pytest.raises(Wrong, match=r"wrong sign: everything else is right. Downhill is minus."):
        compare(-RIGHT, RIGHT, "the matrix", hints={"sign": "Downhill is minus."})


def stub(*arguments):
    raise NotImplementedError


def test_call_explains_what_goes_wrong_inside():
    with pytest.raises(Wrong, match="f is not written yet"):
        call(stub, what="f")
    with pytest.raises(Wrong, match=r"f returns None: does it end with a return?"):
        call(lambda x: None, 1, what="f")
    with pytest.raises(Wrong, match=r"f fails when it is called with a tensor of shape \(2, 3\), 5. RuntimeError: mat"):
        call(lambda W, n: W @ W, torch.ones(2, 3), 5, what="f")
    with pytest.raises(Wrong, match="f should be a function, got float"):
        call(3.0, what="f")


def test_jupyter_shows_the_message_and_not_the_checks_own_code():
    assert Wrong("the sign").__class__._render_traceback_(Wrong("the sign")) == ["✗ Not yet: the sign"]


# The exercises: for each, the notebook's own solution passes, and wrong answers get feedback that names the error.


def softmax(y, dim=1):
    return torch.softmax(y, dim)


def hot(target, n=4):
    return torch.nn.functional.one_hot(target, n)


def subtracts_everywhere(y, target):
    p = softmax(y)
    p[:, target] -= 1
    return p


def by_autograd(loss, w, h):
    w = w.clone().requires_grad_()
    return torch.autograd.grad(loss(w), w)[0]


def changes_w(loss, w, h):
    gradient = torch.zeros_like(w)
    for i in range(len(w)):
        w[i] += h
        gradient[i] = loss(w)
    return gradient


def slopes(loss, w, h, ahead, behind, width):
    steps = torch.eye(len(w), dtype=w.dtype)
    return torch.stack([(loss(w + ahead * h * e) - loss(w - behind * h * e)) / width for e in steps])


def xor_weights(W2=((1.0, 1.0), (1.0, 1.0)), b2=(0.0, -1.0), W3=((1.0, -2.0),), b3=(0.0,)):
    return lambda: tuple(torch.tensor(part) for part in (W2, b2, W3, b3))


def field(kernel=lambda k, apart: (k - 1) * apart, pool=lambda p, apart: (p - 1) * apart, spread=lambda apart, p: apart * p,
          begin=1, last_pool=False):  # fmt: skip
    """A receptive field as a student computes it, one stage after the other."""

    def receptive_field(stages):
        width, apart = begin, 1
        for i, (k, p) in enumerate(stages):
            width += kernel(k, apart)
            if i < len(stages) - 1 or last_pool:
                width += pool(p, apart)
                apart = spread(apart, p)
        return width

    return receptive_field


def spreads_first(stages):
    width, apart = 1, 1
    for i, (k, p) in enumerate(stages):
        width += (k - 1) * apart
        if i < len(stages) - 1:
            apart *= p
            width += (p - 1) * apart
    return width


def from_above(stages):
    """The right width, from the last stage down to the image, of a list that is used up."""
    width, _ = stages.pop()
    while stages:
        k, p = stages.pop()
        width = width * p + k - 1
    return width


def windows(at_each_place):
    """A convolution as a student writes it, with a loop over the output's places."""

    def convolve(image, kernel):
        k, m = kernel.shape
        output = torch.zeros(image.shape[0] - k + 1, image.shape[1] - m + 1, dtype=image.dtype)
        for i in range(output.shape[0]):
            for j in range(output.shape[1]):
                output[i, j] = at_each_place(image[i : i + k, j : j + m], kernel)
        return output

    return convolve


def shifts(part, rows=None, columns=None):
    """A convolution as a student writes it: a loop over the kernel's places (or some), and a part of the image for each."""

    def convolve(image, kernel):
        (k, m), (H, W) = kernel.shape, image.shape
        pieces = [
            part(image, kernel, a, b, H - k + 1, W - m + 1) for a in range(rows or k) for b in range(columns or m)
        ]
        return sum(pieces)

    return convolve


def whole_windows(image, kernel, a, b, height, width):
    return kernel[a, b] * image[a : a + height, b : b + width]


def conv(image, kernel, **options):
    return torch.nn.functional.conv2d(image[None, None], kernel[None, None], **options)[0, 0]


def leaves_a_border(image, kernel):
    output = torch.zeros_like(image)
    inner = conv(image, kernel)
    output[: inner.shape[0], : inner.shape[1]] = inner
    return output


def forgets_to_add(image, kernel):
    (k, m), (H, W) = kernel.shape, image.shape
    for a in range(k):
        for b in range(m):
            output = kernel[a, b] * image[a : a + H - k + 1, b : b + W - m + 1]
    return output


def slope(x, loss, c):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(loss(x, c), x)[0]


def steps_in_place(x, loss, wanted, epsilon):
    x.requires_grad_()
    loss(x, wanted).backward()
    with torch.no_grad():
        x -= epsilon * x.grad.sign()
        return x.clamp(0, 1)


def follows(change, low=0, high=1):
    """One step as a student writes it: x plus what ``change`` makes of the gradient and ε, clamped."""
    return lambda x, L, c, e: (x + change(slope(x, L, c), e)).clamp(low, high)


def leave_one_out(d):
    """Each subject with the mean of the others, in numpy and with the other standard deviation."""
    z = scipy.stats.zscore(d.numpy(), axis=1, ddof=0)
    return [(z[k], np.delete(z, k, axis=0).mean(0)) for k in range(len(z))]


def inner(a, b):
    return (a.T @ a).norm() * (b.T @ b).norm()


def cka_of(a, b):
    return (b.T @ a).norm() ** 2 / inner(a, b)


def centred(function):
    return lambda a, b: function(a - a.mean(0), b - b.mean(0))


def quantiles(x, tail=0.025):
    return x.quantile(torch.tensor([tail, 1 - tail], dtype=x.dtype))


def between(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def standard(d):
    return (d - d.mean(1, keepdim=True)) / d.std(1, keepdim=True)


def ceiling_of(z, own=False):
    others = [z.mean(0) if own else torch.cat([z[:k], z[k + 1 :]]).mean(0) for k in range(len(z))]
    return torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(z, others, strict=True)]).mean()


WRONG = [
    # chapter 00
    (chapter_00.one_layer, lambda W, x, b: W @ x + b, "activation function is missing"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W @ x), "bias is missing"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W.T @ x + b), "wrong way round"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W * x + b), "multiplies entry by entry"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W @ x) + b, "belongs inside"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W @ x - b), "it is added"),
    (chapter_00.one_layer, lambda W, x, b: torch.tanh(W @ x + b), "another activation function"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W @ x + b).sum(), "sums over the units"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(W @ x + b[:, None]), "b has one entry for each unit, and so has W @ x"),
    (chapter_00.one_layer, lambda W, x, b: torch.relu(x @ W @ b), r"has shape \(\), it should be \(3,\)"),
    (chapter_00.count_parameters, lambda s: sum(m * n for m, n in pairwise(s)), "biases are missing"),
    (chapter_00.count_parameters, lambda s: sum((m + 1) * n for m, n in pairwise(s)) + s[0], "input has no biases"),
    (chapter_00.count_parameters, sum, "You counted the units"),
    (chapter_00.count_parameters, lambda s: (s[0] + 1) * s[1], "end too early"),
    (chapter_00.count_parameters, lambda s: (s[-2] + 1) * s[-1], "begin too late"),
    (chapter_00.count_parameters, lambda s: sum(m * n + 1 for m, n in pairwise(s)), "for each of its units, not one in all"),
    (chapter_00.count_parameters, lambda s: sum((m + 1) * m2 - m2 + m for m, m2 in pairwise(s)), "not for each that sends"),
    (chapter_00.count_parameters, lambda s: sum((s[i - 1] + 1) * s[i] for i in range(len(s))), "the end of the list"),
    (chapter_00.count_parameters, lambda s: sum((m + 1) * n for m, n in pairwise(s)) / 2.5, "is whole"),
    (chapter_00.count_parameters, lambda s: (s[0] + 1) * s[1] + (s[1] + 1) * s[2], "fails when it is called with"),
    # chapter 01
    (chapter_01.softmax_delta, lambda y, t: y - hot(t), "Turn y into probabilities first"),
    (chapter_01.softmax_delta, lambda y, t: hot(t) - softmax(y), "wrong sign.*an optimizer subtracts"),
    (chapter_01.softmax_delta, lambda y, t: softmax(y, 0) - hot(t), "runs over the examples"),
    (chapter_01.softmax_delta, lambda y, t: (softmax(y) - hot(t)) / len(y), "divided by the number of examples"),
    (chapter_01.softmax_delta, lambda y, t: (softmax(y) - hot(t)).mean(0), "each example has a row"),
    (chapter_01.softmax_delta, lambda y, t: softmax(y) - t[:, None], "the number of the class, not a vector"),
    (chapter_01.softmax_delta, lambda y, t: (softmax(y) - hot(t)) / 4, "divided by the number of classes"),
    (chapter_01.softmax_delta, subtracts_everywhere, "changes these columns for every example"),
    (chapter_01.softmax_delta, lambda y, t: torch.sigmoid(y) - hot(t), "These are sigmoids"),
    (chapter_01.softmax_delta, lambda y, t: softmax(y.flatten(), 0).reshape(y.shape) - hot(t), "over the whole batch"),
    (chapter_01.softmax_delta, lambda y, t: softmax(y), "−1 for the right class"),
    (chapter_01.softmax_delta, lambda y, t: (softmax(y) - hot(t)) * softmax(y) * (1 - softmax(y)), "it cancels"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 1, 0, h), "looks only ahead"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 0, 1, h), "looks only back"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 1, 1, h), "the two points are 2h apart"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 1, 1, 1), "is not divided"),
    (chapter_01.numerical_gradient, changes_w, "changed w"),
    (chapter_01.numerical_gradient, lambda L, w, h: ((L(w + h) - L(w - h)) / (2 * h)).expand(len(w)), "Everything moves at once"),
    (chapter_01.numerical_gradient, lambda L, w, h: (L(w + h) - L(w - h)) / (2 * h), "Everything moves at once"),
    (chapter_01.numerical_gradient, by_autograd, "from autograd or a step of your own"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, 1e-5, 1, 1, 2e-5), "Use the step h that you are given"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 1, 1, 2) * h, r"Write x / \(2 \* h\)"),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 1, 1, 2), "divided by 2 only"),
    (chapter_01.numerical_gradient, lambda L, w, h: torch.zeros(len(w)), "another name for w, not a copy"),
    (chapter_01.numerical_gradient, lambda L, w, h: -slopes(L, w, h, 1, 1, 2 * h), "wrong sign"),
    (chapter_01.delta_before, lambda d, W, r: d @ W, "nonlinearity is missing"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W.T) * r * (1 - r), "wrong way round"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W) * (1 - r**2), "derivative of tanh"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W) * torch.sigmoid(r) * (1 - torch.sigmoid(r)), "sigmoid of r once more"),
    (chapter_01.delta_before, lambda d, W, r: -(d @ W) * r * (1 - r), "wrong sign"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W) * r, "and not by its slope"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W) * (1 - r), "You multiplied by 1 − r"),
    (chapter_01.delta_before, lambda d, W, r: (W.T @ d) * r * (1 - r), "Here examples are rows"),
    (chapter_01.delta_before, lambda d, W, r: (d * r * (1 - r)) @ W, "The slope comes last"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W) * r * 1 - r, "the product is taken before the difference"),
    (chapter_01.delta_before, lambda d, W, r: (d @ W) * (r > 0), "nonlinearity is missing"),
    (chapter_01.delta_before, lambda d, W, r: ((d @ W) * r * (1 - r)).mean(0), "first dimension is gone"),
    (chapter_01.xor_network, xor_weights(W3=((1.0, 0.0),)), "For the input|sum of the inputs"),
    (chapter_01.xor_network, xor_weights(W3=((1.0, -1.0),)), "computes OR"),
    (chapter_01.xor_network, xor_weights(W3=((0.0, 1.0),)), "computes AND"),
    (chapter_01.xor_network, xor_weights(W3=((-1.0, 2.0),), b3=(1.0,)), "the opposite of XOR"),
    (chapter_01.xor_network, xor_weights(b2=(0.0, 0.0)), r"For the input \(0, 1\) your network says -1"),
    (chapter_01.xor_network, xor_weights(b2=((0.0, -1.0),)), r"b2 has shape \(1, 2\), it should be \(2,\)"),
    (chapter_01.xor_network, xor_weights(W3=((-1.0, 2.0),)), "change the sign of W3"),
    (chapter_01.xor_network, xor_weights(b2=(-0.5, -1.5), W3=((1.0, -2.0),)), "network says 0.5; it should say 1.*no switch"),
    (chapter_01.xor_network, xor_weights(b3=(float("nan"),)), "b3 has values that are NaN or infinite"),
    (chapter_01.xor_network, lambda: (1.0, 2.0), "return W2, b2, W3, b3"),
    (chapter_01.xor_network, lambda: ([[1.0]], 0, 0, 0), "W2 should be a tensor"),
    # chapter 04
    (chapter_04.receptive_field, field(last_pool=True), "You include the pooling of the last stage"),
    (chapter_04.receptive_field, lambda s: field(last_pool=True)(s[:-1]), "You left out the last convolution"),
    (chapter_04.receptive_field, field(pool=lambda p, apart: 0), "sees several places of the convolution"),
    (chapter_04.receptive_field, field(spread=lambda apart, p: apart), "left out that pooling moves units apart"),
    (chapter_04.receptive_field, lambda s: 1 + sum(k - 1 for k, _ in s), "left out the pooling altogether"),
    (chapter_04.receptive_field, spreads_first, "but only after it"),
    (chapter_04.receptive_field, field(pool=lambda p, apart: p - 1), "you add p − 1 pixels"),
    (chapter_04.receptive_field, field(kernel=lambda k, apart: k - 1), "you add k − 1 pixels"),
    (chapter_04.receptive_field, field(pool=lambda p, apart: p * apart), "adds p − 1 steps, not p"),
    (chapter_04.receptive_field, field(kernel=lambda k, apart: k * apart), "^Each kernel adds k − 1 steps, not k"),
    (chapter_04.receptive_field, field(kernel=lambda k, apart: k * apart, begin=0), "but the first adds k − 1 steps, not k"),
    (chapter_04.receptive_field, lambda s: math.prod(k for k, _ in s), "you multiply the widths"),
    (chapter_04.receptive_field, lambda s: sum(k for k, _ in s), "You added up the kernels"),
    (chapter_04.receptive_field, field(begin=0), "You begin with a width of 0"),
    (chapter_04.receptive_field, lambda s: field()(s) ** 2, "number of pixels in the field; asked for is its width"),
    (chapter_04.receptive_field, field(spread=lambda apart, p: apart + p), r"receptive_field\(.*\) is 10, it should be 8"),
    (chapter_04.receptive_field, lambda s: (field()(s), 1), r"has shape \(2,\), it should be \(\)"),
    (chapter_04.receptive_field, lambda s: sum(s), "receptive_field fails when it is called with"),
    (chapter_04.convolve, lambda x, w: conv(x, w.flip(0, 1)), "The kernel is mirrored. That is the mathematicians'"),
    (chapter_04.convolve, shifts(lambda x, w, a, b, H, W: w[a, b] * x[len(w) - 1 - a :][:H, w.shape[1] - 1 - b :][:, :W]),
     "The kernel is mirrored. That is the mathematicians'"),
    (chapter_04.convolve, lambda x, w: conv(x, w.flip(0)), "mirrored up and down only"),
    (chapter_04.convolve, lambda x, w: conv(x, w.flip(1)), "mirrored left and right only"),
    (chapter_04.convolve, shifts(lambda x, w, a, b, H, W: w[b, a] * x[a : a + H, b : b + W]), "The kernel is transposed"),
    (chapter_04.convolve, lambda x, w: conv(x, w, padding="same"), "a border of zeros around the image"),
    (chapter_04.convolve, lambda x, w: conv(x, w, padding=(len(w) - 1, w.shape[1] - 1)), "a border of zeros around the image"),
    (chapter_04.convolve, leaves_a_border, "its last rows and columns are 0"),
    (chapter_04.convolve, lambda x, w: conv(x, w)[:-1, :-1], "height − k \\+ 1 places, not height − k"),
    (chapter_04.convolve, lambda x, w: conv(x, w, stride=w.shape), "The kernel moves by its own width"),
    (chapter_04.convolve, windows(lambda part, w: (part * w).mean()), "a mean over the kernel's places"),
    (chapter_04.convolve, windows(lambda part, w: part.sum()), "These are sums of the image alone"),
    (chapter_04.convolve, windows(lambda part, w: (part @ w).sum()), "Entry meets entry"),
    (chapter_04.convolve, forgets_to_add, "Only the last place of the kernel counts"),
    (chapter_04.convolve, shifts(whole_windows, rows=1, columns=1), "is the return inside of the loop"),
    (chapter_04.convolve, lambda x, w: shifts(whole_windows, columns=len(w))(x, w), "you use k columns only"),
    (chapter_04.convolve, lambda x, w: conv(x, w).relu(), "no activation function in a convolution"),
    (chapter_04.convolve, lambda x, w: conv(x, w).sum(), "You return one number: the sum over all places"),
    (chapter_04.convolve, lambda x, w: -conv(x, w), "has the wrong sign"),
    (chapter_04.convolve, lambda x, w: conv(x, w)[None, None], "a dimension of size 1 is missing or one too many"),
    (chapter_04.convolve, shifts(lambda x, w, a, b, H, W: w[a, b] * x[a:H, b:W]), "convolve fails when it is called with a tensor"),
    (chapter_04.fool, follows(lambda g, e: e * g.sign()), "You went uphill: the loss for the wanted class grew"),
    (chapter_04.fool, follows(lambda g, e: -e * g.sign(), None, math.inf), r"leave the range from 0 to 1: clamp\(0, 1\)"),
    (chapter_04.fool, follows(lambda g, e: -e * g.sign(), 0, None), r"leave the range from 0 to 1: clamp\(0, 1\)"),
    (chapter_04.fool, follows(lambda g, e: -e * g.sign(), -1, 1), r"leave the range from 0 to 1: clamp\(0, 1\)"),
    (chapter_04.fool, follows(lambda g, e: e * g.sign(), None, math.inf), "You went uphill, and pixels leave the range"),
    (chapter_04.fool, follows(lambda g, e: -e * g), "You followed the gradient itself. Take its sign"),
    (chapter_04.fool, follows(lambda g, e: e * g), "You followed the gradient itself, and uphill"),
    (chapter_04.fool, follows(lambda g, e: -e * g / g.norm()), "scaled by its length or its largest entry"),
    (chapter_04.fool, follows(lambda g, e: -e * g / g.abs().max()), "scaled by its length or its largest entry"),
    (chapter_04.fool, follows(lambda g, e: -g.sign()), "The step is not multiplied by ε"),
    (chapter_04.fool, lambda x, L, c, e: -e * slope(x, L, c).sign(), "You return the change, not the changed image"),
    (chapter_04.fool, lambda x, L, c, e: slope(x, L, c), "You return the gradient, not the changed image"),
    (chapter_04.fool, lambda x, L, c, e: (slope(x, L, c), x)[1], "You return the image as it was"),
    (chapter_04.fool, lambda x, L, c, e: (x - e * slope(x, L, 0).sign()).clamp(0, 1), "another class than the wanted one"),
    (chapter_04.fool, lambda x, L, c, e: L(x, c), "You return the loss, a number"),
    (chapter_04.fool, steps_in_place, r"fool changed x itself: work on a copy, x.clone\(\)"),
    (chapter_04.fool, lambda x, L, c, e: L(x, c).backward(), "fool fails when .* does not require grad"),
    (chapter_04.fool, lambda x, L, c, e: follows(lambda g, e: -e * g.sign())(x, L, c, e)[None], "a dimension of size 1"),
    # chapter 05
    (chapter_05.difference_interval, lambda a, b: quantiles(a) - quantiles(b), "Subtract in each resample first"),
    (chapter_05.difference_interval, lambda a, b: quantiles(a) - quantiles(b).flip(0), "Subtract in each"),
    (chapter_05.difference_interval, lambda a, b: quantiles(a.sort()[0] - b.sort()[0]), "a\\[k\\] and b\\[k\\] belong together"),
    (chapter_05.difference_interval, lambda a, b: quantiles(b - a), "This is b − a"),
    (chapter_05.difference_interval, lambda a, b: tuple(quantiles(a - b).flip(0)), "smaller number comes first"),
    (chapter_05.difference_interval, lambda a, b: quantiles(a - b, 0.05), "holds 90 %"),
    (chapter_05.difference_interval, lambda a, b: quantiles(a - b, 0.005), "holds 99 %"),
    (chapter_05.difference_interval, lambda a, b: quantiles(a - b, 0.25), "not .25"),
    (chapter_05.difference_interval, lambda a, b: ((a - b).min(), (a - b).max()), "take the quantiles"),
    (chapter_05.difference_interval, lambda a, b: scipy.stats.norm.interval(0.95, (a - b).mean(), (a - b).std()), "skewed"),
    (chapter_05.difference_interval, lambda a, b: (a - b).mean(), "the two ends"),
    (chapter_05.difference_interval, lambda a, b: (a - b).quantile(0.025), "has shape"),
    (chapter_05.linear_cka, centred(lambda x, y: cka_of(x, y).sqrt()), "square root of CKA"),
    (chapter_05.linear_cka, centred(lambda x, y: cka_of(x / x.std(0), y / y.std(0))), "by its standard deviation"),
    (chapter_05.lower_ceiling, lambda d: ceiling_of(d / d.norm(dim=1, keepdim=True)), "without subtracting its mean"),
    (chapter_05.lower_ceiling, lambda d: ceiling_of(d.argsort(1).argsort(1).double()), "correlated ranks"),
    (chapter_05.linear_cka, lambda a, b: cka_of(a, b), "not centred"),
    (chapter_05.linear_cka, lambda a, b: cka_of(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)), "centred over units"),
    (chapter_05.linear_cka, lambda a, b: cka_of(a - a.mean(), b - b.mean()), "one mean for all units"),
    (chapter_05.linear_cka, lambda a, b: cka_of(a - a.mean(0), b), "Only one of the two"),
    (chapter_05.linear_cka, centred(lambda x, y: (y.T @ x).norm() / inner(x, y)), "is not squared"),
    (chapter_05.linear_cka, centred(lambda x, y: ((y.T @ x).norm() / inner(x, y)) ** 2), "below the line are squared"),
    (chapter_05.linear_cka, centred(lambda x, y: (y.T @ x).norm() ** 2 / (x.norm() * y.norm())), "not those of R1 and R2"),
    (chapter_05.linear_cka, centred(lambda x, y: (y.T @ x).norm() ** 2), "stands above the line"),
    (chapter_05.linear_cka, lambda a, b: cka_of(a.T, b.T), "fails when it is called"),
    (chapter_05.lower_ceiling, lambda d: ceiling_of(standard(d), own=True), "itself included"),
    (chapter_05.lower_ceiling, lambda d: ceiling_of(d), "do not count alike"),
    (chapter_05.lower_ceiling, lambda d: ceiling_of((d - d.mean(0)) / d.std(0)), "Standardise each subject over pairs"),
    (chapter_05.lower_ceiling, lambda d: between(torch.corrcoef(d)).mean(), "Average the other subjects first"),
    (chapter_05.lower_ceiling, lambda d: torch.corrcoef(d).mean(), "correlation with itself"),
    (chapter_05.lower_ceiling, lambda d: len(d) * ceiling_of(standard(d)), "the sum over subjects"),
    (chapter_05.lower_ceiling, lambda d: -ceiling_of(standard(d)), "wrong sign"),
]  # fmt: skip


@pytest.mark.parametrize("check, answer, message", WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(check, answer, message):
    with pytest.raises(Wrong, match=message):
        check(answer)


CHECKS = [chapter_00.one_layer, chapter_00.count_parameters, chapter_01.softmax_delta, chapter_01.numerical_gradient,
          chapter_01.delta_before, chapter_01.xor_network, chapter_04.receptive_field, chapter_04.convolve,
          chapter_04.fool, chapter_05.difference_interval, chapter_05.linear_cka, chapter_05.lower_ceiling]  # fmt: skip


def moves_w_and_takes_the_step_back(loss, w, h):
    slopes = torch.zeros_like(w)
    for i in range(len(w)):
        w[i] += h
        ahead = loss(w)
        w[i] -= 2 * h
        slopes[i] = (ahead - loss(w)) / (2 * h)
        w[i] += h
    return slopes


def in_place(delta_next, W_next, r):
    slope = r.mul_(1 - r)
    return (delta_next @ W_next).mul_(slope)


def adds_in_place(image, kernel):
    k, m = kernel.shape
    output = kernel[0, 0] * image[: image.shape[0] - k + 1, : image.shape[1] - m + 1]
    for place in range(1, k * m):
        a, b = divmod(place, m)
        output += kernel[a, b] * image[a : a + len(output), b : b + output.shape[1]]
    return output


def backward_on_what_is_given(x, loss, wanted, epsilon):
    """Asks for x's gradient in place, but does not change x."""
    x.requires_grad_()
    loss(x, wanted).backward()
    return torch.clip(x - epsilon * x.grad.sign(), 0, 1)


def without_autograd(x, loss, wanted, epsilon):
    moves = 1e-5 * torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    slopes = torch.stack([loss(x + move, wanted) - loss(x - move, wanted) for move in moves]).reshape(x.shape)
    return np.clip(x.numpy() - epsilon * np.sign(slopes.numpy()), 0, 1)


RIGHT_ANSWERS = [
    (chapter_00.one_layer, lambda W, x, b: (x @ W.T + b).clamp(min=0)),
    (chapter_00.one_layer, lambda W, x, b: np.maximum(W.numpy() @ x.numpy() + b.numpy(), 0)),
    (chapter_00.count_parameters, lambda s: float(sum((m + 1) * n for m, n in pairwise(s)))),
    (chapter_00.count_parameters, lambda s: sum(torch.tensor((m + 1) * n) for m, n in pairwise(s))),
    (chapter_01.softmax_delta, lambda y, t: y.exp() / y.exp().sum(1, keepdim=True) - hot(t).float()),
    (chapter_01.numerical_gradient, moves_w_and_takes_the_step_back),
    (chapter_01.numerical_gradient, lambda L, w, h: slopes(L, w, h, 1, 1, 2 * h).tolist()),
    (chapter_01.delta_before, in_place),
    (chapter_01.delta_before, lambda d, W, r: (W.T @ d.T).T * (r - r**2)),
    (chapter_01.xor_network, lambda: (torch.tensor([[1, -1], [-1, 1]]), torch.zeros(2), torch.ones(1, 2), torch.zeros(1))),
    (chapter_04.receptive_field, from_above),
    (chapter_04.receptive_field, lambda s: float(field()(s))),
    (chapter_04.receptive_field, lambda s: np.int64(field()(s))),
    (chapter_04.receptive_field, lambda s: torch.tensor(field()(s))),
    (chapter_04.convolve, adds_in_place),
    (chapter_04.convolve, lambda x, w: conv(x.float(), w.float())),
    (chapter_04.convolve, windows(lambda part, w: (part * w).sum())),
    (chapter_04.convolve, lambda x, w: scipy.signal.correlate2d(x.numpy(), w.numpy(), mode="valid")),
    (chapter_04.convolve, lambda x, w: scipy.signal.convolve2d(x, w.flip(0, 1), mode="valid").tolist()),
    (chapter_04.fool, backward_on_what_is_given),
    (chapter_04.fool, without_autograd),
    (chapter_04.fool, lambda x, L, c, e: follows(lambda g, e: -e * g.sign())(x.double(), L, c, e).float()),
    (chapter_05.difference_interval, lambda a, b: np.quantile((a - b).numpy(), [0.025, 0.975])),
    (chapter_05.difference_interval, lambda a, b: [float(q) for q in quantiles((a - b).float())]),
    (chapter_05.linear_cka, cka),
    (chapter_05.linear_cka, lambda a, b: cka_of((a - a.mean(0)).float(), (b - b.mean(0)).float()).item()),
    (chapter_05.lower_ceiling, lambda d: np.mean([np.corrcoef(z, o)[0, 1] for z, o in leave_one_out(d)])),
]  # fmt: skip


@pytest.mark.parametrize("check, answer", RIGHT_ANSWERS)
def test_a_right_answer_passes_however_it_is_written(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith("✓ Exercise")


@pytest.mark.parametrize("check", CHECKS)
def test_an_unwritten_answer_is_told_so(check):
    with pytest.raises(Wrong, match="not written yet"):
        check(stub)


@pytest.mark.parametrize("check", CHECKS)
def test_every_exercise_has_three_wrong_answers_here(check):
    assert sum(tried is check for tried, _, _ in WRONG) >= 3


def solutions():
    """Every exercise of every notebook: the solution's source, the name it defines, and the check that follows."""
    for chapter in existing():
        cells = json.loads((NOTEBOOKS / chapter.file).read_text())["cells"]
        for cell, following in pairwise(cells):
            if "### BEGIN SOLUTION" in "".join(cell["source"]) and cell["cell_type"] == "code":
                yield pytest.param(
                    "".join(cell["source"]), "".join(following["source"]), id=f"{chapter.file}-{cell['id']}"
                )


@pytest.mark.parametrize("source, check", list(solutions()))
def test_the_notebooks_own_solution_passes(source, check, capsys):
    import nnbrain as nb

    space = {"torch": torch, "np": np, "nb": nb}
    exec(source, space)
    exec(check, space)
    assert capsys.readouterr().out.startswith("✓ Exercise")
