"""A static copy to read: ``python -m nnbrain.book public`` runs all chapters and makes a site of them, with search.

The pages are the README's gallery, the chapters and the index, put together by Sphinx with myst-nb. Nothing is fetched while it
builds. A chapter that fails, a link that leads nowhere, or a picture that is missing makes the build fail. (A reader's browser
fetches what draws equations and sliders from the addresses that Sphinx and ipywidgets give; sliders need a kernel to move.)
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nnbrain.checkout import NOTEBOOKS, ROOT, existing, repository


def main(arguments: list[str] | None = None) -> int:
    """The command line; it returns 1 if the book cannot be built without a warning."""
    parser = argparse.ArgumentParser(prog="python -m nnbrain.book", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="where the site is written; index.html is its front page")
    parser.add_argument("--draft", action="store_true", help="do not run the chapters: no pictures within them")
    options = parser.parse_args(arguments)
    if options.folder.exists() and not options.folder.is_dir():
        parser.error(f"{options.folder} is a file; give the name of a folder.")
    with tempfile.TemporaryDirectory() as source:
        write_source(Path(source))
        done = build(Path(source), options.folder, run=not options.draft)
    if done == 0:
        print(f"{options.folder / 'index.html'} is the front page.")
    return done


def write_source(folder: Path) -> None:
    """Put together what Sphinx reads: the pages as they lie in the checkout, with links that lead within the book.

    Parameters
    ----------
    folder : Path
        An empty one.
    """
    (folder / "notebooks").mkdir()
    shutil.copytree(ROOT / "figures", folder / "figures")
    pages = [f"notebooks/{chapter.file}" for chapter in existing()]
    for page in pages:
        content = json.loads((ROOT / page).read_text(encoding="utf-8"))
        for cell in content["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = _links("".join(cell["source"]), Path("notebooks"))
        (folder / page).write_text(json.dumps(content), encoding="utf-8")
    index = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    (folder / "notebooks" / "README.md").write_text(_links(index, Path("notebooks")), encoding="utf-8")
    toc = "\n".join(["```{toctree}", ":hidden:", *pages, "notebooks/README.md", "```"])
    (folder / "index.md").write_text(f"{_links(_front_page(), Path())}\n\n{toc}\n", encoding="utf-8")


def _front_page() -> str:
    """The README without its sections on installing and on the package: what it is, the gallery, the chapters."""
    sections = re.split(r"^(?=## )", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    chosen = [part for part in sections if part.startswith(("# ", "## Chapters", "## Licence"))]
    start = f"## Start\n\nTo run the chapters yourself, follow the badges at their heads, or get [the code]({repository()}).\n\n"
    return chosen[0] + start + "".join(chosen[1:])


def _links(text: str, folder: Path) -> str:
    """Links lead within the book where it has the page, and to the repository otherwise."""
    raw = repository().replace("https://github.com", "https://raw.githubusercontent.com") + "/main/"
    text = text.replace(raw, "../" * len(folder.parts))  # pictures
    inside = {"README.md", *(chapter.file for chapter in existing())}

    def lead(match: re.Match) -> str:
        target = match.group(1)
        path = Path(_normal(folder / target))
        in_book = path.parts[0] == "figures" or (path.parent == Path("notebooks") and path.name in inside)
        return match.group() if in_book or not (ROOT / path).exists() else f"]({repository()}/blob/main/{path})"

    return re.sub(r"\]\((?!https?:|#)([^)\s]+)\)", lead, text)


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." and parts else [*parts, part]
    return "/".join(parts)


def build(source: Path, folder: Path, run: bool = True) -> int:
    """Build the site with Sphinx; every warning is an error.

    Parameters
    ----------
    source : Path
        From `write_source`.
    folder : Path
        Where the site is written.
    run : bool
        Whether to run the chapters.

    Returns
    -------
    int
        0 if all went well.
    """
    (source / "conf.py").write_text(_CONFIGURATION, encoding="utf-8")
    mode = f"nb_execution_mode={'force' if run else 'off'}"
    command = ["-m", "sphinx", "-W", "--keep-going", "-q", "-j", "2", "-D", mode, "-d", str(source / ".doctrees")]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # pictures are to be seen
    return subprocess.run([sys.executable, *command, str(source), str(folder)], env=environment).returncode


_CONFIGURATION = f"""
project = "nnbrain"
author = "the nnbrain authors"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = "nnbrain"
html_theme_options = {{"repository_url": {repository()!r}, "use_repository_button": True, "navbar_persistent": []}}
html_copy_source = False
exclude_patterns = [".doctrees", "jupyter_execute"]
myst_enable_extensions = ["amsmath", "dollarmath"]
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True
"""


if __name__ == "__main__":
    sys.exit(main())
