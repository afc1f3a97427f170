"""Train a network on the twenty cognitive tasks of Yang et al. 2019: ``python -m nnbrain.train_many_tasks``.

Stop it whenever you like; the same command goes on where it was. Beside the weights it writes a table of the accuracy in each task.
On a GPU if there is one (``NNBRAIN_DEVICE`` overrides it).
"""

import argparse
from pathlib import Path

import torch

from nnbrain.arguments import positive_integer
from nnbrain.weights.many_tasks import FILE, LOG, Training


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=30_000, help="batches of 64 trials in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("many_tasks"), help="where to keep everything")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    given = parser.parse_args()
    try:
        torch.set_num_threads(positive_integer(given.threads, "threads"))
        training = Training(given.folder, given.steps, given.seed)
    except ValueError as error:
        parser.error(str(error))
    training.run()
    print(f"{training.done} of {training.steps} steps: {given.folder / FILE}, {given.folder / LOG}")


if __name__ == "__main__":
    main()
