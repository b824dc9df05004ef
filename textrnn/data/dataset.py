"""A tokenized corpus on disk, memory-mapped, made once and made again when anything it depends on changes.

Token numbers in it count the corpus's own distinct tokens; a vocabulary is laid over them by a lookup table. So the
vocabulary's size, or which rows are held out for dev, can change without tokenizing again, and cannot go stale.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.data.numbering import Numbering
from textrnn.data.reader import Example, Source, folder_documents, read_examples
from textrnn.data.scratch import scratch_array, unwritable
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import Vocab
from textrnn.data.workers import tokenized_chunks
from textrnn.errors import DataError, TextRNNError
from textrnn.runtime.files import sha256_of, write_bytes

FORMAT_NUMBER = 2
_ARRAYS = {"tokens": "<i4", "starts": "<i8", "lengths": "<i4", "full_lengths": "<i4", "labels": "<i4", "hashes": "<u8"}
_FRESH_SECONDS = 2.0  # a file changed this recently may change again within the clock's grain
_BYTES_PER_BLOCK = 1 << 20  # of types.txt
_LEFTOVER_SECONDS = 24 * 3600.0


@dataclass
class Corpus:
    """One tokenized split; its arrays are mapped from disk.

    texts: token numbers, with labels as positions in `labels`. full_lengths (n,): before the cut at max_length.
    hashes (n,): of the raw texts, to find equal ones. type_count: how many distinct tokens there are; types: their
    file, a token a line in the order of their numbers. skipped_count: bad rows left out; skipped: the first of them.
    cache_dir: where arrays too large for memory may be put.
    """

    texts: EncodedTexts
    full_lengths: np.ndarray
    hashes: np.ndarray
    type_count: int
    types: mmap.mmap
    labels: list[str]
    digest: str
    skipped_count: int
    skipped: list[str]
    cache_dir: Path

    def types_in_blocks(self) -> Iterator[list[str]]:
        """The distinct tokens in the order of their numbers, some at a time."""
        self.types.seek(0)
        while block := self.types.read(_BYTES_PER_BLOCK):
            block += self.types.readline()
            yield block.decode("utf-8").split("\n")[:-1]

    def encoded(self, vocab: Vocab, label_ids: dict[str, int]) -> EncodedTexts:
        """The texts in ids of `vocab` and of the model's labels, which must hold every label of the corpus."""
        id_map = scratch_array(self.type_count, np.int32, self.cache_dir)
        begin = 0
        for tokens in self.types_in_blocks():
            id_map[begin : begin + len(tokens)] = vocab.ids(tokens)
            begin += len(tokens)
        label_map = np.asarray([label_ids[label] for label in self.labels], dtype=np.int32)
        assert self.texts.labels is not None
        return EncodedTexts(
            self.texts.tokens, self.texts.starts, self.texts.lengths, label_map[self.texts.labels], id_map
        )


def load_corpus(
    source: Source,
    tokenizer: Tokenizer,
    *,
    max_length: int,
    cache_dir: Path,
    progress: Callable[[int], object] = lambda count: None,
    workers: int | None = None,
) -> Corpus:
    """The tokenized corpus of a source, from the cache where it holds one made of exactly this.

    progress: called with the number of documents read since its last call.

    Raises: DataError for bad rows; TextRNNError where the cache cannot be written.
    """
    files = source.files()
    try:
        (cache_dir / "digests").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(cache_dir, error) from error
    digest = _content_digest(files, cache_dir)
    key = {
        "format_number": FORMAT_NUMBER,
        "content": digest,
        "formats": [kind for _, kind in files],
        "columns": [source.text_column, source.label_column],
        "label_names": source.label_names,
        "encoding": source.encoding,
        "skip_bad_rows": source.skip_bad_rows,
        "tokenizer": tokenizer.identity(),
        "max_length": max_length,
    }
    folder = cache_dir / _digest(json.dumps(key, sort_keys=True).encode())[:32]
    corpus = _open(folder, digest)
    if corpus is None:
        try:
            _build(folder, source, tokenizer, max_length, progress, workers)
        except OSError as error:
            raise unwritable(cache_dir, error) from error
        corpus = _open(folder, digest)
        if corpus is None:
            raise TextRNNError(
                f"{folder}: the tokenized corpus was removed or changed while it was being made; try again"
            )
    return corpus


def first_with_label(source: Source, label: str) -> Example:
    """The first example of a label, for an error message that says where it stands."""
    return next(example for example in read_examples(source) if example.label == label)


def _open(folder: Path, digest: str) -> Corpus | None:
    """The corpus in a cache folder; None where there is none or it is damaged."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        arrays = {
            name: np.memmap(folder / f"{name}.bin", dtype=kind, mode="r", shape=(meta["sizes"][name],))
            for name, kind in _ARRAYS.items()
        }
        with open(folder / "types.txt", "rb") as file:
            types = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(types) != meta["types_size"] or any(
            (folder / f"{name}.bin").stat().st_size != array.nbytes for name, array in arrays.items()
        ):
            return None
        texts = EncodedTexts(arrays["tokens"], arrays["starts"], arrays["lengths"], arrays["labels"])
        return Corpus(
            texts, arrays["full_lengths"], arrays["hashes"], meta["types"], types, meta["labels"], digest,
            meta["skipped_count"], meta["skipped"], folder.parent,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(
    folder: Path, source: Source, tokenizer: Tokenizer, max_length: int, progress: Callable[[int], object],
    workers: int | None,
) -> None:  # fmt: skip
    """Write the corpus into a folder of its own, then rename it: a second run sees all of it or nothing."""
    _clear_leftovers(folder.parent)
    temporary = folder.parent / f".building-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        meta = _write_corpus(temporary, source, tokenizer, max_length, progress, workers)
        (temporary / "meta.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")
        if folder.exists() and _open(folder, "") is None:
            shutil.rmtree(folder, ignore_errors=True)  # damaged
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            # another run made the same corpus meanwhile: its folder is as good as ours
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_corpus(
    folder: Path, source: Source, tokenizer: Tokenizer, max_length: int, progress: Callable[[int], object],
    workers: int | None,
) -> dict[str, Any]:  # fmt: skip
    label_ids: dict[str, int] = {}
    numbering = Numbering(folder)
    sizes = dict.fromkeys(_ARRAYS, 0)
    streams = {name: open(folder / f"{name}.bin", "wb") for name in _ARRAYS}  # noqa: SIM115 - closed below

    def write(name: str, values: Any) -> None:
        array = np.asarray(values, dtype=_ARRAYS[name])
        streams[name].write(array.tobytes())
        sizes[name] += len(array)

    def texts() -> Iterator[str]:
        labels, hashes = [], []
        for example in read_examples(source):
            labels.append(label_ids.setdefault(example.label, len(label_ids)))
            digest = hashlib.blake2b(example.text.strip().encode("utf-8", "surrogatepass"), digest_size=8)
            hashes.append(int.from_bytes(digest.digest(), "little"))
            yield example.text
            if len(labels) == 4096:
                write("labels", labels)
                write("hashes", hashes)
                labels, hashes = [], []
        write("labels", labels)
        write("hashes", hashes)

    position = 0
    try:
        for chunk in tokenized_chunks(texts(), tokenizer, max_length, size_of(source), workers):
            write("tokens", numbering.numbers(chunk.types)[chunk.tokens])
            write("starts", position + np.cumsum(chunk.lengths) - chunk.lengths)
            write("lengths", chunk.lengths)
            write("full_lengths", chunk.full_lengths)
            position += int(chunk.lengths.sum())
            progress(len(chunk.lengths))
    finally:
        numbering.close()
        for stream in streams.values():
            stream.close()
    types = folder / "types.txt"
    type_count = numbering.finish(types, folder / "tokens.bin")
    return {
        "sizes": sizes, "types": type_count, "types_size": types.stat().st_size,
        "labels": list(label_ids), "skipped_count": source.skipped_count, "skipped": source.skipped,
    }  # fmt: skip


def size_of(source: Source) -> int:
    """Bytes of text in a source, about (gzip data counted three times)."""
    files = (file for path, kind in source.files() for file, _ in _documents(path, kind))
    return sum(os.stat(file).st_size * (3 if file.endswith(".gz") else 1) for file in files)


def _documents(path: str, kind: str) -> Iterator[tuple[str, str]]:
    """The files to read for a file or folder of a source, and the part of each one's name that is content."""
    if kind == "folder":
        yield from ((file, os.path.relpath(file, path)) for file in folder_documents(path))
    else:
        yield path, ""


def _content_digest(files: list[tuple[str, str]], cache_dir: Path) -> str:
    """sha256 over the contents, remembered by path, size and time so that an unchanged file is not read again."""
    paths, state, newest = hashlib.sha256(), hashlib.sha256(), 0
    try:
        for path, kind in files:
            for file, name in _documents(path, kind):
                status = os.stat(file)
                place = json.dumps([os.path.abspath(file), name]).encode()
                paths.update(place)
                state.update(place + json.dumps([status.st_size, status.st_mtime_ns]).encode())
                newest = max(newest, status.st_mtime_ns)
        memo = cache_dir / "digests" / paths.hexdigest()[:32]
        try:
            remembered = json.loads(memo.read_bytes())
            if remembered["signature"] == state.hexdigest():
                return str(remembered["content"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        content = hashlib.sha256()
        for path, kind in files:
            for file, name in _documents(path, kind):
                content.update(f"{name}\0{sha256_of(file)}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if time.time() - newest / 1e9 > _FRESH_SECONDS:
        write_bytes(memo, json.dumps({"signature": state.hexdigest(), "content": content.hexdigest()}).encode())
    return content.hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _clear_leftovers(cache_dir: Path) -> None:
    """Remove what a killed run left half-made, once it is old enough that nobody can still be writing it."""
    for folder in cache_dir.glob(".building-*"):
        try:
            if time.time() - folder.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
