"""The sure bet: what is shown when, what is paid, the ideal observer against Bayes written out, and learning from reward."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from nnbrain import fit
from nnbrain.learning import Reinforce
from nnbrain.networks import MLP, RNN
from nnbrain.objectives import expected_reward
from nnbrain.runtime import device
from nnbrain.tasks import PerceptualDecision, SureBet

FIXATION, LEFT, RIGHT, SURE = range(4)


def sample(task, trials=200, seed=0):
    return task.sample(trials, torch.Generator().manual_seed(seed))


def earned(task, batch, choice):
    return batch.rewards.gather(1, choice.unsqueeze(1)).squeeze(1)


def without_offer(task, batch):
    """What the ideal observer would have chosen if there had been no sure target."""
    return 1 + (task.confidence(batch) > 0.5).long()


def test_epochs_follow_each_other_in_time():
    task = SureBet(dt=20)
    batch = sample(task, 2000)
    lasted = {name: task.dt * task.during(name, batch).sum(1) for name in task.epochs}
    for name, ms in {"fixation": 100, "delay": 200, "offer": 200, "response": 300}.items():
        assert (lasted[name] == ms).all(), name
    assert set(lasted["stimulus"].tolist()) == set(range(100, 920, 20))
    assert torch.equal(lasted["stimulus"], batch.conditions["duration"])
    epoch = batch.conditions["epoch"]
    assert ((epoch[:, 1:] >= epoch[:, :-1]) | (epoch[:, 1:] == -1)).all()


def test_the_sure_target_appears_after_the_motion_where_it_is_offered_and_stays():
    task = SureBet()
    batch = sample(task)
    shown = batch.conditions["offered"].unsqueeze(1) & (task.during("offer", batch) | task.during("response", batch))
    assert torch.equal(batch.inputs[..., 3], shown.float())


def test_evidence_comes_during_the_stimulus_only():
    task = SureBet()
    batch = sample(task)
    evidence = batch.inputs[..., 1:3]
    assert (evidence[task.during("stimulus", batch)] != 0).all()
    assert (evidence[~task.during("stimulus", batch)] == 0).all()


def test_the_fixation_point_goes_out_at_the_response():
    task = SureBet()
    batch = sample(task)
    epoch = batch.conditions["epoch"]
    assert torch.equal(batch.inputs[..., 0], ((epoch >= 0) & ~task.during("response", batch)).float())


def test_the_decision_is_made_in_the_response_after_the_grace():
    task = SureBet(dt=20, grace=100)
    batch = sample(task)
    response = task.during("response", batch)
    assert torch.equal(batch.mask, (response & (response.cumsum(1) > 5)).float())


def test_evidence_has_the_mean_and_the_noise_of_a_perceptual_decision():
    task = SureBet(dt=20, coherences=[0.256], sigma=0.5)
    batch = sample(task, 4000)
    right = batch.inputs[..., 2][task.during("stimulus", batch) & (batch.conditions["coherence"] > 0).unsqueeze(1)]
    assert right.mean().item() == pytest.approx((1 + 0.256) / 2, abs=0.01)
    assert right.std().item() == pytest.approx(0.5, abs=0.01)


def test_half_of_the_trials_of_each_kind_offer_the_sure_target():
    task = SureBet()
    offered = task.all().conditions["offered"]
    assert offered.float().mean() == 0.5
    batch = sample(task, 20_000)
    for c in task.coherences.tolist():
        these = (batch.conditions["coherence"].abs() - c).abs() < 1e-6
        assert batch.conditions["offered"][these].float().mean().item() == pytest.approx(0.5, abs=0.04)


def test_rewards_are_one_for_the_direction_and_less_for_the_sure_target_if_there_is_one():
    batch = sample(SureBet(sure_reward=0.6))
    c = batch.conditions
    assert torch.equal(batch.rewards[:, LEFT], (c["choice"] == LEFT).float())
    assert torch.equal(batch.rewards[:, RIGHT], (c["choice"] == RIGHT).float())
    assert torch.allclose(batch.rewards[:, SURE], 0.6 * c["offered"].float())
    assert (batch.rewards[:, FIXATION] == 0).all()
    assert batch.targets is None


@pytest.mark.parametrize("dt", [20, 50])
def test_confidence_is_bayes_rule_on_every_sample_of_evidence(dt):
    """Against densities of each single sample, multiplied over time, and a prior over all kinds of motion."""
    task = SureBet(dt=dt)
    batch = sample(task, 40)
    x, shown = batch.inputs.cpu().double().numpy(), task.during("stimulus", batch).cpu().numpy()
    sigma = 0.5 * math.sqrt(20 / dt)
    signed = np.array([s * c for c in task.coherences.double().tolist() for s in (-1, 1)])
    rightwards = np.array([s for _ in task.coherences for s in (0, 1)])
    wanted = []
    for trial, when in zip(x, shown, strict=True):
        log_p = [
            norm.logpdf(trial[when, 1], (1 - c) / 2, sigma).sum()
            + norm.logpdf(trial[when, 2], (1 + c) / 2, sigma).sum()
            for c in signed
        ]
        p = np.exp(np.array(log_p) - max(log_p))
        wanted.append((p * rightwards).sum() / p.sum())
    assert np.allclose(task.confidence(batch).cpu().numpy(), wanted, atol=1e-4)


def test_confidence_is_how_often_one_is_right():
    task = SureBet()
    batch = sample(task, 20_000)
    confidence, right = task.confidence(batch), batch.conditions["choice"] == RIGHT
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        these = (confidence >= low) & (confidence < low + 0.2)
        spread = 4 * 0.5 / math.sqrt(int(these.sum()))
        assert right[these].float().mean().item() == pytest.approx(confidence[these].mean().item(), abs=spread)


def test_the_ideal_choice_earns_what_it_expects_and_more_than_other_criteria():
    task = SureBet(sure_reward=0.75)
    batch = sample(task, 40_000)
    ideal = earned(task, batch, task.ideal_choice(batch)).mean().item()
    assert ideal == pytest.approx(task.ideal_reward(batch).mean().item(), abs=0.008)
    right = task.confidence(batch)
    sure_of = torch.maximum(right, 1 - right)
    for criterion in (0.5, 0.65, 0.85, 1.01):  # from never waiving to always
        waive = batch.conditions["offered"] & (sure_of < criterion)
        assert earned(task, batch, torch.where(waive, SURE, without_offer(task, batch))).mean().item() < ideal


def waived_by(task, batch, choice):
    """For each coherence above 0: how often the sure target is taken, accuracy when it is waived, and when it is not offered."""
    c, offered = batch.conditions["coherence"].abs(), batch.conditions["offered"]
    right = choice == batch.conditions["choice"]
    rows = []
    for value in task.coherences[task.coherences > 0].tolist():
        these = (c - value).abs() < 1e-6
        stays = these & offered & (choice != SURE)
        rows.append([(choice[these & offered] == SURE), right[stays], right[these & ~offered]])
    return np.array([[part.float().mean().item() for part in row] for row in rows])


def test_the_ideal_observer_waives_less_with_stronger_motion_and_is_more_often_right_where_it_does_not():
    task = SureBet()
    batch = sample(task, 40_000)
    taken, when_waived, not_offered = waived_by(task, batch, task.ideal_choice(batch)).T
    assert (np.diff(taken) < 0).all()
    assert (when_waived[:4] > not_offered[:4] + 0.03).all()  # at the strongest motion both are nearly always right


def test_an_observer_that_waives_by_coherence_alone_is_no_more_often_right():
    """The control: it shows fewer sure bets with stronger motion too, but has no idea of its single decisions."""
    task = SureBet()
    batch = sample(task, 40_000)
    chance = torch.rand(len(batch), generator=torch.Generator().manual_seed(1)).to(batch.inputs)
    waive = batch.conditions["offered"] & (chance < 0.8 - batch.conditions["coherence"].abs())
    taken, when_waived, not_offered = waived_by(task, batch, torch.where(waive, SURE, without_offer(task, batch))).T
    assert (np.diff(taken) < 0).all()
    assert np.abs(when_waived - not_offered).max() < 0.06


def test_without_an_offer_the_ideal_observer_is_that_of_the_perceptual_decision():
    task = SureBet()
    batch = sample(task, 40_000)
    not_offered = waived_by(task, batch, task.ideal_choice(batch))[:, 2]
    assert np.allclose(not_offered, task.ideal_accuracy(task.coherences[1:]).numpy(), atol=0.03)


def test_without_noise_the_ideal_observer_is_certain_unless_nothing_moves():
    task = SureBet(sigma=0.0)
    batch = task.all()
    c = batch.conditions["coherence"]
    assert torch.allclose(task.confidence(batch), 0.5 + 0.5 * torch.sign(c))
    assert torch.equal(task.ideal_choice(batch) == SURE, (c == 0) & batch.conditions["offered"])


@pytest.mark.parametrize("in_time", [True, False])
def test_a_choice_scores_if_it_is_rewarded(in_time):
    task = SureBet()
    batch = sample(task)
    ideal, offered = task.ideal_choice(batch), batch.conditions["offered"]

    def answer(choice):
        y = nn.functional.one_hot(choice, 4).float()
        return y.unsqueeze(1) * batch.mask.unsqueeze(2) if in_time else y

    assert torch.equal(task.choice(answer(ideal), batch), ideal)
    assert task.score(answer(batch.conditions["choice"]), batch).all()
    assert not task.score(answer(3 - batch.conditions["choice"]), batch).any()
    assert not task.score(answer(torch.zeros_like(ideal)), batch).any()
    assert torch.equal(task.score(answer(torch.full_like(ideal, SURE)), batch), offered)


def test_trials_of_every_kind_in_the_order_of_the_table():
    task = SureBet(coherences=[0.0, 0.5])
    batch = task.all(repeats=2, stimulus=300)
    assert len(batch) == 2 * 2 * 2 * 2
    assert (batch.conditions["duration"] == 300).all()


def test_some_of_the_trials_keep_what_belongs_to_them():
    task = SureBet()
    batch = sample(task)
    some = batch[batch.conditions["offered"]]
    assert torch.equal(task.ideal_choice(some), task.ideal_choice(batch)[batch.conditions["offered"]])


def test_it_is_learned_from_reward_alone():
    """Far beyond always choosing a side (0.5) or, where it can, the sure target and else a side (0.625)."""
    task = SureBet(dt=100, coherences=[0.0, 0.1, 0.4], sigma=0.3)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), MLP([task.steps * task.inputs, 32, task.outputs])).to(device())
    g = torch.Generator().manual_seed(0)
    rule = Reinforce(net, generator=g)
    fit(
        rule,
        task,
        steps=400,
        trials=128,
        optimizer=torch.optim.Adam(net.parameters(), 5e-3),
        generator=g,
        progress=False,
    )
    batch = sample(task, 4000, 1)
    choice = task.choice(net(batch.inputs), batch)
    ceiling = task.ideal_reward(batch).mean().item()
    assert 0.68 < earned(task, batch, choice).mean().item() < ceiling + 0.02


def test_a_recurrent_network_has_a_gradient_at_its_decision():
    task = SureBet(dt=100)
    net = RNN(task.inputs, 8, task.outputs, tau=200, dt=100).to(device())
    batch = sample(task, 16)
    value = Reinforce(net)(batch)
    assert torch.allclose(value, expected_reward(net, batch))
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"sure_reward": 1.0}, "sure_reward lies between 0 and 1"),
        ({"sure_reward": 0}, "sure_reward lies between 0 and 1"),
        ({"sure_reward": None}, "sure_reward lies between 0 and 1"),
        ({"coherences": [1.2]}, "between 0 and 1"),
        ({"epochs": {"wager": 100}}, "none called 'wager'"),
        ({"grace": 300}, "nothing of the response is left"),
    ],
)
def test_bad_settings_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        SureBet(**arguments)


def test_outputs_that_do_not_fit_are_refused():
    task = SureBet()
    batch = sample(task, 3)
    for shape in ((3, 3), (3, task.steps, 3), (3, task.steps - 1, 4), (2, 4)):
        with pytest.raises(ValueError, match="this task needs 4 outputs"):
            task.choice(torch.zeros(shape), batch)
    with pytest.raises(ValueError, match="NaN"):
        task.score(torch.full((3, 4), float("nan")), batch)


def test_a_batch_of_another_task_is_refused():
    with pytest.raises(ValueError, match="does not come from this SureBet"):
        SureBet(dt=20).confidence(sample(SureBet(dt=50)))


def test_a_batch_of_another_task_is_not_scored():
    batch = PerceptualDecision().sample(2)
    with pytest.raises(ValueError, match="does not come from this SureBet"):
        SureBet().score(torch.zeros(2, 4), batch)


def test_outputs_that_are_no_tensor_are_refused():
    task = SureBet()
    with pytest.raises(TypeError, match="should be a tensor"):
        task.choice(None, task.sample(2))
