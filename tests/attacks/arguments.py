"""Hostile command lines, and a malformed environment of several processes."""

from __future__ import annotations

import os

from tests.attacks.case import Case
from tests.attacks.check import check, files
from tests.attacks.small import SMALL

VALUES = [
    "", " ", "0", "-1", "1", "2", "9" * 20, "-" + "9" * 20, "9" * 5000, "1.5", "nan", "1e9", "true", "null", "auto",
    "cpu", "cuda", "cuda:0", "cuda:99", "cuda:" + "9" * 20, "cuda:-1", "cuda:", "cuda:²", "mps", "meta", "CPU", "-",
    "--", "---", "--help", "-x", "=", "a=b", "a.b", "a.b=", ".=", "data.train", "data.train=", "data.nope=1",
    "nope.x=1", "model=1", "model.cell.x=1", ".cell=1", "model.=1", "model.cell=lstm", "vocab.min_count=2",
    "data.encoding=utf-16", "tsv", "csv", "jsonl", "text", "folder", "utf-8", "utf-16", "hex", "rot13", "idna",
    "bfloat16", "float32", "test", "dev", "train", ".", "..", "./", "...tsv", "..tsv", ".tsv", ".gz", ".tsv.gz",
    "a.gz", "train.tsv", "./train.tsv", "test.tsv/x", "train.tsv/", "*", "*.tsv", "[a", "?", "**", "missing", "run",
    "run/", "run/model", "run/eval", "run/config.yaml", "two\nlines", "two\nlines.tsv", "a\rb", "\x1b[31mred", "\x07",
    "é", "e\u0301", "日本.tsv", "\u2028", "\u202e", "\ufeff", os.fsdecode(b"\xff"), os.fsdecode(b"\xed\xa0\x80.tsv"),
    os.fsdecode(b"a\xffb.yaml"), "n" * 255, "n" * 256, "n/" * 200 + "n", "n" * 100_000, "%s", "{}", "~", "$HOME",
    "new", "new/deep/er", "config.yaml", "/dev/null", "/dev/full", "/dev/stdin", "/nowhere/x", "/proc/version", "٣",
    "0x10", "1_000", "+1", "texts.txt",
]  # fmt: skip
# These are written to: no value may lead out of the case's folder.
SAFE = [value for value in VALUES if not value.startswith(("/nowhere", "/proc", "$"))]
COMMANDS = {
    "vocab": ["--config", "-c", "--set", "--data", "--output"],
    "train": ["--config", "-c", "--set", "--data", "--run-dir", "--resume", "--force", "--device"],
    "eval": ["--split", "--set", "--output", "--json", "--device", "--precision"],
    "predict": [
        "--format", "--text-column", "--delimiter", "--keep", "--encoding", "--output", "--output-format", "--top-k",
        "--batch-size", "--device", "--precision",
    ],
}  # fmt: skip
FLAGS = ("--resume", "--force", "--json", "--keep")
VARIABLES = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"]
NUMBERS = [
    "",
    " ",
    "x",
    "-1",
    "0",
    "1",
    "1.5",
    "nan",
    "9" * 20,
    "9" * 5000,
    "²",
    "٣",
    "0x1",
    "\n",
    os.fsdecode(b"\xff"),
]


def attack(case: Case) -> None:
    rng = case.rng
    case.copy("train.tsv", "test.tsv", "texts.txt", "run")
    if rng.random() < 0.2:
        _environment(case)
        return
    command = rng.choice(["vocab", "train", "eval", "predict", "predict"])
    words = _usual(case, command)
    for _ in range(rng.choice([1, 1, 2, 4])):
        name = rng.choice([*COMMANDS[command], *COMMANDS[command], "--nope", "--help", ""])
        value = rng.choice(SAFE)
        if name in FLAGS or name == "--help":
            words.append(name)
        elif name:
            words += rng.choice([[name, value], [name, value], [f"{name}={value}"], [name]])
        else:
            words.insert(rng.randrange(len(words) + 1), value)
    if rng.random() < 0.05:
        words[0] = rng.choice(VALUES)
    before = files()
    check(case, case.run(*words), before)


def _usual(case: Case, command: str) -> list[str]:
    """A command line that would do, or one with a hostile path."""
    odd = [case.rng.choice(SAFE) for _ in range(3)]
    is_odd = case.rng.random() < 0.3
    if command == "vocab":
        return ["vocab", "--data", odd[0] if is_odd else "train.tsv"]
    if command == "train":
        data, run = (odd[0], odd[1]) if is_odd else ("train.tsv", "new")
        return ["train", "--data", data, *SMALL, "--set", "train.epochs=1", "--run-dir", run]
    if command == "eval":
        return ["eval", *(odd[:2] if is_odd else ["run", "test.tsv"])]
    return ["predict", *(odd[: case.rng.choice([1, 2, 3])] if is_odd else ["run", "texts.txt"])]


def _environment(case: Case) -> None:
    """Variables of torchrun that no torchrun has set. A world of two that could be waited for is none of them."""
    rng = case.rng
    values = {name: rng.choice(NUMBERS) for name in VARIABLES}
    values["WORLD_SIZE"] = rng.choice(["1", "1", "0", "-1", "x", "", "1.5", "²", "9" * 5000])
    for name in rng.sample(VARIABLES, k=rng.choice([0, 0, 1, 3])):
        if name != "WORLD_SIZE":
            del values[name]
    if rng.random() < 0.3:
        values = {}
    for name in rng.sample(["GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "COLUMNS", "PYTHONIOENCODING", "LANG"], k=2):
        values[name] = rng.choice(NUMBERS)
    words = _usual(case, rng.choice(list(COMMANDS)))
    before = files()
    check(case, case.run(*words, environment=values), before)
