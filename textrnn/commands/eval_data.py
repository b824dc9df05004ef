"""The data that `textrnn eval` evaluates on: files, or a part of the run's own data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from textrnn.classifier import TextClassifier
from textrnn.commands.data import reading_bar
from textrnn.config import Config, build_config, read_yaml, set_key
from textrnn.corpus.build import build_source, encode_labelled
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.splits import chosen_rows, distinct_dev_rows, divide
from textrnn.corpus.statistics import cut_warning
from textrnn.errors import CheckpointError, ConfigError, short
from textrnn.reading.source import Source, suffix_format
from textrnn.run.folder import RunFolder, model_folder
from textrnn.run.held_out import evaluated_on, load_held_out, load_margins, seen_texts
from textrnn.run.model_config import read_description
from textrnn.run.records import saved_digests
from textrnn.runtime.files import data_name
from textrnn.runtime.progress import log
from textrnn.runtime.terminal import count_of
from textrnn.texts.rows import all_rows, class_sizes, rows_where
from textrnn.texts.transform import EncodedTexts

_RUN_KEYS = ("seed", "folds")  # keys of `train` by which the run's own data was divided


class Data(NamedTuple):
    """Data to evaluate on. name: of the folder of results. part: "train" or "dev" if the source is the training data,
    which must be divided. is_dev: whether the run itself was evaluated on these texts."""

    name: str
    source: Source
    part: str | None = None
    is_dev: bool = False


class Texts(NamedTuple):
    """Texts to evaluate on, in the model's ids.

    rows (n,): their positions in the source. hashes: of all its texts. digest: of its content. lengths (n,): tokens of
    each, before it is cut. is_held_out: whether the run itself was evaluated on them. logits, margins (n, classes): of
    held-out texts, by models that were not trained on them; None: to be computed. seen (n,) bool: whether the model was
    trained on each; None if that is not known.
    """

    data: Data
    encoded: EncodedTexts
    rows: np.ndarray
    hashes: np.ndarray
    digest: str
    lengths: np.ndarray
    is_held_out: bool
    logits: torch.Tensor | None
    margins: torch.Tensor | None
    seen: np.ndarray | None


def run_of(path: Path) -> RunFolder | None:
    """The run in a folder; None for a model folder. Raises CheckpointError if the path is neither."""
    return None if model_folder(path) == path else RunFolder(path)


def data_config(path: Path, overrides: list[tuple[str, Any]]) -> Config:
    """The config in the folder of a run or model, with `data.` keys changed."""
    file = path / "config.yaml"
    if run_of(path) is None:
        tree, _, _ = read_description(file)
    else:  # the other keys do not matter here, and a run of an older version may have some that are gone
        whole = read_yaml(file)
        settings = whole.get("train")
        kept = {key: settings[key] for key in _RUN_KEYS if key in settings} if isinstance(settings, dict) else {}
        tree = {"data": whole.get("data", {}), "train": kept}
    for key, value in overrides:
        if not key.startswith("data.") or key in ("data.dev_fraction", "data.empty_texts"):
            raise ConfigError(
                f"--set {key}: only keys that control how data is read can be set here; training fixed all others"
            )
        set_key(tree, key, value)
    return build_config(tree, origin=str(file), set_keys={key for key, _ in overrides})


def choose_data(
    data: str | None, split: str | None, config: Config, overrides: list[tuple[str, Any]], classifier: TextClassifier
) -> Data:
    """A file or folder, read as the training texts were, or without one a split of the run. If no split is asked for:
    test, or, if the run has no test file, dev."""
    # the model's own labels stand for the file of names it was trained with, which may not be here
    names = None if any(key == "data.label_names" for key, _ in overrides) else classifier.labels
    settings = config.data
    if data is not None:
        is_csv = classifier.trained_on == "csv" and os.path.isfile(data) and suffix_format(data) is None
        if settings.format == "auto" and is_csv:
            settings = config.replaced(data={"format": "csv"}).data  # which no first line shows
        return Data(data_name(data), build_source(data, settings, names))
    if split is None:
        split = "test"
        if settings.test is None and (settings.dev is not None or settings.dev_fraction != 0):
            split = "dev"
    is_divided = split == "train" or (split == "dev" and settings.dev is None and settings.dev_fraction != 0)
    paths = settings.train if is_divided else getattr(settings, split)
    if paths is None:
        raise ConfigError(
            f"the run has no {split} data (data.{split}); give DATA, a labelled file, or --set data.{split}=FILE"
        )
    source = build_source(paths, settings, names, weighted=is_divided)  # texts of weight 0 are in no part
    return Data(split, source, split if is_divided else None, is_dev=split == "dev")


def read_texts(classifier: TextClassifier, data: Data, config: Config, run: RunFolder | None) -> Texts:
    """Read and encode texts. run: None for a model folder. Raises DataError, ConfigError, and CheckpointError if the
    saved outputs for held-out texts are missing or damaged."""
    transform, name = classifier.transform, data.name
    for sentence in data.source.encoding_hints():
        log.warning(sentence)
    with reading_bar() as progress:
        texts, corpus = encode_labelled(
            data.source, transform.tokenizer, transform.vocab, classifier.labels,
            max_length=config.data.max_length, cache_dir=Path(config.data.cache_dir),
            progress=lambda count: progress(name, count),
        )  # fmt: skip
    rows, folds = all_rows(len(corpus)), None
    if run is not None and data.part is not None:
        rows, folds = _rows_of_part(corpus, config, data.part, run)
    elif data.is_dev:
        rows = distinct_dev_rows(corpus, skip_empty=config.data.empty_texts == "skip")
    if run is not None and not len(rows):
        raise ConfigError(f"{run.path}: the run held no texts out, as there were too few; give DATA, a labelled file")
    if corpus.skipped_count:
        log.warning("%s skipped: %s", count_of(corpus.skipped_count, "bad row"), "; ".join(corpus.skipped))
    if cut := cut_warning(name, corpus.lengths[rows], config.data.max_length):
        log.warning(cut)
    is_held_out, logits, margins = False, None, None
    if run is not None and data.is_dev:
        labels, hashes = np.asarray(texts.labels)[rows], corpus.hashes[rows]
        if data.part is None and not evaluated_on(run, labels, hashes):
            log.warning("these are not the texts held out by the run: they are evaluated as any other file")
            rows = all_rows(len(corpus))
        else:
            is_held_out = True
            logits, margins, judged = _held_out_outputs(classifier, run, labels, hashes, folds)
            if len(judged) < len(rows):
                log.warning(
                    "evaluated on %s of %s held-out texts: train.minutes left out the networks of the other folds",
                    f"{len(judged):,}", f"{len(rows):,}",
                )  # fmt: skip
            rows = rows[judged]
    texts = chosen_rows(texts, rows)
    if texts.targets is not None and texts.targets.probabilities is not None:
        log.info("%s has soft labels: the most probable class of each text counts as the true one", name)
    sizes = class_sizes(np.asarray(texts.labels), len(classifier.labels))
    if missing := [short(label) for label, size in zip(classifier.labels, sizes, strict=True) if size == 0]:
        listed = ", ".join(missing[:12]) + ", ..." * (len(missing) > 12)
        log.warning("%s has no texts of %s: their F1 counts as 0 in macro-F1", name, listed)
    seen = None
    if is_held_out or data.part is not None:
        seen = np.full(len(rows), not is_held_out)
    elif run is not None:
        seen = seen_texts(run, corpus.hashes[rows])
    lengths = np.asarray(corpus.lengths)[rows]
    return Texts(data, texts, rows, corpus.hashes, corpus.digest, lengths, is_held_out, logits, margins, seen)


def _rows_of_part(corpus: Corpus, config: Config, part: str, run: RunFolder) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows (n,) of the training data that the run was trained on, or held out, and, if its networks were
    cross-fitted, the folds (n,) of the latter."""
    digest = saved_digests(run.path).get("data.train")
    if digest not in (None, corpus.digest):
        log.warning(
            "the training file has changed since the run began: its %s part may differ from that of the run", part
        )
    division = divide(
        corpus, has_dev=config.data.dev is not None, dev_fraction=config.data.dev_fraction, folds=config.train.folds,
        seed=config.train.seed, skip_empty=config.data.empty_texts == "skip",
    )  # fmt: skip
    if part == "train":
        return division.train, None
    folds = division.folds
    return division.held_out, None if folds is None else folds[np.searchsorted(division.train, division.held_out)]


def _held_out_outputs(
    classifier: TextClassifier, run: RunFolder, labels: np.ndarray, hashes: np.ndarray, folds: np.ndarray | None
) -> tuple[torch.Tensor | None, torch.Tensor | None, np.ndarray]:
    """Logits of held-out texts, None without a network, or if it was not trained on them, since it can be run again;
    their margins, None without a linear model; and which texts these are: of those with the given labels, hashes and
    folds (n,), the ones in the folds of the model's networks. Raises CheckpointError if logits or margins are missing,
    damaged or of other texts."""
    margins, classes, judged = None, len(classifier.labels), all_rows(len(labels))
    if folds is not None and classifier.model.has_network:
        judged = rows_where(folds < len(classifier.model.networks.networks))
    if classifier.model.linear is not None:
        saved = load_margins(run, classes)
        if saved is None or not np.array_equal(saved[1], hashes):
            raise CheckpointError(
                f"{run.linear_margins}: missing, damaged, or of other texts than are read now, and the linear model "
                f"was also fitted on held-out texts; evaluate on other texts: give DATA, a labelled file"
            )
        margins = torch.from_numpy(saved[0][judged])
    is_saved = classifier.model.has_network and (folds is not None or run.held_out.exists())
    logits = load_held_out(run, labels[judged], hashes[judged], classes) if is_saved else None
    return logits, margins, judged


def warn_of_seen(seen: np.ndarray | None) -> None:
    """Warn if the run was trained on some texts. seen (n,) bool: see `Texts`."""
    if seen is not None and seen.any():
        which = f"all {len(seen):,}" if seen.all() else f"{seen.sum():,} of the {len(seen):,}"
        log.warning("the run was trained on %s texts: scores on these do not carry over to new texts", which)
