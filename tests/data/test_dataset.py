from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from textrnn.data import dataset
from textrnn.data.dataset import Corpus, load_corpus
from textrnn.data.reader import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.vocab import Vocab


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.tsv"
    path.write_text("b\tone two\na\tTwo three three\nb\t\n", encoding="utf-8")
    return path


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An item for each time a corpus was tokenized rather than taken from the cache."""
    found: list[int] = []
    original = dataset._build

    def build(*arguments) -> None:
        found.append(1)
        original(*arguments)

    monkeypatch.setattr(dataset, "_build", build)
    return found


def load(file: Path, *, kind: str = "word", max_length: int = 9, lowercase: bool = True, **options) -> Corpus:
    tokenizer = Tokenizer(kind, lowercase=lowercase)
    return load_corpus(
        Source([str(file)], **options), tokenizer, max_length=max_length, cache_dir=file.parent / "cache"
    )


def tokens_of(corpus: Corpus) -> list[list[str]]:
    texts = corpus.texts
    types = [token for block in corpus.types_in_blocks() for token in block]
    return [
        [types[number] for number in texts.tokens[start : start + length]]
        for start, length in zip(texts.starts, texts.lengths, strict=True)
    ]


def test_what_a_corpus_holds(file: Path) -> None:
    corpus = load(file, max_length=2)
    assert tokens_of(corpus) == [["one", "two"], ["two", "three"], ["<unk>"]]
    assert list(corpus.full_lengths) == [2, 3, 0]
    assert [corpus.labels[number] for number in np.asarray(corpus.texts.labels)] == ["b", "a", "b"]
    assert isinstance(corpus.texts.tokens, np.memmap)


def test_a_vocabulary_is_laid_over_it(file: Path) -> None:
    encoded = load(file).encoded(Vocab(["two"]), {"a": 0, "b": 1})
    assert encoded.id_map is not None
    assert list(encoded.id_map[encoded.tokens]) == [1, 2, 2, 1, 1, 1]
    assert list(np.asarray(encoded.labels)) == [1, 0, 1]


def test_a_second_load_does_not_tokenize(file: Path, builds: list[int]) -> None:
    load(file)
    load(file)
    assert len(builds) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"max_length": 1},
        {"kind": "whitespace"},
        {"lowercase": False},
        {"text_column": 0, "label_column": 1, "skip_bad_rows": True},
        {"encoding": "latin-1"},
        {"skip_bad_rows": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_option_is_never_met_by_the_old_corpus(file: Path, builds: list[int], change: dict) -> None:
    load(file)
    load(file, **change)
    assert len(builds) == 2


def test_a_new_version_of_a_tokenizing_library_tokenizes_again(
    file: Path, builds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(file)
    monkeypatch.setattr("regex.__version__", "another")
    load(file)
    assert len(builds) == 2


def test_changed_content_is_seen(file: Path, builds: list[int]) -> None:
    load(file)
    file.write_text(file.read_text().replace("one", "six"))  # same size, written at once
    assert ["six", "two"] in tokens_of(load(file))
    assert len(builds) == 2


def test_an_untouched_file_is_not_even_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.time() - 1000
    os.utime(file, (long_ago, long_ago))
    load(file)
    monkeypatch.setattr(dataset, "sha256_of", None)  # would fail if called
    load(file)
    os.utime(file)  # a new time: the content must be looked at
    with pytest.raises(TypeError):
        load(file)


def test_a_copied_file_with_the_same_content_shares_the_corpus(file: Path, builds: list[int]) -> None:
    load(file)
    copy = file.with_name("copy.tsv")
    copy.write_bytes(file.read_bytes())
    load(copy)
    assert len(builds) == 1


@pytest.mark.parametrize("name", ["tokens.bin", "starts.bin", "types.txt", "meta.json"])
def test_a_damaged_corpus_is_made_again(file: Path, builds: list[int], name: str) -> None:
    before = tokens_of(load(file))
    (damaged,) = (file.parent / "cache").glob(f"*/{name}")
    damaged.write_bytes(damaged.read_bytes()[:-2])
    assert tokens_of(load(file)) == before
    assert len(builds) == 2


def test_a_failed_build_leaves_nothing_behind(file: Path) -> None:
    file.write_text("b\tone\nbroken\n")
    with pytest.raises(Exception, match="x.tsv:2"):
        load(file)
    assert [path.name for path in (file.parent / "cache").iterdir() if path.name != "digests"] == []


def test_two_runs_at_once_do_not_break_each_other(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from textrnn.data.reader import Source;"
        "from textrnn.data.tokenizer import Tokenizer; from textrnn.data.dataset import load_corpus;"
        "c = load_corpus(Source([sys.argv[1]]), Tokenizer('word'), max_length=9, cache_dir=Path(sys.argv[2]));"
        "print(len(c.texts), int(c.texts.lengths.sum()))"
    )
    file.write_text("".join(f"a\tword{n} and more\n" for n in range(20000)))
    command = [sys.executable, "-c", code, str(file), str(file.parent / "cache")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    results = [process.communicate() for process in processes]
    assert results == [("20000 60000\n", "")] * 3
    assert len(list((file.parent / "cache").glob("*/meta.json"))) == 1
    assert list((file.parent / "cache").glob(".building-*")) == []
