"""A scikit-learn estimator: a recurrent text classifier that trains from lists of texts and labels, without files."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length, check_is_fitted, column_or_1d

from textrnn.checking.faults import find_faults
from textrnn.classifier import TextClassifier, check_none_missing, check_texts
from textrnn.config import Config, build_config, dead_keys, description, parameters, set_key
from textrnn.corpus.build import build_tokenizer, class_weights_problem, split_options
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.splits import split_corpora
from textrnn.corpus.unlabelled import distinct_texts
from textrnn.errors import ConfigError, TextRNNError
from textrnn.inference import class_probabilities, predicted_classes
from textrnn.models.network import Ensemble
from textrnn.reading.labels import label_problem
from textrnn.reading.reader import Example
from textrnn.reading.targets import MOST_WEIGHT
from textrnn.run.model import Model, save_model
from textrnn.runtime.device import choose_device, fork_rng, tf32
from textrnn.runtime.distributed import world_size
from textrnn.runtime.files import expand_user
from textrnn.runtime.progress import show_bars
from textrnn.runtime.signals import StopRequest
from textrnn.runtime.threads import begin_computing
from textrnn.texts.tokenizer import check_segmented, spread
from textrnn.texts.transform import Transform
from textrnn.training.keeper import Keeper
from textrnn.training.linear import check_linear
from textrnn.training.networks import Training
from textrnn.training.plan import NetworkBuilder, plan, with_precision
from textrnn.training.side_by_side import training_workers
from textrnn.training.time_limit import TimeLimit


def _labels(y: Any) -> np.ndarray:
    """(n,) labels, of the same type as in the list, array or Series. Raises ValueError for missing ones."""
    if isinstance(y, (list, tuple)) or hasattr(y, "isna"):
        check_none_missing(y, "label")
    labels = column_or_1d(y.to_numpy() if hasattr(y, "isna") else y)
    if labels.dtype == object:
        check_none_missing(labels, "label")
        for kind, types in ((bool, (bool, np.bool_)), (np.int64, (int, np.integer))):
            if all(isinstance(label, types) for label in labels):  # of a nullable dtype
                return labels.astype(kind)
    return labels


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _weights(sample_weight: Any, texts: int) -> np.ndarray | None:
    """(n,) the weights of the texts; None if all count the same. Raises ValueError."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, np.float64)
    if weights.ndim == 0:
        weights = np.full(texts, float(weights))
    weights = column_or_1d(weights)
    assert_all_finite(weights, input_name="sample_weight")
    if not ((weights >= 0) & (weights <= MOST_WEIGHT)).all():
        at = int(np.argmin((weights >= 0) & (weights <= MOST_WEIGHT)))
        raise ValueError(
            f"sample_weight {at}: a number from 0 to {MOST_WEIGHT:,.0f} was expected, found {weights[at]:g}"
        )
    if not weights.any():
        raise ValueError(f"a weight above 0 was expected in sample_weight, found 0 for all {len(weights):,} texts")
    return weights


_DEFAULTS: dict[str, Any] = {**parameters.defaults(), "device": "auto", "n_jobs": None, "verbose": 0}
_OWN = {
    "random_state": (
        "int, RandomState or None",
        f"{description('train.seed')} A RandomState draws one, `None` draws one from NumPy's global random state.",
    ),
    "device": ("str", "Device to train on: `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:N`."),
    "n_jobs": (
        "int or None",
        "Number of folds whose networks are trained at a time, in processes of their own, on a CPU; `None` means 1, -1 "
        "all cores. The result does not depend on it.",
    ),
    "verbose": ("int", "1 shows a progress bar."),
}
_ATTRIBUTES = {
    "classes_": ("ndarray of shape (n_classes,)", "The labels, in the order of the columns of `predict_proba`."),
    "classifier_": ("TextClassifier", "The trained model."),
    "history_": ("list of dict", "A record for each evaluation, as in the lines of a run's history.jsonl."),
}


def _entries() -> dict[str, tuple[str, str]]:
    """The type and default, and the meaning, of each parameter."""
    entries = {}
    for name, default in _DEFAULTS.items():
        kind, meaning = _OWN[name] if name in _OWN else parameters.type_and_meaning(name)
        entries[name] = f"{kind}, default={default!r}", meaning
    return entries


class RNNClassifier(ClassifierMixin, BaseEstimator):
    __doc__ = parameters.docstring(
        "A TextRNN, RCNN or TDNN that classifies strings, trained from lists of texts and labels.\n\n"
        "Its parameters are keys of the config, with the same defaults. Names with a dot, such as\n"
        "`data.dev`, are keys that have no parameter.",
        _entries(),
        _ATTRIBUTES,
    )

    classes_: np.ndarray
    classifier_: TextClassifier
    history_: list[dict[str, Any]]

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in _DEFAULTS:
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {name!r}")
        self.__dict__.update(_DEFAULTS | values)

    __init__.__signature__ = inspect.Signature([  # type: ignore[attr-defined] # read by scikit-learn, help and editors
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in _DEFAULTS.items()
        ),
    ])  # fmt: skip

    def fit(
        self, X: Sequence[str], y: Sequence[Any], sample_weight: Any = None, *, unlabelled: Sequence[str] | None = None
    ) -> RNNClassifier:
        """Train on texts X (n,) and labels y (n,): strings, integers or booleans, in lists, arrays or Series.
        sample_weight (n,): numbers of 0 or more; a text of weight 2 counts as if it stood there twice, one of weight 0
        is left out. None or a single number: all texts count the same.
        unlabelled (m,): texts without labels, from which the linear model learns which n-grams go together.

        Issues the warnings of the command line. Raises: TypeError if X holds anything but strings; ValueError for
        parameters out of range, missing values, X and y of different lengths, or labels of fewer than two classes;
        DataError for a tokenizer that does not suit the texts; TextRNNError if a loss is not finite.
        """
        begin = time.monotonic()
        texts, labels = check_texts(X), _labels(y)
        weights = _weights(sample_weight, len(texts))
        check_consistent_length(texts, labels, weights)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        more = None if unlabelled is None else check_texts(unlabelled)
        distinct, ids = np.unique(labels, return_inverse=True)
        if len(classes := distinct.tolist()) < 2:
            raise ValueError(f"two or more classes were expected in y, found {len(classes) or 'no'} class: {classes}")
        config, names = self._config(), [str(label) for label in classes]
        tokenizer, numbers = build_tokenizer(config.tokenizer), [str(number) for number in range(len(names))]
        if problem := class_weights_problem(config.train.class_weights, names):
            raise ValueError(f"class_weights: {problem}")
        corpora = {"train": Corpus.from_texts(texts, [numbers[number] for number in ids], tokenizer, weights)}
        check_segmented(tokenizer.kind, spread(texts, 1000))
        splits = split_corpora(corpora, numbers, **split_options(config))
        splits.labels = names
        check_linear(config, splits)
        findings = find_faults(
            splits, corpora, config.data.max_length,
            lambda rows: {row: Example(texts[row], names[ids[row]], f"X[{row}]") for row in rows},
        )  # fmt: skip
        for sentence in [*dead_keys(config), *(line for finding in findings for line in finding.lines())]:
            warnings.warn(sentence, stacklevel=2)
        if world_size() > 1:
            raise TextRNNError("in-memory training runs in one process: start it without torchrun")
        device = choose_device(vars(self)["device"])
        config = with_precision(config, device)
        begin_computing()
        with tf32(device, config.train.tf32), fork_rng(device), show_bars(bool(vars(self)["verbose"])):
            parts = plan(splits, config.train) if config.model.has_network else []
            keeper = Keeper(mix=config.model.linear == "mix")
            with training_workers(config, parts, self._processes() if device.type == "cpu" else 1) as workers:
                margins = keeper.fit_linear(
                    config, splits, lambda _, rows: [texts[row] for row in rows],
                    None if more is None else lambda: distinct_texts(more, splits, config.train.seed),
                )  # fmt: skip
                training = Training(
                    config, splits, parts, margins, keeper, device, StopRequest(), workers=workers,
                    limit=TimeLimit.of(config.train.minutes, begin),
                )  # fmt: skip
                networks = Ensemble([])
                if parts:
                    builder = NetworkBuilder(config, splits, pretrained=None)
                    network = builder.build(parts[0].seed, device)
                    training.run(builder, network)
                    networks = Ensemble([deepcopy(best) for best in training.best(network)])
                else:
                    training.finish_without_network()
        if keeper.warning is not None:
            warnings.warn(keeper.warning, stacklevel=2)
        self.classes_, self.history_ = distinct, keeper.history
        transform = Transform(tokenizer, splits.vocab, config.data.max_length)
        model = Model(
            networks, keeper.linear, keeper.decision, transform, names, config,
            bfloat16_agreement=keeper.bfloat16_agreement, statistics=keeper.statistics,
            class_shares=np.asarray(splits.class_shares) if splits.skips_empty else None,
        )  # fmt: skip
        self.classifier_ = TextClassifier(model, device=device)
        return self

    def predict(self, X: Sequence[str]) -> np.ndarray:
        """(n,) the likeliest label of each text."""
        best = predicted_classes(self._logits(X))  # first, as it raises if there are no classes_ yet
        return self.classes_[best]

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:
        """(n, C) float32 probabilities, columns as in `classes_`."""
        return class_probabilities(self._logits(X))

    def decision_function(self, X: Sequence[str]) -> np.ndarray:
        """(n, C) float32 logits; with two classes (n,), the second one's minus the first one's."""
        logits = self._logits(X).numpy()
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def save(self, folder: Path | str) -> None:
        """Write a folder that `textrnn predict` and `TextClassifier.load` read, with labels as strings.

        Raises: CheckpointError for a run's folder; TextRNNError if it cannot be written; ValueError for an empty name,
        and for labels that are equal as strings or do not fit on a line.
        """
        check_is_fitted(self)
        if not str(folder).strip():
            raise ValueError("save: the name of a folder was expected, found an empty one")
        labels = self.classifier_.labels
        bad = next(filter(None, (label_problem(label, None) for label in labels)), None)
        if bad or len(set(labels)) < len(labels):
            raise ValueError(f"cannot save these labels: {bad or 'two of them are equal as strings'}: {labels}")
        save_model(Path(expand_user(str(folder))), self.classifier_.model)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _logits(self, X: Sequence[str]) -> torch.Tensor:
        check_is_fitted(self)
        return self.classifier_.predict_logits(X)

    def _processes(self) -> int:
        n_jobs = vars(self)["n_jobs"]
        if n_jobs is None:
            return 1
        if not isinstance(n_jobs, (int, np.integer)) or isinstance(n_jobs, bool) or n_jobs == 0:
            raise ValueError(f"n_jobs: None or a whole number other than 0 was expected, found {n_jobs!r}")
        return int(n_jobs) if n_jobs > 0 else max(1, torch.get_num_threads() + 1 + int(n_jobs))

    def _config(self) -> Config:
        given = {name: getattr(self, name) for name in _DEFAULTS}  # a subclass may have other parameters
        values = {name: _plain(value) for name, value in given.items()}
        if isinstance(values["class_weights"], dict):  # of labels as in y
            by_label = values["class_weights"].items()
            values["class_weights"] = {str(label): _plain(weight) for label, weight in by_label}
        seed = values["random_state"]
        if not isinstance(seed, int):
            values["random_state"] = int(check_random_state(seed).randint(2**31 - 1))
        tree: dict[str, Any] = {"preset": values["preset"]}
        for name, key in parameters.KEYS.items():
            if name != "preset" and not (name in parameters.OF_PRESETS and values[name] == "preset"):
                set_key(tree, key, values[name])
        try:
            return build_config(tree, origin=type(self).__name__)
        except ConfigError as error:
            raise ValueError(str(error)) from None
