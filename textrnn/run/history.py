"""history.jsonl: one line per evaluation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from textrnn.errors import TextRNNError
from textrnn.runtime.files import write_text


def append_history(path: Path, record: dict[str, Any]) -> None:
    """Add a line and sync it to disk. Raises TextRNNError where that fails."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise TextRNNError(f"{path}: cannot be written: {error.strerror}") from error


def read_history(path: Path) -> list[dict[str, Any]]:
    """The records of all complete lines; a crash may have cut the last one short."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "step" in record:
            records.append(record)
    return records


def cut_history(path: Path, step: int) -> None:
    """Remove what was recorded after `step`: it will be computed and recorded again."""
    kept = [record for record in read_history(path) if record["step"] <= step]
    write_text(path, "".join(json.dumps(record) + "\n" for record in kept))
