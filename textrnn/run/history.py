"""history.jsonl: one line per evaluation. The lines of cross-fitted networks have their `fold`, and a last line without
it is of all of them."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from textrnn.errors import TextRNNError
from textrnn.runtime.files import write_text

_LARGEST = 1e100  # curves of much larger numbers cannot be drawn
_COUNTS, _LARGEST_COUNT = ("step", "epoch", "fold", "seconds"), 1e12


def append_history(path: Path, record: dict[str, Any]) -> None:
    """Add a line and sync it to disk. Raises TextRNNError if that fails."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise TextRNNError(f"{path}: cannot be written: {error.strerror}") from error


def read_history(path: Path) -> list[dict[str, Any]]:
    """The records, without lines that are no records; a crash may have cut the last one short."""
    records: list[dict[str, Any]] = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            with contextlib.suppress(ValueError, RecursionError):
                if _is_record(record := json.loads(line)):
                    records.append(record)
    return records


def training_seconds(history: list[dict[str, Any]]) -> float | None:
    """The time of the optimizer steps of all networks; None if it was not recorded."""
    last = {record.get("fold"): record.get("seconds") for record in history}
    if (total := last.pop(None, None)) is not None:  # of the only network, or of those of all folds
        return total
    seconds = [fold for fold in last.values() if fold is not None]
    return sum(seconds) if seconds else None


def _is_record(value: Any) -> bool:
    """Whether it is a dict of numbers that training can have recorded, none below 0, with a whole `step` and `epoch`
    and, if any, a whole `fold`."""
    if not isinstance(value, dict) or any(type(value.get(key)) is not int for key in ("step", "epoch")):
        return False
    return type(value.get("fold")) in (int, type(None)) and all(
        type(number) in (int, float) and 0 <= number < (_LARGEST_COUNT if key in _COUNTS else _LARGEST)
        for key, number in value.items()
        if number is not None
    )


def cut_history(path: Path, step: int, fold: int | None = None) -> None:
    """Remove the records of the network of a fold after `step`, which will be computed and recorded again, and the
    summary of all folds."""
    kept = [
        json.dumps(record, allow_nan=False) + "\n"
        for record in read_history(path)
        if (record["step"] <= step if record.get("fold") == fold else fold is not None and "fold" in record)
    ]
    write_text(path, "".join(kept))
