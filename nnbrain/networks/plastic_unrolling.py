"""A recurrent network with short-term plasticity, unrolled in time, with the backward pass written by hand."""

import torch
from torch import Tensor
from torch.autograd import Function

from nnbrain.networks.activations import FUSED
from nnbrain.networks.unrolling import refuse_second_derivative


class UnrollPlastic(Function):
    """As `Unroll`, with short-term plasticity: the states, u and x over time, and the gradients going back.

    s_t = (1 − α) s_{t−1} + α f(W (s u x)_{t−1} + d_t),   u_t = υ(u_{t−1}, s_t),   x_t = χ(x_{t−1}, u_{t−1}, u_t, s_t)

    with υ and χ as in `dynamic_synapses.advance`. Going back in time is linear; all slopes of υ and χ are found beforehand,
    for all steps at once. `ShortTermPlasticity` calls it, with the arguments of `forward`. For several networks side by side W is
    networks × units × units, and everything else has networks before trials.

    Source: Primer, Equations 48-49.
    """

    @staticmethod
    def forward(
        ctx,
        drive: Tensor,
        W: Tensor,
        s: Tensor,
        u: Tensor,
        x: Tensor,
        alpha: float,
        name: str,
        synapse: tuple[Tensor, Tensor, Tensor, Tensor],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The states, u and x after each step, time × trials × units each; and what f returned, which takes the place of ``drive``.

        Parameters
        ----------
        ctx
            Keeps what the backward pass needs.
        drive : Tensor
            d, everything inside f that does not depend on the state, time × trials × units; overwritten.
        W : Tensor
            units × units.
        s, u, x : Tensor
            Before the first step, trials × units.
        alpha : float
            Δt/τ.
        name : str
            Of f, a key of FUSED.
        synapse : tuple of Tensor
            U, Δt/τ_x, Δt/τ_u, and how many spikes in a step a rate of 1 means; (units,) each.
        """
        f, Wt, (U, b, a, spikes) = FUSED[name][0], W.mT.contiguous(), synapse
        states, us, xs = (z.new_empty(len(drive) + 1, *drive.shape[1:]) for z in (s, u, x))
        states[0], us[0], xs[0] = s, u, x
        for t, r in enumerate(drive.unbind()):
            f(r.add_(torch.matmul(states[t] * us[t] * xs[t], Wt)))
            torch.lerp(states[t], r, alpha, out=states[t + 1])
            p = (states[t + 1] * spikes).clamp_min_(0)
            q = U * p
            k = q + a
            torch.lerp((q.add_(U * a)).div_(k), us[t], k.neg_().exp_(), out=us[t + 1])
            h = (us[t] + us[t + 1]).mul_(p.mul_(0.5)).add_(b)
            torch.lerp(b / h, xs[t], h.neg_().exp_(), out=xs[t + 1])
        ctx.save_for_backward(drive, states, us, xs, W, *synapse)
        ctx.alpha, ctx.name = alpha, name
        ctx.mark_dirty(drive)
        ctx.mark_non_differentiable(drive)
        ctx.set_materialize_grads(False)
        return states[1:], us[1:], xs[1:], drive

    @staticmethod
    def backward(
        ctx, g_states: Tensor | None, g_us: Tensor | None, g_xs: Tensor | None, _
    ) -> tuple[Tensor | None, ...]:
        """The gradients of drive, W, s, u and x."""
        refuse_second_derivative()
        rates, states, us, xs, W, *synapse = ctx.saved_tensors
        if g_states is None and g_us is None and g_xs is None:
            return (None,) * 8
        slopes = _plastic_slopes(states[1:], us, xs, *synapse)
        delta = FUSED[ctx.name][1](rates).mul_(ctx.alpha)  # α f′, until it is multiplied by ∂L/∂s
        efficacy, by_u, by_x = us * xs, states * xs, states * us
        g_s, g_u, g_x = (torch.zeros_like(z[0]) for z in (states, us, xs))
        for t in range(len(delta) - 1, -1, -1):
            for g, given in ((g_s, g_states), (g_u, g_us), (g_x, g_xs)):
                if given is not None:
                    g += given[t]
            u_u, s_u, x_x, x_u, s_x = (slope[t] for slope in slopes)
            g_s.addcmul_(s_x, g_x)
            early = x_u * g_x  # x_t depends on u at both ends of the step alike
            g_u += early
            g_s.addcmul_(s_u, g_u)
            g_u.mul_(u_u).add_(early)
            g_x.mul_(x_x)
            sent = torch.matmul(delta[t].mul_(g_s), W)
            g_s.mul_(1 - ctx.alpha).addcmul_(sent, efficacy[t])
            g_u.addcmul_(sent, by_u[t])
            g_x.addcmul_(sent, by_x[t])
        dW = None
        if ctx.needs_input_grad[1]:
            sent = states[:-1] * efficacy[:-1]
            # the axes are time, [networks,] trials, units
            dW = torch.einsum("t...ki,t...kj->...ij", delta, sent)
        return delta, dW, g_s, g_u, g_x, None, None, None


def _plastic_slopes(s: Tensor, us: Tensor, xs: Tensor, U: Tensor, b: Tensor, a: Tensor, spikes: Tensor) -> tuple:
    """∂u_t/∂u_{t−1}, ∂u_t/∂s_t, ∂x_t/∂x_{t−1}, ∂x_t/∂u (alike at both ends of a step), ∂x_t/∂s_t, for all steps."""
    p = (s * spikes).clamp_min_(0)
    per_s = (s >= 0) * spikes
    u, x = us[:-1], xs[:-1]
    k = U * p + a
    u_inf, u_u = (U * p + U * a) / k, torch.exp(-k)
    s_u = per_s * U * ((1 - u_u) * (1 - u_inf) / k - u_u * (u - u_inf))
    m = (u + us[1:]) / 2
    h = m * p + b
    x_inf, x_x = b / h, torch.exp(-h)
    by_h = -x_x * (x - x_inf) - (1 - x_x) * x_inf / h
    return u_u, s_u, x_x, 0.5 * p * by_h, per_s * m * by_h
