from __future__ import annotations

import numpy as np

from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import EncodedTexts, Transform
from textrnn.data.vocab import UNK, Vocab


def test_texts_become_ids_cut_at_the_limit_and_never_empty() -> None:
    transform = Transform(Tokenizer("word"), Vocab(["a", "b"]), max_length=3)
    encoded = transform.encode(["a b c", "", "b b b b"])
    assert encoded.tokens.tolist() == [2, 3, UNK, UNK, 3, 3, 3]
    assert encoded.starts.tolist() == [0, 3, 4]
    assert encoded.lengths.tolist() == [3, 1, 3]
    assert transform.cut_texts == 1


def test_rows_share_the_tokens_and_blocks_cover_just_them() -> None:
    texts = EncodedTexts(np.arange(10), np.array([0, 4, 9]), np.array([4, 5, 1]), np.array([0, 1, 2]))
    some = texts.rows(np.array([2, 0]))
    assert some.tokens is texts.tokens
    assert some.labels is not None
    assert some.labels.tolist() == [2, 0]
    assert [block.tolist() for block in some.flat_blocks(1)] == [[9], [0, 1, 2, 3]]
    assert np.concatenate(list(texts.flat_blocks())).tolist() == list(range(10))
