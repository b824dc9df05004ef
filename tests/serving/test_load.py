"""Two minutes of mixed load: clients that behave, and those that do not. No answer is wrong, and memory stays flat."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import median

import pytest

from tests.conftest import make_rows
from tests.serving.served import Served, received, served
from textrnn import TextClassifier
from textrnn.serving import limits

pytestmark = pytest.mark.slow

SECONDS, CLIENTS = 120.0, 12
FLAT = 25.0  # MB, by which memory may differ between the second quarter of the time and the last one


class Client:
    """A client that chooses what to do by chance. expected: text -> (label, probability). counts: what it has done."""

    def __init__(self, server: Served, expected: dict[str, tuple[str, float]], seed: int) -> None:
        self.server, self.expected, self.rng = server, expected, random.Random(seed)
        self.texts, self.counts, self.wrong = [*expected], Counter[str](), list[object]()

    def run(self, until: float) -> None:
        acts = [self.good] * 8 + [self.explained, self.bad, self.huge, self.gone, self.slow, self.garbage]
        while time.monotonic() < until:
            act = self.rng.choice(acts)
            try:
                act()
                self.counts[act.__name__] += 1
            except OSError:  # the server may close the connection of those that misbehave
                self.counts[f"{act.__name__}: connection lost"] += 1
            except Exception as error:
                self.wrong.append((act.__name__, repr(error)))

    def check(self, status: int, answer: dict, texts: list[str]) -> None:  # type: ignore[type-arg]
        if status == 503:
            self.counts["503"] += 1
            return
        found = [(result["label"], result["probability"]) for result in answer["results"]]
        pairs = zip(found, (self.expected[text] for text in texts), strict=True)
        if status != 200 or any(a != c or abs(b - d) > 2e-4 for (a, b), (c, d) in pairs):
            self.wrong.append((status, answer, texts))

    def good(self) -> None:
        texts = self.rng.choices(self.texts, k=self.rng.choice([1, 1, 1, 5, 100]))
        self.check(*self.server.ask(json.dumps({"texts": texts}).encode()), texts)

    def explained(self) -> None:
        texts = self.rng.choices(self.texts, k=2)
        self.check(*self.server.ask(json.dumps({"texts": texts, "explain": True, "top_k": 2}).encode()), texts)

    def bad(self) -> None:
        body = self.rng.choice([b"{", b"\xff", b"[" * 100_000, b'{"text": 1}', b"{}", b'{"texts": ["a", null]}'])
        status, answer = self.server.ask(body)
        if status != 400 or {*answer} != {"error"}:
            self.wrong.append((status, answer))

    def huge(self) -> None:
        status, answer = self.server.ask(json.dumps({"text": "goal " * 2_000_000}).encode())
        if status != 413 or {*answer} != {"error"}:
            self.wrong.append((status, answer))

    def gone(self) -> None:
        """Disconnects with a body half sent, or before the answer."""
        body = json.dumps({"texts": self.rng.choices(self.texts, k=200)}).encode()
        sent = self.rng.choice([len(body), len(body) // 2])
        with self.server.connect() as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body[:sent])

    def slow(self) -> None:
        """Sends a piece at a time, and reads as slowly."""
        text = self.rng.choice(self.texts)
        body = json.dumps({"text": text}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        whole = head.encode() + body
        with self.server.connect() as connection:
            for at in range(0, len(whole), 40):
                connection.sendall(whole[at : at + 40])
                time.sleep(0.1)
            head_, _, answer = received(connection).partition(b"\r\n\r\n")
        self.check(int(head_.split()[1]), json.loads(answer), [text])

    def garbage(self) -> None:
        with self.server.connect() as connection:
            connection.sendall(self.rng.randbytes(self.rng.randrange(1, 3000)) + b"\r\n\r\n")
            answer = received(connection)
        if answer and not answer.startswith(b"HTTP/1.1 400"):
            self.wrong.append(answer)


def megabytes(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def test_mixed_load_finds_no_wrong_answer_and_flat_memory(trained: Path) -> None:
    texts = [text for _, text in make_rows(300, seed=9)] + ["", "\ud800", "汤 " * 700]
    classifier = TextClassifier.load(trained)
    rows = classifier.predict_proba(texts)
    expected = {
        text: (classifier.labels[row.argmax()], float(row.max())) for text, row in zip(texts, rows, strict=True)
    }
    seconds = float(os.environ.get("TEXTRNN_LOAD_SECONDS", SECONDS))
    with served(trained) as server:
        clients = [Client(server, expected, seed) for seed in range(CLIENTS)]
        begin = time.monotonic()
        threads = [threading.Thread(target=client.run, args=(begin + seconds,)) for client in clients]
        for thread in threads:
            thread.start()
        memory = []
        while any(thread.is_alive() for thread in threads):
            memory.append(megabytes(server.process.pid))
            time.sleep(seconds / 240)
        quarters = [median(memory[len(memory) * at // 4 : len(memory) * (at + 1) // 4]) for at in range(4)]
        counts = sum((client.counts for client in clients), Counter[str]())
        print(f"\n{dict(counts)}; MB by quarter: {[round(value) for value in quarters]}, at most {max(memory):.0f}")
        assert [client.wrong for client in clients] == [[]] * CLIENTS
        assert counts["good"] > CLIENTS
        assert quarters[3] - quarters[1] < FLAT, quarters
        assert server.end(signal.SIGTERM) == 143
        assert server.log.count(b"\n") == 1, server.log


def test_hundreds_of_connections_are_held_or_refused_and_go_away(trained: Path) -> None:
    with served(trained) as server:
        opened: list[socket.socket] = []
        for _ in range(limits.CONNECTIONS + 200):
            opened.append(server.connect())
        time.sleep(2)
        refused = 0
        for connection in opened:
            connection.settimeout(0.001)
            with suppress(OSError):
                refused += connection.recv(100).startswith(b"HTTP/1.1 503")
        assert 150 <= refused <= 250
        for connection in opened:
            connection.close()
        time.sleep(1)
        assert server.ask(b'{"text": "goal"}')[0] == 200
