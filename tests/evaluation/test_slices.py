from __future__ import annotations

import numpy as np
import pytest
import torch

from textrnn.evaluation.metrics import RunningTotals, calibration_error
from textrnn.evaluation.slices import by_length, by_unknown, coverage_curve, reliability, thresholds

RIGHT = np.asarray([True, False, True, True])
PROBABILITIES = np.asarray([0.9, 0.6, 0.7, 0.9])


def test_lengths_are_in_groups_of_like_size() -> None:
    lengths = np.asarray([9, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12])
    slices = by_length(lengths, np.asarray([False] + [True] * 11))
    assert [(part.name, part.texts, part.right) for part in slices] == [
        ("1 to 2", 2, 2), ("3 to 4", 2, 2), ("5 to 6", 2, 2), ("7 to 8", 2, 2), ("9 to 10", 2, 1), ("11 to 12", 2, 2),
    ]  # fmt: skip
    assert slices[4].accuracy == 0.5
    assert slices[4].interval == pytest.approx([0.0945, 0.9055], abs=1e-3)  # Wilson's, for 1 of 2


@pytest.mark.parametrize(
    ("lengths", "groups"), [([7, 7, 7, 7], [("7", 4)]), ([0, 0, 0, 1500], [("0", 3), ("1,500", 1)])]
)
def test_equal_lengths_are_in_one_group(lengths: list[int], groups: list[tuple[str, int]]) -> None:
    assert [(part.name, part.texts) for part in by_length(np.asarray(lengths), RIGHT)] == groups


def test_a_share_of_unknown_tokens_counts_up_to_its_edge() -> None:
    slices = by_unknown(np.asarray([0, 0.02, 0.1, 1], np.float32), RIGHT)
    assert [(part.name, part.texts, part.right) for part in slices] == [
        ("none", 1, 1), ("up to 2 %", 1, 0), ("5 to 10 %", 1, 1), ("50 to 100 %", 1, 1),
    ]  # fmt: skip


def test_the_bins_are_those_of_the_calibration_error() -> None:
    random = np.random.default_rng(0)
    logits, labels = torch.from_numpy(random.normal(size=(500, 3)).astype(np.float32)), random.integers(0, 3, 500)
    totals = RunningTotals(3)
    totals.add(logits, labels)
    bins = reliability(logits.softmax(1).numpy().max(1), logits.numpy().argmax(1) == labels)
    error = sum(part.texts / 500 * abs(part.mean_probability - part.accuracy) for part in bins)
    assert sum(part.texts for part in bins) == 500
    assert error == pytest.approx(calibration_error(totals), abs=1e-6)


def test_coverage_goes_from_the_surest_to_all() -> None:
    shares, accuracies = coverage_curve(PROBABILITIES, RIGHT)
    assert shares.tolist() == [0.5, 0.75, 1.0]  # the two texts of 0.9 are one point
    assert accuracies.tolist() == [1.0, 1.0, 0.75]


def test_a_curve_of_many_texts_has_few_points() -> None:
    random = np.random.default_rng(0)
    assert len(coverage_curve(random.random(50_000), random.random(50_000) < 0.5)[0]) <= 201


def test_thresholds_that_leave_nothing_out_are_left_out() -> None:
    assert [(row.threshold, row.share, row.accuracy) for row in thresholds(PROBABILITIES, RIGHT)] == [
        (0.0, 1.0, 0.75), (0.7, 0.75, 1.0), (0.8, 0.5, 1.0), (0.9, 0.5, 1.0), (0.95, 0.0, None), (0.99, 0.0, None),
    ]  # fmt: skip
