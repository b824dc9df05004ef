"""Loading a run's data with a progress bar and warnings; shared by the commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.checking import leaks
from textrnn.checking.characters import OddCharacters
from textrnn.checking.faults import find_faults
from textrnn.checking.findings import Finding
from textrnn.checking.labels import TEXTS_READ, FirstWords, find_misreadings
from textrnn.config import Config, dead_keys
from textrnn.corpus.build import build_splits, build_tokenizer, other_files, unlabelled_source
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.resample import Sample, Visit, checked_text, texts_at, visit
from textrnn.corpus.splits import Splits
from textrnn.corpus.store import content_changed
from textrnn.linear.model import Folding
from textrnn.reading.reader import Example
from textrnn.reading.source import Source
from textrnn.runtime.progress import bar, log, timed
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.vectors import coverage, read_vectors

_SEARCHED = 200_000  # number of texts of each split that are searched for odd characters when a run begins


class Data(NamedTuple):
    """The content of a config's files. sources, corpora: of the splits that have files of their own, train first."""

    sources: dict[str, Source]
    corpora: dict[str, Corpus]
    splits: Splits
    tokenizer: Tokenizer


class RawTexts:
    """The unchanged texts of the training and dev files: the linear model also reads what the network's vocabulary
    leaves out. rows: the rows of the training data that will be requested."""

    def __init__(self, data: Data, rows: np.ndarray) -> None:
        self.sources, self.hashes = data.sources, data.splits.hashes
        self.rows = set(rows.tolist())
        self.texts: dict[int, str] = {}  # of the training data

    def visit(self, row: int, example: Example) -> None:
        if row in self.rows:
            self.texts[row] = checked_text(example, self.hashes["train"][row], self.sources["train"])

    def __call__(self, split: str, rows: np.ndarray) -> list[str]:
        """The texts at some rows of train or dev, in ascending order. Raises DataError if they have changed."""
        if split == "dev":
            return list(texts_at(self.sources["dev"], rows.tolist(), self.hashes["dev"]))
        if not self.texts:
            visit(self.sources["train"], [(max(self.rows) + 1, self.visit)])
        if len(self.texts) < len(self.rows):
            raise content_changed(self.sources["train"])
        return [self.texts[row] for row in rows.tolist()]


def warn_of_dead_keys(config: Config) -> None:
    for sentence in dead_keys(config):
        log.warning(sentence)


def read_data(config: Config, sources: dict[str, Source]) -> Data:
    """All splits, read with a progress bar, and the tokenizer."""
    tokenizer = build_tokenizer(config.tokenizer)
    with reading_bar() as progress:
        splits, corpora = build_splits(config, sources, tokenizer, progress)
    return Data(sources, corpora, splits, tokenizer)


def load_data(config: Config, sources: dict[str, Source]) -> Data:
    """As `read_data`; faults are logged as warnings."""
    data = read_data(config, sources)
    warn_of_faults(config, data)
    return data


def data_findings(config: Config, data: Data, visits: Mapping[str, Sequence[Visit]]) -> list[Finding]:
    """Findings about the tokenized corpora, with examples. The files are read once for these and for further visits, by
    split."""
    train, words = data.sources["train"], FirstWords()
    words_read = TEXTS_READ if train.common_format() == "fasttext" else 0

    def examples_at(rows: Collection[int]) -> dict[int, Example]:
        examples: dict[int, Example] = {}

        def pick(row: int, example: Example) -> None:
            if row in rows:
                examples[row] = example

        own = [(max(rows, default=-1) + 1, pick), (words_read, lambda _, example: words.add(example))]
        for name, source in data.sources.items():
            visit(source, [*(own if name == "train" else ()), *visits.get(name, ())])
        if len(examples) < len(rows):
            raise content_changed(train)
        return examples

    faults = find_faults(data.splits, data.corpora, config.data.max_length, examples_at)
    hints = (hint for source in data.sources.values() for hint in source.encoding_hints())
    return [
        *(Finding("reading", line) for line in [*train.unused_options(), *hints]),
        *find_misreadings(train, sorted(data.corpora["train"].labels)),
        *words.findings(),
        *faults,
    ]


def warn_of_faults(config: Config, data: Data, raw: RawTexts | None = None) -> None:
    """Log findings about the tokenized corpora. raw: the texts of a new run, read in the same pass; then damaged
    characters and leaks are also logged if they are severe. Only `check` does slower searches."""
    odd, sample = OddCharacters(), Sample(leaks.ROWS, leaks.CHARACTERS, config.train.seed)
    visits: dict[str, list[Visit]] = {}
    if raw is not None:
        visits = {name: [(_SEARCHED, partial(odd.add, name))] for name in data.sources}
        visits["train"].append((_SEARCHED, lambda _, example: sample.add(example)))
        visits["train"].append((max(raw.rows, default=-1) + 1, raw.visit))
    with timed("looking for faults of the data"):
        findings = data_findings(config, data, visits)
    for finding in findings:
        for line in finding.lines():
            log.warning(line)
    if raw is None:
        return
    folding = Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    for finding in [*odd.findings(), *leaks.find_leaks(sample.examples, folding, config.train.seed)]:
        if finding.severe:
            log.warning("%s: %s", finding.text, finding.remedy)


def files_of(source: Source, label_names: str | None) -> list[str]:
    """All files and folders that are read for a split. label_names: the file of label names. Raises DataError if one is
    missing."""
    return [*(path for path, _ in source.files()), *([] if label_names is None else [label_names])]


def input_files(config: Config, sources: dict[str, Source], config_file: Path | None) -> list[str | Path]:
    """All files and folders that are read for a config. config_file: the config's own file. Raises DataError if one is
    missing."""
    unlabelled = unlabelled_source(config.data)
    all_sources = [*sources.values(), *([] if unlabelled is None else [unlabelled])]
    texts = [path for source in all_sources for path, _ in source.files()]
    return [*texts, *other_files(config).values(), *([] if config_file is None else [config_file])]


def pretrained_vectors(config: Config, splits: Splits) -> np.ndarray | None:
    """(vocab_size, dim) word vectors, if the config names a file of them."""
    if config.model.pretrained is None:
        return None
    vectors = read_vectors(config.model.pretrained, splits.vocab, dim=config.model.embedding_dim)
    for sentence in vectors.warnings:
        log.warning(sentence)
    log.info(coverage(vectors.matrix, splits.counts))
    return vectors.matrix


@contextmanager
def reading_bar() -> Iterator[Any]:
    """Yields a function (split, number of texts) that advances the bar."""
    with bar("tokenizing") as shown:

        def progress(split: str, count: int) -> None:
            shown.set_description(f"tokenizing {split}", refresh=False)
            shown.update(count)

        yield progress
