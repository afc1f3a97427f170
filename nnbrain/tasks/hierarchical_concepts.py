"""Things and what is true of them, as a tree has it: the task on which deep linear networks learn broad distinctions first."""

from typing import NamedTuple

import torch
from torch import Tensor

from nnbrain.arguments import positive_integer
from nnbrain.runtime import device
from nnbrain.tasks.base import FiniteTask

# The trees of Rumelhart & Todd 1993 and Saxe et al. 2019, by level, from the root.
_ITEMS = {4: "canary salmon oak rose", 8: "canary robin salmon sunfish oak pine rose daisy"}
_BROAD = [["grows"], ["moves", "has roots"], ["has wings", "has fins", "has bark", "has petals"]]
_NARROW = {
    4: ["flies", "swims", "has leaves that fall", "has thorns"],
    8: [
        "sings",
        "has a red breast",
        "swims upstream",
        "is round",
        "has acorns",
        "has needles",
        "has thorns",
        "is white",
    ],
}


class Modes(NamedTuple):
    """The singular value decomposition of a map from items to properties: Y = U diag(s) Vᵀ, the strongest mode first.

    Attributes
    ----------
    U : Tensor
        properties × modes: what a mode says of the properties, of unit norm.
    s : Tensor
        (modes,) How strong it is.
    V : Tensor
        items × modes: which items it sets apart, of unit norm.
    level : Tensor of int
        (modes,) 0 for what all items share; l for the distinctions between the branches that part at the l-th branching.
    """

    U: Tensor
    s: Tensor
    V: Tensor
    level: Tensor


class HierarchicalConcepts(FiniteTask):
    """Say what is true of a thing: living things grow, animals move, birds have wings, a canary sings.

    Things are the leaves of a tree. Each node of the tree is a property, and a thing has (1, else 0) those of the nodes from the
    root to itself. As items are one-hot, the map to be learned is the matrix of properties Y itself, properties × items.

    sₗ² = 1 + b + b² + … + bᴸ⁻ˡ,   l = 0 … L

    is the squared strength of what all items share (l = 0) and of the distinctions made by the l-th branching, of which there are
    bˡ − bˡ⁻¹: the broader, the stronger.

    With squared error, the mean over P items gives each weight 1/P of the gradient that their sum would. So for gradient descent
    with rate η on all items, the time constant in `exact_mode_strengths` is τ = P / η steps.

    Batches have ``inputs`` trials × items, one-hot; ``targets`` trials × properties; and ``conditions``: ``"item"``, and
    ``"branch 1"``, ``"branch 2"``, …: the branch in which an item lies, of all those after one branching, after two, ….
    An answer is correct if each property is nearer to its target than to the other value.

    Parameters
    ----------
    levels : int
        L, how often branches part: 3 with two branches give 8 items and 15 properties, 2 give 4 and 7.
    branching : int
        b, how many branches part at each node, 2 or more.

    Attributes
    ----------
    items, properties : list of str
        What inputs and outputs are called.
    matrix : Tensor
        Y, properties × items.
    modes : Modes
        U, s, V and level, in a basis that is written down and not computed: where several modes have the same strength, any
        rotation of them would do as well. Each sets the first of the branches that part at a node against the rest, then the
        second against those after it, and so on; the sign is positive for the first.

    Raises
    ------
    ValueError
        If levels or branching are not positive integers, branching is 1, or there are more than 4,096 items.

    Source: Saxe, McClelland & Ganguli 2013; Saxe, McClelland & Ganguli 2019; Primer, section 6.

    Examples
    --------
    >>> task = HierarchicalConcepts(levels=2)
    >>> task.items
    ['canary', 'salmon', 'oak', 'rose']
    >>> task.modes.s ** 2
    tensor([7., 3., 1., 1.])
    """

    def __init__(self, levels: int = 3, branching: int = 2):
        self.levels, self.branching = positive_integer(levels, "levels"), positive_integer(branching, "branching")
        if self.branching < 2 or self.branching**self.levels > 4096:
            raise ValueError(
                f"branching should be 2 or more, with at most 4,096 items, got {branching!r} in {levels!r} levels."
            )
        items = self.branching**self.levels
        above = [torch.arange(items) // self.branching ** (self.levels - level) for level in range(self.levels + 1)]
        Y = torch.cat([torch.nn.functional.one_hot(branch).T for branch in above]).float()
        self.items, self.properties = self._names(items)
        self.modes = Modes(*(part.to(device()) for part in _modes(Y, self.levels, self.branching)))
        conditions = {f"branch {level}": above[level] for level in range(1, self.levels)}
        super().__init__(torch.eye(items), Y.T.contiguous(), {"item": torch.arange(items), **conditions}, tolerance=0.5)

    @property
    def matrix(self) -> Tensor:
        """Y, properties × items."""
        return self._examples.targets.T.clone()

    def _names(self, items: int) -> tuple[list[str], list[str]]:
        if self.branching == 2 and items in _ITEMS:
            broad = [name for level in _BROAD[: self.levels] for name in level]
            return _ITEMS[items].split(), broad + _NARROW[items]
        nodes = [f"property {level}.{n}" for level in range(self.levels + 1) for n in range(self.branching**level)]
        return [f"item {n}" for n in range(items)], nodes


def _modes(Y: Tensor, levels: int, branching: int) -> Modes:
    """What all share, then the contrasts between branches, level by level: the eigenvectors of YᵀY, as the tree is regular."""
    items = Y.shape[1]
    V, level_of = [torch.ones(items, dtype=torch.float64)], [0]
    for level in range(1, levels + 1):
        width = branching ** (levels - level)  # items in each branch
        for start in range(0, items, branching * width):  # each node that parts
            for first in range(branching - 1):
                v = torch.zeros(items, dtype=torch.float64)
                begin, middle, end = (start + n * width for n in (first, first + 1, branching))
                v[begin:middle] = 1.0
                v[middle:end] = -1.0 / (branching - 1 - first)
                V.append(v)
                level_of.append(level)
    V = torch.nn.functional.normalize(torch.stack(V, 1), dim=0)
    YV = Y.double() @ V  # as Y V = U diag(s)
    s = YV.norm(dim=0)
    return Modes((YV / s).float(), s.float(), V.float(), torch.tensor(level_of))
