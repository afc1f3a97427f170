"""Claims: enforced in a notebook, measured over seeds, and as bold as the committed tables allow."""

import ast
import json

import nbformat
import pytest
import torch

import nnbrain as nb
from nnbrain.claims import ClaimFailed, seeds
from nnbrain.claims.__main__ import main
from nnbrain.pages import NOTEBOOKS, ROOT, existing


def test_a_claim_that_holds_prints_value_bound_and_source(capsys):
    nb.claim("held-out accuracy", 0.975, above=0.95)
    assert capsys.readouterr().out == "✓ held-out accuracy: 0.975 > 0.95 (3 s.d. over seeds)\n"
    nb.claim("ratio", torch.tensor(2.0, requires_grad=True), above=1.5, below=2.5, source="theory")
    assert capsys.readouterr().out == "✓ ratio: 1.5 < 2 < 2.5 (theory)\n"


@pytest.mark.parametrize("value", [0.9, 0.95, float("nan"), float("-inf")])
def test_a_claim_that_fails_raises(value):
    with pytest.raises(ClaimFailed, match=r"this does not hold: accuracy: .* > 0.95"):
        nb.claim("accuracy", value, above=0.95)


def test_infinity_fulfils_no_claim():
    with pytest.raises(ClaimFailed):
        nb.claim("ratio", float("inf"), above=1)


def test_a_claim_needs_a_bound_and_a_known_source():
    with pytest.raises(ValueError, match="needs a bound"):
        nb.claim("accuracy", 0.9)
    with pytest.raises(ValueError, match="seeds, theory, paper, got 'hope'"):
        nb.claim("accuracy", 0.9, above=0.5, source="hope")
    with pytest.raises(ValueError, match=r"nothing lies above 1 and below 0.5"):
        nb.claim("accuracy", 0.9, above=1, below=0.5)


@pytest.mark.parametrize("value", [None, "high", torch.zeros(2), [0.5, 0.6]])
def test_a_claim_is_about_one_number(value):
    with pytest.raises(TypeError, match="about one number"):
        nb.claim("accuracy", value, above=0)


def test_jupyter_shows_a_failed_claim_without_the_packages_own_code():
    assert ClaimFailed("x")._render_traceback_() == ["ClaimFailed: x"]


@pytest.fixture
def notebook(tmp_path):
    """A small chapter 07 whose claims depend on the seed."""

    def write(*cells):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        nbformat.write(book, tmp_path / "07_small.ipynb")
        return tmp_path

    return write


START = "import torch\nimport nnbrain as nb\nseed = nb.set_seed()"


def test_claims_are_measured_over_seeds(notebook, capsys):
    folder = notebook(
        START,
        "nb.claim('the seed', seed, above=-1, below=10, source='theory')\nnb.claim('draw', torch.rand(1), above=0)",
    )
    assert main(["07", "--seeds", "3", "--notebooks", str(folder), "--output", str(folder)]) in (0, 1)
    rows = seeds.read_csv(folder / "07.csv")
    assert [(row["seed"], row["claim"]) for row in rows] == [
        (s, name) for s in range(3) for name in ("the seed", "draw")
    ]
    assert [row["value"] for row in rows if row["claim"] == "the seed"] == [0, 1, 2]
    assert len({row["value"] for row in rows if row["claim"] == "draw"}) == 3
    assert "the seed [theory]" in capsys.readouterr().out


def test_a_claim_that_fails_for_a_seed_is_recorded_and_the_rest_measured(notebook, capsys):
    folder = notebook(START, "nb.claim('small seed', seed, below=1, source='theory')", "nb.claim('last', 1, above=0)")
    assert main(["07", "--seeds", "2", "--notebooks", str(folder), "--output", str(folder)]) == 1
    assert "fails for 1 seeds" in capsys.readouterr().out
    assert len(seeds.read_csv(folder / "07.csv")) == 4


def test_a_notebook_that_fails_otherwise_stops_the_measurement(notebook):
    folder = notebook(START, "nb.claim('one', 1, above=0)\nraise RuntimeError('broken')")
    with pytest.raises(RuntimeError, match=r"(?s)07_small.ipynb fails with seed 0.*broken"):
        seeds.measure(folder / "07_small.ipynb", [0], jobs=1)


def test_a_claim_made_for_some_seeds_only_is_refused(notebook):
    folder = notebook(START, "if seed == 1:\n    nb.claim('sometimes', 1, above=0)")
    with pytest.raises(RuntimeError, match=r"exactly once for each seed.*sometimes"):
        seeds.measure(folder / "07_small.ipynb", [0, 1], jobs=1)


def test_a_bound_that_changes_with_the_seed_is_refused(notebook):
    """Such a bound would be chosen after looking at the result."""
    folder = notebook(START, "nb.claim('draw', torch.rand(1), above=-1 - seed)")
    with pytest.raises(ValueError, match="the bound of 'draw' changes with the seed"):
        seeds.summarize(seeds.measure(folder / "07_small.ipynb", [0, 1], jobs=1))


def test_a_broken_notebook_is_no_notebook_without_claims(tmp_path):
    (tmp_path / "07_small.ipynb").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        seeds.measure(tmp_path / "07_small.ipynb", [0], jobs=1)


def test_a_notebook_without_claims_is_told_so(notebook, capsys):
    with pytest.raises(SystemExit):
        main(["07", "--seeds", "1", "--notebooks", str(notebook(START))])
    assert "07_small.ipynb makes no claims" in capsys.readouterr().err


def test_few_seeds_write_no_table(notebook, capsys, monkeypatch):
    folder = notebook(START, "nb.claim('one', 1, above=0)")
    monkeypatch.chdir(folder)
    assert main(["07", "--seeds", "1", "--notebooks", str(folder)]) == 0
    assert "no table was written" in capsys.readouterr().out
    assert not (folder / "tests").exists()


def test_a_table_keeps_every_digit(tmp_path):
    rows = rows_of([1 / 3, 1e-17, 12345678.9], above=0.1)
    seeds.write_csv(rows, tmp_path / "t.csv")
    assert seeds.read_csv(tmp_path / "t.csv") == rows


def test_an_unknown_chapter_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["99", "--notebooks", str(tmp_path)])
    assert "0 notebooks 99_*.ipynb" in capsys.readouterr().err


def rows_of(values, **bound):
    fixed = {"claim": "c", "above": None, "below": None, "source": "seeds"} | bound
    return [{"seed": s, "value": v} | fixed for s, v in enumerate(values)]


def test_the_margin_is_in_standard_deviations():
    (summary,) = seeds.summarize(rows_of([0.8, 0.9, 1.0], above=0.5, below=1.1))
    assert summary["mean"] == pytest.approx(0.9)
    assert summary["sd"] == pytest.approx(0.1)
    assert summary["margin"] == pytest.approx(2.0)  # the nearer bound, 1.1


@pytest.mark.parametrize(
    "values, bound, too_bold",
    [
        ([0.8, 0.9, 1.0], {"above": 0.65}, True),
        ([0.8, 0.9, 1.0], {"above": 0.55}, False),
        ([0.8, 0.9, 1.0], {"above": 0.75, "source": "theory"}, False),
        ([0.8, 0.9, 1.0], {"above": 0.85, "source": "theory"}, True),
        ([1.0, 1.0, 1.0], {"above": 0.99}, False),
    ],
)
def test_a_bound_within_three_standard_deviations_is_too_bold(values, bound, too_bold):
    (summary,) = seeds.summarize(rows_of(values, **bound))
    assert seeds.weak(summary) == too_bold


def claims_in(path):
    """Every nb.claim of a notebook, as (statement, above, below, source)."""
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"]).replace("%pip", "#pip").replace("    #pip", "    pass  #")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "nb.claim":
                given = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
                statement = ast.literal_eval(node.args[0])  # a literal, so that it can be compared with the table
                found.append((statement, given.get("above"), given.get("below"), given.get("source", "seeds")))
    return found


@pytest.mark.parametrize("chapter", existing(), ids=lambda chapter: chapter.file)
def test_every_claim_was_measured_over_20_seeds_and_is_not_too_bold(chapter):
    """The committed table is of the claims as they stand, and they hold with the margin that they promise."""
    rows = seeds.read_csv(ROOT / "tests" / "claims" / f"{chapter.number:02d}.csv")
    assert {row["seed"] for row in rows} == set(range(20))
    measured = {(row["claim"], row["above"], row["below"], row["source"]) for row in rows}
    assert set(claims_in(NOTEBOOKS / chapter.file)) == measured
    assert [row["claim"] for row in seeds.summarize(rows) if seeds.weak(row)] == []
