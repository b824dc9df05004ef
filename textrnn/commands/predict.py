"""`textrnn predict`: one output row for each text, in order, in constant memory."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.data.reader import parse_examples
from textrnn.data.records import Column, OptionNames
from textrnn.data.source import Source, suffix_format
from textrnn.errors import DataError
from textrnn.runtime.decoding import one_line, read_lines, visible, visible_json
from textrnn.runtime.files import atomic_writer, open_binary
from textrnn.runtime.live import open_live
from textrnn.runtime.progress import bar, log

WINDOW_TEXTS, WINDOW_CHARACTERS = 16_384, 4_000_000  # sorted by length together: more is faster, but takes memory
STDIN = "-"
OPTIONS = OptionNames(text_column="--text-column ", format="--format ", encoding="--encoding ", bad_rows=None)


def predict(
    classifier: TextClassifier,
    files: list[str],
    output: Path | None,
    *,
    format: str | None,
    text_column: Column | None,
    encoding: str,
    output_format: str,
    top_k: int | None,
    batch_size: int,
) -> None:
    """Predict each text of each file. Raises DataError `file:line` for a record without a readable text."""
    on_terminal = output is None and sys.stdout.isatty()
    write_row = (
        jsonl_row(classifier.labels, top_k)
        if output_format == "jsonl"
        else tsv_row(classifier.labels, on_terminal=on_terminal)
    )
    with bar("predicting", unit="text") as shown:

        def run(stream: BinaryIO) -> None:
            def answer(window: list[str]) -> None:
                probabilities = classifier.predict_proba(window, batch_size=batch_size)
                rows = map(write_row, window, probabilities)
                try:
                    stream.writelines(row.encode("utf-8", "surrogatepass") for row in rows)
                    stream.flush()
                except OSError as error:  # with a name, since it may pass through the reading of a pipe
                    raise OSError(error.errno, error.strerror, str(stream.name) if output else "stdout") from error
                shown.update(len(window))

            for name in files:
                window = Window(answer, batch_size if is_live(name) else WINDOW_TEXTS)
                try:
                    for text in texts_of(name, classifier, format, text_column, encoding, window.flush):
                        window.add(text)
                except DataError:
                    window.flush()  # texts before the bad record still get their answer
                    raise
                window.flush()

        if output is None:
            run(cast(BinaryIO, sys.stdout.buffer))
        else:
            with atomic_writer(output) as stream:
                run(stream)
    cut = classifier.transform.cut_texts
    if cut:
        plural = "s are" if cut > 1 else " is"
        log.warning(
            "%d text%s longer than the model reads (data.max_length, %d tokens): cut there",
            cut, plural, classifier.transform.max_length,
        )  # fmt: skip


def texts_of(
    name: str,
    classifier: TextClassifier,
    format: str | None,
    text_column: Column | None,
    encoding: str,
    before_waiting: Callable[[], None],
) -> Iterator[str]:
    """The texts of a file or of stdin. A column that is not given is the run's.

    `before_waiting` is called when the next text has not arrived yet.
    """
    kind = format or (suffix_format(name) if name != STDIN else None) or "text"
    data = classifier.config.data
    if kind == "text" and text_column is not None:
        log.warning("--text-column: %s is read as plain text, which has no columns; set --format", name)
    label_column = None
    if text_column is None:
        text_column, label_column = data.text_column, data.label_column
    shown_name = "stdin" if name == STDIN else name
    source = Source([name], kind, text_column, label_column, labelled=False, options=OPTIONS)
    path = os.dup(sys.stdin.fileno()) if name == STDIN else name
    with open_live(path, before_waiting) if is_live(name) else open_binary(path) as stream:
        lines = read_lines(stream, encoding, shown_name, OPTIONS.encoding)
        for example in parse_examples(lines, kind, shown_name, source):
            yield example.text


class Window:
    """Texts that are predicted together: at most `size`, and a limited number of characters, to bound memory."""

    def __init__(self, answer: Callable[[list[str]], None], size: int) -> None:
        self.answer, self.size = answer, size
        self.texts: list[str] = []
        self.characters = 0

    def add(self, text: str) -> None:
        self.texts.append(text)
        self.characters += len(text)
        if len(self.texts) == self.size or self.characters >= WINDOW_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        texts, self.texts, self.characters = self.texts, [], 0
        if texts:
            self.answer(texts)


def is_live(name: str) -> bool:
    """Whether it is a pipe or a terminal, where texts may still arrive, and not a file on disk."""
    if name == STDIN:
        return not stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    return os.path.exists(name) and not os.path.isdir(name) and not os.path.isfile(name)


def tsv_row(labels: list[str], *, on_terminal: bool) -> Callable[[str, np.ndarray], str]:
    """`label<TAB>probability<TAB>text`, with tabs and line ends inside the text as spaces.

    on_terminal: other control characters are shown as escapes, since a terminal would obey them. Elsewhere they stay.
    """

    def column(text: str) -> str:
        return visible(one_line(text)) if on_terminal else one_line(text)

    names = [column(label) for label in labels]

    def row(text: str, probabilities: np.ndarray) -> str:
        best = int(probabilities.argmax())
        return f"{names[best]}\t{probabilities[best]:.4f}\t{column(text)}\n"

    return row


def jsonl_row(labels: list[str], top_k: int | None) -> Callable[[str, np.ndarray], str]:
    def row(text: str, probabilities: np.ndarray) -> str:
        order = np.argsort(-probabilities, kind="stable")[: top_k or 1]
        ranked = [{"label": labels[at], "probability": round(float(probabilities[at]), 4)} for at in order]
        item: dict[str, object] = {"text": text, **ranked[0]}
        if top_k is not None:
            item["top"] = ranked
        return visible_json(json.dumps(item, ensure_ascii=False, allow_nan=False)) + "\n"

    return row
