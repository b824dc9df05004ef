from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.metrics import classification_report
from wcwidth import wcswidth

from textrnn.evaluation.metrics import PartTotals, all_metrics
from textrnn.reports.text import matrix_table, report_text

TRUTH, PREDICTED = np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])


def report(labels: list[str]) -> str:
    totals, logits = PartTotals(len(labels), None), torch.eye(len(labels))[PREDICTED]
    totals.add(logits, TRUTH, network=logits)
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


def cells(*counts: tuple[int, int, int], classes: int) -> np.ndarray:
    matrix = np.eye(classes, dtype=np.int64) * 5
    for true, predicted, count in counts:
        matrix[true, predicted] = count
    return matrix


def narrow(matrix: np.ndarray, labels: list[str], columns: int) -> list[str]:
    totals = PartTotals(len(labels), None)
    totals.total.matrix = totals.network.matrix = csr_array(matrix)
    metrics = all_metrics(totals, labels) | {"seconds": 1.25}
    lines = report_text(metrics, columns, file="runs/x/eval/test/report.txt").splitlines()
    assert max(map(wcswidth, lines)) <= columns
    return lines


CHINESE = ["体育", "a", "房产与家居生活新闻", "b" * 60]


def test_the_pairs_by_eye() -> None:
    lines = narrow(cells((0, 2, 3), (2, 1, 7), (3, 0, 1), (1, 0, 3), classes=4), CHINESE, 80)
    at = lines.index("too wide for this terminal; its most confused pairs:")
    assert lines[at - 1] == "Confusion matrix (rows: true, columns: predicted)"
    assert lines[at + 1 : at + 6] == [
        "true                            predicted           count  % of true",
        "房产与家居生活新闻              a                       7       58.3",
        "体育                            房产与家居生活新闻      3       37.5",
        "a                               体育                    3       37.5",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb…  体育                    1       16.7",
    ]
    assert lines[at + 6] == "the whole matrix is in runs/x/eval/test/report.txt"


def test_pairs_of_as_many_texts_keep_the_order_of_the_matrix() -> None:
    lines = narrow(cells((5, 1, 2), (5, 0, 2), (2, 7, 2), (0, 1, 2), classes=30), [f"class-{n}" for n in range(30)], 60)
    pairs = [line.split()[:2] for line in lines if line.endswith(("28.6", "22.2"))]
    assert pairs == [["class-0", "class-1"], ["class-2", "class-7"], ["class-5", "class-0"], ["class-5", "class-1"]]


def test_one_more_pair_than_is_shown() -> None:
    lines = narrow(cells(*[(0, n, 1) for n in range(1, 12)], classes=30), [f"class-{n}" for n in range(30)], 60)
    assert "and 1 more pair" in lines


def test_without_errors_a_sentence_stands_for_the_pairs() -> None:
    lines = narrow(cells(classes=30), [f"class-{n}" for n in range(30)], 80)
    assert "none: every text has the label that was predicted" in lines


def test_a_matrix_that_fits_just_is_shown() -> None:
    matrix = cells((0, 1, 2), classes=30)
    labels = [f"c{n}" for n in range(30)]
    width = wcswidth(matrix_table(matrix.tolist(), labels).splitlines()[0])
    pairs_heading = "too wide for this terminal; its most confused pairs:"
    assert pairs_heading not in narrow(matrix, labels, width)
    assert pairs_heading in narrow(matrix, labels, width - 1)


def both(columns: int | None, *, mixed: bool = True) -> str:
    """The report of a model right on all of 40 texts, its network on 30, its linear model on 20."""
    truth = np.arange(40) % 2
    whole = torch.eye(2)[truth]
    linear, network = whole.clone(), whole.clone()
    linear[:20], network[:10] = 1 - whole[:20], 1 - whole[:10]
    parts = PartTotals(2, 0.5 if mixed else 0.0)
    parts.add(whole if mixed else network, truth, network=network, linear=1000 * linear)
    return report_text(all_metrics(parts, ["a", "b"]) | {"seconds": 1.25}, columns)


def test_the_parts_and_the_totals_by_eye() -> None:
    text = both(None)
    assert text[text.index("network alone") - len("                    accuracy  macro-F1      loss\n") :] == "\n".join(
        [
            "                    accuracy  macro-F1      loss",
            "network alone         0.7500    0.7500    0.5633",
            "linear model alone    0.5000    0.5000  500.0000",
            "together              1.0000    1.0000    0.3133",
            "",
            "accuracy   1.0000",
            "macro-F1   1.0000",
            "95 %       accuracy 0.9124 to 1.0000, macro-F1 1.0000 to 1.0000",
            "calibration error  0.2689",
            "documents  40",
            "time used  1.2 s",
            "",
            "together 100.0; the linear model alone 50.0, the network alone 75.0: "
            "the network improves on the linear model alone",
            "",
        ]
    )


def test_a_linear_model_without_a_say_has_a_row_and_there_is_no_together() -> None:
    lines = both(None, mixed=False).splitlines()
    assert [line[:18].strip() for line in lines if line.startswith(("network", "linear", "together"))] == [
        "network alone", "linear model alone",
    ]  # fmt: skip
    assert lines[-1] == "the network 75.0; the linear model 50.0: the network improves on the linear model alone"


def test_in_a_terminal_sentences_are_wrapped() -> None:
    lines = both(60).splitlines()
    assert max(map(len, lines)) <= 60
    assert "95 %       accuracy 0.9124 to 1.0000, macro-F1 1.0000 to" in lines
    assert "           1.0000" in lines
    assert lines[-2:] == [
        "together 100.0; the linear model alone 50.0, the network",
        "alone 75.0: the network improves on the linear model alone",
    ]


def test_without_a_linear_model_there_are_only_the_totals() -> None:
    lines = report(["a", "b", "c"]).splitlines()
    assert lines[-1] == "time used  1.2 s"
    assert not [line for line in lines if "alone" in line]
