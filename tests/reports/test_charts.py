from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.sparse import csr_array

from textrnn.evaluation.slices import Bin, Coverage
from textrnn.gradients.measure import Curve, Panel, no_curve
from textrnn.gradients.report import plot_gradients
from textrnn.reports import charts
from textrnn.reports.charts import (
    plot_calibration,
    plot_confusion_matrix,
    plot_coverage,
    plot_curves,
    save_png,
    svg,
    training_curves,
)


def assert_png(path: Path, figure: Figure) -> None:
    save_png(path, figure)
    assert min(imread(path).shape[:2]) > 300


@pytest.mark.parametrize("classes", [2, 20])
def test_the_matrix_shows_shares_of_rows_counts_and_labels(tmp_path: Path, drawn: None, classes: int) -> None:
    matrix = [[row * classes + column for column in range(classes)] for row in range(classes)]
    labels = [f"a rather long $label_{number}$" for number in range(classes)]
    figure, legend = plot_confusion_matrix(csr_array(matrix), labels, "GRU\ntest.tsv: accuracy 87.0 %")
    assert legend is None
    axes = figure.axes[0]
    shown = axes.images[0].get_array()
    assert shown[1].tolist() == pytest.approx([count / sum(matrix[1]) for count in matrix[1]])
    assert {text.get_text() for text in axes.texts} == {str(count) for row in matrix for count in row} - {"0"}
    assert [tick.get_text()[:14] for tick in axes.get_yticklabels()] == ["a rather long "] * classes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert figure.get_suptitle() == "GRU\ntest.tsv: accuracy 87.0 %"
    assert_png(tmp_path / "m.png", figure)


def test_without_a_font_there_are_numbers_and_a_legend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "_font_for", lambda text: None)
    figure, legend = plot_confusion_matrix(csr_array([[1, 0], [0, 1]]), ["体育", "房产"])
    assert legend == ["  0  体育", "  1  房产"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["0", "1"]


def test_a_font_is_chosen_by_what_it_can_draw() -> None:
    assert charts._font_for("plain, naïve") == "DejaVu Sans"
    assert charts._font_for("\U000e0fff") is None


KEYS = ["train_loss", "dev_loss", "dev_accuracy", "dev_macro_f1", "learning_rate", "grad_norm_mean", "grad_norm_max"]
PARTS = {"dev_network_loss": 0.7, "dev_network_accuracy": 0.8, "dev_linear_accuracy": 0.9}


def history(**changes: Any) -> list[dict[str, Any]]:
    return [{"epoch": epoch} | {key: epoch + at / 10 for at, key in enumerate(KEYS)} | changes for epoch in (1, 2)]


def figure_of(records: list[dict[str, Any]], best: dict[int | None, int] | None = None, title: str = "") -> Figure:
    return plot_curves(records, training_curves(records), best or {}, title)


def curves(figure: Figure) -> dict[str, dict[str, list[float]]]:
    """Heading -> name in the legend -> y values, of the curves over both epochs."""
    return {
        axes.get_title(): {
            line.get_label(): line.get_ydata().tolist() for line in axes.lines if list(line.get_xdata()) == [1, 2]
        }
        for axes in figure.axes
    }


def legend(figure: Figure, panel: int) -> list[str]:
    return [text.get_text() for text in figure.axes[panel].get_legend().get_texts()]


def test_curves_show_each_number_of_the_history(tmp_path: Path, drawn: None) -> None:
    figure = figure_of(history(), {None: 2}, "GRU on a $file$: 87.0 %")
    assert curves(figure) == {
        "Loss, mean per text": {"train": [1.0, 2.0], "dev": [1.1, 2.1]},
        "Scores on dev": {"accuracy": [1.2, 2.2], "macro-F1": [1.3, 2.3]},
        "Learning rate": {"at the evaluation": [1.4, 2.4]},
        "Gradient norm before clipping": {"mean": [1.5, 2.5], "max": [1.6, 2.6]},
    }
    assert figure.get_suptitle() == "GRU on a $file$: 87.0 %"
    for number, axes in enumerate(figure.axes):
        assert axes.get_xlabel() == "epoch"
        assert axes.lines[-1].get_xdata() == [2, 2]
        assert legend(figure, number)[-1] == "best: epoch 2"
    assert_png(tmp_path / "c.png", figure)


def test_what_was_not_measured_has_no_panel() -> None:
    assert training_curves([]) == []
    records = history(dev_loss=None, dev_accuracy=None, dev_macro_f1=None)
    assert list(curves(figure_of(records))) == ["Loss, mean per text", "Learning rate", "Gradient norm before clipping"]


def test_the_loss_compares_the_network_with_itself_and_the_scores_all_parts() -> None:
    figure = figure_of(history(**PARTS))
    losses, scores, *_ = curves(figure).values()
    assert losses == {"train": [1.0, 2.0], "dev": [0.7, 0.7]}
    assert scores == {
        "accuracy": [1.2, 2.2], "macro-F1": [1.3, 2.3], "accuracy, network": [0.8, 0.8],
        "accuracy, linear model": [0.9, 0.9],
    }  # fmt: skip
    assert [line.get_linestyle() for line in figure.axes[1].lines] == ["-", "-", "-", "--"]


def test_without_a_linear_model_the_network_is_no_part() -> None:
    assert legend(figure_of(history(**PARTS | {"dev_linear_accuracy": None})), 1) == ["accuracy", "macro-F1"]


def test_of_folds_there_are_the_mean_a_band_of_all_and_the_score_of_all_together(tmp_path: Path, drawn: None) -> None:
    folds = [line for fold in (1, 2, 4) for line in history(fold=fold, dev_accuracy=fold / 10)]
    stopped_early = folds[:-1]
    together = {"epoch": 2, "train_loss": None, "dev_accuracy": 0.5, "dev_macro_f1": 0.6}
    figure = figure_of([*stopped_early, together], {1: 1, 2: 2, 4: 1})
    assert curves(figure)["Scores on dev"]["accuracy"] == pytest.approx([0.7 / 3, 0.15])
    scores = figure.axes[1]
    band = scores.collections[0].get_paths()[0].vertices
    for epoch, low, high in ((1, 0.1, 0.4), (2, 0.1, 0.2)):
        values = band[band[:, 0] == epoch][:, 1]
        assert (values.min(), values.max()) == (low, high)
    points = [line.get_xydata().tolist() for line in scores.lines if line.get_label() == "all folds together"]
    assert points == [[[2, 0.5]], [[2, 0.6]]]
    assert set(legend(figure, 1)) == {
        "accuracy", "macro-F1", "lowest to highest fold", "all folds together", "best: epochs 1 to 2",
    }  # fmt: skip
    assert_png(tmp_path / "c.png", figure)


@pytest.mark.parametrize("folds", [[None], [1, 2, 3, 4]])
def test_legends_and_labels_hide_nothing(folds: list[int | None]) -> None:
    records = [line for fold in folds for line in history(**PARTS, fold=fold)] + history(**PARTS)[1:]
    figure = figure_of(records, dict.fromkeys(folds, 10) | {folds[-1]: 12}, "a title")
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    for at, axes in enumerate(figure.axes):
        below, label = axes.get_legend().get_window_extent(), axes.xaxis.get_label().get_window_extent()
        assert below.y1 < label.y0 < axes.get_window_extent().y0
        assert below.x0 > 0 and below.x1 < width and below.y0 > 0
        outer = axes.get_tightbbox()
        assert outer.x0 > 0 and outer.x1 < width and outer.y1 < height
        assert not any(outer.overlaps(other.get_tightbbox()) for other in figure.axes[:at])


def bins(*rows: tuple[float, int, int]) -> list[Bin]:
    return [Bin(texts, right, mean) for mean, texts, right in rows]


def test_calibration_shows_each_bin_with_its_interval_and_texts() -> None:
    axes = plot_calibration(bins((0.5, 10, 4), (1.0, 30, 30))).axes[0]
    assert axes.lines[-1].get_xydata().tolist() == [[0.5, 0.4], [1.0, 1.0]]
    (whiskers,) = axes.collections
    assert whiskers.get_segments()[0][:, 1].tolist() == pytest.approx(bins((0.5, 10, 4))[0].interval)
    few, many = axes.containers[0]
    assert 0.4 < few.get_x() < 0.5 < few.get_x() + few.get_width() < 0.54
    assert many.get_x() + many.get_width() <= 1
    assert many.get_height() == pytest.approx(3 * few.get_height())


def test_the_label_of_a_coverage_curve_is_inside_the_figure_and_nothing_is_above_100_percent() -> None:
    figure = plot_coverage(np.array([0.5, 1.0]), np.array([1.0, 0.9985]), [Coverage(0.0, 1.0, 0.9985)])
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_tightbbox().x0 > 0
    shares = [text.get_text() for text in axes.get_yticklabels() if text.get_text()]
    assert shares and max(float(share.removesuffix(" %")) for share in shares) <= 100


def test_the_unsteady_end_of_a_coverage_curve_does_not_set_the_scale() -> None:
    rows = [Coverage(0.0, 1.0, 0.9), Coverage(0.999, 0.0, None)]
    axes = plot_coverage(np.array([0.001, 0.5, 1.0]), np.array([0.0, 0.95, 0.9]), rows).axes[0]
    low, high = axes.get_ylim()
    assert 0.88 < low < 0.9 and 1.0 < high < 1.02
    line, dots = axes.lines
    assert line.get_xydata().tolist() == [[0.001, 0.0], [0.5, 0.95], [1.0, 0.9]]
    assert dots.get_xydata().tolist() == [[1.0, 0.9]]
    assert axes.get_yaxis().get_major_formatter()(0.95) == "95 %"


def test_an_svg_is_an_element_of_the_page_in_its_colours(drawn: None) -> None:
    drawing = svg(figure_of(history(fold=1), {1: 2}), "Losses & scores")
    element = ElementTree.fromstring(drawing)
    assert (element.tag, element.get("role"), element[0].tag, element[0].text) == (
        "svg", "img", "title", "Losses & scores",
    )  # fmt: skip
    assert element.get("viewBox") and not element.get("width")
    assert "epoch" in [text.text for text in element.iter("text")]
    assert not list(element.iter("style")) and not list(element.iter("metadata"))
    assert {"var(--c1)", "var(--c2)", "var(--ink)", "var(--quiet)"} <= set(re.findall(r"var\(--\w+\)", drawing))
    assert not re.findall("#[0-9a-f]{6}(?=[;\"'])", drawing)
    assert svg(figure_of(history(fold=1), {1: 2}), "Losses & scores") == drawing


def test_gradients_are_drawn_on_logarithmic_axes_with_a_line_for_each_network(tmp_path: Path, drawn: None) -> None:
    one = Curve(np.array([0.5, 0.0]), np.array([1.0, 0.0]), np.array([2.0, 0.1]))
    panels = [Panel("before", {"rnn": one, "gru": one}), Panel("after", {"rnn": no_curve(2), "gru": one})]
    figure = plot_gradients(panels, "a $title$")
    axes = figure.axes
    assert [each.get_title() for each in axes] == ["before", "after"]
    assert all(each.get_yscale() == "log" and each.get_xlabel().startswith("k, steps") for each in axes)
    assert np.isnan(axes[0].lines[0].get_ydata()).tolist() == [False, True]  # 0 has no place
    assert [line.get_linestyle() for line in axes[0].lines] == ["-", "--"]
    (below,) = figure.legends
    assert [text.get_text() for text in below.get_texts()] == ["rnn", "gru"]
    assert_png(tmp_path / "g.png", figure)


def test_gradients_of_which_none_is_finite_are_still_a_picture(
    tmp_path: Path, drawn: None, recwarn: pytest.WarningsRecorder
) -> None:
    assert_png(tmp_path / "g.png", plot_gradients([Panel("after", {"rnn": no_curve(3)})]))
    assert not list(recwarn)
