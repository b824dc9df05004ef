from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn.corpus import store
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.resample import texts_at
from textrnn.corpus.store import load_corpus
from textrnn.errors import DataError, TextRNNError
from textrnn.reading.reader import Example
from textrnn.reading.source import Source
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.vocab import Vocab

LOAD = """
import os, sys
from pathlib import Path
from textrnn.corpus import store
from textrnn.reading.source import Source
from textrnn.texts.tokenizer import Tokenizer

if sys.argv[2] == "die":
    store.sync_file = lambda path: os.kill(os.getpid(), 9)
corpus = store.load_corpus(Source([sys.argv[1]]), Tokenizer("word"), cache_dir=Path(sys.argv[1]).parent / "cache")
print(len(corpus), int(corpus.lengths.sum()))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.tsv"
    path.write_text("b\tone two\na\tTwo three three\nb\t\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("names", "place"), [(["d"], "/b/bad:1"), (["d/"], "/b/bad:1"), (["one", "one.tsv"], ".tsv:3")]
)
def test_bad_rows_of_a_shared_corpus_have_the_paths_that_are_read(
    tmp_path: Path, builds: list[int], names: list[str], place: str
) -> None:
    for copy in ("first", "second"):
        for name in ("d/a/good", "d/b/good", "d/b/bad"):
            (tmp_path / copy / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / copy / name).write_bytes(b"\xff" if "bad" in name else b"text")
        (tmp_path / copy / "one").write_text("a\tone\n")
        (tmp_path / copy / "one.tsv").write_text("a\tone\nb\ttwo\nc\n")
        files = [f"{tmp_path}/{copy}/{name}" for name in names]
        source = Source(files, "auto" if len(files) == 1 else "tsv", skip_bad_rows=True)
        corpus = load_corpus(source, Tokenizer("word"), cache_dir=tmp_path / "cache")
        assert corpus.skipped[0].startswith(f"{files[0].rstrip('/')}{place}: ")
    assert builds == [1]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An item for each time a corpus was read and tokenized rather than taken from the cache."""
    calls: list[int] = []
    read = store.read_examples
    monkeypatch.setattr(store, "read_examples", lambda *given: (calls.append(1), read(*given))[1])
    return calls


def load(file: Path, *, kind: str = "word", lowercase: bool = True, **options) -> Corpus:
    tokenizer = Tokenizer(kind, lowercase=lowercase)
    return load_corpus(Source([str(file)], **options), tokenizer, cache_dir=file.parent / "cache")


def tokens_of(corpus: Corpus, max_length: int = 99) -> list[list[str]]:
    """The tokens that a model with this limit reads of each text."""
    texts = corpus.cut(max_length)
    types = list(corpus.types())
    return [
        [types[number] for number in texts.tokens[start : start + length]]
        for start, length in zip(texts.starts, texts.lengths, strict=True)
    ]


def test_a_corpus_holds_whole_texts(file: Path) -> None:
    corpus = load(file)
    assert tokens_of(corpus) == [["one", "two"], ["two", "three", "three"], ["<unk>"]]
    assert list(corpus.lengths) == [2, 3, 0]
    assert [corpus.labels[number] for number in corpus.label_ids] == ["b", "a", "b"]


def test_a_corpus_is_mapped_from_its_files(file: Path) -> None:
    corpus = load(file)
    for array in (corpus.tokens, corpus.lengths, corpus.hashes):
        assert isinstance(array.base, np.memmap)
        assert type(array) is np.ndarray  # of numpy 1's memmap, a selection is read-only and cannot be sorted in place


def test_texts_are_cut_and_encoded_when_they_are_read_and_tokenized_once(file: Path, builds: list[int]) -> None:
    assert tokens_of(load(file), max_length=2) == [["one", "two"], ["two", "three"], ["<unk>"]]
    encoded = load(file).encoded(Vocab(["two"]), ["a", "b"], max_length=1)
    assert list(encoded.lengths) == [1, 1, 1]
    assert encoded.lengths.dtype == np.int32  # four bytes a document
    assert encoded.id_map is not None and encoded.id_map[encoded.tokens].tolist() == [1, 2, 2, 1, 1, 1]
    assert np.asarray(encoded.labels).tolist() == [1, 0, 1]
    assert len(builds) == 1


CHANGES = [
    {"kind": "whitespace"}, {"lowercase": False}, {"text_column": 0, "label_column": 1, "skip_bad_rows": True},
    {"encoding": "latin-1"}, {"skip_bad_rows": True},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_changed_option_tokenizes_again(file: Path, builds: list[int], change: dict) -> None:
    load(file)
    load(file, **change)
    assert len(builds) == 2


def test_changed_content_and_a_new_version_of_a_library_tokenize_again(
    file: Path, builds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(file)
    file.write_text(file.read_text().replace("one", "six"))  # same size, written at once
    assert ["six", "two"] in tokens_of(load(file))
    assert len(builds) == 2
    monkeypatch.setattr("regex.__version__", "another")
    load(file)
    assert len(builds) == 3


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files were written long enough ago for their times to be trusted."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)


@pytest.mark.usefixtures("an_hour_later")
@pytest.mark.parametrize("name", ["x.tsv", "copy.tsv"], ids=["written", "replaced"])
def test_a_file_with_other_content_of_equal_size_and_time_is_read_again(file: Path, name: str) -> None:
    before, content = file.stat(), file.read_text()
    load(file)
    changed = file.with_name(name)
    changed.write_text(content.replace("one", "six"))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    changed.replace(file)
    assert ["six", "two"] in tokens_of(load(file))


@pytest.mark.usefixtures("an_hour_later")
def test_a_file_system_that_hides_a_change_fails_once_and_not_for_ever(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, before = os.stat, os.stat(file)
    monkeypatch.setattr(os, "stat", lambda path, **more: before if path == str(file) else stat(path, **more))
    source = Source([str(file)], cache_dir=file.parent / "cache")
    hashes = load(file).hashes
    file.write_text(file.read_text().replace("one", "six"))
    assert list(load(file).hashes) == list(hashes)  # taken for the old one
    with pytest.raises(DataError, match="changed while or after it was read; try again"):
        list(texts_at(source, [0], hashes))
    assert list(texts_at(source, [0], load(file).hashes)) == ["six two"]


@pytest.mark.usefixtures("an_hour_later")
def test_an_unchanged_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(file)
    monkeypatch.setattr(store, "sha256_of", None)  # would fail if called
    load(file)
    os.utime(file)  # a new time: the content must be looked at
    with pytest.raises(TypeError):
        load(file)


def test_a_copy_of_a_file_shares_its_corpus(file: Path, builds: list[int]) -> None:
    load(file)
    copy = file.with_name("copy.tsv")
    copy.write_bytes(file.read_bytes())
    load(copy)
    assert len(builds) == 1


NAMES = ["tokens.bin", "starts.bin", "lengths.bin", "label_ids.bin", "hashes.bin", "types.txt", "meta"]
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-2],
    "zeroed": lambda content: bytes(len(content)),
    "a bit flipped": lambda content: content[:-1] + bytes([content[-1] ^ 0x40]),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_corpus_is_rebuilt(file: Path, builds: list[int], name: str, damage: str) -> None:
    before = tokens_of(load(file))
    (damaged,) = (file.parent / "cache").glob(f"*/{name}")
    good = damaged.read_bytes()
    damaged.write_bytes(DAMAGE[damage](good))
    after = load(file)
    assert tokens_of(after) == before
    assert [after.labels[number] for number in after.label_ids] == ["b", "a", "b"]
    assert damaged.read_bytes() == good
    assert len(builds) == 2


def test_a_corpus_is_on_disk_before_it_has_its_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda at: (synced.append(os.readlink(f"/proc/self/fd/{at}")), sync(at)))
    monkeypatch.setattr(Path, "rename", lambda path, to: (synced.append("renamed"), rename(path, to)))
    load(file)
    parts = [path.rpartition("/")[2] for path in synced[: synced.index("renamed")]]
    assert parts[:-1] == [*NAMES[:5], "weights.bin", "soft_labels.bin", *NAMES[5:]]
    assert parts[-1].startswith(".building-")
    assert synced[-1] == str(file.parent / "cache")


def test_a_file_that_changes_while_it_is_read_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = store.read_examples

    def slowly(*given: Any) -> Iterator[Example]:
        yield from read(*given)
        file.write_text("b\tothers\n")

    monkeypatch.setattr(store, "read_examples", slowly)
    with pytest.raises(DataError, match="x.tsv: changed while or after it was read"):
        load(file)
    assert os.listdir(file.parent / "cache") == ["digests"]


def test_a_failed_build_leaves_nothing_behind(file: Path) -> None:
    file.write_text("b\tone\nbroken\n")
    with pytest.raises(DataError, match="x.tsv:2"):
        load(file)
    assert os.listdir(file.parent / "cache") == ["digests"]


def test_a_full_file_table_leaves_nothing_behind(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        monkeypatch.setattr(os, "scandir", full)  # nor can a folder be listed then
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(store, "read_examples", full)
    with pytest.raises(TextRNNError, match="cannot write the cache: Too many open files"):
        load(file)
    assert os.listdir(file.parent / "cache") == ["digests"]


def test_a_killed_build_is_repeated(file: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", LOAD, str(file), "die"], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = (name for name in os.listdir(file.parent / "cache") if name != "digests")
    assert left.startswith(".building-")
    assert len(load(file)) == 3
    two_days_ago = time.time() - 48 * 3600
    os.utime(file.parent / "cache" / left, (two_days_ago, two_days_ago))
    load(file, kind="whitespace")  # a build clears away what is too old for anyone to be writing it still
    assert not (file.parent / "cache" / left).exists()


def test_concurrent_builds_of_one_corpus_succeed(file: Path) -> None:
    file.write_text("".join(f"a\tword{n} and more\n" for n in range(20000)))
    command = [sys.executable, "-c", LOAD, str(file), "live"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    results = [process.communicate() for process in processes]
    assert results == [("20000 60000\n", "")] * 3
    assert len(list((file.parent / "cache").glob("*/meta"))) == 1
    assert list((file.parent / "cache").glob(".building-*")) == []
