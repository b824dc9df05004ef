"""The linear model is scikit-learn's pipeline, computed without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from tests.conftest import make_rows
from textrnn.config import TokenizerConfig
from textrnn.errors import CheckpointError
from textrnn.linear.files import load_linear, save_linear
from textrnn.linear.fit import SPACED, UNSPACED, Choice, choose, fit, out_of_fold_margins, sample
from textrnn.linear.model import Features, Folding, LinearModel
from textrnn.linear.ngrams import Kind, NgramVocabulary, Symbols, count_ngrams
from textrnn.texts.targets import Targets

FOLDING = Folding(lowercase=True, normalize=True)
ANALYZER = {"words": "word", "characters": "char", "within_words": "char_wb"}
CHINESE = ["房间又小又暗", "早餐也凉透了", "服务 很好 房间大", "位置好 服务好", "小小的房间", "早餐好吃 very good"]
ROWS = make_rows(90)
TEXTS = [text for _, text in ROWS]
FOLDED = [FOLDING(text) for text in TEXTS]
WORDS = Kind("words", 1, 2)
LABELS = np.array([["food", "sport", "travel"].index(label) for label, _ in ROWS])
NEW = ["Soup, bread and 3 goals!", "", "xyzzy", "the ticket\tto the ISLAND", "a", "全角ＡＢＣ soup"]


def vectorizer(kind: Kind) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=ANALYZER[kind.unit], ngram_range=(kind.shortest, kind.longest), sublinear_tf=True,
        preprocessor=FOLDING, dtype=np.float64,
    )  # fmt: skip


def fitted(texts: list[str], labels: np.ndarray, classes: int, kinds: list[Kind], c: float = 1.0) -> LinearModel:
    return fit(texts, Targets(labels), classes, Choice(kinds, c, None), FOLDING, class_weights=None, seed=1)


@pytest.mark.parametrize("kinds", [*SPACED, *UNSPACED], ids=str)
@pytest.mark.parametrize("classes", [2, 3])
def test_alone_it_predicts_as_the_pipeline_of_scikit_learn(kinds: list[Kind], classes: int) -> None:
    labels = LABELS % classes
    pipeline = make_pipeline(make_union(*map(vectorizer, kinds)), LinearSVC(C=0.3, random_state=1))
    pipeline.fit(TEXTS, labels)

    margins = fitted(FOLDED, labels, classes, kinds, 0.3).margins(TEXTS + NEW)
    expected = pipeline.decision_function(TEXTS + NEW)
    found = margins[:, 1] - margins[:, 0] if classes == 2 else margins
    # the columns are in another order, so LIBLINEAR stops elsewhere
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert (margins.argmax(axis=1) == pipeline.predict(TEXTS + NEW)).mean() > 0.98


@pytest.mark.parametrize("kinds", [*SPACED, *UNSPACED], ids=str)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("balanced", [False, True])
def test_out_of_fold_margins_are_those_of_cross_validation_in_scikit_learn(
    kinds: list[Kind], classes: int, balanced: bool
) -> None:
    labels, folds = LABELS % classes, np.random.default_rng(1).integers(0, 4, len(TEXTS))
    svc = LinearSVC(C=0.3, tol=1e-8, random_state=1, max_iter=100_000, class_weight="balanced" if balanced else None)
    pipeline = make_pipeline(make_union(*map(vectorizer, kinds)), svc)
    expected = cross_val_predict(pipeline, TEXTS, labels, cv=PredefinedSplit(folds), method="decision_function")

    counts = [count_ngrams(kind, FOLDED)[1] for kind in kinds]
    (margins,) = out_of_fold_margins(
        counts, Targets(labels), folds, classes, [0.3], class_weights="balanced" if balanced else None, seed=1,
        tolerance=1e-8,
    )  # fmt: skip
    found = margins[:, 1] - margins[:, 0] if classes == 2 else margins
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_texts_have_the_weights_that_scikit_learn_gives_them(classes: int) -> None:
    labels, weights = LABELS % classes, np.random.default_rng(2).choice([0.2, 1, 4], len(TEXTS)).astype(np.float32)
    svc = LinearSVC(C=0.3, tol=1e-8, random_state=1, max_iter=100_000)
    pipeline = make_pipeline(vectorizer(WORDS), svc).fit(TEXTS, labels, linearsvc__sample_weight=weights)

    targets, choice = Targets(labels, weights=weights), Choice([WORDS], 0.3, None)
    margins = fit(FOLDED, targets, classes, choice, FOLDING, class_weights=None, seed=1).margins(TEXTS)
    found = margins[:, 1] - margins[:, 0] if classes == 2 else margins
    np.testing.assert_allclose(found, pipeline.decision_function(TEXTS), atol=2e-3)


def test_a_soft_label_is_a_text_of_each_class_with_the_probability_as_its_weight() -> None:
    random = np.random.default_rng(3)
    shares = random.dirichlet([2.0] * 3, len(TEXTS)).clip(min=0.06)
    shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    own = random.choice([0.5, 3.0], len(TEXTS)).astype(np.float32)
    rows, classes = (axis.ravel() for axis in np.indices(shares.shape))
    svc = LinearSVC(C=0.3, tol=1e-8, random_state=1, max_iter=100_000)
    svc.fit(vectorizer(WORDS).fit_transform(TEXTS)[rows], classes, sample_weight=shares.ravel() * own[rows])

    targets, choice = Targets(shares.argmax(axis=1), csr_array(shares), own), Choice([WORDS], 0.3, None)
    margins = fit(FOLDED, targets, 3, choice, FOLDING, class_weights=None, seed=1).margins(TEXTS)
    np.testing.assert_allclose(margins, svc.decision_function(vectorizer(WORDS).fit_transform(TEXTS)), atol=2e-3)


def test_a_class_of_weight_0_is_not_learnt() -> None:
    choice = Choice([WORDS], 0.3, None)
    model = fit(FOLDED, Targets(LABELS), 3, choice, FOLDING, class_weights=np.array([1.0, 0.0, 2.0]), seed=1)
    assert set(model.margins(TEXTS).argmax(axis=1)) == {0, 2}


def test_the_search_for_c_does_not_know_held_out_texts() -> None:
    random = np.random.default_rng(1)
    texts = [" ".join(random.choice(list("abcdefgh"), 3)) + f" word{number}" for number in range(80)] * 5
    labels = np.tile(random.integers(0, 2, 80), 5)
    assert choose(texts, Targets(labels), 2, class_weights=None, seed=1).accuracy < 0.65


@pytest.mark.parametrize("texts", [TEXTS, CHINESE], ids=["English", "Chinese"])
@pytest.mark.parametrize("kind", [kind for kinds in (*SPACED, *UNSPACED) for kind in kinds], ids=str)
def test_features_are_those_of_scikit_learn(kind: Kind, texts: list[str]) -> None:
    folded = [FOLDING(text) for text in texts]
    features, of_texts = Features.fit(kind, folded)
    theirs = vectorizer(kind)
    expected = theirs.fit_transform(texts)

    terms = features.terms()
    assert sorted(terms) == sorted(theirs.get_feature_names_out())
    columns = [theirs.vocabulary_[term] for term in terms]
    np.testing.assert_allclose(of_texts.toarray(), expected[:, columns].toarray(), atol=1e-6)
    new = features.transform([FOLDING(text) for text in NEW])
    np.testing.assert_allclose(new.toarray(), theirs.transform(NEW)[:, columns].toarray(), atol=1e-6)


def test_ngrams_do_not_cross_texts_and_unknown_symbols_end_them() -> None:
    texts = Symbols(np.array([0, 1, 1, 0, 1]), np.array([0, 0, 1, 1, 1]))  # "ab" and "bab"
    vocabulary = NgramVocabulary.from_texts(["a", "b"], texts, shortest=1, longest=3)
    assert vocabulary.terms("") == ["a", "b", "ab", "ba", "bab"]
    assert vocabulary.counts(texts, 2).toarray().tolist() == [[1, 1, 1, 0, 0], [1, 2, 1, 1, 1]]
    other = Symbols(np.array([0, -1, 1, 0]), np.array([0, 0, 0, 0]))  # "a?ba"
    assert vocabulary.counts(other, 1).toarray().tolist() == [[2, 1, 0, 1, 0]]


def test_the_script_decides_what_is_tried() -> None:
    labels = np.array([0, 1] * 3)
    assert choose(CHINESE, Targets(labels), 2, class_weights=None, seed=1).kinds in UNSPACED
    assert choose(TEXTS, Targets(LABELS), 3, class_weights=None, seed=1).kinds in SPACED


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [2, 2, 2, 2], [0, 2, 0, 2], [1, 1, 1, 1]])
def test_classes_without_texts_have_no_weights(labels: list[int]) -> None:
    texts = ["soup bread", "bread", "soup", "goal"]
    for classes in (3, 2) if max(labels) < 2 else (3,):
        margins = fitted(texts, np.array(labels), classes, [Kind("words", 1, 1)]).margins(["soup", "", "unknown"])
        assert margins.shape == (3, classes)
        assert np.isfinite(margins).all()
        assert set(margins.argmax(axis=1)) <= set(labels)


def test_a_sample_keeps_within_both_limits_and_is_always_the_same() -> None:
    texts = ["x" * 10] * 50
    assert len(sample(texts, 100, 10_000, seed=1)) == 50
    assert len(sample(texts, 20, 10_000, seed=1)) == 20
    rows = sample(texts, 100, 300, seed=1)
    assert len(rows) == 30
    assert rows.tolist() == sorted(rows.tolist()) == sample(texts, 100, 300, seed=1).tolist()


def small_model() -> LinearModel:
    return fitted(FOLDED, LABELS, 3, SPACED[1])


def test_it_comes_back_from_its_files(tmp_path: Path) -> None:
    model = small_model()
    save_linear(tmp_path, model)
    loaded = load_linear(tmp_path, num_classes=3, tokenizer=TokenizerConfig())
    for features, expected in zip(loaded.features, model.features, strict=True):
        assert features.terms() == expected.terms()
    np.testing.assert_array_equal(loaded.margins(NEW), model.margins(NEW))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "linear.safetensors", "linear_characters.txt", "linear_words.txt",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["linear.safetensors", "linear_characters.txt", "linear_words.txt"])
@pytest.mark.parametrize("how", ["missing", "cut", "doubled"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, how: str) -> None:
    save_linear(tmp_path, small_model())
    path = tmp_path / name
    content = path.read_bytes()
    path.unlink() if how == "missing" else path.write_bytes(content[:-9] if how == "cut" else content * 2)
    with pytest.raises(CheckpointError, match=f"{tmp_path}.*again|cannot be read"):
        load_linear(tmp_path, num_classes=3, tokenizer=TokenizerConfig())


@pytest.mark.parametrize("wrong", [0.0, -2.0, 0.5, 1e30])
def test_idf_that_no_fit_gives_is_refused(tmp_path: Path, wrong: float) -> None:
    model = small_model()
    model.features[1].idf[3] = wrong
    save_linear(tmp_path, model)
    with pytest.raises(CheckpointError, match=r"damaged, .*1\.idf: 1 to 100 was expected, found "):
        load_linear(tmp_path, num_classes=3, tokenizer=TokenizerConfig())


def test_prediction_does_not_import_scikit_learn(tmp_path: Path) -> None:
    save_linear(tmp_path, small_model())
    code = (
        "import sys; from pathlib import Path; from textrnn.config import TokenizerConfig\n"
        "from textrnn.linear.files import load_linear\n"
        "model = load_linear(Path(sys.argv[1]), num_classes=3, tokenizer=TokenizerConfig())\n"
        "print(model.margins(['soup']).argmax(), 'sklearn' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert result.stdout == "0 False\n"


def test_no_ngram_in_common_gives_margins_that_are_the_bias() -> None:
    model = fitted(["a1 b1", "c1 d1"], np.array([0, 1]), 2, [Kind("words", 1, 2)])
    (margins,) = model.margins(["zz"])
    assert margins[1] - margins[0] == pytest.approx(float(model.bias[0]))
    assert sparse.issparse(model.features[0].transform(["zz"]))


@pytest.mark.parametrize("kind", [Kind("words", 1, 2), Kind("characters", 1, 3)], ids=str)
def test_a_limited_number_of_terms_has_those_of_the_most_texts_and_of_two_or_more(kind: Kind) -> None:
    expected = vectorizer(kind).set_params(min_df=2).fit(TEXTS)
    features, values = Features.fit(kind, FOLDED, sys.maxsize)
    assert sorted(features.terms()) == sorted(expected.get_feature_names_out())
    columns = [expected.vocabulary_[term] for term in features.terms()]
    np.testing.assert_allclose(values.toarray(), expected.transform(TEXTS).toarray()[:, columns], atol=1e-6)
    folded = [FOLDING(text) for text in NEW]
    found = features.transform(folded).toarray()
    np.testing.assert_allclose(found, expected.transform(NEW).toarray()[:, columns], atol=1e-6)

    (all_terms, all_counts), (terms, counts) = count_ngrams(kind, FOLDED), count_ngrams(kind, FOLDED, 40)
    frequencies = dict(zip(all_terms.terms(" "), (all_counts > 0).sum(axis=0).A1, strict=True))
    kept = dict(zip(terms.terms(" "), (counts > 0).sum(axis=0).A1, strict=True))
    assert 20 < len(kept) <= 40 and kept.items() <= frequencies.items()
    assert min(kept.values()) > max(count for term, count in frequencies.items() if term not in kept)
