"""Writing files completely or not at all, and reading them with or without gzip compression."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, cast

from textrnn.errors import DataError, TextRNNError
from textrnn.runtime.signals import cleanup


def expand_user(path: str) -> str:
    """The path with a home folder in place of `~/` or `~name/` at its beginning, or after the `=` of an option."""
    option, equals, value = path.partition("=") if path.startswith("--") else ("", "", path)
    return option + equals + (os.path.expanduser(value) if re.match("~[^/]*/", value) else value)


@contextmanager
def atomic_writer(path: Path | str) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` at the end of the block; if the block fails, `path` stays as it was.

    The content goes to a temporary file in the same folder, which is synced and renamed, so that a reader sees either
    the old or the new content, even after a crash. Devices and pipes (/dev/null, /dev/stdout) are written directly.

    Raises: TextRNNError with the path and the system's reason (disk full, no permission).
    """
    given = Path(path)
    if given.exists() and not given.is_file() and not given.is_dir():
        with given.open("wb") as stream:  # a pipe behind /dev/stdout has no other path
            yield cast(BinaryIO, stream)
        return
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")  # cut: names have at most 255 bytes
    with cleanup(partial(temporary.unlink, missing_ok=True)):
        try:
            with temporary.open("wb") as stream:
                yield cast(BinaryIO, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.filename not in (None, str(temporary), temporary, str(path), path):
                raise  # the error is about another file, used in the block
            raise TextRNNError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_bytes(path: Path | str, content: bytes) -> None:
    """Replace `path` by `content`, atomically. Raises TextRNNError."""
    with atomic_writer(path) as stream:
        stream.write(content)


def write_text(path: Path | str, content: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, content.encode("utf-8"))


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Raises TextRNNError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TextRNNError(f"{path}: the folder cannot be created: {error.strerror}") from None


def folder_size(path: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def sync_file(path: Path) -> None:
    """Make the content of a file, or a rename in a folder, survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """As `sync_file`, on POSIX; elsewhere folders cannot be opened."""
    if os.name == "posix":
        sync_file(folder)


def open_binary(path: Path | str | int) -> BufferedIOBase:
    """Open a file or descriptor for reading; gzip, recognized by its first bytes, is decompressed. Raises DataError."""
    try:
        return decompressed(open(path, "rb"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: expected a file, found a folder") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


class _Gzip(gzip.GzipFile):
    def seekable(self) -> bool:
        return self.fileobj.seekable()  # type: ignore[union-attr]  # GzipFile claims to be, even on a pipe


def decompressed(stream: io.BufferedReader) -> BufferedIOBase:
    """The stream itself or, if it begins like gzip, its decompressed content."""
    return _Gzip(fileobj=stream) if stream.peek(2)[:2] == b"\x1f\x8b" else stream


@contextmanager
def damaged_gzip_as_error(name: str) -> Iterator[None]:
    """Raises DataError for damaged gzip data that is read in the block."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{name}: the gzip data is damaged or truncated ({error}): copy it again") from error


def sha256_of(path: Path | str) -> str:
    """The sha256 of a file's bytes, in hexadecimal. Raises DataError."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def strip_gz(path: str) -> str:
    """`a.csv.gz` -> `a.csv`."""
    return path[:-3] if path.lower().endswith(".gz") else path


_SUFFIXES = (".gz", ".tsv", ".csv", ".jsonl", ".ndjson", ".txt", ".yaml", ".yml")
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029/\\*?]")
_LONGEST_NAME = 200  # bytes


def data_name(path: Path | str) -> str:
    """The name of a folder for results about a file, folder or config: `a/b/reviews.csv.gz` -> `reviews`. It is never
    empty, hidden, `.`, `..` or long, and has no separators or control characters."""
    name = os.path.basename(os.path.abspath(path))
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    name = _NOT_IN_NAMES.sub("_", name).lstrip(".")
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[:-1]
    return name or "data"
