"""Sanger's rule, the generalized Hebbian algorithm: one principal component for each output, in order."""

from torch import Generator, Tensor, nn

from nnbrain.learning._layer import LayerRule
from nnbrain.networks import MLP


class Sanger(LayerRule):
    """Sanger's rule for a linear layer, y = W x: ΔW = η (y xᵀ − tril(y yᵀ) W), averaged over the trials of a batch.

    Written for one output, Δwᵢ = η yᵢ (x − Σ_{j ≤ i} yⱼ wⱼ): each learns by Oja's rule from what the outputs before it leave of the
    input. Row i of W goes to ± the i-th eigenvector of C = ⟨x xᵀ⟩, by descending eigenvalue: for inputs with the mean 0, the
    principal components. tril keeps a matrix on and below its diagonal.

    The rule returns ⟨‖y‖²⟩, summed over outputs and averaged over trials: in the end the variance that the components hold.

    Parameters
    ----------
    network : MLP or nn.Linear
        Of one layer, without a bias: ``MLP([inputs, outputs], bias=False)``, with no more outputs than inputs.
    objective : None
        There is none to give.
    generator : torch.Generator, optional
        Not used: nothing here is random.

    Raises
    ------
    ValueError
        If an objective is given, the network has more than one layer, a bias, frozen weights, or more outputs than inputs; if
        inputs do not fit.
    FloatingPointError
        If the weights explode, as the learning rate is too high.

    Source: Primer, section 2.2 (unsupervised learning); Sanger 1989.

    Examples
    --------
    >>> network = MLP([64, 8], bias=False)
    >>> history = fit(Sanger(network), task, steps=1000, optimizer=torch.optim.SGD(network.parameters(), lr=0.1))
    """

    def __init__(self, network: MLP | nn.Linear, objective: None = None, *, generator: Generator | None = None):
        super().__init__(network, objective, generator=generator)
        outputs, inputs = self.layer.weight.shape
        if outputs > inputs:
            raise ValueError(f"{inputs} inputs have {inputs} principal components at most, got {outputs} outputs.")

    def change(self, x: Tensor, y: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """⟨‖y‖²⟩ and ⟨y xᵀ − tril(y yᵀ) W⟩.

        Parameters
        ----------
        x, y : Tensor
            trials × inputs, trials × outputs.
        W : Tensor
            outputs × inputs.
        """
        yy = y.T @ y / len(x)
        return yy.trace(), y.T @ x / len(x) - yy.tril() @ W
