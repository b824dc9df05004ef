"""Records and bad rows of plain text, fastText and jsonl files."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from textrnn.errors import DataError, short
from textrnn.reading.decoding import strip_line_end
from textrnn.reading.source import Source, check_one_object_per_line

_COMMA = re.compile(r"__label__[^,\s]+\s*,")
_FASTTEXT_LABEL = re.compile(r"__label__(\S+)(?:[ \t]+|$)")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file. line: the line it begins on (1-based). label: a JSON object for a soft label; None if labels
    are not read. row: column -> field, if fields are kept. weight: what the weight column holds, if it is read."""

    line: int
    text: str
    label: str | dict[str, Any] | None
    row: dict[str, Any] | None = None
    weight: Any = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not fit the format. row: its fields, if they are kept and could be read."""

    line: int
    reason: str
    row: dict[str, Any] | None = None


def empty_text(line: int, source: Source) -> Record:
    """The record of a blank line in a file without labels."""
    return Record(line, "", None, {} if source.keep else None)


def text_records(lines: Iterable[str], source: Source) -> Iterator[Record]:
    """Each line is a text."""
    row: dict[str, Any] | None = {} if source.keep else None
    return (Record(number, strip_line_end(line), None, row) for number, line in enumerate(lines, start=1))


def fasttext_records(lines: Iterable[str], name: str, source: Source) -> Iterator[Record | BadRow]:
    """`__label__NAME text` on each line. name: the file's name, for messages."""
    for number, line in enumerate(lines, start=1):
        line = strip_line_end(line)
        match = _FASTTEXT_LABEL.match(line)
        text = line[match.end() :] if match else line
        if not source.labelled:
            row = {"label": match.group(1)} if match else {}
            yield Record(number, text, None, row if source.keep else None)
        elif match is None:
            yield BadRow(number, f"expected `__label__NAME text`, found {line[:40]!r}")
        elif _FASTTEXT_LABEL.match(text):
            yield BadRow(number, f"expected one label, found several: {line[:60]!r}")
        elif match.group(1).endswith(","):
            yield BadRow(number, f"expected `__label__NAME text`, found {line[:40]!r}: {comma_remedy(line, name)}")
        else:
            yield Record(number, text, match.group(1))


def comma_remedy(line: str, name: str) -> str | None:
    """The remedy for a comma after the label of a fastText line; None without a comma."""
    if _COMMA.match(line) is None:
        return None
    return (
        f"the label ends at white space, so a comma belongs to it: remove commas after labels with "
        f"sed 's/^\\(__label__[^, ]*\\) *, */\\1 /' {shlex.quote(name)} > NEW.txt"
    )


def jsonl_records(lines: Iterable[str], name: str, source: Source) -> Iterator[Record | BadRow]:
    """One JSON object per line. source: its text and label columns are set. Raises DataError if they are numbers, or if
    the file is a single JSON document."""
    for key in source.required_columns:
        if isinstance(key, int):
            raise DataError(f"{name}: jsonl has no column numbers: pass {source.option_for(key)}KEY instead of {key}")
    numbers: dict[str, Any] = {"parse_constant": _NonFinite, "parse_float": _finite} if source.keep else {}
    is_top = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            bad = BadRow(number, "expected a JSON object, found an empty line")
            yield bad if source.labelled else empty_text(number, source)
            continue
        if is_top:
            check_one_object_per_line(line, name, number)
            is_top = False
        try:
            item = json.loads(line, **numbers)
        except json.JSONDecodeError as error:
            yield BadRow(number, f"not valid JSON: {error.msg} at column {error.pos + 1}")
        except RecursionError:
            yield BadRow(number, "not valid JSON: it is nested too deeply")
        except ValueError:  # more digits than Python accepts
            yield BadRow(number, "not valid JSON: a number has too many digits")
        else:
            yield _json_record(item, number, source)


class _NonFinite(str):
    """A number that JSON output cannot hold (NaN, Infinity, too large for a float), as it is written in the input. It
    is kept as a string, but refused as a text."""

    __repr__ = str.__str__


def _finite(text: str) -> float | _NonFinite:
    return value if math.isfinite(value := float(text)) else _NonFinite(text)


def _json_record(item: Any, line: int, source: Source) -> Record | BadRow:
    keys = list(map(str, source.text_columns))
    named = " and ".join(map(short, keys))
    if not isinstance(item, dict):
        return BadRow(line, f"expected an object with the key{'s' * (len(keys) > 1)} {named}, found {short(item)}")
    row = item if source.keep else None
    for key in source.required_columns:
        if key not in item:
            present = quoted(list(item)) or "none"
            meant = source.similar_weight_column(list(item)) if key == source.weight_column else ""
            reason = f"no key {short(key)}; the keys are: {present}. {meant}Pass {source.option_for(key)}KEY"
            return BadRow(line, reason, row)
    texts = {key: item[key] for key in keys if item[key] is not None}
    if not texts:
        return BadRow(line, f"the value of {named} is null", row)
    for key, text in texts.items():
        if not isinstance(text, str) or isinstance(text, _NonFinite):
            return BadRow(line, f"expected a string as the value of {short(key)}, found {short(text)}", row)
        if _LONE_SURROGATE.search(text):
            reason = f"the value of {short(key)} holds half a character (an unpaired \\ud800 to \\udfff escape)"
            return BadRow(line, reason, row)
    if not source.labelled:
        return Record(line, join_texts(texts.values()), None, row)
    label = item[source.label_column]
    weight = None if source.weight_column is None else item[source.weight_column]
    if label is None or isinstance(label, list):
        key = short(source.label_column)
        reason = f"expected one label as the value of {key}, found {short(label)}"
        return BadRow(line, f"the value of {key} is null" if label is None else reason, row)
    if not isinstance(label, dict):
        label = (label if isinstance(label, str) else json.dumps(label)).strip()
    return Record(line, join_texts(texts.values()), label, row, weight)


def join_texts(parts: Iterable[str]) -> str:
    """The text of several columns, one per line, without empty ones."""
    return "\n".join(part for part in parts if part)


def quoted(fields: list[str]) -> str:
    """The first fields of a row for a message; long ones are cut."""
    return ", ".join(repr(field if len(field) <= 40 else field[:37] + "...") for field in fields[:8])
