"""`--precision auto`: bfloat16 only where the processor has units for it and the run's predictions agreed."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import textrnn.classifier as classifier
import textrnn.commands.predict as predict
import textrnn.runtime.device as device
import textrnn.training.networks as measuring
from tests.conftest import TRAINED, Cli
from tests.stops import at_step, die
from textrnn import TextClassifier

FILE = "test.tsv"


def have_units(monkeypatch: pytest.MonkeyPatch, has_units: bool) -> None:
    for module in (classifier, predict, measuring):
        monkeypatch.setattr(module, "has_bfloat16_units", lambda device: has_units)


def change_decision(run: Path, **changes: object) -> Path:
    """A key whose value is `...` is left out. Returns the file that holds the decision."""
    file = run / "model" / "decision.json"
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not ...}))
    return file


@pytest.mark.parametrize("has_units", [True, False])
def test_training_records_how_often_bfloat16_predicts_the_same_class_if_it_has_units(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch, has_units: bool
) -> None:
    have_units(monkeypatch, has_units)
    assert cli("train", *TRAINED, "--set", "data.test=null", "--run-dir", "run").code == 0

    agreement = json.loads(Path("run/model/decision.json").read_text())["bfloat16_agreement"]
    assert 0.9 <= agreement <= 1 if has_units else agreement is None


@pytest.mark.parametrize(
    ("agreement", "has_units", "expected", "reason"),
    [
        (0.9985, True, "bfloat16", "bfloat16 gave the same class for 99.85 % of held-out texts"),
        (0.997, True, "float32", "bfloat16 gave the same class for 99.70 % of held-out texts"),
        (None, True, "float32", "the model records no comparison with bfloat16"),
        (1.0, False, "float32", "this processor has no bfloat16 units"),
    ],
)
def test_auto_takes_bfloat16_where_it_is_fast_and_agrees(
    cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch, agreement: float | None, has_units: bool, expected: str,
    reason: str,
) -> None:  # fmt: skip
    have_units(monkeypatch, has_units)
    change_decision(trained, bfloat16_agreement=agreement)

    assert TextClassifier.load(trained, precision="auto").precision == expected
    result = cli("predict", trained, FILE, "--precision", "auto")
    assert result.err.strip() == f"computing in {expected}: {reason}"
    assert result.out == cli("predict", trained, FILE, "--precision", expected).out


def test_bfloat16_without_units_is_a_warning(cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have_units(monkeypatch, False)
    result = cli("predict", trained, FILE, "--precision", "bfloat16")

    assert result.code == 0
    assert "--precision bfloat16: this processor has no bfloat16 units; float32 is faster here" in result.err


def test_bfloat16_probabilities_are_near_those_of_float32(trained: Path) -> None:
    texts = ["where is my parcel?", "it works"]
    exact = TextClassifier.load(trained).predict_proba(texts)
    rounded = TextClassifier.load(trained, precision="bfloat16").predict_proba(texts)
    assert not np.array_equal(exact, rounded)
    np.testing.assert_allclose(exact, rounded, atol=0.05)


AUTO = [
    *TRAINED,
    "--set",
    "data.test=null",
    "--set",
    "model.cell=lstm",
    "--set",
    "model.hidden_size=64",
    "--set",
    "train.epochs=2",
]


def precision_of(run: str) -> str:
    return str(yaml.safe_load(Path(run, "config.yaml").read_text())["train"]["precision"])


@pytest.mark.parametrize(("has_units", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_run_records_the_precision_that_auto_has_taken_and_keeps_it(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch, has_units: bool, expected: str
) -> None:
    monkeypatch.setattr(device, "has_bfloat16_units", lambda _: has_units)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for run, precision in (("whole", "auto"), ("stated", expected)):
        assert cli("train", *AUTO, "--set", f"train.precision={precision}", "--run-dir", run).code == 0
        assert precision_of(run) == expected
    with at_step(4, die):
        assert cli("train", *AUTO, "--run-dir", "cut").code == 130
    monkeypatch.setattr(device, "has_bfloat16_units", lambda _: not has_units)
    assert cli("train", *AUTO, "--run-dir", "cut", "--resume").code == 0

    assert precision_of("cut") == expected
    weights = {Path(run, "model/model.safetensors").read_bytes() for run in ("whole", "stated", "cut")}
    assert len(weights) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": float("nan")}, {"network_temperature": 1e-300}, {"linear_temperature": 1e8},
        {"temperature": 0.04}, {"network_temperature": 21}, {"weight": float("nan")}, {"weight": 1.01},
        *({"bfloat16_agreement": wrong} for wrong in (1.5, -0.1, "1", True, ...)),
    ],
)  # fmt: skip
def test_a_decision_that_training_cannot_make_is_refused(cli: Cli, trained: Path, wrong: dict[str, Any]) -> None:
    file = change_decision(trained, **wrong)
    for command in ("predict", "explain"):
        result = cli(command, trained, FILE)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(f"error: {file}: damaged: ") and len(result.err.splitlines()) == 1
