"""A tokenized corpus: whole texts as numbers of the corpus's distinct tokens. A model's vocabulary and length limit are
applied when texts are read from it, so that both can change without tokenizing again."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from textrnn.corpus.writer import ARRAYS, write_arrays
from textrnn.reading.labels import label_problem
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import EncodedTexts, cut_lengths
from textrnn.texts.vocab import Vocab

_BYTES_PER_BLOCK = 1 << 20  # read at a time from types_file


@dataclass
class Corpus:
    """The tokenized texts of one split; the arrays of a cached corpus are memory-mapped.

    tokens (N,) int32, lengths (n,) int32: as in TokenizedTexts, with token numbers of the whole corpus.
    starts (n,) int64: the position at which each text begins in `tokens`.
    label_ids (n,) int32: positions in `labels`; None if labels were not read.
    hashes (n,) uint64: hashes of the raw texts, to find equal texts.
    type_count: the number of distinct tokens. types_file: one token per line in the order of their numbers.
    digest: a hash of its files' content. skipped_count, skipped: the number of bad rows left out, and the first few.
    """

    tokens: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    label_ids: np.ndarray | None
    hashes: np.ndarray
    type_count: int
    types_file: BinaryIO
    labels: list[str]
    digest: str = ""
    skipped_count: int = 0
    skipped: list[str] = field(default_factory=list)

    @classmethod
    def from_texts(cls, texts: Sequence[str], labels: Sequence[str] | None, tokenizer: Tokenizer) -> Corpus:
        """A corpus in memory, tokenized in this process. labels: one per text, or None.

        Raises: ValueError for a bad label, or unless there are as many labels as texts.
        """
        for label in dict.fromkeys(labels or ()):
            if problem := label_problem(label, None):
                raise ValueError(problem)
        streams = {name: io.BytesIO() for name in ARRAYS}
        examples = zip(texts, [None] * len(texts) if labels is None else labels, strict=True)
        types, names = write_arrays(examples, tokenizer, streams)
        arrays: dict[str, Any] = {name: np.frombuffer(streams[name].getbuffer(), ARRAYS[name]) for name in ARRAYS}
        if labels is None:
            arrays["label_ids"] = None
        types_file = io.BytesIO("".join(f"{token}\n" for token in types).encode())
        return cls(**arrays, type_count=len(types), types_file=types_file, labels=names)

    def __len__(self) -> int:
        return len(self.starts)

    def types(self) -> Iterator[str]:
        """The distinct tokens in the order of their numbers."""
        self.types_file.seek(0)
        while block := self.types_file.read(_BYTES_PER_BLOCK):
            block += self.types_file.readline()
            yield from block.decode("utf-8").split("\n")[:-1]

    def joined_tokens(self, rows: Sequence[int], max_length: int) -> Iterator[str]:
        """The texts in some rows as a model with this limit reads them: tokens joined by spaces."""
        spans = [self.tokens[self.starts[row] :][: min(self.lengths[row], max_length)].tolist() for row in rows]
        numbers = set().union(*spans)
        tokens = {number: token for number, token in enumerate(self.types()) if number in numbers}
        return (" ".join(tokens[number] for number in span) for span in spans)

    def cut(self, max_length: int) -> EncodedTexts:
        """The texts as a model with this limit reads them, as token numbers of the corpus and without labels."""
        is_empty = np.asarray(self.lengths) == 0
        return EncodedTexts(self.tokens, self.starts, cut_lengths(self.lengths, max_length), is_empty=is_empty)

    def encoded(self, vocab: Vocab, labels: list[str] | None, max_length: int) -> EncodedTexts:
        """The texts as ids of `vocab`, each cut at max_length.

        labels: the model's labels in the order of their ids; None for a result without labels.

        Raises: KeyError for a label of the corpus that is not in `labels`; ValueError for a corpus without labels.
        """
        texts = self.cut(max_length)
        texts.id_map = np.asarray(vocab.ids(self.types()), dtype=np.int32)
        if labels is not None:
            if self.label_ids is None:
                raise ValueError("the corpus was read without labels")
            label_numbers = {label: number for number, label in enumerate(labels)}
            texts.labels = np.asarray([label_numbers[label] for label in self.labels], dtype=np.int32)[self.label_ids]
        return texts
