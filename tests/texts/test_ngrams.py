from __future__ import annotations

import numpy as np

from tests.models.small import encoded
from textrnn.texts.ngrams import frequent_ngrams


def test_ngrams_that_occur_three_times_are_known_by_their_ids() -> None:
    texts = encoded([[2, 3, 4], [2, 3, 6], [2, 3], [5, 3, 4], [7, 3, 4], [7, 3]])
    bigrams, trigrams = frequent_ngrams(texts, longest=3, vocab_size=10, at_most=100)
    assert bigrams.tolist() == [2, 23, 34]  # the first one: PAD before the 2
    assert trigrams.tolist() == [2, 23]  # (PAD, PAD, 2) and (PAD, 2, 3)


def test_the_most_frequent_ones_are_kept() -> None:
    texts = encoded([[2, 3], [2, 3], [2, 3], [2, 3], [3, 3], [3, 3], [3, 3]])
    (bigrams,) = frequent_ngrams(texts, longest=2, vocab_size=10, at_most=2)
    assert bigrams.tolist() == [2, 23]


def test_a_vocabulary_maps_ids_before_they_are_counted() -> None:
    texts = encoded([[0, 1], [0, 1], [0, 1]])
    texts.id_map = np.array([7, 8])
    (bigrams,) = frequent_ngrams(texts, longest=2, vocab_size=10, at_most=9)
    assert bigrams.tolist() == [7, 78]


def test_many_texts_are_counted_in_blocks() -> None:
    rows = 40_000
    texts = encoded([[2 + row % 5, 2 + row % 3] for row in range(rows)])
    (bigrams,) = frequent_ngrams(texts, longest=2, vocab_size=10, at_most=1 << 20)
    expected = {2 + row % 5 for row in range(rows)} | {10 * (2 + row % 5) + 2 + row % 3 for row in range(rows)}
    assert bigrams.tolist() == sorted(expected)


def test_without_ngrams_nothing_is_counted() -> None:
    assert frequent_ngrams(encoded([[2]]), longest=1, vocab_size=10, at_most=9) == []
    (none,) = frequent_ngrams(encoded([[2]]), longest=2, vocab_size=10, at_most=9)
    assert len(none) == 0
