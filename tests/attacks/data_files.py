"""Damaged data in all formats: what cannot be read is refused by name, or skipped if that is asked for."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st

from tests.attacks.command import SMALL, attack
from tests.attacks.hostile import STRINGS, Draw, edited, half, pick, rarely, sometimes
from tests.conftest import make_rows, sets

LABELS = ["food", "sport", "travel"]
ENCODINGS = ["utf-16", "utf-8-sig", "gb18030", "latin-1", "utf-7", "utf-32-le", "cp1252", "iso-2022-jp", "hz", "ascii"]


def attack_data(draw: Draw) -> None:
    kind = pick(draw, ["tsv", "csv", "jsonl", "fasttext", "folder", "ids"])
    name = _folder(draw) if kind == "folder" else _file(draw, kind)
    commands = [["vocab", "--data"], ["eval", "run"], ["train", *SMALL, "--run-dir", "new", "--data"], ["predict"]]
    command = pick(draw, commands)
    if command == ["predict"]:
        _predict(draw, name)
    else:
        attack(*command, name, *_settings(draw, kind))


def _file(draw: Draw, kind: str) -> str:
    text = _text(draw, kind)
    encoding = pick(draw, ENCODINGS) if draw(rarely) else ""
    content = text.encode(encoding, "replace") if encoding else text.encode("utf-8", "surrogatepass")
    content = content if draw(rarely) else edited(draw, content)
    name = f"data.{kind}" if kind in ("tsv", "csv", "jsonl") else pick(draw, ["data.txt", "data", "data.tsv"])
    if draw(rarely):
        name, content = f"{name}.gz", _zipped(draw, content)
    Path(name).write_bytes(content)
    names = ("\n".join(LABELS) + "\n").encode()
    Path("names.txt").write_bytes(edited(draw, names, 1) if draw(sometimes) else names)
    return name


def _text(draw: Draw, kind: str) -> str:
    """Good rows, and up to three odd ones."""
    rows = make_rows(30)
    odd_fields = st.tuples(st.integers(0, 29), st.sampled_from(STRINGS), half)
    for place, odd, is_label in draw(st.lists(odd_fields, max_size=3)):
        label, text = rows[place]
        rows[place] = (odd, text) if is_label else (label, odd)
    if kind == "csv":
        header = pick(draw, [["label", "text"], ["label", "text"], ["text", "text"], ["label", "text", ""], [""]])
        delimiter, line_end = pick(draw, ",;\t|#"), pick(draw, ["\n", "\r\n"])
        stream = io.StringIO()
        csv.writer(stream, delimiter=delimiter, lineterminator=line_end, escapechar="\\").writerows([header, *rows])
        return stream.getvalue()
    if kind == "jsonl":
        lines = [json.dumps({"label": label, "text": text}, ensure_ascii=draw(half)) for label, text in rows]
        lines += [pick(draw, _ODD_JSON)] * draw(sometimes)
        return "".join(f"{line}\n" for line in lines)
    ids = {label: str(number) for number, label in enumerate(LABELS)} if kind == "ids" else {}
    form = "__label__{} {}\n" if kind == "fasttext" else "{}\t{}\n"
    return "".join(form.format(ids.get(label, label), text) for label, text in rows)


_ODD_JSON = [
    "[]", "null", '"x"', "{}", '{"text": null, "label": "food"}', '{"text": 1, "label": "food"}',
    '{"text": "a", "label": 1.0}', '{"text": "a", "label": Infinity}', '{"text": "a", "label": true}',
    '{"text": "a", "label": ""}', '{"text": "a", "label": [1]}', '{"text": "a", "label": ' + "9" * 5000 + "}",
    '{"text": "a", "label": 1e999}', '{"text": "\\ud800", "label": "food"}', '{"text": "a", "label": "\\udc00"}',
    '{"text": "a\\u0000b", "label": "food"}', '{"text": "a", "text": "b", "label": "food"}', "[" * 100_000,
    '{"a":' * 50_000, '{"text": "a", "label": "x\\ny"}', '{"\\ud800": 1}', '{"text": "a", "label": "food"} {}',
    "{'text': 'a'}", '{"text": "a", "label": "\\u001b[31m"}', '{"text": ["' + "a" * 100_000 + '"], "label": "food"}',
]  # fmt: skip


def _settings(draw: Draw, kind: str) -> list[str]:
    choices = {
        "bad_rows": ["skip", "error"], "format": ["auto", "tsv", "csv", "jsonl", "fasttext", "folder"],
        "encoding": ENCODINGS, "delimiter": [";", "#", "tab", "é", "x"],
        "text_column": ["0", "1", "5", "text", "label", "nope", "9" * 18, "日"], "label_column": ["0", "1", "label"],
    }  # fmt: skip
    keys = draw(st.lists(st.sampled_from([*choices]), unique=True, max_size=2))
    settings = [f"data.{key}={pick(draw, choices[key])}" for key in keys]
    settings += ["data.label_names=names.txt"] * (kind == "ids")
    return sets(*settings)


def _predict(draw: Draw, name: str) -> None:
    choices = {
        "--format": ["text", "tsv", "csv", "jsonl", "fasttext", "folder"], "--output-format": ["jsonl"],
        "--delimiter": [";", "#", "\t", "é", "", '"', ";;"], "--encoding": ENCODINGS,
        "--text-column": ["0", "1", "2", "text", "label", "", "9" * 30, "٣"],
        "--output": ["out.tsv", "new/out.tsv", "."], "--batch-size": ["1", "3", "100000"],
    }  # fmt: skip
    words = ["predict", pick(draw, ["run", "rcnn"]), name]
    for key in draw(st.lists(st.sampled_from([*choices]), unique=True, max_size=3)):
        words += [key, pick(draw, choices[key])]
    attack(*words)


def attack_stream(draw: Draw) -> None:
    """Texts that come through a pipe in pieces: a row for each line, or a message that names the line."""
    encoding = pick(draw, ["utf-8", "utf-8", "utf-8", "utf-16", "utf-16-le", "gb18030", "latin-1", "utf-7", "utf-32"])
    lines = draw(st.lists(st.sampled_from([text for _, text in make_rows(20)] + STRINGS), max_size=20))
    text = "".join(line + pick(draw, ["\n", "\n", "\r\n", "\n\n"]) for line in lines) + pick(draw, ["", "the last"])
    content = text.encode("utf-8", "replace").decode().encode(encoding, "replace")
    content = edited(draw, content, 3) if draw(half) else content
    content = _zipped(draw, content) if draw(rarely) else content
    words = ["predict", pick(draw, ["run", "rcnn"]), "-", "--encoding", encoding]
    words += pick(draw, [[], ["--output-format", "jsonl"]]) + pick(draw, [[], ["--batch-size", "2"]])
    size = max(pick(draw, [1, 40, 4096, 1 << 20]), len(content) // 1000)
    source, sink = os.pipe()
    with ThreadPoolExecutor(1) as pool, open(source, "rb") as pipe:
        pool.submit(_write, sink, content, size)
        ended = attack(*words, stdin=pipe.fileno())
    rows = ended.out.count(b"\n")
    place = re.search(r"error: stdin:(\d+)", ended.err)
    if ended.code == 0:
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode(encoding)
        assert rows == len(re.findall("[^\n]*\n|[^\n]+", text.removeprefix("\ufeff")))
    elif ended.code == 1:
        assert place or re.search("gzip|binary", ended.err), f"no line is named: {ended.err}"
        assert not place or encoding != "utf-8" or content[:2] == b"\x1f\x8b" or rows == int(place[1]) - 1


def _zipped(draw: Draw, content: bytes) -> bytes:
    content = gzip.compress(content, mtime=0)
    return edited(draw, content, 1) if draw(half) else content


def _write(sink: int, content: bytes, size: int) -> None:
    with suppress(BrokenPipeError), open(sink, "wb", buffering=0) as stream:
        for at in range(0, len(content), size):
            stream.write(content[at : at + size])


def _folder(draw: Draw) -> str:
    """A folder of classes with things in it that are no documents."""
    root = Path("classes")
    for number, (label, text) in enumerate(make_rows(24)):
        (root / label).mkdir(parents=True, exist_ok=True)
        (root / label / f"{number}.txt").write_text(text)
    odd = st.tuples(st.sampled_from([*LINKS, *FILES, *OTHERS]), st.sampled_from([".", *LABELS]))
    for name, place in draw(st.lists(odd, min_size=1, max_size=3, unique=True)):
        path = root / place / os.fsdecode(name)
        if name in LINKS:
            path.symlink_to(LINKS[name])
        elif name in OTHERS:
            OTHERS[name](path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(FILES[name])
    return str(root)


LINKS = {"broken": "nowhere", "loop": "loop", "up": "..", "top": "/", "again": "/etc/hostname"}
FILES = {
    b"n" * 255: b"a long name", b"\xff\xfe\x1b[31m": b"other bytes", b"two\nlines\r\t.txt": b"lines",
    b"\xffclass/a": b"a text", b"two\nlines/a": b"a text", b".DS_Store": b"\xff\0", b"0": b"",
    b"damaged": b"some \xff text\0 of \xed\xa0\x80 it", b"damaged.gz": b"\x1f\x8b\x08 and no more",
    b"huge": b"word " * 200_000, b"d/" * 100 + b"a": b"a deep text",
}  # fmt: skip
OTHERS: dict[str, Callable[[Path], object]] = {
    "fifo.txt": os.mkfifo, "socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "closed file": lambda path: path.touch(0), "closed folder": lambda path: path.mkdir(0), "empty class": Path.mkdir,
    "no documents": lambda path: [file.unlink() for file in path.parent.rglob("*.txt")],
}  # fmt: skip
