from __future__ import annotations

import numpy as np
import pytest

from textrnn.evaluation.drift import TextCounts, TextStatistics, differences

LABELS = ["a", "b"]
TRAINING = TextStatistics(0.05, 0.1, np.array([0.5, 0.5]), 4000)


@pytest.mark.parametrize(
    ("changed", "phrases"),
    [
        ({}, []),
        ({"unknown_share": 0.41}, ["41 % of their tokens are unknown (training: 5 %)"]),
        ({"unknown_share": 0.0}, []),
        ({"unknown_share": 0.12, "cut_share": 0.29, "class_shares": np.array([0.35, 0.65])}, []),
        ({"cut_share": 0.55}, ["55 % of them are cut at 1,000 tokens (training: 10 %)"]),
        ({"class_shares": np.array([0.1, 0.9])}, ["10 % of them get the label a (training: 50 %)"]),
    ],
)
def test_what_is_far_apart_is_named(changed: dict, phrases: list[str]) -> None:
    new = TRAINING._replace(texts=200, **changed)
    assert differences(new, TRAINING, LABELS, 1000) == phrases
    assert differences(new._replace(texts=99), TRAINING, LABELS, 1000) == []


def test_fewer_cut_texts_are_a_difference_as_well() -> None:
    new = TRAINING._replace(cut_share=0.0, texts=200)
    assert differences(new, TRAINING._replace(cut_share=0.4), LABELS, 9) == [
        "0 % of them are cut at 9 tokens (training: 40 %)"
    ]


@pytest.mark.parametrize("classes", [2, 20, 200, 5000])
@pytest.mark.parametrize(("texts", "judged"), [(100, 100), (100, 20_000), (2000, 300)])
def test_chance_is_no_difference_but_a_single_class_is(classes: int, texts: int, judged: int) -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(classes))
    labels = [str(number) for number in range(classes)]
    far = 0
    for _ in range(200):
        new, training = (
            TextStatistics(0.0, 0.0, random.multinomial(count, shares) / count, count) for count in (texts, judged)
        )
        far += bool(differences(new, training, labels, 9))
    assert far == 0
    one_class = np.eye(classes)[0]
    if classes < 10 * texts:  # else chance alone leaves most classes without a text
        assert differences(new._replace(class_shares=one_class), training, labels, 9)


def test_counts_add_up_to_the_statistics_of_all_texts() -> None:
    counts = TextCounts(np.zeros(3, np.int64))
    assert counts.statistics(0).texts == 0
    counts.add(np.array([0.5, 0.0], np.float32), np.array([0, 2]))
    counts.add(np.array([1.0, 0.5], np.float32), np.array([2, 2]))
    found = counts.statistics(1)
    assert (found.unknown_share, found.cut_share, found.texts) == (0.5, 0.25, 4)
    assert found.class_shares.tolist() == [0.25, 0.0, 0.75]
