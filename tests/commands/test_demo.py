"""`textrnn demo` trains on the sample, evaluates, predicts, and replaces nothing but an earlier demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Cli, Result
from textrnn.commands.demo import TEXTS, sample_root

RUN = Path("runs/demo")


@pytest.fixture
def demo(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """`demo()` runs the command with every tenth text of the sample and a single epoch."""
    small = tmp_path_factory.mktemp("package")
    for name in ("train.tsv", "test.tsv"):
        lines = (sample_root() / "data/sample" / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (small / "data/sample").mkdir(parents=True, exist_ok=True)
        (small / "data/sample" / name).write_text("".join(lines[::10]), encoding="utf-8")
    config = yaml.safe_load((sample_root() / "configs/sample.yaml").read_text(encoding="utf-8"))
    config["train"]["epochs"] = 1
    (small / "configs").mkdir()
    (small / "configs/sample.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setattr("textrnn.commands.demo.sample_root", lambda: small)

    def run() -> Result:
        return cli("demo")

    return run


def test_it_prints_report_and_predictions_and_what_to_type_next(demo: Cli) -> None:
    result = demo()
    assert result.code == 0, result.err
    assert "Confusion matrix" in result.out and "documents  40\n" in result.out
    predicted = result.out.partition("Predictions\n")[2].splitlines()
    assert [line.split(maxsplit=2)[2] for line in predicted] == TEXTS
    assert any("，" in text for text in TEXTS) and any(text.isascii() for text in TEXTS)
    labels = set((RUN / "model/labels.txt").read_text().split())
    assert {line.split()[0] for line in predicted} <= labels
    assert "textrnn init reviews.csv" in result.err
    assert json.loads((RUN / "eval/test/metrics.json").read_text())["n"] == 40


def test_it_replaces_an_earlier_demo_and_nothing_else(demo: Cli, trained: Path) -> None:
    (trained.parent / "demo").symlink_to(trained.name)
    before = (trained / "environment.json").read_bytes()
    result = demo()
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: runs/demo: ") and "another folder" in result.err
    assert (trained / "environment.json").read_bytes() == before
    (trained.parent / "demo").unlink()
    for _ in range(2):
        assert demo().code == 0
    RUN.rename("runs/kept")
    RUN.write_text("a file")
    assert demo().code == 1
    assert RUN.read_text() == "a file"


def test_the_sample_is_whole(cli: Cli) -> None:
    config = sample_root() / "configs/sample.yaml"
    files = [f"data.{part}={sample_root() / 'data/sample' / part}.tsv" for part in ("train", "test")]
    result = cli("vocab", "--config", config, "--set", files[0], "--set", files[1])
    assert result.code == 0, result.err
    assert "train: 1,440 texts" in result.out and "test: 400 texts" in result.out
