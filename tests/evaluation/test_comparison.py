from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from textrnn.evaluation.comparison import (
    BETTER,
    MIXED,
    UNCLEAR,
    WORSE,
    compare_predictions,
    differing_rows,
    mcnemar_p,
    points,
    sentence,
    verdict,
)

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


# (true, predicted by A, by B) -> texts; of B against A: better, worse, ...
BOTH = {(0, 0, 0): 90, (0, 1, 0): 10, (1, 1, 1): 50, (1, 0, 1): 10}
RARE = {(0, 0, 0): 900, (1, 0, 1): 30, (1, 1, 1): 2, (0, 0, 1): 26}  # B finds the rare class, and overdoes it
RARER = {(0, 0, 0): 1400, (1, 0, 1): 30, (1, 1, 1): 2, (0, 0, 1): 55}


@pytest.mark.parametrize(
    ("counts", "conclusions", "text"),
    [
        (BOTH, (BETTER, BETTER, BETTER), "B is better than A: accuracy +12.5 points, 95 % interval "),
        (RARE, (UNCLEAR, BETTER, MIXED), "B is better than A in macro-F1 alone: accuracy +0.4 points, "),
        (RARER, (WORSE, BETTER, MIXED), "A is better than B in accuracy, and worse in macro-F1: accuracy +1.7 points"),
        (
            {(0, 0, 0): 97, (0, 1, 0): 3},
            (UNCLEAR,) * 3,
            "it is unclear whether B is better than A: accuracy +3.0 points",
        ),
        ({(0, 0, 0): 9, (1, 0, 0): 1}, (UNCLEAR,) * 3, "no difference: B and A give every text the same label"),
    ],
)
def test_the_sentence(counts: dict[tuple[int, int, int], int], conclusions: tuple[str, ...], text: str) -> None:
    found = compared(counts)
    assert (found["accuracy"]["conclusion"], found["macro_f1"]["conclusion"], found["conclusion"]) == conclusions
    assert sentence(found, "A").startswith(text)


def swapped(counts: dict[tuple[int, int, int], int]) -> dict[tuple[int, int, int], int]:
    return {(truth, other, one): texts for (truth, one, other), texts in counts.items()}


@pytest.mark.parametrize("counts", [BOTH, RARE, RARER, {(0, 0, 0): 97, (0, 1, 0): 3}])
def test_the_sentence_is_the_same_in_either_order_of_the_runs(counts: dict[tuple[int, int, int], int]) -> None:
    names = {"run": "A", "with": "B"}
    assert sentence(compared(counts), "A") == sentence(compared(swapped(counts)) | names, "B")


def random_counts(random: np.random.Generator) -> dict[tuple[int, int, int], int]:
    kinds = list(np.ndindex(2, 2, 2))
    texts = random.multinomial(random.integers(5, 400), random.dirichlet(np.full(8, 0.5)))
    return {kind: int(count) for kind, count in zip(kinds, texts, strict=True) if count}  # type: ignore[misc]


def test_sentence_and_intervals_agree_and_both_orders_mirror_each_other() -> None:
    random, seen = np.random.default_rng(0), set()
    opposite = {BETTER: WORSE, WORSE: BETTER, UNCLEAR: UNCLEAR, MIXED: MIXED}
    for _ in range(50):
        counts = random_counts(random)
        found, other = compared(counts), compared(swapped(counts))
        for score in ("accuracy", "macro_f1"):
            low, high = found[score]["interval"]
            assert found[score]["conclusion"] == (BETTER if low > 0 else WORSE if high < 0 else UNCLEAR)
            assert (other[score]["interval"], other[score]["difference"]) == (
                [-high, -low],
                -found[score]["difference"],
            )
            assert other[score]["conclusion"] == opposite[found[score]["conclusion"]]
        assert found["mcnemar"] == other["mcnemar"] and found["randomization"] == other["randomization"]
        assert other["conclusion"] == opposite[found["conclusion"]]
        for one, two in zip(found["classes"], other["classes"], strict=True):
            low, high = one["interval"]
            assert (two["label"], two["interval"]) == (one["label"], [-high, -low])
        seen.add(found["conclusion"])
        text = sentence(found, "A")
        excluding = [score for score in ("accuracy", "macro_f1") if found[score]["conclusion"] != UNCLEAR]
        assert text.startswith("it is unclear") == (not excluding), text
        ends = re.findall(r"interval (-?[0-9.]+) to (-?[0-9.]+)", text)
        assert sum(float(low) > 0 or float(high) < 0 for low, high in ends) == len(excluding), text
        first = found[excluding[0]] if excluding else None
        assert first is None or text.startswith("B" if first["conclusion"] == BETTER else "A")
    assert seen == {BETTER, WORSE, UNCLEAR, MIXED}


def test_p_values_are_rounded_for_reading() -> None:
    assert ", p = 0.002;" in sentence(compared({(0, 0, 0): 990, (0, 1, 0): 10}), "A")  # 2 / 2**10
    assert ", p < 0.001;" in sentence(compared({(0, 0, 0): 980, (0, 1, 0): 20}), "A")
    assert ", p = 0.50;" in sentence(compared({(0, 0, 0): 98, (0, 1, 0): 2}), "A")


def test_models_that_err_differently_but_on_the_same_texts() -> None:
    labels, truth = ["a", "b", "c"], np.array([0, 1, 2])
    metrics = {"macro_f1": 0.0, "per_class": {label: {"f1": 0.0, "support": 1} for label in labels}}
    found = compare_predictions(truth, np.array([1, 2, 0]), np.array([2, 0, 1]), (metrics, metrics), labels)
    assert found["conclusion"] == UNCLEAR
    assert sentence({"run": "B", "with": "A"} | found, "A").startswith("it is unclear whether B is better than A: ")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.0123, 0.004, 0.0204), "+1.2 points, 95 % interval 0.4 to 2.0"),
        ((-0.0004, -0.0012, 0.0001), "-0.04 points, 95 % interval -0.12 to 0.01"),
        ((0.0212, 0.0002, 0.0422), "+2.12 points, 95 % interval 0.02 to 4.22"),
        ((0.0, -0.0001, 0.0001), "+0.0 points, 95 % interval 0.0 to 0.0"),
    ],
)
def test_points(values: tuple[float, float, float], text: str) -> None:
    assert points({"difference": values[0], "interval": values[1:]}) == text


def test_texts_that_some_get_right_and_others_wrong() -> None:
    truth = np.array([0, 0, 1, 1])
    predicted = [np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])]
    assert differing_rows(truth, predicted).tolist() == [2, 3]


def scores_of_parts(
    together: float, linear: float | None, network: float, weight: float | None = 0.5
) -> dict[str, Any]:
    total, net = ({"accuracy": value, "macro_f1": value, "loss": 1 - value} for value in (together, network))
    alone = linear and {"accuracy": linear, "macro_f1": linear, "loss": 0.5}
    return total | {"parts": {"network": net, "linear": alone}, "n": 1000, "weight": weight}


IMPROVES, AS_GOOD, LINEAR_IS_BETTER, CANNOT_TELL = (
    "the network improves on the linear model alone (McNemar's test, p < 0.05)",
    "the linear model alone is as good (a gain of one point is ruled out)",
    "the linear model alone is better (McNemar's test, p < 0.05)",
    "too few texts to show whether the network improves on the linear model alone",
)


@pytest.mark.parametrize(
    ("only_total", "only_linear", "ending"),
    [
        (30, 10, IMPROVES),
        (6, 0, IMPROVES),  # 2 / 2^6 = 0.03
        (5, 0, AS_GOOD),  # 2 / 2^5 = 0.06; of 1,000 at most (5 + 1.96 sqrt(6)) / 1000 = 0.0098 better
        (6, 1, CANNOT_TELL),  # p = 8 * 2 / 2^7 = 0.13; at most (5 + 1.96 sqrt(8)) / 1000 = 0.0105 better
        (10, 10, AS_GOOD),
        (12, 10, CANNOT_TELL),
        (30, 40, AS_GOOD),
        (0, 0, AS_GOOD),
        (0, 5, AS_GOOD),
        (0, 6, LINEAR_IS_BETTER),
        (10, 30, LINEAR_IS_BETTER),
    ],
)
def test_the_ending_of_the_verdict_follows_mcnemars_test(only_total: int, only_linear: int, ending: str) -> None:
    start = "together 91.6; the linear model alone 90.8, the network alone 91.2: "
    assert verdict(scores_of_parts(0.916, 0.908, 0.912), only_total, only_linear) == start + ending
    start = "the network 91.2; the linear model 90.8: "  # if the linear model has no weight
    assert verdict(scores_of_parts(0.912, 0.908, 0.912, 0.0), only_total, only_linear) == start + ending


def test_a_network_without_weight_improves_nothing() -> None:
    sentence = verdict(scores_of_parts(0.908, 0.908, 0.5, 1.0), 0, 0)
    assert sentence == "the linear model 90.8; the network 50.0: the network has no weight"


def test_without_a_linear_model_there_is_no_verdict() -> None:
    assert verdict(scores_of_parts(0.9, None, 0.9, None), 0, 0) is None
