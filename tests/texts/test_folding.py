from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.texts.folding import fold, fold_located
from textrnn.texts.tokenizer import Tokenizer

FLAG = "\U0001f1e9\U0001f1ea"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
E_AND_ACUTE = "e\u0301"


@pytest.mark.parametrize(
    ("text", "folded", "spans"),
    [
        ("", "", []),
        ("aB", "ab", [(0, 1), (1, 2)]),
        ("ＡＢ", "ab", [(0, 1), (1, 2)]),  # full-width
        ("xﬁy", "xfiy", [(0, 1), (1, 2), (1, 2), (2, 3)]),  # a ligature becomes two letters
        (f"a{E_AND_ACUTE}b", "aéb", [(0, 1), (1, 3), (3, 4)]),  # two become one
        ("q\u0301u", "q\u0301u", [(0, 1), (1, 2), (2, 3)]),  # there is no q with an accent
        ("İx", "i\u0307x", [(0, 1), (0, 1), (1, 2)]),  # one becomes two in lower case
        ("ΑΣ Σ", "ας σ", [(0, 1), (1, 2), (2, 3), (3, 4)]),  # a sigma depends on where it stands
        ("好\u3000的", "好 的", [(0, 1), (1, 2), (2, 3)]),  # the ideographic space
        (f"A{FAMILY}Ｂ", f"a{FAMILY}b", [(number, number + 1) for number in range(7)]),
        ("½", "1⁄2", [(0, 1)] * 3),
        ("ㄱㅏx", "가x", [(0, 2), (0, 2), (2, 3)][1:]),  # letters that are clusters of their own compose
        ("ｶﾞ", "ガ", [(0, 2)]),
    ],
)
def test_each_character_knows_where_it_comes_from(text: str, folded: str, spans: list[tuple[int, int]]) -> None:
    found = fold_located(text, lowercase=True, normalize=True)
    assert found.text == folded == fold(text, lowercase=True, normalize=True)
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == spans


def test_without_normalization_only_the_case_changes() -> None:
    found = fold_located("ＡİB", lowercase=True, normalize=False)
    assert (found.text, found.starts.tolist()) == ("ａi\u0307b", [0, 1, 1, 2])
    found = fold_located("ＡİB", lowercase=False, normalize=False)
    assert (found.text, found.starts.tolist()) == ("ＡİB", [0, 1, 2])


def test_joiners_in_long_runs_of_marks_belong_to_the_mark_before() -> None:
    text = "a" + "\u0301" * 1500 + "b"
    found = fold_located(text, lowercase=True, normalize=True)
    assert found.text == fold(text, lowercase=True, normalize=True)
    assert (found.starts[-1], found.ends[-1]) == (1501, 1502)
    assert len(found.starts) == len(found.text)


# characters that normalization changes, marks, and Hangul letters
_ODD = [
    chr(code)
    for code in range(0x20000)
    if not 0xD800 <= code < 0xE000
    and (unicodedata.normalize("NFKC", chr(code)) != chr(code) or unicodedata.combining(chr(code)))
] + [chr(code) for code in range(0x1100, 0x1200)]


@given(st.text(st.one_of(st.sampled_from(_ODD), st.characters(), st.sampled_from("aΣİ \n\u3000"))))
@settings(max_examples=300, deadline=None)
def test_any_text_is_folded_as_ever_and_every_character_is_accounted_for(text: str) -> None:
    found = fold_located(text, lowercase=True, normalize=True)
    assert found.text == fold(text, lowercase=True, normalize=True)
    assert (np.diff(found.starts) >= 0).all() and (np.diff(found.ends) >= 0).all()
    covered = {at for start, end in zip(found.starts, found.ends, strict=True) for at in range(start, end)}
    assert covered == set(range(len(text)))
    for kind in ("char", "word", "whitespace"):
        tokenizer = Tokenizer(kind)
        assert [token.token for token in tokenizer.located(text)] == tokenizer(text)
