from __future__ import annotations

import codecs
import encodings
import errno
import io
import os
import pkgutil
import pty
import random
import re
from pathlib import Path

import pytest

from tests.forked import Forked
from textrnn.errors import DataError
from textrnn.reading import decoding
from textrnn.reading.decoding import check_encoding, read_lines
from textrnn.runtime.files import open_binary


def lines(path: Path, encoding: str = "utf-8") -> list[str]:
    with open_binary(path) as stream:
        return list(read_lines(stream, encoding, str(path), "--encoding "))


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("a\u0085b\u2028c\rd\r\ne\x0bf\x1cg\n".encode())
    assert lines(path) == ["a\u0085b\u2028c\rd\r\n", "e\x0bf\x1cg\n"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-32", "big5", "iso2022_jp"]
)
def test_each_encoding_is_decoded(tmp_path: Path, encoding: str) -> None:
    text = ["中文\n", "two\r\n", "三"]
    path = tmp_path / "x"
    path.write_bytes("".join(text).encode(encoding))
    assert lines(path, encoding) == text


def test_a_byte_order_mark_is_dropped_at_the_start_only(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("\ufeffa\n\ufeffb\n".encode())
    assert lines(path) == ["a\n", "\ufeffb\n"]


@pytest.mark.parametrize(
    ("content", "encoding", "where"),
    [
        ("好的\n天气".encode() + b"\xb5x\n", "utf-8", ":2: column 3: byte 0xb5"),
        (b"abc\n\n\xff\n", "utf-8", ":3: column 1: byte 0xff"),
        ("a\nbc".encode("utf-16") + b"\x00\xd8\x41\x00", "utf-16", ":2: column 3: "),
    ],
)
def test_an_invalid_byte_is_reported_with_its_line_and_column(
    tmp_path: Path, content: bytes, encoding: str, where: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}{where}"):
        lines(path, encoding)


def test_an_input_that_cannot_be_read_is_named_and_an_output_is_not_taken_for_it() -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise error

    error = OSError(errno.EIO, "Input/output error")
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(DataError, match="x: cannot be read: Input/output error"):
            list(read_lines(io.BufferedReader(Broken()), encoding, "x"))
    error = OSError(errno.ENOSPC, "No space left on device", "stdout")
    with pytest.raises(OSError, match="stdout"):
        list(read_lines(io.BufferedReader(Broken()), "utf-8", "x"))


@pytest.mark.parametrize(
    ("patience", "expected"), [(60.0, ["a", "b", "waiting"]), (-1.0, ["waiting", "a", "b", "waiting"])]
)
def test_before_waiting_is_called_when_no_bytes_are_ready_and_now_and_then(
    monkeypatch: pytest.MonkeyPatch, patience: float, expected: list[str]
) -> None:
    monkeypatch.setattr(decoding, "_PATIENCE_SECONDS", patience)
    reading, writing = os.pipe()
    os.write(writing, b"a\nb\n")
    events = []

    def before_waiting() -> None:
        events.append("waiting")
        if "b" in events:
            os.close(writing)

    with decoding.open_live(reading, "x", before_waiting) as stream:
        for line in stream:
            events.append(line.decode().strip())
    assert events == expected


def test_an_input_that_fails_is_named_and_not_taken_for_the_output(trained: Path) -> None:
    """A terminal's other side whose program has gone gives EIO."""
    reading, other = pty.openpty()
    os.close(other)
    predict = Forked("predict", trained, "-", stdin=reading)
    os.close(reading)
    out, error = predict.communicate()
    assert (predict.wait(), out) == (1, b"")
    assert error == b"error: stdin: cannot be read: Input/output error\n"


ALL_CODECS = sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)} - {"aliases"})
NO_CHARSETS = {
    "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "punycode", "quopri_codec", "raw_unicode_escape",
    "rot_13", "undefined", "unicode_escape", "utf_7", "uu_codec", "zlib_codec",
}  # fmt: skip


@pytest.mark.parametrize("encoding", ALL_CODECS)
def test_what_an_encoding_reads_is_text(encoding: str) -> None:
    if encoding in NO_CHARSETS:
        with pytest.raises(LookupError, match="for example: utf-8"):
            check_encoding(encoding)
        return
    check_encoding(encoding)
    random_bytes = random.Random(1).randbytes(20_000)
    text = re.sub("[\x0e\x0f\x1b]", "", random_bytes.decode(encoding, "ignore"))  # without shifts between sets
    assert not re.search("[\ud800-\udfff]", text)
    decoder = codecs.getincrementaldecoder(encoding)()
    good = text.encode(encoding, "ignore")
    pieces = "".join(decoder.decode(bytes([byte])) for byte in good) + decoder.decode(b"", final=True)
    assert pieces == good.decode(encoding)


@pytest.mark.parametrize("name", ["utf-9", "a\0b", "\udce9", "x" * 100_000, "", "..", "os.path"])
def test_an_encoding_that_python_lacks(name: str) -> None:
    with pytest.raises(LookupError, match="unknown encoding") as caught:
        check_encoding(name)
    assert len(str(caught.value)) < 300
