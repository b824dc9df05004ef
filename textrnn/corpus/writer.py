"""Texts -> the arrays of a corpus in one pass, in files or in memory; many texts are tokenized on all cores."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from textrnn.errors import TextRNNError
from textrnn.reading.reader import Example
from textrnn.runtime.signals import signals_held
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import TokenizedTexts, text_starts, tokenize

ARRAYS: dict[str, np.dtype] = {
    "tokens": np.dtype("<i4"), "starts": np.dtype("<i8"), "lengths": np.dtype("<i4"), "label_ids": np.dtype("<i4"),
    "hashes": np.dtype("<u8"), "weights": np.dtype("<f4"),
    "soft_labels": np.dtype([("row", "<i8"), ("label_id", "<i4"), ("probability", "<f4")]),
}  # fmt: skip
_ROUNDING = 1e-6  # the sum of probabilities that are not rounded on purpose is no further from 1
_TEXTS_PER_CHUNK, _CHARACTERS_PER_CHUNK = 2000, 1_000_000  # a chunk ends as soon as it reaches either
# Starting workers takes about a second, in which one process tokenizes this many bytes.
_LEAST_BYTES_FOR_WORKERS = {"jieba": 1_500_000}
_LEAST_BYTES_OTHERWISE = 8_000_000


class Written(NamedTuple):
    """types: the distinct tokens in the order of their numbers. labels: in the order of their ids. Both are in order of
    first appearance. normalized: the number of soft labels whose probabilities were divided by their sum."""

    types: list[str]
    labels: list[str]
    normalized: int


def write_arrays(
    examples: Iterable[Example],
    tokenizer: Tokenizer,
    streams: Mapping[str, BinaryIO],
    *,
    size: int = 0,
    progress: Callable[[int], object] = lambda count: None,
) -> Written:
    """Tokenize examples and append the values of each of ARRAYS to its stream. Those of labels, weights and soft labels
    stay empty if there are none.

    size: approximate bytes of text. progress: called with the number of texts just written.
    """
    numbers: defaultdict[str, int] = defaultdict(count().__next__)  # a new token gets the next number
    label_ids: dict[str, int] = {}
    normalized = 0

    def id_of(label: str) -> int:
        return label_ids.setdefault(label, len(label_ids))

    def texts() -> Iterator[str]:
        nonlocal normalized
        for row, example in enumerate(examples):
            if example.label is not None:
                streams["label_ids"].write(id_of(example.label).to_bytes(4, "little"))
            if example.weight is not None:
                write("weights", np.asarray([example.weight]))
            if example.probabilities is not None:
                total = math.fsum(example.probabilities.values())
                normalized += abs(total - 1) > _ROUNDING
                entries = [(row, id_of(label), share / total) for label, share in example.probabilities.items()]
                write("soft_labels", np.asarray(entries, ARRAYS["soft_labels"]))
            streams["hashes"].write(text_hash(example.text))
            yield example.text

    def write(name: str, values: np.ndarray) -> None:
        streams[name].write(np.ascontiguousarray(values, ARRAYS[name]).data)

    position = 0
    for chunk in tokenized_chunks(texts(), tokenizer, size):
        write("tokens", np.fromiter(map(numbers.__getitem__, chunk.types), np.int32, len(chunk.types))[chunk.tokens])
        write("starts", position + text_starts(chunk.lengths))
        write("lengths", chunk.lengths)
        position += len(chunk.tokens)
        progress(len(chunk.lengths))
    return Written(list(numbers), list(label_ids), normalized)


def text_hash(text: str) -> bytes:
    """8 bytes, equal for texts that differ only in surrounding white space."""
    return hashlib.blake2b(text.strip().encode("utf-8", "surrogatepass"), digest_size=8).digest()


def tokenized_chunks(
    texts: Iterable[str], tokenizer: Tokenizer, size: int, workers: int | None = None
) -> Iterator[TokenizedTexts]:
    """The texts, tokenized, in chunks and in order.

    size: approximate bytes of text. workers: number of processes; None for one per core if `size` is worth it.

    Raises: TextRNNError if a worker process dies (killed, out of memory).
    """
    chunks = _in_chunks(texts)
    if workers is None:
        is_worth_workers = size >= _LEAST_BYTES_FOR_WORKERS.get(tokenizer.kind, _LEAST_BYTES_OTHERWISE)
        workers = _available_cores() if is_worth_workers else 1
    if workers == 1:
        yield from (tokenize(chunk, tokenizer) for chunk in chunks)
        return
    with _workers(tokenizer, workers) as connections:
        sent = 0  # chunks; each worker has at most one, so that neither side waits for the other to read
        for chunk in chunks:
            connection = connections[sent % workers]
            result = _result(connection) if sent >= workers else None
            with _death_as_error():
                connection.send(chunk)
            sent += 1
            if result is not None:
                yield result
        for number in range(max(sent - workers, 0), sent):
            yield _result(connections[number % workers])


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


def _available_cores() -> int:
    """The number of cores that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _workers(tokenizer: Tokenizer, number: int) -> Iterator[list[Connection]]:
    """Connections to processes that tokenize the chunks sent to them. Each process has its own pipe, because a killed
    process could leave anything shared locked."""
    # spawn, because forking a process with threads (OpenMP, tqdm's monitor) can deadlock
    context = multiprocessing.get_context("spawn")
    processes, connections = [], []
    resource_tracker.ensure_running()  # starting it, as the first worker would, unblocks signals
    try:
        with signals_held():  # a worker interrupted while it starts would print a traceback
            for _ in range(number):
                connection, end = context.Pipe()
                connections.append(connection)
                process = context.Process(target=_work, args=(end, tokenizer.options()), daemon=True)
                process.start()
                processes.append(process)
                end.close()  # the worker's copy is the only one left: if it dies, reading fails
        yield connections
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()
        for connection in connections:
            connection.close()


def _work(connection: Connection, options: dict[str, Any]) -> None:
    """Tokenize each chunk of texts received, until the parent closes its end or ends itself."""
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
            except (EOFError, OSError):  # from the pipe
                raise
            except Exception as error:  # raised in the parent
                answer = error
            connection.send(answer)


def _result(connection: Connection) -> TokenizedTexts:
    with _death_as_error():
        answer = connection.recv()
    if isinstance(answer, Exception):
        raise answer
    types, chunk = answer
    return chunk._replace(types=types.split("\n"))


@contextmanager
def _death_as_error() -> Iterator[None]:
    """Raises TextRNNError if the worker at the other end of a connection has died."""
    try:
        yield
    except (EOFError, OSError):
        raise TextRNNError(
            "a tokenizing process was killed, perhaps because memory ran out: free some memory and try again"
        ) from None
