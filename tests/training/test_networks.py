"""What training keeps and logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import TINY, Cli, sets
from textrnn import RNNClassifier
from textrnn.errors import TextRNNError
from textrnn.training import networks


def test_the_kept_model_is_that_of_the_best_evaluation(cli: Cli, train_file: Path) -> None:
    options = sets("train.schedule=constant", "train.warmup=0", "train.learning_rate=0.2", "train.patience=null")
    assert cli("train", "--data", "train.tsv", *TINY, *options, *sets("train.epochs=3"), "--run-dir", "all").code == 0
    losses = [json.loads(line)["dev_loss"] for line in Path("all/history.jsonl").read_text().splitlines()]
    best = 1 + losses.index(min(losses))
    assert 1 < best < 3, "an epoch in the middle must be the best one for the test to show anything"
    ends = [*options, *sets(f"train.epochs={best}"), "--run-dir", "best"]
    assert cli("train", "--data", "train.tsv", *TINY, *ends).code == 0
    kept, last = load_file("all/model/model.safetensors"), load_file("best/resume/state.safetensors")
    assert all(torch.equal(tensor, last[name.replace("networks.0", "model")]) for name, tensor in kept.items())

    keys = {
        "ngrams": 1, "linear": "none", "adversarial_norm": None, "embedding_lr_multiplier": 1, "folds": 1,
        "embedding_dim": 8, "hidden_size": 8, "epochs": 3, "batch_size": 16, "min_count": 1, "schedule": "constant",
        "warmup": 0, "learning_rate": 0.2, "patience": None,
    }  # fmt: skip
    labels, rows = zip(*(line.split("\t") for line in train_file.read_text().splitlines()), strict=True)
    RNNClassifier(**keys, device="cpu").fit(rows, labels).save("estimator")
    saved = load_file("estimator/model.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in kept.items())


def test_what_is_not_finite_is_noticed_within_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "FLUSH_SECONDS", 0.0)
    classifier = RNNClassifier(
        epochs=1, batch_size=1, learning_rate=1e30, grad_clip_norm=None, embedding_dim=4, hidden_size=4, device="cpu"
    )
    with pytest.raises(TextRNNError, match=r"not finite at epoch 1, step [1-6];"):
        classifier.fit([f"a b {number}" for number in range(50)], [0, 1] * 25)


def test_history_follows_the_schedule_and_the_clipping(cli: Cli, train_file: Path) -> None:
    options = sets("train.schedule=linear", "train.warmup=0", "train.grad_clip_norm=0.001")
    assert cli("train", "--data", "train.tsv", *TINY, *options).code == 0
    history = [json.loads(line) for line in Path("runs/train/history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history] == [4, 8]
    assert history[1]["learning_rate"] == pytest.approx(4e-3 / 8)
    assert [line["clipped"] for line in history] == [1.0, 1.0]
    assert history[0]["grad_norm_max"] >= history[0]["grad_norm_mean"] > 0.001


def test_bars_and_lines_go_to_stderr_alone(cli: Cli, train_file: Path) -> None:
    result = cli("train", "--data", "train.tsv", *TINY)
    assert result.out == "runs/train\n"
    assert "\r" not in result.err
    assert "epoch 2/2: loss " in result.err
