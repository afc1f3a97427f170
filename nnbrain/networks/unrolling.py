"""Backpropagation through time, written by hand: the recurrence of a network and its backward pass, in one piece."""

import torch
from torch import Tensor
from torch.autograd import Function

from nnbrain.networks.activations import FUSED, Activation


def fusible(f: Activation) -> bool:
    """Whether the whole recurrence can be done in one piece: f is one of FUSED, and nothing else wants to see each step.

    A hook, `record`'s for instance, waits for f at every step; and the transformations of ``torch.func`` go through each operation.
    """
    return f.is_fused and not f._forward_hooks and not transformed()


def transformed() -> bool:
    """Whether one of the transformations of ``torch.func`` is at work: vmap, grad, jvp."""
    return getattr(torch._C, "_are_functorch_transforms_active", bool)()  # without a public name in torch


class Unroll(Function):
    """The states of a recurrent network over time, and the gradient with respect to everything that made them.

    s_t = (1 − α) s_{t−1} + α f(W s_{t−1} + d_t)

    Going back in time (Primer, Equation 18, with the slope f′ that it leaves out, and the leak),

    ∂L/∂s_{t−1} = (1 − α) ∂L/∂s_t + Wᵀ δ_t,   δ_t = α f′ ∘ ∂L/∂s_t,   ∂L/∂W = Σ_t δ_t s_{t−1}ᵀ

    It is quicker than automatic differentiation of a loop, as it does at each step what depends on the step before, and
    everything else for all steps at once. It has no second derivative, and says so when one is wanted. `RNN`
    calls it: ``Unroll.apply(drive, W, initial, alpha, f)``, with the arguments of `forward`.

    Source: Primer, Equation 18.
    """

    @staticmethod
    def forward(ctx, drive: Tensor, W: Tensor, initial: Tensor, alpha: float, name: str) -> tuple[Tensor, Tensor]:
        """States after each step, time × trials × units, and what f returned, which takes the place of ``drive``.

        Parameters
        ----------
        ctx
            Keeps what the backward pass needs.
        drive : Tensor
            d, everything inside f that does not depend on the state, time × trials × units; overwritten.
        W : Tensor
            units × units.
        initial : Tensor
            s₀, trials × units.
        alpha : float
            Δt/τ.
        name : str
            Of f, a key of FUSED.
        """
        f, Wt = FUSED[name][0], W.t().contiguous()
        states = torch.empty_like(drive)
        s = initial
        for r, s_next in zip(drive.unbind(), states.unbind(), strict=True):
            f(r.addmm_(s, Wt))
            s = torch.lerp(s, r, alpha, out=s_next)
        ctx.save_for_backward(drive, states, W, initial)
        ctx.alpha, ctx.name = alpha, name
        ctx.mark_dirty(drive)
        ctx.mark_non_differentiable(drive)
        ctx.set_materialize_grads(False)  # none for what f returned
        return states, drive

    @staticmethod
    def backward(ctx, gradient: Tensor | None, _) -> tuple[Tensor | None, ...]:
        """The gradients of drive, W and initial."""
        refuse_second_derivative()
        if gradient is None:
            return (None,) * 5
        rates, states, W, initial = ctx.saved_tensors
        delta = FUSED[ctx.name][1](rates).mul_(ctx.alpha)  # α f′, until it is multiplied by ∂L/∂s
        g = gradient[-1].clone()  # ∂L/∂s_T
        for t in range(len(gradient) - 1, -1, -1):
            g.addmm_(delta[t].mul_(g), W, beta=1 - ctx.alpha)
            if t:
                g += gradient[t - 1]
        dW = None
        if ctx.needs_input_grad[1]:
            dW = delta[0].t() @ initial + delta[1:].flatten(0, 1).t() @ states[:-1].flatten(0, 1)
        return delta, dW, g, None, None


def refuse_second_derivative() -> None:
    """In a backward pass: a RuntimeError if it is to be differentiated itself."""
    if torch.is_grad_enabled():  # create_graph=True
        raise RuntimeError(
            "a second derivative was asked for (create_graph=True), which the fused backward pass does not have: build the "
            "network with fused=False."
        )
