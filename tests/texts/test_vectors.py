"""Pretrained vectors: text and binary, whole and cut, and the messages about files that do not fit."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TINY, Cli, sets
from textrnn.errors import DataError
from textrnn.texts.vectors import Vectors, read_vectors
from textrnn.texts.vocab import Vocab

pytestmark = pytest.mark.usefixtures("workplace")

TOKENS = ["goal", "soup", "naïve", "球", "map"]
DIM = 12
MATRIX = np.random.default_rng(1).normal(size=(len(TOKENS), DIM)).astype(np.float32)


def text(tokens: list[str] = TOKENS, header: bool = True) -> bytes:
    lines = [f"{len(tokens)} {DIM}"] * header
    lines += [f"{token} {' '.join(map(repr, row.tolist()))}" for token, row in zip(tokens, MATRIX, strict=True)]
    return "".join(f"{line}\n" for line in lines).encode()


def binary(tokens: list[str] = TOKENS, end: bytes = b"\n") -> bytes:
    rows = (token.encode() + b" " + row.tobytes() + end for token, row in zip(tokens, MATRIX, strict=True))
    return f"{len(tokens)} {DIM}\n".encode() + b"".join(rows)


LAYOUTS: dict[str, Callable[[], bytes]] = {
    "text": text,
    "text-without-a-first-line": lambda: text(header=False),
    "binary-with-line-feeds": binary,
    "binary-without-line-feeds": lambda: binary(end=b""),
}


def read(content: bytes, tokens: list[str] = TOKENS, dim: int | None = None) -> Vectors:
    Path("v").write_bytes(content)
    return read_vectors("v", Vocab(tokens), dim=dim)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_vectors(layout: str, packed: bool) -> None:
    content = LAYOUTS[layout]()
    matrix, warnings = read(gzip.compress(content) if packed else content, [*TOKENS[::-1], "unknown"])
    assert matrix.shape == (len(TOKENS) + 3, DIM) and warnings == []
    assert np.array_equal(matrix[2:7], MATRIX[::-1]) and np.isnan(matrix[[0, 1, 7]]).all()


def test_a_binary_file_may_have_line_feeds_inside_numbers_and_be_longer_than_a_block() -> None:
    count, dim = 3000, 100
    matrix = np.random.default_rng(2).normal(size=(count, dim)).astype(np.float32)
    matrix[:, 0] = np.frombuffer(b"\n \n ", np.float32)[0]
    tokens = [f"w{number}" for number in range(count)]
    for end in (b"", b"\n"):
        rows = (token.encode() + b" " + row.tobytes() + end for token, row in zip(tokens, matrix, strict=True))
        found = read(f"{count} {dim}\n".encode() + b"".join(rows), tokens)
        assert np.array_equal(found.matrix[2:], matrix) and found.warnings == []


@pytest.mark.parametrize("content", [text(), binary(), binary(end=b"")])
def test_a_size_that_differs_from_the_models_is_an_error(content: bytes) -> None:
    with pytest.raises(DataError, match=rf"^v.*: expected 7 numbers \(model.embedding_dim\) .* found {DIM}$"):
        read(content, dim=7)
    assert read(content, dim=DIM).matrix.shape[1] == DIM


@pytest.mark.parametrize("layout", ["text", "binary-with-line-feeds", "binary-without-line-feeds"])
@pytest.mark.parametrize("left_out", [20, 2 * 4 * DIM])
def test_a_file_that_is_cut_off_gets_one_warning_with_both_numbers(layout: str, left_out: int) -> None:
    content = LAYOUTS[layout]()
    cut = content[:-left_out] if layout != "text" else content.rpartition(b" -")[0].rpartition(b" ")[0]
    matrix, (warning,) = read(cut)
    count = int((~np.isnan(matrix[2:, 0])).sum())
    assert count < len(TOKENS) and f"announces 5 vectors, found {count}" in warning and "cut off" in warning


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gzip_file_that_is_cut_off_is_one_error(layout: str) -> None:
    with pytest.raises(DataError, match="the gzip data is damaged or truncated"):
        read(gzip.compress(LAYOUTS[layout]())[:-30])


@pytest.mark.parametrize("make", [text, binary])
def test_a_blank_token_is_skipped_and_counted(make: Callable[[list[str]], bytes]) -> None:
    found = read(make(["", *TOKENS[1:]]))
    assert found.warnings == ["v: 1 vector without a token skipped"]
    assert np.array_equal(found.matrix[3:], MATRIX[1:]) and np.isnan(found.matrix[2]).all()


def test_a_line_that_is_too_short_is_an_error_inside_a_file() -> None:
    lines = text().splitlines(keepends=True)
    with pytest.raises(DataError, match=f"^v:3: expected a token and {DIM} numbers, found 2 fields"):
        read(b"".join([*lines[:2], b"x 1\n", *lines[2:]]))


def test_a_binary_file_without_tokens_is_an_error() -> None:
    with pytest.raises(DataError, match="expected a token and a space"):
        read(b"5 12\n" + b"\x00\x01" * 100_000)


@pytest.mark.parametrize(
    ("vocabulary", "reason"),
    [
        (["GOAL", "SOUP", "NAÏVE", "MAP"], "differ from them in case only, such as"),
        (["体育", "财经", "教育", "科技", "时尚"], "the texts are mostly cjk, the tokens of the file latin"),
        (["maison", "soupe", "but", "jeu", "rue", "eau"], "tokenizer.kind"),
    ],
)
def test_few_tokens_with_a_vector_get_a_warning_with_the_reason(vocabulary: list[str], reason: str) -> None:
    (warning,) = read(text(), vocabulary).warnings
    count = sum(token in TOKENS for token in vocabulary)
    assert f"only {count} of {len(vocabulary)} tokens of the vocabulary have a vector: " in warning
    assert reason in warning


def test_a_fifth_of_the_vocabulary_is_enough() -> None:
    assert read(text(), [*TOKENS, *(f"w{number}" for number in range(20))]).warnings == []
    assert len(read(text(), [*TOKENS, *(f"w{number}" for number in range(21))]).warnings) == 1


def test_train_reads_binary_vectors_and_logs_warnings(cli: Cli, train_file: Path) -> None:
    options = ["--data", "train.tsv", *TINY, *sets("model.pretrained=v", f"model.embedding_dim={DIM}")]
    Path("v").write_bytes(binary())
    result = cli("train", *options, "--run-dir", "run")
    assert result.code == 0, result.err
    assert "pretrained vectors: 3 of " in result.err
    assert "warning: v: only 3 of " in result.err.replace(f"{Path.cwd()}/", "")


def test_a_model_of_fasttext_is_named_with_the_command_that_converts_it(cli: Cli, train_file: Path) -> None:
    Path("m.bin").write_bytes(b"\xba\x16\x4f\x2f\x0c\0\0\0" + bytes(range(256)) * 10)
    result = cli("train", "--data", "train.tsv", *TINY, *sets("model.pretrained=m.bin"))
    assert result.code == 1 and result.err.count("error: ") == 1
    assert "found a fastText model" in result.err and "fasttext.load_model" in result.err
    assert result.err.rstrip().endswith("m.bin > NEW.vec")
