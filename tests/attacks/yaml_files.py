"""Config files with broken bytes, deep nesting, aliases that multiply, repeated keys and other encodings."""

from __future__ import annotations

from pathlib import Path

from tests.attacks.case import Case
from tests.attacks.check import check, files
from tests.attacks.hostile import YAML_VALUES, mutate

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


def attack(case: Case) -> None:
    case.copy("train.tsv")
    content = _content(case)
    Path("config.yaml").write_bytes(content)
    before = files()
    if case.rng.random() < 0.8:
        ended = case.run("vocab", "--config", "config.yaml")
    else:
        ended = case.run("train", "--config", "config.yaml", "--set", "data.train=missing.tsv")
    check(case, ended, before)


def _content(case: Case) -> bytes:
    rng = case.rng
    if rng.random() < 0.6:
        content, what = mutate(rng, GOOD.encode(), rng.choice([1, 2, 5]))
        case.note(what)
        return content
    text, what = rng.choice(_SPECIAL)
    value, depth = rng.choice(YAML_VALUES), rng.choice([1, 100, 900, 3000, 20_000])
    case.note(f"{what}, depth {depth}, value {value[:100]!r}")
    text = text.replace("DEPTH", str(depth)).replace("VALUE", value)
    for mark in ("[", "{a: ", "- ", "? ", "\n ", "!!seq [", "&a [", "(", '"'):
        text = text.replace(f"REPEAT({mark})", mark * depth)
    content = text.encode("utf-8", "surrogatepass")
    encoding = rng.choice(["", "", "", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
    if encoding:
        case.note(encoding)
        content = text.encode("utf-8", "replace").decode().encode(encoding, "replace")
    return mutate(rng, content, 1)[0] if rng.random() < 0.2 else content


_LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
_LAUGHING_KEYS = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}}}\n" for n in range(1, 40))
_MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 25))
_SPECIAL = [
    (GOOD, "good"),
    ("data: REPEAT([)", "open lists"),
    ("data: {train: REPEAT([)", "open lists in a value"),
    ("data: REPEAT({a: )", "open mappings"),
    ("REPEAT(- )a", "nested lists"),
    ("REPEAT(? )a", "nested keys"),
    ("data:REPEAT(\n )train: train.tsv", "indented lines"),
    ("data: REPEAT(!!seq [)", "nested tags"),
    ("data: REPEAT(&a [)", "nested anchors"),
    ('data: REPEAT(")', "quotes"),
    (_LAUGHS, "aliases that multiply"),
    (_LAUGHS + "data: *a39\n", "a section of aliases"),
    (_LAUGHS + "data: {train: *a39}\n", "a value of aliases"),
    (_LAUGHING_KEYS + "data: *a39\n", "mappings that multiply"),
    (_LAUGHS.replace("a0", "data", 1), "a section with an anchor"),
    (_MERGES + "data: *a24\n", "merges that multiply"),
    ("data: &d {train: train.tsv, dev: *d}", "a mapping in itself"),
    ("data: &d [*d]", "a list in itself"),
    ("&r data: {train: train.tsv}\n*r : {}", "an alias as a key"),
    ("&top {data: *top}", "a config in itself"),
    ("data: {train: train.tsv}\ndata: {train: train.tsv}", "a section twice"),
    ("data: {train: train.tsv, train: b}", "a key twice"),
    ("data: {<<: {train: train.tsv}, <<: {dev: VALUE}}", "two merges"),
    ("x: &x {train: train.tsv}\ndata: {<<: *x, dev: VALUE}", "a merge"),
    ("data:\n  <<: VALUE\n  train: train.tsv", "a merge of a value"),
    ("data:\n\ttrain: train.tsv", "a tab"),
    ("data:\n  train:\ttrain.tsv\n  dev: VALUE", "a tab in a value"),
    ("data:\n  train: train.tsv\x00", "a NUL"),
    ("---\ndata: {train: train.tsv}\n---\ndata: {}", "two documents"),
    ("--- \n...\n", "an empty document"),
    ("%YAML 9.9\n---\ndata: {train: train.tsv}", "another version"),
    ("%YAML VALUE\n---\ndata: {}", "a version"),
    ("%TAG ! tag:x,2000:\n---\ndata: !y {train: train.tsv}", "a tag"),
    ("VALUE", "a value"),
    ("VALUE: VALUE", "a value and key"),
    ("data: VALUE", "a section"),
    ("data: {VALUE: 1}", "a key"),
    ("data: {train: train.tsv}\nmodel: {cell: VALUE}\nvocab: VALUE", "values"),
    ("? [data]\n: train", "a list as key"),
    ("? {data: 1}\n: train", "a mapping as key"),
    ("data:\n  ? [train]\n  : x", "a list as key of a section"),
    ("1: 2\nnull: 3\ntrue: 4\n2001-01-01: 5\n1.5: 6", "keys of other types"),
    ("data: {1: 2, null: 3, true: 4, 2001-01-01: 5, 1.5: 6}", "keys of other types in a section"),
    ("data: !!binary VALUE", "bytes"),
    ("data: {train: !!binary aGk=}", "bytes in a value"),
    ("data: {train: !!set {train.tsv}}", "a set"),
    ("data: {train: !!omap [a: train.tsv]}", "an ordered mapping"),
]
