"""Tables in Markdown, the numbers in them, and their place on a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others, which are numbers, to the right."""
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{len(header)} cells were expected ({', '.join(header)}), found {row}")
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return f"**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def put(page: Path, place: str, paragraphs: Sequence[str]) -> None:
    """Write paragraphs between `<!-- place -->` and `<!-- end of place -->` on a page; the rest of it stays."""
    begin, end = f"<!-- {place} -->", f"<!-- end of {place} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page}: no place {begin} ... {end}")
    page.write_text(before + "\n\n".join([begin, *paragraphs, end]) + after, encoding="utf-8")


def number(value: float) -> str:
    """Three significant digits, thousands apart: 12,300  123  12.3  0.012."""
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
