"""`textrnn serve` beside a FastAPI app around a scikit-learn pipeline: requests of one title each."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from scripts.bench.corpora import Corpus, titles, work_folder
from scripts.bench.programs import Program, ours, rival
from scripts.bench.report import number, table
from scripts.bench.rivals.corpus import read_labelled
from scripts.bench.timing import environment, interleaved, textrnn

CONNECTIONS, SECONDS, REPEATS = (1, 8, 64), 3.0, 3
SETTINGS = {"train.epochs": 1, "model.ngrams": 2, "model.linear": "mix"}  # speed does not depend on training
TITLES = {"data.format": "tsv", "data.text_column": 0, "data.label_column": 1}
START_SECONDS = 120.0


class Load(NamedTuple):
    """Requests a second; the median and the 99th percentile of their times in ms."""

    rate: float
    p50: float
    p99: float


def measure_serve() -> list[str]:
    corpus = titles()
    trained = {
        "textrnn serve, network and linear model": ours("thucnews", SETTINGS),
        "textrnn serve, linear model": Program(_train_linear, ours(None).predict),
        "FastAPI, TF-IDF + LinearSVC": rival("linear_svc", "char"),
    }
    commands: dict[str, Callable[[int], list[object]]] = {}
    for name, program in trained.items():
        folder = work_folder("serve", name)
        program.run_training(corpus, folder)
        is_ours = name.startswith("textrnn")
        commands[name] = partial(_ours if is_ours else _fastapi, folder)
    texts = read_labelled(corpus.test).texts
    bodies = [json.dumps({"text": text}).encode() for text in texts]
    jobs = {
        (name, count): partial(measure_load, command, bodies, count)
        for count in CONNECTIONS for name, command in commands.items()
    }  # fmt: skip
    loads = interleaved(jobs, REPEATS)
    rows = []
    for name in commands:
        middle = [Load(*map(median, zip(*loads[name, count], strict=True))) for count in CONNECTIONS]
        rows.append([name, *(number(value) for load in middle for value in load)])
    columns = ("requests/s", "p50, ms", "p99, ms")
    header = ["service", *(f"{column} at {count}" for count in CONNECTIONS for column in columns)]
    return [table(f"One title a request, {SECONDS:g} s, medians of {REPEATS} runs", header, rows)]


def _train_linear(corpus: Corpus, folder: Path) -> list[object]:
    return [*ours(None, TITLES).train(corpus, folder), "--preset", "linear"]


def _ours(folder: Path, port: int) -> list[object]:
    return textrnn("serve", folder / "run", "--port", port)


def _fastapi(folder: Path, port: int) -> list[object]:
    return [sys.executable, "-m", "scripts.bench.rivals.fastapi_linear", folder / "model", port]


def measure_load(
    command: Callable[[int], list[object]], bodies: Sequence[bytes], connections: int, seconds: float = SECONDS
) -> Load:
    """Start a service, ask it on so many connections, each with one request at a time, and end it."""
    with running(command) as port:
        asyncio.run(_ask(port, bodies, connections, seconds / 5))  # the first requests are slower
        times = asyncio.run(_ask(port, bodies, connections, seconds))
    milliseconds = [1000 * value for value in times]
    return Load(len(times) / seconds, median(milliseconds), quantiles(milliseconds, n=100)[98])


@contextmanager
def running(command: Callable[[int], list[object]]) -> Iterator[int]:
    """A service at a free port, which the block gets."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([str(word) for word in command(port)], env=environment(), stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command(port)} does not answer")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with suppress(OSError):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/openapi.json")
        return connection.getresponse().status == 200
    return False


async def _ask(port: int, bodies: Sequence[bytes], connections: int, seconds: float) -> list[float]:
    """The seconds of each request that was answered in time."""
    until = time.perf_counter() + seconds
    times: list[float] = []

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in cycle(islice(bodies, number, None, connections)):
            begin = time.perf_counter()
            if begin > until:
                break
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(head.encode() + b"\r\n\r\n" + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            times.append(time.perf_counter() - begin)
        writer.close()

    await asyncio.gather(*map(client, range(connections)))
    return times
