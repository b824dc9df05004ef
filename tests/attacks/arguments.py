"""Hostile command lines, hostile configs, and a malformed environment of several processes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import strategies as st
from typer.main import get_command

from tests.attacks.command import SMALL, attack
from tests.attacks.hostile import STRINGS, YAML_VALUES, Draw, edited, half, pick, rarely, sometimes
from tests.conftest import sets
from textrnn.cli import app
from textrnn.config import known_keys

USUAL = {
    "vocab": ["vocab", "--data", "train.tsv"],
    "train": ["train", "--data", "train.tsv", *SMALL, "--run-dir", "new"],
    "eval": ["eval", "run", "train.tsv"],
    "predict": ["predict", "run", "train.tsv"],
}
# Some are written to: no value leads out of the current folder. A command line has no NUL and no half a character.
VALUES = [
    "0", "-1", "2", "-" + "9" * 20, "1.5", "1e9", "true", "auto", "cpu", "cuda", "cuda:99", "cuda:" + "9" * 20,
    "cuda:-1", "cuda:", "cuda:²", "mps", "CPU", "---", "--help", "-x", "a.b", "a.b=", ".=", "data.train=",
    "data.nope=1", "model=1", "model.cell.x=1", ".cell=1", "model.=1", "model.cell=lstm", "vocab.min_count=2",
    "data.encoding=utf-16", "tsv", "jsonl", "text", "folder", "utf-16", "hex", "idna", "bfloat16", "test", "dev",
    "train", "./", "...tsv", ".tsv", ".gz", ".tsv.gz", "./train.tsv", "test.tsv/x", "train.tsv/", "*.tsv", "missing",
    "run", "run/", "run/model", "run/eval", "run/config.yaml", "two\nlines.tsv", "\x07", "é", "\u202e", "+1",
    os.fsdecode(b"\xed\xa0\x80.tsv"), os.fsdecode(b"a\xffb.yaml"), "n" * 255, "n" * 256, "n/" * 200 + "n",
    "n" * 100_000, "new", "new/deep/er", "config.yaml", "/dev/full", "/dev/stdin", "texts.txt",
    *(text for text in STRINGS if "\0" not in text and "\ud800" not in text),
]  # fmt: skip
COMMANDS = {
    name: {option: param.is_flag for param in command.params for option in param.opts if option.startswith("-")}
    for name, command in get_command(app).commands.items()
    if name in USUAL
}
VARIABLES = [
    "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_WAIT_POLICY", "COLUMNS", "LANG",
]  # fmt: skip
NUMBERS = [
    "", " ", "x", "-1", "0", "1", "1.5", "nan", "9" * 20, "9" * 5000, "²", "٣", "0x1", "\n", os.fsdecode(b"\xff"),
]  # fmt: skip


def attack_arguments(draw: Draw) -> None:
    command = pick(draw, COMMANDS)
    hostile = {"train.tsv": pick(draw, VALUES), "run": pick(draw, VALUES), "new": pick(draw, VALUES)}
    words = [hostile.get(word, word) for word in USUAL[command]] if draw(sometimes) else [*USUAL[command]]
    if draw(sometimes):
        # a world of two would be waited for
        world = {"WORLD_SIZE": pick(draw, ["1", "0", "-1", "x", "", "1.5", "²", "9" * 5000])}
        attack(*words, environment=draw(st.dictionaries(st.sampled_from(VARIABLES), st.sampled_from(NUMBERS))) | world)
        return
    for _ in range(draw(st.integers(1, 4))):
        name, value = pick(draw, [*COMMANDS[command], "--nope", "--help", ""]), pick(draw, VALUES)
        if not name:
            words.insert(draw(st.integers(0, len(words))), value)
        else:
            words += [name] if COMMANDS[command].get(name) else pick(draw, [[name, value], [f"{name}={value}"], [name]])
    if draw(rarely):
        words[0] = pick(draw, VALUES)
    attack(*words)


# Any value of these that is accepted still makes a small and short training.
HARMLESS = [
    "train.learning_rate", "train.embedding_lr_multiplier", "train.weight_decay", "train.schedule", "train.warmup",
    "train.grad_clip_norm", "train.label_smoothing", "train.adversarial_norm", "train.class_weights", "train.monitor",
    "train.seed", "train.precision", "train.save_minutes", "train.minutes", "model.dropout",
    "model.embedding_dropout", "model.pooling", "model.cell", "model.nonlinearity", "model.bidirectional",
    "data.dev_fraction", "data.max_length", "vocab.min_count", "vocab.max_size", "tokenizer.kind", "data.format",
    "data.text_column", "data.encoding", "data.weight_column",
]  # fmt: skip
_values = st.sampled_from(YAML_VALUES) | st.sampled_from(STRINGS).map(json.dumps) | st.sampled_from(STRINGS)


def attack_keys(draw: Draw) -> None:
    command = pick(draw, ["vocab", "train early", "train", "eval"])
    keys = {"train": HARMLESS, "eval": [key for key in known_keys() if key.startswith("data.")]}
    pair = st.tuples(st.sampled_from(keys.get(command, list(known_keys()))), _values)
    in_file = command != "eval" and draw(half)
    section = (lambda pair: pair[0].partition(".")[0]) if in_file else None
    pairs = draw(st.lists(pair, min_size=1, max_size=3, unique_by=section))
    if in_file:
        text = "".join("{}:\n  {}: {}\n".format(*key.split("."), value) for key, value in pairs)
        Path("config.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        words = ["--config", "config.yaml"]
    else:  # neither a NUL nor half a character can stand on a command line
        texts = [f"{key}={value}".replace("\0", "")[:100_000] for key, value in pairs]
        words = sets(*(text.encode("utf-8", "backslashreplace").decode() for text in texts))
    if command == "train early":
        attack("train", *words, "--set", "data.train=missing.tsv", "--run-dir", "new")
    else:
        attack(*USUAL[command], *words)


GOOD = """# a config
data:
  train: train.tsv
  max_length: 64
tokenizer: {kind: char, lowercase: true}
model:
  pooling: "max"
  hidden_size: 8
train:
  learning_rate: 1.0e-3
"""


def attack_yaml(draw: Draw) -> None:
    content = edited(draw, GOOD.encode()) if draw(half) else _special(draw)
    Path("config.yaml").write_bytes(content)
    words = ["train", "--set", "data.train=missing.tsv"] if draw(sometimes) else ["vocab"]
    attack(*words, "--config", "config.yaml")


def _special(draw: Draw) -> bytes:
    """Deep nesting, aliases that multiply, repeated keys, tags, values of other types, other encodings."""
    text = pick(draw, _SPECIAL).replace("VALUE", pick(draw, YAML_VALUES))
    for mark in ("[", "{a: ", "- ", "? ", "\n ", "!!seq [", "&a [", '"'):
        text = text.replace(f"REPEAT({mark})", mark * pick(draw, [1, 900, 20_000]) if mark in text else "")
    encoding = pick(draw, ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
    content = text.encode("utf-8", "replace").decode().encode(encoding, "replace")
    return edited(draw, content, 1) if draw(rarely) else content


_LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
_LAUGHING_KEYS = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}}}\n" for n in range(1, 40))
_MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 25))
_SPECIAL = [
    GOOD, "data: REPEAT([)", "data: {train: REPEAT([)", "data: REPEAT({a: )", "REPEAT(- )a", "REPEAT(? )a",
    "data:REPEAT(\n )train: train.tsv", "data: REPEAT(!!seq [)", "data: REPEAT(&a [)", 'data: REPEAT(")', _LAUGHS,
    _LAUGHS + "data: {train: *a39}\n", _LAUGHING_KEYS + "data: *a39\n", _LAUGHS.replace("a0", "data", 1),
    _MERGES + "data: *a24\n", "data: &d {train: train.tsv, dev: *d}", "data: &d [*d]", "&top {data: *top}",
    "&r data: {train: train.tsv}\n*r : {}", "data: {train: train.tsv}\ndata: {train: train.tsv}",
    "data: {<<: {train: train.tsv}, <<: {dev: VALUE}}", "x: &x {train: train.tsv}\ndata: {<<: *x, dev: VALUE}",
    "data:\n  <<: VALUE\n  train: train.tsv", "data:\n  train:\ttrain.tsv\n  dev: VALUE", "data:\n  train: a\x00",
    "---\ndata: {train: train.tsv}\n---\ndata: {}", "--- \n...\n", "%YAML 9.9\n---\ndata: {train: train.tsv}",
    "%YAML VALUE\n---\ndata: {}", "%TAG ! tag:x,2000:\n---\ndata: !y {train: train.tsv}", "VALUE", "VALUE: VALUE",
    "data: VALUE", "data: {VALUE: 1}", "data: {train: train.tsv}\nmodel: {cell: VALUE}\nvocab: VALUE",
    "? [data]\n: train", "? {data: 1}\n: train", "data: {1: 2, null: 3, true: 4, 2001-01-01: 5, 1.5: 6}",
    "data: !!binary VALUE", "data: {train: !!set {train.tsv}}", "data: {train: !!omap [a: train.tsv]}",
]  # fmt: skip
