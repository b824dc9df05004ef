from __future__ import annotations

import numpy as np
import pytest

from textrnn.data import workers
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import TokenizedTexts
from textrnn.data.workers import tokenized_chunks


def flat(chunks: list[TokenizedTexts]) -> tuple[list[str], list[int]]:
    tokens = [chunk.types[number] for chunk in chunks for number in chunk.tokens]
    return tokens, np.concatenate([chunk.lengths for chunk in chunks]).tolist()


@pytest.mark.parametrize("kind", ["char", "jieba"])
def test_workers_give_the_same_tokens_in_the_same_order(kind: str) -> None:
    texts = [f"第{number}条新闻 about AC米兰 {number}" for number in range(4500)] + [""]
    tokenizer = Tokenizer(kind, user_dict="AC米兰 10000\n", lowercase=False)
    alone = flat(list(tokenized_chunks(texts, tokenizer, size=0, workers=1)))
    together = flat(list(tokenized_chunks(texts, tokenizer, size=0, workers=2)))
    assert together == alone
    assert alone[1][-1] == 0
    assert alone[0][-1] == "<unk>"


def test_an_error_while_reading_is_raised() -> None:
    def texts():
        yield "a"
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        list(tokenized_chunks(texts(), Tokenizer("char"), size=0, workers=2))


def test_chunks_of_long_texts_hold_fewer_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CHARACTERS_PER_CHUNK", 10)
    chunks = list(tokenized_chunks(["a b c d", "e f", "g h", "i", "j"], Tokenizer("char"), size=0))
    assert [len(chunk.lengths) for chunk in chunks] == [2, 3]
    assert flat(chunks)[0] == list("abcdefghij")
