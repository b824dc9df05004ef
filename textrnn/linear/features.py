"""Raw texts -> TF-IDF features of a linear model: n-grams of words, of characters, or of the characters of words.

They are those of scikit-learn's `TfidfVectorizer(sublinear_tf=True)` with ngram_range and, for words, its own
token_pattern, for characters `analyzer="char"`, for the characters of words `analyzer="char_wb"`. They are computed
here so that prediction needs no scikit-learn, and several times as fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

MOST_CHARACTERS = 1_000_000  # of a text are read
Unit = Literal["words", "characters", "within_words"]
WORD = re.compile(r"\b\w\w+\b")
UNKNOWN = -1  # the number of a symbol that is not known


class Symbols(NamedTuple):
    """Texts as symbols, one after the other: numbers (N,) int64, UNKNOWN for a symbol that is not known; rows (N,)
    int64, in ascending order: the text that each belongs to."""

    numbers: np.ndarray
    rows: np.ndarray


class NgramVocabulary:
    """Known n-grams of symbols.

    symbols: the known ones; a symbol's number is its position. keys: for each length from 2, (count,) int64 in
    ascending order: the position of the n-gram's first symbols among the n-grams that are shorter by one, times the
    number of symbols, plus its last symbol. shortest: length of the n-grams that are counted; shorter ones are only
    there to find them.
    """

    def __init__(self, symbols: Sequence[str], keys: Sequence[np.ndarray], *, shortest: int = 1) -> None:
        self.symbols = list(symbols)
        self.number_of = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.keys = list(keys)
        self.shortest = shortest

    @classmethod
    def of(cls, symbols: Sequence[str], texts: Symbols, *, shortest: int, longest: int) -> NgramVocabulary:
        """That of all n-grams that occur in some texts."""
        vocabulary = cls(symbols, [], shortest=shortest)
        positions = texts.numbers
        for _ in range(2, longest + 1):
            found = vocabulary._next_keys(positions, texts)
            keys, inverse = np.unique(found[found >= 0], return_inverse=True)
            vocabulary.keys.append(keys)
            positions = np.full(len(found), UNKNOWN)
            positions[found >= 0] = inverse
        return vocabulary

    def __len__(self) -> int:
        """The number of n-grams that are counted."""
        return sum(self._sizes()[self.shortest - 1 :])

    def counts(self, texts: Symbols, row_count: int) -> sparse.csr_matrix:
        """(row_count, len(self)) float32: how often each text has each n-gram."""
        rows, columns = [], []
        for _, last, found in self.occurrences(texts):
            rows.append(texts.rows[last])
            columns.append(found)
        at = (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_matrix((np.ones(len(at[0]), np.float32), at), shape=(row_count, len(self)))

    def occurrences(self, texts: Symbols) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each length that is counted: (length, the positions of the last symbols of known n-grams, the column of
        each in `counts`)."""
        begin, positions = 0, texts.numbers
        for length, size in enumerate(self._sizes(), start=1):
            if length > 1:
                positions = _search(self.keys[length - 2], self._next_keys(positions, texts))
            if length >= self.shortest:
                (last,) = np.nonzero(positions >= 0)
                yield length, last, positions[last] + begin
                begin += size

    def terms(self, joiner: str) -> list[str]:
        """The n-grams as text, in the order of the columns of `counts`."""
        found, terms = self.symbols, list(self.symbols) if self.shortest == 1 else []
        for length, keys in enumerate(self.keys, start=2):
            before, last = np.divmod(keys, max(len(self.symbols), 1))
            found = [found[b] + joiner + self.symbols[e] for b, e in zip(before.tolist(), last.tolist(), strict=True)]
            if length >= self.shortest:
                terms += found
        return terms

    def _sizes(self) -> list[int]:
        return [len(self.symbols), *map(len, self.keys)]

    def _next_keys(self, positions: np.ndarray, texts: Symbols) -> np.ndarray:
        """(N,): the key of the n-gram that ends at each symbol, UNKNOWN where there is none. positions: of the n-grams
        that are shorter by one."""
        keys = np.full(len(positions), UNKNOWN, np.int64)
        if len(positions) < 2:
            return keys
        before, last = positions[:-1], texts.numbers[1:]
        possible = (before >= 0) & (last >= 0)
        # the shorter n-gram lies within one text; the longer one must, too
        possible &= texts.rows[1:] == texts.rows[:-1]
        keys[1:][possible] = before[possible].astype(np.int64) * len(self.symbols) + last[possible]
        return keys


def _search(ascending: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The position of each number in an array, UNKNOWN for those that it lacks."""
    if not len(ascending):
        return np.full(len(wanted), UNKNOWN)
    at = np.searchsorted(ascending, wanted).clip(max=len(ascending) - 1)
    return np.where(ascending[at] == wanted, at, UNKNOWN)


@dataclass(frozen=True)
class Kind:
    """What is counted: n-grams of `shortest` to `longest` units."""

    unit: Unit
    shortest: int
    longest: int


class Features:
    """Features of one kind, each text's divided by their Euclidean norm.

    idf (len(vocabulary),) float32: inverse document frequencies.
    """

    def __init__(self, kind: Kind, vocabulary: NgramVocabulary, idf: np.ndarray) -> None:
        self.kind, self.vocabulary, self.idf = kind, vocabulary, idf

    @classmethod
    def fit(cls, kind: Kind, texts: Sequence[str]) -> tuple[Features, sparse.csr_matrix]:
        """The features of all n-grams of some folded texts, and those of the texts themselves."""
        vocabulary, counts = count_ngrams(kind, texts)
        idf = inverse_document_frequencies(counts)
        return cls(kind, vocabulary, idf), tf_idf(counts, idf)

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Folded texts -> (n, len(vocabulary)) float32. n-grams that are not known count nothing."""
        return tf_idf(_counts(self.kind, self.vocabulary, texts), self.idf)


def count_ngrams(kind: Kind, texts: Sequence[str]) -> tuple[NgramVocabulary, sparse.csr_matrix]:
    """All n-grams of some folded texts, and how often each text (n,) has each of them."""
    vocabulary = _vocabulary(kind, texts)
    return vocabulary, _counts(kind, vocabulary, texts)


def inverse_document_frequencies(counts: sparse.csr_matrix) -> np.ndarray:
    """(terms,) float32: 1 + ln((1 + n) / (1 + texts with the term)), as in scikit-learn; 0 for a term that none of the
    texts (n, terms) has, so that it counts nothing in texts that have it."""
    frequencies = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = 1 + np.log((1 + counts.shape[0]) / (1 + frequencies))
    return np.where(frequencies > 0, idf, 0).astype(np.float32)


def _vocabulary(kind: Kind, texts: Sequence[str]) -> NgramVocabulary:
    if kind.unit == "words":
        symbols = sorted({word for text in texts for word in WORD.findall(text)})
        number_of = {symbol: number for number, symbol in enumerate(symbols)}
        return NgramVocabulary.of(
            symbols, _word_symbols(texts, number_of), shortest=kind.shortest, longest=kind.longest
        )
    if kind.unit == "within_words":
        texts = sorted({word for text in texts for word in text.split()})
        texts = [f" {word} " for word in texts]
    points = np.unique(_code_points(texts)[0])
    # half a character cannot be saved, nor a byte order mark where it comes first
    points = points[((points < 0xD800) | (points > 0xDFFF)) & (points != 0xFEFF)]
    symbols = [chr(point) for point in points]
    return NgramVocabulary.of(symbols, characters(texts, points), shortest=kind.shortest, longest=kind.longest)


def _counts(kind: Kind, vocabulary: NgramVocabulary, texts: Sequence[str]) -> sparse.csr_matrix:
    if kind.unit == "words":
        return vocabulary.counts(_word_symbols(texts, vocabulary.number_of), len(texts))
    points = known_points(vocabulary)
    if kind.unit == "characters":
        return vocabulary.counts(characters(texts, points), len(texts))
    # each distinct word is looked at once
    number_of: dict[str, int] = {}
    of_texts = [[number_of.setdefault(word, len(number_of)) for word in text.split()] for text in texts]
    of_words = vocabulary.counts(characters([f" {word} " for word in number_of], points), len(number_of))
    lengths = np.fromiter(map(len, of_texts), np.int64, len(of_texts))
    columns = np.fromiter(chain.from_iterable(of_texts), np.int64, int(lengths.sum()))
    rows = np.repeat(np.arange(len(texts)), lengths)
    words = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(texts), len(number_of)))
    return words @ of_words


def _word_symbols(texts: Sequence[str], number_of: dict[str, int]) -> Symbols:
    found = [[number_of.get(word, UNKNOWN) for word in WORD.findall(text)] for text in texts]
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    numbers = np.fromiter(chain.from_iterable(found), np.int64, int(lengths.sum()))
    return Symbols(numbers, np.repeat(np.arange(len(texts)), lengths))


def known_points(vocabulary: NgramVocabulary) -> np.ndarray:
    """The characters that are known, as code points."""
    return np.asarray([ord(symbol) for symbol in vocabulary.symbols], np.uint32)


def _code_points(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """All characters as uint32, and the number of each text's."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return points, np.fromiter(map(len, texts), np.int64, len(texts))


def characters(texts: Sequence[str], known: np.ndarray) -> Symbols:
    """The characters of texts as symbols. known: code points in ascending order."""
    points, lengths = _code_points(texts)
    numbers = np.full(len(points), UNKNOWN, np.int64)
    if len(known):
        at = np.searchsorted(known, points).clip(max=len(known) - 1)
        numbers = np.where(known[at] == points, at, UNKNOWN)
    return Symbols(numbers, np.repeat(np.arange(len(texts)), lengths))


def tf_idf(counts: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """(1 + ln(count)) * idf, divided by each text's norm. counts (n, terms), idf (terms,)."""
    values = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norms = np.sqrt(np.bincount(rows, values.astype(np.float64) ** 2, minlength=counts.shape[0]))
    values /= np.where(norms > 0, norms, 1)[rows]
    return sparse.csr_matrix((values.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
