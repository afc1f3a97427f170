"""Feedback on the exercises of notebook 02, learning problems."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed, random_matrix


def new_values(function: Callable[..., Tensor]) -> None:
    """Exercise 1: the delta rule of a bandit.

    Parameters
    ----------
    function : callable
        The student's: (Q, a, r, eta) → the new beliefs, agents × arms.

    Raises
    ------
    Wrong
    """
    Q, a, r, eta = random_matrix(6, 3), torch.tensor([0, 2, 1, 1, 0, 2]), random_matrix(6, 1)[:, 0].abs(), 0.3
    answer = call(function, Q, a, r, eta, what="new_values")
    chosen = torch.nn.functional.one_hot(a, 3).to(Q)
    reward = r[:, None]
    # Another way: a weighted mean of belief and reward where an arm was chosen, the belief elsewhere.
    expected = torch.where(chosen > 0, (1 - eta) * Q + eta * reward, Q)
    mistakes = {
        "Only the chosen arm is corrected: nothing was learned about the others.": Q + eta * (reward - Q),
        "The arms that were not chosen fade towards 0: leave them as they are.": Q + eta * (chosen * reward - Q),
        "The prediction error is r − Q: the belief is missing.": Q + eta * chosen * reward,
        "The sign of the prediction error is reversed: it is r − Q, what came minus what was expected.":
            Q - eta * chosen * (reward - Q),
        "η is missing: a belief takes only a part of the error.": Q + chosen * (reward - Q),
        "This is the change; return the new beliefs, Q plus the change.": eta * chosen * (reward - Q),
        "The belief of the best arm is subtracted; it is that of the chosen one.":
            Q + eta * chosen * (reward - Q.amax(1, keepdim=True)),
        "You corrected the arm with the largest Q; correct the one that was chosen.":
            Q + eta * torch.nn.functional.one_hot(Q.argmax(1), 3) * (reward - Q),
        "η and 1 − η are exchanged: the old belief keeps the part 1 − η.": Q + (1 - eta) * chosen * (reward - Q),
        "The beliefs about all arms are subtracted together; take that of the chosen arm.":
            Q + eta * chosen * (reward - Q.sum(1, keepdim=True)),
        "Q[:, a] takes the columns a for every agent; Q[torch.arange(len(Q)), a] takes each agent's own.":
            _every_column(Q, a, r, eta),
        "The mean reward of all agents is used; each has its own.": Q + eta * chosen * (r.mean() - Q),
    }  # fmt: skip
    compare(answer, expected, "new_values", mistakes)
    passed("Exercise 1: the same line is fitted to the choices of animals, trial by trial.")


def _every_column(Q: Tensor, a: Tensor, r: Tensor, eta: float) -> Tensor:
    """The mistake Q[:, a] += η (r − Q[:, a]), in which the last of several values for one entry stays."""
    changed = Q.clone()
    for k, arm in enumerate(a.tolist()):
        changed[:, arm] = Q[:, arm] + eta * (r[k] - Q[:, arm])
    return changed


def output_gradient(function: Callable[..., Tensor]) -> None:
    """Exercise 2: the policy gradient of each trial, at the outputs.

    Parameters
    ----------
    function : callable
        The student's: (y, a, r, b) → trials × actions.

    Raises
    ------
    Wrong
    """
    y, a, b = 1.5 * random_matrix(6, 4), torch.tensor([0, 3, 1, 2, 2, 0]), 0.4
    r = random_matrix(6, 1)[:, 0]
    answer = call(function, y, a, r, b, what="output_gradient")
    free, each = y.clone().requires_grad_(), torch.arange(len(y))
    log_pi = torch.log_softmax(free, 1)[each, a]
    (expected,) = torch.autograd.grad(((r - b) * log_pi).sum(), free)
    pi, taken = torch.softmax(y, 1), torch.nn.functional.one_hot(a, 4).to(y)
    gain, p_taken = (r - b)[:, None], torch.softmax(y, 1)[each, a][:, None]
    mistakes = {
        "The sign is reversed: this is what a loss, −J, would have. What earned more than b becomes more likely.": -expected,
        "The baseline is missing: r − b.": r[:, None] * (taken - pi),
        "The baseline is added; subtract it.": (r + b)[:, None] * (taken - pi),
        "The reward is missing.": taken - pi,
        "Only the output of the chosen action changes here; the others go the other way, by −π each.":
            [gain * taken, gain * taken * (1 - pi)],
        "This is 1 for the chosen action and π for all; subtract π.": gain * (taken + pi),
        "The chosen action is missing: its output has 1 − π, the others −π.": -gain * pi,
        "This is the slope of π, not of log π: you multiply by the probability of the chosen action.":
            gain * p_taken * (taken - pi),
        "You divide by the probability of the chosen action; ∂log π has done that already.": gain * (taken - pi) / p_taken,
        "You average over trials; one row for each.": [expected.mean(0), expected / len(y)],
        "You add up over trials; one row for each.": expected.sum(0),
        "The softmax is over actions, dim=1, not over trials.": gain * (taken - torch.softmax(y, 0)),
        "The outputs are not probabilities yet: π = softmax(y).": gain * (taken - y),
        "You used the best action, y.argmax(1), not the chosen one.":
            gain * (torch.nn.functional.one_hot(y.argmax(1), 4) - pi),
        "This is log π, weighted; asked for is its slope.": [gain * torch.log_softmax(y, 1), (r - b) * log_pi.detach()],
        "You multiply by the baseline, too.": b * expected,
    }  # fmt: skip
    compare(answer, expected, "output_gradient", mistakes)
    passed("Exercise 2: as in supervised learning, with the action in place of the target, and a sign from the reward.")


def returns(function: Callable[[Tensor, float], Tensor]) -> None:
    """Exercise 3: discounted returns.

    Parameters
    ----------
    function : callable
        The student's: (r, gamma) → episodes × time.

    Raises
    ------
    Wrong
    """
    r, gamma = random_matrix(4, 7), 0.6
    answer = call(function, r, gamma, what="returns")
    step = torch.arange(r.shape[1], dtype=r.dtype)
    lag = step - step[:, None]  # how far ahead step k is of step t

    def weighted(weights: Tensor, ahead: Tensor = lag >= 0) -> Tensor:
        """Σ_k w_tk r_k: the same as a matrix product."""
        return r @ (weights * ahead).T

    expected = weighted(gamma**lag)
    mistakes = {
        "The discount is missing: a reward k steps ahead counts γᵏ.": weighted(lag**0),
        "Without what comes later this is only the reward.": r,
        "Time runs backwards: G_t is made of what comes after t, not before.": weighted(gamma**-lag, lag <= 0),
        "Time runs backwards, and nothing is discounted.": weighted(lag**0, lag <= 0),
        "The reward of step t itself is missing: the sum begins with k = 0.": weighted(gamma**lag, lag > 0),
        "All is discounted once too often: the reward of step t itself counts in full.": weighted(gamma ** (lag + 1)),
        "The sum begins with the next reward: that of step t is missing.": weighted(gamma ** (lag - 1), lag > 0),
        "You discount from the start of the episode; from step t on, r_{t+k} counts γᵏ.":
            weighted((gamma**step).expand_as(lag)),
        "You discount once for all that is later; γᵏ for k steps.": weighted(gamma ** (lag > 0).to(r)),
        "Only the next step is added: G_{t+1}, not r_{t+1}.": weighted(gamma**lag, (lag == 0) | (lag == 1)),
        "The return of the whole episode, at its first step; asked for is one at each step.": expected[:, 0],
        "γ multiplies the reward and not what follows: G_t = r_t + γ G_{t+1}.": weighted(gamma * lag**0),
        "γ and 1 − γ are exchanged.": weighted((1 - gamma) ** lag),
        "1 − γ takes part in it: that is a running average, not a return.": weighted((1 - gamma) * gamma**lag),
        "The returns are in the reverse order of time: turn them around again.": expected.flip(1),
        "You went over episodes, not over time: time is the second dimension.": _over_episodes(r, gamma),
    }  # fmt: skip
    compare(answer, expected, "returns", mistakes)
    passed("Exercise 3: one line backwards in time, and each action gets the credit for what came after it.")


def _over_episodes(r: Tensor, gamma: float) -> Tensor:
    """The mistake of running along the first dimension."""
    lag = torch.arange(len(r)) - torch.arange(len(r))[:, None]
    return torch.where(lag >= 0, gamma ** lag.clamp(min=0), 0.0).to(r) @ r
