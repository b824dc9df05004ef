"""The programs that are compared on whole tasks, ours among them: each trains from a raw file to a saved model, and
predicts from a file of texts to a file of labels."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.bench.corpora import ROOT, Corpus, Missing
from scripts.bench.timing import Run, run_program, textrnn, threads

KERAS_REQUIREMENTS = ["tensorflow-cpu==2.21.0", "keras==3.15.1"]


class Program(NamedTuple):
    """train: corpus, folder -> the command that trains into the folder. predict: folder, file of texts, file of labels
    -> the command that labels the texts, one a line, with the label in the first column."""

    train: Callable[[Corpus, Path], list[object]]
    predict: Callable[[Path, Path, Path], list[object]]

    def run_training(self, corpus: Corpus, folder: Path) -> Run:
        """From nothing: neither a model nor a cache is there."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return run_program(self.train(corpus, folder))

    def run_prediction(self, folder: Path, texts: Path, output: Path) -> Run:
        return run_program(self.predict(folder, texts, output))


def ours(config: str | None, options: Mapping[str, object] | None = None, to_predict: Sequence[str] = ()) -> Program:
    """textrnn with a shipped config, if any, and `--set` options on top; labels stay the ids of the raw files.
    to_predict: more arguments of `textrnn predict`."""

    def train(corpus: Corpus, folder: Path) -> list[object]:
        settings = {
            "data.train": corpus.train, "data.dev": corpus.dev or "null", "data.test": "null",
            "data.label_names": "null", "data.cache_dir": folder / "cache", **(options or {}),
        }  # fmt: skip
        words = ["--config", ROOT / "configs" / f"{config}.yaml"] if config else []
        return textrnn("train", *words, "--run-dir", folder / "run", settings=settings)

    def predict(folder: Path, texts: Path, output: Path) -> list[object]:
        return textrnn("predict", folder / "run", texts, "--format", "text", "--output", output, *to_predict)

    return Program(train, predict)


def rival(
    module: str, unit: str, python: Path | str = sys.executable, sizes: Mapping[str, object] | None = None
) -> Program:
    """A program of scripts/bench/rivals. unit: char or word. sizes: of a recurrent model."""

    def command(verb: str, folder: Path, **files: Path | None) -> list[object]:
        options = {"unit": unit, "model": folder / "model", "threads": threads(), "sizes": json.dumps(sizes or {})}
        given = [(name, value) for name, value in {**options, **files}.items() if value is not None]
        words = [word for name, value in given for word in (f"--{name}", value)]
        return [python, "-m", f"scripts.bench.rivals.{module}", verb, *words]

    return Program(
        lambda corpus, folder: command("train", folder, train=corpus.train, dev=corpus.dev),
        lambda folder, texts, output: command("predict", folder, input=texts, output=output),
    )


def fasttext(unit: str) -> Program:
    """Raises Missing if fastText is not installed."""
    if importlib.util.find_spec("fasttext") is None:
        raise Missing("fastText is not installed: pip install -e '.[bench]'")
    return rival("fasttext_bigrams", unit)


def keras(unit: str, sizes: Mapping[str, object]) -> Program:
    """Raises Missing if Keras cannot be installed."""
    return rival("keras_gru", unit, keras_python(), sizes)


def keras_python() -> Path:
    """The interpreter of Keras's own environment, which is made first if necessary: TensorFlow and torch are never in
    one process."""
    folder = Path(os.environ.get("BENCH_KERAS_VENV", ROOT / ".venv-keras")).absolute()
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        if subprocess.run([python, "-c", "import keras, tensorflow"], capture_output=True).returncode != 0:
            pip = [python, "-m", "pip", "install", "--quiet", *KERAS_REQUIREMENTS]
            subprocess.run(pip, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"Keras could not be installed into {folder}: {error}") from error
    return python


def available(makers: Mapping[str, Callable[[], Program]]) -> tuple[dict[str, Program], list[str]]:
    """The programs that can be run here, and a sentence for each that cannot."""
    programs: dict[str, Program] = {}
    missing = []
    for name, make in makers.items():
        try:
            programs[name] = make()
        except Missing as reason:
            missing.append(f"Not measured: {name}: {reason}.")
    return programs, missing
