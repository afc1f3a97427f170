"""Complex synapses in a network: behind each weight that is trained stands a chain of hidden variables."""

import torch
from torch import nn

from nnbrain.networks.benna_fusi_synapse import BennaFusiSynapse


class ComplexWeights:
    """Each parameter of a network is the first variable of a Benna–Fusi chain, u₁ = θ, as in Kaplanis et al. (2018).

    Whatever changes the parameters in a step of training, it is the change that the chain gets; in between, the chain flows:

    u₁ ← θ,   u ← A u,   θ ← u₁

    The deeper variables follow slowly, and pull the parameter back to where it used to be: a memory of earlier tasks that needs no
    word of when one ends. Hand it to `fit`, which calls it after each step. All variables begin at the value of their parameter, so
    that a network at rest stays as it is, but for the leak at the end of the chain.

    Parameters
    ----------
    network : nn.Module
        Its parameters that can be trained get chains.
    synapse : BennaFusiSynapse

    Attributes
    ----------
    states : dict of str to Tensor
        The variables of each parameter by its name, shape of the parameter × variables.

    Raises
    ------
    TypeError
        If the network or the synapse is none.
    ValueError
        If no parameter can be trained.

    Source: Primer, section 5.3 (complex synapses in networks); Kaplanis, Shanahan & Clopath 2018.

    Examples
    --------
    >>> fit(Backprop(network, cross_entropy), task, steps=200, after_step=ComplexWeights(network, BennaFusiSynapse(8)))
    """

    def __init__(self, network: nn.Module, synapse: BennaFusiSynapse):
        if not isinstance(network, nn.Module):
            raise TypeError(f"ComplexWeights stand behind the weights of an nn.Module, got {type(network).__name__}.")
        if not isinstance(synapse, BennaFusiSynapse):
            raise TypeError(f"the variables of a weight form a BennaFusiSynapse, got {type(synapse).__name__}.")
        self.network, self.synapse = network, synapse
        parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        if not parameters:
            raise ValueError("no parameter of this network can be trained (requires_grad): it needs no chains.")
        self.states = {
            name: p.detach().unsqueeze(-1).repeat(*[1] * p.ndim, synapse.variables) for name, p in parameters.items()
        }

    def __call__(self, network: nn.Module) -> None:
        """After a step of training: let every chain flow, from where the step left its first variable.

        Parameters
        ----------
        network : nn.Module

        Raises
        ------
        ValueError
            If it is another network than the one that these weights were made for.
        """
        if network is not self.network:
            raise ValueError("these ComplexWeights stand behind another network than the one that was trained.")
        A = self.synapse.transition
        with torch.no_grad():
            for name, theta in network.named_parameters():
                if name in self.states and theta.requires_grad:
                    u = self.states[name].to(theta)
                    u[..., 0] = theta
                    self.states[name] = u = u @ A.T.to(theta)
                    theta.copy_(u[..., 0])
