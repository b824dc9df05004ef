"""What characters contribute to the margins of a linear model."""

from __future__ import annotations

import numpy as np
import pytest

from textrnn.explaining.linear_attribution import character_contributions
from textrnn.linear.model import Features, Folding, Kind, LinearModel, NgramVocabulary

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


def model_of(kind: Kind, vocabulary: NgramVocabulary, weight: list[float]) -> LinearModel:
    features = Features(kind, vocabulary, np.ones(len(vocabulary), np.float32))
    return LinearModel(FOLDING, [features], np.asarray(weight, np.float32)[:, None], np.zeros(1, np.float32))


def contributions(model: LinearModel, text: str) -> list[float]:
    """To the margin of the second of two classes, less that of the first."""
    (found,) = character_contributions(model, [text], np.asarray([[-1.0, 1.0]]))
    return found.tolist()


def test_a_bigram_of_words_is_divided_between_them_and_not_what_lies_between() -> None:
    # the one bigram: symbol 0, then symbol 1; the only feature, so its value is 1
    model = model_of(Kind("words", 2, 2), NgramVocabulary(["ab", "cdef"], [np.asarray([1])], shortest=2), [8.0])
    assert contributions(model, "ＡB, cdef x") == pytest.approx([2, 2, 0, 0, 1, 1, 1, 1, 0, 0])


def test_a_word_that_occurs_twice_shares_its_contribution() -> None:
    model = model_of(Kind("words", 1, 1), NgramVocabulary(["ab"], []), [8.0])
    assert contributions(model, "ab x ab") == pytest.approx([2, 2, 0, 0, 0, 2, 2])


def test_spaces_count_where_there_is_nothing_else() -> None:
    with_a = model_of(Kind("characters", 2, 2), NgramVocabulary([" ", "a"], [np.asarray([1])], shortest=2), [8.0])
    assert contributions(with_a, "b  a") == pytest.approx([0, 0, 0, 8])
    alone = model_of(Kind("characters", 1, 1), NgramVocabulary([" ", "a"], []), [8.0, 0.0])
    assert contributions(alone, "b  b") == pytest.approx([0, 8, 0, 0])


def test_the_ends_of_words_count_for_their_letters() -> None:
    vocabulary = NgramVocabulary([" ", "a"], [np.asarray([1])], shortest=2)  # " a": a word that begins with a
    model = model_of(Kind("within_words", 2, 2), vocabulary, [8.0])
    assert contributions(model, "ba ab") == pytest.approx([0, 0, 0, 8, 0])


def test_one_character_that_became_several_gets_what_they_contribute() -> None:
    model = model_of(Kind("words", 1, 1), NgramVocabulary(["fin"], []), [9.0])
    assert contributions(model, "ﬁn") == pytest.approx([6, 3])
