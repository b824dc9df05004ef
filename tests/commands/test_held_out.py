"""What a run says of the texts that it held out must come from models that were not trained on them."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from tests.conftest import Cli, make_rows, sets, write_tsv
from tests.stops import at_file, die

SMALL = sets("model.hidden_size=4", "model.embedding_dim=4", "train.epochs=1")
CLASSES = 3


def write_noise(name: str, rows: int, seed: int) -> str:
    """Texts whose labels are random."""
    rng = random.Random(seed)
    lines = [
        f"{rng.randrange(CLASSES)}\t{' '.join(rng.choice('abcdefghijklmnop') * 3 for _ in range(8))} {seed}{row}x\n"
        for row in range(rows)
    ]
    Path(name).write_text("".join(lines), encoding="utf-8")
    return name


def train(cli: Cli, file: str, *options: str) -> str:
    """The log of training the run `r`."""
    result = cli("train", "--data", file, "--run-dir", "r", *SMALL, *options)
    assert result.code == 0, result.err
    return result.err


@pytest.mark.parametrize(
    ("options", "evaluated"),
    [
        (sets("train.folds=1", "data.dev_fraction=0.3"), []),
        (["--preset", "plain", *sets("data.dev_fraction=0.3")], []),
        (sets("train.folds=3"), []),
        (sets("data.dev=dev.tsv"), ["--split", "dev"]),
    ],
)
def test_labels_that_are_noise_look_like_noise_on_held_out_texts(
    options: list[str], evaluated: list[str], cli: Cli, workplace: Path
) -> None:
    write_noise("dev.tsv", 150, 2)
    train(cli, write_noise("train.tsv", 300, 1), *options)
    result = cli("eval", "r", *evaluated, "--json")
    assert result.code == 0, result.err
    metrics = json.loads(result.out)
    assert metrics["parts"]["linear"]["accuracy"] < 0.55 and metrics["accuracy"] < 0.55
    last = json.loads(Path("r/history.jsonl").read_text().splitlines()[-1])
    assert metrics["parts"]["linear"]["accuracy"] == pytest.approx(last["dev_linear_accuracy"])


def test_without_its_margins_dev_is_not_evaluated(cli: Cli, workplace: Path) -> None:
    train(cli, write_noise("train.tsv", 300, 1), *sets("data.dev_fraction=0.3"))
    Path("r/resume/linear.safetensors").unlink()
    result = cli("eval", "r")
    assert result.code == 1 and "r/resume/linear.safetensors: missing" in result.err and "give DATA" in result.err


@pytest.mark.parametrize(
    "options", [["train.folds=3"], ["data.dev_fraction=0.4"], ["data.dev_fraction=0.4", "model.linear=report"]]
)
def test_repeated_rows_of_noise_look_like_noise_under_every_way_to_divide_them(
    options: list[str], cli: Cli, workplace: Path
) -> None:
    lines = Path(write_noise("one.tsv", 200, 1)).read_text()
    Path("train.tsv").write_text(3 * lines)
    accuracy = re.search(r"accuracy in cross-validation ([\d.]+)", train(cli, "train.tsv", *sets(*options)))
    assert accuracy and float(accuracy[1]) < 0.55
    metrics = json.loads(cli("eval", "r", "--json").out)
    assert metrics["parts"]["linear"]["accuracy"] < 0.5 and metrics["accuracy"] < 0.5
    assert metrics["n"] == (200 if "train.folds=3" in options else 80), "each text counts once"


def test_a_dev_file_that_has_changed_is_evaluated_like_any_other(cli: Cli, workplace: Path) -> None:
    write_noise("dev.tsv", 150, 2)
    train(cli, write_noise("train.tsv", 300, 1), *sets("data.dev=dev.tsv"))
    lines = Path("dev.tsv").read_text().splitlines(keepends=True)
    Path("dev.tsv").write_text("".join(lines[::-1]) + "1\ta new text\n")
    result = cli("eval", "r", "--json")
    metrics = json.loads(result.out)
    assert "warning: these are not the texts held out by the run" in result.err
    assert metrics["held_out"] is False and metrics["seen"]["n"] == 150 and metrics["n"] == 151


def test_many_empty_rows_change_no_score(cli: Cli, workplace: Path) -> None:
    rows = make_rows(60)
    for name, added in (("without", []), ("with", [("food", "")] * 20)):
        write_tsv(Path(f"{name}.tsv"), [*rows, *added])
        assert cli("train", "--data", f"{name}.tsv", "--run-dir", name, *SMALL, *sets("train.folds=3")).code == 0
    one, other = (json.loads(cli("eval", name, "--json").out) for name in ("without", "with"))
    for key in ("accuracy", "macro_f1", "loss", "n", "parts"):
        assert one[key] == other[key]
    weights = [Path(name, "model", "model.safetensors").read_bytes() for name in ("without", "with")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("train", "dev", "message"),
    [
        ([("food", ""), ("sport", " ")] * 10, None, "none of the 20 train texts has a token"),
        ([*[("food", f"soup {n}") for n in range(9)], ("sport", "")], None, "texts that have a token are all of one"),
        (make_rows(30), [("food", " ")] * 3, "none of the 3 dev texts has a token"),
    ],
)
def test_texts_of_which_none_has_a_token_are_refused(
    train: list[tuple[str, str]], dev: list[tuple[str, str]] | None, message: str, cli: Cli, workplace: Path
) -> None:
    write_tsv(Path("train.tsv"), train)
    write_tsv(Path("dev.tsv"), dev or [])
    options = sets("data.dev=dev.tsv") if dev else []
    result = cli("train", "--data", "train.tsv", "--run-dir", "r", *SMALL, *options)
    assert result.code == 1 and message in result.err and not Path("r").exists()


def test_dev_texts_that_a_reported_linear_model_learnt_are_seen(cli: Cli, workplace: Path) -> None:
    write_tsv(Path("train.tsv"), make_rows(60))
    train(cli, "train.tsv", *sets("data.dev_fraction=0.3", "model.linear=report"))
    result = cli("eval", "r", "train.tsv", "--json")
    assert json.loads(result.out)["seen"]["n"] == 60 and json.loads(result.out)["verdict"] is None


def test_rows_without_a_token_decide_no_verdict(cli: Cli, workplace: Path) -> None:
    write_tsv(Path("train.tsv"), [*make_rows(60), ("food", ""), ("sport", "")])
    train(cli, "train.tsv", *sets("data.dev_fraction=0"))
    metrics = json.loads(cli("eval", "r", "train.tsv", "--json").out)
    assert metrics["seen"]["n"] == 60 and metrics["seen"]["unseen_accuracy"] is None and metrics["verdict"] is None


def test_a_network_that_diverged_is_warned_of_and_has_no_weight(cli: Cli, workplace: Path) -> None:
    write_tsv(Path("train.tsv"), make_rows(150))
    log = train(cli, "train.tsv", *sets("train.learning_rate=1000", "train.folds=2", "train.grad_clip_norm=null"))
    assert "no better than chance on held-out texts: predictions use the linear model alone" in log
    assert json.loads(Path("r/model/decision.json").read_text())["weight"] == 1
    Path("new.txt").write_text("soup with bread\nthe match was late\n")
    assert [line.split("\t")[0] for line in cli("predict", "r", "new.txt").out.splitlines()] == ["food", "sport"]
    assert cli("explain", "r", "new.txt").code == 0
    write_tsv(Path("test.tsv"), make_rows(60, seed=5))
    assert "the network has no weight" in cli("eval", "r", "test.tsv").out


def test_training_texts_and_unfinished_runs_are_reported(cli: Cli, workplace: Path) -> None:
    train(cli, write_noise("train.tsv", 90, 1), *sets("train.folds=2"))
    result = cli("eval", "r", "--split", "train")
    assert "warning: the run was trained on all 90 texts" in result.err
    assert "training has not ended" not in result.err and "improves on" not in result.out

    with at_file("held_out.safetensors", die):
        assert cli("train", "--data", "train.tsv", "--run-dir", "cut", *SMALL, *sets("train.folds=2")).code == 130
    Path("new.txt").write_text("soup with bread\n")
    for command, data in (("eval", "train.tsv"), ("predict", "new.txt"), ("explain", "new.txt")):
        result = cli(command, "cut", data)
        assert result.code == 0
        assert "warning: training has not ended: continue it with: textrnn train --resume --run-dir cut" in result.err
        assert "has not ended" not in cli(command, "r", data).err
