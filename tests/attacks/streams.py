"""Texts that come through a pipe in pieces: a row for each line, or a message that names the line."""

from __future__ import annotations

import gzip
import os
import re
import time
from collections.abc import Callable

from tests.attacks.case import Case, Ended
from tests.attacks.check import check, files
from tests.attacks.hostile import BYTES, STRINGS
from tests.conftest import make_rows

ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8", "utf-16", "utf-16-le", "gb18030", "latin-1", "utf-7", "utf-32"]


def attack(case: Case) -> None:
    rng = case.rng
    run = rng.choice(["run", "rcnn"])
    case.copy(run)
    encoding = rng.choice(ENCODINGS)
    content = _content(case, encoding)
    words = ["predict", run, *rng.choice([[], ["-"]])]
    if encoding != "utf-8" or rng.random() < 0.1:
        words += ["--encoding", encoding]
    words += ["--output-format", "jsonl"] * (rng.random() < 0.4)
    words += ["--batch-size", rng.choice(["1", "2", "1000"])] * (rng.random() < 0.4)
    before = files()
    ended = case.run(*words, stdin=_in_pieces(case, content))
    check(case, ended, before)
    _check_rows(case, ended, content, encoding)


def _content(case: Case, encoding: str) -> bytes:
    rng = case.rng
    lines = [text for _, text in make_rows(rng.choice([0, 1, 5, 40]), seed=case.number)]
    for _ in range(rng.choice([0, 1, 3])):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(STRINGS))
    ends = rng.choice([["\n"], ["\r\n"], ["\n", "\r\n", "\n\n"]])
    text = "".join(line + rng.choice(ends) for line in lines)
    text = text if rng.random() < 0.7 else text.rstrip("\n")
    content = text.encode("utf-8", "replace").decode().encode(encoding, "replace")
    for _ in range(rng.choice([0, 0, 1, 3])):
        at = rng.randrange(len(content) + 1)
        piece = rng.choice(BYTES)
        case.note(f"{piece!r} inserted at {at} of {len(content)}")
        content = content[:at] + piece + content[at:]
    if rng.random() < 0.1:
        case.note("compressed")
        content = gzip.compress(content, mtime=0)
        content = content if rng.random() < 0.5 else content[: rng.randrange(len(content))]
    return content


def _in_pieces(case: Case, content: bytes) -> Callable[[int], None]:
    """Writes the content in random pieces, some of them late."""
    rng, pieces, at = case.rng, [], 0
    longest = rng.choice([1 if len(content) < 300 else 40, 100, 4096, 1 << 20])
    while at < len(content):
        size = rng.randint(1, longest)
        pieces.append((content[at : at + size], rng.choice([0.0] * 20 + [0.001, 0.05])))
        at += size

    def write(sink: int) -> None:
        end = time.monotonic() + 5  # no case may take long
        for piece, seconds in pieces:
            if seconds and time.monotonic() < end:
                time.sleep(seconds)
            while piece:
                piece = piece[os.write(sink, piece) :]

    return write


def _check_rows(case: Case, ended: Ended, content: bytes, encoding: str) -> None:
    rows = ended.out.count(b"\n")
    if ended.code == 0:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        text = content.decode(encoding)
        text = text.removeprefix("\ufeff")
        lines = text.count("\n") + (text != "" and not text.endswith("\n"))
        if rows != lines:
            case.problems.append(f"{lines} lines in, {rows} rows out")
    elif ended.code == 1:
        place = re.search(r"error: stdin:(\d+)", ended.err)
        if place and encoding == "utf-8" and content[:2] != b"\x1f\x8b" and rows != int(place[1]) - 1:
            case.problems.append(f"an error in line {place[1]}, but {rows} rows before it")
        if place is None and "gzip" not in ended.err:
            case.problems.append(f"no line is named: {ended.err[-300:]!r}")
