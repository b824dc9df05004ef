"""For a file that is given, every command and Python give the same label and probability to the same text, whatever
the run held out; what it held out counts only if its own held-out texts are asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, make_rows, sets, train_in, write_tsv
from textrnn import RNNClassifier, TextClassifier
from textrnn.commands.eval import predict_texts

QUICK = sets(
    "model.embedding_dim=8", "model.hidden_size=8", "model.ngram_dim=4", "train.epochs=4", "train.batch_size=4",
    "vocab.min_count=1", "train.adversarial_norm=null", "train.learning_rate=0.03", "model.dropout=0",
    "model.embedding_dropout=0",  # so that network and linear model both have a say
)  # fmt: skip
OWN = [*make_rows(48, seed=1), ("food", "soup or goal 9"), ("sport", "soup or goal 9"), ("food", "")]
DEV = make_rows(24, seed=2)
NEW = [*make_rows(12, seed=3), ("travel", " "), ("food", "soup or goal 10")]
KINDS = {
    "cross-fitted": ["--data", "train.tsv", *sets("train.folds=3")],
    "plain": ["--data", "train.tsv", "--preset", "plain"],
    "dev file": ["--data", "train.tsv", *sets("data.dev=dev.tsv")],
    "dev part": ["--data", "train.tsv", *sets("data.dev_fraction=0.3")],
}
FILES = {"new": NEW, "trained on": OWN, "mixed": [*NEW[:9], *OWN[::3], *DEV[::2]]}


def file_of(name: str) -> str:
    return f"{name.replace(' ', '_')}.tsv"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files, a run of each kind, and the model of an estimator."""
    folder = tmp_path_factory.mktemp("runs")
    write_tsv(folder / "train.tsv", OWN)
    write_tsv(folder / "dev.tsv", DEV)
    for name, rows in FILES.items():
        write_tsv(folder / file_of(name), rows)
    for name, arguments in KINDS.items():
        train_in(folder, *arguments, *QUICK, "--run-dir", name)
    labels, texts = zip(*OWN, strict=True)
    estimator = RNNClassifier(
        embedding_dim=8, hidden_size=8, ngram_dim=4, epochs=4, batch_size=4, min_count=1, adversarial_norm=None,
        learning_rate=0.03, dropout=0, embedding_dropout=0, folds=3,
    )  # fmt: skip
    estimator.fit(list(texts), list(labels)).save(folder / "estimator")
    return folder


@pytest.fixture
def place(runs: Path, workplace: Path) -> Path:
    shutil.copytree(runs, workplace, dirs_exist_ok=True)
    return workplace


@pytest.mark.parametrize("kind", [*KINDS, "estimator"])
def test_eval_predict_explain_compare_and_python_agree_text_for_text(
    kind: str, cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rows = file_of("mixed"), FILES["mixed"]
    texts = [text for _, text in rows]
    classifier = TextClassifier.load(kind)
    assert 0 < classifier.model.decision.weight < 1 or kind == "plain"
    expected = classifier.predict_proba(texts)
    labels, best = [classifier.labels[at] for at in expected.argmax(axis=1)], expected.max(axis=1)
    assert classifier.predict(texts) == labels

    for command in ("predict", "explain"):
        result = cli(command, kind, path, "--format", "tsv", "--text-column", "1", "--output-format", "jsonl")
        items = [json.loads(line) for line in result.out.splitlines()]
        assert [item["label"] for item in items] == labels
        assert [item["probability"] for item in items] == pytest.approx(best, abs=1e-4)

    assert cli("eval", kind, path, "--output", "out").code == 0
    lines = [line.split("\t") for line in Path("out/predictions.tsv").read_text().splitlines()[1:]]
    assert [line[1] for line in lines] == labels
    assert [float(line[2]) for line in lines] == pytest.approx(best, abs=1e-4)

    results = []

    def kept(*arguments: object) -> object:
        results.append(predict_texts(*arguments))  # type: ignore[arg-type]
        return results[-1]

    monkeypatch.setattr("textrnn.commands.compare.predict_texts", kept)
    other = "plain" if kind != "plain" else "dev part"
    assert cli("compare", kind, other, "--data", path).code == 0
    predictions, *_ = results[0]
    assert [classifier.labels[at] for at in predictions.predicted] == labels
    assert predictions.probabilities == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_the_run_was_trained_on_are_counted_and_the_others_scored(kind: str, cli: Cli, place: Path) -> None:
    known = {text.strip() for _, text in OWN}
    if kind == "dev file":
        known |= {text for _, text in DEV}  # on which the linear model was fitted, too
    known.discard("")  # left out of training
    for name, rows in FILES.items():
        result = cli("eval", kind, file_of(name), "--json")
        metrics = json.loads(result.out)
        others = [number for number, (_, text) in enumerate(rows) if text.strip() not in known]
        assert metrics["seen"]["n"] == len(rows) - len(others), name
        predictions = Path(f"{kind}/eval/{file_of(name)[:-4]}/predictions.tsv").read_text()
        lines = [line.split("\t") for line in predictions.splitlines()]
        judged = others if name == "new" else [number for number in others if rows[number][1].strip()]
        right = [lines[1 + number][0] == lines[1 + number][1] for number in judged]
        assert metrics["seen"]["unseen_accuracy"] == (pytest.approx(np.mean(right)) if judged else None)
        assert ("warning: the run was trained on" in result.err) == (len(others) < len(rows))
    hashes = np.load(f"{kind}/train_hashes.npy")
    assert hashes.dtype == np.uint64 and len(hashes) == len(known) and (hashes[1:] > hashes[:-1]).all()
    assert json.loads(cli("eval", f"{kind}/model", file_of("new"), "--json").out)["seen"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_s_own_held_out_texts_are_judged_by_what_did_not_know_them(kind: str, cli: Cli, place: Path) -> None:
    line = json.loads(Path(f"{kind}/history.jsonl").read_text().splitlines()[-1])
    shown = cli("eval", kind)
    assert shown.code == 0 and shown.out.startswith("Held-out texts of the run: ")
    metrics = json.loads(cli("eval", kind, "--split", "dev", "--json").out)
    assert metrics["held_out"] is True and metrics["verdict"] is None
    assert metrics["seen"]["n"] == 0
    if kind == "cross-fitted":
        assert metrics["n"] == 50 and metrics["accuracy"] == line["dev_accuracy"]
    assert kind != "dev file" or metrics["n"] == 24
    assert "improves on" not in shown.out
    train = json.loads(cli("eval", kind, "--split", "train", "--json").out)
    assert train["held_out"] is False and train["seen"] == {
        "n": train["n"], "unseen_accuracy": None, "unseen_macro_f1": None
    }  # fmt: skip


def test_saved_judgements_are_not_computed_anew_in_another_precision(cli: Cli, place: Path) -> None:
    result = cli("eval", "cross-fitted", "--precision", "auto")
    assert result.code == 0
    assert "computing in" not in result.err and "has no effect" in result.err


def test_texts_without_a_token_get_the_shares_of_the_classes(cli: Cli, place: Path) -> None:
    Path("texts.txt").write_text("\n \nsoup with bread and dinner\n")
    rows = [line.split("\t") for line in cli("predict", "cross-fitted", "texts.txt").out.splitlines()]
    assert [row[:2] for row in rows[:2]] == [["food", f"{17 / 50:.4f}"]] * 2
    result = cli("predict", "cross-fitted", "texts.txt", "--min-probability", "0")
    unsure = [line.split("\t")[0] for line in result.out.splitlines()]
    assert unsure[:2] == ["?", "?"] and unsure[2] != "?"
    (explanation,) = TextClassifier.load("cross-fitted").explain([" "])
    assert explanation.log_odds == explanation.baseline and explanation.gap == 0 and not explanation.tokens


def test_a_run_that_was_killed_after_its_last_epoch_still_compares_both_precisions(
    cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textrnn.training.networks.has_bfloat16_units", lambda _: True)
    decision = Path("dev part/model/decision.json")
    ended = json.loads(decision.read_text())
    decision.write_text(json.dumps(ended | {"bfloat16_agreement": None}))
    Path("dev part/resume/held_out.safetensors").unlink()  # the last file that training writes
    assert cli("train", "--resume", "--run-dir", "dev part").code == 0
    resumed = json.loads(decision.read_text())
    assert resumed["bfloat16_agreement"] is not None
    assert resumed | {"bfloat16_agreement": 0} == ended | {"bfloat16_agreement": 0}
    assert "the run is already complete" in cli("train", "--resume", "--run-dir", "dev part").err
