"""What training keeps and logs; and progress that cannot be that of a training, which is refused."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import TINY, Cli, sets
from textrnn import RNNClassifier
from textrnn.errors import CheckpointError, TextRNNError
from textrnn.linear.mixture import Mixture
from textrnn.run.folder import RunFolder
from textrnn.training import one_network
from textrnn.training.decision import Scores
from textrnn.training.fit import FitSettings
from textrnn.training.one_network import Trainee
from textrnn.training.optim import LazyAdamW
from textrnn.training.recorder import StateSaver, saved_progress, short_line
from textrnn.training.state import Evaluation, TrainingState, save_state


def history_of(run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(run, "history.jsonl").read_text().splitlines()]


def test_the_kept_model_is_that_of_the_best_evaluation(cli: Cli, train_file: Path) -> None:
    options = sets(
        "train.schedule=constant", "train.warmup=0", "train.learning_rate=0.2", "train.patience=null", "model.cell=gru"
    )  # fmt: skip
    assert cli("train", "--data", "train.tsv", *TINY, *options, *sets("train.epochs=3"), "--run-dir", "all").code == 0
    losses = [line["dev_loss"] for line in history_of("all")]
    best = 1 + losses.index(min(losses))
    assert 1 < best < 3, "an epoch in the middle must be the best one for the test to show anything"
    ends = [*options, *sets(f"train.epochs={best}"), "--run-dir", "best"]
    assert cli("train", "--data", "train.tsv", *TINY, *ends).code == 0
    kept, last = load_file("all/model/model.safetensors"), load_file("best/resume/state.safetensors")
    assert all(torch.equal(tensor, last[name.replace("networks.0", "model")]) for name, tensor in kept.items())

    keys = {
        "ngrams": 1, "linear": "none", "adversarial_norm": None, "embedding_lr_multiplier": 1, "folds": 1,
        "cell": "gru", "embedding_dim": 8, "hidden_size": 8, "epochs": 3, "batch_size": 16, "min_count": 1,
        "schedule": "constant", "warmup": 0, "learning_rate": 0.2, "patience": None,
    }  # fmt: skip
    labels, rows = zip(*(line.split("\t") for line in train_file.read_text().splitlines()), strict=True)
    RNNClassifier(**keys, device="cpu").fit(rows, labels).save("estimator")
    saved = load_file("estimator/model.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in kept.items())


def test_what_is_not_finite_is_noticed_within_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_network, "FLUSH_SECONDS", 0.0)
    classifier = RNNClassifier(
        epochs=1, batch_size=1, learning_rate=1e30, grad_clip_norm=None, embedding_dim=4, hidden_size=4, device="cpu"
    )
    with pytest.raises(TextRNNError, match=r"not finite at epoch 1, step [1-6];"):
        classifier.fit([f"a b {number}" for number in range(50)], [0, 1] * 25)


def test_history_follows_the_schedule_and_the_clipping(cli: Cli, train_file: Path) -> None:
    options = sets("train.schedule=linear", "train.warmup=0", "train.grad_clip_norm=0.001")
    assert cli("train", "--data", "train.tsv", *TINY, *options).code == 0
    history = history_of("runs/train")
    assert [line["step"] for line in history] == [4, 8]
    assert history[1]["learning_rate"] == pytest.approx(4e-3 / 8)
    assert [line["clipped"] for line in history] == [1.0, 1.0]
    assert history[0]["grad_norm_max"] >= history[0]["grad_norm_mean"] > 0.001


def test_bars_and_lines_go_to_stderr_alone(cli: Cli, train_file: Path) -> None:
    result = cli("train", "--data", "train.tsv", *TINY)
    assert result.out == "runs/train\n"
    assert "\r" not in result.err
    assert "epoch 2/2: loss " in result.err


SUMS = {"steps": 2, "documents": 8, "tokens": 90, "loss_sum": 3.5, "grad_norm_sum": 2.0, "train_seconds": 0.5}
PROGRESS = {
    **TrainingState(epoch=3, steps_in_epoch=2, step=12, best=0.7, best_loss=0.2, best_epoch=1).progress(),
    "evaluations_since_best": 1, **SUMS,
}  # fmt: skip


def run_with(folder: Path, progress: dict[str, Any]) -> RunFolder:
    run = RunFolder(folder)
    run.state.parent.mkdir()
    save_file({}, run.state, {"progress": json.dumps(progress)})
    return run


def test_good_progress_is_read(tmp_path: Path) -> None:
    assert saved_progress(RunFolder(tmp_path)) == {}
    assert saved_progress(run_with(tmp_path, PROGRESS)) == {0: TrainingState(**PROGRESS)}


WRONG: list[tuple[str, Any]] = [
    *[(key, odd) for key in ("epoch", "step", "steps", "seconds", "loss_sum", "best_epoch", "train_seconds", "finished")
      for odd in ("3", None, [3], {"a": 1}, -1, -0.5, math.nan, math.inf, 10**400)],
    *[(key, odd) for key in ("epoch", "step", "documents") for odd in (True, 3.0, 2**60)],
    ("pending_evaluation", 1), ("finished", 0), ("best", "0.5"), ("best", math.nan), ("best", True),
    ("epoch", 0), ("epoch", 1), ("epoch", 9), ("best_epoch", 3), ("evaluations_since_best", 0),
    ("steps", 3), ("steps_in_epoch", 0), ("documents", 0), ("train_seconds", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_odd_progress_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    run = run_with(tmp_path, PROGRESS | {key: value})
    with pytest.raises(CheckpointError, match=r"state.safetensors: the saved state is damaged \(.*; start over"):
        saved_progress(run)


@pytest.mark.parametrize("saved", [{}, PROGRESS | {"more": 1}, {key: PROGRESS[key] for key in list(PROGRESS)[1:]}])
def test_progress_with_other_keys_is_of_another_version(tmp_path: Path, saved: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="saved by another version of textrnn"):
        saved_progress(run_with(tmp_path, saved))


def saved_run(folder: Path, progress: dict[str, Any]) -> tuple[StateSaver, Trainee]:
    """What saves the states of a run whose state is saved, and its network, of which an epoch has five steps."""
    run, model = RunFolder(folder), torch.nn.Linear(2, 2)
    optimizer = LazyAdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    save_state(run.state, model, optimizer, TrainingState(**progress))
    settings = FitSettings(batch_size=4, epochs=9, steps_per_epoch=5, learning_rate=lambda step: 0.1)
    return StateSaver(run, save_minutes=9), Trainee(None, model, optimizer, TrainingState(), settings)


@pytest.mark.parametrize(
    ("changed", "good"),
    [
        ({}, True),
        ({"step": 13}, False),
        ({"step": 7}, False),
        ({"epoch": 4, "best_epoch": 2}, False),
        ({"pending_evaluation": True}, False),
        ({"steps_in_epoch": 5, "steps": 5, "step": 15, "pending_evaluation": True}, True),
        ({"steps_in_epoch": 5, "steps": 5, "step": 15}, False),
        ({"steps_in_epoch": 6, "steps": 6, "step": 16}, False),
    ],
)
def test_the_step_must_be_one_of_its_epoch(tmp_path: Path, changed: dict[str, Any], good: bool) -> None:
    saver, trainee = saved_run(tmp_path, PROGRESS | changed)
    if good:
        saver.restore(trainee)
        assert trainee.state.step == (PROGRESS | changed)["step"]
        return
    with pytest.raises(CheckpointError, match="damaged or of other texts .*but an epoch has 5 steps"):
        saver.restore(trainee)


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    saver, trainee = saved_run(tmp_path, PROGRESS)
    saver.restore(trainee)
    before = saver.run.state.read_bytes()
    with torch.no_grad():
        trainee.network.weight[0, 1] = math.inf
    message = r"weight is not finite at epoch 3, step 12; try a lower train\.learning_rate"
    with pytest.raises(TextRNNError, match=message):
        saver.save(trainee)
    assert saver.run.state.read_bytes() == before


@pytest.mark.parametrize("loss", [0.0, 0.43125, 9.9996, 12.3456, 99.96, 999.9, 9999.6, 99999.7, 1e30])
def test_the_short_line_fits_in_79_columns(loss: float) -> None:
    dev = {"loss": loss, "accuracy": 1.0, "macro_f1": 0.879}
    evaluation = Evaluation(
        epoch=100, step=9, train_loss=loss, scores=Scores(dev, dev, None, Mixture()), learning_rate=0.1,
        grad_norm_mean=1.0, grad_norm_max=2.0, clipped=0.5, tokens_per_second=1e6, seconds=9999.4, is_best=True,
        stopped_early=False,
    )  # fmt: skip
    line = short_line(evaluation, 100)
    assert len(line) <= 79
    (found,) = set(re.findall(r"loss (\S+),", line))
    assert float(found) == pytest.approx(loss, rel=0.5 if loss >= 99_999 else 0.01)
    assert line.endswith(", accuracy 1.0000, F1 0.8790, 9999 s *")
