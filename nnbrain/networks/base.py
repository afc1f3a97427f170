"""The contract that all networks keep, and the one function that runs any of them.

A feed-forward network maps ``x`` to ``y``. A recurrent network maps ``x`` (trials × time × inputs) to a pair, its outputs
(trials × time × outputs) and its activity (trials × time × units). Everything that meets a network it does not know
(objectives, learning rules, analyses) goes through `run`, so that both kinds look the same to it.
"""

from torch import Generator, Tensor, nn


def run(network: nn.Module, inputs: Tensor, generator: Generator | None = None) -> tuple[Tensor, Tensor | None]:
    """Run a network of either kind.

    Parameters
    ----------
    network : nn.Module
    inputs : Tensor
        trials × features for a feed-forward network, trials × time × inputs for a recurrent one.
    generator : torch.Generator, optional
        The source of the network's own noise, for networks that have some; without it they are noise-free.

    Returns
    -------
    outputs : Tensor
        trials × outputs, or trials × time × outputs.
    activity : Tensor or None
        trials × time × units from a recurrent network, None from a feed-forward one.

    Raises
    ------
    TypeError
        If the network returns neither a tensor nor a pair of tensors.
    """
    result = network(inputs) if generator is None else network(inputs, generator=generator)
    if isinstance(result, Tensor):
        return result, None
    if isinstance(result, tuple) and len(result) == 2 and all(isinstance(part, Tensor) for part in result):
        return result
    raise TypeError(
        f"{type(network).__name__} returned {_describe(result)}. A feed-forward network returns its outputs, a recurrent "
        "one the pair (outputs, activity): wrap yours in a module that does."
    )


def _describe(result) -> str:
    if isinstance(result, tuple):
        return "a tuple of " + ", ".join(type(part).__name__ for part in result)
    return f"a {type(result).__name__}"
