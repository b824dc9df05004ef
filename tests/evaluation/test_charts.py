from __future__ import annotations

import pytest

from textrnn.evaluation.charts import Chart, axis, round_step
from textrnn.evaluation.page_charts import coverage_chart, training_charts
from textrnn.evaluation.slices import Coverage


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.71, 0.93], [0.7, 0.75, 0.8, 0.85, 0.9, 0.95]),
        ([0, 9e99], [0, 2e99, 4e99, 6e99, 8e99, 1e100]),
        ([3, 3], None),
    ],
)
def test_ticks_are_round_and_hold_all_values(values: list[float], ticks: list[float] | None) -> None:
    found = axis("x", values)
    assert found.low <= min(values) <= max(values) <= found.high
    assert 2 <= len(found.ticks) <= 7
    if ticks:
        assert found.ticks == pytest.approx(ticks)


def test_epochs_are_whole() -> None:
    assert axis("epoch", [1, 2], whole=True).ticks == [1, 2]
    assert axis("epoch", [1], whole=True).ticks == [1]
    assert round_step(0.4, whole=True) == 1


def test_values_are_placed_between_the_margins() -> None:
    chart = Chart("", axis("x", (), bounds=(0, 1)), axis("y", (), bounds=(0, 1)))
    chart.add_line([(0, 0), (1, 1)], "c1")
    assert chart.lines[0].path == "48,208 348,18"


HISTORY = [
    {"epoch": epoch, "step": epoch, "train_loss": 1 / epoch, "dev_loss": 0.5, "dev_accuracy": 0.8, "dev_macro_f1": 0.7}
    for epoch in (1, 2, 3)
]


def test_the_best_epoch_is_marked() -> None:
    losses, scores = training_charts(HISTORY, {None: 2})
    assert [line.name for line in losses.lines] == ["train", "dev"]
    assert [line.name for line in scores.lines] == ["accuracy", "macro-F1"]
    for chart in (losses, scores):
        assert chart.marks == [(198.0, "best: epoch 2")]
        assert [dot.x for dot in chart.dots if "best" in dot.look] == [198.0, 198.0]


def test_each_fold_has_a_line_and_its_own_best_epoch() -> None:
    folds = [line | {"fold": fold} for fold in (1, 2) for line in HISTORY]
    losses, scores = training_charts([*folds, HISTORY[-1] | {"train_loss": None}], {1: 1, 2: 3})
    assert [line.name for line in losses.lines] == ["train", "", "dev", "", ""]
    assert not losses.marks
    assert [dot.x for dot in scores.dots if "best" in dot.look] == [48.0, 348.0] * 2


def test_without_scores_or_history_there_is_less_to_draw() -> None:
    assert training_charts([], {}) == []
    alone = [{"epoch": 1, "step": 1, "train_loss": 1.0, "dev_accuracy": None}]
    assert [chart.title for chart in training_charts(alone, {})] == ["Loss, mean per text"]


def test_the_unsteady_end_of_a_coverage_curve_does_not_set_the_scale() -> None:
    curve = [Coverage(0.99, 0.001, 0.0), Coverage(0.9, 0.5, 0.95), Coverage(0.2, 1.0, 0.9)]
    chart = coverage_chart(curve, [])
    assert (chart.y.low, chart.y.high) == pytest.approx((0.9, 1.0))
    assert len(chart.lines[0].path.split()) == 2
