"""Choice and fit of the linear model, and its out-of-fold margins, with scikit-learn, which is imported when needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import sparse

from textrnn.corpus.splits import distinct_rows, folds_of_texts
from textrnn.linear.model import Features, Folding, LinearModel, both_sides, smooth_idf, tf_idf
from textrnn.linear.ngrams import Kind, count_ngrams
from textrnn.texts.targets import ClassWeights, Targets
from textrnn.texts.tokenizer import share_unspaced, spread

C = (0.3, 1.0, 3.0)  # values to try: the inverse strength of regularization
FOLDS = 3
SEARCH_ROWS, SEARCH_CHARACTERS = 10_000, 2_000_000  # limits of the search
MOST_ROWS, MOST_TOTAL_CHARACTERS = 100_000, 60_000_000  # limits of the fit
TOLERANCE = 1e-4  # of LIBLINEAR's stopping rule
_SEARCH_TOLERANCE = 1e-3  # which chooses the same, up to twice as fast
# For `quick_margins`: a strongly regularized model memorizes fewer wrong labels, and a finer tolerance takes twice as
# long and ranks no better.
_QUICK_C, _QUICK_TOL = 0.3, 0.1
# Each class takes a fit. With more classes there is no linear model beside a network, and one without a network gets
# fixed features and C, and a limited number of weights.
MOST_CLASSES, MOST_CLASSES_ALONE = 200, 1000
_MOST_WEIGHTS = 50_000_000  # which take 1 GB of memory while they are fitted
_WORDS, _IN_WORDS = Kind("words", 1, 2), Kind("within_words", 2, 5)
# The features to try, the simplest first, for scripts with and without spaces between words.
SPACED = [[_WORDS], [_WORDS, _IN_WORDS]]
UNSPACED = [[Kind("characters", 1, 2)], [Kind("characters", 1, 3)]]
MOST_FITS = len(SPACED) * len(C) * FOLDS  # in `choose`
Progress = Callable[[], object]


@dataclass(frozen=True)
class Choice:
    """The result of cross-validation. accuracy: on held-out texts, a fraction; None if there was nothing to choose.
    most_terms: see `count_ngrams`."""

    kinds: list[Kind]
    c: float
    accuracy: float | None
    most_terms: int | None = None


def candidate_kinds(texts: Sequence[str]) -> list[list[Kind]]:
    """The features to try, for scripts with or without spaces between words."""
    return UNSPACED if share_unspaced(spread(texts, 1000)) > 0.3 else SPACED


def sample(texts: Sequence[str], rows: int, characters: int, seed: int) -> np.ndarray:
    """The rows, in ascending order, of all texts or of a random sample within both limits."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if len(texts) <= rows and int(lengths.sum()) <= characters:
        return np.arange(len(texts))
    drawn = np.random.default_rng([seed, 0x11E]).permutation(len(texts))[:rows]
    fitting = np.cumsum(lengths[drawn]) <= characters
    fitting[:2] = True
    return np.sort(drawn[fitting])


def choose(
    texts: Sequence[str], targets: Targets, num_classes: int, *, class_weights: ClassWeights, seed: int,
    step: Progress = lambda: None,
) -> Choice:  # fmt: skip
    """The features and C with the best accuracy in cross-validation, the simplest in a tie. Equal texts share a fold,
    and a text counts once with each of its classes, whatever its weight. With more than MOST_CLASSES classes, nothing
    is tried. texts: folded texts."""
    if num_classes > MOST_CLASSES:
        return Choice(candidate_kinds(texts)[0], 1.0, None, _MOST_WEIGHTS // num_classes)
    rows = sample(texts, SEARCH_ROWS, SEARCH_CHARACTERS, seed)
    texts, targets = [texts[row] for row in rows], targets.rows(rows)
    candidates = candidate_kinds(texts)
    hashes = np.fromiter(map(hash, texts), np.int64, len(texts))
    distinct = len(np.unique(hashes))
    if distinct < 2:  # cross-validation is impossible
        return Choice(candidates[0], C[0], None)
    folds = folds_of_texts(targets.classes, hashes, min(FOLDS, distinct), seed)
    scored = distinct_rows(targets.classes, hashes)
    counts = {kind: count_ngrams(kind, texts)[1] for kind in set(chain.from_iterable(candidates))}
    hits = []
    for kinds in candidates:
        margins = out_of_fold_margins(
            [counts[kind] for kind in kinds], targets, folds, num_classes, C, class_weights=class_weights, seed=seed,
            tolerance=_SEARCH_TOLERANCE, step=step,
        )  # fmt: skip
        hits.append((margins.argmax(axis=2) == targets.classes)[:, scored].sum(axis=1))
    best, strength = np.unravel_index(np.argmax(hits), (len(candidates), len(C)))
    return Choice(candidates[best], C[strength], int(np.max(hits)) / len(scored))


def fit(
    texts: Sequence[str], targets: Targets, num_classes: int, choice: Choice, folding: Folding, *,
    class_weights: ClassWeights, seed: int,
) -> LinearModel:  # fmt: skip
    """The chosen model, fitted on folded texts. A class without texts has no weights and a margin of -1."""
    fitted = [Features.fit(kind, texts, choice.most_terms) for kind in choice.kinds]
    features = sparse.hstack([matrix for _, matrix in fitted], format="csr")
    weight, bias = _weights(features, targets, num_classes, choice.c, class_weights=class_weights, seed=seed)
    return LinearModel(folding, [kind for kind, _ in fitted], weight, bias)


def _weights(
    features: sparse.csr_matrix, targets: Targets, num_classes: int, c: float, *, class_weights: ClassWeights,
    seed: int, tolerance: float = TOLERANCE,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Weights (terms, classes) and biases (classes,) float32; for two classes, only those of the second."""
    from sklearn.svm import LinearSVC

    columns = 1 if num_classes == 2 else num_classes
    weight, bias = np.zeros((features.shape[1], columns), np.float32), np.full(columns, -1, np.float32)
    rows, labels, weights, class_weight = targets.weighted_rows(class_weights, num_classes)
    present = np.unique(labels)
    if len(present) < 2 or not features.shape[1]:  # a single class, or no features
        sums = np.bincount(labels, weights, minlength=num_classes)
        shares = sums / (sums.sum() or 1)
        bias[:] = 2 * (shares if columns > 1 else shares[1:]) - 1
        return weight, bias
    if not np.array_equal(rows, np.arange(features.shape[0])):
        features = features[rows]
    model = LinearSVC(C=c, tol=tolerance, class_weight=class_weight, random_state=seed % (1 << 32))
    model.fit(features, labels, sample_weight=weights)
    if num_classes == 2:
        return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
    coef, intercept = model.coef_, model.intercept_
    if len(present) == 2:  # of more classes; scikit-learn gives only the margin of the second
        coef, intercept = np.vstack([-coef, coef]), np.concatenate([-intercept, intercept])
    weight[:, present], bias[present] = coef.T, intercept
    return weight, bias


def out_of_fold_margins(
    counts: Sequence[sparse.csr_matrix], targets: Targets, folds: np.ndarray, num_classes: int,
    strengths: Sequence[float], *, chosen: np.ndarray | bool = True, class_weights: ClassWeights, seed: int,
    tolerance: float = TOLERANCE, step: Progress = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Margins (strengths, n, classes) of each text by models fitted on the other folds, as scikit-learn's
    `cross_val_predict` of a pipeline computes them, with document frequencies of the other folds.

    counts: for each kind, the n-gram counts (n, terms). strengths: values of C. chosen (n,) bool: the texts to fit
    models on, all by default. step: called after each fit.
    """
    margins = np.empty((len(strengths), len(folds), num_classes), np.float32)
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        train = chosen & ~held_out
        parts = [tf_idf(matrix, smooth_idf(matrix[train])) for matrix in counts]
        features = sparse.hstack(parts, format="csr")
        for number, c in enumerate(strengths):  # not in threads, which would share LIBLINEAR's random state
            weight, bias = _weights(
                features[train], targets.rows(train), num_classes, c, class_weights=class_weights, seed=seed,
                tolerance=tolerance,
            )  # fmt: skip
            margins[number, held_out] = both_sides(features[held_out] @ weight + bias)
            step()
    return margins


def quick_margins(
    texts: Sequence[str], labels: np.ndarray, folds: np.ndarray, num_classes: int, *, seed: int,
    step: Progress = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Out-of-fold margins (n, classes) of folded texts, within seconds: with the simplest features, only n-grams that
    occur in two texts or more, and without a search."""
    counts = [count_ngrams(kind, texts, sys.maxsize)[1] for kind in candidate_kinds(texts)[0]]
    (margins,) = out_of_fold_margins(
        counts, Targets(labels), folds, num_classes, [_QUICK_C], class_weights=None, seed=seed, tolerance=_QUICK_TOL,
        step=step,
    )  # fmt: skip
    return margins
