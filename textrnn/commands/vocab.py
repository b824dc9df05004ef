"""`textrnn vocab`: build the vocabulary and the tokenized corpora, and describe them."""

from __future__ import annotations

from pathlib import Path

from textrnn.commands.data import load_data, warn_of_dead_keys
from textrnn.config import Config
from textrnn.runtime.files import write_text


def vocab(config: Config, output: Path | None) -> list[str]:
    """Build what `train` will use; returns the lines to print. output: a file of `token<TAB>count` lines."""
    warn_of_dead_keys(config)
    splits, _ = load_data(config)
    if output is not None:
        write_text(output, "".join(f"{token}\t{count}\n" for token, count in splits.counts))
    return splits.statistics
