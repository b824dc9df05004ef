from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from textrnn.evaluation.metrics import all_metrics, summary

# predicted: a a b b; true: a b b b; the class c is neither
LOGITS = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
TRUTH = np.array([0, 1, 1, 1])


def test_numbers_by_hand() -> None:
    metrics = all_metrics(LOGITS, TRUTH, ["a", "b", "c"])
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


def test_the_summary_agrees() -> None:
    whole = all_metrics(LOGITS, TRUTH, ["a", "b", "c"])
    assert summary(LOGITS, TRUTH) == {key: whole[key] for key in ("loss", "accuracy", "macro_f1")}
