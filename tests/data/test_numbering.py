"""Corpora whose distinct tokens do not fit in memory: bounds so small that a few lines go over them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, make_rows, write_tsv
from textrnn.data import numbering, scratch, workers
from textrnn.data.cache import load_corpus
from textrnn.data.corpus import Corpus
from textrnn.data.numbering import Numbering
from textrnn.data.scratch import scratch_array
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.vocab import Vocab
from textrnn.errors import TextRNNError


@pytest.fixture
def tiny_bounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Chunks of three texts, 20 tokens numbered in memory; an item for each part of the late tokens."""
    monkeypatch.setattr(workers, "_TEXTS_PER_CHUNK", 3)
    monkeypatch.setattr(numbering, "TOKENS_IN_MEMORY", 20)
    monkeypatch.setattr(numbering, "PART_BYTES", 40)
    monkeypatch.setattr(numbering, "MOST_PARTS", 7)
    monkeypatch.setattr(numbering, "_LINES_AT_ONCE", 11)
    monkeypatch.setattr(numbering, "_TOKENS_AT_ONCE", 13)
    monkeypatch.setattr(scratch, "IN_MEMORY_BYTES", 0)
    parts: list[int] = []
    original = Numbering._parts

    def counted(self: Numbering):
        for tokens, rows in original(self):
            parts.append(len(tokens))
            yield tokens, rows

    monkeypatch.setattr(Numbering, "_parts", counted)
    return parts


@pytest.fixture
def rows() -> list[tuple[str, str]]:
    """Texts of common words and of ever new ones, some of which come back much later, in several scripts."""
    rng = random.Random(3)
    new = [f"{'wört' if number % 3 else '词'}{number}" for number in range(150)]
    return [
        (f"{label} ", f"{text} {new[number]} {new[rng.randrange(number + 1)]} <unk> é{number % 7}")
        for number, (label, text) in enumerate(make_rows(150))
    ]


def load(folder: Path, name: str) -> Corpus:
    source = Source([str(folder / "train.tsv")])
    return load_corpus(source, Tokenizer("whitespace"), cache_dir=folder / name)


def types_of(corpus: Corpus) -> list[str]:
    return [token for block in corpus.types_in_blocks() for token in block]


def test_late_tokens_give_the_same_corpus(
    workplace: Path, rows: list[tuple[str, str]], request: pytest.FixtureRequest
) -> None:
    write_tsv(workplace / "train.tsv", rows)
    usual = load(workplace, "usual")
    parts = request.getfixturevalue("tiny_bounds")
    late = load(workplace, "late")
    assert len(parts) == 7
    assert sum(parts) > 150

    types, late_types = types_of(usual), types_of(late)
    assert late.type_count == len(late_types) == len(set(late_types))
    assert sorted(late_types) == sorted(types)
    assert late_types != types  # numbered in another order, which nothing but the folder itself sees
    assert [late_types[number] for number in late.tokens] == [types[number] for number in usual.tokens]
    for name in ("starts", "lengths", "label_ids", "hashes"):
        assert list(getattr(late, name)) == list(getattr(usual, name))
    assert late.labels == usual.labels

    vocab, labels = Vocab(sorted(types)[::2]), {label: number for number, label in enumerate(sorted(usual.labels))}
    encoded, late_encoded = usual.encoded(vocab, labels, 12), late.encoded(vocab, labels, 12)
    assert encoded.id_map is not None
    assert late_encoded.id_map is not None
    assert list(late_encoded.id_map[late_encoded.tokens]) == list(encoded.id_map[encoded.tokens])
    assert sorted(path.name for path in late_files(workplace / "late")) == sorted(
        path.name for path in late_files(workplace / "usual")
    )


def late_files(cache: Path) -> list[Path]:
    (folder,) = (path for path in cache.iterdir() if path.name != "digests")
    return list(folder.iterdir())


def test_late_tokens_give_the_same_vocabulary_and_the_same_weights(
    cli: Cli, workplace: Path, rows: list[tuple[str, str]], request: pytest.FixtureRequest
) -> None:
    write_tsv(workplace / "train.tsv", rows)
    options = ["tokenizer.kind=whitespace", "vocab.min_count=1", "vocab.max_size=90", "model.hidden_size=4"]
    options += ["train.epochs=1", "model.embedding_dim=4"]

    def results(name: str) -> tuple[str, str, bytes, bytes]:
        chosen = [part for option in [*options, f"data.cache_dir={name}"] for part in ("--set", option)]
        counted = cli("vocab", "--data", "train.tsv", *chosen, "--output", f"{name}.tsv")
        trained = cli("train", "--data", "train.tsv", *chosen, "--run-dir", f"run-{name}")
        assert trained.code == 0, trained.err
        model = workplace / f"run-{name}" / "model"
        weights, vocabulary = (model / file for file in ("model.safetensors", "vocab.txt"))
        return counted.out, (workplace / f"{name}.tsv").read_text(), weights.read_bytes(), vocabulary.read_bytes()

    usual = results("usual")
    parts = request.getfixturevalue("tiny_bounds")
    assert results("late") == usual
    assert len(parts) == 7


def test_a_token_that_came_late_stays_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "TOKENS_IN_MEMORY", 3)
    numbered = Numbering(tmp_path)
    chunks = [["a", "b"], ["b", "c", "d"], ["c"], ["a", "d", "c"]]
    np.concatenate([numbered.numbers(chunk) for chunk in chunks]).astype("<i4").tofile(tmp_path / "tokens.bin")
    assert numbered.finish(tmp_path / "types.txt", tmp_path / "tokens.bin") == 4
    types = (tmp_path / "types.txt").read_text().split()
    tokens = [types[number] for number in np.fromfile(tmp_path / "tokens.bin", "<i4")]
    assert tokens == [token for chunk in chunks for token in chunk]
    assert {path.name for path in tmp_path.iterdir()} == {"types.txt", "tokens.bin"}


def test_a_build_that_fails_while_tokens_are_numbered_leaves_nothing(
    workplace: Path, rows: list[tuple[str, str]], tiny_bounds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tsv(workplace / "train.tsv", rows)

    def full(*_) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(numbering, "_renumber", full)
        with pytest.raises(TextRNNError, match=r"late: cannot write the cache: No space left"):
            load(workplace, "late")
    assert [path.name for path in (workplace / "late").iterdir()] == ["digests"]
    assert len(load(workplace, "late")) == 150


def test_a_build_that_is_killed_while_tokens_are_numbered_is_done_again(
    workplace: Path, rows: list[tuple[str, str]]
) -> None:
    write_tsv(workplace / "train.tsv", rows)
    code = (
        "import os, signal; from pathlib import Path; from textrnn.data import numbering;"
        "from tests.data.test_numbering import load;"
        "numbering.TOKENS_IN_MEMORY = 20; numbering._renumber = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "load(Path(), 'late')"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = [path.name for path in (workplace / "late").iterdir() if path.name != "digests"]
    assert [name.startswith(".building-") for name in left] == [True]
    corpus = load(workplace, "late")
    assert len(types_of(corpus)) == corpus.type_count == len(set(types_of(corpus)))


def test_an_array_too_large_for_memory_is_mapped_and_leaves_no_file(tmp_path: Path) -> None:
    array = scratch_array(400_000, np.int32, tmp_path)
    assert isinstance(array.base, np.memmap)
    assert not array.any()
    array[399_999] = 7
    assert array[399_999] == 7
    assert list(tmp_path.iterdir()) == []
    assert scratch_array(10, np.int32, tmp_path).base is None


@pytest.mark.skipif(not hasattr(scratch.os, "posix_fallocate"), reason="the system cannot reserve room in a file")
def test_a_full_disk_is_an_error_and_not_a_killed_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch.os, "posix_fallocate", full)
    with pytest.raises(TextRNNError, match="cannot write the cache: No space left on device; free some space"):
        scratch_array(400_000, np.int32, tmp_path)
