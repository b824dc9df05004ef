"""`textrnn predict`: one output row for each text, in order, in constant memory."""

from __future__ import annotations

import json
import os
import queue
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.data.formats import Column
from textrnn.data.reader import read_texts, suffix_format
from textrnn.files import atomic_writer, one_line, open_binary, open_stdin, read_lines
from textrnn.progress import bar, log

WINDOW_TEXTS, WINDOW_CHARACTERS = 16_384, 32_000_000  # sorted by length together: more is faster, and takes memory
PATIENCE_SECONDS = 0.5  # how long a text from a pipe waits for others
STDIN = "-"


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
    write_row = jsonl_row(classifier.labels, top_k) if output_format == "jsonl" else tsv_row(classifier.labels)
    with bar("predicting", unit="text") as shown:

        def run(stream: BinaryIO) -> None:
            for name in files:
                texts = texts_of(name, classifier, format, text_column, encoding)
                windows = file_windows(texts) if is_regular(name) else live_windows(texts, batch_size)
                for window in windows:
                    probabilities = classifier.predict_proba(window, batch_size=batch_size)
                    stream.write("".join(map(write_row, window, probabilities)).encode("utf-8", "surrogatepass"))
                    stream.flush()
                    shown.update(len(window))

        if output is None:
            run(cast(BinaryIO, sys.stdout.buffer))
        else:
            with atomic_writer(output) as stream:
                run(stream)
    cut = classifier.transform.cut_texts
    if cut:
        log.warning("%d longer than data.max_length (%d tokens): cut there", cut, classifier.transform.max_length)


def texts_of(
    name: str, classifier: TextClassifier, format: str | None, text_column: Column | None, encoding: str
) -> Iterator[str]:
    """The texts of a file or of stdin. A column that is not given is the run's."""
    kind = format or (suffix_format(name) if name != STDIN else None) or "text"
    data = classifier.config.data
    if kind == "text" and text_column is not None:
        log.warning("--text-column: %s is read as plain text, which has no columns; set --format", name)
    label_column = None
    if text_column is None:
        text_column, label_column = data.text_column, data.label_column
    shown_name = "stdin" if name == STDIN else name
    with open_stdin() if name == STDIN else open_binary(name) as stream:
        yield from read_texts(
            read_lines(stream, encoding, shown_name, "--encoding "), kind, shown_name, text_column, label_column
        )


def is_regular(name: str) -> bool:
    status = os.fstat(sys.stdin.fileno()) if name == STDIN else os.stat(name) if os.path.exists(name) else None
    return status is None or stat.S_ISREG(status.st_mode)


def file_windows(texts: Iterator[str]) -> Iterator[list[str]]:
    window: list[str] = []
    characters = 0
    for text in texts:
        window.append(text)
        characters += len(text)
        if len(window) == WINDOW_TEXTS or characters >= WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window


def live_windows(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    """Windows of at most `size` texts, each given out at the latest PATIENCE_SECONDS after its first text came.

    A thread reads, since a pipe cannot be asked portably whether it has more.
    """
    arrivals: queue.Queue[str | BaseException | None] = queue.Queue(maxsize=4 * size)

    def read() -> None:
        try:
            for text in texts:
                arrivals.put(text)
            arrivals.put(None)
        except BaseException as error:  # handed to the thread that can tell the user
            arrivals.put(error)

    threading.Thread(target=read, daemon=True).start()
    item = arrivals.get()
    while item is not None:
        window: list[str] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while isinstance(item, str):
            window.append(item)
            if len(window) == size:
                break
            try:
                item = arrivals.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                break
        if window:
            yield window
        if isinstance(item, BaseException):
            raise item
        if item is not None:
            item = arrivals.get()


def tsv_row(labels: list[str]) -> Callable[[str, np.ndarray], str]:
    """`label<TAB>probability<TAB>text`, whatever would break the row shown as spaces."""
    names = [one_line(label) for label in labels]

    def row(text: str, probabilities: np.ndarray) -> str:
        best = int(probabilities.argmax())
        return f"{names[best]}\t{probabilities[best]:.4f}\t{one_line(text)}\n"

    return row


def jsonl_row(labels: list[str], top_k: int | None) -> Callable[[str, np.ndarray], str]:
    def row(text: str, probabilities: np.ndarray) -> str:
        order = np.argsort(-probabilities, kind="stable")[: top_k or 1]
        ranked = [{"label": labels[at], "probability": round(float(probabilities[at]), 4)} for at in order]
        item: dict[str, object] = {"text": text, **ranked[0]}
        if top_k is not None:
            item["top"] = ranked
        return json.dumps(item, ensure_ascii=False) + "\n"

    return row
