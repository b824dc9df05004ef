"""The JSON Schema of the config accepts what the loader accepts, and refuses what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.conftest import Cli
from textrnn.config import PRESETS, Config, description, known_keys, load_config
from textrnn.config.schema import json_schema
from textrnn.errors import ConfigError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

RIGHT = {
    "nothing": "",
    "empty-sections": "data:\nmodel: {}\n",
    "preset-alone": "preset: plain\n",
    "auto": "train: {batch_size: auto, epochs: 3}\n",
    "tab": "data: {delimiter: tab}\n",
    "a-tab-itself": 'data: {delimiter: "\\t"}\n',
    "an-escaped-tab": "data: {delimiter: \\t}\n",
    "files": "data: {train: [a.tsv, b.tsv], test: data/*.tsv}\n",
    "columns": "data: {text_column: [title, 2], label_column: 0}\n",
    "null-for-none": "train: {class_weights: null, grad_clip_norm: null}\n",
    "merged": "data: {<<: {train: a.tsv}}\n",
}
WRONG = {
    # by name
    "unknown-section": "modle: {cell: gru}\n",
    "unknown-key": "model: {hiden_size: 3}\n",
    "key-of-another-section": "model: {epochs: 3}\n",
    "key-without-section": "epochs: 3\n",
    "saved-model": "format_version: 5\n",
    # by type
    "text-for-a-number": "model: {hidden_size: big}\n",
    "boolean-for-a-number": "train: {epochs: true}\n",
    "fraction-for-an-integer": "model: {num_layers: 1.5}\n",
    "number-for-a-boolean": "tokenizer: {lowercase: 3}\n",
    "number-for-a-path": "data: {train: 3}\n",
    "mapping-for-a-path": "data: {train: {a: b}}\n",
    "list-for-one-path": "model: {pretrained: [v.txt]}\n",
    "list-for-a-section": "data: [1]\n",
    "text-for-a-section": "model: textrnn\n",
    "list-for-a-config": "- data\n",
    "null-for-a-size": "model: {hidden_size: null}\n",
    "boolean-for-a-column": "data: {text_column: [true]}\n",
    # by range
    "no-units": "model: {hidden_size: 0}\n",
    "too-many-layers": "model: {num_layers: 65}\n",
    "dropout-of-one": "model: {dropout: 1}\n",
    "dropout-below-zero": "model: {dropout: -0.1}\n",
    "no-learning-rate": "train: {learning_rate: 0}\n",
    "no-clipping-norm": "train: {grad_clip_norm: 0.0}\n",
    "negative-column": "data: {text_column: -1}\n",
    "negative-seed": "train: {seed: -1}\n",
    "too-large-a-seed": "train: {seed: 9223372036854775808}\n",
    "no-files": "data: {train: []}\n",
    "empty-path": "data: {cache_dir: ''}\n",
    # by choice
    "unknown-cell": "model: {cell: gur}\n",
    "cell-in-capitals": "model: {cell: GRU}\n",
    "unknown-preset": "preset: bets\n",
    "null-for-a-preset": "preset: null\n",
    "unknown-format": "data: {format: xlsx}\n",
    "word-for-a-number-of-epochs": "train: {epochs: automatic}\n",
    "ngrams-of-four": "model: {ngrams: 4}\n",
    "long-delimiter": "data: {delimiter: '||'}\n",
    "quote-as-delimiter": "data: {delimiter: '\"'}\n",
    "unknown-weights": "train: {class_weights: inverse}\n",
}  # fmt: skip


def accepts(tree: Any) -> bool:
    return VALIDATOR.is_valid(tree)


def test_it_is_a_schema_of_the_dialect_that_it_names() -> None:
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_each_key_has_its_meaning_and_its_default() -> None:
    shown = {
        f"{section}.{key}": (schema["default"], schema["description"])
        for section, sections_schema in SCHEMA["properties"].items()
        for key, schema in sections_schema.get("properties", {}).items()
    }
    assert {key: default for key, (default, _) in shown.items()} == known_keys()
    for key, (_, text) in shown.items():
        section, _, name = key.partition(".")
        assert text.startswith(description(key))
        for preset, sections in PRESETS.items():
            assert (f"`preset: {preset}`" in text.removeprefix(description(key))) == (name in sections.get(section, {}))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_it_accepts_each_shipped_config_which_names_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert accepts(yaml.safe_load(text))
    name = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert json.loads((path.parent / name).read_text(encoding="utf-8")) == SCHEMA


def test_it_accepts_the_resolved_config_of_a_run(trained: Path) -> None:
    assert accepts(yaml.safe_load((trained / "config.yaml").read_text()))


@pytest.mark.parametrize("preset", list(PRESETS))
def test_it_accepts_all_defaults(preset: Any) -> None:
    assert accepts(Config(preset=preset).model_dump())


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_it_accepts_what_the_loader_accepts(workplace: Path, text: str) -> None:
    Path("c.yaml").write_text(text)
    load_config("c.yaml")
    assert accepts(yaml.safe_load(text))


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_it_refuses_what_the_loader_refuses(workplace: Path, text: str) -> None:
    Path("c.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config("c.yaml")
    assert not accepts(yaml.safe_load(text))


VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 4, 64, 65, 1_000_001, 2**31, 2**63, 0.0, 0.5, 1.0, 1.5, 1e39, "", "auto",
    "none", "balanced", "max", "linear", "tab", "\t", ";", '"', "||", "\n", "a.tsv", [], ["a.tsv"], ["a", 0], [""],
    [True], [None], [["a"]], {}, {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("key", known_keys())
def test_it_agrees_with_the_loader_on_every_kind_of_value(key: str) -> None:
    section, _, name = key.partition(".")
    for value in VALUES:
        if key == "data.encoding" and isinstance(value, str):
            continue  # the schema does not know the names
        if isinstance(known_keys()[key], bool) and not isinstance(value, bool) and value in (0, 1):
            continue  # the loader takes them for false and true
        try:
            load_config(None, [(key, value)])
            loads = True
        except ConfigError:
            loads = False
        assert accepts({section: {name: value}}) == loads, (key, value)


def test_the_command_prints_it(cli: Cli) -> None:
    result = cli("config", "--schema")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == SCHEMA
