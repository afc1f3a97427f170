"""Hebb's rule: what fires together, wires together."""

from torch import Tensor

from nnbrain.learning._layer import LayerRule


class Hebbian(LayerRule):
    """Hebb's rule for a linear layer, y = W x: ΔW = η y xᵀ, averaged over the trials of a batch.

    On average ΔW = η W C, with the inputs' correlations C = ⟨x xᵀ⟩: it climbs the gradient of ½⟨‖y‖²⟩. Along an eigenvector of C
    with eigenvalue λ the weights grow as (1 + ηλ)ᵗ ≈ exp(ηλt), without end, and all outputs turn to the same eigenvector, that of
    the largest. For inputs with the mean 0, C is their covariance and the eigenvectors are the principal components.

    The rule returns ⟨‖y‖²⟩, summed over outputs and averaged over trials.

    Parameters
    ----------
    network : MLP or nn.Linear
        Of one layer, without a bias: ``MLP([inputs, outputs], bias=False)``.
    objective : None
        There is none to give.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    ValueError
        If an objective is given, the network has more than one layer, a bias, or frozen weights; if inputs do not fit.
    FloatingPointError
        When the weights have grown beyond all numbers.

    Source: Primer, section 5.3 (Hebbian plasticity); Hebb 1949.

    Examples
    --------
    >>> network = MLP([64, 1], bias=False)
    >>> variance = Hebbian(network)(batch)  # now network.layers[0].weight.grad is −⟨y xᵀ⟩
    """

    advice = "that is what Hebb's rule does. Train for fewer steps, or take Oja"

    def change(self, x: Tensor, y: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """⟨‖y‖²⟩ and ⟨y xᵀ⟩.

        Parameters
        ----------
        x, y : Tensor
            trials × inputs, trials × outputs.
        W : Tensor
            outputs × inputs.
        """
        return y.square().sum(1).mean(), y.T @ x / len(x)
