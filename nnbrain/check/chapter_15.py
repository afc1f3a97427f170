"""Feedback on the exercises of chapter 15."""

from collections.abc import Callable

import torch
from torch import Tensor

from nnbrain.check.compare import call, compare, passed
from nnbrain.networks.dynamic_synapses import synapses


def synapse_step(function: Callable[..., Tensor]) -> None:
    """Exercise 1: one step of Euler's method for u and x.

    Parameters
    ----------
    function : callable
        The student's: (u, x, rate in Hz, dt, U, tau_x, tau_u in ms) → the new u and x, stacked.

    Raises
    ------
    Wrong
    """
    u, x = torch.tensor([[0.2, 0.35, 0.5, 0.8], [0.9, 0.7, 0.45, 0.15]], dtype=torch.float64)
    rate = torch.tensor([5.0, 12.0, 30.0, 70.0], dtype=torch.float64)
    dt, U, tau_x, tau_u = 4.0, 0.18, 250.0, 900.0
    answer = call(function, u, x, rate, dt, U, tau_x, tau_u, what="synapse_step")
    r = rate / 1000

    def step(du=None, dx=None):
        du = (U - u) / tau_u + U * (1 - u) * r if du is None else du
        dx = (1 - x) / tau_x - u * x * r if dx is None else dx
        return torch.stack([u + dt * du, x + dt * dx])

    # Written as a matrix for each unit: d(u, x)/dt = A (u, x) + b, with u x r as a gain on x.
    A = torch.stack([-1 / tau_u - U * r, -1 / tau_x - u * r])
    b = torch.stack([U / tau_u + U * r, torch.full_like(r, 1 / tau_x)])
    expected = torch.stack([u, x]) + dt * (A * torch.stack([u, x]) + b)
    new_u, new_x = expected
    mistakes = {
        "Units: the rate counts spikes per second and the times are in ms, so divide the rate by 1,000.":
            step((U - u) / tau_u + U * (1 - u) * rate, (1 - x) / tau_x - u * x * rate),
        "x is updated with the new u; both change by what they were: keep the old u until x is done.":
            step(dx=(1 - x) / tau_x - new_u * x * r),
        "u and x are exchanged: u comes first.": expected.flip(0),
        "τ_x and τ_u are exchanged: τ_x belongs to x, τ_u to u.":
            step((U - u) / tau_x + U * (1 - u) * r, (1 - x) / tau_u - u * x * r),
        "Facilitation saturates: U (1 − u) r, not U r.": step(du=(U - u) / tau_u + U * r),
        "A spike raises u by U (1 − u), not by u (1 − u).": step(du=(U - u) / tau_u + u * (1 - u) * r),
        "u relaxes to U, not to 0.": step(du=-u / tau_u + U * (1 - u) * r),
        "x relaxes to 1, not to 0.": step(dx=-x / tau_x - u * x * r),
        "A spike takes u x, not U x: what is released depends on facilitation.": step(dx=(1 - x) / tau_x - U * x * r),
        "A spike takes u x: a share of what is left, not of all.": step(dx=(1 - x) / tau_x - u * r),
        "Firing uses transmitter up: u x r has a minus sign.": step(dx=(1 - x) / tau_x + u * x * r),
        "You return the derivatives: multiply by dt, and add to u and x.": (expected - torch.stack([u, x])) / dt,
        "You return the changes: add them to u and x.": expected - torch.stack([u, x]),
        "dt is missing: a step changes u by dt times du/dt.": torch.stack([u, x]) + (expected - torch.stack([u, x])) / dt,
        "Only u is there: stack u and x.": new_u,
        "Only x is there: stack u and x.": new_x,
    }  # fmt: skip
    compare(answer, expected, "synapse_step", mistakes)
    passed("Exercise 1: two lines, and a synapse remembers.")


def trace(function: Callable[..., Tensor]) -> None:
    """Exercise 2: what facilitation is left of a burst at the end of a delay.

    Parameters
    ----------
    function : callable
        The student's: (rate in Hz, duration, delay in ms, U, tau_u in ms) → u − U.

    Raises
    ------
    Wrong
    """
    rate = torch.tensor([2.0, 10.0, 40.0], dtype=torch.float64)
    duration, delay, U, tau_u = 400.0, 700.0, 0.15, 1200.0
    answer = call(function, rate, duration, delay, U, tau_u, what="trace")
    # The right answer by simulation, whose step is exact for u.
    burst = torch.zeros(3, int(duration + delay), dtype=torch.float64)
    burst[:, : int(duration)] = rate[:, None]
    u, _ = synapses(burst, U, 200.0, tau_u, dt=1.0)
    expected = u[:, -1] - U

    def after(r=None, k=None, start=U, level=None, left=None):
        r = rate / 1000 if r is None else r
        k = 1 / tau_u + U * r if k is None else k
        level = U * (1 + tau_u * r) / (1 + U * tau_u * r) if level is None else level
        u = level + (start - level) * torch.exp(-k * duration)
        return (u - U) * torch.exp(torch.tensor(-delay / tau_u)) if left is None else left(u)

    decay = torch.exp(torch.tensor(-delay / tau_u, dtype=torch.float64))
    mistakes = {
        "Units: the rate counts spikes per second, and times are in ms: divide the rate by 1,000.": after(r=rate),
        "This is u − U at the end of the burst; then it decays for the delay, with τ_u.": after(left=lambda u: u - U),
        "This is u; asked for is u − U.": [U + after(), U + after(left=lambda u: u - U)],
        "Without spikes u decays to U, not to 0: it is u − U that shrinks by exp(−delay/τ_u).":
            [after(left=lambda u: u * decay), after(left=lambda u: u * decay - U)],
        "The burst is too short for a steady state: u goes from U towards it, at the rate k = 1/τ_u + U r.":
            after(k=torch.full_like(rate, 1.0)),
        "Spikes speed it up: during the burst k is 1/τ_u + U r, not 1/τ_u.": after(k=torch.full_like(rate, 1 / tau_u)),
        "k is 1/τ_u + U r: U is missing.": after(k=1 / tau_u + rate / 1000),
        "k is 1/τ_u + U r: 1/τ_u is missing.": after(k=U * rate / 1000),
        "A neuron at rest begins with u = U, not 0.": after(start=0.0),
        "u approaches U (1 + τ_u r)/(1 + U τ_u r), not 1.": after(level=torch.ones_like(rate)),
        "During the delay u decays as exp(−delay/τ_u): the rate is 0 then, and k is 1/τ_u.":
            after(left=lambda u: (u - U) * torch.exp(-delay * (1 / tau_u + U * rate / 1000))),
        "The delay is the time after the burst; what is left decays by delay/τ_u, not by (duration + delay)/τ_u.":
            after() * torch.exp(torch.tensor(-duration / tau_u)),
        "The burst lasts `duration`, and the delay `delay`: they are exchanged.":
            _exchanged(rate / 1000, duration, delay, U, tau_u),
    }  # fmt: skip
    compare(answer, expected, "trace", mistakes)
    passed("Exercise 2: how much is written depends on the rate, how long it lasts on τ_u alone.")


def follows_synapses(function: Callable[..., Tensor]) -> None:
    """Exercise 3: the share of trials with two memories that follow the synapses.

    Parameters
    ----------
    function : callable
        The student's: (choice, by_synapses, by_activity), (trials,) of integers each → a number.

    Raises
    ------
    Wrong
    """
    by_synapses = torch.tensor([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2])
    by_activity = torch.tensor([1, 1, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1])
    choice = torch.tensor([1, 2, 1, 1, 1, 2, 2, 2, 1, 2, 2, 0, 1])
    answer = call(function, choice, by_synapses, by_activity, what="follows_synapses")
    trials = list(zip(choice.tolist(), by_synapses.tolist(), by_activity.tolist(), strict=True))
    telling = [(c, s, a) for c, s, a in trials if s != a]
    expected = sum(c == s for c, s, _ in telling) / len(telling)
    everywhere = sum(c == s for c, s, _ in trials)
    mistakes = {
        "Trials in which both memories want the same answer cannot tell: leave them out.": everywhere / len(trials),
        "These are the trials that follow the activity.": sum(c == a for c, _, a in telling) / len(telling),
        "This is 1 minus the share that follows the synapses (which counts no answer as following the activity).":
            1 - expected,
        "Divide by the number of trials that can tell, not by all.": sum(c == s for c, s, _ in telling) / len(trials),
        "Trials that follow the synapses count only if they can tell; you count all, and divide by those that can.":
            everywhere / len(telling),
        "You keep the trials in which both agree; those that differ can tell.":
            sum(c == s for c, s, a in trials if s == a) / sum(s == a for _, s, a in trials),
        "A trial without an answer (0) follows neither; it still counts among the trials that can tell.":
            sum(c == s for c, s, _ in telling) / sum(c > 0 for c, _, _ in telling),
        "This is a number of trials, not a share.": [everywhere, sum(c == s for c, s, _ in telling)],
    }  # fmt: skip
    compare(answer, expected, "follows_synapses", mistakes)
    passed("Exercise 3: trials in which two hypotheses predict the same teach nothing about which is right.")


def _exchanged(r: Tensor, duration: float, delay: float, U: float, tau_u: float) -> Tensor:
    """The trace of a burst as long as the delay, after a delay as long as the burst."""
    k = 1 / tau_u + U * r
    level = (U / tau_u + U * r) / k
    return (level - U) * (1 - torch.exp(-k * delay)) * torch.exp(torch.tensor(-duration / tau_u))
