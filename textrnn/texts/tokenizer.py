"""Text -> tokens: characters, jieba words, Unicode words, or strings separated by white space."""

from __future__ import annotations

import io
import logging
import random
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import regex

from textrnn.errors import DataError, short
from textrnn.texts.folding import fold, fold_located

# Scripts that are written without spaces between words.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# Combining marks (vowel signs, accents) belong to the letter before them; an apostrophe joins letters ("don't"), a
# point or comma joins digits ("3.14").
_WORD = r"{c}+(?:(?:['’](?=\p{{L}})|(?<=\p{{N}})[.,](?=\p{{N}})){c}*)*"
_PATTERNS = {
    "char": regex.compile(_WORD.format(c=rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]") + r"|\S\p{M}*", regex.V1),
    "word": regex.compile(_WORD.format(c=r"[\p{L}\p{M}\p{N}_]") + r"|\S\p{M}*", regex.V1),
    "whitespace": regex.compile(r"\S+", regex.V1),
}
# Characters that are tokenized at once, so that a text of any length takes little memory; jieba also takes time
# quadratic in the number of consecutive unknown characters.
_PIECE, _PIECE_OF_JIEBA = 1 << 16, 1 << 13
_UNSPACED_RUN = regex.compile(rf"[{_UNSPACED}]+", regex.V1)
_UNSPACED_SHARE = 0.3  # share of letters above which a text, and of texts above which a corpus, has no spaces
_LONGEST_PLAUSIBLE_WORD = 4.0  # characters; words of segmented Chinese average about 1.7, clauses about 7

T = TypeVar("T")


class LocatedToken(NamedTuple):
    """A token and its characters [start, end) in the original text. Tokens made of one character, such as the three of
    ½, have the same place."""

    token: str
    start: int
    end: int


class Tokenizer:
    """Splits texts into tokens.

    kind: "char" (characters of scripts without spaces; words and numbers otherwise), "jieba" (Chinese words), "word"
    (Unicode words and punctuation), "whitespace". lowercase, normalize (Unicode NFKC): applied to the text first.
    user_dict: the content of a jieba dictionary, not its path, so that it can be saved with a model.

    Raises: ValueError for an unknown kind.
    """

    def __init__(
        self, kind: str = "char", *, lowercase: bool = True, normalize: bool = True, user_dict: str | None = None
    ) -> None:
        self.kind, self.lowercase, self.normalize = kind, lowercase, normalize
        self.user_dict = user_dict if kind == "jieba" else None
        self._piece = _PIECE_OF_JIEBA if kind == "jieba" else _PIECE
        self._stops = " \n" if kind == "whitespace" else " \n。"
        self._split: Callable[[str], list[str]]  # takes a folded text
        if kind == "jieba":
            self._split = _jieba_words(self._fold(self.user_dict or ""))
        elif kind in _PATTERNS:
            self._split = _PATTERNS[kind].findall
        else:
            raise ValueError(f"unknown tokenizer kind {kind!r}")

    def __call__(self, text: str) -> list[str]:
        return list(self.tokens(text))

    def tokens(self, text: str) -> Iterable[str]:
        """The tokens of a text: a list, or, for a very long text, an iterator over its pieces."""
        if len(text) <= self._piece:
            return self._split(self._fold(text))
        return chain.from_iterable(self._split(self._fold(piece)) for piece in _pieces(text, self._piece, self._stops))

    def located(self, text: str) -> Iterator[LocatedToken]:
        """The same tokens as `tokens`, with their places in the text."""
        begin = 0
        for piece in _pieces(text, self._piece, self._stops):
            folded, position = fold_located(piece, self.lowercase, self.normalize), 0
            for token in self._split(folded.text):
                position = folded.text.index(token, position)  # only white space lies between two tokens
                end = position + len(token)
                yield LocatedToken(token, begin + int(folded.starts[position]), begin + int(folded.ends[end - 1]))
                position = end
            begin += len(piece)

    def __reduce__(self) -> Any:
        return partial(Tokenizer, **self.options()), ()  # jieba's state has locks, which cannot be pickled

    def _fold(self, text: str) -> str:
        return fold(text, self.lowercase, self.normalize)

    def options(self) -> dict[str, Any]:
        """The arguments of an equal tokenizer."""
        return {
            "kind": self.kind, "lowercase": self.lowercase, "normalize": self.normalize, "user_dict": self.user_dict
        }  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """Everything on which tokens depend: the options and the versions of libraries."""
        versions = {"unicode": unicodedata.unidata_version, "regex": regex.__version__}
        if self.kind == "jieba":
            import jieba  # already imported, and silenced, by this tokenizer

            versions["jieba"] = jieba.__version__
        return {**self.options(), "versions": versions}


def _pieces(text: str, size: int, stops: str) -> Iterator[str]:
    """A long text in pieces that end before one of the characters `stops`, so that no token is cut. A piece without
    such a character has the full size."""
    begin = 0
    while len(text) - begin > size:
        stop = max(text.rfind(stop, begin + 1, begin + size) for stop in stops)
        end = stop if stop > 0 else begin + size
        yield text[begin:end]
        begin = end
    yield text[begin:]


def user_dict_problem(user_dict: str, *, lowercase: bool, normalize: bool) -> tuple[int, str] | None:
    """The number of the first malformed line of a jieba dictionary, and the problem; None if there is none."""
    expected = "expected `word [count] [tag]` separated by single spaces"
    for number, line in enumerate(user_dict.split("\n"), start=1):
        if "\t" in line:
            return number, f"{expected}, found a tab: replace tabs with spaces"
        fields = fold(line, lowercase, normalize).strip().split(" ")
        # jieba treats everything that is not a count as part of the word
        counts = list(filter(_looks_like_a_number, fields[1:]))
        if counts and not re.fullmatch("0*[1-9][0-9]{0,8}", counts[-1]):
            return number, f"expected a count from 1 to 999999999, found {short(counts[-1])}"
    return None


def _looks_like_a_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _jieba_words(user_dict: str) -> Callable[[str], list[str]]:
    """A separate jieba tokenizer, because a user dictionary in jieba's global one would affect every other model.
    Without a user dictionary, jieba loads its own, which takes a second, at the first text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    jieba.setLogLevel(logging.CRITICAL)
    tokenizer = jieba.Tokenizer()
    if user_dict:
        tokenizer.load_userdict(io.StringIO(user_dict))
    return lambda text: [token for token in tokenizer.cut(text) if not token.isspace()]


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` items drawn from all, in order; the first items, or every second one, may all be in one
    language."""
    return [items[position] for position in sorted(random.Random(0).sample(range(len(items)), min(count, len(items))))]


def share_unspaced(texts: Iterable[str]) -> float:
    """The share of letters in scripts without spaces between words; 0 without letters."""
    unspaced = letters = 0
    for text in texts:
        unspaced += sum(map(len, _UNSPACED_RUN.findall(text)))
        letters += sum(map(str.isalpha, text))
    return unspaced / max(letters, 1)


def check_segmented(kind: str, texts: Iterable[str]) -> None:
    """Check that a tokenizer that splits at spaces fits the texts.

    texts: a sample of the texts, or their tokens joined by spaces.

    Raises: DataError if many are written without spaces; it quotes a "word" and names the tokenizers that fit.
    """
    if kind not in ("word", "whitespace"):
        return
    texts = [text for text in texts if any(map(str.isalpha, text))]
    unspaced = sum(share_unspaced([text]) > _UNSPACED_SHARE for text in texts)
    words = [word for text in texts for word in _UNSPACED_RUN.findall(text)]
    if unspaced > _UNSPACED_SHARE * len(texts) and sum(map(len, words)) > _LONGEST_PLAUSIBLE_WORD * len(words):
        raise DataError(
            f"tokenizer.kind: {kind!r} splits at spaces, but {'these' if unspaced == len(texts) else 'many'} texts are "
            f"written without spaces between words, for example {max(words, key=len)[:30]!r}: set tokenizer.kind to "
            f"char or jieba"
        )
