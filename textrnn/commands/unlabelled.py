"""The files of texts without labels that a run learns from: `data.unlabelled`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from textrnn.config import Config
from textrnn.corpus.build import unlabelled_source
from textrnn.corpus.splits import Splits
from textrnn.corpus.store import content_digest
from textrnn.corpus.unlabelled import UnlabelledTexts
from textrnn.errors import DataError, short
from textrnn.reading.decoding import UNDECODABLE, read_lines
from textrnn.reading.headers import may_be_header
from textrnn.reading.labels import label_problem
from textrnn.reading.reader import parse, read_examples
from textrnn.reading.records import BadRow, Record, quoted
from textrnn.reading.source import DEFAULT_COLUMNS, Source, TextColumns
from textrnn.reading.table import table_rows
from textrnn.runtime.files import open_binary
from textrnn.runtime.progress import bar, log
from textrnn.training.linear import has_linear

_LINES_TRIED = 100  # to find out whether a file has the training format


class UnlabelledFiles:
    """The texts of `data.unlabelled`, which are read when they are first requested. labelled: the source of the
    training texts."""

    def __init__(self, source: Source, labelled: Source, splits: Splits, seed: int) -> None:
        self.source, self.labelled, self.splits, self.seed = source, labelled, splits, seed
        self.texts: list[str] | None = None

    def digest(self) -> str:
        """A hash of the files' content."""
        return content_digest(self.source)

    def __call__(self) -> Sequence[str]:
        """The distinct texts that may be used. Raises DataError."""
        if self.texts is None:
            texts = UnlabelledTexts(self.splits, self.seed)
            with bar("reading unlabelled texts", unit="text") as shown:
                for path, kind in self.source.files():
                    for example in read_examples(self._file_source(path, kind)):
                        texts.add(example.text)
                        shown.update()
            log.info(texts.summary())
            self.texts = texts.texts
        return self.texts

    def _file_source(self, path: str, kind: str) -> Source:
        """How to read one of the files."""
        source = replace(self.source, paths=[path], format=kind)
        own_kind = self.labelled.common_format() if kind == "text" else kind
        if self._is_labelled(path, own_kind):
            source = replace(self.labelled, paths=[path], format=own_kind, labelled=False, weight_column=None)
            log.info("%s: has labels, which are not used: its texts are read as texts without labels", path)
        elif kind in DEFAULT_COLUMNS:
            source = replace(source, text_column=_text_column(path, source, _columns(path, source)))
        for hint in source.encoding_hints():
            log.warning(hint)
        return source

    def _is_labelled(self, path: str, kind: str) -> bool:
        """Whether the first lines of a file, read in a format as the training files are, have labels of these."""
        if kind in ("auto", "folder", "text"):
            return False
        names, labels = self.labelled.label_names, self.splits.labels
        source = replace(self.labelled, paths=[path], format=kind, weight_column=None)
        with suppress(DataError), open_binary(path) as stream:
            lines = (line for line in read_lines(stream, source.encoding, path, "", {}) if line.strip())
            records = [*islice(parse(islice(lines, _LINES_TRIED), kind, path, source), _LINES_TRIED)]
            return bool(records) and all(
                isinstance(record, Record) and record.label is not None
                and all(
                    label.strip() in labels if names is None else label_problem(label.strip(), names) is None
                    for label in (record.label if isinstance(record.label, dict) else [record.label])
                )
                for record in records
            )  # fmt: skip
        return False


def unlabelled_files(config: Config, splits: Splits, labelled: Source) -> UnlabelledFiles | None:
    """The unlabelled texts of a config; None if it has none or its linear model does not use them."""
    source = unlabelled_source(config.data)
    if source is None or not has_linear(config, splits):
        return None
    return UnlabelledFiles(source, labelled, splits, config.train.seed)


def _columns(path: str, source: Source) -> list[str | int]:
    """The columns of a table or of the first object of a jsonl file: names if it seems to have some, else numbers."""
    with open_binary(path) as stream:
        lines = read_lines(stream, source.encoding, path, source.options.encoding, {})
        if source.format == "jsonl":
            with suppress(ValueError, RecursionError):
                first = json.loads(next((line for line in lines if line.strip()), ""))
                return [*first] if isinstance(first, dict) else []
            return []
        rows, _ = table_rows(lines, source.format, source)
        first_row = next((row for row in rows if not isinstance(row, BadRow) and any(row[1])), (0, []))[1]
    names = [field.strip() for field in first_row]
    is_header = UNDECODABLE not in "".join(names) and may_be_header(names) and source.format != "tsv"
    named = isinstance(source.text_column, str | list) or is_header
    return [*names] if named else [*range(len(names))]


def _text_column(path: str, source: Source, columns: Sequence[str | int]) -> TextColumns:
    """The labelled files' column of texts, or else the only one. Raises DataError."""
    usual = DEFAULT_COLUMNS[source.format][0] if source.text_column is None else source.text_column
    wanted = usual if isinstance(usual, list) else [usual]
    if all(column in columns or (isinstance(column, int) and column < len(columns)) for column in wanted):
        return usual
    if len(columns) == 1:
        return columns[0]
    shown = quoted([str(column) for column in columns])
    raise DataError(
        f"{path}: expected {' and '.join(map(short, wanted))}, the column of texts in the labelled files, or a single "
        f"column; found the columns {shown}: rename the one of texts, or give a file of one text per line"
    )
