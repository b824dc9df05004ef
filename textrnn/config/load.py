"""Reading a config: YAML, `--set a.b=v`, and messages that name every problem."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from textrnn.config.sections import Config
from textrnn.errors import ConfigError


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader takes the last of two equal keys in silence; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float, bool)) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            if isinstance(key, (str, int, float, bool)):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_config(path: Path | str | None, overrides: list[tuple[str, Any]] | None = None) -> Config:
    """Defaults < file < overrides, checked. Raises ConfigError that names every problem, a line each."""
    tree: dict[str, Any] = {} if path is None else read_yaml(path)
    for key, value in overrides or []:
        set_key(tree, key, value)
    return build_config(tree, origin=str(path), set_keys={key for key, _ in overrides or []})


def build_config(tree: dict[str, Any], origin: str, set_keys: Collection[str] = ()) -> Config:
    """Check a nested dict of config keys. Raises ConfigError, a line per key at fault, which begins with `origin`, or
    with --set for those of `set_keys`."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        problems: dict[str, list[Any]] = {}  # a key that takes several types has one for each
        for problem in error.errors():
            problems.setdefault(_dotted(problem["loc"]), []).append(problem)
        lines = [
            ("--set " if key in set_keys else f"{origin}: ") + _explain(key, found)
            for key, found in sorted(problems.items())
        ]
        raise ConfigError("\n".join(lines)) from None


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError with `file:line` where it is not one."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: the config cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: a config must be UTF-8; byte {error.start + 1} is not") from None
    try:
        tree = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, AttributeError) as error:  # yaml raises the last two for bad tagged values
        raise ConfigError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not a config: its values are nested too deeply") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a mapping with the sections {', '.join(Config.model_fields)} was expected")
    # `data:` with nothing below it is an empty section
    return {key: {} if value is None and key in Config.model_fields else value for key, value in tree.items()}


def parse_override(option: str) -> tuple[str, Any]:
    """`a.b=v` -> ("a.b", v read as YAML). Raises ValueError where the form is another."""
    key, equals, value = option.partition("=")
    if not equals or "." not in key:
        raise ValueError(f"expected SECTION.KEY=VALUE, found {option!r}; for example model.cell=lstm")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise ValueError(f"{key}: the value {value!r} is not valid YAML") from None


def set_key(tree: dict[str, Any], dotted: str, value: Any) -> None:
    """Set `section.key` in a nested dict. Raises ConfigError with the nearest key where there is none such."""
    known = known_keys()
    if dotted not in known:
        raise ConfigError(f"--set {dotted}: no such key{_nearest(dotted, known)}")
    section, key = dotted.split(".")
    if not isinstance(tree.get(section), dict):
        tree[section] = {}
    tree[section][key] = value


def known_keys() -> dict[str, Any]:
    """Every `section.key` with its default."""
    return {f"{section}.{key}": value for section, keys in Config().model_dump().items() for key, value in keys.items()}


def changed_keys(one: Config, other: Config) -> list[str]:
    """The dotted keys in which two configs differ."""
    a, b = one.model_dump(), other.model_dump()
    return [key for key in known_keys() if _value(a, key) != _value(b, key)]


def _value(tree: dict[str, Any], dotted: str) -> Any:
    section, key = dotted.split(".")
    return tree[section][key]


def _nearest(name: str, known: Any) -> str:
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else f"; known are: {', '.join(known)}"


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place[:2])


def _explain(key: str, problems: list[Any]) -> str:
    kinds, found = {problem["type"] for problem in problems}, min(problems, key=lambda item: len(item["loc"]))["input"]
    if kinds & {"extra_forbidden", "invalid_key"}:
        if "." not in key:
            return f"{key}: no such section{_nearest(key, Config.model_fields)}"
        return f"{key}: no such key{_nearest(key, known_keys())}"
    if "." not in key:
        return f"{key}: a section with keys was expected, found {found!r}"
    if "value_error" in kinds:
        return f"{key}: {problems[0]['msg'].removeprefix('Value error, ')} (found {found!r})"
    expected = dict.fromkeys(problem["msg"].removeprefix("Input should be ") for problem in problems)
    return f"{key}: expected {' or '.join(expected)}, found {found!r}"
