"""The bench as it is run."""

from __future__ import annotations

import importlib
import os
import subprocess
from pathlib import Path

import pytest

from scripts.bench import __main__ as bench


@pytest.mark.parametrize("name", bench.PARTS)
def test_every_part_is_a_function_of_its_module(name: str) -> None:
    assert callable(getattr(importlib.import_module(f"scripts.bench.{bench.PARTS[name]}"), f"measure_{name}"))


def test_without_corpora_a_part_says_so_and_leaves_the_page_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEXTRNN_DATASETS", raising=False)
    monkeypatch.setattr(bench, "PAGE", tmp_path / "none.md")
    with pytest.raises(SystemExit, match="titles: TEXTRNN_DATASETS is not set: name the folder of the real corpora"):
        bench.measure("titles")
    assert not bench.PAGE.exists()


def test_an_unknown_part_is_named_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "encodr"])
    with pytest.raises(SystemExit, match="2"):
        bench.main()
    message = capsys.readouterr().err
    assert "encodr" in message
    assert "tokenizing" in message


def test_where_one_part_fails_the_others_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        ran.append(command[-1])
        return subprocess.CompletedProcess(command, int(command[-1] == "titles"))

    monkeypatch.chdir(bench.ROOT)
    monkeypatch.setattr("sys.argv", ["bench"])
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit, match="not measured: titles"):
        bench.main()
    assert ran == list(bench.PARTS)
