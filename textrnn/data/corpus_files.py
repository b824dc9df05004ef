"""A tokenized corpus in a folder: one file for each array, one for the distinct tokens, and a description."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.corpus_writer import ARRAYS, write_arrays
from textrnn.data.digests import documents
from textrnn.data.reader import read_examples
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.type_index import TypeIndex


def write_corpus(
    folder: Path, source: Source, tokenizer: Tokenizer, progress: Callable[[int], object], workers: int | None
) -> None:
    """Tokenize a source into an empty folder. Raises DataError for bad rows; OSError, sqlite3.Error."""
    index = TypeIndex(folder.parent)  # not `folder`: it is renamed while SQLite may still use it
    with closing(index), ExitStack() as stack:
        streams = {name: stack.enter_context(open(folder / f"{name}.bin", "wb")) for name in ARRAYS}
        labels = write_arrays(
            ((example.text, example.label) for example in read_examples(source)),
            tokenizer, index, streams, size=size_of(source), workers=workers, progress=progress,
        )  # fmt: skip
        sizes = {name: stream.tell() for name, stream in streams.items()}
        for stream in streams.values():
            stream.close()
        with open(folder / "types.txt", "wb") as types:
            type_count = index.finish(types, folder / "tokens.bin")
            sizes["types"] = types.tell()
    meta = {
        "sizes": sizes, "type_count": type_count, "labels": labels,
        "skipped_count": source.skipped_count, "skipped": source.skipped,
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")


def open_corpus(folder: Path, digest: str) -> Corpus | None:
    """The corpus in a folder; None where there is none or it is damaged."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        files = {name: folder / f"{name}.bin" for name in ARRAYS} | {"types": folder / "types.txt"}
        if any(file.stat().st_size != meta["sizes"][name] for name, file in files.items()):
            return None
        arrays = {
            name: np.memmap(files[name], dtype=kind, mode="r") for name, kind in ARRAYS.items() if meta["sizes"][name]
        }
        with open(files["types"], "rb") as file:
            types = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        label_ids = arrays.pop("label_ids", None)
        return Corpus(
            **arrays, label_ids=label_ids, type_count=meta["type_count"], types=cast(BinaryIO, types),
            labels=meta["labels"], scratch_folder=folder.parent, digest=digest,
            skipped_count=meta["skipped_count"], skipped=meta["skipped"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def size_of(source: Source) -> int:
    """Bytes of text in a source, about; gzip files are counted three times."""
    return sum(os.stat(file).st_size * (3 if file.endswith(".gz") else 1) for file, _ in documents(source.files()))
