"""Throw-away networks and rules that prove the contracts: small, of every kind, and in no chapter."""

import torch
from torch import Tensor, nn

from nnbrain.learning import Rule
from nnbrain.networks import run


class SmallRNN(nn.Module):
    """r ← (1 − α) r + α tanh(W r + U x + noise), α = Δt/τ, with a linear readout."""

    def __init__(self, inputs: int, units: int, outputs: int, alpha: float = 0.5, sigma: float = 0.1):
        super().__init__()
        self.recurrent = nn.Linear(units, units)
        self.feedforward = nn.Linear(inputs, units, bias=False)
        self.rate = nn.Tanh()
        self.out = nn.Linear(units, outputs)
        self.alpha, self.sigma = alpha, sigma

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        r = x.new_zeros(len(x), self.recurrent.out_features)
        rates = []
        for x_t in x.unbind(1):
            c = self.recurrent(r) + self.feedforward(x_t)
            if generator is not None:
                noise = torch.randn(c.shape, generator=generator).to(c)
                c = c + (2 / self.alpha) ** 0.5 * self.sigma * noise
            r = (1 - self.alpha) * r + self.alpha * self.rate(c)
            rates.append(r)
        activity = torch.stack(rates, dim=1)  # trials × time × units
        return self.out(activity), activity


class WeightPerturbation(Rule):
    """Move all weights at random, see what the objective does: ĝ = [L(θ + s ξ) − L(θ)] ξ / s."""

    def __init__(self, network, objective, *, generator, size: float = 1e-3):
        super().__init__(network, objective, generator=generator)
        self.size = size

    @torch.no_grad()
    def estimate(self, batch):
        noise = [torch.randn(p.shape, generator=self.generator).to(p) for p in self.parameters()]
        before = self.objective(self.network, batch)
        original = [p.clone() for p in self.parameters()]
        try:
            for p, xi in zip(self.parameters(), noise, strict=True):
                p += self.size * xi
            after = self.objective(self.network, batch)
        finally:  # also when the reader stops it
            for p, value in zip(self.parameters(), original, strict=True):
                p.copy_(value)
        return before, [(after - before) / self.size * xi for xi in noise]


class Oja(Rule):
    """ΔW = ⟨y x − y² W⟩ for one linear unit; no objective. Returns the variance of the output."""

    def default_optimizer(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)

    @torch.no_grad()
    def estimate(self, batch):
        y, _ = run(self.network, batch.inputs)  # trials × 1
        (W,) = self.parameters()
        return y.square().mean(), [-(y * batch.inputs - y.square() * W).mean(0, keepdim=True)]
