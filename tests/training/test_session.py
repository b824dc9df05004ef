"""Choosing the best epoch and stopping early, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import TINY, Cli
from textrnn.training import session


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """Dev results to be met, one an evaluation."""
    results: list[dict[str, float]] = []
    monkeypatch.setattr(session, "summary", lambda logits, labels: results.pop(0))
    return results


def dev(accuracy: float, loss: float = 1.0, macro_f1: float = 0.5) -> dict[str, float]:
    return {"accuracy": accuracy, "loss": loss, "macro_f1": macro_f1}


def test_training_stops_when_dev_does_not_get_better(cli: Cli, train_file: Path, scripted: list) -> None:
    scripted += [dev(0.5), dev(0.7), dev(0.7), dev(0.6), dev(0.9)]
    result = cli("train", "--data", "train.tsv", *TINY, "--set", "train.epochs=9", "--set", "train.patience=2")
    assert result.code == 0, result.err
    assert "stopped early" in result.err
    assert len(scripted) == 1
    again = cli(
        "train", "--data", "train.tsv", *TINY, "--set", "train.epochs=20", "--set", "train.patience=2", "--resume"
    )
    assert again.code == 0
    assert "complete" in again.err


@pytest.mark.parametrize(
    ("monitor", "starred"),
    [("dev_accuracy", [True, False, True]), ("dev_loss", [True, True, False]), ("dev_macro_f1", [True, False, False])],
)
def test_the_kept_model_is_the_best_by_the_monitored_number(
    cli: Cli, train_file: Path, scripted: list, monitor: str, starred: list[bool]
) -> None:
    scripted += [dev(0.5, loss=2.0, macro_f1=0.4), dev(0.4, loss=1.0, macro_f1=0.3), dev(0.6, loss=3.0, macro_f1=0.4)]
    result = cli("train", "--data", "train.tsv", *TINY, "--set", "train.epochs=3", "--set", f"train.monitor={monitor}")
    lines = [line for line in result.err.splitlines() if line.startswith("epoch ")]
    assert [line.endswith("*") for line in lines] == starred


def test_history_follows_the_schedule_and_the_clipping(cli: Cli, train_file: Path) -> None:
    options = ["--set", "train.schedule=linear", "--set", "train.warmup=0", "--set", "train.grad_clip_norm=0.001"]
    assert cli("train", "--data", "train.tsv", *TINY, *options).code == 0
    history = [json.loads(line) for line in Path("runs/train/history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history] == [4, 8]
    assert history[1]["learning_rate"] == pytest.approx(2e-3 / 8)
    assert [line["clipped"] for line in history] == [1.0, 1.0]
    assert history[0]["grad_norm_max"] >= history[0]["grad_norm_mean"] > 0.001


def test_bars_and_lines_go_to_stderr_alone(cli: Cli, train_file: Path) -> None:
    result = cli("train", "--data", "train.tsv", *TINY)
    assert result.out == "runs/train\n"
    assert "\r" not in result.err
    assert "tokens/s" in result.err
