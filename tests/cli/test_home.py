"""`~` in every path, wherever the shell leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import TINY, Cli, make_rows, write_tsv


@pytest.fixture
def home(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home, with `x.tsv` in it; the current folder is another one."""
    home = workplace / "home"
    home.mkdir()
    write_tsv(home / "x.tsv", make_rows(60))
    monkeypatch.setenv("HOME", str(home))
    return home


def test_paths_of_options_and_arguments(cli: Cli, home: Path) -> None:
    commands = [
        ["train", "--data", "~/x.tsv", "--run-dir=~/run", *TINY],
        ["eval", "~/run", "~/x.tsv", "--output", "~/scores"],
        ["predict", "~/run", "~/x.tsv", "--output=~/out.tsv"],
        ["explain", "~/run", "~/x.tsv", "--html", "~/why.html"],
        ["compare", "~/run", "~/run/model", "--data=~/x.tsv"],
        ["vocab", "--data=~/x.tsv", "--output", "~/vocab.tsv"],
    ]
    for command in commands[:4] + commands[5:]:
        result = cli(*command)
        assert result.code == 0, result.err
    for name in ("run/model/labels.txt", "scores/report.txt", "out.tsv", "why.html", "vocab.tsv"):
        assert (home / name).is_file()
    assert "the same run" in cli(*commands[4]).err
    assert not any(path.name.startswith("~") for path in Path().iterdir())


def test_paths_in_the_config(cli: Cli, home: Path) -> None:
    (home / "c.yaml").write_text("data: {train: [~/x.tsv], cache_dir: ~/cache}\n")
    changes = ["--set", "data.test=~/x.tsv", "--set", "data.dev=[~/x.tsv]"]
    result = cli("train", "--config", "~/c.yaml", *changes, *TINY)
    assert (result.code, result.out) == (0, "runs/c\n"), result.err
    data = yaml.safe_load(Path("runs/c/config.yaml").read_text())["data"]
    x = str(home / "x.tsv")
    assert (data["train"], data["dev"], data["test"], data["cache_dir"]) == ([x], [x], x, str(home / "cache"))
    assert cli("eval", "runs/c", "--set", "data.test=~/x.tsv").code == 0
    missing = cli("vocab", "--set", "data.train=~/none.tsv").err
    assert missing == f"error: {home}/none.tsv: no such file or folder\n"


def test_other_tildes_stay(cli: Cli, home: Path) -> None:
    Path("x.csv").write_text("text~label\n" + "".join(f"{text}~{label}\n" for label, text in make_rows(60)))
    result = cli("vocab", "--data", "x.csv", "--set", "data.delimiter='~'")
    assert result.code == 0 and "label food: 20 " in result.out, result.err
