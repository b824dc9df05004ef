"""jsonl: one JSON object per line -> records."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from textrnn.data.records import BadRow, Columns, Record, quoted
from textrnn.errors import DataError, short

_ARRAY = re.compile(r"\[\s*(\{|\[|$)")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def jsonl_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """columns: the keys of text and label, neither None. Raises DataError if they are numbers, or
    if the file is one JSON document."""
    options = columns.options
    keys = [(columns.text, options.text_column)] + [(columns.label, options.label_column)] * columns.labelled
    for key, option in keys:
        if isinstance(key, int):
            raise DataError(f"{name}: jsonl has no column numbers: pass {option}KEY instead of {key}")
    is_top = True
    for number, line in enumerate(lines, start=1):
        if is_top and line.strip():
            check_is_per_line(line, name, number)
            is_top = False
        if not line.strip():
            # without labels, a blank line is an empty text
            empty = BadRow(number, "expected a JSON object, found an empty line")
            yield empty if columns.labelled else Record(number, "", None, {} if columns.keep else None)
            continue
        try:
            if columns.keep:
                item = json.loads(line, parse_constant=_no_number, parse_float=_finite)
            else:
                item = json.loads(line)
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


def _finite(text: str) -> float | None:
    """A number beyond all floats is kept as null, too."""
    return value if math.isfinite(value := float(text)) else None


def _no_number(name: str) -> None:
    """NaN and Infinity, which are not JSON although Python reads them, are kept as null."""


def _record(item: Any, line: int, columns: Columns) -> Record | BadRow:
    text_key, label_key = str(columns.text), str(columns.label) if columns.labelled else None
    if not isinstance(item, dict):
        return BadRow(line, f"expected an object with the key {short(text_key)}, found {short(item)}")
    for key, option in ((text_key, columns.options.text_column), (label_key, columns.options.label_column)):
        if key is None or item.get(key) is not None:
            continue
        if key in item:
            return BadRow(line, f"the value of {short(key)} is null")
        return BadRow(line, f"no key {short(key)}; the keys are: {quoted(list(item)) or 'none'}. Pass {option}KEY")
    text = item[text_key]
    if not isinstance(text, str):
        return BadRow(line, f"expected a string as the value of {short(text_key)}, found {short(text)}")
    if _LONE_SURROGATE.search(text):
        return BadRow(
            line, f"the value of {short(text_key)} holds half a character (an unpaired \\ud800 to \\udfff escape)"
        )
    kept = item if columns.keep else None
    if label_key is None:
        return Record(line, text, None, kept)
    label = item[label_key]
    if isinstance(label, (list, dict)):
        return BadRow(line, f"expected one label as the value of {short(label_key)}, found {short(label)}")
    return Record(line, text, (label if isinstance(label, str) else json.dumps(label)).strip(), kept)
