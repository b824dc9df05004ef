"""`textrnn eval`: evaluate a model on labelled texts."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.classifier import TextClassifier, model_folder
from textrnn.commands.data import files_of
from textrnn.commands.eval_data import Texts, data_config, given_data, own_split, read_texts
from textrnn.commands.eval_page import about_evaluation, data_phrase, explained_by
from textrnn.commands.output import check_output
from textrnn.commands.precision import describe_precision
from textrnn.commands.start import has_ended
from textrnn.data.raw_texts import texts_at
from textrnn.data.source import Source
from textrnn.errors import CheckpointError, ConfigError, command
from textrnn.evaluation.metrics import PartTotals, all_metrics
from textrnn.evaluation.plots import NO_FONT
from textrnn.evaluation.predictions import Predictions
from textrnn.evaluation.report import report_text
from textrnn.evaluation.results import RESULTS, results_folder, write_results
from textrnn.inference import class_probabilities, predicted_classes
from textrnn.run.folder import RunFolder
from textrnn.runtime.progress import bar, log
from textrnn.training.recorder import saved_progress

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
    describe_precision(classifier, precision)
    config = data_config(run, overrides, is_run=is_run)
    # the model's own labels stand for the file of names it was trained with, which may not be here
    names = None if any(key == "data.label_names" for key, _ in overrides) else classifier.labels
    if data is not None:
        name, source, part = given_data(data, config, classifier, names)
    elif is_run:
        name, source, part = own_split(config, split, names)
    else:
        raise ConfigError(f"{run}: a model folder has no data of its own: {command('eval', run, 'FILE')}")

    if output is not None:
        check_output("--output", output, files_of(source, config.data.label_names), RESULTS)
    if split == "train":
        log.warning("these are the texts that the run was trained on: the scores say nothing about others")
    if is_run:
        warn_of_unfinished(RunFolder(run))
    texts = read_texts(classifier, source, config, name, part, run, is_run=is_run)
    predictions, totals = predict_texts(classifier, texts, source)
    metrics = all_metrics(totals, classifier.labels)
    if split == "train":
        metrics["verdict"] = None
    described = {"data": [os.path.abspath(path) for path in source.paths], "split": part, "sha256": texts.digest}
    about = about_evaluation(
        classifier, texts, totals, metrics, data_phrase(source.paths, part), RunFolder(run) if is_run else None
    )
    metrics["seconds"] = time.perf_counter() - begin

    target = output or results_folder(RunFolder(run).evaluations if is_run else Path("eval"), name, described)
    if output is None and target.name != name:
        log.info("%s holds an earlier evaluation, which stays", target.with_name(name))
    explain = explained_by(classifier, texts)
    if not write_results(target, report_text(metrics), metrics, described, source, predictions, about, explain):
        log.warning("%s: %s", target / "confusion_matrix.png", NO_FONT)
    log.info("written to %s", target)
    return target, metrics


def warn_of_unfinished(run: RunFolder) -> None:
    with contextlib.suppress(CheckpointError):  # a training state of another version, or damaged
        networks = saved_progress(run)
        if networks and not has_ended(run, networks):
            log.warning("training has not ended: go on with: %s", run.resume_command())


def predict_texts(classifier: TextClassifier, texts: Texts, source: Source) -> tuple[Predictions, PartTotals]:
    """Predict the texts some thousands at a time; of each, only a label and a probability are kept."""
    model, encoded = classifier.model, texts.encoded
    assert encoded.labels is not None
    raw: Iterator[str] = iter(())
    if model.linear is not None:
        raw = texts_at(source, texts.rows[~texts.known].tolist(), texts.hashes)
    predicted, probabilities = np.empty(len(encoded), np.int32), np.empty(len(encoded), np.float32)
    totals = PartTotals(len(model.labels), with_linear=model.linear is not None)
    with bar("evaluating", total=len(encoded)) as shown:
        for begin in range(0, len(encoded), TEXTS_AT_ONCE):
            window = slice(begin, begin + TEXTS_AT_ONCE)
            if texts.logits is not None:
                network = texts.logits[window]
            else:
                network = classifier.network_logits(encoded.rows(window), after_batch=shown.update)
            margins = None
            if model.linear is not None:
                # a copy: written to, all of texts.margins would be in memory
                margins, known = torch.from_numpy(texts.margins[window].copy()), texts.known[window]
                computed = model.linear.margins(list(islice(raw, int((~known).sum()))))
                margins[torch.from_numpy(~known)] = torch.from_numpy(computed)
            logits = model.decision.logits(network, margins)
            linear = None if margins is None else model.decision.of_linear(margins)
            totals.add(logits, encoded.labels[window], network=model.decision.of_network(network), linear=linear)
            predicted[window] = predicted_classes(logits)
            probabilities[window] = class_probabilities(logits).max(axis=1)
    return Predictions(texts.rows, texts.hashes, encoded.labels, predicted, probabilities), totals
