"""Hostile configs: values of keys, with --set and in files, and files that are no good YAML."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

from tests.attacks.command import SMALL, attack
from tests.attacks.hostile import STRINGS, YAML_VALUES, Draw, edited, half, pick, rarely, sometimes
from textrnn.config.load import known_keys

# Any value of these that is accepted still makes a small and short training.
HARMLESS = [
    "train.learning_rate", "train.embedding_lr_multiplier", "train.weight_decay", "train.schedule", "train.warmup",
    "train.grad_clip_norm", "train.label_smoothing", "train.adversarial_norm", "train.class_weights", "train.monitor",
    "train.seed", "train.precision", "train.save_minutes", "model.dropout", "model.embedding_dropout", "model.pooling",
    "model.cell", "model.nonlinearity", "model.bidirectional", "data.dev_fraction",
    "data.max_length", "vocab.min_count", "vocab.max_size", "tokenizer.kind", "data.format", "data.text_column",
    "data.encoding",
]  # fmt: skip
_values = st.sampled_from(YAML_VALUES) | st.sampled_from(STRINGS).map(json.dumps) | st.sampled_from(STRINGS)


def attack_keys(draw: Draw) -> None:
    command = pick(draw, ["vocab", "train early", "train", "eval"])
    keys = {"train": HARMLESS, "eval": [key for key in known_keys() if key.startswith("data.")]}
    pairs = draw(st.lists(st.tuples(st.sampled_from(keys.get(command, list(known_keys()))), _values), min_size=1,
                          max_size=3))  # fmt: skip
    if command != "eval" and draw(half):
        sections: dict[str, str] = {}
        for key, value in pairs:
            section, _, name = key.partition(".")
            sections[section] = f"{sections.get(section, section + ':')}\n  {name}: {value}"
        Path("config.yaml").write_bytes("\n".join(sections.values()).encode("utf-8", "surrogatepass"))
        words = ["--config", "config.yaml"]
    else:  # neither a NUL nor half a character can stand on a command line
        texts = [f"{key}={value}".replace("\0", "")[:100_000] for key, value in pairs]
        words = [word for text in texts for word in ("--set", text.encode("utf-8", "backslashreplace").decode())]
    if command == "vocab":
        attack("vocab", "--data", "train.tsv", *words)
    elif command == "eval":
        attack("eval", "run", "train.tsv", *words)
    elif command == "train":
        attack("train", "--data", "train.tsv", *SMALL, "--run-dir", "new", *words)
    else:
        attack("train", *words, "--set", "data.train=missing.tsv", "--run-dir", "new")


GOOD = """# a config
data:
  train: train.tsv
  dev_fraction: 0.2
  bad_rows: skip
  max_length: 64
tokenizer: {kind: char, lowercase: true}
vocab:
  min_count: 1
  max_size: 500
model:
  cell: lstm
  hidden_size: 8
  pooling: "max"
train:
  epochs: 1
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
    _LAUGHS + "data: *a39\n", _LAUGHS + "data: {train: *a39}\n", _LAUGHING_KEYS + "data: *a39\n",
    _LAUGHS.replace("a0", "data", 1), _MERGES + "data: *a24\n", "data: &d {train: train.tsv, dev: *d}", "data: &d [*d]",
    "&r data: {train: train.tsv}\n*r : {}", "&top {data: *top}", "data: {train: train.tsv}\ndata: {train: train.tsv}",
    "data: {train: train.tsv, train: b}", "data: {<<: {train: train.tsv}, <<: {dev: VALUE}}",
    "x: &x {train: train.tsv}\ndata: {<<: *x, dev: VALUE}", "data:\n  <<: VALUE\n  train: train.tsv",
    "data:\n\ttrain: train.tsv", "data:\n  train:\ttrain.tsv\n  dev: VALUE", "data:\n  train: train.tsv\x00",
    "---\ndata: {train: train.tsv}\n---\ndata: {}", "--- \n...\n", "%YAML 9.9\n---\ndata: {train: train.tsv}",
    "%YAML VALUE\n---\ndata: {}", "%TAG ! tag:x,2000:\n---\ndata: !y {train: train.tsv}", "VALUE", "VALUE: VALUE",
    "data: VALUE", "data: {VALUE: 1}", "data: {train: train.tsv}\nmodel: {cell: VALUE}\nvocab: VALUE",
    "? [data]\n: train", "? {data: 1}\n: train", "data:\n  ? [train]\n  : x",
    "1: 2\nnull: 3\ntrue: 4\n2001-01-01: 5\n1.5: 6", "data: {1: 2, null: 3, true: 4, 2001-01-01: 5, 1.5: 6}",
    "data: !!binary VALUE", "data: {train: !!binary aGk=}", "data: {train: !!set {train.tsv}}",
    "data: {train: !!omap [a: train.tsv]}",
]  # fmt: skip
