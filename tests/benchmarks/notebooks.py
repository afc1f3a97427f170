"""Time and peak memory of each notebook, run as a reader runs it: ``python tests/benchmarks/notebooks.py``.

The aim is at most 60 seconds and 1.5 GB on two cores. Memory is that of the kernel; both are also given as a ratio to a notebook
that only imports nnbrain.
"""

import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
from nbconvert.preprocessors import ExecutePreprocessor

from nnbrain.pages import NOTEBOOKS, existing


class _Peak(threading.Thread):
    """Samples the memory of all kernels that this process started."""

    def __init__(self):
        super().__init__(daemon=True)
        self.bytes, self.running = 0, True

    def run(self):
        while self.running:
            for child in psutil.Process().children(recursive=True):
                try:
                    self.bytes = max(self.bytes, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.05)


def cost(book: nbformat.NotebookNode, folder: Path) -> tuple[float, float]:
    """Seconds and gigabytes (10⁹ bytes) of one run."""
    peak = _Peak()
    peak.start()
    start = time.perf_counter()
    ExecutePreprocessor(timeout=600, kernel_name="python3").preprocess(book, {"metadata": {"path": str(folder)}})
    seconds = time.perf_counter() - start
    peak.running = False
    peak.join()
    return seconds, peak.bytes / 1e9


def main() -> None:
    """Print a row for each notebook."""
    with tempfile.TemporaryDirectory() as folder:
        empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import nnbrain as nb")])
        cost(empty, Path(folder))  # warm up
        base = cost(empty, Path(folder))
    print(
        f"{'notebook':>34} {'seconds':>8} {'GB':>6} {'× time':>7} {'× memory':>9}   (to one that only imports nnbrain)"
    )
    print(f"{'import nnbrain':>34} {base[0]:>8.1f} {base[1]:>6.2f} {1:>7.1f} {1:>9.1f}")
    for chapter in existing():
        book = nbformat.read(NOTEBOOKS / chapter.file, as_version=4)
        seconds, memory = cost(book, NOTEBOOKS)
        print(f"{chapter.file:>34} {seconds:>8.1f} {memory:>6.2f} {seconds / base[0]:>7.1f} {memory / base[1]:>9.1f}")


if __name__ == "__main__":
    main()
