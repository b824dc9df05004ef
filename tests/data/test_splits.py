from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TINY, Cli, make_rows, write_tsv
from textrnn.data.corpus import Corpus
from textrnn.data.faults import find_faults
from textrnn.data.loading import load_splits
from textrnn.data.source import Source
from textrnn.data.splits import split_corpora, stratified_split
from textrnn.data.statistics import statistics
from textrnn.data.tokenizer import Tokenizer


def test_dev_gets_its_share_of_every_class() -> None:
    labels = np.array([0] * 20 + [1] * 10 + [2])
    train, dev = stratified_split(labels, 0.1, seed=1)
    assert np.bincount(labels[dev], minlength=3).tolist() == [2, 1, 0]
    assert sorted([*train, *dev]) == list(range(31))
    assert list(train) == sorted(train)


def test_every_class_keeps_a_training_text() -> None:
    train, dev = stratified_split(np.array([0, 0, 1]), 0.9, seed=1)
    assert np.array([0, 0, 1])[train].tolist() == [0, 1]
    assert len(dev) == 1


def test_the_split_depends_on_the_seed() -> None:
    labels = np.zeros(100, dtype=int)
    one, same, other = (stratified_split(labels, 0.2, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_splits_of_texts_in_memory_are_those_of_a_file(tmp_path: Path) -> None:
    rows = make_rows(80)
    options = {"dev_fraction": 0.2, "folds": 1, "seed": 3, "max_length": 6, "min_count": 2, "max_size": 30}
    tokenizer = Tokenizer("word")
    path = write_tsv(tmp_path / "train.tsv", rows)
    of_file = load_splits(
        Source([str(path)]), None, None, tokenizer=tokenizer, cache_dir=tmp_path / "cache", **options
    )  # fmt: skip
    labels, texts = zip(*rows, strict=True)
    corpora = {"train": Corpus.from_texts(texts, labels, tokenizer)}
    in_memory = split_corpora(corpora, sorted(set(labels)), **options)

    assert in_memory.vocab.tokens == of_file.vocab.tokens
    assert in_memory.counts == of_file.counts
    assert in_memory.labels == of_file.labels
    assert list(in_memory.train_rows) == list(of_file.train_rows)
    assert list(in_memory.dev_rows) == list(of_file.dev_rows)
    for found, expected in ((in_memory.train, of_file.train), (in_memory.dev, of_file.dev)):
        for name in ("starts", "lengths", "labels"):
            assert list(getattr(found, name)) == list(getattr(expected, name))
        assert list(found.id_map[found.tokens]) == list(expected.id_map[expected.tokens])
    assert statistics(in_memory, corpora["train"], 6) == of_file.statistics
    assert find_faults(in_memory, corpora, 6, []) == of_file.findings


def test_unlabelled_texts_are_split_too(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text}\n" for _, text in make_rows(50)))
    splits = load_splits(
        Source([str(path)], labelled=False), None, None, tokenizer=Tokenizer("word"), cache_dir=tmp_path / "cache",
        dev_fraction=0.1, folds=1, seed=1, max_length=20, min_count=1, max_size=1000,
    )  # fmt: skip
    assert splits.dev is not None
    assert (len(splits.train), len(splits.dev)) == (45, 5)
    assert splits.train.labels is splits.dev.labels is None
    assert splits.labels == []
    assert not any(line.startswith("label") for line in splits.statistics)


def test_the_vocabulary_is_counted_over_cut_texts() -> None:
    corpora = {"train": Corpus.from_texts(["a b c", "a b", "d"], ["x", "y", "x"], Tokenizer("word"))}
    splits = split_corpora(
        corpora, ["x", "y"], dev_fraction=0, folds=1, seed=1, max_length=2, min_count=1, max_size=100
    )  # fmt: skip
    assert splits.counts == [("a", 2), ("b", 2), ("d", 1)]
    assert splits.type_count == 3  # without "c", which lies beyond the cut


def test_the_vocabulary_comes_from_training_texts_only(cli: Cli, workplace) -> None:
    rows = make_rows(40)
    write_tsv(workplace / "train.tsv", [(label, f"trainword {text}") for label, text in rows])
    write_tsv(workplace / "dev.tsv", [(label, f"devword {text}") for label, text in rows])
    write_tsv(workplace / "test.tsv", [(label, f"testword {text}") for label, text in rows])
    options = ["--set", "data.dev=dev.tsv", "--set", "data.test=test.tsv"]
    result = cli("vocab", "--data", "train.tsv", *options, "--output", "v.tsv")
    assert result.code == 0, result.err
    tokens = dict(line.split("\t") for line in (workplace / "v.tsv").read_text().splitlines())
    assert tokens["trainword"] == "40"
    assert not {"devword", "testword"} & set(tokens)


def test_the_vocabulary_does_not_count_dev_rows(cli: Cli, workplace) -> None:
    write_tsv(workplace / "train.tsv", [(label, f"unique{number}") for number, (label, _) in enumerate(make_rows(60))])
    cli("vocab", "--data", "train.tsv", "--set", "data.dev_fraction=0.5", "--set", "vocab.min_count=1", "--output", "v")
    assert len((workplace / "v").read_text().splitlines()) == 30


@pytest.mark.parametrize("split", ["train", "dev"])
def test_eval_recovers_the_rows_that_training_used(cli: Cli, trained, split: str) -> None:
    result = cli("eval", trained, "--split", split)
    assert result.code == 0, result.err
    lines = (trained / "eval" / split / "predictions.tsv").read_text().splitlines()[1:]
    whole = [line.split("\t")[1] for line in (trained.parents[1] / "train.tsv").read_text().splitlines()]
    texts = [line.split("\t")[3] for line in lines]
    assert len(texts) == {"train": 54, "dev": 6}[split]
    assert [text for text in whole if text in set(texts)] == texts


def test_without_dev_texts_the_last_model_is_kept(cli: Cli, train_file) -> None:
    result = cli("train", "--data", "train.tsv", "--set", "data.dev_fraction=0", *TINY)
    assert result.code == 0, result.err
    history = (train_file.parent / "runs/train/history.jsonl").read_text().splitlines()
    assert len(history) == 2
    assert '"dev_accuracy": null' in history[0]
