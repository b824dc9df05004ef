"""Bytes of files and pipes -> lines of text. An invalid byte is an error with line, column and the likely encoding."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import select
import shlex
import time
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any

from textrnn.errors import DataError, short
from textrnn.reading.encodings import binary_kind, is_utf8, likely_encoding, marked_encoding, wide_encoding
from textrnn.runtime.files import damaged_gzip_as_error, decompressed, open_binary

_CHUNK_BYTES = 1 << 16
_LINGER_SECONDS = 0.01  # how long to wait for more bytes before they count as not ready
_PATIENCE_SECONDS = 0.4  # the longest time between two calls of before_waiting while bytes keep arriving
_BEFORE = 200  # bytes before a bad one, to guess the encoding
_EXAMPLES = "for example: utf-8, gb18030, latin-1, utf-16, cp1252, big5"
_ESCAPES = rb"xn--tda.a\x62\u0063 +AGE-"  # escape sequences of several codecs
_BYTE_ORDER_MARK = "\ufeff"
UNDECODABLE = "\udcff"  # half a character, which decoded text never contains
_MARK_ERRORS = "textrnn.mark"
codecs.register_error(_MARK_ERRORS, lambda error: (UNDECODABLE, error.end))  # type: ignore[attr-defined]


def open_live(path: str | int, name: str, before_waiting: Callable[[], None]) -> BufferedIOBase:
    """Open a pipe or device (or a descriptor of one) for reading; gzip, recognized by its first bytes, is decompressed.

    name: for messages. before_waiting: called before each read for which no bytes are ready, so that the caller can
    process what has arrived so far; also now and then while bytes keep arriving; on Windows before each read.

    Raises: DataError if it cannot be opened or read.
    """
    try:
        return decompressed(BufferedReader(_Live(io.FileIO(path), before_waiting), _CHUNK_BYTES))
    except OSError as error:
        if error.filename not in (None, path):  # about output written while waiting for the first bytes
            raise
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error


class _Live(io.RawIOBase):
    def __init__(self, raw: io.FileIO, before_waiting: Callable[[], None]) -> None:
        self.raw, self.before_waiting = raw, before_waiting
        self.waited_at = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        ready = os.name == "posix" and select.select([self.raw], [], [], _LINGER_SECONDS)[0]
        if not ready or time.monotonic() - self.waited_at > _PATIENCE_SECONDS:
            self.before_waiting()
            self.waited_at = time.monotonic()
        return self.raw.readinto(buffer)

    def close(self) -> None:
        self.raw.close()
        super().close()


def read_text(path: Path | str) -> str:
    """The content of a small UTF-8 file, plain or gzip. Raises DataError with `file:line`."""
    with open_binary(path) as stream:
        return "".join(read_lines(stream, "utf-8", str(path)))


def strip_line_end(line: str) -> str:
    """The line without `\\n` or `\\r\\n` at its end; a lone `\\r` there is text."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def check_line_end(line: str, name: str) -> None:
    """Raises DataError if a file's first line shows that its lines end in carriage returns alone."""
    if "\r" in line and not line.endswith("\n"):
        raise DataError(
            f"{name}: the lines end in carriage returns (\\r) without line feeds, as on old Macs: convert the file "
            f"with tr '\\r' '\\n' < {shlex.quote(name)} > NEW"
        )


def check_encoding(encoding: str) -> str:
    """Python's name for `encoding`. Raises LookupError with a message for the user if Python has no such encoding or it
    is not a text encoding."""
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise LookupError(f"unknown encoding {short(encoding)}; {_EXAMPLES}") from None
    if not _is_text_codec(info):
        raise LookupError(f"{short(encoding)} is not a text encoding; {_EXAMPLES}")
    return "utf-8" if info.name in ("utf-8", "utf-8-sig") else info.name


def _is_text_codec(info: codecs.CodecInfo) -> bool:
    """Whether the codec encodes each character independently of its neighbours. Python also has codecs for binary data
    (base64) and with escapes (unicode_escape, utf-7, idna, punycode), which decode some bytes as other characters."""
    if not info._is_text_encoding or info.incrementaldecoder is None:
        return False
    try:
        mark, one, two = (len(info.encode(text)[0]) for text in ("", "a", "aa"))
        has_no_escapes = one - mark > 1 or len(info.decode(_ESCAPES, "replace")[0]) == len(_ESCAPES)
    except ValueError:
        return False
    return two - mark == 2 * (one - mark) and has_no_escapes


def ends_lines_with_one_byte(encoding: str) -> bool:
    """Whether the byte 0x0A is always a line feed, so that lines can be split before decoding."""
    is_stateful = encoding == "hz" or "2022" in encoding
    return "\n".encode(encoding) == b"\n" and not is_stateful


def read_lines(
    stream: BufferedIOBase, encoding: str, name: str, encoding_option: str | None = None,
    undecodable: dict[int, str] | None = None,
) -> Iterator[str]:  # fmt: skip
    """Lines of `stream` with their line ends, split at line feeds only (never at U+0085, U+2028 or a lone CR).

    A byte order mark at the start is dropped. name: the file's name, for messages. encoding_option: the option with
    which the user sets the encoding, for messages; None if the encoding is fixed. undecodable: filled with the 1-based
    number of each line with an invalid byte and the reason, before the line is yielded with UNDECODABLE in place of
    such bytes. None: they are errors, as they always are in UTF-16 and other encodings that are not decoded by line.

    Raises: DataError `name:line` with the column of the first invalid byte and the likely encoding; DataError for a
    binary file, and for damaged gzip data.
    """
    encoding = check_encoding(encoding)
    by_line = ends_lines_with_one_byte(encoding)
    if by_line:
        lines = _decode_by_line(stream, encoding, name, encoding_option, undecodable)
    else:
        lines = _decode_by_chunk(stream, encoding, name, encoding_option)
    try:
        with damaged_gzip_as_error(name):
            if by_line and isinstance(stream, (BufferedReader, gzip.GzipFile)):
                _check_head(stream.peek(1), encoding, name, encoding_option)
            first = next(lines, "").removeprefix(_BYTE_ORDER_MARK)
            if first:
                yield first
            yield from lines
    except OSError as error:
        if error.filename is not None:  # about output written while waiting for a pipe
            raise
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error


def _check_head(head: bytes, encoding: str, name: str, option: str | None) -> None:
    """Raises DataError if the first bytes show a binary file, or UTF-16 or UTF-32 instead of `encoding`."""
    if kind := binary_kind(head):
        raise DataError(f"{name}: expected text, found {kind}")
    marked = marked_encoding(head)
    if marked is not None and marked != encoding:
        remedy = f"try {option}{marked}" if option else "convert the file to utf-8"
        raise DataError(f"{name}:1: expected {encoding}, found the byte order mark of {marked}: {remedy}")
    if wide_encoding(head) is not None:
        remedy = _remedy(head, encoding, option)
        raise DataError(f"{name}:1: expected {encoding}, found NUL bytes between the characters{remedy}")


def looks_like_utf8(path: str) -> bool:
    """Whether a file begins with valid UTF-8 beyond ASCII. Raises DataError if it cannot be opened."""
    with open_binary(path) as stream:
        try:
            return is_utf8(stream.read(_CHUNK_BYTES))
        except (OSError, EOFError, zlib.error):
            return False  # damaged, as reading the texts will report


def find_encoding(path: str, most_bytes: int) -> str | None:
    """The likely encoding of a file, judged by about its first `most_bytes`: utf-8 if they are valid UTF-8; None if
    several others fit. Raises DataError if the file cannot be opened or decompressed."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_binary(path) as stream, damaged_gzip_as_error(path):
        head = chunk = stream.read(_CHUNK_BYTES)
        if certain := marked_encoding(head) or wide_encoding(head):
            return certain
        while chunk and most_bytes > 0:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                begin = max(error.start - _BEFORE, 0)
                return likely_encoding(error.object[begin:] + stream.read(_CHUNK_BYTES))
            most_bytes -= len(chunk)
            chunk = stream.read(_CHUNK_BYTES)
    return "utf-8"


def misreading(header: list[str], rows: list[list[str]], encoding: str, option: str) -> str | None:
    """The advice on a header, and the rows below it, that were decoded in `encoding` but seem to be in another one;
    None if they do not. option: as for `read_lines`."""
    names = ", ".join(header)
    if check_encoding(encoding) == "utf-8" or names.isascii():
        return None  # text of other encodings is not valid UTF-8
    raw = names.encode(encoding, "ignore")
    likely = likely_encoding(b"\n".join([raw, *("\n".join(row).encode(encoding, "ignore") for row in rows)]))
    if likely is None or (decoded := raw.decode(likely, "replace")) == names:
        return None
    return f"read as {encoding}, but it may be {likely} (it reads {short(decoded[:36])}): try {option}{likely}"


def _decode_by_line(
    stream: BufferedIOBase, encoding: str, name: str, option: str | None, undecodable: dict[int, str] | None
) -> Iterator[str]:
    is_advised = False
    for number, raw in enumerate(stream, start=1):
        try:
            yield raw.decode(encoding)
        except UnicodeDecodeError as error:
            reason = f"byte 0x{raw[error.start]:02x} is not valid {encoding}"
            if not is_advised:  # only once, since guessing an encoding is slow
                column = len(raw[: error.start].decode(encoding, "ignore")) + 1
                begin = max(error.start - _BEFORE, 0)
                sample = raw[begin : error.start + _CHUNK_BYTES]
                if stream.seekable():  # otherwise the next bytes may take long to arrive
                    position = stream.tell()
                    sample += stream.read(_CHUNK_BYTES)
                    stream.seek(position)
                before = len(raw[begin : error.start].decode(encoding, "ignore"))
                reason = f"column {column}: {reason}{_remedy(sample, encoding, option, before)}"
                is_advised = True
            if undecodable is None:
                raise DataError(f"{name}:{number}: {reason}") from error
            undecodable[number] = reason
            yield raw.decode(encoding, _MARK_ERRORS)


def _decode_by_chunk(stream: BufferedIOBase, encoding: str, name: str, option: str | None) -> Iterator[str]:
    """Decode an encoding in which the byte 0x0A is not always a line feed (UTF-16, UTF-32, ISO-2022)."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    number, pending = 1, ""
    while True:
        chunk = stream.read1(_CHUNK_BYTES)
        try:
            pending += decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            reason = f"not valid {encoding}: {error}"  # UTF-16 without its byte order mark
            if isinstance(error, UnicodeDecodeError):
                pending += error.object[: error.start].decode(encoding, "ignore")
                reason = f"byte 0x{error.object[error.start]:02x} is not valid {encoding}"
            number += pending.count("\n")
            column = len(pending.rpartition("\n")[2]) + 1
            raise DataError(f"{name}:{number}: column {column}: {reason}{_remedy(chunk, encoding, option)}") from error
        *whole, pending = pending.split("\n")
        for line in whole:
            yield line + "\n"
        number += len(whole)
        if not chunk:
            if pending:
                yield pending
            return


def _remedy(sample: bytes, encoding: str, option: str | None, before: int | None = None) -> str:
    """The advice of a message. sample: bytes of the bad line and after it. before: the number of characters before the
    bad byte, to show how that place reads in the likely encoding; None to show nothing."""
    likely = likely_encoding(sample) if sample else None
    if likely == encoding:  # all but this byte is valid
        return "; the file is damaged here or has another encoding" + (f": try {option}NAME" if option else "")
    may_be = f"; it may be {likely}" if likely else ""
    if likely and before is not None and not likely.startswith("utf"):  # it extends ASCII
        text = sample.partition(b"\n")[0].decode(likely, "replace").rstrip()
        may_be += f" (it reads {short(text[max(before - 12, 0) : before + 24])})"
    return f"{may_be}: " + (f"try {option}{likely or 'NAME'}" if option else "convert the file to utf-8")
