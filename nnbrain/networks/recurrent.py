"""What the recurrent networks have in common: noise, and gains that lesions and inactivations set."""

from torch import Generator, Tensor, nn

from nnbrain.networks.base import white_noise


class Recurrent(nn.Module):
    """A recurrent network of so many units, with noise of size σ and a gain.

    Attributes
    ----------
    units : int
    sigma : float
        σ.
    gain : Tensor
        (units,), or time × units. A subclass may have a ``connection_gain`` too: units × units, or time × units × units, or None.
    """

    units: int
    sigma: float

    @property
    def noise_size(self) -> float:
        """The standard deviation of what is added in each step: σ."""
        return self.sigma

    def noise(self, trials: int, steps: int, generator: Generator) -> Tensor:
        """Noise as it is added to what each unit receives, trials × time × units: Gaussian, of size `noise_size`.

        Parameters
        ----------
        trials, steps : int
        generator : torch.Generator

        Raises
        ------
        TypeError
            If the generator is none: a seed, for instance.
        """
        xi = white_noise(trials, steps, self.units, generator)
        return xi.mul_(self.noise_size).to(next(self.parameters()))

    def _now(self, given: Tensor | None, name: str = "gain") -> Tensor | None:
        """The gain of this step."""
        constant = getattr(self, name)
        if given is None and constant is not None and constant.ndim > (1 if name == "gain" else 2):
            raise ValueError(f"this network's {name} changes in time: give the step's own, {name}=net.{name}[t].")
        return constant if given is None else given

    def _check_gains(self, steps: int) -> None:
        """Refuse gains of another type or shape, or for another number of steps."""
        dtype = next(self.parameters()).dtype
        for name, shape in (("gain", (self.units,)), ("connection_gain", (self.units, self.units))):
            value = getattr(self, name, None)
            if value is None and name == "connection_gain":
                continue
            if value is None or value.dtype != dtype:
                raise TypeError(
                    f"the network's {name} should be a tensor of the weights' type, {dtype}, got "
                    f"{None if value is None else value.dtype}."
                )
            if value.shape[-len(shape) :] != shape or value.ndim > len(shape) + 1:
                raise ValueError(
                    f"the network's {name} should have shape {shape}, or {(steps, *shape)} if it changes during a trial, got "
                    f"{tuple(value.shape)}."
                )
            if value.ndim > len(shape) and len(value) != steps:
                raise ValueError(f"the network's {name} is given for {len(value)} steps, but the inputs have {steps}.")
