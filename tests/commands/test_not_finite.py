"""Weights, logits and losses that are NaN or infinite end in one message; nothing is kept or written of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.commands.bad_inputs import snapshot
from tests.conftest import TRAINED, Cli, sets
from textrnn import RNNClassifier, TextClassifier
from textrnn.errors import CheckpointError, NotFiniteError, TextRNNError

WEIGHTS = Path("runs/train/model/model.safetensors")


def lines(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith(("error", "warning", "Traceback"))]


WILD = ["train", *TRAINED, *sets("train.learning_rate=1e38"), "--run-dir", "wild"]


@pytest.mark.parametrize(
    "options",
    [
        [], ["data.dev_fraction=0"], ["train.monitor=dev_loss"], ["model.linear=mix"],
        ["train.batch_size=64"],  # its only step of an epoch spoils the weights
        ["train.batch_size=64", "data.dev_fraction=0", "train.epochs=1"],
    ],
)  # fmt: skip
def test_training_stops_before_it_keeps_such_a_model_and_again_when_resumed(
    cli: Cli, trained: Path, options: list[str]
) -> None:
    result = cli(*WILD, *sets(*options))
    assert (result.code, result.out) == (1, "")
    (message,) = [line for line in lines(result.err) if not line.startswith("warning")]
    assert re.match("error: training stopped: .*not finite.* epoch 1.*lower train.learning_rate", message)
    assert " *" not in result.err
    assert not Path("wild/model/model.safetensors").exists()
    assert not Path("wild/history.jsonl").exists()
    again = cli(*WILD, *sets(*options), "--resume")
    assert (again.code, lines(again.err)[-1:]) == (1, [message])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_with_such_a_weight_is_damaged(cli: Cli, trained: Path, value: float) -> None:
    tensors = load_file(WEIGHTS)
    tensors["networks.0.embedding.table.weight"][-1, -1] = value
    save_file(tensors, WEIGHTS)
    before = snapshot()
    message = (
        "damaged: networks.0.embedding.table.weight has a number that is NaN or infinite; copy it again, or train again"
    )
    for arguments in (["predict", trained, "test.tsv"], ["eval", trained]):
        result = cli(*arguments)
        assert (result.code, result.out, lines(result.err)) == (1, "", [f"error: {WEIGHTS}: {message}"])
    with pytest.raises(CheckpointError, match=message):
        TextClassifier.load(trained)
    assert snapshot() == before


@pytest.mark.parametrize("output_format", ["tsv", "jsonl"])
def test_logits_that_overflow_are_one_error_and_no_row_is_written(cli: Cli, trained: Path, output_format: str) -> None:
    tensors = load_file(WEIGHTS)
    for name in tensors:
        if "head" in name:
            tensors[name].fill_(3e38)
        elif "encoder" in name and "bias" in name:
            tensors[name].fill_(30.0)  # all outputs of an LSTM are nearly 1
    save_file(tensors, WEIGHTS)
    before = snapshot()
    for arguments in (
        ["predict", trained, "test.tsv", "--output-format", output_format],
        ["predict", trained, "test.tsv", "--output-format", output_format, "--output", "out"],
        ["eval", trained, "--json"],
    ):
        result = cli(*arguments)
        assert (result.code, result.out, len(lines(result.err))) == (1, "", 1)
        assert lines(result.err)[0].startswith("error: the model's logits are not finite: its weights are")
        assert snapshot() == before
    with pytest.raises(NotFiniteError):
        TextClassifier.load(trained).predict(["soup"])


def test_a_loss_that_overflows_is_an_error_of_eval(cli: Cli, trained: Path) -> None:
    tensors = load_file(WEIGHTS)
    tensors["networks.0.head.1.weight"].zero_()
    tensors["networks.0.head.1.bias"].copy_(torch.tensor([3e38, 0.0, 0.0]))
    save_file(tensors, WEIGHTS)
    assert cli("predict", trained, "test.tsv").code == 0
    result = cli("eval", trained)
    assert (result.code, result.out) == (1, "")
    assert lines(result.err)[-1].startswith("error: the model's loss is not finite")
    assert not (trained / "eval").exists()


@pytest.mark.parametrize("keys", [{}, {"linear": "none"}, {"epochs": 1}])
@pytest.mark.parametrize("dev_fraction", [0.2, 0.0])
def test_the_estimator_also_stops(keys: dict[str, Any], dev_fraction: float) -> None:
    sizes = {"epochs": 3, "batch_size": 50, "embedding_dim": 4, "hidden_size": 4, "ngrams": 1}
    model = RNNClassifier(**(sizes | keys), learning_rate=1e38, dev_fraction=dev_fraction, device="cpu")
    texts, labels = [f"{'a b' if number % 2 else 'c d'} {number}" for number in range(40)], [1, 2] * 20
    with pytest.raises(TextRNNError, match="training stopped: .*not finite"):
        model.fit(texts, labels)
    assert not hasattr(model, "classifier_")


def test_all_json_of_a_run_is_strict(cli: Cli, trained: Path) -> None:
    assert cli("eval", trained).code == 0
    for path in [*trained.rglob("*.json"), trained / "history.jsonl"]:
        for line in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
            json.loads(line, parse_constant=pytest.fail)
