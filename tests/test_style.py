"""The house keeps its order: lint, the direction of imports, and docstrings that say what they should."""

import ast
import inspect
import subprocess
import sys

import pytest

from nnbrain import pages

PACKAGE = pages.ROOT / "nnbrain"
# From the ground up: a file may import from its own floor and from those below.
FLOORS = [
    {"runtime", "random_state", "arguments", "chapters"},
    {"networks", "objectives", "tasks", "data"},
    {"analysis", "history", "learning", "sweep", "train"},
    {"widgets", "check", "claims", "plots", "show", "weights"},
    {"checkout", "train_many_tasks"},
    {"assignments", "book"},
    {"__init__", "pages"},
]


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "."], cwd=pages.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def room(path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path) -> set[str]:
    """The rooms of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "nnbrain":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                [*alias.name.split("."), "__init__"][1] for alias in node.names if alias.name.startswith("nnbrain")
            }
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    above = [name for name in imports(path) if floor[name] > floor[room(path)]]
    assert above == []


def test_no_two_rooms_import_each_other():
    needs: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        needs.setdefault(room(path), set()).update(imports(path) - {room(path)})
    reached = {name: set(direct) for name, direct in needs.items()}
    for _ in reached:
        reached = {name: direct.union(*(reached[other] for other in direct)) for name, direct in reached.items()}
    assert [name for name, others in reached.items() if name in others] == []


def public_objects():
    return [pytest.param(thing, id=name) for name, thing in pages._public_objects() if callable(thing)]


@pytest.mark.parametrize("thing", public_objects())
def test_a_public_function_documents_its_arguments(thing):
    documentation = inspect.getdoc(thing)
    assert documentation
    described = documentation.split("Parameters\n---")[-1]
    if inspect.isfunction(thing):
        for name in inspect.signature(thing).parameters:
            assert name in described, f"{name} is not documented"


def test_every_python_file_says_what_it_is_for():
    for path in [*PACKAGE.rglob("*.py"), *(pages.ROOT / "tests").glob("*.py")]:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_functions_are_not_long():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = node.end_lineno - body[0].lineno + 1 if body else 0
                assert length <= 45, f"{path.name}: {node.name} has {length} lines"
