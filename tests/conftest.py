"""What the tests share: the command line run in this process, and a small labelled corpus of our own."""

from __future__ import annotations

import functools
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from textrnn.cli import main
from textrnn.runtime.process import tune_torch

# Tiny models compute faster on one thread, and tests beside them keep their core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("TEXTRNN_CACHE_DIR", None)  # of whoever runs the tests
tune_torch()  # as the first command run in this process would, but before anything loads torch

import torch  # noqa: E402

from textrnn.reports import charts, page, results  # noqa: E402 - they load torch
from textrnn.training import recorder  # noqa: E402

DATASETS = os.environ.get("TEXTRNN_DATASETS")
needs_datasets = pytest.mark.skipif(not DATASETS, reason="TEXTRNN_DATASETS is not set: the real corpora are not here")

COMMAND = [sys.executable, "-m", "textrnn"]  # as a process of its own

# What makes a model and its training plain, where the defaults do more.
PLAIN = [
    "model.ngrams=1", "model.linear=none", "train.adversarial_norm=null",
    "train.embedding_lr_multiplier=1", "train.folds=1",
]  # fmt: skip


def sets(*options: str) -> list[str]:
    """`--set` before each."""
    return [word for option in options for word in ("--set", option)]


# A model and a training so small that a run takes a second.
TINY = [
    "--set", "model.embedding_dim=8", "--set", "model.hidden_size=8", "--set", "train.epochs=2",
    "--set", "train.batch_size=16", "--set", "vocab.min_count=1", *sets(*PLAIN),
]  # fmt: skip


@dataclass
class Result:
    """How a command ended, and all it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


# What draws, and by what it is replaced: a figure is composed in 0.1 s, as long as all else of a tiny training.
NOTHING = charts.new_figure(1, 1)
BLANKS: list[tuple[Any, str, Any]] = [
    (charts, "_render", lambda figure, **options: b""),
    (recorder, "plot_curves", lambda *data: NOTHING),
    (page, "plot_curves", lambda *data: NOTHING),
    (page, "plot_calibration", lambda *data: NOTHING),
    (page, "plot_coverage", lambda *data: NOTHING),
    (results, "plot_confusion_matrix", lambda *data: (NOTHING, None)),
]
DRAWING = [(module, name, getattr(module, name)) for module, name, _ in BLANKS]
typer.main.get_command = functools.cache(typer.main.get_command)  # else each run builds all commands anew


@pytest.fixture(scope="session", autouse=True)
def _blank_pictures() -> Iterator[None]:
    """Pictures are written, but nothing is drawn in them."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, blank in BLANKS:
            patch.setattr(module, name, blank)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """A training waits fifty times until a file is on the disk, which matters only if the power fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _as_many_threads_as_before() -> Iterator[None]:
    """More threads would slow down all later tests, and a process that is forked later would wait for them."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def draw_pictures(patch: pytest.MonkeyPatch) -> None:
    """Pictures are drawn again, as long as the patch lasts."""
    for module, name, draw in DRAWING:
        patch.setattr(module, name, draw)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is in pictures, and of what might not be drawn."""
    draw_pictures(monkeypatch)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """`cli("train", "--data", "x.tsv")` runs the command in an empty current folder, without a new process."""

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["textrnn", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        captured = capfd.readouterr()
        code = leaving.value.code
        return Result(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    return run


_SUBJECTS = {
    "sport": ["match", "goal", "team", "coach", "league", "final"],
    "food": ["soup", "bread", "cook", "dinner", "spice", "oven"],
    "travel": ["train", "hotel", "island", "ticket", "border", "map"],
}
_FILLERS = ["the", "a", "one", "was", "is", "very", "late", "good", "new", "old", "we", "saw", "had", "again"]


def make_rows(
    count: int, *, seed: int = 0, labels: tuple[str, ...] = ("food", "sport", "travel")
) -> list[tuple[str, str]]:
    """(label, text) rows, easily told apart, of 3 to 12 words."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        label = labels[number % len(labels)]
        words = rng.choices(_SUBJECTS[label], k=rng.randint(1, 3)) + rng.choices(_FILLERS, k=rng.randint(2, 9))
        rng.shuffle(words)
        rows.append((label, f"{' '.join(words)} {number}"))
    return rows


def write_tsv(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
    return path


@pytest.fixture
def train_file(workplace: Path) -> Path:
    """`train.tsv` with 60 rows of three classes, in the current folder."""
    return write_tsv(workplace / "train.tsv", make_rows(60))


TRAINED = ["--data", "train.tsv", "--set", "data.test=test.tsv", *TINY]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv`, `test.tsv` and a tiny run of them, trained once for all tests that copy it."""
    folder = tmp_path_factory.mktemp("template")
    write_tsv(folder / "train.tsv", make_rows(60))
    write_tsv(folder / "test.tsv", make_rows(24, seed=1))
    train_in(folder, *TRAINED, "--run-dir", "run")
    return folder


def train_in(folder: Path, *options: str, command: str = "train") -> None:
    """`textrnn train`, or another command, with a folder as the current one, where a fixture has no `cli` yet."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as leaving:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["textrnn", command, *options])
        main()
    assert not leaving.value.code


def copy_template(template: Path, folder: Path, run: str) -> None:
    """Its files, with the paths in the run's config as if it had been trained there."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    for name in ("config.yaml", "environment.json"):
        path = folder / run / name
        path.write_text(path.read_text().replace(str(template), str(folder)))


@pytest.fixture
def trained(template: Path, workplace: Path) -> Path:
    """A tiny run `runs/train` with its files `train.tsv` and `test.tsv` beside it."""
    copy_template(template, workplace, "run")
    (workplace / "runs").mkdir()
    (workplace / "run").rename(workplace / "runs" / "train")
    return Path("runs/train")
