from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from textrnn.texts.targets import Targets
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import EncodedTexts, Transform, cut_lengths, text_starts, tokenize
from textrnn.texts.vocab import UNK, Vocab


def test_tokenize_numbers_distinct_tokens() -> None:
    tokenized = tokenize(["a b a", "", "b c"], Tokenizer("word"))
    assert tokenized.types == ["a", "b", "<unk>", "c"]
    assert tokenized.tokens.tolist() == [0, 1, 0, 2, 1, 3]
    assert tokenized.lengths.tolist() == [3, 0, 2]
    assert text_starts(tokenized.lengths).tolist() == [0, 3, 4]
    assert cut_lengths(tokenized.lengths, 2).tolist() == [2, 1, 2]
    assert cut_lengths(tokenized.lengths, 10**12).tolist() == [3, 1, 2]


def ids(texts: EncodedTexts) -> list[list[int]]:
    assert texts.id_map is not None
    return [
        texts.id_map[texts.tokens[start : start + length]].tolist()
        for start, length in zip(texts.starts, texts.lengths, strict=True)
    ]


def test_encode_cuts_texts_and_makes_none_empty() -> None:
    transform = Transform(Tokenizer("word"), Vocab(["a", "b"]), max_length=3)
    assert ids(transform.encode(["a b c", "", "b b b b"])) == [[2, 3, UNK], [UNK], [3, 3, 3]]
    assert transform.cut_texts == 1


def test_encode_does_not_read_far_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def tokens(self: Tokenizer, text: str) -> Iterator[str]:
        for token in text.split():
            read.append(token)
            yield token

    monkeypatch.setattr(Tokenizer, "tokens", tokens)
    Transform(Tokenizer("word"), Vocab([]), max_length=3).encode(["a " * 1000])
    assert len(read) == 4  # the fourth shows that the text is cut


def test_rows_share_tokens_and_flat_blocks_cover_only_these_rows() -> None:
    texts = EncodedTexts(np.arange(10), np.array([0, 4, 9]), np.array([4, 5, 1]), Targets(np.array([0, 1, 2])))
    chosen = texts.rows(np.array([2, 0]))
    assert chosen.tokens is texts.tokens
    assert chosen.labels is not None and chosen.labels.tolist() == [2, 0]
    assert [block.tolist() for block in chosen.flat_blocks(1)] == [[9], [0, 1, 2, 3]]
    assert np.concatenate(list(texts.flat_blocks())).tolist() == list(range(10))
