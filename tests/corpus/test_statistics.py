from __future__ import annotations

import numpy as np

from textrnn.corpus.statistics import unknown_shares
from textrnn.texts.transform import EncodedTexts


def test_the_share_of_unknown_tokens_is_of_each_text_alone() -> None:
    id_map = np.asarray([1, 5, 6], np.int32)  # 1 is <unk>
    texts = EncodedTexts(np.asarray([0, 1, 2, 2, 0, 0]), np.asarray([0, 4, 1]), np.asarray([4, 2, 2]), id_map=id_map)
    assert unknown_shares(texts).tolist() == [0.25, 1.0, 0.0]
    many = texts.rows(np.arange(3000) % 3)
    assert unknown_shares(many).tolist() == [0.25, 1.0, 0.0] * 1000
