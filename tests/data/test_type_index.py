"""Corpora whose distinct tokens do not fit in memory: bounds so small that a few lines exceed them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, make_rows, sets, write_tsv
from textrnn.data import scratch, type_index, workers
from textrnn.data.cache import load_corpus
from textrnn.data.corpus import Corpus
from textrnn.data.scratch import scratch_array
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.type_index import TypeIndex
from textrnn.data.vocab import Vocab
from textrnn.errors import TextRNNError


@pytest.fixture
def train_file(workplace: Path) -> Path:
    """Texts of common words and of ever new ones, some of which come back much later, in several scripts."""
    rng = random.Random(3)
    new = [f"{'wört' if number % 3 else '词'}{number}" for number in range(150)]
    rows = [
        (label, f"{text} {new[number]} {new[rng.randrange(number + 1)]} <unk> é{number % 7}")
        for number, (label, text) in enumerate(make_rows(150))
    ]
    return write_tsv(workplace / "train.tsv", rows)


def set_tiny_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three texts, 20 tokens numbered in memory."""
    monkeypatch.setattr(workers, "_TEXTS_PER_CHUNK", 3)
    monkeypatch.setattr(type_index, "TOKENS_IN_MEMORY", 20)


def load(file: Path, cache: str) -> Corpus:
    return load_corpus(Source([str(file)]), Tokenizer("whitespace"), cache_dir=file.parent / cache)


def types_of(corpus: Corpus) -> list[str]:
    return [token for block in corpus.types_in_blocks() for token in block]


def cache_files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*/*") if path.parent.name != "digests")


def test_late_tokens_give_the_same_corpus(train_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = load(train_file, "usual")
    set_tiny_bounds(monkeypatch)
    late = load(train_file, "late")

    types, late_types = types_of(usual), types_of(late)
    assert late.type_count == len(late_types) == len(set(late_types))
    assert sorted(late_types) == sorted(types)
    assert late_types != types  # numbered in another order, which nothing outside the corpus sees
    assert [late_types[number] for number in late.tokens] == [types[number] for number in usual.tokens]
    for name in ("starts", "lengths", "label_ids", "hashes"):
        assert list(getattr(late, name)) == list(getattr(usual, name))
    assert late.labels == usual.labels
    assert cache_files(train_file.parent / "late") == cache_files(train_file.parent / "usual")

    def ids(corpus: Corpus) -> list[int]:
        encoded = corpus.encoded(Vocab(sorted(types)[::2]), None, max_length=12)
        assert encoded.id_map is not None
        return encoded.id_map[encoded.tokens].tolist()

    assert ids(late) == ids(usual)


def test_late_tokens_give_the_same_vocabulary_and_weights(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = sets(
        "tokenizer.kind=whitespace", "vocab.min_count=1", "vocab.max_size=90", "model.hidden_size=4",
        "train.epochs=1", "model.embedding_dim=4",
    )  # fmt: skip

    def results(name: str) -> tuple[str, bytes, bytes, bytes]:
        chosen = [*options, *sets(f"data.cache_dir={name}")]
        counted = cli("vocab", "--data", "train.tsv", *chosen, "--output", f"{name}.tsv")
        trained = cli("train", "--data", "train.tsv", *chosen, "--run-dir", f"run-{name}")
        assert trained.code == 0, trained.err
        model = Path(f"run-{name}/model")
        files = (Path(f"{name}.tsv"), model / "model.safetensors", model / "vocab.txt")
        counts, weights, vocabulary = (file.read_bytes() for file in files)
        return counted.out, counts, weights, vocabulary

    usual = results("usual")
    set_tiny_bounds(monkeypatch)
    assert results("late") == usual


def test_a_token_first_seen_late_never_becomes_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type_index, "TOKENS_IN_MEMORY", 3)
    folder = tmp_path / "it's here"  # the quote must not end a name in SQL
    folder.mkdir()
    index = TypeIndex(folder)
    chunks = [["a", "b"], ["b", "c", "d"], ["c"], ["a", "d", "c"]]
    np.concatenate([index.numbers(chunk) for chunk in chunks]).astype("<i4").tofile(folder / "tokens.bin")
    with (folder / "types.txt").open("wb") as stream:
        assert index.finish(stream, folder / "tokens.bin") == 4
    types = (folder / "types.txt").read_text().split()
    tokens = [types[number] for number in np.fromfile(folder / "tokens.bin", "<i4")]
    assert tokens == [token for chunk in chunks for token in chunk]
    assert {path.name for path in folder.iterdir()} == {"types.txt", "tokens.bin"}


def test_without_a_folder_all_tokens_are_numbered_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type_index, "TOKENS_IN_MEMORY", 1)
    index = TypeIndex(None)
    assert [index.numbers(tokens).tolist() for tokens in (["a", "b"], ["c", "a"])] == [[0, 1], [2, 0]]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), type_index.sqlite3.OperationalError("disk is full")]
)
def test_a_failed_build_leaves_no_late_tokens(
    train_file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    set_tiny_bounds(monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr(TypeIndex, "finish", fail)
        with pytest.raises(TextRNNError, match=r"late: cannot write the cache: (No space left|disk is full)"):
            load(train_file, "late")
    assert [path.name for path in (train_file.parent / "late").iterdir()] == ["digests"]
    assert len(load(train_file, "late")) == 150


def test_a_killed_build_is_repeated(train_file: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from textrnn.data import type_index;"
        "from tests.data.test_type_index import load;"
        "type_index.TOKENS_IN_MEMORY = 20;"
        "type_index.TypeIndex.finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "load(Path('train.tsv'), 'late')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = [path.name for path in Path("late").iterdir() if path.name != "digests"]
    assert [name.startswith(".building-") for name in left] == [True]
    corpus = load(train_file, "late")
    assert len(types_of(corpus)) == corpus.type_count == len(set(types_of(corpus)))


def test_a_scratch_array_leaves_no_file(tmp_path: Path) -> None:
    array = scratch_array(400_000, np.int32, tmp_path)
    assert isinstance(array.base, np.memmap)
    assert not array.any()
    array[399_999] = 7
    assert array[399_999] == 7
    assert list(tmp_path.iterdir()) == []
    assert scratch_array(10, np.int32, None).base is None


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room in a file")
def test_a_full_disk_is_an_error_and_does_not_kill_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch.os, "posix_fallocate", full)
    with pytest.raises(TextRNNError, match="cannot write the cache: No space left on device; free some space"):
        scratch_array(400_000, np.int32, tmp_path)
