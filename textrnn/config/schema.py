"""The config as a JSON Schema, with which editors check and complete a YAML file."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from textrnn.config.config import PRESETS, Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # it would repeat the name of the key

    def literal_schema(self, schema: Any) -> dict[str, Any]:
        """All choices are strings. (Versions of pydantic differ in this.)"""
        choices = schema["expected"]
        return {"type": "string"} | ({"const": choices[0]} if len(choices) == 1 else {"enum": choices})


@cache  # the estimator and the reference ask for it at every key
def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a config file. It accepts what `load_config` accepts, with three exceptions:
    it takes any name of an encoding, and a network with the preset `linear`; it refuses a number or a boolean that is
    written as another type ("64", 1)."""
    properties = {"preset": Config.model_json_schema(schema_generator=_Generator)["properties"]["preset"]}
    for name, section in Config().sections():
        keys = type(section).model_json_schema(schema_generator=_Generator)["properties"]
        for preset, sections in PRESETS.items():
            for key, default in sections.get(name, {}).items():
                keys[key]["description"] += f" With `preset: {preset}` the default is `{in_yaml(default)}`."
        properties[name] = _mapping(keys)
    return {"$schema": DIALECT, "title": "The config of textrnn", **_mapping(properties)}


def in_yaml(value: Any) -> str:
    """A default or a choice, as one writes it in YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def _mapping(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
