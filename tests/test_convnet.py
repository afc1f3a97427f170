"""Convolutional architectures: ConvNet against its equations, Gabor filters against what V1 does, and what both refuse."""

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import nnbrain as nb
from nnbrain.analysis import record
from nnbrain.learning import Backprop
from nnbrain.networks import Activation, ConvNet, GaborBank
from nnbrain.networks.initialization import initialize
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import Gratings, ShiftedDigits


def six_indices(shared: torch.Tensor, height: int, width: int, padding: str, stride: int = 1) -> torch.Tensor:
    """Equation 20: weights W_ixy,jx'y' that depend on x − x' and y − y' only, written into a tensor of six indices."""
    channels_out, channels_in, kernel, _ = shared.shape
    reach = 0 if padding == "none" else kernel // 2
    rows, columns = ((n + 2 * reach - kernel) // stride + 1 for n in (height, width))
    full = torch.zeros(channels_out, rows, columns, channels_in, height, width, dtype=shared.dtype)
    for y, x, a, b in itertools.product(range(rows), range(columns), range(kernel), range(kernel)):
        place = (stride * y + a - reach, stride * x + b - reach)
        if padding == "circular":
            place = (place[0] % height, place[1] % width)
        if 0 <= place[0] < height and 0 <= place[1] < width:
            full[:, y, x, :, place[0], place[1]] += shared[:, :, a, b]
    return full


@pytest.mark.covers("Primer, Equations 19-20, Figure 2D")
@pytest.mark.parametrize("padding", ["zeros", "circular", "none"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_stage_computes_equation_19_with_the_shared_weights_of_equation_20(padding, stride):
    net = ConvNet((2, 5, 7), channels=[3], hidden=[], padding=padding, stride=stride, pool=1).double()
    r = torch.randn(4, 2, 5, 7, dtype=torch.float64)
    W = six_indices(net.convolutions[0].weight.detach(), 5, 7, padding, stride)
    expected = torch.einsum("ixyjuv,njuv->nixy", W, r) + net.convolutions[0].bias[:, None, None]
    assert torch.allclose(record(net, r)["convolutions.0"], expected, atol=1e-12)


@pytest.mark.covers("Primer, Figure 2D")
def test_pooling_takes_the_largest_activity_of_each_patch():
    net, x = ConvNet((1, 6, 8), channels=[3], hidden=[], pool=2), torch.randn(4, 1, 6, 8)
    recorded = record(net, x)
    patches = recorded["rates.0"].reshape(4, 3, 3, 2, 4, 2)
    assert torch.equal(recorded["pools.0"], patches.amax((3, 5)))


@pytest.mark.covers("Primer, Figure 2D")
def test_the_classifier_is_a_perceptron_of_all_units_of_the_last_stage():
    net, x = ConvNet((1, 8, 8), channels=[3, 4], hidden=[5], outputs=2), torch.randn(6, 1, 8, 8)
    last = record(net, x)["pools.1"]
    assert net.classifier.sizes == [4 * 2 * 2, 5, 2]
    assert torch.equal(net(x), net.classifier(last.reshape(6, 16)))


def test_every_stage_works_on_the_activity_of_the_stage_before():
    net, x = ConvNet((1, 8, 8), channels=[3, 4], activation="tanh"), torch.randn(2, 1, 8, 8)
    recorded = record(net, x)
    assert torch.equal(recorded["convolutions.1"], net.convolutions[1](recorded["pools.0"]))
    assert torch.equal(recorded["rates.1"], torch.tanh(recorded["convolutions.1"]))


@pytest.mark.covers("Primer, Equation 20")
@pytest.mark.parametrize("shift", [(1, 0), (0, 3), (-2, 5)])
def test_activity_moves_with_the_image_when_space_is_circular(shift):
    net = ConvNet((2, 6, 7), channels=[3, 4], pool=1, padding="circular").double()
    x = torch.randn(3, 2, 6, 7, dtype=torch.float64)
    moved, still = record(net, x.roll(shift, (2, 3))), record(net, x)
    for layer in ("rates.0", "rates.1"):
        assert torch.allclose(moved[layer], still[layer].roll(shift, (2, 3)), atol=1e-12)


def test_equivariance_breaks_at_a_border_of_zeros_and_only_there():
    net, x = ConvNet((1, 8, 8), channels=[3], pool=1).double(), torch.randn(2, 1, 8, 8, dtype=torch.float64)
    error = record(net, x.roll(1, 3))["rates.0"] - record(net, x)["rates.0"].roll(1, 3)
    assert error[..., 2:-1].abs().max() < 1e-12 < error.abs().max()  # the outermost columns, and those that came round


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kernel": 5, "pool": 1},
        {"kernel": [5, 3], "pool": [1, 3]},
        {"kernel": 1, "pool": (3, 1)},
        {"stride": 2, "pool": 1},
        {"stride": 3, "pool": [2, 1], "padding": "circular"},
        {"kernel": 2, "padding": "none"},
        {"kernel": (4, 2), "padding": "none", "pool": 1, "stride": 2},
        {"padding": "circular", "skip": True},
        {"kernel": np.array([3, 5]), "pool": np.array([2, 1])},
        {"kernel": torch.tensor(3), "stride": np.int64(2), "pool": np.int64(1)},
    ],
    ids=str,
)
@pytest.mark.parametrize("image_shape", [(1, 16, 16), (3, 17, 12)], ids=str)
def test_shapes_are_those_of_the_activity(image_shape, settings):
    net = ConvNet(image_shape, channels=[4, 5], hidden=[6], **settings)
    recorded = record(net, torch.zeros(2, *image_shape))
    assert net.shapes == [image_shape, *(tuple(recorded[f"pools.{stage}"].shape[1:]) for stage in (0, 1))]


def test_a_skip_connection_alone_passes_the_activity_on_unchanged():
    net, x = ConvNet((2, 5, 5), channels=[2, 2, 2], pool=1, skip=True), torch.rand(3, 2, 5, 5)
    with torch.no_grad():
        for parameter in net.convolutions.parameters():
            parameter.zero_()
    assert torch.equal(record(net, x)["rates.2"], x)


def test_a_skip_connection_adds_the_input_before_the_nonlinearity():
    net, x = ConvNet((2, 5, 5), channels=[2], pool=1, skip=True), torch.randn(3, 2, 5, 5)
    recorded = record(net, x)
    assert torch.equal(recorded["rates.0"], torch.relu(recorded["convolutions.0"] + x))


def test_stages_that_change_the_number_of_channels_have_no_skip_connection():
    net, x = ConvNet((1, 8, 8), channels=[4, 8], pool=1, skip=True), torch.randn(3, 1, 8, 8)
    plain = ConvNet((1, 8, 8), channels=[4, 8], pool=1)
    plain.load_state_dict(net.state_dict())
    assert torch.equal(net(x), plain(x))


def test_a_stage_without_padding_has_no_skip_connection():
    net, x = ConvNet((2, 8, 8), channels=[2], pool=1, padding="none", skip=True), torch.randn(3, 2, 8, 8)
    recorded = record(net, x)
    assert torch.equal(recorded["rates.0"], torch.relu(recorded["convolutions.0"]))


@pytest.mark.parametrize(
    "activation, variance",
    [("relu", 2.0), (nn.ReLU(), 2.0), (Activation("relu"), 2.0), ("tanh", 1.0), (torch.sin, 1.0)],
)
def test_initial_weights_have_the_variance_of_their_number_of_inputs(activation, variance):
    weight = ConvNet((20, 8, 8), channels=[200], activation=activation).convolutions[0].weight.detach()
    assert float(weight.var()) * 20 * 9 == pytest.approx(
        variance, rel=0.05
    )  # 36,000 weights: four standard errors are 0.03


def test_initial_biases_fill_the_range_of_one_over_the_root_of_the_inputs():
    bias = ConvNet((4, 8, 8), channels=[2000]).convolutions[0].bias.detach() * (4 * 9) ** 0.5
    assert float(bias.abs().max()) <= 1
    assert float(bias.var()) == pytest.approx(1 / 3, rel=0.1)  # uniform on ±1


def test_initial_weights_keep_the_size_of_activity_from_stage_to_stage():
    """The mean square of c stays about 2, if no border dilutes it (He et al. 2015); with variance 1/n it would halve each time."""
    net = ConvNet((64, 8, 8), channels=[64] * 4, pool=1, padding="circular")
    with torch.no_grad():
        for convolution in net.convolutions:
            convolution.bias.zero_()
    recorded = record(net, torch.randn(20, 64, 8, 8))
    sizes = [float(recorded[f"convolutions.{stage}"].square().mean()) for stage in range(4)]
    assert all(1.0 < size < 4.0 for size in sizes)


def test_layers_without_biases_are_initialized_too():
    layer = nn.Conv2d(3, 4, 3, bias=False)
    before = layer.weight.detach().clone()
    initialize([layer], "relu")
    assert not torch.equal(layer.weight, before)


def test_the_same_generator_gives_the_same_convolutions():
    first, second = (ConvNet((1, 8, 8), generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_other_generators_give_other_convolutions():
    first, second = (ConvNet((1, 8, 8), generator=torch.Generator().manual_seed(seed)) for seed in (3, 4))
    assert not any(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_every_weight_of_a_convnet_gets_a_gradient():
    net = ConvNet((1, 8, 8), activation="tanh")
    net(torch.randn(4, 1, 8, 8)).square().sum().backward()
    assert all(parameter.grad.any() for parameter in net.parameters())


def test_fit_trains_a_convnet(device):
    task = ShiftedDigits("test", margin=2, shift=0)
    net = ConvNet((1, 12, 12), channels=[8], hidden=[]).to(device)
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    history = nb.fit(Backprop(net, cross_entropy), task, 40, trials=32, optimizer=adam, progress=False)
    assert history.loss[-5:].mean() < 0.5 * history.loss[:5].mean()


@pytest.mark.covers("Primer, Figure 4A")
def test_record_finds_every_part_of_a_convnet():
    activity = record(ConvNet((1, 8, 8), channels=[3, 4], hidden=[5]), torch.zeros(1, 1, 8, 8))
    stages = [f"{part}.{stage}" for stage in (0, 1) for part in ("convolutions", "rates", "pools")]
    classifier = ["classifier.layers.0", "classifier.rates.0", "classifier.layers.1"]
    assert [name for name in activity if name != "classifier"] == [*stages, *classifier, "outputs"]


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["deepcopy", "pickle"],
)
@pytest.mark.parametrize(
    "make", [lambda: ConvNet((1, 8, 8), skip=True), lambda: GaborBank((1, 8, 8))], ids=["ConvNet", "GaborBank"]
)
def test_a_copy_of_a_network_computes_the_same(make, duplicate):
    net, x = make(), torch.randn(3, 1, 8, 8)
    assert torch.equal(duplicate(net)(x), net(x))


def test_a_convnet_can_be_saved_and_loaded():
    net, other, x = ConvNet((1, 8, 8)), ConvNet((1, 8, 8)), torch.randn(3, 1, 8, 8)
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x), net(x))


def test_a_convnet_takes_no_trials_at_all():
    assert ConvNet((1, 8, 8))(torch.zeros(0, 1, 8, 8)).shape == (0, 10)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"image_shape": (8, 8)}, r"image_shape is \(channels, height, width\), got \(8, 8\)"),
        ({"image_shape": 8}, r"image_shape is \(channels, height, width\), got 8"),
        ({"image_shape": (1, 8, 0)}, "each of image_shape should be a positive integer, got 0"),
        ({"image_shape": (1, 8.0, 8)}, "each of image_shape should be a positive integer, got 8.0"),
        ({"image_shape": (True, 8, 8)}, "each of image_shape should be a positive integer, got True"),
        ({"channels": []}, r"at least one convolutional stage: channels=\[16\]"),
        ({"channels": 16}, r"channels should be a sequence of positive integers, got 16: a single one is \[16\]"),
        ({"channels": [16, 0]}, "each of channels should be a positive integer, got 0"),
        ({"channels": [float("nan")]}, "each of channels should be a positive integer, got nan"),
        ({"hidden": 64}, r"hidden should be a sequence of positive integers, got 64: a single one is \[64\]"),
        ({"hidden": [0]}, "each of hidden should be a positive integer, got 0"),
        ({"outputs": 2.5}, "outputs should be a positive integer, got 2.5"),
        ({"kernel": 0}, "kernel should be a positive integer, got 0"),
        ({"kernel": True}, "kernel should be a positive integer, got True"),
        ({"kernel": 4}, "a kernel of even size, 4, has no middle: take an odd one, or padding='none'"),
        ({"kernel": [3, 2]}, "a kernel of even size, 2"),
        ({"kernel": [3]}, r"kernel should be one number for all 2 stages or a list with one for each, got \[3\]"),
        ({"kernel": 9, "padding": "none"}, "stage 1 gets 8 × 8 places from the stage before and has none left"),
        ({"kernel": 19, "padding": "circular"}, "its kernel of 19 would reach around them more than once"),
        ({"stride": 0}, "stride should be a positive integer, got 0"),
        ({"stride": [1, 2]}, r"stride should be a positive integer, got \[1, 2\]"),
        ({"pool": -1}, "pool should be a positive integer, got -1"),
        ({"pool": [2, 1, 1]}, "pool should be one number for all 2 stages or a list with one for each"),
        ({"pool": 3}, r"stage 2 gets 2 × 2 places .* less pooling \(pool=1\)"),
        ({"padding": "same"}, "padding is one of 'zeros', 'circular', 'none', got 'same'"),
        ({"padding": 1}, "padding is one of 'zeros', 'circular', 'none', got 1"),
        ({"padding": np.array(["zeros", "none"])}, "padding is one of 'zeros', 'circular', 'none', got array"),
        ({"activation": "swish"}, "no activation function is called 'swish'"),
    ],
)
def test_a_bad_convnet_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ConvNet(**({"image_shape": (1, 8, 8)} | settings))


@pytest.mark.parametrize("net", [ConvNet((3, 8, 6)), GaborBank((3, 8, 6), patches=2)], ids=["ConvNet", "GaborBank"])
@pytest.mark.parametrize("shape", [(), (8,), (2, 144), (3, 8, 6), (2, 1, 8, 6), (2, 3, 6, 8), (2, 1, 3, 8, 6)], ids=str)
def test_images_of_another_shape_are_refused(net, shape):
    with pytest.raises(ValueError, match=r"expects inputs of shape \(trials, 3, 8, 6\), got \("):
        net(torch.zeros(shape))


@pytest.mark.parametrize("net", [ConvNet((1, 8, 8)), GaborBank((1, 8, 8))], ids=["ConvNet", "GaborBank"])
@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((2, 1, 8, 8)), r"expects a tensor, got ndarray: use torch.as_tensor\(x\)"),
        ([1.0], "expects a tensor, got list"),
        (
            torch.zeros(2, 1, 8, 8).double(),
            r"computes in torch.float32, got inputs in torch.float64: use x.to\(torch.float32",
        ),
        (torch.zeros(2, 1, 8, 8).long(), "got inputs in torch.int64"),
    ],
    ids=["numpy", "list", "double", "integers"],
)
def test_images_of_another_type_are_refused_with_the_remedy(net, x, message):
    with pytest.raises(TypeError, match=message):
        net(x)


@pytest.mark.parametrize(
    "shape, remedy", [((2, 64), r"x.reshape\(-1, 1, 8, 8\)"), ((2, 8, 8), r"x.unsqueeze\(0\).*x.unsqueeze\(1\)")]
)
def test_images_without_all_dimensions_are_refused_with_the_remedy(shape, remedy):
    with pytest.raises(ValueError, match=remedy):
        ConvNet((1, 8, 8))(torch.zeros(shape))


# The Gabor filters

SIDE, ORIENTATIONS, FREQUENCY = 33, 8, 0.2


def complex_cells(gratings: Gratings, frequencies=(FREQUENCY,)) -> torch.Tensor:
    """Responses in the middle third of an image to gratings: trials × frequencies × orientations."""
    bank = GaborBank((1, SIDE, SIDE), orientations=ORIENTATIONS, frequencies=frequencies, patches=3)
    images = gratings.all().inputs.cpu()
    return bank(images).reshape(len(images), len(frequencies), ORIENTATIONS, 3, 3)[..., 1, 1]


def test_a_complex_cell_prefers_its_own_orientation():
    gratings = Gratings((SIDE, SIDE), orientations=ORIENTATIONS, frequencies=[FREQUENCY], phases=1)
    assert complex_cells(gratings)[:, 0].argmax(0).tolist() == list(range(ORIENTATIONS))


def test_a_complex_cell_responds_alike_to_all_phases():
    gratings = Gratings((SIDE, SIDE), orientations=ORIENTATIONS, frequencies=[FREQUENCY], phases=8)
    best = (
        complex_cells(gratings)[:, 0].reshape(ORIENTATIONS, 8, ORIENTATIONS).diagonal(dim1=0, dim2=2)
    )  # phases × cells
    assert float((best.std(0) / best.mean(0)).max()) < 0.02


def test_a_complex_cell_prefers_its_own_frequency():
    frequencies = [0.1, 0.2, 0.4]
    gratings = Gratings((SIDE, SIDE), orientations=1, frequencies=frequencies, phases=1)
    assert complex_cells(gratings, frequencies)[..., 0].argmax(0).tolist() == [0, 1, 2]


def test_a_complex_cell_responds_in_proportion_to_contrast():
    weak, strong = (
        complex_cells(Gratings((SIDE, SIDE), frequencies=[FREQUENCY], contrast=contrast)) for contrast in (0.25, 1.0)
    )
    assert torch.allclose(4 * weak, strong, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("grey", [0.0, 0.3, 1.0])
def test_an_even_grey_image_evokes_no_response(grey):
    assert float(GaborBank((1, 16, 16))(torch.full((1, 1, 16, 16), grey)).max()) < 1e-6


def test_the_responses_to_an_even_grey_image_have_a_gradient():
    """√0 has no slope; a search for a preferred stimulus that begins with grey must not end in NaN."""
    x = torch.zeros(1, 1, 16, 16, requires_grad=True)
    GaborBank((1, 16, 16))(x).sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("frequency", [0.06, 0.25, 0.4])
def test_even_and_odd_filters_are_orthogonal_blind_to_grey_and_of_length_1(frequency):
    filters = GaborBank((1, 16, 16), frequencies=[frequency]).kernels[0].flatten(1)
    even, odd = filters.chunk(2)
    assert torch.allclose((even * odd).sum(1), torch.zeros(8), atol=1e-6)
    assert torch.allclose(filters.sum(1), torch.zeros(16), atol=1e-5)
    assert torch.allclose(filters.norm(dim=1), torch.ones(16), atol=1e-6)


def test_a_sine_that_no_pixel_shows_makes_a_silent_filter_and_not_noise():
    """sin(2π · ½ · n) = 0 at every pixel n: rounding errors must not be blown up to a filter of length 1."""
    even, odd = GaborBank((1, 16, 16), orientations=2, frequencies=[0.5]).kernels[0].chunk(2)
    assert not odd.any()
    assert torch.allclose(even.flatten(1).norm(dim=1), torch.ones(2))


def test_colours_are_averaged():
    x = torch.rand(2, 3, 16, 16)
    grey = GaborBank((1, 16, 16))(x.mean(1, keepdim=True))
    assert torch.allclose(GaborBank((3, 16, 16))(x), grey, atol=1e-6)


def test_filters_move_with_the_network_and_are_not_learned():
    bank = GaborBank((1, 16, 16), patches=4).double()
    assert [kernel.dtype for kernel in bank.kernels] == [torch.float64] * 3
    assert bank(torch.rand(2, 1, 16, 16, dtype=torch.float64)).dtype == torch.float64
    assert list(bank.parameters()) == []


def test_responses_are_ordered_by_frequency_orientation_and_place():
    bank = GaborBank((1, 16, 24), orientations=4, frequencies=[0.25, 0.125], patches=2)
    image = torch.zeros(1, 1, 16, 24)
    image[..., :8, 12:] = Gratings((8, 12), orientations=1, frequencies=[0.125], phases=1).all().inputs.cpu() - 0.5
    best = int(bank(image).argmax())
    assert np.unravel_index(best, (2, 4, 2, 2)) == (1, 0, 0, 1)  # second frequency, horizontal, above and right


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"image_shape": (8, 8)}, r"image_shape is \(channels, height, width\), got \(8, 8\)"),
        ({"image_shape": (1, 8, -8)}, "each of image_shape should be a positive integer, got -8"),
        ({"orientations": 0}, "orientations should be a positive integer, got 0"),
        ({"frequencies": []}, r"above 0 and at or below 0.5 cycles per pixel, got \[\]"),
        ({"frequencies": 0.25}, r"frequencies should be a sequence, got 0.25: a single one is \[0.25\]"),
        ({"frequencies": [0.25, 0.6]}, r"got \[0.25, 0.6\]"),
        ({"frequencies": [float("nan")]}, "above 0 and at or below 0.5"),
        ({"frequencies": ["low"]}, "above 0 and at or below 0.5"),
        ({"frequencies": [1e-4]}, "filters far larger than the image"),
        ({"patches": 9}, r"9 patches in a row are more than an image of \(1, 8, 8\) has pixels"),
        ({"patches": 1.5}, "patches should be a positive integer, got 1.5"),
    ],
)
def test_a_bad_gabor_bank_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        GaborBank(**({"image_shape": (1, 8, 8)} | settings))
