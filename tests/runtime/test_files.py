from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from textrnn.errors import DataError, TextRNNError
from textrnn.runtime import files
from textrnn.runtime.files import atomic_writer, data_name, one_line, open_binary, read_lines, write_bytes


def lines(path: Path, encoding: str = "utf-8") -> list[str]:
    with open_binary(path) as stream:
        return list(read_lines(stream, encoding, str(path), "--encoding "))


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("a\u0085b\u2028c\rd\r\ne\x0bf\x1cg\n".encode())
    assert lines(path) == ["a\u0085b\u2028c\rd\r\n", "e\x0bf\x1cg\n"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-32", "big5", "iso2022_jp"]
)
def test_text_survives_each_encoding(tmp_path: Path, encoding: str) -> None:
    text = ["中文\n", "two\r\n", "三"]
    path = tmp_path / "x"
    path.write_bytes("".join(text).encode(encoding))
    assert lines(path, encoding) == text


@pytest.mark.parametrize(
    ("patience", "told"), [(60.0, ["a", "b", "waiting"]), (-1.0, ["waiting", "a", "b", "waiting"])]
)
def test_a_live_reader_says_when_it_has_to_wait_or_has_read_for_long(
    monkeypatch: pytest.MonkeyPatch, patience: float, told: list[str]
) -> None:
    monkeypatch.setattr(files, "PATIENCE_SECONDS", patience)
    reading, writing = os.pipe()
    os.write(writing, b"a\nb\n")
    events = []

    def before_waiting() -> None:
        events.append("waiting")
        if "b" in events:
            os.close(writing)

    with files.open_live(reading, before_waiting) as stream:
        for line in stream:
            events.append(line.decode().strip())
    assert events == told


def test_a_byte_order_mark_is_dropped_at_the_start_only(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("\ufeffa\n\ufeffb\n".encode())
    assert lines(path) == ["a\n", "\ufeffb\n"]


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "named-otherwise"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    assert lines(path) == ["a\n", "b\n"]


@pytest.mark.parametrize(
    ("content", "encoding", "where"),
    [
        ("好的\n天气".encode() + b"\xb5x\n", "utf-8", ":2: column 3: byte 0xb5"),
        (b"abc\n\n\xff\n", "utf-8", ":3: column 1: byte 0xff"),
        ("a\nbc".encode("utf-16") + b"\x00\xd8\x41\x00", "utf-16", ":2: column 3: "),
    ],
)
def test_a_bad_byte_is_named_by_line_and_column(tmp_path: Path, content: bytes, encoding: str, where: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}{where}"):
        lines(path, encoding)


@pytest.mark.parametrize(("encoding", "named"), [("gb18030", "gb18030"), ("utf-16", "utf-16")])
def test_the_likely_encoding_is_named(tmp_path: Path, encoding: str, named: str) -> None:
    path = tmp_path / "x"
    text = "今天天气很好，我们一起去公园散步，看到了许多美丽的花朵和高大的树木。\n" * 20
    path.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=f"looks like {named}: try --encoding {named}"):
        lines(path)


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_bytes(path, b"old")
    with pytest.raises(ValueError, match="given up"), atomic_writer(path) as stream:
        stream.write(b"new")
        raise ValueError("given up")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    write_bytes(os.devnull, b"new")
    assert not Path(os.devnull).is_file()


def test_no_folder_to_write_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextRNNError, match="none/x: cannot be written: No such file"):
        write_bytes(tmp_path / "none" / "x", b"")


def test_one_line() -> None:
    assert one_line("a\tb\r\nc\u2028d\x85e") == "a b  c d e"


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/reviews.csv.gz", "reviews"), ("cnews.test.txt", "cnews.test"), ("folder/", "folder"), (".csv", ".csv")],
)
def test_data_name(path: str, name: str) -> None:
    assert data_name(path) == name
