"""Several areas: blocks of weights that exist or not, excitatory projections, and when one area hears from another."""

import copy
import io

import pytest
import torch

import nnbrain as nb
from nnbrain.analysis import lesion
from nnbrain.learning import Backprop
from nnbrain.networks import EIRNN, MultiAreaRNN
from nnbrain.objectives import cross_entropy
from nnbrain.tasks import PerceptualDecision

PROJECTIONS = {("MT", "LIP"): 0.3, ("LIP", "MT"): 0.1}


def make(connections=PROJECTIONS, **settings):
    """Two areas: MT has units 0 to 19, of which 16 excite; LIP has 20 to 49, of which 24 do."""
    settings = {"input_to": {"MT": [1, 2], "LIP": [0]}} | settings
    return MultiAreaRNN(3, {"MT": 20, "LIP": 30}, 2, connections, **settings)


def test_areas_are_slices_of_the_units_in_their_order():
    assert make().areas == {"MT": slice(0, 20), "LIP": slice(20, 50)}
    assert make().units == 50


def test_each_area_has_excitatory_and_inhibitory_units():
    assert make().sign.tolist() == [1.0] * 16 + [-1.0] * 4 + [1.0] * 24 + [-1.0] * 6


@pytest.mark.covers("Primer, section 5.1")
def test_projections_come_from_excitatory_units_only_and_have_their_density():
    net = make()
    for (source, target), density in PROJECTIONS.items():
        W = net.W_r[net.projection(source, target)]
        E = net.excitatory[net.areas[source]]
        assert not W[:, ~E].any() and (W >= 0).all()
        assert int((W > 0).sum()) == round(density * len(W) * int(E.sum()))


def test_a_projection_leads_from_its_source_to_its_target():
    net = make([("MT", "LIP")])
    assert net.projection("MT", "LIP") == (slice(20, 50), slice(0, 20))
    assert net.W_r[20:, :16].all() and not net.W_r[:20, 20:].any()


def test_within_areas_all_are_connected_unless_density_says_otherwise():
    net = make(density=0.5)
    for name, units in (("MT", 20), ("LIP", 30)):
        assert make().W_r[make().projection(name, name)].count_nonzero() == units * (units - 1)
        assert net.W_r[net.projection(name, name)].count_nonzero() == round(0.5 * units * (units - 1))


def test_each_area_gets_the_inputs_that_are_meant_for_it():
    W_x = make().W_x
    assert W_x[:20, 1:].all() and W_x[20:, 0].all() and not W_x[:20, 0].any() and not W_x[20:, 1:].any()


def test_by_default_the_first_area_receives_and_the_last_one_answers():
    net = make(input_to=None)
    assert net.W_x[:20].all() and not net.W_x[20:].any()
    assert net.W_y[:, 20:44].all() and not net.W_y[:, :20].any() and not net.W_y[:, 44:].any()


@pytest.mark.parametrize("output_from, units", [("MT", 16), (["MT", "LIP"], 40)])
def test_outputs_are_read_from_the_areas_that_one_says(output_from, units):
    net = make(output_from=output_from)
    assert int(net.W_y.any(0).sum()) == units and net.W_y[:, 0].all()


def test_it_begins_balanced_what_comes_from_other_areas_included():
    net = make(spectral_radius=1.2)
    assert torch.allclose(net.W_r.sum(1), torch.zeros(50), atol=1e-5)
    assert abs(torch.linalg.eigvals(net.W_r.detach()).abs().max() - 1.2) < 1e-4


def test_without_projections_areas_are_networks_of_their_own():
    net, x = make([]), torch.randn(4, 7, 3)
    changed = x.clone()
    changed[..., 0] += 1.0
    before, after = net(x)[1], net(changed)[1]
    assert torch.equal(before[..., :20], after[..., :20]) and not torch.equal(before[..., 20:], after[..., 20:])


def test_an_area_is_the_ei_network_with_its_weights():
    net, x = make([]).double(), torch.randn(4, 7, 3).double()
    area = EIRNN(3, 20, 1).double()
    area.recurrent.weight, area.input.weight.data = net.W_r[:20, :20], net.W_x[:20].detach()
    assert torch.allclose(area(x)[1], net(x)[1][..., :20], atol=1e-12)


def test_feedback_reaches_the_first_area_and_does_not_when_it_is_cut():
    net, x = make(), torch.randn(4, 7, 3)
    changed = x.clone()
    changed[:, 0, 0] += 2.0  # the input of LIP, in the first step: in MT it can be felt in the second
    before, after = net(x)[1], net(changed)[1]
    assert torch.equal(before[:, 0, :20], after[:, 0, :20]) and not torch.equal(before[:, 1:, :20], after[:, 1:, :20])
    with lesion(net, connections=net.projection("LIP", "MT")):
        before, after = net(x)[1], net(changed)[1]
    assert torch.equal(before[..., :20], after[..., :20]) and not torch.equal(before[..., 20:], after[..., 20:])


def test_blocks_and_signs_hold_after_every_step_of_training(device):
    task = PerceptualDecision(epochs={"fixation": 100, "stimulus": 200, "response": 200})
    net = MultiAreaRNN(3, {"MT": 20, "LIP": 30}, 3, PROJECTIONS, input_to={"MT": [1, 2], "LIP": [0]}).to(device)
    absent = [W == 0 for W in (net.W_r, net.W_x, net.W_y)]
    before, kept = net.W_r.detach().clone(), []

    def check(network):
        W = network.W_r.detach()
        lawful = (W[:, network.excitatory] >= 0).all() and (W[:, network.inhibitory] <= 0).all()
        zero = (not W[none].any() for W, none in zip((W, network.W_x, network.W_y), absent, strict=True))
        kept.append(bool(lawful) and all(zero))

    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    nb.fit(Backprop(net, cross_entropy), task, 20, optimizer=optimizer, after_step=check, progress=False)
    assert len(kept) == 20 and all(kept) and (net.W_r - before).abs().max() > 0.05


def test_currents_add_up_in_it_too():
    net, x = make().double(), torch.randn(4, 7, 3).double()
    activity = net(x)[1]
    before = torch.cat([net.initial_state(4)[:, None], activity[:, :-1]], 1)
    assert torch.allclose(activity, 0.8 * before + 0.2 * torch.relu(sum(net.currents(activity, x))), atol=1e-12)


def test_three_areas_can_form_a_hierarchy():
    net = MultiAreaRNN(2, {"V1": 10, "V4": 10, "IT": 10}, 4, [("V1", "V4"), ("V4", "IT"), ("IT", "V4")])
    exists = net.W_r[net.projection("V1", "IT")].any(), net.W_r[net.projection("IT", "V4")].any()
    assert [bool(e) for e in exists] == [False, True]


def test_it_can_be_copied_and_saved_and_loaded():
    first, second, x = make(), make(), torch.randn(4, 7, 3)
    stored = io.BytesIO()
    torch.save(first.state_dict(), stored)
    stored.seek(0)
    second.load_state_dict(torch.load(stored, weights_only=True))
    twin, before = copy.deepcopy(first), first(x)
    with torch.no_grad():
        for p in first.parameters():
            p.mul_(2)
    for other in (second, twin):
        assert all(torch.equal(a, b) for a, b in zip(other(x), before, strict=True))
    assert twin.projection("MT", "LIP") == first.projection("MT", "LIP")


def test_the_generator_draws_everything():
    first, second = (make(generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


# What is refused


@pytest.mark.parametrize("areas", [["MT", "LIP"], {}, {1: 20}, 40], ids=str)
def test_areas_that_are_no_names_with_numbers_are_refused(areas):
    with pytest.raises(TypeError, match="areas are names with numbers of units"):
        MultiAreaRNN(3, areas, 2, [])


@pytest.mark.parametrize("units", [0, -3, 2.5])
def test_an_area_without_units_is_refused(units):
    with pytest.raises(ValueError, match="the number of units of 'MT' should be a positive integer, got"):
        MultiAreaRNN(3, {"MT": units}, 2, [])


def test_an_area_too_small_for_both_kinds_is_refused():
    with pytest.raises(ValueError, match="leaves both kinds among 2 units"):
        MultiAreaRNN(3, {"MT": 2, "LIP": 20}, 2, [])


@pytest.mark.parametrize("connections", ["MT", [("MT", "LIP", 0.5)], 3, [3]], ids=str)
def test_connections_that_are_no_pairs_are_refused(connections):
    with pytest.raises(TypeError, match=r"connections are pairs \(from, to\), with a density each"):
        make(connections)


def test_an_unknown_area_is_refused_wherever_it_is_named():
    for what, call in {
        "connections": lambda: make([("V1", "LIP")]),
        "input_to": lambda: make(input_to={"V1": [0]}),
        "output_from": lambda: make(output_from="V1"),
        "an area": lambda: make().projection("V1", "LIP"),
    }.items():
        with pytest.raises(ValueError, match=f"{what} names 'V1'; the areas are 'MT', 'LIP'"):
            call()


def test_a_projection_of_an_area_to_itself_is_refused():
    with pytest.raises(ValueError, match="'MT' projects to itself; connections within areas are there already"):
        make([("MT", "MT")])


def test_a_density_out_of_its_range_is_refused():
    with pytest.raises(ValueError, match=r"density is a fraction of the connections, above 0 and up to 1, got 1\.5"):
        make({("MT", "LIP"): 1.5})


@pytest.mark.parametrize(
    "numbers, said",
    [
        ([3], "names input 3; there are 3, from 0 on"),
        ([-1], "from 0 up"),
        ([0.5], "from 0 up"),
        (1, r"one input is \[1\]"),
    ],
)
def test_inputs_that_are_not_there_are_refused(numbers, said):
    with pytest.raises(ValueError, match=said):
        make(input_to={"MT": numbers})


def test_a_network_that_no_input_reaches_is_refused():
    with pytest.raises(ValueError, match="no input reaches any area"):
        make(input_to={"MT": []})


def test_an_area_named_twice_is_read_from_once():
    net = nb.networks.MultiAreaRNN(3, {"a": 10, "b": 10}, 2, [("a", "b")], output_from=["a", "a"])
    assert not net.W_y[:, net.areas["b"]].any()


@pytest.mark.parametrize("name", [["a", "b"], [], {}])
def test_a_projection_of_several_areas_is_refused(name):
    net = nb.networks.MultiAreaRNN(3, {"a": 10, "b": 10}, 2, [("a", "b")])
    with pytest.raises(ValueError, match="one area to one"):
        net.projection(name, "b")


@pytest.mark.parametrize("connections", [["ab"], {"ab": 0.5}])
def test_a_word_is_no_pair_of_areas(connections):
    with pytest.raises(TypeError, match="pairs"):
        nb.networks.MultiAreaRNN(3, {"a": 10, "b": 10}, 2, connections)
