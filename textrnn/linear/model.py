"""The linear model beside the network: texts -> TF-IDF features -> margins, with numpy and scipy only.

The features, n-grams of words, of characters, or of the characters of words, are those of scikit-learn's
`TfidfVectorizer(sublinear_tf=True)` with ngram_range and the analyzers "word", "char" and "char_wb". They are computed
here so that prediction needs no scikit-learn and is several times as fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from textrnn.linear.ngrams import Kind, NgramVocabulary, count_ngrams, ngram_counts
from textrnn.texts.folding import Folded, fold, fold_located

MOST_CHARACTERS = 1_000_000  # of a text; the rest is not read
_CHARACTERS_AT_ONCE = 2_000_000
_NOT_SPACE = re.compile(r"\S+")  # the words of `str.split`


@dataclass(frozen=True)
class Folding:
    """The normalization of texts before n-grams are counted: the tokenizer's options, and single spaces."""

    lowercase: bool
    normalize: bool

    def __call__(self, text: str) -> str:
        return " ".join(fold(text[:MOST_CHARACTERS], self.lowercase, self.normalize).split())

    def located(self, text: str) -> Folded:
        """The same text with the origin of its characters; a space comes from the first white space after a word."""
        folded = fold_located(text[:MOST_CHARACTERS], self.lowercase, self.normalize)
        words = [match.span() for match in _NOT_SPACE.finditer(folded.text)]
        kept = np.concatenate([np.arange(0), *(np.arange(begin, end + 1) for begin, end in words)])[:-1]
        joined = " ".join(folded.text[begin:end] for begin, end in words)
        return Folded(joined, folded.starts[kept], folded.ends[kept])


@dataclass(frozen=True)
class Features:
    """The features of one kind. idf (len(vocabulary),) float32: the inverse document frequency of each n-gram; with
    the weighting `ppmi` its rarity, see `rarity`."""

    kind: Kind
    vocabulary: NgramVocabulary
    idf: np.ndarray

    @classmethod
    def fit(cls, kind: Kind, texts: Sequence[str], most_terms: int | None = None) -> tuple[Features, sparse.csr_matrix]:
        """The features of n-grams in folded texts, and their values in these texts. most_terms: see `count_ngrams`."""
        vocabulary, counts = count_ngrams(kind, texts, most_terms)
        idf = smooth_idf(counts)
        return cls(kind, vocabulary, idf), tf_idf(counts, idf)

    def terms(self) -> list[str]:
        """The n-grams as text, in the order of the columns."""
        return self.vocabulary.terms(" " if self.kind.unit == "words" else "")

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Folded texts -> (n, len(vocabulary)) float32. Unknown n-grams are ignored."""
        return self.values(ngram_counts(self.kind, self.vocabulary, texts))

    def values(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """Counts of n-grams (n, len(vocabulary)) -> their weighted values, of the same structure."""
        return (ppmi if self.kind.weighting == "ppmi" else tf_idf)(counts, self.idf)


def smooth_idf(counts: sparse.csr_matrix) -> np.ndarray:
    """(terms,) float32: 1 + ln((1 + n) / (1 + texts with the term)), as in scikit-learn; 0 for a term that none of the
    texts (n, terms) has, so that it is ignored in other texts."""
    frequencies = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = 1 + np.log((1 + counts.shape[0]) / (1 + frequencies))
    return np.where(frequencies > 0, idf, 0).astype(np.float32)


def rarity(counts: sparse.csr_matrix) -> np.ndarray:
    """(terms,) float32: ln(N / n), with N all counts (n, terms) together and n those of a term."""
    totals = np.bincount(counts.indices, counts.data, minlength=counts.shape[1])
    return np.log(max(totals.sum(), 1) / np.maximum(totals, 1)).astype(np.float32)


def tf_idf(counts: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """(1 + ln(count)) * idf, divided by each text's norm. counts (n, terms), idf (terms,)."""
    return _normalized((1 + np.log(counts.data)) * idf[counts.indices], counts)


def ppmi(counts: sparse.csr_matrix, rarity: np.ndarray) -> sparse.csr_matrix:
    """The positive pointwise mutual information of text and term, max(0, ln(count * N / (n_text * n_term))), divided by
    each text's norm. counts (n, terms), rarity (terms,): ln(N / n_term)."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    values = np.log(counts.data) + rarity[counts.indices] - np.repeat(np.log(totals.clip(1)), np.diff(counts.indptr))
    return _normalized(np.maximum(values, 0), counts)


def _normalized(values: np.ndarray, counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """A matrix of the same structure as `counts`, with other values, divided by the norm of each row."""
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norms = np.sqrt(np.bincount(rows, values.astype(np.float64) ** 2, minlength=counts.shape[0]))
    values /= np.where(norms > 0, norms, 1)[rows]
    return sparse.csr_matrix((values.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


@dataclass(frozen=True)
class LinearModel:
    """Linear classifiers of one class against the rest (LIBLINEAR: Fan et al. 2008) on TF-IDF features, perhaps added
    to logistic regressions on projections of all texts (`projection`), which are linear in their features, too.

    features: of one or more kinds, side by side; kinds of the weightings lsa and ppmi share their vocabulary. weight:
    (terms, classes) float32; for two classes (terms, 1), of the
    second class. bias: (classes,) or (1,) float32.
    """

    folding: Folding
    features: list[Features]
    weight: np.ndarray
    bias: np.ndarray

    def margins(self, texts: Sequence[str]) -> np.ndarray:
        """(n, classes) float32. For two classes, half the margin of the second class and its negative, so that their
        difference is the margin."""
        margins = [np.zeros((0, len(self.bias)), np.float32)]
        for block in text_blocks(texts, _CHARACTERS_AT_ONCE):  # each character needs some hundred bytes
            folded = [self.folding(text) for text in block]
            counts = {id(kind.vocabulary): ngram_counts(kind.kind, kind.vocabulary, folded) for kind in self.features}
            parts = [kind.values(counts[id(kind.vocabulary)]) for kind in self.features]
            margins.append(sparse.hstack(parts, format="csr") @ self.weight + self.bias)
        return both_sides(np.concatenate(margins))


def text_blocks(texts: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """Blocks of adjacent texts that reach `most` characters, counting at most MOST_CHARACTERS of each text."""
    begin = characters = 0
    for end, text in enumerate(texts, start=1):
        characters += min(len(text), MOST_CHARACTERS)
        if characters >= most or end == len(texts):
            yield texts[begin:end]
            begin, characters = end, 0


def both_sides(margins: np.ndarray) -> np.ndarray:
    """Margins (n, 1) of two classes -> (n, 2); margins of more classes are returned unchanged."""
    return np.hstack([-margins / 2, margins / 2]) if margins.shape[1] == 1 else margins
