from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from textrnn.data.reader import Example, read_examples
from textrnn.data.records import OptionNames
from textrnn.data.source import Source, detect_format
from textrnn.errors import DataError, short


def write(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("x.csv", "whatever", "csv"),
        ("x.tsv.gz", "whatever", "tsv"),
        ("x.JSONL", "whatever", "jsonl"),
        ("x.txt", "__label__a b\n", "fasttext"),
        ("x.txt", '{"a": 1}\n', "jsonl"),
        ("x", "a\tb\n", "tsv"),
    ],
)
def test_the_format_is_detected(tmp_path: Path, name: str, content: str, format: str) -> None:
    assert detect_format(write(tmp_path / name, content), "utf-8", OptionNames()) == format


def test_an_undetectable_format_is_an_error_that_lists_the_formats(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="x.txt:1: .*Pass --set data.format=tsv, csv, jsonl or fasttext"):
        detect_format(write(tmp_path / "x.txt", "no tab\n"), "utf-8", OptionNames())


def test_a_folder_per_class(tmp_path: Path) -> None:
    write(tmp_path / "b" / "2.txt", "second\nline")
    write(tmp_path / "b" / "deeper" / "1.txt", "first")
    write(tmp_path / "a" / "9", "third")
    write(tmp_path / "a" / ".hidden", "not read")
    found = list(read_examples(Source([str(tmp_path)])))
    assert [(example.label, example.text) for example in found] == [
        ("a", "third"),
        ("b", "second\nline"),
        ("b", "first"),
    ]
    assert found[0].where == str(tmp_path / "a" / "9")


def test_hidden_folders_and_links_to_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "data" / "a" / "b" / "1", "one")
    write(tmp_path / "data" / "a" / "b.txt", "two")
    write(tmp_path / "data" / "a" / ".git" / "3", "not read")
    write(tmp_path / "elsewhere" / "4", "linked")
    (tmp_path / "data" / "a" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "data" / "a" / "c").symlink_to(tmp_path / "elsewhere" / "4")
    texts = [example.text for example in read_examples(Source([str(tmp_path / "data")]))]
    assert texts == ["one", "two", "linked"]  # the link to a file is a document


def test_a_source_can_be_several_files_globs_and_gzip_files(tmp_path: Path) -> None:
    write(tmp_path / "1.tsv", "a\tone\n")
    write(tmp_path / "2.tsv", "b\ttwo\n")
    (tmp_path / "3.tsv.gz").write_bytes(gzip.compress(b"a\tthree\n"))
    source = Source([str(tmp_path / "[12].tsv"), str(tmp_path / "3.tsv.gz")])
    assert [example.text for example in read_examples(source)] == ["one", "two", "three"]


def test_label_ids_are_replaced_by_label_names(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", "t\t1\nu\t0\n")
    source = Source([path], text_column=0, label_column=1, label_names=["no", "yes"])
    assert list(read_examples(source)) == [Example("t", "yes", f"{path}:1"), Example("u", "no", f"{path}:2")]


@pytest.mark.parametrize("number", ["7", "7" * 5000], ids=["7", "longer-than-python-converts"])
def test_the_error_of_a_label_id_without_a_name_has_its_line(tmp_path: Path, number: str) -> None:
    path = write(tmp_path / "x.tsv", f"0\ta\n{number}\tb\n")
    with pytest.raises(
        DataError, match=rf"x.tsv:2: expected a label id from 0 to 1 .*, found {re.escape(short(number))}"
    ):
        list(read_examples(Source([path], label_names=["no", "yes"])))


def test_bad_rows_are_errors_or_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", "a\tone\nbroken\nb\ttwo\n\tno label\n")
    with pytest.raises(DataError, match=r"x.tsv:2: .*data.bad_rows"):
        list(read_examples(Source([path])))
    source = Source([path], skip_bad_rows=True)
    assert [example.text for example in read_examples(source)] == ["one", "two"]
    assert [line.split(": ")[0].rsplit(":")[-1] for line in source.skipped] == ["2", "4"]


def test_all_skipped_rows_are_counted_and_the_first_few_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", "a\tone\n" + "broken\n" * 9)
    source = Source([path], skip_bad_rows=True)
    for _ in range(2):  # each reading counts anew
        assert len(list(read_examples(source))) == 1
        assert source.skipped_count == 9
        assert [line.split(": ")[0].rsplit(":")[-1] for line in source.skipped] == ["2", "3", "4", "5", "6"]
