from __future__ import annotations

import numpy as np
import pytest

from textrnn.explaining.explanations import token_contributions
from textrnn.texts.tokenizer import LocatedToken, Tokenizer


def shared(text: str, of_network: list[float], of_characters: list[float]) -> dict[int, float]:
    tokens = list(Tokenizer("char").located(text))
    return dict(enumerate(token_contributions(tokens, np.asarray(of_network), np.asarray(of_characters)).tolist()))


def test_a_token_has_its_embeddings_and_its_characters_contributions() -> None:
    assert shared("ab c", [10, 20], [1, 2, 0, 4]) == pytest.approx({0: 13, 1: 24})


def test_white_space_belongs_to_the_next_token_and_at_the_end_to_the_last() -> None:
    assert shared(" ab c ", [0, 0], [1, 0, 0, 2, 0, 4]) == pytest.approx({0: 1, 1: 6})


def test_tokens_of_one_character_share_it() -> None:
    assert shared("½,", [1, 2, 3, 4], [6, 5]) == pytest.approx({0: 3, 1: 4, 2: 5, 3: 9})


def test_tokens_beyond_what_the_network_reads_have_those_of_their_characters() -> None:
    assert shared("a b c", [1], [1, 0, 2, 0, 3]) == pytest.approx({0: 2, 1: 2, 2: 3})


def test_without_a_linear_model_or_tokens() -> None:
    assert shared("a b", [1, 2], []) == {0: 1, 1: 2}
    assert token_contributions([], np.asarray([0.0]), np.zeros(3)).tolist() == []
    assert token_contributions([LocatedToken("a", 0, 1)], np.asarray([5.0]), np.zeros(0)).tolist() == [5]
