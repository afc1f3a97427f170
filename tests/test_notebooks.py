"""Every notebook has the form that the reader relies on. (That they run is tested by nbval, on the files themselves.)"""

import ast
import re
import symtable
from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch

import nnbrain as nb
from nnbrain import pages

CHAPTERS = pages.existing()


@pytest.fixture(params=CHAPTERS, ids=lambda chapter: chapter.file)
def chapter(request):
    return request.param


@pytest.fixture
def book(chapter):
    return nbformat.read(pages.NOTEBOOKS / chapter.file, as_version=4)


def text(book) -> str:
    return "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


def code(book) -> list[str]:
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def headings(book) -> list[str]:
    return re.findall(r"^## (.+)$", text(book), re.MULTILINE)


def sections(book) -> dict[str, int]:
    """The rows of the table at the head: section and minutes."""
    rows = re.findall(r"^\| (\d+ · [^|]+?) \| [^|]+ \| (\d+) \|$", book.cells[1].source, re.MULTILINE)
    return {name: int(minutes) for name, minutes in rows}


def test_files_in_the_folder_are_chapters():
    assert sorted(path.name for path in pages.NOTEBOOKS.glob("*.ipynb")) == [chapter.file for chapter in CHAPTERS]


def test_it_is_valid_and_stored_without_outputs(book):
    nbformat.validate(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None, cell.id


def test_its_file_is_written_as_jupyter_writes_it(chapter, book):
    """So that saving it in Jupyter changes only what was changed."""
    assert (pages.NOTEBOOKS / chapter.file).read_text() == nbformat.writes(book) + "\n"


def test_title_badges_and_picture_stand_first(chapter, book):
    title = book.cells[0].source
    assert title == pages.title_cell(chapter)
    assert title.startswith(f"# {chapter.heading}\n")
    assert f"/blob/main/notebooks/{chapter.file})" in title  # Colab
    assert f"?urlpath=lab/tree/notebooks/{chapter.file})" in title  # Binder
    assert f"/main/figures/{chapter.picture}.png)" in title
    assert len(chapter.alt) > 40
    assert (pages.ROOT / "figures" / f"{chapter.picture}.png").exists()


def test_what_you_will_learn_names_every_section_and_its_minutes(chapter, book):
    numbered = [heading for heading in headings(book) if re.match(r"\d+ · ", heading)]
    assert list(sections(book)) == numbered
    assert sum(sections(book).values()) == chapter.minutes
    assert 20 <= chapter.minutes <= 40


def test_one_set_up_cell_stands_first_and_imports(book):
    assert code(book)[0] == pages.setup_cell()
    assert not any("pip install" in source for source in code(book)[1:])


def test_every_section_asks_a_question(book):
    for heading, following in re.findall(r"^## (\d+ · .+)\n\n(.+)$", text(book), re.MULTILINE):
        assert re.fullmatch(r"\*.+\?\*", following), heading


def test_it_ends_with_exercises_omissions_and_references(book):
    assert headings(book)[-3:] == ["Exercises", "What we left out", "References"]


def test_it_states_claims(book):
    assert any("nb.claim(" in source for source in code(book))


def test_every_equation_it_covers_is_tagged_with_its_number(chapter, book):
    tags = {int(n) for tag in re.findall(r"\\tag\{([\d, ]+)\}", text(book)) for n in tag.split(",")}
    covered = {int(place.split()[-1]) for place in pages.places(chapter.covers) if "Eq." in place}
    assert covered <= tags


def test_every_saved_figure_has_a_text_for_those_who_cannot_see_it(book):
    saved = re.findall(r'nb\.save_figure\(\w+, "(\w+)"\)', "\n".join(code(book)))
    described = dict(re.findall(r"<!-- (\w+): (.*?) -->", text(book)))
    assert set(saved) == set(described)
    assert all(len(words) > 40 for words in described.values())


def exercises(book) -> list[tuple[int, str]]:
    return [
        (i, cell.source)
        for i, cell in enumerate(book.cells)
        if "### BEGIN SOLUTION" in cell.source and cell.cell_type == "code"
    ]


def test_it_has_two_to_five_exercises_each_with_a_check(chapter, book):
    assert 2 <= len(exercises(book)) <= 5
    for i, source in exercises(book):
        (function,) = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
        assert "### END SOLUTION" in source
        assert ast.get_docstring(function), f"{function.name} should say what it takes and returns"
        assert book.cells[i + 1].source == f"nb.check.chapter_{chapter.number:02d}.{function.name}({function.name})"
        assert "**Exercise" in book.cells[i - 1].source


def test_no_later_cell_depends_on_an_exercise(book):
    for i, source in exercises(book):
        name = next(node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
        later = [cell.source for cell in book.cells[i + 2 :] if cell.cell_type == "code"]
        assert not any(re.search(rf"\b{name}\b", cell) for cell in later)


def test_a_cell_that_is_run_again_finds_what_it_found(book):
    """Readers go back: no cell may need a variable that a later cell has given another meaning."""
    reads, writes = zip(*(names(source) for source in code(book)), strict=True)
    for k, needed in enumerate(reads):
        for name in needed:
            writers = [i for i, written in enumerate(writes) if name in written]
            before = [i for i in writers if i < k]
            assert not before or writers[-1] in (before[-1], k), f"{name}, needed by:\n{code(book)[k]}"


def names(source: str) -> tuple[set[str], set[str]]:
    """The variables that a cell takes from other cells, and those that it sets."""
    python = re.sub(r"^%.*$", "", source.replace("    %pip", "    pass  #"), flags=re.MULTILINE)
    needed, written = set(), set()
    for statement in _in_order(ast.parse(python).body):
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
        needed |= _read(table) - written
        written |= {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    return needed, written


def _in_order(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Simple statements, in the order in which they run: those within loops one by one, after their head."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) or not hasattr(statement, "body"):
            yield statement
            continue
        blocks = [statement.body, getattr(statement, "orelse", [])]
        statement.body, statement.orelse = [ast.Pass()], []
        yield statement
        for block in blocks:
            yield from _in_order(block)


def _read(table: symtable.SymbolTable) -> set[str]:
    """The names that a block, or a block within it, takes from the notebook."""
    outermost = table.get_type() == "module"
    own = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (outermost or s.is_global())}
    return own.union(*(_read(child) for child in table.get_children()))


def test_links_to_other_chapters_lead_somewhere(book):
    for target in re.findall(r"\]\(([\w./]+\.(?:ipynb|md))\)", text(book)):
        assert (pages.NOTEBOOKS / target).exists(), target


def test_chapters_it_mentions_exist_or_are_planned(book):
    numbers = [int(n) for n in re.findall(r"[Nn]otebooks? (\d\d)", text(book))]
    assert set(numbers) <= {chapter.number for chapter in pages.CHAPTERS}


def test_no_code_names_a_device(book):
    assert not any(re.search(r"""["'](cuda|mps|cpu)["']|\.cuda\(""", source) for source in code(book))


def test_widgets_come_from_the_package(book):
    """They are tested there, with ipywidgets 7 and 8."""
    assert "ipywidgets" not in "".join(code(book))


def test_notebook_05_works_with_real_brains_too(monkeypatch):
    """CI has no network: here simulated brains stand in for the real ones, and networks learn for two steps."""
    simulated, _ = nb.data.simulated_objects92()
    images = simulated.images.repeat(5, axis=1).repeat(5, axis=2)  # of a photograph's size, more or less
    monkeypatch.setattr(nb.data, "objects92", lambda: replace(simulated, images=images))
    fit, stated = nb.fit, []
    monkeypatch.setattr(nb, "fit", lambda rule, task, steps, **options: fit(rule, task, 2, **options))
    monkeypatch.setattr(nb, "claim", lambda statement, value, **bounds: stated.append(statement))
    monkeypatch.setattr(plt, "show", plt.close)
    cells = nbformat.read(pages.NOTEBOOKS / "05_ventral_stream.ipynb", as_version=4).cells
    end = next(i for i, cell in enumerate(cells) if cell.source.startswith("## 4 ·") or "\n## 4 ·" in cell.source)
    space = {"nb": nb, "torch": torch, "np": np, "plt": plt, "seed": 0, "device": nb.device()}
    for cell in cells[:end]:
        if cell.cell_type == "code" and cell.source != pages.setup_cell():
            exec(cell.source, space)
    assert "correlation of human and monkey IT" in stated
    assert any("circular comparison less honest comparison" in statement for statement in stated)
    assert space["origin"] != "SIMULATED"
