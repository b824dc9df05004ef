from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binomtest

from textrnn.evaluation import intervals
from textrnn.evaluation.comparison import mcnemar_p
from textrnn.evaluation.intervals import Cells, accuracy_gain_interval, f1_differences

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


def cells_of(truth: np.ndarray, one: np.ndarray, other: np.ndarray) -> Cells:
    shape = (CLASSES,) * 3
    codes, counts = np.unique(np.ravel_multi_index((truth, one, other), shape), return_counts=True)
    return (*np.unravel_index(codes, shape), counts)  # type: ignore[return-value]


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
