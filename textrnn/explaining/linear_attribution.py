"""The contribution of each character of a text to the margins of a linear model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textrnn.linear.model import Features, LinearModel
from textrnn.linear.ngrams import UNKNOWN, WORD, Kind, NgramVocabulary, Symbols, characters

_BETWEEN_SPACES = re.compile("[^ ]+")


def character_contributions(model: LinearModel, texts: Sequence[str], slopes: np.ndarray) -> list[np.ndarray]:
    """(len(text),) float64 for each text. slopes (n, classes): the value of a unit of each margin.

    They add up to `slopes * (margins(text) - margins(""))`, summed over the classes: to the weights of a text's n-grams
    times their values. An n-gram's contribution is divided equally among its occurrences, then among the words or
    characters of each (spaces count only if there is nothing else), then among the original characters that these
    were made of.
    """
    slopes = np.asarray(slopes, np.float64)
    if model.weight.shape[1] == 1:  # the margins of two classes are plus and minus half of one number
        slopes = (slopes[:, 1:] - slopes[:, :1]) / 2
    located = [model.folding.located(text) for text in texts]
    folded = [text for text, _, _ in located]
    starts = np.cumsum([0, *map(len, folded)])
    contributions, begin = np.zeros(starts[-1]), 0  # of the folded characters
    for features in model.features:
        weight = model.weight[begin : begin + len(features.vocabulary)]
        symbols = _symbols(features.kind, features.vocabulary, folded)
        values = _symbol_contributions(features, weight, folded, slopes, symbols)
        contributions += _spread(values, symbols.begins, symbols.ends, len(contributions))
        begin += len(features.vocabulary)
    return [
        _spread(values, places.starts, places.ends, len(text))
        for text, places, values in zip(texts, located, np.split(contributions, starts[1:-1]), strict=True)
    ]


class _Symbols(NamedTuple):
    """All symbols (N,) of some texts, the text of each, its characters [begin, end) in all texts one after the other,
    and whether it takes part in the contribution of an n-gram."""

    symbols: Symbols
    texts: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    solid: np.ndarray


def _symbols(kind: Kind, vocabulary: NgramVocabulary, texts: Sequence[str]) -> _Symbols:
    if kind.unit == "characters":
        symbols = characters(texts, vocabulary.symbols)
        at = np.arange(len(symbols.rows))
        solid = np.asarray([character != " " for text in texts for character in text], bool)
        return _Symbols(symbols, symbols.rows, at, at + 1, solid)
    pattern = WORD if kind.unit == "words" else _BETWEEN_SPACES
    matches = [(row, match) for row, text in enumerate(texts) for match in pattern.finditer(text)]
    words = [match.group() for _, match in matches]
    rows, starts, sizes = np.array(
        [(row, match.start(), match.end() - match.start()) for row, match in matches], np.int64
    ).reshape(-1, 3).T  # fmt: skip
    begins = np.cumsum([0, *map(len, texts)])[rows] + starts
    if kind.unit == "words":
        numbers = np.asarray([vocabulary.symbol_numbers.get(word, UNKNOWN) for word in words], np.int64)
        return _Symbols(Symbols(numbers, rows), rows, begins, begins + sizes, np.ones(len(words), bool))
    # the characters of each word between two spaces, which are no characters of the text
    symbols = characters([f" {word} " for word in words], vocabulary.symbols)
    word_of = symbols.rows
    within = _numbers_within(sizes + 2) - 1
    inside = within.clip(0, sizes[word_of] - 1)
    at = begins[word_of] + inside
    return _Symbols(symbols, rows[word_of], at, at + 1, within == inside)


def _symbol_contributions(
    features: Features, weight: np.ndarray, texts: Sequence[str], slopes: np.ndarray, symbols: _Symbols
) -> np.ndarray:
    """(N,): the contributions of all n-grams, divided among their symbols."""
    values = features.transform(texts)
    values.sort_indices()
    gains = np.empty(values.nnz)
    for row, (begin, end) in enumerate(zip(values.indptr[:-1], values.indptr[1:], strict=True)):
        gains[begin:end] = values.data[begin:end] * (weight[values.indices[begin:end]] @ slopes[row])
    rows = np.repeat(np.arange(values.shape[0], dtype=np.int64), np.diff(values.indptr))
    keys = rows * values.shape[1] + values.indices
    occurrences = [
        (length, last, np.searchsorted(keys, symbols.texts[last] * values.shape[1] + columns))
        for length, last, columns in features.vocabulary.occurrences(symbols.symbols)
    ]
    gains /= np.bincount(np.concatenate([at for _, _, at in occurrences]), minlength=len(gains)).clip(1)
    contributions = np.zeros(len(symbols.texts))
    for length, last, at in occurrences:
        members = last - np.arange(length)[:, None]  # (length, occurrences)
        shares = symbols.solid[members].astype(np.float64)
        shares[:, ~shares.any(axis=0)] = 1.0
        shares /= shares.sum(axis=0)
        for member, share in zip(members, shares, strict=True):
            contributions[member] += share * gains[at]  # no symbol comes twice
    return contributions


def _spread(values: np.ndarray, begins: np.ndarray, ends: np.ndarray, size: int) -> np.ndarray:
    """(size,): each value divided equally among the positions [begin, end)."""
    lengths = ends - begins
    positions = np.repeat(begins, lengths) + _numbers_within(lengths)
    return np.bincount(positions, np.repeat(values / lengths, lengths), minlength=size)


def _numbers_within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, ..., length - 1 for each length, one after the other."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
