"""Numbers, tables, and the page made of the parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench.report import Part, load, page, save
from scripts.bench.tables import Table, markdown, number, percent, times


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.01234, "0.012"), (1.2345, "1.23"), (9.999, "10.0"), (12.345, "12.3"), (99.96, "100"),
     (123.45, "123"), (27_712, "27,700"), (1_234_567, "1,230,000")],
)  # fmt: skip
def test_numbers_have_three_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_ratios_and_shares() -> None:
    assert [times(0.954), times(12.3), percent(0.4567)] == ["0.95x", "12x", "45.7 %"]


def table() -> Table:
    found = Table("Speed", ["program", "seconds"], note="Lower is better.")
    found.add("a|b", "1.50")
    return found


def test_a_table_in_markdown() -> None:
    assert markdown(table()) == (
        "**Speed**\n\n| program | seconds |\n| :-- | --: |\n| a\\|b | 1.50 |\n\nLower is better."
    )


def test_a_row_must_fill_the_columns() -> None:
    with pytest.raises(ValueError, match="2 cells were expected"):
        table().add("a")


def test_a_part_is_kept_and_comes_back_for_the_page(tmp_path: Path) -> None:
    part = Part("startup", "Starting", "Whole programs.", "2026-11-21, 2 cores", "Python 3", [table()], ["x: no file"])
    save(tmp_path, part)
    assert load(tmp_path, "startup") == Part(**{**vars(part), "tables": [table_read_back()]})
    assert load(tmp_path, "encoder") is None
    written = page([part])
    assert written == page([loaded for loaded in [load(tmp_path, "startup")] if loaded])
    places = [
        written.index(text)
        for text in (
            "## Starting",
            "| a\\|b | 1.50 |",
            "Not measured: x: no file.",
            "make bench ONLY=startup",
            "2 cores",
        )
    ]
    assert places == sorted(places)


def table_read_back() -> Table:
    """JSON knows lists only."""
    return Table("Speed", ["program", "seconds"], [["a|b", "1.50"]], "Lower is better.")
