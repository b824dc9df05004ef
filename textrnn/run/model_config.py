"""A saved model's config.yaml: the version of its format, the keys that it keeps, and the values of missing keys."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from textrnn.config import MODEL_FORMAT_KEY, Config, DataConfig, read_yaml, to_yaml
from textrnn.errors import ConfigError, short

# Version of the format -> the values of keys that a model saved in it lacks: for the first version that is read, every
# key; for each later one, the keys that it added or whose default it changed. Saved models depend on all of them: only
# append, and never change an entry.
DEFAULTS: dict[int, dict[str, dict[str, Any]]] = {
    5: {
        "data": {
            "format": "auto",
            "text_column": None,
            "label_column": None,
            "label_names": None,
            "delimiter": None,
            "encoding": "utf-8",
            "max_length": 512,
            "bad_rows": "error",
            "empty_texts": "skip",
        },
        "tokenizer": {"kind": "char", "lowercase": True, "normalize": True, "user_dict": None},
        "model": {
            "architecture": "textrnn",
            "cell": "gru",
            "nonlinearity": "tanh",
            "embedding_dim": None,
            "hidden_size": 96,
            "num_layers": 1,
            "bidirectional": True,
            "dropout": 0.5,
            "embedding_dropout": 0.5,
            "pooling": "max",
            "attention_hops": 1,
            "fc_size": None,
            "pretrained": None,
            "freeze_embedding": False,
            "rare_dim": 32,
            "ngrams": 2,
            "ngram_dim": 16,
            "max_ngrams": 1 << 17,
            "linear": "mix",
        },
    },
    6: {"model": {"cell": "lstm", "hidden_size": 64}},
}
FIRST_VERSION, FORMAT_VERSION = min(DEFAULTS), max(DEFAULTS)  # all from the first on are read, the last is written
TRAINED_ON_KEY, CLASS_SHARES_KEY = "trained_on", "class_shares"
_NOT_KEPT = ("train", "dev", "test", "unlabelled", "dev_fraction", "weight_column", "cache_dir")  # of `data`


def defaults_of(version: int) -> dict[str, dict[str, Any]]:
    """Section -> key -> the value of a key that a model of this version lacks."""
    defaults: dict[str, dict[str, Any]] = {}
    for number in range(FIRST_VERSION, version + 1):
        for section, keys in DEFAULTS[number].items():
            defaults[section] = defaults.get(section, {}) | keys
    return defaults


def kept_keys(config: Config) -> dict[str, dict[str, Any]]:
    """Section -> key -> value: the part of its training config that a model keeps."""
    tree = config.model_dump(include={"data", "tokenizer", "model"})
    for key in _NOT_KEPT:
        del tree["data"][key]
    return tree


def model_yaml(
    config: Config, embedding_dim: int | None, user_dict: str | None, trained_on: str,
    class_shares: Sequence[float] | None,
) -> str:  # fmt: skip
    """The content of a model's config.yaml. user_dict: the name of the dictionary's file in the model's folder.
    trained_on: the format of the training texts, auto if there is none. class_shares: those of the training texts."""
    tree = kept_keys(config)
    if config.model.pretrained is not None:
        tree["model"].update(pretrained=None, rare_dim=None)
    tree["model"].update(freeze_embedding=False, embedding_dim=embedding_dim)
    tree["tokenizer"]["user_dict"] = user_dict
    about = {TRAINED_ON_KEY: trained_on, CLASS_SHARES_KEY: class_shares and list(class_shares)}
    return to_yaml({MODEL_FORMAT_KEY: FORMAT_VERSION, **about, **tree})


def saved_version(path: Path) -> int | None:
    """The version of the format in a model's config.yaml; None if the file is missing or has no version."""
    with contextlib.suppress(ConfigError):
        version = read_yaml(path).get(MODEL_FORMAT_KEY)
        return version if type(version) is int else None
    return None


def read_description(path: Path) -> tuple[dict[str, Any], str, Any]:
    """The sections of a model's config.yaml, completed by the defaults of its version, the format of the training texts
    and the class shares; sections and shares are not yet checked. Raises ConfigError if this program does not know the
    version."""
    tree = read_yaml(path)
    version = tree.pop(MODEL_FORMAT_KEY, None)
    trained_on, class_shares = tree.pop(TRAINED_ON_KEY, "auto"), tree.pop(CLASS_SHARES_KEY, None)
    problem = None
    if type(version) is not int:
        problem = f"expected a whole number, found {short(version)}; copy the file again, or train again"
    elif version < FIRST_VERSION:
        problem = (
            f"saved in version {short(version)} of the format; this textrnn reads versions from {FIRST_VERSION} on: "
            f"train again"
        )
    elif version > FORMAT_VERSION:
        problem = (
            f"saved by a newer textrnn in version {short(version)} of the format; this one reads versions up to "
            f"{FORMAT_VERSION}: upgrade textrnn"
        )
    if problem is not None:
        raise ConfigError(f"{path}: {MODEL_FORMAT_KEY}: {problem}")
    for section, defaults in defaults_of(version).items():
        given = tree.get(section, {})
        if isinstance(given, dict):
            tree[section] = {**defaults, **given}
    known = get_args(DataConfig.model_fields["format"].annotation)
    if trained_on not in known:
        raise ConfigError(f"{path}: {TRAINED_ON_KEY}: expected {', '.join(known)}, found {short(trained_on)}")
    return tree, str(trained_on), class_shares
