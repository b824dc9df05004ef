"""A finding about data that may be faulty, and the text of all that `check` prints: 80 columns, aligned for wide
characters too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from textrnn.errors import short
from textrnn.runtime.terminal import aligned, cut, display_width, one_line, visible

COLUMNS = 80
CLASSES_SHOWN = 20  # of more than these the largest and the smallest
SEVERE_SHARE = 0.01  # of texts: with more of them faulty, a score may be off by a point
SPLIT_COLUMNS = ("split", "texts", "empty", "tokens: median", "95 %", "longest", "cut", "unknown")
_LONGEST_LABEL = 40
_INDENT = "    "


@dataclass(frozen=True)
class Finding:
    """about: a word for the kind. text: a sentence with the count. severe: whether it can move a score by a point or
    loses a class. remedy: what to do, unless `text` contains it. examples: a line each, a row with its `file:line`.
    split: the one whose texts it is about, if it is one."""

    about: str
    text: str
    severe: bool = False
    remedy: str = ""
    examples: list[str] = field(default_factory=list)
    split: str = ""

    def lines(self) -> list[str]:
        """For a log."""
        return [self.text, *self.examples]


def is_severe(count: int, total: int) -> bool:
    """Whether this many of some texts are enough to be severe."""
    return count > SEVERE_SHARE * total


def first(lines: list[str], most: int, rest: Callable[[int], str] = lambda more: f"and {more:,} more") -> list[str]:
    """The first lines, and if there are more, a line about the number of the rest."""
    more = len(lines) - most
    return lines[:most] + [rest(more)] * (more > 0)


def excerpt(text: str, characters: int) -> str:
    """The beginning of a text in quotes, with white space as single spaces."""
    text = " ".join(text.split())
    return short(text if len(text) <= characters else f"{text[:characters]}...")


def check_text(
    split_rows: Sequence[tuple[str, ...]], labels: Sequence[str], sizes: dict[str, list[int]],
    findings: Sequence[Finding], notes: Sequence[str],
) -> str:  # fmt: skip
    """split_rows: the fields of SPLIT_COLUMNS for each split. sizes: split -> the number of texts of each label. notes:
    sentences about how findings were made."""
    parts = ["\n".join(aligned([SPLIT_COLUMNS, *split_rows])), _class_table(labels, sizes)]
    for heading, severe in (("SEVERE", True), ("ALSO FOUND", False)):
        blocks = [_block(finding) for finding in findings if finding.severe == severe]
        if blocks:
            parts += [f"{heading} ({len(blocks)})", *blocks]
    if not findings:
        parts.append("nothing found")
    parts += [_wrapped(f"note: {note}") for note in notes]
    return "\n\n".join(parts) + "\n"


def _class_table(labels: Sequence[str], sizes: dict[str, list[int]]) -> str:
    """The classes, the largest first, with their share of train."""
    order = sorted(range(len(labels)), key=lambda number: -sizes["train"][number])
    half, left_out = CLASSES_SHOWN // 2, len(order) - CLASSES_SHOWN
    total = max(sum(sizes["train"]), 1)
    rows = [("class", *sizes, "% of train")]
    for number in order if left_out <= 0 else [*order[:half], *order[-half:]]:
        label = cut(visible(one_line(labels[number])), _LONGEST_LABEL)
        counts = [f"{split_sizes[number]:,}" for split_sizes in sizes.values()]
        rows.append((label, *counts, f"{100 * sizes['train'][number] / total:.1f}"))
    lines = aligned(rows)
    if left_out > 0:
        lines.insert(half + 1, f"... {left_out:,} more ...")
    return "\n".join(lines)


def _block(finding: Finding) -> str:
    lines = [_wrapped(visible(f"{finding.about}: {finding.text}"))]
    lines += [_INDENT + cut(visible(one_line(line)), COLUMNS - len(_INDENT)) for line in finding.examples]
    return "\n".join([*lines, *([_wrapped(f"-> {finding.remedy}", _INDENT)] if finding.remedy else ())])


def _wrapped(text: str, indent: str = "") -> str:
    """Lines of at most 80 columns, broken at spaces; a longer word has a line of its own."""
    lines, line = [], indent
    for word in text.split():
        if line.strip() and display_width(line) + 1 + display_width(word) > COLUMNS:
            lines.append(line)
            line = indent + " " * 2
        line += word if not line.strip() else f" {word}"
    return "\n".join([*lines, line])
