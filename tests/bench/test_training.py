"""Whole training compared: Keras has our sizes, and a small corpus goes through every program that is installed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts.bench import corpora, training
from scripts.bench.corpora import ROOT, Corpus, Missing
from scripts.bench.prediction import forward_passes
from scripts.bench.programs import Program, linear_svc, ours
from tests.conftest import PLAIN, make_rows, write_tsv
from textrnn.config import Config, load_config


def sizes(config: Config) -> dict[str, Any]:
    """Ours, by Keras's names. (No file has 5,000 Chinese characters, at which Keras stops counting.)"""
    model, train = config.model, config.train
    assert model.dropout == model.embedding_dropout
    return {
        "embedding_dim": model.embedding_dim, "hidden_size": model.hidden_size, "dropout": model.dropout,
        "batch_size": train.batch_size, "learning_rate": train.learning_rate, "clip_norm": train.grad_clip_norm,
        "max_length": config.data.max_length, "epochs": train.epochs,
    }  # fmt: skip


def test_keras_has_the_sizes_of_our_models() -> None:
    titles = sizes(load_config(ROOT / "configs" / "thucnews.yaml"))
    assert {**titles, "vocab_size": 5000} == training.TITLES_SIZES
    plain = [(key, None if value == "null" else value) for key, value in training.PLAIN_REVIEWS.items()]
    config = load_config(ROOT / "configs" / "imdb.yaml", plain)
    assert {
        **sizes(config), "vocab_size": config.vocab.max_size, "dev_fraction": config.data.dev_fraction,
    } == training.REVIEWS_SIZES  # fmt: skip


@pytest.mark.slow
def test_programs_train_and_predict_from_file_to_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "WORK", tmp_path)
    files = [tmp_path / f"{name}.txt" for name in ("train", "test", "dev")]
    for seed, file in enumerate(files):
        write_tsv(file, [(text, label) for label, text in make_rows(60, seed=seed)])
    settings = [option.split("=") for option in (*PLAIN, "model.hidden_size=8", "train.epochs=1")]

    def missing() -> Program:
        raise Missing("it is not installed")

    results = training.compare(
        "Words",
        Corpus(*files),
        {
            "ours": partial(ours, "thucnews", dict(settings)),
            "linear": partial(linear_svc, "word"),
            "another": missing,
        },
        once={"ours", "linear"},
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in results[0].splitlines()[4:]]
    assert [(row[0], row[3]) for row in rows] == [("ours", "1"), ("linear", "1")]
    assert rows[0][2] == "1.00x"
    assert float(rows[1][5].removesuffix(" %")) > 80
    assert results[1:] == ["Not measured: another: it is not installed."]
    (run,) = tmp_path.glob("*/ours/run")
    assert 0 < forward_passes(str(run), ["one text", "another"]) < 10
