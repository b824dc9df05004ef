"""A tokenized corpus in a folder: one file for each array, one for the distinct tokens, and a description."""

from __future__ import annotations

import json
import mmap
import zlib
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.corpus_writer import ARRAYS, write_arrays
from textrnn.data.digests import size_of
from textrnn.data.reader import Skipped, read_examples
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.type_index import TypeIndex
from textrnn.runtime.files import sync_file, sync_folder

TYPES, DESCRIPTION = "types.txt", "meta"
FILES = (*(f"{name}.bin" for name in ARRAYS), TYPES)
_BLOCK = 1 << 20


def write_corpus(
    folder: Path, source: Source, tokenizer: Tokenizer, progress: Callable[[int], object], workers: int | None
) -> None:
    """Tokenize a source into an empty folder. Raises DataError for bad rows; OSError, sqlite3.Error."""
    skipped = Skipped()
    index = TypeIndex(folder.parent)  # not `folder`: it is renamed while SQLite may still use it
    with closing(index), ExitStack() as stack:
        streams = {name: stack.enter_context(open(folder / f"{name}.bin", "wb")) for name in ARRAYS}
        labels = write_arrays(
            ((example.text, example.label) for example in read_examples(source, skipped)),
            tokenizer, index, streams, size=size_of(source.files()), workers=workers, progress=progress,
        )  # fmt: skip
        for stream in streams.values():
            stream.close()
        with open(folder / TYPES, "wb") as types:
            type_count = index.finish(types, folder / "tokens.bin")
    description = json.dumps({
        "checksums": {name: checksum_of(folder / name) for name in FILES},
        "type_count": type_count, "labels": labels,
        "skipped_count": skipped.count, "skipped": skipped.shown,
    }).encode()  # fmt: skip
    (folder / DESCRIPTION).write_bytes(b"%08x %s" % (zlib.crc32(description), description))
    for name in (*FILES, DESCRIPTION):
        sync_file(folder / name)
    sync_folder(folder)


def open_corpus(folder: Path, digest: str) -> Corpus | None:
    """The corpus in a folder; None where there is none or it is damaged, as its checksums tell."""
    try:
        checksum, _, description = (folder / DESCRIPTION).read_bytes().partition(b" ")
        if checksum != b"%08x" % zlib.crc32(description):
            return None
        meta = json.loads(description)
        if any(checksum_of(folder / name) != meta["checksums"][name] for name in FILES):
            return None
        arrays = {
            name: np.memmap(folder / f"{name}.bin", dtype=kind, mode="r")
            for name, kind in ARRAYS.items()
            if (folder / f"{name}.bin").stat().st_size
        }
        with open(folder / TYPES, "rb") as file:
            types = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        label_ids = arrays.pop("label_ids", None)
        return Corpus(
            **arrays, label_ids=label_ids, type_count=meta["type_count"], types=cast(BinaryIO, types),
            labels=meta["labels"], scratch_folder=folder.parent, digest=digest,
            skipped_count=meta["skipped_count"], skipped=meta["skipped"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def checksum_of(file: Path) -> int:
    """CRC-32 of a file's bytes: damage is not malice, and this is the fastest checksum in the standard library."""
    checksum = 0
    with open(file, "rb") as stream:
        while block := stream.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def remove_corpus(folder: Path) -> None:
    """Remove the folder of a corpus, complete or not. Opens nothing, so that it works where no file can be opened."""
    with suppress(OSError):
        for name in (*FILES, DESCRIPTION):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
