from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench.__main__ import PAGE, PARTS
from scripts.bench.report import number, percent, put, table, times


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.01234, "0.012"), (1.2345, "1.23"), (9.999, "10.0"), (12.345, "12.3"), (99.96, "100"),
     (123.45, "123"), (27_712, "27,700"), (1_234_567, "1,230,000")],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_ratios_and_shares() -> None:
    assert [times(0.954), times(12.3), percent(0.4567)] == ["0.95x", "12x", "45.7 %"]


def test_a_table_in_markdown() -> None:
    assert table("Speed", ["program", "seconds"], [["a", "1.50"]]) == (
        "**Speed**\n\n| program | seconds |\n| :-- | --: |\n| a | 1.50 |"
    )


def test_a_row_must_fill_the_columns() -> None:
    with pytest.raises(ValueError, match="2 cells were expected"):
        table("Speed", ["program", "seconds"], [["a"]])


def test_results_take_their_place_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n<!-- one -->\n\nold\n\n<!-- end of one -->\n\n<!-- two -->\n\nkept\n\n<!-- end of two -->\n"
    )
    for _ in range(2):
        put(page, "one", ["new", "newer"])
    assert page.read_text() == (
        "# Page\n\n<!-- one -->\n\nnew\n\nnewer\n\n<!-- end of one -->\n\n<!-- two -->\n\nkept\n\n<!-- end of two -->\n"
    )
    with pytest.raises(ValueError, match="no place <!-- three -->"):
        put(page, "three", ["new"])


def test_every_part_has_its_place_on_the_page(tmp_path: Path) -> None:
    copy = tmp_path / "page.md"
    copy.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for name in PARTS:
        put(copy, name, [f"results of {name}"])
    for name in PARTS:
        assert f"`make bench ONLY={name}`:" in PAGE.read_text(encoding="utf-8")
        assert f"results of {name}\n" in copy.read_text(encoding="utf-8")
