"""Tokenization on all cores: chunks of texts go to worker processes and come back as arrays, in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import TokenizedTexts, tokenize
from textrnn.errors import TextRNNError

_TEXTS_PER_CHUNK, _CHARACTERS_PER_CHUNK = 2000, 1_000_000  # a chunk ends as soon as it has either
# Starting workers takes about a second, in which one process tokenizes this many bytes.
_WORTH_WORKERS = {"jieba": 1_500_000}
_WORTH_WORKERS_OTHERWISE = 8_000_000


def tokenized_chunks(
    texts: Iterable[str], tokenizer: Tokenizer, size: int, workers: int | None = None
) -> Iterator[TokenizedTexts]:
    """The texts, tokenized, in chunks and in order.

    size: bytes of text, about. workers: number of processes; None: one per core if `size` makes that worth it.

    Raises: TextRNNError where a worker process dies (killed, out of memory).
    """
    chunks = _in_chunks(texts)
    if workers is None:
        worth = size >= _WORTH_WORKERS.get(tokenizer.kind, _WORTH_WORKERS_OTHERWISE)
        workers = available_cores() if worth else 1
    if workers == 1:
        for chunk in chunks:
            yield tokenize(chunk, tokenizer)
        return
    # spawn, because forking a process with threads (OpenMP, tqdm's monitor) can deadlock
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (tokenizer.options(), os.getpid()))
    waiting: deque[Future[tuple[str, TokenizedTexts]]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_tokenize_in_worker, chunk))
            if len(waiting) > 2 * workers:  # bounds the texts that are read but not yet tokenized
                yield _unpacked(*waiting.popleft().result())
        while waiting:
            yield _unpacked(*waiting.popleft().result())
    except BrokenProcessPool:
        raise TextRNNError(
            "a tokenizing process was killed, perhaps because memory ran out: free some memory and try again"
        ) from None
    except BaseException:
        # an error or a signal: the workers' results are not needed any more, and waiting would look like hanging
        for worker in list(pool._processes.values()):  # not active_children(): the caller may have other processes
            worker.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == _TEXTS_PER_CHUNK or characters >= _CHARACTERS_PER_CHUNK:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def available_cores() -> int:
    """Cores that this process may use; in a container there can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_worker: Tokenizer


def _start_worker(options: dict[str, Any], parent: int) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()
    _worker = Tokenizer(**options)


def _exit_with(parent: int) -> None:
    """End this process when its parent has ended: a parent killed with SIGKILL cannot do that itself."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _tokenize_in_worker(texts: list[str]) -> tuple[str, TokenizedTexts]:
    """The types come as one string: as a list they would take ten times the memory while they wait."""
    chunk = tokenize(texts, _worker)
    return "\n".join(chunk.types), chunk._replace(types=[])


def _unpacked(types: str, chunk: TokenizedTexts) -> TokenizedTexts:
    return chunk._replace(types=types.split("\n"))
