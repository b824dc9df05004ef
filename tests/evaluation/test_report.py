from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import classification_report
from wcwidth import wcswidth

from textrnn.evaluation.metrics import RunningTotals, all_metrics
from textrnn.evaluation.report import matrix_table, report_text

TRUTH, PREDICTED = np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])


def report(labels: list[str]) -> str:
    totals = RunningTotals(len(labels))
    totals.add(torch.eye(len(labels))[PREDICTED], TRUTH)
    return report_text(all_metrics(totals, labels) | {"seconds": 1.25})


def test_plain_labels_give_the_report_of_scikit_learn() -> None:
    labels = ["a", "bb", "a rather long label"]
    expected = classification_report(TRUTH, PREDICTED, target_names=labels, digits=4)
    text = report(labels)
    assert text.startswith(expected)
    for line in ("accuracy   0.7500", "macro-F1   0.7778", "documents  4", "time used  1.2 s"):
        assert line in text.splitlines()


def test_wide_labels_are_aligned_in_the_terminal() -> None:
    text = report(["体育", "a", "房产与家居生活新闻"])
    head, _, rest = text.partition("Confusion matrix (rows: true, columns: predicted)\n")
    rows = [line for line in head.splitlines() if line.split()[-1:] in (["1"], ["2"], ["4"], ["support"])]
    assert len(rows) == 7
    assert len({wcswidth(line) for line in rows}) == 1
    matrix = rest.splitlines()[:4]
    assert len({wcswidth(line) for line in matrix}) == 1


def test_the_matrix_by_eye() -> None:
    assert matrix_table([[10, 2], [0, 3]], ["体", "no"]) == "\n".join(
        [
            "    体  no",
            "体  10   2",
            "no   0   3",
        ]
    )
