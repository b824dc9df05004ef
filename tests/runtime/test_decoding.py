from __future__ import annotations

import json
from pathlib import Path

import pytest

from textrnn.errors import DataError
from textrnn.runtime.decoding import one_line, read_lines, visible, visible_json
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


@pytest.mark.parametrize(("encoding", "named"), [("gb18030", "gb18030"), ("utf-16", "utf-16")])
def test_the_error_names_the_likely_encoding(tmp_path: Path, encoding: str, named: str) -> None:
    path = tmp_path / "x"
    text = "今天天气很好，我们一起去公园散步，看到了许多美丽的花朵和高大的树木。\n" * 20
    path.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=f"looks like {named}: try --encoding {named}"):
        lines(path)


def test_one_line() -> None:
    assert one_line("a\tb\r\nc\u2028d\x85e") == "a b  c d e"


ODD = "".join(map(chr, range(0x20))) + "\x7f\x85\x9b\u2028\u202e\u2066 体é😀\u200d\\"


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[31m\tb\rc\x9bd\u202ee\x00\n体é\u200d") == r"a\x1b[31m\tb\rc\x9bd\u202ee\x00" + "\n体é\u200d"


def test_visible_json_has_the_same_content_and_no_control_characters() -> None:
    text = visible_json(json.dumps({ODD: [ODD]}, ensure_ascii=False))
    assert json.loads(text) == {ODD: [ODD]}
    assert text == visible(text)
    assert "体é😀" in text
