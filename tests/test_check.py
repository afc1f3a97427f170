"""Feedback on exercises: the right answer passes, and every wrong one is told what is wrong with it."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from nnbrain.check import Wrong, call, chapter_00, chapter_01, compare
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
]  # fmt: skip


@pytest.mark.parametrize("check, answer, message", WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(check, answer, message):
    with pytest.raises(Wrong, match=message):
        check(answer)


CHECKS = [chapter_00.one_layer, chapter_00.count_parameters, chapter_01.softmax_delta, chapter_01.numerical_gradient,
          chapter_01.delta_before, chapter_01.xor_network]  # fmt: skip


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
