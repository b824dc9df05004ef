"""Checks of the labels of whole splits; each error names a row."""

from __future__ import annotations

from textrnn.data.corpus import Corpus
from textrnn.data.formats import comma_remedy
from textrnn.data.labels import folded, is_number
from textrnn.data.reader import read_examples
from textrnn.data.source import Source
from textrnn.data.store import content_changed
from textrnn.errors import DataError, short

_MANY_LABELS = 40  # more than this, and more than half as many as rows: the column does not hold labels
_LABELS_SHOWN = 12


def check_classes(corpus: Corpus, source: Source) -> None:
    """Raises DataError for training data with a single label, or with so many that they cannot be classes."""
    if len(corpus.labels) < 2:
        raise DataError(
            f"{', '.join(source.paths)}: expected two or more classes, but every text has the label "
            f"{short(corpus.labels[0])}; is the column of labels the right one (--label-column)?"
        )
    remedy = "Set the columns, for example --text-column 0 --label-column 1"
    if source.label_column is not None:
        remedy = f"Set another one with {source.options.label_column}COLUMN"
    if {kind for _, kind in source.files()} == {"fasttext"}:
        label = corpus.labels[0]
        remedy = comma_remedy(f"__label__{label}", source.paths[0]) or "Put white space between label and text"
    if source.label_names is None and len(corpus.labels) > max(_MANY_LABELS, len(corpus) / 2):
        raise DataError(
            f"{next(read_examples(source)).where}: found {len(corpus.labels):,} different labels in {len(corpus):,} "
            f"rows, the first of them {short(corpus.labels[0])}: the label column seems to hold texts. {remedy}"
        )


def check_known_labels(corpus: Corpus, source: Source, labels: list[str], owner: str) -> None:
    """Raises DataError at the first label that is not among `labels`, those of `owner`."""
    unknown = next((label for label in corpus.labels if label not in labels), None)
    if unknown is None:
        return
    row = next((example for example in read_examples(source) if example.label == unknown), None)
    if row is None:
        raise content_changed(source)
    shown = ", ".join(label if len(label) <= 80 else short(label) for label in labels[:_LABELS_SHOWN]) + (
        ", ..." if len(labels) > _LABELS_SHOWN else ""
    )
    meant = next((label for label in labels if folded(label) == folded(unknown)), None)
    remedy = "Correct or remove the row" if meant is None else f"Did you mean {short(meant)}? Correct or remove the row"
    if meant is not None and is_number(meant) and is_number(unknown):
        remedy = (
            f"{short(unknown)} and {short(meant)} are equal as numbers, but labels are compared as text: write them "
            f"alike in all files"
        )
    if hints := source.encoding_hints():  # then the label may be garbled
        remedy = hints[0]
    raise DataError(f"{row.where}: unknown label {short(unknown)}; {owner} has: {shown}. {remedy}")
