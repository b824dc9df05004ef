"""Tokenized corpora on disk: each made once, and made again when anything it depends on changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textrnn.data.corpus import Corpus
from textrnn.data.corpus_files import open_corpus, remove_corpus, write_corpus
from textrnn.data.digests import MEMOS, check_unchanged, content_digest
from textrnn.data.scratch import unwritable
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer
from textrnn.errors import TextRNNError
from textrnn.runtime.files import sync_folder
from textrnn.runtime.signals import cleanup

FORMAT_NUMBER = 5
_LEFTOVER_SECONDS = 24 * 3600.0


def load_corpus(
    source: Source,
    tokenizer: Tokenizer,
    *,
    cache_dir: Path,
    progress: Callable[[int], object] = lambda count: None,
    workers: int | None = None,
) -> Corpus:
    """The tokenized corpus of a source, from the cache where it holds one made of exactly this.

    progress: called with the number of documents read since its last call. workers: processes that tokenize, None: one
    per core where the source is large enough.

    Raises: DataError for bad rows; TextRNNError where the cache cannot be written.
    """
    files = source.files()
    try:
        (cache_dir / MEMOS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(cache_dir, error) from error
    digest, state = content_digest(files, cache_dir / MEMOS)
    key = {
        "format_number": FORMAT_NUMBER,
        "content": digest,
        "formats": [kind for _, kind in files],
        "columns": [source.text_column, source.label_column],
        "label_names": source.label_names,
        "delimiter": source.delimiter,
        "encoding": source.encoding,
        "skip_bad_rows": source.skip_bad_rows,
        "labelled": source.labelled,
        "tokenizer": tokenizer.identity(),
    }
    folder = cache_dir / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    corpus = open_corpus(folder, digest)
    if corpus is None:
        try:
            _build(folder, source, tokenizer, progress, workers, lambda: check_unchanged(files, state))
        except (OSError, sqlite3.Error) as error:
            raise unwritable(cache_dir, error) from error
        corpus = open_corpus(folder, digest)
        if corpus is None:
            raise TextRNNError(f"{folder}: the tokenized corpus was removed or changed while it was built; try again")
    return corpus


def _build(
    folder: Path,
    source: Source,
    tokenizer: Tokenizer,
    progress: Callable[[int], object],
    workers: int | None,
    check: Callable[[], None],
) -> None:
    """Write the corpus into a temporary folder, check that the source has not changed meanwhile, then rename it: other
    processes see all of it or nothing."""
    _clear_leftovers(folder.parent)
    temporary = folder.parent / f".building-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with cleanup(partial(remove_corpus, temporary)):
        temporary.mkdir()
        write_corpus(temporary, source, tokenizer, progress, workers)
        check()
        if folder.exists() and open_corpus(folder, "") is None:
            shutil.rmtree(folder, ignore_errors=True)  # damaged
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            # another process built the same corpus meanwhile: its folder is as good as this one
        sync_folder(folder.parent)


def _clear_leftovers(cache_dir: Path) -> None:
    """Remove what killed processes left half-built, once it is too old for anyone to be writing it still."""
    for folder in cache_dir.glob(".building-*"):
        try:
            if time.time() - folder.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
