from __future__ import annotations

from pathlib import Path

from textrnn.run.history import append_history, cut_history, read_history


def test_records_are_appended_read_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    for step in (3, 6, 9):
        append_history(path, {"step": step, "dev_loss": None})
    cut_history(path, 6)
    assert [record["step"] for record in read_history(path)] == [3, 6]


def test_a_line_cut_short_by_a_crash_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"step": 3}\n{"step": 6, "dev')
    assert read_history(path) == [{"step": 3}]
    cut_history(path, 9)
    assert path.read_text() == '{"step": 3}\n'
