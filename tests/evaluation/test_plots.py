from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imread

from textrnn.evaluation import plots
from textrnn.evaluation.plots import plot_confusion_matrix, plot_curves


def is_picture(path: Path) -> bool:
    image = imread(path)
    return min(image.shape[:2]) > 300 and float(image[..., :3].std()) > 0.01


@pytest.mark.parametrize("classes", [2, 20])
def test_the_matrix_is_drawn(tmp_path: Path, classes: int) -> None:
    path = tmp_path / "m.png"
    matrix = [[row * classes + column for column in range(classes)] for row in range(classes)]
    assert plot_confusion_matrix(path, matrix, [f"a rather long $label_{number}$" for number in range(classes)]) is None
    assert is_picture(path)


def test_without_a_font_there_are_numbers_and_a_legend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_font_for", lambda text: None)
    path = tmp_path / "m.png"
    assert plot_confusion_matrix(path, [[1, 0], [0, 1]], ["体育", "房产"]) == ["  0  体育", "  1  房产"]
    assert is_picture(path)


def test_a_font_is_chosen_by_what_it_can_draw() -> None:
    assert plots._font_for("plain, naïve") == "DejaVu Sans"
    assert plots._font_for("\U000e0fff") is None


def test_curves_are_drawn_also_without_dev(tmp_path: Path) -> None:
    line = {"train_loss": 1.0, "dev_loss": 1.0, "dev_accuracy": 0.5, "dev_macro_f1": 0.5, "learning_rate": 0.1}
    line |= {"grad_norm_mean": 1.0, "grad_norm_max": 2.0}
    for name, dev in (("with", {}), ("without", {"dev_loss": None, "dev_accuracy": None, "dev_macro_f1": None})):
        plot_curves(tmp_path / f"{name}.png", [{**line, **dev, "epoch": 1}, {**line, **dev, "epoch": 2}])
        assert is_picture(tmp_path / f"{name}.png")
