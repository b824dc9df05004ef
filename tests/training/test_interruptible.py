"""What training records and says, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import TINY, Cli
from textrnn.linear.mixture import Decision
from textrnn.training import interruptible, recorder
from textrnn.training.decision import Scores


def test_the_kept_model_is_that_of_the_best_evaluation(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = [0.9, 0.5, 0.6]

    def judged(*_: object, **options: object) -> Scores:
        together = {"accuracy": 0.5, "loss": scripted.pop(0), "macro_f1": 0.5}
        return Scores(together, together, None, Decision())

    states: list[dict[str, torch.Tensor]] = []
    save_state = recorder.save_state

    def keep(path, model, *others) -> None:
        states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        save_state(path, model, *others)

    monkeypatch.setattr(interruptible, "judge", judged)
    monkeypatch.setattr(recorder, "save_state", keep)
    assert cli("train", "--data", "train.tsv", *TINY, "--set", "train.epochs=3").code == 0
    kept = load_file("runs/train/model/model.safetensors")
    assert len(states) == 4  # the first one from before the first step
    equal = [all(torch.equal(tensor, kept[f"networks.0.{name}"]) for name, tensor in state.items()) for state in states]
    assert equal == [False, False, True, False]


def test_history_follows_the_schedule_and_the_clipping(cli: Cli, train_file: Path) -> None:
    options = ["--set", "train.schedule=linear", "--set", "train.warmup=0", "--set", "train.grad_clip_norm=0.001"]
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
