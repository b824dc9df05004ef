"""Projections of texts without labels."""

from __future__ import annotations

import random

import numpy as np
import pytest

from textrnn.linear import projection
from textrnn.linear.model import ppmi, rarity
from textrnn.linear.ngrams import Kind, ngram_counts
from textrnn.linear.projection import count_frequent, project

WORDS = [f"w{number}" for number in range(40)]
TEXTS = [" ".join(random.Random(number).choices(WORDS, weights=range(1, 41), k=number % 17)) for number in range(120)]
KINDS = [Kind("words", 1, 2), Kind("characters", 1, 3)]


@pytest.mark.parametrize("most", [1_000_000, 30])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_counts_are_those_of_the_vocabulary(monkeypatch: pytest.MonkeyPatch, kind: Kind, most: int) -> None:
    monkeypatch.setattr(projection, "MOST_TERMS", most)
    monkeypatch.setattr(projection, "_CHARACTERS_AT_ONCE", 300)
    monkeypatch.setattr(projection, "_KEYS_AT_ONCE", 10)
    vocabulary, counts = count_frequent(kind, TEXTS)
    assert 0 < len(vocabulary) <= most
    np.testing.assert_array_equal(counts.toarray(), ngram_counts(kind, vocabulary, TEXTS).toarray())
    separator = " " if kind.unit == "words" else ""
    frequencies = (counts > 0).sum(axis=0).A1
    assert frequencies.min() >= 3
    for term, frequency in zip(vocabulary.terms(separator), frequencies, strict=True):
        pieces = [f" {text} " for text in TEXTS] if separator else TEXTS
        sought = f" {term} " if separator else term
        assert sum(sought in piece for piece in pieces) == frequency


def test_ppmi_is_the_positive_logarithm_of_observed_over_expected_counts() -> None:
    _, counts = count_frequent(KINDS[0], TEXTS)
    dense = counts.toarray().astype(float)
    expected = dense.sum(axis=1, keepdims=True) * dense.sum(axis=0) / dense.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(dense > 0, np.maximum(np.log(dense / expected), 0), 0)
        values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    np.testing.assert_allclose(ppmi(counts, rarity(counts)).toarray(), values, atol=1e-5)


def test_directions_are_singular_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "COMPONENTS", 5)
    vocabulary, counts = count_frequent(KINDS[0], TEXTS)
    for learnt in project(KINDS[0], vocabulary, counts, seed=3):
        values = learnt.features.values(counts).toarray()
        _, singular, right = np.linalg.svd(values, full_matrices=False)
        np.testing.assert_allclose(np.linalg.norm(values @ learnt.directions, axis=0), singular[:5], rtol=0.03)
        assert abs(right[0] @ learnt.directions[:, 0]) == pytest.approx(1, abs=0.01)
