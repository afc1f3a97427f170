"""Assignments: the versions for students, the instructor's page, and a course that is released, solved and graded."""

import re
import subprocess
import sys

import nbformat
import pytest
import torch

import nnbrain as nb
from nnbrain import assignments, check, pages
from nnbrain import book as book_module
from nnbrain.check import Wrong

CHAPTERS = pages.existing()
NAME = "01_multilayer_perceptrons"


@pytest.fixture(params=CHAPTERS, ids=lambda chapter: chapter.file)
def chapter(request):
    return request.param


def read(chapter):
    return nbformat.read(pages.NOTEBOOKS / chapter.file, as_version=4)


def student_version(chapter):
    return nbformat.read(pages.NOTEBOOKS / "exercises" / chapter.file, as_version=4)


def cell_of(book, identity):
    return next(cell for cell in book.cells if cell.id == identity)


def test_every_exercise_is_found_with_its_minutes_and_points(chapter):
    found = assignments.exercises(read(chapter))
    assert [exercise.number for exercise in found] == list(range(1, len(found) + 1))
    assert len(found) == sum("### BEGIN SOLUTION" in cell.source for cell in read(chapter).cells)
    assert all(5 <= exercise.minutes <= 30 and exercise.points >= 1 for exercise in found)


def test_the_version_for_students_is_the_chapter_without_its_solutions(chapter):
    ours, theirs = read(chapter), student_version(chapter)
    assert [cell.id for cell in theirs.cells] == [cell.id for cell in ours.cells]
    solutions = {exercise.solution for exercise in assignments.exercises(ours)}
    for cell, other in zip(ours.cells, theirs.cells, strict=True):
        assert "SOLUTION" not in other.source
        if cell.cell_type == "code" and cell.id not in solutions:
            assert other.source == cell.source
    assert not any("nbgrader" in cell.source for cell in theirs.cells)  # it works where nbgrader is not


def test_the_badges_of_the_version_for_students_open_it(chapter):
    title = student_version(chapter).cells[0].source
    assert f"/blob/main/notebooks/exercises/{chapter.file})" in title
    assert f"urlpath=lab/tree/notebooks/exercises/{chapter.file})" in title
    assert not re.findall(r"\]\((?!http)", "".join(cell.source for cell in student_version(chapter).cells[:1]))


def test_every_stub_raises_and_its_check_says_that_it_is_not_written(chapter):
    for exercise in assignments.exercises(read(chapter)):
        stub = cell_of(student_version(chapter), exercise.solution)
        space = {"torch": torch, "nb": nb}
        exec(stub.source, space)
        with pytest.raises(NotImplementedError, match="your solution, in place of this line"):
            space[exercise.function](*"abcdefgh"[: space[exercise.function].__code__.co_argcount])
        with pytest.raises(Wrong, match="not written yet"):
            exec(cell_of(student_version(chapter), exercise.check).source, space)


def test_the_instructors_page_says_what_students_get_wrong():
    page = assignments.instructor_page()
    assert "01_multilayer_perceptrons`, 10 points" in page
    assert "**Prior knowledge:** some Python and linear algebra, 00 · Start here" in page
    assert "write backpropagation from the chain rule" in page
    for chapter in CHAPTERS:
        for exercise in assignments.exercises(read(chapter)):
            known = assignments.mistakes(getattr(check, f"chapter_{chapter.number:02d}"), exercise.function)
            assert len(known) >= 3
            assert all(message in page for message in known)


def book(*cells):
    kinds = {"text": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    return nbformat.v4.new_notebook(cells=[kinds[kind](source) for kind, source in cells])


SOLUTION = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"


@pytest.mark.parametrize(
    "text, after",
    [
        ("**Exercise 1: no minutes.** Do it.", "nb.check.chapter_01.f(f)"),
        ("**Exercise 1: another check** (5 minutes, 1 point). Do it.", "nb.check.chapter_01.g(g)"),
    ],
)
def test_an_exercise_out_of_form_is_refused(text, after):
    with pytest.raises(ValueError, match="the exercise f needs a text before it"):
        assignments.exercises(book(("text", text), ("code", SOLUTION), ("code", after)))


def nbgrader(course, *arguments):
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    assert assignments.main([str(folder)]) == 0
    return folder


def test_the_release_version_is_the_one_for_students(course, chapter):
    """nbgrader's command, with the course's own configuration, makes what notebooks/exercises has."""
    stem = chapter.file.removesuffix(".ipynb")
    released = course / "release" / stem / chapter.file
    assert nbformat.read(released, as_version=4) == student_version(chapter)
    before = released.read_text()
    nbgrader(course, "generate_assignment", stem, "--force")
    assert released.read_text() == before


def test_writing_a_course_again_changes_nothing(course):
    before = {path: path.read_bytes() for path in course.rglob("*.ipynb")}
    assignments.main([str(course)])
    assert {path: path.read_bytes() for path in course.rglob("*.ipynb")} == before


WRONG = {
    "softmax_delta": "return torch.softmax(y, dim=1)",
    "numerical_gradient": "return torch.zeros_like(w)",
    "delta_before": "return delta_next @ W_next",
    "xor_network": "return torch.ones(2, 2), torch.zeros(2), torch.ones(1, 2), torch.zeros(1)",
}


def hand_in(course, who, right=(), wrong=(), alter=False, delete=()):
    """A submission: the released notebook, some exercises solved as in the chapter, some wrongly, the rest untouched."""
    chapter = CHAPTERS[1]
    found = assignments.exercises(read(chapter))
    submission = nbformat.read(course / "release" / NAME / chapter.file, as_version=4)
    for exercise in found:
        cell = cell_of(submission, exercise.solution)
        if exercise.number in right:
            cell.source = cell_of(read(chapter), exercise.solution).source
        elif exercise.number in wrong:
            cell.source = cell.source[: cell.source.index("raise NotImplementedError")] + WRONG[exercise.function]
        if alter:
            cell_of(submission, exercise.check).source = "print('✓ all right')"
        if exercise.number in delete:
            submission.cells.remove(cell_of(submission, exercise.check))
    folder = course / "submitted" / who / NAME
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(submission, folder / chapter.file)


def test_submissions_get_the_points_that_they_deserve(course):
    """Right, partly right, wrong, and wrong with checks that always say yes or are gone: nbgrader puts the checks back."""
    from nbgrader.api import Gradebook

    hand_in(course, "right", right=(1, 2, 3, 4), delete=(2,))
    hand_in(course, "partly", right=(1, 3), wrong=(2,))
    hand_in(course, "wrong", wrong=(1, 2, 3, 4))
    hand_in(course, "altered", wrong=(1, 2, 3, 4), alter=True)
    nbgrader(course, "autograde", NAME)

    def scores():
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
            return {s.student.id: (s.score, s.max_score) for s in gradebook.assignment_submissions(NAME)}

    assert scores() == {"right": (10, 10), "partly": (5, 10), "wrong": (0, 10), "altered": (0, 10)}

    nbgrader(course, "generate_feedback", NAME)
    feedback = (course / "feedback" / "altered" / NAME / f"{NAME}.html").read_text()
    assert "Not yet" in feedback and "The nonlinearity is missing" in feedback
    hand_in(course, "wrong", right=(1,), wrong=(2, 3, 4))  # once more
    nbgrader(course, "autograde", NAME, "--student", "wrong", "--force")
    assert scores()["wrong"] == (2, 10)
    assignments.main([str(course)])  # made anew, with grades there
    assert scores()["partly"] == (5, 10)
    nbgrader(course, "export")
    assert len((course / "grades.csv").read_text().splitlines()) > 4


def test_a_file_is_no_course_and_no_site(tmp_path, capsys):
    (tmp_path / "file").touch()
    for program in (assignments, book_module):
        with pytest.raises(SystemExit):
            program.main([str(tmp_path / "file")])
        assert "is a file; give the name of a folder" in capsys.readouterr().err


def test_without_nbgrader_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    with pytest.raises(ModuleNotFoundError, match="python -m pip install nbgrader"):
        assignments.write_course(tmp_path / "course")
