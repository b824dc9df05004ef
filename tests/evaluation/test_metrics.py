from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from textrnn.evaluation.metrics import RunningTotals, all_metrics, summary

# predicted: a a b b; true: a b b b; the class c is neither
LOGITS = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
TRUTH = np.array([0, 1, 1, 1])


def test_numbers_by_hand() -> None:
    totals = RunningTotals(3)
    totals.add(LOGITS[:3], TRUTH[:3])
    totals.add(LOGITS[3:], TRUTH[3:])
    metrics = all_metrics(totals, ["a", "b", "c"])
    assert metrics["accuracy"] == 0.75
    assert metrics["per_class"]["a"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert metrics["per_class"]["b"] == {
        "precision": 1.0, "recall": pytest.approx(2 / 3), "f1": pytest.approx(0.8), "support": 3,
    }  # fmt: skip
    assert metrics["per_class"]["c"]["support"] == 0
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 0.8 + 0) / 3)
    assert metrics["weighted_f1"] == pytest.approx((2 / 3 + 3 * 0.8) / 4)
    assert metrics["confusion_matrix"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    right, wrong = math.log(math.e + 2) - 1, math.log(math.e + 2)
    assert metrics["loss"] == pytest.approx((3 * right + wrong) / 4)


def test_the_numbers_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    logits, truth = torch.from_numpy(random.normal(size=(200, 5)).astype(np.float32)), random.integers(0, 4, size=200)
    truth[truth == 2] = 3  # 2 is predicted but never true, and 4 is neither
    logits[:, 4] = -9
    totals = RunningTotals(5)
    totals.add(logits, truth)
    metrics = all_metrics(totals, list("abcde"))
    columns = precision_recall_fscore_support(truth, logits.argmax(1).numpy(), labels=range(5), zero_division=0)
    expected = [
        dict(zip(("precision", "recall", "f1", "support"), row, strict=True)) for row in zip(*columns, strict=True)
    ]
    assert list(metrics["per_class"].values()) == [pytest.approx(entry) for entry in expected]
    assert metrics["macro_f1"] == pytest.approx(columns[2].mean())
    assert summary(logits, truth) == {key: metrics[key] for key in ("loss", "accuracy", "macro_f1")}
