"""Feedback on the exercises of notebook 06, recurrent networks."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def euler_step(function: Callable[..., Tensor]) -> None:
    """Exercise 1: one step of Euler's method.

    Parameters
    ----------
    function : callable
        The student's: (r, x, W_r, W_x, b_r, dt, tau) → the activity after dt.

    Raises
    ------
    Wrong
    """
    r, x = random_matrix(4, 5), random_matrix(4, 3)
    W_r, W_x, b_r = random_matrix(5, 5), random_matrix(5, 3), random_matrix(1, 5)[0]
    dt, tau, alpha = 20.0, 80.0, 0.25
    answer = call(function, r, x, W_r, W_x, b_r, dt, tau, what="euler_step")
    c = r @ W_r.T + x @ W_x.T + b_r

    def step(summed=c, alpha=alpha, keep=None, f=torch.tanh):
        return (1 - alpha if keep is None else keep) * r + alpha * f(summed)

    mistakes = {
        "The nonlinearity stands around the whole step. In Equation 27 only the summed input passes through f, not the leak.":
            torch.tanh(step(f=lambda c: c)),
        "The leak stands inside f. In Equation 27 only the summed input passes through f.": r + alpha * torch.tanh(c - r),
        "The nonlinearity is missing: f = tanh of the summed input.": step(f=lambda c: c),
        "The bias stands outside f; it is part of the summed input.": [step(c - b_r) + alpha * b_r, step(c - b_r) + b_r],
        "The input stands outside f; it is part of the summed input.":
            [step(c - out) + factor * out for out in (x @ W_x.T, x @ W_x.T + b_r) for factor in (alpha, 1)],
        "f is applied to r, before W_r. In Equation 27 f is applied to the summed input.":
            [step(c + (torch.tanh(r) - r) @ W_r.T, f=f) for f in (torch.tanh, lambda c: c)],
        "Activity does not decay: the −r(t) of Equation 27 is missing.": step(keep=1.0),
        "Activity grows by itself: −r(t) has the wrong sign.": step(keep=1 + alpha),
        "The change has the wrong sign: it is −r + f(…), and is added to r.": step(alpha=-alpha),
        "This is where the units are driven, f(c): the step of an Elman network. The activity moves only Δt/τ of the way.":
            torch.tanh(c),
        "You return the change, not the activity after it: add r.": step() - r,
        "This is dr/dt; multiply it by Δt and add it to r.": (-r + torch.tanh(c)) / tau,
        "This is −r + f(…), which is τ dr/dt; multiply it by Δt/τ and add it to r.": -r + torch.tanh(c),
        "You return r as it was. (If you wrote dt // tau: that is 0; write dt / tau.)": r,
        "The step should be Δt/τ; you take τ/Δt, or Δt times τ.": [step(alpha=tau / dt), step(alpha=dt * tau)],
        "The step should be Δt/τ; τ is missing.": step(alpha=dt),
        "The step should be Δt/τ; Δt is missing.": step(alpha=1 / tau),
        "The step is not the notebook's 0.2: use the dt and tau that you are given.": step(alpha=0.2),
        "This decays by e^(−Δt/τ), which is exact. Euler's method, asked for here, takes 1 − Δt/τ.":
            [step(alpha=1 - math.exp(-alpha)), step(keep=math.exp(-alpha))],
        "α and 1 − α are exchanged: Δt/τ weighs what drives the units.": step(alpha=1 - alpha),
        "Nothing of r is left. A step keeps (1 − Δt/τ) r: the leak is scaled by Δt/τ, as the drive is.": step(keep=0.0),
        "The drive is not scaled by Δt/τ.": (1 - alpha) * r + torch.tanh(c),
        "W_r is transposed: its rows are the receiving units, so with trials in rows it is r @ W_r.T.": step(c + r @ (W_r - W_r.T)),
        "The input is missing.": step(c - x @ W_x.T),
        "The bias is missing.": step(c - b_r),
        "The recurrent input is missing.": step(c - r @ W_r.T),
        "f is tanh here, neither a ReLU nor a sigmoid.": [step(f=torch.relu), step(f=torch.sigmoid)],
    }  # fmt: skip
    compare(answer, torch.lerp(r, torch.tanh(c), alpha), "euler_step", mistakes)
    passed("Exercise 1: with Δt = τ it would be the Elman network.")


def backward_step(function: Callable[..., Tensor]) -> None:
    """Exercise 2: backward through one step of the continuous network.

    Parameters
    ----------
    function : callable
        The student's: (gradient at t + 1, c at t + 1, W_r, alpha) → gradient at t.

    Raises
    ------
    Wrong
    """
    gradient, W, alpha = random_matrix(4, 5), random_matrix(5, 5), 0.3
    r = (0.5 * random_matrix(5, 4).T).requires_grad_()
    c = r @ W.T + 0.5 * random_matrix(4, 6)[:, 1:]
    (expected,) = torch.autograd.grad((1 - alpha) * r + alpha * torch.tanh(c), r, gradient)
    c = c.detach()
    answer = call(function, gradient, c, W, alpha, what="backward_step")
    slope, leak = 1 - torch.tanh(c) ** 2, (1 - alpha) * gradient
    mistakes = {
        "The leak is missing: r_t also reaches r_{t+1} directly, with weight 1 − α.": alpha * (slope * gradient) @ W,
        "This is the Elman network's step: the leak and the α are missing.": (slope * gradient) @ W,
        "This is the Elman network's step, and the wrong way through W_r: backward it is Wᵀδ, with trials in rows delta @ W_r.":
            (slope * gradient) @ W.T,
        "W_r is missing: through c, each unit's gradient spreads to all that send to it.":
            [leak + alpha * slope * gradient, leak + slope * gradient],
        "Only the leak: r_t also acts through c, by way of W_r.": leak,
        "α is missing where the gradient passes through tanh.": leak + (slope * gradient) @ W,
        "The leak's factor is 1 − α; you add the gradient as it is.": gradient + alpha * (slope * gradient) @ W,
        "α counts twice where the gradient passes through tanh.": leak + alpha**2 * (slope * gradient) @ W,
        "α and 1 − α are exchanged.": alpha * gradient + (1 - alpha) * (slope * gradient) @ W,
        "The wrong way through W_r: backward it is Wᵀδ, which with trials in rows is delta @ W_r.":
            [kept + factor * (slope * gradient) @ W.T for kept, factor in ((leak, alpha), (leak, 1), (0, alpha))],
        "The slope of tanh is missing: 1 − tanh(c)².": [leak + alpha * gradient @ W, leak + gradient @ W],
        "This is Equation 18, for a linear Elman network: the leak, the α and the slope of tanh are missing.":
            [gradient @ W, gradient @ W.T],
        "The leak and the slope of tanh are missing.": alpha * gradient @ W,
        "The slope belongs inside, to the units of t + 1 from which the gradient comes: multiply before W_r, not after.":
            leak + alpha * slope * (gradient @ W),
        "The slope of tanh is 1 − tanh(c)²; you used tanh(c), or its square.":
            [leak + alpha * (torch.tanh(c) ** k * gradient) @ W for k in (1, 2)],
        "The slope of tanh is 1 − tanh(c)²; you squared c, not tanh(c).":
            leak + alpha * ((1 - torch.tanh(c**2)) * gradient) @ W,
        "alpha * 1 - tanh(c) ** 2 takes the product before the difference: put 1 − tanh(c)² into parentheses.":
            leak + ((alpha - torch.tanh(c) ** 2) * gradient) @ W,
        "The slope of tanh is 1 − tanh(c)²; you used 1 − c², as if c were already tanh(c).":
            leak + alpha * ((1 - c**2) * gradient) @ W,
        "The slope of tanh is 1 − tanh(c)²; the square is missing.": leak + alpha * ((1 - torch.tanh(c)) * gradient) @ W,
        "The slope of a ReLU is not asked for: f is tanh.": leak + alpha * ((c > 0) * gradient) @ W,
        "The leak goes through W_r: it passes from each unit to itself, unchanged.": (leak + alpha * slope * gradient) @ W,
        "The leak goes through tanh: it does not pass through f in Equation 27.":
            slope * leak + alpha * (slope * gradient) @ W,
        "The leak is subtracted; both paths add up.": alpha * (slope * gradient) @ W - leak,
    }  # fmt: skip
    compare(answer, expected, "backward_step", mistakes)
    passed("Exercise 2: the direct path, 1 − α, is why slow units keep their gradient.")


def psychophysical_kernel(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise 3: a psychophysical kernel.

    Parameters
    ----------
    function : callable
        The student's: (evidence, trials × time; choice, (trials,)) → (time,).

    Raises
    ------
    Wrong
    """
    evidence = random_matrix(40, 6)
    # The last evidence counts the other way, so that the kernel has entries of both signs.
    choice = 1 + (evidence[:, :4].sum(1) - evidence[:, 5] > -0.8).long()
    choice[::9] = 0
    answer = call(function, evidence, choice, what="psychophysical_kernel")
    one = torch.stack([choice == k for k in range(3)]).double()
    none, left, right = (one / one.sum(1, keepdim=True)) @ evidence  # the means, as matrix products
    sums = one @ evidence
    rest = evidence[choice != 2].mean(0)
    mistakes = {
        "The sign is reversed: right (2) minus left (1).": left - right,
        "You add up the evidence of the trials; take the mean, as there are not as many on both sides.": sums[2] - sums[1],
        "This is only the mean for right; subtract that for left.": right,
        "This is only the mean for left.": left,
        "You add the two means; subtract them.": right + left,
        "Trials without a choice (0) count as left; leave them out.":
            [right - rest, (sums[2] - sums[1] - sums[0]) / len(choice)],
        "Trials without a choice (0) count as right; leave them out.": evidence[choice != 1].mean(0) - left,
        "You took choices 1 and 0; right is 2, left is 1.": [left - none, none - left],
        "You took choices 2 and 0; right is 2, left is 1.": [right - none, none - right],
        "You averaged over time; average over trials, for each time.":
            [evidence.mean(1), evidence[choice == 2].mean(1), evidence[choice == 1].mean(1)],
        "You averaged over time as well; keep it.": [(right - left).mean(), (left - right).mean()],
        "You divide by the number of all trials; divide by that of each side.":
            [(sums[2] - sums[1]) / len(choice), (sums[2] - sums[1]) / (choice > 0).sum()],
        "You weigh evidence by the number of the choice: select trials with choice == 2 and choice == 1.":
            [(choice[:, None] * evidence).mean(0), (choice[:, None] * evidence).sum(0)],
        "You took the trials numbered 2 and 1; take those in which choice == 2 and choice == 1.": evidence[2] - evidence[1],
        "You take half of the difference.": (right - left) / 2,
        "You compare trials with a choice with those without; compare right (2) with left (1).":
            [evidence[choice > 0].mean(0) - none, none - evidence[choice > 0].mean(0)],
        "These are medians; asked for are means.": evidence[choice == 2].median(0).values - evidence[choice == 1].median(0).values,
        "You divide by the evidence's standard deviation; asked for is the difference of the means alone.":
            [(right - left) / evidence.std(0, correction=k) for k in (0, 1)],
        "You compare with the mean of all trials; compare with those that ended in left.":
            [right - evidence.mean(0), evidence.mean(0) - left],
    }  # fmt: skip
    compare(answer, right - left, "psychophysical_kernel", mistakes)
    passed("Exercise 3: the same few lines work for an animal.")
