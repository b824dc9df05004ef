"""Hostile values for config keys, with --set and in config files."""

from __future__ import annotations

import json

from tests.attacks.case import Case
from tests.attacks.check import check, files
from tests.attacks.hostile import STRINGS, YAML_VALUES, mutate
from tests.attacks.small import SMALL
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


def attack(case: Case) -> None:
    case.copy("train.tsv")
    rng = case.rng
    command = rng.choice(["vocab", "vocab", "train early", "train", "eval"])
    keys = HARMLESS if command == "train" else list(known_keys())
    pairs = [(rng.choice(keys), _value(case)) for _ in range(rng.choice([1, 1, 2, 3]))]
    if command == "eval":
        pairs = [(key if key.startswith("data.") else rng.choice(["data.encoding", "data.format"]), value)
                 for key, value in pairs]  # fmt: skip
        case.copy("run")
        before = files()
        check(case, case.run("eval", "run", "train.tsv", *_options(pairs)), before)
        return
    words = _in_file(case, pairs) if rng.random() < 0.4 else _options(pairs)
    before = files()
    if command == "vocab":
        check(case, case.run("vocab", "--data", "train.tsv", *words), before)
    elif command == "train early":
        check(case, case.run("train", *words, "--set", "data.train=missing.tsv", "--run-dir", "new"), before)
    else:
        settings = ["--data", "train.tsv", *SMALL, "--set", "train.epochs=1", "--run-dir", "new"]
        check(case, case.run("train", *settings, *words), before)


def _value(case: Case) -> str:
    rng = case.rng
    value = rng.choice(YAML_VALUES) if rng.random() < 0.7 else json.dumps(rng.choice(STRINGS))
    if rng.random() < 0.1:
        value = rng.choice(STRINGS)
    if rng.random() < 0.1:
        value = mutate(rng, value.encode("utf-8", "replace"), 1)[0].decode("utf-8", "surrogateescape")
    return value


def _options(pairs: list[tuple[str, str]]) -> list[str]:
    """A NUL and half a character cannot stand on a command line."""
    options = []
    for key, value in pairs:
        word = f"{key}={value}".replace("\0", "")
        word = word.encode("utf-8", "backslashreplace").decode() if _is_half(word) else word
        options += ["--set", word[:100_000]]
    return options


def _is_half(word: str) -> bool:
    return any("\ud800" <= letter <= "\udc7f" or "\udd00" <= letter <= "\udfff" for letter in word)


def _in_file(case: Case, pairs: list[tuple[str, str]]) -> list[str]:
    sections: dict[str, list[str]] = {}
    for key, value in pairs:
        section, _, name = key.partition(".")
        sections.setdefault(section, []).append(f"  {name}: {value}\n")
    text = "".join(f"{section}:\n{''.join(lines)}" for section, lines in sections.items())
    case.note(f"config.yaml: {text[:300]!r}")
    with open("config.yaml", "wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape" if not _is_half(text) else "surrogatepass"))
    return ["--config", "config.yaml"]
