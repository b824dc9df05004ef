"""Loading a run's data with a progress bar and warnings; shared by the commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textrnn.config import Config, dead_keys
from textrnn.data.build import build_splits, build_tokenizer
from textrnn.data.splits import Splits
from textrnn.data.tokenizer import Tokenizer
from textrnn.runtime.progress import bar, log


def warn_of_dead_keys(config: Config) -> None:
    for sentence in dead_keys(config):
        log.warning(sentence)


def load_data(config: Config) -> tuple[Splits, Tokenizer]:
    """All splits, read with a progress bar, and the tokenizer; oddities are logged as warnings."""
    tokenizer = build_tokenizer(config.tokenizer)
    with reading_bar() as progress:
        splits = build_splits(config, tokenizer, progress)
    for sentence in splits.warnings:
        log.warning(sentence)
    return splits, tokenizer


@contextmanager
def reading_bar() -> Iterator[Any]:
    """Yields a function (split, documents) that advances the bar."""
    with bar("tokenizing") as shown:

        def progress(split: str, count: int) -> None:
            shown.set_description(f"tokenizing {split}", refresh=False)
            shown.update(count)

        yield progress
