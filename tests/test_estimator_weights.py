"""RNNClassifier with weights of texts and of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.base import clone

from tests.conftest import TINY, Cli, make_rows, sets
from tests.test_estimator import SMALL
from textrnn import RNNClassifier

LABELS, TEXTS = map(list, zip(*make_rows(60), strict=True))


def weights_of(classifier: RNNClassifier) -> dict[str, torch.Tensor]:
    return classifier.classifier_.networks.state_dict()


def test_sample_weights_are_the_weights_of_the_command_line(cli: Cli) -> None:
    weights = [(1, 2.5, 0)[at % 3] if at > 5 else 1 for at in range(60)]
    lines = (f"{text},{label},{weight}" for text, label, weight in zip(TEXTS, LABELS, weights, strict=True))
    Path("t.csv").write_text("\n".join(["text,label,weight", *lines, ""]))
    settings = sets("data.weight_column=weight", "train.class_weights={food: 2}", "train.seed=4")
    assert cli("train", "--data", "t.csv", *TINY, *settings, "--run-dir", "run").code == 0
    classifier = RNNClassifier(**SMALL, class_weights={"food": 2}, random_state=4)
    classifier.fit(TEXTS, LABELS, sample_weight=weights)
    saved = load_file("run/model/model.safetensors")
    own = weights_of(classifier)
    assert own.keys() == saved.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in saved.items())


@pytest.mark.parametrize(("names", "weights"), [
    ([7, -1, 30], {7: 5, 30: 0.5}),
    ([7, -1, 30], {np.int64(7): 5, 30: np.float32(0.5)}),
    ([True, False, False], {True: 5}),
    (["food", "sport", "travel"], {"food": 5.0}),
])  # fmt: skip
def test_class_weights_may_be_of_labels_of_any_type(names: list, weights: dict) -> None:
    labels = [dict(zip(["food", "sport", "travel"], names, strict=True))[label] for label in LABELS]
    classifier = clone(RNNClassifier(**SMALL, class_weights=weights, random_state=1)).fit(TEXTS, labels)
    by_sample = RNNClassifier(**SMALL, random_state=1).fit(TEXTS, labels)
    heavy = classifier.classes_.tolist().index(names[0])
    assert classifier.get_params()["class_weights"] is not None
    assert (classifier.predict_proba(TEXTS) - by_sample.predict_proba(TEXTS))[:, heavy].mean() > 0


def test_a_number_as_sample_weight_weighs_all_texts_alike() -> None:
    alone, weighted = (
        weights_of(RNNClassifier(**SMALL, random_state=1).fit(TEXTS, LABELS, weight)) for weight in (None, 2)
    )
    for name, tensor in alone.items():
        torch.testing.assert_close(weighted[name], tensor)


@pytest.mark.parametrize(("weights", "message"), [
    ([1.0] * 59, "inconsistent numbers of samples"),
    ([1.0] * 59 + [-1.0], "sample_weight 59: a number from 0 to 1,000,000,000 was expected, found -1"),
    ([1.0] * 59 + [float("nan")], "sample_weight contains NaN"),
    ([0.0] * 60, "a weight above 0 was expected in sample_weight, found 0 for all 60 texts"),
    (["high"] * 60, "could not convert string to float"),
])  # fmt: skip
def test_bad_sample_weights_are_value_errors(weights: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL).fit(TEXTS, LABELS, sample_weight=weights)


@pytest.mark.parametrize(("weights", "message"), [
    ({"fod": 2}, "class_weights: found the label 'fod', which no training text has; did you mean 'food'?"),
    ({"food": -2}, "class_weights: expected a number of 0 or more as the weight of 'food', found -2"),
    ("inverse", "class_weights: expected none, balanced, or weights of labels"),
])  # fmt: skip
def test_bad_class_weights_are_value_errors(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL, class_weights=weights).fit(TEXTS, LABELS)
