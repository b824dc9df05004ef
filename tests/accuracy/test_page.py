from __future__ import annotations

from scripts.accuracy.page import results
from scripts.accuracy.record import readings
from scripts.bench.corpora import ROOT

READING = {
    "task": "MR", "program": "ours", "seed": 1, "seconds": 5.0, "machine": "here", "accuracy": 0.5, "macro_f1": 0.25,
    "interval": [0.4, 0.6], "p": 0.03, "right_more": -2,
}  # fmt: skip


def test_the_last_reading_is_shown_and_all_are_counted() -> None:
    table, command = results([READING, {**READING, "accuracy": 0.75}])
    assert "| ours | 1 | 2 | 75.0 % | 25.0 % | 40.0 to 60.0 | - 0.03 | 5.00 |" in table
    assert "50.0 %" not in table
    assert command == "`make accuracy ONLY=mr`: here."


def test_the_page_shows_the_record() -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert "\n\n".join(["<!-- results -->", *results(readings()), "<!-- end of results -->"]) in page
