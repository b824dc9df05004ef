"""The files of a comparison: numbers as JSON, the text that was printed, a page, and the texts that runs differ on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.data.resample import texts_at
from textrnn.data.source import Source
from textrnn.evaluation.comparison import differing_rows
from textrnn.evaluation.comparison_page import Example, chosen_examples, comparison_html, example
from textrnn.evaluation.comparison_text import comparison_text
from textrnn.runtime.decoding import one_line, visible_json
from textrnn.runtime.files import atomic_writer, write_bytes

COMPARISON = ("comparison.json", "comparison.txt", "comparison.html", "differences.tsv")


def comparison_json(found: dict[str, Any]) -> str:
    return visible_json(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def write_comparison(
    folder: Path, found: dict[str, Any], source: Source, rows: np.ndarray, hashes: np.ndarray, truth: np.ndarray,
    predicted: list[np.ndarray],
) -> None:  # fmt: skip
    """rows (n,): of the texts in the source; hashes: of all its texts; truth, each of predicted: (n,) label ids.

    Raises: TextRNNError where a file cannot be written; DataError where the source has changed since.
    """
    labels, differing = found["labels"], differing_rows(truth, predicted)
    chosen = chosen_examples(truth[differing], [each[differing] for each in predicted])
    wanted = {number for each in chosen for number in (*each.only_first, *each.only_this)}
    examples: dict[int, Example] = {}
    with atomic_writer(folder / "differences.tsv") as stream:
        header = ["true", *(f"predicted by {run['name']}" for run in found["runs"]), "text"]
        stream.write(_line(header))
        texts = texts_at(source, rows[differing].tolist(), hashes)
        for number, (row, text) in enumerate(zip(differing, texts, strict=True)):
            names = [labels[truth[row]], *(labels[each[row]] for each in predicted)]
            stream.write(_line([*names, text]))
            if number in wanted:
                examples[number] = example(names, text)
    pages = {"json": comparison_json(found), "txt": comparison_text(found)}
    pages["html"] = comparison_html(found, chosen, examples)
    for suffix, content in pages.items():
        write_bytes(folder / f"comparison.{suffix}", _utf8(content))


def _line(columns: list[str]) -> bytes:
    return _utf8("\t".join(map(one_line, columns)) + "\n")


def _utf8(text: str) -> bytes:
    """With escapes for the bytes of file names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace")
