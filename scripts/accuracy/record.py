"""The record of every reading of a test set (docs/accuracy.jsonl), and what stands for a recipe in it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml

from scripts.bench.corpora import ROOT
from textrnn.config import Config

RECORD = ROOT / "docs" / "accuracy.jsonl"

# A recipe's name in the record is a digest of its config as YAML, with the keys named and ordered as they were when it
# was first recorded. So a key that moves or is renamed (add it to RENAMED) is no reason to read a test set again. Nor
# is a new key (add it to ADDED), where it has the value that stands for what the program did before. Any other key that
# is added or removed makes another recipe; where it changes nothing, a `same_as` line of the record says so.
ADDED = {"data.delimiter": None}  # key: value with which it is left out
RENAMED = {"train.embedding_lr_multiplier": "train.embedding_rate"}  # name today: name when first recorded
ORDER = {
    "data": "train dev test dev_fraction format text_column label_column label_names encoding max_length bad_rows "
    "cache_dir",
    "tokenizer": "kind lowercase normalize user_dict",
    "vocab": "min_count max_size",
    "model": "architecture cell nonlinearity embedding_dim hidden_size num_layers bidirectional dropout "
    "embedding_dropout pooling attention_hops fc_size pretrained freeze_embedding ngrams ngram_buckets linear_ngrams "
    "linear_buckets linear_scale",
    "train": "batch_size epochs learning_rate embedding_rate weight_decay schedule warmup grad_clip_norm accumulate "
    "label_smoothing adversarial_norm class_weights monitor patience seed precision tf32 save_minutes",
}


_ABSENT = object()


def recorded_yaml(config: Config) -> str:
    """The whole config, defaults included, as it was written when recipes were first recorded."""
    values = {
        RENAMED.get(f"{section}.{key}", f"{section}.{key}"): value
        for section, keys in config.model_dump().items()
        if section != "preset"  # all that it changes is stated
        for key, value in keys.items()
        if ADDED.get(f"{section}.{key}", _ABSENT) != value
    }
    known = [f"{section}.{key}" for section, keys in ORDER.items() for key in keys.split()]
    tree: dict[str, dict[str, Any]] = {}
    for name in [*(name for name in known if name in values), *sorted(values.keys() - set(known))]:
        section, key = name.split(".")
        tree.setdefault(section, {})[key] = values[name]
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


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
