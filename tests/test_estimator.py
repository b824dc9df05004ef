"""RNNClassifier as scikit-learn and its users know an estimator."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from numpy.random import RandomState
from safetensors.torch import load_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from tests.conftest import TINY, Cli, make_rows, sets, write_tsv
from textrnn import RNNClassifier, TextClassifier
from textrnn.errors import DataError, TextRNNError

LABELS, TEXTS = map(list, zip(*make_rows(60), strict=True))
# as TINY
SMALL: dict[str, Any] = {
    "embedding_dim": 8, "hidden_size": 8, "epochs": 2, "batch_size": 16, "min_count": 1, "ngrams": 1,
    "linear": "none", "adversarial_norm": None, "embedding_lr_multiplier": 1, "folds": 1,
}  # fmt: skip
# learns the rows within a second
GOOD = {**SMALL, "epochs": 12, "batch_size": 8, "learning_rate": 0.02, "embedding_lr_multiplier": 3}


@pytest.fixture(scope="module")
def fitted() -> RNNClassifier:
    return RNNClassifier(**GOOD).fit(TEXTS, LABELS)


def test_an_unknown_parameter_is_a_type_error_as_of_any_function() -> None:
    with pytest.raises(TypeError, match=r"RNNClassifier.__init__\(\) got an unexpected keyword argument 'hiden_size'"):
        RNNClassifier(hiden_size=3)
    with pytest.raises(TypeError, match="positional argument"):
        RNNClassifier("plain")  # type: ignore[misc]


class Larger(RNNClassifier):
    """Has a parameter and a default of its own."""

    def __init__(self, *, width: int = 2, hidden_size: int = 200) -> None:
        super().__init__(hidden_size=hidden_size)
        self.width = width


def test_a_subclass_may_have_parameters_of_its_own() -> None:
    assert clone(Larger(width=3)).get_params() == {"width": 3, "hidden_size": 200}
    assert Larger().cell == "lstm"  # type: ignore[attr-defined]
    small = Larger()
    vars(small).update(SMALL)
    assert small.fit(TEXTS, LABELS).classifier_.model.config.model.hidden_size == 8


@pytest.mark.parametrize("names", [["food", "sport", "travel"], [7, -1, 30], [True, False, False]], ids=str)
def test_labels_come_back_as_they_were_given(names: list) -> None:
    labels = [dict(zip(["food", "sport", "travel"], names, strict=True))[label] for label in LABELS]
    classifier = RNNClassifier(**GOOD).fit(TEXTS, labels)
    assert classifier.classes_.tolist() == sorted(set(labels))
    predicted = classifier.predict(TEXTS)
    assert predicted.dtype == np.asarray(labels).dtype
    assert classifier.score(TEXTS, labels) == np.mean(predicted == labels) > 0.9


def test_probabilities_and_decisions_agree(fitted: RNNClassifier) -> None:
    probabilities, decisions = fitted.predict_proba(TEXTS), fitted.decision_function(TEXTS)
    assert probabilities.shape == decisions.shape == (60, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    shifted = np.exp(decisions - decisions.max(axis=1, keepdims=True))
    np.testing.assert_allclose(probabilities, shifted / shifted.sum(axis=1, keepdims=True), atol=1e-6)
    assert fitted.predict(TEXTS).tolist() == fitted.classes_[probabilities.argmax(axis=1)].tolist()
    assert fitted.predict_proba([]).shape == (0, 3)


def test_of_two_classes_the_decision_is_positive_for_the_second() -> None:
    labels = [label == "food" for label in LABELS]
    classifier = RNNClassifier(**SMALL).fit(TEXTS, labels)
    decisions = classifier.decision_function(TEXTS)
    assert decisions.shape == (60,)
    assert ((decisions > 0) == classifier.predict(TEXTS)).all()
    np.testing.assert_allclose(1 / (1 + np.exp(-decisions)), classifier.predict_proba(TEXTS)[:, 1], atol=1e-6)


def weights(classifier: RNNClassifier) -> dict[str, torch.Tensor]:
    return classifier.classifier_.networks.state_dict()


def equal(one: RNNClassifier, other: RNNClassifier) -> bool:
    return all(map(torch.equal, weights(one).values(), weights(other).values()))


def test_random_state_makes_it_repeatable_and_leaves_torch_s_alone() -> None:
    first = RNNClassifier(**SMALL, random_state=5).fit(TEXTS, LABELS)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    second = clone(first).fit(TEXTS, LABELS)
    assert torch.equal(torch.rand(3), expected)
    assert equal(first, second)
    assert not equal(first, RNNClassifier(**SMALL, random_state=6).fit(TEXTS, LABELS))
    assert equal(*(RNNClassifier(**SMALL, random_state=RandomState(2)).fit(TEXTS, LABELS) for _ in range(2)))
    np.random.seed(0)
    assert not equal(*(RNNClassifier(**SMALL, random_state=None).fit(TEXTS, LABELS) for _ in range(2)))


@pytest.mark.parametrize("changes", [{}, {"linear": "mix"}, {"linear": "report", "folds": 2}, {"ngrams": 2}], ids=str)
def test_the_weights_are_those_of_the_command_line(cli: Cli, workplace: Path, changes: dict) -> None:
    labels, texts = LABELS[::-1], TEXTS[::-1]
    write_tsv(workplace / "train.tsv", list(zip(labels, texts, strict=True)))
    named = {f"{'train' if key == 'folds' else 'model'}.{key}": value for key, value in changes.items()}
    options = sets(*(f"{key}={value}" for key, value in named.items()))
    assert cli("train", "--data", "train.tsv", *TINY, *options, "--set", "train.seed=4").code == 0
    classifier = RNNClassifier(**{**SMALL, **changes}, random_state=4).fit(texts, labels)
    saved, fitted = load_file("runs/train/model/model.safetensors"), weights(classifier)
    assert saved.keys() == fitted.keys() and all(torch.equal(saved[name], fitted[name]) for name in saved)
    history = [json.loads(line) for line in Path("runs/train/history.jsonl").read_text().splitlines()]
    assert len(history) == 2 * changes.get("folds", 1) + ("folds" in changes)
    decision = json.loads(Path("runs/train/model/decision.json").read_text())
    model = classifier.classifier_.model
    agreement = {"bfloat16_agreement": model.bfloat16_agreement}
    assert decision == {"linear": "linear" in changes} | asdict(model.decision) | agreement
    timed = ("seconds", "tokens_per_second")
    for record, line in zip(classifier.history_, history, strict=True):
        assert {**record, **dict.fromkeys(timed)} == {**line, **dict.fromkeys(timed)}


def test_plain_is_the_network_of_the_parameters_and_nothing_else() -> None:
    classifier = RNNClassifier(preset="plain", epochs=1, hidden_size=4, embedding_dim=4).fit(TEXTS, LABELS)
    config, model = classifier.classifier_.config, classifier.classifier_.model
    assert (config.model.ngrams, config.train.adversarial_norm, config.train.embedding_lr_multiplier) == (1, None, 1)
    assert model.linear is not None and model.decision.weight == 0
    assert not any("ngrams" in name for name in weights(classifier))
    stated = RNNClassifier(preset="plain", ngrams=2, epochs=1, hidden_size=4, embedding_dim=4).fit(TEXTS, LABELS)
    assert any("ngrams" in name for name in weights(stated))


def test_linear_is_a_linear_model_without_a_network(workplace: Path) -> None:
    classifier = RNNClassifier(preset="linear").fit(TEXTS, LABELS)
    assert classifier.score(TEXTS, LABELS) == 1
    (line,) = classifier.history_
    assert line["dev_accuracy"] == line["dev_linear_accuracy"] and line["dev_network_accuracy"] is None
    RNNClassifier(**SMALL).fit(TEXTS, LABELS).save("saved")
    classifier.save("saved")
    assert not (workplace / "saved/model.safetensors").exists()
    np.testing.assert_array_equal(TextClassifier.load("saved").predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    with pytest.raises(ValueError, match="linear"):
        RNNClassifier(preset="linear", linear="mix").fit(TEXTS, LABELS)
    with pytest.raises(DataError, match="too few"):
        RNNClassifier(preset="linear").fit(TEXTS[:3], ["a", "b", "b"])


@pytest.mark.parametrize("tokenizer", ["char", "word", "jieba"])
def test_it_survives_pickling(workplace: Path, tokenizer: str) -> None:
    classifier = RNNClassifier(**SMALL, tokenizer=tokenizer).fit(TEXTS, LABELS)
    joblib.dump(classifier, "classifier.joblib")
    for copy in (pickle.loads(pickle.dumps(classifier)), joblib.load("classifier.joblib")):
        np.testing.assert_array_equal(copy.predict_proba(TEXTS), classifier.predict_proba(TEXTS))


def test_cross_validation() -> None:
    assert cross_val_score(RNNClassifier(**GOOD), TEXTS, LABELS, cv=3).mean() > 0.6


@pytest.mark.slow  # each process imports torch
def test_a_grid_in_a_pipeline_in_two_processes() -> None:
    pipeline = make_pipeline(FunctionTransformer(np.char.strip), RNNClassifier(**{**GOOD, "epochs": 1}))
    grid = {"rnnclassifier__epochs": np.array([1, 12])}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(np.array(TEXTS), LABELS)
    assert search.best_params_ == {"rnnclassifier__epochs": 12}
    assert search.predict(TEXTS).tolist()[:2] == LABELS[:2]


def test_it_trains_off_the_main_thread() -> None:
    with ThreadPoolExecutor() as threads:
        assert threads.submit(RNNClassifier(**SMALL).fit, TEXTS, LABELS).result().predict(TEXTS).shape == (60,)


def test_it_is_quiet_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    RNNClassifier(**SMALL).set_params(linear="mix").fit(TEXTS, LABELS)
    assert capfd.readouterr() == ("", "")
    RNNClassifier(**SMALL, verbose=1).fit(TEXTS, LABELS)
    out, err = capfd.readouterr()
    assert out == "" and "training" in err


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        (TEXTS, ["food"] * 60, ValueError, r"two or more classes were expected in y, found 1 class: \['food'\]"),
        (TEXTS, LABELS[1:], ValueError, "inconsistent numbers of samples"),
        (["soup", None], ["a", "b"], TypeError, "text 1: a string was expected, found NoneType"),
        ([b"soup", "goal"], ["a", "b"], TypeError, "text 0: a string was expected, found bytes"),
        (np.array([["soup"], ["goal"]]), ["a", "b"], ValueError, r"one dimension .* found the shape \(2, 1\)"),
        ("soup", ["a", "b"], TypeError, "a list of strings was expected, found str"),
        ({"soup", "goal"}, ["a", "b"], TypeError, "a list of strings was expected, found set"),
        ([], [], ValueError, "two or more classes"),
        (TEXTS, None, ValueError, "y should be a 1d array"),
        (TEXTS, np.linspace(0, 1, 60), ValueError, "Unknown label type: continuous"),
        (TEXTS, [float("nan")] * 60, ValueError, r"label 0: missing \(60 of 60 are\)"),
        (TEXTS, np.full(60, np.nan), ValueError, "y contains NaN"),
        (TEXTS, [*LABELS[:-1], None], ValueError, r"label 59: missing \(1 of 60 are\)"),
        (TEXTS, [*LABELS[:-1], float("nan")], ValueError, "label 59: missing"),
    ],
)  # fmt: skip
def test_bad_data_is_refused(texts: Any, labels: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RNNClassifier(**SMALL).fit(texts, labels)


class OnNumbers(RNNClassifier):
    """Reads rows of numbers as texts: scikit-learn's checks are made for those, and skip all estimators of texts."""

    def fit(self, X: Any, y: Any) -> OnNumbers:
        X, y = validate_data(self, X, y)
        return super().fit(as_texts(X), y)

    def _logits(self, X: Any) -> torch.Tensor:
        check_is_fitted(self)
        return super()._logits(as_texts(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = tags.input_tags.one_d_array = False
        return tags


def as_texts(rows: np.ndarray) -> list[str]:
    return [" ".join(f"column{at}={value:.0f}" for at, value in enumerate(row)) for row in rows]


# What scikit-learn skips: without pandas, and without an environment variable that must be set before it is imported.
SKIPPED = {"check_array_api_input", "check_classifier_data_not_an_array"}


@pytest.mark.filterwarnings("ignore")
def test_it_passes_the_checks_of_scikit_learn() -> None:
    quick = {"epochs": 4, "learning_rate": 0.05, "hidden_size": 4, "embedding_dim": 4, "dropout": 0.0}
    classifier = OnNumbers(**{**SMALL, **quick}, embedding_dropout=0.0, dev_fraction=0.0, tokenizer="whitespace")
    results = check_estimator(classifier, on_fail=None, on_skip=None)
    assert len(results) > 50
    assert {each["check_name"] for each in results if each["status"] == "skipped"} <= SKIPPED
    assert [each["check_name"] for each in results if each["status"] not in ("passed", "skipped")] == []
    (plain,) = check_estimator(RNNClassifier(**SMALL))
    assert plain["status"] == "passed"


def test_it_warns_of_what_the_command_line_warns_of() -> None:
    with pytest.warns(UserWarning) as caught:
        RNNClassifier(**{**SMALL, "nonlinearity": "relu", "min_count": 100}).fit(TEXTS, LABELS)
    subjects = sorted(str(warning.message).partition(":")[0] for warning in caught)
    assert subjects == ["model.nonlinearity", "the vocabulary is empty"]
    for english, chinese in ((1, 9), (1000, 600)):
        texts = ["the soup was good"] * english + ["今天的天气非常好我们去公园吧"] * chinese
        with pytest.raises(DataError, match="set tokenizer.kind to char or jieba"):
            RNNClassifier(**SMALL, tokenizer="word").fit(texts, ["a", "b"] * (len(texts) // 2))


def test_bad_parameters_are_refused_by_name_when_fitting() -> None:
    classifier = RNNClassifier(cell="lsm", hidden_size=0)
    with pytest.raises(ValueError, match=r"model.cell: expected .*found 'lsm'\n.*model.hidden_size: expected"):
        classifier.fit(TEXTS, LABELS)


def test_a_fit_that_fails_leaves_the_fitted_model_as_it_was(fitted: RNNClassifier) -> None:
    classifier = pickle.loads(pickle.dumps(fitted)).set_params(learning_rate=1e30, grad_clip_norm=None)
    with pytest.raises(TextRNNError, match="not finite"):
        classifier.fit(TEXTS, [3, 4] * 30)
    assert classifier.classes_.tolist() == ["food", "sport", "travel"]
    assert classifier.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()


def test_an_unfitted_one_is_refused(workplace: Path) -> None:
    for call in (lambda: RNNClassifier().predict(TEXTS), lambda: RNNClassifier().save("saved")):
        with pytest.raises(NotFittedError):
            call()
