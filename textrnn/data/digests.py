"""The content of a split's files as one hash, remembered so that an unchanged file is not read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from textrnn.data.source import folder_documents
from textrnn.errors import DataError
from textrnn.runtime.files import sha256_of, write_bytes

_FRESH_SECONDS = 2.0  # a file changed this recently may change again within the resolution of its timestamp


def content_digest(files: list[tuple[str, str]], memo_folder: Path) -> str:
    """sha256 over the contents of (path, format) pairs; of folders, the names of the documents count too.

    memo_folder: an existing folder for results, each valid until size or modification time of a file change.

    Raises: DataError for a file that cannot be read.
    """
    paths, state, newest = hashlib.sha256(), hashlib.sha256(), 0
    try:
        for file, name in documents(files):
            status = os.stat(file)
            place = json.dumps([os.path.abspath(file), name]).encode()
            paths.update(place)
            state.update(place + json.dumps([status.st_size, status.st_mtime_ns]).encode())
            newest = max(newest, status.st_mtime_ns)
        memo = memo_folder / paths.hexdigest()[:32]
        try:
            remembered = json.loads(memo.read_bytes())
            if remembered["signature"] == state.hexdigest():
                return str(remembered["content"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none, or damaged: computed again
        content = hashlib.sha256()
        for file, name in documents(files):
            content.update(f"{name}\0{sha256_of(file)}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if time.time() - newest / 1e9 > _FRESH_SECONDS:
        write_bytes(memo, json.dumps({"signature": state.hexdigest(), "content": content.hexdigest()}).encode())
    return content.hexdigest()


def documents(files: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each file to read for (path, format) pairs, and the part of its name that is content ("" outside folders)."""
    for path, kind in files:
        if kind == "folder":
            yield from ((file, os.path.relpath(file, path)) for file in folder_documents(path))
        else:
            yield path, ""
