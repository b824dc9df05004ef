"""Texts -> token numbers -> vocabulary ids: the one path that training, evaluation and prediction share."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from textrnn.texts.targets import Targets
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.vocab import UNK_TOKEN, Vocab

_INT32_MAX = 2**31 - 1


class TokenizedTexts(NamedTuple):
    """Texts as numbers of their distinct tokens, before any vocabulary.

    types: the distinct tokens, in order of first occurrence. tokens (N,) int32: positions in `types`, one text after
    the other. lengths (n,) int32: the number of tokens of each text. A text without tokens has length 0 but one entry
    in `tokens`, <unk>, which a model reads instead.
    """

    types: list[str]
    tokens: np.ndarray
    lengths: np.ndarray


def tokenize(texts: Sequence[str], tokenizer: Tokenizer, at_most: int | None = None) -> TokenizedTexts:
    """Tokenize texts. at_most: the number of tokens after which a text is cut; None: read it to the end."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)  # a new token gets the next number
    tokens = array("i")  # lists would take several times the memory
    lengths = array("i")
    for text in texts:
        begin = len(tokens)
        tokens.extend(map(numbers.__getitem__, islice(tokenizer.tokens(text), at_most)))
        length = len(tokens) - begin
        lengths.append(length)
        if not length:
            tokens.append(numbers[UNK_TOKEN])
    return TokenizedTexts(list(numbers), np.asarray(tokens, dtype=np.int32), np.asarray(lengths, dtype=np.int32))


def text_starts(lengths: np.ndarray) -> np.ndarray:
    """(n,) int64: the position at which each text begins in the `tokens` of TokenizedTexts."""
    stored = np.maximum(lengths, 1)
    return np.cumsum(stored, dtype=np.int64) - stored


def cut_lengths(lengths: np.ndarray, max_length: int) -> np.ndarray:
    """(n,) int32: the number of tokens that a model reads of texts, at least one (see TokenizedTexts)."""
    return np.minimum(np.maximum(np.asarray(lengths), 1), min(max_length, _INT32_MAX))


@dataclass
class EncodedTexts:
    """Texts as ids: slices of one flat array, which may be memory-mapped.

    tokens (N,): token numbers; id_map turns them into vocabulary ids (None: they are ids already).
    starts, lengths (n,): the slice of `tokens` of each text. targets: of labelled texts. is_empty (n,) bool: whether a
    text has no token and is read as one unknown token, or None if this is not known.
    """

    tokens: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    targets: Targets | None = None
    id_map: np.ndarray | None = None
    is_empty: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def labels(self) -> np.ndarray | None:
        """(n,) int32: the class of each text, or None."""
        return None if self.targets is None else self.targets.classes

    def rows(self, rows: np.ndarray | slice) -> EncodedTexts:
        """These texts only, in this order. Tokens are shared, not copied; with a slice nothing is copied."""
        targets = None if self.targets is None else self.targets.rows(rows)
        is_empty = None if self.is_empty is None else self.is_empty[rows]
        return replace(self, starts=self.starts[rows], lengths=self.lengths[rows], targets=targets, is_empty=is_empty)

    def packed(self) -> EncodedTexts:
        """A copy of these texts in memory, without anything else of the flat array, in vocabulary ids."""
        tokens = np.concatenate([np.zeros(0, np.int32), *self.flat_blocks()])
        tokens = tokens if self.id_map is None else self.id_map[tokens]
        lengths = np.array(self.lengths)
        return replace(self, tokens=tokens, starts=np.cumsum(lengths) - lengths, lengths=lengths, id_map=None)

    def flat_blocks(self, texts_per_block: int = 1024) -> Iterator[np.ndarray]:
        """All token numbers, one block of texts at a time, for counting in constant memory."""
        for begin in range(0, len(self), texts_per_block):
            block = slice(begin, begin + texts_per_block)
            starts, lengths = self.starts[block], self.lengths[block]
            ends = np.cumsum(lengths)
            within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
            yield self.tokens[np.repeat(starts, lengths) + within]


class Transform:
    """A model's tokenizer, vocabulary and length limit, which turn texts into ids."""

    def __init__(self, tokenizer: Tokenizer, vocab: Vocab, max_length: int) -> None:
        self.tokenizer, self.vocab, self.max_length = tokenizer, vocab, max_length
        self.cut_texts = 0  # texts that lost tokens to max_length so far

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Texts in vocabulary ids, without labels, each cut at max_length."""
        # one token more than the model reads shows that the text is cut
        types, tokens, lengths = tokenize(texts, self.tokenizer, at_most=self.max_length + 1)
        self.cut_texts += np.count_nonzero(lengths > self.max_length)
        id_map = np.asarray(self.vocab.ids(types), dtype=np.int32)
        read_lengths = cut_lengths(lengths, self.max_length)
        return EncodedTexts(tokens, text_starts(lengths), read_lengths, id_map=id_map, is_empty=lengths == 0)
