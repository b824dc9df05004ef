"""Findings about data that may be faulty, and the output of `check`: text of 80 columns, also aligned for wide
characters, or JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from textrnn.errors import short
from textrnn.runtime.terminal import aligned, cut, display_width, one_line, visible

COLUMNS = 80
CLASSES_SHOWN = 20  # of more than these the largest and the smallest
SEVERE_SHARE = 0.01  # of texts: with more of them faulty, a score may be off by a point
SPLIT_COLUMNS = ("split", "texts", "empty", "tokens: median", "95 %", "longest", "cut", "unknown")
_LONGEST_LABEL = 40
_INDENT = "    "


class Shown(NamedTuple):
    """An example. line: a line of text. places: of its texts, each `file:line`, or the file of a text in a folder."""

    line: str
    places: Sequence[str] = ()


@dataclass(frozen=True)
class Finding:
    """about: the kind, in one word. text: a sentence with the count. severe: whether it can move a score by a point or
    loses a class. remedy: what to do, unless `text` contains it. examples: see Shown. split: the one whose texts it is
    about, if it is one. count: of the texts, or of the labels or classes, that it is about; None if nothing is counted.
    places: those that `text` names. more: a line about examples that are not shown."""

    about: str
    text: str
    severe: bool = False
    remedy: str = ""
    examples: Sequence[Shown] = ()
    split: str = ""
    count: int | None = None
    places: Sequence[str] = ()
    more: str = ""

    def lines(self) -> list[str]:
        """The lines for a log."""
        return [self.text, *self.example_lines()]

    def example_lines(self) -> list[str]:
        return [*(example.line for example in self.examples), *([self.more] if self.more else ())]


class Report(NamedTuple):
    """The output of `check`. described: as `describe_splits` returns it. notes: sentences about limits of the
    search. suspects: the entry of that name in the JSON. folder: with a separator at its end, if it holds all files and
    is so long that the text names it once; else empty."""

    described: dict[str, Any]
    findings: Sequence[Finding]
    notes: Sequence[str]
    suspects: dict[str, Any]
    folder: str

    @property
    def severe(self) -> int:
        """The number of severe findings."""
        return sum(finding.severe for finding in self.findings)


def is_severe(count: int, total: int) -> bool:
    """Whether this many of some texts are enough to be severe."""
    return count > SEVERE_SHARE * total


def first(
    lines: Sequence[str], most: int, rest: Callable[[int], str] = lambda more: f"and {more:,} more"
) -> tuple[list[Shown], str]:
    """The first lines, and if there are more, a line about the number of the rest, else an empty one."""
    more = len(lines) - most
    return [Shown(line) for line in lines[:most]], rest(more) if more > 0 else ""


def excerpt(text: str, characters: int) -> str:
    """The beginning of a text in quotes, with white space as single spaces."""
    text = " ".join(text.split())
    return short(text if len(text) <= characters else f"{text[:characters]}...")


def report_text(report: Report) -> str:
    """The report in lines of 80 columns, severe findings first."""
    parts = report.described["splits"]
    sections = ["\n".join(aligned([SPLIT_COLUMNS, *(_split_row(name, part) for name, part in parts.items())]))]
    sections.append(
        _class_table(report.described["labels"], {name: part["label_counts"] for name, part in parts.items()})
    )
    for heading, severe in (("SEVERE", True), ("ALSO FOUND", False)):
        blocks = [_block(finding, report.folder) for finding in report.findings if finding.severe == severe]
        if blocks:
            sections += [f"{heading} ({len(blocks)})", *blocks]
    if not report.findings:
        sections.append("nothing found")
    notes = [f"all files are below {report.folder}"] if report.folder else []
    sections += [_wrapped(f"note: {note}") for note in (*notes, *report.notes)]
    return "\n\n".join(sections) + "\n"


def report_json(report: Report) -> dict[str, Any]:
    """The output of --json; docs/reference/json.md describes the keys."""
    return report.described | {
        "findings": [_finding_json(finding) for finding in report.findings],
        "severe": report.severe,
        "suspects": report.suspects,
        "notes": report.notes,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.about,
        "severity": "severe" if finding.severe else "minor",
        "split": finding.split or None,
        "text": finding.text,
        "count": finding.count,
        "advice": finding.remedy or None,
        "places": list(map(_place_json, finding.places)),
        "examples": [
            {"text": example.line, "places": list(map(_place_json, example.places))} for example in finding.examples
        ],
    }


def _place_json(place: str) -> dict[str, Any]:
    """File and line of a place: `file:line`, or the file of a text in a folder."""
    file, _, line = place.rpartition(":")
    return {"file": file, "line": int(line)} if file and line.isdecimal() else {"file": place, "line": None}


def _split_row(name: str, part: dict[str, Any]) -> tuple[str, ...]:
    """The fields of SPLIT_COLUMNS."""
    tokens = part["tokens"]
    counts = [part["n"], part["empty"], tokens["median"], tokens["p95"], tokens["max"]]
    return name, *(f"{count:,}" for count in counts), *(f"{100 * part[key]:.1f} %" for key in ("cut", "unknown"))


def _class_table(labels: Sequence[str], sizes: dict[str, dict[str, int]]) -> str:
    """The classes, the largest first, with their share of train. sizes: split -> label -> the number of its texts."""
    order = sorted(labels, key=lambda label: -sizes["train"][label])
    half, left_out = CLASSES_SHOWN // 2, len(order) - CLASSES_SHOWN
    total = max(sum(sizes["train"].values()), 1)
    rows = [("class", *sizes, "% of train")]
    for label in order if left_out <= 0 else [*order[:half], *order[-half:]]:
        name = cut(visible(one_line(label)), _LONGEST_LABEL)
        counts = [f"{split_sizes[label]:,}" for split_sizes in sizes.values()]
        rows.append((name, *counts, f"{100 * sizes['train'][label] / total:.1f}"))
    lines = aligned(rows)
    if left_out > 0:
        lines.insert(half + 1, f"... {left_out:,} more ...")
    return "\n".join(lines)


def _block(finding: Finding, folder: str) -> str:
    """A finding in lines. folder: removed from the names of files."""
    lines = [_wrapped(visible(f"{finding.about}: {finding.text.replace(folder, '') if folder else finding.text}"))]
    for line in finding.example_lines():
        shown = visible(one_line(line.replace(folder, "") if folder else line))
        lines.append(_INDENT + cut(shown, COLUMNS - len(_INDENT)))
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
