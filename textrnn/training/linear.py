"""The linear model of a run: chosen, evaluated on the same texts as the networks, and fitted on all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from textrnn.config import Config
from textrnn.corpus.splits import Splits, distinct_rows, folds_of_texts
from textrnn.errors import DataError
from textrnn.linear.fit import (
    FOLDS,
    MOST_CLASSES,
    MOST_CLASSES_ALONE,
    MOST_FITS,
    MOST_ROWS,
    MOST_TOTAL_CHARACTERS,
    SEARCH_CHARACTERS,
    SEARCH_ROWS,
    Choice,
    candidate_kinds,
    choose,
    fit,
    out_of_fold_margins,
    sample,
)  # fmt: skip
from textrnn.linear.mixture import calibrated, cross_entropy, mix
from textrnn.linear.model import Folding, LinearModel
from textrnn.linear.ngrams import Kind, count_ngrams, ngram_counts
from textrnn.linear.projection import count_frequent, known_share, project, seconds_to_project
from textrnn.linear.regression import CANDIDATES, add_regressions, regression, regression_margins
from textrnn.runtime.progress import bar, log
from textrnn.runtime.terminal import count_of, duration
from textrnn.texts.targets import Targets, class_weights_of
from textrnn.texts.tokenizer import spread

CHI_SQUARED = 3.84  # of one degree of freedom, exceeded by chance in 5 % of cases
MARGIN_SCALE = 0.25  # of calibrated logits, to the size of the margins of LIBLINEAR
LEAST_KNOWN = 0.2  # share of the n-grams of unlabelled texts

# ("train" or "dev", rows in ascending order) -> the texts in these rows, unchanged: the linear model also counts what
# the network's vocabulary leaves out.
ReadTexts = Callable[[str, np.ndarray], list[str]]


Unlabelled = Callable[[], Sequence[str]]  # the unchanged texts without labels, each once, without held-out ones


class Labelled(NamedTuple):
    """Texts (n,) and their targets."""

    texts: Sequence[str]
    targets: Targets

    def at(self, rows: np.ndarray) -> Labelled:
        return Labelled([self.texts[row] for row in rows], self.targets.rows(rows))

    def joined(self, other: Labelled, num_classes: int) -> Labelled:
        """These texts and others."""
        return Labelled([*self.texts, *other.texts], self.targets.joined(other.targets, num_classes))


class Fitted(NamedTuple):
    """margins (m, classes): on the held-out texts, by models that were not trained on them; None without held-out
    texts. rows: the number of texts that the model was fitted on. seconds: the time of all fits."""

    model: LinearModel
    choice: Choice
    margins: np.ndarray | None
    rows: int
    seconds: float


def reason_for_none(num_classes: int, rows: int, *, has_network: bool = True) -> str | None:
    """The reason why such data has no linear model; None if it has one. has_network: whether there is a network beside
    it."""
    most = MOST_CLASSES if has_network else MOST_CLASSES_ALONE
    if num_classes > most:
        return f"{num_classes:,} classes are more than {most:,}, each of which takes a fit of its own"
    if rows < 4:
        return f"{rows} training texts are too few"
    return None


def check_linear(config: Config, splits: Splits) -> None:
    """Raises DataError if the config has no network, and the data no linear model."""
    reason = reason_for_none(len(splits.labels), len(splits.train), has_network=config.model.has_network)
    if reason is not None and not config.model.has_network:
        raise DataError(f"no linear model: {reason}; train a network, for example with --preset best")


def has_linear(config: Config, splits: Splits) -> bool:
    """Whether a run of these splits has a linear model."""
    reason = reason_for_none(len(splits.labels), len(splits.train), has_network=config.model.has_network)
    return config.model.linear != "none" and reason is None


def rows_to_read(config: Config, splits: Splits) -> np.ndarray:
    """The rows of the training data whose texts `fit_linear` requests."""
    if not has_linear(config, splits):
        return np.zeros(0, np.int64)
    rows = splits.train_rows[_chosen(config, splits)]
    has_dev = splits.dev_is_part_of_train and splits.dev_rows is not None
    return np.concatenate([rows, splits.dev_rows]) if has_dev else rows


def _chosen(config: Config, splits: Splits) -> np.ndarray:
    """The numbers of the training texts that are read, in ascending order: without folds, at most MOST_ROWS."""
    count = len(splits.train)
    if splits.folds is not None or count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng([config.train.seed, 0x11F]).permutation(count)[:MOST_ROWS])


def fit_linear(config: Config, splits: Splits, texts: ReadTexts, unlabelled: Unlabelled | None = None) -> Fitted | None:
    """The linear model of a run's splits, fitted on train and dev; None if the run has none. More than MOST_ROWS
    texts or MOST_TOTAL_CHARACTERS are sampled. unlabelled: see `add_unlabelled`."""
    if not has_linear(config, splits):
        return None
    begin = time.perf_counter()
    classes, folds, seed = len(splits.labels), splits.folds, config.train.seed
    options: Any = {"class_weights": class_weights_of(config.train.class_weights, splits.labels), "seed": seed}
    folding = Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    rows = _chosen(config, splits)
    raw, raw_dev = texts("train", splits.train_rows[rows]), None
    if splits.dev is not None and splits.dev_rows is not None:
        raw_dev = texts("train" if splits.dev_is_part_of_train else "dev", splits.dev_rows)
    with bar("linear model", total=MOST_FITS + 2, unit="fit") as shown:
        assert splits.train.targets is not None
        train = Labelled([folding(text) for text in raw], splits.train.targets.rows(rows))
        rows = sample(train.texts, MOST_ROWS, MOST_TOTAL_CHARACTERS, seed)
        searched = train if folds is not None else train.at(rows)
        choice = choose(*searched, classes, **options, step=shown.update)
        margins = None
        if folds is not None and splits.held_out is not None:
            counts = [count_ngrams(kind, train.texts, choice.most_terms)[1] for kind in choice.kinds]
            chosen = np.isin(np.arange(len(train.texts)), rows)
            margins = out_of_fold_margins(counts, train.targets, folds, classes, [choice.c], chosen=chosen, **options)[
                0, splits.held_out.rows
            ]
        labelled, dev = train, None
        train = train.at(rows)
        if splits.dev is not None and raw_dev is not None:
            margins = fit(*train, classes, choice, folding, **options).margins(raw_dev)
            assert splits.dev.targets is not None
            dev = Labelled([*map(folding, raw_dev)], splits.dev.targets)
            both = train.joined(dev, classes)
            train = both.at(sample(both.texts, MOST_ROWS, MOST_TOTAL_CHARACTERS, seed))
        shown.update()
        model = fit(*train, classes, choice, folding, **options)
        shown.update()
    fitted = Fitted(model, choice, margins, len(train.texts), time.perf_counter() - begin)
    return fitted if unlabelled is None else add_unlabelled(fitted, config, splits, labelled, dev, unlabelled())


def describe_linear(fitted: Fitted, texts: int) -> str:
    """A line for the log. texts: the total number of texts."""
    ngrams = " and ".join(
        f"{kind.shortest}- to {kind.longest}-grams of {kind.unit.replace('within_words', 'characters in words')}"
        for kind in fitted.choice.kinds
    )
    total = "" if fitted.rows == texts else f" of {texts:,}, drawn at random"
    accuracy = fitted.choice.accuracy
    quality = "" if accuracy is None else f" (accuracy in cross-validation {accuracy:.4f})"
    return (
        f"linear model: {ngrams}, {len(fitted.model.weight):,} terms, C {fitted.choice.c:g}{quality}; fitted on "
        f"{count_of(fitted.rows, 'text')}{total} in {fitted.seconds:.1f} s"
    )


def add_unlabelled(
    fitted: Fitted, config: Config, splits: Splits, labelled: Labelled, dev: Labelled | None, unlabelled: Sequence[str]
) -> Fitted:
    """The linear model with logistic regressions on projections of all texts, if they lower the loss on held-out texts.
    labelled: the folded training texts, which count as texts, too. dev: the folded dev texts, which do not.
    unlabelled: unchanged."""
    if not unlabelled:
        log.warning("data.unlabelled: no text is left to learn from; the linear model does without")
        return fitted
    begin, seed = time.perf_counter(), config.train.seed
    texts = [*labelled.texts, *map(fitted.model.folding, unlabelled)]
    kind = candidate_kinds(labelled.texts)[-1][0]
    warn_of_unknown(kind, labelled.texts, texts[len(labelled.texts) :])
    vocabulary, counts = count_frequent(kind, texts)
    if not len(vocabulary):
        log.warning("data.unlabelled: no n-gram occurs in three texts; the linear model does without")
        return fitted
    seconds = seconds_to_project(counts)
    log.info("learning from %s, %s of them unlabelled: about %s", count_of(len(texts), "text"), f"{len(unlabelled):,}",
             duration(seconds))  # fmt: skip
    projections = project(kind, vocabulary, counts, seed)
    values = [projection.of(counts[: len(labelled.texts)]) for projection in projections]
    dev_values = None
    if dev is not None:
        dev_counts = ngram_counts(kind, vocabulary, dev.texts)
        dev_values = [projection.of(dev_counts) for projection in projections]
    judged = _judged(fitted, config, splits, labelled, dev, values, dev_values)
    alone = calibrated(judged.margins, judged.targets)
    parts, chosen = [judged.margins], []
    for tried in judged.regressions:
        best = int(np.argmin([cross_entropy(calibrated(margins, judged.targets), judged.targets) for margins in tried]))
        parts.append(tried[best])
        chosen.append(CANDIDATES[best])
    factors, together = mix(parts, judged.targets, judged.folds)
    truth = judged.targets.classes
    accuracy, before = (float((logits.argmax(axis=1) == truth).mean()) for logits in (together, alone))
    loss, before_loss = (cross_entropy(logits, judged.targets) for logits in (together, alone))
    differ = int(((together.argmax(axis=1) == truth) != (alone.argmax(axis=1) == truth)).sum())
    count = len(truth)
    # a likelihood-ratio test with one degree of freedom, and no loss of accuracy beyond one standard error
    helps = 2 * count * (before_loss - loss) > CHI_SQUARED and count * (before - accuracy) <= np.sqrt(differ)
    log.info(
        "unlabelled texts: on held-out texts, the linear model has accuracy %.4f and loss %.3f with them, %.4f and "
        "%.3f without%s; learnt in %.0f s", accuracy, loss, before, before_loss, "" if helps else ": they are not used",
        time.perf_counter() - begin,
    )  # fmt: skip
    if not helps:
        return fitted
    if dev is not None and dev_values is not None:
        values = [np.concatenate(pair) for pair in zip(values, dev_values, strict=True)]
        labelled = labelled.joined(dev, len(splits.labels))
    class_weights = class_weights_of(config.train.class_weights, splits.labels)
    regressions = [
        regression(part, labelled.targets, len(splits.labels), candidate, class_weights=class_weights)
        for part, candidate in zip(values, chosen, strict=True)
    ]
    factors = [MARGIN_SCALE * factor for factor in factors]
    margins = None if fitted.margins is None else (MARGIN_SCALE * together).astype(np.float32)
    return fitted._replace(
        model=add_regressions(fitted.model, projections, regressions, factors), margins=margins,
        seconds=fitted.seconds + time.perf_counter() - begin,
    )  # fmt: skip


class Judged(NamedTuple):
    """Texts (m,) that models were not fitted on: their targets, the folds in which a mixture is learnt, the margins
    (m, classes) of the TF-IDF model, and for each projection those of its regressions (candidates, m, classes)."""

    targets: Targets
    folds: np.ndarray
    margins: np.ndarray
    regressions: list[np.ndarray]


def _judged(
    fitted: Fitted, config: Config, splits: Splits, labelled: Labelled, dev: Labelled | None,
    values: Sequence[np.ndarray], dev_values: Sequence[np.ndarray] | None,
) -> Judged:  # fmt: skip
    """The run's held-out texts; in a run without any, a sample of the training texts, each held out once. values,
    dev_values: of each projection, the projected training and dev texts."""
    classes, seed = len(splits.labels), config.train.seed
    class_weights = class_weights_of(config.train.class_weights, splits.labels)
    if dev is not None and dev_values is not None and fitted.margins is not None:
        regressions = [
            regression_margins(part, labelled.targets, dev_part, classes, class_weights=class_weights)
            for part, dev_part in zip(values, dev_values, strict=True)
        ]
        folds = folds_of_texts(dev.targets.classes, np.arange(len(dev.texts)), FOLDS, seed)
        return Judged(dev.targets, folds, fitted.margins, regressions)
    if splits.folds is not None and splits.held_out is not None and fitted.margins is not None:
        folds, rows, margins = splits.folds, splits.held_out.rows, fitted.margins
    else:
        chosen = sample(labelled.texts, SEARCH_ROWS, SEARCH_CHARACTERS, seed)
        labelled, values = labelled.at(chosen), [part[chosen] for part in values]
        hashes = np.fromiter(map(hash, labelled.texts), np.int64, len(chosen))
        own = labelled.targets.classes
        folds, rows = folds_of_texts(own, hashes, FOLDS, seed), distinct_rows(own, hashes)
        counts = [count_ngrams(kind, labelled.texts, fitted.choice.most_terms)[1] for kind in fitted.choice.kinds]
        margins = out_of_fold_margins(
            counts, labelled.targets, folds, classes, [fitted.choice.c], class_weights=class_weights, seed=seed
        )[0, rows]
    regressions = [np.empty((len(CANDIDATES), len(folds), classes), np.float32) for _ in values]
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        for part, result in zip(values, regressions, strict=True):
            result[:, held_out] = regression_margins(
                part[~held_out], labelled.targets.rows(~held_out), part[held_out], classes, class_weights=class_weights
            )
    return Judged(labelled.targets.rows(rows), folds[rows], margins, [result[:, rows] for result in regressions])


def warn_of_unknown(kind: Kind, labelled: Sequence[str], unlabelled: Sequence[str]) -> None:
    """Log a warning if labelled texts have few of the words or characters of a sample of unlabelled ones."""
    share = known_share(kind, labelled, spread(unlabelled, 1000))
    if share < LEAST_KNOWN:
        log.warning(
            "data.unlabelled: only %.0f %% of its %s occur in the labelled texts: is it in another language?",
            100 * share, kind.unit,
        )  # fmt: skip
