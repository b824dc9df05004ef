"""A tokenized corpus: whole texts as numbers of the corpus's distinct tokens. A model's vocabulary and length limit are
applied when texts are read from it, so that both can change without tokenizing again."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from textrnn.corpus.writer import ARRAYS, write_arrays
from textrnn.reading.labels import label_problem
from textrnn.reading.reader import Example
from textrnn.texts.rows import rows_where
from textrnn.texts.targets import Targets
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import EncodedTexts, cut_lengths
from textrnn.texts.vocab import Vocab

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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
    weights (n,) float32: of the texts in training; None if weights were not read.
    soft_labels (entries,): row, label_id and probability of each class of each soft label; None without soft labels.
    normalized: the number of soft labels whose probabilities were divided by their sum.
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
    weights: np.ndarray | None = None
    soft_labels: np.ndarray | None = None
    normalized: int = 0

    @classmethod
    def from_texts(
        cls, texts: Sequence[str], labels: Sequence[str] | None, tokenizer: Tokenizer,
        weights: np.ndarray | None = None,
    ) -> Corpus:  # fmt: skip
        """A corpus in memory, tokenized in this process. labels: one per text, or None. weights (n,), or None.

        Raises: ValueError for a bad label, or unless there are as many labels as texts.
        """
        for label in dict.fromkeys(labels or ()):
            if problem := label_problem(label, None):
                raise ValueError(problem)
        streams = {name: io.BytesIO() for name in ARRAYS}
        pairs = zip(texts, [None] * len(texts) if labels is None else labels, strict=True)
        types, names, _ = write_arrays((Example(text, label, "") for text, label in pairs), tokenizer, streams)
        arrays: dict[str, Any] = {name: np.frombuffer(streams[name].getbuffer(), ARRAYS[name]) for name in ARRAYS}
        arrays |= {"weights": None if weights is None else weights.astype(np.float32), "soft_labels": None}
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
            numbers = np.asarray([label_numbers[label] for label in self.labels], dtype=np.int32)
            texts.targets = Targets(numbers[self.label_ids], self._probabilities(numbers, len(labels)), self.weights)
        return texts

    def _probabilities(self, numbers: np.ndarray, num_classes: int) -> csr_array | None:
        """Those of `Targets`. numbers: the model's number of each label."""
        if self.soft_labels is None or self.label_ids is None:
            return None
        if len(self.soft_labels) == len(np.unique(self.soft_labels["row"])):  # all are certain
            return None
        from scipy.sparse import csr_array

        soft = self.soft_labels
        is_hard = np.ones(len(self), dtype=bool)
        is_hard[soft["row"]] = False
        hard = rows_where(is_hard)
        values = np.concatenate([np.ones(len(hard), np.float32), soft["probability"]])
        columns = np.concatenate([numbers[self.label_ids[hard]], numbers[soft["label_id"]]])
        return csr_array((values, (np.concatenate([hard, soft["row"]]), columns)), (len(self), num_classes))
