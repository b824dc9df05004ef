"""history.jsonl: one line per evaluation. Where networks are cross-fitted, each has lines with its `fold`, and a last
line without it is of all of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from textrnn.errors import TextRNNError
from textrnn.runtime.files import write_text

_LARGEST = 1e100  # curves of much larger numbers cannot be drawn
_COUNTS, _LARGEST_COUNT = ("step", "epoch", "fold", "seconds"), 1e12


def append_history(path: Path, record: dict[str, Any]) -> None:
    """Add a line and sync it to disk. Raises TextRNNError where that fails."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise TextRNNError(f"{path}: cannot be written: {error.strerror}") from error


def read_history(path: Path) -> list[dict[str, Any]]:
    """The records of all complete lines; a crash may have cut the last one short. Lines that are no records are left
    out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if _is_record(record):
            records.append(record)
    return records


def training_seconds(history: list[dict[str, Any]]) -> float | None:
    """What the optimizer steps of all networks took; None where nothing was recorded."""
    last = {record.get("fold"): record.get("seconds") for record in history}
    whole = last.pop(None, None)  # of the only network, or of those of all folds
    if whole is not None:
        return whole
    of_folds = [seconds for seconds in last.values() if seconds is not None]
    return sum(of_folds) if of_folds else None


def _is_record(found: Any) -> bool:
    """Whether it is a dict of numbers that training can have recorded, none below 0, with a whole `step` and `epoch`
    and, if any, a whole `fold`."""
    if not isinstance(found, dict) or not all(type(found.get(key)) is int for key in ("step", "epoch")):
        return False
    if type(found.get("fold")) not in (int, type(None)):
        return False
    return all(
        type(value) in (int, float) and 0 <= value < (_LARGEST_COUNT if key in _COUNTS else _LARGEST)
        for key, value in found.items()
        if value is not None
    )


def cut_history(path: Path, step: int, fold: int | None = None) -> None:
    """Remove what was recorded after `step`: it will be computed and recorded again. fold: of the network of this fold,
    and what sums up those of all folds."""
    kept = [
        record
        for record in read_history(path)
        if (record["step"] <= step if record.get("fold") == fold else fold is not None and "fold" in record)
    ]
    write_text(path, "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept))
