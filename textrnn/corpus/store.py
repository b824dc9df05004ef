"""Tokenized corpora on disk: each is built once, and again if anything it depends on changes. A corpus is a folder with
a file for each array, one for the distinct tokens, and a description. `digests` beside it stores the hashes of files'
contents, so that an unchanged file is not read again."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np

from textrnn.corpus.corpus import Corpus
from textrnn.corpus.writer import ARRAYS, write_arrays
from textrnn.errors import DataError, TextRNNError
from textrnn.reading.reader import Skipped, read_examples
from textrnn.reading.source import Source, changed_while_read, class_names, folder_entries
from textrnn.runtime.files import sha256_of, sync_file, sync_folder, write_bytes
from textrnn.runtime.progress import log
from textrnn.runtime.signals import cleanup
from textrnn.runtime.terminal import count_of
from textrnn.texts.tokenizer import Tokenizer

FORMAT_NUMBER = 7
TYPES, DESCRIPTION = "types.txt", "meta"
FILES = (*(f"{name}.bin" for name in ARRAYS), TYPES)
DIGESTS = "digests"
_BLOCK = 1 << 20
_FILES_SHOWN = 5
_LEFTOVER_SECONDS = 24 * 3600.0
_FRESH_SECONDS = 2.0  # a file changed this recently may change again within the resolution of its timestamp


def load_corpus(
    source: Source, tokenizer: Tokenizer, *, cache_dir: Path, progress: Callable[[int], object] = lambda count: None
) -> Corpus:
    """The tokenized corpus of a source, from the cache if it has one of exactly this content and tokenizer.

    progress: called with the number of texts read since its last call.

    Raises: DataError for bad rows; TextRNNError if the cache cannot be written.
    """
    files, begin = source.files(), time.perf_counter()
    shown = ", ".join(f"{path} ({kind})" for path, kind in files[:_FILES_SHOWN]) + ", ..." * (len(files) > _FILES_SHOWN)
    log.debug("reading %s as %s", shown, source.encoding)
    try:
        (cache_dir / DIGESTS).mkdir(parents=True, exist_ok=True)
        digest, states = _content_digest(source, cache_dir / DIGESTS)
        key = {
            "format_number": FORMAT_NUMBER,
            "content": digest,
            "formats": [kind for _, kind in files],
            "columns": [source.text_column, source.label_column, source.weight_column],
            "label_names": source.label_names,
            "delimiter": source.delimiter,
            "encoding": source.encoding,
            "skip_bad_rows": source.skip_bad_rows,
            "labelled": source.labelled,
            "tokenizer": tokenizer.identity(),
        }
        folder = cache_dir / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        corpus = _open(folder, digest, source)
        is_cached = corpus is not None
        if corpus is None:
            _build(folder, source, tokenizer, progress, states)
            corpus = _open(folder, digest, source)
    except OSError as error:
        raise _cache_error(cache_dir, error) from error
    if corpus is None:
        raise TextRNNError(f"{folder}: the tokenized corpus was removed or changed while it was built; try again")
    place, seconds = f"{'taken from' if is_cached else 'tokenized into'} {folder}", time.perf_counter() - begin
    log.debug("%s, %s in %.2f s", count_of(len(corpus), "text"), place, seconds)
    return corpus


def content_digest(source: Source) -> str:
    """A hash of the contents of a source's files and the names in its folders. Raises DataError for a file that cannot
    be read, TextRNNError if the cache cannot be written."""
    assert source.cache_dir is not None
    folder = source.cache_dir / DIGESTS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _content_digest(source, folder)[0]
    except OSError as error:
        raise _cache_error(source.cache_dir, error) from error


def content_changed(source: Source) -> DataError:
    """The error for a source whose texts differ from those of its corpus in the cache. Removes the stored hash of its
    content, so that the files are read again next time."""
    if source.cache_dir is not None:
        with suppress(OSError):
            (source.cache_dir / DIGESTS / _states(source).name).unlink(missing_ok=True)
    return changed_while_read(source.paths)


def _cache_error(folder: Path, error: OSError) -> TextRNNError:
    return TextRNNError(
        f"{folder}: cannot write the cache: {error.strerror or error}; free some space, or set data.cache_dir"
    )


def _build(
    folder: Path, source: Source, tokenizer: Tokenizer, progress: Callable[[int], object], states: _States
) -> None:
    """Write the corpus into a temporary folder, check that the source has not changed meanwhile, then rename it: other
    processes see all of it or nothing."""
    for leftover in folder.parent.glob(".building-*"):  # from killed processes, unless recent
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)
    temporary = folder.parent / f".building-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with cleanup(partial(_remove, temporary)):
        temporary.mkdir()
        _write(temporary, source, tokenizer, progress, states.size)
        try:
            is_unchanged = _states(source).digest == states.digest
        except OSError:
            is_unchanged = False
        if not is_unchanged:
            raise changed_while_read(path for path, _ in source.files()[:5])
        if folder.exists() and _open(folder, "", source) is None:
            shutil.rmtree(folder, ignore_errors=True)  # damaged
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another process built the same corpus meanwhile
                raise
        sync_folder(folder.parent)


def _write(folder: Path, source: Source, tokenizer: Tokenizer, progress: Callable[[int], object], size: int) -> None:
    """Tokenize a source into an empty folder. size: approximate bytes of text. Raises DataError and OSError."""
    skipped = Skipped()
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open(folder / f"{name}.bin", "wb")) for name in ARRAYS}
        written = write_arrays(read_examples(source, skipped), tokenizer, streams, size=size, progress=progress)
    with open(folder / TYPES, "wb") as file:
        file.writelines(f"{token}\n".encode() for token in written.types)
    description = json.dumps({
        "checksums": {name: checksum_of(folder / name) for name in FILES},
        "type_count": len(written.types), "labels": written.labels, "normalized": written.normalized,
        "skipped_count": skipped.count, "skipped": _without_paths(skipped.shown, source),
    }).encode()  # fmt: skip
    (folder / DESCRIPTION).write_bytes(b"%08x %s" % (zlib.crc32(description), description))
    for name in (*FILES, DESCRIPTION):
        sync_file(folder / name)
    sync_folder(folder)


def _without_paths(places: list[str], source: Source) -> list[tuple[int, str]]:
    """`file:line: reason` -> (number of the file or folder, rest): another copy of the files shares the corpus."""
    paths = [path for path, _ in source.files()]
    split = []
    for place in places:
        path = max(filter(place.startswith, paths), key=len)
        split.append((paths.index(path), place.removeprefix(path).lstrip(os.sep)))
    return split


def _open(folder: Path, digest: str, source: Source) -> Corpus | None:
    """The corpus of a source in a folder; None if there is none or its checksums show that it is damaged."""
    try:
        checksum, _, description = (folder / DESCRIPTION).read_bytes().partition(b" ")
        if checksum != b"%08x" % zlib.crc32(description):
            return None
        meta = json.loads(description)
        paths = [path for path, _ in source.files()]
        meta["skipped"] = [
            paths[at] + rest if rest.startswith(":") else os.path.join(paths[at], rest) for at, rest in meta["skipped"]
        ]
        checksums = meta.pop("checksums")
        if any(checksum_of(folder / name) != checksums[name] for name in FILES):
            return None
        arrays: dict[str, Any] = {  # numpy 1 cannot sort what it selects from a read-only memmap
            name: np.asarray(np.memmap(folder / f"{name}.bin", dtype=kind, mode="r"))
            for name, kind in ARRAYS.items()
            if (folder / f"{name}.bin").stat().st_size
        }
        with open(folder / TYPES, "rb") as file:
            types = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays.setdefault("label_ids", None)
        return Corpus(**arrays, types_file=cast(BinaryIO, types), digest=digest, **meta)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def checksum_of(file: Path) -> int:
    """CRC-32 of a file's bytes, the fastest checksum in the standard library."""
    checksum = 0
    with open(file, "rb") as stream:
        while block := stream.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _remove(folder: Path) -> None:
    """Remove the folder of a corpus, complete or not, without opening anything: there may be too many open files."""
    with suppress(OSError):
        for name in (*FILES, DESCRIPTION):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


class _States(NamedTuple):
    """The states of a source's files. name: the name of the file in DIGESTS that stores the hash of their content; it
    is a hash of their paths. digest: a hash of paths and states. newest: their latest time in nanoseconds. size:
    approximate bytes of text, with gzip files counted three times."""

    name: str
    digest: str
    newest: int
    size: int


def _content_digest(source: Source, folder: Path) -> tuple[str, _States]:
    """The sha256 of the contents of a source's files and the names in its folders, and the files' states when it was
    computed. Raises DataError for a file that cannot be read.

    folder: stores results, each valid until the state of a file changes: its size, its inode, or the time when its
    content or its status was last changed. A copy may keep the size and the first time (`cp -p`, `rsync -t`), but not
    the second, which no program can set.
    """
    try:
        states = _states(source)
        try:
            stored = json.loads((folder / states.name).read_bytes())
            if stored["signature"] == states.digest:
                return str(stored["content"]), states
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass  # missing or damaged: compute it again
        content = hashlib.sha256()
        for file, name, is_text_file in _entries(source):
            digest = sha256_of(file) if is_text_file else ""
            content.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if time.time() - states.newest / 1e9 > _FRESH_SECONDS:
        stored = {"signature": states.digest, "content": content.hexdigest()}
        write_bytes(folder / states.name, json.dumps(stored).encode())
    return content.hexdigest(), states


def _states(source: Source) -> _States:
    """The states of a source's files now. Raises DataError and OSError."""
    places, states, newest, size = hashlib.sha256(), hashlib.sha256(), 0, 0
    for file, name, is_text_file in _entries(source):
        place = json.dumps([os.path.abspath(file), name, is_text_file]).encode()
        places.update(place)
        states.update(place)
        if is_text_file:
            status = os.stat(file)
            times = status.st_mtime_ns, status.st_ctime_ns
            states.update(json.dumps([status.st_size, status.st_ino, *times]).encode())
            newest = max(newest, *times)
            size += status.st_size * (3 if file.endswith(".gz") else 1)
    return _States(places.hexdigest()[:32], states.hexdigest(), newest, size)


def _entries(source: Source) -> Iterator[tuple[str, str, bool]]:
    """For each file of a source and each entry of its folders: the path, the part of it that counts as content (""
    outside folders), and whether it is a file to read."""
    for path, kind in source.files():
        if kind == "folder":
            for name in class_names(path):  # a class may be empty
                yield os.path.join(path, name), name, False
            for file, problem in folder_entries(path, follow_links=True):
                yield file, os.path.relpath(file, path), problem is None
        else:
            yield path, "", True
