"""What a run says of the texts that it held out must come from models that were not trained on them."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from tests.conftest import Cli, copy_template, train_in
from textrnn.training import cross_fitting

SMALL = ["--set", "model.hidden_size=4", "--set", "model.embedding_dim=4", "--set", "train.epochs=1"]
CLASSES = 3


def write_noise(name: str, rows: int, seed: int) -> str:
    """Texts whose labels nobody can tell."""
    rng = random.Random(seed)
    lines = [
        f"{rng.randrange(CLASSES)}\t{' '.join(rng.choice('abcdefghijklmnop') * 3 for _ in range(8))} {seed}{row}x\n"
        for row in range(rows)
    ]
    Path(name).write_text("".join(lines), encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("options", "evaluated"),
    [
        (["--set", "train.folds=1", "--set", "data.dev_fraction=0.3"], []),
        (["--preset", "plain", "--set", "data.dev_fraction=0.3"], []),
        (["--set", "train.folds=3"], []),
        (["--set", "data.dev=dev.tsv"], ["--split", "dev"]),
        (["--set", "data.dev=dev.tsv"], ["dev.tsv"]),
    ],
)
def test_labels_that_are_noise_look_like_noise_on_held_out_texts(
    options: list[str], evaluated: list[str], cli: Cli, workplace: Path
) -> None:
    write_noise("train.tsv", 300, 1)
    write_noise("dev.tsv", 150, 2)
    assert cli("train", "--data", "train.tsv", "--run-dir", "r", *SMALL, *options).code == 0
    result = cli("eval", "r", *evaluated, "--json")
    assert result.code == 0, result.err
    metrics = json.loads(result.out)
    assert metrics["parts"]["linear"]["accuracy"] < 0.55 and metrics["accuracy"] < 0.55
    last = json.loads(Path("r/history.jsonl").read_text().splitlines()[-1])
    assert metrics["parts"]["linear"]["accuracy"] == pytest.approx(last["dev_linear_accuracy"])


def test_without_what_was_said_of_dev_it_is_not_evaluated(cli: Cli, workplace: Path) -> None:
    write_noise("train.tsv", 300, 1)
    assert cli("train", "--data", "train.tsv", "--run-dir", "r", *SMALL, "--set", "data.dev_fraction=0.3").code == 0
    Path("r/resume/linear.safetensors").unlink()
    result = cli("eval", "r")
    assert result.code == 1 and "r/resume/linear.safetensors: missing" in result.err and "give DATA" in result.err


def test_equal_texts_are_in_the_same_fold(cli: Cli, workplace: Path) -> None:
    lines = Path(write_noise("one.tsv", 150, 1)).read_text()
    Path("train.tsv").write_text(2 * lines)
    assert cli("train", "--data", "train.tsv", "--run-dir", "r", *SMALL, "--set", "train.folds=3").code == 0
    metrics = json.loads(cli("eval", "r", "--json").out)
    assert metrics["parts"]["linear"]["accuracy"] < 0.55


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.csv`, `dev.csv` with a column `other`, and a run `r` of them."""
    folder = tmp_path_factory.mktemp("judged")
    for name, rows, seed in (("train.csv", 300, 1), ("dev.csv", 150, 2)):
        noise = Path(write_noise(str(folder / "noise.tsv"), rows, seed)).read_text()
        pairs = [line.split("\t") for line in noise.splitlines()]
        lines = ["text,label,other", *(f"{text},{label},{text[::-1]}" for label, text in pairs)]
        (folder / name).write_text("\n".join(lines) + "\n")
    train_in(folder, "--data", "train.csv", "--run-dir", "r", *SMALL, "--set", "data.dev=dev.csv")
    return folder


@pytest.mark.parametrize("change", ["a label", "the order", "packed", "another column"])
def test_a_changed_dev_file_is_not_judged_by_what_was_fitted_on_it(
    change: str, cli: Cli, judged: Path, workplace: Path
) -> None:
    copy_template(judged, workplace, "r")
    lines = Path("dev.csv").read_text().splitlines()
    file, options = "dev.csv", []
    if change == "a label":
        lines[1] = lines[1].replace(",0,", ",1,") if ",0," in lines[1] else lines[1].replace(",1,", ",0,")
    elif change == "the order":
        lines[1:] = sorted(lines[1:])
    elif change == "another column":
        options = ["--set", "data.text_column=other"]
    Path("dev.csv").write_text("\n".join(lines) + "\n")
    if change == "packed":
        file = "again.csv.gz"
        Path(file).write_bytes(gzip.compress(Path("dev.csv").read_bytes()))
    result = cli("eval", "r", file, "--json", *options)
    assert result.code == 0, result.err
    assert json.loads(result.out)["parts"]["linear"]["accuracy"] < 0.55


def test_training_texts_and_unfinished_runs_are_told(
    cli: Cli, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_noise("train.tsv", 90, 1)
    assert cli("train", "--data", "train.tsv", "--run-dir", "r", *SMALL, "--set", "train.folds=2").code == 0
    result = cli("eval", "r", "--split", "train")
    assert "warning: these are the texts that the run was trained on" in result.err
    assert "training has not ended" not in result.err and "earns its time" not in result.out

    def die(*_: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cross_fitting, "held_out_logits", die)
        assert cli("train", "--data", "train.tsv", "--run-dir", "cut", *SMALL, "--set", "train.folds=2").code == 130
    result = cli("eval", "cut", "train.tsv")
    assert result.code == 0
    assert "warning: training has not ended: go on with: textrnn train --resume --run-dir cut" in result.err
