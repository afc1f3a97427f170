"""What is generated is current, and the index points somewhere."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from nnbrain import checkout, pages
from nnbrain.chapters import CHAPTERS, EQUATIONS, FIGURES

ROOT = pages.ROOT
WRITTEN = {place for chapter in pages.existing() for place in pages.places(chapter.covers)}


def test_places_reads_equations_and_figures():
    words = "Primer, section 2.1, Equations 1-3, 31, Figures 2A, 4C; Framework, Box 1, Figure 1 (drawn anew in 2026)"
    assert pages.places(words) == [
        *("Primer Eq. 1", "Primer Eq. 2", "Primer Eq. 3", "Primer Eq. 31", "Primer Fig. 2A", "Primer Fig. 4C"),
        "Framework Fig. 1",
    ]
    assert pages.places("LeCun et al. 1998, Figure 2") == []


def test_every_equation_and_figure_has_exactly_one_chapter():
    covered = [place for chapter in CHAPTERS for place in pages.places(chapter.covers)]
    expected = [f"Primer Eq. {number}" for number in EQUATIONS] + [name.replace(" ", " Fig. ") for name in FIGURES]
    assert sorted(covered) == sorted(expected)
    assert list(EQUATIONS) == list(range(1, 50))


def test_everything_generated_is_current():
    stale = [str(path.relative_to(ROOT)) for path in pages.outdated()]
    assert stale == [], "run python -m nnbrain.pages"


def test_a_changed_page_is_noticed_and_written_anew(tmp_path, monkeypatch, capsys):
    """On a copy of the checkout: change a generated cell, and see it found and mended."""
    for folder in ("notebooks", "figures", "tests", "binder"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for page in ("README.md", "pyproject.toml", "environment.yml"):
        shutil.copy(ROOT / page, tmp_path / page)
    for module in (pages, checkout):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    assert pages.main(["--check"]) == 0
    spoilt = tmp_path / "notebooks" / "01_multilayer_perceptrons.ipynb"
    students = tmp_path / "notebooks" / "exercises" / spoilt.name
    good, without_solutions = spoilt.read_text(), students.read_text()
    students.write_text(without_solutions.replace("raise NotImplementedError", "return"))
    spoilt.write_text(good.replace("# 01 · Multilayer", "# 01 · Single-layer"))
    assert pages.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "out of date: notebooks/01_multilayer_perceptrons.ipynb" in said
    assert "out of date: notebooks/exercises/01_multilayer_perceptrons.ipynb" in said
    assert pages.main([]) == 0
    assert (spoilt.read_text(), students.read_text()) == (good, without_solutions)


def test_an_empty_notebook_gets_its_generated_cells(tmp_path):
    empty = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    made = pages.notebook(CHAPTERS[2], empty)
    assert '"id": "02-title"' in made and '"id": "02-setup"' in made
    assert pages.notebook(CHAPTERS[2], made) == made


@pytest.mark.parametrize("number", [n for n in EQUATIONS if f"Primer Eq. {n}" in WRITTEN])
def test_an_equation_of_a_written_chapter_has_an_object_and_a_test(number):
    place = f"Primer Eq. {number}"
    assert pages.objects_by_place().get(place), f"no public object says 'Source: Primer, Equation {number}'"
    assert pages.tests_by_place().get(place), f"no test is marked as covering Primer, Equation {number}"


FIGURES_WRITTEN = [name for name in FIGURES if name.replace(" ", " Fig. ") in WRITTEN]


@pytest.mark.covers("Primer, Figures 1, 2A; Framework, Figure 1")
@pytest.mark.parametrize("figure", FIGURES_WRITTEN)
def test_a_figure_of_a_written_chapter_is_saved_by_its_notebook(figure):
    name = figure.lower().replace(" ", "_fig")
    picture = ROOT / "figures" / f"{name}.png"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    chapter = pages.chapter_of(figure.replace(" ", " Fig. "))
    assert f'nb.save_figure(figure, \\"{name}\\")' in (pages.NOTEBOOKS / chapter.file).read_text()
    assert pages.tests_by_place().get(figure.replace(" ", " Fig. ")), f"no test is marked as covering {figure}"


def test_every_picture_is_saved_by_some_notebook():
    notebooks = "".join((pages.NOTEBOOKS / chapter.file).read_text() for chapter in pages.existing())
    unknown = [path.name for path in (ROOT / "figures").iterdir() if f'\\"{path.stem}\\")' not in notebooks]
    assert unknown == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "LICENSE-TEXT.md", "notebooks/README.md"])
def test_every_link_within_the_checkout_leads_somewhere(page):
    path = ROOT / page
    targets = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    inside = [target for target in targets if not target.startswith("http")]
    assert [target for target in inside if not (path.parent / target).exists()] == []


def test_every_object_of_the_index_exists():
    import nnbrain

    for name in re.findall(r"`nnbrain\.([\w.]+)`", pages.index()):
        thing = nnbrain
        for part in name.split("."):
            thing = getattr(thing, part)


EXTRAS = ("lab", "course", "book", "dev")


def required(*extras):
    said = pages.project()
    return [*said["dependencies"], *(line for extra in extras for line in said["optional-dependencies"][extra])]


def in_conda(path):
    """The requirements of an environment.yml, those for pip included."""
    found = yaml.safe_load((ROOT / path).read_text())["dependencies"]
    return [line for line in found if isinstance(line, str)] + [
        p for d in found if isinstance(d, dict) for p in d["pip"]
    ]


@pytest.mark.parametrize("path, extras", [("environment.yml", EXTRAS), ("binder/environment.yml", ("lab",))])
def test_the_environments_are_in_step_with_the_project(path, extras):
    """Every requirement of pyproject.toml stands in environment.yml with the same bound, torch as its CPU build."""
    conda = in_conda(path)
    for requirement in required(*extras):
        plain = re.sub("^torch>", "pytorch-cpu>", requirement)
        assert plain in conda or plain.startswith("tomli"), requirement
    assert f"python{pages.project()['requires-python']},<3.14" in conda


def test_binders_environment_agrees_with_the_other():
    """A part of it; nnbrain itself is installed by postBuild, as pip cannot see the checkout from binder/."""
    ours, binder = in_conda("environment.yml"), in_conda("binder/environment.yml")
    assert set(binder) < set(ours)
    assert "-e ." in ours and "-e ." not in binder


def pins():
    """The names in requirements.txt, with their versions and markers."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def test_every_requirement_is_pinned():
    names = {re.split(r"[=<>;\[ ]", line)[0].lower() for line in pins()}
    assert all("==" in line for line in pins())
    for requirement in required(*EXTRAS):
        assert re.split(r"[=<>;\[ ]", requirement)[0].lower() in names, requirement
    assert "torch==2.13.0" in pins()


def test_the_pins_install_nnbrain_and_none_of_cudas_packages():
    assert "-e ." in (ROOT / "requirements.txt").read_text().splitlines()
    assert not [line for line in pins() if line.startswith(("nvidia", "cuda", "triton"))]


def command(name: str) -> str:
    """The command line that stands in the README under a comment of that name."""
    return re.search(rf"<!-- command: {name} -->\n```sh\n(.+)\n```", (ROOT / "README.md").read_text()).group(1)


def test_the_readmes_two_commands_install_the_pins():
    for name in ("open", "test"):
        assert command(name).startswith("python -m pip install -r requirements.txt && ")
    assert (ROOT / command("open").split()[-1]).exists()
    assert command("test").endswith("python -m pytest")


def test_ci_runs_the_readmes_test_command():
    """CI's script takes the command from the README: run it with a shell that prints what it would run."""
    script = ROOT / ".ci" / "run"
    found = subprocess.run(["bash", str(script), "--print"], capture_output=True, text=True, check=True).stdout
    assert found.strip() == command("test")


def test_the_repositorys_address_is_the_same_everywhere():
    address = pages.repository()
    pattern = re.compile(r"https://github\.com/[\w-]+/nnbrain\b")
    for name in [
        "README.md",
        "CITATION.cff",
        "notebooks/00_start_here.ipynb",
        "notebooks/01_multilayer_perceptrons.ipynb",
    ]:
        assert set(pattern.findall(Path(ROOT / name).read_text())) <= {address}
