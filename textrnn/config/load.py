"""Reading a config: YAML, `--set a.b=v`, and messages that name every problem."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from textrnn.config.aliases import key_by_alias, why_there_is_no_key
from textrnn.config.config import PRESETS, SECTIONS, Config
from textrnn.errors import ConfigError, short

CACHE_DIR = "TEXTRNN_CACHE_DIR"  # the environment variable with the default of data.cache_dir
MODEL_FORMAT_KEY = "format_version"  # in a saved model's config.yaml, beside the sections; in no other config
_PROBLEMS_SHOWN = 20
_NEAR, _NEAR_SECTION = 0.7, 0.6  # least ratio of difflib for a suggestion
_CONSTRUCTION_ERRORS = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError)


class _InvalidYaml(Exception):
    """Its arguments are the line and the reason."""


class _Loader(yaml.SafeLoader):
    """SafeLoader, but two equal keys are an error, of which SafeLoader silently takes the last one; so is a scalar that
    does not fit its tag, such as `!!int x`, for which SafeLoader raises errors of all kinds."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge the mappings that `<<` names. Each key is kept once: mappings that merge each other would double
        again and again."""
        explicit: set[Any] = set()
        for key_node, _ in node.value:
            key = self._plain_key(key_node)
            if key in explicit and key is not None:
                problem = f"the key {short(key)} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            explicit.add(key)
        super().flatten_mapping(node)
        last: dict[Any, Any] = {}
        for number, pair in enumerate(node.value):
            key = self._plain_key(pair[0])
            last[("", number) if key is None else key] = pair
        node.value = list(last.values())

    def _plain_key(self, node: yaml.Node) -> str | int | float | bool | None:
        if node.tag == "tag:yaml.org,2002:merge":
            return None
        key = self.construct_object(node, deep=True)
        return key if isinstance(key, (str, int, float, bool)) else None

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _CONSTRUCTION_ERRORS:
            kind = node.tag.rpartition(":")[2]
            problem = f"{short(node.value)} is not a valid {kind}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


def _parse(text: str) -> Any:
    """The value of a YAML text. Raises _InvalidYaml."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        reason = f"the character U+{ord(text[error.position]):04X} is not allowed"
        raise _InvalidYaml(text.count("\n", 0, error.position) + 1, reason) from None
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark or loader).line + 1
        raise _InvalidYaml(line, str(error.problem or error.context)[:200]) from None
    except RecursionError:
        raise _InvalidYaml(loader.line + 1, "it is nested too deeply") from None
    except _CONSTRUCTION_ERRORS as error:  # an escape such as "\\UFFFFFFFF", which the scanner does not expect
        raise _InvalidYaml(loader.line + 1, str(error)) from None


def load_config(
    path: Path | str | None, overrides: Sequence[tuple[str, Any]] = (), preset: str | None = None
) -> Config:
    """The checked config: defaults of the preset < TEXTRNN_CACHE_DIR < file < overrides. preset: instead of the file's.
    Raises ConfigError, a line per problem."""
    tree: dict[str, Any] = {} if path is None else read_yaml(path)
    if preset is not None:
        _drop_preset_defaults(tree, preset)
        tree["preset"] = preset
    problems = []
    for key, value in overrides:
        try:
            set_key(tree, key, value)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return build_config(tree, origin=str(path), set_keys={key for key, _ in overrides})


def _drop_preset_defaults(tree: dict[str, Any], preset: str) -> None:
    """If every key is stated, as in the config.yaml of a run, which does not show what its user stated: remove the keys
    that presets decide and that have the value of the tree's own preset. preset: the one that replaces it."""
    own = tree.get("preset")
    defaults = Config(preset=own if isinstance(own, str) and own in PRESETS else "best")
    for name, section in defaults.sections():
        if not isinstance(tree.get(name), dict) or not tree[name].keys() >= type(section).model_fields.keys():
            return
    for dotted in {f"{name}.{key}" for sections in PRESETS.values() for name, keys in sections.items() for key in keys}:
        section_name, key = dotted.split(".")
        if tree[section_name][key] == defaults.default(section_name, key):
            del tree[section_name][key]
    if preset == "linear":
        tree["train"].pop("precision", None)  # what `auto` meant for the network of the run


def build_config(tree: dict[str, Any], origin: str, set_keys: Collection[str] = ()) -> Config:
    """Check a nested dict of config keys; TEXTRNN_CACHE_DIR is the default of data.cache_dir. Raises ConfigError, a
    line per key at fault, which begins with `origin`, or with --set for those of `set_keys`."""
    data, cache_dir = tree.get("data", {}), os.environ.get(CACHE_DIR)
    if cache_dir and isinstance(data, dict):
        tree = tree | {"data": {"cache_dir": cache_dir} | data}
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        problems: dict[str, list[Any]] = {}  # a key that takes several types has one for each
        for problem in error.errors():
            dotted = ".".join(_shown(str(part)) for part in problem["loc"][:2])
            problems.setdefault(dotted, []).append(problem)
        if MODEL_FORMAT_KEY in problems:  # then its other keys are of no interest
            problems = {MODEL_FORMAT_KEY: problems[MODEL_FORMAT_KEY]}
        lines = [
            ("--set " if key in set_keys else f"{origin}: ") + _explain(key, errors)
            for key, errors in sorted(problems.items())
        ]
        if len(lines) > _PROBLEMS_SHOWN:
            lines[_PROBLEMS_SHOWN:] = [f"{origin}: {len(lines) - _PROBLEMS_SHOWN:,} more problems like these"]
        raise ConfigError("\n".join(lines)) from None
    if config.preset == "linear" and config.model.has_network:
        key, start = "model.linear", "--set " if "model.linear" in set_keys else f"{origin}: "
        raise ConfigError(
            f"{start}{key}: {config.model.linear} was found, but the preset linear has no network; leave the key out, "
            f"or take another preset"
        )
    return config


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError with `file:line`."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: the config cannot be read: {error.strerror}{_similar_file(Path(path))}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: a config must be UTF-8; byte {error.start + 1} is not") from None
    try:
        tree = _parse(text)
    except _InvalidYaml as error:
        line, reason = error.args
        raise ConfigError(f"{path}:{line}: not valid YAML: {reason}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a mapping with the sections {', '.join(SECTIONS)} was expected")
    # `data:` with nothing below it is an empty section
    return {key: {} if value is None and key in SECTIONS else value for key, value in tree.items()}


def parse_override(option: str) -> tuple[str, Any]:
    """`a.b=v` -> ("a.b", v read as YAML). Raises ValueError."""
    key, equals, value = option.partition("=")
    if not equals or "." not in key:
        hint = "for example model.cell=lstm"
        if equals and key.strip() == "preset":
            hint = "`train` takes a preset as --preset"
        elif equals and (meant := key_by_alias(key, known_keys())):
            hint = f"did you mean {meant}={_shown(value)}?"
        elif equals:
            hint = why_there_is_no_key(key) or hint
        raise ValueError(f"expected SECTION.KEY=VALUE, found {short(option)}; {hint}")
    try:
        return key.strip(), _parse(value)
    except _InvalidYaml as error:
        hint = f"; to give it as text, quote it twice: '{key}=\"{value}\"'" if len(value) == 1 and value != '"' else ""
        raise ValueError(f"{_shown(key)}: the value {short(value)} is not valid YAML: {error.args[1]}{hint}") from None


def _hint(name: str) -> str:
    """A suggestion for an unknown `section.key`: the key with this alias or the nearest one, why there is none, or the
    keys of the section."""
    if key := key_by_alias(name, known_keys()):
        return f"; did you mean {key}?"
    if reason := why_there_is_no_key(name):
        return f"; {reason}"
    section, _, bare = name.partition(".")
    if section not in SECTIONS:
        return _nearest_section(section)
    keys = [key.partition(".")[2] for key in known_keys() if key.startswith(f"{section}.")]
    match = difflib.get_close_matches(bare, keys, n=1, cutoff=_NEAR)
    return f"; did you mean {section}.{match[0]}?" if match else f"; the keys of {section} are: {', '.join(keys)}"


def _similar_file(path: Path) -> str:
    names = [file.name for file in path.parent.glob("*.y*ml") if file.name != path.name]
    match = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.with_name(match[0])}?" if match else ""


def set_key(tree: dict[str, Any], dotted: str, value: Any) -> None:
    """Set `section.key` in a nested dict. Raises ConfigError, which names the nearest key, for an unknown one."""
    if dotted not in known_keys():
        raise ConfigError(f"--set {_shown(dotted)}: no such key{_hint(dotted)}")
    section, key = dotted.split(".")
    if not isinstance(tree.get(section), dict):
        tree[section] = {}
    tree[section][key] = value


def known_keys() -> dict[str, Any]:
    """Every `section.key` with its default."""
    tree = Config().model_dump()
    return {f"{section}.{key}": value for section in SECTIONS for key, value in tree[section].items()}


def changed_keys(one: Config, other: Config) -> list[str]:
    """The dotted keys in which two configs differ."""
    tree = other.model_dump()
    return [f"{name}.{key}" for name, section in one.sections() for key, value in section if value != tree[name][key]]


def _nearest_section(name: str) -> str:
    match = difflib.get_close_matches(name, Config.model_fields, n=1, cutoff=_NEAR_SECTION)
    return f"; did you mean {match[0]}?" if match else f"; known are: {', '.join(Config.model_fields)}"


def _shown(name: str) -> str:
    """A key as it is, or quoted and cut if it does not fit into a message."""
    return name if name.isprintable() and len(name) <= 80 else short(name)


def _explain(key: str, problems: list[Any]) -> str:
    kinds = {problem["type"] for problem in problems}
    value = min(problems, key=lambda problem: len(problem["loc"]))["input"]
    if key == MODEL_FORMAT_KEY:
        return (
            f"{key}: this file describes a saved model; the config to train with is RUN/config.yaml, in the folder "
            f"above RUN/model"
        )
    if kinds & {"extra_forbidden", "invalid_key"}:
        if "." not in key:
            is_section = isinstance(value, dict) and why_there_is_no_key(key) is None
            return f"{key}: no such section{_nearest_section(key) if is_section else _hint(key)}"
        return f"{key}: no such key{_hint(key)}"
    if key in SECTIONS:
        return f"{key}: a section with keys was expected, found {short(value)}"
    if "value_error" in kinds:
        return f"{key}: {problems[0]['msg'].removeprefix('Value error, ')} (found {short(value)})"
    expected = dict.fromkeys(problem["msg"].removeprefix("Input should be ") for problem in problems)
    return f"{key}: expected {' or '.join(expected)}, found {short(value)}"
