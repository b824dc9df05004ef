"""A tokenized corpus: whole texts as numbers of the corpus's own distinct tokens.

Neither a vocabulary nor the length at which a model cuts texts is part of it: both are applied when texts are read
from it, so that they can change without tokenizing again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from textrnn.data.corpus_writer import ARRAYS, write_arrays
from textrnn.data.labels import label_problem
from textrnn.data.scratch import scratch_array
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import EncodedTexts, cut_lengths
from textrnn.data.type_index import TypeIndex
from textrnn.data.vocab import Vocab

_BYTES_PER_BLOCK = 1 << 20  # of types


@dataclass
class Corpus:
    """The tokenized texts of one split; from a cache folder, its arrays are mapped from disk.

    tokens (N,) int32, lengths (n,) int32: as in TokenizedTexts, with token numbers of the whole corpus.
    starts (n,) int64: where each text begins in `tokens`.
    label_ids (n,) int32: positions in `labels`; None where labels were not read.
    hashes (n,) uint64: of the raw texts, to find equal ones.
    type_count: the number of distinct tokens. types: their file, a token a line in the order of their numbers.
    scratch_folder: for arrays too large for memory; None keeps them in memory.
    digest: of the content of its files. skipped_count: bad rows left out; skipped: the first of them.
    """

    tokens: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    label_ids: np.ndarray | None
    hashes: np.ndarray
    type_count: int
    types: BinaryIO
    labels: list[str]
    scratch_folder: Path | None = None
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
        index, types = TypeIndex(folder=None), io.BytesIO()
        streams = {name: io.BytesIO() for name in ARRAYS}
        examples = zip(texts, [None] * len(texts) if labels is None else labels, strict=True)
        names = write_arrays(examples, tokenizer, index, streams)
        tokens, starts, lengths, label_ids, hashes = (
            np.frombuffer(stream.getbuffer(), ARRAYS[name]) for name, stream in streams.items()
        )
        type_count = index.finish(types, None)
        index.close()
        return cls(
            tokens, starts, lengths, None if labels is None else label_ids, hashes, type_count, types, labels=names
        )

    def __len__(self) -> int:
        return len(self.starts)

    def types_in_blocks(self) -> Iterator[list[str]]:
        """The distinct tokens in the order of their numbers, a block at a time."""
        self.types.seek(0)
        while block := self.types.read(_BYTES_PER_BLOCK):
            block += self.types.readline()
            yield block.decode("utf-8").split("\n")[:-1]

    def texts_of_tokens(self, rows: Sequence[int], max_length: int) -> Iterator[str]:
        """The tokens, with spaces between them, that a model with this limit reads of each of some texts."""
        spans = [(self.starts[row], self.starts[row] + min(self.lengths[row], max_length)) for row in rows]
        wanted = np.unique(np.concatenate([self.tokens[begin:end] for begin, end in spans]))
        names: dict[int, str] = {}
        first = 0
        for tokens in self.types_in_blocks():
            inside = wanted[(wanted >= first) & (wanted < first + len(tokens))]
            names.update((number, tokens[number - first]) for number in inside.tolist())
            first += len(tokens)
        for begin, end in spans:
            yield " ".join(names[number] for number in self.tokens[begin:end].tolist())

    def cut(self, max_length: int) -> EncodedTexts:
        """The texts as a model with this limit reads them, in the corpus's own token numbers and without labels."""
        return EncodedTexts(
            self.tokens, self.starts, cut_lengths(self.lengths, max_length), is_empty=np.asarray(self.lengths) == 0
        )

    def encoded(self, vocab: Vocab, label_ids: dict[str, int] | None, max_length: int) -> EncodedTexts:
        """The texts in ids of `vocab`, each cut at max_length.

        label_ids: id of each label in the model, None: the result has no labels.

        Raises: KeyError for a label of the corpus that `label_ids` lacks; ValueError for label_ids without labels.
        """
        texts = self.cut(max_length)
        texts.id_map = scratch_array(self.type_count, np.int32, self.scratch_folder)
        begin = 0
        for tokens in self.types_in_blocks():
            texts.id_map[begin : begin + len(tokens)] = vocab.ids(tokens)
            begin += len(tokens)
        if label_ids is not None:
            if self.label_ids is None:
                raise ValueError("the corpus was read without labels")
            id_of = np.asarray([label_ids[label] for label in self.labels], dtype=np.int32)
            texts.labels = id_of[self.label_ids]
        return texts
