"""The input of `predict`: files, folders and streams, by default in the format, encoding and columns of the run."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from textrnn.classifier import TextClassifier
from textrnn.errors import DataError, short
from textrnn.reading.decoding import UNDECODABLE, open_live, read_lines
from textrnn.reading.headers import HeaderError
from textrnn.reading.labels import label_problem
from textrnn.reading.reader import Example, Skipped, parse, parse_examples, read_examples, without_bad_rows
from textrnn.reading.records import BadRow, Record
from textrnn.reading.source import OptionNames, Source, TextColumns, suffix_format
from textrnn.runtime.files import open_binary
from textrnn.runtime.progress import log

STDIN = "-"
OPTIONS = OptionNames(format="--format ", encoding="--encoding ", delimiter="--delimiter ", bad_rows=None)
MARK_HINT = "--bad-rows mark gives such rows an empty label and continues"
_LINES_TRIED = 100  # to find out whether a file has the training format


class InputOptions(NamedTuple):
    """How to read; None means as in training. keep: whether examples keep all fields of their rows. bad_rows: error, or
    mark for an example with a problem for each bad row; None if the command has no such option."""

    format: str | None = None
    text_column: TextColumns | None = None
    delimiter: str | None = None
    encoding: str | None = None
    keep: bool = False
    bad_rows: str | None = None


def examples_of(
    name: str, classifier: TextClassifier, options: InputOptions, before_waiting: Callable[[], None]
) -> Iterator[Example]:
    """The texts of a file, a folder or stdin. `before_waiting` is called when the next text has not arrived yet."""
    source = _source(name, classifier, options)
    if name != STDIN and os.path.isdir(name):
        if options.format not in (None, "folder"):
            raise DataError(f"{name}: expected a file (--format {options.format}), found a folder")
        source = replace(source, format="folder")
        _warn(source, "folder", name, options)
        yield from read_examples(source)
        return
    if options.format == "folder":
        raise DataError(f"{name}: expected a folder (--format folder), found a file")
    shown_name = "stdin" if name == STDIN else name
    path = os.dup(sys.stdin.fileno()) if name == STDIN else name
    kind = options.format or (None if name == STDIN else suffix_format(name))
    if kind is None and (name == STDIN or source.live):
        kind = "text"
    if kind is not None:  # before a slow pipe is waited for
        _warn(source, kind, name, options)
    with open_live(path, shown_name, before_waiting) if source.live else open_binary(path) as stream:
        undecodable: dict[int, str] = {}
        lines = read_lines(stream, source.encoding, shown_name, OPTIONS.encoding, undecodable)
        if kind is None:
            kind, lines = _format_of_run(lines, source, classifier)
            _warn(source, kind, name, options)
        elif name == STDIN and options.format is None:
            lines = _with_hint_of_format(lines, source, classifier)
        yield from without_bad_rows(parse_examples(lines, kind, shown_name, source, undecodable), source, Skipped())


def _warn(source: Source, kind: str, name: str, options: InputOptions) -> None:
    """Warn of options without effect, and of an encoding that does not seem to be the file's."""
    shown = "plain text" if kind == "text" else kind
    if options.text_column is not None and kind in ("text", "fasttext", "folder"):
        log.warning("--text-column: %s is read as %s, which has no columns; set --format", name, shown)
    if options.keep and kind == "text":
        log.warning("--keep: %s is read as plain text, which has no columns; set --format", name)
    if options.delimiter is not None and kind != "csv":
        log.warning("--delimiter: %s is read as %s, which has none; set --format", name, shown)
    if name != STDIN and not source.live:
        for hint in source.encoding_hints():
            log.warning(hint)


def inputs_of(names: list[str]) -> list[str | int]:
    """The names, with the descriptor of stdin in place of its name."""
    return [sys.stdin.fileno() if name == STDIN else name for name in names]


def is_live(name: str) -> bool:
    """Whether it is a pipe or a terminal, from which texts may still arrive, and not a file on disk."""
    if name == STDIN:
        return not stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    return os.path.exists(name) and not os.path.isdir(name) and not os.path.isfile(name)


def _source(name: str, classifier: TextClassifier, options: InputOptions) -> Source:
    data, live = classifier.config.data, is_live(name)
    as_trained = options.text_column is None
    return Source(
        [name], options.format or "text", data.text_column if as_trained else options.text_column,
        data.label_column if as_trained else None, delimiter=options.delimiter or data.delimiter,
        encoding=options.encoding or ("utf-8" if live or name == STDIN else data.encoding), labelled=False, live=live,
        keep=options.keep, mark_bad_rows=options.bad_rows == "mark",
        options=replace(OPTIONS, bad_rows=MARK_HINT if options.bad_rows else None),
    )  # fmt: skip


def _format_of_run(lines: Iterator[str], source: Source, classifier: TextClassifier) -> tuple[str, Iterator[str]]:
    """The format that the model was trained on, if the first lines of a file all fit it, with labels that the model
    knows, else text; and the same lines. If only most of them fit, a warning names the first that does not."""
    (name,) = source.paths
    kind = classifier.trained_on
    if kind in ("auto", "folder"):
        return "text", lines
    head: list[str] = []
    numbers: list[int] = []  # of the lines that are not empty
    failure: DataError | None = None  # of the reading

    def filled() -> Iterator[str]:
        nonlocal failure
        try:
            for line in lines:
                head.append(line)
                if line.strip():
                    numbers.append(len(head))
                    yield line.replace(UNDECODABLE, "\ufffd")  # a bad byte is no sign of the format
        except DataError as error:
            failure = error

    def all_lines() -> Iterator[str]:
        yield from head
        if failure is not None:
            raise failure
        yield from lines

    fitting, count, misfit = 0, 0, None
    try:
        for record in islice(parse(filled(), kind, name, _source_of_run(source, classifier)), _LINES_TRIED):
            count += 1
            problem = record.reason if isinstance(record, BadRow) else _unknown_label(record, classifier)
            fitting += isinstance(record, Record) or record.reason.startswith("no key ")  # an object, of other keys
            if problem is not None and misfit is None:
                misfit = f"line {numbers[min(record.line, len(numbers)) - 1]}: {problem}"
    except HeaderError:
        return kind, all_lines()  # which the reading reports with a remedy
    except DataError as error:  # it is not of this format
        line, _, reason = str(error).removeprefix(f"{name}:").partition(": ")
        number = numbers[min(int(line), len(numbers)) - 1] if line.isdigit() else 1
        misfit = misfit or f"line {number}: {reason or error}"
        count += 1
    if count and misfit is None:
        log.info("%s: read as %s, the format of the texts that the model was trained on (--format text reads lines)",
                 name, kind)  # fmt: skip
        must_be_labelled = kind == "fasttext" and not source.mark_bad_rows
        return kind, _labelled_lines(all_lines(), name) if must_be_labelled else all_lines()
    if fitting > count / 2:
        log.warning("%s: read as plain text, one a line, although most of its first lines look like %s, which the "
                    "model was trained on; %s. To read it so, pass --format %s", name, kind, misfit, kind)  # fmt: skip
    return "text", all_lines()


def _source_of_run(source: Source, classifier: TextClassifier) -> Source:
    """The source, read as in training, with labels, since any text may look like a row; jsonl is known by its keys."""
    kind, label_column = classifier.trained_on, classifier.config.data.label_column
    return replace(source, format=kind, label_column=label_column, labelled=kind != "jsonl", keep=False)


def _unknown_label(record: Record, classifier: TextClassifier) -> str | None:
    if not isinstance(record.label, str):
        return None
    labels, are_ids = classifier.labels, classifier.config.data.label_names is not None
    problem = label_problem(record.label, labels if are_ids else None)
    if problem is None and not are_ids and record.label not in labels:
        return f"the model has no label {short(record.label)}"
    return problem


def _with_hint_of_format(lines: Iterator[str], source: Source, classifier: TextClassifier) -> Iterator[str]:
    """The lines of stdin, which are texts; a warning if the first one looks like the run's format."""
    kind = classifier.trained_on
    first = next(lines, None)
    if first is None:
        return
    if kind in ("tsv", "fasttext", "jsonl"):
        with contextlib.suppress(DataError):
            record = next(iter(parse([first], kind, "stdin", _source_of_run(source, classifier))), None)
            if isinstance(record, Record) and record.text and _unknown_label(record, classifier) is None:
                log.warning("stdin: read as plain text, one a line, although the first line looks like %s, which the "
                            "model was trained on; to read it so, pass --format %s", kind, kind)  # fmt: skip
    yield first
    yield from lines


def _labelled_lines(lines: Iterator[str], name: str) -> Iterator[str]:
    """The lines of a file that was taken for fasttext. Raises DataError at a line without a label."""
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("__label__"):
            raise DataError(
                f"{name}:{number}: expected `__label__NAME text` as in the lines before, found {short(line.strip())}; "
                f"pass --format fasttext to accept lines without labels, --format text to read all lines as texts"
            )
        yield line


def longer_texts(count: int, max_length: int, reader: str) -> str:
    """The beginning of a warning about texts with more tokens than the reader, the model or its network, reads."""
    texts = f"{count} texts are" if count > 1 else f"{count} text is"
    return f"{texts} longer than the {reader} reads (data.max_length, {max_length} tokens)"
