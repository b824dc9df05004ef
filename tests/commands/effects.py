"""A run as its files and its log tell, what a key of the config does to it, and the texts that show it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import make_rows, write_tsv
from textrnn import TextClassifier

SPECIAL = ["Stadium！", "ＴＩＣＫＥＴ", "云计算平台上线了", "don't stop-now"]


@dataclass
class Run:
    """A finished training, as its files and its log tell."""

    folder: Path
    code: int
    log: str
    states_saved: int
    tf32: bool

    def lines(self, name: str) -> list[str]:
        return (self.folder / "model" / name).read_text(encoding="utf-8").splitlines()

    @cached_property
    def vocab(self) -> set[str]:
        return set(self.lines("vocab.txt"))

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "history.jsonl").read_text().splitlines()]

    @cached_property
    def weights(self) -> dict[str, torch.Tensor]:
        found = load_file(self.folder / "model" / "model.safetensors")
        return {name.removeprefix("networks.0."): tensor for name, tensor in found.items()}

    @cached_property
    def model(self) -> torch.nn.Module:
        return TextClassifier.load(self.folder).networks

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in self.weights.items()}

    def count(self, split: str) -> int:
        """The texts of a split, as the log gives them."""
        found = re.search(rf"^{split}: (\d+) texts", self.log, re.MULTILINE)
        return int(found[1]) if found else 0


Seen = Callable[[Run, Run], None]
EFFECTS: list[Any] = []


def effect(setting: str, *context: str) -> Callable[[Seen], Seen]:
    """The decorated function says how runs without and with `setting` differ; both have `context`."""

    def add(seen: Seen) -> Seen:
        EFFECTS.append(pytest.param(setting, context, seen, id=f"{setting.split('=')[0]}-{seen.__name__}"))
        return seen

    return add


def other_weights(before: Run, after: Run) -> None:
    assert before.shapes == after.shapes
    assert not any(torch.equal(before.weights[name], after.weights[name]) for name in before.weights)


def write_corpora(folder: Path) -> None:
    """The training data in each form that a key asks for."""
    rows = [(label, f"{text} {SPECIAL[at % 4]}") for at, (label, text) in enumerate(make_rows(40))]
    write_tsv(folder / "train.tsv", rows)
    write_tsv(folder / "other.tsv", make_rows(39, seed=5))
    write_tsv(folder / "dev.tsv", make_rows(12, seed=6))
    write_tsv(folder / "uneven.tsv", [row for at, row in enumerate(rows) if row[0] != "food" or at % 9 == 0])
    for name, line, encoding in [
        ("columns.tsv", "{0}\tt{2}\t{1}\n", "utf-8"),
        ("ids.tsv", "{1}\t{3}\n", "utf-8"),
        ("fasttext.txt", "__label__{0}\tx\t{1}\n", "utf-8"),
        ("bytes.tsv", "{0}\tsalé {2}\n", "latin-1"),
    ]:
        ids = {"food": 0, "sport": 1, "travel": 2}
        content = "".join(line.format(label, text, at, ids[label]) for at, (label, text) in enumerate(rows))
        (folder / name).write_text(content, encoding=encoding)
    weights = {"food": 5, "sport": 1, "travel": 0.5}
    (folder / "weights.csv").write_text(
        "text,label,weight\n"
        + "".join(f"{text},{label},{weights[label] if at < 36 else 0}\n" for at, (label, text) in enumerate(rows))
    )
    # its header has the columns with either delimiter
    (folder / "two.csv").write_text(
        "text,label,|text|label\n" + "".join(f"comma {text},{label},|pipe {text}|{label}\n" for label, text in rows)
    )
    write_tsv(folder / "bad.tsv", [*rows, ("", "no label")])
    write_tsv(folder / "empty.tsv", [*rows, ("food", ""), ("sport", " "), ("travel", "")])
    (folder / "unlabelled.txt").write_text("".join(f"{text}\n" for _, text in make_rows(90, seed=7)))
    (folder / "names.txt").write_text("Essen\nSport\nReise\n")
    (folder / "user_dict.txt").write_text("云计算平台\n")
    (folder / "vectors.txt").write_text("the " + " ".join(["0.5"] * 8) + "\n")
