"""What the rules have in common that learn in a recurrent network while it runs, and never go back in time."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from nnbrain.learning._outputs import check_teachable
from nnbrain.learning.base import Rule
from nnbrain.networks import RNN
from nnbrain.networks.base import check_sequence
from nnbrain.objectives import Objective
from nnbrain.tasks import Batch


@dataclass
class Run:
    """One run of the network, time first in everything.

    Parameters
    ----------
    slopes : Tensor
        α f′(c_t), time × trials × units.
    presynaptic : Tensor
        What arrives at each unit, rates r_{t−1}, inputs x_t and 1 for the bias: time × trials × (units + inputs + 1).
    rates : Tensor
        r_t, time × trials × units: the states, times the gain.
    gain : Tensor
        time × units.
    """

    slopes: Tensor
    presynaptic: Tensor
    rates: Tensor
    gain: Tensor


class ForwardInTime(Rule):
    """A rule for an `RNN` that carries along, as the network runs, what each weight has done to the units so far.

    A subclass says how the errors of the outputs reach the units (`feedback_weights`), and what is carried along
    (`recurrent_gradient`). The output weights follow the gradient: ∂L/∂W_y = Σ_t e_t r_tᵀ, e_t = ∂L/∂y_t.

    Parameters
    ----------
    network : RNN
        Whatever makes its weights (a low rank, Dale's law) is taught.
    objective : Objective
        Its derivatives with respect to the outputs (and the activity, where it depends on that) at each step are the errors. For
        an average over steps those are known as soon as the step is over.
    generator : torch.Generator, optional
        The source of the network's noise.

    Raises
    ------
    TypeError
        If the network is no `RNN`, or there is no objective.
    ValueError
        If the network learns its initial state, or feeds its outputs back.
    """

    def __init__(self, network: RNN, objective: Objective, *, generator: Generator | None = None):
        super().__init__(network, objective, generator=generator)
        name = type(self).__name__
        if (
            not isinstance(network, RNN)
            or type(network).step is not RNN.step
            or type(network).forward is not RNN.forward
        ):
            raise TypeError(
                f"{name} follows the equation of an RNN through time; it cannot teach a {type(network).__name__}."
            )
        check_teachable(self)
        if network.initial is not None or network.W_fb is not None:
            raise ValueError(
                f"{name} teaches recurrent, input and output weights and biases, not a learned initial state nor a network whose "
                "outputs are fed back: leave out learn_initial_state and feedback, or use Backprop."
            )

    @abstractmethod
    def feedback_weights(self) -> Tensor:
        """What a subclass defines: units × outputs, through which errors reach the units."""

    @abstractmethod
    def recurrent_gradient(self, run: Run, credit: Tensor) -> Tensor:
        """What a subclass defines.

        Parameters
        ----------
        run : Run
        credit : Tensor
            How much the objective grows with each unit's state at each step, as far as outputs and activity of that step go,
            time × trials × units.

        Returns
        -------
        Tensor
            The estimate for [W_r, W_x, b_r] side by side, summed over trials, units × (units + inputs + 1).
        """

    def estimate(self, batch: Batch) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The objective and the estimate of its gradient; None for parameters that it does not depend on."""
        net = self.network
        run = self._run(batch)
        with torch.enable_grad():
            activity = run.rates.transpose(0, 1).requires_grad_()
            outputs = nn.functional.linear(activity.detach(), net.W_y, net.b_y).detach().requires_grad_()
            loss = self.objective.per_trial(outputs, activity, batch, net).mean()
            if not loss.requires_grad:
                raise ValueError(f"the objective {self.objective} does not depend on what the network does.")
            found = torch.autograd.grad(loss, (outputs, activity), allow_unused=True, retain_graph=True)
            errors, costs = (
                torch.zeros_like(at) if g is None else g for g, at in zip(found, (outputs, activity), strict=True)
            )
            # A scalar whose derivatives are the estimates: so they reach the parameters of which the weights are made.
            carrier = loss + self._product(run, errors.transpose(0, 1), costs.transpose(0, 1))
        return loss.detach(), torch.autograd.grad(carrier, self.parameters(), allow_unused=True)

    def _product(self, run: Run, errors: Tensor, costs: Tensor) -> Tensor:
        """Σ weights × estimates, errors and costs being ∂L/∂y_t and ∂L/∂r_t, time first."""
        net = self.network
        with torch.no_grad():
            credit = (errors @ self.feedback_weights().T + costs) * run.gain[:, None]
            dW = self.recurrent_gradient(run, credit).split((net.units, net.input.in_features, 1), dim=1)
            dW_y = errors.flatten(0, 1).T @ run.rates.flatten(0, 1)
        pairs = [(net.W_r, dW[0]), (net.W_x, dW[1]), (net.W_y, dW_y)]
        if net.b_r is not None:
            pairs += [(net.b_r, dW[2].squeeze(1)), (net.b_y, errors.sum((0, 1)))]
        return sum((weight * g).sum() for weight, g in pairs)

    def _run(self, batch: Batch) -> Run:
        """Run the network, step by step."""
        net, x = self.network, batch.inputs
        check_sequence(net, x, net.input.in_features, net.W_x.dtype)
        if net.connection_gain is not None:
            raise ValueError(f"{type(self).__name__} serves no connection_gain: take the lesion of connections away.")
        trials, steps = x.shape[:2]
        net._check_gains(steps)
        gain = net.gain.expand(steps, -1)
        noise = x.new_zeros(trials, steps, net.units)
        if self.generator is not None and net.sigma > 0:
            noise = net.noise(trials, steps, self.generator)
        states = [net.initial_state(trials)]
        with torch.no_grad():
            for t in range(steps):
                states.append(net.step(states[-1], x[:, t], noise[:, t], gain=gain[t]))
        states, x, noise = torch.stack(states), x.transpose(0, 1), noise.transpose(0, 1)
        with torch.enable_grad():  # all steps at once: what is added inside f changes the next state by α f′
            noise = noise.clone().requires_grad_()
            each = gain[:, None].expand_as(noise).flatten(0, 1)
            after = net.step(states[:-1].flatten(0, 1), x.flatten(0, 1), noise.flatten(0, 1), gain=each)
            (slopes,) = torch.autograd.grad(after.sum(), noise)
        before, rates = states[:-1] * gain[:, None], states[1:] * gain[:, None]
        presynaptic = torch.cat([before, x, x.new_ones(steps, trials, 1)], dim=2)
        return Run(slopes, presynaptic, rates, gain)
