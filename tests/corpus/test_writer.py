from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn.corpus import writer
from textrnn.corpus.writer import tokenized_chunks
from textrnn.errors import TextRNNError
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import TokenizedTexts


def with_workers(texts: Iterable[str], tokenizer: Tokenizer | None = None) -> Iterator[TokenizedTexts]:
    return tokenized_chunks(texts, tokenizer or Tokenizer("char"), size=0, workers=2)


def flat(chunks: Iterable[TokenizedTexts]) -> tuple[list[str], list[int]]:
    chunks = list(chunks)
    tokens = [chunk.types[number] for chunk in chunks for number in chunk.tokens]
    return tokens, np.concatenate([chunk.lengths for chunk in chunks]).tolist()


@pytest.mark.parametrize("kind", ["char", "jieba"])
def test_workers_give_the_same_tokens_in_the_same_order(kind: str) -> None:
    texts = [f"第{number}条新闻 about AC米兰 {number}" for number in range(5000)] + [""]  # three chunks for two workers
    tokenizer = Tokenizer(kind, user_dict="AC米兰 10000\n", lowercase=False)
    alone = flat(tokenized_chunks(texts, tokenizer, size=0, workers=1))
    assert flat(with_workers(texts, tokenizer)) == alone
    assert (alone[0][-1], alone[1][-1]) == ("<unk>", 0)


def test_there_may_be_fewer_chunks_than_workers() -> None:
    assert flat(with_workers(["a b"])) == (["a", "b"], [2])


@pytest.fixture
def others() -> Iterator[set[Any]]:
    """The child processes of other tests; afterwards there are no more than those."""
    before = set(multiprocessing.active_children())
    yield before
    assert set(multiprocessing.active_children()) <= before


def endless() -> Iterator[str]:
    while True:
        yield "a text of some words " * 100


@pytest.mark.usefixtures("others")
def test_an_error_while_reading_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(with_workers(str(1 // (4001 - number)) for number in range(9000)))


def test_a_killed_worker_is_an_error(others: set[Any]) -> None:
    chunks = with_workers(endless())
    next(chunks)
    (set(multiprocessing.active_children()) - others).pop().kill()
    with pytest.raises(TextRNNError, match="a tokenizing process was killed"):
        for _ in range(100):
            next(chunks)


@pytest.mark.usefixtures("others")
def test_workers_end_with_the_consumer_whatever_they_are_doing() -> None:
    chunks = with_workers(endless())
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("others")
def test_a_worker_without_memory_is_an_error_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writer, "_work", work_in_little_memory)
    with pytest.raises((MemoryError, TextRNNError)):  # where it ran out in the middle of a text, the pipe is broken
        list(with_workers(["a" * 20_000_000] * 4))
    assert capfd.readouterr().err == ""


def work_in_little_memory(*arguments: Any) -> None:
    """What a worker runs: as usual, with 16 MB of address space beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 16 * 1024**2
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    writer._work(*arguments)


@pytest.mark.usefixtures("others")
def test_an_error_in_a_worker_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokenizer, "options", lambda self: {"kind": "none"})
    with pytest.raises(ValueError, match="unknown tokenizer kind 'none'"):
        list(with_workers(["a"]))


def test_signals_wait_until_a_worker_can_heed_them() -> None:
    code = (
        "from tests.corpus.test_writer import *\n"
        "writer._work = work_after_its_mask\n"
        "if __name__ == '__main__': list(with_workers(['a'] * 4001))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "True"]


def work_after_its_mask(*arguments: Any) -> None:
    """What a worker runs, after it has printed whether it began with signals blocked."""
    is_blocked = {signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, [])
    os.write(1, f"{is_blocked}\n".encode())  # print writes the end of a line apart, between that of another worker
    run_worker(*arguments)


run_worker = writer._work


def test_chunks_of_long_texts_hold_fewer_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_CHARACTERS_PER_CHUNK", 10)
    chunks = list(tokenized_chunks(["a b c d", "e f", "g h", "i", "j"], Tokenizer("char"), size=0))
    assert [len(chunk.lengths) for chunk in chunks] == [2, 3]
    assert flat(chunks)[0] == list("abcdefghij")
