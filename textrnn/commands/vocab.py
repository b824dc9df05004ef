"""`textrnn vocab`: build the vocabulary and the tokenized corpora, and describe them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from textrnn.commands.data import input_files, load_data, warn_of_dead_keys
from textrnn.commands.output import check_output, check_writable
from textrnn.config import Config
from textrnn.corpus.build import build_sources
from textrnn.corpus.statistics import describe_splits
from textrnn.runtime.files import write_text


def vocab(config: Config, output: Path | None, config_file: Path | None) -> dict[str, Any]:
    """Build vocabulary and corpora for `train`; returns the content of --json. output: a file of `token<TAB>count`
    lines. config_file: the one that the config was read from. Raises UsageError for an output that is an input."""
    warn_of_dead_keys(config)
    sources = build_sources(config)
    if output is not None:
        check_output("--output", output, input_files(config, sources, config_file))
        check_writable(output)
    splits = load_data(config, sources).splits
    if output is not None:
        write_text(output, "".join(f"{token}\t{count}\n" for token, count in splits.counts))
    return describe_splits(splits, config.data.max_length) | {"cache_dir": os.path.abspath(config.data.cache_dir)}
