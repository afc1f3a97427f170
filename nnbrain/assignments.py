"""Assignments for a course, made from the chapters: ``python -m nnbrain.assignments my_course``.

The folder becomes a course of nbgrader: the source version of each chapter, with solutions, checks and points; the release
version, whose solutions nbgrader has replaced by a stub; its configuration and gradebook; and ``instructor.md``, which says what
each assignment is for, what students get wrong, and how to release, collect and grade.

Exercises are found by the form that every chapter has: a text "**Exercise 1: its name** (10 minutes, 2 points).", a cell with a
solution between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, and a cell with its check.
"""

import argparse
import ast
import inspect
import logging
import os
import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
from nbformat import NotebookNode

from nnbrain import check
from nnbrain.chapters import CHAPTERS, Chapter
from nnbrain.checkout import NOTEBOOKS, existing, repository, title_cell

STUB = 'raise NotImplementedError("your solution, in place of this line: see the exercise above")'
_HEADING = re.compile(r"\*\*Exercise (\d+): ([^*]+)\*\* \((\d+) minutes, (\d+) points?\)\.")


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter.

    Attributes
    ----------
    number : int
    name : str
    minutes, points : int
    function : str
        The name of the function that students write, and of its check.
    solution, check : str
        The ids of the two cells.
    """

    number: int
    name: str
    minutes: int
    points: int
    function: str
    solution: str
    check: str


def main(arguments: list[str] | None = None) -> int:
    """The command line: ``python -m nnbrain.assignments my_course``."""
    parser = argparse.ArgumentParser(prog="python -m nnbrain.assignments", description=__doc__.split("\n")[0])
    parser.add_argument("course", type=Path, help="the folder to write; one with a gradebook is brought up to date")
    course = parser.parse_args(arguments).course
    if course.exists() and not course.is_dir():
        parser.error(f"{course} is a file; give the name of a folder.")
    write_course(course)
    print(f"{course / 'instructor.md'} says what is there, and how to release, collect and grade.")
    return 0


def exercises(book: NotebookNode) -> list[Exercise]:
    """The exercises of a chapter.

    Parameters
    ----------
    book : NotebookNode

    Returns
    -------
    list of Exercise

    Raises
    ------
    ValueError
        If an exercise has no heading with minutes and points before it, or no check after it.
    """
    found = []
    for (text, solution), (_, following) in pairwise(pairwise(book.cells)):
        if solution.cell_type != "code" or "### BEGIN SOLUTION" not in solution.source:
            continue
        heading = _HEADING.search(text.source)
        function = next(node.name for node in ast.parse(solution.source).body if isinstance(node, ast.FunctionDef))
        if heading is None or not following.source.endswith(f".{function}({function})"):
            raise ValueError(
                f"the exercise {function} needs a text before it, '**Exercise 1: its name** (10 minutes, 2 points).', and after "
                f"it a cell with its check, nb.check.chapter_NN.{function}({function})."
            )
        number, name, minutes, points = heading.groups()
        found.append(Exercise(int(number), name, int(minutes), int(points), function, solution.id, following.id))
    return found


def source(chapter: Chapter, text: str) -> NotebookNode:
    """The source version: the chapter, with what nbgrader has to know in the metadata of its exercises.

    Parameters
    ----------
    chapter : Chapter
    text : str
        Its notebook's file.

    Returns
    -------
    NotebookNode
    """
    book = nbformat.reads(text, as_version=4)
    marks: dict[str, dict[str, Any]] = {}
    for exercise in exercises(book):
        marks[exercise.solution] = {"solution": True, "grade": False, "locked": False}
        marks[exercise.check] = {"solution": False, "grade": True, "locked": True, "points": exercise.points}
    away = f"{repository()}/blob/main/notebooks/"  # the notebook leaves its folder, so links lead to the repository
    for cell in book.cells:
        if cell.id == f"{chapter.number:02d}-title":
            cell.source = title_cell(chapter, folder="notebooks/exercises")
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"<!--solution-->.*?<!--end-->", "", cell.source, flags=re.DOTALL).rstrip()
            cell.source = re.sub(r"\]\(([\w./]+\.(?:ipynb|md))\)", rf"]({away}\1)", cell.source)
        if cell.id in marks:
            cell.metadata["nbgrader"] = marks[cell.id] | {"grade_id": cell.id, "schema_version": 3, "task": False}
    return book


def student(chapter: Chapter, text: str) -> str:
    """The version for students, as nbgrader makes it: a stub where the solution was; the checks stay.

    Parameters
    ----------
    chapter : Chapter
    text : str
        Its notebook's file.

    Returns
    -------
    str
        The new notebook's file.
    """
    _nbgrader()
    from nbgrader import preprocessors

    book, resources = source(chapter, text), {}
    for name in ("LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata", "ComputeChecksums"):
        book, resources = getattr(preprocessors, name)(config=_configuration()).preprocess(book, resources)
    return nbformat.writes(book) + "\n"


def write_course(folder: Path) -> None:
    """Write a course: source and release versions of every chapter, a gradebook, and the instructor's page.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    ModuleNotFoundError
        If nbgrader is not installed.
    RuntimeError
        If nbgrader cannot make a release version.
    """
    _nbgrader()
    from nbgrader.apps import NbGraderAPI

    for chapter in existing():
        path = folder / "source" / Path(chapter.file).stem / chapter.file
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(source(chapter, (NOTEBOOKS / chapter.file).read_text(encoding="utf-8")), path)
    (folder / "nbgrader_config.py").write_text(_CONFIGURATION, encoding="utf-8")
    (folder / "instructor.md").write_text(instructor_page(), encoding="utf-8")
    config = _configuration()
    config.CourseDirectory.root = str(folder.resolve())
    api = NbGraderAPI(config=config)
    api.log.setLevel(logging.WARNING)
    for chapter in existing():
        done = api.generate_assignment(Path(chapter.file).stem)
        if not done["success"]:
            raise RuntimeError(
                f"nbgrader makes no release version of {chapter.file}:\n{done['log']}{done.get('error', '')}"
            )
    api.gradebook.close()


def instructor_page() -> str:
    """The instructor's page, in Markdown: what each assignment is for, its points, and what students get wrong."""
    parts = [_INSTRUCTOR]
    for chapter in existing():
        book = nbformat.read(NOTEBOOKS / chapter.file, as_version=4)
        found = exercises(book)
        aims = re.findall(r"^\| \d+ · [^|]+ \| ([^|]+) \| \d+ \|$", book.cells[1].source, re.MULTILINE)
        needs = [other.heading for other in CHAPTERS if other.number in chapter.needs]
        parts += [
            f"## {chapter.heading}\n",
            f"{chapter.teaches} ({chapter.covers}.)\n",
            f"- **Assignment:** `{Path(chapter.file).stem}`, {sum(e.points for e in found)} points",
            f"- **Minutes:** {chapter.minutes} to read, {sum(e.minutes for e in found)} for the exercises",
            f"- **Prior knowledge:** {', '.join(['some Python and linear algebra', *needs])}",
            "- **Aims.** Afterwards a student can " + "; ".join(aim.strip() for aim in aims) + ".\n",
        ]
        for exercise in found:
            wrong = mistakes(getattr(check, f"chapter_{chapter.number:02d}"), exercise.function)
            parts += [
                f"### Exercise {exercise.number}: {exercise.name}\n",
                f"{exercise.minutes} minutes, points: {exercise.points}. What students get wrong, as the check tells them:\n",
                *(f"- {message}" for message in wrong),
                "",
            ]
    return "\n".join(parts)


def mistakes(module: ModuleType, function: str) -> list[str]:
    """The typical mistakes that a check knows by name.

    Parameters
    ----------
    module : module
        A chapter's checks.
    function : str
        The exercise.

    Returns
    -------
    list of str
        What a student who makes the mistake is told: the keys of the check's dictionaries ``mistakes``.
    """
    tree = ast.parse(inspect.getsource(getattr(module, function)))
    tables = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Dict)
        and ast.unparse(node.targets[0]) == "mistakes"
    ]
    return [key.value for table in tables for key in table.keys]


def _nbgrader() -> None:
    """Make sure that nbgrader can be used."""
    try:
        import nbgrader  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("this needs nbgrader: python -m pip install nbgrader") from error
    programs = str(Path(sys.executable).parent)  # nbgrader calls alembic by its name
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")


def _configuration():
    """The same settings as in the course's nbgrader_config.py."""
    from traitlets.config import Config

    config = Config()
    exec(_CONFIGURATION, {"get_config": lambda: config})
    return config


_CONFIGURATION = f"""# Written by python -m nnbrain.assignments; read by every nbgrader command that is run in this folder.
c = get_config()

c.CourseDirectory.course_id = "nnbrain"
c.ClearSolutions.code_stub = {{"python": {STUB!r}}}
c.OverwriteCells.add_missing_cells = True  # a check that a student deleted comes back
c.ExecutePreprocessor.timeout = 120  # seconds for a cell: whole chapters are run, not the exercises alone
"""

_INSTRUCTOR = """# For instructors

Written by `python -m nnbrain.assignments`, from the chapters. Each chapter is an assignment: students read it, and solve its
exercises in it. Every exercise is followed by a check, which gives the points, and tells a student who does not have them yet
what is wrong.

## How to release, collect and grade

In this folder, with nbgrader installed:

1. **Release.** Hand out `release/ASSIGNMENT/ASSIGNMENT.ipynb`; or send students the link of that chapter in
   `notebooks/exercises/` of the repository, whose badges open it in Colab or Binder. There they get the same feedback.
2. **Collect.** Put what each student hands in into `submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb`. (nbgrader does this from
   the archive of a learning management system, `nbgrader zip_collect`, and with JupyterHub, `nbgrader collect`.)
3. **Grade.** `nbgrader autograde ASSIGNMENT` runs every submission that has not been graded yet. Checks that a student changed or
   deleted are put back first. The whole chapter is run, which takes up to a minute a student. When a student hands in once more:
   `nbgrader autograde ASSIGNMENT --student STUDENT --force`, and the same for `generate_feedback`.
4. **Return.** `nbgrader generate_feedback ASSIGNMENT` writes a page for each student into `feedback/`, and `nbgrader export`
   all scores into `grades.csv` (of every assignment there is: one that was not handed in has 0). `nbgrader formgrader`, within
   `jupyter lab`, shows all of this with the mouse.

To change points or texts, edit `source/` (menu *View, Activate Create Assignment*), and run
`nbgrader generate_assignment ASSIGNMENT --force`. Running `python -m nnbrain.assignments` once more overwrites `source/` and
`release/`; grades stay.
"""


if __name__ == "__main__":
    sys.exit(main())
