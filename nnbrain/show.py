"""Show the source of a thing in a notebook, from the one place where it is defined."""

import ast
import inspect
import textwrap
from contextlib import suppress
from typing import Any

from IPython.display import Markdown

from nnbrain.objectives import Objective


def show(thing: Any, *, docstring: bool = False) -> Markdown:
    """The source of a function, method or class, highlighted.

    Parameters
    ----------
    thing : function, method, class or Objective
        Written in Python.
    docstring : bool
        Whether to show the docstrings too; ``help(thing)`` shows them better.

    Returns
    -------
    IPython.display.Markdown
        A block of Python, which every front end highlights in its own way.

    Raises
    ------
    TypeError
        If there is no Python source to show.
    """
    if isinstance(thing, Objective):
        if len(thing.terms) != 1:
            raise TypeError(f"{thing} is a sum of terms; show them one by one.")
        thing = thing.terms[0][1]
    try:
        source = textwrap.dedent(inspect.getsource(thing))
    except (TypeError, OSError) as error:
        raise TypeError(f"there is no Python source to show of {thing!r}.") from error
    if not docstring:
        with suppress(SyntaxError):  # a lambda inside an expression is no program by itself
            source = _without_docstrings(source)
    return Markdown(f"```python\n{source}```")


def _without_docstrings(source: str) -> str:
    lines = source.splitlines()
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, definitions) and ast.get_docstring(node) is not None:
            first = node.body[0]
            if first.lineno == node.lineno:
                continue  # all in one line
            for i in range(first.lineno - 1, first.end_lineno):
                lines[i] = None
            if first.end_lineno < len(lines) and not lines[first.end_lineno]:  # the empty line that follows one
                lines[first.end_lineno] = None
    return "\n".join(line for line in lines if line is not None) + "\n"
