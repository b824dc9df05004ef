from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from textrnn.evaluation import plots
from textrnn.evaluation.gradients import Curve, Panel, no_curve
from textrnn.evaluation.metrics import weighted_cells
from textrnn.evaluation.plots import plot_confusion_matrix, plot_curves, plot_gradients


@pytest.fixture
def figures(drawn: None, monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were drawn, each also saved."""
    drawn: list[Figure] = []
    save = plots._save
    monkeypatch.setattr(plots, "_save", lambda figure, path: (drawn.append(figure), save(figure, path)))
    return drawn


def shape_of(path: Path) -> tuple[int, ...]:
    return imread(path).shape[:2]


@pytest.mark.parametrize("classes", [2, 20])
def test_the_matrix_shows_shares_of_rows_counts_and_labels(tmp_path: Path, figures: list, classes: int) -> None:
    matrix = [[row * classes + column for column in range(classes)] for row in range(classes)]
    labels = [f"a rather long $label_{number}$" for number in range(classes)]
    assert plot_confusion_matrix(tmp_path / "m.png", weighted_cells(matrix), labels) is None
    axes = figures[0].axes[0]
    shown = axes.images[0].get_array()
    assert shown[1].tolist() == pytest.approx([count / sum(matrix[1]) for count in matrix[1]])
    assert {text.get_text() for text in axes.texts} == {str(count) for row in matrix for count in row} - {"0"}
    assert [tick.get_text()[:14] for tick in axes.get_yticklabels()] == ["a rather long "] * classes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert min(shape_of(tmp_path / "m.png")) > 300


def test_without_a_font_there_are_numbers_and_a_legend(
    tmp_path: Path, figures: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "_font_for", lambda text: None)
    legend = plot_confusion_matrix(tmp_path / "m.png", weighted_cells([[1, 0], [0, 1]]), ["体育", "房产"])
    assert legend == ["  0  体育", "  1  房产"]
    assert [tick.get_text() for tick in figures[0].axes[0].get_xticklabels()] == ["0", "1"]


def test_a_font_is_chosen_by_what_it_can_draw() -> None:
    assert plots._font_for("plain, naïve") == "DejaVu Sans"
    assert plots._font_for("\U000e0fff") is None


def history(**changes: Any) -> list[dict[str, Any]]:
    keys = (
        "train_loss",
        "dev_loss",
        "dev_accuracy",
        "dev_macro_f1",
        "learning_rate",
        "grad_norm_mean",
        "grad_norm_max",
    )
    return [{"epoch": epoch} | {key: epoch + at / 10 for at, key in enumerate(keys)} | changes for epoch in (1, 2)]


def curves(figure: Figure) -> list[dict[str, list[float]]]:
    """The y values of each panel's curves by their names; all are drawn over the epochs."""
    for axes in figure.axes:
        assert all(line.get_xdata().tolist() == [1, 2] for line in axes.lines)
    return [{line.get_label(): line.get_ydata().tolist() for line in axes.lines} for axes in figure.axes]


def test_curves_show_each_number_of_the_history(tmp_path: Path, figures: list) -> None:
    plot_curves(tmp_path / "c.png", history())
    assert curves(figures[0]) == [
        {"train": [1.0, 2.0], "dev": [1.1, 2.1]},
        {"accuracy": [1.2, 2.2], "macro-F1": [1.3, 2.3]},
        {"at the evaluation": [1.4, 2.4]},
        {"mean": [1.5, 2.5], "max": [1.6, 2.6]},
    ]
    assert all(axes.get_title() and axes.get_xlabel() == "epoch" for axes in figures[0].axes)
    assert min(shape_of(tmp_path / "c.png")) > 300


def test_curves_without_dev_show_the_rest(tmp_path: Path, figures: list) -> None:
    plot_curves(tmp_path / "c.png", history(dev_loss=None, dev_accuracy=None, dev_macro_f1=None))
    losses, scores, *_ = curves(figures[0])
    assert (losses, scores) == ({"train": [1.0, 2.0]}, {})


def lines_of(figure: Figure, panel: int) -> dict[str, list[list[float]]]:
    """The y values of a panel's lines by their colour."""
    found: dict[str, list[list[float]]] = {}
    for line in figure.axes[panel].lines:
        found.setdefault(line.get_color(), []).append(line.get_ydata().tolist())
    return found


def legend(figure: Figure, panel: int) -> list[str]:
    return [text.get_text() for text in figure.axes[panel].get_legend().get_texts()]


def test_titles_and_the_best_epoch(tmp_path: Path, figures: list) -> None:
    plot_curves(tmp_path / "c.png", history(), title="GRU on a $file$: 87.0 %", best={None: 2})
    assert figures[0].get_suptitle() == "GRU on a $file$: 87.0 %"
    for axes in figures[0].axes:
        assert axes.lines[-1].get_xdata() == [2, 2]
        assert axes.get_legend().get_texts()[-1].get_text() == "best: epoch 2"
    plot_confusion_matrix(
        tmp_path / "m.png", weighted_cells([[1, 0], [0, 1]]), ["a", "b"], "GRU\ntest.tsv: accuracy 87.0 %"
    )
    assert figures[1].get_suptitle() == "GRU\ntest.tsv: accuracy 87.0 %"


def test_each_fold_has_a_ring_at_its_best_epoch(tmp_path: Path, figures: list) -> None:
    folds = [line for fold in (1, 2) for line in history(fold=fold, dev_accuracy=None, dev_macro_f1=None)]
    plot_curves(tmp_path / "c.png", folds, best={1: 1, 2: 2})
    rings = [ring.get_offsets()[0].tolist() for ring in figures[0].axes[0].collections]
    assert rings == [[1.0, 1.0], [2.0, 2.0], [1.0, 1.1], [2.0, 2.1]]


PARTS = {"dev_network_loss": 0.7, "dev_network_accuracy": 0.8, "dev_linear_accuracy": 0.9}


def test_the_loss_compares_the_network_with_itself_and_the_scores_all_parts(tmp_path: Path, figures: list) -> None:
    plot_curves(tmp_path / "c.png", history(**PARTS))
    losses, scores, *_ = curves(figures[0])
    assert losses == {"train": [1.0, 2.0], "dev": [0.7, 0.7]}
    assert scores == {
        "accuracy": [1.2, 2.2], "macro-F1": [1.3, 2.3], "accuracy, network alone": [0.8, 0.8],
        "accuracy, linear model alone": [0.9, 0.9],
    }  # fmt: skip
    assert [line.get_linestyle() for line in figures[0].axes[1].lines] == ["-", "-", "-", "--"]


def test_without_a_linear_model_the_network_is_no_part(tmp_path: Path, figures: list) -> None:
    plot_curves(tmp_path / "c.png", history(**PARTS | {"dev_linear_accuracy": None}))
    assert legend(figures[0], 1) == ["accuracy", "macro-F1"]


def test_each_fold_has_a_line_of_its_own(tmp_path: Path, figures: list) -> None:
    folds = [history(**PARTS, fold=fold, dev_accuracy=fold / 10) for fold in (1, 2, 3)]
    summed_up = {"epoch": 2, "train_loss": None, "dev_accuracy": 0.5, **PARTS}
    plot_curves(tmp_path / "c.png", [*folds[0], *folds[1], *folds[2], summed_up])
    assert lines_of(figures[0], 0) == {"C0": [[1.0, 2.0]] * 3, "C1": [[0.7, 0.7]] * 3 + [[0.7]]}
    assert lines_of(figures[0], 1)["C0"] == [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.5]]
    assert legend(figures[0], 0) == ["train", "dev"]
    assert legend(figures[0], 1) == [
        "accuracy", "macro-F1", "accuracy, network alone", "accuracy, linear model alone",
    ]  # fmt: skip


def test_gradients_are_drawn_on_logarithmic_axes_with_a_line_for_each_network(tmp_path: Path, figures: list) -> None:
    one = Curve(np.array([0.5, 0.0]), np.array([1.0, 0.0]), np.array([2.0, 0.1]))
    panels = [Panel("before", {"rnn": one, "gru": one}), Panel("after", {"rnn": no_curve(2), "gru": one})]
    plot_gradients(tmp_path / "g.png", panels, title="a $title$")
    axes = figures[0].axes
    assert [each.get_title() for each in axes] == ["before", "after"]
    assert all(each.get_yscale() == "log" and each.get_xlabel().startswith("k, steps") for each in axes)
    assert np.isnan(axes[0].lines[0].get_ydata()).tolist() == [False, True]  # 0 has no place
    assert [line.get_linestyle() for line in axes[0].lines] == ["-", "--"]
    (below,) = figures[0].legends
    assert [text.get_text() for text in below.get_texts()] == ["rnn", "gru"]
    assert min(shape_of(tmp_path / "g.png")) > 300


def test_gradients_of_which_none_is_finite_are_still_a_picture(
    tmp_path: Path, drawn: None, recwarn: pytest.WarningsRecorder
) -> None:
    plot_gradients(tmp_path / "g.png", [Panel("after", {"rnn": no_curve(3)})])
    assert min(shape_of(tmp_path / "g.png")) > 300
    assert not list(recwarn)
