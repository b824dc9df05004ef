"""`textrnn eval`: evaluate a model on labelled texts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.classifier import TextClassifier
from textrnn.commands.data import files_of
from textrnn.commands.describe import files_phrase
from textrnn.commands.eval_data import Texts, choose_data, data_config, read_texts, run_of, warn_of_seen
from textrnn.commands.output import check_output
from textrnn.commands.predict import describe_precision
from textrnn.corpus.resample import texts_at
from textrnn.corpus.statistics import unknown_shares
from textrnn.errors import ConfigError, command
from textrnn.evaluation.metrics import PartTotals, all_metrics, part_intervals
from textrnn.evaluation.slices import Predictions
from textrnn.inference import class_probabilities, predicted_classes
from textrnn.reports.architecture import NAMES, layers_line, linear_phrase, model_name
from textrnn.reports.charts import NO_FONT
from textrnn.reports.examples import Pieces, pieces
from textrnn.reports.page import About, Explain
from textrnn.reports.results import RESULTS, results_folder, write_results
from textrnn.run.folder import RunFolder
from textrnn.run.records import read_history
from textrnn.runtime.progress import bar, log, timed
from textrnn.training.recorder import best_epochs

TEXTS_AT_ONCE = 16_384  # sorted by length together, as in `predict`; their logits are in memory at once


def evaluate(
    path: Path,
    data: str | None,
    *,
    split: str | None,
    overrides: list[tuple[str, Any]],
    output: Path | None,
    device: str,
    precision: str,
    begin: float,
) -> tuple[Path, dict[str, Any]]:
    """Evaluate a run or model on DATA or on one of its own splits and write the results; returns (their folder,
    metrics). begin: time.perf_counter() when the command began."""
    run = run_of(path)
    classifier = TextClassifier.load(path, device=device, precision=precision)
    config = data_config(path, overrides)
    if data is None and run is None:
        raise ConfigError(f"{path}: a model folder has no data of its own: {command('eval', path, 'FILE')}")
    chosen = choose_data(data, split, config, overrides, classifier)
    name, source = chosen.name, chosen.source
    if output is not None:
        check_output("--output", output, files_of(source, config.data.label_names), RESULTS)
    texts = read_texts(classifier, chosen, config, run)
    if run is not None:
        run.warn_of_unfinished()
    if split is None and chosen.is_dev:
        chosen_by_them = "best epoch was" if classifier.model.has_network else "features, C and temperature were"
        log.warning(
            "the run has no test file (data.test): evaluating on texts held out of training, by which its %s chosen, "
            "so the scores are somewhat inflated", chosen_by_them
        )  # fmt: skip
    describe_precision(classifier, precision, is_saved=texts.logits is not None)
    warn_of_seen(texts.seen)
    with timed("predicting the texts"):
        predictions, totals, unseen = predict_texts(classifier, texts)
    metrics = all_metrics(totals, classifier.labels)
    if texts.is_held_out:  # epochs and weights were chosen on these texts
        metrics |= {"held_out": True, "verdict": None}
    if texts.seen is not None:
        metrics["seen"], metrics["verdict"] = describe_seen(texts.seen, unseen, metrics, classifier.labels)
    described = {"data": [os.path.abspath(file) for file in source.paths], "split": chosen.part, "sha256": texts.digest}
    about = about_evaluation(classifier, texts, totals, metrics, run)
    target = output or results_folder(Path("eval") if run is None else run.evaluations, name, described)
    if output is None and target.name != name:
        log.info("%s holds an earlier evaluation, which is kept", target.with_name(name))
    if not write_results(target, metrics, begin, described, source, predictions, about, explainer(classifier, texts)):
        log.warning("%s: %s", target / "confusion_matrix.png", NO_FONT)
    log.info("written to %s", target)
    return target, metrics


def describe_seen(
    seen: np.ndarray, unseen: PartTotals, metrics: dict[str, Any], labels: list[str]
) -> tuple[dict[str, Any], str | None]:
    """The entry `seen` of metrics.json, about texts that the run was trained on, and the verdict on the other
    texts. seen (n,) bool. unseen: totals of the other texts that have a token."""
    count = int(seen.sum())
    if count and not unseen.total.matrix.sum():
        return {"n": count, "unseen_accuracy": None, "unseen_macro_f1": None}, None
    rest = all_metrics(unseen, labels) if count else metrics
    sentence = rest["verdict"]
    if count and sentence:
        sentence = f"on the texts that it was not trained on ({rest['n']:,}): {sentence}"
    return {"n": count, "unseen_accuracy": rest["accuracy"], "unseen_macro_f1": rest["macro_f1"]}, sentence


def predict_texts(classifier: TextClassifier, texts: Texts) -> tuple[Predictions, PartTotals, PartTotals]:
    """Predict the texts some thousands at a time, of which only a label and a probability are kept. Returns also the
    totals, and those of the texts with a token that the model was not trained on; the latter are empty if that is not
    known, or if it was trained on none."""
    model, encoded = classifier.model, texts.encoded
    assert encoded.labels is not None
    raw: Iterator[str] = iter(())
    if model.linear is not None and texts.margins is None:
        raw = texts_at(texts.data.source, texts.rows.tolist(), texts.hashes)
    predicted, probabilities = np.empty(len(encoded), np.int32), np.empty(len(encoded), np.float32)
    weight = None if model.linear is None else model.decision.weight
    totals, unseen = (PartTotals(len(model.labels), weight, has_network=model.has_network) for _ in range(2))
    with bar("evaluating", total=len(encoded)) as shown:
        for begin in range(0, len(encoded), TEXTS_AT_ONCE):
            window = slice(begin, begin + TEXTS_AT_ONCE)
            batch, labels = encoded.rows(window), encoded.labels[window]
            network = None if texts.logits is None else texts.logits[window]
            if model.has_network and network is None:
                network = classifier.network_logits(batch, after_batch=shown.update)
            margins = None if texts.margins is None else texts.margins[window]
            if model.linear is not None and margins is None:
                margins = torch.from_numpy(model.linear.margins(list(islice(raw, len(batch)))))
            logits = model.decide(network, margins, batch)
            alone = [
                None if network is None else model.with_shares(model.decision.network_logits(network), batch),
                None if margins is None else model.with_shares(model.decision.linear_logits(margins), batch),
            ]
            totals.add(logits, labels, *alone)
            if texts.seen is not None and texts.seen.any():
                rows = np.flatnonzero(~texts.seen[window] & ~model.without_token(batch))
                unseen.add(logits[rows], labels[rows], *(None if part is None else part[rows] for part in alone))
            predicted[window] = predicted_classes(logits)
            probabilities[window] = class_probabilities(logits).max(axis=1)
    return Predictions(texts.rows, texts.hashes, encoded.labels, predicted, probabilities), totals, unseen


def about_evaluation(
    classifier: TextClassifier, texts: Texts, totals: PartTotals, metrics: dict, run: RunFolder | None
) -> About:
    """The rest of the page's content. run: None for a model folder, which has no history."""
    networks, config = classifier.networks.networks, classifier.config.model
    has_linear = classifier.model.linear is not None
    name = model = model_name(config, has_linear=has_linear)
    if networks:
        model = f"{NAMES[config.architecture]} ({layers_line(config, networks[0].parameter_count, len(networks))})"
        model += f" {linear_phrase(config)}" * has_linear
    return About(
        model=model,
        name=name,
        data=files_phrase(texts.data.source.paths) + (f", {texts.data.part} part" if texts.data.part else ""),
        max_length=classifier.transform.max_length,
        lengths=texts.lengths,
        unknown=unknown_shares(texts.encoded),
        intervals=part_intervals(totals, metrics),
        history=[] if run is None or not networks else read_history(run.history),
        best={} if run is None else best_epochs(run),
    )


def explainer(classifier: TextClassifier, texts: Texts) -> Explain | None:
    """A function that finds the words in favour of a text's predicted class; None if other models made the predictions,
    or another precision was used."""
    if texts.is_held_out or classifier.precision != "float32":
        return None

    def explain(errors: Sequence[str], classes: Sequence[int]) -> list[Pieces | None]:
        with bar("explaining", total=len(errors), unit="text") as shown:
            labels = [classifier.labels[number] for number in classes]
            explanations = classifier.explain(errors, labels, after_batch=shown.update)
        return [pieces(result.text, [token[1:] for token in result.tokens]) for result in explanations]

    return explain
