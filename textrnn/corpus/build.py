"""Config and files -> the objects that read and encode texts, and the data of a run, read through the cache and
checked. Nothing else in corpus/ knows the config."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.config import Config, DataConfig, Paths, TokenizerConfig
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.splits import Splits, split_corpora
from textrnn.corpus.store import content_changed, load_corpus
from textrnn.errors import ConfigError, DataError, short
from textrnn.reading.decoding import read_text
from textrnn.reading.labels import is_number, label_key, read_label_names
from textrnn.reading.reader import read_examples
from textrnn.reading.records import comma_remedy
from textrnn.reading.source import Source
from textrnn.runtime.files import sha256_of
from textrnn.texts.tokenizer import Tokenizer, check_segmented, spread, user_dict_problem
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import Vocab

_MANY_LABELS = 40  # with more, and more than half as many as texts, the column does not hold labels
_LABELS_SHOWN = 12


def build_source(
    paths: Paths, data: DataConfig, label_names: list[str] | None = None, *, weighted: bool = False
) -> Source:
    """The source of one split. label_names: the content of data.label_names; None to read the file. weighted: whether
    it has the weights of training texts, if the config names their column."""
    if data.label_names is None:
        label_names = None
    elif label_names is None:
        label_names = read_label_names(data.label_names)
    return Source(
        [paths] if isinstance(paths, str) else list(paths),
        format=data.format,
        text_column=data.text_column,
        label_column=data.label_column,
        label_names=label_names,
        weight_column=data.weight_column if weighted else None,
        delimiter=data.delimiter,
        encoding=data.encoding,
        skip_bad_rows=data.bad_rows == "skip",
        cache_dir=Path(data.cache_dir),
    )


def build_sources(config: Config) -> dict[str, Source]:
    """The splits that have their own files, train first. Raises ConfigError without data.train."""
    data = config.data
    if data.train is None:
        raise ConfigError(
            "data.train: expected a file or folder of labelled texts, found none: pass --data FILE or set data.train"
        )
    paths = {"train": data.train, "dev": data.dev, "test": data.test}
    return {
        name: build_source(split, data, weighted=name == "train") for name, split in paths.items() if split is not None
    }


def unlabelled_source(data: DataConfig) -> Source | None:
    """The source of the texts without labels; None without any."""
    if data.unlabelled is None:
        return None
    return replace(build_source(data.unlabelled, data, []), format="auto", label_column=None, labelled=False)


def build_tokenizer(config: TokenizerConfig) -> Tokenizer:
    user_dict = None
    if config.user_dict is not None and config.kind == "jieba":
        user_dict = read_text(config.user_dict)
        problem = user_dict_problem(user_dict, lowercase=config.lowercase, normalize=config.normalize)
        if problem is not None:
            raise DataError(f"{config.user_dict}:{problem[0]}: {problem[1]}")
    return Tokenizer(config.kind, lowercase=config.lowercase, normalize=config.normalize, user_dict=user_dict)


def split_options(config: Config) -> dict[str, Any]:
    """The keyword arguments of `split_corpora`."""
    data, vocab = config.data, config.vocab
    return {
        "dev_fraction": data.dev_fraction, "folds": config.train.folds, "seed": config.train.seed,
        "max_length": data.max_length, "min_count": vocab.min_count, "max_size": vocab.max_size,
        "skip_empty": data.empty_texts == "skip",
    }  # fmt: skip


def build_splits(
    config: Config,
    sources: dict[str, Source],
    tokenizer: Tokenizer,
    progress: Callable[[str, int], object] = lambda split, count: None,
) -> tuple[Splits, dict[str, Corpus]]:
    """All splits, read, tokenized, checked and encoded, and their corpora. progress: called with a split's
    name and the number of texts just read.

    Raises: DataError for fewer than two classes, a label in dev or test that train lacks (`file:line`), a tokenizer
    that does not fit the script, and every error of reading.
    """
    cache_dir, train = Path(config.data.cache_dir), sources["train"]
    corpora = {
        name: load_corpus(source, tokenizer, cache_dir=cache_dir, progress=partial(progress, name))
        for name, source in sources.items()
    }
    rows = spread(range(len(corpora["train"])), 1000)
    check_segmented(tokenizer.kind, corpora["train"].joined_tokens(rows, config.data.max_length))
    labels = None
    if corpora["train"].weights is not None and not np.any(corpora["train"].weights):
        raise DataError(
            f"{', '.join(train.paths)}: expected a weight above 0 in the column {short(train.weight_column)}, found 0 "
            f"in all {len(corpora['train']):,} rows; correct them, or leave out data.weight_column"
        )
    if train.labelled:
        check_classes(corpora["train"].labels, len(corpora["train"]), train)
        labels = train.label_names or sorted(corpora["train"].labels)
        for name, corpus in corpora.items():
            _check_known_labels(corpus, sources[name], labels, "the training data")
        if problem := class_weights_problem(config.train.class_weights, labels):
            raise ConfigError(f"train.class_weights: {problem}")
    splits = split_corpora(corpora, labels, **split_options(config))
    splits.digests = {f"data.{name}": corpus.digest for name, corpus in corpora.items()}
    splits.format = train.common_format()
    return splits, corpora


def encode_labelled(
    source: Source, tokenizer: Tokenizer, vocab: Vocab, labels: list[str], *, max_length: int, cache_dir: Path,
    progress: Callable[[int], object],
) -> tuple[EncodedTexts, Corpus]:  # fmt: skip
    """The texts of labelled files in an existing model's ids. Raises DataError at the first label that it lacks."""
    corpus = load_corpus(source, tokenizer, cache_dir=cache_dir, progress=progress)
    _check_known_labels(corpus, source, labels, "the model")
    return corpus.encoded(vocab, labels, max_length), corpus


def check_classes(labels: list[str], texts: int, source: Source) -> None:
    """Raises DataError for training data with a single label, or with too many for classes. texts: the number of texts
    with these labels."""
    if len(labels) < 2:
        raise DataError(
            f"{', '.join(source.paths)}: expected two or more classes, but every text has the label "
            f"{short(labels[0])}; is the column of labels the right one (--label-column)?"
        )
    if source.label_names is not None or len(labels) <= max(_MANY_LABELS, texts / 2):
        return
    label = labels[0]
    if source.common_format() == "fasttext":
        remedy = comma_remedy(f"__label__{label}", source.paths[0]) or "Put white space between label and text"
    elif source.label_column is not None:
        remedy = "Set another one with --label-column COLUMN"
    else:
        remedy = "Set the columns, for example --text-column 0 --label-column 1"
    raise DataError(
        f"{next(read_examples(source)).where}: found {len(labels):,} different labels in {texts:,} rows, "
        f"the first of them {short(label)}: the label column seems to hold texts. {remedy}"
    )


def class_weights_problem(setting: str | dict[str, float], labels: list[str]) -> str | None:
    """Why the training texts, with these labels, cannot be weighted so; None if they can."""
    if not isinstance(setting, dict):
        return None
    shown = _shown(labels)
    unknown = next((label for label in setting if label not in labels), None)
    if unknown is not None:
        similar = difflib.get_close_matches(unknown, labels, n=1)
        meant = f"did you mean {short(similar[0])}? " if similar else ""
        return f"found the label {short(unknown)}, which no training text has; {meant}the labels are: {shown}"
    if not any(setting.get(label, 1.0) for label in labels):
        return f"expected a weight above 0 for at least one label, found 0 for all of them: {shown}"
    return None


def _shown(labels: list[str]) -> str:
    shown = ", ".join(label if len(label) <= 80 else short(label) for label in labels[:_LABELS_SHOWN])
    return shown + ", ..." * (len(labels) > _LABELS_SHOWN)


def _check_known_labels(corpus: Corpus, source: Source, labels: list[str], owner: str) -> None:
    """Raises DataError at the first label that is not in `labels`. owner: whose labels they are, for the message."""
    unknown = next((label for label in corpus.labels if label not in labels), None)
    if unknown is None:
        return
    example = next(
        (example for example in read_examples(source) if unknown in (example.probabilities or [example.label])), None
    )
    if example is None:
        raise content_changed(source)
    shown = _shown(labels)
    similar = next((label for label in labels if label_key(label) == label_key(unknown)), None)
    if hints := source.encoding_hints():  # then the label may be garbled
        remedy = hints[0]
    elif similar is None:
        remedy = "Correct or remove the row"
    elif is_number(similar) and is_number(unknown):
        remedy = (
            f"{short(unknown)} and {short(similar)} are equal as numbers, but labels are compared as text: write them "
            f"alike in all files"
        )
    else:
        remedy = f"Did you mean {short(similar)}? Correct or remove the row"
    raise DataError(f"{example.where}: unknown label {short(unknown)}; {owner} has: {shown}. {remedy}")


def with_absolute_paths(config: Config) -> Config:
    """The config with absolute paths, so that it means the same in any working directory."""

    def absolute(value: Paths | None) -> Paths | None:
        if isinstance(value, list):
            return [os.path.abspath(path) for path in value]
        return None if value is None else os.path.abspath(value)

    keys = ("train", "dev", "test", "unlabelled", "label_names", "cache_dir")
    return config.replaced(
        data={key: absolute(getattr(config.data, key)) for key in keys},
        tokenizer={"user_dict": absolute(config.tokenizer.user_dict)},
        model={"pretrained": absolute(config.model.pretrained)},
    )


def other_files(config: Config) -> dict[str, str]:
    """Config key -> path of each file, except texts, on which the result of training depends."""
    files = {
        "data.label_names": config.data.label_names,
        "tokenizer.user_dict": config.tokenizer.user_dict if config.tokenizer.kind == "jieba" else None,
        "model.pretrained": config.model.pretrained,
    }
    return {key: path for key, path in files.items() if path is not None}


def content_digests(config: Config, splits: Splits) -> dict[str, str]:
    """Config key -> digest of the content of each file on which the result of training depends. Raises DataError."""
    return splits.digests | {key: sha256_of(path) for key, path in other_files(config).items()}
