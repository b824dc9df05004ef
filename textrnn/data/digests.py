"""The content of a split's files as one hash, remembered so that an unchanged file is not read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from textrnn.data.source import Source, changed_while_read, class_names, folder_entries
from textrnn.errors import DataError
from textrnn.runtime.files import sha256_of, write_bytes

MEMOS = "digests"  # their folder in a cache
_FRESH_SECONDS = 2.0  # a file changed this recently may change again within the resolution of its timestamp


def content_digest(files: list[tuple[str, str]], memo_folder: Path) -> tuple[str, str]:
    """sha256 over the contents of (path, format) pairs, and a hash of the files' states when it was computed. Of
    folders, the names of what is in them count too.

    memo_folder: an existing folder for results, each valid until the state of a file changes: its size, its inode, or
    the time when its content or its status was last changed. A copy may keep size and time of modification (`cp -p`,
    `rsync -t`), but not the other time, which no program can set.

    Raises: DataError for a file that cannot be read.
    """
    try:
        places, state, newest = _states(files)
        memo = memo_folder / places
        try:
            remembered = json.loads(memo.read_bytes())
            if remembered["signature"] == state:
                return str(remembered["content"]), state
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass  # none, or damaged: computed again
        content = hashlib.sha256()
        for file, name, is_document in _entries(files):
            digest = sha256_of(file) if is_document else ""
            content.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if time.time() - newest / 1e9 > _FRESH_SECONDS:
        write_bytes(memo, json.dumps({"signature": state, "content": content.hexdigest()}).encode())
    return content.hexdigest(), state


def check_unchanged(files: list[tuple[str, str]], state: str) -> None:
    """Raises DataError if the states of the files are not those that `content_digest` found."""
    try:
        unchanged = _states(files)[1] == state
    except OSError:
        unchanged = False
    if not unchanged:
        raise changed_while_read(path for path, _ in files[:5])


def content_changed(source: Source) -> DataError:
    """The error for a source whose texts are not those of its corpus in the cache. What the cache remembers of its
    content is removed, so that the files are read again next time."""
    if source.cache_dir is not None:
        with suppress(OSError):
            (source.cache_dir / MEMOS / _states(source.files())[0]).unlink(missing_ok=True)
    return changed_while_read(source.paths)


def _states(files: list[tuple[str, str]]) -> tuple[str, str, int]:
    """A hash of the paths, one that covers the states of the files too, and the newest time in nanoseconds."""
    places, state, newest = hashlib.sha256(), hashlib.sha256(), 0
    for file, name, is_document in _entries(files):
        place = json.dumps([os.path.abspath(file), name, is_document]).encode()
        places.update(place)
        state.update(place)
        if is_document:
            status = os.stat(file)
            times = status.st_mtime_ns, status.st_ctime_ns
            state.update(json.dumps([status.st_size, status.st_ino, *times]).encode())
            newest = max(newest, *times)
    return places.hexdigest()[:32], state.hexdigest(), newest


def _entries(files: list[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """Of each (path, format) pair the file, or what is in the folder: path, the part of its name that is content (""
    outside folders), and whether it is a file to read."""
    for path, kind in files:
        if kind == "folder":
            for name in class_names(path):  # a class may be empty
                yield os.path.join(path, name), name, False
            for file, problem in folder_entries(path, follow_links=True):
                yield file, os.path.relpath(file, path), problem is None
        else:
            yield path, "", True


def size_of(files: list[tuple[str, str]]) -> int:
    """Bytes of text in (path, format) pairs, about; gzip files are counted three times. Raises DataError."""
    try:
        return sum(
            os.stat(file).st_size * (3 if file.endswith(".gz") else 1)
            for file, _, is_document in _entries(files)
            if is_document
        )
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None
