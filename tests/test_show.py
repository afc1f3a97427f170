"""Source code shown in notebooks."""

import pytest

import nnbrain as nb
from nnbrain.objectives import cross_entropy, l2, squared_error


def test_show_gives_the_source_without_docstrings():
    shown = nb.show(nb.networks.MLP).data
    assert shown.startswith("```python\nclass MLP(nn.Module):\n")
    assert "r = f(layer(r))  # Eq. 2" in shown
    assert '"""' not in shown


def test_show_gives_docstrings_when_asked():
    assert "Source: Primer, Equations 1-3" in nb.show(nb.networks.MLP, docstring=True).data


def test_show_unwraps_an_objective():
    assert "0.5 * (outputs - targets).square()" in nb.show(squared_error).data


def test_show_of_a_method_is_not_indented():
    assert "\ndef estimate(self" in nb.show(nb.learning.DeltaRule.estimate).data


@pytest.mark.parametrize("thing", [3, len, cross_entropy + l2])
def test_show_refuses_what_has_no_source(thing):
    with pytest.raises(TypeError, match=r"no Python source|sum of terms"):
        nb.show(thing)


def test_show_keeps_one_line_definitions_and_lambdas():
    assert "def in_one_line(x): return x" in nb.show(in_one_line).data
    assert "double = lambda x: 2 * x" in nb.show(double).data


def in_one_line(x): return x  # fmt: skip


double = lambda x: 2 * x  # noqa: E731
