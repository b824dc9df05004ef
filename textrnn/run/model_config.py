"""A saved model's config.yaml: the version of its format, the keys that a model keeps, and what a missing one means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from textrnn.config import MODEL_FORMAT_KEY, Config, DataConfig, ModelConfig, read_yaml, to_yaml
from textrnn.errors import ConfigError, short
from textrnn.run.old_models import OldParts

# What a key that is missing means in a model saved in version 0 of the format, and what each later version changed or
# added. Saved models depend on each of them: append, and never change what is there.
#
# Version 0 is all that was saved before versions were recorded, while keys came and defaults changed. It was always
# saved with all keys that there were. So only the keys that came later can be missing; each of these has the value
# that stands for what the program did before it existed: no n-grams, attention that reads once, no linear path, commas
# in csv. There is no single value for all: the linear path, before it had a scale, multiplied by 8 and then by 6, of
# which 6 was kept.
DEFAULTS: list[dict[str, dict[str, Any]]] = [
    {
        "data": {
            "format": "auto",
            "text_column": None,
            "label_column": None,
            "label_names": None,
            "delimiter": ",",
            "encoding": "utf-8",
            "max_length": 512,
            "bad_rows": "error",
            "empty_texts": "keep",
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
            "rare_dim": None,
            "ngrams": 1,
            "ngram_dim": None,
            "ngram_buckets": 1 << 17,
            "linear_ngrams": None,
            "linear_buckets": 1 << 19,
            "linear_scale": 6.0,
        },
    },
    {"data": {"delimiter": None}, "model": {"ngrams": 2, "linear_ngrams": 2, "linear_scale": 4.0}},
    # n-grams and linear models are no longer hashed: the keys about them are gone. The vectors of n-grams have the size
    # of those of tokens.
    {"model": {"ngram_dim": None, "max_ngrams": 1 << 17, "linear": "mix"}},
    {"model": {"ngram_dim": 32}},
    {"model": {"rare_dim": 32, "ngram_dim": 16}},
    {"data": {"empty_texts": "skip"}},
]
FORMAT_VERSION = len(DEFAULTS) - 1  # that is written
TRAINED_ON_KEY, CLASS_SHARES_KEY = "trained_on", "class_shares"
HASHED = 1  # the last version in which n-grams were hashed
_NOT_KEPT = ("train", "dev", "test", "dev_fraction", "cache_dir")  # of `data`


def defaults_of(version: int) -> dict[str, dict[str, Any]]:
    """Section -> key -> the value that it has where a model of this version lacks it."""
    found: dict[str, dict[str, Any]] = {}
    for changes in DEFAULTS[: version + 1]:
        for section, keys in changes.items():
            found[section] = found.get(section, {}) | keys
    if version > HASHED:
        found["model"] = {key: value for key, value in found["model"].items() if key not in OldParts._fields}
    return found


def kept_keys(config: Config) -> dict[str, dict[str, Any]]:
    """Section -> key -> value of what a model keeps of the config that it was trained with."""
    tree = config.model_dump(include={"data", "tokenizer", "model"})
    for key in _NOT_KEPT:
        del tree["data"][key]
    return tree


def model_yaml(
    config: Config, *, embedding_dim: int, user_dict: str | None, trained_on: str, class_shares: Sequence[float] | None
) -> str:
    """The content of a model's config.yaml. user_dict: the name of its dictionary's file in the model's folder.
    trained_on: the format of its training texts, auto if there is none. class_shares: in the training texts, or
    None."""
    tree = kept_keys(config)
    if config.model.pretrained is not None:
        tree["model"].update(pretrained=None, rare_dim=None)
    tree["model"].update(freeze_embedding=False, embedding_dim=embedding_dim)
    tree["tokenizer"]["user_dict"] = user_dict
    about = {TRAINED_ON_KEY: trained_on, CLASS_SHARES_KEY: class_shares and list(class_shares)}
    return to_yaml({MODEL_FORMAT_KEY: FORMAT_VERSION, **about, **tree})


def saved_version(path: Path) -> int | None:
    """The version of the format in a model's config.yaml; None where the file is missing or does not tell."""
    try:
        version = read_yaml(path).get(MODEL_FORMAT_KEY)
    except ConfigError:
        return None
    return version if type(version) is int else None


class Description(NamedTuple):
    """A model's config.yaml: its sections with the defaults of its version where a key is missing, not yet checked; the
    format of the texts that it was trained on; the shares of the classes in them, not yet checked; and, of an old
    version, the keys that the config no longer has."""

    tree: dict[str, Any]
    trained_on: str
    class_shares: Any
    old: OldParts | None


def read_description(path: Path) -> Description:
    """Raises ConfigError where this program cannot know what the file means."""
    tree = read_yaml(path)
    version = tree.pop(MODEL_FORMAT_KEY, 0)
    trained_on, class_shares = tree.pop(TRAINED_ON_KEY, "auto"), tree.pop(CLASS_SHARES_KEY, None)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise ConfigError(
            f"{path}: {MODEL_FORMAT_KEY}: expected a whole number, 0 or larger, found {short(version)}; copy the file "
            f"again, or train again"
        )
    if version > FORMAT_VERSION:
        raise ConfigError(
            f"{path}: {MODEL_FORMAT_KEY}: saved by a newer textrnn in version {short(version)} of the format; this one "
            f"reads versions up to {FORMAT_VERSION}: upgrade textrnn"
        )
    for section, defaults in defaults_of(version).items():
        given = tree.get(section, {})
        if isinstance(given, dict):
            tree[section] = {**defaults, **given}
    _check_names(tree["model"], version, path)
    known = get_args(DataConfig.model_fields["format"].annotation)
    if trained_on not in known:
        raise ConfigError(f"{path}: {TRAINED_ON_KEY}: expected {', '.join(known)}, found {short(trained_on)}")
    old = _old_parts(tree["model"], path) if version <= HASHED and isinstance(tree["model"], dict) else None
    return Description(tree, str(trained_on), class_shares, old)


def _old_parts(model: dict[str, Any], path: Path) -> OldParts:
    """The keys that the config no longer has, taken out of `model`. Raises ConfigError."""
    values = {key: model.pop(key) for key in OldParts._fields}
    problems = [
        f"{path}: model.{key}: expected {expected}, found {short(values[key])}"
        for key, expected, low, high in (
            ("ngram_buckets", "a whole number from 1 to 16777216", 1, 1 << 24),
            ("linear_ngrams", "a whole number from 1 to 3, or null", 1, 3),
            ("linear_buckets", "a whole number from 1 to 16777216", 1, 1 << 24),
        )
        if not (type(values[key]) is int and low <= values[key] <= high)
        and not (key == "linear_ngrams" and values[key] is None)
    ]
    scale = values["linear_scale"]
    if type(scale) not in (int, float) or not 0 < scale < float("inf"):
        problems.append(f"{path}: model.linear_scale: expected a number larger than 0, found {short(scale)}")
    if problems:
        raise ConfigError("\n".join(problems))
    return OldParts(**values)


def _check_names(model: Any, version: int, path: Path) -> None:
    """Raises ConfigError, a line for each, where an architecture or cell is not one of this program's."""
    problems = []
    for key in ("architecture", "cell") if isinstance(model, dict) else ():
        known = get_args(ModelConfig.model_fields[key].annotation)
        if isinstance(model[key], str) and model[key] not in known:
            problems.append(
                f"{path}: model.{key}: this textrnn has no {short(model[key])} (saved in version {version} of the "
                f"format), only {', '.join(known)}; use the version of textrnn that saved it, or train again"
            )
    if problems:
        raise ConfigError("\n".join(problems))
