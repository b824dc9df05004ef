"""Progress bars and log lines on stderr, without garbling each other."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any

from textrnn.runtime.distributed import is_first
from textrnn.runtime.terminal import visible

QUIET = logging.CRITICAL + 1  # a level above that of all log lines
log = logging.getLogger("textrnn")
_shown: ContextVar[bool | None] = ContextVar("shown", default=None)  # None: shown if stderr is a terminal


@contextmanager
def show_bars(shown: bool) -> Iterator[None]:
    """Force bars on or off inside the block, in this thread only."""
    token = _shown.set(shown)
    try:
        yield
    finally:
        _shown.reset(token)


def bar(description: str, *, unit: str = "text", **options: Any) -> Any:
    """A tqdm bar that clears itself at the end, shown by the first process unless stderr is quiet. options: tqdm's."""
    from tqdm import tqdm

    shown = _shown.get() if is_first() and _stderr.level < QUIET else False
    disable = None if shown is None else not shown
    return tqdm(desc=description, unit=unit, disable=disable, leave=False, dynamic_ncols=True, **options)


class _StderrHandler(logging.Handler):
    """Writes above a visible bar, to whatever sys.stderr is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        text = visible(record.getMessage())
        if record.levelno >= logging.WARNING:
            text = f"warning: {text}"
        with contextlib.suppress(OSError, AttributeError):  # stderr is closed or missing
            if "tqdm" in sys.modules:
                sys.modules["tqdm"].tqdm.write(text, file=sys.stderr)
            else:
                print(text, file=sys.stderr)


_stderr = _StderrHandler()


@contextmanager
def log_prefix(prefix: str) -> Iterator[None]:
    """Begin the log lines of the block with `prefix`."""

    def add(record: logging.LogRecord) -> bool:
        record.msg, record.args = f"{prefix}: {record.getMessage()}", ()
        return True

    log.addFilter(add)
    try:
        yield
    finally:
        log.removeFilter(add)


class _FileFormatter(logging.Formatter):
    """Writes the full text of a line that was logged with `extra={"full": ...}`, as it is too long for a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = getattr(record, "full", record.message)
        return visible(super().formatMessage(record))


@contextmanager
def timed(phase: str) -> Iterator[None]:
    """Log how long the block took, at the debug level. phase: a noun phrase, such as "reading the model"."""
    begin = time.perf_counter()
    yield
    log.debug("%s took %.2f s", phase, time.perf_counter() - begin)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log to stderr from `level` on; QUIET hides all lines and bars. Log files hold all levels. Only rank 0 logs."""
    _stderr.setLevel(level)
    log.handlers = [_stderr]
    log.setLevel(logging.DEBUG if is_first() else QUIET)
    log.propagate = False
    logging.raiseExceptions = False  # a log file on a full disk must not print tracebacks


@contextmanager
def log_file(path: Path) -> Iterator[Callable[[], None]]:
    """Inside the block, log lines also go to the file `path`. They are buffered until the yielded function is called,
    because the file's folder may not exist before."""
    memory = MemoryHandler(capacity=1_000_000, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
    log.addHandler(memory)

    def begin() -> None:
        file = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")  # of file names not in UTF-8
        file.setFormatter(_FileFormatter("%(asctime)s %(levelname)s %(message)s"))
        memory.setTarget(file)
        memory.flush()
        memory.capacity = 1  # from now on each line is written at once

    try:
        yield begin
    finally:
        log.removeHandler(memory)
        if memory.target is not None:
            memory.target.close()
        memory.close()
