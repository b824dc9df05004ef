"""Tables in Markdown, and the numbers in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class Table:
    """title: a line above it. rows: one string a column. note: a paragraph below it."""

    title: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    note: str = ""

    def add(self, *cells: str) -> None:
        if len(cells) != len(self.header):
            raise ValueError(f"{len(self.header)} cells were expected ({', '.join(self.header)}), found {cells}")
        self.rows.append(cells)


class Findings(NamedTuple):
    """What a part measured, and a line for each thing that it could not measure here, with the reason."""

    tables: list[Table]
    skipped: Sequence[str] = ()


def markdown(table: Table) -> str:
    """The first column to the left, the others, which are numbers, to the right."""
    lines = [f"**{table.title}**", "", line(table.header)]
    lines.append(line([":--", *["--:"] * (len(table.header) - 1)]))
    lines += map(line, table.rows)
    if table.note:
        lines += ["", table.note]
    return "\n".join(lines)


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def number(value: float) -> str:
    """Three digits that count, thousands apart: 12,300  123  12.3  0.0123."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 100:
        return f"{rounded:,.0f}"
    digits = 3 - len(f"{abs(rounded):.10f}".split(".")[0]) if abs(rounded) >= 1 else 3
    return f"{rounded:.{digits}f}"


def times(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:.0f}x"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def megabytes(count: float) -> str:
    return f"{count / 1e6:,.0f}"
