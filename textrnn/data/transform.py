"""Text -> ids: the one way that training, evaluation and prediction share."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from textrnn.data.tokenizer import Tokenizer
from textrnn.data.vocab import UNK_TOKEN, Vocab


def tokens_of(text: str, tokenizer: Tokenizer, max_length: int) -> tuple[list[str], int]:
    """The tokens a model reads of a text, and how many there were before the cut at `max_length`.

    Never empty: a text without tokens is one unknown token, so that it has a length and a prediction.
    """
    tokens, count = tokenizer.first(text, max_length)
    return tokens or [UNK_TOKEN], count


@dataclass
class EncodedTexts:
    """Texts as ids: slices of one flat array, which may be memory-mapped.

    tokens (N,): token numbers; id_map turns them into vocabulary ids (None: they are ids already).
    starts, lengths (n,): where each text stands in `tokens`. labels (n,): label ids, or None.
    """

    tokens: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray | None = None
    id_map: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def rows(self, rows: np.ndarray | slice) -> EncodedTexts:
        """These texts only, in this order; the tokens are shared, not copied, and with a slice nothing is."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, starts=self.starts[rows], lengths=self.lengths[rows], labels=labels)

    def flat_blocks(self, texts_per_block: int = 1024) -> Iterator[np.ndarray]:
        """All token numbers, a block of texts at a time, for counting in constant memory."""
        for begin in range(0, len(self), texts_per_block):
            starts, lengths = (
                self.starts[begin : begin + texts_per_block],
                self.lengths[begin : begin + texts_per_block],
            )
            ends = np.cumsum(lengths)
            within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
            yield self.tokens[np.repeat(starts, lengths) + within]


class Transform:
    """Tokenizer, vocabulary and length limit of a model: what turns its texts into ids."""

    def __init__(self, tokenizer: Tokenizer, vocab: Vocab, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.vocab = vocab
        self.max_length = max_length
        self.cut_texts = 0  # texts that lost tokens to max_length so far

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        flat = array("i")  # a list would take several times the memory
        lengths = np.empty(len(texts), dtype=np.int64)
        for number, text in enumerate(texts):
            tokens, full_length = tokens_of(text, self.tokenizer, self.max_length)
            self.cut_texts += full_length > self.max_length
            flat.extend(self.vocab.ids(tokens))
            lengths[number] = len(tokens)
        return EncodedTexts(np.asarray(flat, dtype=np.int32), np.cumsum(lengths) - lengths, lengths)
