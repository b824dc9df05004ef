"""n-grams of words, of characters, and of the characters of words: vocabularies, and how often texts have each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

WORD = re.compile(r"\b\w\w+\b")
UNKNOWN = -1  # the number of an unknown symbol
# half a character cannot be saved, nor a byte order mark if it comes first
UNSAVED = {*map(chr, range(0xD800, 0xE000)), "\ufeff"}


class Symbols(NamedTuple):
    """The symbols of texts, one text after the other. numbers (N,) int64: UNKNOWN for unknown symbols. rows (N,) int64,
    ascending: the row of each symbol's text."""

    numbers: np.ndarray
    rows: np.ndarray


class NgramVocabulary:
    """Known n-grams of symbols.

    symbols: a symbol's number is its position. keys: for each length from 2, (count,) int64, ascending: the position of
    the n-gram's first symbols among the n-grams that are shorter by one, times the number of symbols, plus its last
    symbol. shortest: the least length of counted n-grams; shorter ones only serve to find them.
    """

    def __init__(self, symbols: Sequence[str], keys: Sequence[np.ndarray], *, shortest: int = 1) -> None:
        self.symbols = list(symbols)
        self.symbol_numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.keys = list(keys)
        self.shortest = shortest

    @classmethod
    def from_texts(cls, symbols: Sequence[str], texts: Symbols, *, shortest: int, longest: int) -> NgramVocabulary:
        """The vocabulary of all n-grams that occur in the texts."""
        vocabulary = cls(symbols, [], shortest=shortest)
        positions = texts.numbers
        for _ in range(2, longest + 1):
            keys = vocabulary._next_keys(positions, texts)
            is_ngram, positions = keys >= 0, np.full(len(keys), UNKNOWN)
            known, positions[is_ngram] = np.unique(keys[is_ngram], return_inverse=True)
            vocabulary.keys.append(known)
        return vocabulary

    def longer(self, texts: Symbols) -> tuple[np.ndarray, np.ndarray]:
        """The keys of all n-grams that are longer by one than the longest known ones, and the row of each."""
        *_, (_, last, columns) = self.occurrences(texts)
        positions = np.full(len(texts.numbers), UNKNOWN)
        positions[last] = columns - (len(self) - self._sizes()[-1])
        keys = self._next_keys(positions, texts)
        return keys[keys >= 0], texts.rows[keys >= 0]

    def selected(self, kept: np.ndarray) -> NgramVocabulary:
        """A vocabulary of some of the n-grams. kept (len(self),) bool: with an n-gram, all shorter ones in it are kept.
        All lengths from 1 on must be counted."""
        by_length = np.split(kept, np.cumsum(self._sizes())[:-1])
        numbers = positions = np.cumsum(by_length[0]) - 1  # of what is kept
        symbols = [self.symbols[number] for number in np.flatnonzero(by_length[0])]
        keys = []
        for old_keys, is_kept in zip(self.keys, by_length[1:], strict=True):
            before, last = np.divmod(old_keys[is_kept], max(len(self.symbols), 1))
            keys.append(positions[before] * len(symbols) + numbers[last])
            positions = np.cumsum(is_kept) - 1
        return NgramVocabulary(symbols, keys)

    def __len__(self) -> int:
        """The number of counted n-grams."""
        return sum(self._sizes()[self.shortest - 1 :])

    def counts(self, texts: Symbols, row_count: int) -> sparse.csr_matrix:
        """(row_count, len(self)) float32: how often each text has each n-gram."""
        _, last, columns = zip(*self.occurrences(texts), strict=True)
        return _count_matrix(texts.rows[np.concatenate(last)], np.concatenate(columns), (row_count, len(self)))

    def occurrences(self, texts: Symbols) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each counted length: the length, the positions of the last symbols of known n-grams, and the columns of
        these n-grams in `counts`."""
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
        terms = [self.symbols]
        for keys in self.keys:
            pairs = zip(*(part.tolist() for part in np.divmod(keys, max(len(self.symbols), 1))), strict=True)
            terms.append([terms[-1][before] + joiner + self.symbols[last] for before, last in pairs])
        return [*chain.from_iterable(terms[self.shortest - 1 :])]

    def _sizes(self) -> list[int]:
        return [len(self.symbols), *map(len, self.keys)]

    def _next_keys(self, positions: np.ndarray, texts: Symbols) -> np.ndarray:
        """(N,): the key of the n-gram that ends at each symbol, or UNKNOWN. positions: those of the n-grams shorter by
        one."""
        keys = np.full(len(positions), UNKNOWN, np.int64)
        before, last = positions[:-1], texts.numbers[1:]
        # the shorter n-gram lies within one text, as the longer one must
        possible = (before >= 0) & (last >= 0) & (texts.rows[1:] == texts.rows[:-1])
        keys[1:][possible] = before[possible].astype(np.int64) * len(self.symbols) + last[possible]
        return keys


def _search(ascending: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The position of each value in an array; UNKNOWN for values that it lacks."""
    if not len(ascending):
        return np.full(len(values), UNKNOWN)
    positions = np.searchsorted(ascending, values).clip(max=len(ascending) - 1)
    return np.where(ascending[positions] == values, positions, UNKNOWN)


def _count_matrix(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """(shape) float32: how often each pair of row and column occurs."""
    return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)


@dataclass(frozen=True)
class Kind:
    """A kind of features: n-grams of `shortest` to `longest` units. weighting: how their counts become values; `lsa`
    and `ppmi` have the n-grams of all texts, also of those without labels, and `lsa` has TF-IDF values."""

    unit: Literal["words", "characters", "within_words"]
    shortest: int
    longest: int
    weighting: Literal["tf_idf", "lsa", "ppmi"] = "tf_idf"


def count_ngrams(
    kind: Kind, texts: Sequence[str], most_terms: int | None = None
) -> tuple[NgramVocabulary, sparse.csr_matrix]:
    """All n-grams in folded texts, and how often each text has each n-gram (n, len(vocabulary)). most_terms: take at
    most so many n-grams, which occur in the most texts, and in two or more; `kind` must then begin with length 1."""
    if kind.unit == "words":
        symbols = sorted({word for text in texts for word in WORD.findall(text)})
        ordered = _word_symbols(texts, {symbol: number for number, symbol in enumerate(symbols)})
    else:
        if kind.unit == "within_words":
            passages = [f" {word} " for word in {word for text in texts for word in text.split()}]
        else:
            passages = list(texts)
        symbols = sorted({*"".join(passages)} - UNSAVED)
        ordered = characters(passages, symbols)
    vocabulary = NgramVocabulary.from_texts(symbols, ordered, shortest=kind.shortest, longest=kind.longest)
    counts = ngram_counts(kind, vocabulary, texts)
    if most_terms is None:
        return vocabulary, counts
    kept = most_frequent(np.bincount(counts.indices, minlength=counts.shape[1]), most_terms)
    return vocabulary.selected(kept), counts[:, kept]


def most_frequent(frequencies: np.ndarray, most_terms: int) -> np.ndarray:
    """(terms,) bool: the terms that occur in the most texts, at most `most_terms`, and in two or more. frequencies
    (terms,): the number of texts with each."""
    # all n-grams of a frequency or none, so that no n-gram is kept without those in it
    excluded = np.sort(frequencies)[-most_terms - 1] if len(frequencies) > most_terms else 1
    return frequencies > max(excluded, 1)


def ngram_counts(kind: Kind, vocabulary: NgramVocabulary, texts: Sequence[str]) -> sparse.csr_matrix:
    if kind.unit == "words":
        return vocabulary.counts(_word_symbols(texts, vocabulary.symbol_numbers), len(texts))
    if kind.unit == "characters":
        return vocabulary.counts(characters(texts, vocabulary.symbols), len(texts))
    numbers: dict[str, int] = {}  # word -> number; each distinct word is processed once
    words = _concat([[numbers.setdefault(word, len(numbers)) for word in text.split()] for text in texts])
    in_words = vocabulary.counts(characters([f" {word} " for word in numbers], vocabulary.symbols), len(numbers))
    return _count_matrix(words.rows, words.numbers, (len(texts), len(numbers))) @ in_words


def _word_symbols(texts: Sequence[str], symbol_numbers: dict[str, int]) -> Symbols:
    return _concat([[symbol_numbers.get(word, UNKNOWN) for word in WORD.findall(text)] for text in texts])


def _concat(numbers: Sequence[Sequence[int]]) -> Symbols:
    """The symbols of texts. numbers: the symbol numbers of each text."""
    lengths = np.fromiter(map(len, numbers), np.int64, len(numbers))
    joined = np.fromiter(chain.from_iterable(numbers), np.int64, int(lengths.sum()))
    return Symbols(joined, np.repeat(np.arange(len(numbers)), lengths))


def characters(texts: Sequence[str], known: Sequence[str]) -> Symbols:
    """The characters of texts as symbols. known: the known characters in ascending order."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    return Symbols(_search(np.asarray([ord(symbol) for symbol in known], np.uint32), points), rows)
