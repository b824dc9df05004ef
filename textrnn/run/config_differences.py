"""Differences between the effective configs of runs, presets and defaults included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textrnn.config import SECTIONS, Config, known_keys, read_yaml
from textrnn.run.environment import load_environment
from textrnn.run.folder import RunFolder
from textrnn.run.history import read_history

_LEFT_OUT = ("data.cache_dir", "train.save_minutes")  # no result depends on them
_OF_A_RUN = ("data.train", "data.dev", "data.test", "data.dev_fraction")  # where the texts were, and their division
_ORDER = ["preset", "networks", *known_keys()]


def effective_values(run: Path, model: Config, networks: int, *, is_run: bool) -> dict[str, Any]:
    """Dotted key -> value. model: the config saved with the model, which fills in keys that the run's config lacks; a
    model without a run has no other. networks: the number of networks of the model. Raises ConfigError."""
    saved = model.model_dump(include={"data", "tokenizer", "model"})
    tree = read_yaml(run / "config.yaml") if is_run else {}
    values: dict[str, Any] = {"networks": networks} | ({"preset": tree["preset"]} if "preset" in tree else {})
    for section in SECTIONS:
        given = tree.get(section)
        keys = saved.get(section, {}) | (given if isinstance(given, dict) else {})
        values |= {f"{section}.{key}": value for key, value in keys.items()}
    if is_run:
        _explain_auto(values, RunFolder(run))
    values["model.embedding_dim"] = model.model.embedding_dim  # null is a number by then,
    values["model.rare_dim"] = model.model.rare_dim  # and a number is null if vectors are given
    for key in _LEFT_OUT if is_run else (*_LEFT_OUT, *_OF_A_RUN):
        values.pop(key, None)
    return values


def _explain_auto(values: dict[str, Any], run: RunFolder) -> None:
    """`auto` depends on the number of texts: the history has the values that it took."""
    history = [record for record in read_history(run.history) if record["epoch"] > 0]
    own = [record for record in history if "fold" in record] or history
    if own:
        epochs = max(record["epoch"] for record in own)
        steps = round(own[0]["step"] / own[0]["epoch"])
        for key, meaning in (("epochs", f"{epochs} trained"), ("batch_size", f"{steps} steps an epoch")):
            if values.get(f"train.{key}") == "auto":
                values[f"train.{key}"] = f"auto ({meaning})"


def config_differences(values: list[dict[str, Any]], digests: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The keys whose values differ, with the value of each run, in the order of the config. Keys that some runs lack,
    since they are of another version or models without their run, are left out.

    digests: for each run, key -> sha256 of the content of a file that the key names. Two paths of the same content are
    equal; one path whose content has changed is not.
    """
    differences = []
    for key in sorted(set.intersection(*map(set, values)), key=_place):
        shown = [run[key] for run in values]
        contents = [run[key] for run in digests if run.get(key)]
        if len(contents) == len(values):
            if len(set(contents)) == 1:
                continue
            if all(value == shown[0] for value in shown):
                path = ", ".join(shown[0]) if isinstance(shown[0], list) else shown[0]
                shown = [f"{path} (sha256 {content[:12]})" for content in contents]
        if any(value != shown[0] for value in shown):
            differences.append({"key": key, "values": shown})
    return differences


def saved_digests(run: Path, *, is_run: bool) -> dict[str, str]:
    """Config key -> sha256 of the content of the files that it names, as they were when the run began."""
    return load_environment(RunFolder(run).environment).get("data_sha256", {}) if is_run else {}


def _place(key: str) -> tuple[int, str]:
    """Keys of other versions come last."""
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)
