"""The parts' results, a JSON file each, and the page assembled from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.bench.tables import Table, markdown, number, percent

__all__ = ["number", "percent"]

PREFACE = """\
# Benchmarks

Written by `make bench`, or in part by the command that stands under each part with what it was measured on. Machines
are noisy, so only ratios between rows of one table count: programs run in turns (A B C A B C), figures are medians, and
all programs have the same number of threads. What takes minutes runs once. Memory is the peak resident memory of a
program's largest process. What is compared is in `scripts/bench`; the corpora are read from `$TEXTRNN_DATASETS`, and
Keras runs in an environment of its own.

No GPU was to be had for measuring: every figure is of a processor.
"""


@dataclass
class Part:
    """What one part found. machine and versions: what it was taken on; skipped: what could not be measured, and why."""

    name: str
    title: str
    about: str
    machine: str
    versions: str
    tables: list[Table]
    skipped: list[str]


def save(folder: Path, part: Part) -> None:
    path = folder / f"{part.name}.json"
    path.write_text(json.dumps(asdict(part), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load(folder: Path, name: str) -> Part | None:
    """None where the part has not been measured yet."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    return Part(**{**fields, "tables": [Table(**table) for table in fields["tables"]]})


def page(parts: Sequence[Part]) -> str:
    return "\n\n".join([PREFACE.strip(), *map(section, parts)]) + "\n"


def section(part: Part) -> str:
    lines = [f"## {part.title}", part.about]
    lines += map(markdown, part.tables)
    lines += [f"Not measured: {reason}." for reason in part.skipped]
    lines.append(f"`make bench ONLY={part.name}`: {part.machine}. {part.versions}.")
    return "\n\n".join(lines)


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
