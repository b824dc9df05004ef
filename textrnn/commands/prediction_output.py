"""What `predict` writes about each record: a row of tsv or csv, or a JSON object."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from textrnn.errors import TextRNNError, short
from textrnn.reading.reader import Example
from textrnn.runtime.progress import log
from textrnn.runtime.terminal import json_text, one_line, visible

COLUMNS = ["label", "probability", "text"]


class Prediction(NamedTuple):
    """label: empty for a record that could not be read, whose probabilities are 0. probability: the highest.
    probabilities (classes,): in the order of the model's labels."""

    example: Example
    label: str
    probability: float
    probabilities: np.ndarray


Format = Callable[[Iterable[Prediction]], Iterator[str]]


def tsv(*, on_terminal: bool) -> Format:
    """`label<TAB>probability<TAB>text`, with tabs and line ends inside the text as spaces.

    on_terminal: other control characters are shown as escapes, since a terminal would obey them. Elsewhere they stay.
    """

    def column(text: str) -> str:
        return visible(one_line(text)) if on_terminal else one_line(text)

    name = cache(column)

    def lines(predictions: Iterable[Prediction]) -> Iterator[str]:
        for example, label, probability, _ in predictions:
            yield f"{name(label)}\t{probability:.4f}\t{column(example.text)}\n"

    return lines


def jsonl(labels: list[str], *, top: int | None, all_probabilities: bool) -> Format:
    """A JSON object with text, label and probability; the `top` likeliest labels; the probabilities of all classes; the
    row if it is kept; and why a record could not be read."""

    def lines(predictions: Iterable[Prediction]) -> Iterator[str]:
        for example, label, probability, probabilities in predictions:
            text = example.text if example.problem is None else None
            item: dict[str, Any] = {"text": text, "label": label, "probability": round(probability, 4)}
            rounded = [round(each, 4) for each in probabilities.tolist()] if top or all_probabilities else []
            if top is not None:
                order = np.argsort(-probabilities, kind="stable")[:top].tolist() if example.problem is None else []
                item["top"] = [{"label": labels[at], "probability": rounded[at]} for at in order]
            if all_probabilities:
                item["probabilities"] = dict(zip(labels, rounded, strict=True))
            if example.row is not None:
                item["row"] = example.row
            if example.problem is not None:
                item["error"] = example.problem
            yield json_text(item)

    return lines


class Csv:
    """A header, and a row for each prediction: the fields of the record if they are kept, label, probability, text, and
    the probabilities of all classes if they are wanted.

    The first record with fields decides the columns; rows before it wait for it.
    """

    def __init__(self, labels: list[str], *, keep: bool, all_probabilities: bool, on_terminal: bool) -> None:
        self.classes = [f"p:{label}" for label in labels] if all_probabilities else []
        self.keep, self.on_terminal = keep, on_terminal
        self.kept: list[str] | None = None  # names of the record's columns; None until the header is written
        self.waiting: list[Prediction] = []
        # with both in the line's end, fields that hold either are quoted in every version of Python
        self.quote = csv.writer(SimpleNamespace(write=lambda line: line), lineterminator="\r\n").writerow

    def __call__(self, predictions: Iterable[Prediction]) -> Iterator[str]:
        """Raises TextRNNError for a record with a field that has no column."""
        for prediction in predictions:
            self.waiting.append(prediction)
            if not self.keep or self.kept is not None or prediction.example.row:
                yield from self.rest()

    def rest(self) -> Iterator[str]:
        """The header, unless it is written, and rows that wait."""
        if self.kept is None:
            self.kept = list(self.waiting[-1].example.row or ()) if self.waiting else []
            for name in ("label", "probability"):
                if name in self.kept:
                    log.warning("two columns are named %s: the first is the input's, the last is the prediction", name)
            yield self._line([*self.kept, *COLUMNS, *self.classes])
        for example, label, probability, probabilities in self.waiting:
            row = example.row or {}
            if unknown := [name for name in row if name not in self.kept]:
                raise TextRNNError(
                    f"{example.where}: the field {short(unknown[0])} has no column: with --keep, the fields of the "
                    f"first record are the columns of the csv; pass --output-format jsonl, or remove the field"
                )
            classes = (f"{share:.4f}" for share in probabilities.tolist()) if self.classes else ()
            yield self._line([*map(row.get, self.kept), label, f"{probability:.4f}", example.text, *classes])
        self.waiting = []

    def _line(self, cells: list[Any]) -> str:
        texts = [cell if isinstance(cell, str) else _json_cell(cell) for cell in cells]
        line: str = self.quote(map(visible, texts) if self.on_terminal else texts)
        return line.removesuffix("\r\n") + "\n"


def _json_cell(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
