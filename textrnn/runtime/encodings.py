"""What encoding bytes may have that are not valid in the expected one, and what a file is that is not text at all."""

from __future__ import annotations

import codecs
import unicodedata
from collections import Counter, defaultdict
from typing import NamedTuple

from textrnn.runtime.alphabets import ENCODINGS, RARE, log_probability

_HEAD_BYTES = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 1 << 15  # that candidates are judged by
_CERTAIN = 4.0  # difference of log-likelihoods from which on the better reading is named
_LEAST = -9.5  # mean log-likelihood of a character: a worse reading is not named, although all others are worse still
_RARE_ENCODING = -7.0  # log-probability that a file has one of those, beside one that is usual
_WRONG_PLACE = -9.0  # log-likelihood of a character beside what it never stands beside
_END_OF_LATIN, _EAST_ASIA = "\u0250", "\u2e80"


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


def likely_encoding(sample: bytes) -> str | None:
    """The encoding that the bytes have, as it seems, by marks or by how well they read in it; None if two different
    readings are about as good. Of encodings that read the bytes alike, a Windows code page comes first."""
    clear = marked_encoding(sample) or wide_encoding(sample[:_HEAD_BYTES])
    if clear is not None:
        return clear
    if _is_mostly_utf8(sample):
        return "utf-8"
    sample = sample[:_SAMPLE_BYTES]
    readings: dict[str, list[tuple[float, str]]] = defaultdict(list)  # text -> the encodings that read the bytes so
    for encoding in ENCODINGS:
        text = sample.decode(encoding, "replace")
        readings[text].append((_log_likelihood(text, encoding), encoding))
    (best, text), (second, _) = sorted(((max(alike)[0], text) for text, alike in readings.items()), reverse=True)[:2]
    characters = sum(character > "\x7f" for character in text)
    if best - second < _CERTAIN or best < _LEAST * characters:
        return None
    return next(encoding for likelihood, encoding in readings[text] if likelihood > best - _CERTAIN)


def _log_likelihood(text: str, encoding: str) -> float:
    """Of the characters beyond ASCII, in the language of the encoding in which they are likeliest."""
    text = f" {text} "
    places = Counter((text[at - 1], text[at], text[at + 1]) for at in range(1, len(text) - 1) if text[at] > "\x7f")
    misplaced = sum(
        count for (before, character, after), count in places.items() if _is_misplaced(before, character, after)
    )
    counts = Counter[str]()
    for (_, character, _), count in places.items():
        counts[character] += count
    best = max(
        sum(count * log_probability(character, language) for character, count in counts.items())
        for language in ENCODINGS[encoding]
    )
    return best + _WRONG_PLACE * misplaced + (_RARE_ENCODING if encoding in RARE else 0.0)


def _is_misplaced(before: str, character: str, after: str) -> bool:
    """Whether a character stands where it never does: currency away from numbers, an opening quote behind a letter, a
    capital inside a word, a letter of another script beside a Latin one or alone."""
    if character in "£€¥¢":
        return not any(other.isdigit() or other.isspace() for other in (before, after))
    if character in "‚„«¿¡":
        return before.isalnum() or after.isspace()
    if character in "”»":
        return before.isspace() or not before
    if character in "²³½¼¾":
        return after.isalpha()
    if unicodedata.category(character)[0] not in "LM":
        return False
    is_alone = not (before + after).strip()
    is_capital_inside = character.isupper() and before.islower()
    if character < _END_OF_LATIN:
        is_crowded = all(other > "\x7f" and other.isalpha() for other in (before, after))
        return is_capital_inside or is_alone or is_crowded or before.isdigit() or after.isdigit()
    if character >= _EAST_ASIA:
        return False
    is_beside_latin = any(other.isalpha() and other < _END_OF_LATIN for other in (before, after))
    return is_beside_latin or is_capital_inside or is_alone


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
