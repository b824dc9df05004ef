"""`textrnn eval`: evaluate a model on labelled texts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.classifier import TextClassifier, model_folder
from textrnn.commands.data import reading_bar
from textrnn.config import Config, build_config, read_yaml, set_key
from textrnn.data.build import build_source
from textrnn.data.corpus import Corpus
from textrnn.data.loading import encode_labelled
from textrnn.data.reader import texts_at
from textrnn.data.rows import all_rows, class_sizes
from textrnn.data.source import Source, suffix_format
from textrnn.data.splits import DEV_FRACTION, is_cross_fitted, stratified_split
from textrnn.data.statistics import cut_warning
from textrnn.data.transform import EncodedTexts
from textrnn.errors import ConfigError, command, short
from textrnn.evaluation.metrics import PartTotals, all_metrics
from textrnn.evaluation.plots import NO_FONT
from textrnn.evaluation.report import report_text
from textrnn.evaluation.results import Predictions, results_folder, write_results
from textrnn.inference import class_probabilities, predicted_classes
from textrnn.run.environment import load_environment
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import load_held_out
from textrnn.run.model import Model
from textrnn.run.model_config import read_description
from textrnn.runtime.files import data_name
from textrnn.runtime.progress import bar, log

TEXTS_AT_ONCE = 16_384  # sorted by length together, as `predict` does; their logits are in memory at once


def evaluate(
    run: Path,
    data: str | None,
    *,
    split: str | None,
    overrides: list[tuple[str, Any]],
    output: Path | None,
    device: str,
    precision: str,
) -> tuple[Path, dict[str, Any]]:
    """Evaluate RUN on DATA or on one of its own splits and write the results; returns (their folder, metrics)."""
    begin = time.perf_counter()
    folder = model_folder(run)
    is_run = folder != run
    classifier = TextClassifier.load(run, device=device, precision=precision)
    config = data_config(run, overrides, is_run=is_run)
    # the model's own labels stand for the file of names it was trained with, which may not be here
    names = None if any(key == "data.label_names" for key, _ in overrides) else classifier.labels
    part = None
    if data is not None:
        is_csv = classifier.trained_on == "csv" and os.path.isfile(data) and suffix_format(data) is None
        if config.data.format == "auto" and is_csv:
            config.data.format = "csv"  # which no first line tells
        name, source = data_name(data), build_source(data, config.data, names)
    elif is_run:
        name, source, part = own_split(config, split, names)
    else:
        raise ConfigError(f"{run}: a model folder has no data of its own: {command('eval', run, 'FILE')}")

    texts, rows, hashes, digest, out_of_fold = read_texts(classifier, source, config, name, part, run)
    if out_of_fold:
        predictions, totals = held_out_predictions(classifier, RunFolder(run), texts, rows, hashes)
    else:
        predictions, totals = predict_texts(classifier, texts, source, rows, hashes)
    metrics = all_metrics(totals, classifier.labels)
    described = {"data": [os.path.abspath(path) for path in source.paths], "split": part, "sha256": digest}
    metrics["seconds"] = time.perf_counter() - begin

    target = output or results_folder(RunFolder(run).evaluations if is_run else Path("eval"), name, described)
    if output is None and target.name != name:
        log.info("%s holds an earlier evaluation, which stays", target.with_name(name))
    if not write_results(target, report_text(metrics), metrics, described, source, predictions):
        log.warning("%s: %s", target / "confusion_matrix.png", NO_FONT)
    log.info("written to %s", target)
    return target, metrics


def predict_texts(
    classifier: TextClassifier, texts: EncodedTexts, source: Source, rows: np.ndarray, hashes: np.ndarray
) -> tuple[Predictions, PartTotals]:
    """Predict the texts some thousands at a time; of each, only a label and a probability are kept."""
    raw = texts_at(source, rows.tolist()) if classifier.model.linear is not None else iter(())
    with bar("evaluating", total=len(texts)) as shown:

        def compute(window: slice) -> tuple[torch.Tensor, torch.Tensor | None]:
            network = classifier.network_logits(texts.rows(window), after_batch=shown.update)
            return network, classifier.margins(list(islice(raw, len(network))))

        return add_up(classifier.model, texts, rows, hashes, compute)


def held_out_predictions(
    classifier: TextClassifier, run: RunFolder, texts: EncodedTexts, rows: np.ndarray, hashes: np.ndarray
) -> tuple[Predictions, PartTotals]:
    """What the cross-fitted networks said of the texts that each was trained without. Raises CheckpointError."""
    logits, margins = load_held_out(run, len(texts), np.asarray(texts.labels), len(classifier.labels))

    def saved(window: slice) -> tuple[torch.Tensor, torch.Tensor | None]:
        return logits[window], None if margins is None else margins[window]

    return add_up(classifier.model, texts, rows, hashes, saved)


def add_up(
    model: Model, texts: EncodedTexts, rows: np.ndarray, hashes: np.ndarray,
    compute: Callable[[slice], tuple[torch.Tensor, torch.Tensor | None]],
) -> tuple[Predictions, PartTotals]:  # fmt: skip
    """compute: logits of the networks and margins of the linear model of some texts."""
    assert texts.labels is not None
    predicted, probabilities = np.empty(len(texts), np.int32), np.empty(len(texts), np.float32)
    totals = PartTotals(len(model.labels), with_linear=model.linear is not None)
    for begin in range(0, len(texts), TEXTS_AT_ONCE):
        window = slice(begin, begin + TEXTS_AT_ONCE)
        network, margins = compute(window)
        logits = model.decision.logits(network, margins)
        linear = None if margins is None else model.decision.of_linear(margins)
        totals.add(logits, texts.labels[window], network=model.decision.of_network(network), linear=linear)
        predicted[window] = predicted_classes(logits)
        probabilities[window] = class_probabilities(logits).max(axis=1)
    return Predictions(rows, hashes, texts.labels, predicted, probabilities), totals


def read_texts(
    classifier: TextClassifier, source: Source, config: Config, name: str, part: str | None, run: Path
) -> tuple[EncodedTexts, np.ndarray, np.ndarray, str, bool]:
    """The texts to evaluate on in the model's ids, their positions in the source, the hashes of all its texts, the
    digest of its content, and whether networks were cross-fitted on it, so that what they say of it is already known.
    """
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
    return texts, rows, corpus.hashes, corpus.digest, out_of_fold


def data_config(folder: Path, overrides: list[tuple[str, Any]], *, is_run: bool) -> Config:
    """The config in the folder of a run or, where it is none, of a model, with `data.` keys changed."""
    path = folder / "config.yaml"
    tree = read_yaml(path) if is_run else read_description(path).tree
    for key, value in overrides:
        if not key.startswith("data.") or key == "data.dev_fraction":
            raise ConfigError(
                f"--set {key}: eval takes only data keys that say how to read; the others were fixed by training"
            )
        set_key(tree, key, value)
    return build_config(tree, origin=str(path), set_keys={key for key, _ in overrides})


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
                "the run has no test file (data.test): evaluating on texts held out of training, on which its best "
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
