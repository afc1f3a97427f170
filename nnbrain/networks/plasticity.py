"""Rules of synaptic plasticity: how much a connection changes, given what its two neurons do. Their parameters can be learned."""

import torch
from torch import Generator, Tensor, nn

from nnbrain.arguments import number, positive_integer


class HebbianPlasticity(nn.Module):
    """The product of what both neurons do: Hebbian if η > 0, anti-Hebbian if η < 0.

    f(rᵢ, rⱼ, θ) = η rᵢ rⱼ,   θ = {η}

    Parameters
    ----------
    eta : float
        Where η starts.

    Attributes
    ----------
    eta : nn.Parameter
        η, a single number.

    Raises
    ------
    ValueError
        If η is no finite number.

    Source: Primer, Equations 45-47.

    Examples
    --------
    >>> HebbianPlasticity(0.5)(torch.tensor([1.0, -1.0]), torch.tensor([2.0, 0.0]))  # rows: post, columns: pre
    tensor([[ 1.,  0.],
            [-1., -0.]], grad_fn=<MulBackward0>)
    """

    def __init__(self, eta: float = 0.1):
        super().__init__()
        if not abs(number(eta)) < float("inf"):
            raise ValueError(f"eta, the rate of plasticity, should be a number, got {eta!r}.")
        self.eta = nn.Parameter(torch.tensor(number(eta)))

    def forward(self, post: Tensor, pre: Tensor) -> Tensor:
        """How much each connection changes.

        Parameters
        ----------
        post, pre : Tensor
            rᵢ of the neurons that receive, … × N, and rⱼ of those that send, … × M.

        Returns
        -------
        Tensor
            … × N × M.
        """
        return (self.eta * post).unsqueeze(-1) * pre.unsqueeze(-2)

    def extra_repr(self) -> str:
        """η, for ``print(network)``."""
        return f"eta={self.eta.item():.3g}"


class PolynomialPlasticity(nn.Module):
    """A polynomial of what both neurons do, which contains many a rule: θ₁₁ is Hebb's η, θ₀₁ counts what the sender does alone.

    f(rᵢ, rⱼ, θ) = Σ_{a,b} θ_ab rᵢᵃ rⱼᵇ,   a, b = 0, …, degree

    Parameters
    ----------
    degree : int
        The highest power of each.

    Attributes
    ----------
    theta : nn.Parameter
        θ, (degree + 1) × (degree + 1): rows are powers of the postsynaptic rate, columns of the presynaptic one. It starts at 0:
        no plasticity.

    Raises
    ------
    ValueError
        If the degree is no positive integer.

    Source: Primer, Equation 47; Bengio et al. 1992.

    Examples
    --------
    >>> rule = PolynomialPlasticity(degree=2)
    >>> with torch.no_grad():
    ...     rule.theta[1, 1] = 0.1  # the same as HebbianPlasticity(0.1)
    """

    def __init__(self, degree: int = 2):
        super().__init__()
        self.degree = positive_integer(degree, "degree")
        self.theta = nn.Parameter(torch.zeros(self.degree + 1, self.degree + 1))

    def forward(self, post: Tensor, pre: Tensor) -> Tensor:
        """How much each connection changes; see `HebbianPlasticity.forward`.

        Parameters
        ----------
        post, pre : Tensor

        Returns
        -------
        Tensor
            … × N × M.
        """
        return self._powers(post) @ self.theta @ self._powers(pre).mT

    def _powers(self, r: Tensor) -> Tensor:
        """1, r, r², …: … × N × (degree + 1)."""
        return torch.stack([r**a for a in range(self.degree + 1)], -1)


class NeuralPlasticity(nn.Module):
    """Any function of what both neurons do: a small network, the same for every connection, computes it.

    f(rᵢ, rⱼ, θ) = w · tanh(u rᵢ + v rⱼ + b) + c,   θ = {u, v, b, w, c}

    u, v and b start as Gaussian with standard deviation 1, w with 0.1/√hidden, so that there is little plasticity at first; c as 0.

    Parameters
    ----------
    hidden : int
        How many hidden units it has.
    generator : torch.Generator, optional
        Draws the initial weights (on the CPU); torch's own generator by default.

    Attributes
    ----------
    u, v, b, w : nn.Parameter
        (hidden,) each.
    c : nn.Parameter
        A single number.

    Raises
    ------
    ValueError
        If ``hidden`` is no positive integer.

    Source: Primer, Equation 47; Metz et al. 2018.

    Examples
    --------
    >>> rates = torch.linspace(-1, 1, 41)
    >>> NeuralPlasticity(hidden=8)(rates, rates).shape  # f over the plane of what both do
    torch.Size([41, 41])
    """

    def __init__(self, hidden: int = 16, *, generator: Generator | None = None):
        super().__init__()
        hidden = positive_integer(hidden, "hidden")
        self.u, self.v, self.b = (nn.Parameter(torch.randn(hidden, generator=generator)) for _ in range(3))
        self.w = nn.Parameter(0.1 * hidden**-0.5 * torch.randn(hidden, generator=generator))
        self.c = nn.Parameter(torch.zeros(()))

    def forward(self, post: Tensor, pre: Tensor) -> Tensor:
        """How much each connection changes; see `HebbianPlasticity.forward`.

        Parameters
        ----------
        post, pre : Tensor

        Returns
        -------
        Tensor
            … × N × M.
        """
        post, pre = post[..., :, None, None], pre[..., None, :, None]
        return torch.tanh(post * self.u + pre * self.v + self.b) @ self.w + self.c
