"""`TEXTRNN_CACHE_DIR`: the default of data.cache_dir."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.conftest import TINY, Cli, sets


def test_the_variable_is_a_default_which_file_and_set_replace(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("plain.yaml").write_text("data: {train: train.tsv}\n")
    Path("own.yaml").write_text("data: {train: train.tsv, cache_dir: of_file}\n")
    monkeypatch.setenv("TEXTRNN_CACHE_DIR", "of_environment")
    for options, folder in (
        (["--data", "train.tsv"], "of_environment"),
        (["--config", "plain.yaml"], "of_environment"),
        (["--config", "own.yaml"], "of_file"),
        (["--config", "own.yaml", *sets("data.cache_dir=of_set")], "of_set"),
    ):
        assert cli("vocab", *options).code == 0
        assert {path.name for path in Path().iterdir() if path.is_dir()} == {folder}
        shutil.rmtree(folder)
    monkeypatch.setenv("TEXTRNN_CACHE_DIR", "")
    assert cli("vocab", "--data", "train.tsv").code == 0
    assert Path(".textrnn_cache").is_dir()


def test_a_home_folder_is_expanded_and_a_run_records_the_folder(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path("home").absolute()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TEXTRNN_CACHE_DIR", "~/cache")
    result = cli("train", "--data", "train.tsv", *TINY)
    assert result.code == 0, result.err
    assert (home / "cache").is_dir() and not Path(".textrnn_cache").exists()
    assert yaml.safe_load(Path("runs/train/config.yaml").read_text())["data"]["cache_dir"] == str(home / "cache")
    monkeypatch.setenv("TEXTRNN_CACHE_DIR", "other")
    assert cli("eval", "runs/train").code == 0  # reads as the run did
    assert not Path("other").exists()
    assert cli("eval", "runs/train/model", "train.tsv").code == 0  # a model alone has no folder of its own
    assert Path("other").is_dir()
