"""Tokenization on all cores: chunks of texts go to worker processes and come back as arrays, in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import TokenizedTexts, tokenize
from textrnn.errors import TextRNNError
from textrnn.runtime.signals import signals_held

_TEXTS_PER_CHUNK, _CHARACTERS_PER_CHUNK = 2000, 1_000_000  # a chunk ends as soon as it has either
_AHEAD = 3  # chunks for each worker that may be read before the oldest one is done
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
    with _workers(tokenizer, workers) as connections:
        yield from _in_order(chunks, connections)


@contextmanager
def _workers(tokenizer: Tokenizer, count: int) -> Iterator[list[Connection]]:
    """Processes that tokenize the chunks sent to them, each with a pipe of its own: nothing is shared that one of them,
    killed at a bad moment, could leave locked."""
    # spawn, because forking a process with threads (OpenMP, tqdm's monitor) can deadlock
    context = multiprocessing.get_context("spawn")
    processes, connections = [], []
    resource_tracker.ensure_running()  # starting it, as the first worker would, unblocks signals
    try:
        with signals_held():  # a worker whose start was cut short would complain
            for _ in range(count):
                connection, end = context.Pipe()
                connections.append(connection)
                process = context.Process(target=_work, args=(end, tokenizer.options()), daemon=True)
                process.start()
                processes.append(process)
                end.close()  # the worker's copy is the only one left: if it dies, reading fails
        yield connections
    finally:
        for process in processes:
            process.kill()  # what it may still compute is not needed any more
        for process in processes:
            process.join()
        for connection in connections:
            connection.close()


def _in_order(chunks: Iterator[list[str]], connections: list[Connection]) -> Iterator[TokenizedTexts]:
    """The results for the chunks, in order; each connection has at most one chunk, so that neither side waits for the
    other to read."""
    idle, done = deque(connections), dict[int, TokenizedTexts]()
    busy: dict[Any, int] = {}  # connection -> number of its chunk
    sent = returned = 0
    while True:
        while idle and sent < returned + _AHEAD * len(connections) and (chunk := next(chunks, None)) is not None:
            _or_killed(idle[0].send, chunk)
            busy[idle.popleft()] = sent
            sent += 1
        if returned in done:
            yield done.pop(returned)
            returned += 1
        elif busy:
            for connection in wait(list(busy)):
                connection = cast(Connection, connection)
                done[busy.pop(connection)] = _unpacked(*_or_killed(connection.recv))
                idle.append(connection)
        else:
            return


def _or_killed(communicate: Callable[..., Any], *arguments: Any) -> Any:
    try:
        result = communicate(*arguments)
    except (EOFError, OSError):
        raise TextRNNError(
            "a tokenizing process was killed, perhaps because memory ran out: free some memory and try again"
        ) from None
    if isinstance(result, Exception):
        raise result
    return result


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


def _work(connection: Connection, options: dict[str, Any]) -> None:
    """Answer each chunk of texts that comes, until the parent has closed its end or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if os.name == "posix":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
    tokenizer = None
    with suppress(EOFError, OSError):
        while True:
            try:
                texts = connection.recv()
                tokenizer = tokenizer or Tokenizer(**options)
                chunk = tokenize(texts, tokenizer)
                # the types as one string: as a list they would take ten times the memory while they wait
                answer: Any = ("\n".join(chunk.types), chunk._replace(types=[]))
            except (EOFError, OSError):  # of the pipe
                raise
            except Exception as error:  # raised in the parent
                answer = error
            connection.send(answer)


def _unpacked(types: str, chunk: TokenizedTexts) -> TokenizedTexts:
    return chunk._replace(types=types.split("\n"))
