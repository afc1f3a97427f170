"""The state of all generators from which a network or a rule can draw, so that what was drawn can be drawn again."""

import torch
from torch import Generator


class RandomState:
    """The state, at this moment, of torch's own generators and of one that is given.

    Parameters
    ----------
    generator : torch.Generator or None
    device : torch.device
        Whose own generator counts, beside that of the CPU.

    Examples
    --------
    >>> start = RandomState(generator, x.device)
    >>> y = network(x, generator=generator)
    >>> noisy = start.has_moved()
    >>> start.rewind()  # the next run has the same noise
    """

    def __init__(self, generator: Generator | None, device: torch.device):
        self.generator, self.device = generator, device
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self.given = None if generator is None else generator.get_state()

    def has_moved(self) -> bool:
        """Whether anything was drawn since."""
        now = RandomState(self.generator, self.device)
        pairs = (self.cpu, now.cpu), (self.cuda, now.cuda), (self.given, now.given)
        return not all(then is None or torch.equal(then, later) for then, later in pairs)

    def rewind(self) -> None:
        """Back to this state: what was drawn since then is drawn again."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)
        if self.generator is not None:
            self.generator.set_state(self.given)
