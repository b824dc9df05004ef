from __future__ import annotations

import numpy as np
import pytest

from textrnn.explaining.explanations import token_contributions
from textrnn.texts.tokenizer import Tokenizer


@pytest.mark.parametrize(
    ("text", "embeddings", "characters", "expected"),
    [
        ("ab c", [10, 20], [1, 2, 0, 4], [13, 24]),
        (" ab c ", [0, 0], [1, 0, 0, 2, 0, 4], [1, 6]),  # white space: to the next token, at the end to the last
        ("½,", [1, 2, 3, 4], [6, 5], [3, 4, 5, 9]),  # the three tokens of one character share it
        ("a b c", [1], [1, 0, 2, 0, 3], [2, 2, 3]),  # beyond what the networks read
        ("a b", [1, 2], [], [1, 2]),  # without a linear model
        ("   ", [0], [0, 0, 0], []),
    ],
)
def test_a_token_gets_the_contributions_of_its_embeddings_and_its_characters(
    text: str, embeddings: list[float], characters: list[float], expected: list[float]
) -> None:
    tokens = list(Tokenizer("char").located(text))
    values = token_contributions(tokens, np.array(embeddings, float), np.array(characters, float))
    assert values.tolist() == pytest.approx(expected)
