"""The tables of `gradients`: what stands in them, and that they fit a terminal of 80 columns."""

from __future__ import annotations

import numpy as np
import pytest

from textrnn.gradients.measure import Curve, Panel, Training, no_curve
from textrnn.gradients.report import Gradients, gradients_text, gradients_tsv, shown_steps, trainings_table


def falling(count: int, factor: float) -> Curve:
    median = factor ** np.arange(count, dtype=float)
    return Curve(median / 2, median, median * 2)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (8, [0, 1, 2, 5, 7]), (512, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 511])],
)
def test_the_rows_of_a_table(count: int, expected: list[int]) -> None:
    assert shown_steps(count) == expected


def test_a_table_for_each_panel_and_where_each_curve_has_fallen() -> None:
    panels = [
        Panel("before", {"rnn": falling(4, 0.1), "gru": falling(4, 0.5)}),
        Panel("after", {"rnn": no_curve(4), "gru": Curve(*np.zeros((3, 4)))}),
    ]
    result = Gradients("", ["What this is."], panels, np.array([20, 20, 15, 10]))
    assert gradients_text(result).splitlines() == [
        "What this is.",
        "",
        "before",
        "  k  texts      rnn      gru",
        "  0     20  1.0e+00  1.0e+00",
        "  1     20  1.0e-01  5.0e-01",
        "  2     15  1.0e-02  2.5e-01",
        "  3     10  1.0e-03  1.2e-01",
        "",
        "after",
        "  k  texts      rnn      gru",
        "  0     20        -        0",
        "  1     20        -        0",
        "  2     15        -        0",
        "  3     10        -        0",
        "",
        "The k from which on the gradient is less than a hundredth of that at k = 0",
        "(never: it stays above 1/100; the number is the ratio of the last k to k = 0)",
        "          before    after",
        "rnn            3        -",
        "gru  never: 0.12  it is 0",
    ]


def test_every_value_is_in_the_tsv() -> None:
    panels = [Panel("before", {"rnn": falling(2, 0.1)}), Panel("after", {"rnn": no_curve(2)})]
    assert gradients_tsv(panels, np.array([9, 8])).splitlines() == [
        "panel\tnetwork\tk\ttexts\tp10\tmedian\tp90",
        "before\trnn\t0\t9\t0.5\t1\t2",
        "before\trnn\t1\t8\t0.05\t0.1\t0.2",
        "after\trnn\t0\t9\t\t\t",
        "after\trnn\t1\t8\t\t\t",
    ]


@pytest.mark.parametrize("steps", [500, 12_000])
def test_no_line_is_wider_than_80_columns_and_columns_stand_below_each_other(steps: int) -> None:
    names = [f"{cell} x{depth}" for depth in (1, 2, 16) for cell in ("rnn", "rnn-relu", "gru", "lstm")]
    titles = ("before training", "clipped at 0.125", "unclipped")
    panels = [Panel(title, {name: falling(steps, 0.99) for name in names}) for title in titles]
    trainings = {(name, title): Training(None, [1e9], [123456789.0], 12345) for name in names for title in titles[1:]}
    text = gradients_text(Gradients("", ["word " * 50], panels, np.full(steps, 256), trainings))
    assert max(map(len, text.splitlines())) <= 80
    rows = [line for line in text.splitlines() if line.split()[1:2] == ["256"]]
    assert len({line.index("256") for line in rows}) == 1
    assert all(f"  {name}" in text for name in names)


def test_what_a_training_came_to() -> None:
    losses, norms = [2.0] * 18 + [1.0, 0.5], [1.0] * 15 + [3.0] * 5
    table = trainings_table(
        {
            ("rnn", "clipped at 2"): Training(2.0, losses, norms, None),
            ("rnn", "unclipped"): Training(None, losses, norms, None),
            ("lstm", "clipped at 2"): Training(2.0, losses[:3], norms[:3], 4),
            ("lstm", "unclipped"): Training(None, [], [], 1),
        }
    )
    assert table == [
        "          training  loss  mean norm  largest  steps clipped",
        "rnn   clipped at 2  0.75        1.5        3           25 %",
        "rnn      unclipped  0.75        1.5        3              -",
        "lstm  clipped at 2     2          1        1            0 %",
        "lstm     unclipped     -          -        -              -",
        "lstm, clipped at 2: diverged at step 4 (not a finite number)",
        "lstm, unclipped: diverged at step 1 (not a finite number)",
    ]
