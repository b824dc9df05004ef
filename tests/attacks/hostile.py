"""Hostile values and bytes that several families share, and edits of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Draw = Callable[..., Any]  # of Hypothesis: gives an example of a strategy

STRINGS = [
    "", " ", "a", "a\0b", "\ud800", "x\udcffy", "\x1b[31mred\x1b[0m", "two\nlines", "\r", "\t", "\u2028", "\ufeff",
    "e\u0301" * 50, "#", "--", "=", "null", "nan", "1e999", "0x10", "01", "١٢", "²", "9" * 20, "9" * 5000, "~", "..",
    "**", "[a", "?", "/dev/null", "a/b/c", "a" * 300, "日本", "x" * 70_000, "%s", "{0}", "$HOME", "😀", "train.tsv",
]  # fmt: skip

# As they stand in YAML.
YAML_VALUES = [
    "0", "-1", "1", "2", "3", "4", "8", "-0", "9" * 20, "-" + "9" * 20, "9" * 5000, "1" + "0" * 4300, "-0.5",
    "0.999999", "1.5", "1e-320", "1e308", "1.0e+400", ".nan", ".inf", "-.inf", "nan", "0x1F", "0o17", "1_0",
    "190:20:30", "true", "no", "on", "null", "~", "", "''", "[]", "[1]", "['']", "[train.tsv]", "[null]", "[[1]]",
    "[train.tsv, [train.tsv]]", "{}", "{a: {b: {c: []}}}", "{1: 2}", "{[1]: 2}", "{null: 1}", "{? {a: 1} : 2}",
    "!!int ''", "!!int x", "!!float x", "!!bool x", "!!null x", "!!timestamp x", "!!binary x", "!!binary '*'",
    "!!set {a}", "!!omap [a: 1]", "!!omap 1", "!!pairs x", "!!python/object/apply:os.getcwd []",
    "!!python/name:os.system", "!unknown x", "!<tag:x> y", "!!str 1", "!!seq x", "!!map [1]", "2001-01-01",
    "2001-13-45", "2001-12-14t21:59:43.10-05:00", "9999-99-99", "2001-01-01 99:99:99", "&a [*a]", "&a {b: *a}", "*a",
    "- 1", "a: b: c", "? a", "|\n  x", ">9", '"a\\0b"', '"\\uDC00x"', '"\\x1b[31m"', '"two\\nlines"', '"\\q"', '"open',
    "[1", "{a", "}", ",", "%x", "@x", "\t1", "1 # x", "\x07", "\u2028", "\ufeff", "<<: 1", "{<<: [1]}", "{<<: {a: 1}}",
    "=", "char", "jieba", "textrnn", "rcnn", "lstm", "skip", "folder", "utf-16", "utf-7", "idna", "hex", "rot13",
    "unicode_escape", "undefined", "mbcs", "dev_loss", "attention", "bfloat16", "train.tsv", "missing.tsv", "run", "..",
    "*", "/dev/null", "日本", "[" * 900, "{a: " * 900, "[" * 20_000, "a" * 70_000, "'" + "é" * 5000 + "'",
]  # fmt: skip

BYTES = [
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\n\n", b"\x0b", b"\x0c", b"\x1c", b"\x85",
    "\x85".encode(), "\u2028".encode(), b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\t", b"\t\t", b'"', b'""',
    b"'", b",", b"\\", b"\\ud800", b"\\u0000", b"\x1a", b"\x1b[2J", b"\x1f\x8b", b"__label__", b"{", b"}", b"[",
    b"\x7f", "\U0001f600".encode(), "e\u0301".encode(), "\u202e".encode(), b" ", b"-", b"0", b"9" * 25, b"<pad>",
    b"<unk>",
]  # fmt: skip

rarely = st.sampled_from([False] * 9 + [True])
sometimes = st.sampled_from([False] * 3 + [True])
half = st.booleans()
_EDITS = [
    "insert", "flip", "cut", "delete", "repeat", "zero", "line end", "line twice", "no line", "long line", "joined",
]  # fmt: skip
_edit = st.tuples(
    st.sampled_from(_EDITS), st.floats(0, 1), st.sampled_from(BYTES) | st.binary(min_size=1, max_size=30),
    st.sampled_from([1, 2, 10, 100]),
)  # fmt: skip
_LINE_ENDS = [(b"\n", b"\r\n"), (b"\n", b"\r"), (b"\n", b"\n\n"), (b"\n", b"\x0b"), (b"\t", b" ")]


def pick(draw: Draw, values: Any) -> Any:
    return draw(st.sampled_from(list(values)))


def edited(draw: Draw, content: bytes, most: int = 4) -> bytes:
    """The content after some edits."""
    for edit in draw(st.lists(_edit, min_size=1, max_size=most)):
        content = _apply(content, *edit)
    return content


def _apply(content: bytes, kind: str, place: float, piece: bytes, size: int) -> bytes:
    at = round(place * len(content))
    before, middle, after = content[:at], content[at : at + size], content[at + size :]
    lines = content.splitlines(keepends=True) or [b""]
    line = lines.pop(round(place * (len(lines) - 1)))
    above, below = (b"".join(part) for part in (lines[: round(place * len(lines))], lines[round(place * len(lines)) :]))
    return {
        "insert": before + piece + middle + after, "cut": before, "delete": before + after,
        "flip": before + bytes(byte ^ (1 << size % 8) for byte in middle[:1]) + middle[1:] + after,
        "repeat": before + middle * (50 if size == 1 else 3) + after, "zero": before + bytes(len(middle)) + after,
        "line end": content.replace(*_LINE_ENDS[at % len(_LINE_ENDS)]), "line twice": above + 2 * line + below,
        "no line": above + below, "joined": above + line.rstrip(b"\r\n") + below,
        "long line": above + line[:-2] + b"z" * 200_000 + line[-2:] + below,
    }[kind]  # fmt: skip


def damage(draw: Draw, path: Path) -> None:
    """The file has other bytes, or is something else, or gone."""
    kind = pick(draw, ["edited", "edited", "empty", "zeros", "mark", "gone", "folder", "link"])
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(pick(draw, ["nowhere", path.name, "/dev/null", ".."]))
    elif kind != "gone":
        other = {"empty": b"", "zeros": bytes(len(content)), "mark": b"\xef\xbb\xbf" + content}
        path.write_bytes(other[kind] if kind in other else edited(draw, content))
