"""Finds leaks: n-grams that alone give a class away, such as a header, an id or the name of the class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from textrnn.checking.findings import Finding, first
from textrnn.errors import short
from textrnn.linear.fit import candidate_kinds, sample
from textrnn.linear.model import Features, Folding
from textrnn.reading.reader import Example

CERTAIN = 0.99  # share of the texts with an n-gram that are of one class
COMPLETE, LARGE = 0.9, 0.4  # shares of the class's texts with it: a certain and a possible leak
FEWEST = 20  # minimum number of texts of a class to search
ROWS, CHARACTERS = 10_000, 4_000_000  # limits of what is searched
_SHOWN = 5
_CELLS = 50_000_000  # n-grams times classes that are counted at once


def find_leaks(examples: Sequence[Example], folding: Folding, seed: int) -> list[Finding]:
    """Search for leaks, in a random sample of more than ROWS texts or CHARACTERS."""
    rows = sample([example.text for example in examples], ROWS, CHARACTERS, seed)
    texts, labels = [folding(examples[row].text) for row in rows], [str(examples[row].label) for row in rows]
    names, ids = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    kind = candidate_kinds(texts)[0][0]
    fitted, features = Features.fit(kind, texts)
    features.data[:] = 1
    sizes, total = np.bincount(ids), np.bincount(features.indices, minlength=features.shape[1])
    frequent = np.flatnonzero(total >= LARGE * FEWEST)
    if len(names) < 2 or not len(frequent) or len(frequent) * len(names) > _CELLS:
        return []
    membership = sparse.csr_matrix((np.ones(len(ids), np.float32), (ids, np.arange(len(ids)))))
    counts = (membership @ features[:, frequent]).toarray()
    recall, precision = counts / sizes[:, None], counts / total[frequent]
    recall[(precision < CERTAIN) | (sizes[:, None] < FEWEST)] = 0
    best = recall.argmax(axis=1)  # of equally frequent n-grams the first, which is the shortest
    share = recall[np.arange(len(names)), best]
    if share.max() < LARGE:
        return []
    terms, findings = fitted.terms(), []
    for severe, is_leak in ((True, share >= COMPLETE), (False, (share >= LARGE) & (share < COMPLETE))):
        lines = [
            f"{short(terms[frequent[best[number]]])} occurs in {100 * share[number]:.0f} % of the texts of "
            f"{short(str(names[number]))} and almost nowhere else"
            for number in np.argsort(-share, kind="stable")
            if is_leak[number]
        ]
        if lines:
            text = f"{lines[0]}, so it gives the class{'' if severe else ' of many texts'} away"
            shown, more = first(lines, _SHOWN, lambda more: f"and {more:,} more classes")
            remedy = "remove it, unless new texts will contain it equally often"
            findings.append(Finding("leaks", text, severe, remedy, shown[1:], count=len(lines), more=more))
    return findings
