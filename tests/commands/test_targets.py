"""Weights of texts and classes, and soft labels: the same training whichever way they are written, and their traces in
logs, checks and evaluations."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import PLAIN, TINY, Cli, make_rows, sets
from textrnn import TextClassifier

ROWS = make_rows(60)
# A network and a linear model; the network is adversarially trained.
BOTH = sets(
    "model.embedding_dim=8", "model.hidden_size=8", "train.epochs=2", "train.batch_size=16", "vocab.min_count=1",
    "train.folds=2",
)  # fmt: skip
NETWORK_ALONE = sets(
    *PLAIN, "model.embedding_dim=8", "model.hidden_size=8", "train.epochs=12", "train.batch_size=8",
    "train.learning_rate=0.03", "train.patience=null", "vocab.min_count=1", "model.dropout=0",
    "model.embedding_dropout=0",
)  # fmt: skip
Train = Callable[..., Path]


@pytest.fixture
def train(cli: Cli) -> Train:
    """`train("x.csv", "train.seed=2")` trains, and returns the folder of the run."""

    def make(file: str, *settings: str, base: list[str] = BOTH) -> Path:
        folder = Path(f"run{len(list(Path().glob('run*')))}")
        result = cli("train", "--data", file, *base, *sets(*settings), "--run-dir", folder)
        assert result.code == 0, result.err
        (folder / "stderr").write_text(result.err)
        return folder

    return make


def tensors(run: Path) -> list[bytes]:
    """The files of all that was learnt."""
    names = ("model.safetensors", "linear.safetensors", "decision.json")
    return [path.read_bytes() for name in names if (path := run / "model" / name).exists()]


def log(run: Path) -> str:
    return (run / "stderr").read_text()


def write_csv(name: str, rows: Iterable[tuple[str, str]], weights: Iterable[object] = ()) -> str:
    weights = list(weights)
    lines = [f"{text},{label},{weights[at % len(weights)]}" for at, (label, text) in enumerate(rows)]
    Path(name).write_text("\n".join(["text,label,weight", *lines, ""]))
    return name


def write_jsonl(name: str, rows: Iterable[tuple[Any, str]]) -> str:
    content = "".join(json.dumps({"text": text, "label": label}) + "\n" for label, text in rows)
    if name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(content.encode()))
    else:
        Path(name).write_text(content)
    return name


def softened(label: str) -> dict[str, float]:
    return {other: 0.6 if other == label else 0.2 for other in ("food", "sport", "travel")}


def test_weights_of_1_change_nothing_and_others_do(train: Train) -> None:
    plain = train(write_csv("a.csv", ROWS, [1]))
    same = train("a.csv", "data.weight_column=weight")
    doubled = train(write_csv("b.csv", ROWS, [2]), "data.weight_column=weight")
    other = train(write_csv("c.csv", ROWS, [3, 1, 0.5]), "data.weight_column=weight")
    weights = [load_file(run / "model" / "model.safetensors") for run in (plain, same, doubled, other)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor)
        torch.testing.assert_close(weights[2][name], tensor)  # a network takes weights relative to their mean
    assert not all(torch.allclose(tensor, weights[3][name]) for name, tensor in weights[0].items())
    linear = [load_file(run / "model" / "linear.safetensors") for run in (plain, same, other)]
    for name, tensor in linear[0].items():
        torch.testing.assert_close(linear[1][name], tensor)
    assert any(tensor.shape != linear[2][name].shape or not torch.allclose(tensor, linear[2][name])
               for name, tensor in linear[0].items())  # fmt: skip
    assert "weights of the training texts: 0.5 to 3, mean 1.5" in log(other)


def test_a_weight_of_2_is_a_text_that_stands_there_twice(train: Train) -> None:
    """For the linear model, whose frequencies of n-grams alone differ."""
    noisy = [(label if at % 5 else "food", text) for at, (label, text) in enumerate(ROWS)]
    linear = [*sets("train.seed=3"), "--preset", "linear"]
    weighted = train(write_csv("w.csv", noisy, [1, 1, 1, 1, 2]), "data.weight_column=weight", base=linear)
    repeated = [row for at, row in enumerate(noisy) for _ in range(2 if at % 5 == 4 else 1)]
    twice, once = (
        train(write_csv("t.csv", repeated, [1]), base=linear),
        train(write_csv("o.csv", noisy, [1]), base=linear),
    )
    margins = []
    for run in (weighted, twice, once):
        model = TextClassifier.load(run).model.linear
        assert model is not None
        margins.append(model.margins([text for _, text in ROWS]))
    errors = [float(np.abs(margin - margins[1]).mean()) for margin in margins]
    assert errors[0] < errors[2] / 3


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_rows_of_weight_0_are_as_if_they_were_not_there(train: Train, kind: str) -> None:
    weighted = [(label, text, 2.0 if at % 3 else 1.0) for at, (label, text) in enumerate(ROWS)]
    ignored = [("food", "an unknown word", 0), ("nonsense", "a goal", 0)][: 1 if kind != "jsonl" else 2]
    runs = []
    for name, rows in (("a", weighted), ("b", [*weighted, *ignored[:1]])):
        if kind == "csv":
            content = "text,label,w\n" + "".join(f"{text},{label},{weight}\n" for label, text, weight in rows)
        elif kind == "tsv":
            content = "".join(f"{label}\t{text}\t{weight}\n" for label, text, weight in rows)
        else:
            content = "".join(json.dumps({"w": w, "text": text, "label": label}) + "\n" for label, text, w in rows)
        Path(f"{name}.{kind}").write_text(content)
        runs.append(train(f"{name}.{kind}", f"data.weight_column={2 if kind == 'tsv' else 'w'}"))
    assert tensors(runs[0]) == tensors(runs[1])
    assert "1 of 61 training texts has weight 0 and is left out of training" in log(runs[1])
    assert "left out" not in log(runs[0])


def test_an_evaluation_does_not_use_weights(cli: Cli, train: Train) -> None:
    run = train(write_csv("a.csv", ROWS, [5, 1, 0.1]), "data.weight_column=weight")
    rows = make_rows(30, seed=1)
    write_csv("with.csv", rows, [100, 0, 1])
    Path("without.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for label, text in rows))
    accuracies = [json.loads(cli("eval", run, file, "--json").out)["accuracy"] for file in ("with.csv", "without.csv")]
    assert accuracies[0] == accuracies[1]
    result = cli("eval", run, "--split", "dev", "--json")
    assert (result.code, json.loads(result.out)["n"]) == (0, 60), result.err


def test_balanced_weights_are_those_of_a_mapping_with_the_same_numbers(train: Train) -> None:
    labels = ("food", "sport", "sport", "sport", "sport")
    write_csv("a.csv", make_rows(40, labels=labels), [1])
    write_csv("dev.csv", make_rows(10, labels=labels, seed=1), [1])
    runs = [train("a.csv", "data.dev=dev.csv", f"train.class_weights={setting}")
            for setting in ("balanced", "{food: 2.5, sport: 0.625}", "none")]  # fmt: skip
    assert tensors(runs[0]) == tensors(runs[1]) != tensors(runs[2])
    assert "weights of the classes: food 2.5, sport 0.625\n" in log(runs[0])
    assert "weights of the classes" not in log(runs[2])


def test_labels_of_a_mapping_may_be_numbers(train: Train) -> None:
    names = {"food": "0", "sport": "1", "travel": "2"}
    write_csv("a.csv", [(names[label], text) for label, text in ROWS], [1])
    runs = [train("a.csv", f"train.class_weights={setting}") for setting in ("{0: 3, 2: 1.0}", '{"0": 3}')]
    assert tensors(runs[0]) == tensors(runs[1])


def test_certain_soft_labels_are_labels(train: Train) -> None:
    hard = train(write_jsonl("hard.jsonl", ROWS))
    soft = train(write_jsonl("soft.jsonl.gz", [({label: 1.0, "unused": 0}, text) for label, text in ROWS]))
    mixed = [(label if at % 2 else {label: 1}, text) for at, (label, text) in enumerate(ROWS)]
    assert tensors(hard) == tensors(soft) == tensors(train(write_jsonl("mixed.jsonl", mixed)))
    assert "soft labels" not in log(soft)


def test_a_network_learns_the_probabilities(train: Train) -> None:
    """The loss of the hard labels falls below the entropy of the soft ones, theirs cannot."""
    hard = train(write_jsonl("hard.jsonl", ROWS), base=NETWORK_ALONE)
    soft = train(write_jsonl("soft.jsonl", [(softened(label), text) for label, text in ROWS]), base=NETWORK_ALONE)
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.2))
    losses = [json.loads((run / "history.jsonl").read_text().splitlines()[-1])["train_loss"] for run in (hard, soft)]
    assert losses[0] < entropy < losses[1] < entropy + 0.1
    assert re.search(r"^soft labels: 5\d of 5\d train texts have probabilities of several labels", log(soft), re.M)
    assert "label food: 18 training texts" in log(soft), "a text counts for its most probable label"


def test_the_linear_model_is_unsure_where_its_labels_are(train: Train) -> None:
    linear = [*sets("train.seed=3"), "--preset", "linear"]
    rows = [
        ({"food": 0.5, "sport": 0.5} if "the" in text.split() else label, text)
        for label, text in ROWS
        if label != "travel"
    ]
    run = train(write_jsonl("soft.jsonl", rows), base=linear)
    sure, unsure = TextClassifier.load(run).model.linear.margins(["soup", "the soup the"])  # type: ignore[union-attr]
    assert sure[0] - sure[1] > 1.3 * (unsure[0] - unsure[1]) > 0


def test_label_smoothing_class_weights_and_bad_rows_go_with_soft_labels_of_ids(train: Train) -> None:
    Path("names.txt").write_text("Essen\nSport\nReise\n")
    ids = {"food": "0", "sport": "1", "travel": "2"}
    rows = [({ids[name]: share for name, share in softened(label).items()}, text) for label, text in ROWS]
    write_jsonl("a.jsonl", [*rows, ({"3": 1.0}, "no such id")])
    run = train("a.jsonl", "data.label_names=names.txt", "data.bad_rows=skip", "train.label_smoothing=0.1",
                "train.class_weights={Essen: 2}")  # fmt: skip
    assert (run / "model" / "labels.txt").read_text().split() == ["Essen", "Sport", "Reise"]
    assert "1 bad row of train skipped: " in log(run)


def test_probabilities_that_are_rounded_are_normalized_and_reported_once(cli: Cli, train: Train) -> None:
    shares = [{"food": 0.3333, "sport": 0.3333, "travel": 0.3333}, {"food": 0.6999, "sport": 0.3}]
    exact = [{"food": 1 / 3, "sport": 1 / 3, "travel": 1 / 3}, {"food": 0.6999 / 0.9999, "sport": 0.3 / 0.9999}]
    files = [write_jsonl(f"{at}.jsonl", [*ROWS, *zip(parts, ("a b", "c d"), strict=True)])
             for at, parts in enumerate((shares, exact))]  # fmt: skip
    runs = [train(file) for file in files]
    assert tensors(runs[0]) == tensors(runs[1])
    line = "the probabilities of 2 soft labels of train add up to 1 only within 0.001: they were divided by their sum"
    assert [log(run).count(line) for run in runs] == [1, 0]
    assert cli("vocab", "--data", files[0]).err.count(line) == 1, "also of the corpus in the cache"


def test_soft_labels_are_evaluated_and_checked_by_the_most_probable_class(cli: Cli, train: Train) -> None:
    run = train(write_jsonl("hard.jsonl", ROWS))
    test = make_rows(30, seed=1)
    write_jsonl("hard_test.jsonl", test)
    write_jsonl("soft_test.jsonl", [(softened(label), text) for label, text in test])
    results = [cli("eval", run, f"{kind}_test.jsonl", "--json") for kind in ("hard", "soft")]
    hard, soft = (json.loads(result.out) for result in results)
    assert (soft["accuracy"], soft["loss"]) == (hard["accuracy"], hard["loss"])
    notice = "soft_test has soft labels: the most probable class of each text counts as the true one"
    assert notice in results[1].err and "soft labels" not in results[0].err
    write_jsonl("c.jsonl", [*((softened(label), text) for label, text in ROWS), (softened("food"), ROWS[1][1])])
    check = cli("check", "--data", "c.jsonl")
    assert "1 text occurs in the training data with different labels (2 rows)" in " ".join(check.out.split())
    assert "soft labels: 61 of 61 train texts" in check.out
    statistics = json.loads(cli("vocab", "--data", "c.jsonl", "--json").out)
    assert statistics["splits"]["train"]["soft_labels"] == statistics["splits"]["train"]["n"]
    assert statistics["splits"]["train"]["weights"] is None


def test_the_answers_of_predict_are_soft_labels(cli: Cli, train: Train) -> None:
    teacher = train(write_jsonl("hard.jsonl", ROWS))
    Path("texts.txt").write_text("".join(f"{text}\n" for _, text in make_rows(40, seed=2)))
    options = ("--output-format", "jsonl", "--probabilities", "--output", "soft.jsonl")
    assert cli("predict", teacher, "texts.txt", *options).code == 0
    student = train("soft.jsonl", "data.label_column=probabilities", "train.folds=1")
    assert (student / "model" / "labels.txt").read_text().split() == ["food", "sport", "travel"]
    assert re.search(r"^soft labels: 3\d of 3\d train texts", log(student), re.M)


def test_an_unknown_label_of_another_file_is_found_inside_soft_labels(cli: Cli, train: Train) -> None:
    run = train(write_jsonl("hard.jsonl", ROWS))
    write_jsonl("t.jsonl", [("food", "soup"), ({"food": 0.9, "fod": 0.1}, "bread")])
    result = cli("eval", run, "t.jsonl")
    assert result.code == 1 and "t.jsonl:2: unknown label 'fod'; the model has: food, sport, travel." in result.err


def test_changed_weights_are_changed_data(cli: Cli, train: Train) -> None:
    weighted = sets("data.weight_column=weight")
    run = train(write_csv("a.csv", ROWS, [1, 2]), "data.weight_column=weight", base=TINY)
    before = (run / "model" / "model.safetensors").read_bytes()
    write_csv("a.csv", ROWS, [1, 3])
    for options, message in [
        ([*weighted, *sets("train.epochs=3")], "data.train: the content has changed since the run began"),
        (sets("data.weight_column=null", "train.epochs=3"), "the one given differs in: data.weight_column"),
        ([*weighted, *sets("train.epochs=3", "train.class_weights={food: 2}")], "differs in: train.class_weights"),
    ]:
        result = cli("train", "--data", "a.csv", *TINY, *options, "--run-dir", run, "--resume")
        assert result.code == 1 and message in result.err, result.err
    assert (run / "model" / "model.safetensors").read_bytes() == before


def test_weights_of_another_unit_are_reported(cli: Cli) -> None:
    write_csv("a.csv", ROWS, [1000, 3000])
    text = " ".join(cli("check", "--data", "a.csv", *sets("data.weight_column=weight")).out.split())
    assert "weights: the mean weight is 2e+03" in text and "divide all weights by 2e+03" in text
    assert "the mean weight" not in cli("check", "--data", "a.csv").out


def test_init_takes_no_column_of_weights_for_labels(cli: Cli) -> None:
    write_csv("a.csv", [("", text) for _, text in ROWS], ["y", "n"])
    Path("a.csv").write_text(Path("a.csv").read_text().replace("label,weight", "w,kind").replace(",,", ",1,"))
    result = cli("init", "a.csv", *sets("data.weight_column=w"))
    assert "label_column: kind" in result.out and "weight_column: w" in result.out, result.err
