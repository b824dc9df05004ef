"""Damaged data in all formats: what cannot be read is refused by name, or skipped where that is asked for."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from pathlib import Path

from tests.attacks.case import Case, Ended
from tests.attacks.check import check, files, option
from tests.attacks.folders import make_folder
from tests.attacks.hostile import STRINGS, mutate
from tests.attacks.small import SMALL
from tests.conftest import make_rows

LABELS = ["food", "sport", "travel"]
ENCODINGS = ["utf-16", "utf-8-sig", "gb18030", "latin-1", "utf-7", "utf-32-le", "cp1252", "iso-2022-jp", "hz", "ascii"]


def attack(case: Case) -> None:
    rng = case.rng
    kind = rng.choice(["tsv", "csv", "jsonl", "fasttext", "folder", "ids", "tsv", "csv", "jsonl"])
    name = make_folder(case) if kind == "folder" else _make_file(case, kind)
    options = _options(case, kind)
    command = rng.choice(["vocab", "vocab", "train", "predict", "predict", "eval"])
    if command == "vocab":
        before = files()
        check(case, case.run("vocab", "--data", name, *options, "--set", "vocab.min_count=1"), before)
    elif command == "train":
        before = files()
        words = ["train", "--data", name, *SMALL, "--set", "train.epochs=1", "--run-dir", "new", *options]
        check(case, case.run(*words), before)
    elif command == "eval":
        case.copy("run")
        before = files()
        check(case, case.run("eval", "run", name, *options, *rng.choice([[], ["--json"]])), before)
    else:
        case.copy(rng.choice(["run", "rcnn"]))
        _predict(case, kind, name)


def _make_file(case: Case, kind: str) -> str:
    rng = case.rng
    text = _good(case, kind)
    if rng.random() < 0.1:
        encoding = rng.choice(ENCODINGS)
        case.note(f"written in {encoding}")
        content = text.encode(encoding, "replace")
    else:
        content = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.9:
        content, what = mutate(rng, content)
        case.note(what)
    name = f"data.{kind}" if kind in ("tsv", "csv", "jsonl") else rng.choice(["data.txt", "data", "data.tsv"])
    if rng.random() < 0.2:
        name, content = f"{name}.gz", gzip.compress(content, mtime=0)
        if rng.random() < 0.5:
            content, what = mutate(rng, content, 1)
            case.note(f"after compression: {what}")
    Path(name).write_bytes(content)
    if kind == "ids":
        names = ("\n".join(LABELS) + "\n").encode()
        Path("names.txt").write_bytes(mutate(rng, names, 1)[0] if rng.random() < 0.5 else names)
    return name


def _good(case: Case, kind: str) -> str:
    rng = case.rng
    rows = make_rows(30, seed=case.number)
    for _ in range(rng.choice([0, 0, 1, 3])):
        at = rng.randrange(len(rows))
        label, text = rows[at]
        odd = rng.choice(STRINGS)
        rows[at] = (odd, text) if rng.random() < 0.4 else (label, odd)
    if kind == "csv":
        stream = io.StringIO()
        delimiter = rng.choice([",", ",", ";", "\t", "|", "#"])
        writer = csv.writer(
            stream, delimiter=delimiter, lineterminator=rng.choice(["\n", "\r\n"]), quoting=rng.choice([0, 1])
        )
        writer.writerow(
            rng.choice([["label", "text"], ["label", "text"], ["text", "text"], ["label", "text", ""], [""]])
        )
        with contextlib.suppress(csv.Error):  # an odd row that cannot be written as CSV
            writer.writerows(rows)
        return stream.getvalue()
    if kind == "jsonl":
        is_ascii, odd_keys = rng.random() < 0.5, rng.random() < 0.3
        lines = [json.dumps({"label": label, "text": text}, ensure_ascii=is_ascii) for label, text in rows]
        if odd_keys:
            lines[rng.randrange(len(lines))] = rng.choice(_ODD_JSON)
        return "".join(f"{line}\n" for line in lines)
    if kind == "fasttext":
        return "".join(f"__label__{label} {text}\n" for label, text in rows)
    if kind == "ids":
        return "".join(f"{LABELS.index(label) if label in LABELS else label}\t{text}\n" for label, text in rows)
    return "".join(f"{label}\t{text}\n" for label, text in rows)


_ODD_JSON = [
    "[]", "null", "1", '"x"', "{}", '{"text": null, "label": "food"}', '{"text": 1, "label": "food"}',
    '{"text": "a", "label": 1.0}', '{"text": "a", "label": NaN}', '{"text": "a", "label": Infinity}',
    '{"text": "a", "label": true}', '{"text": "a", "label": ""}', '{"text": "a", "label": [1]}',
    '{"text": "a", "label": ' + "9" * 5000 + "}", '{"text": "a", "label": -' + "9" * 4000 + "}",
    '{"text": "a", "label": 1e999}', '{"text": "\\ud800", "label": "food"}', '{"text": "a", "label": "\\udc00"}',
    '{"text": "a\\u0000b", "label": "food"}', '{"text": "a", "text": "b", "label": "food"}', "[" * 100_000,
    '{"a":' * 50_000, '{"text": "a", "label": "x\\ny"}', '{"text": "a", "label": "\\u2028"}', '{"\\ud800": 1}',
    '{"text": "a", "label": "food"} {}', "{'text': 'a'}", '{"text": "a", "label": "\\u001b[31m"}',
    '{"text": ["' + "a" * 100_000 + '"], "label": "food"}', '{"' + "k" * 100_000 + '": 1}',
]  # fmt: skip


def _options(case: Case, kind: str) -> list[str]:
    rng = case.rng
    options = []
    if kind == "ids":
        options += ["--set", "data.label_names=names.txt"]
    if rng.random() < 0.5:
        options += ["--set", f"data.bad_rows={rng.choice(['skip', 'error'])}"]
    if rng.random() < 0.3:
        format = kind if kind != "ids" else "tsv"
        format = format if rng.random() < 0.8 else rng.choice(["auto", "tsv", "csv", "jsonl", "fasttext", "folder"])
        options += ["--set", f"data.format={format}"]
    if rng.random() < 0.1:
        options += ["--set", f"data.encoding={rng.choice(ENCODINGS)}"]
    if rng.random() < 0.1:
        options += ["--set", f"data.delimiter={rng.choice([';', '#', 'tab', 'é', 'x'])}"]
    if rng.random() < 0.15:
        column = rng.choice(["text_column", "label_column"])
        options += ["--set", f"data.{column}={rng.choice(['0', '1', '5', 'text', 'label', 'nope', '9' * 18, '日'])}"]
    return options


def _predict(case: Case, kind: str, name: str) -> None:
    rng = case.rng
    run = "run" if Path("run").exists() else "rcnn"
    words = ["predict", run, name]
    if rng.random() < 0.5:
        words += ["--format", rng.choice(["text", "tsv", "csv", "jsonl", "fasttext", "folder"])]
    if rng.random() < 0.4:
        words += ["--output-format", "jsonl", *rng.choice([[], ["--keep"]])]
    if rng.random() < 0.1:
        words += ["--delimiter", rng.choice([";", "#", "\t", "é", "", '"', ";;"])]
    if rng.random() < 0.2:
        words += ["--text-column", rng.choice(["0", "1", "2", "text", "label", "", "9" * 30, "٣"])]
    if rng.random() < 0.2:
        words += ["--encoding", rng.choice(ENCODINGS)]
    if rng.random() < 0.3:
        words += ["--output", rng.choice(["out.tsv", "new/out.tsv", "."])]
    if rng.random() < 0.2:
        words += ["--batch-size", rng.choice(["1", "3", "100000"])]
    before = files()
    ended = case.run(*words)
    check(case, ended, before)
    if ended.code == 0 and (option(words, "--format") == "text" or (name == "data" and "--format" not in words)):
        _check_row_count(case, ended, name, words)


def _check_row_count(case: Case, ended: Ended, name: str, words: list[str]) -> None:
    """A row for each line; a line that is not there is one that was lost."""
    content = Path(name).read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    text = content.decode(option(words, "--encoding") or "utf-8").removeprefix("\ufeff")
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    output = option(words, "--output")
    out = ended.out if output is None else Path(output).read_bytes()
    rows = out.count(b"\n")
    if rows != lines:
        case.problems.append(f"{lines} lines in, {rows} rows out")
