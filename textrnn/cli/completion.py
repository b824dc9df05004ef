"""Shell completion of runs, configs and keys of the config. Each function takes the beginning of a word."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

_LONGEST_DESCRIPTION = 60
_FIRST_SENTENCE = re.compile(r".*?[.](?= |$)", re.DOTALL)
_DEVICES = ("auto", "cpu", "cuda")


def first_sentence(text: str) -> str:
    match = _FIRST_SENTENCE.match(text)
    return match[0] if match else text


def short_description(text: str) -> str:
    """The first sentence, cut to fit beside what is completed."""
    return textwrap.shorten(first_sentence(text), _LONGEST_DESCRIPTION, placeholder=" ...")


def run_folders(incomplete: str) -> list[str]:
    """Folders of runs and models; if there are none, folders to look into."""
    return _paths(incomplete, _is_run_or_model)


def config_files(incomplete: str) -> list[str]:
    """YAML files; if there are none, folders to look into."""
    return _paths(incomplete, lambda path: path.endswith((".yaml", ".yml")) and os.path.isfile(path))


def device_names(incomplete: str) -> list[str]:
    return [name for name in _DEVICES if name.startswith(incomplete)]


def key_settings(incomplete: str) -> list[tuple[str, str]]:
    """`section.key=` for each key of the config, with its description. If a single key is left, also with its possible
    values or its default."""
    from textrnn.config import Config, description

    fields = {
        f"{name}.{key}": field
        for name, section in Config().sections()
        for key, field in type(section).model_fields.items()
        if f"{name}.{key}=".startswith(incomplete) or incomplete.startswith(f"{name}.{key}=")
    }
    completions = []
    for key, field in fields.items():
        completions.append((f"{key}=", short_description(description(key))))
        if len(fields) == 1:
            values = _choices(field.annotation) or [field.default]
            texts = (value if isinstance(value, str) else json.dumps(value) for value in values)
            completions += [(f"{key}={text}", "") for text in texts]
    return completions


def _choices(annotation: Any) -> list[Any]:
    """The values of a type that has few; none for another type."""
    if annotation is bool:
        return [True, False]
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return []


def _is_run_or_model(path: str) -> bool:
    # names as in run/folder.py, whose imports take longer than a reader of completions waits
    return any(os.path.isfile(os.path.join(path, name)) for name in ("environment.json", "labels.txt"))


def _paths(incomplete: str, matches: Callable[[str], bool]) -> list[str]:
    """The matching paths that begin like this, or lie in a folder that does; if there are none, these folders."""
    parent = incomplete[: len(incomplete) - len(os.path.basename(incomplete))]
    beginning = [path for path in _entries(parent) if path.startswith(incomplete)]
    paths = []
    for path in beginning:
        inside = [] if matches(os.path.expanduser(path)) else _entries(f"{path}/")
        paths += [name for name in (path, *inside) if matches(os.path.expanduser(name))]
    return paths or [f"{path}/" for path in beginning if os.path.isdir(os.path.expanduser(path))]


def _entries(folder: str) -> list[str]:
    """Paths of the files in a folder, without hidden ones; none if it cannot be read."""
    try:
        names = os.listdir(os.path.expanduser(folder) or ".")
    except OSError:
        return []
    return sorted(folder + name for name in names if not name.startswith("."))
