"""What `textrnn eval` evaluates on: files, or a part of the run's own data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from textrnn.classifier import TextClassifier
from textrnn.commands.data import reading_bar
from textrnn.config import Config, build_config, read_yaml, set_key
from textrnn.data.build import build_source
from textrnn.data.corpus import Corpus
from textrnn.data.loading import encode_labelled
from textrnn.data.rows import all_rows, class_sizes
from textrnn.data.source import Source, suffix_format
from textrnn.data.splits import DEV_FRACTION, is_cross_fitted, stratified_split
from textrnn.data.statistics import cut_warning
from textrnn.data.transform import EncodedTexts
from textrnn.errors import CheckpointError, ConfigError, short
from textrnn.run.environment import load_environment
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import load_held_out, load_margins
from textrnn.run.model_config import read_description
from textrnn.runtime.files import data_name
from textrnn.runtime.progress import log

_RUN_KEYS = ("seed", "folds")  # of `train`, which say how the run's own data was divided


class Texts(NamedTuple):
    """Texts to evaluate on, in the model's ids.

    rows (n,): their positions in the source. hashes: of all its texts. digest: of its content. logits (n, classes):
    saved ones of cross-fitted networks that were not trained on them; None where they must be computed. margins (n,
    classes), known (n,) bool: likewise of the linear model, which in the end is fitted on held-out texts, too: known
    for those texts. lengths (n,): tokens of each, before it is cut.
    """

    encoded: EncodedTexts
    rows: np.ndarray
    hashes: np.ndarray
    digest: str
    known: np.ndarray
    margins: np.ndarray
    lengths: np.ndarray
    logits: torch.Tensor | None = None


def read_texts(
    classifier: TextClassifier, source: Source, config: Config, name: str, part: str | None, run: Path, *, is_run: bool
) -> Texts:
    """part: of the run, where the source must be divided. Raises DataError, ConfigError, and CheckpointError where what
    was said of held-out texts is missing or damaged."""
    transform = classifier.transform
    for sentence in source.encoding_hints():
        log.warning(sentence)
    with reading_bar() as progress:
        texts, corpus = encode_labelled(
            source, transform.tokenizer, transform.vocab, classifier.labels,
            max_length=config.data.max_length, cache_dir=Path(config.data.cache_dir),
            progress=lambda count: progress(name, count),
        )  # fmt: skip
    rows, out_of_fold = own_rows(corpus, config, part, run) if part else (all_rows(len(texts)), False)
    if not len(rows):
        raise ConfigError(f"{run}: the {part} split is empty (data.dev_fraction {config.data.dev_fraction})")
    if corpus.skipped_count:
        log.warning("%d bad rows skipped: %s", corpus.skipped_count, "; ".join(corpus.skipped))
    if cut := cut_warning(name, corpus.lengths, rows, config.data.max_length):
        log.warning(cut)
    if part:
        texts = texts.rows(rows)
    warn_of_missing_classes(texts, classifier.labels, name)
    classes = len(classifier.labels)
    known, margins = np.zeros(len(texts), dtype=bool), np.zeros((len(texts), classes), np.float32)
    logits = None
    if is_run and classifier.model.linear is not None:
        known, margins = saved_margins(RunFolder(run), corpus.hashes[rows], classes, must_exist=part == "dev")
    if is_run and out_of_fold:
        logits = load_held_out(RunFolder(run), np.asarray(texts.labels), corpus.hashes[rows], classes)
    return Texts(texts, rows, corpus.hashes, corpus.digest, known, margins, np.asarray(corpus.lengths)[rows], logits)


def saved_margins(
    run: RunFolder, hashes: np.ndarray, classes: int, *, must_exist: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool: whether each text is one of those that the run held out; (n, classes) the margins by which its linear
    model was judged on them, and zeros. Raises CheckpointError."""
    found = load_margins(run, classes)
    if found is None and must_exist:
        raise CheckpointError(
            f"{run.linear_margins}: missing or damaged, and the linear model itself was fitted on dev, too; evaluate "
            f"on other texts: give DATA, a labelled file"
        )
    margins = np.zeros((len(hashes), classes), np.float32)
    if found is None or not len(found[1]):
        return np.zeros(len(hashes), dtype=bool), margins
    order = np.argsort(found[1])
    at = np.searchsorted(found[1], hashes, sorter=order).clip(max=len(order) - 1)
    known = found[1][order[at]] == hashes
    margins[known] = found[0][order[at[known]]]
    return known, margins


def data_config(folder: Path, overrides: list[tuple[str, Any]], *, is_run: bool) -> Config:
    """The config in the folder of a run or, where it is none, of a model, with `data.` keys changed."""
    path = folder / "config.yaml"
    if is_run:  # the other keys do not matter here, and a run of an older version may have some that are gone
        whole = read_yaml(path)
        settings = whole.get("train")
        kept = {key: settings[key] for key in _RUN_KEYS if key in settings} if isinstance(settings, dict) else {}
        tree = {"data": whole.get("data", {}), "train": kept}
    else:
        tree = read_description(path).tree
    for key, value in overrides:
        if not key.startswith("data.") or key == "data.dev_fraction":
            raise ConfigError(
                f"--set {key}: only data keys that say how to read can be set here; the others were fixed by training"
            )
        set_key(tree, key, value)
    return build_config(tree, origin=str(path), set_keys={key for key, _ in overrides})


def given_data(
    data: str, config: Config, classifier: TextClassifier, names: list[str] | None
) -> tuple[str, Source, None]:
    """(name, source, None) for a file or folder, read as the training texts were."""
    is_csv = classifier.trained_on == "csv" and os.path.isfile(data) and suffix_format(data) is None
    if config.data.format == "auto" and is_csv:
        config.data.format = "csv"  # which no first line tells
    return data_name(data), build_source(data, config.data, names), None


def own_split(config: Config, split: str | None, names: list[str] | None) -> tuple[str, Source, str | None]:
    """(name, source, "train" or "dev" where the source must be divided) for a split of the run.

    Where no split is asked for: test, or, where the run has no test file, dev, which is said.
    """
    data = config.data
    if split is None:
        split = "test"
        if data.test is None and (data.dev is not None or data.dev_fraction != 0):
            split = "dev"
            log.warning(
                "the run has no test file (data.test): evaluating on texts held out of training, by which its best "
                "epoch was chosen, so the scores are somewhat inflated"
            )
    paths = {"train": data.train, "dev": data.dev, "test": data.test}[split]
    if paths is not None and not (split == "train" and data.dev is None and data.dev_fraction != 0):
        return split, build_source(paths, data, names), None
    if split == "test" or data.dev_fraction == 0 or data.train is None:
        raise ConfigError(
            f"--split {split}: the run has no {split} data; give DATA, a labelled file, or --set data.{split}=FILE"
        )
    return split, build_source(data.train, data, names), split


def own_rows(corpus: Corpus, config: Config, part: str, run: Path) -> tuple[np.ndarray, bool]:
    """The rows of the training file that the run trained on, or held out for dev, and whether its networks were
    cross-fitted and dev is asked for: then these are all rows."""
    digest = load_environment(RunFolder(run).environment).get("data_sha256", {}).get("data.train")
    if digest not in (None, corpus.digest):
        log.warning(
            "the training file has changed since the run began: its %s part may differ from that of the run", part
        )
    fraction = config.data.dev_fraction
    if fraction is None and is_cross_fitted(len(corpus), config.train.folds):
        return all_rows(len(corpus)), part == "dev"
    fraction = DEV_FRACTION if fraction is None else fraction
    train_rows, dev_rows = stratified_split(np.asarray(corpus.label_ids), fraction, config.train.seed)
    return (train_rows if part == "train" else dev_rows), False


def warn_of_missing_classes(texts: EncodedTexts, labels: list[str], name: str) -> None:
    sizes = class_sizes(np.asarray(texts.labels), len(labels))
    missing = [label for label, size in zip(labels, sizes, strict=True) if size == 0]
    if missing:
        log.warning(
            "%s has no texts of %s: their F1 counts as 0 in macro-F1",
            name,
            ", ".join(map(short, missing[:12])) + ", ..." * (len(missing) > 12),
        )
