from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textrnn.reports.charts import plot_curves, save_png, training_curves
from textrnn.run.history import append_history, cut_history, read_history, training_seconds


def test_records_are_appended_read_and_cut_and_a_line_cut_short_is_none(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    for epoch in (1, 2, 3):
        append_history(path, {"epoch": epoch, "step": 3 * epoch})
    cut_history(path, 3)
    assert read_history(path) == [{"epoch": 1, "step": 3}]
    with path.open("a") as stream:
        stream.write('{"epoch": 2, "step": 6, "dev')
    assert read_history(path) == [{"epoch": 1, "step": 3}]
    cut_history(path, 9)
    assert path.read_text() == '{"epoch": 1, "step": 3}\n'


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"null", b"3", b'"x"', b"{}", b"\xff\x00\xfe", b"[" * 100_000, b'{"a":' * 100_000,
        b'{"step": 3}', b'{"epoch": 1}', b'{"epoch": 1, "step": null}', b'{"epoch": 1, "step": "3"}',
        b'{"epoch": "1", "step": 3}', b'{"epoch": [1], "step": 3}', b'{"epoch": true, "step": 3}',
        b'{"epoch": 1, "step": 3.5}', b'{"epoch": 1, "step": NaN}', b'{"epoch": 1e400, "step": 3}',
        b'{"epoch": 1, "step": 1' + b"0" * 400 + b"}", b'{"epoch": 1, "step": 1' + b"0" * 9000 + b"}",
        b'{"epoch": 1, "step": 3, "dev_loss": "low"}', b'{"epoch": 1, "step": 3, "train_loss": [1]}',
        b'{"epoch": 1, "step": 3, "fold": 1.5}', b'{"epoch": 1, "step": 3, "fold": true}',
        b'{"epoch": 10000000000000000000000, "step": 3}', b'{"epoch": -1, "step": 3}', b'{"epoch": 1, "step": -3}',
        b'{"epoch": 1, "step": 3, "seconds": -2.5}', b'{"epoch": 1, "step": 3, "fold": 1' + b"0" * 30 + b"}",
        b'{"epoch": 1, "step": 3, "seconds": 1e30}', b'{"epoch": 1, "step": 3, "train_loss": -0.5}',
        b'{"epoch": 1, "step": 3, "dev_loss": NaN}', b'{"epoch": 1, "step": 3, "dev_loss": -Infinity}',
        b'{"epoch": 1, "step": 3, "train_loss": 1e400}', b'{"epoch": 1, "step": 3, "train_loss": -1e300}',
    ],
)  # fmt: skip
def test_odd_lines_are_no_records(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(line + b'\n{"epoch": 2, "step": 6, "train_loss": 0.5}\n')
    assert read_history(path) == [{"epoch": 2, "step": 6, "train_loss": 0.5}]


def draw(folder: Path, history: list[dict[str, Any]]) -> None:
    save_png(folder / "curves.png", plot_curves(history, training_curves(history), {}))


def test_lines_of_parts_and_folds_are_records(tmp_path: Path, drawn: None) -> None:
    path = tmp_path / "history.jsonl"
    parts = {f"dev_{part}_{score}": 0.5 for part in ("network", "linear") for score in ("loss", "accuracy", "macro_f1")}
    records: list[dict[str, Any]] = [
        {"epoch": 1, "step": 3, "fold": 1, **parts},
        {"epoch": 1, "step": 6, "fold": 2, **parts, "dev_linear_loss": None},
        {"epoch": 1, "step": 6, "fold": None, **dict.fromkeys(parts)},
        {"epoch": 1, "step": 6, **parts},
    ]
    for record in records:
        append_history(path, record)
    assert read_history(path) == records
    draw(tmp_path, records)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_nan_is_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        append_history(tmp_path / "history.jsonl", {"epoch": 1, "step": 3, "dev_loss": value})


def test_curves_of_a_single_and_of_very_large_numbers_can_be_drawn(tmp_path: Path, drawn: None) -> None:
    draw(tmp_path, [{"epoch": 2, "step": 6, "train_loss": 0.5}])
    records = [{"epoch": epoch, "step": 2**53 * epoch, "train_loss": 9e99, "dev_loss": 1e-300} for epoch in (1, 10**20)]
    draw(tmp_path, records)


@pytest.mark.parametrize(
    ("records", "seconds"),
    [
        ([], None),
        ([{"seconds": 2.0}, {"seconds": 5.0}], 5.0),
        ([{"fold": 1, "seconds": 2.0}, {"fold": 1, "seconds": 3.0}, {"fold": 2, "seconds": 4.0}], 7.0),
        ([{"fold": 1, "seconds": 2.0}, {"fold": 2, "seconds": 4.0}, {"seconds": 6.5}], 6.5),
        ([{"fold": 1}], None),
    ],
)
def test_seconds_of_training_are_those_of_all_networks(records: list[dict[str, Any]], seconds: float | None) -> None:
    assert training_seconds(records) == seconds
