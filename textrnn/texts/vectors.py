"""Pretrained word vectors in word2vec's text and binary formats."""

from __future__ import annotations

import codecs
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.errors import DataError, short
from textrnn.reading.decoding import read_lines, strip_line_end
from textrnn.runtime.files import damaged_gzip_as_error, open_binary
from textrnn.runtime.terminal import count_of
from textrnn.texts.vocab import UNK, Vocab

_FASTTEXT_MAGIC = b"\xba\x16\x4f\x2f"  # 793712314, the first four bytes of a fastText model
_HEADER = re.compile(rb"(\d{1,12}) (\d{1,6})\s*")
_NOT_IN_TEXT = bytes([*range(9), *range(14, 32)])
_CHUNK_BYTES, _LONGEST_TOKEN = 1 << 20, 1 << 16  # bytes
_ENOUGH_KNOWN = 0.2  # share of the vocabulary with a vector; below it, something is likely wrong
_TOKENS_COMPARED = 10_000  # tokens of the file from which the reason is guessed
Row = tuple[str, str, Any]  # place, token, and its numbers, perhaps as text


class Vectors(NamedTuple):
    """matrix (len(vocab), dim) float32: a row of NaN for each token that is not in the file. warnings: sentences."""

    matrix: np.ndarray
    warnings: list[str]


def read_vectors(path: Path | str, vocab: Vocab, *, dim: int | None = None) -> Vectors:
    """The vectors of the tokens in `vocab`; only these are kept in memory.

    path: a text file with an optional first line `count dim` and lines of `token v1 ... v_dim`; or a binary file with
    the same first line and, for each token, its bytes, a space, dim float32 and perhaps a line feed; plain or gzip.

    Raises: DataError `file:line` for a malformed line, or if the vectors do not have `dim` numbers; DataError for a
    fastText model.
    """
    path = str(path)
    with open_binary(path) as stream, damaged_gzip_as_error(path):
        header, is_binary = _header(stream, path)
        if header and is_binary:
            rows = _binary_rows(stream, path, *header, dim)
        else:
            rows = _text_rows(stream, path, dim, has_header=header is not None)
        return _collect(rows, path, vocab, header and header[0])


def _header(stream: BufferedIOBase, path: str) -> tuple[tuple[int, int] | None, bool]:
    """The number and size of the vectors that the first line announces, or None, and whether binary vectors follow it.
    Leaves the stream at its beginning."""
    if not stream.seekable():
        return None, False
    first, sample = stream.readline(_LONGEST_TOKEN), stream.read(_LONGEST_TOKEN)
    stream.seek(0)
    if first.startswith(_FASTTEXT_MAGIC):
        convert = "import fasttext, sys; m = fasttext.load_model(sys.argv[1]); [print(w, *m[w]) for w in m.words]"
        raise DataError(
            f"{path}: expected word vectors, found a fastText model: write its vectors as text with "
            f'python3 -c "{convert}" {shlex.quote(path)} > NEW.vec'
        )
    match = _HEADER.fullmatch(first)
    return (int(match[1]), int(match[2])) if match else None, not _is_text(sample)


def _is_text(sample: bytes) -> bool:
    """Whether the bytes, perhaps cut at the end, are text: floats are not valid UTF-8 or contain control characters."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return sample.translate(None, _NOT_IN_TEXT) == sample


def _text_rows(stream: BufferedIOBase, path: str, dim: int | None, *, has_header: bool) -> Iterator[Row]:
    size = None
    for number, line in enumerate(read_lines(stream, "utf-8", path), start=1):
        if number == 1 and has_header:
            continue
        fields = strip_line_end(line).rstrip(" ").split(" ")
        if size is None:
            size = len(fields) - 1
            if size < 1 or (dim is not None and size != dim):
                raise _wrong_size(f"{path}:{number}", dim, size)
        if len(fields) > size:
            yield f"{path}:{number}", " ".join(fields[:-size]), fields[-size:]
        elif has_header and not line.endswith("\n"):
            return  # a line cut off, as the number of vectors will show
        else:
            raise DataError(f"{path}:{number}: expected a token and {size} numbers, found {len(fields)} fields")


def _binary_rows(stream: BufferedIOBase, path: str, count: int, size: int, dim: int | None) -> Iterator[Row]:
    """As many rows as announced, or fewer if the file ends earlier."""
    if dim is not None and size != dim:
        raise _wrong_size(path, dim, size)
    stream.readline()
    pending, begin = b"", 0
    for number in range(1, count + 1):
        while (space := pending.find(b" ", begin)) < 0 or len(pending) < space + 1 + 4 * size:
            if space < 0 and len(pending) - begin > _LONGEST_TOKEN:
                raise DataError(f"{path}: vector {number:,}: expected a token and a space: the file is damaged")
            chunk = stream.read(_CHUNK_BYTES)
            if not chunk:
                return
            pending, begin = pending[begin:] + chunk, 0
        token = pending[begin:space].lstrip(b"\n").decode("utf-8", "replace")
        begin = space + 1 + 4 * size
        yield f"{path}: vector {number:,}", token, np.frombuffer(pending[space + 1 : begin], "<f4")


def _wrong_size(place: str, dim: int | None, size: int) -> DataError:
    expected = "numbers" if dim is None else f"{dim} numbers (model.embedding_dim)"
    return DataError(f"{place}: expected {expected} after the token, found {size}")


def _collect(rows: Iterator[Row], path: str, vocab: Vocab, announced: int | None) -> Vectors:
    token_rows = {token: row for row, token in enumerate(vocab.tokens) if row > UNK}
    matrix: np.ndarray | None = None
    count = blank = 0
    compared: list[str] = []
    for place, token, values in rows:
        if matrix is None:
            matrix = np.full((len(vocab), len(values)), np.nan, dtype=np.float32)
        count += 1
        blank += not token.strip()
        if len(compared) < _TOKENS_COMPARED:
            compared.append(token)
        row = token_rows.get(token)
        if row is not None and np.isnan(matrix[row, 0]):  # only the first of equal tokens counts
            try:
                matrix[row] = np.asarray(values, dtype=np.float32)
            except ValueError:
                raise DataError(f"{place}: expected {len(values)} numbers after the token {short(token)}") from None
            if not np.isfinite(matrix[row]).all():
                raise DataError(f"{place}: the vector of {short(token)} has a number that is not finite")
    if matrix is None:
        raise DataError(
            f"{path}: found no vectors; expected the word2vec format, lines of `token v1 v2 ...`, or binary"
        )
    warnings = []
    if blank:
        warnings.append(f"{path}: {count_of(blank, 'vector')} without a token skipped")
    if announced is not None and announced != count:
        reason = "the file may be cut off" if count < announced else "the first line may belong to another file"
        warnings.append(f"{path}: the first line announces {announced:,} vectors, found {count:,}: {reason}")
    known, total = int(_have_vectors(matrix).sum()), len(token_rows)
    if known < _ENOUGH_KNOWN * total:
        reason = _reason_for_few(list(token_rows), compared)
        warnings.append(f"{path}: only {known:,} of {total:,} tokens of the vocabulary have a vector: {reason}")
    return Vectors(matrix, warnings)


def _reason_for_few(vocabulary: list[str], tokens: list[str]) -> str:
    """The likely reason why few tokens of a file are in the vocabulary."""
    known, in_any_case = set(vocabulary), {token.casefold() for token in vocabulary}
    alike = [token for token in tokens if token.casefold() in in_any_case and token not in known]
    if len(alike) >= _ENOUGH_KNOWN * len(vocabulary):
        return f"{len(alike):,} tokens of the file differ from them in case only, such as {short(alike[0])}"
    texts_script, file_script = _script(vocabulary), _script(tokens)
    if texts_script != file_script:
        return f"the texts are mostly {texts_script}, the tokens of the file {file_script}: its language may differ"
    return "its language may differ, or its words were split differently (tokenizer.kind)"


def _script(tokens: list[str]) -> str:
    """The script of most letters, such as `latin` or `cjk`."""
    letters = (character for token in tokens for character in token if character.isalpha())
    names = Counter(unicodedata.name(letter, "?").split()[0].lower() for letter in letters)
    return names.most_common(1)[0][0] if names else "without letters"


def coverage(matrix: np.ndarray, counts: list[tuple[str, int]]) -> str:
    """A log line: the share of the vocabulary with a vector. counts: (token, count), without <pad> and <unk>."""
    known = _have_vectors(matrix)
    weights = np.asarray([count for _, count in counts], dtype=np.int64)
    return (
        f"pretrained vectors: {int(known.sum()):,} of {len(known):,} tokens "
        f"({100 * float(weights[known].sum()) / max(int(weights.sum()), 1):.2f} % of occurrences); the rest are random"
    )


def _have_vectors(matrix: np.ndarray) -> np.ndarray:
    return ~np.isnan(matrix[UNK + 1 :, 0])
