"""The keys of the config as parameters of a Python class: names, defaults, and a docstring in numpydoc's style."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from textrnn.config.config import MAIN_KEYS, PRESETS, Config, description
from textrnn.config.load import known_keys
from textrnn.config.schema import json_schema

_RENAMED = {"tokenizer.kind": "tokenizer", "train.seed": "random_state"}
_OF_FILES = (  # and most keys of `data`
    "model.pretrained", "tokenizer.user_dict", "train.save_minutes", "train.tensorboard",
)  # fmt: skip
_OF_DATA = ("data.max_length", "data.empty_texts", "data.dev_fraction")

# Parameter -> key, those that matter first, for a class that trains without files.
KEYS = {
    _RENAMED.get(key, key.rpartition(".")[2]): key
    for key in dict.fromkeys(("preset", *MAIN_KEYS, *known_keys()))
    if key not in _OF_FILES and (not key.startswith("data.") or key in _OF_DATA)
}
# Parameters whose default is "preset": the value that the preset gives to the key.
OF_PRESETS = {name for sections in PRESETS.values() for keys in sections.values() for name in keys}


def defaults() -> dict[str, Any]:
    """The default of each parameter."""
    values = {"preset": Config().preset, **known_keys()}
    return {name: "preset" if name in OF_PRESETS else values[key] for name, key in KEYS.items()}


def type_and_meaning(name: str) -> tuple[str, str]:
    """The type and the meaning of a parameter, in numpydoc's style and in Python's words."""
    section, _, key = KEYS[name].rpartition(".")
    properties = json_schema()["properties"]
    kind = _type((properties[section]["properties"] if section else properties)[key])
    words = {"null": "None"} | {key: name for name, key in KEYS.items()}
    meaning = re.sub(r"(?<=`)[\w.]+(?=`)", lambda word: words.get(word[0], word[0]), description(KEYS[name]))
    if name in OF_PRESETS:
        changed = (
            f"{sections[section][key]!r} with the preset `{preset}`"
            for preset, sections in PRESETS.items()
            if key in sections.get(section, {})
        )
        usual = Config().default(section, key)
        return f'{kind} or "preset"', f'{meaning} "preset" means {usual!r}, or {", or ".join(changed)}.'
    return kind, meaning


def docstring(
    summary: str, parameters: Mapping[str, tuple[str, str]], attributes: Mapping[str, tuple[str, str]]
) -> str:
    """A class's docstring. parameters, attributes: their types and meanings by name."""
    lines = [summary]
    for title, entries in (("Parameters", parameters), ("Attributes", attributes)):
        lines += ["", title, "-" * len(title)]
        for name, (kind, meaning) in entries.items():
            lines += [f"{name} : {kind}", *textwrap.wrap(meaning, 100, initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines) + "\n"


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        names = ", ".join(f'"{choice}"' for choice in schema["enum"] if choice is not None)
        return f"{{{names}}}" + " or None" * (None in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    kinds = {"integer": "int", "number": "float", "boolean": "bool", "null": "None", "object": "dict"}
    return kinds[schema["type"]]
