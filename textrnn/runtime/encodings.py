"""What encoding bytes may have that are not valid in the expected one, and what a file is that is not text at all."""

from __future__ import annotations

import codecs
from typing import NamedTuple

_HEAD_BYTES = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Characters that make up a large part of Chinese text of any kind, and that other text read as gb18030 hardly has.
_COMMON_CHINESE = frozenset(
    "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能"
    "好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进"
)
_MANY_COMMON = 0.05  # of the characters that are not ASCII
# The letters and marks of Western European languages in cp1252, in texts mostly between plain letters.
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŠŽ¡¿«»€§°©®·…–—‘’“”„•ºª™\xa0")
_MOSTLY = 0.9
_FEW_BYTES = 10


class Binary(NamedTuple):
    """A file that is not text: what it is, and the way out."""

    kind: str
    remedy: str


_TABLE = "open it in a spreadsheet program and save the sheet as csv (UTF-8)"
_BINARY = (  # how such a file begins
    (b"PK\x03\x04", Binary("a zip archive", "unpack it and name the files in it")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Binary("an old Excel or Word document", _TABLE)),
    (b"PAR1", Binary("a Parquet file", "write its columns as csv or jsonl, for example with pandas")),
    (b"ARROW1", Binary("an Arrow (Feather) file", "write its columns as csv or jsonl, for example with pandas")),
    (b"SQLite format 3\0", Binary("an SQLite database", "export the table as csv")),
    (b"\x89HDF", Binary("an HDF5 file", "write its columns as csv or jsonl, for example with pandas")),
    (b"\x93NUMPY", Binary("a NumPy array", "write its rows as text, csv or jsonl")),
    (b"%PDF-", Binary("a PDF document", "save its text as a plain text file")),
    (b"BZh", Binary("a bzip2 archive", "unpack it with bunzip2 (only gzip is read as it is)")),
    (b"\xfd7zXZ", Binary("an xz archive", "unpack it with unxz (only gzip is read as it is)")),
    (b"\x28\xb5\x2f\xfd", Binary("a zstd archive", "unpack it with unzstd (only gzip is read as it is)")),
    (b"7z\xbc\xaf\x27\x1c", Binary("a 7z archive", "unpack it and name the files in it")),
    (b"Rar!\x1a\x07", Binary("a rar archive", "unpack it and name the files in it")),
)
_UNKNOWN = Binary("a binary file", "name a file of text: tsv, csv, jsonl, fastText or plain text")
_SPREADSHEETS = (b"[Content_Types].xml", b"xl/", b"opendocument.spreadsheet")
_MANY_NULS = 0.1
_NOT_IN_TEXT = bytes(range(9)) + bytes(range(14, 27)) + bytes(range(28, 32))


def binary_kind(head: bytes) -> Binary | None:
    """What a file is that begins so, if it is not text in an encoding that extends ASCII; None where it may be text.

    UTF-16 and UTF-32 without a byte order mark are text, too.
    """
    head = head[:_HEAD_BYTES]
    for beginning, binary in _BINARY:
        if head.startswith(beginning) and head.translate(None, _NOT_IN_TEXT) != head:
            if beginning == b"PK\x03\x04" and any(name in head for name in _SPREADSHEETS):
                return Binary("an Excel or LibreOffice document", _TABLE)
            return binary
    has_many_nuls = len(head) >= 16 and head.count(0) > _MANY_NULS * len(head)
    if has_many_nuls and marked_encoding(head) is None and wide_encoding(head) is None:
        return _UNKNOWN
    return None


def likely_encodings(sample: bytes) -> list[str]:
    """Encodings that the bytes may be in, likeliest first: by marks, by what is typical of a language, then a guess."""
    told = marked_encoding(sample) or wide_encoding(sample[:_HEAD_BYTES])
    if told is not None:
        return [told]
    if _is_mostly_utf8(sample):
        return ["utf-8"]
    found = [name for name, is_typical in (("gb18030", _is_chinese), ("cp1252", _is_western)) if is_typical(sample)]
    if found and sum(byte > 0x7F for byte in sample[:_HEAD_BYTES]) < _FEW_BYTES:
        return found  # a guess from so little is of no use
    return list(dict.fromkeys([*found, *_guess(sample)]))


def marked_encoding(head: bytes) -> str | None:
    """The encoding whose byte order mark stands at the beginning."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def is_utf8(sample: bytes) -> bool:
    """Whether it has characters of several bytes, and all of them are valid UTF-8; a last one may be cut."""
    return not (_decoded(sample, "utf-8") or "").isascii()


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, told by the places of the NUL bytes that it has beside ASCII characters."""
    if len(head) < 16 or head.count(0) < 0.3 * len(head):
        return None
    shares = [head[at::4].count(0) / len(head[at::4]) for at in range(4)]
    for encoding, at_nul in (
        ("utf-32-le", (1, 2, 3)),
        ("utf-32-be", (0, 1, 2)),
        ("utf-16-le", (1, 3)),
        ("utf-16-be", (0, 2)),
    ):
        if all((share > 0.5) == (at in at_nul) for at, share in enumerate(shares)):
            return encoding
    return None


def _decoded(sample: bytes, encoding: str) -> str | None:
    """The sample's text, whose last character may be cut; None where it is not valid."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return None


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether it is UTF-8, perhaps with a few damaged bytes among many characters of several bytes."""
    if is_utf8(sample) or sample.isascii():
        return True
    text = sample.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) > 10 * damaged


def _is_chinese(sample: bytes) -> bool:
    wide = [character for character in _decoded(sample, "gb18030") or "" if character > "\x7f"]
    return bool(wide) and sum(character in _COMMON_CHINESE for character in wide) >= _MANY_COMMON * len(wide)


def _is_western(sample: bytes) -> bool:
    text = _decoded(sample, "cp1252") or ""
    wide = [at for at, character in enumerate(text) if character > "\x7f"]
    typical = sum(text[at] in _WESTERN for at in wide)
    alone = sum(text[at + 1 : at + 2] <= "\x7f" for at in wide)
    return bool(wide) and typical >= _MOSTLY * len(wide) and alone >= 0.7 * len(wide)


def _guess(sample: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is None:
        return []
    # GB2312 and GBK are subsets of GB18030, which never fails on the rarer characters of the same file
    return ["gb18030" if best.encoding in ("gb2312", "gbk", "gb18030") else best.encoding.replace("_", "-")]
