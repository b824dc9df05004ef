"""Nearly equal texts are found and no others."""

from __future__ import annotations

import random

import pytest

from textrnn.checking import copies
from textrnn.checking.copies import near_pairs, shape, similarity


def test_a_shape_has_letters_and_digits_alone() -> None:
    assert shape("  It's 3.5 Ｋm,\nOK? ") == "its35kmok"
    assert shape("好，好！") == "好好"
    assert shape("...") == ""


def test_similarity_is_that_of_sets_of_four_characters() -> None:
    assert similarity("abcdef", "abcdeg") == 2 / 4  # abcd, bcde of these and cdef, cdeg
    assert similarity("abc", "abc") == 1
    assert similarity("abc", "abd") == 0


@pytest.mark.parametrize("at_once", [1, 1_000_000])
def test_pairs_are_those_of_a_comparison_of_all(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_CHARACTERS_AT_ONCE", at_once)
    rng = random.Random(1)
    shapes = ["".join(rng.choices("abcdefgh", k=rng.randint(2, 120))) for _ in range(60)]
    shapes += [text + "x" for text in shapes[:40]]
    shapes = list(dict.fromkeys(shapes))
    expected = {
        (later, earlier)
        for later in range(len(shapes))
        for earlier in range(later)
        if similarity(shapes[later], shapes[earlier]) >= copies.SIMILAR
    }
    assert len(expected) > 20
    pairs, is_complete = near_pairs(shapes)
    assert set(pairs) == expected and is_complete


@pytest.mark.parametrize("length", [3, 40, 20_000])
def test_similarity_of_texts_of_any_length(length: int) -> None:
    rng = random.Random(length)
    one = "".join(rng.choices("abc的😀\ud800", k=length))
    other = one[: length // 2] + "x" + one[length // 2 + 1 :]
    sets = [{text[at : at + 4] for at in range(max(1, len(text) - 3))} for text in (one, other)]
    assert similarity(one, other) == len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_pairs_beyond_the_limit_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = ["a text of some letters" + end for end in ("", "x", "y", "z")]
    assert len(near_pairs(shapes)[0]) >= 3
    monkeypatch.setattr(copies, "_MOST_COMPARED", 2)
    pairs, is_complete = near_pairs(shapes)
    assert len(pairs) <= 2 and not is_complete


def test_one_text_and_none_have_no_pairs() -> None:
    assert near_pairs([]) == near_pairs(["one"]) == near_pairs(["a", "b"]) == ([], True)
