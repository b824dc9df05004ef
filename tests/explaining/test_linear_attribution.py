"""What characters contribute to the margins of a linear model."""

from __future__ import annotations

import numpy as np
import pytest

from textrnn.explaining.linear_attribution import character_contributions
from textrnn.linear.model import Features, Folding, LinearModel
from textrnn.linear.ngrams import Kind, NgramVocabulary

FOLDING = Folding(lowercase=True, normalize=True)
TEXTS = [
    "the cat  sat on the mat",
    "ﬁne ﬁsh, İstanbul! the fish",
    "ＡＢＣ 好的　吗 cafe\u0301",
    "",
    "  ",
    "x",
    "the the",
]
NEW = [*TEXTS, "the fish sat quux 好", "unseen", "½ a"]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "kinds",
    [
        [Kind("words", 1, 2)], [Kind("words", 1, 2), Kind("within_words", 2, 5)], [Kind("characters", 1, 3)],
        [Kind("characters", 2, 2)], [Kind("within_words", 1, 2)],
        [Kind("words", 1, 2), Kind("words", 1, 2, "lsa"), Kind("words", 1, 2, "ppmi")],
    ],
    ids=str,
)  # fmt: skip
def test_contributions_add_up_to_the_difference_of_the_margins(kinds: list[Kind], classes: int) -> None:
    random = np.random.default_rng(0)
    features = [Features.fit(kind, [FOLDING(text) for text in TEXTS])[0] for kind in kinds]
    shape = (sum(len(each.vocabulary) for each in features), 1 if classes == 2 else classes)
    weight, bias = random.normal(size=shape).astype(np.float32), random.normal(size=shape[1]).astype(np.float32)
    model = LinearModel(FOLDING, features, weight, bias)
    slopes = random.normal(size=(len(NEW), classes))
    found = character_contributions(model, NEW, slopes)
    assert [len(each) for each in found] == [len(text) for text in NEW]
    expected = (slopes * (model.margins(NEW) - model.margins([""]))).sum(axis=1)
    assert np.allclose([each.sum() for each in found], expected, atol=1e-5)


def bigram(first: str, second: str) -> NgramVocabulary:
    """A single n-gram: the first symbol, then the second."""
    return NgramVocabulary([first, second], [np.asarray([1])], shortest=2)


# (kind, vocabulary, weight of each n-gram, text, contribution of each character); a single feature has the value 1
DIVISIONS = {
    "a bigram is divided between its words, and not what lies between": (
        Kind("words", 2, 2), bigram("ab", "cdef"), [8.0], "ＡB, cdef x", [2, 2, 0, 0, 1, 1, 1, 1, 0, 0],
    ),
    "a word that occurs twice": (
        Kind("words", 1, 1), NgramVocabulary(["ab"], []), [8.0], "ab x ab", [2, 2, 0, 0, 0, 2, 2],
    ),
    "spaces beside letters": (Kind("characters", 2, 2), bigram(" ", "a"), [8.0], "b  a", [0, 0, 0, 8]),
    "spaces alone": (Kind("characters", 1, 1), NgramVocabulary([" ", "a"], []), [8.0, 0.0], "b  b", [0, 8, 0, 0]),
    "the ends of words count for their letters": (
        Kind("within_words", 2, 2), bigram(" ", "a"), [8.0], "ba ab", [0, 0, 0, 8, 0],
    ),
    "a character that became several": (Kind("words", 1, 1), NgramVocabulary(["fin"], []), [9.0], "ﬁn", [6, 3]),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "vocabulary", "weight", "text", "expected"), DIVISIONS.values(), ids=DIVISIONS)
def test_an_ngram_is_divided_among_characters(
    kind: Kind, vocabulary: NgramVocabulary, weight: list[float], text: str, expected: list[float]
) -> None:
    features = Features(kind, vocabulary, np.ones(len(vocabulary), np.float32))
    model = LinearModel(FOLDING, [features], np.asarray(weight, np.float32)[:, None], np.zeros(1, np.float32))
    # to the margin of the second of two classes, less that of the first
    (values,) = character_contributions(model, [text], np.asarray([[-1.0, 1.0]]))
    assert values.tolist() == pytest.approx(expected)
