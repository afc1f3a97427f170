"""Launch links: what Binder builds, and what the set-up cell does on Colab and elsewhere."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from nnbrain import pages

ROOT = pages.ROOT


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python with everything that nnbrain needs, and without nnbrain: what Colab is, and Binder before postBuild."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=True)
    python = next((folder / "venv").glob("[bS][ic]*/python*"))
    (own,) = json.loads(ask(python, "import json, site; print(json.dumps(site.getsitepackages()[:1]))"))
    # Folders that a .pth file adds are searched last, and their own .pth files (that of an editable nnbrain) are not read.
    (Path(own) / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    if ask(python, FIND) != "None":
        pytest.skip("nnbrain is installed here as a copy, which cannot be hidden; install it with -e")
    return python


FIND = "import importlib.util as u; s = u.find_spec('nnbrain'); print(s and s.origin)"


def ask(python, code, **environment):
    """What a program prints, run far from the checkout."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [python, "-c", code], cwd=python.parent, env=kept | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def copy(tmp_path):
    """The checkout's files that an installation needs."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "nnbrain", folder / "nnbrain", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "binder", folder / "binder")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT.md", "CITATION.cff"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def run_setup_cell(python, folder, checkout, on_colab, **environment):
    """Run the set-up cell in IPython; on Colab means that google.colab has been imported."""
    (folder / "google" / "colab").mkdir(parents=True)
    (folder / "google" / "colab" / "__init__.py").touch()
    address = f"git+{pages.repository()}"
    assert address in pages.setup_cell()
    cell = pages.setup_cell().replace(address, str(checkout))
    script = folder / "cell.ipy"
    script.write_text(("import google.colab\n" if on_colab else "") + cell + "\nprint(nb.__file__, torch.__file__)\n")
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    kept |= {"PYTHONPATH": str(folder), "MPLBACKEND": "agg", "IPYTHONDIR": str(folder / "ipython")} | environment
    command = [python, "-m", "IPython", "--no-banner", "--colors=NoColor", str(script)]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True)


@pytest.fixture
def no_pip(tmp_path):
    """A pip that must not be called."""
    folder = tmp_path / "no_pip" / "pip"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__main__.py").write_text("raise SystemExit('pip was called')")
    return folder.parent


def versions(python):
    return ask(python, "import torch, numpy, matplotlib; print([m.__file__ for m in (torch, numpy, matplotlib)])")


def test_on_colab_the_set_up_cell_installs_nnbrain_alone(bare, tmp_path):
    before = versions(bare)
    try:
        done = run_setup_cell(bare, tmp_path, copy(tmp_path), on_colab=True)
        assert "seed 0, device" in done.stdout, done.stdout + done.stderr
        assert str(bare.parents[1]) in ask(bare, FIND)
        assert versions(bare) == before
        installed = ask(
            bare,
            "import importlib.metadata as m, site; print(sorted(d.name for d in m.distributions(path=site.getsitepackages()[:1])))",
        )
        assert installed in ("['nnbrain', 'pip']", "['nnbrain', 'pip', 'setuptools']")
    finally:
        subprocess.run([bare, "-m", "pip", "uninstall", "--quiet", "--yes", "nnbrain"], check=True)


def test_where_nnbrain_is_present_the_set_up_cell_installs_nothing(bare, tmp_path, no_pip):
    present = os.pathsep.join([str(tmp_path), str(no_pip), str(ROOT)])
    done = run_setup_cell(bare, tmp_path, tmp_path / "nowhere", on_colab=True, PYTHONPATH=present)
    assert "seed 0, device" in done.stdout and "pip was called" not in done.stdout + done.stderr
    assert str(ROOT / "nnbrain" / "__init__.py") in done.stdout


def test_elsewhere_the_set_up_cell_never_installs(bare, tmp_path, no_pip):
    """Without nnbrain and without Colab it says what is missing."""
    path = os.pathsep.join([str(tmp_path), str(no_pip)])
    done = run_setup_cell(bare, tmp_path, tmp_path / "nowhere", on_colab=False, PYTHONPATH=path)
    said = done.stdout + done.stderr
    assert "No module named 'nnbrain'" in said and "pip was called" not in said


# What Colab comes with in 2026: the versions that the project promises to work with, and what else nnbrain needs, in any version.
COLAB = {"torch": "2.11", "numpy": "2.1", "matplotlib": "3.10", "ipython": "7.34", "ipywidgets": "7.7"}
ALSO_ON_COLAB = {"seaborn", "scikit-learn", "scipy", "tqdm", "pooch", "requests", "joblib", "pandas"}


def test_the_lower_bounds_admit_colab():
    """--no-deps installs nothing else, so nnbrain may need only what Colab comes with, in the versions that it has."""
    assert "3.13" in SpecifierSet(pages.project()["requires-python"])
    for requirement in map(Requirement, pages.project()["dependencies"]):
        assert requirement.name in COLAB or requirement.name in ALSO_ON_COLAB
        assert COLAB.get(requirement.name, "999") in requirement.specifier, requirement


@pytest.mark.skipif(sys.platform == "win32", reason="Binder runs Linux")
def test_binders_post_build_installs_the_package(bare, tmp_path):
    """postBuild as Binder runs it, in the checkout, with data sets out of reach: a mirror that is down breaks no badge."""
    checkout = copy(tmp_path)
    path = f"{bare.parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    kept |= {
        "PATH": path,
        "NNBRAIN_DATA": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "MPLBACKEND": "agg",
    }
    try:
        for set_name in (
            "mnist",
            "objects92",
        ):  # files that are no such data: the command fails at once, without a network
            (tmp_path / set_name).mkdir()
        for name in pages_files():
            (tmp_path / name).write_bytes(b"not data")
        done = subprocess.run(["binder/postBuild"], cwd=checkout, env=kept, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Notebooks that need these data sets will fetch them" in done.stdout
        assert str(bare.parents[1]) in ask(bare, FIND)
    finally:
        subprocess.run([bare, "-m", "pip", "uninstall", "--quiet", "--yes", "nnbrain"], check=True)


def pages_files():
    from nnbrain import data

    return [f"{s.folder}/{name}" for s in (data._MNIST, data._OBJECTS92) for name in s.hashes]


def test_binders_post_build_stops_at_the_first_failure():
    lines = (ROOT / "binder" / "postBuild").read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash" and "set -euo pipefail" in lines
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)
    assert sorted(path.name for path in (ROOT / "binder").iterdir()) == ["environment.yml", "postBuild"]


@pytest.fixture(scope="module")
def ipywidgets_7(tmp_path_factory):
    """A folder with the ipywidgets of Colab."""
    folder = tmp_path_factory.mktemp("ipywidgets7")
    wanted = ["ipywidgets==7.7.1", "ipython_genutils", "widgetsnbextension==3.6.10", "jupyterlab_widgets==1.1.11"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *wanted]
    subprocess.run(command, check=True)
    return folder


def test_every_widget_works_with_ipywidgets_7_too(ipywidgets_7):
    """The tests of the widgets once more, on the version that Colab has. (Chapters make no widgets of their own.)"""
    code = (
        "import ipywidgets, sys, pytest; assert ipywidgets.__version__ == '7.7.1'; sys.exit(pytest.main(sys.argv[1:]))"
    )
    options = [
        "-q",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        str(ROOT / "tests" / "test_widgets.py"),
    ]
    path = os.pathsep.join([str(ipywidgets_7), str(ROOT)])
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *options]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
