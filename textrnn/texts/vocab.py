"""The tokens and labels of a model <-> ids."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from pathlib import Path

from textrnn.errors import CheckpointError
from textrnn.runtime.files import write_text

PAD, UNK = 0, 1
PAD_TOKEN, UNK_TOKEN = "<pad>", "<unk>"
_MARK = "\ufeff"  # the byte order mark


class Vocab:
    """Token <-> id, the most frequent first; PAD = 0 and UNK = 1. A literal `<pad>` in a text becomes UNK."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = [PAD_TOKEN, UNK_TOKEN, *tokens]
        self._ids = {token: number for number, token in enumerate(self.tokens) if number > UNK}

    def __len__(self) -> int:
        return len(self.tokens)

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token, UNK for unknown ones."""
        return [self._ids.get(token, UNK) for token in tokens]

    def save(self, path: Path) -> None:
        """Write one token per line, in the order of ids; tokens contain no white space."""
        write_text(path, "".join(f"{token}\n" for token in self.tokens))

    @classmethod
    def load(cls, path: Path) -> Vocab:
        """Raises CheckpointError if the file is missing or damaged."""
        tokens = read_name_lines(path)
        if tokens[:2] != [PAD_TOKEN, UNK_TOKEN] or len(set(tokens)) != len(tokens):
            raise CheckpointError(
                f"{path}: not a textrnn vocabulary: expected {PAD_TOKEN}, {UNK_TOKEN} and then different tokens"
            )
        return cls(tokens[2:])


def select_tokens(counts: Iterable[tuple[str, int]], *, min_count: int, max_size: int) -> list[tuple[str, int]]:
    """The tokens that a vocabulary keeps, the most frequent first, equally frequent ones by code points.

    max_size: entries of the vocabulary, including <pad> and <unk>, that is, rows of the embedding.
    """
    kept = (pair for pair in counts if pair[1] >= min_count and pair[0] not in (PAD_TOKEN, UNK_TOKEN))
    return heapq.nsmallest(max_size - 2, kept, key=lambda pair: (-pair[1], pair[0]))


def save_labels(path: Path, labels: Sequence[str]) -> None:
    """Write one label per line, in the order of ids, so that `load_labels` returns the same labels."""
    end = "\r\n" if all(label.endswith("\r") for label in labels) else "\n"
    mark = _MARK if labels[0].startswith(_MARK) else ""
    write_text(path, mark + "".join(f"{label}{end}" for label in labels))


def load_labels(path: Path) -> list[str]:
    """The labels of a model in the order of their ids. Raises CheckpointError if the file is missing or damaged."""
    labels = read_name_lines(path)
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise CheckpointError(f"{path}: expected two or more different labels, one per line")
    return labels


def read_name_lines(path: Path) -> list[str]:
    """The lines, split at line feeds only. A byte order mark, and carriage returns if every line ends in one, are
    removed: editors and git add them on Windows. Raises CheckpointError if the file is missing or not UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8").removeprefix(_MARK)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: damaged: not valid UTF-8 at byte {error.start + 1}") from None
    if text.count("\r\n") == text.count("\n"):
        text = text.replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n")
