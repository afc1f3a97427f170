"""Sliders, without a browser: what they offer, and that the picture follows."""

import ipywidgets
import numpy as np
import pytest

from nnbrain import widgets

CURVES = {(rate, size): np.linspace(2, rate, 10) for rate in (0.1, 1.0) for size in (8, 32)}


def sliders(widget):
    return {child.description: child for child in widget.children if isinstance(child, ipywidgets.SelectionSlider)}


def test_explore_calls_the_function_with_the_chosen_values():
    calls = []
    widget = widgets.explore(
        lambda **values: calls.append(values), gain={"low": 1, "high": 2, "higher": 3}, place={"here": "a"}
    )
    found = sliders(widget)
    assert set(found) == {"gain", "place"}
    widget.update()
    found["gain"].value = 2
    assert calls[0] == {"gain": 2, "place": "a"}
    assert calls[-1] == {"gain": 3, "place": "a"}


@pytest.mark.parametrize("offers, first", [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_a_slider_starts_in_the_middle_with_a_way_to_go_to_the_right(offers, first):
    (slider, _) = widgets.explore(lambda gain: None, gain={str(k): k for k in range(offers)}).children
    assert slider.index == first


def test_explore_refuses_an_empty_choice():
    with pytest.raises(ValueError, match="nothing to choose for 'gain'"):
        widgets.explore(lambda gain: None, gain={})


def test_learning_rate_and_batch_size_draws_the_chosen_curve(monkeypatch):
    drawn = []
    monkeypatch.setattr(widgets, "loss_curves", lambda curves, rate, size: drawn.append((rate, size)))
    widget = widgets.learning_rate_and_batch_size(CURVES)
    found = sliders(widget)
    assert [label for label, _ in found["learning rate"].options] == ["0.1", "1"]
    found["learning rate"].value = 1
    found["batch size"].value = 1
    assert drawn[-1] == (1.0, 32)
    found["learning rate"].value = 0
    found["batch size"].value = 0
    assert drawn[-1] == (0.1, 8)


def test_a_missing_combination_is_refused():
    with pytest.raises(ValueError, match=r"missing: \[\(1.0, 32\)\]"):
        widgets.learning_rate_and_batch_size({key: curve for key, curve in CURVES.items() if key != (1.0, 32)})
