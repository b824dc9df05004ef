from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from textrnn.evaluation.metrics import PartTotals, RunningTotals, all_metrics, calibration_error, summary

# predicted: a a b b; true: a b b b; the class c is neither
LOGITS = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
TRUTH = np.array([0, 1, 1, 1])


def metrics_of(logits: torch.Tensor, truth: np.ndarray, labels: str) -> dict[str, Any]:
    """Of a network alone, whose documents come in two parts."""
    totals = PartTotals(len(labels), None)
    for rows in (slice(0, 3), slice(3, None)):
        totals.add(logits[rows], truth[rows], network=logits[rows])
    return all_metrics(totals, list(labels))


def test_numbers_by_hand() -> None:
    metrics = metrics_of(LOGITS, TRUTH, "abc")
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
    assert metrics["interval"]["accuracy"] == pytest.approx([0.3006, 0.9544], abs=5e-5)  # Wilson's, of 3 in 4
    low, high = metrics["interval"]["macro_f1"]
    assert low <= metrics["macro_f1"] <= high
    assert metrics["parts"] == {"network": pytest.approx(summary(LOGITS, TRUTH)), "linear": None}
    assert metrics["verdict"] is None


def test_the_numbers_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    logits, truth = torch.from_numpy(random.normal(size=(200, 5)).astype(np.float32)), random.integers(0, 4, size=200)
    truth[truth == 2] = 3  # 2 is predicted but never true, and 4 is neither
    logits[:, 4] = -9
    metrics = metrics_of(logits, truth, "abcde")
    columns = precision_recall_fscore_support(truth, logits.argmax(1).numpy(), labels=range(5), zero_division=0)
    expected = [
        dict(zip(("precision", "recall", "f1", "support"), row, strict=True)) for row in zip(*columns, strict=True)
    ]
    assert list(metrics["per_class"].values()) == [pytest.approx(entry) for entry in expected]
    assert metrics["macro_f1"] == pytest.approx(columns[2].mean())
    assert summary(logits, truth) == pytest.approx({key: metrics[key] for key in ("loss", "accuracy", "macro_f1")})


def logits_of(*probabilities: float) -> torch.Tensor:
    """Of two classes: those of the first are given."""
    first = torch.tensor(probabilities)
    return torch.stack([first, 1 - first], dim=1).log()


def test_calibration_error_by_hand() -> None:
    totals = RunningTotals(2)
    totals.add(logits_of(0.9, 0.1), np.array([0, 0]))  # 0.9 and right, 0.9 and wrong: in the bin up to 14 / 15
    totals.add(logits_of(0.62, 0.35), np.array([0, 1]))  # 0.62 and 0.65, both right: in the bin from 9 / 15
    assert calibration_error(totals) == pytest.approx((abs(0.9 + 0.9 - 1) + abs(0.62 + 0.65 - 2)) / 4)


def test_who_is_sure_and_right_is_calibrated() -> None:
    totals = RunningTotals(2)
    totals.add(torch.tensor([[200.0, 0], [0, 200]]), np.array([0, 1]))
    assert calibration_error(totals) == 0
    totals.add(torch.tensor([[200.0, 0], [0, 200]]), np.array([1, 0]))
    assert calibration_error(totals) == 0.5


def test_parts_by_hand() -> None:
    truth = np.array([0, 0, 0, 1])
    whole, network, linear = logits_of(0.9, 0.9, 0.1, 0.1), logits_of(0.9, 0.1, 0.1, 0.1), logits_of(0.4, 0.4, 0.6, 0.4)
    parts = PartTotals(2, 0.5)
    for rows in (slice(0, 3), slice(3, None)):
        parts.add(whole[rows], truth[rows], network=network[rows], linear=linear[rows])
    assert (parts.only_total, parts.only_linear) == (2, 1)
    metrics = all_metrics(parts, ["a", "b"])
    assert metrics["accuracy"] == 0.75
    assert metrics["loss"] == pytest.approx(-(3 * math.log(0.9) + math.log(0.1)) / 4)
    for part, (low, high) in {"network": (0.1, 0.9), "linear": (0.4, 0.6)}.items():
        assert metrics["parts"][part] == {
            "accuracy": 0.5,
            "macro_f1": pytest.approx((2 / 4 + 2 / 4) / 2),
            "loss": pytest.approx(-(2 * math.log(low) + 2 * math.log(high)) / 4),
        }
    assert metrics["verdict"] == (
        "together 75.0; the linear model alone 50.0, the network alone 50.0: "
        "too few texts to decide whether the network improves on the linear model alone"
    )
    json.dumps(metrics, allow_nan=False)
