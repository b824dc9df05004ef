"""Finds labels that are probably wrong, by confident learning on held-out predictions."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.checking.findings import Finding, Shown, excerpt
from textrnn.corpus.splits import folds_of_texts
from textrnn.errors import short
from textrnn.linear.fit import quick_margins, sample
from textrnn.linear.model import Folding
from textrnn.reading.reader import Example, read_examples
from textrnn.reading.source import DEFAULT_COLUMNS, Source, changed_while_read
from textrnn.runtime.files import write_bytes
from textrnn.runtime.terminal import one_line
from textrnn.training.linear import reason_for_none

FOLDS = 4
MOST_ROWS, MOST_CHARACTERS = 100_000, 20_000_000
HEADER = ("label", "text", "suggested", "label_probability", "where", "split", "row")
_COOLEST, _HOTTEST = 0.01, 20.0  # limits of the temperature
_SHOWN = 5
_SHOWN_CHARACTERS = 40


class LabelErrors(NamedTuple):
    """confidence (n,): the probability of each text's own label, calibrated: the lower, the likelier it is wrong.
    suggested (n,): the likeliest other label. is_other (n,) bool: whether that is likelier than the own one. suspect
    (n,) bool: whether the own one is counted as wrong."""

    confidence: np.ndarray
    suggested: np.ndarray
    is_other: np.ndarray
    suspect: np.ndarray


def find_label_errors(margins: np.ndarray, labels: np.ndarray, *, fewest: int = 1) -> LabelErrors:
    """Rank and count wrong labels. margins (n, classes): out-of-fold. labels (n,): the given ones. fewest: least
    number of texts of a class that may be suggested for others; with fewer, any text would reach its low mean.

    Texts are ranked by the probability of their own label (`self-confidence`), and counted by the confident joint of
    confident learning (Northcutt, Jiang and Chuang 2021, equations 1 and 2): a label is suspect if another class has
    a probability of at least its own mean over the texts that are labelled with it, and the highest of those that do.
    Of the rankings that the paper compares, this one finds labels that were changed at random best
    (docs/explanation/check.md).
    """
    rows, classes = np.arange(len(labels)), margins.shape[1]
    probabilities = calibrated(margins, labels)
    confidence = probabilities[rows, labels]
    counts = np.bincount(labels, minlength=classes)
    thresholds = np.bincount(labels, confidence, minlength=classes) / np.maximum(counts, 1)
    above = np.where((probabilities >= thresholds) & (counts >= fewest), probabilities, -1.0)
    suspect = (above.max(axis=1) >= 0) & (above.argmax(axis=1) != labels)
    probabilities[rows, labels] = -1.0
    return LabelErrors(confidence, probabilities.argmax(axis=1), probabilities.max(axis=1) > confidence, suspect)


def calibrated(margins: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n, classes) float64: the softmax of margins divided by the temperature of the least cross-entropy (Guo et al.
    2017)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    margins, rows = margins.astype(np.float64), np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(margins / np.exp(log_temperature), axis=1)[rows, labels].mean())

    best = minimize_scalar(loss, bounds=(np.log(_COOLEST), np.log(_HOTTEST)), method="bounded")
    return np.exp(log_softmax(margins / np.exp(best.x), axis=1))


class Suspect(NamedTuple):
    """split: the one whose files have the text. confidence: the probability of the label that the text has."""

    split: str
    example: Example
    suggested: str
    confidence: float


class Suspects(NamedTuple):
    """ranked: the texts for which another label is likelier than their own, the worst first. wrong: the estimated
    number of wrong labels. examined: the number of texts that were examined. reason: why none was, else None."""

    ranked: list[Suspect]
    wrong: int
    examined: int
    reason: str | None


def find_suspects(
    samples: Mapping[str, Sequence[Example]], labels: Sequence[str], folding: Folding, seed: int,
    step: Callable[[], object] = lambda: None,
) -> Suspects:  # fmt: skip
    """Search for wrong labels. samples: split -> its texts. A random part is examined if there are more than MOST_ROWS
    or MOST_CHARACTERS. A class with fewer texts than folds is not known well enough to suspect its texts."""
    places = [(split, example) for split, examples in samples.items() for example in examples]
    rows = sample([example.text for _, example in places], MOST_ROWS, MOST_CHARACTERS, seed)
    places = [places[row] for row in rows]
    texts = [folding(example.text) for _, example in places]
    reason, distinct = reason_for_none(len(labels), len(places)), len(set(texts))
    if reason is None and distinct < FOLDS:
        reason = f"{distinct} distinct texts are too few"
    if reason is not None:
        return Suspects([], 0, 0, reason)
    number_of = {label: number for number, label in enumerate(labels)}
    ids = np.asarray([number_of[str(example.label)] for _, example in places])
    folds = folds_of_texts(ids, np.asarray([hash(text) for text in texts]), FOLDS, seed)
    margins = quick_margins(texts, ids, folds, len(labels), seed=seed, step=step)
    errors = find_label_errors(margins, ids, fewest=FOLDS)
    is_possible = (np.bincount(ids)[ids] >= FOLDS) & np.asarray([text != "" for text in texts])
    suspect = np.flatnonzero(errors.is_other & is_possible)
    ranked = []
    for row in suspect[np.argsort(errors.confidence[suspect], kind="stable")].tolist():
        split, example = places[row]
        ranked.append(Suspect(split, example, labels[errors.suggested[row]], float(errors.confidence[row])))
    return Suspects(ranked, int((errors.suspect & is_possible).sum()), len(places), None)


def suspects_finding(suspects: Suspects, output: Path | None) -> Finding:
    """A finding about all suspects. output: the file that lists them."""
    remedy = f"go through {output}" if output else "list them with --output suspects.tsv, and go through it"
    return Finding(
        "suspects",
        f"about {suspects.wrong:,} of {suspects.examined:,} texts may have a wrong label: a linear model that was "
        f"fitted without them expects another one",
        remedy=f"{remedy}, the likeliest errors first",
        examples=[
            Shown(
                f"{example.where}: {short(example.label)}, perhaps {short(suggested)}: "
                f"{excerpt(example.text, _SHOWN_CHARACTERS)}",
                [example.where],
            )
            for _, example, suggested, _ in suspects.ranked[:_SHOWN]
        ],
        count=suspects.wrong,
    )


def write_suspects(path: Path, suspects: Sequence[Suspect], sources: Mapping[str, Source], *, keep: bool) -> None:
    """A table with a header: csv if the path ends so, else tsv, in which tabs and line ends are spaces. sources:
    split -> its files, read again for the numbers of the rows. keep: whether the other columns of the input follow.
    Raises TextRNNError if it cannot be written."""
    places = _places(suspects, sources, keep=keep)
    names = list(dict.fromkeys(name for _, columns in places.values() for name in columns))
    rows = [(*HEADER, *(f"input {name}" if name in HEADER else name for name in names))]
    for split, example, suggested, confidence in suspects:
        number, columns = places[split, example.where]
        own = (str(example.label), example.text, suggested, f"{confidence:.3g}", example.where, split, str(number))
        rows.append((*own, *(columns.get(name, "") for name in names)))
    stream = io.StringIO(newline="")
    if is_csv(path):
        csv.writer(stream, lineterminator="\n").writerows(rows)
    else:
        stream.writelines("\t".join(map(one_line, row)) + "\n" for row in rows)
    write_bytes(path, stream.getvalue().encode("utf-8", "backslashreplace"))  # names of files may be of any bytes


def _places(
    suspects: Sequence[Suspect], sources: Mapping[str, Source], *, keep: bool
) -> dict[tuple[str, str], tuple[int, dict[str, str]]]:
    """(split, where) of each suspect -> the number of its row among the good rows of its file, from 1, and the other
    columns of that row, as text."""
    keys = {(suspect.split, suspect.example.where) for suspect in suspects}
    places = {}
    for split, source in sources.items():
        numbers: Counter[str] = Counter()
        for example in read_examples(replace(source, keep=keep)):
            file = example.where.rpartition(":")[0]
            numbers[file] += 1
            if (split, example.where) in keys:
                places[split, example.where] = numbers[file], _other_columns(example.row or {}, source)
    if len(places) < len(keys):
        raise changed_while_read(path for source in sources.values() for path in source.paths)
    return places


def _other_columns(row: Mapping[str, Any], source: Source) -> dict[str, str]:
    defaults = DEFAULT_COLUMNS.values()
    texts = source.text_columns or [text for text, _ in defaults]
    labels = [label for _, label in defaults] if source.label_column is None else [source.label_column]
    own = {str(column) for column in (*texts, *labels)}
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in row.items()
        if name not in own
    }


def is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"
