from __future__ import annotations

import multiprocessing
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn.data import writer
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import TokenizedTexts
from textrnn.data.writer import tokenized_chunks
from textrnn.errors import TextRNNError


def flat(chunks: list[TokenizedTexts]) -> tuple[list[str], list[int]]:
    tokens = [chunk.types[number] for chunk in chunks for number in chunk.tokens]
    return tokens, np.concatenate([chunk.lengths for chunk in chunks]).tolist()


@pytest.mark.parametrize("kind", ["char", "jieba"])
def test_workers_give_the_same_tokens_in_the_same_order(kind: str) -> None:
    texts = [f"第{number}条新闻 about AC米兰 {number}" for number in range(4500)] + [""]
    tokenizer = Tokenizer(kind, user_dict="AC米兰 10000\n", lowercase=False)
    alone = flat(list(tokenized_chunks(texts, tokenizer, size=0, workers=1)))
    together = flat(list(tokenized_chunks(texts, tokenizer, size=0, workers=2)))
    assert together == alone
    assert alone[1][-1] == 0
    assert alone[0][-1] == "<unk>"


def test_an_error_while_reading_is_raised() -> None:
    def texts():
        yield "a"
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        list(tokenized_chunks(texts(), Tokenizer("char"), size=0, workers=2))


@pytest.fixture
def others() -> Iterator[set[Any]]:
    """The child processes of other tests; afterwards there are no more than those."""
    before = set(multiprocessing.active_children())
    yield before
    assert set(multiprocessing.active_children()) <= before


def endless() -> Iterator[str]:
    while True:
        yield "a text of some words " * 100


def test_a_killed_worker_is_an_error(others: set[Any]) -> None:
    chunks = tokenized_chunks(endless(), Tokenizer("char"), size=0, workers=2)
    next(chunks)
    (set(multiprocessing.active_children()) - others).pop().kill()
    with pytest.raises(TextRNNError, match="a tokenizing process was killed"):
        for _ in range(100):
            next(chunks)


@pytest.mark.usefixtures("others")
def test_workers_end_with_the_consumer_whatever_they_are_doing() -> None:
    chunks = tokenized_chunks(endless(), Tokenizer("char"), size=0, workers=2)
    next(chunks)
    chunks.close()


@pytest.mark.usefixtures("others")
def test_a_worker_without_memory_is_an_error_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writer, "_work", work_in_little_memory)
    with pytest.raises((MemoryError, TextRNNError)):  # where it ran out in the middle of a text, the pipe is broken
        list(tokenized_chunks(["a" * 20_000_000] * 4, Tokenizer("char"), size=0, workers=2))
    assert capfd.readouterr().err == ""


def test_an_error_in_a_worker_is_raised_here(others: set[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokenizer, "options", lambda self: {"kind": "none"})
    with pytest.raises(ValueError, match="unknown tokenizer kind 'none'"):
        list(tokenized_chunks(["a"], Tokenizer("char"), size=0, workers=2))


def work_in_little_memory(*arguments: Any) -> None:
    """What a worker runs: as usual, with 16 MB of address space beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 16 * 1024**2
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    writer._work(*arguments)


def test_signals_wait_until_a_worker_can_heed_them() -> None:
    code = (
        "from tests.data.test_writer import *\n"
        "writer._work = work_after_its_mask\n"
        "if __name__ == '__main__': list(tokenized_chunks(['a'] * 4001, Tokenizer('char'), size=0, workers=2))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "True"]


def work_after_its_mask(*arguments: Any) -> None:
    """What a worker runs, after it has printed whether it began with signals blocked."""
    print({signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, []), flush=True)
    run_worker(*arguments)


run_worker = writer._work


def test_chunks_of_long_texts_hold_fewer_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_CHARACTERS_PER_CHUNK", 10)
    chunks = list(tokenized_chunks(["a b c d", "e f", "g h", "i", "j"], Tokenizer("char"), size=0))
    assert [len(chunk.lengths) for chunk in chunks] == [2, 3]
    assert flat(chunks)[0] == list("abcdefghij")
