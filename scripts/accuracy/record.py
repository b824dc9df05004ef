"""The record of every reading of a test set (docs/accuracy.jsonl), and what stands for a recipe in it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from scripts.bench.corpora import ROOT

RECORD = ROOT / "docs" / "accuracy.jsonl"


def digest(recipe: str) -> str:
    """What stands for a recipe in the record."""
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def lines() -> list[dict[str, Any]]:
    """All lines: readings, and `same_as` lines."""
    return [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()] if RECORD.exists() else []


def readings() -> list[dict[str, Any]]:
    return [line for line in lines() if "same_as" not in line]


def add(reading: dict[str, Any]) -> None:
    with RECORD.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(reading, ensure_ascii=False) + "\n")


def has_read(task: str, program: str, seed: int, recipe: str) -> bool:
    """Whether a program with this recipe (or one that the record says is the same) and seed has read the test set."""
    same = {line["recipe"]: line["same_as"] for line in lines() if "same_as" in line}
    wanted = (task, program, seed, same.get(digest(recipe), digest(recipe)))
    return any(
        (line["task"], line["program"], line["seed"], same.get(line["recipe"], line["recipe"])) == wanted
        for line in readings()
    )
