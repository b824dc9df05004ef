"""In what the configs of runs differ, as they took effect: presets and defaults included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textrnn.config import SECTIONS, Config, known_keys, read_yaml
from textrnn.run.environment import load_environment
from textrnn.run.folder import RunFolder
from textrnn.run.history import read_history

_LEFT_OUT = ("data.cache_dir", "train.save_minutes")  # no result depends on them


def effective_values(run: Path, model: Config, networks: int, *, is_run: bool) -> dict[str, Any]:
    """Dotted key -> value. model: the config that the model was saved with, which fills in what the run's lacks; a
    model's folder knows no more. networks: that the model has. Raises ConfigError.
    """
    values: dict[str, Any] = {"networks": networks}
    of_model = model.model_dump(include={"data", "tokenizer", "model"})
    values |= {f"{section}.{key}": value for section, keys in of_model.items() for key, value in keys.items()}
    if not is_run:  # where the texts were, and how they were divided
        for key in ("train", "dev", "test", "dev_fraction"):
            del values[f"data.{key}"]
    else:
        tree = read_yaml(run / "config.yaml")
        if "preset" in tree:
            values["preset"] = tree["preset"]
        for section in SECTIONS:
            keys = tree.get(section)
            values |= {f"{section}.{key}": value for key, value in keys.items()} if isinstance(keys, dict) else {}
        _say_what_auto_was(values, RunFolder(run))
    values["model.embedding_dim"] = model.model.embedding_dim  # null is a number by then,
    values["model.rare_dim"] = model.model.rare_dim  # and a number is null where vectors are given
    for key in _LEFT_OUT:
        values.pop(key, None)
    return values


def _say_what_auto_was(values: dict[str, Any], run: RunFolder) -> None:
    """`auto` depends on the number of texts: what it came to is in the history."""
    history = [record for record in read_history(run.history) if record["epoch"] > 0]
    own = [record for record in history if "fold" in record] or history
    if own:
        epochs = max(record["epoch"] for record in own)
        steps = round(own[0]["step"] / own[0]["epoch"])
        for key, came_to in (("epochs", f"{epochs} trained"), ("batch_size", f"{steps} steps an epoch")):
            if values.get(f"train.{key}") == "auto":
                values[f"train.{key}"] = f"auto ({came_to})"


def config_differences(values: list[dict[str, Any]], digests: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The keys whose values differ, with the value of each run, in the order of the config. A key that some of them do
    not have, since they are of another version or models without their run, says nothing.

    digests: of each run, key -> sha256 of the content of a file that the key names. Two paths of the same content are
    the same; one path whose content has changed is not.
    """
    found = []
    for key in sorted(set.intersection(*map(set, values)), key=_place):
        shown = [each[key] for each in values]
        contents = [each.get(key) for each in digests]
        if all(contents):
            if len(set(contents)) == 1:
                continue
            if all(value == shown[0] for value in shown):
                shown = [
                    f"{_path(value)} (sha256 {str(content)[:12]})"
                    for value, content in zip(shown, contents, strict=True)
                ]
        if any(value != shown[0] for value in shown):
            found.append({"key": key, "values": shown})
    return found


def saved_digests(run: Path, *, is_run: bool) -> dict[str, str]:
    """Config key -> sha256 of the content of the files that it names, as they were when the run began."""
    return load_environment(RunFolder(run).environment).get("data_sha256", {}) if is_run else {}


def _path(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_ORDER = ["preset", "networks", *known_keys()]


def _place(key: str) -> tuple[int, str]:
    """Keys of other versions stand last."""
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)
