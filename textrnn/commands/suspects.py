"""Texts whose labels are likely to be wrong, and the file of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textrnn.data.division import folds_of_texts
from textrnn.data.findings import Finding
from textrnn.data.reader import Example
from textrnn.errors import short
from textrnn.evaluation.label_errors import find_label_errors
from textrnn.linear.fit import sample
from textrnn.linear.model import Folding
from textrnn.linear.out_of_fold import quick_margins
from textrnn.runtime.decoding import one_line
from textrnn.runtime.files import write_text
from textrnn.training.linear import reason_for_none

FOLDS = 4
MOST_ROWS, MOST_CHARACTERS = 100_000, 20_000_000
_SHOWN = 5
_SHOWN_CHARACTERS = 40
HEADER = ("label", "text", "suggested", "confidence", "where")


class Suspect(NamedTuple):
    """confidence: the probability of the label that the text has."""

    example: Example
    suggested: str
    confidence: float


class Suspects(NamedTuple):
    """found: the texts for which another label is likelier than their own, the worst first. wrong: how many labels are
    estimated to be wrong. looked_at: of how many texts. reason: why at none, else None."""

    found: list[Suspect]
    wrong: int
    looked_at: int
    reason: str | None


def find_suspects(
    examples: Sequence[Example], labels: Sequence[str], folding: Folding, seed: int,
    step: Callable[[], object] = lambda: None,
) -> Suspects:  # fmt: skip
    """examples: of all splits. Of more than MOST_ROWS or MOST_CHARACTERS a random part is looked at. A class with fewer
    texts than folds is not known well enough to suspect its texts."""
    rows = sample([example.text for example in examples], MOST_ROWS, MOST_CHARACTERS, seed)
    examples = [examples[row] for row in rows]
    texts = [folding(example.text) for example in examples]
    reason, distinct = reason_for_none(len(labels), len(examples)), len(set(texts))
    if reason is None and distinct < FOLDS:
        reason = f"{distinct} distinct texts are too few"
    if reason is not None:
        return Suspects([], 0, 0, reason)
    number_of = {label: number for number, label in enumerate(labels)}
    ids = np.asarray([number_of[str(example.label)] for example in examples])
    hashes = np.asarray([hash(text) for text in texts])
    folds = folds_of_texts(ids, hashes, FOLDS, seed)
    margins = quick_margins(texts, ids, folds, len(labels), seed=seed, step=step)
    errors = find_label_errors(margins, ids, fewest=FOLDS)
    is_known = np.bincount(ids, minlength=len(labels)) >= FOLDS
    has_text = np.asarray([bool(text) for text in texts])
    possible = is_known[ids] & has_text
    suspect = np.flatnonzero(errors.is_other & possible)
    ranked = suspect[np.argsort(errors.confidence[suspect], kind="stable")]
    found = [
        Suspect(examples[row], labels[errors.suggested[row]], float(errors.confidence[row])) for row in ranked.tolist()
    ]
    return Suspects(found, int((errors.suspect & possible).sum()), len(examples), None)


def describe(suspects: Suspects, output: Path | None) -> list[Finding]:
    """output: where all of them are."""
    if not suspects.wrong:
        return []
    listed = f"go through {output}" if output else "list them with --output suspects.tsv, and go through it"
    return [
        Finding(
            "suspects",
            f"about {suspects.wrong:,} of {suspects.looked_at:,} texts may have a wrong label: a linear model that was "
            f"fitted without them expects another one",
            remedy=f"{listed}, the likeliest errors first",
            examples=[_line(each) for each in suspects.found[:_SHOWN]],
        )
    ]


def _line(suspect: Suspect) -> str:
    text = " ".join(suspect.example.text.split())
    text = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    return f"{suspect.example.where}: {short(suspect.example.label)}, perhaps {short(suspect.suggested)}: {short(text)}"


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """A table with a header, csv where the path says so, else tsv, in which tabs and line ends are spaces. Raises
    TextRNNError where it cannot be written."""
    rows = [
        (str(each.example.label), each.example.text, each.suggested, f"{each.confidence:.3g}", each.example.where)
        for each in suspects
    ]
    stream = io.StringIO(newline="")
    if is_csv(path):
        csv.writer(stream, lineterminator="\n").writerows([HEADER, *rows])
    else:
        stream.writelines("\t".join(map(one_line, row)) + "\n" for row in [HEADER, *rows])
    write_text(path, stream.getvalue())


def is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"
