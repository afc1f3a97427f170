"""Networks whose weights are shipped: all of them are there, do what they were trained for, and can be made anew."""

from importlib import resources

import numpy as np
import pytest
import torch

import nnbrain as nb
from nnbrain.weights import short_term_plasticity as shipped

EVERY = pytest.mark.parametrize("kind, seed", [(kind, seed) for kind in shipped.KINDS for seed in shipped.SEEDS])


@EVERY
def test_a_shipped_network_solves_its_task_in_new_trials_in_spite_of_its_noise(kind, seed):
    net, task = shipped.trained(kind, seed), shipped.task(kind)
    batch = task.sample(500, torch.Generator().manual_seed(99))
    with torch.no_grad():
        outputs, _ = net(batch.inputs, torch.Generator(nb.device()).manual_seed(99))
    assert float(task.score(outputs, batch).float().mean()) > 0.9


@EVERY
def test_a_shipped_network_obeys_dales_law(kind, seed):
    W = shipped.trained(kind, seed).network.W_r
    assert (W[:, :80] >= 0).all() and (W[:, 80:] <= 0).all() and not W.diagonal().any()


def test_no_two_shipped_networks_are_alike():
    found = torch.stack([shipped.trained(k, s).network.W_y.flatten() for k in shipped.KINDS for s in shipped.SEEDS])
    assert len(found.unique(dim=0)) == len(shipped.KINDS) * len(shipped.SEEDS)


@pytest.mark.parametrize("kind, rotation, scale", [("match", 0, 1.0), ("fast", 0, 0.2), ("rotate", 90, 1.0)])
def test_kinds_differ_in_the_task_or_in_the_time_constants(kind, rotation, scale):
    net, task = shipped.trained(kind, 0), shipped.task(kind)
    assert task.rotation == rotation and task.epochs["delay"] == 1000
    assert torch.allclose(net.tau_u[:2].cpu(), scale * torch.tensor([1500.0, 200.0]))
    assert torch.allclose(net.tau_x[:2].cpu(), scale * torch.tensor([200.0, 1500.0]))
    assert torch.allclose(net.U[:2].cpu(), torch.tensor([0.15, 0.45]))


def test_the_file_of_weights_is_small_and_part_of_the_package():
    assert resources.files("nnbrain.weights").joinpath(shipped.FILE).stat().st_size < 1_000_000


def test_the_program_that_made_them_makes_files_that_can_be_loaded(tmp_path, monkeypatch):
    """With a training of 25 steps, for one network of two; the other is kept as it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "SEEDS", range(1))
    monkeypatch.setattr(shipped, "KINDS", {"match": (0.0, 1.0)})
    monkeypatch.setattr(shipped, "DELAYS", (20.0,))
    monkeypatch.setattr(shipped, "AT_MOST", 25)
    shipped.main()
    first = (tmp_path / shipped.FILE).read_bytes()
    shipped.main()  # nothing is left to train
    assert (tmp_path / shipped.FILE).read_bytes() == first
    monkeypatch.setattr(shipped.resources, "files", lambda _: tmp_path)
    net, start = shipped.trained("match", 0), shipped.untrained("match", 0)
    assert (net.network.W_y.cpu() - start.network.W_y).abs().max() > 0.1


def test_an_unknown_kind_or_seed_is_refused():
    with pytest.raises(ValueError, match="kind is 'match', 'fast', 'rotate', got 'slow'"):
        shipped.trained("slow", 0)
    with pytest.raises(ValueError, match="there are networks with the seeds 0 to 4, got 5"):
        shipped.trained("match", 5)
    for use in (shipped.task, lambda kind: shipped.untrained(kind, 0)):
        with pytest.raises(ValueError, match="got 'slow'"):
            use("slow")


def test_weights_are_found_by_name_and_others_refused():
    assert nb.weights.short_term_plasticity is shipped
    with pytest.raises(AttributeError, match="there is no 'long_term_plasticity'"):
        nb.weights.long_term_plasticity  # noqa: B018


@pytest.mark.parametrize("seed", [np.arange(5)[1], 1.0, torch.tensor(1)], ids=["numpy", "float", "tensor"])
def test_a_seed_of_any_type_of_number_will_do(seed):
    assert torch.equal(shipped.trained("match", seed).network.W_r, shipped.trained("match", 1).network.W_r)
