"""Findings about data -> the text that `check` prints: 80 columns, aligned for wide characters too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from textrnn.checking.findings import Finding
from textrnn.runtime.terminal import aligned, cut, display_width, one_line, visible

COLUMNS = 80
CLASSES_SHOWN = 20  # of more than these the largest and the smallest
_LONGEST_LABEL = 40
_INDENT = "    "


class SplitFigures(NamedTuple):
    """Of one split. lengths: median, 95th percentile and maximum, in tokens. cut: share of texts that are cut at
    data.max_length. unknown: share of tokens."""

    name: str
    texts: int
    empty: int
    lengths: tuple[int, int, int]
    cut: float
    unknown: float


def check_text(
    figures: Sequence[SplitFigures], labels: Sequence[str], sizes: dict[str, list[int]], findings: Sequence[Finding],
    notes: Sequence[str],
) -> str:  # fmt: skip
    """sizes: split -> the number of texts of each label. notes: sentences about how findings were made."""
    severe = [finding for finding in findings if finding.severe]
    others = [finding for finding in findings if not finding.severe]
    parts = [split_table(figures), class_table(labels, sizes)]
    for heading, some in (("SEVERE", severe), ("ALSO FOUND", others)):
        if some:
            parts.append("\n".join([f"{heading} ({len(some)})", "", *_separated(some)]))
    if not findings:
        parts.append("nothing found")
    parts += [_wrapped(f"note: {note}") for note in notes]
    return "\n\n".join(parts) + "\n"


def split_table(figures: Sequence[SplitFigures]) -> str:
    rows: list[tuple[str, ...]] = [("split", "texts", "empty", "tokens: median", "95 %", "longest", "cut", "unknown")]
    for each in figures:
        lengths = [f"{length:,}" for length in each.lengths]
        rows.append((
            each.name, f"{each.texts:,}", f"{each.empty:,}", *lengths, f"{100 * each.cut:.1f} %",
            f"{100 * each.unknown:.1f} %",
        ))  # fmt: skip
    return "\n".join(aligned(rows))


def class_table(labels: Sequence[str], sizes: dict[str, list[int]]) -> str:
    """The classes, the largest first, with their share of train."""
    order = sorted(range(len(labels)), key=lambda number: -sizes["train"][number])
    half = CLASSES_SHOWN // 2
    left_out = len(order) - CLASSES_SHOWN
    shown = order if left_out <= 0 else [*order[:half], *order[-half:]]
    total = max(sum(sizes["train"]), 1)
    rows = [("class", *sizes, "% of train")]
    for number in shown:
        label = cut(visible(one_line(labels[number])), _LONGEST_LABEL)
        counts = [f"{of_split[number]:,}" for of_split in sizes.values()]
        rows.append((label, *counts, f"{100 * sizes['train'][number] / total:.1f}"))
    lines = aligned(rows)
    if left_out > 0:
        lines.insert(half + 1, f"... {left_out:,} more ...")
    return "\n".join(lines)


def _separated(findings: Sequence[Finding]) -> Iterator[str]:
    for number, finding in enumerate(findings):
        if number:
            yield ""
        yield _wrapped(visible(f"{finding.about}: {finding.text}"))
        for line in finding.examples:
            yield _INDENT + cut(visible(one_line(line)), COLUMNS - len(_INDENT))
        if finding.remedy:
            yield _wrapped(f"-> {finding.remedy}", _INDENT)


def _wrapped(text: str, indent: str = "") -> str:
    """Lines of at most 80 columns, broken at spaces; a longer word has a line of its own."""
    lines, line = [], indent
    for word in text.split():
        if line.strip() and display_width(line) + 1 + display_width(word) > COLUMNS:
            lines.append(line)
            line = indent + " " * 2
        line += word if not line.strip() else f" {word}"
    return "\n".join([*lines, line])
