from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textrnn.evaluation.comparison import (
    BETTER,
    UNCLEAR,
    WORSE,
    compare_predictions,
    differing_rows,
    points,
    sentence,
)
from textrnn.evaluation.comparison_text import comparison_text, config_line
from textrnn.evaluation.verdict import mcnemar_p

LABELS = ["a", "b"]


def metrics_of(truth: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Macro-F1, and F1 and support of both classes."""
    per_class = {}
    for number, label in enumerate(LABELS):
        hits = int(((truth == number) & (predicted == number)).sum())
        times = int((truth == number).sum() + (predicted == number).sum())
        per_class[label] = {"f1": 2 * hits / times if times else 0.0, "support": int((truth == number).sum())}
    return {"per_class": per_class, "macro_f1": sum(each["f1"] for each in per_class.values()) / 2}


def compared(counts: dict[tuple[int, int, int], int]) -> dict[str, Any]:
    """counts: (true, predicted by the first, by the other) -> texts."""
    truth, one, other = (np.repeat([key[at] for key in counts], list(counts.values())) for at in range(3))
    found = compare_predictions(truth, one, other, (metrics_of(truth, one), metrics_of(truth, other)), LABELS)
    return {"run": "B", "with": "A"} | found


# two-sided: twice the sum of the binomial probabilities of the smaller count and below, n = 8, 10 and 6
@pytest.mark.parametrize(
    ("only_one", "only_other", "p"),
    [(1, 7, 2 * (1 + 8) / 2**8), (8, 2, 2 * (1 + 10 + 45) / 2**10), (0, 6, 2 / 2**6), (3, 3, 1.0), (0, 0, 1.0)],
)
def test_mcnemars_test_is_the_exact_one(only_one: int, only_other: int, p: float) -> None:
    assert mcnemar_p(only_one, only_other) == pytest.approx(p)


def test_counts_and_differences_by_hand() -> None:
    found = compared({(0, 0, 0): 5, (0, 1, 0): 6, (1, 1, 1): 4, (1, 1, 0): 1, (1, 0, 0): 4})
    assert found["texts"] == {
        "both_right": 9, "only_first_right": 1, "only_this_right": 6, "both_wrong": 4, "same_prediction": 13,
    }  # fmt: skip
    assert found["accuracy"]["difference"] == 5 / 20
    # F1 of a: 2*5/(11+9) and 2*11/(11+16); of b: 2*5/(9+11) and 2*4/(9+4)
    assert found["macro_f1"]["difference"] == pytest.approx((22 / 27 + 8 / 13) / 2 - 1 / 2)
    assert [(each["label"], each["support"]) for each in found["classes"]] == [("a", 11), ("b", 9)]
    assert found["classes"][0]["difference"] == pytest.approx(22 / 27 - 1 / 2)
    assert found["mcnemar"] == {"p": pytest.approx(2 * (1 + 7) / 2**7), "method": "exact binomial"}
    assert (found["conclusion"], found["resamples"], found["confidence"]) == (UNCLEAR, 1000, 0.95)


def test_the_interval_of_accuracy_is_that_of_the_normal_approximation_with_many_texts() -> None:
    found = compared({(0, 0, 0): 700, (0, 1, 0): 120, (1, 1, 0): 80, (1, 0, 0): 100})
    spread = 1.96 * (0.2 - 0.04**2) ** 0.5 / 1000**0.5  # of a difference that is 1, -1 or 0 for each text
    low, high = found["accuracy"]["interval"]
    assert low == pytest.approx(0.04 - spread, abs=0.003) and high == pytest.approx(0.04 + spread, abs=0.003)
    low, high = found["macro_f1"]["interval"]
    assert low < found["macro_f1"]["difference"] < high
    for each in found["classes"]:
        assert each["interval"][0] <= each["difference"] <= each["interval"][1]


@pytest.mark.parametrize(
    ("counts", "conclusion", "said"),
    [
        ({(0, 0, 0): 90, (0, 1, 0): 10}, BETTER, "B is better than A: +10.0 points, 95 % interval "),
        ({(0, 0, 0): 90, (0, 0, 1): 10}, WORSE, "B is worse than A: -10.0 points, 95 % interval -"),
        ({(0, 0, 0): 97, (0, 1, 0): 3}, UNCLEAR, "cannot tell whether B is better than A: +3.0 points, 95 % interval"),
        ({(0, 0, 0): 9, (1, 0, 0): 1}, UNCLEAR, "cannot tell: B and A give every text the same label"),
    ],
)
def test_the_sentence(counts: dict[tuple[int, int, int], int], conclusion: str, said: str) -> None:
    found = compared(counts)
    assert found["conclusion"] == conclusion
    assert sentence(found, "A").startswith(said)


def test_p_values_are_rounded_for_reading() -> None:
    assert sentence(compared({(0, 0, 0): 990, (0, 1, 0): 10}), "A").endswith(", p = 0.002")  # 2 / 2**10
    assert sentence(compared({(0, 0, 0): 980, (0, 1, 0): 20}), "A").endswith(", p < 0.001")
    assert sentence(compared({(0, 0, 0): 98, (0, 1, 0): 2}), "A").endswith(", p = 0.50")


def test_models_that_err_differently_but_on_the_same_texts() -> None:
    labels, truth = ["a", "b", "c"], np.array([0, 1, 2])
    metrics = {"macro_f1": 0.0, "per_class": {label: {"f1": 0.0, "support": 1} for label in labels}}
    found = compare_predictions(truth, np.array([1, 2, 0]), np.array([2, 0, 1]), (metrics, metrics), labels)
    assert sentence({"run": "B", "with": "A"} | found, "A") == "cannot tell: B and A are right on the same texts"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.0123, 0.004, 0.0204), "+1.2 points, 95 % interval 0.4 to 2.0"),
        ((-0.0004, -0.0012, 0.0001), "-0.04 points, 95 % interval -0.12 to 0.01"),
        ((0.0, -0.0001, 0.0001), "+0.0 points, 95 % interval 0.0 to 0.0"),
    ],
)
def test_points(values: tuple[float, float, float], text: str) -> None:
    assert points({"difference": values[0], "interval": values[1:]}) == text


def test_texts_that_some_get_right_and_others_wrong() -> None:
    truth = np.array([0, 0, 1, 1])
    predicted = [np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])]
    assert differing_rows(truth, predicted).tolist() == [2, 3]


def test_config_values_are_shown_as_in_yaml() -> None:
    line = config_line({"key": "data.train", "values": [None, ["a.csv", "b\x1b.csv"], True]})
    assert line == "data.train: null | a.csv, b\\x1b.csv | true"


def test_columns_align_below_wide_names() -> None:
    scores = {"accuracy": 0.5, "macro_f1": 0.25, "loss": 1.0, "parameters": 1234, "model_bytes": 1_500_000}
    runs = [{"name": "运行", "training_seconds": None, **scores}, {"name": "b", "training_seconds": 9.96, **scores}]
    data = {"n": 1, "split": "test", "paths": ["x.tsv"]}
    text = comparison_text({"data": data, "runs": runs, "comparisons": [], "config_differences": []})
    assert text.split("\n") == [
        "1 text: the test file x.tsv",
        "",
        "      accuracy  macro-F1    loss  training  parameters  model/",
        "运行    0.5000    0.2500  1.0000         -       1,234  1.5 MB",
        "b       0.5000    0.2500  1.0000    10.0 s       1,234  1.5 MB",
        "",
        "The configs do not differ.",
        "",
    ]
