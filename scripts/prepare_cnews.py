#!/usr/bin/env python3
"""Turn the cnews files (Chinese news, ten classes) into train.tsv, dev.tsv and test.tsv."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from prepare_common import PrepareError, encode_rows, main, read_rows, report, shown, write_all

SOURCE = """\
INPUT is a folder with cnews.train.txt, cnews.val.txt and cnews.test.txt (or the same names with .gz):
UTF-8, one `label<TAB>text` per line. They are a subset of THUCNews (http://thuctc.thunlp.org/);
https://github.com/gaussic/text-classification-cnn-rnn links to the download.

example:
  python scripts/prepare_cnews.py ~/downloads/cnews
"""
FILES = {"cnews.train.txt": "train.tsv", "cnews.val.txt": "dev.tsv", "cnews.test.txt": "test.tsv"}
CLASSES = 10


def checked_labels(rows: list[str], name: str) -> set[str]:
    labels = set()
    for number, row in enumerate(rows, 1):
        label, tab, text = row.partition("\t")
        if not (label and tab and text.strip()):
            raise PrepareError(f"{name}, line {number}: expected label<TAB>text, found {shown(row)}")
        labels.add(label)
    if len(labels) != CLASSES:
        names = ", ".join(sorted(labels)[: CLASSES + 2])
        raise PrepareError(f"{name}: expected {CLASSES} classes, found {len(labels)}: {names}")
    return labels


def prepare(options: argparse.Namespace) -> None:
    rows_of: dict[Path, list[str]] = {}
    first: set[str] = set()
    for name, target in FILES.items():
        rows = read_rows(options.input, name)
        labels = checked_labels(rows, name)
        first = first or labels
        if labels != first:
            odd = ", ".join(sorted(labels ^ first))
            raise PrepareError(f"{name}: expected the classes of cnews.train.txt, found these in only one file: {odd}")
        rows_of[options.output / target] = rows
    write_all({path: encode_rows(rows) for path, rows in rows_of.items()})
    for path, rows in rows_of.items():
        report(path, len(rows), CLASSES)


if __name__ == "__main__":
    sys.exit(main(prepare, __doc__ or "", "cnews", SOURCE))
