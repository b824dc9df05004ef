"""Files: written whole or not at all, read strictly, gzip transparently."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import select
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from textrnn.errors import DataError, TextRNNError

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 16
LINGER_SECONDS = 0.01  # in which a writer that has more to say will have said it
PATIENCE_SECONDS = 0.4  # that the first line waits for an answer while others keep coming one by one
BYTE_ORDER_MARK = "\ufeff"


@contextmanager
def atomic_writer(path: Path | str) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` at the end of the block, and leaves `path` alone if the block fails.

    Written beside the target, synced and renamed, so that a reader sees the old content or the new, even after a
    crash. Devices and pipes (/dev/null, /dev/stdout) are written directly: renaming would replace them.

    Raises: TextRNNError naming the path and the system's reason (disk full, no permission).
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as stream:
            yield cast(BinaryIO, stream)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
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
                raise  # the block's own reading failed, not this writing
            raise TextRNNError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path | str, content: bytes) -> None:
    """Replace `path` by `content`, atomically. Raises TextRNNError where that fails."""
    with atomic_writer(path) as stream:
        stream.write(content)


def write_text(path: Path | str, content: str) -> None:
    """Replace `path` by `content` in UTF-8, atomically. Raises TextRNNError where that fails."""
    write_bytes(path, content.encode("utf-8"))


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises TextRNNError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TextRNNError(f"{path}: the folder cannot be made: {error.strerror}") from None


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut (POSIX only; elsewhere folders cannot be opened)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_binary(path: Path | str | int) -> BufferedIOBase:
    """Open a file or a descriptor for reading, unpacking gzip by its first bytes. Raises DataError where that fails."""
    try:
        stream = open(path, "rb")  # noqa: SIM115 - handed to the caller
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a file was expected, this is a folder") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return _unpacked(stream)


def open_live(path: Path | str | int, before_waiting: Callable[[], None]) -> BufferedIOBase:
    """Open a pipe or a device (or a descriptor of one) for reading, unpacking gzip by its first bytes.

    `before_waiting` is called before each read for which no bytes are ready, and now and then where there always are
    some, so that what has come can be answered first. Where the system cannot tell what is ready (Windows), that is
    before each read.
    """
    raw = open(path, "rb", buffering=0)  # noqa: SIM115 - handed to the caller
    return _unpacked(io.BufferedReader(_Live(raw, before_waiting), CHUNK_BYTES))


class _Live(io.RawIOBase):
    def __init__(self, raw: io.FileIO, before_waiting: Callable[[], None]) -> None:
        self.raw, self.before_waiting = raw, before_waiting
        self.waited_at = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        ready = os.name == "posix" and select.select([self.raw], [], [], LINGER_SECONDS)[0]
        if not ready or time.monotonic() - self.waited_at > PATIENCE_SECONDS:
            self.before_waiting()
            self.waited_at = time.monotonic()
        return self.raw.readinto(buffer)

    def close(self) -> None:
        self.raw.close()
        super().close()


def _unpacked(stream: io.BufferedReader) -> BufferedIOBase:
    if stream.peek(2)[:2] == GZIP_MAGIC:
        return gzip.GzipFile(fileobj=stream)
    return stream


def sha256_of(path: Path | str) -> str:
    """Of a file's bytes, in hexadecimal."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def read_text(path: Path | str) -> str:
    """The whole of a small UTF-8 file, plain or gzip. Raises DataError with `file:line`."""
    with open_binary(path) as stream:
        return "".join(read_lines(stream, "utf-8", str(path)))


def strip_gz(path: str) -> str:
    """`a.csv.gz` -> `a.csv`."""
    return path[:-3] if path.lower().endswith(".gz") else path


def check_encoding(encoding: str) -> str:
    """The codec's own name for `encoding`; LookupError with a readable message where Python has no such codec."""
    try:
        info = codecs.lookup(encoding)
        if not info._is_text_encoding:
            raise LookupError
        "\n".encode(encoding)
    except (LookupError, ValueError):
        raise LookupError(
            f"unknown encoding {encoding!r}; for example: utf-8, gb18030, latin-1, utf-16, cp1252, big5"
        ) from None
    return "utf-8" if info.name in ("utf-8", "utf-8-sig") else info.name


def read_lines(stream: BufferedIOBase, encoding: str, name: str, encoding_option: str | None = None) -> Iterator[str]:
    """Lines of `stream`, line ends kept, split at line feeds only (never at U+0085, U+2028 or a lone CR).

    A byte order mark at the start is dropped. `encoding_option` is what the user writes to set the encoding, None
    where it is fixed; it goes into the message.

    Raises: DataError `name:line` with the column of the first bad byte and the likely encoding; DataError where
    gzip data is damaged.
    """
    encoding = check_encoding(encoding)
    one_byte_line_feed = (
        "\n".encode(encoding) == b"\n" and encoding != "utf-7" and "2022" not in encoding and encoding != "hz"
    )
    lines = _decoded_by_line if one_byte_line_feed else _decoded_by_chunk
    try:
        first = True
        for line in lines(stream, encoding, name, encoding_option):
            if first:
                first = False
                line = line.removeprefix(BYTE_ORDER_MARK)
                if not line:
                    continue
            yield line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{name}: the gzip data is damaged or cut short ({error}); unpack or fetch it again") from error


def _decoded_by_line(stream: BufferedIOBase, encoding: str, name: str, option: str | None) -> Iterator[str]:
    for number, raw in enumerate(stream, start=1):
        try:
            yield raw.decode(encoding)
        except UnicodeDecodeError as error:
            sample = raw + stream.read(CHUNK_BYTES)
            raise _encoding_error(error, encoding, name, number, "", sample, option) from error


def _decoded_by_chunk(stream: BufferedIOBase, encoding: str, name: str, option: str | None) -> Iterator[str]:
    """For encodings in which the byte 0x0A does not always mean a line feed (UTF-16, UTF-32, ISO-2022)."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    number, pending = 1, ""
    while True:
        chunk = stream.read1(CHUNK_BYTES)
        try:
            pending += decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            good = pending + error.object[: error.start].decode(encoding, "ignore")
            number += good.count("\n")
            raise _encoding_error(error, encoding, name, number, good.rpartition("\n")[2], chunk, option) from error
        except UnicodeError as error:  # UTF-16 without its byte order mark
            remedy = _remedy(_likely_encoding(chunk), encoding, option)
            raise DataError(f"{name}:{number}: column 1: not valid {encoding}: {error}{remedy}") from error
        *whole, pending = pending.split("\n")
        for line in whole:
            yield line + "\n"
        number += len(whole)
        if not chunk:
            if pending:
                yield pending
            return


def _encoding_error(
    error: UnicodeDecodeError, encoding: str, name: str, line: int, before: str, sample: bytes, option: str | None
) -> DataError:
    if not before:
        before = error.object[: error.start].decode(encoding, "ignore")
    remedy = _remedy(_likely_encoding(sample), encoding, option)
    byte = error.object[error.start]
    return DataError(f"{name}:{line}: column {len(before) + 1}: byte 0x{byte:02x} is not valid {encoding}{remedy}")


def _remedy(likely: str | None, encoding: str, option: str | None) -> str:
    if likely == encoding:  # right but for this one place
        return "; the file is damaged there, or of another encoding" + (f": {option}NAME" if option else "")
    looks = f"; it looks like {likely}: " if likely else "; "
    return looks + (f"try {option}{likely or 'NAME'}" if option else "convert the file to utf-8")


def _likely_encoding(sample: bytes) -> str | None:
    if not sample:
        return None
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return encoding
    try:
        sample[:-4].decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is None:
        return None
    # GB2312 and GBK are subsets of GB18030, which never fails on the rarer characters of the same file
    return "gb18030" if best.encoding in ("gb2312", "gbk", "gb18030") else best.encoding.replace("_", "-")


_BREAKS = str.maketrans(dict.fromkeys("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))


def one_line(text: str) -> str:
    """The text with tabs and every kind of line end as spaces, fit for a column of a tsv file."""
    return text.translate(_BREAKS)


_DATA_SUFFIXES = (".gz", ".tsv", ".csv", ".jsonl", ".ndjson", ".txt")


def data_name(path: str) -> str:
    """`a/b/reviews.csv.gz` -> `reviews`; a folder's own name."""
    name = Path(path).absolute().name
    for suffix in _DATA_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
    return name.replace("*", "_").replace("?", "_")
