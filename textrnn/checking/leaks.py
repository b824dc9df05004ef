"""Leaks: an n-gram that alone tells a class, such as a header, an id or the name of the class itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from textrnn.checking.findings import Finding
from textrnn.errors import short
from textrnn.linear.features import Features
from textrnn.linear.fit import candidate_kinds, sample
from textrnn.linear.model import Folding
from textrnn.reading.reader import Example

CERTAIN = 0.99  # share of the texts with an n-gram that are of one class
COMPLETE, LARGE = 0.9, 0.4  # shares of the class's texts with it: a leak, and what is worth a look
FEWEST = 20  # texts of a class that are enough to tell
ROWS, CHARACTERS = 10_000, 4_000_000  # that are looked at, at most
_SHOWN = 5
_CELLS = 50_000_000  # n-grams times classes that are counted at once


def find_leaks(examples: Sequence[Example], folding: Folding, seed: int) -> list[Finding]:
    """Of more than ROWS texts or CHARACTERS a random part is looked at."""
    rows = sample([example.text for example in examples], ROWS, CHARACTERS, seed)
    texts, labels = [folding(examples[row].text) for row in rows], [str(examples[row].label) for row in rows]
    names, ids = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    kind = candidate_kinds(texts)[0][0]
    fitted, features = Features.fit(kind, texts)
    if len(names) < 2 or not features.shape[1]:
        return []
    features.data[:] = 1
    sizes, total = np.bincount(ids), np.bincount(features.indices, minlength=features.shape[1])
    frequent = np.flatnonzero(total >= LARGE * FEWEST)
    if not len(frequent) or len(frequent) * len(names) > _CELLS:
        return []
    of_class = sparse.csr_matrix((np.ones(len(ids), np.float32), (ids, np.arange(len(ids)))))
    counts = (of_class @ features[:, frequent]).toarray()
    recall, precision = counts / sizes[:, None], counts / total[frequent]
    recall[(precision < CERTAIN) | (sizes[:, None] < FEWEST)] = 0
    best = recall.argmax(axis=1)  # of equally frequent n-grams the first, which is the shortest
    share = recall[np.arange(len(names)), best]
    told = [number for number in np.argsort(-share, kind="stable") if share[number] >= LARGE]
    if not told:
        return []
    terms = fitted.vocabulary.terms(" " if kind.unit == "words" else "")
    findings = []
    for severe in (True, False):
        some = [number for number in told if (share[number] >= COMPLETE) == severe]
        lines = [
            f"{short(terms[frequent[best[number]]])} is in {100 * share[number]:.0f} % of the texts of "
            f"{short(str(names[number]))} and in hardly any other"
            for number in some
        ]
        if lines:
            more = len(lines) - _SHOWN
            findings.append(
                Finding(
                    "leaks",
                    lines[0] + f": it alone tells the class{'' if severe else ' of many texts'}",
                    severe,
                    "remove it, unless it will be in new texts just as often",
                    lines[1:_SHOWN] + [f"and {more:,} more classes"] * (more > 0),
                )
            )
    return findings
