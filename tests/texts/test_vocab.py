from __future__ import annotations

from pathlib import Path

import pytest

from textrnn.errors import CheckpointError
from textrnn.texts.vocab import PAD, UNK, Vocab, load_labels, save_labels, select_tokens


def test_tokens_are_sorted_by_frequency_then_code_points() -> None:
    counts = [("b", 2), ("a", 2), ("c", 5), ("rare", 1), ("<pad>", 9), ("<unk>", 9)]
    assert select_tokens(counts, min_count=2, max_size=10) == [("c", 5), ("a", 2), ("b", 2)]


def test_max_size_counts_pad_and_unk() -> None:
    kept = select_tokens([("a", 3), ("b", 2), ("c", 1)], min_count=1, max_size=4)
    assert len(Vocab(token for token, _ in kept)) == 4


def test_unknown_and_special_tokens_are_unk() -> None:
    vocab = Vocab(["x", "y"])
    assert vocab.ids(["y", "z", "<pad>", "<unk>", "x"]) == [3, UNK, UNK, UNK, 2]
    assert PAD not in vocab.ids(["<pad>"])


def test_a_vocabulary_can_be_saved_and_loaded(tmp_path: Path) -> None:
    vocab = Vocab(["中", "a'b", "\ufeff", "😀"])
    vocab.save(tmp_path / "v")
    assert Vocab.load(tmp_path / "v").tokens == vocab.tokens


@pytest.mark.parametrize("content", [b"", b"a\nb\n", b"<pad>\n<unk>\na\na\n", b"<pad>\n<unk>\n\xff\n"])
def test_a_damaged_vocabulary_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(CheckpointError, match="v: "):
        Vocab.load(tmp_path / "v")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_files_that_went_through_windows_give_the_same_names(tmp_path: Path, end: str, mark: str, last: bool) -> None:
    def write(names: list[str]) -> Path:
        path = tmp_path / "names.txt"
        path.write_bytes((mark + end.join(names) + end * last).encode())
        return path

    assert load_labels(write(["a", "b\u2028\x85 c", "体育"])) == ["a", "b\u2028\x85 c", "体育"]
    assert Vocab.load(write(["<pad>", "<unk>", "\ufeff", "x"])).tokens == ["<pad>", "<unk>", "\ufeff", "x"]


@pytest.mark.parametrize(
    "labels",
    [
        ["体育", "a b", "c\u2028d", "e\rf"],
        ["a\r", "b"],
        ["a", "b\r"],
        ["a\r", "b\r"],
        ["\ufeffa", "b"],
        ["\ufeffa\r", "\ufeff\ufeff\r"],
    ],
)
def test_labels_can_be_saved_and_loaded(tmp_path: Path, labels: list[str]) -> None:
    save_labels(tmp_path / "labels.txt", labels)
    assert load_labels(tmp_path / "labels.txt") == labels
