"""What undecodable bytes may be, as the user is told."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli
from textrnn.errors import DataError
from textrnn.runtime.decoding import read_lines, utf8_hint
from textrnn.runtime.encodings import binary_kind, likely_encodings
from textrnn.runtime.files import open_binary

FRENCH = "pos\tUn café très agréable, l’équipe est sympathique à midi\nneg\tÀ éviter absolument, déçu\n"
CHINESE = "今天天气很好，我们一起去公园散步，看到了许多美丽的花朵和高大的树木。\n"
LANGUAGES = [
    ("cp1252", FRENCH),
    ("cp1252", "pos\tSchöne Größe, für mich ein Genuß\n"),
    ("cp1252", "pos\t¿Qué tal? El niño comió mañana, ¡qué bien!\n"),
    ("cp1252", "pos\tNão há nada de errado, a canção é ótima\n"),
    ("cp1252", "pos\tPå torsdag kommer jag ändå över till köket\n"),
    ("cp1250", "pos\tŁadny dzień, żółta gęś jest piękna i już śpi, co mówić\n"),
    ("cp1251", "pos\tХорошая погода сегодня, мы пошли гулять в парк с друзьями\n"),
    ("koi8-r", "pos\tХорошая погода сегодня, мы пошли гулять в парк с друзьями\n"),
    ("gb18030", CHINESE),
    ("gb18030", "体育\t球队在比赛中获得胜利\n财经\t股票市场今天大幅上涨\n"),
    ("big5", "體育\t球隊在比賽中獲得勝利的消息\n財經\t股票市場今天大幅上漲\n"),
    ("cp949", "스포츠\t오늘 경기에서 팀이 이겼습니다 정말 좋은 날입니다\n"),
    ("cp932", "スポーツ\t今日の試合でチームが勝ちました。とても良い日です\n"),
    ("utf-16", FRENCH),
    ("utf-16-le", FRENCH),
    ("utf-16-be", FRENCH),
    ("utf-32", FRENCH),
    ("utf-32-le", FRENCH),
]


BY_RULES = ("cp1252", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")  # others are guessed


@pytest.mark.parametrize(("encoding", "text"), LANGUAGES)
@pytest.mark.parametrize("copies", [1, 200])
def test_the_true_encoding_is_named_first(tmp_path: Path, encoding: str, text: str, copies: int) -> None:
    if copies == 1 and encoding not in BY_RULES:
        copies = 20
    content = (text * copies).encode(encoding)
    assert likely_encodings(content)[0] == encoding
    path = tmp_path / "x"
    path.write_bytes(content)
    with open_binary(path) as stream, pytest.raises(DataError) as caught:
        list(read_lines(stream, "utf-8", "x", "--encoding "))
    message = str(caught.value)
    assert message.endswith(f"--encoding {encoding}")
    assert "may be" in message or "byte order mark" in message
    assert "looks like" not in message and "it is" not in message


def test_the_user_sees_how_the_place_reads_in_each_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(FRENCH.encode("cp1252"))
    with open_binary(path) as stream, pytest.raises(DataError, match=r"cp1252 \(it reads 'pos\\tUn café très"):
        list(read_lines(stream, "utf-8", "x", "--encoding "))


def test_damaged_utf_8_is_not_given_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(CHINESE.encode() + b"\xb5" + CHINESE.encode() * 10)
    with open_binary(path) as stream, pytest.raises(DataError, match=r"x:2: column 1: .* the file is damaged here or"):
        list(read_lines(stream, "utf-8", "x", "--encoding "))


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


BINARIES = {
    "book.xlsx": (b"PK\x03\x04\x14\x00\x06\x00\x08\x00[Content_Types].xml\xad\x91", "an Excel or LibreOffice document"),
    "book.ods": (b"PK\x03\x04\x14\x00\x00\x08mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an Excel"),
    "book.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel"),
    "texts.zip": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00texts.csv", "a zip archive: unpack it"),
    "rows.parquet": (b"PAR1\x15\x04\x15\x1e\x15\x22", "a Parquet file: write its columns as csv or jsonl"),
    "rows.feather": (b"ARROW1\x00\x00\xff\xff\xff\xff", "an Arrow"),
    "rows.db": (b"SQLite format 3\x00\x10\x00", "an SQLite database: export"),
    "texts.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\x00\x01", "a PDF document"),
    "rows.npy": (npy(), "a NumPy array"),
    "t.tsv.bz2": (b"BZh91AY&SY\x00\x01", "a bzip2 archive: unpack it with bunzip2"),
    "t.tsv.xz": (b"\xfd7zXZ\x00\x00\x04", "an xz archive"),
    "t.tsv.zst": (b"\x28\xb5\x2f\xfd\x04\x00", "a zstd archive"),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(60) + b"\x01\x02" * 30, "a binary file: name a file of text"),
    "renamed.csv": (
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00[Content_Types].xml\xad\x91",
        "an Excel or LibreOffice document",
    ),
}


@pytest.mark.parametrize("name", BINARIES)
def test_a_binary_file_is_named_as_what_it_is(cli: Cli, trained: Path, name: str) -> None:
    content, kind = BINARIES[name]
    Path(name).write_bytes(content)
    Path("packed.gz").write_bytes(gzip.compress(content))
    commands = [
        ["train", "--data", name],
        ["train", "--data", name, "--set", "data.format=tsv"],
        ["train", "--data", name, "--set", "data.encoding=latin-1"],
        ["vocab", "--data", name],
        ["eval", trained, name],
        ["predict", trained, name],
        ["predict", trained, "packed.gz"],
    ]
    for arguments in commands:
        result = cli(*arguments)
        assert (result.code, result.out) == (1, ""), arguments
        assert "expected text, found " + kind in result.err and result.err.count("\n") == 1, result.err


@pytest.mark.parametrize(
    "text", ["PK is a text", "PAR1 is a text", "%PDF- is a text", "BZh", "a\0b and more text here"]
)
def test_text_is_not_taken_for_a_binary_file(text: str) -> None:
    assert binary_kind(text.encode()) is None


def test_a_file_in_utf_8_that_is_read_as_something_else_is_worth_a_hint(tmp_path: Path) -> None:
    utf8, other, plain = tmp_path / "utf8", tmp_path / "other", tmp_path / "plain"
    utf8.write_text(FRENCH, encoding="utf-8")
    other.write_text(FRENCH, encoding="cp1252")
    plain.write_text("plain letters")
    last = tmp_path / "last"
    last.write_bytes(b"a nice caf\xe9")
    assert utf8_hint(str(last), "latin-1", "--encoding ") is None
    assert likely_encodings(last.read_bytes())[0] == "cp1252"
    assert utf8_hint(str(utf8), "cp1252", "--encoding ").endswith("pass --encoding utf-8")
    assert [utf8_hint(str(path), "cp1252", "--encoding ") for path in (other, plain)] == [None, None]
    assert utf8_hint(str(utf8), "UTF8", "--encoding ") is None
