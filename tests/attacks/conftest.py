"""Data and trained runs that attacks copy."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.attacks.command import OPTIONS, run
from tests.conftest import make_rows, train_in, write_tsv
from tests.stops import send, stop_at_step


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data and three tiny runs: `run` (TextRNN), `rcnn`, and `cut`, which a signal stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("attacks") / "templates"
    folder.mkdir()
    rows = make_rows(60)
    write_tsv(folder / "train.tsv", rows)
    write_tsv(folder / "test.tsv", make_rows(24, seed=1))
    (folder / "texts.txt").write_text("".join(f"{text}\n" for _, text in rows[:24]))
    for file in folder.iterdir():
        os.utime(file, (1e9, 1e9))  # a digest is remembered only if the file is not quite new
    # in this process, so that forks have what these import
    train_in(folder, *OPTIONS, "--run-dir", "run")
    train_in(folder, *OPTIONS, "--run-dir", "rcnn", "--set", "model.architecture=rcnn")
    train_in(folder, "run", "--output", "eval", command="eval")
    train_in(folder, "run", "texts.txt", "--output", "out.tsv", command="predict")
    gc.freeze()  # so that forks share these objects
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ["train", *OPTIONS, "--set", "train.epochs=2", "--run-dir", "cut"]
        stopped = run(*words, prepare=lambda: stop_at_step(6, send(signal.SIGTERM)))
    assert stopped.code == 143, stopped.err
    shutil.rmtree(folder / ".textrnn_cache")
    return folder


def copy_templates(templates: Path, folder: Path) -> None:
    """Data and runs, the runs as if they had been trained there."""
    shutil.copytree(templates, folder, ignore=shutil.ignore_patterns("large.*"))
    for config in folder.glob("*/config.yaml"):
        config.write_text(config.read_text().replace(str(templates), str(folder)))


@pytest.fixture
def here(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is a copy of the templates."""
    copy_templates(templates, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
