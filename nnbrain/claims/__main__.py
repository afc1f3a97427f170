"""``python -m nnbrain.claims 01 --seeds 20``: check a chapter's claims over many seeds."""

import argparse
import sys
from pathlib import Path

from nnbrain.claims.seeds import measure, summarize, table, weak, write_csv


def main(arguments: list[str] | None = None) -> int:
    """The command line: ``python -m nnbrain.claims 01 --seeds 20``."""
    parser = argparse.ArgumentParser(
        prog="python -m nnbrain.claims", description="Check a chapter's claims over many seeds."
    )
    parser.add_argument("chapter", help="the chapter's number, 01 for instance")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from 0 (default: 20)")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks side by side (default: 2)")
    parser.add_argument("--notebooks", type=Path, default=Path("notebooks"), help="their folder (default: notebooks)")
    parser.add_argument("--output", type=Path, help="folder of the table (default: tests/claims, from 20 seeds on)")
    options = parser.parse_args(arguments)
    if not options.chapter.isalnum():
        parser.error(f"{options.chapter!r} is no chapter: give its number, 01 for instance.")
    found = sorted(options.notebooks.glob(f"{options.chapter}_*.ipynb"))
    if len(found) != 1:
        parser.error(
            f"{options.notebooks.resolve()} holds {len(found)} notebooks {options.chapter}_*.ipynb; run from the checkout."
        )
    if options.seeds < 1 or options.jobs < 1:
        parser.error("--seeds and --jobs should be at least 1.")
    rows = measure(found[0].resolve(), range(options.seeds), options.jobs)
    if not rows:
        parser.error(f"{found[0].name} makes no claims.")
    summary = summarize(rows)
    print(table(summary))
    if options.seeds < 20 and options.output is None:
        print("Fewer than 20 seeds: no table was written.")
    else:
        folder = options.output or Path("tests/claims")
        folder.mkdir(parents=True, exist_ok=True)
        write_csv(rows, folder / f"{options.chapter}.csv")
    return int(any(weak(row) for row in summary))


if __name__ == "__main__":
    sys.exit(main())
