from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_rows, write_tsv
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.store import load_corpus
from textrnn.errors import DataError
from textrnn.reading.source import Source
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import Vocab


def load(path: Path, **options) -> Corpus:
    return load_corpus(Source([str(path)], **options), Tokenizer("word"), cache_dir=path.parent / "cache")


def ids(texts: EncodedTexts) -> list[list[int]]:
    assert texts.id_map is not None
    return [
        texts.id_map[texts.tokens[start : start + length]].tolist()
        for start, length in zip(texts.starts, texts.lengths, strict=True)
    ]


def test_from_texts_gives_the_same_corpus_as_a_file(tmp_path: Path) -> None:
    rows = [*make_rows(50), ("travel", ""), ("food", "soup  soup ")]
    labels, texts = zip(*rows, strict=True)
    of_file = load(write_tsv(tmp_path / "x.tsv", rows))
    in_memory = Corpus.from_texts(texts, labels, Tokenizer("word"))
    for name in ("tokens", "starts", "lengths", "label_ids", "hashes"):
        assert getattr(in_memory, name).dtype == getattr(of_file, name).dtype
        assert list(getattr(in_memory, name)) == list(getattr(of_file, name))
    assert in_memory.labels == of_file.labels == ["food", "sport", "travel"]
    assert list(in_memory.types()) == list(of_file.types())
    assert in_memory.type_count == of_file.type_count


def test_from_texts_without_labels() -> None:
    corpus = Corpus.from_texts(["a b", "", "b"], None, Tokenizer("word"))
    assert (corpus.label_ids, corpus.labels) == (None, [])
    encoded = corpus.encoded(Vocab(["b"]), None, max_length=9)
    assert ids(encoded) == [[1, 2], [1], [2]]
    assert encoded.labels is None


@pytest.mark.parametrize(
    ("labels", "reason"), [(["a"], "shorter"), (["a", ""], "expected a label, found none"), (["a", "b\nc"], "one line")]
)
def test_from_texts_checks_labels(labels: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Corpus.from_texts(["x", "y"], labels, Tokenizer("word"))


def test_encoded_needs_an_id_for_every_label() -> None:
    corpus = Corpus.from_texts(["x", "y"], ["a", "b"], Tokenizer("word"))
    assert np.asarray(corpus.encoded(Vocab([]), ["b", "a"], 9).labels).tolist() == [1, 0]
    with pytest.raises(KeyError, match="b"):
        corpus.encoded(Vocab([]), ["a"], 9)
    with pytest.raises(ValueError, match="without labels"):
        Corpus.from_texts(["x"], None, Tokenizer("word")).encoded(Vocab([]), ["a"], 9)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("x.txt", "one two\n\ntwo\ttwo\n", {}),
        ("x.txt.gz", "one two\n\ntwo\ttwo\n", {}),
        ("x", "one two\n\ntwo\ttwo\n", {"format": "text"}),
        ("x.csv", 'text,stars\none two,5\n"",3\n"two\ntwo",4\n', {}),
        ("x.csv", "5,one two\n3,\n4,two two\n", {"text_column": 1}),
        ("x.tsv", "one two\n\ntwo two\n", {"text_column": 0}),
        ("x.jsonl", '{"text": "one two"}\n\n{"text": "two two"}\n', {}),
        ("x.txt", "__label__a one two\n__label__b\ntwo two\n", {"format": "fasttext"}),
    ],
)
def test_unlabelled_files_are_read_and_encoded(tmp_path: Path, name: str, content: str, options: dict) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    corpus = load(path, labelled=False, **options)
    encoded = corpus.encoded(Vocab(["two"]), None, max_length=9)
    assert ids(encoded) == [[1, 2], [1], [2, 2]]
    assert (encoded.labels, corpus.labels) == (None, [])


def test_an_unlabelled_folder_is_read_and_encoded(tmp_path: Path) -> None:
    for name, text in {"docs/1.txt": "one\ntwo", "docs/deeper/2.txt": "two"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    corpus = load(tmp_path / "docs", labelled=False)
    assert ids(corpus.encoded(Vocab(["two"]), None, max_length=9)) == [[1, 2], [2]]


def test_bad_rows_of_unlabelled_files_are_errors_or_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "one"}\n{"body": "two"}\n')
    with pytest.raises(DataError, match=r"x.jsonl:2: no key 'text'.*--text-column .*--set data.bad_rows=skip"):
        load(path, labelled=False)
    corpus = load(path, labelled=False, skip_bad_rows=True)
    assert (len(corpus), corpus.skipped_count) == (1, 1)


def test_a_file_read_with_and_without_labels_makes_two_corpora(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "x.tsv", make_rows(6))
    corpora = [load(path, labelled=labelled) for labelled in (True, False, True)]
    assert [corpus.label_ids is not None for corpus in corpora] == [True, False, True]
    assert list(corpora[0].tokens) == list(corpora[1].tokens)


def test_the_text_format_cannot_be_labelled() -> None:
    with pytest.raises(ValueError, match="labelled=False"):
        Source(["x.txt"], format="text")
