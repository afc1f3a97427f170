"""Sign symmetry: feedback weights that know the signs of the forward weights, but not their sizes."""

import torch
from torch import Tensor

from nnbrain.learning.feedback_alignment import FeedbackAlignment


class SignSymmetric(FeedbackAlignment):
    """Feedback alignment with B = M ∘ sign(W): each feedback weight has the sign that its forward weight has at the moment.

    The sizes M are fixed: the root mean square of the forward weights, layer by layer, as they are when the rule is built.

    Parameters
    ----------
    network : nn.Module
        As for `FeedbackAlignment`.
    objective : Objective
    scale : float, optional
        Root mean square of M in units of 1/√n, n being the number of inputs of a unit, instead of that of the forward weights.
    generator : torch.Generator, optional
        The source of the network's noise, if it has some.

    Attributes
    ----------
    feedback : list of Tensor
        B of each layer after the first one that is taught, made anew from its W whenever it is read.

    Raises
    ------
    TypeError, ValueError
        As for `FeedbackAlignment`.

    Source: Primer, section 5.3; Liao, Leibo & Poggio 2016; Xiao, Chen, Liao & Poggio 2018.

    Examples
    --------
    >>> rule = SignSymmetric(net, cross_entropy)
    >>> bool((rule.feedback[0].sign() == net.layers[1].weight.sign()).all())
    True
    """

    def _initial(self, W: Tensor, size: float) -> Tensor:
        """The sizes M."""
        return torch.full_like(W, size)

    def feedback_of(self, name: str) -> Tensor:
        """M ∘ sign(W) of the layer of this name."""
        return super().feedback_of(name) * self.layers[name].weight.detach().sign()
