"""`textrnn embed`, and `TextClassifier.embed`: the pooled states of the networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import Cli, make_rows, sets, train_in, write_tsv
from tests.forked import Forked
from textrnn import RNNClassifier, TextClassifier
from textrnn.commands import embed as limits
from textrnn.models.network import Ensemble

TEXTS = ["the late goal", "a soup and bread", "", "汤 hotel", 'tab\tand "quotes"', "x " * 700]


@pytest.mark.parametrize("architecture", ["textrnn", "rcnn", "tdnn"])
def test_the_head_turns_vectors_into_logits(architecture: str, workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(40))
    sizes = sets("model.hidden_size=5", "train.epochs=1", "model.linear=none", "train.folds=1")
    train_in(workplace, "--data", "train.tsv", *sizes, *sets(f"model.architecture={architecture}"), "--run-dir", "run")
    classifier = TextClassifier.load("run")
    vectors = classifier.embed(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), 10)
    (network,) = classifier.networks.networks
    with torch.inference_mode():
        logits = network.head(torch.from_numpy(vectors))
    expected = classifier.network_logits(classifier.transform.encode(TEXTS))
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(vectors[3], classifier.embed(TEXTS[3:4])[0], rtol=1e-5, atol=1e-5)


def test_vectors_of_several_networks_are_averaged(workplace: Path) -> None:
    rows = make_rows(60)
    estimator = RNNClassifier(epochs=1, hidden_size=4, linear="none", folds=2, random_state=0)
    estimator.fit([text for _, text in rows], [label for label, _ in rows])
    estimator.save("saved")
    classifier = TextClassifier.load("saved")
    networks = list(classifier.networks.networks)
    assert len(networks) == 2
    parts = []
    for network in networks:
        classifier.networks = Ensemble([network])
        parts.append(classifier.embed(TEXTS))
    classifier.networks = Ensemble(networks)
    np.testing.assert_allclose(classifier.embed(TEXTS), np.mean(parts, axis=0), rtol=1e-5, atol=1e-6)


def test_files_and_stdin_give_a_row_for_each_text_in_order(
    cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TEXTS_AT_ONCE", 7)
    texts = [text for _, text in make_rows(30, seed=5)] + [""]
    expected = TextClassifier.load(trained).embed(texts)
    Path("a.txt").write_text("".join(f"{text}\n" for text in texts[:20]))
    Path("b.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts[20:]))
    result = cli("embed", trained, "a.txt", "b.jsonl", "--output", "v.npy")
    assert (result.code, result.out) == (0, ""), result.err
    np.testing.assert_allclose(np.load("v.npy"), expected, rtol=1e-5, atol=1e-6)
    assert np.load("v.npy", mmap_mode="r").flags["C_CONTIGUOUS"]
    _, err = Forked("embed", trained, "-o", "v.jsonl").communicate(Path("a.txt").read_bytes())
    rows = [json.loads(line) for line in Path("v.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == texts[:20], err
    np.testing.assert_allclose([row["vector"] for row in rows], expected[:20], rtol=1e-5, atol=1e-6)


def test_json_has_all_digits_of_float32(cli: Cli, trained: Path) -> None:
    Path("a.txt").write_text("the late goal\na hotel\n")
    cli("embed", trained, "a.txt", "-o", "v.jsonl")
    cli("embed", trained, "a.txt", "-o", "v.npy")
    rows = [json.loads(line)["vector"] for line in Path("v.jsonl").read_text().splitlines()]
    assert (np.asarray(rows, np.float32) == np.load("v.npy")).all()
    assert max(len(str(value)) for row in rows for value in row) < 16


def test_no_texts_give_no_rows(cli: Cli, trained: Path) -> None:
    Path("a.txt").write_text("")
    assert "no texts were found" in cli("embed", trained, "a.txt", "-o", "v.npy").err
    assert np.load("v.npy").shape == (0, TextClassifier.load(trained).embed(["a"]).shape[1])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["a.txt"], 2, "Missing option '--output'"),
        (["a.txt", "-o", "v.csv"], 2, "found v.csv"),
        (["a.jsonl", "-o", "a.jsonl"], 2, "would replace what is read from a.jsonl"),
        (["a.txt", "-o", "runs/train/v.npy"], 2, "the folder of a run or model"),
        (["missing.txt", "-o", "v.npy"], 1, "missing.txt: no such file"),
        (["a.jsonl", "-o", "v.npy"], 1, "a.jsonl:2: "),
        (["a.txt", "-o", "none/v.npy"], 1, "none/v.npy: cannot be written"),
    ],
)
def test_bad_input_is_one_message_and_leaves_no_file(
    cli: Cli, trained: Path, words: list[str], code: int, message: str
) -> None:
    Path("a.txt").write_text("goal\n")
    Path("a.jsonl").write_text('{"text": "goal"}\n{"text": 3}\n')
    before = {*Path().iterdir()}
    result = cli("embed", trained, *words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err and result.err.count("error: ") == 1
    assert {*Path().iterdir()} == before


def test_a_linear_model_alone_has_no_vectors(cli: Cli, train_file: Path) -> None:
    assert cli("train", "--data", "train.tsv", "--preset", "linear", "--run-dir", "run").code == 0
    result = cli("embed", "run", "train.tsv", "-o", "v.npy")
    assert result.code == 1 and result.err.count("error: ") == 1 and not Path("v.npy").exists()
    assert "this model is a linear one alone" in result.err


def test_texts_must_be_a_list(trained: Path) -> None:
    classifier = TextClassifier.load(trained)
    assert classifier.embed([]).shape == (0, classifier.embed(["a"]).shape[1])
    with pytest.raises(TypeError, match="a list of strings was expected"):
        classifier.embed("a text")
