"""jsonl: one JSON object per line -> records."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from textrnn.errors import DataError, short
from textrnn.reading.records import BadRow, Columns, Record, join_texts, quoted

_ARRAY = re.compile(r"\[\s*(\{|\[|$)")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def jsonl_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """columns: the keys of text and label, neither None. Raises DataError if they are numbers, or
    if the file is one JSON document."""
    for key in columns.required:
        if isinstance(key, int):
            raise DataError(f"{name}: jsonl has no column numbers: pass {columns.option_for(key)} KEY instead of {key}")
    numbers: dict[str, Any] = {"parse_constant": _NoNumber, "parse_float": _finite} if columns.keep else {}
    is_top = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            empty = BadRow(number, "expected a JSON object, found an empty line")
            yield empty if columns.labelled else columns.empty_text(number)
            continue
        if is_top:
            check_is_per_line(line, name, number)
            is_top = False
        try:
            item = json.loads(line, **numbers)
        except json.JSONDecodeError as error:
            yield BadRow(number, f"not valid JSON: {error.msg} at column {error.pos + 1}")
        except RecursionError:
            yield BadRow(number, "not valid JSON: it is nested too deeply")
        except ValueError:  # more digits than Python reads
            yield BadRow(number, "not valid JSON: a number has too many digits")
        else:
            yield _record(item, number, columns)


def check_is_per_line(line: str, name: str, number: int = 1) -> None:
    """Raises DataError for the first line of a JSON document that is an array, or goes over several lines."""
    text = line.strip()
    if _ARRAY.match(text):
        convert = "import json, sys; [print(json.dumps(row)) for row in json.load(open(sys.argv[1], encoding='utf-8'))]"
        raise DataError(
            f"{name}:{number}: expected one JSON object per line (jsonl), found a JSON array: convert the file with "
            f'python3 -c "{convert}" {shlex.quote(name)} > NEW.jsonl'
        )
    if text == "{":
        raise DataError(
            f"{name}:{number}: expected one JSON object per line (jsonl), found one over several lines: write each "
            f"object on a line of its own"
        )


class _NoNumber(str):
    """A number that JSON output cannot hold (NaN, Infinity, beyond all floats), as it is written in the input. It is
    kept as a string, but refused as a text."""

    __repr__ = str.__str__


def _finite(text: str) -> float | _NoNumber:
    return value if math.isfinite(value := float(text)) else _NoNumber(text)


def _record(item: Any, line: int, columns: Columns) -> Record | BadRow:
    keys = list(map(str, columns.texts))
    named = " and ".join(map(short, keys))
    if not isinstance(item, dict):
        return BadRow(line, f"expected an object with the key{'s' * (len(keys) > 1)} {named}, found {short(item)}")
    row = item if columns.keep else None
    for key in columns.required:
        if key not in item:
            present = quoted(list(item)) or "none"
            return BadRow(
                line, f"no key {short(key)}; the keys are: {present}. Pass {columns.option_for(key)} KEY", row
            )
    texts = {key: item[key] for key in keys if item[key] is not None}
    if not texts:
        return BadRow(line, f"the value of {named} is null", row)
    for key, text in texts.items():
        if not isinstance(text, str) or isinstance(text, _NoNumber):
            return BadRow(line, f"expected a string as the value of {short(key)}, found {short(text)}", row)
        if _LONE_SURROGATE.search(text):
            reason = f"the value of {short(key)} holds half a character (an unpaired \\ud800 to \\udfff escape)"
            return BadRow(line, reason, row)
    label = None
    if columns.labelled:
        label = item[columns.label]
        if label is None:
            return BadRow(line, f"the value of {short(columns.label)} is null", row)
        if isinstance(label, (list, dict)):
            return BadRow(line, f"expected one label as the value of {short(columns.label)}, found {short(label)}", row)
        label = (label if isinstance(label, str) else json.dumps(label)).strip()
    return Record(line, join_texts(texts.values()), label, row)
