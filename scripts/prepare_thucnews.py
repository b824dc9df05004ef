#!/usr/bin/env python3
"""Turn the THUCNews titles into train.txt, dev.txt, test.txt and class.txt, without leakage.

Some titles of the published train.txt also occur in dev.txt or test.txt. Training on them would
inflate the scores, so they are removed from train.txt.
"""

from __future__ import annotations

import argparse
import sys

from prepare_common import PrepareError, encode_rows, main, read_rows, report, shown, write_all

SOURCE = """\
INPUT is the folder THUCNews/data of https://github.com/649453932/Chinese-Text-Classification-Pytorch:
train.txt, dev.txt and test.txt (UTF-8, one `title<TAB>id` per line) and class.txt, which names the
ids 0 to 9, one per line. The other files of that folder are not needed.

example:
  python scripts/prepare_thucnews.py ~/downloads/Chinese-Text-Classification-Pytorch/THUCNews/data
"""
CLASSES = 10


def check_rows(rows: list[str], name: str) -> None:
    """Raise PrepareError at the first row that is not a title, one tab and a known id."""
    known = {str(number) for number in range(CLASSES)}
    for number, row in enumerate(rows, 1):
        title, _, label = row.partition("\t")
        if not title.strip() or label not in known:
            expected = f"title<TAB>id with an id of 0 to {CLASSES - 1}"
            raise PrepareError(f"{name}, line {number}: expected {expected}, found {shown(row)}")


def title_of(row: str) -> str:
    return row.partition("\t")[0]


def prepare(options: argparse.Namespace) -> None:
    classes = read_rows(options.input, "class.txt")
    if len(classes) != CLASSES or len(set(classes)) != CLASSES or not all(name.strip() for name in classes):
        found = shown(", ".join(classes))
        raise PrepareError(f"class.txt: expected {CLASSES} different names, one per line, found {found}")
    splits = {name: read_rows(options.input, f"{name}.txt") for name in ("train", "dev", "test")}
    for name, rows in splits.items():
        check_rows(rows, f"{name}.txt")
    held_out = {title_of(row) for name in ("dev", "test") for row in splits[name]}
    published = len(splits["train"])
    splits["train"] = [row for row in splits["train"] if title_of(row) not in held_out]
    if not splits["train"]:
        raise PrepareError("train.txt: expected titles that are not in dev.txt or test.txt, found none")

    contents = {options.output / f"{name}.txt": encode_rows(rows) for name, rows in splits.items()}
    contents[options.output / "class.txt"] = encode_rows(classes)
    write_all(contents)
    for name, rows in splits.items():
        report(options.output / f"{name}.txt", len(rows), len({row.partition("\t")[2] for row in rows}))
    print(f"{options.output / 'class.txt'}: {len(classes)} names")
    removed = published - len(splits["train"])
    print(f"rows removed from train.txt because their title is in dev.txt or test.txt: {removed:,}")


if __name__ == "__main__":
    sys.exit(main(prepare, __doc__ or "", "thucnews", SOURCE))
