"""Configs that cannot be used are refused with the place and the remedy, and nothing is left behind."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.bad_inputs import GOOD, case, check_refused, option
from tests.conftest import Cli
from textrnn.config import load_config
from textrnn.errors import ConfigError

SECTIONS = "preset, data, tokenizer, vocab, model, train"


def config(id: str, content: Any, *messages: str) -> Any:
    return case(id, {"c.yaml": content, "t.tsv": GOOD}, "--config c.yaml", *messages)


def number(id: str, key: str, limit: int, value: str = "9223372036854775808", other: str = "") -> Any:
    """A number beyond the limit of its key. other: what the key takes beside numbers."""
    section, name = key.split(".")
    message = f"c.yaml: {key}: expected less than or equal to {limit}{other}, found {yaml.safe_load(value)}"
    return config(id, f"{section}: {{{name}: {value}}}\n", message)


# nested aliases: a list of a billion items in 500 bytes
BOMB = "data:\n  train: &a [x]\n" + "".join(
    f"  {name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in pairwise("abcdefghij")
)
CELLS = "expected 'rnn', 'gru' or 'lstm', found 'gur'"
NO_DATA = "data.train: expected a file or folder of labelled texts, found none: pass --data FILE or set data.train"
CONFIG_CASES = [
    config("unknown-section", "modle: {cell: gru}\n", "c.yaml: modle: no such section; did you mean model?"),
    config("section-that-is-a-number", "1: x\n", f"c.yaml: 1: no such section; known are: {SECTIONS}"),
    config(
        "unknown-key", "model: {hiden_size: 3}\n",
        "c.yaml: model.hiden_size: no such key; did you mean model.hidden_size?",
    ),
    config("section-of-a-list", "data: [1]\n", "c.yaml: data: a section with keys was expected, found [1]"),
    config("wrong-type", "model: {hidden_size: big}\n", "c.yaml: model.hidden_size: expected …integer, …found 'big'"),
    config("true-for-a-number", "train: {epochs: true}\n", "c.yaml: train.epochs: expected …(found True)"),
    config("wrong-choice", "model: {cell: gur}\n", f"c.yaml: model.cell: {CELLS}"),
    config(
        "none-of-several-types", "data: {train: {a: b}, text_column: -1}\n",
        "c.yaml: data.text_column: expected greater than or equal to 0 or …string or …list, found -1",
        "c.yaml: data.train: expected a valid string or a valid list, found {'a': 'b'}",
    ),
    config(
        "several-problems",
        "data: {train: t.tsv, max_length: 0}\nmodel: {cell: gur, dropout: 1.5}\nvocabulary: {}\n",
        "c.yaml: data.max_length: expected greater than or equal to 1, found 0",
        f"c.yaml: model.cell: {CELLS}",
        "c.yaml: model.dropout: expected less than 1, found 1.5",
        "c.yaml: vocabulary: no such section; did you mean vocab?",
    ),
    *[
        config(
            f"path-{name}-of-{key}", f'{section}: {{{key}: "{value}"}}\n',
            f"c.yaml: {section}.{key}: a path holds a character that no file name can have (found '{shown}')",
        )
        for section, key in [
            ("data", "train"), ("data", "label_names"), ("data", "cache_dir"), ("tokenizer", "user_dict"),
            ("model", "pretrained"),
        ]
        for name, value, shown in [("null", "a\\0b", "a\\x00b"), ("half-a-character", "a\\uD800b", "a\\ud800b")]
    ],
    config("empty-cache-path", "data: {cache_dir: ''}\n", "c.yaml: data.cache_dir: a path is empty (found '')"),
    config("empty-path", "data: {train: ''}\n", "c.yaml: data.train: a path is empty (found '')"),
    config("invalid-yaml", "data:\n  train: [t.tsv\nmodel: x\n", "c.yaml:3: not valid YAML: expected ',' or ']'"),
    config(
        "equal-keys", "data:\n  train: t.tsv\n  train: u.tsv\n",
        "c.yaml:3: not valid YAML: the key 'train' is given twice",
    ),
    config("list", "- data\n", "c.yaml: a mapping with the sections data, tokenizer, vocab, model, train was expected"),
    config(
        "config-in-gb18030", "data: {train: 体育.tsv}\n".encode("gb18030"),
        "c.yaml: a config must be UTF-8; byte 15 is not",
    ),
    config(
        "config-that-runs-code", "data: !!python/object/apply:os.mkdir ['pwned']\n",
        "c.yaml:1: not valid YAML: …python/object/apply:os.mkdir",
    ),
    config("nested-too-deeply", "data:\n  train: " + "[" * 900, "c.yaml:2: not valid YAML: it is nested too deeply"),
    config(
        "number-of-5000-digits", f"model:\n  hidden_size: {'9' * 5000}\n",
        f"c.yaml:2: not valid YAML: '{'9' * 37}...{'9' * 38}' is not a valid int",
    ),
    config(
        "long-hexadecimal-number", f"model: {{hidden_size: 0x{'f' * 5000}}}\n",
        "c.yaml: model.hidden_size: expected less than or equal to 65536, found <a number of about 6,000 digits>",
    ),
    *[
        config(f"tag-{kind}", f"model:\n  cell: !!{kind} {value}\n", f"c.yaml:2: not valid YAML: {message}")
        for kind, value, message in [
            ("int", "''", "'' is not a valid int"),
            ("bool", "x", "'x' is not a valid bool"),
            ("timestamp", "x", "'x' is not a valid timestamp"),
            ("map", "x", "expected a mapping node, but found scalar"),
        ]
    ],
    config("escape-beyond-unicode", 'model:\n  cell: "\\UFFFFFFFF"\n', "c.yaml:2: not valid YAML: "),
    config("control-character", "model:\n  cell: a\0\n", "c.yaml:2: not valid YAML: the character U+0000"),
    config(
        "long-value", f"model: {{cell: {'x' * 100_000}}}\n",
        f"c.yaml: model.cell: expected 'rnn', 'gru' or 'lstm', found '{'x' * 37}...{'x' * 38}'",
    ),
    config(
        "long-key", f"vocab: {{? {'x' * 2000}\n : 1}}\n",
        f"c.yaml: vocab.'{'x' * 37}...{'x' * 38}': no such key; the keys of vocab are: min_count, max_size",
    ),
    config(
        "many-problems", "".join(f"x{number:02}: 1\n" for number in range(30)),
        *[f"c.yaml: x{number:02}: no such section; known are: {SECTIONS}" for number in range(20)],
        "c.yaml: 10 more problems like these",
    ),
    number("max-length", "data.max_length", 2**31 - 2),
    number("min-count", "vocab.min_count", 2**31 - 1),
    number("max-size", "vocab.max_size", 2**31 - 1),
    number("embedding-dim", "model.embedding_dim", 65536),
    number("hidden-size", "model.hidden_size", 65536),
    number("num-layers", "model.num_layers", 64, "1000000000"),
    number("attention-hops", "model.attention_hops", 64),
    number("fc-size", "model.fc_size", 65536),
    number("batch-size", "train.batch_size", 1_000_000, other=" or 'auto'"),
    number("epochs", "train.epochs", 1_000_000, other=" or 'auto'"),
    number("accumulate", "train.accumulate", 1_000_000),
    number("patience", "train.patience", 1_000_000),
    number("learning-rate", "train.learning_rate", 10**38, "1.0e+300"),
    number("embedding-rate", "train.embedding_lr_multiplier", 1_000_000, "1.0e+300"),
    number("weight-decay", "train.weight_decay", 1000, "1.0e+300"),
    number("adversarial-norm", "train.adversarial_norm", 1_000_000, "1.0e+300"),
    number("seed", "train.seed", 2**63 - 1),
    config(
        "column-of-20-digits", f"data: {{text_column: {'9' * 20}}}\n",
        f"c.yaml: data.text_column: expected less than or equal to 999999 or …, found {'9' * 20}",
    ),
    config("no-training-data", "model: {cell: gru}\n", NO_DATA),
    case("missing", {}, "--config c.yaml", "c.yaml: the config cannot be read: No such file or directory"),
    option("set-unknown-key", "model.cel=gru", "--set model.cel: no such key; did you mean model.cell?"),
    option("set-wrong-choice", "model.cell=gur", f"--set model.cell: {CELLS}"),
    case("set-no-training-data", {}, "--set data.train=null", NO_DATA),
]  # fmt: skip


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize(("files", "arguments", "messages"), CONFIG_CASES)
def test_a_bad_config_is_refused_with_a_line_for_each_problem(
    command: str, files: dict, arguments: list[str], messages: tuple[str, ...], cli: Cli
) -> None:
    check_refused(cli, command, files, arguments, messages)


def test_a_value_of_a_billion_items_is_shown_in_a_short_message(cli: Cli, workplace: Path) -> None:
    Path("c.yaml").write_text(BOMB)
    result = cli("train", "--config", "c.yaml")
    assert (result.code, result.out) == (1, "")
    assert len(result.err) < 5000


def test_merge_keys_are_read_and_a_key_of_the_mapping_itself_counts(workplace: Path) -> None:
    Path("c.yaml").write_text(
        "data: &data {train: t.tsv, max_length: 5}\nmodel: {<<: {cell: lstm, hidden_size: 7}, hidden_size: 8}\n"
        "train: {<<: [{epochs: 2}, {epochs: 3, batch_size: 4}]}\n"
    )
    found = load_config("c.yaml")
    assert (found.model.cell, found.model.hidden_size) == ("lstm", 8)
    assert (found.train.epochs, found.train.batch_size) == (2, 4)


def test_merge_keys_that_multiply_take_no_time(workplace: Path) -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    lines = [f"{name}: &{name} {{<<: [{', '.join(['*' + before] * 9)}]}}" for before, name in pairwise(names)]
    Path("c.yaml").write_text("\n".join(["a: &a {x: 1}", *lines]))
    with pytest.raises(ConfigError, match="no such section"):
        load_config("c.yaml")


@pytest.mark.parametrize("value", ["!!int ''", "!!bool x", "!!timestamp x", "9" * 5000, "[" * 900, "{a: 1, a: 2}"])
def test_a_set_value_that_is_not_valid_yaml_is_wrong_usage(value: str, cli: Cli, train_file: Path) -> None:
    result = cli("vocab", "--data", "train.tsv", "--set", f"model.cell={value}")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: --set: model.cell: the value ") and "is not valid YAML: " in result.err
    assert len(result.err) < 300 and result.err.count("\n") == 1


@pytest.mark.parametrize("value", ["model.cell", "cell=gru", "model.cell=["])
def test_a_set_option_of_another_form_is_wrong_usage(value: str, cli: Cli, train_file: Path) -> None:
    result = cli("vocab", "--data", "train.tsv", "--set", value)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: --set: ") and value in result.err.replace(": the value '", "=")
