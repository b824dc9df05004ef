"""Hostile values and bytes that several families share."""

from __future__ import annotations

import random

STRINGS = [
    "", " ", "a", "\0", "a\0b", "\ud800", "x\udcffy", "\x1b[31mred\x1b[0m", "two\nlines", "\r", "\t", "\u2028",
    "\ufeff", "e\u0301" * 50, "#", "-", "--", "=", "null", "nan", "1e999", "0x10", "01", "1_000", "١٢", "²", "9" * 20,
    "9" * 5000, "~", ".", "..", "*", "**", "[", "[a", "?", "/dev/null", "a/b/c", "a" * 300, "日本", "x" * 70_000, "%s",
    "{}", "{0}", "{model.cell}", "$HOME", "`x`", "😀", "utf-8\0", "train.tsv",
]  # fmt: skip

# As they stand in YAML.
YAML_VALUES = [
    "0", "-1", "1", "2", "3", "-0", "9" * 20, "-" + "9" * 20, "9" * 400, "9" * 5000, "1" + "0" * 4300, "0.0", "-0.5",
    "0.999999", "1.0", "1.5", "1e-320", "1e308", "1.0e+400", ".nan", ".inf", "-.inf", "nan", "inf", "0x1F", "0o17",
    "0b1", "1_0", "190:20:30", "true", "false", "yes", "no", "on", "off", "null", "~", "", "''", "' '", "[]", "[1]",
    "['']", "[train.tsv]", "[train.tsv, train.tsv]", "[null]", "[[1]]", "[train.tsv, [train.tsv]]", "{}", "{a: 1}",
    "{a: {b: {c: []}}}", "{1: 2}", "{[1]: 2}", "{null: 1}", "{? {a: 1} : 2}", "!!int ''", "!!int x", "!!float ''",
    "!!float x", "!!bool x", "!!bool ''", "!!null x", "!!timestamp x", "!!timestamp ''", "!!binary x", "!!binary '*'",
    "!!set {a}", "!!omap [a: 1]", "!!omap 1", "!!pairs [a: 1]", "!!pairs x", "!!python/object:os.system x",
    "!!python/object/apply:os.getcwd []", "!!python/name:os.system", "!unknown x", "!<tag:x> y", "!!str 1", "!!seq x",
    "!!map x", "!!map [1]", "2001-01-01", "2001-13-45", "2001-12-14t21:59:43.10-05:00", "0001-01-01", "9999-99-99",
    "2001-01-01 99:99:99", "&a [*a]", "&a {b: *a}", "*a", "&a", "- 1", "a: b", "a: b: c", "? a", "|", "|\n  x", ">9",
    '"\\0"', '"a\\0b"', '"\\ud800"', '"\\uDC00x"', '"\\x1b[31m"', '"two\\nlines"', '"\\q"', '"open', "'open", "[1",
    "{a", "}", "]", ",", "%x", "@x", "`x", "\t1", "1 # x", "\x07", "\x7f", "\u2028", "\ufeff", "<<: 1", "{<<: 1}",
    "{<<: [1]}", "{<<: {a: 1}}", "=", "char", "jieba", "word", "textrnn", "rcnn", "lstm", "skip", "folder", "utf-16",
    "utf-7", "idna", "punycode", "hex", "rot13", "unicode_escape", "undefined", "mbcs", "raw_unicode_escape",
    "dev_loss", "attention", "bfloat16", "train.tsv", "missing.tsv", "run", ".", "..", "*", "/dev/null", "日本",
    "[" * 900, "[" * 900 + "]" * 900, "{a: " * 900, "[" * 20_000, "- " * 900, "a" * 70_000, "'" + "é" * 5000 + "'",
    "2", "4", "8",
]  # fmt: skip

BYTES = [
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n", b"\n\n", b"\x0b", b"\x0c", b"\x1c", b"\x85",
    "\x85".encode(), "\u2028".encode(), b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\t", b"\t\t", b'"', b'""',
    b"'", b",", b"\\", b"\\ud800", b"\\u0000", b"\x1a", b"\x1b[2J", b"\x1f\x8b", b"__label__", b"{", b"}", b"[",
    b"\x7f", "\U0001f600".encode(), "e\u0301".encode(), "\u202e".encode(), b" ", b"-", b"0", b"9" * 25, b"<pad>",
    b"<unk>",
]  # fmt: skip


def mutate(rng: random.Random, content: bytes, times: int | None = None) -> tuple[bytes, str]:
    """The content after some random edits, and what they were."""
    done = []
    for _ in range(times if times is not None else rng.choice([1, 1, 2, 4])):
        content, what = _edit(rng, content)
        done.append(what)
    return content, ", ".join(done)


def _edit(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    at = rng.randrange(len(content) + 1)
    kind = rng.choice(["flip", "insert", "insert", "cut", "delete", "repeat", "zero", "line", "noise", "line end"])
    if kind == "flip" and at < len(content):
        bit = 1 << rng.randrange(8)
        return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :], f"bit {bit} of byte {at} flipped"
    if kind == "cut":
        return content[:at], f"cut at byte {at}"
    if kind == "delete":
        end = at + rng.choice([1, 2, 10, 100])
        return content[:at] + content[end:], f"bytes {at} to {end} removed"
    if kind == "repeat":
        end = at + rng.choice([1, 10, 100])
        times = rng.choice([2, 3, 50])
        return content[:at] + content[at:end] * times + content[end:], f"bytes {at} to {end} repeated {times} times"
    if kind == "zero":
        end = min(at + rng.choice([1, 8, 100]), len(content))
        return content[:at] + bytes(end - at) + content[end:], f"bytes {at} to {end} zeroed"
    if kind == "line":
        return _edit_line(rng, content)
    if kind == "noise":
        noise = rng.randbytes(rng.choice([1, 3, 30]))
        return content[:at] + noise + content[at:], f"{noise!r} inserted at {at}"
    if kind == "line end":
        old, new = rng.choice([(b"\n", b"\r\n"), (b"\n", b"\r"), (b"\n", b"\n\n"), (b"\n", b"\x0b"), (b"\t", b" ")])
        return content.replace(old, new), f"{old!r} replaced by {new!r}"
    piece = rng.choice(BYTES)
    return content[:at] + piece + content[at:], f"{piece!r} inserted at {at}"


def _edit_line(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    lines = content.splitlines(keepends=True) or [b""]
    at = rng.choice([0, len(lines) - 1, rng.randrange(len(lines))])
    what = rng.choice(["duplicated", "removed", "blanked", "joined", "moved", "of one byte", "huge"])
    if what == "duplicated":
        lines.insert(at, lines[at])
    elif what == "removed":
        del lines[at]
    elif what == "blanked":
        lines[at] = b"\n"
    elif what == "joined":
        lines[at] = lines[at].rstrip(b"\r\n")
    elif what == "moved":
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    elif what == "of one byte":
        lines[at] = rng.choice(BYTES) + b"\n"
    else:
        lines[at] = lines[at][:-2] + b"z" * 200_000 + lines[at][-2:]
    return b"".join(lines), f"line {at + 1} {what}"
