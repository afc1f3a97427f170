"""Feedback on the exercises of notebook 19, learning in the hierarchy."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def unbiased_change(function: Callable[..., Tensor]) -> None:
    """Exercise 1: the mean squared change of tuning, without the noise's share.

    Parameters
    ----------
    function : callable
        The student's: (before_1, before_2, after_1, after_2), each orientations × units → a number.

    Raises
    ------
    Wrong
    """
    before_1, before_2, after_1, after_2 = (random_matrix(6 + k, 4)[k : 6 + k] + k / 4 for k in range(4))
    answer = call(function, before_1, before_2, after_1, after_2, what="unbiased_change")
    first, second = after_1 - before_1, after_2 - before_2
    # a product is a difference of squares
    expected = ((first + second).square().mean() - (first - second).square().mean()) / 4
    crossed, crossed_too = after_1 - before_2, after_2 - before_1
    mean = (first + second) / 2
    centred = [change - change.mean(0) for change in (first, second)]
    mistakes = {
        "This is the squared change of one pair; the noise, squared, is in it. Multiply two changes whose noises are independent.":
            [first.square().mean(), second.square().mean()],
        "You square the mean of the two changes: there is less noise in it, but its square is still there.": mean.square().mean(),
        "You average the squares of both changes; each has the square of its noise in it.":
            (first.square() + second.square()).mean() / 2,
        "You pair before_2 with after_1. On average that is right, too; but the exercise pairs 1 with 1 and 2 with 2.":
            (crossed * crossed_too).mean(),
        "Both of your changes use the same measurement before: its noise is in both, and its square remains.":
            [(first * crossed_too).mean(), (second * crossed).mean()],
        "Both of your changes use the same measurement after: its noise is in both, and its square remains.":
            [(first * crossed).mean(), (second * crossed_too).mean()],
        "You multiply the two changes from the first to the second measurement; these are noise alone. A change leads from before "
        "to after.": ((after_1 - after_2) * (before_1 - before_2)).mean(),
        "The mean is over orientations and units: you added them up.": (first * second).sum(),
        "Average over units as well: a single number is asked for.": (first * second).mean(0),
        "Average over orientations as well: a single number is asked for.": (first * second).mean(1),
        "Average the products, over orientations and units.": first * second,
        "You average the changes before multiplying them; changes of different sign cancel.": first.mean() * second.mean(),
        "A product may be negative by chance, and must be allowed to: with absolute values the noise no longer averages out.":
            (first * second).abs().mean(),
        "A mean that came out negative would be left alone, but here you take the root: the mean *squared* change is asked for.":
            expected.abs().sqrt(),
        "You take out each unit's mean over orientations: a change of the baseline is a change, too.":
            (centred[0] * centred[1]).mean(),
        "You subtract the noise twice: the product of the two changes is free of it already.":
            expected - (first - second).square().mean() / 4,
    }  # fmt: skip
    compare(answer, expected, "unbiased_change", mistakes)
    passed("Exercise 1: it may be negative by chance; that is the price of being right on average.")


def inherited_and_own(function: Callable[..., Tensor]) -> None:
    """Exercise 2: what an area inherits from its input, and what its own synapses do.

    Parameters
    ----------
    function : callable
        The student's: (x, x_new, W, b, W_new, b_new) → two root mean squares.

    Raises
    ------
    Wrong
    """
    x, x_new = random_matrix(8, 4).abs(), random_matrix(9, 4)[1:].abs()
    W, W_new = random_matrix(5, 4), random_matrix(6, 4)[:5] + 0.3
    b, b_new = random_matrix(5, 2).T
    answer = call(function, x, x_new, W, b, W_new, b_new, what="inherited_and_own")

    def rates(x, W, b):
        return torch.einsum("ti,ui->tu", x, W).add(b).clamp(min=0)

    def rms(*changes):
        return torch.stack([change.norm() / change.numel() ** 0.5 for change in changes])

    old, new = rates(x, W, b), rates(x_new, W_new, b_new)
    inherited, own = rates(x_new, W, b) - old, rates(x, W_new, b_new) - old
    missing = [new - rates(x, W_new, b_new), new - rates(x_new, W, b)]
    linear = [x_new @ W.T - x @ W.T, x @ W_new.T + b_new - x @ W.T - b]
    mistakes = {
        "The two are exchanged: first the inherited change, then the area's own.": rms(own, inherited),
        "The rectification is missing: r = [W x + b]₊.": rms(*linear),
        "You rectify the changes; rectify the rates, and then take their difference.": rms(*(c.clamp(min=0) for c in linear)),
        "The biases belong to the area's synapses: b_new goes with W_new.":
            rms(rates(x_new, W, b) - old, rates(x, W_new, b) - old),
        "With the old synapses goes the old bias, b.": rms(rates(x_new, W, b_new) - old, own),
        "The biases are missing.":
            rms(rates(x_new, W, 0) - rates(x, W, 0), rates(x, W_new, 0) - rates(x, W, 0)),
        "You measure from the state after learning, and find what is missing without one of the changes; begin before learning.":
            [rms(*missing), rms(*missing[::-1])],
        "Your own change has the new input in it as well: that is the whole change.": rms(inherited, new - old),
        "Your own change is what the synapses add after the input has changed; asked for is the change with the old input.":
            rms(inherited, new - rates(x_new, W, b)),
        "These are mean squares: take the root.": rms(inherited, own).square(),
        "These are means of absolute values; asked for are root mean squares.":
            torch.stack([inherited.abs().mean(), own.abs().mean()]),
        "These are norms: divide by the number of trials and units, under the root.": torch.stack([inherited.norm(), own.norm()]),
        "Changes of different sign cancel in a mean: square them first.": torch.stack([inherited.mean(), own.mean()]),
        "These are shares of a whole; asked for are the two root mean squares (they need not add up to the whole change).":
            [rms(inherited, own) / rms(inherited, own).sum(), rms(inherited, own) / rms(new - old)],
        "These are root mean squares of the rates; subtract the rates before learning first.":
            rms(rates(x_new, W, b), rates(x, W_new, b_new)),
    }  # fmt: skip
    compare(answer, rms(inherited, own), "inherited_and_own", mistakes)
    passed("Exercise 2: they need not add up, since the area's threshold comes after both.")


def tagged_change(function: Callable[..., Tensor]) -> None:
    """Exercise 3: what one rewarded or unrewarded trial of attention-gated learning does to the hidden weights.

    Parameters
    ----------
    function : callable
        The student's: (x, W, W_out, a, reward) → ΔW, hidden × inputs.

    Raises
    ------
    Wrong
    """
    x, W, W_out, a = random_matrix(5, 1)[:, 0].abs(), random_matrix(4, 5), random_matrix(3, 4), 1
    u, y, p = W @ x, *_choice(x, W, W_out)
    slope, drive, sigmoid = (u > 0).to(u), W_out[a], torch.sigmoid(y[a])
    tag, f = _slope_of_output(x, W, W_out, a), (1 - p[a]) / p[a]
    taught = (torch.eye(3, dtype=x.dtype)[a] - p) @ W_out
    answer = call(function, x, W, W_out, a, 1, what="tagged_change")
    mistakes = {
        "f(δ) is δ/(1 − δ) after a reward; you use δ itself.": (1 - p[a]) * tag,
        "The prediction error is missing: this is the tag alone. (Or reward times tag; it should be f(δ), the surprise.)": tag,
        "After a reward f(δ) is (1 − p_a)/p_a: you have the other sign.": -f * tag,
        "After a reward f(δ) is δ/(1 − δ) with δ = 1 − p_a: that is (1 − p_a)/p_a, not p_a/(1 − p_a).": p[a] / (1 - p[a]) * tag,
        "p_a is a softmax of all outputs; you take a sigmoid of one.": (1 - sigmoid) / sigmoid * tag,
        "p_a is what the network itself expects, the softmax of its outputs, not 1 in 3.": 2 * tag,
        "The slope of the rectification is missing: a silent neuron (u ≤ 0) has no tag.": f * torch.outer(drive, x),
        "The tag has the slope of the rectification, 1 or 0, where you have the rate of the hidden neuron.":
            f * torch.outer(drive * torch.relu(u), x),
        "Only the chosen output sends feedback; in yours all of them do.": f * torch.outer(W_out.sum(0) * slope, x),
        "This is what backprop would do if the chosen output were the right one; here only the chosen output feeds back.":
            torch.outer(taught * slope, x),
        "The presynaptic rates x are missing: a synapse without input has no tag.": f * (drive * slope)[:, None].expand_as(W),
        "The weight W_out of the chosen output is missing: a tag says how much a neuron helped to drive it.":
            f * torch.outer(slope, x),
    }  # fmt: skip
    compare(answer, f * tag, "tagged_change after a reward", mistakes)
    answer = call(function, x, W, W_out, a, 0, what="tagged_change")
    mistakes = {
        "Without a reward f(δ) is −1: you have the other sign, or left f out.": tag,
        "Without a reward f(δ) is −1, not δ = −p_a.": -p[a] * tag,
        "δ/(1 − δ) is for rewarded trials, it would be −p_a/(1 + p_a) here; without a reward f(δ) is −1.":
            -p[a] / (1 + p[a]) * tag,
        "(1 − p_a)/p_a is for rewarded trials; without a reward f(δ) is −1.": f * tag,
        "Nothing changes in yours without a reward; but a reward was expected, and did not come: f(δ) is −1.": 0 * tag,
    }  # fmt: skip
    compare(answer, -tag, "tagged_change without a reward", mistakes)
    passed("Exercise 3: with reward and without, the same tags; only the broadcast signal differs.")


def pooled_rule(function: Callable[..., Tensor]) -> None:
    """Exercise 4: which rule, given recordings from several animals.

    Parameters
    ----------
    function : callable
        The student's: (p, prior) → (rules,).

    Raises
    ------
    Wrong
    """
    p = torch.softmax(random_matrix(4, 3), 1)
    prior = torch.tensor([0.5, 0.2, 0.3], dtype=p.dtype)
    answer = call(function, p, prior, what="pooled_rule")
    joint = prior.clone()
    for row in p:
        joint = joint * row / prior  # p(recorded | rule) is proportional to p(rule | recorded) / p(rule)
    product, flat, votes = p.prod(0), (p / prior).prod(0), torch.eye(3, dtype=p.dtype)[p.argmax(1)]
    mistakes = {
        "The prior is in every row of p, so your product counts it once for each animal; it should count once in all.":
            product / product.sum(),
        "You divide the prior out of every row, and never put it back: it should count once.": flat / flat.sum(),
        "The prior counts once more than it should: p has it already.": product * prior / (product * prior).sum(),
        "Independent recordings multiply; you average the probabilities.":
            [p.mean(0), (p / prior).mean(0) / (p / prior).mean(0).sum()],
        "You count votes: an animal that says .51 counts as much as one that says .99.": votes.mean(0),
        "The probabilities of all rules should add up to 1: divide by their sum.": [joint, product, flat],
        "These are logarithms; return probabilities.": [joint.log(), (joint / joint.sum()).log(), product.log(), flat.log()],
        "You normalise the logarithms; take the exponential first.": joint.log() / joint.log().sum(),
        "Every rule is asked for, not only the best one.": [joint.argmax().double(), (joint / joint.sum()).max()],
        "The product runs over animals, dim 0; yours runs over rules.": [p.prod(1), p.prod(1) / p.prod(1).sum()],
        "Each animal is a recording of its own; you give the rules for each one.": (joint / joint.sum()).expand(len(p), -1),
    }  # fmt: skip
    compare(answer, joint / joint.sum(), "pooled_rule", mistakes)
    passed("Exercise 4: with many animals the prior hardly matters, and the classifier's small mistakes do.")


def _choice(x: Tensor, W: Tensor, W_out: Tensor) -> tuple[Tensor, Tensor]:
    """The outputs, and the probability of each."""
    y = W_out @ (W @ x).clamp(min=0)
    return y, y.exp() / y.exp().sum()


def _slope_of_output(x: Tensor, W: Tensor, W_out: Tensor, a: int) -> Tensor:
    """∂y_a/∂W by autograd."""
    W = W.clone().requires_grad_()
    return torch.autograd.grad(_choice(x, W, W_out)[0][a], W)[0]
