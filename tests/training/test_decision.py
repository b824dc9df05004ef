"""The weight and the temperatures that are learnt, and when a part is no better than chance or below the other one."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.metrics import f1_score

from textrnn.linear.mixture import Mixture
from textrnn.texts.targets import Targets
from textrnn.training.decision import (
    COOLEST,
    HOTTEST,
    chance_macro_f1,
    is_below,
    is_chance,
    learn_decision,
    macro_f1,
    score,
    score_trained,
)


def logits_of(right: int, wrong: int, margin: float) -> tuple[torch.Tensor, np.ndarray]:
    """Of two classes: so many texts on which the first class leads by `margin`, rightly and wrongly."""
    logits = torch.tensor([[margin, 0.0]] * (right + wrong))
    return logits, np.array([0] * right + [1] * wrong)


def noisy(signal: np.ndarray, random: np.random.Generator, strength: float = 1.0) -> torch.Tensor:
    """float32: the signal with normal noise."""
    return torch.from_numpy(signal + strength * random.normal(size=signal.shape)).float()


def test_the_temperature_makes_confidence_equal_accuracy() -> None:
    logits, labels = logits_of(9000, 1000, 5.0)
    decision = learn_decision(logits, None, Targets(labels), mix=True)
    assert 5.0 / decision.network_temperature == pytest.approx(math.log(9), rel=0.01)
    assert (decision.weight, decision.temperature) == (0, 1)


def test_a_part_that_knows_nothing_gets_no_weight() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 4000)
    noise, good = noisy(np.zeros((4000, 3)), random), noisy(2 * np.eye(3)[labels], random)
    for network, linear, weight in ((good, noise, 0.0), (noise, good, 1.0)):
        scores = score_trained(network, linear, Targets(labels), mix=True)
        alone = scores.network if network is good else scores.linear
        assert alone is not None
        assert scores.decision.weight == weight
        assert scores.together["accuracy"] == alone["accuracy"]
        assert (scores.warning is None) == (network is good), "a network without weight is warned of"


def test_two_parts_that_know_nothing_both_stay() -> None:
    random = np.random.default_rng(3)
    labels, (one, other) = random.integers(0, 3, 1000), torch.from_numpy(random.normal(size=(2, 1000, 3))).float()
    scores = score_trained(one, other, Targets(labels), mix=True)
    assert 0 < scores.decision.weight < 1
    assert scores.warning is not None and scores.warning.startswith("neither the network alone")


def test_a_network_that_never_gives_the_rare_class_does_not_hide_a_linear_model_that_does() -> None:
    labels = np.array([0] * 3000 + [1] * 3)
    never = torch.tensor([[6.0, -6.0]] * 3003)
    margins = torch.tensor([[0.4, -0.4]] * 3000 + [[-0.1, 0.1]] * 3)
    scores = score_trained(never, margins, Targets(labels), mix=True)
    assert scores.decision.weight == 1
    assert scores.together["macro_f1"] == 1.0
    assert scores.warning is not None and "predictions use the linear model alone" in scores.warning


@pytest.mark.parametrize("helps", [False, True])
def test_a_network_below_the_linear_model_stays_only_if_both_together_are_better(helps: bool) -> None:
    random = np.random.default_rng(4)
    labels = random.integers(0, 3, 2000)
    margins, worse = noisy(2 * np.eye(3)[labels], random), noisy(np.eye(3)[labels], random, 1.2)
    # errors of its own, or the same errors as the linear model and more
    network = worse if helps else noisy(margins.numpy(), random, 2.0)
    scores = score_trained(network, margins, Targets(labels), mix=True)
    assert scores.linear is not None and scores.warning is not None
    assert scores.network["macro_f1"] < scores.linear["macro_f1"]
    assert (scores.decision.weight < 1) == helps
    assert scores.together["macro_f1"] >= scores.linear["macro_f1"]


def test_two_parts_with_errors_of_their_own_are_better_together() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 4000)
    one, other = (noisy(np.eye(3)[labels], random) for _ in range(2))
    scores = score(one, other, Targets(labels), mix=True)
    assert scores.linear is not None
    assert scores.decision.weight == pytest.approx(0.5, abs=0.1)
    assert scores.together["accuracy"] > max(scores.network["accuracy"], scores.linear["accuracy"]) + 0.05


def test_what_is_only_reported_does_not_decide() -> None:
    logits, labels = logits_of(90, 10, 1.0)
    scores = score(logits, -logits, Targets(labels), mix=False)
    assert scores.decision.weight == 0
    assert scores.together["accuracy"] == scores.network["accuracy"] == 0.9
    assert scores.linear is not None and scores.linear["accuracy"] == pytest.approx(0.1)


@pytest.mark.parametrize(("right", "wrong"), [(1, 0), (0, 1), (100_000, 0), (0, 100_000)])
@pytest.mark.parametrize("margin", [1e-6, 1.0, 1e4])
def test_temperatures_stay_within_their_limits(right: int, wrong: int, margin: float) -> None:
    logits, labels = logits_of(right, wrong, margin)
    decision = learn_decision(logits, logits, Targets(labels), mix=True)
    weight, *temperatures = dataclasses.astuple(decision)
    assert 0 <= weight <= 1 and COOLEST * 0.999 <= min(temperatures) <= max(temperatures) <= HOTTEST * 1.001


def test_how_logits_are_combined() -> None:
    decision = Mixture(weight=0.25, temperature=2.0, network_temperature=4.0, linear_temperature=0.5)
    network, margins = torch.tensor([[8.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert decision.network_logits(network).tolist() == [[2.0, 0.0]]
    assert decision.linear_logits(margins).tolist() == [[0.0, 2.0]]
    assert decision.logits(network, margins).tolist() == [[0.75, 0.25]]
    assert decision.logits(network).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_macro_f1_of_shuffled_predictions_has_the_mean_and_deviation_that_are_computed(classes: int) -> None:
    random = np.random.default_rng(classes)
    truth = random.integers(0, classes, 150) * random.integers(0, 2, 150)  # the first class is frequent
    predicted = random.integers(0, classes, 150)
    expected = f1_score(truth, predicted, labels=range(classes), average="macro", zero_division=0.0)
    assert macro_f1(truth, predicted, classes) == pytest.approx(expected)
    shuffled = [macro_f1(truth, random.permutation(predicted), classes) for _ in range(4000)]
    mean, deviation = chance_macro_f1(truth, predicted, classes)
    assert mean == pytest.approx(np.mean(shuffled), abs=4 * deviation / 4000**0.5)
    assert deviation == pytest.approx(np.std(shuffled), rel=0.06)


def test_a_constant_answer_is_chance_and_a_few_rare_hits_are_not() -> None:
    truth = np.array([0] * 1000 + [1] * 3)
    assert is_chance(truth, np.zeros(1003, int), 2)
    assert not is_chance(truth, np.array([0] * 1001 + [1] * 2), 2)


def test_noise_is_called_chance_as_often_as_a_95_percent_interval_says() -> None:
    random = np.random.default_rng(5)
    truth = random.integers(0, 3, 300)
    draws = [is_chance(truth, random.integers(0, 3, 300), 3) for _ in range(400)]
    assert 0.95 < np.mean(draws) < 1  # one side of the interval: 97.5 %


def test_a_difference_is_found_and_chance_is_not_called_one() -> None:
    random = np.random.default_rng(6)
    truth = random.integers(0, 3, 500)

    def right_at(share: float) -> np.ndarray:
        return np.where(random.random(500) < share, truth, random.integers(0, 3, 500))

    assert is_below(truth, right_at(0.6), right_at(0.8), 3)
    draws = [is_below(truth, right_at(0.7), right_at(0.7), 3) for _ in range(400)]
    assert np.mean(draws) < 0.06


def test_temperatures_are_those_of_soft_labels() -> None:
    """The network is right in each text and sure of it, but its labels are not."""
    labels = np.arange(400) % 2
    logits = torch.nn.functional.one_hot(torch.from_numpy(labels)).double() * 8
    shares = csr_array(np.where(np.eye(2, dtype=bool)[labels], 0.7, 0.3).astype(np.float32))
    decision = learn_decision(logits, None, Targets(labels, shares), mix=True)
    probabilities = decision.logits(logits).softmax(dim=1)
    assert probabilities[0, 0].item() == pytest.approx(0.7, abs=0.02)
