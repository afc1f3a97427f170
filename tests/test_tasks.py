"""Batches and tasks: what they hold, how examples are drawn, and what they refuse."""

import copy
import pickle

import numpy as np
import pytest
import torch

from nnbrain import data
from nnbrain.tasks import Batch, Digits, FiniteTask


@pytest.fixture
def numbered():
    """Ten examples whose input is their number."""
    return FiniteTask(torch.arange(10.0).unsqueeze(1), torch.arange(10), {"parity": torch.arange(10) % 2})


def test_an_epoch_shows_every_example_once(numbered):
    seen = torch.cat([numbered.sample(5).targets for _ in range(2)])
    assert sorted(seen.tolist()) == list(range(10))


def test_a_batch_may_reach_over_the_end_of_an_epoch(numbered):
    seen = torch.cat([numbered.sample(4).targets for _ in range(5)])
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10))


def test_order_changes_between_epochs(numbered):
    assert numbered.sample(10).targets.tolist() != numbered.sample(10).targets.tolist()


def test_a_new_generator_starts_a_new_epoch(numbered):
    """What a seed draws does not depend on what was drawn before."""
    first = numbered.sample(7, torch.Generator().manual_seed(5)).targets
    numbered.sample(3)
    assert torch.equal(numbered.sample(7, torch.Generator().manual_seed(5)).targets, first)


def test_each_generator_has_epochs_of_its_own(numbered):
    """Draws for a measurement in the middle do not disturb the epochs of training."""
    mine, other = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)
    seen = []
    for _ in range(2):
        seen += numbered.sample(5, mine).targets.tolist()
        numbered.sample(3, other)
    assert sorted(seen) == list(range(10))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda task: pickle.loads(pickle.dumps(task))])
def test_a_copy_of_a_task_starts_its_own_epochs(numbered, duplicate):
    numbered.sample(7)
    twin = duplicate(numbered)
    assert sorted(twin.sample(10).targets.tolist()) == list(range(10))


def test_changing_what_all_gives_does_not_change_the_task(numbered):
    numbered.all().inputs.zero_()
    assert numbered.all().inputs.sum() == 45


def test_a_batch_keeps_inputs_targets_and_conditions_together(numbered):
    batch = numbered.sample(10)
    assert torch.equal(batch.inputs.flatten().long(), batch.targets)
    assert torch.equal(batch.conditions["parity"], batch.targets % 2)


def test_all_gives_every_example_in_order(numbered):
    assert torch.equal(numbered.all().targets.cpu(), torch.arange(10))


def test_batches_are_on_the_device(numbered, device):
    assert numbered.sample(3).inputs.device.type == numbered.all().targets.device.type == device.type


@pytest.mark.parametrize("trials", [0, -1, 2.5, True, "4"])
def test_a_bad_number_of_trials_is_refused(numbered, trials):
    with pytest.raises(ValueError, match="trials should be a positive integer"):
        numbered.sample(trials)


def test_more_trials_than_examples_are_refused(numbered):
    with pytest.raises(ValueError, match=r"11 trials asked for.*10 examples.*task.all\(\)"):
        numbered.sample(11)


def test_score_compares_the_largest_output_with_the_class(numbered, device):
    batch = numbered.all()[:3]
    outputs = torch.zeros(3, 10, device=device)
    outputs[0, 0] = outputs[1, 5] = outputs[2, 2] = 1.0
    assert numbered.score(outputs, batch).tolist() == [True, False, True]


def test_score_of_values_needs_a_tolerance(device):
    x, y = torch.zeros(3, 1), torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    close = torch.tensor([[0.1, -0.1], [0.7, 0.0], [0.0, 1.2]], device=device)
    strict = FiniteTask(x, y, tolerance=0.25)
    assert strict.score(close, strict.all()).tolist() == [True, False, True]
    vague = FiniteTask(x, y)
    with pytest.raises(ValueError, match="say how close is correct"):
        vague.score(close, vague.all())


@pytest.mark.parametrize(
    "outputs, message",
    [
        (torch.zeros(10, 1), "1 output cannot tell classes apart"),
        (torch.zeros(10, 5), "classes 0 to 4, but the targets run from 0 to 9"),
        (torch.zeros(9, 10), r"need classes of shape \(9,\) as targets, got \(10,\)"),
        (torch.full((10, 10), float("nan")), "Did its training diverge?"),
    ],
)
def test_score_refuses_outputs_that_do_not_fit(numbered, outputs, message, device):
    with pytest.raises(ValueError, match=message):
        numbered.score(outputs.to(device), numbered.all())


def test_score_refuses_values_that_would_only_broadcast(device):
    task = FiniteTask(torch.zeros(3, 1), torch.zeros(3, 2), tolerance=0.1)
    with pytest.raises(ValueError, match=r"need values of shape \(3, 1\)"):
        task.score(torch.zeros(3, 1, device=device), task.all())


def test_a_batch_can_be_cut(numbered):
    batch = numbered.all()
    for number in (2, np.int64(2), torch.tensor(2)):
        assert batch[number].inputs.shape == (1, 1) and batch[number].targets.tolist() == [2]
    assert batch[2:5].targets.tolist() == [2, 3, 4]
    assert batch[batch.targets > 7].conditions["parity"].tolist() == [0, 1]


def test_a_batch_converts_its_floating_point_parts():
    batch = Batch(torch.zeros(2, 3), torch.tensor([0, 1])).to(torch.float64)
    assert (batch.inputs.dtype, batch.targets.dtype) == (torch.float64, torch.int64)


def test_classes_of_any_integer_type_become_int64():
    assert Batch(torch.zeros(2, 1), torch.tensor([0, 1], dtype=torch.uint8)).targets.dtype == torch.int64


@pytest.mark.parametrize(
    "parts, error, message",
    [
        ({"inputs": [[1.0]]}, TypeError, "inputs should be a tensor, got list"),
        ({"inputs": torch.zeros(0, 3)}, ValueError, "empty"),
        ({"inputs": torch.zeros(2, 3, dtype=torch.int64)}, TypeError, "floating point"),
        ({"targets": torch.zeros(3)}, ValueError, r"targets has shape \(3,\), but inputs have 2 trials"),
        ({"rewards": torch.zeros(1, 2)}, ValueError, "rewards has shape"),
        ({"conditions": {"side": torch.zeros(5)}}, ValueError, r"conditions\['side'\] has shape"),
        ({"conditions": {"side": "left"}}, TypeError, r"conditions\['side'\] should be a tensor"),
        ({"mask": torch.ones(2, 4)}, ValueError, r"mask of shape \(2, 4\) does not fit inputs of shape \(2, 3, 1\)"),
        (
            {"inputs": torch.zeros(2, 3), "mask": torch.ones(2, 3)},
            ValueError,
            "for inputs that are trials × time × inputs",
        ),
        ({"mask": torch.tensor([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])}, ValueError, "numbers from 0 up"),
        ({"mask": torch.full((2, 3), float("nan"))}, ValueError, "numbers from 0 up"),
        (
            {"mask": torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])},
            ValueError,
            "no step to learn from in 1 trials.*trial 1",
        ),
        ({"inputs": torch.tensor(1.0)}, ValueError, "inputs is a single number"),
    ],
)
def test_a_bad_batch_is_refused(parts, error, message):
    with pytest.raises(error, match=message):
        Batch(**({"inputs": torch.zeros(2, 3, 1)} | parts))


def test_digits_are_split_without_overlap():
    train, test = Digits("train").all(), Digits("test").all()
    images, labels = data.digits()
    assert len(train) + len(test) == len(labels) == 1797
    both = torch.cat([train.inputs, test.inputs]).cpu()
    assert torch.equal(both.sum(0), torch.from_numpy(images).flatten(1).sum(0))
    counts = torch.bincount(test.targets.cpu(), minlength=10)
    assert counts.min() >= 34 and counts.max() <= 38  # every digit in proportion


def test_digits_are_ink_on_paper():
    batch = Digits("test").all()
    assert float(batch.inputs.min()) == 0 and float(batch.inputs.max()) == 1
    assert torch.equal(batch.conditions["digit"], batch.targets)


def test_digits_may_be_images():
    task = Digits("test", flatten=False)
    assert task.sample(5).inputs.shape == (5, 1, 8, 8)
    assert task.image_shape == (8, 8)


@pytest.mark.parametrize("arguments", [{"split": "validation"}, {"source": "emnist"}])
def test_unknown_digits_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments.values()))):
        Digits(**arguments)
