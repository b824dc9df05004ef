from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from tests.forked import Forked
from textrnn.reading import live


@pytest.mark.parametrize(
    ("patience", "expected"), [(60.0, ["a", "b", "waiting"]), (-1.0, ["waiting", "a", "b", "waiting"])]
)
def test_before_waiting_is_called_when_no_bytes_are_ready_and_now_and_then(
    monkeypatch: pytest.MonkeyPatch, patience: float, expected: list[str]
) -> None:
    monkeypatch.setattr(live, "_PATIENCE_SECONDS", patience)
    reading, writing = os.pipe()
    os.write(writing, b"a\nb\n")
    events = []

    def before_waiting() -> None:
        events.append("waiting")
        if "b" in events:
            os.close(writing)

    with live.open_live(reading, "x", before_waiting) as stream:
        for line in stream:
            events.append(line.decode().strip())
    assert events == expected


def test_an_input_that_fails_is_named_and_not_taken_for_the_output(trained: Path) -> None:
    """A terminal's other side whose program has gone gives EIO."""
    reading, other = pty.openpty()
    os.close(other)
    predict = Forked("predict", trained, "-", stdin=reading)
    os.close(reading)
    out, error = predict.communicate()
    assert (predict.wait(), out) == (1, b"")
    assert error == b"error: stdin: cannot be read: Input/output error\n"
