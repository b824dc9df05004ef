from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TINY, Cli, make_rows, write_tsv
from textrnn.checking.faults import find_faults
from textrnn.config import Config
from textrnn.corpus.build import build_splits
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.splits import Splits, distinct_rows, folds_of_texts, split_corpora, stratified_split
from textrnn.corpus.statistics import describe_splits, expected_unknown_share, unknown_shares
from textrnn.reading.source import Source
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import EncodedTexts

OPTIONS = {"dev_fraction": None, "folds": 3, "seed": 1, "max_length": 9, "min_count": 1, "max_size": 99}


def split(train: Corpus, **options) -> Splits:
    return split_corpora({"train": train}, ["x", "y"], **{**OPTIONS, **options})


@pytest.mark.parametrize(
    ("labels", "fraction", "dev_sizes"), [([0] * 20 + [1] * 10 + [2], 0.1, [2, 1, 0]), ([0, 0, 1], 0.9, [1, 0, 0])]
)
def test_dev_gets_its_share_of_every_class_and_train_a_text(
    labels: list[int], fraction: float, dev_sizes: list[int]
) -> None:
    train, dev = stratified_split(np.array(labels), np.arange(len(labels)), fraction, seed=1)
    assert np.bincount(np.array(labels)[dev], minlength=3).tolist() == dev_sizes
    assert sorted([*train, *dev]) == list(range(len(labels)))
    assert list(train) == sorted(train)


def test_the_split_depends_on_the_seed() -> None:
    labels = np.zeros(100, dtype=int)
    one, same, other = (stratified_split(labels, np.arange(100), 0.2, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("classes", [1, 2])
def test_equal_texts_are_on_the_same_side(classes: int) -> None:
    random = np.random.default_rng(1)
    hashes = random.integers(0, 30, 200).astype(np.uint64)
    labels = random.integers(0, classes, 200)
    train, dev = stratified_split(labels, hashes, 0.3, seed=1)
    assert len(dev) and not set(hashes[train]) & set(hashes[dev])
    folds = folds_of_texts(labels, hashes, 4, seed=1)
    assert all(len(set(folds[hashes == text])) == 1 for text in set(hashes))
    assert len(set(folds)) == 4


def test_without_equal_texts_the_rows_are_drawn_as_if_texts_were_not_looked_at() -> None:
    labels = np.arange(100) % 3
    ascending, any_order = np.arange(100, dtype=np.uint64), np.random.default_rng(1).permutation(100).astype(np.uint64)
    for draw in (lambda hashes: stratified_split(labels, hashes, 0.2, seed=1)[1],
                 lambda hashes: folds_of_texts(labels, hashes, 4, seed=1)):  # fmt: skip
        assert draw(ascending).tolist() == draw(any_order).tolist()


def test_a_text_is_judged_once_with_each_of_its_labels() -> None:
    labels, hashes = np.array([0, 1, 0, 0, 1, 0]), np.array([7, 7, 7, 5, 5, 9], np.uint64)
    assert distinct_rows(labels, hashes).tolist() == [0, 1, 3, 4, 5]
    corpus = Corpus.from_texts(["a", "b", "a", "c"] * 10, ["x", "y", "x", "y"] * 10, Tokenizer("word"))
    splits = split(corpus)
    assert splits.held_out is not None and splits.held_out.rows.tolist() == [0, 1, 3]
    assert len(splits.train) == 40
    splits = split_corpora({"train": corpus, "dev": corpus}, ["x", "y"], **OPTIONS)
    assert splits.dev is not None and len(splits.dev) == 3


@pytest.mark.parametrize("skip_empty", [False, True])
def test_texts_without_a_token_are_left_out_of_train_and_dev(skip_empty: bool) -> None:
    texts = ["a", "", "b", " ", "c", "d"] * 5
    corpus = Corpus.from_texts(texts, ["x", "x", "y", "y", "x", "y"] * 5, Tokenizer("word"))
    splits = split_corpora({"train": corpus, "dev": corpus}, ["x", "y"], **OPTIONS, skip_empty=skip_empty)
    kept = [row for row, text in enumerate(texts) if text.strip() or not skip_empty]
    assert splits.train_rows.tolist() == kept
    assert splits.dev is not None and len(splits.dev) == (4 if skip_empty else 6)
    assert splits.class_shares == [0.5, 0.5]
    for fraction in (None, 0.3):
        splits = split(corpus, dev_fraction=fraction, skip_empty=skip_empty)
        assert splits.held_out is not None
        empty = np.asarray(corpus.hashes)[[1, 3]]
        assert bool(set(empty) & set(splits.held_out.hashes)) <= (not skip_empty)


def test_splits_of_texts_in_memory_are_those_of_a_file(tmp_path: Path) -> None:
    rows = make_rows(80)
    options = {"dev_fraction": 0.2, "folds": 1, "seed": 3, "max_length": 6, "min_count": 2, "max_size": 30}
    tokenizer = Tokenizer("word")
    path = write_tsv(tmp_path / "train.tsv", rows)
    config = Config.model_validate({
        "data": {"cache_dir": str(tmp_path / "cache"), "dev_fraction": 0.2, "max_length": 6},
        "train": {"folds": 1, "seed": 3}, "vocab": {"min_count": 2, "max_size": 30},
    })  # fmt: skip
    of_file, corpora_of_file = build_splits(config, {"train": Source([str(path)])}, tokenizer)
    labels, texts = zip(*rows, strict=True)
    corpora = {"train": Corpus.from_texts(texts, labels, tokenizer)}
    in_memory = split_corpora(corpora, sorted(set(labels)), **options)

    assert in_memory.vocab.tokens == of_file.vocab.tokens
    assert in_memory.counts == of_file.counts
    assert in_memory.labels == of_file.labels
    assert list(in_memory.train_rows) == list(of_file.train_rows)
    assert list(in_memory.dev_rows) == list(of_file.dev_rows)
    for part, expected in of_file.parts.items():
        texts = in_memory.parts[part]
        for name in ("starts", "lengths", "labels"):
            assert list(getattr(texts, name)) == list(getattr(expected, name))
        assert list(texts.id_map[texts.tokens]) == list(expected.id_map[expected.tokens])
    assert describe_splits(in_memory, 6) == describe_splits(of_file, 6)
    faults = (find_faults(*data, 6, lambda rows: {}) for data in ((in_memory, corpora), (of_file, corpora_of_file)))
    assert next(faults) == next(faults)


def test_unlabelled_texts_are_split(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text}\n" for _, text in make_rows(50)))
    config = Config.model_validate({
        "data": {"cache_dir": str(tmp_path / "cache"), "dev_fraction": 0.1}, "train": {"folds": 1},
    })  # fmt: skip
    splits, _ = build_splits(config, {"train": Source([str(path)], labelled=False)}, Tokenizer("word"))
    assert splits.dev is not None
    assert (len(splits.train), len(splits.dev)) == (45, 5)
    assert splits.train.labels is splits.dev.labels is None
    assert splits.labels == []
    assert describe_splits(splits, 100)["splits"]["train"]["label_counts"] == {}


def test_the_vocabulary_is_counted_over_cut_texts() -> None:
    corpus = Corpus.from_texts(["a b c", "a b", "d"], ["x", "y", "x"], Tokenizer("word"))
    splits = split(corpus, dev_fraction=0, max_length=2)
    assert splits.counts == [("a", 2), ("b", 2), ("d", 1)]
    assert splits.type_count == 3  # without "c", which lies beyond the cut


def test_the_vocabulary_comes_from_training_texts_only(cli: Cli, workplace) -> None:
    for name in ("train", "dev", "test"):
        write_tsv(workplace / f"{name}.tsv", [(label, f"{name}word {text}") for label, text in make_rows(40)])
    options = ["--set", "data.dev=dev.tsv", "--set", "data.test=test.tsv"]
    result = cli("vocab", "--data", "train.tsv", *options, "--output", "v.tsv")
    assert result.code == 0, result.err
    tokens = dict(line.split("\t") for line in (workplace / "v.tsv").read_text().splitlines())
    assert tokens["trainword"] == "40"
    assert not {"devword", "testword"} & set(tokens)


def test_the_share_of_unknown_tokens_is_of_each_text_alone() -> None:
    id_map = np.asarray([1, 5, 6], np.int32)  # 1 is <unk>
    texts = EncodedTexts(np.asarray([0, 1, 2, 2, 0, 0]), np.asarray([0, 4, 1]), np.asarray([4, 2, 2]), id_map=id_map)
    assert unknown_shares(texts).tolist() == [0.25, 1.0, 0.0]
    many = texts.rows(np.arange(3000) % 3)
    assert unknown_shares(many).tolist() == [0.25, 1.0, 0.0] * 1000


@pytest.mark.parametrize("min_count", [1, 2, 3])
def test_the_expected_share_of_unknown_tokens_is_that_of_each_text_left_out(min_count: int) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(f"w{number}" for number in random.zipf(1.5, size=random.integers(1, 9))) for _ in range(60)]
    splits = split(
        Corpus.from_texts([*texts, ""], ["x", "y"] * 30 + ["x"], Tokenizer("word")),
        min_count=min_count,
        max_size=10_000,
    )
    shares = []
    for number, text in enumerate(texts):
        counts = Counter(" ".join(texts[:number] + texts[number + 1 :]).split())
        shares.append(np.mean([counts[word] < min_count for word in text.split()]))
    assert expected_unknown_share(splits, min_count) == pytest.approx(np.mean(shares))


def test_the_vocabulary_does_not_count_dev_rows(cli: Cli, workplace) -> None:
    write_tsv(workplace / "train.tsv", [(label, f"unique{number}") for number, (label, _) in enumerate(make_rows(60))])
    cli("vocab", "--data", "train.tsv", "--set", "data.dev_fraction=0.5", "--set", "vocab.min_count=1", "--output", "v")
    assert len((workplace / "v").read_text().splitlines()) == 30


@pytest.mark.parametrize("part", ["train", "dev"])
def test_eval_recovers_the_rows_that_training_used(cli: Cli, trained, part: str) -> None:
    result = cli("eval", trained, "--split", part)
    assert result.code == 0, result.err
    lines = (trained / "eval" / part / "predictions.tsv").read_text().splitlines()[1:]
    whole = [line.split("\t")[1] for line in (trained.parents[1] / "train.tsv").read_text().splitlines()]
    texts = [line.split("\t")[3] for line in lines]
    assert len(texts) == {"train": 54, "dev": 6}[part]
    assert [text for text in whole if text in set(texts)] == texts


def test_without_dev_texts_the_last_model_is_kept(cli: Cli, train_file) -> None:
    result = cli("train", "--data", "train.tsv", "--set", "data.dev_fraction=0", *TINY)
    assert result.code == 0, result.err
    history = (train_file.parent / "runs/train/history.jsonl").read_text().splitlines()
    assert len(history) == 2
    assert '"dev_accuracy": null' in history[0]
