"""Random features: a hidden layer that stays as it was drawn, and a readout that is solved for, not trained."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import at_least_zero, positive_integer
from nnbrain.networks.activations import Activation
from nnbrain.networks.base import check_input
from nnbrain.networks.initialization import initialize


class RandomFeatures(nn.Module):
    """A network with one hidden layer, of which only the readout is learned: y = A f(W x + b), with W and b random and fixed.

    The readout is the solution of a linear regression, so that it takes no steps and no learning rate. That makes it the simplest
    network in which to see what the number of parameters does: with more features than samples, many readouts fit the samples
    without error, and `fit_readout` takes the smallest.

    Centre the inputs. A ReLU that is silent on all samples is no feature, and those that are active on all are linear together, so
    that of inputs which are all positive there are fewer features than were drawn.

    Parameters
    ----------
    inputs, features, outputs : int
    activation : str or callable
        f, as for `MLP`.
    generator : torch.Generator, optional
        Draws W and b (on the CPU) as `MLP` does; torch's own by default.

    Attributes
    ----------
    hidden : nn.Linear
        W, features × inputs, and b; without gradients.
    rates : Activation
        f.
    readout : nn.Linear
        A, outputs × features, without bias; 0 until it is fitted or trained.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or the activation is unknown.

    Source: Rahimi & Recht 2007; Belkin, Hsu, Ma & Mandal 2019; Primer, section 6.

    Examples
    --------
    >>> network = RandomFeatures(64, 3000, 10)
    >>> network.fit_readout(batch.inputs, batch.targets)
    >>> correct = network(test.inputs).argmax(1) == test.targets
    """

    def __init__(
        self,
        inputs: int,
        features: int,
        outputs: int,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        *,
        generator: Generator | None = None,
    ):
        super().__init__()
        inputs = positive_integer(inputs, "inputs")
        features, outputs = positive_integer(features, "features"), positive_integer(outputs, "outputs")
        self.rates = Activation(activation)
        self.hidden = nn.Linear(inputs, features).requires_grad_(False)
        self.readout = nn.Linear(features, outputs, bias=False)
        initialize([self.hidden], activation, generator)
        nn.init.zeros_(self.readout.weight)

    def features(self, x: Tensor) -> Tensor:
        """f(W x + b).

        Parameters
        ----------
        x : Tensor
            trials × inputs.

        Returns
        -------
        Tensor
            trials × features.
        """
        self._check(x)
        return self.rates(self.hidden(x))

    def _check(self, x: Tensor) -> None:
        """Refuse what is no trials × inputs."""
        check_input(self, x, self.hidden.weight.dtype)
        if x.ndim != 2 or x.shape[1] != self.hidden.in_features:
            raise ValueError(
                f"this network expects inputs of shape (trials, {self.hidden.in_features}), got {tuple(x.shape)}."
            )

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        x : Tensor
            trials × inputs.

        Returns
        -------
        Tensor
            y, trials × outputs.
        """
        return self.readout(self.features(x))

    @torch.no_grad()
    def fit_readout(self, inputs: Tensor, targets: Tensor, *, ridge: float = 0.0) -> None:
        """Solve for the readout: of all A with the least Σ |A φ − y|² + λ |A|², the smallest.

        Without λ this is A = Yᵀ Φ⁺ᵀ, with the pseudoinverse of Φ, samples × features. It is computed in float64 on the CPU, as near
        to as many features as samples it depends on small singular values of Φ.

        Parameters
        ----------
        inputs : Tensor
            samples × inputs.
        targets : Tensor
            samples × outputs; or integers, (samples,), classes that become one-hot.
        ridge : float
            λ, from 0 up.

        Raises
        ------
        TypeError
            If inputs or targets are no tensors.
        ValueError
            If there are no samples, targets do not fit inputs and outputs, some are not finite, or λ is negative.
        """
        ridge, outputs = at_least_zero(ridge, "ridge"), self.readout.out_features
        self._check(inputs)
        if not isinstance(targets, Tensor):
            raise TypeError(f"targets should be a tensor, got {type(targets).__name__}: torch.as_tensor makes one.")
        if not len(inputs) or not len(targets):
            raise ValueError("there are no samples: fit the readout to one or more.")
        if not torch.isfinite(inputs).all() or not torch.isfinite(targets).all():
            raise ValueError("some inputs or targets are NaN or infinite: leave these samples out.")
        classes = not targets.is_floating_point() and targets.ndim == 1
        if classes and (targets.min() < 0 or targets.max() >= outputs):
            raise ValueError(
                f"classes should lie from 0 to {outputs - 1}, got {int(targets.min())} to {int(targets.max())}."
            )
        Y = nn.functional.one_hot(targets.long(), outputs) if classes else targets
        if Y.shape != (len(inputs), outputs):
            raise ValueError(
                f"targets should be (samples, outputs), ({len(inputs)}, {outputs}), or as many classes, got {tuple(targets.shape)}."
            )
        W, b, x = (part.cpu().double() for part in (self.hidden.weight, self.hidden.bias, inputs))
        phi = self.rates(x @ W.T + b)
        U, s, Vh = torch.linalg.svd(phi, full_matrices=False)
        seen = s > s[0] * max(phi.shape) * torch.finfo(torch.float64).eps
        shrink = torch.where(seen, s / (s**2 + ridge), 0.0)
        A = (Y.cpu().double().T @ U) * shrink @ Vh
        self.readout.weight.copy_(A)
