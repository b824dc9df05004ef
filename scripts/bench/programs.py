"""The programs that are compared on whole tasks, ours among them: each trains from a raw file to a saved model, and
predicts from a file of texts to a file of labels."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.corpora import ROOT, Corpus, Missing
from scripts.bench.timing import Run, run_program, textrnn, threads

KERAS_REQUIREMENTS = ["tensorflow-cpu==2.21.0", "keras==3.15.1"]


@dataclass(frozen=True)
class Ours:
    """textrnn with a shipped config and options on top (`--set`)."""

    config: str
    options: dict[str, object] = field(default_factory=dict)

    def train(self, corpus: Corpus, folder: Path) -> Run:
        files = {"data.train": corpus.train, "data.dev": corpus.dev, "data.test": None}
        files |= {"data.label_names": corpus.names, "data.cache_dir": folder / "cache"}
        settings: list[object] = []
        for key, value in (files | self.options).items():
            settings += ["--set", f"{key}={'null' if value is None else value}"]
        remove(folder / "cache")
        config = ROOT / "configs" / f"{self.config}.yaml"
        return run_program(textrnn("train", "--config", config, "--run-dir", folder / "run", "--force", *settings))

    def predict(self, folder: Path, texts: Path, output: Path) -> Run:
        return run_program(textrnn("predict", folder / "run", texts, "--format", "text", "--output", output))


@dataclass(frozen=True)
class Rival:
    """A program of scripts/bench/rivals. unit: char or word; sizes: what the model is given."""

    module: str
    unit: str
    python: Path = Path(sys.executable)
    model: str = "model.bin"
    sizes: dict[str, object] = field(default_factory=dict)

    def train(self, corpus: Corpus, folder: Path) -> Run:
        remove(folder / self.model)
        options = self.sizes | ({} if corpus.dev is None else {"dev": corpus.dev})
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return run_program([*self.command("train", folder), "--train", corpus.train, *words])

    def predict(self, folder: Path, texts: Path, output: Path) -> Run:
        return run_program([*self.command("predict", folder), "--input", texts, "--output", output])

    def command(self, verb: str, folder: Path) -> list[object]:
        name = f"scripts.bench.rivals.{self.module}"
        options = ["--unit", self.unit, "--model", folder / self.model, "--threads", threads()]
        return [self.python, "-m", name, verb, *options]


Program = Ours | Rival


def fasttext(unit: str) -> Rival:
    if importlib.util.find_spec("fasttext") is None:
        raise Missing("fastText is not installed: pip install -e '.[bench]'")
    return Rival("fasttext_bigrams", unit)


def linear_svc(unit: str) -> Rival:
    return Rival("linear_svc", unit)


def keras(unit: str, sizes: dict[str, object]) -> Rival:
    return Rival("keras_gru", unit, keras_python(), "keras", sizes)


def keras_python() -> Path:
    """The interpreter of Keras's own environment, which is made where there is none yet: TensorFlow and torch are never
    in one process. Raises Missing where it cannot be made."""
    folder = Path(os.environ.get("BENCH_KERAS_VENV", ROOT / ".venv-keras"))
    python = folder.absolute() / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        if subprocess.run([python, "-c", "import keras, tensorflow"], capture_output=True).returncode != 0:
            install = [python, "-m", "pip", "install", "--quiet", *KERAS_REQUIREMENTS]
            subprocess.run(install, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"Keras could not be installed into {folder}: {error}") from error
    return python


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
