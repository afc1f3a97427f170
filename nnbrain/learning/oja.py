"""Oja's rule: Hebb's, with just the decay that keeps the weights at a length of 1."""

from torch import Tensor

from nnbrain.learning._layer import LayerRule


class Oja(LayerRule):
    """Oja's rule for each output of a linear layer, y = W x: Δwᵢ = η (yᵢ x − yᵢ² wᵢ), averaged over the trials of a batch.

    The decay grows with the output, so that the length of wᵢ goes to 1, and wᵢ to ± the eigenvector of C = ⟨x xᵀ⟩ with the
    largest eigenvalue λ₁: the first principal component, for inputs with the mean 0. The component along another eigenvector dies
    out relative to it as exp(−η(λ₁ − λₖ)t). Each output learns for itself, and all learn the same; for one component each see
    `Sanger`.

    For ηλ₁ > 1 the length does not settle at 1: it swings about it, and beyond 2 it explodes. Single trials or small batches, whose
    correlations differ from C, need a smaller rate.

    The rule returns ⟨‖y‖²⟩, summed over outputs and averaged over trials.

    Parameters
    ----------
    network : MLP or nn.Linear
        Of one layer, without a bias: ``MLP([inputs, 1], bias=False)``.
    objective : None
        There is none to give.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    ValueError
        If an objective is given, the network has more than one layer, a bias, or frozen weights; if inputs do not fit.
    FloatingPointError
        If the weights explode, as the learning rate is too high.

    Source: Primer, section 2.2 (unsupervised learning); Oja 1982.

    Examples
    --------
    >>> network = MLP([64, 1], bias=False)
    >>> history = fit(Oja(network), task, steps=1000, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    """

    def change(self, x: Tensor, y: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """⟨‖y‖²⟩ and ⟨yᵢ x − yᵢ² wᵢ⟩ for each output.

        Parameters
        ----------
        x, y : Tensor
            trials × inputs, trials × outputs.
        W : Tensor
            outputs × inputs.
        """
        power = y.square().mean(0)  # (outputs,)
        return power.sum(), y.T @ x / len(x) - power[:, None] * W
