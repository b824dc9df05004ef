from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

from textrnn.errors import DataError
from textrnn.texts.tokenizer import Tokenizer, check_segmented, user_dict_problem

KINDS = ["char", "word", "whitespace", "jieba"]
plain = cache(Tokenizer)  # jieba loads its dictionary once


@pytest.mark.parametrize(
    ("kind", "text", "tokens"),
    [
        ("char", "AC米兰3.14%", ["ac", "米", "兰", "3.14", "%"]),
        ("char", "don't STOP, 1,000万", ["don't", "stop", ",", "1,000", "万"]),
        ("char", "नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("char", "カタカナと한국어", ["カ", "タ", "カ", "ナ", "と", "한국어"]),
        ("word", "It's <br /> 3D_x café!", ["it's", "<", "br", "/", ">", "3d_x", "café", "!"]),
        ("whitespace", "a,b\u3000C\u0085d", ["a,b", "c", "d"]),
        ("jieba", "我来到北京清华大学 OK", ["我", "来到", "北京", "清华大学", "ok"]),
    ],
)
def test_tokens(kind: str, text: str, tokens: list[str]) -> None:
    assert plain(kind)(text) == tokens


@pytest.mark.parametrize("kind", KINDS)
def test_white_space_has_no_tokens(kind: str) -> None:
    assert plain(kind)("") == plain(kind)(" \t\u3000\u0085\u2028\r\n") == []


def test_lowercase_and_normalize_are_optional() -> None:
    assert Tokenizer("char", lowercase=False)("Ａb") == ["Ab"]
    assert Tokenizer("char", normalize=False)("Ａb") == ["ａb"]


def test_a_user_dictionary_does_not_affect_other_tokenizers() -> None:
    sentence, word = "凉粉哥爱吃火龙果干面", "火龙果干面"
    assert word not in plain("jieba")(sentence)
    assert word in Tokenizer("jieba", user_dict=f"{word} 100000 n\n")(sentence)
    assert word not in plain("jieba")(sentence)
    assert word not in Tokenizer("jieba")(sentence)


def test_jieba_loads_its_dictionary_with_the_first_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("jieba.Tokenizer.initialize", load)
    tokenizer = Tokenizer("jieba")
    with pytest.raises(AssertionError, match="loaded"):
        tokenizer("中文")


def test_jieba_is_silent() -> None:
    code = "from textrnn.texts.tokenizer import Tokenizer; Tokenizer('jieba')('中文')"
    result = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize("kind", ["word", "whitespace"])
def test_unsegmented_chinese_is_refused_by_tokenizers_that_split_at_spaces(kind: str) -> None:
    with pytest.raises(DataError, match="set tokenizer.kind to char or jieba"):
        check_segmented(kind, ["词汇阅读是关键的复习全指南", "中国人民公安大学硕士研究生目录及书目"])


def test_segmented_chinese_and_english_are_accepted() -> None:
    check_segmented("whitespace", ["词汇 阅读 是 关键", "中国 人民 公安 大学"])
    check_segmented("word", ["plain English with 一个 word"])
    check_segmented("char", ["词汇阅读是关键的复习全指南"])


def test_options_recreate_the_tokenizer() -> None:
    tokenizer = Tokenizer("jieba", lowercase=False, user_dict="火龙果干面 100000\n")
    again = Tokenizer(**tokenizer.options())
    assert again("吃火龙果干面 OK") == tokenizer("吃火龙果干面 OK")
    assert again.identity() == tokenizer.identity()
    assert "jieba" in tokenizer.identity()["versions"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_is_tokenized_in_pieces_without_cutting_a_token(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = plain(kind)
    text = "我来到北京 AC米兰, don't 3.14 \u3000e\u0301ﬁ。1，2\n" * 40
    whole = tokenizer(text)
    for size in range(25, 60):
        monkeypatch.setattr(tokenizer, "_piece", size)
        tokens = tokenizer.tokens(text)
        assert not isinstance(tokens, list)
        assert list(tokens) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_without_end_is_cut_and_the_rest_of_a_long_text_is_not_read(kind: str) -> None:
    tokenizer = plain(kind)
    for unit in ("a", "a'", "1,"):
        piece = unit * (tokenizer._piece // len(unit))
        assert tokenizer(piece * 3) == tokenizer(piece) * 3
    tokens = iter(tokenizer.tokens("ab " * 5_000_000))
    assert [next(tokens), next(tokens)] == ["ab", "ab"]


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_accents_is_normalized_in_linear_time(kind: str) -> None:
    text = "e" + "\u0316\u0301" * 30_000 + " x"  # would take minutes if normalized at once
    tokenizer = plain(kind)
    first, *_, last = tokenizer(text)
    assert (first[0], last) == ("\xe9", "x")
    assert kind == "jieba" or len(tokenizer(text)) == 2
    assert "\u034f" not in "".join(tokenizer("e" + "\u0316\u0301" * 90 + " x"))


def test_lines_that_a_jieba_dictionary_may_have() -> None:
    lines = ["球队", "球队 5", "球队 5 n", "球队 n", "iphone 6 plus", "windows 3.1 5 n", "球队 5\r", "球队　５"]
    for line in lines:
        assert user_dict_problem(f"{line}\n", lowercase=True, normalize=True) is None, line
    Tokenizer("jieba", user_dict="".join(f"{line}\n" for line in lines))  # jieba reads them


@pytest.mark.parametrize(
    ("kind", "text", "pieces"),
    [
        ("char", "ＡＣ米兰 ﬁne", ["ＡＣ", "米", "兰", "ﬁne"]),
        ("char", "İstanbul'da cafe\u0301!", ["İstanbul'da", "cafe\u0301", "!"]),
        ("char", "½ \U0001f600好", ["½", "½", "½", "\U0001f600", "好"]),
        ("word", "IT'S\u3000ﬁne", ["IT'S", "ﬁne"]),
        ("whitespace", "Ａ,b\u3000c", ["Ａ,b", "c"]),
        ("jieba", "我来到　北京清华大学 ＯＫ", ["我", "来到", "北京", "清华大学", "ＯＫ"]),
        ("word", "שלום עולם", ["שלום", "עולם"]),
    ],
)
def test_located_tokens_are_pieces_of_the_original(kind: str, text: str, pieces: list[str]) -> None:
    tokenizer = plain(kind)
    located = list(tokenizer.located(text))
    assert [text[token.start : token.end] for token in located] == pieces
    assert [token.token for token in located] == tokenizer(text)


@pytest.mark.parametrize("kind", ["char", "jieba"])
def test_tokens_of_a_long_text_are_located_in_all_its_pieces(kind: str) -> None:
    text = "Ｇood bread　" * 7000
    located = list(plain(kind).located(text))
    assert len(located) == 14_000
    assert located[-1][1:] == (len(text) - 6, len(text) - 1)
    assert {text[token.start : token.end] for token in located} == {"Ｇood", "bread"}
