"""The reference of the config: every key with its default, its values and its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textrnn.config import MAIN_KEYS, PRESETS, description, known_keys
from textrnn.config.schema import in_yaml, json_schema

_PAGE = """\
<!-- Made by `python -m scripts.docs` from textrnn/config/; do not edit. -->
# Config

A config is a YAML file with the sections `data`, `tokenizer`, `vocab`, `model` and `train`. Every key except
`data.train` has a default. `--set section.key=value` sets any key on the command line; the value is read as YAML.
Paths are relative to the current folder; `~/` is the home folder. A key that has no effect, given the others (such as
`model.nonlinearity` with a GRU), causes a warning.

`textrnn config --config FILE` prints the config that `textrnn train` would use, with every key. `textrnn config
--schema > textrnn.schema.json` writes a JSON Schema, with which editors check and complete a config that names it in
its first line: `# yaml-language-server: $schema=textrnn.schema.json`. The configs in `configs/` do.

## Keys that matter first

{main}

## Other keys

{others}

## Presets

`preset` is a key above the sections; `--preset` on the command line replaces it.
{preset}
[Presets](../explanation/presets.md) explains them and compares their accuracy. They change these defaults:

{changed}
"""


def pages() -> dict[str, str]:
    keys = known_keys()
    other_keys: dict[str, list[str]] = {}
    for key in keys:
        if key not in MAIN_KEYS:
            other_keys.setdefault(key.partition(".")[0], []).append(key)
    return {
        "docs/reference/config.md": _PAGE.format(
            main=_table(MAIN_KEYS),
            others="\n\n".join(f"### {section}\n\n{_table(names)}" for section, names in other_keys.items()),
            preset=description("preset"),
            changed="\n".join(
                f"- `{preset}`: "
                + ", ".join(
                    f"`{section}.{key}: {in_yaml(value)}`"
                    for section, defaults in sections.items()
                    for key, value in defaults.items()
                )
                for preset, sections in PRESETS.items()
                if sections
            ),
        )
    }


def _table(keys: Iterable[str]) -> str:
    return "\n".join(["| key | default | values | meaning |", "|---|---|---|---|", *map(_row, keys)])


def _row(key: str) -> str:
    section, name = key.split(".")
    default = f"`{in_yaml(known_keys()[key])}`"
    for preset, sections in PRESETS.items():
        if name in sections.get(section, {}):
            default += f"; {preset}: `{in_yaml(sections[section][name])}`"
    values = _values(json_schema()["properties"][section]["properties"][name])
    return f"| `{key}` | {default} | {values} | {description(key)} |"


def _values(schema: dict[str, Any]) -> str:
    """The values that a schema accepts: choices, a range, or what they are called."""
    if "anyOf" in schema:
        *first, last = map(_values, schema["anyOf"])
        return f"{', '.join(first)} or {last}"
    if "enum" in schema:
        return ", ".join(f"`{in_yaml(choice)}`" for choice in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "title" in schema:
        return schema["title"]
    if schema["type"] in ("integer", "number"):
        return _range(schema)
    return {"boolean": "`true`, `false`", "null": "`null`"}[schema["type"]]


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    start = f"above {_number(schema['exclusiveMinimum'])}" if low is None else f"at least {_number(low)}"
    if "exclusiveMaximum" in schema:
        return f"{start}, below {_number(schema['exclusiveMaximum'])}"
    return start if high is None else f"{start}, at most {_number(high)}"


def _number(value: float) -> str:
    return f"{value:,}".removesuffix(".0") if value < 1e20 else f"{value:.0e}".replace("+", "")
