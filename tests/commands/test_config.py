"""`textrnn config` prints the config that `train` would use, so that it can be kept, changed and given to `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import TINY, Cli, sets
from textrnn.config import Config


def printed(cli: Cli, *options: str) -> Any:
    result = cli("config", *options)
    assert (result.code, result.err) == (0, "")
    return yaml.safe_load(result.out)


def test_without_options_it_prints_all_defaults(cli: Cli) -> None:
    assert printed(cli) == Config().model_dump()
    assert printed(cli, "--preset", "plain") == Config(preset="plain").model_dump()


def test_it_prints_what_train_uses(cli: Cli, train_file: Path) -> None:
    Path("c.yaml").write_text("data: {train: train.tsv}\nmodel: {cell: lstm, dropout: 0.3}\n")
    options = ["--config", "c.yaml", "--preset", "plain", "--text-column", "1", *TINY, *sets("model.dropout=0.1")]
    tree = printed(cli, *options)
    assert (tree["model"]["cell"], tree["model"]["dropout"], tree["data"]["text_column"]) == ("lstm", 0.1, 1)
    assert cli("train", *options, "--run-dir", "run").code == 0
    used = yaml.safe_load(Path("run/config.yaml").read_text())
    assert used["data"].pop("train") == str(Path("train.tsv").absolute()) and tree["data"].pop("train") == "train.tsv"
    assert used["data"].pop("cache_dir") == str(Path(tree["data"].pop("cache_dir")).absolute())
    assert used == tree


@pytest.mark.parametrize(
    "options",
    [
        ["--data", "a.csv", "--data", "b.csv"],
        ["--data", "新闻 'a'.csv", *sets("data.delimiter=tab", "data.text_column=[title, 3]", "train.epochs=auto")],
        ["--preset", "plain", *sets("model.ngrams=2", "train.learning_rate=0.00001", "train.class_weights=null")],
    ],
    ids=["files", "columns", "plain"],
)
def test_what_it_prints_is_a_config_that_means_the_same(cli: Cli, options: list[str]) -> None:
    first = cli("config", *options)
    assert first.code == 0
    Path("c.yaml").write_text(first.out, encoding="utf-8")
    assert cli("config", "--config", "c.yaml").out == first.out


def test_a_key_without_effect_is_a_warning_beside_the_data(cli: Cli) -> None:
    result = cli("config", *sets("model.nonlinearity=relu"))
    assert result.code == 0
    assert result.err == "warning: model.nonlinearity: relu has no effect: model.cell is lstm, not rnn\n"
    assert yaml.safe_load(result.out)["model"]["nonlinearity"] == "relu"


def test_a_wrong_config_is_an_error_and_nothing_is_printed(cli: Cli) -> None:
    Path("c.yaml").write_text("model: {cell: gur}\n")
    result = cli("config", "--config", "c.yaml", *sets("train.lr=1"))
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: --set train.lr: no such key; did you mean train.learning_rate?\n"
    result = cli("config", "--config", "c.yaml")
    assert (result.code, result.out) == (1, "") and "c.yaml: model.cell: expected" in result.err


@pytest.mark.parametrize(
    "options", [["--config", "c.yaml"], ["--data", "a.csv"], ["--preset", "plain"], sets("model.cell=rnn")], ids=str
)
def test_the_schema_is_that_of_every_config(cli: Cli, options: list[str]) -> None:
    result = cli("config", "--schema", *options)
    assert (result.code, result.out) == (2, "")
    assert "--schema" in result.err
