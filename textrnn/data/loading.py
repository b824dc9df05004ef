"""Files -> the data of a run, read through the cache and checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textrnn.data.checks import check_classes, check_known_labels
from textrnn.data.corpus import Corpus
from textrnn.data.faults import find_faults
from textrnn.data.findings import Finding
from textrnn.data.misreadings import find_misreadings
from textrnn.data.reader import read_examples
from textrnn.data.source import Source
from textrnn.data.splits import Splits, split_corpora
from textrnn.data.statistics import statistics
from textrnn.data.store import load_corpus
from textrnn.data.tokenizer import Tokenizer, check_segmented, spread
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import Vocab


def load_splits(
    train: Source,
    dev: Source | None,
    test: Source | None,
    *,
    dev_fraction: float | None,
    folds: int,
    seed: int,
    tokenizer: Tokenizer,
    max_length: int,
    min_count: int,
    max_size: int,
    skip_empty: bool = True,
    cache_dir: Path,
    progress: Callable[[str, int], object] = lambda split, count: None,
) -> Splits:
    """Read, tokenize, check and describe all splits. progress: called with a split's name and the texts just read.

    Raises: DataError for fewer than two classes, a label in dev or test that train lacks (`file:line`), a tokenizer
    that does not fit the script, and all that reading raises.
    """
    given = {"train": train, "dev": dev, "test": test}
    sources = {name: source for name, source in given.items() if source is not None}
    corpora = {
        name: load_corpus(source, tokenizer, cache_dir=cache_dir, progress=partial(progress, name))
        for name, source in sources.items()
    }
    some = spread(range(len(corpora["train"])), 1000)
    check_segmented(tokenizer.kind, corpora["train"].texts_of_tokens(some, max_length))
    labels = None
    if train.labelled:
        check_classes(corpora["train"], train)
        labels = train.label_names or sorted(corpora["train"].labels)
        for name, corpus in corpora.items():
            check_known_labels(corpus, sources[name], labels, "the training data")
    splits = split_corpora(
        corpora, labels, dev_fraction=dev_fraction, folds=folds, seed=seed, max_length=max_length, min_count=min_count,
        max_size=max_size, skip_empty=skip_empty,
    )  # fmt: skip
    splits.digests = {f"data.{name}": corpus.digest for name, corpus in corpora.items()}
    splits.statistics = statistics(splits, corpora["train"], max_length)
    hints = (hint for source in sources.values() for hint in source.encoding_hints())
    splits.findings = [
        *(Finding("reading", line) for line in [*train.unused_options(), *hints]),
        *(find_misreadings(train, sorted(corpora["train"].labels)) if train.labelled else ()),
        *find_faults(splits, corpora, max_length, lambda: read_examples(train)),
    ]
    splits.format = train.common_format()
    return splits


def encode_labelled(
    source: Source, tokenizer: Tokenizer, vocab: Vocab, labels: list[str], *, max_length: int, cache_dir: Path,
    progress: Callable[[int], object],
) -> tuple[EncodedTexts, Corpus]:  # fmt: skip
    """Labelled files in the ids of an existing model. Raises DataError at the first label that the model lacks."""
    corpus = load_corpus(source, tokenizer, cache_dir=cache_dir, progress=progress)
    check_known_labels(corpus, source, labels, "the model")
    return corpus.encoded(vocab, {label: number for number, label in enumerate(labels)}, max_length), corpus
