"""Pretrained word vectors in the text format of word2vec."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from textrnn.data.records import strip_line_end
from textrnn.data.vocab import UNK, Vocab
from textrnn.errors import DataError, short
from textrnn.runtime.decoding import read_lines
from textrnn.runtime.files import open_binary


def read_vectors(path: Path | str, vocab: Vocab, *, dim: int | None = None) -> np.ndarray:
    """(len(vocab), dim) float32, with a row of NaN for each token that is not in the file.

    path: an optional first line `count dim`, then lines of `token v1 ... v_dim`; plain or gzip. Only the vectors of
    tokens in `vocab` are kept in memory.

    Raises: DataError `file:line` for a malformed line, or if the vectors do not have `dim` numbers.
    """
    wanted = {token: number for number, token in enumerate(vocab.tokens) if number > UNK}
    matrix: np.ndarray | None = None
    with open_binary(path) as stream:
        for number, line in enumerate(read_lines(stream, "utf-8", str(path)), start=1):
            fields = strip_line_end(line).rstrip(" ").split(" ")
            if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
                continue
            if matrix is None:
                found = len(fields) - 1
                if found < 1 or (dim is not None and found != dim):
                    expected = "numbers" if dim is None else f"{dim} numbers (model.embedding_dim)"
                    raise DataError(f"{path}:{number}: expected {expected} after the token, found {max(found, 0)}")
                dim = found
                matrix = np.full((len(vocab), dim), np.nan, dtype=np.float32)
            token = " ".join(fields[: len(fields) - matrix.shape[1]])
            if not token:
                raise DataError(f"{path}:{number}: expected a token and {dim} numbers, found {len(fields)} fields")
            row = wanted.get(token)
            if row is not None and np.isnan(matrix[row, 0]):  # the first of several equal tokens counts
                try:
                    matrix[row] = np.asarray(fields[-matrix.shape[1] :], dtype=np.float32)
                except ValueError:
                    raise DataError(f"{path}:{number}: expected {dim} numbers after the token {short(token)}") from None
                if not np.isfinite(matrix[row]).all():
                    raise DataError(f"{path}:{number}: the vector of {short(token)} has a number that is not finite")
    if matrix is None:
        raise DataError(f"{path}: found no vectors; expected the word2vec text format, lines of `token v1 v2 ...`")
    return matrix


def coverage(matrix: np.ndarray, counts: list[tuple[str, int]]) -> str:
    """How many tokens of the vocabulary have a vector, for the log. counts: of its tokens, without <pad> and <unk>."""
    found = ~np.isnan(matrix[UNK + 1 :, 0])
    weights = np.asarray([count for _, count in counts], dtype=np.int64)
    return (
        f"pretrained vectors: {int(found.sum()):,} of {len(found):,} tokens "
        f"({100 * float(weights[found].sum()) / max(int(weights.sum()), 1):.2f} % of occurrences); the rest are random"
    )
