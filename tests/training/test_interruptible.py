"""What training records and says, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import TINY, Cli


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
