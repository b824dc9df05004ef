"""Texts -> the arrays of a corpus, in one pass, to files or to memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

import numpy as np

from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import text_starts
from textrnn.data.type_index import TypeIndex
from textrnn.data.workers import tokenized_chunks

ARRAYS = {"tokens": "<i4", "starts": "<i8", "lengths": "<i4", "label_ids": "<i4", "hashes": "<u8"}


def write_arrays(
    examples: Iterable[tuple[str, str | None]],
    tokenizer: Tokenizer,
    index: TypeIndex,
    streams: Mapping[str, BinaryIO],
    *,
    size: int = 0,
    workers: int | None = 1,
    progress: Callable[[int], object] = lambda count: None,
) -> list[str]:
    """Tokenize (text, label) pairs and append the values of each of ARRAYS to its stream.

    size: bytes of text, about. workers: as in tokenized_chunks. progress: called with the number of texts just done.

    Returns the labels in order of first appearance; where every label is None, `label_ids` stays empty.
    """
    label_ids: dict[str, int] = {}

    def texts() -> Iterator[str]:
        for text, label in examples:
            if label is not None:
                streams["label_ids"].write(label_ids.setdefault(label, len(label_ids)).to_bytes(4, "little"))
            streams["hashes"].write(text_hash(text))
            yield text

    def write(name: str, values: np.ndarray) -> None:
        streams[name].write(np.ascontiguousarray(values, ARRAYS[name]).data)

    position = 0
    for chunk in tokenized_chunks(texts(), tokenizer, size, workers):
        write("tokens", index.numbers(chunk.types)[chunk.tokens])
        write("starts", position + text_starts(chunk.lengths))
        write("lengths", chunk.lengths)
        position += len(chunk.tokens)
        progress(len(chunk.lengths))
    return list(label_ids)


def text_hash(text: str) -> bytes:
    """8 bytes, the same for texts that are equal but for white space around them."""
    return hashlib.blake2b(text.strip().encode("utf-8", "surrogatepass"), digest_size=8).digest()
