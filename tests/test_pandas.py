"""Texts and labels in Series of pandas, of plain and of nullable dtypes, with and without missing values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.test_estimator import GOOD, LABELS, SMALL, TEXTS
from textrnn import RNNClassifier, TextClassifier

INDEX = [f"row{number}" for number in range(60)]
TEXT_DTYPES = ["object", "string", "str", "category", "string[pyarrow]"]


def series(values: list[Any], dtype: str) -> pd.Series:
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    return pd.Series(values, dtype=dtype, index=INDEX[: len(values)])


@pytest.fixture(scope="module")
def fitted() -> RNNClassifier:
    return RNNClassifier(**GOOD).fit(TEXTS, LABELS)


@pytest.mark.parametrize("dtype", TEXT_DTYPES)
def test_texts_of_each_dtype_are_read_as_a_list(fitted: RNNClassifier, dtype: str) -> None:
    texts = series(TEXTS, dtype)
    np.testing.assert_array_equal(fitted.predict_proba(texts), fitted.predict_proba(TEXTS))
    assert fitted.classifier_.predict(texts) == fitted.predict(texts).tolist() == fitted.predict(TEXTS).tolist()
    labels = series(LABELS, dtype)
    again = RNNClassifier(**GOOD).fit(texts, labels)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert again.classes_.tolist() == ["food", "sport", "travel"]
    assert again.score(texts, labels) == fitted.score(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [
        *(([0, 1, 2], dtype) for dtype in ("Int64", "int8", "int64[pyarrow]", "category")),
        *(([False, True], dtype) for dtype in ("boolean", "bool[pyarrow]", "object")),
    ],
)
def test_labels_stay_what_they_are(workplace: Path, classes: list[Any], dtype: str) -> None:
    labels = (classes * 30)[:60]
    classifier = RNNClassifier(**SMALL).fit(series(TEXTS, "string"), series(labels, dtype))
    assert classifier.classes_.dtype.kind == ("b" if classes[0] is False else "i")
    assert [(type(one), one) for one in classifier.classes_.tolist()] == [(type(one), one) for one in classes]
    assert set(classifier.predict(TEXTS).tolist()) <= set(classes)
    classifier.save("saved")
    assert TextClassifier.load("saved").labels == [str(label) for label in classes]


@pytest.mark.parametrize("dtype", TEXT_DTYPES)
def test_missing_texts_are_reported_with_position_and_index(fitted: RNNClassifier, dtype: str) -> None:
    texts = series([*TEXTS[:4], None, TEXTS[5], None], dtype)
    message = r"text 4 \(index 'row4'\): missing \(2 of 7 are\): fill them with .fillna.*drop.*dropna"
    for call in (fitted.predict, fitted.classifier_.predict, fitted.classifier_.explain):
        with pytest.raises(ValueError, match=message):
            call(texts)
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL).fit(texts, LABELS[:7])
    assert len(fitted.predict(texts.dropna())) == 5


@pytest.mark.parametrize(
    ("dtype", "labels"),
    [*((dtype, ["a", "b"]) for dtype in TEXT_DTYPES), ("Int64", [1, 2]), ("boolean", [True, False]), ("float", [1, 2]),
     ("Int64", [3, 4]), ("int64[pyarrow]", [1, 2])],
)  # fmt: skip
def test_missing_labels_are_reported_with_position_and_index(dtype: str, labels: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"label 2 \(index 'row2'\): missing \(1 of 4 are\): .*dropna"):
        RNNClassifier(**SMALL).fit(TEXTS[:4], series([*labels, None, labels[0]], dtype))


def test_pandas_is_not_needed() -> None:
    sources = [path.read_text() for path in (Path(__file__).parents[1] / "textrnn").rglob("*.py")]
    assert not any("import pandas" in source or "from pandas" in source for source in sources)


def test_arrays_of_pandas_have_no_index(fitted: RNNClassifier) -> None:
    with pytest.raises(ValueError, match=r"text 1: missing \(1 of 2 are\)"):
        fitted.predict(pd.array(["soup", None], dtype="string"))
    with pytest.raises(ValueError, match=r"label 1: missing"):
        RNNClassifier(**SMALL).fit(["a", "b"], [pd.NA, "x"][::-1])
