"""Pictures: the shared plots draw what they are given, and figures are saved only when asked."""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.quiver import Quiver

from nnbrain import plots
from nnbrain.history import History
from nnbrain.networks import ConvNet
from nnbrain.plots import style


@pytest.fixture(autouse=True)
def _style():
    plots.use_style()


def test_lines_differ_in_colour_and_in_style():
    cycle = plt.rcParams["axes.prop_cycle"].by_key()
    assert len(set(cycle["color"])) == len({str(s) for s in cycle["linestyle"]}) == 7


def test_image_grid_shows_every_image():
    figure = plots.image_grid(np.random.rand(7, 4, 5), [str(k) for k in range(7)], columns=3)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [str(k) for k in range(7)]
    assert shown[0].images[0].get_array().shape == (4, 5)


def test_image_grid_makes_zero_grey_when_symmetric():
    figure = plots.image_grid(np.array([[[-2.0, 0.0, 1.0]]]), symmetric=True)
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-2, 2)
    assert image.to_rgba(np.array([0.0]))[0, 0] == pytest.approx(0.5, abs=0.01)


def test_image_grid_of_an_empty_image_does_not_fail():
    assert plots.image_grid(np.zeros((1, 3, 3))).axes[0].images


@pytest.mark.parametrize(
    "images, titles, message",
    [
        (np.zeros((3, 4)), None, "images × height × width"),
        (np.zeros((0, 2, 2)), None, "images ×"),
        (np.zeros((2, 3, 3)), ["one"], "1 titles for 2"),
    ],
)
def test_image_grid_refuses_other_shapes(images, titles, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images, titles)


def test_learning_curve_draws_each_history():
    histories = {"slow": History(np.arange(10.0), 4), "fast": History(np.arange(10.0) / 2, 4)}
    axes = plots.learning_curve(histories, smooth=4)
    slow, _ = axes.lines
    assert slow.get_xdata()[[0, -1]].tolist() == [3, 9]
    assert slow.get_ydata()[0] == np.mean([0, 1, 2, 3])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["slow", "fast"]


def test_learning_curve_draws_measurements_where_they_were_taken():
    history = History(np.zeros(20), 4, np.array([0, 10, 20]), {"accuracy": np.array([0.1, 0.5, 0.9])})
    axes = plots.learning_curve({"": history}, "accuracy")
    assert axes.lines[0].get_xdata().tolist() == [0, 10, 20]
    assert axes.get_ylabel() == "accuracy"


def test_loss_curves_puts_one_in_front_and_keeps_the_limits():
    curves = {(0.1, 8): np.linspace(2, 0.5, 20), (1.0, 8): np.full(20, np.nan), (1.0, 32): np.linspace(2, 0.01, 20)}
    first = plots.loss_curves(curves, 0.1, 8)
    second = plots.loss_curves(curves, 1.0, 32, axes=plt.figure().gca())
    assert np.array_equal(first.lines[-2].get_ydata(), curves[0.1, 8])
    assert first.lines[-1].get_ydata()[0] == pytest.approx(curves[0.1, 8][:15].mean())
    assert first.get_ylim() == second.get_ylim()
    assert first.get_title(loc="left") == "learning rate η = 0.1, batch size M = 8"
    with pytest.raises(KeyError, match="no curve for learning rate 5"):
        plots.loss_curves(curves, 5, 8)


def test_draw_mlp_joins_each_unit_to_each_of_the_next_layer():
    axes = plots.draw_mlp([3, 4, 2])
    assert len(axes.collections[0].get_segments()) == 3 * 4 + 4 * 2
    assert len(axes.patches) == 9
    with pytest.raises(ValueError, match="two or more positive"):
        plots.draw_mlp([3])


def test_draw_framework_follows_the_gradient_to_a_minimum():
    """The drawing is a computation: the path ends where the loss is zero, at the weights that made the examples."""
    figure = plots.draw_framework()
    path = max(figure.axes[1].lines, key=lambda line: len(line.get_xdata()))
    assert path.get_xdata()[-1] == pytest.approx(1.1, abs=0.01)
    assert path.get_ydata()[-1] == pytest.approx(1.2, abs=0.01)


def test_a_figure_is_saved_only_when_asked(tmp_path, monkeypatch):
    package = tmp_path / "nnbrain" / "plots"
    (tmp_path / "figures").mkdir()
    monkeypatch.setattr(style, "__file__", str(package / "style.py"))
    figure = plt.figure()
    monkeypatch.delenv("NNBRAIN_FIGURES", raising=False)
    assert plots.save_figure(figure, "primer_fig1") is None
    assert not list((tmp_path / "figures").iterdir())
    monkeypatch.setenv("NNBRAIN_FIGURES", "1")
    first = plots.save_figure(figure, "primer_fig1").read_bytes()
    assert first[:4] == b"\x89PNG"
    assert plots.save_figure(figure, "primer_fig1").read_bytes() == first  # the same picture, the same bytes


def test_a_figure_is_not_saved_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "__file__", str(tmp_path / "nnbrain" / "plots" / "style.py"))
    monkeypatch.setenv("NNBRAIN_FIGURES", "1")
    with pytest.raises(FileNotFoundError, match="only from a checkout"):
        plots.save_figure(plt.figure(), "primer_fig1")


@pytest.mark.parametrize("name", ["Figure 1", "../primer", "fig.png", ""])
def test_a_bad_name_is_refused_even_when_nothing_is_saved(name, monkeypatch):
    monkeypatch.delenv("NNBRAIN_FIGURES", raising=False)
    with pytest.raises(ValueError, match="lower-case letters, digits and underscores"):
        plots.save_figure(plt.figure(), name)


def test_learning_curve_takes_a_single_history():
    axes = plots.learning_curve(History(np.array([3.0, 2.0, 1.0]), trials=8))
    assert axes.lines[0].get_ydata().tolist() == [3, 2, 1]
    assert axes.get_legend() is None


def test_image_grid_takes_tensors_and_numbers_as_titles():
    figure = plots.image_grid(torch.rand(3, 4, 4, requires_grad=True), [1, 2, 3])
    assert [axes.get_title() for axes in figure.axes] == ["1", "2", "3"]


@pytest.mark.covers("Primer, Figure 3")
def test_draw_ventral_stream_draws_an_arrow_for_each_match():
    axes = plots.draw_ventral_stream(["image", "stage 1", "output"], {"V4": 1, "IT": 2})
    labels = [text.get_text() for text in axes.texts if text.get_text()]
    assert {"V1", "V2", "V4", "IT", "image", "stage 1", "output"} <= set(labels)
    assert sum(text.get_text() == "" for text in axes.texts) == 2  # annotations without words: the arrows


@pytest.mark.parametrize("matches", [{"V8": 0}, {"IT": 3}, {"IT": -1}])
def test_draw_ventral_stream_refuses_areas_and_layers_that_do_not_exist(matches):
    with pytest.raises(ValueError, match="layers from 0 to 2"):
        plots.draw_ventral_stream(["image", "stage 1", "output"], matches)


CONVNET = [(1, 16, 16), (16, 8, 8), (32, 4, 4)]


def captions(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.mark.covers("Primer, Figure 2D")
def test_draw_convnet_names_every_layer_with_its_size():
    assert captions(plots.draw_convnet(CONVNET, [64, 10])) == [
        "image\n1 × 16 × 16",
        "stage 1\n16 × 8 × 8",
        "stage 2\n32 × 4 × 4",
        "hidden layer\n64 units",
        "output\n10 units",
    ]


def test_draw_convnet_draws_a_network_as_it_is():
    net = ConvNet((3, 12, 20), channels=[4], hidden=[5], outputs=2)
    axes = plots.draw_convnet(net.shapes, net.classifier.sizes[1:])
    assert captions(axes)[:2] == ["image\n3 × 12 × 20", "stage 1\n4 × 6 × 10"]
    assert sum(isinstance(patch, Circle) for patch in axes.patches) == 5 + 2


def test_draw_convnet_draws_smaller_maps_smaller_and_more_of_them():
    maps = [patch for patch in plots.draw_convnet(CONVNET, [10]).patches if isinstance(patch, Rectangle)]
    sizes = Counter(round(patch.get_width(), 3) for patch in maps)
    side = 0.32  # the squares that show what a unit sees
    (image, first, second) = sorted((size for size in sizes if size != side), reverse=True)
    assert [sizes[image], sizes[first], sizes[second], sizes[side]] == [1, 6, 8, 3]


def test_draw_convnet_keeps_the_proportions_of_an_image():
    image = plots.draw_convnet([(1, 8, 16), (4, 4, 8)], [10]).patches[0]
    assert image.get_width() > image.get_height()


def test_draw_convnet_draws_no_more_units_than_there_are():
    circles = [patch for patch in plots.draw_convnet(CONVNET, [2, 1]).patches if isinstance(patch, Circle)]
    assert [circle.center[1] for circle in circles] == pytest.approx([-1.1, 1.1, 0.0])


def test_draw_convnet_joins_each_stack_to_the_next():
    assert len(plots.draw_convnet(CONVNET, [10]).lines) == 2 * 2  # two edges of a square, from each stack but the last


def test_draw_convnet_draws_on_the_axes_that_it_is_given():
    axes = plt.figure().gca()
    assert plots.draw_convnet(CONVNET, [10], axes=axes) is axes


@pytest.mark.parametrize(
    "shapes, classifier, message",
    [
        ([(1, 8, 8)], [10], "an image and one stage or more"),
        (CONVNET, [], "and a classifier"),
        ([(1, 8, 8), (4, 4)], [10], r"each \(channels, height, width\).*got shapes \[\[1, 8, 8\], \[4, 4\]\]"),
        ([(1, 8, 8), (0, 4, 4)], [10], "each of shapes should be a positive integer, got 0"),
        ([8, 8], [10], "shapes should be a sequence of positive integers, got 8"),
        (CONVNET, 10, r"classifier should be a sequence of positive integers, got 10: a single one is \[10\]"),
        (CONVNET, [0], "each of classifier should be a positive integer, got 0"),
    ],
)
def test_draw_convnet_refuses_what_is_no_convnet(shapes, classifier, message):
    with pytest.raises(ValueError, match=message):
        plots.draw_convnet(shapes, classifier)


@pytest.mark.parametrize("gap", [0, 1, 3, np.int64(2)])
def test_mosaic_puts_every_image_in_its_place(gap):
    """Image n stands in row n // columns and column n % columns."""
    images = np.random.rand(5, 2, 3)
    joined = plots.mosaic(images, 2, gap=gap)
    assert joined.shape == (3 * 2 + 2 * gap, 2 * 3 + gap)
    for n, image in enumerate(images):
        y, x = (n // 2) * (2 + gap), (n % 2) * (3 + gap)
        assert np.array_equal(joined[y : y + 2, x : x + 3], image)


def test_mosaic_is_nan_where_there_is_no_image():
    joined = plots.mosaic(np.ones((3, 2, 2)), 2, gap=1)
    assert np.isnan(joined[2]).all() and np.isnan(joined[:, 2]).all()  # the gaps
    assert np.isnan(joined[3:, 3:]).all()  # the fourth place
    assert np.nansum(joined) == 3 * 4


def test_mosaic_of_fewer_images_than_columns_is_one_row_of_them():
    assert plots.mosaic(np.zeros((3, 4, 4)), 10).shape == (4, 3 * 4 + 2)


@pytest.mark.parametrize(
    "images",
    [torch.ones(2, 3, 3, requires_grad=True), np.ones((2, 3, 3), dtype=np.uint8), np.ones((2, 3, 3), dtype=bool)],
    ids=["tensor", "bytes", "booleans"],
)
def test_mosaic_takes_images_of_any_type(images):
    assert np.nansum(plots.mosaic(images, 2)) == 18


@pytest.mark.parametrize(
    "images, columns, gap, message",
    [
        (np.zeros((3, 4)), 2, 1, r"images × height × width, got shape \(3, 4\)"),
        (np.zeros((0, 4, 4)), 2, 1, "images × height × width"),
        (np.zeros((3, 4, 4)), 0, 1, "columns should be a positive integer, got 0"),
        (np.zeros((3, 4, 4)), 2, -1, "gap, unless it is 0, should be a positive integer, got -1"),
        (np.zeros((3, 4, 4)), 2, 0.5, "gap, unless it is 0, should be a positive integer, got 0.5"),
    ],
)
def test_mosaic_refuses_what_it_cannot_join(images, columns, gap, message):
    with pytest.raises(ValueError, match=message):
        plots.mosaic(images, columns, gap=gap)


@pytest.mark.covers("Primer, Figure 2B")
def test_draw_rnn_connects_every_recurrent_unit_with_every_other_in_both_directions():
    axes = plots.draw_rnn(inputs=3, units=5, outputs=2)
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert len(circles) == 3 + 5 + 2
    assert len(arrows) == 5 * 4 // 2  # one arrow with two heads for each pair
    assert sum(len(lines.get_segments()) for lines in axes.collections) == 3 * 5 + 5 * 2


@pytest.mark.covers("Primer, Figure 2C")
def test_draw_unrolled_repeats_the_same_weights_at_every_step():
    axes = plots.draw_unrolled(3)
    words = Counter(text.get_text() for text in axes.texts)
    assert words[r"$\mathbf{W}_r$"] == words[r"$\mathbf{W}_x$"] == words[r"$\mathbf{W}_y$"] == 3
    assert [words[rf"$\mathbf{{r}}_{{{t}}}$"] for t in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize("draw", [lambda: plots.draw_rnn(units=0), lambda: plots.draw_unrolled(0)])
def test_drawings_of_recurrent_networks_need_a_unit_and_a_step(draw):
    with pytest.raises(ValueError, match="should be a positive integer, got 0"):
        draw()


@pytest.mark.covers("Primer, Equation 32")
def test_flow_field_points_where_the_state_goes():
    axes = plots.flow_field(lambda r: -r, limits=(-1.0, 1.0), resolution=5)
    (arrows,) = [thing for thing in axes.collections if isinstance(thing, Quiver)]
    assert len(arrows.U) == 25
    assert np.allclose(np.sign(arrows.U), -np.sign(arrows.X)) and np.allclose(np.sign(arrows.V), -np.sign(arrows.Y))


def test_flow_field_draws_a_nullcline_where_a_unit_does_not_change():
    axes = plots.flow_field(lambda r: torch.stack([0.3 - r[:, 0], torch.ones(len(r))], dim=1))
    (line,) = [thing for thing in axes.collections if not isinstance(thing, Quiver)]  # unit 2 always grows: it has none
    assert np.allclose(np.concatenate([path.vertices for path in line.get_paths()])[:, 0], 0.3)


@pytest.mark.parametrize(
    "velocity, limits, message",
    [
        (lambda r: r[:, :1], (0, 1), "should be .* × 2"),
        (lambda r: -r, (1, 0), r"lowest and the highest activity, got \(1, 0\)"),
    ],
)
def test_flow_field_refuses_what_has_no_two_units_or_no_range(velocity, limits, message):
    with pytest.raises(ValueError, match=message):
        plots.flow_field(velocity, limits)
