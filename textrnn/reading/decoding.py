"""Bytes -> lines of text: an invalid byte is an error that names line, column and the likely encoding."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader
from pathlib import Path

from textrnn.errors import DataError, short
from textrnn.reading.encodings import binary_kind, is_utf8, likely_encoding, marked_encoding, wide_encoding
from textrnn.runtime.files import damaged_gzip_as_error, open_binary

_CHUNK_BYTES = 1 << 16
_BEFORE = 200  # bytes of a line before the bad one
_EXAMPLES = "for example: utf-8, gb18030, latin-1, utf-16, cp1252, big5"
_ESCAPES = rb"xn--tda.a\x62\u0063 +AGE-"  # in the codecs that have escapes
_BYTE_ORDER_MARK = "\ufeff"
UNDECODABLE = "\udcff"  # half a character, which no decoded text holds
_MARK_ERRORS = "textrnn.mark"
codecs.register_error(_MARK_ERRORS, lambda error: (UNDECODABLE, error.end))  # type: ignore[attr-defined]


def read_text(path: Path | str) -> str:
    """The content of a small UTF-8 file, plain or gzip. Raises DataError with `file:line`."""
    with open_binary(path) as stream:
        return "".join(read_lines(stream, "utf-8", str(path)))


def check_encoding(encoding: str) -> str:
    """Python's name for `encoding`. Raises LookupError with a readable message where Python has no such encoding, or
    where it is not one of text files."""
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise LookupError(f"unknown encoding {short(encoding)}; {_EXAMPLES}") from None
    if not _is_of_text_files(info):
        raise LookupError(f"{short(encoding)} is not an encoding of text files; {_EXAMPLES}")
    return "utf-8" if info.name in ("utf-8", "utf-8-sig") else info.name


def _is_of_text_files(info: codecs.CodecInfo) -> bool:
    """Whether each character has its bytes, whatever stands beside it. Python also has codecs of binary data (base64)
    and escapes (unicode_escape, utf-7, idna, punycode), which read some bytes as other characters, or as halves of
    one."""
    if not info._is_text_encoding or info.incrementaldecoder is None:
        return False
    try:
        mark, one, two = (len(info.encode(text)[0]) for text in ("", "a", "aa"))
        if two - mark != 2 * (one - mark):
            return False
        return one - mark > 1 or len(info.decode(_ESCAPES, "replace")[0]) == len(_ESCAPES)
    except ValueError:
        return False


def ends_lines_with_one_byte(encoding: str) -> bool:
    """Whether the byte 0x0A is a line feed wherever it stands, so that lines can be told apart before decoding."""
    is_stateful = encoding == "hz" or "2022" in encoding
    return "\n".encode(encoding) == b"\n" and not is_stateful


def read_lines(
    stream: BufferedIOBase, encoding: str, name: str, encoding_option: str | None = None,
    undecodable: dict[int, str] | None = None,
) -> Iterator[str]:  # fmt: skip
    """Lines of `stream` with their line ends, split at line feeds only (never at U+0085, U+2028 or a lone CR).

    A byte order mark at the start is dropped. name: of the file, for messages. encoding_option: what the user writes
    before the name of an encoding, None where the encoding is fixed. undecodable: gets the number of each line
    (1-based) with an invalid byte and what is wrong with it, before the line is yielded with UNDECODABLE in place of
    such bytes; None: they are errors, as they always are in UTF-16 and other encodings that are not decoded by line.

    Raises: DataError `name:line` with the column of the first invalid byte and the encodings that it may have;
    DataError for a binary file, and for damaged gzip data.
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
                _check_text(stream.peek(1), encoding, name, encoding_option)
            first = next(lines, "").removeprefix(_BYTE_ORDER_MARK)
            if first:
                yield first
            yield from lines
    except OSError as error:
        if error.filename is not None:  # of what is written while a pipe is waited for
            raise
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error


def _check_text(head: bytes, encoding: str, name: str, option: str | None) -> None:
    """Raises DataError where a file that begins so has no text, or has it in UTF-16 or UTF-32 without a mark."""
    binary = binary_kind(head)
    if binary is not None:
        raise DataError(f"{name}: expected text, found {binary.kind}: {binary.remedy}")
    marked = marked_encoding(head)
    if marked is not None and marked != encoding:
        remedy = f"try {option}{marked}" if option else "convert the file to utf-8"
        raise DataError(f"{name}:1: expected {encoding}, found the byte order mark of {marked}: {remedy}")
    if wide_encoding(head) is not None:
        remedy = _remedy(head, encoding, option)
        raise DataError(f"{name}:1: expected {encoding}, found NUL bytes between the characters{remedy}")


def utf8_hint(path: str, encoding: str, option: str) -> str | None:
    """A warning where a file that is to be read in another encoding looks like UTF-8, which many encodings accept as
    other characters. Raises DataError where it cannot be read."""
    if check_encoding(encoding) == "utf-8":
        return None
    with open_binary(path) as stream:
        try:
            sample = stream.read(_CHUNK_BYTES)
        except (OSError, EOFError, zlib.error):
            return None  # damaged, which the reading of the texts will tell
    if not is_utf8(sample):
        return None
    return f"{path}: read as {encoding}, but it looks like utf-8: if texts come out garbled, pass {option}utf-8"


def _decode_by_line(
    stream: BufferedIOBase, encoding: str, name: str, option: str | None, undecodable: dict[int, str] | None
) -> Iterator[str]:
    is_advised = False
    for number, raw in enumerate(stream, start=1):
        try:
            yield raw.decode(encoding)
        except UnicodeDecodeError as error:
            if undecodable is not None and is_advised:
                undecodable[number] = f"byte 0x{raw[error.start]:02x} is not valid {encoding}"
                yield raw.decode(encoding, _MARK_ERRORS)
                continue
            column = len(raw[: error.start].decode(encoding, "ignore")) + 1
            begin = max(error.start - _BEFORE, 0)
            at = len(raw[begin : error.start].decode(encoding, "ignore"))
            sample = raw[begin : error.start + _CHUNK_BYTES]
            if stream.seekable():  # else the next bytes may be long in coming
                place = stream.tell()
                sample += stream.read(_CHUNK_BYTES)
                stream.seek(place)
            reason = _encoding_problem(error, encoding, column, sample, option, at)
            if undecodable is None:
                raise DataError(f"{name}:{number}: {reason}") from error
            undecodable[number] = reason
            is_advised = True  # once is enough, and to guess an encoding takes long
            yield raw.decode(encoding, _MARK_ERRORS)


def _decode_by_chunk(stream: BufferedIOBase, encoding: str, name: str, option: str | None) -> Iterator[str]:
    """For encodings in which the byte 0x0A does not always mean a line feed (UTF-16, UTF-32, ISO-2022)."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    number, pending = 1, ""
    while True:
        chunk = stream.read1(_CHUNK_BYTES)
        try:
            pending += decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            good = pending + error.object[: error.start].decode(encoding, "ignore")
            number += good.count("\n")
            column = len(good.rpartition("\n")[2]) + 1
            reason = _encoding_problem(error, encoding, column, chunk, option, None)
            raise DataError(f"{name}:{number}: {reason}") from error
        except UnicodeError as error:  # UTF-16 without its byte order mark
            remedy = _remedy(chunk, encoding, option)
            raise DataError(f"{name}:{number}: column 1: not valid {encoding}: {error}{remedy}") from error
        *whole, pending = pending.split("\n")
        for line in whole:
            yield line + "\n"
        number += len(whole)
        if not chunk:
            if pending:
                yield pending
            return


def _encoding_problem(
    error: UnicodeDecodeError, encoding: str, column: int, sample: bytes, option: str | None, at: int | None
) -> str:
    byte = error.object[error.start]
    return f"column {column}: byte 0x{byte:02x} is not valid {encoding}{_remedy(sample, encoding, option, at)}"


def _remedy(sample: bytes, encoding: str, option: str | None, at: int | None = None) -> str:
    """sample: bytes of the bad line and after. at: its characters before the bad byte, where a piece of the line is to
    show how it reads."""
    likely = likely_encoding(sample) if sample else None
    if likely == encoding:  # all but this byte is valid
        return "; the file is damaged here or has another encoding" + (f": try {option}NAME" if option else "")
    may_be = ": " if likely is None else f"; it may be {likely}{_reading(sample, likely, at)}: "
    return may_be + ("convert the file to utf-8" if option is None else f"try {option}{likely or 'NAME'}")


def _reading(sample: bytes, encoding: str, at: int | None) -> str:
    """How the bad place of the first line reads in an encoding that extends ASCII."""
    if at is None or encoding.startswith("utf"):
        return ""
    text = sample.partition(b"\n")[0].decode(encoding, "replace").rstrip()
    return f" (it reads {short(text[max(at - 12, 0) : at + 24])})"
