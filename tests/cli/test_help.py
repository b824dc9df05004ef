"""Help texts, and messages for what was typed wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.conftest import TINY, Cli, sets
from textrnn.cli import app
from textrnn.config import description

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OF_KEYS = {
    "--data": "data.train", "--text-column": "data.text_column", "--label-column": "data.label_column",
    "--delimiter": "data.delimiter", "--encoding": "data.encoding", "--preset": "preset", "--seed": "train.seed",
    "--epochs": "train.epochs",
}  # fmt: skip


def helps(name: str) -> Iterator[tuple[str, str]]:
    """The last name of each parameter of a command, and its help."""
    COMMANDS[name].fill_in_descriptions()
    for parameter in COMMANDS[name].params:
        yield parameter.opts[-1], parameter.help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_sentences(name: str) -> None:
    for option, text in helps(name):
        sentences = re.sub(r"  \[default: [^\]]+\]$", "", text)
        assert re.fullmatch(r"[A-Z][^{}`]+\.", sentences), f"{option}: {text}"
        assert not re.match("(Of|With|In|For) ", text), f"{option}: {text}"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_into_80_columns_and_names_every_option(cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = cli(name, "--help")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert all(option in result.out for option, _ in helps(name))


def test_options_of_keys_are_described_as_their_keys() -> None:
    described = {option for name in COMMANDS for option, _ in helps(name)}
    assert {*OF_KEYS} <= described
    for option, text in helps("train"):
        if option in OF_KEYS:
            plain = description(OF_KEYS[option]).replace("`", "")
            assert text.split(". ")[0].rstrip(".") == plain.split(". ")[0].rstrip(".")


def test_the_short_option_of_version(cli: Cli) -> None:
    assert cli("-V").out == cli("--version").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "configs/x.yaml"], "did you mean --config configs/x.yaml?"),
        (["check", "x.YML"], "did you mean --config x.YML?"),
        (["train", "my reviews.csv"], "did you mean --data 'my reviews.csv'?"),
        (["vocab", "data/"], "did you mean --data data/?"),
        (["train", "--data", "x.csv", "fast"], "unexpected argument 'fast'; all options: textrnn train --help"),
        (["eval", "runs/x", "a.tsv", "b.tsv"], "unexpected argument 'b.tsv'; all options: textrnn eval --help"),
        (["train", "--sett", "a.b=1"], "--set"),
        (["predict"], "Usage: textrnn predict [OPTIONS]"),
        (["eval", "--split", "tset", "r"], "'tset' is not one of 'test', 'dev', 'train'"),
        (["train", "--seed", "one"], "'--seed'"),
        (["trian"], "No such command 'trian'"),
        (["--colour"], "Try 'textrnn --help' for help."),
    ],
)
def test_wrong_usage_is_one_error_with_a_way_out(cli: Cli, words: list[str], message: str) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert message in result.err


@pytest.mark.parametrize("typed", ["runs/trian", "trian", "train"])
def test_a_mistyped_run_is_answered_with_a_similar_one(cli: Cli, trained: Path, typed: str) -> None:
    Path("runs/train_not").mkdir()  # no run
    for words in (["eval", typed], ["predict", typed, "test.tsv"], ["train", "--resume", "--run-dir", typed]):
        result = cli(*words)
        assert (result.code, result.out) == (1, "")
        assert "did you mean runs/train?" in " ".join(result.err.split())
    assert "did you mean" not in cli("eval", "something/else").err


def test_short_options_of_training_set_their_keys(cli: Cli, train_file: Path) -> None:
    options = ["--data", "train.tsv", *TINY[:4], *sets("vocab.min_count=1", "model.linear=none", "train.folds=1")]
    assert cli("train", *options, "--seed", 5, "--epochs", 1, "--batch-size", 20, "--run-dir", "short").code == 0
    long = sets("train.seed=5", "train.epochs=1", "train.batch_size=20")
    assert cli("train", *options, *long, "--run-dir", "long").code == 0
    for name in ("config.yaml", "model/model.safetensors"):
        assert Path("short", name).read_bytes() == Path("long", name).read_bytes()
    assert cli("train", *options, "--epochs", 2, *sets("train.epochs=1"), "--run-dir", "both").code == 0
    assert "\n  epochs: 1\n" in Path("both/config.yaml").read_text()  # --set has the last word
    refused = cli("train", *options, "--epochs", 0, "--run-dir", "none")
    assert refused.code == 1 and "train.epochs: expected" in refused.err
    more = cli("train", "--resume", "--run-dir", "long", "--epochs", 2)
    assert more.code == 0 and "epoch 2/2" in more.err
