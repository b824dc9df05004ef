"""Configs that cannot be used are refused with the place and the remedy, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.commands.bad_inputs import GOOD, case, check_refused, option
from tests.conftest import Cli

SECTIONS = "data, tokenizer, vocab, model, train"


def config(id: str, content: Any, *messages: str) -> Any:
    return case(id, {"c.yaml": content, "t.tsv": GOOD}, "--config c.yaml", *messages)


CELLS = "expected 'rnn', 'lstm' or 'gru', found 'gur'"
CONFIG_CASES = [
    config("unknown-section", "modle: {cell: gru}\n", "c.yaml: modle: no such section; did you mean model?"),
    config("section-that-is-a-number", "1: x\n", f"c.yaml: 1: no such section; known are: {SECTIONS}"),
    config(
        "unknown-key", "model: {hiden_size: 3}\n",
        "c.yaml: model.hiden_size: no such key; did you mean model.hidden_size?",
    ),
    config("section-of-a-list", "data: [1]\n", "c.yaml: data: a section with keys was expected, found [1]"),
    config(
        "wrong-type", "model: {hidden_size: big}\n",
        "c.yaml: model.hidden_size: expected a valid integer, unable to parse string as an integer, "
        "found 'big'",
    ),
    config(
        "true-for-a-number", "train: {epochs: true}\n",
        "c.yaml: train.epochs: true and false have no meaning here (found True)",
    ),
    config("wrong-choice", "model: {cell: gur}\n", f"c.yaml: model.cell: {CELLS}"),
    config(
        "none-of-several-types", "data: {train: {a: b}, text_column: -1}\n",
        "c.yaml: data.text_column: expected greater than or equal to 0 or a valid string, found -1",
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
    config("empty-path", "data: {train: ''}\n", "c.yaml: data.train: a path is empty (found '')"),
    config(
        "invalid-yaml", "data:\n  train: [t.tsv\nmodel: x\n",
        "c.yaml:3: not valid YAML: expected ',' or ']', but got ':'",
    ),
    config(
        "equal-keys", "data:\n  train: t.tsv\n  train: u.tsv\n",
        "c.yaml:3: not valid YAML: the key 'train' is given twice",
    ),
    config("list", "- data\n", f"c.yaml: a mapping with the sections {SECTIONS} was expected"),
    config(
        "config-in-gb18030", "data: {train: 体育.tsv}\n".encode("gb18030"),
        "c.yaml: a config must be UTF-8; byte 15 is not",
    ),
    config(
        "config-that-runs-code", "data: !!python/object/apply:os.mkdir ['pwned']\n",
        "c.yaml:1: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.mkdir'",
    ),
    config(
        "no-training-data", "model: {cell: gru}\n",
        "data.train: expected a file or folder of labelled texts, found none: pass --data FILE or set data.train",
    ),
    case("missing", {}, "--config c.yaml", "c.yaml: the config cannot be read: No such file or directory"),
    option("set-unknown-key", "model.cel=gru", "--set model.cel: no such key; did you mean model.cell?"),
    option("set-wrong-choice", "model.cell=gur", f"--set model.cell: {CELLS}"),
    case(
        "set-no-training-data", {}, "--set data.train=null",
        "data.train: expected a file or folder of labelled texts, found none: pass --data FILE or set data.train",
    ),
]  # fmt: skip


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize(("files", "arguments", "messages"), CONFIG_CASES)
def test_a_bad_config_is_refused_with_a_line_for_each_problem(
    command: str, files: dict, arguments: list[str], messages: tuple[str, ...], cli: Cli
) -> None:
    check_refused(cli, command, files, arguments, messages)


@pytest.mark.parametrize("value", ["model.cell", "cell=gru", "model.cell=["])
def test_a_set_option_of_another_form_is_wrong_usage(value: str, cli: Cli, train_file: Path) -> None:
    result = cli("vocab", "--data", "train.tsv", "--set", value)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: --set: ") and value in result.err.replace(": the value '", "=")
