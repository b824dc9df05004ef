"""The files of a tokenized corpus: arrays, distinct tokens and a description, written in one pass over the texts."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.digests import documents
from textrnn.data.numbering import Numbering
from textrnn.data.reader import read_examples
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import text_starts
from textrnn.data.workers import tokenized_chunks

ARRAYS = {"tokens": "<i4", "starts": "<i8", "lengths": "<i4", "label_ids": "<i4", "hashes": "<u8"}
_ROWS_AT_ONCE = 4096


def write_corpus(
    folder: Path, source: Source, tokenizer: Tokenizer, progress: Callable[[int], object], workers: int | None
) -> None:
    """Tokenize a source into an empty folder. Raises DataError for bad rows, OSError."""
    label_ids: dict[str, int] = {}
    numbering = Numbering(folder)
    sizes = dict.fromkeys(ARRAYS, 0)
    streams = {name: open(folder / f"{name}.bin", "wb") for name in ARRAYS}  # noqa: SIM115 - closed below

    def write(name: str, values: Any) -> None:
        array = np.asarray(values, dtype=ARRAYS[name])
        streams[name].write(array.tobytes())
        sizes[name] += len(array)

    def texts() -> Iterator[str]:
        labels, hashes = [], []
        for example in read_examples(source):
            if example.label is not None:
                labels.append(label_ids.setdefault(example.label, len(label_ids)))
            digest = hashlib.blake2b(example.text.strip().encode("utf-8", "surrogatepass"), digest_size=8)
            hashes.append(int.from_bytes(digest.digest(), "little"))
            yield example.text
            if len(hashes) == _ROWS_AT_ONCE:
                write("label_ids", labels)
                write("hashes", hashes)
                labels, hashes = [], []
        write("label_ids", labels)
        write("hashes", hashes)

    try:
        for chunk in tokenized_chunks(texts(), tokenizer, size_of(source), workers):
            write("starts", sizes["tokens"] + text_starts(chunk.lengths))
            write("tokens", numbering.numbers(chunk.types)[chunk.tokens])
            write("lengths", chunk.lengths)
            progress(len(chunk.lengths))
    finally:
        numbering.close()
        for stream in streams.values():
            stream.close()
    types = folder / "types.txt"
    type_count = numbering.finish(types, folder / "tokens.bin")
    meta = {
        "sizes": sizes, "types": type_count, "types_size": types.stat().st_size,
        "labels": list(label_ids), "skipped_count": source.skipped_count, "skipped": source.skipped,
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")


def open_corpus(folder: Path, digest: str) -> Corpus | None:
    """The corpus in a folder; None where there is none or it is damaged."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        arrays = {
            name: np.memmap(folder / f"{name}.bin", dtype=kind, mode="r", shape=(meta["sizes"][name],))
            for name, kind in ARRAYS.items()
        }
        with open(folder / "types.txt", "rb") as file:
            types = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(types) != meta["types_size"] or any(
            (folder / f"{name}.bin").stat().st_size != array.nbytes for name, array in arrays.items()
        ):
            return None
        return Corpus(
            **arrays, type_count=meta["types"], types=cast(BinaryIO, types), labels=meta["labels"],
            scratch_folder=folder.parent, digest=digest, skipped_count=meta["skipped_count"], skipped=meta["skipped"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def size_of(source: Source) -> int:
    """Bytes of text in a source, about (gzip data counted three times)."""
    return sum(os.stat(file).st_size * (3 if file.endswith(".gz") else 1) for file, _ in documents(source.files()))
