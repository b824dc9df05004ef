from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np

from tests.conftest import DATASETS, needs_datasets
from textrnn.texts.batching import collate, inference_batches, training_batches
from textrnn.texts.targets import Targets
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import EncodedTexts, Transform
from textrnn.texts.vocab import Vocab


def texts() -> EncodedTexts:
    return EncodedTexts(
        np.array([5, 6, 7, 8, 9, 4]), np.array([0, 3, 5]), np.array([3, 2, 1]), Targets(np.array([1, 0, 1]))
    )


def test_a_batch_is_time_major_and_padded_at_the_end() -> None:
    batch = collate(texts(), np.array([2, 0]))
    assert batch.token_ids.tolist() == [[4, 5], [0, 6], [0, 7]]
    assert batch.lengths.tolist() == [1, 3]
    assert batch.targets is not None and batch.targets.tolist() == [1, 1]


def test_id_map_applies_to_tokens_and_not_to_padding() -> None:
    mapped = texts()
    mapped.id_map = np.arange(10)[::-1].copy()
    assert collate(mapped, np.array([1, 2])).token_ids.tolist() == [[1, 5], [0, 0]]


def test_every_row_occurs_exactly_once_per_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, size=1003)
    batches = training_batches(lengths, 10, seed=1, epoch=1)
    assert sorted(np.concatenate(batches[:])) == list(range(1003))
    assert len(batches) == len(batches[:]) == 101


def test_batches_can_be_sliced_like_a_list() -> None:
    batches = training_batches(np.arange(1, 24), 5, seed=1, epoch=1)
    assert sorted(map(len, batches[:])) == [3, 5, 5, 5, 5]
    assert [rows.tolist() for rows in batches[3:9]] == [rows.tolist() for rows in batches[:][3:]]


def test_batches_depend_only_on_seed_and_epoch() -> None:
    lengths = np.arange(1, 101)

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(training_batches(lengths, 8, seed=seed, epoch=epoch)[:]).tolist()

    assert order(1, 1) == order(1, 1)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}) == 4


def test_the_composition_of_batches_changes_with_the_epoch() -> None:
    epochs = (training_batches(np.full(200, 7), 10, seed=1, epoch=epoch)[:] for epoch in (1, 2))
    first, second = ({frozenset(batch.tolist()) for batch in batches} for batches in epochs)
    assert not first & second


def test_fewer_texts_than_a_batch_make_one_batch() -> None:
    assert [sorted(batch) for batch in training_batches(np.array([3, 1]), 64, seed=1, epoch=1)[:]] == [[0, 1]]


def test_inference_batches_begin_with_the_longest_texts() -> None:
    assert [batch.tolist() for batch in inference_batches(np.array([2, 9, 5, 2]), 2)] == [[1, 2], [0, 3]]


def test_inference_batches_of_long_texts_are_smaller() -> None:
    lengths = np.array([3, 30_000, 70_000, 30_000, 30_000, 30_000, 30_000, *[2] * 600])
    batches = inference_batches(lengths, 500)
    assert [batch.tolist() for batch in batches[:2]] == [[2], [1, 3, 4, 5]]
    assert sorted(row for batch in batches for row in batch) == list(range(607))
    assert max(map(len, batches)) == 500
    smaller = inference_batches(lengths, 500, at_once=2)
    assert [batch.tolist() for batch in smaller[:3]] == [[2], [1, 3], [4, 5]]


@needs_datasets
def test_padding_is_under_five_percent_on_imdb() -> None:
    with gzip.open(Path(str(DATASETS)) / "imdb" / "train.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        reviews = [row[1] for row in csv.reader(stream)][1:]
    lengths = Transform(Tokenizer("whitespace"), Vocab([]), 400).encode(reviews).lengths
    assert len(lengths) == 25_000
    for batch_size in (32, 64, 128):
        batches = training_batches(lengths, batch_size, seed=1, epoch=1)[:]
        assert 1 - lengths.sum() / sum(int(lengths[rows].max()) * len(rows) for rows in batches) < 0.05
