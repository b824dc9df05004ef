"""Loading a run's data with a progress bar and warnings; shared by the commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.config import Config, dead_keys
from textrnn.data.build import build_source, build_splits, build_tokenizer, other_files
from textrnn.data.characters import OddCharacters
from textrnn.data.raw_texts import texts_at
from textrnn.data.reader import read_examples
from textrnn.data.sampling import thinned
from textrnn.data.source import Source
from textrnn.data.splits import Splits
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.vectors import coverage, read_vectors
from textrnn.linear import leaks
from textrnn.linear.model import Folding
from textrnn.runtime.progress import bar, log

_LOOKED_AT = 200_000  # texts of each split, from its beginning, when a run begins


def warn_of_dead_keys(config: Config) -> None:
    for sentence in dead_keys(config):
        log.warning(sentence)


def load_data(config: Config) -> tuple[Splits, Tokenizer]:
    """All splits, read with a progress bar, and the tokenizer; oddities are logged as warnings."""
    tokenizer = build_tokenizer(config.tokenizer)
    splits = read_splits(config, tokenizer)
    for sentence in splits.warnings:
        log.warning(sentence)
    return splits, tokenizer


def read_splits(config: Config, tokenizer: Tokenizer) -> Splits:
    """All splits, read with a progress bar."""
    with reading_bar() as progress:
        return build_splits(config, tokenizer, progress)


def split_sources(config: Config) -> dict[str, Source]:
    """The splits that have files of their own, train first."""
    data = config.data
    given = {"train": data.train, "dev": data.dev, "test": data.test}
    return {name: build_source(paths, data) for name, paths in given.items() if paths is not None}


def raw_texts(config: Config, hashes: dict[str, np.ndarray], split: str, rows: np.ndarray) -> list[str]:
    """The texts at some rows of a split, in ascending order, read from its files again. hashes: split -> those of all
    its texts. Raises DataError where they have changed."""
    return list(texts_at(split_sources(config)[split], rows.tolist(), hashes[split]))


def files_of(source: Source, label_names: str | None) -> list[str]:
    """All files and folders that are read for a split. label_names: the file of them. Raises DataError if one is
    missing."""
    return [*(path for path, _ in source.files()), *([] if label_names is None else [label_names])]


def input_files(config: Config, config_file: Path | None) -> list[str | Path]:
    """All files and folders that are read for a config. config_file: its own. Raises DataError if one is missing."""
    texts = [path for source in split_sources(config).values() for path in files_of(source, None)]
    return [*texts, *other_files(config).values(), *([] if config_file is None else [config_file])]


def warn_of_severe_texts(config: Config) -> None:
    """Warn of severe faults of the texts themselves that are quickly found: damaged characters and leaks. What the
    tokenized corpora show, `load_data` tells; what takes longer, only `check`."""
    odd, kept = OddCharacters(), []
    for name, source in split_sources(config).items():
        some = islice(read_examples(source), _LOOKED_AT)
        each = partial(odd.add, name)
        kept.append(thinned(some, leaks.ROWS, leaks.CHARACTERS, config.train.seed, each))
    train, folding = kept[0], Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    texts, labels = [example.text for example in train], [str(example.label) for example in train]
    for finding in [*odd.findings(), *leaks.find_leaks(texts, labels, folding, config.train.seed)]:
        if finding.severe:
            log.warning("%s: %s", finding.text, finding.remedy)


def pretrained_vectors(config: Config, splits: Splits) -> np.ndarray | None:
    """(vocab_size, dim), where the config names a file of them."""
    if config.model.pretrained is None:
        return None
    vectors = read_vectors(config.model.pretrained, splits.vocab, dim=config.model.embedding_dim)
    for sentence in vectors.warnings:
        log.warning(sentence)
    log.info(coverage(vectors.matrix, splits.counts))
    return vectors.matrix


@contextmanager
def reading_bar() -> Iterator[Any]:
    """Yields a function (split, documents) that advances the bar."""
    with bar("tokenizing") as shown:

        def progress(split: str, count: int) -> None:
            shown.set_description(f"tokenizing {split}", refresh=False)
            shown.update(count)

        yield progress
