from __future__ import annotations

import gzip
import inspect
import os
import re
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, make_rows, sets, write_tsv
from textrnn.corpus.store import load_corpus
from textrnn.errors import DataError, short
from textrnn.reading import reader
from textrnn.reading.reader import Example, Skipped, read_examples
from textrnn.reading.source import Source, folder_entries
from textrnn.runtime.files import open_binary
from textrnn.texts.tokenizer import Tokenizer


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
    path = write(tmp_path / name, content)
    assert Source([path]).files() == [(path, format)]


def test_an_undetectable_format_is_an_error_that_lists_the_formats(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="x.txt:1: .*Pass --set data.format=tsv, csv, jsonl or fasttext"):
        Source([write(tmp_path / "x.txt", "no tab\n")]).files()


def test_a_folder_per_class(tmp_path: Path) -> None:
    write(tmp_path / "b" / "2.txt", "second\nline")
    write(tmp_path / "b" / "deeper" / "1.txt", "first")
    write(tmp_path / "a" / "9", "third")
    write(tmp_path / "a" / ".hidden", "not read")
    examples = list(read_examples(Source([str(tmp_path)])))
    assert [example[:2] for example in examples] == [("third", "a"), ("second\nline", "b"), ("first", "b")]
    assert examples[0].where == str(tmp_path / "a" / "9")


def test_hidden_folders_are_left_out_and_a_link_to_a_file_is_a_document(tmp_path: Path) -> None:
    write(tmp_path / "data" / "a" / "b" / "1", "one")
    write(tmp_path / "data" / "a" / "b.txt", "two")
    write(tmp_path / "data" / "a" / ".git" / "3", "not read")
    write(tmp_path / "elsewhere" / "4", "linked")
    (tmp_path / "data" / "a" / "c").symlink_to(tmp_path / "elsewhere" / "4")
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere")
    examples = read_examples(Source([str(tmp_path / "data")]))
    assert [example[:2] for example in examples] == [("one", "a"), ("two", "a"), ("linked", "a"), ("linked", "b")]


def test_folders_may_be_nested_deeper_than_functions(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["b"] * 300)
    write(deep / "1", "one")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        entries = list(folder_entries(str(tmp_path)))
    finally:
        sys.setrecursionlimit(limit)
    assert entries == [(str(deep / "1"), None)]


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(path.parent)  # the name of a socket is short
        listening.bind(path.name)


def long_path(path: Path) -> None:
    """A file whose path has more characters than the system takes, made by steps."""
    path.mkdir()
    os.chdir(path)
    for _ in range(21):
        os.mkdir("x" * 200)
        os.chdir("x" * 200)
    Path("3").write_text("three")


@pytest.mark.parametrize(
    ("name", "make", "problem"),
    [
        ("a/link", lambda path: path.symlink_to(path.parent.parent / "b"), "found a link to a folder"),
        ("a/gone", lambda path: path.symlink_to("nowhere"), "found a broken link"),
        ("c", lambda path: path.symlink_to("nowhere"), "found a broken link"),
        ("a/pipe", os.mkfifo, "expected a file, found a pipe, socket or device"),
        ("a/s", listening_socket, "expected a file, found a pipe, socket or device"),
        ("c", Path.mkdir, "expected text files of this class, found an empty folder"),
        ("a/x", long_path, "cannot be read: File name too long"),
    ],
)
@pytest.mark.usefixtures("workplace")
def test_nothing_in_a_folder_is_dropped_in_silence(
    tmp_path: Path, name: str, make: Callable[[Path], object], problem: str
) -> None:
    data = tmp_path / "data"
    write(data / "a" / "1", "one")
    write(data / "b" / "1", "one")
    load = partial(load_corpus, tokenizer=Tokenizer(), cache_dir=tmp_path / "cache")
    assert len(load(Source([str(data)]))) == 2
    make(data / name)
    with pytest.raises(DataError) as raised:
        load(Source([str(data)]))
    assert str(raised.value).startswith(str(data / name))
    assert problem in str(raised.value)
    assert "data.bad_rows=skip leaves such rows out and counts them" in str(raised.value)
    corpus = load(Source([str(data)], skip_bad_rows=True))
    assert (len(corpus), corpus.skipped_count) == (2, 1)
    assert problem in corpus.skipped[0]


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
    source, skipped = Source([path], skip_bad_rows=True), Skipped()
    assert [example.text for example in read_examples(source, skipped)] == ["one", "two"]
    assert [line.split(": ")[0].rsplit(":")[-1] for line in skipped.shown] == ["2", "4"]


def test_all_skipped_rows_are_counted_and_the_first_few_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", "a\tone\n" + "broken\n" * 9)
    source = Source([path], skip_bad_rows=True)
    for skipped in (Skipped(), Skipped()):  # each reading counts anew
        assert len(list(read_examples(source, skipped))) == 1
        assert skipped.count == 9
        assert [line.split(": ")[0].rsplit(":")[-1] for line in skipped.shown] == ["2", "3", "4", "5", "6"]


def test_training_reads_its_file_to_tokenize_it_and_once_more(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*make_rows(40), ("food", "one"), ("sport", "one"), *[("food", "again")] * 9, ("food", "")]
    write_tsv(Path("t.tsv"), rows)
    opened: list[str] = []

    def recorded(path: str) -> Any:
        opened.append(path)
        return open_binary(path)

    monkeypatch.setattr(reader, "open_binary", recorded)
    sizes = sets("model.embedding_dim=8", "model.hidden_size=8", "train.epochs=1", "train.folds=1")
    result = cli("train", "--data", "t.tsv", *sizes)
    assert result.code == 0
    for shown in ("'one': 'food' at t.tsv:41", "'again' is 9 of 52 rows", "t.tsv:52", "linear model:"):
        assert shown in result.err.replace(f"{Path.cwd()}/", "")
    assert len(opened) == 2
