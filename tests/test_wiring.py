"""The wiring diagram: weights in the right places, with the right colours; and what it refuses."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from nnbrain.networks import EIRNN
from nnbrain.plots import wiring_diagram

W = torch.tensor([[0.0, 1.0, -2.0], [3.0, 0.0, -4.0], [5.0, 6.0, 0.0]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.covers("Primer, Figure 7")
def test_units_stand_in_the_order_of_the_groups_rows_to_columns_from():
    axes = wiring_diagram(W, {"E": [1, 0], "I": torch.tensor([2])})
    shown = axes.images[0].get_array()
    assert np.array_equal(shown, [[0, 3, -4], [1, 0, -2], [6, 5, 0]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["E", "I"]
    assert list(axes.get_yticks()) == [0.5, 2.0]  # in the middle of each group
    assert axes.get_xlabel() == "from" and axes.get_ylabel() == "to"


def test_excitation_is_blue_inhibition_red_and_nothing_white():
    image = wiring_diagram(W, {"all": range(3)}, limit=3.0).images[0]
    red, white, blue = image.to_rgba(np.array([-3.0, 0.0, 3.0]))
    assert red[0] > red[2] and blue[2] > blue[0] and min(white) > 0.98
    assert image.get_clim() == (-3.0, 3.0)


def test_a_few_weights_among_zeros_get_the_full_colour():
    few = torch.zeros(20, 20)
    few[3, 4] = -0.1
    assert wiring_diagram(few, {"all": range(20)}).images[0].get_clim() == pytest.approx((-0.1, 0.1))


def test_boxes_surround_the_connections_within_a_group():
    axes = wiring_diagram(W, {"none": [], "I": [2], "E": [0, 1]}, boxes=["E", "none"])
    (square,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert square.get_xy() == (0.5, 0.5) and square.get_width() == square.get_height() == 2


def test_it_takes_the_weights_of_a_network_as_they_are():
    net = EIRNN(3, 20, 3)
    axes = wiring_diagram(net.W_r, {"E": net.excitatory.nonzero().flatten(), "I": net.inhibitory.nonzero().flatten()})
    assert axes.images[0].get_array().shape == (20, 20)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((W[:2], {"E": [0]}), r"a square matrix, units × units, got shape \(2, 3\)"),
        ((W, {"E": [0, 0]}), "each at most once"),
        ((W, {"E": [3]}), "from 0 to 2"),
        ((W, {"E": []}), "numbers of units"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        wiring_diagram(*arguments)


def test_a_box_around_no_group_is_refused():
    with pytest.raises(ValueError, match="no group 'I' to put into a box"):
        wiring_diagram(W, {"E": [0]}, boxes=["I"])


@pytest.mark.parametrize("members", [[0.7, 1.9], ["0"], np.array([True, False]), [None], [-1]])
def test_units_that_are_no_numbers_from_0_are_refused(members):
    with pytest.raises(ValueError, match="each unit of 'E' should be an integer"):
        wiring_diagram(np.eye(3), {"E": members})


@pytest.mark.parametrize("groups", [[range(2)], {"E": 3}])
def test_groups_of_another_kind_are_refused(groups):
    with pytest.raises(TypeError, match="numbers of units"):
        wiring_diagram(np.eye(3), groups)


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite numbers"):
        wiring_diagram(np.full((3, 3), np.nan), {"E": range(3)})


def test_a_word_in_boxes_is_one_group():
    with pytest.raises(ValueError, match="no group 'EI'"):
        wiring_diagram(np.eye(3), {"E": [0, 1], "I": [2]}, boxes="EI")
