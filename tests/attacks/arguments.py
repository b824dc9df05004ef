"""Hostile command lines, and a malformed environment of several processes."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from tests.attacks.command import SMALL, attack
from tests.attacks.hostile import STRINGS, Draw, pick, rarely, sometimes

# Some are written to: no value leads out of the current folder. A command line has no NUL and no half a character.
VALUES = [
    "0", "-1", "1", "2", "-" + "9" * 20, "1.5", "1e9", "true", "auto", "cpu", "cuda", "cuda:0", "cuda:99",
    "cuda:" + "9" * 20, "cuda:-1", "cuda:", "cuda:²", "mps", "meta", "CPU", "---", "--help", "-x", "a=b", "a.b", "a.b=",
    ".=", "data.train", "data.train=", "data.nope=1", "nope.x=1", "model=1", "model.cell.x=1", ".cell=1", "model.=1",
    "model.cell=lstm", "vocab.min_count=2", "data.encoding=utf-16", "tsv", "csv", "jsonl", "text", "folder", "utf-8",
    "utf-16", "hex", "rot13", "idna", "bfloat16", "float32", "test", "dev", "train", "./", "...tsv", "..tsv", ".tsv",
    ".gz", ".tsv.gz", "a.gz", "./train.tsv", "test.tsv/x", "train.tsv/", "*.tsv", "missing", "run", "run/", "run/model",
    "run/eval", "run/config.yaml", "two\nlines.tsv", "a\rb", "\x1b[31mred", "\x07", "é", "e\u0301", "日本.tsv",
    "\u202e",
    os.fsdecode(b"\xff"), os.fsdecode(b"\xed\xa0\x80.tsv"), os.fsdecode(b"a\xffb.yaml"), "n" * 255, "n" * 256,
    "n/" * 200 + "n", "n" * 100_000, "new", "new/deep/er", "config.yaml", "/dev/full", "/dev/stdin", "٣", "+1",
    "texts.txt",
    *(text for text in STRINGS if "\0" not in text and "\ud800" not in text),
]  # fmt: skip
COMMANDS = {
    "vocab": ["--config", "-c", "--set", "--data", "--output"],
    "train": ["--config", "-c", "--set", "--data", "--run-dir", "--resume", "--force", "--device"],
    "eval": ["--split", "--set", "--output", "--json", "--device", "--precision"],
    "predict": [
        "--format", "--text-column", "--delimiter", "--keep", "--encoding", "--output", "--output-format", "--top-k",
        "--batch-size", "--device", "--precision",
    ],
}  # fmt: skip
FLAGS = ("--resume", "--force", "--json", "--keep", "--help")
VARIABLES = [
    "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_WAIT_POLICY", "COLUMNS", "LANG",
]  # fmt: skip
NUMBERS = [
    "", " ", "x", "-1", "0", "1", "1.5", "nan", "9" * 20, "9" * 5000, "²", "٣", "0x1", "\n", os.fsdecode(b"\xff"),
]  # fmt: skip


def attack_arguments(draw: Draw) -> None:
    command = pick(draw, COMMANDS)
    words = _usual(draw, command)
    if draw(sometimes):
        attack(*words, environment=_environment(draw))
        return
    for _ in range(draw(st.integers(1, 4))):
        name, value = pick(draw, [*COMMANDS[command], "--nope", "--help", ""]), pick(draw, VALUES)
        if not name:
            words.insert(draw(st.integers(0, len(words))), value)
        else:
            words += [name] if name in FLAGS else pick(draw, [[name, value], [f"{name}={value}"], [name]])
    if draw(rarely):
        words[0] = pick(draw, VALUES)
    attack(*words)


def _usual(draw: Draw, command: str) -> list[str]:
    """A command line that would do, or one with a hostile path."""
    data, other = (pick(draw, VALUES), pick(draw, VALUES)) if draw(sometimes) else ("train.tsv", "")
    return {
        "vocab": ["vocab", "--data", data],
        "train": ["train", "--data", data, *SMALL, "--run-dir", other or "new"],
        "eval": ["eval", other or "run", data],
        "predict": ["predict", other or "run", data],
    }[command]  # fmt: skip


def _environment(draw: Draw) -> dict[str, str]:
    """Variables of torchrun that no torchrun has set. A world of two that could be waited for is none of them."""
    names = draw(st.lists(st.sampled_from(VARIABLES), unique=True))
    values = {name: pick(draw, NUMBERS) for name in names}
    return values | {"WORLD_SIZE": pick(draw, ["1", "0", "-1", "x", "", "1.5", "²", "9" * 5000])}
