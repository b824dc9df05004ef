from __future__ import annotations

import numpy as np
import pytest

from textrnn.data import workers
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.workers import Chunk, tokenized_chunks


def flat(chunks: list[Chunk]) -> tuple[list[str], list[int], list[int]]:
    tokens = [chunk.types[number] for chunk in chunks for number in chunk.tokens]
    lengths = np.concatenate([chunk.lengths for chunk in chunks])
    full = np.concatenate([chunk.full_lengths for chunk in chunks])
    return tokens, lengths.tolist(), full.tolist()


@pytest.mark.parametrize("kind", ["char", "jieba"])
def test_workers_give_the_same_tokens_in_the_same_order(kind: str) -> None:
    texts = [f"第{number}条新闻 about AC米兰 {number}" for number in range(4500)] + [""]
    tokenizer = Tokenizer(kind, user_dict="AC米兰 10000\n", lowercase=False)
    alone = flat(list(tokenized_chunks(texts, tokenizer, 6, size=0, workers=1)))
    together = flat(list(tokenized_chunks(texts, tokenizer, 6, size=0, workers=2)))
    assert together == alone
    assert alone[1][-1] == 1
    assert alone[2][-1] == 0


def test_what_reading_raises_comes_through() -> None:
    def texts():
        yield "a"
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        list(tokenized_chunks(texts(), Tokenizer("char"), 6, size=0, workers=2))


def test_a_chunk_of_long_texts_ends_before_it_has_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHARACTERS_PER_CHUNK", 10)
    chunks = list(tokenized_chunks(["a b c d", "e f", "g h", "i", "j"], Tokenizer("char"), 9, size=0))
    assert [len(chunk.lengths) for chunk in chunks] == [2, 3]
    assert flat(chunks)[0] == list("abcdefghij")
