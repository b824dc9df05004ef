from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import beta, binomtest

from textrnn.evaluation import intervals
from textrnn.evaluation.comparison import mcnemar_p
from textrnn.evaluation.intervals import (
    PairedCells,
    accuracy_gain_interval,
    accuracy_interval,
    f1_differences,
    macro_f1_interval,
    macro_f1_of_draws,
    paired_cells,
)
from textrnn.evaluation.metrics import weighted_cells


# the score intervals in table I of Newcombe, Two-sided confidence intervals for the single proportion (1998)
@pytest.mark.parametrize(
    ("right", "documents", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_accuracy_is_that_of_wilson(right: int, documents: int, low: float, high: float) -> None:
    assert accuracy_interval(right, documents) == pytest.approx([low, high], abs=5e-5)
    assert accuracy_interval(documents - right, documents) == pytest.approx([1 - high, 1 - low], abs=5e-5)


def test_macro_f1_by_hand() -> None:
    truth, predicted = np.array([0, 0, 1]), np.array([0, 1, 1])
    drawn = np.array([[3, 1, 4], [0, 2, 2], [4, 0, 0]])
    # of three classes, one never occurs; the last draw lacks another, which its mean leaves out
    assert macro_f1_of_draws(truth, predicted, drawn, 3) == pytest.approx(
        [(6 / 7 + 8 / 9) / 3, (0 + 4 / 6) / 3, (8 / 8) * 2 / 3]
    )


def interval(matrix: np.ndarray) -> tuple[list[float], float]:
    cells = weighted_cells(csr_array(matrix))
    macro_f1 = macro_f1_of_draws(cells[0], cells[1], cells[2][None], len(matrix))[0]
    return macro_f1_interval(cells, len(matrix), macro_f1), macro_f1


MATRIX = np.array([[40, 5, 0], [3, 50, 2], [1, 0, 20]])


def test_the_interval_of_macro_f1_has_its_value_and_shrinks_as_documents_grow() -> None:
    (low, high), macro_f1 = interval(MATRIX)
    assert 0.8 < low < macro_f1 < high < 1
    (lower, higher), same = interval(100 * MATRIX)
    assert same == pytest.approx(macro_f1)
    assert lower < macro_f1 < higher
    assert (high - low) / (higher - lower) == pytest.approx(10, rel=0.15)  # the root of 100


def test_with_two_equal_classes_macro_f1_varies_about_as_accuracy_does() -> None:
    ends, _ = interval(np.array([[450, 50], [50, 450]]))
    assert ends == pytest.approx(accuracy_interval(900, 1000), abs=0.003)


def test_it_is_the_same_each_time_and_however_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = interval(MATRIX)
    monkeypatch.setattr(intervals, "_NUMBERS_AT_ONCE", 100)
    assert interval(MATRIX)[0] == first


def test_few_documents_a_class_do_not_push_it_below_the_value() -> None:
    perfect, _ = interval(np.eye(10, dtype=np.int64))
    assert perfect == [1.0, 1.0]
    random = np.random.default_rng(0)
    truth, matrix = random.integers(0, 200, 1000), np.zeros((200, 200), np.int64)
    predicted = np.where(random.random(1000) < 0.8, truth, random.integers(0, 200, 1000))
    np.add.at(matrix, (truth, predicted), 1)
    (low, high), macro_f1 = interval(matrix)
    assert low <= macro_f1 <= high
    assert low < 0.8 + 0.2 / 200 < high  # what more documents would tend to


def test_many_cells_are_drawn_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(
        intervals, "macro_f1_of_draws", lambda *arguments: drawn.append(len(arguments[2])) or np.ones(drawn[-1])
    )
    monkeypatch.setattr(intervals, "_MOST_NUMBERS", 30_000)
    interval(np.ones((10, 10), np.int64))
    assert sum(drawn) == 300


CLASSES = 4


def predictions(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(texts,) true labels of unequal classes, and the predictions of two models; few texts or many, which they see
    differently or hardly."""
    random = np.random.default_rng(seed)
    texts, skill, share = int(random.integers(1, 300)), random.uniform(0.3, 1), random.uniform(0, 0.5)
    truth = random.choice(CLASSES, texts, p=random.dirichlet(np.ones(CLASSES)))
    one = np.where(random.random(texts) < skill, truth, random.integers(0, CLASSES, texts))
    other = np.where(random.random(texts) < share, random.integers(0, CLASSES, texts), one)
    return truth, one, other


def cells_of(*predictions: np.ndarray) -> PairedCells:
    return paired_cells(*predictions, CLASSES)  # type: ignore[call-arg]


def holds_0(interval: list[float]) -> bool:
    return interval[0] <= 0 <= interval[1]


def test_the_interval_of_accuracy_holds_0_if_and_only_if_mcnemars_test_finds_nothing() -> None:
    random = np.random.default_rng(0)
    decided = set()
    for _ in range(120):
        texts = int(random.integers(1, 400))
        differing = int(random.integers(0, texts + 1))
        only_one = int(random.binomial(differing, random.choice([0.3, 0.4, 0.5])))
        only_other = differing - only_one
        low, high = accuracy_gain_interval(only_one, only_other, texts)
        assert holds_0([low, high]) == (mcnemar_p(only_one, only_other) >= 0.05), (only_one, only_other, texts)
        assert -1 <= low <= (only_other - only_one) / texts <= high <= 1
        assert accuracy_gain_interval(only_other, only_one, texts) == [-high, -low]
        decided.add(holds_0([low, high]))
    assert decided == {True, False}


def test_the_interval_of_accuracy_in_closed_form() -> None:
    # nothing differs: the upper Clopper-Pearson limit of the share of texts that do, for both sides
    assert accuracy_gain_interval(0, 0, 24) == pytest.approx(
        [-(1 - 0.025 ** (1 / 24)), 1 - 0.025 ** (1 / 24)], abs=1e-3
    )
    # every text differs: the limits of the share of one side alone
    share = binomtest(14, 20).proportion_ci(0.95, method="exact")
    assert accuracy_gain_interval(6, 14, 20) == pytest.approx([2 * share.low - 1, 2 * share.high - 1], abs=1e-6)
    assert accuracy_gain_interval(0, 1, 1) == pytest.approx([-0.95, 1], abs=1e-6)


@pytest.mark.parametrize(("only_one", "only_other", "texts"), [(2, 9, 161), (5, 3, 50), (296, 1335, 10_000)])
def test_the_interval_of_accuracy_is_that_of_its_definition(only_one: int, only_other: int, texts: int) -> None:
    random, differing, draws = np.random.default_rng(0), only_one + only_other, 200_000
    shares = [beta.rvs(differing + up, texts - differing + 1 - up, size=draws, random_state=random) for up in (0, 1)]
    ends = []
    for up, quantile, extreme in ((0, 0.025, min), (1, 0.975, max)):
        wins = beta.rvs(only_other + up, only_one + 1 - up, size=draws, random_state=random)
        ends.append(extreme(np.quantile(share * (2 * wins - 1), quantile) for share in shares))
    assert accuracy_gain_interval(only_one, only_other, texts) == pytest.approx(ends, rel=0.02, abs=1e-3)


def test_all_is_mirrored_to_the_last_bit_when_the_models_are_swapped() -> None:
    for seed in range(60):
        truth, one, other = predictions(seed)
        found = f1_differences(cells_of(truth, one, other), CLASSES, range(CLASSES))
        swapped = f1_differences(cells_of(truth, other, one), CLASSES, range(CLASSES))
        mirrored = [[-high, -low] for low, high in (swapped.interval, *swapped.classes)]
        assert [found.interval, *found.classes] == mirrored, seed
        assert (found.macro_f1, found.p, found.resamples) == (-swapped.macro_f1, swapped.p, swapped.resamples)
        assert found.interval[0] <= found.macro_f1 <= found.interval[1]
        assert found.p < 0.05 or holds_0(found.interval)


def test_the_order_of_cells_and_the_size_of_the_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = cells_of(*predictions(1))
    found = f1_differences(cells, CLASSES, [2])
    order = np.random.default_rng(0).permutation(len(cells[0]))
    assert f1_differences(tuple(each[order] for each in cells), CLASSES, [2]) == found  # type: ignore[arg-type]
    monkeypatch.setattr(intervals, "_NUMBERS_AT_ONCE", 100)
    assert f1_differences(cells, CLASSES, [2]) == found


def test_equally_good_models_are_rarely_found_to_differ_even_on_few_texts() -> None:
    random, found = np.random.default_rng(0), 0
    for _ in range(200):
        truth = random.choice(3, 50, p=[0.9, 0.07, 0.03])
        base = np.where(random.random(50) < 0.8, truth, random.integers(0, 3, 50))
        one, other = (np.where(random.random(50) < 0.05, random.integers(0, 3, 50), base) for _ in range(2))
        found += not holds_0(f1_differences(cells_of(truth, one, other), CLASSES, []).interval)
    assert found <= 0.05 * 200  # of the bootstrap alone, more than a quarter


def test_a_large_difference_of_macro_f1_is_found() -> None:
    truth = np.repeat([0, 1, 2, 3], [900, 40, 40, 20])
    random = np.random.default_rng(0)
    one = np.where(random.random(1000) < 0.9, 0, truth)  # mostly the largest class
    other = np.where(random.random(1000) < 0.9, truth, 0)
    found = f1_differences(cells_of(truth, one, other), CLASSES, [0])
    assert found.interval[0] > 0.3 and found.p < 0.002
