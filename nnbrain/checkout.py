"""The checkout: where it lies, which chapters it has, its address, and the head that every notebook bears."""

from pathlib import Path
from typing import Any

from nnbrain.chapters import CHAPTERS, Chapter

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def existing() -> list[Chapter]:
    """The chapters that are more than planned."""
    return [chapter for chapter in CHAPTERS if (NOTEBOOKS / chapter.file).exists()]


def project() -> dict[str, Any]:
    """What pyproject.toml says of the project."""
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def repository() -> str:
    """The repository's address, https://github.com/owner/name."""
    return project()["urls"]["Repository"]


def title_cell(chapter: Chapter, folder: str = "notebooks") -> str:
    """Title, badges, what the chapter covers and needs, and its picture.

    Parameters
    ----------
    chapter : Chapter
    folder : str
        Where the notebook lies that the badges open: "notebooks", or "notebooks/exercises" for the version without solutions.

    Returns
    -------
    str
        Markdown.
    """
    address = repository()
    path = f"{folder}/{chapter.file}"
    owner_and_name = address.removeprefix("https://github.com/")
    needs = " and ".join(f"[{n.heading}]({n.file})" for n in CHAPTERS if n.number in chapter.needs) or "nothing"
    colab, binder = "https://colab.research.google.com", "https://mybinder.org"
    other = f" · [without solutions](exercises/{chapter.file})" if folder == "notebooks" else ""
    lines = [
        f"# {chapter.heading}",
        "",
        f"[![Open in Colab]({colab}/assets/colab-badge.svg)]({colab}/github/{owner_and_name}/blob/main/{path})",
        f"[![Open in Binder]({binder}/badge_logo.svg)]({binder}/v2/gh/{owner_and_name}/main?urlpath=lab/tree/{path}){other}",
        "",
        chapter.teaches,
        "",
        f"**Covers:** {chapter.covers}. **Read first:** {needs}. **Time:** {chapter.minutes} minutes.",
    ]
    if chapter.picture:
        raw = address.replace("https://github.com", "https://raw.githubusercontent.com")
        lines += ["", f"![{chapter.alt}]({raw}/main/figures/{chapter.picture}.png)"]
    return "\n".join(lines)
