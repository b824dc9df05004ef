from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from textrnn.errors import TextRNNError
from textrnn.runtime.files import atomic_writer, data_name, open_binary, write_bytes


def test_gzip_is_recognized_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "named-otherwise"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    with open_binary(path) as stream:
        assert stream.read() == b"a\nb\n"


def test_gzip_from_a_pipe_does_not_claim_to_be_seekable() -> None:
    source, sink = os.pipe()
    with open(sink, "wb") as stream:
        stream.write(gzip.compress(b"a\nb\n"))
    with open_binary(source) as stream:
        assert not stream.seekable()


def test_a_failed_write_keeps_the_old_content_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_bytes(path, b"old")
    with pytest.raises(ValueError, match="given up"), atomic_writer(path) as stream:
        stream.write(b"new")
        raise ValueError("given up")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_preserves_links_and_devices(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    write_bytes(os.devnull, b"new")
    assert not Path(os.devnull).is_file()


def test_writing_into_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TextRNNError, match="none/x: cannot be written: No such file"):
        write_bytes(tmp_path / "none" / "x", b"")


NAMES = {
    "a/reviews.csv.gz": "reviews", "cnews.test.txt": "cnews.test", "folder/": "folder", ".csv": "csv", "...tsv": "data",
    "..gz": "data", "...yaml": "data", "configs/sample.v2.yaml": "sample.v2", "/": "data", "a/b/..": "a", "a/.": "a",
    "a\n\x7fb\\c.tsv": "a__b_c", "caf\udce9.tsv": "caf\udce9", "好" * 80 + ".tsv": "好" * 66, "data/*.tsv": "_",
}  # fmt: skip


@pytest.mark.parametrize("path", NAMES)
def test_data_name(path: str) -> None:
    assert data_name(path) == NAMES[path]
