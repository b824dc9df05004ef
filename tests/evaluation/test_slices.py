from __future__ import annotations

import numpy as np
import pytest

from textrnn.evaluation.metrics import RunningTotals, calibration_error
from textrnn.evaluation.slices import by_length, by_unknown, coverage_curve, reliability, thresholds

RIGHT = np.asarray([True, False, True, True])


def test_lengths_are_in_groups_of_like_size() -> None:
    lengths = np.asarray([9, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12])
    found = by_length(lengths, np.asarray([False] + [True] * 11))
    assert [(each.name, each.texts, each.right) for each in found] == [
        ("1 to 2", 2, 2), ("3 to 4", 2, 2), ("5 to 6", 2, 2), ("7 to 8", 2, 2), ("9 to 10", 2, 1), ("11 to 12", 2, 2),
    ]  # fmt: skip
    assert found[4].accuracy == 0.5
    assert found[4].interval == pytest.approx([0.0945, 0.9055], abs=1e-3)  # Wilson's, for 1 of 2


@pytest.mark.parametrize("lengths", [[7, 7, 7, 7], [0, 0, 0, 1500]])
def test_equal_lengths_are_in_one_group(lengths: list[int]) -> None:
    found = by_length(np.asarray(lengths), RIGHT)
    assert [each.name for each in found] == (["7"] if lengths[3] == 7 else ["0", "1,500"])
    assert [each.texts for each in found] == ([4] if lengths[3] == 7 else [3, 1])


def test_a_share_of_unknown_tokens_counts_up_to_its_edge() -> None:
    found = by_unknown(np.asarray([0, 0.02, 0.1, 1], np.float32), RIGHT)
    assert [(each.name, each.texts, each.right) for each in found] == [
        ("none", 1, 1), ("up to 2 %", 1, 0), ("5 to 10 %", 1, 1), ("50 to 100 %", 1, 1),
    ]  # fmt: skip


def test_the_bins_are_those_of_the_calibration_error() -> None:
    import torch

    random = np.random.default_rng(0)
    logits, labels = torch.from_numpy(random.normal(size=(500, 3)).astype(np.float32)), random.integers(0, 3, 500)
    totals = RunningTotals(3)
    totals.add(logits, labels)
    found = reliability(logits.softmax(1).numpy().max(1), logits.numpy().argmax(1) == labels)
    error = sum(each.texts / 500 * abs(each.mean_probability - each.accuracy) for each in found)
    assert sum(each.texts for each in found) == 500
    assert error == pytest.approx(calibration_error(totals), abs=1e-6)


def test_coverage_goes_from_the_surest_to_all() -> None:
    probabilities = np.asarray([0.9, 0.6, 0.7, 0.9])
    found = [(each.share, each.accuracy) for each in coverage_curve(probabilities, RIGHT)]
    assert found == [(0.5, 1.0), (0.75, 1.0), (1.0, 0.75)]  # the two of 0.9 cannot be told apart


def test_a_curve_of_many_texts_has_few_points() -> None:
    random = np.random.default_rng(0)
    assert len(coverage_curve(random.random(50_000), random.random(50_000) < 0.5)) <= 201


def test_thresholds_that_leave_nothing_out_are_left_out() -> None:
    found = [
        (each.threshold, each.share, each.accuracy) for each in thresholds(np.asarray([0.9, 0.6, 0.7, 0.9]), RIGHT)
    ]
    assert found == [
        (0.0, 1.0, 0.75), (0.7, 0.75, 1.0), (0.8, 0.5, 1.0), (0.9, 0.5, 1.0), (0.95, 0.0, None), (0.99, 0.0, None),
    ]  # fmt: skip
