"""`--quiet` and `--verbose`: what reaches stderr, while results, files and exit codes stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.conftest import TINY, Cli, make_rows, sets, write_tsv
from tests.terminal import in_terminal
from textrnn.cli import app

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_short_options(name: str) -> None:
    options = [option for parameter in COMMANDS[name].params for option in parameter.opts]
    assert {"-q", "--quiet", "-v", "--verbose"} <= {*options}
    assert ("-o" in options) == ("--output" in options)
    assert len(options) == len(set(options))


@pytest.mark.parametrize("words", [["train", "-q"], ["--quiet", "train"]])
def test_quiet_shows_the_result_alone_and_the_log_file_has_all(cli: Cli, train_file: Path, words: list[str]) -> None:
    options = ["--data", "train.tsv", *TINY, *sets("train.batch_size=64")]  # which is worth a warning
    loud = cli("train", *options, "--run-dir", "loud")
    assert "warning: " in loud.err and "epoch 2/2" in loud.err
    quiet = cli(*words, *options, "--run-dir", "quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "quiet\n", "")
    weights = "model/model.safetensors"
    assert Path("loud", weights).read_bytes() == Path("quiet", weights).read_bytes()
    kept = [Path(run, "train.log").read_text() for run in ("loud", "quiet")]
    for part in ("WARNING", "epoch 2/2", "evaluate it with: "):
        assert all(part in lines for lines in kept)


def test_quiet_hides_bars_and_the_next_command_is_not_quiet(workplace: Path) -> None:
    write_tsv(workplace / "t.tsv", make_rows(300))
    code, shown = in_terminal("train", "-q", "--data", "t.tsv", *TINY, columns=80)
    assert (code, shown.split()) == (0, ["runs/t"])
    code, shown = in_terminal("train", "--force", "--data", "t.tsv", *TINY, columns=80)
    assert "training: " in shown


def test_errors_are_shown_in_any_case(cli: Cli, workplace: Path) -> None:
    loud, quiet = (cli("train", "--data", "no.tsv", *more) for more in ([], ["-q"]))
    assert (quiet.code, quiet.err) == (1, loud.err)
    assert quiet.err.startswith("error: ") and "no.tsv: no such file" in quiet.err


def test_verbose_adds_what_was_read_where_it_is_kept_and_timings(cli: Cli, trained: Path) -> None:
    plain, more = cli("eval", trained, "--json"), cli("eval", trained, "--json", "-v")
    assert (plain.code, more.code) == (0, 0)
    assert plain.err in more.err or set(plain.err.splitlines()) < set(more.err.splitlines())
    for part in (f"reading the model in {trained}/model took ", "test.tsv (tsv) as utf-8", ".textrnn_cache/"):
        assert part in more.err
        assert part not in plain.err
    config = cli("--verbose", "vocab", "--data", "train.tsv", "--set", "data.max_length=77").err
    assert "data.max_length 77" in config
    assert "took" not in cli("eval", trained).err  # the next command is as ever


@pytest.mark.parametrize("words", [["vocab", "-q", "-v"], ["-q", "vocab", "-v"], ["--verbose", "vocab", "--quiet"]])
def test_both_are_wrong_usage(cli: Cli, train_file: Path, words: list[str]) -> None:
    result = cli(*words, "--data", "train.tsv")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ") and "give one of them" in result.err
