"""Feedback on exercises: the right answer passes, and every wrong one is told what is wrong with it."""

import cmath
import json
import math
import sys
from itertools import combinations, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats
import sklearn.metrics
import torch

from nnbrain.analysis import cka
from nnbrain.check import (
    Wrong,
    call,
    chapter_00,
    chapter_01,
    chapter_02,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_08,
    chapter_09,
    chapter_10,
    chapter_11,
    chapter_12,
    chapter_13,
    chapter_14,
    chapter_15,
    chapter_16,
    chapter_17,
    chapter_18,
    chapter_19,
    compare,
)
from nnbrain.check.compare import _values
from nnbrain.networks import KeyValueAttention
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


def moves(change):
    """A step of Euler's method as a student writes it: what comes of r, the summed input c, and Δt/τ."""
    return lambda r, x, W, U, b, dt, tau: change(r, r @ W.T + x @ U.T + b, dt / tau)


def tanh_slope(c):
    return 1 - torch.tanh(c) ** 2


def kernel_of(average, right=2, left=1):
    """A psychophysical kernel, with another average, or of other choices."""
    return lambda evidence, choice: average(evidence[choice == right]) - average(evidence[choice == left])


def weighs(weight):
    """A kernel as a student writes it without a mask: the mean of the evidence, weighed by the choice."""
    return lambda evidence, choice: (weight(choice.double())[:, None] * evidence).mean(0)


def weights_by_slope(r, W, b):
    """What a step's Jacobian has in common with its wrong versions."""
    return tanh_slope(W @ r + b)[:, None] * W


def one_state(matrix):
    """A Jacobian as a student writes it: the leak, plus α times what ``matrix`` makes of c and W."""
    return lambda r, W, b, a: (1 - a) * torch.eye(len(r), dtype=r.dtype) + a * matrix(W @ r + b, W)


def times(time):
    """Time constants as a student writes them, of the moduli."""
    return lambda eigenvalues, dt: time(eigenvalues.abs(), dt)


def repeats(equation, times=200, start=1.0):
    """κ as a student finds it: the equation, over and over."""

    def steady_kappa(m, n, drive):
        kappa = start
        for _ in range(times):
            kappa = equation(m, n, drive, kappa)
        return kappa

    return steady_kappa


def mean_field(m, n, drive, kappa):
    return (n * torch.tanh(m * kappa + drive)).mean()


def normalized(above=lambda x, n: x**n, below=lambda x, w, s, n: s**n + x**n @ w.T):
    """Divisive normalization as a student writes it: one thing above the line, another below."""
    return lambda x, w, s, n: above(x, n) / below(x, w, s, n)


def looked_up(weights):
    """A lookup as a student writes it: weights of the scores and the temperature, then the values."""
    return lambda q, k, v, T: weights(q @ k.T, T) @ v


def ratio(x, dim=1):
    return x / x.sum(dim, keepdim=True)


def safely(c):
    return torch.exp(c - c.amax(1, keepdim=True))


def observed(values, z=torch.special.ndtri):
    """d′ and c as a student writes them, of z(hits) and z(false alarms)."""
    return lambda hits, false: torch.stack(values(z(hits), z(false)), dim=1)


def lstm(gate=torch.sigmoid, into=torch.tanh, out=torch.tanh, keep=lambda f, i: f, enter=lambda f, i: i):
    """An LSTM's step, with parts that may be wrong."""

    def lstm_step(f, i, o, z, c):
        f, i, o = gate(f), gate(i), gate(o)
        c = keep(f, i) * c + enter(f, i) * into(z)
        return torch.stack([c, o * out(c)])

    return lstm_step


def gates(input_sign=1, forget_sign=-1, input_at=1, forget_at=1, steepness=200.0):
    """Gates that switch where the stimulus is so many times the threshold, from below (1) or from above (−1)."""

    def salience_gates(threshold):
        w_i, w_f = input_sign * steepness, forget_sign * steepness
        return torch.tensor([w_i, -w_i * input_at * threshold, w_f, -w_f * forget_at * threshold])

    return salience_gates


def as_it_is(x):
    return x


def logit(g):
    return torch.log(g / (1 - g))


def reminds(weigh, eta=None):
    """A r from the history: each past activity, weighted by its age and its similarity to r."""

    def fast_current(history, r, decay, rate):
        age = torch.arange(len(history) - 1, -1, -1)
        return (rate if eta is None else eta) * weigh(age, history @ r, decay) @ history

    return fast_current


def fades(ratio, power=2):
    """A signal-to-noise ratio of the signal's power and the sum of all powers."""

    def signal_to_noise(age, size, decay):
        return ratio(decay ** (power * age), 1 / (1 - decay**power), size)

    return signal_to_noise


def writes(change, start=1):
    """A plus another change, of the error, the key and the key's length."""
    return lambda A, key, value: start * A + change(value - A @ key, key, key.norm())


def by_pseudoinverse(A, key, value):
    inverse = torch.linalg.pinv(key[:, None])
    return A @ (torch.eye(5) - key[:, None] @ inverse) + value[:, None] @ inverse


def matrix_of(history, decay):
    A = torch.zeros(4, 4, dtype=history.dtype)
    for r in history:
        A = decay * A + torch.outer(r, r)
    return A


def synapse(du=None, dx=None):
    """A step of the synapse of notebook 15, with other derivatives: functions of (u, x, r per ms, U, tau_x, tau_u)."""

    def answer(u, x, rate, dt, U, tau_x, tau_u):
        given = (u, x, rate / 1000, U, tau_x, tau_u)
        change = (U - u) / tau_u + U * (1 - u) * rate / 1000 if du is None else du(*given)
        return torch.stack(
            [u + dt * change, x + dt * ((1 - x) / tau_x - u * x * rate / 1000 if dx is None else dx(*given))]
        )

    return answer


def with_the_new_u(u, x, rate, dt, U, tau_x, tau_u):
    u = u + dt * ((U - u) / tau_u + U * (1 - u) * rate / 1000)
    return torch.stack([u, x + dt * ((1 - x) / tau_x - u * x * rate / 1000)])


def traced(k=lambda r, U, tau: 1 / tau + U * r, level=None, start=None, end=None, unit=1000):
    """What is left of a burst in notebook 15, with parts that may be wrong."""

    def answer(rate, duration, delay, U, tau_u):
        r = rate / unit
        goal = U * (1 + tau_u * r) / (1 + U * tau_u * r) if level is None else level
        u = goal + ((U if start is None else start) - goal) * torch.exp(-k(r, U, tau_u) * duration)
        return (u - U) * math.exp(-delay / tau_u) if end is None else end(u, U, delay, tau_u, r, duration)

    return answer


def simulated_trace(rate, duration, delay, U, tau_u):
    u = np.full(len(rate), U)
    for r, length in ((rate.numpy() / 1000, duration), (0 * rate.numpy(), delay)):
        solved = scipy.integrate.solve_ivp(
            lambda _, u, r=r: (U - u) / tau_u + U * (1 - u) * r, (0, length), u, rtol=1e-8, atol=1e-10
        )
        u = solved.y[:, -1]
    return u - U


def infers(change, start=1, rate=None):
    """Equation D of notebook 12, with another combination of its three parts."""

    def answer(x, r, r_2, U, V, pi, alpha, eta):
        parts = (x - r @ U.T) @ U, pi * (r - r_2 @ V.T), alpha * r / (1 + r**2)
        return start * r + (eta if rate is None else rate) * change(*parts)

    return answer


def hebb(change):
    return lambda x, r, U, eta: eta * change(x, x - r @ U.T, r)


def rests(answer, weight=1.0, one=None):
    """The rates that solve (UᵀU + weight · α · 1) r = Uᵀ x, and what is made of them."""

    def function(x, U, alpha):
        diagonal = torch.eye(5).double() if one is None else one
        return answer(x, torch.linalg.solve(U.T @ U + weight * alpha * diagonal, U.T @ x.T).T, U)

    return function


def in_loops_over_trials(x, r, r_2, U, V, pi, alpha, rate):
    new = []
    for image, s, s_2 in zip(x, r, r_2, strict=True):
        s.requires_grad_()
        E = (image - U @ s).square().sum() + pi * (s - V @ s_2).square().sum() + alpha * torch.log(1 + s**2).sum()
        new.append(s.detach() - rate * torch.autograd.grad(E / 2, s)[0])
    return torch.stack(new)


def by_ridge_regression(x, U, alpha):
    """Each image is a regression on the features, with a penalty that is written as more data, all 0."""
    U, x = U.numpy(), x.numpy()
    more = np.vstack([U, math.sqrt(alpha) * np.eye(5)])
    return [a - U @ np.linalg.lstsq(more, np.append(a, np.zeros(5)), rcond=None)[0] for a in x]


def oja(change):
    """η times what is made of inputs, output and weights."""
    return lambda x, w, eta: eta * change(x, x @ w, w)


def stores(weights, diagonal=0.0):
    """Weights of a Hopfield network, with this share of their diagonal."""

    def function(patterns):
        W = weights(patterns)
        return W - (1 - diagonal) * torch.diag(W.diagonal())

    return function


def turned_one_by_one(W, s):
    energies = []
    for i in range(len(s)):
        new = s.clone()
        new[i] = -new[i]
        energies.append(-0.5 * new @ W @ new + 0.5 * s @ W @ s)
    return energies


def stored_one_by_one(patterns):
    W = torch.zeros(5, 5).double()
    for xi in patterns:
        W += xi[:, None] * xi / 5
    return W.fill_diagonal_(0)


def spring(slope=lambda W, W_fix, M, beta: 2 * beta * M * (W - W_fix)):
    return lambda W, gradient, W_fix, M, beta, eta: W - eta * (gradient + slope(W, W_fix, M, beta))


def layer(per_class):
    """The Fisher information of a layer, from what a trial adds for each class."""
    return lambda x, W: per_class(softmax(x @ W.T)).T @ x**2 / len(x)


def layer_by_definition(x, W):
    F = torch.zeros_like(W)
    for x_k in x:
        for c in range(len(W)):
            p = softmax(W @ x_k, 0)
            F += p[c] * by_autograd(lambda w, x_k=x_k, c=c: torch.log_softmax(w @ x_k, 0)[c], W, 0) ** 2 / len(x)
    return F


def beakers(inward=1, outward=1, last=0.0, first=False, tube=1):
    """The flow in a chain, beaker by beaker; ``last``: the level outside, None for no leak."""

    def flow(u, C, g):
        change = torch.zeros_like(u)
        for k in range(len(u)):
            behind = u[k + 1] if k + 1 < len(u) else (u[k] if last is None else last)
            change[k] = outward * g[k] * (behind - u[k])
            if k or first:
                change[k] += inward * g[max(k - tube, 0)] * ((u[k - 1] if k else 0) - u[k])
        return change / C

    return flow


def two_changes(combine):
    """Exercise 1 of notebook 19, from the two changes."""
    return lambda b_1, b_2, a_1, a_2: combine(a_1 - b_1, a_2 - b_2)


def area(inherited=lambda r, given: r(given.x_new, given.W, given.b), own=lambda r, given: r(given.x, given.W_new, given.b_new),
         before=lambda r, given: r(given.x, given.W, given.b), f=torch.relu, size=lambda c: c.square().mean().sqrt()):  # fmt: skip
    """Exercise 2 of notebook 19: rates with the new input, with the new synapses, and before."""

    def answer(x, x_new, W, b, W_new, b_new):
        given = SimpleNamespace(x=x, x_new=x_new, W=W, b=b, W_new=W_new, b_new=b_new)

        def rates(x, W, b):
            return f(x @ W.T + b)

        old = before(rates, given)
        return torch.stack([size(inherited(rates, given) - old), size(own(rates, given) - old)])

    return answer


def all_changed(r, given):
    return r(given.x_new, given.W_new, given.b_new)


def one_trial(f=lambda p, r: (1 - p) / p if r else -1.0, tag=lambda w, u, x: torch.outer(w * (u > 0), x)):
    """A trial of attention-gated learning; f: of p_a and the reward."""

    def change(x, W, W_out, a, reward):
        u = W @ x
        p_a = softmax(W_out @ u.relu(), 0)[a]
        return f(p_a, reward) * tag(W_out[a], u, x)

    return change


def backprop_to_the_chosen(x, W, W_out, a, reward):
    u = W @ x
    return torch.outer(((torch.arange(3) == a).double() - softmax(W_out @ u.relu(), 0)) @ W_out * (u > 0), x)


def normal(z):
    return z / z.sum()


def nodes(change=lambda noisy, quiet, s: (noisy - quiet) / s, over=6):
    """Node perturbation's estimate, from what each trial's losses make of it."""
    return lambda r, xi, noisy, quiet, s: torch.einsum("t,tu,ti->ui", change(noisy, quiet, s), xi, r) / over


def cosine_of_mean(noise=lambda e: e.var(0).sum() / len(e)):
    """Of the mean of estimates with g, its squared length less some noise."""
    return lambda e, g: e.mean(0) @ g / ((e.mean(0) @ e.mean(0) - noise(e)).sqrt() * g.norm())


def cosine_from_pairs(estimates, g):
    pairs = [float(a @ b) for a, b in combinations(estimates, 2)]
    return float((estimates @ g).mean()) / math.sqrt(np.mean(pairs) * float(g @ g))


def of_jacobian(measure, h=None):
    """A measure of the Jacobian of a field, by autograd or by central differences."""

    def answer(field, w):
        if h is None:
            return measure(torch.autograd.functional.jacobian(field, w))
        moves = h * torch.eye(len(w), dtype=w.dtype)
        return measure(torch.stack([(field(w + e) - field(w - e)) / (2 * h) for e in moves], dim=1))

    return answer


def one_sided_asymmetry(field, w):
    moves = 1e-7 * torch.eye(len(w), dtype=w.dtype)
    J = torch.stack([(field(w + e) - field(w)) / 1e-7 for e in moves])  # transposed, which is as good
    return (J - J.T).norm() / J.norm() / 2


def aligned(way=lambda W2, B: B, slope=lambda c: c > 0, factor=-1.0, output=lambda h, W2, B, target: h @ W2.T - target):
    """A change of hidden weights, with one thing done in another way."""

    def change(x, target, W1, W2, B, eta):
        c = x @ W1.T
        delta = output(c.relu(), W2, B, target) @ way(W2, B) * slope(c)
        return factor * eta * delta.T @ x / len(x)

    return change


def kolen_pollack(hebb=1.0, fade=1.0):
    """A step of feedback weights, with what is learned and the decay multiplied by something."""
    return lambda B, r, delta, eta, decay: B - eta * (hebb * r.T @ delta / len(r) + fade * decay * B)


def traces(
    old=lambda p, alpha, slope: (1 - alpha) * p, new=lambda alpha, slope, z: alpha * slope[:, None] * z, after=True
):
    """Eligibility traces, with one thing done in another way."""

    def run(slopes, z, alpha):
        p, kept = torch.zeros(slopes.shape[1], z.shape[1], dtype=z.dtype), []
        for slope, now in zip(slopes, z, strict=True):
            before, p = p, old(p, alpha, slope) + new(alpha, slope, now)
            kept.append(p if after else before)
        return torch.stack(kept)

    return run


def over_trials(r):
    return r.var(0, correction=0).mean(0)


def contrasts(measure=over_trials, combine=lambda A, B: (A - B) / (A + B)):
    return lambda r_A, r_B: combine(measure(r_A), measure(r_B))


def votes(weigh=torch.sigmoid, combine=lambda s, c: torch.atan2(s, c) % (2 * math.pi)):
    return lambda y, theta: combine(weigh(y) @ theta.sin(), weigh(y) @ theta.cos())


def clusters_apart(combine=lambda a, b: (b - a) / torch.maximum(a, b), *, itself=False, nearest=True,
                   metric=lambda x: torch.cdist(x, x)):  # fmt: skip
    def answer(x, labels):
        d, a, b = metric(x), [], []
        for i, own in enumerate(labels):
            near = labels == own
            a.append(d[i, near].sum() / (int(near.sum()) - (not itself)))
            others = [d[i, labels == k].mean() for k in labels.unique() if k != own]
            b.append(min(others) if nearest else d[i, ~near].mean())
        return combine(torch.stack(a), torch.stack(b))

    return answer


def bandit_step(error=lambda r, Q: r - Q, where=lambda chosen: chosen, eta=0.3):
    """The delta rule of a bandit, with a part of it exchanged."""
    return lambda Q, a, r, _: Q + eta * where(torch.nn.functional.one_hot(a, 3)) * error(r[:, None], Q)


def at_outputs(gain=lambda r, b: r - b, slope=lambda taken, pi: taken - pi, policy=lambda y: torch.softmax(y, 1)):
    """The policy gradient at the outputs, with a part of it exchanged."""
    return lambda y, a, r, b: gain(r, b)[:, None] * slope(torch.nn.functional.one_hot(a, 4), policy(y))


def credit(now=lambda r, gamma: r, later=lambda G, gamma: gamma * G, backward=True):
    """Returns by recursion, with a part of it exchanged."""

    def function(r, gamma):
        G, last = [], torch.zeros_like(r[:, 0])
        for t in reversed(range(r.shape[1])) if backward else range(r.shape[1]):
            last = now(r[:, t], gamma) + later(last, gamma)
            G.append(last)
        return torch.stack(G[::-1] if backward else G, 1)

    return function


def values_of_columns(Q, a, r, eta):
    before, Q = Q, Q.clone()
    for agent, arm in enumerate(a):
        Q[:, arm] = before[:, arm] + eta * (r[agent] - before[:, arm])
    return Q


def values_in_place(Q, a, r, eta):
    Q[torch.arange(len(Q)), a] += eta * (r - Q[torch.arange(len(Q)), a])
    return Q


def returns_in_place(r, gamma):
    for t in reversed(range(r.shape[1] - 1)):
        r[:, t] += gamma * r[:, t + 1]
    return r


def scipy_returns(r, gamma):
    """A recursive filter that runs backwards in time."""
    return torch.as_tensor(scipy.signal.lfilter([1.0], [1.0, -gamma], r.numpy()[::-1])[::-1].copy())


def lawful(W):
    """Without self-connections."""
    return W * (1 - torch.eye(len(W), dtype=W.dtype))


def soft(v, step):
    return v.sign() * (v.abs() - step).clamp(min=0)


def by_preference(measure):
    """Of the weights from inhibitory to excitatory units, and which pairs have the same preference."""
    return lambda W, d_E, d_I: measure(W, d_E[:, None] * d_I > 0)


def heavy_ball(smooth=lambda v, g, mu: mu * v + g, move=lambda theta, v, old, g, eta: theta - eta * v):
    """A step of momentum as a student writes it: how v changes, and how theta moves."""

    def momentum(theta, v, gradient, eta, mu):
        new = smooth(v, gradient, mu)
        return move(theta, new, v, gradient, eta), new

    return momentum


def adam_as(step=lambda m, q, j, b1, b2, eps: m / (1 - b1**j) / ((q / (1 - b2**j)).sqrt() + eps)):
    """Adam's last step as a student writes it: what becomes of the averages m and q after j gradients."""

    def adam_change(gradients, eta, beta1, beta2, epsilon):
        m = q = 0 * gradients[0]
        for g in gradients:
            m = beta1 * m + (1 - beta1) * g
            q = beta2 * q + (1 - beta2) * g**2
        return -eta * step(m, q, len(gradients), beta1, beta2, epsilon)

    return adam_change


def adam_of_torch(gradients, eta, beta1, beta2, epsilon):
    theta = torch.zeros_like(gradients[0], requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=eta, betas=(beta1, beta2), eps=epsilon)
    for g in gradients:
        before, theta.grad = theta.detach().clone(), g
        optimizer.step()
    return theta.detach() - before


def by_root_finding(s, u0, tau, share):
    def lacking(t, strength):
        return strength / (1 + (strength / u0 - 1) * math.exp(-2 * strength * t / tau)) - share * strength

    return [scipy.optimize.brentq(lacking, 0, 100 * tau, args=(float(strength),)) for strength in s]


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
    # chapter 02
    (chapter_02.new_values, bandit_step(where=lambda chosen: 1), "Only the chosen arm is corrected"),
    (chapter_02.new_values, lambda Q, a, r, eta: Q + eta * (torch.nn.functional.one_hot(a, 3) * r[:, None] - Q), "fade towards 0"),
    (chapter_02.new_values, bandit_step(error=lambda r, Q: r), "the belief is missing"),
    (chapter_02.new_values, bandit_step(error=lambda r, Q: Q - r), "sign of the prediction error"),
    (chapter_02.new_values, bandit_step(eta=1.0), "η is missing"),
    (chapter_02.new_values, lambda Q, *others: bandit_step()(Q, *others) - Q, "This is the change"),
    (chapter_02.new_values, bandit_step(error=lambda r, Q: r - Q.amax(1, keepdim=True)), "belief of the best arm"),
    (chapter_02.new_values, lambda Q, a, *others: bandit_step()(Q, Q.argmax(1), *others), "arm with the largest Q"),
    (chapter_02.new_values, bandit_step(eta=0.7), "η and 1 − η are exchanged"),
    (chapter_02.new_values, bandit_step(error=lambda r, Q: r - Q.sum(1, keepdim=True)), "all arms are subtracted together"),
    (chapter_02.new_values, bandit_step(error=lambda r, Q: r.mean() - Q), "mean reward of all agents"),
    (chapter_02.new_values, values_of_columns, "takes the columns a for every agent"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: pi - taken), "The sign is reversed"),
    (chapter_02.output_gradient, at_outputs(gain=lambda r, b: r), "The baseline is missing"),
    (chapter_02.output_gradient, at_outputs(gain=lambda r, b: r + b), "The baseline is added"),
    (chapter_02.output_gradient, at_outputs(gain=lambda r, b: torch.ones_like(r)), "The reward is missing"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: taken * (1 - pi)), "Only the output of the chosen action"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: taken + pi), "subtract π"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: -pi), "The chosen action is missing"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: (taken * pi).sum(1, keepdim=True) * (taken - pi)),
     "the slope of π, not of log π"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: (taken - pi) / (taken * pi).sum(1, keepdim=True)),
     "has done that already"),
    (chapter_02.output_gradient, lambda y, *others: at_outputs()(y, *others) / len(y), "You average over trials"),
    (chapter_02.output_gradient, lambda *given: at_outputs()(*given).sum(0), "You add up over trials"),
    (chapter_02.output_gradient, at_outputs(policy=lambda y: torch.softmax(y, 0)), "not over trials"),
    (chapter_02.output_gradient, at_outputs(policy=lambda y: y), "not probabilities yet"),
    (chapter_02.output_gradient, lambda y, a, r, b: at_outputs()(y, y.argmax(1), r, b), "not the chosen one"),
    (chapter_02.output_gradient, at_outputs(slope=lambda taken, pi: pi.log()), "asked for is its slope"),
    (chapter_02.output_gradient, at_outputs(gain=lambda r, b: b * (r - b)), "multiply by the baseline"),
    (chapter_02.returns, credit(later=lambda G, gamma: G), "The discount is missing"),
    (chapter_02.returns, credit(later=lambda G, gamma: 0 * G), "only the reward"),
    (chapter_02.returns, credit(backward=False), "Time runs backwards: G_t"),
    (chapter_02.returns, lambda r, gamma: r.cumsum(1), "nothing is discounted"),
    (chapter_02.returns, lambda r, gamma: credit()(r, gamma) - r, "itself is missing: the sum begins with k = 0"),
    (chapter_02.returns, lambda r, gamma: gamma * credit()(r, gamma), "once too often"),
    (chapter_02.returns, lambda r, gamma: (credit()(r, gamma) - r) / gamma, "begins with the next reward"),
    (chapter_02.returns, lambda r, gamma: gamma ** torch.arange(r.shape[1]) * credit()(r, gamma), "from the start of the episode"),
    (chapter_02.returns, lambda r, gamma: r + gamma * (credit(later=lambda G, gamma: G)(r, gamma) - r), "for all that is later"),
    (chapter_02.returns, lambda r, gamma: r + gamma * torch.nn.functional.pad(r[:, 1:], (0, 1)), "not r_{t.1}"),
    (chapter_02.returns, lambda r, gamma: credit()(r, gamma)[:, 0], "return of the whole episode"),
    (chapter_02.returns, credit(now=lambda r, gamma: gamma * r, later=lambda G, gamma: G), "γ multiplies the reward"),
    (chapter_02.returns, lambda r, gamma: credit()(r, 1 - gamma), "γ and 1 − γ are exchanged"),
    (chapter_02.returns, credit(now=lambda r, gamma: (1 - gamma) * r), "a running average"),
    (chapter_02.returns, lambda r, gamma: credit()(r, gamma).flip(1), "reverse order of time"),
    (chapter_02.returns, lambda r, gamma: credit()(r.T, gamma).T, "over episodes, not over time"),
    # chapter 04
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: v + g), "the old v is multiplied by mu"),
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: mu * v + (1 - mu) * g), "adds the whole gradient"),
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: mu * v + 0.3 * g, lambda theta, v, old, g, eta: theta - v),
     "not into v"),
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: mu * v - g, lambda theta, v, old, g, eta: theta + eta * v),
     "the minus is in Equation 25"),
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: g), "The old v is missing"),
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: v), "Equation 24 is missing"),
    (chapter_03.momentum, heavy_ball(lambda v, g, mu: v + mu * g), "not the gradient"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: theta + eta * v), "goes uphill"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: theta - eta * old), "the old v: update v first"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: theta - eta * g), "goes along the gradient"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: theta - v), "learning rate is missing"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: -eta * v), "You return the change"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: theta), "Equation 25 is missing"),
    (chapter_03.momentum, heavy_ball(move=lambda theta, v, old, g, eta: theta - eta * (g + 0.8 * v)), "Nesterov"),
    (chapter_03.momentum, lambda *given: heavy_ball()(*given)[::-1], "The order is the other way round"),
    (chapter_03.momentum, lambda *given: heavy_ball()(*given)[0], "should return two things"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / (q.sqrt() + eps)), "bias correction is missing"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / (1 - b1**j) / (q.sqrt() + eps)), "q is not"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / ((q / (1 - b2**j)).sqrt() + eps)), "m is not"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps:
     m / (1 - b1 ** (j - 1)) / ((q / (1 - b2 ** (j - 1))).sqrt() + eps)), "Off by one"),
    (chapter_03.adam_change, lambda *given: -adam_as()(*given), "goes uphill"),
    (chapter_03.adam_change, lambda g, eta, *others: adam_as()(g, 1.0, *others), "The learning rate is missing"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / (1 - b1**j) / (q / (1 - b2**j) + eps)),
     "The square root is missing"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / (1 - b1**j) / (q / (1 - b2**j) + eps).sqrt()),
     "outside of the square root"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / (1 - b1**j) / (q / (1 - b2**j)).sqrt()),
     "epsilon is missing"),
    (chapter_03.adam_change, lambda g, eta, beta1, beta2, eps: adam_as()(g, eta, beta2, beta1, eps), "you exchanged them"),
    (chapter_03.adam_change, lambda g, *others: adam_as(lambda m, q, j, b1, b2, eps:
     g[-1] / ((q / (1 - b2**j)).sqrt() + eps))(g, *others), "RMSprop's step"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps: m / (1 - b1**j)), "only the smoothed gradient"),
    (chapter_03.adam_change, adam_as(lambda m, q, j, b1, b2, eps:
     m / (1 - b1**j) / (((m / (1 - b1**j)) ** 2).sqrt() + eps)), "you squared the average"),
    (chapter_03.adam_change, lambda g, eta, beta1, beta2, eps: -eta * g.mean(0) / ((g**2).mean(0).sqrt() + eps),
     "plain averages"),
    (chapter_03.adam_change, lambda g, *others: adam_as()(g.flip(0), *others), "backwards"),
    (chapter_03.adam_change, lambda g, *others: adam_as()(g[:1], *others), "This is the first step"),
    (chapter_03.adam_change, lambda g, *others: sum(adam_as()(g[: j + 1], *others) for j in range(len(g))),
     "the sum of all steps"),
    (chapter_03.adam_change, lambda g, *others: adam_as(lambda m, q, j, b1, b2, eps:
     m / (1 - b1) / (1 - b1**j) / ((q / (1 - b2) / (1 - b2**j)).sqrt() + eps))(g, *others), "without them sums"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / (2 * s) * torch.log(s / u0 - 1), "half of s"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / (2 * s) * torch.log(share / (1 - share) * s / u0), "−1 is missing"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / s * torch.log(share / (1 - share) * (s / u0 - 1)),
     "A factor 2 is missing"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: torch.log(share / (1 - share) * (s / u0 - 1)) / (2 * s), "tau is missing"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / 2 * s * torch.log(share / (1 - share) * (s / u0 - 1)),
     "strong modes are fast"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / (2 * s) * torch.log10(share / (1 - share) * (s / u0 - 1)),
     "a natural one"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / (2 * s) * torch.log((1 - share) / share * (s / u0 - 1)),
     "The share is upside down"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: -tau / (2 * s) * torch.log(share / (1 - share) * (s / u0 - 1)),
     "upside down: s / u₀"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau / (2 * s) * torch.log(share * (s / u0 - 1)), "Only the odds"),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau * torch.log((1 - u0 / s) / (1 - share)), "one layer"),
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
    # chapter 06
    (chapter_06.euler_step, moves(lambda r, c, a: torch.tanh((1 - a) * r + a * c)), "stands around the whole step"),
    (chapter_06.euler_step, moves(lambda r, c, a: torch.tanh(r + a * (-r + c))), "stands around the whole step"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + a * torch.tanh(-r + c)), "The leak stands inside f"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + a * (-r + c)), "The nonlinearity is missing"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: r + dt / tau * (-r + torch.tanh(r @ W.T + x @ U.T) + b),
     "The bias stands outside f"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: r + dt / tau * (-r + torch.tanh(r @ W.T + b) + x @ U.T),
     "The input stands outside f"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: r + dt / tau * (-r + torch.tanh(r @ W.T) + x @ U.T + b),
     "The input stands outside f"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: r + dt / tau * (-r + torch.tanh(r) @ W.T + x @ U.T + b),
     "f is applied to r, before W_r"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + a * torch.tanh(c)), "Activity does not decay"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + a * (r + torch.tanh(c))), "−r\\(t\\) has the wrong sign"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + a * (r - torch.tanh(c))), "The change has the wrong sign"),
    (chapter_06.euler_step, moves(lambda r, c, a: r - a * (-r + torch.tanh(c))), "The change has the wrong sign"),
    (chapter_06.euler_step, moves(lambda r, c, a: torch.tanh(c)), "the step of an Elman network"),
    (chapter_06.euler_step, moves(lambda r, c, a: a * (-r + torch.tanh(c))), "You return the change"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: (-r + torch.tanh(r @ W.T + x @ U.T + b)) / tau, "This is dr/dt"),
    (chapter_06.euler_step, moves(lambda r, c, a: -r + torch.tanh(c)), "which is τ dr/dt"),
    (chapter_06.euler_step, moves(lambda r, c, a: r), "You return r as it was"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: r + dt // tau * (-r + torch.tanh(x @ U.T)), "dt // tau"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + (-r + torch.tanh(c)) / a), "you take τ/Δt"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + 20.0 * (-r + torch.tanh(c))), "τ is missing"),
    (chapter_06.euler_step, moves(lambda r, c, a: r + (-r + torch.tanh(c)) / 80.0), "Δt is missing"),
    (chapter_06.euler_step, moves(lambda r, c, a: 0.8 * r + 0.2 * torch.tanh(c)), "use the dt and tau that you are given"),
    (chapter_06.euler_step, moves(lambda r, c, a: math.exp(-a) * r + (1 - math.exp(-a)) * torch.tanh(c)), "takes 1 − Δt/τ"),
    (chapter_06.euler_step, moves(lambda r, c, a: a * r + (1 - a) * torch.tanh(c)), "are exchanged"),
    (chapter_06.euler_step, moves(lambda r, c, a: r - r + a * torch.tanh(c)), "Nothing of r is left"),
    (chapter_06.euler_step, moves(lambda r, c, a: a * -r + torch.tanh(c) + r), "The drive is not scaled"),
    (chapter_06.euler_step, lambda r, x, W, *others: moves(lambda r, c, a: torch.lerp(r, c.tanh(), a))(r, x, W.T, *others),
     "W_r is transposed"),
    (chapter_06.euler_step, lambda r, x, W, *others: moves(lambda r, c, a: torch.lerp(r, c.tanh(), a))(r, 0 * x, W, *others),
     "The input is missing"),
    (chapter_06.euler_step, lambda r, x, W, *others: moves(lambda r, c, a: torch.lerp(r, c.tanh(), a))(r, x, 0 * W, *others),
     "The recurrent input is missing"),
    (chapter_06.euler_step, moves(lambda r, c, a: torch.lerp(r, c.relu(), a)), "neither a ReLU nor a sigmoid"),
    (chapter_06.euler_step, moves(lambda r, c, a: torch.lerp(r, c.tanh(), a).T), r"shape \(5, 4\).* it is transposed"),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: r + dt / tau * (-r + torch.tanh(W @ r + U @ x + b)), "fails when"),
    (chapter_06.backward_step, lambda g, c, W, a: a * (tanh_slope(c) * g) @ W, "^The leak is missing"),
    (chapter_06.backward_step, lambda g, c, W, a: (tanh_slope(c) * g) @ W, "Elman network's step: the leak"),
    (chapter_06.backward_step, lambda g, c, W, a: (tanh_slope(c) * g) @ W.T, "Elman network's step, and the wrong way"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g, "Only the leak"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * tanh_slope(c) * g, "W_r is missing"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + (tanh_slope(c) * g) @ W, "α is missing where"),
    (chapter_06.backward_step, lambda g, c, W, a: g + a * (tanh_slope(c) * g) @ W, "you add the gradient as it is"),
    (chapter_06.backward_step, lambda g, c, W, a: a * g + (1 - a) * (tanh_slope(c) * g) @ W, "are exchanged"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * (a * tanh_slope(c) * g) @ W, "α counts twice"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * (tanh_slope(c) * g) @ W.T, "^The wrong way through W_r"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * g @ W, "^The slope of tanh is missing"),
    (chapter_06.backward_step, lambda g, c, W, a: g @ W, "Equation 18, for a linear Elman network"),
    (chapter_06.backward_step, lambda g, c, W, a: a * g @ W, "The leak and the slope of tanh are missing"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * tanh_slope(c) * (g @ W), "multiply before W_r, not after"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * (torch.tanh(c) * g) @ W, "you used tanh\\(c\\), or its square"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * ((1 - c**2) * g) @ W, "as if c were already tanh"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * ((1 - torch.tanh(c**2)) * g) @ W, "you squared c"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * ((1 - torch.tanh(c)) * g) @ W, "the square is missing"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + (a * 1 - torch.tanh(c) ** 2) * g @ W, "into parentheses"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * ((c > 0) * g) @ W, "slope of a ReLU"),
    (chapter_06.backward_step, lambda g, c, W, a: ((1 - a + a * tanh_slope(c)) * g) @ W, "The leak goes through W_r"),
    (chapter_06.backward_step, lambda g, c, W, a: tanh_slope(c) * (1 - a) * g + a * (tanh_slope(c) * g) @ W, "goes through tanh"),
    (chapter_06.backward_step, lambda g, c, W, a: a * (tanh_slope(c) * g) @ W - (1 - a) * g, "The leak is subtracted"),
    (chapter_06.backward_step, lambda g, c, W, a: -(1 - a) * g - a * (tanh_slope(c) * g) @ W, "wrong sign"),
    (chapter_06.backward_step, lambda g, c, W, a: ((1 - a) * g + a * (tanh_slope(c) * g) @ W).mean(0), "first dimension is gone"),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g + a * W.T @ (tanh_slope(c) * g), "fails when it is called"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.mean(0), right=1, left=2), "The sign is reversed"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.sum(0)), "You add up the evidence"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k == 2].mean(0), "only the mean for right"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k == 1].mean(0), "only the mean for left"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k == 2].mean(0) + e[k == 1].mean(0), "You add the two means"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k == 2].mean(0) - e[k != 2].mean(0), r"\(0\) count as left"),
    (chapter_06.psychophysical_kernel, weighs(lambda k: (k - 1.5).sign()), r"\(0\) count as left"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k != 1].mean(0) - e[k == 1].mean(0), r"\(0\) count as right"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.mean(0), right=1, left=0), "You took choices 1 and 0"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.mean(0), right=2, left=0), "You took choices 2 and 0"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k > 0].mean(0) - e[k == 0].mean(0), "with a choice with those without"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k.bool()].mean(0) - e[~k.bool()].mean(0), "with those without"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k == 2].mean(1), "average over trials, for each time"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.mean()), "averaged over time as well"),
    (chapter_06.psychophysical_kernel, weighs(lambda k: (k == 2).double() - (k == 1).double()), "the number of all trials"),
    (chapter_06.psychophysical_kernel, lambda e, k: ((2 * k - 3)[:, None] * e)[k > 0].mean(0), "divide by that of each side"),
    (chapter_06.psychophysical_kernel, weighs(lambda k: k), "You weigh evidence by the number of the choice"),
    (chapter_06.psychophysical_kernel, lambda e, k: kernel_of(lambda x: x.mean(0))(e, k) / 2, "half of the difference"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[k == 2].mean(0) - e.mean(0), "with the mean of all trials"),
    (chapter_06.psychophysical_kernel, lambda e, k: e[2] - e[1], "You took the trials numbered 2 and 1"),
    (chapter_06.psychophysical_kernel, lambda e, k: kernel_of(lambda x: x.mean(0))(e, k).abs(), "right in 5 of 6 entries"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.median(0).values), "These are medians"),
    (chapter_06.psychophysical_kernel, lambda e, k: kernel_of(lambda x: x.mean(0))(e, k) / e.std(0), "standard deviation"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.mean(0, keepdim=True)), "a dimension of size 1"),
    (chapter_06.psychophysical_kernel, kernel_of(lambda e: e.mean(1)), "fails when it is called"),
    # chapter 07
    (chapter_07.jacobian, one_state(lambda c, W: W @ torch.diag(tanh_slope(c))), "The slope is on the wrong side"),
    (chapter_07.jacobian, one_state(lambda c, W: W * tanh_slope(c)), "The slope is on the wrong side"),
    (chapter_07.jacobian, one_state(lambda c, W: tanh_slope(c) @ W), r"adds up over units.* slope\[:, None\] \* W_r"),
    (chapter_07.jacobian, one_state(lambda c, W: torch.diag(tanh_slope(c)) * W), "leaves only the diagonal"),
    (chapter_07.jacobian, one_state(lambda c, W: W.T * tanh_slope(c)), "^It is transposed"),
    (chapter_07.jacobian, one_state(lambda c, W: tanh_slope(c)[:, None] * W.T), "^W_r is transposed"),
    (chapter_07.jacobian, lambda r, W, b, a: a * weights_by_slope(r, W, b), "^The leak is missing"),
    (chapter_07.jacobian, lambda r, W, b, a: 1 - a + a * weights_by_slope(r, W, b), "on the diagonal only"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.diag(r) + a * weights_by_slope(r, W, b), "still holds r"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * r + a * weights_by_slope(r, W, b), "still holds r"),
    (chapter_07.jacobian, lambda r, W, b, a: a * weights_by_slope(r, W, b) + (1 - a) * torch.diag(tanh_slope(W @ r + b)),
     "does not pass through f"),
    (chapter_07.jacobian, one_state(lambda c, W: W), "The slope of f is missing"),
    (chapter_07.jacobian, lambda r, W, b, a: weights_by_slope(r, W, b) - torch.eye(5), "the Jacobian of dr/dt"),
    (chapter_07.jacobian, lambda r, W, b, a: a * (weights_by_slope(r, W, b) - torch.eye(5)), "so add 1"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.eye(5) + weights_by_slope(r, W, b), "α in front of f is missing"),
    (chapter_07.jacobian, lambda r, W, b, a: torch.eye(5) + a * weights_by_slope(r, W, b), "The leak is 1 − α, not 1"),
    (chapter_07.jacobian, lambda r, W, b, a: a * torch.eye(5) + (1 - a) * weights_by_slope(r, W, b), "are exchanged"),
    (chapter_07.jacobian, lambda r, W, b, a: a * weights_by_slope(r, W, b) - (1 - a) * torch.eye(5), "The leak is subtracted"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.eye(5) + a * tanh_slope(r)[:, None] * W, "The slope is taken at r"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.eye(5) + a * (1 - r**2)[:, None] * W, "r is not tanh"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.eye(5) + a * weights_by_slope(r, W, 0 * b), "The bias is missing"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.eye(5) + a * tanh_slope(r @ W + b)[:, None] * W,
     "you multiplied by the transposed matrix"),
    (chapter_07.jacobian, one_state(lambda c, W: (1 - c**2)[:, None] * W), "as if c were already tanh"),
    (chapter_07.jacobian, one_state(lambda c, W: (1 - torch.tanh(c))[:, None] * W), "the square is missing"),
    (chapter_07.jacobian, one_state(lambda c, W: torch.tanh(c)[:, None] * W), "where its slope"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * torch.eye(5) + (a * 1 - torch.tanh(W @ r + b) ** 2)[:, None] * W,
     "into parentheses"),
    (chapter_07.jacobian, lambda r, W, b, a: torch.diag(tanh_slope(W @ r + b)), "only the slopes"),
    (chapter_07.jacobian, lambda r, W, b, a: (1 - a) * r + a * torch.tanh(W @ r + b), "the next state, not its derivative"),
    (chapter_07.jacobian, lambda r, W, b, a: tanh_slope(r @ W.T + b) @ W * 2, r"has shape \(5,\), it should be \(5, 5\)"),
    (chapter_07.time_constants, times(lambda size, dt: dt / size.log()), "The sign is reversed"),
    (chapter_07.time_constants, lambda e, dt: -dt / e.real.log(), "You took the real part"),
    (chapter_07.time_constants, lambda e, dt: -dt / e.log(), "that of a complex number is complex"),
    (chapter_07.time_constants, lambda e, dt: (-dt / e.log()).real, "that of a complex number is complex"),
    (chapter_07.time_constants, lambda e, dt: (-dt / np.log(e.numpy())).tolist(), "that of a complex number is complex"),
    (chapter_07.time_constants, lambda e, dt: -dt / torch.log2(e), "^The times are complex"),
    (chapter_07.time_constants, lambda e, dt: -dt / e.real, "That is for the differential equation"),
    (chapter_07.time_constants, lambda e, dt: -1 / e.real, "That is for the differential equation"),
    (chapter_07.time_constants, times(lambda size, dt: dt / (1 - size)), "only near what is wanted"),
    (chapter_07.time_constants, lambda e, dt: dt / (1 - e), "only near what is wanted"),
    (chapter_07.time_constants, times(lambda size, dt: -1 / size.log()), "this counts steps, not ms"),
    (chapter_07.time_constants, times(lambda size, dt: -dt * size.log()), "you multiplied"),
    (chapter_07.time_constants, times(lambda size, dt: -size.log() / dt), "This is the rate"),
    (chapter_07.time_constants, times(lambda size, dt: dt * math.log(0.5) / size.log()), "the half-life"),
    (chapter_07.time_constants, times(lambda size, dt: -dt / size.log10()), "not log10"),
    (chapter_07.time_constants, times(lambda size, dt: -size.log()), "belongs below the line"),
    (chapter_07.time_constants, lambda e, dt: -dt / torch.log(e.real**2 + e.imag**2), "the root is missing"),
    (chapter_07.time_constants, lambda e, dt: 2 * torch.pi * dt / e.angle().abs(), "the period of the rotation"),
    (chapter_07.time_constants, times(lambda size, dt: dt / size.log().abs()), "keep the sign"),
    (chapter_07.time_constants, times(lambda size, dt: (-dt / size.log()).where(size < 1, math.inf)), "keep the sign"),
    (chapter_07.time_constants, times(lambda size, dt: -dt / size[size < 1].log()), "You left out the mode that grows"),
    (chapter_07.time_constants, times(lambda size, dt: -dt / size.sort(descending=True).values.log()), "You sorted the times"),
    (chapter_07.time_constants, times(lambda size, dt: (-dt / size.log()).sort().values), "You sorted the times"),
    (chapter_07.time_constants, times(lambda size, dt: (-dt / size.log()).max()), "You return only the longest"),
    (chapter_07.time_constants, times(lambda size, dt: size), "You return the moduli"),
    (chapter_07.time_constants, lambda e, dt: e, "You return the eigenvalues"),
    (chapter_07.time_constants, times(lambda size, dt: -dt / 1000 / size.log()), "is 0.001 times what it should be"),
    (chapter_07.time_constants, lambda e, dt: (-dt / size for size in e.abs()), "a number or a tensor of numbers, got a generator"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * torch.tanh(m * k)).mean()), "The input is missing"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (m * torch.tanh(n * k + d)).mean()), "m and n are exchanged"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: n @ torch.tanh(m * k + d)), "You add up over units"),
    (chapter_07.steady_kappa, lambda m, n, d: n @ torch.tanh(m * repeats(mean_field)(m, n, d) + d), "You add up over units"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: torch.tanh(m * k + d).mean()), "n is missing"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (m * torch.tanh(m * k + d)).mean()), "m is used twice"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * torch.tanh(n * k + d)).mean()), "n is used twice"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * (torch.tanh(m * k) + d)).mean()), "drive belongs inside of tanh"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * (m * k + d)).mean()), "tanh is missing"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * (m * k + d)).mean(), times=100), "tanh is missing"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * (m * k + d)).mean(), times=5000), "NaN or infinite"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * torch.relu(m * k + d)).mean()), "not a ReLU"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n * torch.tanh(m * k) + d).mean()), "drive belongs inside of tanh"),
    (chapter_07.steady_kappa, repeats(mean_field, times=0), "is the new one kept"),
    (chapter_07.steady_kappa, repeats(mean_field, times=1), "the first step from κ = 1"),
    (chapter_07.steady_kappa, repeats(mean_field, times=1, start=0.0), "the first step from κ = 0"),
    (chapter_07.steady_kappa, repeats(mean_field, times=5), "κ has not settled yet"),
    (chapter_07.steady_kappa, repeats(mean_field, times=10), "κ has not settled yet"),
    (chapter_07.steady_kappa, repeats(mean_field, start=-1.0), "begin at κ = 1"),
    (chapter_07.steady_kappa, lambda m, n, d: torch.tanh(m * repeats(mean_field)(m, n, d) + d), "the rates of the units"),
    (chapter_07.steady_kappa, lambda m, n, d: (n * m).mean(), "The overlap of n and m alone"),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: n * torch.tanh(m * k + d)), r"shape \(400,\), it should be \(\)"),
    (chapter_07.steady_kappa, lambda m, n, d: -repeats(mean_field)(m, n, d), "wrong sign"),
    # chapter 08
    (chapter_08.fractional_variance, contrasts(lambda r: over_trials(r), lambda A, B: (B - A) / (A + B)), "sign is reversed"),
    (chapter_08.fractional_variance, contrasts(lambda r: r.var(1, correction=0).mean(0)), "you took them over time"),
    (chapter_08.fractional_variance, contrasts(lambda r: r.var((0, 1), correction=0)), "over stimuli and time together"),
    (chapter_08.fractional_variance, contrasts(lambda r: r.mean(1).var(0)), "You averaged over time before"),
    (chapter_08.fractional_variance, contrasts(lambda r: r.var(0).mean(0)), "not by one less"),
    (chapter_08.fractional_variance, contrasts(lambda r: r.std(0).mean(0)), "standard deviations"),
    (chapter_08.fractional_variance, contrasts(lambda r: r.var(0).sum(0)), "the longer task counts more"),
    (chapter_08.fractional_variance, contrasts(lambda r: (r - r.mean(0)).square().sum((0, 1))), "with more trials count more"),
    (chapter_08.fractional_variance, contrasts(lambda r: (r**2).mean((0, 1))), "taken away before squaring"),
    (chapter_08.fractional_variance, contrasts(lambda r: (r - r.mean(0)).abs().mean((0, 1))), "you took their size"),
    (chapter_08.fractional_variance, contrasts(lambda r: over_trials(r), lambda A, B: A - B), "This is the difference"),
    (chapter_08.fractional_variance, contrasts(lambda r: over_trials(r), lambda A, B: A / (A + B)), "from 0 to 1"),
    (chapter_08.fractional_variance, contrasts(lambda r: over_trials(r), lambda A, B: A / B), "the ratio of the two"),
    (chapter_08.fractional_variance, contrasts(lambda r: over_trials(r), lambda A, B: (A - B) / A), "Divide by the sum"),
    (chapter_08.fractional_variance, contrasts(lambda r: over_trials(r).mean()), "you averaged over units"),
    (chapter_08.saccade, votes(lambda y: y), "The logistic function is missing"),
    (chapter_08.saccade, votes(lambda y: torch.softmax(y, 1)), "The weights are exp"),
    (chapter_08.saccade, lambda y, theta: theta[y.argmax(1)], "direction of the most active unit"),
    (chapter_08.saccade, lambda y, theta: torch.sigmoid(y) @ theta / torch.sigmoid(y).sum(1), "You average angles"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.atan2(s, c)), "Angles from −π to π"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.atan2(c, s) % (2 * math.pi)), "takes the sine first"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.atan(s / c)), "from the opposite one"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.atan2(-s, c) % (2 * math.pi)), "mirrored"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.atan2(-s, -c) % (2 * math.pi)), "opposite direction"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.rad2deg(torch.atan2(s, c) % (2 * math.pi))), "degrees"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: (torch.atan2(s, c) % (2 * math.pi)) / (2 * math.pi)), "divided by 2π"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: (s**2 + c**2).sqrt()), "length of the summed vector"),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: torch.atan2(s.sum(), c.sum()) % (2 * math.pi)), "added up over trials"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: (a - b) / torch.maximum(a, b)), "The sign is reversed"),
    (chapter_08.silhouettes, clusters_apart(itself=True), "distance from itself, 0"),
    (chapter_08.silhouettes, clusters_apart(nearest=False), "you took all other units together"),
    (chapter_08.silhouettes, clusters_apart(metric=lambda x: torch.cdist(x, x) ** 2), "Distances are not squared"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: (b - a) / b), "you divided by b"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: (b - a) / a), "you divided by a"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: (b - a) / (a + b)), "you divided by their sum"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: (b - a) / torch.minimum(a, b)), "divided by the smaller"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: b - a), "This is b − a"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: a), "mean distances within clusters"),
    (chapter_08.silhouettes, clusters_apart(lambda a, b: b), "from the nearest other cluster, b"),
    (chapter_08.silhouettes, lambda x, labels: clusters_apart()(x, labels).mean(), "the mean over units"),
    # chapter 09
    (chapter_09.dale_weights, lambda V, s: lawful(V.abs() * s[:, None]), "The signs are on the wrong side"),
    (chapter_09.dale_weights, lambda V, s: V.abs() * s[:, None], "The signs are on the wrong side"),
    (chapter_09.dale_weights, lambda V, s: V.abs() * s, "Self-connections are left"),
    (chapter_09.dale_weights, lambda V, s: lawful(V * s), "The absolute value is missing"),
    (chapter_09.dale_weights, lambda V, s: lawful(V.abs()), "The signs are missing"),
    (chapter_09.dale_weights, lambda V, s: lawful(V), "You took the sign of V along"),
    (chapter_09.dale_weights, lambda V, s: lawful(V.relu() * s), "You cut off at 0"),
    (chapter_09.dale_weights, lambda V, s: torch.diag((V.abs() * s).diagonal()), "Only the diagonal is left"),
    (chapter_09.dale_weights, lambda V, s: -lawful(V.abs() * s), "Excitation and inhibition are exchanged"),
    (chapter_09.dale_weights, lambda V, s: lawful(V**2 * s), "You squared V"),
    (chapter_09.dale_weights, lambda V, s: lawful(V.abs() * s).T, "It is transposed"),
    (chapter_09.dale_weights, lambda V, s: V.abs() @ s, "adds up over the units that send"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W, eta * beta), "^The gradient step is missing"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W, eta * beta) - eta * g, "You shrink first"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W + eta * g, eta * beta), "goes uphill"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: W - eta * g - eta * beta * W.sign(), "Weights move beyond 0"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: (v := W - eta * g) * (v.abs() > eta * beta), "You set small weights to 0"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: (W - eta * g - eta * beta).relu(), "All weights move down"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - eta * g, eta * beta).abs(), "The signs are lost"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - eta * g, eta * beta).abs() * W.sign(), "before the gradient step"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - eta * g, beta), "The sizes move by β"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - eta * g, eta), "The sizes move by η;"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: W - eta * g, "the gradient step alone"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - g, eta * beta), "η is missing in the gradient step"),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - eta * g, -eta * beta), "Weights grow"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[~same].mean() / W[same].mean()), "upside down"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[same].sum() / W[~same].sum()), "^You divide the sums; divide"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[~same].sum() / W[same].sum()), "the wrong way round"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[same].mean() - W[~same].mean()), "difference of the means"),
    (chapter_09.inhibition_ratio, lambda W, e, i: W[e > 0][:, i > 0].mean() / W[e > 0][:, i < 0].mean(), "only both right"),
    (chapter_09.inhibition_ratio, lambda W, e, i: W[e < 0][:, i < 0].mean() / W[e < 0][:, i > 0].mean(), "only both left"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[same].mean() / W.mean()), "over all pairs; divide by"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[same].mean()), "same preference alone"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: (W * same).mean() / (W * ~same).mean()), "divide"),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[same].median() / W[~same].median()), "."),
    (chapter_09.inhibition_ratio, lambda W, e, i: W[(e > 0) == (i > 0)].mean(), "fails when it is called"),
    # chapter 10
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s + x**n @ w.T), "σ is raised to the power n"),
    (chapter_10.divide, normalized(above=lambda x, n: x), "missing above the line"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + x @ w.T), "missing in the pool"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + (x @ w.T) ** n), "not to their sum"),
    (chapter_10.divide, lambda x, w, s, n: (x / (s + x @ w.T)) ** n, "You divide first"),
    (chapter_10.divide, lambda x, w, s, n: x / (s + x @ w.T), "There is no exponent"),
    (chapter_10.divide, lambda x, w, s, n: x * n / (s**n + (x * n) @ w.T), "n multiplies"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + x**n @ w.T**n), "The weights are raised"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + x**n @ w), "w is transposed"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + (x**n).sum(1, keepdim=True)), "pool is not weighted"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + x**n @ ratio(w).T), "you divided them by their sum"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + (w * (x**n)[:, None]).mean(2)), "it is a sum"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + (x**n @ w.T).sum(0)), "you added up trials"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + w.sum(1) * x**n), "weights of its column added up"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: s**n + x**n @ w.T - w.diagonal() * x**n), "itself is left out"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: x**n @ w.T), "σⁿ is missing"),
    (chapter_10.divide, lambda x, w, s, n: x**n / (x**n @ w.T) + s**n, "you added it to the ratio"),
    (chapter_10.divide, normalized(below=lambda x, w, s, n: x**n @ w.T - s**n), "σⁿ is subtracted"),
    (chapter_10.divide, lambda x, w, s, n: (x**n + s**n) / (s**n + x**n @ w.T), "also enters above the line"),
    (chapter_10.divide, lambda x, w, s, n: s**n + x**n @ w.T, "only what stands below the line"),
    (chapter_10.divide, lambda x, w, s, n: x**n, "undivided"),
    (chapter_10.divide, lambda x, w, s, n: (s**n + x**n @ w.T) / x**n, "upside down"),
    (chapter_10.divide, lambda x, w, s, n: x**n / (s**n + x**n * w), "fails when it is called"),
    (chapter_10.divide, lambda x, w, s, n: 100 * x**n / (s**n + x**n @ w.T), "is 100 times what it should be"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio(safely(c))), "The temperature is missing"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio(safely(c * T))), "multiplied by the temperature"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio((c / T).exp(), 0)), "runs over the queries"),
    (chapter_10.retrieve, looked_up(lambda c, T: (c / T).exp() / (c / T).exp().sum()), "of all queries together"),
    (chapter_10.retrieve, looked_up(lambda c, T: (c / T).exp()), "The weights are not normalized"),
    (chapter_10.retrieve, looked_up(lambda c, T: safely(c / T)), "The weights are not normalized"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio(c / T)), "The exponential is missing"),
    (chapter_10.retrieve, looked_up(lambda c, T: c / T), "The exponential is missing"),
    (chapter_10.retrieve, looked_up(lambda c, T: (c / T).exp() / (c / T).sum(1, keepdim=True)), "the sum of the exponentials"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio(safely(-c / T))), "The sign of the scores is reversed"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio(safely(c / T / 3**0.5))), "as in a transformer"),
    (chapter_10.retrieve, lambda q, k, v, T: ratio(safely(-torch.cdist(q, k) ** 2 / T)) @ v, "These are distances"),
    (chapter_10.retrieve, lambda q, k, v, T: v[(q @ k.T).argmax(1)], "the value of the best key"),
    (chapter_10.retrieve, lambda q, k, v, T: ratio(safely(
        torch.nn.functional.cosine_similarity(q[:, None], k, dim=2) / T)) @ v, "These are cosines"),
    (chapter_10.retrieve, lambda q, k, v, T: v.mean(0).repeat(4, 1), "All values count alike"),
    (chapter_10.retrieve, lambda q, k, v, T: ratio(safely(q @ k.T / T)), "These are the weights"),
    (chapter_10.retrieve, lambda q, k, v, T: q @ k.T / T, "These are the scores"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio(safely(c / T)) / 5), "the weights already add up to 1"),
    (chapter_10.retrieve, lambda q, k, v, T: (ratio(safely(q @ k.T / T)) @ v).sum(0), "the sum over queries"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio((c / T).exp())), "not at T = 0.001"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio((c / T).clamp(max=700).exp())), "at T = 0.001"),
    (chapter_10.retrieve, looked_up(lambda c, T: ratio((c / T - (c / T).max().clamp(min=0)).exp())), "of each query before"),
    (chapter_10.retrieve, lambda q, k, v, T: (ratio(safely(q @ k.T / T)) @ v).T, "it is transposed"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h + f, -(h + f) / 2]), "is subtracted in d′, not added"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, (h + f) / 2]), "The sign of c is reversed"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [f - h, -(h + f) / 2]), "The sign of d′ is reversed"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -(h + f) / 2], lambda p: torch.special.ndtri(1 - p)),
     "The signs of both are reversed"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -h - f]), "halve the sum"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -f]), "from the mean without a signal"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -h]), "from the mean with a signal"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, (h + f) / (f - h) / 2]), "you divided it by d′"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, (f**2 - h**2) / 2]), "This is ln β"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [(h - f) / 2, -(h + f) / 2]), "you halved it"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [(h - f) / 2**0.5, -(h + f) / 2]), "not divided by √2"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -(h + f) / 2], torch.logit), "These are logits"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -(h + f) / 2], torch.special.ndtr), "z is its inverse"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -(h + f) / 2], lambda p: p), "z is missing"),
    (chapter_10.sensitivity_and_criterion, lambda h, f: torch.stack(
        [torch.special.ndtri(h) - torch.special.ndtri(f), -torch.special.ndtri((h + f) / 2)], 1), "before z"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [-(h + f) / 2, h - f]), "are exchanged"),
    (chapter_10.sensitivity_and_criterion, lambda h, f: observed(lambda h, f: [h - f, -(h + f) / 2])(h, f).T, "in rows"),
    (chapter_10.sensitivity_and_criterion, lambda h, f: torch.special.ndtri(h) - torch.special.ndtri(f), "Only d′"),
    (chapter_10.sensitivity_and_criterion, lambda h, f: -(torch.special.ndtri(h) + torch.special.ndtri(f)) / 2, "Only c"),
    (chapter_10.sensitivity_and_criterion, lambda h, f: observed(lambda h, f: [h - f, -(h + f) / 2])(h, f).mean(0), "One pair"),
    (chapter_10.sensitivity_and_criterion, lambda h, f: (h - f, -(h + f) / 2), "returns a pair"),
    (chapter_10.sensitivity_and_criterion, observed(lambda h, f: [h - f, -(h + f) / 2], lambda p: 2 * torch.erfinv(2 * p - 1)),
     "is 1.414 times"),
    # chapter 11
    (chapter_11.lstm_step, lstm(gate=as_it_is), "The gates lack their sigmoids"),
    (chapter_11.lstm_step, lstm(gate=torch.tanh), "The gates are sigmoids; you used tanh"),
    (chapter_11.lstm_step, lstm(into=as_it_is), "What enters the cell lacks its tanh"),
    (chapter_11.lstm_step, lstm(into=torch.sigmoid), "passes tanh here, not a sigmoid"),
    (chapter_11.lstm_step, lstm(out=as_it_is), "The output lacks its tanh"),
    (chapter_11.lstm_step, lstm(out=torch.sigmoid), "by tanh, not by a sigmoid"),
    (chapter_11.lstm_step, lstm(into=as_it_is, out=as_it_is), "Both tanh are missing"),
    (chapter_11.lstm_step, lstm(keep=lambda f, i: i, enter=lambda f, i: f), "The forget gate and the input gate are exchanged"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(o, i, f, z, c), "The forget gate and the output gate are exchanged"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, o, i, z, c), "The input gate and the output gate are exchanged"),
    (chapter_11.lstm_step, lstm(keep=lambda f, i: 1 - f), "The forget gate keeps where it is 1"),
    (chapter_11.lstm_step, lstm(enter=lambda f, i: 1 - f), "that is a GRU"),
    (chapter_11.lstm_step, lstm(keep=lambda f, i: 0), "The old cell is missing"),
    (chapter_11.lstm_step, lstm(keep=lambda f, i: 1), "The forget gate is missing"),
    (chapter_11.lstm_step, lstm(enter=lambda f, i: 1), "The input gate is missing"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, i, o + 99, z, c), "The output gate is missing"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: torch.stack([lstm()(f, i, o, z, c)[0], o.sigmoid() * c.tanh()]),
     "reads the old cell"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, i, o, z, c).flip(0), "c and r are exchanged"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, i, o, z, c)[0], "only the cell"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, i, o, z, c)[1], "only r"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, i, o, z, c).T, "yours are side by side"),
    (chapter_11.lstm_step, lambda f, i, o, z, c: torch.cat(list(lstm()(f, i, o, z, c))), "yours are side by side"),
    (chapter_11.forget_bias, lambda tau, dt: torch.exp(-dt / tau), "This is the gate"),
    (chapter_11.forget_bias, lambda tau, dt: torch.exp(-dt / tau).sigmoid(), "This is the sigmoid of the gate"),
    (chapter_11.forget_bias, lambda tau, dt: -logit(torch.exp(-dt / tau)), "The sign is reversed"),
    (chapter_11.forget_bias, lambda tau, dt: logit(1 - torch.exp(-dt / tau)), "The sign is reversed"),
    (chapter_11.forget_bias, lambda tau, dt: logit(torch.exp(-tau / dt)), r"not exp\(−τ/Δt\)"),
    (chapter_11.forget_bias, lambda tau, dt: logit(torch.exp(-1 / tau)), "Δt is missing"),
    (chapter_11.forget_bias, lambda tau, dt: logit(1 - dt / tau), "only near exp"),
    (chapter_11.forget_bias, lambda tau, dt: torch.log(torch.exp(-dt / tau)), "This is the logarithm of the gate"),
    (chapter_11.forget_bias, lambda tau, dt: -dt / tau, "This is the logarithm of the gate"),
    (chapter_11.forget_bias, lambda tau, dt: torch.log((g := torch.exp(-dt / tau)) * (1 - g)), "belongs below the line"),
    (chapter_11.forget_bias, lambda tau, dt: (g := torch.exp(-dt / tau)) / (1 - g), "is missing"),
    (chapter_11.forget_bias, lambda tau, dt: logit(torch.pow(0.5, dt / tau)), "not a half"),
    (chapter_11.forget_bias, lambda tau, dt: torch.log10((g := torch.exp(-dt / tau)) / (1 - g)), "the natural one"),
    (chapter_11.forget_bias, lambda tau, dt: tau / dt, "the time constants in steps"),
    (chapter_11.forget_bias, lambda tau, dt: logit(torch.exp(-dt / tau)).mean(), "A bias for every unit"),
    (chapter_11.salience_gates, gates(input_sign=-1, forget_sign=1), "The two gates are exchanged"),
    (chapter_11.salience_gates, gates(forget_sign=1), "Both gates open above the threshold"),
    (chapter_11.salience_gates, gates(input_sign=-1), "Both gates close above the threshold"),
    (chapter_11.salience_gates, gates(input_at=-1, forget_at=-1), "The sign of the biases is wrong"),
    (chapter_11.salience_gates, gates(input_at=-1), "The bias of the input gate has the wrong sign"),
    (chapter_11.salience_gates, gates(forget_at=-1), "The bias of the forget gate has the wrong sign"),
    (chapter_11.salience_gates, gates(input_at=0, forget_at=0), "The biases are missing"),
    (chapter_11.salience_gates, lambda at: gates()(at) * torch.tensor([1, 1, 0, 0]) + torch.tensor([0, 0, 0, 99]), "never closes"),
    (chapter_11.salience_gates, lambda at: gates()(at) * torch.tensor([1, 1, 0, 0]) - torch.tensor([0, 0, 0, 99]), "always closed"),
    (chapter_11.salience_gates, gates(steepness=10.0), "neither open nor closed at s = -0.25: make weights"),
    (chapter_11.salience_gates, lambda at: gates()(at) * torch.tensor([1, 1, 0, 0]), "neither open nor closed at s = -0.95"),
    (chapter_11.salience_gates, lambda at: gates()(at)[:2], r"four numbers, \(w_i, b_i, w_f, b_f\), got \(2,\)"),
    (chapter_11.salience_gates, lambda at: gates(steepness=math.inf)(at), "NaN or infinite"),
    # chapter 12
    (chapter_12.inference_step, infers(lambda up, above, prior: -(up - above - prior)), "This goes uphill"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above - prior, start=0), "You return only the change"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above - prior, rate=1), "^The rate is missing"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above - prior, start=0, rate=1), "You return dr_1/dt"),
    (chapter_12.inference_step, infers(lambda up, above, prior: -above - prior), "What comes from below is missing"),
    (chapter_12.inference_step, infers(lambda up, above, prior: -up - above - prior), "ε_0 has the wrong sign"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - prior), "What comes from above is missing"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up + above - prior), "ε_1 has the wrong sign"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above / 0.4 - prior), "The precision π_2 is missing"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above), "The prior is missing"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above + prior), "The prior has the wrong sign"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above - 2 * prior), "but there is ½ in front of it"),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above - prior / 0.7), "α_1 is missing"),
    (chapter_12.inference_step, lambda x, r, r_2, U, V, pi, a, rate:
     r + rate * (x @ U - pi * (r - r_2 @ V.T) - a * r / (1 + r**2)), "hears of the image only what it did not predict"),
    (chapter_12.inference_step, lambda x, r, r_2, U, V, pi, a, rate:
     r + rate * ((x - r @ U.T) @ U - pi * r - a * r / (1 + r**2)), "The prediction from above is missing"),
    (chapter_12.inference_step, lambda x, r, r_2, U, V, pi, a, rate:
     r + rate * ((x - r @ U.T) @ U - pi * (r - r_2 @ V.T) - a * r), "the slope of a Gaussian prior"),
    (chapter_12.inference_step, lambda x, r, r_2, U, V, pi, a, rate:
     r + rate * ((x - r @ U.T) @ U - pi * (r - r_2 @ V.T) - a * r / 1 + r ** 2), r"right in 0 of 20 entries"),
    (chapter_12.inference_step, lambda x, r, r_2, U, V, pi, a, rate: x - r @ U.T, r"has shape \(4, 6\), it should be \(4, 5\)"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: -error.T @ r / 4), "This is the gradient of the energy"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: r.T @ error / 4), "It is transposed"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: error.T @ r), "This is the sum over trials"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: error.T @ r / 5), "Divide by the number of trials, not of"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: error.T @ r / 4 / 0.3), "The learning rate is missing"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: x.T @ r / 4), "This is image times rate"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: (x - error).T @ r / 4), "This is prediction times rate"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: torch.outer(error.mean(0), r.mean(0))), "averaged errors and rates"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: 2 * error.T @ r / 4), "The factor 2 of the square"),
    (chapter_12.hebbian_change, lambda x, r, U, eta: U + eta * (x - r @ U.T).T @ r / len(x), "These are the new weights"),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: error), "The error alone does not say"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: r @ U.T - x), "The sign is reversed"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: r), "These are the rates at rest"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: r @ U.T), "This is the prediction U r"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: (x - r @ U.T).T), "It is transposed"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: x - r @ U.T, weight=0), "The prior is missing"),
    (chapter_12.errors_at_rest, lambda x, U, a: x - torch.linalg.lstsq(U, x.T).solution.T @ U.T, "The prior is missing"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: x - r @ U.T, weight=2), "no 2, and no ½, is left"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: x - r @ U.T, weight=-1), "α has the wrong sign"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: x - r @ U.T, one=torch.ones(5, 5).double()), "on the diagonal only"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: x - r @ U.T, weight=1 / 0.7), "stands there without α"),
    (chapter_12.errors_at_rest, lambda x, U, a: x - x @ U @ U.T, "do not hear of each other's predictions"),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: (x - r @ U.T) / 0.7), "α is missing in front"),
    # chapter 13
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7), "This is Hebb's rule"),
    (chapter_13.oja_change, lambda x, w, eta: x.T @ (x @ w) / 7, "This is Hebb's rule"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7 + (y**2).mean() * w), "The decay has the wrong sign"),
    (chapter_13.oja_change, lambda x, w, eta: w + oja(lambda x, y, w: y @ x / 7 - (y**2).mean() * w)(x, w, eta), "the new weights"),
    (chapter_13.oja_change, lambda x, w, eta: (x @ w) @ x / 7 - ((x @ w) ** 2).mean() * w, "The learning rate is missing"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x - (y**2).sum() * w), "This is the sum over trials"),
    (chapter_13.oja_change, oja(lambda x, y, w: (y @ x - (y**2).sum() * w) / 4), "You averaged over inputs"),
    (chapter_13.oja_change, oja(lambda x, y, w: (y**2).mean() * w - y @ x / 7), "The sign is reversed"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7 - y.mean() * w), "not y w"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7 - y.mean() ** 2 * w), "you squared the average"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7 - y.mean() * w**2), "the square of y, not of w"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7 - w), "does not depend on y"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x / 7 - (y**2).sum() * w), "but the decay is summed"),
    (chapter_13.oja_change, oja(lambda x, y, w: y @ x - (y**2).mean() * w), "but Hebb's part is summed"),
    (chapter_13.oja_change, oja(lambda x, y, w: y.mean() * x.mean(0) - (y**2).mean() * w), "you averaged both first"),
    (chapter_13.oja_change, oja(lambda x, y, w: y[:, None] * (x - y[:, None] * w)), "one average too few"),
    (chapter_13.hopfield_weights, stores(lambda p: p.T @ p / 5, diagonal=1), "The diagonal is not 0"),
    (chapter_13.hopfield_weights, stores(lambda p: p.T @ p), "This is the sum over patterns"),
    (chapter_13.hopfield_weights, stores(lambda p: p.T @ p / 3), "not of patterns"),
    (chapter_13.hopfield_weights, lambda p: p @ p.T / 5, "overlaps of patterns with each other"),
    (chapter_13.hopfield_weights, stores(lambda p: -p.T @ p / 5), "The sign is reversed"),
    (chapter_13.hopfield_weights, stores(lambda p: (p - p.mean(0)).T @ (p - p.mean(0)) / 5), "mean over patterns was subtracted"),
    (chapter_13.hopfield_weights, stores(lambda p: (q := p - p.mean(1, keepdim=True)).T @ q / 5), "mean of each pattern"),
    (chapter_13.hopfield_weights, stores(lambda p: torch.outer(p[-1], p[-1]) / 5), "Only one pattern is stored"),
    (chapter_13.hopfield_weights, stores(lambda p: torch.linalg.pinv(p) @ p), "This is the projection rule"),
    (chapter_13.hopfield_weights, stores(lambda p: p[1:].T @ p[:-1] / 5), "from each pattern to the next"),
    (chapter_13.hopfield_weights, lambda p: torch.diag((p.T @ p / 5).diagonal()), "only the diagonal is left"),
    (chapter_13.energy_changes, lambda W, s: -2 * s * (W @ s), "The sign is reversed"),
    (chapter_13.energy_changes, lambda W, s: s * (W @ s), "A factor 2 is missing"),
    (chapter_13.energy_changes, lambda W, s: 4 * s * (W @ s), "A factor 2 is too much"),
    (chapter_13.energy_changes, lambda W, s: W @ s, "This is the input h"),
    (chapter_13.energy_changes, lambda W, s: 2 * s * (W @ s) - s @ W @ s / 2, "subtract what it was before"),
    (chapter_13.energy_changes, lambda W, s: 2 * s @ W @ s, "This is the sum over units"),
    (chapter_13.energy_changes, lambda W, s: -s @ W @ s / 2, "This is the energy itself"),
    (chapter_13.energy_changes, lambda W, s: torch.sign(W @ s), "This is the state that comes next"),
    (chapter_13.energy_changes, lambda W, s: s @ W @ s - (-s) @ W @ (-s), "You turned all units at once"),
    (chapter_13.energy_changes, lambda W, s: 2 * torch.outer(s, s) * W, "Each pair of units has an entry"),
    # chapter 14
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay ** (5 - age) * alike), "The decay runs the wrong way"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay ** (age + 1) * alike), "One decay too many"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay ** (age - 1) * alike), "One decay too few"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: alike), "The decay is missing"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay**age * alike, eta=1), "η is missing"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay**age), "The similarity is missing"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay * age * alike), "exponentially"),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay**age * alike.softmax(0)), "softmax attention"),
    (chapter_14.fast_current, lambda h, r, decay, eta: eta * matrix_of(h, decay), "This is the matrix A"),
    (chapter_14.fast_current, lambda h, r, decay, eta: eta * matrix_of(torch.cat([h, r[None]]), decay) @ r,
        "The present activity is in it"),
    (chapter_14.fast_current, lambda h, r, decay, eta: eta * matrix_of(h, decay) @ r / 4, "not their mean"),
    (chapter_14.fast_current, lambda h, r, decay, eta: eta * decay ** torch.arange(5, -1, -1) * (h @ r), "These are the weights"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: N * signal / total), "does not interfere with itself"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: (N * signal / (total - signal)) ** 0.5), "a ratio of amplitudes"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: N * signal / (total - signal), power=1), "λ has to be squared"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: N * signal**0.5 / (total - signal)), "The signal is λᵃ"),
    (chapter_14.signal_to_noise, lambda age, N, decay: N * decay ** (2 * age) / (1 / (1 - decay) - decay**age), "The sum is over"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: (total - signal) / signal / N), "noise-to-signal"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: signal / (total - signal)), "The size is missing"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: signal / (total - signal) / N), "The size is above the line"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: N / (total - signal)), "The signal has decayed, too"),
    (chapter_14.signal_to_noise, lambda age, N, decay: N * (1 / decay**2 - 1) + 0 * age, "Only older pairs"),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: scipy.stats.norm.cdf(-((N * signal / (total - signal)) ** 0.5))),
        "the probability of a wrong sign"),
    (chapter_14.write_exactly, writes(lambda error, key, size: torch.outer(error, key)), "right for keys of length 1"),
    (chapter_14.write_exactly, writes(lambda error, key, size: torch.outer(error, key) / size), "you divide by the length"),
    (chapter_14.write_exactly, lambda A, k, v: A + torch.outer(v - A @ (u := k / k.norm()), u), "Normalizing the key is"),
    (chapter_14.write_exactly, lambda A, k, v: A + torch.outer(v, k), "This is Hebb's rule"),
    (chapter_14.write_exactly, lambda A, k, v: A + torch.outer(v, k) / (k @ k), "This is Hebb's rule"),
    (chapter_14.write_exactly, writes(lambda error, key, size: -torch.outer(error, key) / size**2), "The sign of the error"),
    (chapter_14.write_exactly, writes(lambda error, key, size: torch.outer(error, key) / size**2, start=0), "This is the change"),
    (chapter_14.write_exactly, lambda A, k, v: torch.outer(v, k) / (k @ k), "The old A is lost"),
    (chapter_14.write_exactly, lambda A, k, v: (A + torch.outer(v - A @ k, k) / (k @ k)).T, "It is transposed"),
    (chapter_14.write_exactly, lambda A, k, v: A + torch.outer(v - A @ k, k) / (v @ v), "it is the key's that matters"),
    (chapter_14.write_exactly, writes(lambda error, key, size: torch.outer(error, key) / key.square().mean()), "not by its mean"),
    (chapter_14.write_exactly, lambda A, k, v: v, "return the matrix"),
    (chapter_14.write_exactly, lambda A, k, v: A + (v - A @ k) / k, "fails when it is called with"),
    # chapter 15
    (chapter_15.synapse_step, synapse(du=lambda u, x, r, U, tau_x, tau_u: (U - u) / tau_u + U * (1 - u) * 1000 * r,
                                      dx=lambda u, x, r, U, tau_x, tau_u: (1 - x) / tau_x - u * x * 1000 * r), "^Units"),
    (chapter_15.synapse_step, with_the_new_u, "x is updated with the new u"),
    (chapter_15.synapse_step, lambda *given: synapse()(*given).flip(0), "u and x are exchanged"),
    (chapter_15.synapse_step, lambda *given: synapse()(*given[:5], given[6], given[5]), "τ_x and τ_u are exchanged"),
    (chapter_15.synapse_step, synapse(du=lambda u, x, r, U, tau_x, tau_u: (U - u) / tau_u + U * r), "Facilitation saturates"),
    (chapter_15.synapse_step, synapse(du=lambda u, x, r, U, tau_x, tau_u: (U - u) / tau_u + u * (1 - u) * r), r"not by u \(1"),
    (chapter_15.synapse_step, synapse(du=lambda u, x, r, U, tau_x, tau_u: -u / tau_u + U * (1 - u) * r), "u relaxes to U"),
    (chapter_15.synapse_step, synapse(dx=lambda u, x, r, U, tau_x, tau_u: -x / tau_x - u * x * r), "x relaxes to 1"),
    (chapter_15.synapse_step, synapse(dx=lambda u, x, r, U, tau_x, tau_u: (1 - x) / tau_x - U * x * r), "not U x"),
    (chapter_15.synapse_step, synapse(dx=lambda u, x, r, U, tau_x, tau_u: (1 - x) / tau_x - u * r), "not of all"),
    (chapter_15.synapse_step, synapse(dx=lambda u, x, r, U, tau_x, tau_u: (1 - x) / tau_x + u * x * r), "has a minus sign"),
    (chapter_15.synapse_step, lambda u, x, *given: (synapse()(u, x, *given) - torch.stack([u, x])) / given[1], "the derivatives"),
    (chapter_15.synapse_step, lambda u, x, *given: synapse()(u, x, *given) - torch.stack([u, x]), "You return the changes"),
    (chapter_15.synapse_step, lambda u, x, rate, dt, *given: synapse()(u, x, rate, 1.0, *given), "dt is missing"),
    (chapter_15.synapse_step, lambda *given: synapse()(*given)[0], "Only u is there"),
    (chapter_15.synapse_step, lambda *given: synapse()(*given)[1], "Only x is there"),
    (chapter_15.trace, traced(unit=1), "^Units"),
    (chapter_15.trace, traced(end=lambda u, U, delay, tau, r, T: u - U), "at the end of the burst"),
    (chapter_15.trace, traced(end=lambda u, U, delay, tau, r, T: U + (u - U) * math.exp(-delay / tau)), "asked for is u − U"),
    (chapter_15.trace, traced(end=lambda u, U, delay, tau, r, T: u * math.exp(-delay / tau)), "decays to U, not to 0"),
    (chapter_15.trace, traced(end=lambda u, U, delay, tau, r, T: u * math.exp(-delay / tau) - U), "decays to U, not to 0"),
    (chapter_15.trace, traced(k=lambda r, U, tau: 1 + 0 * r), "too short for a steady state"),
    (chapter_15.trace, traced(k=lambda r, U, tau: 1 / tau + 0 * r), "Spikes speed it up"),
    (chapter_15.trace, traced(k=lambda r, U, tau: 1 / tau + r), "U is missing"),
    (chapter_15.trace, traced(k=lambda r, U, tau: U * r), "1/τ_u is missing"),
    (chapter_15.trace, traced(start=0.0), "begins with u = U"),
    (chapter_15.trace, traced(level=1.0), "not 1"),
    (chapter_15.trace, traced(end=lambda u, U, delay, tau, r, T: (u - U) * torch.exp(-delay * (1 / tau + U * r))),
     "the rate is 0 then"),
    (chapter_15.trace, traced(end=lambda u, U, delay, tau, r, T: (u - U) * math.exp(-(T + delay) / tau)), "time after the burst"),
    (chapter_15.trace, lambda rate, duration, delay, U, tau: traced()(rate, delay, duration, U, tau), "they are exchanged"),
    (chapter_15.follows_synapses, lambda c, s, a: (c == s).double().mean(), "cannot tell: leave them out"),
    (chapter_15.follows_synapses, lambda c, s, a: (c == a)[s != a].double().mean(), "that follow the activity"),
    (chapter_15.follows_synapses, lambda c, s, a: (c != s)[s != a].double().mean(), "1 minus the share"),
    (chapter_15.follows_synapses, lambda c, s, a: ((c == s) & (s != a)).double().mean(), "not by all"),
    (chapter_15.follows_synapses, lambda c, s, a: (c == s).sum() / (s != a).sum(), "you count all"),
    (chapter_15.follows_synapses, lambda c, s, a: (c == s)[s == a].double().mean(), "those that differ can tell"),
    (chapter_15.follows_synapses, lambda c, s, a: (c == s)[(s != a) & (c > 0)].double().mean(), "follows neither"),
    (chapter_15.follows_synapses, lambda c, s, a: (c == s)[s != a].sum(), "not a share"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: beta * M * (W - W_fix)), "has a factor 2"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: 2 * beta * (W - W_fix)), "M is missing"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: 2 * M * (W - W_fix)), "β is missing"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: 2 * beta * M * (W_fix - W)), "pushes away from W_fix"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: 0), "The spring is missing"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: 2 * beta * M * W), "pulls towards 0"),
    (chapter_16.anchored_step, spring(lambda W, W_fix, M, beta: beta * M * (W - W_fix) ** 2), "You add the square itself"),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: spring()(W, g, F, M, b, -eta), "You go uphill"),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: spring()(W, 0 * g, F, M, b, eta), "gradient of the new task is missing"),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: W - eta * g - 2 * b * M * (W - F), "is for both slopes"),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: spring()(W, g, F, M, b, 1), "The learning rate is missing"),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: spring()(W, g, F, M, b, eta) - W, "This is the change"),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: spring()(W, g, F, M, b, eta) - W + F, "The step begins at W"),
    (chapter_16.layer_fisher, lambda x, W: len(x) * layer(lambda p: p * (1 - p))(x, W), "you added them up"),
    (chapter_16.layer_fisher, lambda x, W: (softmax(x @ W.T) * (1 - softmax(x @ W.T))).T @ x / len(x), "The inputs enter squared"),
    (chapter_16.layer_fisher, lambda x, W: (softmax(x @ W.T) * (1 - softmax(x @ W.T))).mean(0)[:, None].repeat(1, 4),
     "The inputs are missing"),
    (chapter_16.layer_fisher, layer(lambda p: p**2), r"you have p_i²\."),
    (chapter_16.layer_fisher, layer(lambda p: (1 - p) ** 2), r"you have \(1 − p_i\)²"),
    (chapter_16.layer_fisher, layer(lambda p: p * (1 - p) ** 2), "only the term c = i"),
    (chapter_16.layer_fisher, layer(lambda p: (1 - p) * p**2), "only the classes c ≠ i"),
    (chapter_16.layer_fisher, layer(lambda p: (1 - p) ** 2 + 2 * p**2), "as if all were equally likely"),
    (chapter_16.layer_fisher, layer(lambda p: (p * (1 - p)) ** 2), "belongs inside the mean"),
    (chapter_16.layer_fisher, lambda x, W: layer(lambda p: p * (1 - p))(x, W) * 0
     + (softmax(x @ W.T) * (1 - softmax(x @ W.T))).mean(0)[:, None] * (x**2).mean(0), "not of each factor by itself"),
    (chapter_16.layer_fisher, layer(lambda p: (hot(p.argmax(1), 3) - p) ** 2), "most probable class only"),
    (chapter_16.layer_fisher, lambda x, W: (softmax(x @ W.T, 0) * (1 - softmax(x @ W.T, 0))).T @ x**2 / len(x), "runs over trials"),
    (chapter_16.layer_fisher, lambda x, W: ((p := torch.sigmoid(x @ W.T)) * (1 - p)).T @ x**2 / len(x), "you take a sigmoid"),
    (chapter_16.chain_flow, beakers(last=None), "The last beaker does not leak"),
    (chapter_16.chain_flow, lambda u, C, g: beakers()(u, C, g) * C, "Divide by the sizes"),
    (chapter_16.chain_flow, lambda u, C, g: beakers()(u, C, g) * C**2, "do not multiply"),
    (chapter_16.chain_flow, beakers(inward=-1, outward=-1), "The direction is reversed"),
    (chapter_16.chain_flow, beakers(inward=0), "What flows in"),
    (chapter_16.chain_flow, beakers(outward=0), "What flows out"),
    (chapter_16.chain_flow, beakers(inward=-1), "have the same sign"),
    (chapter_16.chain_flow, beakers(first=True), "The first beaker leaks"),
    (chapter_16.chain_flow, beakers(tube=0), "Between beakers k − 1 and k"),
    (chapter_16.chain_flow, lambda u, C, g: beakers()(u, C, g / g), "The widths of the tubes"),
    (chapter_16.chain_flow, lambda u, C, g: (g.roll(1) * (u.roll(1) - u) + g * (u.roll(-1) - u)) / C, "is a ring in yours"),
    (chapter_17.alignment_change, aligned(way=lambda W2, B: W2), "This is backpropagation"),
    (chapter_17.alignment_change, aligned(slope=lambda c: 1), "slope of the rectified units is missing"),
    (chapter_17.alignment_change, aligned(slope=torch.relu), "you multiply by its rate"),
    (chapter_17.alignment_change, aligned(slope=lambda c: 1 - torch.tanh(c) ** 2), "not of tanh"),
    (chapter_17.alignment_change, aligned(factor=1.0), "You go uphill"),
    (chapter_17.alignment_change, lambda x, *others: len(x) * aligned()(x, *others), "you added them up"),
    (chapter_17.alignment_change, lambda *given: aligned()(*given[:5], 1), "The learning rate is missing"),
    (chapter_17.alignment_change, lambda x, *others: len(x) / x.shape[1] * aligned()(x, *others), "over the wrong number"),
    (chapter_17.alignment_change, aligned(output=lambda h, W2, B, target: h @ B.T - target), "only for the way back"),
    (chapter_17.alignment_change, aligned(output=lambda h, W2, B, target: h @ W2.T), "the target is missing"),
    (chapter_17.alignment_change, aligned(output=lambda h, W2, B, target: -target), "the outputs are missing"),
    (chapter_17.alignment_change, aligned(output=lambda h, W2, B, target: torch.sign(h @ W2.T - target)),
     "used the sign of the error"),
    (chapter_17.alignment_change, lambda x, target, W1, W2, B, eta:
     -eta * ((x @ W1.T @ W2.T - target) @ B * (x @ W1.T > 0)).T @ x / len(x),
     "hidden rates are missing"),
    (chapter_17.alignment_change, lambda x, target, W1, W2, B, eta:
     -eta * ((h := (x @ W1.T).relu()) @ W2.T - target).T @ h / len(x),
     "This is the change of W2"),
    (chapter_17.alignment_change, lambda x, target, W1, *others: W1 + aligned()(x, target, W1, *others), "This is the new W1"),
    (chapter_17.alignment_change, lambda *given: aligned()(*given).T, "It is transposed"),
    (chapter_17.feedback_step, kolen_pollack(fade=0), "The decay is missing"),
    (chapter_17.feedback_step, kolen_pollack(hebb=0), "What is learned is missing"),
    (chapter_17.feedback_step, kolen_pollack(hebb=8), "you added them up"),
    (chapter_17.feedback_step, kolen_pollack(hebb=-1), "sign of what is learned"),
    (chapter_17.feedback_step, kolen_pollack(fade=-1), "makes the weights grow"),
    (chapter_17.feedback_step, kolen_pollack(hebb=-1, fade=-1), "Both signs are wrong"),
    (chapter_17.feedback_step, kolen_pollack(fade=1 / 0.2), "multiplied by the learning rate, too"),
    (chapter_17.feedback_step, kolen_pollack(hebb=1 / 0.2), "missing in what is learned"),
    (chapter_17.feedback_step, kolen_pollack(hebb=1 / 0.2, fade=1 / 0.2), "The learning rate is missing"),
    (chapter_17.feedback_step, lambda B, *others: kolen_pollack()(B, *others) - B, "This is the change"),
    (chapter_17.feedback_step, lambda B, r, delta, eta, decay: B - eta * (r.T @ delta / len(r) + decay), "you subtract a constant"),
    (chapter_17.feedback_step, lambda B, r, delta, eta, decay: B - eta * (r.T @ delta / len(r) + decay * B.sign()),
     "you used their sign"),
    (chapter_17.feedback_step, lambda B, r, delta, eta, decay:
     (1 - eta * decay) * kolen_pollack(fade=0)(B, r, delta, eta, decay),
     "should act on the old B"),
    (chapter_17.feedback_step, lambda *given: kolen_pollack()(*given).T, "It is transposed"),
    (chapter_17.feedback_step, kolen_pollack(fade=0.1), "The decay uses λ twice"),
    (chapter_17.eligibility, traces(new=lambda alpha, slope, z: slope[:, None] * z), "in front of f′ z is missing"),
    (chapter_17.eligibility, lambda slopes, z, alpha: traces()(slopes, z, 1 - alpha), "are exchanged"),
    (chapter_17.eligibility, traces(old=lambda p, alpha, slope: p), "does not fade"),
    (chapter_17.eligibility, traces(old=lambda p, alpha, slope: 0 * p), "has no memory"),
    (chapter_17.eligibility, traces(after=False), "before each step"),
    (chapter_17.eligibility, traces(new=lambda alpha, slope, z: alpha * z.expand(len(slope), -1)), "The slope f′ is missing"),
    (chapter_17.eligibility, traces(new=lambda alpha, slope, z: alpha * slope[:, None].expand(-1, len(z))),
     "activity z is missing"),
    (chapter_17.eligibility, lambda slopes, z, alpha: (1 - alpha) * traces()(slopes, z, alpha), "also took the new part"),
    (chapter_17.eligibility, lambda *given: traces()(*given)[-1], "the last trace only"),
    (chapter_17.eligibility, lambda *given: traces()(*given).sum(0), "added the traces up"),
    (chapter_17.eligibility, lambda *given: traces()(*given).transpose(1, 2), "are exchanged: time"),
    (chapter_17.eligibility, lambda slopes, z, alpha:
     slopes[:, :, None] * traces(new=lambda a, slope, now: a * now.expand(3, -1))(slopes, z, alpha),
     "the slope is today's"),
    (chapter_17.eligibility, lambda slopes, z, alpha: torch.einsum("tio,tjo->tij", *(
        traces()(part, torch.ones(len(part), 1, dtype=z.dtype), alpha) for part in (slopes, z))),
     "filtered each for itself"),
    (chapter_17.eligibility, traces(old=lambda p, alpha, slope: slope[:, None] * (1 - alpha) * p), "multiplied by the slope, too"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: (quiet - noisy) / s), "The sign is reversed"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: noisy - quiet), "^Divide by s"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: s * (noisy - quiet)), "You multiply by s"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: (noisy - quiet) / s**2), "You divide by s twice"),
    (chapter_18.node_estimate, lambda *given: nodes()(*given).T, "It is transposed"),
    (chapter_18.node_estimate, nodes(over=1), "You add up over trials"),
    (chapter_18.node_estimate, nodes(over=3), "number of units or inputs"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: noisy / s), "loss without noise is not subtracted"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: quiet / s), "the loss without noise alone"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: (noisy - quiet).mean().expand(6) / s), "average the losses"),
    (chapter_18.node_estimate, lambda r, xi, noisy, quiet, s: torch.outer(((noisy - quiet)[:, None] * xi).mean(0), r.mean(0)) / s,
     "average noise and rates"),
    (chapter_18.node_estimate, lambda r, xi, *others: nodes()(r, torch.ones_like(xi), *others), "The noise is missing"),
    (chapter_18.node_estimate, lambda r, xi, noisy, quiet, s: ((noisy - quiet)[:, None] * xi).mean(0) / s, "rates .* are missing"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: (noisy - quiet).sign() / s), "only the sign of the change"),
    (chapter_18.node_estimate, nodes(lambda noisy, quiet, s: (noisy - quiet).abs() / s), "without its sign"),
    (chapter_18.node_estimate, lambda r, xi, noisy, quiet, s: torch.einsum("t,tu,ti->tui", (noisy - quiet) / s, xi, r),
     "One value for each trial"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: 0), "cosine of the plain mean"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: -e.var(0).sum() / len(e)), "The scatter is added"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: e.var(0).mean() / len(e)), "you took the mean"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: e.var() / len(e)), "all entries together"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: e.var(0, correction=0).sum() / len(e)), "is divided by n − 1, not n"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: e.var(0).sum() / (len(e) - 1)), "by n − 1 once more"),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: e.std(0).sum() / len(e)), "standard deviations"),
    (chapter_18.debiased_cosine, lambda e, g: torch.nn.functional.cosine_similarity(e, g[None]).mean(),
     "cosines of single estimates"),
    (chapter_18.debiased_cosine, lambda e, g: cosine_from_pairs(e, g) ** 2, "the square of the cosine"),
    (chapter_18.debiased_cosine, lambda e, g: math.sqrt(1 - cosine_from_pairs(e, g) ** 2), "This is the bias"),
    (chapter_18.debiased_cosine, lambda e, g: cosine_from_pairs(e, g) * g.norm(), "Divide by the length of g, too"),
    (chapter_18.debiased_cosine, lambda e, g: cosine_from_pairs(e, g) / g.norm(), "the square of g's length"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).norm() / J.norm()), "The 2 is missing"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).norm()), "the length of J − Jᵀ; divide"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).norm() / 2), "antisymmetric part; divide"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J + J.T).norm() / (2 * J.norm())), "the share of the symmetric part"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).norm() / (J + J.T).norm()), "You divide by the symmetric part"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).square().sum() / (4 * J.square().sum())), "This is the square"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).abs().sum() / (2 * J.abs().sum())), "You take absolute values"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).abs().max() / (2 * J.abs().max())), "the largest entries"),
    (chapter_18.asymmetry, of_jacobian(lambda J: torch.zeros(())), "those of J − Jᵀ cancel"),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T) / 2), "You return the Jacobian"),
    (chapter_18.asymmetry, lambda field, w: field(w).norm(), "in place of its Jacobian"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: d_1.square().mean()), "the squared change of one pair"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: ((d_1 + d_2) / 2).square().mean()), "You square the mean"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1**2 + d_2**2).mean() / 2), "You average the squares"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).sum()), "you added them up"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).mean(0)), "Average over units as well"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).mean(1)), "Average over orientations as well"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: d_1 * d_2), "Average the products"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: d_1.mean() * d_2.mean()), "before multiplying"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).abs().mean()), "may be negative by chance"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).mean().abs().sqrt()), "here you take the root"),
    (chapter_19.unbiased_change, lambda b_1, b_2, a_1, a_2: ((a_1 - b_2) * (a_2 - b_1)).mean(), "You pair before_2"),
    (chapter_19.unbiased_change, lambda b_1, b_2, a_1, a_2: ((a_1 - b_1) * (a_2 - b_1)).mean(), "the same measurement before"),
    (chapter_19.unbiased_change, lambda b_1, b_2, a_1, a_2: ((a_1 - b_1) * (a_1 - b_2)).mean(), "the same measurement after"),
    (chapter_19.unbiased_change, lambda b_1, b_2, a_1, a_2: ((a_1 - a_2) * (b_1 - b_2)).mean(), "noise alone"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: ((d_1 - d_1.mean(0)) * (d_2 - d_2.mean(0))).mean()),
     "change of the baseline"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).mean() - (d_1 - d_2).square().mean() / 4),
     "the noise twice"),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: -(d_1 * d_2).mean()), "wrong sign"),
    (chapter_19.inherited_and_own, lambda *given: area()(*given).flip(0), "exchanged"),
    (chapter_19.inherited_and_own, area(f=lambda c: c), "The rectification is missing"),
    (chapter_19.inherited_and_own, area(f=lambda c: c, size=lambda c: c.relu().square().mean().sqrt()), "You rectify the changes"),
    (chapter_19.inherited_and_own, area(own=lambda r, g: r(g.x, g.W_new, g.b)), "b_new goes with W_new"),
    (chapter_19.inherited_and_own, area(inherited=lambda r, g: r(g.x_new, g.W, g.b_new)), "the old bias"),
    (chapter_19.inherited_and_own, lambda x, y, W, b, V, c: area()(x, y, W, 0 * b, V, 0 * b), "biases are missing"),
    (chapter_19.inherited_and_own, area(before=all_changed), "begin before learning"),
    (chapter_19.inherited_and_own, area(own=all_changed), "the whole change"),
    (chapter_19.inherited_and_own, lambda x, y, W, b, V, c: torch.stack(
        [area()(x, y, W, b, V, c)[0], area()(y, x, W, b, V, c)[1]]), "after the input has changed"),
    (chapter_19.inherited_and_own, area(size=lambda c: c.square().mean()), "take the root"),
    (chapter_19.inherited_and_own, area(size=lambda c: c.abs().mean()), "means of absolute values"),
    (chapter_19.inherited_and_own, area(size=torch.norm), "These are norms"),
    (chapter_19.inherited_and_own, area(size=torch.mean), "cancel in a mean"),
    (chapter_19.inherited_and_own, lambda *given: area()(*given) / area()(*given).sum(), "shares of a whole"),
    (chapter_19.inherited_and_own, area(before=lambda r, g: 0), "root mean squares of the rates"),
    (chapter_19.tagged_change, one_trial(lambda p, r: r - p), "you use δ itself"),
    (chapter_19.tagged_change, one_trial(lambda p, r: (1 - p) / p if r else -p), "not δ = −p_a"),
    (chapter_19.tagged_change, one_trial(lambda p, r: (p - 1) / p if r else 1.0), "the other sign"),
    (chapter_19.tagged_change, one_trial(lambda p, r: (1 - p) / p if r else 1.0), "or left f out"),
    (chapter_19.tagged_change, one_trial(lambda p, r: (1 - p) / p), "for rewarded trials"),
    (chapter_19.tagged_change, one_trial(lambda p, r: p / (1 - p) if r else -1.0), r"not p_a/\(1"),
    (chapter_19.tagged_change, one_trial(lambda p, r: 1.0), "the tag alone"),
    (chapter_19.tagged_change, one_trial(lambda p, r: 2.0 if r else -1.0), "not 1 in 3"),
    (chapter_19.tagged_change, one_trial(lambda p, r: (1 - p) / p if r else 0.0), "and did not come"),
    (chapter_19.tagged_change, one_trial(lambda p, r: (r - p) / (1 - r + p)), "it would be −p_a"),
    (chapter_19.tagged_change, one_trial(tag=lambda w, u, x: torch.outer(w, x)), "slope of the rectification is missing"),
    (chapter_19.tagged_change, one_trial(tag=lambda w, u, x: torch.outer(w * u.relu(), x)), "where you have the rate"),
    (chapter_19.tagged_change, one_trial(tag=lambda w, u, x: torch.outer(1.0 * (u > 0), x)), "W_out of the chosen"),
    (chapter_19.tagged_change, one_trial(tag=lambda w, u, x: (w * (u > 0))[:, None].repeat(1, 5)), "presynaptic rates"),
    (chapter_19.tagged_change, one_trial(tag=lambda w, u, x: torch.outer(x, w * (u > 0))), "transposed|shape"),
    (chapter_19.tagged_change, backprop_to_the_chosen, "what backprop would do"),
    (chapter_19.tagged_change, lambda x, W, W_out, a, r: one_trial()(x, W, W_out, a, r)
     * 0 + torch.outer(W_out.sum(0) * (W @ x > 0), x) * (1 / softmax(W_out @ (W @ x).relu(), 0)[a] - 1), "in yours all of them do"),
    (chapter_19.pooled_rule, lambda p, prior: normal(p.prod(0)), "counts it once for each animal"),
    (chapter_19.pooled_rule, lambda p, prior: normal((p / prior).prod(0)), "never put it back"),
    (chapter_19.pooled_rule, lambda p, prior: normal(p.prod(0) * prior), "once more than it should"),
    (chapter_19.pooled_rule, lambda p, prior: p.mean(0), "you average the probabilities"),
    (chapter_19.pooled_rule, lambda p, prior: hot(p.argmax(1), 3).double().mean(0), "You count votes"),
    (chapter_19.pooled_rule, lambda p, prior: prior * (p / prior).prod(0), "add up to 1"),
    (chapter_19.pooled_rule, lambda p, prior: prior.log() + (p / prior).log().sum(0), "return probabilities"),
    (chapter_19.pooled_rule, lambda p, prior: (prior * (p / prior).prod(0)).argmax(), "Every rule is asked for"),
    (chapter_19.pooled_rule, lambda p, prior: p.prod(1), "yours runs over rules"),
]  # fmt: skip


@pytest.mark.parametrize("check, answer, message", WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(check, answer, message):
    with pytest.raises(Wrong, match=message):
        check(answer)


CHECKS = [chapter_00.one_layer, chapter_00.count_parameters, chapter_01.softmax_delta, chapter_01.numerical_gradient,
          chapter_01.delta_before, chapter_01.xor_network,
          chapter_02.new_values, chapter_02.output_gradient, chapter_02.returns,
          chapter_03.momentum, chapter_03.adam_change, chapter_03.time_to_learn,
          chapter_04.receptive_field, chapter_04.convolve,
          chapter_04.fool, chapter_05.difference_interval, chapter_05.linear_cka, chapter_05.lower_ceiling,
          chapter_06.euler_step, chapter_06.backward_step, chapter_06.psychophysical_kernel,
          chapter_07.jacobian, chapter_07.time_constants, chapter_07.steady_kappa,
          chapter_08.fractional_variance, chapter_08.saccade, chapter_08.silhouettes,
          chapter_09.dale_weights, chapter_09.proximal_step, chapter_09.inhibition_ratio,
          chapter_10.divide, chapter_10.retrieve, chapter_10.sensitivity_and_criterion,
          chapter_11.lstm_step, chapter_11.forget_bias, chapter_11.salience_gates,
          chapter_12.inference_step, chapter_12.hebbian_change, chapter_12.errors_at_rest,
          chapter_13.oja_change, chapter_13.hopfield_weights, chapter_13.energy_changes,
          chapter_14.fast_current, chapter_14.signal_to_noise, chapter_14.write_exactly,
          chapter_15.synapse_step, chapter_15.trace, chapter_15.follows_synapses,
          chapter_16.anchored_step, chapter_16.layer_fisher, chapter_16.chain_flow,
          chapter_17.alignment_change, chapter_17.feedback_step, chapter_17.eligibility,
          chapter_18.node_estimate, chapter_18.debiased_cosine, chapter_18.asymmetry,
          chapter_19.unbiased_change, chapter_19.inherited_and_own,
          chapter_19.tagged_change, chapter_19.pooled_rule]  # fmt: skip


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


def steps_in_place_towards_the_drive(r, x, W_r, W_x, b_r, dt, tau):
    """Writes into everything that it is given."""
    drive = (x @ W_x.T).add_(r @ W_r.T).add_(b_r).tanh_()
    W_r.zero_()
    return r.mul_(1 - dt / tau).add_(drive, alpha=dt / tau)


def in_numpy(r, x, W_r, W_x, b_r, dt, tau):
    r, x, W_r, W_x, b_r = (part.numpy() for part in (r, x, W_r, W_x, b_r))
    return r + (np.tanh(np.einsum("ij,tj->ti", W_r, r) + np.dot(W_x, x.T).T + b_r) - r) * (dt / tau)


def in_many_small_terms(r, x, W_r, W_x, b_r, dt, tau):
    """A loop over trials and units, a list of lists."""
    n = range(len(b_r))
    return [
        [
            a[i] + dt / tau * (-a[i] + math.tanh(sum(W_r[i, j] * a[j] for j in n) + float(W_x[i] @ y) + b_r[i]))
            for i in n
        ]
        for a, y in zip(r, x, strict=True)
    ]


def backward_by_autograd(gradient, c, W_r, alpha):
    c.requires_grad_()
    torch.tanh(c).backward(alpha * gradient)
    return torch.einsum("ti,ij->tj", c.grad, W_r) + (gradient - alpha * gradient)


def backward_in_place(gradient, c, W_r, alpha):
    delta = c.tanh_().square_().neg_().add_(1).mul_(gradient).mul_(alpha)
    return gradient.mul_(1 - alpha).addmm_(delta, W_r)


def by_the_steps_jacobian(gradient, c, W_r, alpha):
    """Each trial's gradient times the matrix of its step."""
    slope = torch.diag_embed(1 / torch.cosh(c) ** 2)
    J = (1 - alpha) * torch.eye(len(W_r)) + alpha * slope @ W_r
    return torch.stack([g @ j for g, j in zip(gradient, J, strict=True)])


def drops_trials_in_numpy(evidence, choice):
    evidence, choice = evidence.numpy(), np.asarray(choice)
    evidence, right = evidence[choice > 0], choice[choice > 0] > 1
    return np.average(evidence, 0, right) - np.average(evidence, 0, ~right)


def with_nan_for_the_others(evidence, choice):
    left, right = (evidence.where((choice == side)[:, None], torch.nan).nanmean(0) for side in (1, 2))
    return (right - left).float()


def jacobian_by_differences(r, W_r, b_r, alpha):
    def step(s):
        return (1 - alpha) * s + alpha * torch.tanh(W_r @ s + b_r)

    h = 1e-6 * torch.eye(len(r), dtype=r.dtype)
    return torch.stack([(step(r + e) - step(r - e)) / 2e-6 for e in h], dim=1)


def jacobian_in_place(r, W_r, b_r, alpha):
    W_r *= alpha * tanh_slope(W_r @ r + b_r)[:, None]
    W_r.diagonal().add_(1 - alpha)
    return W_r


def jacobian_entry_by_entry(r, W_r, b_r, alpha):
    c = W_r @ r + b_r
    J = [[alpha * w / math.cosh(at) ** 2 for w in row] for row, at in zip(W_r, c, strict=True)]
    for i in range(len(r)):
        J[i][i] += 1 - alpha
    return J


def in_a_complex_tensor(eigenvalues, dt):
    found = torch.zeros_like(eigenvalues)
    for i, eigenvalue in enumerate(eigenvalues):
        found[i] = -dt / torch.log(torch.abs(eigenvalue))
    return found


def until_it_stays(m, n, drive):
    kappa, before = 1.0, math.inf
    while abs(kappa - before) > 1e-6:
        kappa, before = torch.mean(n * torch.tanh(m * kappa + drive)).item(), kappa
    return kappa


def by_the_whole_network(m, n, drive):
    """Four hundred units, step by step, in single precision."""
    W = (torch.outer(m, n) / len(m)).float()
    r = torch.tanh(m).float()
    for _ in range(300):
        r += 0.5 * (-r + torch.tanh(W @ r + drive.float()))
    return n.float() @ r / len(m)


def by_bisection(m, n, drive):
    m, n, drive = m.numpy(), n.numpy(), drive.numpy()
    return scipy.optimize.brentq(lambda k: (n * np.tanh(m * k + drive)).mean() - k, 0.3, 3)


def in_numpy_with_loops(drives, w, sigma, n):
    drives, w = drives.numpy(), w.numpy()
    units = range(len(w))
    return [[d[i] ** n / (sigma**n + sum(w[i, j] * d[j] ** n for j in units)) for i in units] for d in drives]


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
    (chapter_02.new_values, bandit_step()),
    (chapter_02.new_values, values_in_place),
    (chapter_02.output_gradient, at_outputs()),
    (chapter_02.returns, credit()),
    (chapter_02.returns, returns_in_place),
    (chapter_02.returns, lambda r, gamma: torch.stack([scipy_returns(row, gamma) for row in r])),
    (chapter_03.momentum, heavy_ball()),
    (chapter_03.momentum, lambda theta, v, g, eta, mu: [theta - eta * mu * v - eta * g, v.mul_(mu).add_(g)]),
    (chapter_03.momentum, lambda theta, v, g, eta, mu: (theta.float() - eta * (mu * v + g).float(), (mu * v + g).numpy())),
    (chapter_03.adam_change, adam_as()),
    (chapter_03.adam_change, adam_of_torch),
    (chapter_03.time_to_learn, by_root_finding),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: tau * (math.log(share / (1 - share)) + ((s - u0) / u0).log()) / s / 2),
    (chapter_03.time_to_learn, lambda s, u0, tau, share: -tau / (2 * s) * torch.log((1 / share - 1) / (s / u0 - 1))),
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
    (chapter_06.euler_step, steps_in_place_towards_the_drive),
    (chapter_06.euler_step, in_numpy),
    (chapter_06.euler_step, in_many_small_terms),
    (chapter_06.euler_step, moves(lambda r, c, a: (r.T + a * (c.tanh().T - r.T)).T.float())),
    (chapter_06.euler_step, lambda r, x, W, U, b, dt, tau: sum(
        [r * (tau - dt), dt * torch.tanh(torch.hstack([r, x]) @ torch.hstack([W, U]).mT + b)]) / tau),
    (chapter_06.backward_step, backward_by_autograd),
    (chapter_06.backward_step, backward_in_place),
    (chapter_06.backward_step, by_the_steps_jacobian),
    (chapter_06.backward_step, lambda g, c, W, a: (1 - a) * g.numpy() + a * (g / torch.cosh(c) ** 2).numpy() @ W.numpy()),
    (chapter_06.backward_step, lambda g, c, W, a: ((1 - a) * g.T + W.T @ (a * tanh_slope(c) * g).T).T.float()),
    (chapter_06.psychophysical_kernel, drops_trials_in_numpy),
    (chapter_06.psychophysical_kernel, with_nan_for_the_others),
    (chapter_06.psychophysical_kernel, lambda e, k: [e[k == 2, t].mean() - e[k == 1, t].mean() for t in range(e.shape[1])]),
    (chapter_06.psychophysical_kernel, lambda e, k: np.subtract(*(e[k == side].mean(0).numpy() for side in (2, 1))).tolist()),
    (chapter_06.psychophysical_kernel, lambda e, k: ((k == 2) / (k == 2).sum() - (k == 1) / (k == 1).sum()) @ e.float()),
    (chapter_07.jacobian, jacobian_by_differences),
    (chapter_07.jacobian, jacobian_entry_by_entry),
    (chapter_07.jacobian, one_state(lambda c, W: torch.diag(tanh_slope(c)) @ W)),
    (chapter_07.jacobian, lambda r, W, b, a: np.diag([1 - a] * 5) + W.numpy() * np.vstack(a / torch.cosh(W @ r + b) ** 2)),
    (chapter_07.jacobian, jacobian_in_place),
    (chapter_07.jacobian, lambda r, W, b, a: torch.func.jacrev(lambda s: torch.lerp(s, torch.tanh(W @ s + b), a))(r).float()),
    (chapter_07.time_constants, in_a_complex_tensor),
    (chapter_07.time_constants, lambda e, dt: -dt / e.log().real),
    (chapter_07.time_constants, lambda e, dt: dt / np.log(1 / np.abs(e.numpy()))),
    (chapter_07.time_constants, lambda e, dt: [-dt / cmath.log(x).real for x in e.tolist()]),
    (chapter_07.time_constants, lambda e, dt: -dt / torch.log((e * e.conj()).sqrt())),
    (chapter_07.time_constants, lambda e, dt: -2 * dt / torch.view_as_real(e).float().square().sum(1).log()),
    (chapter_07.steady_kappa, until_it_stays),
    (chapter_07.steady_kappa, by_the_whole_network),
    (chapter_07.steady_kappa, by_bisection),
    (chapter_07.steady_kappa, repeats(mean_field, times=20)),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: 0.9 * k + 0.1 * mean_field(m, n, d, k))),
    (chapter_07.steady_kappa, repeats(lambda m, n, d, k: (n.float() @ torch.tanh(m.float() * k + d.float())) / 400)),
    (chapter_08.fractional_variance, contrasts()),
    (chapter_08.fractional_variance, lambda r_A, r_B: contrasts(lambda r: r.numpy().var(0).mean(0))(r_A, r_B)),
    (chapter_08.saccade, votes()),
    (chapter_08.saccade, votes(torch.sigmoid, lambda s, c: [float(a) for a in torch.atan2(s, c) % (2 * math.pi)])),
    (chapter_08.silhouettes, clusters_apart()),
    (chapter_08.silhouettes, lambda x, labels: sklearn.metrics.silhouette_samples(x.numpy(), labels.numpy())),
    (chapter_09.dale_weights, lambda V, s: lawful(V.abs() @ torch.diag(s))),
    (chapter_09.dale_weights, lambda V, s: torch.einsum("ij,j->ij", V.abs(), s).fill_diagonal_(0).tolist()),
    (chapter_09.proximal_step, lambda W, g, eta, beta: soft(W - eta * g, eta * beta)),
    (chapter_09.proximal_step, lambda W, g, eta, beta: torch.nn.functional.softshrink(W.float() - eta * g.float(), eta * beta)),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: W[same].mean() / W[~same].mean())),
    (chapter_09.inhibition_ratio, by_preference(lambda W, same: float(W.numpy()[same].mean() / W.numpy()[~same].mean()))),
    (chapter_10.divide, in_numpy_with_loops),
    (chapter_10.divide, lambda x, w, s, n: [(row**n / (s**n + (w * row**n).sum(1))).tolist() for row in x]),
    (chapter_10.divide, lambda x, w, s, n: 1 / (((s / x) ** n) + torch.einsum("ij,tj->ti", w, x**n) / x**n)),
    (chapter_10.divide, lambda x, w, s, n: (x.float() ** n) / (s**n + x.float() ** n @ w.float().T)),
    (chapter_10.divide, lambda x, w, s, n: x.pow_(n) / torch.addmm(w.new_tensor(s**n), x, w.T)),
    (chapter_10.retrieve, lambda q, k, v, T: torch.softmax(q @ k.T / T, 1) @ v),
    (chapter_10.retrieve, lambda q, k, v, T: scipy.special.softmax(q.numpy() @ k.numpy().T / T, axis=1) @ v.numpy()),
    (chapter_10.retrieve, lambda q, k, v, T: [(torch.softmax(k @ one / T, 0)[:, None] * v).sum(0).tolist() for one in q]),
    (chapter_10.retrieve, lambda q, k, v, T: (v.T @ torch.exp((c := k @ q.T / T) - c.logsumexp(0))).T),
    (chapter_10.retrieve, lambda q, k, v, T: KeyValueAttention(temperature=T)(q, k, v)),
    (chapter_10.sensitivity_and_criterion, observed(
        lambda h, f: [h - f, -(h + f) / 2], lambda p: 2**0.5 * torch.erfinv(2 * p - 1))),
    (chapter_10.sensitivity_and_criterion, lambda h, f: np.column_stack(
        [scipy.stats.norm.ppf(h) - scipy.stats.norm.ppf(f), (scipy.stats.norm.isf(h) + scipy.stats.norm.isf(f)) / 2])),
    (chapter_10.sensitivity_and_criterion, lambda h, f: torch.special.ndtri(torch.stack([h, f], 1)).float()
        @ torch.tensor([[1.0, -0.5], [-1.0, -0.5]])),
    (chapter_11.lstm_step, lstm()),
    (chapter_11.lstm_step, lambda f, i, o, z, c: tuple(lstm()(f, i, o, z, c))),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm(gate=lambda x: (1 + torch.tanh(x / 2)) / 2)(f, i, o, z, c).float()),
    (chapter_11.lstm_step, lambda f, i, o, z, c: lstm()(f, i, o, z, c).tolist()),
    (chapter_11.forget_bias, lambda tau, dt: logit(torch.exp(-dt / tau))),
    (chapter_11.forget_bias, lambda tau, dt: -np.log(np.expm1(dt / tau.numpy()))),
    (chapter_11.forget_bias, lambda tau, dt: [-math.log(math.exp(dt / t) - 1) for t in tau.tolist()]),
    (chapter_11.salience_gates, gates()),
    (chapter_11.salience_gates, gates(steepness=1e4)),
    (chapter_11.salience_gates, lambda at: (100, -100 * at, -500.0, 500 * at)),
    (chapter_11.salience_gates, lambda at: gates()(at).numpy()),
    (chapter_12.inference_step, infers(lambda up, above, prior: up - above - prior)),
    (chapter_12.inference_step, in_loops_over_trials),
    (chapter_12.inference_step, lambda x, r, r_2, U, V, pi, a, rate: r - rate * (
        r @ U.T @ U - x @ U + pi * r - pi * torch.einsum("tk,jk->tj", r_2, V) + a / (r + 1 / r)).float()),
    (chapter_12.hebbian_change, hebb(lambda x, error, r: error.T @ r / 4)),
    (chapter_12.hebbian_change, lambda x, r, U, eta: eta * torch.einsum("ti,tj->tij", x - r @ U.T, r).mean(0)),
    (chapter_12.hebbian_change, lambda x, r, U, eta: eta / 4 * ((x.T @ r).numpy() - U.numpy() @ (r.T @ r).numpy())),
    (chapter_12.errors_at_rest, rests(lambda x, r, U: x - r @ U.T)),
    (chapter_12.errors_at_rest, lambda x, U, a: a * x @ torch.linalg.inv(U @ U.T + a * torch.eye(6))),
    (chapter_12.errors_at_rest, by_ridge_regression),
    (chapter_13.oja_change, oja(lambda x, y, w: (y[:, None] * x).mean(0) - (y**2).mean() * w)),
    (chapter_13.oja_change, oja(lambda x, y, w: (y[:, None] * (x - torch.outer(y, w))).mean(0).float())),
    (chapter_13.oja_change, lambda x, w, eta: eta / 7 * (torch.eye(4) - torch.outer(w, w)) @ x.T @ x @ w),
    (chapter_13.hopfield_weights, stores(lambda p: p.T @ p / 5)),
    (chapter_13.hopfield_weights, stored_one_by_one),
    (chapter_13.hopfield_weights, lambda p: (p.T @ p - 3 * torch.eye(5)).numpy() / 5),
    (chapter_13.energy_changes, lambda W, s: 2 * s * (W @ s)),
    (chapter_13.energy_changes, turned_one_by_one),
    (chapter_13.energy_changes, lambda W, s: (2 * np.diag(s) @ W.numpy() @ s.numpy()).tolist()),
    (chapter_14.fast_current, reminds(lambda age, alike, decay: decay**age * alike)),
    (chapter_14.fast_current, lambda h, r, decay, eta: (eta * matrix_of(h, decay) @ r).float()),
    (chapter_14.fast_current, lambda h, r, decay, eta: sum(
        eta * decay**n * float(past @ r) * past for n, past in enumerate(h.flip(0))).tolist()),
    (chapter_14.signal_to_noise, fades(lambda signal, total, N: N * signal / (total - signal))),
    (chapter_14.signal_to_noise, lambda age, N, decay: N * (1 - decay**2) / (decay ** (-2 * age.numpy()) - 1 + decay**2)),
    (chapter_14.signal_to_noise, lambda age, N, decay: [
        N * decay ** (2 * a) / sum(decay ** (2 * b) for b in range(500) if b != a) for a in age.tolist()]),
    (chapter_14.write_exactly, writes(lambda error, key, size: torch.outer(error, key) / size**2)),
    (chapter_14.write_exactly, by_pseudoinverse),
    (chapter_14.write_exactly, lambda A, k, v: A - torch.outer(A @ (u := k / k.norm()), u) + torch.outer(v / k.norm(), u)),
    (chapter_15.synapse_step, synapse()),
    (chapter_15.synapse_step, lambda *given: synapse()(*given).tolist()),
    (chapter_15.trace, traced()),
    (chapter_15.trace, simulated_trace),
    (chapter_15.follows_synapses, lambda c, s, a: (c == s)[s != a].double().mean()),
    (chapter_15.follows_synapses, lambda c, s, a: float(((c == s) * (s != a)).sum() / (s != a).sum())),
    (chapter_16.anchored_step, spring()),
    (chapter_16.anchored_step, lambda W, g, F, M, b, eta: W.sub_(eta * g).float() - 2 * eta * b * M * (W + eta * g - F)),
    (chapter_16.layer_fisher, layer(lambda p: p * (1 - p))),
    (chapter_16.layer_fisher, layer_by_definition),
    (chapter_16.layer_fisher, lambda x, W: torch.einsum("kc,kj->kcj", (p := softmax(x @ W.T)) * (1 - p), x**2).mean(0).numpy()),
    (chapter_16.chain_flow, beakers()),
    (chapter_16.chain_flow, lambda u, C, g: np.diff(
        np.concatenate([[0], g.numpy() * np.diff(np.append(u.numpy(), 0))]), prepend=0)[1:] / C.numpy()),
    (chapter_17.alignment_change, aligned()),
    (chapter_17.alignment_change, lambda x, target, W1, W2, B, eta: sum(
        -eta / len(x) * torch.outer(B.T @ (W2 @ (W1 @ a).relu() - b) * (W1 @ a > 0), a)
        for a, b in zip(x, target, strict=True)).numpy()),
    (chapter_17.feedback_step, kolen_pollack()),
    (chapter_17.feedback_step, lambda B, r, delta, eta, decay:
     B.mul_(1 - eta * decay).sub_(eta * torch.einsum("ki,kj->ij", r, delta) / len(r))),
    (chapter_17.eligibility, traces()),
    (chapter_17.eligibility, lambda slopes, z, alpha: torch.from_numpy(scipy.signal.lfilter(
        [alpha], [1, alpha - 1], (slopes[:, :, None] * z[:, None]).numpy(), axis=0))),
    (chapter_18.node_estimate, nodes()),
    (chapter_18.node_estimate, lambda r, xi, noisy, quiet, s: sum(
        (a - b) * torch.outer(u, x) for a, b, u, x in zip(noisy, quiet, xi, r, strict=True)) / 6 / s),
    (chapter_18.node_estimate, lambda r, xi, a, b, s: (xi.T @ torch.diag(a - b) @ r).numpy() / s / len(a)),
    (chapter_18.debiased_cosine, cosine_of_mean()),
    (chapter_18.debiased_cosine, cosine_from_pairs),
    (chapter_18.debiased_cosine, cosine_of_mean(lambda e: torch.cov(e.T).trace() / len(e))),
    (chapter_18.asymmetry, of_jacobian(lambda J: (J - J.T).norm() / (2 * J.norm()))),
    (chapter_18.asymmetry, of_jacobian(lambda J: ((J - J.T) / 2).norm() / J.norm(), h=1e-5)),
    (chapter_18.asymmetry, one_sided_asymmetry),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: (d_1 * d_2).mean())),
    (chapter_19.unbiased_change, two_changes(lambda d_1, d_2: float(np.mean(d_1.numpy() * d_2.numpy())))),
    (chapter_19.inherited_and_own, area()),
    (chapter_19.inherited_and_own, lambda *given: area(f=lambda c: c.clamp(min=0))(*given).tolist()),
    (chapter_19.inherited_and_own, area(size=lambda c: c.float().std(correction=0).hypot(c.float().mean()))),
    (chapter_19.tagged_change, one_trial()),
    (chapter_19.tagged_change, lambda *given: one_trial()(*given).float().numpy()),
    (chapter_19.pooled_rule, lambda p, prior: normal(prior * (p / prior).prod(0))),
    (chapter_19.pooled_rule, lambda p, prior: normal(p.prod(0) / prior ** (len(p) - 1)).tolist()),
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


# Away from one class can be towards another, pixel by pixel; and two ways to count too many parameters give the same number.
AMBIGUOUS = [chapter_04.fool, chapter_00.count_parameters]


@pytest.mark.parametrize("check, answer", [pair for pair in dict(RIGHT_ANSWERS).items() if pair[0] not in AMBIGUOUS])
def test_no_two_mistakes_of_an_exercise_give_the_same_value(check, answer, monkeypatch):
    """Else the first one's message would also be given for the second, or a right answer might be a mistake."""

    def compare_all(answer, expected, what, mistakes=None, hints=None):
        told = {"right": expected} | (mistakes or {})
        values = [(message, np.asarray(value)) for message in told for value in _values(told[message], what)]
        for (message, a), (other, b) in combinations(values, 2):
            if a.shape == b.shape and message != other:
                assert not np.allclose(a, b, rtol=1e-4, atol=1e-4), f"{message} | {other}"

    monkeypatch.setattr(sys.modules[check.__module__], "compare", compare_all)
    check(answer)


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


@pytest.mark.parametrize("second", [None, "v", torch.ones(2), [1.0]])
def test_a_step_of_momentum_with_no_such_v_gets_feedback(second):
    with pytest.raises(Wrong, match="the new v should be a tensor"):
        chapter_03.momentum(lambda theta, v, gradient, eta, mu: (theta, second))
