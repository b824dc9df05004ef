"""What each character of a text contributes to the margins of a linear model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textrnn.linear.features import UNKNOWN, WORD, Features, Kind, NgramVocabulary, Symbols, characters
from textrnn.linear.model import LinearModel

_BETWEEN_SPACES = re.compile("[^ ]+")


def character_contributions(model: LinearModel, texts: Sequence[str], slopes: np.ndarray) -> list[np.ndarray]:
    """(len(text),) float64 for each text. slopes (n, classes): what a unit of each margin is worth.

    They add up to `slopes * (margins(text) - margins(""))`, summed over the classes: to the weights of a text's n-grams
    times their values. An n-gram's contribution is divided equally among its occurrences, then among the words or
    characters of each (spaces count only where there is nothing else), then among the original characters that these
    were made of.
    """
    slopes = np.asarray(slopes, np.float64)
    if model.weight.shape[1] == 1:  # the margins of two classes are plus and minus half of one number
        slopes = (slopes[:, 1:] - slopes[:, :1]) / 2
    located = [model.folding.located(text) for text in texts]
    folded = [each.text for each in located]
    starts = np.cumsum([0, *map(len, folded)])
    of_folded, begin = np.zeros(starts[-1]), 0
    for features in model.features:
        weight = model.weight[begin : begin + len(features.vocabulary)]
        symbols = _symbols(features.kind, features.vocabulary, folded)
        of_symbols = _symbol_contributions(features, weight, folded, slopes, symbols)
        of_folded += _spread(of_symbols, symbols.begins, symbols.ends, len(of_folded))
        begin += len(features.vocabulary)
    return [
        _spread(of_folded[first:last], each.starts, each.ends, len(text))
        for text, each, first, last in zip(texts, located, starts[:-1], starts[1:], strict=True)
    ]


class _Symbols(NamedTuple):
    """All symbols (N,) of some texts, which text each belongs to, its characters [begin, end) in all texts one after
    the other, and whether it takes part in the contribution of an n-gram."""

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
    words, of_texts, begins = _words(WORD if kind.unit == "words" else _BETWEEN_SPACES, texts)
    sizes = np.asarray([len(word) for word in words], np.int64)
    if kind.unit == "words":
        numbers = np.asarray([vocabulary.number_of.get(word, UNKNOWN) for word in words], np.int64)
        return _Symbols(Symbols(numbers, of_texts), of_texts, begins, begins + sizes, np.ones(len(words), bool))
    # the characters of each word between two spaces, which are no characters of the text
    symbols = characters([f" {word} " for word in words], vocabulary.symbols)
    of_words = symbols.rows
    within = np.arange(len(of_words)) - np.repeat(np.cumsum(sizes + 2) - (sizes + 2), sizes + 2) - 1
    inside = within.clip(0, sizes[of_words] - 1)
    at = begins[of_words] + inside
    return _Symbols(symbols, of_texts[of_words], at, at + 1, within == inside)


def _words(pattern: re.Pattern[str], texts: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """What the pattern finds; the number of each one's text; where each begins in all texts one after the other."""
    words, numbers, begins, start = [], [], [], 0
    for number, text in enumerate(texts):
        for match in pattern.finditer(text):
            words.append(match.group())
            numbers.append(number)
            begins.append(start + match.start())
        start += len(text)
    return words, np.asarray(numbers, np.int64), np.asarray(begins, np.int64)


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
    found = [
        (length, last, np.searchsorted(keys, symbols.texts[last] * values.shape[1] + columns))
        for length, last, columns in features.vocabulary.occurrences(symbols.symbols)
    ]
    gains /= np.bincount(np.concatenate([at for _, _, at in found]), minlength=len(gains)).clip(1)
    contributions = np.zeros(len(symbols.texts))
    for length, last, at in found:
        members = last - np.arange(length)[:, None]  # (length, occurrences)
        shares = symbols.solid[members].astype(np.float64)
        shares[:, ~shares.any(axis=0)] = 1.0
        shares /= shares.sum(axis=0)
        for each, share in zip(members, shares, strict=True):
            contributions[each] += share * gains[at]  # no symbol comes twice
    return contributions


def _spread(values: np.ndarray, begins: np.ndarray, ends: np.ndarray, size: int) -> np.ndarray:
    """(size,): each value divided equally among the positions [begin, end)."""
    lengths = ends - begins
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.bincount(np.repeat(begins, lengths) + within, np.repeat(values / lengths, lengths), minlength=size)
